/* capture.h - is a file a packet capture? By its first bytes, whatever it is compressed with. */
#ifndef FM_TRACES_CAPTURE_H
#define FM_TRACES_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* s[0..n): the first bytes, decompressed. pcap in either byte order, with micro- or nanoseconds, and pcapng. */
bool fm_capture_is(const char *s, size_t n);
/* *is: path, or its member, is one. FM_EINPUT: it cannot be read at all. */
int fm_capture_look(const char *path, const char *member, bool *is, struct fm_error *err) FM_MUST_CHECK;

#endif
