/*
 * embed.h - the presets, dialects and texts of licences that are built into the program: the bytes of
 * manifests/NAME.yaml, manifests/dialects/NAME.yaml and manifests/licences/NAME.txt.  To add one, add the file and its
 * line in embed.c.  The list "spdx" has the identifiers in the SPDX licence list that are not deprecated, one a line
 * (package spdx-license-ids 3.0.18, CC0-1.0).
 */
#ifndef FM_MANIFESTS_EMBED_H
#define FM_MANIFESTS_EMBED_H

#include <stdbool.h>
#include <stddef.h>

enum fm_embed_kind { FM_EMBED_PRESET, FM_EMBED_DIALECT, FM_EMBED_LICENCE, FM_EMBED_LIST };
struct fm_embed {
	enum fm_embed_kind kind;
	const char *name; /* "ugr16" */
	const char *text; /* followed by a NUL that n does not count */
	size_t n;
};
/* False when there is none of that name. */
bool fm_embed_find(struct fm_embed *e, enum fm_embed_kind kind, const char *name);
/* The i-th file of a kind, in order of name; false past the last. */
bool fm_embed_at(struct fm_embed *e, enum fm_embed_kind kind, size_t i);
/* "demo, ugr16" into out (cut when it does not fit); returns out. */
const char *fm_embed_names(enum fm_embed_kind kind, char *out, size_t cap);

#endif
