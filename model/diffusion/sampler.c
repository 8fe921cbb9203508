/* sampler.c - windows from noise. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/diffusion/sampler_parts.h"

#define SHARD FM_SAMPLE_SHARD

/* Residuals from t to next; before: the time from which the previous step came, 0 for none. */
static void step_residuals(const struct fm_sampler *s, const struct fm_sample_step *q, double before, float *res)
{
	int W = s->net->arch.window;
	struct fm_gauss_step step;
	if (q->next >= FM_RES_SPAN)
		return;
	const float *prediction = fm_net_velocity(s->net, s->p, q->space->work, q->B);
	fm_res_step_init(&step, s->pr, s->o->solver, q->t, q->next, q->t < FM_RES_SPAN ? before : 0);
	for (int r = 0; r < q->B * W; r++)
		for (int k = 0; k < FM_NRES; k++) {
			size_t at = (size_t)r * FM_NRES + (size_t)k;
			res[at] = fm_gauss_step(&step, FM_RES_MAX, res[at],
						prediction[(size_t)r * FM_RES_PAD + (size_t)k], &q->space->x0[at]);
			if (step.sigma > 0)
				res[at] += step.sigma * fm_rng_normal(&q->rng[r / W]);
		}
}

/* The turn of each of W rows, random, except that rows whose turns are close are nearly always at least APART rows from
 * each other: neighbours depend on each other most, and tokens that show at once are drawn independently. */
static void deal_order(int W, int *turn, struct fm_rng *r)
{
	enum { APART = 8 };
	uint32_t first[APART], row[FM_WINDOW_MOST / APART + 1];
	int at = 0;
	for (uint32_t i = 0; i < APART; i++)
		first[i] = i;
	fm_rng_shuffle(r, first, APART);
	for (int k = 0; k < APART; k++) {
		size_t n = 0;
		for (uint32_t i = first[k]; i < (uint32_t)W; i += APART)
			row[n++] = i;
		fm_rng_shuffle(r, row, n);
		for (size_t i = 0; i < n; i++)
			turn[row[i]] = at++;
	}
}

/* Absorbing: when each token of window w shows, into reveal (W,FM_NTOK). */
static void times_of(const struct fm_sampler *s, size_t w, float *reveal)
{
	int W = s->net->arch.window, order[FM_WINDOW_MOST];
	struct fm_rng r;
	fm_rng_init(&r, s->o->seed, FM_RNG_SAMPLE, w, 0);
	for (int c = 0; c < FM_NTOK; c++) {
		deal_order(W, order, &r);
		for (int i = 0; i < W; i++) {
			double u = fm_rng_uniform53(&r);
			double at = s->o->solver == FM_ANCESTRAL ? u : ((double)order[i] + u) / W;
			reveal[i * FM_NTOK + c] = (float)fm_process_shows(s->pr, c, at);
		}
	}
}

static void sample_shard(void *ctx, int shard, int thread)
{
	struct fm_sampler *s = ctx;
	struct fm_sample_space *space = &s->space[thread];
	int W = s->net->arch.window, steps = s->o->steps;
	size_t at = (size_t)shard * SHARD, first = s->range.first + at, left = s->range.end - first;
	int B = left < SHARD ? (int)left : SHARD;
	uint16_t *tok = s->tok + at * (size_t)W * FM_NTOK;
	float *res = s->res + at * (size_t)W * FM_NRES, t_of[SHARD];
	uint8_t untold[SHARD];
	memset(untold, s->net->nclasses, sizeof untold);

	for (int b = 0; b < B; b++) {
		struct fm_rng r;
		fm_rng_init(&r, s->o->seed, FM_RNG_SAMPLE, first + (size_t)b, 1);
		if (!s->pr->multinomial)
			times_of(s, first + (size_t)b, space->reveal + (size_t)b * (size_t)W * FM_NTOK);
		for (int i = b * W; i < (b + 1) * W; i++) {
			for (int c = 0; c < FM_NTOK; c++)
				tok[(size_t)i * FM_NTOK + (size_t)c] = (uint16_t)s->net->vocab[c];
			for (int k = 0; k < FM_NRES; k++)
				res[(size_t)i * FM_NRES + (size_t)k] = fm_rng_normal(&r);
		}
		for (int i = b * W; i < (b + 1) * W; i++)
			space->confined[i] = fm_rng_uniform(&r);
	}
	for (int step = steps; step > 0; step--) {
		double t = fm_process_step(s->pr, step, steps), next = fm_process_step(s->pr, step - 1, steps);
		struct fm_rng rng[SHARD];
		for (int b = 0; b < B; b++) {
			t_of[b] = (float)t;
			fm_rng_init(&rng[b], s->o->seed, FM_RNG_SAMPLE, first + (size_t)b, (uint32_t)step + 1);
		}
		struct fm_net_in in = {B,
				       tok,
				       res,
				       s->schedule->slot + first,
				       s->schedule->span + first,
				       s->schedule->cls + first,
				       t_of,
				       s->schedule->kind ? s->schedule->kind + first : NULL};
		struct fm_sample_step q = {space, first, B, t, next, step == 1, rng, tok};
		fm_net_forward(s->net, s->p, space->work, &in);
		if (s->o->guidance > 0) {
			in.cls = untold;
			fm_net_forward(s->net, s->p, space->blind, &in);
		}
		step_residuals(s, &q, step < steps ? fm_process_step(s->pr, step + 1, steps) : 0, res);
		fm_sample_tokens(s, &q, res);
	}
	pthread_mutex_lock(&s->lock);
	s->done += (uint64_t)B;
	if (s->o->progress)
		s->o->progress(s->o->ctx, s->done);
	pthread_mutex_unlock(&s->lock);
}

static int space_new(struct fm_sample_space *w, const struct fm_net *net, bool guided, struct fm_error *err)
{
	size_t R = (size_t)SHARD * (size_t)net->arch.window, V = 1;
	int rc;
	for (int c = 0; c < FM_NTOK; c++)
		V = (size_t)net->vocab[c] > V ? (size_t)net->vocab[c] : V;
	if ((rc = fm_work_new(&w->work, net, SHARD, err)) < 0 ||
	    (guided && (rc = fm_work_new(&w->blind, net, SHARD, err)) < 0) ||
	    (rc = fm_alloc(&w->reveal, R * FM_NTOK, sizeof(float), "work space", err)) < 0 ||
	    (rc = fm_alloc(&w->seen, R * FM_NTOK, sizeof *w->seen, "work space", err)) < 0 ||
	    (rc = fm_alloc(&w->confined, R, sizeof *w->confined, "work space", err)) < 0 ||
	    (rc = fm_alloc(&w->x0, R * FM_NRES, sizeof(float), "work space", err)) < 0 ||
	    (rc = fm_alloc(&w->row, V, sizeof(float), "work space", err)) < 0)
		return rc;
	return fm_alloc(&w->rows, R, sizeof(int), "work space", err);
}

static void space_free(struct fm_sample_space *w)
{
	fm_work_free(w->work);
	fm_work_free(w->blind);
	free(w->reveal);
	free(w->seen);
	free(w->confined);
	free(w->x0);
	free(w->row);
	free(w->rows);
}

static int check(const struct fm_process *pr, const struct fm_sample_opts *o, struct fm_error *err)
{
	if (o->steps < 1 || o->steps > pr->T)
		return fm_fail(err, FM_EINPUT, "generate.steps is %d: give 1 to model.steps (%d)", o->steps, pr->T);
	if (o->solver == FM_ANCESTRAL && o->steps != pr->T)
		return fm_fail(err, FM_EINPUT, "the ancestral sampler takes all %d steps of model.steps, not %d", pr->T,
			       o->steps);
	if (o->confident && (pr->multinomial || o->solver == FM_ANCESTRAL))
		return fm_fail(err, FM_EINPUT,
			       "generate.order confidence is for absorbed tokens in few steps: set it to random");
	return FM_OK;
}

struct fm_window_range fm_sample_part(size_t n, uint32_t index, uint32_t of)
{
	size_t shards = (n + SHARD - 1) / SHARD, first = shards * (index - 1) / of * SHARD,
	       end = shards * index / of * SHARD;

	return (struct fm_window_range){first, end < n ? end : n};
}

int fm_sample(const struct fm_sample_of *of, struct fm_window_range range, const struct fm_sample_opts *o,
	      const struct fm_sampled *out, struct fm_error *err)
{
	const struct fm_denoiser *d = &of->denoiser;
	const struct fm_codec *codec = of->codec;
	int threads = o->pool ? fm_pool_size(o->pool) : 1, rc;
	struct fm_sampler s = {.net = d->net,
			       .codec = codec,
			       .zeros = of->zeros,
			       .pr = d->process,
			       .p = d->p,
			       .schedule = of->schedule,
			       .range = range,
			       .o = o,
			       .tok = out->tok,
			       .res = out->res,
			       .lock = PTHREAD_MUTEX_INITIALIZER};

	if ((rc = check(d->process, o, err)) < 0 ||
	    (rc = fm_alloc(&s.sides, (size_t)codec->vocab[FM_T_SA] + 1, 1, "address sides", err)) < 0 ||
	    (rc = fm_alloc(&s.space, (size_t)threads, sizeof *s.space, "work space", err)) < 0)
		goto out;
	for (int i = 0; i < codec->vocab[FM_T_SA]; i++)
		s.sides[i] = (uint8_t)fm_address_sides(codec, i);
	for (int i = 0; i < threads; i++)
		if ((rc = space_new(&s.space[i], d->net, o->guidance > 0, err)) < 0)
			goto out;
	fm_pool_run(o->pool, (int)((range.end - range.first + SHARD - 1) / SHARD), sample_shard, &s);
out:
	for (int i = 0; s.space && i < threads; i++)
		space_free(&s.space[i]);
	free(s.space);
	free(s.sides);
	return rc;
}
