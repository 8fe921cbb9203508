/* What several parts of the page look up in the facts. */
#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "base/table.h"
#include "manifests/metrics.h"
#include "manifests/registry.h"
#include "report/html.h"
#include "report/part.h"
#include "report/report.h"

const json_t *fm_page_find(const struct fm_page *p, const char *name)
{
	return fm_json_named(json_object_get(p->facts, "metrics"), name);
}

double fm_page_metric(const struct fm_page *p, const char *name, bool *absent)
{
	const json_t *m = fm_page_find(p, name);

	if (absent)
		*absent = !m;
	return m ? fm_json_real(m, "value") : NAN;
}

unsigned fm_page_absent(const struct fm_page *p)
{
	const json_t *list = json_object_get(json_object_get(p->facts, "config"), "absent");
	unsigned absent = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		int col = name ? fm_col_find(name) : -1;

		absent |= col < 0 ? 0 : 1u << col;
	}
	return absent;
}

const char *fm_page_lacks(const struct fm_page *p, const char *name)
{
	const json_t *publish = json_object_get(json_object_get(p->facts, "config"), "publish");

	if (fm_metric_lacks(name, ~fm_page_absent(p), NULL))
		return "not in the trace";
	return p->partner && !fm_report_shows(fm_json_str(publish, "report"), name) ? "not published" : "missing";
}

enum fm_state fm_page_check_state(const json_t *check)
{
	return fm_check_json_holds(check)                       ? FM_HOLDS
	       : json_is_true(json_object_get(check, "waived")) ? FM_WAIVED
								: FM_FAILS;
}

void fm_page_checks(const struct fm_page *p, size_t count[FM_NSTATES])
{
	const json_t *list = json_object_get(p->facts, "checks");

	memset(count, 0, FM_NSTATES * sizeof *count);
	for (size_t i = 0; i < json_array_size(list); i++)
		count[fm_page_check_state(json_array_get(list, i))]++;
}

void fm_page_metric_name(struct fm_buf *out, const char *name)
{
	char words[FM_WORDS_MAX];

	fm_metric_words(name, words, sizeof words);
	if (*words) {
		fm_html_text(out, words);
		fm_buf_puts(out, " ");
	}
	fm_buf_puts(out, "<code>");
	fm_html_text(out, name);
	fm_buf_puts(out, "</code>");
}

void fm_page_fact(struct fm_buf *out, const char *name)
{
	fm_buf_puts(out, "<div><dt>");
	fm_html_text(out, name);
	fm_buf_puts(out, "</dt><dd>");
}

void fm_page_fact_text(struct fm_buf *out, const char *name, const char *value)
{
	fm_page_fact(out, name);
	if (*value)
		fm_html_text(out, value);
	else
		fm_buf_puts(out, "<span class=\"missing\">missing</span>");
	fm_buf_puts(out, "</dd></div>\n");
}
