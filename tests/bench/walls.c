/*
 * walls.c - what the walls of a run cost, one part at a time, in processor time (user and system, with all children):
 * what a busy machine disturbs little.
 *
 *     walls DIR     prints a line "WHAT NUMBER UNIT" of each part, measured in DIR
 *
 * tests/bench_walls_parts.sh multiplies them by how often a run does each.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/seal.h"
#include "pipeline/keys.h"
#include "pipeline/walls/probes.h"
#include "pipeline/walls/sandbox.h"

#define CALLS 2000000
#define BOXES 40
#define PROBES 8
#define MIB 64

static struct fm_error err;
static char in[4200], out[4200];

static double spent_of(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double spent(void)
{
	return spent_of(RUSAGE_SELF) + spent_of(RUSAGE_CHILDREN);
}

static void must(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "walls: %s\n", err.message);
	exit(1);
}

static int nothing(void *ctx, json_t **result, struct fm_error *e)
{
	(void)ctx;
	(void)result;
	(void)e;
	return FM_OK;
}

static struct fm_sandbox box_of(bool unconfined)
{
	struct fm_sandbox box = {.name = "bench", .unconfined = unconfined, .limits = {.threads = 8, .files = 256}};

	fm_sandbox_path(&box, in, false);
	fm_sandbox_path(&box, out, true);
	return box;
}

/* Seconds of one child that does nothing, behind the walls; of one that a plain fork makes. */
static double a_box(void)
{
	struct fm_sandbox box = box_of(false);
	double before = spent();

	for (int i = 0; i < BOXES; i++) {
		struct fm_sandbox_report report = {0};

		must(fm_sandbox_run(&box, nothing, NULL, &report, &err));
		json_decref(report.result);
	}
	return (spent() - before) / BOXES;
}

static double a_fork(void)
{
	double before = spent();

	for (int i = 0; i < BOXES; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	return (spent() - before) / BOXES;
}

/* Calls that a stage makes most, each at another place of the filter. */
static void calls(void)
{
	static int word;
	int fd = open("/dev/null", O_RDWR);

	for (int i = 0; i < CALLS / 4; i++) {
		syscall(SYS_getppid);
		(void)!syscall(SYS_read, fd, &word, 0);
		(void)!syscall(SYS_lseek, fd, 0, SEEK_SET);
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	close(fd);
}

/* Seconds of a call, with the filter or without. */
static double a_call(bool filtered)
{
	struct fm_sandbox box = box_of(false);
	double before = spent();
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (filtered)
			must(fm_sandbox_filter(&box, &err));
		calls();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		must(fm_fail(&err, FM_ESYSTEM, "the calls were not made"));
	return (spent() - before) / CALLS;
}

static double the_probes(const char *dir)
{
	double before = spent();

	for (int i = 0; i < PROBES; i++) {
		json_t *report = NULL;

		must(fm_probes_run(dir, false, &report, &err));
		json_decref(report);
	}
	return (spent() - before) / PROBES;
}

/* Seconds of the digest of a MiB of what a stage left, beside a child's. */
static double a_mib(double box_s)
{
	char hex[FM_SHA256_HEX], path[4300];
	char *zeros = calloc(1, 1 << 20);
	double before;
	FILE *f;

	snprintf(path, sizeof path, "%s/table", out);
	if (!zeros || !(f = fopen(path, "wb")))
		exit(1);
	for (int i = 0; i < MIB; i++)
		if (fwrite(zeros, 1, 1 << 20, f) != 1 << 20)
			exit(1);
	fclose(f);
	free(zeros);
	before = spent();
	must(fm_folder_digest("bench", out, false, hex, NULL, &err));
	return (spent() - before - box_s) / MIB;
}

/* Seconds of sealing a MiB, and of opening it again. */
static void a_sealed_mib(double *seal_s, double *open_s)
{
	struct fm_secret key = {0};
	struct fm_unseal *u = NULL;
	struct fm_seal *s = NULL;
	char *mib = calloc(1, 1 << 20), path[4300];
	size_t got = 1;
	double before;

	snprintf(path, sizeof path, "%s/sealed", out);
	if (!mib)
		exit(1);
	must(fm_secret_new(&key, 32, &err));
	memset(key.data, 7, key.len);
	before = spent();
	must(fm_seal_open(&s, path, &key, "bench", &err));
	for (int i = 0; i < MIB; i++)
		must(fm_seal_write(s, mib, 1 << 20, &err));
	must(fm_seal_commit(s, &err));
	*seal_s = (spent() - before) / MIB;
	before = spent();
	must(fm_unseal_open(&u, path, &key, "bench", &err));
	while (got)
		must(fm_unseal_read(u, mib, 1 << 20, &got, &err));
	fm_unseal_close(u);
	*open_s = (spent() - before) / MIB;
	unlink(path);
	fm_secret_close(&key);
	free(mib);
}

int main(int argc, char **argv)
{
	double box_s, plain_s, with_s, without_s, seal_s, open_s;

	if (argc != 2)
		return 2;
	snprintf(in, sizeof in, "%s/in", argv[1]);
	snprintf(out, sizeof out, "%s/out", argv[1]);
	must(fm_dir_make(in, 0700, &err));
	must(fm_dir_make(out, 0700, &err));
	printf("probes %.2f ms\n", 1e3 * the_probes(argv[1]));
	box_s = a_box();
	plain_s = a_fork();
	printf("child %.3f ms\n", 1e3 * (box_s - plain_s));
	without_s = a_call(false);
	with_s = a_call(true);
	printf("call %.1f ns\n", 1e9 * (with_s - without_s));
	printf("mib %.3f ms\n", 1e3 * a_mib(box_s));
	a_sealed_mib(&seal_s, &open_s);
	printf("seal %.3f ms\n", 1e3 * seal_s);
	printf("open %.3f ms\n", 1e3 * open_s);
	return 0;
}
