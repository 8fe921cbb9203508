/* no_flows.h - published tables that were made from flows but are none: what identifies a flow was left out. */
#ifndef FM_TRACES_NO_FLOWS_H
#define FM_TRACES_NO_FLOWS_H

#include <stdbool.h>

/* has: is there a column of that name, in any case? Returns a sentence to follow "FILE ", which says which table it is,
 * what it lacks and what to use instead; NULL: it is none of them. */
const char *fm_no_flows(bool (*has)(const void *ctx, const char *name), const void *ctx);

#endif
