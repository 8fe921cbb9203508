/* Opening the ledger of a workspace: does it exist, did it once, which project's is it, and may it be written to? */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "pipeline/ledger_parts.h"

#define CLOCK_SLACK_S 60

/* The day on which a release is issued, when it expires and which keys hold are all by the clock. */
static int warn_clock(struct fm_ledger *l, struct fm_error *err)
{
	time_t now = time(NULL);
	sqlite3_stmt *s = NULL;
	char is[32], most[32];
	const char *last;
	int rc;

	fm_ledger_time(now, is);
	fm_ledger_time(now + CLOCK_SLACK_S, most);
	if ((rc = fm_ledger_prepare(l, &s, "SELECT time FROM ledger ORDER BY row DESC LIMIT 1", err)) < 0)
		return rc;
	if (sqlite3_step(s) == SQLITE_ROW && (last = (const char *)sqlite3_column_text(s, 0)) && strcmp(last, most) > 0)
		fm_warn("the clock says %s, and the last row of the ledger is of %s: is it right?", is, last);
	sqlite3_finalize(s);
	return FM_OK;
}

/* A broken chain is not written to; a head that a crash left one row behind is brought up. */
static int check_before_writing(struct fm_ledger *l, struct fm_error *err)
{
	char hash[FM_SHA256_HEX];
	struct fm_secret key = {0};
	json_t *report = NULL;
	int64_t row;
	int rc;

	if ((rc = fm_ledger_check(l, &report, err)) < 0)
		return rc;
	if (!json_is_true(json_object_get(report, "intact"))) {
		json_t *first = json_array_get(json_object_get(report, "problems"), 0);

		rc = fm_fail(
		    err, FM_EVERDICT,
		    "%s: the ledger is broken: %s; see flowmint audit, and move the workspace aside to begin a new one",
		    l->db_path, json_string_value(json_object_get(first, "problem")));
		goto out;
	}
	if ((rc = fm_ledger_last_row(l, &row, hash, err)) < 0 || row == 0 || (rc = warn_clock(l, err)) < 0 ||
	    (rc = fm_ledger_key(&key, l->project, err)) < 0)
		goto out;
	rc = fm_ledger_head_write(l, &key, row, hash, err);
out:
	fm_secret_close(&key);
	json_decref(report);
	return rc;
}

/* PROJECT/keys/ledger-ID.head, where ID is of the workspace's path. */
static int name_witness(struct fm_ledger *l, struct fm_error *err)
{
	char *real = realpath(l->workspace, NULL), hex[FM_SHA256_HEX];
	uint8_t digest[FM_SHA256_LEN];
	int rc;

	if (!real)
		return errno == ENOENT ? FM_OK : fm_fail_errno(err, "%s", l->workspace);
	if ((rc = fm_sha256_bytes(real, strlen(real), digest, err)) < 0)
		goto out;
	fm_hex(digest, sizeof digest, hex);
	if (asprintf(&l->witness_path, "%s/keys/ledger-%.16s.head", l->project, hex) < 0) {
		l->witness_path = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	}
out:
	free(real);
	return rc;
}

int fm_ledger_others(const struct fm_ledger *l)
{
	const char *own = l->witness_path ? strrchr(l->witness_path, '/') + 1 : "";
	char *keys = l->project ? fm_path_join(l->project, "keys") : NULL;
	DIR *dir = keys ? opendir(keys) : NULL;
	int n = 0;

	for (const struct dirent *e; dir && (e = readdir(dir));)
		n += fnmatch("ledger-*.head", e->d_name, 0) == 0 && strcmp(e->d_name, own) != 0;
	if (dir)
		closedir(dir);
	free(keys);
	return n;
}

static int take_project(struct fm_ledger *l, const char *project, struct fm_error *err)
{
	char *path = NULL;
	bool has_secret;

	if (asprintf(&path, "%s/keys/commitment.key", project) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	has_secret = fm_file_exists(path);
	free(path);
	return !has_secret || (l->project = strdup(project)) ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

/* The project of the newest run in the ledger, where a row names one. */
static int take_recorded_project(struct fm_ledger *l, struct fm_error *err)
{
	json_t *rows = NULL;
	const char *path;
	int rc;

	if ((rc = fm_ledger_rows(l, NULL, "run", &rows, err)) < 0)
		return rc == FM_ESYSTEM ? rc : FM_OK; /* damage is for whoever reads the rows to tell */
	path = json_string_value(
	    json_object_get(json_object_get(json_array_get(rows, json_array_size(rows) - 1), "body"), "project"));
	rc = path ? take_project(l, path, err) : FM_OK;
	json_decref(rows);
	return rc;
}

/* Whose ledger it is where nobody said so: the folder that the workspace stands in, else what the ledger says.  No
 * memory is no other project, nor none: the ledger would be asked less. */
static int find_project(struct fm_ledger *l, struct fm_error *err)
{
	char *real = realpath(l->workspace, NULL), *slash = real ? strrchr(real, '/') : NULL;
	int rc = FM_OK;

	if (!real && errno == ENOMEM)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (slash) {
		slash[slash == real] = '\0';
		rc = take_project(l, real, err);
	}
	free(real);
	return rc < 0 || l->project || !l->db ? rc : take_recorded_project(l, err);
}

/* There is no database: was there one?  A workspace that was removed whole is begun anew, and told of. */
static int check_absent(const struct fm_ledger *l, bool create, struct fm_error *err)
{
	struct fm_ledger_head witness = {.row = -1};
	int rc;

	if (fm_file_exists(l->head_path))
		return fm_fail(err, FM_EVERDICT,
			       "%s: the ledger is gone, but %s says that there was one; move the workspace aside to "
			       "begin a new one",
			       l->db_path, l->head_path);
	if (l->witness_path && (rc = fm_ledger_head_read(l->witness_path, &witness, err)) < 0)
		return rc;
	if (witness.row != -1 && (!create || fm_file_exists_in(l->workspace, "stages/ingest")))
		return fm_fail(
		    err, FM_EVERDICT,
		    "%s: the ledger is gone, with its head; %s says that it had %lld row%s. If that is meant, "
		    "remove the workspace whole",
		    l->db_path, l->witness_path, (long long)witness.row, witness.row == 1 ? "" : "s");
	if (witness.row != -1)
		fm_warn(
		    "%s: a ledger of %lld row%s was here before; what it held, charges of privacy among it, is gone",
		    l->workspace, (long long)witness.row, witness.row == 1 ? "" : "s");
	if (!create && access(l->workspace, X_OK) && errno == EACCES)
		return fm_fail_errno(err, "cannot look into the workspace %s", l->workspace);
	if (!create)
		return fm_fail(err, FM_EINPUT,
			       "%s: no ledger there: nothing was run in this workspace (name it with --workspace DIR)",
			       l->db_path);
	if (witness.row != -1 && unlink(l->witness_path) < 0)
		return fm_fail_errno(err, "%s", l->witness_path);
	return FM_OK;
}

/* Only a regular file is given to SQLite: it would wait for a named pipe, and its messages about other kinds are hard
 * to understand. */
static int check_regular(const struct fm_ledger *l, const char *suffix, bool link, struct fm_error *err)
{
	struct stat st;
	char *path;
	int rc = FM_OK;

	if (asprintf(&path, "%s%s", l->db_path, suffix) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !(link && S_ISLNK(st.st_mode)))
		rc = fm_fail(err, FM_EVERDICT, "%s: the ledger is broken: this is no regular file", path);
	free(path);
	return rc;
}

static int open_database(struct fm_ledger *l, bool create, struct fm_error *err)
{
	/* For reading too: what a killed run left in the journal is rolled back. Write-protected, SQLite opens it
	 * read-only. */
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), rc;
	mode_t mask;

	/* The audit reports a link in place of the database. */
	if ((rc = check_regular(l, "", true, err)) < 0 || (rc = check_regular(l, "-journal", false, err)) < 0 ||
	    (rc = check_regular(l, "-wal", false, err)) < 0 || (rc = check_regular(l, "-shm", false, err)) < 0)
		return rc;
	mask = umask(077);
	rc = sqlite3_open_v2(l->db_path, &l->db, flags, NULL);
	umask(mask);
	if (rc != SQLITE_OK)
		return fm_ledger_db_fail(l, "open", err);
	sqlite3_busy_timeout(l->db, 5000);
	return FM_OK;
}

static int prepare_writing(struct fm_ledger *l, struct fm_error *err)
{
	int n = 0, rc;

	if (sqlite3_exec(l->db, "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;", NULL, NULL, NULL) != SQLITE_OK)
		return fm_ledger_db_fail(l, "prepare", err);
	if ((rc = fm_ledger_objects(l, &n, err)) < 0)
		return rc;
	/* An empty file is a new ledger, unless there is a head. */
	if (n == 0 && !fm_file_exists(l->head_path) &&
	    (sqlite3_exec(l->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
	     sqlite3_exec(l->db, fm_ledger_schema, NULL, NULL, NULL) != SQLITE_OK ||
	     sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK))
		return fm_ledger_db_fail(l, "prepare", err);
	return check_before_writing(l, err);
}

/* A run that was stopped at its very beginning leaves an empty database: then there is no ledger. */
static int check_begun(struct fm_ledger *l, struct fm_error *err)
{
	int n = 0, rc;

	if ((rc = fm_ledger_objects(l, &n, err)) < 0 || n > 0)
		return rc;
	return check_absent(l, false, err);
}

/* Rows and manifest name paths in JSON, which has no other text.  Who only reads shows such a path with \xNN. */
static int check_utf8(const char *path, struct fm_error *err)
{
	size_t n = strlen(path), one;

	for (size_t i = 0; i < n; i += one)
		if (!(one = fm_utf8_next(path + i, n - i, NULL)))
			return fm_fail(err, FM_EINPUT,
				       "%s: the name of a folder in this path is not UTF-8, and the ledger is: rename "
				       "the folder",
				       path);
	return FM_OK;
}

static int check_paths(const struct fm_ledger *l, struct fm_error *err)
{
	char *real = realpath(l->workspace, NULL);
	int rc = check_utf8(real ? real : l->workspace, err);

	free(real);
	return rc < 0 || !l->project ? rc : check_utf8(l->project, err);
}

int fm_ledger_open(struct fm_ledger **out, const char *workspace, const char *project, enum fm_ledger_use use,
		   struct fm_error *err)
{
	bool create = use != FM_LEDGER_READ;
	struct fm_ledger *l;
	int rc = FM_OK;

	if ((rc = fm_alloc(&l, 1, sizeof *l, "the ledger", err)) < 0)
		return rc;
	l->events = l->terminal = -1;
	l->workspace = strdup(workspace);
	l->db_path = fm_path_join(workspace, "ledger.db");
	l->head_path = fm_path_join(workspace, "ledger.head");
	if (!l->workspace || !l->db_path || !l->head_path || (project && !(l->project = strdup(project)))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((create && (rc = check_paths(l, err)) < 0) ||
	    (fm_file_exists(l->db_path) && (rc = open_database(l, create, err)) < 0))
		goto out;
	if (!l->project && (rc = find_project(l, err)) < 0)
		goto out;
	if (l->project && use != FM_LEDGER_PASSING && (rc = name_witness(l, err)) < 0)
		goto out;
	if (!l->db && ((rc = check_absent(l, create, err)) < 0 || (rc = open_database(l, create, err)) < 0))
		goto out;
	if (!create) {
		rc = check_begun(l, err);
		goto out;
	}
	if (!l->project)
		rc = fm_fail(err, FM_EINPUT,
			     "%s: no project is known whose secret (keys/commitment.key) the ledger is under: name it "
			     "with --project DIR",
			     l->db_path);
	else
		rc = prepare_writing(l, err);
out:
	if (rc < 0) {
		fm_ledger_close(l);
		return rc;
	}
	*out = l;
	return FM_OK;
}

const char *fm_ledger_project(const struct fm_ledger *l)
{
	return l->project;
}

void fm_ledger_close(struct fm_ledger *l)
{
	if (!l)
		return;
	sqlite3_close(l->db);
	if (l->terminal >= 0)
		close(l->terminal);
	free(l->workspace);
	free(l->project);
	free(l->witness_path);
	free(l->db_path);
	free(l->head_path);
	free(l);
}
