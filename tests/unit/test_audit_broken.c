/*
 * test_audit_broken.c - the audit refutes the claim of a broken build, and not that of an honest one.
 *
 * AUDIT_SEEDS in the environment: how many audits of each build (default: 2 of an honest one, 1 of a broken one; ten in
 * make test-long).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "model/diffusion/private_trainer.h"
#include "pipeline/claim_audit.h"
#include "privacy/audit.h"
#include "stages/audit.h"
#include "stages/stage.h"
#include "tests/unit/breaks.h"
#include "tests/unit/ok.h"
#include "tests/unit/scratch.h"
#include "traces/simulate/simulate.h"

enum { CANARIES = 1000 };
static struct fm_error err;

static int seeds(int usual)
{
	const char *text = getenv("AUDIT_SEEDS");

	return text ? atoi(text) : usual;
}

static void key_make(struct fm_secret *key, int byte)
{
	OK(fm_secret_new(key, FM_STREAM_KEY, &err));
	memset(key->data, byte, key->len);
}

/* ---- noisy counts, from the trace on ---- */

static struct fm_config *config(void)
{
	static const char *const set[] = {"source.path=x.csv",
					  "privacy.epsilon=4",
					  "privacy.delta=1e-6",
					  "train.threads=1",
					  "privacy.first=2016-04-11 00:00:00",
					  "privacy.last=2016-04-12 00:00:00"};
	struct fm_config *cfg = NULL;

	OK(fm_config_preset(&cfg, "ugr16-dp", set, sizeof set / sizeof *set, &err));
	return cfg;
}

static const char *trace(void)
{
	struct fm_simulate_in in = {.rows = 3000, .seed = 5, .out = scratch_path("trace.csv"), .threads = 1};
	struct fm_simulate_out out;

	OK(fm_simulate(&in, &out, &err));
	return in.out;
}

static size_t included; /* of the canaries of the last audit's first run */

/* The lower bound on epsilon of `runs` audits of counts under a key of the given byte. */
static double counts_refute(const struct fm_config *cfg, const char *csv, size_t runs, int byte)
{
	const char *dir = scratch_path("audit");
	struct fm_secret key;
	json_t *result = NULL;
	double epsilon;

	key_make(&key, byte);
	OK(fm_dir_remove(dir, &err));
	OK(fm_dir_make(dir, 0700, &err));
	struct fm_audit_in in = {
	    .cfg = cfg, .trace = csv, .work_dir = dir, .canaries = CANARIES, .runs = runs, .secret = &key};
	OK(fm_stage_audit(&in, &result, &err));
	epsilon = json_number_value(json_object_get(result, "epsilon_lower"));
	included =
	    (size_t)json_integer_value(json_object_get(json_array_get(json_object_get(result, "runs"), 0), "included"));
	if (getenv("AUDIT_SHOW"))
		json_dumpf(result, stderr, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(result);
	fm_secret_close(&key);
	return epsilon;
}

static void counts_of_an_honest_build_keep_their_claim(void **state)
{
	struct fm_config *cfg = config();
	const char *csv = trace();
	double most = 0;

	(void)state;
	broken = HONEST;
	for (int s = 0; s < seeds(2); s++) {
		double e = counts_refute(cfg, csv, 1, s + 1);

		most = fmax(most, e);
		assert_true(e <= cfg->privacy.epsilon);
	}
	print_message("honest counts, %d audits: epsilon at least %.3f; 4 is claimed\n", seeds(2), most);
	/* The audit is not blind either: noise of epsilon 4 shows. */
	assert_true(most > 0.2);
	fm_config_free(cfg);
}

static void counts_of_a_broken_build_are_refuted(void **state)
{
	static const struct {
		enum breaks how;
		const char *words;
		size_t runs; /* a key that is used again shows when it is */
	} build[] = {{NOISE_OFF, "noise off", 1}, {KEY_REUSED, "noise key reused", 2}, {CODEC_LOOKS, "codec looks", 1}};
	struct fm_config *cfg = config();
	const char *csv = trace();

	(void)state;
	for (size_t i = 0; i < sizeof build / sizeof *build; i++) {
		double least = (double)INFINITY;

		broken = build[i].how;
		for (int s = 0; s < seeds(1); s++)
			least = fmin(least, counts_refute(cfg, csv, build[i].runs, s + 1));
		print_message("%s, %d audits: epsilon at least %.3f in each; 4 is claimed\n", build[i].words, seeds(1),
			      least);
		assert_true(least > cfg->privacy.epsilon);
	}
	broken = HONEST;
	fm_config_free(cfg);
}

/* Canaries are whole windows where those are claimed, so that what a window shows beyond an exchange of it is seen. */
static void windows_are_audited_whole(void **state)
{
	static const struct {
		enum breaks how;
		const char *words;
		double least, most;
	} build[] = {{HONEST, "honest", 0.2, 4},
		     {NOISE_OF_ONE, "noise of one exchange", 4, INFINITY},
		     {NOISE_OFF, "noise off", 4, INFINITY}};
	struct fm_config *cfg = config();
	const char *csv = trace();

	(void)state;
	snprintf(cfg->privacy.unit, sizeof cfg->privacy.unit, "window");
	cfg->privacy.window_exchanges = BREAKS_WINDOW;
	for (size_t i = 0; i < sizeof build / sizeof *build; i++) {
		double e = 0;

		broken = build[i].how;
		for (int s = 0; s < seeds(2); s++)
			e = fmax(e, counts_refute(cfg, csv, 1, s + 1));
		print_message("windows, %s: epsilon at least %.3f; 4 is claimed\n", build[i].words, e);
		assert_true(e > build[i].least && e <= build[i].most);
	}
	broken = HONEST;
	fm_config_free(cfg);
}

/* With unit flow what is claimed is of a record that is another one: a canary that is out is another exchange, so that
 * as many are counted whatever the tosses. */
static void flows_are_audited_by_exchanges_that_are_others(void **state)
{
	static const struct {
		enum breaks how;
		const char *words;
		double least, most;
	} build[] = {{HONEST, "honest", 0.2, 4},
		     {NOISE_OFF, "noise off", 4, INFINITY},
		     {CODEC_LOOKS, "codec looks", 4, INFINITY}};
	struct fm_config *cfg = config();
	const char *csv = trace();
	size_t known;

	(void)state;
	broken = HONEST;
	counts_refute(cfg, csv, 1, 1);
	known = records_counted - included;
	snprintf(cfg->privacy.unit, sizeof cfg->privacy.unit, "flow");
	for (size_t i = 0; i < sizeof build / sizeof *build; i++) {
		double e = 0;

		broken = build[i].how;
		for (int s = 0; s < seeds(2); s++) {
			e = fmax(e, counts_refute(cfg, csv, 1, s + 1));
			assert_in_range(included, CANARIES / 3, CANARIES * 2 / 3);
			if (s == 0) /* the key, and the split with it, of the audit before */
				assert_int_equal(records_counted, known + CANARIES);
		}
		print_message("flows, %s: epsilon at least %.3f; 4 is claimed\n", build[i].words, e);
		assert_true(e > build[i].least && e <= build[i].most);
	}
	broken = HONEST;
	fm_config_free(cfg);
}

/* ---- the gate ---- */

static bool gate_passes(const struct fm_config *cfg, const json_t *audits, const json_t *waivers)
{
	static const char metrics[] = "[{\"name\":\"rules.broken_share\",\"value\":0,\"n\":100}]";
	const char *path = scratch_path("free.json"), *dir = scratch_path("verdict");
	struct fm_gate_in in = {.cfg = cfg, .free_json = path, .out_dir = dir, .audits = audits, .waivers = waivers};
	struct fm_gate_out out;
	bool pass;

	OK(fm_file_write(path, 0600, metrics, sizeof metrics - 1, &err));
	OK(fm_dir_make(dir, 0700, &err));
	OK(fm_stage_gate(&in, &out, &err));
	pass = out.verdict.pass;
	fm_verdict_free(&out.verdict);
	return pass;
}

/* From flowmint audit-privacy over the ledger to the gate. */
static void a_refuted_claim_is_not_released(void **state)
{
	struct fm_config *cfg = config();
	const char *keys = scratch_path("p/keys"), *workspace = scratch_path("p/workspace");
	char byte[32] = {1};
	json_t *report = NULL, *audits = NULL,
	       *waivers = json_pack("[{s:s, s:s}]", "check", "audit.epsilon_lower", "reason", "it will be fine");

	(void)state;
	OK(fm_dir_make(keys, 0700, &err));
	OK(fm_file_write(scratch_path("p/keys/commitment.key"), 0600, byte, sizeof byte, &err));
	snprintf(cfg->dir, sizeof cfg->dir, "%s", scratch_path("p"));
	snprintf(cfg->source.path, sizeof cfg->source.path, "%s", trace());
	/* An honest build after the broken one takes nothing back. */
	for (int audit = 0; audit < 3; audit++) {
		struct fm_claim_audit_in in = {
		    .cfg = cfg, .workspace = workspace, .canaries = CANARIES, .runs = 1, .unconfined = true};
		struct fm_ledger *l;

		broken = audit == 1 ? NOISE_OFF : HONEST;
		in.canaries += (size_t)audit; /* another audit each time */
		OK(fm_claim_audit(&in, &report, &err));
		assert_int_equal(json_is_true(json_object_get(report, "refuted")), audit == 1);
		OK(fm_ledger_open(&l, workspace, NULL, FM_LEDGER_READ, &err));
		OK(fm_claim_audit_find(l, cfg, &audits, &err));
		fm_ledger_close(l);
		assert_int_equal(json_array_size(audits), 1);
		assert_int_equal(gate_passes(cfg, audits, NULL), audit == 0);
		assert_int_equal(gate_passes(cfg, audits, waivers), audit == 0);
		assert_true(gate_passes(cfg, NULL, NULL));
		/* Of another mechanism there is none. */
		json_decref(audits);
		cfg->privacy.epsilon += 1;
		OK(fm_ledger_open(&l, workspace, NULL, FM_LEDGER_READ, &err));
		OK(fm_claim_audit_find(l, cfg, &audits, &err));
		fm_ledger_close(l);
		assert_int_equal(json_array_size(audits), 0);
		cfg->privacy.epsilon -= 1;
		json_decref(audits);
		json_decref(report);
	}
	json_decref(waivers);
	fm_config_free(cfg);
}

/* ---- DP-SGD ---- */

/* Each canary's gradient is one coordinate of its own, thirty times the clip: of all records the easiest to tell. */
enum { SIDE = 32, STEPS = 60 };
static struct fm_layout square;

static void pass(void *ctx, int thread, const float *p, const struct fm_lot *lot, struct fm_kept *kept)
{
	const uint32_t *canary = ctx;
	float in[SIDE] = {0}, out[SIDE] = {0};
	struct fm_rows rows = {0, lot->n, NULL, 1, 1};

	(void)thread, (void)p;
	assert_int_equal(lot->n, 1);
	fm_kept_begin(kept, 1);
	in[canary[*lot->record] / SIDE] = 30;
	out[canary[*lot->record] % SIDE] = 1;
	fm_kept_outer(kept, &rows, (struct fm_mat){in, SIDE, SIDE}, (struct fm_mat){out, SIDE, SIDE}, 0);
}

/* What a training claims, and what an auditor who sees each step's noisy mean refutes. */
static double training_refutes(int byte, double *claimed)
{
	enum { M = CANARIES };
	size_t choice[FM_AUDIT_CHOICES][2];
	uint8_t in[M];
	uint32_t canary[M];
	double score[M] = {0};
	float mean[SIDE * SIDE];
	struct fm_learner l = {&square, 0, 1, 1, canary, pass};
	struct fm_charges charges = {0};
	struct fm_charge charge;
	struct fm_private *t;
	struct fm_secret key;
	struct fm_audit audit;

	key_make(&key, byte);
	memset(&square, 0, sizeof square);
	fm_layout_add(&square, SIDE, SIDE, 0, "w");
	OK(fm_audit_toss(&key, "audit/toss", M, in, &err));
	for (uint32_t i = 0; i < M; i++)
		if (in[i])
			canary[l.records++] = i;
	struct fm_private_opts o = {.name = "training",
				    .steps = STEPS,
				    .rate_num = 1,
				    .rate_den = 20,
				    .expected = M / 40.0,
				    .clip = 1,
				    .noise_multiplier = 0.9,
				    .key = &key};
	OK(fm_private_charge(&l, &o, &charge, &err));
	OK(fm_charges_add(&charges, &charge, &err));
	OK(fm_charges_epsilon(&charges, 1e-5, 1, FM_ADD_OR_REMOVE, FM_PLD, claimed, &err));
	OK(fm_private_new(&t, &l, &o, &err));
	for (uint32_t step = 0; step < STEPS; step++) {
		OK(fm_private_mean(t, NULL, step, mean, &err));
		for (size_t i = 0; i < M; i++)
			score[i] += (double)mean[i];
	}
	fm_audit_choices(M, choice);
	struct fm_canaries c = {.score = score, .in = in, .m = M};
	OK(fm_audit_bound(&c, (const size_t(*)[2])choice, FM_AUDIT_CHOICES, 1e-5, 0.05, &audit, &err));
	fm_private_free(t);
	fm_charges_free(&charges);
	fm_secret_close(&key);
	return audit.epsilon;
}

static void training_of_an_honest_build_keeps_its_claim(void **state)
{
	double claimed = 0, most = 0;

	(void)state;
	broken = HONEST;
	for (int s = 0; s < seeds(2); s++) {
		double e = training_refutes(s + 1, &claimed);

		most = fmax(most, e);
		assert_true(e <= claimed);
	}
	print_message("honest training, %d audits: epsilon at least %.3f; %.3f is claimed\n", seeds(2), most, claimed);
	assert_true(most > 0.2);
}

static void training_of_a_broken_build_is_refuted(void **state)
{
	static const struct {
		enum breaks how;
		const char *words;
	} build[] = {{NOISE_OFF, "noise off"}, {CLIP_IGNORED, "clip ignored"}, {NO_POISSON, "no Poisson sampling"}};

	(void)state;
	for (size_t i = 0; i < sizeof build / sizeof *build; i++) {
		double claimed = 0, least = (double)INFINITY;

		broken = build[i].how;
		for (int s = 0; s < seeds(1); s++)
			least = fmin(least, training_refutes(s + 1, &claimed));
		print_message("%s, %d audits: epsilon at least %.3f in each; %.3f is claimed\n", build[i].words,
			      seeds(1), least, claimed);
		assert_true(least > claimed);
	}
	broken = HONEST;
}

static int setup(void **state)
{
	(void)state;
	fm_log_quiet(1);
	return scratch_make();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_of_an_honest_build_keep_their_claim),
	    cmocka_unit_test(counts_of_a_broken_build_are_refuted),
	    cmocka_unit_test(windows_are_audited_whole),
	    cmocka_unit_test(flows_are_audited_by_exchanges_that_are_others),
	    cmocka_unit_test(a_refuted_claim_is_not_released),
	    cmocka_unit_test(training_of_an_honest_build_keeps_its_claim),
	    cmocka_unit_test(training_of_a_broken_build_is_refuted),
	};

	return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
