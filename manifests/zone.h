/*
 * zone.h - a named time zone (Europe/Madrid) by the system's zoneinfo: its clock at a time of UTC, and back.
 *
 * A zone is read once and kept: a stage behind its walls has the zones that its parent read before. Nothing here
 * depends on TZ, nor on the zone of the machine.
 */
#ifndef FM_MANIFESTS_ZONE_H
#define FM_MANIFESTS_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"

/* No time of a trace is of 2262-01-01 or later: that NumPy's and pandas's nanoseconds still hold. */
#define FM_TIME_END_MS INT64_C(9214646400000)

struct fm_zone;
/* *z is not to be freed. FM_EINPUT: the system has no such zone. To be called only while the process has one thread. */
int fm_zone_find(const struct fm_zone **z, const char *name, struct fm_error *err) FM_MUST_CHECK;
/* Milliseconds by which the zone's clock is ahead of UTC. */
int64_t fm_zone_offset(const struct fm_zone *z, int64_t utc_ms);
/* What the clock shows -> UTC. A time in the hour that comes twice when summer time ends is taken as the first; -1: the
 * clock skips that time when summer time begins. */
int fm_zone_utc(const struct fm_zone *z, int64_t clock_ms, int64_t *utc_ms);
/* Does the clock show the same time once more, later? */
bool fm_zone_comes_again(const struct fm_zone *z, int64_t utc_ms);
bool fm_zone_changes(const struct fm_zone *z); /* is it ever set back? */
/* Minutes east of UTC of the name of a zone that stands behind a time (CEST, UTC, JST): of z's clock, where z has the
 * name, at best at clock_ms, which that clock shows; else of a name that one zone alone has. z NULL: of no zone. -1: it
 * is no such name, or several zones have it. */
int fm_zone_named(const struct fm_zone *z, const char *name, size_t n, int64_t clock_ms, int *minutes);
/* SHA-256 of all changes of its clock and its names, in hex: it differs where the system's zoneinfo has other rules. */
int fm_zone_digest(const struct fm_zone *z, char hex[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;

#endif
