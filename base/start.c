#include "base/start.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int fm_start_check(struct fm_error *err)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_STACK, &r) != 0 || r.rlim_cur == RLIM_INFINITY || r.rlim_cur >= FM_STACK_KIB * 1024)
		return FM_OK;
	return fm_fail(err, FM_ESYSTEM, "the stack may have %llu KiB, and %d are needed: raise ulimit -s",
		       (unsigned long long)r.rlim_cur / 1024, FM_STACK_KIB);
}

void fm_start_mask(void)
{
	umask(umask(0) & ~(mode_t)S_IRWXU);
}

/* ---- before the libraries ---- */

static const char *whose;

static void end(void)
{
	static const char words[] =
	    ": out of memory: ulimit -v, or ulimit -s beside a large environment, leaves too little to begin with\n";

	(void)!write(2, whose, strlen(whose));
	(void)!write(2, words, sizeof words - 1);
	_exit(fm_exit_status(FM_ESYSTEM));
}

static void stack_ends(int signal)
{
	(void)signal;
	end();
}

static __attribute__((noinline)) void touch(void)
{
	volatile uint8_t room[(FM_STACK_KIB - 64) * 1024];

	room[0] = 0;
	(void)room[0];
}

/* The lowest page of the stack that will be needed is touched once, which maps all above it for good.  Where that is
 * too much, the kernel sends SIGSEGV, for which there is another stack. */
static void take_stack(void)
{
	static uint8_t other[16 * 1024];
	struct sigaction act = {.sa_handler = stack_ends, .sa_flags = SA_ONSTACK}, old;
	stack_t on = {.ss_sp = other, .ss_size = sizeof other}, off = {.ss_flags = SS_DISABLE};
	struct rlimit r;

	if (getrlimit(RLIMIT_STACK, &r) != 0 || r.rlim_cur < FM_STACK_KIB * 1024) /* main says so (fm_start_check) */
		return;
	if (sigaltstack(&on, NULL) != 0 || sigaction(SIGSEGV, &act, &old) != 0)
		return;
	touch();
	(void)sigaction(SIGSEGV, &old, NULL);
	(void)sigaltstack(&off, NULL);
}

/* Bytes that the process has mapped; 0: not known. */
static uint64_t mapped(void)
{
	char text[64];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	uint64_t pages = 0;

	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
		pages = 10 * pages + (uint64_t)(text[i] - '0');
	return pages * (uint64_t)getpagesize();
}

void fm_start_or_end(const char *program, size_t bytes)
{
	struct rlimit r;

	whose = program;
	take_stack();
	if (getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur != RLIM_INFINITY && r.rlim_cur < mapped() + bytes)
		end();
}
