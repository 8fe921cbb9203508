/* sniff_json.h - lines of JSON laid out as a table, so that columns are guessed as for a text. */
#ifndef FM_TRACES_SNIFF_JSON_H
#define FM_TRACES_SNIFF_JSON_H

#include <stdbool.h>

#include "base/mem.h"
#include "traces/sniff_parts.h"

/* Where the text has one object a line, *is becomes true, and the text becomes a line of the keys and one line of
 * values for each whole object, with tabs between. max: the most keys. list has where the first list of objects inside
 * of an object stands, as jq writes it (.hits.hits), or "". */
int fm_sniff_json(struct fm_buf *text, size_t max, bool *is, char list[FM_SNIFF_LIST],
		  struct fm_error *err) FM_MUST_CHECK;

#endif
