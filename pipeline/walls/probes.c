#include "pipeline/walls/probes_parts.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "pipeline/walls/sandbox.h"
#include "stages/table.h"

#define FOLDER "probe-tmp"
#define THROUGH 77 /* the exit status of a process that got through */

static int untouched = FM_PROBE_UNTOUCHED;

struct making {
	struct fm_probing at;
	const struct fm_sandbox *box;
};

struct trying {
	const struct making *m;
	const struct fm_sandbox_program *filter;
	const struct fm_probe *probe;
	struct fm_error *err;
};

static int try_one(void *ctx)
{
	const struct trying *t = ctx;

	if (fm_sandbox_filter_load(t->filter, t->err) < 0)
		_exit(1);
	_exit(t->probe->through(&t->m->at) ? THROUGH : 0);
}

/* A process of its own.  It has its parent's memory while that waits, as after vfork, since copying the memory takes
 * ten times as long as what is tried; or a copy, where that makes a difference to the attempt. */
static pid_t start(struct trying *t)
{
	static char stack[256 << 10] __attribute__((aligned(64)));
	bool shared = !t->probe->alone;
	pid_t pid;

#ifdef __SANITIZE_ADDRESS__
	shared = false; /* a sanitizer knows its stacks */
#endif
	if (shared)
		return clone(try_one, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, t);
	pid = fork();
	if (pid == 0)
		try_one(t);
	return pid;
}

/* Behind all walls but the filter, which each attempt loads for itself, as it may be killed by it. */
static enum fm_probe_end attempt(const struct making *m, const struct fm_sandbox_program *filter,
				 const struct fm_probe *probe, struct fm_error *err, int *rc)
{
	int status = 0;
	pid_t pid = start(&(struct trying){m, filter, probe, err});

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 1))
		*rc = fm_fail(err, FM_ESYSTEM, "cannot try \"%s\" within the walls", probe->name);
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == THROUGH ? FM_PROBE_THROUGH : FM_PROBE_REFUSED;
	return WTERMSIG(status) == SIGSYS ? FM_PROBE_KILLED : FM_PROBE_REFUSED;
}

static int try_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct making *m = ctx;
	struct fm_sandbox_program filter;
	json_t *through;
	int n[3] = {0}, rc;

	if ((rc = fm_sandbox_filter_make(m->box, &filter, err)) < 0)
		return rc;
	through = json_array();
	for (size_t i = 0; i < fm_nprobes && rc >= 0; i++) {
		enum fm_probe_end end = attempt(m, &filter, &fm_probes[i], err, &rc);

		n[end]++;
		if (end == FM_PROBE_THROUGH)
			json_array_append_new(through, json_string(fm_probes[i].name));
	}
	if (rc < 0)
		json_decref(through);
	else if (!(*result = json_pack("{s:i, s:i, s:i, s:o}", "tried", (int)fm_nprobes, "killed", n[FM_PROBE_KILLED],
				       "refused", n[FM_PROBE_REFUSED], "through", through)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	return rc;
}

static int put(char *path[2], const char *dir, const char *folder, const char *file, struct fm_error *err)
{
	int rc;

	if (!(path[0] = fm_path_join(dir, folder)) || !(path[1] = fm_path_join(path[0], file)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_dir_make(path[0], 0700, err)) < 0)
		return rc;
	return fm_file_write(path[1], 0600, "x", 1, err);
}

/* The walls of a stage that has threads, or none. */
static int try_kind(const char *dir, bool threads, bool unconfined, json_t **report, struct fm_error *err)
{
	char *path[3][2] = {{NULL}};
	struct fm_sandbox box = {.name = "probe",
				 .unconfined = unconfined,
				 .unfiltered = true,
				 .limits = {.threads = threads ? 64 : 0, .files = 256}};
	struct fm_sandbox_report answer = {0};
	struct making m = {.box = &box};
	int rc;

	*report = NULL;
	if ((rc = put(path[0], dir, "in", "weights", err)) < 0 || (rc = put(path[1], dir, "out", "table", err)) < 0 ||
	    (rc = put(path[2], dir, "other", "secret", err)) < 0)
		goto out;
	m.at = (struct fm_probing){path[0][0], path[1][0], path[2][1], (long)getpid(), &untouched, threads};
	fm_sandbox_path(&box, m.at.in, false);
	fm_sandbox_path(&box, m.at.out, true);
	if ((rc = fm_sandbox_run(&box, try_fn, &m, &answer, err)) < 0)
		goto out;
	*report = answer.result;
	if (untouched != FM_PROBE_UNTOUCHED)
		rc = fm_fail(err, FM_ESYSTEM, "a stage could write this process's memory: no run is safe here");
out:
	for (int i = 0; i < 3; i++) {
		free(path[i][0]);
		free(path[i][1]);
	}
	return rc;
}

static int judge(const json_t *report, const char *stage, bool unconfined, struct fm_error *err)
{
	const json_t *through = json_object_get(report, "through");

	if (json_array_size(through) == 0 || unconfined)
		return FM_OK;
	return fm_fail(
	    err, FM_ESYSTEM,
	    "the walls do not hold here: %zu of %lld attempts to get out of stage %s got through, the first: "
	    "%s; flowmint doctor names all",
	    json_array_size(through), (long long)json_integer_value(json_object_get(report, "tried")), stage,
	    json_string_value(json_array_get(through, 0)));
}

int fm_probes_note(json_t *one, const char *name, bool through, struct fm_error *err)
{
	const char *of[] = {"tried", "refused"};
	bool bad = through && json_array_append_new(json_object_get(one, "through"), json_string(name)) != 0;

	for (int i = 0; i < (through ? 1 : 2); i++)
		bad |= json_object_set_new(one, of[i],
					   json_integer(json_integer_value(json_object_get(one, of[i])) + 1)) != 0;
	return bad ? fm_fail(err, FM_ESYSTEM, "out of memory") : FM_OK;
}

/* The report of a stage, with the chains that begin with it. */
static int try_stage(enum fm_stage_id id, const char *dir, bool unconfined, const json_t *kind, json_t **one,
		     struct fm_error *err)
{
	if (!(*one = json_deep_copy(kind)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	return id == FM_INGEST     ? fm_probes_chain_ingest(dir, unconfined, *one, err)
	       : id == FM_EVALUATE ? fm_probes_chain_evaluate(*one, err)
				   : FM_OK;
}

int fm_probes_run(const char *workspace, bool unconfined, json_t **report, struct fm_error *err)
{
	char *dir = fm_path_join(workspace, FOLDER);
	json_t *kind[2] = {NULL};
	struct fm_error later;
	int rc;

	*report = NULL;
	if (!dir)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_dir_remove(dir, err)) < 0 || (rc = try_kind(dir, false, unconfined, &kind[0], err)) < 0 ||
	    (rc = try_kind(dir, true, unconfined, &kind[1], err)) < 0)
		goto out;
	if (!(*report = json_object())) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	for (int i = 0; i < FM_NSTAGES; i++) {
		json_t *one = NULL;

		rc = try_stage(i, dir, unconfined, kind[fm_stage_table[i].threads], &one, err);
		if (json_object_set_new(*report, fm_stage_name(i), one) != 0 && rc >= 0)
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		if (rc < 0)
			goto out;
		if ((rc = judge(one, fm_stage_name(i), unconfined, err)) < 0)
			goto out;
	}
out:
	if (fm_dir_remove(dir, &later) < 0 && rc >= 0)
		rc = fm_error_set(err, later.code, later.file, later.line, "%s", later.message);
	json_decref(kind[0]);
	json_decref(kind[1]);
	free(dir);
	return rc;
}
