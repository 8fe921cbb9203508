/* Files: the old one or the new one, never a part; folders are walked without following links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/hash.h"
#include "tests/unit/scratch.h"

static const char *dir(const char *name)
{
	struct fm_error err;
	const char *path = scratch_path(name);

	assert_int_equal(fm_dir_make(path, 0755, &err), FM_OK);
	return path;
}

static void assert_holds(const char *path, const void *p, size_t n)
{
	struct fm_buf b = {0};
	struct fm_error err;

	assert_int_equal(fm_file_read(path, n + 1, &b, &err), FM_OK);
	assert_int_equal(b.len, n);
	if (n > 0)
		assert_memory_equal(b.data, p, n);
	fm_buf_free(&b);
}

static void test_nothing_stands_there_before_the_commit(void **state)
{
	const char *d = dir("commit"), *path = scratch_path("commit/f");
	struct fm_out *out;
	struct fm_error err;
	char **names;
	size_t n;

	(void)state;
	assert_int_equal(fm_file_write(path, 0644, "old", 3, &err), FM_OK);
	assert_int_equal(fm_out_open(&out, path, 0644, &err), FM_OK);
	assert_int_equal(fm_out_write(out, "new", 3, &err), FM_OK);
	assert_holds(path, "old", 3);
	/* What a killed run would leave is known by its name. */
	assert_int_equal(fm_dir_list(d, &names, &n, &err), FM_OK);
	assert_int_equal(n, 2);
	assert_int_equal(names[0][0], '.');
	assert_string_equal(names[0] + strlen(names[0]) - 4, ".tmp");
	fm_names_free(names, n);
	assert_int_equal(fm_out_commit(out, &err), FM_OK);
	assert_holds(path, "new", 3);
	assert_int_equal(scratch_count(d), 1);
}

static void test_abort_leaves_nothing(void **state)
{
	const char *d = dir("abort");
	struct fm_out *out;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_out_open(&out, scratch_path("abort/f"), 0644, &err), FM_OK);
	assert_int_equal(fm_out_write(out, "new", 3, &err), FM_OK);
	fm_out_abort(out);
	assert_int_equal(scratch_count(d), 0);
	fm_out_abort(NULL);
	/* A commit that cannot be leaves nothing either: a folder stands at the name. */
	assert_int_equal(fm_out_open(&out, scratch_path("abort/f"), 0644, &err), FM_OK);
	dir("abort/f/full");
	assert_int_not_equal(fm_out_commit(out, &err), FM_OK);
	assert_int_equal(scratch_count(d), 1);
	assert_int_equal(fm_out_open(&out, scratch_path("nowhere/f"), 0644, &err), FM_EINPUT);
	assert_null(out);
	assert_non_null(strstr(err.message, "nowhere/f"));
}

static void test_buffering_keeps_every_byte(void **state)
{
	static char whole[1 << 20];
	const char *path = scratch_path("bytes");
	size_t at = 0, step = 1;
	struct fm_out *out;
	struct fm_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(whole); i++)
		whole[i] = (char)(i * 2654435761u >> 13);
	assert_int_equal(fm_out_open(&out, path, 0644, &err), FM_OK);
	for (; at < sizeof(whole); step = step * 3 % 700001) {
		size_t n = step < sizeof(whole) - at ? step : sizeof(whole) - at;

		assert_int_equal(fm_out_write(out, whole + at, n, &err), FM_OK);
		at += n;
	}
	assert_int_equal(fm_out_patch(out, 5, "patch", 5, &err), FM_OK);
	assert_int_equal(fm_out_write(out, "tail", 4, &err), FM_OK);
	assert_int_equal(fm_out_patch(out, sizeof(whole), "TAIL", 4, &err), FM_OK);
	assert_int_equal(fm_out_commit(out, &err), FM_OK);
	memcpy(whole + 5, "patch", 5);
	char *want = malloc(sizeof(whole) + 4);
	assert_non_null(want);
	memcpy(want, whole, sizeof(whole));
	memcpy(want + sizeof(whole), "TAIL", 4);
	assert_holds(path, want, sizeof(whole) + 4);
	free(want);
}

static void test_printf_of_any_length(void **state)
{
	const char *path = scratch_path("printf");
	char *big = malloc(600001);
	struct fm_out *out;
	struct fm_error err;
	uint64_t size;

	(void)state;
	assert_non_null(big);
	memset(big, 'z', 600000);
	big[600000] = '\0';
	assert_int_equal(fm_out_open(&out, path, 0644, &err), FM_OK);
	for (int i = 0; i < 30000; i++)
		assert_int_equal(fm_out_printf(out, &err, "%09d\n", i), FM_OK);
	assert_int_equal(fm_out_printf(out, &err, "%s", big), FM_OK);
	assert_int_equal(fm_out_commit(out, &err), FM_OK);
	assert_int_equal(fm_file_size(path, &size, &err), FM_OK);
	assert_int_equal(size, 900000);
	struct fm_buf b = {0};
	assert_int_equal(fm_file_read(path, 900000, &b, &err), FM_OK);
	assert_memory_equal(b.data + 10 * 26215, "000026215\n", 10); /* around the end of the buffer */
	fm_buf_free(&b);
	free(big);
}

/* A disk that takes no more: a limit on the size of files, which fails with an error when SIGXFSZ is ignored. */
static void test_a_lost_write_is_never_committed(void **state)
{
	const char *d = dir("limit");
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		static char block[300000];
		struct rlimit limit = {.rlim_cur = 100000, .rlim_max = 100000};
		struct fm_out *out;
		struct fm_error err;

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
		    fm_out_open(&out, scratch_path("limit/f"), 0644, &err) != FM_OK)
			_exit(10);
		if (fm_out_write(out, block, sizeof(block), &err) != FM_ESYSTEM ||
		    strstr(err.message, "limit/f") == NULL)
			_exit(11);
		(void)!fm_out_write(out, "x", 1, &err);
		if (fm_out_commit(out, &err) != FM_ESYSTEM || scratch_count(scratch_path("limit")) != 0)
			_exit(12);
		if (fm_file_write(scratch_path("limit/g"), 0644, block, 200000, &err) != FM_ESYSTEM)
			_exit(13);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(scratch_count(d), 0);
}

static void test_reading_is_bounded(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;
	uint64_t size;

	(void)state;
	assert_int_equal(fm_file_write(scratch_path("ten"), 0644, "0123456789", 10, &err), FM_OK);
	fm_buf_puts(&b, "before ");
	assert_int_equal(fm_file_read(scratch_path("ten"), 9, &b, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "too large"));
	assert_string_equal(b.data, "before ");
	assert_int_equal(fm_file_read(scratch_path("ten"), 10, &b, &err), FM_OK);
	assert_string_equal(b.data, "before 0123456789");
	assert_int_equal(fm_file_read("/dev/zero", 1000, &b, &err), FM_EINPUT);
	assert_int_equal(fm_file_read(scratch_path("absent"), 10, &b, &err), FM_EINPUT);
	assert_int_equal(fm_file_read(scratch, 10, &b, &err), FM_EINPUT);
	assert_int_equal(fm_file_size(scratch, &size, &err), FM_EINPUT);
	assert_int_equal(fm_file_size(scratch_path("absent"), &size, &err), FM_EINPUT);
	fm_buf_free(&b);
	assert_int_equal(fm_file_copy(scratch_path("ten"), scratch_path("copy"), 0600, &err), FM_OK);
	assert_holds(scratch_path("copy"), "0123456789", 10);
	assert_int_equal(fm_file_copy(scratch_path("absent"), scratch_path("copy"), 0600, &err), FM_EINPUT);
	assert_holds(scratch_path("copy"), "0123456789", 10);
	assert_true(fm_file_exists(scratch_path("ten")));
	assert_false(fm_file_exists(scratch_path("absent")));
}

/* A socket that stands at path, as a server leaves it. */
static void make_socket(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_true(strlen(path) < sizeof(at.sun_path));
	strcpy(at.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
}

static void assert_says(const struct fm_error *err, const char *what)
{
	if (strstr(err->message, what) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err->message, what);
}

/* Whoever reads a pipe without a writer waits for ever: the alarm ends this program if one of these does. */
static void test_only_regular_files_are_read(void **state)
{
	static const char *const name[] = {"special/pipe", "special/socket", "special/folder", "special/link"};
	uint8_t digest[FM_SHA256_LEN];
	struct fm_buf b = {0};
	struct fm_error err;
	int fd;

	(void)state;
	dir("special/folder");
	assert_int_equal(mkfifo(scratch_path("special/pipe"), 0600), 0);
	make_socket(scratch_path("special/socket"));
	assert_int_equal(symlink("pipe", scratch_path("special/link")), 0);
	alarm(300);
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		const char *path = scratch_path(name[i]);

		assert_int_equal(fm_file_read(path, 10, &b, &err), FM_EINPUT);
		assert_says(&err, path);
		assert_int_equal(fm_file_copy(path, scratch_path("special/copy"), 0600, &err), FM_EINPUT);
		assert_false(fm_file_exists(scratch_path("special/copy")));
		assert_int_equal(fm_sha256_file(path, digest, &err), FM_EINPUT);
		assert_int_equal(fm_file_open(path, &fd, &err), FM_EINPUT);
		assert_int_equal(fd, -1);
	}
	alarm(0);
	assert_int_equal(scratch_count(scratch_path("special")), 4);
	assert_int_equal(fm_file_read("/dev/null", 10, &b, &err), FM_EINPUT);
	assert_says(&err, "/dev/null is not a regular file");
	assert_null(b.data);
	/* A link to a regular file is as good as the file. */
	assert_int_equal(fm_file_write(scratch_path("special/file"), 0600, "x", 1, &err), FM_OK);
	assert_int_equal(symlink("file", scratch_path("special/good")), 0);
	assert_holds(scratch_path("special/good"), "x", 1);
}

static mode_t kind_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) != 0 ? 0 : st.st_mode & S_IFMT;
}

/* What stands at the name stays there when it is no file that we could have written. */
static void test_only_regular_files_are_replaced(void **state)
{
	static const char *const name[] = {"out/pipe", "out/socket", "out/folder",
					   "out/link", "out/lost",   "out/device"};
	static const mode_t kind[] = {S_IFIFO, S_IFSOCK, S_IFDIR, S_IFLNK, S_IFLNK, S_IFCHR};
	size_t n = sizeof(name) / sizeof(name[0]);
	struct fm_error err;
	struct fm_out *out;

	(void)state;
	dir("out/folder");
	assert_int_equal(mkfifo(scratch_path(name[0]), 0600), 0);
	make_socket(scratch_path(name[1]));
	assert_int_equal(fm_file_write(scratch_path("out/file"), 0600, "kept", 4, &err), FM_OK);
	assert_int_equal(symlink("file", scratch_path(name[3])), 0);
	assert_int_equal(symlink("nowhere", scratch_path(name[4])), 0);
	if (mknod(scratch_path(name[5]), S_IFCHR | 0600, makedev(1, 3)) != 0)
		n--; /* not for everyone to make */
	for (size_t i = 0; i < n; i++) {
		const char *path = scratch_path(name[i]);
		int before = scratch_count(scratch_path("out"));

		assert_int_equal(fm_out_open(&out, path, 0600, &err), FM_EINPUT);
		assert_null(out);
		assert_says(&err, path);
		assert_int_equal(kind_of(path), kind[i]);
		assert_int_equal(scratch_count(scratch_path("out")), before);
	}
	assert_int_equal(fm_out_open(&out, scratch_path(name[3]), 0600, &err), FM_EINPUT);
	assert_says(&err, "symbolic link");
	assert_int_equal(fm_file_write(scratch_path(name[0]), 0600, "x", 1, &err), FM_EINPUT);
	assert_int_equal(fm_file_copy(scratch_path("out/file"), scratch_path(name[3]), 0600, &err), FM_EINPUT);
	assert_holds(scratch_path("out/file"), "kept", 4);
	assert_false(fm_file_exists(scratch_path("out/nowhere")));
	/* It may come while the file is being written. */
	assert_int_equal(fm_out_open(&out, scratch_path("out/late"), 0600, &err), FM_OK);
	assert_int_equal(mkfifo(scratch_path("out/late"), 0600), 0);
	assert_int_equal(fm_out_commit(out, &err), FM_EINPUT);
	assert_int_equal(kind_of(scratch_path("out/late")), S_IFIFO);
	assert_int_equal(scratch_count(scratch_path("out")), (int)n + 2); /* nothing temporary */
}

static void test_mapping(void **state)
{
	struct fm_map m;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_file_write(scratch_path("map"), 0644, "mapped", 6, &err), FM_OK);
	assert_int_equal(fm_map_open(&m, scratch_path("map"), &err), FM_OK);
	assert_int_equal(m.len, 6);
	assert_memory_equal(m.data, "mapped", 6);
	fm_map_close(&m);
	assert_null(m.data);
	fm_map_close(&m);
	fm_map_close(NULL);
	assert_int_equal(fm_file_write(scratch_path("map"), 0644, "", 0, &err), FM_OK);
	assert_int_equal(fm_map_open(&m, scratch_path("map"), &err), FM_OK);
	assert_true(m.data == NULL && m.len == 0);
	assert_int_equal(fm_map_open(&m, scratch, &err), FM_EINPUT);
	assert_int_equal(fm_map_open(&m, scratch_path("absent"), &err), FM_EINPUT);
	assert_int_equal(mkfifo(scratch_path("pipe"), 0600), 0);
	assert_int_equal(fm_map_open(&m, scratch_path("pipe"), &err), FM_EINPUT);
}

static void test_folders_are_made_with_parents(void **state)
{
	struct fm_error err;
	struct stat st;

	(void)state;
	assert_int_equal(fm_dir_make(scratch_path("a//b/c/"), 0700, &err), FM_OK);
	assert_int_equal(fm_dir_make(scratch_path("a/b/c"), 0700, &err), FM_OK);
	assert_int_equal(stat(scratch_path("a/b/c"), &st), 0);
	assert_true(S_ISDIR(st.st_mode) && (st.st_mode & 077) == 0);
	assert_int_equal(fm_file_write(scratch_path("a/file"), 0644, "", 0, &err), FM_OK);
	assert_int_equal(fm_dir_make(scratch_path("a/file"), 0700, &err), FM_EINPUT);
	assert_int_equal(fm_dir_make(scratch_path("a/file/b"), 0700, &err), FM_EINPUT);
	assert_int_equal(fm_dir_make("", 0700, &err), FM_EINPUT);
}

static void test_removal_follows_no_link(void **state)
{
	struct fm_error err;

	(void)state;
	dir("keep/inside");
	assert_int_equal(fm_file_write(scratch_path("keep/f"), 0644, "x", 1, &err), FM_OK);
	dir("gone/sub/deep");
	assert_int_equal(fm_file_write(scratch_path("gone/sub/f"), 0400, "x", 1, &err), FM_OK);
	assert_int_equal(symlink("../keep", scratch_path("gone/link")), 0);
	assert_int_equal(symlink("/nowhere/at/all", scratch_path("gone/sub/dangling")), 0);
	assert_int_equal(mkfifo(scratch_path("gone/fifo"), 0600), 0);
	assert_int_equal(chmod(scratch_path("gone/sub"), 0500), 0);
	assert_int_equal(fm_dir_remove(scratch_path("gone"), &err), FM_OK);
	assert_false(fm_file_exists(scratch_path("gone")));
	assert_int_equal(scratch_count(scratch_path("keep")), 2);
	assert_int_equal(fm_dir_remove(scratch_path("gone"), &err), FM_OK);
	assert_int_equal(symlink("keep", scratch_path("door")), 0);
	assert_int_equal(fm_dir_remove(scratch_path("door"), &err), FM_EINPUT);
	assert_int_equal(fm_dir_remove(scratch_path("keep/f"), &err), FM_EINPUT);
	assert_int_equal(scratch_count(scratch_path("keep")), 2);
}

static void test_folder_is_put_in_place_whole(void **state)
{
	struct fm_error err;

	(void)state;
	dir("from/sub");
	assert_int_equal(fm_file_write(scratch_path("from/sub/f"), 0644, "1", 1, &err), FM_OK);
	assert_int_equal(fm_dir_commit(scratch_path("from"), scratch_path("to"), &err), FM_OK);
	assert_false(fm_file_exists(scratch_path("from")));
	assert_holds(scratch_path("to/sub/f"), "1", 1);
	/* A second one takes the place of the first, with nothing of it left. */
	dir("from");
	assert_int_equal(fm_file_write(scratch_path("from/g"), 0644, "2", 1, &err), FM_OK);
	assert_int_equal(fm_dir_commit(scratch_path("from"), scratch_path("to"), &err), FM_OK);
	assert_false(fm_file_exists(scratch_path("from")));
	assert_int_equal(scratch_count(scratch_path("to")), 1);
	assert_holds(scratch_path("to/g"), "2", 1);
	assert_int_equal(fm_dir_commit(scratch_path("absent"), scratch_path("to"), &err), FM_EINPUT);
	assert_holds(scratch_path("to/g"), "2", 1);
	dir("from");
	assert_int_equal(fm_file_write(scratch_path("file"), 0644, "", 0, &err), FM_OK);
	assert_int_not_equal(fm_dir_commit(scratch_path("from"), scratch_path("file"), &err), FM_OK);
	assert_true(fm_file_exists(scratch_path("from")));
}

static void test_names_come_sorted_by_bytes(void **state)
{
	static const char *const want[] = {"A", "B", "_", "a", "a.b", "a0", "\xC3\xA9"};
	struct fm_error err;
	char **names;
	size_t n;

	(void)state;
	dir("list");
	for (size_t i = sizeof(want) / sizeof(want[0]); i-- > 0;) {
		char name[64];

		snprintf(name, sizeof(name), "list/%s", want[i]);
		assert_int_equal(fm_file_write(scratch_path(name), 0644, "", 0, &err), FM_OK);
	}
	assert_int_equal(fm_dir_list(scratch_path("list"), &names, &n, &err), FM_OK);
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(names[i], want[i]);
	fm_names_free(names, n);
	dir("none");
	assert_int_equal(fm_dir_list(scratch_path("none"), &names, &n, &err), FM_OK);
	assert_int_equal(n, 0);
	fm_names_free(names, n);
	assert_int_equal(fm_dir_list(scratch_path("absent"), &names, &n, &err), FM_EINPUT);
}

static void test_paths_join_with_one_slash(void **state)
{
	static const char *const cases[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *p = fm_path_join(cases[i][0], cases[i][1]);

		assert_string_equal(p, cases[i][2]);
		free(p);
	}
}

static void test_a_name_of_full_length_can_be_written(void **state)
{
	char name[256];
	struct fm_error err;

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	assert_int_equal(fm_file_write(scratch_path(name), 0644, "x", 1, &err), FM_OK);
	assert_holds(scratch_path(name), "x", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing_stands_there_before_the_commit),
	    cmocka_unit_test(test_abort_leaves_nothing),
	    cmocka_unit_test(test_buffering_keeps_every_byte),
	    cmocka_unit_test(test_printf_of_any_length),
	    cmocka_unit_test(test_a_lost_write_is_never_committed),
	    cmocka_unit_test(test_reading_is_bounded),
	    cmocka_unit_test(test_only_regular_files_are_read),
	    cmocka_unit_test(test_only_regular_files_are_replaced),
	    cmocka_unit_test(test_mapping),
	    cmocka_unit_test(test_folders_are_made_with_parents),
	    cmocka_unit_test(test_removal_follows_no_link),
	    cmocka_unit_test(test_folder_is_put_in_place_whole),
	    cmocka_unit_test(test_names_come_sorted_by_bytes),
	    cmocka_unit_test(test_paths_join_with_one_slash),
	    cmocka_unit_test(test_a_name_of_full_length_can_be_written),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
