/* The top of the page: what this is, and the verdict. */
#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/metrics.h"
#include "report/html.h"
#include "report/part.h"

#define NO_DATE "1980-01-01" /* the date of a config that names none */

/* What the trace lacks, in the words of the data sheet. */
static void put_absent(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = json_object_get(json_object_get(p->facts, "config"), "absent");

	if (json_array_size(list) == 0)
		return;
	fm_buf_puts(out, "<p class=\"note\">The trace has no");
	for (size_t i = 0; i < json_array_size(list); i++) {
		fm_buf_puts(out, i ? ", <code>" : " <code>");
		fm_html_text(out, json_string_value(json_array_get(list, i)));
		fm_buf_puts(out, "</code>");
	}
	fm_buf_puts(out, ", and neither have these flows: what needs them is not measured.</p>\n");
}

static void put_head(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *release = json_object_get(p->facts, "release");
	const char *name = fm_json_str(release, "name"), *description = fm_json_str(release, "description");

	fm_buf_printf(out, "<header><p class=\"kicker\">%s <span class=\"edition\">%s</span></p>\n<h1>",
		      p->evaluation ? "Evaluation" : "Release report",
		      p->partner ? "partner\xe2\x80\x99s edition" : "team\xe2\x80\x99s edition, private");
	fm_html_text(out, *name ? name : "release without a name");
	fm_buf_puts(out, " <small>");
	fm_html_text(out, fm_json_str(release, "version"));
	fm_buf_puts(out, "</small></h1>\n");
	if (*description) {
		fm_buf_puts(out, "<p class=\"lead\">");
		fm_html_text(out, description);
		fm_buf_puts(out, "</p>\n");
	}
	put_absent(p, out);
	if (!p->partner)
		fm_buf_puts(out, "<p class=\"note\">This edition shows distributions of private flows. It stays with "
				 "the team; give partners "
				 "the partner\xe2\x80\x99s edition.</p>\n");
	fm_buf_puts(out, "</header>\n");
}

static void put_flows(const struct fm_page *p, struct fm_buf *out, const char *name, const char *metric)
{
	double n = fm_page_metric(p, metric, NULL);

	if (!isfinite(n) && strcmp(metric, "rows.synthetic") == 0)
		n = fm_json_real(p->facts, "rows");
	if (p->evaluation && !isfinite(n))
		return;
	fm_page_fact(out, name);
	if (isfinite(n) && n >= 0 && n < 9e15)
		fm_html_count(out, (int64_t)n);
	else
		fm_buf_puts(out, "<span class=\"missing\">missing</span>");
	fm_buf_puts(out, "</dd></div>\n");
}

static void put_privacy(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *privacy = json_object_get(p->facts, "privacy");
	double epsilon = fm_json_real(privacy, "epsilon");

	fm_page_fact(out, "Privacy");
	if (isfinite(epsilon) && epsilon > 0) {
		fm_buf_puts(out, "<a href=\"#privacy\">\xce\xb5 = ");
		fm_html_number(out, epsilon);
		fm_buf_puts(out, "</a>");
	} else if (fm_json_says(privacy, "mode", "none")) {
		fm_buf_puts(out, "<a href=\"#privacy\">no guarantee</a>");
	} else {
		fm_buf_puts(out, "<span class=\"missing\">missing</span>");
	}
	fm_buf_puts(out, "</dd></div>\n");
}

static void put_signature(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *archive = json_object_get(p->facts, "archive");
	const char *signer = fm_json_str(archive, "signer");

	if (!archive)
		return;
	fm_page_fact(out, "Signature");
	if (json_is_true(json_object_get(archive, "checked"))) {
		fm_buf_puts(out, "good, by ");
		fm_html_text(out, *signer ? signer : "an unnamed signer");
	} else {
		fm_buf_puts(out, "not checked here: <a href=\"#verify\">verify</a>");
	}
	fm_buf_puts(out, "</dd></div>\n");
}

static void put_facts(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *run = json_object_get(p->facts, "run");
	const char *date = fm_json_str(json_object_get(p->facts, "release"), "date");

	fm_buf_puts(out, "<dl class=\"facts\">\n");
	put_flows(p, out, "Synthetic flows", "rows.synthetic");
	put_flows(p, out, "Learned from", "rows.real");
	put_flows(p, out, "Held out", "rows.holdout");
	if (!p->evaluation)
		put_privacy(p, out);
	put_signature(p, out);
	if (*date && strcmp(date, NO_DATE) != 0)
		fm_page_fact_text(out, "Date", date);
	if (run) {
		fm_page_fact(out, "Run");
		fm_html_text(out, fm_json_str(run, "id"));
		fm_buf_puts(out, ", ");
		fm_html_text(out, *fm_json_str(run, "status") ? fm_json_str(run, "status") : "unfinished");
		fm_buf_puts(out, "</dd></div>\n");
	}
	fm_buf_puts(out, "</dl>\n");
}

static double value_of(const void *page, const char *name)
{
	return fm_page_metric(page, name, NULL);
}

/* A check of rules that the real flows would fail too.  A partner's edition does not have the numbers for this. */
static void put_trace(const struct fm_page *p, struct fm_buf *out, const char *check)
{
	char words[160];

	fm_rule_of_trace(check, value_of, p, words, sizeof words);
	if (!*words)
		return;
	fm_buf_puts(out, "; ");
	fm_html_text(out, words);
}

static void put_failed(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = json_object_get(p->facts, "checks");

	fm_buf_puts(out, "<ul class=\"failed\">\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);
		const char *why = fm_json_str(c, "why");

		if (fm_page_check_state(c) != FM_FAILS)
			continue;
		fm_buf_puts(out, "<li>");
		fm_page_metric_name(out, fm_json_str(c, "name"));
		fm_buf_puts(out, ": ");
		if (isfinite(fm_json_real(c, "value"))) {
			fm_html_number(out, fm_json_real(c, "value"));
			fm_buf_puts(out, fm_json_says(c, "direction", "min") ? ", at least " : ", at most ");
			fm_html_number(out, fm_json_real(c, "threshold"));
			if (fm_json_says(c, "name", FM_METRIC_CONTROLS) && *why) {
				fm_buf_puts(out, ": "); /* the number of controls alone does not say what to mend */
				fm_html_text(out, why);
			}
		} else {
			fm_html_text(out, *why ? why : "not measured");
		}
		put_trace(p, out, fm_json_str(c, "name"));
		fm_buf_puts(out, "</li>\n");
	}
	fm_buf_puts(out, "</ul>\n");
}

static void open_verdict(struct fm_buf *out, const char *class, const char *mark, const char *word)
{
	fm_buf_printf(out,
		      "<section id=\"verdict\" class=\"verdict %s\"><h2><span class=\"mark\" "
		      "aria-hidden=\"true\">%s</span> %s</h2>\n",
		      class, mark, word);
}

/* "12 of 14 checks hold, 2 are waived." */
static void put_passed(struct fm_buf *out, const size_t count[FM_NSTATES])
{
	if (!count[FM_WAIVED]) {
		fm_buf_puts(out, "<p>All ");
		fm_html_count(out, (int64_t)count[FM_HOLDS]);
		fm_buf_puts(out, " checks hold.</p>\n");
		return;
	}
	fm_buf_puts(out, "<p>");
	fm_html_count(out, (int64_t)count[FM_HOLDS]);
	fm_buf_puts(out, " of ");
	fm_html_count(out, (int64_t)(count[FM_HOLDS] + count[FM_WAIVED]));
	fm_buf_puts(out, " checks hold; ");
	fm_html_count(out, (int64_t)count[FM_WAIVED]);
	fm_buf_puts(out, count[FM_WAIVED] == 1 ? " does not and is <a href=\"#waivers\">waived</a>.</p>\n"
					       : " do not and are <a href=\"#waivers\">waived</a>.</p>\n");
}

void fm_part_verdict(const struct fm_page *p, struct fm_buf *out)
{
	const char *said = fm_json_str(p->facts, "verdict");
	size_t count[FM_NSTATES], n;

	put_head(p, out);
	fm_page_checks(p, count);
	n = count[FM_HOLDS] + count[FM_WAIVED] + count[FM_FAILS];
	if (strcmp(said, "pass") == 0 && n && !count[FM_FAILS]) {
		open_verdict(out, "pass", "\xe2\x9c\x93", "Passed the gate");
		put_passed(out, count);
	} else if (strcmp(said, "pass") == 0) {
		open_verdict(out, "fail", "\xe2\x9c\x95", "Not valid");
		fm_buf_puts(out, n ? "<p>The record says that the gate was passed, but these checks do not hold by "
				     "their own numbers.</p>\n"
				   : "<p>The record says that the gate was passed, but holds no check.</p>\n");
		put_failed(p, out);
	} else if (strcmp(said, "fail") == 0) {
		open_verdict(out, "fail", "\xe2\x9c\x95", "Refused by the gate");
		fm_buf_puts(out, "<p>");
		fm_html_count(out, (int64_t)count[FM_FAILS]);
		fm_buf_puts(out, " of ");
		fm_html_count(out, (int64_t)n);
		fm_buf_puts(out, count[FM_FAILS] == 1 ? " checks does not hold." : " checks do not hold.");
		fm_buf_puts(out, p->evaluation ? "</p>\n" : " Nothing was released.</p>\n");
		put_failed(p, out);
	} else if (p->evaluation) {
		open_verdict(out, "none", "", "Measures alone");
		fm_buf_puts(out, "<p>No gate was asked.</p>\n");
	} else {
		open_verdict(out, "none", "?", "No verdict");
		fm_buf_puts(out, "<p class=\"missing\">Missing: the gate has not judged this run.</p>\n");
	}
	put_facts(p, out);
	fm_buf_puts(out, "</section>\n");
}
