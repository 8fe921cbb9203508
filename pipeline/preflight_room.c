/* preflight_room.c - where a run's files go, and whether there is room for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "manifests/dialect.h"
#include "pipeline/preflight.h"
#include "pipeline/preflight_parts.h"
#include "traces/files.h"
#include "traces/source.h"

/* A row takes 58 bytes in a table, at most 200 in a text trace and 60 in a packed one; the smallest model, its
 * checkpoint and the ledger take some MiB: the least that a run needs. */
#define TEXT_ROW_MAX 200
#define PACKED_ROW_MAX 60
#define TABLE_ROW 58
#define RUN_LEAST ((uint64_t)4 << 20)

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

/* ---- where it goes ---- */

const char *fm_preflight_out(const struct fm_run_options *o)
{
	return o->out ? o->out : o->cfg->publish.out;
}

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

/* The part of path, which is changed, that is a link to nothing, behind which no folder can be made, and why it leads
 * nowhere; NULL: there is none. */
static const char *dead_link(char *path, int *why)
{
	struct stat st;
	char *slash;

	while (lstat(path, &st)) {
		if (!(slash = strrchr(path, '/')) || slash == path)
			return NULL;
		*slash = '\0';
	}
	*why = stat(path, &st) ? errno : 0;
	return *why ? path : NULL;
}

/* Is it the folder NAME of the project (or `named`), or below that? */
static bool lies_in(const char *path, const char *project, const char *name, const char *named)
{
	char *dir = named ? strdup(named) : fm_path_join(project, name), *real = dir ? realpath(dir, NULL) : NULL,
	     *at = realpath(path, NULL);
	size_t n = real ? strlen(real) : 0;
	bool in = real && at && strncmp(at, real, n) == 0 && (!at[n] || at[n] == '/');

	free(at);
	free(real);
	free(dir);
	return in;
}

/* What is handed out lies beside nothing that is not. */
static int check_apart(const struct fm_run_options *o, const char *project, const char *key, const char *out,
		       const char *above, struct fm_error *err)
{
	bool keys = lies_in(above, project, "keys", NULL);

	if (!keys && !lies_in(above, project, "workspace", o->workspace))
		return FM_OK;
	return fm_fail(err, FM_EINPUT,
		       "%s: %s: the release folder is for others, and what lies there is for nobody else: %s; name "
		       "another folder with %s",
		       key, out, keys ? "the project's keys" : "the workspace", key);
}

int fm_preflight_place(const struct fm_run_options *o, const char *project, struct fm_held *held, struct fm_error *err)
{
	const char *out = fm_preflight_out(o), *key = o->out ? "--out" : "publish.out", *above;
	char *copy = strdup(out), *again = strdup(out), *probe = NULL;
	const char *dead;
	struct stat st;
	int rc = FM_OK, why;

	if (!copy || !again) {
		rc = no_memory(err);
		goto out;
	}
	above = nearest(copy);
	if ((dead = dead_link(again, &why)))
		rc = fm_fail(err, FM_EINPUT,
			     "%s: %s: the release folder cannot be made there: %s is a link that leads nowhere (%s): "
			     "make the folder that it names, remove it, or name another folder with %s",
			     key, out, dead, strerror(why), key);
	else if (stat(above, &st) == 0 && !S_ISDIR(st.st_mode))
		rc = fm_fail(err, FM_EINPUT, "%s: %s: the release folder cannot be made there: %s is a file", key, out,
			     above);
	else if ((held && (rc = fm_held_begin(held, out, above, err)) < 0) ||
		 (rc = check_apart(o, project, key, out, above, err)) < 0)
		;
	else if (asprintf(&probe, "%s/.flowmint-probe-XXXXXX", above) < 0)
		rc = no_memory(err);
	/* To make something is the one sure test: modes, access lists and read-only file systems all have a say. */
	else if (!mkdtemp(probe))
		rc =
		    fm_fail(err, errno == ENOENT ? FM_EINPUT : FM_ESYSTEM,
			    "%s: %s: the release folder cannot be written: nothing can be made in %s: %s; name another "
			    "folder with %s, or change the mode",
			    key, out, above, strerror(errno), key);
	else if (rmdir(probe) != 0) /* a folder that is only added to */
		rc =
		    fm_fail(err, FM_ESYSTEM,
			    "%s: %s: the release folder cannot be written: %s was made and cannot be removed: %s; name "
			    "another folder with %s",
			    key, out, probe, strerror(errno), key);
out:
	free(probe);
	free(again);
	free(copy);
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

/* A lower bound on the rows of a trace; 0 where it cannot be known before, as for packets. */
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

int fm_preflight_room(const struct fm_run_options *o, const char *workspace, struct fm_error *err)
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

/* The shortest line of a release's flows: two addresses, two ports, a time and a few numbers. */
#define TEXT_ROW_LEAST 32

int fm_preflight_file_limit(const struct fm_run_options *o, struct fm_error *err)
{
	const struct fm_config *cfg = o->cfg;
	uint64_t rows = (uint64_t)cfg->generate.rows, least;

	if (rows == 0)
		rows = (uint64_t)((double)rows_at_least(cfg) * (1 - cfg->split.holdout - cfg->split.validation));
	least = rows * TEXT_ROW_LEAST >> 20;
	if (cfg->limits.file_mib == 0 || least < (uint64_t)cfg->limits.file_mib)
		return FM_OK;
	return fm_config_fail_at(
	    cfg, "limits.file_mib generate.rows", err,
	    "limits.file_mib is %lld, and the %llu flows of the release are one file of over %llu MiB: raise "
	    "it, or set generate.rows lower",
	    (long long)cfg->limits.file_mib, (unsigned long long)rows, (unsigned long long)least);
}
