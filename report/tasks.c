/* What the synthetic flows are good for: each task after synthetic flows beside the same after real ones. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/html.h"
#include "report/part.h"

/* lost: the metric that says what is lost, whose interval is shown; NULL where nothing says it. */
static const struct {
	const char *words, *real, *synthetic, *lost;
} tasks[] = {
    {"Prediction of bytes, error (smaller is better)", "downstream.mse_real", "downstream.mse_synthetic", NULL},
    {"Labels by boosted trees, mean F1", "trtr.macro_f1.trees", "tstr.macro_f1.trees", "tstr.macro_f1_drop.trees"},
    {"Labels by logistic regression, mean F1", "trtr.macro_f1.logistic", "tstr.macro_f1.logistic",
     "tstr.macro_f1_drop.logistic"},
    {"Labels by a network, mean F1", "trtr.macro_f1.network", "tstr.macro_f1.network", "tstr.macro_f1_drop.network"},
    {"Attack or not by boosted trees, area under the curve", "trtr.auc.trees", "tstr.auc.trees", NULL},
    {"Attacks found as oddities, area under the curve", "anomaly.auc_real", "anomaly.auc_synthetic",
     "anomaly.auc_drop"},
};
enum { NTASKS = sizeof tasks / sizeof *tasks };

static const json_t *find(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(fm_html_str(json_array_get(list, i), "name"), name) == 0)
			return json_array_get(list, i);
	return NULL;
}

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

static void put_number(struct fm_buf *out, const char *label, double v)
{
	fm_buf_printf(out, "<td class=\"num\" data-label=\"%s\">", label);
	fm_html_number(out, v);
	fm_buf_puts(out, "</td>");
}

static void put_lost(const struct fm_page *p, struct fm_buf *out, size_t task, double real, double synthetic)
{
	const json_t *m = tasks[task].lost ? find(json_object_get(p->facts, "metrics"), tasks[task].lost) : NULL,
		     *ci = json_object_get(m, "ci");

	fm_buf_puts(out, "<td class=\"num\" data-label=\"difference\">");
	fm_html_number(out, synthetic - real);
	if (json_is_number(json_array_get(ci, 0)) && json_is_number(json_array_get(ci, 1))) {
		fm_buf_puts(out, " (");
		fm_html_number(out, -json_number_value(json_array_get(ci, 1)));
		fm_buf_puts(out, " to ");
		fm_html_number(out, -json_number_value(json_array_get(ci, 0)));
		fm_buf_puts(out, ")");
	}
	fm_buf_puts(out, "</td>");
}

static bool put_task(const struct fm_page *p, struct fm_buf *out, size_t task, bool *unchecked)
{
	double real = fm_page_metric(p, tasks[task].real, NULL),
	       synthetic = fm_page_metric(p, tasks[task].synthetic, NULL);
	bool checked = is_checked(p, tasks[task].synthetic);

	if (!isfinite(real) || !isfinite(synthetic))
		return false;
	fm_buf_puts(out, "<tr><th scope=\"row\">");
	fm_html_text(out, tasks[task].words);
	fm_buf_puts(out, "</th>");
	put_number(out, "after real", real);
	put_number(out, "after synthetic", synthetic);
	put_lost(p, out, task, real, synthetic);
	fm_buf_printf(out, "<td data-label=\"in the gate\">%s</td></tr>\n", checked ? "checked" : "not checked");
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
