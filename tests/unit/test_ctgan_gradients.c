/*
 * test_ctgan_gradients.c - the way back of CTGAN's generator and critic, and the gradient of the penalty on the
 * critic's slope, which is a second derivative: in double precision (model/double.mk), tensor by tensor, against
 * differences.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/ctgan/net.h"

enum { ROWS = 40, NOISE = 5, HIDDEN = 7, ROW = 9, COND = 5 };

static const struct fm_head groups[] = {
    {0, 1, FM_HEAD_TANH}, {1, 3, FM_HEAD_CHOICE}, {4, 1, FM_HEAD_TANH}, {5, 2, FM_HEAD_CHOICE}, {7, 2, FM_HEAD_CHOICE}};

struct world {
	struct fm_gan n;
	struct fm_gan_work *w;
	double *gen, *critic;
	double z[ROWS * NOISE], cond[ROWS * COND], gumbel[ROWS * ROW], row[ROWS * ROW], made[ROWS * ROW];
	double mask[FM_GAN_LAYERS][ROWS / FM_GAN_PACK * HIDDEN];
	const double *drop[FM_GAN_LAYERS];
	int group[ROWS], target[ROWS];
};

static double drawn(struct fm_rng *r)
{
	return 2 * (double)fm_rng_uniform(r) - 1;
}

static void setup(struct world *w)
{
	struct fm_gan_shape s = {NOISE, HIDDEN, ROW, COND, groups, sizeof groups / sizeof *groups};
	struct fm_error err;
	struct fm_rng r;

	memset(w, 0, sizeof *w);
	fm_rng_init(&r, 9, FM_RNG_JUDGE, 0, 0);
	fm_gan_init(&w->n, &s);
	assert_int_equal(fm_gan_work_new(&w->w, &w->n, ROWS, NULL, &err), FM_OK);
	w->gen = calloc(w->n.generator.nfloats, 8);
	w->critic = calloc(w->n.critic.nfloats, 8);
	for (size_t i = 0; i < w->n.generator.nfloats; i++)
		w->gen[i] = drawn(&r);
	for (size_t i = 0; i < w->n.critic.nfloats; i++)
		w->critic[i] = drawn(&r);
	for (size_t i = 0; i < sizeof w->z / 8; i++)
		w->z[i] = drawn(&r);
	for (size_t i = 0; i < sizeof w->cond / 8; i++)
		w->cond[i] = drawn(&r);
	for (size_t i = 0; i < sizeof w->gumbel / 8; i++)
		w->gumbel[i] = 0.3 * drawn(&r);
	for (size_t i = 0; i < sizeof w->row / 8; i++)
		w->row[i] = drawn(&r);
	for (int l = 0; l < FM_GAN_LAYERS; l++) {
		for (int i = 0; i < ROWS / FM_GAN_PACK * HIDDEN; i++)
			w->mask[l][i] = fm_rng_below(&r, 3) ? 2 : 0;
		w->drop[l] = w->mask[l];
	}
	for (int i = 0; i < ROWS; i++) {
		w->group[i] = i % 4 == 0 ? -1 : i % 2 ? 1 : 3;
		w->target[i] = i % 4 == 3;
	}
}

static void teardown(struct world *w)
{
	fm_gan_work_free(w->w);
	free(w->gen);
	free(w->critic);
}

static double generator_loss(struct world *w, double *g)
{
	struct fm_gan_wanted wanted = {w->group, w->target};
	double d[ROWS * ROW], score, ce, *to = g ? g : calloc(w->n.generator.nfloats, 8);

	fm_gan_generate(w->w, w->gen, w->z, w->cond, w->gumbel, w->made);
	score = fm_gan_score(w->w, w->critic, w->made, w->cond, w->drop);
	fm_gan_score_back(w->w, w->critic, -1, NULL, d);
	ce = fm_gan_generate_back(w->w, w->gen, w->made, &wanted, d, to);
	if (!g)
		free(to);
	return ce - score;
}

static double score_loss(struct world *w, double *g)
{
	double s = fm_gan_score(w->w, w->critic, w->row, w->cond, w->drop);

	if (g)
		fm_gan_score_back(w->w, w->critic, 1, g, NULL);
	return s;
}

static double penalty_loss(struct world *w, double *g)
{
	return fm_gan_penalty(w->w, w->critic, w->row, w->cond, w->drop, g);
}

/* Each parameter's slope by central differences. */
static void check(struct world *w, const struct fm_layout *l, double *p, double (*loss)(struct world *, double *))
{
	double *g = calloc(l->nfloats, 8);

	loss(w, g);
	for (int i = 0; i < l->n; i++) {
		const struct fm_tensor *t = &l->tensor[i];
		double size = 0, off = 0;

		for (size_t k = t->at; k < t->at + (size_t)t->rows * (size_t)t->cols; k++) {
			const double h = 1e-6;
			double was = p[k], a, b, slope;

			p[k] = was + h;
			a = loss(w, NULL);
			p[k] = was - h;
			b = loss(w, NULL);
			p[k] = was;
			slope = (a - b) / (2 * h);
			size += slope * slope;
			off += (slope - g[k]) * (slope - g[k]);
		}
		if (sqrt(off) > 1e-6 * (1 + sqrt(size)))
			fail_msg("%s: the gradient is off by %g of %g", t->name, sqrt(off), sqrt(size));
	}
	free(g);
}

static void the_generators_gradient_is_a_slope(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	check(&w, &w.n.generator, w.gen, generator_loss);
	teardown(&w);
}

static void the_critics_gradient_is_a_slope(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	check(&w, &w.n.critic, w.critic, score_loss);
	teardown(&w);
}

static void the_penaltys_gradient_is_a_slope(void **state)
{
	struct world w;
	double g = 0;

	(void)state;
	setup(&w);
	check(&w, &w.n.critic, w.critic, penalty_loss);
	/* It does move: lambda (norm - 1)^2 is not at its least. */
	g = penalty_loss(&w, NULL);
	assert_true(g > 0.1);
	teardown(&w);
}

/* What the penalty is made of: the slope of a pack's score, by differences. */
static void the_penalty_is_of_the_slope(void **state)
{
	struct world w;
	double sum = 0;

	(void)state;
	setup(&w);
	for (int pack = 0; pack < ROWS / FM_GAN_PACK; pack++) {
		double square = 0;

		for (int r = pack * FM_GAN_PACK; r < (pack + 1) * FM_GAN_PACK; r++)
			for (int i = 0; i < ROW + COND; i++) {
				double *x = i < ROW ? &w.row[r * ROW + i] : &w.cond[r * COND + i - ROW], was = *x, a, b,
				       slope;

				*x = was + 1e-6;
				a = score_loss(&w, NULL);
				*x = was - 1e-6;
				b = score_loss(&w, NULL);
				*x = was;
				slope = (a - b) / 2e-6 * (ROWS / FM_GAN_PACK);
				square += slope * slope;
			}
		sum += 10 * (sqrt(square) - 1) * (sqrt(square) - 1) / (ROWS / FM_GAN_PACK);
	}
	assert_true(fabs(sum - penalty_loss(&w, NULL)) < 1e-5 * (1 + sum));
	teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_generators_gradient_is_a_slope),
	    cmocka_unit_test(the_critics_gradient_is_a_slope),
	    cmocka_unit_test(the_penaltys_gradient_is_a_slope),
	    cmocka_unit_test(the_penalty_is_of_the_slope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
