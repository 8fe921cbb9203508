/* no_flows.h - published tables that are made of flows and are none: what makes a flow was left out of them. */
#ifndef FM_TRACES_NO_FLOWS_H
#define FM_TRACES_NO_FLOWS_H

#include <stdbool.h>

/* has: is there a column of that name, in any case? A sentence that says which table it is, what it lacks and what to
 * take in its place, behind "FILE "; NULL: it is none of them. */
const char *fm_no_flows(bool (*has)(const void *ctx, const char *name), const void *ctx);

#endif
