#include "pipeline/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/seal.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "manifests/config.h"
#include "pipeline/project_secret.h"
#include "pipeline/sandbox.h"
#include "pipeline/sealed.h"
#include "pipeline/workspace.h"
#include "stages/table.h"

#define FORMAT "flowmint-bundle/1"
#define LABEL "bundle"
#define INDEX_MAX (1u << 20)
#define FILES_MAX 4096
#define BLOCK 65536

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: the bundle of a run");
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- in the child: the model is private ---- */

struct sealing {
	const char *model, *to;
	const struct fm_secret *key; /* the project's */
	json_t *index;               /* without files and the model's digest */
};

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

static int seal_model(void *ctx, json_t **result, struct fm_error *err)
{
	struct sealing *a = ctx;
	char hex[FM_SHA256_HEX], *path = NULL;
	struct fm_seal *s = NULL;
	struct fm_buf text = {0};
	uint8_t len[4];
	const json_t *files;
	int rc;

	if ((rc = fm_sha256_dir_hex(a->model, hex, err)) < 0 || (rc = list_files(a->model, a->index, err)) < 0)
		return rc;
	if (strcmp(hex, str(a->index, "model")) != 0)
		return fm_fail(
		    err, FM_EVERDICT,
		    "the model in the workspace is not the one that run %s left there: flowmint run makes it "
		    "again",
		    str(a->index, "run"));
	if ((rc = fm_json_canonical(a->index, &text, err)) < 0 || (rc = fm_buf_check(&text, err)) < 0 ||
	    (rc = fm_seal_open(&s, a->to, a->key, LABEL, err)) < 0)
		goto out;
	for (int i = 0; i < 4; i++)
		len[i] = (uint8_t)(text.len >> (24 - 8 * i));
	if ((rc = fm_seal_write(s, len, sizeof len, err)) < 0 || (rc = fm_seal_write(s, text.data, text.len, err)) < 0)
		goto out;
	files = json_object_get(a->index, "files");
	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *f = json_array_get(files, i);

		free(path);
		if (!(path = fm_path_join(a->model, str(f, "path")))) {
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
	(void)result;
	return rc;
}

/* ---- making one ---- */

/* What the ledger says of the run; run, train and release point into rows. */
struct record {
	char id[FM_RUN_ID_MAX];
	json_t *rows;
	const json_t *run, *train, *release;
};

static int load_record(struct fm_ledger *l, const char *named, struct record *rec, struct fm_error *err)
{
	const char *id = fm_run_id(named, rec->id);
	int rc;

	if ((rc = fm_ledger_rows(l, id, NULL, &rec->rows, err)) < 0)
		return rc;
	for (size_t i = 0; i < json_array_size(rec->rows); i++) {
		const json_t *row = json_array_get(rec->rows, i), *body = json_object_get(row, "body");
		const char *kind = str(row, "kind");

		if (strcmp(kind, "run") == 0)
			rec->run = body;
		else if (strcmp(kind, "release") == 0)
			rec->release = body;
		else if (strcmp(kind, "stage") == 0 && strcmp(str(body, "name"), fm_stage_name(FM_TRAIN)) == 0)
			rec->train = body;
	}
	if (!rec->run || id != rec->id)
		return fm_fail(err, FM_EINPUT, "%s: no run of this ledger; flowmint log lists them", named);
	if (!rec->release || !rec->train)
		return fm_fail(err, FM_EINPUT, "run %s released nothing: there is no release to keep a bundle for", id);
	return FM_OK;
}

/* In privacy.mode dp the flows are drawn by the run's secret too. */
static int put_secret(const char *workspace, const struct record *rec, json_t *index, struct fm_error *err)
{
	const char *mode =
	    json_string_value(json_object_get(json_object_get(json_object_get(rec->run, "config"), "privacy"), "mode"));
	char hex[2 * FM_SHA256_LEN + 1] = "";
	struct fm_secret secret = {0};
	int rc;

	if (mode && strcmp(mode, "dp") == 0) {
		if ((rc = fm_sealed_read(&secret, workspace, str(rec->run, "project"), rec->id, err)) < 0)
			return rc;
		fm_hex(secret.data, FM_SHA256_LEN, hex);
		fm_secret_close(&secret);
	}
	rc = json_object_set_new(index, "secret", json_string(hex)) ? no_memory(err) : FM_OK;
	explicit_bzero(hex, sizeof hex);
	return rc;
}

static int seal(const struct fm_bundle_in *in, const struct record *rec, const char *workspace, const char *to,
		struct fm_error *err)
{
	struct fm_sandbox box = {.name = "bundle", .unconfined = in->unconfined};
	char *dir = fm_path_join(workspace, "reproduce-bundle"), *inner = dir ? fm_path_join(dir, "sealed") : NULL,
	     *model = NULL;
	struct sealing a = {.to = inner};
	struct fm_sandbox_report report = {0};
	struct fm_secret key = {0};
	struct fm_error later;
	int rc;

	a.index = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "format", FORMAT, "flowmint", str(rec->run, "flowmint"),
			    "model", str(rec->train, "output"), "name", str(rec->run, "name"), "version",
			    str(rec->run, "version"), "run", rec->id);
	if (!inner || !a.index ||
	    asprintf(&model, "%s/stages/%s/%s/%s", workspace, fm_stage_name(FM_TRAIN), str(rec->train, "key"),
		     fm_stage_table[FM_TRAIN].product) < 0) {
		rc = no_memory(err);
		goto out;
	}
	if (!fm_file_exists(model)) {
		rc = fm_fail(err, FM_EINPUT, "the model of run %s is no longer in %s: flowmint run makes it again",
			     rec->id, workspace);
		goto out;
	}
	if ((rc = put_secret(workspace, rec, a.index, err)) < 0 || (rc = fm_dir_make(dir, 0700, err)) < 0 ||
	    (rc = fm_project_secret(&key, str(rec->run, "project"), err)) < 0)
		goto out;
	a.model = model;
	a.key = &key;
	fm_sandbox_path(&box, model, false);
	fm_sandbox_path(&box, dir, true);
	rc = fm_sandbox_run(&box, seal_model, &a, &report, err);
	fm_secret_close(&key);
	if (rc < 0)
		goto out;
	rc = fm_file_copy(inner, to, 0600, err);
out:
	fm_secret_close(&key);
	if (dir && fm_dir_remove(dir, &later) < 0)
		fm_warn("%s", later.message);
	json_decref(report.result);
	json_decref(a.index);
	free(model);
	free(inner);
	free(dir);
	return rc;
}

static char *beside_archive(const struct record *rec)
{
	const char *archive = str(rec->release, "archive"), *slash = strrchr(archive, '/');
	char *path = NULL;

	if (asprintf(&path, "%.*s%s-%s" FM_BUNDLE_SUFFIX, slash ? (int)(slash - archive) + 1 : 0, archive,
		     str(rec->run, "name"), str(rec->run, "version")) < 0)
		return NULL;
	return path;
}

int fm_bundle_make(const struct fm_bundle_in *in, json_t **report, struct fm_error *err)
{
	struct fm_workspace ws = FM_WORKSPACE_NONE;
	struct fm_ledger *l = NULL;
	struct record rec = {0};
	char *to = NULL;
	uint64_t nbytes = 0;
	int rc;

	*report = NULL;
	/* Before the workspace is opened, which would make one. */
	if ((rc = fm_ledger_open(&l, in->workspace, NULL, FM_LEDGER_READ, err)) < 0)
		return rc;
	fm_ledger_close(l);
	l = NULL;
	if ((rc = fm_workspace_open(&ws, in->workspace, err)) < 0 ||
	    (rc = fm_ledger_open(&l, ws.path, NULL, FM_LEDGER_WRITE, err)) < 0 ||
	    (rc = load_record(l, in->run, &rec, err)) < 0)
		goto out;
	if (!(to = in->out ? strdup(in->out) : beside_archive(&rec))) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = seal(in, &rec, ws.path, to, err)) < 0 || (rc = fm_file_size(to, &nbytes, err)) < 0)
		goto out;
	if (!(*report = json_pack("{s:s, s:I, s:s, s:s, s:s}", "bundle", to, "bytes", (json_int_t)nbytes, "run", rec.id,
				  "name", str(rec.run, "name"), "version", str(rec.run, "version")))) {
		rc = fm_fail(err, FM_EINPUT, "%s is not UTF-8", to);
		goto out;
	}
	rc = fm_ledger_append(l, rec.id, "bundle", *report, err);
out:
	if (rc < 0) {
		json_decref(*report);
		*report = NULL;
	}
	json_decref(rec.rows);
	free(to);
	fm_ledger_close(l);
	fm_workspace_close(&ws);
	return rc;
}

/* ---- opening one ---- */

struct unsealing {
	const char *from, *dir;
	const struct fm_secret *key;
};

static int read_exactly(struct fm_unseal *u, const char *path, void *p, size_t n, struct fm_error *err)
{
	size_t got;
	int rc;

	if ((rc = fm_unseal_read(u, p, n, &got, err)) < 0)
		return rc;
	return got == n ? FM_OK : fm_fail(err, FM_EINPUT, "%s ends before its files do: it is no bundle", path);
}

/* Letters, digits, . _ - and folders: nothing that leads out of one. */
static bool path_ok(const char *path)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";

	return *path && *path != '/' && *path != '.' && !strstr(path, "/.") && !strstr(path, "//") &&
	       path[strlen(path) - 1] != '/' && path[strspn(path, letters)] == '\0';
}

static int take_file(struct fm_unseal *u, const struct unsealing *a, const json_t *f, struct fm_error *err)
{
	json_int_t left = json_integer_value(json_object_get(f, "bytes"));
	char *path = NULL, *slash, block[BLOCK];
	struct fm_out *out = NULL;
	int rc = FM_OK;

	if (!path_ok(str(f, "path")) || left < 0)
		return fm_fail(err, FM_EINPUT, "%s: a file in it has a path or size that no model has", a->from);
	if (!(path = fm_path_join(a->dir, str(f, "path"))))
		return no_memory(err);
	slash = strrchr(path, '/');
	*slash = '\0';
	rc = fm_dir_make(path, 0700, err);
	*slash = '/';
	if (rc < 0 || (rc = fm_out_open(&out, path, 0600, err)) < 0)
		goto out;
	while (left > 0) {
		size_t n = left < BLOCK ? (size_t)left : BLOCK;

		if ((rc = read_exactly(u, a->from, block, n, err)) < 0 || (rc = fm_out_write(out, block, n, err)) < 0)
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

static int read_index(struct fm_unseal *u, const char *path, json_t **index, struct fm_error *err)
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
	if ((rc = fm_alloc(&text, n + 1, 1, "the index of a bundle", err)) < 0 ||
	    (rc = read_exactly(u, path, text, n, err)) < 0)
		goto out;
	if (!(*index = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL)) ||
	    strcmp(str(*index, "format"), FORMAT) != 0 || json_array_size(json_object_get(*index, "files")) > FILES_MAX)
		rc = fm_fail(err, FM_EINPUT, "%s: another version of flowmint made this bundle, or it is none", path);
out:
	free(text);
	return rc;
}

static int unseal_model(void *ctx, json_t **result, struct fm_error *err)
{
	const struct unsealing *a = ctx;
	struct fm_unseal *u = NULL;
	const json_t *files;
	char hex[FM_SHA256_HEX], more;
	size_t got;
	int rc;

	if ((rc = fm_unseal_open(&u, a->from, a->key, LABEL, err)) < 0 ||
	    (rc = read_index(u, a->from, result, err)) < 0)
		goto out;
	files = json_object_get(*result, "files");
	for (size_t i = 0; i < json_array_size(files); i++)
		if ((rc = take_file(u, a, json_array_get(files, i), err)) < 0)
			goto out;
	if ((rc = fm_unseal_read(u, &more, 1, &got, err)) < 0 || (rc = fm_sha256_dir_hex(a->dir, hex, err)) < 0)
		goto out;
	if (got || strcmp(hex, str(*result, "model")) != 0)
		rc = fm_fail(err, FM_EINPUT, "%s: the model in it is not the one that its index names", a->from);
out:
	fm_unseal_close(u);
	return rc;
}

int fm_bundle_open(struct fm_bundle *b, const char *path, const char *project, const char *dir, bool unconfined,
		   struct fm_error *err)
{
	struct fm_sandbox box = {.name = "bundle", .unconfined = unconfined};
	struct fm_sandbox_report report = {0};
	struct fm_secret key = {0};
	char *real = realpath(path, NULL);
	struct unsealing a = {real, dir, &key};
	const char *secret;
	int rc;

	*b = (struct fm_bundle){0};
	if (!real)
		return fm_fail_errno(err, "%s", path);
	if ((rc = fm_dir_make(dir, 0700, err)) < 0 || (rc = fm_project_secret(&key, project, err)) < 0)
		goto out;
	fm_sandbox_path(&box, real, false);
	fm_sandbox_path(&box, dir, true);
	rc = fm_sandbox_run(&box, unseal_model, &a, &report, err);
	fm_secret_close(&key);
	if (rc == FM_EVERDICT)
		fm_error_prefix(err, "the bundle cannot be opened with the key of the project %s: ", project);
	if (rc < 0)
		goto out;
	snprintf(b->name, sizeof b->name, "%s", str(report.result, "name"));
	snprintf(b->version, sizeof b->version, "%s", str(report.result, "version"));
	snprintf(b->run, sizeof b->run, "%s", str(report.result, "run"));
	snprintf(b->flowmint, sizeof b->flowmint, "%s", str(report.result, "flowmint"));
	snprintf(b->model_sha256, sizeof b->model_sha256, "%s", str(report.result, "model"));
	secret = str(report.result, "secret");
	if (strlen(secret) == 2 * FM_SHA256_LEN && (rc = fm_secret_new(&b->secret, FM_SHA256_LEN, err)) >= 0)
		rc = fm_unhex(secret, FM_SHA256_LEN, b->secret.data, err);
out:
	fm_secret_close(&key);
	json_decref(report.result);
	free(real);
	return rc;
}

void fm_bundle_close(struct fm_bundle *b)
{
	fm_secret_close(&b->secret);
}
