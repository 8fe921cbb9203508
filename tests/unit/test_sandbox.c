/* No stage reaches the network or a file outside its row of the table: the attempts are made, each must fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "pipeline/sandbox.h"

static char dir[256], model[300], store[300], out[300];
static bool confined;

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct fm_error err;
	char path[400];

	(void)state;
	snprintf(dir, sizeof dir, "%s/fm-sandbox-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(model, sizeof model, "%s/model", dir);
	snprintf(store, sizeof store, "%s/store", dir);
	snprintf(out, sizeof out, "%s/out", dir);
	if (mkdir(model, 0700) || mkdir(store, 0700) || mkdir(out, 0700))
		return -1;
	snprintf(path, sizeof path, "%s/weights", model);
	if (fm_file_write(path, 0600, "w", 1, &err))
		return -1;
	snprintf(path, sizeof path, "%s/secret", store);
	if (fm_file_write(path, 0600, "private", 7, &err))
		return -1;
	confined = fm_sandbox_probe(&err) == FM_OK;
	if (!confined)
		fprintf(stderr, "# no namespaces here (%s): what needs them is skipped\n", err.message);
	return 0;
}

static int teardown(void **state)
{
	struct fm_error err;

	(void)state;
	return fm_dir_remove(dir, &err);
}

/* Run fn as stage generate: it reads model, writes out, and must not see store. */
static int generate(fm_sandbox_fn fn, struct fm_sandbox_report *report, struct fm_error *err)
{
	struct fm_sandbox box = {.name = "generate", .unconfined = !confined};
	int rc;

	memset(err, 0, sizeof *err);
	fm_sandbox_path(&box, model, false);
	fm_sandbox_path(&box, out, true);
	rc = fm_sandbox_run(&box, fn, NULL, report, err);
	if (rc)
		assert_null(report->result);
	return rc;
}

static void expect_ok(fm_sandbox_fn fn)
{
	struct fm_sandbox_report report;
	struct fm_error err;

	if (generate(fn, &report, &err))
		fail_msg("%s", err.message);
	json_decref(report.result);
}

static void expect_filter_kills(fm_sandbox_fn fn)
{
	struct fm_sandbox_report report;
	struct fm_error err;

	assert_int_equal(generate(fn, &report, &err), FM_ESYSTEM);
	if (!strstr(err.message, "system call"))
		fail_msg("expected the filter, got \"%s\"", err.message);
}

/* In a child: fail with words when an attempt got through. */
#define MUST_FAIL(expression, what)                                                                                    \
	do {                                                                                                           \
		if ((expression) >= 0)                                                                                 \
			return fm_fail(err, FM_EVERDICT, "%s was possible", what);                                     \
	} while (0)

#define UNUSED (void)ctx, (void)result, (void)err

/* ---- what must work ---- */

static int reads_and_writes(void *ctx, json_t **result, struct fm_error *err)
{
	struct fm_buf b = {0};
	char path[400];
	int rc;

	(void)ctx;
	snprintf(path, sizeof path, "%s/weights", model);
	if ((rc = fm_file_read(path, 10, &b, err)))
		return rc;
	fm_buf_free(&b);
	snprintf(path, sizeof path, "%s/table", out);
	if ((rc = fm_file_write(path, 0600, "flows", 5, err)))
		return rc;
	*result = json_pack("{s:i}", "rows", 5);
	return FM_OK;
}

static void test_stage_reads_its_input_and_writes_its_output(void **state)
{
	struct fm_sandbox_report report;
	struct fm_error err;
	char path[400];

	(void)state;
	if (generate(reads_and_writes, &report, &err))
		fail_msg("%s", err.message);
	assert_int_equal(json_integer_value(json_object_get(report.result, "rows")), 5);
	assert_true(report.peak_rss_bytes > 100000);
	assert_true(report.seconds >= 0);
	json_decref(report.result);
	snprintf(path, sizeof path, "%s/table", out);
	assert_true(fm_file_exists(path));
}

static void *thread_body(void *arg)
{
	*(int *)arg = 42;
	return NULL;
}

static int computes(void *ctx, json_t **result, struct fm_error *err)
{
	uint8_t digest[FM_SHA256_LEN];
	pthread_t t;
	int v = 0, fd;
	char byte;

	(void)ctx;
	(void)result;
	if (pthread_create(&t, NULL, thread_body, &v) || pthread_join(t, NULL) || v != 42)
		return fm_fail(err, FM_EVERDICT, "a thread does not run");
	if ((fd = open("/dev/urandom", O_RDONLY)) < 0 || read(fd, &byte, 1) != 1)
		return fm_fail(err, FM_EVERDICT, "no /dev/urandom");
	close(fd);
	if ((fd = open("/dev/null", O_WRONLY)) < 0 || write(fd, "x", 1) != 1)
		return fm_fail(err, FM_EVERDICT, "no /dev/null");
	close(fd);
	return fm_sha256_bytes("x", 1, digest, err);
}

static void test_threads_and_libraries_work(void **state)
{
	(void)state;
	expect_ok(computes);
}

/* ---- files ---- */

static int looks_around(void *ctx, json_t **result, struct fm_error *err)
{
	static const char *const paths[] = {"/etc/passwd",
					    "/etc/shadow",
					    "/proc/self/environ",
					    "/proc/1/root/etc/passwd",
					    "/sys/kernel",
					    "/usr/lib",
					    "/home",
					    "/root",
					    "/dev/mem",
					    "/dev/tty",
					    "/old",
					    "/run"};
	char path[400];

	(void)ctx;
	(void)result;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		MUST_FAIL(open(paths[i], O_RDONLY), paths[i]);
	snprintf(path, sizeof path, "%s/secret", store);
	MUST_FAIL(open(path, O_RDONLY), "reading the private store");
	MUST_FAIL(open(store, O_RDONLY | O_DIRECTORY), "listing the private store");
	snprintf(path, sizeof path, "%s/../store/secret", model);
	MUST_FAIL(open(path, O_RDONLY), "reading the private store by ..");
	return FM_OK;
}

static void test_stage_sees_no_file_outside_its_row(void **state)
{
	(void)state;
	if (!confined)
		skip();
	expect_ok(looks_around);
}

static int follows_link(void *ctx, json_t **result, struct fm_error *err)
{
	char path[400], target[400];

	(void)ctx;
	(void)result;
	snprintf(path, sizeof path, "%s/link", out);
	snprintf(target, sizeof target, "%s/secret", store);
	if (symlink(target, path))
		return fm_fail_errno(err, "symlink");
	MUST_FAIL(open(path, O_RDONLY), "reading the private store through a link");
	snprintf(target, sizeof target, "%s/weights", model);
	snprintf(path, sizeof path, "%s/hard", out);
	MUST_FAIL(link(target, path), "a hard link from an input to the output");
	return FM_OK;
}

static void test_links_lead_nowhere(void **state)
{
	char path[400];

	(void)state;
	if (!confined)
		skip();
	expect_ok(follows_link);
	snprintf(path, sizeof path, "%s/link", out);
	unlink(path);
}

static int writes_outside(void *ctx, json_t **result, struct fm_error *err)
{
	static const char *const paths[] = {"/x", "/tmp/x", "/dev/x", "/dev/shm/x", "/var/tmp/x"};
	char path[400];

	(void)ctx;
	(void)result;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		MUST_FAIL(open(paths[i], O_WRONLY | O_CREAT, 0600), paths[i]);
	snprintf(path, sizeof path, "%s/x", dir);
	MUST_FAIL(open(path, O_WRONLY | O_CREAT, 0600), "writing beside the output folder");
	snprintf(path, sizeof path, "%s/new", model);
	MUST_FAIL(open(path, O_WRONLY | O_CREAT, 0600), "writing into the model");
	snprintf(path, sizeof path, "%s/weights", model);
	MUST_FAIL(open(path, O_WRONLY), "changing the model");
	MUST_FAIL(unlink(path), "removing the model");
	MUST_FAIL(chmod(path, 0644), "chmod of the model");
	MUST_FAIL(mkdir("/newroot", 0700), "a new folder at the root");
	return FM_OK;
}

static void test_stage_writes_nowhere_but_its_output(void **state)
{
	(void)state;
	if (!confined)
		skip();
	expect_ok(writes_outside);
}

static int runs_program_from_output(void *ctx, json_t **result, struct fm_error *err)
{
	char path[400];

	UNUSED;
	snprintf(path, sizeof path, "%s/table", out);
	execl(path, path, (char *)NULL);
	return FM_OK;
}

static int leaks_descriptors(void *ctx, json_t **result, struct fm_error *err)
{
	struct rlimit core;
	char byte;

	(void)ctx;
	(void)result;
	for (int fd = 4; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return fm_fail(err, FM_EVERDICT, "descriptor %d is open", fd);
	if (read(0, &byte, 1) != 0)
		return fm_fail(err, FM_EVERDICT, "standard input can be read");
	if (getrlimit(RLIMIT_CORE, &core) || core.rlim_max != 0)
		return fm_fail(err, FM_EVERDICT, "a core dump is possible");
	return FM_OK;
}

static void test_stage_inherits_no_descriptor(void **state)
{
	char path[400];
	int fd;

	(void)state;
	snprintf(path, sizeof path, "%s/secret", store);
	fd = open(path, O_RDONLY); /* without close-on-exec: nothing is executed */
	assert_true(fd >= 0);
	expect_ok(leaks_descriptors);
	close(fd);
}

/* ---- network, processes, kernel: the filter kills ---- */

static int makes_inet_socket(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	socket(AF_INET, SOCK_STREAM, 0);
	return FM_OK;
}
static int makes_inet6_socket(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	socket(AF_INET6, SOCK_DGRAM, 0);
	return FM_OK;
}
static int makes_netlink_socket(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	socket(AF_NETLINK, SOCK_RAW, 0);
	return FM_OK;
}
static int makes_unix_socket(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	socket(AF_UNIX, SOCK_STREAM, 0);
	return FM_OK;
}
static int makes_vsock_socket(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	socket(40 /* AF_VSOCK: not held by a network namespace */, SOCK_STREAM, 0);
	return FM_OK;
}
static int connects(void *ctx, json_t **result, struct fm_error *err)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	UNUSED;
	connect(2, (struct sockaddr *)&a, sizeof a);
	return FM_OK;
}
static int uses_io_uring(void *ctx, json_t **result, struct fm_error *err)
{
	char params[256] = {0};

	UNUSED;
	syscall(SYS_io_uring_setup, 1, params);
	return FM_OK;
}
static int forks(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	fork();
	return FM_OK;
}
static int executes(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	execl("/bin/true", "true", (char *)NULL);
	return FM_OK;
}
static int traces_parent(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
	return FM_OK;
}
static int mounts(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	mount("proc", out, "proc", 0, NULL);
	return FM_OK;
}
static int unshares(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	unshare(CLONE_NEWUSER);
	return FM_OK;
}
static int changes_root(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	if (chroot(out)) {
	}
	return FM_OK;
}
static int loads_bpf(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	syscall(SYS_bpf, 0, NULL, 0);
	return FM_OK;
}
static int makes_device(void *ctx, json_t **result, struct fm_error *err)
{
	char path[400];

	UNUSED;
	snprintf(path, sizeof path, "%s/mem", out);
	mknod(path, S_IFCHR | 0600, 0x101);
	return FM_OK;
}
static int attaches_memory(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	syscall(SYS_shmget, 1, 4096, 0600);
	return FM_OK;
}

static void test_filter_kills_what_no_stage_does(void **state)
{
	static const fm_sandbox_fn attempts[] = {makes_inet_socket,
						 makes_inet6_socket,
						 makes_netlink_socket,
						 makes_unix_socket,
						 makes_vsock_socket,
						 connects,
						 uses_io_uring,
						 forks,
						 executes,
						 runs_program_from_output,
						 traces_parent,
						 mounts,
						 unshares,
						 changes_root,
						 loads_bpf,
						 makes_device,
						 attaches_memory};

	(void)state;
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
		expect_filter_kills(attempts[i]);
}

/* The filter is there without namespaces too: --unconfined opens files, never the network. */
static void test_unconfined_still_has_no_network(void **state)
{
	struct fm_sandbox box = {.name = "generate", .unconfined = true};
	struct fm_sandbox_report report;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_sandbox_run(&box, makes_inet_socket, NULL, &report, &err), FM_ESYSTEM);
	assert_int_equal(fm_sandbox_run(&box, leaks_descriptors, NULL, &report, &err), FM_OK);
}

/* The walls behind the filter hold by themselves: no interface is up, no other process is there, no privilege is left.
 */
static int has_nothing(void *ctx, json_t **result, struct fm_error *err)
{
	char name[65];

	(void)ctx;
	(void)result;
	if (getpid() != 1)
		return fm_fail(err, FM_EVERDICT, "not in a process namespace of its own");
	MUST_FAIL(kill(getppid() ? getppid() : 2, 0), "a signal to another process");
	if (gethostname(name, sizeof name) || strcmp(name, "flowmint") != 0)
		return fm_fail(err, FM_EVERDICT, "the host's name is seen");
	char list[4096];
	if (syscall(SYS_getcwd, list, sizeof list) < 0 || strcmp(list, "/") != 0)
		return fm_fail(err, FM_EVERDICT, "the old working folder is in reach");
	return FM_OK;
}

static void test_namespaces_hide_the_rest(void **state)
{
	(void)state;
	if (!confined)
		skip();
	expect_ok(has_nothing);
}

/* ---- how it ends ---- */

static int fails(void *ctx, json_t **result, struct fm_error *err)
{
	(void)ctx;
	(void)result;
	return fm_fail(err, FM_EINPUT, "trace.csv:7: port 70000 is over 65535 \xff");
}
#ifndef __SANITIZE_ADDRESS__ /* which takes the fault for its own */
static int is_killed(void *ctx, json_t **result, struct fm_error *err)
{
	volatile int *nowhere = NULL;

	UNUSED;
	signal(SIGSEGV, SIG_DFL);
	*nowhere = 1;
	return FM_OK;
}
#endif
static int leaves(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	_exit(0);
}
static int sends_much(void *ctx, json_t **result, struct fm_error *err)
{
	(void)ctx;
	(void)err;
	*result = json_array();
	for (int i = 0; i < 100000; i++)
		json_array_append_new(*result, json_integer(i));
	return FM_OK;
}
static int sleeps(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	for (;;)
		pause();
	return FM_OK;
}

static void test_error_of_a_stage_comes_back_whole(void **state)
{
	struct fm_sandbox_report report;
	struct fm_error err;

	(void)state;
	assert_int_equal(generate(fails, &report, &err), FM_EINPUT);
	/* the byte that is no text comes back as something printable */
	assert_memory_equal(err.message, "trace.csv:7: port 70000 is over 65535 ", 38);
	for (const char *p = err.message; *p; p++)
		assert_true((unsigned char)*p < 0x80);
}

static void test_killed_child_is_reported(void **state)
{
	struct fm_sandbox_report report;
	struct fm_error err;

	(void)state;
#ifndef __SANITIZE_ADDRESS__
	assert_int_equal(generate(is_killed, &report, &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "killed by signal 11"));
#endif
	assert_int_equal(generate(leaves, &report, &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "without a result"));
}

static void test_long_result_comes_back(void **state)
{
	struct fm_sandbox_report report;
	struct fm_error err;

	(void)state;
	assert_int_equal(generate(sends_much, &report, &err), FM_OK);
	assert_int_equal(json_array_size(report.result), 100000);
	json_decref(report.result);
}

static void test_missing_input_is_an_input_error(void **state)
{
	struct fm_sandbox box = {.name = "ingest", .unconfined = !confined};
	struct fm_sandbox_report report;
	struct fm_error err;

	(void)state;
	fm_sandbox_path(&box, "/nonexistent/trace.csv", false);
	assert_int_equal(fm_sandbox_run(&box, computes, NULL, &report, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "/nonexistent/trace.csv"));
}

/* SIGTERM to the parent ends the stage; SIGKILL of the parent ends it too. */
static void interrupted(int sig)
{
	struct fm_error err;
	int status, life[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(life),
			 0); /* its end is the stage's standard error: at end of file the stage is gone too */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct fm_sandbox_report report;
		int rc;

		dup2(life[1], 2);
		close(life[0]);
		close(life[1]);
		rc = generate(sleeps, &report, &err);
		_exit(rc == FM_STOPPED(sig) && strstr(err.message, "stopped by signal") ? 7 : 8);
	}
	close(life[1]);
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	kill(pid, sig);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(read(life[0], &byte, 1), 0);
	close(life[0]);
	if (sig == SIGKILL)
		assert_true(WIFSIGNALED(status));
	else
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void test_signals_to_the_parent_end_the_stage(void **state)
{
	(void)state;
	interrupted(SIGTERM);
	interrupted(SIGINT);
	interrupted(SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stage_reads_its_input_and_writes_its_output),
	    cmocka_unit_test(test_threads_and_libraries_work),
	    cmocka_unit_test(test_stage_sees_no_file_outside_its_row),
	    cmocka_unit_test(test_links_lead_nowhere),
	    cmocka_unit_test(test_stage_writes_nowhere_but_its_output),
	    cmocka_unit_test(test_stage_inherits_no_descriptor),
	    cmocka_unit_test(test_filter_kills_what_no_stage_does),
	    cmocka_unit_test(test_unconfined_still_has_no_network),
	    cmocka_unit_test(test_namespaces_hide_the_rest),
	    cmocka_unit_test(test_error_of_a_stage_comes_back_whole),
	    cmocka_unit_test(test_killed_child_is_reported),
	    cmocka_unit_test(test_long_result_comes_back),
	    cmocka_unit_test(test_missing_input_is_an_input_error),
	    cmocka_unit_test(test_signals_to_the_parent_end_the_stage),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
