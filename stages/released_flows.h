/*
 * released_flows.h - the flows of a release as who has the release alone reads them.
 */
#ifndef FM_STAGES_RELEASED_FLOWS_H
#define FM_STAGES_RELEASED_FLOWS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/table.h"
#include "manifests/dialect.h"

/* The file data/flows.* at path, written in d, into *t, which is to be freed.  headed: it begins with a line of names
 * that is none of the dialect's (publish.header).  dir: a folder for what memory should not hold.  FM_EINPUT: a row of
 * it cannot be read. */
int fm_released_flows(const char *path, const struct fm_dialect *d, bool headed, const char *dir, struct fm_table **t,
		      struct fm_error *err) FM_MUST_CHECK;

#endif
