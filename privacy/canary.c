#include "privacy/canary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define VARIANCE_MIN 1e-4 /* counts are whole numbers: below this they are exact */
#define PRIOR 4           /* 1 / variance of a toss */
#define STEPS 300         /* most steps of the solver */
#define FREE_CELLS 30     /* fewer cells say nothing about the noise */

/* What is kept of an answer: the cell of each canary, and the weight of the cells. */
struct heard {
	uint32_t *cell; /* (2, m): in, out */
	size_t ncells;
	double weight; /* 1 / variance of the noise */
};
/* Of canary i in an answer's cells: 0 when it is in, 1 when it is out. */
#define IN 0
#define OUT 1
#define SIGN(side) ((side) == IN ? 1 : -1)
struct fm_canary_scorer {
	size_t m, n;
	struct fm_canary_memory *memory;
	struct heard heard[FM_CANARY_ANSWERS];
	double *told; /* (m): b of the header */
	size_t most;  /* most cells of an answer */
};

int fm_canary_open(struct fm_canary_scorer **out, size_t m, struct fm_canary_memory *memory, struct fm_error *err)
{
	struct fm_canary_scorer *c = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&c, 1, sizeof *c, "canaries", err)) < 0)
		return rc;
	c->m = m;
	c->memory = memory;
	if ((rc = fm_alloc(&c->told, m + 1, sizeof *c->told, "scores of canaries", err)) < 0) {
		fm_canary_close(c);
		return rc;
	}
	*out = c;
	return FM_OK;
}

void fm_canary_close(struct fm_canary_scorer *c)
{
	if (!c)
		return;
	for (size_t k = 0; k < c->n; k++)
		free(c->heard[k].cell);
	free(c->told);
	free(c);
}

void fm_canary_forget(struct fm_canary_memory *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->answer[i].noise);
	memset(m, 0, sizeof *m);
}

/* out = (H + 4 I) x, with H_ij the summed weights of the cells that i and j share, the sign opposite where one of them
 * is there as the other record; cells: work space. */
static void apply(const struct fm_canary_scorer *c, const double *x, double *cells, double *out)
{
	for (size_t i = 0; i < c->m; i++)
		out[i] = PRIOR * x[i];
	for (size_t k = 0; k < c->n; k++) {
		const struct heard *h = &c->heard[k];

		memset(cells, 0, h->ncells * sizeof *cells);
		for (size_t j = 0; j < 2 * c->m; j++)
			if (h->cell[j] != FM_NO_CELL)
				cells[h->cell[j]] += SIGN(j / c->m) * h->weight * x[j % c->m];
		for (size_t j = 0; j < 2 * c->m; j++)
			if (h->cell[j] != FM_NO_CELL)
				out[j % c->m] += SIGN(j / c->m) * cells[h->cell[j]];
	}
}

static double dot(const double *x, const double *y, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i] * y[i];
	return sum;
}

/* Conjugate gradients, the diagonal taken out first (Hestenes, Stiefel 1952). */
int fm_canary_scores(const struct fm_canary_scorer *c, double *score, struct fm_error *err)
{
	double *work = NULL, *cells = NULL, *r, *z, *d, *ad, *diagonal, rz, first;
	size_t m = c->m;
	int rc;

	if ((rc = fm_alloc(&work, 5 * m + 1, sizeof *work, "scores of canaries", err)) < 0 ||
	    (rc = fm_alloc(&cells, c->most + 1, sizeof *cells, "scores of canaries", err)) < 0)
		goto out;
	r = work, z = r + m, d = z + m, ad = d + m, diagonal = ad + m;
	for (size_t i = 0; i < m; i++) {
		diagonal[i] = PRIOR;
		for (size_t k = 0; k < c->n; k++) {
			uint32_t in = c->heard[k].cell[i], other = c->heard[k].cell[m + i];

			if (in != other) /* neither cell, or one cell: nothing is told of it */
				diagonal[i] += ((in != FM_NO_CELL) + (other != FM_NO_CELL)) * c->heard[k].weight;
		}
		score[i] = 0;
		r[i] = c->told[i];
		d[i] = z[i] = r[i] / diagonal[i];
	}
	first = rz = dot(r, z, m);
	for (int step = 0; step < STEPS && rz > 1e-16 * first; step++) {
		double a, b = rz;

		apply(c, d, cells, ad);
		a = rz / dot(d, ad, m);
		for (size_t i = 0; i < m; i++) {
			score[i] += a * d[i];
			r[i] -= a * ad[i];
			z[i] = r[i] / diagonal[i];
		}
		rz = dot(r, z, m);
		for (size_t i = 0; i < m; i++)
			d[i] = z[i] + rz / b * d[i];
	}
out:
	free(work);
	free(cells);
	return rc;
}

/* The place of an answer in the memory, made if it is new; NULL when there is no room, and then it is not remembered.
 * *was: the noise there is that of an earlier run. */
static double *recall(struct fm_canary_memory *m, const struct fm_canary_answer *a, int *was, struct fm_error *err,
		      int *rc)
{
	size_t i = 0;

	*was = 0;
	*rc = FM_OK;
	while (i < m->n && strcmp(m->answer[i].name, a->name) != 0)
		i++;
	if (i == FM_CANARY_ANSWERS)
		return NULL;
	if (i == m->n)
		snprintf(m->answer[m->n++].name, sizeof m->answer[0].name, "%s", a->name);
	*was = m->answer[i].noise && m->answer[i].ncells == a->ncells;
	if (!*was) {
		free(m->answer[i].noise);
		m->answer[i].noise = NULL;
		m->answer[i].ncells = a->ncells;
		*rc = fm_alloc(&m->answer[i].noise, a->ncells + 1, sizeof(double), "noise of a run", err);
	}
	return m->answer[i].noise;
}

/* The mean square of what is left in the cells without a canary; infinite where these are too few. */
static double spread(const double *left, const uint32_t *canaries, size_t n)
{
	double sum = 0;
	size_t cells = 0;

	for (size_t c = 0; c < n; c++)
		if (canaries[c] == 0) {
			sum += left[c] * left[c];
			cells++;
		}
	return cells < FREE_CELLS ? INFINITY : sum / (double)cells;
}

int fm_canary_add(struct fm_canary_scorer *c, const struct fm_canary_answer *a, const uint8_t *in, struct fm_error *err)
{
	uint32_t *canaries = NULL;
	double *left = NULL, *less = NULL, *noise, *use, v = a->sigma * a->sigma, seen;
	struct heard *h = &c->heard[c->n];
	int rc, was;

	if (c->n == FM_CANARY_ANSWERS)
		return fm_fail(err, FM_EINPUT, "over %d answers", FM_CANARY_ANSWERS);
	if ((rc = fm_alloc(&canaries, a->ncells + 1, sizeof *canaries, "cells of canaries", err)) < 0 ||
	    (rc = fm_alloc(&h->cell, 2 * c->m + 1, sizeof *h->cell, "cells of canaries", err)) < 0 ||
	    (rc = fm_alloc(&left, a->ncells + 1, sizeof *left, "cells of canaries", err)) < 0 ||
	    (rc = fm_alloc(&less, a->ncells + 1, sizeof *less, "cells of canaries", err)) < 0)
		goto out;
	for (size_t i = 0; i < c->m; i++) {
		h->cell[i] = a->cell[i];
		h->cell[c->m + i] = a->other ? a->other[i] : FM_NO_CELL;
	}
	for (size_t j = 0; j < 2 * c->m; j++)
		if (h->cell[j] != FM_NO_CELL)
			canaries[h->cell[j]]++;
	noise = recall(c->memory, a, &was, err, &rc);
	if (rc < 0)
		goto out;
	for (size_t k = 0; k < a->ncells; k++) {
		left[k] = a->noisy[k] - a->known[k];
		less[k] = was ? left[k] - noise[k] : 0;
	}
	use = left;
	if ((seen = spread(left, canaries, a->ncells)) < v)
		v = seen;
	/* The difference has twice the variance where noise is drawn anew. */
	if (was && (seen = spread(less, canaries, a->ncells)) < v / 2) {
		v = seen;
		use = less;
	}
	v = fmax(v, VARIANCE_MIN);
	for (size_t j = 0; j < 2 * c->m; j++)
		if (h->cell[j] != FM_NO_CELL)
			c->told[j % c->m] += SIGN(j / c->m) * (use[h->cell[j]] - (double)canaries[h->cell[j]] / 2) / v;
	h->ncells = a->ncells;
	h->weight = 1 / v;
	c->n++;
	c->most = a->ncells > c->most ? a->ncells : c->most;
	for (size_t k = 0; noise && k < a->ncells; k++)
		noise[k] = left[k];
	for (size_t j = 0; noise && j < 2 * c->m; j++)
		if (h->cell[j] != FM_NO_CELL && in[j % c->m] == (j < c->m))
			noise[h->cell[j]] -= 1;
out:
	if (rc < 0) {
		free(h->cell);
		h->cell = NULL;
	}
	free(canaries);
	free(left);
	free(less);
	return rc;
}
