#include "judge/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"
#include "base/stats.h"
#include "judge/c2st.h"
#include "judge/column.h"
#include "judge/host_order.h"
#include "judge/trees.h"

enum { FOLDS = 5, FEW = 50, WIDEST = 16, PORTS_BELOW = 1024 };
#define SEED 20160411u
enum purpose { DRAW_REAL = 31, DRAW_SYNTHETIC };

/* The (source, hour) pairs of one table that have enough flows. */
struct side {
	const struct fm_table *t;
	unsigned present; /* columns in both tables */
	size_t n, f;
	float *x;       /* (n, f) */
	uint64_t *host; /* (n) a number that both tables share */
	int rc;
	struct fm_error err;
};

static int has(const struct side *s, enum fm_col c)
{
	return s->present >> c & 1u;
}

/* ---- profiles ---- */

/* Counts over all rows, made before the pairs are described. */
struct counts {
	uint32_t *by_source, *group; /* (rows) */
	size_t groups;
	uint32_t *da, *dp, *sp, *busiest; /* (groups) distinct values; flows of the busiest destination port */
	uint64_t *pair;                   /* (rows) sa << 32 | da, rising; NULL where a table has no da */
};

static int count_ports(const struct side *s, enum fm_col c, struct counts *k, uint32_t *distinct, uint32_t *most,
		       struct fm_error *err)
{
	const uint16_t *port = s->t->col[c];
	uint32_t *v = NULL;
	int rc;

	if ((rc = fm_alloc(&v, s->t->rows, sizeof *v, "ports", err)) < 0)
		return rc;
	for (size_t i = 0; i < s->t->rows; i++)
		v[i] = port[i];
	rc = fm_count_distinct(k->group, v, s->t->rows, k->groups, distinct, most, err);
	free(v);
	return rc;
}

static int count(const struct side *s, struct counts *k, struct fm_error *err)
{
	size_t n = s->t->rows;
	uint32_t *by_time = NULL;
	int rc;

	if ((rc = fm_rows_by_time(s->t, &by_time, err)) < 0 ||
	    (rc = fm_order_by_source(s->t, by_time, &k->by_source, err)) < 0 ||
	    (rc = fm_alloc(&k->group, n, sizeof *k->group, "hours of hosts", err)) < 0)
		goto out;
	k->groups = fm_group_host_hours(s->t, k->by_source, k->group);
	if ((rc = fm_alloc(&k->da, 4 * k->groups, sizeof *k->da, "hours of hosts", err)) < 0)
		goto out;
	k->dp = k->da + k->groups;
	k->sp = k->dp + k->groups;
	k->busiest = k->sp + k->groups;
	if (has(s, FM_DP) && (rc = count_ports(s, FM_DP, k, k->dp, k->busiest, err)) < 0)
		goto out;
	if (has(s, FM_SP) && (rc = count_ports(s, FM_SP, k, k->sp, NULL, err)) < 0)
		goto out;
	if (!has(s, FM_DA))
		goto out;
	if ((rc = fm_count_distinct(k->group, s->t->da, n, k->groups, k->da, NULL, err)) < 0 ||
	    (rc = fm_alloc(&k->pair, n, sizeof *k->pair, "pairs of hosts", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		k->pair[i] = (uint64_t)s->t->sa[i] << 32 | s->t->da[i];
	rc = fm_sort_u64(k->pair, NULL, n, err);
out:
	free(by_time);
	return rc;
}

static int is_answered(const struct counts *k, size_t rows, uint32_t sa, uint32_t da)
{
	uint64_t back = (uint64_t)da << 32 | sa;
	size_t at = fm_keys_below(k->pair, rows, back);

	return at < rows && k->pair[at] == back;
}

/* The features of a pair from its n flows in order of time; returns their number.  As the reference scorer's
 * profiles(). */
static size_t describe(const struct side *s, const struct counts *k, const uint32_t *row, size_t n, float *x)
{
	const struct fm_table *t = s->t;
	uint32_t g = k->group[row[0]];
	double flows = (double)n, byt = 0, square = 0, pkt = 0, td = 0, back = 0, low_dp = 0, low_sp = 0, minutes = 1;
	double length = (double)(fm_slot_of(t->te[row[n - 1]], 1) - fm_slot_of(t->te[row[0]], 1)), mean, cv;
	size_t f = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t r = row[i];
		double log_byt = has(s, FM_BYT) ? log1p((double)t->byt[r]) : 0;
		byt += log_byt;
		square += log_byt * log_byt;
		pkt += has(s, FM_PKT) ? log1p((double)t->pkt[r]) : 0;
		td += has(s, FM_TD) ? log1p((double)t->td[r] / 1000) : 0;
		back += has(s, FM_DA) && is_answered(k, t->rows, t->sa[r], t->da[r]);
		low_dp += has(s, FM_DP) && t->dp[r] < PORTS_BELOW;
		low_sp += has(s, FM_SP) && t->sp[r] < PORTS_BELOW;
		minutes += i > 0 && fm_slot_of(t->te[r], 60) != fm_slot_of(t->te[row[i - 1]], 60);
	}
	fm_gaps_of(t, row, n, &mean, &cv);
	const struct {
		int there;
		double v;
	} feature[WIDEST] = {
	    {1, log(flows)},
	    {has(s, FM_DA), log1p(k->da[g])},
	    {has(s, FM_DP), log1p(k->dp[g])},
	    {has(s, FM_SP), log1p(k->sp[g])},
	    {has(s, FM_DP), k->busiest[g] / flows},
	    {has(s, FM_BYT), byt / flows},
	    {has(s, FM_BYT), sqrt(fmax(square / flows - (byt / flows) * (byt / flows), 0))},
	    {has(s, FM_PKT), pkt / flows},
	    {has(s, FM_TD), td / flows},
	    {1, log1p(length)},
	    {1, minutes},
	    {1, log1p(mean)},
	    {1, cv},
	    {has(s, FM_DA), back / flows},
	    {has(s, FM_DP), low_dp / flows},
	    {has(s, FM_SP), low_sp / flows},
	};
	for (int i = 0; i < WIDEST; i++)
		if (feature[i].there)
			x[f++] = (float)feature[i].v;
	return f;
}

static int make_profiles(struct side *s, struct fm_error *err)
{
	size_t rows = s->t->rows, most = rows / FM_PROFILE_LEAST + 1;
	struct counts k = {0};
	int rc;

	if ((rc = count(s, &k, err)) < 0 || (rc = fm_alloc(&s->x, most * WIDEST, sizeof *s->x, "profiles", err)) < 0 ||
	    (rc = fm_alloc(&s->host, most, sizeof *s->host, "profiles", err)) < 0)
		goto out;
	for (size_t i = 0, j; i < rows; i = j) {
		const uint32_t *row = k.by_source + i;
		for (j = i + 1; j < rows && k.group[k.by_source[j]] == k.group[row[0]];)
			j++;
		if (j - i < FM_PROFILE_LEAST)
			continue;
		s->f = describe(s, &k, row, j - i, s->x + s->n * s->f); /* for the first pair s->n is 0 */
		s->host[s->n++] = fm_column_key(s->t, FM_SA, row[0]);
	}
out:
	free(k.by_source);
	free(k.group);
	free(k.da);
	free(k.pair);
	return rc;
}

static void profile_side(void *ctx, int shard, int thread)
{
	struct side *s = (struct side *)ctx + shard;

	(void)thread;
	s->rc = make_profiles(s, &s->err);
}

/* ---- folds ---- */

/* Pairs of both sides, the first n of 2 n synthetic. */
struct sample {
	size_t n, f;
	float *x;        /* (2 n, f) */
	uint64_t *host;  /* (2 n) */
	uint32_t *group; /* (2 n) the number of the host, biggest first */
	uint8_t *fold;   /* (2 n) */
	double *score;   /* (2 n) */
	int rc[FOLDS];
	struct fm_error err[FOLDS];
};

/* All pairs of a host go to one fold: beginning with the host with most pairs, each to the fold that has fewest. */
static int assign_folds(struct sample *s, struct fm_error *err)
{
	size_t all = 2 * s->n, hosts = 0, load[FOLDS] = {0};
	uint64_t *key = NULL, *size = NULL;
	uint32_t *row = NULL, *first = NULL;
	int rc;

	if ((rc = fm_alloc(&key, all, sizeof *key, "folds", err)) < 0 ||
	    (rc = fm_alloc(&size, all, sizeof *size, "folds", err)) < 0 ||
	    (rc = fm_alloc(&row, all, sizeof *row, "folds", err)) < 0 ||
	    (rc = fm_alloc(&first, all, sizeof *first, "folds", err)) < 0)
		goto out;
	memcpy(key, s->host, all * sizeof *key);
	for (size_t i = 0; i < all; i++)
		row[i] = (uint32_t)i;
	if ((rc = fm_sort_u64(key, row, all, err)) < 0)
		goto out;
	for (size_t i = 0; i < all; i++) {
		if (i == 0 || key[i] != key[i - 1])
			first[hosts++] = (uint32_t)i;
		size[hosts - 1]--; /* counts down from 2^64, so that the biggest sorts first */
	}
	if ((rc = fm_sort_u64(size, first, hosts, err)) < 0)
		goto out;
	for (size_t h = 0; h < hosts; h++) {
		size_t pairs = (size_t)(0 - size[h]);
		int least = 0;
		for (int k = 1; k < FOLDS; k++)
			least = load[k] < load[least] ? k : least;
		load[least] += pairs;
		for (size_t i = first[h]; i < first[h] + pairs; i++) {
			s->group[row[i]] = (uint32_t)h;
			s->fold[row[i]] = (uint8_t)least;
		}
	}
out:
	free(key);
	free(size);
	free(row);
	free(first);
	return rc;
}

static int judge_fold(struct sample *s, int fold, struct fm_error *err)
{
	size_t all = 2 * s->n, ntrain = 0, at = 0;
	struct fm_trees *trees = NULL;
	float *x = NULL, *p = NULL;
	int *y = NULL, rc;

	for (size_t i = 0; i < all; i++)
		ntrain += s->fold[i] != fold;
	if (ntrain == all)
		return FM_OK;
	if (ntrain == 0) { /* one host: nothing to learn from */
		for (size_t i = 0; i < all; i++)
			s->score[i] = 0.5;
		return FM_OK;
	}
	if ((rc = fm_alloc(&x, all * s->f, sizeof *x, "a fold", err)) < 0 ||
	    (rc = fm_alloc(&y, all, sizeof *y, "a fold", err)) < 0 ||
	    (rc = fm_alloc(&p, 2 * (all - ntrain), sizeof *p, "predictions", err)) < 0)
		goto out;
	for (size_t i = 0, test = ntrain; i < all; i++) {
		size_t to = s->fold[i] == fold ? test++ : at++;
		memcpy(x + to * s->f, s->x + i * s->f, s->f * sizeof *x);
		y[to] = i < s->n;
	}
	struct fm_trees_opts opts = fm_c2st_trees(ntrain);
	if ((rc = fm_trees_train(&trees, &opts, x, y, ntrain, s->f, err)) < 0 ||
	    (rc = fm_trees_predict(trees, x + ntrain * s->f, all - ntrain, p, err)) < 0)
		goto out;
	for (size_t i = 0, test = 0; i < all; i++)
		if (s->fold[i] == fold)
			s->score[i] = p[2 * test++ + 1];
out:
	fm_trees_free(trees);
	free(x);
	free(y);
	free(p);
	return rc;
}

static void run_fold(void *ctx, int fold, int thread)
{
	struct sample *s = ctx;

	(void)thread;
	s->rc[fold] = judge_fold(s, fold, &s->err[fold]);
}

/* Take n random pairs of each side. */
static int take(struct sample *s, const struct side side[2], struct fm_error *err)
{
	size_t all = 2 * s->n;
	uint32_t *chosen = NULL;
	int rc;

	if ((rc = fm_alloc(&chosen, s->n, sizeof *chosen, "a choice of profiles", err)) < 0 ||
	    (rc = fm_alloc(&s->x, all * s->f, sizeof *s->x, "profiles", err)) < 0 ||
	    (rc = fm_alloc(&s->host, all, sizeof *s->host, "profiles", err)) < 0 ||
	    (rc = fm_alloc(&s->group, all, sizeof *s->group, "profiles", err)) < 0 ||
	    (rc = fm_alloc(&s->fold, all, sizeof *s->fold, "profiles", err)) < 0 ||
	    (rc = fm_alloc(&s->score, all, sizeof *s->score, "profiles", err)) < 0)
		goto out;
	for (int k = 0; k < 2; k++) {
		const struct side *from = &side[!k];
		fm_rows_choose(SEED, k ? DRAW_REAL : DRAW_SYNTHETIC, from->n, s->n, chosen);
		for (size_t i = 0; i < s->n; i++) {
			size_t to = (size_t)k * s->n + i;
			memcpy(s->x + to * s->f, from->x + chosen[i] * s->f, s->f * sizeof *s->x);
			s->host[to] = from->host[chosen[i]];
		}
	}
out:
	free(chosen);
	return rc;
}

static int judge(const struct side side[2], struct fm_pool *pool, struct fm_auc *auc, size_t *n, struct fm_error *err)
{
	size_t fewer = side[0].n < side[1].n ? side[0].n : side[1].n;
	struct sample *s = NULL;
	int rc;

	*auc = (struct fm_auc){.value = NAN, .variance = NAN};
	*n = fewer < FM_PROFILE_MOST ? fewer : FM_PROFILE_MOST;
	if (*n < FEW)
		return FM_OK;
	if ((rc = fm_alloc(&s, 1, sizeof *s, "profiles", err)) < 0)
		return rc;
	s->n = *n;
	s->f = side[0].f;
	if ((rc = take(s, side, err)) < 0 || (rc = assign_folds(s, err)) < 0)
		goto out;
	fm_pool_run(pool, FOLDS, run_fold, s);
	for (int k = 0; k < FOLDS; k++)
		if (s->rc[k] < 0) {
			rc = fm_fail(err, s->rc[k], "%s", s->err[k].message);
			goto out;
		}
	rc = fm_auc_clustered(auc, s->score, s->n, s->n, (const uint32_t *const[]){s->group, s->group + s->n}, err);
out:
	free(s->x);
	free(s->host);
	free(s->group);
	free(s->fold);
	free(s->score);
	free(s);
	return rc;
}

int fm_profile(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	       struct fm_metrics *out, struct fm_error *err)
{
	unsigned present = real->present & synthetic->present;
	struct side *side = NULL;
	struct fm_auc auc;
	double lo, hi;
	char name[64];
	size_t n;
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	if (!(present >> FM_TE & 1u) || !(present >> FM_SA & 1u))
		return FM_OK;
	if ((rc = fm_alloc(&side, 2, sizeof *side, "profiles", err)) < 0)
		return rc;
	for (int k = 0; k < 2; k++) {
		side[k].t = k ? synthetic : real;
		side[k].present = present;
	}
	fm_pool_run(pool, 2, profile_side, side);
	for (int k = 0; k < 2; k++)
		if (side[k].rc < 0) {
			rc = fm_fail(err, side[k].rc, "%s", side[k].err.message);
			goto out;
		}
	if ((rc = judge(side, pool, &auc, &n, err)) < 0)
		goto out;
	fm_interval(auc.value, FM_Z95 * sqrt(auc.variance), &lo, &hi);
	snprintf(name, sizeof name, "%shost.PROFILE", prefix);
	rc = fm_metrics_add_ci(out, name, auc.value, (int64_t)(2 * n), lo, hi, err);
out:
	for (int k = 0; k < 2; k++) {
		free(side[k].x);
		free(side[k].host);
	}
	free(side);
	return rc;
}
