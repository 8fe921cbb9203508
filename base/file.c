#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_BUFFER (256u << 10)
#define NAME_KEPT 180 /* bytes of the final name kept in the temporary one: a name has at most 255 */

struct fm_out {
	int fd;
	bool failed; /* a write was lost: what is there must not be committed */
	size_t len;  /* bytes in buf */
	char *buf;
	char *path, *tmp;
};

/* ".NAME.PID-RANDOM.tmp" in the folder of path, or NULL when out of memory.  fm_dir_sweep knows the form. */
static char *temporary_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
	unsigned long long noise = 0;
	char *tmp = NULL;

	if (getrandom(&noise, sizeof(noise), GRND_NONBLOCK) < 0)
		noise =
		    (unsigned long long)(uintptr_t)&tmp; /* before the system's generator is up; O_EXCL guards anyway */
	if (asprintf(&tmp, "%.*s.%.*s.%ld-%016llx.tmp", (int)(name - path), path, NAME_KEPT, name, (long)getpid(),
		     noise) < 0)
		return NULL;
	return tmp;
}

static void out_free(struct fm_out *out)
{
	if (out->fd >= 0)
		close(out->fd);
	if (out->tmp != NULL)
		unlink(out->tmp);
	free(out->tmp);
	free(out->path);
	free(out->buf);
	free(out);
}

/* May path become a file of ours?  Asked before the work and again before the rename: a change in between is not
 * seen. */
static int check_target(const char *path, struct fm_error *err)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? FM_OK : fm_fail_errno(err, "cannot create %s", path);
	if (S_ISREG(st.st_mode))
		return FM_OK;
	if (S_ISLNK(st.st_mode))
		return fm_fail(err, FM_EINPUT, "cannot write %s: it is a symbolic link; name the file itself", path);
	return fm_fail(err, FM_EINPUT, "cannot write %s: it is not a regular file", path);
}

int fm_out_open(struct fm_out **out, const char *path, mode_t mode, struct fm_error *err)
{
	struct fm_out *o = NULL;
	char *tmp = NULL;
	int rc;

	*out = NULL;
	if ((rc = check_target(path, err)) < 0 || (rc = fm_alloc(&o, 1, sizeof(*o), "an output file", err)) < 0)
		return rc;
	o->fd = -1;
	o->buf = malloc(OUT_BUFFER);
	o->path = strdup(path);
	tmp = temporary_name(path);
	if (o->buf == NULL || o->path == NULL || tmp == NULL) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: writing %s", path);
		goto out;
	}
	o->fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (o->fd < 0) {
		rc = errno == ENOENT ? fm_fail(err, FM_EINPUT,
					       "cannot create %s: the folder that it would be in is not there", path)
				     : fm_fail_errno(err, "cannot create %s", path);
		goto out;
	}
	o->tmp = tmp; /* from here on it is ours to remove */
	tmp = NULL;
	*out = o;
	o = NULL;
out:
	free(tmp);
	if (o != NULL)
		out_free(o);
	return rc;
}

/* All n bytes, where the file stands (at < 0) or at an offset. */
static int write_all(struct fm_out *out, const char *p, size_t n, off_t at, struct fm_error *err)
{
	while (n > 0) {
		ssize_t done = at < 0 ? write(out->fd, p, n) : pwrite(out->fd, p, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			out->failed = true;
			return fm_fail_errno(err, "cannot write %s", out->path);
		}
		p += done;
		n -= (size_t)done;
		if (at >= 0)
			at += done;
	}
	return FM_OK;
}

static int out_flush(struct fm_out *out, struct fm_error *err)
{
	size_t n = out->len;

	out->len = 0;
	return write_all(out, out->buf, n, -1, err);
}

int fm_out_write(struct fm_out *out, const void *p, size_t n, struct fm_error *err)
{
	int rc;

	if (n > OUT_BUFFER - out->len) {
		if ((rc = out_flush(out, err)) < 0)
			return rc;
		if (n >= OUT_BUFFER)
			return write_all(out, p, n, -1, err);
	}
	if (n > 0)
		memcpy(out->buf + out->len, p, n);
	out->len += n;
	return FM_OK;
}

int fm_out_printf(struct fm_out *out, struct fm_error *err, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(out->buf + out->len, OUT_BUFFER - out->len, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < OUT_BUFFER - out->len) {
		out->len += (size_t)n;
		return FM_OK;
	}
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory: writing %s", out->path);
	rc = fm_out_write(out, text, (size_t)n, err);
	free(text);
	return rc;
}

int fm_out_patch(struct fm_out *out, uint64_t offset, const void *p, size_t n, struct fm_error *err)
{
	int rc;

	if ((rc = out_flush(out, err)) < 0)
		return rc;
	return write_all(out, p, n, (off_t)offset, err);
}

int fm_out_fd(struct fm_out *out)
{
	return out->fd;
}

static int out_close(struct fm_out *out, struct fm_error *err)
{
	int fd, rc;

	if (out->failed)
		return fm_fail(err, FM_ESYSTEM, "cannot write %s: a part of it could not be written before", out->path);
	if ((rc = out_flush(out, err)) < 0)
		return rc;
	if (fsync(out->fd) != 0)
		return fm_fail_errno(err, "cannot write %s", out->path);
	fd = out->fd;
	out->fd = -1;
	if (close(fd) != 0)
		return fm_fail_errno(err, "cannot write %s", out->path);
	return FM_OK;
}

int fm_out_commit(struct fm_out *out, struct fm_error *err)
{
	int rc;

	if ((rc = out_close(out, err)) < 0 || (rc = check_target(out->path, err)) < 0)
		goto out;
	if (rename(out->tmp, out->path) != 0) {
		rc = fm_fail_errno(err, "cannot put %s in place", out->path);
		goto out;
	}
	free(out->tmp);
	out->tmp = NULL;
	rc = fm_dir_sync_parent(out->path, err);
out:
	out_free(out);
	return rc;
}

void fm_out_abort(struct fm_out *out)
{
	if (out != NULL)
		out_free(out);
}

int fm_file_write(const char *path, mode_t mode, const void *p, size_t n, struct fm_error *err)
{
	struct fm_out *out = NULL;
	int rc;

	if ((rc = fm_out_open(&out, path, mode, err)) < 0)
		return rc;
	if ((rc = fm_out_write(out, p, n, err)) < 0) {
		fm_out_abort(out);
		return rc;
	}
	return fm_out_commit(out, err);
}

int fm_file_open(const char *path, int *fd, struct fm_error *err)
{
	struct stat st;
	int rc;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0)
		return fm_fail_errno(err, "cannot read %s", path);
	if (fstat(*fd, &st) != 0)
		rc = fm_fail_errno(err, "cannot read %s", path);
	else if (!S_ISREG(st.st_mode))
		rc = fm_fail(err, FM_EINPUT, "%s is not a regular file", path);
	else
		return FM_OK;
	close(*fd);
	*fd = -1;
	return rc;
}

bool fm_file_is_kept(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		close(fd);
	return fd < 0 && (errno == EACCES || errno == EPERM);
}

int fm_fd_read(int fd, const char *path, void *p, size_t n, size_t *got, struct fm_error *err)
{
	ssize_t r;

	do
		r = read(fd, p, n);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return fm_fail_errno(err, "cannot read %s", path);
	*got = (size_t)r;
	return FM_OK;
}

int fm_file_begin(const char *path, void *p, size_t n, size_t *got, struct fm_error *err)
{
	size_t some = 1;
	int fd, rc = fm_file_open(path, &fd, err);

	*got = 0;
	if (rc < 0)
		return rc;
	while (some > 0 && *got < n && (rc = fm_fd_read(fd, path, (char *)p + *got, n - *got, &some, err)) >= 0)
		*got += some;
	close(fd);
	return rc;
}

int fm_file_read(const char *path, size_t max, struct fm_buf *b, struct fm_error *err)
{
	size_t before = b->len, got = 0;
	char *chunk = NULL;
	int fd, rc = fm_file_open(path, &fd, err);

	if (rc < 0)
		return rc;
	fm_buf_add(b, "", 0);
	if ((rc = fm_alloc(&chunk, OUT_BUFFER, 1, "a read buffer", err)) < 0 || (rc = fm_buf_check(b, err)) < 0)
		goto out;
	for (;;) {
		if ((rc = fm_fd_read(fd, path, chunk, OUT_BUFFER, &got, err)) < 0 || got == 0)
			goto out;
		if (got > max - (b->len - before)) {
			rc = fm_fail(err, FM_EINPUT, "%s is too large: over %zu bytes", path, max);
			goto out;
		}
		fm_buf_add(b, chunk, got);
		if ((rc = fm_buf_check(b, err)) < 0)
			goto out;
	}
out:
	if (rc < 0 && b->data != NULL) {
		b->len = before;
		b->data[before] = '\0';
	}
	free(chunk);
	close(fd);
	return rc;
}

int fm_file_copy(const char *from, const char *to, mode_t mode, struct fm_error *err)
{
	struct fm_out *out = NULL;
	char *chunk = NULL;
	size_t got = 0;
	int fd, rc = fm_file_open(from, &fd, err);

	if (rc < 0)
		return rc;
	if ((rc = fm_alloc(&chunk, OUT_BUFFER, 1, "a read buffer", err)) < 0 ||
	    (rc = fm_out_open(&out, to, mode, err)) < 0)
		goto out;
	do {
		if ((rc = fm_fd_read(fd, from, chunk, OUT_BUFFER, &got, err)) < 0 ||
		    (rc = fm_out_write(out, chunk, got, err)) < 0)
			goto out;
	} while (got > 0);
	rc = fm_out_commit(out, err);
	out = NULL;
out:
	fm_out_abort(out);
	free(chunk);
	close(fd);
	return rc;
}

int fm_file_allowed(uint64_t nbytes, const char *what, struct fm_error *err)
{
	struct rlimit v;

	if (getrlimit(RLIMIT_FSIZE, &v) != 0 || v.rlim_cur == RLIM_INFINITY || nbytes <= v.rlim_cur)
		return FM_OK;
	errno = EFBIG;
	return fm_fail_errno(err, "%s takes a file of over %llu MiB", what, (unsigned long long)(nbytes >> 20));
}

bool fm_file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

bool fm_file_exists_in(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s", dir, name);

	return n >= 0 && (size_t)n < sizeof path && fm_file_exists(path);
}

int fm_file_size(const char *path, uint64_t *nbytes, struct fm_error *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return fm_fail_errno(err, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return fm_fail(err, FM_EINPUT, "%s is not a regular file", path);
	*nbytes = (uint64_t)st.st_size;
	return FM_OK;
}

char *fm_path_join(const char *a, const char *b)
{
	size_t n = strlen(a);
	char *path = NULL;

	if (asprintf(&path, "%s%s%s", a, n > 0 && a[n - 1] != '/' ? "/" : "", b) < 0)
		return NULL;
	return path;
}

int fm_map_open(struct fm_map *m, const char *path, struct fm_error *err)
{
	struct stat st;
	void *p;
	int fd, rc = fm_file_open(path, &fd, err);

	*m = (struct fm_map){0};
	if (rc < 0)
		return rc;
	if (fstat(fd, &st) != 0) {
		rc = fm_fail_errno(err, "cannot read %s", path);
	} else if (st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			rc = fm_fail_errno(err, "cannot map %s", path);
		else
			*m = (struct fm_map){.data = p, .len = (size_t)st.st_size};
	}
	close(fd);
	return rc;
}

void fm_map_close(struct fm_map *m)
{
	if (m == NULL)
		return;
	if (m->data != NULL)
		munmap((void *)(uintptr_t)m->data, m->len);
	*m = (struct fm_map){0};
}
