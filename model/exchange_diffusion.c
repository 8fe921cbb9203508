/* exchange_diffusion.c - private diffusion over exchanges. */
#include "model/exchange_diffusion.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CLIP_RECORDS = 2000 };

void fm_exchange_free(struct fm_exchange_diffusion *x)
{
	fm_marginals_free(&x->m);
	fm_record_net_free(x->net);
	free(x->weights);
	fm_charges_free(&x->charges);
	memset(x, 0, sizeof *x);
}

static int net_of(struct fm_exchange_diffusion *x, const struct fm_exchange_opts *o, struct fm_error *err)
{
	int rc;

	if ((rc = fm_record_net_new(&x->net, x->m.domains.size, FM_NATTRS, o->width, o->depth, err)) < 0 ||
	    (rc = fm_alloc(&x->weights, x->net->layout.nfloats, sizeof *x->weights, "weights", err)) < 0)
		return rc;
	fm_layout_init(&x->net->layout, x->weights, o->start.seed);
	return FM_OK;
}

/* Learn from a sample of the counts, and choose the clip from its norms: nothing here is private. */
static int start(struct fm_exchange_diffusion *x, struct fm_record_space *space, const struct fm_exchange_opts *o,
		 double *clip, struct fm_error *err)
{
	size_t n = o->start_records, few = n < CLIP_RECORDS ? n : CLIP_RECORDS;
	struct fm_synth_opts so = {.n = n, .seed = o->start.seed, .pool = o->counts.pool};
	struct fm_synth s = {0};
	struct fm_records records = {.n = n};
	struct fm_record_learner rl = {space, &records};
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
	struct fm_learner l = fm_learner_of_records(&rl, o->draws);
	if ((rc = fm_record_learn(space, &records, &o->start, x->weights, err)) < 0 ||
	    (rc = fm_private_norms(&l, x->weights, o->draws, o->start.seed, place, few, norm, err)) < 0)
		goto out;
	rc = fm_clip_choose(norm, few, o->clip_quantile, clip, err);
out:
	fm_synth_free(&s);
	free(tok);
	free(norm);
	free(place);
	return rc;
}

static int train(struct fm_exchange_diffusion *x, struct fm_record_space *space, const struct fm_table *t,
		 const struct fm_exchange_opts *o, double clip, struct fm_error *err)
{
	/* The mean is over the batch that the noisy number of records makes one expect: public. */
	double expected = x->m.tables.total * (double)o->batch / (double)o->records;
	struct fm_private_opts po = {.name = "training",
				     .steps = o->steps,
				     .rate_num = o->batch,
				     .rate_den = o->records,
				     .expected = expected < 1 ? 1 : expected,
				     .draws = o->draws,
				     .clip = clip,
				     .noise_multiplier = o->noise_multiplier,
				     .warmup = o->warmup,
				     .rate = o->rate,
				     .ema = o->ema,
				     .key = o->counts.key,
				     .pool = o->counts.pool};
	struct fm_records records;
	struct fm_record_learner rl = {space, &records};
	uint16_t *tok = NULL;
	float *ema = NULL;
	int rc;

	if ((rc = fm_alloc(&ema, x->net->layout.nfloats, sizeof *ema, "averaged weights", err)) < 0 ||
	    (rc = fm_marginals_encode(&x->m, t, &o->counts, &tok, &records.n, err)) < 0)
		goto out;
	records.tok = tok;
	struct fm_learner l = fm_learner_of_records(&rl, o->draws);
	if ((rc = fm_private_train(&l, &po, x->weights, ema, &x->charges, &x->log, err)) < 0)
		goto out;
	memcpy(x->weights, ema, sizeof *ema * x->net->layout.nfloats);
out:
	if (tok)
		explicit_bzero(tok, records.n * FM_NATTRS * sizeof *tok);
	free(tok);
	free(ema);
	return rc;
}

int fm_exchange_fit(struct fm_exchange_diffusion *x, const struct fm_table *t, const struct fm_exchange_opts *o,
		    struct fm_error *err)
{
	struct fm_record_space *space = NULL;
	double clip;
	int rc;

	memset(x, 0, sizeof *x);
	if ((rc = fm_marginals_fit(&x->m, t, &o->counts, err)) < 0)
		goto out;
	for (size_t i = 0; i < x->m.charges.n; i++)
		if ((rc = fm_charges_add(&x->charges, &x->m.charges.list[i], err)) < 0)
			goto out;
	if ((rc = net_of(x, o, err)) < 0 || (rc = fm_record_space_new(&space, x->net, o->counts.pool, err)) < 0 ||
	    (rc = start(x, space, o, &clip, err)) < 0)
		goto out;
	rc = train(x, space, t, o, clip, err);
out:
	fm_record_space_free(space);
	if (rc < 0)
		fm_exchange_free(x);
	return rc;
}

int fm_exchange_sample(struct fm_table **table, const struct fm_exchange_diffusion *x,
		       const struct fm_marginals_sample_in *in, struct fm_error *err)
{
	size_t n = fm_marginals_records(&x->m, in->rows);
	struct fm_synth_opts so = {.n = n, .seed = in->seed, .rounds = in->rounds, .pool = in->pool};
	struct fm_synth s = {.n = n};
	struct fm_record_space *space = NULL;
	uint16_t *tok = NULL;
	int rc;

	if ((rc = fm_record_space_new(&space, x->net, in->pool, err)) < 0 ||
	    (rc = fm_alloc(&tok, n * FM_NATTRS, sizeof *tok, "records", err)) < 0)
		goto out;
	for (int a = 0; a < FM_NATTRS; a++)
		if ((rc = fm_alloc(&s.tok[a], n, sizeof *s.tok[a], "records", err)) < 0)
			goto out;
	fm_record_sample(space, x->weights, in->seed, n, tok);
	for (size_t i = 0; i < n; i++)
		for (size_t a = 0; a < FM_NATTRS; a++)
			s.tok[a][i] = tok[i * FM_NATTRS + a];
	if ((rc = fm_synth_update(&s, &x->m.tables, &so, err)) < 0)
		goto out;
	rc = fm_marginals_flows(table, &x->m, &s, in, err);
out:
	fm_record_space_free(space);
	fm_synth_free(&s);
	free(tok);
	return rc;
}
