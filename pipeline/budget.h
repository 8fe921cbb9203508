/*
 * budget.h - what a run in privacy.mode dp claims, and what it charges to the budget of its trace.
 *
 *     fm_budget_claim      config -> what will be asked of private records, and the epsilon of all of it: no trace is
 *                          looked at, so that `flowmint budget` and the charge before a run agree
 *     fm_budget_charge     one row "charge" in the ledger before any record is read; refused when it would be too much
 *     fm_budget_check      whether it would be: what a plan of a run says, which charges nothing
 *     fm_budget_json       the claim as the manifest has it
 *
 * Runs on one trace compose: their epsilons and their deltas add up (basic composition; Dwork, Roth 2014, theorem
 * 3.16).  Two files count as one trace when they are equal, or when the periods that their configs state in public
 * (privacy.first to privacy.last) overlap: the same flows may be compressed or sorted in another way, or have others
 * beside them.  privacy.total_epsilon bounds the sum of epsilons, failed runs and tuning included, and the sum
 * of deltas then stays where each delta alone has to be, below one in privacy.records.  Without privacy.total_epsilon
 * the sum is only told.  A run of the same secret has the same noise and is charged once.
 */
#ifndef FM_PIPELINE_BUDGET_H
#define FM_PIPELINE_BUDGET_H

#include <jansson.h>

#include "manifests/config.h"
#include "pipeline/ledger.h"
#include "privacy/charge.h"

struct fm_claim {
	struct fm_charges charges;
	double *share;         /* (charges.n) each entry's share of the whole: fm_charges_shares */
	double epsilon, delta; /* for one unit that changes (fm_private_adjacency) */
};
/* FM_EINPUT when the kind of model has no private form, or its noise does not keep to privacy.epsilon. */
int fm_budget_claim(struct fm_claim *c, const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
void fm_claim_free(struct fm_claim *c);

/* FM_EINPUT when privacy.total_epsilon is for flows and earlier runs were charged for exchanges; FM_EVERDICT when this
 * claim and all that was charged to the trace before exceed privacy.total_epsilon, or their deltas are too large
 * together. */
int fm_budget_charge(struct fm_ledger *l, const struct fm_config *cfg, const struct fm_claim *c, const char *run,
		     const char *trace_sha256, const char *secret_id, struct fm_error *err) FM_MUST_CHECK;
/* The same, warnings included, but for the row. */
int fm_budget_check(struct fm_ledger *l, const struct fm_config *cfg, const struct fm_claim *c, const char *run,
		    const char *trace_sha256, const char *secret_id, struct fm_error *err) FM_MUST_CHECK;

/*
 * {"mode":"dp", "unit":"exchange"|"flow"|"window", "adjacency":"add_or_remove"|"replace_one", "epsilon", "delta",
 * "accountant", "records", "mechanisms":[charge_json.h, each with "share"],
 *  "guarantee":[{"of":"exchange"|"flow"|"window"|"conversation"|"host", "minutes", "exchanges":k, "epsilon":x|null,
 *  "delta"}],
 *  "statement", "covers", "does_not_cover":[...]}
 *
 * A line's delta is that of the claim, or for a large group, whose keys pass thresholds more often, the first of ten
 * times, a hundred times that with an epsilon.  A null epsilon: none at a delta of 0.01.  A new reference.
 */
int fm_budget_json(const struct fm_claim *c, const struct fm_config *cfg, json_t **out,
		   struct fm_error *err) FM_MUST_CHECK;

#endif
