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

void fm_label_spans_fit(struct fm_times *times, int cl, uint16_t *own, size_t n, int min_count)
{
	qsort(own, n, sizeof *own, by_count);
	for (size_t i = 0; i < FM_COUNTS; i++)
		times->class_span[cl][i] =
		    n >= (size_t)min_count && n > 0 ? own[(2 * i + 1) * n / (2 * FM_COUNTS)] : -1;
}

/* The quantile at u of [0, 1), interpolated; at[i] is that at (i + 1/2) / FM_COUNTS. */
static double between(const double at[FM_COUNTS], double u)
{
	double x = u * FM_COUNTS - 0.5;
	int i = (int)x;

	if (x <= 0)
		return at[0];
	if (i >= FM_COUNTS - 1)
		return at[FM_COUNTS - 1];
	return at[i] + (x - i) * (at[i + 1] - at[i]);
}

double fm_label_counts_at(const struct fm_times *times, int cl, double u)
{
	double count = between(times->class_count[cl], u);

	return count > 1 ? count : 1;
}

double fm_label_span_at(const struct fm_times *times, int cl, double u)
{
	return between(times->class_span[cl], u);
}
