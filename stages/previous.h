/*
 * previous.h - the release before this one, laid beside it (privacy/leakage/difference.h).
 */
#ifndef FM_STAGES_PREVIOUS_H
#define FM_STAGES_PREVIOUS_H

#include "base/table.h"
#include "base/thread.h"
#include "manifests/dialect.h"
#include "manifests/metrics.h"

/* Adds leak.release_* of current beside the release at path: an archive NAME-VERSION.tar.zst, of which only
 * data/flows.csv is read, or a CSV file of the dialect, packed or not; its first `rows` rows, 0 for all.  memory: see
 * fm_leakage; spill: a folder for what of the release before does not fit there, or NULL.  FM_EINPUT when it cannot be
 * read or has no rows. */
int fm_previous_compare(const char *path, const struct fm_dialect *d, uint64_t rows, const struct fm_table *current,
			struct fm_pool *pool, size_t memory, const char *spill, struct fm_metrics *out,
			struct fm_error *err) FM_MUST_CHECK;

#endif
