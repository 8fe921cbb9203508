/*
 * denoiser.c - how fast denoisers train and predict, in the shapes of a peer's benchmark (tests/bench_torch.sh):
 *
 *     transformer   16 features of 32 flows -> 128, 4 layers of 4 heads, 512 inside; batch 64 windows
 *     mlp           213 -> 128 -> 1024 -> 512 -> 512 -> 512 -> 213; batch 4096 rows
 *
 * with a time step each, squared error, AdamW with EMA, on THREADS threads (2) for SECONDS seconds (5) each.  The
 * transformer is the product's own backbone, conditioned layer by layer; the MLP is made of the same kernels.  A batch
 * is cut into parts with a gradient each, as in training, so the loss printed is the same for any number of threads.
 * Lines:
 *
 *     NAME train|forward MEDIAN flows/s  BEST flows/s  CPU seconds a step  N steps
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/kernels.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/thread.h"
#include "model/nn/layers.h"

enum { PARTS = 8, CHUNK = 65536, TIME = 128, MAXSTEPS = 100000 };

/* What is measured: `rows` rows a part of `in` numbers, the same number out. */
struct task {
	const char *name;
	int rows, in;
	size_t space; /* numbers of work space a thread */
	void (*declare)(struct fm_layout *l);
	/* out (rows, in) from x (rows, in) and the time steps' sinusoids. */
	void (*forward)(const struct fm_pass *q, const float *x, const float *t, float *space, float *out);
	/* d (rows, in), the gradient of out, is destroyed. */
	void (*backward)(const struct fm_pass *q, const float *x, float *space, float *d);
};

static float *take(float **p, size_t n)
{
	float *x = *p;
	*p += (n + 15) & ~(size_t)15;
	return x;
}

/* Sinusoids of t at TIME/2 frequencies: e (n, TIME). */
static void embed(const struct fm_kernels *k, const float *t, int n, float *e)
{
	float a[TIME / 2];
	for (int i = 0; i < n; i++, e += TIME) {
		for (int j = 0; j < TIME / 2; j++)
			a[j] = t[i] * expf(-9.2103404f * (float)j / (TIME / 2));
		k->sincos(e, e + TIME / 2, a, TIME / 2);
	}
}

/* ---- transformer ---- */

enum { W = 32, D = 128, FEAT = 16, WINDOWS = 64 / PARTS, TROWS = WINDOWS * W };
static const struct fm_arch arch = {W, D, 4, 4, 512};
static size_t tr_in, tr_inb, tr_pos, tr_t1, tr_t1b, tr_t2, tr_t2b, tr_out, tr_outb, tr_backbone[FM_MAXTENSORS];

static void tr_declare(struct fm_layout *l)
{
	tr_in = fm_layout_add(l, FEAT, D, 0.1f, "in.weight");
	tr_inb = fm_layout_add(l, 1, D, 0, "in.bias");
	tr_pos = fm_layout_add(l, W, D, 0.05f, "position");
	tr_t1 = fm_layout_add(l, TIME, D, 0.05f, "time1.weight");
	tr_t1b = fm_layout_add(l, 1, D, 0, "time1.bias");
	tr_t2 = fm_layout_add(l, D, D, 0.05f, "time2.weight");
	tr_t2b = fm_layout_add(l, 1, D, 0, "time2.bias");
	fm_transformer.declare(&arch, l, tr_backbone);
	tr_out = fm_layout_add(l, D, FEAT, 0.05f, "out.weight");
	tr_outb = fm_layout_add(l, 1, FEAT, 0, "out.bias");
}

struct tr_space {
	float *x, *h, *e, *t1, *t1a, *c, *dc, *d1, *backbone;
};

static struct tr_space tr_take(float *p)
{
	struct tr_space s;
	s.x = take(&p, TROWS * D);
	s.h = take(&p, TROWS * D);
	s.e = take(&p, WINDOWS * TIME);
	s.t1 = take(&p, WINDOWS * D);
	s.t1a = take(&p, WINDOWS * D);
	s.c = take(&p, WINDOWS * D);
	s.dc = take(&p, WINDOWS * D);
	s.d1 = take(&p, WINDOWS * D);
	s.backbone = p;
	return s;
}

static void tr_forward(const struct fm_pass *q, const float *x, const float *t, float *space, float *out)
{
	struct tr_space s = tr_take(space);
	embed(q->k, t, WINDOWS, s.e);
	fm_linear(q, WINDOWS, (struct fm_affine){TIME, D, tr_t1, tr_t1b}, s.e, s.t1);
	q->k->silu(s.t1a, s.t1, WINDOWS * D);
	fm_linear(q, WINDOWS, (struct fm_affine){D, D, tr_t2, tr_t2b}, s.t1a, s.c);
	fm_linear(q, TROWS, (struct fm_affine){FEAT, D, tr_in, tr_inb}, x, s.x);
	for (int b = 0; b < WINDOWS; b++)
		q->k->add(s.x + b * W * D, q->p + tr_pos, W * D);
	struct fm_pass body = *q;
	body.act = s.backbone;
	fm_transformer.forward(&arch, tr_backbone, &body, s.x, s.c, s.h);
	fm_linear(q, TROWS, (struct fm_affine){D, FEAT, tr_out, tr_outb}, s.h, out);
}

static void tr_backward(const struct fm_pass *q, const float *x, float *space, float *d)
{
	struct tr_space s = tr_take(space);
	fm_linear_back(q, TROWS, (struct fm_affine){D, FEAT, tr_out, tr_outb}, s.h, d, s.h, 0);
	memset(s.dc, 0, sizeof(float) * WINDOWS * D);
	struct fm_pass body = *q;
	body.act = s.backbone;
	fm_transformer.backward(&arch, tr_backbone, &body, s.h, s.c, s.x, s.dc);
	for (int b = 0; b < WINDOWS; b++)
		q->k->add(q->sink->g + tr_pos, s.x + b * W * D, W * D);
	fm_linear_back(q, TROWS, (struct fm_affine){FEAT, D, tr_in, tr_inb}, x, s.x, NULL, 0);
	fm_linear_back(q, WINDOWS, (struct fm_affine){D, D, tr_t2, tr_t2b}, s.t1a, s.dc, s.d1, 0);
	q->k->silu_back(s.d1, s.t1, s.d1, WINDOWS * D);
	fm_linear_back(q, WINDOWS, (struct fm_affine){TIME, D, tr_t1, tr_t1b}, s.e, s.d1, NULL, 0);
}

/* ---- MLP ---- */

enum { MIN = 213, NHIDDEN = 4, MROWS = 4096 / PARTS };
static const int hidden[NHIDDEN + 1] = {TIME, 1024, 512, 512, 512};
static size_t ml_in, ml_inb, ml_t1, ml_t1b, ml_t2, ml_t2b, ml_w[NHIDDEN], ml_b[NHIDDEN], ml_out, ml_outb;

static void ml_declare(struct fm_layout *l)
{
	ml_in = fm_layout_add(l, MIN, TIME, 0.07f, "in.weight");
	ml_inb = fm_layout_add(l, 1, TIME, 0, "in.bias");
	ml_t1 = fm_layout_add(l, TIME, TIME, 0.05f, "time1.weight");
	ml_t1b = fm_layout_add(l, 1, TIME, 0, "time1.bias");
	ml_t2 = fm_layout_add(l, TIME, TIME, 0.05f, "time2.weight");
	ml_t2b = fm_layout_add(l, 1, TIME, 0, "time2.bias");
	for (int i = 0; i < NHIDDEN; i++) {
		ml_w[i] =
		    fm_layout_add(l, hidden[i], hidden[i + 1], 1.4f / sqrtf((float)hidden[i]), "layer%d.weight", i);
		ml_b[i] = fm_layout_add(l, 1, hidden[i + 1], 0, "layer%d.bias", i);
	}
	ml_out = fm_layout_add(l, hidden[NHIDDEN], MIN, 0.04f, "out.weight");
	ml_outb = fm_layout_add(l, 1, MIN, 0, "out.bias");
}

struct ml_space {
	float *e, *t1, *t1a, *t2, *d1, *d2;
	float *a[NHIDDEN + 1], *z[NHIDDEN + 1]; /* after and before the activation */
};

static struct ml_space ml_take(float *p)
{
	struct ml_space s;
	s.e = take(&p, MROWS * TIME);
	s.t1 = take(&p, MROWS * TIME);
	s.t1a = take(&p, MROWS * TIME);
	s.t2 = take(&p, MROWS * TIME);
	for (int i = 0; i <= NHIDDEN; i++) {
		s.a[i] = take(&p, (size_t)MROWS * hidden[i]);
		s.z[i] = take(&p, (size_t)MROWS * hidden[i]);
	}
	s.d1 = take(&p, MROWS * 1024);
	s.d2 = take(&p, MROWS * 1024);
	return s;
}

static void ml_forward(const struct fm_pass *q, const float *x, const float *t, float *space, float *out)
{
	struct ml_space s = ml_take(space);
	embed(q->k, t, MROWS, s.e);
	fm_linear(q, MROWS, (struct fm_affine){TIME, TIME, ml_t1, ml_t1b}, s.e, s.t1);
	q->k->silu(s.t1a, s.t1, MROWS * TIME);
	fm_linear(q, MROWS, (struct fm_affine){TIME, TIME, ml_t2, ml_t2b}, s.t1a, s.t2);
	fm_linear(q, MROWS, (struct fm_affine){MIN, TIME, ml_in, ml_inb}, x, s.a[0]);
	q->k->add(s.a[0], s.t2, MROWS * TIME);
	for (int i = 0; i < NHIDDEN; i++) {
		fm_linear(q, MROWS, (struct fm_affine){hidden[i], hidden[i + 1], ml_w[i], ml_b[i]}, s.a[i], s.z[i + 1]);
		q->k->silu(s.a[i + 1], s.z[i + 1],
			   (size_t)MROWS * hidden[i + 1]); /* the peer's is a ReLU, which costs less */
	}
	fm_linear(q, MROWS, (struct fm_affine){hidden[NHIDDEN], MIN, ml_out, ml_outb}, s.a[NHIDDEN], out);
}

static void ml_backward(const struct fm_pass *q, const float *x, float *space, float *d)
{
	struct ml_space s = ml_take(space);
	float *d1 = s.d1, *d2 = s.d2;
	fm_linear_back(q, MROWS, (struct fm_affine){hidden[NHIDDEN], MIN, ml_out, ml_outb}, s.a[NHIDDEN], d, d1, 0);
	for (int i = NHIDDEN - 1; i >= 0; i--) {
		q->k->silu_back(d1, s.z[i + 1], d1, (size_t)MROWS * hidden[i + 1]);
		fm_linear_back(q, MROWS, (struct fm_affine){hidden[i], hidden[i + 1], ml_w[i], ml_b[i]}, s.a[i], d1, d2,
			       0);
		float *swap = d1;
		d1 = d2;
		d2 = swap;
	}
	fm_linear_back(q, MROWS, (struct fm_affine){MIN, TIME, ml_in, ml_inb}, x, d1, NULL, 0);
	fm_linear_back(q, MROWS, (struct fm_affine){TIME, TIME, ml_t2, ml_t2b}, s.t1a, d1, d2, 0);
	q->k->silu_back(d2, s.t1, d2, MROWS * TIME);
	fm_linear_back(q, MROWS, (struct fm_affine){TIME, TIME, ml_t1, ml_t1b}, s.e, d2, NULL, 0);
}

/* ---- a step ---- */

struct run {
	const struct task *task;
	const struct fm_kernels *k;
	struct fm_layout layout;
	struct fm_pool *pool;
	struct fm_scratch **scratch; /* one a thread */
	float **space;
	float *p, *m, *v, *ema, *grad[PARTS];
	float *data, *x[PARTS], *noise[PARTS], *t[PARTS], *out[PARTS];
	double loss[PARTS], norm[64];
	uint32_t step;
	int train;
};

static void *get(size_t n, size_t size)
{
	void *p = NULL;
	if (posix_memalign(&p, 64, n * size) != 0) {
		fprintf(stderr, "denoiser: out of memory\n");
		exit(4);
	}
	memset(p, 0, n * size);
	return p;
}

/* n normal numbers (Box, Muller 1958); z and u hold n. */
static void normals(const struct fm_kernels *k, struct fm_rng *r, float *z, float *u, size_t n)
{
	size_t half = n / 2;
	for (size_t i = 0; i < half; i++) {
		u[i] = 1.0f - fm_rng_uniform(r);
		u[half + i] = 6.2831853f * fm_rng_uniform(r);
	}
	k->log(u, u, half);
	k->sincos(z, z + half, u + half, half);
	for (size_t i = 0; i < half; i++) {
		float s = sqrtf(-2 * u[i]);
		z[i] *= s;
		z[half + i] *= s;
	}
}

static void part_job(void *ctx, int part, int thread)
{
	struct run *r = ctx;
	const struct task *t = r->task;
	size_t n = (size_t)t->rows * t->in;
	struct fm_sink sink = {.g = r->grad[part]};
	struct fm_pass q = {.layers = &fm_layers_cpu,
			    .k = r->k,
			    .s = r->scratch[thread],
			    .p = r->p,
			    .sink = &sink,
			    .B = WINDOWS,
			    .W = W,
			    .D = D};
	if (r->train) {
		struct fm_rng rng;
		fm_rng_init(&rng, 1, FM_RNG_NOISE, (uint64_t)part, r->step);
		normals(r->k, &rng, r->noise[part], r->out[part], n);
		for (size_t i = 0; i < n; i++)
			r->x[part][i] = 0.7f * r->data[i] + 0.7f * r->noise[part][i];
		for (int i = 0; i < t->rows; i++)
			r->t[part][i] = (float)fm_rng_below(&rng, 1000);
		memset(r->grad[part], 0, sizeof(float) * r->layout.nfloats);
	}
	t->forward(&q, r->x[part], r->t[part], r->space[thread], r->out[part]);
	if (!r->train)
		return;
	double loss = 0;
	float scale = 2.0f / (float)(n * PARTS);
	for (size_t i = 0; i < n; i++) {
		float d = r->out[part][i] - r->noise[part][i];
		loss += (double)(d * d);
		r->out[part][i] = scale * d;
	}
	r->loss[part] = loss / (double)(n * PARTS);
	t->backward(&q, r->x[part], r->space[thread], r->out[part]);
}

static size_t chunk_size(const struct run *r, int chunk)
{
	size_t left = r->layout.nfloats - (size_t)chunk * CHUNK;
	return left < CHUNK ? left : CHUNK;
}

static void reduce_job(void *ctx, int chunk, int thread)
{
	struct run *r = ctx;
	size_t at = (size_t)chunk * CHUNK, n = chunk_size(r, chunk);
	(void)thread;
	for (int stride = 1; stride < PARTS; stride *= 2)
		for (int i = 0; i + stride < PARTS; i += 2 * stride)
			r->k->add(r->grad[i] + at, r->grad[i + stride] + at, n);
	r->norm[chunk] = r->k->sumsq(r->grad[0] + at, n);
}

static void update_job(void *ctx, int chunk, int thread)
{
	struct run *r = ctx;
	size_t at = (size_t)chunk * CHUNK, n = chunk_size(r, chunk);
	float c1 = 1 / (1 - powf(0.9f, (float)r->step)), c2 = 1 / (1 - powf(0.98f, (float)r->step));
	struct fm_adamw_rates by = {1, 1e-3f, 0.9f, 0.98f, c1, c2, 0.01f, 0.999f};
	(void)thread;
	r->k->adamw(r->p + at, r->m + at, r->v + at, r->ema + at, r->grad[0] + at, n, &by);
}

static void step(struct run *r)
{
	int chunks = (int)((r->layout.nfloats + CHUNK - 1) / CHUNK);
	r->step++;
	fm_pool_run(r->pool, PARTS, part_job, r);
	if (!r->train)
		return;
	fm_pool_run(r->pool, chunks, reduce_job, r);
	fm_pool_run(r->pool, chunks, update_job, r);
}

static double total(const struct run *r)
{
	double x = 0;
	for (int i = 0; i < PARTS; i++)
		x += r->loss[i];
	return x;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void measure(struct run *r, double seconds)
{
	static double took[MAXSTEPS];
	int n = 0;
	step(r);
	double first = total(r), start = fm_seconds(), cpu = (double)clock();
	while (n < 3 || (n < MAXSTEPS && fm_seconds() - start < seconds)) {
		double s = fm_seconds();
		step(r);
		took[n++] = fm_seconds() - s;
	}
	cpu = ((double)clock() - cpu) / CLOCKS_PER_SEC / n;
	qsort(took, (size_t)n, sizeof *took, ascending);
	double flows = (double)PARTS * r->task->rows;
	printf("%s %s %.0f flows/s median  %.0f best  CPU %.4f s a step, %d steps", r->task->name,
	       r->train ? "train" : "forward", flows / took[n / 2], flows / took[0], cpu, n);
	if (r->train)
		printf(", loss %.4f to %.4f", first, total(r));
	printf("\n");
	fflush(stdout);
}

static void bench(const struct task *t, int threads, double seconds)
{
	static struct run r;
	struct fm_error err;
	struct fm_rng rng;
	size_t n = (size_t)t->rows * t->in;
	memset(&r, 0, sizeof r);
	r.task = t;
	r.k = fm_kernels();
	t->declare(&r.layout);
	if (fm_pool_new(&r.pool, threads, &err) < 0) {
		fprintf(stderr, "denoiser: %s\n", err.message);
		exit(4);
	}
	r.scratch = get((size_t)threads, sizeof *r.scratch);
	r.space = get((size_t)threads, sizeof *r.space);
	for (int i = 0; i < threads; i++) {
		r.scratch[i] = get(1, sizeof *r.scratch[i]);
		r.space[i] = get(t->space, sizeof(float));
	}
	float **const all[] = {&r.p, &r.m, &r.v, &r.ema};
	for (size_t i = 0; i < 4; i++)
		*all[i] = get(r.layout.nfloats, sizeof(float));
	for (int i = 0; i < PARTS; i++) {
		r.grad[i] = get(r.layout.nfloats, sizeof(float));
		r.x[i] = get(n, sizeof(float));
		r.noise[i] = get(n, sizeof(float));
		r.out[i] = get(n, sizeof(float));
		r.t[i] = get((size_t)t->rows, sizeof(float));
	}
	r.data = get(n, sizeof(float));
	fm_layout_init(&r.layout, r.p, 1);
	fm_rng_init(&rng, 2, FM_RNG_NOISE, 0, 0);
	normals(r.k, &rng, r.data, r.out[0], n);
	printf("%s: %zu parameters, %d rows a step, kernels %s, %d threads\n", t->name, r.layout.nfloats,
	       PARTS * t->rows, r.k->name, threads);
	r.train = 1;
	measure(&r, seconds);
	r.train = 0;
	measure(&r, seconds / 2);
	for (int i = 0; i < threads; i++) {
		free(r.scratch[i]);
		free(r.space[i]);
	}
	for (int i = 0; i < PARTS; i++) {
		free(r.grad[i]);
		free(r.x[i]);
		free(r.noise[i]);
		free(r.out[i]);
		free(r.t[i]);
	}
	for (size_t i = 0; i < 4; i++)
		free(*all[i]);
	free(r.scratch);
	free(r.space);
	free(r.data);
	fm_pool_free(r.pool);
}

int main(int argc, char **argv)
{
	const char *which = argc > 1 ? argv[1] : "all";
	int threads = argc > 2 ? atoi(argv[2]) : 2;
	double seconds = argc > 3 ? atof(argv[3]) : 5;
	if (threads < 1 || threads > 1024 || !(seconds >= 0)) {
		fprintf(stderr, "usage: denoiser [all|transformer|mlp [THREADS [SECONDS]]]\n");
		return 2;
	}
	const struct task tr = {
	    "transformer", TROWS,
	    FEAT,          2 * TROWS * D + 6 * WINDOWS * D + 256 + fm_transformer.act_floats(&arch, WINDOWS),
	    tr_declare,    tr_forward,
	    tr_backward};
	const struct task ml = {"mlp",      MROWS,
				MIN,        (size_t)MROWS * (4 * TIME + 2 * (TIME + 1024 + 3 * 512) + 2 * 1024) + 1024,
				ml_declare, ml_forward,
				ml_backward};
	if (strcmp(which, "mlp") != 0)
		bench(&tr, threads, seconds);
	if (strcmp(which, "transformer") != 0)
		bench(&ml, threads, seconds);
	return 0;
}
