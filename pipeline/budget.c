#include "pipeline/budget.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/thread.h"
#include "manifests/claim.h"
#include "model/generator.h"
#include "model/private_counts.h"
#include "privacy/charge_json.h"

#define DIGITS 6 /* of a published epsilon, rounded up */
/* How far an epsilon of a group may be above the true one; for one unit it is the claimed epsilon. */
#define GROUP_SHARE 4e-3

static enum fm_accountant accountant_of(const struct fm_config *cfg)
{
	return strcmp(cfg->privacy.accountant, "rdp") == 0 ? FM_RDP : FM_PLD;
}

int fm_budget_claim(struct fm_claim *c, const struct fm_config *cfg, struct fm_error *err)
{
	int rc;

	*c = (struct fm_claim){.delta = cfg->privacy.delta};
	if ((rc = fm_generator_plan(cfg, &c->charges, err)) < 0 ||
	    (rc = fm_private_gate_plan(cfg, &c->charges, err)) < 0 ||
	    (rc = fm_charges_epsilon(&c->charges, c->delta, fm_config_group(cfg), fm_private_adjacency(cfg),
				     accountant_of(cfg), &c->epsilon, err)) < 0 ||
	    (rc = fm_alloc(&c->share, c->charges.n, sizeof *c->share, "shares of a budget", err)) < 0 ||
	    (rc = fm_charges_shares(&c->charges, c->delta, fm_config_group(cfg), c->share, err)) < 0)
		goto out;
	c->epsilon = fm_round_up(c->epsilon, DIGITS);
	if (cfg->privacy.epsilon > 0 && c->epsilon > cfg->privacy.epsilon)
		rc = fm_fail(
		    err, FM_EINPUT,
		    "the noise that model.kind %s and the gate would draw gives epsilon %g, over privacy.epsilon %g: "
		    "nothing is read",
		    cfg->model.kind, c->epsilon, cfg->privacy.epsilon);
out:
	if (rc < 0)
		fm_claim_free(c);
	return rc;
}

void fm_claim_free(struct fm_claim *c)
{
	fm_charges_free(&c->charges);
	free(c->share);
	c->share = NULL;
}

/* ---- one budget a trace ---- */

/* An exchange is in one minute, and a period has all minutes that a part of it is in (fm_record_period). */
static bool share_minutes(const int64_t a[2], const int64_t b[2])
{
	struct fm_record_opts x, y;

	fm_record_period(&x, a[0], a[1]);
	fm_record_period(&y, b[0], b[1]);
	return x.first_slot < y.first_slot + y.nslots && y.first_slot < x.first_slot + x.nslots;
}

/* May an earlier charge have been for records of this trace?  The file may be another one, compressed or sorted in
 * another way, or with some flows more, so what decides is when its flows were, which the config says in public.  A
 * charge of a version that did not write that down is known by its file alone. */
static bool of_its_records(const json_t *charged, const struct fm_config *cfg, const char *trace_sha256)
{
	const char *first = fm_json_str(charged, "first"), *last = fm_json_str(charged, "last");
	int64_t ours[2], theirs[2];
	struct fm_error ignored;

	if (fm_json_says(charged, "trace", trace_sha256))
		return true;
	return fm_config_public_period(cfg, &ours[0], &ours[1], &ignored) == FM_OK &&
	       fm_parse_time_ms(first, strlen(first), &theirs[0]) == 0 &&
	       fm_parse_time_ms(last, strlen(last), &theirs[1]) == 0 && share_minutes(ours, theirs);
}

/* Does an earlier charge say something about the config's unit?  An epsilon for flows holds for exchanges too, but not
 * the other way round; one for windows, whatever is kept of each, holds for windows alone. */
static bool adds_to(const json_t *charged, const struct fm_config *cfg)
{
	return fm_json_says(charged, "unit", cfg->privacy.unit) ||
	       (strcmp(cfg->privacy.unit, "exchange") == 0 && fm_json_says(charged, "unit", "flow"));
}

/* With no bound set.  other: the unit of an earlier charge that says nothing about the config's unit, or NULL. */
static void warn_of_sum(const struct fm_config *cfg, size_t n, double epsilon, double delta, const char *other)
{
	if (other) {
		fm_warn(
		    "this is charge %zu of its trace, and an earlier one was for %ss: they do not add up to a claim "
		    "for %ss, and privacy.total_epsilon is 0, which bounds nothing",
		    n, other, cfg->privacy.unit);
		return;
	}
	fm_warn("this is charge %zu of its trace, or of files of its period: all together claim epsilon %g at delta "
		"%g, and privacy.total_epsilon is 0, which bounds nothing%s",
		n, epsilon, delta,
		delta * fm_config_units(cfg) < 1
		    ? ""
		    : "; that delta is no longer below one in privacy.records, so together they claim nothing of use, "
		      "whatever each does alone: take a smaller privacy.delta for each of several runs");
}

/* What was charged to a trace before. */
struct spent {
	bool known; /* this very question: the same noise on the same records tells nothing new, and costs nothing */
	double epsilon, delta;
};

/* Add up what was charged before, and refuse or warn of what a charge of c on top of it would do. */
static int weigh(struct fm_ledger *l, const struct fm_config *cfg, const struct fm_claim *c, const char *run,
		 const char *trace_sha256, const char *secret_id, struct spent *spent, struct fm_error *err)
{
	double bound = 0, total = cfg->privacy.total_epsilon;
	const char *other = NULL;
	json_t *rows = NULL;
	bool said = false; /* by the charge before, of the same audit */
	size_t n = 0;
	int rc;

	*spent = (struct spent){0};
	if ((rc = fm_ledger_rows(l, NULL, "charge", &rows, err)) < 0)
		goto out;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *b = json_object_get(json_array_get(rows, i), "body");

		if (fm_json_says(b, "secret", secret_id) && of_its_records(b, cfg, trace_sha256)) {
			spent->known = true;
			goto out;
		}
	}
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *b = json_object_get(json_array_get(rows, i), "body");

		if (!of_its_records(b, cfg, trace_sha256))
			continue;
		if (!adds_to(b, cfg) && !(other = json_string_value(json_object_get(b, "unit"))))
			other = "exchange";
		if (cfg->privacy.total_epsilon > 0 && other) {
			rc = fm_fail(err, FM_EINPUT,
				     "earlier runs on this trace were charged for %ss, and say nothing of what "
				     "privacy.total_epsilon has left for %ss; set privacy.unit to %s, or leave "
				     "privacy.total_epsilon out; nothing was read",
				     other, cfg->privacy.unit, other);
			goto out;
		}
		spent->epsilon += json_number_value(json_object_get(b, "epsilon"));
		spent->delta += json_number_value(json_object_get(b, "delta"));
		if (json_number_value(json_object_get(b, "total_epsilon")) > 0)
			bound = json_number_value(json_object_get(b, "total_epsilon"));
		said = fm_json_says(json_array_get(rows, i), "run", run) &&
		       fabs(json_number_value(json_object_get(b, "total_epsilon")) - total) <= 0;
		n++;
	}
	if (cfg->privacy.total_epsilon > 0 && spent->epsilon + c->epsilon > cfg->privacy.total_epsilon * (1 + 1e-12)) {
		rc = fm_fail(
		    err, FM_EVERDICT,
		    "the budget of this trace is used up: earlier runs on it, or on files of its period (privacy.first "
		    "to privacy.last), have charged epsilon %g, this one asks for %g, and privacy.total_epsilon is %g; "
		    "nothing was read",
		    spent->epsilon, c->epsilon, cfg->privacy.total_epsilon);
		goto out;
	}
	/* The rule of one config's delta, for all runs together. */
	if (cfg->privacy.total_epsilon > 0 && (spent->delta + c->delta) * fm_config_units(cfg) >= 1) {
		rc = fm_fail(
		    err, FM_EVERDICT,
		    "the deltas of this trace are used up: earlier runs have charged delta %g, this one asks for "
		    "%g, and all together must stay below %g, one %s's share of privacy.records; set a smaller "
		    "privacy.delta for each of several runs, before the first; nothing was read",
		    spent->delta, c->delta, 1 / fm_config_units(cfg), cfg->privacy.unit);
		goto out;
	}
	if (bound > 0 && !said && !(total > 0 && total <= bound))
		fm_warn("privacy.total_epsilon was %g in an earlier run on this trace, or on a file of its "
			"period, and is %g now: a bound that is raised bounds nothing",
			bound, total);
	if (n > 0 && !(total > 0))
		warn_of_sum(cfg, n + 1, spent->epsilon + c->epsilon, spent->delta + c->delta, other);
out:
	json_decref(rows);
	return rc;
}

int fm_budget_check(struct fm_ledger *l, const struct fm_config *cfg, const struct fm_claim *c, const char *run,
		    const char *trace_sha256, const char *secret_id, struct fm_error *err)
{
	struct spent spent;

	return weigh(l, cfg, c, run, trace_sha256, secret_id, &spent, err);
}

int fm_budget_charge(struct fm_ledger *l, const struct fm_config *cfg, const struct fm_claim *c, const char *run,
		     const char *trace_sha256, const char *secret_id, struct fm_error *err)
{
	json_t *body = NULL;
	struct spent spent;
	int rc;

	if ((rc = weigh(l, cfg, c, run, trace_sha256, secret_id, &spent, err)) < 0 || spent.known)
		return rc;
	body = json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:s, s:f, s:f, s:f}", "trace", trace_sha256, "first",
			 cfg->privacy.first, "last", cfg->privacy.last, "secret", secret_id, "epsilon", c->epsilon,
			 "delta", c->delta, "unit", cfg->privacy.unit, "used_before", spent.epsilon, "delta_before",
			 spent.delta, "total_epsilon", cfg->privacy.total_epsilon);
	rc = body ? fm_ledger_append(l, run, "charge", body, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
	json_decref(body);
	return rc;
}

/* ---- in the manifest ---- */

/* The numbers of the guarantee's lines, each calculated once; a group of one unit has the claimed numbers. */
struct groups {
	const struct fm_claim *claim;
	const struct fm_config *cfg;
	struct group {
		unsigned k;
		double epsilon, delta; /* epsilon: infinite where there is none */
	} list[FM_CLAIM_LINES];
	int n;
};

static struct group *group_of(struct groups *g, unsigned k)
{
	int i = 0;

	while (i < g->n && g->list[i].k != k)
		i++;
	if (i == g->n)
		g->list[g->n++].k = k;
	return &g->list[i];
}

/* A large group's own keys pass a threshold more often: then the delta is ten times as large, and so on. */
static void calculate(void *ctx, int i, int thread)
{
	const struct groups *g = ctx;
	const struct fm_claim *c = g->claim;
	struct fm_account_terms terms = {c->delta, fm_private_adjacency(g->cfg), accountant_of(g->cfg)};
	struct group *x = &((struct groups *)ctx)->list[i];
	bool claimed = x->k == fm_config_group(g->cfg);
	struct fm_error none;
	int rc = FM_OK;

	(void)thread;
	x->epsilon = c->epsilon;
	while (!claimed &&
	       (rc = fm_charges_epsilon_within(&c->charges, x->k, &terms, GROUP_SHARE, &x->epsilon, &none)) < 0 &&
	       terms.delta * 10 <= FM_CLAIM_DELTA_MAX)
		terms.delta *= 10;
	x->delta = terms.delta;
	if (rc < 0)
		x->epsilon = INFINITY;
}

/* NULL without memory. */
static json_t *line_json(const struct fm_claim_line *l, const struct group *x)
{
	json_t *o = json_pack("{s:s, s:i}", "of", l->of, "exchanges", (int)l->exchanges);
	int bad = !o || (l->minutes && json_object_set_new(o, "minutes", json_integer(l->minutes)));

	bad = bad || json_object_set_new(o, "delta", json_real(x->delta)) ||
	      json_object_set_new(o, "epsilon",
				  isfinite(x->epsilon) ? json_real(fm_round_up(x->epsilon, DIGITS)) : json_null());
	if (bad) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *guarantee_json(const struct fm_claim *c, const struct fm_config *cfg)
{
	struct groups g = {.claim = c, .cfg = cfg};
	struct fm_pool *pool = NULL;
	struct fm_error none;
	struct fm_claim_line l[FM_CLAIM_LINES];
	json_t *list = json_array();
	int n = fm_claim_lines(cfg, l), bad = !list;

	for (int i = 0; i < n; i++)
		group_of(&g, l[i].exchanges);
	if (fm_pool_new(&pool, cfg->train.threads, &none) < 0) /* without one it takes longer */
		pool = NULL;
	fm_pool_run(pool, g.n, calculate, &g);
	fm_pool_free(pool);
	for (int i = 0; i < n && !bad; i++)
		bad = json_array_append_new(list, line_json(&l[i], group_of(&g, l[i].exchanges)));
	if (bad) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static json_t *mechanisms_json(const struct fm_claim *c)
{
	json_t *list = fm_charges_json(&c->charges);

	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_object_set_new(json_array_get(list, i), "share", json_real(c->share[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

int fm_budget_json(const struct fm_claim *c, const struct fm_config *cfg, json_t **out, struct fm_error *err)
{
	char statement[FM_CLAIM_WORDS];

	*out = json_pack("{s:s, s:s, s:s, s:f, s:f, s:s, s:I, s:o, s:o, s:s, s:s, s:o}", "mode", "dp", "unit",
			 cfg->privacy.unit, "adjacency", fm_config_unit_flow(cfg) ? "replace_one" : "add_or_remove",
			 "epsilon", c->epsilon, "delta", c->delta, "accountant", cfg->privacy.accountant, "records",
			 (json_int_t)cfg->privacy.records, "mechanisms", mechanisms_json(c), "guarantee",
			 guarantee_json(c, cfg), "statement", fm_claim_statement(statement, cfg, c->epsilon, c->delta),
			 "covers", fm_claim_covers, "does_not_cover", fm_claim_does_not_cover());
	return *out ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory: the guarantee");
}
