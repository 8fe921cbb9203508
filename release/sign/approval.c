#include "release/sign/approval.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/text.h"
#include "manifests/canon.h"
#include "release/sign/signed_file.h"

#define APPROVAL_MAX 4096
#define ID_BYTES 8 /* of the key's fingerprint, in the name of the file */

/* The members that are text.  why: what a difference says. */
static const struct {
	const char *key, *why;
	size_t offset;
} texts[] = {
#define TEXT(member, words)                                                                                            \
	{                                                                                                              \
#member, words, offsetof(struct fm_approval, member)                                                   \
	}
    TEXT(name, "it is of a release of another name"),
    TEXT(version, "it is of another version"),
    TEXT(flows, "it is of other flows"),
    TEXT(verdict, "it is of another verdict"),
    TEXT(config, "the config was changed since"),
    TEXT(license, "the file of release.license_file was changed since"),
    TEXT(dialect, "the file of source.dialect was changed since"),
    TEXT(published_dialect, "the file of publish.dialect was changed since"),
    TEXT(expires, "publish.expires was changed since"),
    TEXT(key, "publish.key is another than when it was signed"),
    TEXT(attestation_key, "publish.attestation_key is another than when it was signed"),
#undef TEXT
};
#define NTEXTS (sizeof texts / sizeof *texts)

static json_t *to_json(const struct fm_approval *a)
{
	json_t *doc = json_pack("{s:s, s:I}", "format", FM_APPROVAL_FORMAT, "sequence", (json_int_t)a->sequence);

	for (size_t i = 0; i < NTEXTS; i++)
		if (json_object_set_new(doc, texts[i].key, json_string((const char *)a + texts[i].offset)) != 0) {
			json_decref(doc);
			return NULL;
		}
	return doc;
}

int fm_approval_text(const struct fm_approval *a, struct fm_buf *out, struct fm_error *err)
{
	json_t *doc = to_json(a);
	int rc = doc ? fm_json_canonical(doc, out, err) : fm_fail(err, FM_ESYSTEM, "out of memory for an approval");

	json_decref(doc);
	if (rc < 0)
		return rc;
	fm_buf_puts(out, "\n");
	return fm_buf_check(out, err);
}

int fm_approval_path(const char *project, const struct fm_approval *a, const struct fm_sshpub *key, char **path,
		     struct fm_error *err)
{
	char fingerprint[FM_FINGERPRINT_MAX], id[2 * ID_BYTES + 1];
	uint8_t digest[FM_SHA256_LEN];
	int rc;

	*path = NULL;
	/* The id is a digest of the fingerprint, which may have slashes. */
	if ((rc = fm_sshpub_fingerprint(key, fingerprint, err)) < 0 ||
	    (rc = fm_sha256_bytes(fingerprint, strlen(fingerprint), digest, err)) < 0)
		return rc;
	fm_hex(digest, ID_BYTES, id);
	if (asprintf(path, "%s/" FM_APPROVALS_FOLDER "/%s-%s.%s" FM_APPROVAL_SUFFIX, project, a->name, a->version, id) <
	    0) {
		*path = NULL;
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	return FM_OK;
}

/* What in it belongs to another run, in words; NULL: nothing.  Only for the message: the bytes decide. */
static const char *what_differs(const struct fm_buf *text, const struct fm_approval *wanted)
{
	json_t *doc = fm_json_parse(text->data ? text->data : "", text->len, JSON_REJECT_DUPLICATES, NULL);
	const char *format = fm_json_str(doc, "format"), *what = NULL;

	if (strcmp(format, "flowmint-approval/1") == 0)
		what = "it was signed by an earlier version, which did not show publish.expires, publish.sequence and "
		       "the keys: approve again";
	else if (strcmp(format, FM_APPROVAL_FORMAT) != 0)
		what = "it is no approval of format " FM_APPROVAL_FORMAT;
	for (size_t i = 0; !what && i < NTEXTS; i++)
		if (!fm_json_says(doc, texts[i].key, (const char *)wanted + texts[i].offset))
			what = texts[i].why;
	if (!what && json_integer_value(json_object_get(doc, "sequence")) != wanted->sequence)
		what = "publish.sequence was changed since";
	json_decref(doc);
	return what ? what : "it is not in canonical form, or says more than an approval does";
}

int fm_approval_check(const char *path, const struct fm_approval *wanted, const struct fm_signers *signers,
		      int64_t now_s, json_t **record, struct fm_error *err)
{
	char fingerprint[FM_FINGERPRINT_MAX], shown[FM_PRINCIPALS_MAX] = "";
	struct fm_signed_by by = {.who = NULL};
	struct fm_buf text = {0}, right = {0};
	int rc;

	*record = NULL;
	if ((rc = fm_file_read(path, APPROVAL_MAX, &text, err)) < 0 ||
	    (rc = fm_signed_file_check(path, &text, FM_APPROVAL_NAMESPACE, signers, now_s, &by, err)) < 0 ||
	    (rc = fm_approval_text(wanted, &right, err)) < 0)
		goto out;
	if (text.len != right.len || memcmp(text.data, right.data, right.len) != 0) {
		rc = fm_fail(err, FM_EVERDICT, "%s", what_differs(&text, wanted));
		goto out;
	}
	if ((rc = fm_sshpub_fingerprint(&by.sig.key, fingerprint, err)) < 0)
		goto out;
	if (by.who)
		fm_text_show(by.who->principals, strlen(by.who->principals), shown, sizeof shown);
	if (!(*record = json_pack("{s:s, s:s}", "signer", shown, "key", fingerprint)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for an approval");
out:
	if (rc == FM_EINPUT) { /* what cannot be read does not hold */
		rc = FM_EVERDICT;
		if (err)
			err->code = rc;
	}
	fm_buf_free(&text);
	fm_buf_free(&right);
	return rc;
}
