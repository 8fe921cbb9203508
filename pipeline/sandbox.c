#include "pipeline/sandbox.h"

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
#include "pipeline/stop.h"

#define GRACE_MS 1500 /* that a stage has to end in good order when the run is stopped */
#define RESULT_FD 3
#define TICK_SECONDS 2.0

void fm_sandbox_path(struct fm_sandbox *box, const char *path, bool writable)
{
	if (!path || !*path)
		return;
	assert(box->npaths < FM_SANDBOX_MAXPATHS && path[0] == '/');
	box->path[box->npaths].path = path;
	box->path[box->npaths].writable = writable;
	box->npaths++;
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

/* Standard input and output go nowhere, standard error stays, the pipe becomes RESULT_FD, all else is closed. */
static int narrow_descriptors(int *pipe_fd, struct fm_error *err)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return fm_fail_errno(err, "/dev/null");
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(*pipe_fd, RESULT_FD) < 0)
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
		int fd = open(box->path[i].path, O_RDONLY | O_CLOEXEC);

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

static int child_setup(const struct fm_sandbox *box, char *const *real, bool user_namespace, unsigned uid, unsigned gid,
		       int *pipe_fd, struct fm_error *err)
{
	struct pollfd parent = {.fd = RESULT_FD};
	int rc;

	fm_stop_forget();
	fm_interrupt_handle();
	signal(SIGPIPE, SIG_IGN);
	setsid(); /* signals of the terminal go to the parent alone, which ends this process */
	if ((rc = narrow_descriptors(pipe_fd, err)) < 0)
		return rc;
	if (!box->unconfined && (rc = fm_sandbox_enter(box, real, user_namespace, uid, gid, err)) < 0)
		return rc;
	if ((rc = fm_sandbox_drop(err)) < 0 || (rc = check_readable(box, err)) < 0)
		return rc;
	/* After the change of credentials, which would clear it; then look whether the parent died before. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return fm_fail_errno(err, "cannot tie the stage to its parent");
	if (poll(&parent, 1, 0) > 0 && (parent.revents & POLLERR))
		_exit(1);
	return fm_sandbox_filter(err);
}

static void send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			_exit(1);
		p += k;
		n -= (size_t)k;
	}
}

/* {"code":0,"result":...} or {"code":-3,"message":"..."}.  Does not return. */
static void child_report(int fd, int rc, json_t *result, const struct fm_error *err)
{
	json_t *doc = json_object();
	char *text;

	json_object_set_new(doc, "code", json_integer(rc));
	if (rc < 0) {
		json_t *message = json_string(err->message);

		/* A cut message may end inside a UTF-8 sequence, a file name may hold anything: fall back to what is
		 * printable. */
		if (!message) {
			char plain[sizeof err->message];
			size_t i;

			for (i = 0; err->message[i]; i++)
				plain[i] = (unsigned char)err->message[i] < 0x80 ? err->message[i] : '?';
			plain[i] = '\0';
			message = json_string(plain);
		}
		json_object_set_new(doc, "message", message);
	}
	if (result)
		json_object_set_new(doc, "result", result);
	text = json_dumps(doc, JSON_COMPACT);
	if (!text)
		_exit(1);
	send_all(fd, text, strlen(text));
	_exit(0);
}

/* ---- the parent ---- */

/* Like fork, into new namespaces.  The raw system call, because clone(3) wants a stack; this process has one thread, so
 * that the C library's own care at fork is not needed. */
static pid_t clone_into(bool unconfined, bool *user_namespace)
{
	const unsigned long spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID;
	pid_t pid;

	*user_namespace = !unconfined;
	if (unconfined)
		return fork();
	pid = (pid_t)syscall(SYS_clone, spaces | CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid >= 0 || geteuid() != 0)
		return pid;
	*user_namespace = false; /* set before the clone: the child has its own copy */
	return (pid_t)syscall(SYS_clone, spaces | SIGCHLD, NULL, NULL, NULL, NULL);
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
	box->tick(box->tick_ctx, (long)pid, &v);
}

/* Kill the child; first give it, if asked to be gentle, GRACE_MS to save what it has (base/interrupt.h). */
static void end_child(pid_t pid, bool gently)
{
	static const struct timespec moment = {.tv_nsec = 20000000};
	siginfo_t info = {0};

	if (gently && kill(pid, SIGTERM) == 0)
		for (int ms = 0; ms < GRACE_MS && info.si_pid == 0; ms += 20) {
			nanosleep(&moment, NULL);
			if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
				break;
		}
	if (info.si_pid == 0)
		kill(pid, SIGKILL);
}

/* Read the pipe to its end.  0, -1 with errno, or 1 when a signal ended the wait. */
static int collect(const struct fm_sandbox *box, int fd, pid_t pid, const struct fm_progress_shared *shared,
		   struct fm_buf *b)
{
	static const struct timespec second = {.tv_sec = 1};
	char chunk[65536];
	double last = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		tick(box, pid, shared, &last);
		if (ppoll(&p, 1, box->tick ? &second : NULL, fm_stop_waiting()) < 0 && errno != EINTR)
			return -1;
		if (fm_stop_signal())
			return 1;
		if (!p.revents)
			continue;
		n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : 0;
		if (b->len + (size_t)n > FM_SANDBOX_RESULT_MAX) {
			errno = EMSGSIZE;
			return -1;
		}
		fm_buf_add(b, chunk, (size_t)n);
		if (b->failed) {
			errno = ENOMEM;
			return -1;
		}
	}
}

static int explain_signal(const char *name, int sig, struct fm_error *err)
{
	if (sig == SIGSYS)
		return fm_fail(
		    err, FM_ESYSTEM,
		    "stage %s was killed: it made a system call that no stage may make (network, process, mount)",
		    name);
	return fm_fail(err, FM_ESYSTEM, "stage %s was killed by signal %d (%s%s)", name, sig, strsignal(sig),
		       sig == SIGKILL ? ": out of memory?" : "");
}

/* What the child sent, or how it ended. */
static int interpret(const char *name, int status, const struct fm_buf *b, struct fm_sandbox_report *report,
		     struct fm_error *err)
{
	json_t *doc = NULL, *code;
	const char *message;
	int rc;

	if (WIFSIGNALED(status))
		return explain_signal(name, WTERMSIG(status), err);
	doc = b->len ? json_loadb(b->data, b->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	code = json_object_get(doc, "code");
	if (!json_is_integer(code)) {
		json_decref(doc);
		return fm_fail(err, FM_ESYSTEM, "stage %s ended without a result (exit status %d)", name,
			       WEXITSTATUS(status));
	}
	rc = (int)json_integer_value(code);
	message = json_string_value(json_object_get(doc, "message"));
	if (rc > FM_OK || rc < FM_ESYSTEM)
		rc = FM_ESYSTEM;
	if (rc < 0)
		fm_fail(err, rc, "%s", message ? message : "no reason given");
	else
		report->result = json_incref(json_object_get(doc, "result"));
	json_decref(doc);
	return rc;
}

static void free_paths(char **real, int n)
{
	for (int i = 0; i < n; i++)
		free(real[i]);
}

int fm_sandbox_run(const struct fm_sandbox *box, fm_sandbox_fn fn, void *ctx, struct fm_sandbox_report *report,
		   struct fm_error *err)
{
	char *real[FM_SANDBOX_MAXPATHS] = {0};
	unsigned uid = geteuid(), gid = getegid();
	struct fm_progress_shared *shared = box->tick ? fm_progress_shared_new() : NULL;
	struct rusage usage = {0};
	struct fm_buf b = {0};
	bool user_namespace;
	double began = fm_seconds();
	int fd[2], rc, status = 0, ended;
	pid_t pid;

	memset(report, 0, sizeof *report);
	for (int i = 0; i < box->npaths; i++)
		if (!(real[i] = realpath(box->path[i].path, NULL))) {
			rc = fm_fail_errno(err, "%s", box->path[i].path);
			free_paths(real, i);
			fm_progress_shared_free(shared);
			return rc;
		}
	if (pipe2(fd, O_CLOEXEC)) {
		rc = fm_fail_errno(err, "cannot make a pipe");
		free_paths(real, box->npaths);
		fm_progress_shared_free(shared);
		return rc;
	}
	fflush(NULL);
	fm_stop_hold();
	pid = clone_into(box->unconfined, &user_namespace);
	if (pid == 0) {
		struct fm_error inner = {0};
		json_t *result = NULL;

		fm_progress_show(shared);
		if ((rc = child_setup(box, real, user_namespace, uid, gid, &fd[1], &inner)) >= 0)
			rc = fn(ctx, &result, &inner);
		child_report(fd[1], rc, result, &inner);
	}
	close(fd[1]);
	free_paths(real, box->npaths);
	if (pid < 0) {
		rc = fm_fail(err, FM_ESYSTEM,
			     "cannot start stage %s in namespaces of its own: %s; allow user namespaces on this "
			     "system, or accept --unconfined",
			     box->name, strerror(errno));
		close(fd[0]);
		fm_stop_release();
		fm_progress_shared_free(shared);
		return rc;
	}
	if ((ended = collect(box, fd[0], pid, shared, &b)) < 0)
		rc = fm_fail_errno(err, "cannot read the result of stage %s", box->name);
	else
		rc = ended ? fm_stop_check(box->name, err) : FM_OK;
	if (rc < 0)
		end_child(pid, ended > 0);
	close(fd[0]);
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	fm_stop_release();
	fm_progress_shared_free(shared);
	report->seconds = fm_seconds() - began;
	report->peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	if (rc < 0)
		goto out;
	rc = interpret(box->name, status, &b, report, err);
out:
	fm_buf_free(&b);
	return rc;
}

static int probe_fn(void *ctx, json_t **result, struct fm_error *err)
{
	(void)ctx;
	(void)result;
	(void)err;
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
