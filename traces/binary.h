/* binary.h - files that are not text: which kind a file is by its first bytes, and what to do with it. */
#ifndef FM_TRACES_BINARY_H
#define FM_TRACES_BINARY_H

#include <stddef.h>

#include "base/error.h"

/* s[0..n): the first bytes of path. FM_EINPUT: this is no text. */
int fm_binary_refuse(const char *path, const char *s, size_t n, struct fm_error *err) FM_MUST_CHECK;

#endif
