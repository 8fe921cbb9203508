/* What the gate was tried on, and what was waived. */
#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/metrics.h"
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
		fm_buf_puts(out, "<b class=\"missing\">The largest planted leak was not caught</b>");
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

void fm_part_control_table(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = json_object_get(p->facts, "controls");

	put_smallest(p, out);
	fm_buf_puts(out, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Planted</th><th scope=\"col\" "
			 "class=\"num\">Level</th>"
			 "<th scope=\"col\">Expected</th><th scope=\"col\">Got</th><th scope=\"col\">Failed "
			 "by</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < json_array_size(list); i++)
		put_control(out, json_array_get(list, i));
	fm_buf_puts(out, "</tbody></table></div>\n");
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
	fm_part_control_table(p, out);
	fm_buf_puts(out, "</section>\n");
	put_waivers(p, out);
}

/* ---- several models ---- */

/* "17 of 17"; `bad`: that is less than it should be. */
static void put_share(struct fm_buf *out, const char *label, size_t n, size_t of, bool bad)
{
	fm_buf_printf(out, "<td class=\"num%s\" data-label=\"%s\">%s", bad ? " result no" : "", label,
		      bad ? "<span aria-hidden=\"true\">\xe2\x9c\x95</span> " : "");
	fm_html_count(out, (int64_t)n);
	fm_buf_puts(out, " of ");
	fm_html_count(out, (int64_t)of);
	fm_buf_puts(out, "</td>");
}

/* Why the gate of a model was not tried. */
static const char *untried(const json_t *model)
{
	if (!json_object_get(model, "status"))
		return "made elsewhere: no gate is asked";
	if (!json_object_get(model, "metrics"))
		return "it was not judged";
	return json_object_get(model, "controls") ? "too few flows" : "not in privacy.mode dp";
}

static void put_trial(const json_t *model, struct fm_buf *out)
{
	struct fm_control_tally t = fm_control_tally(json_object_get(model, "controls"));
	double leak = fm_json_real(model, "smallest_leak_caught");

	fm_buf_puts(out, "<tr><th scope=\"row\">");
	fm_html_text(out, fm_json_str(model, "name"));
	fm_buf_puts(out, "</th>");
	if (t.planted + t.fresh == 0) {
		fm_buf_printf(
		    out, "<td class=\"long\" colspan=\"4\" data-label=\"planted, caught\">not tried: %s</td></tr>\n",
		    untried(model));
		return;
	}
	put_share(out, "planted, caught", t.caught, t.planted, false);
	put_share(out, "of those that it must catch", t.must - t.missed, t.must, t.missed > 0);
	put_share(out, "fresh real flows, passed", t.passed, t.fresh, t.passed < t.fresh);
	fm_buf_puts(out, "<td class=\"num\" data-label=\"smallest leak caught\">");
	if (isfinite(leak))
		fm_html_percent(out, leak);
	else
		fm_buf_puts(out, "not the largest");
	fm_buf_puts(out, "</td></tr>\n");
}

void fm_part_trials(const json_t *models, struct fm_buf *out)
{
	const json_t *m;
	size_t i;

	fm_buf_puts(out,
		    "<section id=\"controls\"><h2>Would the gate have noticed?</h2>\n<p>The gate of each model was "
		    "tried on planted generators that leak or are useless, and on fresh real flows, which it must let "
		    "through.</p>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">the gate of</th><th "
		    "scope=\"col\" class=\"num\">planted, caught</th><th scope=\"col\" class=\"num\">of those that it "
		    "must catch</th><th scope=\"col\" class=\"num\">fresh real flows, passed</th><th scope=\"col\" "
		    "class=\"num\">smallest leak caught</th></tr></thead><tbody>\n");
	json_array_foreach(models, i, m)
	{
		put_trial(m, out);
	}
	fm_buf_puts(out, "</tbody></table></div>\n");
	json_array_foreach(models, i, m)
	{
		if (json_array_size(json_object_get(m, "controls")) == 0)
			continue;
		fm_buf_puts(out, "<details class=\"long\"><summary>Each planted generator, by the gate of ");
		fm_html_text(out, fm_json_str(m, "name"));
		fm_buf_puts(out, "</summary>\n");
		fm_part_control_table(&(struct fm_page){.facts = m}, out);
		fm_buf_puts(out, "</details>\n");
	}
	fm_buf_puts(out,
		    "<p class=\"note\">They are the same generators for each model, judged by the checks that are "
		    "asked of that model. A gate that misses one that it must catch, or refuses fresh flows, proves "
		    "nothing by what it says of the model, and a run would release nothing.</p></section>\n");
}
