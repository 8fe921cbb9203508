/*
 * make_model.c TRACE OUT.csv MODEL [KEY=VALUE ...] - flows of a model in privacy.mode dp that learned all of a trace,
 * through the seam (model/generator.h) and the config of preset ugr16-dp, for docs/dp-training.md.  The folder MODEL is
 * read when it is there, else written.  Under a known key: for measuring alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "manifests/dialect.h"
#include "model/generator.h"
#include "privacy/charge.h"
#include "traces/trace.h"

#define MODEL_SEED 1

static void die(const struct fm_error *err)
{
	fprintf(stderr, "model: %s\n", err->message);
	exit(fm_exit_status(err->code));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The trace as ingest leaves it: addresses by their dictionary, which says who is inside. */
static struct fm_table *flows_of(const char *path, const struct fm_dialect *dialect, const char *dir)
{
	struct fm_trace_opts o = {.path = path, .dialect = dialect, .missing = FM_MISSING_ZERO};
	struct fm_trace_stats stats;
	struct fm_table *t, *stored = NULL;
	struct fm_error err;
	uint8_t *inside;

	if (fm_trace_load(&t, &o, 0.01, &stats, &err) < 0 || fm_table_save(t, dir, &err) < 0 ||
	    fm_table_open(&stored, dir, &err) < 0 || fm_alloc(&inside, stored->addresses->n, 1, "addresses", &err) < 0)
		die(&err);
	fm_table_free(t);
	for (size_t i = 0; i < stored->addresses->n; i++)
		inside[i] = fm_dialect_is_internal(dialect, &stored->addresses->at[i]);
	stored->addresses->inside = inside;
	return stored;
}

int main(int argc, char **argv)
{
	struct fm_generator_ctx ctx = {0};
	struct fm_real_flows real = {0};
	struct fm_sample_in in = {.seed = MODEL_SEED};
	struct fm_dialect *dialect;
	struct fm_secret key;
	struct fm_fit_result fit;
	struct fm_model *model;
	struct fm_config *cfg = NULL;
	struct fm_table *made;
	struct fm_error err;
	double began, fitted, epsilon = 0;
	char dir[] = "/tmp/make-model-XXXXXX";

	if (argc < 4) {
		fprintf(stderr, "usage: make_model TRACE OUT.csv MODEL [KEY=VALUE ...]\n");
		return 2;
	}
	if (!mkdtemp(dir) || fm_config_preset(&cfg, "ugr16-dp", (const char *const *)argv + 4, argc - 4, &err) < 0 ||
	    fm_dialect_load(&dialect, cfg->source.dialect, &err) < 0 || fm_secret_new(&key, 32, &err) < 0 ||
	    fm_pool_new(&ctx.pool, cfg->train.threads, &err) < 0)
		die(&err);
	memset(key.data, 1, key.len);
	real.train = flows_of(argv[1], dialect, dir);
	ctx.cfg = cfg;
	ctx.secret = &key;
	in.rows = cfg->generate.rows > 0 ? (uint64_t)cfg->generate.rows : real.train->rows;
	began = now();
	if (mkdir(argv[3], 0755) < 0) {
		if (fm_model_load(&model, &ctx, argv[3], &err) < 0)
			die(&err);
	} else if (fm_generator_fit(&model, &ctx, &real, &fit, &err) < 0 ||
		   fm_model_save(model, &ctx, argv[3], &err) < 0 ||
		   fm_charges_epsilon(fm_model_charges(model), cfg->privacy.delta, fm_config_group(cfg),
				      fm_config_unit_flow(cfg) ? FM_REPLACE_ONE : FM_ADD_OR_REMOVE, FM_PLD, &epsilon,
				      &err) < 0) {
		die(&err);
	}
	fitted = now();
	if (fm_model_sample(model, &ctx, &in, &made, &err) < 0 || fm_trace_write(made, dialect, argv[2], &err) < 0)
		die(&err);
	fprintf(stderr,
		"epsilon %.4f (0: of a model that was there); fit %.0f s, sample and write %.1f s of processor time\n",
		epsilon, fitted - began, now() - fitted);
	return 0;
}
