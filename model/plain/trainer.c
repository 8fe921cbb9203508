/* trainer.c - training of the denoiser of whole rows, and its loss on single windows. */
#include "model/plain/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/nn/draws.h"

enum { PARTS = 8, SHARD = 4 }; /* parts of a batch; windows of a pass */
#define EXPLODED 100.0         /* a loss from which no training recovers: an untrained network has 1 */
#define CROWD 0.6              /* how much times crowd in the middle: their density there is 1 / (1 - CROWD) */
#define LOSS_TIMES 8           /* times at which a window's loss is taken, stratified */

/* One thread's buffers. */
struct bench {
	struct fm_plain_work *work;
	float *x, *target; /* (SHARD * W, seen), (SHARD * W, row) */
};

struct trainer {
	const struct fm_plain_train_opts *o;
	const struct fm_plain_net *net;
	const struct fm_plain_process *process;
	const struct fm_plain_windows *windows;
	struct bench *bench; /* one per thread */
	int nbench;
	struct fm_optimiser *optimiser;
	struct fm_train_arrays a;
	float *grad[PARTS];
	double part[PARTS]; /* loss of each part */
	struct fm_loop loop;
};

static size_t window_floats(const struct fm_plain_net *net, int each)
{
	return (size_t)net->arch.window * (size_t)each;
}

static int bench_init(struct bench *b, const struct fm_plain_net *net, int most, struct fm_error *err)
{
	int rc;

	if ((rc = fm_plain_work_new(&b->work, net, most, err)) < 0 ||
	    (rc = fm_alloc(&b->x, (size_t)most * window_floats(net, net->seen), sizeof *b->x, "a batch", err)) < 0)
		return rc;
	return fm_alloc(&b->target, (size_t)most * window_floats(net, net->row), sizeof *b->target, "a batch", err);
}

static void bench_close(struct bench *b)
{
	fm_plain_work_free(b->work);
	free(b->x);
	free(b->target);
}

static int benches_new(struct bench **bench, int *n, const struct fm_plain_net *net, int most, struct fm_pool *pool,
		       struct fm_error *err)
{
	int threads = pool ? fm_pool_size(pool) : 1, rc;

	if ((rc = fm_alloc(bench, (size_t)threads, sizeof **bench, "work space", err)) < 0)
		return rc;
	for (*n = 0; *n < threads;)
		if ((rc = bench_init(&(*bench)[(*n)++], net, most, err)) < 0)
			return rc;
	return FM_OK;
}

static void benches_free(struct bench *bench, int n)
{
	for (int i = 0; i < n; i++)
		bench_close(&bench[i]);
	free(bench);
}

/* Which window at which time. */
struct example {
	size_t window;
	double t;
};

/* x_t = sqrt(ab) x_0 + sqrt(1 - ab) noise of a window, as the i-th of a pass, and what is to be predicted; its noise
 * comes from r.  No prediction was made before. */
static void corrupt(const struct fm_plain_net *net, const struct fm_plain_process *process,
		    const struct fm_plain_windows *windows, struct example e, struct fm_rng *r, struct bench *b, int i)
{
	size_t n = window_floats(net, net->row), W = (size_t)net->arch.window, columns = (size_t)windows->c->flows.n;
	const float *row = windows->x + e.window * W * columns;
	double ab = fm_alpha_bar(process->cosine, e.t);
	float a = (float)sqrt(ab), s = (float)sqrt(1 - ab), *x = b->x + (size_t)i * window_floats(net, net->seen),
	      *target = b->target + (size_t)i * n;

	fm_draw_normal_row(r, target, (int)n);
	for (size_t k = 0; k < W; k++, x += net->seen, target += net->row) {
		fm_plain_vector(windows->c, row + k * columns, x);
		for (int j = 0; j < net->row; j++) {
			float clean = x[j];

			x[j] = a * clean + s * target[j];
			if (process->predicts == FM_PREDICTS_X0)
				target[j] = windows->c->number[j] ? a * target[j] - s * clean : clean;
		}
		memset(x + net->row, 0, sizeof *x * (size_t)(net->seen - net->row));
	}
}

void fm_plain_clean(const struct fm_plain_codec *c, double ab, const float *x, int seen, const float *said, int n,
		    float *x0)
{
	float a = (float)sqrt(ab), s = (float)sqrt(1 - ab);

	for (int r = 0; r < n; r++, x += seen, said += c->row, x0 += seen)
		for (int j = 0; j < c->row; j++) {
			float clean = c->number[j] ? a * x[j] - s * said[j] : said[j], most = c->most[j];

			x0[j] = clean > most ? most : clean < -most ? -most : clean;
		}
}

/* Where the network sees its own prediction, it stands behind the rows: that of the same x_t without it (Chen, Zhang,
 * Hinton 2022). */
static void see_own(const struct trainer *t, struct bench *b, const float *time, int B)
{
	const struct fm_plain_net *net = t->net;
	int W = net->arch.window;
	const float *said = fm_plain_forward(net, t->a.w, b->work, B, b->x, time);

	for (int i = 0; i < B; i++) {
		float *x = b->x + (size_t)i * window_floats(net, net->seen);

		fm_plain_clean(t->windows->c, fm_alpha_bar(t->process->cosine, (double)time[i]), x, net->seen,
			       said + (size_t)i * window_floats(net, net->row), W, x + net->row);
	}
}

/* u of [0, 1) as a time above 0, on the grid of T. */
static double time_of(const struct fm_plain_process *process, double u)
{
	return ((double)(int)(u * process->T) + 1) / process->T;
}

double fm_plain_time(const struct fm_plain_process *process, double u)
{
	const double turn = 6.28318530717958647692;

	if (process->predicts == FM_PREDICTS_X0) {
		u += CROWD * fm_det_cos(turn * (u - 0.25)) / turn; /* the sine of u */
		u = u < 0 ? 0 : u > 1 - 1e-9 ? 1 - 1e-9 : u;
	}
	return time_of(process, u);
}

/* Windows [first, first + B) of the batch. */
static void run_shard(struct trainer *t, struct bench *b, int first, int B, int part)
{
	bool own = false; /* half of the passes see what was predicted */
	float time[SHARD];

	for (int i = 0; i < B; i++) {
		struct fm_rng r;
		uint32_t window;
		double at;

		fm_rng_init(&r, t->o->loop.seed, FM_RNG_BATCH, (uint64_t)first + (uint64_t)i,
			    (uint32_t)t->loop.at.step);
		window = fm_rng_below(&r, (uint32_t)t->windows->n);
		/* Stratified over the batch. */
		at = fm_plain_time(t->process, ((double)(first + i) + fm_rng_uniform53(&r)) / t->o->batch);
		time[i] = (float)at;
		own = i == 0 ? fm_rng_uniform(&r) < 0.5f : own;
		fm_rng_init(&r, t->o->loop.seed, FM_RNG_NOISE, (uint64_t)first + (uint64_t)i,
			    (uint32_t)t->loop.at.step);
		corrupt(t->net, t->process, t->windows, (struct example){window, at}, &r, b, i);
	}
	if (own && t->net->seen > t->net->row)
		see_own(t, b, time, B);
	(void)fm_plain_forward(t->net, t->a.w, b->work, B, b->x, time);
	t->part[part] += fm_plain_backward(
	    t->net, t->a.w, b->work, B, b->x,
	    &(struct fm_plain_target){b->target, 1.0 / ((double)t->o->batch * (double)t->net->arch.window),
				      t->windows->c->share},
	    &(struct fm_sink){.g = t->grad[part]});
}

static void run_part(void *ctx, int part, int thread)
{
	struct trainer *t = ctx;
	int from = (int)((int64_t)t->o->batch * part / PARTS), to = (int)((int64_t)t->o->batch * (part + 1) / PARTS);

	t->part[part] = 0;
	memset(t->grad[part], 0, sizeof(float) * t->net->layout.nfloats);
	for (int b = from; b < to; b += SHARD)
		run_shard(t, &t->bench[thread], b, to - b < SHARD ? to - b : SHARD, part);
}

static void update(struct trainer *t, double norm)
{
	const struct fm_plain_train_opts *o = t->o;
	struct fm_train_point *at = &t->loop.at;
	double d = (at->step + 1.0) / (at->step + 10.0);

	at->b1 *= FM_BETA1;
	at->b2 *= FM_BETA2;
	struct fm_adamw step = {.beta1 = FM_BETA1,
				.beta2 = FM_BETA2,
				.beta1_t = at->b1,
				.beta2_t = at->b2,
				.rate = fm_train_rate(o->rate, o->warmup, at->step, o->loop.steps),
				.weight_decay = o->weight_decay,
				.ema_decay = d < o->ema ? d : o->ema,
				.scale = o->clip > 0 && norm > o->clip ? o->clip / norm : 1};
	fm_optimiser_step(t->optimiser, &t->a, t->grad[0], &step);
}

static int step(void *ctx, struct fm_loop *l, char note[FM_LOOP_NOTE], struct fm_error *err)
{
	struct trainer *t = ctx;
	double loss = 0, norm;

	fm_pool_run(t->o->pool, PARTS, run_part, t);
	norm = fm_optimiser_sum(t->optimiser, t->grad, PARTS);
	for (int i = 0; i < PARTS; i++)
		loss += t->part[i];
	if (!isfinite(loss) || !isfinite(norm) || loss > EXPLODED)
		return fm_fail(err, FM_EINPUT,
			       "training diverges: at step %d the loss is %.3g, where a network that knows nothing has "
			       "1; set train.rate (%g) lower, or train.warmup (%d) higher",
			       l->at.step + 1, loss, t->o->rate, t->o->warmup);
	update(t, norm);
	l->at.loss = fm_loop_average(l->at.loss, loss);
	l->at.step++;
	l->at.epoch = 1;
	snprintf(note, FM_LOOP_NOTE, "loss %.4f  step %d", l->at.loss, l->at.step);
	return FM_OK;
}

static int trainer_init(struct trainer *t, struct fm_error *err)
{
	size_t n = t->net->layout.nfloats;
	int rc;

	if ((rc = benches_new(&t->bench, &t->nbench, t->net, SHARD, t->o->pool, err)) < 0 ||
	    (rc = fm_optimiser_new(&t->optimiser, n, t->o->pool, err)) < 0 ||
	    (rc = fm_alloc(&t->a.w, n, sizeof(float), "weights", err)) < 0 ||
	    (rc = fm_alloc(&t->a.m, n, sizeof(float), "moments", err)) < 0 ||
	    (rc = fm_alloc(&t->a.v, n, sizeof(float), "moments", err)) < 0)
		return rc;
	for (int i = 0; i < PARTS; i++)
		if ((rc = fm_alloc(&t->grad[i], n, sizeof(float), "gradients", err)) < 0)
			return rc;
	return FM_OK;
}

static void trainer_close(struct trainer *t)
{
	benches_free(t->bench, t->nbench);
	fm_optimiser_free(t->optimiser);
	for (int i = 0; i < PARTS; i++)
		free(t->grad[i]);
	free(t->a.w);
	free(t->a.m);
	free(t->a.v);
}

int fm_plain_train(const struct fm_plain_net *net, const struct fm_plain_process *process,
		   const struct fm_plain_windows *windows, const struct fm_plain_train_opts *o, float *ema,
		   struct fm_plain_train_result *result, struct fm_error *err)
{
	struct trainer t = {.o = o, .net = net, .process = process, .windows = windows, .a.ema = ema};
	double started = fm_seconds();
	int rc;

	if (windows->n == 0 || windows->n >= UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "there are %zu whole windows to train on: %s", windows->n,
			       windows->n ? "too many" : "the training split has none");
	t.loop = (struct fm_loop){
	    .o = &o->loop, .layout = &net->layout, .a = &t.a, .flows = (uint64_t)o->batch * (uint64_t)net->arch.window};
	if ((rc = trainer_init(&t, err)) < 0 || (rc = fm_loop_begin(&t.loop, err)) < 0 ||
	    (rc = fm_loop_run(&t.loop, step, &t, err)) < 0)
		goto out;
	*result = (struct fm_plain_train_result){.steps = t.loop.at.step,
						 .loss = t.loop.at.loss,
						 .flows = (double)fm_loop_taken(&t.loop) * (double)t.loop.flows,
						 .seconds = fm_seconds() - started};
out:
	trainer_close(&t);
	return rc;
}

/* ---- the loss of single windows ---- */

struct judge {
	const struct fm_plain_net *net;
	const struct fm_plain_process *process;
	const float *p;
	const struct fm_plain_windows *windows;
	uint64_t seed;
	struct bench *bench;
	double *loss;
};

static void judge_window(void *ctx, int window, int thread)
{
	const struct judge *j = ctx;
	struct bench *b = &j->bench[thread];
	double sum = 0;

	for (int k = 0; k < LOSS_TIMES; k++) {
		double t = time_of(j->process, (k + 0.5) / LOSS_TIMES);
		float time = (float)t;
		struct fm_rng r;

		fm_rng_init(&r, j->seed, FM_RNG_JUDGE, (uint64_t)window, (uint32_t)k);
		corrupt(j->net, j->process, j->windows, (struct example){(size_t)window, t}, &r, b, 0);
		(void)fm_plain_forward(j->net, j->p, b->work, 1, b->x, &time);
		sum += fm_plain_backward(
		    j->net, j->p, b->work, 1, b->x,
		    &(struct fm_plain_target){b->target, 1.0 / j->net->arch.window, j->windows->c->share}, NULL);
	}
	j->loss[window] = sum / LOSS_TIMES;
}

int fm_plain_losses(const struct fm_plain_denoiser *d, const struct fm_plain_windows *windows, uint64_t seed,
		    struct fm_pool *pool, double *loss, struct fm_error *err)
{
	struct judge j = {d->net, d->process, d->p, windows, seed, NULL, loss};
	int n = 0, rc;

	if (windows->n > INT32_MAX)
		return fm_fail(err, FM_EINPUT, "%zu windows are too many", windows->n);
	if ((rc = benches_new(&j.bench, &n, d->net, 1, pool, err)) < 0)
		goto out;
	fm_pool_run(pool, (int)windows->n, judge_window, &j);
out:
	benches_free(j.bench, n);
	return rc;
}
