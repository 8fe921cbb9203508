#include "base/stop.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

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

#define OUT_OF_TIME "the processor time that ulimit -t allows is used up"

static char last_words[128];
static size_t last_size;

static void on_time(int sig)
{
	(void)sig;
	(void)!write(STDERR_FILENO, last_words, last_size);
	_exit(fm_exit_status(FM_ESYSTEM));
}

void fm_stop_watch_time(const char *program)
{
	struct sigaction sa = {.sa_handler = on_time}, old;
	struct sigevent at = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGXCPU};
	struct itimerspec when = {0};
	struct rlimit r;
	timer_t timer;

	if (sigaction(SIGXCPU, NULL, &old) < 0 || old.sa_handler == SIG_IGN)
		return;
	last_size = (size_t)snprintf(last_words, sizeof last_words, "%s: %s\n", program, OUT_OF_TIME);
	sigaction(SIGXCPU, &sa, NULL);
	if (getrlimit(RLIMIT_CPU, &r) < 0 || r.rlim_max == RLIM_INFINITY || r.rlim_cur < r.rlim_max || r.rlim_max < 1)
		return;
	when.it_value = r.rlim_max > 4 ? (struct timespec){(time_t)r.rlim_max - 1, 0}
				       : (struct timespec){(time_t)r.rlim_max - 1, 750000000};
	if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &at, &timer) == 0)
		timer_settime(timer, TIMER_ABSTIME, &when, NULL);
}

int fm_stop_fail(int sig, struct fm_error *err, const char *words, ...)
{
	char rest[512];
	va_list ap;

	va_start(ap, words);
	vsnprintf(rest, sizeof rest, words, ap);
	va_end(ap);
	if (sig == SIGXCPU)
		return fm_fail(err, FM_ESYSTEM, "stopped, as " OUT_OF_TIME "%s", rest);
	return fm_fail(err, FM_STOPPED(sig), "stopped by signal %d (%s)%s", sig, strsignal(sig), rest);
}

int fm_stop_check(const char *where, struct fm_error *err)
{
	int sig = fm_stop_signal();

	return sig ? fm_stop_fail(sig, err,
				  " in stage %s; what is complete is kept, the same command goes on from there", where)
		   : FM_OK;
}
