/* preflight_version.c - is this version free, and does it rise?  A version that was released (its archive is in the
 * folder of releases, or the ledger has it) is free only for a run that would make the same again. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/num.h"
#include "manifests/canon.h"
#include "manifests/json_bounds.h"
#include "pipeline/preflight.h"
#include "pipeline/publish.h"
#include "pipeline/released.h"
#include "release/archive.h"
#include "release/tlog.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

/* The names of the config's sections in which a and b differ, as far as they fit. */
static int differing(const json_t *a, const json_t *b, char *out, size_t cap, struct fm_error *err)
{
	const char *name;
	json_t *v;
	size_t at = 0;
	int rc;

	out[0] = '\0';
	json_object_foreach((json_t *)a, name, v)
	{
		char x[FM_SHA256_HEX] = "", y[FM_SHA256_HEX] = "";
		const json_t *w = json_object_get(b, name);

		/* By digest: 9.0 is 9 in canonical JSON and comes back from a file as an integer. */
		if (w && ((rc = fm_json_digest(v, x, err)) < 0 || (rc = fm_json_digest(w, y, err)) < 0))
			return rc;
		if (w && strcmp(x, y) == 0)
			continue;
		if (at < cap)
			at += (size_t)snprintf(out + at, cap - at, "%s%s", at ? ", " : "", name);
	}
	return FM_OK;
}

/* *config: that in the manifest of an archive, a new reference; NULL where it is none of flowmint's. */
static int config_of_archive(const char *path, json_t **config, struct fm_error *err)
{
	struct fm_archive_info info = {0};
	enum fm_reason reason;
	json_t *manifest = NULL;
	int fd, rc;

	*config = NULL;
	if ((rc = fm_file_open(path, &fd, err)) < 0)
		return rc == FM_ESYSTEM ? rc : FM_OK;
	if ((rc = fm_archive_read(fd, &info, &reason, err)) >= 0 && info.manifest.len &&
	    !fm_json_too_much(info.manifest.data, info.manifest.len))
		manifest = fm_json_parse(info.manifest.data, info.manifest.len, JSON_REJECT_DUPLICATES, NULL);
	*config = json_incref(json_object_get(manifest, "config"));
	json_decref(manifest);
	fm_archive_info_free(&info);
	close(fd);
	return rc == FM_ESYSTEM ? rc : FM_OK;
}

/* A partner who has the newest release accepts as its successor only a release in the same log. */
static void warn_of_log(const char *out, const struct fm_released *known)
{
	char *log = fm_path_join(out, FM_TLOG_FILE), *last = fm_path_join(known->last_folder, FM_TLOG_FILE);

	if (log && last && known->last.sequence && !fm_file_exists(log))
		fm_warn("%s has no log of releases yet, and that of %s %s %s %s: partners who have a release from "
			"there refuse "
			"one of another log; %s first, unless this folder is for others",
			out, known->last.name, known->last.version, fm_file_exists(last) ? "is" : "is gone, which was",
			last, fm_file_exists(last) ? "copy it here" : "put it here from a copy");
	free(last);
	free(log);
}

/* A version that was never released must be above the others, and so must its number; first: this is the first look at
 * it. */
static int check_rises(const struct fm_run_options *o, const struct fm_released *known, bool first,
		       struct fm_error *err)
{
	char *path = fm_path_join(o->project ? o->project : o->cfg->dir, "allowed_signers");
	struct fm_signers signers = {0};
	char today[FM_TIME_MAX], latest[FM_TIME_MAX]; /* a day here, and the latest that it is anywhere */
	struct fm_record next;
	int rc;

	if (!path)
		return no_memory(err);
	if ((rc = fm_signers_load(&signers, path, err)) < 0)
		goto out;
	if ((rc = fm_publish_next(o->cfg, fm_preflight_out(o), &signers, known, &next, err)) < 0)
		goto out;
	if (first)
		warn_of_log(fm_preflight_out(o), known);
	fm_format_time_s((int64_t)time(NULL) * 1000, today);
	fm_format_time_s(((int64_t)time(NULL) + 14 * 3600) * 1000, latest);
	if (first && strncmp(next.issued, latest, strlen(next.issued)) > 0)
		fm_warn(
		    "release.date: %s is to come, and the release would say that it was issued then: name today, or "
		    "the day when it goes out",
		    next.issued);
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

struct looking {
	const struct fm_run_options *o;
	struct fm_ledger *l;
	const struct fm_run *run; /* that has ingested; NULL: it is about to begin */
	struct fm_released known;
	char *path; /* where the archive would go */
	json_t *there;
	char other[200]; /* "": the same, as far as can be seen */
};

/* How does this run differ from the run in the ledger, or from the archive there? */
static int compare_released(struct looking *k, bool by_ledger, struct fm_error *err)
{
	char store[FM_SHA256_HEX] = "";
	json_t *here;
	int rc;

	if (by_ledger && (rc = fm_released_config(k->l, k->known.run, &k->there, store, err)) < 0)
		return rc;
	if (!by_ledger && (rc = config_of_archive(k->path, &k->there, err)) < 0)
		return rc;
	if (!k->there)
		return FM_OK;
	if (!(here = fm_config_json(k->o->cfg, NULL, true)))
		return no_memory(err);
	rc = differing(here, k->there, k->other, sizeof k->other, err);
	json_decref(here);
	if (rc < 0)
		return rc;
	if (!k->other[0] && k->run && store[0] && strcmp(store, k->run->stage[FM_INGEST].output) != 0)
		snprintf(k->other, sizeof k->other, "the trace");
	return FM_OK;
}

/* An archive of this version is there. */
static int check_there(struct looking *k, const struct stat *st, struct fm_error *err)
{
	const struct fm_config *cfg = k->o->cfg;
	char hex[FM_SHA256_HEX] = "";
	bool ours;
	int rc;

	if (!S_ISREG(st->st_mode))
		return fm_fail(err, FM_EINPUT,
			       "%s: the archive would go there, but the name is taken by something that is not a file: "
			       "remove it, or name another folder with publish.out",
			       k->path);
	/* A file with holes was not written by flowmint, and would take hours to read. */
	if ((uint64_t)st->st_size <= FM_ARCHIVE_MAX_FILE && (rc = fm_sha256_file_hex(k->path, hex, err)) < 0)
		return rc;
	ours = hex[0] && strcmp(hex, k->known.archive_sha256) == 0;
	if (hex[0] && (rc = compare_released(k, ours, err)) < 0)
		return rc;
	if (k->there && !k->other[0])
		return FM_OK;
	return fm_fail(err, FM_EINPUT,
		       "release.version: %s %s is taken: %s is there%s%s and is another release%s%s%s%s; raise "
		       "release.version, or, if nobody was given it, remove the archive%s",
		       cfg->release.name, cfg->release.version, k->path, ours ? ", made by run " : "",
		       ours ? k->known.run : "", k->there ? " (" : "", k->other,
		       !k->there               ? ""
		       : strchr(k->other, ',') ? " differ"
					       : " differs",
		       k->there ? ")" : "", k->known.run[0] ? " and run with --replace" : "");
}

/* No archive of this version is there: there may have been one, or it may be elsewhere. */
static int check_known(struct looking *k, struct fm_error *err)
{
	const struct fm_config *cfg = k->o->cfg;
	int rc;

	if (k->known.run[0] && !k->o->replace && (rc = compare_released(k, true, err)) < 0)
		return rc;
	if (!k->other[0])
		return check_rises(k->o, &k->known, !k->run, err);
	return fm_fail(
	    err, FM_EINPUT,
	    "release.version: %s %s is taken: run %s released it (%s), and this is another release (%s %s), which "
	    "a partner who has that one would refuse; raise release.version, or, if nobody was given it, run "
	    "with --replace",
	    cfg->release.name, cfg->release.version, k->known.run, k->known.archive, k->other,
	    strchr(k->other, ',') ? "differ" : "differs");
}

int fm_preflight_version(const struct fm_run_options *o, struct fm_ledger *l, const struct fm_run *run,
			 struct fm_error *err)
{
	const struct fm_config *cfg = o->cfg;
	struct looking k = {.o = o, .l = l, .run = run};
	char name[FM_CONFIG_ARCHIVE];
	struct stat st;
	int rc;

	if (o->dry || o->until < FM_RELEASE)
		return FM_OK;
	if ((rc = fm_released_load(&k.known, l, cfg->release.name, cfg->release.version, err)) < 0)
		goto out;
	/* The trace is known when it was ingested. */
	if (run && (rc = fm_released_warn_steps(l, cfg, fm_json_str(run->stage[FM_INGEST].inputs, "trace"), err)) < 0)
		goto out;
	if (!(k.path = fm_path_join(fm_preflight_out(o), fm_config_archive(cfg, name)))) {
		rc = no_memory(err);
		goto out;
	}
	rc = lstat(k.path, &st) == 0 ? check_there(&k, &st, err) : check_known(&k, err);
out:
	fm_released_free(&k.known);
	json_decref(k.there);
	free(k.path);
	return rc;
}
