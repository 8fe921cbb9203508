#include "pipeline/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/version.h"
#include "judge/gate/subsample.h"
#include "manifests/canon.h"
#include "pipeline/approvals.h"
#include "pipeline/clear.h"
#include "pipeline/ledger_place.h"
#include "pipeline/limits.h"
#include "pipeline/preflight.h"
#include "pipeline/publish.h"
#include "pipeline/purge.h"
#include "pipeline/released.h"
#include "pipeline/stage_run.h"
#include "pipeline/waivers.h"
#include "pipeline/walls/harvest.h"
#include "pipeline/walls/probes.h"
#include "pipeline/world.h"
#include "stages/judged_rows.h"

#define PRODUCT_MAX (32u << 20) /* bytes of metrics.json, verdict.json */

/* ---- what the results mean ---- */

static int load_product(const struct fm_run_stage *s, const char *name, json_t **doc, struct fm_error *err)
{
	char *path = fm_path_join(s->product, name);
	int rc = path ? fm_json_load(doc, path, PRODUCT_MAX, err) : fm_fail(err, FM_ESYSTEM, "out of memory");

	if (rc == FM_EINPUT)
		rc = fm_harvest_unreadable(s->name, name, err);
	free(path);
	return rc;
}

/* What is known of the tables that evaluate and generate measure. */
static struct fm_harvest_rows rows_of(const struct fm_runner *r)
{
	const json_t *ingest = r->run->stage[FM_INGEST].result, *generate = r->run->stage[FM_GENERATE].result;
	uint64_t rows[2] = {(uint64_t)json_integer_value(json_object_get(ingest, "train_rows")),
			    (uint64_t)json_integer_value(json_object_get(ingest, "holdout_rows"))};

	fm_judged_rows_count(r->cfg, rows);
	return (struct fm_harvest_rows){
	    (double)rows[0], (double)rows[1], json_number_value(json_object_get(generate, "rows")),
	    (double)fm_subsample_most((size_t)r->cfg->gate.memory << 20), fm_config_most_noisy_rows(r->cfg)};
}

static int read_metrics(struct fm_runner *r, struct fm_error *err)
{
	struct fm_harvest_rows rows = rows_of(r);
	json_t *doc = NULL;
	int rc;

	if ((rc = load_product(&r->run->stage[FM_EVALUATE], "metrics.json", &doc, err)) < 0 ||
	    (rc = fm_harvest_metrics(doc, FM_LIST_EVALUATE, &rows, &r->run->metrics, err)) < 0)
		goto out;
	r->run->has_metrics = true;
out:
	json_decref(doc);
	return rc;
}

/* In privacy.mode dp: the metrics of synthetic flows alone, and those that the budget paid for. */
static int read_free(const struct fm_runner *r, struct fm_metrics *out, struct fm_error *err)
{
	struct fm_harvest_rows rows = rows_of(r);
	struct fm_metrics paid = {0};
	json_t *doc = NULL;
	int rc;

	if ((rc = load_product(&r->run->stage[FM_GENERATE], "free.json", &doc, err)) >= 0)
		rc = fm_harvest_metrics(doc, FM_LIST_FREE, &rows, out, err);
	if ((rc = fm_stage_distrust(r, FM_GENERATE, rc, err)) < 0 || !fm_config_pays_gate(r->cfg))
		goto out;
	json_decref(doc);
	doc = NULL;
	if ((rc = load_product(&r->run->stage[FM_EVALUATE], "paid.json", &doc, err)) < 0 ||
	    (rc = fm_stage_distrust(r, FM_EVALUATE, fm_harvest_metrics(doc, FM_LIST_PAID, &rows, &paid, err), err)) < 0)
		goto out;
	for (size_t i = 0; rc >= 0 && i < paid.n; i++)
		rc = fm_metrics_add_ci(out, paid.m[i].name, paid.m[i].value, paid.m[i].n, paid.m[i].ci_lo,
				       paid.m[i].ci_hi, err);
out:
	json_decref(doc);
	fm_metrics_free(&paid);
	return rc;
}

/* The metrics that decide, and the controls, as gate.c reads them; either may stay as it is. */
static int read_evidence(struct fm_runner *r, struct fm_metrics *free_ones, json_t **controls, struct fm_error *err)
{
	const struct fm_run_stage *evaluate = &r->run->stage[FM_EVALUATE];
	char *path = fm_path_join(evaluate->product, "controls.json");
	int rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (fm_config_dp(r->cfg) && (rc = read_free(r, free_ones, err)) < 0)
		goto out;
	rc = FM_OK;
	if (!fm_config_controls(r->cfg) || !fm_file_exists(path))
		goto out;
	if ((rc = load_product(evaluate, "controls.json", controls, err)) < 0)
		goto out;
	rc = fm_stage_distrust(r, FM_EVALUATE, fm_harvest_controls(r->cfg, *controls, err), err);
out:
	free(path);
	return rc;
}

/* Look at what evaluate left before another stage is shown it. */
static int look_at_evidence(struct fm_runner *r, struct fm_error *err)
{
	struct fm_metrics free_ones = {0};
	json_t *controls = NULL;
	int rc = read_evidence(r, &free_ones, &controls, err);

	fm_metrics_free(&free_ones);
	json_decref(controls);
	return rc;
}

/* A verdict is a function of documents that this process has looked at, so it is made here too: what the gate left is
 * believed only when it is the same to the byte, so that it has room for nothing else. */
static int compare_verdict(const struct fm_run_stage *gate, const json_t *own, struct fm_error *err)
{
	char *path = fm_path_join(gate->product, "verdict.json");
	struct fm_buf left = {0}, made = {0};
	int rc;

	if (!path) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_file_read(path, PRODUCT_MAX, &left, err)) < 0 || (rc = fm_json_pretty(own, &made, err)) < 0)
		goto out;
	if (left.len != made.len || memcmp(left.data, made.data, made.len) != 0)
		rc = fm_harvest_refuse(
		    err,
		    "stage gate left a verdict that does not follow from the metrics, controls and waivers: "
		    "nothing that it made is used (%s)",
		    path);
out:
	fm_buf_free(&left);
	fm_buf_free(&made);
	free(path);
	return rc;
}

/* A replay takes the recorded verdict. */
static int read_told_verdict(struct fm_runner *r, struct fm_error *err)
{
	json_t *doc = NULL;
	int rc;

	if ((rc = load_product(&r->run->stage[FM_GATE], "verdict.json", &doc, err)) < 0 ||
	    (rc = fm_verdict_from_json(&r->run->verdict, doc, err)) < 0)
		goto out;
	r->run->has_verdict = true;
	rc = fm_ledger_append(r->ledger, r->run->id, "verdict", doc, err);
out:
	json_decref(doc);
	return rc;
}

static int read_verdict(struct fm_runner *r, struct fm_error *err)
{
	struct fm_gate_in in = {.cfg = r->cfg, .waivers = r->waivers, .audits = r->run->audits};
	struct fm_metrics free_ones = {0};
	json_t *controls = NULL, *doc = NULL;
	int rc;

	if ((rc = read_evidence(r, &free_ones, &controls, err)) < 0 ||
	    (rc = fm_gate_judge(&in, fm_config_dp(r->cfg) ? &free_ones : &r->run->metrics, controls, &r->run->verdict,
				err)) < 0)
		goto out;
	if (!(doc = fm_verdict_json(&r->run->verdict))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = compare_verdict(&r->run->stage[FM_GATE], doc, err)) < 0)
		goto out;
	r->run->has_verdict = true;
	rc = fm_ledger_append(r->ledger, r->run->id, "verdict", doc, err);
out:
	fm_metrics_free(&free_ones);
	json_decref(controls);
	json_decref(doc);
	return rc;
}

static int finish_release(struct fm_runner *r, struct fm_error *err)
{
	struct fm_run *run = r->run;
	const json_t *result = run->stage[FM_RELEASE].result;
	const char *tar = json_string_value(json_object_get(result, "tar_sha256")),
		   *file = json_string_value(json_object_get(result, "archive_sha256")), *name = r->cfg->release.name,
		   *version = r->cfg->release.version;
	struct fm_released known;
	int rc;

	if (!tar || !file || strlen(tar) != FM_SHA256_HEX - 1 || strlen(file) != FM_SHA256_HEX - 1)
		return fm_fail(err, FM_ESYSTEM, "the release stage sent no digests");
	memcpy(run->tar_sha256, tar, FM_SHA256_HEX);
	memcpy(run->archive_sha256, file, FM_SHA256_HEX);
	if (r->o->dry)
		return FM_OK;
	if ((rc = fm_released_load(&known, r->ledger, name, version, err)) < 0 ||
	    (!r->o->replace && (rc = fm_released_check(&known, run, name, version, err)) < 0) ||
	    (rc = fm_ledger_witness(r->ledger, fm_config_dp(r->cfg), run->ledger_first, run->ledger_head, err)) < 0)
		goto out;
	run->released = &known;
	if ((rc = fm_publish_put(r->stages, r->cfg, r->project, fm_preflight_out(r->o), run, err)) >= 0)
		rc = fm_released_note(r->ledger, run, name, version, err);
out:
	run->released = NULL;
	fm_released_free(&known);
	return rc;
}

/* ---- the run ---- */

static int record_run(struct fm_runner *r, struct fm_error *err)
{
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:b, s:s, s:o}", "name", r->cfg->release.name,
				 "version", r->cfg->release.version, "flowmint", FM_VERSION, "project", r->project,
				 "workspace", json_incref(r->place), "file", r->cfg->file, "confinement",
				 r->unconfined ? "unconfined" : "namespaces", "force", r->o->force, "until",
				 fm_stage_name(r->o->until), "config", fm_run_config(r->cfg));
	int rc = body ? fm_ledger_append(r->ledger, r->run->id, "run", body, err)
		      : fm_fail(err, FM_ESYSTEM, "the config cannot be told as JSON");

	json_decref(body);
	return rc;
}

/* How it ended; a run without such a row was killed. */
static int record_end(struct fm_runner *r, int code, const struct fm_error *why, struct fm_error *err)
{
	const struct fm_run *run = r->run;
	const char *how = code < FM_ESYSTEM                        ? "stopped"
			  : code                                   ? "failed"
			  : run->has_verdict && !run->verdict.pass ? "refused"
			  : run->waits                             ? "waiting"
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

static bool is_told(const struct fm_runner *r, int id)
{
	return r->o->replay && id != FM_GENERATE && id != FM_RELEASE;
}

/* A stage that a replay does not make: its product is the recorded one. */
static int take_told(struct fm_runner *r, int id, struct fm_error *err)
{
	const struct fm_replay *replay = r->o->replay;
	struct fm_run_stage *s = &r->run->stage[id];
	const char *product = id == FM_TRAIN ? replay->model : id == FM_GATE ? replay->verdict : NULL;

	s->name = fm_stage_name(id);
	if (id == FM_TRAIN)
		snprintf(s->output, sizeof s->output, "%s", replay->model_sha256);
	if (product && !(s->product = strdup(product)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	r->run->nstages = id + 1;
	return id == FM_GATE ? read_told_verdict(r, err) : FM_OK;
}

/* Have enough people agreed to this release?  Each approval that lies there gets a row of the ledger. */
static int read_approvals(struct fm_runner *r, struct fm_error *err)
{
	struct fm_run *run = r->run;
	struct fm_approval wanted;
	json_t *rows = NULL;
	int rc;

	if (r->cfg->publish.approvals == 0 || r->o->dry)
		return FM_OK;
	if ((rc = fm_approvals_wanted(r->cfg, run->stage[FM_GATE].output, run->stage[FM_GENERATE].output, &wanted,
				      err)) < 0 ||
	    (rc = fm_approvals_gather(r->project, r->cfg, &wanted, (int64_t)time(NULL), &run->approvals, &rows, err)) <
		0)
		return rc;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (!json_is_true(json_object_get(row, "holds")))
			fm_warn("approvals/%s counts for nothing: %s", json_string_value(json_object_get(row, "file")),
				json_string_value(json_object_get(row, "why")));
		if ((rc = fm_ledger_append(r->ledger, run->id, "approval", row, err)) < 0)
			goto out;
	}
	run->waits = (int)json_array_size(run->approvals) < r->cfg->publish.approvals;
out:
	json_decref(rows);
	return rc;
}

static int stages_in_order(struct fm_runner *r, struct fm_error *err)
{
	int rc = FM_OK;

	for (int id = 0; id <= r->o->until; id++) {
		if (id == FM_RELEASE && (r->o->probe || !r->run->verdict.pass))
			return FM_OK;
		if (is_told(r, id)) {
			if ((rc = take_told(r, id, err)) < 0)
				return rc;
			continue;
		}
		if (id == FM_RELEASE && ((rc = read_approvals(r, err)) < 0 || r->run->waits))
			return rc;
		if ((rc = fm_stop_check(fm_stage_name(id), err)) < 0)
			return rc;
		if ((rc = fm_stage_run(r, id, err)) < 0)
			return rc;
		if (r->run->nstages <= id)
			return FM_OK;
		if (r->o->probe)
			continue;
		if (id == FM_INGEST && (rc = fm_preflight_rows(r->o, r->run, r->waivers, err)) >= 0)
			rc = fm_preflight_version(r->o, r->ledger, r->run, err);
		else if (id == FM_EVALUATE && (rc = read_metrics(r, err)) >= 0)
			rc = look_at_evidence(r, err);
		else if (id == FM_GATE)
			rc = read_verdict(r, err);
		else if (id == FM_RELEASE)
			rc = finish_release(r, err);
		if (rc < 0)
			return fm_stage_distrust(r, id, rc, err);
	}
	return FM_OK;
}

/* Each waiver that lies there, with what became of it, gets a row of the ledger. */
static int read_waivers(struct fm_runner *r, struct fm_error *err)
{
	json_t *rows = NULL;
	int rc;

	if (r->o->waivers) {
		r->waivers = json_deep_copy(r->o->waivers);
		return r->waivers ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	if ((rc = fm_waivers_gather(r->project, r->cfg, (int64_t)time(NULL), &r->waivers, &rows, err)) < 0)
		return rc;
	for (size_t i = 0; i < json_array_size(rows) && !r->o->probe; i++)
		if ((rc = fm_ledger_append(r->ledger, r->run->id, "waiver", json_array_get(rows, i), err)) < 0)
			goto out;
out:
	json_decref(rows);
	return rc;
}

/* workspace.retain, for a run that was released; a reproduction's workspace is removed anyway. */
static int retain(struct fm_runner *r, struct fm_error *err)
{
	const char *what = r->cfg->workspace.retain;
	json_t *report = NULL;
	int rc;

	if (strcmp(what, "all") == 0 || r->o->probe || r->o->dry || r->run->nstages < FM_NSTAGES)
		return FM_OK;
	rc = fm_purge_run(r->ledger, r->ws.path, r->run->id,
			  strcmp(what, "model") == 0 ? FM_KEEP_MODEL : FM_KEEP_NOTHING, "workspace.retain", &report,
			  err);
	json_decref(report);
	return rc;
}

static int purge_old(struct fm_runner *r, const char *run, struct fm_error *err)
{
	json_t *purged = NULL, *report = NULL;
	int rc;

	if ((rc = fm_ledger_rows(r->ledger, run, "purge", &purged, err)) < 0 || json_array_size(purged) > 0)
		goto out;
	if ((rc = fm_purge_run(r->ledger, r->ws.path, run, FM_KEEP_NOTHING, "workspace.keep_runs", &report, err)) < 0)
		goto out;
	fm_log("run %s is purged, as workspace.keep_runs is %d: %zu products destroyed", run,
	       r->cfg->workspace.keep_runs, json_array_size(json_object_get(report, "destroyed")));
out:
	json_decref(purged);
	json_decref(report);
	return rc;
}

/* workspace.keep_runs, when a run was released. */
static int clean_up(struct fm_runner *r, struct fm_error *err)
{
	size_t keep = (size_t)r->cfg->workspace.keep_runs;
	json_t *runs = NULL;
	int rc;

	if (keep == 0 || r->o->probe || r->o->dry || r->run->nstages < FM_NSTAGES)
		return FM_OK;
	rc = fm_ledger_rows(r->ledger, NULL, "run", &runs, err);
	for (size_t i = 0; rc >= 0 && i + keep < json_array_size(runs); i++)
		rc = purge_old(r, json_string_value(json_object_get(json_array_get(runs, i), "run")), err);
	json_decref(runs);
	return rc;
}

/* Before the first stage: do the walls hold?  Not asked for a mere look, nor for a plan's samples. */
static int try_walls(struct fm_runner *r, struct fm_error *err)
{
	int rc;

	if (r->o->probe || (r->o->dry && r->o->until < FM_RELEASE))
		return FM_OK;
	if ((rc = fm_probes_run(r->ws.path, r->unconfined, &r->run->escapes, err)) < 0)
		return rc;
	return fm_ledger_append(r->ledger, r->run->id, "escapes", r->run->escapes, err);
}

/* What a killed run left of a witness. */
static int sweep_keys(const struct fm_runner *r, struct fm_error *err)
{
	char *keys = fm_path_join(r->project, "keys");
	int rc = keys ? fm_dir_sweep(keys, err) : fm_fail(err, FM_ESYSTEM, "out of memory");

	free(keys);
	return rc;
}

static int open_run(struct fm_runner *r, char *workspace, struct fm_error *err)
{
	int rc;

	if ((rc = fm_preflight(r->o, r->project, workspace, r->run, err)) < 0 ||
	    (rc = fm_workspace_open(&r->ws, workspace, err)) < 0 ||
	    (rc = fm_clear_open(&r->clear, r->ws.path, true, fm_limits_clear(r->cfg), err)) < 0 ||
	    (rc = fm_ledger_open(&r->ledger, r->ws.path, r->project,
				 r->o->lasting ? FM_LEDGER_PASSING : FM_LEDGER_WRITE, err)) < 0 ||
	    (rc = fm_ledger_check_place(r->ledger, r->ws.path, r->o->until == FM_RELEASE && !r->o->dry, r->o->moved,
					&r->place, err)) < 0 ||
	    (rc = fm_preflight_version(r->o, r->ledger, NULL, err)) < 0)
		return rc;
	if ((rc = sweep_keys(r, err)) < 0)
		return rc;
	if (r->o->events)
		fm_ledger_tell(r->ledger, r->o->events);
	if ((rc = fm_ledger_next_run(r->ledger, r->run->id, err)) < 0)
		return rc;
	if ((!r->o->probe && (rc = record_run(r, err)) < 0) || (rc = try_walls(r, err)) < 0 ||
	    (rc = fm_runner_open_private(r, err)) < 0 || (rc = fm_runner_read_audits(r, err)) < 0)
		return rc;
	return read_waivers(r, err);
}

char *fm_runner_workspace(const struct fm_run_options *o)
{
	return o->workspace ? strdup(o->workspace) : fm_path_join(o->project ? o->project : o->cfg->dir, "workspace");
}

int fm_runner_run(const struct fm_run_options *o, struct fm_run *run, struct fm_error *err)
{
	struct fm_runner r = {.o = o,
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
	run->outside.fd = o->passphrase_fd;
	fm_stop_hold();
	rc = workspace ? open_run(&r, workspace, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
	if (rc < 0)
		goto out;
	r.state = (struct fm_state){.workspace = r.ws.path, .run = run->id, .began = (int64_t)time(NULL)};
	rc = stages_in_order(&r, err);
	if (!o->probe && record_end(&r, rc, err, &later) < 0) {
		if (rc < 0)
			fm_warn("%s", later.message);
		else
			rc = fm_error_set(err, later.code, later.file, later.line, "%s", later.message);
	}
	if (rc >= 0 && (rc = retain(&r, err)) >= 0)
		rc = clean_up(&r, err);
out:
	if (r.state.workspace)
		fm_state_remove(r.state.workspace);
	fm_ledger_close(r.ledger);
	json_decref(r.place);
	fm_clear_close(r.clear);
	fm_workspace_close(&r.ws);
	fm_stop_release();
	json_decref(r.waivers);
	json_decref(r.files);
	free(workspace);
	return rc;
}

int fm_runner_help(const struct fm_run_options *o, struct fm_error *err)
{
	struct fm_run run = {0};
	struct fm_runner r = {.o = o,
			      .cfg = o->cfg,
			      .stages = &fm_stages_real,
			      .run = &run,
			      .ws = FM_WORKSPACE_NONE,
			      .project = o->project ? o->project : o->cfg->dir,
			      .unconfined = o->unconfined};
	char *workspace = fm_runner_workspace(o);
	struct fm_world_order order = {.train = 1};
	int rc;

	fm_stop_hold();
	if (!workspace) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	while ((rc = fm_world_order(&order, err)) >= 0 && order.train) {
		if (!r.ws.path && !(r.ws.path = realpath(workspace, NULL))) {
			rc = fm_fail_errno(err, "rank %d: %s", fm_world_rank(), workspace);
			goto out;
		}
		if (!r.clear && (rc = fm_clear_open(&r.clear, r.ws.path, false, fm_limits_clear(r.cfg), err)) < 0)
			goto out;
		if ((rc = fm_stage_help(&r, &order, err)) < 0) {
			fm_error_prefix(err, "rank %d of %d: ", fm_world_rank(), fm_world_size());
			goto out;
		}
	}
out:
	if (rc < 0)
		fm_world_fail(err->message);
	fm_run_free(&run);
	fm_clear_close(r.clear);
	free(r.ws.path);
	free(workspace);
	fm_stop_release();
	return rc;
}
