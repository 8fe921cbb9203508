/* gate.c - the stage: from metrics and controls to a verdict. */
#include "stages/stage.h"

#include <stdlib.h>

#include "base/file.h"
#include "judge/gate/check.h"
#include "judge/gate/complete.h"
#include "manifests/canon.h"
#include "manifests/registry.h"

#define METRICS_MAX ((size_t)16 << 20) /* bytes of metrics.json */

/* The controls that evaluate left beside its metrics, or none. */
static int load_controls(const struct fm_gate_in *in, json_t **controls, struct fm_error *err)
{
	if (!in->controls_json || !fm_config_controls(in->cfg))
		return FM_OK;
	return fm_json_load(controls, in->controls_json, METRICS_MAX, err);
}

/* Add the metrics of a list that may decide in privacy.mode dp because they were paid for. */
static int add_paid(struct fm_metrics *metrics, const char *path, struct fm_error *err)
{
	struct fm_metrics paid = {0};
	json_t *list = NULL;
	int rc;

	if ((rc = fm_json_load(&list, path, METRICS_MAX, err)) < 0)
		return rc;
	if ((rc = fm_metrics_from_list(&paid, list, err)) < 0) {
		rc = fm_error_prefix(err, "%s: ", path);
		goto out;
	}
	for (size_t i = 0; i < paid.n; i++)
		if (fm_metric_is_paid(paid.m[i].name) &&
		    (rc = fm_metrics_add_ci(metrics, paid.m[i].name, paid.m[i].value, paid.m[i].n, paid.m[i].ci_lo,
					    paid.m[i].ci_hi, err)) < 0)
			goto out;
out:
	json_decref(list);
	fm_metrics_free(&paid);
	return rc;
}

int fm_gate_judge(const struct fm_gate_in *in, const struct fm_metrics *metrics, const json_t *controls,
		  struct fm_verdict *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_gate_apply(in->cfg, metrics, v, err)) < 0 ||
	    (rc = fm_gate_complete(in->cfg, controls, in->waivers, v, err)) < 0)
		return rc;
	fm_gate_claim(v, in->audits);
	fm_gate_decide(v);
	return FM_OK;
}

int fm_stage_gate(const struct fm_gate_in *in, struct fm_gate_out *out, struct fm_error *err)
{
	struct fm_metrics metrics = {0};
	json_t *list = NULL, *verdict = NULL, *controls = NULL;
	char *path = NULL;
	const char *metrics_json = fm_config_dp(in->cfg) ? in->free_json : in->metrics_json;
	int rc;

	*out = (struct fm_gate_out){0};
	if (!metrics_json)
		return fm_fail(err, FM_EINPUT, "the metrics that decide are not there; run with --force");
	if ((rc = fm_json_load(&list, metrics_json, METRICS_MAX, err)) < 0 ||
	    (rc = load_controls(in, &controls, err)) < 0)
		goto out;
	if ((rc = fm_metrics_from_list(&metrics, list, err)) < 0) {
		rc = fm_error_prefix(err, "%s: ", metrics_json);
		goto out;
	}
	if (fm_config_pays_gate(in->cfg) && in->paid_json && (rc = add_paid(&metrics, in->paid_json, err)) < 0)
		goto out;
	if ((rc = fm_gate_judge(in, &metrics, controls, &out->verdict, err)) < 0)
		goto out;
	verdict = fm_verdict_json(&out->verdict);
	path = fm_path_join(in->out_dir, "verdict.json");
	if (!verdict || !path) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the verdict");
		goto out;
	}
	rc = fm_json_save(verdict, path, err);
out:
	json_decref(list);
	json_decref(controls);
	json_decref(verdict);
	free(path);
	fm_metrics_free(&metrics);
	if (rc < 0) {
		fm_verdict_free(&out->verdict);
		out->verdict = (struct fm_verdict){0};
	}
	return rc;
}

json_t *fm_gate_out_json(const struct fm_gate_out *out)
{
	return fm_verdict_json(&out->verdict);
}
