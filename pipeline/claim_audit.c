#include "pipeline/claim_audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "pipeline/budget.h"
#include "pipeline/clear.h"
#include "pipeline/limits.h"
#include "pipeline/preflight.h"
#include "pipeline/sealed.h"
#include "pipeline/stage_run.h"
#include "pipeline/walls/harvest.h"
#include "pipeline/walls/sandbox.h"
#include "pipeline/workspace.h"
#include "stages/audit.h"
#include "stages/table.h"

#define FOLDER "audit"  /* below stages/ */
#define ROWS_OF "audit" /* in the place of a run's id */

static int mechanism(const struct fm_config *cfg, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	static const char *const of_the_trace[] = {"records", "first", "last", "labels", "total_epsilon", "min_count"};
	char program[FM_SHA256_HEX];
	json_t *privacy = fm_config_json(cfg, "privacy", true), *doc = NULL;
	int rc;

	if ((rc = fm_sha256_file_hex("/proc/self/exe", program, err)) < 0)
		goto out;
	for (size_t i = 0; i < sizeof of_the_trace / sizeof *of_the_trace; i++)
		json_object_del(privacy, of_the_trace[i]);
	doc = json_pack("{s:s, s:s, s:o, s:o, s:O}", "flowmint", FM_VERSION, "program", program, "model",
			fm_config_json(cfg, "model", true), "train", fm_config_json(cfg, "train", true), "privacy",
			privacy);
	rc = doc ? fm_json_digest(doc, hex, err) : fm_fail(err, FM_ESYSTEM, "out of memory: the audit");
out:
	json_decref(privacy);
	json_decref(doc);
	return rc;
}

/* From the run's secret, and whatever else the answers of the audit depend on, so that two different answers never have
 * the same noise. */
static int audit_secret(struct fm_secret *audit, const struct fm_claim_audit_in *in, const json_t *files,
			struct fm_error *err)
{
	char digest[FM_SHA256_HEX], label[FM_SHA256_HEX + 64];
	json_t *generate = fm_config_json(in->cfg, "generate", true);
	struct fm_sealed_of of = {in->cfg, files};
	struct fm_secret run = {0};
	int rc;

	*audit = (struct fm_secret){0};
	if (!generate) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: the audit");
		goto out;
	}
	if ((rc = fm_json_digest(generate, digest, err)) < 0 || (rc = fm_run_secret(&run, in->cfg->dir, &of, err)) < 0)
		goto out;
	snprintf(label, sizeof label, "audit of %zu canaries, %s", in->canaries, digest);
	rc = fm_secret_derive(audit, &run, label, err);
out:
	fm_secret_close(&run);
	json_decref(generate);
	return rc;
}

/* A trace that was charged before is none that anybody may see: an audit of it would be a look that nothing pays for.
 */
static int refuse_private(struct fm_ledger *l, const char *trace, struct fm_error *err)
{
	json_t *rows = NULL;
	int rc = fm_ledger_rows(l, NULL, "charge", &rows, err);

	for (size_t i = 0; rc >= 0 && i < json_array_size(rows); i++)
		if (fm_json_says(json_object_get(json_array_get(rows, i), "body"), "trace", trace))
			rc = fm_fail(
			    err, FM_EINPUT,
			    "--public: this trace was charged as a private one by a run or an audit before (flowmint "
			    "log): leave --public out, which charges it, or take a public trace; nothing was read");
	json_decref(rows);
	return rc;
}

/* One charge for each run; *charged: what they come to. */
static int charge(struct fm_ledger *l, const struct fm_claim_audit_in *in, const struct fm_claim *claim,
		  const char *trace, const struct fm_secret *audit, double *charged, struct fm_error *err)
{
	int rc;

	*charged = 0;
	for (size_t k = 0; k < in->runs && !in->is_public; k++) {
		struct fm_secret own = {0};
		char id[FM_SHA256_HEX];

		if ((rc = fm_audit_secret(&own, audit, k, err)) < 0)
			return rc;
		rc = fm_secret_id(&own, id, err);
		fm_secret_close(&own);
		if (rc < 0 || (rc = fm_budget_charge(l, in->cfg, claim, ROWS_OF, trace, id, err)) < 0)
			return rc;
		*charged += claim->epsilon;
	}
	return FM_OK;
}

/* In the child. */
static int attack(void *ctx, json_t **result, struct fm_error *err)
{
	int rc;

	fm_log_hide_rows(1);
	if ((rc = fm_stage_audit(ctx, result, err)) < 0)
		fm_text_hide_rows(err->message, sizeof err->message);
	return rc;
}

static int within_walls(const struct fm_claim_audit_in *in, const char *workspace, const struct fm_secret *audit,
			json_t **result, struct fm_error *err)
{
	struct fm_sandbox box = {.name = FOLDER, .unconfined = in->unconfined};
	struct fm_sandbox_report report = {0};
	char *dir = NULL, *trace = NULL;
	int rc;

	if ((rc = fm_clear_open(&dir, workspace, true, fm_limits_clear(in->cfg), err)) < 0)
		return rc;
	if (!(trace = realpath(in->cfg->source.path, NULL))) {
		rc = fm_fail_errno(err, "source.path: %s", in->cfg->source.path);
		goto out;
	}
	fm_sandbox_path(&box, trace, false);
	fm_sandbox_path(&box, fm_item_path(in->cfg, FM_ITEM_DIALECT), false);
	fm_sandbox_path(&box, dir, true);
	struct fm_audit_in ai = {.cfg = in->cfg,
				 .trace = trace,
				 .work_dir = dir,
				 .canaries = in->canaries,
				 .runs = in->runs,
				 .secret = audit};
	fm_limits_of(in->cfg, dir, true, &box.limits);
	rc = fm_sandbox_run(&box, attack, &ai, &report, err);
	if (rc < 0 || (rc = fm_harvest_audit(report.result, err)) < 0)
		json_decref(report.result);
	else
		*result = report.result;
out:
	fm_clear_close(dir);
	free(trace);
	return rc;
}

static int record(struct fm_ledger *l, const struct fm_claim_audit_in *in, double epsilon, const char *trace,
		  double charged, json_t *result, struct fm_error *err)
{
	double lower = json_number_value(json_object_get(result, "epsilon_lower"));
	char hex[FM_SHA256_HEX];
	json_t *more = NULL;
	int rc;

	if ((rc = mechanism(in->cfg, hex, err)) < 0)
		return rc;
	more = json_pack("{s:s, s:s, s:s, s:b, s:f, s:f, s:b}", "mechanism", hex, "trace", trace, "unit",
			 in->cfg->privacy.unit, "public", in->is_public, "epsilon", epsilon, "charged", charged,
			 "refuted", lower > epsilon);
	rc = !more || json_object_update(result, more) ? fm_fail(err, FM_ESYSTEM, "out of memory: the audit")
						       : fm_ledger_append(l, ROWS_OF, "audit", result, err);
	json_decref(more);
	return rc;
}

int fm_claim_audit(const struct fm_claim_audit_in *in, json_t **report, struct fm_error *err)
{
	const struct fm_config *cfg = in->cfg;
	struct fm_run_options o = {
	    .cfg = cfg, .until = FM_INGEST, .unconfined = in->unconfined, .workspace = in->workspace};
	struct fm_workspace ws = FM_WORKSPACE_NONE;
	struct fm_ledger *l = NULL;
	struct fm_claim claim = {0};
	struct fm_secret audit = {0};
	struct fm_run none = {0};
	struct fm_runner r = {.o = &o, .cfg = cfg, .run = &none, .project = cfg->dir, .unconfined = in->unconfined};
	char *workspace = in->workspace ? strdup(in->workspace) : fm_path_join(cfg->dir, "workspace");
	const char *trace;
	json_t *result = NULL, *files = NULL;
	double charged;
	int rc;

	*report = NULL;
	fm_stop_hold();
	if (!workspace) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (!fm_config_dp(cfg)) {
		rc = fm_fail(err, FM_EINPUT, "privacy.mode is %s, which claims nothing: there is nothing to audit",
			     cfg->privacy.mode);
		goto out;
	}
	if ((rc = fm_preflight(&o, cfg->dir, workspace, NULL, err)) < 0 ||
	    (rc = fm_budget_claim(&claim, cfg, err)) < 0 || (rc = fm_workspace_open(&ws, workspace, err)) < 0 ||
	    (rc = fm_ledger_open(&l, ws.path, cfg->dir, FM_LEDGER_WRITE, err)) < 0)
		goto out;
	r.ledger = l;
	if ((rc = fm_runner_files(&r, &files, err)) < 0)
		goto out;
	trace = json_string_value(json_object_get(files, fm_items[FM_ITEM_TRACE].digest));
	if ((in->is_public && (rc = refuse_private(l, trace, err)) < 0) ||
	    (rc = audit_secret(&audit, in, files, err)) < 0 ||
	    (rc = charge(l, in, &claim, trace, &audit, &charged, err)) < 0 ||
	    (rc = within_walls(in, ws.path, &audit, &result, err)) < 0 ||
	    (rc = record(l, in, claim.epsilon, trace, charged, result, err)) < 0)
		goto out;
	if (json_number_value(json_object_get(result, "most")) < claim.epsilon)
		fm_warn("%zu canaries can show an epsilon of %.2f at most, and %g is claimed: take more", in->canaries,
			json_number_value(json_object_get(result, "most")), claim.epsilon);
	*report = json_incref(result);
out:
	json_decref(result);
	json_decref(files);
	fm_secret_close(&audit);
	fm_claim_free(&claim);
	fm_ledger_close(l);
	fm_workspace_close(&ws);
	fm_stop_release();
	free(workspace);
	return rc;
}

int fm_claim_audit_find(struct fm_ledger *l, const struct fm_config *cfg, json_t **list, struct fm_error *err)
{
	char hex[FM_SHA256_HEX];
	json_t *rows = NULL, *last = NULL;
	int rc;

	*list = NULL;
	if ((rc = mechanism(cfg, hex, err)) < 0 || (rc = fm_ledger_rows(l, NULL, "audit", &rows, err)) < 0)
		goto out;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *body = json_object_get(json_array_get(rows, i), "body");
		const char *of = json_string_value(json_object_get(body, "mechanism"));

		if (of && strcmp(of, hex) == 0 &&
		    (json_is_true(json_object_get(body, "refuted")) || !json_is_true(json_object_get(last, "refuted"))))
			last = body;
	}
	if (!(*list = json_array()) || (last && json_array_append(*list, last)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: the audit");
out:
	json_decref(rows);
	return rc;
}
