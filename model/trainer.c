/* trainer.c - the training loop. */
#include "model/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/detmath.h"

#define RES_SHARE 0.2 /* weight of the residuals' squared error beside the tokens' nats */
#define CHUNK 65536   /* parameters an optimiser shard takes */

/* One worker's buffers for a shard of windows. */
struct shard_buf {
	struct fm_work *work;
	uint16_t *tok_in, *tok;
	float *res_in, *tok_weight, *v, *v_weight;
	uint8_t slot[FM_SHARD_WINDOWS], span[FM_SHARD_WINDOWS];
	float t[FM_SHARD_WINDOWS];
};

struct job {
	const struct fm_net *net;
	const struct fm_process *pr;
	const struct fm_encoded *data;
	const float *p;
	struct shard_buf *buf;      /* one a thread */
	float **grad;               /* (FM_GRAD_PARTS) gradients, or NULL: losses only */
	struct fm_net_loss *loss;   /* one a part */
	const uint32_t *window;     /* (batch) */
	int batch;
	uint64_t seed;
	uint32_t step;
	enum fm_rng_stream stream;
	/* optimiser */
	float *w, *m, *v, *ema;
	double *norm;               /* one a chunk */
	float gscale, rate, c1, c2, decay, ema_decay;
};

static int shard_buf_new(struct shard_buf *s, const struct fm_net *net, struct fm_error *err)
{
	size_t R = (size_t)FM_SHARD_WINDOWS * (size_t)net->arch.window;
	int ret = fm_work_new(&s->work, net, FM_SHARD_WINDOWS, err);
	if (ret == FM_OK)
		ret = fm_alloc(&s->tok_in, R * FM_NTOK, sizeof *s->tok_in, "a batch", err);
	if (ret == FM_OK)
		ret = fm_alloc(&s->tok, R * FM_NTOK, sizeof *s->tok, "a batch", err);
	if (ret == FM_OK)
		ret = fm_alloc(&s->tok_weight, R * FM_NTOK, sizeof(float), "a batch", err);
	if (ret == FM_OK)
		ret = fm_alloc(&s->res_in, R * FM_NRES, sizeof(float), "a batch", err);
	if (ret == FM_OK)
		ret = fm_alloc(&s->v, R * FM_NRES, sizeof(float), "a batch", err);
	if (ret == FM_OK)
		ret = fm_alloc(&s->v_weight, R * FM_NRES, sizeof(float), "a batch", err);
	return ret;
}

static void shard_buf_free(struct shard_buf *s)
{
	fm_work_free(s->work);
	free(s->tok_in);
	free(s->tok);
	free(s->tok_weight);
	free(s->res_in);
	free(s->v);
	free(s->v_weight);
}

/* Windows [first, first + B) of the batch: corrupt, forward, loss and, with a gradient, backward. */
static void run_shard(struct job *j, struct shard_buf *s, int first, int B, struct fm_net_loss *loss, float *grad)
{
	size_t W = (size_t)j->net->arch.window;
	for (int i = 0; i < B; i++) {
		int b = first + i;
		size_t w = j->window[b];
		struct fm_rng rng;
		fm_rng_init(&rng, j->seed, j->stream, (uint64_t)b, j->step);
		/* Stratified in t over the batch, on the grid of T steps. */
		double t = ((double)b + fm_rng_uniform53(&rng)) / j->batch;
		t = ((double)(int)(t * j->pr->T) + 1) / j->pr->T;
		memcpy(s->tok + (size_t)i * W * FM_NTOK, j->data->tok + w * W * FM_NTOK, sizeof *s->tok * W * FM_NTOK);
		struct fm_example ex = {s->tok_in + (size_t)i * W * FM_NTOK, s->res_in + (size_t)i * W * FM_NRES, s->tok_weight + (size_t)i * W * FM_NTOK,
					s->v + (size_t)i * W * FM_NRES, s->v_weight + (size_t)i * W * FM_NRES};
		fm_process_corrupt(j->pr, j->net->vocab, (int)W, j->data->tok + w * W * FM_NTOK, j->data->res + w * W * FM_NRES, t, &rng,
				   (double)j->batch * (double)W, RES_SHARE, &ex);
		s->slot[i] = j->data->slot[w];
		s->span[i] = j->data->span[w];
		s->t[i] = (float)t;
	}
	struct fm_net_in in = {B, s->tok_in, s->res_in, s->slot, s->span, s->t};
	struct fm_net_goal goal = {s->tok, s->tok_weight, s->v, s->v_weight};
	fm_net_forward(j->net, j->p, s->work, &in);
	fm_net_backward(j->net, j->p, s->work, &in, &goal, loss, grad);
}

static void part_job(void *ctx, int part, int thread)
{
	struct job *j = ctx;
	int from = (int)((int64_t)j->batch * part / FM_GRAD_PARTS), to = (int)((int64_t)j->batch * (part + 1) / FM_GRAD_PARTS);
	memset(&j->loss[part], 0, sizeof j->loss[part]);
	if (j->grad)
		memset(j->grad[part], 0, sizeof(float) * j->net->layout.nfloats);
	for (int b = from; b < to; b += FM_SHARD_WINDOWS)
		run_shard(j, &j->buf[thread], b, to - b < FM_SHARD_WINDOWS ? to - b : FM_SHARD_WINDOWS, &j->loss[part], j->grad ? j->grad[part] : NULL);
}

static void chunk_range(const struct job *j, int chunk, size_t *at, size_t *n)
{
	*at = (size_t)chunk * CHUNK;
	*n = j->net->layout.nfloats - *at < CHUNK ? j->net->layout.nfloats - *at : CHUNK;
}

/* Parts meet in a tree: (0+1)+(2+3) and so on, into part 0; and the sum of squares of the chunk. */
static void reduce_job(void *ctx, int chunk, int thread)
{
	struct job *j = ctx;
	size_t at, n;
	(void)thread;
	chunk_range(j, chunk, &at, &n);
	for (int stride = 1; stride < FM_GRAD_PARTS; stride *= 2)
		for (int i = 0; i + stride < FM_GRAD_PARTS; i += 2 * stride)
			j->net->k->add(j->grad[i] + at, j->grad[i + stride] + at, n);
	j->norm[chunk] = j->net->k->sumsq(j->grad[0] + at, n);
}

static void update_job(void *ctx, int chunk, int thread)
{
	struct job *j = ctx;
	size_t at, n;
	(void)thread;
	chunk_range(j, chunk, &at, &n);
	j->net->k->adamw(j->w + at, j->m + at, j->v + at, j->ema + at, j->grad[0] + at, n, j->gscale, j->rate, 0.9f, 0.98f, j->c1, j->c2, j->decay, j->ema_decay);
}

static double loss_total(const struct fm_net_loss *l, double column[FM_NTOK])
{
	double sum = 0;
	for (int c = 0; c < FM_NTOK; c++) {
		double x = 0;
		for (int q = 0; q < FM_GRAD_PARTS; q++)
			x += l[q].tok[c];
		if (column)
			column[c] += x;
		sum += x;
	}
	return sum;
}

/* Window numbers of one epoch in random order (Fisher, Yates), a function of (seed, epoch). */
static void shuffle(uint32_t *order, size_t n, uint64_t seed, uint32_t epoch)
{
	struct fm_rng r;
	fm_rng_init(&r, seed, FM_RNG_BATCH, UINT32_MAX, epoch);
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	for (size_t i = n; i > 1; i--) {
		size_t k = fm_rng_below(&r, (uint32_t)i);
		uint32_t x = order[i - 1];
		order[i - 1] = order[k];
		order[k] = x;
	}
}

static int bufs_new(struct shard_buf **buf, int n, const struct fm_net *net, struct fm_error *err)
{
	int ret = fm_alloc(buf, (size_t)n, sizeof **buf, "work space", err);
	for (int i = 0; ret == FM_OK && i < n; i++)
		ret = shard_buf_new(&(*buf)[i], net, err);
	return ret;
}

static void bufs_free(struct shard_buf *buf, int n)
{
	for (int i = 0; buf && i < n; i++)
		shard_buf_free(&buf[i]);
	free(buf);
}

int fm_validate(const struct fm_net *net, const struct fm_process *pr, const float *p, const struct fm_encoded *e, size_t max_windows, int passes,
		uint64_t seed, struct fm_pool *pool, double column[FM_NTOK], double *total, struct fm_error *err)
{
	enum { BATCH = 64 };
	struct fm_net_loss loss[FM_GRAD_PARTS];
	uint32_t window[BATCH];
	size_t n = e->windows < max_windows ? e->windows : max_windows, at = 0;
	struct job j = {.net = net, .pr = pr, .data = e, .p = p, .loss = loss, .window = window, .batch = BATCH, .seed = seed, .stream = FM_RNG_JUDGE};
	int nthreads = pool ? fm_pool_size(pool) : 1, ret, batches = (int)((n * (size_t)passes + BATCH - 1) / BATCH);

	*total = NAN;
	memset(column, 0, sizeof(double) * FM_NTOK);
	if (n == 0)
		return FM_OK;
	ret = bufs_new(&j.buf, nthreads, net, err);
	*total = 0;
	for (int i = 0; ret == FM_OK && i < batches; i++) {
		for (int b = 0; b < BATCH; b++)
			window[b] = (uint32_t)(at++ * 2654435761u % n);
		j.step = (uint32_t)i;
		fm_pool_run(pool, FM_GRAD_PARTS, part_job, &j);
		*total += loss_total(loss, column) / batches;
	}
	for (int c = 0; c < FM_NTOK; c++)
		column[c] /= batches;
	bufs_free(j.buf, nthreads);
	return ret;
}

/* Learning rate at a step: linear warm-up, then a half cosine to 1 % of the peak. */
static double rate_at(const struct fm_train_opts *o, int step)
{
	double warm = step < o->warmup ? (step + 1.0) / o->warmup : 1.0;
	return o->rate * warm * (0.01 + 0.99 * 0.5 * (1 + fm_det_cos(3.14159265358979323846 * step / o->steps)));
}

static int train_loop(struct job *j, const struct fm_train_opts *o, const struct fm_encoded *validation, struct fm_pool *pool, uint32_t *order,
		      struct fm_train_result *res, struct fm_error *err)
{
	size_t nw = j->data->windows, pos = nw;
	uint32_t epoch = 0, *batch = (uint32_t *)j->window;
	int chunks = (int)((j->net->layout.nfloats + CHUNK - 1) / CHUNK), stale = 0;
	double best = INFINITY, b1 = 1, b2 = 1;
	struct fm_progress bar;
	char note[96];

	fm_progress_begin(&bar, "train", "flows", (uint64_t)o->steps * (uint64_t)o->batch * (uint64_t)j->net->arch.window);
	for (int step = 0; step < o->steps; step++) {
		for (int b = 0; b < o->batch; b++) {
			if (pos == nw) {
				shuffle(order, nw, o->seed, epoch++);
				pos = 0;
			}
			batch[b] = order[pos++];
		}
		j->step = (uint32_t)step;
		fm_pool_run(pool, FM_GRAD_PARTS, part_job, j);
		double loss = loss_total(j->loss, NULL), norm = 0;
		fm_pool_run(pool, chunks, reduce_job, j);
		for (int i = 0; i < chunks; i++)
			norm += j->norm[i];
		norm = sqrt(norm);
		if (!isfinite(loss) || !isfinite(norm))
			return fm_fail(err, FM_EINPUT, "training diverged at step %d (loss %g, gradient %g): set train.rate lower than %g", step + 1, loss, norm, o->rate);
		b1 *= 0.9;
		b2 *= 0.98;
		j->gscale = norm > o->clip ? (float)(o->clip / norm) : 1.0f;
		j->rate = (float)rate_at(o, step);
		j->c1 = (float)(1 / (1 - b1));
		j->c2 = (float)(1 / (1 - b2));
		j->decay = (float)o->weight_decay;
		double d = (step + 1.0) / (step + 10.0);
		j->ema_decay = (float)(d < o->ema ? d : o->ema);
		fm_pool_run(pool, chunks, update_job, j);
		res->loss = step == 0 ? loss : 0.98 * res->loss + 0.02 * loss;
		res->steps = step + 1;
		res->flows += (double)o->batch * j->net->arch.window;
		if (o->validate_every > 0 && validation->windows > 0 && (step + 1) % o->validate_every == 0) {
			double column[FM_NTOK], v;
			if (fm_validate(j->net, j->pr, j->ema, validation, 256, 1, o->seed, pool, column, &v, err) < 0)
				return err->code;
			stale = v < best ? 0 : stale + 1;
			best = v < best ? v : best;
			res->validation = v;
			if (o->patience > 0 && stale >= o->patience)
				break;
		}
		snprintf(note, sizeof note, "loss %.3f  validation %.3f nats/flow  step %d", res->loss, res->validation, step + 1);
		fm_progress_step(&bar, (uint64_t)res->flows, note);
	}
	fm_progress_end(&bar, note);
	return FM_OK;
}

int fm_train(const struct fm_net *net, const struct fm_process *pr, const struct fm_encoded *train, const struct fm_encoded *validation,
	     const struct fm_train_opts *o, struct fm_pool *pool, float *ema, struct fm_train_result *result, struct fm_error *err)
{
	size_t n = net->layout.nfloats;
	int nthreads = pool ? fm_pool_size(pool) : 1, chunks = (int)((n + CHUNK - 1) / CHUNK), ret;
	float *grad[FM_GRAD_PARTS] = {NULL};
	struct fm_net_loss loss[FM_GRAD_PARTS];
	uint32_t *order = NULL, *batch = NULL;
	struct job j = {.net = net, .pr = pr, .data = train, .grad = grad, .loss = loss, .seed = o->seed, .batch = o->batch, .stream = FM_RNG_NOISE, .ema = ema};

	memset(result, 0, sizeof *result);
	result->validation = NAN;
	result->seconds = -fm_seconds();
	if (train->windows == 0)
		return fm_fail(err, FM_EINPUT, "there is nothing to train on: the training split has no whole window");
	ret = bufs_new(&j.buf, nthreads, net, err);
	for (int i = 0; ret == FM_OK && i < FM_GRAD_PARTS; i++)
		ret = fm_alloc(&grad[i], n, sizeof(float), "gradients", err);
	if (ret == FM_OK)
		ret = fm_alloc(&j.w, n, sizeof(float), "weights", err);
	if (ret == FM_OK)
		ret = fm_alloc(&j.m, n, sizeof(float), "moments", err);
	if (ret == FM_OK)
		ret = fm_alloc(&j.v, n, sizeof(float), "moments", err);
	if (ret == FM_OK)
		ret = fm_alloc(&j.norm, (size_t)chunks, sizeof(double), "norms", err);
	if (ret == FM_OK)
		ret = fm_alloc(&order, train->windows, sizeof *order, "the order of windows", err);
	if (ret == FM_OK)
		ret = fm_alloc(&batch, (size_t)o->batch, sizeof *batch, "a batch", err);
	if (ret < 0)
		goto out;
	j.p = j.w;
	j.window = batch;
	fm_layout_init(&net->layout, j.w, o->seed);
	memcpy(ema, j.w, sizeof(float) * n);
	ret = train_loop(&j, o, validation, pool, order, result, err);
	result->seconds += fm_seconds();
	if (ret == FM_OK && validation && validation->windows > 0)
		ret = fm_validate(net, pr, ema, validation, 1024, 4, o->seed, pool, result->column, &result->validation, err);
out:
	bufs_free(j.buf, nthreads);
	for (int i = 0; i < FM_GRAD_PARTS; i++)
		free(grad[i]);
	free(j.w);
	free(j.m);
	free(j.v);
	free(j.norm);
	free(order);
	free(batch);
	return ret;
}
