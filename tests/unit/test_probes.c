/* The attempts to get out of a stage: behind the walls none gets through, without walls they do, which shows that they
 * can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "pipeline/cli/walls.h"
#include "pipeline/walls/probes.h"
#include "pipeline/walls/sandbox.h"
#include "stages/table.h"

static char dir[256];
static bool confined;

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct fm_error err;

	(void)state;
	snprintf(dir, sizeof dir, "%s/fm-probes-XXXXXX", tmp ? tmp : "/tmp");
	confined = fm_sandbox_probe(&err) == FM_OK;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	struct fm_error err;

	(void)state;
	return fm_dir_remove(dir, &err);
}

static void test_no_attempt_gets_through(void **state)
{
	struct fm_error err;
	json_t *report;

	(void)state;
	if (!confined)
		skip();
	if (fm_probes_run(dir, false, &report, &err))
		fail_msg("%s", err.message);
	assert_int_equal(json_object_size(report), FM_NSTAGES);
	for (int i = 0; i < FM_NSTAGES; i++) {
		const json_t *one = json_object_get(report, fm_stage_name(i));

		assert_true(json_integer_value(json_object_get(one, "tried")) >= 81);
		assert_int_equal(json_array_size(json_object_get(one, "through")), 0);
		assert_true(json_integer_value(json_object_get(one, "killed")) >= 60);
	}
	json_decref(report);
}

/* Without namespaces: network, processes and the parent's memory stay out of reach; where the kernel has Landlock, so
 * do files. */
static void test_unconfined_holds_what_it_says(void **state)
{
	static const char *const open_without_landlock[] = {"read a file outside",
							    "reach a file by ..",
							    "read /etc/passwd",
							    "read /proc/self/environ",
							    "read /proc/1/root",
							    "read /sys or /usr",
							    "write an input",
							    "add to an input",
							    "rename an input",
							    "write to /tmp or /dev/shm",
							    "make a folder at the root",
							    "remove an input",
							    "move the output away",
							    "exchange output and input",
							    "read a device",
							    "open a terminal",
							    "read the kernel's symbols",
							    "write its memory by /proc",
							    "read its map by /proc",
							    "write a setting of the kernel"};
	struct fm_error err;
	const json_t *through;
	json_t *report;

	(void)state;
	if (fm_probes_run(dir, true, &report, &err))
		fail_msg("%s", err.message);
	through = json_object_get(json_object_get(report, "train"), "through");
	for (size_t i = 0; i < json_array_size(through); i++) {
		const char *name = json_string_value(json_array_get(through, i));
		bool known = false;

		for (size_t k = 0; k < sizeof open_without_landlock / sizeof *open_without_landlock; k++)
			known = known ||
				(fm_sandbox_landlock_version() == 0 && strcmp(name, open_without_landlock[k]) == 0);
		if (!known)
			fail_msg("%s got through", name);
	}
	json_decref(report);
}

/* diff, evaluate, report and verify read strangers' files behind such walls too (pipeline/cli/walls.h). */
struct trying {
	struct fm_probing at;
	const struct fm_sandbox *box;
};

static int try_all(void *ctx, json_t **result, struct fm_error *err)
{
	const struct trying *t = ctx;
	struct fm_sandbox_program filter;
	json_t *through;
	int rc;

	if ((rc = fm_sandbox_filter_make(t->box, &filter, err)) < 0)
		return rc;
	through = json_array();
	for (size_t i = 0; i < fm_nprobes; i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0)
			_exit(fm_sandbox_filter_load(&filter, err) < 0 ? 1 : fm_probes[i].through(&t->at) ? 77 : 0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || (WIFEXITED(status) && WEXITSTATUS(status) == 1))
			return fm_fail(err, FM_ESYSTEM, "%s cannot be tried", fm_probes[i].name);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			json_array_append_new(through, json_string(fm_probes[i].name));
	}
	*result = through;
	return FM_OK;
}

static void test_verbs_have_the_same_walls(void **state)
{
	char in[300], out[300], secret[300], path[400];
	int memory = FM_PROBE_UNTOUCHED;
	struct fm_error err;

	(void)state;
	if (!confined)
		skip();
	snprintf(in, sizeof in, "%s/shown", dir);
	snprintf(out, sizeof out, "%s/made", dir);
	snprintf(secret, sizeof secret, "%s/hidden", dir);
	assert_int_equal(fm_dir_make(in, 0700, &err) | fm_dir_make(out, 0700, &err), FM_OK);
	snprintf(path, sizeof path, "%s/weights", in);
	assert_int_equal(fm_file_write(path, 0600, "x", 1, &err) | fm_file_write(secret, 0600, "x", 1, &err), FM_OK);
	snprintf(path, sizeof path, "%s/table", out);
	assert_int_equal(fm_file_write(path, 0600, "x", 1, &err), FM_OK);
	for (int threads = 0; threads < 2; threads++) {
		struct trying t = {.at = {in, out, secret, (long)getpid(), &memory, threads}};
		struct fm_walls w;
		json_t *through;

		assert_int_equal(fm_walls_begin(&w, "probe", false, &err), FM_OK);
		assert_int_equal(fm_walls_show(&w, in, false, &err), FM_OK);
		assert_int_equal(fm_walls_show(&w, "no such file", false, &err), FM_OK);
		assert_int_equal(fm_walls_show(&w, out, true, &err), FM_OK);
		if (threads)
			fm_walls_threads(&w, 2);
		w.box.locks = threads;
		w.box.unfiltered = true;
		t.box = &w.box;
		if (fm_walls_run(&w, try_all, &t, &through, &err))
			fail_msg("%s", err.message);
		for (size_t i = 0; i < json_array_size(through); i++)
			print_error("%s got through\n", json_string_value(json_array_get(through, i)));
		assert_int_equal(json_array_size(through), 0);
		assert_int_equal(memory, FM_PROBE_UNTOUCHED);
		json_decref(through);
		fm_walls_end(&w);
	}
}

/* Root of the machine, and not of a user namespace alone. */
static bool is_root(void)
{
	FILE *f = fopen("/proc/self/uid_map", "r");
	unsigned long inside = 1, outside = 1, n = 0;
	int got = f ? fscanf(f, "%lu %lu %lu", &inside, &outside, &n) : 0;

	if (f)
		fclose(f);
	return geteuid() == 0 && got == 3 && inside == 0 && outside == 0 && n > 1;
}

struct bare {
	const struct fm_probe *probe;
	struct fm_probing at;
};

static int attempt(void *ctx)
{
	const struct bare *b = ctx;

	_exit(b->probe->through(&b->at) ? 77 : 0);
}

/* As a run starts it (probes.c), but without walls. */
static void attempt_without_walls(struct bare *b)
{
	static char stack[256 << 10] __attribute__((aligned(64)));
	int status;
	pid_t pid;

	dup2(2, 9);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* which the box before took away from this process */
	if (b->probe->alone)
		attempt(b);
	pid = clone(attempt, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, b);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		abort();
	_exit(WEXITSTATUS(status));
}

/* The same functions in a process without walls.  What only root may do, or this kernel does not have, is named. */
static void test_without_walls_the_attempts_succeed(void **state)
{
	static const char *const may_lack[] = {"vsock socket",
					       "io_uring",
					       "type into the terminal",
					       "IPv6 socket",
					       "packet socket",
					       "kernel keyring",
					       "mount",
					       "change the root",
					       "leave a namespace",
					       "make a folder at the root",
					       "clone into a namespace",
					       "trace the parent",
					       "copy the parent's memory",
					       "read the parent's memory",
					       "write the parent's memory",
					       "read /proc/1/root",
					       "descriptor table",
					       "socket of the kernel's ciphers",
					       "load a module",
					       "remove a module",
					       "load a kernel",
					       "ports of the machine",
					       "call of 32 bits",
					       "handle page faults",
					       "count events"};
	static const char *const only_root[] = {"make a device",
						"open by handle",
						"raw socket",
						"write the parent's memory by a call",
						"take the parent's descriptor",
						"new file system",
						"clone a tree of mounts",
						"turn the root",
						"enter a namespace",
						"host name",
						"reboot",
						"swap space",
						"log of the kernel",
						"program of the kernel"};
	char in[300], out[300], secret[300], path[400];
	int memory = FM_PROBE_UNTOUCHED;
	struct fm_error err;
	bool root = is_root();
	size_t succeeded = 0, wrong = 0;

	(void)state;
	snprintf(in, sizeof in, "%s/in", dir);
	snprintf(out, sizeof out, "%s/out", dir);
	snprintf(secret, sizeof secret, "%s/secret", dir);
	assert_int_equal(fm_dir_make(in, 0700, &err) | fm_dir_make(out, 0700, &err), FM_OK);
	snprintf(path, sizeof path, "%s/weights", in);
	assert_int_equal(fm_file_write(path, 0600, "x", 1, &err) | fm_file_write(secret, 0600, "x", 1, &err), FM_OK);
	snprintf(path, sizeof path, "%s/table", out);
	assert_int_equal(fm_file_write(path, 0600, "x", 1, &err), FM_OK);
	for (size_t i = 0; i < fm_nprobes; i++) {
		struct bare b = {&fm_probes[i], {in, out, secret, (long)getpid(), &memory, false}};
		bool excused = false;
		int status;
		pid_t pid = fork();

		if (pid == 0)
			attempt_without_walls(&b);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		for (size_t k = 0; k < sizeof may_lack / sizeof *may_lack; k++)
			excused = excused || strcmp(fm_probes[i].name, may_lack[k]) == 0;
		for (size_t k = 0; !root && k < sizeof only_root / sizeof *only_root; k++)
			excused = excused || strcmp(fm_probes[i].name, only_root[k]) == 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			succeeded++;
		else if (!excused) {
			print_error("\"%s\" fails without walls too: it shows nothing (status %x)\n", fm_probes[i].name,
				    status);
			wrong++;
		} else
			printf("# not possible here at all: %s\n", fm_probes[i].name);
	}
	assert_int_equal(wrong, 0);
	assert_true(fm_nprobes >= 81 && succeeded >= 50);
	printf("# %zu of %zu succeed without walls\n", succeeded, fm_nprobes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_attempt_gets_through),
	    cmocka_unit_test(test_unconfined_holds_what_it_says),
	    cmocka_unit_test(test_verbs_have_the_same_walls),
	    cmocka_unit_test(test_without_walls_the_attempts_succeed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
