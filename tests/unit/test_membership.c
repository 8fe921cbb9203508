/* Promise: the loss of single windows tells a network that remembers its windows from one that has learned what windows
 * are like, and is the same for any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "model/diffusion/window_loss.h"
#include "privacy/leakage/membership.h"
#include "tests/unit/ok.h"
#include "trainer_fixture.h"

/* Windows first, first + step, ... of e, n of them, as arrays of their own. */
static struct fm_encoded some(const struct fm_encoded *e, size_t first, size_t step, size_t n)
{
	struct fm_encoded s = {.windows = n};
	size_t nt = SMALL_WINDOW * FM_NTOK, nr = SMALL_WINDOW * FM_NRES;

	s.tok = calloc(n * nt, sizeof *s.tok);
	s.res = calloc(n * nr, sizeof *s.res);
	s.slot = calloc(n, 1);
	s.span = calloc(n, 1);
	s.cls = calloc(n, 1);
	for (size_t i = 0; i < n; i++) {
		size_t w = first + i * step;
		assert_true(w < e->windows);
		memcpy(s.tok + i * nt, e->tok + w * nt, nt * sizeof *s.tok);
		memcpy(s.res + i * nr, e->res + w * nr, nr * sizeof *s.res);
		s.slot[i] = e->slot[w];
		s.span[i] = e->span[w];
		s.cls[i] = e->cls[w];
	}
	return s;
}

static double metric(const struct fm_metrics *m, const char *name)
{
	const struct fm_metric *found = fm_metrics_find(m, name);

	assert_non_null(found);
	return found->value;
}

/* Train on some windows, then attack with them as members and others of the same trace as outsiders. */
static void attack(const struct fm_encoded *members, const struct fm_encoded *outsiders, const struct small *s,
		   int steps, struct fm_metrics *m)
{
	struct fm_train_opts o = small_opts();
	struct fm_train_result r;
	struct fm_error err = {0};
	float *ema = calloc(s->net->layout.nfloats, sizeof *ema);
	double *loss[2] = {calloc(members->windows, sizeof(double)), calloc(outsiders->windows, sizeof(double))};

	o.steps = steps;
	o.validate_every = 0;
	OK(fm_train(s->net, &s->pr, &(struct fm_train_data){members, NULL}, &o, ema, &r, &err));
	OK(fm_window_losses(&(struct fm_denoiser){s->net, &s->pr, ema}, members, 1, NULL, loss[0], &err));
	OK(fm_window_losses(&(struct fm_denoiser){s->net, &s->pr, ema}, outsiders, 1, NULL, loss[1], &err));
	OK(fm_mia_losses(loss[0], members->windows, loss[1], outsiders->windows, m, &err));
	free(ema);
	free(loss[0]);
	free(loss[1]);
}

static void test_twenty_remembered_windows_show(void **state)
{
	struct small s;
	struct fm_error err = {0};
	struct fm_metrics m = {0};

	(void)state;
	OK(small_make(&s, &err));
	struct fm_encoded members = some(&s.train, 0, 10, 20), outsiders = some(&s.train, 5, 2, 95);
	attack(&members, &outsiders, &s, 400, &m);
	assert_true(metric(&m, "leak.mia_model_auc") > 0.95);
	assert_true(fm_metrics_find(&m, "leak.mia_model_auc")->ci_lo > 0.8);
	assert_true(metric(&m, "leak.mia_model_tpr_1") > 0.3);
	assert_int_equal(fm_metrics_find(&m, "leak.mia_model_auc")->n, 20);
	fm_metrics_free(&m);
	fm_encoded_free(&members);
	fm_encoded_free(&outsiders);
	small_free(&s);
}

static void test_what_is_learned_in_general_does_not(void **state)
{
	struct small s;
	struct fm_error err = {0};
	struct fm_metrics m = {0};

	(void)state;
	OK(small_make(&s, &err));
	struct fm_encoded members = some(&s.train, 0, 2, 100), outsiders = some(&s.train, 1, 2, 100);
	attack(&members, &outsiders, &s, 20, &m);
	assert_true(fabs(metric(&m, "leak.mia_model_auc") - 0.5) < 0.12);
	assert_true(fm_metrics_find(&m, "leak.mia_model_auc")->ci_lo < 0.5);
	assert_true(metric(&m, "leak.mia_model_tpr_1") < 0.1);
	fm_metrics_free(&m);
	fm_encoded_free(&members);
	fm_encoded_free(&outsiders);
	small_free(&s);
}

static void test_losses_are_the_same_with_any_threads(void **state)
{
	double loss[2][40];
	struct small s;
	struct fm_error err = {0};
	struct fm_pool *pool = NULL;

	(void)state;
	OK(small_make(&s, &err));
	float *p = calloc(s.net->layout.nfloats, sizeof *p);
	for (size_t i = 0; i < s.net->layout.nfloats; i++)
		p[i] = (float)(i % 13) / 100 - 0.06f;
	assert_int_equal(s.validation.windows, 40);
	OK(fm_window_losses(&(struct fm_denoiser){s.net, &s.pr, p}, &s.validation, 7, NULL, loss[0], &err));
	OK(fm_pool_new(&pool, 3, &err));
	OK(fm_window_losses(&(struct fm_denoiser){s.net, &s.pr, p}, &s.validation, 7, pool, loss[1], &err));
	assert_memory_equal(loss[0], loss[1], sizeof loss[0]);
	for (int i = 0; i < 40; i++)
		assert_true(isfinite(loss[0][i]) && loss[0][i] > 0);
	OK(fm_window_losses(&(struct fm_denoiser){s.net, &s.pr, p}, &s.validation, 8, pool, loss[1],
			    &err)); /* other noise */
	assert_true(memcmp(loss[0], loss[1], sizeof loss[0]) != 0);
	fm_pool_free(pool);
	free(p);
	small_free(&s);
}

/* Each column must be hidden in part at some of the fixed times, or what it says of a window is never asked. */
static void test_every_column_is_asked(void **state)
{
	struct fm_process pr;
	struct fm_error err = {0};

	(void)state;
	OK(fm_process_init(&pr, 1000, "cosine", &err));
	for (int c = 0; c < FM_NTOK; c++) {
		int asked = 0;
		for (int k = 0; k < FM_LOSS_TIMES; k++) {
			double m = fm_process_mask(&pr, c, fm_loss_time[k]);
			asked += m >= 0.25 && m <= 0.85;
		}
		if (!asked)
			fail_msg("%s is never hidden in part", fm_tok_name[c]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_twenty_remembered_windows_show),
	    cmocka_unit_test(test_what_is_learned_in_general_does_not),
	    cmocka_unit_test(test_losses_are_the_same_with_any_threads),
	    cmocka_unit_test(test_every_column_is_asked),
	};

	fm_log_quiet(1);
	return cmocka_run_group_tests_name("membership", tests, NULL, NULL);
}
