#include "judge/host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "judge/column.h"
#include "judge/divergence.h"
#include "judge/host_order.h"

enum { POWERS = 65, LONG_TALK = 20, LARGEST = 10, MINUTE = 60 };

/* The facts measured of one table; those of a column that it lacks stay 0. */
enum fact {
	BEACON,
	SWEEPS,
	SWEEPS200,
	BURST10,
	BURST60,
	BURST600,
	LAG1,
	LAG10,
	HOSTS,
	PAIRS,
	BYTES,
	LARGEST10,
	NFACTS
};
#define NEEDS_TIME (1u << FM_TE)
#define NEEDS_PEERS (1u << FM_SA | 1u << FM_DA)
#define NEEDS_TALK (NEEDS_TIME | NEEDS_PEERS | 1u << FM_DP | 1u << FM_PR)
static const struct {
	const char *name;
	unsigned needs;
	int relative; /* is the gap divided by real's value? */
} facts[NFACTS] = {
    [BEACON] = {"BEACON", NEEDS_TALK, 0},
    [SWEEPS] = {"SWEEPS", NEEDS_TIME | NEEDS_PEERS, 1},
    [SWEEPS200] = {"SWEEPS200", NEEDS_TIME | NEEDS_PEERS, 1},
    [BURST10] = {"BURST10", NEEDS_TIME, 1},
    [BURST60] = {"BURST60", NEEDS_TIME, 1},
    [BURST600] = {"BURST600", NEEDS_TIME, 1},
    [LAG1] = {"LAG1", NEEDS_TIME, 0},
    [LAG10] = {"LAG10", NEEDS_TIME, 0},
    [HOSTS] = {"hosts", NEEDS_PEERS, 1},
    [PAIRS] = {"pairs", NEEDS_PEERS, 1},
    [BYTES] = {"bytes", 1u << FM_BYT, 1},
    [LARGEST10] = {"largest10", 1u << FM_BYT, 0},
};

struct shape {
	const struct fm_table *t;
	unsigned present; /* columns in both tables */
	double fact[NFACTS];
	uint64_t life[POWERS], talk[POWERS];
	int rc;
	struct fm_error err;
};

static int has(const struct shape *s, unsigned needs)
{
	return (s->present & needs) == needs;
}

/* ---- flows of a slot ---- */

/* A slot that has flows. */
struct slot {
	int64_t at; /* number of the slot, the first being 0 */
	double flows;
};

/* The slots of `seconds` seconds that have flows, rising; slot has room for one per row. */
static size_t find_slots(const struct fm_table *t, const uint32_t *by_time, int64_t seconds, struct slot *slot)
{
	int64_t first = fm_slot_of(t->te[by_time[0]], 1);
	size_t n = 0;

	for (size_t i = 0; i < t->rows; i++) {
		int64_t at = (fm_slot_of(t->te[by_time[i]], 1) - first) / seconds;
		if (n == 0 || slot[n - 1].at != at)
			slot[n++] = (struct slot){at, 0};
		slot[n - 1].flows++;
	}
	return n;
}

static double excess(const struct slot *slot, size_t n)
{
	double slots = (double)slot[n - 1].at + 1, sum = 0, square = 0;

	if (slots > 2) {
		n--;
		slots--;
	}
	for (size_t i = 0; i < n; i++)
		sum += slot[i].flows;
	double mean = sum / slots;
	for (size_t i = 0; i < n; i++)
		square += (slot[i].flows - mean) * (slot[i].flows - mean);
	square += (slots - (double)n) * mean * mean; /* the empty slots */
	return (square / slots - mean) / (mean * mean);
}

/* The correlation of the flows of a slot with those of the k-th slot after it. */
static double lag(const struct slot *slot, size_t n, int64_t k)
{
	int64_t last = slot[n - 1].at;
	double pairs = (double)(last + 1 - k), x = 0, y = 0, xx = 0, yy = 0, xy = 0;

	if (last + 1 <= k + 2)
		return 0;
	for (size_t i = 0, j = 0; i < n; i++) {
		double flows = slot[i].flows;
		if (slot[i].at <= last - k) {
			x += flows;
			xx += flows * flows;
		}
		if (slot[i].at >= k) {
			y += flows;
			yy += flows * flows;
		}
		while (j < n && slot[j].at < slot[i].at + k)
			j++;
		if (j < n && slot[j].at == slot[i].at + k)
			xy += flows * slot[j].flows;
	}
	double var_x = xx - x * x / pairs, var_y = yy - y * y / pairs;
	if (!(var_x > 1e-12 * xx) || !(var_y > 1e-12 * yy))
		return 0;
	return (xy - x * y / pairs) / sqrt(var_x * var_y);
}

static int measure_slots(struct shape *s, const uint32_t *by_time)
{
	static const int64_t seconds[] = {10, 60, 600};
	struct slot *slot = NULL;
	int rc;

	if ((rc = fm_alloc(&slot, s->t->rows, sizeof *slot, "slots of time", &s->err)) < 0)
		return rc;
	for (int k = 0; k < 3; k++) {
		size_t n = find_slots(s->t, by_time, seconds[k], slot);
		s->fact[BURST10 + k] = excess(slot, n);
		if (seconds[k] == MINUTE) {
			s->fact[LAG1] = lag(slot, n, 1);
			s->fact[LAG10] = lag(slot, n, 10);
		}
	}
	free(slot);
	return FM_OK;
}

/* ---- hosts and conversations ---- */

/* The power of two of the seconds between two rows. */
static int life_of(const struct fm_table *t, uint32_t first, uint32_t last)
{
	uint64_t seconds = (uint64_t)(fm_slot_of(t->te[last], 1) - fm_slot_of(t->te[first], 1));

	return 63 - __builtin_clzll(seconds + 1);
}

static void measure_lives(struct shape *s, const uint32_t *by_source)
{
	const struct fm_table *t = s->t;

	for (size_t i = 0, j; i < t->rows; i = j) {
		for (j = i + 1; j < t->rows && t->sa[by_source[j]] == t->sa[by_source[i]];)
			j++;
		s->life[life_of(t, by_source[i], by_source[j - 1])]++;
	}
}

static int measure_sweeps(struct shape *s, const uint32_t *by_source)
{
	size_t n = s->t->rows, over[2] = {0, 0};
	uint32_t *group = NULL, *peers = NULL;
	int rc;

	if ((rc = fm_alloc(&group, n, sizeof *group, "hours of hosts", &s->err)) < 0 ||
	    (rc = fm_alloc(&peers, n, sizeof *peers, "hours of hosts", &s->err)) < 0)
		goto out;
	size_t groups = fm_group_host_hours(s->t, by_source, group);
	if ((rc = fm_count_distinct(group, s->t->da, n, groups, peers, NULL, &s->err)) < 0)
		goto out;
	for (size_t g = 0; g < groups; g++) {
		over[0] += peers[g] > 100;
		over[1] += peers[g] > 200;
	}
	s->fact[SWEEPS] = (double)over[0] * 1e6 / (double)n;
	s->fact[SWEEPS200] = (double)over[1] * 1e6 / (double)n;
out:
	free(group);
	free(peers);
	return rc;
}

static int measure_conversations(struct shape *s, const uint32_t *by_time)
{
	const struct fm_table *t = s->t;
	size_t talks = 0, beacons = 0;
	uint32_t *row = NULL;
	double mean, cv;
	int rc;

	if ((rc = fm_order_by_conversation(t, by_time, &row, &s->err)) < 0)
		goto out;
	for (size_t i = 0, j; i < t->rows; i = j) {
		for (j = i + 1; j < t->rows && fm_same_conversation(t, row[i], row[j]);)
			j++;
		s->talk[life_of(t, row[i], row[j - 1])]++;
		if (j - i < LONG_TALK)
			continue;
		fm_gaps_of(t, row + i, j - i, &mean, &cv);
		talks++;
		beacons += cv < 0.5;
	}
	s->fact[BEACON] = talks ? (double)beacons / (double)talks : 0;
out:
	free(row);
	return rc;
}

/* ---- totals ---- */

static size_t count_values(const uint64_t *key, size_t n)
{
	size_t values = 0;

	for (size_t i = 0; i < n; i++)
		values += i == 0 || key[i] != key[i - 1];
	return values;
}

static int measure_population(struct shape *s)
{
	const struct fm_table *t = s->t;
	uint64_t *key = NULL;
	size_t n = t->rows;
	int rc;

	if ((rc = fm_alloc(&key, 2 * n, sizeof *key, "addresses", &s->err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		key[i] = (uint64_t)t->sa[i] << 32 | t->da[i];
	if ((rc = fm_sort_u64(key, NULL, n, &s->err)) < 0)
		goto out;
	s->fact[PAIRS] = (double)count_values(key, n);
	for (size_t i = 0; i < n; i++) {
		key[i] = t->sa[i];
		key[n + i] = t->da[i];
	}
	if ((rc = fm_sort_u64(key, NULL, 2 * n, &s->err)) < 0)
		goto out;
	s->fact[HOSTS] = (double)count_values(key, 2 * n);
out:
	free(key);
	return rc;
}

static void measure_bytes(struct shape *s)
{
	double largest[LARGEST] = {0}, sum = 0, all = 0; /* rising */

	for (size_t i = 0; i < s->t->rows; i++) {
		double byt = (double)s->t->byt[i];
		all += byt;
		if (byt <= largest[0])
			continue;
		int at = 0;
		for (; at + 1 < LARGEST && largest[at + 1] < byt; at++)
			largest[at] = largest[at + 1];
		largest[at] = byt;
	}
	for (int i = 0; i < LARGEST; i++)
		sum += largest[i];
	s->fact[BYTES] = all;
	s->fact[LARGEST10] = all > 0 ? sum / all : 0;
}

/* ---- all ---- */

static int measure_in_time(struct shape *s)
{
	uint32_t *by_time = NULL, *by_source = NULL;
	int rc;

	if ((rc = fm_rows_by_time(s->t, &by_time, &s->err)) < 0 || (rc = measure_slots(s, by_time)) < 0)
		goto out;
	if (has(s, 1u << FM_SA)) {
		if ((rc = fm_order_by_source(s->t, by_time, &by_source, &s->err)) < 0)
			goto out;
		measure_lives(s, by_source);
	}
	if (has(s, NEEDS_PEERS) && (rc = measure_sweeps(s, by_source)) < 0)
		goto out;
	if (has(s, NEEDS_TALK))
		rc = measure_conversations(s, by_time);
out:
	free(by_time);
	free(by_source);
	return rc;
}

static void measure(void *ctx, int shard, int thread)
{
	struct shape *s = (struct shape *)ctx + shard;

	(void)thread;
	if (has(s, NEEDS_TIME) && (s->rc = measure_in_time(s)) < 0)
		return;
	if (has(s, NEEDS_PEERS) && (s->rc = measure_population(s)) < 0)
		return;
	if (has(s, 1u << FM_BYT))
		measure_bytes(s);
}

static double gap(enum fact k, double real, double synthetic)
{
	double apart = fabs(synthetic - real);

	if (!facts[k].relative || apart == 0)
		return apart;
	return real != 0 ? apart / fabs(real) : 1;
}

static int report(const struct shape *s, const char *prefix, struct fm_metrics *out, struct fm_error *err)
{
	int64_t n[2] = {(int64_t)s[0].t->rows, (int64_t)s[1].t->rows};
	char name[96];
	int rc = FM_OK;

	snprintf(name, sizeof name, "%shost.LIFE", prefix);
	if (has(s, NEEDS_TIME | 1u << FM_SA) &&
	    (rc = fm_metrics_add(out, name, fm_jsd_counts(s[0].life, s[1].life, POWERS), n[1], err)) < 0)
		return rc;
	snprintf(name, sizeof name, "%shost.TALK", prefix);
	if (has(s, NEEDS_TALK) &&
	    (rc = fm_metrics_add(out, name, fm_jsd_counts(s[0].talk, s[1].talk, POWERS), n[1], err)) < 0)
		return rc;
	for (int k = 0; k < NFACTS; k++) {
		const struct {
			const char *of;
			double value;
			int64_t n;
		} part[3] = {{"real", s[0].fact[k], n[0]},
			     {"synthetic", s[1].fact[k], n[1]},
			     {"gap", gap((enum fact)k, s[0].fact[k], s[1].fact[k]), n[1]}};
		for (int i = 0; i < 3 && has(s, facts[k].needs); i++) {
			snprintf(name, sizeof name, "%shost.%s_%s", prefix, facts[k].name, part[i].of);
			if ((rc = fm_metrics_add(out, name, part[i].value, part[i].n, err)) < 0)
				return rc;
		}
	}
	return rc;
}

int fm_host(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	    struct fm_metrics *out, struct fm_error *err)
{
	struct shape *s = NULL;
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&s, 2, sizeof *s, "hosts in time", err)) < 0)
		return rc;
	s[0].t = real;
	s[1].t = synthetic;
	s[0].present = s[1].present = real->present & synthetic->present;
	fm_pool_run(pool, 2, measure, s);
	for (int k = 0; k < 2; k++)
		if (s[k].rc < 0) {
			rc = fm_fail(err, s[k].rc, "%s", s[k].err.message);
			goto out;
		}
	rc = report(s, prefix, out, err);
out:
	free(s);
	return rc;
}
