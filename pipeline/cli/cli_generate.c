/* generate, judge: one part of a run's flows, for run.shards, or of the searches of its judging, for run.parts. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/input.h"
#include "pipeline/shards.h"

struct generate_args {
	struct fm_words set;
	const char *shard, *out, *workspace;
	bool unconfined, json;
};

static const struct fm_option generate_options[] = {
    {FM_SETS_TEXT(struct generate_args, shard), .name = "shard", .value = "I/N", .required = true,
     .help = "which part, as in 3/7"},
    {FM_SETS_TEXT(struct generate_args, out), .name = "out", .value = "FOLDER", .required = true,
     .offer = FM_OFFER_FOLDER, .help = "where the shard goes, for run.shards; made when it is not there"},
    {FM_SETS_LIST(struct generate_args, set), .name = "set", .value = "KEY=VALUE", .offer = FM_OFFER_KEY,
     .help = "as for run, with RELEASE.yaml"},
    {FM_SETS_FLAG(struct generate_args, unconfined), .name = "unconfined", .help = "as for run"},
    FM_OPTION_WORKSPACE(struct generate_args),
    FM_OPTION_JSON(struct generate_args),
    {0},
};

static const struct fm_option judge_options[] = {
    {FM_SETS_TEXT(struct generate_args, shard), .name = "part", .value = "I/N", .required = true,
     .help = "which part, as in 3/7"},
    {FM_SETS_TEXT(struct generate_args, out), .name = "out", .value = "FOLDER", .required = true,
     .offer = FM_OFFER_FOLDER, .help = "where the part goes, for run.parts; made when it is not there"},
    {FM_SETS_LIST(struct generate_args, set), .name = "set", .value = "KEY=VALUE", .offer = FM_OFFER_KEY,
     .help = "as for run, with RELEASE.yaml"},
    {FM_SETS_FLAG(struct generate_args, unconfined), .name = "unconfined", .help = "as for run"},
    FM_OPTION_WORKSPACE(struct generate_args),
    FM_OPTION_JSON(struct generate_args),
    {0},
};

static int print(json_t *report, bool json, struct fm_error *err)
{
	if (json)
		return fm_cli_json(report, err);
	fm_cli_print("%s  %s\n", json_string_value(json_object_get(report, "file")),
		     json_is_true(json_object_get(report, "made")) ? "made" : "was there already");
	json_decref(report);
	return FM_OK;
}

/* The config as the run that trained had it. */
static int load(const struct generate_args *a, const char *file, struct fm_config **cfg, struct fm_error *err)
{
	int rc;

	if ((rc = fm_config_load(cfg, file, a->set.word, a->set.n, err)) < 0)
		return rc;
	if (fm_input_is_once_only((*cfg)->source.path))
		return fm_fail(err, FM_EUSAGE,
			       "source.path %s can be read once: name the run that trained, as in r0001",
			       (*cfg)->source.path);
	return fm_input_settle(*cfg, fm_place_run_workspace(a->workspace), a->unconfined, err);
}

static int make(const struct generate_args *a, enum fm_shard_kind kind, const struct fm_call *call,
		struct fm_error *err)
{
	struct fm_shard_in in = {.kind = kind, .out = a->out, .unconfined = a->unconfined};
	struct fm_config *cfg = NULL;
	json_t *report = NULL;
	int rc;

	if ((rc = fm_shard_parse(kind == FM_SHARDS_JUDGING ? "part" : "shard", a->shard, &in.shard, err)) < 0)
		return rc;
	if (fm_run_is_named(call->operand[0])) {
		in.run = call->operand[0];
		if (a->set.n > 0)
			return fm_fail(err, FM_EUSAGE, "--set goes with RELEASE.yaml: the config of a run is recorded");
		rc = fm_place_workspace(call, a->workspace, &in.workspace, err);
	} else if ((rc = load(a, call->operand[0], &cfg, err)) >= 0) {
		in.cfg = cfg;
		rc = fm_place_project_workspace(call, a->workspace, cfg->dir, &in.workspace, err);
	}
	if (rc < 0 || (rc = fm_shard_make(&in, &report, err)) < 0)
		goto out;
	rc = print(report, a->json, err);
out:
	fm_config_free(cfg);
	return rc;
}

static int generate(const void *args, const struct fm_call *call, struct fm_error *err)
{
	return make(args, FM_SHARDS_FLOWS, call, err);
}

static int judge(const void *args, const struct fm_call *call, struct fm_error *err)
{
	return make(args, FM_SHARDS_JUDGING, call, err);
}

const struct fm_verb fm_verb_generate = {
    .name = "generate",
    .summary = "make one part of a run's flows, on this machine or another",
    .about = "Makes the I-th of N parts of the flows of RUN (r0001, or 1), whose model the workspace has, and puts it "
	     "into FOLDER as a sealed file. In place of RUN, RELEASE.yaml stands for the newest run that trained a "
	     "model by it, and its section generate counts. Any number of parts may be made at once, by machines that "
	     "share the project's folder. flowmint run with run.shards takes them and makes what is missing; the flows "
	     "are the same to the byte.\n"
	     "\n"
	     "A shard that is there already and can be opened is left as it is, so that the same command after a "
	     "failure makes only what is missing. It is encrypted under a key that comes from that of the model: "
	     "flowmint purge of the model makes it unreadable.",
    .operands = "RUN",
    .offer = FM_OFFER_RUN_OR_FILE,
    .options = generate_options,
    .args_size = sizeof(struct generate_args),
    .run = generate,
};

const struct fm_verb fm_verb_judge = {
    .name = "judge",
    .summary = "search one part of what judging looks for, on this machine or another",
    .about =
	"Does the I-th of N parts of the searches that judge the flows of RUN (r0001, or 1): rows that real tables "
	"have "
	"too, addresses and rare values, nearest neighbours. The workspace has the run's rows and flows; the part goes "
	"into FOLDER as a sealed file. In place of RUN, RELEASE.yaml stands for the newest run that generated flows by "
	"it. Any number of parts may be made at once, by machines that share the project's folder. flowmint run with "
	"run.parts takes them and searches what is missing; the metrics are the same to the bit.\n\nA part that is "
	"there already and can be opened is left as it is. It is encrypted under a key that comes from that of the "
	"flows: flowmint purge of the flows makes it unreadable.",
    .operands = "RUN",
    .offer = FM_OFFER_RUN_OR_FILE,
    .options = judge_options,
    .args_size = sizeof(struct generate_args),
    .run = judge,
};
