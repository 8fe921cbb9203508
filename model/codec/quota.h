/*
 * quota.h - labels in the shares that were asked for, window by window.
 *
 * A window's class tells the network what the window is about, but rare classes are learned from few windows, and what the
 * network makes of them is a share of their label that is anyone's guess.  So a plan with wishes (plan.h) says how many
 * flows of each label each window has.  The network says which flows these are: its distribution is weighed so that over the
 * flows in question it expects what is left of the window's quota, and a label whose quota is used up is drawn no more.
 */
#ifndef FM_MODEL_CODEC_QUOTA_H
#define FM_MODEL_CODEC_QUOTA_H

#include "model/codec/plan.h"

/* Fill plan->quota from its windows' classes: share o->share of all flows for each wanted label and none for others, the label
 * of a class in windows of that class as evenly as it goes, the rest of the most frequent label. */
int fm_quota_make(struct fm_plan *plan, const struct fm_codec *c, const struct fm_plan_opts *o, struct fm_error *err) FM_MUST_CHECK;

/* Divide the network's distributions of labels, logits z (n,V) of rows[0..n) in rising order, by their mean in each window of W
 * flows.  Before any of them is drawn. */
void fm_quota_balance(float *z, int V, const int *rows, int n, int W);
/* Multiply one such row's by what is left of its window's quota (nclasses numbers); tok: the window, (W,FM_NTOK). */
void fm_quota_left(float *z, int V, const uint16_t *quota, int nclasses, const uint16_t *tok, int W);

#endif
