#include "privacy/leakage/leakage.h"

#include <math.h>
#include <stdio.h>

#include "privacy/leakage/leakage_parts.h"

static const struct {
	int (*run)(struct fm_leak *, struct fm_error *);
	int needs_holdout, tests;
} checks[] = {
    {fm_leak_matches, 0, 1}, {fm_leak_distances, 1, 1}, {fm_leak_records, 1, 0},
    {fm_leak_attacks, 1, 0}, {fm_leak_reuse, 0, 0},
};
enum { NCHECKS = sizeof checks / sizeof *checks };

/* Release the mapped tables from memory. */
static void forget(const struct fm_leak *l)
{
	const struct fm_table *const t[] = {l->train, l->holdout, l->synthetic};

	for (size_t k = 0; k < sizeof t / sizeof *t; k++)
		if (t[k])
			fm_table_forget(t[k], 0, t[k]->rows);
}

static int run_checks(struct fm_leak *l, struct fm_error *err)
{
	int rc;

	for (int i = 0; i < NCHECKS; i++) {
		if ((!l->holdout && checks[i].needs_holdout) || (l->tests_alone && !checks[i].tests))
			continue;
		rc = checks[i].run(l, err);
		forget(l);
		if (rc < 0)
			return rc;
	}
	return FM_OK;
}

/* Metrics of real rows that are there twice. */
static int add_copies(struct fm_leak *l, struct fm_error *err)
{
	static const char *const side[2] = {"train", "holdout"};
	const struct fm_table *const t[2] = {l->train, l->holdout};
	char name[32];
	int rc;

	for (int k = 0; k < 2 && l->holdout && !fm_division_makes(l->division); k++) {
		const struct fm_kept *kept = fm_leak_kept(l, k);
		snprintf(name, sizeof name, "copies_%s", side[k]);
		if ((rc = fm_leak_share(l, name, "", (double)(kept->rows - kept->kept), t[k]->rows, 1, err)) < 0)
			return rc;
		snprintf(name, sizeof name, "repeats_%s", side[k]);
		if ((rc = fm_leak_share(l, name, "", (double)l->copies->equal[k], t[k]->rows, 1, err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* l: tables, pool, out. */
static int leakage(struct fm_leak *l, struct fm_leakage_opts o, struct fm_error *err)
{
	struct fm_clusters *clusters = NULL;
	struct fm_copies *copies = NULL;
	int rc;

	if (l->train->rows == 0 || l->synthetic->rows == 0)
		return fm_fail(err, FM_EINPUT, "the %s table has no rows: leakage cannot be judged",
			       l->train->rows ? "synthetic" : "training");
	if (l->holdout && l->holdout->rows == 0)
		l->holdout = NULL;
	if ((rc = fm_copies_find(&copies, l->train, l->holdout, o.memory / 2, err)) < 0)
		return rc;
	l->copies = copies;
	forget(l);
	if ((rc = fm_clusters_new(&clusters, l->train, l->holdout, copies, err)) < 0)
		goto out;
	l->clusters = clusters;
	/* Memory for the rows of each window and for what is counted at once: a few votes and a sum. */
	size_t windows = clusters->n * (sizeof *clusters->rows + 5 * sizeof(uint32_t) + sizeof(double));
	if (windows > o.memory / 2) {
		rc = fm_fail(err, FM_EINPUT,
			     "%zu windows are too many to judge leakage in %zu MiB: allow %zu MiB (gate.memory, "
			     "evaluate --memory)",
			     clusters->n, o.memory >> 20, ((2 * windows) >> 20) + 1);
		goto out;
	}
	l->memory = o.memory - windows;
	l->rare = o.rare;
	l->division = o.division;
	l->family = 1;
	if ((rc = add_copies(l, err)) < 0 || (rc = run_checks(l, err)) < 0 ||
	    (rc = fm_division_finish(l->division, err)) < 0 || !l->holdout || fm_division_makes(l->division))
		goto out;
	/* If the tests spent more, family_p would promise too much; if less, it would detect less than it could. */
	if (fabs(l->spent - 1) > 1e-12) {
		rc = fm_fail(err, FM_ESYSTEM, "the tests of leakage spend %g of their error budget, not all of it",
			     l->spent);
		goto out;
	}
	rc = fm_leak_add(l, "family_p", "", fmin(1, l->family), l->synthetic->rows, err);
out:
	fm_clusters_free(clusters);
	fm_copies_free(copies);
	return rc;
}

int fm_leakage(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
	       struct fm_pool *pool, struct fm_leakage_opts o, struct fm_metrics *out, struct fm_error *err)
{
	struct fm_leak l = {.train = train, .holdout = holdout, .synthetic = synthetic, .pool = pool, .out = out};

	return leakage(&l, o, err);
}

int fm_leakage_tests(const struct fm_table *train, const struct fm_table *holdout, const struct fm_table *synthetic,
		     struct fm_pool *pool, struct fm_leakage_opts o, struct fm_metrics *out, struct fm_error *err)
{
	struct fm_leak l = {
	    .train = train, .holdout = holdout, .synthetic = synthetic, .pool = pool, .out = out, .tests_alone = 1};

	return leakage(&l, o, err);
}
