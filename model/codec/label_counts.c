#include "model/codec/label_counts.h"

#include <stdlib.h>

static int by_count(const void *a, const void *b)
{
	uint16_t x = *(const uint16_t *)a, y = *(const uint16_t *)b;

	return (x > y) - (x < y);
}

void fm_label_counts_fit(struct fm_times *times, int cl, uint16_t *own, size_t n, int window, int min_count)
{
	qsort(own, n, sizeof *own, by_count);
	for (size_t i = 0; i < FM_COUNTS; i++) {
		size_t at = (2 * i + 1) * n / (2 * FM_COUNTS);

		times->class_count[cl][i] =
		    n >= (size_t)min_count && n > 0 ? own[at] : window * times->class_share[cl][cl];
	}
}

double fm_label_counts_at(const struct fm_times *times, int cl, double u)
{
	const double *at = times->class_count[cl];
	double x = u * FM_COUNTS - 0.5, count;
	int i = (int)x;

	if (x <= 0)
		count = at[0];
	else if (i >= FM_COUNTS - 1)
		count = at[FM_COUNTS - 1];
	else
		count = at[i] + (x - i) * (at[i + 1] - at[i]);
	return count > 1 ? count : 1;
}
