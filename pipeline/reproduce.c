#include "pipeline/reproduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "manifests/canon.h"
#include "pipeline/workspace.h"

/* What the ledger says about a run. */
struct record {
	json_t *rows;          /* of the run: the rest points into it */
	const json_t *run;     /* body of its row "run" */
	const json_t *release; /* body of its row "release" */
	const json_t *stage[FM_NSTAGES];
	json_t *audits;  /* of its claim */
	json_t *waivers; /* those that held, as its verdict lists them */
};

/* The newest run that released an archive with this digest. */
static int run_of_archive(struct fm_ledger *l, const char *archive, char id[FM_RUN_ID_MAX], struct fm_error *err)
{
	char hex[FM_SHA256_HEX];
	json_t *rows = NULL;
	int rc;

	if ((rc = fm_sha256_file_hex(archive, hex, err)) < 0 ||
	    (rc = fm_ledger_rows(l, NULL, "release", &rows, err)) < 0)
		return rc;
	rc = fm_fail(err, FM_EVERDICT,
		     "%s: no run in this ledger made these bytes (sha256 %s): it was changed, or made in another "
		     "project (--workspace); from its manifest it is made again with --source or --model",
		     archive, hex);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (strcmp(fm_json_str(json_object_get(row, "body"), "archive_sha256"), hex) == 0) {
			snprintf(id, FM_RUN_ID_MAX, "%s", fm_json_str(row, "run"));
			rc = FM_OK;
		}
	}
	json_decref(rows);
	return rc;
}

/* As the run had it: today it may have expired. */
static int remember_waiver(struct record *rec, const json_t *body, struct fm_error *err)
{
	json_t *w = json_deep_copy(body);

	json_object_del(w, "file");
	json_object_del(w, "holds");
	return json_array_append_new(rec->waivers, w) ? fm_fail(err, FM_ESYSTEM, "out of memory") : FM_OK;
}

static int load_record(struct fm_ledger *l, const char *id, struct record *rec, struct fm_error *err)
{
	int rc;

	if ((rc = fm_ledger_rows(l, id, NULL, &rec->rows, err)) < 0)
		return rc;
	if (!(rec->waivers = json_array()) || !(rec->audits = json_array()))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	for (size_t i = 0; i < json_array_size(rec->rows); i++) {
		const json_t *row = json_array_get(rec->rows, i), *body = json_object_get(row, "body");
		const char *kind = fm_json_str(row, "kind");
		int stage = strcmp(kind, "stage") == 0 ? fm_stage_find(fm_json_str(body, "name")) : -1;

		if (strcmp(kind, "run") == 0)
			rec->run = body;
		else if (strcmp(kind, "waiver") == 0 && json_is_true(json_object_get(body, "holds")) &&
			 (rc = remember_waiver(rec, body, err)) < 0)
			return rc;
		else if (strcmp(kind, "audited") == 0 && json_array_append(rec->audits, json_object_get(row, "body")))
			return fm_fail(err, FM_ESYSTEM, "out of memory");
		else if (strcmp(kind, "release") == 0)
			rec->release = body;
		else if (stage >= 0)
			rec->stage[stage] = body;
	}
	if (!rec->run)
		return fm_fail(err, FM_EINPUT, "%s: neither a file nor a run of this ledger; flowmint log lists them",
			       id);
	if (!rec->release)
		return fm_fail(err, FM_EINPUT, "run %s released nothing: there is no archive to compare with", id);
	return FM_OK;
}

/* The recorded config: every value, without the folder that it was read from, as all its paths are absolute. */
static int load_config(const struct record *rec, struct fm_config **cfg, struct fm_error *err)
{
	const json_t *config = json_object_get(rec->run, "config");
	char recorded[FM_SHA256_HEX], loaded[FM_SHA256_HEX];
	json_t *now = NULL;
	int rc;

	if (!json_is_object(config))
		return fm_fail(err, FM_EINPUT, "the ledger holds no config of this run");
	if ((rc = fm_config_from_json(cfg, config, err)) < 0)
		return fm_error_prefix(err, "the recorded config is not one for this version of flowmint: ");
	/* By digest: 9.0 is 9 in canonical JSON and comes back from the ledger as an integer. */
	now = fm_run_config(*cfg);
	if ((rc = fm_json_digest(now, loaded, err)) < 0 || (rc = fm_json_digest(config, recorded, err)) < 0)
		goto out;
	if (strcmp(loaded, recorded) != 0)
		rc = fm_fail(err, FM_EINPUT,
			     "the recorded config means something else to this version of flowmint (%s made it)",
			     fm_json_str(rec->run, "flowmint"));
out:
	json_decref(now);
	return rc;
}

static json_t *compare(const char *id, const struct record *rec, const struct fm_run *again, bool from_model)
{
	const char *tar = fm_json_str(rec->release, "tar_sha256");
	json_t *stages = json_array();

	for (int i = 0; i < again->nstages && i < FM_RELEASE; i++) {
		const char *recorded = fm_json_str(rec->stage[i], "output");

		json_array_append_new(stages, json_pack("{s:s, s:s, s:s, s:b}", "name", fm_stage_name(i), "recorded",
							recorded, "again", again->stage[i].output, "same",
							strcmp(recorded, again->stage[i].output) == 0));
	}
	return json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:o}", "run", id, "from", from_model ? "model" : "data",
			 "verdict", strcmp(tar, again->tar_sha256) == 0 ? "same" : "different", "tar_sha256",
			 "recorded", tar, "again", again->tar_sha256, "stages", stages);
}

static int run_again(const struct fm_reproduce_in *in, const struct record *rec, const char *id, const char *workspace,
		     const char *dir, json_t **report, struct fm_error *err)
{
	struct fm_run_options o = {.until = FM_RELEASE,
				   .dry = true,
				   .unconfined = in->unconfined,
				   .stages = in->stages,
				   .project = fm_json_str(rec->run, "project")};
	struct fm_config *cfg = NULL;
	struct fm_run again = {0};
	char *inner = fm_path_join(dir, "workspace");
	int rc;

	if (!inner)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = load_config(rec, &cfg, err)) < 0)
		goto out;
	o.cfg = cfg;
	o.workspace = inner;
	o.lasting = workspace;
	o.waivers = rec->waivers;
	o.audits = rec->audits;
	if (fm_config_dp(cfg)) {
		o.sealed_workspace = workspace;
		o.sealed_run = id;
	}
	if (in->from_model) {
		o.reuse = workspace;
		o.reuse_unconfined = fm_json_says(rec->run, "confinement", "unconfined");
		o.trace_sha256 = fm_json_str(json_object_get(rec->stage[FM_INGEST], "inputs"), "trace");
	}
	if ((rc = fm_runner_run(&o, &again, err)) < 0)
		goto out;
	if (!(*report = compare(id, rec, &again, in->from_model)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	else if (!fm_json_says(*report, "verdict", "same"))
		rc = fm_fail(err, FM_EVERDICT, "run %s does not repeat: the tar is another one", id);
out:
	fm_run_free(&again);
	fm_config_free(cfg);
	free(inner);
	return rc;
}

int fm_reproduce(const struct fm_reproduce_in *in, json_t **report, struct fm_error *err)
{
	struct fm_workspace ws = FM_WORKSPACE_NONE;
	struct fm_ledger *l = NULL;
	struct record rec = {0};
	char id[FM_RUN_ID_MAX], *dir = NULL;
	struct fm_error later;
	int rc;

	*report = NULL;
	/* Before the workspace is opened, which would make one. */
	if ((rc = fm_ledger_open(&l, in->workspace, NULL, FM_LEDGER_READ, err)) < 0)
		return rc;
	fm_ledger_close(l);
	l = NULL;
	if ((rc = fm_workspace_open(&ws, in->workspace, err)) < 0 ||
	    (rc = fm_ledger_open(&l, ws.path, NULL, FM_LEDGER_WRITE, err)) < 0)
		goto out;
	if (fm_run_is_file(in->what)) {
		if ((rc = run_of_archive(l, in->what, id, err)) < 0)
			goto out;
	} else {
		const char *named = fm_run_id(in->what, id);

		if (named != id)
			snprintf(id, sizeof id, "%s", named);
	}
	if ((rc = load_record(l, id, &rec, err)) < 0)
		goto out;
	if (!(dir = fm_path_join(ws.path, "reproduce-tmp"))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_dir_make(dir, 0700, err)) < 0)
		goto out;
	rc = run_again(in, &rec, id, ws.path, dir, report, err);
	if (*report && fm_ledger_append(l, id, "reproduce", *report, &later) < 0)
		fm_warn("%s", later.message);
out:
	if (dir)
		fm_dir_clear_away(dir);
	free(dir);
	json_decref(rec.rows);
	json_decref(rec.waivers);
	json_decref(rec.audits);
	fm_ledger_close(l);
	fm_workspace_close(&ws);
	return rc;
}
