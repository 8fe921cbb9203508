/*
 * ingest.c - how fast and in how much memory a trace is read: reads FILE with DIALECT once and prints one line,
 *
 *     ROWS rows  SECONDS s  RATE rows/s  PEAK KiB  PROCESSOR s
 *
 * for tests/bench_ingest.sh, seconds without the start of the program and its libraries.  THREADS parse it; with a
 * fourth argument, MEMBER of an archive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "traces/trace.h"

static double processor_seconds(const struct rusage *use)
{
	return (double)(use->ru_utime.tv_sec + use->ru_stime.tv_sec) +
	       (double)(use->ru_utime.tv_usec + use->ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	struct fm_dialect *d = NULL;
	struct fm_trace_stats st = {0};
	struct fm_error err = {0};
	struct rusage before, use;
	int rc;

	if (argc < 3 || argc > 5) {
		fprintf(stderr, "usage: ingest FILE DIALECT [THREADS [MEMBER]]\n");
		return 2;
	}
	getrusage(RUSAGE_SELF, &before);
	double start = fm_seconds();
	rc = fm_dialect_load(&d, argv[2], &err);
	if (!rc) {
		struct fm_trace_opts o = {.path = argv[1],
					  .member = argc > 4 ? argv[4] : "",
					  .dialect = d,
					  .threads = argc > 3 ? atoi(argv[3]) : 1};

		rc = fm_trace_read(&o, &st, &err);
	}
	double seconds = fm_seconds() - start;
	fm_dialect_free(d);
	if (rc) {
		fprintf(stderr, "ingest: %s\n", err.message);
		return fm_exit_status(rc);
	}
	getrusage(RUSAGE_SELF, &use);
	printf("%llu rows  %.3f s  %.0f rows/s  %ld KiB  %.3f s\n", (unsigned long long)st.rows, seconds,
	       (double)st.rows / seconds, use.ru_maxrss, processor_seconds(&use) - processor_seconds(&before));
	if (st.bad)
		fprintf(stderr, "ingest: %llu bad rows\n", (unsigned long long)st.bad);
	return 0;
}
