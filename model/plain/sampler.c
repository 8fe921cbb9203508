/* sampler.c - windows of rows from noise. */
#include "model/plain/sampler.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/nn/draws.h"

enum { SHARD = 8 }; /* windows of a pass */

struct bench {
	struct fm_plain_work *work;
	float *x, *z, *x0; /* (SHARD * W, row) */
	float *seen;       /* (SHARD * W, seen), where the network sees x0 too */
	float *now;        /* (SHARD * W, row), what it predicts, where that is not the noise */
};

struct sampler {
	const struct fm_plain_net *net;
	const struct fm_plain_process *process;
	const struct fm_plain_codec *c;
	const float *p;
	const struct fm_plain_sample_opts *o;
	struct fm_table *t;
	struct bench *bench; /* one per thread */
	pthread_mutex_t lock;
	struct fm_progress bar;
	uint64_t done;
};

/* What the network reads: x, or x and what it said last, row by row. */
static const float *see(const struct fm_plain_net *net, struct bench *b, int B)
{
	size_t row = (size_t)net->row, seen = (size_t)net->seen;

	if (seen == row)
		return b->x;
	for (size_t r = 0; r < (size_t)B * (size_t)net->arch.window; r++) {
		memcpy(b->seen + r * seen, b->x + r * row, sizeof *b->x * row);
		memcpy(b->seen + r * seen + row, b->x0 + r * row, sizeof *b->x * row);
	}
	return b->seen;
}

/* x at next from x at t, for B windows beginning with number `first`; before: as fm_gauss_step_init has it. */
static void take_step(const struct sampler *s, struct bench *b, uint64_t first, int B, int step)
{
	int steps = s->o->steps, row = s->net->row, W = s->net->arch.window;
	bool cosine = s->process->cosine;
	double t = (double)step / steps;
	struct fm_gauss_step q;
	const float *said;
	float time[SHARD];

	for (int i = 0; i < B; i++)
		time[i] = (float)t;
	said = fm_plain_forward(s->net, s->p, b->work, B, see(s->net, b, B), time);
	if (b->now) {
		fm_plain_clean(s->c, fm_alpha_bar(cosine, t), b->x, row, said, B * W, b->now);
		said = b->now;
	}
	fm_gauss_step_init(&q, s->process->predicts, s->o->solver, fm_alpha_bar(cosine, t),
			   step > 1 ? fm_alpha_bar(cosine, (double)(step - 1) / steps) : 1,
			   step < steps ? fm_alpha_bar(cosine, (double)(step + 1) / steps) : 0);
	for (int i = 0; i < B; i++) {
		size_t n = (size_t)W * (size_t)row, at = (size_t)i * n;
		struct fm_rng r;

		fm_rng_init(&r, s->o->seed, FM_RNG_SAMPLE, first + (uint64_t)i, (uint32_t)step);
		if (q.sigma > 0)
			fm_draw_normal_row(&r, b->z + at, (int)n);
		for (size_t k = 0; k < n; k++) {
			b->x[at + k] =
			    fm_gauss_step(&q, s->c->most[k % (size_t)row], b->x[at + k], said[at + k], &b->x0[at + k]);
			if (q.sigma > 0)
				b->x[at + k] += q.sigma * b->z[at + k];
		}
	}
}

static void sample_shard(void *ctx, int shard, int thread)
{
	struct sampler *s = ctx;
	struct bench *b = &s->bench[thread];
	uint64_t W = (uint64_t)s->net->arch.window, first = (uint64_t)shard * SHARD, all = (s->o->rows + W - 1) / W;
	int B = all - first < SHARD ? (int)(all - first) : SHARD;
	uint64_t from = first * W, to = from + (uint64_t)B * W < s->o->rows ? from + (uint64_t)B * W : s->o->rows;

	for (int i = 0; i < B; i++) {
		size_t n = (size_t)W * (size_t)s->net->row;
		struct fm_rng r;

		fm_rng_init(&r, s->o->seed, FM_RNG_SAMPLE, first + (uint64_t)i, 0);
		fm_draw_normal_row(&r, b->x + (size_t)i * n, (int)n);
		memset(b->x0 + (size_t)i * n, 0, sizeof *b->x0 * n);
	}
	for (int step = s->o->steps; step > 0; step--)
		take_step(s, b, first, B, step);
	for (uint64_t i = from; i < to; i++)
		fm_plain_decode(s->c, b->x + (size_t)(i - from) * (size_t)s->net->row, s->t, (size_t)i);
	pthread_mutex_lock(&s->lock);
	s->done += to - from;
	fm_progress_step(&s->bar, s->done, NULL);
	pthread_mutex_unlock(&s->lock);
}

static int bench_init(struct bench *b, const struct fm_plain_net *net, const struct fm_plain_process *process,
		      struct fm_error *err)
{
	size_t rows = (size_t)SHARD * (size_t)net->arch.window, n = rows * (size_t)net->row;
	int rc;

	if ((rc = fm_plain_work_new(&b->work, net, SHARD, err)) < 0 ||
	    (rc = fm_alloc(&b->x, n, sizeof *b->x, "a batch", err)) < 0 ||
	    (rc = fm_alloc(&b->z, n, sizeof *b->z, "a batch", err)) < 0)
		return rc;
	if (process->predicts != FM_PREDICTS_NOISE && (rc = fm_alloc(&b->now, n, sizeof *b->now, "a batch", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&b->x0, n, sizeof *b->x0, "a batch", err)) < 0 || net->seen == net->row)
		return rc;
	return fm_alloc(&b->seen, rows * (size_t)net->seen, sizeof *b->seen, "a batch", err);
}

static void bench_close(struct bench *b)
{
	fm_plain_work_free(b->work);
	free(b->x);
	free(b->z);
	free(b->x0);
	free(b->now);
	free(b->seen);
}

static int check(const struct fm_plain_process *process, const struct fm_plain_sample_opts *o, struct fm_error *err)
{
	if (o->steps < 1 || o->steps > process->T)
		return fm_fail(err, FM_EINPUT, "generate.steps is %d: give 1 to model.steps (%d)", o->steps,
			       process->T);
	if (o->rows > (uint64_t)INT32_MAX)
		return fm_fail(err, FM_EINPUT, "generate.rows is %llu: a shard has at most %d",
			       (unsigned long long)o->rows, INT32_MAX);
	return FM_OK;
}

int fm_plain_sample(struct fm_table **table, const struct fm_plain_net *net, const struct fm_plain_process *process,
		    const struct fm_plain_codec *c, const float *p, const struct fm_plain_sample_opts *o,
		    struct fm_error *err)
{
	struct sampler s = {.net = net, .process = process, .c = c, .p = p, .o = o, .lock = PTHREAD_MUTEX_INITIALIZER};
	int threads = o->pool ? fm_pool_size(o->pool) : 1, rc;
	uint64_t shard = (uint64_t)SHARD * (uint64_t)net->arch.window;

	*table = NULL;
	if ((rc = check(process, o, err)) < 0 ||
	    (rc = fm_alloc(&s.bench, (size_t)threads, sizeof *s.bench, "work space", err)) < 0)
		goto out;
	for (int i = 0; i < threads; i++)
		if ((rc = bench_init(&s.bench[i], net, process, err)) < 0)
			goto out;
	if ((rc = fm_row_table_new(table, &c->flows, (size_t)o->rows, err)) < 0)
		goto out;
	s.t = *table;
	fm_progress_begin(&s.bar, "generate", "flows", o->rows);
	fm_pool_run(o->pool, (int)((o->rows + shard - 1) / shard), sample_shard, &s);
	fm_progress_end(&s.bar, NULL);
out:
	for (int i = 0; s.bench && i < threads; i++)
		bench_close(&s.bench[i]);
	free(s.bench);
	return rc;
}
