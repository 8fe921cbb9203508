/*
 * layers.h - what backbones are made of: linear maps, attention, feed-forward layers, all conditioned by adaptive layer
 * norm (Peebles, Xie 2023, fig. 3): a branch's shift, scale and gate are linear in the condition and zero at the start.
 *
 *     x += (1 + gate) f(norm(x) (1 + scale) + shift)
 *
 * A part has up to four functions: declare (its tensors), take (its activations, from a tape: the same places on the
 * way forward and back), forward and backward.  Backward takes the gradient of what forward made and turns it into that
 * of what forward was given; gradients of parameters and of modulations are added to.
 */
#ifndef FM_MODEL_NN_LAYERS_H
#define FM_MODEL_NN_LAYERS_H

#include "model/nn/backbone.h"

/* One pass of B windows of W rows of D numbers; R = B*W. */
struct fm_pass {
	const struct fm_kernels *k;
	struct fm_scratch *s;
	const fm_real *p; /* parameters */
	fm_real *g;       /* their gradients; NULL on the way forward */
	int B, W, D;
};

/* Activations one after the other; without a base only their size is found. */
struct fm_tape {
	fm_real *base;
	size_t used;
};
fm_real *fm_take(struct fm_tape *tape, size_t n);

/* out (rows,m) = in (rows,n) w (n,m) + b (m); w and b are offsets into the parameters. */
void fm_linear(const struct fm_pass *q, int rows, int n, int m, const fm_real *in, size_t w, size_t b, fm_real *out);
/* din = [din +] d w^T, unless din is NULL. */
void fm_linear_back(const struct fm_pass *q, int rows, int n, int m, const fm_real *in, const fm_real *d, size_t w,
		    size_t b, fm_real *din, int add);

/* Three vectors of a window's modulation, at + 0, D and 2D in its row; rows of mod and dmod (B, stride). */
struct fm_mod {
	const fm_real *mod;
	fm_real *dmod; /* NULL on the way forward */
	int stride, at;
};
enum { FM_SHIFT, FM_SCALE, FM_GATE, FM_NMOD };

/* Space of the way back, shared by a backbone's parts. */
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

#endif
