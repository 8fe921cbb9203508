#include "judge/structure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "judge/column.h"
#include "judge/divergence.h"

enum { BINS = 100, MOST_RATE = 512, HOURS = 24, POWERS = 33, MOST_RUN = 256, BACK = 64 };

/* The counts of one table. */
struct shape {
	const struct fm_table *t;
	double *log_gap; /* rows - 1 values */
	uint64_t rate[MOST_RATE + 1], fanout[POWERS], fanin[POWERS], run[MOST_RUN + 1];
	double pairing;
	int rc;
	struct fm_error err;
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int count_times(struct shape *s, const uint32_t *order)
{
	const int64_t *te = s->t->te;
	size_t n = s->t->rows;
	int rc;

	if ((rc = fm_alloc(&s->log_gap, n, sizeof *s->log_gap, "gaps", &s->err)) < 0)
		return rc;
	for (size_t i = 0; i + 1 < n; i++)
		s->log_gap[i] = log1p((double)((uint64_t)te[order[i + 1]] - (uint64_t)te[order[i]]));

	int64_t first = floor_div(te[order[0]], 1000), last = floor_div(te[order[n - 1]], 1000), busy = 0;
	for (size_t i = 0; i < n; busy++) {
		size_t i0 = i;
		int64_t second = floor_div(te[order[i0]], 1000);
		while (i < n && floor_div(te[order[i]], 1000) == second)
			i++;
		s->rate[i - i0 < MOST_RATE ? i - i0 : MOST_RATE]++;
	}
	s->rate[0] += (uint64_t)(last - first + 1 - busy);
	return FM_OK;
}

static void count_runs(struct shape *s, const uint32_t *order)
{
	const uint32_t *sa = s->t->sa;
	size_t n = s->t->rows;

	for (size_t i = 0; i < n;) {
		size_t i0 = i;
		while (i < n && sa[order[i]] == sa[order[i0]])
			i++;
		s->run[i - i0 < MOST_RUN ? i - i0 : MOST_RUN]++;
	}
}

/* The 5-tuple as two words, as it is and reversed. */
struct tuple {
	uint64_t hosts, rest;
};
static struct tuple tuple(const struct fm_table *t, size_t i, int reversed)
{
	uint64_t sa = t->sa[i], da = t->da[i], sp = t->sp[i], dp = t->dp[i], pr = t->pr[i];

	return reversed ? (struct tuple){da << 32 | sa, dp << 32 | sp << 16 | pr}
			: (struct tuple){sa << 32 | da, sp << 32 | dp << 16 | pr};
}

static void count_pairs(struct shape *s, const uint32_t *order)
{
	struct tuple before[BACK];
	size_t n = s->t->rows, hits = 0;

	for (size_t i = 0; i < n; i++) {
		struct tuple want = tuple(s->t, order[i], 1);
		size_t held = i < BACK ? i : BACK;
		int hit = 0;
		for (size_t k = 0; k < held; k++)
			hit |= before[k].hosts == want.hosts && before[k].rest == want.rest;
		hits += (size_t)hit;
		before[i % BACK] = tuple(s->t, order[i], 0);
	}
	s->pairing = (double)hits / (double)n;
}

/* Count the distinct addresses of `b` for each address of `a`. */
static int count_fan(struct shape *s, const uint32_t *a, const uint32_t *b, uint64_t *count)
{
	size_t n = s->t->rows;
	uint64_t *key = NULL;
	int rc;

	if ((rc = fm_alloc(&key, n, sizeof *key, "address pairs", &s->err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		key[i] = (uint64_t)a[i] << 32 | b[i];
	if ((rc = fm_sort_u64(key, NULL, n, &s->err)) < 0)
		goto out;
	for (size_t i = 0; i < n;) {
		uint64_t host = key[i] >> 32, peers = 0;
		for (; i < n && key[i] >> 32 == host; i++)
			peers += i == 0 || key[i] != key[i - 1];
		count[63 - __builtin_clzll(peers)]++;
	}
out:
	free(key);
	return rc;
}

#define HAS_TUPLE (1u << FM_SA | 1u << FM_DA | 1u << FM_SP | 1u << FM_DP | 1u << FM_PR)
#define HAS_HOSTS (1u << FM_SA | 1u << FM_DA)

static void count_all(void *ctx, int shard, int thread)
{
	struct shape *s = (struct shape *)ctx + shard;
	unsigned has = s->t->present;
	uint32_t *order = NULL;

	(void)thread;
	if ((s->rc = fm_rows_by_time(s->t, &order, &s->err)) < 0)
		return;
	if ((s->rc = count_times(s, order)) < 0)
		goto out;
	if (has & 1u << FM_SA)
		count_runs(s, order);
	if ((has & HAS_TUPLE) == HAS_TUPLE)
		count_pairs(s, order);
	if ((has & HAS_HOSTS) == HAS_HOSTS) {
		if ((s->rc = count_fan(s, s->t->sa, s->t->da, s->fanout)) < 0)
			goto out;
		s->rc = count_fan(s, s->t->da, s->t->sa, s->fanin);
	}
out:
	free(order);
}

static double jsd_gaps(const struct shape *real, const struct shape *synthetic)
{
	uint64_t count[2][BINS + 2] = {{0}};
	const struct shape *s[2] = {real, synthetic};
	double lo = INFINITY, hi = -INFINITY;

	if (real->t->rows < 2 || synthetic->t->rows < 2)
		return NAN;
	for (size_t i = 0; i + 1 < real->t->rows; i++) {
		lo = fmin(lo, real->log_gap[i]);
		hi = fmax(hi, real->log_gap[i]);
	}
	hi = fmax(hi, lo + 1e-9);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i + 1 < s[k]->t->rows; i++) {
			double at = floor((s[k]->log_gap[i] - lo) / (hi - lo) * BINS);
			count[k][(at < -1 ? -1 : at > BINS ? BINS : (int)at) + 1]++;
		}
	return fm_jsd_counts(count[0], count[1], BINS + 2);
}

int fm_day(const struct fm_table *real, const struct fm_table *synthetic, const char *prefix, struct fm_metrics *out,
	   struct fm_error *err)
{
	const struct fm_table *t[2] = {real, synthetic};
	uint64_t hour[2][HOURS] = {{0}};
	char name[64];

	if (!FM_HAS(real, FM_TE) || !FM_HAS(synthetic, FM_TE))
		return FM_OK;
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < t[k]->rows; i++)
			hour[k][(floor_div(t[k]->te[i], 3600000) % HOURS + HOURS) % HOURS]++;
	snprintf(name, sizeof name, "%stime.DAY", prefix);
	return fm_metrics_add(out, name, fm_jsd_counts(hour[0], hour[1], HOURS), (int64_t)synthetic->rows, err);
}

int fm_structure(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool,
		 const char *prefix, struct fm_metrics *out, struct fm_error *err)
{
	unsigned has = real->present & synthetic->present;
	struct shape *s = NULL;
	size_t n = synthetic->rows;
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	if (!(has & 1u << FM_TE))
		return FM_OK;
	if ((rc = fm_alloc(&s, 2, sizeof *s, "structure", err)) < 0)
		return rc;
	s[0].t = real;
	s[1].t = synthetic;
	fm_pool_run(pool, 2, count_all, s);
	for (int k = 0; k < 2; k++)
		if (s[k].rc < 0) {
			rc = fm_fail(err, s[k].rc, "%s", s[k].err.message);
			goto out;
		}

	const struct {
		const char *name;
		unsigned needs;
		double value;
		size_t n;
	} metric[] = {
	    {"IAT", 0, jsd_gaps(&s[0], &s[1]), n},
	    {"RATE", 0, fm_jsd_counts(s[0].rate, s[1].rate, MOST_RATE + 1), n},
	    {"PAIR_real", HAS_TUPLE, s[0].pairing, real->rows},
	    {"PAIR_synthetic", HAS_TUPLE, s[1].pairing, n},
	    {"PAIR_gap", HAS_TUPLE, fabs(s[0].pairing - s[1].pairing), n},
	    {"FANOUT", HAS_HOSTS, fm_jsd_counts(s[0].fanout, s[1].fanout, POWERS), n},
	    {"FANIN", HAS_HOSTS, fm_jsd_counts(s[0].fanin, s[1].fanin, POWERS), n},
	    {"RUN", 1u << FM_SA, fm_jsd_counts(s[0].run, s[1].run, MOST_RUN + 1), n},
	};
	for (size_t i = 0; i < sizeof metric / sizeof *metric; i++) {
		char name[64];
		if ((has & metric[i].needs) != metric[i].needs)
			continue;
		snprintf(name, sizeof name, "%stime.%s", prefix, metric[i].name);
		if ((rc = fm_metrics_add(out, name, metric[i].value, (int64_t)metric[i].n, err)) < 0)
			goto out;
	}
out:
	free(s[0].log_gap);
	free(s[1].log_gap);
	free(s);
	return rc;
}
