/* run --plan: what a run would do. */
#include <stdio.h>

#include "pipeline/cli/cli.h"
#include "pipeline/plan.h"

static const json_t *get(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

/* "41 s", "12 min", "3.4 h" */
static const char *span(double seconds, char out[32])
{
	if (seconds < 90)
		snprintf(out, 32, "%.0f s", seconds < 1 ? 1 : seconds);
	else if (seconds < 5400)
		snprintf(out, 32, "%.0f min", seconds / 60);
	else
		snprintf(out, 32, "%.1f h", seconds / 3600);
	return out;
}

static const char *size(const json_t *bytes, char out[32])
{
	double mib = json_number_value(bytes) / 1048576;

	snprintf(out, 32,
		 mib < 10      ? "%.1f MiB"
		 : mib < 10240 ? "%.0f MiB"
			       : "%.1f GiB",
		 mib < 10240 ? mib : mib / 1024);
	return out;
}

static void print_line(const char *name, const json_t *e)
{
	char a[32], b[32], c[32];

	fm_cli_print("  %-9s %10s %12s %12s\n", name, span(json_number_value(get(e, "seconds")), a),
		     size(get(e, "peak_rss_bytes"), b), size(get(e, "disk_bytes"), c));
}

/* What of it was measured: "3000 rows, 20 training steps and 400 flows, and 3000 rows judged". */
static void print_measured(const json_t *m)
{
	long long rows = json_integer_value(get(m, "rows")), judged = json_integer_value(get(m, "judged_rows"));

	if (rows <= 0 && judged <= 0)
		return;
	fm_cli_print("estimated from ");
	if (rows > 0)
		fm_cli_print("%lld rows, %lld training steps and %lld flows", rows,
			     (long long)json_integer_value(get(m, "steps")),
			     (long long)json_integer_value(get(m, "flows")));
	if (judged > 0)
		fm_cli_print("%s%lld rows judged", rows > 0 ? ", and " : "", judged);
	fm_cli_print(", measured here in %.0f s\n", json_number_value(get(m, "seconds")));
}

void fm_cli_print_plan(const json_t *plan)
{
	const json_t *stages = get(plan, "stages"), *s;
	const char *unmeasured = NULL;
	char room[32];
	bool done = true;
	size_t i;

	fm_cli_print("%s%lld rows, %lld of them for training; %lld steps; %lld flows to generate\n",
		     json_is_true(get(plan, "rows_exact")) ? "" : "about ",
		     (long long)json_integer_value(get(plan, "rows")),
		     (long long)json_integer_value(get(plan, "train_rows")),
		     (long long)json_integer_value(get(plan, "train_steps")),
		     (long long)json_integer_value(get(plan, "generate_rows")));
	fm_cli_print("  %-9s %10s %12s %12s\n", "stage", "time", "memory", "disk");
	json_array_foreach((json_t *)stages, i, s)
	{
		const char *name = json_string_value(get(s, "name"));

		done = done && json_is_true(get(s, "cached"));
		if (json_is_true(get(s, "cached"))) {
			fm_cli_print("  %-9s   complete\n", name);
		} else if (json_is_null(get(s, "seconds"))) {
			fm_cli_print("  %-9s   not measured\n", name);
			unmeasured = name;
		} else {
			print_line(name, s);
		}
	}
	if (done) {
		fm_cli_print("nothing is left to do: the run takes all of them from the workspace\n");
	} else {
		print_line("total", get(plan, "total"));
		if (unmeasured)
			fm_cli_print("  (without %s)\n", unmeasured);
	}
	print_measured(get(plan, "measured"));
	fm_cli_print("free on the disk of %s: %s\n", json_string_value(get(plan, "workspace")),
		     size(get(plan, "disk_free_bytes"), room));
}
