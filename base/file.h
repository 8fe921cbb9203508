/*
 * file.h - files, written so that a crash at any instant leaves the old file or the new one.
 *
 * Every file that flowmint makes goes through fm_out: a temporary name in the same folder, fsync, rename, fsync of the
 * folder.  The name may be free, or that of a regular file, which is replaced.  Anything else is refused (FM_EINPUT): a
 * rename would put a plain file in the place of a device or a pipe.  So is a symbolic link, even to a regular file:
 * writing through it could change a file elsewhere that nobody named, replacing it would silently break the link.
 *
 * Temporary names are ".NAME.PID-RANDOM.tmp", so that what a killed run has left behind is recognised.  A folder
 * of files is made under a temporary name and put in place by fm_dir_commit.
 */
#ifndef FM_BASE_FILE_H
#define FM_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/* A file being written.  Nothing stands at `path` until fm_out_commit. */
struct fm_out;
int fm_out_open(struct fm_out **out, const char *path, mode_t mode, struct fm_error *err) FM_MUST_CHECK;
int fm_out_write(struct fm_out *out, const void *p, size_t n,
		 struct fm_error *err) FM_MUST_CHECK; /* buffered, 256 KiB */
int fm_out_printf(struct fm_out *out, struct fm_error *err, const char *fmt, ...) FM_PRINTF(3, 4) FM_MUST_CHECK;
/* Overwrite n bytes at an offset already written (a header whose numbers are known only at the end). */
int fm_out_patch(struct fm_out *out, uint64_t offset, const void *p, size_t n, struct fm_error *err) FM_MUST_CHECK;
int fm_out_fd(
    struct fm_out *out); /* the descriptor, for libraries that write by themselves; do not mix with fm_out_write */
int fm_out_commit(struct fm_out *out,
		  struct fm_error *err) FM_MUST_CHECK; /* flush, sync, rename, sync folder; frees out */
void fm_out_abort(struct fm_out *out);                 /* remove the temporary file; frees out */

/* Write a whole file at once, safely. */
int fm_file_write(const char *path, mode_t mode, const void *p, size_t n, struct fm_error *err) FM_MUST_CHECK;
/* Open a regular file for reading; *fd is -1 after a failure.  Anything else is FM_EINPUT, without waiting for the
 * other end of a pipe or a device.  Links are followed. */
int fm_file_open(const char *path, int *fd, struct fm_error *err) FM_MUST_CHECK;
/* One read of at most n bytes, repeated after a signal; *got is 0 at the end.  path is for the message. */
int fm_fd_read(int fd, const char *path, void *p, size_t n, size_t *got, struct fm_error *err) FM_MUST_CHECK;
/* The first n bytes of a regular file; *got of them where it has fewer. */
int fm_file_begin(const char *path, void *p, size_t n, size_t *got, struct fm_error *err) FM_MUST_CHECK;
/* Append the whole of a regular file of at most max bytes to b; larger is FM_EINPUT. */
int fm_file_read(const char *path, size_t max, struct fm_buf *b, struct fm_error *err) FM_MUST_CHECK;
/* Copy a regular file. */
int fm_file_copy(const char *from, const char *to, mode_t mode, struct fm_error *err) FM_MUST_CHECK;
bool fm_file_exists(const char *path);
/* The same of dir/name; takes no memory, and so is never wrong for lack of it. */
bool fm_file_exists_in(const char *dir, const char *name);
/* Is a file or a folder that could not be read kept from this process (EACCES, EPERM), whatever else may fail? */
bool fm_file_is_kept(const char *path);
/* May this process write a file of nbytes bytes (ulimit -f)?  If not: FM_ESYSTEM, with `what` in the message. */
int fm_file_allowed(uint64_t nbytes, const char *what, struct fm_error *err) FM_MUST_CHECK;
int fm_file_size(const char *path, uint64_t *nbytes, struct fm_error *err) FM_MUST_CHECK;

/* With parents; existing is fine.  Each new folder is synced into the one it is in. */
int fm_dir_make(const char *path, mode_t mode, struct fm_error *err) FM_MUST_CHECK;
int fm_dir_remove(const char *path,
		  struct fm_error *err) FM_MUST_CHECK; /* with contents; absent is fine; follows no link */
/* The same of what was made for a while; a failure is a warning that names the folder. */
void fm_dir_clear_away(const char *path);
/* Sync everything in `from`, rename it to `to`, sync the parent.  A folder at `to` is replaced and then removed; a
 * failure to remove it is only a warning, because the new one is in place. */
int fm_dir_commit(const char *from, const char *to, struct fm_error *err) FM_MUST_CHECK;
int fm_dir_sync(const char *path, struct fm_error *err) FM_MUST_CHECK; /* the folder itself: which names it holds */
int fm_dir_sync_parent(const char *path, struct fm_error *err) FM_MUST_CHECK; /* the folder that path stands in */
/* Remove the files that fm_out left in a folder when its process was killed; an absent folder is fine. */
int fm_dir_sweep(const char *path, struct fm_error *err) FM_MUST_CHECK;
/* The names in a folder, sorted by bytes, without . and ..; names and the array are freed by fm_names_free. */
int fm_dir_list(const char *path, char ***names, size_t *n, struct fm_error *err) FM_MUST_CHECK;
/* The regular files below a folder at any depth as paths relative to it, sorted by bytes; anything but files and
 * folders in it (links too) is FM_EINPUT. */
int fm_dir_files(const char *path, char ***names, size_t *n, struct fm_error *err) FM_MUST_CHECK;
void fm_names_free(char **names, size_t n);

/* "a/b" in a new string (free()), or NULL when out of memory. */
char *fm_path_join(const char *a, const char *b) FM_MUST_CHECK;

/* A read-only mapping of a whole file.  An empty file maps as data NULL, len 0. */
struct fm_map {
	const void *data;
	size_t len;
};
int fm_map_open(struct fm_map *m, const char *path, struct fm_error *err) FM_MUST_CHECK;
void fm_map_close(struct fm_map *m);

#endif
