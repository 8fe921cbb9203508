#include "base/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_bool watched, came;

static void on_term(int sig)
{
	atomic_store(&came, true);
	if (!atomic_load(&watched))
		_exit(128 + sig);
}

void fm_interrupt_handle(void)
{
	struct sigaction a = {.sa_handler = on_term, .sa_flags = SA_RESTART};

	sigemptyset(&a.sa_mask);
	sigaction(SIGTERM, &a, NULL);
}

void fm_interrupt_watch(bool on)
{
	atomic_store(&watched, on);
}

bool fm_interrupted(void)
{
	return atomic_load(&came);
}
