#include "stages/evaluate.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/rows.h"
#include "base/thread.h"
#include "judge/association.h"
#include "judge/downstream.h"
#include "judge/fidelity.h"
#include "judge/histogram.h"
#include "judge/rules.h"
#include "judge/structure.h"
#include "manifests/canon.h"
#include "privacy/leakage.h"
#include "stages/stage.h"

#define SEED 20160411u
enum purpose { FLOOR_TRAIN = 201, FLOOR_HOLDOUT };

struct tables {
	const struct fm_table *real, *synthetic, *holdout; /* holdout NULL when there is none */
	struct fm_pool *pool;
};

static int count_rows(const struct tables *t, struct fm_metrics *out, struct fm_error *err)
{
	int64_t real = (int64_t)t->real->rows, synthetic = (int64_t)t->synthetic->rows;
	int64_t holdout = t->holdout ? (int64_t)t->holdout->rows : 0;
	int rc;

	if ((rc = fm_metrics_add(out, "rows.real", (double)real, real, err)) != FM_OK ||
	    (rc = fm_metrics_add(out, "rows.synthetic", (double)synthetic, synthetic, err)) != FM_OK || !t->holdout)
		return rc;
	return fm_metrics_add(out, "rows.holdout", (double)holdout, holdout, err);
}

static int fidelity(const struct tables *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_fidelity(t->real, t->synthetic, t->pool, "", out, err);
}

static int association(const struct tables *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_association(t->real, t->synthetic, t->pool, "", out, err);
}

static int structure(const struct tables *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_structure(t->real, t->synthetic, t->pool, "", out, err);
}

static int rules(const struct tables *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_rules(t->real, t->synthetic, out, err);
}

static int downstream(const struct tables *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_downstream(t->real, t->synthetic, t->holdout, out, err);
}

static int leakage(const struct tables *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_leakage(t->real, t->holdout, t->synthetic, t->pool, out, err);
}

/* What fresh real flows would score: holdout in the synthetic table's place, the larger side cut to the smaller one. */
static int noise_floor(const struct tables *t, struct fm_metrics *out, struct fm_error *err)
{
	const struct fm_table *real = t->real, *holdout = t->holdout;
	struct fm_table *fewer = NULL;
	int rc = FM_OK;

	if (!holdout)
		return FM_OK;
	if (real->rows > holdout->rows) {
		rc = fm_table_sample(&fewer, real, holdout->rows, SEED, FLOOR_TRAIN, err);
		real = fewer;
	} else if (holdout->rows > real->rows) {
		rc = fm_table_sample(&fewer, holdout, real->rows, SEED, FLOOR_HOLDOUT, err);
		holdout = fewer;
	}
	if (rc == FM_OK)
		rc = fm_fidelity(real, holdout, t->pool, "floor.", out, err);
	if (rc == FM_OK)
		rc = fm_association(real, holdout, t->pool, "floor.", out, err);
	fm_table_free(fewer);
	return rc;
}

static const struct {
	const char *name;
	int (*run)(const struct tables *, struct fm_metrics *, struct fm_error *);
} steps[] = {
    {"rows", count_rows}, {"marginals", fidelity},         {"pairs", association}, {"time and structure", structure},
    {"rules", rules},     {"prediction task", downstream}, {"leakage", leakage},   {"noise floor", noise_floor},
};
enum { NSTEPS = sizeof steps / sizeof *steps };

int fm_evaluate_tables(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		       int threads, struct fm_metrics *out, struct fm_error *err)
{
	struct tables t = {real, synthetic, holdout && holdout->rows > 0 ? holdout : NULL, NULL};
	struct fm_progress p;
	int rc;

	if (real->rows == 0 || synthetic->rows == 0)
		return fm_fail(err, FM_EINPUT, "the %s table has no rows: there is nothing to evaluate",
			       real->rows ? "synthetic" : "real");
	if ((rc = fm_pool_new(&t.pool, threads, err)) != FM_OK)
		return rc;
	fm_progress_begin(&p, "evaluate", "steps", NSTEPS);
	for (uint64_t i = 0; i < NSTEPS && rc == FM_OK; i++) {
		fm_progress_step(&p, i, steps[i].name);
		if ((rc = steps[i].run(&t, out, err)) == FM_OK)
			fm_progress_step(&p, i + 1, steps[i].name);
	}
	fm_progress_end(&p, rc == FM_OK ? NULL : "failed");
	fm_pool_free(t.pool);
	return rc;
}

/* For the report; no check depends on them. */
static int write_histograms(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
			    const char *dir, struct fm_error *err)
{
	char *path = fm_path_join(dir, "histograms.json");
	json_t *doc = NULL;
	int rc = path ? fm_histograms(real, synthetic, holdout, &doc, err)
		      : fm_fail(err, FM_ESYSTEM, "out of memory for the histograms");

	if (rc == FM_OK)
		rc = fm_json_save(doc, path, err);
	json_decref(doc);
	free(path);
	return rc;
}

int fm_stage_evaluate(const struct fm_evaluate_in *in, struct fm_evaluate_out *out, struct fm_error *err)
{
	struct fm_table *train = NULL, *holdout = NULL, *synthetic = NULL;
	json_t *list = NULL;
	char *path = NULL;
	int rc;

	*out = (struct fm_evaluate_out){0};
	if ((rc = fm_table_open(&train, in->train_dir, err)) != FM_OK)
		goto out;
	if (in->holdout_dir && (rc = fm_table_open(&holdout, in->holdout_dir, err)) != FM_OK)
		goto out;
	if ((rc = fm_table_open(&synthetic, in->synthetic_dir, err)) != FM_OK)
		goto out;
	if ((rc = fm_evaluate_tables(train, synthetic, holdout, in->cfg->train.threads, &out->metrics, err)) != FM_OK)
		goto out;
	list = fm_metrics_list(&out->metrics);
	path = fm_path_join(in->out_dir, "metrics.json");
	if (!list || !path) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the metrics");
		goto out;
	}
	if ((rc = fm_json_save(list, path, err)) == FM_OK)
		rc = write_histograms(train, synthetic, holdout, in->out_dir, err);
out:
	json_decref(list);
	free(path);
	fm_table_free(train);
	fm_table_free(holdout);
	fm_table_free(synthetic);
	if (rc != FM_OK) {
		fm_metrics_free(&out->metrics);
		out->metrics = (struct fm_metrics){0};
	}
	return rc;
}

json_t *fm_evaluate_out_json(const struct fm_evaluate_out *out)
{
	return fm_metrics_json(&out->metrics);
}
