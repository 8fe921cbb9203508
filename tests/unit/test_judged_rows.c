/* Promise: whole multiples of privacy.min_count windows are judged; what is left out changes no number, and a copy of
 * it is found all the same. */
#include "judge_fixture.h"

#include "base/mem.h"
#include "manifests/config.h"
#include "stages/judged_rows.h"
#include "stages/stage.h"
#include "tests/unit/scratch.h"

enum { W = 16, K = 5, TRAIN = 33, HOLDOUT = 11 };

static struct fm_config *config(void)
{
	struct fm_config *cfg = calloc(1, sizeof *cfg);

	strcpy(cfg->privacy.mode, "none");
	cfg->privacy.min_count = K;
	cfg->model.window = W;
	cfg->split.holdout = 0.25;
	cfg->train.threads = 1;
	cfg->gate.memory = 1024;
	return cfg;
}

static struct fm_table *windows(size_t n, uint64_t seed)
{
	struct fm_table *t = random_table(n * W, seed);

	t->win = calloc(n * W, sizeof *t->win);
	t->present |= 1u << FM_WIN;
	for (size_t i = 0; i < t->rows; i++)
		t->win[i] = (uint32_t)(i / W);
	return t;
}

static void so_many_are_judged(void **state)
{
	struct fm_config *cfg = config();
	uint64_t count[FM_NSPLIT], before = 0;

	(void)state;
	for (uint64_t n = K; n < 2000; n++) {
		fm_judged_windows(cfg, n, count);
		assert_int_equal(count[FM_SPLIT_TRAIN], n / K * K);
		assert_true(count[FM_SPLIT_HOLDOUT] >= before);
		assert_true(fabs((double)count[FM_SPLIT_HOLDOUT] - (double)count[FM_SPLIT_TRAIN] / 3) <= 2);
		before = count[FM_SPLIT_HOLDOUT];
	}
	free(cfg);
}

/* Whatever a trace of few windows holds out beyond its share: what is judged of it is judged of traces with as many
 * different numbers of windows in training as the promise says. */
static void what_few_windows_hold_out_tells_no_more(void **state)
{
	enum { MOST = 200, WHOLE = 100 };
	static const struct {
		int window, k;
		double validation;
	} of[] = {{8, 20, 0.05}, {10, 20, 0.05}, {16, 20, 0.05}, {64, 20, 0.02}, {16, 10, 0.02}, {4, 10, 0.02}};
	struct fm_config *cfg = config();

	(void)state;
	cfg->split.holdout_least = 104;
	for (size_t c = 0; c < sizeof of / sizeof *of; c++) {
		uint64_t judged[MOST + 1][2], train[MOST + 1];

		cfg->model.window = of[c].window;
		cfg->privacy.min_count = of[c].k;
		cfg->split.validation = of[c].validation;
		for (uint64_t n = 1; n <= MOST; n++) {
			uint8_t split[FM_SPLIT_BLOCK];
			struct fm_splitter s;

			fm_splitter_init(&s, cfg->split.validation, cfg->split.holdout, 1);
			fm_splitter_hold(&s, n, fm_holdout_least(cfg));
			for (uint64_t left = n, m; left; left -= m) {
				m = left < FM_SPLIT_BLOCK ? left : FM_SPLIT_BLOCK;
				fm_splitter_block(&s, m, split);
			}
			train[n] = s.count[FM_SPLIT_TRAIN];
			judged[n][0] = train[n] * (uint64_t)of[c].window;
			judged[n][1] = s.count[FM_SPLIT_HOLDOUT] * (uint64_t)of[c].window;
			fm_judged_rows_count(cfg, judged[n]);
		}
		for (uint64_t n = 1; n <= WHOLE; n++) {
			uint8_t may[MOST + 1] = {0};
			int numbers = 0;

			if (train[n] < (uint64_t)of[c].k)
				continue; /* nothing is promised of so few */
			for (uint64_t m = 1; m <= MOST; m++)
				may[train[m]] |= memcmp(judged[m], judged[n], sizeof *judged) == 0;
			for (uint64_t m = 1; m <= MOST; m++)
				numbers += may[m];
			assert_true(numbers >= of[c].k);
		}
	}
	free(cfg);
}

/* The number of any window's rows in t. */
static void count_windows(const struct fm_table *t, size_t n, size_t *rows)
{
	memset(rows, 0, n * sizeof *rows);
	for (size_t i = 0; i < t->rows; i++)
		rows[t->win[i]]++;
}

static void whole_windows_are_left_out_evenly(void **state)
{
	struct fm_config *cfg = config();
	struct fm_table *t = windows(TRAIN, 1), *h = windows(HOLDOUT, 2);
	struct fm_judged_rows j;
	struct fm_error err;
	size_t rows[TRAIN], rest[TRAIN], last = 0;

	(void)state;
	OK(fm_judged_rows_make(&j, cfg, t, h, &err));
	assert_int_equal(j.train->rows, 30 * W);
	assert_int_equal(j.holdout->rows, 10 * W);
	assert_int_equal(j.rest->rows, 3 * W);
	count_windows(j.train, TRAIN, rows);
	count_windows(j.rest, TRAIN, rest);
	for (size_t i = 0; i < TRAIN; i++) {
		assert_true(rows[i] + rest[i] == W && (rows[i] == 0 || rows[i] == W));
		if (rest[i] == 0)
			continue;
		assert_true(i - last >= 5 && i - last <= 11);
		last = i;
	}
	fm_judged_rows_free(&j);

	/* too many for a copy: the last ones */
	cfg->gate.memory = 0;
	OK(fm_judged_rows_make(&j, cfg, t, NULL, &err));
	assert_int_equal(j.train->rows, 30 * W);
	assert_ptr_equal(j.train->te, t->te);
	assert_int_equal(j.rest->win[0], 30);
	assert_null(j.holdout);
	fm_judged_rows_free(&j);

	/* too few, or nothing that is published */
	cfg->privacy.min_count = TRAIN + 1;
	OK(fm_judged_rows_make(&j, cfg, t, h, &err));
	assert_ptr_equal(j.train, t);
	assert_ptr_equal(j.holdout, h);
	fm_judged_rows_free(&j);
	cfg->privacy.min_count = K;
	strcpy(cfg->privacy.mode, "dp");
	OK(fm_judged_rows_make(&j, cfg, t, h, &err));
	assert_ptr_equal(j.train, t);
	fm_judged_rows_free(&j);
	fm_table_free(t);
	fm_table_free(h);
	free(cfg);
}

static struct fm_metrics evaluate(const struct fm_config *cfg, const struct fm_table *t, const struct fm_table *h,
				  const struct fm_table *s)
{
	struct fm_evaluate_in in = {.cfg = cfg,
				    .train_dir = scratch_path("train"),
				    .holdout_dir = scratch_path("holdout"),
				    .synthetic_dir = scratch_path("synthetic"),
				    .out_dir = scratch};
	struct fm_evaluate_out out;
	struct fm_error err;

	OK(fm_table_save(t, in.train_dir, &err));
	OK(fm_table_save(h, in.holdout_dir, &err));
	OK(fm_table_save(s, in.synthetic_dir, &err));
	OK(fm_stage_evaluate(&in, &out, &err));
	return out.metrics;
}

/* Rows of t, all columns but the windows, become other rows of t. */
static void overwrite(struct fm_table *t, size_t to, size_t from, size_t n)
{
	for (int c = 0; c < FM_NFLOWCOL; c++)
		memcpy((char *)t->col[c] + to * fm_cols[c].width, (char *)t->col[c] + from * fm_cols[c].width,
		       n * fm_cols[c].width);
}

static void what_is_left_out_changes_no_number(void **state)
{
	struct fm_config *cfg = config();
	struct fm_table *t = windows(TRAIN, 1), *h = windows(HOLDOUT, 2), *s = random_table(30 * W, 3);
	struct fm_metrics was, is;
	struct fm_judged_rows j;
	struct fm_error err;
	const struct fm_metric *equal;
	size_t first, others = 0;

	(void)state;
	OK(fm_judged_rows_make(&j, cfg, t, h, &err));
	first = j.rest->win[0] * (size_t)W;
	fm_judged_rows_free(&j);
	was = evaluate(cfg, t, h, s);
	overwrite(t, first, 0, W);
	is = evaluate(cfg, t, h, s);
	assert_int_equal(was.n, is.n);
	for (size_t i = 0; i < was.n; i++) {
		assert_string_equal(was.m[i].name, is.m[i].name);
		if (memcmp(&was.m[i].value, &is.m[i].value, sizeof(double)) != 0) {
			printf("# %s was %.5g and is %.5g\n", was.m[i].name, was.m[i].value, is.m[i].value);
			others++;
		}
		assert_int_equal(was.m[i].n, is.m[i].n);
	}
	assert_int_equal(others, 0);
	fm_metrics_free(&is);

	/* three copies of what is left out */
	for (size_t i = 0; i < 3; i++) {
		for (int c = 0; c < FM_NFLOWCOL; c++)
			memcpy((char *)s->col[c] + i * fm_cols[c].width,
			       (char *)t->col[c] + (first + i) * fm_cols[c].width, fm_cols[c].width);
	}
	is = evaluate(cfg, t, h, s);
	equal = fm_metrics_find(&is, "leak.rows_equal");
	assert_true(equal->value > 2.9 / (30 * W) && equal->value < 3.1 / (30 * W));
	assert_true(equal->ci_lo > 0 && equal->ci_lo < equal->value && equal->ci_hi > equal->value);
	fm_metrics_free(&was);
	fm_metrics_free(&is);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
	free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(so_many_are_judged), cmocka_unit_test(what_few_windows_hold_out_tells_no_more),
	    cmocka_unit_test(whole_windows_are_left_out_evenly), cmocka_unit_test(what_is_left_out_changes_no_number)};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
