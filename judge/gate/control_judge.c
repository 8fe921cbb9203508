/* control_judge.c - would the gate have let the controls through? */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stats.h"
#include "judge/gate/check.h"
#include "judge/gate/controls.h"
#include "manifests/registry.h"

/* A floor is one draw of the noise.  Fresh flows are rarely further from the ideal than ROOM times the floor. */
#define ROOM 1.5

struct judge {
	const struct fm_config *cfg;
	const struct fm_verdict *v; /* lines of the release itself */
	struct fm_metrics floor, fresh, one;
	char words[128]; /* what went wrong, as much as fits */
	int broken;
};

/* The score of learners trained on real flows (trtr.*) is measured with each control; it is the same for all. */
static double floor_of(const struct judge *j, const char *name)
{
	const struct fm_metric *f = fm_gate_floor(&j->floor, name);

	if (!f)
		f = fm_gate_floor(&j->fresh, name);
	return f ? f->value : (double)NAN;
}

/* Few rows are noisy: an absolute threshold is moved by the distance of real flows from the ideal at this size.  A rule
 * that fresh flows break is broken by real flows in this trace, and controls are made of real flows. */
static double allowance(const struct judge *j, const struct fm_cfg_check *check, int is_max)
{
	double repeats = is_max ? fm_gate_repeats(check->name, &j->fresh, j->cfg->absent) : 0;
	const struct fm_metric *fresh = fm_metrics_find(&j->fresh, check->name);
	double room = repeats > 0 ? repeats : fm_gate_room(check, is_max, &j->floor, ROOM, 1);

	if (is_max && fresh && fresh->value > 0 && fm_metric_is_rule(check->name))
		room = fmax(room, fm_gate_seldom(fresh));
	return room;
}

/* A waived check stops nothing, so it catches nothing either. */
static int waived(const struct judge *j, const char *name)
{
	for (size_t i = 0; i < j->v->n; i++)
		if (j->v->check[i].waived && strcmp(j->v->check[i].name, name) == 0)
			return 1;
	return 0;
}

/* 1: it fails; 0: it passes; -1: the check does not apply, since the control or the fresh flows were not measured by
 * it, the flows are too few for it, or it is waived or compares identities.
 */
static int fails(const struct judge *j, const struct fm_cfg_check *check, int is_max, const struct fm_metrics *m,
		 struct fm_check_result *c)
{
	const struct fm_metric *fresh = fm_metrics_find(&j->fresh, check->name);

	if (!fresh || !isfinite(fresh->value) || !fm_metrics_find(m, check->name) ||
	    fm_metric_by_identity(check->name) || waived(j, check->name) ||
	    fm_gate_silence(check, &j->floor, ROOM) == FM_NO_ANSWER)
		return -1;
	fm_gate_line(c, check, is_max, m, floor_of(j, check->name), allowance(j, check, is_max));
	return !c->pass;
}

/* The names of the checks that this control fails, as a list; NULL without memory. */
static json_t *failed_checks(struct judge *j, const struct fm_metrics *m, char why[96])
{
	json_t *list = json_array();

	for (int i = 0; i < j->cfg->gate.n && list; i++) {
		const struct fm_cfg_check *check = &j->cfg->gate.check[i];
		struct fm_check_result c;
		int max = check->has_max && fails(j, check, 1, m, &c) == 1;

		if (!max && !(check->has_min && fails(j, check, 0, m, &c) == 1))
			continue;
		if (json_array_size(list) == 0)
			snprintf(why, 96, "%s (%.4g, %s %.4g)", check->name, c.value, max ? "at most" : "at least",
				 c.threshold);
		if (json_array_append_new(list, json_string(check->name)) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static void complain(struct judge *j, const char *name, double level, int positive, const char *why)
{
	if (j->broken++ > 0)
		return; /* the list of controls has all of them; the line names only the first */
	if (positive)
		snprintf(j->words, sizeof j->words, "real flows fail: %s", why);
	else if (level > 0)
		snprintf(j->words, sizeof j->words, "control %s %g passes: no check would have caught it", name, level);
	else
		snprintf(j->words, sizeof j->words, "control %s passes: no check would have caught it", name);
}

static int load(struct fm_metrics *m, const json_t *list, struct fm_error *err)
{
	fm_metrics_free(m);
	return fm_metrics_from_list(m, list, err);
}

static int judge_one(struct judge *j, const json_t *o, json_t *out, struct fm_error *err)
{
	const char *name = json_string_value(json_object_get(o, "name")),
		   *kind = json_string_value(json_object_get(o, "kind")),
		   *expected = json_string_value(json_object_get(o, "expected"));
	double level = json_number_value(json_object_get(o, "level"));
	char why[96] = "";
	json_t *failed;
	int rc, got_fail, ok, bad;

	if (!name || !kind || !expected)
		return fm_fail(err, FM_EINPUT, "a control lacks its name, kind or what is expected of it");
	if ((rc = load(&j->one, json_object_get(o, "metrics"), err)) < 0)
		return fm_error_prefix(err, "control %s: ", name);
	if (!(failed = failed_checks(j, &j->one, why)))
		return fm_fail(err, FM_ESYSTEM, "out of memory for the controls");
	got_fail = json_array_size(failed) > 0;
	ok = strcmp(expected, "any") == 0 || got_fail == (strcmp(expected, "fail") == 0);
	if (!ok)
		complain(j, name, level, strcmp(kind, "positive") == 0, why);
	bad = json_array_append_new(out, json_pack("{s:s, s:s, s:f, s:s, s:s, s:b, s:o}", "name", name, "kind", kind,
						   "level", level, "expected", expected, "got",
						   got_fail ? "fail" : "pass", "ok", ok, "failed_checks", failed));
	return bad ? fm_fail(err, FM_ESYSTEM, "out of memory for the controls") : FM_OK;
}

static const json_t *positive_of(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		const char *kind = json_string_value(json_object_get(o, "kind"));

		if (kind && strcmp(kind, "positive") == 0)
			return json_object_get(o, "metrics");
	}
	return NULL;
}

static void add_line(const struct judge *j, struct fm_verdict *v, size_t n)
{
	struct fm_check_result *c = &v->check[v->n++];

	*c = (struct fm_check_result){
	    .value = n ? j->broken : (double)NAN, .threshold = 0, .n = (int64_t)n, .ci_lo = NAN, .ci_hi = NAN};
	snprintf(c->name, sizeof c->name, "%s", FM_METRIC_CONTROLS);
	snprintf(c->direction, sizeof c->direction, "max");
	c->pass = fm_threshold_met(c->direction, c->value, c->threshold);
	if (!c->pass)
		snprintf(c->why, sizeof c->why, "%s", j->words);
}

int fm_controls_judge(const struct fm_config *cfg, const json_t *doc, struct fm_verdict *v, struct fm_error *err)
{
	const json_t *list = json_object_get(doc, "controls"), *positive = positive_of(list);
	const char *format = json_string_value(json_object_get(doc, "format"));
	struct judge j = {.cfg = cfg, .v = v};
	size_t n = json_array_size(list);
	int rc = FM_OK;

	if (doc && (!format || strcmp(format, FM_CONTROLS_FORMAT) != 0 || !json_is_array(list)))
		return fm_fail(err, FM_EINPUT, "no document of controls (" FM_CONTROLS_FORMAT ")");
	if (!(v->controls = json_array()))
		return fm_fail(err, FM_ESYSTEM, "out of memory for the controls");
	v->control_rows = json_integer_value(json_object_get(doc, "rows"));
	v->control_limit = cfg->gate.control_limit;
	if (n == 0 || !positive) {
		snprintf(j.words, sizeof j.words, "%s",
			 !doc ? "the controls were not run"
			      : "too few training or holdout rows to try the gate on controls");
		add_line(&j, v, 0);
		return FM_OK;
	}
	if ((rc = load(&j.floor, json_object_get(doc, "floor"), err)) < 0 || (rc = load(&j.fresh, positive, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		if ((rc = judge_one(&j, json_array_get(list, i), v->controls, err)) < 0)
			goto out;
	v->smallest_leak_caught = fm_controls_smallest_leak(v->controls);
	add_line(&j, v, n);
out:
	fm_metrics_free(&j.floor);
	fm_metrics_free(&j.fresh);
	fm_metrics_free(&j.one);
	return rc;
}
