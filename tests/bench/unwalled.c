/*
 * unwalled.c - flowmint, to measure what its walls and its encryption cost (tests/bench_walls.sh).
 *
 *     unwalled run ...      prints "vault SECONDS" at its end on standard error: the processor time of all that seals
 * and opens products, with the children that do it, the copies and the writing OPEN=1 unwalled run --unconfined ...
 * without namespaces, filter, Landlock and the attempts to get out
 *
 * The linker puts these functions in the place of the program's (Makefile).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pipeline/vault.h"
#include "pipeline/walls/probes.h"
#include "pipeline/walls/sandbox.h"

static bool open_walls;
static pid_t parent;
static double vault_s;

static double spent(void)
{
	static const int who[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
	struct rusage u;
	double s = 0;

	for (size_t i = 0; i < sizeof who / sizeof *who; i++) {
		getrusage(who[i], &u);
		s += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		     1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	}
	return s;
}

static void tell(void)
{
	if (getpid() == parent)
		fprintf(stderr, "vault %.3f\n", vault_s);
}

__attribute__((constructor)) static void look(void)
{
	open_walls = getenv("OPEN");
	parent = getpid();
	atexit(tell);
}

int __real_fm_sandbox_filter(const struct fm_sandbox *box, struct fm_error *err);
int __wrap_fm_sandbox_filter(const struct fm_sandbox *box, struct fm_error *err);
int __wrap_fm_sandbox_filter(const struct fm_sandbox *box, struct fm_error *err)
{
	return open_walls ? FM_OK : __real_fm_sandbox_filter(box, err);
}

int __real_fm_sandbox_landlock(const struct fm_sandbox *box, struct fm_error *err);
int __wrap_fm_sandbox_landlock(const struct fm_sandbox *box, struct fm_error *err);
int __wrap_fm_sandbox_landlock(const struct fm_sandbox *box, struct fm_error *err)
{
	return open_walls ? FM_OK : __real_fm_sandbox_landlock(box, err);
}

int __real_fm_probes_run(const char *workspace, bool unconfined, json_t **report, struct fm_error *err);
int __wrap_fm_probes_run(const char *workspace, bool unconfined, json_t **report, struct fm_error *err);
int __wrap_fm_probes_run(const char *workspace, bool unconfined, json_t **report, struct fm_error *err)
{
	if (!open_walls)
		return __real_fm_probes_run(workspace, unconfined, report, err);
	*report = json_object();
	return *report ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

int __real_fm_vault_put(const struct fm_vault *v, const char *run, const char *dir, const char *output,
			struct fm_run_stage *s, struct fm_error *err);
int __wrap_fm_vault_put(const struct fm_vault *v, const char *run, const char *dir, const char *output,
			struct fm_run_stage *s, struct fm_error *err);
int __wrap_fm_vault_put(const struct fm_vault *v, const char *run, const char *dir, const char *output,
			struct fm_run_stage *s, struct fm_error *err)
{
	double before = spent();
	int rc = __real_fm_vault_put(v, run, dir, output, s, err);

	vault_s += spent() - before;
	return rc;
}

int __real_fm_vault_get(const struct fm_vault *v, const char *dir, char output[FM_SHA256_HEX], struct fm_run_stage *s,
			struct fm_error *err);
int __wrap_fm_vault_get(const struct fm_vault *v, const char *dir, char output[FM_SHA256_HEX], struct fm_run_stage *s,
			struct fm_error *err);
int __wrap_fm_vault_get(const struct fm_vault *v, const char *dir, char output[FM_SHA256_HEX], struct fm_run_stage *s,
			struct fm_error *err)
{
	double before = spent();
	int rc = __real_fm_vault_get(v, dir, output, s, err);

	vault_s += spent() - before;
	return rc;
}
