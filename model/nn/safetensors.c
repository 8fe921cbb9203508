/* safetensors.c - weights on disk. */
#include "model/nn/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/seal.h"

#define LABEL "tensors" /* of the key of an encrypted file */
#define MAX_HEADER (1u << 20)
#define SEAL_BEFORE "{\"__metadata__\":{\"sha256\":\""
#define SEAL_AT (8 + sizeof SEAL_BEFORE - 1) /* offset of the digest in a sealed file */
#define SEAL_LEN (FM_SHA256_HEX - 1)
#define SEAL_ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* A file being written, and the digest of what has been written. */
struct sink {
	struct fm_out *out;
	struct fm_seal *encrypted; /* instead of out */
	struct fm_sha256 *sha;     /* digest; NULL: no seal */
};

static int sink_put(struct sink *s, const void *p, size_t n, struct fm_error *err)
{
	int rc;
	if (s->sha && (rc = fm_sha256_add(s->sha, p, n, err)) < 0)
		return rc;
	return s->encrypted ? fm_seal_write(s->encrypted, p, n, err) : fm_out_write(s->out, p, n, err);
}

static int sink_seal(struct sink *s, struct fm_error *err)
{
	uint8_t digest[FM_SHA256_LEN];
	char hex[FM_SHA256_HEX];
	int rc;
	if (!s->sha)
		return FM_OK;
	rc = fm_sha256_end(s->sha, digest, err);
	s->sha = NULL; /* freed, even when it failed */
	if (rc < 0)
		return rc;
	fm_hex(digest, sizeof digest, hex);
	return fm_out_patch(s->out, SEAL_AT, hex, SEAL_LEN, err);
}

static size_t nbytes_of(const struct fm_tensor *t)
{
	return (size_t)t->rows * (size_t)t->cols * sizeof(float);
}

static int header(struct fm_buf *b, const struct fm_layout *l, const struct fm_tensors *set, int nsets,
		  const json_t *meta, bool seal, struct fm_error *err)
{
	char *text = json_dumps(meta, JSON_COMPACT);
	uint64_t at = 0;

	if (!text)
		return fm_fail(err, FM_ESYSTEM, "out of memory for metadata of tensors");
	if (seal)
		fm_buf_printf(b, SEAL_BEFORE SEAL_ZEROS "\",%s", text + 1);
	else
		fm_buf_printf(b, "{\"__metadata__\":%s", text);
	free(text);
	for (int s = 0; s < nsets; s++)
		for (int i = 0; i < l->n; i++) {
			const struct fm_tensor *t = &l->tensor[i];
			fm_buf_printf(b,
				      ",\"%s%s\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[%" PRIu64
				      ",%" PRIu64 "]}",
				      set[s].prefix, t->name, t->rows, t->cols, at, at + nbytes_of(t));
			at += nbytes_of(t);
		}
	fm_buf_puts(b, "}");
	while (b->len % 8 && !b->failed)
		fm_buf_puts(b, " ");
	return fm_buf_check(b, err);
}

/* Header and tensors, without a seal. */
static int put_all(struct sink *s, const struct fm_buf *head, const struct fm_layout *l, const struct fm_tensors *set,
		   int nsets, struct fm_error *err)
{
	uint64_t n = head->len;
	int rc;

	if ((rc = sink_put(s, &n, sizeof n, err)) < 0 || (rc = sink_put(s, head->data, head->len, err)) < 0)
		return rc;
	for (int k = 0; k < nsets; k++)
		for (int i = 0; i < l->n; i++) {
			const float *p = set[k].p + l->tensor[i].at;
			if ((rc = sink_put(s, p, nbytes_of(&l->tensor[i]), err)) < 0)
				return rc;
		}
	return FM_OK;
}

int fm_tensors_save(const struct fm_layout *l, const struct fm_tensors *set, int nsets, const json_t *meta, bool seal,
		    const char *path, struct fm_error *err)
{
	struct fm_buf head = {0};
	struct sink s = {0};
	struct fm_out *done;
	int rc;

	if ((rc = header(&head, l, set, nsets, meta, seal, err)) < 0)
		goto out;
	if ((seal && (rc = fm_sha256_new(&s.sha, err)) < 0) || (rc = fm_out_open(&s.out, path, 0600, err)) < 0 ||
	    (rc = put_all(&s, &head, l, set, nsets, err)) < 0 || (rc = sink_seal(&s, err)) < 0)
		goto out;
	done = s.out;
	s.out = NULL;
	rc = fm_out_commit(done, err);
out:
	fm_out_abort(s.out);
	fm_sha256_free(s.sha);
	fm_buf_free(&head);
	return rc;
}

int fm_tensors_encrypt(const struct fm_layout *l, const struct fm_tensors *set, int nsets, const json_t *meta,
		       const struct fm_secret *key, const char *path, struct fm_error *err)
{
	struct fm_buf head = {0};
	struct sink s = {0};
	int rc;

	if ((rc = header(&head, l, set, nsets, meta, false, err)) < 0 ||
	    (rc = fm_seal_open(&s.encrypted, path, key, LABEL, err)) < 0 ||
	    (rc = put_all(&s, &head, l, set, nsets, err)) < 0)
		goto out;
	rc = fm_seal_commit(s.encrypted, err);
	s.encrypted = NULL;
out:
	fm_seal_abort(s.encrypted);
	fm_buf_free(&head);
	return rc;
}

/* ---- reading ---- */

static int check_seal(const struct fm_tensors_file *f, struct fm_error *err)
{
	const char *text = f->map.data;
	uint8_t digest[FM_SHA256_LEN];
	char hex[FM_SHA256_HEX];
	struct fm_sha256 *sha = NULL;
	int rc;

	if (f->at < SEAL_AT + SEAL_LEN || memcmp(text + 8, SEAL_BEFORE, sizeof SEAL_BEFORE - 1) != 0)
		return fm_fail(err, FM_EINPUT, "%s: it is not sealed", f->path);
	if ((rc = fm_sha256_new(&sha, err)) < 0)
		return rc;
	if ((rc = fm_sha256_add(sha, text, SEAL_AT, err)) < 0 ||
	    (rc = fm_sha256_add(sha, SEAL_ZEROS, SEAL_LEN, err)) < 0 ||
	    (rc = fm_sha256_add(sha, text + SEAL_AT + SEAL_LEN, f->map.len - SEAL_AT - SEAL_LEN, err)) < 0) {
		fm_sha256_free(sha);
		return rc;
	}
	if ((rc = fm_sha256_end(sha, digest, err)) < 0)
		return rc;
	fm_hex(digest, sizeof digest, hex);
	return memcmp(text + SEAL_AT, hex, SEAL_LEN) == 0
		   ? FM_OK
		   : fm_fail(err, FM_EINPUT, "%s: it was cut or altered: its SHA-256 is not the one it states",
			     f->path);
}

/* Read what f->map holds. */
static int open_map(struct fm_tensors_file *f, bool sealed, struct fm_error *err)
{
	const char *path = f->path;
	uint64_t n = 0;
	int rc = FM_OK;

	if (f->map.len >= 8)
		memcpy(&n, f->map.data, 8);
	if (f->map.len < 8 || n < 2 || n > MAX_HEADER || n > f->map.len - 8) {
		rc = fm_fail(err, FM_EINPUT, "%s: this is no safetensors file, or it is cut", path);
		goto out;
	}
	f->at = 8 + n;
	f->ndata = f->map.len - f->at;
	if (sealed && (rc = check_seal(f, err)) < 0)
		goto out;
	f->head = fm_json_parse((const char *)f->map.data + 8, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	f->meta = json_object_get(f->head, "__metadata__");
	if (!f->head)
		rc = fm_fail(err, FM_EINPUT, "%s: this is no safetensors file, or it is cut", path);
out:
	if (rc < 0)
		fm_tensors_close(f);
	return rc;
}

int fm_tensors_open(struct fm_tensors_file *f, const char *path, bool sealed, struct fm_error *err)
{
	int rc;

	*f = (struct fm_tensors_file){.path = path};
	if ((rc = fm_map_open(&f->map, path, err)) < 0)
		return rc;
	return open_map(f, sealed, err);
}

int fm_tensors_decrypt(struct fm_tensors_file *f, const char *path, const struct fm_secret *key, struct fm_error *err)
{
	int rc;

	*f = (struct fm_tensors_file){.path = path};
	if ((rc = fm_unseal_map(&f->map, path, key, LABEL, err)) < 0)
		return rc;
	return open_map(f, false, err);
}

void fm_tensors_close(struct fm_tensors_file *f)
{
	json_decref(f->head);
	fm_map_close(&f->map);
	f->head = NULL;
	f->meta = NULL;
}

static int read_tensor(const struct fm_tensors_file *f, const struct fm_tensor *t, const struct fm_tensors *set,
		       struct fm_error *err)
{
	char name[sizeof t->name + 16];
	snprintf(name, sizeof name, "%.15s%s", set->prefix, t->name);
	const json_t *j = json_object_get(f->head, name), *shape = json_object_get(j, "shape"),
		     *at = json_object_get(j, "data_offsets");
	const char *dtype = json_string_value(json_object_get(j, "dtype"));
	float *p = set->p + t->at;

	if (!j)
		return fm_fail(err, FM_EINPUT, "%s: tensor %s is missing: these are the weights of another model",
			       f->path, name);
	if (!dtype || strcmp(dtype, "F32") != 0 || json_array_size(shape) != 2 ||
	    json_integer_value(json_array_get(shape, 0)) != t->rows ||
	    json_integer_value(json_array_get(shape, 1)) != t->cols)
		return fm_fail(err, FM_EINPUT,
			       "%s: tensor %s is not F32 of shape [%d,%d]: these are the weights of another model",
			       f->path, name, t->rows, t->cols);
	json_int_t from = json_integer_value(json_array_get(at, 0)), to = json_integer_value(json_array_get(at, 1));
	if (from < 0 || to < from || (uint64_t)to > f->ndata || (uint64_t)(to - from) != nbytes_of(t))
		return fm_fail(err, FM_EINPUT, "%s: tensor %s lies outside the file: it is cut or damaged", f->path,
			       name);
	memcpy(p, (const char *)f->map.data + f->at + from, nbytes_of(t));
	for (size_t i = 0; i < (size_t)t->rows * (size_t)t->cols; i++)
		if (!isfinite(p[i]))
			return fm_fail(err, FM_EINPUT, "%s: tensor %s holds a value that is not a number", f->path,
				       name);
	return FM_OK;
}

int fm_tensors_read(const struct fm_tensors_file *f, const struct fm_layout *l, const struct fm_tensors *set, int nsets,
		    struct fm_error *err)
{
	uint64_t want = 0;
	int rc;

	for (int k = 0; k < nsets; k++) {
		memset(set[k].p, 0, sizeof(float) * l->nfloats);
		for (int i = 0; i < l->n; i++) {
			want += nbytes_of(&l->tensor[i]);
			if ((rc = read_tensor(f, &l->tensor[i], &set[k], err)) < 0)
				return rc;
		}
	}
	if (f->ndata != want)
		return fm_fail(err, FM_EINPUT, "%s: %" PRIu64 " bytes of tensors where %" PRIu64 " belong", f->path,
			       f->ndata, want);
	return FM_OK;
}

/* ---- the weights of a model ---- */

int fm_weights_save(const struct fm_layout *l, const float *p, const char *path, struct fm_error *err)
{
	struct fm_tensors set = {"", (float *)(uintptr_t)p}; /* only read */
	json_t *meta = json_pack("{s:s}", "format", "flowmint-weights/1");
	int rc = meta ? fm_tensors_save(l, &set, 1, meta, false, path, err)
		      : fm_fail(err, FM_ESYSTEM, "out of memory for %s", path);
	json_decref(meta);
	return rc;
}

int fm_weights_load(const struct fm_layout *l, float *p, const char *path, struct fm_error *err)
{
	struct fm_tensors set = {"", p};
	struct fm_tensors_file f;
	int rc = fm_tensors_open(&f, path, false, err);
	if (rc < 0)
		return rc;
	rc = fm_tensors_read(&f, l, &set, 1, err);
	fm_tensors_close(&f);
	return rc;
}
