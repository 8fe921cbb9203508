/* repeats.c - flows that have a 5-tuple again, by service. */
#include "model/codec/repeats.h"

#include <stdlib.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "model/codec/relations.h"
#include "model/codec/tokens.h"

/* A flow: its service, times two, plus 1 where it comes again. */
static int compare_seen(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* ---- learning ---- */

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

int fm_repeats_fit(struct fm_repeats *p, const struct fm_profile_data *d, struct fm_error *err)
{
	struct fm_repeat_row others = {.key = FM_REPEATS_OTHERS};
	size_t flows = d->windows * (size_t)d->window, n = 0;
	int64_t k = d->min_count > 1 ? d->min_count : 1;
	uint64_t *seen = NULL;
	int rc;

	*p = (struct fm_repeats){0};
	if ((rc = fm_alloc(&seen, flows + 1, sizeof *seen, "flows that come again", err)) < 0 ||
	    (rc = fm_alloc(&p->at, flows / (size_t)(5 * k) + 2, sizeof *p->at, "flows that come again", err)) < 0)
		goto out;
	for (size_t w = 0; w < d->windows; w++)
		n += see_window(d, d->first[w], seen + n);
	qsort(seen, n, sizeof *seen, compare_seen);
	for (size_t i = 0, to; i < n; i = to) {
		struct fm_repeat_row row = {.key = (uint32_t)(seen[i] / 2)};

		for (to = i; to < n && seen[to] / 2 == seen[i] / 2; to++)
			row.again += seen[to] & 1;
		row.flows = (int64_t)(to - i);
		if (row.flows < 5 * k) {
			others.flows += row.flows;
			others.again += row.again;
			continue;
		}
		p->at[p->n++] = row;
	}
	if (others.flows >= 5 * k)
		p->at[p->n++] = others;
	for (size_t i = 0; i < p->n; i++)
		if (p->at[i].again < k)
			p->at[i].again = 0;
out:
	free(seen);
	return rc;
}

void fm_repeats_free(struct fm_repeats *p)
{
	free(p->at);
	*p = (struct fm_repeats){0};
}

/* ---- as a document ---- */

json_t *fm_repeats_json(const struct fm_repeats *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, json_pack("[I,I,I]", (json_int_t)p->at[i].key, (json_int_t)p->at[i].flows,
						      (json_int_t)p->at[i].again));
	return list;
}

int fm_repeats_from_json(struct fm_repeats *p, const json_t *j, struct fm_error *err)
{
	size_t n = json_array_size(j);
	int rc;

	*p = (struct fm_repeats){0};
	if ((rc = fm_alloc(&p->at, n + 1, sizeof *p->at, "flows that come again", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(j, i);
		json_int_t key = json_integer_value(json_array_get(row, 0)),
			   flows = json_integer_value(json_array_get(row, 1)),
			   again = json_integer_value(json_array_get(row, 2));

		if (json_array_size(row) != 3 || key < 0 || key > UINT32_MAX ||
		    (i > 0 && (uint32_t)key <= p->at[i - 1].key) || flows < 1 || flows >= (json_int_t)1 << 40 ||
		    again < 0 || again > flows) {
			fm_repeats_free(p);
			return fm_fail(err, FM_EINPUT, "the model's codec is damaged: flows that come again");
		}
		p->at[p->n++] = (struct fm_repeat_row){(uint32_t)key, flows, again};
	}
	return FM_OK;
}

/* ---- keeping ---- */

struct fm_repeat_plan {
	const struct fm_repeats *p;
	double *keep; /* (p->n) the share of those that should come again, and may */
	struct fm_rng rng;
};

/* The row that counts for a service; p->n: none. */
static size_t row_of(const struct fm_repeats *p, uint32_t service)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->at[mid].key < service)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < p->n && p->at[lo].key == service)
		return lo;
	return p->n > 0 && p->at[p->n - 1].key == FM_REPEATS_OTHERS ? p->n - 1 : p->n;
}

/* The number that a token and a residual say. */
static int64_t number(const struct fm_repeat_windows *w, enum fm_res r, size_t flow)
{
	return fm_num_decode(&w->num[r], w->tok[flow * FM_NTOK + fm_res_tok[r]],
			     fm_normal_cdf(w->res[flow * FM_NRES + r]));
}

int fm_repeat_plan_new(struct fm_repeat_plan **out, const struct fm_repeats *p, const struct fm_repeat_windows *w,
		       uint64_t seed, struct fm_error *err)
{
	struct fm_repeat_plan *plan = NULL;
	int64_t *flows = NULL, *again = NULL;
	int rc, back;

	if ((rc = fm_alloc(&plan, 1, sizeof *plan, "flows that come again", err)) < 0 ||
	    (rc = fm_alloc(&plan->keep, p->n + 1, sizeof *plan->keep, "flows that come again", err)) < 0 ||
	    (rc = fm_alloc(&flows, p->n + 1, sizeof *flows, "flows that come again", err)) < 0 ||
	    (rc = fm_alloc(&again, p->n + 1, sizeof *again, "flows that come again", err)) < 0)
		goto out;
	plan->p = p;
	fm_rng_init(&plan->rng, seed, FM_RNG_DECODE, UINT32_MAX - 8, 0);
	for (size_t i = 0; i < w->n * (size_t)w->window; i++) {
		const uint16_t *tok = w->tok + i * FM_NTOK;
		size_t row = row_of(p, fm_service_of(&w->num[FM_R_DP], tok[FM_T_PR], (uint16_t)number(w, FM_R_SP, i),
						     (uint16_t)number(w, FM_R_DP, i), false));

		flows[row]++;
		again[row] += fm_rel_kind(tok[FM_T_REL], w->window, &back) == FM_RELATION_AGAIN;
	}
	for (size_t i = 0; i < p->n; i++) {
		double wanted = (double)flows[i] * (double)p->at[i].again / (double)p->at[i].flows;

		plan->keep[i] = (double)again[i] > wanted ? wanted / (double)again[i] : 1;
	}
	plan->keep[p->n] = 1;
out:
	free(flows);
	free(again);
	if (rc < 0)
		fm_repeat_plan_free(plan);
	else
		*out = plan;
	return rc;
}

void fm_repeat_plan_free(struct fm_repeat_plan *plan)
{
	if (!plan)
		return;
	free(plan->keep);
	free(plan);
}

bool fm_repeat_plan_keeps(struct fm_repeat_plan *plan, uint32_t service)
{
	return fm_rng_uniform53(&plan->rng) < plan->keep[row_of(plan->p, service)];
}

bool fm_repeat_plan_never(const struct fm_repeat_plan *plan, uint32_t service)
{
	size_t row = row_of(plan->p, service);

	return row < plan->p->n && plan->p->at[row].again == 0;
}
