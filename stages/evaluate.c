/* evaluate.c - the stage: the metrics of a run's synthetic table, its histograms for the report, and the gate's trial.
 */
#include "stages/stage.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/thread.h"
#include "judge/gate/controls.h"
#include "judge/gate/measure.h"
#include "judge/gate/subsample.h"
#include "judge/histogram.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "privacy/leakage/division.h"
#include "stages/judged_rows.h"
#include "stages/membership.h"
#include "stages/paid.h"
#include "stages/previous.h"

static int save(json_t *doc, const char *dir, const char *name, struct fm_error *err)
{
	char *path = fm_path_join(dir, name);
	int rc = doc && path ? fm_json_save(doc, path, err) : fm_fail(err, FM_ESYSTEM, "out of memory for %s", name);

	free(path);
	return rc;
}

/* paid.json: all that partners may see of what was measured on the holdout; these metrics also stand beside the exact
 * ones. */
static int save_paid(const struct fm_evaluate_in *in, const struct fm_table *holdout, const struct fm_table *synthetic,
		     struct fm_metrics *all, struct fm_error *err)
{
	struct fm_metrics paid = {0};
	json_t *list = NULL;
	int rc;

	if ((rc = fm_paid_measure(&(struct fm_paid_in){in->cfg, holdout, synthetic, in->secret}, &paid, err)) < 0)
		goto out;
	fm_metrics_round(&paid);
	list = fm_metrics_list(&paid);
	if ((rc = save(list, in->out_dir, "paid.json", err)) < 0)
		goto out;
	for (size_t i = 0; i < paid.n; i++)
		if ((rc = fm_metrics_add_ci(all, paid.m[i].name, paid.m[i].value, paid.m[i].n, paid.m[i].ci_lo,
					    paid.m[i].ci_hi, err)) < 0)
			goto out;
out:
	json_decref(list);
	fm_metrics_free(&paid);
	return rc;
}

/* In privacy.mode dp the training split of a small trace may have no flow.  That is no failure, because a failure would
 * tell it.  What needs training flows is left out. */
static bool no_flow(const struct fm_evaluate_in *in, const struct fm_table *train)
{
	return fm_config_dp(in->cfg) && train->rows == 0;
}

/* The searches of one part. */
static int make_part(const struct fm_evaluate_in *in, const struct fm_table *train, const struct fm_table *holdout,
		     const struct fm_table *synthetic, struct fm_error *err)
{
	struct fm_leakage_opts o = fm_evaluate_opts(in->cfg);
	struct fm_metrics none = {0};
	struct fm_pool *pool = NULL;
	int rc;

	if ((rc = fm_pool_new(&pool, in->cfg->train.threads, err)) < 0 ||
	    (rc = fm_division_make(&o.division, in->out_dir, in->shard.index, in->shard.of, err)) < 0)
		goto out;
	rc = no_flow(in, train) ? fm_division_finish(o.division, err)
				: fm_leakage(train, holdout, synthetic, pool, o, &none, err);
out:
	fm_division_free(o.division);
	fm_pool_free(pool);
	fm_metrics_free(&none);
	return rc;
}

/* All metrics that need only the tables; parts of the searches that were made before are used. */
static int judge(const struct fm_evaluate_in *in, const struct fm_judged_rows *real, const struct fm_table *synthetic,
		 struct fm_pool *pool, struct fm_metrics *out, struct fm_error *err)
{
	struct fm_leakage_opts o = fm_evaluate_opts(in->cfg);
	int rc;

	if (in->parts_dir && in->nparts > 0 && (rc = fm_division_take(&o.division, in->parts_dir, in->nparts, err)) < 0)
		return rc;
	if ((rc = fm_evaluate_tables(real->train, synthetic, real->holdout, in->cfg->train.threads, o, out, err)) >= 0)
		rc = fm_judged_rows_copies(real, synthetic, pool, o, out, err);
	fm_division_free(o.division);
	return rc;
}

int fm_stage_evaluate(const struct fm_evaluate_in *in, struct fm_evaluate_out *out, struct fm_error *err)
{
	struct fm_table *train = NULL, *holdout = NULL, *synthetic = NULL;
	struct fm_judged_rows real = {0};
	json_t *list = NULL, *histograms = NULL, *controls = NULL;
	size_t memory = (size_t)in->cfg->gate.memory << 20;
	struct fm_dialect *dialect = NULL;
	struct fm_pool *pool = NULL;
	struct fm_subsamples sub = {0};
	bool nothing;
	int rc;

	*out = (struct fm_evaluate_out){0};
	if ((rc = fm_table_open(&train, in->train_dir, err)) < 0)
		goto out;
	if (in->holdout_dir && (rc = fm_table_open(&holdout, in->holdout_dir, err)) < 0)
		goto out;
	if ((rc = fm_table_open(&synthetic, in->synthetic_dir, err)) < 0)
		goto out;
	nothing = no_flow(in, train);
	if ((rc = fm_judged_rows_make(&real, in->cfg, train, holdout, err)) < 0)
		goto out;
	if (in->shard.of) {
		rc = make_part(in, real.train, real.holdout, synthetic, err);
		goto out;
	}
	if ((rc = fm_pool_new(&pool, in->cfg->train.threads, err)) < 0 ||
	    (!nothing && (rc = judge(in, &real, synthetic, pool, &out->metrics, err)) < 0))
		goto out;
	if (fm_config_pays_gate(in->cfg) && (rc = save_paid(in, holdout, synthetic, &out->metrics, err)) < 0)
		goto out;
	if (!nothing && holdout && holdout->rows > 0 && in->model_dir &&
	    (rc = fm_model_membership(&(struct fm_membership_in){in->cfg, in->model_dir, in->store_json, train,
								 real.learned[0], real.learned[1]},
				      pool, &out->metrics, err)) < 0)
		goto out;
	if (in->previous &&
	    ((rc = fm_dialect_load(&dialect, fm_config_published(in->cfg), err)) < 0 ||
	     (rc = fm_previous_compare(&(struct fm_previous_in){in->previous, dialect, 0, pool, memory, in->out_dir},
				       synthetic, &out->metrics, err)) < 0))
		goto out;
	fm_metrics_round(&out->metrics);
	list = fm_metrics_list(&out->metrics);
	if ((rc = save(list, in->out_dir, "metrics.json", err)) < 0 || nothing ||
	    (rc = fm_subsamples_make(&sub, real.train, synthetic, real.holdout, memory, err)) < 0 ||
	    (rc = fm_histograms(sub.real, sub.synthetic, sub.holdout, &histograms, err)) < 0 || /* for the report */
	    (rc = save(histograms, in->out_dir, "histograms.json", err)) < 0 || !fm_config_controls(in->cfg))
		goto out;
	if ((rc = fm_controls_measure(in->cfg, real.train, real.holdout, FM_CONTROLS_SEED, pool, &controls, err)) < 0)
		goto out;
	rc = save(controls, in->out_dir, "controls.json", err);
out:
	json_decref(list);
	json_decref(histograms);
	json_decref(controls);
	fm_subsamples_free(&sub);
	fm_pool_free(pool);
	fm_dialect_free(dialect);
	fm_judged_rows_free(&real);
	fm_table_free(train);
	fm_table_free(holdout);
	fm_table_free(synthetic);
	if (rc < 0) {
		fm_metrics_free(&out->metrics);
		out->metrics = (struct fm_metrics){0};
	}
	return rc;
}

json_t *fm_evaluate_out_json(const struct fm_evaluate_out *out)
{
	return fm_metrics_json(&out->metrics);
}
