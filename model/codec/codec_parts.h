/* codec_parts.h - what the codec reads of a table, where it learns and where it encodes. */
#ifndef FM_MODEL_CODEC_CODEC_PARTS_H
#define FM_MODEL_CODEC_CODEC_PARTS_H

#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "model/codec/codec.h"
#include "model/codec/flow_number.h"

/* Category tokens and the table columns behind them. */
struct fm_category_column {
	enum fm_tok tok;
	enum fm_col col;
};
enum { FM_NCATEGORIES = 5 };
extern const struct fm_category_column fm_category_columns[FM_NCATEGORIES];

/* *token: the token of each value that a table's dictionary has for a category column, the caller's; NULL when the
 * column is not there. */
int fm_category_tokens(const struct fm_codec *c, const struct fm_table *t, enum fm_tok tok, int **token,
		       struct fm_error *err) FM_MUST_CHECK;
/* *label: tokens of the labels of a table's dictionary, the caller's, those beyond FM_MAXCLASSES as the most frequent;
 * NULL without labels. */
int fm_label_tokens(const struct fm_codec *c, const struct fm_table *t, int **label,
		    struct fm_error *err) FM_MUST_CHECK;

/* The window that begins at row first: its slot of the timeline by when it begins, the bucket of its duration, its
 * class; count: how many flows have each label (fm_label_tokens), 0 without labels. */
int fm_window_slot(const struct fm_times *t, int64_t ms);
int fm_window_span_of(const struct fm_table *t, size_t first, int window);
int fm_window_class_of(const struct fm_table *t, size_t first, int window, const int *label, int count[FM_MAXCLASSES]);

#endif
