/*
 * label_budget.h - labels in the shares that were asked for, window by window.
 *
 * A window's class tells the network what the window is about, but rare classes are learned from few windows, so the
 * share of their label that the network makes cannot be foreseen.  So a schedule with wanted shares (window_schedule.h)
 * says how many flows of each label each window has.  The network says which flows these are: its distribution is
 * weighted so that over the flows in question the expected number is what is left of the window's budget, and a label
 * whose budget is used up is not drawn any more.
 */
#ifndef FM_MODEL_CODEC_LABEL_BUDGET_H
#define FM_MODEL_CODEC_LABEL_BUDGET_H

#include <stdint.h>

/* Divide the network's distributions of labels, logits z (n,V) of rows[0..n) in rising order, by their mean in each
 * window of W flows.  Call it before any label is drawn. */
void fm_label_budget_balance(float *z, int V, const int *rows, int n, int W);
/* Multiply the distribution of one such row by what is left of its window's budget (nclasses numbers); tok: the window,
 * (W,FM_NTOK). */
void fm_label_budget_left(float *z, int V, const uint16_t *budget, int nclasses, const uint16_t *tok, int W);

#endif
