#include "privacy/leakage/farthest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/neighbours.h"

#define DIM 3
#define LARGEST 1000.0 /* largest coordinate */
#define FINEST 64      /* cells of the finest grid per standard deviation; those of each next grid are twice as wide */
#define LEVELS 10
#define SPARSE 4     /* most rows of a sparse cell */
#define HASH_BITS 20 /* two cells that share a counter look fuller than they are */
#define CHUNK 65536  /* rows searched at a time */

struct space {
	const struct fm_table *side[2];
	const struct fm_copies *copies;
	unsigned columns;
	double mean[DIM], scale[DIM];
	uint8_t *count; /* (LEVELS, 2^HASH_BITS) rows of the cells, at most 255 */
};

static int kept(const struct space *s, int side, size_t row)
{
	return !s->copies || fm_kept_has(&s->copies->side[side], row);
}

static void place(const struct space *s, int side, size_t row, double *x)
{
	const struct fm_table *t = s->side[side];
	double v[DIM] = {0};

	if (s->columns >> FM_TD & 1u)
		v[0] = log1p((double)t->td[row]);
	if (s->columns >> FM_PKT & 1u)
		v[1] = log1p((double)t->pkt[row]);
	if (s->columns >> FM_BYT & 1u)
		v[2] = log1p((double)t->byt[row]);
	for (int c = 0; c < DIM; c++)
		x[c] = fmax(-LARGEST, fmin(LARGEST, (v[c] - s->mean[c]) * s->scale[c]));
}

static void fit(struct space *s)
{
	double mean[DIM] = {0}, squares[DIM] = {0}, n = 0, x[DIM];

	for (int c = 0; c < DIM; c++)
		s->scale[c] = 1;
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < s->side[k]->rows; i++) { /* Welford (1962) */
			fm_table_forget_behind(s->side[k], i);
			if (!kept(s, k, i))
				continue;
			place(s, k, i, x);
			n++;
			for (int c = 0; c < DIM; c++) {
				double d = x[c] - mean[c];
				mean[c] += d / n;
				squares[c] += d * (x[c] - mean[c]);
			}
		}
	for (int c = 0; c < DIM; c++) {
		s->mean[c] = mean[c];
		s->scale[c] = squares[c] > 0 ? sqrt(n / squares[c]) : 1;
	}
}

/* ---- the grid ---- */

static void cells(const struct space *s, int side, size_t row, uint32_t cell[LEVELS])
{
	double x[DIM];

	place(s, side, row, x);
	for (int level = 0; level < LEVELS; level++) {
		uint64_t h = (uint64_t)level;
		for (int c = 0; c < DIM; c++) {
			h ^= (uint64_t)((int64_t)floor(x[c] * FINEST) >> level);
			h *= 0xbf58476d1ce4e5b9u; /* as SplitMix64 (Steele, Lea and Flood 2014) */
			h ^= h >> 29;
		}
		cell[level] = (uint32_t)(level << HASH_BITS) + (uint32_t)(h * 0x94d049bb133111ebu >> (64 - HASH_BITS));
	}
}

/* The finest level at which not too many rows are in sparse cells, and their number. */
static int choose_level(const struct space *s, size_t *n)
{
	size_t sparse[LEVELS] = {0};
	uint32_t cell[LEVELS];
	int level = 0;

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < s->side[k]->rows; i++) {
			fm_table_forget_behind(s->side[k], i);
			if (!kept(s, k, i))
				continue;
			cells(s, k, i, cell);
			for (int j = 0; j < LEVELS; j++)
				if (s->count[cell[j]] < UINT8_MAX)
					s->count[cell[j]]++;
		}
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < s->side[k]->rows; i++) {
			fm_table_forget_behind(s->side[k], i);
			if (!kept(s, k, i))
				continue;
			cells(s, k, i, cell);
			for (int j = 0; j < LEVELS; j++)
				sparse[j] += s->count[cell[j]] <= SPARSE;
		}
	while (level < LEVELS - 1 && sparse[level] > FM_FAR_MOST)
		level++;
	*n = sparse[level];
	return level;
}

static void take(const struct space *s, const struct fm_clusters *clusters, int level, struct fm_far *list)
{
	uint32_t cell[LEVELS];
	double x[DIM];

	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < s->side[k]->rows; i++) {
			fm_table_forget_behind(s->side[k], i);
			if (!kept(s, k, i))
				continue;
			cells(s, k, i, cell);
			if (s->count[cell[level]] > SPARSE)
				continue;
			place(s, k, i, x);
			*list = (struct fm_far){
			    .own = fm_cluster_of(clusters, k, (uint32_t)i), .row = (uint32_t)i, .side = (uint8_t)k};
			for (int j = 0; j < FM_FAR_NEAR; j++) {
				list->near[j] = INFINITY;
				list->cluster[j] = FM_NO_NEIGHBOUR;
			}
			for (int c = 0; c < DIM; c++)
				list->x[c] = (float)x[c];
			list++;
		}
}

/* ---- the neighbours ---- */

static void meet(struct fm_far *r, float d, uint32_t cluster)
{
	int k = FM_FAR_NEAR - 1;

	if (d >= r->near[k])
		return;
	for (; k > 0 && r->near[k - 1] > d; k--) {
		r->near[k] = r->near[k - 1];
		r->cluster[k] = r->cluster[k - 1];
	}
	r->near[k] = d;
	r->cluster[k] = cluster;
}

/* Which of several rows at the same distance are among the nearest makes no difference to fm_far_distance: those left
 * out are as far as the last one. */
static int search(const struct space *s, const struct fm_clusters *clusters, struct fm_pool *pool, struct fm_far *list,
		  size_t n, struct fm_error *err)
{
	struct fm_points *points = NULL;
	struct fm_span *skip = NULL;
	uint32_t *row = NULL, *of = NULL; /* of: the row of each point of a chunk */
	double *d2 = NULL, at[DIM];
	float *q = NULL, *x = NULL;
	int rc;

	if ((rc = fm_alloc(&q, n * DIM + 1, sizeof *q, "records", err)) < 0 ||
	    (rc = fm_alloc(&x, (size_t)CHUNK * DIM, sizeof *x, "flows as points", err)) < 0 ||
	    (rc = fm_alloc(&of, CHUNK, sizeof *of, "records", err)) < 0 ||
	    (rc = fm_alloc(&skip, n + 1, sizeof *skip, "records", err)) < 0 ||
	    (rc = fm_alloc(&row, n * FM_FAR_NEAR + 1, sizeof *row, "neighbours", err)) < 0 ||
	    (rc = fm_alloc(&d2, n * FM_FAR_NEAR + 1, sizeof *d2, "neighbours", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		memcpy(q + i * DIM, list[i].x, sizeof list[i].x);
	for (int k = 0; k < 2; k++)
		for (size_t first = 0; first < s->side[k]->rows; first += CHUNK) {
			size_t rows = s->side[k]->rows - first < CHUNK ? s->side[k]->rows - first : CHUNK, points_n = 0;
			for (size_t i = 0; i < rows; i++) {
				of[i] = (uint32_t)points_n; /* for now, the point of each row */
				if (!kept(s, k, first + i))
					continue;
				place(s, k, first + i, at);
				for (int c = 0; c < DIM; c++)
					x[points_n * DIM + (size_t)c] = (float)at[c];
				points_n++;
			}
			for (size_t i = 0; i < n; i++) { /* not itself */
				int own = list[i].side == k && list[i].row >= first && list[i].row - first < rows;
				uint32_t from = own ? of[list[i].row - first] : 0;
				skip[i] = (struct fm_span){from, from + (uint32_t)own};
			}
			points_n = 0;
			for (size_t i = 0; i < rows; i++)
				if (kept(s, k, first + i))
					of[points_n++] = (uint32_t)(first + i);
			fm_table_forget(s->side[k], first, first + rows);
			fm_points_free(points);
			points = NULL;
			if ((rc = fm_points_new(&points, x, points_n, DIM, err)) < 0 ||
			    (rc = fm_neighbours(points, &(struct fm_queries){q, n, FM_FAR_NEAR, skip, pool}, row, d2,
						err)) < 0)
				goto out;
			for (size_t i = 0; i < n * FM_FAR_NEAR; i++)
				if (row[i] != FM_NO_NEIGHBOUR)
					meet(&list[i / FM_FAR_NEAR], (float)sqrt(d2[i]),
					     fm_cluster_of(clusters, k, of[row[i]]));
		}
out:
	fm_points_free(points);
	free(q);
	free(x);
	free(skip);
	free(row);
	free(of);
	free(d2);
	return rc;
}

int fm_far_find(const struct fm_far_in *in, struct fm_far **list, size_t *n, struct fm_error *err)
{
	struct space s = {.side = {in->train, in->holdout}, .copies = in->copies, .columns = in->columns};
	int rc, level;

	*list = NULL;
	*n = 0;
	if ((rc = fm_alloc(&s.count, (size_t)LEVELS << HASH_BITS, sizeof *s.count, "a grid", err)) < 0)
		return rc;
	fit(&s);
	level = choose_level(&s, n);
	if ((rc = fm_alloc(list, *n + 1, sizeof **list, "records", err)) < 0)
		goto out;
	take(&s, in->clusters, level, *list);
	if (*n > 0)
		rc = search(&s, in->clusters, in->pool, *list, *n, err);
	if (rc < 0) {
		free(*list);
		*list = NULL;
	}
out:
	free(s.count);
	return rc;
}
