#include "pipeline/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stop.h"

static int replaced(const char *out, struct fm_error *err)
{
	return fm_fail(err, FM_EINPUT,
		       "publish.out: %s is not the folder that it was when this run began: it was moved, removed or "
		       "replaced meanwhile, so nothing is released; see what became of it, and run again",
		       out);
}

int fm_held_begin(struct fm_held *h, const char *out, const char *above, struct fm_error *err)
{
	size_t n = strlen(above);
	bool part = strncmp(out, above, n) == 0 && (!out[n] || out[n] == '/' || above[n - 1] == '/');
	const char *rest = part ? out + n : out; /* above is "." where it is no part of out */

	fm_held_end(h);
	while (*rest == '/')
		rest++;
	if (!(h->rest = strdup(rest)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((h->fd = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return fm_fail_errno(err, "publish.out: %s", above);
	h->held = true;
	return FM_OK;
}

/* Make the folder NAME in at, unless it is there, and enter it, but no link. */
static int enter(int at, const char *name, const char *out, int *fd, struct fm_error *err)
{
	bool made = mkdirat(at, name, 0755) == 0;

	*fd = -1;
	if (!made && errno != EEXIST)
		return fm_fail_errno(err, "%s", out);
	if ((*fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return errno == ELOOP || errno == ENOTDIR ? replaced(out, err) : fm_fail_errno(err, "%s", out);
	return made && fsync(at) != 0 && errno != EINVAL ? fm_fail_errno(err, "%s", out) : FM_OK;
}

static bool same_folder(int fd, const char *path, int *why)
{
	struct stat held, there;

	*why = fstat(fd, &held) != 0 || stat(path, &there) != 0 ? errno : 0;
	return !*why && there.st_dev == held.st_dev && there.st_ino == held.st_ino;
}

/* From the held folder down, while that is what it was. */
static int enter_rest(const struct fm_held *h, const char *out, int *fd, struct fm_error *err)
{
	char *rest = strdup(h->rest), *above = strndup(out, strlen(out) - strlen(h->rest)), *at = rest, *name;
	int next, why, rc = FM_OK;

	if (!rest || !above)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	else if (!same_folder(h->fd, *above ? above : ".", &why))
		rc = replaced(out, err);
	else if ((*fd = openat(h->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		rc = fm_fail_errno(err, "%s", out);
	while (rc >= 0 && (name = strsep(&at, "/"))) {
		if (!*name)
			continue;
		rc = enter(*fd, name, out, &next, err);
		close(*fd);
		*fd = next;
	}
	free(rest);
	free(above);
	return rc;
}

static int wait_for_lock(int fd, const char *out, struct fm_error *err)
{
	const struct timespec wait = {.tv_nsec = 20 * 1000 * 1000};
	int rc;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fm_fail_errno(err, "%s cannot be locked", out);
		if ((rc = fm_stop_check("publish", err)) < 0) /* signals are held while a run works */
			return rc;
		nanosleep(&wait, NULL);
	}
	return FM_OK;
}

int fm_held_lock(const struct fm_held *h, const char *out, int *fd, struct fm_error *err)
{
	int rc;

	*fd = -1;
	if (h->held) {
		rc = enter_rest(h, out, fd, err);
	} else if ((rc = fm_dir_make(out, 0755, err)) >= 0 &&
		   (*fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		rc = fm_fail_errno(err, "%s", out);
	}
	if (rc >= 0 && (rc = wait_for_lock(*fd, out, err)) >= 0)
		rc = fm_held_check(*fd, out, err);
	if (rc < 0 && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

int fm_held_check(int fd, const char *out, struct fm_error *err)
{
	int why;

	if (same_folder(fd, out, &why))
		return FM_OK;
	errno = why;
	return !why || why == ENOENT || why == ENOTDIR || why == ELOOP ? replaced(out, err)
								       : fm_fail_errno(err, "%s", out);
}

void fm_held_end(struct fm_held *h)
{
	if (h->held)
		close(h->fd);
	free(h->rest);
	*h = (struct fm_held){0};
}
