/* sampler.c - windows from noise. */
#include "model/sampler.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/detmath.h"
#include "model/quota.h"

#define SHARD 8 /* windows a shard: large enough for the matrix multiplies, small enough for the cache */

struct sampler {
	const struct fm_net *net;
	const struct fm_codec *codec;
	const struct fm_support *support;
	uint8_t *sides;        /* (vocab of sa) what each address token may stand for */
	const struct fm_process *pr;
	const float *p;
	const struct fm_plan *plan;
	const struct fm_sample_opts *o;
	struct fm_work **work; /* one a thread */
	struct fm_work **blind; /* with guidance: the same of a network that is not told the class */
	float **reveal;        /* (SHARD, W, FM_NTOK) one a thread: when a token shows */
	int **rows;            /* (SHARD * W) one a thread */
	uint16_t *tok;
	float *res;
	pthread_mutex_t lock;
	uint64_t done;
};

/* When each token of window w shows: a place in (0,1] of its column's interval, stratified over the rows unless ancestral. */
static void draw_times(const struct sampler *s, size_t w, float *reveal)
{
	int W = s->net->arch.window, order[512];
	struct fm_rng r;
	fm_rng_init(&r, s->o->seed, FM_RNG_SAMPLE, w, 0);
	for (int c = 0; c < FM_NTOK; c++) {
		for (int i = 0; i < W; i++)
			order[i] = i;
		for (int i = W; i > 1; i--) {
			int k = (int)fm_rng_below(&r, (uint32_t)i), x = order[i - 1];
			order[i - 1] = order[k];
			order[k] = x;
		}
		for (int i = 0; i < W; i++) {
			double u = fm_rng_uniform53(&r);
			double q = s->o->ancestral ? u : ((double)order[i] + u) / W;
			reveal[i * FM_NTOK + c] = (float)(s->pr->lo[c] + (s->pr->hi[c] - s->pr->lo[c]) * q);
		}
	}
}

/* Take the tokens of the other side out of a row of address logits. */
static void one_side_only(const struct sampler *s, float *z, int V, int c, int dir)
{
	int side = (c == FM_T_SA ? dir & 1 : dir >> 1 & 1) ? FM_SIDE_IN : FM_SIDE_OUT;
	for (int i = 0; i < V; i++)
		if (!(s->sides[i] & side))
			z[i] = -1e30f;
}

static bool masked(const struct sampler *s, const uint16_t *tok, int c)
{
	return s->net->vocab[c] && tok[c] == s->net->vocab[c];
}

/* Is the token of column c of this flow to be drawn between t and next?  A reply's copied columns wait for its request; a
 * reply that found none has become a flow like any other, and makes up for lost time one column a step. */
static bool due(const struct sampler *s, const uint16_t *tok, const float *reveal, int c, double t, double next)
{
	if (!masked(s, tok, c) || (double)reveal[c] <= next)
		return false;
	if (fm_reply_source(c) < 0)
		return true;
	if (masked(s, tok, FM_T_REL) ? (tok[FM_T_ROLE] & FM_ROLE_REPLY) && tok[FM_T_ROLE] < 4 : tok[FM_T_REL] > 0)
		return false;
	if ((double)reveal[c] > t && next >= 0)
		for (int b = 0; b < c; b++)
			if (fm_reply_source(b) >= 0 && masked(s, tok, b))
				return false;
	return true;
}

/* The request that row `row` of a window answers, 0 when it answers none.  A request has one reply: open are the flows before it
 * that have none yet, of these the ones that ask for a reply if there are any.  tok: the window (W rows); z: logits. */
static uint16_t draw_request(const struct sampler *s, uint16_t *tok, int row, float *z, float u)
{
	int W = s->net->arch.window, open = 0, asking = 0;
	uint16_t *own = tok + (size_t)row * FM_NTOK;
	bool taken[512] = {false};
	if (!(own[FM_T_ROLE] & FM_ROLE_REPLY))
		return 0;
	for (int i = 1; i < W; i++) {
		int k = tok[(size_t)i * FM_NTOK + FM_T_REL];
		if (k > 0 && k <= i)
			taken[i - k] = true;
	}
	z[0] = -1e30f;
	for (int k = 1; k <= row; k++) {
		open += !taken[row - k];
		asking += !taken[row - k] && (tok[(size_t)(row - k) * FM_NTOK + FM_T_ROLE] & FM_ROLE_REQUEST);
	}
	for (int k = 1; k <= row; k++)
		if (taken[row - k] || (asking > 0 && !(tok[(size_t)(row - k) * FM_NTOK + FM_T_ROLE] & FM_ROLE_REQUEST)))
			z[k] = -1e30f;
	if (open > 0)
		return (uint16_t)s->net->k->draw(z, row + 1, u);
	own[FM_T_ROLE] &= FM_ROLE_REQUEST;
	return 0;
}

/* Draw the tokens of column c that show between t and next; first: the shard's first window. */
static void reveal_column(struct sampler *s, int thread, size_t first, int c, int B, const float *reveal, double t, double next, struct fm_rng *rng,
			  uint16_t *tok)
{
	int W = s->net->arch.window, V = s->net->vocab[c], n = 0, *rows = s->rows[thread];
	for (int r = 0; r < B * W; r++)
		if (due(s, tok + (size_t)r * FM_NTOK, reveal + (size_t)r * FM_NTOK, c, t, next))
			rows[n++] = r;
	if (n == 0)
		return;
	float *z = fm_net_logits(s->net, s->p, s->work[thread], c, rows, n);
	if (s->o->guidance > 0) {
		const float *u = fm_net_logits(s->net, s->p, s->blind[thread], c, rows, n);
		for (size_t i = 0; i < (size_t)n * (size_t)V; i++)
			z[i] += (float)s->o->guidance * (z[i] - u[i]);
	}
	const uint16_t *quota = c == FM_T_LABEL ? s->plan->quota : NULL;
	if (quota)
		fm_quota_balance(z, V, rows, n, W);
	for (int i = 0; i < n; i++, z += V) {
		int row = rows[i] % W;
		uint16_t *flow = tok + (size_t)rows[i] * FM_NTOK;
		float u = fm_rng_uniform(&rng[rows[i] / W]);
		if (c == FM_T_REL) {
			flow[c] = draw_request(s, flow - (size_t)row * FM_NTOK, row, z, u);
			continue;
		}
		if ((c == FM_T_SA || c == FM_T_DA) && s->net->vocab[FM_T_DIR] && flow[FM_T_DIR] < 4)
			one_side_only(s, z, V, c, flow[FM_T_DIR]);
		fm_support_apply(s->support, s->net->vocab, flow, c, z);
		if (quota)
			fm_quota_left(z, V, quota + (first + (size_t)(rows[i] / W)) * (size_t)s->net->nclasses, s->net->nclasses, flow - (size_t)row * FM_NTOK, W);
		flow[c] = (uint16_t)s->net->k->draw(z, V, u);
	}
}

/* Residuals from t to next. */
static void step_residuals(struct sampler *s, int thread, int B, double t, double next, struct fm_rng *rng, float *res)
{
	int W = s->net->arch.window;
	if (next >= FM_RES_SPAN)
		return;
	const float *velocity = fm_net_velocity(s->net, s->p, s->work[thread], B);
	double ab = fm_process_alpha_bar(s->pr, t), abn = next > 0 ? fm_process_alpha_bar(s->pr, next) : 1.0;
	double alpha = ab / abn, sigma2 = s->o->ancestral ? (1 - abn) / (1 - ab) * (1 - alpha) : 0;
	/* x0 = sqrt(ab) x - sqrt(1-ab) v, eps = sqrt(1-ab) x + sqrt(ab) v; x' = sqrt(abn) x0 + sqrt(1 - abn - sigma^2) eps + sigma z */
	float c0 = (float)sqrt(1 - ab), c1 = (float)sqrt(ab), c2 = (float)sqrt(abn), c3 = (float)sqrt(1 - abn - sigma2 > 0 ? 1 - abn - sigma2 : 0), c4 = (float)sqrt(sigma2);
	for (int r = 0; r < B * W; r++)
		for (int k = 0; k < FM_NRES; k++) {
			float *x = &res[(size_t)r * FM_NRES + (size_t)k], v = velocity[(size_t)r * FM_RES_PAD + (size_t)k];
			float x0 = c1 * *x - c0 * v, eps = c0 * *x + c1 * v;
			*x = c2 * x0 + c3 * eps;
			if (c4 > 0)
				*x += c4 * fm_rng_normal(&rng[r / W]);
		}
}

static void sample_shard(void *ctx, int shard, int thread)
{
	struct sampler *s = ctx;
	int W = s->net->arch.window, steps = s->o->steps;
	size_t first = (size_t)shard * SHARD, left = s->plan->n - first;
	int B = left < SHARD ? (int)left : SHARD;
	uint16_t *tok = s->tok + first * (size_t)W * FM_NTOK;
	float *res = s->res + first * (size_t)W * FM_NRES, *reveal = s->reveal[thread], t_of[SHARD];
	uint8_t untold[SHARD];
	memset(untold, s->net->nclasses, sizeof untold);

	for (int b = 0; b < B; b++) {
		struct fm_rng r;
		fm_rng_init(&r, s->o->seed, FM_RNG_SAMPLE, first + (size_t)b, 1);
		draw_times(s, first + (size_t)b, reveal + (size_t)b * (size_t)W * FM_NTOK);
		for (int i = b * W; i < (b + 1) * W; i++) {
			for (int c = 0; c < FM_NTOK; c++)
				tok[(size_t)i * FM_NTOK + (size_t)c] = (uint16_t)s->net->vocab[c];
			for (int k = 0; k < FM_NRES; k++)
				res[(size_t)i * FM_NRES + (size_t)k] = fm_rng_normal(&r);
		}
	}
	for (int step = steps; step > 0; step--) {
		double t = (double)step / steps, next = (double)(step - 1) / steps;
		struct fm_rng rng[SHARD];
		for (int b = 0; b < B; b++) {
			t_of[b] = (float)t;
			fm_rng_init(&rng[b], s->o->seed, FM_RNG_SAMPLE, first + (size_t)b, (uint32_t)step + 1);
		}
		struct fm_net_in in = {B, tok, res, s->plan->slot + first, s->plan->span + first, s->plan->cls + first, t_of};
		fm_net_forward(s->net, s->p, s->work[thread], &in);
		if (s->o->guidance > 0) {
			in.cls = untold;
			fm_net_forward(s->net, s->p, s->blind[thread], &in);
		}
		step_residuals(s, thread, B, t, next, rng, res);
		for (int c = 0; c < FM_NTOK; c++)
			if (s->net->vocab[c])
				reveal_column(s, thread, first, c, B, reveal, t, step == 1 ? -1 : next, rng, tok);
		if (s->net->vocab[FM_T_REL])
			for (int b = 0; b < B; b++)
				fm_reply_copy(tok + (size_t)b * (size_t)W * FM_NTOK, res + (size_t)b * (size_t)W * FM_NRES, W);
	}
	pthread_mutex_lock(&s->lock);
	s->done += (uint64_t)B;
	if (s->o->progress)
		s->o->progress(s->o->ctx, s->done);
	pthread_mutex_unlock(&s->lock);
}

int fm_sample(const struct fm_net *net, const struct fm_codec *codec, const struct fm_support *support, const struct fm_process *pr, const float *p, const struct fm_plan *plan, const struct fm_sample_opts *o,
	      struct fm_pool *pool, uint16_t *tok, float *res, struct fm_error *err)
{
	int threads = pool ? fm_pool_size(pool) : 1, ret;
	size_t R = (size_t)SHARD * (size_t)net->arch.window;
	struct sampler s = {.net = net, .codec = codec, .support = support, .pr = pr, .p = p, .plan = plan, .o = o, .tok = tok, .res = res, .lock = PTHREAD_MUTEX_INITIALIZER};

	if (o->steps < 1 || o->steps > pr->T)
		return fm_fail(err, FM_EINPUT, "generate.steps is %d: give 1 to model.steps (%d)", o->steps, pr->T);
	ret = fm_alloc(&s.sides, (size_t)codec->vocab[FM_T_SA] + 1, 1, "address sides", err);
	for (int i = 0; ret == FM_OK && i < codec->vocab[FM_T_SA]; i++)
		s.sides[i] = (uint8_t)fm_address_sides(codec, i);
	if (ret == FM_OK)
		ret = fm_alloc(&s.work, (size_t)threads, sizeof *s.work, "work space", err);
	if (ret == FM_OK)
		ret = fm_alloc(&s.blind, (size_t)threads, sizeof *s.blind, "work space", err);
	if (ret == FM_OK)
		ret = fm_alloc(&s.reveal, (size_t)threads, sizeof *s.reveal, "work space", err);
	if (ret == FM_OK)
		ret = fm_alloc(&s.rows, (size_t)threads, sizeof *s.rows, "work space", err);
	for (int i = 0; ret == FM_OK && i < threads; i++) {
		ret = fm_work_new(&s.work[i], net, SHARD, err);
		if (ret == FM_OK && o->guidance > 0)
			ret = fm_work_new(&s.blind[i], net, SHARD, err);
		if (ret == FM_OK)
			ret = fm_alloc(&s.reveal[i], R * FM_NTOK, sizeof(float), "work space", err);
		if (ret == FM_OK)
			ret = fm_alloc(&s.rows[i], R, sizeof(int), "work space", err);
	}
	if (ret == FM_OK)
		fm_pool_run(pool, (int)((plan->n + SHARD - 1) / SHARD), sample_shard, &s);
	for (int i = 0; i < threads; i++) {
		if (s.work)
			fm_work_free(s.work[i]);
		if (s.blind)
			fm_work_free(s.blind[i]);
		if (s.reveal)
			free(s.reveal[i]);
		if (s.rows)
			free(s.rows[i]);
	}
	free(s.sides);
	free(s.work);
	free(s.blind);
	free(s.reveal);
	free(s.rows);
	return ret;
}
