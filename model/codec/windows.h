/*
 * windows.h - where the windows of a table are.
 */
#ifndef FM_MODEL_CODEC_WINDOWS_H
#define FM_MODEL_CODEC_WINDOWS_H

#include <stddef.h>

#include "base/error.h"
#include "base/table.h"

/* First row of each whole window of a table (rows of one win number, `window` of them); windows[] is freed by the
 * caller. */
int fm_windows_find(const struct fm_table *t, int window, size_t **first, size_t *n,
		    struct fm_error *err) FM_MUST_CHECK;

#endif
