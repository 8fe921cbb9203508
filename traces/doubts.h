/*
 * doubts.h - what can be read in a trace and is probably not meant: times in 1970, a few rows years from all others,
 * the newest row first, two labels that look like one. Each is said with a count and the line of the first example,
 * never with the text of a row.
 *
 *     struct fm_doubts d = {0};
 *     for each batch: fm_doubts_look(&d, rows, place)
 *     rc = fm_doubts_judge(&d, path, labels, err)     warnings in the log, or FM_EINPUT for what cannot be meant
 */
#ifndef FM_TRACES_DOUBTS_H
#define FM_TRACES_DOUBTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

#define FM_DOUBT_YEARS 293 /* 1970 to 2262 */

struct fm_doubts {
	uint64_t rows, back, forward;           /* back, forward: rows earlier, later than the row before */
	int64_t first_ms, last_ms;              /* of the first and of the last row */
	uint64_t year[FM_DOUBT_YEARS];          /* rows by year of their time */
	uint64_t first_of_year[FM_DOUBT_YEARS]; /* the place of the first */
	uint64_t *label;                        /* (nlabels) the place of the first row of each label; 0: none yet */
	size_t nlabels;
};
/* place: where each row stands in the source (reader.h). */
int fm_doubts_look(struct fm_doubts *d, const struct fm_table *rows, const uint64_t *place,
		   struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT: all times in 1970, or the newest row first. */
int fm_doubts_judge(const struct fm_doubts *d, const char *path, const struct fm_dict *labels,
		    struct fm_error *err) FM_MUST_CHECK;
void fm_doubts_free(struct fm_doubts *d);

#endif
