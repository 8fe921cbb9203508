/*
 * fuzz_source - whatever bytes come as a compressed file or an archive: no crash, no leak, no more memory than the
 * reader allows; and what is read whole is read whole again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "traces/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MOST ((size_t)64 << 20) /* bytes of one that unfolds without an end */

static int read_all(const char *path, size_t *total)
{
	struct fm_source *s = NULL;
	struct fm_error err;
	const char *data;
	size_t n = 1;
	int rc;

	*total = 0;
	if ((rc = fm_source_open(&s, path, "", &err)) < 0)
		return rc;
	while ((rc = fm_source_next(s, &data, &n, &err)) >= 0 && n && *total < MOST)
		*total += n;
	if (rc < 0 && !*err.message)
		abort();
	fm_source_close(s);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char path[64];
	static int fd = -1;
	size_t once, again;

	if (fd < 0) {
		fm_log_quiet(1);
		fd = memfd_create("trace", MFD_CLOEXEC);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, p, n, 0) != (ssize_t)n)
		return 0;
	(void)fm_source_needs(path);
	if (read_all(path, &once) != read_all(path, &again) || once != again)
		abort();
	return 0;
}
