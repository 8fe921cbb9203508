/* verify: is an archive what its signer released?  flowmint-verify is the same (release/verify.h). */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pipeline/cli/cli.h"
#include "release/verify.h"

struct verify_args {
	const char *signers, *signer, *signature, *record, *extract, *state;
	bool no_state, json;
};

static const struct fm_option verify_options[] = {
    {FM_SETS_TEXT(struct verify_args, signers), .name = "signers", .value = "FILE", .required = true,
     .offer = FM_OFFER_FILE,
     .help = "whose signatures are accepted: the allowed_signers (OpenSSH's form) that the releasing team gave you"},
    {FM_SETS_TEXT(struct verify_args, signer), .name = "signer", .value = "NAME",
     .help = "who of them must have signed (default: anyone)"},
    {FM_SETS_TEXT(struct verify_args, signature), .name = "signature", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "default: ARCHIVE.sig"},
    {FM_SETS_TEXT(struct verify_args, record), .name = "record", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "default: NAME-VERSION.RELEASE.json beside the archive, if it is there"},
    {FM_SETS_TEXT(struct verify_args, extract), .name = "extract", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "put the files into DIR, which is made, when all is good"},
    {FM_SETS_TEXT(struct verify_args, state), .name = "state", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "where what was accepted is remembered (default: $XDG_STATE_HOME/flowmint or ~/.local/state/flowmint)"},
    {FM_SETS_FLAG(struct verify_args, no_state), .name = "no-state",
     .help = "remember nothing, and look nothing up: for an old release that is wanted"},
    FM_OPTION_JSON(struct verify_args),
    {0},
};

static int verify(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct verify_args *a = args;
	struct fm_verify_in in = {.archive = call->operand[0],
				  .signers = a->signers,
				  .signature = a->signature,
				  .signer = a->signer,
				  .record = a->record,
				  .extract = a->extract,
				  .state = a->state,
				  .now_s = (int64_t)time(NULL)};
	struct fm_verify_report report;
	struct fm_error printing;
	struct fm_buf text = {0};
	char *state = NULL;
	int rc, shown = FM_OK;

	if (a->no_state && a->state)
		return fm_fail(err, FM_EUSAGE, "--state and --no-state exclude each other");
	if (!a->no_state && !a->state) {
		if ((rc = fm_accepted_dir(&state, err)) < 0)
			return rc;
		in.state = state;
	}
	rc = fm_verify(&in, &report, err);
	if (rc == FM_OK || rc == FM_EVERDICT) {
		if (a->json) {
			shown = fm_cli_json(fm_verify_report_json(&report), &printing);
		} else {
			fm_verify_report_text(&report, &text);
			fwrite(text.data, 1, text.len, stdout);
		}
	}
	fm_verify_report_free(&report);
	fm_buf_free(&text);
	free(state);
	return shown ? fm_error_set(err, printing.code, printing.file, printing.line, "%s", printing.message) : rc;
}

const struct fm_verb fm_verb_verify = {
    .name = "verify",
    .summary = "is this archive what its signer released?",
    .about =
	"Checks the signature first, then the record, the attestations and the contents, and last what was accepted "
	"before: an older release, or another one of the same version, is refused. What is accepted is remembered. "
	"flowmint-verify is the same check alone, and remembers in the same place.",
    .operands = "ARCHIVE",
    .offer = FM_OFFER_FILE,
    .options = verify_options,
    .args_size = sizeof(struct verify_args),
    .run = verify,
};
