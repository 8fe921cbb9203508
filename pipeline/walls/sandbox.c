#include "pipeline/walls/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "pipeline/walls/oom.h"

#define GRACE_MS 1500 /* that a stage gets to end in good order when the run is stopped */
#define RESULT_FD 3
#define TICK_SECONDS 2.0

void fm_sandbox_path(struct fm_sandbox *box, const char *path, bool writable)
{
	int i = 0;

	if (!path || !*path)
		return;
	while (i < box->npaths && strcmp(box->path[i].path, path) != 0)
		i++;
	assert(i < FM_SANDBOX_MAXPATHS && path[0] == '/');
	box->path[i].path = path;
	box->path[i].writable |= writable;
	box->npaths += i == box->npaths;
}

int fm_sandbox_files(struct fm_sandbox *box, const char *list, char **names, struct fm_error *err)
{
	if (fm_files_count(list) > FM_FILES_MAX)
		return fm_fail(err, FM_EINPUT, "a trace of %zu files: %d at most; join them first",
			       fm_files_count(list), FM_FILES_MAX);
	if (!(*names = strdup(list)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	for (char *rest = *names, *one; (one = strsep(&rest, "\n"));)
		fm_sandbox_path(box, one, false);
	return FM_OK;
}

/* ---- the child ---- */

/* Standard input and output go nowhere, standard error goes to the parent, the other pipe becomes RESULT_FD, all else
 * is closed.  No pipe has a number below 3, which main sees to. */
static int narrow_descriptors(int *pipe_fd, int say_fd, struct fm_error *err)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return fm_fail_errno(err, "/dev/null");
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(say_fd, 2) < 0 || dup2(*pipe_fd, RESULT_FD) < 0)
		return fm_fail_errno(err, "cannot arrange the stage's descriptors");
	*pipe_fd = RESULT_FD;
	if (close_range(RESULT_FD + 1, ~0u, 0))
		return fm_fail_errno(err, "cannot close what the stage must not hold");
	return FM_OK;
}

/* Root's files of other users stay closed to a process without privileges: say so here, not in the stage's words. */
static int check_readable(const struct fm_sandbox *box, struct fm_error *err)
{
	for (int i = 0; i < box->npaths; i++) {
		/* O_NONBLOCK: a named pipe in its place must not hold us up. */
		int fd = open(box->path[i].path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

		if (fd < 0 && errno == EACCES)
			return fm_fail(
			    err, FM_ESYSTEM,
			    "%s: a stage may not read it: it runs without root's privileges, so the file must be "
			    "readable by the user who runs flowmint",
			    box->path[i].path);
		if (fd >= 0)
			close(fd);
	}
	return FM_OK;
}

/* What a child needs to know to go behind its walls. */
struct entrance {
	char *const *real; /* the paths that it is shown */
	bool user_namespace;
	unsigned uid, gid; /* of its parent */
};

static int child_setup(const struct fm_sandbox *box, const struct entrance *way, int *pipe_fd, int say_fd,
		       struct fm_error *err)
{
	struct pollfd parent = {.fd = RESULT_FD};
	int rc;

	/* Whatever the child waits for from here on, it does not outlive its parent; set again below, after a change of
	 * credentials cleared it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return fm_fail_errno(err, "cannot tie the stage to its parent");
	fm_stop_forget();
	fm_interrupt_handle();
	signal(SIGPIPE, SIG_IGN);
	setsid(); /* signals of the terminal go to the parent alone, which ends this process */
	if ((rc = narrow_descriptors(pipe_fd, say_fd, err)) < 0 || (rc = fm_sandbox_forget(box, err)) < 0)
		return rc;
	if (!box->unconfined &&
	    (rc = fm_sandbox_enter(box, way->real, way->user_namespace, way->uid, way->gid, err)) < 0)
		return rc;
	if ((rc = fm_sandbox_drop(box, err)) < 0 || (rc = check_readable(box, err)) < 0 ||
	    (rc = fm_sandbox_landlock(box, err)) < 0)
		return rc;
	if (box->ranks && (rc = fm_ranks_fork(box->ranks, err)) < 0)
		return rc;
	if (fm_ranks_rank(box->ranks) != 0 && fm_ranks_forked(box->ranks)) {
		close(RESULT_FD); /* which rank 0 has */
		return box->unfiltered ? FM_OK : fm_sandbox_filter(box, err);
	}
	/* After the change of credentials, which would clear it; then look whether the parent died before. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return fm_fail_errno(err, "cannot tie the stage to its parent");
	if (poll(&parent, 1, 0) > 0 && (parent.revents & POLLERR))
		_exit(1);
	return box->unfiltered ? FM_OK : fm_sandbox_filter(box, err);
}

/* ---- the parent ---- */

/* Like fork, into new namespaces.  The raw system call, because clone(3) wants a stack; this process has one thread, so
 * that the C library's own care at fork is not needed. */
static pid_t clone_into(bool unconfined, bool others, bool *user_namespace)
{
	const unsigned long spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID;
	pid_t pid;

	*user_namespace = !unconfined;
	if (unconfined)
		return fork();
	pid = others ? -1 : (pid_t)syscall(SYS_clone, spaces | CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid >= 0 || geteuid() != 0)
		return pid;
	*user_namespace = false; /* set before the clone, so that the child's copy has it */
	return (pid_t)syscall(SYS_clone, spaces | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* The child can write there what it likes. */
static void make_plain(char *text, size_t cap)
{
	text[cap - 1] = '\0';
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
			*text = '?';
}

/* Let the caller see how far the child is, at most every other second. */
static void tick(const struct fm_sandbox *box, pid_t pid, const struct fm_progress_shared *shared, double *last)
{
	struct fm_progress_view v;
	double now = fm_seconds();

	if (!box->tick || now - *last < TICK_SECONDS)
		return;
	*last = now;
	if (!shared || !fm_progress_look(shared, &v))
		memset(&v, 0, sizeof v);
	make_plain(v.stage, sizeof v.stage);
	make_plain(v.unit, sizeof v.unit);
	box->tick(box->tick_ctx, (long)pid, &v);
}

/* Kill the child after grace_ms; with a signal first, on which it may save what it has (base/interrupt.h). */
static void end_child(pid_t pid, int grace_ms, int first)
{
	static const struct timespec moment = {.tv_nsec = 1000000};
	siginfo_t info = {0};

	if (first && kill(pid, first) != 0)
		grace_ms = 0;
	for (int ms = 0; ms < grace_ms && info.si_pid == 0; ms++) {
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
			break;
		nanosleep(&moment, NULL);
	}
	if (info.si_pid == 0)
		kill(pid, SIGKILL);
}

/* How many threads a process has, 0 when it cannot be told. */
static unsigned threads_of_one(long pid)
{
	char path[64], text[2048], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/status", pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\nThreads:");
	return at ? (unsigned)strtoul(at + 9, NULL, 10) : 0;
}

/* Threads of the child and of the ranks that it started. */
static unsigned threads_of(pid_t pid)
{
	unsigned n = threads_of_one((long)pid);
	char path[64];
	long rank;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
	if (!(f = fopen(path, "re")))
		return n;
	while (fscanf(f, "%ld", &rank) == 1)
		n += threads_of_one(rank);
	fclose(f);
	return n;
}

struct reading {
	const struct fm_sandbox *box;
	pid_t pid;
	int result, said; /* descriptors; said is -1 once it has ended */
	const struct fm_progress_shared *shared;
	struct fm_buf *b;
	struct fm_relay relay;
	double last, counted;
	struct fm_error failed; /* of `carry` */
};

/* 1: at its end, -1 with errno, 0. */
static int read_result(struct reading *r)
{
	char chunk[65536];
	ssize_t n = read(r->result, chunk, sizeof chunk);

	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return n < 0 ? -1 : 1;
	if (r->b->len + (size_t)n > FM_SANDBOX_RESULT_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	fm_buf_add(r->b, chunk, (size_t)n);
	if (r->b->failed) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static void read_said(struct reading *r)
{
	char chunk[4096];
	ssize_t n = read(r->said, chunk, sizeof chunk);

	if (n > 0)
		fm_relay_take(&r->relay, chunk, (size_t)n);
	else if (n == 0 || errno != EINTR)
		r->said = -1;
}

/* Threads are counted once a second. */
static bool has_too_many(struct reading *r)
{
	double now = fm_seconds();

	if (!r->box->limits.threads || now - r->counted < 1)
		return false;
	r->counted = now;
	return threads_of(r->pid) > r->box->limits.threads;
}

/* Read both pipes until the result is whole.  0, -1 with errno, 1 when a signal ended the wait, 2 when the child has
 * more threads than it may, 3 when what its rank shares cannot be carried. */
static int collect(struct reading *r)
{
	static const struct timespec second = {.tv_sec = 1}, none = {0};

	for (;;) {
		struct pollfd p[2] = {{.fd = r->result, .events = POLLIN}, {.fd = r->said, .events = POLLIN}};
		int rc;

		tick(r->box, r->pid, r->shared, &r->last);
		if (r->box->carry && r->box->carry(r->box->ranks, &r->failed) < 0)
			return 3;
		if (ppoll(p, 2, r->box->carry ? &none : &second, fm_stop_waiting()) < 0 && errno != EINTR)
			return -1;
		if (fm_stop_signal())
			return 1;
		if (has_too_many(r))
			return 2;
		if (p[1].revents)
			read_said(r);
		if (p[0].revents && (rc = read_result(r)))
			return rc < 0 ? -1 : 0;
	}
}

/* Read what the child said before it ended; it is gone, so this comes to an end. */
static void collect_rest(struct reading *r)
{
	while (r->said >= 0)
		read_said(r);
	fm_relay_end(&r->relay);
}

static int explain_signal(const char *name, int sig, bool out_of_time, struct fm_oom before, struct fm_error *err)
{
	if (sig == SIGSYS)
		return fm_fail(err, FM_ESYSTEM,
			       "stage %s was killed: it made a system call that no stage may make (network, process, "
			       "mount or other)",
			       name);
	if (sig == SIGXCPU || out_of_time)
		return fm_fail(err, FM_ESYSTEM,
			       "stage %s was killed: it took more time of the processor than limits.cpu_hours, or "
			       "ulimit -t, allows",
			       name);
	return fm_fail(err, FM_ESYSTEM, "stage %s was killed by signal %d (%s)%s%s", name, sig, strsignal(sig),
		       sig == SIGKILL ? " " : "", sig == SIGKILL ? fm_oom_words(before, fm_oom_now()) : "");
}

struct ending {
	int status;
	bool out_of_time;
	struct fm_oom before; /* the child was there */
};

/* What the child sent, or how it ended. */
static int interpret(const char *name, struct ending end, const struct fm_buf *b, struct fm_sandbox_report *report,
		     struct fm_error *err)
{
	if (WIFSIGNALED(end.status))
		return explain_signal(name, WTERMSIG(end.status), WTERMSIG(end.status) == SIGKILL && end.out_of_time,
				      end.before, err);
	return fm_sandbox_answered(name, b, WEXITSTATUS(end.status), report, err);
}

static void free_paths(char **real, int n)
{
	for (int i = 0; i < n; i++)
		free(real[i]);
}

/* The first process of a namespace is not told by SIGXCPU: it is killed at the limit. */
static bool out_of_time(const struct fm_sandbox *box, const struct rusage *usage)
{
	uint64_t used = (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) + 1, most = box->limits.cpu_seconds;
	struct rlimit r;

	if (getrlimit(RLIMIT_CPU, &r) == 0 && r.rlim_cur != RLIM_INFINITY && (!most || r.rlim_cur < most))
		most = r.rlim_cur;
	return most && used >= most;
}

static int make_pipes(int result[2], int said[2], struct fm_error *err)
{
	int rc;

	if (pipe2(result, O_CLOEXEC))
		return fm_fail_errno(err, "cannot make a pipe");
	if (pipe2(said, O_CLOEXEC) == 0)
		return FM_OK;
	rc = fm_fail_errno(err, "cannot make a pipe");
	close(result[0]);
	close(result[1]);
	return rc;
}

static int resolve(const struct fm_sandbox *box, char **real, struct fm_error *err)
{
	for (int i = 0; i < box->npaths; i++)
		if (!(real[i] = realpath(box->path[i].path, NULL)))
			return fm_fail_errno(err, "%s", box->path[i].path);
	return FM_OK;
}

/* How the reading ended, in words; the child is ended where it goes on. */
static int end_reading(const struct reading *r, int ended, struct fm_error *err)
{
	int rc = FM_OK;

	if (ended == 1)
		rc = fm_stop_check(r->box->name, err);
	else if (ended == 2)
		rc = fm_fail(err, FM_ESYSTEM, "stage %s was killed: it has more threads than the %u it may have",
			     r->box->name, r->box->limits.threads);
	else if (ended == 3)
		rc = fm_fail(err, r->failed.code, "stage %s: %s", r->box->name, r->failed.message);
	else if (ended < 0)
		rc = fm_fail_errno(err, "cannot read the result of stage %s", r->box->name);
	if (rc < 0)
		end_child(r->pid, ended == 1 ? GRACE_MS : 0, SIGTERM);
	return rc;
}

int fm_sandbox_run(const struct fm_sandbox *box, fm_sandbox_fn fn, void *ctx, struct fm_sandbox_report *report,
		   struct fm_error *err)
{
	char *real[FM_SANDBOX_MAXPATHS] = {0};
	unsigned uid = geteuid(), gid = getegid();
	struct fm_progress_shared *shared = box->tick ? fm_progress_shared_new() : NULL;
	struct rusage usage = {0};
	struct fm_buf b = {0};
	int terminal = fm_log_terminal();
	bool user_namespace;
	double began = fm_seconds();
	struct fm_oom before = fm_oom_now();
	int result[2], said[2], rc, status = 0;
	pid_t pid;

	memset(report, 0, sizeof *report);
	if ((rc = fm_sandbox_hide_mapped(err)) < 0 || (rc = resolve(box, real, err)) < 0 ||
	    (rc = make_pipes(result, said, err)) < 0) {
		free_paths(real, box->npaths);
		fm_progress_shared_free(shared);
		return rc;
	}
	for (int i = 0; i < box->npaths; i++)
		fm_detail("%s %s %s", box->name, box->path[i].writable ? "writes to" : "reads", real[i]);
	/* No other process of this user looks into its memory, not even a stage that is unconfined. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	fflush(NULL);
	fm_stop_hold();
	pid = clone_into(box->unconfined, fm_sandbox_others(real, box->npaths), &user_namespace);
	if (pid == 0) {
		struct fm_error inner = {0};
		json_t *answer = NULL;

		fm_log_say_terminal(terminal);
		fm_progress_show(shared);
		if ((rc = child_setup(box, &(struct entrance){real, user_namespace, uid, gid}, &result[1], said[1],
				      &inner)) >= 0)
			rc = fn(ctx, &answer, &inner);
		if (rc < 0)
			fm_ranks_fail(box->ranks, inner.message);
		if (fm_ranks_rank(box->ranks) != 0 && fm_ranks_forked(box->ranks))
			_exit(rc < 0 ? 1 : 0);
		fm_sandbox_answer(result[1], rc, answer, &inner);
	}
	close(result[1]);
	close(said[1]);
	free_paths(real, box->npaths);
	if (pid < 0) {
		rc = fm_fail(err, FM_ESYSTEM, "cannot start stage %s in namespaces of its own: %s%s", box->name,
			     strerror(errno),
			     errno == ENOMEM   ? ""
			     : errno == EAGAIN ? "; this user may have no more processes: raise ulimit -u, or what the "
						 "control group may have"
					       : "; allow user namespaces on this system, or accept --unconfined");
		close(result[0]);
		close(said[0]);
		fm_stop_release();
		fm_progress_shared_free(shared);
		return rc;
	}
	struct reading r = {.box = box, .pid = pid, .result = result[0], .said = said[0], .shared = shared, .b = &b};
	if ((rc = end_reading(&r, collect(&r), err)) >= 0)
		end_child(pid, GRACE_MS, 0); /* it has said all: it is at its end */
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	collect_rest(&r);
	close(result[0]);
	close(said[0]);
	fm_stop_release();
	fm_progress_shared_free(shared);
	report->seconds = fm_seconds() - began;
	report->peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	if (rc >= 0)
		rc = interpret(box->name, (struct ending){status, out_of_time(box, &usage), before}, &b, report, err);
	fm_buf_free(&b);
	return rc;
}

static int probe_fn(void *ctx, json_t **result, struct fm_error *err)
{
	(void)ctx, (void)result, (void)err;
	return FM_OK;
}

int fm_sandbox_probe(struct fm_error *err)
{
	struct fm_sandbox box = {.name = "probe"};
	struct fm_sandbox_report report;
	int rc = fm_sandbox_run(&box, probe_fn, NULL, &report, err);

	json_decref(report.result);
	return rc;
}
