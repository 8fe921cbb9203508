/* audit-privacy: attack the claim of a config in privacy.mode dp, and say what the attack refutes. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "manifests/config.h"
#include "pipeline/claim_audit.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "stages/audit.h"

struct audit_args {
	struct fm_words set;
	const char *workspace;
	uint64_t canaries, runs;
	bool is_public, unconfined, json;
};

static const struct fm_option options[] = {
    {FM_SETS_UINT(struct audit_args, canaries), .name = "canaries", .value = "N", .least = FM_AUDIT_CANARIES_MIN,
     .most = FM_AUDIT_CANARIES_MAX,
     .help = "exchanges that are planted, each with probability one half (default 1000); the more, the larger the "
	     "epsilon that can be refuted"},
    {FM_SETS_UINT(struct audit_args, runs), .name = "runs", .value = "K", .least = 1, .most = FM_AUDIT_RUNS_MAX,
     .help = "fits, each with canaries and noise of its own (default 1)"},
    {FM_SETS_FLAG(struct audit_args, is_public), .name = "public",
     .help = "the trace is public, a simulated one say: nothing is charged, and the manifest of a release may tell the "
	     "result"},
    {FM_SETS_LIST(struct audit_args, set), .name = "set", .value = "KEY=VALUE", .offer = FM_OFFER_KEY,
     .help = "as for run"},
    {FM_SETS_TEXT(struct audit_args, workspace), .name = "workspace", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "default: $FLOWMINT_WORKSPACE, else workspace/ beside RELEASE.yaml"},
    {FM_SETS_FLAG(struct audit_args, unconfined), .name = "unconfined", .help = "as for run"},
    FM_OPTION_JSON(struct audit_args),
    {0},
};

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void print_report(const json_t *report)
{
	const json_t *runs = json_object_get(report, "runs");
	const char *unit = json_string_value(json_object_get(report, "unit"));
	size_t n = json_array_size(runs);

	for (size_t i = 0; i < n; i++) {
		const json_t *r = json_array_get(runs, i);

		fm_cli_print(
		    "run %zu: %.0f canaries, %.0f in; %.0f of %.0f guesses right, by the %s: epsilon at least %.3f\n",
		    i + 1, number(report, "canaries"), number(r, "included"), number(r, "right"), number(r, "guesses"),
		    json_string_value(json_object_get(r, "by")), number(r, "epsilon_lower"));
	}
	fm_cli_print("proven:   epsilon at most %g for one %s, delta %g\n", number(report, "epsilon"),
		     unit ? unit : "exchange", number(report, "delta"));
	fm_cli_print("measured: epsilon at least %.3f, confidence %g %%; so many canaries can show at most %.3f\n",
		     number(report, "epsilon_lower"), 100 * number(report, "confidence"), number(report, "most"));
	if (json_is_true(json_object_get(report, "public")))
		fm_cli_print("charged:  nothing, the trace is public\n");
	else
		fm_cli_print("charged:  epsilon %g to the trace, unless this very audit was charged before\n",
			     number(report, "charged"));
}

static int audit(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct audit_args *a = args;
	struct fm_claim_audit_in in = {.workspace = fm_place_run_workspace(a->workspace),
				       .canaries = (size_t)a->canaries,
				       .runs = (size_t)a->runs,
				       .is_public = a->is_public,
				       .unconfined = a->unconfined};
	struct fm_config *cfg = NULL;
	json_t *report = NULL;
	const char *file;
	int rc;

	if ((rc = fm_place_config(call, call->operand[0], &file, err)) < 0 ||
	    (rc = fm_config_load(&cfg, file, a->set.word, a->set.n, err)) < 0)
		goto out;
	in.cfg = cfg;
	if ((rc = fm_claim_audit(&in, &report, err)) < 0)
		goto out;
	if (!a->json)
		print_report(report);
	else if ((rc = fm_cli_json(json_incref(report), err)) < 0)
		goto out;
	if (json_is_true(json_object_get(report, "refuted")))
		rc = fm_fail(err, FM_EVERDICT,
			     "the claim is refuted: epsilon is at least %.3f with confidence %g %%, and %g is claimed; "
			     "no run of this config is released by this program",
			     number(report, "epsilon_lower"), 100 * number(report, "confidence"),
			     number(report, "epsilon"));
out:
	json_decref(report);
	fm_config_free(cfg);
	return rc;
}

const struct fm_verb fm_verb_audit_privacy = {
    .name = "audit-privacy",
    .summary = "attack the claim of a config in privacy.mode dp, and say what is refuted",
    .about = "Plants canaries in the training flows, exchanges (with privacy.unit "
	     "window whole windows of them, with flow one of two each) that could exist but do not, by the toss of a "
	     "coin; fits a "
	     "model as the config says; and guesses from all noisy counts, and from flows of the model, which canaries "
	     "are in. "
	     "How many guesses are right gives a lower bound on epsilon with confidence 95 % (Steinke, Nasr, Jagielski "
	     "2023). "
	     "A bound above what is claimed refutes the claim: exit status 1, and the gate lets no run of the config "
	     "through.\n\nNothing of the audit is released. Each of its runs costs as much of the trace's budget as "
	     "the claim "
	     "says (privacy.total_epsilon), with --public nothing. A bound of 0 proves nothing.",
    .operands = "RELEASE.yaml",
    .optional = 1,
    .offer = FM_OFFER_FILE,
    .options = options,
    .defaults = &(const struct audit_args){.canaries = 1000, .runs = 1},
    .args_size = sizeof(struct audit_args),
    .run = audit,
};
