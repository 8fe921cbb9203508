/* Promise: ingest counts the rows that a second exporter made, and drops them where that is asked for. */
#include "manifests/canon.h"
#include "stages/stage.h"
#include "tests/unit/trace_fixture.h"
#include "traces/duplicates.h"

enum { WINDOW = 10 };

static void ingest(const char *trace, const char *choice, struct fm_ingest_out *out)
{
	struct fm_config cfg = {.source = {.dialect = "ugr16", .missing = "zero", .max_bad_share = 0.01},
				.split = {.validation = 0.1, .holdout = 0.2, .seed = 7},
				.model = {.window = WINDOW}};
	struct fm_error err = {0};
	char dir[1024];

	snprintf(cfg.source.duplicates, sizeof cfg.source.duplicates, "%s", choice);
	snprintf(dir, sizeof dir, "%s", at("store"));
	assert_int_equal(fm_dir_remove(dir, &err), FM_OK);
	assert_int_equal(fm_dir_make(dir, 0700, &err), FM_OK);
	struct fm_ingest_in in = {.cfg = &cfg, .trace = trace, .out_dir = dir};
	if (fm_stage_ingest(&in, out, &err))
		fail_msg("%s", err.message);
}

/* n flows, a second apart; each third stands there twice, each fifth (of the others) again a second later. */
static const char *doubled(unsigned n, unsigned *exact, unsigned *near)
{
	struct fm_buf b = {0};

	*exact = *near = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned minute = i / 60, second = i % 60;
		for (int k = 0; k < 2; k++) {
			if (k && i % 3 && i % 5)
				continue;
			unsigned later = k && i % 3 ? 1 : 0, s = second + later;
			*exact += k && !later;
			*near += later;
			fm_buf_printf(
			    &b, "2016-04-11 %02u:%02u:%02u,0.%03u,10.0.%u.%u,10.1.0.1,%u,80,TCP,.AP.S.,0,0,4,%u,a\n",
			    minute / 60, minute % 60 + s / 60, s % 60, i % 1000, i / 200, i % 200, 1024 + i, 200 + i);
		}
	}
	const char *path = put_bytes("doubled.csv", b.data, b.len);
	fm_buf_free(&b);
	return path;
}

static void copies_are_counted_and_dropped(void **state)
{
	struct fm_ingest_out kept, dropped;
	unsigned exact, near;
	const char *path = doubled(1700, &exact, &near);

	(void)state;
	ingest(path, "keep", &kept);
	assert_int_equal(kept.duplicates, exact);
	assert_int_equal(kept.near_duplicates, near);
	assert_int_equal(kept.dropped, 0);
	assert_int_equal(kept.rows, 1700 + exact + near);
	assert_int_equal(kept.train_rows + kept.validation_rows + kept.holdout_rows + kept.tail_rows, kept.rows);

	ingest(path, "drop", &dropped);
	assert_int_equal(dropped.dropped, exact + near);
	assert_int_equal(dropped.rows, kept.rows);
	assert_int_equal(dropped.windows, 1700 / WINDOW);
	assert_int_equal(dropped.train_rows + dropped.validation_rows + dropped.holdout_rows + dropped.tail_rows, 1700);
	json_t *j = fm_ingest_out_json(&dropped), *list = json_object_get(j, "left_out");
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "rows")), exact + near);
	assert_int_equal(json_array_size(json_object_get(json_array_get(list, 0), "lines")), 0);
	json_decref(j);
}

static void a_trace_without_copies_has_none(void **state)
{
	struct fm_buf b = ugr16_rows(1000);
	struct fm_ingest_out out;

	(void)state;
	ingest(put_bytes("once.csv", b.data, b.len), "drop", &out);
	assert_int_equal(out.duplicates + out.near_duplicates + out.dropped, 0);
	json_t *j = fm_ingest_out_json(&out);
	assert_null(json_object_get(j, "duplicates"));
	assert_null(json_object_get(j, "left_out"));
	json_decref(j);
	fm_buf_free(&b);
}

/* More rows than are remembered: what is long gone is not looked at, and nothing breaks. */
static void old_rows_are_forgotten(void **state)
{
	const size_t rows = FM_DUPLICATES_RECENT + 1000;
	struct fm_duplicates d;
	struct fm_error err = {0};
	struct fm_table *t = NULL;

	(void)state;
	assert_int_equal(fm_table_new(&t, 1u << FM_TE | 1u << FM_BYT | 1u << FM_TD, &err), FM_OK);
	assert_int_equal(fm_table_reserve(t, rows + 2, &err), FM_OK);
	t->rows = rows + 2;
	for (size_t i = 0; i < rows; i++) {
		t->te[i] = 1460332800000;
		t->td[i] = 0;
		t->byt[i] = i;
	}
	t->te[rows] = t->te[rows + 1] = t->te[0];
	t->td[rows] = t->td[rows + 1] = 0;
	t->byt[rows] = 5;            /* forgotten */
	t->byt[rows + 1] = rows - 7; /* not yet */
	assert_int_equal(fm_duplicates_open(&d, &err), FM_OK);
	fm_duplicates_look(&d, t, 0, NULL);
	assert_int_equal(d.exact, 1);
	assert_int_equal(d.near, 0);
	fm_duplicates_close(&d);
	fm_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copies_are_counted_and_dropped),
	    cmocka_unit_test(a_trace_without_copies_has_none),
	    cmocka_unit_test(old_rows_are_forgotten),
	};

	return cmocka_run_group_tests_name("duplicates", tests, scratch_make, scratch_remove);
}
