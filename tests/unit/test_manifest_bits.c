/* How much could a stage evaluate that was taken over say in a manifest, within what its parent lets through?  The
 * number stands in docs/threat-model.md. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fields.h"
#include "base/file.h"
#include "judge/gate/controls.h"
#include "judge/host_histogram.h"
#include "manifests/config.h"
#include "manifests/domain.h"
#include "manifests/planted.h"
#include "manifests/registry.h"
#include "report/report.h"
#include "traces/left_out.h"

/* A million flows learned from, a quarter of that held out, and a million made: more than these in a table would be
 * judged by samples, which has more intervals. */
#define LEARNED 1e6
#define HELD_OUT 250e3
#define MADE 1e6

struct sum {
	const struct fm_config *cfg;
	size_t names, intervals, labels; /* how many labels the synthetic table has */
	double bits;
};

/* Numbers of so many digits from lo to hi, 0 or 1e-12 and more away from it. */
static double numbers(double lo, double hi, int digits)
{
	double most = fmax(fabs(lo), fabs(hi)), powers = ceil(log10(most)) + 12;

	return (lo < 0 ? 2 : 1) * 9 * pow(10, digits - 1) * powers + 1;
}

/* Bits of one number of a metric, as it is let through and published. */
static double bits_of_number(const char *name)
{
	unsigned who = fm_metric_audience(name);
	double lo = -FM_DOMAIN_MOST, hi = FM_DOMAIN_MOST,
	       parts = who & FM_ONE_LABEL     ? 100
		       : who & FM_THOUSANDTHS ? 1000
		       : who & FM_ONE_FIELD   ? 10000
					      : 0;

	fm_metric_within(name, &lo, &hi);
	lo -= 1e-3; /* as much beside is let through */
	hi += 1e-3;
	if (parts > 0)
		return log2(floor(hi * parts) - ceil(lo * parts) + 1);
	return log2(numbers(lo, hi, strncmp(name, "floor.", 6) == 0 ? 2 : 5));
}

/* Bits of the rows that a metric rests on: which of the numbers that are published. */
static double bits_of_rows(const struct fm_config *cfg, const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);
	double most = fm_metric_most_rows(LEARNED, HELD_OUT, MADE), k = (double)cfg->privacy.min_count;

	if (kind->shown & FM_ONE_LABEL)
		return log2(90 * ceil(log10(most / k)) + 10 + 1);
	/* as many as were made are told in steps of k, others in k windows */
	return log2(most / (k * (kind->is & FM_OF_OTHERS ? 1 : cfg->model.window)) + 3);
}

static void count_name(struct sum *s, const char *name, double times)
{
	bool ci = fm_metric_has_interval(name, false);

	if (!fm_report_shows(s->cfg->publish.report, name))
		return;
	s->names += (size_t)times;
	if (fm_metric_counts_rows(name)) { /* which the parent knows */
		s->bits += 1;
		return;
	}
	s->intervals += ci ? (size_t)times : 0;
	/* there or not; value or null; rows; with an interval or without one */
	s->bits += times * (2 + bits_of_number(name) + bits_of_rows(s->cfg, name));
	s->bits += ci ? times * (1 + 2 * bits_of_number(name)) : 0;
}

static void count_one(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	struct sum *s = ctx;
	char floor[80];

	if (kind->is & FM_BY_GATE || kind->needs & FM_NEEDS_SUBSAMPLE)
		return;
	count_name(s, name, strchr(name, '*') ? (double)s->labels : 1);
	snprintf(floor, sizeof floor, "floor.%s", name);
	if (kind->floor != FM_NO_FLOOR)
		count_name(s, floor, 1);
}

/* What a preset's manifest can hold of evaluate's making; labels: how many the synthetic table has. */
static double bits_of(const struct fm_config *cfg, size_t labels, char *words, size_t cap)
{
	struct sum s = {.cfg = cfg, .labels = labels};
	double checks = 0, controls, others, rows = 0;

	fm_metric_each(count_one, &s);
	/* A check that is asked or not; the parent makes its line of the metric, which may not be published by itself,
	 * and of its floor, two digits of which move the threshold. */
	for (int i = 0; i < cfg->gate.n; i++) {
		const struct fm_cfg_check *check = &cfg->gate.check[i];
		double number = bits_of_number(check->name);

		checks += 1 + (check->relative_to_floor ||
				       fm_check_may_move(check->name, check->has_room ? check->room : cfg->gate.room)
				   ? log2(numbers(-FM_DOMAIN_MOST, FM_DOMAIN_MOST, 2))
				   : 0);
		if (!fm_report_shows(cfg->publish.report, check->name) ||
		    fm_metric_audience(check->name) & (FM_REAL_ROWS | FM_ONE_LABEL))
			checks += 1 + number + bits_of_rows(cfg, check->name) +
				  (fm_metric_has_interval(check->name, false) ? 1 + 2 * number : 0);
	}
	/* a control is there or not, and fails any of the checks; the line about them has two numbers of four digits */
	for (int64_t n = 0; n <= cfg->gate.control_rows; n++)
		rows += fm_control_rows_are(n, cfg->gate.control_rows, 0);
	controls = (double)fm_ncontrols * (1 + cfg->gate.n) + log2(rows) +
		   2 * log2(numbers(-FM_DOMAIN_MOST, FM_DOMAIN_MOST, 4));
	/* which fields have a histogram, and the digest of what the stage left */
	others = FM_NFIELDS + FM_HOST_FIELDS + 256;
	snprintf(words, cap,
		 "%.0f bits: metrics %.0f (%zu names, %zu with an interval), checks %.0f, controls %.0f, others %.0f",
		 ceil(s.bits + checks + controls + others), ceil(s.bits), s.names, s.intervals, ceil(checks),
		 ceil(controls), others);
	return ceil(s.bits + checks + controls + others);
}

/* Likewise of ingest: reasons why rows were left out, in any order, each with a share in hundredths, and how much was
 * filled. */
static double bits_of_ingest(char *words, size_t cap)
{
	int most = FM_LEFT_OUT_KINDS + 1;
	double bits = most * log2((double)fm_left_out_texts() * 101 + 1) + log2(101) + log2(102);

	snprintf(words, cap, "%.0f bits: %d reasons of %zu", ceil(bits), most, fm_left_out_texts());
	return ceil(bits);
}

static void test_threat_model_has_the_number(void **state)
{
	struct fm_config *cfg = NULL;
	struct fm_buf doc = {0};
	struct fm_error err;
	char words[300];
	double bits;

	(void)state;
	if (fm_config_preset(&cfg, "ugr16", NULL, 0, &err) ||
	    fm_file_read("docs/threat-model.md", 1u << 20, &doc, &err))
		fail_msg("%s", err.message);
	bits = bits_of(cfg, 8, words, sizeof words);
	assert_true(bits > 1000);
	printf("# %s\n", words);
	if (!strstr(doc.data, words))
		fail_msg("docs/threat-model.md does not say: %s", words);
	assert_true(bits_of_ingest(words, sizeof words) > 100);
	printf("# %s\n", words);
	if (!strstr(doc.data, words))
		fail_msg("docs/threat-model.md does not say: %s", words);
	fm_buf_free(&doc);
	fm_config_free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_threat_model_has_the_number)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
