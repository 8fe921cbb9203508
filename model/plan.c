/* plan.c - windows over the day. */
#include "model/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

/* Largest-remainder shares of n windows over the slots. */
static void share(const struct fm_times *t, size_t n, size_t want[FM_SLOTS])
{
	double total = 0, frac[FM_SLOTS];
	size_t given = 0;
	for (int s = 0; s < FM_SLOTS; s++)
		total += t->slot[s];
	for (int s = 0; s < FM_SLOTS; s++) {
		double x = total > 0 ? (double)n * t->slot[s] / total : (double)n / FM_SLOTS;
		want[s] = (size_t)x;
		frac[s] = x - (double)want[s];
		given += want[s];
	}
	for (; given < n; given++) {
		int best = 0;
		for (int s = 1; s < FM_SLOTS; s++)
			if (frac[s] > frac[best])
				best = s;
		frac[best] = -1;
		want[best]++;
	}
}

/* The span bucket at quantile u of a slot. */
static int span_at(const uint32_t h[FM_SPANS], double u)
{
	double total = 0, run = 0;
	int last = 0;
	for (int b = 0; b < FM_SPANS; b++)
		total += h[b];
	for (int b = 0; b < FM_SPANS; b++) {
		run += h[b];
		if (h[b])
			last = b;
		if (run > u * total)
			return b;
	}
	return last;
}

static void shuffle(uint32_t *a, size_t n, struct fm_rng *r)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = fm_rng_below(r, (uint32_t)i);
		uint32_t x = a[i - 1];
		a[i - 1] = a[k];
		a[k] = x;
	}
}

/* One slot: `virtual` windows with stratified spans in random order, of which `want` are made; times fill the slot. */
static int plan_slot(struct fm_plan *p, const struct fm_codec *c, int s, size_t want, size_t virtual, struct fm_rng *r, struct fm_error *err)
{
	const struct fm_times *t = &c->times;
	uint32_t *span = NULL, *order = NULL;
	double *at = NULL, total = 0;
	int64_t range = t->last_ms - t->first_ms + 1, from = t->first_ms + range * s / FM_SLOTS, to = t->first_ms + range * (s + 1) / FM_SLOTS;
	int64_t step = c->num[FM_R_GAP].step;
	int ret = fm_alloc(&span, virtual + 1, sizeof *span, "a plan", err);
	if (ret == FM_OK)
		ret = fm_alloc(&order, virtual + 1, sizeof *order, "a plan", err);
	if (ret == FM_OK)
		ret = fm_alloc(&at, virtual + 1, sizeof *at, "a plan", err);
	for (size_t i = 0; ret == FM_OK && i < virtual; i++) {
		span[i] = (uint32_t)span_at(t->span[s], ((double)i + fm_rng_uniform53(r)) / (double)virtual);
		order[i] = i < want;
	}
	if (ret == FM_OK) {
		shuffle(span, virtual, r);
		shuffle(order, virtual, r);
	}
	for (size_t i = 0; ret == FM_OK && i < virtual; i++) {
		at[i] = total;
		total += fm_span_ms((int)span[i], 0.5) + 1;
	}
	for (size_t i = 0; ret == FM_OK && i < virtual; i++) {
		if (!order[i])
			continue;
		int64_t ms = from + (int64_t)((double)(to - from) * (at[i] / total));
		p->slot[p->n] = (uint8_t)s;
		p->span[p->n] = (uint8_t)span[i];
		p->start_ms[p->n++] = ms - ms % step;
	}
	free(span);
	free(order);
	free(at);
	return ret;
}

int fm_plan_make(struct fm_plan *plan, const struct fm_codec *c, uint64_t rows, uint64_t seed, struct fm_error *err)
{
	size_t n = (size_t)((rows + (uint64_t)c->window - 1) / (uint64_t)c->window), want[FM_SLOTS];
	double keep = (double)n / c->times.source_windows;
	int ret;
	memset(plan, 0, sizeof *plan);
	ret = fm_alloc(&plan->slot, n + 1, 1, "a plan", err);
	if (ret == FM_OK)
		ret = fm_alloc(&plan->span, n + 1, 1, "a plan", err);
	if (ret == FM_OK)
		ret = fm_alloc(&plan->start_ms, n + 1, sizeof *plan->start_ms, "a plan", err);
	share(&c->times, n, want);
	for (int s = 0; ret == FM_OK && s < FM_SLOTS; s++) {
		struct fm_rng r;
		fm_rng_init(&r, seed, FM_RNG_PLAN, (uint64_t)s, 0);
		size_t virtual = keep < 1 ? (size_t)((double)want[s] / keep + 0.5) : want[s];
		ret = plan_slot(plan, c, s, want[s], virtual > want[s] ? virtual : want[s], &r, err);
	}
	if (ret < 0)
		fm_plan_free(plan);
	return ret;
}

void fm_plan_free(struct fm_plan *p)
{
	if (!p)
		return;
	free(p->slot);
	free(p->span);
	free(p->start_ms);
	memset(p, 0, sizeof *p);
}
