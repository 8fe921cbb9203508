/* lstm.c - long short-term memory. */
#include "model/nn/lstm.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/nn/heads.h"

void fm_lstm_declare(struct fm_lstm *n, struct fm_layout *l, const char *name)
{
	float std = (float)fm_dense_std(n->hidden);
	int gates = 4 * n->hidden;

	n->at_fixed = fm_layout_add(l, n->fixed, gates, std, "%s.fixed", name);
	n->at_each = fm_layout_add(l, n->each, gates, std, "%s.each", name);
	n->at_state = fm_layout_add(l, n->hidden, gates, std, "%s.state", name);
	n->at_bias = fm_layout_add(l, 1, gates, std, "%s.bias", name);
}

static size_t lay(struct fm_lstm_work *w, size_t rows, size_t steps)
{
	size_t state = rows * (size_t)w->n->hidden, used = 0;
	const struct {
		fm_real **to;
		size_t n;
	} all[] = {{&w->base, 4 * state},
		   {&w->gates, 4 * state * steps},
		   {&w->h, state * (steps + 1)},
		   {&w->c, state * (steps + 1)},
		   {&w->tc, state * steps},
		   {&w->dh, state},
		   {&w->dc, state},
		   {&w->dgate, 4 * state},
		   {&w->dsum, 4 * state}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		*all[i].to = w->room ? w->room + used : NULL;
		used += (all[i].n + 15) & ~(size_t)15;
	}
	return used;
}

int fm_lstm_work_open(struct fm_lstm_work *w, const struct fm_lstm *n, int rows, int steps, struct fm_error *err)
{
	int rc;

	*w = (struct fm_lstm_work){.n = n, .most = (size_t)rows};
	if ((rc = fm_alloc(&w->room, lay(w, (size_t)rows, (size_t)steps), sizeof *w->room, "the recurrent layer",
			   err)) < 0)
		return rc;
	lay(w, (size_t)rows, (size_t)steps);
	return FM_OK;
}

void fm_lstm_work_close(struct fm_lstm_work *w)
{
	free(w->room);
	w->room = NULL;
}

fm_real *fm_lstm_h(const struct fm_lstm_work *w, int t)
{
	return w->h + (size_t)t * w->most * (size_t)w->n->hidden;
}

fm_real *fm_lstm_c(const struct fm_lstm_work *w, int t)
{
	return w->c + (size_t)t * w->most * (size_t)w->n->hidden;
}

static fm_real *gates_of(const struct fm_lstm_work *w, int t)
{
	return w->gates + (size_t)t * w->most * 4 * (size_t)w->n->hidden;
}

static fm_real *tanh_of(const struct fm_lstm_work *w, int t)
{
	return w->tc + (size_t)t * w->most * (size_t)w->n->hidden;
}

void fm_lstm_begin(struct fm_lstm_work *w, struct fm_dense *d, const fm_real *p, int rows, const fm_real *fixed)
{
	const struct fm_lstm *n = w->n;

	w->rows = rows;
	w->fixed = fixed;
	fm_dense_linear(d, rows, (struct fm_mat){fixed, n->fixed, n->fixed}, 4 * n->hidden, p + n->at_fixed,
			p + n->at_bias, w->base, 0);
}

struct step {
	struct fm_lstm_work *w;
	const struct fm_kernels *k;
	int t;
	const fm_real *dh;
};

static void step_job(void *ctx, int from, int to, int thread)
{
	const struct step *s = ctx;
	const struct fm_lstm_work *w = s->w;
	size_t H = (size_t)w->n->hidden;

	(void)thread;
	for (size_t r = (size_t)from; r < (size_t)to; r++) {
		fm_real *i = gates_of(w, s->t) + r * 4 * H, *f = i + H, *g = f + H, *o = g + H;
		fm_real *tc = tanh_of(w, s->t) + r * H, *h = fm_lstm_h(w, s->t + 1) + r * H;
		fm_real *c = fm_lstm_c(w, s->t + 1) + r * H;
		const fm_real *was = fm_lstm_c(w, s->t) + r * H;

		fm_logistic(s->k, i, i, (int)(2 * H));
		fm_tanh(s->k, g, g, (int)H);
		fm_logistic(s->k, o, o, (int)H);
		for (size_t j = 0; j < H; j++)
			c[j] = f[j] * was[j] + i[j] * g[j];
		fm_tanh(s->k, tc, c, (int)H);
		for (size_t j = 0; j < H; j++)
			h[j] = o[j] * tc[j];
	}
}

void fm_lstm_step(struct fm_lstm_work *w, struct fm_dense *d, const fm_real *p, int t, const fm_real *each)
{
	const struct fm_lstm *n = w->n;
	int gates = 4 * n->hidden;
	fm_real *x = gates_of(w, t);

	memcpy(x, w->base, sizeof *x * (size_t)w->rows * (size_t)gates);
	fm_dense_linear(d, w->rows, (struct fm_mat){each, n->each, n->each}, gates, p + n->at_each, NULL, x, 1);
	fm_dense_linear(d, w->rows, (struct fm_mat){fm_lstm_h(w, t), n->hidden, n->hidden}, gates, p + n->at_state,
			NULL, x, 1);
	fm_pool_run_rows(d->pool, w->rows, step_job, &(struct step){w, d->k, t, NULL});
}

/* ---- backward ---- */

void fm_lstm_back_begin(struct fm_lstm_work *w)
{
	size_t state = (size_t)w->rows * (size_t)w->n->hidden;

	memset(w->dh, 0, sizeof *w->dh * state);
	memset(w->dc, 0, sizeof *w->dc * state);
	memset(w->dsum, 0, sizeof *w->dsum * 4 * state);
}

/* dgate: the gradient of the gates before their functions; dc becomes the gradient of the previous cell state. */
static void back_job(void *ctx, int from, int to, int thread)
{
	const struct step *s = ctx;
	const struct fm_lstm_work *w = s->w;
	size_t H = (size_t)w->n->hidden;

	(void)thread;
	for (size_t r = (size_t)from; r < (size_t)to; r++) {
		const fm_real *i = gates_of(w, s->t) + r * 4 * H, *f = i + H, *g = f + H, *o = g + H;
		const fm_real *tc = tanh_of(w, s->t) + r * H, *was = fm_lstm_c(w, s->t) + r * H;
		fm_real *dg = w->dgate + r * 4 * H, *dc = w->dc + r * H, *sum = w->dsum + r * 4 * H;

		for (size_t j = 0; j < H; j++) {
			fm_real dh = s->dh[r * H + j] + w->dh[r * H + j];
			fm_real all = dc[j] + dh * o[j] * (1 - tc[j] * tc[j]);

			dg[j] = all * g[j] * i[j] * (1 - i[j]);
			dg[H + j] = all * was[j] * f[j] * (1 - f[j]);
			dg[2 * H + j] = all * i[j] * (1 - g[j] * g[j]);
			dg[3 * H + j] = dh * tc[j] * o[j] * (1 - o[j]);
			dc[j] = all * f[j];
		}
		for (size_t j = 0; j < 4 * H; j++)
			sum[j] += dg[j];
	}
}

void fm_lstm_step_back(struct fm_lstm_work *w, struct fm_dense *d, const fm_real *p, int t, const fm_real *each,
		       const fm_real *dh, fm_real *g)
{
	const struct fm_lstm *n = w->n;
	int gates = 4 * n->hidden;

	fm_pool_run_rows(d->pool, w->rows, back_job, &(struct step){w, d->k, t, dh});
	fm_dense_outer(d, w->rows, (struct fm_mat){each, n->each, n->each}, gates, w->dgate, g + n->at_each);
	fm_dense_outer(d, w->rows, (struct fm_mat){fm_lstm_h(w, t), n->hidden, n->hidden}, gates, w->dgate,
		       g + n->at_state);
	fm_dense_through(d, w->rows, n->hidden, gates, w->dgate, p + n->at_state, w->dh, n->hidden, 0);
}

void fm_lstm_back_end(struct fm_lstm_work *w, struct fm_dense *d, fm_real *g)
{
	const struct fm_lstm *n = w->n;
	int gates = 4 * n->hidden;

	fm_dense_outer(d, w->rows, (struct fm_mat){w->fixed, n->fixed, n->fixed}, gates, w->dsum, g + n->at_fixed);
	fm_dense_bias(d, w->rows, gates, w->dsum, g + n->at_bias);
}
