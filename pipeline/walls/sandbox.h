/*
 * sandbox.h - the workspace of one stage: a child process that sees the files it is given and nothing else.
 *
 *     struct fm_sandbox box = {.name = "train"};
 *     fm_sandbox_path(&box, store_train, false);          read
 *     fm_sandbox_path(&box, out_dir, true);               write
 *     fm_sandbox_run(&box, stage_fn, ctx, &report, err)   stage_fn runs in the child; its JSON comes back
 *
 * The child is cloned into user, mount, network, process, IPC and host name namespaces of its own (without the user
 * namespace where root may not make one).  Its root is an empty, read-only tmpfs in which the given paths are
 * bind-mounted under their own names, so that messages name files as the user knows them; besides them it holds only
 * /dev/null and /dev/urandom.  Where the kernel has Landlock, it limits the child to the same paths once more; for a
 * stage that runs unconfined it is the only limit on paths (sandbox_landlock.c).  The child has no privileges and
 * cannot gain any; it has an environment of a few fixed variables, limits, no descriptor but the pipes to its parent,
 * and no mapped file that it could write to.  It leaves no core dump and dies with its parent, and a seccomp filter
 * kills it when it makes a system call that is not in the list of sandbox_filter.c.
 *
 * The parent reads what it writes to standard error, and passes it on without what controls a terminal
 * (sandbox_relay.c).
 *
 * It is a fork without exec: it needs no library from disk, and it has what was in its parent's memory.  So the parent
 * never reads private records (digests are taken in children) and closes secrets before it starts a child, and what a
 * child must not know is overwritten in its copy of the memory (`forget`).
 */
#ifndef FM_PIPELINE_SANDBOX_H
#define FM_PIPELINE_SANDBOX_H

#include <jansson.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ranks.h"
#include "traces/files.h"

#define FM_SANDBOX_MAXPATHS (FM_FILES_MAX + 12)
#define FM_SANDBOX_RESULT_MAX (16u << 20) /* bytes of JSON that a child may send */

#define FM_SANDBOX_FORGET (FM_FILES_MAX + 2)

/* 0: no limit, except threads: only the first one. */
struct fm_sandbox_limits {
	uint64_t memory;     /* bytes of its own: RLIMIT_DATA */
	uint64_t file_bytes; /* of one file */
	uint64_t cpu_seconds;
	unsigned files, threads;
};

struct fm_sandbox {
	const char *name; /* for messages */
	struct fm_sandbox_limits limits;
	const char *forget[FM_SANDBOX_FORGET]; /* texts that must not be in its memory; borrowed */
	int nforget;
	struct {
		const char *path; /* absolute; borrowed */
		bool writable;
	} path[FM_SANDBOX_MAXPATHS];
	int npaths;
	const char *cwd; /* the folder that relative paths begin in, which need not be shown; NULL: / */
	bool locks;      /* it may lock files (flock) */
	bool unfiltered; /* fn loads the filter itself, in processes of its own (probes.c) */
	/* Called in the parent every other second while the child is at work, with its process id and the progress that
	 * it shows; may be NULL. */
	void (*tick)(void *ctx, long pid, const struct fm_progress_view *view);
	void *tick_ctx;
	/* fn runs in as many processes as there are ranks, each behind the same walls; all limits but that of threads
	 * are for each of them; what rank 0 says counts; NULL: one process */
	struct fm_ranks *ranks;
	int (*carry)(void *ranks, struct fm_error *err); /* for ranks that share no memory: called in the parent while
							    the child is at work; waits for some milliseconds */
	bool unconfined; /* no namespaces; all else stays, and Landlock where the kernel has it: without that, every
			    file of the user is in reach */
};

/* Runs in the child.  *result is taken over and may stay NULL.  fm_sandbox_run returns what it returns. */
typedef int (*fm_sandbox_fn)(void *ctx, json_t **result, struct fm_error *err);

struct fm_sandbox_report {
	json_t *result; /* the caller's; NULL when there is none */
	double seconds;
	uint64_t peak_rss_bytes;
};

/* path is borrowed until fm_sandbox_run has returned; NULL and "" are left out. More than fit is a bug.
 * One that is there already, as a dialect that a trace is read and released in, is given once. */
void fm_sandbox_path(struct fm_sandbox *box, const char *path, bool writable);

/* Each path of a list (traces/files.h), to be read. *names is the caller's, to be freed after fm_sandbox_run. */
int fm_sandbox_files(struct fm_sandbox *box, const char *list, char **names, struct fm_error *err) FM_MUST_CHECK;

/* Run fn in a child.  FM_ESYSTEM when the workspace cannot be made or when the child was killed (the signal is named);
 * FM_STOPPED when SIGINT, SIGTERM or SIGHUP came: the child is then killed before this returns.  fn's own error is
 * passed on. report is filled as far as known in every case. */
int fm_sandbox_run(const struct fm_sandbox *box, fm_sandbox_fn fn, void *ctx, struct fm_sandbox_report *report,
		   struct fm_error *err) FM_MUST_CHECK;

/* Can this kernel, here, confine a stage?  FM_ESYSTEM says what it refused and what to do. */
int fm_sandbox_probe(struct fm_error *err) FM_MUST_CHECK;

/* ---- parts ---- */

/* In the child, last: allow only the system calls of this box (sandbox_filter.c).  The same in two steps, for several
 * children that load one filter. */
struct fm_sandbox_program {
	size_t n;
	struct sock_filter code[BPF_MAXINSNS];
};
int fm_sandbox_filter_make(const struct fm_sandbox *box, struct fm_sandbox_program *program,
			   struct fm_error *err) FM_MUST_CHECK;
int fm_sandbox_filter_load(const struct fm_sandbox_program *program, struct fm_error *err) FM_MUST_CHECK;
int fm_sandbox_filter(const struct fm_sandbox *box, struct fm_error *err) FM_MUST_CHECK;
/* In the parent, before the child is there: it inherits no mapped file that may be written to (sandbox_forget.c). */
int fm_sandbox_hide_mapped(struct fm_error *err) FM_MUST_CHECK;
/* In the child: allow the box's paths and nothing else; FM_OK without effect where the kernel has no Landlock. */
int fm_sandbox_landlock(const struct fm_sandbox *box, struct fm_error *err) FM_MUST_CHECK;
/* The version of Landlock that this kernel has; 0: none. */
int fm_sandbox_landlock_version(void);
/* In the parent: is this root, and does a path lie in a folder that is another user's alone?  In a user namespace root
 * could not get through such a folder. */
bool fm_sandbox_others(char *const *real, int n);
/* In the child: set up the inside of the namespaces and the private root (sandbox_root.c).  real[i] is the resolved
 * path[i]. */
int fm_sandbox_enter(const struct fm_sandbox *box, char *const *real, bool user_namespace, unsigned uid, unsigned gid,
		     struct fm_error *err) FM_MUST_CHECK;
/* In the child: drop privileges, set limits. */
int fm_sandbox_drop(const struct fm_sandbox *box, struct fm_error *err) FM_MUST_CHECK;
/* In the child: the environment becomes a fixed list, and box->forget is overwritten wherever it stands in memory
 * (sandbox_forget.c). */
int fm_sandbox_forget(const struct fm_sandbox *box, struct fm_error *err) FM_MUST_CHECK;

/* In the child, last of all: send what fn returned, and *result, through fd; does not return (sandbox_answer.c). */
_Noreturn void fm_sandbox_answer(int fd, int rc, json_t *result, const struct fm_error *err);
/* In the parent: what the child sent, which ended by itself.  FM_ESYSTEM when that cannot be read; else what fn
 * returned, its message in err and its result in report. */
int fm_sandbox_answered(const char *name, const struct fm_buf *sent, int exit_status, struct fm_sandbox_report *report,
			struct fm_error *err) FM_MUST_CHECK;

/* Standard error of a child on its way to that of its parent. */
struct fm_relay {
	size_t passed, held;
	bool full;
	char line[4096];
};
void fm_relay_take(struct fm_relay *r, const char *text, size_t n);
void fm_relay_end(struct fm_relay *r);
/* From here on a warning of a child that was passed on before, in the same words, is left out. */
void fm_relay_warn_once(void);

#endif
