/* harvest_tree.c - the files that a stage left: by descriptors, a name at a time, so that no link is ever followed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/table.h"
#include "pipeline/walls/harvest.h"

#define TABLE '@' /* in a row's files: those of a table (base/table.h) */
#define ARCHIVE '#'

struct tree {
	const struct fm_config *cfg;
	const char *stage, *dir;
	const char *files; /* of the stage's row */
	uint64_t bytes, max;
	dev_t device;
};

static int refuse(const struct tree *t, const char *name, const char *what, struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM,
		       "stage %s left %s, %s: no honest stage does, so nothing that it made is used (%s)", t->stage,
		       name, what, t->dir);
}

/* ---- which names ---- */

static bool is_table_file(const char *name)
{
	size_t n = strlen(name);
	char column[16];

	if (strcmp(name, "schema.json") == 0 || strcmp(name, "addresses.npy") == 0 || strcmp(name, "inside.npy") == 0)
		return true;
	if (n < 5 || n - 4 >= sizeof column || strcmp(name + n - 4, ".npy") != 0)
		return false;
	memcpy(column, name, n - 4);
	column[n - 4] = '\0';
	return fm_col_find(column) >= 0;
}

/* Is folder/name (folder "" at the top) one of the row's files? */
static bool expected_file(const struct tree *t, const char *folder, const char *name)
{
	char want[FM_CONFIG_ARCHIVE];
	size_t n = strlen(folder);

	for (const char *p = t->files; *p; p += strspn(p, " ")) {
		const char *one = p;
		size_t len = strcspn(p, " ");

		p += len;
		if (n && (len <= n || strncmp(one, folder, n) != 0 || one[n] != '/'))
			continue;
		one += n ? n + 1 : 0;
		len = (size_t)(p - one);
		if (memchr(one, '/', len))
			continue;
		if (*one == TABLE     ? is_table_file(name)
		    : *one == ARCHIVE ? strcmp(name, fm_config_archive(t->cfg, want)) == 0
				      : strlen(name) == len && strncmp(one, name, len) == 0)
			return true;
	}
	return false;
}

static bool expected_folder(const struct tree *t, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = t->files; *p; p += strspn(p, " ")) {
		if (strncmp(p, name, n) == 0 && p[n] == '/')
			return true;
		p += strcspn(p, " ");
	}
	return false;
}

/* ---- the walk ---- */

/* One name below a folder, neither through a link nor into another mount; before openat2 (Linux 5.6) links are not
 * followed either, and the device is compared. */
static int open_beneath(int dirfd, const char *name, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof how);

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return openat(dirfd, name, (int)flags | O_NOFOLLOW | O_CLOEXEC);
	return (int)fd;
}

static int check_mode(struct tree *t, const char *shown, const struct stat *st, struct fm_error *err)
{
	if (st->st_dev != t->device)
		return refuse(t, shown, "on another file system", err);
	if (st->st_mode & (S_ISUID | S_ISGID | S_ISVTX))
		return refuse(t, shown, "with a special mode", err);
	if (st->st_mode & S_IWOTH)
		return refuse(t, shown, "which every user may write", err);
	return FM_OK;
}

static int check_file(struct tree *t, const char *shown, const struct stat *st, struct fm_error *err)
{
	int rc;

	if (S_ISLNK(st->st_mode))
		return refuse(t, shown, "a symbolic link", err);
	if (!S_ISREG(st->st_mode))
		return refuse(t, shown, "neither a file nor a folder", err);
	if ((rc = check_mode(t, shown, st, err)) < 0)
		return rc;
	if (st->st_nlink != 1)
		return refuse(t, shown, "a file of several names", err);
	if ((uint64_t)st->st_size > t->max - t->bytes)
		return fm_fail(
		    err, FM_ESYSTEM,
		    "stage %s left more than the %llu MiB it may write: raise limits.output_mib, or make room "
		    "where it is 0 (%s)",
		    t->stage, (unsigned long long)(t->max >> 20), t->dir);
	t->bytes += (uint64_t)st->st_size;
	return FM_OK;
}

static int walk(struct tree *t, int fd, const char *folder, struct fm_error *err);

static int look_at(struct tree *t, int fd, const char *folder, const char *name, struct fm_error *err)
{
	char shown[300];
	struct stat st;
	int inner, rc;

	snprintf(shown, sizeof shown, "%s%s%s", folder, *folder ? "/" : "", name);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return fm_fail_errno(err, "%s/%s", t->dir, shown);
	if (!S_ISDIR(st.st_mode) || *folder || !expected_folder(t, name)) {
		if (!expected_file(t, folder, name) && !S_ISLNK(st.st_mode))
			return refuse(t, shown, "a name that is not expected there", err);
		return check_file(t, shown, &st, err);
	}
	if ((rc = check_mode(t, shown, &st, err)) < 0)
		return rc;
	if ((inner = open_beneath(fd, name, O_RDONLY | O_DIRECTORY)) < 0)
		return refuse(t, shown, "a folder that cannot be opened", err);
	return walk(t, inner, name, err);
}

/* Takes fd over. */
static int walk(struct tree *t, int fd, const char *folder, struct fm_error *err)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	int rc = FM_OK;

	if (!dir) {
		close(fd);
		return fm_fail_errno(err, "cannot read the folder %s", t->dir);
	}
	while (errno = 0, (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    (rc = look_at(t, fd, folder, e->d_name, err)) < 0)
			goto out;
	if (errno)
		rc = fm_fail_errno(err, "cannot read the folder %s", t->dir);
out:
	closedir(dir);
	return rc;
}

static int look(const struct fm_config *cfg, enum fm_stage_id id, const char *files, const char *dir, uint64_t max,
		struct fm_error *err)
{
	struct tree t = {.cfg = cfg, .stage = fm_stage_name(id), .dir = dir, .files = files, .max = max};
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		rc = fm_fail(err, FM_ESYSTEM, "stage %s left no folder %s: %s", t.stage, dir, strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	t.device = st.st_dev;
	if ((rc = check_mode(&t, ".", &st, err)) < 0) {
		close(fd);
		return rc;
	}
	return walk(&t, fd, "", err);
}

int fm_harvest_tree(const struct fm_config *cfg, enum fm_stage_id id, const char *dir, uint64_t max,
		    struct fm_error *err)
{
	return look(cfg, id, fm_stage_table[id].files, dir, max, err);
}

int fm_harvest_shard(enum fm_stage_id id, const char *dir, uint64_t max, struct fm_error *err)
{
	return look(NULL, id, id == FM_EVALUATE ? "searches.bin" : "windows.bin", dir, max, err);
}

bool fm_harvest_holds(const char *dir, const char *name)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), inner;
	struct stat st;
	bool good;

	if (fd < 0 || !name)
		goto out;
	inner = open_beneath(fd, name, O_PATH);
	close(fd);
	fd = inner;
out:
	good = fd >= 0 && fstat(fd, &st) == 0 && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
	if (fd >= 0)
		close(fd);
	return good;
}
