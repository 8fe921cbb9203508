#include "pipeline/cli/evaluation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/table.h"
#include "base/thread.h"
#include "judge/gate/controls.h"
#include "judge/gate/measure.h"
#include "judge/gate/subsample.h"
#include "judge/histogram.h"
#include "judge/rules.h"
#include "manifests/dialect.h"
#include "pipeline/cli/flows.h"
#include "pipeline/cli/walls.h"
#include "pipeline/walls/harvest.h"
#include "privacy/leakage/difference.h"
#include "traces/doubts.h"
#include "traces/sniff.h"

#define MEMORY 1024u /* MiB, as gate.memory has it */
#define AUTO "auto"  /* the dialect that a file is sure to be in */

int fm_evaluation_gate(struct fm_evaluation *e, struct fm_error *err)
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

/* The gate's trial needs a holdout; without one the checks of leakage fail, and that decides the verdict. */
static int try_gate(struct fm_evaluation *e, const struct fm_table *real, const struct fm_table *holdout,
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

struct fm_leakage_opts fm_evaluation_limits(const struct fm_evaluation *e)
{
	struct fm_leakage_opts o = e->cfg ? fm_evaluate_opts(e->cfg) : FM_LEAKAGE_DEFAULT;

	o.memory = (size_t)e->memory << 20;
	return o;
}

/* With dialect auto, the one that a file is in; the inside is that of the real flows. Archives and tables say theirs.
 */
static int find_dialect(const struct fm_dialect *real, const char *path, struct fm_dialect **d, struct fm_error *err)
{
	struct fm_sniffed s;
	struct stat st;
	int rc;

	*d = NULL;
	if (fm_flows_is_archive(path) || stat(path, &st) || !S_ISREG(st.st_mode))
		return FM_OK;
	if ((rc = fm_sniff(&s, path, NULL, err)) < 0 || (rc = fm_sniff_decide(&s, path, err)) < 0 ||
	    (rc = fm_dialect_load(d, s.candidate[0].name, err)) < 0)
		return fm_error_prefix(err, "--dialect auto: ");
	fm_log("--dialect auto: %s is in dialect %s", path, s.candidate[0].name);
	if (real) {
		memcpy((*d)->internal, real->internal, sizeof real->internal);
		(*d)->ninternal = real->ninternal;
	}
	return FM_OK;
}

/* d: the dialect of the real flows; with dialect auto it is found with them. */
static int load(const struct fm_evaluation *e, struct fm_dialect **d, const char *path, enum fm_flows_role role,
		struct fm_table **t, uint64_t *bad, struct fm_error *err)
{
	struct fm_flows f = {.path = path, .role = role, .dialect = *d, .spill = e->spill, .rows = e->rows};
	struct fm_dialect *own = NULL;
	int rc;

	if (strcmp(e->dialect, AUTO) == 0 &&
	    (rc = find_dialect(role == FM_FLOWS_REAL ? NULL : *d, path, &own, err)) < 0)
		return rc;
	if (own && role == FM_FLOWS_REAL) {
		fm_dialect_free(*d);
		*d = own;
		own = NULL;
		f.dialect = *d;
	} else if (own) {
		f.dialect = own;
	}
	rc = fm_flows_load(&f, t, bad, err);
	fm_dialect_free(own);
	return rc;
}

/* Measure what tells the release before from this one. */
static int compare(struct fm_evaluation *e, struct fm_dialect **d, const struct fm_table *synthetic,
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

/* Are they the same rows, as of one file that was named twice? */
static bool are_same(const struct fm_table *a, const struct fm_table *b)
{
	static const enum fm_col cols[] = {FM_TE, FM_TD, FM_SP, FM_DP, FM_PKT, FM_BYT};

	if (a->rows != b->rows)
		return false;
	for (size_t i = 0; i < sizeof cols / sizeof *cols; i++)
		if (FM_HAS(a, cols[i]) != FM_HAS(b, cols[i]) ||
		    (FM_HAS(a, cols[i]) &&
		     memcmp(a->col[cols[i]], b->col[cols[i]], a->rows * fm_cols[cols[i]].width) != 0))
			return false;
	return true;
}

/* What is measured all the same, and says little. */
static void warn_of_files(const struct fm_evaluation *e, const struct fm_table *real, const struct fm_table *synthetic,
			  const struct fm_table *holdout)
{
	fm_doubts_other_form(real, synthetic, e->synthetic);
	if (holdout && are_same(holdout, real))
		fm_warn("--holdout %s: its flows are those of --real, so nothing tells what a model has seen from what "
			"it has "
			"not: name real flows that it has not seen",
			e->holdout);
	else if (holdout && are_same(holdout, synthetic))
		fm_warn("--holdout %s: its flows are those of --synthetic: name real flows that the model has not seen",
			e->holdout);
}

/* The columns of a flow that the real flows do not have. */
static void find_absent(struct fm_evaluation *e, const struct fm_table *real)
{
	e->absent = FM_COLS_FLOW & ~real->present;
	if (e->cfg)
		fm_config_lacks(e->cfg, e->absent);
}

static int evaluate_files(struct fm_evaluation *e, struct fm_error *err)
{
	struct fm_table *real = NULL, *synthetic = NULL, *holdout = NULL;
	struct fm_subsamples sub = {0};
	struct fm_dialect *d = NULL;
	int rc;

	if ((rc = fm_dialect_load(&d, strcmp(e->dialect, AUTO) ? e->dialect : "ugr16", err)) < 0 ||
	    (rc = load(e, &d, e->real, FM_FLOWS_REAL, &real, &e->bad_real, err)) < 0 ||
	    (rc = load(e, &d, e->synthetic, FM_FLOWS_SYNTHETIC, &synthetic, &e->bad_synthetic, err)) < 0 ||
	    (rc = fm_doubts_other_spelling(&real->dict[FM_LABEL], &synthetic->dict[FM_LABEL], e->synthetic, err)) < 0 ||
	    (e->holdout && (rc = load(e, &d, e->holdout, FM_FLOWS_HOLDOUT, &holdout, NULL, err)) < 0))
		goto out;
	warn_of_files(e, real, synthetic, holdout);
	find_absent(e, real);
	if ((rc = fm_evaluate_chosen(&(struct fm_judged){real, synthetic, holdout}, (int)e->threads,
				     fm_evaluation_limits(e), e->groups, &e->metrics, err)) < 0 ||
	    (e->previous && (rc = compare(e, &d, synthetic, err)) < 0) ||
	    (e->gate && holdout &&
	     (rc = fm_holdout_count(&e->apart, real, synthetic, holdout, (size_t)e->memory << 20, err)) < 0))
		goto out;
	if (e->gate && !holdout && (rc = fm_rules(real, real, FM_FLOOR, &e->broken, err)) < 0)
		goto out;
	fm_count_unreadable(&e->metrics, FM_METRIC_BROKEN, e->bad_synthetic);
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
	struct fm_evaluation *e = ctx;
	const struct fm_holdout *a = &e->apart;
	int rc;

	if ((rc = evaluate_files(e, err)) < 0)
		return rc;
	*result = json_pack("{s:o, s:o, s:I, s:I, s:[I,I,I,I], s:I, s:I}", "metrics", fm_metrics_list(&e->metrics),
			    "broken", fm_metrics_list(&e->broken), "bad_real", (json_int_t)e->bad_real, "bad_synthetic",
			    (json_int_t)e->bad_synthetic, "apart", (json_int_t)a->holdout, (json_int_t)a->synthetic,
			    (json_int_t)a->holdout_in_real, (json_int_t)a->synthetic_in_holdout, "control_rows",
			    (json_int_t)(e->cfg ? e->cfg->gate.control_rows : 0), "absent", (json_int_t)e->absent);
	if (!*result || (e->histograms && json_object_set(*result, "histograms", e->histograms)) ||
	    (e->controls && json_object_set(*result, "controls", e->controls)))
		return fm_fail(err, FM_ESYSTEM, "out of memory for what was measured");
	return FM_OK;
}

/* What the child said: registered metrics with numbers, controls that were planted, counts. */
static int take_measured(struct fm_evaluation *e, const json_t *result, struct fm_error *err)
{
	const json_t *apart = json_object_get(result, "apart"), *controls = json_object_get(result, "controls");
	size_t *count[] = {&e->apart.holdout, &e->apart.synthetic, &e->apart.holdout_in_real,
			   &e->apart.synthetic_in_holdout};
	int rc;

	if ((rc = fm_harvest_metrics(json_object_get(result, "metrics"), FM_LIST_CONTROL, NULL, &e->metrics, err)) <
		0 ||
	    (rc = fm_harvest_metrics(json_object_get(result, "broken"), FM_LIST_CONTROL, NULL, &e->broken, err)) < 0)
		return rc;
	for (size_t i = 0; i < sizeof count / sizeof *count; i++)
		*count[i] = (size_t)json_integer_value(json_array_get(apart, i));
	e->bad_real = (uint64_t)json_integer_value(json_object_get(result, "bad_real"));
	e->bad_synthetic = (uint64_t)json_integer_value(json_object_get(result, "bad_synthetic"));
	e->absent = FM_COLS_FLOW & (unsigned)json_integer_value(json_object_get(result, "absent"));
	if (e->cfg)
		fm_config_lacks(e->cfg, e->absent);
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

int fm_evaluation_measure(struct fm_evaluation *e, const struct fm_call *call, struct fm_error *err)
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
	struct fm_dialect *d = NULL;
	int rc;

	if (fm_flows_spill_make(&e->spill, err) < 0) {
		rc = FM_ESYSTEM; /* whatever is wrong with it, it is not the user's input */
		goto out;
	}
	if ((rc = fm_walls_begin(&w, "evaluate", e->unconfined, err)) < 0)
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
	if (strcmp(e->dialect, AUTO) && (rc = fm_dialect_load(&d, e->dialect, err)) < 0)
		goto out;
	fm_dialect_free(d);
	if ((rc = fm_walls_show(&w, fm_dialect_is_file(e->dialect) ? e->dialect : NULL, false, err)) < 0 ||
	    (rc = fm_walls_show(&w, e->spill, true, err)) < 0 ||
	    (rc = fm_walls_run(&w, evaluate_fn, e, &result, err)) < 0)
		goto out;
	rc = take_measured(e, result, err);
out:
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		*of[i].path = of[i].given; /* what was found in a folder is forgotten: the path as given */
		fm_flows_forget(&of[i].place);
	}
	fm_flows_spill_end(e->spill);
	fm_walls_end(&w);
	json_decref(result);
	return rc;
}

void fm_evaluation_close(struct fm_evaluation *e)
{
	fm_metrics_free(&e->metrics);
	fm_metrics_free(&e->broken);
	fm_verdict_free(&e->verdict);
	json_decref(e->controls);
	json_decref(e->histograms);
	fm_config_free(e->cfg);
	*e = (struct fm_evaluation){0};
}
