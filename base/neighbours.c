#include "base/neighbours.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/kernels.h"
#include "base/mem.h"

enum {
	TILE = 256,   /* points of a tile: 17 KiB at 16 dimensions, half of a first-level cache */
	QUERIES = 96, /* queries of a shard: their products with a tile are 96 KiB, in the second-level cache */
};

struct fm_points {
	size_t n, tiles;
	int dim;
	double g;  /* the bound on rounding, see the header */
	float *at; /* (tiles, dim + 1, TILE): coordinate by coordinate, the shrunk norm last; padding has the norm
		      INFINITY */
};

static int point_ok(const float *x, int dim)
{
	for (int k = 0; k < dim; k++)
		if (!(fabsf(x[k]) <= FM_POINT_LARGEST))
			return 0;
	return 1;
}

static double norm2(const float *x, int dim)
{
	double s = 0;

	for (int k = 0; k < dim; k++)
		s += (double)x[k] * (double)x[k];
	return s;
}

int fm_points_new(struct fm_points **out, const float *x, size_t n, int dim, struct fm_error *err)
{
	struct fm_points *p = NULL;
	int rc;

	*out = NULL;
	if (dim < 1 || dim > FM_POINT_DIM_MAX || n >= FM_NO_NEIGHBOUR)
		return fm_fail(err, FM_EINPUT, "%zu points of %d dimensions are over the search's limits", n, dim);
	if ((rc = fm_alloc(&p, 1, sizeof *p, "points", err)) < 0)
		return rc;
	p->n = n;
	p->dim = dim;
	p->tiles = (n + TILE - 1) / TILE;
	double u = (dim + 1) * ldexp(1, -24);
	p->g = u / (1 - u);
	size_t floats = (size_t)(dim + 1) * TILE;
	if ((rc = fm_alloc(&p->at, p->tiles * floats + 1, sizeof *p->at, "points", err)) < 0)
		goto out;
	for (size_t i = 0; i < p->tiles * TILE; i++) {
		float *at = p->at + i / TILE * floats + i % TILE, norm = INFINITY;
		if (i < n) {
			const float *b = x + i * (size_t)dim;
			if (!point_ok(b, dim)) {
				rc = fm_fail(err, FM_EINPUT,
					     "point %zu has a coordinate that is no number or too large", i);
				goto out;
			}
			for (int k = 0; k < dim; k++)
				at[k * TILE] = b[k];
			/* A little more is taken off than the header's bound asks, for the double's own rounding. */
			norm = nextafterf((float)(norm2(b, dim) * (1 - 2 * p->g - 1e-12)), -INFINITY);
		}
		at[dim * TILE] = norm;
	}
	*out = p;
	p = NULL;
out:
	fm_points_free(p);
	return rc;
}

void fm_points_free(struct fm_points *p)
{
	if (!p)
		return;
	free(p->at);
	free(p);
}

size_t fm_points_count(const struct fm_points *p)
{
	return p->n;
}

/* ---- the search ---- */

struct search {
	const struct fm_points *p;
	uint32_t first; /* the number of the first point */
	const struct fm_kernels *kernels;
	const float *q;
	size_t m;
	int k;
	const struct fm_span *skip;
	uint32_t *row;
	double *d2;
	float *work;                /* a thread's (QUERIES, dim + 1) and (QUERIES, TILE) */
	size_t work_floats;         /* of one thread */
	struct fm_scratch *scratch; /* of each thread */
};

/* A product is looked at only when it is below this: the distance of the k-th best so far without the query's norm,
 * made larger by the bounds on rounding. */
static float limit(const struct search *s, double kth, double query_norm)
{
	if (kth <= 0)
		return -INFINITY; /* nothing is nearer than nothing */
	return nextafterf((float)(kth * (1 + 1e-12) - query_norm * (1 - s->p->g - 1e-12) + 1e-38), INFINITY);
}

/* The products, eight at a time; true is -1. A wider type than the machine's registers is compared number by number. */
enum { LANES = 8 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef int32_t ilanes __attribute__((vector_size(LANES * sizeof(int32_t))));

static inline __attribute__((always_inline)) int any(const ilanes *v)
{
	uint64_t u[sizeof *v / sizeof(uint64_t)];

	memcpy(u, v, sizeof *v);
	return (u[0] | u[1] | u[2] | u[3]) != 0;
}

/* Look again, in double, at LANES products of one query, some of which are below its limit.  j: the first of them in
 * the tile. */
static float look(const struct search *s, size_t i, size_t tile, size_t j, const float *product, double query_norm,
		  float below)
{
	const struct fm_points *p = s->p;
	const float *at = p->at + tile * (size_t)(p->dim + 1) * TILE, *q = s->q + i * (size_t)p->dim;
	struct fm_span skip = s->skip ? s->skip[i] : (struct fm_span){0, 0};
	uint32_t *row = s->row + i * (size_t)s->k;
	double *d2 = s->d2 + i * (size_t)s->k;
	int last = s->k - 1;

	for (size_t end = j + LANES; j < end; j++) {
		if (!(product[j] < below))
			continue;
		uint32_t r = s->first + (uint32_t)(tile * TILE + j);
		if (r >= skip.from && r < skip.to)
			continue;
		double d = 0;
		for (int c = 0; c < p->dim; c++) {
			double t = (double)q[c] - (double)at[(size_t)c * TILE + j];
			d += t * t;
		}
		if (d >= d2[last])
			continue;
		int to = last;
		for (; to > 0 && d2[to - 1] > d; to--) {
			d2[to] = d2[to - 1];
			row[to] = row[to - 1];
		}
		d2[to] = d;
		row[to] = r;
		below = limit(s, d2[last], query_norm);
	}
	return below;
}

/* The products of one query with one tile: those below its limit are looked at.  Returns the new limit. */
static inline __attribute__((always_inline)) float sift(const struct search *s, size_t i, size_t tile,
							const float *product, double query_norm, float below)
{
	enum { STEP = 4 * LANES };

	for (size_t j = 0; j < TILE; j += STEP) {
		const lanes limit8 = below - (lanes){0};
		ilanes seen = {0};
		for (size_t l = 0; l < STEP; l += LANES)
			seen |= *(const lanes *)(const void *)(product + j + l) < limit8;
		if (!any(&seen))
			continue;
		for (size_t l = 0; l < STEP; l += LANES) {
			const ilanes here = *(const lanes *)(const void *)(product + j + l) < limit8;
			if (any(&here))
				below = look(s, i, tile, j + l, product, query_norm, below);
		}
	}
	return below;
}

static inline __attribute__((always_inline)) void shard(struct search *s, int number, int thread)
{
	const struct fm_points *p = s->p;
	size_t first = (size_t)number * QUERIES, count = s->m - first < QUERIES ? s->m - first : QUERIES;
	int dim = p->dim, wide = dim + 1;
	float *a = s->work + (size_t)thread * s->work_floats, *product = a + (size_t)QUERIES * (size_t)wide;
	double norm[QUERIES];
	float below[QUERIES];

	for (size_t i = 0; i < count; i++) {
		const float *q = s->q + (first + i) * (size_t)dim;
		for (int c = 0; c < dim; c++)
			a[i * (size_t)wide + (size_t)c] = -2 * q[c];
		a[i * (size_t)wide + (size_t)dim] = 1;
		norm[i] = norm2(q, dim);
		below[i] = limit(s, s->d2[(first + i) * (size_t)s->k + (size_t)s->k - 1], norm[i]);
	}
	for (size_t tile = 0; tile < p->tiles; tile++) {
		s->kernels->gemm(&s->scratch[thread], FM_N, FM_N, (int)count, TILE, wide, a, wide,
				 p->at + tile * (size_t)wide * TILE, TILE, product, TILE, NULL, 0);
		for (size_t i = 0; i < count; i++)
			below[i] = sift(s, first + i, tile, product + i * TILE, norm[i], below[i]);
	}
}

static void shard_plain(void *ctx, int number, int thread)
{
	shard(ctx, number, thread);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void shard_avx2(void *ctx, int number, int thread)
{
	shard(ctx, number, thread);
}

__attribute__((target("avx512f"))) static void shard_avx512(void *ctx, int number, int thread)
{
	shard(ctx, number, thread);
}
#endif

void fm_neighbours_none(size_t m, int k, uint32_t *row, double *d2)
{
	for (size_t i = 0; i < m * (size_t)k; i++) {
		row[i] = FM_NO_NEIGHBOUR;
		d2[i] = INFINITY;
	}
}

int fm_neighbours(const struct fm_points *p, const struct fm_queries *asked, uint32_t *row, double *d2,
		  struct fm_error *err)
{
	if (asked->k >= 1 && asked->k <= FM_NEIGHBOURS_MAX)
		fm_neighbours_none(asked->m, asked->k, row, d2);
	return fm_neighbours_more(p, 0, asked, row, d2, err);
}

int fm_neighbours_more(const struct fm_points *p, uint32_t first, const struct fm_queries *asked, uint32_t *row,
		       double *d2, struct fm_error *err)
{
	const float *q = asked->q;
	struct fm_pool *pool = asked->pool;
	size_t m = asked->m;
	int k = asked->k;
	struct search s = {.p = p,
			   .first = first,
			   .kernels = fm_kernels(),
			   .q = q,
			   .m = m,
			   .k = k,
			   .skip = asked->skip,
			   .row = row,
			   .d2 = d2};
	size_t threads = pool ? (size_t)fm_pool_size(pool) : 1;
	void (*run)(void *, int, int) = shard_plain;
	int rc;

	if (k < 1 || k > FM_NEIGHBOURS_MAX || m >= (size_t)INT32_MAX || p->n >= FM_NO_NEIGHBOUR - first)
		return fm_fail(err, FM_EINPUT, "%d neighbours of %zu queries are over the search's limits", k, m);
	for (size_t i = 0; i < m; i++)
		if (!point_ok(q + i * (size_t)p->dim, p->dim))
			return fm_fail(err, FM_EINPUT, "query %zu has a coordinate that is no number or too large", i);
	s.work_floats = ((size_t)QUERIES * (size_t)(p->dim + 1 + TILE) + 15) / 16 * 16;
	if ((rc = fm_alloc(&s.work, threads * s.work_floats, sizeof *s.work, "a search", err)) < 0 ||
	    (rc = fm_alloc(&s.scratch, threads, sizeof *s.scratch, "a search", err)) < 0)
		goto out;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f"))
		run = shard_avx512;
	else if (__builtin_cpu_supports("avx2"))
		run = shard_avx2;
#endif
	fm_pool_run(pool, (int)((m + QUERIES - 1) / QUERIES), run, &s);
out:
	free(s.work);
	free(s.scratch);
	return rc;
}
