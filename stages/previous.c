#include "stages/previous.h"

#include <string.h>

#include "privacy/leakage/difference.h"
#include "traces/source.h"
#include "traces/trace.h"

#define ARCHIVE ".tar.zst"

#define LOOKED_AT 1000 /* rows */

static int load(struct fm_table **previous, const struct fm_previous_in *in, struct fm_error *err)
{
	size_t n = strlen(in->path), suffix = strlen(ARCHIVE);
	struct fm_trace_opts o = {.path = in->path, .rows = in->rows, .missing = FM_MISSING_ZERO, .spill = in->spill};
	struct fm_dialect released = *in->dialect;
	struct fm_trace_stats stats;
	int rc;

	if (n > suffix && strcmp(in->path + n - suffix, ARCHIVE) == 0)
		o.member = FM_SOURCE_FLOWS;
	/* A release has a header or has none, whatever its dialect says. */
	if (!released.json)
		released.header = released.header_optional = true;
	o.dialect = &released;
	if ((rc = fm_trace_load(previous, &o, 0.0, &stats, err)) < 0)
		return fm_error_prefix(err, "the previous release: ");
	return FM_OK;
}

int fm_previous_look(const char *path, const struct fm_dialect *dialect, struct fm_error *err)
{
	struct fm_previous_in in = {.path = path, .dialect = dialect, .rows = LOOKED_AT};
	struct fm_table *previous = NULL;
	int rc = load(&previous, &in, err);

	fm_table_free(previous);
	return rc;
}

int fm_previous_compare(const struct fm_previous_in *in, const struct fm_table *current, struct fm_metrics *out,
			struct fm_error *err)
{
	struct fm_table *previous = NULL;
	int rc;

	if ((rc = load(&previous, in, err)) < 0)
		return rc;
	rc = fm_leak_difference(previous, current, in->pool, in->memory, out, err);
	fm_table_free(previous);
	return rc;
}
