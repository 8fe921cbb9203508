/* trainer_fixture.h - a small training: simulated flows, their codec, a network of a few thousand parameters. */
#ifndef FM_TESTS_TRAINER_FIXTURE_H
#define FM_TESTS_TRAINER_FIXTURE_H

#include "base/thread.h"
#include "model/diffusion/trainer.h"
#include "model/nn/checkpoint.h"
#include "model/nn/safetensors.h"
#include "model_fixture.h"

enum { SMALL_WINDOW = 8, SMALL_STEPS = 40 };
#define SMALL_IDENTITY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct small {
	struct fm_table *t;
	struct fm_codec *codec;
	struct fm_hosts *hosts;
	struct fm_encoded train, validation; /* validation: other flows by the same codec */
	struct fm_net *net;
	struct fm_process pr;
};

static inline int small_encode(struct small *s, uint64_t rows, uint64_t seed, bool fit, struct fm_encoded *e,
			       struct fm_error *err)
{
	struct fm_table *t = fixture_flows(rows, seed, SMALL_WINDOW);
	if (!t)
		return fm_fail(err, FM_ESYSTEM, "no flows");
	struct fm_codec_opts o = fixture_opts(t, SMALL_WINDOW);
	int ret = fit ? fm_codec_fit_with_hosts(&s->codec, &s->hosts, t, &o, err) : FM_OK;
	if (ret == FM_OK)
		ret = fm_codec_encode(s->codec, s->hosts, t, 1, e, err);
	fm_table_free(t);
	return ret;
}

static inline int small_make(struct small *s, struct fm_error *err)
{
	struct fm_arch a = {SMALL_WINDOW, 32, 1, 2, 64};
	int ret;
	memset(s, 0, sizeof *s);
	if ((ret = small_encode(s, 1600, 11, true, &s->train, err)) < 0 ||
	    (ret = small_encode(s, 320, 12, false, &s->validation, err)) < 0 ||
	    (ret = fm_net_new(&s->net, "transformer", &a, s->codec->vocab, s->codec->roles.nhosts, err)) < 0)
		return ret;
	return fm_process_init(&s->pr, 1000, "cosine", err);
}

static inline void small_free(struct small *s)
{
	fm_net_free(s->net);
	fm_encoded_free(&s->train);
	fm_encoded_free(&s->validation);
	fm_hosts_free(s->hosts);
	fm_codec_free(s->codec);
}

static inline struct fm_train_opts small_opts(void)
{
	return (struct fm_train_opts){.steps = SMALL_STEPS,
				      .batch = 24,
				      .warmup = 4,
				      .rate = 2e-3,
				      .ema = 0.9,
				      .weight_decay = 0.01,
				      .clip = 1,
				      .seed = 3,
				      .validate_every = 10,
				      .identity = SMALL_IDENTITY,
				      .checkpoint_every = 20};
}

/* fm_train with so many threads; ema is made here. */
static inline int small_train(struct small *s, const struct fm_train_opts *o, int threads, float **ema,
			      struct fm_train_result *r, struct fm_error *err)
{
	struct fm_pool *pool = NULL;
	struct fm_train_opts pooled = *o;
	int ret = fm_pool_new(&pool, threads, err);
	*ema = calloc(s->net->layout.nfloats, sizeof **ema);
	pooled.pool = pool;
	if (ret == FM_OK)
		ret =
		    fm_train(s->net, &s->pr, &(struct fm_train_data){&s->train, &s->validation}, &pooled, *ema, r, err);
	fm_pool_free(pool);
	return ret;
}

#endif
