/*
 * Inside the new namespaces: the identity map, the private root and the loss of every privilege.
 *
 * The order is that of bubblewrap: a tmpfs over /tmp becomes the root with the old root below /old0 (or another number,
 * where a path of the box begins so); paths are bound from there to their own names; then the old root is unmounted and
 * the new one becomes read-only.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "pipeline/walls/sandbox.h"

#define HINT                                                                                                           \
	"; this system does not let flowmint confine a stage (run it outside the container or allow user namespaces, " \
	"or accept --unconfined)"

/* For errno; not where something else is short or broken. */
static const char *hint(void)
{
	static const int others[] = {ENOMEM, EMFILE, ENFILE, ENOSPC, EIO, EINTR};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (errno == others[i])
			return "";
	return HINT;
}

/* /proc files want one write and no temporary name, so fm_file_write does not serve. */
static int proc_write(const char *path, const char *text, struct fm_error *err)
{
	int rc = FM_OK, fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (n >= 0 && n < (ssize_t)strlen(text)) {
		n = -1;
		errno = EIO;
	}
	if (n < 0)
		rc = fm_fail(err, FM_ESYSTEM, "cannot write %s: %s%s", path, strerror(errno), hint());
	if (fd >= 0)
		close(fd);
	return rc;
}

static int map_identity(unsigned uid, unsigned gid, struct fm_error *err)
{
	char line[64];
	int rc;

	/* A process that is not dumpable does not own its files below /proc, and the parent made itself so
	 * (sandbox.c). */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		return fm_fail_errno(err, "cannot map the user");
	if ((rc = proc_write("/proc/self/setgroups", "deny", err)) < 0)
		return rc;
	snprintf(line, sizeof line, "%u %u 1", uid, uid);
	if ((rc = proc_write("/proc/self/uid_map", line, err)) < 0)
		return rc;
	snprintf(line, sizeof line, "%u %u 1", gid, gid);
	return proc_write("/proc/self/gid_map", line, err);
}

bool fm_sandbox_others(char *const *real, int n)
{
	char above[PATH_MAX];
	struct stat st;

	for (int i = 0; i < n && geteuid() == 0; i++) {
		snprintf(above, sizeof above, "%s", real[i]);
		for (char *slash; (slash = strrchr(above, '/')) && slash != above;) {
			*slash = '\0';
			if (stat(above, &st) == 0 && st.st_uid != 0 && !(st.st_mode & S_IXOTH) &&
			    !(st.st_gid == 0 && st.st_mode & S_IXGRP))
				return true;
		}
	}
	return false;
}

/* Make the folders above path (not path itself) in the new root. */
static int make_parents(const char *path, struct fm_error *err)
{
	char *p = strdup(path);
	int rc = FM_OK;

	if (!p)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	for (char *s = strchr(p + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (mkdir(p, 0755) && errno != EEXIST) {
			rc = fm_fail_errno(err, "cannot make %s in the workspace", p);
			goto out;
		}
		*s = '/';
	}
out:
	free(p);
	return rc;
}

static int make_folder(const char *path, struct fm_error *err)
{
	return mkdir(path, 0755) && errno != EEXIST && errno != EROFS
		   ? fm_fail_errno(err, "cannot make %s in the workspace", path)
		   : FM_OK;
}

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* No link below it is followed either, where the kernel can refuse that (5.14). */
static int restrict_mount(const char *path, uint64_t attributes, unsigned flags)
{
	struct mount_attr attr = {.attr_set = attributes | MOUNT_ATTR_NOSYMFOLLOW};

	if (mount_setattr(AT_FDCWD, path, flags, &attr, sizeof attr) == 0)
		return 0;
	attr.attr_set = attributes;
	return errno == EINVAL ? mount_setattr(AT_FDCWD, path, flags, &attr, sizeof attr) : -1;
}

/* Bind real, which is below old now, to path with the given attributes. */
static int bind_path(const char *old, const char *real, const char *path, uint64_t attributes, struct fm_error *err)
{
	struct stat st;
	int fd = -1, rc;
	char *from = fm_path_join(old, real + 1);

	if (!from)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = make_parents(path, err)) < 0)
		goto out;
	if (stat(from, &st)) {
		rc = fm_fail_errno(err, "%s", path);
		goto out;
	}
	if (S_ISDIR(st.st_mode)) {
		if (mkdir(path, 0755) && errno != EEXIST) {
			rc = fm_fail_errno(err, "cannot make %s in the workspace", path);
			goto out;
		}
	} else if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) < 0 &&
		   (errno != EROFS || access(path, F_OK) != 0)) { /* it stands in a folder that is shown */
		rc = fm_fail_errno(err, "cannot make %s in the workspace", path);
		goto out;
	}
	if (mount(from, path, NULL, MS_BIND | MS_REC, NULL))
		rc = fm_fail(err, FM_ESYSTEM, "cannot show %s to the stage: %s%s", path, strerror(errno), hint());
	else if (restrict_mount(path, attributes, AT_RECURSIVE))
		rc = fm_fail(err, FM_ESYSTEM, "cannot restrict %s: %s%s", path, strerror(errno), hint());
out:
	if (fd >= 0)
		close(fd);
	free(from);
	return rc;
}

/* Where the old root lies for a moment: a name at the top that no path of the box begins with. */
static void name_old(const struct fm_sandbox *box, char old[16])
{
	for (int k = 0, again = 1; again; k++) {
		snprintf(old, 16, "/old%d", k);
		again = 0;
		for (int i = 0; i < box->npaths; i++)
			again |= strncmp(box->path[i].path, old, strlen(old)) == 0;
	}
}

static int private_root(const struct fm_sandbox *box, char *const *real, struct fm_error *err)
{
	const uint64_t plain = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	struct mount_attr attr = {.attr_set = plain | MOUNT_ATTR_RDONLY};
	char old[16], below[24];
	int rc;

	name_old(box, old);
	snprintf(below, sizeof below, "/tmp%s", old);

	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ||
	    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=0755") || mkdir(below, 0700) ||
	    syscall(SYS_pivot_root, "/tmp", below) || chdir("/") || mount(old, old, NULL, MS_REC | MS_PRIVATE, NULL))
		return fm_fail(err, FM_ESYSTEM, "cannot make a private file system: %s%s", strerror(errno), hint());
	if ((rc = bind_path(old, "/dev/null", "/dev/null", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err)) < 0 ||
	    (rc = bind_path(old, "/dev/urandom", "/dev/urandom",
			    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, err)) < 0)
		return rc;
	/* Read-only first: an output folder may lie below an input that is shown whole. */
	for (int writable = 0; writable < 2; writable++)
		for (int i = 0; i < box->npaths; i++)
			if (box->path[i].writable == (writable == 1) &&
			    (rc = bind_path(old, real[i], box->path[i].path, plain | (writable ? 0 : MOUNT_ATTR_RDONLY),
					    err)) < 0)
				return rc;
	if (box->cwd && ((rc = make_parents(box->cwd, err)) < 0 || (rc = make_folder(box->cwd, err)) < 0))
		return rc;
	if (umount2(old, MNT_DETACH) || rmdir(old) || mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof attr))
		return fm_fail(err, FM_ESYSTEM, "cannot close the private file system: %s%s", strerror(errno), hint());
	return FM_OK;
}

int fm_sandbox_enter(const struct fm_sandbox *box, char *const *real, bool user_namespace, unsigned uid, unsigned gid,
		     struct fm_error *err)
{
	int rc;

	if (user_namespace && (rc = map_identity(uid, gid, err)) < 0)
		return rc;
	if (sethostname("flowmint", 8))
		return fm_fail(err, FM_ESYSTEM, "cannot set a private host name: %s%s", strerror(errno), hint());
	if ((rc = private_root(box, real, err)) < 0)
		return rc;
	return box->cwd && chdir(box->cwd) ? fm_fail_errno(err, "%s", box->cwd) : FM_OK;
}

static int limit(int which, uint64_t most, const char *words, struct fm_error *err)
{
	struct rlimit now, want;

	if (most == 0)
		return FM_OK;
	if (getrlimit(which, &now))
		return fm_fail_errno(err, "cannot ask for a limit (%s)", words);
	want.rlim_cur = want.rlim_max = most < now.rlim_max ? most : now.rlim_max;
	return setrlimit(which, &want) ? fm_fail_errno(err, "cannot set a limit (%s)", words) : FM_OK;
}

/* Threads are limited here where the kernel counts them by user namespace (5.14) and the user is not root; their parent
 * counts them too (sandbox.c). */
static int set_limits(const struct fm_sandbox_limits *l, struct fm_error *err)
{
	uint64_t memory = l->memory;
	int rc;

#ifdef __SANITIZE_ADDRESS__
	memory = 0; /* its shadow is larger than any limit */
#endif
	signal(SIGXFSZ, SIG_IGN); /* a write then fails, with words */
	if ((rc = limit(RLIMIT_DATA, memory, "memory", err)) < 0 ||
	    (rc = limit(RLIMIT_FSIZE, l->file_bytes, "size of a file", err)) < 0 ||
	    (rc = limit(RLIMIT_CPU, l->cpu_seconds, "time of the processor", err)) < 0 ||
	    (rc = limit(RLIMIT_NOFILE, l->files, "open files", err)) < 0)
		return rc;
	return FM_OK;
}

/* No privilege now, none to be gained, no core dump with records in it. */
int fm_sandbox_drop(const struct fm_sandbox *box, struct fm_error *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	struct rlimit none = {0, 0};

	/* EINVAL: past the last capability that this kernel knows.  EPERM: unconfined and not root, nothing to drop. */
	for (unsigned long cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL && errno != EPERM)
			return fm_fail_errno(err, "cannot drop capability %lu", cap);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &header, data) ||
	    setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return fm_fail_errno(err, "cannot drop privileges");
	return set_limits(&box->limits, err);
}
