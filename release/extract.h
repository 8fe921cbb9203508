/*
 * extract.h - the files of an archive in a folder that appears only when all of them were accepted.
 *
 * They are written below a folder of mode 0700 beside it, named ".NAME.tmp-RANDOM", as regular files and folders and
 * nothing else; fm_extract_commit renames.  The paths must be such as fm_archive_path_ok allows, without collisions,
 * which the reader of the archive sees to.
 *
 *     fm_extract_begin(&x, "demo", err)     FM_EINPUT: something has that name already
 *     fm_archive_read_into(fd, NULL, fm_extract_sink(x), &info, &reason, err)
 *     fm_extract_commit(x, err)  or  fm_extract_abort(x)     both free x
 */
#ifndef FM_RELEASE_EXTRACT_H
#define FM_RELEASE_EXTRACT_H

#include "base/error.h"
#include "release/archive.h"

struct fm_extract;
int fm_extract_begin(struct fm_extract **x, const char *dir, struct fm_error *err) FM_MUST_CHECK;
const struct fm_archive_sink *fm_extract_sink(const struct fm_extract *x);
int fm_extract_commit(struct fm_extract *x, struct fm_error *err) FM_MUST_CHECK;
void fm_extract_abort(struct fm_extract *x); /* NULL is fine */
/* What a commit does last: the folder `from` gets the name dir, which nothing has yet; a dir that is not known to be on
 * the disk is taken back. */
int fm_extract_place(const char *from, const char *dir, struct fm_error *err) FM_MUST_CHECK;
void fm_extract_take_back(const char *dir); /* what a commit made of which nobody could be told */
void fm_extract_abandon(void); /* at the end of a process that a library ends: abort what was begun, if anything */

#endif
