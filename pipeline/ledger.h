/*
 * ledger.h - what ran, what came out, what was released: rows that are only ever appended, each holding the digest of
 * the one before it, under a key of the project.
 *
 *     WORKSPACE/ledger.db         SQLite, one table `ledger` (row, time, run, kind, body, prev, hash, mac) and the
 *                                 views runs, stages, verdicts, releases for people with sqlite3
 *     WORKSPACE/ledger.head       "ROW HASH MAC\n": the last row, kept beside so that a missing tail is found
 *     PROJECT/keys/ledger-ID.head the same once more, beside the key: the witness; ID is of the workspace's path
 *     NAME-VERSION.RELEASE.json   "ledger": {"first","head"}, commitments to the first and the last row
 *
 *     hash = SHA-256 of canonical JSON {"body","kind","prev","row","run","time"}; body is the row's JSON as text;
 *     prev of row 1 is 64 zeros.
 *     mac = HMAC-SHA-256 of "flowmint ledger row\nHASH\n" under a key derived from the project's secret; of a head
 *     "flowmint ledger head\nROW HASH\n"; first and head of a record likewise with first and witness, of a record of
 *     privacy.mode dp of "ROW TIME" in place of HASH.
 *
 * As each hash covers the one before it, each MAC covers all rows up to its own.  Who cannot read keys/commitment.key
 * cannot add a row, change one, or make a head for fewer rows; who puts back an older copy of both files is found by
 * the witness, and by the records of what was released since.
 *
 * Journal: rollback (DELETE) with synchronous=EXTRA, not WAL.  A run appends about ten rows, so speed does not matter;
 * there is one writer (the workspace's lock); and whenever nothing runs the ledger is one plain file, which can be
 * copied, compared, and read from read-only media; WAL leaves two more files beside it.
 *
 * The row is committed before the head file is replaced, and the head file before the witness, so after a crash the
 * head may be one row behind: that is no fault, and the next append repairs it.  More than one row, or a head ahead of
 * the rows, is a fault.
 */
#ifndef FM_PIPELINE_LEDGER_H
#define FM_PIPELINE_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"

#define FM_RUN_ID_MAX 16 /* "r0001" */

struct fm_ledger;

/* The id of a run as a person writes it: "1", "0001", "r1" and "r0001" give r0001, in id; any other text itself. */
const char *fm_run_id(const char *text, char id[FM_RUN_ID_MAX]);
bool fm_run_is_named(const char *text); /* is it the id of a run, written in full? */
/* Of what may be a run or a file: is it a file?  A folder that has the name of a run is none. */
bool fm_run_is_file(const char *text);

enum fm_ledger_use {
	FM_LEDGER_READ,
	FM_LEDGER_WRITE,
	FM_LEDGER_PASSING, /* WRITE in a workspace that is removed when its run is done: no witness is kept */
};
/* Open the ledger of a workspace.  To write: made when absent, after a full audit; a broken ledger is FM_EVERDICT and
 * nothing is added to it.  To read: absent is FM_EINPUT, or FM_EVERDICT where a head or a witness says that there was
 * one.
 *
 * project: whose secret the ledger is under; NULL: the folder that the workspace stands in, if that has
 * keys/commitment.key, else the project that the ledger's newest run names.  The secret is read for each row that is
 * written, and held in memory no longer. */
int fm_ledger_open(struct fm_ledger **l, const char *workspace, const char *project, enum fm_ledger_use use,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_ledger_close(struct fm_ledger *l);
/* The project whose secret it is under, borrowed; NULL when none is known. */
const char *fm_ledger_project(const struct fm_ledger *l);

/* How many other workspaces of its project have, or had, a ledger, by their witnesses; 0 where that is not known. */
int fm_ledger_others(const struct fm_ledger *l);

/* From here on each row that is appended is also written to fd, as one line of JSON:
 * {"row","time","run","kind","body"}, what fm_ledger_rows gives.  When the reader goes away, this ends with a
 * warning. */
void fm_ledger_tell(struct fm_ledger *l, int fd);
/* Append a row; body is borrowed and must be an object. Durable when this returns FM_OK. */
int fm_ledger_append(struct fm_ledger *l, const char *run, const char *kind, const json_t *body,
		     struct fm_error *err) FM_MUST_CHECK;
/* The id that the next run gets: one more than the runs so far. */
int fm_ledger_next_run(struct fm_ledger *l, char id[FM_RUN_ID_MAX], struct fm_error *err) FM_MUST_CHECK;
/* Rows in order: [{"row","time","run","kind","body":{...}},...].  run, kind: NULL for any. */
int fm_ledger_rows(struct fm_ledger *l, const char *run, const char *kind, json_t **rows,
		   struct fm_error *err) FM_MUST_CHECK;

/* Commitments to the first and the last row, for a record; "" for an empty ledger.  blind: commitments to the rows'
 * numbers and times alone, so that nothing in a record of privacy.mode dp was made of private flows. */
int fm_ledger_witness(struct fm_ledger *l, bool blind, char first[FM_SHA256_HEX], char head[FM_SHA256_HEX],
		      struct fm_error *err) FM_MUST_CHECK;

/* Check files, tables, the whole chain, head, witness and what the records of releases say:
 * {"intact":bool,"rows":N,"head":"HASH","project":path or
 * null,"witnessed":bool,"caution":text or null,"problems":[{"row":N,"problem":"..."},...]}.  Without a project
 * (fm_ledger_open) rows are checked by their digests alone.  FM_OK with *report set whatever the finding; FM_EINPUT
 * when there is no ledger at all, FM_EVERDICT when there was one, FM_ESYSTEM when it cannot be read. */
int fm_ledger_audit(const char *workspace, const char *project, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
