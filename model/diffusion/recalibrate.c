/* recalibrate.c - windows made to measure what the network draws. */
#include "model/diffusion/recalibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { SHARPENING = 2, ROUNDS = 7, STEPS = 24, FEWEST = 64, SHARE = 64, FINER = 8 };

/* The relative frequency, among the windows made, of a class with `windows` training windows. */
static double share_of(size_t windows, bool rare)
{
	return rare ? sqrt((double)windows) : (double)windows;
}

/* A schedule of n windows with the conditions of training windows; rare: rare classes come more often, in proportion to
 * the square root of their windows.  There are no times. */
static int schedule_of(struct fm_window_schedule *p, const struct fm_codec *codec, const struct fm_encoded *e, size_t n,
		       bool rare, struct fm_error *err)
{
	int nc = codec->times.nclasses, labels = codec->vocab[FM_T_LABEL], rc;
	size_t W = (size_t)codec->window, count[FM_MAXCLASSES] = {0}, *of = NULL;
	double sum = 0, run = 0;

	*p = (struct fm_window_schedule){0};
	if ((rc = fm_alloc(&p->slot, n + 1, 1, "a calibration", err)) < 0 ||
	    (rc = fm_alloc(&p->span, n + 1, 1, "a calibration", err)) < 0 ||
	    (rc = fm_alloc(&p->cls, n + 1, 1, "a calibration", err)) < 0 ||
	    (e->kind && (rc = fm_alloc(&p->kind, n + 1, 1, "a calibration", err)) < 0) ||
	    (rc = fm_alloc(&of, e->windows + 1, sizeof *of, "a calibration", err)) < 0 ||
	    (nc > 1 && labels <= FM_MAXCLASSES &&
	     (rc = fm_alloc(&p->budget, n * (size_t)nc + 1, sizeof *p->budget, "a calibration", err)) < 0))
		goto out;
	for (size_t w = 0; w < e->windows; w++)
		count[e->cls[w]]++;
	for (int cl = 0; cl < nc; cl++)
		sum += share_of(count[cl], rare);
	for (int cl = 0; cl < nc; cl++) {
		size_t m = 0, to;
		for (size_t w = 0; w < e->windows; w++)
			if (e->cls[w] == cl)
				of[m++] = w;
		run += share_of(count[cl], rare);
		to = (size_t)((double)n * run / sum + 0.5);
		for (size_t i = 0, wanted = to - p->n; i < wanted && m > 0; i++, p->n++) {
			size_t w = of[i * m / wanted];
			p->slot[p->n] = e->slot[w];
			p->span[p->n] = e->span[w];
			p->cls[p->n] = e->cls[w];
			if (e->kind)
				p->kind[p->n] = e->kind[w];
			for (size_t r = w * W; p->budget && r < (w + 1) * W; r++)
				p->budget[p->n * (size_t)nc + e->tok[r * FM_NTOK + FM_T_LABEL]]++;
		}
	}
out:
	free(of);
	if (rc < 0)
		fm_window_schedule_free(p);
	return rc;
}

/* The windows of a round are a sample: with a few scans more or less, a service has a tenth more flows than expected.
 * So once the columns have their final sharpness, and have been corrected once, the rounds are averaged: each moves the
 * bias by its share of all rounds so far (Robbins, Monro, A Stochastic Approximation Method, 1951). */
static double pace_of(int round)
{
	return round <= SHARPENING ? 1 : 1.0 / (round - SHARPENING);
}

/* Replace this rank's counts by the sum over all ranks.  shared: (2, ranks, made->len); the halves alternate, since one
 * rank may be a round ahead of another that still adds up. */
static int add_up(const struct fm_tally *made, const struct fm_recalibrate_opts *o, uint64_t *shared, int round,
		  struct fm_error *err)
{
	size_t size = (size_t)fm_ranks_size(o->ranks), rank = (size_t)fm_ranks_rank(o->ranks);
	struct fm_parcel parcel[FM_RANKS_MOST];
	int rc;

	if (!o->ranks)
		return FM_OK;
	shared += (size_t)(round & 1) * size * made->len;
	memcpy(shared + rank * made->len, made->all, made->len * sizeof *shared);
	for (size_t r = 0; r < size; r++)
		parcel[r] =
		    (struct fm_parcel){shared + r * made->len, made->len * sizeof *shared, (int)r, FM_RANKS_ALL};
	if ((rc = fm_ranks_share(o->ranks, o->trained + (uint64_t)round, parcel, size, err)) < 0)
		return rc;
	memset(made->all, 0, made->len * sizeof *made->all);
	for (size_t r = 0; r < size; r++)
		for (size_t i = 0; i < made->len; i++)
			made->all[i] += shared[r * made->len + i];
	return FM_OK;
}

int fm_recalibrate(struct fm_calibration *k, const struct fm_denoiser *d, const struct fm_codec *codec,
		   const struct fm_structural_zeros *zeros, const struct fm_encoded *train,
		   const struct fm_recalibrate_opts *o, struct fm_error *err)
{
	size_t n = (size_t)(o->trained / SHARE), flows;
	struct fm_tally real = {0}, made = {0};
	struct fm_window_schedule as_it_is = {0}, schedule = {0};
	struct fm_sampled x = {0};
	struct fm_progress bar;
	uint64_t *shared = NULL;
	int rc = FM_OK;

	n = n < FM_RECALIBRATE_MOST ? n : FM_RECALIBRATE_MOST;
	if (d->process->multinomial || k->width[FM_T_ROLE] == 0 || n < FEWEST)
		return FM_OK;
	flows = n * (size_t)codec->window;
	fm_progress_begin(&bar, "calibrate", "rounds", ROUNDS);
	if ((rc = fm_calibration_refine(k, codec, train, FINER * o->min_count, err)) < 0 ||
	    (rc = schedule_of(&as_it_is, codec, train, n, false, err)) < 0 ||
	    (rc = schedule_of(&schedule, codec, train, n, true, err)) < 0 ||
	    (rc = fm_alloc(&x.tok, flows * FM_NTOK, sizeof *x.tok, "a calibration", err)) < 0 ||
	    (rc = fm_alloc(&x.res, flows * FM_NRES, sizeof *x.res, "a calibration", err)) < 0 ||
	    (rc = fm_tally_new(&real, k, err)) < 0 ||
	    (o->ranks && (rc = fm_ranks_room(o->ranks, &shared, 2 * (size_t)fm_ranks_size(o->ranks) * real.len,
					     sizeof *shared, "a calibration", err)) < 0))
		goto out;
	fm_tally_real(&real, train, codec->window);
	for (int i = 0; i < ROUNDS; i++) {
		struct fm_sample_opts so = {.steps = STEPS < d->process->T ? STEPS : d->process->T,
					    .solver = FM_DDIM,
					    .seed = o->seed + (uint64_t)i,
					    .pool = o->pool,
					    .calibration = k,
					    .tally = &made};
		const struct fm_window_schedule *p = i < SHARPENING ? &as_it_is : &schedule;
		struct fm_window_range part =
		    fm_sample_part(p->n, (uint32_t)fm_ranks_rank(o->ranks) + 1, (uint32_t)fm_ranks_size(o->ranks));
		if ((rc = fm_tally_new(&made, k, err)) < 0 ||
		    (rc = fm_sample(&(struct fm_sample_of){*d, codec, zeros, p}, part, &so, &x, err)) < 0 ||
		    (rc = add_up(&made, o, shared, i, err)) < 0)
			goto out;
		fm_calibration_learn(k, &real, &made, o->min_count, pace_of(i));
		if (o->nats && i < SHARPENING)
			fm_calibration_sharpen(k, &made, (double)p->n * codec->window, o->nats);
		fm_tally_free(&made);
		fm_progress_step(&bar, (uint64_t)i + 1, NULL);
	}
out:
	fm_progress_end(&bar, rc < 0 ? "failed" : NULL);
	fm_tally_free(&real);
	fm_tally_free(&made);
	fm_window_schedule_free(&as_it_is);
	fm_window_schedule_free(&schedule);
	free(x.tok);
	free(x.res);
	return rc;
}
