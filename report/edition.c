/* What a partner may see. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/metrics.h"
#include "manifests/registry.h"
#include "report/html.h"
#include "report/report.h"

double fm_report_k(const json_t *facts)
{
	double k = fm_json_real(json_object_get(json_object_get(facts, "config"), "privacy"), "min_count");

	return k >= 1 && k < 1e15 ? k : (double)NAN;
}

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the partner's edition");
}

/* Is nothing published but what the budget paid for? */
static bool is_dp(const json_t *facts)
{
	const json_t *privacy = json_object_get(json_object_get(facts, "config"), "privacy");

	return fm_json_says(privacy, "mode", "dp");
}

/* ---- histograms ---- */

/* Counts, each rounded down (fm_published_count); cells of fewer than k hosts are 0. */
static json_t *rounded(const json_t *counts, int64_t k, bool ranks)
{
	json_t *list = json_array();
	int bad = !list;

	for (size_t i = 0; i < json_array_size(counts) && !bad; i++) {
		json_int_t v = json_integer_value(json_array_get(counts, i));
		bool few = ranks && i < 62 && (INT64_C(1) << i) < k;

		bad |= json_array_append_new(list, json_integer(few ? 0 : fm_published_count(v, k)));
	}
	if (!bad)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *publish_field(const json_t *field, bool real, int64_t k)
{
	static const char *const members[] = {"name", "kind", "scale", "unit", "lo", "hi", "values", "synthetic"};
	/* What one host does is never published, however many flows it has. */
	bool hosts = fm_json_says(field, "kind", "hosts");
	const json_t *counts = hosts ? NULL : json_object_get(field, "real");
	json_t *out = json_object();
	int bad = !out;

	for (size_t i = 0; i < sizeof members / sizeof *members && !bad; i++)
		if (json_object_get(field, members[i]))
			bad |= json_object_set(out, members[i], json_object_get(field, members[i]));
	if (real && json_is_array(counts) && !bad)
		bad |= json_object_set_new(out, "real", rounded(counts, k, fm_json_says(field, "kind", "ranks")));
	if (!bad)
		return out;
	json_decref(out);
	return NULL;
}

int fm_report_histograms(const json_t *doc, bool real, int64_t k, json_t **published, struct fm_error *err)
{
	const json_t *cells = json_object_get(doc, "synthetic_cells");
	json_t *fields, *out;
	int bad = 0;

	*published = NULL;
	if (!json_is_array(cells))
		return FM_OK;
	k = k < 1 ? 1 : k;
	fields = json_array();
	for (size_t i = 0; i < json_array_size(cells); i++)
		bad |= json_array_append_new(fields, publish_field(json_array_get(cells, i), real, k));
	out = json_pack("{s:s, s:o}", "format", FM_PUBLIC_HISTOGRAMS_FORMAT, "fields", fields);
	if (!out || bad || (real && json_object_set_new(out, "k", json_integer((json_int_t)k)))) {
		json_decref(out);
		return no_memory(err);
	}
	*published = out;
	return FM_OK;
}

/* Histograms that were published already; real counts are left out where the config does not publish them. */
static json_t *republish(const json_t *doc, bool real)
{
	const json_t *fields = json_object_get(doc, "fields"), *k = json_object_get(doc, "k");
	json_t *list = json_array(), *out;
	int bad = !list;

	for (size_t i = 0; i < json_array_size(fields) && !bad; i++)
		bad |= json_array_append_new(list, publish_field(json_array_get(fields, i), real, 1));
	out = json_pack("{s:s, s:o}", "format", FM_PUBLIC_HISTOGRAMS_FORMAT, "fields", list);
	if (out && !bad && (!real || !json_is_integer(k) || !json_object_set(out, "k", (json_t *)k)))
		return out;
	json_decref(out);
	return NULL;
}

static int put_histograms(const json_t *facts, json_t *out, struct fm_error *err)
{
	const json_t *doc = json_object_get(facts, "histograms"), *config = json_object_get(facts, "config");
	bool real = fm_json_says(json_object_get(config, "publish"), "report", "histograms");
	double k = fm_report_k(facts);
	json_t *published = NULL;
	int rc = FM_OK;

	if (!doc)
		return FM_OK;
	if (json_object_get(doc, "fields"))
		published = republish(doc, real);
	else /* without a k it is not known how many are few */
		rc = fm_report_histograms(doc, real && isfinite(k), isfinite(k) ? (int64_t)k : 1, &published, err);
	if (rc < 0 || !published)
		return rc;
	return json_object_set_new(out, "histograms", published) ? no_memory(err) : FM_OK;
}

/* ---- metrics ---- */

bool fm_report_shows(const char *report, const char *metric)
{
	unsigned who = fm_metric_audience(metric) & FM_AUDIENCE;

	return who == FM_WITH_METRICS || (who == FM_WITH_HISTOGRAMS && strcmp(report, "histograms") == 0);
}

/* A number, or null, as it is published. */
static json_t *rounded_number(const char *metric, const json_t *v)
{
	double x = json_number_value(v), y = fm_metric_published(metric, x);

	if (!json_is_number(v))
		return json_null();
	return isfinite(y) && (y < x || y > x) ? json_real(y) : json_deep_copy(v);
}

static json_int_t rows_of(const json_t *list, const char *metric)
{
	return json_integer_value(json_object_get(fm_json_named(list, metric), "n"));
}

/* What numbers of rows are rounded by. */
struct rounding {
	int64_t k, window, synthetic;
};

/* One metric as it is published, a new reference, or NULL when it is not; *bad is set where memory ran out. */
static json_t *publish_metric(const json_t *m, const char *report, const struct rounding *r, int *bad)
{
	const json_t *value = json_object_get(m, "value"), *ci = json_object_get(m, "ci");
	const char *name = fm_json_str(m, "name");
	unsigned who = fm_metric_audience(name);
	json_int_t n =
	    fm_metric_published_rows(name, json_integer_value(json_object_get(m, "n")), r->synthetic, r->k, r->window);
	json_t *out;

	if (!fm_report_shows(report, name) || ((who & (FM_ONE_LABEL | FM_REAL_ROWS)) && n == 0))
		return NULL;
	out = json_pack("{s:s, s:o}", "name", name, "value",
			who & FM_REAL_ROWS ? json_integer(n) : rounded_number(name, value));
	*bad |= !out;
	if (n)
		*bad |= json_object_set_new(out, "n", json_integer(n));
	if (json_array_size(ci) == 2)
		*bad |= json_object_set_new(out, "ci",
					    json_pack("[o, o]", rounded_number(name, json_array_get(ci, 0)),
						      rounded_number(name, json_array_get(ci, 1))));
	return out;
}

static int by_order(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;

	return fm_metric_order(json_string_value(json_object_get(*x, "name")),
			       json_string_value(json_object_get(*y, "name")));
}

int fm_report_order(json_t *list, struct fm_error *err)
{
	size_t n = json_array_size(list);
	json_t **m;
	int rc;

	if ((rc = fm_alloc(&m, n + 1, sizeof(json_t *), "metrics in order", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		m[i] = json_incref(json_array_get(list, i));
	qsort(m, n, sizeof(json_t *), by_order);
	json_array_clear(list);
	for (size_t i = 0; i < n; i++)
		rc |= json_array_append_new(list, m[i]);
	free(m);
	return rc ? fm_fail(err, FM_ESYSTEM, "out of memory for the metrics") : FM_OK;
}

int fm_report_metrics(const json_t *list, const char *report, int64_t k, int64_t window, json_t **published,
		      struct fm_error *err)
{
	struct rounding r = {k, window, rows_of(list, "rows.synthetic")};
	json_t *out = json_array(), *one;
	int bad = !out;

	*published = NULL;
	for (size_t i = 0; i < json_array_size(list) && !bad; i++)
		if ((one = publish_metric(json_array_get(list, i), report, &r, &bad)))
			bad |= json_array_append_new(out, one);
	if (bad || fm_report_order(out, err) < 0) {
		json_decref(out);
		return no_memory(err);
	}
	*published = out;
	return FM_OK;
}

/* In privacy.mode dp: the metrics of synthetic flows alone, and those that the budget paid for. */
static json_t *accounted(const json_t *list)
{
	json_t *out = json_array();

	for (size_t i = 0; out && i < json_array_size(list); i++) {
		json_t *m = json_array_get(list, i);
		const char *name = fm_json_str(m, "name");

		if ((fm_metric_is_free(name) || fm_metric_is_paid(name)) && json_array_append(out, m)) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static int put_metrics(const json_t *facts, json_t *out, struct fm_error *err)
{
	const json_t *list = json_object_get(facts, "metrics"), *config = json_object_get(facts, "config");
	double k = fm_report_k(facts), window = fm_json_real(json_object_get(config, "model"), "window");
	json_t *published;
	int rc;

	if (!list)
		return FM_OK;
	if (is_dp(facts)) {
		if (!(published = accounted(list)))
			return no_memory(err);
		if ((rc = fm_report_order(published, err)) < 0) {
			json_decref(published);
			return rc;
		}
		return json_object_set_new(out, "metrics", published) ? no_memory(err) : FM_OK;
	}
	if ((rc = fm_report_metrics(list, fm_json_str(json_object_get(config, "publish"), "report"),
				    isfinite(k) ? (int64_t)k : 0, window >= 1 && window < 1e9 ? (int64_t)window : 1,
				    &published, err)) < 0)
		return rc;
	return json_object_set_new(out, "metrics", published) ? no_memory(err) : FM_OK;
}

/* ---- the rest ---- */

static int put_stages(const json_t *facts, fm_report_open *shown, json_t *out, struct fm_error *err)
{
	const json_t *stages = json_object_get(facts, "stages");
	bool dp = is_dp(facts);
	json_t *list = json_array();
	int bad = !list;

	for (size_t i = 0; i < json_array_size(stages) && !bad; i++) {
		const json_t *s = json_array_get(stages, i);
		json_t *one = json_pack("{s:s}", "name", fm_json_str(s, "name"));

		if (shown(fm_json_str(s, "name"), dp))
			bad |= json_object_set_new(one, "output", json_string(fm_json_str(s, "output")));
		bad |= json_array_append_new(list, one);
	}
	if (bad || json_object_set_new(out, "stages", list))
		return no_memory(err);
	return FM_OK;
}

/* The config as it is published: nothing that names a place on the team's machine. */
static int put_config(const json_t *facts, json_t *out, struct fm_error *err)
{
	static const char *const keep[] = {"report"};
	json_t *config = json_deep_copy(json_object_get(facts, "config")),
	       *publish = json_object_get(config, "publish");

	if (!config)
		return FM_OK;
	json_object_del(config, "file");
	json_object_del(config, "dir");
	json_object_del(json_object_get(config, "source"), "path");
	json_object_del(json_object_get(config, "source"), "member");
	json_object_del(json_object_get(config, "train"), "threads");
	if (publish) {
		json_t *only = json_object();

		for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
			if (json_object_get(publish, keep[i]))
				json_object_set(only, keep[i], json_object_get(publish, keep[i]));
		json_object_set_new(config, "publish", only);
	}
	return json_object_set_new(out, "config", config) ? no_memory(err) : FM_OK;
}

/* Copy those of the members (up to NULL) that facts has. */
static int copy_members(const json_t *facts, const char *const *member, json_t *out)
{
	int bad = 0;

	for (; *member; member++)
		if (json_object_get(facts, *member))
			bad |= json_object_set(out, *member, json_object_get(facts, *member));
	return bad;
}

/* In privacy.mode dp: no commitment to private products, no line of an audit unless "privacy" has that audit, which is
 * so where its trace was public. */
static int take_unpaid_out(json_t *out, struct fm_error *err)
{
	json_t *checks = json_deep_copy(json_object_get(out, "checks"));
	bool audited = json_object_get(json_object_get(out, "privacy"), "audit") != NULL;

	json_object_del(out, "commitments");
	if (!json_object_get(out, "checks"))
		return FM_OK;
	for (size_t i = json_array_size(checks); i-- > 0 && !audited;)
		if (fm_json_says(json_array_get(checks, i), "name", FM_METRIC_AUDITED))
			json_array_remove(checks, i);
	return !checks || json_object_set_new(out, "checks", checks) ? no_memory(err) : FM_OK;
}

int fm_report_partner(const json_t *facts, fm_report_open *shown, json_t **partner, struct fm_error *err)
{
	static const char *const members[] = {"format", "release",     "rows",    "commitments", "privacy",
					      "files",  "environment", "archive", NULL};
	json_t *out = json_object();
	int rc = FM_OK;

	*partner = NULL;
	if (!out || copy_members(facts, members, out) || copy_members(facts, fm_verdict_members, out)) {
		rc = no_memory(err);
		goto out;
	}
	if (is_dp(facts) && (rc = take_unpaid_out(out, err)) < 0)
		goto out;
	if ((rc = put_metrics(facts, out, err)) < 0 || (rc = put_config(facts, out, err)) < 0 ||
	    (rc = put_stages(facts, shown, out, err)) < 0 ||
	    (!is_dp(facts) && (rc = put_histograms(facts, out, err)) < 0)) /* over bins of the trace */
		goto out;
	*partner = out;
	out = NULL;
out:
	json_decref(out);
	return rc;
}
