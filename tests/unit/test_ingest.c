/* The private store: no row lost, no window in two splits, shares kept, and a clear end for what cannot be ingested. */
#include <math.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "manifests/canon.h"
#include "stages/stage.h"
#include "tests/unit/trace_fixture.h"
#include "traces/simulate/simulate.h"
#include "traces/split.h"

static const char *const names[FM_NSPLIT] = {"train", "validation", "holdout"};

static struct fm_config *config(int window)
{
	struct fm_config *cfg = calloc(1, sizeof *cfg);

	assert_non_null(cfg);
	strcpy(cfg->source.dialect, "ugr16");
	strcpy(cfg->source.missing, "zero");
	cfg->source.max_bad_share = 0.01;
	cfg->split.validation = 0.1;
	cfg->split.holdout = 0.2;
	cfg->split.seed = 7;
	cfg->model.window = window;
	return cfg;
}

struct store {
	int rc;
	struct fm_error err;
	struct fm_ingest_out out;
	struct fm_table *t[FM_NSPLIT];
	char dir[1024];
};

/* Ingest into a fresh folder of that name. */
static void ingest(struct store *s, const struct fm_config *cfg, const char *trace, const char *dir)
{
	struct fm_ingest_in in = {.cfg = cfg, .trace = trace, .out_dir = s->dir};
	char path[1100];

	memset(s, 0, sizeof *s);
	snprintf(s->dir, sizeof s->dir, "%s", at(dir));
	assert_int_equal(fm_dir_remove(s->dir, &s->err), FM_OK);
	assert_int_equal(fm_dir_make(s->dir, 0700, &s->err), FM_OK);
	s->rc = fm_stage_ingest(&in, &s->out, &s->err);
	for (int k = 0; k < FM_NSPLIT && !s->rc; k++) {
		snprintf(path, sizeof path, "%s/%s", s->dir, names[k]);
		if (fm_table_open(&s->t[k], path, &s->err))
			fail_msg("%s", s->err.message);
	}
}

static void done_with(struct store *s)
{
	for (int k = 0; k < FM_NSPLIT; k++)
		fm_table_free(s->t[k]);
}

static const char *made_up(unsigned rows)
{
	struct fm_buf b = ugr16_rows(rows);
	const char *path = put_bytes("trace.csv", b.data, b.len);

	fm_buf_free(&b);
	return path;
}

static json_t *summary(const struct store *s)
{
	char path[1100];
	json_t *j = NULL;
	struct fm_error err;

	snprintf(path, sizeof path, "%s/store.json", s->dir);
	assert_int_equal(fm_json_load(&j, path, 1 << 20, &err), FM_OK);
	return j;
}

/* Simulated rows of one second stand in order of their text, those made here do not: store.json says so. */
static void the_order_within_a_time_is_recorded(void **state)
{
	struct fm_config *cfg = config(16);
	struct fm_simulate_in in = {.rows = 5000, .seed = 2, .out = at("sorted.csv"), .threads = 1};
	struct fm_simulate_out out;
	struct fm_error err;
	struct store s;
	json_t *j;

	(void)state;
	assert_int_equal(fm_simulate(&in, &out, &err), FM_OK);
	ingest(&s, cfg, in.out, "store");
	j = summary(&s);
	assert_string_equal(json_string_value(json_object_get(j, "ties")), "text");
	json_decref(j);
	done_with(&s);
	ingest(&s, cfg, made_up(5000), "store");
	j = summary(&s);
	assert_string_equal(json_string_value(json_object_get(j, "ties")), "arrival");
	json_decref(j);
	done_with(&s);
	free(cfg);
}

static void no_row_is_lost_or_changed(void **state)
{
	enum { ROWS = 100123, W = 64 };
	struct fm_config *cfg = config(W);
	const char *trace = made_up(ROWS);
	struct store s;
	uint64_t next_row[FM_NSPLIT] = {0};

	(void)state;
	ingest(&s, cfg, trace, "store");
	if (s.rc)
		fail_msg("%s", s.err.message);
	struct reading *r = read_trace_file(trace, &ugr16, NULL, 0);
	assert_int_equal(s.out.rows, ROWS);
	assert_int_equal(s.out.windows, ROWS / W);
	assert_int_equal(s.out.tail_rows, ROWS % W);
	assert_int_equal(s.out.train_rows + s.out.validation_rows + s.out.holdout_rows + s.out.tail_rows, ROWS);
	/* Each window of the source stands whole, in order, in exactly one split. */
	for (uint32_t win = 0; win < ROWS / W; win++) {
		int found = -1;

		for (int k = 0; k < FM_NSPLIT; k++)
			if (next_row[k] < s.t[k]->rows && s.t[k]->win[next_row[k]] == win) {
				assert_int_equal(found, -1);
				found = k;
			}
		assert_true(found >= 0);
		const struct fm_table *t = s.t[found];
		for (size_t i = 0; i < W; i++) {
			size_t at_store = next_row[found] + i, at_trace = (size_t)win * W + i;

			assert_int_equal(t->win[at_store], win);
			for (int c = 0; c < FM_NFLOWCOL; c++)
				if (fm_cols[c].kind == FM_KIND_CATEGORY)
					assert_string_equal(fm_table_category(t, c, at_store),
							    fm_table_category(r->t, c, at_trace));
				else
					assert_memory_equal((const char *)t->col[c] + at_store * fm_cols[c].width,
							    (const char *)r->t->col[c] + at_trace * fm_cols[c].width,
							    fm_cols[c].width);
			assert_int_equal(t->gap[at_store], at_trace ? r->t->te[at_trace] - r->t->te[at_trace - 1] : 0);
		}
		next_row[found] += W;
	}
	for (int k = 0; k < FM_NSPLIT; k++) {
		assert_int_equal(next_row[k], s.t[k]->rows);
		assert_int_equal(s.t[k]->dict[FM_LABEL].n, 2); /* the same dictionaries in all three */
		assert_string_equal(s.t[k]->dict[FM_LABEL].value[1], "blacklist");
	}
	assert_int_equal(s.out.first_ms, r->t->te[0]);
	assert_int_equal(s.out.last_ms, r->t->te[ROWS - 1]);
	done(r);
	done_with(&s);
	free(cfg);
}

static void the_summary_says_what_was_found(void **state)
{
	struct fm_config *cfg = config(10);
	struct fm_buf b = ugr16_rows(1000);
	struct store s;
	json_t *j;

	(void)state;
	fm_buf_puts(&b, "x,y\n2016-04-11 00:00:00,-,1.2.3.4,1.2.3.4,1,2,TCP,x,0,0,1,40,a\n");
	ingest(&s, cfg, put_bytes("t.csv", b.data, b.len), "store");
	assert_int_equal(s.rc, FM_OK);
	j = summary(&s);
	assert_string_equal(json_string_value(json_object_get(j, "format")), "flowmint-store/1");
	assert_string_equal(json_string_value(json_object_get(j, "dialect")), "ugr16");
	static const struct {
		const char *key;
		int value;
	} want[] = {{"rows", 1001},        {"bad", 1},      {"missing_values", 1}, {"unsorted", 1},
		    {"windows", 100},      {"window", 10},  {"train_rows", 700},   {"validation_rows", 100},
		    {"holdout_rows", 200}, {"tail_rows", 1}};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		assert_int_equal(json_integer_value(json_object_get(j, want[i].key)), want[i].value);
	assert_int_equal(json_integer_value(json_object_get(j, "first_ms")), INT64_C(1460332800000));
	json_decref(j);
	done_with(&s);
	fm_buf_free(&b);
	free(cfg);
}

static void shares_are_met_to_within_one_window_wherever_the_trace_ends(void **state)
{
	static const double shares[][2] = {{0.1, 0.1}, {0.1, 0.2},         {0.05, 0.05}, {0.15, 0.15}, {0, 0.5},
					   {0.3, 0},   {1.0 / 3, 1.0 / 3}, {0.01, 0.02}, {0, 0},       {0.45, 0.5}};

	(void)state;
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
		for (size_t n = 1; n <= 700; n += n < 60 ? 1 : 13) {
			struct fm_splitter s;
			uint8_t split[FM_SPLIT_BLOCK];
			size_t count[FM_NSPLIT] = {0};

			fm_splitter_init(&s, shares[i][0], shares[i][1], 1);
			for (size_t left = n; left;) {
				size_t m = left < FM_SPLIT_BLOCK ? left : FM_SPLIT_BLOCK;

				fm_splitter_block(&s, m, split);
				for (size_t j = 0; j < m; j++)
					count[split[j]]++;
				left -= m;
			}
			for (int k = 0; k < FM_NSPLIT; k++) {
				double share = k == 0 ? 1 - shares[i][0] - shares[i][1] : shares[i][k - 1];

				if (!(fabs((double)count[k] - share * (double)n) <= 1))
					fail_msg("%zu of %zu windows are in %s, whose share is %g", count[k], n,
						 names[k], share);
			}
		}
	}
}

/* A trace of few windows holds out the least that it is told, where half as many are left to learn from. */
static void a_few_windows_hold_out_enough(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 60; n++) {
		struct fm_splitter s, plain;
		uint8_t split[FM_SPLIT_BLOCK];
		uint64_t at[FM_NSPLIT];
		bool more = n >= 11 && n <= 25; /* 7 windows held out, at least 4 for training */

		fm_splitter_init(&s, 0.05, 0.25, 3);
		fm_splitter_init(&plain, 0.05, 0.25, 3);
		fm_splitter_hold(&s, n, 7);
		for (size_t left = n, m; left; left -= m) {
			m = left < FM_SPLIT_BLOCK ? left : FM_SPLIT_BLOCK;
			fm_splitter_block(&s, m, split);
			fm_splitter_block(&plain, m, split);
		}
		if (!more) {
			assert_memory_equal(s.count, plain.count, sizeof s.count);
			continue;
		}
		assert_in_range(s.count[FM_SPLIT_HOLDOUT], 7, 7);
		assert_int_equal(s.count[FM_SPLIT_VALIDATION], plain.count[FM_SPLIT_VALIDATION]);
		assert_int_equal(s.count[FM_SPLIT_TRAIN], n - 7 - s.count[FM_SPLIT_VALIDATION]);
		fm_splitter_at(0.05, 0.25, 7, s.count[FM_SPLIT_TRAIN], at);
		assert_int_equal(at[FM_SPLIT_TRAIN], s.count[FM_SPLIT_TRAIN]);
		assert_int_equal(at[FM_SPLIT_HOLDOUT], 7);
	}
}

static void splits_are_spread_over_time_and_drawn_by_the_seed(void **state)
{
	struct fm_splitter a, b, c;
	uint8_t sa[FM_SPLIT_BLOCK], sb[FM_SPLIT_BLOCK], sc[FM_SPLIT_BLOCK];
	size_t differ = 0, first[FM_SPLIT_BLOCK] = {0};

	(void)state;
	fm_splitter_init(&a, 0.1, 0.1, 7);
	fm_splitter_init(&b, 0.1, 0.1, 7);
	fm_splitter_init(&c, 0.1, 0.1, 8);
	for (int block = 0; block < 2000; block++) {
		size_t count[FM_NSPLIT] = {0};

		fm_splitter_block(&a, FM_SPLIT_BLOCK, sa);
		fm_splitter_block(&b, FM_SPLIT_BLOCK, sb);
		fm_splitter_block(&c, FM_SPLIT_BLOCK, sc);
		assert_memory_equal(sa, sb, sizeof sa);
		differ += memcmp(sa, sc, sizeof sa) != 0;
		for (int i = 0; i < FM_SPLIT_BLOCK; i++) {
			count[sa[i]]++;
			first[i] += sa[i] == FM_SPLIT_HOLDOUT;
		}
		assert_int_equal(count[FM_SPLIT_HOLDOUT], 2); /* a tenth of each block of 20 */
		assert_int_equal(count[FM_SPLIT_VALIDATION], 2);
	}
	assert_true(differ > 1900);
	for (int i = 0; i < FM_SPLIT_BLOCK; i++) /* each place of a block is as often in the holdout: 200 +- 5 sigma */
		assert_true(first[i] > 130 && first[i] < 270);
}

static void the_same_trace_gives_the_same_bytes(void **state)
{
	struct fm_config *cfg = config(32);
	struct fm_buf b = ugr16_rows(20000);
	const char *plain = put_bytes("s.csv", b.data, b.len),
		   *packed = pack_one("s.csv.zst", ARCHIVE_FILTER_ZSTD, b.data, b.len);
	char hex[3][FM_SHA256_HEX];
	struct store s;

	(void)state;
	ingest(&s, cfg, plain, "one");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(fm_sha256_dir_hex(s.dir, hex[0], &s.err), FM_OK);
	done_with(&s);
	ingest(&s, cfg, packed, "two");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(fm_sha256_dir_hex(s.dir, hex[1], &s.err), FM_OK);
	done_with(&s);
	cfg->split.seed++;
	ingest(&s, cfg, plain, "three");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(fm_sha256_dir_hex(s.dir, hex[2], &s.err), FM_OK);
	done_with(&s);
	assert_string_equal(hex[0], hex[1]);
	assert_string_not_equal(hex[0], hex[2]);
	fm_buf_free(&b);
	free(cfg);
}

static void read_quarantine(const struct store *s, struct fm_buf *b)
{
	char path[1100];
	struct fm_error err;
	struct stat st;

	snprintf(path, sizeof path, "%s/quarantine.csv", s->dir);
	assert_int_equal(fm_file_read(path, 1 << 24, b, &err), FM_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0); /* rows of a private trace */
}

static void bad_rows_go_to_quarantine(void **state)
{
	struct fm_config *cfg = config(16);
	struct fm_buf b = ugr16_rows(500), q = {0};
	struct store s;

	(void)state;
	fm_buf_puts(&b, "a \"quoted\" row, with\ttab\n");
	ingest(&s, cfg, put_bytes("q.csv", b.data, b.len), "store");
	if (s.rc)
		fail_msg("%s", s.err.message);
	assert_int_equal(s.out.bad, 1);
	read_quarantine(&s, &q);
	assert_string_equal(q.data,
			    "line,reason,text\n501,\"misplaced quotes\",\"a \"\"quoted\"\" row, with\\x09tab\"\n");
	done_with(&s);
	fm_buf_free(&q);
	fm_buf_free(&b);
	free(cfg);
}

static void quarantine_is_a_sample_and_says_so(void **state)
{
	struct fm_config *cfg = config(16);
	struct fm_buf b = {0}, q = {0};
	struct store s;
	size_t lines = 0;

	(void)state;
	cfg->source.max_bad_share = 0.5;
	for (unsigned i = 0; i < 1500; i++) {
		ugr16_row(&b, i);
		fm_buf_puts(&b, "x\n");
	}
	ingest(&s, cfg, put_bytes("q.csv", b.data, b.len), "store");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(s.out.bad, 1500);
	read_quarantine(&s, &q);
	for (size_t i = 0; i < q.len; i++)
		lines += q.data[i] == '\n';
	assert_int_equal(lines, 1002);
	assert_non_null(strstr(q.data, "\n,500 more bad rows are not listed,\n"));
	done_with(&s);
	fm_buf_free(&q);
	fm_buf_free(&b);
	free(cfg);
}

static void assert_fails(const struct fm_config *cfg, const char *trace, const char *text)
{
	struct store s;
	char path[1100];

	ingest(&s, cfg, trace, "failed");
	assert_int_equal(s.rc, FM_EINPUT);
	assert_says(s.err, text);
	for (int k = 0; k < FM_NSPLIT; k++) { /* nothing half-written */
		snprintf(path, sizeof path, "%s/%s/schema.json", s.dir, names[k]);
		assert_false(fm_file_exists(path));
	}
	snprintf(path, sizeof path, "%s/store.json", s.dir);
	assert_false(fm_file_exists(path));
}

static void too_many_bad_rows_stop_the_run(void **state)
{
	struct fm_config *cfg = config(16);
	struct fm_buf b = ugr16_rows(500), q = {0};
	struct store s;

	(void)state;
	for (int i = 0; i < 6; i++)
		fm_buf_puts(&b,
			    "2016-04-11 "
			    "00:01:38,7.000,60.150.71.237,42.219.159.200,70000,80,TCP,....S.,0,0,4,240,background\n");
	const char *path = put_bytes("b.csv", b.data, b.len);
	assert_fails(cfg, path,
		     "6 of 506 rows are bad, over the limit of 1 % (source.max_bad_share); first at line 501: "
		     "sp is over 65535");
	assert_fails(cfg, path, "failed/quarantine.csv");
	ingest(&s, cfg, path, "failed");
	read_quarantine(&s, &q);
	assert_non_null(strstr(q.data, "\n501,"));
	cfg->source.max_bad_share = 0;
	assert_fails(cfg, path, "over the limit of 0 %");
	done_with(&s);
	fm_buf_free(&q);
	fm_buf_free(&b);
	free(cfg);
}

static void too_few_rows_say_how_many_are_needed(void **state)
{
	struct fm_config *cfg = config(50);
	struct store s;
	uint64_t needed = fm_splitter_needed(cfg->split.validation, cfg->split.holdout) * 50;
	char text[128];

	(void)state;
	assert_true(needed >= 150);
	snprintf(text, sizeof text, "at least %u rows are needed for one window in each split", (unsigned)needed);
	assert_fails(cfg, made_up((unsigned)needed - 1), text);
	assert_fails(cfg, made_up(1), "1 row makes 0 windows");
	assert_fails(cfg, made_up(1), "give more rows, or lower model.window");
	cfg->split.holdout = 0.001; /* a window in a thousand */
	assert_fails(cfg, made_up(2000), "lower model.window, or raise split.holdout from 0.001 to");
	cfg->split.holdout = 0.2;
	ingest(&s, cfg, made_up((unsigned)needed), "store");
	assert_int_equal(s.rc, FM_OK);
	for (int k = 0; k < FM_NSPLIT; k++)
		assert_true(s.t[k]->rows >= 50);
	done_with(&s);
	cfg->split.validation = cfg->split.holdout = 0; /* all for training: one window will do */
	ingest(&s, cfg, made_up(50), "store");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(s.t[FM_SPLIT_TRAIN]->rows, 50);
	assert_int_equal(s.t[FM_SPLIT_HOLDOUT]->rows, 0);
	done_with(&s);
	free(cfg);
}

static void row_of_time(struct fm_buf *b, unsigned seconds)
{
	fm_buf_printf(b, "2016-04-%02u %02u:%02u:%02u,0.000,1.2.3.4,1.2.3.5,1,2,TCP,x,0,0,1,40,a\n",
		      1 + seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

/* The digest of a split's files. */
static void digests(const struct store *s, char hex[FM_NSPLIT][FM_SHA256_HEX])
{
	struct fm_error err;
	char path[1100];

	for (int k = 0; k < FM_NSPLIT; k++) {
		snprintf(path, sizeof path, "%s/%s", s->dir, names[k]);
		assert_int_equal(fm_sha256_dir_hex(path, hex[k], &err), FM_OK);
	}
}

/* The lines of a text in another order: order[i] is the line that comes i-th. */
static struct fm_buf reordered(const struct fm_buf *b, unsigned n, unsigned (*order)(unsigned i, unsigned n))
{
	const char **line = calloc(n + 1, sizeof *line);
	struct fm_buf out = {0};

	assert_non_null(line);
	line[0] = b->data;
	for (unsigned i = 1; i <= n; i++)
		line[i] = strchr(line[i - 1], '\n') + 1;
	for (unsigned i = 0; i < n; i++) {
		unsigned k = order(i, n);

		fm_buf_add(&out, line[k], (size_t)(line[k + 1] - line[k]));
	}
	free(line);
	return out;
}

static unsigned last_first(unsigned i, unsigned n)
{
	return n - 1 - i;
}

static unsigned far_apart(unsigned i, unsigned n) /* each once where 7919 does not divide n */
{
	return (unsigned)((uint64_t)i * 7919 % n);
}

static unsigned in_pieces_last_first(unsigned i, unsigned n) /* as of files that have their newest rows first */
{
	return i - i % 500 + 499 - i % 500 + 0 * n;
}

static unsigned up_and_down(unsigned i, unsigned n) /* one half forward, the other one back */
{
	return i < n / 2 ? 2 * i : 2 * (n - 1 - i) + 1;
}

static unsigned piece_by_piece(unsigned i, unsigned n) /* two traces of the same time, in turn for some minutes each */
{
	unsigned piece = 4000, of = i % piece;

	return i - of + (of < piece / 2 ? 2 * of : 2 * (of - piece / 2) + 1) + 0 * n;
}

static unsigned second_half_first(unsigned i, unsigned n)
{
	return (i + n / 2) % n;
}

/* Whatever the order of the rows: the store is that of the trace in order. */
static void a_trace_out_of_order_gives_the_bytes_of_the_same_in_order(void **state)
{
	static unsigned (*const orders[])(unsigned, unsigned) = {last_first,           far_apart,   second_half_first,
								 in_pieces_last_first, up_and_down, piece_by_piece};
	struct fm_config *cfg = config(16);
	struct fm_simulate_in in = {.rows = 20000, .seed = 2, .out = at("sorted.csv"), .threads = 1};
	char want[FM_NSPLIT][FM_SHA256_HEX], got[FM_NSPLIT][FM_SHA256_HEX];
	struct fm_simulate_out out;
	struct fm_buf b = {0}, other;
	struct fm_error err;
	struct store s;
	json_t *j;

	(void)state;
	assert_int_equal(fm_simulate(&in, &out, &err), FM_OK);
	assert_int_equal(fm_file_read(in.out, 16 << 20, &b, &err), FM_OK);
	fm_buf_add(&b, "", 1);
	ingest(&s, cfg, in.out, "store");
	assert_int_equal(s.rc, FM_OK);
	assert_false(s.out.sorted);
	digests(&s, want);
	done_with(&s);
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		other = reordered(&b, 20000, orders[i]);
		ingest(&s, cfg, put_bytes("other.csv", other.data, other.len), "store");
		if (s.rc)
			fail_msg("%s", s.err.message);
		assert_true(s.out.sorted);
		assert_int_equal(s.out.rows, 20000);
		assert_true(s.out.unsorted > 0);
		digests(&s, got);
		for (int k = 0; k < FM_NSPLIT; k++)
			assert_string_equal(got[k], want[k]);
		j = summary(&s);
		assert_true(json_is_true(json_object_get(j, "sorted")));
		assert_string_equal(json_string_value(json_object_get(j, "ties")), "text");
		json_decref(j);
		done_with(&s);
		fm_buf_free(&other);
	}
	fm_buf_free(&b);
	free(cfg);
}

/* Flows that began in order and are told by their end, those that ended in order and are told by their start, and those
 * that a collector has exported some time after their end are in order. */
static void flows_told_by_their_other_time_stay_as_they_are(void **state)
{
	struct fm_config *cfg = config(16);
	struct store s;

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct fm_buf b = {0};
		uint32_t x = 1;

		for (unsigned i = 0; i < 6000; i++) {
			unsigned lasts;

			x = x * 1664525u + 1013904223u;
			lasts = (x >> 8) % 1000;
			lasts = k == 2 ? lasts % 60 : lasts % 8 ? lasts % 5 : lasts; /* a few last long */
			row_of_time(&b, 2000 + i / 2 + (k == 0 ? lasts : -lasts));
		}
		ingest(&s, cfg, put_bytes("other.csv", b.data, b.len), "store");
		if (s.rc)
			fail_msg("%s", s.err.message);
		assert_true(s.out.unsorted > 2000);
		assert_false(s.out.sorted);
		done_with(&s);
		fm_buf_free(&b);
	}
	free(cfg);
}

/* Files of a day's hours, and one of another exporter over one of them: a fifteenth of the rows. */
static void a_file_of_another_exporter_is_merged(void **state)
{
	struct fm_config *cfg = config(16);
	struct store s;
	char list[8000] = "";

	(void)state;
	for (unsigned hour = 0; hour < 15; hour++) {
		struct fm_buf b = {0};
		char name[32];

		snprintf(name, sizeof name, "%u.csv", hour);
		for (unsigned i = 0; i < 300; i++)
			row_of_time(&b, hour < 14 ? hour * 3600 + i * 12 : 5 * 3600 + 7 + i * 12);
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", hour ? "\n" : "",
			 put_bytes(name, b.data, b.len));
		fm_buf_free(&b);
	}
	ingest(&s, cfg, list, "store");
	if (s.rc)
		fail_msg("%s", s.err.message);
	assert_int_equal(s.out.unsorted, 1);
	assert_true(s.out.sorted);
	done_with(&s);
	free(cfg);
}

/* Five minutes of an exporter and the same ones of another, in turn. */
static void pieces_of_two_exporters_are_merged(void **state)
{
	struct fm_config *cfg = config(16);
	struct fm_buf b = {0};
	struct store s;

	(void)state;
	for (unsigned i = 0; i < 3000; i++)
		row_of_time(&b, 100 + i / 100 * 300 + i % 50 * 6 + i / 50 % 2);
	ingest(&s, cfg, put_bytes("pieces.csv", b.data, b.len), "store");
	if (s.rc)
		fail_msg("%s", s.err.message);
	assert_int_equal(s.out.unsorted, 30);
	assert_true(s.out.sorted);
	done_with(&s);
	fm_buf_free(&b);
	free(cfg);
}

/* Files of two exporters over the same hour are one trace; hours of one follow each other. */
static void files_of_two_exporters_are_merged(void **state)
{
	struct fm_config *cfg = config(16);
	struct store s;
	char list[4200];

	(void)state;
	for (unsigned overlap = 0; overlap < 2; overlap++) {
		struct fm_buf a = {0}, b = {0};

		for (unsigned i = 0; i < 1200; i++) {
			row_of_time(&a, 100 + i * 3);
			row_of_time(&b, 101 + i * 3 + (overlap ? 0 : 3570)); /* its first flows ended with the hour */
		}
		put_bytes("b.csv", b.data, b.len);
		snprintf(list, sizeof list, "%s", at("b.csv"));
		snprintf(list + strlen(list), sizeof list - strlen(list), "\n%s", put_bytes("a.csv", a.data, a.len));
		ingest(&s, cfg, list, "store");
		if (s.rc)
			fail_msg("%s", s.err.message);
		assert_int_equal(s.out.unsorted, 1);
		assert_int_equal(s.out.sorted, overlap);
		for (int k = 0; k < FM_NSPLIT && overlap; k++)
			for (size_t i = 1; i < s.t[k]->rows; i++)
				assert_true(s.t[k]->gap[i] > 0);
		done_with(&s);
		fm_buf_free(&a);
		fm_buf_free(&b);
	}
	free(cfg);
}

static void a_trace_with_some_jitter_stays_as_it_is(void **state)
{
	struct fm_config *cfg = config(16);
	struct fm_buf jittery = {0}, winter = {0};
	struct store s;
	uint32_t x = 1;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		x = x * 1664525u + 1013904223u;
		row_of_time(&jittery, 100 + i * 20 - (x >> 8) % 100);
		row_of_time(&winter, i < 1500 ? i * 3 : i * 3 - 3600); /* the clock is set back by an hour */
	}
	ingest(&s, cfg, put_bytes("ji.csv", jittery.data, jittery.len), "store");
	if (s.rc)
		fail_msg("%s", s.err.message);
	assert_true(s.out.unsorted > 500);
	assert_false(s.out.sorted);
	done_with(&s);
	ingest(&s, cfg, put_bytes("wi.csv", winter.data, winter.len), "store");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(s.out.unsorted, 1);
	assert_false(s.out.sorted);
	done_with(&s);
	fm_buf_free(&jittery);
	fm_buf_free(&winter);
	free(cfg);
}

/* Kinds of bad rows, lines passed over, classes that go: in the summary. */
static void what_is_left_out_is_recorded_by_reason(void **state)
{
	struct fm_config *cfg = config(10);
	struct fm_buf b = ugr16_rows(1000);
	struct store s;
	json_t *j, *list;

	(void)state;
	fm_buf_puts(&b, "2016-04-11 23:00:00,-7.000,1.2.3.4,1.2.3.4,1,2,TCP,x,0,0,1,40,a\n"
			"# a comment\n"
			"2016-04-11 23:00:00,0.000,2001:db8::1,1.2.3.4,1,2,TCP,x,0,0,1,40,gone\n"
			"2016-04-11 23:00:00,-1.000,1.2.3.4,1.2.3.4,1,2,TCP,x,0,0,1,40,a\n"
			"2016-04-11 23:00:00,0.000,1.2.3.4,1.2.3.4,1,2,TCP,x,0,0,1,40,b\xea\n" /* no label to name */
			"2016-04-11 23:00:00,-1.000,1.2.3.4,1.2.3.4,1,2,TCP,x,0,0,1,40,b\xea\n");
	ingest(&s, cfg, put_bytes("l.csv", b.data, b.len), "store");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(s.out.left_out.n, 3);
	j = summary(&s);
	assert_int_equal(json_integer_value(json_object_get(j, "passed_over")), 1);
	list = json_object_get(j, "left_out");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "reason")),
			    "td is negative (column td)");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "rows")), 3);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(json_array_get(list, 0), "lines"), 0)),
			 1001);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(json_array_get(list, 0), "lines"), 1)),
			 1004);
	json_decref(j);
	done_with(&s);
	fm_buf_free(&b);
	free(cfg);
}

static void gaps_are_clamped(void **state)
{
	struct fm_config *cfg = config(1);
	struct fm_buf b = {0};
	struct store s;

	(void)state;
	cfg->split.validation = cfg->split.holdout = 0;
	row_of_time(&b, 5);
	row_of_time(&b, 3);
	row_of_time(&b, 4);
	fm_buf_puts(&b, "2016-12-01 00:00:00,0.000,1.2.3.4,1.2.3.5,1,2,TCP,x,0,0,1,40,a\n");
	ingest(&s, cfg, put_bytes("g.csv", b.data, b.len), "store");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(s.t[0]->gap[0], 0);
	assert_int_equal(s.t[0]->gap[1], 0);
	assert_int_equal(s.t[0]->gap[2], 1000);
	assert_int_equal(s.t[0]->gap[3], UINT32_MAX);
	done_with(&s);
	fm_buf_free(&b);
	free(cfg);
}

static void source_keys_are_obeyed(void **state)
{
	struct fm_config *cfg = config(16);
	struct fm_buf b = ugr16_rows(3000);
	const struct packed m[] = {{"a.csv", b.data, b.len}, {"b.csv", ROW, 0}};
	const char *path = pack("two.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP, m, 2);
	struct store s;

	(void)state;
	assert_fails(cfg, path, "source.member (a.csv, b.csv)");
	strcpy(cfg->source.member, "a.csv");
	cfg->source.rows = 1600;
	ingest(&s, cfg, path, "store");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(s.out.rows, 1600);
	assert_int_equal(s.out.windows, 100);
	done_with(&s);
	cfg->source.member[0] = 0;
	cfg->source.rows = 0;
	strcpy(cfg->source.missing, "reject");
	fm_buf_puts(&b, "2016-04-11 23:00:00,-,1.2.3.4,1.2.3.4,1,2,TCP,x,0,0,1,40,a\n");
	ingest(&s, cfg, put_bytes("m.csv", b.data, b.len), "store");
	assert_int_equal(s.rc, FM_OK);
	assert_int_equal(s.out.bad, 1);
	done_with(&s);
	assert_fails(cfg, at("absent.csv"), "absent.csv");
	strcpy(cfg->source.dialect, "netshare");
	assert_fails(cfg, put("d.csv", ROW), "dialect netshare needs");
	fm_buf_free(&b);
	free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_row_is_lost_or_changed),
	    cmocka_unit_test(the_order_within_a_time_is_recorded),
	    cmocka_unit_test(the_summary_says_what_was_found),
	    cmocka_unit_test(shares_are_met_to_within_one_window_wherever_the_trace_ends),
	    cmocka_unit_test(a_few_windows_hold_out_enough),
	    cmocka_unit_test(splits_are_spread_over_time_and_drawn_by_the_seed),
	    cmocka_unit_test(the_same_trace_gives_the_same_bytes),
	    cmocka_unit_test(bad_rows_go_to_quarantine),
	    cmocka_unit_test(quarantine_is_a_sample_and_says_so),
	    cmocka_unit_test(too_many_bad_rows_stop_the_run),
	    cmocka_unit_test(too_few_rows_say_how_many_are_needed),
	    cmocka_unit_test(a_trace_out_of_order_gives_the_bytes_of_the_same_in_order),
	    cmocka_unit_test(a_trace_with_some_jitter_stays_as_it_is),
	    cmocka_unit_test(flows_told_by_their_other_time_stay_as_they_are),
	    cmocka_unit_test(a_file_of_another_exporter_is_merged),
	    cmocka_unit_test(pieces_of_two_exporters_are_merged),
	    cmocka_unit_test(files_of_two_exporters_are_merged),
	    cmocka_unit_test(what_is_left_out_is_recorded_by_reason),
	    cmocka_unit_test(gaps_are_clamped),
	    cmocka_unit_test(source_keys_are_obeyed),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
