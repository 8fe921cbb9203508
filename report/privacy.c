/* What is promised about privacy, in plain words. */
#include <math.h>
#include <string.h>

#include "report/html.h"
#include "report/part.h"

/* "e^epsilon" where that says something to people. */
static void put_factor(struct fm_buf *out, double epsilon)
{
	if (epsilon < 12) {
		fm_html_fixed(out, exp(epsilon), exp(epsilon) < 9.95 ? 2 : 0);
	} else {
		fm_buf_puts(out, "e<sup>");
		fm_html_fixed(out, epsilon, 1);
		fm_buf_puts(out, "</sup>, which is no limit in practice");
	}
}

/* The most that a test at this share of false alarms can find: min of e^eps a + delta and 1 - e^-eps (1 - delta - a)
 * (Kairouz, Oh, Viswanath 2015, eq. 4). */
static double power_at(double alarms, double epsilon, double delta)
{
	double p = fmin(exp(epsilon) * alarms + delta, 1 - exp(-epsilon) * (1 - delta - alarms));

	return fmin(fmax(p, 0), 1);
}

static void put_guarantee(struct fm_buf *out, const char *unit, double epsilon, double delta)
{
	fm_buf_puts(out, "<p>For one ");
	fm_html_text(out, unit);
	fm_buf_puts(out, ": <b>\xce\xb5 = ");
	fm_html_number(out, epsilon);
	fm_buf_puts(out, ", \xce\xb4 = ");
	fm_html_number(out, isfinite(delta) ? delta : 0);
	fm_buf_puts(out,
		    "</b>. Whatever somebody concludes from these data, the odds of it change at most by a factor of ");
	put_factor(out, epsilon);
	fm_buf_puts(out, " when one ");
	fm_html_text(out, unit);
	fm_buf_puts(out, " is added to the private flows or taken out of them, except with a probability of \xce\xb4. "
			 "Somebody who wants to "
			 "find out whether a certain ");
	fm_html_text(out, unit);
	fm_buf_puts(
	    out, " was among them, and who may be wrong in 1 of 100 cases where it was not, can be right in at most ");
	fm_html_number(out, round(1e4 * power_at(0.01, epsilon, isfinite(delta) ? delta : 0)) / 100);
	fm_buf_puts(out, " of 100 cases where it was. That holds whatever else they know.</p>\n");
}

/* For all flows of one host: as recorded, or by group privacy (Dwork, Roth 2014, theorem 2.2) for m units a host: (m
 * eps, m e^((m-1) eps) delta). */
static void put_host(const struct fm_page *p, struct fm_buf *out, double epsilon, double delta)
{
	const json_t *privacy = json_object_get(p->facts, "privacy"), *host = json_object_get(privacy, "host"),
		     *config = json_object_get(json_object_get(p->facts, "config"), "privacy");
	double e = fm_html_real(privacy, "host_epsilon"), d = fm_html_real(privacy, "host_delta"),
	       m = fm_html_real(config, "max_flows_per_host");

	if (json_is_object(host)) {
		e = fm_html_real(host, "epsilon");
		d = fm_html_real(host, "delta");
	}
	if (!isfinite(e) && m > 0) {
		e = m * epsilon;
		d = fmin(m * exp((m - 1) * epsilon) * (isfinite(delta) ? delta : 0), 1);
	}
	fm_buf_puts(out, "<h3>For a host</h3>\n");
	if (!isfinite(e)) {
		fm_buf_puts(out, "<p>A host may have flows in any number of places, and each of them counts. <b>For "
				 "all flows of one host together "
				 "nothing is promised.</b></p>\n");
		return;
	}
	if (isfinite(d) && d >= 1) {
		fm_buf_puts(out, "<p>For all flows of one host together the bound that follows (\xce\xb5 = ");
		fm_html_number(out, e);
		fm_buf_puts(
		    out, ") is too weak to mean anything. <b>Take it that nothing is promised for a host.</b></p>\n");
		return;
	}
	put_guarantee(out, "host, with all its flows", e, d);
}

static void put_leakage(const struct fm_page *p, struct fm_buf *out)
{
	double copies = fm_page_metric(p, "leak.rows_equal", NULL),
	       nearer = fm_page_metric(p, "leak.share_nearer_train", NULL);

	fm_buf_puts(out, "<p>Measured on this release, and proof of nothing: ");
	if (isfinite(copies)) {
		fm_html_percent(out, copies);
		fm_buf_puts(out, " of the synthetic flows equal a flow that the model learned from; ");
	}
	if (isfinite(nearer)) {
		fm_html_percent(out, nearer);
		fm_buf_puts(
		    out, " lie nearer to those than to real flows that it never saw, where 50\xe2\x80\xaf% is chance.");
	} else {
		fm_buf_puts(out, "<span class=\"missing\">nearness to training flows is missing</span>.");
	}
	fm_buf_puts(out, " Such measures can find a leak; they cannot show that there is none.</p>\n");
}

void fm_part_privacy(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *privacy = json_object_get(p->facts, "privacy");
	const char *mode = fm_html_str(privacy, "mode"), *statement = fm_html_str(privacy, "statement"),
		   *unit = fm_html_str(privacy, "unit");
	double epsilon = fm_html_real(privacy, "epsilon"), delta = fm_html_real(privacy, "delta");

	fm_buf_puts(out, "<section id=\"privacy\" class=\"prose\"><h2>Privacy</h2>\n");
	if (isfinite(epsilon) && epsilon > 0) {
		fm_buf_puts(out, "<p>The model was trained with differential privacy.</p>\n");
		put_guarantee(out, strcmp(unit, "window") == 0 || !*unit ? "window of consecutive flows" : unit,
			      epsilon, delta);
		put_host(p, out, epsilon, delta);
	} else if (strcmp(mode, "none") == 0) {
		fm_buf_puts(out, "<p><b>This release gives no differential privacy guarantee.</b> The model saw the "
				 "real flows without added noise. "
				 "Nothing proves how little somebody who knows much already can learn about one flow "
				 "or one host from it. Values "
				 "that too few real flows share were kept out of the model, addresses are made up, and "
				 "the gate looked for "
				 "copies. Treat these data as derived from real ones, and do not try to identify "
				 "anyone in them.</p>\n");
	} else {
		fm_buf_puts(
		    out,
		    "<p class=\"missing\">Missing: nothing is recorded about privacy, so nothing is promised.</p>\n");
	}
	if (*statement) {
		fm_buf_puts(out, "<p>In the words of the manifest: \xe2\x80\x9c");
		fm_html_text(out, statement);
		fm_buf_puts(out, "\xe2\x80\x9d</p>\n");
	}
	put_leakage(p, out);
	fm_buf_puts(out, "</section>\n");
}
