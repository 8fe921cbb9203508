#include "judge/gate/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/stats.h"
#include "judge/gate/holdout.h"
#include "manifests/registry.h"

static void line_init(struct fm_check_result *c, const char *name, const char *direction, double threshold)
{
	*c = (struct fm_check_result){.value = NAN, .threshold = threshold, .ci_lo = NAN, .ci_hi = NAN};
	snprintf(c->name, sizeof c->name, "%s", name);
	snprintf(c->direction, sizeof c->direction, "%s", direction);
}

#define SHARE_NEARER "leak.share_nearer_train"
#define NO_SURPRISE 0.05

/* Above its threshold, a share of flows nearer to training may still be what the split's toss of windows brings about:
 * flows that lie near a few windows are all near to the side that these are on.  The test of that share tells how
 * often. */
static void say_chance(struct fm_check_result *c, const struct fm_metrics *metrics)
{
	const char *columns =
	    strncmp(c->name, SHARE_NEARER, strlen(SHARE_NEARER)) == 0 ? c->name + strlen(SHARE_NEARER) : NULL;
	char test[sizeof c->name];
	const struct fm_metric *p;
	size_t said = strlen(c->why);

	if (!columns)
		return;
	snprintf(test, sizeof test, "leak.nearer_p%s", columns);
	if ((p = fm_metrics_find(metrics, test)) && p->value >= NO_SURPRISE)
		snprintf(c->why + said, sizeof c->why - said,
			 "; a model without memory comes as near with a probability of %.2g (%s)",
			 fm_metric_published(test, p->value), test);
}

int fm_gate_is_relative(const struct fm_cfg_check *check, int is_max)
{
	return check->relative_to_floor && (is_max || !check->has_max);
}

void fm_gate_line(struct fm_check_result *c, const struct fm_cfg_check *check, int is_max,
		  const struct fm_metrics *metrics, double floor, double extra)
{
	const struct fm_metric *m = fm_metrics_find(metrics, check->name);
	double threshold = is_max ? check->max : check->min;

	if (fm_gate_is_relative(check, is_max))
		threshold = is_max ? threshold * floor + check->plus : threshold * floor - check->plus;
	if (fm_gate_is_relative(check, is_max)) /* a verdict is published, the real flows' floor is not */
		threshold = fm_two_digits(threshold, is_max);
	line_init(c, check->name, is_max ? "max" : "min", threshold + extra);
	if (!m) {
		snprintf(c->why, sizeof c->why,
			 "not measured: misspelt, or it needs a column or a holdout that is not there");
		return;
	}
	c->value = fm_metric_published(m->name, m->value);
	c->n = m->n;
	c->ci_lo = fm_metric_published(m->name, m->ci_lo);
	c->ci_hi = fm_metric_published(m->name, m->ci_hi);
	if (isnan(c->value))
		snprintf(c->why, sizeof c->why, "could not be computed (not a number)");
	else if (isinf(c->value))
		snprintf(c->why, sizeof c->why, "the value is infinite");
	else if (!isfinite(c->threshold))
		snprintf(c->why, sizeof c->why, "%s",
			 fm_gate_is_relative(check, is_max) ? "its noise floor was not measured"
							    : "the threshold is no number");
	else if (fm_threshold_met(c->direction, c->value, c->threshold))
		c->pass = 1;
	else {
		snprintf(c->why, sizeof c->why, "%s the threshold", is_max ? "above" : "below");
		if (is_max)
			say_chance(c, metrics);
	}
}

const struct fm_metric *fm_gate_floor(const struct fm_metrics *metrics, const char *name)
{
	char fresh[FM_METRIC_FLOOR];

	return fm_metric_fresh(name, fresh) ? fm_metrics_find(metrics, fresh) : NULL;
}

double fm_gate_seldom(const struct fm_metric *share)
{
	double lo, hi;

	fm_wilson(share->value * (double)share->n, (double)share->n, &lo, &hi);
	return fmax(hi, 2 * share->value); /* broken rows come in bunches, in windows that repeat each other */
}

double fm_gate_room(const struct fm_cfg_check *check, int is_max, const struct fm_metrics *metrics, double times,
		    int rare)
{
	const struct fm_metric_kind *kind = fm_metric_kind(check->name);
	const struct fm_metric *floor = fm_gate_floor(metrics, check->name);
	double off, far;

	if (!kind || !floor || !isfinite(floor->value) || fm_gate_is_relative(check, is_max) || !(times > 0))
		return 0;
	if (fm_metric_is_rule(check->name)) {
		if (!is_max || !(rare || floor->value > 0))
			return 0;
		return fm_gate_seldom(floor);
	}
	off = floor->value - kind->ideal; /* NaN where there is no ideal */
	if (kind->is & FM_ONE_TABLE || !(is_max ? off > 0 : off < 0))
		return 0; /* no worse than ideal */
	if (!(kind->span > 0))
		return times * off;
	/* the same share of the way from the threshold to the worst value as `times` the floor is of the way from the
	 * ideal */
	far = kind->ideal + (is_max ? kind->span : -kind->span) - (is_max ? check->max : check->min);
	return (is_max ? fmax(0, far) : fmin(0, far)) * fmin(1, times * fabs(off) / kind->span);
}

/* The share of rows that equal an earlier one, in training or holdout, whichever is larger. */
static double repeated(const struct fm_metrics *metrics)
{
	static const char *const repeats[] = {"leak.repeats_train", "leak.repeats_holdout"};
	double most = 0;

	for (size_t i = 0; i < sizeof repeats / sizeof *repeats; i++) {
		const struct fm_metric *m = fm_metrics_find(metrics, repeats[i]);

		most = m && m->value > most ? m->value : most;
	}
	return most;
}

double fm_gate_in_common(const struct fm_metrics *metrics, unsigned absent)
{
	double again = repeated(metrics);

	return absent ? fmax(FM_HOLDOUT_MAX, fmin(2 * again, (1 + again) / 2)) : FM_HOLDOUT_MAX;
}

double fm_gate_repeats(const char *check, const struct fm_metrics *metrics, unsigned absent)
{
	const struct fm_metric *seen = fm_metrics_find(metrics, "leak.holdout_equal");

	if (strcmp(check, FM_METRIC_REPEATS) != 0 || !seen || !(seen->n > 0))
		return 0;
	/* with more in common, the holdout is not a real one, or nothing could be told */
	if (!(repeated(metrics) > 0) || seen->value > fm_gate_in_common(metrics, absent))
		return 0;
	return absent ? fmin(fm_gate_seldom(seen), (1 + seen->value) / 2) : fm_gate_seldom(seen);
}

/* The check with its threshold moved by what fresh real flows score, rounded outwards to two digits: the verdict is
 * published, but their score is not. */
static struct fm_cfg_check with_room(const struct fm_cfg_check *check, int is_max, const struct fm_metrics *metrics,
				     double room, unsigned absent)
{
	struct fm_cfg_check c = *check;
	double by = (is_max ? fm_gate_repeats(check->name, metrics, absent) : 0) +
		    fm_gate_room(check, is_max, metrics, check->has_room ? check->room : room, 0);

	if (by > 0 || by < 0)
		*(is_max ? &c.max : &c.min) = fm_two_digits((is_max ? c.max : c.min) + by, is_max);
	return c;
}

/* Does a threshold refuse nothing, because no value can be worse? */
static bool is_void(const struct fm_cfg_check *check, const struct fm_metric_kind *kind)
{
	return check->has_max ? check->max >= kind->ideal + kind->span : check->min <= kind->ideal - kind->span;
}

/* Is no comparison possible with these real flows?  Their hosts may be too few for profiles, or they for
 * what is unusual among them; or fresh flows score so
 * badly that a threshold moved for them refuses nothing. */
static bool cannot_tell(const struct fm_cfg_check *check, const struct fm_metrics *metrics, double room)
{
	const struct fm_metric *floor = fm_gate_floor(metrics, check->name);
	const struct fm_metric_kind *kind = fm_metric_kind(check->name);
	struct fm_cfg_check moved;

	if (!floor || !kind || !(kind->span > 0))
		return false;
	if (!isfinite(floor->value))
		return fm_metric_is_profile(check->name) || fm_metric_is_anomaly(check->name);
	if (check->has_max == check->has_min || fm_gate_is_relative(check, check->has_max) || is_void(check, kind))
		return false;
	moved = with_room(check, check->has_max, metrics, room, 0);
	return is_void(&moved, kind);
}

enum fm_silence fm_gate_silence(const struct fm_cfg_check *check, const struct fm_metrics *metrics, double room)
{
	const struct fm_metric *classes = fm_metrics_find(metrics, "downstream.label_classes");

	if (!fm_metric_may_be_unasked(check->name))
		return FM_ASKED;
	if (classes && classes->value < 2 && fm_metric_needs_labels(check->name))
		return fm_metrics_find(metrics, check->name) ? FM_ASKED : FM_NO_LABELS;
	return cannot_tell(check, metrics, room) ? FM_NO_ANSWER : FM_ASKED;
}

bool fm_gate_may_move(const struct fm_cfg_check *check, double room)
{
	return fm_check_may_move(check->name, check->has_room ? check->room : room);
}

static void apply(struct fm_verdict *v, const struct fm_metrics *metrics, const struct fm_cfg_check *check,
		  const struct fm_config *cfg)
{
	const struct fm_metric *f = fm_gate_floor(metrics, check->name);

	for (int is_max = 1; is_max >= 0; is_max--)
		if (is_max ? check->has_max : check->has_min) {
			struct fm_cfg_check moved = with_room(check, is_max, metrics, cfg->gate.room, cfg->absent);
			fm_gate_line(&v->check[v->n++], &moved, is_max, metrics, f ? f->value : (double)NAN, 0);
		}
	if (!check->has_max && !check->has_min) {
		struct fm_check_result *c = &v->check[v->n++];
		line_init(c, check->name, "max", NAN);
		snprintf(c->why, sizeof c->why, "the config gives it no threshold");
	}
}

void fm_gate_decide(struct fm_verdict *v)
{
	v->pass = fm_verdict_holds(v);
}

/* A verdict is published, so its row counts are rounded. */
static void round_rows(struct fm_verdict *v, const struct fm_config *cfg, const struct fm_metrics *metrics)
{
	const struct fm_metric *made = fm_metrics_find(metrics, "rows.synthetic");

	for (size_t i = 0; i < v->n; i++)
		v->check[i].n = fm_metric_published_rows(v->check[i].name, v->check[i].n, made ? made->n : 0,
							 cfg->privacy.min_count, cfg->model.window);
}

int fm_gate_apply(const struct fm_config *cfg, const struct fm_metrics *metrics, struct fm_verdict *v,
		  struct fm_error *err)
{
	int rc, n = cfg->gate.n;

	*v = (struct fm_verdict){0};
	if (n < 0 || n > FM_CFG_MAXCHECKS)
		return fm_fail(err, FM_EINPUT, "a gate cannot have %d checks: 1 to %d are allowed", n,
			       FM_CFG_MAXCHECKS);
	/* one more each for a gate without checks, the controls, a holdout that is not a real one, and an audit */
	if ((rc = fm_alloc(&v->check, 2 * (size_t)n + 4, sizeof *v->check, "a verdict", err)) < 0)
		return rc;
	for (int i = 0; i < n; i++) {
		const struct fm_cfg_check *check = &cfg->gate.check[i];

		if (fm_gate_silence(check, metrics, cfg->gate.room) == FM_ASKED) {
			apply(v, metrics, check, cfg);
		} else if ((!v->unasked && !(v->unasked = json_array())) ||
			   json_array_append_new(v->unasked, json_string(check->name)) != 0) {
			fm_verdict_free(v);
			return fm_fail(err, FM_ESYSTEM, "out of memory for what is unasked");
		}
	}
	if (n == 0) {
		struct fm_check_result *c = &v->check[v->n++];
		line_init(c, "gate", "min", 1);
		c->value = 0;
		snprintf(c->why, sizeof c->why,
			 "no check is there to apply: a gate without checks lets nothing through");
	}
	round_rows(v, cfg, metrics);
	fm_gate_decide(v);
	return FM_OK;
}

void fm_gate_claim(struct fm_verdict *v, const json_t *audits)
{
	const json_t *a = json_array_get(audits, 0);
	struct fm_check_result *c;

	if (!a)
		return;
	c = &v->check[v->n++];
	line_init(c, FM_METRIC_AUDITED, "max", json_number_value(json_object_get(a, "epsilon")));
	c->value = json_number_value(json_object_get(a, "epsilon_lower"));
	c->n = json_integer_value(json_object_get(a, "canaries"));
	c->pass = fm_threshold_met(c->direction, c->value, c->threshold);
	if (!c->pass)
		snprintf(c->why, sizeof c->why, "flowmint audit-privacy refutes the epsilon that is claimed");
}

/* The waiver of a check, or NULL. */
static json_t *waiver_of(const json_t *waivers, const char *check)
{
	for (size_t i = 0; i < json_array_size(waivers); i++) {
		json_t *w = json_array_get(waivers, i);
		const char *name = json_string_value(json_object_get(w, "check"));
		if (name && strcmp(name, check) == 0)
			return w;
	}
	return NULL;
}

/* Only what failed is lifted, and only the waivers that lifted something are in the verdict. */
int fm_gate_waive(struct fm_verdict *v, const json_t *waivers, struct fm_error *err)
{
	for (size_t i = 0; i < v->n; i++) {
		struct fm_check_result *c = &v->check[i];
		json_t *w = c->pass || c->waived ? NULL : waiver_of(waivers, c->name);

		if (!w)
			continue;
		c->waived = 1;
		if (!v->waivers && !(v->waivers = json_array()))
			return fm_fail(err, FM_ESYSTEM, "out of memory for the waivers");
		if (!waiver_of(v->waivers, c->name) && json_array_append(v->waivers, w) != 0)
			return fm_fail(err, FM_ESYSTEM, "out of memory for the waivers");
	}
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

static void print_controls(FILE *f, const struct fm_verdict *v)
{
	struct fm_control_tally t = fm_control_tally(v->controls);
	char a[32];

	if (t.planted + t.fresh == 0)
		return;
	fprintf(f, "controls: %zu of %zu planted generators caught", t.caught, t.planted);
	if (t.missed)
		fprintf(f, ", %zu that had to be were not", t.missed);
	if (t.fresh)
		fprintf(f, "; %zu of %zu tables of fresh flows passed", t.passed, t.fresh);
	if (v->smallest_leak_caught > 0)
		fprintf(f, "; smallest leak caught: %s %% of the rows copied",
			number(100 * v->smallest_leak_caught, a));
	fprintf(f, " (%lld rows)\n", (long long)v->control_rows);
}

void fm_verdict_print_word(FILE *f, const struct fm_verdict *v)
{
	size_t failed = 0, waived = 0;

	for (size_t i = 0; i < v->n; i++) {
		failed += !v->check[i].pass && !v->check[i].waived;
		waived += v->check[i].waived != 0;
	}
	if (v->pass && waived)
		fprintf(f, "gate: pass (%zu checks, %zu of them waived)\n", v->n, waived);
	else if (v->pass)
		fprintf(f, "gate: pass (%zu checks)\n", v->n);
	else
		fprintf(f, "gate: FAIL (%zu of %zu checks failed)\n", failed, v->n);
}

void fm_verdict_print_lines(FILE *f, const struct fm_verdict *v)
{
	int width = (int)strlen("check");
	char a[32], b[32], m[32], n[32];

	for (size_t i = 0; i < v->n; i++) {
		int w = (int)strlen(v->check[i].name);
		width = w > width ? w : width;
	}
	fprintf(f, "%-*s  %12s  %14s  %10s  %9s  %s\n", width, "check", "value", "threshold", "margin", "n", "result");
	for (size_t i = 0; i < v->n; i++) {
		const struct fm_check_result *c = &v->check[i];

		snprintf(n, sizeof n, "%lld", (long long)c->n);
		fprintf(f, "%-*s  %12s  %2s %11s  %10s  %9s  %s%s%s\n", width, c->name, number(c->value, a),
			strcmp(c->direction, "min") == 0 ? ">=" : "<=", number(c->threshold, b),
			number(fm_check_margin(c), m), c->n > 0 ? n : "-",
			c->pass     ? "pass"
			: c->waived ? "waived"
				    : "FAIL",
			c->pass ? "" : ": ", c->pass ? "" : c->why);
	}
	for (size_t i = 0; i < json_array_size(v->unasked); i++)
		fprintf(f, "%s %s", i ? "," : "not asked, as the real flows cannot answer:",
			json_string_value(json_array_get(v->unasked, i)));
	if (json_array_size(v->unasked) > 0)
		fputc('\n', f);
	print_controls(f, v);
}

void fm_verdict_print(FILE *f, const struct fm_verdict *v)
{
	fm_verdict_print_lines(f, v);
	fm_verdict_print_word(f, v);
}

struct of_trace {
	const struct fm_metrics *metrics, *broken;
};

static double value_of(const void *ctx, const char *name)
{
	const struct of_trace *t = ctx;
	const struct fm_metric *m = fm_metrics_find(t->metrics, name);

	if (!m && t->broken)
		m = fm_metrics_find(t->broken, name);
	return m ? m->value : (double)NAN;
}

void fm_verdict_print_trace(FILE *f, const struct fm_verdict *v, const struct fm_metrics *metrics,
			    const struct fm_metrics *broken)
{
	char words[160];

	for (size_t i = 0; i < v->n; i++) {
		if (v->check[i].pass)
			continue;
		const struct fm_check_result *c = &v->check[i];
		/* Of one rule alone its words speak of flows held out. */
		struct of_trace t = {metrics, strcmp(c->name, FM_METRIC_BROKEN) == 0 ? broken : NULL};
		fm_rule_of_trace(c->name, value_of, &t, words, sizeof words);
		const struct fm_metric *real = strcmp(c->name, FM_METRIC_REPEATS) == 0
						   ? fm_metrics_find(metrics, "leak.holdout_equal")
						   : fm_gate_floor(metrics, c->name);
		if (!*words && real && isfinite(real->value) && isfinite(c->threshold) &&
		    !fm_threshold_met(c->direction, real->value, c->threshold))
			snprintf(words, sizeof words, "real flows that were held out fail it too, with %.4g",
				 real->value);
		if (*words)
			fprintf(f, "%s: %s\n", c->name, words);
	}
}
