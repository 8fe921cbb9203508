/*
 * json_bounds.h - would this JSON text, parsed, take more memory or depth than it may?  Asked before it is parsed.
 *
 * A stranger's text of n bytes can make a tree of 100 n: "{},{},..." is 272 bytes of objects for each three.  The text
 * is read once, without memory; what the tree would take is summed from above (jansson's structures on a 64-bit
 * machine, with malloc's own share).  Text that is no JSON gets some answer, and then the parser's refusal.
 */
#ifndef FM_RELEASE_JSON_BOUNDS_H
#define FM_RELEASE_JSON_BOUNDS_H

#include <stddef.h>

#define FM_JSON_MAX_DEPTH 32
#define FM_JSON_MAX_TREE ((size_t)8 << 20) /* bytes */

/* NULL, or what is too much in words. */
const char *fm_json_too_much(const char *text, size_t n);

#endif
