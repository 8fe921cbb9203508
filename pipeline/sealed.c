#include "pipeline/sealed.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "pipeline/project_secret.h"
#include "pipeline/wrap.h"

#define FORMAT "flowmint-sealed/2"
#define LABEL "sealed"
#define FILE_MAX 65536

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: the sealed half of a run");
}

/* Making or judging flows again costs nothing. */
static int config_digest(const struct fm_config *cfg, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	json_t *config = json_object();
	int rc;

	for (const char *const *section = fm_config_learning; config && *section; section++)
		json_object_set_new(config, *section, fm_config_json(cfg, *section, true));
	rc = config ? fm_json_digest(config, hex, err) : no_memory(err);
	json_decref(config);
	return rc;
}

int fm_run_secret(struct fm_secret *run, const char *project, const struct fm_sealed_of *of, struct fm_error *err)
{
	char program[FM_SHA256_HEX] = "", config[FM_SHA256_HEX], digest[FM_SHA256_HEX], label[FM_SHA256_HEX + 8];
	struct fm_secret key = {0};
	json_t *doc = NULL;
	int rc;

	*run = (struct fm_secret){0};
	if ((rc = fm_sha256_file_hex("/proc/self/exe", program, err)) < 0 ||
	    (rc = config_digest(of->cfg, config, err)) < 0)
		goto out;
	doc = json_pack("{s:s, s:s, s:O, s:s}", "flowmint", FM_VERSION, "program", program, "files", of->files,
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
	json_decref(doc);
	return rc;
}

static int derived_hex(const struct fm_secret *run, const char *label, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	struct fm_secret id;
	int rc;

	if ((rc = fm_secret_derive(&id, run, label, err)) < 0)
		return rc;
	fm_hex(id.data, id.len, hex);
	fm_secret_close(&id);
	return FM_OK;
}

int fm_secret_id(const struct fm_secret *run, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	return derived_hex(run, "id", hex, err);
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

/* Put what the sealed half is of into doc. */
static int say_of(json_t *doc, const struct fm_secret *run, const struct fm_sealed_of *of, struct fm_error *err)
{
	static const char *const what[] = {"files", "config"};
	char digest[2][FM_SHA256_HEX], label[FM_SHA256_HEX + 16], hex[FM_SHA256_HEX];
	int rc;

	if ((rc = fm_json_digest(of->files, digest[0], err)) < 0 || (rc = config_digest(of->cfg, digest[1], err)) < 0)
		return rc;
	for (int i = 0; i < 2; i++) {
		snprintf(label, sizeof label, "of %s %.64s", what[i], digest[i]);
		if ((rc = derived_hex(run, label, hex, err)) < 0)
			return rc;
		if (json_object_set_new(doc, what[i], json_string(hex)))
			return no_memory(err);
	}
	return FM_OK;
}

int fm_sealed_write(const char *workspace, const char *project, const char *run_id, const struct fm_secret *run,
		    const struct fm_sealed_of *of, struct fm_error *err)
{
	char *path = sealed_path(workspace, run_id, true, err);
	json_t *doc = NULL;
	int rc;

	if (!path)
		return err ? err->code : FM_ESYSTEM;
	if (!(doc = json_pack("{s:s, s:s}", "format", FORMAT, "run", run_id))) {
		rc = no_memory(err);
		goto out;
	}
	if ((of && (rc = say_of(doc, run, of, err)) < 0) || (rc = fm_wrap(doc, project, LABEL, run_id, run, err)) < 0)
		goto out;
	rc = fm_json_save(doc, path, err);
out:
	json_decref(doc);
	free(path);
	return rc;
}

int fm_sealed_read(struct fm_secret *run, const char *workspace, const char *project, const char *run_id,
		   struct fm_error *err)
{
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
	if ((rc = fm_json_load(&doc, path, FILE_MAX, err)) < 0)
		goto out;
	rc = fm_unwrap(run, doc, path, project, LABEL, run_id, err);
out:
	json_decref(doc);
	free(path);
	return rc;
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key);

	return x && json_equal(x, json_object_get(b, key));
}

int fm_sealed_check(const char *workspace, const char *run_id, const struct fm_secret *run,
		    const struct fm_sealed_of *of, struct fm_error *err)
{
	char *path = sealed_path(workspace, run_id, false, err);
	json_t *doc = NULL, *now = json_object();
	int rc;

	if (!path || !now) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_json_load(&doc, path, FILE_MAX, err)) < 0 || (rc = say_of(now, run, of, err)) < 0)
		goto out;
	if (!same(doc, now, "files"))
		rc = fm_fail(err, FM_EVERDICT,
			     "the sealed half of run %s is of another trace, or of another dialect file or another "
			     "clock of its zone: the noise of one answer is never put on another; nothing was done",
			     run_id);
	else if (!same(doc, now, "config"))
		rc = fm_fail(err, FM_EVERDICT,
			     "the sealed half of run %s is of another config: its sections source, split, model, train "
			     "and privacy say what is asked of the trace, and the noise of one answer is never put on "
			     "another; nothing was done",
			     run_id);
out:
	json_decref(doc);
	json_decref(now);
	free(path);
	return rc;
}
