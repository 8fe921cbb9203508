#include "pipeline/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "manifests/json_bounds.h"
#include "manifests/registry.h"
#include "model/generator.h"
#include "pipeline/limits.h"
#include "pipeline/preflight_parts.h"
#include "pipeline/project_secret.h"
#include "pipeline/publish.h"
#include "pipeline/walls/sandbox.h"
#include "release/archive.h"
#include "traces/files.h"
#include "traces/source.h"
#include "traces/split.h"

/* A row takes 58 bytes in a table, at most 200 in a text trace and 60 in a packed one; the smallest model, its
 * checkpoint and the ledger some MiB: what a run needs at the least. */
#define TEXT_ROW_MAX 200
#define PACKED_ROW_MAX 60
#define TABLE_ROW 58
#define RUN_LEAST ((uint64_t)4 << 20)

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

const char *fm_preflight_out(const struct fm_run_options *o)
{
	return o->out ? o->out : o->cfg->publish.out;
}

/* ---- files ---- */

/* The part of path, which is changed, that is there: its nearest folder, or "." */
static const char *nearest(char *path)
{
	struct stat st;
	char *slash;

	while (stat(path, &st)) {
		if (!(slash = strrchr(path, '/')))
			return ".";
		*(slash == path ? slash + 1 : slash) = '\0';
		if (slash == path)
			return path;
	}
	return path;
}

/* Why a file that the config names cannot be looked at. */
static int explain_missing(const char *key, const char *path, int why, struct fm_error *err)
{
	char *copy;
	int rc;

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

int fm_preflight_file(const char *key, const char *path, struct fm_error *err)
{
	struct stat st;

	if (stat(path, &st))
		return explain_missing(key, path, errno, err);
	if (S_ISDIR(st.st_mode))
		return fm_fail(err, FM_EINPUT, "%s: %s is a folder, not a regular file", key, path);
	if (access(path, R_OK))
		return fm_fail(err, FM_EINPUT, "%s: %s cannot be read by this user: %s", key, path, strerror(errno));
	return FM_OK;
}

static int check_trace(const char *list, struct fm_error *err)
{
	char path[FM_FILE_PATH];
	int rc;

	while (fm_files_next(&list, path))
		if ((rc = fm_preflight_file("source.path", path, err)) < 0)
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

/* ---- where it goes ---- */

static int check_out(const struct fm_run_options *o, struct fm_error *err)
{
	const char *out = fm_preflight_out(o), *key = o->out ? "--out" : "publish.out", *above;
	char *copy = strdup(out), *probe = NULL;
	struct stat st;
	int rc = FM_OK;

	if (!copy)
		return no_memory(err);
	above = nearest(copy);
	if (stat(above, &st) == 0 && !S_ISDIR(st.st_mode))
		rc = fm_fail(err, FM_EINPUT, "%s: %s: the release folder cannot be made there: %s is a file", key, out,
			     above);
	else if (asprintf(&probe, "%s/.flowmint-probe-XXXXXX", above) < 0)
		rc = no_memory(err);
	/* To make something is the one sure test: modes, access lists and read-only file systems all have a say. */
	else if (!mkdtemp(probe))
		rc =
		    fm_fail(err, errno == ENOENT ? FM_EINPUT : FM_ESYSTEM,
			    "%s: %s: the release folder cannot be written: nothing can be made in %s: %s; name another "
			    "folder with %s, or change the mode",
			    key, out, above, strerror(errno), key);
	else
		rmdir(probe);
	free(probe);
	free(copy);
	return rc;
}

/* The names of the config's sections in which a and b differ, as far as they fit. */
static void differing(const json_t *a, const json_t *b, char *out, size_t cap)
{
	const char *name;
	json_t *v;
	size_t at = 0;

	out[0] = '\0';
	json_object_foreach((json_t *)a, name, v)
	{
		struct fm_error ignored;
		char x[FM_SHA256_HEX] = "", y[FM_SHA256_HEX] = "";
		const json_t *w = json_object_get(b, name);

		/* By digest: 9.0 is 9 in canonical JSON and comes back from a file as an integer. */
		if (w && (fm_json_digest(v, x, &ignored) || fm_json_digest(w, y, &ignored) || strcmp(x, y) == 0))
			continue;
		if (at < cap)
			at += (size_t)snprintf(out + at, cap - at, "%s%s", at ? ", " : "", name);
	}
}

/* What the run of the ledger that made the archive with this digest was: its public config, its store's digest and its
 * id.  *config stays NULL when none made it. */
static int find_released(struct fm_ledger *l, const char *archive_sha256, json_t **config, char store[FM_SHA256_HEX],
			 char id[FM_RUN_ID_MAX], struct fm_error *err)
{
	struct fm_config *recorded = NULL;
	struct fm_error ignored;
	json_t *rows = NULL;
	int rc;

	id[0] = store[0] = '\0';
	if ((rc = fm_ledger_rows(l, NULL, NULL, &rows, err)) < 0)
		return rc;
	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *row = json_array_get(rows, i), *body = json_object_get(row, "body");
		const char *kind = json_string_value(json_object_get(row, "kind")),
			   *run = json_string_value(json_object_get(row, "run")),
			   *sha = json_string_value(json_object_get(body, "archive_sha256")),
			   *name = json_string_value(json_object_get(body, "name")),
			   *output = json_string_value(json_object_get(body, "output"));

		if (!kind || !run)
			continue;
		if (!id[0] && strcmp(kind, "release") == 0 && sha && strcmp(sha, archive_sha256) == 0)
			snprintf(id, FM_RUN_ID_MAX, "%s", run);
		if (!id[0] || strcmp(run, id) != 0)
			continue;
		if (strcmp(kind, "stage") == 0 && name && output && strcmp(name, fm_stage_name(FM_INGEST)) == 0)
			snprintf(store, FM_SHA256_HEX, "%s", output);
		if (strcmp(kind, "run") == 0) {
			if (!fm_config_from_json(&recorded, json_object_get(body, "config"), &ignored))
				*config = fm_config_json(recorded, NULL, true);
			fm_config_free(recorded);
			break;
		}
	}
	json_decref(rows);
	return FM_OK;
}

/* The config in the manifest of an archive, a new reference; NULL where it is none of flowmint's. */
static json_t *config_of_archive(const char *path)
{
	struct fm_archive_info info = {0};
	enum fm_reason reason;
	struct fm_error ignored;
	json_t *manifest = NULL, *config = NULL;
	int fd;

	if (fm_file_open(path, &fd, &ignored))
		return NULL;
	if (fm_archive_read(fd, &info, &reason, &ignored) == FM_OK && info.manifest.len &&
	    !fm_json_too_much(info.manifest.data, info.manifest.len))
		manifest = json_loadb(info.manifest.data, info.manifest.len, JSON_REJECT_DUPLICATES, NULL);
	config = json_incref(json_object_get(manifest, "config"));
	json_decref(manifest);
	fm_archive_info_free(&info);
	close(fd);
	return config;
}

/* A version that is not there must rise, and so must its number; first: it is looked at for the first time. */
static int check_rises(const struct fm_run_options *o, bool first, struct fm_error *err)
{
	char *path = fm_path_join(o->project ? o->project : o->cfg->dir, "allowed_signers");
	struct fm_signers signers = {0};
	char today[FM_TIME_MAX];
	struct fm_record next;
	int rc;

	if (!path)
		return no_memory(err);
	if ((rc = fm_signers_load(&signers, path, err)) < 0)
		goto out;
	if ((rc = fm_publish_next(o->cfg, fm_preflight_out(o), &signers, &next, err)) < 0)
		goto out;
	fm_format_time_s((int64_t)time(NULL) * 1000, today);
	if (first && next.expires[0] && strncmp(next.expires, today, strlen(next.expires)) < 0)
		fm_warn(
		    "publish.expires: %s has passed, so partners will refuse this release: name a later day, or raise "
		    "release.date, from which a number of days counts",
		    next.expires);
out:
	fm_signers_free(&signers);
	free(path);
	return rc;
}

int fm_preflight_version(const struct fm_run_options *o, struct fm_ledger *l, const struct fm_run *run,
			 struct fm_error *err)
{
	const struct fm_config *cfg = o->cfg;
	char hex[FM_SHA256_HEX] = "", store[FM_SHA256_HEX] = "", id[FM_RUN_ID_MAX] = "", other[200] = "", *path = NULL;
	json_t *there = NULL, *here = NULL;
	struct stat st;
	int rc = FM_OK;

	if (o->dry || o->until < FM_RELEASE)
		return FM_OK;
	if (asprintf(&path, "%s/%s-%s.tar.zst", fm_preflight_out(o), cfg->release.name, cfg->release.version) < 0)
		return no_memory(err);
	if (lstat(path, &st) != 0) {
		rc = check_rises(o, !run, err);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = fm_fail(err, FM_EINPUT,
			     "%s: the archive would go there, but the name is taken by something that is not a file: "
			     "remove it, or name another folder with publish.out",
			     path);
		goto out;
	}
	/* A file of holes is no archive of ours, and would cost hours to read. */
	if ((uint64_t)st.st_size <= FM_ARCHIVE_MAX_FILE &&
	    ((rc = fm_sha256_file_hex(path, hex, err)) < 0 || (rc = find_released(l, hex, &there, store, id, err)) < 0))
		goto out;
	if (!there && hex[0])
		there = config_of_archive(path);
	if (!(here = fm_config_json(cfg, NULL, true))) {
		rc = no_memory(err);
		goto out;
	}
	if (there)
		differing(here, there, other, sizeof other);
	if (there && !other[0] && run && store[0] && strcmp(store, run->stage[FM_INGEST].output) != 0)
		snprintf(other, sizeof other, "the trace");
	if (!there || other[0])
		rc = fm_fail(err, FM_EINPUT,
			     "release.version: %s %s is taken: %s is there%s%s and is another release%s%s%s; raise "
			     "release.version, or remove the archive if nobody was given it",
			     cfg->release.name, cfg->release.version, path, id[0] ? ", made by run " : "", id,
			     there ? " (" : "", other, there ? " differs)" : "");
out:
	json_decref(there);
	json_decref(here);
	free(path);
	return rc;
}

/* ---- room ---- */

int fm_preflight_free(const char *path, uint64_t *nbytes, struct fm_error *err)
{
	char *copy = strdup(path);
	struct statvfs v;
	int rc = FM_OK;

	if (!copy)
		return no_memory(err);
	if (statvfs(nearest(copy), &v))
		rc = fm_fail_errno(err, "%s", path);
	else
		*nbytes = (uint64_t)v.f_bavail * v.f_frsize;
	free(copy);
	return rc;
}

/* At least so many rows has a trace; 0 where nobody knows before, as of packets. */
static uint64_t rows_at_least(const struct fm_config *cfg)
{
	uint64_t rows = 0, most = cfg->source.rows > 0 ? (uint64_t)cfg->source.rows : UINT64_MAX;
	const char *list = cfg->source.path;
	struct fm_dialect *d = NULL;
	char path[FM_FILE_PATH];
	struct fm_error ignored;
	struct stat st;
	bool binary = fm_dialect_load(&d, cfg->source.dialect, &ignored) == FM_OK && (d->packets || d->ipfix);

	fm_dialect_free(d);
	while (!binary && fm_files_next(&list, path))
		rows += stat(path, &st) == 0
			    ? (uint64_t)st.st_size / (fm_source_is_packed(path) ? PACKED_ROW_MAX : TEXT_ROW_MAX)
			    : 0;
	return rows < most ? rows : most;
}

static bool has_stage(const char *workspace, enum fm_stage_id id)
{
	char *stages = fm_path_join(workspace, "stages"),
	     *path = stages ? fm_path_join(stages, fm_stage_name(id)) : NULL;
	bool there = path && access(path, F_OK) == 0;

	free(stages);
	free(path);
	return there;
}

/* Only what cannot fit is refused; flowmint run --plan gives an estimate.  Of a stage that has products already, this
 * run's may be among them. */
static int check_room(const struct fm_run_options *o, const char *workspace, struct fm_error *err)
{
	const struct fm_config *cfg = o->cfg;
	uint64_t rows = rows_at_least(cfg), made = (uint64_t)cfg->generate.rows, needed = 0, have;
	int rc;

	if (made == 0)
		made = (uint64_t)((double)rows * (1 - cfg->split.holdout - cfg->split.validation));
	if (!has_stage(workspace, FM_INGEST))
		needed += rows * TABLE_ROW;
	if (o->until >= FM_TRAIN && !has_stage(workspace, FM_TRAIN))
		needed += RUN_LEAST;
	if (o->until >= FM_GENERATE && !has_stage(workspace, FM_GENERATE))
		needed += made * TABLE_ROW;
	if ((rc = fm_preflight_free(workspace, &have, err)) < 0)
		return rc;
	if (have < needed)
		return fm_fail(
		    err, FM_ESYSTEM,
		    "%s: the disk is too full: %llu KiB are free, and this run takes at least %llu KiB: make "
		    "room, name another --workspace, or set source.rows or generate.rows",
		    workspace, (unsigned long long)(have >> 10), (unsigned long long)(needed >> 10));
	return FM_OK;
}

/* One file of a release has a line for each flow, of two addresses, two ports, a time and a few numbers. */
#define TEXT_ROW_LEAST 32

static int check_file_limit(const struct fm_run_options *o, struct fm_error *err)
{
	const struct fm_config *cfg = o->cfg;
	uint64_t rows = (uint64_t)cfg->generate.rows, least;

	if (rows == 0)
		rows = (uint64_t)((double)rows_at_least(cfg) * (1 - cfg->split.holdout - cfg->split.validation));
	least = rows * TEXT_ROW_LEAST >> 20;
	if (cfg->limits.file_mib == 0 || least < (uint64_t)cfg->limits.file_mib)
		return FM_OK;
	return fm_fail(
	    err, FM_EINPUT,
	    "limits.file_mib is %lld, and the %llu flows of the release are one file of over %llu MiB: raise "
	    "it, or set generate.rows lower",
	    (long long)cfg->limits.file_mib, (unsigned long long)rows, (unsigned long long)least);
}

/* What the release will not say, before hours are spent on it. The data sheet has the same. */
static int say_losses(const struct fm_config *cfg, struct fm_error *err)
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
	n = fm_dialect_losses(from, to, text);
	for (int i = 0; i < n; i++)
		if (same)
			fm_log("the release is in dialect %s: %s", to->name, text[i]);
		else
			fm_warn("publish.dialect %s: %s", to->name, text[i]);
out:
	fm_dialect_free(from);
	fm_dialect_free(to);
	return rc;
}

static int check_rows(const struct fm_config *cfg, struct fm_error *err)
{
	uint64_t windows = fm_splitter_needed(cfg->split.validation, cfg->split.holdout),
		 needed = windows * (uint64_t)cfg->model.window;

	if (cfg->source.rows <= 0 || (uint64_t)cfg->source.rows >= needed)
		return FM_OK;
	return fm_fail(
	    err, FM_EINPUT,
	    "source.rows is %lld, but one window in each split takes %llu rows (%llu windows of model.window "
	    "%d): raise source.rows or lower model.window",
	    (long long)cfg->source.rows, (unsigned long long)needed, (unsigned long long)windows, cfg->model.window);
}

/* A gate that will refuse whatever is made. */
static int check_gate(const struct fm_config *cfg, struct fm_error *err)
{
	const char *first = NULL;
	int n = 0;

	if (cfg->gate.n == 0)
		return fm_fail(
		    err, FM_EINPUT,
		    "the gate has no check left, and a gate without checks lets nothing through: keep some of the "
		    "preset's, or stop before it (--until evaluate)");
	if (cfg->split.holdout > 0)
		return FM_OK;
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
	return fm_fail(
	    err, FM_EINPUT,
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

int fm_preflight(const struct fm_run_options *o, const char *project, const char *workspace, struct fm_outside *signer,
		 struct fm_error *err)
{
	const struct fm_config *cfg = o->cfg;
	int rc;

	if ((rc = fm_limits_check(err)) < 0)
		return rc;
	if (!o->trace_sha256) {
		if (!cfg->source.path[0])
			return fm_fail(err, FM_EINPUT, "%s: source.path is not set: it names the trace to learn from",
				       cfg->file);
		if ((rc = check_trace(cfg->source.path, err)) < 0 || (rc = check_rows(cfg, err)) < 0 ||
		    (rc = check_room(o, workspace, err)) < 0)
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
	    (rc = fm_preflight_file("release.previous", cfg->release.previous, err)) < 0)
		return rc;
	if (o->until >= FM_GATE && (rc = check_gate(cfg, err)) < 0)
		return rc;
	if (o->until == FM_RELEASE && !o->dry && (rc = check_file_limit(o, err)) < 0)
		return rc;
	if (o->until == FM_RELEASE && cfg->release.license_file[0] &&
	    (rc = fm_preflight_file("release.license_file", cfg->release.license_file, err)) < 0)
		return rc;
	if ((rc = check_commitment(project, err)) < 0) /* the ledger is under it too */
		return rc;
	if (o->until == FM_RELEASE && ((rc = fm_preflight_key(cfg, project, o->dry, signer, err)) < 0 ||
				       (!o->dry && (rc = check_out(o, err)) < 0)))
		return rc;
	if (o->until == FM_RELEASE && !o->dry && (rc = say_losses(cfg, err)) < 0)
		return rc;
	if (!o->unconfined && (rc = fm_sandbox_probe(err)) < 0)
		return rc;
	return o->until >= FM_EVALUATE && cfg->release.previous[0] ? fm_preflight_previous(cfg, o->unconfined, err)
								   : FM_OK;
}
