#include "base/hash.h"

#include <dirent.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define READ_BYTES (256u << 10)
#define MAX_DEPTH 64

struct fm_sha256 {
	EVP_MD_CTX *ctx;
};

static int library_failed(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "OpenSSL cannot compute SHA-256");
}

int fm_sha256_new(struct fm_sha256 **h, struct fm_error *err)
{
	int rc = fm_alloc(h, 1, sizeof(**h), "a digest", err);

	if (rc != FM_OK)
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

	if (rc != FM_OK)
		return rc;
	rc = fm_alloc(&chunk, READ_BYTES, 1, "a read buffer", err);
	if (rc == FM_OK)
		rc = fm_sha256_new(&h, err);
	while (rc == FM_OK && got > 0) {
		rc = fm_fd_read(fd, path, chunk, READ_BYTES, &got, err);
		if (rc == FM_OK)
			rc = fm_sha256_add(h, chunk, got, err);
	}
	if (rc == FM_OK) {
		rc = fm_sha256_end(h, out, err);
		h = NULL;
	}
	fm_sha256_free(h);
	free(chunk);
	close(fd);
	return rc;
}

int fm_sha256_file_hex(const char *path, char out[FM_SHA256_HEX], struct fm_error *err)
{
	uint8_t d[FM_SHA256_LEN];
	int rc = fm_sha256_file(path, d, err);

	if (rc == FM_OK)
		fm_hex(d, sizeof(d), out);
	return rc;
}

/* Relative paths of the regular files below a folder. */
struct paths {
	char **v;
	size_t n, cap;
};

static int paths_add(struct paths *ps, char *path, struct fm_error *err)
{
	if (ps->n == ps->cap) {
		size_t cap = ps->cap == 0 ? 64 : ps->cap * 2;
		char **v = reallocarray(ps->v, cap, sizeof(*v));

		if (v == NULL)
			return fm_fail(err, FM_ESYSTEM, "out of memory: the list of a folder's files");
		ps->v = v;
		ps->cap = cap;
	}
	ps->v[ps->n++] = path;
	return FM_OK;
}

static int paths_collect(struct paths *ps, const char *root, const char *below, int depth, struct fm_error *err)
{
	char *folder = below[0] == '\0' ? strdup(root) : fm_path_join(root, below);
	char **names = NULL;
	size_t n = 0;
	int rc = folder == NULL ? fm_fail(err, FM_ESYSTEM, "out of memory: a path") : FM_OK;

	if (rc == FM_OK && depth > MAX_DEPTH)
		rc = fm_fail(err, FM_EINPUT, "%s: folders in folders more than %d deep", root, MAX_DEPTH);
	if (rc == FM_OK)
		rc = fm_dir_list(folder, &names, &n, err);
	for (size_t i = 0; i < n && rc == FM_OK; i++) {
		char *rel = below[0] == '\0' ? strdup(names[i]) : fm_path_join(below, names[i]);
		char *full = fm_path_join(folder, names[i]);
		struct stat st;

		if (rel == NULL || full == NULL) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory: a path");
		} else if (lstat(full, &st) != 0) {
			rc = fm_fail_errno(err, "cannot read %s", full);
		} else if (strchr(names[i], '\n') != NULL) {
			rc = fm_fail(err, FM_EINPUT, "%s: a file name with a line break in it", folder);
		} else if (S_ISDIR(st.st_mode)) {
			rc = paths_collect(ps, root, rel, depth + 1, err);
		} else if (S_ISREG(st.st_mode)) {
			rc = paths_add(ps, rel, err);
			if (rc == FM_OK)
				rel = NULL;
		} else {
			rc = fm_fail(err, FM_EINPUT, "%s is neither a file nor a folder", full);
		}
		free(rel);
		free(full);
	}
	fm_names_free(names, n);
	free(folder);
	return rc;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int fm_sha256_dir_hex(const char *path, char out[FM_SHA256_HEX], struct fm_error *err)
{
	struct paths ps = {0};
	struct fm_sha256 *h = NULL;
	uint8_t d[FM_SHA256_LEN];
	char hex[FM_SHA256_HEX];
	int rc = paths_collect(&ps, path, "", 0, err);

	if (rc == FM_OK)
		rc = fm_sha256_new(&h, err);
	if (ps.n > 1)
		qsort(ps.v, ps.n, sizeof(*ps.v), by_bytes);
	for (size_t i = 0; i < ps.n && rc == FM_OK; i++) {
		char *full = fm_path_join(path, ps.v[i]);

		rc = full == NULL ? fm_fail(err, FM_ESYSTEM, "out of memory: a path") : fm_sha256_file_hex(full, hex, err);
		if (rc == FM_OK)
			rc = fm_sha256_add(h, hex, FM_SHA256_HEX - 1, err);
		if (rc == FM_OK)
			rc = fm_sha256_add(h, "  ", 2, err);
		if (rc == FM_OK)
			rc = fm_sha256_add(h, ps.v[i], strlen(ps.v[i]), err);
		if (rc == FM_OK)
			rc = fm_sha256_add(h, "\n", 1, err);
		free(full);
	}
	if (rc == FM_OK) {
		rc = fm_sha256_end(h, d, err);
		h = NULL;
	}
	if (rc == FM_OK)
		fm_hex(d, sizeof(d), out);
	fm_sha256_free(h);
	fm_names_free(ps.v, ps.n);
	return rc;
}

int fm_hmac_sha256(const void *key, size_t nkey, const void *p, size_t n, uint8_t out[FM_SHA256_LEN], struct fm_error *err)
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

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int fm_unhex(const char *hex, size_t n, uint8_t *out, struct fm_error *err)
{
	size_t len = strlen(hex);

	if (len != 2 * n)
		return fm_fail(err, FM_EINPUT, "a hexadecimal value of %zu digits where %zu are wanted", len, 2 * n);
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return fm_fail(err, FM_EINPUT, "a character that is no hexadecimal digit at place %zu", 2 * i + 1);
		out[i] = (uint8_t)(high << 4 | low);
	}
	return FM_OK;
}
