#include "pipeline/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "judge/gate/controls.h"
#include "manifests/canon.h"
#include "pipeline/walls/sandbox.h"
#include "traces/files.h"

/* The digest of this very program, "" where /proc is not to be had, or the program may be run and not read; where it
 * cannot be read now, nothing has a key.  Stages without by_program keep their results from one build of a version to
 * the next. */
static int program_digest(const char **digest, struct fm_error *err)
{
	static char hex[FM_SHA256_HEX];
	int rc;

	*digest = hex;
	if (hex[0] || (rc = fm_sha256_file_hex("/proc/self/exe", hex, err)) >= 0)
		return FM_OK;
	hex[0] = '\0';
	return rc == FM_EINPUT || fm_file_is_kept("/proc/self/exe") ? FM_OK : rc;
}

static int digest(json_t *doc, bool unconfined, char key[FM_SHA256_HEX], struct fm_error *err)
{
	int rc = !doc || (unconfined && json_object_set_new(doc, "unconfined", json_true()))
		     ? fm_fail(err, FM_ESYSTEM, "out of memory")
		     : fm_json_digest(doc, key, err);

	json_decref(doc);
	return rc;
}

int fm_stage_key(const struct fm_config *cfg, enum fm_stage_id id, bool unconfined, const json_t *inputs,
		 char key[FM_SHA256_HEX], struct fm_error *err)
{
	const struct fm_stage *stage = &fm_stage_table[id];
	const char *program = "";
	json_t *config;
	int rc;

	if (stage->by_program && (rc = program_digest(&program, err)) < 0)
		return rc;
	config = json_object();
	for (int i = 0; stage->section[i]; i++) {
		const char *section = stage->section[i];
		/* The stages that need a part of another's section. */
		json_t *v = strcmp(section, "model.window") == 0    ? json_integer(cfg->model.window)
			    : strcmp(section, "gate.controls") == 0 ? fm_controls_key(cfg)
			    : strcmp(section, "privacy.mode") == 0  ? json_string(cfg->privacy.mode)
			    /* The dialect in which the release before is read. */
			    : strcmp(section, "publish.dialect") == 0
				? json_string(cfg->release.previous[0] ? cfg->publish.dialect : "")
				: fm_config_json(cfg, section, true);

		if (json_object_set_new(config, section, v)) {
			json_decref(config);
			return fm_fail(err, FM_ESYSTEM, "out of memory");
		}
	}
	return digest(json_pack("{s:s, s:i, s:s, s:s, s:o, s:O}", "stage", stage->name, "format", stage->format,
				"flowmint", FM_VERSION, "program", program, "config", config, "inputs", inputs),
		      unconfined, key, err);
}

int fm_judging_key(const struct fm_config *cfg, bool unconfined, const char *store, const char *synthetic,
		   char key[FM_SHA256_HEX], struct fm_error *err)
{
	const char *program;
	int rc;

	if ((rc = program_digest(&program, err)) < 0)
		return rc;
	return digest(json_pack("{s:s, s:i, s:s, s:s, s:I, s:i, s:s, s:s}", "stage", "judging", "format", 1, "flowmint",
				FM_VERSION, "program", program, "memory", (json_int_t)cfg->gate.memory, "min_count",
				(int)cfg->privacy.min_count, "store", store, "synthetic", synthetic),
		      unconfined, key, err);
}

/* ---- digests of private things are taken in children, so that no later stage finds them in its memory ---- */

struct measure {
	const char *path;
	bool folder;
};

static int measure_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct measure *m = ctx;
	char hex[FM_SHA256_HEX];
	int rc = m->folder ? fm_sha256_dir_hex(m->path, hex, err) : fm_sha256_file_hex(m->path, hex, err);

	if (rc < 0)
		return rc;
	*result = json_string(hex);
	return *result ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

static int measure(const char *name, const struct measure *m, bool unconfined, char hex[FM_SHA256_HEX],
		   struct fm_run_stage *s, struct fm_error *err)
{
	struct fm_sandbox box = {.name = name, .unconfined = unconfined};
	struct fm_sandbox_report report;
	struct measure copy = *m;
	const char *v;
	int rc;

	fm_sandbox_path(&box, m->path, false);
	rc = fm_sandbox_run(&box, measure_fn, &copy, &report, err);
	fm_run_stage_took(s, &report);
	if (rc < 0)
		goto out;
	v = json_string_value(report.result);
	if (v && strlen(v) == FM_SHA256_HEX - 1)
		memcpy(hex, v, FM_SHA256_HEX);
	else
		rc = fm_fail(err, FM_ESYSTEM, "%s: no digest came back", m->path);
out:
	json_decref(report.result);
	return rc;
}

int fm_folder_digest(const char *name, const char *dir, bool unconfined, char hex[FM_SHA256_HEX],
		     struct fm_run_stage *s, struct fm_error *err)
{
	struct measure m = {dir, true};

	return measure(name, &m, unconfined, hex, s, err);
}

int fm_file_digest(const char *path, bool unconfined, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	struct measure m = {path, false};

	return measure("source", &m, unconfined, hex, NULL, err);
}

static json_t *identity(const char *path, const struct stat *st)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "path", path, "device", (json_int_t)st->st_dev,
			 "inode", (json_int_t)st->st_ino, "bytes", (json_int_t)st->st_size, "modified_s",
			 (json_int_t)st->st_mtim.tv_sec, "modified_ns", (json_int_t)st->st_mtim.tv_nsec, "changed_s",
			 (json_int_t)st->st_ctim.tv_sec, "changed_ns", (json_int_t)st->st_ctim.tv_nsec);
}

/* The digest in the newest row whose "file" equals id, or NULL. */
static const char *remembered(const json_t *rows, const json_t *id)
{
	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *body = json_object_get(json_array_get(rows, i), "body");

		if (json_equal(json_object_get(body, "file"), id))
			return json_string_value(json_object_get(body, "sha256"));
	}
	return NULL;
}

static int file_digest(struct fm_ledger *l, const char *path, bool unconfined, char hex[FM_SHA256_HEX],
		       struct fm_error *err)
{
	struct measure m = {path, false};
	json_t *id = NULL, *rows = NULL, *body = NULL;
	const char *known;
	struct stat st;
	int rc;

	if (stat(path, &st))
		return fm_fail_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return fm_fail(err, FM_EINPUT, "%s: not a regular file: a trace is read more than once", path);
	if (!(id = identity(path, &st))) {
		rc = fm_fail(err, FM_EINPUT, "source.path is not UTF-8");
		goto out;
	}
	if ((rc = fm_ledger_rows(l, NULL, "source", &rows, err)) < 0)
		goto out;
	known = remembered(rows, id);
	if (known && strlen(known) == FM_SHA256_HEX - 1) {
		memcpy(hex, known, FM_SHA256_HEX);
		goto out;
	}
	if ((rc = measure("source", &m, unconfined, hex, NULL, err)) < 0)
		goto out;
	/* A file that changed within the clock's grain may change again with the same times: its digest is not
	 * remembered. */
	if (st.st_ctim.tv_sec + 2 < time(NULL)) {
		body = json_pack("{s:O, s:s}", "file", id, "sha256", hex);
		rc = body ? fm_ledger_append(l, "", "source", body, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
	}
out:
	json_decref(id);
	json_decref(rows);
	json_decref(body);
	return rc;
}

int fm_trace_digest(struct fm_ledger *l, const char *list, bool unconfined, char hex[FM_SHA256_HEX],
		    struct fm_error *err)
{
	struct fm_buf all = {0};
	char path[FM_FILE_PATH];
	uint8_t digest[FM_SHA256_LEN];
	int rc = FM_OK;

	if (fm_files_count(list) <= 1)
		return file_digest(l, list, unconfined, hex, err);
	/* Several files: the digest of one line with the digest of each. */
	while (fm_files_next(&list, path)) {
		if ((rc = file_digest(l, path, unconfined, hex, err)) < 0)
			goto out;
		fm_buf_printf(&all, "%s\n", hex);
	}
	if ((rc = fm_buf_check(&all, err)) < 0 || (rc = fm_sha256_bytes(all.data, all.len, digest, err)) < 0)
		goto out;
	fm_hex(digest, sizeof digest, hex);
out:
	fm_buf_free(&all);
	return rc;
}
