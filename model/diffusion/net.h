/*
 * net.h - the network around a backbone: what all denoisers share.
 *
 *     tokens (B,W,FM_NTOK), residuals (B,W,FM_NRES), slot, span, t (B)
 *       -> sum of embeddings, of its own and of its links' tokens (links.h), + position + who answers    x (B*W, D)
 *       -> condition: time step, slot, span, class and kind of window    c (B, D)
 *       -> backbone                                                 h (B*W, D)
 *       -> per token column: logits = gelu(h M_c) O_c           where asked only
 *       -> per residual: predicted velocity, or noise (process.h) = h R
 *
 * "Who answers": a flow that a visible rel of a later flow points at gets an embedding of how far ahead its reply is.
 * The network could find that by attention, but it must not miss it.
 *
 * A masked token, or one of which multinomial diffusion kept nothing, is index vocab[c] of its column.  Columns with a
 * vocabulary of one or none are left out.
 */
#ifndef FM_MODEL_DIFFUSION_NET_H
#define FM_MODEL_DIFFUSION_NET_H

#include "model/codec/codec.h"
#include "model/diffusion/links.h"
#include "model/diffusion/multinomial.h"
#include "model/nn/backbone.h"
#include "model/nn/sink.h"

#define FM_RES_PAD 16 /* residual outputs, padded */

struct fm_net {
	struct fm_arch arch;
	const struct fm_backbone *backbone;
	const struct fm_kernels *k;
	int vocab[FM_NTOK]; /* tokens; 0: column left out */
	int popular;        /* popular hosts among the tokens of addresses */
	int nclasses;       /* classes of windows: the labels, at least 1 */
	struct fm_layout layout;
	size_t at_link[FM_NLINKS][FM_NTOK];
	size_t at_tok[FM_NTOK], at_res, at_pos, at_answer, at_slot, at_span, at_class, at_kind, at_t1, at_t1b, at_t2,
	    at_t2b;
	size_t at_mix[FM_NTOK], at_mixb[FM_NTOK], at_out[FM_NTOK], at_outb[FM_NTOK], at_rout, at_routb;
	size_t at_backbone[FM_MAXTENSORS];
};

/* Build the layout for a codec's columns.  FM_EINPUT for an unknown backbone or a width that heads do not divide. */
int fm_net_new(struct fm_net **net, const char *denoiser, const struct fm_arch *arch, const int vocab[FM_NTOK],
	       int popular, struct fm_error *err) FM_MUST_CHECK;
void fm_net_free(struct fm_net *net);

/* What the network sees: B windows. */
struct fm_net_in {
	int B;
	const uint16_t *tok;        /* (B,W,FM_NTOK), masked ones = vocab */
	const float *res;           /* (B,W,FM_NRES), noisy residuals */
	const uint8_t *slot, *span; /* (B) */
	const uint8_t *cls;         /* (B), nclasses: hidden (Ho, Salimans 2022) */
	const float *t;             /* (B), 0 clean .. 1 all noise */
	const uint8_t *kind;        /* (B), of a window (window_kinds.h); NULL: not told */
};
/* What the network should predict, and the weight of each (0: not asked). */
struct fm_net_target {
	const uint16_t *tok; /* (B,W,FM_NTOK) */
	const float *tok_weight;
	const float *v; /* (B,W,FM_NRES) */
	const float *v_weight;
	const struct fm_keep *keep; /* (B,FM_NTOK), multinomial diffusion: the loss is the divergence of posteriors;
				       NULL: cross-entropy */
};
/* Sums over the targets: weighted loss and its parts. */
struct fm_net_loss {
	double tok[FM_NTOK]; /* weighted cross-entropy or divergence, nats */
	double res[FM_NRES]; /* weighted squared error */
};

/* One thread's space for at most max_B windows; nothing is allocated after this. */
struct fm_work;
int fm_work_new(struct fm_work **w, const struct fm_net *net, int max_B, struct fm_error *err) FM_MUST_CHECK;
void fm_work_free(struct fm_work *w);

void fm_net_forward(const struct fm_net *net, const fm_real *p, struct fm_work *w, const struct fm_net_in *in);
/* After forward: losses are added to *loss; with a sink the parameters' gradients go there (sink.h), NULL: losses
 * alone.
 */
void fm_net_backward(const struct fm_net *net, const fm_real *p, struct fm_work *w, const struct fm_net_in *in,
		     const struct fm_net_target *target, struct fm_net_loss *loss, const struct fm_sink *sink);
/* After forward: logits (n, vocab[c]) of column c at rows[0..n), in the work space until the next call. */
fm_real *fm_net_logits(const struct fm_net *net, const fm_real *p, struct fm_work *w, int c, const int *rows, int n);
/* After forward: predicted velocity or noise of the residuals (B*W, FM_RES_PAD). */
const fm_real *fm_net_velocity(const struct fm_net *net, const fm_real *p, struct fm_work *w, int B);

#endif
