#include "release/sign/revoked.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"

#define MAGIC "SSHKRL\n" /* and a NUL */
#define SHA1_LEN 20
#define LINE_BLOB_MAX 8192

enum section { CERTIFICATES = 1, EXPLICIT = 2, BY_SHA1 = 3, BY_SHA256 = 5 };

/* A key as lists name it. */
struct names {
	uint8_t blob[FM_SSHKEY_BLOB], sha1[SHA1_LEN], sha256[FM_SHA256_LEN];
	struct fm_wire of_blob, of_sha1, of_sha256;
};

static int find_names(struct names *k, const struct fm_sshpub *key, struct fm_error *err)
{
	struct fm_wire_out o = {k->blob, 0, sizeof k->blob, false};
	int rc;

	fm_sshpub_blob(key, &o);
	if (o.full)
		return fm_fail(err, FM_EINPUT, "a public key is too long");
	if ((rc = fm_sha256_bytes(k->blob, o.n, k->sha256, err)) < 0)
		return rc;
	if (EVP_Digest(k->blob, o.n, k->sha1, NULL, EVP_sha1(), NULL) != 1)
		return fm_fail(err, FM_ESYSTEM, "OpenSSL cannot compute SHA-1");
	k->of_blob = (struct fm_wire){k->blob, o.n};
	k->of_sha1 = (struct fm_wire){k->sha1, SHA1_LEN};
	k->of_sha256 = (struct fm_wire){k->sha256, FM_SHA256_LEN};
	return FM_OK;
}

static bool same(const struct fm_wire *a, const struct fm_wire *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* ---- a KRL ---- */

/* Is `what` one of the strings up to the end of the section?  length: that each must have, 0: any.  -1: malformed. */
static int look_in(struct fm_wire *section, size_t length, const struct fm_wire *what, bool *found)
{
	struct fm_wire one;

	while (section->n) {
		if (fm_wire_string(section, &one) || one.n == 0 || (length && one.n != length))
			return -1;
		*found = *found || same(&one, what);
	}
	return 0;
}

static int look_in_krl(struct fm_wire w, const struct names *k, bool *found)
{
	struct fm_wire part, type;
	uint32_t format;

	if (fm_wire_bytes(&w, sizeof MAGIC, &part) || fm_wire_u32(&w, &format) || format != 1 ||
	    fm_wire_bytes(&w, 24, &part) || fm_wire_string(&w, &part) || fm_wire_string(&w, &part))
		return -1;
	while (w.n) {
		int rc = 0;

		if (fm_wire_bytes(&w, 1, &type) || fm_wire_string(&w, &part))
			return -1;
		if (*type.p == EXPLICIT)
			rc = look_in(&part, 0, &k->of_blob, found);
		else if (*type.p == BY_SHA1)
			rc = look_in(&part, SHA1_LEN, &k->of_sha1, found);
		else if (*type.p == BY_SHA256)
			rc = look_in(&part, FM_SHA256_LEN, &k->of_sha256, found);
		else if (*type.p != CERTIFICATES)
			rc = -1;
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- text ---- */

/* The rest of a key after its type: strings to its end, of 32 bytes for our kinds of keys.  A key that is cut off
 * revokes nothing, so that the list would pass as one without it. */
static bool is_key(struct fm_wire rest, const struct fm_wire *type)
{
	static const char own[] = "ssh-ed25519";
	bool ours = type->n == sizeof own - 1 && memcmp(type->p, own, type->n) == 0;
	struct fm_wire one;
	size_t n = 0;

	for (; rest.n; n++)
		if (fm_wire_string(&rest, &one) || (ours && one.n != 32))
			return false;
	return ours ? n == 1 : n > 1;
}

/* "ssh-ed25519 BASE64 comment" */
static int look_in_line(const char *line, size_t n, const struct names *k, bool *found)
{
	uint8_t blob[LINE_BLOB_MAX];
	struct fm_wire whole, type;
	const char *blank = memchr(line, ' ', n), *end = line + n, *stop;
	size_t nblob;

	if (!blank)
		return -1;
	stop = memchr(blank + 1, ' ', (size_t)(end - blank - 1));
	stop = stop ? stop : end;
	if (fm_base64_decode(blank + 1, (size_t)(stop - blank - 1), blob, sizeof blob, &nblob) || nblob == 0)
		return -1;
	whole = (struct fm_wire){blob, nblob};
	*found = *found || same(&whole, &k->of_blob);
	/* The word before it must be the type in the key itself. */
	return fm_wire_string(&whole, &type) || type.n != (size_t)(blank - line) || memcmp(type.p, line, type.n) != 0 ||
		       !is_key(whole, &type)
		   ? -1
		   : 0;
}

static int look_in_text(const char *p, size_t n, const struct names *k, bool *found)
{
	const char *end = p + n;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end, *from = p;

		p = nl ? nl + 1 : end;
		while (from < stop && (*from == ' ' || *from == '\t'))
			from++;
		while (from < stop && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		if (from < stop && *from != '#' && look_in_line(from, (size_t)(stop - from), k, found))
			return -1;
	}
	return 0;
}

int fm_revoked_has(const void *file, size_t n, const struct fm_sshpub *key, bool *revoked, struct fm_error *err)
{
	struct names k;
	int rc;

	*revoked = false;
	if ((rc = find_names(&k, key, err)) < 0)
		return rc;
	rc = n >= sizeof MAGIC && memcmp(file, MAGIC, sizeof MAGIC) == 0
		 ? look_in_krl((struct fm_wire){file, n}, &k, revoked)
		 : look_in_text(file, n, &k, revoked);
	return rc ? fm_fail(err, FM_EINPUT,
			    "it is no list of revoked keys that can be read to its end: a KRL of "
			    "ssh-keygen -k, or a public key a line")
		  : FM_OK;
}

int fm_revoked_apply(const char *path, struct fm_signers *list, const struct fm_sshpub *key, bool *revoked,
		     struct fm_error *err)
{
	struct fm_buf b = {0};
	const char *file;
	size_t kept = 0;
	int rc;

	if ((rc = fm_file_read(path, FM_REVOKED_FILE_MAX, &b, err)) < 0) {
		fm_buf_free(&b);
		return rc;
	}
	file = b.data ? b.data : "";
	for (size_t i = 0; i < list->n; i++) {
		if ((rc = fm_revoked_has(file, b.len, &list->s[i].key, revoked, err)) < 0)
			goto out;
		if (!*revoked)
			list->s[kept++] = list->s[i];
	}
	list->n = kept;
	rc = fm_revoked_has(file, b.len, key, revoked, err);
out:
	fm_buf_free(&b);
	return rc < 0 ? fm_error_prefix(err, "%s: ", path) : rc;
}

int fm_revoked_check(const char *path, struct fm_error *err)
{
	const struct fm_sshpub any = {.point = {0}};
	struct fm_signers none = {0};
	bool revoked;

	return fm_revoked_apply(path, &none, &any, &revoked, err);
}
