/* dir.c - the folders of file.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define MAX_DEPTH 64 /* folders in folders: each holds a descriptor open while it is walked */

int fm_dir_sync(const char *path, struct fm_error *err)
{
	int rc = FM_OK, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fm_fail_errno(err, "cannot open the folder %s", path);
	if (fsync(fd) != 0 && errno != EINVAL) /* EINVAL: a file system that has nothing to sync */
		rc = fm_fail_errno(err, "cannot sync the folder %s", path);
	close(fd);
	return rc;
}

int fm_dir_sync_parent(const char *path, struct fm_error *err)
{
	size_t n = strlen(path);
	char *parent;
	int rc;

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	while (n > 1 && path[n - 1] == '/')
		n--;
	parent = n == 0 ? strdup(".") : strndup(path, n);
	if (parent == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	rc = fm_dir_sync(parent, err);
	free(parent);
	return rc;
}

int fm_dir_make(const char *path, mode_t mode, struct fm_error *err)
{
	char *p = strdup(path);
	size_t n = strlen(path);
	struct stat st;
	int rc = FM_OK;

	if (p == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	if (n == 0)
		rc = fm_fail(err, FM_EINPUT, "cannot make a folder without a name");
	for (size_t i = 1; i <= n && rc == FM_OK; i++) {
		if ((p[i] != '/' && p[i] != '\0') || p[i - 1] == '/')
			continue;
		char c = p[i];

		p[i] = '\0';
		if (mkdir(p, c == '\0' ? mode : mode | S_IWUSR | S_IXUSR) != 0) {
			if (errno != EEXIST && errno != EISDIR && errno != EROFS)
				rc = fm_fail_errno(err, "cannot make the folder %s", p);
			else if (stat(p, &st) != 0)
				rc = fm_fail_errno(err, "cannot make the folder %s", p);
			else if (!S_ISDIR(st.st_mode))
				rc = fm_fail(err, FM_EINPUT, "cannot make the folder %s: a file stands there", p);
		}
		p[i] = c;
	}
	free(p);
	return rc;
}

/* What is done with each entry of a tree on the way out: files first, then their folder. */
struct walk {
	const char *root;
	int (*entry)(const struct walk *w, int dirfd, const char *name, bool is_dir, struct fm_error *err);
	bool unlock; /* give ourselves write permission on the folders */
};

static int walk_tree(const struct walk *w, int dirfd, const char *name, int depth, struct fm_error *err)
{
	struct dirent *e;
	struct stat st;
	DIR *dir = NULL;
	int rc = FM_OK, fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == EACCES && w->unlock && fchmodat(dirfd, name, S_IRWXU, 0) == 0)
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fm_fail_errno(err, "%s: cannot open the folder %s", w->root, name);
	if (depth > MAX_DEPTH) {
		close(fd);
		return fm_fail(err, FM_EINPUT, "%s: folders in folders more than %d deep", w->root, MAX_DEPTH);
	}
	if (w->unlock && fstat(fd, &st) == 0 && (st.st_mode & S_IRWXU) != S_IRWXU)
		(void)!fchmod(fd, S_IRWXU); /* a refusal shows when the entry is removed */
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return fm_fail_errno(err, "%s: cannot read the folder %s", w->root, name);
	}
	while (rc == FM_OK && (errno = 0, e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			rc = fm_fail_errno(err, "%s: cannot read %s", w->root, e->d_name);
		else if (S_ISDIR(st.st_mode))
			rc = walk_tree(w, fd, e->d_name, depth + 1, err);
		else
			rc = w->entry(w, fd, e->d_name, false, err);
	}
	if (rc == FM_OK && errno != 0)
		rc = fm_fail_errno(err, "%s: cannot read the folder %s", w->root, name);
	closedir(dir);
	return rc == FM_OK ? w->entry(w, dirfd, name, true, err) : rc;
}

static int remove_entry(const struct walk *w, int dirfd, const char *name, bool is_dir, struct fm_error *err)
{
	if (unlinkat(dirfd, name, is_dir ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT)
		return fm_fail_errno(err, "%s: cannot remove %s", w->root, name);
	return FM_OK;
}

int fm_dir_remove(const char *path, struct fm_error *err)
{
	struct walk w = {.root = path, .entry = remove_entry, .unlock = true};
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? FM_OK : fm_fail_errno(err, "cannot remove %s", path);
	if (!S_ISDIR(st.st_mode))
		return fm_fail(err, FM_EINPUT, "cannot remove %s: it is not a folder", path);
	return walk_tree(&w, AT_FDCWD, path, 0, err);
}

static int sync_entry(const struct walk *w, int dirfd, const char *name, bool is_dir, struct fm_error *err)
{
	struct stat st;
	int rc = FM_OK, fd;

	if (!is_dir && (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)))
		return FM_OK; /* links and sockets have no contents; opening a pipe would wait */
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (is_dir ? O_DIRECTORY : 0));
	if (fd < 0)
		return fm_fail_errno(err, "%s: cannot open %s", w->root, name);
	if (fsync(fd) != 0 && errno != EINVAL)
		rc = fm_fail_errno(err, "%s: cannot sync %s", w->root, name);
	close(fd);
	return rc;
}

/* Put from in the place of the folder to; what stood there is gone afterwards.  Where the file system cannot swap two
 * names at once the old folder is moved aside first, and only there is an instant without either. */
static int replace(const char *from, const char *to, struct fm_error *err)
{
	char *aside = NULL;
	int rc = FM_OK;

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0)
		return fm_dir_remove(from, err);
	if (errno != EINVAL && errno != ENOSYS)
		return fm_fail_errno(err, "cannot put %s in place", to);
	if (asprintf(&aside, "%s.old", from) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	rc = fm_dir_remove(aside, err);
	if (rc == FM_OK && rename(to, aside) != 0)
		rc = fm_fail_errno(err, "cannot move %s aside", to);
	if (rc == FM_OK && rename(from, to) != 0) {
		rc = fm_fail_errno(err, "cannot put %s in place", to);
		(void)!rename(aside, to);
	}
	if (rc == FM_OK)
		rc = fm_dir_remove(aside, err);
	free(aside);
	return rc;
}

int fm_dir_commit(const char *from, const char *to, struct fm_error *err)
{
	struct walk w = {.root = from, .entry = sync_entry};
	struct stat st;
	int rc = walk_tree(&w, AT_FDCWD, from, 0, err);

	if (rc != FM_OK)
		return rc;
	if (lstat(to, &st) == 0 && S_ISDIR(st.st_mode))
		rc = replace(from, to, err);
	else if (rename(from, to) != 0)
		rc = fm_fail_errno(err, "cannot put %s in place", to);
	return rc == FM_OK ? fm_dir_sync_parent(to, err) : rc;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int fm_dir_list(const char *path, char ***names, size_t *n, struct fm_error *err)
{
	char **v = NULL, **grown;
	size_t used = 0, cap = 0;
	struct dirent *e;
	int rc = FM_OK;
	DIR *dir = opendir(path);

	*names = NULL;
	*n = 0;
	if (dir == NULL)
		return fm_fail_errno(err, "cannot read the folder %s", path);
	while (rc == FM_OK && (errno = 0, e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (used == cap) {
			cap = cap == 0 ? 32 : cap * 2;
			grown = reallocarray(v, cap, sizeof(*v));
			if (grown == NULL) {
				rc = fm_fail(err, FM_ESYSTEM, "out of memory: the names in %s", path);
				break;
			}
			v = grown;
		}
		v[used] = strdup(e->d_name);
		if (v[used] == NULL)
			rc = fm_fail(err, FM_ESYSTEM, "out of memory: the names in %s", path);
		else
			used++;
	}
	if (rc == FM_OK && errno != 0)
		rc = fm_fail_errno(err, "cannot read the folder %s", path);
	closedir(dir);
	if (rc != FM_OK) {
		fm_names_free(v, used);
		return rc;
	}
	if (used > 1)
		qsort(v, used, sizeof(*v), by_bytes);
	*names = v;
	*n = used;
	return FM_OK;
}

void fm_names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
