/*
 * Two libarchive writers in a row: one makes the tar, what it emits is digested and handed to the other, which
 * compresses it ("raw" format with the zstd filter), and what that emits is digested and written.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "release/archive.h"
#include "release/side_digest.h"

#define CHUNK (256 * 1024)
#define BLOCK 10240

struct writer {
	struct archive *tar, *zst;
	struct fm_sha256 *hash;
	struct fm_sha512 *hash512;
	struct fm_side_digest *tar_hash;
	struct fm_out *out;
	struct fm_archive_digests *digests;
	uint8_t *chunk;
	struct fm_error *err;
	int rc; /* what a callback failed with: libarchive only knows that it failed */
};

static bool letters_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
		      c == '+' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* Names that Windows gives to devices, whatever follows the first dot. */
static bool is_device(const char *s, size_t n)
{
	static const char *const name[] = {"con", "prn", "aux", "nul"};
	const char *dot = memchr(s, '.', n);

	n = dot ? (size_t)(dot - s) : n;
	for (size_t i = 0; n == 3 && i < sizeof name / sizeof *name; i++)
		if (strncasecmp(s, name[i], 3) == 0)
			return true;
	return n == 4 && (strncasecmp(s, "com", 3) == 0 || strncasecmp(s, "lpt", 3) == 0) && s[3] >= '0' && s[3] <= '9';
}

static bool part_ok(const char *s, size_t n)
{
	return n > 0 && *s != '.' && *s != '-' && *s != '+' && s[n - 1] != '.' && letters_ok(s, n) && !is_device(s, n);
}

bool fm_archive_is_data(const char *path)
{
	return strcmp(path, FM_ARCHIVE_DATA) == 0 || strcmp(path, FM_ARCHIVE_DATA_JSON) == 0;
}

bool fm_archive_is_table(const char *path)
{
	const char *dot = strrchr(path, '.');

	return strncmp(path, "data/", 5) == 0 &&
	       (strcmp(dot ? dot : "", ".csv") == 0 || strcmp(dot ? dot : "", ".jsonl") == 0);
}

bool fm_archive_folder_ok(const char *folder)
{
	size_t n = strlen(folder);

	return n > 0 && n < FM_ARCHIVE_MAX_FOLDER && part_ok(folder, n) &&
	       ((*folder >= 'a' && *folder <= 'z') || (*folder >= '0' && *folder <= '9'));
}

bool fm_archive_path_ok(const char *path)
{
	if (strlen(path) >= FM_ARCHIVE_MAX_PATH)
		return false;
	for (;;) {
		size_t n = strcspn(path, "/");

		if (!part_ok(path, n))
			return false;
		if (!path[n])
			return true;
		path += n + 1;
	}
}

bool fm_archive_paths_collide(const char *a, const char *b)
{
	for (;;) {
		size_t na = strcspn(a, "/"), nb = strcspn(b, "/");

		if (na != nb || strncasecmp(a, b, na) != 0)
			return false;
		/* One folder spelled in two ways is two folders on this system and one on another. */
		if (!a[na] || !b[nb] || memcmp(a, b, na) != 0)
			return true;
		a += na + 1;
		b += nb + 1;
	}
}

static int libarchive_failed(struct writer *w, struct archive *a)
{
	if (w->rc < 0)
		return w->rc;
	return fm_fail(w->err, FM_ESYSTEM, "the archive could not be written: %s",
		       archive_error_string(a) ? archive_error_string(a) : "no reason given");
}

static la_ssize_t tar_emits(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct writer *w = ctx;

	if (w->rc < 0 || (w->rc = fm_side_digest_add(w->tar_hash, p, n, w->err)) < 0)
		goto out;
	if (archive_write_data(w->zst, p, n) != (la_ssize_t)n)
		w->rc = libarchive_failed(w, w->zst);
	else
		w->digests->tar_nbytes += n;
out:
	if (w->rc < 0)
		archive_set_error(a, EIO, "compression failed");
	return w->rc < 0 ? -1 : (la_ssize_t)n;
}

static la_ssize_t zst_emits(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct writer *w = ctx;

	if (w->rc < 0 || (w->rc = fm_sha256_add(w->hash, p, n, w->err)) < 0 ||
	    (w->rc = fm_sha512_add(w->hash512, p, n, w->err)) < 0 || (w->rc = fm_out_write(w->out, p, n, w->err)) < 0) {
		archive_set_error(a, EIO, "writing failed");
		return -1;
	}
	w->digests->nbytes += n;
	return (la_ssize_t)n;
}

static int open_writers(struct writer *w)
{
	struct archive_entry *raw = NULL;
	int rc = FM_OK;

	w->zst = archive_write_new();
	w->tar = archive_write_new();
	raw = archive_entry_new();
	if (!w->zst || !w->tar || !raw) {
		rc = fm_fail(w->err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (archive_write_set_format_raw(w->zst) != ARCHIVE_OK || archive_write_add_filter_zstd(w->zst) != ARCHIVE_OK ||
	    archive_write_set_filter_option(w->zst, "zstd", "compression-level", FM_ARCHIVE_ZSTD_LEVEL) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(w->zst, 1) != ARCHIVE_OK ||
	    archive_write_open(w->zst, w, NULL, zst_emits, NULL) != ARCHIVE_OK) {
		rc = libarchive_failed(w, w->zst);
		goto out;
	}
	archive_entry_set_pathname(raw, "tar");
	archive_entry_set_filetype(raw, AE_IFREG);
	if (archive_write_header(w->zst, raw) != ARCHIVE_OK) {
		rc = libarchive_failed(w, w->zst);
		goto out;
	}
	if (archive_write_set_format_ustar(w->tar) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(w->tar, BLOCK) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(w->tar, BLOCK) != ARCHIVE_OK ||
	    archive_write_open(w->tar, w, NULL, tar_emits, NULL) != ARCHIVE_OK)
		rc = libarchive_failed(w, w->tar);
out:
	archive_entry_free(raw);
	return rc;
}

/* The header of one entry; path NULL: of the folder itself. */
static int put_header(struct writer *w, const char *folder, const char *path, uint64_t nbytes, int64_t mtime_s)
{
	struct archive_entry *e = archive_entry_new();
	char *full = NULL;
	int rc = FM_OK;

	if (!e || asprintf(&full, "%s/%s", folder, path ? path : "") < 0) {
		full = NULL;
		rc = fm_fail(w->err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	archive_entry_set_pathname(e, full);
	archive_entry_set_filetype(e, path ? AE_IFREG : AE_IFDIR);
	archive_entry_set_perm(e, path ? 0644 : 0755);
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	archive_entry_set_size(e, (la_int64_t)nbytes);
	archive_entry_set_mtime(e, mtime_s, 0);
	if (archive_write_header(w->tar, e) != ARCHIVE_OK)
		rc = libarchive_failed(w, w->tar);
out:
	free(full);
	archive_entry_free(e);
	return rc;
}

static int put_bytes(struct writer *w, struct fm_sha256 *h, const void *p, size_t n)
{
	int rc;

	if ((rc = fm_sha256_add(h, p, n, w->err)) < 0)
		return rc;
	return archive_write_data(w->tar, p, n) == (la_ssize_t)n ? FM_OK : libarchive_failed(w, w->tar);
}

/* The bytes of m->file; the header said that there are m->nbytes. */
static int put_content(struct writer *w, int fd, const struct fm_archive_member *m, struct fm_sha256 *h)
{
	uint64_t done = 0;
	size_t got;
	int rc;

	do {
		if ((rc = fm_fd_read(fd, m->file, w->chunk, CHUNK, &got, w->err)) < 0)
			return rc;
		done += got;
		if (done > m->nbytes || (got == 0 && done != m->nbytes))
			return fm_fail(w->err, FM_ESYSTEM, "%s changed while it was read", m->file);
		if ((rc = put_bytes(w, h, w->chunk, got)) < 0)
			return rc;
	} while (got);
	return FM_OK;
}

static int put_file(struct writer *w, const char *folder, struct fm_archive_member *m, int64_t mtime_s)
{
	struct fm_sha256 *h = NULL;
	struct stat st;
	int fd = -1, rc;

	m->nbytes = m->n;
	if (m->file) {
		fd = open(m->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || fstat(fd, &st) < 0) {
			rc = fm_fail_errno(w->err, "%s", m->file);
			goto out;
		}
		if (!S_ISREG(st.st_mode)) {
			rc = fm_fail(w->err, FM_EINPUT, "%s is no regular file", m->file);
			goto out;
		}
		m->nbytes = (uint64_t)st.st_size;
	}
	if (m->nbytes > FM_ARCHIVE_MAX_BYTES) {
		rc = fm_fail(w->err, FM_EINPUT,
			     "%s has %llu bytes; a file of an archive has at most 8 GiB: release fewer rows", m->path,
			     (unsigned long long)m->nbytes);
		goto out;
	}
	if ((rc = fm_sha256_new(&h, w->err)) < 0 || (rc = put_header(w, folder, m->path, m->nbytes, mtime_s)) < 0)
		goto out;
	if ((rc = m->file ? put_content(w, fd, m, h) : m->n ? put_bytes(w, h, m->data, m->n) : FM_OK) < 0)
		goto out;
	rc = fm_sha256_end_hex(&h, m->sha256, w->err);
out:
	fm_sha256_free(h);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int by_path(const void *a, const void *b)
{
	const struct fm_archive_member *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int members_ok(const char *folder, struct fm_archive_member *m, size_t n, struct fm_error *err)
{
	if (!fm_archive_folder_ok(folder))
		return fm_fail(err, FM_EINPUT, "%s cannot be the folder of an archive", folder);
	if (n > FM_ARCHIVE_MAX_FILES)
		return fm_fail(err, FM_EINPUT, "an archive has at most %d files", FM_ARCHIVE_MAX_FILES);
	if (n)
		qsort(m, n, sizeof *m, by_path);
	for (size_t i = 0; i < n; i++) {
		if (!fm_archive_path_ok(m[i].path))
			return fm_fail(err, FM_EINPUT, "%s cannot be a path in an archive", m[i].path);
		if (i && strcmp(m[i - 1].path, m[i].path) == 0)
			return fm_fail(err, FM_EINPUT, "%s would be twice in the archive", m[i].path);
	}
	return FM_OK;
}

static int end_digests(struct writer *w)
{
	struct fm_archive_digests *d = w->digests;
	int rc;

	if ((rc = fm_sha256_end_hex(&w->hash, d->sha256, w->err)) < 0)
		return rc;
	rc = fm_sha512_end(w->hash512, d->sha512, w->err);
	w->hash512 = NULL;
	if (rc < 0)
		return rc;
	rc = fm_side_digest_end(w->tar_hash, d->tar_sha256, d->tar_sha512, w->err);
	w->tar_hash = NULL;
	return rc;
}

static int write_all(struct writer *w, const char *folder, int64_t mtime_s, struct fm_archive_member *members, size_t n)
{
	int rc;

	if ((rc = open_writers(w)) < 0 || (rc = put_header(w, folder, NULL, 0, mtime_s)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		if ((rc = put_file(w, folder, &members[i], mtime_s)) < 0)
			return rc;
	if (archive_write_close(w->tar) != ARCHIVE_OK)
		return libarchive_failed(w, w->tar);
	if (archive_write_close(w->zst) != ARCHIVE_OK)
		return libarchive_failed(w, w->zst);
	return end_digests(w);
}

/* A writer that failed must not emit what it still holds. */
static void free_writers(struct writer *w, int rc)
{
	struct fm_error keep = w->err ? *w->err : (struct fm_error){0};

	w->rc = w->rc < 0 ? w->rc : rc;
	archive_write_free(w->tar);
	archive_write_free(w->zst);
	if (w->err && rc < 0)
		*w->err = keep;
	fm_sha256_free(w->hash);
	fm_sha512_free(w->hash512);
	fm_side_digest_free(w->tar_hash);
	free(w->chunk);
}

int fm_archive_write(const char *folder, int64_t mtime_s, struct fm_archive_member *members, size_t n, const char *path,
		     struct fm_archive_digests *digests, struct fm_error *err)
{
	struct writer w = {.digests = digests, .err = err};
	int rc;

	memset(digests, 0, sizeof *digests);
	if ((rc = members_ok(folder, members, n, err)) < 0)
		return rc;
	if (mtime_s < 0 || (uint64_t)mtime_s > FM_ARCHIVE_MAX_BYTES)
		return fm_fail(err, FM_EINPUT, "the release date lies outside what a tar can say (1970 to 2242)");
	if ((rc = fm_alloc(&w.chunk, CHUNK, 1, "the archive", err)) < 0 || (rc = fm_sha256_new(&w.hash, err)) < 0 ||
	    (rc = fm_sha512_new(&w.hash512, err)) < 0 ||
	    (rc = fm_side_digest_new(&w.tar_hash, true, NULL, NULL, err)) < 0 ||
	    (rc = fm_out_open(&w.out, path, 0644, err)) < 0)
		goto out;
	rc = write_all(&w, folder, mtime_s, members, n);
out:
	free_writers(&w, rc);
	if (rc < 0) {
		fm_out_abort(w.out);
		return rc;
	}
	return fm_out_commit(w.out, err);
}
