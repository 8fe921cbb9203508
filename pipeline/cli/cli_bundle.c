/* bundle: a run's model, sealed for keeping. */
#include <stdbool.h>
#include <stdio.h>

#include "pipeline/bundle.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"

struct bundle_args {
	const char *out, *workspace;
	bool unconfined, json;
};

static const struct fm_option bundle_options[] = {
    {FM_SETS_TEXT(struct bundle_args, out), .name = "out", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "default: NAME-VERSION" FM_BUNDLE_SUFFIX " beside the archive of the run"},
    {FM_SETS_FLAG(struct bundle_args, unconfined), .name = "unconfined", .help = "as for run"},
    FM_OPTION_WORKSPACE(struct bundle_args),
    FM_OPTION_JSON(struct bundle_args),
    {0},
};

static int bundle(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct bundle_args *a = args;
	struct fm_bundle_in in = {.run = call->operand[0], .out = a->out, .unconfined = a->unconfined};
	json_t *report = NULL;
	int rc;

	if ((rc = fm_place_check_run(call, in.run, err)) < 0 ||
	    (rc = fm_place_workspace(call, a->workspace, &in.workspace, err)) < 0 ||
	    (rc = fm_bundle_make(&in, &report, err)) < 0)
		return rc;
	if (a->json)
		return fm_cli_json(report, err);
	fm_cli_print("%s  %lld bytes\n", json_string_value(json_object_get(report, "bundle")),
		     (long long)json_integer_value(json_object_get(report, "bytes")));
	json_decref(report);
	return FM_OK;
}

const struct fm_verb fm_verb_bundle = {
    .name = "bundle",
    .summary = "seal the model of a run, to make its release again without the trace",
    .about =
	"Writes the model of RUN (r0001, or 1), and what generation needs beside it, into one file that is encrypted "
	"and "
	"authenticated with the project's secret, keys/commitment.key. Keep it beside the release, and the secret "
	"elsewhere: flowmint reproduce --model makes the release again from the two and the manifest. No flow of the "
	"trace is in the bundle, but the model is as private as in the workspace.",
    .operands = "RUN",
    .offer = FM_OFFER_RUN,
    .options = bundle_options,
    .args_size = sizeof(struct bundle_args),
    .run = bundle,
};
