/* waive: a signed waiver of one check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "judge/gate/controls.h"
#include "manifests/config.h"
#include "pipeline/approvals.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/outside.h"
#include "pipeline/waivers.h"
#include "release/sign/signed_file.h"
#include "release/sign/waiver.h"

struct waive_args {
	const char *check, *reason, *expires, *key;
	uint64_t passphrase_fd;
};

static const struct fm_option options[] = {
    {FM_SETS_TEXT(struct waive_args, check), .name = "check", .value = "NAME", .required = true,
     .offer = FM_OFFER_CHECK, .help = "a check of the gate, or " FM_METRIC_CONTROLS},
    {FM_SETS_TEXT(struct waive_args, reason), .name = "reason", .value = "TEXT", .required = true,
     .help = "why, in one line that partners may read"},
    {FM_SETS_TEXT(struct waive_args, expires), .name = "expires", .value = "YYYY-MM-DD", .required = true,
     .help = "the last day that it holds (UTC)"},
    {FM_SETS_TEXT(struct waive_args, key), .name = "key", .value = "KEY", .required = true, .offer = FM_OFFER_FILE,
     .help = "whose public half allowed_signers names for the namespace flowmint-waiver; as publish.key"},
    FM_OPTION_PASSPHRASE(struct waive_args),
    {0},
};

static int check_name(const struct fm_config *cfg, const char *name, struct fm_error *err)
{
	const char *names[FM_CFG_MAXCHECKS + 2] = {FM_METRIC_CONTROLS};
	char hint[96];
	int n = 1;

	for (int i = 0; i < cfg->gate.n; i++)
		names[n++] = cfg->gate.check[i].name;
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return FM_OK;
	return fm_fail(err, FM_EUSAGE, "--check: the gate of %s has no check %s%s", cfg->file, name,
		       fm_did_you_mean(name, names, (size_t)n, hint, sizeof(hint)));
}

/* A waiver that would not count is not signed. */
static int check_rules(const struct fm_config *cfg, const char *check, const struct fm_sshpub *key,
		       struct fm_error *err)
{
	char fingerprint[FM_FINGERPRINT_MAX], release[FM_FINGERPRINT_MAX];
	int rc;

	if (!fm_waivers_may(cfg, check))
		return fm_fail(
		    err, FM_EINPUT,
		    "--check: %s is a check of leakage, which may be waived where gate.waivable names it: add "
		    "gate.waivable: %s to %s, if those who answer for the data agree",
		    check, check, cfg->file);
	if ((rc = fm_sshpub_fingerprint(key, fingerprint, err)) < 0 ||
	    (rc = fm_approvals_release_key(cfg, release, err)) < 0)
		return rc;
	if (strcmp(fingerprint, release) == 0)
		return fm_fail(
		    err, FM_EINPUT,
		    "--key: this is publish.key, and publish.approvals asks for more than one person: another "
		    "key waives");
	return FM_OK;
}

static int fill(struct fm_waiver *w, const struct fm_config *cfg, const struct waive_args *a, struct fm_error *err)
{
	if (strlen(a->reason) >= sizeof w->reason)
		return fm_fail(err, FM_EUSAGE, "--reason: at most %zu bytes", sizeof w->reason - 1);
	if (strlen(a->expires) >= sizeof w->expires)
		return fm_fail(err, FM_EUSAGE, "--expires: '%s' is no date, YYYY-MM-DD", a->expires);
	snprintf(w->release, sizeof w->release, "%s", cfg->release.name);
	snprintf(w->check, sizeof w->check, "%s", a->check);
	strcpy(w->reason, a->reason);
	strcpy(w->expires, a->expires);
	return FM_OK;
}

/* By ssh-keygen; when it makes no signature, the waiver is removed. */
static int sign_outside(const struct waive_args *a, const char *path, struct fm_error *err)
{
	struct fm_outside o = {.fd = (int)a->passphrase_fd};
	struct fm_buf armored = {0};
	char *sig = NULL;
	int rc;

	if (asprintf(&sig, "%s.sig", path) < 0) {
		sig = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_outside_sign(&o, a->key, FM_WAIVER_NAMESPACE, &(struct fm_to_sign){path, NULL, 0}, &armored,
				  err)) < 0)
		goto out;
	rc = fm_file_write(sig, 0644, armored.data, armored.len, err);
out:
	if (rc < 0)
		unlink(path);
	fm_outside_close(&o);
	fm_buf_free(&armored);
	free(sig);
	return rc;
}

static int waive(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct waive_args *a = args;
	char *signers_path = NULL, *dir = NULL, *path = NULL;
	int64_t now_s = (int64_t)time(NULL);
	struct fm_signers signers = {0};
	struct fm_config *cfg = NULL;
	struct fm_sshkey key = {0};
	struct fm_waiver w = {0};
	const char *file;
	bool outside;
	int rc;

	if ((rc = fm_place_config(call, call->operand[0], &file, err)) < 0 ||
	    (rc = fm_config_load_draft(&cfg, file, NULL, 0, err)) < 0 || (rc = check_name(cfg, a->check, err)) < 0 ||
	    (rc = fill(&w, cfg, a, err)) < 0 || (rc = fm_waiver_words(&w, now_s, err)) < 0)
		goto out;
	signers_path = fm_path_join(cfg->dir, "allowed_signers");
	dir = fm_path_join(cfg->dir, "waivers");
	if (!signers_path || !dir) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_signers_load(&signers, signers_path, err)) < 0 ||
	    (rc = fm_outside_look(a->key, &key.pub, &outside, err)) < 0 ||
	    (!outside && (rc = fm_sshkey_read(&key, a->key, err)) < 0))
		goto out;
	if ((rc = fm_signed_file_allowed(&key.pub, FM_WAIVER_NAMESPACE, &signers, now_s, err)) < 0) {
		fm_error_prefix(err, "%s: ", signers_path);
		goto out;
	}
	if ((rc = check_rules(cfg, a->check, &key.pub, err)) < 0)
		goto out;
	if ((rc = fm_waiver_write(dir, &w, outside ? NULL : &key, now_s, &path, err)) < 0 ||
	    (outside && (rc = sign_outside(a, path, err)) < 0))
		goto out;
	fm_cli_print("%s\n", path);
out:
	fm_sshkey_close(&key);
	fm_signers_free(&signers);
	fm_config_free(cfg);
	free(signers_path);
	free(dir);
	free(path);
	return rc;
}

const struct fm_verb fm_verb_waive = {
    .name = "waive",
    .summary = "sign that one failing check need not stop the releases of a name",
    .about = "Writes waivers/NAME.waiver and its signature beside RELEASE.yaml, where flowmint run finds it. The "
	     "waiver holds "
	     "until the end of the day that --expires names. The check still fails, is marked as waived, and stands "
	     "with the "
	     "reason in verdict, ledger, manifest and data sheet.",
    .operands = "RELEASE.yaml",
    .optional = 1,
    .offer = FM_OFFER_FILE,
    .options = options,
    .args_size = sizeof(struct waive_args),
    .run = waive,
};
