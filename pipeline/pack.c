#include "pipeline/pack.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json_text.h"
#include "base/seal.h"
#include "manifests/canon.h"

#define INDEX_MAX (1u << 20)
#define FILES_MAX 4096
#define BLOCK 65536

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: a sealed folder");
}

/* ---- making one ---- */

static int list_files(const char *dir, json_t *index, struct fm_error *err)
{
	json_t *files = json_array();
	char **names = NULL, *path = NULL;
	size_t n = 0;
	uint64_t nbytes;
	int rc;

	if ((rc = fm_dir_files(dir, &names, &n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		free(path);
		if (!(path = fm_path_join(dir, names[i]))) {
			rc = no_memory(err);
			goto out;
		}
		if ((rc = fm_file_size(path, &nbytes, err)) < 0)
			goto out;
		json_array_append_new(files, json_pack("{s:s, s:I}", "path", names[i], "bytes", (json_int_t)nbytes));
	}
	if (json_array_size(files) != n || json_object_set(index, "files", files))
		rc = no_memory(err);
out:
	fm_names_free(names, n);
	free(path);
	json_decref(files);
	return rc;
}

static int seal_file(struct fm_seal *s, const char *path, uint64_t nbytes, struct fm_error *err)
{
	char block[BLOCK];
	uint64_t done = 0;
	size_t got;
	int fd, rc;

	if ((rc = fm_file_open(path, &fd, err)) < 0)
		return rc;
	do {
		if ((rc = fm_fd_read(fd, path, block, sizeof block, &got, err)) < 0 ||
		    (rc = fm_seal_write(s, block, got, err)) < 0)
			goto out;
		done += got;
	} while (got);
	if (done != nbytes)
		rc = fm_fail(err, FM_ESYSTEM, "%s changed while it was read", path);
out:
	close(fd);
	return rc;
}

int fm_pack_make(const struct fm_pack *p, const char *dir, json_t *index, const char *to, struct fm_error *err)
{
	char hex[FM_SHA256_HEX], *path = NULL;
	struct fm_seal *s = NULL;
	struct fm_buf text = {0};
	uint8_t len[4];
	const json_t *files;
	int rc;

	if ((rc = fm_sha256_dir_hex(dir, hex, err)) < 0 || (rc = list_files(dir, index, err)) < 0)
		return rc;
	if (strcmp(hex, fm_json_str(index, p->digest)) != 0)
		return fm_fail(err, FM_EVERDICT, "%s is not what it was when its digest was taken", dir);
	if (json_object_set_new(index, "format", json_string(p->format)) != 0)
		return no_memory(err);
	if ((rc = fm_json_canonical(index, &text, err)) < 0 || (rc = fm_buf_check(&text, err)) < 0 ||
	    (rc = fm_seal_open(&s, to, p->key, p->label, err)) < 0)
		goto out;
	for (int i = 0; i < 4; i++)
		len[i] = (uint8_t)(text.len >> (24 - 8 * i));
	if ((rc = fm_seal_write(s, len, sizeof len, err)) < 0 || (rc = fm_seal_write(s, text.data, text.len, err)) < 0)
		goto out;
	files = json_object_get(index, "files");
	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *f = json_array_get(files, i);

		free(path);
		if (!(path = fm_path_join(dir, fm_json_str(f, "path")))) {
			rc = no_memory(err);
			goto out;
		}
		if ((rc = seal_file(s, path, (uint64_t)json_integer_value(json_object_get(f, "bytes")), err)) < 0)
			goto out;
	}
	rc = fm_seal_commit(s, err);
	s = NULL;
out:
	fm_seal_abort(s);
	fm_buf_free(&text);
	free(path);
	return rc;
}

/* ---- opening one ---- */

static int read_exactly(struct fm_unseal *u, const char *path, void *p, size_t n, struct fm_error *err)
{
	size_t got;
	int rc;

	if ((rc = fm_unseal_read(u, p, n, &got, err)) < 0)
		return rc;
	return got == n ? FM_OK : fm_fail(err, FM_EINPUT, "%s ends before its files do: it is cut short", path);
}

/* Letters, digits, . _ - and folders: no path that leads out of the folder. */
static bool path_ok(const char *path)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";

	return *path && *path != '/' && *path != '.' && !strstr(path, "/.") && !strstr(path, "//") &&
	       path[strlen(path) - 1] != '/' && path[strspn(path, letters)] == '\0';
}

static int take_file(struct fm_unseal *u, const char *from, const char *dir, const json_t *f, struct fm_error *err)
{
	json_int_t left = json_integer_value(json_object_get(f, "bytes"));
	char *path = NULL, *slash, block[BLOCK];
	struct fm_out *out = NULL;
	int rc = FM_OK;

	if (!path_ok(fm_json_str(f, "path")) || left < 0)
		return fm_fail(err, FM_EINPUT, "%s: a file in it has a path or size that none has", from);
	if (!(path = fm_path_join(dir, fm_json_str(f, "path"))))
		return no_memory(err);
	slash = strrchr(path, '/');
	*slash = '\0';
	rc = fm_dir_make(path, 0700, err);
	*slash = '/';
	if (rc < 0 || (rc = fm_out_open(&out, path, 0600, err)) < 0)
		goto out;
	while (left > 0) {
		size_t n = left < BLOCK ? (size_t)left : BLOCK;

		if ((rc = read_exactly(u, from, block, n, err)) < 0 || (rc = fm_out_write(out, block, n, err)) < 0)
			goto out;
		left -= (json_int_t)n;
	}
	rc = fm_out_commit(out, err);
	out = NULL;
out:
	fm_out_abort(out);
	free(path);
	return rc;
}

static int read_index(struct fm_unseal *u, const struct fm_pack *p, const char *path, json_t **index,
		      struct fm_error *err)
{
	uint8_t len[4];
	char *text = NULL;
	size_t n;
	int rc;

	if ((rc = read_exactly(u, path, len, sizeof len, err)) < 0)
		return rc;
	n = (size_t)len[0] << 24 | (size_t)len[1] << 16 | (size_t)len[2] << 8 | len[3];
	if (n > INDEX_MAX)
		return fm_fail(err, FM_EINPUT, "%s: its index is too large", path);
	if ((rc = fm_alloc(&text, n + 1, 1, "the index of a sealed folder", err)) < 0 ||
	    (rc = read_exactly(u, path, text, n, err)) < 0)
		goto out;
	if (!(*index = fm_json_parse(text, n, JSON_REJECT_DUPLICATES, NULL)) ||
	    strcmp(fm_json_str(*index, "format"), p->format) != 0 ||
	    json_array_size(json_object_get(*index, "files")) > FILES_MAX)
		rc = fm_fail(err, FM_EINPUT, "%s: another version of flowmint made it, or it is something else", path);
out:
	free(text);
	return rc;
}

int fm_pack_open(const struct fm_pack *p, const char *from, const char *dir, json_t **index, struct fm_error *err)
{
	struct fm_unseal *u = NULL;
	const json_t *files;
	char hex[FM_SHA256_HEX], more;
	size_t got;
	int rc;

	*index = NULL;
	if ((rc = fm_unseal_open(&u, from, p->key, p->label, err)) < 0 || (rc = read_index(u, p, from, index, err)) < 0)
		goto out;
	files = json_object_get(*index, "files");
	for (size_t i = 0; i < json_array_size(files); i++)
		if ((rc = take_file(u, from, dir, json_array_get(files, i), err)) < 0)
			goto out;
	if ((rc = fm_unseal_read(u, &more, 1, &got, err)) < 0 || (rc = fm_sha256_dir_hex(dir, hex, err)) < 0)
		goto out;
	if (got || strcmp(hex, fm_json_str(*index, p->digest)) != 0)
		rc = fm_fail(err, FM_EINPUT, "%s: what is in it is not what its index names", from);
out:
	if (rc < 0) {
		json_decref(*index);
		*index = NULL;
	}
	fm_unseal_close(u);
	return rc;
}
