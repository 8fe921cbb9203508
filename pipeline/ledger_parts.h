/*
 * ledger_parts.h - what ledger.c, ledger_open.c and ledger_audit.c share.
 */
#ifndef FM_PIPELINE_LEDGER_PARTS_H
#define FM_PIPELINE_LEDGER_PARTS_H

#include <sqlite3.h>
#include <time.h>

#include "base/hash.h"
#include "base/secret.h"
#include "pipeline/ledger.h"

struct fm_ledger {
	sqlite3 *db;
	char *workspace, *db_path, *head_path;
	char *project;      /* whose secret the rows are under; NULL: not known */
	char *witness_path; /* NULL: none is kept */
	int events;         /* a descriptor that rows are told to; -1: none */
	int terminal;       /* the same, where this opened it; else -1 */
	bool warned;        /* of a witness that cannot be written */
};

struct fm_ledger_row {
	int64_t row;
	const char *time, *run, *kind, *body, *prev, *hash, *mac; /* of the statement, until its next step */
	bool hidden;                                              /* a value is no text, or has bytes behind a NUL */
};

/* What a head or a witness says. */
struct fm_ledger_head {
	int64_t row; /* -1: there is no file; -2: it is none */
	char hash[FM_SHA256_HEX], mac[FM_SHA256_HEX];
};

#define FM_LEDGER_ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define FM_LEDGER_COLUMNS "row, time, run, kind, body, prev, hash, mac"

extern const char fm_ledger_schema[];

void fm_ledger_time(time_t t, char out[32]); /* as rows have it, in UTC; texts are in the order of times */
bool fm_ledger_is_damage(int code);          /* SQLite's: a damaged file, no failing machine */
int fm_ledger_db_fail(const struct fm_ledger *l, const char *doing, struct fm_error *err);
int fm_ledger_prepare(struct fm_ledger *l, sqlite3_stmt **s, const char *sql, struct fm_error *err) FM_MUST_CHECK;
/* SQLITE_ROW with *r filled from FM_LEDGER_COLUMNS, SQLITE_DONE, or an error of SQLite. */
int fm_ledger_next_row(sqlite3_stmt *s, struct fm_ledger_row *r);
/* The last row's number and hash: 0 and zeros for an empty ledger. */
int fm_ledger_last_row(struct fm_ledger *l, int64_t *row, char hash[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
int fm_ledger_row_hash(const struct fm_ledger_row *r, char hex[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
/* HMAC-SHA-256 under the ledger's key of "flowmint ledger WHAT\nTEXT\n". */
int fm_ledger_mac(const struct fm_secret *key, const char *what, const char *text, char hex[FM_SHA256_HEX],
		  struct fm_error *err) FM_MUST_CHECK;
/* The key of a project's ledgers, derived from its secret.  Close it before a child is started. */
int fm_ledger_key(struct fm_secret *key, const char *project, struct fm_error *err) FM_MUST_CHECK;
/* What the record of a release says of a row: the MAC of its hash, or blind of its number and time. */
int fm_ledger_commit(const struct fm_secret *key, const char *what, const struct fm_ledger_row *r, bool blind,
		     char hex[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
int fm_ledger_head_read(const char *path, struct fm_ledger_head *head, struct fm_error *err) FM_MUST_CHECK;
/* Write the head, and beside the key the witness, with which an older copy of database and head does not agree. */
int fm_ledger_head_write(struct fm_ledger *l, const struct fm_secret *key, int64_t row, const char *hash,
			 struct fm_error *err) FM_MUST_CHECK;
/* The MAC of a head: of "ROW HASH". */
int fm_ledger_head_mac(const struct fm_secret *key, int64_t row, const char *hash, char hex[FM_SHA256_HEX],
		       struct fm_error *err) FM_MUST_CHECK;
/* The number of tables, triggers and views in the database. */
int fm_ledger_objects(struct fm_ledger *l, int *n, struct fm_error *err) FM_MUST_CHECK;
/* fm_ledger_audit of an open ledger. */
int fm_ledger_check(struct fm_ledger *l, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
