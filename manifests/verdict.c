/* verdict.c - what the gate decided, as a document. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "manifests/metrics_json.h"
#include "manifests/registry.h"

const char *const fm_verdict_members[] = {"verdict",  "checks",       "waivers",       "unasked",
					  "controls", "control_rows", "control_limit", "smallest_leak_caught",
					  NULL};

double fm_check_margin(const struct fm_check_result *c)
{
	if (!isfinite(c->value) || !isfinite(c->threshold))
		return NAN;
	return strcmp(c->direction, "min") == 0 ? c->value - c->threshold : c->threshold - c->value;
}

bool fm_threshold_met(const char *direction, double value, double threshold)
{
	if (!isfinite(value) || !isfinite(threshold))
		return false;
	return strcmp(direction, "max") == 0 ? value <= threshold : strcmp(direction, "min") == 0 && value >= threshold;
}

bool fm_threshold_asked(const struct fm_check_result *c, double bound, bool relative, bool may_move)
{
	/* Laxer: the bound itself would meet it. */
	return relative || c->threshold == bound || (may_move && fm_threshold_met(c->direction, bound, c->threshold));
}

bool fm_check_holds(const struct fm_check_result *c)
{
	return c->pass && fm_threshold_met(c->direction, c->value, c->threshold);
}

bool fm_check_json_holds(const json_t *check)
{
	const char *direction = json_string_value(json_object_get(check, "direction"));
	const json_t *value = json_object_get(check, "value"), *threshold = json_object_get(check, "threshold");

	return json_is_true(json_object_get(check, "pass")) && direction && json_is_number(value) &&
	       json_is_number(threshold) &&
	       fm_threshold_met(direction, json_number_value(value), json_number_value(threshold));
}

bool fm_verdict_holds(const struct fm_verdict *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (!v->check[i].waived && !fm_check_holds(&v->check[i]))
			return false;
	return v->n > 0;
}

size_t fm_verdict_failed(const struct fm_verdict *v, char *words, size_t cap)
{
	size_t at = 0, failed = 0;

	*words = '\0';
	for (size_t i = 0; i < v->n; i++) {
		const struct fm_check_result *c = &v->check[i];
		char one[320];

		if (c->waived || fm_check_holds(c))
			continue;
		failed++;
		if (isfinite(c->value) && !isfinite(c->threshold))
			snprintf(one, sizeof(one), "%s%s %.4g (no threshold%s%s)", at ? ", " : "", c->name, c->value,
				 *c->why ? ": " : "", c->why);
		else if (isfinite(c->value))
			snprintf(one, sizeof(one), "%s%s %.4g (%s %.4g)", at ? ", " : "", c->name, c->value,
				 c->direction, c->threshold);
		else
			snprintf(one, sizeof(one), "%s%s without a value", at ? ", " : "", c->name);
		if (at + strlen(one) < cap) {
			strcpy(words + at, one);
			at += strlen(one);
		}
	}
	return failed;
}

/* The rule of a check, and the rule that most held-out flows break. */
struct broken {
	const char *check;
	double (*value)(const void *ctx, const char *name);
	const void *ctx;
	double share, most;
	char which[64];
};

static void look_at_rule(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	struct broken *b = ctx;
	char floor[FM_METRIC_FLOOR];
	double v;

	if (!(kind->is & FM_OF_RULES) || strcmp(name, FM_METRIC_BROKEN) == 0)
		return;
	fm_metric_floor(name, floor);
	v = b->value(b->ctx, floor);
	if (strcmp(b->check, name) == 0)
		b->share = v;
	if (v > b->most) {
		b->most = v;
		snprintf(b->which, sizeof(b->which), "%s", name + strlen("rules."));
	}
}

void fm_rule_of_trace(const char *check, double (*value)(const void *ctx, const char *name), const void *ctx,
		      char *words, size_t cap)
{
	struct broken b = {.check = check, .value = value, .ctx = ctx, .share = NAN};

	*words = '\0';
	fm_metric_each(look_at_rule, &b);
	if (strcmp(check, FM_METRIC_BROKEN) == 0) {
		double share = value(ctx, "rules.broken_share_real");

		if (share > 0 && *b.which)
			snprintf(words, cap, "the trace itself breaks it: %.3g %% of its flows, most of them %s",
				 100 * share, b.which);
		else if (share > 0)
			snprintf(words, cap, "the trace itself breaks it: %.3g %% of its flows", 100 * share);
	} else if (b.share > 0) {
		snprintf(words, cap, "the trace itself breaks it: %.3g %% of the flows held out", 100 * b.share);
	}
}

/* ---- writing ---- */

static json_t *check_json(const struct fm_check_result *c)
{
	json_t *o = json_pack("{s:s,s:o,s:o,s:s,s:o,s:I,s:b,s:b,s:s}", "name", c->name, "value",
			      fm_real_or_null(c->value), "threshold", fm_real_or_null(c->threshold), "direction",
			      c->direction, "margin", fm_real_or_null(fm_check_margin(c)), "n", (json_int_t)c->n,
			      "pass", c->pass, "waived", c->waived, "why", c->why);

	if (o && fm_set_ci(o, c->ci_lo, c->ci_hi) != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

struct fm_control_tally fm_control_tally(const json_t *controls)
{
	struct fm_control_tally t = {0};
	const json_t *o;
	size_t i;

	json_array_foreach(controls, i, o)
	{
		if (fm_json_says(o, "kind", "positive")) {
			t.fresh++;
			t.passed += fm_json_says(o, "got", "pass");
		} else {
			t.planted++;
			t.caught += fm_json_says(o, "got", "fail");
			t.must += fm_json_says(o, "expected", "fail");
			t.missed += fm_json_says(o, "expected", "fail") && !fm_json_says(o, "got", "fail");
		}
	}
	return t;
}

static int add_controls(json_t *root, const struct fm_verdict *v)
{
	return json_object_set(root, "controls", v->controls) |
	       json_object_set_new(root, "control_rows", json_integer(v->control_rows)) |
	       json_object_set_new(root, "control_limit", json_real(v->control_limit)) |
	       json_object_set_new(root, "smallest_leak_caught",
				   v->smallest_leak_caught > 0 ? json_real(v->smallest_leak_caught) : json_null());
}

json_t *fm_verdict_json(const struct fm_verdict *v)
{
	json_t *list = json_array(), *root = json_object();
	int bad = !list || !root;

	for (size_t i = 0; i < v->n && !bad; i++)
		bad |= json_array_append_new(list, check_json(&v->check[i]));
	bad |= json_object_set_new(root, "verdict", json_string(v->pass ? "pass" : "fail"));
	bad |= json_object_set_new(root, "checks", list);
	if (v->waivers)
		bad |= json_object_set(root, "waivers", v->waivers);
	if (v->unasked)
		bad |= json_object_set(root, "unasked", v->unasked);
	if (v->controls)
		bad |= add_controls(root, v);
	if (!bad)
		return root;
	json_decref(root);
	return NULL;
}

/* ---- reading ---- */

static int check_from_json(struct fm_check_result *c, const json_t *o, const char *where, struct fm_error *err)
{
	static const char *const keys[] = {"name", "value", "threshold", "direction", "margin",
					   "n",    "pass",  "waived",    "ci",        "why"};
	const json_t *pass = json_object_get(o, "pass"), *waived = json_object_get(o, "waived");
	int rc;

	if ((rc = fm_doc_keys(o, keys, sizeof(keys) / sizeof(keys[0]), where, err)) < 0 ||
	    (rc = fm_doc_text(o, "name", c->name, sizeof(c->name), where, err)) < 0 ||
	    (rc = fm_doc_real(o, "value", &c->value, where, err)) < 0 ||
	    (rc = fm_doc_real(o, "threshold", &c->threshold, where, err)) < 0 ||
	    (rc = fm_doc_text(o, "direction", c->direction, sizeof(c->direction), where, err)) < 0 ||
	    (rc = fm_doc_count(o, &c->n, where, err)) < 0 ||
	    (rc = fm_doc_ci(o, &c->ci_lo, &c->ci_hi, where, err)) < 0 ||
	    (rc = fm_doc_text(o, "why", c->why, sizeof(c->why), where, err)) < 0)
		return rc;
	if (!fm_metric_name_ok(c->name))
		return fm_fail(err, FM_EINPUT, "%s: no name of a metric", where);
	if (strcmp(c->direction, "max") != 0 && strcmp(c->direction, "min") != 0)
		return fm_fail(err, FM_EINPUT, "%s (%s): direction is max or min", where, c->name);
	if (!json_is_boolean(pass) || (waived && !json_is_boolean(waived)))
		return fm_fail(err, FM_EINPUT, "%s (%s): 'pass' and 'waived' must be true or false", where, c->name);
	c->pass = json_is_true(pass);
	c->waived = json_is_true(waived);
	/* A pass that the numbers beside it deny is a forgery or a bug; a failure is believed as it stands. */
	if (c->pass && !fm_check_holds(c))
		return fm_fail(err, FM_EINPUT, "%s (%s): says pass, but its value does not meet its threshold", where,
			       c->name);
	if (c->pass && c->waived)
		return fm_fail(err, FM_EINPUT, "%s (%s): says both pass and waived", where, c->name);
	return FM_OK;
}

static int waivers_from_json(struct fm_verdict *v, const json_t *list, struct fm_error *err)
{
	static const char *const keys[] = {"check", "reason", "expires", "signer", "key"};
	size_t n = json_array_size(list);
	char text[1100];
	int rc;

	if (!json_is_array(list) || n > FM_DOC_MAXENTRIES)
		return fm_fail(err, FM_EINPUT, "verdict: 'waivers' must be a list of at most %d", FM_DOC_MAXENTRIES);
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(list, i);
		if ((rc = fm_doc_keys(o, keys, 5, "verdict: waiver", err)) < 0)
			return rc;
		for (int k = 0; k < 5; k++)
			if ((rc = fm_doc_text(o, keys[k], text, sizeof(text), "verdict: waiver", err)) < 0)
				return rc;
	}
	v->waivers = json_deep_copy(list);
	return v->waivers ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory for the waivers");
}

static int one_of(const json_t *o, const char *key, const char *words, const char *where, struct fm_error *err)
{
	const char *s = json_string_value(json_object_get(o, key));
	char want[32];

	snprintf(want, sizeof(want), " %.20s ", s ? s : "\n");
	return strstr(words, want) ? FM_OK : fm_fail(err, FM_EINPUT, "%s: '%s' must be one of%s", where, key, words);
}

static int control_from_json(const json_t *o, const char *where, struct fm_error *err)
{
	static const char *const keys[] = {"name", "kind", "level", "expected", "got", "ok", "failed_checks"};
	const json_t *failed = json_object_get(o, "failed_checks"), *level = json_object_get(o, "level");
	char name[32];
	int rc;

	if ((rc = fm_doc_keys(o, keys, sizeof(keys) / sizeof(keys[0]), where, err)) < 0 ||
	    (rc = fm_doc_text(o, "name", name, sizeof(name), where, err)) < 0 ||
	    (rc = one_of(o, "kind", " negative positive ", where, err)) < 0 ||
	    (rc = one_of(o, "expected", " fail pass any ", where, err)) < 0 ||
	    (rc = one_of(o, "got", " fail pass ", where, err)) < 0)
		return rc;
	if (!json_is_number(level) || !json_is_boolean(json_object_get(o, "ok")) || !json_is_array(failed))
		return fm_fail(err, FM_EINPUT, "%s: a control has a 'level', 'ok' and a list of 'failed_checks'",
			       where);
	for (size_t i = 0; i < json_array_size(failed); i++) {
		const char *s = json_string_value(json_array_get(failed, i));
		if (!s || !fm_metric_name_ok(s))
			return fm_fail(err, FM_EINPUT, "%s: no name of a metric in 'failed_checks'", where);
	}
	return FM_OK;
}

static int controls_from_json(struct fm_verdict *v, const json_t *j, struct fm_error *err)
{
	const json_t *list = json_object_get(j, "controls"), *rows = json_object_get(j, "control_rows");
	size_t n = json_array_size(list);
	double leak;
	int rc;

	if (!list)
		return FM_OK;
	if (!json_is_array(list) || n > FM_DOC_MAXENTRIES)
		return fm_fail(err, FM_EINPUT, "verdict: 'controls' must be a list of at most %d", FM_DOC_MAXENTRIES);
	for (size_t i = 0; i < n; i++) {
		char where[48];
		snprintf(where, sizeof(where), "verdict: control %zu", i + 1);
		if ((rc = control_from_json(json_array_get(list, i), where, err)) < 0)
			return rc;
	}
	if (!json_is_integer(rows) || json_integer_value(rows) < 0)
		return fm_fail(err, FM_EINPUT, "verdict: 'control_rows' must be a count of rows");
	v->control_rows = json_integer_value(rows);
	if ((rc = fm_doc_real(j, "control_limit", &v->control_limit, "verdict", err)) < 0 ||
	    (rc = fm_doc_real(j, "smallest_leak_caught", &leak, "verdict", err)) < 0)
		return rc;
	v->smallest_leak_caught = leak > 0 ? leak : 0;
	v->controls = json_deep_copy(list);
	return v->controls ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory for the controls");
}

static bool has_waiver(const struct fm_verdict *v, const char *check)
{
	for (size_t i = 0; i < json_array_size(v->waivers); i++) {
		const char *name = json_string_value(json_object_get(json_array_get(v->waivers, i), "check"));
		if (name && strcmp(name, check) == 0)
			return true;
	}
	return false;
}

/* Is the last check there once more before it?  A name may have both a max and a min. */
static bool is_there_before(const struct fm_verdict *v)
{
	const struct fm_check_result *last = &v->check[v->n];

	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->check[i].name, last->name) == 0 && strcmp(v->check[i].direction, last->direction) == 0)
			return true;
	return false;
}

static int checks_from_json(struct fm_verdict *v, const json_t *list, struct fm_error *err)
{
	size_t n = json_array_size(list);
	int rc;

	if (!json_is_array(list) || n > FM_DOC_MAXENTRIES)
		return fm_fail(err, FM_EINPUT, "verdict: 'checks' must be a list of at most %d", FM_DOC_MAXENTRIES);
	if ((rc = fm_alloc(&v->check, n ? n : 1, sizeof(*v->check), "the checks of a verdict", err)) < 0)
		return rc;
	for (v->n = 0; v->n < n; v->n++) {
		struct fm_check_result *c = &v->check[v->n];
		char where[48];
		snprintf(where, sizeof(where), "verdict: check %zu", v->n + 1);
		if ((rc = check_from_json(c, json_array_get(list, v->n), where, err)) < 0)
			return rc;
		if (c->waived && !has_waiver(v, c->name))
			return fm_fail(err, FM_EINPUT, "%s (%s): says waived, but there is no waiver of it", where,
				       c->name);
		if (is_there_before(v))
			return fm_fail(err, FM_EINPUT, "%s (%s %s): is there twice", where, c->name, c->direction);
	}
	return FM_OK;
}

/* Each waiver lifted a check, and no check has two. */
static int check_waived(const struct fm_verdict *v, struct fm_error *err)
{
	size_t n = json_array_size(v->waivers);

	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_object_get(json_array_get(v->waivers, i), "check"));
		bool lifts = false;

		for (size_t k = 0; k < v->n; k++)
			lifts |= v->check[k].waived && strcmp(v->check[k].name, name) == 0;
		for (size_t k = 0; k < i; k++)
			if (strcmp(json_string_value(json_object_get(json_array_get(v->waivers, k), "check")), name) ==
			    0)
				return fm_fail(err, FM_EINPUT, "verdict: %.64s has two waivers", name);
		if (!lifts)
			return fm_fail(err, FM_EINPUT,
				       "verdict: there is a waiver of %.64s, and no such check is waived", name);
	}
	return FM_OK;
}

/* Accept only checks that a trace may leave unanswered, and none that was judged. */
static int unasked_from_json(struct fm_verdict *v, const json_t *list, struct fm_error *err)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > FM_DOC_MAXENTRIES)
		return fm_fail(err, FM_EINPUT, "verdict: 'unasked' must be a list of at most %d", FM_DOC_MAXENTRIES);
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (!name || !fm_metric_name_ok(name) || !fm_metric_may_be_unasked(name))
			return fm_fail(err, FM_EINPUT, "verdict: 'unasked' names '%s', which every trace can answer",
				       name ? name : "no name");
		for (size_t k = 0; k < v->n; k++)
			if (strcmp(v->check[k].name, name) == 0)
				return fm_fail(err, FM_EINPUT, "verdict: %s was judged and is 'unasked' too", name);
	}
	v->unasked = json_deep_copy(list);
	return v->unasked ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory for what is unasked");
}

int fm_verdict_from_json(struct fm_verdict *v, const json_t *j, struct fm_error *err)
{
	const char *word = json_string_value(json_object_get(j, "verdict"));
	const json_t *waivers = json_object_get(j, "waivers"), *unasked = json_object_get(j, "unasked");
	size_t members = 0;
	int rc;

	*v = (struct fm_verdict){0};
	while (fm_verdict_members[members])
		members++;
	if ((rc = fm_doc_keys(j, fm_verdict_members, members, "verdict", err)) < 0)
		return rc;
	if (word == NULL || (strcmp(word, "pass") != 0 && strcmp(word, "fail") != 0))
		return fm_fail(err, FM_EINPUT, "verdict: 'verdict' must be \"pass\" or \"fail\"");
	if ((waivers && (rc = waivers_from_json(v, waivers, err)) < 0) ||
	    (rc = checks_from_json(v, json_object_get(j, "checks"), err)) < 0 || (rc = check_waived(v, err)) < 0 ||
	    (unasked && (rc = unasked_from_json(v, unasked, err)) < 0) || (rc = controls_from_json(v, j, err)) < 0)
		goto out;
	v->pass = strcmp(word, "pass") == 0;
	if (v->pass && !fm_verdict_holds(v))
		rc = fm_fail(err, FM_EINPUT, "verdict: says pass, but %s",
			     v->n ? "not every check passed" : "nothing was checked");
out:
	if (rc < 0)
		fm_verdict_free(v);
	return rc;
}

void fm_verdict_free(struct fm_verdict *v)
{
	if (v == NULL)
		return;
	free(v->check);
	json_decref(v->waivers);
	json_decref(v->controls);
	json_decref(v->unasked);
	*v = (struct fm_verdict){0};
}
