/* signed_by.h - for a test's own verifier: whose key signed the archive. */
#ifndef FM_TESTS_SIGNED_BY_H
#define FM_TESTS_SIGNED_BY_H

#include <stdio.h>

#include "base/file.h"
#include "release/sign/sshsig.h"
#include "release/verify.h"

static int signed_by(const struct fm_verify_in *in, struct fm_verify_report *report, struct fm_error *err)
{
	char path[4096];
	struct fm_buf text = {0};
	struct fm_sshsig sig;
	int rc;

	snprintf(path, sizeof path, "%s.sig", in->archive);
	if ((rc = fm_file_read(path, 1u << 16, &text, err)) == FM_OK &&
	    (rc = fm_sshsig_parse(&sig, text.data, text.len, err)) == FM_OK)
		rc = fm_sshpub_fingerprint(&sig.key, report->fingerprint, err);
	fm_buf_free(&text);
	return rc;
}

#endif
