/*
 * zstd_frame.h - is a compressed file one plain zstd frame, and one that needs little memory?
 *
 * The file is walked as it is read, by the lengths in frame and blocks (RFC 8878, 3.1.1); nothing is decompressed.
 * Accepted is one frame with a window of at most FM_ZSTD_WINDOW_MAX, no dictionary, no reserved bits, and nothing
 * before or behind it: no skippable frame, no second frame, none that is empty.
 *
 *     struct fm_zstd_frame f = {0};
 *     while (read some)
 *             if ((why = fm_zstd_frame_add(&f, p, n)))      NULL, or what is wrong in words
 *
 * A frame that is cut short is found by whoever decompresses it.
 */
#ifndef FM_RELEASE_ZSTD_FRAME_H
#define FM_RELEASE_ZSTD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FM_ZSTD_WINDOW_MAX (8u << 20) /* bytes; RFC 8878 asks each decoder to support this, and level 19 uses it */

enum fm_zstd_part { FM_ZSTD_MAGIC, FM_ZSTD_DESCRIPTOR, FM_ZSTD_HEADER, FM_ZSTD_BLOCK, FM_ZSTD_BODY, FM_ZSTD_END };
struct fm_zstd_frame {
	enum fm_zstd_part part; /* what comes next */
	uint8_t head[16];       /* the part, collected */
	size_t have;
	uint8_t descriptor;
	bool last;     /* the block whose body is skipped is the last one */
	uint64_t skip; /* bytes of FM_ZSTD_BODY left */
};
const char *fm_zstd_frame_add(struct fm_zstd_frame *f, const uint8_t *p, size_t n);

#endif
