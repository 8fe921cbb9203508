/* The checks of the gate, and everything else that was measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/registry.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/part.h"

static double floor_of(const struct fm_page *p, const char *name)
{
	char full[FM_METRIC_FLOOR];

	fm_metric_floor(name, full);
	return fm_page_metric(p, full, NULL);
}

static void open_cell(struct fm_buf *out, const char *class, const char *label)
{
	fm_buf_printf(out, "<td class=\"%s\" data-label=\"%s\">", class, label);
}

static void put_number_cell(struct fm_buf *out, const char *label, double v)
{
	open_cell(out, isfinite(v) ? "num" : "num nil", label);
	fm_html_number(out, v);
	fm_buf_puts(out, "</td>");
}

static void put_interval(struct fm_buf *out, const json_t *m)
{
	const json_t *ci = json_object_get(m, "ci"), *lo = json_array_get(ci, 0), *hi = json_array_get(ci, 1);
	bool there = json_is_number(lo) && json_is_number(hi);

	open_cell(out, there ? "num" : "num nil", "95 % interval");
	if (there) {
		fm_html_number(out, json_number_value(lo));
		fm_buf_puts(out, " to ");
		fm_html_number(out, json_number_value(hi));
	} else {
		fm_buf_puts(out, "\xe2\x80\x93");
	}
	fm_buf_puts(out, "</td>");
}

static void put_rows(struct fm_buf *out, const json_t *m)
{
	const json_t *n = json_object_get(m, "n");

	open_cell(out, json_is_integer(n) ? "num" : "num nil", "rows");
	if (json_is_integer(n))
		fm_html_count(out, (int64_t)json_integer_value(n));
	else
		fm_buf_puts(out, "\xe2\x80\x93");
	fm_buf_puts(out, "</td>");
}

/* How far the value is from the limit, in hundredths of the limit: "83 % left" or "12 % over". */
static void put_margin(struct fm_buf *out, double value, double limit, bool is_max)
{
	double left = is_max ? limit - value : value - limit;

	open_cell(out, "num", "margin");
	if (!isfinite(left)) {
		fm_buf_puts(out, "\xe2\x80\x93");
	} else if (left == 0) {
		fm_buf_puts(out, limit == 0 ? "as required" : "at the limit");
	} else if (limit == 0) {
		fm_html_number(out, fabs(left));
		fm_buf_puts(out, left > 0 ? " left" : is_max ? " over" : " short");
	} else if (left > 10 * fabs(limit)) {
		fm_buf_puts(out, "far above"); /* such as a p-value of 1 where 0.005 would do */
	} else {
		double share = fabs(left / limit);

		fm_html_fixed(out, share * 100, share < 0.0995 || (share >= 0.99 && share < 1) ? 1 : 0);
		fm_buf_puts(out, left > 0 ? "\xe2\x80\xaf% left"
				 : is_max ? "\xe2\x80\xaf% over"
					  : "\xe2\x80\xaf% short");
	}
	fm_buf_puts(out, "</td>");
}

static void put_check(const struct fm_page *p, struct fm_buf *out, const json_t *c)
{
	const char *name = fm_json_str(c, "name"), *why = fm_json_str(c, "why");
	double value = fm_json_real(c, "value"), limit = fm_json_real(c, "threshold"), floor_value = floor_of(p, name);
	bool is_max = !fm_json_says(c, "direction", "min");
	enum fm_state state = fm_page_check_state(c);
	bool pass = state == FM_HOLDS;

	fm_buf_printf(out, "<tr%s><th scope=\"row\">", pass ? "" : " class=\"bad\"");
	fm_page_metric_name(out, name);
	if (!pass && *why) {
		fm_buf_puts(out, "<br/><span class=\"why\">");
		fm_html_text(out, why);
		fm_buf_puts(out, "</span>");
	}
	fm_buf_puts(out, "</th>");
	open_cell(out, pass ? "result" : "result no", "result");
	fm_buf_puts(out, pass                 ? "<span aria-hidden=\"true\">\xe2\x9c\x93</span> holds</td>"
			 : state == FM_WAIVED ? "<a href=\"#waivers\">waived</a></td>"
					      : "<span aria-hidden=\"true\">\xe2\x9c\x95</span> fails</td>");
	open_cell(out, isfinite(value) ? "num" : "num missing", "value");
	if (isfinite(value))
		fm_html_number(out, value);
	else
		fm_buf_puts(out, "missing");
	fm_buf_puts(out, "</td>");
	open_cell(out, "num", "limit");
	fm_buf_puts(out, is_max ? "<span class=\"le\">at most</span> " : "<span class=\"le\">at least</span> ");
	fm_html_number(out, limit);
	fm_buf_puts(out, "</td>");
	put_margin(out, value, limit, is_max);
	fm_buf_puts(out, "<td class=\"bar\">");
	fm_chart_limit(out, value, limit, floor_value, is_max, pass);
	fm_buf_puts(out, "</td>");
	put_number_cell(out, "noise floor", floor_value);
	put_interval(out, c);
	put_rows(out, c);
	fm_buf_puts(out, "</tr>\n");
}

/* A check of the config that is not in the verdict. */
static void put_untold(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *gate = json_object_get(json_object_get(p->facts, "config"), "gate"), *v,
		     *list = json_object_get(p->facts, "checks"), *unasked = json_object_get(p->facts, "unasked");
	const char *name;

	json_object_foreach((json_t *)gate, name, v)
	{
		bool told = !json_is_object(v); /* a setting of the gate, or a check that is off */

		told = told || fm_json_named(list, name);
		for (size_t i = 0; i < json_array_size(unasked) && !told; i++)
			told = strcmp(json_string_value(json_array_get(unasked, i)), name) == 0;
		if (told)
			continue;
		fm_buf_puts(out, "<tr class=\"bad\"><th scope=\"row\">");
		fm_page_metric_name(out, name);
		fm_buf_puts(out, "</th><td class=\"result no\" data-label=\"result\"><span "
				 "aria-hidden=\"true\">\xe2\x9c\x95</span> missing</td>"
				 "<td colspan=\"7\" class=\"missing long\" data-label=\"value\">The config asks for "
				 "it; the record has no result.</td></tr>\n");
	}
}

void fm_part_checks(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = json_object_get(p->facts, "checks"), *unasked = json_object_get(p->facts, "unasked");

	fm_buf_puts(out, "<section id=\"checks\"><h2>Checks</h2>\n");
	if (json_array_size(list) == 0) {
		fm_buf_puts(out, "<p class=\"missing\">Missing: no check is recorded.</p></section>\n");
		return;
	}
	fm_buf_puts(out,
		    "<p class=\"note\">The margin is the room between value and limit, in hundredths of the limit. In "
		    "the bars the upright "
		    "line is the limit, the grey one the noise floor.</p>\n"
		    "<div class=\"wide\"><table class=\"checks\"><thead><tr><th scope=\"col\">Check</th><th "
		    "scope=\"col\">Result</th>"
		    "<th scope=\"col\" class=\"num\">Value</th><th scope=\"col\" class=\"num\">Limit</th>"
		    "<th scope=\"col\" class=\"num\">Margin</th><th class=\"bar\"><span class=\"off\">Bar</span></th>"
		    "<th scope=\"col\" class=\"num\">Noise floor</th><th scope=\"col\" class=\"num\">95\xe2\x80\xaf% "
		    "interval</th>"
		    "<th scope=\"col\" class=\"num\">Rows</th></tr></thead><tbody>\n");
	for (int state = 0; state < FM_NSTATES; state++) /* failures first */
		for (size_t i = 0; i < json_array_size(list); i++)
			if ((int)fm_page_check_state(json_array_get(list, i)) == state)
				put_check(p, out, json_array_get(list, i));
	put_untold(p, out);
	fm_buf_puts(out, "</tbody></table></div>\n");
	for (size_t i = 0; i < json_array_size(unasked); i++) {
		fm_buf_puts(out, i ? ", " : "<p class=\"note\">Not asked, as the real flows cannot answer: ");
		fm_page_metric_name(out, json_string_value(json_array_get(unasked, i)));
	}
	if (json_array_size(unasked) > 0)
		fm_buf_puts(out, ".</p>\n");
	fm_part_explain(p, out);
	fm_buf_puts(out, "</section>\n");
}

/* ---- all measures ---- */

static void put_measure(const struct fm_page *p, struct fm_buf *out, const json_t *m)
{
	const char *name = fm_json_str(m, "name");

	fm_buf_puts(out, "<tr><th scope=\"row\">");
	fm_page_metric_name(out, name);
	fm_buf_puts(out, "</th>");
	if (isfinite(fm_json_real(m, "value")))
		put_number_cell(out, "value", fm_json_real(m, "value"));
	else
		fm_buf_puts(out, "<td class=\"num missing\" data-label=\"value\">not computable</td>");
	put_number_cell(out, "noise floor", floor_of(p, name));
	put_interval(out, m);
	put_rows(out, m);
	fm_buf_puts(out, "</tr>\n");
}

static const char *heading(const char *name)
{
	const struct fm_metric_topic *topic = fm_metric_topic(name);

	return topic ? topic->heading : "Others";
}

static bool same_group(const char *a, const char *b)
{
	return strcmp(heading(a), heading(b)) == 0;
}

/* The metrics that a complete evaluation has. */
struct expected {
	const struct fm_page *p;
	struct fm_buf *out;
	const char *name; /* of the group in question, or the last one whose group was absent */
	const struct fm_metric_kind *before;
};

static bool is_expected(struct expected *e, const struct fm_metric_kind *kind)
{
	bool first = kind != e->before;

	e->before = kind;
	return kind->is & FM_EXPECTED || (kind->is & FM_EXPECTED_FIRST && first);
}

/* Does a member of the i-th's group, other than a floor, come before it? */
static bool seen(const json_t *list, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!fm_metric_of_floor(fm_json_str(json_array_get(list, j), "name")) &&
		    same_group(fm_json_str(json_array_get(list, j), "name"),
			       fm_json_str(json_array_get(list, i), "name")))
			return true;
	return false;
}

static void put_absent(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	struct expected *e = ctx;
	bool absent;

	fm_page_metric(e->p, name, &absent);
	if (!is_expected(e, kind) || !absent || !same_group(e->name, name))
		return;
	fm_buf_puts(e->out, "<tr><th scope=\"row\">");
	fm_page_metric_name(e->out, name);
	fm_buf_printf(e->out,
		      "</th><td class=\"num missing\" data-label=\"value\">%s</td><td class=\"nil\" "
		      "colspan=\"3\"></td></tr>\n",
		      fm_page_lacks(e->p, name));
}

static void put_group(const struct fm_page *p, struct fm_buf *out, const json_t *list, size_t first)
{
	const char *name = fm_json_str(json_array_get(list, first), "name");

	fm_buf_puts(out, "<tbody><tr class=\"group\"><th scope=\"rowgroup\" colspan=\"5\">");
	fm_html_text(out, heading(name));
	fm_buf_puts(out, "</th></tr>\n");
	for (size_t i = first; i < json_array_size(list); i++)
		if (!fm_metric_of_floor(fm_json_str(json_array_get(list, i), "name")) &&
		    same_group(name, fm_json_str(json_array_get(list, i), "name")))
			put_measure(p, out, json_array_get(list, i));
	if (!p->evaluation)
		fm_metric_each(put_absent, &(struct expected){.p = p, .out = out, .name = name});
	fm_buf_puts(out, "</tbody>\n");
}

static void put_absent_group(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	struct expected *e = ctx;
	const json_t *list = json_object_get(e->p->facts, "metrics");
	bool there = false;

	if (!is_expected(e, kind) || strcmp(e->name, heading(name)) == 0 ||
	    fm_metric_lacks(name, ~fm_page_absent(e->p), NULL))
		return;
	e->name = heading(name);
	for (size_t j = 0; j < json_array_size(list) && !there; j++)
		there = same_group(name, fm_json_str(json_array_get(list, j), "name"));
	if (there)
		return;
	fm_buf_puts(e->out, "<tbody><tr class=\"group\"><th scope=\"rowgroup\" colspan=\"5\">");
	fm_html_text(e->out, heading(name));
	fm_buf_puts(e->out, ": <span class=\"missing\">missing</span></th></tr></tbody>\n");
}

/* Groups of which nothing is there at all. */
static void put_absent_groups(const struct fm_page *p, struct fm_buf *out)
{
	if (!p->evaluation)
		fm_metric_each(put_absent_group, &(struct expected){.p = p, .out = out, .name = ""});
}

void fm_part_measures(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = json_object_get(p->facts, "metrics");

	fm_buf_puts(out, "<section id=\"measures\"><h2>All measures</h2>\n");
	if (json_array_size(list) == 0) {
		fm_buf_puts(out, "<p class=\"missing\">Missing: no measures are recorded.</p></section>\n");
		return;
	}
	fm_buf_puts(out, "<p class=\"paper\">Not printed unless opened on the screen: ");
	fm_html_count(out, (int64_t)json_array_size(list));
	fm_buf_puts(out, " values.</p>\n<details class=\"long\"><summary>");
	fm_html_count(out, (int64_t)json_array_size(list));
	fm_buf_puts(out, " values, most of them without a limit</summary>\n");
	if (p->partner)
		fm_buf_puts(
		    out,
		    "<p class=\"note\">These compare synthetic flows with real ones, or are of the synthetic "
		    "flows alone. Numbers of the real flows alone are published as far as the release\xe2\x80\x99s "
		    "config says; numbers of rows are rounded down, scores over labels to two or three "
		    "decimals.</p>\n");
	fm_buf_puts(out, "<div class=\"wide\"><table><thead><tr>"
			 "<th scope=\"col\">Measure</th><th scope=\"col\" class=\"num\">Value</th>"
			 "<th scope=\"col\" class=\"num\">Noise floor</th><th scope=\"col\" "
			 "class=\"num\">95\xe2\x80\xaf% interval</th>"
			 "<th scope=\"col\" class=\"num\">Rows</th></tr></thead>\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = fm_json_str(json_array_get(list, i), "name");

		if (!fm_metric_of_floor(name) && !seen(list, i))
			put_group(p, out, list, i);
	}
	put_absent_groups(p, out);
	fm_buf_puts(out, "</table></div></details></section>\n");
}
