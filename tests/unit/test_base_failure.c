/*
 * Every allocation and every write of the base room fails once.
 *
 * The room's files are compiled into this program with their calls to the system going through a counter that fails the
 * n-th one: memory with ENOMEM, disk with ENOSPC.  For each n the same work is done anew, until it succeeds.  What must
 * hold each time: the system's failure is reported as such, nothing temporary is left, nothing is half there, and
 * (under the sanitizers) nothing leaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static long countdown; /* calls until the one that fails; 0: none fails */
static int secrets_seen, secrets_bare;

static bool fails(int e)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	errno = e;
	return true;
}

static void *fail_malloc(size_t n)
{
	return fails(ENOMEM) ? NULL : malloc(n);
}

static void *fail_calloc(size_t n, size_t size)
{
	return fails(ENOMEM) ? NULL : calloc(n, size);
}

static void *fail_realloc(void *p, size_t n)
{
	return fails(ENOMEM) ? NULL : realloc(p, n);
}

static void *fail_reallocarray(void *p, size_t n, size_t size)
{
	return fails(ENOMEM) ? NULL : reallocarray(p, n, size);
}

static void *fail_aligned_alloc(size_t align, size_t n)
{
	return fails(ENOMEM) ? NULL : aligned_alloc(align, n);
}

static char *fail_strdup(const char *s)
{
	return fails(ENOMEM) ? NULL : strdup(s);
}

static char *fail_strndup(const char *s, size_t n)
{
	return fails(ENOMEM) ? NULL : strndup(s, n);
}

static int fail_vasprintf(char **out, const char *fmt, va_list ap)
{
	return fails(ENOMEM) ? -1 : vasprintf(out, fmt, ap);
}

__attribute__((format(printf, 2, 3))) static int fail_asprintf(char **out, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = fail_vasprintf(out, fmt, ap);
	va_end(ap);
	return n;
}

static ssize_t fail_write(int fd, const void *p, size_t n)
{
	if (fails(ENOSPC))
		return -1;
	return write(fd, p, n > 1 ? n - n / 3 : n); /* and never all at once */
}

static ssize_t fail_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (fails(ENOSPC))
		return -1;
	return pwrite(fd, p, n > 1 ? n - n / 3 : n, at);
}

static ssize_t fail_read(int fd, void *p, size_t n)
{
	if (fails(EIO))
		return -1;
	return read(fd, p, n > 3 ? n / 3 : n);
}

/* What was asked of the disk, in order, while a test listens. */
static struct event {
	char what; /* m: mkdir of path, s: sync of (dev, ino), u: removal of a name, r: rename */
	dev_t dev;
	ino_t ino;
	char path[512];
} event[256];
static size_t nevents;
static bool listening;

static struct event *note(char what)
{
	static struct event nobody;

	if (!listening || nevents == sizeof(event) / sizeof(event[0]))
		return &nobody;
	event[nevents] = (struct event){.what = what};
	return &event[nevents++];
}

static int fail_fsync(int fd)
{
	struct event *e = note('s');
	struct stat st;

	if (fstat(fd, &st) == 0) {
		e->dev = st.st_dev;
		e->ino = st.st_ino;
	}
	return fails(EIO) ? -1 : fsync(fd);
}

static bool stuck;           /* nothing can be removed */
static const char *stuck_on; /* nothing of this name */

static int fail_unlinkat(int dir, const char *name, int flags)
{
	note('u');
	if (stuck || (stuck_on && strcmp(name, stuck_on) == 0)) {
		errno = EPERM;
		return -1;
	}
	return unlinkat(dir, name, flags);
}

/* What was only read is lost by no failure to close it. */
static int fail_close(int fd)
{
	bool written = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
	int rc = close(fd);

	return written && fails(EIO) ? -1 : rc;
}

static int fail_rename(const char *from, const char *to)
{
	note('r');
	return fails(EACCES) ? -1 : rename(from, to);
}

static bool can_swap; /* else a file system that cannot swap two names: the longer way is taken */

static int fail_renameat2(int fromdir, const char *from, int todir, const char *to, unsigned flags)
{
	if (can_swap) {
		note('r');
		return renameat2(fromdir, from, todir, to, flags);
	}
	errno = EINVAL;
	return -1;
}

static int fail_mkdir(const char *path, mode_t mode)
{
	if (fails(ENOSPC))
		return -1;
	int rc = mkdir(path, mode);
	if (rc == 0)
		snprintf(note('m')->path, sizeof(event[0].path), "%s", path);
	return rc;
}

static int fail_open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fails(EMFILE) ? -1 : open(path, flags, mode);
}

static void *fail_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	return fails(ENOMEM) ? MAP_FAILED : mmap(at, n, prot, flags, fd, offset);
}

/* Only secrets are mapped for writing: when one goes, nothing may be left in it. */
static int check_munmap(void *p, size_t n)
{
	const char *c = p;

	if (secrets_seen >= 0) {
		secrets_seen++;
		for (size_t i = 0; i < n; i++)
			if (c[i] != 0) {
				secrets_bare++;
				break;
			}
	}
	return munmap(p, n);
}

/* Warnings are kept, not printed. */
static int warnings;
static char warning[2048];

__attribute__((format(printf, 1, 2))) static void keep_warning(const char *fmt, ...)
{
	va_list ap;

	warnings++;
	va_start(ap, fmt);
	vsnprintf(warning, sizeof(warning), fmt, ap);
	va_end(ap);
}

static bool no_lock; /* ulimit -l is used up */

static int fail_mlock(const void *p, size_t n)
{
	if (no_lock) {
		errno = ENOMEM;
		return -1;
	}
	return mlock(p, n);
}

#define malloc fail_malloc
#define calloc fail_calloc
#define realloc fail_realloc
#define reallocarray fail_reallocarray
#define aligned_alloc fail_aligned_alloc
#define strdup fail_strdup
#define strndup fail_strndup
#define asprintf fail_asprintf
#define vasprintf fail_vasprintf
#define write fail_write
#define pwrite fail_pwrite
#define read fail_read
#define fsync fail_fsync
#define close fail_close
#define unlinkat fail_unlinkat
#define rename fail_rename
#define renameat2 fail_renameat2
#define mkdir fail_mkdir
#define open fail_open
#define mmap fail_mmap
#define munmap check_munmap
#define mlock fail_mlock
#define fm_warn keep_warning
#include "base/dir.c"
#include "base/file.c"
#include "base/hash.c"
#include "base/mem.c"
#include "base/secret.c"
#include "base/table.c"
#include "base/table_io.c"
#undef malloc
#undef calloc
#undef realloc
#undef reallocarray
#undef aligned_alloc
#undef strdup
#undef strndup
#undef asprintf
#undef vasprintf
#undef write
#undef pwrite
#undef read
#undef fsync
#undef close
#undef unlinkat
#undef rename
#undef renameat2
#undef mkdir
#undef open
#undef mmap
#undef munmap
#undef mlock
#undef fm_warn

#include "tests/unit/scratch.h"

static int setup(void **state)
{
	(void)state;
	secrets_seen = -1;
	json_set_alloc_funcs(fail_malloc, free);
	return scratch_make();
}

/* Do the work with the n-th call failing, for n = 1, 2, ...; `check` looks at what is there after each failure. */
static void fail_each(int (*work)(struct fm_error *err), void (*check)(void))
{
	int rc = FM_ESYSTEM;

	for (long n = 1; rc != FM_OK; n++) {
		struct fm_error err = {0};

		assert_true(n < 2000);
		warnings = 0;
		countdown = n;
		rc = work(&err);
		bool reached = countdown == 0;
		countdown = 0;
		if (reached && rc == FM_OK && warnings == 0)
			fail_msg("call %ld failed and nobody noticed", n);
		if (reached && rc == FM_OK)
			rc = FM_ESYSTEM; /* done and said: the next call fails next */
		else if (rc != FM_OK && (rc != FM_ESYSTEM || err.code != rc || err.message[0] == '\0'))
			fail_msg("call %ld failed: code %d, \"%s\"", n, rc, err.message);
		check();
	}
}

static void no_leftovers(const char *dir)
{
	DIR *d = opendir(dir);

	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (strstr(e->d_name, ".tmp") != NULL)
			fail_msg("%s is left", e->d_name);
	closedir(d);
}

static const char *version = "old";

static int write_file(struct fm_error *err)
{
	struct fm_out *out = NULL;
	int rc = fm_out_open(&out, scratch_path("f"), 0600, err);

	if (rc == FM_OK)
		rc = fm_out_write(out, "???", 3, err);
	if (rc == FM_OK)
		rc = fm_out_printf(out, err, "%0*d", 300000, 1); /* longer than the buffer */
	if (rc == FM_OK)
		rc = fm_out_patch(out, 0, version, 3, err);
	if (rc == FM_OK)
		return fm_out_commit(out, err);
	fm_out_abort(out);
	return rc;
}

static void file_is_whole(void)
{
	char head[4] = "";
	struct stat st;
	int fd;

	no_leftovers(scratch);
	fd = open(scratch_path("f"), O_RDONLY);
	if (fd < 0) {
		assert_string_equal(version, "old"); /* the very first time there may be none */
		return;
	}
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 300003);
	assert_int_equal(read(fd, head, 3), 3);
	assert_true(strcmp(head, "old") == 0 || strcmp(head, version) == 0);
	close(fd);
}

static void test_a_file_is_the_old_one_or_the_new_one(void **state)
{
	(void)state;
	fail_each(write_file, file_is_whole);
	version = "new";
	fail_each(write_file, file_is_whole);
}

static void test_a_full_disk_is_called_so(void **state)
{
	struct fm_error err;
	struct fm_out *out;

	(void)state;
	assert_int_equal(fm_out_open(&out, scratch_path("full"), 0600, &err), FM_OK);
	assert_int_equal(fm_out_write(out, "data", 4, &err), FM_OK);
	countdown = 1;
	assert_int_equal(fm_out_commit(out, &err), FM_ESYSTEM);
	assert_int_equal(countdown, 0);
	assert_non_null(strstr(err.message, "disk is full"));
	assert_non_null(strstr(err.message, "full"));
	assert_false(fm_file_exists(scratch_path("full")));
	no_leftovers(scratch);
}

static struct fm_table *small_table(size_t rows)
{
	struct fm_table *t;
	struct fm_error err;

	assert_int_equal(fm_table_new(&t, 1u << FM_TE | 1u << FM_PR | 1u << FM_BYT, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, rows, &err), FM_OK);
	t->rows = rows;
	for (size_t i = 0; i < rows; i++) {
		t->te[i] = (int64_t)rows;
		t->byt[i] = i;
		t->pr[i] = (uint16_t)fm_dict_index(&t->dict[FM_PR], i % 2 ? "TCP" : "UDP", 3, true);
	}
	return t;
}

static struct fm_table *table_now;

static int save_table(struct fm_error *err)
{
	return fm_table_save(table_now, scratch_path("t"), err);
}

/* A table that is whole, or a folder that is none. */
static void table_is_whole_or_none(void)
{
	struct fm_table *t;
	struct fm_error err;
	int rc = fm_table_open(&t, scratch_path("t"), &err);

	no_leftovers(scratch_path("t"));
	assert_true(rc == FM_OK || rc == FM_EINPUT);
	if (rc != FM_OK) {
		assert_non_null(strstr(err.message, "schema.json"));
		return;
	}
	for (size_t i = 0; i < t->rows; i++) {
		assert_true(t->te[i] == (int64_t)t->rows && t->byt[i] == i);
		assert_string_equal(fm_table_category(t, FM_PR, i), i % 2 ? "TCP" : "UDP");
	}
	fm_table_free(t);
}

static void test_a_table_is_whole_or_none(void **state)
{
	(void)state;
	table_now = small_table(100);
	fail_each(save_table, table_is_whole_or_none);
	fm_table_free(table_now);
	table_now = small_table(200); /* over the first one */
	fail_each(save_table, table_is_whole_or_none);
	fm_table_free(table_now);
}

static void look_at_nothing(void)
{
}

static int open_table(struct fm_error *err)
{
	struct fm_table *t = NULL, *u = NULL;
	int rc = fm_table_open(&t, scratch_path("t"), err);

	if (rc == FM_OK)
		rc = fm_table_new(&u, FM_COLS_UGR16, err);
	for (size_t i = 0; i < 200 && rc == FM_OK; i++)
		rc = fm_table_append(u, t, i, err);
	if (rc == FM_OK && (u->rows != 200 || u->byt[199] != 199))
		rc = fm_fail(err, FM_EINPUT, "rows are missing");
	fm_table_free(t);
	fm_table_free(u);
	return rc;
}

static void test_opening_a_table_fails_cleanly(void **state)
{
	(void)state;
	/* jansson reports its own lack of memory as a mistake in the document, so it is left out here. */
	json_set_alloc_funcs(malloc, free);
	fail_each(open_table, look_at_nothing);
	json_set_alloc_funcs(fail_malloc, free);
}

static int make_folders(struct fm_error *err)
{
	char hex[FM_SHA256_HEX], **names = NULL;
	size_t n = 0;
	int rc = fm_dir_make(scratch_path("new/a/b"), 0700, err);

	if (rc == FM_OK)
		rc = fm_file_write(scratch_path("new/a/f"), 0600, "1", 1, err);
	if (rc == FM_OK)
		rc = fm_file_copy(scratch_path("new/a/f"), scratch_path("new/a/b/g"), 0600, err);
	if (rc == FM_OK)
		rc = fm_sha256_dir_hex(scratch_path("new"), hex, err);
	if (rc == FM_OK)
		rc = fm_dir_list(scratch_path("new"), &names, &n, err);
	fm_names_free(names, n);
	if (rc == FM_OK)
		rc = fm_dir_commit(scratch_path("new"), scratch_path("dir"), err);
	return rc;
}

static bool folder_was_there;

static void folder_is_whole_or_none(void)
{
	assert_true(fm_file_exists(scratch_path("dir")) || !folder_was_there);
	if (fm_file_exists(scratch_path("dir"))) {
		assert_true(fm_file_exists(scratch_path("dir/a/f")));
		assert_true(fm_file_exists(scratch_path("dir/a/b/g")));
	}
	no_leftovers(scratch);
}

static void test_a_folder_is_whole_or_none(void **state)
{
	(void)state;
	fail_each(make_folders, folder_is_whole_or_none);
	folder_was_there = true;
	fail_each(make_folders, folder_is_whole_or_none); /* in the place of the first */
}

static bool is_sync_of(const struct event *e, const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return e->what == 's' && e->dev == st.st_dev && e->ino == st.st_ino;
}

/* A folder that is not synced into its parent is gone after a power failure, and all that was synced in it. */
static void test_a_new_folder_is_synced_into_its_parent(void **state)
{
	static const char *const made[] = {"deep", "deep/a", "deep/a/b"}, *const parent[] = {".", "deep", "deep/a"};
	struct fm_error err;

	(void)state;
	listening = true;
	nevents = 0;
	assert_int_equal(fm_dir_make(scratch_path("deep/a/b"), 0700, &err), FM_OK);
	for (size_t i = 0; i < 3; i++) {
		size_t at = 0;

		while (at < nevents && !(event[at].what == 'm' && strcmp(event[at].path, scratch_path(made[i])) == 0))
			at++;
		assert_true(at < nevents);
		while (at < nevents && !is_sync_of(&event[at], scratch_path(parent[i])))
			at++;
		if (at == nevents)
			fail_msg("%s was not synced after %s was made", parent[i], made[i]);
	}
	nevents = 0;
	assert_int_equal(fm_dir_make(scratch_path("deep/a/b"), 0700, &err), FM_OK);
	assert_int_equal(nevents, 0); /* what is there costs nothing */
	listening = false;
}

/* old/ stands at the name, new/ shall. */
static void lay_out_two(void)
{
	struct fm_error err;

	assert_int_equal(fm_dir_make(scratch_path("swap/to/sub"), 0700, &err), FM_OK);
	assert_int_equal(fm_file_write(scratch_path("swap/to/sub/old"), 0600, "old", 3, &err), FM_OK);
	assert_int_equal(fm_dir_make(scratch_path("swap/from"), 0700, &err), FM_OK);
	assert_int_equal(fm_file_write(scratch_path("swap/from/new"), 0600, "new", 3, &err), FM_OK);
}

static void test_the_old_tree_goes_after_the_new_name_is_safe(void **state)
{
	struct fm_error err;

	(void)state;
	for (int swap = 0; swap < 2; swap++) {
		size_t renamed = 0, synced = 0, removed = 0;

		can_swap = swap;
		lay_out_two();
		listening = true;
		nevents = 0;
		assert_int_equal(fm_dir_commit(scratch_path("swap/from"), scratch_path("swap/to"), &err), FM_OK);
		listening = false;
		for (size_t i = 0; i < nevents; i++) {
			if (event[i].what == 'r')
				renamed = i + 1;
			else if (event[i].what == 'u' && removed == 0)
				removed = i + 1;
			else if (renamed > 0 && synced == 0 && is_sync_of(&event[i], scratch_path("swap")))
				synced = i + 1;
		}
		assert_true(renamed > 0 && renamed < synced && synced < removed);
		assert_int_equal(scratch_count(scratch_path("swap")), 1);
		assert_int_equal(scratch_count(scratch_path("swap/to")), 1);
	}
	can_swap = false;
}

static void test_an_old_tree_that_stays_is_only_a_warning(void **state)
{
	struct fm_error err;

	(void)state;
	for (int swap = 0; swap < 2; swap++) {
		assert_int_equal(fm_dir_remove(scratch_path("swap"), &err), FM_OK);
		lay_out_two();
		can_swap = swap;
		stuck = true;
		warnings = 0;
		assert_int_equal(fm_dir_commit(scratch_path("swap/from"), scratch_path("swap/to"), &err), FM_OK);
		stuck = false;
		assert_int_equal(warnings, 1);
		assert_non_null(strstr(warning, scratch_path(swap ? "swap/from" : "swap/from.old")));
		assert_true(fm_file_exists(scratch_path("swap/to/new")));
		assert_true(fm_file_exists(scratch_path(swap ? "swap/from/sub/old" : "swap/from.old/sub/old")));
		/* The next one clears it away, or its owner may. */
		assert_int_equal(fm_dir_remove(scratch_path("swap"), &err), FM_OK);
	}
	can_swap = false;
}

/* What cannot be removed keeps nothing else: the rest of a folder of private files is gone. */
static void test_all_that_can_be_is_removed(void **state)
{
	char name[32], left[32];
	struct fm_error err;

	(void)state;
	for (int i = 0; i < 8; i++) {
		for (int j = 0; j < 8; j++) {
			snprintf(name, sizeof name, "tree/%d", j / 4);
			assert_int_equal(fm_dir_make(scratch_path(name), 0700, &err), FM_OK);
			snprintf(name, sizeof name, "tree/%d/file%d", j / 4, j);
			assert_int_equal(fm_file_write(scratch_path(name), 0600, "x", 1, &err), FM_OK);
		}
		snprintf(name, sizeof name, "file%d", i);
		snprintf(left, sizeof left, "tree/%d", i / 4);
		stuck_on = name;
		assert_int_equal(fm_dir_remove(scratch_path("tree"), &err), FM_ESYSTEM);
		stuck_on = NULL;
		assert_non_null(strstr(err.message, name));
		assert_int_equal(scratch_count(scratch_path("tree")), 1);
		assert_int_equal(scratch_count(scratch_path(left)), 1);
	}
	assert_int_equal(fm_dir_remove(scratch_path("tree"), &err), FM_OK);
}

/* Nor does a lack of memory for the path of one, which is for messages: the files are gone all the same. */
static void test_lack_of_memory_keeps_no_file(void **state)
{
	char name[200], inside[240];
	struct fm_error err;
	bool failed;

	(void)state;
	memset(name, 'n', sizeof name);
	memcpy(name, "tree/", 5);
	name[sizeof name - 1] = '\0';
	for (long n = 2; n < 5; n++) { /* the first is for the folder's own path */
		for (int i = 0; i < 8; i++) {
			name[5] = (char)('a' + i);
			assert_int_equal(fm_dir_make(scratch_path(name), 0700, &err), FM_OK);
			snprintf(inside, sizeof inside, "%s/file", name);
			assert_int_equal(fm_file_write(scratch_path(inside), 0600, "x", 1, &err), FM_OK);
		}
		countdown = n;
		failed = fm_dir_remove(scratch_path("tree"), &err) < 0;
		assert_int_equal(failed, countdown == 0);
		countdown = 0;
		for (int i = 0; i < 8; i++) {
			name[5] = (char)('a' + i);
			snprintf(inside, sizeof inside, "%s/file", name);
			assert_false(fm_file_exists(scratch_path(inside)));
		}
	}
	assert_int_equal(fm_dir_remove(scratch_path("tree"), &err), FM_OK);
}

/* A folder that is left may have private files: whoever reads that is not told only that it is of no use. */
static void test_what_is_left_of_private_files_is_told(void **state)
{
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_dir_make(scratch_path("clear"), 0700, &err), FM_OK);
	assert_int_equal(fm_file_write(scratch_path("clear/file"), 0600, "x", 1, &err), FM_OK);
	stuck_on = "file";
	warnings = 0;
	fm_dir_clear_away(scratch_path("clear"));
	stuck_on = NULL;
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(warning, "is left: remove it, and with it what is private in it"));
	assert_int_equal(fm_dir_remove(scratch_path("clear"), &err), FM_OK);
}

static int use_memory(struct fm_error *err)
{
	struct fm_arena *arena = NULL;
	struct fm_buf b = {0};
	int rc = fm_arena_new(&arena, 4096, err);

	for (int i = 0; i < 30 && rc == FM_OK; i++)
		if (fm_arena_alloc(arena, 1000, 1) == NULL || fm_arena_strdup(arena, "text") == NULL)
			rc = fm_fail(err, FM_ESYSTEM, "out of memory: a test");
	for (int i = 0; i < 100; i++)
		fm_buf_printf(&b, "%d", 123456789);
	if (rc == FM_OK)
		rc = fm_buf_check(&b, err);
	if (rc == FM_OK && b.len != 900)
		rc = fm_fail(err, FM_EINPUT, "text is missing");
	fm_buf_free(&b);
	fm_arena_free(arena);
	return rc;
}

static void test_memory_that_runs_out_is_noticed(void **state)
{
	(void)state;
	fail_each(use_memory, look_at_nothing);
}

static int use_secret(struct fm_error *err)
{
	struct fm_secret s = {0}, r = {0};
	int rc = fm_secret_read(&s, scratch_path("key"), 100000, err);

	if (rc == FM_OK)
		rc = fm_secret_random(&r, 10000, err);
	fm_secret_close(&s);
	fm_secret_close(&r);
	return rc;
}

/* Also when the reading stops in the middle. */
static void test_a_secret_is_wiped(void **state)
{
	char text[50001];
	int fd = open(scratch_path("key"), O_WRONLY | O_CREAT, 0600);

	(void)state;
	memset(text, 's', sizeof(text));
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	close(fd);
	secrets_seen = 0;
	fail_each(use_secret, look_at_nothing);
	assert_true(secrets_seen > 5);
	assert_int_equal(secrets_bare, 0);
	secrets_seen = -1;
}

/* A run opens many secrets; the user needs to hear of the limit once. */
static void test_memory_that_cannot_be_locked_is_told_once(void **state)
{
	struct fm_secret s[3];
	struct fm_error err;

	(void)state;
	lock_warned = false;
	warnings = 0;
	no_lock = true;
	for (int i = 0; i < 3; i++)
		assert_int_equal(fm_secret_random(&s[i], 32, &err), FM_OK);
	no_lock = false;
	for (int i = 0; i < 3; i++)
		fm_secret_close(&s[i]);
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(warning, "ulimit -l"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_file_is_the_old_one_or_the_new_one),
	    cmocka_unit_test(test_a_full_disk_is_called_so),
	    cmocka_unit_test(test_a_table_is_whole_or_none),
	    cmocka_unit_test(test_opening_a_table_fails_cleanly),
	    cmocka_unit_test(test_a_folder_is_whole_or_none),
	    cmocka_unit_test(test_a_new_folder_is_synced_into_its_parent),
	    cmocka_unit_test(test_the_old_tree_goes_after_the_new_name_is_safe),
	    cmocka_unit_test(test_an_old_tree_that_stays_is_only_a_warning),
	    cmocka_unit_test(test_all_that_can_be_is_removed),
	    cmocka_unit_test(test_lack_of_memory_keeps_no_file),
	    cmocka_unit_test(test_what_is_left_of_private_files_is_told),
	    cmocka_unit_test(test_memory_that_runs_out_is_noticed),
	    cmocka_unit_test(test_a_secret_is_wiped),
	    cmocka_unit_test(test_memory_that_cannot_be_locked_is_told_once),
	};

	return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
