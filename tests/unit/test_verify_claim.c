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
	    {"/privacy/mechanisms/3/kind", "\"laplace\"", "privacy.mechanisms"},
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

/* The claim of that epsilon for a unit, of so many exchanges where it is a window, in all its places: of lines for
 * other numbers of exchanges no epsilon is told. */
static void set_claim_of(json_t *m, const char *unit, json_int_t exchanges, double epsilon)
{
	json_t *privacy = json_object_get(m, "privacy"), *config = json_object_get(m, "config"),
	       *lines = json_object_get(privacy, "guarantee"), *asked = json_object_get(config, "privacy");
	double delta = fm_json_real(privacy, "delta");
	struct fm_claim_line l[FM_CLAIM_LINES];
	struct fm_config *cfg;
	char said[FM_CLAIM_WORDS];

	json_object_set_new(privacy, "unit", json_string(unit));
	json_object_set_new(privacy, "adjacency",
			    json_string(strcmp(unit, "flow") == 0 ? "replace_one" : "add_or_remove"));
	json_object_set_new(asked, "unit", json_string(unit));
	if (exchanges > 1)
		json_object_set_new(asked, "window_exchanges", json_integer(exchanges));
	OK(fm_config_told(&cfg, config, &err));
	json_array_clear(lines);
	for (int i = 0, n = fm_claim_lines(cfg, l); i < n; i++) {
		json_t *o =
		    json_pack("{s:s,s:i,s:f,s:o}", "of", l[i].of, "exchanges", (int)l[i].exchanges, "delta", delta,
			      "epsilon", l[i].exchanges == fm_config_group(cfg) ? json_real(epsilon) : json_null());

		if (l[i].minutes)
			json_object_set_new(o, "minutes", json_integer(l[i].minutes));
		json_array_append_new(lines, o);
	}
	json_object_set_new(privacy, "statement", json_string(fm_claim_statement(said, cfg, epsilon, delta)));
	json_object_set_new(privacy, "epsilon", json_real(epsilon));
	fm_config_free(cfg);
}

static void set_claim(json_t *m, json_int_t exchanges, double epsilon)
{
	set_claim_of(m, exchanges > 1 ? "window" : "exchange", exchanges, epsilon);
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

/* Each line of a guarantee is held to the noise, as an accountant has it: of counts alone, and of training too. */
static const struct noise {
	const char *unit;
	unsigned exchanges;
	double mu, rate, noise; /* of counts, for one exchange; of training; rate 0: none */
	unsigned times;
	double lie; /* the share of an epsilon that is found to be too little, in each line */
} noises[] = {
    {"exchange", 1, 0.83, 0, 0, 0, 0.98},           {"exchange", 1, 0.737, 0.00455, 0.701, 500, 0.98},
    {"exchange", 1, 0.1, 0.01, 0.8, 2000, 0.98},    {"exchange", 1, 0, 0.00455, 0.701, 500, 0.98},
    {"exchange", 1, 0.3, 0.001, 0.6, 100000, 0.96}, {"flow", 1, 0.9, 0, 0, 0, 0.98},
    {"flow", 1, 0.737, 0.00455, 0.701, 500, 0.97},  {"window", 4, 0.2, 0, 0, 0, 0.98},
    {"window", 4, 0.186, 0.00455, 1.33, 500, 0.98},
};

static double cost(const struct noise *t, unsigned group)
{
	struct fm_mechanism list[2];
	size_t n = 0;
	double epsilon;

	if (t->mu > 0)
		list[n++] = (struct fm_mechanism){
		    .kind = FM_GAUSSIAN, .sensitivity = t->mu, .scale = 1, .count = 1, .group = group};
	if (t->rate > 0)
		list[n++] = (struct fm_mechanism){.kind = FM_SAMPLED_GAUSSIAN,
						  .sensitivity = 1,
						  .scale = t->noise,
						  .q = t->rate,
						  .count = t->times,
						  .group = group};
	OK(fm_account(list, n, 1e-7, strcmp(t->unit, "flow") == 0 ? FM_REPLACE_ONE : FM_ADD_OR_REMOVE, FM_PLD, &epsilon,
		      &err));
	return fm_round_up(epsilon, 6);
}

static json_t *manifest_of(const struct noise *t)
{
	json_t *m = kept_manifest("dp"), *privacy = json_object_get(m, "privacy"),
	       *asked = json_object_get(json_object_get(m, "config"), "privacy"),
	       *list = json_object_get(privacy, "mechanisms"), *lines;

	json_object_set_new(privacy, "delta", json_real(1e-7));
	json_object_set_new(asked, "delta", json_real(1e-7));
	if (t->mu > 0)
		set_noise(m, t->mu);
	else
		json_array_clear(list);
	json_object_set_new(asked, "epsilon", json_integer(0));
	json_object_set_new(asked, "noise_multiplier", json_integer(1));
	if (t->rate > 0)
		json_array_append_new(list, json_pack("{s:s,s:s,s:f,s:f,s:f,s:i,s:f}", "name", "training", "kind",
						      "gaussian", "sensitivity", 1.0, "scale", t->noise, "rate",
						      t->rate, "times", (int)t->times, "share", t->mu > 0 ? 0.0 : 1.0));
	set_claim_of(m, t->unit, t->exchanges, cost(t, t->exchanges));
	lines = json_object_get(privacy, "guarantee");
	for (size_t i = 0; i < json_array_size(lines); i++) {
		json_t *o = json_array_get(lines, i);
		unsigned group = (unsigned)json_integer_value(json_object_get(o, "exchanges"));

		if (group <= 64)
			json_object_set_new(o, "epsilon", json_real(cost(t, group)));
	}
	return m;
}

static void each_line_is_what_the_noise_gives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
		json_t *m = manifest_of(&noises[i]), *privacy = json_object_get(m, "privacy"),
		       *lines = json_object_get(privacy, "guarantee");

		if (!is_accepted(m))
			fail_msg("%zu: %s", i, err.message);
		for (size_t k = 0; k < json_array_size(lines); k++) {
			json_t *o = json_array_get(lines, k), *told = json_incref(json_object_get(o, "epsilon"));
			json_t *before = k ? json_array_get(lines, k - 1) : NULL;
			double lie = noises[i].lie * json_number_value(told);

			if (json_is_number(told) && lie < 600) {
				json_object_set_new(o, "epsilon", json_real(lie));
				if (is_accepted(m))
					fail_msg("%zu: %s of %lld exchanges: %g for %g", i, fm_json_str(o, "of"),
						 json_integer_value(json_object_get(o, "exchanges")), lie,
						 json_number_value(told));
				/* By the noise, and not by the lines beside it. */
				if (lie > 1.001 * fm_json_real(privacy, "epsilon") &&
				    !(lie < fm_json_real(before, "epsilon")))
					assert_non_null(strstr(err.message, "less than its mechanisms cost"));
			}
			json_object_set(o, "epsilon", told);
			json_decref(told);
		}
		json_decref(m);
	}
}

/* What is sampled is one training: another noise beside it would be left out of what it costs. */
static void one_training_is_sampled(void **state)
{
	static const double noise[] = {0.701, 0.3}; /* a step more, and another training */

	(void)state;
	for (int i = 0; i < 2; i++) {
		json_t *m = manifest_of(&noises[1]);

		json_array_append_new(json_object_get(json_object_get(m, "privacy"), "mechanisms"),
				      json_pack("{s:s,s:s,s:f,s:f,s:f,s:i,s:f}", "name", "more", "kind", "gaussian",
						"sensitivity", 1.0, "scale", noise[i], "rate", 0.00455, "times", 1,
						"share", 0.0));
		if (is_accepted(m) != (i == 0) || (i == 1 && !strstr(err.message, "more than one training")))
			fail_msg("%d: %s", i, err.message);
		json_decref(m);
	}
}

/* Lines are those of the config: none is left out, and none is said of fewer exchanges than it has. */
static void lines_are_those_of_the_config(void **state)
{
	static const struct {
		const char *at, *to;
	} t[] = {
	    {"/privacy/guarantee/9", NULL},
	    {"/privacy/guarantee/3", NULL},
	    {"/privacy/guarantee/-", "{\"of\":\"host\",\"exchanges\":256,\"epsilon\":null,\"delta\":1e-6}"},
	    {"/privacy/guarantee/3/exchanges", "2"},
	    {"/privacy/guarantee/3/minutes", "20"},
	    {"/privacy/guarantee/3/of", "\"host\""},
	    {"/privacy/guarantee/4/delta", "0.5"},
	    {"/privacy/guarantee/1/delta", "1e-9"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		json_t *m = kept_manifest("dp");

		json_change(m, t[i].at, t[i].to);
		if (is_accepted(m) || !strstr(err.message, "privacy.guarantee"))
			fail_msg("%s: %s", t[i].at, err.message);
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
	    cmocka_unit_test(nothing_unpaid_is_told_in_mode_dp), cmocka_unit_test(words_of_before_are_accepted),
	    cmocka_unit_test(a_claim_is_what_its_noise_gives),   cmocka_unit_test(each_line_is_what_the_noise_gives),
	    cmocka_unit_test(one_training_is_sampled),           cmocka_unit_test(lines_are_those_of_the_config),
	    cmocka_unit_test(noisy_rows_have_one_bound),
	};

	return cmocka_run_group_tests_name("verify_claim", tests, NULL, NULL);
}
