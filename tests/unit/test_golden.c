/*
 * test_golden.c - the flows that a model makes are the same bytes today and next year: on any number of threads, with
 * the kernels for any processor, from any compiler at any level (make check-repro builds this test in several ways).
 *
 *     test_golden update     write tests/golden/generate.txt again; the commit that does so says why flows changed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/log.h"
#include "stages/stage.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tiny_model.h"

#define GOLDEN "tests/golden/generate.txt"

static const struct {
	const char *name;
	const char *set[8]; /* overrides of the config, up to NULL */
} cases[] = {
    {"transformer-fewstep", {NULL}},
    {"transformer-linear", {"model.schedule=linear", "generate.steps=3", "generate.seed=9", NULL}},
    {"transformer-ancestral", {"model.steps=12", "generate.sampler=ancestral", NULL}},
    {"transformer-wishes",
     {"generate.labels={scan11: 0.4, background: 0.6}", "generate.hours=[6, 20]", "generate.guidance=2", NULL}},
    {"transformer-many-rows", {"generate.rows=7000", "generate.steps=2", NULL}},
    {"unet-fewstep", {"model.denoiser=unet", NULL}},
    {"mlp-fewstep", {"model.denoiser=mlp", NULL}},
    {"multinomial-noise", {"model.process=multinomial", "model.prediction=noise", "generate.steps=9", NULL}},
    {"multinomial-ancestral", {"model.process=multinomial", "model.steps=40", "generate.sampler=ancestral", NULL}},
    {"confidence-dpm2", {"generate.order=confidence", "generate.sampler=dpm2", "generate.steps=20", NULL}},
};
enum { NCASES = sizeof cases / sizeof *cases };

/* The digest of the flows that case i makes with so many threads, as CSV: what a table folder looks like may change. */
static void digest(int i, const char *threads, char hex[FM_SHA256_HEX])
{
	const char *set[10] = {threads};
	struct fm_config *cfg;
	struct fm_error err = {0};
	struct fm_generate_out out;
	struct fm_table *t = NULL;
	struct fm_dialect *ugr16 = NULL;
	char *model = strdup(scratch_path("model")), *made = strdup(scratch_path("made")),
	     *csv = strdup(scratch_path("made.csv"));
	int n = 1;
	for (; cases[i].set[n - 1]; n++)
		set[n] = cases[i].set[n - 1];
	if (scratch_remove() != 0 || mkdir(scratch, 0700) != 0 || mkdir(model, 0700) != 0 || mkdir(made, 0700) != 0)
		fail_msg("%s cannot be emptied", scratch);
	struct fm_generate_in in = {.model_dir = model, .out_dir = made};
	if (tiny_config(&cfg, set, n, &err) != FM_OK || tiny_model(model, in.cfg = cfg, 5, &err) != FM_OK ||
	    fm_stage_generate(&in, &out, &err) != FM_OK || fm_table_open(&t, made, &err) != FM_OK ||
	    fm_dialect_load(&ugr16, "ugr16", &err) != FM_OK || fm_trace_write(t, ugr16, csv, &err) != FM_OK ||
	    fm_sha256_file_hex(csv, hex, &err) != FM_OK)
		fail_msg("%s: %s", cases[i].name, err.message);
	fm_table_free(t);
	fm_dialect_free(ugr16);
	free(csv);
	fm_config_free(cfg);
	free(model);
	free(made);
}

static void golden(const char *name, char hex[FM_SHA256_HEX])
{
	struct fm_buf b = {0};
	struct fm_error err = {0};
	char line[96];
	const char *at;
	if (fm_file_read(GOLDEN, 1 << 16, &b, &err) != FM_OK)
		fail_msg("%s", err.message);
	snprintf(line, sizeof line, "%s ", name);
	at = strstr(b.data, line);
	if (!at || strlen(at) < strlen(line) + 64)
		fail_msg("%s has no line for %s", GOLDEN, name);
	else
		snprintf(hex, FM_SHA256_HEX, "%.64s", at + strlen(line));
	fm_buf_free(&b);
}

static void flows_are_the_golden_ones(void **state)
{
	char want[FM_SHA256_HEX], got[FM_SHA256_HEX];
	(void)state;
	for (int i = 0; i < NCASES; i++) {
		golden(cases[i].name, want);
		digest(i, "train.threads=2", got);
		if (strcmp(want, got) != 0)
			fail_msg("%s made %s, and %s says %s", cases[i].name, got, GOLDEN, want);
	}
}

static void threads_change_no_byte(void **state)
{
	static const char *const threads[] = {"train.threads=1", "train.threads=7"};
	char want[FM_SHA256_HEX], got[FM_SHA256_HEX];
	(void)state;
	for (int i = 0; i < NCASES; i++)
		for (int t = 0; t < 2; t++) {
			golden(cases[i].name, want);
			digest(i, threads[t], got);
			if (strcmp(want, got) != 0)
				fail_msg("%s with %s made %s, not %s", cases[i].name, threads[t], got, want);
		}
}

static void kernels_change_no_byte(void **state)
{
	static const char *const kernels[] = {"v4", "v3", "v1"};
	char want[FM_SHA256_HEX], got[FM_SHA256_HEX];
	const char *before = getenv("FM_KERNELS");
	char *saved = before ? strdup(before) : NULL;
	(void)state;
	for (int k = 0; k < 3; k++) {
		setenv("FM_KERNELS", kernels[k], 1);
		if (strcmp(fm_kernels()->name, kernels[k]) != 0) {
			print_message("kernels %s: not for this processor\n", kernels[k]);
			continue;
		}
		for (int i = 0; i < NCASES; i++) {
			if (k == 2 && strcmp(cases[i].name, "transformer-many-rows") == 0)
				continue; /* v1 calculates fma in software */
			golden(cases[i].name, want);
			digest(i, "train.threads=2", got);
			if (strcmp(want, got) != 0)
				fail_msg("%s with the kernels %s made %s, not %s", cases[i].name, kernels[k], got,
					 want);
		}
	}
	if (saved)
		setenv("FM_KERNELS", saved, 1);
	else
		unsetenv("FM_KERNELS");
	free(saved);
}

/* Or the file would say nothing. */
static void every_case_makes_other_flows(void **state)
{
	char a[FM_SHA256_HEX], b[FM_SHA256_HEX];
	(void)state;
	for (int i = 0; i < NCASES; i++)
		for (int k = 0; k < i; k++) {
			golden(cases[i].name, a);
			golden(cases[k].name, b);
			assert_string_not_equal(a, b);
		}
}

static int setup(void **state)
{
	(void)state;
	fm_log_quiet(1);
	return scratch_make();
}

static int update(void)
{
	struct fm_buf b = {0};
	struct fm_error err = {0};
	char hex[FM_SHA256_HEX];
	fm_log_quiet(1);
	if (scratch_make() < 0)
		return 4;
	for (int i = 0; i < NCASES; i++) {
		digest(i, "train.threads=2", hex);
		fm_buf_printf(&b, "%s %s\n", cases[i].name, hex);
	}
	int ret = fm_file_write(GOLDEN, 0644, b.data, b.len, &err);
	fm_buf_free(&b);
	return scratch_remove() == 0 && ret == FM_OK ? 0 : 4;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flows_are_the_golden_ones),
	    cmocka_unit_test(threads_change_no_byte),
	    cmocka_unit_test(kernels_change_no_byte),
	    cmocka_unit_test(every_case_makes_other_flows),
	};
	if (argc > 1 && strcmp(argv[1], "update") == 0)
		return update();
	return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
