/* The flow table: what is written is read back, NumPy reads it too, and a damaged one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/table.h"
#include "tests/unit/scratch.h"

#define ALL_COLUMNS ((1u << FM_NCOL) - 1)

static struct fm_table *random_table(size_t rows, unsigned present, uint64_t seed)
{
	static const char *const values[] = {
	    "TCP", "UDP", "ICMP", ".AP.SF", "\xC3\xA9t\xC3\xA9", "a \"quoted\" \\ value", ""};
	struct fm_table *t;
	struct fm_error err;
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_JUDGE, 0, 0);
	assert_int_equal(fm_table_new(&t, present, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, rows, &err), FM_OK);
	t->rows = rows;
	for (int c = 0; c < FM_NCOL; c++) {
		if (!FM_HAS(t, c))
			continue;
		if (fm_cols[c].kind == FM_KIND_CATEGORY) {
			for (size_t i = 0; i < 7; i++)
				assert_int_equal(fm_dict_index(&t->dict[c], values[i], strlen(values[i]), true), i);
			for (size_t i = 0; i < rows; i++)
				((uint16_t *)t->col[c])[i] = (uint16_t)fm_rng_below(&r, 7);
		} else {
			for (size_t i = 0; i < rows * fm_cols[c].width; i++)
				((uint8_t *)t->col[c])[i] = (uint8_t)fm_rng_u32(&r);
		}
	}
	return t;
}

static void assert_same(const struct fm_table *a, const struct fm_table *b)
{
	assert_int_equal(a->rows, b->rows);
	assert_int_equal(a->present, b->present);
	for (int c = 0; c < FM_NCOL; c++) {
		if (!FM_HAS(a, c))
			continue;
		for (size_t i = 0; fm_cols[c].kind == FM_KIND_ADDRESS && i < a->rows; i++) {
			struct fm_address x = fm_table_address(a, ((const uint32_t *)a->col[c])[i]),
					  y = fm_table_address(b, ((const uint32_t *)b->col[c])[i]);

			assert_memory_equal(&x, &y, sizeof x);
		}
		if (a->rows > 0 && fm_cols[c].kind != FM_KIND_ADDRESS)
			assert_memory_equal(a->col[c], b->col[c], a->rows * fm_cols[c].width);
		assert_int_equal(a->dict[c].n, b->dict[c].n);
		for (size_t i = 0; i < a->dict[c].n; i++)
			assert_string_equal(a->dict[c].value[i], b->dict[c].value[i]);
	}
}

static void test_what_is_saved_is_opened(void **state)
{
	static const unsigned sets[] = {ALL_COLUMNS, FM_COLS_UGR16, 1u << FM_PKT, 1u << FM_PR, 0};
	static const size_t rows[] = {0, 1, 1000, 70000};
	struct fm_error err;

	(void)state;
	for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++)
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
			struct fm_table *t = random_table(rows[r], sets[s], s * 10 + r), *u;

			assert_int_equal(fm_table_save(t, scratch_path("t"), &err), FM_OK);
			assert_int_equal(fm_table_open(&u, scratch_path("t"), &err), FM_OK);
			assert_same(t, u);
			if (sets[s] != 0)
				assert_int_equal(fm_table_reserve(u, 10, &err), FM_ESYSTEM);
			fm_table_free(t);
			fm_table_free(u);
			assert_int_equal(fm_dir_remove(scratch_path("t"), &err), FM_OK);
		}
	fm_table_free(NULL);
}

static void test_numpy_opens_every_column(void **state)
{
	struct fm_table *t = random_table(500, ALL_COLUMNS, 1);
	unsigned long long sum = 0;
	struct fm_error err;
	char command[2048];
	int status;

	(void)state;
	assert_int_equal(fm_table_sort_addresses(t, &err), FM_OK); /* as they are saved */
	for (int c = 0; c < FM_NCOL; c++)
		for (size_t i = 0; i < t->rows * fm_cols[c].width; i++)
			sum += ((const uint8_t *)t->col[c])[i] * (unsigned long long)(i + 1);
	assert_int_equal(fm_table_save(t, scratch_path("numpy"), &err), FM_OK);
	fm_table_free(t);
	if (system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) {
		print_message("no python3 with NumPy\n");
		skip();
	}
	snprintf(command, sizeof(command),
		 "cd '%s' && /usr/bin/python3 -c 'import json, numpy as np\n"
		 "s = json.load(open(\"schema.json\")); total = 0\n"
		 "for c in s[\"columns\"]:\n"
		 "    a = np.load(c[\"name\"] + \".npy\", allow_pickle=False)\n"
		 "    assert a.dtype.str == c[\"dtype\"] and a.shape == (s[\"rows\"],), c\n"
		 "    b = a.view(np.uint8).astype(np.uint64); total += int((b * np.arange(1, b.size + 1, "
		 "dtype=np.uint64)).sum())\n"
		 "    np.save(c[\"name\"] + \".npy\", a)\n"
		 "assert total == %llu, total'",
		 scratch_path("numpy"), sum);
	status = system(command);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* And what NumPy saves is opened here. */
	struct fm_table *u;
	assert_int_equal(fm_table_open(&u, scratch_path("numpy"), &err), FM_OK);
	t = random_table(500, ALL_COLUMNS, 1);
	assert_same(t, u);
	fm_table_free(t);
	fm_table_free(u);
}

static void test_the_header_is_the_format_to_the_byte(void **state)
{
	struct fm_table *t = random_table(3, 1u << FM_TD, 1);
	struct fm_buf b = {0};
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_table_save(t, scratch_path("bytes"), &err), FM_OK);
	assert_int_equal(fm_file_read(scratch_path("bytes/td.npy"), 1000, &b, &err), FM_OK);
	assert_int_equal(b.len, 128 + 12);
	assert_memory_equal(b.data,
			    "\x93NUMPY\x01\x00\x76\x00{'descr': '<u4', 'fortran_order': False, 'shape': (3,), } ", 68);
	assert_int_equal(b.data[127], '\n');
	assert_memory_equal(b.data + 128, t->td, 12);
	fm_buf_free(&b);
	fm_table_free(t);
}

static void test_writer_in_pieces_equals_one_save(void **state)
{
	struct fm_table *t = random_table(100000, ALL_COLUMNS, 2), *u;
	struct fm_table_writer *w;
	struct fm_error err;
	size_t at = 0, step = 1;

	(void)state;
	assert_int_equal(fm_table_writer_open(&w, scratch_path("w/deep"), t->present, &err), FM_OK);
	for (; at < t->rows; step = step * 5 % 30011) {
		size_t n = step < t->rows - at ? step : t->rows - at;

		assert_int_equal(fm_table_writer_add(w, t, at, n, &err), FM_OK);
		at += n;
	}
	assert_int_equal(fm_table_writer_add(w, t, t->rows, 1, &err), FM_ESYSTEM);
	assert_int_equal(fm_table_writer_add(w, t, 5, SIZE_MAX, &err), FM_ESYSTEM);
	assert_int_equal(fm_table_writer_close(w, t->dict, &err), FM_OK);
	assert_int_equal(fm_table_open(&u, scratch_path("w/deep"), &err), FM_OK);
	assert_same(t, u);
	fm_table_free(u);
	/* No table of the old stays beside the new when the writer gives up, and the old one stands. */
	assert_int_equal(fm_table_writer_open(&w, scratch_path("w/deep"), t->present, &err), FM_OK);
	assert_int_equal(fm_table_writer_add(w, t, 0, 10, &err), FM_OK);
	fm_table_writer_abort(w);
	assert_int_equal(scratch_count(scratch_path("w/deep")), FM_NCOL + 3);
	assert_int_equal(fm_table_open(&u, scratch_path("w/deep"), &err), FM_OK);
	assert_same(t, u);
	fm_table_free(u);
	fm_table_free(t);
	fm_table_writer_abort(NULL);
}

static void test_writer_refuses_an_index_without_value(void **state)
{
	struct fm_table *t = random_table(10, FM_COLS_UGR16, 3), *u;
	struct fm_table_writer *w;
	struct fm_error err;

	(void)state;
	t->pr[7] = 7;
	assert_int_equal(fm_table_save(t, scratch_path("index"), &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "pr"));
	assert_int_equal(scratch_count(scratch_path("index")), 0);
	assert_int_equal(fm_table_open(&u, scratch_path("index"), &err), FM_EINPUT);
	/* Rows without a column that was announced. */
	assert_int_equal(fm_table_writer_open(&w, scratch_path("index"), ALL_COLUMNS, &err), FM_OK);
	assert_int_equal(fm_table_writer_add(w, t, 0, 1, &err), FM_ESYSTEM);
	fm_table_writer_abort(w);
	assert_int_equal(scratch_count(scratch_path("index")), 0);
	/* Text that JSON cannot hold, put in without fm_dict_index. */
	t->pr[7] = 0;
	t->dict[FM_PR].value[0][0] = '\xFF';
	assert_int_equal(fm_table_save(t, scratch_path("index"), &err), FM_ESYSTEM);
	assert_non_null(strstr(err.message, "UTF-8"));
	assert_int_equal(scratch_count(scratch_path("index")), 0);
	fm_table_free(t);
}

/* ---- damage ---- */

static void put_text(const char *path, const char *text, size_t n)
{
	struct fm_error err;

	assert_int_equal(fm_file_write(path, 0600, text, n, &err), FM_OK);
}

static void assert_refused(const char *dir, const char *names)
{
	struct fm_table *t;
	struct fm_error err;
	int rc = fm_table_open(&t, dir, &err);

	if (rc != FM_EINPUT || t != NULL)
		fail_msg("%s: code %d where it should be refused", names, rc);
	if (strstr(err.message, names) == NULL)
		fail_msg("\"%s\" does not name %s", err.message, names);
}

static void test_a_damaged_schema_is_refused(void **state)
{
	/* text to find, what stands in its place */
	static const char *const edits[][2] = {
	    {"flowmint-table/2", "flowmint-table/3"},
	    {"\"rows\": 20", "\"rows\": 21"},
	    {"\"rows\": 20", "\"rows\": -20"},
	    {"\"rows\": 20", "\"rows\": 20.5"},
	    {"\"rows\": 20", "\"rows\": \"20\""},
	    {"\"rows\": 20,", ""},
	    {"\"rows\": 20", "\"rows\": 9223372036854775807"},
	    {"\"rows\": 20", "\"rows\": 99999999999999999999"},
	    {"\"rows\": 20", "\"rows\": 20, \"rows\": 20"},
	    {"\"rows\": 20", "\"rows\": 20, \"more\": 1"},
	    {"\"columns\": [", "\"columns\": [{}, "},
	    {"\"columns\": [", "\"columns\": [7, "},
	    {"\"name\": \"te\"", "\"name\": \"tx\""},
	    {"\"name\": \"td\"", "\"name\": \"te\""},
	    {"\"kind\": \"time\"", "\"kind\": \"count\""},
	    {"\"dtype\": \"<i8\"", "\"dtype\": \"<u8\""},
	    {"\"dtype\": \"<i8\"", "\"dtype\": \">i8\""},
	    {"\"unit\": \"ms\"", "\"unit\": \"s\""},
	    {"\"unit\": \"ms\"", "\"unit\": \"ms\", \"x\": 1"},
	    {"\"categories\": {", "\"categories\": {\"te\": [], "},
	    {"\"categories\": {", "\"categories\": {\"zz\": [], "},
	    {"\"pr\": [", "\"xr\": ["},
	    {"\"pr\": [", "\"pr\": [1, "},
	    {"\"pr\": [", "\"pr\": [\"UDP\", "},
	    {"\"pr\": [", "\"pr\": [\"a\\u0000b\", "},
	    {"\"TCP\"", "null"},
	    {"{", "["},
	    {"}", ""},
	    {"{", "{,"},
	    {"{", "\xEF\xBB\xBF{"},
	};
	struct fm_table *t = random_table(20, ALL_COLUMNS, 4), *u;
	const char *dir = scratch_path("schema"), *path = scratch_path("schema/schema.json");
	struct fm_buf good = {0}, bad = {0};
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_table_save(t, dir, &err), FM_OK);
	assert_int_equal(fm_file_read(path, 1 << 20, &good, &err), FM_OK);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		const char *at = strstr(good.data, edits[i][0]);

		assert_non_null(at);
		bad.len = 0;
		fm_buf_add(&bad, good.data, (size_t)(at - good.data));
		fm_buf_puts(&bad, edits[i][1]);
		fm_buf_puts(&bad, at + strlen(edits[i][0]));
		put_text(path, bad.data, bad.len);
		if (fm_table_open(&u, dir, &err) != FM_EINPUT)
			fail_msg("%s in place of %s is accepted", edits[i][1], edits[i][0]);
		assert_null(u);
	}
	put_text(path, "", 0);
	assert_refused(dir, "schema.json");
	put_text(path, good.data, good.len / 2);
	assert_refused(dir, "schema.json");
	/* A value that is one byte too long. */
	bad.len = 0;
	const char *at = strstr(good.data, "\"TCP\"");
	assert_non_null(at);
	fm_buf_add(&bad, good.data, (size_t)(at - good.data) + 1);
	for (int i = 0; i <= FM_DICT_VALUE_MAX; i++)
		fm_buf_puts(&bad, "v");
	fm_buf_puts(&bad, at + 4);
	put_text(path, bad.data, bad.len);
	assert_refused(dir, "schema.json");
	/* Any one byte changed: refused, or a table all the same, with every index in range. */
	for (size_t i = 0; i < good.len; i++) {
		char was = good.data[i];
		FILE *f = fopen(path, "w"); /* not by fm_file_write: its syncs would take long here */

		assert_non_null(f);
		good.data[i] = (char)(was ^ (1 << i % 8));
		fwrite(good.data, 1, good.len, f);
		fclose(f);
		good.data[i] = was;
		int rc = fm_table_open(&u, dir, &err);
		assert_true(rc == FM_OK || rc == FM_EINPUT);
		for (size_t row = 0; rc == FM_OK && row < u->rows; row++)
			assert_non_null(fm_table_category(u, FM_PR, row));
		fm_table_free(u);
	}
	assert_int_equal(remove(path), 0);
	assert_refused(dir, "schema.json");
	fm_buf_free(&good);
	fm_buf_free(&bad);
	fm_table_free(t);
}

static void test_a_damaged_column_is_refused(void **state)
{
	static const char *const edits[][2] = {
	    {"<u2", "<u4"},         {"<u2", ">u2"},
	    {"<u2", "<i2"},         {"<u2", "|O8"},
	    {"False", "True "},     {"(20,)", "(21,)"},
	    {"(20,)", "(2,) "},     {"(20,)", "(5,4)"},
	    {"'descr'", "'descx'"}, {"\x93NUMPY", "\x93NUMPZ"},
	};
	struct fm_table *t = random_table(20, FM_COLS_UGR16, 5), *u;
	const char *dir = scratch_path("column"), *path = scratch_path("column/pr.npy");
	struct fm_buf good = {0}, bad = {0};
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_table_save(t, dir, &err), FM_OK);
	assert_int_equal(fm_file_read(path, 1 << 20, &good, &err), FM_OK);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		size_t n = strlen(edits[i][0]);
		char *at = memmem(good.data, good.len, edits[i][0], n);

		assert_non_null(at);
		bad.len = 0;
		fm_buf_add(&bad, good.data, good.len);
		memcpy(bad.data + (at - good.data), edits[i][1], n);
		put_text(path, bad.data, bad.len);
		assert_refused(dir, "pr.npy");
	}
	/* Every length but the right one. */
	for (size_t n = 0; n < good.len; n += n < 8 || n > 120 ? 1 : 16) {
		put_text(path, good.data, n);
		assert_refused(dir, "pr.npy");
	}
	bad.len = 0;
	fm_buf_add(&bad, good.data, good.len);
	fm_buf_puts(&bad, "x");
	put_text(path, bad.data, bad.len);
	assert_refused(dir, "pr.npy");
	/* Any byte of the header changed. */
	for (size_t i = 0; i < 128; i++) {
		bad.len = 0;
		fm_buf_add(&bad, good.data, good.len);
		bad.data[i] = (char)(bad.data[i] ^ 0x41);
		put_text(path, bad.data, bad.len);
		assert_refused(dir, "pr.npy");
	}
	/* An index that has no value, in the first and in the last row. */
	for (size_t row = 0; row < 20; row += 19) {
		bad.len = 0;
		fm_buf_add(&bad, good.data, good.len);
		bad.data[128 + 2 * row] = 7;
		put_text(path, bad.data, bad.len);
		assert_refused(dir, "pr.npy");
	}
	assert_int_equal(remove(path), 0);
	assert_refused(dir, "pr.npy");
	put_text(path, good.data, good.len);
	assert_int_equal(fm_table_open(&u, dir, &err), FM_OK);
	fm_table_free(u);
	assert_refused(scratch_path("absent"), "absent");
	fm_buf_free(&good);
	fm_buf_free(&bad);
	fm_table_free(t);
}

/* ---- in memory ---- */

static void test_append_matches_categories_by_value(void **state)
{
	struct fm_table *a = random_table(3000, ALL_COLUMNS & ~(1u << FM_FLG), 6), *b;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_table_new(&b, ALL_COLUMNS & ~(1u << FM_GAP), &err), FM_OK);
	fm_dict_index(&b->dict[FM_PR], "GRE", 3, true);
	fm_dict_index(&b->dict[FM_PR], "ICMP", 4, true);
	for (size_t i = 0; i < a->rows; i++)
		assert_int_equal(fm_table_append(b, a, a->rows - 1 - i, &err), FM_OK);
	assert_int_equal(b->rows, a->rows);
	for (size_t i = 0; i < a->rows; i++) {
		size_t k = a->rows - 1 - i;

		assert_true(a->te[k] == b->te[i] && a->byt[k] == b->byt[i] && a->dp[k] == b->dp[i] &&
			    a->win[k] == b->win[i]);
		assert_string_equal(fm_table_category(a, FM_PR, k), fm_table_category(b, FM_PR, i));
		assert_string_equal(fm_table_category(a, FM_LABEL, k), fm_table_category(b, FM_LABEL, i));
		assert_string_equal(fm_table_category(b, FM_FLG, i), "");
	}
	assert_int_equal(b->dict[FM_FLG].n, 1);
	assert_null(b->gap);
	fm_table_free(a);
	fm_table_free(b);
	assert_int_equal(fm_table_new(&b, 1u << FM_NCOL, &err), FM_ESYSTEM);
	assert_int_equal(fm_table_new(&b, FM_COLS_UGR16, &err), FM_OK);
	assert_int_equal(fm_table_reserve(b, SIZE_MAX / 2, &err), FM_ESYSTEM);
	assert_int_equal(b->cap, 0);
	fm_table_free(b);
}

static void test_dictionary_finds_what_was_added_and_no_more(void **state)
{
	struct fm_dict d = {0}, e;
	struct fm_error err;
	char text[300];

	(void)state;
	assert_int_equal(fm_dict_index(&d, "x", 1, false), -1);
	for (int i = 0; i < FM_DICT_MAX; i++) {
		int n = sprintf(text, i % 3 == 0 ? "%d" : i % 3 == 1 ? "%08d" : "a longer value, number %d", i);

		assert_int_equal(fm_dict_index(&d, text, (size_t)n, false), -1);
		assert_int_equal(fm_dict_index(&d, text, (size_t)n, true), i);
		assert_int_equal(fm_dict_index(&d, text, (size_t)n, true), i);
		assert_int_equal(fm_dict_index(&d, text, (size_t)n - 1, false) == i, 0);
	}
	assert_int_equal(fm_dict_index(&d, "one more", 8, true), -1);
	assert_int_equal(d.n, FM_DICT_MAX);
	assert_int_equal(fm_dict_copy(&e, &d, &err), FM_OK);
	assert_int_equal(fm_dict_index(&e, "00000001", 8, false), 1);
	assert_int_equal(e.n, FM_DICT_MAX);
	fm_dict_free(&e);
	fm_dict_free(&d);
	fm_dict_free(&d);
	fm_dict_free(NULL);
}

static void test_dictionary_takes_text_only(void **state)
{
	static const char *const bad[] = {
	    "\xFF",  "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80",
	    "a\xC3", "\x80",     "\xE2\x82",     "\xF0\x9F\x98"};
	static const char *const good[] = {
	    "", " ", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD", "\x7F", "\x01"};
	struct fm_dict d = {0};
	char big[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fm_dict_index(&d, bad[i], strlen(bad[i]), true), -1);
	assert_int_equal(fm_dict_index(&d, "a\0b", 3, true), -1);
	memset(big, 'b', sizeof(big));
	assert_int_equal(fm_dict_index(&d, big, 256, true), -1);
	assert_int_equal(d.n, 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(fm_dict_index(&d, good[i], strlen(good[i]), true), i);
	assert_int_equal(fm_dict_index(&d, big, 255, true), 8);
	fm_dict_free(&d);
}

/* Values put in by hand are found, and values added after them too. */
static void test_dictionary_filled_by_hand(void **state)
{
	struct fm_dict d = {0};

	(void)state;
	d.value = calloc(4, sizeof(*d.value));
	assert_non_null(d.value);
	d.cap = 4;
	d.value[d.n++] = strdup("TCP");
	d.value[d.n++] = strdup("UDP");
	assert_int_equal(fm_dict_index(&d, "UDP", 3, false), 1);
	assert_int_equal(fm_dict_index(&d, "ICMP", 4, false), -1);
	assert_int_equal(fm_dict_index(&d, "ICMP", 4, true), 2);
	d.value[d.n++] = strdup("GRE");
	assert_int_equal(fm_dict_index(&d, "GRE", 3, false), 3);
	assert_int_equal(fm_dict_index(&d, "TCP", 3, true), 0);
	assert_int_equal(fm_dict_index(&d, "ESP", 3, true), 4);
	assert_int_equal(fm_dict_index(&d, "GRE", 3, true), 3);
	fm_dict_free(&d);
}

static void test_columns_are_known_by_name(void **state)
{
	static const char *const names[] = {"te",  "td",   "sa",  "da",  "sp",    "dp",  "pr", "flg",
					    "fwd", "stos", "pkt", "byt", "label", "win", "gap"};

	(void)state;
	for (int c = 0; c < FM_NCOL; c++) {
		assert_string_equal(fm_cols[c].name, names[c]);
		assert_int_equal(fm_col_find(names[c]), c);
		assert_int_equal(fm_cols[c].dtype[2] - '0', fm_cols[c].width);
	}
	assert_int_equal(fm_col_find("TE"), -1);
	assert_int_equal(fm_col_find(""), -1);
}

static void test_a_spilled_table_is_the_same_and_grows(void **state)
{
	struct fm_table *t = random_table(70000, ALL_COLUMNS, 5), *u = random_table(1000, ALL_COLUMNS, 5);
	struct fm_error err;
	char **names;
	size_t n;

	(void)state;
	assert_true(fm_table_spill(u, "/nowhere", &err) != FM_OK && strstr(err.message, "TMPDIR"));
	fm_table_free(u);
	u = random_table(1000, ALL_COLUMNS, 5);
	assert_int_equal(fm_table_spill(u, scratch, &err), FM_OK);
	assert_int_equal(fm_table_spill(u, scratch, &err), FM_ESYSTEM);
	for (size_t i = 0; i < 69000; i++) {
		assert_int_equal(fm_table_append(u, t, i, &err), FM_OK);
		if (i % 1000 == 0)
			fm_table_forget(u, i / 2, u->rows); /* what was written is read again */
	}
	assert_int_equal(u->rows, 70000);
	fm_table_forget(u, 0, u->rows);
	for (size_t i = 0; i < 69000; i++)
		for (int c = 0; c < FM_NCOL; c++)
			assert_true(fm_table_value(u, c, 1000 + i) == fm_table_value(t, c, i));
	assert_int_equal(fm_dir_list(scratch, &names, &n, &err), FM_OK);
	for (size_t i = 0; i < n; i++)
		assert_null(strstr(names[i], "flowmint-column")); /* its files have no name */
	fm_names_free(names, n);
	fm_table_free(u);
	fm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_saved_is_opened),
	    cmocka_unit_test(test_numpy_opens_every_column),
	    cmocka_unit_test(test_the_header_is_the_format_to_the_byte),
	    cmocka_unit_test(test_writer_in_pieces_equals_one_save),
	    cmocka_unit_test(test_writer_refuses_an_index_without_value),
	    cmocka_unit_test(test_a_damaged_schema_is_refused),
	    cmocka_unit_test(test_a_damaged_column_is_refused),
	    cmocka_unit_test(test_append_matches_categories_by_value),
	    cmocka_unit_test(test_dictionary_finds_what_was_added_and_no_more),
	    cmocka_unit_test(test_dictionary_takes_text_only),
	    cmocka_unit_test(test_dictionary_filled_by_hand),
	    cmocka_unit_test(test_a_spilled_table_is_the_same_and_grows),
	    cmocka_unit_test(test_columns_are_known_by_name),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
