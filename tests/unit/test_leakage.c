/* Promise: planted copies are found, disguised ones too, and fresh real rows pass. */
#include "judge_fixture.h"

#include "base/rows.h"
#include "base/stats.h"
#include "base/thread.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/match.h"
#include "privacy/leakage/nearest.h"

static void leakage(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
		    struct fm_metrics *m)
{
	struct fm_error err = {0};

	*m = (struct fm_metrics){0};
	OK(fm_leakage(train, holdout, synthetic, NULL, FM_LEAKAGE_DEFAULT, m, &err));
}

/* Every k-th row of `to` becomes a training row. */
static void plant(struct fm_table *to, const struct fm_table *train, size_t every)
{
	for (size_t i = 0; i < to->rows; i += every)
		for (int c = 0; c < FM_NFLOWCOL; c++)
			memcpy((char *)to->col[c] + i * fm_cols[c].width,
			       (const char *)train->col[c] + (i % train->rows) * fm_cols[c].width, fm_cols[c].width);
}

static void test_fresh_rows_pass(void **state)
{
	struct fm_table *t = random_table(4000, 1), *h = random_table(4000, 2);
	int outside = 0;

	(void)state;
	for (uint64_t seed = 10; seed < 20; seed++) {
		struct fm_table *s = random_table(1500, seed);
		struct fm_metrics m = {0};
		leakage(t, h, s, &m);
		const struct fm_metric *share = fm_metrics_find(&m, "leak.share_nearer_train");
		assert_true(metric(&m, "leak.rows_equal") == 0.0);
		assert_true(share->n == 1500 && share->ci_lo < share->value && share->value < share->ci_hi);
		outside += share->ci_lo > 0.5 || share->ci_hi < 0.5;
		assert_true(fabs(share->value - 0.5) < 0.06);
		assert_true(fabs(metric(&m, "leak.unique_z")) <= 3 && fabs(metric(&m, "leak.unique_z_no_time")) <= 3);
		fm_metrics_free(&m);
		fm_table_free(s);
	}
	assert_true(outside <= 3);
	fm_table_free(t);
	fm_table_free(h);
}

static void test_planted_copies_are_counted(void **state)
{
	struct fm_table *t = random_table(3000, 1), *h = random_table(3000, 2), *s = random_table(1000, 3);
	struct fm_metrics m = {0};

	(void)state;
	plant(s, t, 100);
	leakage(t, h, s, &m);
	const struct fm_metric *equal = fm_metrics_find(&m, "leak.rows_equal");
	assert_true(equal->value == 0.01);
	assert_true(equal->n == 1000 && equal->ci_lo > 0.004 && equal->ci_hi < 0.02);
	assert_true(metric(&m, "leak.rows_equal_no_time") >= 0.01);
	assert_true(metric(&m, "leak.holdout_equal") == 0.0);
	assert_true(metric(&m, "leak.unique_train") == 10 && metric(&m, "leak.unique_holdout") == 0);
	assert_true(metric(&m, "leak.unique_z") > 3);
	fm_metrics_free(&m);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

static void test_copies_with_fresh_addresses_and_times_are_counted(void **state)
{
	struct fm_table *t = random_table(3000, 1), *h = random_table(1000, 2), *s = random_table(1000, 3);
	struct fm_metrics m = {0};

	(void)state;
	plant(s, t, 1);
	for (size_t i = 0; i < s->rows; i++) {
		s->te[i] += 86400000;
		s->sa[i] ^= 0x80000000u;
		s->da[i] ^= 0x80000000u;
	}
	leakage(t, h, s, &m);
	assert_true(metric(&m, "leak.rows_equal") == 0.0);
	assert_true(metric(&m, "leak.rows_equal_no_time") == 0.0);
	assert_true(metric(&m, "leak.rows_equal_no_addr_time") == 1.0);
	assert_true(metric(&m, "leak.holdout_equal_no_addr_time") < 0.5);
	assert_true(metric(&m, "leak.lone_z_no_addr_time") > 3 && metric(&m, "leak.family_p") < FM_LEAKAGE_ALPHA);
	fm_metrics_free(&m);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

/* How many columns apart other rows are is what makes a record unique, lone or solitary. */
static void test_records_are_apart_by_columns(void **state)
{
	struct fm_table *t = random_table(3000, 1), *h = random_table(3000, 2), *s = NULL;
	const uint32_t row[3] = {0, 500, 1000};
	struct fm_error err = {0};
	struct fm_metrics m = {0};

	(void)state;
	for (size_t k = 0; k < 3; k++) { /* three records like no other */
		t->td[500 * k] = 4000000000u + (uint32_t)k;
		t->pkt[500 * k] = 7000000 + k;
		t->byt[500 * k] = 900000000 + k;
		t->sp[500 * k] = (uint16_t)(65001 + k);
	}
	OK(fm_table_take(&s, t, row, 3, &err));
	for (size_t i = 0; i < s->rows; i++)
		s->te[i] += 1;
	for (int c = 0; c < FM_NCOL; c++) { /* holdout rows: one is another in one column, one in two */
		if (!FM_HAS(h, c) || fm_cols[c].kind == FM_KIND_CATEGORY)
			continue;
		memcpy((char *)h->col[c] + 10 * fm_cols[c].width, (char *)t->col[c], fm_cols[c].width);
		memcpy((char *)h->col[c] + 20 * fm_cols[c].width, (char *)t->col[c] + 500 * fm_cols[c].width,
		       fm_cols[c].width);
	}
	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(h, c) && fm_cols[c].kind == FM_KIND_CATEGORY) {
			uint16_t *v = h->col[c];
			const char *value[2] = {t->dict[c].value[((uint16_t *)t->col[c])[0]],
						t->dict[c].value[((uint16_t *)t->col[c])[500]]};
			v[10] = (uint16_t)fm_dict_index(&h->dict[c], value[0], strlen(value[0]), true);
			v[20] = (uint16_t)fm_dict_index(&h->dict[c], value[1], strlen(value[1]), true);
		}
	h->td[10]++;
	h->te[10] += 3600000; /* or it would be a second exporter's copy */
	h->td[20] += 100;
	h->byt[20] += 100;
	leakage(t, h, s, &m);
	assert_true(metric(&m, "leak.unique_train_no_addr_time") == 3);
	assert_true(metric(&m, "leak.lone_train_no_addr_time") == 2);
	assert_true(metric(&m, "leak.solitary_train_no_addr_time") == 1);
	assert_true(metric(&m, "leak.solitary_holdout_no_addr_time") == 0);
	assert_true(fabs(metric(&m, "leak.solitary_p_no_addr_time") - 0.5) < 1e-12);
	fm_metrics_free(&m);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

static void test_noisy_copies_are_nearer(void **state)
{
	struct fm_table *t = random_table(2000, 1), *h = random_table(2500, 2), *s = random_table(1000, 3);
	struct fm_metrics m = {0};

	(void)state;
	plant(s, t, 1);
	for (size_t i = 0; i < s->rows; i++) {
		s->te[i] += 3;
		s->byt[i] += s->byt[i] / 100 + 1;
		s->td[i] += 7;
	}
	leakage(t, h, s, &m);
	assert_true(metric(&m, "leak.rows_equal_no_addr_time") < 0.01);
	assert_true(fm_metrics_find(&m, "leak.share_nearer_train")->ci_lo > 0.9);
	fm_metrics_free(&m);
	for (size_t i = 0; i < s->rows; i++) { /* and with other addresses and times, by what is left */
		s->te[i] = h->te[i];
		s->sa[i] ^= 0x80000000u;
		s->da[i] ^= 0x80000000u;
	}
	leakage(t, h, s, &m);
	assert_true(fm_metrics_find(&m, "leak.share_nearer_train_no_addr_time")->ci_lo > 0.9);
	assert_true(metric(&m, "leak.dcr_median_train_no_addr_time") <
		    metric(&m, "leak.dcr_median_holdout_no_addr_time"));
	fm_metrics_free(&m);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

/* Each row is a copy of one on the other side, of which one is kept. */
static void test_training_as_its_own_holdout_is_half(void **state)
{
	struct fm_table *t = random_table(700, 1), *s = random_table(300, 1);
	struct fm_metrics m = {0};

	(void)state;
	leakage(t, t, s, &m);
	assert_true(fabs(metric(&m, "leak.share_nearer_train") - 0.5) < 0.1);
	assert_true(metric(&m, "leak.rows_equal") == 1.0);
	assert_true(metric(&m, "leak.holdout_equal") == 1.0);
	assert_true(fabs(metric(&m, "leak.unique_z")) < 3);
	assert_true(metric(&m, "leak.family_p") > 0.05);
	fm_metrics_free(&m);
	fm_table_free(t);
	fm_table_free(s);
}

/* Records that fm_match reports: how many, and of which side and row the last one was. */
struct seen {
	size_t n[2];
	uint32_t row;
};

static int see_record(void *ctx, int side, uint32_t row, struct fm_error *err)
{
	struct seen *seen = ctx;

	(void)err;
	seen->n[side]++;
	seen->row = row;
	return FM_OK;
}

static size_t matched(const struct fm_table *t, const struct fm_table *s)
{
	struct fm_match m = {.train = t, .synthetic = s, .columns = FM_COLS_UGR16, .memory = 1 << 20};
	struct fm_error err = {0};

	OK(fm_match(&m, &err));
	return m.synthetic_equal;
}

/* Categories are numbered otherwise in another table: equal text is equal. */
static void test_matches_by_text(void **state)
{
	struct fm_table *t = random_table(200, 1), *s = random_table(200, 1);
	struct fm_match m = {.train = t, .synthetic = s, .columns = 1u << FM_WIN, .memory = 1 << 20};
	struct fm_error err = {0};

	(void)state;
	char *tcp = s->dict[FM_PR].value[0];
	s->dict[FM_PR].value[0] = s->dict[FM_PR].value[1];
	s->dict[FM_PR].value[1] = tcp;
	size_t icmp = 0;
	for (size_t i = 0; i < 200; i++)
		icmp += s->pr[i] == 2;
	assert_int_equal(matched(t, s), icmp);
	for (size_t i = 0; i < 200; i++)
		s->pr[i] = s->pr[i] == 2 ? 2 : 1 - s->pr[i];
	assert_int_equal(matched(t, s), 200);
	free(s->dict[FM_LABEL].value[0]);
	s->dict[FM_LABEL].value[0] = strdup("unheard-of"); /* a text that training does not have matches nothing */
	assert_int_equal(matched(t, s), 0);
	assert_int_equal(fm_match(&m, &err), FM_EINPUT);
	fm_table_free(t);
	fm_table_free(s);
}

static void test_records_occur_once(void **state)
{
	struct fm_table *t = random_table(100, 1), *h = random_table(50, 2), *s = random_table(100, 1);
	struct seen seen = {{0, 0}, 0};
	struct fm_match m = {.train = t,
			     .holdout = h,
			     .synthetic = s,
			     .columns = FM_COLS_UGR16,
			     .memory = 1 << 20,
			     .record = see_record,
			     .ctx = &seen};
	struct fm_error err = {0};

	(void)state;
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		for (size_t i = 0; i < 60; i++) /* the first 60 training rows are one, which is emitted once */
			memcpy((char *)t->col[c] + i * fm_cols[c].width, (char *)s->col[c], fm_cols[c].width);
		memcpy((char *)h->col[c] + 7 * fm_cols[c].width, (char *)t->col[c] + 99 * fm_cols[c].width,
		       fm_cols[c].width);
		memcpy((char *)s->col[c] + 3 * fm_cols[c].width, (char *)h->col[c] + 5 * fm_cols[c].width,
		       fm_cols[c].width);
	}
	OK(fm_match(&m, &err));
	assert_int_equal(m.synthetic_equal, 1 + 40);
	assert_int_equal(m.holdout_equal, 1);
	assert_int_equal(seen.n[0], 39); /* rows 60 to 98: 99 is in the holdout too */
	assert_int_equal(seen.n[1], 1);
	/* A label that training does not have is the same in the other two, whatever its number there. */
	fm_dict_index(&s->dict[FM_LABEL], "another", 7, true);
	h->label[5] = (uint16_t)fm_dict_index(&h->dict[FM_LABEL], "unheard-of", 10, true);
	s->label[3] = (uint16_t)fm_dict_index(&s->dict[FM_LABEL], "unheard-of", 10, true);
	OK(fm_match(&m, &err));
	assert_int_equal(seen.n[1], 2);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

/* The definition, one pair of rows at a time. */
static int32_t gower(const struct fm_table *train, const struct fm_table *a, size_t i, const struct fm_table *b,
		     size_t j)
{
	int32_t n = (int32_t)train->rows, d = 0, ra[4] = {0}, rb[4] = {0};

	for (size_t k = 0; k < train->rows; k++) {
		ra[0] += train->te[k] <= a->te[i], rb[0] += train->te[k] <= b->te[j];
		ra[1] += train->td[k] <= a->td[i], rb[1] += train->td[k] <= b->td[j];
		ra[2] += train->pkt[k] <= a->pkt[i], rb[2] += train->pkt[k] <= b->pkt[j];
		ra[3] += train->byt[k] <= a->byt[i], rb[3] += train->byt[k] <= b->byt[j];
	}
	for (int f = 0; f < 4; f++)
		d += abs(ra[f] - rb[f]);
	d += n * (a->sa[i] != b->sa[j]) + n * (a->da[i] != b->da[j]) + n * (a->sp[i] != b->sp[j]) +
	     n * (a->dp[i] != b->dp[j]);
	d += n * (strcmp(fm_table_category(a, FM_PR, i), fm_table_category(b, FM_PR, j)) != 0);
	return d + n * (strcmp(fm_table_category(a, FM_LABEL, i), fm_table_category(b, FM_LABEL, j)) != 0);
}

static void test_nearest_is_exact_for_any_threads_and_sizes(void **state)
{
	static const size_t sizes[] = {1, 7, 8, 9, 61};
	struct fm_table *t = random_table(61, 1), *s = random_table(37, 2);
	struct fm_gower *g = NULL;
	struct fm_gower_rows from, to;
	struct fm_pool *pool = NULL;
	struct fm_error err = {0};
	int32_t one[37], many[37];

	(void)state;
	OK(fm_pool_new(&pool, 3, &err));
	OK(fm_gower_new(&g, t, NULL, FM_COLS_UGR16, &err));
	OK(fm_gower_code(g, &(struct fm_choice){s, NULL, 0, 37}, &from, &err));
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		OK(fm_gower_code(g, &(struct fm_choice){t, NULL, 0, sizes[k]}, &to, &err));
		fm_gower_nearest(g, &from, &to, NULL, one);
		fm_gower_nearest(g, &from, &to, pool, many);
		assert_memory_equal(one, many, sizeof one);
		for (size_t i = 0; i < 37; i++) {
			int32_t best = INT32_MAX;
			for (size_t j = 0; j < sizes[k]; j++) {
				int32_t d = gower(t, s, i, t, j);
				best = d < best ? d : best;
			}
			assert_int_equal(one[i], best);
		}
		fm_gower_rows_close(&to);
	}
	fm_gower_rows_close(&from);
	fm_gower_free(g);
	fm_pool_free(pool);
	fm_table_free(t);
	fm_table_free(s);
}

static void test_the_nearest_row_is_named_unless_several_are(void **state)
{
	struct fm_table *t = random_table(2100, 1), *s = random_table(50, 2);
	struct fm_gower *g = NULL;
	struct fm_gower_rows from, to;
	struct fm_error err = {0};
	int32_t d[50];
	uint32_t row[50];
	size_t named = 0, several = 0;

	(void)state;
	plant(s, t, 7);
	for (size_t i = 1000; i < 2100; i++) /* most rows have a twin, in another tile */
		for (int c = 0; c < FM_NFLOWCOL; c++)
			memcpy((char *)t->col[c] + i * fm_cols[c].width,
			       (char *)t->col[c] + (i - 1000) * fm_cols[c].width, fm_cols[c].width);
	OK(fm_gower_new(&g, t, NULL, FM_COLS_UGR16, &err));
	OK(fm_gower_code(g, &(struct fm_choice){s, NULL, 0, 50}, &from, &err));
	for (size_t n = 995; n <= 1100; n += 15) { /* with padding, and without twins at first */
		OK(fm_gower_code(g, &(struct fm_choice){t, NULL, 0, n}, &to, &err));
		fm_gower_nearest_row(g, &from, &to, NULL, d, row);
		for (size_t i = 0; i < 50; i++) {
			int32_t best = INT32_MAX;
			uint32_t at = FM_GOWER_TIED;
			for (size_t j = 0; j < n; j++) {
				int32_t here = 0;
				for (int f = 0; f < FM_GOWER_FIELDS; f++) {
					int32_t off = abs(from.field[f][i] - to.field[f][j]);
					here += f < FM_GOWER_RANKS ? off : off ? (int32_t)t->rows : 0;
				}
				at = here < best ? (uint32_t)j : here == best ? FM_GOWER_TIED : at;
				best = here < best ? here : best;
			}
			assert_int_equal(d[i], best);
			assert_int_equal(row[i], at);
			named += at != FM_GOWER_TIED;
			several += at == FM_GOWER_TIED;
		}
		fm_gower_rows_close(&to);
	}
	assert_true(named > 100 && several > 20);
	fm_gower_rows_close(&from);
	fm_gower_free(g);
	fm_table_free(t);
	fm_table_free(s);
}

/* Outliers of the training rows, with other times and addresses and a little off: few, but nothing else is near. */
static void test_copied_outliers_are_attached(void **state)
{
	struct fm_table *t = random_table(3000, 1), *h = random_table(3000, 2), *s = random_table(1500, 3);
	struct fm_metrics m = {0};

	(void)state;
	for (size_t k = 0; k < 12; k++) {
		t->td[k * 200] = (uint32_t)(3000000 << k % 6);
		t->byt[k * 200] = (uint64_t)1 << (30 + 2 * k);
		t->pkt[k * 200] = (uint64_t)20000 << k;
		s->td[k * 100] = t->td[k * 200];
		s->byt[k * 100] = t->byt[k * 200] + t->byt[k * 200] / 1000;
		s->pkt[k * 100] = t->pkt[k * 200];
	}
	leakage(t, h, s, &m);
	assert_true(metric(&m, "leak.rows_equal_no_addr_time") < 0.01);
	assert_true(metric(&m, "leak.attached_train_sizes") >= 12 && metric(&m, "leak.attached_z_sizes") > 3);
	assert_true(metric(&m, "leak.family_p") < FM_LEAKAGE_ALPHA);
	fm_metrics_free(&m);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

/* Ten of them as they are, but for time and addresses, are told by their rank; on the other side they speak for it. */
static void test_ten_copied_extremes_are_told(void **state)
{
	struct fm_table *t = random_table(3000, 1), *h = random_table(3000, 2), *s = random_table(1500, 3);
	struct fm_metrics m = {0}, mirror = {0};

	(void)state;
	for (size_t k = 0; k < 10; k++) {
		size_t from = k * 200, to = k * 100;
		t->td[from] = (uint32_t)(3000000 << k % 6);
		t->byt[from] = (uint64_t)1 << (30 + 2 * k);
		t->pkt[from] = (uint64_t)20000 << k;
		for (int c = 0; c < FM_NFLOWCOL; c++)
			if (FM_HAS(t, c) && c != FM_TE && c != FM_SA && c != FM_DA)
				memcpy((char *)s->col[c] + to * fm_cols[c].width,
				       (const char *)t->col[c] + from * fm_cols[c].width, fm_cols[c].width);
	}
	leakage(t, h, s, &m);
	assert_true(metric(&m, "leak.isolated_train_no_addr_time") >= 10);
	assert_true(metric(&m, "leak.extreme_train_no_addr_time") >= 10);
	assert_true(metric(&m, "leak.extreme_p_no_addr_time") < 0.0015);
	assert_true(metric(&m, "leak.extreme_z_no_addr_time") > 2);
	assert_true(metric(&m, "leak.family_p") < FM_LEAKAGE_ALPHA);
	leakage(h, t, s, &mirror);
	assert_true(metric(&mirror, "leak.extreme_holdout_no_addr_time") >= 10);
	assert_true(metric(&mirror, "leak.extreme_p_no_addr_time") > 0.9);
	assert_true(metric(&mirror, "leak.extreme_z_no_addr_time") < -1);
	fm_metrics_free(&m);
	fm_metrics_free(&mirror);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

static void test_a_memoriser_is_seen_by_every_judge(void **state)
{
	struct fm_table *t = random_table(2000, 1), *h = random_table(2000, 2);
	struct fm_metrics m = {0};

	(void)state;
	leakage(t, h, t, &m);
	assert_true(metric(&m, "leak.rows_equal") == 1 && metric(&m, "leak.share_nearer_train") == 1);
	assert_true(metric(&m, "leak.mia_auc") > 0.99 && metric(&m, "leak.mia_tpr_01") > 0.9);
	assert_true(metric(&m, "leak.identifiability_train") > 0.99 &&
		    metric(&m, "leak.identifiability_holdout") < 0.8);
	assert_true(metric(&m, "leak.linkability_risk") > 0.5 && metric(&m, "leak.inference_byt_risk") > 0.5);
	assert_true(metric(&m, "leak.singling_uni_risk") > 0.2 && metric(&m, "leak.singling_multi_risk") > 0);
	assert_true(metric(&m, "leak.nndr_p5_train") == 0 && metric(&m, "leak.nndr_p5_holdout") > 0);
	assert_true(metric(&m, "leak.family_p") < 1e-6 && metric(&m, "leak.echo_addr") == 1);
	fm_metrics_free(&m);
	leakage(t, h, h, &m); /* of the holdout: no leak of the training rows */
	assert_true(metric(&m, "leak.family_p") > 0.9 && metric(&m, "leak.unique_z_no_time") < -3);
	fm_metrics_free(&m);
	fm_table_free(t);
	fm_table_free(h);
}

static void test_echo_is_counted(void **state)
{
	struct fm_table *t = random_table(400, 1), *h = random_table(400, 2), *s = random_table(400, 3);
	struct fm_metrics m = {0};

	(void)state;
	for (size_t i = 0; i < 400; i++) {
		t->sa[i] = 0x01020300u + (uint32_t)i % 4; /* four addresses of one /24, and four of another /16 */
		t->da[i] = 0x01990000u + (uint32_t)i % 4;
		s->sa[i] = 0xf0000000u + (uint32_t)i % 8; /* eight fresh ones */
		s->da[i] = 0xf0000000u;
		t->sp[i] = 1000;
		s->sp[i] = 2000;
	}
	s->sa[0] = 0x01020301u; /* a real one, another of its /24, another of its /16 */
	s->sa[1] = 0x01020377u;
	s->sa[2] = 0x01020444u;
	for (size_t i = 0; i < 30; i++)
		t->sp[i] = i < 11 ? 7 : 8; /* 11 records have 7, 19 have 8 */
	t->sp[399] = 8;                    /* 20: no longer rare */
	for (size_t i = 0; i < 50; i++)
		s->sp[i] = i < 40 ? 7 : 8;
	leakage(t, h, s, &m);
	assert_true(fabs(metric(&m, "leak.echo_addr") - 1.0 / 11) < 1e-12);
	assert_int_equal(fm_metrics_find(&m, "leak.echo_addr")->n, 11);
	assert_true(fabs(metric(&m, "leak.echo_prefix24") - 1.0 / 3) < 1e-12);
	assert_true(fabs(metric(&m, "leak.echo_prefix16") - 1.0 / 2) < 1e-12);
	assert_true(metric(&m, "leak.echo_addr_holdout") == 0);
	assert_true(metric(&m, "leak.rare_sp") == 0.1);
	fm_metrics_free(&m);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

/* Every value is a number or NaN, every p and share within [0, 1], whatever the tables are. */
static void check_defined(struct fm_table *t, struct fm_table *h, struct fm_table *s)
{
	struct fm_metrics m = {0};

	leakage(t, h, s, &m);
	for (size_t i = 0; i < m.n; i++) {
		const struct fm_metric *x = &m.m[i];
		assert_false(isinf(x->value));
		assert_false(x->value < x->ci_lo - 1e-12 || x->value > x->ci_hi + 1e-12);
		if (strstr(x->name, "_p") && !strstr(x->name, "_pkt") && !strstr(x->name, "_p5"))
			assert_true(x->value >= 0 && x->value <= 1);
	}
	assert_true(metric(&m, "leak.family_p") >= 0 && metric(&m, "leak.family_p") <= 1);
	fm_metrics_free(&m);
}

static void test_degenerate_tables_are_judged(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 64, 65, 300};
	enum { NSIZES = sizeof sizes / sizeof *sizes };
	struct fm_table *t = random_table(300, 1), *h = random_table(300, 2), *s = random_table(300, 3);

	(void)state;
	for (size_t i = 0; i < NSIZES; i++)
		for (size_t j = 0; j < NSIZES; j++)
			for (size_t k = 0; k < NSIZES; k += i == j ? 1 : 5) {
				t->rows = sizes[i];
				h->rows = sizes[j];
				s->rows = sizes[k];
				check_defined(t, h, s);
			}
	t->rows = h->rows = s->rows = 300;
	check_defined(t, t, t);
	check_defined(t, t, s);
	check_defined(t, h, h);
	for (int c = 0; c < FM_NFLOWCOL; c++) { /* one flow, over and over */
		for (size_t i = 0; i < 300; i++)
			memcpy((char *)s->col[c] + i * fm_cols[c].width, (char *)s->col[c], fm_cols[c].width);
	}
	check_defined(t, h, s);
	check_defined(s, h, t);
	check_defined(s, s, t);
	check_defined(s, s, s);
	for (size_t i = 0; i < 300; i++) /* the largest of everything */
		s->td[i] = UINT32_MAX, s->pkt[i] = s->byt[i] = UINT64_MAX, s->te[i] = INT64_MAX;
	check_defined(t, h, s);
	check_defined(s, h, t);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

/* With little memory the rows are gone over several times, and the records are counted a thousand at a time. */
static void test_threads_and_memory_change_nothing(void **state)
{
	struct fm_table *t = random_table(20000, 1), *h = random_table(7000, 2), *s = random_table(3000, 3);
	struct fm_metrics one = {0}, many = {0};
	struct fm_pool *pool = NULL;
	struct fm_error err = {0};

	(void)state;
	plant(s, t, 2);
	OK(fm_pool_new(&pool, 5, &err));
	OK(fm_leakage(t, h, s, NULL, FM_LEAKAGE_DEFAULT, &one, &err));
	OK(fm_leakage(t, h, s, pool, (struct fm_leakage_opts){.memory = FM_LEAKAGE_LEAST, .rare = FM_LEAKAGE_RARE},
		      &many, &err));
	assert_int_equal(one.n, many.n);
	for (size_t i = 0; i < one.n; i++) {
		assert_string_equal(one.m[i].name, many.m[i].name);
		assert_memory_equal(&one.m[i].value, &many.m[i].value, sizeof(double));
	}
	fm_metrics_free(&one);
	fm_metrics_free(&many);
	fm_pool_free(pool);
	fm_table_free(t);
	fm_table_free(h);
	fm_table_free(s);
}

static void test_wilson(void **state)
{
	double lo, hi;

	(void)state;
	fm_wilson(0, 0, &lo, &hi);
	assert_true(lo == 0 && hi == 1);
	fm_wilson(0, 100, &lo, &hi);
	assert_true(lo == 0 && fabs(hi - 0.036994) < 1e-5);
	fm_wilson(50, 100, &lo, &hi);
	assert_true(fabs(lo - 0.403830) < 1e-5 && fabs(hi - 0.596170) < 1e-5);
	fm_wilson(10, 10, &lo, &hi);
	assert_true(hi == 1 && lo > 0.7);
}

static void test_no_rows_is_refused(void **state)
{
	struct fm_table *t = random_table(10, 1), *s = random_table(10, 2);
	struct fm_metrics m = {0};
	struct fm_error err = {0};

	(void)state;
	s->rows = 0;
	assert_int_equal(fm_leakage(t, NULL, s, NULL, FM_LEAKAGE_DEFAULT, &m, &err), FM_EINPUT);
	assert_int_equal(fm_leakage(s, NULL, t, NULL, FM_LEAKAGE_DEFAULT, &m, &err), FM_EINPUT);
	assert_int_equal(fm_leakage(t, s, t, NULL, FM_LEAKAGE_DEFAULT, &m, &err), FM_OK);
	assert_null(fm_metrics_find(&m, "leak.share_nearer_train"));
	fm_metrics_free(&m);
	fm_table_free(t);
	fm_table_free(s);
}

/* The tests' shares of the family's error budget add up to one, and family_p is made by them: what keeps its rate of
 * false alarms.  That the tests which run spend those shares and no others is fm_leakage's own check. */
static void test_the_family_spends_one_error_budget(void **state)
{
	static const struct {
		const char *test;
		double share;
	} family[] = {
	    {"unique_p_no_time", FM_LEAK_SHARE_UNIQUE / 4},      {"unique_p_no_addr_time", FM_LEAK_SHARE_UNIQUE},
	    {"lone_p_no_time", FM_LEAK_SHARE_LONE / 4},          {"lone_p_no_addr_time", FM_LEAK_SHARE_LONE},
	    {"solitary_p_no_addr_time", FM_LEAK_SHARE_SOLITARY}, {"isolated_p_no_addr_time", FM_LEAK_SHARE_ISOLATED},
	    {"extreme_p_no_addr_time", FM_LEAK_SHARE_EXTREME},   {"attached_p_no_addr_time", FM_LEAK_SHARE_ATTACHED},
	    {"attached_p_sizes", FM_LEAK_SHARE_ATTACHED},        {"nearer_p", FM_LEAK_SHARE_NEARER},
	    {"nearer_p_no_addr_time", FM_LEAK_SHARE_NEARER},     {"nearer_p_sizes", FM_LEAK_SHARE_NEARER}};
	struct fm_table *t = random_table(1500, 1), *h = random_table(1500, 2);
	double sum = 0;

	(void)state;
	for (size_t i = 0; i < sizeof family / sizeof *family; i++)
		sum += family[i].share;
	assert_true(fabs(sum - 1) < 1e-12);
	for (size_t every = 5; every <= 125; every *= 5) {
		struct fm_table *s = random_table(1000, 3);
		struct fm_metrics m;
		double least = 1;
		plant(s, t, every);
		leakage(t, h, s, &m);
		for (size_t i = 0; i < sizeof family / sizeof *family; i++) {
			char name[64];
			snprintf(name, sizeof name, "leak.%s", family[i].test);
			least = fmin(least, metric(&m, name) / family[i].share);
		}
		assert_true(metric(&m, "leak.family_p") == least);
		fm_metrics_free(&m);
		fm_table_free(s);
	}
	fm_table_free(t);
	fm_table_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fresh_rows_pass),
	    cmocka_unit_test(test_planted_copies_are_counted),
	    cmocka_unit_test(test_copies_with_fresh_addresses_and_times_are_counted),
	    cmocka_unit_test(test_records_are_apart_by_columns),
	    cmocka_unit_test(test_noisy_copies_are_nearer),
	    cmocka_unit_test(test_training_as_its_own_holdout_is_half),
	    cmocka_unit_test(test_matches_by_text),
	    cmocka_unit_test(test_records_occur_once),
	    cmocka_unit_test(test_nearest_is_exact_for_any_threads_and_sizes),
	    cmocka_unit_test(test_the_nearest_row_is_named_unless_several_are),
	    cmocka_unit_test(test_copied_outliers_are_attached),
	    cmocka_unit_test(test_ten_copied_extremes_are_told),
	    cmocka_unit_test(test_a_memoriser_is_seen_by_every_judge),
	    cmocka_unit_test(test_echo_is_counted),
	    cmocka_unit_test(test_degenerate_tables_are_judged),
	    cmocka_unit_test(test_threads_and_memory_change_nothing),
	    cmocka_unit_test(test_wilson),
	    cmocka_unit_test(test_no_rows_is_refused),
	    cmocka_unit_test(test_the_family_spends_one_error_budget),
	};

	return cmocka_run_group_tests_name("leakage", tests, NULL, NULL);
}
