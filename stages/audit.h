/*
 * audit.h - a claim put to the test: canaries are planted, a model of the same config is fitted, and the bound of one
 * run (privacy/audit.h) says which epsilon its answers refute.
 *
 * The run is one of its own, and nothing of it is released.  It draws splits, canaries, tosses, noise and flows from a
 * secret of its own; about the trace it tells only the bound, which comes from a fit that is as private as the claimed
 * one.
 */
#ifndef FM_STAGES_AUDIT_H
#define FM_STAGES_AUDIT_H

#include <jansson.h>

#include "base/secret.h"
#include "manifests/config.h"

#define FM_AUDIT_CONFIDENCE 0.95
#define FM_AUDIT_CANARIES_MIN 100
#define FM_AUDIT_CANARIES_MAX 100000
#define FM_AUDIT_RUNS_MAX 20

/* The numbers of the result, and the names of the rankings ("by"); each list ends with NULL. */
extern const char *const fm_audit_numbers[], *const fm_audit_by[];

struct fm_audit_in {
	const struct fm_config *cfg; /* privacy.mode dp */
	const char *trace;
	const char *work_dir; /* exists and is empty; private flows lie there afterwards */
	size_t canaries, runs;
	const struct fm_secret *secret; /* of the audit */
};
/* The secret of one run, from which it draws everything; by it the budget tells runs apart. */
int fm_audit_secret(struct fm_secret *own, const struct fm_secret *audit, size_t run,
		    struct fm_error *err) FM_MUST_CHECK;
/*
 * *result: {"epsilon_lower", "confidence":0.95, "delta", "canaries", "most": the largest bound that so many canaries
 * can give,
 *           "runs":[{"epsilon_lower", "by":"counts"|"losses"|"flows", "guesses", "right", "included"}, ...]}
 *
 * epsilon_lower is the largest of the runs'; the 5 % by which it may err are shared among runs, rankings and numbers of
 * guesses.  A new reference.
 */
int fm_stage_audit(const struct fm_audit_in *in, json_t **result, struct fm_error *err) FM_MUST_CHECK;

#endif
