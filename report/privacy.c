/* What is promised about privacy, in plain words. */
#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "report/html.h"
#include "report/part.h"

/* "e^epsilon" as a number, where it is small enough to mean something to people. */
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

/* The guarantee for groups of units, as the manifest lists it. */
static void put_groups(const json_t *privacy, struct fm_buf *out)
{
	const json_t *list = json_object_get(privacy, "guarantee"), *open = json_object_get(privacy, "does_not_cover");

	fm_buf_puts(out, "<h3>For one flow, a conversation, a host</h3>\n<table><thead><tr><th>of</th><th>exchanges "
			 "that change</th><th>\xce\xb5</th><th>\xce\xb4</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *g = json_array_get(list, i);
		double minutes = fm_json_real(g, "minutes"), epsilon = fm_json_real(g, "epsilon");

		fm_buf_puts(out, "<tr><td>");
		fm_html_text(out, isfinite(minutes) && fm_json_says(g, "of", "window") ? "all between two hosts"
										       : fm_json_str(g, "of"));
		if (isfinite(minutes)) {
			fm_buf_puts(out, " of ");
			fm_html_number(out, minutes);
			fm_buf_puts(out, " min");
		}
		fm_buf_puts(out, "</td><td>");
		fm_html_number(out, fm_json_real(g, "exchanges"));
		fm_buf_puts(out, "</td><td>");
		if (isfinite(epsilon))
			fm_html_number(out, epsilon);
		else
			fm_buf_puts(out, "nothing is promised");
		fm_buf_puts(out, "</td><td>");
		fm_html_number(out, fm_json_real(g, "delta"));
		fm_buf_puts(out, "</td></tr>\n");
	}
	fm_buf_puts(out, "</tbody></table>\n<p>Not covered:</p>\n<ul>\n");
	for (size_t i = 0; i < json_array_size(open); i++) {
		fm_buf_puts(out, "<li>");
		fm_html_text(out, json_string_value(json_array_get(open, i)));
		fm_buf_puts(out, "</li>\n");
	}
	fm_buf_puts(out, "</ul>\n");
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

/* What an attack on the claim showed, where the manifest has it. */
static void put_audit(const json_t *audit, struct fm_buf *out)
{
	fm_buf_puts(out, "<p>Measured from below: ");
	fm_html_number(out, fm_json_real(audit, "canaries"));
	fm_buf_puts(out,
		    " made-up exchanges were planted in a public trace, half of them by chance, and an attacker who "
		    "sees every noisy count guessed which: \xce\xb5 is at least ");
	fm_html_fixed(out, fm_json_real(audit, "epsilon_lower"), 3);
	fm_buf_puts(out, ", with a confidence of ");
	fm_html_percent(out, fm_json_real(audit, "confidence"));
	fm_buf_puts(out, ". It is proven that it is at most the \xce\xb5 above; an attack that finds little proves "
			 "nothing.</p>\n");
}

/* Was the holdout asked through noise? */
static bool is_paid(const json_t *privacy)
{
	const json_t *list = json_object_get(privacy, "mechanisms");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strncmp(fm_json_str(json_array_get(list, i), "name"), "holdout ", 8) == 0)
			return true;
	return false;
}

static void put_paid(struct fm_buf *out)
{
	fm_buf_puts(out,
		    "<p>Real flows that the model did not see were counted through noise, one field at a time. The "
		    "measures whose names begin with <code>paid.</code> compare with these noisy counts and with "
		    "nothing else; each is the most that the difference may be, whatever the noise hides. That is "
		    "part of the \xce\xb5 above.</p>\n");
}

void fm_part_privacy(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *privacy = json_object_get(p->facts, "privacy");
	const char *mode = fm_json_str(privacy, "mode"), *statement = fm_json_str(privacy, "statement"),
		   *unit = fm_json_str(privacy, "unit");
	double epsilon = fm_json_real(privacy, "epsilon"), delta = fm_json_real(privacy, "delta");

	fm_buf_puts(out, "<section id=\"privacy\" class=\"prose\"><h2>Privacy</h2>\n");
	if (isfinite(epsilon) && epsilon > 0) {
		fm_buf_puts(out, "<p>The flows were made with differential privacy.</p>\n");
		put_guarantee(out, *unit ? unit : "window", epsilon, delta);
		if (strcmp(unit, "window") == 0)
			fm_buf_puts(out,
				    "<p>A window is all flows between two hosts that end in the same minute.</p>\n");
		if (json_is_array(json_object_get(privacy, "guarantee")))
			put_groups(privacy, out);
		else
			fm_buf_puts(out, "<p><b>For all flows of one host together nothing is promised.</b></p>\n");
		if (is_paid(privacy))
			put_paid(out);
		if (json_is_object(json_object_get(privacy, "audit")))
			put_audit(json_object_get(privacy, "audit"), out);
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
