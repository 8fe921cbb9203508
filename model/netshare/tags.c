/* tags.c - which sessions go on in later chunks. */
#include "model/netshare/tags.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

#define NOISE_MOST 16.0 /* deviations of a logit: nothing of the softmax is left */
#define HALVINGS 12

struct scored {
	double score;
	size_t which;
};

static int compare_scored(const void *pa, const void *pb)
{
	const struct scored *a = pa, *b = pb;

	return a->score != b->score ? (a->score < b->score ? 1 : -1) : (a->which > b->which) - (a->which < b->which);
}

static double logit(double p)
{
	p = fmin(fmax(p, 1e-7), 1 - 1e-7);
	return fm_det_log(p) - fm_det_log(1 - p);
}

/* Set has[] for noise of this size; returns how many sessions have a tag. */
static size_t choose(const struct fm_tags *t, const double *logits, const double *noise, const size_t *wanted,
		     double size, struct scored *room, uint64_t *has)
{
	size_t any = 0;

	memset(has, 0, sizeof *has * t->n);
	for (int k = 0; k < t->tags; k++) {
		for (size_t i = 0; i < t->n; i++) {
			size_t at = i * (size_t)t->tags + (size_t)k;

			room[i] = (struct scored){logits[at] + size * noise[at], i};
		}
		if (wanted[k] > 0)
			qsort(room, t->n, sizeof *room, compare_scored);
		for (size_t i = 0; i < wanted[k]; i++)
			has[room[i].which] |= (uint64_t)1 << k;
	}
	for (size_t i = 0; i < t->n; i++)
		any += has[i] != 0;
	return any;
}

/* A share of n as a whole number that has it as its mean. */
static size_t count_of(double share, size_t n, struct fm_rng *r)
{
	size_t count = (size_t)(share * (double)n + (double)fm_rng_uniform(r));

	return count < n ? count : n;
}

int fm_tags_choose(const struct fm_tags *t, struct fm_rng *r, uint64_t *has, struct fm_error *err)
{
	size_t all = t->n * (size_t)t->tags, wanted[64], any;
	double *logits = NULL, *noise = NULL, low = 0, high = NOISE_MOST;
	struct scored *room = NULL;
	int rc;

	memset(has, 0, sizeof *has * t->n);
	if (all == 0)
		return FM_OK;
	if ((rc = fm_alloc(&logits, all, sizeof *logits, "5-tuples", err)) < 0 ||
	    (rc = fm_alloc(&noise, all, sizeof *noise, "5-tuples", err)) < 0 ||
	    (rc = fm_alloc(&room, t->n, sizeof *room, "5-tuples", err)) < 0)
		goto out;
	for (size_t i = 0; i < all; i++) {
		logits[i] = logit((double)t->soft[i]);
		noise[i] = logit((double)fm_rng_uniform(r));
	}
	for (int k = 0; k < t->tags; k++)
		wanted[k] = count_of(t->share[k], t->n, r);
	any = count_of(t->any, t->n, r);
	if (choose(t, logits, noise, wanted, 0, room, has) >= any)
		goto out;
	for (int i = 0; i < HALVINGS; i++) {
		double middle = (low + high) / 2;

		if (choose(t, logits, noise, wanted, middle, room, has) < any)
			low = middle;
		else
			high = middle;
	}
out:
	free(logits);
	free(noise);
	free(room);
	return rc;
}
