/*
 * division.h - the searches of the leakage checks, done in parts by several processes.
 *
 * A search goes over all rows of a table, or all values of a hash, in ranges of rows or hashes.  The result of one
 * range is a few bytes for each row that asks, and the results are put together exactly, so that the number of ranges
 * changes no value.
 *
 *     none               one range, NULL
 *     fm_division_make   the process of one part: each search goes over its range and writes the result to a file.
 *                        Checks make no metric of it
 *     fm_division_take   the process that judges: results are read from the files of the parts; ranges of missing parts
 *                        are searched on the spot
 *
 * A search is a loop over ranges, in the same order in all processes:
 *
 *     for (uint32_t i = 0; i < fm_division_of(d); i++) {
 *             if (fm_division_skips(d, i))
 *                     continue;
 *             fm_division_begin(d, i, "name", err);
 *             has = fm_division_has(d, i);                 then fm_division_get, and look at what came
 *             ...                                          else search, and fm_division_put
 *             fm_division_end(d, i, err);
 *             merge
 *     }
 *
 * The file: "flowmint-judging/1", the part and their number; for each search its name in 32 bytes, the number of bytes
 * that follow (64 bits), and these.  The files come from other processes and are not trusted: what does not fit is
 * refused (FM_EVERDICT), and the caller of fm_division_get checks each number.
 */
#ifndef FM_PRIVACY_LEAKAGE_DIVISION_H
#define FM_PRIVACY_LEAKAGE_DIVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FM_DIVISION_FILE "searches.bin"
#define FM_DIVISION_MOST 4096
#define FM_DIVISION_NAME 32 /* bytes of a search's name, with its NUL */

struct fm_division;
/* Part `index`, 1 to `of`; the file is written into the folder dir. */
int fm_division_make(struct fm_division **d, const char *dir, uint32_t index, uint32_t of,
		     struct fm_error *err) FM_MUST_CHECK;
/* The files dir/1/searches.bin to dir/OF/searches.bin, some or all of which may be missing. */
int fm_division_take(struct fm_division **d, const char *dir, uint32_t of, struct fm_error *err) FM_MUST_CHECK;
/* All searches are done: the file written is on the disk, or the files read must have nothing left. */
int fm_division_finish(struct fm_division *d, struct fm_error *err) FM_MUST_CHECK;
void fm_division_free(struct fm_division *d);

/* How many ranges there are: 1 for NULL. */
uint32_t fm_division_of(const struct fm_division *d);
/* Does this process make a part, and so no metrics? */
bool fm_division_makes(const struct fm_division *d);
bool fm_division_skips(const struct fm_division *d, uint32_t i);
bool fm_division_has(const struct fm_division *d, uint32_t i);
/* Range i of n things: [*from, *to). */
void fm_division_range(const struct fm_division *d, uint32_t i, size_t n, size_t *from, size_t *to);

int fm_division_begin(struct fm_division *d, uint32_t i, const char *name, struct fm_error *err) FM_MUST_CHECK;
/* Write the result of the part being made; does nothing in other processes. */
int fm_division_put(struct fm_division *d, const void *bytes, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* Read n bytes of the result of range i. */
int fm_division_get(struct fm_division *d, uint32_t i, void *bytes, size_t n, struct fm_error *err) FM_MUST_CHECK;
size_t fm_division_left(const struct fm_division *d, uint32_t i);
/* The result of range i is complete: when reading, nothing of it may be left. */
int fm_division_end(struct fm_division *d, uint32_t i, struct fm_error *err) FM_MUST_CHECK;
/* The result read for range i is impossible: FM_EVERDICT with the part's number. */
int fm_division_refuse(const struct fm_division *d, uint32_t i, struct fm_error *err);

#endif
