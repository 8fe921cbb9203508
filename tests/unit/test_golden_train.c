/*
 * test_golden_train.c - a short training gives the same weights today and next year: on any number of threads, with the
 * kernels for any processor, from any compiler at any level.  Nothing between a flow and a weight is libm's or BLAS's.
 *
 *     test_golden_train update     write tests/golden/train.txt again; the commit that does so says why weights changed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/log.h"
#include "tests/unit/generator_fixture.h"
#include "tests/unit/scratch.h"

#define GOLDEN "tests/golden/train.txt"

static const struct {
	const char *name;
	const char *set[8]; /* overrides of the config, up to NULL */
} cases[] = {
    {"transformer", {NULL}},
    {"transformer-longer", {"train.steps=60", "train.batch=16", "train.seed=3", "train.clip=0.5", NULL}},
    {"transformer-offsets", {"train.steps=100", "train.batch=64", NULL}}, /* windows are seen from several places */
    {"unet-multinomial", {"model.denoiser=unet", "model.process=multinomial", NULL}},
    {"mlp-noise", {"model.denoiser=mlp", "model.prediction=noise", "model.schedule=linear", "train.ema=0", NULL}},
};
enum { NCASES = sizeof cases / sizeof *cases };

/* The digest of the weights that case i learns with so many threads. */
static void digest(int i, const char *threads, char hex[FM_SHA256_HEX])
{
	const char *set[10] = {threads};
	struct world w;
	struct fm_error err = {0};
	char *dir = strdup(scratch_path("model")), *weights = strdup(scratch_path("model/weights.safetensors"));

	for (int n = 0; cases[i].set[n]; n++)
		set[n + 1] = cases[i].set[n];
	if (scratch_remove() != 0 || mkdir(scratch, 0700) != 0 || mkdir(dir, 0700) != 0)
		fail_msg("%s cannot be emptied", scratch);
	world_make(&w, "diffusion", set);
	OK(fm_model_save(w.model, &w.ctx, dir, &err));
	OK(fm_sha256_file_hex(weights, hex, &err));
	world_free(&w);
	free(dir);
	free(weights);
}

static void golden(const char *name, char hex[FM_SHA256_HEX])
{
	struct fm_buf b = {0};
	struct fm_error err = {0};
	char line[96];
	const char *at;

	OK(fm_file_read(GOLDEN, 1 << 16, &b, &err));
	snprintf(line, sizeof line, "\n%s ", name);
	at = strstr(b.data, line);
	if (!at || strlen(at) < strlen(line) + 64)
		fail_msg("%s has no line for %s", GOLDEN, name);
	else
		snprintf(hex, FM_SHA256_HEX, "%.64s", at + strlen(line));
	fm_buf_free(&b);
}

static void same_as_golden(int i, const char *threads, const char *how)
{
	char want[FM_SHA256_HEX], got[FM_SHA256_HEX];

	golden(cases[i].name, want);
	digest(i, threads, got);
	if (strcmp(want, got) != 0)
		fail_msg("%s with %s learned %s, and %s says %s", cases[i].name, how, got, GOLDEN, want);
}

static void threads_change_no_weight(void **state)
{
	static const char *const threads[] = {"train.threads=1", "train.threads=2", "train.threads=7"};

	(void)state;
	for (int i = 0; i < NCASES; i++)
		for (int t = 0; t < 3; t++)
			same_as_golden(i, threads[t], threads[t]);
}

static void kernels_change_no_weight(void **state)
{
	static const char *const kernels[] = {"v4", "v3", "v1"};
	const char *before = getenv("FM_KERNELS");
	char *saved = before ? strdup(before) : NULL;

	(void)state;
	for (int k = 0; k < 3; k++) {
		setenv("FM_KERNELS", kernels[k], 1);
		if (strcmp(fm_kernels()->name, kernels[k]) != 0) {
			print_message("kernels %s: not for this processor\n", kernels[k]);
			continue;
		}
		for (int i = 0; i < NCASES; i++)
			if (k < 2 || strcmp(cases[i].name, "mlp-noise") == 0) /* v1 calculates fma in software */
				same_as_golden(i, "train.threads=2", kernels[k]);
	}
	if (saved)
		setenv("FM_KERNELS", saved, 1);
	else
		unsetenv("FM_KERNELS");
	free(saved);
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

	if (setup(NULL) < 0)
		return 4;
	fm_buf_puts(&b, "# SHA-256 of the weights that short trainings end with (tests/unit/test_golden_train.c)\n");
	for (int i = 0; i < NCASES; i++) {
		digest(i, "train.threads=2", hex);
		fm_buf_printf(&b, "%s %s\n", cases[i].name, hex);
	}
	int rc = fm_file_write(GOLDEN, 0644, b.data, b.len, &err);
	fm_buf_free(&b);
	return scratch_remove() == 0 && rc == FM_OK ? 0 : 4;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threads_change_no_weight),
	    cmocka_unit_test(kernels_change_no_weight),
	};
	if (argc > 1 && strcmp(argv[1], "update") == 0)
		return update();
	return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
