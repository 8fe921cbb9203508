#include "pipeline/input.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "manifests/dialect.h"
#include "pipeline/keys.h"
#include "pipeline/limits.h"
#include "pipeline/walls/sandbox.h"
#include "traces/capture.h"
#include "traces/duplicates.h"
#include "traces/files.h"
#include "traces/sniff.h"
#include "traces/source.h"

#define COPY_BYTES ((size_t)1 << 20)

/* ---- what can be read only once ---- */

int fm_input_copy(int from, int to, const char *name, uint64_t most, struct fm_error *err)
{
	uint64_t copied = 0;
	struct stat st;
	ssize_t n;

	if (fstat(from, &st))
		return fm_fail_errno(err, "%s", name);
	if (!S_ISFIFO(st.st_mode) && !S_ISREG(st.st_mode))
		return fm_fail(err, FM_EINPUT, "%s is neither a pipe nor a file: redirect one into it", name);
	do
		n = S_ISFIFO(st.st_mode) ? splice(from, NULL, to, NULL, COPY_BYTES, 0)
					 : sendfile(to, from, NULL, COPY_BYTES);
	while ((n > 0 && (!most || (copied += (uint64_t)n) < most)) || (n < 0 && errno == EINTR));
	return n < 0 ? fm_fail_errno(err, "cannot copy %s into the workspace", name) : FM_OK;
}

static int keep_copy(struct fm_config *cfg, const char *workspace, bool unconfined, struct fm_error *err)
{
	bool standard = strcmp(cfg->source.path, "-") == 0;
	const char *name = standard ? "standard input" : cfg->source.path;
	char *named = fm_path_join(workspace, "input"), *dir = NULL, *tmp = NULL, *to = NULL, hex[FM_SHA256_HEX];
	int from = -1, out = -1, rc = FM_OK;
	struct stat st;

	if (!named) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_dir_make(named, 0700, err)) < 0)
		goto out;
	if (!(dir = realpath(named, NULL)) || asprintf(&tmp, "%s/.tmp-%ld", dir, (long)getpid()) < 0) {
		rc = fm_fail_errno(err, "%s", named);
		goto out;
	}
	if (strchr(dir, '\n')) {
		rc = fm_fail(err, FM_EINPUT,
			     "source.path: %s is copied into %s, which has a line break in its path: rename the folder",
			     name, dir);
		goto out;
	}
	/* Said before the copy, which waits for a pipe that nobody writes into. */
	fm_log("%s is copied into %s: it is read more than once", name, dir);
	from = standard ? dup(STDIN_FILENO) : open(cfg->source.path, O_RDONLY | O_CLOEXEC);
	if (from < 0 || (out = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0) {
		rc = fm_fail_errno(err, "%s", from < 0 ? name : tmp);
		goto out;
	}
	if ((rc = fm_input_copy(from, out, name, 0, err)) < 0)
		goto out;
	if (fstat(out, &st) || fsync(out)) {
		rc = fm_fail_errno(err, "%s", tmp);
		goto out;
	}
	if (!st.st_size) {
		rc = fm_fail(err, FM_EINPUT, "%s is empty: a trace needs at least one row", name);
		goto out;
	}
	if ((rc = fm_file_digest(tmp, unconfined, hex, err)) < 0)
		goto out;
	if (!(to = fm_path_join(dir, hex)) || strlen(to) >= sizeof cfg->source.path)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	else if (rename(tmp, to))
		rc = fm_fail_errno(err, "%s", to);
	else
		strcpy(cfg->source.path, to);
out:
	if (rc < 0 && tmp)
		unlink(tmp);
	if (from >= 0)
		close(from);
	if (out >= 0)
		close(out);
	free(named);
	free(dir);
	free(tmp);
	free(to);
	return rc;
}

bool fm_input_is_once_only(const char *path)
{
	struct stat st;

	return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

/* ---- patterns ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Behind the list, under its own name. */
static int add_file(const char *path, struct fm_buf *list, struct fm_error *err)
{
	char *real = realpath(path, NULL);
	int rc = FM_OK;

	if (!real)
		return fm_fail_errno(err, "source.path: %s", path);
	if (strchr(real, '\n'))
		rc = fm_fail(err, FM_EINPUT, "source.path: a file has a line break in its name: rename it");
	else
		fm_buf_printf(list, "%s%s", list->len ? "\n" : "", real);
	free(real);
	return rc;
}

static int add_pattern(const char *pattern, struct fm_buf *list, struct fm_error *err)
{
	glob_t found = {0};
	struct stat st;
	size_t files = 0;
	int code = glob(pattern, GLOB_NOSORT | GLOB_ERR, NULL, &found), rc = FM_OK;

	if (code && code != GLOB_NOMATCH && !(code == GLOB_ABORTED && errno == ENOENT)) {
		rc = fm_fail_errno(err, "source.path: cannot look for %s", pattern);
		goto out;
	}
	/* In the order of bytes, whatever the locale. */
	if (found.gl_pathc)
		qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, compare_names);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (stat(found.gl_pathv[i], &st) == 0 && !S_ISREG(st.st_mode))
			continue;
		files++;
		if ((rc = add_file(found.gl_pathv[i], list, err)) < 0)
			goto out;
	}
	if (!files)
		rc = fm_fail(err, FM_EINPUT, "source.path: no file matches %s", pattern);
out:
	globfree(&found);
	return rc;
}

/* No file twice: by another pattern, or as a link. */
static int refuse_doubles(const char *list, struct fm_error *err)
{
	char path[FM_FILE_PATH], other[FM_FILE_PATH];

	while (fm_files_next(&list, path))
		for (const char *rest = list; fm_files_next(&rest, other);)
			if (strcmp(path, other) == 0)
				return fm_fail(err, FM_EINPUT, "source.path names %s twice", path);
	return FM_OK;
}

static int add_path(const char *path, struct fm_buf *list, struct fm_error *err)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return fm_fail(err, FM_EINPUT, "source.path: - stands for itself alone, not in a list");
	/* The name of an existing file is no pattern. */
	return stat(path, &st) && strpbrk(path, "*?[") ? add_pattern(path, list, err) : add_file(path, list, err);
}

/* The files of the list and of its patterns. */
static int expand_list(struct fm_config *cfg, struct fm_error *err)
{
	const char *at = cfg->source.path;
	struct fm_buf list = {0};
	char path[FM_FILE_PATH];
	int rc = FM_OK;

	if (!strpbrk(at, "*?[\n"))
		return FM_OK;
	while (fm_files_next(&at, path))
		if ((rc = add_path(path, &list, err)) < 0)
			goto out;
	if ((rc = fm_buf_check(&list, err)) < 0)
		goto out;
	if (list.len >= sizeof cfg->source.path) {
		rc = fm_fail(err, FM_EINPUT, "source.path: the names of all files are longer than %zu bytes",
			     sizeof cfg->source.path - 1);
		goto out;
	}
	memcpy(cfg->source.path, list.data, list.len);
	cfg->source.path[list.len] = 0;
	if (fm_files_count(cfg->source.path) > FM_FILES_MAX)
		rc = fm_fail(err, FM_EINPUT, "source.path: %zu files, %d at most: join some of them",
			     fm_files_count(cfg->source.path), FM_FILES_MAX);
	else
		rc = refuse_doubles(cfg->source.path, err);
out:
	fm_buf_free(&list);
	return rc;
}

static int expand(struct fm_config *cfg, struct fm_error *err)
{
	return expand_list(cfg, err) < 0 ? fm_config_prefix_line(cfg, "source.path", err) : FM_OK;
}

/* ---- dialect ---- */

struct sniffing {
	const char *path, *member;
	bool capture; /* ask only whether it is a capture */
};

static int sniff_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct sniffing *a = ctx;
	struct fm_sniffed s;
	int rc;

	fm_log_hide_rows(true);
	if (a->capture) {
		enum fm_capture kind;

		if ((rc = fm_capture_look(a->path, a->member, &kind, err)) < 0)
			return rc;
		*result = json_pack("{s:s}", "dialect", fm_capture_dialect(kind));
		return *result ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	if ((rc = fm_sniff(&s, a->path, a->member, err)) < 0 || (rc = fm_sniff_decide(&s, a->path, err)) < 0)
		return rc;
	*result = json_pack("{s:s, s:I, s:I}", "dialect", s.candidate[0].name, "rows", (json_int_t)s.candidate[0].rows,
			    "bad", (json_int_t)s.candidate[0].bad);
	return *result ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

/* Is the file named like a capture, or like one of IPFIX? Whether it is one, its bytes say. */
static bool is_named_capture(const char *list)
{
	char first[FM_FILE_PATH];

	fm_files_next(&list, first);
	return strstr(first, ".pcap") || strstr(first, ".cap") || strstr(first, ".ipfix") || strstr(first, ".yaf");
}

/* capture: a file of that name that is none keeps its dialect. */
static int find_dialect(struct fm_config *cfg, bool capture, bool unconfined, struct fm_error *err)
{
	struct fm_sandbox box = {.name = "sniff", .unconfined = unconfined};
	struct fm_sandbox_report report = {0};
	struct sniffing a = {.member = cfg->source.member, .capture = capture};
	char first[FM_FILE_PATH], *real;
	const char *name, *list = cfg->source.path;
	int rc;

	fm_files_next(&list, first);
	if (!(real = realpath(first, NULL)))
		return fm_fail_errno(err, "source.path: %s", first);
	a.path = real;
	fm_sandbox_path(&box, real, false);
	fm_limits_of(cfg, NULL, true, &box.limits);
	if ((rc = fm_sandbox_run(&box, sniff_fn, &a, &report, err)) < 0)
		goto out;
	name = json_string_value(json_object_get(report.result, "dialect"));
	if (capture && name && !*name)
		goto out;
	/* A stranger's bytes were read in that child: if it answered with the name of a file, every later stage would
	 * open it. */
	if (!name || strlen(name) >= sizeof cfg->source.dialect || fm_dialect_is_file(name) ||
	    fm_dialect_check_name(name, err) < 0) {
		rc = fm_fail(err, FM_ESYSTEM, "%s: no dialect came back", first);
		goto out;
	}
	strcpy(cfg->source.dialect, name);
	if (capture) {
		fm_log("%s is %s: its dialect is %s", first,
		       fm_capture_title(strcmp(name, "ipfix") == 0 ? FM_CAPTURE_IPFIX : FM_CAPTURE_PACKETS), name);
		goto out;
	}
	fm_log("source.dialect auto: the trace is in dialect %s, which reads %lld of its first %lld rows", name,
	       (long long)json_integer_value(json_object_get(report.result, "rows")),
	       (long long)(json_integer_value(json_object_get(report.result, "rows")) +
			   json_integer_value(json_object_get(report.result, "bad"))));
out:
	json_decref(report.result);
	free(real);
	return rc;
}

/* ---- member ---- */

/* FM_EUSAGE where it can be opened, but has no such member. */
static int open_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct sniffing *a = ctx;
	bool lacks;
	int rc;

	(void)result;
	fm_log_quiet(1); /* ingest says what it reads */
	rc = fm_source_find(a->path, a->member, &lacks, err);
	return lacks ? FM_EUSAGE : rc;
}

/* A member that is not in every one of the files, before the run has a number. */
static int check_member(const struct fm_config *cfg, bool unconfined, struct fm_error *err)
{
	struct sniffing a = {.member = cfg->source.member};
	const char *list = cfg->source.path;
	char path[FM_FILE_PATH], *real = NULL;
	int rc = FM_OK;

	while (cfg->source.member[0] && rc >= 0 && fm_files_next(&list, path)) {
		struct fm_sandbox box = {.name = "open", .unconfined = unconfined};
		struct fm_sandbox_report report = {0};

		if (!(real = realpath(path, NULL)))
			return fm_fail_errno(err, "source.path: %s", path);
		a.path = real;
		fm_sandbox_path(&box, real, false);
		fm_limits_of(cfg, NULL, true, &box.limits);
		if ((rc = fm_sandbox_run(&box, open_fn, &a, &report, err)) == FM_EUSAGE)
			rc = fm_config_fail_at(cfg, "source.member", err, "%s", err->message);
		json_decref(report.result);
		free(real);
	}
	return rc;
}

/* What the trace does not have is not measured, and its preset's checks of that are not asked. */
static int leave_out(struct fm_config *cfg, const struct fm_dialect *d, struct fm_error *err)
{
	struct fm_buf names = {0};
	char text[64];
	int rc;

	fm_config_lacks(cfg, d->absent);
	if (!d->absent)
		return FM_OK;
	if (d->absent & FM_DUPLICATES_NEED && strcmp(cfg->source.duplicates, "drop") == 0)
		return fm_config_fail_at(cfg, "source.duplicates source.dialect", err,
					 "source.duplicates drop knows copies by addresses, ports and time, and the "
					 "trace has not all of them (dialect %s): set it to keep",
					 d->name);
	if (d->absent >> FM_TE & 1u && (cfg->generate.hours[0] != 0 || cfg->generate.hours[1] != 24))
		return fm_config_fail_at(
		    cfg, "generate.hours source.dialect", err,
		    "generate.hours are hours of the day, and the trace has no times (dialect %s): "
		    "leave it out",
		    d->name);
	fm_config_leave_out(cfg, &names);
	if ((rc = fm_buf_check(&names, err)) >= 0)
		fm_log("source.dialect %s: the trace has no %s, and neither has the release: what needs them is not "
		       "measured%s%s",
		       d->name, fm_columns_text(d->absent, text, sizeof text),
		       names.len ? "; left out of the preset's gate: " : "", names.len ? names.data : "");
	fm_buf_free(&names);
	return rc;
}

static int look_at_dialect(struct fm_config *cfg, struct fm_error *err)
{
	struct fm_dialect *dialect = NULL;
	int rc;

	if ((rc = fm_dialect_load(&dialect, cfg->source.dialect, err)) < 0)
		return rc;
	if ((rc = fm_config_flows_alone(cfg, dialect, err)) >= 0) /* before anything is charged */
		rc = leave_out(cfg, dialect, err);
	fm_dialect_free(dialect);
	return rc;
}

int fm_input_settle(struct fm_config *cfg, const char *workspace, bool unconfined, struct fm_error *err)
{
	char *own = workspace ? strdup(workspace) : fm_path_join(cfg->dir, "workspace");
	int rc = FM_OK;

	if (!own)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (!cfg->source.path[0])
		goto out;
	if ((rc = fm_input_is_once_only(cfg->source.path) ? keep_copy(cfg, own, unconfined, err) : expand(cfg, err)) <
	    0)
		goto out;
	if ((rc = check_member(cfg, unconfined, err)) < 0)
		goto out;
	if (strcmp(cfg->source.dialect, "auto") == 0)
		rc = find_dialect(cfg, false, unconfined, err);
	/* A dialect of the team's own may be for captures; any other built-in dialect can only refuse them. */
	else if (!fm_dialect_is_file(cfg->source.dialect) && strcmp(cfg->source.dialect, "pcap") != 0 &&
		 strcmp(cfg->source.dialect, "ipfix") != 0 && is_named_capture(cfg->source.path))
		rc = find_dialect(cfg, true, unconfined, err);
	if (rc >= 0)
		rc = look_at_dialect(cfg, err);
out:
	free(own);
	return rc;
}
