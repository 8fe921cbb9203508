#include "stages/gate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "manifests/canon.h"
#include "stages/stage.h"

#define METRICS_MAX ((size_t)16 << 20) /* bytes of metrics.json */

static struct fm_check_result *line_new(struct fm_verdict *v, const char *name, const char *direction, double threshold)
{
	struct fm_check_result *c = &v->check[v->n++];

	*c = (struct fm_check_result){.value = NAN, .threshold = threshold, .ci_lo = NAN, .ci_hi = NAN};
	snprintf(c->name, sizeof c->name, "%s", name);
	snprintf(c->direction, sizeof c->direction, "%s", direction);
	return c;
}

static void apply(struct fm_verdict *v, const struct fm_metrics *metrics, const struct fm_cfg_check *check, int is_max)
{
	int relative = is_max && check->relative_to_floor; /* min is what it says */
	struct fm_check_result *c = line_new(v, check->name, is_max ? "max" : "min", is_max ? check->max : check->min);
	const struct fm_metric *m = fm_metrics_find(metrics, check->name);

	if (relative) {
		char name[sizeof c->name + 8];
		snprintf(name, sizeof name, "floor.%s", check->name);
		const struct fm_metric *floor_metric = fm_metrics_find(metrics, name);
		c->threshold *= floor_metric ? floor_metric->value : (double)NAN;
	}
	if (!m) {
		snprintf(c->why, sizeof c->why,
			 "not measured: misspelt, or it needs a column or a holdout that is not there");
		return;
	}
	c->value = m->value;
	c->n = m->n;
	c->ci_lo = m->ci_lo;
	c->ci_hi = m->ci_hi;
	if (isnan(c->value))
		snprintf(c->why, sizeof c->why, "could not be computed (not a number)");
	else if (isinf(c->value))
		snprintf(c->why, sizeof c->why, "the value is infinite");
	else if (!isfinite(c->threshold))
		snprintf(c->why, sizeof c->why, "%s",
			 relative ? "its noise floor was not measured" : "the threshold is no number");
	else if (is_max ? c->value > c->threshold : c->value < c->threshold)
		snprintf(c->why, sizeof c->why, "%s the threshold", is_max ? "above" : "below");
	else
		c->pass = 1;
}

int fm_gate_apply(const struct fm_config *cfg, const struct fm_metrics *metrics, struct fm_verdict *v,
		  struct fm_error *err)
{
	int rc, n = cfg->gate.n;

	*v = (struct fm_verdict){0};
	if (n < 0 || n > FM_CFG_MAXCHECKS)
		return fm_fail(err, FM_EINPUT, "a gate of %d checks is none: 1 to %d are allowed", n, FM_CFG_MAXCHECKS);
	if ((rc = fm_alloc(&v->check, 2 * (size_t)n + 1, sizeof *v->check, "a verdict", err)) != FM_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		const struct fm_cfg_check *check = &cfg->gate.check[i];
		if (check->has_max)
			apply(v, metrics, check, 1);
		if (check->has_min)
			apply(v, metrics, check, 0);
		if (!check->has_max && !check->has_min) {
			struct fm_check_result *c = line_new(v, check->name, "max", NAN);
			snprintf(c->why, sizeof c->why, "the config gives it no threshold");
		}
	}
	if (n == 0) {
		struct fm_check_result *c = line_new(v, "gate", "min", 1);
		c->value = 0;
		snprintf(c->why, sizeof c->why,
			 "the config names no check: a gate without checks lets nothing through");
	}
	v->pass = v->n > 0;
	for (size_t i = 0; i < v->n; i++)
		v->pass = v->pass && v->check[i].pass;
	return FM_OK;
}

/* Four significant digits, for people; the verdict's JSON has them all. */
static const char *number(double v, char text[32])
{
	if (isnan(v))
		return "-";
	snprintf(text, 32, "%.4g", v);
	for (char *p = text; *p; p++) /* whatever the locale's decimal point is */
		if (*p == ',')
			*p = '.';
	return text;
}

void fm_verdict_print(FILE *f, const struct fm_verdict *v)
{
	size_t failed = 0;
	int width = (int)strlen("check");
	char a[32], b[32];

	for (size_t i = 0; i < v->n; i++) {
		int w = (int)strlen(v->check[i].name);
		width = w > width ? w : width;
	}
	fprintf(f, "%-*s  %12s  %14s  %9s  %s\n", width, "check", "value", "threshold", "n", "result");
	for (size_t i = 0; i < v->n; i++) {
		const struct fm_check_result *c = &v->check[i];
		fprintf(f, "%-*s  %12s  %2s %11s  %9lld  %s%s%s\n", width, c->name, number(c->value, a),
			strcmp(c->direction, "min") == 0 ? ">=" : "<=", number(c->threshold, b), (long long)c->n,
			c->pass ? "pass" : "FAIL", c->pass ? "" : ": ", c->pass ? "" : c->why);
		failed += !c->pass;
	}
	if (v->pass)
		fprintf(f, "gate: pass (%zu checks)\n", v->n);
	else
		fprintf(f, "gate: FAIL (%zu of %zu checks failed)\n", failed, v->n);
}

int fm_stage_gate(const struct fm_gate_in *in, struct fm_gate_out *out, struct fm_error *err)
{
	struct fm_metrics metrics = {0};
	json_t *list = NULL, *verdict = NULL;
	char *path = NULL;
	int rc;

	*out = (struct fm_gate_out){0};
	if ((rc = fm_json_load(&list, in->metrics_json, METRICS_MAX, err)) != FM_OK)
		goto out;
	if ((rc = fm_metrics_from_list(&metrics, list, err)) != FM_OK) {
		rc = fm_error_prefix(err, "%s: ", in->metrics_json);
		goto out;
	}
	if ((rc = fm_gate_apply(in->cfg, &metrics, &out->verdict, err)) != FM_OK)
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
	json_decref(verdict);
	free(path);
	fm_metrics_free(&metrics);
	if (rc != FM_OK) {
		fm_verdict_free(&out->verdict);
		out->verdict = (struct fm_verdict){0};
	}
	return rc;
}

json_t *fm_gate_out_json(const struct fm_gate_out *out)
{
	return fm_verdict_json(&out->verdict);
}
