/*
 * source.h - the bytes of a trace file, however it is packed, as one stream in bounded memory.
 *
 * Filters: none, gzip (through gunzip.h), bzip2, xz, lzma, zstd, lz4, compress.  Archives: tar, zip, 7z; one regular
 * member of an archive is read: the named one, or the only one.  Other formats of libarchive stay off: some of them
 * (mtree) take text for an archive, and some filters start programs.  A thread of its own decompresses ahead of the
 * reader.
 *
 *     struct fm_source *s = NULL;
 *     if (fm_source_open(&s, path, member, err)) ...
 *     while (!(rc = fm_source_next(s, &data, &n, err)) && n) ...
 *     fm_source_close(s);
 */
#ifndef FM_TRACES_SOURCE_H
#define FM_TRACES_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FM_SOURCE_FLOWS "*/data/flows.*" /* the flows of an archive of flowmint's, by release/archive.h */
struct fm_source;
/* member NULL or "": the file itself, or the only regular member of an archive; stars as in FM_SOURCE_FLOWS stand for
 * any first folder and any ending.  FM_EINPUT: absent, a folder, empty, not what its name says (.gz without gzip data),
 * a member that is not there (the message lists those that are). */
int fm_source_open(struct fm_source **s, const char *path, const char *member, struct fm_error *err) FM_MUST_CHECK;
/* Is the member there?  *lacks: after a failure, is the missing member the only reason, and the file sound as far as it
 * was read? */
int fm_source_find(const char *path, const char *member, bool *lacks, struct fm_error *err) FM_MUST_CHECK;
/* The next bytes, valid until the next call; *n is 0 at the end.  FM_EINPUT: truncated or damaged; or, at the end of
 * the first member when none was named, that there are others (the message lists them). */
int fm_source_next(struct fm_source *s, const char **data, size_t *n, struct fm_error *err) FM_MUST_CHECK;
/* For a reader that stops early: fails like fm_source_next at the end when there are other members, if that can be
 * found out cheaply (little of the file is left). fm_source_next may not be called after it. */
int fm_source_stop(struct fm_source *s, struct fm_error *err) FM_MUST_CHECK;
bool fm_source_damaged(const struct fm_source *s);      /* did fm_source_next fail for truncation or damage? */
uint64_t fm_source_consumed(const struct fm_source *s); /* bytes of the file itself read so far */
uint64_t fm_source_total(const struct fm_source *s);    /* its size, 0 when unknown */
bool fm_source_is_packed(const char *path);             /* by its name: is what it holds compressed? */
/* About how many bytes of memory it takes to decompress a file; 0 for one that cannot be opened. */
uint64_t fm_source_needs(const char *path);
void fm_source_close(struct fm_source *s);

#endif
