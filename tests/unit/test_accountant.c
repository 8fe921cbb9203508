/* The accountant: never below the truth, and not far above it; against other accountants' values, closed forms and
 * itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privacy/accountant.h"
#include "privacy/fft.h"
#include "privacy/loss.h"
#include "privacy/pld.h"
#include "privacy/rdp.h"
#include "privacy/special.h"

#define GOLDEN "tests/golden/dp/"
#define SHARED "../shared/reference/dp/"

/* ---- tables
 * ----------------------------------------------------------------------------------------------------------- */

struct csv {
	FILE *f;
	char head[512], row[2048];
};

static int csv_open(struct csv *t, const char *folder, const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s%s", folder, name);
	return (t->f = fopen(path, "r")) && fgets(t->head, sizeof t->head, t->f);
}

static int csv_next(struct csv *t)
{
	if (fgets(t->row, sizeof t->row, t->f))
		return 1;
	fclose(t->f);
	return 0;
}

/* The text of a column, good until the next call. */
static const char *csv_text(const struct csv *t, const char *column)
{
	static char out[64];
	size_t want = 0, n = strlen(column);
	const char *p = t->head;

	while (strncmp(p, column, n) != 0 || !strchr(",\r\n", p[n])) {
		p = strchr(p, ',');
		assert_non_null(p);
		p++;
		want++;
	}
	for (p = t->row; want; want--)
		p = strchr(p, ',') + 1;
	snprintf(out, sizeof out, "%.*s", (int)strcspn(p, ",\r\n"), p);
	return out;
}

static double csv_number(const struct csv *t, const char *column)
{
	return strtod(csv_text(t, column), NULL);
}

/* ---- helpers
 * ---------------------------------------------------------------------------------------------------------- */

static double account(const struct fm_mechanism *list, size_t n, double delta, enum fm_adjacency adjacency,
		      enum fm_accountant accountant)
{
	struct fm_error err = {0};
	double epsilon = -1;

	assert_int_equal(fm_account(list, n, delta, adjacency, accountant, &epsilon, &err), FM_OK);
	assert_true(epsilon >= 0);
	return epsilon;
}

static struct fm_mechanism steps(double q, double sigma, uint64_t count)
{
	return (struct fm_mechanism){
	    .kind = FM_SAMPLED_GAUSSIAN, .sensitivity = 1, .scale = sigma, .q = q, .count = count};
}

static double epsilon_of(double q, double sigma, uint64_t count, double delta)
{
	const struct fm_mechanism m = steps(q, sigma, count);

	return account(&m, 1, delta, FM_ADD_OR_REMOVE, FM_PLD);
}

/* Whether a grid of 1e-4, which the reference values rest on, is fine against the spread of one step's loss. */
static int reference_is_fine(double q, double sigma)
{
	return q * sqrt(expm1(1 / (sigma * sigma))) >= 1e-3;
}

static void is_within(double ours, double low, double high, const struct csv *t)
{
	if (!(ours >= low && ours <= high))
		fail_msg("%.12g is not in [%.12g, %.12g]: %s", ours, low, high, t->row);
}

static int shared_is_there(void)
{
	struct csv t;

	if (!csv_open(&t, SHARED, "dp_reference.csv"))
		return 0;
	fclose(t.f);
	return 1;
}

/* ---- special functions and transform
 * ------------------------------------------------------------------------------------ */

static void test_special_functions_agree_with_the_c_library(void **state)
{
	(void)state;
	for (double x = -700; x < 700; x += 0.737) {
		assert_true(fabs(fm_sf_exp(x) / exp(x) - 1) < 8 * FM_UNIT);
		double small = x / 1e6;
		assert_true(fabs(fm_sf_expm1(small) / expm1(small) - 1) < 8 * FM_UNIT);
		assert_true(fabs(fm_sf_log1p(small) / log1p(small) - 1) < 8 * FM_UNIT);
		assert_true(fabs(fm_sf_log(exp(x)) / log(exp(x)) - 1) < 8 * FM_UNIT);
	}
	for (double z = -8; z < 37; z += 0.0173) {
		double tail = (double)(erfcl((long double)z * 0.70710678118654752440L) / 2);

		assert_true(fabs(fm_sf_normal_tail(z) / tail - 1) < 16 * FM_UNIT);
		assert_true(fabs(fm_sf_normal_mills(z) * fm_sf_normal_density(z) / tail - 1) < 32 * FM_UNIT);
	}
	assert_true(fm_sf_log(0) == -INFINITY);
}

static void test_transform_keeps_within_its_stated_error(void **state)
{
	(void)state;
	for (size_t n = 8; n <= 512; n *= 2) {
		double x[512], back[512], spectrum[514], sum = 0;
		struct fm_error err = {0};
		struct fm_fft *f = NULL;

		assert_int_equal(fm_fft_new(&f, n, &err), FM_OK);
		for (size_t i = 0; i < n; i++) {
			x[i] = 1.0 / (1.0 + (double)((i * i + 3 * i) % 17));
			sum += x[i];
		}
		fm_fft_forward(f, x, spectrum);
		for (size_t k = 0; k <= n / 2; k++) {
			long double re = 0, im = 0;

			for (size_t i = 0; i < n; i++) {
				long double a =
				    -2 * 3.14159265358979323846264L * (long double)(i * k % n) / (long double)n;

				re += x[i] * cosl(a);
				im += x[i] * sinl(a);
			}
			assert_true(fabsl(re - spectrum[2 * k]) <= fm_fft_error(f) * sum);
			assert_true(fabsl(im - spectrum[2 * k + 1]) <= fm_fft_error(f) * sum);
		}
		for (size_t k = 0; k <= n / 2; k++)
			for (int64_t low = -1000; low < 2000; low += 333) { /* as of values moved by low */
				double one[2], moved[512], all[514];

				for (size_t i = 0; i < n; i++)
					moved[(uint64_t)(low + (int64_t)i) & (n - 1)] = x[i];
				fm_fft_forward(f, moved, all);
				fm_fft_value(f, x, n, low, k, one);
				assert_true(hypot(one[0] - all[2 * k], one[1] - all[2 * k + 1]) <=
					    (fm_fft_error(f) + fm_fft_value_error(n)) * sum);
			}
		fm_fft_inverse(f, spectrum, back);
		for (size_t i = 0; i < n; i++)
			assert_true(fabs(back[i] - x[i]) <= 2 * fm_fft_error(f) * sum);
		fm_fft_free(f);
	}
	struct fm_fft *f = NULL;
	struct fm_error err = {0};

	assert_int_equal(fm_fft_new(&f, 24, &err), FM_EINPUT);
	assert_null(f);
}

/* ---- reference values
 * ------------------------------------------------------------------------------------------------------ */

static void test_epsilon_agrees_with_exact_values_and_other_accountants(void **state)
{
	struct csv t;
	int rows = 0;

	(void)state;
	assert_true(csv_open(&t, GOLDEN, "epsilon.csv"));
	for (; csv_next(&t); rows++) {
		struct fm_mechanism m =
		    steps(csv_number(&t, "q"), csv_number(&t, "sigma"), (uint64_t)csv_number(&t, "steps"));
		double want = csv_number(&t, "epsilon");

		m.group = (unsigned)csv_number(&t, "group");
		double ours = account(
		    &m, 1, csv_number(&t, "delta"),
		    strcmp(csv_text(&t, "adjacency"), "replace_one") ? FM_ADD_OR_REMOVE : FM_REPLACE_ONE, FM_PLD);

		if (strcmp(csv_text(&t, "source"), "exact") != 0)
			is_within(ours, 0.999 * want, 1.005 * want, &t);
		else if (m.count == 1)
			is_within(ours, want - 1e-12, want + 2e-6, &t);
		else
			is_within(ours, (1 - 1e-11) * want, 1.001 * want, &t);
	}
	assert_true(rows > 40);
}

static void test_epsilon_agrees_with_the_whole_reference(void **state)
{
	struct csv t;

	(void)state;
	if (!shared_is_there())
		skip();
	assert_true(csv_open(&t, SHARED, "dp_reference.csv"));
	while (csv_next(&t)) {
		const struct fm_mechanism m =
		    steps(csv_number(&t, "q"), csv_number(&t, "sigma"), (uint64_t)csv_number(&t, "steps"));
		double want = csv_number(&t, "eps_pld"), delta = csv_number(&t, "delta");
		double ours = account(&m, 1, delta, FM_ADD_OR_REMOVE, FM_PLD);

		is_within(ours, reference_is_fine(m.q, m.scale) ? 0.999 * want - 2e-6 : 0, 1.01 * want + 1e-12, &t);
		double rdp = account(&m, 1, delta, FM_ADD_OR_REMOVE, FM_RDP);

		is_within(rdp, ours, csv_number(&t, "eps_rdp") * (1 + 1e-8), &t);
	}
	assert_true(csv_open(&t, SHARED, "dp_replace_one.csv"));
	while (csv_next(&t)) {
		const struct fm_mechanism m =
		    steps(csv_number(&t, "q"), csv_number(&t, "sigma"), (uint64_t)csv_number(&t, "steps"));
		double want = csv_number(&t, "eps_replace_one");
		double ours = account(&m, 1, csv_number(&t, "delta"), FM_REPLACE_ONE, FM_PLD);

		is_within(ours, reference_is_fine(m.q, m.scale) ? 0.999 * want - 2e-6 : 0, 1.01 * want, &t);
	}
}

static void test_divergences_agree_with_quadrature(void **state)
{
	const char *folders[] = {GOLDEN "rdp.csv", SHARED "dp_rdp_orders.csv"}, *columns[] = {"rdp", "rdp_mpmath_quad"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct csv t;

		if (!csv_open(&t, "", folders[i])) {
			assert_int_equal(i, 1);
			continue;
		}
		while (csv_next(&t)) {
			struct fm_loss l, add;
			struct fm_error err = {0};
			double alpha = csv_number(&t, "alpha"), want = csv_number(&t, columns[i]), ours, other,
			       sigma = csv_number(&t, "sigma");

			fm_loss_sampled(&l, csv_number(&t, "q"), sigma, 1, FM_REMOVE, 0);
			fm_loss_sampled(&add, csv_number(&t, "q"), sigma, 1, FM_ADD, 0);
			assert_int_equal(fm_rdp(&l, &alpha, 1, &ours, &err), FM_OK);
			is_within(ours, want, (1 + 1e-6) * want, &t);
			assert_int_equal(fm_rdp(&add, &alpha, 1, &other, &err), FM_OK);
			is_within(other, 0, ours * (1 + 1e-9), &t);
		}
	}
}

static void test_calibrated_noise_keeps_to_its_target(void **state)
{
	struct csv t;
	int rows = 0;

	(void)state;
	assert_true(csv_open(&t, GOLDEN, "calibration.csv"));
	for (; csv_next(&t); rows++)
		for (int rdp = 0; rdp < 2; rdp++) {
			struct fm_mechanism m = steps(csv_number(&t, "q"), 0, (uint64_t)csv_number(&t, "steps"));
			double target = csv_number(&t, "target_eps"), delta = csv_number(&t, "delta"), sigma;
			double want = csv_number(&t, rdp ? "sigma_rdp" : "sigma_pld");
			struct fm_error err = {0};

			assert_int_equal(
			    fm_calibrate(&m, 1, 0, target,
					 &(struct fm_account_terms){delta, FM_ADD_OR_REMOVE, rdp ? FM_RDP : FM_PLD},
					 &sigma, &err),
			    FM_OK);
			is_within(sigma, 0.995 * want, 1.005 * want, &t);
			m.scale = sigma;
			is_within(account(&m, 1, delta, FM_ADD_OR_REMOVE, rdp ? FM_RDP : FM_PLD), 0.99 * target, target,
				  &t);
		}
	assert_true(rows > 3);
}

/* ---- properties
 * ------------------------------------------------------------------------------------------------------------ */

/* Full-batch Gaussians are merged by the accountant; composed one by one on the grid they must come to the same. */
static void test_the_grid_is_never_below_a_composition_that_is_known(void **state)
{
	static const struct {
		double sigma, delta;
		uint64_t count;
	} cases[] = {{0.6, 1e-5, 100}, {4, 1e-10, 1000}, {50, 1e-8, 2}, {20, 1e-6, 100000}, {1, 0.1, 7}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fm_loss one, all;
		struct fm_use use = {&one, cases[i].count};
		struct fm_error err = {0};
		struct fm_pld *d = NULL;
		double exact, before = INFINITY;

		fm_loss_gaussian(&one, cases[i].sigma);
		fm_loss_gaussian(&all, cases[i].sigma / sqrt((double)cases[i].count));
		assert_int_equal(fm_loss_epsilon(&all, cases[i].delta, &exact, &err), FM_OK);
		assert_int_equal(fm_pld_new(&d, &use, 1, cases[i].delta, &err), FM_OK);
		do {
			assert_int_equal(fm_pld_refine(d, 1e-3, &err), FM_OK);
			assert_true(fm_pld_epsilon(d) >= exact * (1 - 1e-12) && fm_pld_epsilon(d) <= before);
			before = fm_pld_epsilon(d);
		} while (!fm_pld_settled(d, 1e-3));
		assert_true(fm_pld_epsilon(d) <= exact * 1.001);
		fm_pld_free(d);
	}
}

/* A list that names one mechanism many times is one of it used so often: the same bits, in either order. */
static void test_equal_mechanisms_of_a_list_are_one(void **state)
{
	struct fm_mechanism one[] = {steps(0.01, 1.5, 300),
				     {.kind = FM_LAPLACE, .sensitivity = 1, .scale = 80, .count = 30}},
			    many[60];

	(void)state;
	for (int i = 0; i < 60; i++) {
		many[i] = one[i % 2];
		many[i].count = i % 2 ? 1 : 10;
	}
	for (int a = 0; a < 2; a++) {
		enum fm_adjacency adjacency = a ? FM_REPLACE_ONE : FM_ADD_OR_REMOVE;

		assert_true(account(one, 2, 1e-6, adjacency, FM_PLD) == account(many, 60, 1e-6, adjacency, FM_PLD));
	}
}

/* A Gaussian that is on no grid, beside others that are: together they are one Gaussian. */
static void test_a_gaussian_beside_the_grid_counts_in_full(void **state)
{
	static const struct {
		double sigma, beside, delta;
		uint64_t count;
	} cases[] = {{40, 1.5, 1e-6, 1000}, {400, 0.1, 1e-6, 100000}, {3000, 300, 1e-10, 100000}, {2, 200, 1e-12, 5},
		     {30, 0.7, 1e-9, 40},   {500, 30, 0.01, 200},     {1000, 1000, 0.3, 3}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fm_loss one, beside, all;
		struct fm_use uses[] = {{&one, cases[i].count}, {&beside, 1}};
		double mu = sqrt((double)cases[i].count) / cases[i].sigma, exact;
		struct fm_error err = {0};
		struct fm_pld *d = NULL;

		fm_loss_gaussian(&one, cases[i].sigma);
		one.missing = 1e-300; /* so it is none of those that are known to be Gaussians */
		fm_loss_gaussian(&beside, cases[i].beside);
		fm_loss_gaussian(&all, 1 / sqrt(mu * mu + 1 / (cases[i].beside * cases[i].beside)));
		assert_int_equal(fm_loss_epsilon(&all, cases[i].delta, &exact, &err), FM_OK);
		assert_int_equal(fm_pld_new(&d, uses, 2, cases[i].delta, &err), FM_OK);
		do {
			assert_int_equal(fm_pld_refine(d, 1e-3, &err), FM_OK);
			if (fm_pld_epsilon(d) < exact * (1 - 1e-12))
				fail_msg("case %zu: %.12g, below %.12g", i, fm_pld_epsilon(d), exact);
		} while (!fm_pld_settled(d, 1e-3));
		if (fm_pld_epsilon(d) > exact * 1.002 + 1e-9)
			fail_msg("case %zu: %.12g, too far above %.12g", i, fm_pld_epsilon(d), exact);
		fm_pld_free(d);
	}
}

static void test_more_steps_or_less_noise_leak_more_and_a_larger_delta_less(void **state)
{
	(void)state;
	for (double q = 1e-4; q < 1; q *= 20)
		for (double sigma = 0.7; sigma < 10; sigma *= 3) {
			double here = epsilon_of(q, sigma, 300, 1e-6);

			assert_true(here <= epsilon_of(q, sigma, 400, 1e-6));
			assert_true(here <= epsilon_of(q, 0.9 * sigma, 300, 1e-6));
			assert_true(here <= epsilon_of(q, sigma, 300, 1e-8));
			assert_true(here <= epsilon_of(1.2 * q, sigma, 300, 1e-6));
		}
}

/* Of little noise: one step leaks less, and nothing where delta is the rate; a full batch and more noise leak as they
 * must. */
static void test_little_noise_has_an_epsilon_too(void **state)
{
	static const double q[] = {1e-9, 1e-4, 0.01, 0.9}, delta[] = {1e-3, 1e-12};

	(void)state;
	for (size_t i = 0; i < sizeof q / sizeof *q; i++)
		for (size_t k = 0; k < sizeof delta / sizeof *delta; k++)
			for (uint64_t n = 10; n <= 1000; n *= 100) {
				double before = INFINITY;

				for (double sigma = 0.01; sigma < 0.2; sigma *= 3) {
					double e = epsilon_of(q[i], sigma, n, delta[k]);

					assert_true(epsilon_of(q[i], sigma, 1, delta[k]) <= e && e <= before * 1.001);
					assert_true(e <= epsilon_of(1, sigma, n, delta[k]) * 1.001);
					if (delta[k] > q[i])
						assert_true(epsilon_of(q[i], sigma, 1, delta[k]) == 0);
					before = e;
				}
			}
}

static void test_the_order_and_the_cut_of_a_list_do_not_matter(void **state)
{
	const struct fm_mechanism list[] = {
	    {.kind = FM_GAUSSIAN, .sensitivity = 2, .scale = 30, .count = 1},
	    {.kind = FM_LAPLACE, .sensitivity = 1, .scale = 20, .count = 2},
	    {.kind = FM_DISCRETE_GAUSSIAN, .sensitivity = 2, .scale = 16, .count = 1},
	    {.kind = FM_SAMPLED_GAUSSIAN, .sensitivity = 1, .scale = 1.3, .q = 0.01, .count = 200},
	};
	const struct fm_mechanism turned[] = {list[3], list[2], list[1], list[0]};
	struct fm_mechanism cut[5] = {list[0], list[1], list[2], list[3], list[3]};
	double whole = account(list, 4, 1e-6, FM_ADD_OR_REMOVE, FM_PLD);

	(void)state;
	cut[3].count = 80;
	cut[4].count = 120;
	assert_true(fabs(account(turned, 4, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) / whole - 1) < 1e-9);
	assert_true(fabs(account(cut, 5, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) / whole - 1) < 1e-9);
	assert_true(account(list, 3, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) < whole);
	assert_true(account(list, 4, 1e-6, FM_REPLACE_ONE, FM_PLD) > whole);
	assert_true(account(list, 4, 1e-6, FM_ADD_OR_REMOVE, FM_RDP) > whole);
	assert_true(account(list, 0, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) == 0);
}

static void test_neighbours_that_are_mirror_images_leak_alike(void **state)
{
	struct fm_mechanism m = steps(1, 3, 50), twice = steps(1, 1.5, 50);

	(void)state;
	/* With q = 1 a replacement moves the sum by twice the clip, whatever the grid. */
	assert_true(account(&m, 1, 1e-6, FM_REPLACE_ONE, FM_PLD) == account(&twice, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD));
	/* Clip and noise count by their ratio alone. */
	m = steps(0.02, 1.5, 50);
	twice = m;
	twice.sensitivity = 0.25;
	twice.scale = 0.375;
	assert_true(account(&m, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) ==
		    account(&twice, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD));
	/* To remove is worse than to add, and is less than to replace. */
	assert_true(account(&m, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) < account(&m, 1, 1e-6, FM_REPLACE_ONE, FM_PLD));
}

static void test_groups_grow_from_one(void **state)
{
	struct fm_mechanism m = steps(0.01, 2, 500);
	double before = account(&m, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD);

	(void)state;
	m.group = 1;
	assert_true(account(&m, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) == before);
	for (m.group = 2; m.group <= 64; m.group *= 2) {
		double here = account(&m, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD),
		       rdp = account(&m, 1, 1e-6, FM_ADD_OR_REMOVE, FM_RDP);

		assert_true(here > 2 * before && here < rdp);
		before = here;
	}
	/* All of a group in every step is one record of that many times the clip. */
	m = steps(1, 8, 30);
	m.group = 4;
	const struct fm_mechanism same = steps(1, 2, 30);

	assert_true(account(&m, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) ==
		    account(&same, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD));
	/* Nearly all of them, replaced: the one part of the other side that is near has a weight of 1e-48.  The root of
	 * the closed form, by 40 digits. */
	m = steps(0.999, 0.8, 1);
	m.group = 16;
	before = account(&m, 1, 1e-8, FM_REPLACE_ONE, FM_PLD);
	assert_true(before >= 421.811677966 && before < 421.811677967);
}

/* Groups so large, with so little noise, that a step of the grid is wider than what an exponential can say: more than a
 * half of the group leaks, and less than where each record is in every step. */
static void test_a_group_that_leaks_all_is_not_said_to_leak_nothing(void **state)
{
	static const struct {
		double q, sigma, delta;
		unsigned group;
	} cases[] = {{0.9, 0.01752, 4.86e-13, 300}, {0.5, 0.5969, 3.74e-29, 512}, {0.5, 1, 1e-9, FM_GROUP_MAX}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int replaced = 0; replaced < 2; replaced++) {
			enum fm_adjacency adjacency = replaced ? FM_REPLACE_ONE : FM_ADD_OR_REMOVE;
			struct fm_mechanism m = steps(cases[i].q, cases[i].sigma, 100000), half, all;

			m.group = cases[i].group;
			half = all = m;
			half.group /= 2;
			all.q = 1;
			double e = account(&m, 1, cases[i].delta, adjacency, FM_PLD);

			assert_true(e > 1.9 * account(&half, 1, cases[i].delta, adjacency, FM_PLD));
			assert_true(e < account(&all, 1, cases[i].delta, adjacency, FM_PLD));
		}
}

static void test_laplace_alone_is_pure_and_composes_below_the_sum(void **state)
{
	const struct fm_mechanism one = {.kind = FM_LAPLACE, .sensitivity = 2, .scale = 20, .count = 1};
	struct fm_mechanism many = one;

	(void)state;
	/* delta = 1 - e^((epsilon - c) / 2), c = 0.1 */
	assert_true(fabs(account(&one, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) - (0.1 + 2 * log1p(-1e-6))) < 1e-12);
	assert_true(account(&one, 1, 1e-12, FM_ADD_OR_REMOVE, FM_PLD) <= 0.1);
	many.count = 3;
	double three = account(&many, 1, 1e-9, FM_ADD_OR_REMOVE, FM_PLD);

	assert_true(three <= 0.3 && three > 0.29);
	many.count = 400;
	assert_true(account(&many, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) < 0.3 * 400 * 0.1);
	assert_true(account(&many, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) <
		    account(&many, 1, 1e-6, FM_ADD_OR_REMOVE, FM_RDP));
}

/* delta(epsilon) summed over the integers, in the C library's arithmetic. */
static double discrete_delta(double sigma, double shift, double epsilon)
{
	double sum = 0, over = 0;

	for (int y = -400; y <= 400; y++)
		sum += exp(-y * (double)y / (2 * sigma * sigma));
	for (int y = -400; y <= 400; y++)
		over += fmax(0, exp(-y * (double)y / (2 * sigma * sigma)) -
				    exp(epsilon - (y - shift) * (y - shift) / (2 * sigma * sigma)));
	return over / sum;
}

static void test_discrete_gaussian_is_exact_once_and_near_the_gaussian(void **state)
{
	(void)state;
	for (double sigma = 0.5; sigma < 20; sigma *= 2.3) {
		struct fm_mechanism m = {.kind = FM_DISCRETE_GAUSSIAN, .sensitivity = 1, .scale = sigma, .count = 1},
				    g = m;
		double epsilon = account(&m, 1, 1e-5, FM_ADD_OR_REMOVE, FM_PLD);

		assert_true(discrete_delta(sigma, 1, epsilon) <= 1e-5);
		assert_true(discrete_delta(sigma, 1, epsilon * (1 - 1e-6)) > 1e-5);
		m.count = g.count = 30;
		g.kind = FM_GAUSSIAN;
		double many = account(&m, 1, 1e-5, FM_ADD_OR_REMOVE, FM_PLD);

		assert_true(many < account(&m, 1, 1e-5, FM_ADD_OR_REMOVE, FM_RDP));
		if (sigma > 2)
			assert_true(fabs(many / account(&g, 1, 1e-5, FM_ADD_OR_REMOVE, FM_PLD) - 1) < 2e-3);
	}
}

static void test_what_no_mechanism_is_is_refused_by_name(void **state)
{
	const struct fm_mechanism good = steps(0.01, 1, 10);
	struct fm_mechanism bad[8];
	struct fm_error err = {0};
	double v;

	(void)state;
	for (int i = 0; i < 8; i++) {
		bad[i] = good;
		bad[i].name = "training";
	}
	bad[0].q = 0;
	bad[1].q = 1.5;
	bad[2].scale = 0;
	bad[3].scale = NAN;
	bad[4].sensitivity = -1;
	bad[5].count = 0;
	bad[6].group = FM_GROUP_MAX + 1;
	bad[7] = (struct fm_mechanism){
	    .kind = FM_DISCRETE_GAUSSIAN, .sensitivity = 1.5, .scale = 3, .count = 1, .name = "training"};
	for (int i = 0; i < 8; i++) {
		const struct fm_mechanism list[] = {good, bad[i]};

		assert_int_equal(fm_account(list, 2, 1e-6, FM_ADD_OR_REMOVE, FM_PLD, &v, &err), FM_EINPUT);
		assert_non_null(strstr(err.message, "mechanism 2 (training): "));
	}
	assert_int_equal(fm_account(&good, 1, 0, FM_ADD_OR_REMOVE, FM_PLD, &v, &err), FM_EINPUT);
	assert_int_equal(fm_account(&good, 1, 1, FM_ADD_OR_REMOVE, FM_PLD, &v, &err), FM_EINPUT);
	assert_int_equal(fm_account(&good, 1, NAN, FM_ADD_OR_REMOVE, FM_PLD, &v, &err), FM_EINPUT);
}

static void test_calibration_pays_for_the_others_first(void **state)
{
	struct fm_mechanism list[] = {
	    {.kind = FM_GAUSSIAN, .sensitivity = 2, .scale = 16, .count = 1},
	    {.kind = FM_SAMPLED_GAUSSIAN, .sensitivity = 1, .q = 0.03, .count = 300},
	};
	struct fm_error err = {0};
	double alone, together;

	(void)state;
	assert_int_equal(
	    fm_calibrate(list + 1, 1, 0, 1, &(struct fm_account_terms){1e-6, FM_ADD_OR_REMOVE, FM_PLD}, &alone, &err),
	    FM_OK);
	assert_int_equal(
	    fm_calibrate(list, 2, 1, 1, &(struct fm_account_terms){1e-6, FM_ADD_OR_REMOVE, FM_PLD}, &together, &err),
	    FM_OK);
	assert_true(together > 1.05 * alone);
	list[1].scale = together;
	assert_true(account(list, 2, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) <= 1);
	list[1].scale = 0.995 * together;
	assert_true(account(list, 2, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) > 1);
	list[0].scale = 2;
	assert_int_equal(
	    fm_calibrate(list, 2, 1, 1, &(struct fm_account_terms){1e-6, FM_ADD_OR_REMOVE, FM_PLD}, &together, &err),
	    FM_EINPUT);
	assert_non_null(strstr(err.message, "the other mechanisms leak more"));
}

/* What stands in a manifest must not depend on compiler, optimisation or processor. */
static void test_the_bits_are_the_same_everywhere(void **state)
{
	const struct fm_mechanism list[] = {
	    {.kind = FM_GAUSSIAN, .sensitivity = 2, .scale = 30, .count = 1},
	    {.kind = FM_LAPLACE, .sensitivity = 1, .scale = 20, .count = 2},
	    {.kind = FM_DISCRETE_GAUSSIAN, .sensitivity = 2, .scale = 16, .count = 1},
	    {.kind = FM_SAMPLED_GAUSSIAN, .sensitivity = 1, .scale = 1.3, .q = 0.01, .count = 200, .group = 3},
	};

	(void)state;
	assert_true(account(list, 4, 1e-6, FM_ADD_OR_REMOVE, FM_PLD) == 0x1.11cd0cc9473d3p+1);
	assert_true(account(list, 4, 1e-10, FM_REPLACE_ONE, FM_PLD) == 0x1.2470f6f6c2d6ap+2);
	assert_true(account(list, 4, 1e-6, FM_ADD_OR_REMOVE, FM_RDP) == 0x1.7c31fe2116575p+1);
	assert_true(account(list + 3, 1, 1e-6, FM_ADD_OR_REMOVE, FM_RDP) == 0x1.7319656037152p+1);
}

static void test_rounding_goes_up_and_no_further(void **state)
{
	(void)state;
	assert_true(fm_round_up(1.23456789, 3) == 1.24);
	assert_true(fm_round_up(1.23, 3) == 1.23);
	assert_true(fm_round_up(9.999, 2) == 10);
	assert_true(fm_round_up(0.00012341, 3) == 0.000124);
	assert_true(fm_round_up(123456, 2) == 130000);
	for (double v = 1e-9; v < 1e9; v *= 1.37) {
		double up = fm_round_up(v, 6);

		assert_true(up >= v && up <= v * (1 + 1.0001e-5) && fm_round_up(up, 6) == up);
	}
}

/* The table of guarantees has a replaced record as a group of two that are added: never less than the replacement. */
static void test_a_group_of_two_covers_a_replacement(void **state)
{
	static const double q[] = {0.0005, 0.01, 0.1, 1}, sigma[] = {0.6, 1.2, 4, 16};
	static const uint64_t times[] = {1, 200};

	(void)state;
	for (size_t i = 0; i < 32; i++) {
		struct fm_mechanism m = steps(q[i % 4], sigma[i / 4 % 4], times[i / 16]);
		double replaced = account(&m, 1, 1e-6, FM_REPLACE_ONE, FM_PLD), two;

		m.group = 2;
		two = account(&m, 1, 1e-6, FM_ADD_OR_REMOVE, FM_PLD);
		if (!(two >= replaced * (1 - FM_ACCOUNT_SHARE)))
			fail_msg("q %g, sigma %g, %d times: %g for two, %g for a replacement", m.q, m.scale,
				 (int)m.count, two, replaced);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_special_functions_agree_with_the_c_library),
	    cmocka_unit_test(test_transform_keeps_within_its_stated_error),
	    cmocka_unit_test(test_epsilon_agrees_with_exact_values_and_other_accountants),
	    cmocka_unit_test(test_epsilon_agrees_with_the_whole_reference),
	    cmocka_unit_test(test_divergences_agree_with_quadrature),
	    cmocka_unit_test(test_calibrated_noise_keeps_to_its_target),
	    cmocka_unit_test(test_equal_mechanisms_of_a_list_are_one),
	    cmocka_unit_test(test_the_grid_is_never_below_a_composition_that_is_known),
	    cmocka_unit_test(test_a_gaussian_beside_the_grid_counts_in_full),
	    cmocka_unit_test(test_more_steps_or_less_noise_leak_more_and_a_larger_delta_less),
	    cmocka_unit_test(test_little_noise_has_an_epsilon_too),
	    cmocka_unit_test(test_the_order_and_the_cut_of_a_list_do_not_matter),
	    cmocka_unit_test(test_neighbours_that_are_mirror_images_leak_alike),
	    cmocka_unit_test(test_groups_grow_from_one),
	    cmocka_unit_test(test_a_group_that_leaks_all_is_not_said_to_leak_nothing),
	    cmocka_unit_test(test_laplace_alone_is_pure_and_composes_below_the_sum),
	    cmocka_unit_test(test_discrete_gaussian_is_exact_once_and_near_the_gaussian),
	    cmocka_unit_test(test_what_no_mechanism_is_is_refused_by_name),
	    cmocka_unit_test(test_calibration_pays_for_the_others_first),
	    cmocka_unit_test(test_the_bits_are_the_same_everywhere),
	    cmocka_unit_test(test_rounding_goes_up_and_no_further),
	    cmocka_unit_test(test_a_group_of_two_covers_a_replacement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
