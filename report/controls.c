/* What the gate was tried on, and what was waived. */
#include <math.h>
#include <string.h>

#include "report/html.h"
#include "report/part.h"

/* The first of two members that is text. */
static const char *either(const json_t *o, const char *a, const char *b)
{
	return *fm_html_str(o, a) ? fm_html_str(o, a) : fm_html_str(o, b);
}

/* "caught_by": a list of names, or one name. */
static void put_catchers(struct fm_buf *out, const json_t *c)
{
	const json_t *by = json_object_get(c, "caught_by");

	if (!by)
		by = json_object_get(c, "failed");
	if (json_is_string(by)) {
		fm_buf_puts(out, "<code>");
		fm_html_text(out, json_string_value(by));
		fm_buf_puts(out, "</code>");
	}
	for (size_t i = 0; i < json_array_size(by); i++) {
		const char *name = json_string_value(json_array_get(by, i));

		if (i == 4) {
			fm_buf_puts(out, " and ");
			fm_html_count(out, (int64_t)(json_array_size(by) - i));
			fm_buf_puts(out, " more");
			break;
		}
		fm_buf_puts(out, i ? ", <code>" : "<code>");
		fm_html_text(out, name ? name : "");
		fm_buf_puts(out, "</code>");
	}
	if (!json_is_string(by) && json_array_size(by) == 0)
		fm_buf_puts(out, "<span class=\"nil\">\xe2\x80\x93</span>");
}

static void put_control(struct fm_buf *out, const json_t *c)
{
	const char *expected = either(c, "expected", "expect"), *got = either(c, "got", "verdict");
	double level = fm_html_real(c, "level");
	bool may = strstr(expected, "any") || strstr(expected, "may"), right = may || (*got && strcmp(expected, got) == 0);

	if (json_is_boolean(json_object_get(c, "ok")))
		right = right && json_is_true(json_object_get(c, "ok"));
	fm_buf_printf(out, "<tr%s><th scope=\"row\">", right ? "" : " class=\"bad\"");
	fm_html_text(out, fm_html_str(c, "name"));
	fm_buf_puts(out, "</th><td class=\"num\" data-label=\"level\">");
	fm_html_number(out, level);
	fm_buf_puts(out, "</td><td data-label=\"expected\">");
	fm_html_text(out, *expected ? expected : "missing");
	fm_buf_printf(out, "</td><td class=\"result%s\" data-label=\"got\">", right ? "" : " no");
	fm_html_text(out, *got ? got : "missing");
	fm_buf_puts(out, right ? "" : " <span aria-hidden=\"true\">\xe2\x9c\x95</span>");
	fm_buf_puts(out, "</td><td data-label=\"caught by\">");
	put_catchers(out, c);
	fm_buf_puts(out, "</td></tr>\n");
}

/* The smallest leak: a number (a share of copied rows) or text, in the verdict or beside the list. */
static void put_smallest(const struct fm_page *p, struct fm_buf *out)
{
	static const char *const names[] = {"smallest_leak_caught", "smallest_caught", "smallest_leak"};
	const json_t *controls = json_object_get(p->facts, "controls"), *v = NULL;

	for (size_t i = 0; i < sizeof names / sizeof *names && !v; i++) {
		v = json_object_get(p->facts, names[i]);
		v = v ? v : json_object_get(controls, names[i]);
	}
	fm_buf_puts(out, "<p>The smallest planted leak that the gate caught: ");
	if (json_is_object(v) && isfinite(fm_html_real(v, "level"))) {
		fm_html_text(out, fm_html_str(v, "name"));
		fm_buf_puts(out, " ");
		fm_html_percent(out, fm_html_real(v, "level"));
	} else if (json_is_number(v)) {
		fm_buf_puts(out, "<b>");
		fm_html_percent(out, json_number_value(v));
		fm_buf_puts(out, "</b> of the rows copied from the training flows");
	} else if (json_is_string(v)) {
		fm_buf_puts(out, "<b>");
		fm_html_text(out, json_string_value(v));
		fm_buf_puts(out, "</b>");
	} else {
		fm_buf_puts(out, "<span class=\"missing\">missing</span>");
	}
	fm_buf_puts(out, ".</p>\n");
}

static void put_waivers(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = json_object_get(p->facts, "waivers");

	if (json_array_size(list) == 0)
		return;
	fm_buf_puts(out, "<section id=\"waivers\"><h2>Waivers</h2>\n<p>Checks that did not hold, and that somebody answers for.</p>\n"
			 "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Check</th><th scope=\"col\">Reason</th>"
			 "<th scope=\"col\">Until</th><th scope=\"col\">Signed by</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *w = json_array_get(list, i);

		fm_buf_puts(out, "<tr><th scope=\"row\">");
		fm_page_metric_name(out, either(w, "check", "name"));
		fm_buf_puts(out, "</th><td data-label=\"reason\">");
		fm_html_text(out, fm_html_str(w, "reason"));
		fm_buf_puts(out, "</td><td data-label=\"until\">");
		fm_html_text(out, either(w, "expires", "until"));
		fm_buf_puts(out, "</td><td data-label=\"signed by\">");
		fm_html_text(out, either(w, "signer", "key"));
		fm_buf_puts(out, "</td></tr>\n");
	}
	fm_buf_puts(out, "</tbody></table></div></section>\n");
}

void fm_part_controls(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = fm_page_controls(p);

	fm_buf_puts(out, "<section id=\"controls\"><h2>Controls</h2>\n");
	if (!list) {
		fm_buf_puts(out, "<p class=\"missing\">Missing: the gate was not tried on planted generators, or no record of it is here.</p></section>\n");
		put_waivers(p, out);
		return;
	}
	fm_buf_puts(out, "<p>Would the gate have noticed? It was tried on generators that leak or are useless, which it must refuse, and on fresh "
			 "real flows, which it must pass.</p>\n");
	put_smallest(p, out);
	fm_buf_puts(out, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Planted</th><th scope=\"col\" class=\"num\">Level</th>"
			 "<th scope=\"col\">Expected</th><th scope=\"col\">Got</th><th scope=\"col\">Caught by</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < json_array_size(list); i++)
		put_control(out, json_array_get(list, i));
	fm_buf_puts(out, "</tbody></table></div></section>\n");
	put_waivers(p, out);
}
