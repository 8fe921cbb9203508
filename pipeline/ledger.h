/*
 * ledger.h - what ran, what came out, what was released: rows that are only ever appended, each holding the digest of
 * the one before it.
 *
 *     WORKSPACE/ledger.db     SQLite, one table `ledger` (row, time, run, kind, body, prev, hash) and views runs,
 *                             stages, verdicts, releases for people with sqlite3
 *     WORKSPACE/ledger.head   "ROW HASH\n": the last row, kept beside so that a missing tail is found
 *
 *     hash = SHA-256 of canonical JSON {"body","kind","prev","row","run","time"}; body is the row's JSON as text;
 *     prev of row 1 is 64 zeros.
 *
 * The chain reveals rows that were edited, removed, reordered, added or cut off by anyone who did not rewrite both
 * files.
 *
 * Journal: rollback (DELETE) with synchronous=EXTRA, not WAL.  A run appends about ten rows, so speed does not matter;
 * there is one writer (the workspace's lock); and the ledger is one plain file whenever nothing runs, which can be
 * copied, read from read-only media and compared, where WAL leaves two more that belong to it.
 *
 * The row is committed before the head file is replaced, so after a crash the head may be one row behind: that is no
 * fault, and the next append repairs it.  More than one row, or a head ahead of the rows, is a fault.
 */
#ifndef FM_PIPELINE_LEDGER_H
#define FM_PIPELINE_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define FM_RUN_ID_MAX 16 /* "r0001" */

struct fm_ledger;

/* The id of a run as a person writes it: "1", "0001", "r1" and "r0001" give r0001, in id; any other text itself. */
const char *fm_run_id(const char *text, char id[FM_RUN_ID_MAX]);

/* Open the ledger of a workspace.  create: make it when absent, for writing, after a full audit: a broken ledger is
 * FM_EVERDICT and nothing is added to it.  Otherwise read-only, and absent is FM_EINPUT. */
int fm_ledger_open(struct fm_ledger **l, const char *workspace, bool create, struct fm_error *err) FM_MUST_CHECK;
void fm_ledger_close(struct fm_ledger *l);

/* Append a row; body is borrowed and must be an object. Durable when this returns FM_OK. */
int fm_ledger_append(struct fm_ledger *l, const char *run, const char *kind, const json_t *body,
		     struct fm_error *err) FM_MUST_CHECK;
/* The id that the next run gets: one more than the runs so far. */
int fm_ledger_next_run(struct fm_ledger *l, char id[FM_RUN_ID_MAX], struct fm_error *err) FM_MUST_CHECK;
/* Rows in order: [{"row","time","run","kind","body":{...}},...].  run, kind: NULL for any. */
int fm_ledger_rows(struct fm_ledger *l, const char *run, const char *kind, json_t **rows,
		   struct fm_error *err) FM_MUST_CHECK;

/* Check the whole chain and the head:
 * {"intact":bool,"rows":N,"head":"HASH","problems":[{"row":N,"problem":"..."},...]}. FM_OK with *report set whatever
 * the finding; FM_EINPUT when there is no ledger at all, FM_ESYSTEM when it cannot be read. */
int fm_ledger_audit(const char *workspace, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
