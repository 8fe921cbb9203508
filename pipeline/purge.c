#include "pipeline/purge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "pipeline/vault.h"
#include "pipeline/workspace.h"
#include "stages/table.h"

#define KEY_LEN (FM_SHA256_HEX - 1)

struct purge {
	const char *workspace, *run;
	enum fm_purge_keep keep;
	json_t *rows; /* of the ledger */
	json_t *destroyed, *kept;
	json_t *files; /* paths beside the entries */
};

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: what is to be purged");
}

/* ---- who needs what ---- */

/* Was the run purged, or did it retain its model alone, and this stage is another than train? */
static bool gave_up(const struct purge *p, const char *run, enum fm_stage_id id)
{
	for (size_t i = 0; i < json_array_size(p->rows); i++) {
		const json_t *row = json_array_get(p->rows, i);

		if (strcmp(fm_json_str(row, "run"), run) == 0 &&
		    (fm_json_says(row, "kind", "purge") || (fm_json_says(row, "kind", "retain") && id != FM_TRAIN)))
			return true;
	}
	return false;
}

/* The newest run that made or took this product of that stage: the one that is purged (own) or another that needs it;
 * NULL when there is none. */
static const char *user_of(const struct purge *p, enum fm_stage_id id, const char *key, bool own)
{
	for (size_t i = json_array_size(p->rows); i-- > 0;) {
		const json_t *row = json_array_get(p->rows, i), *body = json_object_get(row, "body");
		const char *run = fm_json_str(row, "run");

		if (!fm_json_says(row, "kind", "stage") || strcmp(fm_json_str(body, "name"), fm_stage_name(id)) != 0 ||
		    strcmp(fm_json_str(body, "key"), key) != 0)
			continue;
		if (own ? strcmp(run, p->run) == 0 : strcmp(run, p->run) != 0 && !gave_up(p, run, id))
			return run;
	}
	return NULL;
}

/* ---- what there is ---- */

static int note(json_t *list, enum fm_stage_id id, const char *key, const char *needed, struct fm_error *err)
{
	json_t *o = json_pack("{s:s, s:s}", "stage", fm_stage_name(id), "key", key);

	if (!o || (needed && json_object_set_new(o, "for", json_string(needed))) || json_array_append_new(list, o))
		return no_memory(err);
	return FM_OK;
}

static int look_at_product(struct purge *p, enum fm_stage_id id, const char *dir, const char *key, struct fm_error *err)
{
	char *file = NULL, maker[FM_RUN_ID_MAX];
	const char *needed = user_of(p, id, key, false);
	bool own = user_of(p, id, key, true) != NULL;

	if (!own && !needed) { /* its run was killed before the row was written */
		if (asprintf(&file, "%s/%s/" FM_VAULT_KEY, dir, key) < 0)
			return no_memory(err);
		fm_vault_maker(file, maker);
		free(file);
		own = strcmp(maker, p->run) == 0;
	}
	if (!own || (id == FM_TRAIN && p->keep == FM_KEEP_MODEL))
		return FM_OK;
	return note(needed ? p->kept : p->destroyed, id, key, needed, err);
}

/* A checkpoint belongs to the newest run that went on from it. */
static int look_at_checkpoint(struct purge *p, const char *dir, const char *name, struct fm_error *err)
{
	char key[FM_SHA256_HEX], maker[FM_RUN_ID_MAX], *file = fm_path_join(dir, name);
	int rc = FM_OK;

	if (!file)
		return no_memory(err);
	fm_vault_maker(file, maker);
	snprintf(key, sizeof key, "%s", name + strlen(FM_CHECKPOINT_KEY));
	if (strcmp(maker, p->run) == 0 && json_array_append_new(p->files, json_string(key)))
		rc = no_memory(err);
	free(file);
	return rc;
}

static int look_at_stage(struct purge *p, enum fm_stage_id id, struct fm_error *err)
{
	char *dir = NULL, **names = NULL;
	size_t n = 0;
	int rc = FM_OK;

	if (asprintf(&dir, "%s/stages/%s", p->workspace, fm_stage_name(id)) < 0)
		return no_memory(err);
	if (!fm_file_exists(dir) || (rc = fm_dir_list(dir, &names, &n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n && rc >= 0; i++) {
		if (strlen(names[i]) == KEY_LEN)
			rc = look_at_product(p, id, dir, names[i], err);
		else if (strncmp(names[i], FM_CHECKPOINT_KEY, strlen(FM_CHECKPOINT_KEY)) == 0)
			rc = look_at_checkpoint(p, dir, names[i], err);
	}
out:
	fm_names_free(names, n);
	free(dir);
	return rc;
}

/* ---- the work ---- */

static int destroy_listed(const struct purge *p, struct fm_error *err)
{
	char *path = NULL;
	int rc = FM_OK;

	for (size_t i = 0; i < json_array_size(p->destroyed) && rc >= 0; i++) {
		const json_t *o = json_array_get(p->destroyed, i);

		if (asprintf(&path, "%s/stages/%s/%s", p->workspace, fm_json_str(o, "stage"), fm_json_str(o, "key")) <
		    0)
			return no_memory(err);
		rc = fm_vault_destroy(path, err);
		free(path);
	}
	for (size_t i = 0; i < json_array_size(p->files) && rc >= 0; i++)
		rc = fm_vault_drop_checkpoint(p->workspace, json_string_value(json_array_get(p->files, i)), err);
	return rc;
}

/* WORKSPACE/FOLDER/RUN.SUFFIX */
static int shred_beside(const struct purge *p, const char *folder, const char *suffix, bool *was, struct fm_error *err)
{
	char *path = NULL;
	int rc;

	if (asprintf(&path, "%s/%s/%s.%s", p->workspace, folder, p->run, suffix) < 0)
		return no_memory(err);
	if (was)
		*was = fm_file_exists(path);
	rc = was ? FM_OK : fm_vault_shred(path, err);
	free(path);
	return rc;
}

/* What the rows of the run say of it. */
static void describe(const struct purge *p, json_t *report)
{
	bool released = false;

	for (size_t i = 0; i < json_array_size(p->rows); i++) {
		const json_t *row = json_array_get(p->rows, i), *body = json_object_get(row, "body"),
			     *config = json_object_get(body, "config");

		if (strcmp(fm_json_str(row, "run"), p->run) != 0)
			continue;
		released |= fm_json_says(row, "kind", "release");
		if (!fm_json_says(row, "kind", "run"))
			continue;
		json_object_set(report, "mode", json_object_get(json_object_get(config, "privacy"), "mode"));
		json_object_set(report, "source", json_object_get(json_object_get(config, "source"), "path"));
	}
	json_object_set_new(report, "released", json_boolean(released));
}

int fm_purge_run(struct fm_ledger *l, const char *workspace, const char *run, enum fm_purge_keep keep, const char *why,
		 json_t **report, struct fm_error *err)
{
	struct purge p = {workspace, run, keep, NULL, json_array(), json_array(), json_array()};
	bool sealed = false;
	int rc;

	*report = NULL;
	if (!p.destroyed || !p.kept || !p.files) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_ledger_rows(l, NULL, NULL, &p.rows, err)) < 0)
		goto out;
	for (int id = 0; id < FM_NSTAGES; id++)
		if ((rc = look_at_stage(&p, id, err)) < 0)
			goto out;
	/* With the model alone the flows of a run in privacy.mode dp are not drawn again. */
	if (keep == FM_KEEP_NOTHING && (rc = shred_beside(&p, "sealed", "json", &sealed, err)) < 0)
		goto out;
	*report = json_pack("{s:s, s:s, s:O, s:O, s:i, s:b}", "run", run, "why", why, "destroyed", p.destroyed, "kept",
			    p.kept, "checkpoints", (int)json_array_size(p.files), "sealed", sealed);
	if (!*report) {
		rc = no_memory(err);
		goto out;
	}
	describe(&p, *report);
	if ((rc = fm_ledger_append(l, run, keep == FM_KEEP_NOTHING ? "purge" : "retain", *report, err)) < 0 ||
	    (rc = destroy_listed(&p, err)) < 0 ||
	    (sealed && (rc = shred_beside(&p, "sealed", "json", NULL, err)) < 0) ||
	    (rc = shred_beside(&p, FM_QUARANTINE, "csv", NULL, err)) < 0)
		goto out;
out:
	if (rc < 0) {
		json_decref(*report);
		*report = NULL;
	}
	json_decref(p.rows);
	json_decref(p.destroyed);
	json_decref(p.kept);
	json_decref(p.files);
	return rc;
}

int fm_purge(const char *workspace, const char *named, json_t **report, struct fm_error *err)
{
	struct fm_workspace ws = FM_WORKSPACE_NONE;
	char buf[FM_RUN_ID_MAX];
	const char *run = fm_run_id(named, buf);
	struct fm_ledger *l = NULL;
	json_t *rows = NULL;
	int rc;

	*report = NULL;
	/* Before the workspace is opened, which would make one. */
	if ((rc = fm_ledger_open(&l, workspace, NULL, FM_LEDGER_READ, err)) < 0)
		return rc;
	fm_ledger_close(l);
	l = NULL;
	if ((rc = fm_workspace_open(&ws, workspace, err)) < 0 ||
	    (rc = fm_ledger_open(&l, ws.path, NULL, FM_LEDGER_WRITE, err)) < 0 ||
	    (rc = fm_ledger_rows(l, run, "run", &rows, err)) < 0)
		goto out;
	if (json_array_size(rows) == 0)
		rc = fm_fail(err, FM_EINPUT, "%s: no run of this ledger; flowmint log lists them", named);
	else
		rc = fm_purge_run(l, ws.path, run, FM_KEEP_NOTHING, "asked", report, err);
out:
	json_decref(rows);
	fm_ledger_close(l);
	fm_workspace_close(&ws);
	return rc;
}
