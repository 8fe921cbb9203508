/*
 * chart.h - the pictures of the report, as inline SVG that says in words what it shows.
 *
 * Real flows are drawn as an area, synthetic ones as a line on it: they differ in form before they differ in colour.
 * For assistive technology every chart is one image (role="img"), named by its <title> and described by its <desc>.
 * Styles are classes of report.css; there is no style attribute, which the page's policy would refuse.
 */
#ifndef FM_REPORT_CHART_H
#define FM_REPORT_CHART_H

#include <stddef.h>

#include "base/mem.h"

#define FM_CHART_MAX 128 /* cells or rows */
#define FM_CHART_TICKS 12

struct fm_chart {
	const char *id;           /* [A-Za-z0-9]: names the title and the description */
	const char *title, *desc; /* plain text */
};

/* Shares of flows over cells on a line. */
struct fm_chart_steps {
	size_t n;
	double edge[FM_CHART_MAX + 1];                                             /* 0 .. 1, rising */
	double real[FM_CHART_MAX], synthetic[FM_CHART_MAX], holdout[FM_CHART_MAX]; /* shares, of 1 in all */
	int has_real, has_holdout;
	size_t nticks;
	struct {
		double at; /* 0 .. 1 */
		char text[24];
	} tick[FM_CHART_TICKS];
};
void fm_chart_steps(struct fm_buf *out, const struct fm_chart *c, const struct fm_chart_steps *s);

/* Shares of flows by value, a row each. */
struct fm_chart_rows {
	size_t n;
	const char *name[FM_CHART_MAX]; /* plain text from outside */
	double real[FM_CHART_MAX], synthetic[FM_CHART_MAX];
	int has_real;
};
void fm_chart_rows(struct fm_buf *out, const struct fm_chart *c, const struct fm_chart_rows *r);

/* What hosts do in slots of time, one row for each host: the darker, the more.  Real hosts stand above synthetic
 * ones. */
#define FM_CHART_HOSTS 16
#define FM_CHART_SLOTS 64
struct fm_chart_hosts {
	size_t hosts, slots;
	double real[FM_CHART_HOSTS][FM_CHART_SLOTS], synthetic[FM_CHART_HOSTS][FM_CHART_SLOTS]; /* 0 (nothing) to 1 */
	int has_real;
	const char *first, *last; /* plain text: when the slots begin and end */
};
void fm_chart_hosts(struct fm_buf *out, const struct fm_chart *c, const struct fm_chart_hosts *h);

/* A value against its limit and the noise floor (NaN: none), for a cell of a table that also says it in numbers. */
void fm_chart_limit(struct fm_buf *out, double value, double limit, double floor_value, int is_max, int pass);

#endif
