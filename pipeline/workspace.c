#include "pipeline/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pipeline/clear.h"

/* Nothing, or the number of a process: another file that was put there, perhaps by a second name, is not written to. */
static int check_lock(int fd, const char *path, struct fm_error *err)
{
	char text[32];
	size_t digits = 0;
	ssize_t n;

	do
		n = pread(fd, text, sizeof text, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ESPIPE) /* a pipe is none */
		return fm_fail_errno(err, "%s", path);
	while (n > 0 && digits < (size_t)n && text[digits] >= '0' && text[digits] <= '9')
		digits++;
	if (n < (ssize_t)sizeof text && ((size_t)n == digits || ((size_t)n == digits + 1 && text[digits] == '\n')))
		return FM_OK;
	return fm_fail(err, FM_EINPUT, "%s is no lock of flowmint's: look what was put there, and remove it", path);
}

static int take_lock(struct fm_workspace *w, struct fm_error *err)
{
	char *path = fm_path_join(w->path, "lock"), pid[32] = "";
	ssize_t n;
	int rc = FM_OK;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((w->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0) {
		rc = fm_fail_errno(err, "no run can work in %s: %s", w->path, path);
	} else if (flock(w->lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK) {
			rc = fm_fail_errno(err, "cannot lock %s", path);
		} else {
			n = pread(w->lock, pid, sizeof pid - 1, 0);
			pid[n > 0 ? n : 0] = '\0';
			pid[strcspn(pid, "\n")] = '\0';
			rc = fm_fail(err, FM_ESYSTEM,
				     "%s is in use by another run of flowmint (process %s): wait for it, or name "
				     "another --workspace",
				     w->path, *pid ? pid : "unknown");
		}
	} else if ((rc = check_lock(w->lock, path, err)) == FM_OK) {
		int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());

		if (ftruncate(w->lock, 0) || pwrite(w->lock, pid, (size_t)len, 0) != len)
			rc = fm_fail_errno(err, "cannot write %s", path);
	}
	free(path);
	return rc;
}

/* Remove the entries of dir whose name begins with prefix. */
static int remove_prefixed(const char *dir, const char *prefix, struct fm_error *err)
{
	char **names = NULL;
	size_t n = 0;
	int rc;

	if ((rc = fm_dir_list(dir, &names, &n, err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		char *path;

		if (strncmp(names[i], prefix, strlen(prefix)) != 0)
			continue;
		path = fm_path_join(dir, names[i]);
		rc = path ? fm_dir_remove(path, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
		free(path);
		if (rc < 0)
			goto out;
	}
out:
	fm_names_free(names, n);
	return rc;
}

/* Decrypted files of this workspace, and of those in it that a killed plan or reproduction worked in. */
static int sweep_clear(const struct fm_workspace *w, struct fm_error *err)
{
	static const char *const inner[] = {"", "/reproduce-tmp/workspace", ("/" FM_PLAN_FOLDER)};
	char *path;
	int rc = FM_OK;

	for (size_t i = 0; i < sizeof inner / sizeof *inner && rc >= 0; i++) {
		if (asprintf(&path, "%s%s", w->path, inner[i]) < 0)
			return fm_fail(err, FM_ESYSTEM, "out of memory");
		rc = fm_clear_sweep(path, err);
		free(path);
	}
	return rc;
}

static int remove_stale(const struct fm_workspace *w, struct fm_error *err)
{
	char *stages = fm_path_join(w->path, "stages"), **names = NULL;
	size_t n = 0;
	int rc;

	if (!stages)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = sweep_clear(w, err)) < 0 || (rc = fm_dir_sweep(w->path, err)) < 0 ||
	    (rc = remove_prefixed(w->path, "reproduce-", err)) < 0 ||
	    (rc = remove_prefixed(w->path, FM_PLAN_FOLDER, err)) < 0 || (rc = fm_dir_make(stages, 0700, err)) < 0 ||
	    (rc = fm_dir_list(stages, &names, &n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		char *dir = fm_path_join(stages, names[i]);

		rc = dir ? remove_prefixed(dir, ".tmp-", err) : fm_fail(err, FM_ESYSTEM, "out of memory");
		free(dir);
		if (rc < 0)
			goto out;
	}
out:
	fm_names_free(names, n);
	free(stages);
	return rc;
}

/* A folder that is there. */
static int check_mode(const char *path, const struct stat *st, struct fm_error *err)
{
	if (st->st_mode & 077)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: others may look into the workspace (mode %03o): chmod 700 it, or name a folder of its own",
		    path, (unsigned)st->st_mode & 0777);
	return FM_OK;
}

int fm_workspace_check(const char *path, struct fm_error *err)
{
	char *p = strdup(path), *slash;
	struct stat st;
	int rc;

	if (!p)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	if (stat(p, &st) == 0) {
		rc = S_ISDIR(st.st_mode) ? check_mode(p, &st, err)
					 : fm_fail(err, FM_EINPUT, "%s: a file stands where the workspace is to be", p);
		if (rc >= 0 && access(p, R_OK | W_OK | X_OK))
			rc = fm_fail_errno(err, "%s: the workspace", p);
		goto out;
	}
	/* The nearest folder above it, in which it is made. */
	while (stat(p, &st) && (errno == ENOENT || errno == ENOTDIR) && (slash = strrchr(p, '/')) && slash > p)
		*slash = '\0';
	if (stat(p, &st))
		snprintf(p, strlen(path) + 1, "%s", *path == '/' ? "/" : ".");
	if (stat(p, &st) == 0 && !S_ISDIR(st.st_mode))
		rc = fm_fail(err, FM_EINPUT, "%s: a file stands where a folder of the workspace is to be", p);
	else if (access(p, W_OK | X_OK))
		rc = fm_fail_errno(err, "%s cannot be made in %s", path, p);
	else
		rc = FM_OK;
out:
	free(p);
	return rc;
}

int fm_workspace_open(struct fm_workspace *w, const char *path, struct fm_error *err)
{
	struct stat st;
	int rc;

	*w = (struct fm_workspace)FM_WORKSPACE_NONE;
	if ((rc = fm_dir_make(path, 0700, err)) < 0)
		return rc;
	if (!(w->path = realpath(path, NULL)) || stat(w->path, &st))
		return fm_fail_errno(err, "%s", path);
	if ((rc = check_mode(w->path, &st, err)) < 0)
		return rc;
	if ((rc = take_lock(w, err)) < 0 || (rc = remove_stale(w, err)) < 0)
		fm_workspace_close(w);
	return rc;
}

void fm_workspace_close(struct fm_workspace *w)
{
	if (w->lock >= 0)
		close(w->lock); /* this unlocks too; the file stays, so that no two runs lock two files of one name */
	free(w->path);
	*w = (struct fm_workspace)FM_WORKSPACE_NONE;
}

char *fm_workspace_entry(const char *workspace, const char *stage, const char *name, struct fm_error *err)
{
	char *stages = fm_path_join(workspace, "stages"), *dir = stages ? fm_path_join(stages, stage) : NULL,
	     *path = NULL;

	if (!dir)
		fm_fail(err, FM_ESYSTEM, "out of memory");
	else if (fm_dir_make(dir, 0700, err) >= 0 && !(path = fm_path_join(dir, name)))
		fm_fail(err, FM_ESYSTEM, "out of memory");
	free(dir);
	free(stages);
	return path;
}
