/* run: from the trace to the archive. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stop.h"
#include "judge/gate/check.h"
#include "manifests/canon.h"
#include "manifests/config.h"
#include "model/generator.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/input.h"
#include "pipeline/plan.h"
#include "pipeline/runner.h"
#include "pipeline/world.h"

struct run_args {
	struct fm_words set;
	const char *until, *out, *workspace;
	uint64_t events, passphrase_fd;
	bool plan, force, moved, replace, unconfined, json;
};

static const struct fm_option run_options[] = {
    {FM_SETS_FLAG(struct run_args, plan), .name = "plan",
     .help = "only say what is to do, and about what time, memory and disk it takes, from a few measured steps"},
    {FM_SETS_LIST(struct run_args, set), .name = "set", .value = "KEY=VALUE", .offer = FM_OFFER_KEY,
     .help = "override a key of the config, as in --set train.steps=500; may be repeated"},
    {FM_SETS_TEXT(struct run_args, until), .name = "until", .value = "STAGE",
     .choices = "ingest|train|generate|evaluate|gate|release", .help = "stop after this stage"},
    {FM_SETS_TEXT(struct run_args, out), .name = "out", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "where the archive goes (default: publish.out)"},
    {FM_SETS_TEXT(struct run_args, workspace), .name = "workspace", .value = "DIR", .offer = FM_OFFER_FOLDER,
     .help = "default: $FLOWMINT_WORKSPACE, else workspace/ beside RELEASE.yaml"},
    {FM_SETS_FLAG(struct run_args, force), .name = "force", .help = "do every stage again"},
    {FM_SETS_FLAG(struct run_args, moved), .name = "moved",
     .help = "go on with a workspace that was copied or moved here: the one that it was made from does not go on"},
    {FM_SETS_FLAG(struct run_args, replace), .name = "replace",
     .help = "release a version again with other bytes, because nobody was given the first: a partner who has that one "
	     "would take the new one for forged. If its archive is still there, remove it by hand first"},
    {FM_SETS_FLAG(struct run_args, unconfined), .name = "unconfined",
     .help =
	 "run although the kernel cannot give stages namespaces of their own. The system call filter still denies the "
	 "network. The manifest and the ledger record it"},
    {FM_SETS_UINT(struct run_args, events), .name = "events", .value = "FD", .least = 1, .most = 65535,
     .help = "tell each row of the ledger on this descriptor too, as a line of JSON, when it is written (run ... "
	     "--events 3 3>FILE)"},
    FM_OPTION_PASSPHRASE(struct run_args),
    FM_OPTION_JSON(struct run_args),
    {0},
};

static int print_run(const struct fm_run *run, bool json, struct fm_error *err)
{
	if (json)
		return fm_cli_json(fm_run_json(run), err);
	if (run->has_verdict) {
		fm_verdict_print(stdout, &run->verdict);
		fm_verdict_print_trace(stdout, &run->verdict, &run->metrics, NULL);
	}
	if (run->archive[0])
		fm_cli_print("archive: %s\ntar sha256: %s\n", run->archive, run->tar_sha256);
	if (!run->has_verdict)
		fm_cli_print("run %s: %s is complete\n", run->id, run->stage[run->nstages - 1].name);
	return FM_OK;
}

static int refuse(const struct fm_run *run, struct fm_error *err)
{
	char words[600];
	size_t failed = fm_verdict_failed(&run->verdict, words, sizeof words);

	return fm_fail(err, FM_EVERDICT,
		       "the gate refuses the release: %zu of %zu checks failed: %s; nothing was released", failed,
		       run->verdict.n, words);
}

static int tell_waits(const struct fm_run *run, const struct fm_config *cfg, struct fm_error *err)
{
	return fm_fail(
	    err, FM_EVERDICT,
	    "%s %s waits for approvals: %zu of %d are there (publish.approvals); each approver runs flowmint "
	    "approve %s -C %s --key KEY, and then the same flowmint run releases it",
	    cfg->release.name, cfg->release.version, json_array_size(run->approvals), cfg->publish.approvals, run->id,
	    cfg->dir);
}

static int plan(const struct fm_run_options *o, bool json, struct fm_error *err)
{
	json_t *doc = NULL;
	int rc;

	if ((rc = fm_plan(o, &doc, err)) < 0)
		return rc;
	if (json)
		return fm_cli_json(doc, err);
	fm_cli_print_plan(doc);
	json_decref(doc);
	return FM_OK;
}

/* The reader of events may go away; then the run goes on without. */
static int check_events(uint64_t fd, struct fm_error *err)
{
	int flags;

	if (!fd)
		return FM_OK;
	flags = fcntl((int)fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return fm_fail(err, FM_EUSAGE,
			       "--events %llu: this descriptor is not open for writing: run ... --events 3 3>FILE",
			       (unsigned long long)fd);
	signal(SIGPIPE, SIG_IGN);
	return FM_OK;
}

/* ---- publish.on_done ---- */

/* The terminal, where this process may ask there: else -1. */
static int open_terminal(void)
{
	int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (terminal >= 0 && tcgetpgrp(terminal) == getpgrp())
		return terminal;
	if (terminal >= 0)
		close(terminal);
	return -1;
}

/* A process in the background may hand over the terminal only while it ignores SIGTTOU. */
static void give_terminal(int terminal, pid_t group)
{
	sigset_t quiet, before;

	if (terminal < 0)
		return;
	sigemptyset(&quiet);
	sigaddset(&quiet, SIGTTOU);
	sigprocmask(SIG_BLOCK, &quiet, &before);
	(void)!tcsetpgrp(terminal, group);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* In the child: a group of its own, so that all that it starts can be stopped, with the text on standard input. */
static void become_command(const char *command, int text, int terminal)
{
	fm_stop_forget();
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (setpgid(0, 0) == 0 && dup2(text, 0) == 0) {
		give_terminal(terminal, getpgrp());
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	}
	_exit(127);
}

/* CLD_STOPPED, CLD_EXITED and the like, 0 while it goes on; it can be waited for afterwards. */
static int state_of(pid_t pid)
{
	siginfo_t what = {0};

	if (waitid(P_PID, (id_t)pid, &what, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0)
		return errno == EINTR ? 0 : CLD_EXITED;
	return what.si_pid ? what.si_code : 0;
}

/* Until the command ends, or is stopped (nobody would continue it), or has had its seconds (0: any number of them), or
 * this process is told to end: then the command and what it started are ended, too.  Says which. */
enum command_end { BY_ITSELF, BY_STOP, BY_TIME };
static enum command_end wait_for_command(pid_t pid, int seconds, int *status)
{
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	const struct timespec grace = {1, 0}, look = {0, 200000000};
	double began = fm_seconds();
	bool late = false;
	int state;

	while (!(state = state_of(pid)) && !fm_stop_signal() && !(late = seconds && fm_seconds() - began >= seconds))
		(void)!ppoll(&ended, 1, &look, fm_stop_waiting());
	if ((fm_stop_signal() || state == CLD_STOPPED || late) && kill(-pid, SIGTERM) == 0) {
		kill(-pid, SIGCONT);
		(void)!ppoll(&ended, 1, &grace, NULL);
		nanosleep(&look, NULL); /* the first may have ended before those that it started */
		kill(-pid, SIGKILL);
	}
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	if (ended.fd >= 0)
		close(ended.fd);
	return late ? BY_TIME : state == CLD_STOPPED ? BY_STOP : BY_ITSELF;
}

/* The text is a file of memory: whoever does not read it holds nobody up. */
static int run_command(const char *command, int seconds, const struct fm_buf *text, int *status, struct fm_error *err)
{
	int file = memfd_create("on_done", MFD_CLOEXEC), terminal = open_terminal(), rc = FM_OK;
	enum command_end end;
	pid_t pid;

	if (file < 0 || write(file, text->data, text->len) != (ssize_t)text->len || lseek(file, 0, SEEK_SET) != 0) {
		rc = fm_fail_errno(err, "publish.on_done cannot be told");
		goto out;
	}
	fm_stop_hold();
	fflush(NULL);
	if ((pid = fork()) == 0)
		become_command(command, file, terminal);
	if (pid < 0) {
		rc = fm_fail_errno(err, "publish.on_done cannot be started");
	} else {
		setpgid(pid, pid); /* whoever of the two comes first; it may have ended */
		end = wait_for_command(pid, seconds, status);
		give_terminal(terminal, getpgrp());
		if (fm_stop_signal())
			rc = fm_stop_fail(fm_stop_signal(), err, " in publish.on_done: %s", command);
		else if (end == BY_TIME)
			rc = fm_fail(err, FM_ESYSTEM,
				     "publish.on_done was ended, as it took more than the %d s of "
				     "publish.on_done_seconds: %s",
				     seconds, command);
		else if (end == BY_STOP)
			rc =
			    fm_fail(err, FM_ESYSTEM,
				    "publish.on_done was ended, as it was stopped: by Ctrl-Z, or because it asked at a "
				    "terminal in whose background this run is: %s",
				    command);
	}
	fm_stop_release();
out:
	if (terminal >= 0)
		close(terminal);
	if (file >= 0)
		close(file);
	return rc;
}

/* publish.on_done, which gets the run's JSON; its outcome changes nothing about the run. */
static int tell_done(const struct fm_config *cfg, const struct fm_run *done, int code, const struct fm_error *why,
		     struct fm_error *err)
{
	json_t *doc = fm_run_json(done);
	struct fm_buf text = {0};
	int rc, status = 0;

	json_object_set_new(doc, "status",
			    json_string(code >= 0             ? "done"
					: done->waits         ? "waiting"
					: code == FM_EVERDICT ? "refused"
							      : "failed"));
	json_object_set_new(doc, "code", json_integer(fm_exit_status(code)));
	json_object_set_new(doc, "message", code < 0 ? json_string(why->message) : json_null());
	if ((rc = doc ? fm_json_canonical(doc, &text, err) : fm_fail(err, FM_ESYSTEM, "out of memory")) < 0 ||
	    (rc = fm_buf_check(&text, err)) < 0)
		goto out;
	fm_buf_puts(&text, "\n");
	if ((rc = fm_buf_check(&text, err)) < 0 ||
	    (rc = run_command(cfg->publish.on_done, cfg->publish.on_done_seconds, &text, &status, err)) < 0)
		goto out;
	if (status != 0)
		rc = fm_fail(err, FM_ESYSTEM, "publish.on_done ended with status %d: %s",
			     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), cfg->publish.on_done);
out:
	json_decref(doc);
	fm_buf_free(&text);
	return rc;
}

/* One config serves with and without mpirun, so this is no error. */
static void warn_alone(const struct fm_run_options *o)
{
	struct fm_error why = {0};

	if (o->cfg->run.mpi > 1 || o->until < FM_TRAIN || !fm_config_is_set(o->cfg, "run.stall"))
		return;
	(void)fm_config_fail_at(
	    o->cfg, "run.stall", &why,
	    "run.stall does nothing where one process trains alone: set run.mpi, start the run with "
	    "mpirun, or leave it out");
	fm_warn("%s", why.message);
}

/* The others of mpirun's processes help, and say nothing. */
static int join_world(const struct fm_run_options *o, const struct run_args *a, struct fm_error *err)
{
	int rc;

	if (!fm_world_asked()) {
		warn_alone(o);
		return FM_OK;
	}
	if (a->plan || o->cfg->run.mpi > 1)
		return fm_fail(err, FM_EUSAGE,
			       "mpirun starts the processes that train: run it without %s, or without mpirun",
			       a->plan ? "--plan" : "run.mpi");
	if ((rc = fm_generator_check_ranks(o->cfg, err)) < 0 || (rc = fm_world_open(err)) < 0 || fm_world_rank() == 0)
		return rc;
	fm_log_quiet(1);
	if ((rc = fm_runner_help(o, err)) >= 0)
		fm_world_close();
	return rc;
}

/* Only at a good end: a process that failed ends without it, and mpirun then ends the others. */
static int leave_world(struct fm_error *err)
{
	struct fm_world_order done = {0};
	int rc = fm_world_order(&done, err);

	if (rc >= 0)
		fm_world_close();
	return rc;
}

static int run(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct run_args *a = args;
	struct fm_run_options o = {.until = a->until ? fm_stage_find(a->until) : FM_RELEASE,
				   .out = a->out,
				   .workspace = fm_place_run_workspace(a->workspace),
				   .force = a->force,
				   .moved = a->moved,
				   .replace = a->replace,
				   .events = (int)a->events,
				   .passphrase_fd = (int)a->passphrase_fd,
				   .unconfined = a->unconfined};
	struct fm_config *cfg = NULL;
	struct fm_run done = {0};
	struct fm_error telling;
	const char *file;
	int rc, told;

	if ((rc = check_events(a->events, err)) < 0 || (rc = fm_place_config(call, call->operand[0], &file, err)) < 0 ||
	    (rc = fm_config_load(&cfg, file, a->set.word, a->set.n, err)) < 0)
		goto out;
	o.cfg = cfg;
	if ((rc = join_world(&o, a, err)) < 0 || fm_world_rank() > 0 ||
	    (rc = fm_input_settle(cfg, o.workspace, a->unconfined, err)) < 0)
		goto out;
	if (a->plan) {
		rc = plan(&o, a->json, err);
		goto out;
	}
	if ((rc = fm_runner_run(&o, &done, err)) >= 0 && (rc = leave_world(err)) >= 0 &&
	    (rc = print_run(&done, a->json, err)) >= 0 && done.has_verdict && !done.verdict.pass)
		rc = refuse(&done, err);
	else if (rc >= 0 && done.waits)
		rc = tell_waits(&done, cfg, err);
	if (cfg->publish.on_done[0] && (told = tell_done(cfg, &done, rc, err, &telling)) < 0) {
		fm_warn("%s", telling.message);
		if (rc >= 0 && told <= FM_STOPPED(0))
			rc = fm_fail(err, told, "stopped when the run had ended");
	}
out:
	fm_run_free(&done);
	fm_config_free(cfg);
	return rc;
}

const struct fm_verb fm_verb_run = {
    .name = "run",
    .summary = "from the trace to a signed archive",
    .about =
	"Runs the stages ingest, train, generate, evaluate, gate and release, each as a process of its own that sees "
	"its "
	"inputs and nothing else. A stage that is complete in the workspace for the same config and inputs is not done "
	"again, so that an interrupted run goes on where it was. Training goes on from its last checkpoint "
	"(train.checkpoint_every); the result is the same to the bit.\n\nWhen all checks pass, the archive and its "
	"signature are verified and moved to publish.out. When one fails, the check table says which, nothing is "
	"released, and the exit status is 1.\n\nWhat can be known before the first stage is checked before it. A run "
	"that "
	"SIGINT or SIGTERM stops ends with 130 or 143, and the same command goes on from there.\n\nA folder stands for "
	"the release.yaml in it. Without RELEASE.yaml, it is that of the current folder or of the nearest folder above "
	"that has one.",
    .operands = "RELEASE.yaml",
    .optional = 1,
    .offer = FM_OFFER_FILE,
    .instead = "preset: the preset is named in the file (preset: demo), at flowmint init, or by --set preset=demo; "
	       "config: the file is the operand, flowmint run RELEASE.yaml",
    .options = run_options,
    .args_size = sizeof(struct run_args),
    .run = run,
};
