/* What the synthetic flows are good for: each task learned from synthetic flows beside the same from real ones. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/html.h"
#include "report/part.h"

/* lost: the metric that says what is lost, real less synthetic, whose interval is shown; ratio: that says synthetic
 * over real; NULL where nothing says it.  Either stands alone where the scores themselves are not published. */
static const struct {
	const char *words, *real, *synthetic, *lost, *ratio;
} tasks[] = {
    {"Prediction of bytes, error (smaller is better)", "downstream.mse_real", "downstream.mse_synthetic", NULL,
     "downstream.mse_ratio"},
    {"Labels by boosted trees, mean F1", "trtr.macro_f1.trees", "tstr.macro_f1.trees", "tstr.macro_f1_drop.trees",
     NULL},
    {"Labels by logistic regression, mean F1", "trtr.macro_f1.logistic", "tstr.macro_f1.logistic",
     "tstr.macro_f1_drop.logistic", NULL},
    {"Labels by a network, mean F1", "trtr.macro_f1.network", "tstr.macro_f1.network", "tstr.macro_f1_drop.network",
     NULL},
    {"Attack or not by boosted trees, area under the curve", "trtr.auc.trees", "tstr.auc.trees", NULL, NULL},
    {"Attacks found as oddities, area under the curve", "anomaly.auc_real", "anomaly.auc_synthetic", "anomaly.auc_drop",
     NULL},
};
enum { NTASKS = sizeof tasks / sizeof *tasks };

/* Does a check ask for this task?  Its name begins as the metrics' do: "tstr.macro_f1", "tstr.auc", "anomaly.auc". */
static bool is_checked(const struct fm_page *p, const char *metric)
{
	const json_t *list = json_object_get(p->facts, "checks");
	size_t stem = strcspn(metric, ".");

	stem += strcspn(metric + stem + 1, "._") + 1;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strncmp(fm_html_str(json_array_get(list, i), "name"), metric, stem) == 0)
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

static void put_lost(const struct fm_page *p, struct fm_buf *out, size_t task, double difference)
{
	const json_t *m = tasks[task].lost ? fm_page_find(p, tasks[task].lost) : NULL, *ci = json_object_get(m, "ci");

	fm_html_number(out, difference);
	if (json_is_number(json_array_get(ci, 0)) && json_is_number(json_array_get(ci, 1))) {
		fm_buf_puts(out, " (");
		fm_html_number(out, -json_number_value(json_array_get(ci, 1)));
		fm_buf_puts(out, " to ");
		fm_html_number(out, -json_number_value(json_array_get(ci, 0)));
		fm_buf_puts(out, ")");
	}
}

static bool put_task(const struct fm_page *p, struct fm_buf *out, size_t task, bool *unchecked)
{
	double real = fm_page_metric(p, tasks[task].real, NULL),
	       synthetic = fm_page_metric(p, tasks[task].synthetic, NULL),
	       lost = tasks[task].lost ? fm_page_metric(p, tasks[task].lost, NULL) : NAN,
	       ratio = tasks[task].ratio ? fm_page_metric(p, tasks[task].ratio, NULL) : NAN,
	       difference = isfinite(real) && isfinite(synthetic) ? synthetic - real : -lost;
	bool checked = is_checked(p, tasks[task].synthetic);

	if (!isfinite(difference) && !isfinite(ratio))
		return false;
	fm_buf_puts(out, "<tr><th scope=\"row\">");
	fm_html_text(out, tasks[task].words);
	fm_buf_puts(out, "</th>");
	put_score(p, out, "after real", tasks[task].real);
	put_score(p, out, "after synthetic", tasks[task].synthetic);
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

	for (size_t i = 0; i < NTASKS; i++)
		any = put_task(p, &rows, i, &unchecked) || any;
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
