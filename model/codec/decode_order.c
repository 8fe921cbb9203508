/* decode_order.c - windows and flows in order of time. */
#include "model/codec/decode_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "model/codec/tokens.h"

/* A stable merge sort, which keeps ties in order. */
int fm_order_windows(const struct fm_window_schedule *schedule, uint32_t **order, struct fm_error *err)
{
	uint32_t *a = NULL, *b = NULL;
	size_t n = schedule->n;
	int rc;
	if ((rc = fm_alloc(&a, n + 1, sizeof *a, "window order", err)) < 0 ||
	    (rc = fm_alloc(&b, n + 1, sizeof *b, "window order", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		a[i] = (uint32_t)i;
	for (size_t width = 1; width < n; width *= 2) {
		for (size_t lo = 0; lo < n; lo += 2 * width) {
			size_t mid = lo + width < n ? lo + width : n, hi = lo + 2 * width < n ? lo + 2 * width : n,
			       i = lo, j = mid;
			for (size_t k = lo; k < hi; k++)
				b[k] = i < mid && (j >= hi || schedule->start_ms[a[i]] <= schedule->start_ms[a[j]])
					   ? a[i++]
					   : a[j++];
		}
		uint32_t *x = a;
		a = b;
		b = x;
	}
	*order = a;
	a = NULL;
out:
	free(a);
	free(b);
	return rc;
}

struct key {
	int64_t te;
	size_t row;
};

static int cmp_key(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	return x->te != y->te ? (x->te < y->te ? -1 : 1) : (x->row > y->row) - (x->row < y->row);
}

int fm_order_rows(struct fm_table *t, struct fm_error *err)
{
	struct key *key = NULL;
	char *copy = NULL;
	int rc;
	if ((rc = fm_alloc(&key, t->rows + 1, sizeof *key, "row order", err)) < 0 ||
	    (rc = fm_alloc(&copy, t->rows + 1, 8, "row order", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++) {
		key[i].te = t->te[i];
		key[i].row = i;
	}
	qsort(key, t->rows, sizeof *key, cmp_key);
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		size_t w = fm_cols[c].width;
		if (!FM_HAS(t, c))
			continue;
		memcpy(copy, t->col[c], t->rows * w);
		for (size_t i = 0; i < t->rows; i++)
			memcpy((char *)t->col[c] + i * w, copy + key[i].row * w, w);
	}
out:
	free(key);
	free(copy);
	return rc;
}

void fm_spread_arrivals(struct fm_table *t, size_t first, size_t n, const uint16_t *tok, const struct fm_arrivals *a,
			struct fm_rng *rng)
{
	double at[FM_WINDOW_MOST], length = (double)(a->end_ms - a->start_ms);
	size_t runs = 0;
	bool begins[FM_WINDOW_MOST];
	for (size_t i = 0; i < n; i++) {
		begins[i] = i == 0 || t->te[first + i] != t->te[first + i - 1] || tok[i * FM_NTOK + FM_T_REL] == 0;
		runs += begins[i];
	}
	for (size_t i = 0; i < runs; i++)
		at[i] = fm_rng_uniform53(rng);
	qsort(at, runs, sizeof *at, fm_compare_doubles);
	for (size_t i = 0, run = 0; i < n; i++) {
		run += begins[i];
		int64_t te = a->start_ms + (int64_t)(at[run - 1] * length);
		te -= (te - a->first_ms) % a->step;
		t->te[first + i] = te < a->last_ms ? te : a->last_ms;
	}
}
