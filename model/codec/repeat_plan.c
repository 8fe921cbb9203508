/* repeat_plan.c - 5-tuples come again as often as was learned. */
#include "model/codec/repeat_plan.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/codec/relations.h"
#include "model/codec/repeats.h"

struct fm_repeat_plan {
	const struct fm_flow_shares *p;
	double *keep; /* (p->n) the share of those that should come again, and may */
	struct fm_rng rng;
};

/* The row that counts for a service; p->n: none. */
static size_t row_of(const struct fm_flow_shares *p, uint32_t service)
{
	size_t row = fm_flow_shares_find(p, service);

	return row < p->n ? row : fm_flow_shares_find(p, FM_REPEATS_OTHERS);
}

int fm_repeat_plan_new(struct fm_repeat_plan **out, const struct fm_made_windows *w, uint64_t seed,
		       struct fm_error *err)
{
	const struct fm_codec *c = w->codec;
	const struct fm_flow_shares *p = &c->repeats;
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
	for (size_t i = 0; i < w->schedule->n * (size_t)c->window; i++) {
		const uint16_t *tok = w->tok + i * FM_NTOK;
		const float *res = w->res + i * FM_NRES;
		size_t row = row_of(p, fm_service_of(&c->num[FM_R_DP], tok[FM_T_PR],
						     (uint16_t)fm_codec_number(c, FM_R_SP, tok, res),
						     (uint16_t)fm_codec_number(c, FM_R_DP, tok, res), false));

		flows[row]++;
		again[row] += fm_rel_kind(tok[FM_T_REL], c->window, &back) == FM_RELATION_AGAIN;
	}
	for (size_t i = 0; i < p->n; i++) {
		double wanted = (double)flows[i] * (double)p->at[i].of / (double)p->at[i].flows;

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

	return row < plan->p->n && plan->p->at[row].of == 0;
}
