/* capture.h - what a function writes on standard error, for tests of what people see. */
#ifndef FM_TESTS_CAPTURE_H
#define FM_TESTS_CAPTURE_H

#include <unistd.h>

/* Run doit with the descriptor fd as standard error. */
static inline void with_stderr(int fd, void (*doit)(void))
{
	int saved = dup(STDERR_FILENO);

	dup2(fd, STDERR_FILENO);
	doit();
	dup2(saved, STDERR_FILENO);
	close(saved);
}

#endif
