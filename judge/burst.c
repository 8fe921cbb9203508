#include "judge/burst.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "judge/column.h"
#include "judge/divergence.h"

enum { SCALES = 3, POWERS = 65, BINS = 100, SHAPES = 4 /* real, synthetic, and the middles of the two */ };
/* Where real has fewer flows than SMALL, the middle of a table is without so many of its flows at either end. */
#define CUT 0.05
enum { SMALL = 2048 };
static const uint64_t scales[SCALES] = {1, 10, 60};
#define LN2 0.69314718055994531

/* A second that has flows. */
struct second {
	uint64_t at; /* seconds since the table's first */
	double flows, bytes;
};
struct shape {
	const struct fm_table *t;
	double cut; /* share of the flows that is left out at either end of time */
	struct second *s;
	size_t n, rows;
	double slots; /* seconds, including empty ones */
	double mean;  /* flows per second */
	double dispersion[SCALES], lag1;
	uint64_t length[POWERS], flows[POWERS], bursts;
	int rc;
	struct fm_error err;
};

static int64_t second_of(int64_t te)
{
	return te / 1000 - (te % 1000 < 0);
}

static int find_seconds(struct shape *s, struct fm_error *err)
{
	const struct fm_table *t = s->t;
	uint32_t *order = NULL;
	int rc;

	if ((rc = fm_rows_by_time(t, &order, err)) < 0 ||
	    (rc = fm_alloc(&s->s, t->rows, sizeof *s->s, "seconds", err)) < 0)
		goto out;
	size_t from = (size_t)(s->cut * (double)t->rows);
	int64_t first = second_of(t->te[order[from]]);
	s->rows = t->rows - 2 * from;
	for (size_t i = from; i < from + s->rows; i++) {
		uint64_t at = (uint64_t)second_of(t->te[order[i]]) - (uint64_t)first;
		if (s->n == 0 || s->s[s->n - 1].at != at)
			s->s[s->n++].at = at;
		s->s[s->n - 1].flows++;
		s->s[s->n - 1].bytes += FM_HAS(t, FM_BYT) ? (double)t->byt[order[i]] : 0.0;
	}
	s->slots = (double)s->s[s->n - 1].at + 1;
	s->mean = (double)s->rows / s->slots;
out:
	free(order);
	return rc;
}

/* Variance over mean of the flows in slots of `scale` seconds. */
static double dispersion(const struct shape *s, uint64_t scale)
{
	double slots = floor((s->slots - 1) / (double)scale) + 1, mean = (double)s->rows / slots, square = 0;

	for (size_t i = 0; i < s->n;) {
		uint64_t slot = s->s[i].at / scale;
		double flows = 0;
		for (; i < s->n && s->s[i].at / scale == slot; i++)
			flows += s->s[i].flows;
		square += flows * flows;
	}
	return fmax(0.0, square / slots - mean * mean) / mean;
}

static double lag1(const struct shape *s)
{
	double n = (double)s->rows, mean = n / s->slots, square = 0, product = 0;

	for (size_t i = 0; i < s->n; i++) {
		square += s->s[i].flows * s->s[i].flows;
		if (i > 0 && s->s[i].at == s->s[i - 1].at + 1)
			product += s->s[i].flows * s->s[i - 1].flows;
	}
	double var = square - n * mean, ends = s->s[0].flows + s->s[s->n - 1].flows;
	if (!(var > 1e-9 * square))
		return 0;
	return (product - mean * (2 * n - ends) + (s->slots - 1) * mean * mean) / var;
}

static int power_of(uint64_t v)
{
	return v ? 64 - __builtin_clzll(v) : 0;
}

static void find_bursts(struct shape *s)
{
	double mean = (double)s->rows / s->slots;

	for (size_t i = 0; i < s->n;) {
		size_t i0 = i;
		double flows = 0;
		while (i < s->n && s->s[i].flows > mean && s->s[i].at - s->s[i0].at == i - i0)
			flows += s->s[i++].flows;
		if (i == i0) {
			i++;
			continue;
		}
		s->length[power_of(i - i0)]++;
		s->flows[power_of((uint64_t)flows)]++;
		s->bursts++;
	}
}

static void measure(void *ctx, int shard, int thread)
{
	struct shape *s = (struct shape *)ctx + shard;

	(void)thread;
	if ((s->rc = find_seconds(s, &s->err)) < 0)
		return;
	for (int k = 0; k < SCALES; k++)
		s->dispersion[k] = dispersion(s, scales[k]);
	s->lag1 = lag1(s);
	find_bursts(s);
}

static double jsd_bursts(const struct shape *s, const uint64_t *real, const uint64_t *synthetic)
{
	if (!s[0].bursts || !s[1].bursts)
		return s[0].bursts || s[1].bursts ? LN2 : 0.0;
	return fm_jsd_counts(real, synthetic, POWERS);
}

static double jsd_volume(const struct shape *s)
{
	uint64_t count[2][BINS + 2] = {{0}};
	double lo = INFINITY, hi = -INFINITY;

	for (size_t i = 0; i < s[0].n; i++) {
		double v = log1p(s[0].s[i].bytes);
		lo = fmin(lo, v);
		hi = fmax(hi, v);
	}
	hi = fmax(hi, lo + 1e-9);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < s[k].n; i++) {
			double v = log1p(s[k].s[i].bytes);
			int bin = v < lo ? 0 : v > hi ? BINS + 1 : (int)fmin(BINS - 1, (v - lo) / (hi - lo) * BINS) + 1;
			count[k][bin]++;
		}
	return fm_jsd_counts(count[0], count[1], BINS + 2);
}

/* mid: what the gap of dispersion is measured on. */
static int report(const struct shape *s, const struct shape *mid, const char *prefix, struct fm_metrics *out,
		  struct fm_error *err)
{
	static const char *const side[2] = {"real", "synthetic"};
	int64_t n = (int64_t)s[1].t->rows;
	int bytes = FM_HAS(s[0].t, FM_BYT) && FM_HAS(s[1].t, FM_BYT), rc;
	double gap = 0;
	char name[96];

	for (int k = 0; k < SCALES; k++) {
		for (int i = 0; i < 2; i++) {
			snprintf(name, sizeof name, "%sburst.dispersion_%ds_%s", prefix, (int)scales[k], side[i]);
			if ((rc = fm_metrics_add(out, name, s[i].dispersion[k], (int64_t)s[i].t->rows, err)) < 0)
				return rc;
		}
		/* Dispersion - 1 is in proportion to the mean: scale real's to synthetic's mean.  Of a small table the
		 * middle's, as one flow that ends long after the others would make its mean that of an empty hour. */
		double times = mid[1].mean / mid[0].mean, real = fmax(0, 1 + times * (mid[0].dispersion[k] - 1));
		gap += fabs(log((1 + real) / (1 + mid[1].dispersion[k]))) / SCALES;
	}
	const struct {
		const char *name;
		double value;
		int there;
	} rest[] = {
	    {"dispersion_gap", gap, 1},
	    {"lag1_real", s[0].lag1, 1},
	    {"lag1_synthetic", s[1].lag1, 1},
	    {"lag1_gap", fabs(s[0].lag1 - s[1].lag1), 1},
	    {"LENGTH", jsd_bursts(s, s[0].length, s[1].length), 1},
	    {"FLOWS", jsd_bursts(s, s[0].flows, s[1].flows), 1},
	    {"VOLUME", jsd_volume(s), bytes},
	};
	for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
		snprintf(name, sizeof name, "%sburst.%s", prefix, rest[i].name);
		if (rest[i].there && (rc = fm_metrics_add(out, name, rest[i].value, n, err)) < 0)
			return rc;
	}
	return FM_OK;
}

int fm_burst(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	     struct fm_metrics *out, struct fm_error *err)
{
	int rc, shapes = real->rows < SMALL ? SHAPES : 2; /* the same for a floor */
	struct shape *s = NULL;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	if (!FM_HAS(real, FM_TE) || !FM_HAS(synthetic, FM_TE))
		return FM_OK;
	if ((rc = fm_alloc(&s, SHAPES, sizeof *s, "bursts", err)) < 0)
		return rc;
	for (int k = 0; k < shapes; k++) {
		s[k].t = k % 2 ? synthetic : real;
		s[k].cut = k < 2 ? 0 : CUT;
	}
	fm_pool_run(pool, shapes, measure, s);
	for (int k = 0; k < shapes; k++)
		if (s[k].rc < 0) {
			rc = fm_fail(err, s[k].rc, "%s", s[k].err.message);
			goto out;
		}
	rc = report(s, s + shapes - 2, prefix, out, err);
out:
	for (int k = 0; k < shapes; k++)
		free(s[k].s);
	free(s);
	return rc;
}
