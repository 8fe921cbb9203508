/* budget: what a config in privacy.mode dp will ask of private records, and what it claims, without any trace. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "manifests/config.h"
#include "pipeline/budget.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"

struct budget_args {
	struct fm_words set;
	bool json;
};

static const struct fm_option options[] = {
    {FM_SETS_LIST(struct budget_args, set), .name = "set", .value = "KEY=VALUE", .offer = FM_OFFER_KEY,
     .help = "as for run"},
    FM_OPTION_JSON(struct budget_args),
    {0},
};

static void print_number(double v)
{
	if (isfinite(v))
		fm_cli_print("%.6g", v);
	else
		fm_cli_print("none");
}

static void print_claim(const struct fm_claim *c, unsigned window, const json_t *o)
{
	const json_t *list = json_object_get(o, "guarantee");

	fm_cli_print("%-28s %12s %12s %9s %6s %9s %10s\n", "mechanism", "sensitivity", "scale", "rate", "times",
		     "share", "epsilon");
	for (size_t i = 0; i < c->charges.n; i++) {
		const struct fm_charge *x = &c->charges.list[i];
		double share = c->share[i];

		fm_cli_print("%-28s %12.6g %12.6g %9.6g %6llu %8.2f%% %10.4g\n", x->name, x->sensitivity, x->scale,
			     x->rate, (unsigned long long)x->count, 100 * share, share * c->epsilon);
	}
	fm_cli_print("\n(epsilon %g, delta %g) for one %s, by %s.  All mechanisms together; an entry's epsilon is its "
		     "share "
		     "of it.\n\n",
		     c->epsilon, c->delta, json_string_value(json_object_get(o, "unit")),
		     json_string_value(json_object_get(o, "accountant")));
	if (window)
		fm_cli_print(
		    "Sensitivities are to one exchange.  A window of %u moves each count by at most %u times as "
		    "much, and in "
		    "training each of its exchanges has its own clip and is in a batch by itself.  Shares are of a "
		    "window.\n\n",
		    window, window);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *g = json_array_get(list, i), *e = json_object_get(g, "epsilon");
		const char *of = json_string_value(json_object_get(g, "of"));
		int minutes = (int)json_integer_value(json_object_get(g, "minutes")),
		    k = (int)json_integer_value(json_object_get(g, "exchanges"));

		if (minutes)
			fm_cli_print("%s of %d min, at most %d exchanges: epsilon ",
				     strcmp(of, "window") == 0 ? "all of two hosts" : of, minutes, k);
		else
			fm_cli_print("%s%s %d exchange%s: epsilon ", of,
				     strcmp(of, "host") == 0 ? " with" : ", covered as", k, k == 1 ? "" : "s");
		print_number(json_is_number(e) ? json_number_value(e) : NAN);
		fm_cli_print(" at delta %g\n", json_number_value(json_object_get(g, "delta")));
	}
}

/* What several such runs cost a trace. */
static void print_sum(const struct fm_claim *c, const struct fm_config *cfg)
{
	double runs = floor(cfg->privacy.total_epsilon * (1 + 1e-12) / c->epsilon),
	       deltas = ceil(1 / (c->delta * fm_config_units(cfg))) - 1;

	fm_cli_print(
	    "\nEach other question to the same trace is charged as much again, and epsilons and deltas add up. ");
	if (cfg->privacy.total_epsilon > 0)
		fm_cli_print("privacy.total_epsilon %g is enough for %.0f such run%s", cfg->privacy.total_epsilon, runs,
			     runs == 1 ? "" : "s");
	else
		fm_cli_print(
		    "privacy.total_epsilon is 0: nothing bounds how often a trace is asked. Set it before the first "
		    "run");
	fm_cli_print("; deltas of %g stay below one in privacy.records for %.0f.\n", c->delta, deltas);
}

static int budget(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct budget_args *a = args;
	struct fm_config *cfg = NULL;
	struct fm_claim claim = {0};
	const char *file;
	json_t *o = NULL;
	int rc;

	if ((rc = fm_place_config(call, call->operand[0], &file, err)) < 0 ||
	    (rc = fm_config_load_draft(&cfg, file, a->set.word, a->set.n, err)) < 0)
		return rc;
	if (!fm_config_dp(cfg)) {
		rc = fm_fail(err, FM_EINPUT, "%s: privacy.mode is %s, which claims nothing: there is no budget",
			     cfg->file, cfg->privacy.mode);
		goto out;
	}
	if ((rc = fm_budget_claim(&claim, cfg, err)) < 0 || (rc = fm_budget_json(&claim, cfg, &o, err)) < 0)
		goto out;
	if (a->json) {
		rc = fm_cli_json(json_incref(o), err);
	} else {
		print_claim(&claim, fm_config_window(cfg), o);
		print_sum(&claim, cfg);
	}
out:
	json_decref(o);
	fm_claim_free(&claim);
	fm_config_free(cfg);
	return rc;
}

const struct fm_verb fm_verb_budget = {
    .name = "budget",
    .summary = "what a config in privacy.mode dp asks of private records, and what it claims",
    .about =
	"Prints each mechanism with its sensitivity, scale and share, the epsilon of all of them together, and what "
	"that is for a flow, a conversation, and a host with several exchanges. Looks at no trace.",
    .operands = "RELEASE.yaml",
    .optional = 1,
    .offer = FM_OFFER_FILE,
    .options = options,
    .args_size = sizeof(struct budget_args),
    .run = budget,
};
