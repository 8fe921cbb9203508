#include "pipeline/released.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/log.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the releases of the ledger");
}

/* The folder of a path, as far as it fits. */
static void folder_of(const char *path, char *out, size_t cap)
{
	const char *slash = strrchr(path, '/');

	snprintf(out, cap, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

/* One row of this name. */
static int take_row(struct fm_released *r, const json_t *row, const char *version, struct fm_error *err)
{
	const json_t *body = json_object_get(row, "body");
	const char *text = fm_json_str(body, "record");
	struct fm_record record = {0};
	int rc = *text ? fm_record_parse(&record, text, strlen(text), err) : FM_OK;

	/* A record that is none counts as missing: flowmint audit tells of rows that were changed. */
	if (rc == FM_ESYSTEM)
		return rc;
	if (rc < 0)
		memset(&record, 0, sizeof record);
	if (record.sequence > r->last.sequence) {
		r->last = record;
		folder_of(fm_json_str(body, "archive"), r->last_folder, sizeof r->last_folder);
	}
	if (strcmp(fm_json_str(body, "version"), version) != 0)
		return FM_OK;
	if (!r->run[0] ||
	    strcmp(r->tar_sha256, fm_json_str(body, "tar_sha256")) != 0) { /* the first, or it was replaced */
		snprintf(r->run, sizeof r->run, "%s", fm_json_str(row, "run"));
		snprintf(r->tar_sha256, sizeof r->tar_sha256, "%s", fm_json_str(body, "tar_sha256"));
		snprintf(r->archive_sha256, sizeof r->archive_sha256, "%s", fm_json_str(body, "archive_sha256"));
		snprintf(r->archive, sizeof r->archive, "%s", fm_json_str(body, "archive"));
	}
	if (record.sequence) {
		r->record = record;
		r->text.len = 0;
		fm_buf_puts(&r->text, text);
	}
	return fm_buf_check(&r->text, err);
}

int fm_released_load(struct fm_released *r, struct fm_ledger *l, const char *name, const char *version,
		     struct fm_error *err)
{
	json_t *rows = NULL;
	int rc;

	memset(r, 0, sizeof *r);
	rc = fm_ledger_rows(l, NULL, "release", &rows, err);
	for (size_t i = 0; rc >= 0 && i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (strcmp(fm_json_str(json_object_get(row, "body"), "name"), name) == 0)
			rc = take_row(r, row, version, err);
	}
	json_decref(rows);
	return rc;
}

void fm_released_free(struct fm_released *r)
{
	fm_buf_free(&r->text);
}

int fm_released_check(const struct fm_released *r, const struct fm_run *run, const char *name, const char *version,
		      struct fm_error *err)
{
	if (!r->run[0] || strcmp(r->tar_sha256, run->tar_sha256) == 0)
		return FM_OK;
	return fm_fail(
	    err, FM_EINPUT,
	    "release.version: %s %s is taken: run %s released it with tar sha256 %.12s, and this one has %.12s (by "
	    "another "
	    "version of flowmint, on another kind of processor, or with other waivers); raise release.version, or, if "
	    "nobody was given it, run with --replace",
	    name, version, r->run, r->tar_sha256, run->tar_sha256);
}

int fm_released_note(struct fm_ledger *l, const struct fm_run *run, const char *name, const char *version,
		     struct fm_error *err)
{
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "archive", run->archive, "name", name, "version", version,
				 "tar_sha256", run->tar_sha256, "archive_sha256", run->archive_sha256);
	bool bad = false;
	int rc;

	if (!body)
		return fm_fail(err, FM_ESYSTEM, "the archive's path is not UTF-8");
	if (run->log_size)
		bad = json_object_set_new(body, "log_size", json_integer((json_int_t)run->log_size)) ||
		      json_object_set_new(body, "log_root", json_string(run->log_root));
	if (run->released && run->released->run[0] && strcmp(run->released->tar_sha256, run->tar_sha256) != 0)
		bad |= json_object_set_new(body, "replaces", json_string(run->released->tar_sha256)) != 0;
	if (run->record)
		bad |= json_object_set_new(body, "record", json_string(run->record)) != 0;
	rc = bad ? no_memory(err) : fm_ledger_append(l, run->id, "release", body, err);
	json_decref(body);
	return rc;
}

int fm_released_config(struct fm_ledger *l, const char *run, json_t **config, char store[FM_SHA256_HEX],
		       struct fm_error *err)
{
	struct fm_config *recorded = NULL;
	json_t *rows = NULL;
	int rc;

	*config = NULL;
	store[0] = '\0';
	if ((rc = fm_ledger_rows(l, run, NULL, &rows, err)) < 0)
		return rc;
	for (size_t i = 0; i < json_array_size(rows) && rc >= 0; i++) {
		const json_t *row = json_array_get(rows, i), *body = json_object_get(row, "body");

		if (fm_json_says(row, "kind", "stage") &&
		    strcmp(fm_json_str(body, "name"), fm_stage_name(FM_INGEST)) == 0)
			snprintf(store, FM_SHA256_HEX, "%s", fm_json_str(body, "output"));
		if (*config || !fm_json_says(row, "kind", "run"))
			continue;
		/* One of another version is none to compare with. */
		if ((rc = fm_config_from_json(&recorded, json_object_get(body, "config"), err)) == FM_OK)
			*config = fm_config_json(recorded, NULL, true);
		fm_config_free(recorded);
		rc = rc == FM_ESYSTEM ? rc : FM_OK;
	}
	json_decref(rows);
	return rc;
}

/* ---- several releases of one trace ---- */

/* What decides in which steps a release tells how many real flows there are. */
static const struct {
	const char *section, *key;
} steps[] = {{"model", "window"},
	     {"privacy", "min_count"},
	     {"split", "holdout"},
	     {"split", "holdout_least"},
	     {"split", "validation"}};

/* The first of them that differs, or NULL. */
static const char *differing_step(const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		const json_t *x = json_object_get(json_object_get(a, steps[i].section), steps[i].key),
			     *y = json_object_get(json_object_get(b, steps[i].section), steps[i].key);

		bool both = (x && y) || strcmp(steps[i].key, "holdout_least") == 0; /* newer than most: without it, 0 */

		if (both && json_number_value(x) != json_number_value(y))
			return steps[i].key;
	}
	return NULL;
}

/* One run that released: is it of this trace, with other steps? */
static int compare_steps(struct fm_ledger *l, const json_t *release, const char *trace, const json_t *config,
			 bool *told, struct fm_error *err)
{
	const json_t *rows_config = NULL, *name = json_object_get(release, "body");
	const char *key, *digest = "";
	json_t *rows = NULL;
	int rc;

	if ((rc = fm_ledger_rows(l, fm_json_str(release, "run"), NULL, &rows, err)) < 0)
		return rc;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i), *body = json_object_get(row, "body");

		if (fm_json_says(row, "kind", "run"))
			rows_config = json_object_get(body, "config");
		else if (fm_json_says(row, "kind", "stage") && fm_json_says(body, "name", fm_stage_name(FM_INGEST)))
			digest = fm_json_str(json_object_get(body, "inputs"), "trace");
	}
	if (*digest && strcmp(digest, trace) == 0 && (key = differing_step(rows_config, config))) {
		*told = true;
		fm_warn("run %s released %s %s of the same trace with another %s: who has both knows more closely how "
			"many real flows there are than from one alone",
			fm_json_str(release, "run"), fm_json_str(name, "name"), fm_json_str(name, "version"), key);
	}
	json_decref(rows);
	return FM_OK;
}

int fm_released_warn_steps(struct fm_ledger *l, const struct fm_config *cfg, const char *trace, struct fm_error *err)
{
	json_t *rows = NULL, *config;
	bool told = false;
	int rc;

	if (fm_config_dp(cfg) || !*trace) /* there numbers are told with noise, which is paid for */
		return FM_OK;
	if (!(config = fm_config_json(cfg, NULL, true)))
		return no_memory(err);
	if ((rc = fm_ledger_rows(l, NULL, "release", &rows, err)) < 0)
		goto out;
	for (size_t i = json_array_size(rows); i-- > 0 && rc >= 0 && !told;)
		rc = compare_steps(l, json_array_get(rows, i), trace, config, &told, err);
out:
	json_decref(rows);
	json_decref(config);
	return rc;
}
