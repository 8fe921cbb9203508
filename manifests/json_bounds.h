/*
 * json_bounds.h - would this JSON text, parsed, take more memory or depth than it may?  Asked before it is parsed.
 *
 * A stranger's text of n bytes can make a tree of 100 n: "{},{},..." makes 272 bytes of objects from every three.  The
 * text is read once, without memory; the size of the tree is bounded from above (jansson's structures on a 64-bit
 * machine, with malloc's own share).  Text that is no JSON gets some answer, and then the parser's refusal.
 */
#ifndef FM_MANIFESTS_JSON_BOUNDS_H
#define FM_MANIFESTS_JSON_BOUNDS_H

#include <stddef.h>

#define FM_JSON_MAX_DEPTH 32
#define FM_JSON_MAX_TREE ((size_t)8 << 20)     /* bytes */
#define FM_JSON_MAX_LOADED ((size_t)128 << 20) /* bytes, for a document of 16 MiB or less that this run made */

/* NULL, or in words what is too much. */
const char *fm_json_too_much(const char *text, size_t n);

/* The same for a document that another process of this run left, which may have max bytes: the bound is
 * FM_JSON_MAX_LOADED, or eight times max where that is more. */
const char *fm_json_too_much_loaded(const char *text, size_t n, size_t max);

#endif
