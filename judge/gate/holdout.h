/*
 * holdout.h - is a holdout a real one?
 *
 * Every test of leakage compares the training rows with rows that the generator never saw.  Where a user names the
 * files, these rows may be too few, the training rows again, or the source of copied synthetic rows: then the tests
 * find no evidence of anything, and the gate must not take that for a pass.
 */
#ifndef FM_JUDGE_GATE_HOLDOUT_H
#define FM_JUDGE_GATE_HOLDOUT_H

#include "base/error.h"
#include "base/table.h"
#include "manifests/metrics.h"

#define FM_HOLDOUT_CHECK "holdout.disjoint" /* the line of the verdict, only there when it fails */
#define FM_HOLDOUT_MAX 0.1 /* share of rows equal in every column; distinct real flows have next to none */

struct fm_holdout {
	size_t holdout, synthetic;                    /* rows */
	size_t holdout_in_real, synthetic_in_holdout; /* how many of them are in the other table too */
};
/* memory: bytes that may be used for what grows with the number of rows. */
int fm_holdout_count(struct fm_holdout *a, const struct fm_table *real, const struct fm_table *synthetic,
		     const struct fm_table *holdout, size_t memory, struct fm_error *err) FM_MUST_CHECK;

/* Add a failing line to v when the holdout is not a real one; v->check has room for it (fm_gate_apply). most: the share
 * of rows in common that is accepted (fm_gate_in_common). */
void fm_holdout_judge(const struct fm_holdout *a, double most, struct fm_verdict *v);

#endif
