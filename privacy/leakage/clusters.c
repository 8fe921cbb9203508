#include "privacy/leakage/clusters.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/special.h"

#define DENSE 0.8      /* where the variance is less than this share of the sum of squares, most clusters have votes */
#define MOST_STEPS 1e9 /* of the convolution; beyond, thousands of clusters vote and the normal tail is close */

static size_t number(const struct fm_table *t, int by_win, size_t first, struct fm_span *rows)
{
	size_t n = first;

	for (size_t i = 0; i < t->rows; i++) {
		int begins = i == 0 || (by_win ? t->win[i] != t->win[i - 1] : i % FM_CLUSTER_ROWS == 0);
		n += (size_t)begins;
		if (rows && begins)
			rows[n - 1].from = (uint32_t)i;
		if (rows)
			rows[n - 1].to = (uint32_t)i + 1;
		fm_table_forget_behind(t, i);
	}
	return n;
}

/* Set how many rows of each cluster count, and pi. */
static void weigh(struct fm_clusters *b, const struct fm_copies *copies)
{
	double rows[2] = {0};

	for (size_t i = 0; i < b->n; i++) {
		int k = i >= b->train;
		const struct fm_span *s = &b->rows[i];
		b->count[i] = copies
				  ? fm_kept_before(&copies->side[k], s->to) - fm_kept_before(&copies->side[k], s->from)
				  : s->to - s->from;
		rows[k] += b->count[i];
	}
	b->pi = b->n > b->train && rows[0] + rows[1] > 0 ? rows[0] / (rows[0] + rows[1]) : 1;
}

int fm_clusters_new(struct fm_clusters **out, const struct fm_table *train, const struct fm_table *holdout,
		    const struct fm_copies *copies, struct fm_error *err)
{
	const struct fm_table *side[2] = {train, holdout};
	struct fm_clusters *b = NULL;
	int by_win = FM_HAS(train, FM_WIN) && (!holdout || FM_HAS(holdout, FM_WIN));
	int rc;

	*out = NULL;
	for (int k = 0; k < 2; k++)
		if (side[k] && side[k]->rows >= FM_NO_NEIGHBOUR)
			return fm_fail(err, FM_EINPUT, "a table of %zu rows is over the leakage checks' limit",
				       side[k]->rows);
	if ((rc = fm_alloc(&b, 1, sizeof *b, "clusters", err)) < 0)
		return rc;
	b->train = b->n = number(train, by_win, 0, NULL);
	if (holdout)
		b->n = number(holdout, by_win, b->n, NULL);
	if ((rc = fm_alloc(&b->rows, b->n + 1, sizeof *b->rows, "clusters", err)) < 0 ||
	    (rc = fm_alloc(&b->count, b->n + 1, sizeof *b->count, "clusters", err)) < 0)
		goto out;
	for (int k = 0; k < 2; k++)
		if (side[k])
			number(side[k], by_win, k ? b->train : 0, b->rows);
	weigh(b, copies);
	*out = b;
out:
	if (rc < 0)
		fm_clusters_free(b);
	return rc;
}

void fm_clusters_free(struct fm_clusters *b)
{
	if (!b)
		return;
	free(b->rows);
	free(b->count);
	free(b);
}

uint32_t fm_cluster_of(const struct fm_clusters *b, int side, uint32_t row)
{
	size_t first = side ? b->train : 0, n = (side ? b->n : b->train) - first;

	while (n > 1) { /* the last one that does not begin after the row */
		size_t half = n / 2;
		if (b->rows[first + half].from <= row) {
			first += half;
			n -= half;
		} else {
			n = half;
		}
	}
	return (uint32_t)first;
}

int fm_units_tail(const uint32_t *weight, size_t n, double pi, size_t least, double *p, struct fm_error *err)
{
	double *chance = NULL;
	size_t total = 0, sum = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		total += weight[i];
	if ((rc = fm_alloc(&chance, total + 1, sizeof *chance, "a distribution", err)) < 0)
		return rc;
	chance[0] = 1;
	for (size_t i = 0; i < n; i++) {
		size_t m = weight[i];
		sum += m;
		for (size_t v = sum + 1; v-- > 0;)
			chance[v] = (1 - pi) * chance[v] + (v >= m ? pi * chance[v - m] : 0);
	}
	*p = 0;
	for (size_t v = total + 1; v-- > least;)
		*p += chance[v];
	*p = *p > 1 ? 1 : *p;
	free(chance);
	return FM_OK;
}

/* out->p: the probability of out->train votes or more, where the votes of a cluster come in units of at most `most`. */
static int exact_tail(const struct fm_clusters *b, const uint32_t *votes, uint32_t most, double pi, size_t units,
		      struct fm_cluster_test *out, struct fm_error *err)
{
	uint32_t *weight = NULL;
	size_t n = 0;
	int rc;

	if ((rc = fm_alloc(&weight, units + 1, sizeof *weight, "units", err)) < 0)
		return rc;
	for (size_t i = 0; i < b->n; i++)
		for (uint32_t left = votes[i], m; left > 0; left -= m)
			weight[n++] = m = most && left > most ? most : left;
	rc = fm_units_tail(weight, n, pi, (size_t)out->train, &out->p, err);
	free(weight);
	return rc;
}

int fm_cluster_test(const struct fm_clusters *b, const uint32_t *votes, uint32_t most, double granted,
		    struct fm_cluster_test *out, struct fm_error *err)
{
	double total = 0, squares = 0, centred = 0, units = 0, rows = 0;

	*out = (struct fm_cluster_test){.p = 1};
	for (size_t i = 0; i < b->n; i++) {
		total += votes[i];
		rows += b->count[i];
		if (i < b->train) {
			out->train += votes[i];
			out->most = votes[i] > out->most ? votes[i] : out->most;
		}
	}
	out->holdout = total - out->train;
	if (total == 0 || b->pi <= 0 || b->pi >= 1)
		return FM_OK; /* only one side: nothing to compare */
	for (size_t i = 0; i < b->n; i++) {
		double m = votes[i], whole = most ? floor(m / most) : 0, rest = m - whole * most;
		double due = total * b->count[i] / rows;
		squares += whole * most * most + rest * rest;
		units += whole + (rest > 0);
		centred += (m - due) * (m - due);
	}
	centred *= b->n > 1 ? (double)b->n / (double)(b->n - 1) : 1;
	int dense = most == 0 && centred < DENSE * squares;
	double spread = dense ? centred : squares, odds = b->pi / (1 - b->pi) * granted / (1 - granted);
	double pi = odds / (1 + odds);
	if (spread > 0)
		out->z = (out->train - b->pi * total) / sqrt(b->pi * (1 - b->pi) * spread);
	if (dense || total * units > MOST_STEPS) {
		/* No spread at all: every cluster has exactly its share. */
		out->p = spread > 0 ? fm_sf_normal_tail((out->train - pi * total) / sqrt(pi * (1 - pi) * spread)) : 1;
		return FM_OK;
	}
	return exact_tail(b, votes, most, pi, (size_t)units, out, err);
}
