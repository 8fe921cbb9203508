#include "pipeline/facts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "manifests/canon.h"
#include "pipeline/ledger.h"
#include "pipeline/manifest.h"
#include "pipeline/product.h"
#include "release/verify.h"

#define DOCUMENT_MAX (32u << 20)

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the report");
}

/* ---- a run ---- */

/* The ledger's rows of a run; what they say points into rows. */
struct record {
	json_t *rows;
	const json_t *run, *escapes, *verdict, *release, *end, *stage[FM_NSTAGES];
	const char *time;
};

static int read_record(const char *workspace, const char *id, struct record *rec, struct fm_error *err)
{
	struct fm_ledger *l = NULL;
	int rc;

	if ((rc = fm_ledger_open(&l, workspace, NULL, FM_LEDGER_READ, err)) < 0)
		return rc;
	rc = fm_ledger_rows(l, id, NULL, &rec->rows, err);
	fm_ledger_close(l);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < json_array_size(rec->rows); i++) {
		const json_t *row = json_array_get(rec->rows, i), *body = json_object_get(row, "body");
		const char *kind = fm_json_str(row, "kind");
		int stage = strcmp(kind, "stage") == 0 ? fm_stage_find(fm_json_str(body, "name")) : -1;

		if (strcmp(kind, "run") == 0) {
			rec->run = body;
			rec->time = fm_json_str(row, "time");
		} else if (strcmp(kind, "escapes") == 0) {
			rec->escapes = body;
		} else if (strcmp(kind, "verdict") == 0) {
			rec->verdict = body;
		} else if (strcmp(kind, "release") == 0) {
			rec->release = body;
		} else if (strcmp(kind, "end") == 0) {
			rec->end = body;
		} else if (stage >= 0) {
			rec->stage[stage] = body;
		}
	}
	if (!rec->run)
		return fm_fail(err, FM_EINPUT,
			       "%s: neither a file nor a run of the ledger in %s; flowmint log lists them", id,
			       workspace);
	return FM_OK;
}

/* The run as the runner knew it, as far as it got. */
static void fill_run(const struct record *rec, const char *id, struct fm_run *run)
{
	snprintf(run->id, sizeof run->id, "%s", id);
	run->unconfined = fm_json_says(rec->run, "confinement", "unconfined");
	run->escapes = json_incref((json_t *)(uintptr_t)rec->escapes);
	for (int i = 0; i < FM_NSTAGES; i++) {
		struct fm_run_stage *s = &run->stage[i];

		s->name = fm_stage_name(i);
		if (!rec->stage[i])
			continue;
		snprintf(s->output, sizeof s->output, "%s", fm_json_str(rec->stage[i], "output"));
		s->inputs = json_incref(json_object_get(rec->stage[i], "inputs"));
		s->result = json_incref(json_object_get(rec->stage[i], "result"));
	}
}

/* Open what the evaluate stage left, when it is there and whole; *p stays empty when not.  Where the system fails
 * nobody knows whether it is, and the report with it. */
static int open_evaluated(const char *workspace, const struct record *rec, struct fm_product *p, struct fm_error *err)
{
	const json_t *stage = rec->stage[FM_EVALUATE];
	char *entry = NULL, hex[FM_SHA256_HEX];
	int rc = FM_OK;

	if (!stage)
		return FM_OK;
	if (asprintf(&entry, "%s/stages/%s/%s", workspace, fm_stage_name(FM_EVALUATE), fm_json_str(stage, "key")) < 0)
		return no_memory(err);
	if (!fm_file_exists(entry)) {
		fm_warn("the metrics of this run are no longer in the workspace: the report shows them as missing; "
			"flowmint run makes them again");
	} else if ((rc = fm_product_open(p, entry, err)) < 0) {
		if (rc != FM_ESYSTEM)
			fm_warn("%s: the report shows the metrics as missing", err->message);
	} else if ((rc = fm_sha256_dir_hex(p->dir, hex, err)) < 0 || strcmp(hex, fm_json_str(stage, "output")) != 0) {
		if (rc != FM_ESYSTEM)
			fm_warn("%s: not what the stage left there: the report shows the metrics as missing", entry);
		fm_product_close(p);
	}
	free(entry);
	return rc == FM_ESYSTEM ? rc : FM_OK;
}

/* Put the document NAME of folder into facts under key, when there is one. */
static int put_document(json_t *facts, const char *key, const char *folder, const char *name, struct fm_error *err)
{
	char *path = fm_path_join(folder, name);
	json_t *doc = NULL;
	int rc = FM_OK;

	if (!path)
		return no_memory(err);
	if (!fm_file_exists(path) || (rc = fm_json_load(&doc, path, DOCUMENT_MAX, err)) < 0)
		goto out;
	if (json_object_set_new(facts, key, doc))
		rc = no_memory(err);
out:
	free(path);
	return rc;
}

/* The trace, or the first of several, as the config names it; "" where it names none. */
static const char *source_of(const json_t *config)
{
	const json_t *path = json_object_get(json_object_get(config, "source"), "path"),
		     *first = json_array_get(path, 0);

	return json_string_value(first ? first : path) ? json_string_value(first ? first : path) : "";
}

static json_t *run_json(const struct record *rec, const char *id)
{
	const json_t *ingest = rec->stage[FM_INGEST];
	json_t *stages = json_array(),
	       *run = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "time", rec->time, "status",
				fm_json_str(rec->end, "status"), "message", fm_json_str(rec->end, "message"), "source",
				source_of(json_object_get(rec->run, "config")), "trace_sha256",
				fm_json_str(json_object_get(ingest, "inputs"), "trace"));

	for (int i = 0; i < FM_NSTAGES; i++)
		if (rec->stage[i])
			json_array_append(stages, (json_t *)rec->stage[i]);
	json_object_set_new(run, "stages", stages);
	if (ingest)
		json_object_set(run, "ingest", json_object_get(ingest, "result"));
	return run;
}

static int assemble(const char *workspace, const char *id, const struct record *rec, const struct fm_config *cfg,
		    json_t *facts, struct fm_error *err)
{
	json_t *release = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", cfg->release.name, "version",
				    cfg->release.version, "description", cfg->release.description, "license",
				    cfg->release.license, "date", cfg->release.date);
	struct fm_product made = {0};
	int rc;

	if ((rc = open_evaluated(workspace, rec, &made, err)) < 0) {
		json_decref(release);
		goto out;
	}
	/* The version that ran, which need not be this one. */
	json_object_set(json_object_get(facts, "environment"), "flowmint", json_object_get(rec->run, "flowmint"));
	if (!release || json_object_set_new(facts, "release", release) ||
	    json_object_set_new(facts, "run", run_json(rec, id)) ||
	    (rec->verdict && json_object_update(facts, (json_t *)rec->verdict))) {
		rc = no_memory(err);
		goto out;
	}
	if (made.dir && ((rc = put_document(facts, "metrics", made.dir, "metrics.json", err)) < 0 ||
			 (rc = put_document(facts, "histograms", made.dir, "histograms.json", err)) < 0))
		goto out;
out:
	fm_product_close(&made);
	return rc;
}

int fm_facts_of_run(const char *workspace, const char *named, json_t **facts, struct fm_error *err)
{
	char buf[FM_RUN_ID_MAX];
	const char *id = fm_run_id(named, buf);
	struct record rec = {0};
	struct fm_config *cfg = NULL;
	struct fm_run run = {0};
	json_t *commitments = NULL;
	int rc;

	*facts = NULL;
	if ((rc = read_record(workspace, id, &rec, err)) < 0)
		goto out;
	if ((rc = fm_config_from_json(&cfg, json_object_get(rec.run, "config"), err)) < 0) {
		fm_error_prefix(err, "the recorded config is not one for this version of flowmint: ");
		goto out;
	}
	fill_run(&rec, id, &run);
	if (!(*facts = fm_runner_facts(cfg, &run))) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = assemble(workspace, id, &rec, cfg, *facts, err)) < 0)
		goto out;
	if (rec.stage[FM_INGEST] && rec.stage[FM_TRAIN]) {
		rc = fm_runner_commitments(fm_json_str(rec.run, "project"), &run, &commitments, err);
		if (rc == FM_ESYSTEM)
			goto out;
		if (rc < 0)
			fm_warn("the report has no commitments: %s", err->message);
		rc = rc >= 0 && json_object_set_new(*facts, "commitments", commitments) ? no_memory(err) : FM_OK;
	}
out:
	if (rc < 0) {
		json_decref(*facts);
		*facts = NULL;
	}
	fm_run_free(&run);
	fm_config_free(cfg);
	json_decref(rec.rows);
	return rc;
}

/* ---- an archive ---- */

/* Its form and contents, whoever made it. */
static int read_unsigned(const char *archive, struct fm_archive_info *info, struct fm_error *err)
{
	enum fm_reason reason;
	int fd, rc;

	if ((rc = fm_file_open(archive, &fd, err)) < 0)
		return rc;
	if ((rc = fm_archive_read(fd, info, &reason, err)) < 0)
		goto out;
	rc = fm_archive_check_contents(info, &reason, err);
out:
	close(fd);
	if (rc < 0)
		fm_error_prefix(err, "%s: ", archive);
	return rc;
}

static int put_archive(json_t *facts, const char *archive, const struct fm_archive_info *info,
		       const struct fm_verify_report *v, struct fm_error *err)
{
	const char *slash = strrchr(archive, '/');
	char sums[FM_SHA256_HEX];
	uint8_t digest[FM_SHA256_LEN];
	json_t *a;
	int rc;

	if ((rc = fm_sha256_bytes(info->sums.data, info->sums.len, digest, err)) < 0)
		return rc;
	fm_hex(digest, sizeof digest, sums);
	a = json_pack("{s:s, s:s, s:s, s:{s:s, s:I, s:s}, s:b}", "file", slash ? slash + 1 : archive, "sha256",
		      info->digests.sha256, "tar_sha256", info->digests.tar_sha256, "sums", "path", FM_ARCHIVE_SUMS,
		      "bytes", (json_int_t)info->sums.len, "sha256", sums, "checked", v != NULL);

	if (a && v)
		json_object_set_new(a, "signer", json_string(v->signer)),
		    json_object_set_new(a, "fingerprint", json_string(v->fingerprint));
	return json_object_set_new(facts, "archive", a) ? fm_fail(err, FM_EINPUT, "%s: its name is not UTF-8", archive)
							: FM_OK;
}

int fm_facts_of_archive(const char *archive, const char *signers, const char *signature, json_t **facts,
			struct fm_error *err)
{
	struct fm_verify_in in = {.archive = archive, .signers = signers, .signature = signature};
	struct fm_verify_report report = {0};
	struct fm_archive_info unsigned_info = {0}, *info = signers ? &report.info : &unsigned_info;
	int rc;

	*facts = NULL;
	if ((rc = signers ? fm_verify(&in, &report, err) : read_unsigned(archive, &unsigned_info, err)) < 0)
		goto out;
	if (!(*facts = fm_json_parse(info->manifest.data, info->manifest.len, JSON_REJECT_DUPLICATES, NULL)) ||
	    !json_is_object(*facts))
		rc = fm_fail(err, FM_EINPUT, "%s: its manifest.json is no JSON object", archive);
	else
		rc = put_archive(*facts, archive, info, signers ? &report : NULL, err);
out:
	if (rc < 0) {
		json_decref(*facts);
		*facts = NULL;
	}
	fm_verify_report_free(&report);
	fm_archive_info_free(&unsigned_info);
	return rc;
}
