/*
 * make_ctgan_steps.c - the first steps of CTGAN's training with all that is random in them, for
 * tests/ctgan_steps_peer.py.
 *
 *     make_ctgan_steps FILE DIALECT plain|bits STEPS DIR
 *
 * Into DIR: shape.json (groups of a row, numbers of a condition) and steps.bin, 32-bit floats one behind the other: the
 * first weights of both networks; of each step what the critic's half draws (z, Gumbel noise, conditions, real rows,
 * their conditions, the masks of three passes, the share of each pack), the critic's weights after it and its losses;
 * what the generator's half draws (z, Gumbel noise, conditions, masks), the generator's weights after it and its loss.
 */
#include <stdio.h>
#include <string.h>

#include "model/ctgan/trainer.c"
#include "traces/trace.h"

enum { NOISE_WIDTH = 128, HIDDEN = 256, BATCH = 500, MIN_COUNT = 20, PACKS = BATCH / FM_GAN_PACK };

static void put(FILE *f, const float *x, size_t n)
{
	if (fwrite(x, sizeof *x, n, f) != n) {
		perror("make_ctgan_steps");
		exit(1);
	}
}

static void put_masks(struct trainer *t, FILE *f, int pass)
{
	const float *drop[FM_GAN_LAYERS];

	masks_draw(t, pass, drop);
	put(f, t->mask, FM_GAN_LAYERS * PACKS * (size_t)HIDDEN);
}

/* Shares as mix has them: of numbers that are 0 in made and 1 in real. */
static void put_shares(struct trainer *t, FILE *f)
{
	float made[BATCH] = {0}, real[BATCH], mixed[BATCH];

	for (int i = 0; i < BATCH; i++)
		real[i] = 1;
	mix(t, made, real, mixed, 1);
	for (int i = 0; i < PACKS; i++)
		put(f, mixed + (size_t)i * FM_GAN_PACK, 1);
}

static void one_step(struct trainer *t, FILE *f)
{
	const struct fm_gan *n = t->n;
	size_t row = BATCH * (size_t)t->c->row, cond = BATCH * (size_t)t->c->cond, noise = BATCH * (size_t)NOISE_WIDTH;
	double penalty, critic, generator;
	float losses[2];

	t->loop.at.b1 *= BETA1;
	t->loop.at.b2 *= BETA2;
	critic = critic_step(t, &penalty);
	put(f, t->z, noise);
	put(f, t->gumbel, row);
	put(f, t->cond, cond);
	put(f, t->real, row);
	put(f, t->cond_real, cond);
	for (int pass = OF_MADE; pass <= OF_MIXED; pass++)
		put_masks(t, f, pass);
	put_shares(t, f);
	put(f, t->a.w + n->generator.nfloats, n->critic.nfloats);
	losses[0] = (float)critic;
	losses[1] = (float)penalty;
	put(f, losses, 2);

	generator = generator_step(t);
	put(f, t->z, noise);
	put(f, t->gumbel, row);
	put(f, t->cond, cond);
	put_masks(t, f, OF_GENERATOR);
	put(f, t->a.w, n->generator.nfloats);
	losses[0] = (float)generator;
	put(f, losses, 1);
	t->loop.at.step++;
}

static void put_shape(const struct fm_gan_codec *c, const struct fm_gan *n, FILE *f)
{
	fprintf(f, "{\"row\": %d, \"cond\": %d, \"noise\": %d, \"hidden\": %d, \"batch\": %d, \"generator\": %zu, ",
		c->row, c->cond, NOISE_WIDTH, HIDDEN, BATCH, n->generator.nfloats);
	fprintf(f, "\"critic\": %zu, \"columns\": [", n->critic.nfloats);
	for (int i = 0; i < c->flows.n; i++)
		fprintf(f, "%s[%d, %d]", i ? ", " : "", c->column[i].cond, c->column[i].n);
	fprintf(f, "], \"tensors\": {");
	for (int both = 0; both < 2; both++) {
		const struct fm_layout *l = both ? &n->critic : &n->generator;

		for (int i = 0; i < l->n; i++)
			fprintf(f, "%s\"%s\": [%zu, %d, %d]", both || i ? ", " : "", l->tensor[i].name, l->tensor[i].at,
				l->tensor[i].rows, l->tensor[i].cols);
	}
	fprintf(f, "}}\n");
}

static int steps(struct fm_table *table, bool bits, int count, const char *dir, struct fm_error *err)
{
	struct fm_gan_codec_opts codec = {.bits = bits, .min_count = MIN_COUNT, .k = MIN_COUNT, .seed = 1};
	struct fm_gan_train_opts o = {
	    .loop = {.seed = 1, .steps = count}, .batch = BATCH, .rate = 2e-4, .weight_decay = 1e-6};
	struct trainer t = {.o = &o};
	struct fm_gan_rows rows;
	struct fm_gan_codec *c;
	struct fm_gan net;
	char path[4096];
	FILE *f;
	int rc;

	if ((rc = fm_pool_new(&codec.pool, 1, err)) < 0 || (rc = fm_gan_codec_fit(&c, &rows, table, &codec, err)) < 0)
		return rc;
	fm_gan_init(&net, &(struct fm_gan_shape){NOISE_WIDTH, HIDDEN, c->row, c->cond, c->group, c->ngroups});
	o.pool = codec.pool;
	t.n = &net;
	t.c = c;
	t.rows = &rows;
	t.a.w = calloc(net.generator.nfloats + net.critic.nfloats, sizeof(float));
	if (!t.a.w || (rc = trainer_init(&t, err)) < 0)
		return rc;
	t.loop = (struct fm_loop){.o = &o.loop, .layout = &t.both, .a = &t.a, .flows = BATCH};
	if ((rc = fm_loop_begin(&t.loop, err)) < 0)
		return rc;
	snprintf(path, sizeof path, "%s/shape.json", dir);
	if (!(f = fopen(path, "w")))
		return fm_fail(err, FM_ESYSTEM, "cannot write %s", path);
	put_shape(c, &net, f);
	fclose(f);
	snprintf(path, sizeof path, "%s/steps.bin", dir);
	if (!(f = fopen(path, "wb")))
		return fm_fail(err, FM_ESYSTEM, "cannot write %s", path);
	put(f, t.a.w, net.generator.nfloats + net.critic.nfloats);
	for (int i = 0; i < count; i++)
		one_step(&t, f);
	if (fclose(f) != 0)
		return fm_fail(err, FM_ESYSTEM, "cannot write %s", path);
	trainer_close(&t);
	free(t.a.w);
	fm_gan_rows_free(&rows);
	fm_gan_codec_free(c);
	fm_pool_free(codec.pool);
	return FM_OK;
}

int main(int argc, char **argv)
{
	struct fm_trace_opts o = {.path = argc == 6 ? argv[1] : "", .member = ""};
	struct fm_error err = {0};
	struct fm_dialect *d;
	struct fm_trace_stats stats;
	struct fm_table *t;
	int rc;

	if (argc != 6) {
		fprintf(stderr, "usage: make_ctgan_steps FILE DIALECT plain|bits STEPS DIR\n");
		return 2;
	}
	if ((rc = fm_dialect_load(&d, argv[2], &err)) < 0)
		goto out;
	o.dialect = d;
	if ((rc = fm_trace_load(&t, &o, 0.01, &stats, &err)) < 0)
		goto out;
	rc = steps(t, strcmp(argv[3], "bits") == 0, atoi(argv[4]), argv[5], &err);
	fm_table_free(t);
	fm_dialect_free(d);
out:
	if (rc < 0)
		fprintf(stderr, "make_ctgan_steps: %s\n", err.message);
	return fm_exit_status(rc);
}
