/*
 * lstm.h - a recurrent layer of long short-term memory (Hochreiter, Schmidhuber 1997; with the forget gate of Gers,
 * Schmidhuber, Cummins 2000) over whole batches, forward and back.
 *
 *     [i f g o]_t = fixed F + each_t E + h_(t-1) U + b,  each (rows, 4 hidden)
 *     c_t = s(f) c_(t-1) + s(i) tanh(g);  h_t = s(o) tanh(c_t)
 *
 * Input that is the same in all steps (fixed) is multiplied once.
 */
#ifndef FM_MODEL_NN_LSTM_H
#define FM_MODEL_NN_LSTM_H

#include "model/nn/dense.h"
#include "model/nn/params.h"

struct fm_lstm {
	int fixed, each, hidden;
	size_t at_fixed, at_each, at_state, at_bias; /* offsets in the layout */
};
void fm_lstm_declare(struct fm_lstm *n, struct fm_layout *l, const char *name);

/* Space for batches of limited rows and steps. */
struct fm_lstm_work {
	const struct fm_lstm *n;
	int rows; /* of the last begin */
	size_t most;
	fm_real *base;         /* (rows, 4 hidden) fixed F + b */
	fm_real *gates;        /* (steps, rows, 4 hidden) after their functions */
	fm_real *h, *c;        /* (steps + 1, rows, hidden): the caller fills in those of place 0, the first state */
	fm_real *tc;           /* (steps, rows, hidden) tanh(c) */
	fm_real *dh, *dc;      /* (rows, hidden) */
	fm_real *dgate, *dsum; /* (rows, 4 hidden) */
	const fm_real *fixed;  /* of the last begin */
	fm_real *room;
};
int fm_lstm_work_open(struct fm_lstm_work *w, const struct fm_lstm *n, int rows, int steps,
		      struct fm_error *err) FM_MUST_CHECK;
void fm_lstm_work_close(struct fm_lstm_work *w);
/* The state before step t. */
fm_real *fm_lstm_h(const struct fm_lstm_work *w, int t);
fm_real *fm_lstm_c(const struct fm_lstm_work *w, int t);

/* fixed (rows, fixed) is borrowed until the backward pass is done. */
void fm_lstm_begin(struct fm_lstm_work *w, struct fm_dense *d, const fm_real *p, int rows, const fm_real *fixed);
/* Step t, from 0: each (rows, each).  The output is fm_lstm_h(w, t + 1). */
void fm_lstm_step(struct fm_lstm_work *w, struct fm_dense *d, const fm_real *p, int t, const fm_real *each);
/* Backward, from the last step to the first: */
void fm_lstm_back_begin(struct fm_lstm_work *w);
/* dh (rows, hidden): the gradient of the output of step t; g += the gradients of the parameters used in the step. */
void fm_lstm_step_back(struct fm_lstm_work *w, struct fm_dense *d, const fm_real *p, int t, const fm_real *each,
		       const fm_real *dh, fm_real *g);
/* g += the gradients for `fixed` and the biases. */
void fm_lstm_back_end(struct fm_lstm_work *w, struct fm_dense *d, fm_real *g);

#endif
