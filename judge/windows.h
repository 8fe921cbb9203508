/*
 * windows.h - runs of neighbouring flows as rows of numbers, which show what single flows do not.
 *
 * A table's flows in order of te (ties in row order) are cut into runs of `size`, the rest at the end left out.  The
 * numbers of one run: length in time and quantiles of the gaps; distinct hosts, ports and pairs and the share of the
 * busiest; flows that answer an earlier one of the run, have the source or the pair of the flow before, or repeat a
 * size; sums, means and deviations of log bytes, packets and durations; shares of real's most frequent protocols,
 * flags, types of service, labels and destination ports.  No address enters by identity.
 */
#ifndef FM_JUDGE_WINDOWS_H
#define FM_JUDGE_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

#define FM_WINDOW_MAX 64

struct fm_windows;

/* real decides which categories and ports are counted; present: the columns that all tables to be filled have
 * (including te); size 2 .. FM_WINDOW_MAX. */
int fm_windows_new(struct fm_windows **w, const struct fm_table *real, unsigned present, size_t size,
		   struct fm_error *err) FM_MUST_CHECK;
size_t fm_windows_width(const struct fm_windows *w);
/* The numbers of n windows of t into x (n, width); which[i] is one of 0 .. rows / size - 1. */
int fm_windows_fill(const struct fm_windows *w, const struct fm_table *t, const uint32_t *which, size_t n, float *x,
		    struct fm_error *err) FM_MUST_CHECK;
void fm_windows_free(struct fm_windows *w);

#endif
