/*
 * addresses.h - fresh addresses for the numbers that a model of single flows makes, and the order of made flows.
 */
#ifndef FM_MODEL_ROWS_ADDRESSES_H
#define FM_MODEL_ROWS_ADDRESSES_H

#include "base/error.h"
#include "base/table.h"
#include "model/codec/host_addresses.h"

/* Each number in sa and da becomes an address of one of the lists, equal for equal, in an order that depends on the
 * seed.  inside_of: which list, by a number's first octet.  FM_EINPUT when the ranges have too few addresses. */
int fm_row_addresses(const uint8_t inside_of[256], struct fm_table *t, const struct fm_range_list *outside,
		     const struct fm_range_list *inside, uint64_t seed, struct fm_error *err) FM_MUST_CHECK;
/* Sort the rows by te. */
int fm_row_sort(struct fm_table *t, struct fm_error *err) FM_MUST_CHECK;

#endif
