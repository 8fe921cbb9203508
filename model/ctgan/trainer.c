/* trainer.c - CTGAN's training loop. */
#include "model/ctgan/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/nn/draws.h"

#define BETA1 0.5
#define BETA2 0.9
#define EXPLODED 1e6 /* a loss from which no critic recovers; at best it is about 1 */

/* Uses of random numbers. */
enum { Z_CRITIC = 1, GUMBEL_CRITIC, Z_GENERATOR, GUMBEL_GENERATOR, MIX, CONDITIONS, MASKS };
/* The passes of the critic in a step. */
enum { OF_MADE, OF_REAL, OF_MIXED, OF_GENERATOR, NPASSES };

struct trainer {
	const struct fm_gan_train_opts *o;
	const struct fm_gan *n;
	const struct fm_gan_codec *c;
	const struct fm_gan_rows *rows;
	struct fm_gan_conditions *conditions;
	struct fm_gan_work *work;
	struct fm_layout both;
	struct fm_optimiser *optimiser[2]; /* generator's, critic's */
	struct fm_train_arrays a;
	float *g;                                /* (both) gradients */
	float *z, *gumbel, *made, *real, *mixed; /* (batch, noise), (batch, row)... */
	float *cond, *cond_real, *cond_mixed;    /* (batch, cond) */
	float *d;                                /* (batch, row) */
	float *mask;                             /* (2, packs, hidden) */
	struct fm_gan_condition *chosen;         /* (batch) */
	uint32_t *order;                         /* (batch) */
	int *group, *target;                     /* (batch) */
	struct fm_loop loop;
};

static struct fm_draw_key draws_of(const struct trainer *t)
{
	return (struct fm_draw_key){t->o->pool, t->o->loop.seed, FM_RNG_NOISE, (uint32_t)t->loop.at.step};
}

/* ---- batches ---- */

static void conditions_draw(struct trainer *t, int what)
{
	struct fm_rng r;

	fm_rng_init(&r, t->o->loop.seed, FM_RNG_BATCH, (uint64_t)(CONDITIONS * 2 + what) << 17,
		    (uint32_t)t->loop.at.step);
	for (int i = 0; i < t->o->batch; i++) {
		t->chosen[i] = fm_gan_condition_draw(t->conditions, true, &r);
		fm_gan_condition_vector(t->c, t->chosen[i], t->cond + (size_t)i * (size_t)t->c->cond);
		t->order[i] = (uint32_t)i;
	}
	if (what == 0)
		fm_rng_shuffle(&r, t->order, (size_t)t->o->batch);
	for (int i = 0; what == 0 && i < t->o->batch; i++) {
		struct fm_gan_condition k = t->chosen[t->order[i]];

		fm_gan_vector(t->c, t->rows, fm_gan_condition_row(t->conditions, k, &r),
			      t->real + (size_t)i * (size_t)t->c->row);
		fm_gan_condition_vector(t->c, k, t->cond_real + (size_t)i * (size_t)t->c->cond);
	}
}

static void make(struct trainer *t, int z, int gumbel)
{
	struct fm_draw_key d = draws_of(t);

	fm_draw_normals(&d, z, t->z, t->o->batch, t->n->shape.noise);
	fm_draw_gumbels(&d, gumbel, t->gumbel, t->o->batch, t->n->shape.row);
	fm_gan_generate(t->work, t->a.w, t->z, t->cond, t->gumbel, t->made);
}

static const float *const *masks_draw(struct trainer *t, int pass, const float *drop[FM_GAN_LAYERS])
{
	struct fm_draw_key d = draws_of(t);
	int packs = t->o->batch / FM_GAN_PACK, H = t->n->shape.hidden;

	for (int l = 0; l < FM_GAN_LAYERS; l++) {
		float *m = t->mask + (size_t)l * (size_t)packs * (size_t)H;

		fm_draw_masks(&d, MASKS + pass * FM_GAN_LAYERS + l, m, packs, H);
		drop[l] = m;
	}
	return drop;
}

/* mixed = real + share (made - real), one share for each pack. */
static void mix(const struct trainer *t, const float *made, const float *real, float *mixed, int row)
{
	for (int i = 0; i < t->o->batch; i++) {
		struct fm_rng r;
		float share;

		fm_rng_init(&r, t->o->loop.seed, FM_RNG_NOISE, (uint64_t)MIX << 17 | (uint64_t)(i / FM_GAN_PACK),
			    (uint32_t)t->loop.at.step);
		share = fm_rng_uniform(&r);
		for (size_t j = (size_t)i * (size_t)row; j < (size_t)(i + 1) * (size_t)row; j++)
			mixed[j] = share * real[j] + (1 - share) * made[j];
	}
}

/* ---- steps ---- */

/* Adam with the decay in the gradient, as in the reference.  The weights hold a batch norm's scale less 1, and the
 * whole scale decays. */
static void update(struct trainer *t, int which)
{
	size_t from = which ? t->n->generator.nfloats : 0, n = which ? t->n->critic.nfloats : t->n->generator.nfloats;
	struct fm_train_arrays a = {t->a.w + from, t->a.m + from, t->a.v + from, t->a.ema + from, NULL};
	struct fm_adamw step = {.beta1 = BETA1,
				.beta2 = BETA2,
				.beta1_t = t->loop.at.b1,
				.beta2_t = t->loop.at.b2,
				.rate = t->o->rate,
				.scale = 1};

	fm_kernels()->axpy(t->g + from, (float)t->o->weight_decay, a.w, n);
	for (int l = 0; which == 0 && l < FM_GAN_LAYERS; l++)
		for (int i = 0; i < t->n->shape.hidden; i++)
			t->g[t->n->g[l][FM_GAN_SCALE] + (size_t)i] += (float)t->o->weight_decay;
	fm_optimiser_step(t->optimiser[which], &a, t->g + from, &step);
}

static double critic_step(struct trainer *t, double *penalty)
{
	const float *p = t->a.w + t->n->generator.nfloats, *drop[FM_GAN_LAYERS];
	float *g = t->g + t->n->generator.nfloats;
	double made, real;

	memset(g, 0, sizeof *g * t->n->critic.nfloats);
	conditions_draw(t, 0);
	make(t, Z_CRITIC, GUMBEL_CRITIC);
	made = fm_gan_score(t->work, p, t->made, t->cond, masks_draw(t, OF_MADE, drop));
	fm_gan_score_back(t->work, p, 1, g, NULL);
	real = fm_gan_score(t->work, p, t->real, t->cond_real, masks_draw(t, OF_REAL, drop));
	fm_gan_score_back(t->work, p, -1, g, NULL);
	mix(t, t->made, t->real, t->mixed, t->c->row);
	mix(t, t->cond, t->cond_real, t->cond_mixed, t->c->cond);
	*penalty = fm_gan_penalty(t->work, p, t->mixed, t->cond_mixed, masks_draw(t, OF_MIXED, drop), g);
	update(t, 1);
	return made - real;
}

static double generator_step(struct trainer *t)
{
	const float *p = t->a.w + t->n->generator.nfloats, *drop[FM_GAN_LAYERS];
	struct fm_gan_wanted wanted = {t->group, t->target};
	double score, loss;

	memset(t->g, 0, sizeof *t->g * t->n->generator.nfloats);
	conditions_draw(t, 1);
	for (int i = 0; i < t->o->batch; i++) {
		t->group[i] = t->chosen[i].column < 0 ? -1 : t->c->group_of[t->chosen[i].column];
		t->target[i] = t->chosen[i].value;
	}
	make(t, Z_GENERATOR, GUMBEL_GENERATOR);
	score = fm_gan_score(t->work, p, t->made, t->cond, masks_draw(t, OF_GENERATOR, drop));
	fm_gan_score_back(t->work, p, -1, NULL, t->d);
	loss = fm_gan_generate_back(t->work, t->a.w, t->made, &wanted, t->d, t->g);
	update(t, 0);
	return loss - score;
}

/* Warn where the generator has collapsed (trainer.h). */
static void say_collapse(const struct trainer *t)
{
	int made = fm_gan_distinct(t->c, t->made, t->o->batch), real = fm_gan_distinct(t->c, t->real, t->o->batch);

	if (fm_gan_collapsed(made, real))
		fm_warn(
		    "training: the generator has collapsed: the last batch has %d different rows of modes and values, "
		    "and as many real flows have %d; train for longer (train.epochs), or set train.gan_rate (%g) lower",
		    made, real, t->o->rate);
}

static int step(void *ctx, struct fm_loop *l, char note[FM_LOOP_NOTE], struct fm_error *err)
{
	struct trainer *t = ctx;
	struct fm_train_point *at = &l->at;
	double penalty, critic, generator;

	at->b1 *= BETA1;
	at->b2 *= BETA2;
	critic = critic_step(t, &penalty);
	generator = generator_step(t);
	if (!isfinite(critic) || !isfinite(generator) || !isfinite(penalty) || fabs(critic) > EXPLODED ||
	    penalty > EXPLODED)
		return fm_fail(err, FM_EINPUT,
			       "training diverges: at step %d the critic's loss is %.3g, the penalty %.3g and the "
			       "generator's loss %.3g; set train.gan_rate (%g) lower",
			       at->step + 1, critic, penalty, generator, t->o->rate);
	at->loss = fm_loop_average(at->loss, critic);
	at->guard = fm_loop_average(at->guard, penalty);
	at->validation = fm_loop_average(at->validation, generator);
	at->step++;
	at->epoch = 1;
	snprintf(note, FM_LOOP_NOTE, "critic %.3f  penalty %.3f  generator %.3f  step %d", at->loss, at->guard,
		 at->validation, at->step);
	return FM_OK;
}

/* ---- the whole ---- */

static int trainer_init(struct trainer *t, struct fm_error *err)
{
	size_t R = (size_t)t->o->batch, n, row = (size_t)t->c->row, cond = (size_t)t->c->cond;
	int rc;

	fm_gan_layout(t->n, &t->both);
	n = t->both.nfloats;
	if ((rc = fm_gan_conditions_new(&t->conditions, t->c, t->rows, err)) < 0 ||
	    (rc = fm_gan_work_new(&t->work, t->n, t->o->batch, t->o->pool, err)) < 0 ||
	    (rc = fm_optimiser_new(&t->optimiser[0], t->n->generator.nfloats, t->o->pool, err)) < 0 ||
	    (rc = fm_optimiser_new(&t->optimiser[1], t->n->critic.nfloats, t->o->pool, err)) < 0)
		return rc;
	struct {
		void *to;
		size_t n, size;
	} all[] = {{&t->a.m, n, 4},
		   {&t->a.v, n, 4},
		   {&t->a.ema, n, 4},
		   {&t->g, n, 4},
		   {&t->z, R * (size_t)t->n->shape.noise, 4},
		   {&t->gumbel, R * row, 4},
		   {&t->made, R * row, 4},
		   {&t->real, R * row, 4},
		   {&t->mixed, R * row, 4},
		   {&t->d, R * row, 4},
		   {&t->cond, R * cond + 1, 4},
		   {&t->cond_real, R * cond + 1, 4},
		   {&t->cond_mixed, R * cond + 1, 4},
		   {&t->mask, FM_GAN_LAYERS * (R / FM_GAN_PACK) * (size_t)t->n->shape.hidden, 4},
		   {&t->chosen, R, sizeof *t->chosen},
		   {&t->order, R, sizeof *t->order},
		   {&t->group, R, sizeof *t->group},
		   {&t->target, R, sizeof *t->target}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if ((rc = fm_alloc(all[i].to, all[i].n, all[i].size, "the training", err)) < 0)
			return rc;
	return FM_OK;
}

static void trainer_close(struct trainer *t)
{
	void *all[] = {t->a.m, t->a.v,  t->a.ema,     t->g,          t->z,    t->gumbel, t->made,  t->real,  t->mixed,
		       t->d,   t->cond, t->cond_real, t->cond_mixed, t->mask, t->chosen, t->order, t->group, t->target};

	fm_gan_conditions_free(t->conditions);
	fm_gan_work_free(t->work);
	fm_optimiser_free(t->optimiser[0]);
	fm_optimiser_free(t->optimiser[1]);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

int fm_gan_train(const struct fm_gan *n, const struct fm_gan_codec *c, const struct fm_gan_rows *rows,
		 const struct fm_gan_train_opts *o, float *p, struct fm_gan_train_result *result, struct fm_error *err)
{
	struct trainer t = {.o = o, .n = n, .c = c, .rows = rows, .a.w = p};
	double started = fm_seconds();
	int rc;

	*result = (struct fm_gan_train_result){0};
	if ((rc = trainer_init(&t, err)) < 0)
		goto out;
	t.loop = (struct fm_loop){.o = &o->loop, .layout = &t.both, .a = &t.a, .flows = (uint64_t)o->batch};
	if ((rc = fm_loop_begin(&t.loop, err)) < 0 || (rc = fm_loop_run(&t.loop, step, &t, err)) < 0)
		goto out;
	if (fm_loop_taken(&t.loop) > 0)
		say_collapse(&t);
	*result = (struct fm_gan_train_result){.steps = t.loop.at.step,
					       .critic = t.loop.at.loss,
					       .penalty = t.loop.at.guard,
					       .generator = t.loop.at.validation,
					       .flows = (double)fm_loop_taken(&t.loop) * o->batch};
	result->seconds = fm_seconds() - started;
out:
	trainer_close(&t);
	return rc;
}
