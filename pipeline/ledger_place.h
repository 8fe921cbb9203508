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

/* Is the workspace where its newest run was, or was it renamed?  Else it was copied, or moved to another disk or
 * machine, which look alike.  Where it released something and publishes is true that is FM_EINPUT, unless moved says
 * that it is meant; else a warning.
 *
 * A folder is the same by its inode, and by the time of its birth where the file system keeps one, which nobody can
 * set: on another machine too, where it is on a disk that both share under one path.  Machines number their disks each
 * by itself, so that under another path there nothing says that the disk is the same, and it is told as a copy.  Put
 * back from a backup where it was, it is another on the same machine, which is no copy; on a machine without an id that
 * is only a warning.
 *
 * *place: what the run is to tell the ledger, a new reference: {"path":TEXT,"folder":"DEVICE:INODE","born":"SECONDS.NS"
 * or "","machine":16 hex digits, or "" where the machine has no id}.  It is where the workspace is; but of a copy that
 * has something released where the original was, until a run says that it was moved.  The id of the machine itself is
 * not told. */
int fm_ledger_check_place(struct fm_ledger *l, const char *workspace, bool publishes, bool moved, json_t **place,
			  struct fm_error *err) FM_MUST_CHECK;

#endif
