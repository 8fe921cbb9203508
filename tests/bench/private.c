/*
 * private.c - what a step of DP-SGD costs beside a plain step over the same windows, noises and times.
 *
 *     private SHAPE plain|private|both [THREADS [SECONDS]]
 *
 *     transformer   windows of 64 flows, width 128, 4 layers; 16 records of 8 draws
 *     large         the same, 128 records of 8 draws
 *     single        the same, 128 records of one draw
 *     unet          windows of 64 flows, width 64, 3 levels; 32 records of 8 draws
 *     mlp           windows of 2 flows, width 128, 2 blocks; 256 records of 8 draws
 *
 * Both update the weights by AdamW with EMA.  "both" takes steps of either in turn and prints the ratio of their
 * medians; "plain" and "private" are for the greatest memory of a process that does nothing else.  SECONDS 0: one step,
 * for valgrind --tool=callgrind --toggle-collect=plain_step (or private_step), which counts its instructions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/codec/relations.h"
#include "model/diffusion/private_trainer.h"
#include "model/diffusion/trainer.h"
#include "model/nn/optimiser.h"

enum { WINDOWS = 2048, MAXSTEPS = 10000 };

static const struct shape {
	const char *name, *denoiser;
	int window, width, depth, records, draws;
} shapes[] = {
    {"transformer", "transformer", 64, 128, 4, 16, 8},
    {"large", "transformer", 64, 128, 4, 128, 8},
    {"single", "transformer", 64, 128, 4, 128, 1},
    {"unet", "unet", 64, 64, 3, 32, 8},
    {"mlp", "mlp", 2, 128, 2, 256, 8},
};

struct run {
	const struct shape *shape;
	struct fm_net *net;
	struct fm_process pr;
	struct fm_encoded data;
	struct fm_pool *pool;
	struct fm_optimiser *optimiser;
	struct fm_train_arrays now;
	uint32_t *window; /* (records * draws), and of the records */
	/* plain */
	struct fm_batcher *batcher;
	struct fm_parts *parts;
	/* private */
	struct fm_batcher *passes;
	struct fm_window_records records;
	struct fm_learner learner;
	struct fm_private_opts o;
	struct fm_private *private;
	struct fm_secret key;
	float *mean;
};

static struct fm_error err;

static void must(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "private: %s\n", err.message);
	exit(4);
}

static void *get(size_t n, size_t size)
{
	void *p = NULL;

	must(fm_alloc(&p, n, size, "the benchmark", &err));
	return p;
}

/* Random windows. */
static void make_data(struct run *r, const int vocab[FM_NTOK])
{
	size_t flows = (size_t)WINDOWS * (size_t)r->shape->window;
	struct fm_rng rng;

	fm_rng_init(&rng, 3, FM_RNG_JUDGE, 0, 0);
	r->data.windows = WINDOWS;
	r->data.tok = get(flows * FM_NTOK, sizeof *r->data.tok);
	r->data.res = get(flows * FM_NRES, sizeof *r->data.res);
	r->data.slot = get(WINDOWS, 1);
	r->data.span = get(WINDOWS, 1);
	r->data.cls = get(WINDOWS, 1);
	for (size_t i = 0; i < flows; i++) {
		for (int c = 0; c < FM_NTOK; c++)
			r->data.tok[i * FM_NTOK + c] = (uint16_t)fm_rng_below(&rng, (uint32_t)vocab[c]);
		r->data.tok[i * FM_NTOK + FM_T_REL] = 0;
		for (int k = 0; k < FM_NRES; k++)
			r->data.res[i * FM_NRES + k] = fm_rng_normal(&rng);
	}
}

static void open_run(struct run *r, const struct shape *s, int threads)
{
	/* Vocabularies like those of a codec of a million flows. */
	const int vocab[FM_NTOK] = {
	    FM_ROLE_TOKENS, FM_REL_TOKENS(s->window), 24, 3, 4, 3, 200, 200, 120, 120, 20, 2, 8, 60, 90, 90};
	struct fm_arch a = {s->window, s->width, s->depth, 4, 4 * s->width};

	r->shape = s;
	must(fm_net_new(&r->net, s->denoiser, &a, vocab, 0, &err));
	must(fm_process_init(&r->pr, 1000, "cosine", &err));
	must(fm_pool_new(&r->pool, threads, &err));
	make_data(r, vocab);
	size_t n = r->net->layout.nfloats;
	r->now = (struct fm_train_arrays){get(n, 4), get(n, 4), get(n, 4), get(n, 4), NULL};
	fm_layout_init(&r->net->layout, r->now.w, 1);
	must(fm_optimiser_new(&r->optimiser, n, r->pool, &err));
	r->window = get((size_t)s->records * (size_t)(s->draws + 1), sizeof *r->window);
}

static void open_plain(struct run *r)
{
	must(fm_batcher_new(&r->batcher, r->net, &r->pr, r->pool, &err));
	must(fm_parts_new(&r->parts, r->net->layout.nfloats, fm_parts_of(r->shape->records * r->shape->draws), r->pool,
			  NULL, &err));
}

static void open_private(struct run *r)
{
	int most = fm_windows_a_pass(r->shape->window, r->shape->draws);

	must(fm_batcher_new_of(&r->passes, r->net, &r->pr, r->pool, most, &err));
	must(fm_secret_random(&r->key, FM_STREAM_KEY, &err));
	r->records = (struct fm_window_records){r->passes, &r->data, &r->net->layout, r->shape->draws, most};
	r->learner = fm_learner_of_windows(&r->records);
	r->o = (struct fm_private_opts){.name = "training",
					.steps = MAXSTEPS,
					.rate_num = (uint64_t)r->shape->records,
					.rate_den = WINDOWS,
					.expected = r->shape->records,
					.clip = 0.5,
					.noise_multiplier = 1,
					.key = &r->key,
					.pool = r->pool};
	must(fm_private_new(&r->private, &r->learner, &r->o, &err));
	r->mean = get(r->net->layout.nfloats, sizeof(float));
}

static void update(struct run *r, const float *g)
{
	struct fm_adamw how = {.beta1 = FM_BETA1,
			       .beta2 = FM_BETA2,
			       .beta1_t = 0.5,
			       .beta2_t = 0.5,
			       .rate = 1e-4,
			       .ema_decay = 0.99,
			       .scale = 1};

	fm_optimiser_step(r->optimiser, &r->now, g, &how);
}

__attribute__((noinline)) static void plain_step(struct run *r, int step)
{
	int n = r->shape->records * r->shape->draws;
	struct fm_net_loss loss;
	const float *sum;
	double norm;

	for (int i = 0; i < n; i++)
		r->window[i] = (uint32_t)(i / r->shape->draws * 7 + step) % WINDOWS;
	struct fm_batch batch = {.data = &r->data,
				 .p = r->now.w,
				 .window = r->window,
				 .n = n,
				 .stream = FM_RNG_NOISE,
				 .seed = 1,
				 .step = (uint32_t)step};
	fm_batch_run(r->batcher, &batch, fm_parts_array(r->parts), &loss);
	must(fm_parts_sum(r->parts, (uint64_t)step, &sum, &norm, &err));
	update(r, sum);
}

/* So many records that both steps have the same work; else a step of fm_private_train. */
__attribute__((noinline)) static void private_step(struct run *r, int step)
{
	const int64_t *sum;

	for (int i = 0; i < r->shape->records; i++)
		r->window[i] = (uint32_t)(i * 7 + step) % WINDOWS;
	must(fm_private_sum(r->private, r->now.w, (uint32_t)step, r->window, (size_t)r->shape->records, &sum, &err));
	struct fm_grid_noise noise = {
	    {&r->key, "training/noise", (uint64_t)step}, r->o.noise_multiplier, r->o.expected, r->pool};
	must(fm_grid_noisy_mean(fm_private_grid(r->private), &noise, sum, r->mean, &err));
	update(r, r->mean);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of all threads: what a step costs on a machine that has other work. */
static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double median(double *x, int n)
{
	qsort(x, (size_t)n, sizeof *x, ascending);
	return x[n / 2];
}

int main(int argc, char **argv)
{
	static double took[2][MAXSTEPS], used[2][MAXSTEPS];
	const struct shape *s = NULL;
	struct run r = {0};
	struct rusage usage;
	int threads = argc > 3 ? atoi(argv[3]) : 2, n = 0;
	double seconds = argc > 4 ? atof(argv[4]) : 10;

	for (size_t i = 0; argc > 2 && i < sizeof shapes / sizeof *shapes; i++)
		if (strcmp(argv[1], shapes[i].name) == 0)
			s = &shapes[i];
	if (!s || threads < 1) {
		fprintf(stderr,
			"usage: private transformer|large|single|unet|mlp plain|private|both [THREADS [SECONDS]]\n");
		return 2;
	}
	int plain = strcmp(argv[2], "private") != 0, private = strcmp(argv[2], "plain") != 0;
	open_run(&r, s, threads);
	if (plain)
		open_plain(&r);
	if (private)
		open_private(&r);
	double start = fm_seconds();
	for (; n < (seconds > 0 ? 4 : 1) || (n < MAXSTEPS && fm_seconds() - start < seconds); n++) {
		for (int i = 0; i < 2; i++) {
			double t = fm_seconds(), c = cpu_seconds();
			if (i == 0 && plain)
				plain_step(&r, n);
			if (i == 1 && private)
				private_step(&r, n);
			took[i][n] = fm_seconds() - t;
			used[i][n] = cpu_seconds() - c;
		}
	}
	getrusage(RUSAGE_SELF, &usage);
	double a = median(took[0], n), b = median(took[1], n);
	printf("%s: %zu parameters, %d records of %d draws, %d threads, %d steps:", s->name, r.net->layout.nfloats,
	       s->records, s->draws, threads, n);
	if (plain)
		printf(" plain %.1f ms", 1e3 * a);
	if (private)
		printf(" private %.1f ms", 1e3 * b);
	if (plain && private)
		printf(" ratio of medians %.2f, of processor time %.2f", b / a,
		       median(used[1], n) / median(used[0], n));
	else
		printf(" greatest memory %.1f MB", (double)usage.ru_maxrss / 1024);
	printf("\n");
	return 0;
}
