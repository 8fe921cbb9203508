#include "release/sign/approval.h"

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

int fm_approval_text(const struct fm_approval *a, struct fm_buf *out, struct fm_error *err)
{
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "format", FM_APPROVAL_FORMAT, "name", a->name,
				"version", a->version, "config", a->config, "verdict", a->verdict, "flows", a->flows);
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
	const struct {
		const char *key, *value, *what;
	} member[] = {{"format", FM_APPROVAL_FORMAT, "it is no approval of format " FM_APPROVAL_FORMAT},
		      {"name", wanted->name, "it is of a release of another name"},
		      {"version", wanted->version, "it is of another version"},
		      {"flows", wanted->flows, "it is of other flows"},
		      {"verdict", wanted->verdict, "it is of another verdict"},
		      {"config", wanted->config, "the config was changed since"}};
	const char *what = NULL;

	for (size_t i = 0; !what && i < sizeof member / sizeof *member; i++) {
		const char *s = json_string_value(json_object_get(doc, member[i].key));

		if (!s || strcmp(s, member[i].value) != 0)
			what = member[i].what;
	}
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
