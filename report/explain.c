/* What the checks of a gate ask, for readers who run networks and do not know statistics. */
#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/registry.h"
#include "report/html.h"
#include "report/part.h"
#include "report/report.h"

/* The text, with the config's k in place of {k}. */
static void put_question(const struct fm_page *p, struct fm_buf *out, const char *text)
{
	const char *mark = strstr(text, "{k}");
	double k = fm_report_k(p->facts);

	if (!mark) {
		fm_html_text(out, text);
		return;
	}
	fm_buf_add(out, text, (size_t)(mark - text)); /* our own text: nothing to escape */
	if (isfinite(k))
		fm_html_count(out, (int64_t)k);
	else
		fm_buf_puts(out, "k");
	fm_html_text(out, mark + 3);
}

static bool is_asked(const struct fm_page *p, const struct fm_metric_topic *topic)
{
	const json_t *list = json_object_get(p->facts, "checks");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (fm_metric_topic(fm_json_str(json_array_get(list, i), "name")) == topic)
			return true;
	return false;
}

void fm_part_explain(const struct fm_page *p, struct fm_buf *out)
{
	fm_buf_puts(out, "<h3>What they ask</h3>\n<dl class=\"asks\">\n");
	for (size_t i = 0; i < fm_metric_ntopics; i++) {
		const struct fm_metric_topic *topic = &fm_metric_topics[i];

		if (!topic->asks || !is_asked(p, topic))
			continue;
		fm_buf_puts(out, "<div><dt>");
		fm_html_text(out, topic->title);
		fm_buf_puts(out, "</dt><dd>");
		put_question(p, out, topic->asks);
		fm_buf_puts(out, "</dd></div>\n");
	}
	fm_buf_puts(out, "</dl>\n");
}
