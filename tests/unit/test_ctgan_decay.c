/*
 * test_ctgan_decay.c - the decay of weights in CTGAN's optimisers: of every weight towards 0, and of a batch norm's
 * scale too, of which the weights have what is above 1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/ctgan/trainer.c"

enum { NOISE = 5, HIDDEN = 7, ROW = 9, COND = 5, BATCH = 40 };

static const struct fm_head groups[] = {{0, 1, FM_HEAD_TANH}, {1, 3, FM_HEAD_CHOICE}, {4, 5, FM_HEAD_CHOICE}};

/* Without a gradient the decay alone is one: the first step of Adam is the rate, against the sign of the weight. */
static void each_weight_decays_to_zero(void **state)
{
	struct fm_gan_train_opts o = {.batch = BATCH, .rate = 0.125, .weight_decay = 1000};
	struct fm_gan_shape s = {NOISE, HIDDEN, ROW, COND, groups, sizeof groups / sizeof *groups};
	struct trainer t = {.o = &o};
	struct fm_error err;
	struct fm_gan n;
	float *all[6];

	(void)state;
	fm_gan_init(&n, &s);
	t.n = &n;
	fm_gan_layout(&n, &t.both);
	for (int i = 0; i < 6; i++)
		assert_non_null(all[i] = calloc(t.both.nfloats, sizeof(float)));
	t.a = (struct fm_train_arrays){.w = all[0], .m = all[1], .v = all[2], .ema = all[3]};
	t.g = all[4];
	fm_layout_init(&t.both, t.a.w, 1);
	memcpy(all[5], t.a.w, t.both.nfloats * sizeof(float));
	assert_int_equal(fm_optimiser_new(&t.optimiser[0], n.generator.nfloats, NULL, &err), FM_OK);
	assert_int_equal(fm_optimiser_new(&t.optimiser[1], n.critic.nfloats, NULL, &err), FM_OK);
	t.loop.at.b1 = BETA1;
	t.loop.at.b2 = BETA2;
	for (int which = 0; which < 2; which++)
		update(&t, which);
	for (int i = 0; i < t.both.n; i++) {
		const struct fm_tensor *k = &t.both.tensor[i];

		for (size_t j = 0; j < (size_t)k->rows * (size_t)k->cols; j++) {
			float was = all[5][k->at + j], w = t.a.w[k->at + j], one = strstr(k->name, ".scale") ? 1 : 0;
			float wanted = was + one > 0 ? -0.125f : was + one < 0 ? 0.125f : 0;

			if (w - was < wanted - 1e-3f || w - was > wanted + 1e-3f)
				fail_msg("%s: a weight of %g goes by %g instead of %g", k->name, was + one, w - was,
					 wanted);
		}
	}
	for (int i = 0; i < 2; i++)
		fm_optimiser_free(t.optimiser[i]);
	for (int i = 0; i < 6; i++)
		free(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_weight_decays_to_zero)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
