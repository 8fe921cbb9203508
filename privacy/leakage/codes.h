/* codes.h - the values of rows of several tables in one numbering, to compare and to hash them. */
#ifndef FM_PRIVACY_LEAKAGE_CODES_H
#define FM_PRIVACY_LEAKAGE_CODES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

/* The codes of the categories of t in the training table: code[c] (t->dict[c].n) for each category of `columns`, freed
 * by the caller; NULL where the numbering is the same. */
int fm_codes_like(const struct fm_table *t, const struct fm_table *train, unsigned columns, uint32_t *code[FM_NCOL],
		  struct fm_error *err) FM_MUST_CHECK;
void fm_codes_free(uint32_t *code[FM_NCOL]);
/* The value of a row with training's codes; for an address the key that all tables share. */
static inline uint64_t fm_coded(const struct fm_table *t, uint32_t *const code[FM_NCOL], int c, size_t row)
{
	uint64_t v = fm_table_key(t, c, row);

	return code[c] ? code[c][v] : v;
}
/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
static inline uint64_t fm_mix(uint64_t h)
{
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 27) * 0x94d049bb133111ebu;
	return h ^ h >> 31;
}

#endif
