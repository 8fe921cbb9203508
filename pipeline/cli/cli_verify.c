/* verify: is an archive what its signer released?  flowmint-verify is the same (release/verify.h). */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/walls.h"
#include "release/extract.h"
#include "release/verify.h"

struct verify_args {
	const char *signers, *signer, *signature, *record, *extract, *state, *revoked;
	bool no_state, unconfined, json;
};

static const struct fm_option verify_options[] = {
    {FM_SETS_TEXT(struct verify_args, signers), .name = "signers", .value = "FILE", .required = true,
     .offer = FM_OFFER_FILE,
     .help = "whose signatures are accepted: the allowed_signers (OpenSSH's form) that the releasing team gave you; a "
	     "warning says where others may write to it, or to its folder"},
    {FM_SETS_TEXT(struct verify_args, signer), .name = "signer", .value = "NAME",
     .help = "who of them must have signed (default: anyone)"},
    {FM_SETS_TEXT(struct verify_args, revoked), .name = "revoked", .value = "FILE", .offer = FM_OFFER_FILE,
     .help = "keys that are refused, whatever --signers says: a KRL of ssh-keygen -k, or a public key a line"},
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
    FM_OPTION_UNCONFINED(struct verify_args),
    FM_OPTION_JSON(struct verify_args),
    {0},
};

/* ---- in the child ---- */

struct verifying {
	struct fm_verify_in in; /* extract: where the files are put first */
	const char *extract;    /* where they will be */
};

/* {"code","message","text","report"}, for a refused archive too. */
static int verify_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct verifying *v = ctx;
	struct fm_verify_report report;
	struct fm_error why = {0};
	struct fm_buf text = {0};
	int code = fm_verify(&v->in, &report, &why), rc;

	if (code == FM_OK && v->extract)
		snprintf(report.extracted, sizeof report.extracted, "%s", v->extract);
	fm_verify_report_text(&report, &text);
	if ((rc = fm_buf_check(&text, err)) < 0)
		goto out;
	if (code == FM_OK || code == FM_EVERDICT)
		*result = json_pack("{s:i, s:s, s:s, s:o}", "code", code, "message", why.message, "text", text.data,
				    "report", fm_verify_report_json(&report));
	else
		rc = fm_error_set(err, code, why.file, why.line, "%s", why.message);
	if (rc >= 0 && !*result)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the report");
out:
	fm_verify_report_free(&report);
	fm_buf_free(&text);
	return rc;
}

/* ---- what it sees ---- */

static int show_all(struct fm_walls *w, const struct fm_verify_in *in, struct fm_error *err)
{
	char *file[FM_VERIFY_FILES];
	int rc;

	if ((rc = fm_verify_files(in, file, err)) < 0)
		return rc;
	for (int i = 0; i < FM_VERIFY_FILES; i++) {
		if (rc >= 0)
			rc = fm_walls_show(w, file[i], false, err);
		free(file[i]);
	}
	return rc;
}

/* The files are put into a folder beside DIR first, as the child may write into no other of the user's. */
static int make_staging(const char *extract, char **staging, struct fm_error *err)
{
	size_t n = strlen(extract);
	struct fm_extract *x = NULL;
	int rc;

	if ((rc = fm_extract_begin(&x, extract, err)) < 0) /* can it be made? */
		return rc;
	fm_extract_abort(x);
	while (n > 1 && extract[n - 1] == '/')
		n--;
	while (n > 0 && extract[n - 1] != '/')
		n--;
	if (asprintf(staging, "%.*s.flowmint-XXXXXX", (int)n, extract) < 0) {
		*staging = NULL;
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	if (mkdtemp(*staging))
		return FM_OK;
	rc = fm_fail_errno(err, "%s", extract);
	free(*staging);
	*staging = NULL;
	return rc;
}

static int show_result(const struct verify_args *a, const json_t *result, struct fm_error *err)
{
	const char *text = json_string_value(json_object_get(result, "text"));
	int rc = a->json ? fm_cli_json(json_incref(json_object_get(result, "report")), err)
			 : fm_walls_print(text ? text : "", err);

	return rc >= 0 && fflush(stdout) != 0 ? fm_fail_errno(err, "cannot write to standard output") : rc;
}

static int within_walls(const struct verify_args *a, struct verifying *v, struct fm_error *err)
{
	char *staging = NULL, *files = NULL;
	struct fm_walls w = {0};
	json_t *result = NULL;
	int rc, code;

	if ((rc = fm_walls_begin(&w, "verify", a->unconfined, err)) < 0 || (rc = show_all(&w, &v->in, err)) < 0)
		goto out;
	w.box.locks = true;      /* of what was accepted */
	fm_walls_threads(&w, 2); /* it unpacks beside taking digests */
	if (v->in.state &&
	    ((rc = fm_accepted_make(v->in.state, err)) < 0 || (rc = fm_walls_show(&w, v->in.state, true, err)) < 0))
		goto out;
	if (v->extract) {
		if ((rc = make_staging(v->extract, &staging, err)) < 0)
			goto out;
		if (!(files = fm_path_join(staging, "files"))) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
			goto out;
		}
		v->in.extract = files;
		if ((rc = fm_walls_show(&w, staging, true, err)) < 0)
			goto out;
	}
	if ((rc = fm_walls_run(&w, verify_fn, v, &result, err)) < 0)
		goto out;
	code = (int)json_integer_value(json_object_get(result, "code"));
	if (code == FM_OK && files && (rc = fm_extract_place(files, v->extract, err)) < 0)
		goto out;
	if ((rc = show_result(a, result, err)) < 0) {
		if (code == FM_OK && files)
			fm_extract_take_back(v->extract);
		goto out;
	}
	if (code != FM_OK)
		rc = fm_fail(err, FM_EVERDICT, "%s", json_string_value(json_object_get(result, "message")));
out:
	if (staging)
		fm_dir_clear_away(staging);
	fm_walls_end(&w);
	json_decref(result);
	free(files);
	free(staging);
	return rc;
}

static int verify(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct verify_args *a = args;
	struct verifying v = {.in = {.verdict_only = true,
				     .archive = call->operand[0],
				     .signers = a->signers,
				     .revoked = a->revoked,
				     .signature = a->signature,
				     .signer = a->signer,
				     .record = a->record,
				     .state = a->state},
			      .extract = a->extract};
	char *state = NULL, caution[FM_VERIFY_CAUTION];
	int rc;

	if (a->no_state && a->state)
		return fm_fail(err, FM_EUSAGE, "--state and --no-state exclude each other");
	if (!a->no_state && !a->state) {
		if ((rc = fm_accepted_dir(&state, err)) < 0)
			return rc;
		v.in.state = state;
	}
	fm_walls_caution(a->signers, caution);
	v.in.caution = caution;
	rc = within_walls(a, &v, err);
	free(state);
	return rc;
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
