#include "base/hash.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"

#define READ_BYTES (256u << 10)

struct fm_sha256 {
	EVP_MD_CTX *ctx;
};

int fm_hash_begin(struct fm_error *err)
{
	/* OpenSSL takes its context for granted when it fetches a digest. */
	if (!OSSL_LIB_CTX_get0_global_default() || OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
		return fm_fail(err, FM_ESYSTEM, "OpenSSL cannot start: is there memory?");
	return FM_OK;
}

static int library_failed(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "OpenSSL cannot compute SHA-256");
}

int fm_sha256_new(struct fm_sha256 **h, struct fm_error *err)
{
	int rc = fm_alloc(h, 1, sizeof(**h), "a digest", err);

	if (rc < 0)
		return rc;
	(*h)->ctx = EVP_MD_CTX_new();
	if ((*h)->ctx != NULL && EVP_DigestInit_ex((*h)->ctx, EVP_sha256(), NULL) == 1)
		return FM_OK;
	fm_sha256_free(*h);
	*h = NULL;
	return library_failed(err);
}

int fm_sha256_add(struct fm_sha256 *h, const void *p, size_t n, struct fm_error *err)
{
	if (n > 0 && EVP_DigestUpdate(h->ctx, p, n) != 1)
		return library_failed(err);
	return FM_OK;
}

int fm_sha256_end(struct fm_sha256 *h, uint8_t out[FM_SHA256_LEN], struct fm_error *err)
{
	int ok = EVP_DigestFinal_ex(h->ctx, out, NULL);

	fm_sha256_free(h);
	return ok == 1 ? FM_OK : library_failed(err);
}

int fm_sha256_end_hex(struct fm_sha256 **h, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	uint8_t digest[FM_SHA256_LEN];
	int rc = fm_sha256_end(*h, digest, err);

	*h = NULL;
	if (rc < 0)
		return rc;
	fm_hex(digest, sizeof digest, hex);
	return FM_OK;
}

void fm_sha256_free(struct fm_sha256 *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

int fm_sha256_bytes(const void *p, size_t n, uint8_t out[FM_SHA256_LEN], struct fm_error *err)
{
	if (EVP_Digest(n > 0 ? p : "", n, out, NULL, EVP_sha256(), NULL) != 1)
		return library_failed(err);
	return FM_OK;
}

int fm_sha256_file(const char *path, uint8_t out[FM_SHA256_LEN], struct fm_error *err)
{
	struct fm_sha256 *h = NULL;
	uint8_t *chunk = NULL;
	size_t got = 1;
	int fd, rc = fm_file_open(path, &fd, err);

	if (rc < 0)
		return rc;
	if ((rc = fm_alloc(&chunk, READ_BYTES, 1, "a read buffer", err)) < 0 || (rc = fm_sha256_new(&h, err)) < 0)
		goto out;
	while (got > 0)
		if ((rc = fm_fd_read(fd, path, chunk, READ_BYTES, &got, err)) < 0 ||
		    (rc = fm_sha256_add(h, chunk, got, err)) < 0)
			goto out;
	rc = fm_sha256_end(h, out, err);
	h = NULL;
out:
	fm_sha256_free(h);
	free(chunk);
	close(fd);
	return rc;
}

int fm_sha256_file_hex(const char *path, char out[FM_SHA256_HEX], struct fm_error *err)
{
	uint8_t d[FM_SHA256_LEN];
	int rc;

	if ((rc = fm_sha256_file(path, d, err)) < 0)
		return rc;
	fm_hex(d, sizeof(d), out);
	return FM_OK;
}

/* Add "HEX  name\n" for the file `name` in the folder dir. */
static int add_line(struct fm_sha256 *h, const char *dir, const char *name, struct fm_error *err)
{
	char hex[FM_SHA256_HEX], *path;
	int rc;

	if (strchr(name, '\n') != NULL)
		return fm_fail(err, FM_EINPUT, "%s: a file name with a line break in it: %s", dir, name);
	path = fm_path_join(dir, name);
	rc = path == NULL ? fm_fail(err, FM_ESYSTEM, "out of memory: a path") : fm_sha256_file_hex(path, hex, err);
	free(path);
	if (rc < 0 || (rc = fm_sha256_add(h, hex, FM_SHA256_HEX - 1, err)) < 0 ||
	    (rc = fm_sha256_add(h, "  ", 2, err)) < 0 || (rc = fm_sha256_add(h, name, strlen(name), err)) < 0)
		return rc;
	return fm_sha256_add(h, "\n", 1, err);
}

int fm_sha256_dir_hex(const char *path, char out[FM_SHA256_HEX], struct fm_error *err)
{
	struct fm_sha256 *h = NULL;
	char **names = NULL;
	size_t n = 0;
	int rc;

	if ((rc = fm_dir_files(path, &names, &n, err)) < 0 || (rc = fm_sha256_new(&h, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		if ((rc = add_line(h, path, names[i], err)) < 0)
			goto out;
	rc = fm_sha256_end_hex(&h, out, err);
out:
	fm_sha256_free(h);
	fm_names_free(names, n);
	return rc;
}

int fm_hmac_sha256(const void *key, size_t nkey, const void *p, size_t n, uint8_t out[FM_SHA256_LEN],
		   struct fm_error *err)
{
	if (nkey > INT_MAX)
		return fm_fail(err, FM_EINPUT, "a key of %zu bytes is too long for HMAC", nkey);
	if (HMAC(EVP_sha256(), nkey > 0 ? key : "", (int)nkey, n > 0 ? p : (const void *)"", n, out, NULL) == NULL)
		return library_failed(err);
	return FM_OK;
}

void fm_hex(const uint8_t *p, size_t n, char *out)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digit[p[i] >> 4];
		out[2 * i + 1] = digit[p[i] & 15];
	}
	out[2 * n] = '\0';
}

int fm_unhex(const char *hex, size_t n, uint8_t *out, struct fm_error *err)
{
	size_t len = strlen(hex);

	if (len != 2 * n)
		return fm_fail(err, FM_EINPUT, "a hexadecimal value has %zu digits and not %zu", len, 2 * n);
	for (size_t i = 0; i < n; i++) {
		int high = fm_hex_digit(hex[2 * i]), low = fm_hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return fm_fail(err, FM_EINPUT, "a character that is no hexadecimal digit at place %zu",
				       2 * i + 1);
		out[i] = (uint8_t)(high << 4 | low);
	}
	return FM_OK;
}
