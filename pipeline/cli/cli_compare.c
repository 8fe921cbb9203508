/* compare: models side by side on one trace. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/stop.h"
#include "judge/gate/measure.h"
#include "judge/histogram.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "manifests/registry.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/flows.h"
#include "pipeline/cli/place.h"
#include "pipeline/cli/walls.h"
#include "pipeline/compare.h"
#include "pipeline/product.h"
#include "pipeline/rivals.h"
#include "pipeline/walls/harvest.h"
#include "report/report.h"
#include "stages/judged_rows.h"

struct compare_args {
	const char *models, *out, *preset, *dialect, *project, *workspace;
	struct fm_words with, set;
	uint64_t rows;
	double budget;
	bool unconfined, json;
};

static const struct fm_option options[] = {
    {FM_SETS_TEXT(struct compare_args, models), .name = "models", .value = "NAMES", .offer = FM_OFFER_MODEL,
     .help = "which, with commas between (default: " FM_COMPARE_USUAL ")"},
    {FM_SETS_UINT(struct compare_args, rows), .name = "rows", .value = "N", .most = UINT64_C(1) << 48,
     .help = "the first N flows of the trace"},
    {FM_SETS_REAL(struct compare_args, budget), .name = "budget", .value = "MINUTES", .min = 0.001, .max = 1e6,
     .help =
	 "of training a model at most: it takes fewer steps where a few measured ones say that it would take longer, "
	 "and the ancestral sampler becomes the one of few steps where that would; NetShare becomes smaller where next "
	 "to no steps would be left. Default: what its config says"},
    {FM_SETS_TEXT(struct compare_args, out), .name = "out", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "where to (default: comparison): compare.json, report.html, and the project of the runs"},
    {FM_SETS_LIST(struct compare_args, with), .name = "with", .value = "NAME=FILE",
     .help = "flows that were made elsewhere, a CSV in the trace's dialect, judged beside the models; may be repeated"},
    {FM_SETS_TEXT(struct compare_args, dialect), .name = "dialect", .value = "NAME", .offer = FM_OFFER_DIALECT,
     .help = "of the trace (default: the preset's)"},
    {FM_SETS_TEXT(struct compare_args, preset), .name = "preset", .value = "NAME", .offer = FM_OFFER_PRESET,
     .help = "what the models' configs start from (default: ugr16)"},
    {FM_SETS_TEXT(struct compare_args, project), .name = "project", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help =
	 "run in the workspace of that project, under its keys: in privacy.mode dp what the models ask of the trace is "
	 "charged to the budget that it has there (default: a project of their own in the folder of --out)"},
    {FM_SETS_TEXT(struct compare_args, workspace), .name = "workspace", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "with --project: its workspace, where it is not PROJECT/workspace"},
    {FM_SETS_LIST(struct compare_args, set), .name = "set", .value = "KEY=VALUE", .offer = FM_OFFER_KEY,
     .help = "override a key of all their configs; may be repeated"},
    {FM_SETS_FLAG(struct compare_args, unconfined), .name = "unconfined",
     .help = "run although the kernel cannot give stages namespaces of their own"},
    FM_OPTION_JSON(struct compare_args),
    {0},
};

/* ---- flows that were made elsewhere: strangers' files, read in a child ---- */

struct elsewhere {
	const char *file, *dialect;
	char *train, *holdout;       /* of the store */
	const struct fm_config *cfg; /* of the run that made it */
};

static int judge_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct elsewhere *e = ctx;
	struct fm_table *train = NULL, *holdout = NULL, *synthetic = NULL;
	struct fm_judged_rows real = {0}; /* the same rows as for the models */
	struct fm_dialect *dialect = NULL;
	struct fm_metrics metrics = {0};
	struct fm_pool *pool = NULL;
	json_t *histograms = NULL;
	int rc;

	if ((rc = fm_dialect_load(&dialect, e->dialect, err)) < 0 || (rc = fm_table_open(&train, e->train, err)) < 0 ||
	    (rc = fm_table_open(&holdout, e->holdout, err)) < 0 ||
	    (rc = fm_flows_load(&(struct fm_flows){.path = e->file, .role = FM_FLOWS_SYNTHETIC, .dialect = dialect},
				&synthetic, NULL, err)) < 0 ||
	    (rc = fm_judged_rows_make(&real, e->cfg, train, holdout, err)) < 0 ||
	    (rc = fm_pool_new(&pool, 0, err)) < 0 ||
	    (rc = fm_evaluate_tables(real.train, synthetic, real.holdout, 0, FM_LEAKAGE_DEFAULT, &metrics, err)) < 0 ||
	    (rc = fm_judged_rows_copies(&real, synthetic, pool, FM_LEAKAGE_DEFAULT, &metrics, err)) < 0 ||
	    (rc = fm_histograms(real.train, synthetic, real.holdout, &histograms, err)) < 0)
		goto out;
	*result = json_pack("{s:o, s:O}", "metrics", fm_metrics_list(&metrics), "histograms", histograms);
	rc = *result ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory for what was measured");
out:
	fm_metrics_free(&metrics);
	json_decref(histograms);
	fm_pool_free(pool);
	fm_judged_rows_free(&real);
	fm_table_free(train);
	fm_table_free(holdout);
	fm_table_free(synthetic);
	fm_dialect_free(dialect);
	return rc;
}

static int judge_elsewhere(const struct compare_args *a, const char *store, const struct fm_config *cfg,
			   const char *name, const char *file, json_t *doc, struct fm_error *err)
{
	struct elsewhere e = {.file = file, .cfg = cfg, .dialect = json_string_value(json_object_get(doc, "dialect"))};
	struct fm_product product = {0};
	struct fm_metrics metrics = {0};
	struct fm_walls w = {0};
	json_t *result = NULL, *list = NULL;
	int rc;

	if ((rc = fm_product_open(&product, store, err)) < 0)
		return rc;
	e.train = fm_path_join(product.dir, fm_items[FM_ITEM_TRAIN].name);
	e.holdout = fm_path_join(product.dir, fm_items[FM_ITEM_HOLDOUT].name);
	if (!e.train || !e.holdout) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_walls_begin(&w, "compare", a->unconfined, err)) < 0 ||
	    (rc = fm_walls_show(&w, file, false, err)) < 0 || (rc = fm_walls_show(&w, product.dir, false, err)) < 0)
		goto out;
	if (strchr(e.dialect, '/') && (rc = fm_walls_show(&w, e.dialect, false, err)) < 0)
		goto out;
	fm_walls_threads(&w, 0);
	if ((rc = fm_walls_run(&w, judge_fn, &e, &result, err)) < 0 ||
	    (rc = fm_harvest_metrics(json_object_get(result, "metrics"), FM_LIST_CONTROL, NULL, &metrics, err)) < 0)
		goto out;
	list = fm_metrics_list(&metrics);
	json_array_append_new(json_object_get(doc, "models"),
			      fm_compare_entry(name, "made elsewhere", list, json_object_get(result, "histograms")));
out:
	fm_walls_end(&w);
	json_decref(list);
	json_decref(result);
	fm_metrics_free(&metrics);
	fm_product_close(&product);
	free(e.train);
	free(e.holdout);
	if (rc < 0)
		fm_error_prefix(err, "--with %s: ", name);
	return rc;
}

static int read_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct elsewhere *e = ctx;
	struct fm_dialect *dialect = NULL;
	struct fm_table *t = NULL;
	int rc;

	if ((rc = fm_dialect_load(&dialect, e->dialect, err)) >= 0)
		rc = fm_flows_load(&(struct fm_flows){.path = e->file, .role = FM_FLOWS_SYNTHETIC, .dialect = dialect},
				   &t, NULL, err);
	*result = rc < 0 ? NULL : json_null();
	fm_table_free(t);
	fm_dialect_free(dialect);
	return rc;
}

static int look_at(const struct compare_args *a, struct elsewhere *e, struct fm_error *err)
{
	struct fm_walls w = {0};
	json_t *result = NULL;
	int rc;

	if ((rc = fm_walls_begin(&w, "compare", a->unconfined, err)) < 0 ||
	    (rc = fm_walls_show(&w, e->file, false, err)) < 0 ||
	    (strchr(e->dialect, '/') && (rc = fm_walls_show(&w, e->dialect, false, err)) < 0))
		goto out;
	fm_walls_threads(&w, 4); /* what is packed is unpacked ahead */
	rc = fm_walls_run(&w, read_fn, e, &result, err);
out:
	fm_walls_end(&w);
	json_decref(result);
	return rc;
}

/* Can each --with be read?  Asked before the first run, which may take hours. */
static int look_with(void *ctx, const char *dialect, struct fm_error *err)
{
	const struct compare_args *a = ctx;
	int rc = FM_OK;

	for (int i = 0; i < a->with.n && rc >= 0; i++) {
		struct elsewhere e = {.file = strchr(a->with.word[i], '=') + 1, .dialect = dialect};

		if ((rc = look_at(a, &e, err)) < 0)
			fm_error_prefix(err, "--with %.*s: ", (int)strcspn(a->with.word[i], "="), a->with.word[i]);
	}
	return rc;
}

/* Each model has one column of the report. */
static int check_name(const struct compare_args *a, int which, size_t len, struct fm_error *err)
{
	const char *word = a->with.word[which];

	for (int i = 0; fm_rival_name(i); i++)
		if (strlen(fm_rival_name(i)) == len && strncmp(fm_rival_name(i), word, len) == 0)
			return fm_fail(err, FM_EUSAGE,
				       "--with %s: %.*s is the name of a model of flowmint: give another", word,
				       (int)len, word);
	for (int i = 0; i < which; i++)
		if (strncmp(a->with.word[i], word, len + 1) == 0)
			return fm_fail(err, FM_EUSAGE, "--with: %.*s is there twice", (int)len, word);
	return FM_OK;
}

#define WITH_MOST (FM_REPORT_MODELS_MOST - FM_RIVALS_MOST)

/* Each --with, looked at before the first run. */
static int check_with(const struct compare_args *a, struct fm_error *err)
{
	int rc;

	if (a->with.n > WITH_MOST)
		return fm_fail(err, FM_EUSAGE, "--with is there %d times: the report has room for %d", a->with.n,
			       WITH_MOST);
	for (int i = 0; i < a->with.n; i++) {
		const char *equals = strchr(a->with.word[i], '=');

		if (!equals || equals == a->with.word[i])
			return fm_fail(err, FM_EUSAGE, "--with %s: give NAME=FILE", a->with.word[i]);
		if ((rc = check_name(a, i, (size_t)(equals - a->with.word[i]), err)) < 0)
			return rc;
		if (!fm_file_exists(equals + 1))
			return fm_fail(err, FM_EINPUT, "--with %s: there is no such file", a->with.word[i]);
	}
	return FM_OK;
}

static int add_with(const struct compare_args *a, const char *store, const struct fm_config *cfg, json_t *doc,
		    struct fm_error *err)
{
	int rc = FM_OK;

	for (int i = 0; i < a->with.n && rc >= 0; i++) {
		const char *equals = strchr(a->with.word[i], '=');
		char *name = strndup(a->with.word[i], (size_t)(equals - a->with.word[i]));

		rc = name ? judge_elsewhere(a, store, cfg, name, equals + 1, doc, err)
			  : fm_fail(err, FM_ESYSTEM, "out of memory");
		free(name);
	}
	return rc;
}

/* ---- what is written ---- */

static int page_fn(void *ctx, json_t **result, struct fm_error *err)
{
	struct fm_buf html = {0};
	int rc;

	if ((rc = fm_report_comparison(ctx, &html, err)) < 0)
		goto out;
	if (!(*result = json_stringn(html.data, html.len)))
		rc = fm_fail(err, FM_EINPUT, "the page is not UTF-8");
out:
	fm_buf_free(&html);
	return rc;
}

/* Both are as private as the workspace. */
static int write_page(const struct compare_args *a, const json_t *doc, struct fm_error *err)
{
	char *path = fm_path_join(a->out, "report.html");
	struct fm_walls w = {0};
	json_t *text = NULL;
	int rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_walls_begin(&w, "compare", a->unconfined, err)) < 0 ||
	    (rc = fm_walls_run(&w, page_fn, (void *)(uintptr_t)doc, &text, err)) < 0)
		goto out;
	rc = fm_file_write(path, 0600, json_string_value(text), json_string_length(text), err);
out:
	fm_walls_end(&w);
	json_decref(text);
	free(path);
	return rc;
}

static int write_json(const struct compare_args *a, const json_t *doc, struct fm_error *err)
{
	char *path = fm_path_join(a->out, "compare.json");
	struct fm_buf text = {0};
	int rc;

	if (!path || (rc = fm_json_canonical(doc, &text, err)) < 0) {
		rc = path ? rc : fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	fm_buf_puts(&text, "\n");
	if ((rc = fm_buf_check(&text, err)) < 0)
		goto out;
	rc = fm_file_write(path, 0600, text.data, text.len, err);
out:
	fm_buf_free(&text);
	free(path);
	return rc;
}

static void print_metric(const json_t *model, const char *name)
{
	double v = fm_json_real(fm_json_named(json_object_get(model, "metrics"), name), "value");

	if (isfinite(v))
		fm_cli_print(" %6.3f", v);
	else
		fm_cli_print(" %6s", "-");
}

static void print_models(const struct compare_args *a, const json_t *doc)
{
	const json_t *model;
	size_t i;

	fm_cli_print("%-20s", "");
	for (const char *const *name = fm_metric_eight; *name; name++)
		fm_cli_print(" %6s", *name + strlen("jsd."));
	fm_cli_print(" %6s %6s\n", "mean8", "pairs");
	json_array_foreach(json_object_get(doc, "models"), i, model)
	{
		const char *status = json_string_value(json_object_get(model, "status"));
		size_t failed = json_array_size(json_object_get(model, "failed"));

		fm_cli_print("%-20s", json_string_value(json_object_get(model, "name")));
		for (const char *const *name = fm_metric_eight; *name; name++)
			print_metric(model, *name);
		print_metric(model, "jsd_mean8");
		print_metric(model, "pair_jsd");
		fm_cli_print("  %s", status ? status : "made elsewhere");
		if (status && failed > 0 && strcmp(status, "refused") == 0)
			fm_cli_print(" by %zu check%s", failed, failed > 1 ? "s" : "");
		fm_cli_print("\n");
	}
	fm_cli_print(
	    "%s/report.html, %s/compare.json\n"
	    "Both are as private as the trace: they show how its flows are distributed, and have each --set as "
	    "it was given.\n",
	    a->out, a->out);
}

static int run(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct compare_args *a = args;
	struct fm_compare_opts o = {.trace = call->operand[0],
				    .dialect = a->dialect,
				    .out = a->out,
				    .preset = a->preset,
				    .models = a->models,
				    .rows = a->rows,
				    .budget = a->budget,
				    .set = a->set.word,
				    .nset = a->set.n,
				    .unconfined = a->unconfined,
				    .look = a->with.n > 0 ? look_with : NULL,
				    .look_at = (void *)(uintptr_t)a};
	json_t *doc = NULL;
	struct fm_config *cfg = NULL;
	char *store = NULL;
	int rc;

	if (a->workspace && !a->project)
		return fm_fail(err, FM_EUSAGE,
			       "--workspace goes with --project: a ledger is under the key of its project");
	if (a->project && ((rc = fm_place_project(call, a->project, &o.project, err)) < 0 ||
			   (rc = fm_place_project_workspace(call, a->workspace, o.project, &o.workspace, err)) < 0))
		return rc;
	fm_stop_hold(); /* a signal between two runs ends the comparison, too */
	if ((rc = fm_place_no_folder(call, err)) < 0 || (rc = check_with(a, err)) < 0 ||
	    (rc = fm_compare(&o, &doc, &store, &cfg, err)) < 0 || (rc = add_with(a, store, cfg, doc, err)) < 0 ||
	    (rc = write_page(a, doc, err)) < 0 || (rc = write_json(a, doc, err)) < 0)
		goto out;
	if (!a->json)
		print_models(a, doc);
	else
		rc = fm_cli_json(json_incref(doc), err);
out:
	fm_stop_release();
	json_decref(doc);
	fm_config_free(cfg);
	free(store);
	return rc;
}

const struct fm_verb fm_verb_compare = {
    .name = "compare",
    .summary = "several models on one trace, side by side",
    .about =
	"Each model learns the same split of TRACE, makes flows and is judged by the same metrics, as a run of "
	"its own up to the gate. compare.json has all numbers, report.html the divergence of each field by model "
	"beside the noise floor, what each took, how each fails, whether its gate catches planted generators, and a "
	"picture of each field. Both, and what "
	"--json prints, are for the owner of the trace alone: they show how its flows are distributed, and have each "
	"--set as it was given, with its paths.\n"
	"\n"
	"A model that the gate refuses, or whose run fails, is reported as such and stops no other. The runs are "
	"in the ledger of DIR/project, or of --project, where flowmint log, report and unseal find them; a "
	"comparison that was stopped goes on.",
    .operands = "TRACE",
    .offer = FM_OFFER_FILE,
    .options = options,
    .defaults = &(const struct compare_args){.preset = "ugr16", .out = "comparison"},
    .args_size = sizeof(struct compare_args),
    .run = run,
};
