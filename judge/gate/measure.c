#include "judge/gate/measure.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rows.h"
#include "base/thread.h"
#include "judge/anomaly.h"
#include "judge/association.h"
#include "judge/burst.h"
#include "judge/c2st.h"
#include "judge/classification.h"
#include "judge/column.h"
#include "judge/downstream.h"
#include "judge/fidelity.h"
#include "judge/gate/sampling_error.h"
#include "judge/gate/slices.h"
#include "judge/gate/subsample.h"
#include "judge/heavy.h"
#include "judge/host.h"
#include "judge/margins.h"
#include "judge/profile.h"
#include "judge/rules.h"
#include "judge/structure.h"
#include "manifests/registry.h"

#define SEED 20160411u
#define RUN 64 /* rows */
enum purpose { FLOOR_TRAIN = 201, FLOOR_HOLDOUT };

static int count_rows(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	int64_t real = (int64_t)t->real->rows, synthetic = (int64_t)t->synthetic->rows;
	int64_t holdout = t->holdout ? (int64_t)t->holdout->rows : 0;
	int rc;

	if ((rc = fm_metrics_add(out, "rows.real", (double)real, real, err)) < 0 ||
	    (rc = fm_metrics_add(out, "rows.synthetic", (double)synthetic, synthetic, err)) < 0 || !t->holdout)
		return rc;
	return fm_metrics_add(out, "rows.holdout", (double)holdout, holdout, err);
}

static int compare_margins(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool,
			   const char *prefix, struct fm_metrics *out, struct fm_error *err)
{
	int rc = fm_fidelity(real, synthetic, pool, prefix, out, err);

	return rc < 0 ? rc : fm_margins(real, synthetic, pool, prefix, out, err);
}

static int margins(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return compare_margins(t->real, t->synthetic, t->pool, "", out, err);
}

static int association(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_association(t->real, t->synthetic, t->pool, "", out, err);
}

static int day(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_day(t->real, t->synthetic, "", out, err);
}

static int day_floor(const struct fm_table *real, const struct fm_table *holdout, struct fm_pool *pool,
		     const char *prefix, struct fm_metrics *out, struct fm_error *err)
{
	(void)pool;
	return fm_day(real, holdout, prefix, out, err);
}

static int structure(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_structure(t->real, t->synthetic, t->pool, "", out, err);
}

static int heavy(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_heavy(t->real, t->synthetic, t->pool, "", out, err);
}

static int burst(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_burst(t->real, t->synthetic, t->pool, "", out, err);
}

static int host(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_host(t->real, t->synthetic, t->pool, "", out, err);
}

static int profile(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_profile(t->real, t->synthetic, t->pool, "", out, err);
}

static int two_sample(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_c2st(t->real, t->synthetic, t->pool, "", out, err);
}

static int rules(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_rules(t->real, t->synthetic, "", out, err);
}

static int rules_floor(const struct fm_table *real, const struct fm_table *holdout, struct fm_pool *pool,
		       const char *prefix, struct fm_metrics *out, struct fm_error *err)
{
	(void)pool;
	return fm_rules(real, holdout, prefix, out, err);
}

static int downstream(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_downstream(t->real, t->synthetic, t->holdout, t->pool, out, err);
}

static int classification(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_classification(t->real, t->synthetic, t->holdout, t->pool, out, err);
}

static int anomaly(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_anomaly(t->real, t->synthetic, t->holdout, t->pool, out, err);
}

static int leakage(const struct fm_judge_in *t, struct fm_metrics *out, struct fm_error *err)
{
	return fm_leakage(t->real, t->holdout, t->synthetic, t->pool, t->o, out, err);
}

/* ---- the groups ---- */

static const struct group {
	const char *name;
	int (*run)(const struct fm_judge_in *, struct fm_metrics *, struct fm_error *);
	/* The same for real holdout against training, with the prefix "floor."; NULL where there is no such metric. */
	int (*floor)(const struct fm_table *real, const struct fm_table *holdout, struct fm_pool *, const char *prefix,
		     struct fm_metrics *, struct fm_error *);
	int learns;
	/* With large tables: groups that read all rows in bounded memory; groups that need time without holes and get
	 * slices (slices.h); all others get a subsample. */
	enum { SUBSAMPLE, ALL_ROWS, SLICES } shown;
} groups[FM_NGROUPS] = {
    [FM_GROUP_ROWS] = {"rows", count_rows, NULL, 0, ALL_ROWS},
    [FM_GROUP_MARGINALS] = {"marginals", margins, compare_margins, 0, SUBSAMPLE},
    [FM_GROUP_PAIRS] = {"pairs", association, fm_association, 0, SUBSAMPLE},
    [FM_GROUP_DAY] = {"course of the day", day, day_floor, 0, ALL_ROWS},
    [FM_GROUP_TIME] = {"time and structure", structure, fm_structure, 0, SLICES},
    [FM_GROUP_HEAVY] = {"heavy hitters", heavy, fm_heavy, 0, SUBSAMPLE},
    [FM_GROUP_BURSTS] = {"bursts", burst, fm_burst, 0, SLICES},
    [FM_GROUP_HOSTS] = {"hosts in time", host, fm_host, 0, SLICES},
    [FM_GROUP_PROFILES] = {"profiles of hosts", profile, fm_profile, 1, SUBSAMPLE},
    [FM_GROUP_TWO_SAMPLE] = {"two-sample tests", two_sample, fm_c2st, 1, SUBSAMPLE},
    [FM_GROUP_RULES] = {"rules", rules, rules_floor, 0, ALL_ROWS},
    [FM_GROUP_CLASSIFICATION] = {"classification", classification, NULL, 1, SUBSAMPLE},
    [FM_GROUP_ANOMALY] = {"anomaly detection", anomaly, fm_anomaly_floor, 1, SUBSAMPLE},
    [FM_GROUP_PREDICTION] = {"prediction task", downstream, fm_downstream_floor, 1, SUBSAMPLE},
    [FM_GROUP_LEAKAGE] = {"leakage", leakage, NULL, 0, ALL_ROWS},
};
enum { NGROUPS = FM_NGROUPS };

unsigned fm_evaluate_group(const char *metric)
{
	const struct fm_metric_kind *kind;
	enum fm_metric_group group;

	kind = fm_metric_kind(fm_metric_of_floor(metric) ? fm_metric_of_floor(metric) : metric);
	if (!kind || kind->needs & (FM_NEEDS_MODEL | FM_NEEDS_SHARE)) /* the stage makes it, and tables alone cannot */
		return 0;
	group = fm_metric_topics[kind->topic].group;
	return group < FM_NGROUPS ? 1u << group : 0;
}

unsigned fm_evaluate_groups_needed(const struct fm_config *cfg)
{
	unsigned set = 0;

	for (int i = 0; i < cfg->gate.n; i++)
		set |= fm_evaluate_group(cfg->gate.check[i].name);
	return set;
}

struct naming {
	const char *word;
	size_t len;
	unsigned set;
	struct fm_buf *families; /* beginnings of the names, once each, with ", " after each; NULL: not wanted */
};

static void take_name(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	struct naming *n = ctx;
	size_t family = strcspn(name, "._");

	(void)kind;
	if (!fm_evaluate_group(name))
		return;
	if (n->families) {
		char item[64];
		snprintf(item, sizeof item, "%.*s, ", (int)family, name);
		if (!n->families->data || !strstr(n->families->data, item))
			fm_buf_add(n->families, item, strlen(item));
	}
	if (strncmp(name, n->word, n->len) == 0 && (name[n->len] == 0 || strchr("._", name[n->len])))
		n->set |= fm_evaluate_group(name);
}

int fm_evaluate_groups_named(const char *words, unsigned *set, struct fm_error *err)
{
	struct fm_buf families = {0};
	int rc;

	for (*set = 0;; words++) {
		struct naming n = {.word = words, .len = strcspn(words, ",")};
		fm_metric_each(take_name, &n);
		if (n.len == 0 || !n.set) {
			n.families = &families;
			fm_metric_each(take_name, &n);
			rc = fm_buf_check(&families, err) < 0
				 ? FM_ESYSTEM
				 : fm_fail(err, FM_EUSAGE,
					   "\"%.*s\" begins no metric's name: name some of %.*s (flowmint evaluate "
					   "--metrics lists them all)",
					   (int)n.len, words, (int)families.len - 2, families.data);
			fm_buf_free(&families);
			return rc;
		}
		*set |= n.set;
		words += n.len;
		if (!*words)
			return FM_OK;
	}
}

unsigned fm_evaluate_groups_that_learn(void)
{
	unsigned set = 0;

	for (unsigned g = 0; g < NGROUPS; g++)
		set |= (unsigned)groups[g].learns << g;
	return set;
}

int fm_evaluate_some(const struct fm_judge_in *in, unsigned set, struct fm_metrics *out, struct fm_error *err)
{
	int rc;

	for (unsigned g = 0; g < NGROUPS; g++)
		if (set >> g & 1u && (rc = groups[g].run(in, out, err)) < 0)
			return rc;
	return FM_OK;
}

/* n of t's rows as whole random runs of neighbours in time, which keep gaps, bursts and pairs, as a holdout of whole
 * windows does. */
static int sample_runs(struct fm_table **out, const struct fm_table *t, size_t n, uint64_t purpose,
		       struct fm_error *err)
{
	size_t runs = (n + RUN - 1) / RUN, whole = t->rows / RUN;
	uint32_t *order = NULL, *chosen = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_judge_check(t, "larger", err)) < 0)
		return rc;
	if (!FM_HAS(t, FM_TE))
		return fm_table_sample(out, t, n, SEED, purpose, err);
	if ((rc = fm_rows_by_time(t, &order, err)) < 0 ||
	    (rc = fm_alloc(&chosen, runs + 1, sizeof *chosen, "a choice of rows", err)) < 0)
		goto out;
	if (runs <= whole) { /* else nearly all: the first n */
		fm_rows_choose(SEED, purpose, whole, runs, chosen);
		for (size_t i = 0; i < n; i++) /* never overwrites a run still to be read, as runs rise */
			order[i] = order[chosen[i / RUN] * (size_t)RUN + i % RUN];
	}
	rc = fm_table_take(out, t, order, n, err);
out:
	free(order);
	free(chosen);
	return rc;
}

int fm_evaluate_floor(const struct fm_table *real, const struct fm_table *holdout, unsigned set, struct fm_pool *pool,
		      struct fm_metrics *out, struct fm_error *err)
{
	struct fm_table *fewer = NULL;
	int rc = FM_OK;

	if (real->rows > holdout->rows) {
		rc = sample_runs(&fewer, real, holdout->rows, FLOOR_TRAIN, err);
		real = fewer;
	} else if (holdout->rows > real->rows) {
		rc = sample_runs(&fewer, holdout, real->rows, FLOOR_HOLDOUT, err);
		holdout = fewer;
	}
	if (rc < 0)
		goto out;
	for (unsigned g = 0; g < NGROUPS; g++)
		if (groups[g].floor && set >> g & 1u &&
		    (rc = groups[g].floor(real, holdout, pool, FM_FLOOR, out, err)) < 0)
			goto out;
out:
	fm_table_free(fewer);
	return rc;
}

/* How many rows of a subsampled table are judged. */
static int count_judged(const struct fm_subsamples *c, struct fm_metrics *out, struct fm_error *err)
{
	static const char *const name[3] = {"rows.judged_real", "rows.judged_synthetic", "rows.judged_holdout"};
	int rc;

	for (int k = 0; k < 3; k++)
		if (c->own[k] &&
		    (rc = fm_metrics_add(out, name[k], (double)c->own[k]->rows, (int64_t)c->own[k]->rows, err)) < 0)
			return rc;
	return FM_OK;
}

/* A set of groups to measure on other rows than those of `in`. */
struct again {
	unsigned set;
	const struct fm_judge_in *in;
};

static int measure_again(void *ctx, const struct fm_table *const t[3], struct fm_metrics *out, struct fm_error *err)
{
	const struct again *a = ctx;

	return fm_evaluate_some(&(struct fm_judge_in){t[0], t[1], t[2], a->in->pool, a->in->o}, a->set, out, err);
}

static int floor_again(void *ctx, const struct fm_table *const t[3], struct fm_metrics *out, struct fm_error *err)
{
	const struct again *a = ctx;

	return fm_evaluate_floor(t[0], t[1], a->set, a->in->pool, out, err);
}

/* A group of all rows, of a subsample, or of slices. */
static int run_group(unsigned g, const struct fm_judge_in *whole, const struct fm_subsamples *sub,
		     struct fm_metrics *out, struct fm_error *err)
{
	struct fm_judge_in part = {sub->real, sub->synthetic, sub->holdout, whole->pool, whole->o};

	if (groups[g].shown == SLICES && sub->share < 1)
		return fm_measure_slices((const struct fm_table *const[3]){whole->real, whole->synthetic, NULL},
					 sub->most, measure_again, &(struct again){1u << g, whole}, out, err);
	return groups[g].run(groups[g].shown == ALL_ROWS ? whole : &part, out, err);
}

static int run_floors(const struct fm_judge_in *whole, const struct fm_subsamples *sub, unsigned set,
		      struct fm_metrics *out, struct fm_error *err)
{
	unsigned sliced = 0;
	int rc;

	for (unsigned g = 0; g < NGROUPS && sub->share < 1; g++)
		if (groups[g].floor && groups[g].shown == SLICES)
			sliced |= set & 1u << g;
	if (sliced && (rc = fm_measure_slices((const struct fm_table *const[3]){whole->real, whole->holdout, NULL},
					      sub->most, floor_again, &(struct again){sliced, whole}, out, err)) < 0)
		return rc;
	return fm_evaluate_floor(sub->real, sub->holdout, set & ~sliced, whole->pool, out, err);
}

/* The intervals of what was measured on a subsample: judges that learn have intervals of their own. */
static int run_errors(const struct fm_judge_in *whole, const struct fm_subsamples *sub, unsigned set,
		      struct fm_metrics *out, struct fm_error *err)
{
	struct again a = {0, whole};

	for (unsigned g = 0; g < NGROUPS; g++)
		if (groups[g].shown == SUBSAMPLE && !groups[g].learns)
			a.set |= set & 1u << g;
	return a.set ? fm_sampling_error(sub, measure_again, &a, out, err) : FM_OK;
}

/* A set of groups and their noise floors. */
static int run_set(const struct fm_judge_in *whole, const struct fm_subsamples *sub, unsigned set,
		   struct fm_progress *p, struct fm_metrics *out, struct fm_error *err)
{
	uint64_t done = 0;
	int rc;

	for (unsigned g = 0; g < NGROUPS; g++) {
		if (!(set >> g & 1u))
			continue;
		fm_progress_step(p, done++, groups[g].name);
		if ((rc = run_group(g, whole, sub, out, err)) < 0)
			return rc;
	}
	if ((rc = run_errors(whole, sub, set, out, err)) < 0)
		return rc;
	if (whole->holdout) {
		fm_progress_step(p, done++, "noise floor");
		if ((rc = run_floors(whole, sub, set, out, err)) < 0)
			return rc;
	}
	fm_progress_step(p, done, NULL);
	return FM_OK;
}

int fm_evaluate_tables(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		       int threads, struct fm_leakage_opts o, struct fm_metrics *out, struct fm_error *err)
{
	return fm_evaluate_chosen(&(struct fm_judged){real, synthetic, holdout}, threads, o, ~0u, out, err);
}

int fm_evaluate_chosen(const struct fm_judged *of, int threads, struct fm_leakage_opts o, unsigned set,
		       struct fm_metrics *out, struct fm_error *err)
{
	const struct fm_table *real = of->real, *synthetic = of->synthetic, *holdout = of->holdout;
	struct fm_pool *pool = NULL;
	struct fm_subsamples sub = {0};
	struct fm_progress p;
	uint64_t steps = 0;
	int rc;

	if (real->rows == 0 || synthetic->rows == 0)
		return fm_fail(err, FM_EINPUT, "the %s table has no rows: there is nothing to evaluate",
			       real->rows ? "synthetic" : "real");
	holdout = holdout && holdout->rows > 0 ? holdout : NULL;
	for (unsigned g = 0; g < NGROUPS; g++)
		steps += set >> g & 1u;
	steps += holdout != NULL; /* the noise floor */
	if ((rc = fm_pool_new(&pool, threads, err)) < 0 ||
	    (rc = fm_subsamples_make(&sub, real, synthetic, holdout, o.memory, err)) < 0 ||
	    (rc = count_judged(&sub, out, err)) < 0)
		goto out;
	o.memory -= fm_subsamples_bytes(&sub);
	fm_progress_begin(&p, "evaluate", steps == 1 ? "step" : "steps", steps);
	p.uneven = 1;
	rc = run_set(&(struct fm_judge_in){real, synthetic, holdout, pool, o}, &sub, set, &p, out, err);
	fm_progress_end(&p, rc < 0 ? "failed" : NULL);
out:
	fm_subsamples_free(&sub);
	fm_pool_free(pool);
	return rc;
}

struct fm_leakage_opts fm_evaluate_opts(const struct fm_config *cfg)
{
	return (struct fm_leakage_opts){.memory = (size_t)cfg->gate.memory << 20,
					.rare = (uint32_t)cfg->privacy.min_count};
}
