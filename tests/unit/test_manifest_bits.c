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
#include "manifests/registry.h"
#include "pipeline/walls/harvest.h"
#include "report/report.h"
#include "traces/left_out.h"

/* A number as it is let through (pipeline/walls/harvest.c): sign, 90,000 mantissas of five digits, 42 powers of ten, or
 * 0. */
#define NUMBER log2(2 * 90000.0 * 42 + 1)
/* Rows that a metric may rest on, of a million flows learned from and as many made. */
#define MOST_ROWS (4 * 2e6 + 1e5)

struct sum {
	const struct fm_config *cfg;
	size_t names, intervals, of_labels;
};

static void count_one(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	struct sum *s = ctx;
	char floor[80];

	if (kind->is & FM_BY_GATE)
		return;
	if (strchr(name, '*')) {
		s->of_labels += (kind->shown & FM_AUDIENCE) != FM_TEAM_ALONE;
		return;
	}
	s->names += fm_report_shows(s->cfg->publish.report, name);
	s->intervals += fm_report_shows(s->cfg->publish.report, name) && fm_harvest_has_interval(name);
	snprintf(floor, sizeof floor, "floor.%s", name);
	s->names += kind->floor != FM_NO_FLOOR && fm_report_shows(s->cfg->publish.report, floor);
	s->intervals += kind->floor != FM_NO_FLOOR && fm_report_shows(s->cfg->publish.report, floor) &&
			fm_harvest_has_interval(floor);
}

/* What a preset's manifest can hold of evaluate's making; labels: how many the synthetic table has. */
static double bits_of(const struct fm_config *cfg, size_t labels, char *words, size_t cap)
{
	struct sum s = {.cfg = cfg};
	double rows = log2(MOST_ROWS / (double)cfg->privacy.min_count), one, metrics, checks = 0, controls, others;

	fm_metric_each(count_one, &s);
	/* there or not; value or null; rows.  Those with an interval: there or not; two numbers */
	one = 2 + NUMBER + rows;
	s.names += labels * s.of_labels;
	s.intervals += labels * s.of_labels;
	metrics = (double)s.names * one + (double)s.intervals * (1 + 2 * NUMBER);
	/* a check's value and interval, its number of rows as it is, and a threshold that a floor moves */
	for (int i = 0; i < cfg->gate.n; i++)
		checks += 2 + NUMBER + log2(MOST_ROWS) +
			  (cfg->gate.check[i].relative_to_floor || cfg->gate.check[i].room > 0 ? NUMBER : 0) +
			  (fm_harvest_has_interval(cfg->gate.check[i].name) ? 1 + 2 * NUMBER : 0);
	/* a control is there or not, and fails any of the checks; the line about them has two numbers of four digits */
	controls = (double)fm_ncontrols * (1 + cfg->gate.n) + log2((double)cfg->gate.control_rows) + 2 * NUMBER;
	/* which fields have a histogram, and the digest of what the stage left */
	others = FM_NFIELDS + FM_HOST_FIELDS + 256;
	snprintf(words, cap,
		 "%.0f bits: metrics %.0f (%zu names, %zu with an interval), checks %.0f, controls %.0f, others %.0f",
		 ceil(metrics + checks + controls + others), ceil(metrics), s.names, s.intervals, ceil(checks),
		 ceil(controls), others);
	return ceil(metrics + checks + controls + others);
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
