#include "release/sign/signed_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static int refuse_state(enum fm_signer_state state, const char *ns, const struct fm_signer *who, struct fm_error *err)
{
	switch (state) {
	case FM_SIGNER_OK:
		return FM_OK;
	case FM_SIGNER_OTHER_NAMESPACE:
		return fm_fail(err, FM_EVERDICT,
			       "its key is in allowed_signers (line %zu), but not for the namespace %s",
			       who ? who->line : 0, ns);
	case FM_SIGNER_NOT_YET:
		return fm_fail(err, FM_EVERDICT, "its key is not valid yet (allowed_signers, line %zu)",
			       who ? who->line : 0);
	case FM_SIGNER_EXPIRED:
		return fm_fail(err, FM_EVERDICT, "its key is no longer valid (allowed_signers, line %zu)",
			       who ? who->line : 0);
	case FM_SIGNER_OTHER_NAME:
	case FM_SIGNER_UNKNOWN:
		break;
	}
	return fm_fail(err, FM_EVERDICT, "it is signed by a key that allowed_signers does not name");
}

int fm_signed_file_allowed(const struct fm_sshpub *key, const char *ns, const struct fm_signers *signers, int64_t now_s,
			   struct fm_error *err)
{
	const struct fm_signer *who = NULL;
	enum fm_signer_state state = fm_signers_find(signers, key, ns, now_s, &who);
	struct fm_buf line = {0};
	int rc;

	if (state == FM_SIGNER_OK)
		return FM_OK;
	if (state == FM_SIGNER_NOT_YET || state == FM_SIGNER_EXPIRED)
		return fm_fail(err, FM_EINPUT, "the key is %s (line %zu)",
			       state == FM_SIGNER_EXPIRED ? "no longer valid" : "not valid yet", who ? who->line : 0);
	fm_sshpub_line(key, &line);
	if ((rc = fm_buf_check(&line, err)) < 0)
		goto out;
	rc = fm_fail(err, FM_EINPUT,
		     "no line lets this key sign %s; whoever answers for the releases adds a "
		     "line with the signer's name: NAME namespaces=\"%s\" %.*s",
		     strcmp(ns, "flowmint-waiver") == 0 ? "waivers" : "approvals", ns, (int)strcspn(line.data, "\n"),
		     line.data);
out:
	fm_buf_free(&line);
	return rc;
}

int fm_signed_file_check(const char *path, const struct fm_buf *text, const char *ns, const struct fm_signers *signers,
			 int64_t now_s, struct fm_signed_by *by, struct fm_error *err)
{
	struct fm_sshsig *sig = &by->sig;
	uint8_t digest[FM_SHA512_LEN];
	struct fm_buf armored = {0};
	char *name = NULL;
	int rc, good;

	if (asprintf(&name, "%s.sig", path) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (!fm_file_exists(name)) {
		rc = fm_fail(err, FM_EVERDICT, "it is not signed: there is no %s", name);
		goto out;
	}
	if ((rc = fm_file_read(name, FM_SSHSIG_FILE_MAX, &armored, err)) < 0)
		goto out;
	if ((rc = fm_sshsig_parse(sig, armored.data, armored.len, err)) < 0 ||
	    (rc = fm_sha512_bytes(text->data, text->len, digest, err)) < 0)
		goto out;
	if (strcmp(sig->ns, ns) != 0) {
		rc = fm_fail(err, FM_EVERDICT, "its signature is for the namespace %s, not %s", sig->ns, ns);
		goto out;
	}
	if ((good = fm_sshsig_check(sig, digest, err)) < 0)
		rc = good;
	else if (!good)
		rc = fm_fail(err, FM_EVERDICT, "it was altered after it was signed");
	else {
		enum fm_signer_state state = fm_signers_find(signers, &sig->key, ns, now_s, &by->who);
		rc = refuse_state(state, ns, by->who, err);
	}
out:
	free(name);
	fm_buf_free(&armored);
	return rc;
}
