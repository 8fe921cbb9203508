/*
 * files.h - judging files without the run that made them: which checks of a gate they can answer, how a row that cannot
 * be read counts, and which metrics a reader should see first.
 */
#ifndef FM_JUDGE_GATE_FILES_H
#define FM_JUDGE_GATE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "judge/gate/check.h"
#include "manifests/config.h"
#include "manifests/metrics.h"

/* Nobody promised that files have fresh addresses: who talks to whom is judged, not who they are.  Checks of metrics
 * that compare addresses by identity are taken out of cfg->gate. */
void fm_gate_by_role(struct fm_config *cfg);

/* Checks that were taken out of a gate, in its order. */
struct fm_unasked {
	int n;
	struct {
		char name[64];
		enum fm_silence why;
	} check[FM_CFG_MAXCHECKS];
};

/*
 * Take out of cfg->gate what files can never answer because they have no model, what needs a column of cfg->absent and
 * is the preset's, and what these flows cannot answer (fm_gate_silence).  Without a holdout, and where `lenient` says
 * that nobody wrote a config that asks for one, what needs a holdout or a noise floor is left out too.  All else stays,
 * and fails where it was not measured: so does what a config itself asks of an absent column.
 */
void fm_gate_leave_out(struct fm_config *cfg, const struct fm_metrics *metrics, bool lenient, struct fm_unasked *out);

/* Rows of a file that no reader understands are flows that cannot exist: `bad` more of them in name (rules.broken_share
 * or rules.broken_share_real), where it was measured. */
void fm_count_unreadable(struct fm_metrics *metrics, const char *name, uint64_t bad);

/* The metrics that are farthest on the bad side of their ideal, worst first, at most `most`; none that stands at it.
 * Where there are floors: by the distance over that of the floor (of rows that are held out where they are asked the
 * same), or over half of the 95 % interval.  Else by the distance itself.  Only shares, divergences and scores, which
 * compare. */
struct fm_worst {
	const struct fm_metric *metric, *floor; /* floor NULL: none */
	double times;    /* its distance from the ideal over the floor's, or over half of its interval; or NaN */
	double distance; /* what ranks it then */
};
size_t fm_metrics_worst(const struct fm_metrics *metrics, struct fm_worst *worst, size_t most);

#endif
