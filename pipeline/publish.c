#include "pipeline/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "pipeline/budget.h"
#include "pipeline/sandbox.h"
#include "release/metadata.h"
#include "report/report.h"

#define COMMITMENT_KEY_MAX 4096
#define HISTOGRAMS_MAX (16u << 20)

/* ---- manifest ---- */

/* Keyed, because a bare digest of a private trace would let anyone test a guess at it; keyed by a secret of the project
 * and no fresh salt, because the same project run twice gives one archive. */
static int commit_to(const struct fm_secret *key, json_t *commitments, const char *what, const char *hex,
		     struct fm_error *err)
{
	uint8_t mac[FM_SHA256_LEN];
	char text[160], out[FM_SHA256_HEX];
	int n = snprintf(text, sizeof text, "flowmint commitment\n%s\n%s\n", what, hex), rc;

	if ((rc = fm_hmac_sha256(key->data, key->len, text, (size_t)n, mac, err)) < 0)
		return rc;
	fm_hex(mac, sizeof mac, out);
	return json_object_set_new(commitments, what, json_string(out)) ? fm_fail(err, FM_ESYSTEM, "out of memory")
									: FM_OK;
}

int fm_runner_commitments(const char *project, const struct fm_run *run, json_t **out, struct fm_error *err)
{
	struct fm_secret key = {0};
	json_t *c = json_object();
	char *path = NULL, *keys = fm_path_join(project, "keys");
	const char *trace = json_string_value(json_object_get(run->stage[FM_INGEST].inputs, "trace"));
	int rc;

	if (!keys || !(path = fm_path_join(keys, "commitment.key")) || !trace) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (!fm_file_exists(path)) {
		rc = fm_fail(err, FM_EINPUT,
			     "%s: no such file: the project's secret for commitments to private inputs; flowmint init "
			     "makes one with a project",
			     path);
		goto out;
	}
	if ((rc = fm_secret_read(&key, path, COMMITMENT_KEY_MAX, err)) < 0)
		goto out;
	if (key.len < 32) {
		rc = fm_fail(err, FM_EINPUT, "%s: too short for a secret: 32 random bytes are expected", path);
		goto out;
	}
	if ((rc = commit_to(&key, c, "source", trace, err)) < 0 ||
	    (rc = commit_to(&key, c, "store", run->stage[FM_INGEST].output, err)) < 0)
		goto out;
	rc = commit_to(&key, c, "model", run->stage[FM_TRAIN].output, err);
out:
	fm_secret_close(&key); /* before any other stage is started */
	free(path);
	free(keys);
	if (rc < 0)
		json_decref(c);
	else
		*out = json_pack("{s:s, s:o}", "method", "HMAC-SHA-256", "of", c);
	return rc;
}

/* Name of each stage, and the digest of its output where that is public. */
static json_t *stages_json(const struct fm_run *run, bool private)
{
	json_t *list = json_array();

	for (int i = 0; i < FM_RELEASE; i++) {
		json_t *s = json_pack("{s:s}", "name", fm_stage_name(i));

		/* In privacy.mode dp what looks at real flows leaves no digest either. */
		if (i == FM_GENERATE || (!private && (i == FM_EVALUATE || i == FM_GATE)))
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
	return json_pack("{s:s, s:s}", "mode", cfg->privacy.mode, "statement",
			 "No differential privacy: the model saw the training flows without added noise. The leakage "
			 "checks are measurements on this release, not a guarantee.");
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
		rc = fm_sandbox_run(&box, histograms_fn, &h, &report, err);
	}
	if (rc < 0)
		json_decref(report.result);
	else
		*out = report.result;
	free(path);
	return rc;
}

static int free_metrics_json(const struct fm_run *run, json_t **out, struct fm_error *err)
{
	char *path = fm_path_join(run->stage[FM_GENERATE].product, "free.json");
	int rc = path ? fm_json_load(out, path, HISTOGRAMS_MAX, err) : fm_fail(err, FM_ESYSTEM, "out of memory");

	free(path);
	return rc;
}

/* What publish.report lets out of the metrics. */
static int metrics_json(const struct fm_config *cfg, const struct fm_run *run, json_t **out, struct fm_error *err)
{
	json_t *list = NULL;

	/* Only what was measured where no private record was in reach. */
	if (fm_config_dp(cfg))
		return free_metrics_json(run, out, err);
	list = fm_metrics_list(&run->metrics);
	int rc = list ? fm_report_metrics(list, cfg->publish.report, cfg->privacy.min_count, out, err)
		      : fm_fail(err, FM_ESYSTEM, "out of memory for the metrics");

	json_decref(list);
	return rc;
}

json_t *fm_runner_facts(const struct fm_config *cfg, const struct fm_run *run)
{
	const char *kernel = json_string_value(json_object_get(run->stage[FM_EVALUATE].result, "blas_kernel"));

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:{s:s, s:s, s:s}}", "format", FM_MANIFEST_FORMAT, "name",
			 cfg->release.name, "version", cfg->release.version, "config", fm_config_json(cfg, NULL, true),
			 "stages", stages_json(run, fm_config_dp(cfg)), "privacy", privacy_json(cfg), "environment",
			 "flowmint", FM_VERSION, "evaluate_blas_kernel", kernel ? kernel : "unknown", "confinement",
			 run->unconfined ? "unconfined" : "namespaces");
}

int fm_runner_manifest(const struct fm_config *cfg, const char *project, const struct fm_run *run, json_t **manifest,
		       struct fm_error *err)
{
	json_t *commitments = NULL, *histograms = NULL, *metrics = NULL, *verdict = NULL, *m = NULL;
	int rc;

	/* Commitments to the trace, and histograms over bins of the trace, are of private records that nothing paid
	 * for.
	 */
	if (!fm_config_dp(cfg) && ((rc = fm_runner_commitments(project, run, &commitments, err)) < 0 ||
				   (rc = histograms_json(cfg, run, &histograms, err)) < 0))
		goto out;
	if ((rc = metrics_json(cfg, run, &metrics, err)) < 0)
		goto out;
	verdict = fm_verdict_json(&run->verdict);
	m = fm_runner_facts(cfg, run);
	if (!m || !verdict || json_object_update(m, verdict) || json_object_set(m, "metrics", metrics) ||
	    (commitments && json_object_set(m, "commitments", commitments)) ||
	    (histograms && json_object_set(m, "histograms", histograms))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the manifest");
		goto out;
	}
	*manifest = json_incref(m);
out:
	json_decref(m);
	json_decref(metrics);
	json_decref(commitments);
	json_decref(histograms);
	json_decref(verdict);
	return rc;
}

/* ---- publication ---- */

static int same_digest(const char *path, const char *hex, bool *same, struct fm_error *err)
{
	char have[FM_SHA256_HEX];
	int rc;

	*same = false;
	if (!fm_file_exists(path))
		return FM_OK;
	if ((rc = fm_sha256_file_hex(path, have, err)) < 0)
		return rc;
	*same = strcmp(have, hex) == 0;
	return FM_OK;
}

static int verify(const struct fm_stages *stages, const char *archive, const char *signers,
		  struct fm_verify_report *report, struct fm_error *err)
{
	struct fm_verify_in in = {.archive = archive, .signers = signers, .now_s = (int64_t)time(NULL)};
	int rc = stages->verify(&in, report, err);

	if (rc < 0)
		fm_error_prefix(err, "the archive does not verify against %s, nothing is released: ", signers);
	return rc;
}

int fm_runner_publish(const struct fm_stages *stages, const char *project, const char *out, struct fm_run *run,
		      struct fm_error *err)
{
	const char *made = json_string_value(json_object_get(run->stage[FM_RELEASE].result, "archive")), *name;
	char *from = NULL, *from_sig = NULL, *to = NULL, *to_sig = NULL,
	     *signers = fm_path_join(project, "allowed_signers");
	struct fm_verify_report report = {0};
	bool same;
	int rc;

	if (!made || !signers)
		return free(signers), fm_fail(err, FM_ESYSTEM, "the release stage named no archive");
	name = strrchr(made, '/') ? strrchr(made, '/') + 1 : made;
	from = fm_path_join(run->stage[FM_RELEASE].product, name);
	to = fm_path_join(out, name);
	if (!from || !to || asprintf(&from_sig, "%s.sig", from) < 0 || asprintf(&to_sig, "%s.sig", to) < 0) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = verify(stages, from, signers, &report, err)) < 0 || (rc = fm_dir_make(out, 0755, err)) < 0 ||
	    (rc = same_digest(to, run->archive_sha256, &same, err)) < 0)
		goto out;
	if (!same) {
		if (fm_file_exists(to))
			fm_warn("%s replaces an archive of the same name and other bytes: raise release.version when "
				"that one was given away",
				to);
		/* A signature must never lie beside another archive than its own. */
		if (unlink(to_sig) && errno != ENOENT) {
			rc = fm_fail_errno(err, "%s", to_sig);
			goto out;
		}
		if ((rc = fm_file_copy(from, to, 0644, err)) < 0)
			goto out;
	}
	if ((rc = fm_file_copy(from_sig, to_sig, 0644, err)) < 0 ||
	    (rc = same_digest(to, run->archive_sha256, &same, err)) < 0)
		goto out;
	if (!same) {
		rc = fm_fail(err, FM_ESYSTEM, "%s reads back other bytes than were written", to);
		goto out;
	}
	snprintf(run->archive, sizeof run->archive, "%s", to);
out:
	fm_verify_report_free(&report);
	free(from);
	free(from_sig);
	free(to);
	free(to_sig);
	free(signers);
	return rc;
}
