/* reproduce: make a release again, and compare. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/remake.h"
#include "pipeline/reproduce.h"

struct reproduce_args {
	const char *from, *model, *project, *dialect, *previous, *sealed, *out, *workspace;
	struct fm_words source;
	bool unconfined, json;
};

static const struct fm_option reproduce_options[] = {
    {FM_SETS_TEXT(struct reproduce_args, from), .name = "from", .value = "data|model", .choices = "data|model",
     .help = "for a run of the ledger: data (default) begins with the trace, model with the recorded model"},
    {FM_SETS_LIST(struct reproduce_args, source), .name = "source", .value = "TRACE", .offer = FM_OFFER_FILE,
     .help = "make it again from the manifest and this trace; may be repeated, in the order of source.path"},
    {FM_SETS_TEXT(struct reproduce_args, model), .name = "model", .value = "BUNDLE", .offer = FM_OFFER_FILE,
     .help = "make it again from the manifest and this bundle (flowmint bundle)"},
    {FM_SETS_TEXT(struct reproduce_args, project), .name = "project", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "with --source or --model: the folder of keys/commitment.key (default: the project here or above)"},
    {FM_SETS_TEXT(struct reproduce_args, dialect), .name = "dialect", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "with --source or --model: the dialect file that the config named (default: of that name in the project)"},
    {FM_SETS_TEXT(struct reproduce_args, previous), .name = "previous", .value = "ARCHIVE", .offer = FM_OFFER_FILE,
     .help = "with --source: the release before, where the config named one"},
    {FM_SETS_TEXT(struct reproduce_args, sealed), .name = "sealed", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "with --source in privacy.mode dp: the sealed half of the run, WORKSPACE/sealed/RUN.json"},
    {FM_SETS_TEXT(struct reproduce_args, out), .name = "out", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "with --source or --model: put the archive there if it came out the same"},
    {FM_SETS_FLAG(struct reproduce_args, unconfined), .name = "unconfined", .help = "as for run"},
    FM_OPTION_WORKSPACE(struct reproduce_args),
    FM_OPTION_JSON(struct reproduce_args),
    {0},
};

static void print_stage(const json_t *s)
{
	const json_t *same = json_object_get(s, "same"), *made = json_object_get(s, "made");

	fm_cli_print("%-9s  %-16.16s  %-16.16s  %s\n", fm_json_str(s, "name"), fm_json_str(s, "recorded"),
		     fm_json_str(s, "again"),
		     json_is_false(made)   ? "from the manifest"
		     : json_is_true(same)  ? "same"
		     : json_is_false(same) ? "DIFFERENT"
					   : "made again; nothing recorded to compare with");
}

static void print_difference(const json_t *d)
{
	fm_cli_print("differs: %s", fm_json_str(d, "file"));
	if (json_object_get(d, "byte"))
		fm_cli_print(", from byte %lld (line %lld)", (long long)json_integer_value(json_object_get(d, "byte")),
			     (long long)json_integer_value(json_object_get(d, "line")));
	else if (!fm_json_says(d, "what", "other bytes"))
		fm_cli_print(" (%s)", fm_json_str(d, "what"));
	if (*fm_json_str(d, "value"))
		fm_cli_print(": %s was %s and is %s", fm_json_str(d, "value"), fm_json_str(d, "recorded"),
			     fm_json_str(d, "again"));
	fm_cli_print("\n");
}

static void print_comparison(const json_t *report)
{
	const json_t *stages = json_object_get(report, "stages"), *tar = json_object_get(report, "tar_sha256"),
		     *differences = json_object_get(report, "differences"), *why = json_object_get(report, "why");

	for (size_t i = 0; i < json_array_size(stages); i++)
		print_stage(json_array_get(stages, i));
	for (size_t i = 0; i < json_array_size(differences); i++)
		print_difference(json_array_get(differences, i));
	for (size_t i = 0; i < json_array_size(why); i++)
		fm_cli_print("why: %s\n", json_string_value(json_array_get(why, i)));
	fm_cli_print("tar sha256 recorded  %s\ntar sha256 again     %s\n%s\n",
		     *fm_json_str(tar, "recorded") ? fm_json_str(tar, "recorded")
						   : "(the manifest's files stand for it)",
		     *fm_json_str(tar, "again") ? fm_json_str(tar, "again") : "(none: the gate refused)",
		     fm_json_str(report, "verdict"));
	if (*fm_json_str(report, "archive"))
		fm_cli_print("archive: %s\n", fm_json_str(report, "archive"));
}

static int remake(const struct reproduce_args *a, const struct fm_call *call, json_t **report, struct fm_error *err)
{
	struct fm_remake_in in = {.what = call->operand[0],
				  .model = a->model,
				  .dialect = a->dialect,
				  .previous = a->previous,
				  .sealed = a->sealed,
				  .out = a->out,
				  .unconfined = a->unconfined};
	struct fm_buf list = {0};
	int rc;

	if (a->model && a->source.n)
		return fm_fail(err, FM_EUSAGE,
			       "reproduce makes a release again from --source or from --model, not both");
	for (int i = 0; i < a->source.n; i++)
		fm_buf_printf(&list, "%s%s", i ? "\n" : "", a->source.word[i]);
	if ((rc = fm_buf_check(&list, err)) < 0 || (rc = fm_place_project(call, a->project, &in.project, err)) < 0 ||
	    (rc = fm_place_project_workspace(call, a->workspace, in.project, &in.workspace, err)) < 0)
		goto out;
	in.source = a->source.n ? list.data : NULL;
	rc = fm_remake(&in, report, err);
out:
	fm_buf_free(&list);
	return rc;
}

/* Is it a manifest, and not a run or an archive, which the ledger is asked about? */
static bool is_document(const char *what)
{
	size_t n = strlen(what);

	return n > 5 && strcmp(what + n - 5, ".json") == 0 && fm_file_exists(what);
}

static int repeat(const struct reproduce_args *a, const struct fm_call *call, json_t **report, struct fm_error *err)
{
	const char *only[] = {a->project, a->dialect, a->previous, a->sealed, a->out};
	struct fm_reproduce_in in = {
	    .what = call->operand[0], .from_model = strcmp(a->from, "model") == 0, .unconfined = a->unconfined};
	int rc;

	if (is_document(in.what))
		return fm_fail(
		    err, FM_EUSAGE,
		    "%s: a release is made again from its manifest with the trace or the model: give --source "
		    "TRACE or --model BUNDLE",
		    in.what);
	for (size_t i = 0; i < sizeof only / sizeof *only; i++)
		if (only[i])
			return fm_fail(err, FM_EUSAGE,
				       "--project, --dialect, --previous, --sealed and --out go with --source or "
				       "--model: a run of the ledger has them recorded");
	if ((rc = fm_place_workspace(call, a->workspace, &in.workspace, err)) < 0)
		return rc;
	rc = fm_reproduce(&in, report, err);
	if (rc == FM_EINPUT && fm_file_exists(in.what) && strstr(err->message, "no ledger there"))
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: there is no ledger in %s that knows its run: give --workspace DIR, or --source TRACE or "
		    "--model BUNDLE, which need none",
		    in.what, in.workspace);
	return rc;
}

static int reproduce(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct reproduce_args *a = args;
	struct fm_error printing;
	json_t *report = NULL;
	int rc, shown = FM_OK;

	if ((rc = fm_place_no_folder(call, err)) < 0)
		return rc;
	rc = a->model || a->source.n ? remake(a, call, &report, err) : repeat(a, call, &report, err);

	if (report && a->json)
		shown = fm_cli_json(report, &printing);
	else if (report)
		print_comparison(report), json_decref(report);
	return shown ? fm_error_set(err, printing.code, printing.file, printing.line, "%s", printing.message) : rc;
}

const struct fm_verb fm_verb_reproduce = {
    .name = "reproduce",
    .summary = "make a release again and compare",
    .about =
	"Repeats a recorded run (r0001, or the run that made ARCHIVE), with the config from the ledger, in a temporary "
	"folder of the workspace and compares the digest of the tar. Exit status 1 when they differ. The flows repeat "
	"on any x86-64 machine. The whole archive repeats where OpenBLAS picks the same kernel, which the manifest "
	"names: the metrics tstr.*.logistic depend on it.\n"
	"\n"
	"With --source or --model no ledger is needed: the config is taken from the manifest of ARCHIVE, or from a "
	"manifest.json alone, and of the project only keys/commitment.key. The trace, or the model in the bundle, is "
	"first held against the manifest's commitment, and another one is refused (1). From a bundle the flows and "
	"documents are made again, and what the judges found is taken from the manifest. When the result differs, the "
	"first file and byte in the order of making are named, and what is known to be different: the program's "
	"version, the kernel, the stage. In privacy.mode dp the noise comes from the sealed half of the run, which is "
	"in the bundle, or is named with --sealed. The manifest commits to no trace there; the sealed half says which "
	"trace, dialect and config it belongs to, and with others nothing is done (1).",
    .operands = "RUN|ARCHIVE|MANIFEST",
    .offer = FM_OFFER_RUN_OR_FILE,
    .options = reproduce_options,
    .defaults = &(const struct reproduce_args){.from = "data"},
    .args_size = sizeof(struct reproduce_args),
    .run = reproduce,
};
