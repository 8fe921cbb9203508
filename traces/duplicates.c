#include "traces/duplicates.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

#define SLOTS (2 * FM_DUPLICATES_RECENT)
#define MOST_STEPS 64 /* rows of one hash that are looked at */

struct fm_recent_row {
	int64_t te;
	uint64_t key, all; /* hashes: key of what must be equal, all of everything but time */
	uint32_t td;
	uint32_t before; /* 1 + the place of the row before it in its slot, or 0 */
};

static const enum fm_col same[] = {FM_SA, FM_DA, FM_SP, FM_DP, FM_PR, FM_PKT, FM_BYT, FM_LABEL},
			 others[] = {FM_TD, FM_FLG, FM_FWD, FM_STOS};

/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 27) * 0x94d049bb133111ebu;
	return h ^ h >> 31;
}

int fm_duplicates_open(struct fm_duplicates *d, struct fm_error *err)
{
	int rc;

	*d = (struct fm_duplicates){0};
	if ((rc = fm_alloc(&d->recent, FM_DUPLICATES_RECENT, sizeof *d->recent, "recent rows", err)) < 0)
		return rc;
	return fm_alloc(&d->last, SLOTS, sizeof *d->last, "recent rows", err);
}

void fm_duplicates_close(struct fm_duplicates *d)
{
	free(d->recent);
	free(d->last);
	*d = (struct fm_duplicates){0};
}

static struct fm_recent_row row_of(const struct fm_table *t, size_t i)
{
	struct fm_recent_row r = {.te = t->te[i], .td = FM_HAS(t, FM_TD) ? t->td[i] : 0};

	for (size_t k = 0; k < sizeof same / sizeof *same; k++)
		if (FM_HAS(t, same[k]))
			r.key = mix(r.key + 0x9e3779b97f4a7c15u + fm_table_value(t, same[k], i));
	r.all = r.key;
	for (size_t k = 0; k < sizeof others / sizeof *others; k++)
		if (FM_HAS(t, others[k]))
			r.all = mix(r.all + 0x9e3779b97f4a7c15u + fm_table_value(t, others[k], i));
	return r;
}

static int near(int64_t a, int64_t b)
{
	return (a > b ? a - b : b - a) <= FM_DUPLICATES_APART;
}

/* Is it a copy of a recent row?  That row may have been overwritten by a later one: then its hash differs. */
static const struct fm_recent_row *find(const struct fm_duplicates *d, const struct fm_recent_row *r)
{
	uint32_t at = d->last[r->key % SLOTS];

	for (int steps = 0; at && steps < MOST_STEPS; steps++) {
		const struct fm_recent_row *x = &d->recent[at - 1];
		if (x->key % SLOTS != r->key % SLOTS)
			break;
		if (x->key == r->key && near(x->te, r->te) && near(x->td, r->td))
			return x;
		at = x->before;
	}
	return NULL;
}

/* Rows whose places in both tables are prefetched before the first of them is looked up: each is far from the last. */
#define AHEAD 32

static void ask_for(const struct fm_duplicates *d, const struct fm_recent_row *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&d->last[r[i].key % SLOTS], 1);
	for (size_t i = 0; i < n; i++) {
		uint32_t at = d->last[r[i].key % SLOTS];

		__builtin_prefetch(&d->recent[at ? at - 1 : 0]);
	}
}

static bool is_copy(struct fm_duplicates *d, struct fm_recent_row *r)
{
	const struct fm_recent_row *of = find(d, r);
	size_t at;

	if (of) {
		bool exact = of->te == r->te && of->all == r->all;

		d->exact += exact;
		d->near += !exact;
		return true;
	}
	at = d->n++ % FM_DUPLICATES_RECENT;
	r->before = d->last[r->key % SLOTS];
	d->recent[at] = *r;
	d->last[r->key % SLOTS] = (uint32_t)at + 1;
	return false;
}

void fm_duplicates_look(struct fm_duplicates *d, const struct fm_table *t, size_t first, uint8_t *copy)
{
	struct fm_recent_row r[AHEAD];

	for (size_t i = first, n; i < t->rows && FM_HAS(t, FM_TE); i += n) {
		n = t->rows - i < AHEAD ? t->rows - i : AHEAD;
		for (size_t k = 0; k < n; k++)
			r[k] = row_of(t, i + k);
		ask_for(d, r, n);
		for (size_t k = 0; k < n; k++) {
			bool is = is_copy(d, &r[k]);

			if (copy)
				copy[i + k - first] = is;
		}
	}
}
