/*
 * histogram.h - how each field is distributed, as counts in a few cells, for the charts of the report.
 *
 *     {"format":"flowmint-histograms/1",
 *      "rows":{"real":N,"synthetic":N,"holdout":N},
 *      "real_cells":[FIELD,...],          cells from the real table: for the team only, as they show its extremes
 *      "synthetic_cells":[FIELD,...]}     cells from the synthetic table: only the real counts in them are private
 *
 * A FIELD has "name" (TS TD PKT BYT SA DA SP DP PR FLG FWD TOS TY), "kind", and "real", "synthetic" and, with a
 * holdout, "holdout": arrays of counts, one per cell.
 *
 *     kind    cells                                                          besides
 *     bins    those of bins.h: below, 100 equal ones, above                  "scale" linear|log1p, "unit", "lo", "hi"
 *     values  the 12 most frequent values of the cells' table, then          "values": their names
 *             what is left: for ports below 1024, to 49151, above; else one
 *     ranks   rows of the hosts of rank 1, 2-3, 4-7, 8-15, ... by number
 *             of rows, each table by its own ranks; of synthetic_cells
 *             the last holds all further ranks of the others
 *
 * After the columns come the fields of hosts in time (host_histogram.h): MINUTES LIFE BUSY.
 *
 * A column that a table lacks leaves its field out.
 */
#ifndef FM_JUDGE_HISTOGRAM_H
#define FM_JUDGE_HISTOGRAM_H

#include <jansson.h>

#include "base/error.h"
#include "base/table.h"

#define FM_HISTOGRAMS_FORMAT "flowmint-histograms/1"

/* holdout may be NULL or empty; *doc is a new reference.  FM_EINPUT when real or synthetic has no rows. */
int fm_histograms(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		  json_t **doc, struct fm_error *err) FM_MUST_CHECK;

#endif
