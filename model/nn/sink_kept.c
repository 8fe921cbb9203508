/* sink_kept.c - gradients of single records. */
#include "model/nn/sink_kept.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PIECE (1 << 14) /* numbers of a product that are made at once */
#define BLOCK (1 << 19) /* numbers that are allocated at once: a large page */

/* A part of a record's gradient: numbers at `at` of the layout, in x; or, with R > 0, the product x^T d of R rows. */
struct part {
	int record, R;
	size_t at, n; /* n: in.cols d.cols, of a product */
	fm_real *x, *d;
	int cols, stride, m; /* of in; m: of d, without gaps */
	double norm2;        /* square of the norm, where it was computed when the numbers were made; else below 0 */
};

/* What is kept never moves: a full block is left as it is. */
struct block {
	fm_real *x;
	size_t used, size;
};

struct fm_kept {
	const struct fm_kernels *k;
	struct fm_scratch scratch;
	fm_real *space; /* FM_SINK_SPACE */
	int32_t *piece; /* (FM_SINK_SPACE), 0: sums of a piece's steps */
	int draws;
	struct block *block;
	size_t nblocks, roomblocks;
	struct part *part;
	size_t n, room;
	bool failed;
};

int fm_kept_new(struct fm_kept **out, struct fm_error *err)
{
	struct fm_kept *k = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&k, 1, sizeof *k, "gradients of records", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&k->space, FM_SINK_SPACE, sizeof *k->space, "gradients of records", err)) < 0 ||
	    (rc = fm_alloc(&k->piece, FM_SINK_SPACE, sizeof *k->piece, "gradients of records", err)) < 0) {
		fm_kept_free(k);
		return rc;
	}
	k->k = fm_kernels();
	k->draws = 1;
	*out = k;
	return FM_OK;
}

void fm_kept_free(struct fm_kept *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->nblocks; i++)
		free(k->block[i].x);
	free(k->block);
	free(k->space);
	free(k->piece);
	free(k->part);
	free(k);
}

void fm_kept_begin(struct fm_kept *k, int draws)
{
	k->draws = draws > 1 ? draws : 1;
	for (size_t i = 0; i < k->nblocks; i++)
		k->block[i].used = 0;
	k->n = 0;
	k->failed = false;
}

int fm_kept_check(const struct fm_kept *k, struct fm_error *err)
{
	return k->failed ? fm_fail(err, FM_ESYSTEM, "out of memory for the gradients of records") : FM_OK;
}

/* ---- room ---- */

static void *grown(void *old, size_t used, size_t *size, size_t each)
{
	size_t n = *size > 0 ? *size + *size / 2 : 64;
	void *p = fm_calloc(n, each);

	if (!p)
		return NULL;
	if (used > 0)
		memcpy(p, old, used * each);
	free(old);
	*size = n;
	return p;
}

static struct block *new_block(struct fm_kept *k, size_t size)
{
	struct block *b = &k->block[k->nblocks];

	if (k->nblocks == k->roomblocks) {
		if (!(b = grown(k->block, k->nblocks, &k->roomblocks, sizeof *b)))
			return NULL;
		k->block = b;
		b += k->nblocks;
	}
	if (fm_alloc_large(&b->x, size, sizeof *b->x, "gradients of records", NULL) < 0)
		return NULL;
	b->used = 0;
	b->size = size;
	k->nblocks++;
	return b;
}

/* Room for n numbers, not set; NULL when there is none. */
static fm_real *take(struct fm_kept *k, size_t n)
{
	struct block *b = k->block, *end = b + k->nblocks;
	fm_real *x;

	n = (n + 15) & ~(size_t)15;
	while (b < end && b->size - b->used < n)
		b++;
	if (b == end && (k->failed || !(b = new_block(k, n > BLOCK ? n : BLOCK)))) {
		k->failed = true;
		return NULL;
	}
	x = b->x + b->used;
	b->used += n;
	return x;
}

static struct part *new_part(struct fm_kept *k, int record, size_t at, size_t n)
{
	if (!k->failed && k->n == k->room) {
		struct part *p = grown(k->part, k->n, &k->room, sizeof *p);
		k->failed = !p;
		k->part = p ? p : k->part;
	}
	if (k->failed)
		return NULL;
	k->part[k->n] = (struct part){.record = record, .at = at, .n = n, .norm2 = -1};
	return &k->part[k->n++];
}

/* n numbers of a record, at `at` of the layout, not set; NULL without memory. */
static struct part *new_numbers(struct fm_kept *k, int record, size_t at, size_t n)
{
	fm_real *x = take(k, n);
	struct part *p = x ? new_part(k, record, at, n) : NULL;

	if (p)
		p->x = x;
	return p;
}

static fm_real *new_zeros(struct fm_kept *k, int record, size_t at, size_t n)
{
	struct part *p = new_numbers(k, record, at, n);

	return p ? memset(p->x, 0, sizeof *p->x * n) : NULL;
}

/* Gradients that the windows of a record give one by one: the first makes the numbers, the others add to them. */
fm_real *fm_kept_numbers(struct fm_kept *k, int window, size_t at, int n)
{
	int record = window / k->draws;

	for (size_t i = window % k->draws > 0 ? k->n : 0; i-- > 0;)
		if (k->part[i].at == at && k->part[i].record == record)
			return k->part[i].x;
	return new_zeros(k, record, at, (size_t)n);
}

/* ---- input from the sink ---- */

static int first_row(const struct fm_rows *r, int i)
{
	return r->first ? r->first[i] : i * r->stride;
}

/* The number of rows of a record from the i-th of `rows` windows on: those of all its windows and what is between
 * them. */
static int rows_of(const struct fm_rows *r, int i, int windows)
{
	if (r->first)
		return r->first[i + windows] - r->first[i];
	return (windows - 1) * r->stride + r->count;
}

static struct fm_mat from_row(struct fm_mat m, int row)
{
	m.x += (size_t)row * m.stride;
	return m;
}

static fm_real *copy(struct fm_kept *k, struct fm_mat m, int R)
{
	size_t n = (size_t)(R - 1) * m.stride + m.cols;
	fm_real *x = take(k, n);

	return x ? memcpy(x, m.x, sizeof *x * n) : NULL;
}

static void product(struct fm_kept *k, int R, struct fm_mat in, struct fm_mat d, fm_real *g, int add)
{
	k->k->gemm(&k->scratch, FM_T, FM_N, in.cols, d.cols, R, in.x, in.stride, d.x, d.stride, g, d.cols, NULL, add);
}

/* Gram matrices are R^2 (n + m) multiplications more than the product, which is made in any case; but the product's n m
 * numbers then need not be written and read again.  SAVED is the cost of one such number, in multiplications. */
#define SAVED 24
static bool worth_keeping_factors(int R, struct fm_mat in, struct fm_mat d)
{
	double n = in.cols, m = d.cols;

	return d.stride == d.cols && in.stride <= in.cols && R * R <= FM_SINK_SPACE / 2 &&
	       (double)R * R * (n + m) < SAVED * n * m && R * (n + m) < n * m;
}

static void keep_outer(struct fm_kept *k, int record, int R, struct fm_mat in, struct fm_mat d, size_t w)
{
	size_t n = (size_t)in.cols * (size_t)d.cols;
	struct part *p;
	fm_real *x, *y;

	if (R == 0)
		return;
	if (!worth_keeping_factors(R, in, d)) {
		if (!(p = new_numbers(k, record, w, n)))
			return;
		product(k, R, in, d, p->x, 0);
		p->norm2 = k->k->sumsq(p->x, n); /* while the product is in the cache */
		return;
	}
	if (!(x = copy(k, in, R)) || !(y = copy(k, d, R)) || !(p = new_part(k, record, w, n)))
		return;
	p->R = R;
	p->x = x;
	p->d = y;
	p->cols = in.cols;
	p->stride = in.stride;
	p->m = d.cols;
}

void fm_kept_outer(struct fm_kept *k, const struct fm_rows *rows, struct fm_mat in, struct fm_mat d, size_t w)
{
	bool whole = rows->n % k->draws == 0; /* if false, a record comes window by window */
	int step = whole ? k->draws : 1;

	for (int i = 0; i < rows->n; i += step) {
		int r = first_row(rows, i), R = rows_of(rows, i, step), window = rows->window + i;
		fm_real *g;
		if (whole)
			keep_outer(k, window / k->draws, R, from_row(in, r), from_row(d, r), w);
		else if ((g = fm_kept_numbers(k, window, w, in.cols * d.cols)))
			product(k, R, from_row(in, r), from_row(d, r), g, 1);
	}
}

void fm_kept_bias(struct fm_kept *k, const struct fm_rows *rows, struct fm_mat d, size_t b)
{
	bool whole = rows->n % k->draws == 0;
	int step = whole ? k->draws : 1;

	for (int i = 0; i < rows->n; i += step) {
		int r = first_row(rows, i), R = rows_of(rows, i, step), window = rows->window + i;
		fm_real *g;
		if (R == 0)
			continue;
		g = whole ? new_zeros(k, window / k->draws, b, (size_t)d.cols) : fm_kept_numbers(k, window, b, d.cols);
		if (g)
			k->k->colsum(g, from_row(d, r).x, R, d.cols);
	}
}

void fm_kept_table(struct fm_kept *k, const struct fm_rows *rows, struct fm_lookup l, struct fm_mat d, size_t at)
{
	assert(rows->n % k->draws == 0);
	for (int i = 0; i < rows->n; i += k->draws) {
		int from = first_row(rows, i), to = from + rows_of(rows, i, k->draws);
		size_t mine = k->n; /* the first of this record's rows of the table */
		for (int r = from; r < to && !k->failed; r++) {
			size_t row = at + (size_t)l.index[r] * (size_t)d.cols, j = mine;
			fm_real *g;
			if (l.index[r] < 0)
				continue;
			while (j < k->n && k->part[j].at != row)
				j++;
			g = j < k->n ? k->part[j].x : new_zeros(k, (rows->window + i) / k->draws, row, (size_t)d.cols);
			if (g)
				k->k->add(g, from_row(d, l.source ? l.source[r] : r).x, (size_t)d.cols);
		}
	}
}

/* ---- norms and sums ---- */

/* Two Gram matrices (R, R). */
static double gram_norm2(struct fm_kept *k, const struct part *p)
{
	fm_real *a = k->space, *b = a + FM_SINK_SPACE / 2;
	double sum = 0;

	k->k->gemm(&k->scratch, FM_N, FM_T, p->R, p->R, p->cols, p->x, p->stride, p->x, p->stride, a, p->R, NULL, 0);
	k->k->gemm(&k->scratch, FM_N, FM_T, p->R, p->R, p->m, p->d, p->m, p->d, p->m, b, p->R, NULL, 0);
	for (int i = 0; i < p->R * p->R; i++)
		sum += (double)a[i] * (double)b[i];
	return sum < 0 ? 0 : sum; /* NaN stays */
}

static double part_norm2(struct fm_kept *k, const struct part *p)
{
	if (p->R > 0)
		return gram_norm2(k, p);
	return p->norm2 < 0 ? k->k->sumsq(p->x, p->n) : p->norm2;
}

double fm_kept_norm2(struct fm_kept *k, int record)
{
	double sum = 0;

	for (size_t i = 0; i < k->n; i++)
		if (k->part[i].record == record)
			sum += part_norm2(k, &k->part[i]);
	return sum;
}

/* How many numbers of a part to make at once. */
static size_t piece_of(const struct part *p)
{
	return p->R == 0 ? p->n : (size_t)(PIECE / p->m > 0 ? PIECE / p->m : 1) * (size_t)p->m;
}

/* The n numbers of a part from the i-th on, a piece of it. */
static const fm_real *numbers(struct fm_kept *k, const struct part *p, size_t i, size_t n)
{
	if (p->R == 0)
		return p->x + i;
	k->k->gemm(&k->scratch, FM_T, FM_N, (int)(n / (size_t)p->m), p->m, p->R, p->x + i / (size_t)p->m, p->stride,
		   p->d, p->m, k->space, p->m, NULL, 0);
	return k->space;
}

void fm_kept_add(struct fm_kept *k, int record, fm_real weight, fm_real *g)
{
	for (const struct part *p = k->part; p < k->part + k->n; p++)
		for (size_t i = 0, n; p->record == record && i < p->n; i += n) {
			n = p->n - i < piece_of(p) ? p->n - i : piece_of(p);
			k->k->axpy(g + p->at + i, weight, numbers(k, p, i, n), n);
		}
}

/* ---- sums in steps ---- */

static uint64_t squares_added(uint64_t a, uint64_t b)
{
	const uint64_t most = (uint64_t)1 << 62;

	return b < most - a ? a + b : most;
}

/* Lock the stretch of the sum that `at` is in, until it is released; returns how many of the n numbers are in it. */
static size_t stretch_take(const struct fm_kept_sum *s, size_t at, size_t n, pthread_mutex_t **lock)
{
	size_t m = FM_STEPS_N - at % FM_STEPS_N;

	*lock = s->lock ? &s->lock[at / FM_STEPS_N % FM_KEPT_LOCKS] : NULL;
	if (*lock)
		pthread_mutex_lock(*lock);
	return n < m ? n : m;
}

static void stretch_release(pthread_mutex_t *lock)
{
	if (lock)
		pthread_mutex_unlock(lock);
}

/* Add n numbers at `at`, one stretch of the sum at a time. */
static uint64_t add_steps(struct fm_kept *k, const struct fm_kept_sum *s, const fm_real *x, size_t n, size_t at,
			  fm_real factor, int sign)
{
	uint64_t squares = 0;

	for (size_t i = 0, m; i < n; i += m) {
		pthread_mutex_t *lock;

		m = stretch_take(s, at + i, n - i, &lock);
		squares = squares_added(squares, k->k->steps(s->sum + at + i, x + i, m, factor, sign));
		stretch_release(lock);
	}
	return squares;
}

uint64_t fm_kept_steps(struct fm_kept *k, int record, fm_real factor, int sign, const struct fm_kept_sum *sum)
{
	uint64_t squares = 0;

	for (const struct part *p = k->part; p < k->part + k->n; p++)
		for (size_t i = 0, n; p->record == record && i < p->n; i += n) {
			n = p->n - i < piece_of(p) ? p->n - i : piece_of(p);
			squares =
			    squares_added(squares, add_steps(k, sum, numbers(k, p, i, n), n, p->at + i, factor, sign));
		}
	return squares;
}

/* Add the total of several records over a piece to the sum, which is then read and written once for all of them. */
static void add_piece(struct fm_kept *k, const struct fm_kept_sum *s, size_t n, size_t at)
{
	for (size_t i = 0, m; i < n; i += m) {
		pthread_mutex_t *lock;

		m = stretch_take(s, at + i, n - i, &lock);
		k->k->steps_move(s->sum + at + i, k->piece + i, m);
		stretch_release(lock);
	}
}

/* Go tensor by tensor: the parts of the next records go to the same stretch of the sum. */
void fm_kept_steps_all(struct fm_kept *k, const fm_real *factor, const struct fm_kept_sum *sum, uint64_t *squares)
{
	const struct part *p = k->part, *end = p + k->n, *next;

	for (; p < end; p = next) {
		size_t most = p->R == 0 && p->n > PIECE ? PIECE : piece_of(p);
		for (next = p + 1; next < end && next->at == p->at && next->n == p->n && next->R == p->R &&
				   next - p < FM_STEPS_TIMES;)
			next++;
		for (size_t i = 0, n; i < p->n; i += n) {
			n = p->n - i < most ? p->n - i : most;
			for (const struct part *q = p; q < next; q++) {
				const fm_real *x = numbers(k, q, i, n);
				for (size_t j = 0, m; j < n; j += m) {
					m = n - j < FM_STEPS_N ? n - j : FM_STEPS_N;
					squares[q->record] =
					    squares_added(squares[q->record],
							  k->k->steps32(k->piece + j, x + j, m, factor[q->record]));
				}
			}
			add_piece(k, sum, n, p->at + i);
		}
	}
}
