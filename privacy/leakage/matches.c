/* matches.c - rows of the synthetic table that a real table has too. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/leakage_parts.h"
#include "privacy/leakage/match.h"

static const struct column_set {
	const char *name;
	unsigned without;
	double share[3]; /* shares of the family's error budget: unique, lone, solitary */
	int extremes;    /* are the extreme records tested too? */
} column_sets[] = {
    /* No fresh row is equal in all columns (leak.rows_equal is 0): no budget is needed there.  A copy with its
     * addresses is also a copy without them: a quarter is enough. */
    {"", 0, {0, 0, 0}, 0},
    {"_no_time", 1u << FM_TE, {FM_LEAK_SHARE_UNIQUE / 4, FM_LEAK_SHARE_LONE / 4, 0}, 0},
    {"_no_addr_time",
     1u << FM_TE | 1u << FM_SA | 1u << FM_DA,
     {FM_LEAK_SHARE_UNIQUE, FM_LEAK_SHARE_LONE, FM_LEAK_SHARE_SOLITARY},
     1},
};
enum { NSETS = sizeof column_sets / sizeof *column_sets };

/* The results for the records of one set of columns, which are processed in lists as long as the memory allows. */
struct tally {
	struct fm_leak *l;
	unsigned columns;
	struct fm_leak_record *list; /* records not yet counted */
	size_t n, cap, most;
	uint32_t *votes[3];           /* records of a Hamming distance of at least 1, 2, 3, by cluster */
	struct fm_extremes *extremes; /* or NULL */
};

static void tally_close(struct tally *t)
{
	free(t->list);
	for (int k = 0; k < 3; k++)
		free(t->votes[k]);
	fm_extremes_free(t->extremes);
}

static int tally_open(struct tally *t, struct fm_leak *l, unsigned columns, int extremes, struct fm_error *err)
{
	int rc;

	*t = (struct tally){.l = l, .columns = columns};
	t->most = l->memory / 4 / (sizeof *t->list + FM_LEAK_HAMMING_BATCH * FM_LEAK_HAMMING_BYTES);
	t->most = t->most > 1024 ? t->most : 1024;
	for (int k = 0; k < 3; k++)
		if ((rc = fm_alloc(&t->votes[k], l->clusters->n + 1, sizeof *t->votes[k], "votes", err)) < 0)
			return rc;
	return extremes ? fm_extremes_open(&t->extremes, l, err) : FM_OK;
}

/* Count the waiting records. */
static int tally_count(struct tally *t, struct fm_error *err)
{
	const struct fm_clusters *b = t->l->clusters;
	int rc;

	if ((rc = fm_leak_set_hamming(t->l, t->columns, t->list, t->n, err)) < 0 ||
	    (t->extremes && (rc = fm_extremes_add(t->extremes, t->list, t->n, err)) < 0))
		return rc;
	for (size_t i = 0; i < t->n; i++)
		for (int apart = 1; apart <= t->list[i].hamming; apart++)
			t->votes[apart - 1][fm_cluster_of(b, t->list[i].side, t->list[i].row)]++;
	t->n = 0;
	return FM_OK;
}

static int tally_add(void *ctx, int side, uint32_t row, struct fm_error *err)
{
	struct tally *t = ctx;
	int rc;

	if (t->n == t->most && (rc = tally_count(t, err)) < 0)
		return rc;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 1024;
		struct fm_leak_record *list = reallocarray(t->list, cap, sizeof *list);
		if (!list)
			return fm_fail(err, FM_ESYSTEM, "out of memory: %zu records", cap);
		t->list = list;
		t->cap = cap;
	}
	t->list[t->n++] = (struct fm_leak_record){.row = row, .side = (uint8_t)side};
	return FM_OK;
}

/* ---- the paired tests ---- */

/* Test the records whose Hamming distance from all others is at least `apart`. */
static int paired(struct fm_leak *l, const char *set, const uint32_t *votes, int apart, double share,
		  struct fm_error *err)
{
	static const char *const names[] = {"unique", "lone", "solitary"};
	const char *name = names[apart - 1];
	struct fm_cluster_test test;
	char part[40];
	int rc;

	/* A model that has learned a distribution does not hit solitary records of training more often: nothing is
	 * granted there. */
	if ((rc = fm_cluster_test(l->clusters, votes, apart > 1 ? FM_LEAK_PAIRS : FM_LEAK_CLUSTERS,
				  apart == 3 ? 0.5 : FM_LEAK_GRANTED, &test, err)) < 0 ||
	    (rc = fm_leak_verdict(l, name, set, &test, share, err)) < 0)
		return rc;
	snprintf(part, sizeof part, "%s_block_most", name);
	return fm_leak_add(l, part, set, test.most, l->clusters->train, err);
}

static int set_matches(struct fm_leak *l, const struct column_set *set, unsigned columns, struct fm_error *err)
{
	char name[FM_DIVISION_NAME];
	struct fm_match m = {.train = l->train,
			     .holdout = l->holdout,
			     .synthetic = l->synthetic,
			     .columns = columns,
			     .memory = l->memory / 2,
			     .copies = l->copies,
			     .division = l->division,
			     .name = name};
	struct tally t = {0};
	int rc;

	snprintf(name, sizeof name, "match%s", set->name);
	if (l->holdout && !fm_division_makes(l->division)) {
		if ((rc = tally_open(&t, l, columns, set->extremes, err)) < 0)
			goto out;
		m.record = tally_add;
		m.ctx = &t;
	}
	if ((rc = fm_match(&m, err)) < 0 || fm_division_makes(l->division) ||
	    (rc = fm_leak_share(l, "rows_equal", set->name, (double)m.synthetic_equal, l->synthetic->rows, 1, err)) <
		0 ||
	    !l->holdout)
		goto out;
	if ((rc = fm_leak_share(l, "holdout_equal", set->name, (double)m.holdout_equal, l->holdout->rows, 1, err)) <
		0 ||
	    (rc = tally_count(&t, err)) < 0)
		goto out;
	for (int apart = 1; apart <= 3; apart++)
		if ((rc = paired(l, set->name, t.votes[apart - 1], apart, set->share[apart - 1], err)) < 0)
			goto out;
	if (t.extremes)
		rc = fm_extremes_test(t.extremes, set->name, err);
out:
	tally_close(&t);
	return rc;
}

int fm_leak_matches(struct fm_leak *l, struct fm_error *err)
{
	unsigned present =
	    l->train->present & l->synthetic->present & FM_COLS_UGR16 & (l->holdout ? l->holdout->present : ~0u);
	int rc;

	for (size_t i = 0; i < NSETS; i++) {
		unsigned columns = present & ~column_sets[i].without;
		if (columns && (rc = set_matches(l, &column_sets[i], columns, err)) < 0)
			return rc;
	}
	return FM_OK;
}
