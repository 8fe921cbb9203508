/*
 * polyprint.h - a fingerprint of bytes; that of two texts one after the other follows from their own.  So it can be
 * checked whether a file is two others joined, though they come in another order and are not kept.
 *
 * The bytes are the coefficients of a polynomial, and the fingerprint is its value at a point, in the field of
 * p = 2^61 - 1 elements (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987).  The point is drawn
 * anew for each reading, so nobody could choose texts for it: two different texts of one length n have one fingerprint
 * with probability below n / 2^60.
 *
 *     of(a b) = of(a) point^|b| + of(b)
 */
#ifndef FM_RELEASE_POLYPRINT_H
#define FM_RELEASE_POLYPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FM_POLYPRINT_STEP 64 /* bytes that are taken at once */
#define FM_POLYPRINT_LIMBS 5
#define FM_POLYPRINT_BITS 13 /* bits of a limb: the sum of two products of a byte and a limb fits in 32 bits */

struct fm_polyprint_point {
	uint64_t power[FM_POLYPRINT_STEP + 1];               /* point^0, point^1, ... */
	int16_t limb[FM_POLYPRINT_LIMBS][FM_POLYPRINT_STEP]; /* limbs of the power for each byte of a step */
};
int fm_polyprint_draw(struct fm_polyprint_point *point, struct fm_error *err) FM_MUST_CHECK;
/* The fingerprint of the text that `print` is of (0: the empty one), followed by these n bytes. */
uint64_t fm_polyprint_add(const struct fm_polyprint_point *point, uint64_t print, const uint8_t *p, size_t n);
/* The same, for processors without AVX2. */
uint64_t fm_polyprint_add_plain(const struct fm_polyprint_point *point, uint64_t print, const uint8_t *p, size_t n);
/* The fingerprint of a followed by b; nbytes: the length of b. */
uint64_t fm_polyprint_join(const struct fm_polyprint_point *point, uint64_t a, uint64_t b, uint64_t nbytes);
/* The fingerprint of what is left of `whole` when `head` is removed from its beginning; nbytes: the length of what is
 * left. */
uint64_t fm_polyprint_behind(const struct fm_polyprint_point *point, uint64_t whole, uint64_t head, uint64_t nbytes);

#endif
