#include "pipeline/preflight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "judge/gate/controls.h"
#include "manifests/dialect.h"
#include "manifests/registry.h"
#include "model/generator.h"
#include "model/marginals/records.h"
#include "pipeline/limits.h"
#include "pipeline/preflight_parts.h"
#include "pipeline/project_secret.h"
#include "pipeline/walls/sandbox.h"
#include "stages/judged_rows.h"
#include "traces/files.h"
#include "traces/source.h"
#include "traces/spell.h"
#include "traces/split.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

/* ---- files ---- */

/* What of a path that leads nowhere shows what was meant; NULL: nothing does. A path behind the config's folder may be
 * one that another system or a shell would have understood. */
static const char *why_missing(const struct fm_config *cfg, const char *path)
{
	size_t n = strlen(cfg->dir);
	const char *given = strncmp(path, cfg->dir, n) == 0 && path[n] == '/' ? path + n + 1 : path;

	if (strncmp(path, "~/", 2) == 0 || strstr(path, "/~/"))
		return "a ~ stands for no folder here: write the whole path";
	if (*given == '$' || strstr(given, "/$"))
		return "a $ stands for no variable here: write the whole path";
	if (((*given | 0x20) >= 'a' && (*given | 0x20) <= 'z' && given[1] == ':' && strchr("/\\", given[2])) ||
	    strncmp(given, "\\\\", 2) == 0)
		return "it is a path of Windows: under WSL C:\\data is /mnt/c/data";
	return strstr(path, ":/") ? "an address is not fetched: fetch it yourself" : NULL;
}

/* Is the file there as a compressed one? */
static const char *compressed(const char *path)
{
	static const char *const suffixes[] = {".gz", ".xz", ".zst", ".bz2"};
	char text[FM_FILE_PATH];

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		if ((size_t)snprintf(text, sizeof text, "%s%s", path, suffixes[i]) < sizeof text &&
		    fm_file_exists(text))
			return suffixes[i];
	return NULL;
}

/* Why a file that the config names cannot be looked at. */
static int explain_missing(const struct fm_config *cfg, const char *key, const char *path, int why,
			   struct fm_error *err)
{
	const char *meant = why == ENOENT ? why_missing(cfg, path) : NULL, *suffix = compressed(path);
	size_t n = strlen(cfg->dir);
	char *copy;
	int rc;

	if (why == ENOENT && strncmp(path, cfg->dir, n) == 0 && path[n] == '/' && fm_file_exists(path + n + 1))
		return fm_fail(err, FM_EINPUT,
			       "%s: %s: no such file; it is looked for from the folder of the config, and there is a "
			       "%s in the current folder: write its whole path",
			       key, path, path + n + 1);
	if (meant)
		return fm_fail(err, FM_EINPUT, "%s: %s: no such file, and %s", key, path, meant);
	if (why == ENOENT && suffix)
		return fm_fail(err, FM_EINPUT,
			       "%s: %s: no such file; there is one with %s behind its name, which can be read", key,
			       path, suffix);
	if (why != EACCES)
		return why == ENOENT ? fm_fail(err, FM_EINPUT, "%s: %s: no such file", key, path)
				     : fm_fail(err, FM_EINPUT, "%s: %s: %s", key, path, strerror(why));
	if (!(copy = strdup(path)))
		return no_memory(err);
	for (char *slash = strrchr(copy, '/'); slash && slash > copy; slash = strrchr(copy, '/')) {
		*slash = '\0';
		if (access(copy, F_OK) == 0)
			break;
	}
	rc = fm_fail(err, FM_EINPUT,
		     "%s: cannot tell whether %s is there: this user may not look into %s (the permission to search a "
		     "folder is its x: chmod +x)",
		     key, path, copy);
	free(copy);
	return rc;
}

static int check_file(const struct fm_config *cfg, const char *key, const char *path, struct fm_error *err)
{
	struct stat st;

	if (stat(path, &st))
		return explain_missing(cfg, key, path, errno, err);
	if (S_ISDIR(st.st_mode))
		return fm_fail(err, FM_EINPUT,
			       "%s: %s is a folder, not a regular file: name the files in it, as in %s/*.csv", key,
			       path, path);
	if (access(path, R_OK))
		return fm_fail(err, FM_EINPUT, "%s: %s cannot be read by this user: %s", key, path, strerror(errno));
	return FM_OK;
}

int fm_preflight_file(const struct fm_config *cfg, const char *key, const char *path, struct fm_error *err)
{
	return check_file(cfg, key, path, err) < 0 ? fm_config_prefix_line(cfg, key, err) : FM_OK;
}

static int check_trace(const struct fm_config *cfg, struct fm_error *err)
{
	const char *list = cfg->source.path;
	char path[FM_FILE_PATH];
	int rc;

	while (fm_files_next(&list, path))
		if ((rc = fm_preflight_file(cfg, "source.path", path, err)) < 0)
			return rc;
	return FM_OK;
}

static int check_commitment(const char *project, struct fm_error *err)
{
	struct fm_secret secret;
	int rc = fm_project_secret(&secret, project, err);

	fm_secret_close(&secret);
	return rc;
}

/* ---- what is asked for ---- */

static int add_value(struct fm_dict *d, const char *s, struct fm_error *err)
{
	return fm_dict_index(d, s, strlen(s), true) < 0 ? fm_fail(err, FM_ESYSTEM, "out of memory") : FM_OK;
}

/* In privacy.mode dp a release has only values of public lists, so what its dialect cannot write of them is known
 * before a record is read. */
static int say_public_losses(const struct fm_config *cfg, const struct fm_dialect *to, struct fm_error *err)
{
	char text[FM_UNSAID][320], words[FM_CFG_STR];
	const char *label[FM_LABELS_MAX];
	int nlabels = fm_config_public_labels(cfg, words, label, FM_LABELS_MAX), n, fails, rc;
	struct fm_table *t = NULL;
	uint32_t columns;

	if ((rc = fm_table_new(&t, 1u << FM_PR | 1u << FM_LABEL, err)) < 0)
		return rc;
	for (int i = 0; i < FM_PROTOCOLS && rc >= 0; i++)
		rc = add_value(&t->dict[FM_PR], fm_protocol_names[i], err);
	for (int i = 0; i < nlabels && rc >= 0; i++)
		rc = add_value(&t->dict[FM_LABEL], label[i], err);
	if (rc < 0)
		goto out;
	n = fm_spell_losses(t, to, text, &fails, &columns);
	for (int i = 0; i < n; i++)
		fm_warn("publish.dialect %s, of the values that a release in privacy.mode dp may have: %s", to->name,
			text[i]);
out:
	fm_table_free(t);
	return rc;
}

/* What the release will lose in its dialect: where told is set, warn of it before hours are spent.  The data sheet has
 * the same. */
static int check_published(const struct fm_config *cfg, bool told, struct fm_error *err)
{
	char text[FM_DIALECT_LOSSES][256];
	struct fm_dialect *from = NULL, *to = NULL;
	bool same = strcmp(fm_config_published(cfg), cfg->source.dialect) == 0;
	int n, rc;

	if ((rc = fm_dialect_load(&from, cfg->source.dialect, err)) < 0)
		goto out;
	if ((rc = fm_dialect_load(&to, fm_config_published(cfg), err)) < 0) {
		fm_error_prefix(err, "publish.dialect: ");
		goto out;
	}
	if (cfg->publish.header && to->json) {
		rc = fm_config_fail_at(
		    cfg, "publish.header publish.dialect source.dialect", err,
		    "publish.header does nothing in dialect %s, whose lines are JSON objects with the "
		    "columns' names: leave it out",
		    to->name);
		goto out;
	}
	if (to->present & from->absent) {
		char columns[64];

		rc = fm_config_fail_at(cfg, "publish.dialect source.dialect", err,
				       "publish.dialect %s has a column for what the trace does not have (%s), and "
				       "nothing that stands for it is published: leave it out, or name one without",
				       to->name, fm_columns_text(to->present & from->absent, columns, sizeof columns));
		goto out;
	}
	n = told ? fm_dialect_losses(from, to, text) : 0;
	for (int i = 0; i < n; i++)
		if (same)
			fm_log("the release is in dialect %s: %s", to->name, text[i]);
		else
			fm_warn("publish.dialect %s: %s", to->name, text[i]);
	if (told && fm_config_dp(cfg))
		rc = say_public_losses(cfg, to, err);
out:
	fm_dialect_free(from);
	fm_dialect_free(to);
	return rc;
}

static int check_rows(const struct fm_config *cfg, struct fm_error *err)
{
	uint64_t windows = fm_splitter_needed(cfg->split.validation, cfg->split.holdout),
		 needed = windows * (uint64_t)cfg->model.window;
	char or [96];

	if (cfg->source.rows <= 0 || (uint64_t)cfg->source.rows >= needed)
		return FM_OK;
	return fm_config_fail_at(
	    cfg, "source.rows model.window split.validation split.holdout", err,
	    "source.rows is %lld, but one window in each split takes %llu rows (%llu windows of model.window "
	    "%d): raise source.rows, lower model.window%s",
	    (long long)cfg->source.rows, (unsigned long long)needed, (unsigned long long)windows, cfg->model.window,
	    fm_splitter_advice(cfg->split.validation, cfg->split.holdout,
			       (uint64_t)cfg->source.rows / (uint64_t)cfg->model.window, or));
}

/* A check that no run of this config can answer would fail after all the work.  A check of labels is not asked where
 * there are none.  d: NULL where the dialect is not known yet. */
static int check_answers(const struct fm_config *cfg, const struct fm_generator *g, const struct fm_dialect *d,
			 struct fm_error *err)
{
	for (int i = 0; i < cfg->gate.n; i++) {
		const char *name = cfg->gate.check[i].name;
		const struct fm_metric_kind *kind = fm_metric_kind(name);
		char keys[128], column[64];

		snprintf(keys, sizeof keys, "gate.%s release.previous", name);
		if (kind && kind->needs & FM_NEEDS_PREVIOUS && !cfg->release.previous[0])
			return fm_config_fail_at(
			    cfg, keys, err,
			    "gate.%s compares with the release before, and release.previous names none: "
			    "name it, or set the check to null",
			    name);
		snprintf(keys, sizeof keys, "gate.%s source.dialect", name);
		if (kind && d && !fm_metric_needs_labels(name) && fm_metric_lacks(name, d->present, column))
			return fm_config_fail_at(
			    cfg, keys, err,
			    "gate.%s needs the column %s, which dialect %s does not have: set the check to "
			    "null",
			    name, column, d->name);
		snprintf(keys, sizeof keys, "gate.%s model.kind", name);
		if (kind && kind->needs & FM_NEEDS_MODEL && !(kind->is & FM_OF_COUNTS) && !g->losses)
			return fm_config_fail_at(
			    cfg, keys, err,
			    "gate.%s asks the model how well it knows single windows, which model.kind %s "
			    "does not say: set it to null",
			    name, cfg->model.kind);
	}
	return FM_OK;
}

/* Refuse a gate that no release can pass. */
static int check_gate(const struct fm_config *cfg, const struct fm_generator *g, struct fm_error *err)
{
	struct fm_dialect *dialect = NULL;
	const char *first = NULL;
	int n = 0, rc;

	if (cfg->gate.n == 0)
		return fm_fail(
		    err, FM_EINPUT,
		    "the gate has no check left, and a gate without checks lets nothing through: keep some of the "
		    "preset's, or stop before it (--until evaluate)");
	if (strcmp(cfg->source.dialect, "auto") != 0 && (rc = fm_dialect_load(&dialect, cfg->source.dialect, err)) < 0)
		return rc;
	rc = check_answers(cfg, g, dialect, err);
	fm_dialect_free(dialect);
	if (rc < 0 || cfg->split.holdout > 0)
		return rc;
	for (int i = 0; i < cfg->gate.n; i++) {
		const struct fm_cfg_check *c = &cfg->gate.check[i];
		const struct fm_metric_kind *kind = fm_metric_kind(c->name);
		if (!c->relative_to_floor && !(kind && kind->needs & FM_NEEDS_HOLDOUT))
			continue;
		first = first ? first : c->name;
		n++;
	}
	if (n == 0)
		return FM_OK;
	return fm_config_fail_at(
	    cfg, "split.holdout", err,
	    "split.holdout is 0, and the gate has %d check%s that need%s real flows which the model never saw "
	    "(%s%s): set split.holdout, or set %s to null",
	    n, n == 1 ? "" : "s", n == 1 ? "s" : "", first, n == 1 ? "" : " is the first", n == 1 ? "it" : "them");
}

static int check_shards(const char *key, const char *folder, struct fm_error *err)
{
	struct stat st;

	if (stat(folder, &st) != 0)
		return fm_fail_errno(err, "%s: %s", key, folder);
	return S_ISDIR(st.st_mode) ? FM_OK : fm_fail(err, FM_EINPUT, "%s: %s is no folder", key, folder);
}

int fm_preflight(const struct fm_run_options *o, const char *project, const char *workspace, struct fm_run *run,
		 struct fm_error *err)
{
	const struct fm_config *cfg = o->cfg;
	const struct fm_generator *kind;
	int rc;

	if ((rc = fm_limits_check(err)) < 0 || (rc = fm_generator_check(&kind, cfg, err)) < 0)
		return rc;
	if (!o->trace_sha256) {
		if (!cfg->source.path[0])
			return fm_fail(err, FM_EINPUT, "%s: source.path is not set: it names the trace to learn from",
				       cfg->file);
		if ((rc = check_trace(cfg, err)) < 0 || (rc = check_rows(cfg, err)) < 0 ||
		    (rc = fm_preflight_room(o, workspace, err)) < 0)
			return rc;
	}
	if (o->until >= FM_GENERATE && cfg->run.shards[0] && !o->dry &&
	    ((rc = fm_generator_check_parts(cfg, err)) < 0 ||
	     (rc = check_shards("run.shards", cfg->run.shards, err)) < 0))
		return rc;
	if (o->until >= FM_EVALUATE && cfg->run.parts[0] && !o->dry &&
	    (rc = check_shards("run.parts", cfg->run.parts, err)) < 0)
		return rc;
	if (o->until >= FM_TRAIN && cfg->run.mpi > 1 && (rc = fm_generator_check_ranks(cfg, err)) < 0)
		return rc;
	if (o->until >= FM_EVALUATE && cfg->release.previous[0] &&
	    (rc = fm_preflight_file(cfg, "release.previous", cfg->release.previous, err)) < 0)
		return rc;
	if (o->until >= FM_GATE && (rc = check_gate(cfg, kind, err)) < 0)
		return rc;
	if (o->until == FM_RELEASE && !o->dry && (rc = fm_preflight_file_limit(o, err)) < 0)
		return rc;
	if (o->until == FM_RELEASE && cfg->release.license_file[0] &&
	    (rc = fm_preflight_file(cfg, "release.license_file", cfg->release.license_file, err)) < 0)
		return rc;
	if ((rc = check_commitment(project, err)) < 0) /* the ledger is under it too */
		return rc;
	if (o->until == FM_RELEASE &&
	    ((rc = fm_preflight_key(cfg, project, fm_preflight_out(o), o->dry, run ? &run->outside : NULL, err)) < 0 ||
	     (!o->dry && (rc = fm_preflight_place(o, project, run ? &run->held : NULL, err)) < 0)))
		return rc;
	if (o->until == FM_RELEASE && (rc = check_published(cfg, !o->dry, err)) < 0)
		return rc;
	if (!o->unconfined && (rc = fm_sandbox_probe(err)) < 0)
		return rc;
	return o->until >= FM_EVALUATE && cfg->release.previous[0] ? fm_preflight_previous(cfg, o->unconfined, err)
								   : FM_OK;
}

/* Flows of a trace that leave enough of them on both sides. */
static uint64_t flows_for_controls(const struct fm_config *cfg)
{
	uint64_t W = (uint64_t)cfg->model.window, count[FM_NSPLIT], all = 0;

	for (uint64_t train = 1; train < 1 << 20; train += train / 32 + 1) {
		uint64_t rows[2];

		fm_splitter_at(cfg->split.validation, cfg->split.holdout, fm_holdout_least(cfg), train, count);
		rows[0] = count[FM_SPLIT_TRAIN] * W;
		rows[1] = count[FM_SPLIT_HOLDOUT] * W;
		all = (count[FM_SPLIT_TRAIN] + count[FM_SPLIT_VALIDATION] + count[FM_SPLIT_HOLDOUT]) * W;
		fm_judged_rows_count(cfg, rows);
		if (fm_controls_enough(rows[0], rows[1]))
			break;
	}
	return all;
}

int fm_preflight_rows(const struct fm_run_options *o, const struct fm_run *run, const json_t *waivers,
		      struct fm_error *err)
{
	const struct fm_config *cfg = o->cfg;
	const json_t *ingest = run->stage[FM_INGEST].result;
	uint64_t flows = (uint64_t)json_integer_value(json_object_get(ingest, "rows")),
		 rows[2] = {(uint64_t)json_integer_value(json_object_get(ingest, "train_rows")),
			    (uint64_t)json_integer_value(json_object_get(ingest, "holdout_rows"))};

	if (o->dry || o->until < FM_GATE || !fm_config_controls(cfg))
		return FM_OK;
	for (size_t i = 0; i < json_array_size(waivers); i++)
		if (strcmp(fm_json_str(json_array_get(waivers, i), "check"), FM_METRIC_CONTROLS) == 0)
			return FM_OK;
	fm_judged_rows_count(cfg, rows);
	if (fm_controls_enough(rows[0], rows[1]))
		return FM_OK;
	return fm_config_fail_at(
	    cfg, "source.rows split.holdout model.window", err,
	    "too few flows for a release: a gate is shown to work on planted generators first, with some %d training "
	    "flows and twice as many of the holdout, and %llu flows leave it %llu and %llu: take about %llu flows or "
	    "more%s%s, or stop "
	    "before the gate (--until evaluate)",
	    FM_CONTROLS_MIN, (unsigned long long)flows, (unsigned long long)rows[0], (unsigned long long)rows[1],
	    (unsigned long long)flows_for_controls(cfg), cfg->source.rows ? " (source.rows)" : "",
	    cfg->split.holdout_least < 2 * FM_CONTROLS_MIN
		? ", or set split.holdout_least to 104, as the preset any has it"
		: "");
}
