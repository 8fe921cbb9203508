/* record_net.c - absorbing diffusion over rows of tokens. */
#include "model/diffusion/record_net.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/diffusion/trainer.h"
#include "model/nn/layers.h"
#include "model/nn/optimiser.h"

#define PARTS 8 /* parts of a batch of records, whose gradients meet in one tree */

enum { ROWS = FM_RECORD_ROWS }; /* records of a pass */

/* What one thread needs. */
struct work {
	struct fm_scratch scratch;
	fm_real *mem, *space;
	fm_real *x, *h, *dh;                        /* (ROWS, places, D) */
	fm_real *rows, *drows;                      /* (ROWS, D) */
	fm_real *e, *t1, *t1a, *cpre, *c, *dc, *d1; /* (ROWS, D) */
	fm_real *logits;                            /* (ROWS, largest vocabulary) */
	fm_real *act;                               /* the backbone's */
	int index[ROWS], first[ROWS + 1];           /* records in which a column is masked */
	int source[ROWS], *lookup;                  /* (ROWS, places) */
	float t[ROWS], weight[ROWS];                /* share that is masked, and the weight of a masked column */
	uint16_t *in, *tok;                         /* (ROWS, columns) */
	double loss;
};

struct fm_record_space {
	const struct fm_record_net *net;
	struct fm_pool *pool;
	int n;
	struct work *work;
	/* of the run under way */
	const float *p;
	const struct fm_records *records;
	const uint32_t *record;
	size_t count;
	uint64_t seed;
	uint32_t step;
	float **part; /* (PARTS), or NULL */
	double loss[PARTS];
	const bool *given;
	uint16_t *out;
};

/* ---- work space ---- */

static int work_init(struct work *w, const struct fm_record_net *net, struct fm_error *err)
{
	size_t D = (size_t)net->arch.width, W = (size_t)net->arch.window, V = 0, columns = (size_t)net->columns;
	int rc;

	for (int c = 0; c < net->columns; c++)
		V = (size_t)net->vocab[c] > V ? (size_t)net->vocab[c] : V;
	fm_real **const long_ones[] = {&w->x, &w->h, &w->dh};
	fm_real **const each[] = {&w->rows, &w->drows, &w->e, &w->t1, &w->t1a, &w->cpre, &w->c, &w->dc, &w->d1};
	size_t m = sizeof long_ones / sizeof *long_ones, n = sizeof each / sizeof *each;
	size_t total = ((m * W + n) * D + V) * ROWS + 16;
	if ((rc = fm_alloc(&w->mem, total + net->backbone->act_floats(&net->arch, ROWS), sizeof *w->mem, "activations",
			   err)) < 0 ||
	    (rc = fm_alloc(&w->space, FM_SINK_SPACE, sizeof *w->space, "activations", err)) < 0 ||
	    (rc = fm_alloc(&w->lookup, ROWS * W, sizeof *w->lookup, "activations", err)) < 0 ||
	    (rc = fm_alloc(&w->in, ROWS * columns, sizeof *w->in, "tokens", err)) < 0 ||
	    (rc = fm_alloc(&w->tok, ROWS * columns, sizeof *w->tok, "tokens", err)) < 0)
		return rc;
	for (size_t i = 0; i < m; i++)
		*long_ones[i] = w->mem + i * ROWS * W * D;
	for (size_t i = 0; i < n; i++)
		*each[i] = w->mem + (m * W + i) * ROWS * D;
	w->logits = w->mem + (m * W + n) * ROWS * D;
	w->act = w->mem + ((total + 15) & ~(size_t)15) - 16;
	return FM_OK;
}

int fm_record_space_new(struct fm_record_space **out, const struct fm_record_net *net, struct fm_pool *pool,
			struct fm_error *err)
{
	struct fm_record_space *s = NULL;
	int n = pool ? fm_pool_size(pool) : 1, rc;

	*out = NULL;
	if ((rc = fm_alloc(&s, 1, sizeof *s, "work space", err)) < 0)
		return rc;
	s->net = net;
	s->pool = pool;
	if ((rc = fm_alloc(&s->work, (size_t)n, sizeof *s->work, "work space", err)) < 0)
		goto out;
	while (s->n < n)
		if ((rc = work_init(&s->work[s->n++], net, err)) < 0)
			goto out;
	*out = s;
	s = NULL;
out:
	fm_record_space_free(s);
	return rc;
}

void fm_record_space_free(struct fm_record_space *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->n; i++) {
		free(s->work[i].mem);
		free(s->work[i].space);
		free(s->work[i].lookup);
		free(s->work[i].in);
		free(s->work[i].tok);
	}
	free(s->work);
	free(s);
}

/* ---- forward and backward ---- */

static struct fm_pass pass_of(const struct fm_record_net *net, struct work *w, const float *p, int B,
			      const struct fm_sink *sink)
{
	return fm_pass_cpu(&net->arch, p, (struct fm_pass_room){&w->scratch, w->space, w->act}, B, sink);
}

static struct fm_affine time1(const struct fm_record_net *net)
{
	return (struct fm_affine){net->arch.width, net->arch.width, net->at_t1, net->at_t1b};
}

static struct fm_affine time2(const struct fm_record_net *net)
{
	return (struct fm_affine){net->arch.width, net->arch.width, net->at_t2, net->at_t2b};
}

/* The row of column c's place in record b, among the rows of all places. */
static int row_of(const struct fm_record_net *net, int b, int c)
{
	return b * net->arch.window + net->place[c];
}

static struct fm_lookup tokens(const struct fm_record_net *net, struct work *w, int B, int c)
{
	for (int b = 0; b < B; b++) {
		w->lookup[b] = w->in[b * net->columns + c];
		w->source[b] = row_of(net, b, c);
	}
	return (struct fm_lookup){w->lookup, w->source};
}

static struct fm_lookup places(const struct fm_record_net *net, const struct work *w, int B)
{
	int W = net->arch.window;

	for (int r = 0; r < B * W; r++)
		w->lookup[r] = r % W;
	return (struct fm_lookup){w->lookup, NULL};
}

/* w->h from w->in and w->t. */
static void forward(const struct fm_record_net *net, struct work *w, const float *p, int B)
{
	struct fm_pass q = pass_of(net, w, p, B, NULL);
	int D = net->arch.width, W = net->arch.window;

	memset(w->x, 0, sizeof *w->x * (size_t)B * (size_t)W * (size_t)D);
	if (W > 1)
		fm_lookup_add(&q, B * W, places(net, w, B), net->at_place, w->x);
	for (int c = 0; c < net->columns; c++)
		if (net->vocab[c] > 1)
			fm_lookup_add(&q, B, tokens(net, w, B, c), net->at_tok[c], w->x);
	fm_embed_time(net->k, D, w->t, B, w->e);
	fm_linear(&q, B, time1(net), w->e, w->t1);
	net->k->silu(w->t1a, w->t1, (size_t)B * (size_t)D);
	fm_linear(&q, B, time2(net), w->t1a, w->cpre);
	net->k->silu(w->c, w->cpre, (size_t)B * (size_t)D);
	net->backbone->forward(&net->arch, net->at_backbone, &q, w->x, w->c, w->h);
}

/* Logits of column c for the n records in w->index. */
static void head(const struct fm_record_net *net, struct work *w, const float *p, int c, int n)
{
	struct fm_pass q = pass_of(net, w, p, n > 0 ? n : 1, NULL);
	int D = net->arch.width;

	for (int i = 0; i < n; i++)
		memcpy(w->rows + (size_t)i * D, w->h + (size_t)row_of(net, w->index[i], c) * D,
		       sizeof *w->rows * (size_t)D);
	fm_linear(&q, n, (struct fm_affine){D, net->vocab[c], net->at_out[c], net->at_outb[c]}, w->rows, w->logits);
}

/* The loss of column c, and with a sink its gradients. */
static void column_back(const struct fm_pass *q, const struct fm_record_net *net, struct work *w, int c)
{
	struct fm_rows rows = {0, q->B, w->first, 0, 0};
	int n = 0, D = q->D, V = net->vocab[c];

	for (int b = 0; b < q->B; b++) {
		w->first[b] = n;
		if (w->in[b * net->columns + c] == V)
			w->index[n++] = b;
	}
	w->first[q->B] = n;
	if (n == 0)
		return;
	head(net, w, q->p, c, n);
	for (int i = 0; i < n; i++) {
		fm_real weight = w->weight[w->index[i]];
		w->loss +=
		    (double)weight * (double)net->k->cross_entropy(w->logits + (size_t)i * V, V,
								   w->tok[w->index[i] * net->columns + c], weight);
	}
	if (!q->sink)
		return;
	struct fm_mat d = {w->logits, V, V};
	fm_sink_outer(q, &rows, (struct fm_mat){w->rows, D, D}, d, net->at_out[c]);
	fm_sink_bias(q, &rows, d, net->at_outb[c]);
	net->k->gemm(q->s, FM_N, FM_T, n, D, V, w->logits, V, q->p + net->at_out[c], V, w->drows, D, NULL, 0);
	for (int i = 0; i < n; i++)
		net->k->add(w->dh + (size_t)row_of(net, w->index[i], c) * D, w->drows + (size_t)i * D, (size_t)D);
}

static void backward(const struct fm_record_net *net, struct work *w, const float *p, int B, const struct fm_sink *sink)
{
	struct fm_pass q = pass_of(net, w, p, B, sink);
	struct fm_rows each = fm_rows_each(&q, 1), all = fm_rows_each(&q, q.W);
	struct fm_mat dx = {w->x, q.D, q.D};
	size_t n = (size_t)B * (size_t)q.D;

	memset(w->dh, 0, sizeof *w->dh * n * (size_t)q.W);
	for (int c = 0; c < net->columns; c++)
		if (net->vocab[c] > 1)
			column_back(&q, net, w, c);
	if (!sink)
		return;
	memset(w->dc, 0, sizeof *w->dc * n);
	net->backbone->backward(&net->arch, net->at_backbone, &q, w->dh, w->c, w->x, w->dc);
	for (int c = 0; c < net->columns; c++)
		if (net->vocab[c] > 1)
			fm_sink_table(&q, &each, tokens(net, w, B, c), dx, net->at_tok[c]);
	if (q.W > 1)
		fm_sink_table(&q, &all, places(net, w, B), dx, net->at_place);
	net->k->silu_back(w->dc, w->cpre, w->dc, n);
	fm_linear_back(&q, B, time2(net), w->t1a, w->dc, w->d1, 0);
	net->k->silu_back(w->d1, w->t1, w->d1, n);
	fm_linear_back(&q, B, time1(net), w->e, w->d1, NULL, 0);
}

/* ---- masks ---- */

/* Columns in a random order into order[used]. */
static void shuffled(const struct fm_record_net *net, struct fm_rng *rng, uint32_t order[FM_RECORD_COLUMNS])
{
	int n = 0;

	for (int c = 0; c < net->columns; c++)
		if (net->vocab[c] > 1)
			order[n++] = (uint32_t)c;
	fm_rng_shuffle(rng, order, (size_t)n);
}

/* Load a record as row i; u in [0, 1) decides how many columns are masked. */
static void load(const struct fm_record_net *net, struct work *w, int i, const uint16_t *tok, double u,
		 struct fm_rng *rng, double share)
{
	int masked = 1 + (int)(u * net->used);
	uint32_t order[FM_RECORD_COLUMNS];
	size_t columns = (size_t)net->columns;

	masked = masked > net->used ? net->used : masked;
	memcpy(w->tok + (size_t)i * columns, tok, sizeof *tok * columns);
	memcpy(w->in + (size_t)i * columns, tok, sizeof *tok * columns);
	shuffled(net, rng, order);
	for (int k = 0; k < masked; k++)
		w->in[(size_t)i * columns + order[k]] = (uint16_t)net->vocab[order[k]];
	w->t[i] = (float)masked / (float)net->used;
	w->weight[i] = (float)(share * net->used / masked);
}

/* ---- records for a learner ---- */

double fm_record_draws(const struct fm_record_learner *l, int thread, const float *p, const struct fm_lot *lot,
		       const struct fm_sink *sink)
{
	const struct fm_record_net *net = l->space->net;
	struct work *w = &l->space->work[thread];
	int draws = l->draws, rows = lot->n * draws;

	for (int i = 0; i < rows; i++) {
		uint64_t r = lot->record[i / draws], k = (uint64_t)(i % draws);
		struct fm_rng rng;
		fm_rng_init(&rng, lot->seed, FM_RNG_NOISE, r * (uint64_t)draws + k, lot->step);
		double u = ((double)k + fm_rng_uniform53(&rng)) / draws;
		load(net, w, i, l->records->tok + r * (size_t)net->columns, u, &rng, 1.0 / draws);
	}
	w->loss = 0;
	forward(net, w, p, rows);
	backward(net, w, p, rows, sink);
	return w->loss;
}

static void record_pass(void *ctx, int thread, const float *p, const struct fm_lot *lot, struct fm_kept *kept)
{
	const struct fm_record_learner *l = ctx;

	fm_kept_begin(kept, l->draws);
	fm_record_draws(l, thread, p, lot, &(struct fm_sink){.kept = kept});
}

struct fm_learner fm_learner_of_records(struct fm_record_learner *l)
{
	int most = ROWS / l->draws > 0 ? ROWS / l->draws : 1;

	return (struct fm_learner){&l->space->net->layout, l->records->n, l->draws, most, l, record_pass};
}

/* ---- records that are not private ---- */

/* Run a part of the batch: its gradient, or only its loss. */
static void run_part(void *ctx, int part, int thread)
{
	struct fm_record_space *s = ctx;
	struct work *w = &s->work[thread];
	size_t from = s->count * (size_t)part / PARTS, to = s->count * (size_t)(part + 1) / PARTS;
	struct fm_sink sink = {.g = s->part ? s->part[part] : NULL};

	if (sink.g)
		memset(sink.g, 0, sizeof(float) * s->net->layout.nfloats);
	w->loss = 0;
	for (size_t at = from; at < to; at += ROWS) {
		int B = to - at < ROWS ? (int)(to - at) : ROWS;
		for (int i = 0; i < B; i++) {
			size_t b = at + (size_t)i, r = s->record ? s->record[b] : b % s->records->n;
			struct fm_rng rng;
			fm_rng_init(&rng, s->seed, FM_RNG_JUDGE, b, s->step);
			load(s->net, w, i, s->records->tok + r * (size_t)s->net->columns, fm_rng_uniform53(&rng), &rng,
			     1.0 / (double)s->count);
		}
		forward(s->net, w, s->p, B);
		backward(s->net, w, s->p, B, sink.g ? &sink : NULL);
	}
	s->loss[part] = w->loss;
}

double fm_record_loss(struct fm_record_space *s, const float *p, const struct fm_records *r, int passes, uint64_t seed)
{
	double sum = 0;

	s->p = p;
	s->records = r;
	s->record = NULL;
	s->count = r->n * (size_t)passes;
	s->seed = seed;
	s->step = 0;
	s->part = NULL;
	fm_pool_run(s->pool, PARTS, run_part, s);
	for (int i = 0; i < PARTS; i++)
		sum += s->loss[i];
	return sum;
}

static void learn_steps(struct fm_record_space *s, const struct fm_record_learn_opts *o, struct fm_optimiser *optimiser,
			const struct fm_train_arrays *now, uint32_t *record)
{
	struct fm_progress bar;
	double b1 = 1, b2 = 1;

	fm_progress_begin(&bar, "start", "steps", (uint64_t)o->steps);
	for (int step = 0; step < o->steps; step++) {
		double d = (step + 1.0) / (step + 10.0);
		struct fm_rng rng;
		fm_rng_init(&rng, o->seed, FM_RNG_BATCH, 0, (uint32_t)step);
		for (int i = 0; i < o->batch; i++)
			record[i] = fm_rng_below(&rng, (uint32_t)s->records->n);
		s->step = (uint32_t)step;
		fm_pool_run(s->pool, PARTS, run_part, s);
		fm_optimiser_sum(optimiser, s->part, PARTS);
		struct fm_adamw how = {.beta1 = FM_BETA1,
				       .beta2 = FM_BETA2,
				       .beta1_t = b1 *= FM_BETA1,
				       .beta2_t = b2 *= FM_BETA2,
				       .rate = fm_train_rate(o->rate, o->warmup, step, o->steps),
				       .weight_decay = o->weight_decay,
				       .ema_decay = d < o->ema ? d : o->ema,
				       .scale = 1};
		fm_optimiser_step(optimiser, now, s->part[0], &how);
		fm_progress_step(&bar, (uint64_t)step + 1, NULL);
	}
	fm_progress_end(&bar, NULL);
}

int fm_record_learn(struct fm_record_space *s, const struct fm_records *r, const struct fm_record_learn_opts *o,
		    float *p, struct fm_error *err)
{
	size_t n = s->net->layout.nfloats;
	struct fm_train_arrays now = {.ema = p};
	struct fm_optimiser *optimiser = NULL;
	float *part[PARTS] = {NULL};
	uint32_t *record = NULL;
	int rc;

	if (r->n == 0 || r->n > UINT32_MAX || o->batch < 1)
		return fm_fail(err, FM_EINPUT, "nothing can be learned from %zu records, %d per step", r->n, o->batch);
	if ((rc = fm_optimiser_new(&optimiser, n, s->pool, err)) < 0 ||
	    (rc = fm_alloc(&record, (size_t)o->batch, sizeof *record, "a batch", err)) < 0 ||
	    (rc = fm_alloc(&now.w, n, sizeof(float), "weights", err)) < 0 ||
	    (rc = fm_alloc(&now.m, n, sizeof(float), "moments", err)) < 0 ||
	    (rc = fm_alloc(&now.v, n, sizeof(float), "moments", err)) < 0)
		goto out;
	for (int i = 0; i < PARTS; i++)
		if ((rc = fm_alloc(&part[i], n, sizeof(float), "gradients", err)) < 0)
			goto out;
	memcpy(now.w, p, sizeof *p * n);
	s->p = now.w;
	s->records = r;
	s->record = record;
	s->count = (size_t)o->batch;
	s->seed = o->seed;
	s->part = part;
	learn_steps(s, o, optimiser, &now, record);
out:
	s->part = NULL;
	fm_optimiser_free(optimiser);
	for (int i = 0; i < PARTS; i++)
		free(part[i]);
	free(record);
	free(now.w);
	free(now.m);
	free(now.v);
	return rc;
}

/* ---- sampling ---- */

#define LEAST 1e-6f /* least probability in a ratio: below it nothing is known */

static void load_masked(const struct fm_record_net *net, struct work *w, const uint16_t *tok, int n)
{
	memcpy(w->in, tok, sizeof *tok * (size_t)n * (size_t)net->columns);
	for (int b = 0; b < n; b++) {
		int masked = 0;

		for (int c = 0; c < net->columns; c++)
			masked += net->vocab[c] > 1 && tok[b * net->columns + c] == net->vocab[c];
		w->t[b] = (float)masked / (float)net->used;
		w->index[b] = b;
	}
}

/* Probabilities of column c under weights p, into w->logits (n, vocab[c]). */
static void chances(const struct fm_record_net *net, struct work *w, const float *p, int c, int n)
{
	forward(net, w, p, n);
	head(net, w, p, c, n);
	net->k->softmax(w->logits, w->logits, n, net->vocab[c], 1);
}

void fm_record_ratio(struct fm_record_space *s, int thread, const float *p, const float *q, const uint16_t *tok, int n,
		     int c, float most, float *ratio)
{
	const struct fm_record_net *net = s->net;
	struct work *w = &s->work[thread];
	size_t cells = (size_t)n * (size_t)net->vocab[c];

	load_masked(net, w, tok, n);
	chances(net, w, p, c, n);
	for (size_t i = 0; i < cells; i++)
		ratio[i] = (float)w->logits[i];
	chances(net, w, q, c, n);
	for (size_t i = 0; i < cells; i++) {
		float r = (ratio[i] + LEAST) / ((float)w->logits[i] + LEAST);

		ratio[i] = r > most ? most : r < 1 / most ? 1 / most : r;
	}
}

/* Move the columns of order[net->used] that are not given to the front; returns how many there are. */
static int without_given(const struct fm_record_space *s, uint32_t order[FM_RECORD_COLUMNS])
{
	int n = 0;

	for (int k = 0; k < s->net->used; k++)
		if (!s->given || !s->given[order[k]])
			order[n++] = order[k];
	return n;
}

/* Rows [ROWS part, ...): each shows one column per round, in an order of its own. */
static void sample_part(void *ctx, int part, int thread)
{
	struct fm_record_space *s = ctx;
	const struct fm_record_net *net = s->net;
	struct work *w = &s->work[thread];
	size_t from = (size_t)part * ROWS, columns = (size_t)net->columns;
	int B = s->count - from < ROWS ? (int)(s->count - from) : ROWS;
	uint32_t order[ROWS][FM_RECORD_COLUMNS];
	int rounds = 0;

	for (int b = 0; b < B; b++) {
		struct fm_rng rng;
		fm_rng_init(&rng, s->seed, FM_RNG_SAMPLE, from + (size_t)b, 0);
		shuffled(net, &rng, order[b]);
		rounds = without_given(s, order[b]);
		for (size_t c = 0; c < columns; c++)
			w->in[(size_t)b * columns + c] = s->given && s->given[c]
							     ? s->out[(from + (size_t)b) * columns + c]
							 : net->vocab[c] > 1 ? (uint16_t)net->vocab[c]
									     : 0;
	}
	for (int round = 0; round < rounds; round++) {
		for (int b = 0; b < B; b++)
			w->t[b] = (float)(rounds - round) / (float)net->used;
		forward(net, w, s->p, B);
		for (int c = 0; c < net->columns; c++) {
			int n = 0;
			for (int b = 0; b < B; b++)
				if (net->vocab[c] > 1 && order[b][round] == (uint32_t)c)
					w->index[n++] = b;
			if (n == 0)
				continue;
			head(net, w, s->p, c, n);
			for (int i = 0; i < n; i++) {
				size_t b = (size_t)w->index[i];
				struct fm_rng rng;
				fm_rng_init(&rng, s->seed, FM_RNG_SAMPLE, from + b, (uint32_t)round + 1);
				w->in[b * columns + (size_t)c] = (uint16_t)net->k->draw(
				    w->logits + (size_t)i * net->vocab[c], net->vocab[c], fm_rng_uniform(&rng));
			}
		}
	}
	memcpy(s->out + from * columns, w->in, sizeof *s->out * (size_t)B * columns);
}

void fm_record_sample(struct fm_record_space *s, const float *p, uint64_t seed, size_t n, const bool *given,
		      uint16_t *tok)
{
	s->given = given;
	s->p = p;
	s->seed = seed;
	s->count = n;
	s->out = tok;
	fm_pool_run(s->pool, (int)((n + ROWS - 1) / ROWS), sample_part, s);
}
