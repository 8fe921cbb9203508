/*
 * What a manifest claims of its privacy is in the words that its numbers make, covers what was paid for, and is no less
 * than its noise costs: the partner's check of changes of an honest one, tests/golden/manifests/dp.json.
 */
#include <math.h>

#include "manifest_fixture.h"
#include "signed_fixture.h"

#include "base/json_text.h"
#include "manifests/claim.h"
#include "manifests/config_public.h"
#include "manifests/registry.h"
#include "pipeline/walls/harvest.h"
#include "privacy/accountant.h"
#include "tests/unit/ok.h"

/* What looks at real flows without noise has no place beside a guarantee. */
static void nothing_unpaid_is_told_in_mode_dp(void **state)
{
	static const struct {
		const char *at, *to, *words;
	} t[] = {
	    {"/metrics/-", "{\"name\":\"jsd.SA\",\"value\":0.1,\"n\":5}", "the metric jsd.SA"},
	    {"/left_out", "{\"share\":0.5,\"reasons\":[]}", "left_out"},
	    {"/filled", "{\"share\":0.5}", "filled"},
	    {"/config/privacy/budget", "{}", "the metric paid."},
	    {"/privacy/statement", "\"(0.1, 1e-06)-differential privacy for one host\"", "privacy.statement"},
	    {"/privacy/statement", "\"(3.99275, 1e-06)-differential privacy for one exchange: nobody can tell.\"",
	     "privacy.statement"},
	    {"/privacy/covers", "\"the flows, and all that anybody derives from the trace\"", "what it covers"},
	    {"/privacy/does_not_cover/5", NULL, "what it covers"},
	    {"/checks/0/n", "1000000", "rests on more rows"},
	    {"/privacy/guarantee/0/epsilon", "1", "privacy.guarantee"},
	    {"/privacy/epsilon", "1", "privacy."},
	    {"/privacy/mechanisms/0/scale", "17", "the shares of privacy.mechanisms"},
	    {"/privacy/mechanisms/3/times", "2", "the shares of privacy.mechanisms"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		json_t *m = kept_manifest("dp");

		json_change(m, t[i].at, t[i].to);
		if (is_accepted(m) || !strstr(err.message, t[i].words))
			fail_msg("%s: %s", t[i].at, err.message);
		json_decref(m);
	}
}

/* Noise so much less that one exchange costs mu, and a config that asks for it by its noise. */
static void set_noise(json_t *m, double mu)
{
	json_t *list = json_object_get(json_object_get(m, "privacy"), "mechanisms"),
	       *asked = json_object_get(json_object_get(m, "config"), "privacy");
	double squares = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);

		squares += pow(fm_json_real(o, "sensitivity") / fm_json_real(o, "scale"), 2);
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *o = json_array_get(list, i);

		json_object_set_new(o, "scale", json_real(fm_json_real(o, "scale") * sqrt(squares) / mu));
	}
	json_object_set_new(asked, "epsilon", json_integer(0));
	json_object_set_new(asked, "noise_multiplier", json_real(1 / mu));
}

/* The claim of that epsilon, for windows of so many exchanges where that is more than one, in all its places. */
static void set_claim(json_t *m, json_int_t exchanges, double epsilon)
{
	json_t *privacy = json_object_get(m, "privacy"), *config = json_object_get(m, "config"),
	       *lines = json_object_get(privacy, "guarantee");
	struct fm_config *cfg;
	char said[FM_CLAIM_WORDS];

	if (exchanges > 1) {
		json_object_set_new(json_object_get(config, "privacy"), "unit", json_string("window"));
		json_object_set_new(json_object_get(config, "privacy"), "window_exchanges", json_integer(exchanges));
		json_object_set_new(privacy, "unit", json_string("window"));
		json_array_clear(lines);
		json_array_append_new(lines, json_pack("{s:s,s:I,s:f,s:f}", "of", "window", "exchanges", exchanges,
						       "epsilon", epsilon, "delta", fm_json_real(privacy, "delta")));
	}
	for (size_t k = 0; k < json_array_size(lines); k++) {
		json_t *o = json_array_get(lines, k);
		bool less = fm_json_real(o, "epsilon") < epsilon;

		if (json_integer_value(json_object_get(o, "exchanges")) == 1 || less)
			json_object_set_new(o, "epsilon", json_real(epsilon));
	}
	OK(fm_config_told(&cfg, config, &err));
	json_object_set_new(privacy, "statement",
			    json_string(fm_claim_statement(said, cfg, epsilon, fm_json_real(privacy, "delta"))));
	json_object_set_new(privacy, "epsilon", json_real(epsilon));
	fm_config_free(cfg);
}

/* The words of a version before, which lack the last sentence of what is said of windows, and no others. */
static void words_of_before_are_accepted(void **state)
{
	static const struct {
		json_int_t exchanges;
		const char *from; /* where the statement is cut; NULL: nowhere */
		const char *more;
		bool good;
	} t[] = {
	    {4, NULL, "", true},
	    {4, " Sensitivities", "", true},
	    {4, " Sensitivities", " It is.", false},
	    {4, " All that was taken", "", false},
	    {4, NULL, " It is.", false},
	    {1, " All that was taken", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		json_t *m = kept_manifest("dp"), *privacy = json_object_get(m, "privacy");
		const char *statement;
		char said[FM_CLAIM_WORDS + 16];

		set_claim(m, t[i].exchanges, t[i].exchanges > 1 ? 100 : fm_json_real(privacy, "epsilon"));
		json_object_set_new(json_object_get(json_object_get(m, "config"), "privacy"), "epsilon",
				    json_integer(100));
		statement = fm_json_str(privacy, "statement");
		snprintf(said, sizeof said, "%.*s%s",
			 (int)(t[i].from ? strstr(statement, t[i].from) - statement : (long)strlen(statement)),
			 statement, t[i].more);
		json_object_set_new(privacy, "statement", json_string(said));
		if (is_accepted(m) != t[i].good || (!t[i].good && !strstr(err.message, "privacy.statement")))
			fail_msg("%zu: %s", i, err.message);
		json_decref(m);
	}
}

/* A guarantee is not less than Gaussian noise that is told of makes it, however well its parts agree: of much noise and
 * of little, for one exchange and for all those of a window. */
static void a_claim_is_what_its_noise_gives(void **state)
{
	static const struct {
		double mu; /* of one exchange; 0: as the manifest has it */
		json_int_t exchanges;
		double times; /* the epsilon */
		bool good;
	} t[] = {
	    {0, 1, 1, true},      {0, 1, 0.99, true},     {0, 1, 0.95, false},    {0, 1, 0.5, false},
	    {0, 1, 0.025, false}, {0.8, 1, 1, true},      {0.8, 1, 0.98, false},  {34, 1, 1, true},
	    {34, 1, 0.98, false}, {50.5, 1, 1, true},     {50.5, 1, 0.98, false}, {90, 1, 1, true},
	    {90, 1, 0.98, false}, {0.2, 4, 1, true},      {0.2, 4, 0.98, false},  {0.2, 4, 0.24, false},
	    {0.2, 64, 1, true},   {0.2, 64, 0.98, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		json_t *m = kept_manifest("dp"), *privacy = json_object_get(m, "privacy");
		double epsilon = fm_json_real(privacy, "epsilon");

		if (t[i].mu > 0) {
			struct fm_mechanism all = {.kind = FM_GAUSSIAN,
						   .sensitivity = 1,
						   .scale = 1 / t[i].mu,
						   .count = 1,
						   .group = (unsigned)t[i].exchanges};

			set_noise(m, t[i].mu);
			OK(fm_account(&all, 1, fm_json_real(privacy, "delta"), FM_ADD_OR_REMOVE, FM_PLD, &epsilon,
				      &err));
		}
		set_claim(m, t[i].exchanges, epsilon * t[i].times);
		if (is_accepted(m) != t[i].good ||
		    (!t[i].good && !strstr(err.message, "less than its mechanisms cost")))
			fail_msg("mu %g, %lld exchanges, %g of epsilon %g: %s", t[i].mu, (long long)t[i].exchanges,
				 t[i].times, epsilon, err.message);
		json_decref(m);
	}
}

static bool is_accepted_on(double n)
{
	json_t *m = kept_manifest("dp"), *list = json_object_get(m, "metrics");
	bool good;

	for (size_t i = 0; i < json_array_size(list); i++)
		if (fm_metric_is_paid(fm_json_str(json_array_get(list, i), "name")))
			json_object_set_new(json_array_get(list, i), "n", json_integer((json_int_t)n));
	good = is_accepted(m);
	assert_true(good || strstr(err.message, "rests on more rows than there are"));
	json_decref(m);
	return good;
}

static bool is_taken_on(const struct fm_config *cfg, double n)
{
	const struct fm_harvest_rows rows = {.real = 1, .made = 1, .noisy = fm_config_most_noisy_rows(cfg)};
	json_t *list = json_pack("[{s:s,s:f,s:I}]", "name", "paid.jsd.PR", "value", 0.01, "n", (json_int_t)n);
	struct fm_metrics taken = {0};
	bool good = fm_harvest_metrics(list, FM_LIST_PAID, &rows, &taken, &err) == FM_OK;

	assert_true(good || strstr(err.message, "an impossible number of rows"));
	fm_metrics_free(&taken);
	json_decref(list);
	return good;
}

/* A run takes no sum of noisy counts that a partner would refuse, nor refuses one that he would take. */
static void noisy_rows_have_one_bound(void **state)
{
	json_t *m = kept_manifest("dp");
	struct fm_config *cfg;
	double most, more;

	(void)state;
	OK(fm_config_told(&cfg, json_object_get(m, "config"), &err));
	most = floor(fm_config_most_noisy_rows(cfg));
	assert_true(most >= 4 * 900000 && most < 1e7); /* flows of all exchanges, and noise */
	assert_true(is_accepted_on(most) && is_taken_on(cfg, most));
	assert_false(is_accepted_on(most + 1) || is_taken_on(cfg, most + 1));
	/* Much noise is an honest one, too. */
	cfg->privacy.epsilon = 0.01;
	assert_true((more = fm_config_most_noisy_rows(cfg)) > most + 1e6);
	cfg->privacy.budget[FM_SHARE_GATE] /= 4;
	assert_true(fm_config_most_noisy_rows(cfg) > more + 1e6);
	cfg->privacy.epsilon = 0;
	cfg->privacy.noise_multiplier = 1e6;
	assert_true(fm_config_most_noisy_rows(cfg) > 1e9);
	fm_config_free(cfg);
	json_decref(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_unpaid_is_told_in_mode_dp),
	    cmocka_unit_test(words_of_before_are_accepted),
	    cmocka_unit_test(a_claim_is_what_its_noise_gives),
	    cmocka_unit_test(noisy_rows_have_one_bound),
	};

	return cmocka_run_group_tests_name("verify_claim", tests, NULL, NULL);
}
