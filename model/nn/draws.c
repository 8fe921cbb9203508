/* draws.c - the random numbers of a batch, row by row. */
#include "model/nn/draws.h"

#define PIECE 256

struct job {
	const struct fm_draw_key *d;
	int what, n, rows;
	float *x;
	enum { NORMAL, GUMBEL, MASK } kind;
};

/* Uniform in (0, 1). */
static float open_uniform(uint32_t bits)
{
	return ((float)(int32_t)(bits >> 9) + 0.5f) * 0x1p-23f;
}

/* Box, Muller 1958. */
static void normal_piece(struct fm_rng *r, float *x, int n)
{
	const struct fm_kernels *k = fm_kernels();
	float u[PIECE / 2], a[PIECE / 2], s[PIECE / 2], c[PIECE / 2];
	uint32_t bits[PIECE];
	int half = (n + 1) / 2;

	fm_rng_fill(r, bits, 2 * (size_t)half);
	for (int i = 0; i < half; i++) {
		u[i] = open_uniform(bits[2 * i]);
		a[i] = 6.283185307179586f * open_uniform(bits[2 * i + 1]);
	}
	k->log(u, u, (size_t)half);
	k->sincos(s, c, a, (size_t)half);
	for (int i = 0; i < half; i++) {
		float f = __builtin_sqrtf(-2 * u[i]);

		x[i] = f * c[i];
		if (half + i < n)
			x[half + i] = f * s[i];
	}
}

void fm_draw_normal_row(struct fm_rng *r, float *x, int n)
{
	for (int at = 0; at < n; at += PIECE)
		normal_piece(r, x + at, n - at < PIECE ? n - at : PIECE);
}

static void gumbel_piece(struct fm_rng *r, float *x, int n)
{
	const struct fm_kernels *k = fm_kernels();
	uint32_t bits[PIECE];

	fm_rng_fill(r, bits, (size_t)n);
	for (int i = 0; i < n; i++)
		x[i] = open_uniform(bits[i]);
	k->log(x, x, (size_t)n);
	for (int i = 0; i < n; i++)
		x[i] = -x[i];
	k->log(x, x, (size_t)n);
	for (int i = 0; i < n; i++)
		x[i] = -x[i];
}

static void mask_piece(struct fm_rng *r, float *x, int n)
{
	uint32_t bits = 0;

	for (int i = 0; i < n; i++, bits >>= 1) {
		bits = i % 32 ? bits : fm_rng_u32(r);
		x[i] = bits & 1 ? 2.0f : 0.0f;
	}
}

static void draw_job(void *ctx, int from, int to, int thread)
{
	const struct job *j = ctx;

	(void)thread;
	for (int row = from; row < to; row++) {
		float *x = j->x + (size_t)row * (size_t)j->n;
		struct fm_rng r;

		fm_rng_init(&r, j->d->seed, j->d->stream, (uint64_t)j->what << 17 | (uint64_t)row, j->d->step);
		for (int at = 0; at < j->n; at += PIECE) {
			int n = j->n - at < PIECE ? j->n - at : PIECE;

			if (j->kind == NORMAL)
				normal_piece(&r, x + at, n);
			else if (j->kind == GUMBEL)
				gumbel_piece(&r, x + at, n);
			else
				mask_piece(&r, x + at, n);
		}
	}
}

static void run(struct job j)
{
	fm_pool_run_rows(j.d->pool, j.rows, draw_job, &j);
}

void fm_draw_normals(const struct fm_draw_key *d, int what, float *x, int rows, int n)
{
	run((struct job){d, what, n, rows, x, NORMAL});
}

void fm_draw_gumbels(const struct fm_draw_key *d, int what, float *x, int rows, int n)
{
	run((struct job){d, what, n, rows, x, GUMBEL});
}

void fm_draw_masks(const struct fm_draw_key *d, int what, float *x, int rows, int n)
{
	run((struct job){d, what, n, rows, x, MASK});
}
