/*
 * division.h - the searches of the leakage checks, done in parts by several processes.
 *
 * A search goes over all rows of a table, or over all values of a hash, in ranges: of rows, or of hashes.  What one
 * range has is a few bytes for each row that asks, and what all have is put together exactly, so that their number
 * changes no value.
 *
 *     none               one range, NULL
 *     fm_division_make   the process of one part: each search goes over its range, and what it has is kept in a file.
 *                        Checks make no metric of it
 *     fm_division_take   the process that judges: ranges are read from the files of the parts, and those of a part
 *                        that has none are searched there and then
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
 * that follow (64 bits), and these.  Who takes a file has it from a stranger: what does not fit is refused
 * (FM_EVERDICT), and who gets numbers looks at each.
 */
#ifndef FM_PRIVACY_LEAKAGE_DIVISION_H
#define FM_PRIVACY_LEAKAGE_DIVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FM_DIVISION_FILE "searches.bin"
#define FM_DIVISION_MOST 4096
#define FM_DIVISION_NAME 32 /* bytes of a search's name, with its end */

struct fm_division;
/* Part index, 1 to of; the file is made in the folder dir. */
int fm_division_make(struct fm_division **d, const char *dir, uint32_t index, uint32_t of,
		     struct fm_error *err) FM_MUST_CHECK;
/* The files dir/1/searches.bin to dir/OF/searches.bin, of which some or all may lack. */
int fm_division_take(struct fm_division **d, const char *dir, uint32_t of, struct fm_error *err) FM_MUST_CHECK;
/* All searches are done: what was made is on the disk, and of what was taken nothing is left. */
int fm_division_finish(struct fm_division *d, struct fm_error *err) FM_MUST_CHECK;
void fm_division_free(struct fm_division *d);

/* How many ranges there are: 1 for NULL. */
uint32_t fm_division_of(const struct fm_division *d);
/* Does this process make a part, and no metrics? */
bool fm_division_makes(const struct fm_division *d);
bool fm_division_skips(const struct fm_division *d, uint32_t i);
bool fm_division_has(const struct fm_division *d, uint32_t i);
/* Range i of n things: [*from, *to). */
void fm_division_range(const struct fm_division *d, uint32_t i, size_t n, size_t *from, size_t *to);

int fm_division_begin(struct fm_division *d, uint32_t i, const char *name, struct fm_error *err) FM_MUST_CHECK;
/* For the part that is made; for other processes nothing. */
int fm_division_put(struct fm_division *d, const void *bytes, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* n bytes of range i. */
int fm_division_get(struct fm_division *d, uint32_t i, void *bytes, size_t n, struct fm_error *err) FM_MUST_CHECK;
size_t fm_division_left(const struct fm_division *d, uint32_t i);
/* All of it was taken. */
int fm_division_end(struct fm_division *d, uint32_t i, struct fm_error *err) FM_MUST_CHECK;
/* What came in range i is not what a search has: FM_EVERDICT with the part's number. */
int fm_division_refuse(const struct fm_division *d, uint32_t i, struct fm_error *err);

#endif
