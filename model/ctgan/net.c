/* net.c - generator and critic of CTGAN. */
#include "model/ctgan/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LEAK ((fm_real)0.2)

struct fm_gan_work {
	const struct fm_gan *n;
	struct fm_dense dense;
	struct fm_critic_work critic;
	int rows, packs;
	fm_real *room; /* memory of all arrays below */
	/* generator: x (rows, wide) holds the layers' inputs one behind the other, from the right: layer l reads from
	 * at[l], the logits' layer from 0 */
	int wide, at[FM_GAN_LAYERS + 1];
	fm_real *x, *dx;              /* (rows, wide) */
	fm_real *norm[FM_GAN_LAYERS]; /* (rows, hidden): batch norm without scale and shift */
	fm_real *rstd[FM_GAN_LAYERS]; /* (hidden) */
	fm_real *dh;                  /* (rows, hidden) */
	fm_real *logits, *soft;       /* (rows, row) */
};

/* ---- shapes ---- */

static int in_of(const struct fm_gan_shape *s, int layer)
{
	return s->noise + s->cond + layer * s->hidden;
}

void fm_gan_init(struct fm_gan *n, const struct fm_gan_shape *shape)
{
	const struct fm_gan_shape *s = &n->shape;
	struct fm_layout *g = &n->generator;

	memset(n, 0, sizeof *n);
	n->shape = *shape;
	for (int l = 0; l <= FM_GAN_LAYERS; l++) {
		int out = l < FM_GAN_LAYERS ? s->hidden : s->row;
		float std = (float)fm_dense_std(in_of(s, l));

		n->g[l][FM_GAN_W] = fm_layout_add(g, in_of(s, l), out, std, "generator.%d.w", l);
		n->g[l][FM_GAN_B] = fm_layout_add(g, 1, out, std, "generator.%d.b", l);
		if (l == FM_GAN_LAYERS)
			break;
		n->g[l][FM_GAN_SCALE] = fm_layout_add(g, 1, out, 0, "generator.%d.scale", l);
		n->g[l][FM_GAN_SHIFT] = fm_layout_add(g, 1, out, 0, "generator.%d.shift", l);
	}
	n->judge = (struct fm_critic){.in = FM_GAN_PACK * (s->row + s->cond),
				      .sparse = FM_GAN_PACK * s->cond,
				      .hidden = s->hidden,
				      .layers = FM_GAN_LAYERS,
				      .leak = LEAK};
	fm_critic_declare(&n->judge, &n->critic, "critic");
}

void fm_gan_layout(const struct fm_gan *n, struct fm_layout *both)
{
	*both = n->generator;
	for (int i = 0; i < n->critic.n; i++) {
		struct fm_tensor t = n->critic.tensor[i];

		t.at += n->generator.nfloats;
		both->tensor[both->n++] = t;
	}
	both->nfloats += n->critic.nfloats;
}

/* ---- space ---- */

static fm_real *take(fm_real **room, size_t *used, size_t n)
{
	fm_real *p = *room ? *room + *used : NULL;

	*used += (n + 15) & ~(size_t)15;
	return p;
}

static size_t lay(struct fm_gan_work *w)
{
	const struct fm_gan_shape *s = &w->n->shape;
	size_t R = (size_t)w->rows, H = (size_t)s->hidden, used = 0;

	w->x = take(&w->room, &used, R * (size_t)w->wide);
	w->dx = take(&w->room, &used, R * (size_t)w->wide);
	for (int l = 0; l < FM_GAN_LAYERS; l++) {
		w->norm[l] = take(&w->room, &used, R * H);
		w->rstd[l] = take(&w->room, &used, H);
	}
	w->dh = take(&w->room, &used, R * H);
	w->logits = take(&w->room, &used, R * (size_t)s->row);
	w->soft = take(&w->room, &used, R * (size_t)s->row);
	return used;
}

int fm_gan_work_new(struct fm_gan_work **out, const struct fm_gan *n, int rows, struct fm_pool *pool,
		    struct fm_error *err)
{
	struct fm_gan_work *w = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&w, 1, sizeof *w, "the networks' space", err)) < 0)
		return rc;
	w->n = n;
	w->rows = rows;
	w->packs = rows / FM_GAN_PACK;
	w->wide = in_of(&n->shape, FM_GAN_LAYERS);
	for (int l = 0; l <= FM_GAN_LAYERS; l++)
		w->at[l] = (FM_GAN_LAYERS - l) * n->shape.hidden;
	if ((rc = fm_dense_open(&w->dense, pool, err)) < 0 ||
	    (rc = fm_critic_work_open(&w->critic, &n->judge, w->packs, err)) < 0 ||
	    (rc = fm_alloc(&w->room, lay(w), sizeof *w->room, "the networks' space", err)) < 0) {
		fm_gan_work_free(w);
		return rc;
	}
	lay(w);
	*out = w;
	return FM_OK;
}

void fm_gan_work_free(struct fm_gan_work *w)
{
	if (!w)
		return;
	fm_dense_close(&w->dense);
	fm_critic_work_close(&w->critic);
	free(w->room);
	free(w);
}

/* ---- the generator ---- */

static struct fm_batch_norm hidden_of(const struct fm_gan_work *w, const fm_real *p, int l)
{
	const struct fm_gan *n = w->n;

	return (struct fm_batch_norm){.rows = w->rows,
				      .width = n->shape.hidden,
				      .relu = true,
				      .scale = p + n->g[l][FM_GAN_SCALE],
				      .shift = p + n->g[l][FM_GAN_SHIFT],
				      .norm = w->norm[l],
				      .rstd = w->rstd[l],
				      .out = w->x + w->at[l + 1],
				      .stride = w->wide};
}

struct output {
	struct fm_gan_work *w;
	const fm_real *gumbel;
	fm_real *made;
};

/* Apply a layer to its inputs: out (rows, m).  A condition is a one-hot, the last of a layer's inputs. */
static void layer(struct fm_gan_work *w, const fm_real *p, int l, int m, fm_real *out)
{
	const struct fm_gan_shape *s = &w->n->shape;
	int dense = in_of(s, l) - s->cond;
	const fm_real *x = w->x + w->at[l], *W = p + w->n->g[l][FM_GAN_W];

	fm_dense_linear(&w->dense, w->rows, (struct fm_mat){x, dense, w->wide}, m, W, p + w->n->g[l][FM_GAN_B], out, 0);
	fm_dense_sparse_linear(&w->dense, w->rows, (struct fm_mat){x + dense, s->cond, w->wide}, m,
			       W + (size_t)dense * (size_t)m, out);
}

/* Its gradients, from d (rows, m) of out.  dx gets only the gradient of the outputs of earlier layers: nobody needs
 * those of z and the condition. */
static void layer_back(struct fm_gan_work *w, const fm_real *p, int l, int m, const fm_real *d, fm_real *g, int add)
{
	const struct fm_gan_shape *s = &w->n->shape;
	int dense = in_of(s, l) - s->cond, hidden = l * s->hidden;
	const fm_real *x = w->x + w->at[l];
	const size_t *at = w->n->g[l];

	fm_dense_outer(&w->dense, w->rows, (struct fm_mat){x, dense, w->wide}, m, d, g + at[FM_GAN_W]);
	fm_dense_sparse_outer(&w->dense, w->rows, (struct fm_mat){x + dense, s->cond, w->wide}, m, d,
			      g + at[FM_GAN_W] + (size_t)dense * (size_t)m);
	fm_dense_bias(&w->dense, w->rows, m, d, g + at[FM_GAN_B]);
	if (hidden > 0)
		fm_dense_through(&w->dense, w->rows, hidden, m, d, p + at[FM_GAN_W], w->dx + w->at[l], w->wide, add);
}

static void output_job(void *ctx, int shard, int thread)
{
	const struct output *o = ctx;
	const struct fm_gan_work *w = o->w;
	const struct fm_gan_shape *s = &w->n->shape;

	(void)thread;
	for (int r = shard * FM_GAN_PACK; r < (shard + 1) * FM_GAN_PACK; r++) {
		size_t at = (size_t)r * (size_t)s->row;

		fm_heads(w->dense.k, s->group, s->ngroups, (fm_real)FM_GAN_TAU, w->logits + at,
			 o->gumbel ? o->gumbel + at : NULL, o->made + at);
	}
}

void fm_gan_generate(struct fm_gan_work *w, const fm_real *p, const fm_real *z, const fm_real *cond,
		     const fm_real *gumbel, fm_real *made)
{
	const struct fm_gan_shape *s = &w->n->shape;

	for (int r = 0; r < w->rows; r++) {
		fm_real *x = w->x + (size_t)r * (size_t)w->wide + w->at[0];

		memcpy(x, z + (size_t)r * (size_t)s->noise, sizeof *x * (size_t)s->noise);
		memcpy(x + s->noise, cond + (size_t)r * (size_t)s->cond, sizeof *x * (size_t)s->cond);
	}
	for (int l = 0; l < FM_GAN_LAYERS; l++) {
		struct fm_batch_norm norm = hidden_of(w, p, l);

		layer(w, p, l, s->hidden, w->norm[l]);
		fm_batch_norm(&w->dense, &norm);
	}
	layer(w, p, FM_GAN_LAYERS, s->row, w->logits);
	fm_pool_run(w->dense.pool, w->packs, output_job, &(struct output){w, gumbel, made});
}

/* The gradient d of made becomes that of the logits. */
static fm_real output_back(struct fm_gan_work *w, const fm_real *made, const struct fm_gan_wanted *wanted, fm_real *d)
{
	const struct fm_gan_shape *s = &w->n->shape;
	fm_real loss = 0, weight = 1 / (fm_real)w->rows;

	for (int r = 0; r < w->rows; r++) {
		size_t at = (size_t)r * (size_t)s->row;

		fm_heads_back(w->dense.k, s->group, s->ngroups, (fm_real)FM_GAN_TAU, made + at, d + at);
		if (wanted && wanted->group[r] >= 0) {
			const struct fm_head *g = &s->group[wanted->group[r]];
			fm_real *l = w->soft + at;

			memcpy(l, w->logits + at + g->at, sizeof *l * (size_t)g->n);
			loss += w->dense.k->cross_entropy(l, g->n, wanted->target[r], weight);
			w->dense.k->add(d + at + g->at, l, (size_t)g->n);
		}
	}
	return loss * weight;
}

fm_real fm_gan_generate_back(struct fm_gan_work *w, const fm_real *p, const fm_real *made,
			     const struct fm_gan_wanted *wanted, fm_real *d, fm_real *g)
{
	const struct fm_gan *n = w->n;
	const struct fm_gan_shape *s = &n->shape;
	fm_real loss = output_back(w, made, wanted, d);

	layer_back(w, p, FM_GAN_LAYERS, s->row, d, g, 0);
	for (int l = FM_GAN_LAYERS - 1; l >= 0; l--) {
		struct fm_batch_norm norm = hidden_of(w, p, l);

		fm_batch_norm_back(&w->dense, &norm,
				   &(struct fm_batch_norm_back){w->dx + w->at[l + 1], w->dh, g + n->g[l][FM_GAN_SCALE],
								g + n->g[l][FM_GAN_SHIFT]});
		layer_back(w, p, l, s->hidden, w->dh, g, 1);
	}
	return loss;
}

/* ---- the critic ---- */

/* Packs as the critic reads them: ten rows, then their conditions. */
static void join(struct fm_gan_work *w, const fm_real *row, const fm_real *cond)
{
	const struct fm_gan_shape *s = &w->n->shape;
	size_t rows = FM_GAN_PACK * (size_t)s->row, conds = FM_GAN_PACK * (size_t)s->cond;

	for (int i = 0; i < w->packs; i++) {
		fm_real *to = w->critic.in + (size_t)i * (rows + conds);

		memcpy(to, row + (size_t)i * rows, sizeof *to * rows);
		memcpy(to + rows, cond + (size_t)i * conds, sizeof *to * conds);
	}
}

fm_real fm_gan_score(struct fm_gan_work *w, const fm_real *p, const fm_real *row, const fm_real *cond,
		     const fm_real *const drop[FM_GAN_LAYERS])
{
	join(w, row, cond);
	return fm_critic_score(&w->critic, &w->dense, p, w->packs, drop);
}

void fm_gan_score_back(struct fm_gan_work *w, const fm_real *p, fm_real weight, fm_real *g, fm_real *d)
{
	const struct fm_gan *n = w->n;
	size_t rows = FM_GAN_PACK * (size_t)n->shape.row;

	fm_critic_back(&w->critic, &w->dense, p, weight, g, d != NULL);
	for (int i = 0; d && i < w->packs; i++)
		memcpy(d + (size_t)i * rows, w->critic.din + (size_t)i * (size_t)n->judge.in, sizeof *d * rows);
}

fm_real fm_gan_penalty(struct fm_gan_work *w, const fm_real *p, const fm_real *row, const fm_real *cond,
		       const fm_real *const drop[FM_GAN_LAYERS], fm_real *g)
{
	join(w, row, cond);
	return fm_critic_penalty(&w->critic, &w->dense, p, w->packs, drop, g);
}
