/* Promise: from what a release publishes nobody can tell how many real flows there are.  An attacker who knows that
 * splits are whole windows, that numbers are rounded down, and that a share of n rows is a whole number over n, tries
 * every number of rows that the published ones leave open. */
#include "judge_fixture.h"

#include "judge/gate/measure.h"
#include "manifests/registry.h"
#include "report/report.h"

#define K 20
#define WINDOW 32
#define TRIALS 6
#define BUCKET (K * WINDOW)

struct trial {
	json_t *published;
	int64_t n[2]; /* learned from, held out */
};
static const char *const of[2] = {"rows.real", "rows.holdout"};

static void trial_make(struct trial *t, int64_t real, int64_t holdout, uint64_t seed)
{
	struct fm_table *r = random_table((size_t)real, seed), *h = random_table((size_t)holdout, seed + 100),
			*s = random_table(700 + (size_t)seed, seed + 200);
	struct fm_leakage_opts o = {.rare = K, .memory = (size_t)256 << 20};
	struct fm_metrics m = {0};
	struct fm_error err;
	json_t *list;

	OK(fm_evaluate_tables(r, s, h, 2, o, &m, &err));
	fm_metrics_round(&m);
	list = fm_metrics_list(&m);
	OK(fm_report_metrics(list, "metrics", K, WINDOW, &t->published, &err));
	t->n[0] = real;
	t->n[1] = holdout;
	json_decref(list);
	fm_metrics_free(&m);
	fm_table_free(r);
	fm_table_free(h);
	fm_table_free(s);
}

/* Is v, as it would be published, a whole number over n? */
static bool fits(const char *name, double v, int64_t n)
{
	double a = floor(v * (double)n);

	for (int i = -1; i <= 2; i++)
		if (fabs(fm_metric_published(name, fm_metric_round((a + i) / (double)n)) - v) < 1e-9)
			return true;
	return false;
}

/* The numbers of an entry, and how many there are: value and both ends of the interval. */
static size_t numbers(const json_t *m, double out[3])
{
	const json_t *ci = json_object_get(m, "ci"),
		     *v[3] = {json_object_get(m, "value"), json_array_get(ci, 0), json_array_get(ci, 1)};
	size_t n = 0;

	for (size_t i = 0; i < 3; i++) {
		double x = json_number_value(v[i]);

		if (json_is_number(v[i]) && fabs(x - nearbyint(x)) > 1e-9)
			out[n++] = x;
	}
	return n;
}

static const json_t *named(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "name")), name) == 0)
			return json_array_get(list, i);
	return NULL;
}

/* Does this metric look like a share of the true number of rows in every trial? */
static bool is_share(const struct trial *t, int which, const char *name)
{
	size_t seen = 0;

	for (int k = 0; k < TRIALS; k++) {
		const json_t *m = named(t[k].published, name);
		double v[3];
		size_t n = m ? numbers(m, v) : 0;

		for (size_t i = 0; i < n; i++, seen++)
			if (!fits(name, v[i], t[k].n[which]))
				return false;
	}
	return seen >= TRIALS;
}

static void nobody_solves_for_the_number_of_rows(void **state)
{
	struct trial t[TRIALS];

	(void)state;
	for (int k = 0; k < TRIALS; k++)
		trial_make(&t[k], WINDOW * (45 + 7 * k), WINDOW * (41 + 5 * k), (uint64_t)k + 1);
	for (int which = 0; which < 2; which++) {
		const char *share[512];
		size_t nshares = 0;

		for (size_t i = 0; i < json_array_size(t[0].published); i++) {
			const char *name =
			    json_string_value(json_object_get(json_array_get(t[0].published, i), "name"));

			if (strncmp(name, "rows.", 5) != 0 && is_share(t, which, name) && nshares < 512)
				share[nshares++] = name;
		}
		for (int k = 0; k < TRIALS; k++) {
			int64_t n = t[k].n[which], lo = n / BUCKET * BUCKET, open = 0, may = 0;
			const json_t *told = named(t[k].published, of[which]);

			assert_true(!told || json_integer_value(json_object_get(told, "value")) == lo);
			for (int64_t c = lo ? lo : WINDOW; c < lo + BUCKET; c += WINDOW, may++) {
				bool good = true;

				for (size_t i = 0; i < nshares && good; i++) {
					double v[3];
					size_t m = numbers(named(t[k].published, share[i]), v);

					for (size_t j = 0; j < m && good; j++)
						good = fits(share[i], v[j], c);
				}
				open += good;
			}
			printf("# %s: %lld of %lld numbers of rows are open, by %zu shares\n", of[which],
			       (long long)open, (long long)may, nshares);
			for (size_t i = 0; k == 0 && i < nshares; i++)
				printf("#     %s\n", share[i]);
			if (2 * open < K)
				fail_msg("%s: only %lld numbers of rows are possible", of[which], (long long)open);
		}
	}
	for (int k = 0; k < TRIALS; k++)
		json_decref(t[k].published);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_solves_for_the_number_of_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
