#include "pipeline/sealed.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/file.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "pipeline/project_secret.h"
#include "stages/table.h"

#define FORMAT "flowmint-sealed/1"
#define CIPHER "AES-256-GCM"
#define FILE_MAX 65536
#define NONCE 12
#define TAG 16

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: the sealed half of a run");
}

int fm_run_secret(struct fm_secret *run, const char *project, const struct fm_config *cfg, const char *trace_sha256,
		  struct fm_error *err)
{
	/* What comes after training looks at no record: making or judging flows again costs nothing. */
	static const char *const sections[] = {"source", "split", "model", "train", "privacy"};
	char program[FM_SHA256_HEX] = "", digest[FM_SHA256_HEX], label[FM_SHA256_HEX + 8];
	struct fm_secret key = {0};
	json_t *doc = NULL, *config = json_object();
	int rc;

	*run = (struct fm_secret){0};
	for (size_t i = 0; config && i < sizeof sections / sizeof *sections; i++)
		json_object_set_new(config, sections[i], fm_config_json(cfg, sections[i], true));
	if ((rc = fm_sha256_file_hex("/proc/self/exe", program, err)) < 0)
		goto out;
	doc = json_pack("{s:s, s:s, s:s, s:O}", "flowmint", FM_VERSION, "program", program, "trace", trace_sha256,
			"config", config);
	if (!doc) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_json_digest(doc, digest, err)) < 0 || (rc = fm_project_secret(&key, project, err)) < 0)
		goto out;
	snprintf(label, sizeof label, "run %s", digest);
	rc = fm_secret_derive(run, &key, label, err);
out:
	fm_secret_close(&key);
	json_decref(config);
	json_decref(doc);
	return rc;
}

int fm_secret_id(const struct fm_secret *run, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	struct fm_secret id;
	int rc;

	if ((rc = fm_secret_derive(&id, run, "id", err)) < 0)
		return rc;
	fm_hex(id.data, id.len, hex);
	fm_secret_close(&id);
	return FM_OK;
}

/* ---- the file ---- */

static char *sealed_path(const char *workspace, const char *run_id, bool make, struct fm_error *err)
{
	char name[64], *dir = fm_path_join(workspace, "sealed"), *path = NULL;

	snprintf(name, sizeof name, "%.48s.json", run_id);
	if (!dir || !(path = fm_path_join(dir, name)))
		fm_error_set(err, FM_ESYSTEM, __FILE__, __LINE__, "out of memory: the sealed half of a run");
	else if (make && fm_dir_make(dir, 0700, err)) {
		free(path);
		path = NULL;
	}
	free(dir);
	return path;
}

/* AES-256-GCM over n bytes, in place of OpenSSL's many steps; false when the cipher fails or the tag does not hold. */
static bool gcm(bool seal, const struct fm_secret *key, const uint8_t nonce[NONCE], const char *run_id,
		const uint8_t *in, size_t n, uint8_t *out, uint8_t tag[TAG])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;
	bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key->data, nonce, seal) == 1 &&
		  EVP_CipherUpdate(c, NULL, &len, (const uint8_t *)run_id, (int)strlen(run_id)) == 1 &&
		  EVP_CipherUpdate(c, out, &len, in, (int)n) == 1 && (size_t)len == n;

	if (ok && !seal)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1;
	ok = ok && EVP_CipherFinal_ex(c, out + n, &len) == 1 && len == 0;
	if (ok && seal)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

static int sealing_key(struct fm_secret *key, const char *project, struct fm_error *err)
{
	struct fm_secret p;
	int rc;

	*key = (struct fm_secret){0};
	if ((rc = fm_project_secret(&p, project, err)) < 0)
		goto out;
	rc = fm_secret_derive(key, &p, "sealed", err);
out:
	fm_secret_close(&p);
	return rc;
}

int fm_sealed_write(const char *workspace, const char *project, const char *run_id, const struct fm_secret *run,
		    struct fm_error *err)
{
	uint8_t nonce[NONCE], tag[TAG], data[FM_SHA256_LEN + TAG];
	char nonce_hex[2 * NONCE + 1], tag_hex[2 * TAG + 1], data_hex[2 * FM_SHA256_LEN + 1];
	struct fm_secret key = {0};
	char *path = sealed_path(workspace, run_id, true, err);
	json_t *doc = NULL;
	int rc;

	if (!path)
		return err ? err->code : FM_ESYSTEM;
	if ((rc = sealing_key(&key, project, err)) < 0)
		goto out;
	if (run->len != FM_SHA256_LEN || getrandom(nonce, sizeof nonce, 0) != NONCE ||
	    !gcm(true, &key, nonce, run_id, run->data, run->len, data, tag)) {
		rc = fm_fail(err, FM_ESYSTEM, "the sealed half of run %s cannot be encrypted", run_id);
		goto out;
	}
	fm_hex(nonce, NONCE, nonce_hex);
	fm_hex(tag, TAG, tag_hex);
	fm_hex(data, FM_SHA256_LEN, data_hex);
	doc = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "format", FORMAT, "cipher", CIPHER, "run", run_id, "nonce",
			nonce_hex, "tag", tag_hex, "data", data_hex);
	rc = doc ? fm_json_save(doc, path, err) : no_memory(err);
out:
	fm_secret_close(&key);
	json_decref(doc);
	free(path);
	return rc;
}

static bool hex_field(const json_t *doc, const char *key, uint8_t *out, size_t n)
{
	const char *hex = json_string_value(json_object_get(doc, key));
	struct fm_error ignored;

	return hex && strlen(hex) == 2 * n && fm_unhex(hex, n, out, &ignored) == FM_OK;
}

int fm_sealed_read(struct fm_secret *run, const char *workspace, const char *project, const char *run_id,
		   struct fm_error *err)
{
	uint8_t nonce[NONCE], tag[TAG], data[FM_SHA256_LEN];
	struct fm_secret key = {0};
	char *path = sealed_path(workspace, run_id, false, err);
	json_t *doc = NULL;
	int rc;

	*run = (struct fm_secret){0};
	if (!path)
		return err ? err->code : FM_ESYSTEM;
	if (!fm_file_exists(path)) {
		rc = fm_fail(err, FM_EINPUT,
			     "%s: no such file: the sealed half of run %s, without which it cannot repeat", path,
			     run_id);
		goto out;
	}
	if ((rc = fm_json_load(&doc, path, FILE_MAX, err)) < 0 || (rc = sealing_key(&key, project, err)) < 0 ||
	    (rc = fm_secret_new(run, FM_SHA256_LEN + TAG, err)) < 0)
		goto out;
	if (!hex_field(doc, "nonce", nonce, NONCE) || !hex_field(doc, "tag", tag, TAG) ||
	    !hex_field(doc, "data", data, FM_SHA256_LEN) ||
	    !gcm(false, &key, nonce, run_id, data, FM_SHA256_LEN, run->data, tag)) {
		fm_secret_close(run);
		rc = fm_fail(err, FM_EVERDICT, "%s was altered, or is of another run or project", path);
		goto out;
	}
	run->len = FM_SHA256_LEN;
out:
	fm_secret_close(&key);
	json_decref(doc);
	free(path);
	return rc;
}
