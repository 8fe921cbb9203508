/*
 * order.h - comparisons for qsort and bsearch: rising, of arrays of one plain type.  NaN has no place in such an order.
 * And how many different keys there are.
 */
#ifndef FM_BASE_ORDER_H
#define FM_BASE_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

/* Sorts n keys, and counts the different ones. */
static inline size_t fm_count_different(uint64_t *key, size_t n)
{
	size_t found = 0;

	qsort(key, n, sizeof *key, fm_compare_u64); /* cppcheck-suppress uninitvar ; filled by the caller */
	for (size_t i = 0; i < n; i++)
		found += i == 0 || key[i] != key[i - 1];
	return found;
}

#endif
