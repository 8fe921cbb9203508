/*
 * json_memory.h - did a JSON document ever lack memory in this process?
 *
 * jansson leaves out what it had no memory for, and few callers look at each member that they set.  So its allocations
 * are watched from main on, and after one has failed nothing made from documents is trusted: canonical JSON is refused,
 * a stage has no result, and an error that blames an input (not UTF-8, not JSON) becomes "out of memory".
 */
#ifndef FM_BASE_JSON_MEMORY_H
#define FM_BASE_JSON_MEMORY_H

#include "base/error.h"

/* Once, before the first document is made. */
void fm_json_memory_watch(void);
/* rc, or FM_ESYSTEM with a message after an allocation of jansson's has failed here or, before the fork, in the parent.
 */
int fm_json_memory_check(int rc, struct fm_error *err) FM_MUST_CHECK;

#endif
