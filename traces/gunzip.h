/*
 * gunzip.h - a gzip file as the stream it holds, checked.
 *
 * libarchive's own gzip filter does not check the checksums that gzip puts after its data (a wrong bit in a 100 GB
 * download would change rows silently), so gzip goes through zlib first and libarchive reads what comes out.  Several
 * gzip members in a row are one stream, as for gunzip; zeros after the last one are padding.
 */
#ifndef FM_TRACES_GUNZIP_H
#define FM_TRACES_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct fm_gunzip;
/* Does the file behind fd (a regular file, at its beginning) start like gzip? */
bool fm_gunzip_wanted(int fd);
int fm_gunzip_open(struct fm_gunzip **g, int fd, struct fm_error *err) FM_MUST_CHECK; /* fd stays the caller's */
/* The next bytes, valid until the next call; 0 at the end, -1 on failure: then *why says why, and errno is that of the
 * system, or 0 when the data are truncated or damaged. */
ssize_t fm_gunzip_read(struct fm_gunzip *g, const void **data, const char **why);
uint64_t fm_gunzip_consumed(const struct fm_gunzip *g); /* bytes of the file itself */
void fm_gunzip_close(struct fm_gunzip *g);

#endif
