/* window_schedule.c - windows over the day. */
#include "model/codec/window_schedule.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/codec/window_follow.h"

/* Largest-remainder shares of n by weight. */
static void share(const double *weight, size_t nw, size_t n, size_t *want)
{
	double total = 0, frac[FM_MAXCLASSES * FM_SLOTS];
	size_t given = 0;
	for (size_t i = 0; i < nw; i++)
		total += weight[i];
	for (size_t i = 0; i < nw; i++) {
		double x = total > 0 ? (double)n * weight[i] / total : 0;
		want[i] = (size_t)x;
		frac[i] = weight[i] > 0 ? x - (double)want[i] : -1;
		given += want[i];
	}
	for (; given < n; given++) {
		size_t best = 0;
		for (size_t i = 1; i < nw; i++)
			if (frac[i] > frac[best])
				best = i;
		frac[best] -= 1;
		want[best]++;
	}
}

/* Spread the `of` windows of a class over its slots in proportion to their weights. */
static void spread_class(const double *weight, size_t of, double phase, size_t *want)
{
	double total = 0, run = 0;
	size_t given = 0;
	for (size_t s = 0; s < FM_SLOTS; s++)
		total += weight[s];
	for (size_t s = 0; s < FM_SLOTS; s++) {
		run += weight[s];
		size_t upto = total > 0 ? (size_t)((double)of * (run / total) + phase) : 0;
		upto = upto < of ? upto : of;
		want[s] = upto - given;
		given = upto;
	}
	for (size_t s = FM_SLOTS; given < of && s > 0; s--) /* rounding */
		if (weight[s - 1] > 0) {
			want[s - 1] += of - given;
			given = of;
		}
}

/* n windows by class and slot: by largest remainders of the classes, then of the slots, since those of all cells would
 * leave out a class whose cells are all small.  The most frequent class gets what the others leave of a slot. */
static void share_classes(const double *weight, const double of_slot[FM_SLOTS], size_t nc, size_t n, size_t *want)
{
	double of_class[FM_MAXCLASSES] = {0};
	size_t classes[FM_MAXCLASSES], slots[FM_SLOTS], taken[FM_SLOTS] = {0}, over = 0;
	for (size_t i = 0; i < nc * FM_SLOTS; i++)
		of_class[i / FM_SLOTS] += weight[i];
	share(of_class, nc, n, classes);
	share(of_slot, FM_SLOTS, n, slots);
	for (size_t cl = nc; cl-- > 0;) {
		if (cl == 0 && classes[0] > 0)
			break;
		spread_class(weight + cl * FM_SLOTS, classes[cl], (double)(cl + 1) / (double)(nc + 1),
			     want + cl * FM_SLOTS);
		for (size_t s = 0; s < FM_SLOTS; s++)
			taken[s] += want[cl * FM_SLOTS + s];
	}
	for (size_t s = 0; classes[0] > 0 && s < FM_SLOTS; s++) {
		want[s] = slots[s] > taken[s] ? slots[s] - taken[s] : 0;
		over += slots[s] > taken[s] ? 0 : taken[s] - slots[s];
	}
	for (; over > 0; over--) {
		size_t most = 0;
		for (size_t s = 1; s < FM_SLOTS; s++)
			most = want[s] > want[most] ? s : most;
		want[most]--;
	}
}

/* Does the middle of a slot lie in the hours? */
static bool in_hours(const struct fm_times *t, const int hours[2], int s)
{
	int64_t mid = t->first_ms + (t->last_ms - t->first_ms) * (2 * s + 1) / (2 * FM_SLOTS),
		h = (mid / 3600000 % 24 + 24) % 24;
	return h >= hours[0] && h < hours[1];
}

/* The share of label l in windows of class l that hold `fuller` times as much of it as was learned. */
static double held(const struct fm_times *t, int l, double fuller)
{
	double x = t->class_share[l][l] * fuller;
	return x < 1 ? x : 1;
}

/* The factor by which windows must hold more of their label so that the wanted shares fit; 1 where they fit already. */
static double fullness(const struct fm_times *t, const struct fm_window_schedule_opts *o)
{
	double lo = 1, hi = 1e6;
	for (int n = 0; n < 100; n++) {
		double at = n == 0 ? 1 : (lo + hi) / 2, needed = 0;
		for (int i = 0; i < o->nlabels; i++)
			if (o->label[i] > 0 && t->class_share[o->label[i]][o->label[i]] > 0)
				needed += o->share[i] / held(t, o->label[i], at);
		if (needed <= 1)
			hi = at;
		else
			lo = at;
		if (hi <= 1)
			return 1;
	}
	return hi;
}

/* Weights of (class, slot): as learned, within the hours, with classes weighted so that labels have the wanted shares.
 */
static int weights(const struct fm_codec *c, const struct fm_window_schedule_opts *o,
		   double w[FM_MAXCLASSES * FM_SLOTS], struct fm_error *err)
{
	const struct fm_times *t = &c->times;
	double sum[FM_MAXCLASSES] = {0}, want[FM_MAXCLASSES], total = 0, rest = 1;
	for (int cl = 0; cl < t->nclasses; cl++) {
		double anywhere = 0, scale;
		for (int s = 0; s < FM_SLOTS; s++)
			anywhere += t->class_slot[cl][s];
		scale = anywhere > 0 ? t->class_windows[cl] / anywhere : 0;
		for (int s = 0; s < FM_SLOTS; s++) {
			w[cl * FM_SLOTS + s] = in_hours(t, o->hours, s) ? scale * t->class_slot[cl][s] : 0;
			sum[cl] += w[cl * FM_SLOTS + s];
			total += w[cl * FM_SLOTS + s];
		}
	}
	if (!(total > 0))
		return fm_fail(err, FM_EINPUT,
			       "generate.hours [%d, %d]: the trace that was learned has no flows in these hours",
			       o->hours[0], o->hours[1]);
	if (o->nlabels == 0)
		return FM_OK;
	/* A class l > 0 holds share[l][l] of label l: it gets as many windows as the wanted share needs, and the most
	 * frequent label the rest.  Where such windows cannot hold as much as is asked for, each holds more. */
	double fuller = fullness(t, o);
	for (int cl = 0; cl < t->nclasses; cl++)
		want[cl] = 0;
	for (int i = 0; i < o->nlabels; i++) {
		int l = o->label[i];
		if (l == 0 || o->share[i] <= 0)
			continue;
		if (!(sum[l] > 0) || !(t->class_share[l][l] > 0))
			return fm_fail(err, FM_EINPUT,
				       "generate.labels: no window learned in these hours has the label '%s'",
				       c->cat[FM_T_LABEL].value[l]);
		want[l] = o->share[i] / held(t, l, fuller);
		rest -= want[l];
	}
	want[0] = rest > 0 ? rest : 0;
	for (int cl = 0; cl < t->nclasses; cl++)
		for (int s = 0; s < FM_SLOTS; s++)
			w[cl * FM_SLOTS + s] = sum[cl] > 0 ? w[cl * FM_SLOTS + s] * want[cl] / sum[cl] : 0;
	return FM_OK;
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

/* One slot: `virtual` windows, of which `want` are made, of[cl * FM_SLOTS] of class cl. */
struct slot {
	int s;
	const size_t *of;
	size_t want, virtual;
};

/* Make the windows of a slot: spans are stratified and follow each other as was learned, and the times fill the
 * slot. */
static int schedule_slot(struct fm_window_schedule *p, const struct fm_codec *c, const struct slot *slot,
			 struct fm_window_follow *follow, struct fm_rng *r, struct fm_error *err)
{
	int s = slot->s;
	size_t virtual = slot->virtual;
	const struct fm_times *t = &c->times;
	uint32_t *span = NULL, *rank = NULL, *order = NULL; /* span: rising; rank: of a window, later its span */
	double *at = NULL, total = 0;
	int64_t range = t->last_ms - t->first_ms + 1, from = t->first_ms + range * s / FM_SLOTS,
		to = t->first_ms + range * (s + 1) / FM_SLOTS;
	int rc;
	if ((rc = fm_alloc(&span, virtual + 1, sizeof *span, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&rank, virtual + 1, sizeof *rank, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&order, virtual + 1, sizeof *order, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&at, virtual + 1, sizeof *at, "a schedule", err)) < 0)
		goto out;
	for (size_t i = 0; i < virtual; i++) {
		span[i] = (uint32_t)span_at(t->span[s], ((double)i + fm_rng_uniform53(r)) / (double)virtual);
	}
	if ((rc = fm_window_follow_ranks(follow, rank, virtual, err)) < 0)
		goto out;
	for (size_t i = 0; i < virtual; i++) {
		rank[i] = span[rank[i]];
		at[i] = total;
		total += fm_span_ms((int)rank[i], 0.5) + 1;
	}
	if ((rc = fm_window_schedule_classes(order, rank, virtual, slot->of, t, r, err)) < 0)
		goto out;
	for (size_t i = 0; i < virtual; i++) {
		if (!order[i])
			continue;
		double next = i + 1 < virtual ? at[i + 1] : total;
		p->slot[p->n] = (uint8_t)s;
		p->span[p->n] = (uint8_t)rank[i];
		p->cls[p->n] = (uint8_t)(order[i] - 1);
		p->start_ms[p->n] = from + (int64_t)((double)(to - from) * (at[i] / total));
		p->end_ms[p->n++] = from + (int64_t)((double)(to - from) * (next / total));
	}
out:
	free(span);
	free(rank);
	free(order);
	free(at);
	return rc;
}

int fm_window_schedule_make(struct fm_window_schedule *schedule, const struct fm_codec *c,
			    const struct fm_window_schedule_opts *o, struct fm_error *err)
{
	size_t n = (size_t)((o->rows + (uint64_t)c->window - 1) / (uint64_t)c->window), nc = (size_t)c->times.nclasses;
	double keep = (double)n / c->times.source_windows, *weight = NULL, all = 0;
	double of_slot[FM_SLOTS] = {0};
	size_t *of = NULL;
	struct fm_window_follow follow;
	int rc;
	memset(schedule, 0, sizeof *schedule);
	if ((rc = fm_alloc(&schedule->slot, n + 1, 1, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&schedule->span, n + 1, 1, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&schedule->cls, n + 1, 1, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&schedule->start_ms, n + 1, sizeof *schedule->start_ms, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&schedule->end_ms, n + 1, sizeof *schedule->end_ms, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&weight, FM_MAXCLASSES * FM_SLOTS, sizeof *weight, "a schedule", err)) < 0 ||
	    (rc = fm_alloc(&of, FM_MAXCLASSES * FM_SLOTS, sizeof *of, "a schedule", err)) < 0 ||
	    (rc = weights(c, o, weight, err)) < 0)
		goto out;
	for (size_t s = 0; s < FM_SLOTS; s++) /* without wishes as learned, wherever rare classes were */
		if (o->nlabels == 0)
			of_slot[s] = in_hours(&c->times, o->hours, (int)s) ? c->times.slot[s] : 0;
		else
			for (size_t cl = 0; cl < nc; cl++)
				of_slot[s] += weight[cl * FM_SLOTS + s];
	for (size_t s = 0; s < FM_SLOTS; s++) /* windows of the training split */
		all += c->times.slot[s];
	share_classes(weight, of_slot, nc, n, of);
	fm_window_follow_begin(&follow, &c->times, o->seed);
	for (int s = 0; s < FM_SLOTS; s++) {
		struct fm_rng r;
		size_t want = 0;
		fm_rng_init(&r, o->seed, FM_RNG_SCHEDULE, (uint64_t)s, 0);
		for (size_t cl = 0; cl < nc; cl++)
			want += of[cl * FM_SLOTS + (size_t)s];
		size_t virtual = keep < 1 && all > 0 && want > 0
				     ? (size_t)(c->times.source_windows * c->times.slot[s] / all + 0.5)
				     : want;
		struct slot slot = {s, of + s, want, virtual > want ? virtual : want};
		if ((rc = schedule_slot(schedule, c, &slot, &follow, &r, err)) < 0)
			goto out;
	}
	if (o->nlabels > 0)
		rc = fm_window_schedule_labels(schedule, c, o, err);
	else if (nc > 1 && c->cat[FM_T_LABEL].n <= FM_MAXCLASSES)
		rc = fm_window_schedule_own_labels(schedule, c, o->seed, err);
out:
	free(weight);
	free(of);
	if (rc < 0)
		fm_window_schedule_free(schedule);
	return rc;
}

void fm_window_schedule_free(struct fm_window_schedule *p)
{
	if (!p)
		return;
	free(p->slot);
	free(p->span);
	free(p->cls);
	free(p->kind);
	free(p->start_ms);
	free(p->end_ms);
	free(p->budget);
	memset(p, 0, sizeof *p);
}
