/* utf16.h - UTF-16 as UTF-8, block by block. */
#ifndef FM_TRACES_UTF16_H
#define FM_TRACES_UTF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* Zero-initialised is before the first block. */
struct fm_utf16 {
	bool begun, on, big; /* on: the text is UTF-16; big: high bytes first */
	int left;            /* 1 + a byte whose other one is still to come, or 0 */
	uint32_t high;       /* the first half of a pair, or 0 */
};
/* Is the text UTF-16? By its mark, or by a zero byte among the first two. */
bool fm_utf16_begins(const char *s, size_t n);
/* Append the next block to out. Text that is not UTF-16 is passed on as it is; half a pair becomes U+FFFD. */
void fm_utf16_add(struct fm_utf16 *u, const char *s, size_t n, struct fm_buf *out);

#endif
