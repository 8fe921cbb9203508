/* label_budget.c - which flows of a window get the labels that its budget has left. */
#include "model/codec/label_budget.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "model/codec/tokens.h"

void fm_label_budget_balance(float *z, int V, const int *rows, int n, int W)
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

void fm_label_budget_left(float *z, int V, const uint16_t *budget, int nclasses, const uint16_t *tok, int W)
{
	int left[FM_MAXCLASSES] = {0}, any = 0;
	for (int l = 0; l < nclasses; l++)
		left[l] = budget[l];
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
