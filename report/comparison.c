/* comparison.c - models side by side on one page. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/registry.h"
#include "report/html.h"
#include "report/part.h"
#include "report/report.h"

#define METRICS_MOST 4096

static const json_t *models_of(const json_t *doc)
{
	return json_object_get(doc, "models");
}

/* NaN where the model has none. */
static double metric(const json_t *model, const char *name)
{
	return fm_json_real(fm_json_named(json_object_get(model, "metrics"), name), "value");
}

/* The floor of a metric, from the first model that has it: they have the same real flows. */
static double floor_of(const json_t *doc, const char *name)
{
	char text[FM_METRIC_FLOOR];
	const json_t *m;
	size_t i;

	fm_metric_floor(name, text);
	json_array_foreach(models_of(doc), i, m)
	{
		if (isfinite(metric(m, text)))
			return metric(m, text);
	}
	return NAN;
}

static void put_label(struct fm_buf *out, const char *class, const char *label)
{
	fm_buf_printf(out, "<td class=\"%s\" data-label=\"", class);
	fm_html_text(out, label);
	fm_buf_puts(out, "\">");
}

static void put_number(struct fm_buf *out, const char *label, double v)
{
	put_label(out, "num", label);
	fm_html_number(out, v);
	fm_buf_puts(out, "</td>");
}

/* With that many decimals; a dash for NaN and infinity. */
static void put_fixed(struct fm_buf *out, const char *label, double v, int decimals)
{
	put_label(out, "num", label);
	if (isfinite(v))
		fm_html_fixed(out, v, decimals);
	else
		fm_html_number(out, v);
	fm_buf_puts(out, "</td>");
}

/* <table> up to <tbody>: a column of `first`, one for each model, the floor. */
static void begin_table(const json_t *doc, struct fm_buf *out, const char *caption, const char *first)
{
	const json_t *m;
	size_t i;

	fm_buf_puts(out, "<div class=\"wide\"><table><caption>");
	fm_html_text(out, caption);
	fm_buf_printf(out, "</caption><thead><tr><th scope=\"col\">%s</th>", first);
	json_array_foreach(models_of(doc), i, m)
	{
		fm_buf_puts(out, "<th scope=\"col\" class=\"num\">");
		fm_html_text(out, fm_json_str(m, "name"));
		fm_buf_puts(out, "</th>");
	}
	fm_buf_puts(out, "<th scope=\"col\" class=\"num\">noise floor</th></tr></thead><tbody>\n");
}

/* least: the smallest number of a model is shown as the best. */
static void put_row(const json_t *doc, struct fm_buf *out, const char *name, bool least)
{
	double best = NAN;
	const json_t *m;
	size_t i;

	json_array_foreach(models_of(doc), i, m)
	{
		best = least ? fmin(best, metric(m, name)) : NAN;
	}
	fm_buf_puts(out, "<tr><th scope=\"row\">");
	fm_page_metric_name(out, name);
	fm_buf_puts(out, "</th>");
	json_array_foreach(models_of(doc), i, m)
	{
		double v = metric(m, name);

		put_label(out, "num", fm_json_str(m, "name"));
		fm_buf_puts(out, v <= best ? "<b>" : "");
		fm_html_number(out, v);
		fm_buf_puts(out, v <= best ? "</b></td>" : "</td>");
	}
	put_number(out, "noise floor", floor_of(doc, name));
	fm_buf_puts(out, "</tr>\n");
}

static void put_figure(const json_t *doc, struct fm_buf *out)
{
	const json_t *m;
	size_t i;

	fm_buf_puts(out, "<section id=\"figure\"><h2>Divergence by field</h2>\n");
	begin_table(doc, out, "Jensen-Shannon divergence, in nats", "field");
	/* The eight fields that papers report, their mean, and joint measures of columns. */
	for (const char *const *name = fm_metric_eight; *name; name++)
		put_row(doc, out, *name, true);
	put_row(doc, out, "jsd_mean8", true);
	put_row(doc, out, "pair_jsd", true);
	put_row(doc, out, "assoc.mean", true);
	fm_buf_puts(out, "<tr><th scope=\"row\">The method\xe2\x80\x99s paper: mean of eight fields</th>");
	json_array_foreach(models_of(doc), i, m)
	{
		put_number(out, fm_json_str(m, "name"), fm_json_real(m, "paper"));
	}
	fm_buf_puts(
	    out, "<td class=\"num nil\"></td></tr>\n</tbody></table></div>\n<p class=\"note\">The noise floor is "
		 "what real flows that were held out score: they are whole stretches of the trace, so that a model can "
		 "be nearer in time than they are. The paper measured a million flows of another day");
	fm_buf_puts(out, isfinite(fm_json_real(doc, "budget_minutes"))
			     ? ", and trained for longer than a budget of minutes allows"
			     : "");
	fm_buf_puts(out, ". Its means are known here, its figures of single fields are not. A dash: not "
			 "measured. Bold: the least of a row.</p></section>\n");
}

/* What divergences of single fields cannot show. */
static const char *const beyond[] = {"c2st.flow_blocks_auc",
				     "c2st.window_auc",
				     FM_METRIC_BROKEN,
				     "time.PAIR_real",
				     "time.PAIR_synthetic",
				     "host.PROFILE",
				     "host.LIFE",
				     "host.hosts_gap",
				     "host.pairs_gap",
				     "host.bytes_gap",
				     "heavy.share_gap",
				     "burst.VOLUME",
				     "downstream.mse_ratio",
				     "tstr.macro_f1.trees",
				     "anomaly.score_correlation",
				     "leak.family_p",
				     "leak.rows_equal",
				     "leak.share_nearer_train",
				     "leak.mia_model_auc",
				     NULL};

static bool shown_before(const json_t *doc, size_t end, const char *name);

static void put_beyond(const json_t *doc, struct fm_buf *out)
{
	fm_buf_puts(out, "<section id=\"beyond\"><h2>Beyond single fields</h2>\n");
	begin_table(doc, out, "Flows together, hosts, tasks and leakage", "measure");
	for (const char *const *name = beyond; *name; name++)
		if (shown_before(doc, json_array_size(models_of(doc)), *name))
			put_row(doc, out, *name, false);
	fm_buf_puts(out, "</tbody></table></div>\n<p class=\"note\">An AUC of 0.5: a classifier cannot tell the flows "
			 "from real ones; 1: it always can. docs/metrics.md says what each is.</p></section>\n");
}

static const json_t *stage_of(const json_t *model, const char *name)
{
	return fm_json_named(json_object_get(model, "stages"), name);
}

/* What a stage took; NaN where its product was taken from the workspace. */
static double stage_number(const json_t *stage, const char *key)
{
	return json_is_true(json_object_get(stage, "cached")) ? NAN : fm_json_real(stage, key);
}

static double peak_of(const json_t *model)
{
	const json_t *s;
	double peak = NAN;
	size_t i;

	json_array_foreach(json_object_get(model, "stages"), i, s)
	{
		peak = fmax(peak, stage_number(s, "peak_rss_bytes") / (1 << 20));
	}
	return peak;
}

static void put_costs(const json_t *doc, struct fm_buf *out)
{
	static const char *const stages[] = {"train", "generate", "evaluate"};
	const json_t *m;
	size_t i;

	fm_buf_puts(
	    out, "<section id=\"costs\"><h2>What each took</h2>\n<div class=\"wide\"><table><thead><tr><th "
		 "scope=\"col\">model</th><th scope=\"col\">the gate</th><th scope=\"col\" class=\"num\">steps</th><th "
		 "scope=\"col\" class=\"num\">of</th><th scope=\"col\">sampler</th><th scope=\"col\" "
		 "class=\"num\">parameters</th><th scope=\"col\" class=\"num\">train, s</th><th "
		 "scope=\"col\" class=\"num\">generate, s</th><th scope=\"col\" class=\"num\">judge, s</th><th "
		 "scope=\"col\" class=\"num\">memory, MiB</th></tr></thead><tbody>\n");
	json_array_foreach(models_of(doc), i, m)
	{
		fm_buf_puts(out, "<tr><th scope=\"row\">");
		fm_html_text(out, fm_json_str(m, "name"));
		fm_buf_puts(out, "</th>");
		put_label(out, "long", "the gate");
		fm_html_text(out, *fm_json_str(m, "status") ? fm_json_str(m, "status") : "made elsewhere");
		fm_buf_puts(out, "</td>");
		put_number(out, "steps", fm_json_real(m, "train_steps"));
		put_number(out, "of", fm_json_real(m, "config_steps"));
		put_label(out, "long", "sampler");
		fm_html_text(out, fm_json_str(m, "sampler"));
		fm_buf_puts(out, "</td>");
		put_number(out, "parameters", fm_json_real(m, "parameters"));
		for (size_t k = 0; k < 3; k++)
			put_fixed(out, stages[k], stage_number(stage_of(m, stages[k]), "seconds"), 1);
		put_fixed(out, "memory, MiB", peak_of(m), 0);
		fm_buf_puts(out, "</tr>\n");
	}
	fm_buf_puts(out,
		    "</tbody></table></div>\n<p class=\"note\">Of: the steps that its config asks for, where a budget "
		    "was given. Seconds are those of the clock: a busy machine takes longer. Judging has the trial of "
		    "the gate in it. Memory: of its largest "
		    "stage. A dash: an earlier run had done it, this one did not come so far, or it is not known of "
		    "flows that were made elsewhere.</p></section>\n");
}

/* " (mostly 1, 2)": the largest cells of a symptom. */
static void put_cells(const json_t *symptom, const char *cells, struct fm_buf *out)
{
	const json_t *cell;
	size_t i;

	json_array_foreach(json_object_get(symptom, cells), i, cell)
	{
		fm_buf_puts(out, i ? ", " : " (mostly ");
		fm_html_text(out, fm_json_str(cell, "value"));
	}
	fm_buf_puts(out, i ? ")" : "");
}

/* " (3 % above it)": the part beyond the upper end. */
static void put_above(const json_t *symptom, struct fm_buf *out)
{
	if (!json_is_number(json_object_get(symptom, "above")))
		return;
	fm_buf_puts(out, " (");
	fm_html_percent(out, fm_json_real(symptom, "above"));
	fm_buf_puts(out, " above it)");
}

/* "TD 12 %, BYT 3 %": fields in which a symptom is at least 1 %, with its cells, if it has any; returns how many. */
static size_t put_symptom(const json_t *model, struct fm_buf *out, const char *key, const char *cells,
			  const char *words)
{
	const json_t *s;
	size_t i, n = 0;

	json_array_foreach(json_object_get(model, "symptoms"), i, s)
	{
		double v = fm_json_real(s, key);

		if (!(v >= 0.01))
			continue;
		fm_buf_puts(out, n++ ? ", " : words);
		fm_html_text(out, fm_json_str(s, "field"));
		fm_buf_puts(out, " ");
		fm_html_percent(out, v);
		if (*cells)
			put_cells(s, cells, out);
		else
			put_above(s, out);
	}
	fm_buf_puts(out, n ? ".</p>\n" : "");
	return n;
}

/* A model that had next to no steps says little of its method. */
#define FEW_STEPS 0.25
static void put_training(const json_t *model, struct fm_buf *out)
{
	double steps = fm_json_real(model, "train_steps"), wanted = fm_json_real(model, "config_steps");

	if (!(steps < FEW_STEPS * wanted))
		return;
	fm_buf_puts(out, "<p class=\"why\">The budget gave it ");
	fm_html_percent(out, steps / wanted);
	fm_buf_puts(out, " of the steps that its config asks for: what follows says more of the budget than of the "
			 "method.</p>\n");
}

/* "gate.NAME=null" in words: a check that a kind of model has no answer to. */
static void put_unasked(const char *key, struct fm_buf *out)
{
	char name[128];

	snprintf(name, sizeof name, "%.*s", (int)strcspn(key, "="), key);
	if (strcmp(key + strlen(name), "=null") != 0)
		return;
	fm_buf_puts(out, " Its gate does not ask <code>");
	fm_html_text(out, name + strlen("gate."));
	fm_buf_puts(out, "</code>, which it has no answer to.");
}

static void put_set(const json_t *model, struct fm_buf *out)
{
	const json_t *set = json_object_get(model, "set"), *v;
	bool some = false;
	size_t i;

	for (int gate = 0; gate < 2; gate++) {
		json_array_foreach(set, i, v)
		{
			const char *key = json_string_value(v) ? json_string_value(v) : "";

			if ((strncmp(key, "gate.", 5) == 0) != gate)
				continue;
			if (gate)
				put_unasked(key, out);
			if (gate)
				continue;
			fm_buf_puts(out, some ? ", <code>" : " It is <code>");
			fm_html_text(out, key);
			fm_buf_puts(out, "</code>");
			some = true;
		}
		fm_buf_puts(out, some && !gate ? "." : "");
	}
}

/* Where this run did both. */
static void put_time(const json_t *model, struct fm_buf *out)
{
	double train = stage_number(stage_of(model, "train"), "seconds"), rows = metric(model, "rows.synthetic"),
	       generate = stage_number(stage_of(model, "generate"), "seconds");

	if (!isfinite(train) || !isfinite(generate) || !isfinite(rows))
		return;
	fm_buf_puts(out, " Training took ");
	fm_html_fixed(out, train, 1);
	fm_buf_puts(out, " s, making ");
	fm_html_count(out, (int64_t)rows);
	fm_buf_puts(out, " flows ");
	fm_html_fixed(out, generate, 1);
	fm_buf_puts(out, " s.");
}

/* Checks as "jsd.TD 0.25 (max 0.1)", with or without "; and more" behind, a row each; returns how many. */
static size_t put_failed(const json_t *model, struct fm_buf *out)
{
	const json_t *failed = json_object_get(model, "failed"), *k;
	size_t i, n = json_array_size(failed);

	if (n == 0)
		return 0;
	fm_buf_printf(
	    out,
	    "<details class=\"long\"><summary>The gate refuses it: checks that it does not meet, "
	    "%zu</summary>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">check</th><th "
	    "scope=\"col\" class=\"num\">is</th><th scope=\"col\" class=\"num\">asked</th></tr></thead><tbody>\n",
	    n);
	json_array_foreach(failed, i, k)
	{
		const char *text = json_string_value(k) ? json_string_value(k) : "";
		size_t name = strcspn(text, " "), value = strcspn(text, "("), end = strcspn(text, ";");
		char part[128];

		fm_buf_puts(out, "<tr><th scope=\"row\">");
		snprintf(part, sizeof part, "%.*s", (int)name, text);
		fm_page_metric_name(out, part);
		fm_html_text(out, text + end);
		fm_buf_puts(out, "</th>");
		put_label(out, "num", "is");
		snprintf(part, sizeof part, "%.*s", value > name + 2 ? (int)(value - name - 2) : 0,
			 text + (name < end ? name + 1 : end));
		fm_html_text(out, part);
		fm_buf_puts(out, "</td>");
		put_label(out, "num", "asked");
		snprintf(part, sizeof part, "%.*s", end > value + 2 ? (int)(end - value - 2) : 0,
			 text + (value < end ? value + 1 : end));
		fm_html_text(out, part);
		fm_buf_puts(out, "</td></tr>\n");
	}
	fm_buf_puts(out, "</tbody></table></div>\n</details>\n");
	return n;
}

static void put_failures(const json_t *doc, struct fm_buf *out)
{
	const json_t *m;
	size_t i;

	fm_buf_puts(out, "<section id=\"failures\"><h2>How each fails</h2>\n");
	json_array_foreach(models_of(doc), i, m)
	{
		size_t n;

		fm_buf_puts(out, "<h3>");
		fm_html_text(out, fm_json_str(m, "name"));
		fm_buf_puts(out, "</h3>\n<p>");
		fm_html_text(out, fm_json_str(m, "about"));
		fm_buf_puts(out, ".");
		put_set(m, out);
		put_time(m, out);
		fm_buf_puts(out, "</p>\n");
		put_training(m, out);
		if (*fm_json_str(m, "message")) {
			fm_buf_puts(out, "<p class=\"why\">It failed: ");
			fm_html_text(out, fm_json_str(m, "message"));
			fm_buf_puts(out, "</p>\n");
			continue;
		}
		n = put_failed(m, out);
		n += put_symptom(m, out, "outside", "", "<p>Outside the range of the real flows: ");
		n +=
		    put_symptom(m, out, "lost", "missing", "<p>Collapsed, what real flows have and it does not make: ");
		n += put_symptom(m, out, "piled", "piles", "<p>Piled up, what it makes and real flows hardly have: ");
		if (n == 0)
			fm_buf_puts(out, "<p>Nothing was found.</p>\n");
	}
	fm_buf_puts(
	    out,
	    "<p class=\"note\">Collapsed: the share of real flows in cells of the histogram that at least 0.5 "
	    "% of them are in, and less than a tenth of that of the made ones. Piled up: the same of the made ones."
	    "</p></section>\n");
}

/* Does a model before number `end` have the metric? */
static bool shown_before(const json_t *doc, size_t end, const char *name)
{
	for (size_t i = 0; i < end; i++)
		if (fm_json_named(json_object_get(json_array_get(models_of(doc), i), "metrics"), name))
			return true;
	return false;
}

/* Every metric that a model has, in the order of the first that has it. */
static void put_measures(const json_t *doc, struct fm_buf *out)
{
	fm_buf_puts(out, "<section id=\"measures\"><h2>All measures</h2>\n<details class=\"long\"><summary>All "
			 "metrics</summary>\n");
	begin_table(doc, out, "All metrics", "metric");
	for (size_t i = 0; i < json_array_size(models_of(doc)); i++) {
		const json_t *m;
		size_t k;

		json_array_foreach(json_object_get(json_array_get(models_of(doc), i), "metrics"), k, m)
		{
			const char *name = fm_json_str(m, "name");

			if (!fm_metric_of_floor(name) && !shown_before(doc, i, name))
				put_row(doc, out, name, false);
		}
	}
	fm_buf_puts(out, "</tbody></table></div>\n</details></section>\n");
}

static void put_pictures(const json_t *doc, struct fm_buf *out)
{
	const json_t *m;
	size_t i;

	json_array_foreach(models_of(doc), i, m)
	{
		char prefix[32];
		struct fm_page p = {.facts = m, .prefix = prefix};

		if (!json_object_get(m, "histograms"))
			continue;
		snprintf(prefix, sizeof prefix, "m%zu", i);
		fm_buf_printf(out, "<section id=\"fields%zu\"><h2>Fields of ", i);
		fm_html_text(out, fm_json_str(m, "name"));
		fm_buf_puts(out, "</h2>\n");
		fm_part_charts(&p, out);
		fm_buf_puts(out, "</section>\n");
	}
}

static int check(const json_t *doc, struct fm_error *err)
{
	const json_t *m;
	size_t i;

	if (!json_is_array(models_of(doc)) || json_array_size(models_of(doc)) > FM_REPORT_MODELS_MOST)
		return fm_fail(err, FM_EINPUT, "this is no comparison of at most %d models", FM_REPORT_MODELS_MOST);
	json_array_foreach(models_of(doc), i, m)
	{
		if (json_array_size(json_object_get(m, "metrics")) > METRICS_MOST)
			return fm_fail(err, FM_EINPUT, "a model of the comparison has over %d metrics", METRICS_MOST);
	}
	return FM_OK;
}

/* What all configs have in common; an override is for the kinds that have its key. */
static void put_configs(const json_t *doc, struct fm_buf *out)
{
	const json_t *set;
	size_t i;

	if (!*fm_json_str(doc, "preset"))
		return;
	fm_buf_puts(out, "Their configs start from preset ");
	fm_html_text(out, fm_json_str(doc, "preset"));
	json_array_foreach(json_object_get(doc, "set"), i, set)
	{
		fm_buf_puts(out, i ? ", <code>" : ", with <code>");
		fm_html_text(out, json_string_value(set));
		fm_buf_puts(out, "</code>");
	}
	fm_buf_puts(out, i ? " where a model has that key. " : ". ");
}

static bool has_elsewhere(const json_t *doc)
{
	const json_t *m;
	size_t i;

	json_array_foreach(models_of(doc), i, m)
	{
		if (!json_object_get(m, "status"))
			return true;
	}
	return false;
}

/* How many flows the split has: those of any model that was judged. */
static void put_rows(const json_t *doc, struct fm_buf *out)
{
	static const char *const name[] = {"rows.real", "rows.holdout"};
	const json_t *m;
	double rows[2] = {NAN, NAN};
	size_t i;

	json_array_foreach(models_of(doc), i, m)
	{
		for (int k = 0; k < 2; k++)
			rows[k] = isfinite(rows[k]) ? rows[k] : metric(m, name[k]);
	}
	if (!isfinite(rows[0]) || !isfinite(rows[1]))
		return;
	fm_buf_puts(out, "They learned from ");
	fm_html_count(out, (int64_t)rows[0]);
	fm_buf_puts(out, " flows; ");
	fm_html_count(out, (int64_t)rows[1]);
	fm_buf_puts(out, " were held out. ");
}

int fm_report_comparison(const json_t *doc, struct fm_buf *html, struct fm_error *err)
{
	double budget = fm_json_real(doc, "budget_minutes");
	int rc;

	if ((rc = check(doc, err)) < 0 || (rc = fm_page_head(html, "Models compared", err)) < 0)
		return rc;
	fm_buf_puts(html,
		    "<body>\n<main>\n<header><h1>Models compared</h1>\n<p>All learned the same split of one trace "
		    "and are judged by the same metrics. ");
	put_rows(doc, html);
	put_configs(doc, html);
	if (has_elsewhere(doc))
		fm_buf_puts(html, "What flows that were made elsewhere learned from is not known here; they are judged "
				  "by the same metrics, and no gate is asked. ");
	if (isfinite(budget)) {
		fm_buf_puts(html, "Training was given ");
		fm_html_short(html, budget);
		fm_buf_puts(html, " minutes a model at most. ");
	}
	fm_buf_puts(html,
		    "This page shows distributions of the real flows: it is for their owner alone.</p></header>\n<nav "
		    "aria-label=\"Sections\"><a href=\"#figure\">Divergence by field</a> <a "
		    "href=\"#beyond\">Beyond single fields</a> <a href=\"#costs\">What each took</a> <a "
		    "href=\"#failures\">How each fails</a> <a href=\"#controls\">Would the gate have noticed?</a> <a "
		    "href=\"#measures\">All measures</a></nav>\n");
	put_figure(doc, html);
	put_beyond(doc, html);
	put_costs(doc, html);
	put_failures(doc, html);
	fm_part_trials(models_of(doc), html);
	put_pictures(doc, html);
	put_measures(doc, html);
	fm_buf_puts(html, "</main>\n</body>\n</html>\n");
	return fm_buf_check(html, err);
}
