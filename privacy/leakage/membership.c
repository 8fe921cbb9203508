#include "privacy/leakage/membership.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/leakage/leakage.h"

const double fm_mia_rate[FM_MIA_RATES] = {0.01, 0.001};
static const char *const rate_name[FM_MIA_RATES] = {"tpr_1", "tpr_01"};

struct scored {
	double score;
	uint32_t row;
	uint8_t member;
};

static int falling(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	if (x->member != y->member)
		return x->member < y->member ? 1 : -1;
	return (x->row > y->row) - (x->row < y->row);
}

struct component {
	double v;
	uint32_t cluster;
};

static int by_block(const void *a, const void *b)
{
	uint32_t x = ((const struct component *)a)->cluster, y = ((const struct component *)b)->cluster;

	return (x > y) - (x < y);
}

/* The variance of the mean of n components, clusters being independent of each other. */
static double block_variance(struct component *c, size_t n, double mean)
{
	double sum = 0, squares = 0;

	qsort(c, n, sizeof *c, by_block);
	for (size_t i = 0; i < n; i++) {
		sum += c[i].v - mean;
		if (i + 1 == n || c[i + 1].cluster != c[i].cluster) {
			squares += sum * sum;
			sum = 0;
		}
	}
	return squares / ((double)n * (double)n);
}

static void true_positives(const struct scored *s, size_t n, size_t m, struct fm_mia *out)
{
	double below_t = 0, below_f = 0; /* rates at the last corner of the curve */
	size_t members = 0, outsiders = 0;
	int k = FM_MIA_RATES - 1;

	for (size_t i = 0; i < n + m && k >= 0;) {
		double score = s[i].score;
		for (; i < n + m && s[i].score == score; i++) {
			members += s[i].member;
			outsiders += !s[i].member;
		}
		double t = (double)members / (double)n, f = (double)outsiders / (double)m;
		for (; k >= 0 && f > fm_mia_rate[k]; k--)
			out->tpr[k] = below_t + (t - below_t) * (fm_mia_rate[k] - below_f) / (f - below_f);
		below_t = t;
		below_f = f;
	}
	double both = (double)n * (double)m / (double)(n + m);
	for (k = 0; k < FM_MIA_RATES; k++)
		fm_wilson(out->tpr[k] * both, both, &out->tpr_lo[k], &out->tpr_hi[k]);
}

int fm_mia_scores(const double *member, const uint32_t *member_block, size_t n, const double *outsider,
		  const uint32_t *outsider_block, size_t m, struct fm_mia *out, struct fm_error *err)
{
	struct component *c[2] = {NULL, NULL};
	struct scored *s = NULL;
	int rc, missing = n == 0 || m == 0;

	for (size_t i = 0; i < n; i++)
		missing |= isnan(member[i]);
	for (size_t i = 0; i < m; i++)
		missing |= isnan(outsider[i]);
	*out = (struct fm_mia){NAN, NAN, NAN, {NAN, NAN}, {NAN, NAN}, {NAN, NAN}};
	if (missing)
		return FM_OK;
	if (n >= UINT32_MAX || m >= UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "%zu and %zu scores are too many", n, m);
	if ((rc = fm_alloc(&s, n + m, sizeof *s, "scores", err)) != FM_OK ||
	    (rc = fm_alloc(&c[0], m, sizeof **c, "scores", err)) != FM_OK ||
	    (rc = fm_alloc(&c[1], n, sizeof **c, "scores", err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < n; i++)
		s[i] = (struct scored){member[i], (uint32_t)i, 1};
	for (size_t i = 0; i < m; i++)
		s[n + i] = (struct scored){outsider[i], (uint32_t)i, 0};
	qsort(s, n + m, sizeof *s, falling);

	/* A member's component is the share of outsiders below it, an outsider's the share of members above it. */
	size_t above[2] = {0, 0};
	double sum = 0;
	for (size_t i = 0; i < n + m;) {
		size_t end = i, here[2] = {0, 0};
		for (; end < n + m && s[end].score == s[i].score; end++)
			here[s[end].member]++;
		for (; i < end; i++) {
			double v = s[i].member ? ((double)(m - above[0]) - (double)here[0] / 2) / (double)m
					       : ((double)above[1] + (double)here[1] / 2) / (double)n;
			const uint32_t *cluster = s[i].member ? member_block : outsider_block;
			c[s[i].member][s[i].row] = (struct component){v, cluster ? cluster[s[i].row] : s[i].row};
		}
		above[0] += here[0];
		above[1] += here[1];
	}
	for (size_t i = 0; i < n; i++)
		sum += c[1][i].v;
	out->auc = sum / (double)n;
	double half = 1.959963984540054 * sqrt(block_variance(c[1], n, out->auc) + block_variance(c[0], m, out->auc));
	if (half == 0) /* perfectly apart, or all the same: the rule of three (Hanley and Lippman-Hand 1983) */
		half = fmin(1, 3 / (double)(n < m ? n : m));
	out->auc_lo = fmax(0, out->auc - half);
	out->auc_hi = fmin(1, out->auc + half);
	true_positives(s, n, m, out);
out:
	free(s);
	free(c[0]);
	free(c[1]);
	return rc;
}

int fm_mia_add(const struct fm_mia *mia, const char *prefix, const char *columns, size_t n, struct fm_metrics *out,
	       struct fm_error *err)
{
	char name[64];
	int rc;

	snprintf(name, sizeof name, "leak.%s_auc%s", prefix, columns);
	rc = fm_metrics_add_ci(out, name, mia->auc, (int64_t)n, mia->auc_lo, mia->auc_hi, err);
	for (int k = 0; k < FM_MIA_RATES && rc == FM_OK; k++) {
		snprintf(name, sizeof name, "leak.%s_%s%s", prefix, rate_name[k], columns);
		rc = fm_metrics_add_ci(out, name, mia->tpr[k], (int64_t)n, mia->tpr_lo[k], mia->tpr_hi[k], err);
	}
	return rc;
}

int fm_mia_losses(const double *member, size_t n, const double *outsider, size_t m, struct fm_metrics *out,
		  struct fm_error *err)
{
	double *score[2] = {NULL, NULL};
	struct fm_mia mia;
	int rc;

	if ((rc = fm_alloc(&score[0], n + 1, sizeof **score, "scores", err)) != FM_OK ||
	    (rc = fm_alloc(&score[1], m + 1, sizeof **score, "scores", err)) != FM_OK)
		goto out;
	for (size_t i = 0; i < n; i++)
		score[0][i] = -member[i];
	for (size_t i = 0; i < m; i++)
		score[1][i] = -outsider[i];
	if ((rc = fm_mia_scores(score[0], NULL, n, score[1], NULL, m, &mia, err)) == FM_OK)
		rc = fm_mia_add(&mia, "mia_model", "", n, out, err);
out:
	free(score[0]);
	free(score[1]);
	return rc;
}
