#include "pipeline/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/version.h"
#include "manifests/config.h"
#include "pipeline/pack.h"
#include "pipeline/product.h"
#include "pipeline/project_secret.h"
#include "pipeline/sealed.h"
#include "pipeline/workspace.h"
#include "stages/table.h"

#define FORMAT "flowmint-bundle/1"
#define LABEL "bundle"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: the bundle of a run");
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
		const char *kind = fm_json_str(row, "kind");

		if (strcmp(kind, "run") == 0)
			rec->run = body;
		else if (strcmp(kind, "release") == 0)
			rec->release = body;
		else if (strcmp(kind, "stage") == 0 && strcmp(fm_json_str(body, "name"), fm_stage_name(FM_TRAIN)) == 0)
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
		if ((rc = fm_sealed_read(&secret, workspace, fm_json_str(rec->run, "project"), rec->id, err)) < 0)
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
	struct fm_pack_child child = {.name = "bundle", .unconfined = in->unconfined};
	char *dir = fm_path_join(workspace, "reproduce-bundle"), *inner = dir ? fm_path_join(dir, "sealed") : NULL,
	     *entry = NULL;
	struct fm_product model = {0};
	struct fm_secret key = {0};
	struct fm_pack pack = {FORMAT, LABEL, "model", &key}; /* under the project's secret */
	json_t *index;
	int rc;

	index = json_pack("{s:s, s:s, s:s, s:s, s:s}", "flowmint", fm_json_str(rec->run, "flowmint"), "model",
			  fm_json_str(rec->train, "output"), "name", fm_json_str(rec->run, "name"), "version",
			  fm_json_str(rec->run, "version"), "run", rec->id);
	if (!inner || !index ||
	    asprintf(&entry, "%s/stages/%s/%s", workspace, fm_stage_name(FM_TRAIN), fm_json_str(rec->train, "key")) <
		0) {
		entry = NULL;
		rc = no_memory(err);
		goto out;
	}
	if (!fm_file_exists(entry)) {
		rc = fm_fail(err, FM_EINPUT, "the model of run %s is no longer in %s: flowmint run makes it again",
			     rec->id, workspace);
		goto out;
	}
	if ((rc = fm_product_open(&model, entry, err)) < 0 || (rc = put_secret(workspace, rec, index, err)) < 0 ||
	    (rc = fm_dir_make(dir, 0700, err)) < 0 ||
	    (rc = fm_project_secret(&key, fm_json_str(rec->run, "project"), err)) < 0)
		goto out;
	rc = fm_pack_seal(&pack, &child, model.dir, index, dir, inner, err);
	fm_secret_close(&key);
	if (rc < 0)
		goto out;
	rc = fm_file_copy(inner, to, 0600, err);
out:
	fm_secret_close(&key);
	if (dir)
		fm_dir_clear_away(dir);
	json_decref(index);
	fm_product_close(&model);
	free(entry);
	free(inner);
	free(dir);
	return rc;
}

static char *beside_archive(const struct record *rec)
{
	const char *archive = fm_json_str(rec->release, "archive"), *slash = strrchr(archive, '/');
	char *path = NULL;

	if (asprintf(&path, "%.*s%s-%s" FM_BUNDLE_SUFFIX, slash ? (int)(slash - archive) + 1 : 0, archive,
		     fm_json_str(rec->run, "name"), fm_json_str(rec->run, "version")) < 0)
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
				  "name", fm_json_str(rec.run, "name"), "version", fm_json_str(rec.run, "version")))) {
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

int fm_bundle_open(struct fm_bundle *b, const char *path, const char *project, const char *dir, bool unconfined,
		   struct fm_error *err)
{
	struct fm_pack_child child = {.name = "bundle", .unconfined = unconfined};
	struct fm_secret key = {0};
	struct fm_pack pack = {FORMAT, LABEL, "model", &key};
	char *real = realpath(path, NULL);
	json_t *index = NULL;
	const char *secret;
	int rc;

	*b = (struct fm_bundle){0};
	if (!real)
		return fm_fail_errno(err, "%s", path);
	if ((rc = fm_dir_make(dir, 0700, err)) < 0 || (rc = fm_project_secret(&key, project, err)) < 0)
		goto out;
	rc = fm_pack_unseal(&pack, &child, real, dir, &index, err);
	fm_secret_close(&key);
	if (rc == FM_EVERDICT)
		fm_error_prefix(err, "the bundle cannot be opened with the key of the project %s: ", project);
	if (rc < 0)
		goto out;
	snprintf(b->name, sizeof b->name, "%s", fm_json_str(index, "name"));
	snprintf(b->version, sizeof b->version, "%s", fm_json_str(index, "version"));
	snprintf(b->run, sizeof b->run, "%s", fm_json_str(index, "run"));
	snprintf(b->flowmint, sizeof b->flowmint, "%s", fm_json_str(index, "flowmint"));
	snprintf(b->model_sha256, sizeof b->model_sha256, "%s", fm_json_str(index, "model"));
	secret = fm_json_str(index, "secret");
	if (strlen(secret) == 2 * FM_SHA256_LEN && (rc = fm_secret_new(&b->secret, FM_SHA256_LEN, err)) >= 0)
		rc = fm_unhex(secret, FM_SHA256_LEN, b->secret.data, err);
out:
	fm_secret_close(&key);
	json_decref(index);
	free(real);
	return rc;
}

void fm_bundle_close(struct fm_bundle *b)
{
	fm_secret_close(&b->secret);
}
