#include "base/stop.h"

#include <string.h>

static const int held[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
#define NHELD ((int)(sizeof held / sizeof *held))

static volatile sig_atomic_t caught;
static int depth;
static struct sigaction old_action[NHELD];
static sigset_t old_mask;

static void on_signal(int sig)
{
	caught = sig;
}

void fm_stop_hold(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t all, ignored;

	if (depth++ > 0)
		return;
	caught = 0;
	sigemptyset(&all);
	for (int i = 0; i < NHELD; i++)
		sigaddset(&all, held[i]);
	sigprocmask(SIG_BLOCK, &all, &old_mask);
	sigemptyset(&ignored);
	for (int i = 0; i < NHELD; i++) {
		sigaction(held[i], NULL, &old_action[i]);
		if (old_action[i].sa_handler != SIG_IGN)
			sigaction(held[i], &sa, NULL);
		else
			sigaddset(&ignored, held[i]);
	}
	/* A blocked signal stays pending even where it is ignored, so the ignored ones are not blocked. */
	sigprocmask(SIG_UNBLOCK, &ignored, NULL);
}

void fm_stop_release(void)
{
	if (--depth > 0)
		return;
	sigprocmask(SIG_SETMASK, &old_mask,
		    NULL); /* a pending signal comes here: the run has ended, nothing is left to stop */
	for (int i = 0; i < NHELD; i++)
		sigaction(held[i], &old_action[i], NULL);
}

int fm_stop_signal(void)
{
	sigset_t waiting;

	if (caught || depth == 0)
		return caught;
	sigemptyset(&waiting);
	sigpending(&waiting);
	for (int i = 0; i < NHELD; i++)
		if (sigismember(&waiting, held[i]) == 1)
			return held[i];
	return 0;
}

const sigset_t *fm_stop_waiting(void)
{
	return &old_mask;
}

void fm_stop_forget(void)
{
	sigset_t none;

	for (int i = 0; i < NHELD; i++)
		signal(held[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	depth = 0;
}

int fm_stop_check(const char *where, struct fm_error *err)
{
	int sig = fm_stop_signal();

	if (!sig)
		return FM_OK;
	if (sig == SIGXCPU)
		return fm_fail(err, FM_ESYSTEM,
			       "stopped in stage %s: the processor time that ulimit -t allows is used up; what is "
			       "complete is kept, the same command goes on from there",
			       where);
	return fm_fail(err, FM_STOPPED(sig),
		       "stopped by signal %d (%s) in stage %s; what is complete is kept, the same command goes on from "
		       "there",
		       sig, strsignal(sig), where);
}
