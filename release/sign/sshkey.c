#include "release/sign/sshkey_parts.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"

#define NO_PRIVATE "this is no OpenSSH private key; make one with: flowmint keygen --out KEY"
#define TYPE "ssh-ed25519"
#define SK_TYPE "sk-ssh-ed25519@openssh.com"

/* --- the curve, by OpenSSL --- */

static int public_of_seed(const struct fm_secret *seed, uint8_t point[32], struct fm_error *err)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed->data, 32);
	size_t n = 32;
	int rc = FM_OK;

	if (!pkey || EVP_PKEY_get_raw_public_key(pkey, point, &n) != 1 || n != 32)
		rc = fm_fail(err, FM_ESYSTEM, "OpenSSL could not derive an Ed25519 public key");
	EVP_PKEY_free(pkey);
	return rc;
}

int fm_sshkey_sign(const struct fm_sshkey *k, const void *p, size_t n, uint8_t sig[64], struct fm_error *err)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->seed.data, 32);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t nsig = 64;
	int rc = FM_OK;

	if (!pkey || !md || EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestSign(md, sig, &nsig, p, n) != 1 || nsig != 64)
		rc = fm_fail(err, FM_ESYSTEM, "OpenSSL could not make an Ed25519 signature");
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(pkey);
	return rc;
}

static int check_once(const struct fm_sshpub *pub, const void *p, size_t n, const uint8_t sig[64], struct fm_error *err)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub->point, 32);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int rc;

	ERR_clear_error();
	if (!pkey || !md || EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) != 1)
		rc = fm_fail(err, FM_ESYSTEM, "OpenSSL could not set up an Ed25519 check");
	else
		rc = EVP_DigestVerify(md, sig, 64, p, n) == 1;
	if (rc == 0 && ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for an Ed25519 check");
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(pkey);
	return rc;
}

int fm_sshpub_check(const struct fm_sshpub *pub, const void *p, size_t n, const uint8_t sig[64], struct fm_error *err)
{
	int rc = check_once(pub, p, n, sig, err);

	/* OpenSSL also answers 0 when it lacks memory, and does not always record that: a refusal is checked twice. */
	return rc == 0 ? check_once(pub, p, n, sig, err) : rc;
}

/* --- public keys --- */

void fm_sshpub_blob(const struct fm_sshpub *pub, struct fm_wire_out *o)
{
	fm_wire_put_text(o, pub->application[0] ? SK_TYPE : TYPE);
	fm_wire_put_string(o, pub->point, 32);
	if (pub->application[0])
		fm_wire_put_text(o, pub->application);
}

bool fm_sshpub_same(const struct fm_sshpub *a, const struct fm_sshpub *b)
{
	return memcmp(a->point, b->point, sizeof a->point) == 0 && strcmp(a->application, b->application) == 0;
}

/*
 * y of the points of order 1, 2, 4 and 8 on edwards25519 (RFC 8032, 5.1), little-endian and with the sign bit cleared:
 * 1, p - 1, 0, the two of order 8, and what is the same modulo p = 2^255 - 19.
 */
bool fm_sshpub_is_weak(const struct fm_sshpub *pub)
{
	static const uint8_t order8[2][32] = {
	    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
	     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
	    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
	     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
	};
	uint8_t y[32];
	bool low = true, high = true; /* all bytes between the first and the last are 0, are 255 */

	memcpy(y, pub->point, 32);
	y[31] &= 0x7f;
	for (int i = 1; i < 31; i++) {
		low &= y[i] == 0;
		high &= y[i] == 0xff;
	}
	/* 0 and 1; p - 1, p and p + 1, which end with the bytes ec, ed and ee */
	return (low && y[31] == 0 && y[0] <= 1) || (high && y[31] == 0x7f && y[0] >= 0xec && y[0] <= 0xee) ||
	       memcmp(y, order8[0], 32) == 0 || memcmp(y, order8[1], 32) == 0;
}

int fm_sshpub_from_blob(struct fm_sshpub *pub, const struct fm_wire *blob, char type[64])
{
	struct fm_wire w = *blob, name, point, application = {0};
	bool sk;

	if (fm_wire_string(&w, &name) || name.n == 0)
		return -1;
	if (type)
		fm_printable(name.p, name.n, type, 64);
	sk = fm_wire_is(&name, SK_TYPE);
	if (!sk && !fm_wire_is(&name, TYPE))
		return -2;
	if (fm_wire_string(&w, &point) || point.n != 32 || (sk && fm_wire_string(&w, &application)) || w.n != 0)
		return -1;
	memset(pub, 0, sizeof *pub);
	memcpy(pub->point, point.p, 32);
	if (!sk)
		return 0;
	if (application.n == 0 || application.n >= sizeof pub->application)
		return -1;
	for (size_t i = 0; i < application.n; i++)
		if (application.p[i] <= 0x20 || application.p[i] >= 0x7f)
			return -1;
	memcpy(pub->application, application.p, application.n);
	return 0;
}

static void put_type_and_blob(const struct fm_sshpub *pub, struct fm_buf *out)
{
	uint8_t blob[FM_SSHKEY_BLOB];
	uint8_t text[FM_SSHKEY_BLOB / 3 * 4 + 8];
	struct fm_wire_out b = {blob, 0, sizeof blob, false}, t = {text, 0, sizeof text, false};

	fm_sshpub_blob(pub, &b);
	fm_base64_encode(blob, b.n, &t);
	fm_buf_printf(out, "%s ", pub->application[0] ? SK_TYPE : TYPE);
	fm_buf_add(out, text, t.n);
}

void fm_sshpub_line(const struct fm_sshpub *pub, struct fm_buf *out)
{
	put_type_and_blob(pub, out);
	if (pub->comment[0])
		fm_buf_printf(out, " %s", pub->comment);
	fm_buf_puts(out, "\n");
}

int fm_sshpub_fingerprint(const struct fm_sshpub *pub, char out[FM_FINGERPRINT_MAX], struct fm_error *err)
{
	uint8_t blob[FM_SSHKEY_BLOB], digest[FM_SHA256_LEN];
	struct fm_wire_out b = {blob, 0, sizeof blob, false};
	struct fm_wire_out t = {(uint8_t *)out, 0, FM_FINGERPRINT_MAX, false};
	int rc;

	fm_sshpub_blob(pub, &b);
	if ((rc = fm_sha256_bytes(blob, b.n, digest, err)) < 0)
		return rc;
	fm_wire_put(&t, "SHA256:", 7);
	fm_base64_encode(digest, sizeof digest, &t);
	out[50] = 0; /* in place of the one '=' */
	return FM_OK;
}

static bool principal_is_plain(const char *s)
{
	if (!*s || *s == '#' || *s == '!')
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || (unsigned char)*s >= 0x7f || strchr("\"',*?\\", *s))
			return false;
	return true;
}

int fm_sshpub_signers_line(const struct fm_sshpub *pub, const char *principal, struct fm_buf *out, struct fm_error *err)
{
	if (!principal_is_plain(principal))
		return fm_fail(err, FM_EUSAGE,
			       "\"%s\" cannot name a signer: give one word such as releases@example.org", principal);
	fm_buf_printf(out, "%s namespaces=\"" FM_SSH_NAMESPACES "\" ", principal);
	put_type_and_blob(pub, out);
	fm_buf_puts(out, "\n");
	return fm_buf_check(out, err);
}

/* --- private keys --- */

int fm_sshkey_generate(struct fm_sshkey *k, const char *comment, struct fm_error *err)
{
	int rc;

	memset(k, 0, sizeof *k);
	fm_printable(comment, strlen(comment), k->pub.comment, sizeof k->pub.comment);
	if ((rc = fm_secret_random(&k->seed, 32, err)) < 0 || (rc = public_of_seed(&k->seed, k->pub.point, err)) < 0)
		fm_sshkey_close(k);
	return rc;
}

/* The section that an encrypted key would hide: `in` up to its padding. */
static int private_section(struct fm_sshkey *k, struct fm_wire in, const struct fm_sshpub *outer, struct fm_error *err)
{
	struct fm_wire type, point, pair, comment;
	uint32_t check[2];
	uint8_t derived[32];
	int rc;

	if (in.n % 8 || fm_wire_u32(&in, &check[0]) || fm_wire_u32(&in, &check[1]) || check[0] != check[1] ||
	    fm_wire_string(&in, &type) || !fm_wire_is(&type, TYPE) || fm_wire_string(&in, &point) || point.n != 32 ||
	    fm_wire_string(&in, &pair) || pair.n != 64 || fm_wire_string(&in, &comment) || in.n >= 8)
		return fm_fail(err, FM_EINPUT, "the private key is damaged");
	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] != i + 1)
			return fm_fail(err, FM_EINPUT, "the private key is damaged (padding)");
	if ((rc = fm_secret_new(&k->seed, 32, err)) < 0)
		return rc;
	memcpy(k->seed.data, pair.p, 32);
	if ((rc = public_of_seed(&k->seed, derived, err)) < 0)
		return rc;
	if (memcmp(derived, point.p, 32) || memcmp(derived, pair.p + 32, 32) || memcmp(derived, outer->point, 32))
		return fm_fail(err, FM_EINPUT, "the private key does not belong to the public key in the same file");
	memcpy(k->pub.point, derived, 32);
	fm_printable(comment.p, comment.n, k->pub.comment, sizeof k->pub.comment);
	return FM_OK;
}

static int parse_private(struct fm_sshkey *k, const struct fm_secret *text, struct fm_error *err)
{
	struct fm_secret blob = {0};
	struct fm_wire w, magic, cipher, kdf, options, public, private;
	struct fm_sshpub outer;
	char type[64] = "";
	uint32_t nkeys;
	int rc, found;

	if ((rc = fm_secret_new(&blob, FM_SSHKEY_FILE_MAX, err)) < 0)
		goto out;
	w.p = blob.data;
	if (fm_armor_read(FM_SSHKEY_LABEL, (const char *)text->data, text->len, blob.data, blob.len, &w.n) ||
	    fm_wire_bytes(&w, sizeof FM_SSHKEY_MAGIC, &magic) ||
	    memcmp(magic.p, FM_SSHKEY_MAGIC, sizeof FM_SSHKEY_MAGIC)) {
		rc = fm_fail(err, FM_EINPUT, NO_PRIVATE);
		goto out;
	}
	if (fm_wire_string(&w, &cipher) || fm_wire_string(&w, &kdf) || fm_wire_string(&w, &options) ||
	    fm_wire_u32(&w, &nkeys) || nkeys != 1 || fm_wire_string(&w, &public) || fm_wire_string(&w, &private) ||
	    w.n) {
		rc = fm_fail(err, FM_EINPUT, "the private key is damaged");
		goto out;
	}
	found = fm_sshpub_from_blob(&outer, &public, type);
	if (found == -2) {
		rc = fm_fail(err, FM_EINPUT,
			     "this is a key of type %s; releases are signed with ssh-ed25519 keys: "
			     "flowmint keygen --out KEY",
			     type);
		goto out;
	}
	if (!fm_wire_is(&cipher, "none") || !fm_wire_is(&kdf, "none")) {
		rc = fm_fail(err, FM_EINPUT,
			     "the private key is encrypted with a passphrase, which is not supported here; take "
			     "it off in a copy with: ssh-keygen -p -N '' -f COPY");
		goto out;
	}
	if (found == 0 && outer.application[0]) {
		rc = fm_fail(err, FM_EINPUT, "this is a key on a FIDO token, which is not supported here");
		goto out;
	}
	if (found || options.n) {
		rc = fm_fail(err, FM_EINPUT, "the private key is damaged");
		goto out;
	}
	rc = private_section(k, private, &outer, err);
out:
	fm_secret_close(&blob);
	return rc;
}

/* A file that is no private key may also have the wrong mode for a secret, but that is not its fault: say what it
 * is. */
static int refuse_other(const char *path, const char *begin, size_t n, struct fm_error *err)
{
	size_t at = 0;

	while (at < n && strchr(" \t\r\n", begin[at]))
		at++;
	return n > at && begin[at] == '-' ? FM_OK : fm_fail(err, FM_EINPUT, "%s: " NO_PRIVATE, path);
}

/* Say that this is the public half, and what is wanted instead. */
static int refuse_public(const char *path, struct fm_error *err)
{
	size_t n = strlen(path), got = 0;
	char begin[8];
	int rc;

	if ((rc = fm_file_begin(path, begin, sizeof begin, &got, err)) < 0)
		return rc;
	if (got < 4 || (memcmp(begin, "ssh-", 4) != 0 && memcmp(begin, "ecds", 4) != 0))
		return refuse_other(path, begin, got, err);
	return fm_fail(err, FM_EINPUT,
		       "%s is a public key, and a secret key is wanted: it is the file made with it, %s%.*s", path,
		       n > 4 && strcmp(path + n - 4, ".pub") == 0 ? "" : "of the name without .pub, not ",
		       (int)(n > 4 && strcmp(path + n - 4, ".pub") == 0 ? n - 4 : n), path);
}

int fm_sshkey_read(struct fm_sshkey *k, const char *path, struct fm_error *err)
{
	struct fm_secret text = {0};
	int rc;

	memset(k, 0, sizeof *k);
	if ((rc = refuse_public(path, err)) < 0 || (rc = fm_secret_read(&text, path, FM_SSHKEY_FILE_MAX, err)) < 0)
		return rc;
	rc = parse_private(k, &text, err);
	fm_secret_close(&text);
	if (rc < 0) {
		fm_sshkey_close(k);
		return fm_error_prefix(err, "%s: ", path);
	}
	return FM_OK;
}

/* ---- the public half alone ---- */

/* A file of a public key has one line; blank lines and comments may follow. */
static int refuse_more(const char *text, size_t n, struct fm_error *err)
{
	size_t line = 1;

	while (n) {
		const char *nl = memchr(text, '\n', n);
		size_t len = nl ? (size_t)(nl - text) : n, at = 0;

		while (at < len && strchr(" \t\r", text[at]))
			at++;
		if (line > 1 && at < len && text[at] != '#')
			return fm_fail(
			    err, FM_EINPUT,
			    "line %zu: %s behind the key: a file of a public key is one line with one key", line,
			    len - at > 4 && (memcmp(text + at, "ssh-", 4) == 0 || memcmp(text + at, "sk-s", 4) == 0 ||
					     memcmp(text + at, "ecds", 4) == 0)
				? "there is another key"
				: "something stands");
		text += len + (nl ? 1 : 0);
		n -= len + (nl ? 1 : 0);
		line++;
	}
	return FM_OK;
}

int fm_sshpub_parse(struct fm_sshpub *pub, const char *text, size_t n, struct fm_error *err)
{
	const char *end = memchr(text, '\n', n), *base64 = memchr(text, ' ', n), *comment;
	uint8_t blob[FM_SSHKEY_BLOB];
	struct fm_wire w = {blob, 0};
	char type[64] = "";
	int found, rc;

	if ((rc = refuse_more(text, n, err)) < 0)
		return rc;
	n = end ? (size_t)(end - text) : n;
	if (!base64 || base64 >= text + n)
		return fm_fail(err, FM_EINPUT, "this is no key of OpenSSH's");
	base64++;
	comment = memchr(base64, ' ', (size_t)(text + n - base64));
	end = comment ? comment : text + n;
	found = fm_base64_decode(base64, (size_t)(end - base64), blob, sizeof blob, &w.n)
		    ? -2
		    : fm_sshpub_from_blob(pub, &w, type);
	if (found == -2)
		return fm_fail(err, FM_EINPUT,
			       "this is a key of another type than ssh-ed25519 and sk-ssh-ed25519@openssh.com: "
			       "flowmint keygen --out KEY");
	if (found)
		return fm_fail(err, FM_EINPUT, "the public key is damaged");
	if (comment)
		fm_printable(comment + 1, (size_t)(text + n - comment - 1), pub->comment, sizeof pub->comment);
	return FM_OK;
}

static int look_at_private(struct fm_sshpub *pub, const struct fm_secret *text, bool *here, struct fm_error *err)
{
	struct fm_wire w, magic, cipher, kdf, options, public;
	struct fm_secret blob = {0};
	char type[64] = "";
	uint32_t nkeys;
	int rc, found;

	if ((rc = fm_secret_new(&blob, FM_SSHKEY_FILE_MAX, err)) < 0)
		goto out;
	w.p = blob.data;
	if (fm_armor_read(FM_SSHKEY_LABEL, (const char *)text->data, text->len, blob.data, blob.len, &w.n) ||
	    fm_wire_bytes(&w, sizeof FM_SSHKEY_MAGIC, &magic) ||
	    memcmp(magic.p, FM_SSHKEY_MAGIC, sizeof FM_SSHKEY_MAGIC)) {
		rc = fm_fail(err, FM_EINPUT, NO_PRIVATE);
		goto out;
	}
	if (fm_wire_string(&w, &cipher) || fm_wire_string(&w, &kdf) || fm_wire_string(&w, &options) ||
	    fm_wire_u32(&w, &nkeys) || nkeys != 1 || fm_wire_string(&w, &public)) {
		rc = fm_fail(err, FM_EINPUT, "the private key is damaged");
		goto out;
	}
	found = fm_sshpub_from_blob(pub, &public, type);
	if (found == -2)
		rc = fm_fail(
		    err, FM_EINPUT,
		    "this is a key of type %s; releases are signed with ssh-ed25519 keys: flowmint keygen --out "
		    "KEY",
		    type);
	else if (found)
		rc = fm_fail(err, FM_EINPUT, "the private key is damaged");
	*here = fm_wire_is(&cipher, "none") && !pub->application[0];
out:
	fm_secret_close(&blob);
	return rc;
}

int fm_sshkey_look(const char *path, struct fm_sshpub *pub, bool *here, struct fm_error *err)
{
	struct fm_secret text = {0};
	struct fm_buf line = {0};
	char begin[8] = "";
	size_t got = 0;
	int rc;

	memset(pub, 0, sizeof *pub);
	*here = false;
	if ((rc = fm_file_begin(path, begin, sizeof begin, &got, err)) < 0)
		return rc;
	if (got == sizeof begin && (memcmp(begin, "ssh-", 4) == 0 || memcmp(begin, "sk-ssh-", 7) == 0)) {
		if ((rc = fm_file_read(path, FM_SSHKEY_FILE_MAX, &line, err)) >= 0)
			rc = fm_sshpub_parse(pub, line.data, line.len, err);
	} else if ((rc = refuse_other(path, begin, got, err)) < 0) {
		goto out;
	} else if ((rc = fm_secret_read(&text, path, FM_SSHKEY_FILE_MAX, err)) >= 0) {
		rc = look_at_private(pub, &text, here, err);
	} else {
		goto out; /* the message names the file already */
	}
	if (rc < 0)
		fm_error_prefix(err, "%s: ", path);
out:
	fm_secret_close(&text);
	fm_buf_free(&line);
	return rc;
}

void fm_sshkey_close(struct fm_sshkey *k)
{
	if (!k)
		return;
	fm_secret_close(&k->seed);
	memset(&k->pub, 0, sizeof k->pub);
}
