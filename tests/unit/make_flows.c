/*
 * make_flows - a helper of tests/interop_*.sh: reads a trace and writes the same flows in another dialect, so that
 * other programs can say what they read.
 *
 *     make_flows FILE DIALECT OUT DIALECT      OUT.ipfix: as an IPFIX file, whatever the dialect
 */
#include <stdio.h>
#include <string.h>

#include "manifests/dialect.h"
#include "traces/ipfix.h"
#include "traces/trace.h"

int main(int argc, char **argv)
{
	struct fm_dialect *from = NULL, *to = NULL;
	struct fm_trace_opts o = {0};
	struct fm_trace_stats st = {0};
	struct fm_table *t = NULL;
	struct fm_error err = {0};
	int rc;

	if (argc != 5) {
		fprintf(stderr, "usage: make_flows FILE DIALECT OUT DIALECT\n");
		return 2;
	}
	o.path = argv[1];
	if ((rc = fm_dialect_load(&from, argv[2], &err)) < 0 || (rc = fm_dialect_load(&to, argv[4], &err)) < 0)
		goto out;
	o.dialect = from;
	if ((rc = fm_trace_load(&t, &o, 0.5, &st, &err)) < 0 ||
	    (rc = strstr(argv[3], ".ipfix") ? fm_ipfix_write(t, (uint64_t)to->sampling, argv[3], &err)
					    : fm_trace_write(t, to, argv[3], &err)) < 0)
		goto out;
	printf("%llu flows, %llu left out\n", (unsigned long long)st.rows, (unsigned long long)st.bad);
out:
	if (rc < 0)
		fprintf(stderr, "make_flows: %s\n", err.message);
	fm_dialect_free(from);
	fm_dialect_free(to);
	fm_table_free(t);
	return fm_exit_status(rc);
}
