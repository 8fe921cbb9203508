/*
 * ledger_audit.c - is the ledger as flowmint left it?  Files, schema, chain, head, witness, and the records of what was
 * released, each with its own finding.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/guarded.h"
#include "base/json_memory.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/text.h"
#include "pipeline/ledger_parts.h"
#include "release/record.h"

#define PROBLEMS_MAX 20 /* no more are listed or looked for */
#define TRIES 3
#define RECORDS_MAX 4096 /* looked at in one folder */

struct audit {
	struct fm_ledger *l;
	bool keyed;
	bool settled;         /* a row is wrong: one statement has read them all, so it stays so */
	struct fm_secret key; /* of no bytes where no project is known */
	json_t *problems;
	json_t *witnesses;                /* {commitment: true} of each row, of either kind */
	json_t *folders;                  /* {path: true}: where releases were put */
	const char *kept;                 /* the first of them that is kept from this user, or has a record that is */
	char first[2][FM_SHA256_HEX];     /* commitments to the first row, and blind ones */
	struct fm_ledger_head head, seen; /* seen: by the witness */
	int64_t last;
	char last_hash[FM_SHA256_HEX];
	char at_head[FM_SHA256_HEX], at_seen[FM_SHA256_HEX]; /* hashes of the rows that head and witness name, "" where
								the chain does not reach them */
};

static bool is_full(const struct audit *a)
{
	return json_array_size(a->problems) > PROBLEMS_MAX;
}

static void problem(struct audit *a, int64_t row, const char *fmt, ...) FM_PRINTF(3, 4);
static void problem(struct audit *a, int64_t row, const char *fmt, ...)
{
	char words[600];
	va_list ap;

	if (is_full(a))
		return;
	va_start(ap, fmt);
	fm_text_show_format(words, sizeof words, fmt, ap); /* a text that is not UTF-8 would be no finding in JSON */
	va_end(ap);
	if (json_array_size(a->problems) == PROBLEMS_MAX)
		snprintf(words, sizeof words, "more is wrong than is listed here");
	json_array_append_new(a->problems, json_pack("{s:I, s:s}", "row", (json_int_t)row, "problem", words));
}

/* ---- files ---- */

/* Root looks at other users' ledgers too: each file belongs to the folder's owner, or to root where root made it. */
static bool may_own(const char *folder, uid_t owner)
{
	struct stat st;

	return owner == geteuid() || (geteuid() == 0 && stat(folder, &st) == 0 && owner == st.st_uid);
}

static void check_file(struct audit *a, const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return; /* what is missing is said elsewhere */
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		problem(a, 0, "%s is a link or a device: flowmint makes a file there", path);
	else if (st.st_mode & 022)
		problem(a, 0,
			"%s may be written by others (mode %04o): chmod go-w, and trust no row that is not checked by "
			"a copy",
			path, (unsigned)st.st_mode & 07777);
	else if (!may_own(a->l->workspace, st.st_uid))
		problem(a, 0, "%s belongs to another user", path);
}

/* ---- tables, triggers and views ---- */

/* {"trigger ledger_no_update": its SQL, ...}; an SQLite code. */
static int read_schema(sqlite3 *db, json_t **out)
{
	sqlite3_stmt *s = NULL;
	char name[200];
	int step;

	*out = json_object();
	if ((step = sqlite3_prepare_v2(db, "SELECT type, name, sql FROM sqlite_master", -1, &s, NULL)) != SQLITE_OK)
		return step;
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		const char *sql = (const char *)sqlite3_column_text(s, 2);

		snprintf(name, sizeof name, "%s %.150s", (const char *)sqlite3_column_text(s, 0),
			 (const char *)sqlite3_column_text(s, 1));
		json_object_set_new(*out, name, json_string(sql ? sql : ""));
		if ((step = sqlite3_errcode(db)) == SQLITE_NOMEM)
			break;
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? SQLITE_OK : step;
}

/* The schema as it should be. */
static int make_schema(json_t **right)
{
	sqlite3 *db = NULL;
	int code;

	if ((code = sqlite3_open(":memory:", &db)) == SQLITE_OK &&
	    (code = sqlite3_exec(db, fm_ledger_schema, NULL, NULL, NULL)) == SQLITE_OK)
		code = read_schema(db, right);
	sqlite3_close(db);
	return code;
}

/* *readable is false when the rows cannot be read. */
static int check_schema(struct audit *a, bool *readable, struct fm_error *err)
{
	json_t *right = NULL, *have = NULL, *v;
	const char *name;
	int code, rc = FM_OK;

	*readable = false;
	if (make_schema(&right) != SQLITE_OK) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
		goto out;
	}
	if ((code = read_schema(a->l->db, &have)) != SQLITE_OK) {
		if (fm_ledger_is_damage(code))
			problem(a, 0, "%s cannot be read: %s", a->l->db_path, sqlite3_errstr(code));
		else
			rc = fm_fail(err, FM_ESYSTEM, "%s: cannot read the ledger: %s", a->l->db_path,
				     sqlite3_errstr(code));
		goto out;
	}
	if ((rc = fm_json_memory_check(FM_OK, err)) < 0)
		goto out;
	json_object_foreach(right, name, v)
	{
		const json_t *is = json_object_get(have, name);

		if (!is)
			problem(a, 0, "the %s is missing", name);
		else if (!json_equal(is, v) && strcmp(name, "table ledger") == 0)
			problem(a, 0,
				"the table of rows is not the one that this version of flowmint makes: it was "
				"replaced, or is "
				"of an earlier version, whose rows are under no key");
		else if (!json_equal(is, v))
			problem(a, 0, "the %s was replaced", name);
	}
	json_object_foreach(have, name, v)
	{
		if (!json_object_get(right, name))
			problem(a, 0, "there is %s %s, which flowmint did not make",
				strchr("aeiou", *name) ? "an" : "a", name);
	}
	*readable = json_equal(json_object_get(have, "table ledger"), json_object_get(right, "table ledger"));
out:
	json_decref(right);
	json_decref(have);
	return rc;
}

/* ---- the file around them ---- */

/* The first value that a PRAGMA gives, as a number or, where words is not NULL, a text. */
static int ask(struct audit *a, const char *sql, int64_t *number, char words[200], struct fm_error *err)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(a->l->db, sql, -1, &s, NULL), rc = FM_OK;

	*number = 0;
	if (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		const char *text = words ? (const char *)sqlite3_column_text(s, 0) : NULL;

		*number = sqlite3_column_int64(s, 0);
		if (words)
			snprintf(words, 200, "%s", text ? text : "");
	} else if (fm_ledger_is_damage(code)) {
		problem(a, 0, "%s cannot be read: %s", a->l->db_path, sqlite3_errstr(code));
	} else {
		rc = fm_fail(err, FM_ESYSTEM, "%s: cannot read the ledger: %s", a->l->db_path, sqlite3_errstr(code));
	}
	sqlite3_finalize(s);
	return rc;
}

/* flowmint adds rows and removes nothing, so its database has no free page, and sets none of the numbers that SQLite
 * leaves to programs.  A free page or such a number was left by somebody else, or by rows that were removed. */
static int check_form(struct audit *a, struct fm_error *err)
{
	static const struct {
		const char *sql, *words;
	} none[] = {{"PRAGMA freelist_count", "has free pages, as after rows were removed"},
		    {"PRAGMA user_version", "has a user_version, which flowmint does not set"},
		    {"PRAGMA application_id", "has an application_id, which flowmint does not set"}};
	char words[200] = "";
	int64_t n, pages, size;
	struct stat st;
	int rc;

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		if ((rc = ask(a, none[i].sql, &n, NULL, err)) < 0)
			return rc;
		if (n != 0)
			problem(a, 0, "%s %s", a->l->db_path, none[i].words);
	}
	if ((rc = ask(a, "PRAGMA page_count", &pages, NULL, err)) < 0 ||
	    (rc = ask(a, "PRAGMA page_size", &size, NULL, err)) < 0 ||
	    (rc = ask(a, "PRAGMA integrity_check(1)", &n, words, err)) < 0)
		return rc;
	if (stat(a->l->db_path, &st) == 0 && st.st_size != pages * size)
		problem(a, 0, "%s has bytes behind its last page, or lacks some before", a->l->db_path);
	if (*words && strcmp(words, "ok") != 0)
		problem(a, 0, "%s is damaged: %s", a->l->db_path, words);
	return FM_OK;
}

/* ---- rows ---- */

static void note_folder(struct audit *a, const struct fm_ledger_row *r)
{
	bool release = strcmp(r->kind, "release") == 0;
	char folder[1024];
	const char *path, *slash;
	json_t *body;

	if (!release && strcmp(r->kind, "run") != 0)
		return;
	body = fm_json_parse(r->body, strlen(r->body), JSON_REJECT_DUPLICATES, NULL);
	path = json_string_value(
	    release ? json_object_get(body, "archive")
		    : json_object_get(json_object_get(json_object_get(body, "config"), "publish"), "out"));
	slash = path && release ? strrchr(path, '/') : NULL;
	if (path && (!release || slash)) {
		snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1023, path);
		json_object_set_new(a->folders, folder, json_true());
	}
	json_decref(body);
}

static int check_row(struct audit *a, const struct fm_ledger_row *r, struct fm_error *err)
{
	char hex[FM_SHA256_HEX], mac[FM_SHA256_HEX];
	int rc;

	if (r->row != a->last + 1)
		problem(a, r->row, "row %lld follows row %lld: rows between them were removed", (long long)r->row,
			(long long)a->last);
	else if (strcmp(r->prev, a->last_hash) != 0)
		problem(a, r->row, "row %lld does not continue row %lld: rows were replaced or reordered",
			(long long)r->row, (long long)a->last);
	if (r->hidden)
		problem(a, r->row, "row %lld has a value that is no text, or bytes behind the end of a text",
			(long long)r->row);
	if ((rc = fm_ledger_row_hash(r, hex, err)) < 0)
		return rc;
	if (strcmp(hex, r->hash) != 0)
		problem(a, r->row, "row %lld (%.40s of run %.20s) was edited", (long long)r->row, r->kind, r->run);
	if (!a->keyed)
		return FM_OK;
	if ((rc = fm_ledger_mac(&a->key, "row", r->hash, mac, err)) < 0)
		return rc;
	if (strcmp(mac, r->mac) != 0)
		problem(a, r->row,
			"row %lld (%.40s of run %.20s) is not under the key of the project %s: it was added or "
			"rewritten from "
			"outside, or by another project",
			(long long)r->row, r->kind, r->run, a->l->project);
	for (int blind = 0; blind < 2; blind++) {
		if ((rc = fm_ledger_commit(&a->key, "witness", r, blind, hex, err)) < 0 ||
		    (r->row == 1 && (rc = fm_ledger_commit(&a->key, "first", r, blind, a->first[blind], err)) < 0))
			return rc;
		json_object_set_new(a->witnesses, hex, json_true());
	}
	return FM_OK;
}

static int walk(struct audit *a, struct fm_error *err)
{
	sqlite3_stmt *s = NULL;
	struct fm_ledger_row r;
	int rc, step;

	if (a->head.row == 0)
		memcpy(a->at_head, FM_LEDGER_ZEROS, FM_SHA256_HEX);
	if ((rc = fm_ledger_prepare(a->l, &s, "SELECT " FM_LEDGER_COLUMNS " FROM ledger ORDER BY row", err)) < 0)
		return rc;
	while ((step = fm_ledger_next_row(s, &r)) == SQLITE_ROW) {
		if (!is_full(a) && (rc = check_row(a, &r, err)) < 0)
			goto out;
		note_folder(a, &r);
		a->last = r.row;
		snprintf(a->last_hash, FM_SHA256_HEX, "%s", r.hash);
		if (r.row == a->head.row)
			memcpy(a->at_head, a->last_hash, FM_SHA256_HEX);
		if (r.row == a->seen.row)
			memcpy(a->at_seen, a->last_hash, FM_SHA256_HEX);
	}
	if (step != SQLITE_DONE)
		rc = fm_ledger_db_fail(a->l, "read", err);
out:
	sqlite3_finalize(s);
	return rc;
}

/* ---- head and witness ---- */

static int check_head(struct audit *a, struct fm_error *err)
{
	const struct fm_ledger_head *h = &a->head;
	char mac[FM_SHA256_HEX];
	int rc;

	if (h->row == -2)
		problem(a, a->last, "%s is not a ledger head", a->l->head_path);
	else if (h->row == -1 && a->last > 1)
		problem(a, a->last, "%s is missing", a->l->head_path);
	else if (h->row > a->last)
		problem(a, a->last, "the ledger ends at row %lld but its head names row %lld: rows were cut off",
			(long long)a->last, (long long)h->row);
	else if (h->row >= 0 && strcmp(a->at_head, h->hash) != 0)
		problem(a, h->row, "row %lld is not the row that the head names: the chain was rewritten",
			(long long)h->row);
	else if (h->row >= 0 && a->last > h->row + 1)
		problem(a, a->last, "rows %lld to %lld are newer than the head: they were added from outside",
			(long long)h->row + 1, (long long)a->last);
	if (!a->keyed || h->row < 0)
		return FM_OK;
	if ((rc = fm_ledger_head_mac(&a->key, h->row, h->hash, mac, err)) < 0)
		return rc;
	if (strcmp(mac, h->mac) != 0)
		problem(a, h->row, "%s is not under the key of the project %s: it was rewritten from outside",
			a->l->head_path, a->l->project);
	return FM_OK;
}

/* A crash may have left the witness behind the rows, never before them. */
static void check_witness(struct audit *a)
{
	const char *path = a->l->witness_path;

	if (a->seen.row == -2)
		problem(a, a->last, "%s is not a witness of a ledger", path);
	else if (a->seen.row > a->last)
		problem(a, a->last,
			"the ledger ends at row %lld, and the witness %s has seen row %lld: an older copy was put back",
			(long long)a->last, path, (long long)a->seen.row);
	else if (a->seen.row > 0 && strcmp(a->at_seen, a->seen.hash) != 0)
		problem(a, a->seen.row,
			"row %lld is not the row that the witness %s has seen: another ledger was put here",
			(long long)a->seen.row, path);
}

/* ---- what was released ---- */

/* What could not be read, where it is kept from this user, is not looked at: neither this user nor the next run can
 * change that. */
static int look_away(struct audit *a, const char *folder, const char *path, int rc)
{
	if (!fm_file_is_kept(path))
		return rc;
	a->kept = a->kept ? a->kept : folder;
	return FM_OK;
}

static int check_record(struct audit *a, const char *folder, const char *path, struct fm_error *err)
{
	struct fm_record record;
	struct fm_buf b = {0};
	int rc;

	if ((rc = fm_file_read(path, FM_RECORD_MAX, &b, err)) < 0 ||
	    (rc = fm_record_parse(&record, b.data, b.len, err)) < 0)
		goto out;
	if (record.ledger_first[0] &&
	    (strcmp(record.ledger_first, a->first[0]) == 0 || strcmp(record.ledger_first, a->first[1]) == 0) &&
	    !json_object_get(a->witnesses, record.ledger_head))
		problem(
		    a, a->last,
		    "%s was released when the ledger had a row that it has no more: an older copy was put back, or a "
		    "copy of it went on elsewhere",
		    path);
out:
	fm_buf_free(&b);
	/* A file that is no record does not concern the ledger; one that cannot be read now may. */
	return rc == FM_ESYSTEM ? look_away(a, folder, path, rc) : rc == FM_EINPUT ? FM_OK : rc;
}

static int check_folder(struct audit *a, const char *folder, struct fm_error *err)
{
	char **names = NULL, *path;
	size_t n = 0;
	int rc;

	if ((rc = fm_dir_list(folder, &names, &n, err)) < 0)
		return rc == FM_EINPUT ? FM_OK : look_away(a, folder, folder, rc); /* EINPUT: it was removed */
	for (size_t i = 0; i < n && i < RECORDS_MAX && rc >= 0; i++) {
		size_t len = strlen(names[i]), tail = strlen(FM_RECORD_SUFFIX);

		if (len <= tail || strcmp(names[i] + len - tail, FM_RECORD_SUFFIX) != 0)
			continue;
		path = fm_path_join(folder, names[i]);
		rc =
		    path ? check_record(a, folder, path, err) : fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
		free(path);
	}
	fm_names_free(names, n);
	return rc;
}

static int check_released(struct audit *a, struct fm_error *err)
{
	struct fm_error later;
	const char *folder;
	int rc = FM_OK, one;
	json_t *v;

	json_object_foreach(a->folders, folder, v)
	{
		one = check_folder(a, folder, rc < 0 ? &later : err);
		rc = rc < 0 ? rc : one;
	}
	/* What was found elsewhere is not lost by it. */
	return rc == FM_ESYSTEM && json_array_size(a->problems) > 0 ? FM_OK : rc;
}

/* ---- the whole audit ---- */

static int check_rows(struct audit *a, struct fm_error *err)
{
	int rc;

	if ((rc = walk(a, err)) == FM_EVERDICT) { /* not readable as a chain of rows at all: that is a finding */
		problem(a, 0, "%s", err->message);
		a->last = 0;
		memcpy(a->last_hash, FM_LEDGER_ZEROS, FM_SHA256_HEX);
		return FM_OK;
	}
	a->settled = json_array_size(a->problems) > 0;
	if (rc < 0 || (rc = check_head(a, err)) < 0)
		return rc;
	check_witness(a);
	return a->keyed && a->first[0][0] ? check_released(a, err) : FM_OK;
}

/* Findings about rows come first; the others say how they could come about. */
static int check_all(struct audit *a, struct fm_error *err)
{
	json_t *all = a->problems, *schema = json_array();
	char *folder = realpath(a->l->workspace, NULL); /* on a larger disk perhaps, to which a link leads */
	bool readable;
	int rc;

	if (!schema) {
		free(folder);
		return fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
	}
	a->problems = schema;
	if ((rc = check_schema(a, &readable, err)) >= 0 && readable)
		rc = check_form(a, err);
	check_file(a, folder ? folder : a->l->workspace);
	check_file(a, a->l->db_path);
	check_file(a, a->l->head_path);
	if (a->l->witness_path)
		check_file(a, a->l->witness_path);
	a->problems = all;
	if (rc >= 0 && readable)
		rc = check_rows(a, err);
	json_array_extend(all, schema);
	json_decref(schema);
	free(folder);
	return rc;
}

/* What takes nothing from the chain, and something from what it proves. */
static void put_cautions(const struct audit *a, bool tells, char *out, size_t size)
{
	struct fm_error open = {0};
	char words[2 * FM_ERROR_TEXT + 2 * PATH_MAX] = "";
	bool guarded = true;

	/* Who may take the witness away breaks nothing by that. */
	if (a->l->witness_path)
		guarded = fm_file_guarded(a->l->witness_path, "witness", false, &open) != FM_EINPUT;
	if (a->kept)
		snprintf(
		    words, sizeof words,
		    "%s, or a record in it, is kept from this user: what was released there was not held against the "
		    "ledger",
		    a->kept);
	if (a->kept && tells)
		fm_warn("%s: %s", a->l->db_path, words);
	if (!guarded)
		snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", a->kept ? "; " : "",
			 open.message);
	fm_text_show(words, strlen(words), out, size);
}

/* tells: of what was not looked at, by a warning too. */
static int check_once(struct fm_ledger *l, bool tells, json_t **report, bool *settled, struct fm_error *err)
{
	struct audit a = {.l = l, .last_hash = FM_LEDGER_ZEROS, .seen = {.row = -1}};
	char project[4 * PATH_MAX], caution[4 * FM_ERROR_TEXT + 8 * PATH_MAX];
	int rc;

	a.problems = json_array();
	a.witnesses = json_object();
	a.folders = json_object();
	if (!a.problems || !a.witnesses || !a.folders) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
		goto out;
	}
	if ((rc = fm_ledger_head_read(l->head_path, &a.head, err)) < 0 ||
	    (l->witness_path && (rc = fm_ledger_head_read(l->witness_path, &a.seen, err)) < 0) ||
	    (l->project && (rc = fm_ledger_key(&a.key, l->project, err)) < 0))
		goto out;
	a.keyed = l->project != NULL;
	if ((rc = check_all(&a, err)) < 0 || (rc = fm_json_memory_check(FM_OK, err)) < 0)
		goto out;
	if (l->project)
		fm_text_show(l->project, strlen(l->project), project, sizeof project);
	put_cautions(&a, tells, caution, sizeof caution);
	*report =
	    json_pack("{s:b, s:I, s:s, s:s?, s:b, s:s?, s:O}", "intact", json_array_size(a.problems) == 0, "rows",
		      (json_int_t)a.last, "head", a.last_hash, "project", l->project ? project : NULL, "witnessed",
		      a.seen.row != -1, "caution", *caution ? caution : NULL, "problems", a.problems);
	if (!*report)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
out:
	*settled = a.settled;
	fm_secret_close(&a.key);
	json_decref(a.problems);
	json_decref(a.witnesses);
	json_decref(a.folders);
	return rc;
}

int fm_ledger_check(struct fm_ledger *l, json_t **report, struct fm_error *err)
{
	bool settled;

	return check_once(l, true, report, &settled, err);
}

int fm_ledger_audit(const char *workspace, const char *project, json_t **report, struct fm_error *err)
{
	const struct timespec wait = {.tv_nsec = 30 * 1000 * 1000};
	struct fm_ledger *l = NULL;
	bool settled;
	int rc;

	*report = NULL;
	if ((rc = fm_ledger_open(&l, workspace, project, FM_LEDGER_READ, err)) < 0)
		return rc;
	/* A run may be adding rows: then head and rows are read at two instants. What is wrong stays wrong. */
	for (int i = 0; i < TRIES; i++) {
		if ((rc = check_once(l, false, report, &settled, err)) < 0 || settled || i + 1 == TRIES ||
		    json_is_true(json_object_get(*report, "intact")))
			break;
		json_decref(*report);
		*report = NULL;
		nanosleep(&wait, NULL);
	}
	fm_ledger_close(l);
	return rc;
}
