/* The ledger is append-only and hash-chained: an edited, removed, reordered, added or cut row is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/file.h"
#include "pipeline/ledger.h"
#include "tests/unit/capture.h"

static int clock_shift_s;

/* The clock of everything in this program. */
time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += clock_shift_s;
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

static char project[256], dir[300], db_path[330], head_path[330];

static void append(struct fm_ledger *l, int i)
{
	struct fm_error err;
	json_t *body = json_pack("{s:i, s:s}", "n", i, "name", "demo");

	assert_int_equal(fm_ledger_append(l, "r0001", i == 1 ? "run" : "stage", body, &err), FM_OK);
	json_decref(body);
}

/* A fresh workspace with five rows. */
static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char path[300];
	struct fm_ledger *l;
	struct fm_error err;

	(void)state;
	snprintf(project, sizeof project, "%s/fm-ledger-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(project))
		return -1;
	snprintf(path, sizeof path, "%s/keys", project);
	if (fm_dir_make(path, 0700, &err))
		return -1;
	snprintf(path, sizeof path, "%s/keys/commitment.key", project);
	if (fm_file_write(path, 0600, "0123456789abcdef0123456789abcdef", 32, &err))
		return -1;
	snprintf(dir, sizeof dir, "%s/workspace", project);
	if (fm_dir_make(dir, 0700, &err))
		return -1;
	snprintf(db_path, sizeof db_path, "%s/ledger.db", dir);
	snprintf(head_path, sizeof head_path, "%s/ledger.head", dir);
	if (fm_ledger_open(&l, dir, project, FM_LEDGER_WRITE, &err))
		return -1;
	for (int i = 1; i <= 5; i++)
		append(l, i);
	fm_ledger_close(l);
	return 0;
}

static int teardown(void **state)
{
	struct fm_error err;

	(void)state;
	return fm_dir_remove(project, &err);
}

/* What an attacker with sqlite3 does; the triggers do not stop one who drops them. */
static void tamper(const char *sql)
{
	sqlite3 *db;
	char *message = NULL;

	assert_int_equal(sqlite3_open(db_path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete;", NULL, NULL, NULL),
	    SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	sqlite3_close(db);
}

/* The first problem of an audit, "" when the ledger is intact. */
static void first_problem(char out[256])
{
	struct fm_error err;
	json_t *report, *p;

	assert_int_equal(fm_ledger_audit(dir, project, &report, &err), FM_OK);
	p = json_object_get(json_array_get(json_object_get(report, "problems"), 0), "problem");
	snprintf(out, 256, "%s", p ? json_string_value(p) : "");
	assert_int_equal(json_is_true(json_object_get(report, "intact")), !p);
	json_decref(report);
}

static void expect_problem(const char *words)
{
	struct fm_ledger *l = NULL;
	struct fm_error err;
	char problem[256];

	first_problem(problem);
	if (!strstr(problem, words) || !*problem)
		fail_msg("found \"%s\", expected \"%s\"", problem, words);
	/* and nothing is added to a broken ledger */
	assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_WRITE, &err), FM_EVERDICT);
	assert_null(l);
}

static void expect_intact(void)
{
	char problem[256];

	first_problem(problem);
	assert_string_equal(problem, "");
}

static void test_untouched_is_intact_and_goes_on(void **state)
{
	struct fm_ledger *l;
	struct fm_error err;
	char id[FM_RUN_ID_MAX];
	json_t *rows;

	(void)state;
	expect_intact();
	assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_WRITE, &err), FM_OK);
	assert_int_equal(fm_ledger_next_run(l, id, &err), FM_OK);
	assert_string_equal(id, "r0002");
	append(l, 6);
	assert_int_equal(fm_ledger_rows(l, "r0001", "stage", &rows, &err), FM_OK);
	assert_int_equal(json_array_size(rows), 5);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json_array_get(rows, 0), "body"), "n")), 2);
	json_decref(rows);
	fm_ledger_close(l);
	expect_intact();
}

static void test_triggers_stop_accidents(void **state)
{
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(db_path, &db), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(db, "DELETE FROM ledger", NULL, NULL, NULL), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(db, "UPDATE ledger SET run = 'r9'", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	expect_intact();
}

static void test_each_edited_column_is_found(void **state)
{
	static const char *const edits[] = {
	    "UPDATE ledger SET body = '{\"n\":7,\"name\":\"demo\"}' WHERE row = 3",
	    "UPDATE ledger SET body = body || ' ' WHERE row = 3",
	    "UPDATE ledger SET time = '2020-01-01T00:00:00Z' WHERE row = 3",
	    "UPDATE ledger SET run = 'r0009' WHERE row = 3",
	    "UPDATE ledger SET kind = 'verdict' WHERE row = 3",
	};

	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		tamper(edits[i]);
		expect_problem("was edited");
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
	tamper("UPDATE ledger SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE row = 3");
	expect_problem("row 3");
}

static void test_removed_row_is_found(void **state)
{
	(void)state;
	tamper("DELETE FROM ledger WHERE row = 3");
	expect_problem("removed");
}

static void test_removed_and_renumbered_is_found(void **state)
{
	(void)state;
	tamper("DELETE FROM ledger WHERE row = 3; UPDATE ledger SET row = row - 1 WHERE row > 3");
	expect_problem("does not continue");
}

static void test_removed_first_row_is_found(void **state)
{
	(void)state;
	tamper("DELETE FROM ledger WHERE row = 1");
	expect_problem("removed");
}

static void test_reordered_rows_are_found(void **state)
{
	(void)state;
	tamper("UPDATE ledger SET row = 99 WHERE row = 2; UPDATE ledger SET row = 2 WHERE row = 3; UPDATE ledger SET "
	       "row = 3 WHERE row = 99");
	expect_problem("reordered");
}

/* Of many the first are named, the last says that there are more, and the reading does not begin again. */
static void test_many_forged_rows_are_found(void **state)
{
	struct fm_error err;
	json_t *report, *problems;

	(void)state;
	tamper("WITH RECURSIVE n(i) AS (SELECT 6 UNION ALL SELECT i + 1 FROM n WHERE i < 20005) INSERT INTO ledger "
	       "SELECT i, time, run, kind, body, prev, hash, mac FROM n, ledger WHERE row = 5");
	assert_int_equal(fm_ledger_audit(dir, project, &report, &err), FM_OK);
	problems = json_object_get(report, "problems");
	assert_false(json_is_true(json_object_get(report, "intact")));
	assert_int_equal(json_integer_value(json_object_get(report, "rows")), 20005);
	assert_int_equal(json_array_size(problems), 21 + 2); /* and two triggers that tamper() took away */
	assert_string_equal(json_string_value(json_object_get(json_array_get(problems, 20), "problem")),
			    "more is wrong than is listed here");
	json_decref(report);
}

static void test_cut_tail_is_found(void **state)
{
	(void)state;
	tamper("DELETE FROM ledger WHERE row = 5");
	expect_problem("cut off");
}

static void test_emptied_ledger_is_found(void **state)
{
	(void)state;
	tamper("DELETE FROM ledger");
	expect_problem("cut off");
}

static void test_removed_database_is_found(void **state)
{
	struct fm_ledger *l = NULL;
	struct fm_error err;

	(void)state;
	assert_int_equal(unlink(db_path), 0);
	assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_WRITE, &err), FM_EVERDICT);
	assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_READ, &err), FM_EVERDICT);
}

static void test_missing_or_foreign_head_is_found(void **state)
{
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_file_write(head_path, 0600, "nonsense\n", 9, &err), FM_OK);
	expect_problem("not a ledger head");
	assert_int_equal(unlink(head_path), 0);
	expect_problem("missing");
}

static void test_database_that_is_none_is_found(void **state)
{
	struct fm_ledger *l = NULL;
	struct fm_error err;
	char junk[4096];

	(void)state;
	memset(junk, 'x', sizeof junk);
	assert_int_equal(fm_file_write(db_path, 0600, junk, sizeof junk, &err), FM_OK);
	assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_WRITE, &err), FM_EVERDICT);
}

/* A whole chain made anew, every hash right, still does not end in the row that the head names. */
static void test_rewritten_chain_is_found(void **state)
{
	struct fm_ledger *l;
	struct fm_error err;
	struct fm_buf head = {0};

	(void)state;
	assert_int_equal(fm_file_read(head_path, 256, &head, &err), FM_OK);
	assert_int_equal(unlink(db_path), 0);
	assert_int_equal(unlink(head_path), 0);
	assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_WRITE, &err), FM_OK);
	for (int i = 1; i <= 6; i++)
		append(l, i == 3 ? 33 : i);
	fm_ledger_close(l);
	assert_int_equal(fm_file_write(head_path, 0600, head.data, head.len, &err), FM_OK);
	fm_buf_free(&head);
	expect_problem("rewritten");
}

/* Killed between the row and the head: no fault, and the next append heals it. */
static void test_crash_before_the_head_is_healed(void **state)
{
	struct fm_ledger *l;
	struct fm_error err;
	struct fm_buf head = {0};

	(void)state;
	assert_int_equal(fm_file_read(head_path, 256, &head, &err), FM_OK);
	assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_WRITE, &err), FM_OK);
	append(l, 6);
	fm_ledger_close(l);
	assert_int_equal(fm_file_write(head_path, 0600, head.data, head.len, &err), FM_OK);
	expect_intact();
	assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_WRITE, &err), FM_OK);
	append(l, 7);
	append(l, 8);
	fm_ledger_close(l);
	expect_intact();
	/* three rows more than the head says are no crash */
	assert_int_equal(fm_file_write(head_path, 0600, head.data, head.len, &err), FM_OK);
	fm_buf_free(&head);
	expect_problem("added from outside");
}

static void test_absent_ledger_is_an_input_error(void **state)
{
	struct fm_error err;
	json_t *report = NULL;

	(void)state;
	assert_int_equal(fm_ledger_audit("/nonexistent/workspace", NULL, &report, &err), FM_EINPUT);
	assert_null(report);
}

/* The record of a release in privacy.mode dp has a commitment to the last row that another body does not change. */
static void test_a_blind_commitment_is_of_no_body(void **state)
{
	char first[2][2][FM_SHA256_HEX], head[2][2][FM_SHA256_HEX];
	struct fm_ledger *l;
	struct fm_error err;

	(void)state;
	for (int after = 0; after < 2; after++) {
		if (after)
			tamper("UPDATE ledger SET body = '{\"n\":6}', hash = substr(hash, 2) || substr(hash, 1, 1)");
		assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_READ, &err), FM_OK);
		for (int blind = 0; blind < 2; blind++)
			assert_int_equal(fm_ledger_witness(l, blind, first[after][blind], head[after][blind], &err),
					 FM_OK);
		fm_ledger_close(l);
	}
	assert_string_not_equal(head[0][0], head[1][0]);
	assert_string_not_equal(first[0][0], first[1][0]);
	assert_string_equal(head[0][1], head[1][1]);
	assert_string_equal(first[0][1], first[1][1]);
	assert_string_not_equal(head[0][0], head[0][1]);
	assert_string_not_equal(head[0][1], first[0][1]);
}

static void open_and_close(void)
{
	struct fm_ledger *l;
	struct fm_error err;

	assert_int_equal(fm_ledger_open(&l, dir, project, FM_LEDGER_WRITE, &err), FM_OK);
	fm_ledger_close(l);
}

static void test_a_clock_that_was_set_back_is_told(void **state)
{
	static const struct {
		int shift_s;
		bool told;
	} of[] = {{0, false}, {-30, false}, {-3600, true}, {-94608000, true}, {3600, false}};
	char said[1000];
	ssize_t n;
	int fd[2];

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		assert_int_equal(pipe(fd), 0);
		clock_shift_s = of[i].shift_s;
		with_stderr(fd[1], open_and_close);
		clock_shift_s = 0;
		close(fd[1]);
		n = read(fd[0], said, sizeof said - 1);
		close(fd[0]);
		assert_true(n >= 0);
		said[n] = '\0';
		if (of[i].told != !!strstr(said, "the last row of the ledger is of"))
			fail_msg("by %d s: %s", of[i].shift_s, said);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_untouched_is_intact_and_goes_on),  T(test_triggers_stop_accidents),
	    T(test_each_edited_column_is_found),      T(test_removed_row_is_found),
	    T(test_removed_and_renumbered_is_found),  T(test_removed_first_row_is_found),
	    T(test_reordered_rows_are_found),         T(test_cut_tail_is_found),
	    T(test_emptied_ledger_is_found),          T(test_removed_database_is_found),
	    T(test_missing_or_foreign_head_is_found), T(test_database_that_is_none_is_found),
	    T(test_rewritten_chain_is_found),         T(test_crash_before_the_head_is_healed),
	    T(test_absent_ledger_is_an_input_error),  T(test_a_blind_commitment_is_of_no_body),
	    T(test_many_forged_rows_are_found),       T(test_a_clock_that_was_set_back_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
