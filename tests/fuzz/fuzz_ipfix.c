/*
 * fuzz_ipfix - whatever bytes come as an IPFIX file: no crash, no leak, no end that does not come, flows within their
 * bounds. libfixbuf reads the records, and what it says it could not read has to end the file with a message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "manifests/dialect.h"
#include "traces/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int on_chunk(void *ctx, struct fm_table *t, struct fm_error *err)
{
	(void)ctx;
	(void)err;
	for (size_t i = 0; i < t->rows; i++)
		if (t->te[i] < 0 || t->te[i] < (int64_t)t->td[i] || t->pkt[i] > INT64_MAX || t->byt[i] > INT64_MAX)
			abort();
	return FM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct fm_dialect *dialect;
	static char path[64];
	static int fd;
	struct fm_error err;

	if (!dialect) {
		fm_log_quiet(1);
		fd = memfd_create("ipfix", MFD_CLOEXEC);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (fd < 0 || fm_dialect_load(&dialect, "ipfix", &err) < 0)
			abort();
	}
	if (n < 20)
		return 0;
	dialect->both_ways = p[n - 1] & 1;
	if (ftruncate(fd, 0) || pwrite(fd, p, n, 0) != (ssize_t)n)
		return 0;
	(void)!fm_trace_read(&(struct fm_trace_opts){.path = path, .dialect = dialect, .chunk = on_chunk}, NULL, &err);
	return 0;
}
