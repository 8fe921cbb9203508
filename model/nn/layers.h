/*
 * layers.h - what backbones are made of: linear maps, attention, feed-forward layers, all conditioned by adaptive layer
 * norm (Peebles, Xie 2023, fig. 3): the shift, scale and gate of a branch are linear in the condition and start at
 * zero.
 *
 *     x += (1 + gate) f(norm(x) (1 + scale) + shift)
 *
 * A part has up to four functions: declare (its tensors), take (its activations, from a tape: the same places forward
 * and backward), forward and backward.  Backward turns the gradient of forward's output into that of its input;
 * gradients of parameters and modulations are accumulated.
 */
#ifndef FM_MODEL_NN_LAYERS_H
#define FM_MODEL_NN_LAYERS_H

#include "model/nn/backbone.h"
#include "model/nn/sink.h"

/* Space of a pass on the processor. */
struct fm_pass_room {
	struct fm_scratch *scratch; /* of one thread */
	fm_real *space, *act;
};
struct fm_pass fm_pass_cpu(const struct fm_arch *a, const fm_real *p, struct fm_pass_room room, int B,
			   const struct fm_sink *sink);

/* Activations one after the other; without a base only their size is computed. */
struct fm_tape {
	fm_real *base;
	size_t used;
};
fm_real *fm_take(struct fm_tape *tape, size_t n);

/* A linear map from n numbers to m: w (n,m) and b (m) are offsets into the parameters. */
struct fm_affine {
	int n, m;
	size_t w, b;
};
/* out (rows,m) = in (rows,n) w + b; rows: B or a multiple of it, window by window. */
void fm_linear(const struct fm_pass *q, int rows, struct fm_affine a, const fm_real *in, fm_real *out);
/* din = [din +] d w^T, unless din is NULL. */
void fm_linear_back(const struct fm_pass *q, int rows, struct fm_affine a, const fm_real *in, const fm_real *d,
		    fm_real *din, int add);

/* The three modulation vectors of a window, at + 0, D and 2D in its row of mod and dmod (B, stride). */
struct fm_mod {
	const fm_real *mod;
	fm_real *dmod; /* NULL in a forward pass */
	int stride, at;
};
enum { FM_SHIFT, FM_SCALE, FM_GATE, FM_NMOD };

/* h (R,D) = x (1 + scale) + shift, window by window; back: d (of h) becomes d (of x). */
void fm_modulate(const struct fm_pass *q, const struct fm_mod *m, const fm_real *x, fm_real *h);
void fm_modulate_back(const struct fm_pass *q, const struct fm_mod *m, const fm_real *x, fm_real *d);
/* x (R,D) += y (1 + gate); back: dy from dx. */
void fm_gate_add(const struct fm_pass *q, const struct fm_mod *m, const fm_real *y, fm_real *x);
void fm_gate_back(const struct fm_pass *q, const struct fm_mod *m, const fm_real *y, const fm_real *dx, fm_real *dy);

/* Space of a backward pass, shared by the parts of a backbone. */
struct fm_space {
	fm_real *d1, *d2; /* (R, D) */
	fm_real *wide;    /* (R, wide) */
	fm_real *P;       /* (W, W) */
};
void fm_space_take(const struct fm_pass *q, int wide, struct fm_tape *tape, struct fm_space *s);

/* Attention over the window, softmax(q k^T / sqrt(D / heads)) v (Vaswani et al. 2017). */
enum { FM_DISTANCE, FM_QKV, FM_QKV_B, FM_OUT, FM_OUT_B, FM_NATT };
struct fm_att {
	fm_real *y, *h, *att, *o; /* (R, D) */
	fm_real *qkv;             /* (R, 3D) */
	fm_real *P;               /* (B, heads, W, W) */
	fm_real *rstd;            /* (R) */
};
/* l->att from l->qkv, keeping l->P; back: dqkv (R,3D) from datt (R,D), dP (W,W) is scratch.  distance: the offset of
 * the heads' biases. */
void fm_attend(const struct fm_pass *q, int heads, const struct fm_att *l, size_t distance);
void fm_attend_back(const struct fm_pass *q, int heads, const struct fm_att *l, size_t distance, const fm_real *datt,
		    fm_real *dqkv, fm_real *dP);
void fm_att_declare(struct fm_layout *l, int W, int D, int heads, float deep, const char *where, int i, size_t *at);
void fm_att_take(const struct fm_pass *q, int heads, struct fm_tape *tape, struct fm_att *l);
void fm_att_forward(const struct fm_pass *q, int heads, const size_t *at, const struct fm_att *l,
		    const struct fm_mod *m, fm_real *x);
void fm_att_backward(const struct fm_pass *q, int heads, const size_t *at, const struct fm_att *l,
		     const struct fm_mod *m, const struct fm_space *s, fm_real *dx);

/* The feed-forward branch: gelu(. w1) w2, F wide inside. */
enum { FM_FF1, FM_FF1_B, FM_FF2, FM_FF2_B, FM_NFF };
struct fm_ff {
	fm_real *y, *h, *u; /* (R, D) */
	fm_real *f, *gelu;  /* (R, F) */
	fm_real *rstd;      /* (R) */
};
void fm_ff_declare(struct fm_layout *l, int D, int F, float deep, int i, size_t *at);
void fm_ff_take(const struct fm_pass *q, int F, struct fm_tape *tape, struct fm_ff *l);
void fm_ff_forward(const struct fm_pass *q, int F, const size_t *at, const struct fm_ff *l, const struct fm_mod *m,
		   fm_real *x);
void fm_ff_backward(const struct fm_pass *q, int F, const size_t *at, const struct fm_ff *l, const struct fm_mod *m,
		    const struct fm_space *s, fm_real *dx);

/* The end of every backbone: h = norm(x) (1 + scale) + shift. */
struct fm_final {
	fm_real *mod, *dmod; /* (B, 2D) */
	fm_real *y, *rstd;   /* (R, D), (R) */
};
void fm_final_declare(struct fm_layout *l, int D, size_t at[2]);
void fm_final_take(const struct fm_pass *q, struct fm_tape *tape, struct fm_final *f);
void fm_final_forward(const struct fm_pass *q, const size_t at[2], const struct fm_final *f, const fm_real *c,
		      const fm_real *x, fm_real *h);
/* dx (R,D) is overwritten; dh is destroyed; dc (B,D) is added to. */
void fm_final_backward(const struct fm_pass *q, const size_t at[2], const struct fm_final *f, const fm_real *c,
		       fm_real *dh, fm_real *dx, fm_real *dc);

/* ---- convolutions of three over the window ---- */

/* W + 1 rows per window and one more: the first of each window and the last of all are zeros (unet.c), so that row r
 * and its two neighbours are 3n contiguous numbers.  w (3n,m), b (m).  y (rows,m) = conv(x (rows,n)). */
void fm_conv(const struct fm_pass *q, int W, struct fm_affine a, const fm_real *x, fm_real *y);
/* dx is overwritten; rows of zeros are zero in dy and become zero in dx. */
void fm_conv_back(const struct fm_pass *q, int W, struct fm_affine a, const fm_real *x, const fm_real *dy, fm_real *dx);
/* A convolution of stride 2: row j of y, whose windows have low rows, from the rows about 2j of x; dx is added to. */
void fm_conv_down(const struct fm_pass *q, int W, int low, struct fm_affine a, const fm_real *x, fm_real *y);
void fm_conv_down_back(const struct fm_pass *q, int W, int low, struct fm_affine a, const fm_real *x, const fm_real *dy,
		       fm_real *dx);
/* Set the rows of zeros in x (rows,n). */
void fm_conv_wipe(fm_real *x, int B, int W, int n);

/* ---- embeddings ---- */

/* For each r add row index[r] of the table at `at` to row source[r] of x (rows,D), or to row r where source is NULL;
 * nothing where index[r] < 0. */
void fm_lookup_add(const struct fm_pass *q, int rows, struct fm_lookup l, size_t at, fm_real *x);

/* Sinusoids of the time step at D/2 geometric frequencies (Ho, Jain, Abbeel 2020; Vaswani et al. 2017): e (B,D). */
void fm_embed_time(const struct fm_kernels *k, int D, const float *t, int B, fm_real *e);

/* The layers of a device (pass.h), under the names of the functions above, which call them. */
struct fm_layers {
	const char *name;
	void (*linear)(const struct fm_pass *, int, struct fm_affine, const fm_real *, fm_real *);
	void (*linear_back)(const struct fm_pass *, int, struct fm_affine, const fm_real *, const fm_real *, fm_real *,
			    int);
	void (*modulate)(const struct fm_pass *, const struct fm_mod *, const fm_real *, fm_real *);
	void (*modulate_back)(const struct fm_pass *, const struct fm_mod *, const fm_real *, fm_real *);
	void (*gate_add)(const struct fm_pass *, const struct fm_mod *, const fm_real *, fm_real *);
	void (*gate_back)(const struct fm_pass *, const struct fm_mod *, const fm_real *, const fm_real *, fm_real *);
	void (*attend)(const struct fm_pass *, int, const struct fm_att *, size_t);
	void (*attend_back)(const struct fm_pass *, int, const struct fm_att *, size_t, const fm_real *, fm_real *,
			    fm_real *);
	void (*conv)(const struct fm_pass *, int, struct fm_affine, const fm_real *, fm_real *);
	void (*conv_back)(const struct fm_pass *, int, struct fm_affine, const fm_real *, const fm_real *, fm_real *);
	void (*conv_down)(const struct fm_pass *, int, int, struct fm_affine, const fm_real *, fm_real *);
	void (*conv_down_back)(const struct fm_pass *, int, int, struct fm_affine, const fm_real *, const fm_real *,
			       fm_real *);
	void (*lookup_add)(const struct fm_pass *, int, struct fm_lookup, size_t, fm_real *);
};
extern const struct fm_layers fm_layers_cpu;

#endif
