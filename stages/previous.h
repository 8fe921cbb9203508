/*
 * previous.h - the release before this one, compared with it (privacy/leakage/difference.h).
 */
#ifndef FM_STAGES_PREVIOUS_H
#define FM_STAGES_PREVIOUS_H

#include "base/table.h"
#include "base/thread.h"
#include "manifests/dialect.h"
#include "manifests/metrics.h"

struct fm_previous_in {
	const char *path; /* an archive NAME-VERSION.tar.zst, of which only data/flows.csv, or .jsonl, is read, or a CSV
			     file of the dialect, packed or not */
	const struct fm_dialect *dialect;
	uint64_t rows; /* only the first of this number; 0: all */
	struct fm_pool *pool;
	size_t memory;     /* as in fm_leakage_opts */
	const char *spill; /* a folder for the part that does not fit in memory, or NULL */
};
/* Adds leak.release_* of current beside the release before.  FM_EINPUT when that cannot be read or has no rows. */
int fm_previous_compare(const struct fm_previous_in *in, const struct fm_table *current, struct fm_metrics *out,
			struct fm_error *err) FM_MUST_CHECK;
/* The same of its first rows, before hours are spent on what it is to be compared with. */
int fm_previous_look(const char *path, const struct fm_dialect *dialect, struct fm_error *err) FM_MUST_CHECK;

#endif
