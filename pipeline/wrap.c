#include "pipeline/wrap.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "pipeline/project_secret.h"

#define CIPHER "AES-256-GCM"
#define NONCE 12
#define TAG 16
#define LEN FM_SHA256_LEN

/* AES-256-GCM of a secret, in place of OpenSSL's many steps.  1; 0: the tag does not hold; -1: the cipher failed. */
static int gcm(bool seal, const struct fm_secret *key, const uint8_t nonce[NONCE], const char *bound,
	       const uint8_t in[LEN], uint8_t out[LEN], uint8_t tag[TAG])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len, rc;
	bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->data, nonce, seal) == 1 &&
		  EVP_CipherUpdate(c, NULL, &len, (const uint8_t *)bound, (int)strlen(bound)) == 1 &&
		  EVP_CipherUpdate(c, out, &len, in, LEN) == 1 && len == LEN;

	if (ok && !seal)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1;
	rc = ok ? EVP_CipherFinal_ex(c, out + LEN, &len) == 1 && len == 0 : -1;
	if (rc == 1 && seal && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag) != 1)
		rc = -1;
	EVP_CIPHER_CTX_free(c);
	return rc;
}

static int wrapping_key(struct fm_secret *key, const char *project, const char *label, struct fm_error *err)
{
	struct fm_secret p;
	int rc;

	*key = (struct fm_secret){0};
	if ((rc = fm_project_secret(&p, project, err)) < 0)
		goto out;
	rc = fm_secret_derive(key, &p, label, err);
out:
	fm_secret_close(&p);
	return rc;
}

int fm_wrap(json_t *doc, const char *project, const char *label, const char *bound, const struct fm_secret *secret,
	    struct fm_error *err)
{
	uint8_t nonce[NONCE], tag[TAG], data[LEN + TAG];
	char nonce_hex[2 * NONCE + 1], tag_hex[2 * TAG + 1], data_hex[2 * LEN + 1];
	struct fm_secret key = {0};
	int rc;

	if ((rc = wrapping_key(&key, project, label, err)) < 0)
		return rc;
	if (secret->len != LEN || getrandom(nonce, sizeof nonce, 0) != NONCE ||
	    gcm(true, &key, nonce, bound, secret->data, data, tag) != 1) {
		rc = fm_fail(err, FM_ESYSTEM, "the secret of %s cannot be encrypted", bound);
		goto out;
	}
	fm_hex(nonce, NONCE, nonce_hex);
	fm_hex(tag, TAG, tag_hex);
	fm_hex(data, LEN, data_hex);
	if (json_object_set_new(doc, "cipher", json_string(CIPHER)) ||
	    json_object_set_new(doc, "nonce", json_string(nonce_hex)) ||
	    json_object_set_new(doc, "tag", json_string(tag_hex)) ||
	    json_object_set_new(doc, "data", json_string(data_hex)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: the secret of %s", bound);
out:
	fm_secret_close(&key);
	return rc;
}

static bool hex_field(const json_t *doc, const char *key, uint8_t *out, size_t n)
{
	const char *hex = json_string_value(json_object_get(doc, key));
	struct fm_error ignored;

	return hex && strlen(hex) == 2 * n && fm_unhex(hex, n, out, &ignored) == FM_OK;
}

int fm_unwrap(struct fm_secret *secret, const json_t *doc, const char *path, const char *project, const char *label,
	      const char *bound, struct fm_error *err)
{
	uint8_t nonce[NONCE], tag[TAG], data[LEN];
	struct fm_secret key = {0};
	int rc, opened = 0;

	*secret = (struct fm_secret){0};
	if ((rc = wrapping_key(&key, project, label, err)) < 0 || (rc = fm_secret_new(secret, LEN + TAG, err)) < 0)
		goto out;
	if (hex_field(doc, "nonce", nonce, NONCE) && hex_field(doc, "tag", tag, TAG) &&
	    hex_field(doc, "data", data, LEN))
		opened = gcm(false, &key, nonce, bound, data, secret->data, tag);
	if (opened != 1) {
		fm_secret_close(secret);
		rc = opened < 0 ? fm_fail(err, FM_ESYSTEM, "%s: OpenSSL has no memory to decrypt it", path)
				: fm_fail(err, FM_EVERDICT,
					  "%s was altered, or is of another run or project (the key is "
					  "%s/keys/commitment.key)",
					  path, project);
		goto out;
	}
	secret->len = LEN;
out:
	fm_secret_close(&key);
	return rc;
}
