/* repeats.c - flows that have a 5-tuple again, by service. */
#include "model/codec/repeats.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/codec/relations.h"

/* A flow: its service, times two, plus 1 where it comes again. */
static int compare_seen(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static size_t see_window(const struct fm_profile_data *d, size_t first, uint64_t *seen)
{
	const struct fm_table *t = d->t;
	struct fm_relations l;

	fm_relations_find(t, first, d->window, d->text_order, &l);
	for (int i = 0; i < d->window; i++) {
		size_t r = first + l.row[i];
		int pr = d->pr ? d->pr[t->pr[r]] : 0;

		seen[i] =
		    2ull * fm_service_of(d->ports, pr, t->sp[r], t->dp[r], false) + (l.kind[i] == FM_RELATION_AGAIN);
	}
	return (size_t)d->window;
}

int fm_repeats_fit(struct fm_flow_shares *p, const struct fm_profile_data *d, struct fm_error *err)
{
	struct fm_flow_share others = {.key = FM_REPEATS_OTHERS};
	size_t flows = d->windows * (size_t)d->window, n = 0;
	int64_t k = d->min_count > 1 ? d->min_count : 1;
	uint64_t *seen = NULL;
	int rc;

	*p = (struct fm_flow_shares){0};
	if ((rc = fm_alloc(&seen, flows + 1, sizeof *seen, "flows that come again", err)) < 0 ||
	    (rc = fm_alloc(&p->at, flows / (size_t)(5 * k) + 2, sizeof *p->at, "flows that come again", err)) < 0)
		goto out;
	for (size_t w = 0; w < d->windows; w++)
		n += see_window(d, d->first[w], seen + n);
	qsort(seen, n, sizeof *seen, compare_seen);
	for (size_t i = 0, to; i < n; i = to) {
		struct fm_flow_share row = {.key = (uint32_t)(seen[i] / 2)};

		for (to = i; to < n && seen[to] / 2 == seen[i] / 2; to++)
			row.of += seen[to] & 1;
		row.flows = (int64_t)(to - i);
		if (row.flows < 5 * k) {
			others.flows += row.flows;
			others.of += row.of;
			continue;
		}
		p->at[p->n++] = row;
	}
	if (others.flows >= 5 * k)
		p->at[p->n++] = others;
	for (size_t i = 0; i < p->n; i++)
		if (p->at[i].of < k)
			p->at[i].of = 0;
out:
	free(seen);
	return rc;
}
