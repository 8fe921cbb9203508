/* What the synthetic flows are good for: each task learned from synthetic flows beside the same from real ones. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/registry.h"
#include "report/html.h"
#include "report/part.h"

/* Does a check ask for this task?  Checks and metrics share the beginning of their names: "tstr.macro_f1", "tstr.auc",
 * "anomaly.auc". */
static bool is_checked(const struct fm_page *p, const char *metric)
{
	const json_t *list = json_object_get(p->facts, "checks");
	size_t stem = strcspn(metric, ".");

	stem += strcspn(metric + stem + 1, "._") + 1;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strncmp(fm_json_str(json_array_get(list, i), "name"), metric, stem) == 0)
			return true;
	return false;
}

static void put_score(const struct fm_page *p, struct fm_buf *out, const char *label, const char *metric)
{
	double v = fm_page_metric(p, metric, NULL);

	fm_buf_printf(out, "<td class=\"num%s\" data-label=\"%s\">", isfinite(v) ? "" : " nil", label);
	if (isfinite(v))
		fm_html_number(out, v);
	else
		fm_buf_puts(out, fm_page_lacks(p, metric));
	fm_buf_puts(out, "</td>");
}

static void put_lost(const struct fm_page *p, struct fm_buf *out, const struct fm_metric_task *task, double difference)
{
	const json_t *m = task->lost ? fm_page_find(p, task->lost) : NULL, *ci = json_object_get(m, "ci");

	fm_html_number(out, difference);
	if (json_is_number(json_array_get(ci, 0)) && json_is_number(json_array_get(ci, 1))) {
		fm_buf_puts(out, " (");
		fm_html_number(out, -json_number_value(json_array_get(ci, 1)));
		fm_buf_puts(out, " to ");
		fm_html_number(out, -json_number_value(json_array_get(ci, 0)));
		fm_buf_puts(out, ")");
	}
}

static bool put_task(const struct fm_page *p, struct fm_buf *out, const struct fm_metric_task *task, bool *unchecked)
{
	double real = fm_page_metric(p, task->real, NULL), synthetic = fm_page_metric(p, task->synthetic, NULL),
	       lost = task->lost ? fm_page_metric(p, task->lost, NULL) : NAN,
	       ratio = task->ratio ? fm_page_metric(p, task->ratio, NULL) : NAN,
	       difference = isfinite(real) && isfinite(synthetic) ? synthetic - real : -lost;
	bool checked = is_checked(p, task->synthetic);

	if (!isfinite(difference) && !isfinite(ratio))
		return false;
	fm_buf_puts(out, "<tr><th scope=\"row\">");
	fm_html_text(out, task->words);
	fm_buf_puts(out, "</th>");
	put_score(p, out, "after real", task->real);
	put_score(p, out, "after synthetic", task->synthetic);
	fm_buf_puts(out, "<td class=\"num\" data-label=\"difference\">");
	if (isfinite(difference)) {
		put_lost(p, out, task, difference);
	} else {
		fm_html_number(out, ratio);
		fm_buf_puts(out, " times as large");
	}
	fm_buf_printf(out, "</td><td data-label=\"in the gate\">%s</td></tr>\n", checked ? "checked" : "not checked");
	*unchecked = *unchecked || !checked;
	return true;
}

void fm_part_tasks(const struct fm_page *p, struct fm_buf *out)
{
	double classes = fm_page_metric(p, "downstream.label_classes", NULL);
	struct fm_buf rows = {0};
	bool unchecked = false, any = false;

	for (size_t i = 0; i < fm_metric_ntasks; i++)
		any = put_task(p, &rows, &fm_metric_tasks[i], &unchecked) || any;
	if (!any && p->evaluation) {
		fm_buf_free(&rows);
		return;
	}
	fm_buf_puts(out, "<section id=\"tasks\"><h2>Tasks</h2>\n");
	if (any) {
		fm_buf_puts(out,
			    "<p class=\"note\">What learned from synthetic flows, beside the same that learned from "
			    "real ones; both "
			    "are tried on real flows that neither saw. In brackets the 95\xe2\x80\xaf% interval.</p>\n"
			    "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Task</th><th scope=\"col\" "
			    "class=\"num\">After real</th><th scope=\"col\" class=\"num\">After synthetic</th>"
			    "<th scope=\"col\" class=\"num\">Difference</th><th scope=\"col\">In the "
			    "gate</th></tr></thead><tbody>\n");
		fm_buf_add(out, rows.data, rows.len);
		fm_buf_puts(out, "</tbody></table></div>\n");
	} else {
		fm_buf_puts(out, "<p class=\"missing\">Missing: no task was tried.</p>\n");
	}
	if (isfinite(classes) && classes < 2)
		fm_buf_puts(
		    out,
		    "<p>Fewer than two labels have enough flows to learn and to try them, so there is no task about "
		    "labels: the prediction of bytes and the search for oddities stand for all.</p>\n");
	if (unchecked)
		fm_buf_puts(
		    out, "<p>The gate passes or refuses a release whatever stands in a line that is not checked: look "
			 "whether it is good enough for what you want.</p>\n");
	fm_buf_puts(out, "</section>\n");
	out->failed |= rows.failed;
	fm_buf_free(&rows);
}
