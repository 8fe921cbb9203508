/* control_run.c - plant every control and score it, for the evaluate stage. */
#include <stdlib.h>

#include "base/log.h"
#include "judge/gate/controls.h"
#include "judge/gate/measure.h"

/* Judges that learn cost most of a trial.  They find nothing where most rows are real flows, so they judge only the
 * useless generators, and the fresh flows, which must pass everything. */
static unsigned groups_for(const struct fm_config *cfg, const struct fm_control *c)
{
	unsigned set = fm_evaluate_groups_needed(cfg), labels = fm_evaluate_group("tstr.macro_f1.trees"),
		 shows = fm_evaluate_group("pair_jsd") | fm_evaluate_group("c2st.flow_auc");

	switch (c->make) {
	case FM_CONTROL_COPY_DOUBLED: /* half of the flows are missing, which other metrics would show */
		return set & fm_evaluate_group("leak.family_p");
	case FM_CONTROL_COPY:
	case FM_CONTROL_COPY_FRESH_IDS:
	case FM_CONTROL_NOISE:
	case FM_CONTROL_OUTLIERS:
		return set & ~fm_evaluate_groups_that_learn();
	case FM_CONTROL_ONE_ROW:
	case FM_CONTROL_INDEPENDENT:
	case FM_CONTROL_SHUFFLED:
	case FM_CONTROL_CONSTANT:
		/* The task of labels costs most, and need not find what the fields show. */
		return set & shows ? set & ~labels : set;
	case FM_CONTROL_FRESH:
		break;
	}
	return set;
}

static int measure(const struct fm_controls_in *in, const struct fm_control *c, json_t *list, struct fm_error *err)
{
	const struct fm_control_world *w = in->world;
	struct fm_control_world twice = {0};
	struct fm_metrics m = {0};
	struct fm_table *t = NULL;
	json_t *o = NULL, *scores;
	int rc;

	if (c->make == FM_CONTROL_COPY_DOUBLED) {
		if ((rc = fm_control_world_double(&twice, w, err)) < 0)
			goto out;
		w = &twice;
	}
	struct fm_judge_in tables = {w->train, NULL, w->holdout, in->pool, fm_evaluate_opts(in->cfg)};
	if ((rc = fm_control_plant(c, w, in->seed, &t, err)) < 0)
		goto out;
	tables.synthetic = t;
	if ((rc = fm_evaluate_some(&tables, groups_for(in->cfg, c), &m, err)) < 0)
		goto out;
	scores = fm_metrics_list(&m);
	o = json_pack("{s:s, s:s, s:f, s:s, s:o}", "name", c->name, "kind", fm_control_kind(c), "level", c->level,
		      "expected", fm_control_expected(c, in->cfg->gate.control_limit), "metrics", scores);
	if (!o || json_array_append(list, o) != 0)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the controls");
out:
	if (rc < 0)
		fm_error_prefix(err, "control %s (%g): ", c->name, c->level);
	json_decref(o);
	fm_table_free(t);
	fm_control_world_free(&twice);
	fm_metrics_free(&m);
	return rc;
}

static int measure_all(const struct fm_controls_in *in, json_t *list, struct fm_error *err)
{
	struct fm_progress p;
	int rc = FM_OK;

	fm_progress_begin(&p, "controls", "controls", in->n);
	for (size_t i = 0; i < in->n; i++) {
		fm_progress_step(&p, i, in->control[i].name);
		if ((rc = measure(in, &in->control[i], list, err)) < 0)
			goto out;
	}
	fm_progress_step(&p, in->n, "done");
out:
	fm_progress_end(&p, rc < 0 ? "failed" : NULL);
	return rc;
}

int fm_controls_score(const struct fm_controls_in *in, json_t **doc, struct fm_error *err)
{
	const struct fm_control_world *w = in->world;
	struct fm_metrics floor = {0};
	json_t *list = json_array();
	int rc = FM_OK;

	*doc = NULL;
	if (w->rows > 0 && ((rc = fm_evaluate_floor(w->train, w->holdout, fm_evaluate_groups_needed(in->cfg), in->pool,
						    &floor, err)) < 0 ||
			    (rc = measure_all(in, list, err)) < 0))
		goto out;
	*doc = json_pack("{s:s, s:I, s:f, s:o, s:O}", "format", FM_CONTROLS_FORMAT, "rows",
			 (json_int_t)fm_control_rows_told((int64_t)w->rows, in->cfg->gate.control_rows), "limit",
			 in->cfg->gate.control_limit, "floor", fm_metrics_list(&floor), "controls", list);
	if (!*doc)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the controls");
out:
	fm_metrics_free(&floor);
	json_decref(list);
	return rc;
}

int fm_controls_measure(const struct fm_config *cfg, const struct fm_table *train, const struct fm_table *holdout,
			uint64_t seed, struct fm_pool *pool, json_t **doc, struct fm_error *err)
{
	struct fm_control_world w = {0};
	int rc = FM_OK;

	*doc = NULL;
	if (holdout &&
	    (rc = fm_control_world_subsample(&w, train, holdout, (size_t)cfg->gate.control_rows, seed, err)) < 0)
		goto out;
	rc = fm_controls_score(&(struct fm_controls_in){cfg, &w, fm_controls, fm_ncontrols, seed, pool}, doc, err);
out:
	fm_control_world_free(&w);
	return rc;
}

json_t *fm_controls_key(const struct fm_config *cfg)
{
	return json_pack("{s:I, s:f, s:I, s:I, s:I}", "rows", (json_int_t)cfg->gate.control_rows, "limit",
			 cfg->gate.control_limit, "groups", (json_int_t)fm_evaluate_groups_needed(cfg), "memory",
			 (json_int_t)cfg->gate.memory, "rare", (json_int_t)cfg->privacy.min_count);
}
