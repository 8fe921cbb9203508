#include "stages/released_flows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "traces/trace.h"

#define CHUNK (256 * 1024)
#define ROUNDS 6 /* of writing and reading flows until they stay the same; two are usual */

/* All of path but its first n lines. */
static int without_head(const char *path, size_t n, const char *to, struct fm_error *err)
{
	struct fm_out *out = NULL;
	char *chunk = NULL;
	size_t got;
	int fd, rc;

	if ((rc = fm_file_open(path, &fd, err)) < 0)
		return rc;
	if ((rc = fm_alloc(&chunk, CHUNK, 1, "the flows", err)) < 0 || (rc = fm_out_open(&out, to, 0600, err)) < 0)
		goto out;
	while ((rc = fm_fd_read(fd, path, chunk, CHUNK, &got, err)) >= 0 && got) {
		char *from = chunk, *end;

		while (n && (end = memchr(from, '\n', (size_t)(chunk + got - from)))) {
			from = end + 1;
			n--;
		}
		if (!n && (rc = fm_out_write(out, from, (size_t)(chunk + got - from), err)) < 0)
			break;
	}
out:
	free(chunk);
	close(fd);
	if (rc < 0) {
		fm_out_abort(out);
		return rc;
	}
	return fm_out_commit(out, err);
}

/* The file is a temporary one: who reads the message has its dialect alone. */
static void leave_path_out(struct fm_error *err, const char *path, const char *dialect)
{
	const char *at = err ? strstr(err->message, path) : NULL;

	if (at)
		fm_error_set(err, err->code, err->file, err->line, "%.*sa file in dialect %s%s",
			     (int)(at - err->message), err->message, dialect, at + strlen(path));
}

int fm_released_flows(const char *path, const struct fm_dialect *d, bool headed, const char *dir, struct fm_table **t,
		      struct fm_error *err)
{
	struct fm_dialect own = *d;
	struct fm_trace_opts opts = {
	    .path = path, .dialect = &own, .missing = FM_MISSING_ZERO, .spill = dir, .quiet = true};
	struct fm_trace_stats st;
	char *body = NULL;
	int rc;

	*t = NULL;
	if (headed) {
		/* Not every such line can be read as a header: where blanks separate columns, a name with a blank would
		 * be two. */
		own.header = false;
		if (!(body = fm_path_join(dir, ".body")))
			return fm_fail(err, FM_ESYSTEM, "out of memory");
		if ((rc = without_head(path, (size_t)d->nbefore + 1 + (size_t)d->nafter, body, err)) < 0)
			goto out;
		opts.path = body;
	}
	if ((rc = fm_trace_load(t, &opts, 0, &st, err)) < 0)
		leave_path_out(err, opts.path, d->name);
out:
	if (body)
		unlink(body);
	free(body);
	return rc;
}

int fm_released_settle(struct fm_table **t, const struct fm_dialect *d, bool headed, const char *csv, const char *dir,
		       const char *before, char sha256[FM_SHA256_HEX], struct fm_error *err)
{
	char last[FM_SHA256_HEX];
	struct fm_table *read;
	int rc;

	snprintf(last, sizeof last, "%s", before);
	for (int round = 0; round < ROUNDS; round++) {
		if ((rc = fm_trace_write(*t, d, csv, err)) < 0 || (rc = fm_sha256_file_hex(csv, sha256, err)) < 0)
			return rc;
		if (strcmp(sha256, last) == 0)
			return FM_OK;
		memcpy(last, sha256, sizeof last);
		if ((rc = fm_released_flows(csv, d, headed, dir, &read, err)) < 0) {
			fm_error_prefix(err,
					"publish.dialect %s writes these flows and cannot read them, which another "
					"dialect may do (set it and run again): ",
					d->name);
			return rc;
		}
		if (read->rows != (*t)->rows) {
			rc = fm_fail(err, FM_EINPUT,
				     "publish.dialect %s: of %zu flows that are written in it %zu are read as flows, "
				     "so that others would be lost: does a value at the begin of a line look like a "
				     "comment? Set it to another one and run again",
				     d->name, (size_t)(*t)->rows, (size_t)read->rows);
			fm_table_free(read);
			return rc;
		}
		fm_table_free(*t);
		*t = read;
	}
	return fm_fail(err, FM_EINPUT,
		       "publish.dialect %s: flows that are written in it and read are others each time, so that nobody "
		       "could make this release again from its flows; set it to another one",
		       d->name);
}
