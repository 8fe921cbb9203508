#include "pipeline/clear.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "pipeline/limits.h"

#define MEMORY "/dev/shm"
#define OLD_S 86400
#define SHARE 4 /* 1/SHARE of all memory may be taken */
#define NAMES_MOST 64

/* "flowmint-1000-0123456789abcdef": of this user and workspace. */
static int name_of(const char *workspace, char name[64], struct fm_error *err)
{
	uint8_t digest[FM_SHA256_LEN];
	char hex[FM_SHA256_HEX];
	int rc;

	if ((rc = fm_sha256_bytes(workspace, strlen(workspace), digest, err)) < 0)
		return rc;
	fm_hex(digest, sizeof digest, hex);
	snprintf(name, 64, "flowmint-%u-%.16s", (unsigned)geteuid(), hex);
	return FM_OK;
}

/* ".HOST.BOOT.PID.": a process of this machine since its start, as several machines may share a workspace on one disk.
 * Where the system does not say which boot this is, all are one. */
struct who {
	char host[9], boot[9];
};

static int find_self(struct who *w, struct fm_error *err)
{
	static const char *const files[] = {"/etc/machine-id", "/proc/sys/kernel/random/boot_id"};
	struct fm_buf host = {0}, boot = {0};
	struct utsname name;
	uint8_t digest[FM_SHA256_LEN];
	char hex[FM_SHA256_HEX];
	struct fm_error ignored;
	int rc;

	if (uname(&name))
		return fm_fail_errno(err, "cannot tell this machine's name");
	(void)!fm_file_read(files[0], 128, &host, &ignored);
	(void)!fm_file_read(files[1], 128, &boot, &ignored);
	fm_buf_puts(&host, name.nodename);
	if ((rc = fm_buf_check(&host, err)) < 0 || (rc = fm_sha256_bytes(host.data, host.len, digest, err)) < 0)
		goto out;
	fm_hex(digest, sizeof digest, hex);
	snprintf(w->host, sizeof w->host, "%.8s", hex);
	if ((rc = fm_sha256_bytes(boot.data, boot.len, digest, err)) < 0)
		goto out;
	fm_hex(digest, sizeof digest, hex);
	snprintf(w->boot, sizeof w->boot, "%.8s", hex);
out:
	fm_buf_free(&host);
	fm_buf_free(&boot);
	return rc;
}

static const char *chosen(void)
{
	const char *dir = getenv("FLOWMINT_CLEAR");

	return dir && dir[0] == '/' ? dir : NULL;
}

static bool memory_has(uint64_t need)
{
	struct statfs fs;

	return statfs(MEMORY, &fs) == 0 && fs.f_type == TMPFS_MAGIC && access(MEMORY, W_OK) == 0 &&
	       (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize / 2 >= need && fm_limits_memory() / SHARE >= need;
}

/* Whoever works in a folder has it locked, whatever path its workspace has and in whatever namespace of processes it
 * is.  >= 0: it is locked here until that is closed; -1: somebody else has it; -2: it cannot be locked, or is not
 * there. */
static int lock_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat here, there;
	bool taken;

	if (fd < 0)
		return -2;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		if (fstat(fd, &here) == 0 && lstat(dir, &there) == 0 && here.st_dev == there.st_dev &&
		    here.st_ino == there.st_ino)
			return fd;
		taken = true; /* another process has removed it since, or made it anew */
	} else {
		taken = errno == EWOULDBLOCK;
	}
	close(fd);
	return taken ? -1 : -2;
}

/* The folders that this process has open. */
static struct held {
	struct held *next;
	const char *dir;
	int lock;
} * held;

static int hold(const char *dir, int lock, struct fm_error *err)
{
	struct held *h = malloc(sizeof *h);

	if (!h) {
		if (lock >= 0)
			close(lock);
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	*h = (struct held){held, dir, lock};
	held = h;
	return FM_OK;
}

static void let_go(const char *dir)
{
	for (struct held **at = &held; *at; at = &(*at)->next) {
		struct held *h = *at;

		if (h->dir != dir)
			continue;
		*at = h->next;
		if (h->lock >= 0)
			close(h->lock);
		free(h);
		return;
	}
}

/* Makes it anew, locked.  *taken: somebody works in a folder of this name.  A folder that another user made in a shared
 * place is not ours. */
static int make_private(const char *dir, bool *taken, struct fm_error *err)
{
	struct stat st;
	int lock, rc;

	*taken = false;
	if (lstat(dir, &st) == 0 && (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()))
		return fm_fail(
		    err, FM_ESYSTEM,
		    "%s is there and is another user's: remove it, or name another folder with FLOWMINT_CLEAR", dir);
	lock = lock_folder(dir);
	if ((*taken = lock == -1))
		return FM_OK;
	rc = fm_dir_remove(dir, err);
	if (lock >= 0)
		close(lock);
	if (rc < 0)
		return rc;
	if (mkdir(dir, 0700)) {
		*taken = errno == EEXIST;
		return *taken ? FM_OK : fm_fail_errno(err, "%s", dir);
	}
	lock = lock_folder(dir);
	/* Somebody who sweeps may have it, or have removed it, in the instant before it was locked. */
	if ((*taken = lock == -1 || access(dir, F_OK) != 0)) {
		if (lock >= 0)
			close(lock);
		return FM_OK;
	}
	if ((rc = hold(dir, lock, err)) < 0)
		rmdir(dir);
	return rc;
}

int fm_clear_open(char **dir, const char *workspace, bool alone, uint64_t need, struct fm_error *err)
{
	const char *base = chosen();
	static unsigned opened;
	char name[64], mine[64] = "", *real = realpath(workspace, NULL);
	unsigned before = opened;
	struct who self;
	int rc, n;

	*dir = NULL;
	if (!real)
		return fm_fail_errno(err, "%s", workspace);
	if ((rc = name_of(real, name, err)) < 0 || (rc = find_self(&self, err)) < 0)
		goto out;
	if (!base && memory_has(need))
		base = MEMORY;
	for (bool taken = !alone; taken || !*dir;) {
		if (opened - before > NAMES_MOST) {
			rc = fm_fail(err, FM_ESYSTEM, "%s: no folder can be made and locked beside it", *dir);
			goto out;
		}
		if (taken) /* with the lock of the workspace too: its path may be another workspace's elsewhere */
			snprintf(mine, sizeof mine, ".%s.%s.%ld.%u", self.host, self.boot, (long)getpid(), ++opened);
		free(*dir);
		n = base ? asprintf(dir, "%s/%s%s", base, name, mine)
			 : asprintf(dir, "%s/" FM_CLEAR_FOLDER "%s", real, mine);
		if (n < 0) {
			*dir = NULL;
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
			goto out;
		}
		if ((rc = make_private(*dir, &taken, err)) < 0)
			goto out;
	}
	if (!base)
		fm_log("memory has no room for %llu MiB: files are decrypted into %s meanwhile, on disk",
		       (unsigned long long)(need >> 20), *dir);
out:
	if (rc < 0) {
		free(*dir);
		*dir = NULL;
	}
	free(real);
	return rc;
}

void fm_clear_close(char *dir)
{
	struct fm_error err;

	if (dir && fm_dir_remove(dir, &err) < 0)
		fm_warn("decrypted files are left in %s: %s", dir, err.message);
	let_go(dir);
	free(dir);
}

/* Is it NAME, or NAME.HOST.BOOT.PID.N of a process of this machine that has ended?  *other: it is of another machine,
 * whose processes cannot be seen from here. */
static bool is_left(const char *entry, const char *name, const struct who *self, bool *other)
{
	size_t n = strlen(name);
	char host[9], boot[9];
	long pid;
	unsigned number;
	int end = 0;

	*other = false;
	if (strncmp(entry, name, n) != 0)
		return false;
	if (!entry[n])
		return true;
	if (sscanf(entry + n, ".%8[0-9a-f].%8[0-9a-f].%ld.%u%n", host, boot, &pid, &number, &end) != 4 ||
	    entry[n + (size_t)end])
		return false;
	*other = strcmp(host, self->host) != 0;
	if (*other || strcmp(boot, self->boot) != 0)
		return !*other;
	return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static int sweep(const char *base, const char *name, const struct who *self, struct fm_error *err)
{
	char **names = NULL, *path;
	struct fm_error ignored;
	struct stat st;
	size_t n = 0;
	int rc = FM_OK;

	if (fm_dir_list(base, &names, &n, &ignored) < 0)
		return FM_OK; /* then there is nothing of ours in it */
	for (size_t i = 0; i < n && rc >= 0; i++) {
		bool other, left = is_left(names[i], name, self, &other);

		if (!left && !other)
			continue;
		if (!(path = fm_path_join(base, names[i]))) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
			break;
		}
		if (lstat(path, &st) == 0 && st.st_uid == geteuid()) {
			int lock = left ? lock_folder(path) : -2;

			if (left && lock != -1)
				rc = fm_dir_remove(path, err);
			if (lock >= 0)
				close(lock);
			if (!left && st.st_mtim.tv_sec + OLD_S < time(NULL))
				fm_warn("%s has decrypted files of another machine for more than a day: remove it "
					"unless one is at work there",
					path);
		}
		free(path);
	}
	fm_names_free(names, n);
	return rc;
}

int fm_clear_sweep(const char *workspace, struct fm_error *err)
{
	char name[64];
	struct who self;
	int rc;

	if ((rc = name_of(workspace, name, err)) < 0 || (rc = find_self(&self, err)) < 0 ||
	    (rc = sweep(MEMORY, name, &self, err)) < 0 || (chosen() && (rc = sweep(chosen(), name, &self, err)) < 0))
		return rc;
	return sweep(workspace, FM_CLEAR_FOLDER, &self, err);
}
