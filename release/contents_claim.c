/*
 * What a manifest claims of its privacy: its words follow from its numbers, and the claim is no less than what the
 * stated noise costs.
 */
#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/claim.h"
#include "manifests/registry.h"
#include "release/claim_cost.h"
#include "release/contents.h"

static bool is_covered_list(const json_t *list)
{
	json_t *own = fm_claim_does_not_cover();
	bool same = own && json_equal(own, list);

	json_decref(own);
	return same;
}

/* The words follow from the numbers. */
static int check_statement(struct fm_contents *c, const json_t *privacy, const struct fm_config *cfg)
{
	static const char *const of_dp[] = {"unit",       "adjacency", "epsilon",       "delta",
					    "accountant", "records",   "covers",        "audit",
					    "mechanisms", "guarantee", "does_not_cover"};
	const char *statement = fm_json_str(privacy, "statement");
	bool dp = fm_config_dp(cfg);

	if (dp ? !fm_claim_is_statement(statement, cfg, fm_json_real(privacy, "epsilon"),
					fm_json_real(privacy, "delta"))
	       : strcmp(statement, fm_claim_none(fm_json_str(privacy, "mode"))) != 0)
		return fm_contents_malformed(c, "privacy.statement says something else than the rest of privacy");
	for (size_t i = 0; i < sizeof of_dp / sizeof *of_dp && !dp; i++)
		if (json_object_get(privacy, of_dp[i]))
			return fm_contents_malformed(c, "privacy.mode is not dp, and a guarantee is told of");
	return FM_OK;
}

/* Metrics are of made flows, of counts that the model learned, or seen through noise that the budget paid for. */
static int check_paid(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	const json_t *metrics = json_object_get(m, "metrics");

	if (json_object_get(m, "left_out") || json_object_get(m, "filled"))
		return fm_contents_malformed(
		    c, "what nothing paid for is in a release of privacy.mode dp: left_out or filled");
	for (size_t i = 0; i < json_array_size(metrics); i++) {
		const char *name = fm_json_str(json_array_get(metrics, i), "name");

		if (!fm_metric_is_free(name) && !(fm_metric_is_paid(name) && fm_config_pays_gate(cfg)))
			return fm_contents_refuse(
			    c, FM_REASON_MANIFEST_MALFORMED,
			    "manifest.json: what nothing paid for is in a release of privacy.mode "
			    "dp: the metric %s",
			    name);
	}
	return FM_OK;
}

/* Does the stated noise cost no more than these numbers, apart from the hundredth that accountants may round? */
static bool is_paid_for(const struct fm_told_noise *told, unsigned group, const json_t *numbers)
{
	return fm_told_noise_delta(told, group, fm_json_real(numbers, "epsilon") * 1.01) <=
	       fm_json_real(numbers, "delta");
}

/* A line that repeats an earlier one was checked there. */
static bool is_said_before(const json_t *list, size_t n, const json_t *line)
{
	static const char *const all[] = {"exchanges", "epsilon", "delta"};
	bool same = false;

	for (size_t i = 0; i < n && !same; i++) {
		same = true;
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			same = same && json_equal(json_object_get(json_array_get(list, i), all[k]),
						  json_object_get(line, all[k]));
	}
	return same;
}

/* Check one line, for as many exchanges as l says.  Where no epsilon is stated, nothing is promised. */
static int check_line(struct fm_contents *c, const json_t *privacy, const struct fm_claim_line *l, size_t i,
		      const struct fm_told_noise *told)
{
	const json_t *list = json_object_get(privacy, "guarantee"), *g = json_array_get(list, i);
	double delta = fm_json_real(privacy, "delta");

	if (!fm_json_says(g, "of", l->of) || json_integer_value(json_object_get(g, "exchanges")) != l->exchanges ||
	    json_integer_value(json_object_get(g, "minutes")) != l->minutes)
		return fm_contents_malformed(c, "privacy.guarantee has other lines than those of its config");
	if (fm_json_real(g, "delta") < delta * (1 - 1e-9) ||
	    fm_json_real(g, "delta") > fmax(delta, FM_CLAIM_DELTA_MAX) * (1 + 1e-9))
		return fm_contents_malformed(c, "privacy.guarantee has a delta that nothing is said of");
	if (json_is_number(json_object_get(g, "epsilon")) && !is_said_before(list, i, g) &&
	    !is_paid_for(told, l->exchanges, g))
		return fm_contents_malformed(c, "privacy.guarantee says less than its mechanisms cost");
	return FM_OK;
}

/* The claimed numbers stand in the line of the unit, and lines with more exchanges have no smaller ones. */
static int check_guarantee(struct fm_contents *c, const json_t *privacy, const struct fm_config *cfg,
			   const struct fm_told_noise *told)
{
	const json_t *list = json_object_get(privacy, "guarantee");
	struct fm_claim_line lines[FM_CLAIM_LINES];
	size_t n = (size_t)fm_claim_lines(cfg, lines);
	json_int_t group = fm_config_group(cfg);
	int rc;

	if (json_array_size(list) != n)
		return fm_contents_malformed(c, "privacy.guarantee has other lines than those of its config");
	for (size_t i = 0; i < n; i++) {
		const json_t *g = json_array_get(list, i), *before = i ? json_array_get(list, i - 1) : NULL;
		json_int_t exchanges = json_integer_value(json_object_get(g, "exchanges"));
		double e = fm_json_real(g, "epsilon"), was = fm_json_real(before, "epsilon");
		bool more = before && strcmp(fm_json_str(g, "of"), fm_json_str(before, "of")) == 0 &&
			    exchanges > json_integer_value(json_object_get(before, "exchanges"));

		if (strcmp(fm_json_str(g, "of"), fm_json_str(privacy, "unit")) == 0 && exchanges == group &&
		    (!(fabs(e - fm_json_real(privacy, "epsilon")) <= 1e-4 * e) ||
		     !fm_contents_same(fm_json_real(g, "delta"), fm_json_real(privacy, "delta"))))
			return fm_contents_malformed(c, "privacy.guarantee of its unit is not what privacy claims");
		if ((exchanges >= group && e < fm_json_real(privacy, "epsilon") * (1 - 1e-4)) || (more && e < was))
			return fm_contents_malformed(c, "privacy.guarantee grows with fewer exchanges");
		if ((rc = check_line(c, privacy, &lines[i], i, told)) < 0)
			return rc;
	}
	return FM_OK;
}

/* Each share of Gaussian noise over all records follows from that noise, and no claim is less than the stated noise
 * costs.  Sensitivities are of one exchange: a group of k moves such noise by k times as much. */
static int check_mechanisms(struct fm_contents *c, const json_t *privacy, const struct fm_config *cfg,
			    const struct fm_told_noise *told)
{
	const json_t *list = json_object_get(privacy, "mechanisms");
	double all = 0, shares = 0, squares = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		double ratio = fm_json_real(o, "sensitivity") / fm_json_real(o, "scale"),
		       share = fm_json_real(o, "share"), square = fm_json_real(o, "times") * ratio * ratio;

		all += share;
		if (fm_json_real(o, "rate") < 1)
			continue;
		if (shares > 0 && fabs(share * squares - square * shares) > 1e-6 * square * shares)
			return fm_contents_malformed(c, "the shares of privacy.mechanisms are not as their noise");
		shares += share;
		squares += square;
	}
	if (!(fabs(all - 1) <= 1e-6))
		return fm_contents_malformed(c, "the shares of privacy.mechanisms are not all together one");
	return is_paid_for(told, fm_config_group(cfg), privacy)
		   ? FM_OK
		   : fm_contents_malformed(c, "privacy claims less than its mechanisms cost");
}

static int check_dp(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	const json_t *privacy = json_object_get(m, "privacy"), *audit = json_object_get(privacy, "audit");
	struct fm_told_noise told;
	int rc;

	if (!fm_json_says(privacy, "covers", fm_claim_covers) ||
	    !is_covered_list(json_object_get(privacy, "does_not_cover")))
		return fm_contents_malformed(
		    c, "privacy says in other words than flowmint's what it covers, and what not");
	if (strcmp(fm_json_str(privacy, "unit"), cfg->privacy.unit) != 0 ||
	    strcmp(fm_json_str(privacy, "accountant"), cfg->privacy.accountant) != 0 ||
	    json_integer_value(json_object_get(privacy, "records")) != cfg->privacy.records ||
	    strcmp(fm_json_str(privacy, "adjacency"), fm_config_unit_flow(cfg) ? "replace_one" : "add_or_remove") != 0)
		return fm_contents_malformed(
		    c, "privacy has another unit, accountant, adjacency or number of records than its config");
	if (!fm_contents_same(fm_json_real(privacy, "delta"), cfg->privacy.delta) ||
	    (cfg->privacy.epsilon > 0 && fm_json_real(privacy, "epsilon") > cfg->privacy.epsilon * (1 + 1e-9)))
		return fm_contents_malformed(c,
					     "privacy claims another delta, or more epsilon, than its config asks for");
	if ((rc = check_paid(c, m, cfg)) < 0)
		return rc;
	if (audit && !fm_json_says(audit, "of", fm_claim_audit_of))
		return fm_contents_malformed(c, "privacy.audit is of something else than a public trace");
	if (fm_json_real(audit, "epsilon_lower") > fm_json_real(audit, "most"))
		return fm_contents_malformed(c, "privacy.audit has measured more than its canaries can show");
	if (!fm_told_noise_of(json_object_get(privacy, "mechanisms"), fm_config_unit_flow(cfg), &told))
		return fm_contents_malformed(c, "privacy.mechanisms samples for more than one training");
	if ((rc = check_mechanisms(c, privacy, cfg, &told)) < 0)
		return rc;
	return check_guarantee(c, privacy, cfg, &told);
}

int fm_contents_claim(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	int rc = check_statement(c, json_object_get(m, "privacy"), cfg);

	return rc < 0 || !fm_config_dp(cfg) ? rc : check_dp(c, m, cfg);
}
