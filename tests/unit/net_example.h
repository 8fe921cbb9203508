/*
 * net_example.h - windows of random tokens and residuals with noise, at times at which together most columns are in
 * play: what a network is asked for in a step of training.  In single or double precision.
 */
#ifndef FM_TESTS_NET_EXAMPLE_H
#define FM_TESTS_NET_EXAMPLE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/codec/relations.h"
#include "model/diffusion/process.h"

#define EXAMPLE_POPULAR 3 /* of the tokens of addresses, behind those of recency */
/* Windows: two in double precision, whose kernels are slow. */
enum { MAXW = 40, B = sizeof(fm_real) == 8 ? 2 : 3, D = 32 };

struct example {
	uint16_t tok[B * MAXW * FM_NTOK], in[B * MAXW * FM_NTOK];
	float res[B * MAXW * FM_NRES], res_in[B * MAXW * FM_NRES], tw[B * MAXW * FM_NTOK], v[B * MAXW * FM_NRES],
	    vw[B * MAXW * FM_NRES], t[B];
	uint8_t slot[B], span[B], cls[B], kind[B];
	struct fm_keep keep[B * FM_NTOK];
	bool multinomial;
};

static inline void make_example(struct example *x, const int vocab[FM_NTOK], int W, const char *tokens,
				const char *prediction)
{
	struct fm_rng r;
	struct fm_process pr;
	struct fm_error err;
	fm_rng_init(&r, 9, FM_RNG_JUDGE, 0, 0);
	assert_int_equal(fm_process_init(&pr, 1000, "cosine", &err), FM_OK);
	assert_int_equal(fm_process_choose(&pr, tokens, prediction, &err), FM_OK);
	memset(x, 0, sizeof *x);
	x->multinomial = pr.multinomial;
	for (int i = 0; i < B * W; i++) {
		for (int c = 0; c < FM_NTOK; c++)
			x->tok[i * FM_NTOK + c] = vocab[c] > 1 ? (uint16_t)fm_rng_below(&r, (uint32_t)vocab[c]) : 0;
		x->tok[i * FM_NTOK + FM_T_REL] =
		    (uint16_t)(i % W > 2 && i % 3 == 0 ? fm_rel_token(1 + (i / 3 + 5) % (FM_NRELATIONS - 1), 2, W) : 0);
		for (int c = FM_T_SA; c <= FM_T_DA && W + EXAMPLE_POPULAR <= vocab[c]; c++)
			if (fm_rng_below(&r, 2) == 0)
				x->tok[i * FM_NTOK + c] = (uint16_t)(W + (int)fm_rng_below(&r, EXAMPLE_POPULAR));
		for (int k = 0; k < FM_NRES; k++)
			x->res[i * FM_NRES + k] = k % 2 ? fm_rng_normal(&r) : NAN;
	}
	for (int b = 0; b < B; b++) {
		struct fm_example ex = {x->in + b * W * FM_NTOK, x->res_in + b * W * FM_NRES, x->tw + b * W * FM_NTOK,
					x->v + b * W * FM_NRES,  x->vw + b * W * FM_NRES,     x->keep + b * FM_NTOK};
		struct fm_clean_window clean = {vocab, W,  x->tok + b * W * FM_NTOK, x->res + b * W * FM_NRES,
						B * W, 0.5};
		x->t[b] = b == 0 ? 0.30f : b == 1 ? 0.60f : 0.45f;
		fm_relations_copy(x->tok + b * W * FM_NTOK, x->res + b * W * FM_NRES, W);
		fm_process_corrupt(&pr, &clean, (double)x->t[b], &r, &ex);
		x->slot[b] = (uint8_t)(3 * b);
		x->span[b] = (uint8_t)(5 + b);
		x->kind[b] = (uint8_t)(7 * b + 1);
	}
}

/* The vocabularies of a small codec; one column has no choice and one is left out. */
static inline void example_vocab(int vocab[FM_NTOK], int W)
{
	const int v[FM_NTOK] = {FM_ROLE_TOKENS, FM_REL_TOKENS(W), 5, 1, 4, 3, 20, 20, 12, 12, 4, 0, 3, 9, 11, 13};
	memcpy(vocab, v, sizeof v);
}

/* Window `from` of the example and the windows after it, n together. */
static inline struct fm_net_in example_in(const struct example *x, int W, int from, int n)
{
	return (struct fm_net_in){n,
				  x->in + (size_t)from * W * FM_NTOK,
				  x->res_in + (size_t)from * W * FM_NRES,
				  x->slot + from,
				  x->span + from,
				  x->cls + from,
				  x->t + from,
				  x->kind + from};
}

static inline struct fm_net_target example_target(const struct example *x, int W, int from)
{
	return (struct fm_net_target){x->tok + (size_t)from * W * FM_NTOK, x->tw + (size_t)from * W * FM_NTOK,
				      x->v + (size_t)from * W * FM_NRES, x->vw + (size_t)from * W * FM_NRES,
				      x->multinomial ? x->keep + from * FM_NTOK : NULL};
}

/* Random parameters; tensors that begin as zeros too get values, or their neighbours' gradients would be zero. */
static inline void example_parameters(const struct fm_layout *l, fm_real *p)
{
	struct fm_rng r;
	fm_layout_init(l, p, 4);
	fm_rng_init(&r, 5, FM_RNG_JUDGE, 0, 0);
	for (size_t i = 0; i < l->nfloats; i++)
		p[i] += 0.1f * (fm_real)fm_rng_normal(&r);
}

#endif
