/*
 * xz.h - how much memory an xz file asks for, before it is decompressed.
 */
#ifndef FM_TRACES_XZ_H
#define FM_TRACES_XZ_H

#include <stddef.h>
#include <stdint.h>

/* The dictionary of an xz file's first block (p: its first n bytes), in bytes; 0 when it is no xz file (The .xz File
 * Format 1.1.0, section 3.1).
 *
 *     0        6      12    13     14                                         filter: id, size, properties
 *     magic    flags  size  flags  [compressed size] [uncompressed size]      0x21, 1, dictionary: (2|b0) << (b/2 + 11)
 */
uint64_t fm_xz_dictionary(const uint8_t *p, size_t n);

#endif
