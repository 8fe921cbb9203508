/*
 * check.h - thresholds on metrics: what the gate stage and `flowmint evaluate --gate` both apply.
 */
#ifndef FM_JUDGE_GATE_CHECK_H
#define FM_JUDGE_GATE_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "manifests/config.h"
#include "manifests/metrics.h"

/*
 * Apply cfg->gate to the metrics: one line of the verdict for each threshold (a check with max and min makes two); a
 * value equal to its threshold passes.  A check fails, and says why, when its metric was not measured (or is misspelt),
 * is NaN or infinite, when its threshold is NaN or infinite or missing, and when it is relative to a noise floor that
 * was not measured (max * the floor + plus; a min alone: min * floor - plus).  A silent check has no line: it is in
 * v->unasked.  Having no check at all is a failure too, in a line named "gate".
 *
 * FM_OK whether it passed or not: see v->pass.  Free *v by fm_verdict_free.
 */
int fm_gate_apply(const struct fm_config *cfg, const struct fm_metrics *metrics, struct fm_verdict *v,
		  struct fm_error *err) FM_MUST_CHECK;

/* Lift the failed lines that waivers (a list as in a verdict, or NULL) name, and nothing else; the caller has checked
 * who signed them.  Only the waivers that lifted something are in the verdict. */
int fm_gate_waive(struct fm_verdict *v, const json_t *waivers, struct fm_error *err) FM_MUST_CHECK;
/* Set v->pass from its lines: each passes or is waived, and there is at least one. */
void fm_gate_decide(struct fm_verdict *v);

/* A claim of differential privacy under attack: audits is a list of {"epsilon_lower", "epsilon": claimed, "canaries"}
 * or NULL; the first adds a line audit.epsilon_lower to a verdict of fm_gate_apply, which has room for one.  No waiver
 * lifts it: a claim that is refuted must not be published. */
void fm_gate_claim(struct fm_verdict *v, const json_t *audits);

/* By how much the threshold of leak.rows_equal is raised in a trace that has rows twice, equal in every column: there
 * fresh real flows may equal a training row, as rows of the holdout do (leak.holdout_equal).  0 for any other check and
 * any other trace.  absent: the columns of a flow that the trace lacks (cfg->absent); without addresses and times, rows
 * are often equal in any trace, and the threshold moves at most half of the way from their share to 1. */
double fm_gate_repeats(const char *check, const struct fm_metrics *metrics, unsigned absent);
/* The share of a holdout's rows that may equal, in every column, a row of another table: FM_HOLDOUT_MAX (holdout.h).
 * Where the trace lacks columns it may be more, as incomplete flows repeat each other: twice the share of rows that
 * equal an earlier one (in training or holdout, whichever is larger), but at most half of the way from that share to
 * 1. */
double fm_gate_in_common(const struct fm_metrics *metrics, unsigned absent);

/* May fm_gate_apply have moved the thresholds of this check outwards, in a gate with this room?  By how much is known
 * only to it, and to whoever makes the verdict again from the metrics. */
bool fm_gate_may_move(const struct fm_cfg_check *check, double room);

/* Is a check's max (or min) relative to its floor?  A min beside a max is not. */
int fm_gate_is_relative(const struct fm_cfg_check *check, int is_max);

/* Why a check is not applied. */
enum fm_silence {
	FM_ASKED,      /* it is applied */
	FM_NO_HOLDOUT, /* files (files.h) without a holdout */
	FM_NO_LABELS,
	FM_NO_ANSWER,
	FM_NO_RUN,    /* files that no run has made */
	FM_NO_COLUMN, /* files whose real flows lack a column that a check of the preset needs */
	FM_NSILENCES
};
/* Can a trace answer a check?  Not one about labels where the metric was not measured and the real flows have fewer
 * than two labels to tell apart (downstream.label_classes): FM_NO_LABELS.  Nor host.PROFILE where the hosts of the real
 * flows are too few to be told apart from each other (its floor is not a number), or where they are told apart so well
 * that with the added room no flows at all would fail: FM_NO_ANSWER.  A check without a floor is applied.  Checks that
 * are not applied are in v->unasked. */
enum fm_silence fm_gate_silence(const struct fm_cfg_check *check, const struct fm_metrics *metrics, double room);

/* The floor of a metric, or NULL: what the holdout scores; for tstr.* what the learner trained on real flows scores. */
const struct fm_metric *fm_gate_floor(const struct fm_metrics *metrics, const char *name);
/* How large a share seen in share->n rows may be in as many others: Wilson's upper end, or twice the share if that is
 * more. */
double fm_gate_seldom(const struct fm_metric *share);
/*
 * By how much an absolute threshold is moved for the noise of this trace at these rows: `times` the distance of its
 * floor from the ideal, 0 without a floor, for a threshold that is relative to it, and for a value of one table.  Where
 * there is a worst value, the threshold moves as large a part of the way to it as `times` the floor is of the way from
 * the ideal.  A share of flows that break a rule is raised by what the holdout makes possible (fm_gate_seldom); where
 * the holdout has none that is 0, or with `rare` also the upper end.
 */
double fm_gate_room(const struct fm_cfg_check *check, int is_max, const struct fm_metrics *metrics, double times,
		    int rare);

/* One threshold of a check (its max, or its min) applied to one table of metrics.  floor: the value of the metric's
 * noise floor, NaN when there is none; extra is added to the threshold. */
void fm_gate_line(struct fm_check_result *c, const struct fm_cfg_check *check, int is_max,
		  const struct fm_metrics *metrics, double floor, double extra);

/* The verdict as an aligned table for people, failures with their reason, and a last line that sums up. */
void fm_verdict_print(FILE *f, const struct fm_verdict *v);
void fm_verdict_print_lines(FILE *f, const struct fm_verdict *v); /* only the table */
void fm_verdict_print_word(FILE *f, const struct fm_verdict *v);  /* only the summary line */

/* Lines after it, about failed checks that the real flows would fail too: for the team only.  broken: the shares of
 * real flows that break each rule, under the names of floors, where metrics has none; may be NULL. */
void fm_verdict_print_trace(FILE *f, const struct fm_verdict *v, const struct fm_metrics *metrics,
			    const struct fm_metrics *broken);

#endif
