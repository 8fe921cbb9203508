#include "pipeline/remake_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "manifests/canon.h"
#include "manifests/embed.h"
#include "manifests/registry.h"
#include "pipeline/bundle.h"
#include "pipeline/clear.h"
#include "pipeline/difference.h"
#include "pipeline/input.h"
#include "pipeline/keys.h"
#include "pipeline/project_secret.h"
#include "pipeline/recipe.h"
#include "pipeline/runner.h"
#include "pipeline/sealed.h"
#include "pipeline/workspace.h"
#include "release/metadata.h"
#include "release/sign/sshkey.h"
#include "traces/files.h"

#define SEALED_MAX 65536

/* ---- what is needed ---- */

static bool needs_previous(const struct fm_recipe *r)
{
	const json_t *metrics = json_object_get(r->manifest, "metrics");

	for (size_t i = 0; i < json_array_size(metrics); i++) {
		const struct fm_metric_kind *kind = fm_metric_kind(fm_remake_str(json_array_get(metrics, i), "name"));

		if (kind && kind->needs & FM_NEEDS_PREVIOUS)
			return true;
	}
	return false;
}

static int check_wishes(const struct fm_remaking *m, struct fm_error *err)
{
	const struct fm_remake_in *in = m->in;
	const json_t *privacy = json_object_get(m->recipe.manifest, "privacy");
	bool dp = fm_config_dp(m->recipe.cfg);

	if (dp && in->source && !in->sealed)
		return fm_fail(err, FM_EINPUT,
			       "%s is of privacy.mode dp: all its noise comes from the sealed half of the run, which "
			       "stayed with the team and without which nobody can make it again: name it with --sealed "
			       "(WORKSPACE/sealed/RUN.json), or take --model BUNDLE",
			       in->what);
	if (dp && in->source && json_object_get(privacy, "audit"))
		return fm_fail(err, FM_EINPUT,
			       "%s tells of an audit of its claim, which is in the ledger of the run alone: make it "
			       "again there (flowmint reproduce RUN), or take --model BUNDLE",
			       in->what);
	if (in->source && needs_previous(&m->recipe) && !in->previous)
		return fm_fail(err, FM_EINPUT,
			       "%s was compared with the release before it: name its archive with --previous",
			       in->what);
	return FM_OK;
}

/* A built-in dialect has a plain name; for one of the team's own the manifest has the name of its file.  key: which of
 * the config's two dialects, in its field of `cap` bytes; *named: --dialect is its file. */
static int find_dialect(struct fm_remaking *m, const char *key, char *field, size_t cap, bool *named,
			struct fm_error *err)
{
	const char *given = m->in->dialect, *slash = given ? strrchr(given, '/') : NULL, *dot = strrchr(field, '.');
	char *path = NULL;
	int rc = FM_OK;

	if (!dot || strcmp(dot, ".yaml") != 0)
		return FM_OK;
	if (given && strcmp(slash ? slash + 1 : given, field) == 0) {
		*named = true;
		if (!(path = realpath(given, NULL)))
			return fm_fail_errno(err, "--dialect: %s", given);
	} else if (!(path = fm_path_join(m->in->project, field))) {
		return fm_remake_no_memory(err);
	}
	if (!fm_file_exists(path))
		rc = fm_fail(err, FM_EINPUT,
			     "%s: %s is a dialect of the team's own, and %s is not there: name the file with --dialect",
			     m->in->what, key, path);
	else if (strlen(path) >= cap)
		rc = fm_fail(err, FM_EINPUT, "%s: the path is too long", path);
	else
		strcpy(field, path);
	free(path);
	return rc;
}

static int find_dialects(struct fm_remaking *m, struct fm_error *err)
{
	struct fm_config *cfg = m->recipe.cfg;
	bool named = false;
	int rc;

	if ((rc = find_dialect(m, "source.dialect", cfg->source.dialect, sizeof cfg->source.dialect, &named, err)) <
		0 ||
	    (rc = find_dialect(m, "publish.dialect", cfg->publish.dialect, sizeof cfg->publish.dialect, &named, err)) <
		0)
		return rc;
	if (m->in->dialect && !named)
		return fm_fail(err, FM_EINPUT, "--dialect: %s is not named %s, as the manifest has it", m->in->dialect,
			       cfg->source.dialect);
	return FM_OK;
}

static int put_path(char *to, size_t cap, const char *path, const char *what, struct fm_error *err)
{
	if (strlen(path) >= cap)
		return fm_fail(err, FM_EINPUT, "%s: the path is too long", what);
	strcpy(to, path);
	return FM_OK;
}

/* The list of traces, each with its whole path; "-" stays. */
static int put_source(struct fm_config *cfg, const char *list, struct fm_error *err)
{
	char *here = getcwd(NULL, 0), path[FM_FILE_PATH];
	struct fm_buf all = {0};
	int rc;

	if (!here)
		return fm_fail_errno(err, "cannot tell the current folder");
	while (fm_files_next(&list, path)) {
		if (all.len)
			fm_buf_puts(&all, "\n");
		if (path[0] != '/' && strcmp(path, "-") != 0)
			fm_buf_printf(&all, "%s/", here);
		fm_buf_puts(&all, path);
	}
	if ((rc = fm_buf_check(&all, err)) >= 0)
		rc = put_path(cfg->source.path, sizeof cfg->source.path, all.data, "--source", err);
	fm_buf_free(&all);
	free(here);
	return rc;
}

/* A key for this one archive, whose signature nobody will see. */
static int make_key(struct fm_remaking *m, struct fm_error *err)
{
	struct fm_buf line = {0};
	char *path = fm_path_join(m->dir, "key");
	int rc;

	if (!path)
		return fm_remake_no_memory(err);
	if ((rc = fm_keygen_line(path, "reproduce", &line, err)) >= 0)
		rc = put_path(m->recipe.cfg->publish.key, sizeof m->recipe.cfg->publish.key, path, path, err);
	fm_buf_free(&line);
	free(path);
	return rc;
}

/* The manifest says only that there is a licence text: the text is in the archive. */
static int find_license(struct fm_remaking *m, struct fm_error *err)
{
	struct fm_config *cfg = m->recipe.cfg;
	struct fm_embed known;
	char *path = NULL;
	bool there = false;
	int rc;

	for (size_t i = 0; i < m->recipe.info.n; i++)
		there |= strcmp(m->recipe.info.file[i].path, FM_ARCHIVE_LICENSE) == 0;
	if (there && !m->recipe.whole && !fm_embed_find(&known, FM_EMBED_LICENCE, cfg->release.license))
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: the release has a LICENSE.txt, whose text is in the archive alone: name the archive",
		    m->in->what);
	if (!there || !m->recipe.whole)
		return FM_OK;
	if (!(path = fm_path_join(m->dir, FM_ARCHIVE_LICENSE)))
		return fm_remake_no_memory(err);
	if ((rc = fm_archive_pick(m->in->what, m->in->unconfined, FM_ARCHIVE_LICENSE, path, err)) >= 0)
		rc = put_path(cfg->release.license_file, sizeof cfg->release.license_file, path, path, err);
	free(path);
	return rc;
}

static int fill_config(struct fm_remaking *m, struct fm_error *err)
{
	struct fm_config *cfg = m->recipe.cfg;
	char *previous = NULL;
	int rc;

	if ((rc = put_path(cfg->file, sizeof cfg->file, m->in->what, m->in->what, err)) < 0 ||
	    (rc = put_path(cfg->dir, sizeof cfg->dir, m->in->project, "the project", err)) < 0 ||
	    (rc = find_dialects(m, err)) < 0 || (rc = find_license(m, err)) < 0 || (rc = make_key(m, err)) < 0)
		return rc;
	if (m->in->previous) {
		if (!(previous = realpath(m->in->previous, NULL)))
			return fm_fail_errno(err, "--previous: %s", m->in->previous);
		rc = put_path(cfg->release.previous, sizeof cfg->release.previous, previous, "--previous", err);
		free(previous);
		if (rc < 0)
			return rc;
	}
	if (!m->in->source)
		return FM_OK;
	if ((rc = put_source(cfg, m->in->source, err)) < 0)
		return rc;
	return fm_input_settle(cfg, m->ws.path, m->in->unconfined, err);
}

/* ---- is it what the release was made of? ---- */

/* Without a commitment, as in privacy.mode dp, nothing can be said. */
static int held_against(const struct fm_remaking *m, const char *what, const char *digest, bool *same,
			struct fm_error *err)
{
	const char *recorded = fm_recipe_commitment(&m->recipe, what);
	struct fm_secret key;
	char hex[FM_SHA256_HEX];
	int rc;

	*same = true;
	if (!*recorded)
		return FM_OK;
	if ((rc = fm_project_secret(&key, m->in->project, err)) < 0)
		return rc;
	rc = fm_commitment(&key, what, digest, hex, err);
	fm_secret_close(&key);
	*same = rc >= 0 && strcmp(hex, recorded) == 0;
	return rc;
}

static int check_trace(struct fm_remaking *m, struct fm_error *err)
{
	const char *path = m->recipe.cfg->source.path;
	bool same;
	int rc;

	if ((rc = fm_trace_digest(m->ledger, path, m->in->unconfined, m->trace_sha256, err)) < 0 ||
	    (rc = held_against(m, "source", m->trace_sha256, &same, err)) < 0)
		return rc;
	if (!same)
		return fm_fail(err, FM_EVERDICT,
			       "--source: this is not the trace that %s was made from, or %s is not its project: the "
			       "manifest's commitment to the trace is another one; nothing was done",
			       m->in->what, m->in->project);
	return FM_OK; /* in privacy.mode dp the sealed half says it (fm_sealed_check) */
}

static int take_sealed(struct fm_remaking *m, char run[FM_RUN_ID_MAX], struct fm_error *err)
{
	char *folder = fm_path_join(m->dir, "sealed"), *path = NULL;
	json_t *doc = NULL;
	int rc;

	if (!folder)
		return fm_remake_no_memory(err);
	if ((rc = fm_json_load(&doc, m->in->sealed, SEALED_MAX, err)) < 0)
		goto out;
	if (!*fm_remake_str(doc, "run") || strlen(fm_remake_str(doc, "run")) >= FM_RUN_ID_MAX ||
	    strchr(fm_remake_str(doc, "run"), '/')) {
		rc = fm_fail(err, FM_EINPUT, "--sealed: %s is not the sealed half of a run", m->in->sealed);
		goto out;
	}
	strcpy(run, fm_remake_str(doc, "run"));
	if (asprintf(&path, "%s/%s.json", folder, run) < 0) {
		path = NULL;
		rc = fm_remake_no_memory(err);
		goto out;
	}
	if ((rc = fm_dir_make(folder, 0700, err)) < 0)
		goto out;
	rc = fm_json_save(doc, path, err);
out:
	json_decref(doc);
	free(folder);
	free(path);
	return rc;
}

/* Take what is not made again: the model from the bundle, the verdict from the manifest. */
static int take_bundle(struct fm_remaking *m, char run[FM_RUN_ID_MAX], struct fm_error *err)
{
	const struct fm_config *cfg = m->recipe.cfg;
	char *path = NULL;
	json_t *verdict = NULL;
	uint64_t nbytes = 0;
	bool same;
	int rc;

	if ((rc = fm_file_size(m->in->model, &nbytes, err)) < 0 ||
	    (rc = fm_clear_open(&m->clear, m->ws.path, true, nbytes, err)) < 0)
		goto out;
	if (!(m->model = fm_path_join(m->clear, "model")) || !(m->verdict = fm_path_join(m->dir, "verdict")) ||
	    !(path = fm_path_join(m->verdict, "verdict.json")) || !(m->told = fm_manifest_base(m->recipe.manifest)) ||
	    !(verdict = fm_recipe_verdict(&m->recipe))) {
		rc = fm_remake_no_memory(err);
		goto out;
	}
	if ((rc = fm_bundle_open(&m->bundle, m->in->model, m->in->project, m->model, m->in->unconfined, err)) < 0 ||
	    (rc = held_against(m, fm_stage_table[FM_TRAIN].product, m->bundle.model_sha256, &same, err)) < 0)
		goto out;
	if (!same || strcmp(m->bundle.name, cfg->release.name) != 0 ||
	    strcmp(m->bundle.version, cfg->release.version) != 0) {
		rc = fm_fail(
		    err, FM_EVERDICT,
		    "--model: %s holds the model of %s %s (run %s), and %s was made by another one; nothing was "
		    "done",
		    m->in->model, m->bundle.name, m->bundle.version, m->bundle.run, m->in->what);
		goto out;
	}
	if ((rc = fm_dir_make(m->verdict, 0700, err)) < 0 || (rc = fm_json_save(verdict, path, err)) < 0)
		goto out;
	if (fm_config_dp(cfg)) {
		if (!m->bundle.secret.len) {
			rc = fm_fail(err, FM_EINPUT, "--model: %s is not of a run in privacy.mode dp", m->in->model);
			goto out;
		}
		strcpy(run, m->bundle.run);
		rc = fm_sealed_write(m->dir, m->in->project, run, &m->bundle.secret, NULL, err);
	}
out:
	fm_bundle_close(&m->bundle); /* the secret, before a stage is started */
	json_decref(verdict);
	free(path);
	return rc;
}

/* ---- the work ---- */

static int run_again(struct fm_remaking *m, struct fm_error *err)
{
	struct fm_replay replay = {0};
	char sealed_run[FM_RUN_ID_MAX] = "";
	struct fm_run_options o = {.cfg = m->recipe.cfg,
				   .until = FM_RELEASE,
				   .dry = true,
				   .unconfined = m->in->unconfined,
				   .stages = m->in->stages,
				   .project = m->in->project,
				   .lasting = m->ws.path};
	json_t *waivers = json_object_get(m->recipe.manifest, "waivers"), *none = json_array();
	int rc;

	if (!(m->inner = fm_path_join(m->dir, "workspace")) || !none) {
		rc = fm_remake_no_memory(err);
		goto out;
	}
	if (m->in->model) {
		if ((rc = take_bundle(m, sealed_run, err)) < 0)
			goto out;
		replay = (struct fm_replay){m->model, m->bundle.model_sha256, m->verdict, m->told};
		o.replay = &replay;
	} else {
		if ((rc = check_trace(m, err)) < 0 || (m->in->sealed && (rc = take_sealed(m, sealed_run, err)) < 0))
			goto out;
	}
	o.trace_sha256 = m->trace_sha256;
	o.workspace = m->inner;
	o.waivers = json_is_array(waivers) ? waivers : none;
	if (fm_config_dp(m->recipe.cfg)) {
		o.audits = none;
		o.sealed_workspace = m->dir;
		o.sealed_run = sealed_run;
	}
	rc = fm_runner_run(&o, &m->run, err);
out:
	json_decref(none);
	return rc;
}

/* ---- the whole of it ---- */

static int record(const struct fm_remaking *m, const json_t *report, struct fm_error *err)
{
	json_t *body = json_copy((json_t *)report);
	int rc;

	json_object_del(body, "differences");
	json_object_set_new(body, "name", json_string(m->recipe.cfg->release.name));
	json_object_set_new(body, "version", json_string(m->recipe.cfg->release.version));
	rc = body ? fm_ledger_append(m->ledger, "", "reproduce", body, err) : fm_remake_no_memory(err);
	json_decref(body);
	return rc;
}

static int check_secret(const char *project, struct fm_error *err)
{
	struct fm_secret key;
	int rc = fm_project_secret(&key, project, err);

	fm_secret_close(&key);
	return rc;
}

int fm_remake(const struct fm_remake_in *in, json_t **report, struct fm_error *err)
{
	struct fm_remaking m = {.in = in, .ws = FM_WORKSPACE_NONE};
	struct fm_error later;
	int rc;

	*report = NULL;
	if ((rc = fm_recipe_read(&m.recipe, in->what, in->unconfined, err)) < 0 || (rc = check_wishes(&m, err)) < 0 ||
	    (rc = check_secret(in->project, err)) < 0 || (rc = fm_workspace_open(&m.ws, in->workspace, err)) < 0 ||
	    (rc = fm_ledger_open(&m.ledger, m.ws.path, in->project, FM_LEDGER_WRITE, err)) < 0)
		goto out;
	if (!(m.dir = fm_path_join(m.ws.path, "reproduce-tmp"))) {
		rc = fm_remake_no_memory(err);
		goto out;
	}
	if ((rc = fm_dir_make(m.dir, 0700, err)) < 0 || (rc = fill_config(&m, err)) < 0 ||
	    (rc = run_again(&m, err)) < 0)
		goto out;
	rc = fm_remake_compare(&m, report, err);
	if (*report && record(&m, *report, &later) < 0)
		fm_warn("%s", later.message);
out:
	fm_clear_close(m.clear);
	if (m.dir)
		fm_dir_clear_away(m.dir);
	fm_run_free(&m.run);
	fm_recipe_free(&m.recipe);
	json_decref(m.told);
	free(m.dir);
	free(m.model);
	free(m.verdict);
	free(m.inner);
	fm_ledger_close(m.ledger);
	fm_workspace_close(&m.ws);
	return rc;
}
