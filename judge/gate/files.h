/*
 * files.h - judging files without the run that made them: which checks of a gate apply to them, how unreadable rows
 * count, and which metrics a reader should see first.
 */
#ifndef FM_JUDGE_GATE_FILES_H
#define FM_JUDGE_GATE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "judge/gate/check.h"
#include "manifests/config.h"
#include "manifests/metrics.h"

/* Files need not have fresh addresses: who talks to whom is judged, not who they are.  Checks of metrics that compare
 * addresses by identity are removed from cfg->gate. */
void fm_gate_by_role(struct fm_config *cfg);

/* Checks removed from a gate, in its order. */
struct fm_unasked {
	int n;
	struct {
		char name[64];
		enum fm_silence why;
	} check[FM_CFG_MAXCHECKS];
};

/*
 * Remove from cfg->gate the checks that need a model, which files do not have; those of the preset that need a column
 * of cfg->absent; and those that these flows cannot answer (fm_gate_silence).  Without a holdout, and where `lenient`
 * says that no config asks for one, checks that need a holdout or a noise floor are removed too.  All others stay, and
 * fail where they were not measured, such as a config's own check of an absent column.
 */
void fm_gate_leave_out(struct fm_config *cfg, const struct fm_metrics *metrics, bool lenient, struct fm_unasked *out);

/* Unreadable rows of a file count as impossible flows: add `bad` of them to the metric `name` (rules.broken_share or
 * rules.broken_share_real), where it was measured. */
void fm_count_unreadable(struct fm_metrics *metrics, const char *name, uint64_t bad);

/* The metrics that are farthest on the bad side of their ideal, worst first, at most `most`; none that is at its ideal.
 * Where there are floors they are ranked by the distance over that of the floor (or of the holdout's own metric), or
 * over half of the 95 % interval.  Else by the distance itself.  Only shares, divergences and scores, which can be
 * compared. */
struct fm_worst {
	const struct fm_metric *metric, *floor; /* floor NULL: none */
	double times;    /* distance from the ideal over the floor's, or over half of the interval; or NaN */
	double distance; /* distance from the ideal: ranks it where times is NaN */
};
size_t fm_metrics_worst(const struct fm_metrics *metrics, struct fm_worst *worst, size_t most);

#endif
