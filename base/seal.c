#include "base/seal.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"

#define MAGIC "flowmint-seal/1\n"
#define MAGIC_LEN 16
#define SALT_LEN 32
#define HEAD_LEN (MAGIC_LEN + SALT_LEN)
#define CHUNK 65536
#define TAG 16
#define NONCE 12

struct coder {
	struct fm_secret key; /* of this file */
	uint8_t head[HEAD_LEN];
	uint64_t chunk; /* number of the next one */
};

struct fm_seal {
	struct coder c;
	struct fm_out *out;
	size_t n; /* bytes in plain */
	uint8_t plain[CHUNK], cipher[CHUNK + TAG];
};

struct fm_unseal {
	struct coder c;
	int fd;
	char *path;
	uint64_t left; /* bytes of chunks in the file that are not read yet */
	size_t at, n;  /* of plain */
	bool ended;
	uint8_t plain[CHUNK], cipher[CHUNK + TAG];
};

static int begin(struct coder *c, const struct fm_secret *key, const char *label, struct fm_error *err)
{
	char salt[2 * SALT_LEN + 1], text[120];

	fm_hex(c->head + MAGIC_LEN, SALT_LEN, salt);
	snprintf(text, sizeof text, "seal %.40s %s", label, salt);
	return fm_secret_derive(&c->key, key, text, err);
}

static void nonce_of(const struct coder *c, bool last, uint8_t nonce[NONCE])
{
	memset(nonce, 0, NONCE);
	for (int i = 0; i < 8; i++)
		nonce[3 + i] = (uint8_t)(c->chunk >> (56 - 8 * i));
	nonce[NONCE - 1] = last;
}

/* n bytes of one chunk.  1; 0: the tag does not hold; -1: the cipher failed. */
static int code(struct coder *c, bool seal, bool last, const uint8_t *in, size_t n, uint8_t *out, uint8_t tag[TAG])
{
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	uint8_t nonce[NONCE];
	int len = 0, rc;
	bool ok;

	nonce_of(c, last, nonce);
	ok = x && EVP_CipherInit_ex(x, EVP_aes_256_gcm(), NULL, c->key.data, nonce, seal) == 1 &&
	     EVP_CipherUpdate(x, NULL, &len, c->head, HEAD_LEN) == 1 &&
	     (n == 0 || (EVP_CipherUpdate(x, out, &len, in, (int)n) == 1 && (size_t)len == n));
	if (ok && !seal)
		ok = EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1;
	rc = ok ? EVP_CipherFinal_ex(x, out + n, &len) == 1 && len == 0 : -1;
	if (rc == 1 && seal && EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_GET_TAG, TAG, tag) != 1)
		rc = -1;
	EVP_CIPHER_CTX_free(x);
	c->chunk++;
	return rc;
}

/* ---- sealing ---- */

int fm_seal_open(struct fm_seal **out, const char *path, const struct fm_secret *key, const char *label,
		 struct fm_error *err)
{
	struct fm_seal *s = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&s, 1, sizeof *s, "a sealed file", err)) < 0)
		return rc;
	memcpy(s->c.head, MAGIC, MAGIC_LEN);
	if (getrandom(s->c.head + MAGIC_LEN, SALT_LEN, 0) != SALT_LEN) {
		rc = fm_fail_errno(err, "the system's random generator gives no bytes");
		goto out;
	}
	if ((rc = begin(&s->c, key, label, err)) < 0 || (rc = fm_out_open(&s->out, path, 0600, err)) < 0)
		goto out;
	rc = fm_out_write(s->out, s->c.head, HEAD_LEN, err);
out:
	if (rc < 0)
		fm_seal_abort(s);
	else
		*out = s;
	return rc;
}

static int put_chunk(struct fm_seal *s, bool last, struct fm_error *err)
{
	size_t n = s->n;

	if (code(&s->c, true, last, s->plain, n, s->cipher, s->cipher + n) != 1)
		return fm_fail(err, FM_ESYSTEM, "the cipher failed");
	s->n = 0;
	return fm_out_write(s->out, s->cipher, n + TAG, err);
}

int fm_seal_write(struct fm_seal *s, const void *p, size_t n, struct fm_error *err)
{
	const uint8_t *from = p;
	int rc;

	while (n) {
		size_t take = CHUNK - s->n < n ? CHUNK - s->n : n;

		memcpy(s->plain + s->n, from, take);
		s->n += take;
		from += take;
		n -= take;
		if (s->n == CHUNK && (rc = put_chunk(s, false, err)) < 0)
			return rc;
	}
	return FM_OK;
}

int fm_seal_commit(struct fm_seal *s, struct fm_error *err)
{
	int rc = put_chunk(s, true, err);

	if (rc >= 0) {
		rc = fm_out_commit(s->out, err);
		s->out = NULL;
	}
	fm_seal_abort(s);
	return rc;
}

void fm_seal_abort(struct fm_seal *s)
{
	if (!s)
		return;
	fm_out_abort(s->out);
	fm_secret_close(&s->c.key);
	explicit_bzero(s->plain, sizeof s->plain);
	free(s);
}

/* ---- unsealing ---- */

/* Exactly n bytes. */
static int read_all(struct fm_unseal *u, uint8_t *p, size_t n, struct fm_error *err)
{
	size_t got = 0;
	int rc;

	for (size_t done = 0; done < n; done += got) {
		if ((rc = fm_fd_read(u->fd, u->path, p + done, n - done, &got, err)) < 0)
			return rc;
		if (got == 0)
			return fm_fail(err, FM_EVERDICT, "%s was cut short while it was read", u->path);
	}
	return FM_OK;
}

int fm_unseal_open(struct fm_unseal **out, const char *path, const struct fm_secret *key, const char *label,
		   struct fm_error *err)
{
	struct fm_unseal *u = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&u, 1, sizeof *u, "a sealed file", err)) < 0)
		return rc;
	u->fd = -1;
	if (!(u->path = strdup(path))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_file_open(path, &u->fd, err)) < 0 || (rc = fm_file_size(path, &u->left, err)) < 0)
		goto out;
	/* A disk that cannot be read says nothing of the file. */
	if (u->left >= HEAD_LEN + TAG && (rc = read_all(u, u->c.head, HEAD_LEN, err)) == FM_ESYSTEM)
		goto out;
	if (u->left < HEAD_LEN + TAG || rc < 0 || memcmp(u->c.head, MAGIC, MAGIC_LEN) != 0) {
		rc = fm_fail(err, FM_EINPUT, "%s is no sealed file of flowmint", path);
		goto out;
	}
	u->left -= HEAD_LEN;
	rc = begin(&u->c, key, label, err);
out:
	if (rc < 0)
		fm_unseal_close(u);
	else
		*out = u;
	return rc;
}

static int take_chunk(struct fm_unseal *u, struct fm_error *err)
{
	bool last = u->left < CHUNK + TAG;
	size_t n = u->left > CHUNK + TAG ? CHUNK + TAG : (size_t)u->left;
	int rc;

	if (n < TAG)
		return fm_fail(err, FM_EVERDICT, "%s was cut short", u->path);
	if ((rc = read_all(u, u->cipher, n, err)) < 0)
		return rc;
	if ((rc = code(&u->c, false, last, u->cipher, n - TAG, u->plain, u->cipher + n - TAG)) < 0)
		return fm_fail(err, FM_ESYSTEM, "%s: OpenSSL has no memory to decrypt it", u->path);
	if (rc == 0)
		return fm_fail(err, FM_EVERDICT, "%s was altered or cut short, or was sealed with another key",
			       u->path);
	u->left -= n;
	u->at = 0;
	u->n = n - TAG;
	u->ended = last;
	return FM_OK;
}

int fm_unseal_read(struct fm_unseal *u, void *p, size_t n, size_t *got, struct fm_error *err)
{
	uint8_t *to = p;
	int rc;

	*got = 0;
	while (n) {
		size_t take = u->n - u->at < n ? u->n - u->at : n;

		memcpy(to, u->plain + u->at, take);
		u->at += take;
		to += take;
		n -= take;
		*got += take;
		if (n == 0 || u->ended)
			return FM_OK;
		if ((rc = take_chunk(u, err)) < 0)
			return rc;
	}
	return FM_OK;
}

void fm_unseal_close(struct fm_unseal *u)
{
	if (!u)
		return;
	if (u->fd >= 0)
		close(u->fd);
	fm_secret_close(&u->c.key);
	explicit_bzero(u->plain, sizeof u->plain);
	free(u->path);
	free(u);
}

int fm_unseal_map(struct fm_map *m, const char *path, const struct fm_secret *key, const char *label,
		  struct fm_error *err)
{
	struct fm_unseal *u = NULL;
	size_t n, got = 0;
	void *p;
	int rc;

	*m = (struct fm_map){0};
	if ((rc = fm_unseal_open(&u, path, key, label, err)) < 0)
		return rc;
	/* The plain bytes of the file; a read of one more byte also reads and checks an empty last chunk. */
	n = (size_t)(u->left - TAG * (u->left / (CHUNK + TAG) + 1));
	p = mmap(NULL, n + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		rc = fm_fail_errno(err, "out of memory: %zu bytes for %s", n, path);
		goto out;
	}
	*m = (struct fm_map){p, n + 1};
	if ((rc = fm_unseal_read(u, p, n + 1, &got, err)) < 0)
		goto out;
	if (got != n)
		rc = fm_fail(err, FM_EVERDICT, "%s was cut short", path);
out:
	if (rc < 0)
		fm_map_close(m);
	m->len = m->data ? n : 0;
	fm_unseal_close(u);
	return rc;
}
