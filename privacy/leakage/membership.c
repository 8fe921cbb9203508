#include "privacy/leakage/membership.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/stats.h"

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

int fm_mia_scores(const struct fm_mia_side *members, const struct fm_mia_side *outsiders, struct fm_mia *out,
		  struct fm_error *err)
{
	const uint32_t *const cluster[2] = {members->cluster, outsiders->cluster};
	const double *member = members->score, *outsider = outsiders->score;
	size_t n = members->n, m = outsiders->n;
	struct scored *s = NULL;
	double *score = NULL;
	struct fm_auc auc;
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
	if ((rc = fm_alloc(&s, n + m, sizeof *s, "scores", err)) < 0 ||
	    (rc = fm_alloc(&score, n + m, sizeof *score, "scores", err)) < 0)
		goto out;
	for (size_t i = 0; i < n + m; i++) {
		score[i] = i < n ? member[i] : outsider[i - n];
		s[i] = (struct scored){score[i], (uint32_t)(i < n ? i : i - n), i < n};
	}
	if ((rc = fm_auc_clustered(&auc, score, n, m, cluster, err)) < 0)
		goto out;
	double half = FM_Z95 * sqrt(auc.variance);
	if (half == 0) /* perfectly separated, or all the same */
		half = fm_rule_of_three(n < m ? n : m);
	out->auc = auc.value;
	fm_interval(auc.value, half, &out->auc_lo, &out->auc_hi);
	qsort(s, n + m, sizeof *s, falling);
	true_positives(s, n, m, out);
out:
	free(s);
	free(score);
	return rc;
}

int fm_mia_add(const struct fm_mia *mia, const char *prefix, const char *columns, size_t n, struct fm_metrics *out,
	       struct fm_error *err)
{
	char name[64];
	int rc;

	snprintf(name, sizeof name, "leak.%s_auc%s", prefix, columns);
	if ((rc = fm_metrics_add_ci(out, name, mia->auc, (int64_t)n, mia->auc_lo, mia->auc_hi, err)) < 0)
		return rc;
	for (int k = 0; k < FM_MIA_RATES; k++) {
		snprintf(name, sizeof name, "leak.%s_%s%s", prefix, rate_name[k], columns);
		if ((rc = fm_metrics_add_ci(out, name, mia->tpr[k], (int64_t)n, mia->tpr_lo[k], mia->tpr_hi[k], err)) <
		    0)
			return rc;
	}
	return FM_OK;
}

int fm_mia_losses(const double *member, size_t n, const double *outsider, size_t m, struct fm_metrics *out,
		  struct fm_error *err)
{
	double *score[2] = {NULL, NULL};
	struct fm_mia mia;
	int rc;

	if ((rc = fm_alloc(&score[0], n + 1, sizeof **score, "scores", err)) < 0 ||
	    (rc = fm_alloc(&score[1], m + 1, sizeof **score, "scores", err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		score[0][i] = -member[i];
	for (size_t i = 0; i < m; i++)
		score[1][i] = -outsider[i];
	if ((rc = fm_mia_scores(&(struct fm_mia_side){score[0], NULL, n}, &(struct fm_mia_side){score[1], NULL, m},
				&mia, err)) < 0)
		goto out;
	rc = fm_mia_add(&mia, "mia_model", "", n, out, err);
out:
	free(score[0]);
	free(score[1]);
	return rc;
}
