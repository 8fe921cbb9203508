/*
 * gate.h - thresholds on metrics: what the gate stage and `flowmint evaluate --gate` both apply.
 */
#ifndef FM_STAGES_GATE_H
#define FM_STAGES_GATE_H

#include <stdio.h>

#include "base/error.h"
#include "manifests/config.h"
#include "manifests/metrics.h"

/*
 * Apply cfg->gate to the metrics: one line of the verdict for each threshold (a check with max and min makes two), a
 * value at its threshold passing.  A check fails, saying why, when its metric was not measured (or is misspelt), is NaN or
 * infinite, when its threshold is, when it has none, and when it is relative to a noise floor that was not measured
 * (max * the metric "floor." + name).  No check at all is a failure too, of a line named "gate".
 *
 * FM_OK whether it passed or not: v->pass says.  Free *v by fm_verdict_free.
 */
int fm_gate_apply(const struct fm_config *cfg, const struct fm_metrics *metrics, struct fm_verdict *v,
		  struct fm_error *err) FM_MUST_CHECK;

/* The verdict as an aligned table for people, failures with their reason, and a last line that sums up. */
void fm_verdict_print(FILE *f, const struct fm_verdict *v);

#endif
