#include "pipeline/clear.h"

#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "pipeline/limits.h"

#define MEMORY "/dev/shm"
#define SHARE 4 /* of all memory, that it may take */

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

/* A folder that somebody else made in a place for all is none of ours. */
static int make_private(const char *dir, struct fm_error *err)
{
	struct stat st;
	int rc;

	if (lstat(dir, &st) == 0 && (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()))
		return fm_fail(
		    err, FM_ESYSTEM,
		    "%s is there and is another user's: remove it, or name another folder with FLOWMINT_CLEAR", dir);
	if ((rc = fm_dir_remove(dir, err)) < 0)
		return rc;
	if (mkdir(dir, 0700))
		return fm_fail_errno(err, "%s", dir);
	return FM_OK;
}

int fm_clear_open(char **dir, const char *workspace, bool alone, uint64_t need, struct fm_error *err)
{
	const char *base = chosen();
	static unsigned opened;
	char name[64], mine[40] = "", *real = realpath(workspace, NULL);
	int rc, n;

	*dir = NULL;
	if (!real)
		return fm_fail_errno(err, "%s", workspace);
	if ((rc = name_of(real, name, err)) < 0)
		goto out;
	if (!alone)
		snprintf(mine, sizeof mine, ".%ld.%u", (long)getpid(), ++opened);
	if (!base && memory_has(need))
		base = MEMORY;
	n = base ? asprintf(dir, "%s/%s%s", base, name, mine) : asprintf(dir, "%s/" FM_CLEAR_FOLDER "%s", real, mine);
	if (n < 0) {
		*dir = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (!base)
		fm_log("memory has no room for %llu MiB: files are decrypted into %s meanwhile, on disk",
		       (unsigned long long)(need >> 20), *dir);
	rc = make_private(*dir, err);
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
	free(dir);
}

/* Is it NAME, or NAME.PID.N of a process that is no more? */
static bool is_left(const char *entry, const char *name)
{
	size_t n = strlen(name);
	char *end;
	long pid;

	if (strncmp(entry, name, n) != 0)
		return false;
	if (!entry[n])
		return true;
	if (entry[n] != '.' || (pid = strtol(entry + n + 1, &end, 10)) <= 0 || *end != '.')
		return false;
	return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static int sweep(const char *base, const char *name, struct fm_error *err)
{
	char **names = NULL, *path;
	struct fm_error ignored;
	struct stat st;
	size_t n = 0;
	int rc = FM_OK;

	if (fm_dir_list(base, &names, &n, &ignored) < 0)
		return FM_OK; /* then there is nothing of ours in it */
	for (size_t i = 0; i < n && rc >= 0; i++) {
		if (!is_left(names[i], name))
			continue;
		if (!(path = fm_path_join(base, names[i]))) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
			break;
		}
		if (lstat(path, &st) == 0 && st.st_uid == geteuid())
			rc = fm_dir_remove(path, err);
		free(path);
	}
	fm_names_free(names, n);
	return rc;
}

int fm_clear_sweep(const char *workspace, struct fm_error *err)
{
	char name[64];
	int rc;

	if ((rc = name_of(workspace, name, err)) < 0 || (rc = sweep(MEMORY, name, err)) < 0 ||
	    (chosen() && (rc = sweep(chosen(), name, err)) < 0))
		return rc;
	return sweep(workspace, FM_CLEAR_FOLDER, err);
}
