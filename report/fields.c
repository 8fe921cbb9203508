/* Each field's distribution, real against synthetic. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "base/json_text.h"
#include "base/num.h"
#include "manifests/registry.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/part.h"

#define MAX_CELLS 256         /* in a field of the document */
#define MAX_ROWS 10           /* in a chart by value */
#define GAP 0.75              /* in widths of a cell, between the range and what lies outside it */
#define BEFORE "\xe2\x80\xb9" /* marks what lies below the range */
#define BEYOND "\xe2\x80\xba"

enum { REAL, SYNTHETIC, HOLDOUT, NSIDES };
static const char *const sides[NSIDES] = {"real", "synthetic", "holdout"};

/* A FIELD of the document as shares. */
struct field {
	const char *name, *title;
	const json_t *doc;
	size_t n;
	int has[NSIDES];
	double share[NSIDES][MAX_CELLS];
};

/* ---- reading ---- */

/* Counts of one side as shares.  0 when they are there and can be drawn. */
static int read_side(struct field *f, int side)
{
	const json_t *list = json_object_get(f->doc, sides[side]);
	size_t n = json_array_size(list);
	double sum = 0;

	f->has[side] = 0;
	if (n == 0 || n > MAX_CELLS || (f->n && n != f->n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		double v = json_number_value(json_array_get(list, i));
		if (!(v >= 0) || !isfinite(v))
			return -1;
		f->share[side][i] = v;
		sum += v;
	}
	if (!(sum > 0))
		return -1;
	for (size_t i = 0; i < n; i++)
		f->share[side][i] /= sum;
	f->n = n;
	f->has[side] = 1;
	return 0;
}

static int read_field(struct field *f, const json_t *list, const struct fm_field *which)
{
	memset(f, 0, sizeof *f);
	f->name = which->name;
	f->title = which->words;
	f->doc = fm_json_named(list, which->name);
	if (!f->doc || read_side(f, SYNTHETIC))
		return -1;
	read_side(f, REAL);
	read_side(f, HOLDOUT);
	return 0;
}

/* Merge neighbouring cells, `each` into one, between the first and the last. */
static void merge(struct field *f, size_t each)
{
	size_t inner = (f->n - 2) / each;

	for (int s = 0; s < NSIDES; s++) {
		double *x = f->share[s], above = x[f->n - 1];
		for (size_t i = 0; i < inner; i++) {
			double sum = 0;
			for (size_t j = 0; j < each; j++)
				sum += x[1 + i * each + j];
			x[1 + i] = sum;
		}
		x[1 + inner] = above;
	}
	f->n = inner + 2;
}

/* ---- words ---- */

static void put_share(struct fm_buf *b, const struct field *f, size_t i)
{
	if (f->has[REAL]) {
		fm_buf_puts(b, "real ");
		fm_html_percent(b, f->share[REAL][i]);
		fm_buf_puts(b, ", synthetic ");
	}
	fm_html_percent(b, f->share[SYNTHETIC][i]);
}

/* "The largest difference of one cell is 1.2 points of a hundred." */
static void put_largest_difference(struct fm_buf *b, const struct field *f)
{
	double largest = 0;

	if (!f->has[REAL])
		return;
	for (size_t i = 0; i < f->n; i++)
		largest = fmax(largest, fabs(f->share[REAL][i] - f->share[SYNTHETIC][i]));
	fm_buf_puts(b, " The largest difference in one cell is ");
	fm_html_fixed(b, 100 * largest, 2);
	fm_buf_puts(b, " percentage points.");
}

/* Without memory the page fails: one that lacks a picture would seem whole. */
static void *chart_memory(struct fm_buf *out, size_t n)
{
	void *p = calloc(1, n);

	if (!p)
		out->failed = 1;
	return p;
}

/* ---- bins ---- */

static int is_time(const struct field *f)
{
	return fm_json_says(f->doc, "scale", "linear");
}

/* A place on the scale in the field's unit. */
static void put_value(struct fm_buf *b, const struct field *f, double at)
{
	double v = is_time(f) ? at : expm1(at);

	if (is_time(f)) {
		char text[FM_TIME_MAX];
		size_t n = isfinite(v) && fabs(v) < 8e18 ? fm_format_time_s((int64_t)(v / 1000), text) : 0;
		fm_buf_add(b, text, n);
	} else if (fm_json_says(f->doc, "unit", "ms")) {
		fm_html_number(b, v >= 1000 ? round(v / 10) / 100 : round(v));
		fm_buf_puts(b, v >= 1000 ? " seconds" : " milliseconds");
	} else {
		fm_html_count(b, (int64_t)round(fmin(v, 9e15)));
		fm_buf_printf(b, " %s", strcmp(f->name, "PKT") == 0 ? "packets" : "bytes");
	}
}

static double middle_of(const struct field *f, int side, double lo, double hi)
{
	double sum = 0;
	size_t i = 0;

	for (; i + 1 < f->n && (sum += f->share[side][i]) < 0.5; i++)
		;
	return lo + (hi - lo) * fmin(fmax((double)i - 0.5, 0), (double)(f->n - 2)) / (double)(f->n - 2);
}

static void describe_bins(struct fm_buf *b, const struct field *f, double lo, double hi)
{
	fm_buf_puts(b, "From ");
	put_value(b, f, lo);
	fm_buf_puts(b, " to ");
	put_value(b, f, hi);
	fm_buf_puts(b, is_time(f) ? ". Half of the flows are before about "
				  : ", on a logarithmic scale. Half of the flows are below about ");
	if (f->has[REAL]) {
		put_value(b, f, middle_of(f, REAL, lo, hi));
		fm_buf_puts(b, " (real) and ");
	}
	put_value(b, f, middle_of(f, SYNTHETIC, lo, hi));
	fm_buf_puts(b, f->has[REAL] ? " (synthetic)." : ".");
	put_largest_difference(b, f);
}

/* Where the inner cells lie when cells outside the range take room of their own. */
struct frame {
	double from, width; /* of the inner range, 0 .. 1 */
};

static void add_tick(struct fm_chart_steps *s, double at, const char *text, int n)
{
	if (at < 0 || at > 1 || s->nticks == FM_CHART_TICKS || n < 0)
		return;
	s->tick[s->nticks].at = at;
	snprintf(s->tick[s->nticks++].text, sizeof s->tick->text, "%.*s", n, text);
}

static void time_ticks(struct fm_chart_steps *s, const struct frame *in, double lo, double hi)
{
	static const int64_t steps[] = {1,    5,     15,    30,    60,    300,    900,    1800,    3600,
					7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 31536000};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	double span = (hi - lo) / 1e6;
	size_t k = 0;

	if (!(span > 0) || !(fabs(lo) < 4e18) || !(fabs(hi) < 4e18))
		return;
	while (k + 1 < sizeof steps / sizeof *steps && span / (double)steps[k] > 5)
		k++;
	if (span / (double)steps[k] > 64)
		return;
	int64_t first = (int64_t)ceil(lo / 1e6 / (double)steps[k]) * steps[k];
	for (int64_t t = first; (double)t * 1e6 <= hi; t += steps[k]) {
		char at[FM_TIME_MAX], text[24];
		size_t n = fm_format_time_s(t * 1000, at);
		int month;

		if (n < 19)
			return;
		month = (at[5] - '0') * 10 + at[6] - '0';
		if (t % 86400 == 0 && month >= 1 && month <= 12)
			snprintf(text, sizeof text, "%.2s %s", at + 8, months[month - 1]);
		else
			snprintf(text, sizeof text, "%.*s", steps[k] < 60 ? 8 : 5, at + 11);
		add_tick(s, in->from + in->width * ((double)t * 1e6 - lo) / (hi - lo), text, (int)strlen(text));
	}
}

static void add_made_tick(struct fm_buf *out, struct fm_chart_steps *s, double at, struct fm_buf *text)
{
	out->failed |= text->failed;
	add_tick(s, at, text->data ? text->data : "", (int)text->len);
	fm_buf_free(text);
}

static void log_ticks(struct fm_buf *out, struct fm_chart_steps *s, const struct field *f, const struct frame *in,
		      double lo, double hi)
{
	int every = hi - lo > 14 ? 2 : 1, ms = fm_json_says(f->doc, "unit", "ms");
	int64_t power = 1;

	if (lo <= 0)
		add_tick(s, in->from, "0", 1);
	for (int e = 0; e < 18; e++, power *= 10) {
		double v = (double)power, at = (log1p(v) - lo) / (hi - lo);
		struct fm_buf text = {0};

		/* Where there is a label 0, one for 1 would be too near. */
		if (e % every || at < 0 || at > 1 || (lo <= 0 && at < 0.1))
			continue;
		if (ms && v < 1000) {
			fm_html_count(&text, (int64_t)v);
			fm_buf_puts(&text, " ms");
		} else {
			fm_html_short(&text, ms ? v / 1000 : v);
			fm_buf_puts(&text, ms ? " s" : "");
		}
		add_made_tick(out, s, in->from + in->width * at, &text);
	}
}

static void add_cell(struct fm_chart_steps *s, const struct field *f, size_t i, double width)
{
	for (int side = 0; side < NSIDES; side++) {
		double *to = side == REAL ? s->real : side == SYNTHETIC ? s->synthetic : s->holdout;
		to[s->n] = i < f->n ? f->share[side][i] : 0;
	}
	s->edge[s->n + 1] = s->edge[s->n] + width;
	s->n++;
}

static void begin_steps(struct fm_chart_steps *s, const struct field *f)
{
	s->has_real = f->has[REAL];
	s->has_holdout = f->has[HOLDOUT] && f->has[REAL];
}

static void end_steps(struct fm_chart_steps *s)
{
	double width = s->edge[s->n];

	for (size_t i = 0; i <= s->n; i++)
		s->edge[i] /= width;
}

static int any(const struct field *f, size_t i)
{
	return f->share[SYNTHETIC][i] > 0 || f->share[REAL][i] > 0;
}

/* 0 when it was drawn. */
static int draw_bins(struct fm_buf *out, struct field *f, struct fm_chart *c, struct fm_buf *desc)
{
	double lo = fm_json_real(f->doc, "lo"), hi = fm_json_real(f->doc, "hi");
	struct fm_chart_steps *s;
	bool below, above;
	struct frame in;

	if (!(hi > lo) || !isfinite(lo) || !isfinite(hi) || f->n < 3)
		return -1;
	describe_bins(desc, f, lo, hi);
	if ((f->n - 2) % 4 == 0)
		merge(f, is_time(f) ? 2 : 4);
	if (f->n + 2 > FM_CHART_MAX || !(s = chart_memory(out, sizeof *s)))
		return -1;
	below = any(f, 0);
	above = any(f, f->n - 1);
	begin_steps(s, f);
	if (below) {
		add_cell(s, f, 0, 1);
		add_cell(s, f, f->n, GAP);
	}
	for (size_t i = 1; i + 1 < f->n; i++)
		add_cell(s, f, i, 1);
	if (above) {
		add_cell(s, f, f->n, GAP);
		add_cell(s, f, f->n - 1, 1);
	}
	in.width = (double)(f->n - 2) / s->edge[s->n];
	in.from = below ? (1 + GAP) / s->edge[s->n] : 0;
	end_steps(s);
	if (below)
		add_tick(s, 0.5 * s->edge[1], BEFORE, (int)strlen(BEFORE));
	if (above)
		add_tick(s, (s->edge[s->n - 1] + 1) / 2, BEYOND, (int)strlen(BEYOND));
	if (is_time(f))
		time_ticks(s, &in, lo, hi);
	else
		log_ticks(out, s, f, &in, lo, hi);
	if (below || above)
		fm_buf_printf(desc, " Flows outside this range are in a cell of their own %s.",
			      below && above ? "at each end"
			      : below        ? "before it"
					     : "behind it");
	c->desc = desc->data ? desc->data : "";
	fm_chart_steps(out, c, s);
	free(s);
	return 0;
}

/* ---- ranks ---- */

static int draw_ranks(struct fm_buf *out, struct field *f, struct fm_chart *c, struct fm_buf *desc)
{
	struct fm_chart_steps *s;

	if (f->n > 40 || !(s = chart_memory(out, sizeof *s)))
		return -1;
	begin_steps(s, f);
	for (size_t i = 0; i < f->n; i++)
		add_cell(s, f, i, 1);
	end_steps(s);
	for (size_t i = 0; i<f->n; i += f->n> 12 ? 3 : 2) {
		struct fm_buf text = {0};
		if (i == 0)
			fm_buf_puts(&text, "rank ");
		fm_html_short(&text, ldexp(1, (int)i));
		add_made_tick(out, s, (double)i / (double)f->n, &text);
	}
	fm_buf_puts(
	    desc, "Hosts in order of their number of flows, in groups that double: first, second and third, fourth to "
		  "seventh and so on. Share of flows of the busiest seven hosts: ");
	for (int side = 0; side < HOLDOUT; side++) {
		if (!f->has[side])
			continue;
		fm_buf_printf(desc, "%s%s ", side == SYNTHETIC && f->has[REAL] ? ", " : "", sides[side]);
		fm_html_percent(desc, f->share[side][0] + (f->n > 1 ? f->share[side][1] : 0) +
					  (f->n > 2 ? f->share[side][2] : 0));
	}
	fm_buf_puts(desc, ".");
	put_largest_difference(desc, f);
	c->desc = desc->data ? desc->data : "";
	fm_chart_steps(out, c, s);
	free(s);
	return 0;
}

/* ---- values ---- */

/* Keep MAX_ROWS rows: the first ones, and the last one (for ports, the last three), which count the rest; what is
 * dropped is added there. */
static void fold_values(struct field *f, const char **name)
{
	size_t rest = strcmp(f->name, "SP") == 0 || strcmp(f->name, "DP") == 0 ? 3 : 1, keep;

	if (f->n <= MAX_ROWS || f->n <= rest)
		return;
	keep = MAX_ROWS - rest;
	for (size_t i = keep; i < f->n - rest; i++) {
		unsigned port = (unsigned)strtoul(name[i], NULL, 10);
		size_t to = f->n - rest + (rest == 1 || port < 1024 ? 0 : port < 49152 ? 1 : 2);
		for (int s = 0; s < NSIDES; s++)
			f->share[s][to] += f->share[s][i];
	}
	for (size_t i = 0; i < rest; i++) {
		name[keep + i] = name[f->n - rest + i];
		for (int s = 0; s < NSIDES; s++)
			f->share[s][keep + i] = f->share[s][f->n - rest + i];
	}
	f->n = MAX_ROWS;
}

static int draw_values(struct fm_buf *out, struct field *f, struct fm_chart *c, struct fm_buf *desc)
{
	const json_t *values = json_object_get(f->doc, "values");
	const char *name[MAX_CELLS];
	struct fm_chart_rows *r;

	if (json_array_size(values) != f->n)
		return -1;
	for (size_t i = 0; i < f->n; i++)
		if (!(name[i] = json_string_value(json_array_get(values, i))))
			return -1;
	fold_values(f, name);
	if (f->n > FM_CHART_MAX || !(r = chart_memory(out, sizeof *r)))
		return -1;
	r->has_real = f->has[REAL];
	for (size_t i = 0; i < f->n; i++) {
		if (!any(f, i) && i + 1 == f->n && f->n > 1)
			continue; /* nothing is left over */
		r->name[r->n] = name[i];
		r->real[r->n] = f->share[REAL][i];
		r->synthetic[r->n++] = f->share[SYNTHETIC][i];
		fm_buf_printf(desc, "%s%s: ", i ? "; " : "", *name[i] ? name[i] : "(empty)");
		put_share(desc, f, i);
	}
	fm_buf_puts(desc, ".");
	put_largest_difference(desc, f);
	c->desc = desc->data ? desc->data : "";
	fm_chart_rows(out, c, r);
	free(r);
	return 0;
}

/* ---- the section ---- */

static void put_figure_head(const struct fm_page *p, struct fm_buf *out, const char *title, const char *metric)
{
	double value, floor_value;
	char name[FM_METRIC_FLOOR];
	bool absent;

	fm_buf_puts(out, "<figcaption><b>");
	fm_html_text(out, title);
	fm_buf_puts(out, "</b>");
	if (metric) {
		value = fm_page_metric(p, metric, &absent);
		fm_metric_floor(metric, name);
		floor_value = fm_page_metric(p, name, NULL);
		fm_buf_puts(out, "<span>divergence ");
		if (absent)
			fm_buf_puts(out, "not measured");
		else
			fm_html_number(out, value);
		if (isfinite(floor_value)) {
			fm_buf_puts(out, ", noise floor ");
			fm_html_number(out, floor_value);
		}
		fm_buf_puts(out, "</span>");
	}
	fm_buf_puts(out, "</figcaption>");
}

/* The one value that all flows have, or NULL. */
static const char *only_value(const struct field *f)
{
	const char *only = NULL;

	for (size_t i = 0; i < f->n; i++) {
		if (!any(f, i))
			continue;
		if (only)
			return NULL;
		only = json_string_value(json_array_get(json_object_get(f->doc, "values"), i));
	}
	return only;
}

/* 0 when the field was shown, 1 when it went into `constant`, -1 when it is missing. */
static int put_field(const struct fm_page *p, struct fm_buf *out, const json_t *list, const struct fm_field *which,
		     struct fm_buf *constant)
{
	struct field *f = calloc(1, sizeof *f);
	struct fm_buf desc = {0}, title = {0}, svg = {0};
	char id[48];
	struct fm_chart c = {.id = id};
	const char *kind, *only;
	int rc = -1;

	if (!f) {
		out->failed = 1;
		return -1;
	}
	if (read_field(f, list, which) < 0)
		goto out;
	if ((only = only_value(f))) {
		fm_html_text(constant, f->title);
		fm_buf_puts(constant, " is <code>");
		fm_html_text(constant, *only ? only : "(empty)");
		fm_buf_puts(constant, f->has[REAL] ? "</code> in every flow, real and synthetic. "
						   : "</code> in every synthetic flow. ");
		rc = 1;
		goto out;
	}
	snprintf(id, sizeof id, "%sf%s", p->prefix ? p->prefix : "", which->name);
	fm_buf_printf(&title, "%s: %s", f->title, f->has[REAL] ? "real against synthetic flows" : "synthetic flows");
	c.title = title.data ? title.data : "";
	kind = fm_json_str(f->doc, "kind");
	rc = strcmp(kind, "bins") == 0     ? draw_bins(&svg, f, &c, &desc)
	     : strcmp(kind, "ranks") == 0  ? draw_ranks(&svg, f, &c, &desc)
	     : strcmp(kind, "values") == 0 ? draw_values(&svg, f, &c, &desc)
					   : -1;
	out->failed |= svg.failed | desc.failed | title.failed;
	if (rc)
		goto out;
	fm_buf_puts(out, "<figure>");
	put_figure_head(p, out, f->title, which->metric);
	fm_buf_add(out, svg.data, svg.len);
	fm_buf_puts(out, "</figure>\n");
out:
	fm_buf_free(&desc);
	fm_buf_free(&title);
	fm_buf_free(&svg);
	free(f);
	return rc;
}

static void put_legend(struct fm_buf *out, const json_t *hist, const json_t *list)
{
	const json_t *first = json_array_get(list, 0);
	bool real = json_object_get(first, "real") != NULL, holdout = json_object_get(first, "holdout") != NULL;
	double k = fm_json_real(hist, "k");

	fm_buf_puts(out, "<p class=\"legend\">");
	if (real)
		fm_buf_puts(out, "<span><i class=\"key real\"></i>real, what the model learned from</span> ");
	fm_buf_puts(out, "<span><i class=\"key syn\"></i>synthetic</span>");
	if (real && holdout)
		fm_buf_puts(out, " <span><i class=\"key holdout\"></i>real, held out</span>");
	fm_buf_puts(
	    out,
	    "</p>\n<p class=\"note\">Shares of flows. Divergence is Jensen-Shannon\xe2\x80\x99s, in nats: 0 is the "
	    "same distribution, 0.69 nothing in "
	    "common. The noise floor is what real flows that were held out score against the others: chance alone.");
	if (real)
		fm_buf_puts(out, " " BEFORE " and " BEYOND " mark flows outside the range.");
	fm_buf_puts(out,
		    " Ports are drawn, and their divergence taken, in groups of like ports; the mean of the eight main "
		    "fields counts each port number for itself, which chance alone moves more.");
	if (real && isfinite(k) && k > 1) {
		fm_buf_puts(out, " Real counts are rounded down to a multiple of ");
		fm_html_count(out, (int64_t)k);
		fm_buf_puts(out, ": a smaller count is shown as none.");
	}
	if (!real)
		fm_buf_puts(out, " The distributions of the real flows are not published with this release.");
	fm_buf_puts(out, "</p>\n");
}

void fm_part_charts(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *hist = json_object_get(p->facts, "histograms"), *list = json_object_get(hist, "fields");
	const char *missing[FM_NFIELDS];
	struct fm_buf constant = {0};
	size_t nmissing = 0;

	if (!p->partner && !list)
		list = json_object_get(hist, "real_cells");
	if (json_array_size(list) == 0) {
		fm_buf_puts(out, "<p class=\"missing\">Missing: no histograms are recorded for this release.</p>");
		return;
	}
	put_legend(out, hist, list);
	fm_buf_puts(out, "<div class=\"charts\">\n");
	for (size_t i = 0; i < FM_NFIELDS; i++)
		if (put_field(p, out, list, &fm_fields[i], &constant) < 0 &&
		    !(fm_page_absent(p) >> fm_fields[i].col & 1u))
			missing[nmissing++] = fm_fields[i].words;
	fm_buf_puts(out, "</div>\n");
	if (constant.len) {
		fm_buf_puts(out, "<p class=\"note\">");
		fm_buf_add(out, constant.data, constant.len);
		fm_buf_puts(out, "</p>\n");
	}
	out->failed |= constant.failed;
	fm_buf_free(&constant);
	if (nmissing && !p->evaluation) {
		fm_buf_puts(out, "<p class=\"missing\">Missing: ");
		for (size_t i = 0; i < nmissing; i++) {
			fm_buf_puts(out, i ? ", " : "");
			fm_html_text(out, missing[i]);
		}
		fm_buf_puts(out, ". The data have no such field, or it was not counted.</p>\n");
	}
}

void fm_part_fields(const struct fm_page *p, struct fm_buf *out)
{
	fm_buf_puts(out, "<section id=\"fields\"><h2>Fields</h2>\n");
	fm_part_charts(p, out);
	fm_buf_puts(out, "</section>\n");
}
