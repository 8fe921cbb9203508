#include "pipeline/job.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

const char *const fm_products[FM_NSTAGES] = {"store", "model", "synthetic", "metrics", "verdict", "release"};

/* ---- in the child --------------------------------------------------------------------------------------------------
 */

static int call_stage(const struct fm_job *j, json_t **result, struct fm_error *err)
{
	int rc;

	switch (j->id) {
	case FM_INGEST: {
		struct fm_ingest_in in = {j->cfg, j->trace, j->out_dir};
		struct fm_ingest_out out = {0};
		if (!(rc = j->stages->ingest(&in, &out, err)))
			*result = fm_ingest_out_json(&out);
		return rc;
	}
	case FM_TRAIN: {
		struct fm_train_in in = {j->cfg, j->train, j->validation, j->store_json, j->out_dir, j->checkpoint};
		struct fm_train_out out = {0};
		if (!(rc = j->stages->train(&in, &out, err)))
			*result = fm_train_out_json(&out);
		return rc;
	}
	case FM_GENERATE: {
		struct fm_generate_in in = {j->cfg, j->model, j->out_dir};
		struct fm_generate_out out = {0};
		if (!(rc = j->stages->generate(&in, &out, err)))
			*result = fm_generate_out_json(&out);
		return rc;
	}
	case FM_EVALUATE: {
		struct fm_evaluate_in in = {j->cfg,     j->train, j->holdout,    j->synthetic,
					    j->out_dir, j->model, j->store_json, j->previous};
		struct fm_evaluate_out out = {0};
		if (!(rc = j->stages->evaluate(&in, &out, err)))
			*result = fm_evaluate_out_json(&out);
		return rc;
	}
	case FM_GATE: {
		struct fm_gate_in in = {j->cfg, j->metrics, j->out_dir, j->controls, j->waivers};
		struct fm_gate_out out = {0};
		if (!(rc = j->stages->gate(&in, &out, err)))
			*result = fm_gate_out_json(&out);
		return rc;
	}
	case FM_RELEASE: {
		struct fm_release_in in = {j->cfg, j->synthetic, j->verdict, j->key, j->out_dir, j->manifest};
		struct fm_release_out out = {0};
		if (!(rc = j->stages->release(&in, &out, err)))
			*result = fm_release_out_json(&out);
		return rc;
	}
	default:
		return fm_fail(err, FM_ESYSTEM, "no such stage");
	}
}

/* {"result": the stage's own, "output": digest of what it wrote} */
int fm_job_run(void *ctx, json_t **result, struct fm_error *err)
{
	const struct fm_job *j = ctx;
	char hex[FM_SHA256_HEX];
	json_t *own = NULL;
	int rc;

	if ((rc = call_stage(j, &own, err)) || (rc = fm_sha256_dir_hex(j->out_dir, hex, err)))
		return rc;
	/* The folder is about to get its final name: names alone stay true. */
	for (int i = 0; own && j->id == FM_RELEASE && i < 2; i++) {
		const char *what = i ? "signature" : "archive", *path = json_string_value(json_object_get(own, what)),
			   *slash = path ? strrchr(path, '/') : NULL;

		if (slash)
			json_object_set_new(own, what, json_string(slash + 1));
	}
	/* The logistic judge repeats on machines with the same kernel of OpenBLAS; all else is the same on every
	 * x86-64. */
	if (own && j->id == FM_EVALUATE)
		json_object_set_new(own, "blas_kernel", json_string(openblas_get_corename()));
	*result = own ? json_pack("{s:o, s:s}", "result", own, "output", hex) : NULL;
	return *result
		   ? FM_OK
		   : fm_fail(err, FM_ESYSTEM, "the result of stage %s cannot be told as JSON", fm_stage_names[j->id]);
}

/* ---- inputs
 * ---------------------------------------------------------------------------------------------------------- */

/* dir/name, NULL where it does not exist. */
static char *existing(const char *dir, const char *name)
{
	char *path = fm_path_join(dir, name);
	struct stat st;

	if (path && stat(path, &st) == 0)
		return path;
	free(path);
	return NULL;
}

void fm_job_free(struct fm_job *j)
{
	char **all[] = {&j->trace,   &j->train,      &j->validation, &j->holdout, &j->store_json,
			&j->model,   &j->synthetic,  &j->metrics,    &j->verdict, &j->key,
			&j->dialect, &j->checkpoint, &j->controls,   &j->previous};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		free(*all[i]);
		*all[i] = NULL;
	}
	json_decref(j->manifest);
	j->manifest = NULL;
}

bool fm_job_wants_dialect(const struct fm_config *cfg, enum fm_stage_id id)
{
	return strchr(cfg->source.dialect, '/') &&
	       (id == FM_INGEST || id == FM_TRAIN || id == FM_EVALUATE || id == FM_RELEASE);
}

/* The row of the design's table for this stage: paths into the job, and no others into the workspace. */
int fm_job_fill(struct fm_job *j, const struct fm_run *run, struct fm_sandbox *box, struct fm_error *err)
{
	const struct fm_run_stage *s = run->stage;
	const char *store = s[FM_INGEST].product;
	char *const *paths[] = {&j->trace,   &j->train,     &j->validation, &j->holdout, &j->store_json,
				&j->model,   &j->synthetic, &j->metrics,    &j->verdict, &j->key,
				&j->dialect, &j->controls,  &j->previous};

	switch (j->id) {
	case FM_INGEST:
		j->trace = realpath(j->cfg->source.path, NULL);
		break;
	case FM_TRAIN:
		j->train = existing(store, "train");
		j->validation = existing(store, "validation");
		j->store_json = existing(store, "store.json");
		break;
	case FM_GENERATE:
		j->model = strdup(s[FM_TRAIN].product);
		break;
	case FM_EVALUATE:
		j->train = existing(store, "train");
		j->holdout = existing(store, "holdout");
		j->store_json = existing(store, "store.json");
		j->model = strdup(s[FM_TRAIN].product);
		j->synthetic = strdup(s[FM_GENERATE].product);
		if (j->cfg->release.previous[0] && !(j->previous = realpath(j->cfg->release.previous, NULL)))
			return fm_fail_errno(err, "release.previous: %s", j->cfg->release.previous);
		break;
	case FM_GATE:
		j->metrics = existing(s[FM_EVALUATE].product, "metrics.json");
		j->controls = existing(s[FM_EVALUATE].product, "controls.json");
		break;
	default:
		j->synthetic = strdup(s[FM_GENERATE].product);
		j->verdict = existing(s[FM_GATE].product, "verdict.json");
		j->key = realpath(j->cfg->publish.key, NULL);
		if (!j->key)
			return fm_fail_errno(err, "publish.key: %s", j->cfg->publish.key);
	}
	if ((j->id == FM_INGEST && !j->trace) || (j->id == FM_TRAIN && !(j->train && j->validation && j->store_json)) ||
	    (j->id == FM_EVALUATE && !(j->train && j->synthetic && j->model && j->store_json)) ||
	    (j->id == FM_GATE && !j->metrics) || (j->id == FM_RELEASE && !(j->synthetic && j->verdict)))
		return fm_fail(
		    err, FM_ESYSTEM,
		    "an input of stage %s is not where the stage before it should have put it; run with --force",
		    fm_stage_names[j->id]);
	if (fm_job_wants_dialect(j->cfg, j->id) && !(j->dialect = strdup(j->cfg->source.dialect)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		fm_sandbox_path(box, *paths[i], false);
	fm_sandbox_path(box, j->out_dir, true);
	fm_sandbox_path(box, j->checkpoint, true);
	return FM_OK;
}
