/*
 * host_histogram.h - hosts in time as counts in a few cells: FIELDs of the document in histogram.h, besides those of
 * the flows' columns.
 *
 *     name    kind    cells                                                                 counted
 *     MINUTES powers  flows of a minute: none, 1, 2-3, 4-7, ...                             minutes from first to last
 *     LIFE    powers  seconds from a source's first flow to its last: 0, 1-2, 3-6, 7-14, ...    sources
 *     BUSY    hosts   FM_BUSY_HOSTS rows of FM_BUSY_SLOTS cells: the busiest sources, the
 *                     busiest first, by slot of time from "lo" to "hi" of the cells' table,
 *                     microseconds; what lies outside counts in the first or last slot      flows
 *
 * None has a holdout: its minutes and lifetimes are thinned.  The counts of BUSY are those of single hosts.
 */
#ifndef FM_JUDGE_HOST_HISTOGRAM_H
#define FM_JUDGE_HOST_HISTOGRAM_H

#include <jansson.h>

#include "base/error.h"
#include "base/table.h"

#define FM_HOST_FIELDS 3
#define FM_POWERS 24 /* cells; the last holds all larger values */
#define FM_BUSY_HOSTS 10
#define FM_BUSY_SLOTS 48

/* Append the fields to list, with cells from real or else from synthetic.  Appends nothing where a table lacks time or
 * source. */
int fm_host_histograms(const struct fm_table *real, const struct fm_table *synthetic, bool cells_of_real, json_t *list,
		       struct fm_error *err) FM_MUST_CHECK;

#endif
