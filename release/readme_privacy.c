/* readme_privacy.c - the data sheet's section on privacy: the guarantee in plain words, or that there is none. */
#include <math.h>
#include <string.h>

#include "base/detmath.h"
#include "base/json_text.h"
#include "release/readme_parts.h"

static double real_of(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void put_lines(const json_t *list, struct fm_buf *out)
{
	fm_buf_puts(out, "| what may be there or not | exchanges | epsilon | delta |\n|---|---:|---:|---:|\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *g = json_array_get(list, i), *e = json_object_get(g, "epsilon");
		const char *of = fm_json_str(g, "of");
		int minutes = (int)real_of(g, "minutes"), k = (int)real_of(g, "exchanges");

		if (minutes)
			fm_buf_printf(out, "| %s %d min | %d | ",
				      strcmp(of, "window") == 0 ? "all that two hosts exchange in"
								: "a conversation of",
				      minutes, k);
		else if (strcmp(of, "host") == 0)
			fm_buf_printf(out, "| all of a host with %d exchange%s | %d | ", k, k == 1 ? "" : "s", k);
		else
			fm_buf_printf(out, "| one %s | %d | ", of, k);
		fm_readme_put_number(out, json_is_number(e) ? json_number_value(e) : NAN);
		fm_buf_printf(out, " | %g |\n", real_of(g, "delta"));
	}
}

/* The most exchanges that are kept of a window, where that is the unit. */
static int kept_of_window(const json_t *p)
{
	const json_t *list = json_object_get(p, "guarantee");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *g = json_array_get(list, i);

		if (fm_json_says(g, "of", "window") && !json_object_get(g, "minutes"))
			return (int)real_of(g, "exchanges");
	}
	return 0;
}

/* What the manifest says under "privacy", in plain words. */
static void put_guarantee(const json_t *p, struct fm_buf *out)
{
	const json_t *open = json_object_get(p, "does_not_cover");
	const char *unit = fm_json_str(p, "unit");
	bool flow = strcmp(unit, "flow") == 0, window = strcmp(unit, "window") == 0;

	if (!p) {
		fm_buf_puts(out, "Nothing is recorded about privacy, so nothing is promised.\n\n");
		return;
	}
	unit = flow || window ? unit : "exchange";
	fm_buf_printf(
	    out,
	    "This release gives **differential privacy** for one %s: epsilon %g, delta %g\n"
	    "(neighbouring traces differ in one %s; accountant: %s).\n"
	    "An exchange is at most 4 flows between two ends (address and port) over one protocol that end in the\n"
	    "same minute. ",
	    unit, real_of(p, "epsilon"), real_of(p, "delta"),
	    flow     ? "flow,\nwhich makes another exchange of the one that it is in"
	    : window ? "window,\nwhich is there or not: all flows between two hosts that end in the same minute"
		     : "exchange, which is there or not",
	    fm_json_str(p, "accountant"));
	fm_buf_printf(
	    out,
	    "Whatever somebody knows already, these data make it at most %.4g times as likely,\nor as unlikely, "
	    "that a certain %s was in the trace, but for a chance of about %g.\n\n",
	    ceil(fm_det_exp(real_of(p, "epsilon")) * 100) / 100, unit, real_of(p, "delta"));
	put_lines(json_object_get(p, "guarantee"), out);
	if (window)
		fm_buf_printf(out,
			      "\nOf a window at most %d exchanges were used; one more or less, or another, changes at "
			      "most two of them.\nA conversation of m minutes is covered as 2 (m + 1) exchanges. ",
			      kept_of_window(p));
	else
		fm_buf_puts(
		    out, flow
			     ? "\nA conversation of m minutes is covered as m + 1 exchanges. "
			     : "\nA flow is covered as two exchanges, since its exchange is replaced by another one; a "
			       "conversation of m\nminutes as m + 1. ");
	fm_buf_puts(out, "For hosts with many exchanges the epsilon is large: this release does not hide that\n"
			 "a busy host was there. The guarantee covers ");
	fm_readme_put_text(out, fm_json_str(p, "covers"));
	fm_buf_puts(out, ".\nIt does not cover:\n\n");
	for (size_t i = 0; i < json_array_size(open); i++) {
		fm_buf_puts(out, "- ");
		fm_readme_put_text(out, json_string_value(json_array_get(open, i)));
		fm_buf_puts(out, "\n");
	}
	fm_buf_printf(
	    out,
	    "\nEach of the %zu noisy statistics that were taken of real flows is in `manifest.json`, with its\n"
	    "sensitivity to one exchange and its noise.%s\n\n",
	    json_array_size(json_object_get(p, "mechanisms")),
	    window ? " A window may move it as many times that as exchanges are used." : "");
}

void fm_readme_put_privacy(const struct fm_metadata_in *in, struct fm_buf *out)
{
	fm_buf_puts(out, "## Privacy\n\n");
	if (!fm_config_dp(in->cfg)) {
		fm_buf_printf(out,
			      "This release gives **no differential privacy guarantee** (`privacy.mode: %s`). The "
			      "model was trained on\n"
			      "real flows without noise, and nothing proves that an expert could learn nothing "
			      "about a single one of\n"
			      "them from these data. What was done instead: values that too few real records share "
			      "do not enter the\n"
			      "model's vocabulary, addresses are made up, and the checks above measured whether the "
			      "model copies its\n"
			      "training records. Such checks can find leakage; they cannot prove that there is "
			      "none. Treat these data\n"
			      "as derived from the real ones, and do not try to identify anyone.\n\n",
			      in->cfg->privacy.mode);
		return;
	}
	put_guarantee(in->privacy, out);
}
