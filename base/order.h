/*
 * order.h - comparisons for qsort and bsearch: rising, of arrays of one plain type.  NaN has no place in such an order.
 */
#ifndef FM_BASE_ORDER_H
#define FM_BASE_ORDER_H

#include <stdint.h>

static inline int fm_compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline int fm_compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

#endif
