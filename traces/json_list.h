/*
 * json_list.h - JSON as programs write it for people, one list of objects or objects over several lines -> one object a
 * line, as blocks of it come in.
 *
 * Line breaks inside an object are moved after it, so that each object stands on the line on which it began; where
 * several stand on one line, each gets a line of its own. Text outside of objects stays, and so does a line break
 * inside a string, which is no JSON.
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
	bool begun, is;          /* it is known what the text is; it is such JSON, not one object a line */
	bool quoted, escaped;    /* inside a string; after a \ in it */
	bool listed;             /* the list has begun, and not ended */
	bool owed;               /* an object has ended, but its line not yet */
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
