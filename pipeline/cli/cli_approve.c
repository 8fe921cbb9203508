/* approve: a signature by one of those who must agree before a release is made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "judge/gate/check.h"
#include "manifests/config.h"
#include "manifests/metrics.h"
#include "pipeline/approvals.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/ledger.h"
#include "pipeline/outside.h"
#include "release/sign/signed_file.h"
#include "stages/table.h"

struct approve_args {
	const char *key, *workspace, *project;
	uint64_t passphrase_fd;
};

static const struct fm_option options[] = {
    {FM_SETS_TEXT(struct approve_args, key), .name = "key", .value = "KEY", .required = true, .offer = FM_OFFER_FILE,
     .help = "whose public half allowed_signers names for the namespace flowmint-approval; as publish.key"},
    FM_OPTION_WORKSPACE(struct approve_args),
    {FM_SETS_TEXT(struct approve_args, project), .name = "project", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "where approvals/ and allowed_signers are (default: the project of the ledger)"},
    FM_OPTION_PASSPHRASE(struct approve_args),
    {0},
};

struct approving {
	const struct approve_args *a;
	const char *run;
	struct fm_config *cfg;
	struct fm_verdict verdict;
	struct fm_approval approval;
};

/* ---- what is approved: rows of the ledger ---- */

static const json_t *body_of(const json_t *rows, const char *kind, const char *name)
{
	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *row = json_array_get(rows, i), *body = json_object_get(row, "body");

		if (strcmp(fm_json_str(row, "kind"), kind) == 0 &&
		    (!name || strcmp(fm_json_str(body, "name"), name) == 0))
			return body;
	}
	return NULL;
}

static int read_run(struct approving *x, const json_t *rows, struct fm_error *err)
{
	const json_t *run = body_of(rows, "run", NULL), *gate = body_of(rows, "stage", fm_stage_name(FM_GATE)),
		     *generate = body_of(rows, "stage", fm_stage_name(FM_GENERATE)),
		     *verdict = body_of(rows, "verdict", NULL);
	int rc;

	if (!run)
		return fm_fail(err, FM_EINPUT, "the ledger has no run %s; flowmint log lists all", x->run);
	if (!verdict || !gate || !generate)
		return fm_fail(err, FM_EINPUT, "run %s came to no verdict: there is nothing to approve", x->run);
	if ((rc = fm_verdict_from_json(&x->verdict, verdict, err)) < 0)
		return rc;
	if (!x->verdict.pass)
		return fm_fail(err, FM_EVERDICT, "run %s: the gate refused it: there is nothing to approve", x->run);
	if ((rc = fm_config_from_json(&x->cfg, json_object_get(run, "config"), err)) < 0)
		return fm_error_prefix(err, "the config of run %s: ", x->run);
	return fm_approvals_wanted(x->cfg, fm_json_str(gate, "output"), fm_json_str(generate, "output"), &x->approval,
				   err);
}

static int read_ledger(struct approving *x, const char *workspace, char **project, struct fm_error *err)
{
	json_t *report = NULL, *rows = NULL;
	struct fm_ledger *l = NULL;
	int rc;

	if ((rc = fm_ledger_audit(workspace, x->a->project, &report, err)) < 0)
		goto out;
	if (!json_is_true(json_object_get(report, "intact"))) {
		rc = fm_fail(err, FM_EVERDICT, "%s: the ledger is broken; see flowmint audit", workspace);
		goto out;
	}
	if ((rc = fm_ledger_open(&l, workspace, x->a->project, FM_LEDGER_READ, err)) < 0 ||
	    (rc = fm_ledger_rows(l, x->run, NULL, &rows, err)) < 0 || (rc = read_run(x, rows, err)) < 0)
		goto out;
	if (!fm_ledger_project(l)) {
		rc = fm_fail(err, FM_EINPUT,
			     "%s: whose project this is the ledger does not tell: name it with --project DIR",
			     workspace);
		goto out;
	}
	if (!(*project = strdup(fm_ledger_project(l))))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
out:
	fm_ledger_close(l);
	json_decref(rows);
	json_decref(report);
	return rc;
}

/* ---- signing ---- */

static int sign(const struct approving *x, const struct fm_buf *text, struct fm_buf *armored, struct fm_sshkey *key,
		bool outside, struct fm_error *err)
{
	struct fm_outside o = {.fd = (int)x->a->passphrase_fd};
	uint8_t digest[FM_SHA512_LEN];
	int rc;

	if (outside) {
		rc = fm_outside_sign(&o, x->a->key, FM_APPROVAL_NAMESPACE,
				     &(struct fm_to_sign){NULL, text->data, text->len}, armored, err);
		fm_outside_close(&o);
		return rc;
	}
	if ((rc = fm_sha512_bytes(text->data, text->len, digest, err)) < 0)
		return rc;
	return fm_sshsig_sign(key, FM_APPROVAL_NAMESPACE, digest, armored, err);
}

static int check_key(const struct approving *x, const char *signers_path, const struct fm_sshpub *key,
		     struct fm_error *err)
{
	char fingerprint[FM_FINGERPRINT_MAX], release[FM_FINGERPRINT_MAX];
	struct fm_signers signers = {0};
	int rc;

	if ((rc = fm_signers_load(&signers, signers_path, err)) < 0 ||
	    (rc = fm_sshpub_fingerprint(key, fingerprint, err)) < 0 ||
	    (rc = fm_approvals_release_key(x->cfg, release, err)) < 0)
		goto out;
	if (strcmp(fingerprint, release) == 0)
		rc = fm_fail(
		    err, FM_EINPUT,
		    "--key: this is publish.key, and publish.approvals asks for more than one person: another key "
		    "approves");
	else if ((rc = fm_signed_file_allowed(key, FM_APPROVAL_NAMESPACE, &signers, (int64_t)time(NULL), err)) < 0)
		fm_error_prefix(err, "%s: ", signers_path);
out:
	fm_signers_free(&signers);
	return rc;
}

/* The signature first: a document without one would not hold. */
static int write_approval(const char *path, const struct fm_buf *text, const struct fm_buf *armored,
			  struct fm_error *err)
{
	char *sig = NULL;
	int rc;

	if (asprintf(&sig, "%s.sig", path) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_file_write(sig, 0644, armored->data, armored->len, err)) < 0)
		goto out;
	rc = fm_file_write(path, 0644, text->data, text->len, err);
out:
	free(sig);
	return rc;
}

static int sign_it(struct approving *x, const char *project, struct fm_error *err)
{
	char *signers = fm_path_join(project, "allowed_signers"), *dir = fm_path_join(project, FM_APPROVALS_FOLDER),
	     *path = NULL;
	struct fm_buf text = {0}, armored = {0};
	struct fm_sshkey key = {0};
	bool outside;
	int rc;

	if (!signers || !dir) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_outside_look(x->a->key, &key.pub, &outside, err)) < 0 ||
	    (!outside && (rc = fm_sshkey_read(&key, x->a->key, err)) < 0) ||
	    (rc = check_key(x, signers, &key.pub, err)) < 0 || (rc = fm_approval_text(&x->approval, &text, err)) < 0 ||
	    (rc = fm_approval_path(project, &x->approval, &key.pub, &path, err)) < 0 ||
	    (rc = sign(x, &text, &armored, &key, outside, err)) < 0 || (rc = fm_dir_make(dir, 0755, err)) < 0 ||
	    (rc = write_approval(path, &text, &armored, err)) < 0)
		goto out;
	fm_verdict_print(stdout, &x->verdict);
	fm_cli_print("approved: %s %s of run %s\n%s\n", x->approval.name, x->approval.version, x->run, path);
out:
	fm_sshkey_close(&key);
	fm_buf_free(&text);
	fm_buf_free(&armored);
	free(path);
	free(dir);
	free(signers);
	return rc;
}

static int approve(const void *args, const struct fm_call *call, struct fm_error *err)
{
	char id[FM_RUN_ID_MAX], *project = NULL;
	struct approving x = {.a = args, .run = fm_run_id(call->operand[0], id)};
	const char *workspace;
	int rc;

	if ((rc = fm_place_workspace(call, x.a->workspace, &workspace, err)) < 0 ||
	    (rc = read_ledger(&x, workspace, &project, err)) < 0)
		goto out;
	rc = sign_it(&x, x.a->project ? x.a->project : project, err);
out:
	fm_verdict_free(&x.verdict);
	fm_config_free(x.cfg);
	free(project);
	return rc;
}

const struct fm_verb fm_verb_approve = {
    .name = "approve",
    .summary = "agree, by a signature, that what a run judged is released",
    .about = "Where publish.approvals asks for people to agree, flowmint run stops after the gate until enough of them "
	     "have signed. This shows the verdict of RUN (r0001, or 1) and writes the approval into approvals/ of the "
	     "project: of this verdict, these flows and the public part of this config, so that what is released is "
	     "what was approved. Each person and each key counts once. The same flowmint run then makes the release, "
	     "whose record names them.",
    .operands = "RUN",
    .offer = FM_OFFER_RUN,
    .options = options,
    .args_size = sizeof(struct approve_args),
    .run = approve,
};
