/* A config that voids its own claim of differential privacy is refused, with the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifests/config.h"
#include "manifests/dialect.h"
#include "manifests/registry.h"

static const char *const good[] = {"source.path=x.csv",
				   "privacy.mode=dp",
				   "privacy.epsilon=4",
				   "privacy.delta=1e-6",
				   "privacy.records=900000",
				   "privacy.first=2016-04-11 00:00:00",
				   "privacy.last=2016-04-12 00:00:00",
				   "split.holdout=0.25"};
enum { NGOOD = sizeof good / sizeof *good };

/* The preset with what is good, then more; NULL in `more` ends it. */
static int load(struct fm_config **cfg, struct fm_error *err, const char *const *more)
{
	const char *set[NGOOD + 8];
	int n = 0;

	for (int i = 0; i < NGOOD; i++)
		set[n++] = good[i];
	for (; *more; more++)
		set[n++] = *more;
	*cfg = NULL;
	return fm_config_preset(cfg, "ugr16-dp", set, n, err);
}

#define REFUSED(why, ...) refused((const char *const[]){__VA_ARGS__, NULL}, why)
static void refused(const char *const *more, const char *why)
{
	struct fm_config *cfg;
	struct fm_error err;
	int rc = load(&cfg, &err, more);

	if (rc == FM_OK)
		fail_msg("%s is taken", more[0]);
	if (!strstr(err.message, why))
		fail_msg("%s: '%s' does not say '%s'", more[0], err.message, why);
}

static void test_a_whole_claim_is_taken(void **state)
{
	struct fm_config *cfg;
	struct fm_error err;

	(void)state;
	assert_int_equal(load(&cfg, &err, (const char *const[]){NULL}), FM_OK);
	assert_true(fm_config_dp(cfg));
	assert_true(cfg->privacy.epsilon == 4);
	assert_string_equal(cfg->privacy.unit, "exchange");
	/* What training would do by itself is off. */
	assert_int_equal(cfg->train.balance, 1);
	assert_int_equal(cfg->train.patience, 0);
	fm_config_free(cfg);
}

static void test_each_void_is_refused_with_its_reason(void **state)
{
	(void)state;
	REFUSED("needs privacy.epsilon", "privacy.epsilon=0");
	REFUSED("one gives the other", "privacy.noise_multiplier=1");
	REFUSED("needs privacy.records", "privacy.records=0");
	/* A delta of 1/n, and one just below. */
	REFUSED("below 1 / privacy.records", "privacy.delta=1e-6", "privacy.records=1000000");
	REFUSED("below 1 / privacy.records", "privacy.delta=0");
	REFUSED("needs privacy.first", "privacy.first=");
	REFUSED("is not after", "privacy.last=2016-04-10 00:00:00");
	REFUSED("YYYY-MM-DD", "privacy.last=tomorrow");
	REFUSED("who knows a seed", "split.seed=7");
	REFUSED("who knows a seed", "train.seed=7");
	REFUSED("who knows a seed", "generate.seed=7");
	REFUSED("one more exchange pushes others out", "source.rows=1000");
	REFUSED("what the trace's rows say", "source.dialect=auto");
	REFUSED("flowmint sniff '/traces/it'\\''s all.csv' tells", "source.dialect=auto",
		"source.path=/traces/it's all.csv");
	REFUSED("flowmint sniff FILE tells", "source.dialect=auto", "source.path=");
	REFUSED("more often than the noise", "train.balance=4");
	REFUSED("depend on the validation records", "train.patience=100");
	REFUSED("whether a row is a copy depends on other rows", "source.duplicates=drop");
	REFUSED("nothing paid for", "publish.report=histograms");
	REFUSED("does not cover", "release.previous=old.csv");
	REFUSED("pass or fail would reveal", "gate.jsd_mean8=0.1");
	REFUSED("pass or fail would reveal", "gate.leak.rows_equal=0");
	REFUSED("relative to its floor", "gate.jsd.PR={max: 1, relative_to_floor: true}");
	REFUSED("never of what the records have without noise", "model.min_count=5");
	REFUSED("never of what the records have without noise", "model.max_hosts=100");
	REFUSED("bounds no record", "train.clip=1");
	REFUSED("does nothing in privacy.mode dp: leave it out", "model.window=16");
	REFUSED("does nothing in privacy.mode dp", "model.kind=diffusion", "model.denoiser=mlp", "generate.steps=7");
	REFUSED("does nothing in privacy.mode dp", "model.kind=diffusion", "model.denoiser=mlp",
		"model.schedule=linear");
	REFUSED("is not for model.kind marginals", "privacy.draws=2", "model.kind=marginals");
	REFUSED("does nothing where privacy.budget.gate is 0", "privacy.gate_asks=all");
	REFUSED("no holdout that it could ask", "privacy.budget={gate: 0.1}", "split.holdout=0");
	REFUSED("nothing is left for the model", "privacy.budget={gate: 1}");
	REFUSED("nothing pays for that", "gate.paid.jsd.PR=0.1");
	REFUSED("nothing pays for that", "gate.paid.jsd_mean=0.1", "privacy.budget={vocabulary: 0.5, pairs: 0.5}");
	REFUSED("pass or fail would reveal", "gate.jsd.PR=0.1", "privacy.budget={gate: 0.1}");
	REFUSED("set it to pairs or all", "gate.paid.pair_jsd=0.1", "privacy.budget={gate: 0.1}");
	REFUSED("set it to labels or all", "gate.paid.jsd.TY=0.1", "privacy.budget={gate: 0.1}",
		"privacy.gate_asks=pairs");
	REFUSED("relative to its floor", "gate.paid.jsd.PR={max: 1, relative_to_floor: true}",
		"privacy.budget={gate: 0.1}");
	REFUSED("did you mean 'training'", "privacy.budget={trainin: 0.5}");
	REFUSED("together they are at most 1", "privacy.budget={vocabulary: 0.5, pairs: 0.5, training: 0.1}");
	REFUSED("must lie from 0 to 1", "privacy.budget={pairs: -0.1}");
	REFUSED("must lie from 0 to 1", "privacy.budget={pairs: 1.1}");
	REFUSED("privacy.budget", "privacy.budget=0.5");
	REFUSED("all runs on one trace", "privacy.total_epsilon=3");
	REFUSED("does nothing with privacy.unit exchange", "privacy.window_exchanges=8");
	REFUSED("must lie from 2 to 64", "privacy.unit=window", "privacy.window_exchanges=1");
	REFUSED("publishes a flow at random", "privacy.unit=flow", "privacy.delta=1e-6", "privacy.records=250000");
}

static void test_packets_whose_flows_depend_on_each_other_are_refused(void **state)
{
	struct fm_dialect *flows, *packets;
	struct fm_config *cfg;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_dialect_load(&flows, "ugr16", &err), FM_OK);
	assert_int_equal(fm_dialect_load(&packets, "pcap", &err), FM_OK);
	assert_int_equal(load(&cfg, &err, (const char *const[]){"source.dialect=pcap", NULL}), FM_OK);
	assert_int_equal(fm_config_flows_alone(cfg, flows, &err), FM_OK);
	assert_int_equal(fm_config_flows_alone(cfg, packets, &err), FM_EUSAGE); /* by --set */
	assert_non_null(strstr(err.message, "may depend on the packets of others"));
	strcpy(cfg->privacy.mode, "none");
	assert_int_equal(fm_config_flows_alone(cfg, packets, &err), FM_OK);
	fm_config_free(cfg);
	fm_dialect_free(flows);
	fm_dialect_free(packets);
}

/* Exchanges are known by what such a trace does not have. */
static void test_flows_without_their_ends_are_refused(void **state)
{
	struct fm_dialect *some;
	struct fm_config *cfg;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_dialect_load(&some, "cse-cic-ids2018", &err), FM_OK);
	assert_int_equal(load(&cfg, &err, (const char *const[]){"source.dialect=cse-cic-ids2018", NULL}), FM_OK);
	assert_int_equal(fm_config_flows_alone(cfg, some, &err), FM_EUSAGE);
	assert_non_null(strstr(err.message, "has no sa da sp, and is refused in privacy.mode dp"));
	strcpy(cfg->privacy.mode, "none");
	assert_int_equal(fm_config_flows_alone(cfg, some, &err), FM_OK);
	fm_config_free(cfg);
	fm_dialect_free(some);
}

static void test_a_delta_just_below_is_taken(void **state)
{
	struct fm_config *cfg;
	struct fm_error err;

	(void)state;
	assert_int_equal(load(&cfg, &err, (const char *const[]){"privacy.records=999999", NULL}), FM_OK);
	assert_false(fm_config_unit_flow(cfg));
	fm_config_free(cfg);
	/* An exchange may have four flows, of which one published at random would be one in n. */
	assert_int_equal(load(&cfg, &err, (const char *const[]){"privacy.records=249999", "privacy.unit=flow", NULL}),
			 FM_OK);
	assert_true(fm_config_unit_flow(cfg));
	fm_config_free(cfg);
}

static void test_a_share_for_the_gate_lets_it_ask(void **state)
{
	struct fm_config *cfg;
	struct fm_error err;

	(void)state;
	assert_int_equal(
	    load(&cfg, &err, (const char *const[]){"privacy.budget={gate: 0.1}", "gate.paid.jsd.PR=0.1", NULL}), FM_OK);
	assert_true(fm_config_pays_gate(cfg));
	fm_config_free(cfg);
	/* Where nothing is noisy there is nothing of the kind. */
	assert_int_equal(
	    fm_config_preset(&cfg, "ugr16", (const char *const[]){"source.path=x", "gate.paid.jsd.PR=0.1"}, 2, &err),
	    FM_EUSAGE);
	assert_non_null(strstr(err.message, "in privacy.mode dp alone"));
}

static void test_a_budget_is_read_and_written(void **state)
{
	struct fm_config *cfg, *again;
	struct fm_error err;
	json_t *j;

	(void)state;
	assert_int_equal(
	    load(&cfg, &err,
		 (const char *const[]){"privacy.budget={pairs: 0.25, vocabulary: 0.25, training: 0.5}", NULL}),
	    FM_OK);
	assert_true(cfg->privacy.budget[FM_SHARE_PAIRS] == 0.25 && cfg->privacy.budget[FM_SHARE_TRAINING] == 0.5);
	assert_true(cfg->privacy.budget[FM_SHARE_GATE] == 0);
	j = fm_config_json(cfg, NULL, true);
	assert_int_equal(json_object_size(json_object_get(json_object_get(j, "privacy"), "budget")), 3);
	assert_int_equal(fm_config_from_json(&again, j, &err), FM_OK);
	assert_memory_equal(cfg->privacy.budget, again->privacy.budget, sizeof cfg->privacy.budget);
	json_decref(j);
	fm_config_free(again);
	fm_config_free(cfg);
}

static void test_seeds_are_in_no_config_that_is_published(void **state)
{
	struct fm_config *cfg, *again;
	struct fm_error err;
	json_t *j;

	(void)state;
	assert_int_equal(load(&cfg, &err, (const char *const[]){NULL}), FM_OK);
	j = fm_config_json(cfg, NULL, true);
	for (int i = 0; i < 3; i++) {
		const json_t *section = json_object_get(j, ((const char *const[]){"split", "train", "generate"})[i]);

		assert_non_null(section);
		assert_null(json_object_get(section, "seed"));
	}
	/* What was written out is read again. */
	assert_int_equal(fm_config_from_json(&again, j, &err), FM_OK);
	assert_true(again->privacy.delta == cfg->privacy.delta);
	json_decref(j);
	fm_config_free(again);
	fm_config_free(cfg);
}

static void test_free_metrics_are_of_synthetic_flows_alone(void **state)
{
	(void)state;
	assert_true(fm_metric_is_free("rules.broken_share") && fm_metric_is_free("counts.pair_jsd"));
	assert_false(fm_metric_is_free("rules.broken_share_real"));
	assert_false(fm_metric_is_free("floor.rules.broken_share"));
	assert_false(fm_metric_is_free("leak.rows_equal"));
	assert_false(fm_metric_is_free("jsd_mean8"));
	assert_false(fm_metric_is_free("rows.real"));
	assert_false(fm_metric_is_free("paid.jsd.PR"));
	assert_true(fm_metric_is_paid("paid.jsd.PR") && fm_metric_is_paid("paid.jsd_mean"));
	assert_false(fm_metric_is_paid("jsd.PR") || fm_metric_is_paid("rules.broken_share"));
	assert_false(fm_metric_is_paid("floor.paid.jsd.PR") || fm_metric_is_paid("paid.jsd.XX"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_whole_claim_is_taken),
	    cmocka_unit_test(test_each_void_is_refused_with_its_reason),
	    cmocka_unit_test(test_packets_whose_flows_depend_on_each_other_are_refused),
	    cmocka_unit_test(test_flows_without_their_ends_are_refused),
	    cmocka_unit_test(test_a_delta_just_below_is_taken),
	    cmocka_unit_test(test_a_share_for_the_gate_lets_it_ask),
	    cmocka_unit_test(test_a_budget_is_read_and_written),
	    cmocka_unit_test(test_seeds_are_in_no_config_that_is_published),
	    cmocka_unit_test(test_free_metrics_are_of_synthetic_flows_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
