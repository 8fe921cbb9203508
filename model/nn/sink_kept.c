/* sink_kept.c - gradients of single records. */
#include "model/nn/sink_kept.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PIECE (1 << 14) /* numbers of a product that are made at once */

/* A part of a record's gradient: numbers at `at` of the layout, in mem; or, with R > 0, a product in^T d of R rows. */
struct part {
	int record, R;
	size_t at, n;        /* n: in.cols d.cols, of a product */
	size_t from, d;      /* where in mem: the numbers or in, and d */
	int cols, stride, m; /* of in; m: of d, without gaps */
};

struct fm_kept {
	const struct fm_kernels *k;
	struct fm_scratch scratch;
	fm_real *space; /* FM_SINK_SPACE */
	int draws;
	fm_real *mem;
	size_t used, size;
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
	if ((rc = fm_alloc(&k->space, FM_SINK_SPACE, sizeof *k->space, "gradients of records", err)) < 0) {
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
	free(k->space);
	free(k->mem);
	free(k->part);
	free(k);
}

void fm_kept_begin(struct fm_kept *k, int draws)
{
	k->draws = draws > 1 ? draws : 1;
	k->used = k->n = 0;
	k->failed = false;
}

int fm_kept_check(const struct fm_kept *k, struct fm_error *err)
{
	return k->failed ? fm_fail(err, FM_ESYSTEM, "out of memory for the gradients of records") : FM_OK;
}

/* ---- room ---- */

static void *grown(void *old, size_t used, size_t *size, size_t want, size_t each)
{
	size_t n = *size > 0 ? *size : 1024;
	void *p;

	while (n < want)
		n += n / 2;
	if (!(p = fm_calloc(n, each)))
		return NULL;
	if (used > 0)
		memcpy(p, old, used * each);
	free(old);
	*size = n;
	return p;
}

/* Room for n numbers, not set; SIZE_MAX when there is none. */
static size_t take(struct fm_kept *k, size_t n)
{
	size_t at = k->used;

	n = (n + 15) & ~(size_t)15;
	if (!k->failed && at + n > k->size) {
		fm_real *p = grown(k->mem, k->used, &k->size, at + n, sizeof *p);
		k->failed = !p;
		k->mem = p ? p : k->mem;
	}
	if (k->failed)
		return SIZE_MAX;
	k->used = at + n;
	return at;
}

static struct part *new_part(struct fm_kept *k, int record, size_t at, size_t n)
{
	if (!k->failed && k->n == k->room) {
		struct part *p = grown(k->part, k->n, &k->room, k->n + 1, sizeof *p);
		k->failed = !p;
		k->part = p ? p : k->part;
	}
	if (k->failed)
		return NULL;
	k->part[k->n] = (struct part){.record = record, .at = at, .n = n};
	return &k->part[k->n++];
}

/* n numbers of a record's at `at`, not set; NULL without memory.  Good until the next call. */
static fm_real *new_space(struct fm_kept *k, int record, size_t at, size_t n)
{
	size_t from = take(k, n);
	struct part *p = new_part(k, record, at, n);

	if (!p)
		return NULL;
	p->from = from;
	return k->mem + from;
}

static fm_real *new_zeros(struct fm_kept *k, int record, size_t at, size_t n)
{
	fm_real *x = new_space(k, record, at, n);

	if (x)
		memset(x, 0, sizeof *x * n);
	return x;
}

/* What a record's windows give one by one: the first makes the numbers, the others add to them. */
fm_real *fm_kept_numbers(struct fm_kept *k, int window, size_t at, int n)
{
	int record = window / k->draws;

	for (size_t i = window % k->draws > 0 ? k->n : 0; i-- > 0;)
		if (k->part[i].at == at && k->part[i].record == record)
			return k->mem + k->part[i].from;
	return new_zeros(k, record, at, (size_t)n);
}

/* ---- what the sink is given ---- */

static int first_row(const struct fm_rows *r, int i)
{
	return r->first ? r->first[i] : i * r->stride;
}

/* The rows of a record from the i-th of `rows` windows on: of all its windows with what lies between them. */
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

static size_t copy(struct fm_kept *k, struct fm_mat m, int R)
{
	size_t n = (size_t)(R - 1) * m.stride + m.cols, at = take(k, n);

	if (at != SIZE_MAX)
		memcpy(k->mem + at, m.x, sizeof *k->mem * n);
	return at;
}

static void product(struct fm_kept *k, int R, struct fm_mat in, struct fm_mat d, fm_real *g, int add)
{
	k->k->gemm(&k->scratch, FM_T, FM_N, in.cols, d.cols, R, in.x, in.stride, d.x, d.stride, g, d.cols, NULL, add);
}

/* Gram matrices are R^2 (n + m) multiplications more than the product, which is made in any case; but the product's
 * n m numbers then need not be written and read again.  SAVED is what a number of them costs, in multiplications. */
#define SAVED 24
static bool worth_keeping_factors(int R, struct fm_mat in, struct fm_mat d)
{
	double n = in.cols, m = d.cols;

	return d.stride == d.cols && in.stride <= in.cols && R * R <= FM_SINK_SPACE / 2 &&
	       (double)R * R * (n + m) < SAVED * n * m && R * (n + m) < n * m;
}

static void keep_outer(struct fm_kept *k, int record, int R, struct fm_mat in, struct fm_mat d, size_t w)
{
	size_t n = (size_t)in.cols * (size_t)d.cols, from, at;
	struct part *p;
	fm_real *g;

	if (R == 0)
		return;
	if (!worth_keeping_factors(R, in, d)) {
		if ((g = new_space(k, record, w, n)))
			product(k, R, in, d, g, 0);
		return;
	}
	from = copy(k, in, R);
	at = copy(k, d, R);
	if (!(p = new_part(k, record, w, n)))
		return;
	p->R = R;
	p->from = from;
	p->d = at;
	p->cols = in.cols;
	p->stride = in.stride;
	p->m = d.cols;
}

void fm_kept_outer(struct fm_kept *k, const struct fm_rows *rows, struct fm_mat in, struct fm_mat d, size_t w)
{
	bool whole = rows->n % k->draws == 0; /* else a record comes window by window */
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
			g = j < k->n ? k->mem + k->part[j].from
				     : new_zeros(k, (rows->window + i) / k->draws, row, (size_t)d.cols);
			if (g)
				k->k->add(g, from_row(d, l.source ? l.source[r] : r).x, (size_t)d.cols);
		}
	}
}

/* ---- what is made of it ---- */

/* Two Gram matrices (R, R). */
static double gram_norm2(struct fm_kept *k, const struct part *p)
{
	const fm_real *in = k->mem + p->from, *d = k->mem + p->d;
	fm_real *a = k->space, *b = a + FM_SINK_SPACE / 2;
	double sum = 0;

	k->k->gemm(&k->scratch, FM_N, FM_T, p->R, p->R, p->cols, in, p->stride, in, p->stride, a, p->R, NULL, 0);
	k->k->gemm(&k->scratch, FM_N, FM_T, p->R, p->R, p->m, d, p->m, d, p->m, b, p->R, NULL, 0);
	for (int i = 0; i < p->R * p->R; i++)
		sum += (double)a[i] * (double)b[i];
	return sum < 0 ? 0 : sum; /* NaN stays */
}

double fm_kept_norm2(struct fm_kept *k, int record)
{
	double sum = 0;

	for (size_t i = 0; i < k->n; i++) {
		const struct part *p = &k->part[i];
		if (p->record == record)
			sum += p->R > 0 ? gram_norm2(k, p) : k->k->sumsq(k->mem + p->from, p->n);
	}
	return sum;
}

/* What becomes of a piece x (n) of a gradient, which lies at `at`. */
struct use {
	void (*piece)(struct fm_kept *k, struct use *u, const fm_real *x, size_t n, size_t at);
	fm_real factor, *g;
	int sign;
	int64_t *sum;
	uint64_t squares;
};

/* A record's gradient, piece by piece; each number of it once. */
static void walk(struct fm_kept *k, int record, struct use *u)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct part *p = &k->part[i];
		if (p->record != record)
			continue;
		if (p->R == 0) {
			u->piece(k, u, k->mem + p->from, p->n, p->at);
			continue;
		}
		int most = PIECE / p->m > 0 ? PIECE / p->m : 1;
		for (int c = 0; c < p->cols; c += most) {
			int n = p->cols - c < most ? p->cols - c : most;
			k->k->gemm(&k->scratch, FM_T, FM_N, n, p->m, p->R, k->mem + p->from + c, p->stride,
				   k->mem + p->d, p->m, k->space, p->m, NULL, 0);
			u->piece(k, u, k->space, (size_t)n * p->m, p->at + (size_t)c * p->m);
		}
	}
}

static void add_piece(struct fm_kept *k, struct use *u, const fm_real *x, size_t n, size_t at)
{
	k->k->axpy(u->g + at, u->factor, x, n);
}

void fm_kept_add(struct fm_kept *k, int record, fm_real weight, fm_real *g)
{
	struct use u = {.piece = add_piece, .factor = weight, .g = g};

	walk(k, record, &u);
}

static void add_steps(struct fm_kept *k, struct use *u, const fm_real *x, size_t n, size_t at)
{
	const uint64_t most = (uint64_t)1 << 62;

	for (size_t i = 0; i < n; i += FM_STEPS_N) {
		size_t m = n - i < FM_STEPS_N ? n - i : FM_STEPS_N;
		uint64_t squares = k->k->steps(u->sum + at + i, x + i, m, u->factor, u->sign);
		u->squares = squares < most - u->squares ? u->squares + squares : most;
	}
}

uint64_t fm_kept_steps(struct fm_kept *k, int record, fm_real factor, int sign, int64_t *sum)
{
	struct use u = {.piece = add_steps, .factor = factor, .sign = sign, .sum = sum};

	walk(k, record, &u);
	return u.squares;
}
