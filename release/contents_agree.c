/*
 * Do the parts of a manifest agree?  The config is one that flowmint accepts; stages, controls, histograms, intervals
 * and the guarantee are those of that config.  Each number and word by itself was checked before (domain.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/config_public.h"
#include "manifests/domain.h"
#include "manifests/metrics.h"
#include "manifests/planted.h"
#include "manifests/registry.h"
#include "manifests/stage_list.h"
#include "release/contents.h"

#define FIELDS_MAX 256
#define NEWER ": was it made by a newer flowmint? Then take its flowmint-verify"

static int disagrees(struct fm_contents *c, const char *what)
{
	return fm_contents_refuse(c, FM_REASON_MANIFEST_DISAGREES, "manifest.json: %s", what);
}

static int unjudged(struct fm_contents *c, const char *what)
{
	return fm_contents_refuse(c, FM_REASON_NOT_JUDGED, "manifest.json: %s", what);
}

/* ---- the config ---- */

static int check_config(struct fm_contents *c, const json_t *m, struct fm_config **cfg)
{
	static const char *const both[] = {"date", "license", "description"};
	const json_t *r = json_object_get(m, "release"),
		     *told = json_object_get(json_object_get(m, "config"), "release");
	struct fm_error why = {0};
	int rc = fm_config_told(cfg, json_object_get(m, "config"), &why);

	if (rc == FM_ESYSTEM)
		return fm_fail(c->err, rc, "%s", why.message);
	if (rc < 0)
		return fm_contents_refuse(c, FM_REASON_MANIFEST_MALFORMED,
					  "manifest.json: its config is none of flowmint's (%s)" NEWER, why.message);
	for (size_t i = 0; i < sizeof both / sizeof *both; i++)
		if (json_object_get(told, both[i]) && strcmp(fm_json_str(told, both[i]), fm_json_str(r, both[i])) != 0)
			return disagrees(c, "config.release has another date, license or description than release");
	return FM_OK;
}

/* ---- stages ---- */

static int check_stages(struct fm_contents *c, const json_t *m, bool dp)
{
	const json_t *stages = json_object_get(m, "stages"),
		     *of = json_object_get(json_object_get(m, "commitments"), "of");
	size_t commitments = 1; /* the one to the trace */

	if (json_array_size(stages) != fm_nstages_said - 1)
		return fm_contents_malformed(c, "stages is not the list of the stages of a run");
	for (size_t i = 0; i + 1 < fm_nstages_said; i++) {
		const struct fm_stage_said *s = &fm_stages_said[i];
		const json_t *o = json_array_get(stages, i);

		if (strcmp(fm_json_str(o, "name"), s->name) != 0)
			return fm_contents_malformed(c, "stages is not the list of the stages of a run");
		if (fm_stage_said_shows(s, dp) != (json_object_get(o, "output") != NULL))
			return fm_contents_malformed(c, "a stage tells a digest that is not to be told, or lacks one");
		if (s->shown == FM_SHOWN_COMMITTED && !dp) {
			commitments++;
			if (!json_object_get(of, s->product))
				return fm_contents_malformed(c, "it lacks commitments to what the stages made");
		}
	}
	return dp || json_object_size(of) == commitments
		   ? FM_OK
		   : fm_contents_malformed(c, "it has commitments to something else");
}

/* Attempts that got out of a stage are told to whoever gets the release; behind walls that let something out there is
 * no release. */
static int check_escapes(struct fm_contents *c, const json_t *m)
{
	const json_t *env = json_object_get(m, "environment"), *escapes = json_object_get(env, "escapes"), *one;
	bool walled = fm_json_says(env, "confinement", "namespaces");
	const char *stage;

	c->info->unwalled = !walled;
	c->info->through = 0;
	json_object_foreach((json_t *)(uintptr_t)escapes, stage, one)
	{
		const json_t *through = json_object_get(one, "through");

		for (size_t i = 0; i < json_array_size(through); i++)
			for (size_t k = 0; k < i; k++)
				if (json_equal(json_array_get(through, i), json_array_get(through, k)))
					return fm_contents_malformed(c, "environment.escapes names an attempt twice");
		c->info->through += json_array_size(through);
	}
	return walled && c->info->through
		   ? disagrees(c, "environment.escapes: attempts got through walls that no run goes on behind")
		   : FM_OK;
}

/* ---- metrics, checks and controls ---- */

/* Is there a number that only exists where a table was larger than memory allowed? */
static bool is_sampled(const json_t *metrics)
{
	for (size_t i = 0; i < json_array_size(metrics); i++) {
		const struct fm_metric_kind *kind = fm_metric_kind(fm_json_str(json_array_get(metrics, i), "name"));

		if (kind && kind->needs & FM_NEEDS_SUBSAMPLE)
			return true;
	}
	return false;
}

/* An upper bound on the rows of a real table: less than one rounding step above the stated number, or one step where
 * none is stated. */
static double real_rows(const json_t *m, const char *name, const struct fm_config *cfg)
{
	const json_t *told = fm_json_named(json_object_get(m, "metrics"), name);

	return (told ? fm_json_real(told, "value") : 0) +
	       (double)cfg->privacy.min_count * (cfg->model.window > 0 ? cfg->model.window : 1);
}

/* Each metric or line of a list rests on no more rows than are stated, and its interval is possible. */
static int check_numbers(struct fm_contents *c, const json_t *m, const char *list_name, const struct fm_config *cfg)
{
	const json_t *list = json_object_get(m, list_name);
	bool dp = fm_config_dp(cfg), sampled = is_sampled(json_object_get(m, "metrics"));
	double real = dp ? 0 : real_rows(m, "rows.real", cfg), holdout = dp ? 0 : real_rows(m, "rows.holdout", cfg),
	       most = fm_metric_most_rows(real, holdout, (double)c->rows);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		const char *name = fm_json_str(o, "name"),
			   *fault = fm_metric_interval_fault(name, json_object_get(o, "ci"),
							     json_object_get(o, "value"), sampled);
		double n = (double)json_integer_value(json_object_get(o, "n"));

		if (fault)
			return fm_contents_refuse(c, FM_REASON_NOT_JUDGED, "manifest.json: %s %s", name, fault);
		if (fm_check_known(name) && n > (fm_metric_is_paid(name) ? fm_config_most_noisy_rows(cfg) : most))
			return fm_contents_refuse(c, FM_REASON_NOT_JUDGED,
						  "manifest.json: %s rests on more rows than there are", name);
	}
	return FM_OK;
}

static bool same_interval(const json_t *a, const json_t *b)
{
	bool same = !a == !b;

	for (size_t i = 0; a && b && i < 2; i++) {
		double x = json_number_value(json_array_get(a, i)), y = json_number_value(json_array_get(b, i));

		same = same && fabs(x - y) <= 1e-4 * fabs(x) + 1e-12;
	}
	return same;
}

bool fm_contents_is_told(const struct fm_config *cfg, const char *name)
{
	unsigned who = fm_metric_audience(name), seen = who & FM_AUDIENCE;

	if (fm_config_dp(cfg) || !fm_check_known(name) || who & (FM_ONE_LABEL | FM_REAL_ROWS))
		return false;
	return seen == FM_WITH_METRICS ||
	       (seen == FM_WITH_HISTOGRAMS && strcmp(cfg->publish.report, "histograms") == 0);
}

/* A line of the verdict has the interval of the metric that it judged, where that is published as it is. */
static int check_lines(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	const json_t *checks = json_object_get(m, "checks"), *metrics = json_object_get(m, "metrics");

	for (size_t i = 0; i < json_array_size(checks); i++) {
		const json_t *o = json_array_get(checks, i), *x = fm_json_named(metrics, fm_json_str(o, "name"));

		if (!x && fm_contents_is_told(cfg, fm_json_str(o, "name")) &&
		    json_is_number(json_object_get(o, "value")))
			return fm_contents_refuse(c, FM_REASON_NOT_JUDGED,
						  "manifest.json: %s is a check of a metric that is not there",
						  fm_json_str(o, "name"));
		if (x && !(fm_metric_audience(fm_json_str(o, "name")) & (FM_REAL_ROWS | FM_ONE_LABEL)) &&
		    !same_interval(json_object_get(o, "ci"), json_object_get(x, "ci")))
			return fm_contents_refuse(c, FM_REASON_NOT_JUDGED,
						  "manifest.json: %s has another interval as a check than as a metric",
						  fm_json_str(o, "name"));
	}
	return FM_OK;
}

static bool asks_for(const struct fm_config *cfg, const char *name)
{
	for (int i = 0; i < cfg->gate.n; i++)
		if (strcmp(cfg->gate.check[i].name, name) == 0)
			return true;
	return false;
}

/* What the trace leaves unasked must have been asked by the config. */
static int check_unasked(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	const json_t *list = json_object_get(m, "unasked");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (!asks_for(cfg, json_string_value(json_array_get(list, i))))
			return unjudged(c, "unasked names a check that its config does not ask for");
	return FM_OK;
}

static int check_controls(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	const json_t *list = json_object_get(m, "controls"), *leak = json_object_get(m, "smallest_leak_caught");
	json_int_t rows = json_integer_value(json_object_get(m, "control_rows"));
	double smallest = fm_controls_smallest_leak(list);
	size_t which;

	if (!list)
		return fm_config_dp(cfg) ? FM_OK : unjudged(c, "it tells of no controls, and its config asks for them");
	if (!fm_contents_same(fm_json_real(m, "control_limit"), cfg->gate.control_limit))
		return unjudged(c, "control_limit is another than that of its config");
	if (!fm_control_rows_are(rows, cfg->gate.control_rows, json_array_size(list)))
		return unjudged(c, "control_rows is no number of rows that controls of its config have");
	if (!fm_controls_are(list, cfg->gate.control_limit, &which))
		return fm_contents_refuse(
		    c, FM_REASON_NOT_JUDGED,
		    "manifest.json: controls[%zu] is a control that no gate plants, or of another "
		    "kind, level or place, or with another expectation than it has",
		    which);
	if (json_array_size(list) > 0 && json_array_size(list) != fm_ncontrols)
		return unjudged(c, "controls are not all that a gate plants");
	if (smallest > 0 ? !fm_contents_same(fm_json_real(m, "smallest_leak_caught"), smallest) : !json_is_null(leak))
		return unjudged(c, "smallest_leak_caught is not what its controls say");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *failed = json_object_get(json_array_get(list, i), "failed_checks");

		for (size_t k = 0; k < json_array_size(failed); k++)
			if (!asks_for(cfg, json_string_value(json_array_get(failed, k))))
				return fm_contents_refuse(c, FM_REASON_NOT_JUDGED,
							  "manifest.json: controls[%zu] fails a check that its config "
							  "does not ask for",
							  i);
	}
	return FM_OK;
}

/* ---- histograms ---- */

static double sum_of(const json_t *counts)
{
	double sum = 0;

	for (size_t i = 0; i < json_array_size(counts); i++)
		sum += (double)json_integer_value(json_array_get(counts, i));
	return sum;
}

static bool are_published(const json_t *counts, int64_t k)
{
	for (size_t i = 0; i < json_array_size(counts); i++) {
		int64_t n = json_integer_value(json_array_get(counts, i));

		if (fm_published_count(n, k) != n)
			return false;
	}
	return true;
}

/* NULL, or what is impossible.  *flows: the same number for all fields that count each flow once. */
static const char *field_fault(const json_t *f, const struct fm_config *cfg, double *flows)
{
	const json_t *made = json_object_get(f, "synthetic"), *real = json_object_get(f, "real"),
		     *values = json_object_get(f, "values");
	const char *kind = fm_json_str(f, "kind");
	bool bins = strcmp(kind, "bins") == 0, hosts = strcmp(kind, "hosts") == 0,
	     each = bins || strcmp(kind, "values") == 0 || strcmp(kind, "ranks") == 0,
	     told = strcmp(cfg->publish.report, "histograms") == 0 && !hosts;
	double sum = hosts ? 0 : sum_of(made);

	if (told != (real != NULL))
		return "has counts of real flows that its config does not publish, or lacks them";
	if (real && (json_array_size(real) != json_array_size(made) || !are_published(real, cfg->privacy.min_count)))
		return "has counts of real flows that are not rounded, or not one a cell";
	if (bins != (json_object_get(f, "scale") != NULL) ||
	    ((bins || hosts) && !(fm_json_real(f, "lo") <= fm_json_real(f, "hi"))))
		return "has no scale, or bounds that are out of order";
	if (!bins && !hosts && (json_object_get(f, "lo") || json_object_get(f, "hi") || json_object_get(f, "unit")))
		return "has bounds or a unit, and cells of another kind";
	if ((strcmp(kind, "values") == 0) != (values != NULL) ||
	    (values && json_array_size(values) != json_array_size(made)))
		return "has not one value a cell";
	if (each && isfinite(*flows) && !fm_contents_same(sum, *flows))
		return "counts another number of flows than the fields before it";
	if (each)
		*flows = sum;
	return NULL;
}

static const char *label_at(const json_t *values, size_t i, char name[FM_METRIC_LABEL])
{
	const char *value = json_string_value(json_array_get(values, i));

	fm_metric_label(value ? value : "", name);
	return name;
}

/* How many labels of a histogram's values have that name in metrics. */
static long alike(const json_t *values, const char *name)
{
	char one[FM_METRIC_LABEL];
	long n = 0;

	for (size_t i = 0; i + 1 < json_array_size(values); i++)
		n += strcmp(label_at(values, i, one), name) == 0;
	return n;
}

/* Metrics of single labels are of labels that flows have: those in the histogram, where it counts all flows and none in
 * its last cell, which stands for all other labels. */
static int check_labels(struct fm_contents *c, const json_t *m, const json_t *f)
{
	const json_t *metrics = json_object_get(m, "metrics"), *values = json_object_get(f, "values"),
		     *made = json_object_get(f, "synthetic");
	size_t n = json_array_size(values);
	char one[FM_METRIC_LABEL];

	if (n == 0 || json_integer_value(json_array_get(made, n - 1)) > 0 || is_sampled(metrics))
		return FM_OK;
	for (size_t i = 0; i < json_array_size(metrics); i++) {
		const char *name = fm_json_str(json_array_get(metrics, i), "name"), *label = fm_metric_label_in(name);
		bool known = !label;

		for (size_t k = 0; k + 1 < n && !known; k++) {
			label_at(values, k, one);
			known = fm_metric_label_is(label, one, alike(values, one));
		}
		if (!known)
			return fm_contents_refuse(c, FM_REASON_NOT_JUDGED,
						  "manifest.json: %s is of a label that no flow has", name);
	}
	return FM_OK;
}

static int check_histograms(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	const json_t *h = json_object_get(m, "histograms"), *fields = json_object_get(h, "fields"),
		     *k = json_object_get(h, "k");
	bool told = strcmp(cfg->publish.report, "histograms") == 0;
	double flows = NAN;
	const char *fault;
	int rc;

	if (told ? json_integer_value(k) != cfg->privacy.min_count : k != NULL)
		return fm_contents_malformed(c, "histograms.k is another than privacy.min_count of its config");
	if (json_array_size(fields) > FIELDS_MAX)
		return fm_contents_malformed(c, "histograms has more fields than flows have");
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i);

		if (fm_json_named(fields, fm_json_str(f, "name")) != f)
			return fm_contents_malformed(c, "a field is in histograms twice");
		if ((fault = field_fault(f, cfg, &flows)))
			return fm_contents_refuse(c, FM_REASON_MANIFEST_MALFORMED, "manifest.json: the histogram %s %s",
						  fm_json_str(f, "name"), fault);
		if (fm_json_says(f, "name", "TY") && (rc = check_labels(c, m, f)) < 0)
			return rc;
	}
	return flows > (double)c->rows ? fm_contents_malformed(c, "histograms count more flows than there are") : FM_OK;
}

/* Is this share in whole hundredths, as shares are published? */
static bool in_hundredths(const json_t *share)
{
	double v = 100 * json_number_value(share);

	return !share || fabs(v - nearbyint(v)) < 1e-9;
}

static int check_shares(struct fm_contents *c, const json_t *m)
{
	const json_t *left_out = json_object_get(m, "left_out"), *reasons = json_object_get(left_out, "reasons");
	double all = fm_json_real(left_out, "share");
	bool good = in_hundredths(json_object_get(left_out, "share")) &&
		    in_hundredths(json_object_get(json_object_get(m, "filled"), "share"));

	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const json_t *share = json_object_get(json_array_get(reasons, i), "share");

		good = good && in_hundredths(share) && !(json_number_value(share) > all);
	}
	return good ? FM_OK : fm_contents_malformed(c, "left_out or filled has a share that is not told so");
}

/* Real rows are judged, and stated, in whole multiples of k windows where there are that many; as many flows are made
 * as were asked for. */
static int check_rows(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	const json_t *real = fm_json_named(json_object_get(m, "metrics"), "rows.real");
	double step = (double)cfg->privacy.min_count * (cfg->model.window > 0 ? cfg->model.window : 1),
	       rows = fm_json_real(real, "value");

	if (real && step > 0 && rows >= step && fmod(rows, step) > 0)
		return fm_contents_malformed(c, "rows.real is no multiple of privacy.min_count windows");
	if (cfg->generate.rows > 0 && (double)c->rows != (double)cfg->generate.rows)
		return fm_contents_refuse(c, FM_REASON_ROWS_DISAGREE,
					  "manifest.json: its config asks for another number of flows than there are");
	return FM_OK;
}

int fm_contents_agree(struct fm_contents *c, const json_t *m)
{
	bool dp = fm_json_says(json_object_get(m, "privacy"), "mode", "dp");
	struct fm_config *cfg = NULL;
	int rc;

	if ((rc = check_config(c, m, &cfg)) < 0)
		goto out;
	c->test_share = cfg->publish.test_share;
	c->header = cfg->publish.header;
	snprintf(c->dialect, sizeof c->dialect, "%s", fm_config_published(cfg));
	if ((rc = fm_contents_absent(c, m, cfg)) < 0 || (rc = check_stages(c, m, dp)) < 0 ||
	    (rc = check_escapes(c, m)) < 0 || (rc = check_numbers(c, m, "metrics", cfg)) < 0 ||
	    (rc = check_numbers(c, m, "checks", cfg)) < 0 || (rc = check_lines(c, m, cfg)) < 0 ||
	    (rc = check_controls(c, m, cfg)) < 0 || (rc = check_unasked(c, m, cfg)) < 0 ||
	    (rc = check_shares(c, m)) < 0 || (rc = check_rows(c, m, cfg)) < 0 ||
	    (rc = fm_contents_claim(c, m, cfg)) < 0)
		goto out;
	if (!dp && !fm_json_named(json_object_get(m, "metrics"),
				  "rows.synthetic")) /* only free metrics are published in mode dp */
		rc = fm_contents_refuse(c, FM_REASON_ROWS_DISAGREE,
					"manifest.json: metrics lack rows.synthetic, the number of rows");
	else
		rc = dp ? FM_OK : check_histograms(c, m, cfg);
out:
	fm_config_free(cfg);
	return rc;
}
