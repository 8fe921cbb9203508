/* addresses.c - fresh addresses for made ones, and the order of made rows. */
#include "model/rows/addresses.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

static int compare_u32(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return (a > b) - (a < b);
}

/* The i-th address of the ranges, of `size` in all, in an order that depends on the seed: by steps that have no factor
 * in common with the size. */
struct fresh {
	const struct fm_range_list *list;
	uint64_t size, start, step, n;
};

static void fresh_init(struct fresh *f, const struct fm_range_list *list, uint64_t seed, uint32_t side)
{
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_DECODE, side, 7000);
	*f = (struct fresh){.list = list};
	for (int i = 0; i < list->n; i++)
		f->size += (uint64_t)1 << (32 - list->range[i].bits);
	if (f->size == 0)
		return;
	f->start = fm_rng_u64(&r) % f->size;
	f->step = fm_rng_u64(&r) % f->size;
	for (;; f->step++) {
		uint64_t a = f->size, b = f->step;

		while (b) {
			uint64_t c = a % b;

			a = b;
			b = c;
		}
		if (a == 1)
			return;
	}
}

static uint32_t fresh_next(struct fresh *f)
{
	uint64_t at = (f->start + f->n++ % f->size * (f->step % f->size)) % f->size;
	int i = 0;

	for (; at >= (uint64_t)1 << (32 - f->list->range[i].bits); i++)
		at -= (uint64_t)1 << (32 - f->list->range[i].bits);
	return (uint32_t)f->list->range[i].base + (uint32_t)at;
}

int fm_row_addresses(const uint8_t inside_of[256], struct fm_table *t, const struct fm_range_list *outside,
		     const struct fm_range_list *inside, uint64_t seed, struct fm_error *err)
{
	uint32_t *raw = NULL, *ip = NULL, *column[2] = {t->sa, t->da};
	struct fresh f[2];
	size_t n = 0, d = 0;
	int rc;

	fresh_init(&f[0], outside, seed, 0);
	fresh_init(&f[1], inside, seed, 1);
	if ((rc = fm_alloc(&raw, 2 * t->rows + 1, sizeof *raw, "addresses", err)) < 0 ||
	    (rc = fm_alloc(&ip, 2 * t->rows + 1, sizeof *ip, "addresses", err)) < 0)
		goto out;
	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < t->rows; i++)
			raw[n++] = column[s][i];
	qsort(raw, n, sizeof *raw, compare_u32);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || raw[i] != raw[d - 1])
			raw[d++] = raw[i];
	for (size_t i = 0; i < d; i++) {
		int side = inside_of[raw[i] >> 24];

		if (f[side].n >= f[side].size) {
			rc = fm_fail(err, FM_EINPUT,
				     "generate.%s has %llu addresses, and the flows need more: give it more ranges",
				     side ? "inside" : "outside", (unsigned long long)f[side].size);
			goto out;
		}
		ip[i] = fresh_next(&f[side]);
	}
	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < t->rows; i++) {
			const uint32_t *at = bsearch(&column[s][i], raw, d, sizeof *raw, compare_u32);

			column[s][i] = ip[at - raw];
		}
out:
	free(raw);
	free(ip);
	return rc;
}

/* ---- order ---- */

struct timed {
	int64_t te;
	uint32_t row;
};

static int compare_timed(const void *pa, const void *pb)
{
	const struct timed *a = pa, *b = pb;

	return a->te != b->te ? (a->te < b->te ? -1 : 1) : (a->row > b->row) - (a->row < b->row);
}

int fm_row_sort(struct fm_table *t, struct fm_error *err)
{
	struct timed *order = NULL;
	char *copy = NULL;
	int rc;

	if ((rc = fm_alloc(&order, t->rows + 1, sizeof *order, "rows", err)) < 0 ||
	    (rc = fm_alloc(&copy, t->rows + 1, sizeof(uint64_t), "rows", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		order[i] = (struct timed){t->te[i], (uint32_t)i};
	qsort(order, t->rows, sizeof *order, compare_timed);
	for (int c = 0; c < FM_NCOL; c++) {
		size_t width = fm_cols[c].width;

		for (size_t i = 0; FM_HAS(t, c) && i < t->rows; i++)
			memcpy(copy + i * width, (const char *)t->col[c] + order[i].row * width, width);
		if (FM_HAS(t, c))
			memcpy(t->col[c], copy, t->rows * width);
	}
out:
	free(order);
	free(copy);
	return rc;
}
