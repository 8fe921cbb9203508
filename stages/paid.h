/*
 * paid.h - the paid metrics: how far made flows are from the holdout, through noise that privacy.budget.gate pays for.
 *
 * The holdout is asked by fm_paid_ask (model/marginals/paid.h) and by nothing else; what comes after is a function of
 * its noisy counts, the made flows and the config, and so costs nothing, however often other flows are made.
 */
#ifndef FM_STAGES_PAID_H
#define FM_STAGES_PAID_H

#include "base/secret.h"
#include "base/table.h"
#include "manifests/config.h"
#include "manifests/metrics.h"

struct fm_paid_in {
	const struct fm_config *cfg;    /* privacy.mode dp with a share for the gate */
	const struct fm_table *holdout; /* NULL or without rows: no exchanges; their number is noisy too */
	const struct fm_table *synthetic;
	const struct fm_secret *secret; /* the key of the noise, used for nothing else */
};
/* Adds paid.* to out: each is the upper end of its interval, so that a check that passes holds whatever the noise
 * hides, and with too much noise no check passes.  n is the noisy number of held-out flows.  FM_ESYSTEM when the charge
 * differs from what the config announced: nothing is added then. */
int fm_paid_measure(const struct fm_paid_in *in, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

#endif
