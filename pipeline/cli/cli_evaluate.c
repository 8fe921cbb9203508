/* evaluate: judging files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "judge/gate/complete.h"
#include "judge/gate/measure.h"
#include "manifests/dialect.h"
#include "manifests/registry.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/evaluation.h"
#include "pipeline/cli/walls.h"
#include "report/report.h"

#define LEAST_MEMORY 64u /* MiB, as gate.memory has it */

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
     .help = "the release before this one, its archive, its folder, a run of it or its flows as CSV: measure what the "
	     "two releases tell together"},
    {FM_SETS_TEXT(struct evaluate_args, dialect), .name = "dialect", .value = "NAME", .offer = FM_OFFER_DIALECT,
     .help =
	 "of the files (default: ugr16): one that flowmint dialects lists, a file of your own, or auto: each file's "
	 "own, where it is sure"},
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
	const char *of = fm_metric_of_floor(name);

	return of && fm_metrics_find(m, of);
}

static void print_line(const struct fm_metrics *all, const struct fm_metric *m, int width)
{
	char text[64], floor[64], lo[64], hi[64], name[FM_METRIC_FLOOR];
	const struct fm_metric *f;

	fm_metric_floor(m->name, name);
	f = fm_metrics_find(all, name);
	fm_cli_print("%-*s  %s%s%s", width, m->name, shown(m->value, text), f ? "  floor " : "",
		     f ? shown(f->value, floor) : "");
	if (isfinite(m->ci_lo) && isfinite(m->ci_hi))
		fm_cli_print("  95 %% %s to %s", shown(m->ci_lo, lo), shown(m->ci_hi, hi));
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
		fm_cli_print("no metric is worse than its ideal\n");
	else
		fm_cli_print("farthest from %s\n", floors ? "what fresh real flows score" : "their ideal");
	for (size_t i = 0; i < n; i++) {
		char words[160];
		fm_metric_words(worst[i].metric->name, words, sizeof words);
		fm_cli_print("  %-*s  %s", width, worst[i].metric->name, shown(worst[i].metric->value, text));
		if (worst[i].times < 1000) /* a floor near zero says nothing, and neither does a missing one */
			fm_cli_print("  %.3g times its %s", worst[i].times,
				     worst[i].floor ? "floor" : "sampling error");
		fm_cli_print("  %s\n", words);
	}
	for (size_t i = 0; i < m->n; i++) {
		bool before = false;

		for (size_t j = 0; j < i && !before; j++)
			before = strcmp(heading(m->m[j].name), heading(m->m[i].name)) == 0;
		if (before || is_beside(m, m->m[i].name))
			continue;
		fm_cli_print("\n%s\n", heading(m->m[i].name));
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
	    [FM_NO_ANSWER] = "left out, as fresh real flows would do as badly as can be, or are too few:",
	    [FM_NO_RUN] = "left out, as only flowmint run has what it takes:",
	    [FM_NO_COLUMN] = "left out, as the real flows lack a column that it needs:",
	};

	for (int why = FM_ASKED + 1; why < FM_NSILENCES; why++) {
		int listed = 0;

		for (int i = 0; i < u->n; i++)
			if ((int)u->check[i].why == why)
				fm_cli_print("%s %s", listed++ ? "," : words[why], u->check[i].name);
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

/* Rows that cannot be read are in no metric but the share of broken rows. */
static void print_unread(const struct fm_evaluation *e)
{
	const struct {
		const char *side, *metric;
		uint64_t rows;
	} of[] = {{"real", "rules.broken_share_real", e->bad_real}, {"synthetic", FM_METRIC_BROKEN, e->bad_synthetic}};

	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (of[i].rows)
			fm_cli_print(
			    "%llu %s row%s cannot be read: %s in %s, and all other metrics are those of the rest\n",
			    (unsigned long long)of[i].rows, of[i].side, of[i].rows == 1 ? "" : "s",
			    of[i].rows == 1 ? "it counts" : "they count", of[i].metric);
	if (e->bad_real || e->bad_synthetic)
		putchar('\n');
}

/* What the real flows do not have, as a sentence; "" where they have all. */
static const char *absent_words(const struct fm_evaluation *e, char words[128])
{
	char text[64];

	*words = 0;
	if (e->absent)
		snprintf(words, 128, "The real flows have no %s: what needs them is not measured.",
			 fm_columns_text(e->absent, text, sizeof text));
	return words;
}

static int print_evaluation(const struct fm_evaluation *e, struct fm_error *err)
{
	json_t *doc, *verdict;
	char words[128];

	if (!e->json) {
		if (e->gate) {
			fm_verdict_print_word(stdout, &e->verdict);
			fm_verdict_print_lines(stdout, &e->verdict);
			fm_verdict_print_trace(stdout, &e->verdict, &e->metrics, &e->broken);
			print_left_out(&e->left_out);
			putchar('\n');
		}
		print_unread(e);
		if (e->absent)
			fm_cli_print("%s\n\n", absent_words(e, words));
		print_metrics(&e->metrics);
		return FM_OK;
	}
	doc = fm_metrics_json(&e->metrics);
	json_object_set_new(doc, "intervals", fm_metrics_intervals(&e->metrics));
	if (e->bad_real || e->bad_synthetic)
		json_object_set_new(doc, "unread_rows",
				    json_pack("{s:I, s:I}", "real", (json_int_t)e->bad_real, "synthetic",
					      (json_int_t)e->bad_synthetic));
	if (doc && e->absent)
		json_object_set_new(doc, "absent", fm_columns_json(e->absent));
	if (doc && e->gate && (verdict = fm_verdict_json(&e->verdict))) {
		json_object_update(doc, verdict);
		json_object_set_new(doc, "left_out", left_out_json(&e->left_out));
		json_decref(verdict);
	}
	return fm_cli_json(doc, err);
}

/* The same as a page: what the report of a run has, as far as it can be had from files. */
static int write_report(const struct fm_evaluation *e, struct fm_error *err)
{
	json_t *facts = e->gate ? fm_verdict_json(&e->verdict) : json_object();
	struct fm_buf html = {0};
	char words[128], what[192];
	int rc;

	snprintf(what, sizeof what, "An evaluation of files.%s%s", e->absent ? " " : "", absent_words(e, words));
	if (!facts || json_object_set_new(facts, "metrics", fm_metrics_list(&e->metrics)) != 0 ||
	    json_object_set(facts, "histograms", e->histograms) != 0 ||
	    json_object_set_new(facts, "release", json_pack("{s:s, s:s}", "name", e->synthetic, "description", what)) !=
		0 ||
	    json_object_set_new(facts, "config",
				json_pack("{s:{s:i}}", "privacy", "min_count", (int)fm_evaluation_limits(e).rare)) != 0)
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
	struct fm_evaluation e = {.real = a->real,
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
	if ((e.report && (rc = check_report(e.report, err)) < 0) || (rc = fm_evaluation_gate(&e, err)) < 0 ||
	    (rc = fm_evaluation_measure(&e, call, err)) < 0)
		goto out;
	if (e.gate) {
		fm_gate_leave_out(e.cfg, &e.metrics, !e.gate_file && !e.holdout, &e.left_out);
		if ((rc = fm_gate_apply(e.cfg, &e.metrics, &e.verdict, err)) < 0)
			goto out;
	}
	if (e.gate && e.holdout)
		fm_holdout_judge(&e.apart, fm_gate_in_common(&e.metrics, e.absent), &e.verdict);
	if (e.gate && (rc = fm_gate_complete(e.cfg, e.controls, NULL, &e.verdict, err)) < 0)
		goto out;
	if (e.report && (rc = write_report(&e, err)) < 0)
		goto out;
	if ((rc = print_evaluation(&e, err)) < 0)
		goto out;
	if (e.gate && !e.verdict.pass)
		rc = refuse(&e.verdict, err);
out:
	fm_evaluation_close(&e);
	return rc;
}

const struct fm_verb fm_verb_evaluate = {
    .name = "evaluate",
    .summary = "score any generator's output",
    .about = "Prints distances of marginals and pairs, structure in time, rules that flows obey, a prediction task and "
	     "leakage. With --holdout it has the noise floor and what needs unseen real flows, with --previous the "
	     "flows are compared with those of the release before, and with --gate the thresholds of a config are "
	     "applied. Where there is a holdout, the gate is tried on planted generators first. A FILE may be a trace, "
	     "an archive of flowmint's or a folder that it was unpacked into or that holds no other, a stage's product "
	     "(WORKSPACE/stages/generate/KEY), a project or its workspace, which stands for the newest run there that "
	     "generated flows (a line says which run that is), or a run of the workspace (r0001).",
    .options = evaluate_options,
    .defaults = &(const struct evaluate_args){.dialect = "ugr16", .preset = "ugr16"},
    .args_size = sizeof(struct evaluate_args),
    .run = evaluate,
};
