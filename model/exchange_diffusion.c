/* exchange_diffusion.c - private diffusion over exchanges. */
#include "model/exchange_diffusion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum { CLIP_RECORDS = 2000 };

/* The noise drawn exceeds the noise charged by this factor. It makes up for what a discrete Gaussian, on a grid of 2^15
 * steps to the clip or more, falls short of a continuous one. */
#define MORE_NOISE (1 + 0x1p-20)

void fm_exchange_free(struct fm_exchange_diffusion *x)
{
	fm_marginals_free(&x->m);
	fm_record_net_free(x->net);
	free(x->weights);
	free(x->start);
	fm_charges_free(&x->charges);
	memset(x, 0, sizeof *x);
}

enum { CONNECTION, FIRST_THERE, FIRST_BACK, SECOND_THERE, SECOND_BACK };
static const uint8_t place_of[FM_NATTRS] = {
    [FM_A_KIND] = CONNECTION,    [FM_A_TIME] = CONNECTION,  [FM_A_SERVER] = CONNECTION, [FM_A_CLIENT] = CONNECTION,
    [FM_A_PORT] = CONNECTION,    [FM_A_LABEL] = CONNECTION, [FM_A_SIZE] = FIRST_THERE,  [FM_A_TD] = FIRST_THERE,
    [FM_A_FLG] = FIRST_THERE,    [FM_A_TOS] = FIRST_THERE,  [FM_B_SIZE] = FIRST_BACK,   [FM_B_TD] = FIRST_BACK,
    [FM_NEAR] = FIRST_BACK,      [FM_B_FLG] = FIRST_BACK,   [FM_B_TOS] = FIRST_BACK,    [FM_B_GAP] = FIRST_BACK,
    [FM_A2_SIZE] = SECOND_THERE, [FM_A2_TD] = SECOND_THERE, [FM_A2_GAP] = SECOND_THERE, [FM_B2_SIZE] = SECOND_BACK,
    [FM_B2_TD] = SECOND_BACK,    [FM_B2_GAP] = SECOND_BACK};

static struct fm_record_shape sequence_of(const struct fm_exchange_shape *s)
{
	bool one = strcmp(s->denoiser, fm_mlp.name) == 0;

	return (struct fm_record_shape){.denoiser = s->denoiser,
					.places = one ? 1 : FM_EXCHANGE_PLACES,
					.place = one ? NULL : place_of,
					.width = s->width,
					.depth = s->depth,
					.heads = s->heads};
}

int fm_exchange_shape_check(const struct fm_exchange_shape *s, struct fm_error *err)
{
	static const int two[1] = {2};
	struct fm_record_shape shape = sequence_of(s);
	struct fm_record_net *net;
	int rc;

	shape.place = NULL;
	if ((rc = fm_record_net_new(&net, two, 1, &shape, err)) < 0)
		return rc;
	fm_record_net_free(net);
	return FM_OK;
}

int fm_exchange_net(struct fm_exchange_diffusion *x, const struct fm_exchange_shape *s, struct fm_error *err)
{
	struct fm_record_shape shape = sequence_of(s);
	int rc;

	if ((rc = fm_record_net_new(&x->net, x->m.domains.size, FM_NATTRS, &shape, err)) < 0)
		return rc;
	if ((rc = fm_alloc(&x->weights, x->net->layout.nfloats, sizeof *x->weights, "weights", err)) < 0)
		return rc;
	return fm_alloc(&x->start, x->net->layout.nfloats, sizeof *x->start, "weights", err);
}

/* Learn from a sample of the counts, and choose the clip from its norms: nothing here is private. */
static int start(struct fm_exchange_diffusion *x, struct fm_record_space *space, const struct fm_exchange_opts *o,
		 double *clip, struct fm_error *err)
{
	size_t n = o->start_records ? o->start_records : (size_t)x->m.tables.total,
	       few = n < CLIP_RECORDS ? n : CLIP_RECORDS;
	struct fm_synth_opts so = {.n = n, .seed = o->start.seed, .pool = o->counts.pool};
	struct fm_synth s = {0};
	struct fm_records records = {.n = n};
	struct fm_record_learner rl = {space, &records, o->draws};
	uint32_t *place = NULL;
	uint16_t *tok = NULL;
	double *norm = NULL;
	int rc;

	if ((rc = fm_synth_make(&s, &x->m.tables, &so, err)) < 0 ||
	    (rc = fm_alloc(&tok, n * FM_NATTRS, sizeof *tok, "records to begin with", err)) < 0 ||
	    (rc = fm_alloc(&norm, few, sizeof *norm, "norms", err)) < 0 ||
	    (rc = fm_alloc(&place, few, sizeof *place, "norms", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		for (size_t a = 0; a < FM_NATTRS; a++)
			tok[i * FM_NATTRS + a] = s.tok[a][i];
	for (size_t i = 0; i < few; i++)
		place[i] = (uint32_t)i;
	records.tok = tok;
	struct fm_learner l = fm_learner_of_records(&rl);
	struct fm_lot lot = {o->start.seed, 0, place, (int)few};
	if ((rc = fm_record_learn(space, &records, &o->start, x->weights, err)) < 0 ||
	    (rc = fm_private_norms(&l, x->weights, &lot, norm, err)) < 0)
		goto out;
	rc = fm_clip_choose(norm, few, o->clip_quantile, clip, err);
out:
	fm_synth_free(&s);
	free(tok);
	free(norm);
	free(place);
	return rc;
}

struct fm_charge fm_exchange_charge(const struct fm_exchange_opts *o)
{
	double rate = (double)o->batch / (double)o->records;
	struct fm_charge charge = {.kind = FM_CHARGE_GAUSSIAN,
				   .sensitivity = o->counts.replaced && rate >= 1 ? 2 : 1,
				   .scale = o->noise_multiplier,
				   .rate = rate < 1 ? nextafter(rate, 1) : 1,
				   .count = (uint64_t)o->steps};

	snprintf(charge.name, sizeof charge.name, "training");
	return charge;
}

/* Is what the trainer is about to draw covered by what is charged? */
static int keeps_to(const struct fm_learner *l, const struct fm_private_opts *po, const struct fm_charge *charge,
		    struct fm_error *err)
{
	struct fm_charge drawn;
	int rc;

	if ((rc = fm_private_charge(l, po, &drawn, err)) < 0)
		return rc;
	if (!(fm_gaussian_equivalent(drawn.scale) / drawn.sensitivity >= charge->scale) || drawn.rate > charge->rate ||
	    drawn.count > charge->count)
		return fm_fail(
		    err, FM_ESYSTEM,
		    "training would draw noise of %.9g times the clip at a rate of %g, %llu times, and %.9g, %g "
		    "and %llu are charged",
		    fm_gaussian_equivalent(drawn.scale) / drawn.sensitivity, drawn.rate,
		    (unsigned long long)drawn.count, charge->scale, charge->rate, (unsigned long long)charge->count);
	return FM_OK;
}

/* The identity of a training: network and records, under the key, so that it says nothing to anyone else. */
static int identify(const struct fm_exchange_diffusion *x, const struct fm_records *r, const struct fm_secret *key,
		    char identity[FM_SHA256_HEX], struct fm_error *err)
{
	struct {
		uint8_t records[FM_SHA256_LEN];
		char denoiser[16];
		int32_t vocab[FM_NATTRS], width, depth, heads;
	} all;
	uint8_t mac[FM_SHA256_LEN];
	int rc;

	memset(&all, 0, sizeof all);
	for (int a = 0; a < FM_NATTRS; a++)
		all.vocab[a] = x->net->vocab[a];
	all.width = x->net->arch.width;
	all.depth = x->net->arch.depth;
	all.heads = x->net->arch.heads;
	snprintf(all.denoiser, sizeof all.denoiser, "%s", x->net->backbone->name);
	if ((rc = fm_hmac_sha256(key->data, key->len, r->tok, r->n * FM_NATTRS * sizeof *r->tok, all.records, err)) <
		0 ||
	    (rc = fm_hmac_sha256(key->data, key->len, &all, sizeof all, mac, err)) < 0)
		return rc;
	fm_hex(mac, sizeof mac, identity);
	return FM_OK;
}

static int train(struct fm_exchange_diffusion *x, struct fm_record_space *space, const struct fm_table *t,
		 const struct fm_exchange_opts *o, double clip, struct fm_error *err)
{
	/* The mean is over the batch size expected from the noisy number of records, which is public. */
	double expected = x->m.tables.total * (double)o->batch / (double)o->records;
	struct fm_private_opts po = {.name = "training",
				     .steps = o->steps,
				     .rate_num = o->batch,
				     .rate_den = o->records,
				     .expected = expected < 1 ? 1 : expected,
				     .clip = clip,
				     .noise_multiplier = o->noise_multiplier * MORE_NOISE,
				     .warmup = o->warmup,
				     .rate = o->rate,
				     .ema = o->ema,
				     .weight_decay = o->weight_decay,
				     .key = o->counts.key,
				     .checkpoint = o->checkpoint,
				     .checkpoint_key = o->checkpoint_key,
				     .checkpoint_every = o->checkpoint_every,
				     .checkpoint_seconds = o->checkpoint_seconds,
				     .pool = o->counts.pool,
				     .ranks = o->ranks};
	char identity[FM_SHA256_HEX];
	struct fm_records records;
	struct fm_record_learner rl = {space, &records, o->draws};
	struct fm_charge charge = fm_exchange_charge(o);
	struct fm_charges drawn = {0};
	uint16_t *tok = NULL;
	float *ema = NULL;
	int rc;

	if ((rc = fm_alloc(&ema, x->net->layout.nfloats, sizeof *ema, "averaged weights", err)) < 0 ||
	    (rc = fm_marginals_encode(&x->m, t, &o->counts, &tok, &records.n, err)) < 0)
		goto out;
	records.tok = tok;
	if ((rc = identify(x, &records, o->counts.key, identity, err)) < 0)
		goto out;
	po.identity = identity;
	struct fm_learner l = fm_learner_of_records(&rl);
	if ((rc = keeps_to(&l, &po, &charge, err)) < 0 || (rc = fm_charges_add(&x->charges, &charge, err)) < 0 ||
	    (rc = fm_private_train(&l, &po, x->weights, ema, &drawn, &x->log, err)) < 0)
		goto out;
	memcpy(x->weights, ema, sizeof *ema * x->net->layout.nfloats);
out:
	if (tok)
		explicit_bzero(tok, records.n * FM_NATTRS * sizeof *tok);
	fm_charges_free(&drawn);
	free(tok);
	free(ema);
	return rc;
}

enum { LOSS_PASSES = 32 };

/* by_losses[i] += sign times what the private steps took off the bound on -log p of canary i's records in t, by the
 * same masks. */
static int add_gains(const struct fm_exchange_diffusion *x, struct fm_record_space *space,
		     const struct fm_exchange_opts *o, const struct fm_table *t, const uint32_t *place, double sign,
		     struct fm_error *err)
{
	size_t n, group = o->counts.window > 0 ? o->counts.window : 1;
	uint16_t *tok = NULL;
	int rc;

	if ((rc = fm_marginals_encode(&x->m, t, &o->counts, &tok, &n, err)) < 0)
		goto out;
	for (size_t i = 0; i < o->planted->n; i++) {
		struct fm_records one = {.n = group, .tok = tok + (size_t)place[i] * FM_NATTRS};

		o->by_losses[i] += sign * (fm_record_loss(space, x->start, &one, LOSS_PASSES, o->start.seed) -
					   fm_record_loss(space, x->weights, &one, LOSS_PASSES, o->start.seed));
	}
out:
	free(tok);
	return rc;
}

/* What canary i gained, less what that gained which is in its place where it is out. */
static int score_losses(const struct fm_exchange_diffusion *x, struct fm_record_space *space,
			const struct fm_exchange_opts *o, uint32_t *const place[2], struct fm_error *err)
{
	const struct fm_planted *p = o->planted;
	int rc;

	memset(o->by_losses, 0, p->n * sizeof *o->by_losses);
	if ((rc = add_gains(x, space, o, p->canary, place[0], 1, err)) < 0 || !p->instead)
		return rc;
	return add_gains(x, space, o, p->instead, place[1], -1, err);
}

int fm_exchange_fit(struct fm_exchange_diffusion *x, const struct fm_table *t, const struct fm_exchange_opts *o,
		    struct fm_error *err)
{
	struct fm_record_space *space = NULL;
	uint32_t *place[2] = {NULL, NULL}; /* of canaries, and of what is in the place of one */
	double clip, began;
	int rc;

	memset(x, 0, sizeof *x);
	for (int i = 0; i < 2 && o->planted; i++)
		if ((rc = fm_alloc(&place[i], o->planted->n + 1, sizeof *place[i], "canaries", err)) < 0)
			goto out;
	if ((rc = o->planted ? fm_marginals_fit_planted(&x->m, t, &o->counts, o->planted, place, o->by_counts, err)
			     : fm_marginals_fit(&x->m, t, &o->counts, err)) < 0 ||
	    (o->doubt && (rc = o->doubt(o->cfg, &x->m, err)) < 0))
		goto out;
	for (size_t i = 0; i < x->m.charges.n; i++)
		if ((rc = fm_charges_add(&x->charges, &x->m.charges.list[i], err)) < 0)
			goto out;
	if ((rc = fm_exchange_net(x, &o->shape, err)) < 0)
		goto out;
	fm_layout_init(&x->net->layout, x->weights, o->start.seed);
	began = fm_seconds();
	if ((rc = fm_record_space_new(&space, x->net, o->counts.pool, err)) < 0 ||
	    (rc = start(x, space, o, &clip, err)) < 0)
		goto out;
	memcpy(x->start, x->weights, sizeof *x->start * x->net->layout.nfloats);
	if ((rc = train(x, space, t, o, clip, err)) < 0)
		goto out;
	x->seconds = fm_seconds() - began;
	if (o->planted)
		rc = score_losses(x, space, o, place, err);
out:
	free(place[0]);
	free(place[1]);
	fm_record_space_free(space);
	if (rc < 0)
		fm_exchange_free(x);
	return rc;
}

/* The most, and inversely the least, by which the network changes the weight of a value. */
#define STRONGEST 10.0f

struct guided {
	const struct fm_exchange_diffusion *x;
	struct fm_record_space *space;
	uint16_t *tok; /* (threads, FM_GUIDE_ROWS, FM_NATTRS) */
};

/* The factors by which the private training changed the network's distribution of attribute a. */
static void guide(void *ctx, int thread, const struct fm_synth *s, enum fm_attr a, const bool drawn[FM_NATTRS],
		  size_t from, int n, float *ratio)
{
	struct guided *g = ctx;
	const struct fm_record_net *net = g->x->net;
	uint16_t *tok = g->tok + (size_t)thread * FM_GUIDE_ROWS * FM_NATTRS;

	if (net->vocab[a] == 1) {
		for (int i = 0; i < n; i++)
			ratio[i] = 1;
		return;
	}
	for (int i = 0; i < n; i++)
		for (int c = 0; c < FM_NATTRS; c++)
			tok[i * FM_NATTRS + c] = net->vocab[c] == 1 ? 0
						 : drawn[c]         ? s->tok[c][from + (size_t)i]
								    : (uint16_t)net->vocab[c];
	fm_record_ratio(g->space, thread, g->x->weights, g->x->start, tok, n, (int)a, STRONGEST, ratio);
}

static int both_draw(struct fm_synth *s, const struct fm_exchange_diffusion *x, struct fm_record_space *space,
		     const struct fm_synth_opts *o, struct fm_error *err)
{
	size_t threads = o->pool ? (size_t)fm_pool_size(o->pool) : 1;
	struct guided g = {x, space, NULL};
	struct fm_guide learned = {guide, &g};
	struct fm_synth_opts so = *o;
	int rc;

	so.guide = &learned;
	if ((rc = fm_alloc(&g.tok, threads * FM_GUIDE_ROWS * FM_NATTRS, sizeof *g.tok, "records", err)) < 0)
		return rc;
	rc = fm_synth_make(s, &x->m.tables, &so, err);
	free(g.tok);
	return rc;
}

static int alone_draws(struct fm_synth *s, const struct fm_exchange_diffusion *x, struct fm_record_space *space,
		       const struct fm_synth_opts *o, struct fm_error *err)
{
	static const bool given[FM_NATTRS] = {[FM_A_KIND] = true};
	uint16_t *tok = NULL;
	int rc;

	s->n = o->n;
	if ((rc = fm_alloc(&tok, o->n * FM_NATTRS, sizeof *tok, "records", err)) < 0)
		goto out;
	for (int a = 0; a < FM_NATTRS; a++)
		if ((rc = fm_alloc(&s->tok[a], o->n, sizeof *s->tok[a], "records", err)) < 0)
			goto out;
	fm_synth_kinds(s, &x->m.tables);
	for (size_t i = 0; i < o->n; i++)
		tok[i * FM_NATTRS + FM_A_KIND] = s->tok[FM_A_KIND][i];
	fm_record_sample(space, x->weights, o->seed, o->n, given, tok);
	for (size_t i = 0; i < o->n; i++)
		for (size_t a = 0; a < FM_NATTRS; a++)
			s->tok[a][i] = tok[i * FM_NATTRS + a];
	rc = fm_synth_update(s, &x->m.tables, o, err);
out:
	free(tok);
	return rc;
}

int fm_exchange_sample(struct fm_table **table, const struct fm_exchange_diffusion *x,
		       const struct fm_marginals_sample_in *in, bool alone, struct fm_error *err)
{
	struct fm_synth_opts so = {
	    .n = fm_marginals_records(&x->m, in->rows), .seed = in->seed, .rounds = in->rounds, .pool = in->pool};
	struct fm_record_space *space = NULL;
	struct fm_synth s = {0};
	int rc;

	if ((rc = fm_record_space_new(&space, x->net, in->pool, err)) < 0 ||
	    (rc = (alone ? alone_draws : both_draw)(&s, x, space, &so, err)) < 0)
		goto out;
	rc = fm_marginals_flows(table, &x->m, &s, in, err);
out:
	fm_record_space_free(space);
	fm_synth_free(&s);
	return rc;
}
