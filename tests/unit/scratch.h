/*
 * scratch.h - a fresh folder for one test program, under TMPDIR.
 *
 *     cmocka_run_group_tests(tests, scratch_setup, scratch_teardown)
 *                                       or scratch_make() and scratch_remove() in a group's own
 *     ... scratch_path("a/b") ...       a path in it; the last 32 answers stay valid
 */
#ifndef FM_TESTS_SCRATCH_H
#define FM_TESTS_SCRATCH_H

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[512];

static inline int scratch_make(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(scratch, sizeof(scratch), "%s/flowmint-test-XXXXXX", tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
	return mkdtemp(scratch) == NULL ? -1 : 0;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int scratch_remove(void)
{
	return scratch[0] == '\0' ? 0 : nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int scratch_setup(void **state)
{
	(void)state;
	return scratch_make();
}

static inline int scratch_teardown(void **state)
{
	(void)state;
	return scratch_remove();
}

static inline const char *scratch_path(const char *name)
{
	static char path[32][1024];
	static unsigned turn;
	char *p = path[turn++ % 32];

	snprintf(p, sizeof(path[0]), "%s/%s", scratch, name);
	return p;
}

/* Number of names in a folder, hidden ones too; -1 when it cannot be read. */
static inline int scratch_count(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (dir == NULL)
		return -1;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	return n;
}

#endif
