/* dir.c - the folders of file.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

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

/* Make one folder, unless it is there already. */
static int make_one(const char *path, mode_t mode, struct fm_error *err)
{
	struct stat st;
	int why;

	if (mkdir(path, mode) == 0)
		return fm_dir_sync_parent(path, err);
	why = errno;
	if ((why != EEXIST && why != EISDIR && why != EROFS) || stat(path, &st) != 0) {
		errno = why; /* the reason of mkdir, not that of stat */
		return fm_fail_errno(err, "cannot make the folder %s", path);
	}
	if (!S_ISDIR(st.st_mode))
		return fm_fail(err, FM_EINPUT, "cannot make the folder %s: a file stands there", path);
	return FM_OK;
}

int fm_dir_make(const char *path, mode_t mode, struct fm_error *err)
{
	char *p = strdup(path);
	size_t n = strlen(path);
	int rc = FM_OK;

	if (p == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	if (n == 0) {
		rc = fm_fail(err, FM_EINPUT, "cannot make a folder without a name");
		goto out;
	}
	for (size_t i = 1; i <= n; i++) {
		if ((p[i] != '/' && p[i] != '\0') || p[i - 1] == '/')
			continue;
		char c = p[i];

		p[i] = '\0';
		if ((rc = make_one(p, c == '\0' ? mode : mode | S_IWUSR | S_IXUSR, err)) < 0)
			goto out;
		p[i] = c;
	}
out:
	free(p);
	return rc;
}

/* The next name in a folder, . and .. left out; NULL at the end (errno is 0) and on failure. */
static const char *next_name(DIR *dir)
{
	struct dirent *e;

	do {
		errno = 0;
		e = readdir(dir);
	} while (e != NULL && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0));
	return e == NULL ? NULL : e->d_name;
}

/* The one walk through a tree, in postorder: a folder comes after everything in it. */
struct walk {
	int (*entry)(struct walk *w, int dirfd, const char *name, mode_t mode, struct fm_error *err);
	bool unlock;        /* give ourselves write permission on the folders */
	bool goes_on;       /* behind an entry that failed, so that as much as can be is done */
	struct fm_buf path; /* of the entry, from the root on: for messages */
	size_t below;       /* where in it the part below the root begins */
	void *ctx;
};

/* Append the entry `name` to path; the result is what path_pop takes. */
static size_t path_push(struct walk *w, const char *name)
{
	size_t before = w->path.len;

	if (before > 0 && w->path.data[before - 1] != '/')
		fm_buf_puts(&w->path, "/");
	fm_buf_puts(&w->path, name);
	return before;
}

static void path_pop(struct walk *w, size_t before)
{
	w->path.len = before;
	w->path.data[before] = '\0';
}

static int walk_entry(struct walk *w, int dirfd, const char *name, int depth, struct fm_error *err);

static int walk_inside(struct walk *w, int fd, const char *name, int depth, struct fm_error *err)
{
	int failed = w->path.failed, rc, one;
	size_t before = path_push(w, name);
	struct fm_error later;

	/* Without memory for the path, which is for messages, what goes on does so, and names the folder around. */
	rc = fm_buf_check(&w->path, err);
	if (rc >= 0 || w->goes_on) {
		one = walk_entry(w, fd, name, depth, rc < 0 ? &later : err);
		rc = rc < 0 ? rc : one;
	}
	path_pop(w, before);
	w->path.failed = failed;
	return rc;
}

static int walk_folder(struct walk *w, int dirfd, const char *name, int depth, struct fm_error *err)
{
	const char *inside;
	struct fm_error later; /* the first failure is told */
	struct stat st;
	DIR *dir = NULL;
	int rc = FM_OK, one, fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == EACCES && w->unlock && fchmodat(dirfd, name, S_IRWXU, 0) == 0)
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fm_fail_errno(err, "cannot open the folder %s", w->path.data);
	if (depth > MAX_DEPTH) {
		close(fd);
		return fm_fail(err, FM_EINPUT, "%.*s: folders in folders more than %d deep", (int)w->below,
			       w->path.data, MAX_DEPTH);
	}
	if (w->unlock && fstat(fd, &st) == 0 && (st.st_mode & S_IRWXU) != S_IRWXU)
		(void)!fchmod(fd, S_IRWXU); /* a refusal shows when the entry is removed */
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return fm_fail_errno(err, "cannot read the folder %s", w->path.data);
	}
	while ((inside = next_name(dir)) != NULL) {
		one = walk_inside(w, fd, inside, depth + 1, rc < 0 ? &later : err);
		rc = rc < 0 ? rc : one;
		if (one < 0 && !w->goes_on)
			goto out;
	}
	if (errno != 0 && rc >= 0)
		rc = fm_fail_errno(err, "cannot read the folder %s", w->path.data);
out:
	closedir(dir);
	return rc;
}

static int walk_entry(struct walk *w, int dirfd, const char *name, int depth, struct fm_error *err)
{
	struct stat st;
	int rc;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return fm_fail_errno(err, "cannot read %s", w->path.data);
	if (S_ISDIR(st.st_mode) && (rc = walk_folder(w, dirfd, name, depth, err)) < 0)
		return rc;
	return w->entry(w, dirfd, name, st.st_mode, err);
}

static int walk_tree(struct walk *w, const char *root, struct fm_error *err)
{
	size_t n = strlen(root);
	int rc;

	path_push(w, root);
	w->below = n > 0 && root[n - 1] == '/' ? n : n + 1;
	if ((rc = fm_buf_check(&w->path, err)) < 0 || (rc = walk_folder(w, AT_FDCWD, root, 0, err)) < 0)
		goto out;
	rc = w->entry(w, AT_FDCWD, root, S_IFDIR, err);
out:
	fm_buf_free(&w->path);
	return rc;
}

static int remove_entry(struct walk *w, int dirfd, const char *name, mode_t mode, struct fm_error *err)
{
	if (unlinkat(dirfd, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT)
		return fm_fail_errno(err, "cannot remove %s", w->path.data);
	return FM_OK;
}

int fm_dir_remove(const char *path, struct fm_error *err)
{
	struct walk w = {.entry = remove_entry, .unlock = true, .goes_on = true};
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? FM_OK : fm_fail_errno(err, "cannot remove %s", path);
	if (!S_ISDIR(st.st_mode))
		return fm_fail(err, FM_EINPUT, "cannot remove %s: it is not a folder", path);
	return walk_tree(&w, path, err);
}

void fm_dir_clear_away(const char *path)
{
	struct fm_error why;

	if (fm_dir_remove(path, &why) < 0)
		fm_warn("%s is left: remove it, and with it what is private in it: %s", path, why.message);
}

static int sync_entry(struct walk *w, int dirfd, const char *name, mode_t mode, struct fm_error *err)
{
	int rc = FM_OK, fd;

	if (!S_ISDIR(mode) && !S_ISREG(mode))
		return FM_OK; /* links and sockets have no contents; opening a pipe would wait */
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (S_ISDIR(mode) ? O_DIRECTORY : 0));
	if (fd < 0)
		return fm_fail_errno(err, "cannot open %s", w->path.data);
	if (fsync(fd) != 0 && errno != EINVAL)
		rc = fm_fail_errno(err, "cannot sync %s", w->path.data);
	close(fd);
	return rc;
}

/* Remove a tree that has been replaced.  The new one is in place and safe, so a failure here is only a warning. */
static void remove_replaced(const char *path, const char *by)
{
	struct fm_error why = {0};

	if (fm_dir_remove(path, &why) < 0)
		fm_warn("%s is in place, but what stood there before is left at %s: %s", by, path, why.message);
}

/* Move to aside, and from in its place. */
static int swap_aside(const char *from, const char *to, const char *aside, struct fm_error *err)
{
	int rc;

	if ((rc = fm_dir_remove(aside, err)) < 0)
		return rc;
	if (rename(to, aside) != 0)
		return fm_fail_errno(err, "cannot move %s aside", to);
	if (rename(from, to) != 0) {
		rc = fm_fail_errno(err, "cannot put %s in place", to);
		(void)!rename(aside, to);
	}
	return rc;
}

/* Put `from` in the place of the folder `to`, and remove the old one.  Where the file system cannot swap two names at
 * once, the old folder is moved aside first, and for an instant there is neither. */
static int replace(const char *from, const char *to, struct fm_error *err)
{
	const char *old = from;
	char *aside = NULL;
	int rc = FM_OK;

	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) != 0) {
		if (errno != EINVAL && errno != ENOSYS)
			return fm_fail_errno(err, "cannot put %s in place", to);
		if (asprintf(&aside, "%s.old", from) < 0)
			return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
		old = aside;
		if ((rc = swap_aside(from, to, aside, err)) < 0)
			goto out;
	}
	/* The old contents may only go when the new names are on the disk. */
	if ((rc = fm_dir_sync_parent(to, err)) < 0)
		goto out;
	remove_replaced(old, to);
out:
	free(aside);
	return rc;
}

int fm_dir_commit(const char *from, const char *to, struct fm_error *err)
{
	struct walk w = {.entry = sync_entry};
	struct stat st;
	int rc = walk_tree(&w, from, err);

	if (rc < 0)
		return rc;
	if (lstat(to, &st) == 0 && S_ISDIR(st.st_mode))
		return replace(from, to, err);
	if (rename(from, to) != 0)
		return fm_fail_errno(err, "cannot put %s in place", to);
	return fm_dir_sync_parent(to, err);
}

/* ---- lists of names ---- */

struct names {
	char **v;
	size_t n, cap;
};

static int names_add(struct names *l, const char *name, struct fm_error *err)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 32 : l->cap * 2;
		char **v = reallocarray(l->v, cap, sizeof(*v));

		if (v == NULL)
			return fm_fail(err, FM_ESYSTEM, "out of memory: the names in a folder");
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n] = strdup(name);
	if (l->v[l->n] == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: the names in a folder");
	l->n++;
	return FM_OK;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Hand a whole list over, sorted; after a failure free it. */
static int names_give(struct names *l, int rc, char ***names, size_t *n)
{
	if (rc < 0) {
		fm_names_free(l->v, l->n);
		return rc;
	}
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_bytes);
	*names = l->v;
	*n = l->n;
	return FM_OK;
}

int fm_dir_list(const char *path, char ***names, size_t *n, struct fm_error *err)
{
	struct names l = {0};
	const char *name;
	int rc = FM_OK;
	DIR *dir = opendir(path);

	*names = NULL;
	*n = 0;
	if (dir == NULL)
		return fm_fail_errno(err, "cannot read the folder %s", path);
	while ((name = next_name(dir)) != NULL)
		if ((rc = names_add(&l, name, err)) < 0)
			goto out;
	if (errno != 0)
		rc = fm_fail_errno(err, "cannot read the folder %s", path);
out:
	closedir(dir);
	return names_give(&l, rc, names, n);
}

static int list_entry(struct walk *w, int dirfd, const char *name, mode_t mode, struct fm_error *err)
{
	(void)dirfd;
	(void)name;
	if (S_ISDIR(mode))
		return FM_OK;
	if (!S_ISREG(mode))
		return fm_fail(err, FM_EINPUT, "%s is neither a file nor a folder", w->path.data);
	return names_add(w->ctx, w->path.data + w->below, err);
}

int fm_dir_files(const char *path, char ***names, size_t *n, struct fm_error *err)
{
	struct names l = {0};
	struct walk w = {.entry = list_entry, .ctx = &l};

	*names = NULL;
	*n = 0;
	return names_give(&l, walk_tree(&w, path, err), names, n);
}

void fm_names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* ".NAME.PID-RANDOM.tmp" whose process has ended. */
static bool is_left(const char *name)
{
	size_t n = strlen(name);
	const char *dash = strrchr(name, '-'), *dot = dash;
	char *end;
	long pid;

	if (name[0] != '.' || n < 4 || strcmp(name + n - 4, ".tmp") != 0 || !dash || strlen(dash) != 1 + 16 + 4)
		return false;
	while (dot > name && *dot != '.')
		dot--;
	pid = strtol(dot + 1, &end, 10);
	return dot > name && end == dash && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

int fm_dir_sweep(const char *path, struct fm_error *err)
{
	char **names = NULL, *file;
	size_t n = 0;
	int rc;

	if (!fm_file_exists(path))
		return FM_OK;
	if ((rc = fm_dir_list(path, &names, &n, err)) < 0)
		return rc;
	for (size_t i = 0; i < n && rc >= 0; i++) {
		if (!is_left(names[i]))
			continue;
		if (!(file = fm_path_join(path, names[i])))
			rc = fm_fail(err, FM_ESYSTEM, "out of memory: a path");
		else if (unlink(file) != 0 && errno != ENOENT)
			rc = fm_fail_errno(err, "cannot remove %s", file);
		free(file);
	}
	fm_names_free(names, n);
	return rc;
}
