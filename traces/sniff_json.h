/* sniff_json.h - lines of JSON laid out as a table, so that columns are guessed as for a text. */
#ifndef FM_TRACES_SNIFF_JSON_H
#define FM_TRACES_SNIFF_JSON_H

#include <stdbool.h>

#include "base/mem.h"
#include "traces/sniff_parts.h"

/* Where p->text has one object a line, p->json becomes true, and the text becomes a line of the keys and one line of
 * values for each whole object, with tabs between: FM_SNIFF_FIELDS keys at most, p->wide if there are more. p->list has
 * where the first list of objects inside of an object stands, as jq writes it (.hits."my hits"), or "". */
int fm_sniff_json(struct fm_sniff_page *p, struct fm_error *err) FM_MUST_CHECK;
/* Adds a key as jq writes it behind a point, between quotes unless it is a word; false: it has what has no place in a
 * command. */
bool fm_sniff_jq_key(struct fm_buf *out, const char *s, size_t n);

#endif
