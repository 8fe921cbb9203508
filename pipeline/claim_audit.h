/*
 * claim_audit.h - what a claim of privacy.mode dp is worth when it is attacked: runs of an audit (stages/audit.h) aside
 * from any release, within the walls of a stage, charged, and in the ledger.
 *
 * A run of an audit fits a model to the trace with noise of its own, so that what the audit tells, its bound and
 * whether it refutes the claim, costs once more what the claim says: one row "charge" for each run, under a secret of
 * its own, before a record is read.  The same audit run again has the same canaries, tosses and noise, gives the same
 * answer and costs nothing.  A public trace, for example a simulated one, has no budget: nothing is charged, and what
 * comes out may be published.
 *
 * The row "audit" of the ledger:
 *     {"mechanism": digest, "trace": digest, "public": bool, "epsilon": claimed, "charged": epsilon, "refuted": bool,
 *      and what fm_stage_audit tells}
 * The mechanism is the program with the config's sections model, train and privacy, without what privacy says about the
 * trace: an audit speaks for what it ran, on any trace.
 */
#ifndef FM_PIPELINE_CLAIM_AUDIT_H
#define FM_PIPELINE_CLAIM_AUDIT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/hash.h"
#include "manifests/config.h"
#include "pipeline/ledger.h"

struct fm_claim_audit_in {
	const struct fm_config *cfg;
	const char *workspace; /* NULL: workspace/ beside the config */
	size_t canaries, runs;
	bool is_public, unconfined;
};
/* *report: the row's body, a new reference.  FM_EVERDICT when the budget of the trace does not allow it. */
int fm_claim_audit(const struct fm_claim_audit_in *in, json_t **report, struct fm_error *err) FM_MUST_CHECK;

/* The audit that counts for the config's mechanism: the last one that refuted its claim (no later one takes that back),
 * else the last one.  A list of one body, or an empty one; a new reference. */
int fm_claim_audit_find(struct fm_ledger *l, const struct fm_config *cfg, json_t **list,
			struct fm_error *err) FM_MUST_CHECK;

#endif
