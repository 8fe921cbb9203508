/* capture.h - is a file a packet capture or IPFIX? Told by its first bytes, after decompression. */
#ifndef FM_TRACES_CAPTURE_H
#define FM_TRACES_CAPTURE_H

#include <stddef.h>

#include "base/error.h"
#include "manifests/dialect.h"

enum fm_capture {
	FM_CAPTURE_NONE,
	FM_CAPTURE_PACKETS, /* pcap in either byte order, with micro- or nanoseconds, and pcapng */
	FM_CAPTURE_IPFIX,   /* messages of RFC 7011 */
};
/* s[0..n): the first bytes, decompressed. */
enum fm_capture fm_capture_kind(const char *s, size_t n);
/* *kind: of the file path, or of its member. FM_EINPUT: it cannot be read at all. */
int fm_capture_look(const char *path, const char *member, enum fm_capture *kind, struct fm_error *err) FM_MUST_CHECK;
/* The kind of file that a dialect reads, and the built-in dialect that reads a kind, "" for FM_CAPTURE_NONE. */
static inline enum fm_capture fm_capture_of(const struct fm_dialect *d)
{
	return d->packets ? FM_CAPTURE_PACKETS : d->ipfix ? FM_CAPTURE_IPFIX : FM_CAPTURE_NONE;
}
const char *fm_capture_dialect(enum fm_capture kind);
const char *fm_capture_title(enum fm_capture kind); /* "a packet capture" */

#endif
