/* net.c - generator and critic of CTGAN. */
#include "model/ctgan/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LEAK ((fm_real)0.2)
#define EPS ((fm_real)1e-5) /* of batch norm */
#define TILE_ROWS 128
#define TILE_COLS 64
#ifdef FM_DOUBLE
#define SQRT __builtin_sqrt
#else
#define SQRT __builtin_sqrtf
#endif

struct fm_gan_work {
	const struct fm_gan *n;
	const struct fm_kernels *k;
	struct fm_pool *pool;
	struct fm_scratch *scratch; /* (threads) */
	int rows, packs;
	fm_real *room; /* all below */
	/* generator: x (rows, wide) holds the layers' inputs behind each other from the right: layer l reads from
	 * at[l], the logits' layer from 0 */
	int wide, at[FM_GAN_LAYERS + 1];
	fm_real *x, *dx;                                    /* (rows, wide) */
	fm_real *norm[FM_GAN_LAYERS];                       /* (rows, hidden): batch norm without scale and shift */
	fm_real *rstd[FM_GAN_LAYERS];                       /* (hidden) */
	fm_real *dh;                                        /* (rows, hidden) */
	fm_real *logits, *soft;                             /* (rows, row) */
	fm_real *in;                                        /* (packs, 10 (row + cond)) */
	fm_real *hid[FM_GAN_LAYERS], *slope[FM_GAN_LAYERS]; /* (packs, hidden) */
	fm_real *dhid[FM_GAN_LAYERS];                       /* (packs, hidden) */
	fm_real *score, *dscore;                            /* (packs) */
	fm_real *din;                                       /* as in */
};

/* ---- shapes ---- */

static int in_of(const struct fm_gan_shape *s, int layer)
{
	return s->noise + s->cond + layer * s->hidden;
}

static fm_real std_of(int in)
{
	/* The variance of uniform numbers within 1 / sqrt(in), which is what the reference begins with. */
	return 1 / SQRT((fm_real)3 * (fm_real)in);
}

void fm_gan_init(struct fm_gan *n, const struct fm_gan_shape *shape)
{
	const struct fm_gan_shape *s = &n->shape;
	struct fm_layout *g = &n->generator, *c = &n->critic;
	int in = FM_GAN_PACK * (shape->row + shape->cond);

	memset(n, 0, sizeof *n);
	n->shape = *shape;
	for (int l = 0; l <= FM_GAN_LAYERS; l++) {
		int out = l < FM_GAN_LAYERS ? s->hidden : s->row;
		float std = (float)std_of(in_of(s, l));

		n->g[l][FM_GAN_W] = fm_layout_add(g, in_of(s, l), out, std, "generator.%d.w", l);
		n->g[l][FM_GAN_B] = fm_layout_add(g, 1, out, std, "generator.%d.b", l);
		if (l == FM_GAN_LAYERS)
			break;
		n->g[l][FM_GAN_SCALE] = fm_layout_add(g, 1, out, 0, "generator.%d.scale", l);
		n->g[l][FM_GAN_SHIFT] = fm_layout_add(g, 1, out, 0, "generator.%d.shift", l);
	}
	for (int l = 0; l <= FM_GAN_LAYERS; l++) {
		int out = l < FM_GAN_LAYERS ? s->hidden : 1;
		float std = (float)std_of(in);

		n->c[l][FM_GAN_W] = fm_layout_add(c, in, out, std, "critic.%d.w", l);
		n->c[l][FM_GAN_B] = fm_layout_add(c, 1, out, std, "critic.%d.b", l);
		in = out;
	}
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
	size_t R = (size_t)w->rows, P = (size_t)w->packs, H = (size_t)s->hidden, used = 0;
	size_t in = (size_t)(FM_GAN_PACK * (s->row + s->cond));

	w->x = take(&w->room, &used, R * (size_t)w->wide);
	w->dx = take(&w->room, &used, R * (size_t)w->wide);
	for (int l = 0; l < FM_GAN_LAYERS; l++) {
		w->norm[l] = take(&w->room, &used, R * H);
		w->rstd[l] = take(&w->room, &used, H);
		w->hid[l] = take(&w->room, &used, P * H);
		w->slope[l] = take(&w->room, &used, P * H);
		w->dhid[l] = take(&w->room, &used, P * H);
	}
	w->dh = take(&w->room, &used, R * H);
	w->logits = take(&w->room, &used, R * (size_t)s->row);
	w->soft = take(&w->room, &used, R * (size_t)s->row);
	w->in = take(&w->room, &used, P * in);
	w->din = take(&w->room, &used, P * in);
	w->score = take(&w->room, &used, P);
	w->dscore = take(&w->room, &used, P);
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
	w->k = fm_kernels();
	w->pool = pool;
	w->rows = rows;
	w->packs = rows / FM_GAN_PACK;
	w->wide = in_of(&n->shape, FM_GAN_LAYERS);
	for (int l = 0; l <= FM_GAN_LAYERS; l++)
		w->at[l] = (FM_GAN_LAYERS - l) * n->shape.hidden;
	if ((rc = fm_alloc(&w->scratch, pool ? (size_t)fm_pool_size(pool) : 1, sizeof *w->scratch, "packing space",
			   err)) < 0 ||
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
	free(w->scratch);
	free(w->room);
	free(w);
}

/* ---- matrices, a tile at a time ---- */

struct product {
	struct fm_gan_work *w;
	enum fm_trans ta, tb;
	int M, N, K;
	const fm_real *A, *B, *bias;
	fm_real *C;
	int lda, ldb, ldc, add, across; /* across: tiles in a row */
};

static void tile_job(void *ctx, int tile, int thread)
{
	const struct product *p = ctx;
	int i = tile / p->across * TILE_ROWS, j = tile % p->across * TILE_COLS;
	int m = p->M - i < TILE_ROWS ? p->M - i : TILE_ROWS, n = p->N - j < TILE_COLS ? p->N - j : TILE_COLS;

	p->w->k->gemm(&p->w->scratch[thread], p->ta, p->tb, m, n, p->K,
		      p->ta == FM_N ? p->A + (ptrdiff_t)i * p->lda : p->A + i, p->lda,
		      p->tb == FM_N ? p->B + j : p->B + (ptrdiff_t)j * p->ldb, p->ldb, p->C + (ptrdiff_t)i * p->ldc + j,
		      p->ldc, p->bias ? p->bias + j : NULL, p->add);
}

static void multiply(struct product p)
{
	p.across = (p.N + TILE_COLS - 1) / TILE_COLS;
	fm_pool_run(p.w->pool, p.across * ((p.M + TILE_ROWS - 1) / TILE_ROWS), tile_job, &p);
}

/* out (rows, m) = in (rows, n; stride) W (n, m) + b. */
static void linear(struct fm_gan_work *w, int rows, int n, int m, const fm_real *in, int stride, const fm_real *W,
		   const fm_real *b, fm_real *out)
{
	multiply((struct product){w, FM_N, FM_N, rows, m, n, in, W, b, out, stride, m, m, 0, 0});
}

/* dW (n, m) += in^T d. */
static void outer(struct fm_gan_work *w, int rows, int n, int m, const fm_real *in, int stride, const fm_real *d,
		  fm_real *dW)
{
	multiply((struct product){w, FM_T, FM_N, n, m, rows, in, d, NULL, dW, stride, m, m, 1, 0});
}

/* din (rows, n; stride) = [din +] d W^T. */
static void through(struct fm_gan_work *w, int rows, int n, int m, const fm_real *d, const fm_real *W, fm_real *din,
		    int stride, int add)
{
	multiply((struct product){w, FM_N, FM_T, rows, n, m, d, W, NULL, din, m, m, stride, add, 0});
}

/* ---- the generator ---- */

/* The hidden layers' norms over the rows, a slice of columns at a time: each column is one chain of sums. */
enum { SLICE = 32 };
struct hidden {
	struct fm_gan_work *w;
	int l;
	const fm_real *scale, *shift;
	fm_real *dscale, *dshift; /* on the way back */
};

static void hidden_run(const struct hidden *h, void (*job)(void *ctx, int slice, int thread))
{
	fm_pool_run(h->w->pool, (h->w->n->shape.hidden + SLICE - 1) / SLICE, job, (void *)(uintptr_t)h);
}

/* norm (rows, H) becomes its norm over the rows (Ioffe, Szegedy 2015, 3), x the layer's output. */
static void hidden_job(void *ctx, int slice, int thread)
{
	const struct hidden *h = ctx;
	struct fm_gan_work *w = h->w;
	int H = w->n->shape.hidden, first = slice * SLICE, n = H - first < SLICE ? H - first : SLICE;
	fm_real *norm = w->norm[h->l] + first, *x = w->x + w->at[h->l + 1] + first, inv = 1 / (fm_real)w->rows;
	fm_real mean[SLICE] = {0}, var[SLICE] = {0}, rstd[SLICE], scale[SLICE], shift[SLICE];

	(void)thread;
	for (int r = 0; r < w->rows; r++)
		for (int i = 0; i < n; i++)
			mean[i] += norm[(size_t)r * (size_t)H + (size_t)i];
	for (int i = 0; i < n; i++)
		mean[i] *= inv;
	for (int r = 0; r < w->rows; r++) {
		fm_real *row = norm + (size_t)r * (size_t)H;

		for (int i = 0; i < n; i++) {
			row[i] -= mean[i];
			var[i] += row[i] * row[i];
		}
	}
	for (int i = 0; i < n; i++) {
		rstd[i] = w->rstd[h->l][first + i] = 1 / SQRT(var[i] * inv + EPS);
		scale[i] = 1 + h->scale[first + i];
		shift[i] = h->shift[first + i];
	}
	for (int r = 0; r < w->rows; r++) {
		fm_real *row = norm + (size_t)r * (size_t)H, *out = x + (size_t)r * (size_t)w->wide;

		for (int i = 0; i < n; i++) {
			fm_real v;

			row[i] *= rstd[i];
			v = row[i] * scale[i] + shift[i];
			out[i] = v > 0 ? v : 0;
		}
	}
}

/* dh (rows, H), the gradient of what was normed, from dx of the output; dscale and dshift are added to. */
static void hidden_back_job(void *ctx, int slice, int thread)
{
	const struct hidden *h = ctx;
	struct fm_gan_work *w = h->w;
	int H = w->n->shape.hidden, first = slice * SLICE, n = H - first < SLICE ? H - first : SLICE;
	fm_real *norm = w->norm[h->l] + first, *dh = w->dh + first, inv = 1 / (fm_real)w->rows;
	fm_real a[SLICE] = {0}, b[SLICE] = {0}, scale[SLICE], dscale[SLICE], dshift[SLICE], rstd[SLICE];

	(void)thread;
	for (int i = 0; i < n; i++) {
		scale[i] = 1 + h->scale[first + i];
		dscale[i] = h->dscale[first + i];
		dshift[i] = h->dshift[first + i];
		rstd[i] = w->rstd[h->l][first + i];
	}
	for (int r = 0; r < w->rows; r++) {
		size_t at = (size_t)r * (size_t)w->wide + (size_t)w->at[h->l + 1] + (size_t)first;
		const fm_real *restrict x = w->x + at, *restrict dx = w->dx + at;
		const fm_real *restrict y = norm + (size_t)r * (size_t)H;
		fm_real *restrict d = dh + (size_t)r * (size_t)H;

		for (int i = 0; i < n; i++) {
			fm_real dv = x[i] > 0 ? dx[i] : 0;

			dscale[i] += dv * y[i];
			dshift[i] += dv;
			d[i] = dv * scale[i];
			a[i] += d[i];
			b[i] += d[i] * y[i];
		}
	}
	for (int i = 0; i < n; i++) {
		h->dscale[first + i] = dscale[i];
		h->dshift[first + i] = dshift[i];
		a[i] *= inv;
		b[i] *= inv;
	}
	for (int r = 0; r < w->rows; r++) {
		const fm_real *restrict y = norm + (size_t)r * (size_t)H;
		fm_real *restrict d = dh + (size_t)r * (size_t)H;

		for (int i = 0; i < n; i++)
			d[i] = rstd[i] * (d[i] - a[i] - y[i] * b[i]);
	}
}

static void tanh_of(const struct fm_kernels *k, fm_real x, fm_real *y)
{
	fm_real e;

	x = 2 * (x > 15 ? 15 : x < -15 ? -15 : x);
	k->exp(&e, &x, 1);
	*y = 1 - 2 / (e + 1);
}

struct output {
	struct fm_gan_work *w;
	const fm_real *gumbel;
	fm_real *made;
};

static void output_job(void *ctx, int shard, int thread)
{
	const struct output *o = ctx;
	const struct fm_gan_work *w = o->w;
	const struct fm_gan_shape *s = &w->n->shape;

	(void)thread;
	for (int r = shard * FM_GAN_PACK; r < (shard + 1) * FM_GAN_PACK; r++) {
		size_t at = (size_t)r * (size_t)s->row;
		const fm_real *x = w->logits + at;
		fm_real *y = o->made + at;

		for (int i = 0; i < s->ngroups; i++) {
			const struct fm_gan_group *g = &s->group[i];

			if (g->scalar) {
				tanh_of(w->k, x[g->at], &y[g->at]);
				continue;
			}
			for (int j = g->at; j < g->at + g->n; j++)
				y[j] = x[j] + (o->gumbel ? o->gumbel[at + (size_t)j] : 0);
			w->k->softmax(y + g->at, y + g->at, 1, g->n, 1 / (fm_real)FM_GAN_TAU);
		}
	}
}

void fm_gan_generate(struct fm_gan_work *w, const fm_real *p, const fm_real *z, const fm_real *cond,
		     const fm_real *gumbel, fm_real *made)
{
	const struct fm_gan *n = w->n;
	const struct fm_gan_shape *s = &n->shape;
	int H = s->hidden;

	for (int r = 0; r < w->rows; r++) {
		fm_real *x = w->x + (size_t)r * (size_t)w->wide + w->at[0];

		memcpy(x, z + (size_t)r * (size_t)s->noise, sizeof *x * (size_t)s->noise);
		memcpy(x + s->noise, cond + (size_t)r * (size_t)s->cond, sizeof *x * (size_t)s->cond);
	}
	for (int l = 0; l < FM_GAN_LAYERS; l++) {
		linear(w, w->rows, in_of(s, l), H, w->x + w->at[l], w->wide, p + n->g[l][FM_GAN_W],
		       p + n->g[l][FM_GAN_B], w->norm[l]);
		hidden_run(&(struct hidden){w, l, p + n->g[l][FM_GAN_SCALE], p + n->g[l][FM_GAN_SHIFT], NULL, NULL},
			   hidden_job);
	}
	linear(w, w->rows, w->wide, s->row, w->x, w->wide, p + n->g[FM_GAN_LAYERS][FM_GAN_W],
	       p + n->g[FM_GAN_LAYERS][FM_GAN_B], w->logits);
	fm_pool_run(w->pool, w->packs, output_job, &(struct output){w, gumbel, made});
}

/* d of made becomes that of the logits. */
static fm_real output_back(struct fm_gan_work *w, const fm_real *made, const struct fm_gan_wanted *wanted, fm_real *d)
{
	const struct fm_gan_shape *s = &w->n->shape;
	fm_real loss = 0, weight = 1 / (fm_real)w->rows;

	for (int r = 0; r < w->rows; r++) {
		size_t at = (size_t)r * (size_t)s->row;

		for (int i = 0; i < s->ngroups; i++) {
			const struct fm_gan_group *g = &s->group[i];
			const fm_real *y = made + at + g->at;
			fm_real *dy = d + at + g->at;

			if (g->scalar)
				dy[0] *= 1 - y[0] * y[0];
			else
				w->k->softmax_back(dy, y, dy, 1, g->n, 1 / (fm_real)FM_GAN_TAU);
		}
		if (wanted && wanted->group[r] >= 0) {
			const struct fm_gan_group *g = &s->group[wanted->group[r]];
			fm_real *l = w->soft + at;

			memcpy(l, w->logits + at + g->at, sizeof *l * (size_t)g->n);
			loss += w->k->cross_entropy(l, g->n, wanted->target[r], weight);
			w->k->add(d + at + g->at, l, (size_t)g->n);
		}
	}
	return loss * weight;
}

fm_real fm_gan_generate_back(struct fm_gan_work *w, const fm_real *p, const fm_real *made,
			     const struct fm_gan_wanted *wanted, fm_real *d, fm_real *g)
{
	const struct fm_gan *n = w->n;
	const struct fm_gan_shape *s = &n->shape;
	const size_t *at = n->g[FM_GAN_LAYERS];
	int H = s->hidden;
	fm_real loss = output_back(w, made, wanted, d);

	outer(w, w->rows, w->wide, s->row, w->x, w->wide, d, g + at[FM_GAN_W]);
	w->k->colsum(g + at[FM_GAN_B], d, w->rows, s->row);
	through(w, w->rows, w->wide, s->row, d, p + at[FM_GAN_W], w->dx, w->wide, 0);
	for (int l = FM_GAN_LAYERS - 1; l >= 0; l--) {
		hidden_run(&(struct hidden){w, l, p + n->g[l][FM_GAN_SCALE], p + n->g[l][FM_GAN_SHIFT],
					    g + n->g[l][FM_GAN_SCALE], g + n->g[l][FM_GAN_SHIFT]},
			   hidden_back_job);
		outer(w, w->rows, in_of(s, l), H, w->x + w->at[l], w->wide, w->dh, g + n->g[l][FM_GAN_W]);
		w->k->colsum(g + n->g[l][FM_GAN_B], w->dh, w->rows, H);
		if (l > 0) /* what z and the condition get nobody needs */
			through(w, w->rows, in_of(s, l), H, w->dh, p + n->g[l][FM_GAN_W], w->dx + w->at[l], w->wide, 1);
	}
	return loss;
}

/* ---- the critic ---- */

static int pack_of(const struct fm_gan_shape *s)
{
	return FM_GAN_PACK * (s->row + s->cond);
}

fm_real fm_gan_score(struct fm_gan_work *w, const fm_real *p, const fm_real *row, const fm_real *cond,
		     const fm_real *const drop[FM_GAN_LAYERS])
{
	const struct fm_gan *n = w->n;
	const struct fm_gan_shape *s = &n->shape;
	int H = s->hidden, in = pack_of(s);
	const fm_real *x = w->in;
	fm_real sum = 0;

	for (int r = 0; r < w->rows; r++) {
		fm_real *to = w->in + (size_t)r * (size_t)(s->row + s->cond);

		memcpy(to, row + (size_t)r * (size_t)s->row, sizeof *to * (size_t)s->row);
		memcpy(to + s->row, cond + (size_t)r * (size_t)s->cond, sizeof *to * (size_t)s->cond);
	}
	for (int l = 0; l < FM_GAN_LAYERS; l++) {
		linear(w, w->packs, in, H, x, in, p + n->c[l][FM_GAN_W], p + n->c[l][FM_GAN_B], w->hid[l]);
		for (size_t i = 0; i < (size_t)w->packs * (size_t)H; i++) {
			w->slope[l][i] = (w->hid[l][i] > 0 ? 1 : LEAK) * drop[l][i];
			w->hid[l][i] *= w->slope[l][i];
		}
		x = w->hid[l];
		in = H;
	}
	linear(w, w->packs, in, 1, x, in, p + n->c[FM_GAN_LAYERS][FM_GAN_W], p + n->c[FM_GAN_LAYERS][FM_GAN_B],
	       w->score);
	for (int i = 0; i < w->packs; i++)
		sum += w->score[i];
	return sum / (fm_real)w->packs;
}

/* w->din = the gradient of each pack's score times weight, with w->dhid those of the layers behind their slopes. */
static void critic_slopes(struct fm_gan_work *w, const fm_real *p, fm_real weight, bool into_rows)
{
	const struct fm_gan *n = w->n;
	int H = n->shape.hidden;

	for (int i = 0; i < w->packs; i++)
		w->dscore[i] = weight;
	for (int l = FM_GAN_LAYERS - 1; l >= 0; l--) {
		if (l == FM_GAN_LAYERS - 1)
			through(w, w->packs, H, 1, w->dscore, p + n->c[l + 1][FM_GAN_W], w->dhid[l], H, 0);
		else
			through(w, w->packs, H, H, w->dhid[l + 1], p + n->c[l + 1][FM_GAN_W], w->dhid[l], H, 0);
		for (size_t i = 0; i < (size_t)w->packs * (size_t)H; i++)
			w->dhid[l][i] *= w->slope[l][i];
	}
	if (into_rows)
		through(w, w->packs, pack_of(&n->shape), H, w->dhid[0], p + n->c[0][FM_GAN_W], w->din,
			pack_of(&n->shape), 0);
}

void fm_gan_score_back(struct fm_gan_work *w, const fm_real *p, fm_real weight, fm_real *g, fm_real *d)
{
	const struct fm_gan *n = w->n;
	const struct fm_gan_shape *s = &n->shape;
	int H = s->hidden, in = pack_of(s);

	critic_slopes(w, p, weight / (fm_real)w->packs, d != NULL);
	for (int l = 0; g && l <= FM_GAN_LAYERS; l++) {
		const fm_real *x = l == 0 ? w->in : w->hid[l - 1], *dy = l < FM_GAN_LAYERS ? w->dhid[l] : w->dscore;
		int out = l < FM_GAN_LAYERS ? H : 1;

		outer(w, w->packs, in, out, x, in, dy, g + n->c[l][FM_GAN_W]);
		w->k->colsum(g + n->c[l][FM_GAN_B], dy, w->packs, out);
		in = out;
	}
	for (int r = 0; d && r < w->rows; r++)
		memcpy(d + (size_t)r * (size_t)s->row, w->din + (size_t)r * (size_t)(s->row + s->cond),
		       sizeof *d * (size_t)s->row);
}

/* With e2 = m2 w3, e1 = m1 (e2 W2^T), grad = e1 W1^T for slopes m: u = d penalty / d grad goes back through this chain.
 * Biases have no part in it. */
fm_real fm_gan_penalty(struct fm_gan_work *w, const fm_real *p, const fm_real *row, const fm_real *cond,
		       const fm_real *const drop[FM_GAN_LAYERS], fm_real *g)
{
	const struct fm_gan *n = w->n;
	int H = n->shape.hidden, in = pack_of(&n->shape);
	size_t all = (size_t)w->packs * (size_t)H;
	fm_real loss = 0, *de = w->hid[0], *last = w->hid[1];

	fm_gan_score(w, p, row, cond, drop);
	critic_slopes(w, p, 1, true);
	for (int i = 0; i < w->packs; i++) {
		fm_real *u = w->din + (size_t)i * (size_t)in, square = 0, norm, f;

		for (int j = 0; j < in; j++)
			square += u[j] * u[j];
		norm = SQRT(square);
		loss += (norm - 1) * (norm - 1);
		f = norm > 0 ? 2 * FM_GAN_LAMBDA / (fm_real)w->packs * (norm - 1) / norm : 0;
		for (int j = 0; j < in; j++)
			u[j] *= f;
	}
	if (!g)
		return FM_GAN_LAMBDA * loss / (fm_real)w->packs;
	outer(w, w->packs, in, H, w->din, in, w->dhid[0], g + n->c[0][FM_GAN_W]);
	linear(w, w->packs, in, H, w->din, in, p + n->c[0][FM_GAN_W], NULL, de);
	for (size_t i = 0; i < all; i++)
		de[i] *= w->slope[0][i];
	outer(w, w->packs, H, H, de, H, w->dhid[1], g + n->c[1][FM_GAN_W]);
	linear(w, w->packs, H, H, de, H, p + n->c[1][FM_GAN_W], NULL, last);
	for (size_t i = 0; i < all; i++)
		last[i] *= w->slope[1][i];
	w->k->colsum(g + n->c[2][FM_GAN_W], last, w->packs, H);
	return FM_GAN_LAMBDA * loss / (fm_real)w->packs;
}
