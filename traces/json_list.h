/*
 * json_list.h - JSON as programs write it for people, one list of objects or objects over several lines -> an object a
 * line, as blocks of it come in.
 *
 * The breaks inside an object are put behind it, so that each object stands on the line on which it began; where
 * several stand on one line, each gets a line of its own. Text that is no part of an object stays, and so does a break
 * inside a string, which JSON does not have.
 *
 *     struct fm_json_list l = {0};
 *     for each block: if ((rc = fm_json_list_add(&l, data, n, &out, err)) < 0) ...     out grows
 *     fm_json_list_is_open(&l)        at the end: a list or an object is not closed
 */
#ifndef FM_TRACES_JSON_LIST_H
#define FM_TRACES_JSON_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

struct fm_json_list {
	bool begun, is;          /* it is known what the text is: such JSON, and no object a line */
	bool quoted, escaped;    /* inside a string; behind its \ */
	bool listed;             /* the list has begun, and not ended */
	bool owed;               /* an object has ended, and no line with it */
	unsigned depth;          /* of braces and brackets inside an object */
	size_t breaks, bytes;    /* inside the object so far */
	uint64_t line, began_at; /* breaks so far; the line of the object */
};
/* FM_EINPUT: an object is longer than a line of a trace may be, as where a brace is missing. */
int fm_json_list_add(struct fm_json_list *l, const char *s, size_t n, struct fm_buf *out,
		     struct fm_error *err) FM_MUST_CHECK;
static inline bool fm_json_list_is_open(const struct fm_json_list *l)
{
	return l->listed || l->depth > 0;
}

#endif
