/* evaluate: judging files. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/table.h"
#include "base/thread.h"
#include "judge/gate/check.h"
#include "judge/gate/complete.h"
#include "judge/gate/controls.h"
#include "judge/gate/files.h"
#include "judge/gate/holdout.h"
#include "judge/gate/measure.h"
#include "judge/gate/subsample.h"
#include "judge/histogram.h"
#include "manifests/config.h"
#include "manifests/dialect.h"
#include "manifests/registry.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/flows.h"
#include "pipeline/cli/place.h"
#include "pipeline/cli/walls.h"
#include "pipeline/walls/harvest.h"
#include "privacy/leakage/difference.h"
#include "report/report.h"
#include "stages/membership.h"
#include "traces/doubts.h"

#define MEMORY 1024u     /* MiB, as gate.memory has it */
#define LEAST_MEMORY 64u /* likewise */

struct evaluate_args {
	const char *real, *synthetic, *holdout, *previous, *dialect, *gate, *preset, *report, *only, *workspace;
	uint64_t rows, threads, memory; /* memory: MiB, 0: the config's or the default */
	bool no_controls, list, unconfined, json;
};

static const struct fm_option evaluate_options[] = {
    {FM_SETS_TEXT(struct evaluate_args, real), .name = "real", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "the flows that the generator learned from"},
    {FM_SETS_TEXT(struct evaluate_args, synthetic), .name = "synthetic", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "what it made"},
    {FM_SETS_TEXT(struct evaluate_args, holdout), .name = "holdout", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "real flows that it never saw: for the noise floor, the prediction task and leakage"},
    {FM_SETS_TEXT(struct evaluate_args, previous), .name = "previous", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "the release before this one, its archive, its folder, a run of it or its flows as CSV: what do the two "
	     "say side by side?"},
    {FM_SETS_TEXT(struct evaluate_args, dialect), .name = "dialect", .value = "NAME", .offer = FM_OFFER_DIALECT,
     .help = "of the files (default: ugr16): one that flowmint dialects lists, or a file of your own"},
    {FM_SETS_UINT(struct evaluate_args, rows), .name = "rows", .value = "N", .most = UINT64_C(1) << 48,
     .help = "the first N flows of each file"},
    {FM_SETS_MAYBE(struct evaluate_args, gate), .name = "gate", .value = "RELEASE.yaml", .offer = FM_OFFER_FILE,
     .help =
	 "apply the thresholds of RELEASE.yaml; exit status 1 when a check fails. Without the file those of the preset "
	 "apply, addresses are judged by role, and what needs a holdout is left out when there is none, so that fresh "
	 "real flows pass. Checks that need the model are always left out and listed"},
    {FM_SETS_TEXT(struct evaluate_args, only), .name = "only", .value = "NAMES", .offer = FM_OFFER_METRIC,
     .help = "measure these alone, which takes less time: metrics or what their names begin with, with commas between, "
	     "such "
	     "as jsd,leak. What is measured together comes together, and a gate's checks are measured in any case"},
    {FM_SETS_FLAG(struct evaluate_args, no_controls), .name = "no-controls",
     .help = "do not try the gate on planted generators, which needs a holdout (docs/gate.md)"},
    {FM_SETS_TEXT(struct evaluate_args, preset), .name = "preset", .value = "NAME", .offer = FM_OFFER_PRESET,
     .help = "whose thresholds count where --gate names no config (default: ugr16)"},
    {FM_SETS_UINT(struct evaluate_args, memory), .name = "memory", .value = "MIB", .least = LEAST_MEMORY,
     .most = UINT64_C(1) << 20,
     .help = "default: the config's gate.memory, 1024. Where more flows come than fit, some are judged, and leakage "
	     "is looked for in all of them, a part at a time"},
    FM_OPTION_THREADS(struct evaluate_args, "value"),
    {FM_SETS_TEXT(struct evaluate_args, report), .name = "report", .value = "FILE.html", .offer = FM_OFFER_FILE,
     .help = "also write the whole as one page, which shows distributions of the real flows (mode 600)"},
    {FM_SETS_FLAG(struct evaluate_args, list), .name = "metrics",
     .help = "list all metrics, what each needs and who may see it, and do nothing else"},
    FM_OPTION_WORKSPACE(struct evaluate_args),
    FM_OPTION_UNCONFINED(struct evaluate_args),
    FM_OPTION_JSON(struct evaluate_args),
    {0},
};

struct evaluation {
	const char *real, *synthetic, *holdout, *previous, *dialect, *gate_file, *preset, *report, *workspace;
	bool gate, no_controls, unconfined, json;
	char *spill;                    /* a folder for what does not fit in memory */
	uint64_t rows, threads, memory; /* memory: MiB, 0: the config's or the default */
	unsigned groups;                /* that are measured */
	struct fm_config *cfg;          /* whose gate is applied, or NULL */
	struct fm_metrics metrics;
	uint64_t bad_real, bad_synthetic; /* rows that cannot be read */
	json_t *histograms;               /* for the report */
	json_t *controls;
	struct fm_unasked left_out; /* the checks that the files cannot answer */
	struct fm_holdout apart;    /* with a holdout and a gate */
	struct fm_verdict verdict;
};

/* The gate's trial needs a holdout; without one the checks of leakage fail, and that decides the verdict. */
static int try_gate(struct evaluation *e, const struct fm_table *real, const struct fm_table *holdout,
		    struct fm_error *err)
{
	struct fm_pool *pool = NULL;
	int rc;

	if (!e->cfg)
		return FM_OK;
	if (e->no_controls || !holdout || holdout->rows == 0) {
		e->cfg->gate.control_rows = 0;
		return FM_OK;
	}
	if ((rc = fm_pool_new(&pool, (int)e->threads, err)) < 0)
		return rc;
	rc = fm_controls_measure(e->cfg, real, holdout, FM_CONTROLS_SEED, pool, &e->controls, err);
	fm_pool_free(pool);
	return rc;
}

static struct fm_leakage_opts limits(const struct evaluation *e)
{
	struct fm_leakage_opts o = e->cfg ? fm_evaluate_opts(e->cfg) : FM_LEAKAGE_DEFAULT;

	o.memory = (size_t)e->memory << 20;
	return o;
}

static int load(const struct evaluation *e, const struct fm_dialect *d, const char *path, enum fm_flows_role role,
		struct fm_table **t, uint64_t *bad, struct fm_error *err)
{
	struct fm_flows f = {.path = path, .role = role, .dialect = d, .spill = e->spill, .rows = e->rows};

	return fm_flows_load(&f, t, bad, err);
}

/* What tells the release before from this one. */
static int compare(struct evaluation *e, const struct fm_dialect *d, const struct fm_table *synthetic,
		   struct fm_error *err)
{
	struct fm_table *previous = NULL;
	struct fm_pool *pool = NULL;
	int rc;

	if ((rc = fm_pool_new(&pool, (int)e->threads, err)) < 0)
		return rc;
	if ((rc = load(e, d, e->previous, FM_FLOWS_SYNTHETIC, &previous, NULL, err)) < 0)
		fm_error_prefix(err, "--previous: ");
	else
		rc = fm_leak_difference(previous, synthetic, pool, (size_t)e->memory << 20, &e->metrics, err);
	fm_table_free(previous);
	fm_pool_free(pool);
	return rc;
}

static int evaluate_files(struct evaluation *e, struct fm_error *err)
{
	struct fm_table *real = NULL, *synthetic = NULL, *holdout = NULL;
	struct fm_subsamples sub = {0};
	struct fm_dialect *d = NULL;
	int rc;

	if ((rc = fm_dialect_load(&d, e->dialect, err)) < 0 ||
	    (rc = load(e, d, e->real, FM_FLOWS_REAL, &real, &e->bad_real, err)) < 0 ||
	    (rc = load(e, d, e->synthetic, FM_FLOWS_SYNTHETIC, &synthetic, &e->bad_synthetic, err)) < 0 ||
	    (rc = fm_doubts_other_spelling(&real->dict[FM_LABEL], &synthetic->dict[FM_LABEL], e->synthetic, err)) < 0 ||
	    (e->holdout && (rc = load(e, d, e->holdout, FM_FLOWS_HOLDOUT, &holdout, NULL, err)) < 0))
		goto out;
	if ((rc = fm_evaluate_chosen(&(struct fm_judged){real, synthetic, holdout}, (int)e->threads, limits(e),
				     e->groups, &e->metrics, err)) < 0 ||
	    (e->previous && (rc = compare(e, d, synthetic, err)) < 0) ||
	    (e->gate && holdout &&
	     (rc = fm_holdout_count(&e->apart, real, synthetic, holdout, (size_t)e->memory << 20, err)) < 0))
		goto out;
	fm_count_unreadable(&e->metrics, "rules.broken_share", e->bad_synthetic);
	fm_count_unreadable(&e->metrics, "rules.broken_share_real", e->bad_real);
	if ((rc = try_gate(e, real, holdout, err)) < 0 || !e->report ||
	    (rc = fm_subsamples_make(&sub, real, synthetic, holdout, (size_t)e->memory << 20, err)) < 0)
		goto out;
	rc = fm_histograms(sub.real, sub.synthetic, sub.holdout, &e->histograms, err);
out:
	fm_subsamples_free(&sub);
	fm_table_free(real);
	fm_table_free(synthetic);
	fm_table_free(holdout);
	fm_dialect_free(d);
	return rc;
}

/* ---- behind the walls: the files are strangers' ---- */

static int evaluate_fn(void *ctx, json_t **result, struct fm_error *err)
{
	struct evaluation *e = ctx;
	const struct fm_holdout *a = &e->apart;
	int rc;

	if ((rc = evaluate_files(e, err)) < 0)
		return rc;
	*result = json_pack("{s:o, s:I, s:I, s:[I,I,I,I], s:I}", "metrics", fm_metrics_list(&e->metrics), "bad_real",
			    (json_int_t)e->bad_real, "bad_synthetic", (json_int_t)e->bad_synthetic, "apart",
			    (json_int_t)a->holdout, (json_int_t)a->synthetic, (json_int_t)a->holdout_in_real,
			    (json_int_t)a->synthetic_in_holdout, "control_rows",
			    (json_int_t)(e->cfg ? e->cfg->gate.control_rows : 0));
	if (!*result || (e->histograms && json_object_set(*result, "histograms", e->histograms)) ||
	    (e->controls && json_object_set(*result, "controls", e->controls)))
		return fm_fail(err, FM_ESYSTEM, "out of memory for what was measured");
	return FM_OK;
}

/* What the child said: registered metrics with numbers, controls that were planted, counts. */
static int take_measured(struct evaluation *e, const json_t *result, struct fm_error *err)
{
	const json_t *apart = json_object_get(result, "apart"), *controls = json_object_get(result, "controls");
	size_t *count[] = {&e->apart.holdout, &e->apart.synthetic, &e->apart.holdout_in_real,
			   &e->apart.synthetic_in_holdout};
	int rc;

	if ((rc = fm_harvest_metrics(json_object_get(result, "metrics"), FM_LIST_CONTROL, 1e15, &e->metrics, err)) < 0)
		return rc;
	for (size_t i = 0; i < sizeof count / sizeof *count; i++)
		*count[i] = (size_t)json_integer_value(json_array_get(apart, i));
	e->bad_real = (uint64_t)json_integer_value(json_object_get(result, "bad_real"));
	e->bad_synthetic = (uint64_t)json_integer_value(json_object_get(result, "bad_synthetic"));
	e->histograms = json_incref(json_object_get(result, "histograms"));
	if (!e->cfg)
		return FM_OK;
	if (json_integer_value(json_object_get(result, "control_rows")) == 0)
		e->cfg->gate.control_rows = 0;
	if (!controls)
		return FM_OK;
	e->controls = json_incref((json_t *)(uintptr_t)controls);
	return fm_harvest_controls(e->cfg, controls, err);
}

static int make_spill(struct evaluation *e, struct fm_error *err)
{
	if (asprintf(&e->spill, "%s/flowmint-XXXXXX", fm_flows_spill()) < 0) {
		e->spill = NULL;
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	if (mkdtemp(e->spill))
		return FM_OK;
	fm_fail_errno(err, "%s", fm_flows_spill());
	free(e->spill);
	e->spill = NULL;
	return FM_ESYSTEM;
}

static int within_walls(struct evaluation *e, const struct fm_call *call, struct fm_error *err)
{
	struct {
		const char **path;
		struct fm_flows_place place;
		enum fm_flows_role role;
		const char *given;
	} of[] = {{&e->real, {{0}, NULL}, FM_FLOWS_REAL, e->real},
		  {&e->synthetic, {{0}, NULL}, FM_FLOWS_SYNTHETIC, e->synthetic},
		  {&e->holdout, {{0}, NULL}, FM_FLOWS_HOLDOUT, e->holdout},
		  {&e->previous, {{0}, NULL}, FM_FLOWS_SYNTHETIC, e->previous}};
	struct fm_walls w = {0};
	json_t *result = NULL;
	struct fm_error later;
	struct fm_dialect *d = NULL;
	int rc;

	if ((rc = make_spill(e, err)) < 0 || (rc = fm_walls_begin(&w, "evaluate", e->unconfined, err)) < 0)
		goto out;
	fm_walls_threads(&w, e->threads);
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_flows f = {.path = *of[i].path, .role = of[i].role};

		if (!f.path)
			continue;
		if (fm_flows_is_run(f.path) && (rc = fm_place_workspace(call, e->workspace, &f.workspace, err)) < 0)
			goto out;
		if ((rc = fm_flows_find(&f, &of[i].place, err)) < 0)
			goto out;
		*of[i].path = f.path;
		if ((rc = fm_walls_show(&w, f.path, false, err)) < 0)
			goto out;
	}
	/* A time zone that the dialect names is read outside the walls. */
	if ((rc = fm_dialect_load(&d, e->dialect, err)) < 0)
		goto out;
	fm_dialect_free(d);
	if ((rc = fm_walls_show(&w, fm_dialect_is_file(e->dialect) ? e->dialect : NULL, false, err)) < 0 ||
	    (rc = fm_walls_show(&w, e->spill, true, err)) < 0 ||
	    (rc = fm_walls_run(&w, evaluate_fn, e, &result, err)) < 0)
		goto out;
	rc = take_measured(e, result, err);
out:
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		*of[i].path = of[i].given; /* what was found in a folder is forgotten */
		fm_flows_forget(&of[i].place);
	}
	if (e->spill && fm_dir_remove(e->spill, &later) < 0)
		fm_warn("%s", later.message);
	free(e->spill);
	fm_walls_end(&w);
	json_decref(result);
	return rc;
}

static int load_gate(struct evaluation *e, struct fm_error *err)
{
	int rc;

	if (e->gate && e->gate_file)
		rc = fm_config_load_draft(&e->cfg, e->gate_file, NULL, 0, err);
	else if (e->gate)
		rc = fm_config_preset(&e->cfg, e->preset, NULL, 0, err);
	else
		rc = FM_OK;
	if (rc < 0)
		return rc;
	if (e->gate && !e->gate_file)
		fm_gate_by_role(e->cfg);
	if (e->gate)
		e->groups |= fm_evaluate_groups_needed(e->cfg);
	if (e->memory == 0)
		e->memory = e->cfg ? (uint64_t)e->cfg->gate.memory : MEMORY;
	else if (e->cfg)
		e->cfg->gate.memory = (int64_t)e->memory;
	return FM_OK;
}

/* Six digits for people; --json has them all. */
static const char *shown(double value, char text[64])
{
	if (isnan(value))
		return "-";
	snprintf(text, 64, "%.6g", value);
	return text;
}

/* A floor whose metric is there stands beside it and has no line of its own. */
static bool is_beside(const struct fm_metrics *m, const char *name)
{
	return strncmp(name, "floor.", 6) == 0 && fm_metrics_find(m, name + 6);
}

static void print_line(const struct fm_metrics *all, const struct fm_metric *m, int width)
{
	char text[64], floor[64], lo[64], hi[64], name[80];
	const struct fm_metric *f;

	snprintf(name, sizeof name, "floor.%s", m->name);
	f = fm_metrics_find(all, name);
	printf("%-*s  %s%s%s", width, m->name, shown(m->value, text), f ? "  floor " : "",
	       f ? shown(f->value, floor) : "");
	if (isfinite(m->ci_lo) && isfinite(m->ci_hi))
		printf("  95 %% %s to %s", shown(m->ci_lo, lo), shown(m->ci_hi, hi));
	putchar('\n');
}

static const char *heading(const char *name)
{
	const struct fm_metric_topic *topic = fm_metric_topic(name);

	return topic ? topic->heading : "Noise floors";
}

/* The five that are worst, then all, group by group. */
static void print_metrics(const struct fm_metrics *m)
{
	struct fm_worst worst[5];
	size_t n = fm_metrics_worst(m, worst, 5);
	bool floors = false;
	int width = 0;
	char text[64];

	for (size_t i = 0; i < n; i++)
		floors |= worst[i].floor != NULL;
	for (size_t i = 0; i < m->n; i++)
		if (!is_beside(m, m->m[i].name))
			width = (int)strlen(m->m[i].name) > width ? (int)strlen(m->m[i].name) : width;
	if (n == 0)
		printf("no metric is worse than its ideal\n");
	else
		printf("farthest from %s\n", floors ? "what fresh real flows score" : "their ideal");
	for (size_t i = 0; i < n; i++) {
		char words[160];
		fm_metric_words(worst[i].metric->name, words, sizeof words);
		printf("  %-*s  %s", width, worst[i].metric->name, shown(worst[i].metric->value, text));
		if (!isnan(worst[i].times))
			printf("  %.3g times its %s", worst[i].times, worst[i].floor ? "floor" : "sampling error");
		printf("  %s\n", words);
	}
	for (size_t i = 0; i < m->n; i++) {
		bool before = false;

		for (size_t j = 0; j < i && !before; j++)
			before = strcmp(heading(m->m[j].name), heading(m->m[i].name)) == 0;
		if (before || is_beside(m, m->m[i].name))
			continue;
		printf("\n%s\n", heading(m->m[i].name));
		for (size_t j = i; j < m->n; j++)
			if (!is_beside(m, m->m[j].name) && strcmp(heading(m->m[j].name), heading(m->m[i].name)) == 0)
				print_line(m, &m->m[j], width);
	}
}

static void print_left_out(const struct fm_unasked *u)
{
	static const char *const words[FM_NSILENCES] = {
	    [FM_NO_HOLDOUT] = "left out without a --holdout:",
	    [FM_NO_LABELS] = "left out, as the real flows have fewer than two labels:",
	    [FM_NO_ANSWER] = "left out, as fresh real flows would do as badly as can be:",
	    [FM_NO_RUN] = "left out, as only flowmint run has what it takes:",
	};

	for (int why = FM_ASKED + 1; why < FM_NSILENCES; why++) {
		int listed = 0;

		for (int i = 0; i < u->n; i++)
			if ((int)u->check[i].why == why)
				printf("%s %s", listed++ ? "," : words[why], u->check[i].name);
		if (listed)
			putchar('\n');
	}
}

static json_t *left_out_json(const struct fm_unasked *u)
{
	json_t *list = json_array();

	for (int i = 0; i < u->n; i++)
		json_array_append_new(list, json_string(u->check[i].name));
	return list;
}

/* A part of the rows may stand for none of what is measured. */
static void print_unread(const struct evaluation *e)
{
	const struct {
		const char *side, *metric;
		uint64_t rows;
	} of[] = {{"real", "rules.broken_share_real", e->bad_real},
		  {"synthetic", "rules.broken_share", e->bad_synthetic}};

	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (of[i].rows)
			printf("%llu %s row%s cannot be read: %s in %s, and all other metrics are those of the rest\n",
			       (unsigned long long)of[i].rows, of[i].side, of[i].rows == 1 ? "" : "s",
			       of[i].rows == 1 ? "it counts" : "they count", of[i].metric);
	if (e->bad_real || e->bad_synthetic)
		putchar('\n');
}

static int print_evaluation(const struct evaluation *e, struct fm_error *err)
{
	json_t *doc, *verdict;

	if (!e->json) {
		if (e->gate) {
			fm_verdict_print_word(stdout, &e->verdict);
			fm_verdict_print_lines(stdout, &e->verdict);
			fm_verdict_print_trace(stdout, &e->verdict, &e->metrics);
			print_left_out(&e->left_out);
			putchar('\n');
		}
		print_unread(e);
		print_metrics(&e->metrics);
		return FM_OK;
	}
	doc = fm_metrics_json(&e->metrics);
	json_object_set_new(doc, "intervals", fm_metrics_intervals(&e->metrics));
	if (e->bad_real || e->bad_synthetic)
		json_object_set_new(doc, "unread_rows",
				    json_pack("{s:I, s:I}", "real", (json_int_t)e->bad_real, "synthetic",
					      (json_int_t)e->bad_synthetic));
	if (doc && e->gate && (verdict = fm_verdict_json(&e->verdict))) {
		json_object_update(doc, verdict);
		json_object_set_new(doc, "left_out", left_out_json(&e->left_out));
		json_decref(verdict);
	}
	return fm_cli_json(doc, err);
}

/* The same as a page: what a report of a run has, as far as files tell it. */
static int write_report(const struct evaluation *e, struct fm_error *err)
{
	json_t *facts = e->gate ? fm_verdict_json(&e->verdict) : json_object();
	struct fm_buf html = {0};
	int rc;

	if (!facts || json_object_set_new(facts, "metrics", fm_metrics_list(&e->metrics)) != 0 ||
	    json_object_set(facts, "histograms", e->histograms) != 0 ||
	    json_object_set_new(
		facts, "release",
		json_pack("{s:s, s:s}", "name", e->synthetic, "description", "An evaluation of files.")) != 0 ||
	    json_object_set_new(facts, "config", json_pack("{s:{s:i}}", "privacy", "min_count", (int)limits(e).rare)) !=
		0)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the report");
	else if ((rc = fm_report_evaluation(facts, &html, err)) >= 0)
		rc = fm_file_write(e->report, 0600, html.data, html.len, err);
	json_decref(facts);
	fm_buf_free(&html);
	return rc;
}

/* Before hours of measuring: can the page be written? */
static int check_report(const char *path, struct fm_error *err)
{
	struct fm_out *out;

	if (fm_out_open(&out, path, 0600, err))
		return fm_error_prefix(err, "--report: ");
	fm_out_abort(out);
	return FM_OK;
}

static int refuse(const struct fm_verdict *v, struct fm_error *err)
{
	char words[600];
	size_t failed = fm_verdict_failed(v, words, sizeof words);

	return fm_fail(err, FM_EVERDICT, "the gate refuses these flows: %zu of %zu checks failed: %s", failed, v->n,
		       words);
}

static int print_list(struct fm_error *err)
{
	struct fm_buf text = {0};
	int rc;

	fm_metric_list(&text);
	if ((rc = fm_buf_check(&text, err)) < 0)
		goto out;
	fwrite(text.data, 1, text.len, stdout);
out:
	fm_buf_free(&text);
	return rc;
}

static int evaluate(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct evaluate_args *a = args;
	struct evaluation e = {.real = a->real,
			       .synthetic = a->synthetic,
			       .holdout = a->holdout,
			       .previous = a->previous,
			       .dialect = a->dialect,
			       .gate = a->gate != NULL,
			       .gate_file = a->gate && *a->gate ? a->gate : NULL,
			       .preset = a->preset,
			       .report = a->report,
			       .workspace = a->workspace,
			       .no_controls = a->no_controls,
			       .unconfined = a->unconfined,
			       .json = a->json,
			       .rows = a->rows,
			       .threads = a->threads,
			       .memory = a->memory,
			       .groups = ~0u};
	int rc;

	if (a->list)
		return print_list(err);
	if (!a->real || !a->synthetic)
		return fm_fail(err, FM_EUSAGE,
			       "evaluate wants --real FILE and --synthetic FILE; see flowmint evaluate "
			       "--help");
	if (a->only && (rc = fm_evaluate_groups_named(a->only, &e.groups, err)) < 0)
		return fm_error_prefix(err, "--only: ");
	if ((e.report && (rc = check_report(e.report, err)) < 0) || (rc = load_gate(&e, err)) < 0 ||
	    (rc = within_walls(&e, call, err)) < 0)
		goto out;
	if (e.gate) {
		fm_gate_leave_out(e.cfg, &e.metrics, !e.gate_file && !e.holdout, &e.left_out);
		if ((rc = fm_gate_apply(e.cfg, &e.metrics, &e.verdict, err)) < 0)
			goto out;
	}
	if (e.gate && e.holdout)
		fm_holdout_judge(&e.apart, &e.verdict);
	if (e.gate && (rc = fm_gate_complete(e.cfg, e.controls, NULL, &e.verdict, err)) < 0)
		goto out;
	if (e.report && (rc = write_report(&e, err)) < 0)
		goto out;
	if ((rc = print_evaluation(&e, err)) < 0)
		goto out;
	if (e.gate && !e.verdict.pass)
		rc = refuse(&e.verdict, err);
out:
	fm_metrics_free(&e.metrics);
	fm_verdict_free(&e.verdict);
	json_decref(e.controls);
	json_decref(e.histograms);
	fm_config_free(e.cfg);
	return rc;
}

const struct fm_verb fm_verb_evaluate = {
    .name = "evaluate",
    .summary = "score any generator's output",
    .about =
	"Prints distances of marginals and pairs, structure in time, rules that flows obey, a prediction task "
	"and leakage. With --holdout it has the noise floor and what needs unseen real flows, with --previous "
	"the flows are laid beside those of the release before, and with --gate the thresholds of a config are "
	"applied. Where there is a holdout, the gate is tried on planted generators first. A FILE may be a "
	"trace, an archive of flowmint's or a folder that it was unpacked into or that holds no other, a stage's "
	"product (WORKSPACE/stages/generate/KEY), a project or its workspace, which stands for the newest run there "
	"that generated flows (a line says which run that is), or a run of the workspace (r0001).",
    .options = evaluate_options,
    .defaults = &(const struct evaluate_args){.dialect = "ugr16", .preset = "ugr16"},
    .args_size = sizeof(struct evaluate_args),
    .run = evaluate,
};
