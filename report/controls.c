/* What the gate was tried on, and what was waived. */
#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "report/html.h"
#include "report/part.h"

/* What each planted generator does, in the words of judge/gate/controls.h, and how its level is shown. */
static const struct {
	const char *name, *words;
	enum { NO_LEVEL, SHARE, COUNT } level;
} kinds[] = {
    {"fresh", "Fresh real flows", NO_LEVEL},
    {"copy", "Copies of training flows among fresh ones", SHARE},
    {"copy_fresh_ids", "The same with fresh addresses and times", SHARE},
    {"copy_doubled", "The same in a trace that has each flow twice", SHARE},
    {"noise", "Training flows with noise", SHARE},
    {"outliers", "The most extreme training flows among fresh ones", COUNT},
    {"one_row", "One training flow again and again", NO_LEVEL},
    {"independent", "Each field drawn for itself", NO_LEVEL},
    {"shuffled", "Each field shuffled for itself", NO_LEVEL},
    {"constant", "The most frequent values alone", NO_LEVEL},
};

static void put_kind(struct fm_buf *out, const json_t *c)
{
	const char *name = fm_json_str(c, "name"), *words = NULL;
	double level = fm_json_real(c, "level");
	int how = SHARE;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, name) == 0) {
			words = kinds[i].words;
			how = kinds[i].level;
		}
	fm_html_text(out, words ? words : name);
	if (words) {
		fm_buf_puts(out, " <code>");
		fm_html_text(out, name);
		fm_buf_puts(out, "</code>");
	}
	fm_buf_printf(out, "</th><td class=\"num%s\" data-label=\"level\">", how == NO_LEVEL ? " nil" : "");
	if (how == NO_LEVEL)
		fm_buf_puts(out, "\xe2\x80\x93");
	else if (how == COUNT)
		fm_html_count(out, level >= 0 && level < 1e15 ? (int64_t)level : 0);
	else
		fm_html_percent(out, level);
	fm_buf_puts(out, "</td>");
}

/* The checks that failed it: the first three and how many more. */
static void put_catchers(struct fm_buf *out, const json_t *list)
{
	size_t n = json_array_size(list), shown = n > 4 ? 3 : n;

	for (size_t i = 0; i < shown; i++) {
		fm_buf_puts(out, i ? ", <code>" : "<code>");
		fm_html_text(out, json_string_value(json_array_get(list, i)));
		fm_buf_puts(out, "</code>");
	}
	if (n > shown) {
		fm_buf_puts(out, " and ");
		fm_html_count(out, (int64_t)(n - shown));
		fm_buf_puts(out, " more");
	}
	if (n == 0)
		fm_buf_puts(out, "<span class=\"nil\">\xe2\x80\x93</span>");
}

static void put_control(struct fm_buf *out, const json_t *c)
{
	const char *expected = fm_json_str(c, "expected"), *got = fm_json_str(c, "got");
	bool known = strcmp(got, "pass") == 0 || strcmp(got, "fail") == 0,
	     right = known && (strcmp(expected, "any") == 0 || strcmp(expected, got) == 0);

	fm_buf_printf(out, "<tr%s><th scope=\"row\">", right ? "" : " class=\"bad\"");
	put_kind(out, c);
	fm_buf_puts(out, "<td data-label=\"expected\">");
	fm_html_text(out, *expected ? expected : "missing");
	fm_buf_printf(out, "</td><td class=\"result%s\" data-label=\"got\">", right ? "" : " no");
	fm_buf_puts(out, right ? "" : "<span aria-hidden=\"true\">\xe2\x9c\x95</span> ");
	fm_html_text(out, known ? got : "missing");
	fm_buf_puts(out, "</td><td class=\"long\" data-label=\"failed by\">");
	put_catchers(out, json_object_get(c, "failed_checks"));
	fm_buf_puts(out, "</td></tr>\n");
}

static void put_smallest(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *v = json_object_get(p->facts, "smallest_leak_caught");
	double rows = fm_json_real(p->facts, "control_rows"), limit = fm_json_real(p->facts, "control_limit");

	fm_buf_puts(out, "<p>");
	if (json_is_number(v)) {
		fm_buf_puts(out, "The smallest planted leak from which on all were caught: <b>");
		fm_html_percent(out, json_number_value(v));
		fm_buf_puts(out, "</b> of the rows copied from the training flows");
	} else if (json_is_null(v)) {
		fm_buf_puts(out, "<b class=\"missing\">No planted leak was caught</b>");
	} else {
		fm_buf_puts(out, "<span class=\"missing\">Missing: the smallest leak that was caught</span>");
	}
	if (isfinite(rows) && rows >= 0 && rows < 1e12) {
		fm_buf_puts(out, ", among ");
		fm_html_count(out, (int64_t)rows);
	}
	fm_buf_puts(out, ".");
	if (isfinite(limit)) {
		fm_buf_puts(out, " From ");
		fm_html_percent(out, limit);
		fm_buf_puts(out, " on the gate must catch them, or it is broken and lets nothing through.");
	}
	fm_buf_puts(out, "</p>\n");
}

static void put_waivers(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = json_object_get(p->facts, "waivers");

	if (json_array_size(list) == 0)
		return;
	fm_buf_puts(out,
		    "<section id=\"waivers\"><h2>Waivers</h2>\n<p>Checks that did not hold, and that somebody answers "
		    "for.</p>\n"
		    "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Check</th><th scope=\"col\">Reason</th>"
		    "<th scope=\"col\">Until</th><th scope=\"col\">Signed by</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *w = json_array_get(list, i);

		fm_buf_puts(out, "<tr><th scope=\"row\">");
		fm_page_metric_name(out, fm_json_str(w, "check"));
		fm_buf_puts(out, "</th><td class=\"long\" data-label=\"reason\">");
		fm_html_text(out, fm_json_str(w, "reason"));
		fm_buf_puts(out, "</td><td data-label=\"until\">");
		fm_html_text(out, fm_json_str(w, "expires"));
		fm_buf_puts(out, "</td><td class=\"long\" data-label=\"signed by\">");
		fm_html_text(out, fm_json_str(w, "signer"));
		fm_buf_puts(out, " <code class=\"digest\">");
		fm_html_text(out, fm_json_str(w, "key"));
		fm_buf_puts(out, "</code>");
		fm_buf_puts(out, "</td></tr>\n");
	}
	fm_buf_puts(out, "</tbody></table></div></section>\n");
}

void fm_part_controls(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = json_object_get(p->facts, "controls");

	fm_buf_puts(out, "<section id=\"controls\"><h2>Controls</h2>\n");
	if (json_array_size(list) == 0) {
		fm_buf_puts(out, "<p class=\"missing\">Missing: the gate was not tried on planted generators, or no "
				 "record of it is here.</p></section>\n");
		put_waivers(p, out);
		return;
	}
	fm_buf_puts(out, "<p>Would the gate have noticed? It was tried on generators that leak or are useless, which "
			 "it must refuse, and on fresh "
			 "real flows, which it must pass.</p>\n");
	put_smallest(p, out);
	fm_buf_puts(out, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Planted</th><th scope=\"col\" "
			 "class=\"num\">Level</th>"
			 "<th scope=\"col\">Expected</th><th scope=\"col\">Got</th><th scope=\"col\">Failed "
			 "by</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < json_array_size(list); i++)
		put_control(out, json_array_get(list, i));
	fm_buf_puts(out, "</tbody></table></div></section>\n");
	put_waivers(p, out);
}
