#include "pipeline/approvals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "manifests/canon.h"
#include "pipeline/signed_records.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the approvals");
}

/* The names of dialects that are built in are no paths; those of files were made absolute. */
static int digest_of(const char *key, const char *path, char out[FM_SHA256_HEX], struct fm_error *err)
{
	int rc = strchr(path, '/') ? fm_sha256_file_hex(path, out, err) : FM_OK;

	return rc < 0 ? fm_error_prefix(err, "%s: ", key) : rc;
}

/* Of a key, or, where its file is kept from this user, of the public half beside it. */
static int fingerprint_of(const char *key, const char *path, char out[FM_FINGERPRINT_MAX], struct fm_error *err)
{
	struct fm_sshpub pub;
	char *half;
	bool here;
	int rc;

	if (!path[0])
		return FM_OK;
	if ((rc = fm_sshkey_look(path, &pub, &here, err)) == FM_ESYSTEM && fm_file_is_kept(path)) {
		if (asprintf(&half, "%s.pub", path) < 0)
			return no_memory(err);
		if ((rc = fm_sshkey_look(half, &pub, &here, err)) == FM_EINPUT || (rc < 0 && fm_file_is_kept(half)))
			rc = fm_fail(
			    err, FM_EINPUT,
			    "%s is kept from this user, and so is whose key it is: let its public half be read, in %s "
			    "(ssh-keygen -y): %s",
			    path, half, err->message);
		free(half);
	}
	if (rc < 0 || (rc = fm_sshpub_fingerprint(&pub, out, err)) < 0)
		return fm_error_prefix(err, "%s: ", key);
	return rc;
}

int fm_approvals_wanted(const struct fm_config *cfg, const char *verdict, const char *flows, struct fm_approval *a,
			struct fm_error *err)
{
	json_t *config = fm_config_json(cfg, NULL, true);
	int rc;

	*a = (struct fm_approval){.sequence = cfg->publish.sequence};
	rc = config ? fm_json_digest(config, a->config, err) : no_memory(err);
	json_decref(config);
	snprintf(a->name, sizeof a->name, "%s", cfg->release.name);
	snprintf(a->version, sizeof a->version, "%s", cfg->release.version);
	snprintf(a->verdict, sizeof a->verdict, "%s", verdict);
	snprintf(a->flows, sizeof a->flows, "%s", flows);
	snprintf(a->expires, sizeof a->expires, "%s", cfg->publish.expires);
	if (rc < 0 || (rc = digest_of("release.license_file", cfg->release.license_file, a->license, err)) < 0 ||
	    (rc = digest_of("source.dialect", cfg->source.dialect, a->dialect, err)) < 0 ||
	    (rc = digest_of("publish.dialect", cfg->publish.dialect, a->published_dialect, err)) < 0 ||
	    (rc = fingerprint_of("publish.key", cfg->publish.key, a->key, err)) < 0)
		return rc;
	return fingerprint_of("publish.attestation_key", cfg->publish.attestation_key, a->attestation_key, err);
}

int fm_approvals_release_key(const struct fm_config *cfg, char fingerprint[FM_FINGERPRINT_MAX], struct fm_error *err)
{
	int rc;

	fingerprint[0] = 0;
	if (cfg->publish.approvals <= 1)
		return FM_OK;
	rc = fingerprint_of("publish.key", cfg->publish.key, fingerprint, err);
	return rc == FM_EINPUT && !fm_file_is_kept(cfg->publish.key) ? FM_OK : rc;
}

/* ---- reading ---- */

struct gather {
	const struct fm_config *cfg;
	const struct fm_approval *wanted;
	int64_t now_s;
};

/* Is it by somebody who has approved already?  EVERDICT, and the message says by what he is known. */
static int check_other_person(const json_t *before, const json_t *record, struct fm_error *err)
{
	static const char already[] = "it is by somebody who has approved already";
	char name[FM_PRINCIPALS_MAX];

	if (strcmp(fm_json_str(before, "key"), fm_json_str(record, "key")) == 0)
		return fm_fail(err, FM_EVERDICT, "%s", already);
	if (fm_signers_share(fm_json_str(before, "signer"), fm_json_str(record, "signer"), name))
		return fm_fail(
		    err, FM_EVERDICT,
		    "%s: the lines of both keys in allowed_signers share the name %s, and lines that share a "
		    "name are one person's",
		    already, name);
	return FM_OK;
}

/* Does an approval that holds count?  EVERDICT: no, and the message says why. */
static int check_counts(const struct gather *g, const json_t *holding, const json_t *record, struct fm_error *err)
{
	char release[FM_FINGERPRINT_MAX];
	int rc;

	if ((rc = fm_approvals_release_key(g->cfg, release, err)) < 0)
		return rc;
	if (release[0] && strcmp(json_string_value(json_object_get(record, "key")), release) == 0)
		return fm_fail(err, FM_EVERDICT, "it is by publish.key, and publish.approvals asks for others");
	for (size_t i = 0; i < json_array_size(holding); i++)
		if ((rc = check_other_person(json_array_get(holding, i), record, err)) < 0)
			return rc;
	if (json_array_size(holding) == FM_APPROVALS_MAX)
		return fm_fail(err, FM_EVERDICT, "there are as many as count");
	return FM_OK;
}

static int check(void *ctx, const char *path, const struct fm_signers *signers, const json_t *holding, json_t **record,
		 struct fm_error *err)
{
	const struct gather *g = ctx;
	int rc;

	if ((rc = fm_approval_check(path, g->wanted, signers, g->now_s, record, err)) < 0)
		return rc;
	return check_counts(g, holding, *record, err);
}

/* Only the approvals of this release are read; there may be many of others. */
int fm_approvals_gather(const char *project, const struct fm_config *cfg, const struct fm_approval *wanted,
			int64_t now_s, json_t **holding, json_t **rows, struct fm_error *err)
{
	struct gather g = {.cfg = cfg, .wanted = wanted, .now_s = now_s};
	char begin[128];
	const struct fm_signed_records kind = {.project = project,
					       .folder = FM_APPROVALS_FOLDER,
					       .begin = begin,
					       .suffix = FM_APPROVAL_SUFFIX,
					       .check = check,
					       .ctx = &g};

	snprintf(begin, sizeof begin, "%s-%s.", wanted->name, wanted->version);
	return fm_signed_records_gather(&kind, holding, rows, err);
}
