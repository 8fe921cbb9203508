/*
 * extremes.c - do the emitted records that are far from all other real records come from the training side?
 *
 * leak.isolated tests the number of lone records whose duration, packets and bytes no other real row has.  A row that a
 * generator makes by itself hardly ever equals one.
 *
 * leak.extreme is for a few copies of the strangest training records.  Such copies come from so few windows that their
 * number alone could be chance, even when no such holdout record is emitted: two flows of one connection are in one
 * window, and ten records perhaps in seven.  But chance does not emit the farthest records of training and none of the
 * equally far ones of the holdout, which were just as likely to be in training.  So training's records are ranked by
 * their distance to the nearest other row of training, which is what makes a generator memorise a record, and each rank
 * has a weight.  The sum of the weights of the emitted records is compared with the sums for random permutations of the
 * windows, with the same number in training, where the records of the new training side are ranked (a permutation test,
 * which is exact with drawn permutations too: Phipson and Smyth 2010; drawing ends early where there is nothing to
 * find: Besag and Clifford 1991).  A window goes to one side as a whole.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/rows.h"
#include "privacy/leakage/farthest.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/leakage_parts.h"
#include "privacy/leakage/match.h"

#define SIZES (1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT)

struct fm_extremes {
	struct fm_leak *l;
	unsigned sizes;
	uint32_t *votes; /* isolated records by cluster */
	struct fm_far *far;
	size_t nfar; /* ordered by side and row */
};

/* ---- isolated ---- */

static uint64_t sizes_hash(const struct fm_table *t, size_t row, unsigned columns)
{
	uint64_t h = 0;

	for (int c = 0; c < FM_NCOL; c++)
		if (columns >> c & 1u)
			h = fm_mix(h + fm_table_key(t, c, row)) + 0x9e3779b97f4a7c15u;
	return h;
}

/* Compared by 64-bit hash: a false match leaves a record out. */
static int add_isolated(struct fm_extremes *x, const struct fm_leak_record *list, size_t n, struct fm_error *err)
{
	const struct fm_table *side[2] = {x->l->train, x->l->holdout};
	uint64_t *key = NULL;
	uint32_t *times = NULL;
	size_t found = 0;
	int rc;

	if ((rc = fm_alloc(&key, n + 1, sizeof *key, "records", err)) < 0 ||
	    (rc = fm_alloc(&times, n + 1, sizeof *times, "match counts", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (list[i].hamming >= 2)
			key[found++] = sizes_hash(side[list[i].side], list[i].row, x->sizes);
	if ((rc = fm_sort_u64(key, NULL, found, err)) < 0)
		goto out;
	for (int k = 0; k < 2 && found > 0; k++)
		for (size_t i = 0; i < side[k]->rows; i++) {
			fm_table_forget_behind(side[k], i);
			if (!fm_kept_has(fm_leak_kept(x->l, k), i))
				continue;
			uint64_t v = sizes_hash(side[k], i, x->sizes);
			size_t at = fm_keys_below(key, found, v);
			if (at < found && key[at] == v)
				times[at]++;
		}
	for (size_t i = 0; i < n; i++)
		if (list[i].hamming >= 2 &&
		    times[fm_keys_below(key, found, sizes_hash(side[list[i].side], list[i].row, x->sizes))] == 1)
			x->votes[fm_cluster_of(x->l->clusters, list[i].side, list[i].row)]++;
out:
	free(key);
	free(times);
	return rc;
}

/* ---- extreme ---- */

#define RANKS 256 /* ranks of a side that have a weight */
#define LEVEL 32  /* the first LEVEL ranks weigh about the same; beyond them a weight is about one over the rank */
#define PERMUTATIONS 9999
#define ENOUGH 100 /* permutations with as large a sum: p is then known well, and is not small */

/* The order never depends on which side a row is on.  Two rows of the same sizes differ at most in their mark, the only
 * thing that the sum uses. */
static int farthest(const void *a, const void *b)
{
	const struct fm_far *x = a, *y = b;

	for (int k = FM_FAR_NEAR; k-- > 0;)
		if (x->near[k] != y->near[k])
			return x->near[k] < y->near[k] ? 1 : -1;
	for (int c = 0; c < 3; c++)
		if (x->x[c] != y->x[c])
			return x->x[c] < y->x[c] ? 1 : -1;
	return (x->mark > y->mark) - (x->mark < y->mark);
}

/* The possible distances of records, far to near: the distance to neighbour k of record r is the one when k is the
 * first on the record's side. */
struct sight {
	uint32_t r;
	uint8_t k;
};

static int sights_new(struct sight **out, const struct fm_far *r, size_t n, struct fm_error *err)
{
	struct sight *list = NULL;
	uint64_t *key = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&list, n * FM_FAR_NEAR + 1, sizeof *list, "distances", err)) < 0 ||
	    (rc = fm_alloc(&key, n * FM_FAR_NEAR + 1, sizeof *key, "distances", err)) < 0)
		goto out;
	for (size_t i = 0; i < n * FM_FAR_NEAR; i++) {
		uint32_t bits; /* bits of a non-negative float, which rise with it */
		memcpy(&bits, &r[i / FM_FAR_NEAR].near[i % FM_FAR_NEAR], sizeof bits);
		key[i] = (uint64_t)~bits << 32 | (uint32_t)i;
	}
	if ((rc = fm_sort_u64(key, NULL, n * FM_FAR_NEAR, err)) < 0)
		goto out;
	for (size_t i = 0; i < n * FM_FAR_NEAR; i++)
		list[i] = (struct sight){(uint32_t)key[i] / FM_FAR_NEAR, (uint8_t)((uint32_t)key[i] % FM_FAR_NEAR)};
	*out = list;
	list = NULL;
out:
	free(list);
	free(key);
	return rc;
}

/* Sides of the clusters in several permutations: bit p of a cluster's word is its side in permutation p. */
#define AT_ONCE 64

/* The permutations in which the nearest row on the side of record r is neighbour k (fm_far_distance). */
static uint64_t where_nearest(const struct fm_far *r, int k, const uint64_t *side)
{
	uint64_t own = side[r->own], here = ~UINT64_C(0);

	for (int j = 0; j < k; j++) {
		if (r->cluster[j] == FM_NO_NEIGHBOUR)
			return 0;
		here &= side[r->cluster[j]] ^ own;
	}
	if (k < FM_FAR_NEAR - 1 && r->cluster[k] != FM_NO_NEIGHBOUR)
		here &= ~(side[r->cluster[k]] ^ own);
	return here;
}

/* In each permutation, over the records on side `of` that have a weight: the sum of the weights of the marked ones, and
 * their number. r and its distances are sorted. */
static void sum_weights(const struct fm_far *r, size_t n, const struct sight *list, const uint64_t *side, int of,
			uint64_t sum[AT_ONCE], size_t marked[AT_ONCE])
{
	uint32_t rank[AT_ONCE] = {0};
	uint64_t open = ~UINT64_C(0); /* permutations with ranks left to give */

	memset(sum, 0, AT_ONCE * sizeof *sum);
	memset(marked, 0, AT_ONCE * sizeof *marked);
	for (size_t i = 0; i < n * FM_FAR_NEAR && open; i++) {
		const struct fm_far *x = &r[list[i].r];
		uint64_t here = where_nearest(x, list[i].k, side) & open & (of ? side[x->own] : ~side[x->own]);
		for (; here; here &= here - 1) {
			int p = __builtin_ctzll(here);
			if (x->mark) {
				sum[p] += (1u << 20) / (LEVEL + rank[p]);
				marked[p]++;
			}
			if (++rank[p] == RANKS)
				open &= ~(UINT64_C(1) << p);
		}
	}
}

static int compare_deals(const struct fm_clusters *b, const struct fm_far *r, size_t n, struct fm_cluster_test *test,
			 struct fm_error *err)
{
	double mean = 0, squares = 0;
	struct sight *list = NULL;
	uint64_t *side = NULL, sum[AT_ONCE];
	uint32_t *order = NULL;
	size_t marked[AT_ONCE], over = 0, permutations = 0;
	struct fm_rng rng;
	int rc;

	*test = (struct fm_cluster_test){.p = 1};
	if ((rc = sights_new(&list, r, n, err)) < 0 ||
	    (rc = fm_alloc(&side, b->n + 1, sizeof *side, "sides", err)) < 0 ||
	    (rc = fm_alloc(&order, b->n + 1, sizeof *order, "windows", err)) < 0)
		goto out;
	for (size_t i = 0; i < b->n; i++) {
		order[i] = (uint32_t)i;
		side[i] = i >= b->train;
	}
	sum_weights(r, n, list, side, 1, sum, marked);
	test->holdout = (double)marked[0];
	sum_weights(r, n, list, side, 0, sum, marked);
	test->train = (double)marked[0];
	uint64_t found = sum[0];
	if (test->train + test->holdout <= 0 || b->train == 0 || b->train == b->n)
		goto out; /* nothing to compare */
	fm_rng_init(&rng, FM_LEAK_SEED, FM_RNG_JUDGE, FM_LEAK_PERMUTATIONS, 0);
	while (permutations < PERMUTATIONS && over < ENOUGH) {
		memset(side, 0, b->n * sizeof *side);
		for (int p = 0; p < AT_ONCE; p++) {
			fm_rng_shuffle(&rng, order, b->n);
			for (size_t i = b->train; i < b->n; i++)
				side[order[i]] |= UINT64_C(1) << p;
		}
		sum_weights(r, n, list, side, 0, sum, marked);
		for (int p = 0; p < AT_ONCE && permutations < PERMUTATIONS && over < ENOUGH; p++) {
			over += sum[p] >= found;
			permutations++;
			double d = (double)sum[p] - mean;
			mean += d / (double)permutations;
			squares += d * ((double)sum[p] - mean);
		}
	}
	test->p =
	    over == ENOUGH ? (double)over / (double)permutations : (double)(over + 1) / (double)(permutations + 1);
	if (squares > 0)
		test->z = ((double)found - mean) / sqrt(squares / (double)permutations);
out:
	free(list);
	free(side);
	free(order);
	return rc;
}

/* ---- both ---- */

static int by_place(const void *a, const void *b)
{
	const struct fm_far *x = a, *y = b;

	return x->side != y->side ? (x->side < y->side ? -1 : 1) : (x->row > y->row) - (x->row < y->row);
}

int fm_extremes_open(struct fm_extremes **out, struct fm_leak *l, struct fm_error *err)
{
	struct fm_extremes *x = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&x, 1, sizeof *x, "extremes", err)) < 0)
		return rc;
	x->l = l;
	x->sizes = SIZES & l->train->present & l->holdout->present & l->synthetic->present;
	if ((rc = fm_alloc(&x->votes, l->clusters->n + 1, sizeof *x->votes, "votes", err)) < 0 ||
	    (x->sizes && (rc = fm_far_find(&(struct fm_far_in){.train = l->train,
							       .holdout = l->holdout,
							       .copies = l->copies,
							       .clusters = l->clusters,
							       .columns = x->sizes,
							       .pool = l->pool},
					   &x->far, &x->nfar, err)) < 0)) {
		fm_extremes_free(x);
		return rc;
	}
	qsort(x->far, x->nfar, sizeof *x->far, by_place);
	*out = x;
	return FM_OK;
}

int fm_extremes_add(struct fm_extremes *x, const struct fm_leak_record *list, size_t n, struct fm_error *err)
{
	for (size_t i = 0; i < n && x->nfar > 0; i++) {
		struct fm_far place = {.side = list[i].side, .row = list[i].row};
		struct fm_far *at = bsearch(&place, x->far, x->nfar, sizeof *x->far, by_place);
		if (at)
			at->mark = 1;
	}
	return x->sizes ? add_isolated(x, list, n, err) : FM_OK;
}

int fm_extremes_test(struct fm_extremes *x, const char *columns, struct fm_error *err)
{
	struct fm_leak *l = x->l;
	struct fm_cluster_test test;
	int rc;

	if (!x->sizes)
		return FM_OK;
	if ((rc = fm_cluster_test(l->clusters, x->votes, FM_LEAK_PAIRS, FM_LEAK_GRANTED, &test, err)) < 0 ||
	    (rc = fm_leak_verdict(l, "isolated", columns, &test, FM_LEAK_SHARE_ISOLATED, err)) < 0)
		return rc;
	qsort(x->far, x->nfar, sizeof *x->far, farthest);
	if ((rc = compare_deals(l->clusters, x->far, x->nfar, &test, err)) < 0)
		return rc;
	return fm_leak_verdict(l, "extreme", columns, &test, FM_LEAK_SHARE_EXTREME, err);
}

void fm_extremes_free(struct fm_extremes *x)
{
	if (!x)
		return;
	free(x->votes);
	free(x->far);
	free(x);
}
