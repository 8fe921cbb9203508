/* Renyi divergences: an order is the same whichever are asked for with it, and the best of them is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "privacy/loss.h"
#include "privacy/rdp.h"

enum { ORDERS = 156, USES = 6 };

static struct fm_error err;
static double orders[ORDERS];

static int fill_orders(void **state)
{
	size_t n = 0;

	(void)state;
	for (int i = 11; i < 110; i++)
		orders[n++] = i / 10.0;
	for (int i = 11; i < 64; i++)
		orders[n++] = i;
	for (int i = 128; i <= 1024; i *= 2)
		orders[n++] = i;
	return n == ORDERS ? 0 : -1;
}

/* Losses of every kind, with much noise and with little. */
static void fill_losses(struct fm_loss *l, enum fm_direction way, double noise)
{
	fm_loss_sampled(&l[0], 0.01, 0.7 * noise, 1, way, 0);
	fm_loss_sampled(&l[1], 1e-4, 0.3 * noise, 1, way, 0);
	fm_loss_sampled(&l[2], 0.2, 2 * noise, 4, way, 0);
	fm_loss_gaussian(&l[3], 5 * noise);
	fm_loss_laplace(&l[4], 8 * noise);
	fm_loss_discrete(&l[5], 6 * noise, 2);
}

static void an_order_is_the_same_alone(void **state)
{
	static const enum fm_direction ways[] = {FM_REMOVE, FM_ADD, FM_REPLACE};
	static struct fm_loss l[USES];
	double all[ORDERS], alone;

	(void)state;
	for (int w = 0; w < 3; w++) {
		fill_losses(l, ways[w], 1);
		for (int u = 0; u < USES; u++) {
			assert_int_equal(fm_rdp(&l[u], orders, ORDERS, all, &err), FM_OK);
			for (int i = 0; i < ORDERS; i += 4) {
				assert_int_equal(fm_rdp(&l[u], &orders[i], 1, &alone, &err), FM_OK);
				assert_true(alone == all[i]);
			}
		}
	}
}

static void the_best_order_is_found(void **state)
{
	static const enum fm_direction ways[] = {FM_REMOVE, FM_ADD, FM_REPLACE};
	static const uint64_t counts[] = {1, 30, 10000};
	static struct fm_loss l[USES];

	(void)state;
	for (int w = 0; w < 3; w++)
		for (double noise = 0.2; noise < 1000; noise *= 6) {
			double each[USES][ORDERS];

			fill_losses(l, ways[w], noise);
			for (int u = 0; u < USES; u++)
				assert_int_equal(fm_rdp(&l[u], orders, ORDERS, each[u], &err), FM_OK);
			for (int c = 0; c < 9; c++) {
				struct fm_use uses[USES];
				double sum[ORDERS] = {0}, delta = c % 2 ? 1e-3 : 1e-12, epsilon;
				size_t n = c < 6 ? 1 : USES;

				for (size_t u = 0; u < n; u++) {
					size_t of = c < 6 ? (size_t)c : u;

					uses[u] = (struct fm_use){&l[of], counts[(of + (size_t)c) % 3]};
					for (int i = 0; i < ORDERS; i++)
						sum[i] += (double)uses[u].count * each[of][i];
				}
				assert_int_equal(fm_rdp_account(uses, n, delta, &epsilon, &err), FM_OK);
				assert_true(epsilon == fm_rdp_epsilon(orders, sum, ORDERS, delta));
			}
		}
}

static void what_is_out_of_reach_is_said(void **state)
{
	static struct fm_loss l[2];
	struct fm_use uses[] = {{&l[0], 1}, {&l[1], 1}};
	double epsilon;

	(void)state;
	fm_loss_sampled(&l[0], 0.01, 1, 1, FM_REMOVE, 0);
	fm_loss_sampled(&l[1], 1e-7, 1, 64, FM_REMOVE, 0); /* a weight of 1e-448 */
	assert_int_equal(fm_rdp_account(uses, 1, 1e-6, &epsilon, &err), FM_OK);
	assert_int_equal(fm_rdp_account(uses, 2, 1e-6, &epsilon, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "use pld"));
	/* Some orders are: the others grant what they do. */
	fm_loss_sampled(&l[1], 0.3, 0.5, 40, FM_REPLACE, 0);
	assert_int_equal(fm_rdp_account(uses, 2, 1e-6, &epsilon, &err), FM_OK);
	assert_true(epsilon > 0 && epsilon < (double)INFINITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_order_is_the_same_alone),
	    cmocka_unit_test(the_best_order_is_found),
	    cmocka_unit_test(what_is_out_of_reach_is_said),
	};

	return cmocka_run_group_tests(tests, fill_orders, NULL);
}
