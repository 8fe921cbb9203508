/*
 * What manifest.json says, besides its list of files: each part that flowmint writes is there, has its type
 * (manifests/domain.h, which is asked first), and says nothing that another part denies.  It has no member that this
 * version does not know.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "base/num.h"
#include "base/text.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "manifests/config_public.h"
#include "manifests/domain.h"
#include "manifests/registry.h"
#include "release/contents.h"
#include "release/version_order.h"

/* No release has more metrics; reading more would take time and memory out of proportion. */
#define METRICS_MAX 4096
#define LINES_MAX 512 /* a gate has at most 128 checks of two bounds, and some of its own */
#define CONTROLS_MAX 64

/* ---- small questions ---- */

static int unjudged(struct fm_contents *c, const char *name, const char *what)
{
	return fm_contents_refuse(c, FM_REASON_NOT_JUDGED, "manifest.json: %s%s%s", name, *name ? " " : "", what);
}

static bool is_text(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) && json_string_length(v) > 0 &&
	       strlen(json_string_value(v)) == json_string_length(v) && !fm_text_has_control(json_string_value(v));
}

/* What a library calls a kind of processor. */
static bool is_word(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 0 && n <= 32 && !s[n];
}

static bool is_date(const char *s)
{
	int64_t begin_s;

	return fm_parse_date_s(s, &begin_s) == 0;
}

static bool has_text(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s && strcmp(s, text) == 0)
			return true;
	}
	return false;
}

/* Is each a name in the registry, and none there twice? */
static bool are_names(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (!s || !fm_metric_kind(s))
			return false;
		for (size_t k = 0; k < i; k++)
			if (strcmp(json_string_value(json_array_get(list, k)), s) == 0)
				return false;
	}
	return json_is_array(list);
}

/* ---- its parts ---- */

static int check_parts(struct fm_contents *c, const json_t *m)
{
	static const struct {
		const char *name;
		json_type type;
	} part[] = {{"release", JSON_OBJECT}, {"rows", JSON_INTEGER},       {"schema", JSON_OBJECT},
		    {"config", JSON_OBJECT},  {"stages", JSON_ARRAY},       {"privacy", JSON_OBJECT},
		    {"metrics", JSON_ARRAY},  {"environment", JSON_OBJECT}, {"name", JSON_STRING},
		    {"version", JSON_STRING}};

	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		const json_t *v = json_object_get(m, part[i].name);

		if (!v)
			return fm_contents_refuse(c, FM_REASON_MANIFEST_MALFORMED, "manifest.json lacks %s",
						  part[i].name);
		if (json_typeof(v) != part[i].type)
			return fm_contents_refuse(c, FM_REASON_MANIFEST_MALFORMED,
						  "manifest.json: %s is not of its kind", part[i].name);
	}
	return FM_OK;
}

/* Name and version were checked with the folder's. */
static int check_release(struct fm_contents *c, const json_t *m)
{
	const json_t *r = json_object_get(m, "release"),
		     *config = json_object_get(json_object_get(m, "config"), "release");
	const json_t *description = json_object_get(r, "description");
	const char *date = fm_json_str(r, "date"), *license = fm_json_str(r, "license");
	int64_t begin_s;

	if (!json_is_string(description) || !json_is_string(json_object_get(r, "date")) ||
	    !json_is_string(json_object_get(r, "license")))
		return fm_contents_malformed(c, "release lacks description, license or date");
	if ((*date && !is_date(date)) || strlen(date) != json_string_length(json_object_get(r, "date")))
		return fm_contents_malformed(c, "release.date is no date, YYYY-MM-DD");
	if (fm_text_has_control(json_string_value(description)) || fm_text_has_control(license))
		return fm_contents_malformed(c, "release has a text with control characters");
	if (strlen(license) >= sizeof c->license)
		return fm_contents_malformed(c, "release.license is too long");
	if (fm_parse_date_s(date, &begin_s) == 0 && begin_s != c->info->mtime_s)
		return fm_contents_refuse(c, FM_REASON_MANIFEST_DISAGREES,
					  "manifest.json: release.date is another day than that of the files");
	snprintf(c->info->date, sizeof c->info->date, "%s", date);
	snprintf(c->license, sizeof c->license, "%s", license);
	if (strcmp(fm_json_str(config, "name"), c->info->name) != 0 ||
	    strcmp(fm_json_str(config, "version"), c->info->version) != 0)
		return fm_contents_refuse(c, FM_REASON_MANIFEST_DISAGREES,
					  "manifest.json: config is of another release than %s %s", c->info->name,
					  c->info->version);
	return fm_json_digest(description, c->description, c->err);
}

static int check_stages(struct fm_contents *c, const json_t *m)
{
	const json_t *stages = json_object_get(m, "stages"), *env = json_object_get(m, "environment"),
		     *escapes = json_object_get(env, "escapes"), *one;
	const char *name;
	size_t n = json_array_size(stages);

	if (!is_word(fm_json_str(env, "evaluate_blas_kernel")))
		return fm_contents_malformed(c, "environment lacks its kernel");
	for (size_t i = 0; i < n; i++) {
		const json_t *s = json_array_get(stages, i);

		if (fm_json_named(stages, fm_json_str(s, "name")) != s)
			return fm_contents_malformed(c, "a stage is there twice");
		if (!json_object_get(escapes, fm_json_str(s, "name")))
			return fm_contents_malformed(c, "environment.escapes does not tell of each stage");
	}
	/* The stage that wrote the manifest states no digest of its own product. */
	if (n == 0 || json_object_size(escapes) != n + 1)
		return fm_contents_malformed(c, "stages and environment.escapes tell of other stages");
	json_object_foreach((json_t *)(uintptr_t)escapes, name, one)
	{
		const json_t *tried = json_object_get(one, "tried"), *through = json_object_get(one, "through");

		if (!json_is_array(through) || json_array_size(through) > (size_t)json_integer_value(tried))
			return fm_contents_malformed(
			    c, "environment.escapes: what got through is not told, or more than was tried");
	}
	return FM_OK;
}

static int check_dp(struct fm_contents *c, const json_t *privacy)
{
	static const char *const claimed[] = {"epsilon", "delta", "unit", "adjacency", "accountant"};

	for (size_t i = 0; i < sizeof claimed / sizeof *claimed; i++)
		if (!json_object_get(privacy, claimed[i]))
			return fm_contents_malformed(c,
						     "privacy claims no epsilon, delta, unit, adjacency or accountant");
	if (json_array_size(json_object_get(privacy, "mechanisms")) == 0 ||
	    json_array_size(json_object_get(privacy, "guarantee")) == 0)
		return fm_contents_malformed(c, "privacy lacks its mechanisms or its guarantee");
	return FM_OK;
}

/* Check what is claimed, and the commitments to the private inputs, which only a release without a budget may have. */
static int check_privacy(struct fm_contents *c, const json_t *m)
{
	const json_t *privacy = json_object_get(m, "privacy"), *commitments = json_object_get(m, "commitments");
	const char *mode = fm_json_str(privacy, "mode");
	bool dp = strcmp(mode, "dp") == 0;

	if (!is_text(privacy, "statement"))
		return fm_contents_malformed(c, "privacy has no statement");
	if (strcmp(mode, fm_json_str(json_object_get(json_object_get(m, "config"), "privacy"), "mode")) != 0)
		return fm_contents_malformed(c, "privacy.mode is another than that of the config");
	if (dp)
		return commitments || json_object_get(m, "histograms")
			   ? fm_contents_malformed(c, "what nothing paid for is in a release of privacy.mode dp")
			   : check_dp(c, privacy);
	if (json_object_get(privacy, "epsilon") || json_object_get(privacy, "guarantee"))
		return fm_contents_malformed(c, "privacy.mode is not dp, and a guarantee is claimed");
	if (!json_object_get(json_object_get(commitments, "of"), "source"))
		return fm_contents_malformed(c, "it lacks commitments to the trace");
	return FM_OK;
}

/* ---- what was measured ---- */

/* Read one metric: a number, or null; with few rows their number is not stated. */
static int check_metric(struct fm_contents *c, const json_t *o, struct fm_metrics *metrics)
{
	const char *name = fm_json_str(o, "name");
	const struct fm_metric_kind *kind = fm_metric_kind(name);
	double v = fm_json_real(o, "value");

	if (!kind || kind->is & FM_BY_GATE)
		return unjudged(c, name,
				"is a metric that no registry knows: was it made by a newer flowmint? Then take its "
				"flowmint-verify");
	if (!fm_metric_can_be(name, v))
		return unjudged(c, name, "is a metric without a value that it can have");
	if (strcmp(name, "rows.synthetic") == 0 && !(fabs(v - (double)c->rows) < 0.5))
		return fm_contents_refuse(c, FM_REASON_ROWS_DISAGREE,
					  "manifest.json says %lld rows, and has the metrics of others",
					  (long long)c->rows);
	return fm_metrics_add(metrics, name, v, 0, c->err);
}

static int check_metrics(struct fm_contents *c, const json_t *m, struct fm_metrics *metrics)
{
	const json_t *list = json_object_get(m, "metrics");
	int rc;

	if (json_array_size(list) == 0)
		return fm_contents_malformed(c, "it has no metrics");
	for (size_t i = 0; i < json_array_size(list); i++) {
		if ((rc = check_metric(c, json_array_get(list, i), metrics)) == FM_EINPUT) {
			struct fm_error why = *c->err;

			return fm_contents_malformed(c, why.message);
		}
		if (rc < 0)
			return rc;
	}
	return FM_OK;
}

static int check_histograms(struct fm_contents *c, const json_t *m, bool dp)
{
	const json_t *h = json_object_get(m, "histograms"), *fields = json_object_get(h, "fields");

	if (dp)
		return FM_OK;
	if (json_array_size(fields) == 0)
		return fm_contents_malformed(c, "it lacks histograms");
	for (size_t i = 0; i < json_array_size(fields); i++) {
		if (json_array_size(json_object_get(json_array_get(fields, i), "synthetic")) == 0)
			return fm_contents_malformed(c, "a histogram has no counts");
	}
	return FM_OK;
}

static int check_left_out(struct fm_contents *c, const json_t *m)
{
	const json_t *left_out = json_object_get(m, "left_out");

	return left_out && !json_is_array(json_object_get(left_out, "reasons"))
		   ? fm_contents_malformed(c, "left_out has no list of reasons")
		   : FM_OK;
}

/* ---- what was judged ---- */

static const struct fm_check_result *find_check(const struct fm_verdict *v, const char *name, const char *direction)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->check[i].name, name) == 0 &&
		    (!direction || strcmp(v->check[i].direction, direction) == 0))
			return &v->check[i];
	return NULL;
}

/* The bound that the config asks for was judged, as the config has it. */
static int check_bound(struct fm_contents *c, const struct fm_verdict *v, const char *name, const json_t *ask,
		       const char *direction, double room)
{
	const json_t *bound = json_object_get(ask, direction), *own = json_object_get(ask, "room");
	const struct fm_check_result *line = find_check(v, name, direction);
	bool is_max = strcmp(direction, "max") == 0,
	     relative =
		 json_is_true(json_object_get(ask, "relative_to_floor")) && (is_max || !json_object_get(ask, "max"));

	if (!bound || (!line && has_text(v->unasked, name)))
		return FM_OK;
	if (!line)
		return unjudged(c, name, "is a check that its config asks for, and that was not judged");
	if (!fm_threshold_asked(line, json_number_value(bound), relative,
				fm_check_may_move(name, own ? json_number_value(own) : room)))
		return unjudged(c, name, "was judged by another threshold than its config has");
	return FM_OK;
}

static int check_config_checks(struct fm_contents *c, const json_t *m, const struct fm_verdict *v)
{
	const json_t *gate = json_object_get(json_object_get(m, "config"), "gate");
	double room = json_number_value(json_object_get(gate, "room"));
	const char *name;
	json_t *ask;
	int rc, asked = 0;

	json_object_foreach((json_t *)(uintptr_t)gate, name, ask)
	{
		if (!json_is_object(ask))
			continue;
		asked++;
		if ((rc = check_bound(c, v, name, ask, "max", room)) < 0 ||
		    (rc = check_bound(c, v, name, ask, "min", room)) < 0)
			return rc;
	}
	if (!asked)
		return unjudged(c, "", "the config asks for no check");
	for (size_t i = 0; i < v->n; i++) {
		const struct fm_check_result *line = &v->check[i];

		if (!(fm_metric_kind(line->name)->is & FM_BY_GATE) &&
		    !json_object_get(json_object_get(gate, line->name), line->direction))
			return unjudged(c, line->name, "was judged, and its config does not ask for it");
	}
	return FM_OK;
}

/* Does the line have the metric's own number, where that is published unrounded? */
static bool is_the_metric(const struct fm_check_result *line, const struct fm_metrics *metrics)
{
	const struct fm_metric *x = fm_metrics_find(metrics, line->name);

	if (!x || fm_metric_audience(line->name) & (FM_REAL_ROWS | FM_ONE_LABEL))
		return true;
	return isfinite(x->value) == isfinite(line->value) &&
	       (!isfinite(x->value) || fabs(x->value - line->value) <= 1e-4 * fabs(x->value) + 1e-12);
}

static int check_lines(struct fm_contents *c, const json_t *m, const struct fm_verdict *v,
		       const struct fm_metrics *metrics)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct fm_check_result *line = &v->check[i];
		const struct fm_metric_kind *kind = fm_metric_kind(line->name);
		const json_t *margin = json_object_get(json_array_get(json_object_get(m, "checks"), i), "margin");
		double want = fm_check_margin(line);

		if (!kind)
			return unjudged(c, line->name,
					"is a check that no registry knows: was it made by a newer flowmint? Then take "
					"its flowmint-verify");
		if (!isfinite(line->threshold) && line->pass)
			return unjudged(c, line->name, "has no threshold");
		if (!fm_metric_can_be(line->name, line->value))
			return unjudged(c, line->name, "is a check of a value that cannot be");
		if (isfinite(want)
			? !json_is_number(margin) || fabs(json_number_value(margin) - want) > 1e-9 * (fabs(want) + 1)
			: !json_is_null(margin))
			return unjudged(c, line->name, "has another margin than its value and threshold give");
		if (fm_text_has_control(line->why))
			return unjudged(c, line->name, "has a text with control characters");
		if (line->pass ? line->why[0] : !line->why[0])
			return unjudged(c, line->name,
					line->pass ? "passes, and says why not" : "fails without a reason");
		if (!is_the_metric(line, metrics))
			return unjudged(c, line->name, "has another value as a check than as a metric");
	}
	return FM_OK;
}

static int check_waivers(struct fm_contents *c, const json_t *m, const struct fm_verdict *v)
{
	const char *date = fm_json_str(json_object_get(m, "release"), "date");

	for (size_t i = 0; i < json_array_size(v->waivers); i++) {
		const json_t *w = json_array_get(v->waivers, i);

		if (!is_text(w, "reason") || !is_text(w, "signer") || !is_text(w, "key") ||
		    !is_date(fm_json_str(w, "expires")))
			return unjudged(c, fm_json_str(w, "check"),
					"was waived without a reason, a signer, a key or a last day");
		if (*date && strcmp(fm_json_str(w, "expires"), date) < 0)
			return unjudged(c, fm_json_str(w, "check"), "was waived until a day before the release");
	}
	return FM_OK;
}

/* Where the config asks for planted generators, each was judged, and as many wrongly as the gate's line says. Whether
 * they are the ones that a gate plants, fm_contents_agree checks. */
static int check_controls(struct fm_contents *c, const json_t *m, const struct fm_verdict *v, bool dp)
{
	const json_t *gate = json_object_get(json_object_get(m, "config"), "gate");
	const struct fm_check_result *line = find_check(v, FM_METRIC_CONTROLS, "max");
	double broken = 0;

	if (!dp && json_number_value(json_object_get(gate, "control_rows")) > 0 && (!v->controls || !line))
		return unjudged(c, "", "its config asks for controls, and it does not tell of them");
	if (!v->controls)
		return line || json_object_get(m, "control_rows") || json_object_get(m, "smallest_leak_caught")
			   ? unjudged(c, "", "it tells of controls and does not list them")
			   : FM_OK;
	if (!line)
		return unjudged(c, "", "it lists controls, and has no line of the gate about them");
	for (size_t i = 0; i < json_array_size(v->controls); i++) {
		const json_t *o = json_array_get(v->controls, i), *failed = json_object_get(o, "failed_checks");
		const char *expected = fm_json_str(o, "expected"), *got = fm_json_str(o, "got");
		bool ok = json_is_true(json_object_get(o, "ok"));

		if (ok != (strcmp(expected, "any") == 0 || strcmp(expected, got) == 0))
			return unjudged(c, fm_json_str(o, "name"),
					"is a control that is right and is not what was expected");
		if ((strcmp(got, "fail") == 0) != (json_array_size(failed) > 0) || !are_names(failed))
			return unjudged(c, fm_json_str(o, "name"),
					"is a control that fails without a check, or by one that no "
					"registry knows");
		broken += !ok;
	}
	if (json_array_size(v->controls) == 0)
		return line->pass ? unjudged(c, FM_METRIC_CONTROLS, "passes, and no control was planted") : FM_OK;
	if (line->value != broken || (size_t)line->n != json_array_size(v->controls))
		return unjudged(c, FM_METRIC_CONTROLS, "counts other controls than are listed");
	return FM_OK;
}

/* To be checked before anything walks the lists. */
static int check_sizes(struct fm_contents *c, const json_t *m)
{
	static const char *const lists[] = {"checks", "waivers", "unasked"};
	const json_t *controls = json_object_get(m, "controls");
	bool much = json_array_size(controls) > CONTROLS_MAX;

	if (json_array_size(json_object_get(m, "metrics")) > METRICS_MAX)
		return fm_contents_malformed(c, "it has more metrics than there are");
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		much |= json_array_size(json_object_get(m, lists[i])) > LINES_MAX;
	for (size_t i = 0; i < json_array_size(controls); i++)
		much |= json_array_size(json_object_get(json_array_get(controls, i), "failed_checks")) > LINES_MAX;
	return much ? unjudged(c, "", "its verdict has more lines than a gate makes") : FM_OK;
}

/* Check the verdict in the manifest by the rules of the gate: its own numbers must confirm the pass. */
static int check_verdict(struct fm_contents *c, const json_t *m, const struct fm_metrics *metrics, bool dp)
{
	char *waived = c->info->waived;
	struct fm_verdict v = {0};
	struct fm_error why;
	size_t at = 0;
	int rc;

	if ((rc = fm_manifest_verdict(m, &v, &why)) < 0) {
		rc = rc == FM_ESYSTEM ? fm_fail(c->err, rc, "%s", why.message) : unjudged(c, "", why.message);
		goto out;
	}
	if (!v.pass) {
		rc = fm_contents_refuse(c, FM_REASON_VERDICT_FAIL,
					"the gate refused this release (manifest.json: verdict fail)");
		goto out;
	}
	if ((rc = check_lines(c, m, &v, metrics)) < 0 || (rc = check_config_checks(c, m, &v)) < 0 ||
	    (rc = check_waivers(c, m, &v)) < 0 || (rc = check_controls(c, m, &v, dp)) < 0)
		goto out;
	if (v.unasked && !are_names(v.unasked)) {
		rc = unjudged(c, "", "unasked names a check twice, or one that no registry knows");
		goto out;
	}
	for (size_t i = 0; i < v.n; i++)
		if (v.check[i].waived && at + strlen(v.check[i].name) + 3 < sizeof c->info->waived)
			at += (size_t)snprintf(waived + at, sizeof c->info->waived - at, "%s%s", at ? ", " : "",
					       v.check[i].name);
out:
	fm_verdict_free(&v);
	return rc;
}

/* Refuse an impossible number or word, with the reason of the part that it is in. */
static int check_domain(struct fm_contents *c, const json_t *m)
{
	static const struct {
		const char *part;
		enum fm_reason reason;
	} of[] = {{"rows", FM_REASON_ROWS_DISAGREE},       {"metrics", FM_REASON_NOT_JUDGED},
		  {"verdict", FM_REASON_NOT_JUDGED},       {"checks", FM_REASON_NOT_JUDGED},
		  {"controls", FM_REASON_NOT_JUDGED},      {"control_rows", FM_REASON_NOT_JUDGED},
		  {"control_limit", FM_REASON_NOT_JUDGED}, {"smallest_leak_caught", FM_REASON_NOT_JUDGED}};
	char words[FM_DOMAIN_WORDS];
	const char *fault = fm_domain_fault(m, "", words), *at = fault;

	if (!fault)
		return FM_OK;
	at += strncmp(at, "it lacks ", 9) == 0 ? 9 : 0;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (strcspn(at, " [.") == strlen(of[i].part) && strncmp(at, of[i].part, strlen(of[i].part)) == 0)
			return fm_contents_refuse(c, of[i].reason, "manifest.json: %s", fault);
	return fm_contents_malformed(c, fault);
}

/* What nobody here can judge is not accepted: a member that no manifest of this version has.  One that says it is of a
 * later version is a matter of the verifier's age. */
static int check_known(struct fm_contents *c, const json_t *m)
{
	const char *by = fm_json_str(json_object_get(m, "environment"), "flowmint"), *what;
	char words[FM_DOMAIN_WORDS], key[160];

	if (!(what = fm_domain_unknown(m, words)) && fm_config_unknown(json_object_get(m, "config"), key)) {
		snprintf(words, sizeof words, "config.%s", key);
		what = words;
	}
	if (!what)
		return FM_OK;
	if (fm_version_compare(by, FM_VERSION) > 0)
		return fm_contents_refuse(c, FM_REASON_FORMAT_UNKNOWN,
					  "manifest.json: flowmint %s made it, and this one, " FM_VERSION
					  ", does not know what %s in it is: take its flowmint-verify",
					  by, what);
	return fm_contents_refuse(c, FM_REASON_MANIFEST_MALFORMED,
				  "manifest.json: it has %s, which flowmint %s does not write into one", what, by);
}

int fm_contents_manifest(struct fm_contents *c, const json_t *m)
{
	struct fm_metrics metrics = {0};
	bool dp;
	int rc;

	if ((rc = check_parts(c, m)) < 0 || (rc = check_sizes(c, m)) < 0 || (rc = check_domain(c, m)) < 0 ||
	    (rc = check_known(c, m)) < 0 || (rc = check_release(c, m)) < 0 || (rc = check_stages(c, m)) < 0 ||
	    (rc = check_privacy(c, m)) < 0 || (rc = check_left_out(c, m)) < 0)
		return rc;
	dp = fm_json_says(json_object_get(m, "privacy"), "mode", "dp");
	c->rows = (uint64_t)json_integer_value(json_object_get(m, "rows"));
	if ((rc = check_histograms(c, m, dp)) < 0 || (rc = check_metrics(c, m, &metrics)) < 0 ||
	    (rc = check_verdict(c, m, &metrics, dp)) < 0 || (rc = fm_contents_agree(c, m)) < 0)
		goto out;
	rc = fm_json_digest(json_object_get(m, "schema"), c->schema, c->err);
out:
	fm_metrics_free(&metrics);
	return rc;
}
