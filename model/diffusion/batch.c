/* batch.c - the loss and the gradient of a batch. */
#include "model/diffusion/batch.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* One thread's buffers for a shard of windows. */
struct shard {
	struct fm_work *work;
	uint16_t *tok_in, *tok;
	float *res_in, *tok_weight, *v, *v_weight;
	uint8_t slot[FM_PASS_WINDOWS], span[FM_PASS_WINDOWS], cls[FM_PASS_WINDOWS], kind[FM_PASS_WINDOWS];
	bool told; /* the windows' kinds */
	float t[FM_PASS_WINDOWS];
	struct fm_keep keep[FM_PASS_WINDOWS * FM_NTOK];
	struct fm_kept *kept; /* NULL where nothing is clipped */
	bool failed;          /* memory to keep gradients ran out */
};

/* The result of a part of a batch. */
struct part {
	struct fm_net_loss loss;
	int clipped;
};

struct fm_batcher {
	const struct fm_net *net;
	const struct fm_process *pr;
	struct fm_pool *pool;
	int nshards, most;   /* most: windows per pass */
	struct shard *shard; /* one per thread */
	/* of the run under way */
	const struct fm_batch *batch;
	float **grad;
	int parts;       /* of the batch */
	size_t first;    /* of this rank */
	struct part *of; /* (FM_PARTS_MOST), of all ranks */
	struct part own[FM_PARTS_MOST];
	/* (2, FM_PARTS_MOST), of all ranks; the halves alternate, as one rank may be a pass ahead of another that still
	 * reads */
	struct part *shared;
	int turn;
	struct fm_ranks *ranks;
	struct fm_error missing; /* code below 0: a rank is missing */
};

static int shard_init(struct shard *s, const struct fm_net *net, int most, struct fm_error *err)
{
	size_t R = (size_t)most * (size_t)net->arch.window;
	int rc;
	if ((rc = fm_work_new(&s->work, net, most, err)) < 0 ||
	    (rc = fm_alloc(&s->tok_in, R * FM_NTOK, sizeof *s->tok_in, "a batch", err)) < 0 ||
	    (rc = fm_alloc(&s->tok, R * FM_NTOK, sizeof *s->tok, "a batch", err)) < 0 ||
	    (rc = fm_alloc(&s->tok_weight, R * FM_NTOK, sizeof(float), "a batch", err)) < 0 ||
	    (rc = fm_alloc(&s->res_in, R * FM_NRES, sizeof(float), "a batch", err)) < 0 ||
	    (rc = fm_alloc(&s->v, R * FM_NRES, sizeof(float), "a batch", err)) < 0)
		return rc;
	return fm_alloc(&s->v_weight, R * FM_NRES, sizeof(float), "a batch", err);
}

static void shard_close(struct shard *s)
{
	fm_work_free(s->work);
	fm_kept_free(s->kept);
	free(s->tok_in);
	free(s->tok);
	free(s->res_in);
	free(s->tok_weight);
	free(s->v);
	free(s->v_weight);
}

int fm_batcher_new(struct fm_batcher **out, const struct fm_net *net, const struct fm_process *pr, struct fm_pool *pool,
		   struct fm_error *err)
{
	return fm_batcher_new_of(out, net, pr, pool, FM_SHARD_WINDOWS, err);
}

int fm_batcher_new_of(struct fm_batcher **out, const struct fm_net *net, const struct fm_process *pr,
		      struct fm_pool *pool, int most, struct fm_error *err)
{
	struct fm_batcher *b = NULL;
	int n = pool ? fm_pool_size(pool) : 1, rc;

	*out = NULL;
	if ((rc = fm_alloc(&b, 1, sizeof *b, "work space", err)) < 0)
		return rc;
	b->net = net;
	b->pr = pr;
	b->pool = pool;
	b->most = most;
	b->of = b->own;
	if ((rc = fm_alloc(&b->shard, (size_t)n, sizeof *b->shard, "work space", err)) < 0)
		goto out;
	while (b->nshards < n)
		if ((rc = shard_init(&b->shard[b->nshards++], net, most, err)) < 0)
			goto out;
	*out = b;
	b = NULL;
out:
	fm_batcher_free(b);
	return rc;
}

void fm_batcher_free(struct fm_batcher *b)
{
	if (!b)
		return;
	for (int i = 0; i < b->nshards; i++)
		shard_close(&b->shard[i]);
	free(b->shard);
	free(b);
}

int fm_batcher_share(struct fm_batcher *b, struct fm_ranks *ranks, struct fm_error *err)
{
	b->ranks = ranks;
	return ranks ? fm_ranks_room(ranks, &b->shared, 2 * FM_PARTS_MOST, sizeof *b->shared, "losses", err) : FM_OK;
}

int fm_batcher_clips(struct fm_batcher *b, struct fm_error *err)
{
	int rc;

	for (int i = 0; i < b->nshards; i++)
		if (!b->shard[i].kept && (rc = fm_kept_new(&b->shard[i].kept, err)) < 0)
			return rc;
	return FM_OK;
}

int fm_batcher_check(const struct fm_batcher *b, struct fm_error *err)
{
	for (int i = 0; i < b->nshards; i++)
		if (b->shard[i].failed)
			return fm_fail(err, FM_ESYSTEM, "out of memory for the gradients of windows");
	if (b->missing.code < 0)
		return fm_fail(err, b->missing.code, "%s", b->missing.message);
	return FM_OK;
}

int fm_batch_clipped(const struct fm_batcher *b)
{
	int n = 0;

	for (int i = 0; i < b->parts; i++)
		n += b->of[i].clipped;
	return n;
}

/* A window to be corrupted at t of [0, 1); its loss is divided by `flows`. */
struct draw {
	const struct fm_encoded *data;
	size_t window;
	double t, flows;
	const float *of_label; /* as fm_batch's */
};

/* Multiply the weights of the columns that depend on the label by the label's weight: tok and weight (W,FM_NTOK). */
static void weigh_labels(const float *of_label, const uint16_t *tok, size_t W, float *weight)
{
	for (size_t i = 0; i < W; i++, tok += FM_NTOK, weight += FM_NTOK)
		for (int c = FM_T_LABEL + 1; c < FM_NTOK; c++)
			weight[c] *= of_label[tok[FM_T_LABEL]];
}

/* Load a draw as the i-th window of a pass. */
static void load(const struct fm_batcher *r, struct shard *s, int i, const struct draw *d, struct fm_rng *rng)
{
	const struct fm_encoded *e = d->data;
	size_t W = (size_t)r->net->arch.window, at = (size_t)i * W, w = d->window;
	const uint16_t *tok = e->tok + w * W * FM_NTOK;
	struct fm_example ex = {s->tok_in + at * FM_NTOK, s->res_in + at * FM_NRES,   s->tok_weight + at * FM_NTOK,
				s->v + at * FM_NRES,      s->v_weight + at * FM_NRES, s->keep + i * FM_NTOK};

	struct fm_clean_window clean = {r->net->vocab, (int)W, tok, e->res + w * W * FM_NRES, d->flows, FM_RES_SHARE};
	double t = ((double)(int)(d->t * r->pr->T) + 1) / r->pr->T; /* on the grid of T steps */

	memcpy(s->tok + at * FM_NTOK, tok, sizeof *s->tok * W * FM_NTOK);
	fm_process_corrupt(r->pr, &clean, t, rng, &ex);
	if (d->of_label)
		weigh_labels(d->of_label, tok, W, ex.tok_weight);
	s->slot[i] = e->slot[w];
	s->span[i] = e->span[w];
	/* For one window in ten the class is hidden, so that the network learns both cases (Ho, Salimans 2022). */
	s->cls[i] = fm_rng_uniform(rng) < 0.1f ? (uint8_t)r->net->nclasses : e->cls[w];
	s->told = e->kind != NULL;
	s->kind[i] = s->told ? e->kind[w] : 0;
	s->t[i] = (float)t;
}

/* Forward, loss and, with a sink, backward of the B windows that are loaded. */
static void pass(const struct fm_batcher *r, struct shard *s, int B, const float *p, const struct fm_sink *sink,
		 struct fm_net_loss *loss)
{
	struct fm_net_in in = {B, s->tok_in, s->res_in, s->slot, s->span, s->cls, s->t, s->told ? s->kind : NULL};
	struct fm_net_target target = {s->tok, s->tok_weight, s->v, s->v_weight, r->pr->multinomial ? s->keep : NULL};

	fm_net_forward(r->net, p, s->work, &in);
	fm_net_backward(r->net, p, s->work, &in, &target, loss, sink);
}

/* The same, with each window's gradient clipped; returns how many were.  The gradient that is kept is 1/n of the
 * window's own. */
static int clipped_pass(const struct fm_batcher *r, struct shard *s, int B, struct fm_net_loss *loss, float *grad)
{
	const struct fm_batch *j = r->batch;
	int clipped = 0;

	fm_kept_begin(s->kept, 1);
	pass(r, s, B, j->p, &(struct fm_sink){.kept = s->kept}, loss);
	s->failed |= fm_kept_check(s->kept, NULL) < 0;
	for (int i = 0; i < B && !s->failed; i++) {
		double norm = j->n * sqrt(fm_kept_norm2(s->kept, i));
		/* A gradient that is not a number stays in, so that the trainer sees it. */
		fm_kept_add(s->kept, i, norm > j->clip ? (float)(j->clip / norm) : 1, grad);
		clipped += norm > j->clip;
	}
	return clipped;
}

/* Windows [first, first + B) of the batch. */
static void run_shard(const struct fm_batcher *r, struct shard *s, int first, int B, struct fm_net_loss *loss,
		      float *grad, int *clipped)
{
	const struct fm_batch *j = r->batch;
	struct fm_sink sink = {
	    .g = grad, .weight = j->weight ? j->weight + first : NULL, .norm2 = j->norm2 ? j->norm2 + first : NULL};

	for (int i = 0; i < B; i++) {
		int b = first + i;
		struct fm_rng rng;
		fm_rng_init(&rng, j->seed, j->stream, (uint64_t)b, j->step);
		/* Stratified in t over the batch. */
		double t = ((double)b + fm_rng_uniform53(&rng)) / j->n;
		struct draw d = {j->data, j->window[b], t, (double)j->n * (double)r->net->arch.window, j->of_label};
		load(r, s, i, &d, &rng);
	}
	if (grad && j->clip > 0)
		*clipped += clipped_pass(r, s, B, loss, grad);
	else
		pass(r, s, B, j->p, grad || j->norm2 ? &sink : NULL, loss);
}

void fm_batch_draws(struct fm_batcher *b, int thread, const struct fm_draws *d, const uint32_t *window, int n,
		    struct fm_kept *kept)
{
	struct shard *s = &b->shard[thread];
	struct fm_net_loss loss = {{0}, {0}};

	assert(n * d->draws <= b->most);
	for (int i = 0; i < n * d->draws; i++) {
		uint64_t w = window[i / d->draws], k = (uint64_t)(i % d->draws);
		struct fm_rng rng;
		fm_rng_init(&rng, d->seed, FM_RNG_NOISE, w * (uint64_t)d->draws + k, d->step);
		/* Stratified in t over the draws of a window. */
		double t = ((double)k + fm_rng_uniform53(&rng)) / d->draws;
		struct draw draw = {d->data, w, t, (double)d->draws * (double)b->net->arch.window, NULL};
		load(b, s, i, &draw, &rng);
	}
	fm_kept_begin(kept, d->draws);
	pass(b, s, n * d->draws, d->p, &(struct fm_sink){.kept = kept}, &loss);
}

static void run_part(void *ctx, int job, int thread)
{
	struct fm_batcher *r = ctx;
	size_t i = r->first + (size_t)job;
	int n = r->batch->n, from = (int)((size_t)n * i / (size_t)r->parts),
	    to = (int)((size_t)n * (i + 1) / (size_t)r->parts);
	float *grad = r->grad ? r->grad[i] : NULL;
	struct part *part = &r->of[i];

	memset(part, 0, sizeof *part);
	if (grad)
		memset(grad, 0, sizeof(float) * r->net->layout.nfloats);
	for (int b = from; r->batch->norm2 && b < to; b++)
		r->batch->norm2[b] = 0;
	for (int b = from; b < to; b += FM_SHARD_WINDOWS)
		run_shard(r, &r->shard[thread], b, to - b < FM_SHARD_WINDOWS ? to - b : FM_SHARD_WINDOWS, &part->loss,
			  grad, &part->clipped);
}

/* Send each rank's results of its parts to all ranks. */
static void share_losses(struct fm_batcher *b)
{
	struct fm_parcel parcel[FM_RANKS_MOST];
	size_t n = 0, from, to;

	for (int r = 0; r < fm_ranks_size(b->ranks); r++) {
		fm_ranks_range(r, fm_ranks_size(b->ranks), (size_t)b->parts, &from, &to);
		if (from < to)
			parcel[n++] = (struct fm_parcel){&b->of[from], (to - from) * sizeof *b->of, r, FM_RANKS_ALL};
	}
	if (b->missing.code >= 0 && fm_ranks_share(b->ranks, b->batch->step, parcel, n, &b->missing) >= 0)
		b->missing.code = FM_OK;
}

void fm_batch_run(struct fm_batcher *b, const struct fm_batch *batch, float **grad, struct fm_net_loss *loss)
{
	size_t to;

	b->batch = batch;
	b->grad = grad;
	b->parts = fm_parts_of(batch->n);
	if (b->ranks) {
		b->turn = !b->turn;
		b->of = b->shared + b->turn * FM_PARTS_MOST;
	}
	fm_ranks_range(fm_ranks_rank(b->ranks), fm_ranks_size(b->ranks), (size_t)b->parts, &b->first, &to);
	fm_pool_run(b->pool, (int)(to - b->first), run_part, b);
	if (b->ranks)
		share_losses(b);
	memset(loss, 0, sizeof *loss);
	for (int q = 0; q < b->parts; q++) {
		for (int c = 0; c < FM_NTOK; c++)
			loss->tok[c] += b->of[q].loss.tok[c];
		for (int k = 0; k < FM_NRES; k++)
			loss->res[k] += b->of[q].loss.res[k];
	}
}

double fm_loss_tokens(const struct fm_net_loss *loss)
{
	double sum = 0;
	for (int c = 0; c < FM_NTOK; c++)
		sum += loss->tok[c];
	return sum;
}
