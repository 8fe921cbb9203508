#include "release/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"

#define INNER "files" /* the folder to be renamed, with the user's mode; until then the folder around it hides it */

struct fm_extract {
	char *dir, *around, *inner;
	int at, fd; /* the inner folder, the file that is being written; -1: none */
	char path[FM_ARCHIVE_MAX_PATH];
	struct fm_archive_sink sink;
};

static struct fm_extract *begun; /* the last one that has not ended */

static int end_file(struct fm_extract *x, struct fm_error *err)
{
	int fd = x->fd;

	x->fd = -1;
	if (fd >= 0 && (fsync(fd) < 0 || close(fd) < 0))
		return fm_fail_errno(err, "%s/%s", x->dir, x->path);
	return FM_OK;
}

static int begin_file(void *ctx, const char *path, struct fm_error *err)
{
	struct fm_extract *x = ctx;
	int rc;

	if ((rc = end_file(x, err)) < 0)
		return rc;
	if (!fm_archive_path_ok(path))
		return fm_fail(err, FM_EINPUT, "%s cannot be a path in an archive", path);
	snprintf(x->path, sizeof x->path, "%s", path);
	for (char *slash = strchr(x->path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		rc = mkdirat(x->at, x->path, 0777);
		*slash = '/';
		if (rc < 0 && errno != EEXIST)
			return fm_fail_errno(err, "%s/%s", x->dir, x->path);
	}
	x->fd = openat(x->at, x->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	return x->fd < 0 ? fm_fail_errno(err, "%s/%s", x->dir, x->path) : FM_OK;
}

static int put_bytes(void *ctx, const void *p, size_t n, struct fm_error *err)
{
	struct fm_extract *x = ctx;
	const char *from = p;
	int sig = fm_stop_signal();

	if (sig)
		return fm_stop_fail(sig, err, ": nothing was extracted");
	while (n) {
		ssize_t done = write(x->fd, from, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return fm_fail_errno(err, "%s/%s", x->dir, x->path);
		from += done;
		n -= (size_t)done;
	}
	return FM_OK;
}

/* ".NAME.tmp-XXXXXX" beside dir. */
static char *name_around(const char *dir)
{
	const char *slash = strrchr(dir, '/'), *base = slash ? slash + 1 : dir;
	char *s;

	return asprintf(&s, "%.*s.%.200s.tmp-XXXXXX", (int)(base - dir), dir, base) < 0 ? NULL : s;
}

int fm_extract_begin(struct fm_extract **out, const char *dir, struct fm_error *err)
{
	struct fm_extract *x = NULL;
	struct stat st;
	size_t n = strlen(dir);
	int rc;

	*out = NULL;
	while (n > 1 && dir[n - 1] == '/')
		n--;
	if ((rc = fm_alloc(&x, 1, sizeof *x, "the files", err)) < 0)
		return rc;
	x->at = x->fd = -1;
	x->sink = (struct fm_archive_sink){begin_file, put_bytes, x};
	if (!(x->dir = strndup(dir, n)) || !(x->around = name_around(x->dir))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (n == 0 || lstat(x->dir, &st) == 0) {
		rc = fm_fail(err, FM_EINPUT, "%s is there: files are extracted into a new folder alone; name another",
			     n ? x->dir : "a folder without a name");
		goto out;
	}
	if (!mkdtemp(x->around)) {
		rc = fm_fail_errno(err, "a folder cannot be made beside %s", x->dir);
		x->around[0] = 0;
		goto out;
	}
	if (!(x->inner = fm_path_join(x->around, INNER))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (mkdir(x->inner, 0777) < 0 || (x->at = open(x->inner, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		rc = fm_fail_errno(err, "%s", x->inner);
out:
	if (rc < 0)
		fm_extract_abort(x);
	else
		*out = begun = x;
	return rc;
}

const struct fm_archive_sink *fm_extract_sink(const struct fm_extract *x)
{
	return &x->sink;
}

int fm_extract_place(const char *from, const char *dir, struct fm_error *err)
{
	int rc;

	/* Where the file system cannot promise not to replace, rename replaces nothing but an empty folder. */
	if (renameat2(AT_FDCWD, from, AT_FDCWD, dir, RENAME_NOREPLACE) < 0 &&
	    !((errno == EINVAL || errno == ENOSYS) && rename(from, dir) == 0))
		return fm_fail_errno(err, "the files cannot be put at %s", dir);
	if ((rc = fm_dir_sync_parent(dir, err)) < 0)
		fm_extract_take_back(dir);
	return rc;
}

int fm_extract_commit(struct fm_extract *x, struct fm_error *err)
{
	int rc;

	if ((rc = end_file(x, err)) < 0)
		goto out;
	if (fsync(x->at) < 0) {
		rc = fm_fail_errno(err, "%s", x->inner);
		goto out;
	}
	rc = fm_extract_place(x->inner, x->dir, err);
out:
	fm_extract_abort(x); /* the folder around them is empty by now */
	return rc;
}

void fm_extract_take_back(const char *dir)
{
	fm_dir_clear_away(dir);
}

void fm_extract_abort(struct fm_extract *x)
{
	if (!x)
		return;
	if (begun == x)
		begun = NULL;
	if (x->fd >= 0)
		close(x->fd);
	if (x->at >= 0)
		close(x->at);
	if (x->around && x->around[0])
		fm_extract_take_back(x->around);
	free(x->dir);
	free(x->around);
	free(x->inner);
	free(x);
}

void fm_extract_abandon(void)
{
	fm_extract_abort(begun);
}
