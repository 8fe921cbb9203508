/*
 * flowmint - private flow traces into synthetic ones that can be given away.  See flowmint(1).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json_memory.h"
#include "base/log.h"
#include "base/start.h"
#include "base/stop.h"
#include "pipeline/cli/cli.h"
#include "pipeline/outside.h"

/* Libraries allocate in their constructors, and some of them abort where they cannot. */
FM_START_BEFORE_LIBRARIES("flowmint", 4u << 20);

int main(int argc, char **argv)
{
	struct fm_error err = {0};
	int rc, status;

	/* A caller may have closed them; a file opened later must not get their numbers. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			return fm_exit_status(FM_ESYSTEM);
	if (fm_outside_asked(&status))
		return status;
	fm_start_mask();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write beyond ulimit -f fails then, with words */
	fm_stop_watch_time("flowmint");
	fm_json_memory_watch();
	if ((rc = fm_start_check(&err)) == FM_OK && (rc = fm_hash_begin(&err)) == FM_OK)
		rc = fm_json_memory_check(fm_cli(argc, argv, &err), &err);
	if (rc && err.message[0])
		fprintf(stderr, "flowmint: %s\n", err.message);
	if (rc && err.file && fm_log_is_verbose())
		fprintf(stderr, "flowmint: found at %s:%d\n", err.file, err.line);
	return fm_exit_status(rc);
}
