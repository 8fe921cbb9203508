#include "pipeline/runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "pipeline/budget.h"
#include "pipeline/job.h"
#include "pipeline/preflight.h"
#include "pipeline/sandbox.h"
#include "pipeline/sealed.h"
#include "pipeline/state.h"
#include "pipeline/stop.h"
#include "pipeline/waivers.h"
#include "pipeline/workspace.h"

#define STAGE_FORMAT "flowmint-stage/1"
#define STAGE_JSON_MAX (32u << 20)

struct runner {
	const struct fm_run_options *o;
	const struct fm_config *cfg;
	const struct fm_stages *stages;
	struct fm_run *run;
	struct fm_workspace ws;
	struct fm_ledger *ledger;
	const char *project;
	json_t *waivers; /* that hold, a list */
	struct fm_state state;
	char secret_id[FM_SHA256_HEX]; /* privacy.mode dp: of the run's secret, else "" */
	bool unconfined;
};

/* ---- inputs ---- */

static int set_digest(json_t *inputs, const char *name, const char *hex, struct fm_error *err)
{
	return json_object_set_new(inputs, name, json_string(hex)) ? fm_fail(err, FM_ESYSTEM, "out of memory") : FM_OK;
}

/* The digest of a file of the user's. */
static int digest_of_user(struct runner *r, enum fm_item_id id, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	const char *path = fm_item_path(r->cfg, id);
	int rc;

	if (id == FM_ITEM_TRACE && r->o->trace_sha256) {
		snprintf(hex, FM_SHA256_HEX, "%s", r->o->trace_sha256);
		return FM_OK;
	}
	rc = id == FM_ITEM_TRACE ? fm_trace_digest(r->ledger, path, r->unconfined, hex, err)
				 : fm_sha256_file_hex(path, hex, err);
	if (rc && id == FM_ITEM_DIALECT)
		return fm_dialect_blame(err);
	return rc ? fm_error_prefix(err, "%s: ", fm_items[id].key) : FM_OK;
}

/* The digests of all that the stage's row of the table lets it read. */
static int collect_inputs(struct runner *r, enum fm_stage_id id, const json_t *manifest, json_t *inputs,
			  struct fm_error *err)
{
	char hex[FM_SHA256_HEX];
	int rc = FM_OK;

	if (r->secret_id[0] && fm_stage_table[id].draws && (rc = set_digest(inputs, "secret", r->secret_id, err)))
		return rc;
	for (int i = 0; i < FM_NITEMS && !rc; i++) {
		const struct fm_item *item = &fm_items[i];
		const json_t *told = i == FM_ITEM_MANIFEST ? manifest : r->waivers;

		if (!(fm_stage_table[id].items & FM_ITEM(i)) || (i == FM_ITEM_FREE && !fm_config_dp(r->cfg)))
			continue;
		if (item->from == FM_FROM_PRODUCT) {
			rc = set_digest(inputs, fm_stage_table[item->stage].product, r->run->stage[item->stage].output,
					err);
		} else if (item->from == FM_FROM_USER && item->digest && fm_item_path(r->cfg, i)) {
			if (!(rc = digest_of_user(r, i, hex, err)))
				rc = set_digest(inputs, item->digest, hex, err);
		} else if (item->from == FM_FROM_RUNNER && !(item->may_lack && json_array_size(told) == 0)) {
			/* Waivers that come, go or expire make a verdict anew. */
			if (!(rc = fm_json_digest(told, hex, err)))
				rc = set_digest(inputs, item->digest, hex, err);
		}
	}
	return rc;
}

/* ---- one stage
 * ---------------------------------------------------------------------------------------------------------- */

/* Take a finished stage.  1: taken; 0: there is none, or what there is cannot be used; negative: failed. */
static int take_cached(struct runner *r, enum fm_stage_id id, const char *entry, struct fm_error *err)
{
	struct fm_run_stage *s = &r->run->stage[id];
	char *file = fm_path_join(entry, "stage.json"), *product = fm_path_join(entry, fm_stage_table[id].product),
	     hex[FM_SHA256_HEX] = "";
	const char *output;
	json_t *doc = NULL;
	struct stat st;
	int rc = 0;

	if (!file || !product) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (stat(entry, &st))
		goto out;
	if ((rc = fm_json_load(&doc, file, STAGE_JSON_MAX, err)) == FM_ESYSTEM)
		goto out;
	output = json_string_value(json_object_get(doc, "output"));
	if (rc == FM_OK && output && stat(product, &st) == 0 &&
	    (rc = fm_folder_digest(s->name, product, r->unconfined, hex, s, err)) == FM_ESYSTEM)
		goto out;
	if (rc < FM_ESYSTEM)
		goto out; /* stopped */
	if (rc || !output || strcmp(output, hex) != 0) {
		fm_warn("%s: not what the stage left there; it is made again", entry);
		rc = 0;
		goto out;
	}
	memcpy(s->output, hex, sizeof hex);
	s->result = json_incref(json_object_get(doc, "result"));
	s->product = product;
	s->cached = true;
	product = NULL;
	rc = 1;
out:
	json_decref(doc);
	free(file);
	free(product);
	return rc;
}

/* tmp becomes entry, with stage.json beside the product, so that a finished stage is known even when the run dies
 * before its row is in the ledger. */
static int keep(const struct fm_run_stage *s, const char *tmp, const char *entry, struct fm_error *err)
{
	char *file = fm_path_join(tmp, "stage.json");
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:f, s:I}", "format", STAGE_FORMAT, "stage", s->name,
				"flowmint", FM_VERSION, "output", s->output, "inputs", s->inputs, "result", s->result,
				"seconds", s->seconds, "peak_rss_bytes", (json_int_t)s->peak_rss_bytes);
	int rc;

	if (!file || !doc)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	else if (!(rc = fm_json_save(doc, file, err)) && !(rc = fm_dir_remove(entry, err)))
		rc = fm_dir_commit(tmp, entry, err);
	json_decref(doc);
	free(file);
	return rc;
}

/* Where training keeps its checkpoint: beside the KEY folders, and named for the key, so that none but the same
 * training goes on from it.  NULL and err set on failure. */
static char *checkpoint_path(const struct runner *r, const char *key, struct fm_error *err)
{
	char name[sizeof FM_CHECKPOINT_PREFIX + FM_SHA256_HEX];

	snprintf(name, sizeof name, FM_CHECKPOINT_PREFIX "%s", key);
	return fm_workspace_entry(r->ws.path, fm_stage_name(FM_TRAIN), name, err);
}

/* When the stage is complete, or is made from the beginning. */
static int drop_checkpoint(const struct runner *r, const char *key, struct fm_error *err)
{
	char *path = checkpoint_path(r, key, err);
	int rc = path ? fm_dir_remove(path, err) : err->code;

	free(path);
	return rc;
}

static int give_checkpoint(const struct runner *r, const char *key, char **path, struct fm_error *err)
{
	int rc = r->o->force ? drop_checkpoint(r, key, err) : FM_OK;

	if (!rc && !(*path = checkpoint_path(r, key, err)))
		rc = err->code;
	return rc ? rc : fm_dir_make(*path, 0700, err);
}

/* A folder that is empty: of what an earlier ingest refused, nothing is left. */
static int give_quarantine(const struct runner *r, char **path, struct fm_error *err)
{
	int rc;

	if (!(*path = fm_path_join(r->ws.path, FM_QUARANTINE)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	return (rc = fm_dir_remove(*path, err)) ? rc : fm_dir_make(*path, 0700, err);
}

static void say_bad_rows(const struct fm_run_stage *s)
{
	json_int_t bad = json_integer_value(json_object_get(s->result, "bad"));

	if (bad > 0)
		fm_log("%s: %lld bad rows were left out; they are private: less %s/quarantine.csv", s->name,
		       (long long)bad, s->product);
}

static void on_tick(void *ctx, long pid, const struct fm_progress_view *view)
{
	struct fm_state *s = ctx;

	s->stage_pid = pid;
	s->view = *view;
	fm_state_save(s);
}

/* The run's secret, from its sealed half: it is in memory only while it is needed, as children have what their parent
 * has. */
static int open_sealed(const struct runner *r, struct fm_secret *run, struct fm_error *err)
{
	const struct fm_run_options *o = r->o;

	return fm_sealed_read(run, o->sealed_workspace ? o->sealed_workspace : r->ws.path, r->project,
			      o->sealed_run ? o->sealed_run : r->run->id, err);
}

static int stage_secret(const struct runner *r, enum fm_stage_id id, struct fm_secret *own, struct fm_error *err)
{
	struct fm_secret run;
	int rc = open_sealed(r, &run, err);

	*own = (struct fm_secret){0};
	if (rc == FM_OK)
		rc = fm_secret_derive(own, &run, fm_stage_name(id), err);
	fm_secret_close(&run);
	return rc;
}

static int make(struct runner *r, struct fm_job *j, const char *entry, struct fm_error *err)
{
	struct fm_sandbox box = {
	    .name = fm_stage_name(j->id), .unconfined = r->unconfined, .tick = on_tick, .tick_ctx = &r->state};
	struct fm_run_stage *s = &r->run->stage[j->id];
	struct fm_sandbox_report report = {0};
	struct fm_secret secret = {0};
	char *tmp = NULL, *out_dir = NULL, name[32];
	const char *output;
	int rc;

	snprintf(name, sizeof name, ".tmp-%ld", (long)getpid());
	if (!(tmp = fm_workspace_entry(r->ws.path, s->name, name, err)))
		return err->code;
	if (!(out_dir = fm_path_join(tmp, fm_stage_table[j->id].product))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_dir_remove(tmp, err)) || (rc = fm_dir_make(out_dir, 0700, err)))
		goto out;
	j->call.out_dir = out_dir;
	if (fm_stage_table[j->id].items & FM_ITEM(FM_ITEM_CHECKPOINT) &&
	    (rc = give_checkpoint(r, s->key, &j->call.path[FM_ITEM_CHECKPOINT], err)))
		goto out;
	if (fm_stage_table[j->id].items & FM_ITEM(FM_ITEM_QUARANTINE) &&
	    (rc = give_quarantine(r, &j->call.path[FM_ITEM_QUARANTINE], err)))
		goto out;
	if ((rc = fm_job_fill(j, r->run, &box, err)))
		goto out;
	if (r->secret_id[0] && fm_stage_table[j->id].draws) {
		if ((rc = stage_secret(r, j->id, &secret, err)))
			goto out;
		j->call.secret = &secret;
	}
	r->state.stage = s->name;
	r->state.stage_began = (int64_t)time(NULL);
	rc = fm_sandbox_run(&box, fm_job_run, j, &report, err);
	s->seconds += report.seconds;
	s->peak_rss_bytes = report.peak_rss_bytes > s->peak_rss_bytes ? report.peak_rss_bytes : s->peak_rss_bytes;
	if (rc)
		goto out;
	output = json_string_value(json_object_get(report.result, "output"));
	if (!output || strlen(output) != FM_SHA256_HEX - 1) {
		rc = fm_fail(err, FM_ESYSTEM, "stage %s sent no digest", s->name);
		goto out;
	}
	memcpy(s->output, output, FM_SHA256_HEX);
	s->result = json_incref(json_object_get(report.result, "result"));
	if (!(rc = keep(s, tmp, entry, err)) && !(s->product = fm_path_join(entry, fm_stage_table[j->id].product)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
out:
	if (rc) {
		struct fm_error ignored;

		if (fm_dir_remove(tmp, &ignored))
			fm_warn("%s", ignored.message);
		if (j->call.path[FM_ITEM_CHECKPOINT])
			rmdir(j->call.path[FM_ITEM_CHECKPOINT]); /* unless training wrote one */
	}
	if (j->call.path[FM_ITEM_QUARANTINE])
		rmdir(j->call.path[FM_ITEM_QUARANTINE]); /* unless ingest left the rows that it refused */
	fm_secret_close(&secret);
	j->call.secret = NULL;
	json_decref(report.result);
	free(out_dir);
	free(tmp);
	return rc;
}

static int record_stage(struct runner *r, const struct fm_run_stage *s, struct fm_error *err)
{
	json_t *body = json_pack("{s:s, s:s, s:O, s:s, s:f, s:I, s:b, s:O}", "name", s->name, "key", s->key, "inputs",
				 s->inputs, "output", s->output, "seconds", s->seconds, "peak_rss_bytes",
				 (json_int_t)s->peak_rss_bytes, "cached", s->cached, "result", s->result);
	int rc = body ? fm_ledger_append(r->ledger, r->run->id, "stage", body, err)
		      : fm_fail(err, FM_ESYSTEM, "out of memory");

	json_decref(body);
	return rc;
}

static int run_stage(struct runner *r, enum fm_stage_id id, struct fm_error *err)
{
	struct fm_job j = {
	    .stages = r->stages, .id = id, .call = {.cfg = r->cfg, .run = r->run->id, .waivers = r->waivers}};
	struct fm_run_stage *s = &r->run->stage[id];
	bool borrowed = r->o->reuse && id <= FM_TRAIN;
	json_t *manifest = NULL;
	char *entry = NULL;
	int rc;

	s->name = fm_stage_name(id);
	if (!(s->inputs = json_object()))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (id == FM_RELEASE && (rc = fm_runner_manifest(r->cfg, r->project, r->run, &manifest, err)))
		goto out;
	j.call.manifest = manifest;
	if ((rc = collect_inputs(r, id, manifest, s->inputs, err)) ||
	    (rc = fm_stage_key(r->cfg, id, s->inputs, s->key, err)))
		goto out;
	if (!(entry = fm_workspace_entry(borrowed ? r->o->reuse : r->ws.path, s->name, s->key, err))) {
		rc = err->code;
		goto out;
	}
	if (!r->o->force && !fm_stage_table[id].always && (rc = take_cached(r, id, entry, err)) < 0)
		goto out;
	if (!s->cached && borrowed) {
		rc = fm_fail(err, FM_EINPUT, "the recorded %s is no longer in %s: reproduce it --from data",
			     fm_stage_table[id].product, r->o->reuse);
		goto out;
	}
	rc = FM_OK;
	if (!s->cached && r->o->probe)
		goto out;
	if (!s->cached && (rc = make(r, &j, entry, err)))
		goto out;
	if (id == FM_TRAIN && !borrowed && !r->o->probe && (rc = drop_checkpoint(r, s->key, err)))
		goto out;
	if (r->o->probe) {
		r->run->nstages = id + 1;
		goto out;
	}
	if (s->cached)
		fm_log("%-9s  cached", s->name);
	if (id == FM_INGEST)
		say_bad_rows(s);
	s->seconds = round(s->seconds * 1000) / 1000;
	r->run->nstages = id + 1;
	rc = record_stage(r, s, err);
out:
	fm_job_free(&j);
	json_decref(manifest);
	free(entry);
	return rc;
}

/* ---- what the results mean
 * -------------------------------------------------------------------------------------------------- */

static int load_product(const struct fm_run_stage *s, const char *name, json_t **doc, struct fm_error *err)
{
	char *path = fm_path_join(s->product, name);
	int rc = path ? fm_json_load(doc, path, STAGE_JSON_MAX, err) : fm_fail(err, FM_ESYSTEM, "out of memory");

	free(path);
	return rc;
}

static int read_metrics(struct runner *r, struct fm_error *err)
{
	json_t *doc = NULL;
	int rc = load_product(&r->run->stage[FM_EVALUATE], "metrics.json", &doc, err);

	if (!rc && !(rc = fm_metrics_from_list(&r->run->metrics, doc, err)))
		r->run->has_metrics = true;
	json_decref(doc);
	return rc;
}

static int read_verdict(struct runner *r, struct fm_error *err)
{
	json_t *doc = NULL;
	int rc = load_product(&r->run->stage[FM_GATE], "verdict.json", &doc, err);

	if (!rc && !(rc = fm_verdict_from_json(&r->run->verdict, doc, err))) {
		r->run->has_verdict = true;
		rc = fm_ledger_append(r->ledger, r->run->id, "verdict", doc, err);
	}
	json_decref(doc);
	return rc;
}

static int finish_release(struct runner *r, struct fm_error *err)
{
	struct fm_run *run = r->run;
	const json_t *result = run->stage[FM_RELEASE].result;
	const char *tar = json_string_value(json_object_get(result, "tar_sha256")),
		   *file = json_string_value(json_object_get(result, "archive_sha256"));
	json_t *body;
	int rc;

	if (!tar || !file || strlen(tar) != FM_SHA256_HEX - 1 || strlen(file) != FM_SHA256_HEX - 1)
		return fm_fail(err, FM_ESYSTEM, "the release stage sent no digests");
	memcpy(run->tar_sha256, tar, FM_SHA256_HEX);
	memcpy(run->archive_sha256, file, FM_SHA256_HEX);
	if (r->o->dry)
		return FM_OK;
	if ((rc = fm_runner_publish(r->stages, r->project, fm_preflight_out(r->o), run, err)))
		return rc;
	body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "archive", run->archive, "name", r->cfg->release.name, "version",
			 r->cfg->release.version, "tar_sha256", tar, "archive_sha256", file);
	rc = body ? fm_ledger_append(r->ledger, run->id, "release", body, err)
		  : fm_fail(err, FM_ESYSTEM, "the archive's path is not UTF-8");
	json_decref(body);
	return rc;
}

/* ---- the run
 * ------------------------------------------------------------------------------------------------------------------ */

json_t *fm_run_config(const struct fm_config *cfg)
{
	json_t *c = fm_config_json(cfg, NULL, false);

	json_object_del(c, "file");
	json_object_del(c, "dir");
	return c;
}

static int record_run(struct runner *r, struct fm_error *err)
{
	json_t *body =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:o}", "name", r->cfg->release.name, "version",
		      r->cfg->release.version, "flowmint", FM_VERSION, "project", r->project, "file", r->cfg->file,
		      "confinement", r->unconfined ? "unconfined" : "namespaces", "force", r->o->force, "until",
		      fm_stage_name(r->o->until), "config", fm_run_config(r->cfg));
	int rc = body ? fm_ledger_append(r->ledger, r->run->id, "run", body, err)
		      : fm_fail(err, FM_ESYSTEM, "the config cannot be told as JSON");

	json_decref(body);
	return rc;
}

/* How it ended; a run without such a row was killed. */
static int record_end(struct runner *r, int code, const struct fm_error *why, struct fm_error *err)
{
	const struct fm_run *run = r->run;
	const char *how = code < FM_ESYSTEM                        ? "stopped"
			  : code                                   ? "failed"
			  : run->has_verdict && !run->verdict.pass ? "refused"
			  : run->nstages == FM_NSTAGES             ? "complete"
								   : "partial";
	json_t *body = json_pack("{s:s, s:i}", "status", how, "code", code);
	int rc;

	if (body && code) {
		json_object_set_new(body, "stage",
				    json_string(run->nstages < FM_NSTAGES ? fm_stage_name(run->nstages) : "publish"));
		json_object_set_new(body, "message", json_string(why->message));
	}
	rc = body ? fm_ledger_append(r->ledger, run->id, "end", body, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
	json_decref(body);
	return rc;
}

static int stages_in_order(struct runner *r, struct fm_error *err)
{
	int rc = FM_OK;

	for (int id = 0; id <= r->o->until && !rc; id++) {
		if (id == FM_RELEASE && (r->o->probe || !r->run->verdict.pass))
			break;
		if ((rc = fm_stop_check(fm_stage_name(id), err)) || (rc = run_stage(r, id, err)) ||
		    r->run->nstages <= id)
			break;
		if (r->o->probe)
			continue;
		if (id == FM_INGEST)
			rc = fm_preflight_version(r->o, r->ledger, r->run, err);
		else if (id == FM_EVALUATE)
			rc = read_metrics(r, err);
		else if (id == FM_GATE)
			rc = read_verdict(r, err);
		else if (id == FM_RELEASE)
			rc = finish_release(r, err);
	}
	return rc;
}

/* Each waiver that lies there, with what became of it, gets a row of the ledger. */
static int read_waivers(struct runner *r, struct fm_error *err)
{
	json_t *rows = NULL;
	int rc;

	if (r->o->waivers) {
		r->waivers = json_deep_copy(r->o->waivers);
		return r->waivers ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	rc = fm_waivers_gather(r->project, r->cfg->release.name, (int64_t)time(NULL), &r->waivers, &rows, err);
	for (size_t i = 0; i < json_array_size(rows) && !rc; i++)
		rc = r->o->probe ? FM_OK
				 : fm_ledger_append(r->ledger, r->run->id, "waiver", json_array_get(rows, i), err);
	json_decref(rows);
	return rc;
}

/* In privacy.mode dp: what the run will ask is known, sealed and charged before a record is read. */
static int open_private(struct runner *r, struct fm_error *err)
{
	char trace[FM_SHA256_HEX];
	struct fm_claim claim = {0};
	struct fm_secret secret = {0};
	int rc;

	if (!fm_config_dp(r->cfg))
		return FM_OK;
	if ((rc = fm_budget_claim(&claim, r->cfg, err)) || (rc = digest_of_user(r, FM_ITEM_TRACE, trace, err)))
		goto out;
	if (r->o->sealed_run)
		rc = open_sealed(r, &secret, err);
	else if (!(rc = fm_run_secret(&secret, r->project, r->cfg, trace, err)))
		rc = fm_sealed_write(r->ws.path, r->project, r->run->id, &secret, err);
	if (rc || (rc = fm_secret_id(&secret, r->secret_id, err)) || r->o->sealed_run || r->o->probe)
		goto out;
	rc = fm_budget_charge(r->ledger, r->cfg, &claim, r->run->id, trace, r->secret_id, err);
out:
	fm_secret_close(&secret);
	fm_claim_free(&claim);
	return rc;
}

static int open_run(struct runner *r, char *workspace, struct fm_error *err)
{
	int rc;

	if ((rc = fm_preflight(r->o, r->project, workspace, err)) || (rc = fm_workspace_open(&r->ws, workspace, err)) ||
	    (rc = fm_ledger_open(&r->ledger, r->ws.path, true, err)) ||
	    (rc = fm_preflight_version(r->o, r->ledger, NULL, err)) ||
	    (rc = fm_ledger_next_run(r->ledger, r->run->id, err)))
		return rc;
	if ((!r->o->probe && (rc = record_run(r, err))) || (rc = open_private(r, err)))
		return rc;
	return read_waivers(r, err);
}

char *fm_runner_workspace(const struct fm_run_options *o)
{
	return o->workspace ? strdup(o->workspace) : fm_path_join(o->project ? o->project : o->cfg->dir, "workspace");
}

int fm_runner_run(const struct fm_run_options *o, struct fm_run *run, struct fm_error *err)
{
	struct runner r = {.o = o,
			   .cfg = o->cfg,
			   .stages = o->stages ? o->stages : &fm_stages_real,
			   .run = run,
			   .ws = FM_WORKSPACE_NONE,
			   .project = o->project ? o->project : o->cfg->dir,
			   .unconfined = o->unconfined};
	char *workspace = fm_runner_workspace(o);
	struct fm_error later;
	int rc;

	memset(run, 0, sizeof *run);
	run->unconfined = o->unconfined;
	fm_stop_hold();
	rc = workspace ? open_run(&r, workspace, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
	if (!rc) {
		r.state = (struct fm_state){.workspace = r.ws.path, .run = run->id, .began = (int64_t)time(NULL)};
		rc = stages_in_order(&r, err);
		if (!o->probe && record_end(&r, rc, err, &later)) {
			if (rc)
				fm_warn("%s", later.message);
			else
				rc = fm_error_set(err, later.code, later.file, later.line, "%s", later.message);
		}
	}
	if (r.state.workspace)
		fm_state_remove(r.state.workspace);
	fm_ledger_close(r.ledger);
	fm_workspace_close(&r.ws);
	fm_stop_release();
	json_decref(r.waivers);
	free(workspace);
	return rc;
}

json_t *fm_run_json(const struct fm_run *run)
{
	static const char *const trial[] = {"waivers", "controls", "control_rows", "control_limit",
					    "smallest_leak_caught"};
	json_t *stages = json_array(), *verdict = NULL, *doc;

	for (int i = 0; i < run->nstages; i++) {
		const struct fm_run_stage *s = &run->stage[i];

		json_array_append_new(stages,
				      json_pack("{s:s, s:f, s:I, s:b}", "name", s->name, "seconds", s->seconds,
						"peak_rss_bytes", (json_int_t)s->peak_rss_bytes, "cached", s->cached));
	}
	doc = json_pack("{s:s, s:o, s:o}", "run", run->id, "stages", stages, "metrics",
			run->has_metrics ? fm_metrics_json(&run->metrics) : json_null());
	if (run->has_verdict)
		verdict = fm_verdict_json(&run->verdict);
	json_object_set_new(doc, "verdict", verdict ? json_incref(json_object_get(verdict, "verdict")) : json_null());
	json_object_set_new(doc, "checks", verdict ? json_incref(json_object_get(verdict, "checks")) : json_array());
	for (size_t i = 0; i < sizeof trial / sizeof *trial; i++)
		if (json_object_get(verdict, trial[i]))
			json_object_set(doc, trial[i], json_object_get(verdict, trial[i]));
	json_object_set_new(doc, "archive", run->archive[0] ? json_string(run->archive) : json_null());
	json_object_set_new(doc, "tar_sha256", run->archive[0] ? json_string(run->tar_sha256) : json_null());
	json_object_set_new(doc, "confinement", json_string(run->unconfined ? "unconfined" : "namespaces"));
	json_decref(verdict);
	return doc;
}

void fm_run_free(struct fm_run *run)
{
	if (!run)
		return;
	for (int i = 0; i < FM_NSTAGES; i++) {
		json_decref(run->stage[i].inputs);
		json_decref(run->stage[i].result);
		free(run->stage[i].product);
	}
	fm_metrics_free(&run->metrics);
	fm_verdict_free(&run->verdict);
	memset(run, 0, sizeof *run);
}
