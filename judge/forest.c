#include "judge/forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { TREES = 100, ROWS = 256, DEPTH = 8, NODES = 2 * ROWS };

struct node {
	int32_t feature; /* -1: a leaf */
	int32_t right;   /* the left child is the next node */
	float cut;       /* a value below it goes left; in a leaf: the depth at which a row is alone */
};
struct fm_forest {
	size_t f, trees;
	double expected; /* depth of the average row */
	struct node node[TREES][NODES];
};

/* The expected depth of n rows in a random tree (their equation 1); H(i) by Euler's constant as they do. */
static double expected_depth(size_t n)
{
	if (n < 2)
		return 0;
	if (n == 2)
		return 1;
	return 2 * (log((double)n - 1) + 0.5772156649015329) - 2 * ((double)n - 1) / (double)n;
}

struct grower {
	const float *x;
	size_t f;
	uint32_t row[ROWS];
	struct node *node;
	int used;
	struct fm_rng rng;
};

/* A random one of the features that are not constant over the rows, and its range; -1 when all are constant. */
static int choose_feature(struct grower *g, size_t from, size_t to, float *lo, float *hi)
{
	int chosen = -1;
	uint32_t seen = 0;

	for (size_t k = 0; k < g->f; k++) {
		float a = INFINITY, b = -INFINITY;
		for (size_t i = from; i < to; i++) {
			float v = g->x[g->row[i] * g->f + k];
			a = v < a ? v : a;
			b = v > b ? v : b;
		}
		if (a < b && fm_rng_below(&g->rng, ++seen) == 0) {
			chosen = (int)k;
			*lo = a;
			*hi = b;
		}
	}
	return chosen;
}

static void grow(struct grower *g, size_t from, size_t to, int depth)
{
	struct node *node = &g->node[g->used++];
	float lo = 0, hi = 0;
	int k = to - from > 1 && depth < DEPTH ? choose_feature(g, from, to, &lo, &hi) : -1;

	if (k < 0) {
		*node = (struct node){.feature = -1, .cut = (float)(depth + expected_depth(to - from))};
		return;
	}
	float cut = lo + fm_rng_uniform(&g->rng) * (hi - lo);
	if (!(cut > lo)) /* guard against rounding: both sides must have rows */
		cut = hi;
	size_t middle = from;
	for (size_t i = from; i < to; i++)
		if (g->x[g->row[i] * g->f + (size_t)k] < cut) {
			uint32_t r = g->row[middle];
			g->row[middle++] = g->row[i];
			g->row[i] = r;
		}
	node->feature = k;
	node->cut = cut;
	grow(g, from, middle, depth + 1);
	node->right = g->used;
	grow(g, middle, to, depth + 1);
}

/* m distinct rows of n, in no particular order (Floyd, in Bentley, CACM 30, 1987). */
static void choose_rows(struct grower *g, size_t n, size_t m)
{
	for (size_t j = n - m, got = 0; j < n; j++) {
		uint32_t r = fm_rng_below(&g->rng, (uint32_t)(j + 1));
		for (size_t i = 0; i < got; i++)
			if (g->row[i] == r) {
				r = (uint32_t)j;
				break;
			}
		g->row[got++] = r;
	}
}

int fm_forest_grow(struct fm_forest **out, const float *x, size_t n, size_t f, uint64_t seed, struct fm_error *err)
{
	size_t m = n < ROWS ? n : ROWS;
	struct fm_forest *forest = NULL;
	struct grower *g = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&forest, 1, sizeof *forest, "a forest", err)) < 0 ||
	    (rc = fm_alloc(&g, 1, sizeof *g, "a forest", err)) < 0) {
		free(forest);
		return rc;
	}
	forest->f = f;
	forest->trees = n ? TREES : 0;
	forest->expected = expected_depth(m);
	for (size_t t = 0; t < forest->trees; t++) {
		*g = (struct grower){.x = x, .f = f, .node = forest->node[t]};
		fm_rng_init(&g->rng, seed, FM_RNG_JUDGE, t, 3);
		choose_rows(g, n, m);
		grow(g, 0, m, 0);
	}
	free(g);
	*out = forest;
	return FM_OK;
}

void fm_forest_score(const struct fm_forest *forest, const float *x, size_t n, float *score)
{
	for (size_t i = 0; i < n; i++, x += forest->f) {
		double depth = 0;
		for (size_t t = 0; t < forest->trees; t++) {
			const struct node *node = forest->node[t];
			int32_t at = 0;
			while (node[at].feature >= 0)
				at = x[node[at].feature] < node[at].cut ? at + 1 : node[at].right;
			depth += (double)node[at].cut;
		}
		score[i] = 0.5f;
		if (forest->expected > 0)
			score[i] = (float)exp2(-depth / (double)forest->trees / forest->expected);
	}
}

void fm_forest_free(struct fm_forest *forest)
{
	free(forest);
}
