/*
 * ledger_place.h - where a workspace is: its path, its folder on the disk and the machine, which each run tells the
 * ledger, so that a copy that goes on beside the original is known for one.  Two that go on from one ledger would
 * release other archives under one version, and each spend the whole budget of privacy.
 */
#ifndef FM_PIPELINE_LEDGER_PLACE_H
#define FM_PIPELINE_LEDGER_PLACE_H

#include <jansson.h>
#include <stdbool.h>

#include "pipeline/ledger.h"

/* {"path":TEXT,"folder":"DEVICE:INODE","machine":16 hex digits, or "" where the machine has no id}: a new reference, or
 * NULL without memory.  The id of the machine itself is not told. */
json_t *fm_ledger_place(const char *workspace);
/* Is the workspace where its newest run was, or was it renamed?  Else it was copied, or moved to another disk or
 * machine, which look alike.  Where it released something and publishes is true that is FM_EINPUT, unless moved says
 * that it is meant; else a warning, once: the run that follows tells its own place. */
int fm_ledger_check_place(struct fm_ledger *l, const char *workspace, bool publishes, bool moved,
			  struct fm_error *err) FM_MUST_CHECK;

#endif
