#include "pipeline/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/num.h"
#include "base/stop.h"
#include "manifests/canon.h"
#include "pipeline/ledger_parts.h"
#include "pipeline/project_secret.h"

const char fm_ledger_schema[] =
    "CREATE TABLE IF NOT EXISTS ledger(row INTEGER PRIMARY KEY, time TEXT NOT NULL, run TEXT NOT NULL, kind TEXT NOT "
    "NULL,"
    " body TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL, mac TEXT NOT NULL) STRICT;"
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

/* For correct statements SQLITE_ERROR means that the file is no database of this schema. */
bool fm_ledger_is_damage(int code)
{
	code &= 0xff;
	return code == SQLITE_NOTADB || code == SQLITE_CORRUPT || code == SQLITE_ERROR;
}

int fm_ledger_db_fail(const struct fm_ledger *l, const char *doing, struct fm_error *err)
{
	int kind = fm_ledger_is_damage(sqlite3_errcode(l->db)) ? FM_EVERDICT : FM_ESYSTEM;

	return fm_fail(err, kind, "%s: cannot %s the ledger: %s", l->db_path, doing, sqlite3_errmsg(l->db));
}

int fm_ledger_row_hash(const struct fm_ledger_row *r, char hex[FM_SHA256_HEX], struct fm_error *err)
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

static const char *text(sqlite3_stmt *s, int i, bool *hidden)
{
	bool is_text = sqlite3_column_type(s, i) == SQLITE_TEXT; /* before it is converted */
	const char *t = (const char *)sqlite3_column_text(s, i);

	t = t ? t : "";
	*hidden |= !is_text;
	*hidden |= strlen(t) != (size_t)sqlite3_column_bytes(s, i);
	return t;
}

int fm_ledger_next_row(sqlite3_stmt *s, struct fm_ledger_row *r)
{
	const char **field[] = {&r->time, &r->run, &r->kind, &r->body, &r->prev, &r->hash, &r->mac};
	int rc = sqlite3_step(s);

	if (rc != SQLITE_ROW)
		return rc;
	r->row = sqlite3_column_int64(s, 0);
	r->hidden = false;
	for (int i = 0; i < 7; i++)
		*field[i] = i + 1 < sqlite3_column_count(s) ? text(s, i + 1, &r->hidden) : "";
	return sqlite3_errcode(sqlite3_db_handle(s)) == SQLITE_NOMEM ? SQLITE_NOMEM : rc;
}

int fm_ledger_prepare(struct fm_ledger *l, sqlite3_stmt **s, const char *sql, struct fm_error *err)
{
	if (sqlite3_prepare_v2(l->db, sql, -1, s, NULL) != SQLITE_OK)
		return fm_ledger_db_fail(l, "read", err);
	return FM_OK;
}

int fm_ledger_objects(struct fm_ledger *l, int *n, struct fm_error *err)
{
	sqlite3_stmt *s = NULL;
	int rc;

	if ((rc = fm_ledger_prepare(l, &s, "SELECT count(*) FROM sqlite_master", err)) < 0)
		return rc;
	if (sqlite3_step(s) == SQLITE_ROW)
		*n = sqlite3_column_int(s, 0);
	else
		rc = fm_ledger_db_fail(l, "read", err);
	sqlite3_finalize(s);
	return rc;
}

int fm_ledger_rows(struct fm_ledger *l, const char *run, const char *kind, json_t **rows, struct fm_error *err)
{
	sqlite3_stmt *s = NULL;
	json_t *list = json_array();
	struct fm_ledger_row r;
	int rc, step;

	if ((rc = fm_ledger_prepare(
		 l, &s,
		 "SELECT row, time, run, kind, body, prev, hash FROM ledger WHERE (?1 IS NULL OR run = ?1) "
		 "AND (?2 IS NULL OR kind = ?2) ORDER BY row",
		 err)) < 0)
		goto out;
	if (sqlite3_bind_text(s, 1, run, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_text(s, 2, kind, -1, SQLITE_STATIC) != SQLITE_OK) {
		rc = fm_ledger_db_fail(l, "read", err);
		goto out;
	}
	while ((step = fm_ledger_next_row(s, &r)) == SQLITE_ROW) {
		json_t *body = fm_json_parse(r.body, strlen(r.body), JSON_REJECT_DUPLICATES, NULL);

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
		rc = fm_ledger_db_fail(l, "read", err);
out:
	sqlite3_finalize(s);
	if (rc < 0)
		json_decref(list);
	else
		*rows = list;
	return rc;
}

int fm_ledger_last_row(struct fm_ledger *l, int64_t *row, char hash[FM_SHA256_HEX], struct fm_error *err)
{
	sqlite3_stmt *s = NULL;
	struct fm_ledger_row r;
	int rc, step;

	*row = 0;
	memcpy(hash, FM_LEDGER_ZEROS, FM_SHA256_HEX);
	if ((rc = fm_ledger_prepare(
		 l, &s, "SELECT row, time, run, kind, body, prev, hash FROM ledger ORDER BY row DESC LIMIT 1", err)) <
	    0)
		return rc;
	step = fm_ledger_next_row(s, &r);
	if (step == SQLITE_ROW) {
		*row = r.row;
		snprintf(hash, FM_SHA256_HEX, "%s", r.hash);
	} else if (step != SQLITE_DONE) {
		rc = fm_ledger_db_fail(l, "read", err);
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

bool fm_run_is_named(const char *text)
{
	char id[FM_RUN_ID_MAX];

	return fm_run_id(text, id) == id;
}

bool fm_run_is_file(const char *text)
{
	struct stat st;

	return strchr(text, '/') || (stat(text, &st) == 0 && !(S_ISDIR(st.st_mode) && fm_run_is_named(text)));
}

int fm_ledger_next_run(struct fm_ledger *l, char id[FM_RUN_ID_MAX], struct fm_error *err)
{
	sqlite3_stmt *s = NULL;
	int rc;

	if ((rc = fm_ledger_prepare(l, &s, "SELECT count(*) FROM ledger WHERE kind = 'run'", err)) < 0)
		return rc;
	if (sqlite3_step(s) == SQLITE_ROW)
		snprintf(id, FM_RUN_ID_MAX, "r%04d", sqlite3_column_int(s, 0) + 1);
	else
		rc = fm_ledger_db_fail(l, "read", err);
	sqlite3_finalize(s);
	return rc;
}

/* ---- key, head and witness ---- */

int fm_ledger_key(struct fm_secret *key, const char *project, struct fm_error *err)
{
	struct fm_secret secret;
	int rc;

	*key = (struct fm_secret){0};
	if ((rc = fm_project_secret(&secret, project, err)) < 0)
		return rc;
	rc = fm_secret_derive(key, &secret, "ledger", err);
	fm_secret_close(&secret);
	return rc;
}

int fm_ledger_mac(const struct fm_secret *key, const char *what, const char *text, char hex[FM_SHA256_HEX],
		  struct fm_error *err)
{
	uint8_t mac[FM_SHA256_LEN];
	char all[256];
	int n = snprintf(all, sizeof all, "flowmint ledger %s\n%.180s\n", what, text), rc;

	if ((rc = fm_hmac_sha256(key->data, key->len, all, (size_t)n, mac, err)) < 0)
		return rc;
	fm_hex(mac, sizeof mac, hex);
	return FM_OK;
}

int fm_ledger_head_mac(const struct fm_secret *key, int64_t row, const char *hash, char hex[FM_SHA256_HEX],
		       struct fm_error *err)
{
	char text[120];

	snprintf(text, sizeof text, "%lld %s", (long long)row, hash);
	return fm_ledger_mac(key, "head", text, hex, err);
}

int fm_ledger_head_read(const char *path, struct fm_ledger_head *head, struct fm_error *err)
{
	struct fm_buf b = {0};
	const char *at;
	size_t digits;
	int rc;

	*head = (struct fm_ledger_head){.row = -1};
	if (!fm_file_exists(path))
		return FM_OK;
	head->row = -2;
	if ((rc = fm_file_read(path, 256, &b, err)) == FM_EINPUT)
		rc = FM_OK; /* too large for a head: -2 */
	if (rc < 0 || !b.len)
		goto out;
	digits = strcspn(b.data, " ");
	at = b.data + digits;
	/* " HASH MAC\n" */
	if (b.len != digits + 2 * FM_SHA256_HEX + 1 || at[FM_SHA256_HEX] != ' ' || b.data[b.len - 1] != '\n' ||
	    fm_parse_i64(b.data, digits, &head->row) != 0 || head->row < 0) {
		head->row = -2;
		goto out;
	}
	memcpy(head->hash, at + 1, FM_SHA256_HEX - 1);
	memcpy(head->mac, at + 1 + FM_SHA256_HEX, FM_SHA256_HEX - 1);
out:
	fm_buf_free(&b);
	return rc;
}

int fm_ledger_head_write(struct fm_ledger *l, const struct fm_secret *key, int64_t row, const char *hash,
			 struct fm_error *err)
{
	char mac[FM_SHA256_HEX], line[200];
	struct fm_error why;
	int n, rc;

	if ((rc = fm_ledger_head_mac(key, row, hash, mac, err)) < 0)
		return rc;
	n = snprintf(line, sizeof line, "%lld %s %s\n", (long long)row, hash, mac);
	if ((rc = fm_file_write(l->head_path, 0600, line, (size_t)n, err)) < 0 || !l->witness_path)
		return rc;
	if (fm_file_write(l->witness_path, 0600, line, (size_t)n, &why) < 0 && !l->warned) {
		l->warned = true;
		fm_warn("an older copy of the ledger could be put back unseen, as its witness cannot be written: %s",
			why.message);
	}
	return FM_OK;
}

/* ---- appending ---- */

#define EVENTS_WAIT_S 10

void fm_ledger_time(time_t t, char out[32])
{
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Is it a file of the ledger, which what is told would damage? */
static bool is_own(const struct fm_ledger *l, int fd)
{
	const char *const own[] = {l->db_path, l->head_path, l->witness_path};
	struct stat st, other;
	bool is = false;

	for (size_t i = 0; i < sizeof own / sizeof *own && fstat(fd, &st) == 0; i++)
		is = is ||
		     (own[i] && stat(own[i], &other) == 0 && st.st_dev == other.st_dev && st.st_ino == other.st_ino);
	return is;
}

void fm_ledger_tell(struct fm_ledger *l, int fd)
{
	char path[32];

	if (is_own(l, fd)) {
		fm_warn("no events are told: descriptor %d is a file of the ledger itself", fd);
		return;
	}
	/* A terminal that was stopped (Ctrl-S) says that there is room, and holds up who writes more than that.  Opened
	 * once more it does not, and goes on holding up those who share the descriptor. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	l->terminal = isatty(fd) ? open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
	l->events = l->terminal >= 0 ? l->terminal : fd;
}

/* As write, but -1 with ETIMEDOUT where the reader has taken nothing for EVENTS_WAIT_S, or this process is told to end:
 * a run is not held up by who hangs. */
static ssize_t write_some(int fd, const char *text, size_t n)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	for (int i = 0; i < EVENTS_WAIT_S * 10; i++) {
		if (poll(&p, 1, 100) > 0) {
			ssize_t done = write(fd, text, n);

			if (done >= 0 || (errno != EINTR && errno != EAGAIN))
				return done;
			(void)!poll(NULL, 0, 100); /* it has less room than it said */
		}
		if (fm_stop_signal())
			break;
	}
	errno = ETIMEDOUT;
	return -1;
}

static void tell(struct fm_ledger *l, const struct fm_ledger_row *r, const json_t *body)
{
	json_t *doc = json_pack("{s:I, s:s, s:s, s:s, s:O}", "row", (json_int_t)r->row, "time", r->time, "run", r->run,
				"kind", r->kind, "body", body);
	struct fm_buf line = {0};
	struct fm_error why = {0};
	size_t done = 0;
	int rc;

	rc = fm_json_canonical(doc, &line, &why);
	fm_buf_puts(&line, "\n");
	if (rc < 0 || fm_buf_check(&line, &why) < 0) { /* half a line would spoil the next one too */
		fm_warn("event %s of %s is not told: %s", r->kind, r->run, why.message);
		fm_buf_free(&line);
	}
	while (done < line.len && l->events >= 0) {
		size_t most = line.len - done < PIPE_BUF ? line.len - done : PIPE_BUF; /* no more room is sure */
		ssize_t n = write_some(l->events, line.data + done, most);

		if (n < 0) {
			fm_warn("no more events are told: %s",
				errno == ETIMEDOUT ? "who reads them takes nothing any more" : strerror(errno));
			l->events = -1;
		} else {
			done += (size_t)n;
		}
	}
	fm_buf_free(&line);
	json_decref(doc);
}

int fm_ledger_append(struct fm_ledger *l, const char *run, const char *kind, const json_t *body, struct fm_error *err)
{
	char prev[FM_SHA256_HEX], hash[FM_SHA256_HEX], mac[FM_SHA256_HEX], when[32];
	struct fm_secret key = {0};
	sqlite3_stmt *s = NULL;
	struct fm_buf b = {0};
	struct fm_ledger_row r = {.time = when, .run = run, .kind = kind, .prev = prev, .hash = hash, .mac = mac};
	int rc;

	fm_ledger_time(time(NULL), when);
	if ((rc = fm_json_canonical(body, &b, err)) < 0 || (rc = fm_buf_check(&b, err)) < 0 ||
	    (rc = fm_ledger_last_row(l, &r.row, prev, err)) < 0)
		goto out;
	r.row++;
	r.body = b.data;
	if ((rc = fm_ledger_row_hash(&r, hash, err)) < 0 || (rc = fm_ledger_key(&key, l->project, err)) < 0 ||
	    (rc = fm_ledger_mac(&key, "row", hash, mac, err)) < 0 ||
	    (rc = fm_ledger_prepare(l, &s, "INSERT INTO ledger(" FM_LEDGER_COLUMNS ") VALUES(?,?,?,?,?,?,?,?)", err)) <
		0)
		goto out;
	sqlite3_bind_int64(s, 1, r.row);
	sqlite3_bind_text(s, 2, r.time, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, r.run, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, r.kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 5, r.body, (int)b.len, SQLITE_STATIC);
	sqlite3_bind_text(s, 6, r.prev, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 7, r.hash, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 8, r.mac, -1, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_DONE)
		rc = fm_ledger_db_fail(l, "write to", err);
	else
		rc = fm_ledger_head_write(l, &key, r.row, hash, err);
	if (rc >= 0 && l->events >= 0)
		tell(l, &r, body);
out:
	fm_secret_close(&key);
	sqlite3_finalize(s);
	fm_buf_free(&b);
	return rc;
}

int fm_ledger_commit(const struct fm_secret *key, const char *what, const struct fm_ledger_row *r, bool blind,
		     char hex[FM_SHA256_HEX], struct fm_error *err)
{
	char text[FM_SHA256_HEX + 64];

	if (blind)
		snprintf(text, sizeof text, "%lld %.40s", (long long)r->row, r->time);
	else
		snprintf(text, sizeof text, "%.64s", r->hash);
	return fm_ledger_mac(key, what, text, hex, err);
}

/* The commitment to the row that `order` puts first; none where there is none. */
static int commitment(struct fm_ledger *l, const struct fm_secret *key, const char *order, const char *what, bool blind,
		      char hex[FM_SHA256_HEX], struct fm_error *err)
{
	struct fm_ledger_row r;
	sqlite3_stmt *s = NULL;
	char sql[128];
	int rc, step;

	hex[0] = '\0';
	snprintf(sql, sizeof sql, "SELECT " FM_LEDGER_COLUMNS " FROM ledger ORDER BY row %s LIMIT 1", order);
	if ((rc = fm_ledger_prepare(l, &s, sql, err)) < 0)
		return rc;
	if ((step = fm_ledger_next_row(s, &r)) == SQLITE_ROW)
		rc = fm_ledger_commit(key, what, &r, blind, hex, err);
	else if (step != SQLITE_DONE)
		rc = fm_ledger_db_fail(l, "read", err);
	sqlite3_finalize(s);
	return rc;
}

int fm_ledger_witness(struct fm_ledger *l, bool blind, char first[FM_SHA256_HEX], char head[FM_SHA256_HEX],
		      struct fm_error *err)
{
	struct fm_secret key = {0};
	char hash[FM_SHA256_HEX];
	int64_t row;
	int rc;

	first[0] = head[0] = '\0';
	if ((rc = fm_ledger_last_row(l, &row, hash, err)) < 0 || row == 0 ||
	    (rc = fm_ledger_key(&key, l->project, err)) < 0)
		return rc;
	if ((rc = commitment(l, &key, "ASC", "first", blind, first, err)) >= 0)
		rc = commitment(l, &key, "DESC", "witness", blind, head, err);
	fm_secret_close(&key);
	return rc;
}
