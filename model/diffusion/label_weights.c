#include "model/diffusion/label_weights.h"

#include <math.h>

#include "base/mem.h"

int fm_label_weights(float **weight, int labels, const struct fm_encoded *e, int window, int most, struct fm_error *err)
{
	size_t n = e->windows * (size_t)window, count[FM_MAXCLASSES] = {0}, frequent = 0;
	double w[FM_MAXCLASSES], sum = 0;
	int rc;

	*weight = NULL;
	if (labels < 2 || labels > FM_MAXCLASSES || most < 2)
		return FM_OK;
	if ((rc = fm_alloc(weight, (size_t)labels, sizeof **weight, "weights of labels", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		count[e->tok[i * FM_NTOK + FM_T_LABEL]]++;
	for (int l = 0; l < labels; l++)
		frequent = count[l] > frequent ? count[l] : frequent;
	for (int l = 0; l < labels; l++) {
		w[l] = count[l] > 0 ? sqrt((double)frequent / (double)count[l]) : 1;
		w[l] = w[l] < most ? w[l] : most;
		sum += w[l] * (double)count[l];
	}
	for (int l = 0; l < labels; l++)
		(*weight)[l] = (float)(w[l] * (double)n / sum);
	return FM_OK;
}
