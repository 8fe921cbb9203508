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

/* *token: the token of each value in the table's dictionary of a category column, freed by the caller; NULL when the
 * column is absent. */
int fm_category_tokens(const struct fm_codec *c, const struct fm_table *t, enum fm_tok tok, int **token,
		       struct fm_error *err) FM_MUST_CHECK;
/* *label: the token of each label in the table's dictionary, freed by the caller; tokens beyond FM_MAXCLASSES become
 * that of the most frequent label.  NULL without labels. */
int fm_label_tokens(const struct fm_codec *c, const struct fm_table *t, int **label,
		    struct fm_error *err) FM_MUST_CHECK;

/* The window that begins at row first: its slot of the timeline by when it begins, the bucket of its duration, its
 * class; count: how many flows have each label (fm_label_tokens), 0 without labels. */
int fm_window_slot(const struct fm_times *t, int64_t ms);
int fm_window_span_of(const struct fm_table *t, size_t first, int window);
int fm_window_class_of(const struct fm_table *t, size_t first, int window, const int *label, int count[FM_MAXCLASSES]);

#endif
