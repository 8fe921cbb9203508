/* critic.c - a critic's score, and the penalty on its slope. */
#include "model/nn/critic.h"

#include <stdlib.h>

#include "base/mem.h"

void fm_critic_declare(struct fm_critic *c, struct fm_layout *l, const char *name)
{
	int in = c->in;

	for (int i = 0; i <= c->layers; i++) {
		int out = i < c->layers ? c->hidden : 1;
		float std = (float)fm_dense_std(in);

		c->at[i][0] = fm_layout_add(l, in, out, std, "%s.%d.w", name, i);
		c->at[i][1] = fm_layout_add(l, 1, out, std, "%s.%d.b", name, i);
		in = out;
	}
}

static size_t lay(struct fm_critic_work *w, size_t rows)
{
	size_t n[3] = {rows * (size_t)w->c->in, rows * (size_t)w->c->hidden, rows}, used = 0;
	struct {
		fm_real **to;
		int size;
	} all[3 * FM_CRITIC_LAYERS_MOST + 4] = {{&w->in, 0}, {&w->din, 0}, {&w->score, 2}, {&w->dscore, 2}};
	int count = 4;

	for (int l = 0; l < w->c->layers; l++) {
		all[count].to = &w->hid[l];
		all[count++].size = 1;
		all[count].to = &w->slope[l];
		all[count++].size = 1;
		all[count].to = &w->dhid[l];
		all[count++].size = 1;
	}
	for (int i = 0; i < count; i++) {
		*all[i].to = w->room ? w->room + used : NULL;
		used += (n[all[i].size] + 15) & ~(size_t)15;
	}
	return used;
}

int fm_critic_work_open(struct fm_critic_work *w, const struct fm_critic *c, int rows, struct fm_error *err)
{
	int rc;

	*w = (struct fm_critic_work){.c = c, .used = c->in - c->sparse};
	if ((rc = fm_alloc(&w->room, lay(w, (size_t)rows), sizeof *w->room, "the critic's space", err)) < 0)
		return rc;
	lay(w, (size_t)rows);
	return FM_OK;
}

void fm_critic_work_close(struct fm_critic_work *w)
{
	free(w->room);
	w->room = NULL;
}

/* Where the sparse numbers of a row begin, and so their weights. */
static int sparse_at(const struct fm_critic *c)
{
	return c->in - c->sparse;
}

static size_t sparse_weights(const struct fm_critic *c)
{
	return c->at[0][0] + (size_t)sparse_at(c) * (size_t)c->hidden;
}

fm_real fm_critic_score(struct fm_critic_work *w, struct fm_dense *d, const fm_real *p, int rows,
			const fm_real *const *drop)
{
	const struct fm_critic *c = w->c;
	int in = c->in, H = c->hidden;
	const fm_real *x = w->in;
	fm_real sum = 0;

	w->rows = rows;
	for (int l = 0; l < c->layers; l++) {
		fm_dense_linear(d, rows, (struct fm_mat){x, l == 0 ? w->used : H, in}, H, p + c->at[l][0],
				p + c->at[l][1], w->hid[l], 0);
		if (l == 0 && c->sparse > 0)
			fm_dense_sparse_linear(d, rows, (struct fm_mat){w->in + sparse_at(c), c->sparse, in}, H,
					       p + sparse_weights(c), w->hid[0]);
		d->k->leaky(w->hid[l], w->slope[l], drop ? drop[l] : NULL, c->leak, (size_t)rows * (size_t)H);
		x = w->hid[l];
		in = H;
	}
	fm_dense_linear(d, rows, (struct fm_mat){x, in, in}, 1, p + c->at[c->layers][0], p + c->at[c->layers][1],
			w->score, 0);
	for (int i = 0; i < rows; i++)
		sum += w->score[i];
	return sum / (fm_real)rows;
}

/* Set the first `into` numbers of din to the gradient of each row's score times weight, and dhid to those of the layers
 * behind their slopes. */
static void slopes(struct fm_critic_work *w, struct fm_dense *d, const fm_real *p, fm_real weight, int into)
{
	const struct fm_critic *c = w->c;
	int H = c->hidden, top = c->layers - 1;

	for (int i = 0; i < w->rows; i++)
		w->dscore[i] = weight;
	for (int l = top; l >= 0; l--) {
		fm_dense_through(d, w->rows, H, l == top ? 1 : H, l == top ? w->dscore : w->dhid[l + 1],
				 p + c->at[l + 1][0], w->dhid[l], H, 0);
		d->k->mul(w->dhid[l], w->slope[l], (size_t)w->rows * (size_t)H);
	}
	if (into > 0)
		fm_dense_through(d, w->rows, into, H, w->dhid[0], p + c->at[0][0], w->din, c->in, 0);
}

void fm_critic_back(struct fm_critic_work *w, struct fm_dense *d, const fm_real *p, fm_real weight, fm_real *g,
		    bool into)
{
	const struct fm_critic *c = w->c;
	int in = c->in;

	slopes(w, d, p, weight / (fm_real)w->rows, into ? w->used : 0);
	for (int l = 0; g && l <= c->layers; l++) {
		const fm_real *x = l == 0 ? w->in : w->hid[l - 1], *dy = l < c->layers ? w->dhid[l] : w->dscore;
		int out = l < c->layers ? c->hidden : 1;

		fm_dense_outer(d, w->rows, (struct fm_mat){x, l == 0 ? w->used : in, in}, out, dy, g + c->at[l][0]);
		fm_dense_bias(d, w->rows, out, dy, g + c->at[l][1]);
		if (l == 0 && c->sparse > 0)
			fm_dense_sparse_outer(d, w->rows, (struct fm_mat){w->in + sparse_at(c), c->sparse, in}, out, dy,
					      g + sparse_weights(c));
		in = out;
	}
}

/* With e_n = m_n w, e_l = m_l (e_(l+1) W_(l+1)^T), grad = e_1 W_1^T for slopes m: u = d penalty / d grad goes back
 * through this chain.  Biases have no part in that. */
fm_real fm_critic_penalty(struct fm_critic_work *w, struct fm_dense *d, const fm_real *p, int rows,
			  const fm_real *const *drop, fm_real *g)
{
	const struct fm_critic *c = w->c;
	int H = c->hidden, in = c->in;
	const fm_real *u = w->din;
	fm_real loss = 0;

	fm_critic_score(w, d, p, rows, drop);
	slopes(w, d, p, 1, in);
	for (int i = 0; i < rows; i++) {
		fm_real *x = w->din + (size_t)i * (size_t)in, square = 0, norm, f;

		for (int j = 0; j < in; j++)
			square += x[j] * x[j];
		norm = FM_SQRT(square);
		loss += (norm - 1) * (norm - 1);
		f = norm > 0 ? 2 * FM_CRITIC_LAMBDA / (fm_real)rows * (norm - 1) / norm : 0;
		for (int j = 0; j < in; j++)
			x[j] *= f;
	}
	for (int l = 0; g && l < c->layers; l++) {
		fm_dense_outer(d, rows, (struct fm_mat){u, in, in}, H, w->dhid[l], g + c->at[l][0]);
		fm_dense_linear(d, rows, (struct fm_mat){u, in, in}, H, p + c->at[l][0], NULL, w->hid[l], 0);
		d->k->mul(w->hid[l], w->slope[l], (size_t)rows * (size_t)H);
		u = w->hid[l];
		in = H;
	}
	if (g)
		fm_dense_bias(d, rows, H, u, g + c->at[c->layers][0]);
	return FM_CRITIC_LAMBDA * loss / (fm_real)rows;
}
