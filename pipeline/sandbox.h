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
 * bind-mounted under their own names, so that messages name files as the user knows them; /dev/null and /dev/urandom
 * are the rest.  It has no privileges and cannot gain any, holds no descriptor but standard error and the pipe to its
 * parent, leaves no core dump, dies with its parent, and a seccomp filter kills it when it makes a socket, a process or
 * a mount, or calls anything else in the list of sandbox_filter.c.
 *
 * It is a fork without exec: it needs no library from disk, and it has what was in its parent's memory.  So the parent
 * never reads private records (digests are taken in children) and closes secrets before it starts a child.
 */
#ifndef FM_PIPELINE_SANDBOX_H
#define FM_PIPELINE_SANDBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "traces/files.h"

#define FM_SANDBOX_MAXPATHS (FM_FILES_MAX + 12)
#define FM_SANDBOX_RESULT_MAX (16u << 20) /* bytes of JSON that a child may send */

struct fm_sandbox {
	const char *name; /* for messages */
	struct {
		const char *path; /* absolute; borrowed */
		bool writable;
	} path[FM_SANDBOX_MAXPATHS];
	int npaths;
	/* Called in the parent every other second while the child is at work, with its process id and the progress that
	 * it shows; may be NULL. */
	void (*tick)(void *ctx, long pid, const struct fm_progress_view *view);
	void *tick_ctx;
	bool unconfined; /* no namespaces: every file of the user is in reach; the filter, limits and closed descriptors
			    stay */
};

/* Runs in the child.  *result is taken over and may stay NULL.  What it returns is what fm_sandbox_run returns. */
typedef int (*fm_sandbox_fn)(void *ctx, json_t **result, struct fm_error *err);

struct fm_sandbox_report {
	json_t *result; /* the caller's; NULL when there is none */
	double seconds;
	uint64_t peak_rss_bytes;
};

/* path is borrowed until fm_sandbox_run has returned; NULL and "" are left out. More than fit is a bug. */
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

/* In the child, last: the system calls that no stage makes (sandbox_filter.c). */
int fm_sandbox_filter(struct fm_error *err) FM_MUST_CHECK;
/* In the child: namespaces' inside, private root, privileges (sandbox_root.c).  real[i] is the resolved path[i]. */
int fm_sandbox_enter(const struct fm_sandbox *box, char *const *real, bool user_namespace, unsigned uid, unsigned gid,
		     struct fm_error *err) FM_MUST_CHECK;
int fm_sandbox_drop(struct fm_error *err) FM_MUST_CHECK;

#endif
