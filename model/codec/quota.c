/* quota.c - how many flows of each label a window has, and which. */
#include "model/codec/quota.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/detmath.h"

/* Rows of each label: the shares of all rows, rounded so that they add up. */
static void rows_of_labels(const struct fm_plan_opts *o, int nclasses, size_t rows, size_t want[FM_MAXCLASSES])
{
	double total = 0, run = 0;
	size_t given = 0;
	memset(want, 0, sizeof(size_t) * FM_MAXCLASSES);
	for (int i = 0; i < o->nlabels; i++)
		total += o->share[i];
	for (int i = 0; i < o->nlabels; i++) {
		run += o->share[i];
		size_t upto = total > 0 ? (size_t)((double)rows * (run / total) + 0.5) : 0;
		if (o->label[i] < nclasses)
			want[o->label[i]] += upto - given;
		given = upto;
	}
}

/* Give want rows of label l to the windows of class cl (-1: to all), out of what is left of the most frequent label there;
 * window number i of these gets the ith part. */
static size_t spread(struct fm_plan *p, int nclasses, int l, int cl, size_t want)
{
	size_t n = 0, i = 0, left = want, quota;
	for (size_t w = 0; w < p->n; w++)
		n += cl < 0 || p->cls[w] == cl;
	for (size_t w = 0; w < p->n && n > 0; w++) {
		uint16_t *q = p->quota + w * (size_t)nclasses;
		if (cl >= 0 && p->cls[w] != cl)
			continue;
		quota = want * (i + 1) / n - want * i / n;
		i++;
		quota = quota < q[0] ? quota : q[0];
		q[0] = (uint16_t)(q[0] - quota);
		q[l] = (uint16_t)(q[l] + quota);
		left -= quota;
	}
	return left;
}

int fm_quota_make(struct fm_plan *plan, const struct fm_codec *c, const struct fm_plan_opts *o, struct fm_error *err)
{
	int nc = c->times.nclasses;
	size_t want[FM_MAXCLASSES], before;
	if (fm_alloc(&plan->quota, plan->n * (size_t)nc + 1, sizeof *plan->quota, "labels of windows", err) < 0)
		return err->code;
	for (size_t w = 0; w < plan->n; w++)
		plan->quota[w * (size_t)nc] = (uint16_t)c->window;
	rows_of_labels(o, nc, plan->n * (size_t)c->window, want);
	for (int l = 1; l < nc; l++)
		want[l] = want[l] > 0 ? spread(plan, nc, l, l, want[l]) : 0;
	/* What windows of the class had no room for goes to all windows that have. */
	for (int l = 1; l < nc; l++)
		do {
			before = want[l];
			want[l] = want[l] > 0 ? spread(plan, nc, l, -1, want[l]) : 0;
		} while (want[l] > 0 && want[l] < before);
	return FM_OK;
}

void fm_quota_balance(float *z, int V, const int *rows, int n, int W)
{
	double mean[FM_MAXCLASSES], p[FM_MAXCLASSES];
	int L = V < FM_MAXCLASSES ? V : FM_MAXCLASSES;
	for (int from = 0, to; from < n; from = to) {
		memset(mean, 0, sizeof mean);
		for (to = from; to < n && rows[to] / W == rows[from] / W; to++) {
			const float *x = z + (size_t)to * (size_t)V;
			double top = (double)x[0], sum = 0;
			for (int l = 1; l < L; l++)
				top = (double)x[l] > top ? (double)x[l] : top;
			for (int l = 0; l < L; l++)
				sum += p[l] = fm_det_exp((double)x[l] - top);
			for (int l = 0; l < L; l++)
				mean[l] += p[l] / sum;
		}
		for (int l = 0; l < L; l++) {
			float shift = (float)fm_det_log((mean[l] + 1e-9) / (to - from));
			for (int i = from; i < to; i++)
				z[(size_t)i * (size_t)V + (size_t)l] -= shift;
		}
	}
}

void fm_quota_left(float *z, int V, const uint16_t *quota, int nclasses, const uint16_t *tok, int W)
{
	int left[FM_MAXCLASSES] = {0}, any = 0;
	for (int l = 0; l < nclasses; l++)
		left[l] = quota[l];
	for (int i = 0; i < W; i++) {
		int l = tok[(size_t)i * FM_NTOK + FM_T_LABEL];
		if (l < nclasses)
			left[l]--;
	}
	for (int l = 0; l < nclasses; l++)
		any += left[l] > 0;
	for (int l = 0; any && l < V; l++)
		z[l] = l < nclasses && left[l] > 0 ? z[l] + (float)fm_det_log(left[l]) : -1e30f;
}
