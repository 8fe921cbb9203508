#include "release/sign/sshsig.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"

#define LABEL "SSH SIGNATURE"
#define TYPE "ssh-ed25519"
#define SK_TYPE "sk-ssh-ed25519@openssh.com"
#define MAGIC "SSHSIG" /* without its NUL */
#define NMAGIC 6
#define VERSION 1
#define HASH "sha512"
#define BLOB_MAX 4096

struct fm_sha512 {
	EVP_MD_CTX *ctx;
};

int fm_sha512_new(struct fm_sha512 **h, struct fm_error *err)
{
	*h = calloc(1, sizeof **h);
	if (*h)
		(*h)->ctx = EVP_MD_CTX_new();
	if (!*h || !(*h)->ctx || EVP_DigestInit_ex((*h)->ctx, EVP_sha512(), NULL) != 1) {
		fm_sha512_free(*h);
		*h = NULL;
		return fm_fail(err, FM_ESYSTEM, "OpenSSL could not start a SHA-512 digest");
	}
	return FM_OK;
}

int fm_sha512_add(struct fm_sha512 *h, const void *p, size_t n, struct fm_error *err)
{
	if (EVP_DigestUpdate(h->ctx, p, n) != 1)
		return fm_fail(err, FM_ESYSTEM, "OpenSSL could not go on with a SHA-512 digest");
	return FM_OK;
}

int fm_sha512_end(struct fm_sha512 *h, uint8_t out[FM_SHA512_LEN], struct fm_error *err)
{
	int ok = EVP_DigestFinal_ex(h->ctx, out, NULL);

	fm_sha512_free(h);
	if (ok != 1)
		return fm_fail(err, FM_ESYSTEM, "OpenSSL could not end a SHA-512 digest");
	return FM_OK;
}

void fm_sha512_free(struct fm_sha512 *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

int fm_sha512_bytes(const void *p, size_t n, uint8_t out[FM_SHA512_LEN], struct fm_error *err)
{
	struct fm_sha512 *h = NULL;
	int rc;

	if ((rc = fm_sha512_new(&h, err)) < 0)
		return rc;
	if ((rc = fm_sha512_add(h, p, n, err)) < 0) {
		fm_sha512_free(h);
		return rc;
	}
	return fm_sha512_end(h, out, err);
}

int fm_sha512_file(const char *path, uint8_t out[FM_SHA512_LEN], struct fm_error *err)
{
	struct fm_sha512 *h = NULL;
	char block[65536];
	size_t got = 1;
	int fd, rc;

	if ((rc = fm_file_open(path, &fd, err)) < 0)
		return rc;
	if ((rc = fm_sha512_new(&h, err)) < 0)
		goto out;
	while (got > 0)
		if ((rc = fm_fd_read(fd, path, block, sizeof block, &got, err)) < 0 ||
		    (rc = fm_sha512_add(h, block, got, err)) < 0)
			goto out;
	rc = fm_sha512_end(h, out, err);
	h = NULL;
out:
	fm_sha512_free(h);
	close(fd);
	return rc;
}

/* What the key signs. */
static void signed_bytes(const char *ns, const uint8_t digest[FM_SHA512_LEN], struct fm_wire_out *o)
{
	fm_wire_put(o, MAGIC, NMAGIC);
	fm_wire_put_text(o, ns);
	fm_wire_put_text(o, "");
	fm_wire_put_text(o, HASH);
	fm_wire_put_string(o, digest, FM_SHA512_LEN);
}

int fm_sshsig_sign(const struct fm_sshkey *key, const char *ns, const uint8_t digest[FM_SHA512_LEN], struct fm_buf *out,
		   struct fm_error *err)
{
	uint8_t message[256], sig[64], public[FM_SSHKEY_BLOB], inner[128], blob[512], text[1024];
	struct fm_wire_out m = {message, 0, sizeof message, false}, p = {public, 0, sizeof public, false};
	struct fm_wire_out i = {inner, 0, sizeof inner, false}, b = {blob, 0, sizeof blob, false};
	struct fm_wire_out t = {text, 0, sizeof text, false};
	int rc;

	if (!*ns || strlen(ns) >= FM_SSHSIG_NAMESPACE_MAX)
		return fm_fail(err, FM_EUSAGE, "a signature's namespace has 1 to %d bytes",
			       FM_SSHSIG_NAMESPACE_MAX - 1);
	signed_bytes(ns, digest, &m);
	if ((rc = fm_sshkey_sign(key, message, m.n, sig, err)) < 0)
		return rc;
	fm_wire_put_text(&i, "ssh-ed25519");
	fm_wire_put_string(&i, sig, sizeof sig);
	fm_sshpub_blob(&key->pub, &p);

	fm_wire_put(&b, MAGIC, NMAGIC);
	fm_wire_put_u32(&b, VERSION);
	fm_wire_put_string(&b, public, p.n);
	fm_wire_put_text(&b, ns);
	fm_wire_put_text(&b, "");
	fm_wire_put_text(&b, HASH);
	fm_wire_put_string(&b, inner, i.n);
	fm_armor_write(LABEL, blob, b.n, &t);
	if (m.full || i.full || p.full || b.full || t.full)
		return fm_fail(err, FM_ESYSTEM, "a signature does not fit its buffer");
	fm_buf_add(out, text, t.n);
	return fm_buf_check(out, err);
}

int fm_sshsig_parse(struct fm_sshsig *s, const char *text, size_t n, struct fm_error *err)
{
	uint8_t blob[BLOB_MAX];
	struct fm_wire w = {blob, 0}, magic, key, ns, reserved, hash, inner, type, sig, flags;
	char name[64] = "";
	uint32_t version;
	int found;

	memset(s, 0, sizeof *s);
	if (n > FM_SSHSIG_FILE_MAX)
		return fm_fail(err, FM_EINPUT, "the signature is longer than any that is known");
	if (fm_armor_read(LABEL, text, n, blob, sizeof blob, &w.n))
		return fm_fail(err, FM_EINPUT, "this is no armored SSH signature (BEGIN SSH SIGNATURE, base64, END)");
	if (fm_wire_bytes(&w, NMAGIC, &magic) || memcmp(magic.p, MAGIC, NMAGIC) || fm_wire_u32(&w, &version))
		return fm_fail(err, FM_EINPUT, "the signature does not begin with SSHSIG");
	if (version != VERSION)
		return fm_fail(err, FM_EINPUT, "the signature has version %u; only version 1 is known",
			       (unsigned)version);
	if (fm_wire_string(&w, &key) || fm_wire_string(&w, &ns) || fm_wire_string(&w, &reserved) ||
	    fm_wire_string(&w, &hash) || fm_wire_string(&w, &inner) || w.n)
		return fm_fail(err, FM_EINPUT, "the signature is cut short or has bytes left over");
	found = fm_sshpub_from_blob(&s->key, &key, name);
	if (found == -2)
		return fm_fail(err, FM_EINPUT,
			       "the signature was made by a key of type %s; only ssh-ed25519 and "
			       "sk-ssh-ed25519@openssh.com are accepted",
			       name);
	if (found)
		return fm_fail(err, FM_EINPUT, "the public key in the signature is damaged");
	if (ns.n == 0 || ns.n >= sizeof s->ns)
		return fm_fail(err, FM_EINPUT, "the signature's namespace is empty or too long");
	for (size_t i = 0; i < ns.n; i++)
		if (ns.p[i] <= 0x20 || ns.p[i] >= 0x7f)
			return fm_fail(err, FM_EINPUT, "the signature's namespace has unprintable bytes");
	memcpy(s->ns, ns.p, ns.n);
	if (reserved.n)
		return fm_fail(err, FM_EINPUT, "the signature's reserved field is not empty");
	if (!fm_wire_is(&hash, HASH)) {
		fm_printable(hash.p, hash.n, name, sizeof name);
		return fm_fail(err, FM_EINPUT, "the signature is over a %s digest; only sha512 is accepted", name);
	}
	if (fm_wire_string(&inner, &type) || !fm_wire_is(&type, s->key.application[0] ? SK_TYPE : TYPE) ||
	    fm_wire_string(&inner, &sig) || sig.n != sizeof s->sig)
		return fm_fail(err, FM_EINPUT, "the signature proper is not 64 bytes of the key's type");
	memcpy(s->sig, sig.p, sizeof s->sig);
	if (s->key.application[0]) {
		if (fm_wire_bytes(&inner, 1, &flags) || fm_wire_u32(&inner, &s->counter))
			return fm_fail(err, FM_EINPUT, "the signature of a token has no flags and counter");
		s->flags = flags.p[0];
	}
	if (inner.n)
		return fm_fail(err, FM_EINPUT, "the signature proper has bytes left over");
	return FM_OK;
}

static int check_token(const struct fm_sshsig *s, const uint8_t *message, size_t n, struct fm_error *err)
{
	uint8_t all[2 * FM_SHA256_LEN + 5], *p = all;
	int rc;

	if (!(s->flags & 1))
		return 0;
	if ((rc = fm_sha256_bytes(s->key.application, strlen(s->key.application), p, err)) < 0)
		return rc;
	p += FM_SHA256_LEN;
	*p++ = s->flags;
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(s->counter >> shift);
	if ((rc = fm_sha256_bytes(message, n, p, err)) < 0)
		return rc;
	return fm_sshpub_check(&s->key, all, sizeof all, s->sig, err);
}

int fm_sshsig_check(const struct fm_sshsig *s, const uint8_t digest[FM_SHA512_LEN], struct fm_error *err)
{
	uint8_t message[256];
	struct fm_wire_out m = {message, 0, sizeof message, false};

	signed_bytes(s->ns, digest, &m);
	if (m.full)
		return fm_fail(err, FM_ESYSTEM, "a signature's message does not fit its buffer");
	if (s->key.application[0])
		return check_token(s, message, m.n, err);
	return fm_sshpub_check(&s->key, message, m.n, s->sig, err);
}
