/* sink.c - sums, weighted sums and norms of gradients. */
#include "model/nn/sink.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "model/nn/sink_kept.h"

struct fm_rows fm_rows_each(const struct fm_pass *q, int count)
{
	return (struct fm_rows){0, q->B, NULL, count, count};
}

static int first_row(const struct fm_rows *r, int i)
{
	return r->first ? r->first[i] : i * r->stride;
}

static int row_count(const struct fm_rows *r, int i)
{
	return r->first ? r->first[i + 1] - r->first[i] : r->count;
}

/* The number of rows from the first row of the first window to the last row of the last. */
static int span_of(const struct fm_rows *r)
{
	return first_row(r, r->n - 1) + row_count(r, r->n - 1) - first_row(r, 0);
}

static struct fm_mat from_row(struct fm_mat m, int row)
{
	m.x += (size_t)row * m.stride;
	return m;
}

static int at_most(int a, int b)
{
	return a < b ? a : b;
}

static bool only_adds(const struct fm_sink *s)
{
	return s->g && !s->weight && !s->norm2;
}

static fm_real weight_of(const struct fm_sink *s, int window)
{
	return s->weight ? s->weight[window] : 1;
}

/* ---- matrices ---- */

/* Two Gram matrices (R, R), some rows at a time. */
static double gram_norm2(const struct fm_pass *q, int R, struct fm_mat in, struct fm_mat d)
{
	int most = FM_SINK_SPACE / 2 / R;
	fm_real *a = q->space, *b = a + FM_SINK_SPACE / 2;
	double sum = 0;

	for (int r = 0; r < R; r += most) {
		int n = at_most(R - r, most);
		q->k->gemm(q->s, FM_N, FM_T, n, R, in.cols, from_row(in, r).x, in.stride, in.x, in.stride, a, R, NULL,
			   0);
		q->k->gemm(q->s, FM_N, FM_T, n, R, d.cols, from_row(d, r).x, d.stride, d.x, d.stride, b, R, NULL, 0);
		for (size_t i = 0; i < (size_t)n * (size_t)R; i++)
			sum += (double)a[i] * (double)b[i];
	}
	return sum > 0 ? sum : 0;
}

/* The product itself, some columns at a time. */
static double product_norm2(const struct fm_pass *q, int R, struct fm_mat in, struct fm_mat d)
{
	int most = FM_SINK_SPACE / in.cols;
	double sum = 0;

	for (int c = 0; c < d.cols; c += most) {
		int m = at_most(d.cols - c, most);
		q->k->gemm(q->s, FM_T, FM_N, in.cols, m, R, in.x, in.stride, d.x + c, d.stride, q->space, m, NULL, 0);
		sum += q->k->sumsq(q->space, (size_t)in.cols * (size_t)m);
	}
	return sum;
}

static double outer_norm2(const struct fm_pass *q, int R, struct fm_mat in, struct fm_mat d)
{
	if (R == 0)
		return 0;
	if (R == 1)
		return q->k->sumsq(in.x, (size_t)in.cols) * q->k->sumsq(d.x, (size_t)d.cols);
	/* Compare the two ways by their multiplications, each divided by R. */
	if ((double)R * (in.cols + d.cols) < (double)in.cols * d.cols && R <= FM_SINK_SPACE / 2)
		return gram_norm2(q, R, in, d);
	return product_norm2(q, R, in, d);
}

/* g += weight in^T d, some rows at a time. */
static void add_weighted(const struct fm_pass *q, int R, struct fm_mat in, struct fm_mat d, fm_real weight, fm_real *g)
{
	int most = FM_SINK_SPACE / d.cols;

	for (int r = 0; r < R; r += most) {
		int n = at_most(R - r, most);
		for (int i = 0; i < n; i++) {
			const fm_real *x = from_row(d, r + i).x;
			for (int c = 0; c < d.cols; c++)
				q->space[(size_t)i * d.cols + c] = weight * x[c];
		}
		q->k->gemm(q->s, FM_T, FM_N, in.cols, d.cols, n, from_row(in, r).x, in.stride, q->space, d.cols, g,
			   d.cols, NULL, 1);
	}
}

void fm_sink_outer(const struct fm_pass *q, const struct fm_rows *rows, struct fm_mat in, struct fm_mat d, size_t w)
{
	const struct fm_sink *s = q->sink;

	if (s->kept) {
		fm_kept_outer(s->kept, rows, in, d, w);
		return;
	}
	assert(in.cols <= FM_SINK_SPACE && d.cols <= FM_SINK_SPACE);
	in = from_row(in, first_row(rows, 0));
	d = from_row(d, first_row(rows, 0));
	if (s->g && !s->weight)
		q->k->gemm(q->s, FM_T, FM_N, in.cols, d.cols, span_of(rows), in.x, in.stride, d.x, d.stride, s->g + w,
			   d.cols, NULL, 1);
	for (int i = 0; i < rows->n && !only_adds(s); i++) {
		int r = first_row(rows, i) - first_row(rows, 0), R = row_count(rows, i), b = rows->window + i;
		if (s->norm2)
			s->norm2[b] += outer_norm2(q, R, from_row(in, r), from_row(d, r));
		if (s->g && s->weight)
			add_weighted(q, R, from_row(in, r), from_row(d, r), s->weight[b], s->g + w);
	}
}

/* ---- vectors ---- */

void fm_sink_bias(const struct fm_pass *q, const struct fm_rows *rows, struct fm_mat d, size_t b)
{
	const struct fm_sink *s = q->sink;

	assert(d.stride == d.cols && d.cols <= FM_SINK_SPACE);
	if (s->kept) {
		fm_kept_bias(s->kept, rows, d, b);
		return;
	}
	if (s->g && !s->weight)
		q->k->colsum(s->g + b, from_row(d, first_row(rows, 0)).x, span_of(rows), d.cols);
	for (int i = 0; i < rows->n && !only_adds(s); i++) {
		int r = first_row(rows, i), R = row_count(rows, i), window = rows->window + i;
		if (s->norm2) {
			memset(q->space, 0, sizeof(fm_real) * (size_t)d.cols);
			q->k->colsum(q->space, from_row(d, r).x, R, d.cols);
			s->norm2[window] += q->k->sumsq(q->space, (size_t)d.cols);
		}
		for (int k = 0; k < R && s->g && s->weight; k++)
			q->k->axpy(s->g + b, s->weight[window], from_row(d, r + k).x, (size_t)d.cols);
	}
}

/* ---- tables ---- */

static const fm_real *looked_up(struct fm_lookup l, struct fm_mat d, int r)
{
	return from_row(d, l.source ? l.source[r] : r).x;
}

/* The sums of a window's rows [from, from + R), one for each index, some columns at a time. */
static double table_norm2(const struct fm_pass *q, int from, int R, struct fm_lookup l, struct fm_mat d)
{
	int most = FM_SINK_SPACE / (R > 0 ? R : 1);
	double sum = 0;

	assert(R <= FM_SINK_SPACE);
	for (int c = 0; c < d.cols && R > 0; c += most) {
		int m = at_most(d.cols - c, most);
		for (int i = 0; i < R; i++) {
			fm_real *x = q->space + (size_t)i * m;
			int same = 0; /* the first row of this index */
			memset(x, 0, sizeof(fm_real) * (size_t)m);
			if (l.index[from + i] < 0)
				continue;
			while (l.index[from + same] != l.index[from + i])
				same++;
			q->k->add(q->space + (size_t)same * m, looked_up(l, d, from + i) + c, (size_t)m);
		}
		sum += q->k->sumsq(q->space, (size_t)R * (size_t)m);
	}
	return sum;
}

void fm_sink_table(const struct fm_pass *q, const struct fm_rows *rows, struct fm_lookup l, struct fm_mat d, size_t at)
{
	const struct fm_sink *s = q->sink;
	size_t n = (size_t)d.cols;

	if (s->kept) {
		fm_kept_table(s->kept, rows, l, d, at);
		return;
	}
	for (int i = 0; i < rows->n; i++) {
		int from = first_row(rows, i), to = from + row_count(rows, i), b = rows->window + i;
		if (s->norm2)
			s->norm2[b] += table_norm2(q, from, to - from, l, d);
		for (int r = from; r < to && s->g; r++) {
			if (l.index[r] < 0)
				continue;
			fm_real *g = s->g + at + (size_t)l.index[r] * n;
			if (s->weight)
				q->k->axpy(g, s->weight[b], looked_up(l, d, r), n);
			else
				q->k->add(g, looked_up(l, d, r), n);
		}
	}
}

/* ---- small gradients made by hand ---- */

fm_real *fm_sink_begin(const struct fm_pass *q, int window, size_t at, int n)
{
	fm_real *kept;

	assert(n <= FM_SINK_SPACE);
	if (only_adds(q->sink))
		return q->sink->g + at;
	if (q->sink->kept && (kept = fm_kept_numbers(q->sink->kept, window, at, n)))
		return kept;
	memset(q->space, 0, sizeof(fm_real) * (size_t)n);
	return q->space;
}

void fm_sink_end(const struct fm_pass *q, int window, size_t at, int n)
{
	const struct fm_sink *s = q->sink;

	if (only_adds(s) || s->kept)
		return;
	if (s->norm2)
		s->norm2[window] += q->k->sumsq(q->space, (size_t)n);
	if (s->g)
		q->k->axpy(s->g + at, weight_of(s, window), q->space, (size_t)n);
}
