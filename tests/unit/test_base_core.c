/* Errors, memory, secrets and the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/stop.h"
#include "tests/unit/capture.h"
#include "tests/unit/scratch.h"

static void test_error_says_what_and_where(void **state)
{
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_fail(&err, FM_EINPUT, "port %d is over 65535", 70000), FM_EINPUT);
	assert_string_equal(err.message, "port 70000 is over 65535");
	assert_int_equal(err.code, FM_EINPUT);
	assert_non_null(strstr(err.file, "test_base_core.c"));
	assert_true(err.line > 0);
	assert_int_equal(fm_error_prefix(&err, "%s:%d: ", "a.csv", 7), FM_EINPUT);
	assert_string_equal(err.message, "a.csv:7: port 70000 is over 65535");
	/* A message may quote itself. */
	fm_fail(&err, FM_EVERDICT, "again: %s", err.message);
	assert_string_equal(err.message, "again: a.csv:7: port 70000 is over 65535");
	assert_int_equal(fm_fail(NULL, FM_EUSAGE, "nobody listens"), FM_EUSAGE);
	assert_int_equal(fm_error_prefix(NULL, "x: "), FM_ESYSTEM); /* as the header says: no code is known */
}

static void test_error_is_cut_and_never_overrun(void **state)
{
	struct fm_error err;
	char big[5000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	fm_fail(&err, FM_EINPUT, "%s", big);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	fm_error_prefix(&err, "%s", "front: ");
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	assert_memory_equal(err.message, "front: xxx", 10);
	fm_error_prefix(&err, "%s", big);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	/* The reason at the end is kept. */
	errno = EACCES;
	assert_int_equal(fm_fail_errno(&err, "%s", big), FM_ESYSTEM);
	assert_string_equal(err.message + strlen(err.message) - 19, ": Permission denied");
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
}

static void test_errno_decides_the_exit_status(void **state)
{
	struct fm_error err;

	(void)state;
	errno = ENOENT;
	assert_int_equal(fm_fail_errno(&err, "cannot read %s", "x"), FM_EINPUT);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(err.message, "cannot read x: No such file or directory");
	static const int input[] = {EISDIR, ENOTDIR, ENAMETOOLONG, ELOOP, ENXIO};
	for (size_t i = 0; i < sizeof(input) / sizeof(input[0]); i++) {
		errno = input[i];
		assert_int_equal(fm_fail_errno(&err, "x"), FM_EINPUT);
		errno = input[i];
		assert_int_equal(fm_fail_errno(NULL, "x"), FM_EINPUT);
	}
	errno = EACCES;
	assert_int_equal(fm_fail_errno(&err, "x"), FM_ESYSTEM);
	errno = ENOSPC;
	assert_int_equal(fm_fail_errno(&err, "cannot write x"), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "disk is full"));
	errno = EDQUOT;
	assert_int_equal(fm_fail_errno(&err, "cannot write x"), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "disk is full"));
	assert_int_equal(fm_exit_status(FM_OK), 0);
	assert_int_equal(fm_exit_status(FM_EVERDICT), 1);
	assert_int_equal(fm_exit_status(FM_EUSAGE), 2);
	assert_int_equal(fm_exit_status(FM_EINPUT), 3);
	assert_int_equal(fm_exit_status(FM_ESYSTEM), 4);
	assert_int_equal(fm_exit_status(-77), 4);
}

static int is_zero(const void *p, size_t n)
{
	const char *c = p;

	for (size_t i = 0; i < n; i++)
		if (c[i] != 0)
			return 0;
	return 1;
}

static void test_sizes_that_overflow_are_refused(void **state)
{
	struct fm_arena *arena;
	struct fm_error err;
	void *p;

	(void)state;
	assert_null(fm_calloc(SIZE_MAX, 2));
	assert_null(fm_calloc(SIZE_MAX / 2, 2));
	assert_null(fm_calloc(SIZE_MAX, 1));
	assert_int_equal(fm_alloc(&p, SIZE_MAX / 8, 16, "a tower", &err), FM_ESYSTEM);
	assert_null(p);
	assert_non_null(strstr(err.message, "a tower"));
	assert_int_equal(fm_arena_new(&arena, 1024, &err), FM_OK);
	assert_null(fm_arena_alloc(arena, SIZE_MAX / 4, 5));
	assert_null(fm_arena_alloc(arena, SIZE_MAX, 1));
	fm_arena_free(arena);
	p = fm_calloc(0, 8);
	assert_non_null(p);
	free(p);
	p = fm_calloc(7, 13);
	assert_true((uintptr_t)p % 64 == 0 && is_zero(p, 91));
	free(p);
}

static void test_arena_memory_is_zero_aligned_and_apart(void **state)
{
	struct fm_arena *arena;
	struct fm_error err;
	char *piece[200];

	(void)state;
	assert_int_equal(fm_arena_new(&arena, 1000, &err), FM_OK);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++) {
			size_t n = (size_t)(i * 37 % 1500) + 1;

			if (i % 3 == 2) {
				piece[i] = fm_arena_strdup(arena, "a word");
				assert_string_equal(piece[i], "a word");
				continue;
			}
			piece[i] = fm_arena_alloc(arena, n, 1);
			assert_true((uintptr_t)piece[i] % 64 == 0);
			assert_true(is_zero(piece[i], n));
			memset(piece[i], i, n);
		}
		for (int i = 0; i < 200; i++) {
			size_t n = (size_t)(i * 37 % 1500) + 1;

			for (size_t k = 0; i % 3 != 2 && k < n; k++)
				assert_int_equal((unsigned char)piece[i][k], i);
			if (i % 3 == 2)
				assert_string_equal(piece[i], "a word");
		}
		fm_arena_reset(arena);
	}
	fm_arena_free(arena);
	fm_arena_free(NULL);
	fm_arena_reset(NULL);
}

static void test_buffer_is_a_string_and_remembers_failure(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;

	(void)state;
	fm_buf_add(&b, NULL, 0);
	assert_string_equal(b.data, "");
	for (int i = 0; i < 1000; i++) {
		fm_buf_puts(&b, "ab");
		fm_buf_printf(&b, "%d", i % 10);
		fm_buf_add(&b, "\0", 1);
		assert_int_equal(b.data[b.len], 0);
	}
	assert_int_equal(b.len, 4000);
	assert_memory_equal(b.data + 4 * 123, "ab3", 4);
	assert_int_equal(fm_buf_check(&b, &err), FM_OK);
	fm_buf_add(&b, b.data, SIZE_MAX - 10);
	fm_buf_puts(&b, "more");
	assert_int_equal(b.len, 4000);
	assert_int_equal(fm_buf_check(&b, &err), FM_ESYSTEM);
	fm_buf_free(&b);
	assert_null(b.data);
	fm_buf_free(&b);
	fm_buf_free(NULL);
}

static void test_secret_of_others_is_refused(void **state)
{
	const char *path = scratch_path("key");
	struct fm_secret s;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_file_write(path, 0600, "hush", 4, &err), FM_OK);
	assert_int_equal(fm_secret_read(&s, path, 4, &err), FM_OK);
	assert_int_equal(s.len, 4);
	assert_memory_equal(s.data, "hush", 4);
	fm_secret_close(&s);
	assert_null(s.data);
	assert_int_equal(s.len, 0);
	fm_secret_close(&s);
	for (int bit = 0; bit < 6; bit++) {
		assert_int_equal(chmod(path, (mode_t)(0600 | 1 << bit)), 0);
		assert_int_equal(fm_secret_read(&s, path, 4, &err), FM_EINPUT);
		assert_null(s.data);
		assert_non_null(strstr(err.message, "chmod 600"));
		assert_null(strstr(err.message, "hush"));
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(fm_secret_read(&s, path, 3, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "too large"));
	assert_int_equal(fm_secret_read(&s, scratch_path("absent"), 4, &err), FM_EINPUT);
	assert_int_equal(fm_secret_read(&s, scratch, 4096, &err), FM_EINPUT);
	assert_int_equal(fm_file_write(scratch_path("empty"), 0600, "", 0, &err), FM_OK);
	assert_int_equal(fm_secret_read(&s, scratch_path("empty"), 4, &err), FM_EINPUT);
	/* A pipe would wait for ever. */
	assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
	assert_int_equal(fm_secret_read(&s, scratch_path("fifo"), 4, &err), FM_EINPUT);
	assert_null(s.data);
	fm_secret_close(NULL);
}

static void test_secret_random_is_not_the_same_twice(void **state)
{
	struct fm_secret a, b;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_secret_new(&a, 5000, &err), FM_OK);
	assert_true(is_zero(a.data, 5000));
	fm_secret_close(&a);
	assert_int_equal(fm_secret_random(&a, 32, &err), FM_OK);
	assert_int_equal(fm_secret_random(&b, 32, &err), FM_OK);
	assert_memory_not_equal(a.data, b.data, 32);
	fm_secret_close(&a);
	fm_secret_close(&b);
	assert_int_equal(fm_secret_new(&a, SIZE_MAX, &err), FM_ESYSTEM);
	assert_null(a.data);
}

/* The kernel's own word on the page of a secret: "lo" locked, "dd" not dumped. */
static void test_secret_is_locked_and_not_dumped(void **state)
{
	struct fm_secret s;
	struct fm_error err;
	char line[512], start[32];
	int here = 0, seen = 0;
	FILE *f = fopen("/proc/self/smaps", "r");

	(void)state;
	if (f == NULL) {
		print_message("no /proc/self/smaps here\n");
		skip();
	}
	fclose(f);
	assert_int_equal(fm_secret_random(&s, 100, &err), FM_OK);
	snprintf(start, sizeof(start), "%lx-", (unsigned long)(uintptr_t)s.data);
	f = fopen("/proc/self/smaps", "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, start, strlen(start)) == 0)
			here = 1;
		if (here && strncmp(line, "VmFlags:", 8) == 0) {
			seen = 1;
			assert_non_null(strstr(line, " dd"));
			break;
		}
	}
	fclose(f);
	fm_secret_close(&s);
	if (!seen) {
		print_message("/proc/self/smaps names no flags of the page here\n");
		skip();
	}
}

/* In place of the C library's: each look at the clock finds a millisecond more, however busy the machine is. */
int clock_gettime(clockid_t id, struct timespec *t)
{
	static long looks;

	if (id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, t);
	looks++;
	*t = (struct timespec){.tv_sec = 1000 + looks / 1000, .tv_nsec = looks % 1000 * 1000000};
	return 0;
}

static void chatter(void)
{
	struct fm_progress p;

	fm_progress_begin(&p, "train", "flows", 11200);
	for (uint64_t i = 0; i <= 11200; i += 100)
		fm_progress_step(&p, i, "loss 1.5");
	fm_progress_end(&p, "done");
	fm_log("a line of %d", 1);
	fm_warn("mind the %s", "gap");
}

static void test_log_is_lines_where_there_is_no_terminal(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;
	int fd = open(scratch_path("log"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)state;
	with_stderr(fd, chatter);
	assert_int_equal(fm_file_read(scratch_path("log"), 10000, &b, &err), FM_OK);
	assert_null(strchr(b.data, '\r'));
	assert_null(strchr(b.data, '\033'));
	assert_int_equal(strncmp(b.data, "train: 11,200 flows to do\ntrain: 11,200 flows in 0:00 (", 55), 0);
	assert_non_null(strstr(b.data, "  done\na line of 1\nflowmint: warning: mind the gap\n"));
	fm_buf_free(&b);

	assert_int_equal(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	fm_log_quiet(1);
	with_stderr(fd, chatter);
	fm_log_quiet(0);
	assert_int_equal(fm_file_read(scratch_path("log"), 10000, &b, &err), FM_OK);
	assert_string_equal(b.data, "flowmint: warning: mind the gap\n");
	fm_buf_free(&b);
	close(fd);
}

/* As if a loop took its time: the clock is moved by moving what the loop remembers of it. */
static void slow_chatter(void)
{
	struct fm_progress p;

	fm_progress_begin(&p, "train", "steps", 500);
	fm_progress_step(&p, 1, NULL);
	p.started -= 100;
	p.drawn -= 31;
	fm_progress_step(&p, 250, NULL); /* a line: 30 s have passed */
	fm_progress_step(&p, 251, NULL);
	fm_progress_end(&p, NULL);
	fm_progress_begin(&p, "controls", "controls", 16);
	p.started -= 143;
	p.drawn -= 31;
	fm_progress_step(&p, 16, NULL);
	fm_progress_end(&p, NULL);
	fm_progress_begin(&p, "evaluate", "steps", 14);
	p.uneven = 1;
	p.started -= 10;
	p.drawn -= 31;
	fm_progress_step(&p, 7, NULL);
	fm_progress_step(&p, 14, NULL);
	fm_progress_end(&p, NULL);
	fm_progress_begin(&p, "nothing", "flows", 10);
	fm_progress_end(&p, NULL);
	fm_progress_begin(&p, "ingest", "rows", 1);
	fm_progress_step(&p, 1, NULL);
	p.uneven = 1;
	fm_progress_end(&p, NULL);
	/* 400 of 500 were done by another process: they are done, and say nothing of how fast this one is. */
	fm_progress_go_on(&p, "train", "steps", 500, 400);
	p.drawn -= 31;
	fm_progress_step(&p, 400, NULL);
	p.started -= 100;
	p.drawn -= 31;
	fm_progress_step(&p, 450, NULL);
	fm_progress_end(&p, NULL);
}

static void test_progress_off_a_terminal_is_a_line_every_30_seconds(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;
	int fd = open(scratch_path("slow"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)state;
	with_stderr(fd, slow_chatter);
	assert_int_equal(fm_file_read(scratch_path("slow"), 10000, &b, &err), FM_OK);
	assert_string_equal(b.data, "train: 500 steps to do\n"
				    "train: 50 %, 250 of 500 steps, 2.5 steps/s, 1:40 left\n"
				    "train: 251 steps in 1:40 (2.5 steps/s)\n"
				    "controls: 16 controls to do\n"
				    "controls: 100 %, 16 of 16 controls, 8.9 s each\n"
				    "controls: 16 controls in 2:23 (8.9 s each)\n"
				    "evaluate: 14 steps to do\n"
				    "evaluate: 50 %, 7 of 14 steps\n"
				    "evaluate: 14 steps in 0:10\n"
				    "nothing: 10 flows to do\n"
				    "nothing: 0 flows in 0:00\n"
				    "ingest: 1 row to do\n"
				    "ingest: 1 row in 0:00\n"
				    "train: 100 of 500 steps to do\n"
				    "train: 80 %, 400 of 500 steps\n"
				    "train: 90 %, 450 of 500 steps, 2.0 s each, 1:40 left\n"
				    "train: 50 steps in 1:40 (2.0 s each)\n");
	fm_buf_free(&b);
	close(fd);
}

static void details(void)
{
	double last = fm_seconds() - 31;

	for (int i = 0; i < 3; i++)
		if (fm_log_due(&last))
			fm_log("line %d", i);
}

static void test_details_off_a_terminal_are_a_line_in_30_seconds(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;
	int fd = open(scratch_path("details"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)state;
	with_stderr(fd, details);
	assert_int_equal(fm_file_read(scratch_path("details"), 10000, &b, &err), FM_OK);
	assert_string_equal(b.data, "line 0\n");
	fm_buf_free(&b);
	close(fd);
}

static void test_progress_shows_in_another_process(void **state)
{
	struct fm_progress_shared *s = fm_progress_shared_new();
	struct fm_progress_view v;
	struct fm_progress p;
	pid_t pid;

	(void)state;
	assert_non_null(s);
	assert_false(fm_progress_look(s, &v));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fm_log_quiet(1);
		fm_progress_show(s);
		fm_progress_begin(&p, "train", "flows", 11200);
		fm_progress_step(&p, 42, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(fm_progress_look(s, &v));
	assert_string_equal(v.stage, "train");
	assert_string_equal(v.unit, "flows");
	assert_int_equal(v.done, 42);
	assert_int_equal(v.total, 11200);
	fm_progress_shared_free(s);
}

static void long_lines(void)
{
	static char big[10000];

	memset(big, 'y', sizeof(big) - 1);
	fm_log("%s", big);
	fm_warn("%s", big);
}

static void test_log_line_is_cut_and_ends(void **state)
{
	struct fm_buf b = {0};
	struct fm_error err;
	int fd = open(scratch_path("long"), O_RDWR | O_CREAT | O_TRUNC, 0600), lines = 0;

	(void)state;
	with_stderr(fd, long_lines);
	close(fd);
	assert_int_equal(fm_file_read(scratch_path("long"), 10000, &b, &err), FM_OK);
	for (size_t i = 0; i < b.len; i++)
		lines += b.data[i] == '\n';
	assert_int_equal(lines, 2);
	assert_int_equal(b.data[b.len - 1], '\n');
	fm_buf_free(&b);
}

static void test_progress_is_redrawn_on_a_terminal(void **state)
{
	struct winsize ws = {.ws_row = 24, .ws_col = 30};
	char text[8192];
	int master, terminal, draws = 0;
	ssize_t n;

	(void)state;
	if (openpty(&master, &terminal, NULL, NULL, &ws) != 0) {
		print_message("no pseudo-terminal to be had\n");
		skip();
	}
	setenv("TERM", "xterm", 1);
	with_stderr(terminal, chatter);
	n = read(master, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	/* The first step draws; a hundred more within a fifth of a second need not. */
	for (char *p = strtok(text, "\r"); p != NULL; p = strtok(NULL, "\r")) {
		draws += strncmp(p, "train  ", 7) == 0;
		if (strncmp(p, "train  ", 7) == 0)
			assert_true(strlen(p) <= 30 + strlen("\033[K")); /* never wider than the terminal */
	}
	assert_true(draws >= 1 && draws < 100);
	close(master);
	close(terminal);
}

/* The status of a process that works on, and how far it was when a second of processor time was all it may take. */
static int out_of_time(bool hold, struct rlimit most, char words[256])
{
	int fd = open(scratch_path("time"), O_RDWR | O_CREAT | O_TRUNC, 0600), status;
	struct fm_error err;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(fd, STDERR_FILENO);
		setrlimit(RLIMIT_CPU, &most);
		fm_stop_watch_time("it");
		if (hold)
			fm_stop_hold();
		while (!fm_stop_signal())
			;
		(void)!fm_stop_check("train", &err);
		dprintf(fd, "%s\n", err.message);
		_exit(fm_exit_status(err.code));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	words[pread(fd, words, 255, 0)] = '\0';
	close(fd);
	return status;
}

static void test_no_more_processor_time_is_said(void **state)
{
	char words[256];

	(void)state;
	for (rlim_t hard = 1; hard <= 2; hard++) { /* the kernel tells only of a limit that is before its last */
		assert_int_equal(out_of_time(false, (struct rlimit){1, hard}, words), W_EXITCODE(4, 0));
		assert_string_equal(words, "it: the processor time that ulimit -t allows is used up\n");
		assert_int_equal(out_of_time(true, (struct rlimit){1, hard}, words), W_EXITCODE(4, 0));
		assert_non_null(strstr(words, "ulimit -t allows is used up in stage train; what is complete is kept"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_error_says_what_and_where),
	    cmocka_unit_test(test_error_is_cut_and_never_overrun),
	    cmocka_unit_test(test_errno_decides_the_exit_status),
	    cmocka_unit_test(test_sizes_that_overflow_are_refused),
	    cmocka_unit_test(test_arena_memory_is_zero_aligned_and_apart),
	    cmocka_unit_test(test_buffer_is_a_string_and_remembers_failure),
	    cmocka_unit_test(test_secret_of_others_is_refused),
	    cmocka_unit_test(test_secret_random_is_not_the_same_twice),
	    cmocka_unit_test(test_secret_is_locked_and_not_dumped),
	    cmocka_unit_test(test_log_is_lines_where_there_is_no_terminal),
	    cmocka_unit_test(test_progress_off_a_terminal_is_a_line_every_30_seconds),
	    cmocka_unit_test(test_details_off_a_terminal_are_a_line_in_30_seconds),
	    cmocka_unit_test(test_progress_shows_in_another_process),
	    cmocka_unit_test(test_log_line_is_cut_and_ends),
	    cmocka_unit_test(test_progress_is_redrawn_on_a_terminal),
	    cmocka_unit_test(test_no_more_processor_time_is_said),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
