/* What killed processes left decrypted is removed, what others are at work on is not, and the key of what a killed
 * training left encrypted stays. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "pipeline/clear.h"
#include "pipeline/vault.h"
#include "pipeline/workspace.h"

static char dir[64];

static bool is_there(const char *name)
{
	char path[sizeof dir + 256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void make(const char *name)
{
	char path[sizeof dir + 256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* The name of a folder that a process made here and left, and of one that this process has. */
static void make_both(char left[256], char mine[256])
{
	struct fm_error err;
	char *own;
	FILE *f;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char path[sizeof dir + 256];

		if (fm_clear_open(&own, dir, false, UINT64_MAX, &err) < 0)
			_exit(1);
		snprintf(path, sizeof path, "%s/name", dir);
		if (!(f = fopen(path, "w")) || fputs(strrchr(own, '/') + 1, f) < 0 || fclose(f) != 0)
			_exit(1);
		_exit(0); /* killed, in effect: nothing was cleared */
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	snprintf(mine, 256, "%s/name", dir);
	assert_non_null(f = fopen(mine, "r"));
	assert_non_null(fgets(left, 256, f));
	fclose(f);
	assert_int_equal(fm_clear_open(&own, dir, false, UINT64_MAX, &err), FM_OK);
	snprintf(mine, 256, "%s", strrchr(own, '/') + 1);
	free(own); /* it stays locked, as by a process at work */
}

static void test_only_what_is_left_is_removed(void **state)
{
	char left[256], mine[256], host[256], boot[256];
	struct fm_error err;

	(void)state;
	make_both(left, mine);
	assert_true(is_there(left) && is_there(mine));
	assert_string_not_equal(left, mine);
	/* "clear.HOST.BOOT.PID.N": the same of another machine, and of this one before it was started again. */
	snprintf(host, sizeof host, "%s", left);
	host[6] = host[6] == '0' ? '1' : '0';
	snprintf(boot, sizeof boot, "%s", mine);
	boot[15] = boot[15] == '0' ? '1' : '0';
	make(host);
	make(boot);
	make("clear");
	make("clear.bak");
	assert_int_equal(fm_clear_sweep(dir, &err), FM_OK);
	assert_false(is_there(left));
	assert_false(is_there(boot));
	assert_false(is_there("clear"));
	assert_true(is_there(mine));
	assert_true(is_there(host));
	assert_true(is_there("clear.bak"));
}

/* Two workspaces can have one path at once: in other mounts, or when one was made where another was removed. */
static void test_a_folder_at_work_stays(void **state)
{
	struct fm_error err;
	char *own, said;
	int ready[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		bool good = fm_clear_open(&own, dir, true, UINT64_MAX, &err) == FM_OK;

		(void)!write(ready[1], good ? "y" : "n", 1);
		alarm(20);
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &said, 1), 1);
	assert_int_equal(said, 'y');
	assert_true(is_there("clear"));
	assert_int_equal(fm_clear_sweep(dir, &err), FM_OK);
	assert_true(is_there("clear"));
	assert_int_equal(fm_clear_open(&own, dir, true, UINT64_MAX, &err), FM_OK);
	assert_string_not_equal(strrchr(own, '/'), "/clear");
	assert_true(is_there("clear") && is_there(strrchr(own, '/') + 1));
	fm_clear_close(own);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	assert_true(is_there("clear"));
	assert_int_equal(fm_clear_sweep(dir, &err), FM_OK);
	assert_false(is_there("clear"));
	close(ready[0]);
	close(ready[1]);
}

/* The key of a checkpoint, where the disk is broken for a while: nobody could go on from the checkpoint with another.
 */
static void test_a_key_that_cannot_be_read_is_not_replaced(void **state)
{
	char project[sizeof dir + 16], keys[sizeof project + 32], file[sizeof dir + 128], aside[sizeof file + 8];
	struct fm_secret first, again;
	struct fm_error err;
	struct stat st;

	(void)state;
	snprintf(project, sizeof project, "%s/project", dir);
	snprintf(keys, sizeof keys, "%s/keys", project);
	assert_int_equal(fm_dir_make(keys, 0700, &err), FM_OK);
	strcat(keys, "/commitment.key");
	assert_int_equal(fm_file_write(keys, 0600, "0123456789abcdef0123456789abcdef", 32, &err), FM_OK);
	snprintf(file, sizeof file, "%s/stages/train", dir);
	assert_int_equal(fm_dir_make(file, 0700, &err), FM_OK);
	assert_int_equal(fm_vault_checkpoint_key(&first, dir, project, "0a", "r0001", &err), FM_OK);
	strcat(file, "/" FM_CHECKPOINT_KEY "0a.json");
	snprintf(aside, sizeof aside, "%s.aside", file);
	assert_int_equal(rename(file, aside), 0);
	assert_int_equal(symlink("/proc/self/mem", file), 0);
	assert_int_equal(fm_vault_checkpoint_key(&again, dir, project, "0a", "r0002", &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, file));
	assert_non_null(strstr(err.message, "to begin the training anew"));
	assert_true(lstat(file, &st) == 0 && S_ISLNK(st.st_mode));
	assert_int_equal(rename(aside, file), 0);
	assert_int_equal(fm_vault_checkpoint_key(&again, dir, project, "0a", "r0002", &err), FM_OK);
	assert_int_equal(again.len, first.len);
	assert_memory_equal(again.data, first.data, first.len);
	fm_secret_close(&first);
	fm_secret_close(&again);
}

static int set_up(void **state)
{
	(void)state;
	unsetenv("FLOWMINT_CLEAR");
	snprintf(dir, sizeof dir, "/tmp/flowmint-clear-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fm_error err;

	(void)state;
	return fm_dir_remove(dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_only_what_is_left_is_removed),
					   cmocka_unit_test(test_a_folder_at_work_stays),
					   cmocka_unit_test(test_a_key_that_cannot_be_read_is_not_replaced)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
