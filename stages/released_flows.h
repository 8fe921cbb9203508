/*
 * released_flows.h - the flows of a release as somebody reads them who has nothing but the release.
 */
#ifndef FM_STAGES_RELEASED_FLOWS_H
#define FM_STAGES_RELEASED_FLOWS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/table.h"
#include "manifests/dialect.h"

/* The file data/flows.* at path, written in d, into *t, which is to be freed.  headed: the file begins with a line of
 * names that is not part of the dialect (publish.header).  dir: a folder for temporary files.  FM_EINPUT: a row of it
 * cannot be read. */
int fm_released_flows(const char *path, const struct fm_dialect *d, bool headed, const char *dir, struct fm_table **t,
		      struct fm_error *err) FM_MUST_CHECK;
/* Flows *t as their file csv in d, of which *t is then what who reads it has, with its digest (as hex).  What d cannot
 * say, or says more coarsely, is another value then: it is written as that, until the file comes out the same from
 * itself.  before: the digest of a file of which it need be no more than the same, or "".  headed and dir as above, d
 * with its header then.  FM_EINPUT: a value has no text in d, a row cannot be read back, or they never stay the same.
 */
int fm_released_settle(struct fm_table **t, const struct fm_dialect *d, bool headed, const char *csv, const char *dir,
		       const char *before, char sha256[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;

#endif
