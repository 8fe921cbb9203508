/*
 * config_dp.c - what a config with privacy.mode dp must say, and what voids its claim (docs/differential-privacy.md).
 *
 * Nothing here looks at a trace: a bound such as privacy.records is a statement of the config's author, because a bound
 * that was taken from the trace would have to be paid for.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "manifests/config_loader.h"
#include "manifests/dialect.h"
#include "manifests/registry.h"

#define PERIOD_DAYS 366

bool fm_metric_is_free(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	/* A noise floor is of real flows. */
	return kind && kind->is & (FM_OF_RULES | FM_OF_COUNTS) && !fm_metric_of_floor(name);
}

bool fm_metric_is_paid(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && kind->needs & FM_NEEDS_SHARE;
}

/* A bound on the noise of that config: ten standard deviations of the sum of a question's 65 cells, for 19 questions,
 * each of which a replaced exchange moves by sqrt(2) times its flows.  For an epsilon below 1 the deviation is at most
 * sqrt(2 log(1.25 / delta)) / epsilon (Dwork and Roth 2014, theorem A.1), here at a tenth of delta. */
static double most_noise(const struct fm_config *cfg)
{
	double share = cfg->privacy.budget[FM_SHARE_GATE], epsilon = fmin(cfg->privacy.epsilon, 0.99),
	       deviation =
		   epsilon > 0 ? sqrt(2 * log(12.5 / cfg->privacy.delta)) / epsilon : cfg->privacy.noise_multiplier;

	return share > 0 ? 10 * sqrt(65 * 19 * 2 / share) * FM_CFG_EXCHANGE_FLOWS * fm_config_group(cfg) * deviation
			 : 0;
}

double fm_config_most_noisy_rows(const struct fm_config *cfg)
{
	return FM_CFG_EXCHANGE_FLOWS * (double)cfg->privacy.records + 1e6 + most_noise(cfg);
}

/* Set by a preset, a file or --set?  A config that was written out has every key. */
static bool is_set(const struct fm_loader *l, const char *section, const char *name)
{
	return !l->resolved && l->at[fm_key_find(section, name) - fm_keys];
}

static int check_numbers(struct fm_loader *l)
{
	const struct fm_config *c = l->cfg;
	bool flows = fm_config_unit_flow(c);
	double units = fm_config_units(c);

	if (c->privacy.epsilon > 0 && c->privacy.noise_multiplier > 0)
		return fm_loader_fail_at(
		    l, "privacy.noise_multiplier",
		    "privacy.epsilon and privacy.noise_multiplier are both set: one gives the other; leave "
		    "one out");
	if (!(c->privacy.epsilon > 0) && !(c->privacy.noise_multiplier > 0))
		return fm_loader_fail_at(
		    l, "privacy.mode",
		    "privacy.mode dp needs privacy.epsilon or privacy.noise_multiplier: set one of them");
	if (c->privacy.records < 1)
		return fm_loader_fail_at(
		    l, "privacy.mode",
		    "privacy.mode dp needs privacy.records: the largest number of exchanges that the trace can "
		    "have, by public knowledge");
	if (!(c->privacy.delta > 0) || c->privacy.delta * units >= 1)
		return fm_loader_fail_at(
		    l, "privacy.delta",
		    "privacy.delta %g must be above 0 and below 1 / %sprivacy.records%s, that is %g: a larger one "
		    "would allow a mechanism that publishes a %s at random",
		    c->privacy.delta, flows ? "(4 " : "", flows ? ")" : "", 1 / units, flows ? "flow" : "record");
	if (c->privacy.total_epsilon > 0 && c->privacy.epsilon > c->privacy.total_epsilon)
		return fm_loader_fail_at(
		    l, "privacy.total_epsilon",
		    "privacy.epsilon %g is more than privacy.total_epsilon %g, which all runs on one trace "
		    "have together",
		    c->privacy.epsilon, c->privacy.total_epsilon);
	return FM_OK;
}

static int check_budget(struct fm_loader *l)
{
	const double *share = l->cfg->privacy.budget;

	if (share[FM_SHARE_GATE] >= 1)
		return fm_loader_fail_at(l, "privacy.budget",
					 "privacy.budget.gate is %g: nothing is left for the model",
					 share[FM_SHARE_GATE]);
	if (share[FM_SHARE_GATE] > 0 && !(l->cfg->split.holdout > 0))
		return fm_loader_fail_at(l, "privacy.budget",
					 "privacy.budget.gate is %g, and there is no holdout that it could ask: set "
					 "split.holdout, or leave it out",
					 share[FM_SHARE_GATE]);
	if (is_set(l, "privacy", "gate_asks") && !(share[FM_SHARE_GATE] > 0))
		return fm_loader_fail_at(
		    l, "privacy.gate_asks",
		    "privacy.gate_asks %s does nothing where privacy.budget.gate is 0: give it a share, or "
		    "leave it out",
		    l->cfg->privacy.gate_asks);
	return FM_OK;
}

int fm_config_public_period(const struct fm_config *cfg, int64_t *first_ms, int64_t *last_ms, struct fm_error *err)
{
	const char *first = cfg->privacy.first, *last = cfg->privacy.last;

	if (fm_parse_time_ms(first, strlen(first), first_ms) != 0 ||
	    fm_parse_time_ms(last, strlen(last), last_ms) != 0 || *first_ms >= *last_ms)
		return fm_fail(err, FM_EINPUT, "privacy.last %s is not after privacy.first %s", last, first);
	if (*last_ms - *first_ms > PERIOD_DAYS * (int64_t)86400000)
		return fm_fail(err, FM_EINPUT,
			       "from privacy.first %s to privacy.last %s are more than %d days, whose minutes are too "
			       "many to be counted one by one; give the period of the trace",
			       first, last, PERIOD_DAYS);
	return FM_OK;
}

int fm_config_public_labels(const struct fm_config *cfg, char text[FM_CFG_STR], const char *label[], int most)
{
	int n = 0;

	snprintf(text, FM_CFG_STR, "%s", cfg->privacy.labels);
	for (char *save, *word = strtok_r(text, " ", &save); word && n < most; word = strtok_r(NULL, " ", &save))
		label[n++] = word;
	return n;
}

static int check_period(struct fm_loader *l)
{
	const struct fm_config *c = l->cfg;
	const char *first = c->privacy.first, *last = c->privacy.last;
	int64_t from = 0, to = 0;
	struct fm_error why;

	if (!first[0] || !last[0])
		return fm_loader_fail_at(
		    l, "privacy.mode",
		    "privacy.mode dp needs privacy.first and privacy.last: when the trace begins and ends, by "
		    "public knowledge");
	if (fm_config_public_period(c, &from, &to, &why) < 0)
		return fm_loader_fail_at(l, "privacy.first privacy.last", "%s", why.message);
	return FM_OK;
}

/* Refuse what would carry private records past the noise. */
static int check_voids(struct fm_loader *l)
{
	static const char *const seeds[] = {"split", "train", "generate"};
	struct fm_config *c = l->cfg;

	for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
		if (is_set(l, seeds[i], "seed")) {
			char key[32];

			snprintf(key, sizeof key, "%s.seed", seeds[i]);
			return fm_loader_fail_at(
			    l, key,
			    "%s is refused in privacy.mode dp: anyone who knows a seed can take the noise off; "
			    "seeds come from the project's secret, so leave it out",
			    key);
		}
	if (strcmp(c->source.dialect, "auto") == 0) {
		const char *path = c->source.path;
		char word[FM_TEXT_SHELL_MAX];

		return fm_loader_fail_at(
		    l, "source.dialect",
		    "source.dialect auto is refused in privacy.mode dp: the dialect would be what the trace's "
		    "rows say, and is published; name it (flowmint sniff %s tells the team which)",
		    *path ? fm_text_shell(path, strlen(path), "FILE", word, sizeof word) : "FILE");
	}
	if (c->source.rows != 0)
		return fm_loader_fail_at(
		    l, "source.rows",
		    "source.rows is refused in privacy.mode dp: one more exchange pushes others out of the "
		    "first %lld flows, which privacy.unit does not cover; cut the file by time instead",
		    (long long)c->source.rows);
	if (is_set(l, "model", "min_count") || is_set(l, "model", "max_hosts")) {
		const char *name = is_set(l, "model", "min_count") ? "min_count" : "max_hosts";
		char key[32];

		snprintf(key, sizeof key, "model.%s", name);
		return fm_loader_fail_at(
		    l, key,
		    "%s is refused in privacy.mode dp: vocabularies and bins are of public grids and noisy "
		    "counts, never of what the records have without noise; leave it out",
		    key);
	}
	if (is_set(l, "train", "clip"))
		return fm_loader_fail_at(
		    l, "train.clip",
		    "train.clip is refused in privacy.mode dp: it limits a step's gradient, which bounds no "
		    "record; each record is clipped, to a quantile of the norms of records that are made; leave "
		    "it out");
	if (is_set(l, "train", "balance") && c->train.balance != 1)
		return fm_loader_fail_at(
		    l, "train.balance",
		    "train.balance is refused in privacy.mode dp: it shows records more often than the noise "
		    "is meant for; leave it out");
	if (is_set(l, "train", "patience") && c->train.patience != 0)
		return fm_loader_fail_at(
		    l, "train.patience",
		    "train.patience is refused in privacy.mode dp: the step at which training stops would "
		    "depend on the validation records; leave it out");
	c->train.balance = 1;
	c->train.patience = 0;
	if (strcmp(c->publish.report, "metrics") != 0)
		return fm_loader_fail_at(
		    l, "publish.report",
		    "publish.report %s is refused in privacy.mode dp: it publishes numbers of real flows that "
		    "nothing paid for; set it to metrics",
		    c->publish.report);
	if (strcmp(c->source.duplicates, "drop") == 0)
		return fm_loader_fail_at(
		    l, "source.duplicates",
		    "source.duplicates drop is refused in privacy.mode dp: whether a row is a copy depends on "
		    "other rows, and the proof covers no such step; drop copies before");
	if (c->release.previous[0])
		return fm_loader_fail_at(
		    l, "release.previous",
		    "release.previous is refused in privacy.mode dp: its comparisons are of a file that the "
		    "budget does not cover; leave it out");
	return FM_OK;
}

bool fm_config_gate_asks(const struct fm_config *cfg, const char *what)
{
	return strcmp(cfg->privacy.gate_asks, what) == 0 || strcmp(cfg->privacy.gate_asks, "all") == 0;
}

int fm_config_flows_alone(const struct fm_config *cfg, const struct fm_dialect *dialect, struct fm_error *err)
{
	char text[64];

	if (fm_config_dp(cfg) && dialect->absent)
		return fm_config_fail_at(
		    cfg, "source.dialect privacy.mode", err,
		    "source.dialect %s has no %s, and is refused in privacy.mode dp: an exchange, which "
		    "privacy.unit protects, is known by addresses, ports, protocol and time",
		    cfg->source.dialect, fm_columns_text(dialect->absent, text, sizeof text));
	if (!fm_config_dp(cfg) || !dialect->packets)
		return FM_OK;
	return fm_config_fail_at(
	    cfg, "source.dialect privacy.mode", err,
	    "source.dialect %s is of packets, and is refused in privacy.mode dp: where a flow ends, and which "
	    "flow a fragment is in, may depend on the packets of others, which privacy.unit does not cover; "
	    "give the flows that an exporter made of them",
	    cfg->source.dialect);
}

/* A release tells that its checks passed, so only metrics that cost nothing or were paid for may decide. */
static int check_gate(struct fm_loader *l)
{
	static const struct {
		const char *prefix, *what;
	} asked[] = {{"paid.pair", "pairs"}, {"paid.jsd.TY", "labels"}};
	const struct fm_config *c = l->cfg;

	for (int i = 0; i < c->gate.n; i++) {
		const struct fm_cfg_check *k = &c->gate.check[i];
		char key[sizeof k->name + 8];

		snprintf(key, sizeof key, "gate.%s", k->name);
		if (k->relative_to_floor)
			return fm_loader_fail_at(
			    l, key,
			    "gate.%s is refused in privacy.mode dp: a threshold relative to its floor tells "
			    "the distance of two parts of the real flows, and nothing paid for that",
			    k->name);
		if (fm_metric_is_paid(k->name) && !(c->privacy.budget[FM_SHARE_GATE] > 0))
			return fm_loader_fail_at(
			    l, key,
			    "gate.%s asks the holdout, and nothing pays for that: give privacy.budget.gate "
			    "a share (0.05 is a twentieth), or leave the check out",
			    k->name);
		for (int w = 0; w < 2; w++)
			if (strncmp(k->name, asked[w].prefix, strlen(asked[w].prefix)) == 0 &&
			    !fm_config_gate_asks(c, asked[w].what))
				return fm_loader_fail_at(
				    l, key,
				    "gate.%s asks the holdout for %s, and privacy.gate_asks is %s: set it to %s "
				    "or all",
				    k->name, asked[w].what, c->privacy.gate_asks, asked[w].what);
		if (!fm_metric_is_free(k->name) && !fm_metric_is_paid(k->name))
			return fm_loader_fail_at(
			    l, key,
			    "gate.%s is refused in privacy.mode dp: it compares with real flows, so that pass "
			    "or fail would reveal something about them, and nothing paid for that; only checks of "
			    "synthetic flows alone (rules.*, counts.*) and through noise (paid.*) decide. It is still "
			    "in the "
			    "team's report",
			    k->name);
	}
	return FM_OK;
}

/* In other modes exact metrics decide, and metrics of noisy counts are not measured. */
static int check_unpaid(struct fm_loader *l)
{
	for (int i = 0; i < l->cfg->gate.n; i++) {
		const char *name = l->cfg->gate.check[i].name;
		const struct fm_metric_kind *kind = fm_metric_kind(name);
		char key[sizeof l->cfg->gate.check[i].name + 8];

		snprintf(key, sizeof key, "gate.%s", name);
		if (fm_metric_is_paid(name))
			return fm_loader_fail_at(
			    l, key, "gate.%s is measured in privacy.mode dp alone: ask for the same without paid.",
			    name);
		if (kind && kind->is & FM_OF_COUNTS)
			return fm_loader_fail_at(
			    l, key, "gate.%s is of noisy counts, which privacy.mode dp alone has: leave it out", name);
	}
	return FM_OK;
}

int fm_loader_check_dp(struct fm_loader *l)
{
	int rc;

	if (!fm_config_dp(l->cfg))
		return check_unpaid(l);
	if ((rc = check_numbers(l)) < 0 || (rc = check_budget(l)) < 0 || (rc = check_period(l)) < 0 ||
	    (rc = check_voids(l)) < 0)
		return rc;
	return check_gate(l);
}
