/* sshkey_write.c - keys that are made, and their two files. */
#include "release/sign/sshkey_parts.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* The armored private key into text. */
static int format_private(const struct fm_sshkey *k, struct fm_wire_out *text, struct fm_error *err)
{
	struct fm_secret blob = {0}, inner = {0}, check = {0};
	struct fm_wire_out b, in;
	uint8_t public[FM_SSHKEY_BLOB], pair[64];
	struct fm_wire_out p = {public, 0, sizeof public, false};
	int rc;

	if ((rc = fm_secret_new(&blob, 1024, err)) < 0 || (rc = fm_secret_new(&inner, 768, err)) < 0 ||
	    (rc = fm_secret_random(&check, 4, err)) < 0)
		goto out;
	fm_sshpub_blob(&k->pub, &p);
	memcpy(pair, k->seed.data, 32);
	memcpy(pair + 32, k->pub.point, 32);

	in = (struct fm_wire_out){inner.data, 0, inner.len, false};
	fm_wire_put(&in, check.data, 4);
	fm_wire_put(&in, check.data, 4);
	fm_wire_put(&in, public, p.n);
	fm_wire_put_string(&in, pair, 64);
	fm_wire_put_text(&in, k->pub.comment);
	for (uint8_t i = 1; in.n % 8 && !in.full; i++)
		fm_wire_put(&in, &i, 1);

	b = (struct fm_wire_out){blob.data, 0, blob.len, false};
	fm_wire_put(&b, FM_SSHKEY_MAGIC, sizeof FM_SSHKEY_MAGIC);
	fm_wire_put_text(&b, "none");
	fm_wire_put_text(&b, "none");
	fm_wire_put_text(&b, "");
	fm_wire_put_u32(&b, 1);
	fm_wire_put_string(&b, public, p.n);
	fm_wire_put_string(&b, inner.data, in.n);
	fm_armor_write(FM_SSHKEY_LABEL, blob.data, b.n, text);
	if (in.full || b.full || text->full)
		rc = fm_fail(err, FM_ESYSTEM, "a private key does not fit its buffer");
out:
	OPENSSL_cleanse(pair, sizeof pair);
	fm_secret_close(&blob);
	fm_secret_close(&inner);
	fm_secret_close(&check);
	return rc;
}

static int must_be_absent(const char *path, struct fm_error *err)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return fm_fail(err, FM_EINPUT,
			       "%s is there already and will not be overwritten: move it away or name another", path);
	if (errno != ENOENT)
		return fm_fail_errno(err, "%s", path);
	return FM_OK;
}

static void remove_pair(const char *path, const char *pub_path)
{
	unlink(path);
	unlink(pub_path);
}

int fm_sshkey_write(const struct fm_sshkey *k, const char *path, struct fm_error *err)
{
	struct fm_secret text = {0};
	struct fm_wire_out t;
	struct fm_buf line = {0};
	char *pub_path = NULL;
	int rc;

	if (asprintf(&pub_path, "%s.pub", path) < 0) {
		pub_path = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = must_be_absent(path, err)) < 0 || (rc = must_be_absent(pub_path, err)) < 0 ||
	    (rc = fm_secret_new(&text, 2048, err)) < 0)
		goto out;
	t = (struct fm_wire_out){text.data, 0, text.len, false};
	if ((rc = format_private(k, &t, err)) < 0)
		goto out;
	fm_sshpub_line(&k->pub, &line);
	if ((rc = fm_buf_check(&line, err)) < 0)
		goto out;
	if ((rc = fm_file_write(path, 0600, text.data, t.n, err)) < 0 ||
	    (rc = fm_file_write(pub_path, 0644, line.data, line.len, err)) < 0)
		remove_pair(path, pub_path); /* either may be there all the same, and not be known to be on the disk */
out:
	fm_secret_close(&text);
	fm_buf_free(&line);
	free(pub_path);
	return rc;
}

int fm_keygen_line(const char *out_path, const char *principal, struct fm_buf *line, struct fm_error *err)
{
	struct fm_sshkey k = {0};
	struct fm_buf own = {0};
	int rc;

	if ((rc = fm_sshkey_generate(&k, principal, err)) < 0 ||
	    (rc = fm_sshpub_signers_line(&k.pub, principal, &own, err)) < 0)
		goto out;
	if (line)
		fm_buf_add(line, own.data, own.len);
	if (!line || (rc = fm_buf_check(line, err)) >= 0)
		rc = fm_sshkey_write(&k, out_path, err);
out:
	fm_buf_free(&own);
	fm_sshkey_close(&k);
	return rc;
}

int fm_keygen(const char *out_path, const char *principal, struct fm_error *err)
{
	struct fm_buf line = {0}, pub_path = {0};
	int rc;

	fm_buf_printf(&pub_path, "%s.pub", out_path);
	if ((rc = fm_buf_check(&pub_path, err)) < 0 || (rc = fm_keygen_line(out_path, principal, &line, err)) < 0)
		goto out;
	if (fputs(line.data, stdout) == EOF || fflush(stdout) == EOF) {
		rc = fm_fail_errno(err, "standard output");
		remove_pair(out_path, pub_path.data); /* of which nobody has the line */
	}
out:
	fm_buf_free(&line);
	fm_buf_free(&pub_path);
	return rc;
}
