/* The histograms: every row counted once, in the bins that the metrics use, whatever the tables are like. */
#include "judge_fixture.h"

#include "base/fields.h"
#include "judge/divergence.h"
#include "judge/fidelity.h"
#include "judge/histogram.h"
#include "judge/host_histogram.h"
#include "judge/symptoms.h"

static const char *const cuts[] = {"real_cells", "synthetic_cells"};

static json_t *histograms(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout)
{
	struct fm_error err = {0};
	json_t *doc = NULL;

	OK(fm_histograms(real, synthetic, holdout, &doc, &err));
	return doc;
}

static const json_t *field(const json_t *doc, const char *cut, const char *name)
{
	const json_t *list = json_object_get(doc, cut);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *f = json_array_get(list, i);
		if (strcmp(json_string_value(json_object_get(f, "name")), name) == 0)
			return f;
	}
	return NULL;
}

static size_t counts(const json_t *f, const char *side, uint64_t *count, uint64_t *sum)
{
	const json_t *list = json_object_get(f, side);

	*sum = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_int_t v = json_integer_value(json_array_get(list, i));
		assert_true(v >= 0);
		*sum += (uint64_t)v;
		if (count)
			count[i] = (uint64_t)v;
	}
	return json_array_size(list);
}

static void test_every_row_is_counted_once(void **state)
{
	struct fm_table *real = random_table(3000, 1), *synthetic = random_table(2000, 2),
			*holdout = random_table(700, 3);
	json_t *doc = histograms(real, synthetic, holdout);

	(void)state;
	for (int c = 0; c < 2; c++) {
		const json_t *list = json_object_get(doc, cuts[c]);
		assert_int_equal(json_array_size(list), FM_NFIELDS + 3);
		for (size_t i = 0; i < FM_NFIELDS; i++) {
			const json_t *f = json_array_get(list, i);
			uint64_t sum;
			size_t n = counts(f, "real", NULL, &sum);
			assert_int_equal(sum, 3000);
			assert_int_equal(counts(f, "synthetic", NULL, &sum), n);
			assert_int_equal(sum, 2000);
			assert_int_equal(counts(f, "holdout", NULL, &sum), n);
			assert_int_equal(sum, 700);
		}
	}
	json_decref(doc);
	fm_table_free(real);
	fm_table_free(synthetic);
	fm_table_free(holdout);
}

static uint64_t cell(const json_t *f, const char *side, size_t i)
{
	return (uint64_t)json_integer_value(json_array_get(json_object_get(f, side), i));
}

/* Minutes by their flows, sources by how long they lived, and when the busiest of them were there. */
static void test_hosts_in_time(void **state)
{
	enum { ROWS = 40, SLOTS = FM_BUSY_SLOTS };
	struct fm_table *real = random_table(ROWS, 1), *one = random_table(1, 2);
	uint64_t sum;

	(void)state;
	/* Twelve sources: the first has 18 flows, one each 5 minutes from minute 0 on, the others two, in minute 1 and
	 * a minute later. */
	for (size_t i = 0; i < ROWS; i++) {
		real->sa[i] = i < 18 ? 7 : (uint32_t)(8 + (i - 18) / 2);
		real->te[i] = i < 18 ? (int64_t)i * 300000 : 60000 + (int64_t)(i % 2) * 60000;
	}
	json_t *doc = histograms(real, one, NULL);
	for (int c = 0; c < 2; c++) {
		const json_t *minutes = field(doc, cuts[c], "MINUTES"), *life = field(doc, cuts[c], "LIFE"),
			     *busy = field(doc, cuts[c], "BUSY");
		assert_int_equal(counts(minutes, "real", NULL, &sum), FM_POWERS);
		assert_int_equal(sum, 17 * 5 + 1);
		assert_int_equal(cell(minutes, "real", 1), 18);
		assert_int_equal(cell(minutes, "real", 4), 2); /* 11 flows */
		assert_int_equal(cell(minutes, "real", 0), 17 * 5 + 1 - 20);
		assert_int_equal(cell(minutes, "synthetic", 1), 1);
		counts(life, "real", NULL, &sum);
		assert_int_equal(sum, 12);
		assert_int_equal(cell(life, "real", 5), 11); /* 60 s */
		assert_int_equal(cell(life, "real", 12), 1); /* 5100 s */
		assert_int_equal(cell(life, "synthetic", 0), 1);
		assert_int_equal(counts(busy, "real", NULL, &sum), FM_BUSY_HOSTS * SLOTS);
		assert_int_equal(sum, 18 + 9 * 2);
		counts(busy, "synthetic", NULL, &sum);
		assert_int_equal(sum, 1);
	}
	const json_t *busy = field(doc, cuts[0], "BUSY");
	assert_true(json_real_value(json_object_get(busy, "lo")) == 0);
	assert_int_equal(cell(busy, "real", 0), 1);
	assert_int_equal(cell(busy, "real", SLOTS - 1), 1);
	assert_int_equal(cell(busy, "real", SLOTS) + cell(busy, "real", SLOTS + 1), 2);
	json_decref(doc);
	/* Without a source there is none. */
	one->present &= ~(1u << FM_SA);
	doc = histograms(real, one, NULL);
	assert_null(field(doc, cuts[0], "LIFE"));
	json_decref(doc);
	one->present |= 1u << FM_SA;
	fm_table_free(real);
	fm_table_free(one);
}

/* What the report draws is what the gate judged. */
static void test_bins_are_those_of_the_metrics(void **state)
{
	static const char *const names[] = {"TS", "TD", "PKT", "BYT"};
	struct fm_table *real = random_table(3000, 1), *synthetic = random_table(2500, 5);
	json_t *doc = histograms(real, synthetic, NULL);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	OK(fm_fidelity(real, synthetic, NULL, "", &m, &err));
	for (int i = 0; i < 4; i++) {
		uint64_t p[128], q[128], sum;
		char name[16];
		size_t n = counts(field(doc, "real_cells", names[i]), "real", p, &sum);
		assert_int_equal(n, 102);
		counts(field(doc, "real_cells", names[i]), "synthetic", q, &sum);
		snprintf(name, sizeof name, "jsd.%s", names[i]);
		assert_true(fm_jsd_counts(p, q, n) == metric(&m, name));
	}
	assert_null(json_object_get(field(doc, "real_cells", "TS"), "holdout"));
	fm_metrics_free(&m);
	json_decref(doc);
	fm_table_free(real);
	fm_table_free(synthetic);
}

/* Cells cut by the synthetic table do not move when the real one changes. */
static void test_synthetic_cells_do_not_depend_on_real_rows(void **state)
{
	struct fm_table *real = random_table(1000, 1), *synthetic = random_table(1000, 2);
	json_t *before = histograms(real, synthetic, NULL), *after;

	(void)state;
	real->byt[7] = 1ull << 60;
	real->te[3] += 86400000;
	real->td[5] = 4000000000u;
	for (size_t i = 0; i < 900; i++)
		real->dp[i] = 31337;
	for (size_t i = 0; i < 1000; i++)
		real->sa[i] = (uint32_t)i; /* more hosts than the synthetic table has */
	after = histograms(real, synthetic, NULL);
	for (size_t i = 0; i < json_array_size(json_object_get(before, "synthetic_cells")); i++) {
		json_t *a = json_array_get(json_object_get(before, "synthetic_cells"), i),
		       *b = json_array_get(json_object_get(after, "synthetic_cells"), i);
		json_object_del(a, "real");
		json_object_del(b, "real");
		assert_true(json_equal(a, b));
	}
	assert_false(json_equal(json_object_get(before, "real_cells"), json_object_get(after, "real_cells")));
	json_decref(before);
	json_decref(after);
	fm_table_free(real);
	fm_table_free(synthetic);
}

static void test_ranks_by_hand(void **state)
{
	struct fm_table *t = random_table(15, 1);
	uint64_t got[8], sum;
	json_t *doc;

	(void)state;
	/* hosts with 6, 4, 2, 1, 1, 1 rows: rank 1 | 2-3 | 4-7 */
	static const uint32_t sa[15] = {9, 9, 9, 9, 9, 9, 5, 5, 5, 5, 7, 7, 1, 2, 3};
	for (size_t i = 0; i < 15; i++)
		t->sa[i] = sa[14 - i];
	doc = histograms(t, t, NULL);
	assert_int_equal(counts(field(doc, "real_cells", "SA"), "real", got, &sum), 3);
	assert_int_equal(got[0], 6);
	assert_int_equal(got[1], 6);
	assert_int_equal(got[2], 3);
	json_decref(doc);
	fm_table_free(t);
}

static void test_values_by_hand(void **state)
{
	struct fm_table *real = random_table(100, 1), *synthetic = random_table(100, 1);
	const json_t *f;
	uint64_t got[32], sum;
	json_t *doc;

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		real->dp[i] = (uint16_t)(i < 60 ? 80 : i < 90 ? 443 : 2000 + i); /* ten ports once each */
		synthetic->dp[i] = (uint16_t)(i < 50 ? 443 : i < 60 ? 7 : i < 70 ? 5000 : 60000);
		synthetic->pr[i] = 0;
		real->pr[i] = 0;
	}
	/* The same names under other numbers, and one that the real table has not. */
	free(synthetic->dict[FM_PR].value[0]);
	synthetic->dict[FM_PR].value[0] = strdup("SCTP");
	doc = histograms(real, synthetic, NULL);
	f = field(doc, "real_cells", "DP");
	assert_string_equal(json_string_value(json_array_get(json_object_get(f, "values"), 0)), "80");
	assert_string_equal(json_string_value(json_array_get(json_object_get(f, "values"), 1)), "443");
	assert_int_equal(json_array_size(json_object_get(f, "values")), 15); /* 12 and what is left of three ranges */
	counts(f, "synthetic", got, &sum);
	assert_int_equal(got[0], 0);
	assert_int_equal(got[1], 50);
	assert_int_equal(got[12], 10); /* below 1024: 7 */
	assert_int_equal(got[13], 10); /* 5000 */
	assert_int_equal(got[14], 30); /* 60000 */
	f = field(doc, "real_cells", "PR");
	assert_int_equal(counts(f, "synthetic", got, &sum), 2);
	assert_int_equal(got[0], 0);
	assert_int_equal(got[1], 100); /* SCTP is no value of the real table */
	json_decref(doc);
	fm_table_free(real);
	fm_table_free(synthetic);
}

static void test_small_and_lacking_tables(void **state)
{
	struct fm_table *one = random_table(1, 1), *some = random_table(50, 2), *empty = random_table(2, 3);
	struct fm_error err = {0};
	json_t *doc;

	(void)state;
	doc = histograms(one, one, NULL);
	assert_int_equal(json_array_size(json_object_get(doc, "real_cells")), FM_NFIELDS + 3);
	json_decref(doc);
	some->present &= ~(1u << FM_FLG);
	doc = histograms(one, some, one);
	assert_null(field(doc, "real_cells", "FLG"));
	assert_null(field(doc, "synthetic_cells", "FLG"));
	assert_int_equal(json_array_size(json_object_get(doc, "real_cells")), FM_NFIELDS + 2);
	json_decref(doc);
	empty->rows = 0;
	doc = histograms(one, one, empty);
	assert_null(json_object_get(json_object_get(doc, "rows"), "holdout"));
	json_decref(doc);
	assert_int_equal(fm_histograms(empty, one, NULL, &doc, &err), FM_EINPUT);
	assert_null(doc);
	assert_int_equal(fm_histograms(one, empty, NULL, &doc, &err), FM_EINPUT);
	fm_table_free(one);
	fm_table_free(some);
	fm_table_free(empty);
}

/* Real flows are in cells of 60, 39.9 and 0.1 %: only a cell with a share worth the name can be lost, and below and
 * above count as outside. */
static void test_symptoms_by_hand(void **state)
{
	json_t *doc = json_loads("{\"real_cells\":["
				 "{\"name\":\"TD\",\"kind\":\"bins\",\"scale\":\"log1p\",\"unit\":\"ms\","
				 "\"lo\":0,\"hi\":30,\"real\":[0,600,399,1,0],"
				 "\"synthetic\":[15,950,30,0,5]},"
				 "{\"name\":\"PR\",\"kind\":\"values\",\"real\":[600,399,1],\"synthetic\":[600,400,0]},"
				 "{\"name\":\"DP\",\"kind\":\"values\",\"values\":[\"80\",\"53\"],"
				 "\"real\":[300,600,100],\"synthetic\":[0,0,900]}]}",
				 0, NULL),
	       *list = fm_symptoms(doc);
	const json_t *td = json_array_get(list, 0), *pr = json_array_get(list, 1), *dp = json_array_get(list, 2), *cell;
	char name[32];

	(void)state;
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_object_get(td, "field")), "TD");
	assert_true(fabs(json_real_value(json_object_get(td, "outside")) - 0.02) < 1e-12);
	assert_true(fabs(json_real_value(json_object_get(td, "above")) - 0.005) < 1e-12);
	assert_true(fabs(json_real_value(json_object_get(td, "lost")) - 0.399) < 1e-12);
	assert_true(json_is_null(json_object_get(pr, "outside")));
	assert_true(json_real_value(json_object_get(pr, "lost")) == 0);
	assert_int_equal(json_array_size(json_object_get(pr, "missing")), 0);
	/* the middle of the second of three bins */
	cell = json_array_get(json_object_get(td, "missing"), 0);
	snprintf(name, sizeof name, "%.3g s", round(expm1(15)) / 1000);
	assert_string_equal(json_string_value(json_object_get(cell, "value")), name);
	assert_true(fabs(json_real_value(json_object_get(cell, "share")) - 0.399) < 1e-12);
	/* by share, falling */
	assert_int_equal(json_array_size(json_object_get(dp, "missing")), 2);
	cell = json_array_get(json_object_get(dp, "missing"), 0);
	assert_string_equal(json_string_value(json_object_get(cell, "value")), "53");
	/* Nine in ten are in a cell that a tenth of the real ones are in, and none are outside or at home elsewhere. */
	assert_true(json_real_value(json_object_get(dp, "piled")) == 0);
	assert_true(json_real_value(json_object_get(td, "piled")) == 0);
	json_decref(list);
	json_decref(doc);
	doc = json_loads("{\"real_cells\":["
			 "{\"name\":\"TD\",\"kind\":\"bins\",\"scale\":\"log1p\",\"unit\":\"ms\","
			 "\"lo\":0,\"hi\":30,\"real\":[0,600,399,1,0],\"synthetic\":[10,300,370,300,20]},"
			 "{\"name\":\"DP\",\"kind\":\"values\",\"values\":[\"80\",\"0\"],"
			 "\"real\":[900,25,75],\"synthetic\":[0,512,488]}]}",
			 0, NULL);
	list = fm_symptoms(doc);
	td = json_array_get(list, 0);
	assert_true(fabs(json_real_value(json_object_get(td, "piled")) - 0.3) < 1e-12);
	assert_int_equal(json_array_size(json_object_get(td, "piles")), 1);
	dp = json_array_get(list, 1);
	assert_true(fabs(json_real_value(json_object_get(dp, "piled")) - 0.512) < 1e-12);
	cell = json_array_get(json_object_get(dp, "piles"), 0);
	assert_string_equal(json_string_value(json_object_get(cell, "value")), "0");
	json_decref(list);
	list = fm_symptoms(NULL);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_row_is_counted_once),
	    cmocka_unit_test(test_hosts_in_time),
	    cmocka_unit_test(test_bins_are_those_of_the_metrics),
	    cmocka_unit_test(test_synthetic_cells_do_not_depend_on_real_rows),
	    cmocka_unit_test(test_ranks_by_hand),
	    cmocka_unit_test(test_values_by_hand),
	    cmocka_unit_test(test_small_and_lacking_tables),
	    cmocka_unit_test(test_symptoms_by_hand),
	};
	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
