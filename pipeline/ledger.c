#include "pipeline/ledger.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/num.h"
#include "manifests/canon.h"

#define PROBLEMS_MAX 20 /* more are counted by their first ones */
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

struct fm_ledger {
	sqlite3 *db;
	char *db_path, *head_path;
};

struct row {
	int64_t row;
	const char *time, *run, *kind, *body, *prev, *hash; /* of the statement, until its next step */
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS ledger(row INTEGER PRIMARY KEY, time TEXT NOT NULL, run TEXT NOT NULL, kind TEXT NOT "
    "NULL,"
    " body TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL) STRICT;"
    /* Against accidents; against intent there is the chain. */
    "CREATE TRIGGER IF NOT EXISTS ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is "
    "append-only'); END;"
    "CREATE TRIGGER IF NOT EXISTS ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is "
    "append-only'); END;"
    "CREATE VIEW IF NOT EXISTS runs AS SELECT row, time, run, body->>'name' AS name, body->>'version' AS version,"
    " body->>'confinement' AS confinement FROM ledger WHERE kind = 'run';"
    "CREATE VIEW IF NOT EXISTS stages AS SELECT row, time, run, body->>'name' AS stage, body->>'cached' AS cached,"
    " body->>'seconds' AS seconds, body->>'peak_rss_bytes' AS peak_rss_bytes, body->>'inputs' AS inputs,"
    " body->>'output' AS output FROM ledger WHERE kind = 'stage';"
    "CREATE VIEW IF NOT EXISTS verdicts AS SELECT row, time, run, body->>'verdict' AS verdict, body->>'checks' AS "
    "checks"
    " FROM ledger WHERE kind = 'verdict';"
    "CREATE VIEW IF NOT EXISTS releases AS SELECT row, time, run, body->>'archive' AS archive, body->>'tar_sha256' AS "
    "tar_sha256,"
    " body->>'archive_sha256' AS archive_sha256 FROM ledger WHERE kind = 'release';";

static int db_fail(const struct fm_ledger *l, const char *doing, struct fm_error *err)
{
	int code = sqlite3_errcode(l->db) & 0xff;
	int kind = code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? FM_EVERDICT : FM_ESYSTEM;

	return fm_fail(err, kind, "%s: cannot %s the ledger: %s", l->db_path, doing, sqlite3_errmsg(l->db));
}

static int row_hash(const struct row *r, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	json_t *v = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "body", r->body, "kind", r->kind, "prev", r->prev,
			      "row", (json_int_t)r->row, "run", r->run, "time", r->time);
	int rc;

	if (!v)
		return fm_fail(err, FM_EVERDICT, "row %lld of the ledger is not UTF-8 text", (long long)r->row);
	rc = fm_json_digest(v, hex, err);
	json_decref(v);
	return rc;
}

/* ---- reading ---- */

static const char *text(sqlite3_stmt *s, int i)
{
	const char *t = (const char *)sqlite3_column_text(s, i);

	return t ? t : "";
}

/* SQLITE_ROW with *r filled, SQLITE_DONE, or an error of SQLite. */
static int next_row(sqlite3_stmt *s, struct row *r)
{
	int rc = sqlite3_step(s);

	if (rc == SQLITE_ROW)
		*r = (struct row){
		    sqlite3_column_int64(s, 0), text(s, 1), text(s, 2), text(s, 3), text(s, 4), text(s, 5), text(s, 6)};
	return rc;
}

static int prepare(struct fm_ledger *l, sqlite3_stmt **s, const char *sql, struct fm_error *err)
{
	if (sqlite3_prepare_v2(l->db, sql, -1, s, NULL) != SQLITE_OK)
		return db_fail(l, "read", err);
	return FM_OK;
}

int fm_ledger_rows(struct fm_ledger *l, const char *run, const char *kind, json_t **rows, struct fm_error *err)
{
	sqlite3_stmt *s = NULL;
	json_t *list = json_array();
	struct row r;
	int rc, step;

	if ((rc = prepare(l, &s,
			  "SELECT row, time, run, kind, body, prev, hash FROM ledger WHERE (?1 IS NULL OR run = ?1) "
			  "AND (?2 IS NULL OR kind = ?2) ORDER BY row",
			  err)) < 0)
		goto out;
	sqlite3_bind_text(s, 1, run, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, kind, -1, SQLITE_STATIC);
	while ((step = next_row(s, &r)) == SQLITE_ROW) {
		json_t *body = json_loads(r.body, JSON_REJECT_DUPLICATES, NULL);

		if (!body) {
			rc = fm_fail(err, FM_EVERDICT,
				     "%s: row %lld is not JSON: the ledger was changed from outside (flowmint audit)",
				     l->db_path, (long long)r.row);
			goto out;
		}
		if (json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s, s:o}", "row", (json_int_t)r.row, "time",
							  r.time, "run", r.run, "kind", r.kind, "body", body))) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
			goto out;
		}
	}
	if (step != SQLITE_DONE)
		rc = db_fail(l, "read", err);
out:
	sqlite3_finalize(s);
	if (rc < 0)
		json_decref(list);
	else
		*rows = list;
	return rc;
}

/* The last row's number and hash: 0 and zeros for an empty ledger. */
static int last_row(struct fm_ledger *l, int64_t *row, char hash[FM_SHA256_HEX], struct fm_error *err)
{
	sqlite3_stmt *s = NULL;
	struct row r;
	int rc, step;

	*row = 0;
	memcpy(hash, ZEROS, FM_SHA256_HEX);
	if ((rc = prepare(l, &s, "SELECT row, time, run, kind, body, prev, hash FROM ledger ORDER BY row DESC LIMIT 1",
			  err)) < 0)
		return rc;
	step = next_row(s, &r);
	if (step == SQLITE_ROW) {
		*row = r.row;
		snprintf(hash, FM_SHA256_HEX, "%s", r.hash);
	} else if (step != SQLITE_DONE) {
		rc = db_fail(l, "read", err);
	}
	sqlite3_finalize(s);
	return rc;
}

const char *fm_run_id(const char *text, char id[FM_RUN_ID_MAX])
{
	const char *digits = text + (*text == 'r');
	uint64_t n;

	if (*digits < '0' || *digits > '9' || fm_parse_u64(digits, strlen(digits), 99999999, &n))
		return text;
	snprintf(id, FM_RUN_ID_MAX, "r%04llu", (unsigned long long)n);
	return id;
}

int fm_ledger_next_run(struct fm_ledger *l, char id[FM_RUN_ID_MAX], struct fm_error *err)
{
	sqlite3_stmt *s = NULL;
	int rc;

	if ((rc = prepare(l, &s, "SELECT count(*) FROM ledger WHERE kind = 'run'", err)) < 0)
		return rc;
	if (sqlite3_step(s) == SQLITE_ROW)
		snprintf(id, FM_RUN_ID_MAX, "r%04d", sqlite3_column_int(s, 0) + 1);
	else
		rc = db_fail(l, "read", err);
	sqlite3_finalize(s);
	return rc;
}

/* ---- the head ---- */

/* *row is -1 when there is no head file, -2 when it is not one. */
static int head_read(const struct fm_ledger *l, int64_t *row, char hash[FM_SHA256_HEX], struct fm_error *err)
{
	struct fm_buf b = {0};
	char *space, *end;
	int rc = FM_OK;

	*row = -1;
	hash[0] = '\0';
	if (!fm_file_exists(l->head_path))
		return FM_OK;
	*row = -2;
	if ((rc = fm_file_read(l->head_path, 256, &b, err)) == FM_EINPUT)
		rc = FM_OK; /* too large for a head: -2 */
	if (rc < 0 || !b.len)
		goto out;
	if ((space = strchr(b.data, ' ')) && (end = strchr(space, '\n')) && end - space == FM_SHA256_HEX &&
	    end + 1 == b.data + b.len && fm_parse_i64(b.data, (size_t)(space - b.data), row) == 0 && *row >= 0)
		memcpy(hash, space + 1, FM_SHA256_HEX - 1), hash[FM_SHA256_HEX - 1] = '\0';
out:
	fm_buf_free(&b);
	return rc;
}

static int head_write(const struct fm_ledger *l, int64_t row, const char *hash, struct fm_error *err)
{
	char line[128];
	int n = snprintf(line, sizeof line, "%lld %s\n", (long long)row, hash);

	return fm_file_write(l->head_path, 0600, line, (size_t)n, err);
}

/* ---- appending ---- */

static void now_text(char out[32])
{
	time_t t = time(NULL);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

int fm_ledger_append(struct fm_ledger *l, const char *run, const char *kind, const json_t *body, struct fm_error *err)
{
	char prev[FM_SHA256_HEX], hash[FM_SHA256_HEX], when[32];
	sqlite3_stmt *s = NULL;
	struct fm_buf b = {0};
	struct row r = {.time = when, .run = run, .kind = kind, .prev = prev, .hash = hash};
	int rc;

	now_text(when);
	if ((rc = fm_json_canonical(body, &b, err)) < 0 || (rc = fm_buf_check(&b, err)) < 0 ||
	    (rc = last_row(l, &r.row, prev, err)) < 0)
		goto out;
	r.row++;
	r.body = b.data;
	if ((rc = row_hash(&r, hash, err)) < 0 ||
	    (rc = prepare(l, &s, "INSERT INTO ledger(row, time, run, kind, body, prev, hash) VALUES(?,?,?,?,?,?,?)",
			  err)) < 0)
		goto out;
	sqlite3_bind_int64(s, 1, r.row);
	sqlite3_bind_text(s, 2, r.time, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, r.run, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, r.kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 5, r.body, (int)b.len, SQLITE_STATIC);
	sqlite3_bind_text(s, 6, r.prev, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 7, r.hash, -1, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_DONE)
		rc = db_fail(l, "write to", err);
	else
		rc = head_write(l, r.row, hash, err);
out:
	sqlite3_finalize(s);
	fm_buf_free(&b);
	return rc;
}

/* ---- audit ---- */

static void problem(json_t *list, int64_t row, const char *fmt, ...) FM_PRINTF(3, 4);
static void problem(json_t *list, int64_t row, const char *fmt, ...)
{
	char words[256];
	va_list ap;

	if (json_array_size(list) >= PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	json_array_append_new(list, json_pack("{s:I, s:s}", "row", (json_int_t)row, "problem", words));
}

/* Walk the chain.  *last is the last row, hash_at_head the recorded hash of row `head` when it was passed. */
static int walk(struct fm_ledger *l, json_t *problems, int64_t head, int64_t *last, char last_hash[FM_SHA256_HEX],
		char hash_at_head[FM_SHA256_HEX], struct fm_error *err)
{
	char hex[FM_SHA256_HEX];
	sqlite3_stmt *s = NULL;
	struct row r;
	int rc, step;

	*last = 0;
	memcpy(last_hash, ZEROS, FM_SHA256_HEX);
	memcpy(hash_at_head, head == 0 ? ZEROS : "", head == 0 ? FM_SHA256_HEX : 1);
	if ((rc = prepare(l, &s, "SELECT row, time, run, kind, body, prev, hash FROM ledger ORDER BY row", err)) < 0)
		return rc;
	while ((step = next_row(s, &r)) == SQLITE_ROW) {
		if (r.row != *last + 1)
			problem(problems, r.row, "row %lld follows row %lld: rows between them were removed",
				(long long)r.row, (long long)*last);
		else if (strcmp(r.prev, last_hash) != 0)
			problem(problems, r.row, "row %lld does not continue row %lld: rows were replaced or reordered",
				(long long)r.row, (long long)*last);
		if ((rc = row_hash(&r, hex, err)) < 0)
			goto out;
		if (strcmp(hex, r.hash) != 0)
			problem(problems, r.row, "row %lld (%s of run %s) was edited", (long long)r.row, r.kind, r.run);
		*last = r.row;
		snprintf(last_hash, FM_SHA256_HEX, "%s", r.hash);
		if (r.row == head)
			memcpy(hash_at_head, last_hash, FM_SHA256_HEX);
	}
	if (step != SQLITE_DONE)
		rc = db_fail(l, "read", err);
out:
	sqlite3_finalize(s);
	return rc;
}

static int audit(struct fm_ledger *l, json_t **report, struct fm_error *err)
{
	char head_hash[FM_SHA256_HEX], last_hash[FM_SHA256_HEX], at_head[FM_SHA256_HEX];
	json_t *problems = json_array();
	int64_t head, last;
	int rc;

	if ((rc = head_read(l, &head, head_hash, err)) < 0)
		goto out;
	rc = walk(l, problems, head, &last, last_hash, at_head, err);
	if (rc == FM_EVERDICT) { /* not readable as a chain of rows at all: that is a finding */
		problem(problems, 0, "%s", err->message);
		last = 0;
		memcpy(last_hash, ZEROS, FM_SHA256_HEX);
		rc = FM_OK;
	} else if (rc < 0) {
		goto out;
	} else if (head == -2) {
		problem(problems, last, "%s is not a ledger head", l->head_path);
	} else if (head == -1 && last > 1) {
		problem(problems, last, "%s is missing", l->head_path);
	} else if (head > last) {
		problem(problems, last, "the ledger ends at row %lld but its head names row %lld: rows were cut off",
			(long long)last, (long long)head);
	} else if (head >= 0 && strcmp(at_head, head_hash) != 0) {
		problem(problems, head, "row %lld is not the row that the head names: the chain was rewritten",
			(long long)head);
	} else if (head >= 0 && last > head + 1) {
		problem(problems, last, "rows %lld to %lld are newer than the head: they were added from outside",
			(long long)head + 1, (long long)last);
	}
	*report = json_pack("{s:b, s:I, s:s, s:o}", "intact", json_array_size(problems) == 0, "rows", (json_int_t)last,
			    "head", last_hash, "problems", problems);
	return *report ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
out:
	json_decref(problems);
	return rc;
}

int fm_ledger_audit(const char *workspace, json_t **report, struct fm_error *err)
{
	struct fm_ledger *l = NULL;
	int rc;

	if ((rc = fm_ledger_open(&l, workspace, false, err)) < 0)
		return rc;
	rc = audit(l, report, err);
	fm_ledger_close(l);
	return rc;
}

/* ---- opening ---- */

/* A broken chain is not written to; a head that a crash left one row behind is brought up. */
static int check_before_writing(struct fm_ledger *l, struct fm_error *err)
{
	char hash[FM_SHA256_HEX];
	json_t *report = NULL;
	int64_t row;
	int rc;

	if ((rc = audit(l, &report, err)) < 0)
		return rc;
	if (!json_is_true(json_object_get(report, "intact"))) {
		json_t *first = json_array_get(json_object_get(report, "problems"), 0);

		rc = fm_fail(
		    err, FM_EVERDICT,
		    "%s: the ledger is broken: %s; see flowmint audit, and move the workspace aside to begin a new one",
		    l->db_path, json_string_value(json_object_get(first, "problem")));
		goto out;
	}
	if ((rc = last_row(l, &row, hash, err)) < 0)
		goto out;
	rc = head_write(l, row, hash, err);
out:
	json_decref(report);
	return rc;
}

int fm_ledger_open(struct fm_ledger **out, const char *workspace, bool create, struct fm_error *err)
{
	/* For reading too: what a killed run left in the journal is rolled back. Write-protected, SQLite opens it
	 * read-only. */
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), rc = FM_OK;
	struct fm_ledger *l;

	if ((rc = fm_alloc(&l, 1, sizeof *l, "the ledger", err)) < 0)
		return rc;
	l->db_path = fm_path_join(workspace, "ledger.db");
	l->head_path = fm_path_join(workspace, "ledger.head");
	if (!l->db_path || !l->head_path) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (!fm_file_exists(l->db_path) && fm_file_exists(l->head_path)) {
		rc = fm_fail(err, FM_EVERDICT,
			     "%s: the ledger is gone, but %s says that there was one; move the workspace aside to "
			     "begin a new one",
			     l->db_path, l->head_path);
		goto out;
	}
	if (!create && !fm_file_exists(l->db_path)) {
		rc = fm_fail(err, FM_EINPUT,
			     "%s: no ledger there: nothing was run in this workspace (name it with --workspace DIR)",
			     l->db_path);
		goto out;
	}
	if (sqlite3_open_v2(l->db_path, &l->db, flags, NULL) != SQLITE_OK) {
		rc = db_fail(l, "open", err);
		goto out;
	}
	sqlite3_busy_timeout(l->db, 5000);
	if (create) {
		if (sqlite3_exec(l->db, "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;", NULL, NULL, NULL) !=
			SQLITE_OK ||
		    sqlite3_exec(l->db, schema, NULL, NULL, NULL) != SQLITE_OK)
			rc = db_fail(l, "prepare", err);
		else
			rc = check_before_writing(l, err);
	}
out:
	if (rc < 0) {
		fm_ledger_close(l);
		return rc;
	}
	*out = l;
	return FM_OK;
}

void fm_ledger_close(struct fm_ledger *l)
{
	if (!l)
		return;
	sqlite3_close(l->db);
	free(l->db_path);
	free(l->head_path);
	free(l);
}
