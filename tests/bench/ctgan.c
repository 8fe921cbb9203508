/*
 * ctgan.c - how long CTGAN takes to learn a trace, for tests/bench_peers.sh.
 *
 *     ctgan FILE DIALECT plain|bits EPOCHS [THREADS [OUT [SEED]]]      THREADS: 2, SEED: 1
 *     {"rows": N, "row": NUMBERS, "cond": NUMBERS, "steps": N, "fit": [WALL, CPU], "train": [WALL, CPU], ...}
 *
 * With OUT as many flows are made and written there, as a trace of the dialect.  fit: the mixtures, and the rows in
 * their terms; train: EPOCHS passes with the keys' defaults.  Seconds of the clock and of the processor, all threads
 * together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "model/ctgan/trainer.h"
#include "model/rows/addresses.h"
#include "traces/trace.h"

enum { NOISE = 128, HIDDEN = 256, BATCH = 500, MIN_COUNT = 20 };

struct span {
	double wall, cpu;
};

static struct span now(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (struct span){fm_seconds(), (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
					       1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec)};
}

static int make(const struct fm_gan *n, const struct fm_gan_codec *c, const float *p, const struct fm_dialect *d,
		struct fm_pool *pool, const char *out, struct fm_error *err)
{
	static const struct fm_range outside = {0x60000000, 4}, inside = {0x0a000000, 8};
	struct fm_gan_sample_opts o = {.rows = c->flows.rows, .seed = 1, .batch = BATCH, .pool = pool};
	struct fm_table *t = NULL;
	int rc;

	if ((rc = fm_gan_sample(&t, n, c, p, &o, err)) < 0 ||
	    (rc = fm_row_addresses(c->flows.inside, t, &(struct fm_range_list){&outside, 1},
				   &(struct fm_range_list){&inside, 1}, 1, err)) < 0 ||
	    (rc = fm_row_sort(t, err)) < 0)
		goto out;
	rc = fm_trace_write(t, d, out, err);
out:
	fm_table_free(t);
	return rc;
}

struct asked {
	const char *path, *dialect, *out;
	bool bits;
	double epochs;
	int threads;
	uint64_t seed;
};

static int bench(const struct asked *a, struct fm_error *err)
{
	struct fm_gan_codec_opts codec = {.bits = a->bits, .min_count = MIN_COUNT, .k = MIN_COUNT, .seed = 1};
	struct fm_gan_train_opts train = {
	    .loop = {.seed = a->seed}, .batch = BATCH, .rate = 2e-4, .weight_decay = 1e-6};
	struct fm_trace_opts o = {.path = a->path, .member = ""};
	struct fm_gan_train_result result;
	struct fm_gan_rows rows = {0};
	struct fm_gan_codec *c = NULL;
	struct fm_dialect *d = NULL;
	struct fm_trace_stats stats;
	struct fm_table *t = NULL;
	struct fm_gan net;
	struct rusage use;
	struct span at[3];
	float *p = NULL;
	int rc;

	if ((rc = fm_dialect_load(&d, a->dialect, err)) < 0)
		return rc;
	o.dialect = d;
	if ((rc = fm_trace_load(&t, &o, 0.01, &stats, err)) < 0 || (rc = fm_pool_new(&codec.pool, a->threads, err)) < 0)
		goto out;
	at[0] = now();
	if ((rc = fm_gan_codec_fit(&c, &rows, t, &codec, err)) < 0)
		goto out;
	at[1] = now();
	fm_gan_init(&net, &(struct fm_gan_shape){NOISE, HIDDEN, c->row, c->cond, c->group, c->ngroups});
	train.pool = codec.pool;
	train.loop.steps = (int)(a->epochs * (double)(rows.n / BATCH));
	if (!(p = calloc(net.generator.nfloats + net.critic.nfloats, sizeof *p))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for weights");
		goto out;
	}
	if ((rc = fm_gan_train(&net, c, &rows, &train, p, &result, err)) < 0)
		goto out;
	at[2] = now();
	getrusage(RUSAGE_SELF, &use);
	printf("{\"rows\": %zu, \"row\": %d, \"cond\": %d, \"steps\": %d, \"critic\": %.4f, \"kib\": %ld, ", rows.n,
	       c->row, c->cond, result.steps, result.critic, use.ru_maxrss);
	printf("\"fit\": [%.3f, %.3f], \"train\": [%.3f, %.3f]}\n", at[1].wall - at[0].wall, at[1].cpu - at[0].cpu,
	       at[2].wall - at[1].wall, at[2].cpu - at[1].cpu);
	fflush(stdout);
	rc = a->out ? make(&net, c, p, d, codec.pool, a->out, err) : FM_OK;
out:
	free(p);
	fm_gan_rows_free(&rows);
	fm_gan_codec_free(c);
	fm_pool_free(codec.pool);
	fm_table_free(t);
	fm_dialect_free(d);
	return rc;
}

int main(int argc, char **argv)
{
	struct fm_error err = {0};
	int rc;

	if (argc < 5 || argc > 8) {
		fprintf(stderr, "usage: ctgan FILE DIALECT plain|bits EPOCHS [THREADS [OUT [SEED]]]\n");
		return 2;
	}
	rc = bench(&(struct asked){.path = argv[1],
				   .dialect = argv[2],
				   .bits = strcmp(argv[3], "bits") == 0,
				   .epochs = atof(argv[4]),
				   .threads = argc > 5 ? atoi(argv[5]) : 2,
				   .out = argc > 6 ? argv[6] : NULL,
				   .seed = argc > 7 ? strtoull(argv[7], NULL, 10) : 1},
		   &err);
	if (rc < 0)
		fprintf(stderr, "ctgan: %s\n", err.message);
	return fm_exit_status(rc);
}
