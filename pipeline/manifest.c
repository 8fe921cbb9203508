#include "pipeline/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "manifests/claim.h"
#include "manifests/registry.h"
#include "pipeline/budget.h"
#include "pipeline/manifest_public.h"
#include "pipeline/project_secret.h"
#include "pipeline/walls/harvest.h"
#include "pipeline/walls/sandbox.h"
#include "release/metadata.h"
#include "report/report.h"
#include "stages/audit.h"
#include "traces/left_out.h"

#define HISTOGRAMS_MAX (16u << 20)

/* ---- manifest ---------------------------------------------------------------------------------------------------- */

static int commit_to(const struct fm_secret *key, json_t *commitments, const char *what, const char *digest,
		     struct fm_error *err)
{
	char hex[FM_SHA256_HEX];
	int rc;

	if ((rc = fm_commitment(key, what, digest, hex, err)) < 0)
		return rc;
	return json_object_set_new(commitments, what, json_string(hex)) ? fm_fail(err, FM_ESYSTEM, "out of memory")
									: FM_OK;
}

int fm_runner_commitments(const char *project, const struct fm_run *run, json_t **out, struct fm_error *err)
{
	const char *trace = json_string_value(json_object_get(run->stage[FM_INGEST].inputs, "trace"));
	struct fm_secret key = {0};
	json_t *c = json_object();
	int rc;

	if (!trace) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_project_secret(&key, project, err)) < 0 || (rc = commit_to(&key, c, "source", trace, err)) < 0)
		goto out;
	for (int i = 0; i < FM_NSTAGES; i++)
		if (fm_stage_table[i].shown == FM_SHOWN_COMMITTED &&
		    (rc = commit_to(&key, c, fm_stage_table[i].product, run->stage[i].output, err)) < 0)
			goto out;
out:
	fm_secret_close(&key); /* before any other stage is started */
	if (rc < 0)
		json_decref(c);
	else
		*out = json_pack("{s:s, s:o}", "method", "HMAC-SHA-256", "of", c);
	return rc;
}

/* Name of each stage, and the digest of its output where that is public. */
static json_t *stages_json(const struct fm_run *run, bool dp)
{
	json_t *list = json_array();

	for (int i = 0; i < FM_RELEASE; i++) {
		json_t *s = json_pack("{s:s}", "name", fm_stage_name(i));

		if (fm_stage_shows_output(fm_stage_name(i), dp))
			json_object_set_new(s, "output", json_string(run->stage[i].output));
		json_array_append_new(list, s);
	}
	return list;
}

static json_t *privacy_json(const struct fm_config *cfg)
{
	struct fm_claim claim;
	struct fm_error ignored;
	json_t *o = NULL;

	if (fm_config_dp(cfg)) {
		if (fm_budget_claim(&claim, cfg, &ignored))
			return NULL;
		if (fm_budget_json(&claim, cfg, &o, &ignored))
			o = NULL;
		fm_claim_free(&claim);
		return o;
	}
	return json_pack("{s:s, s:s}", "mode", cfg->privacy.mode, "statement", fm_claim_none(cfg->privacy.mode));
}

/* In a child: the counts of private rows stay there. */
struct histograms {
	const char *path;
	bool real;
	int64_t k;
};

static int histograms_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct histograms *h = ctx;
	json_t *doc = NULL;
	int rc;

	if ((rc = fm_json_load(&doc, h->path, HISTOGRAMS_MAX, err)) < 0)
		return rc;
	rc = fm_report_histograms(doc, h->real, h->k, result, err);
	json_decref(doc);
	return rc;
}

/* What publish.report lets out of the histograms; *out stays NULL when the stage left none. */
static int histograms_json(const struct fm_config *cfg, const struct fm_run *run, json_t **out, struct fm_error *err)
{
	char *path = fm_path_join(run->stage[FM_EVALUATE].product, "histograms.json");
	struct histograms h = {path, strcmp(cfg->publish.report, "histograms") == 0, cfg->privacy.min_count};
	struct fm_sandbox box = {.name = "histograms", .unconfined = run->unconfined};
	struct fm_sandbox_report report = {0};
	int rc = FM_OK;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (fm_file_exists(path)) {
		fm_sandbox_path(&box, path, false);
		if ((rc = fm_sandbox_run(&box, histograms_fn, &h, &report, err)) == FM_EINPUT)
			rc = fm_harvest_unreadable(fm_stage_name(FM_EVALUATE), "histograms.json", err);
	}
	if (rc < 0)
		json_decref(report.result);
	else
		*out = report.result;
	free(path);
	return rc;
}

/* The metrics that privacy.budget.gate paid for, and nothing else that evaluate found out about real flows. */
static int add_paid(const struct fm_run *run, json_t *list, struct fm_error *err)
{
	char *path = fm_path_join(run->stage[FM_EVALUATE].product, "paid.json");
	struct fm_metrics checked = {0};
	json_t *paid = NULL;
	int rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_json_load(&paid, path, HISTOGRAMS_MAX, err)) < 0 ||
	    (rc = fm_harvest_metrics(paid, FM_LIST_PAID, NULL, &checked, err)) < 0)
		goto out;
	if (json_array_extend(list, paid))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the metrics");
out:
	fm_metrics_free(&checked);
	json_decref(paid);
	free(path);
	return rc;
}

static int free_metrics_json(const struct fm_run *run, json_t **out, struct fm_error *err)
{
	char *path = fm_path_join(run->stage[FM_GENERATE].product, "free.json");
	struct fm_metrics checked = {0};
	int rc;

	if ((rc = path ? fm_json_load(out, path, HISTOGRAMS_MAX, err) : fm_fail(err, FM_ESYSTEM, "out of memory")) < 0)
		goto out;
	rc = fm_harvest_metrics(*out, FM_LIST_FREE, NULL, &checked, err);
out:
	fm_metrics_free(&checked);
	free(path);
	return rc;
}

/* What publish.report lets out of the metrics. */
static int metrics_json(const struct fm_config *cfg, const struct fm_run *run, json_t **out, struct fm_error *err)
{
	json_t *list = NULL;
	int rc;

	/* Only what was measured where no private record was in reach, or through noise. */
	if (fm_config_dp(cfg)) {
		if ((rc = free_metrics_json(run, out, err)) < 0 ||
		    (fm_config_pays_gate(cfg) && (rc = add_paid(run, *out, err)) < 0))
			return rc;
		return fm_report_order(*out, err);
	}
	list = fm_metrics_list(&run->metrics);
	rc = list ? fm_report_metrics(list, cfg->publish.report, cfg->privacy.min_count, cfg->model.window, out, err)
		  : fm_fail(err, FM_ESYSTEM, "out of memory for the metrics");

	json_decref(list);
	return rc;
}

/* What an audit showed of the claim, which may be published where its trace was public: whether the claim stood, and
 * what the attack reached. */
static int put_audit(json_t *privacy, const json_t *audits, struct fm_error *err)
{
	const json_t *a = json_array_get(audits, 0);
	json_t *o;

	if (!json_is_true(json_object_get(a, "public")))
		return FM_OK;
	o = json_pack("{s:s, s:I}", "of", fm_claim_audit_of, "runs",
		      (json_int_t)json_array_size(json_object_get(a, "runs")));
	for (const char *const *number = fm_audit_numbers; *number; number++)
		json_object_set(o, *number, json_object_get(a, *number));
	return json_object_set_new(privacy, "audit", o) ? fm_fail(err, FM_ESYSTEM, "out of memory for the manifest")
							: FM_OK;
}

/* The line of an audit on the private trace stays with the team: its number was charged to the trace, but is no part of
 * what this release claims. */
static void drop_private_audit(json_t *m, const json_t *audits)
{
	static const char *const lists[][2] = {{"checks", "name"}, {"waivers", "check"}};

	if (json_is_true(json_object_get(json_array_get(audits, 0), "public")))
		return;
	for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
		json_t *list = json_object_get(m, lists[k][0]);

		for (size_t i = json_array_size(list); i-- > 0;) {
			const char *name = json_string_value(json_object_get(json_array_get(list, i), lists[k][1]));

			if (name && strcmp(name, FM_METRIC_AUDITED) == 0)
				json_array_remove(list, i);
		}
	}
}

/* A share of rows as it is published: in whole hundredths, upwards. */
static double hundredths(json_int_t rows, json_int_t all)
{
	json_int_t hundreds = (rows * 100 + all - 1) / all;

	return (double)hundreds / 100;
}

/* What ingest could not read or dropped, by reason and without the remedy behind it; *out stays NULL when it read all.
 */
static int left_out_json(const struct fm_run *run, json_t **out, struct fm_error *err)
{
	const json_t *ingest = run->stage[FM_INGEST].result, *kinds = json_object_get(ingest, "left_out");
	json_int_t unread = json_integer_value(json_object_get(ingest, "bad")),
		   bad = unread + json_integer_value(json_object_get(ingest, "dropped")),
		   all = unread + json_integer_value(json_object_get(ingest, "rows"));
	json_t *reasons;
	int failed;

	if (bad <= 0)
		return FM_OK;
	reasons = json_array();
	failed = !reasons;
	for (size_t i = 0; i < json_array_size(kinds) && !failed; i++) {
		const json_t *kind = json_array_get(kinds, i);
		const char *reason = json_string_value(json_object_get(kind, "reason"));
		json_int_t rows = json_integer_value(json_object_get(kind, "rows"));
		char text[128];

		if (!reason || rows < 0 || rows > bad)
			continue;
		failed |=
		    json_array_append_new(reasons, json_pack("{s:s, s:f}", "reason", fm_left_out_public(reason, text),
							     "share", hundredths(rows, all)));
	}
	*out = json_pack("{s:f, s:o}", "share", hundredths(bad, all), "reasons", reasons);
	return *out && !failed ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory for the manifest");
}

/* Missing values that count as 0 (source.missing): an upper bound on the rows that have some; NULL when there are
 * none. */
static json_t *filled_json(const struct fm_run *run)
{
	const json_t *ingest = run->stage[FM_INGEST].result;
	json_int_t values = json_integer_value(json_object_get(ingest, "missing_values")),
		   rows = json_integer_value(json_object_get(ingest, "rows"));

	return values > 0 && rows > 0 ? json_pack("{s:f}", "share", hundredths(values < rows ? values : rows, rows))
				      : NULL;
}

/* How many attempts to get out of each stage there were (probes.h) and what got through.  Which wall held is left out:
 * it depends on the machine. */
static json_t *escapes_json(const struct fm_run *run)
{
	json_t *out = json_object(), *one;
	const char *stage;

	json_object_foreach(run->escapes, stage, one)
	{
		json_object_set_new(out, stage,
				    json_pack("{s:O, s:O}", "tried", json_object_get(one, "tried"), "through",
					      json_object_get(one, "through")));
	}
	return out;
}

json_t *fm_runner_facts(const struct fm_config *cfg, const struct fm_run *run)
{
	const char *kernel = json_string_value(json_object_get(run->stage[FM_EVALUATE].result, "blas_kernel"));

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:{s:s, s:s, s:s, s:o*}}", "format", FM_MANIFEST_FORMAT,
			 "name", cfg->release.name, "version", cfg->release.version, "config",
			 fm_config_json(cfg, NULL, true), "stages", stages_json(run, fm_config_dp(cfg)), "privacy",
			 privacy_json(cfg), "environment", "flowmint", FM_VERSION, "evaluate_blas_kernel",
			 kernel ? kernel : "unknown", "confinement", run->unconfined ? "unconfined" : "namespaces",
			 "escapes", run->escapes ? escapes_json(run) : NULL);
}

int fm_runner_manifest(const struct fm_config *cfg, const char *project, const struct fm_run *run, json_t **manifest,
		       struct fm_error *err)
{
	json_t *commitments = NULL, *histograms = NULL, *metrics = NULL, *verdict = NULL, *left_out = NULL, *filled,
	       *m = NULL;
	int rc;

	/* Commitments to the trace, and histograms over bins of the trace, depend on private records that no budget
	 * paid for. */
	if (!fm_config_dp(cfg) &&
	    ((rc = fm_runner_commitments(project, run, &commitments, err)) < 0 ||
	     (rc = histograms_json(cfg, run, &histograms, err)) < 0 || (rc = left_out_json(run, &left_out, err)) < 0))
		goto out;
	if ((rc = metrics_json(cfg, run, &metrics, err)) < 0 ||
	    (!fm_config_dp(cfg) && (rc = fm_manifest_compare(cfg, run, histograms, metrics, err)) < 0))
		goto out;
	verdict = fm_verdict_json(&run->verdict);
	m = fm_runner_facts(cfg, run);
	if (!m || !verdict || json_object_update(m, verdict) || json_object_set(m, "metrics", metrics) ||
	    (commitments && json_object_set(m, "commitments", commitments)) ||
	    (left_out && json_object_set(m, "left_out", left_out)) ||
	    (histograms && json_object_set(m, "histograms", histograms))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the manifest");
		goto out;
	}
	if (!fm_config_dp(cfg) && (filled = filled_json(run)) && json_object_set_new(m, "filled", filled)) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the manifest");
		goto out;
	}
	drop_private_audit(m, run->audits);
	if ((rc = put_audit(json_object_get(m, "privacy"), run->audits, err)) < 0)
		goto out;
	*manifest = json_incref(m);
out:
	json_decref(m);
	json_decref(metrics);
	json_decref(commitments);
	json_decref(left_out);
	json_decref(histograms);
	json_decref(verdict);
	return rc;
}
