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
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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
#include "pipeline/walls/oom.h"
#include "pipeline/walls/sandbox.h"

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

static struct fm_sandbox_limits limits = {.threads = 8};

/* Run fn as stage generate: it reads model, writes out, and must not see store. */
static int generate(fm_sandbox_fn fn, struct fm_sandbox_report *report, struct fm_error *err)
{
	struct fm_sandbox box = {.name = "generate", .unconfined = !confined, .limits = limits};
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
	char path[400];

	(void)ctx;
	(void)result;
	snprintf(path, sizeof path, "%s/link", out);
	MUST_FAIL(open(path, O_RDONLY), "reading the private store through a link");
	return FM_OK;
}

/* Left by an earlier stage, which may have been taken over. */
static void test_links_lead_nowhere(void **state)
{
	char path[400], target[400];

	(void)state;
	if (!confined)
		skip();
	snprintf(path, sizeof path, "%s/link", out);
	snprintf(target, sizeof target, "%s/weights", model); /* which the stage may see */
	assert_int_equal(symlink(target, path), 0);
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
static int makes_link(void *ctx, json_t **result, struct fm_error *err)
{
	char path[400];

	UNUSED;
	snprintf(path, sizeof path, "%s/new-link", out);
	if (symlink("/", path)) {
	}
	return FM_OK;
}
static int makes_hard_link(void *ctx, json_t **result, struct fm_error *err)
{
	char path[400], from[400];

	UNUSED;
	snprintf(from, sizeof from, "%s/table", out);
	snprintf(path, sizeof path, "%s/hard", out);
	if (link(from, path)) {
	}
	return FM_OK;
}
static int signals(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	kill(getppid() ? getppid() : 2, 0);
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
						 makes_link,
						 makes_hard_link,
						 signals,
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
	if (getppid() != 0)
		return fm_fail(err, FM_EVERDICT, "the parent has a number here");
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
/* Shows that it lives by a file that grows. */
static int sleeps(void *ctx, json_t **result, struct fm_error *err)
{
	char path[400];
	int fd;

	UNUSED;
	snprintf(path, sizeof path, "%s/alive", out);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	while (write(fd, "x", 1) == 1)
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	return FM_OK;
}

static off_t alive(void)
{
	char path[400];
	struct stat st;

	snprintf(path, sizeof path, "%s/alive", out);
	return stat(path, &st) == 0 ? st.st_size : 0;
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

static void kill_it(void *ctx, long pid, const struct fm_progress_view *v)
{
	(void)ctx;
	(void)v;
	kill((pid_t)pid, SIGKILL);
}

/* Who was killed by somebody is not said to have wanted memory. */
static void test_killer_is_named_as_far_as_known(void **state)
{
	static const char words[] = "stage generate was killed by signal 9 (Killed) by another process";
	struct fm_sandbox box = {.name = "generate", .unconfined = true, .tick = kill_it};
	struct fm_sandbox_report report;
	struct fm_error err = {0};

	(void)state;
	fm_sandbox_path(&box, out, true);
	assert_int_equal(fm_sandbox_run(&box, sleeps, NULL, &report, &err), FM_ESYSTEM);
	assert_memory_equal(err.message, words, sizeof words - 1);
}

static void write_below(const char *root, const char *path, const char *text)
{
	struct fm_error err;
	char *whole = fm_path_join(root, path), *slash;

	slash = strrchr(whole, '/');
	*slash = '\0';
	assert_int_equal(fm_dir_make(whole, 0700, &err), FM_OK);
	*slash = '/';
	assert_int_equal(fm_file_write(whole, 0600, text, strlen(text), &err), FM_OK);
	free(whole);
}

static void test_kills_for_want_of_memory_are_counted(void **state)
{
	char *root = fm_path_join(dir, "machine");
	struct fm_oom none, some, more;

	(void)state;
	none = fm_oom_below(root);
	assert_true(none.group == -1 && none.machine == -1);
	write_below(root, "proc/vmstat", "nr_free_pages 7\noom_kill 3\n");
	some = fm_oom_below(root);
	assert_true(some.group == -1 && some.machine == 3);
	/* The group of the one hierarchy, in a mount of its own or beside the older ones, and an older one. */
	write_below(root, "proc/self/cgroup", "9:name=systemd:/\n4:memory:/of/us\n");
	write_below(root, "sys/fs/cgroup/memory/of/us/memory.oom_control", "under_oom 0\noom_kill 2\n");
	assert_int_equal(fm_oom_below(root).group, 2);
	write_below(root, "proc/self/cgroup", "4:memory:/\n0::/\n");
	assert_int_equal(fm_oom_below(root).group, -1);
	write_below(root, "sys/fs/cgroup/memory/memory.oom_control", "oom_kill 5\n");
	assert_int_equal(fm_oom_below(root).group, 5);
	write_below(root, "proc/self/cgroup", "0::/user.slice/x\n");
	write_below(root, "sys/fs/cgroup/unified/user.slice/x/memory.events", "low 0\noom 1\noom_kill 4\n");
	assert_int_equal(fm_oom_below(root).group, 4);
	write_below(root, "sys/fs/cgroup/user.slice/x/memory.events", "oom_group_kill 9\noom_kill 6\n");
	more = fm_oom_below(root);
	assert_int_equal(more.group, 6);

	/* The group's count says it; that of the machine may be of another process. */
	assert_string_equal(fm_oom_words((struct fm_oom){5, 3}, more), "by the kernel, for want of memory");
	assert_string_equal(fm_oom_words((struct fm_oom){6, 2}, more), "by another process, not for want of memory");
	assert_non_null(strstr(fm_oom_words((struct fm_oom){-1, 2}, some), "maybe"));
	assert_string_equal(fm_oom_words(some, some), "by another process, not for want of memory");
	assert_non_null(strstr(fm_oom_words(none, none), "or by the kernel"));
	free(root);
}

/* The address of a mapped file is known to the child, which has all of the parent's other memory; the file is not. */
#ifndef __SANITIZE_ADDRESS__
static char *mapped_file;

static int writes_to_mapped_file(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	signal(SIGSEGV, SIG_DFL);
	mapped_file[0] = 'x';
	return FM_OK;
}

static void test_stage_inherits_no_mapped_file(void **state)
{
	struct fm_sandbox_report report;
	struct fm_error err;
	char path[400];
	int fd;

	(void)state;
	snprintf(path, sizeof path, "%s/secret", store);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	mapped_file = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	assert_true(mapped_file != MAP_FAILED);
	assert_int_equal(generate(writes_to_mapped_file, &report, &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "killed by signal 11"));
	assert_true(mapped_file[0] != 'x');
	munmap(mapped_file, 1);
}
#endif

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
	const struct timespec moment = {.tv_nsec = 10000000};
	off_t before = alive();
	struct fm_error err;
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct fm_sandbox_report report;
		int rc = generate(sleeps, &report, &err);

		_exit(rc == FM_STOPPED(sig) && strstr(err.message, "stopped by signal") ? 7 : 8);
	}
	while (alive() <= before)
		nanosleep(&moment, NULL);
	kill(pid, sig);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* What is killed may be at its end only when the machine gets to it: then its file grows no more. */
	for (int still = 0, i = 0; still < 20; i++) {
		before = alive();
		nanosleep(&moment, NULL);
		still = alive() == before ? still + 1 : 0;
		assert_true(i < 6000);
	}
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

/* ---- nothing inherited, nothing without end ---- */

#define KNOWN "4f1c0ffee0ddba11deadbeef00c0ffee4f1c0ffee0ddba11deadbeef00c0ffee"
static char known_text[] = KNOWN;

static int looks_into_itself(void *ctx, json_t **result, struct fm_error *err)
{
	const char *heap = ctx;

	(void)result;
	if (getenv("FLOWMINT_TEST_SECRET") || getenv("HOME"))
		return fm_fail(err, FM_EVERDICT, "the environment is there");
	if (!getenv("LC_ALL") || strcmp(getenv("TZ"), "UTC") != 0)
		return fm_fail(err, FM_EVERDICT, "the fixed variables are not there");
	if (known_text[0] != 'x' || known_text[63] != 'x' || heap[0] != 'x' || heap[63] != 'x' || heap[64] != ';')
		return fm_fail(err, FM_EVERDICT, "what it must not know stands in its memory: %s %s", known_text, heap);
	return FM_OK;
}

static void test_stage_knows_nothing_of_its_parent(void **state)
{
	struct fm_sandbox box = {.name = "train", .unconfined = !confined, .nforget = 1};
	struct fm_sandbox_report report;
	char *heap = strdup(KNOWN ";");
	struct fm_error err;

	(void)state;
	setenv("FLOWMINT_TEST_SECRET", "a token", 1);
	setenv("HOME", "/home/somebody", 1);
	box.forget[0] = known_text;
	if (fm_sandbox_run(&box, looks_into_itself, heap, &report, &err))
		fail_msg("%s", err.message);
	assert_string_equal(known_text, KNOWN); /* the parent's stays */
	box.nforget = 0;
	assert_int_equal(fm_sandbox_run(&box, looks_into_itself, heap, &report, &err), FM_EVERDICT);
	free(heap);
}

static int says(void *ctx, json_t **result, struct fm_error *err)
{
	static const char text[] = "good\n\033]0;title\007bad\n\033[2Jworse\r\n";

	UNUSED;
	if (write(2, text, sizeof text - 1) < 0)
		return fm_fail(err, FM_EVERDICT, "nothing can be said");
	for (int i = 0; ctx && i < 5000; i++)
		if (write(2,
			  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n",
			  128) < 0)
			return FM_OK;
	return FM_OK;
}

/* Run `says` with standard error in a file, whose text is returned. */
static void hear(struct fm_buf *b)
{
	struct fm_sandbox_report report;
	int saved = dup(2), fd;
	struct fm_error err;
	char path[400];

	snprintf(path, sizeof path, "%s/said", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	dup2(fd, 2);
	assert_int_equal(generate(says, &report, &err), FM_OK);
	dup2(saved, 2);
	close(saved);
	close(fd);
	assert_int_equal(fm_file_read(path, 1u << 20, b, &err), FM_OK);
}

static void test_what_a_stage_says_controls_no_terminal(void **state)
{
	struct fm_buf b = {0};

	(void)state;
	hear(&b);
	assert_string_equal(b.data, "good\n\\x1b]0;title\\x07bad\n\\x1b[2Jworse\\x0d\n");
	fm_buf_free(&b);
}

static int writes_much(void *ctx, json_t **result, struct fm_error *err)
{
	char path[400];
	int fd;

	UNUSED;
	snprintf(path, sizeof path, "%s/holes", out);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	return ftruncate(fd, INT64_C(4) << 40) ? fm_fail_errno(err, "%s", path) : FM_OK;
}
static int takes_memory(void *ctx, json_t **result, struct fm_error *err)
{
	char *p = malloc((size_t)1 << 30);

	UNUSED;
	if (!p)
		return fm_fail(err, FM_ESYSTEM, "out of memory: as it should be");
	memset(p, 1, (size_t)1 << 30);
	free(p);
	return FM_OK;
}
static int takes_time(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	for (volatile unsigned i = 0;; i++)
		;
	return FM_OK;
}
static void *waits(void *arg)
{
	for (;;)
		pause();
	return arg;
}
static int takes_threads(void *ctx, json_t **result, struct fm_error *err)
{
	pthread_t t;

	UNUSED;
	for (int i = 0; i < 40; i++)
		if (pthread_create(&t, NULL, waits, NULL))
			return fm_fail(err, FM_EVERDICT, "refused by itself");
	pause();
	return FM_OK;
}
static int opens_many(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	for (int i = 0; i < 100; i++)
		if (open("/dev/null", O_RDONLY) < 0)
			return fm_fail_errno(err, "file %d", i);
	return FM_OK;
}

static void expect_limit(struct fm_sandbox_limits l, fm_sandbox_fn fn, const char *words)
{
	struct fm_sandbox_limits before = limits;
	struct fm_sandbox_report report;
	struct fm_error err;

	limits = l;
	assert_int_equal(generate(fn, &report, &err), FM_ESYSTEM);
	limits = before;
	if (!strstr(err.message, words))
		fail_msg("expected \"%s\", got \"%s\"", words, err.message);
}

static void test_limits_hold_with_words(void **state)
{
	(void)state;
	expect_limit((struct fm_sandbox_limits){.file_bytes = 1u << 30}, writes_much, "File too large");
#ifndef __SANITIZE_ADDRESS__
	expect_limit((struct fm_sandbox_limits){.memory = 256u << 20}, takes_memory, "out of memory");
#endif
	expect_limit((struct fm_sandbox_limits){.cpu_seconds = 1}, takes_time, "limits.cpu_hours");
	expect_limit((struct fm_sandbox_limits){.threads = 10}, takes_threads, "more threads than the 10");
	expect_limit((struct fm_sandbox_limits){.files = 32}, opens_many, "Too many open files");
}

static int starts_thread(void *ctx, json_t **result, struct fm_error *err)
{
	pthread_t t;
	int v = 0;

	UNUSED;
	pthread_create(&t, NULL, thread_body, &v);
	return FM_OK;
}
static int writes_a_file(void *ctx, json_t **result, struct fm_error *err)
{
	UNUSED;
	open("/dev/new", O_WRONLY | O_CREAT, 0600);
	return FM_OK;
}

/* Who only reads has no calls that write, who has one thread has none that starts another. */
static void test_calls_are_those_of_the_box(void **state)
{
	struct fm_sandbox box = {.name = "digest", .unconfined = !confined};
	struct fm_sandbox_report report;
	struct fm_error err;

	(void)state;
	fm_sandbox_path(&box, model, false);
	assert_int_equal(fm_sandbox_run(&box, starts_thread, NULL, &report, &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "system call"));
	assert_int_equal(fm_sandbox_run(&box, writes_a_file, NULL, &report, &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "system call"));
}

static int looks_around_for_old(void *ctx, json_t **result, struct fm_error *err)
{
	(void)result;
	MUST_FAIL(open("/old0", O_RDONLY), "/old0");
	MUST_FAIL(open("/old1", O_RDONLY), "/old1");
	return open(ctx, O_RDONLY | O_DIRECTORY) < 0 ? fm_fail_errno(err, "%s", (const char *)ctx) : FM_OK;
}

/* A project below a folder of the name that the old root had. */
static void test_old_is_a_name_like_others(void **state)
{
	struct fm_sandbox box = {.name = "digest", .unconfined = false};
	struct fm_sandbox_report report;
	struct fm_error err;
	char path[] = "/old0-flowmint-XXXXXX", inside[80];

	(void)state;
	if (!confined || !mkdtemp(path))
		skip();
	snprintf(inside, sizeof inside, "%s/a/b", path);
	assert_int_equal(fm_dir_make(inside, 0700, &err), FM_OK);
	fm_sandbox_path(&box, inside, true);
	assert_int_equal(fm_sandbox_run(&box, looks_around_for_old, inside, &report, &err), FM_OK);
	assert_int_equal(rmdir(inside), 0); /* nothing was made there */
	assert_int_equal(fm_dir_remove(path, &err), FM_OK);
}

/* ---- many stages, one after another ---- */

static int end_in_some_way(void *ctx, json_t **result, struct fm_error *err)
{
	switch (*(int *)ctx % 4) {
	case 0:
		*result = json_pack("{s:s}", "said", "something of some length, to be read and freed");
		return FM_OK;
	case 1:
		return fm_fail(err, FM_EINPUT, "refused");
	case 2:
		fprintf(stderr, "# words on standard error\n");
		return FM_OK;
	default:
		abort();
	}
}

static size_t descriptors(void)
{
	struct fm_error err;
	char **names = NULL;
	size_t n = 0;

	assert_int_equal(fm_dir_list("/proc/self/fd", &names, &n, &err), FM_OK);
	fm_names_free(names, n);
	return n;
}

static void test_many_stages_hold_nothing(void **state)
{
	static const int expected[] = {FM_OK, FM_EINPUT, FM_OK, FM_ESYSTEM};
	size_t held = 0, open = 0;

	(void)state;
	if (!confined)
		skip();
	for (int i = 0; i < 120; i++) {
		struct fm_sandbox box = {.name = "one of many"};
		struct fm_sandbox_report report;
		struct fm_error err;
		int rc;

		if (i == 20) {
			held = mallinfo2().uordblks;
			open = descriptors();
		}
		fm_sandbox_path(&box, model, false);
		fm_sandbox_path(&box, out, true);
		rc = fm_sandbox_run(&box, end_in_some_way, &i, &report, &err);
		assert_int_equal(rc, expected[i % 4]);
		json_decref(report.result);
	}
	assert_int_equal(descriptors(), open);
	assert_in_range(mallinfo2().uordblks, 0, held + 4096); /* 100 of anything are more */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
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
#ifndef __SANITIZE_ADDRESS__
	    cmocka_unit_test(test_stage_inherits_no_mapped_file),
#endif
	    cmocka_unit_test(test_filter_kills_what_no_stage_does),
	    cmocka_unit_test(test_unconfined_still_has_no_network),
	    cmocka_unit_test(test_namespaces_hide_the_rest),
	    cmocka_unit_test(test_error_of_a_stage_comes_back_whole),
	    cmocka_unit_test(test_killed_child_is_reported),
	    cmocka_unit_test(test_killer_is_named_as_far_as_known),
	    cmocka_unit_test(test_kills_for_want_of_memory_are_counted),
	    cmocka_unit_test(test_long_result_comes_back),
	    cmocka_unit_test(test_missing_input_is_an_input_error),
	    cmocka_unit_test(test_signals_to_the_parent_end_the_stage),
	    cmocka_unit_test(test_stage_knows_nothing_of_its_parent),
	    cmocka_unit_test(test_what_a_stage_says_controls_no_terminal),
	    cmocka_unit_test(test_limits_hold_with_words),
	    cmocka_unit_test(test_calls_are_those_of_the_box),
	    cmocka_unit_test(test_old_is_a_name_like_others),
	    cmocka_unit_test(test_many_stages_hold_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
