/*
 * test_netshare_gradients.c - the way back of DoppelGANger's generator (layers, batch norm, recurrent layer, heads,
 * stop) and of a critic of four layers, and the gradient of the penalty on its slope, which is a second derivative: in
 * double precision (model/double.mk), tensor by tensor, against differences.
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
#include "model/netshare/net.h"

enum { ROWS = 12, HIDDEN = 6, LSTM = 5, ATTRIBUTES = 7, RECORD = 6, STEPS = 3, EACH = 2 };
#define LONGER 0.7
enum { RECORDS = STEPS * EACH * RECORD, FOLLOWS = 4 };

static const struct fm_head attribute_head[] = {
    {0, 2, FM_HEAD_TANH}, {2, 1, FM_HEAD_UNIT}, {3, 2, FM_HEAD_CHOICE}, {5, 2, FM_HEAD_CHOICE}};
static const struct fm_head record_head[] = {{0, 2, FM_HEAD_UNIT}, {2, 2, FM_HEAD_CHOICE}, {4, 2, FM_HEAD_CHOICE}};

struct world {
	struct fm_dg n;
	struct fm_dg_work *w;
	struct fm_critic_work whole, alone;
	double *gen, *critics;
	double za[ROWS * FM_DG_NOISE], zr[STEPS * ROWS * FM_DG_NOISE], h[ROWS * LSTM], c[ROWS * LSTM];
	double attributes[ROWS * ATTRIBUTES], records[ROWS * RECORDS];
	double weight[ROWS * (ATTRIBUTES + RECORDS)];
};

static double drawn(struct fm_rng *r)
{
	return 2 * (double)fm_rng_uniform(r) - 1;
}

static void setup(struct world *w)
{
	struct fm_dg_shape s = {.hidden = HIDDEN,
				.lstm = LSTM,
				.attributes = ATTRIBUTES,
				.record = RECORD,
				.steps = STEPS,
				.each = EACH,
				.follows = FOLLOWS,
				.attribute_head = attribute_head,
				.nattribute_heads = sizeof attribute_head / sizeof *attribute_head,
				.record_head = record_head,
				.nrecord_heads = sizeof record_head / sizeof *record_head};
	struct fm_error err;
	struct fm_rng r;

	memset(w, 0, sizeof *w);
	fm_rng_init(&r, 9, FM_RNG_JUDGE, 0, 0);
	fm_dg_init(&w->n, &s);
	assert_int_equal(fm_dg_work_new(&w->w, &w->n, ROWS, NULL, &err), FM_OK);
	assert_int_equal(fm_critic_work_open(&w->whole, &w->n.whole, ROWS, &err), FM_OK);
	assert_int_equal(fm_critic_work_open(&w->alone, &w->n.alone, ROWS, &err), FM_OK);
	w->gen = calloc(w->n.generator.nfloats, 8);
	w->critics = calloc(w->n.critics.nfloats, 8);
	struct {
		double *x;
		size_t n;
	} all[] = {{w->gen, w->n.generator.nfloats},
		   {w->critics, w->n.critics.nfloats},
		   {w->za, ROWS * FM_DG_NOISE},
		   {w->zr, STEPS * ROWS * FM_DG_NOISE},
		   {w->h, ROWS * LSTM},
		   {w->c, ROWS * LSTM},
		   {w->weight, ROWS * (ATTRIBUTES + RECORDS)}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		for (size_t k = 0; k < all[i].n; k++)
			all[i].x[k] = drawn(&r);
	for (int e = 0; e < EACH; e++) /* sessions of several lengths */
		w->gen[w->n.out[FM_DG_B] + (size_t)(e * RECORD + FOLLOWS)] += LONGER;
}

static void teardown(struct world *w)
{
	fm_dg_work_free(w->w);
	fm_critic_work_close(&w->whole);
	fm_critic_work_close(&w->alone);
	free(w->gen);
	free(w->critics);
}

/* A weighted sum of all that is made. */
static double generator_loss(struct world *w, double *g)
{
	struct fm_dg_noise z = {w->za, w->zr, w->h, w->c};
	double d[ROWS * ATTRIBUTES], dr[ROWS * RECORDS], loss = 0;

	/* The records read what the attributes say, where no gradient goes: they are given those of before. */
	if (g) {
		fm_dg_attributes(w->w, w->gen, ROWS, w->za, w->attributes);
		fm_dg_records_of(w->w, w->gen, ROWS, &z, w->attributes, w->records);
	}
	double now[ROWS * ATTRIBUTES], records[ROWS * RECORDS];
	fm_dg_attributes(w->w, w->gen, ROWS, w->za, now);
	fm_dg_records_of(w->w, w->gen, ROWS, &z, w->attributes, records);
	for (int i = 0; i < ROWS * ATTRIBUTES; i++)
		loss += (d[i] = w->weight[i]) * now[i];
	for (int i = 0; i < ROWS * RECORDS; i++)
		loss += (dr[i] = w->weight[ROWS * ATTRIBUTES + i]) * records[i];
	if (g)
		fm_dg_back(w->w, w->gen, &z, now, records, d, dr, g);
	return loss;
}

static double whole_loss(struct world *w, double *g)
{
	double s;

	memcpy(w->whole.in, w->weight, sizeof w->weight);
	s = fm_critic_score(&w->whole, fm_dg_dense(w->w), w->critics, ROWS, NULL);
	if (g)
		fm_critic_back(&w->whole, fm_dg_dense(w->w), w->critics, 1, g, false);
	return s;
}

static double penalty_loss(struct world *w, double *g)
{
	memcpy(w->whole.in, w->weight, sizeof w->weight);
	memcpy(w->alone.in, w->weight, sizeof *w->weight * ROWS * ATTRIBUTES);
	return fm_critic_penalty(&w->whole, fm_dg_dense(w->w), w->critics, ROWS, NULL, g) +
	       fm_critic_penalty(&w->alone, fm_dg_dense(w->w), w->critics, ROWS, NULL, g);
}

/* Each parameter's slope by central differences. */
static void check(struct world *w, const struct fm_layout *l, double *p, double (*loss)(struct world *, double *),
		  double least)
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
		if (sqrt(off) > 2e-6 * (1 + sqrt(size)) || sqrt(size) < least)
			fail_msg("%s: the gradient is off by %g of %g", t->name, sqrt(off), sqrt(size));
	}
	free(g);
}

static void the_generators_gradient_is_a_slope(void **state)
{
	struct world w;
	int ends = 0;

	(void)state;
	setup(&w);
	/* Biases before a batch norm move what ReLU lets through; no tensor is without a part. */
	check(&w, &w.n.generator, w.gen, generator_loss, 1e-6);
	/* Sessions of several lengths are among them. */
	for (int r = 0; r < ROWS; r++) {
		const double *x = w.records + r * RECORDS;

		ends |= x[RECORD] == 0 ? 1 : x[RECORDS - 1] == 0 ? 2 : 4; /* of one record, of several, of all */
	}
	assert_true((ends & 1) && ends > 1);
	teardown(&w);
}

static void the_critics_gradient_is_a_slope(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	check(&w, &w.n.critics, w.critics, whole_loss, 0);
	teardown(&w);
}

static void the_penaltys_gradient_is_a_slope(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	check(&w, &w.n.critics, w.critics, penalty_loss, 0);
	assert_true(penalty_loss(&w, NULL) > 0.1);
	teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_generators_gradient_is_a_slope),
	    cmocka_unit_test(the_critics_gradient_is_a_slope),
	    cmocka_unit_test(the_penaltys_gradient_is_a_slope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
