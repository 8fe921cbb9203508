/*
 * Reading an archive without trusting it.  libarchive undoes the zstd; the tar is read here, because the accepted form
 * is so narrow (archive.h) that reading it takes less code than telling a general reader what to refuse, and so that no
 * two programs can see different files in what was accepted.
 *
 * A ustar header, 512 bytes (POSIX.1-1988):
 *
 *     0    name[100]      path without its NUL if it fills the field     257  magic[6]      "ustar\0"
 *     100  mode[8]        octal digits, then spaces or NULs              263  version[2]    "00"
 *     108  uid[8]                                                        265  uname[32]     empty here
 *     116  gid[8]                                                        297  gname[32]     empty here
 *     124  size[12]                                                      329  devmajor[8]   0 here
 *     136  mtime[12]                                                     337  devminor[8]   0 here
 *     148  chksum[8]      sum of all bytes, this field as spaces         345  prefix[155]   before name, with a '/'
 *     156  typeflag       '0' file, '5' folder                           500  NULs
 *     157  linkname[100]  empty here
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "release/archive.h"
#include "release/side_digest.h"
#include "release/sign/wire.h"
#include "release/zstd_frame.h"

#define CHUNK (128 * 1024)
#define HEADER 512
#define BLOCK 10240

struct reader {
	int fd;
	struct archive *zst;
	struct fm_sha256 *hash; /* of the compressed file */
	struct fm_side_digest *tar_hash;
	const struct fm_archive_sink *sink;
	uint8_t *chunk;
	const uint8_t *p; /* what libarchive gave and is not used yet */
	size_t left;
	uint64_t pos;  /* of the tar: bytes used */
	uint64_t max;  /* bytes that the tar may have */
	uint64_t told; /* bytes of the tar that a signed record tells, or 0 */
	struct fm_zstd_frame frame;
	struct fm_archive_info *info;
	enum fm_reason *reason;
	struct fm_error *err;
	int rc; /* what the callback failed with */
};

#define refuse(r, why, ...) (*(r)->reason = (why), fm_fail((r)->err, FM_EVERDICT, __VA_ARGS__))

/* --- the stream --- */

/* libarchive tells what is no zstd at all: that is bad input, not a bad archive. */
static int check_frame(struct reader *r, size_t n)
{
	static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd}, skippable[3] = {0x2a, 0x4d, 0x18};
	const char *why;

	if (r->info->digests.nbytes == 0 &&
	    (n < 4 || (memcmp(r->chunk, magic, 4) != 0 && memcmp(r->chunk + 1, skippable, 3) != 0)))
		return FM_OK;
	why = fm_zstd_frame_add(&r->frame, r->chunk, n);
	return why ? refuse(r, FM_REASON_ARCHIVE_MALFORMED, "%s", why) : FM_OK;
}

static la_ssize_t read_compressed(struct archive *a, void *ctx, const void **p)
{
	struct reader *r = ctx;
	ssize_t n;

	do
		n = read(r->fd, r->chunk, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		r->rc = fm_fail_errno(r->err, "the archive cannot be read");
	} else {
		if ((r->rc = fm_sha256_add(r->hash, r->chunk, (size_t)n, r->err)) >= 0)
			r->rc = check_frame(r, (size_t)n);
		r->info->digests.nbytes += (uint64_t)n;
	}
	if (r->rc < 0) {
		archive_set_error(a, EIO, "read failed");
		return -1;
	}
	*p = r->chunk;
	return n;
}

static int libarchive_failed(struct reader *r)
{
	const char *why = archive_error_string(r->zst);

	if (r->rc < 0)
		return r->rc;
	/* libarchive passes on only the words of the library below it.  Without words, it had no memory for them. */
	if (archive_errno(r->zst) == ENOMEM || !why || strstr(why, "Allocation error") ||
	    strstr(why, "not enough memory"))
		return fm_fail(r->err, FM_ESYSTEM, "out of memory while decompressing");
	return refuse(r, FM_REASON_ARCHIVE_MALFORMED, "the compressed data are damaged or cut short (%s)", why);
}

static int open_stream(struct reader *r)
{
	struct archive_entry *e;
	int got;

	r->zst = archive_read_new();
	if (!r->zst)
		return fm_fail(r->err, FM_ESYSTEM, "out of memory");
	if (archive_read_support_filter_zstd(r->zst) != ARCHIVE_OK ||
	    archive_read_support_format_raw(r->zst) != ARCHIVE_OK)
		return fm_fail(r->err, FM_ESYSTEM, "libarchive was built without zstd, or has no memory");
	/* archive_read_open does not look whether it had memory for this, and crashes. */
	if (archive_read_set_callback_data(r->zst, r) != ARCHIVE_OK)
		return fm_fail(r->err, FM_ESYSTEM, "out of memory");
	if (archive_read_open(r->zst, r, NULL, read_compressed, NULL) != ARCHIVE_OK)
		return libarchive_failed(r);
	if (archive_filter_code(r->zst, 0) != ARCHIVE_FILTER_ZSTD)
		return fm_fail(r->err, FM_EINPUT, "this is no archive of flowmint's: it is not compressed with zstd");
	got = archive_read_next_header(r->zst, &e);
	if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
		return libarchive_failed(r);
	if (archive_filter_count(r->zst) != 2)
		return refuse(r, FM_REASON_ARCHIVE_MALFORMED, "the archive is compressed more than once");
	return FM_OK;
}

/* Make r->p[0 .. r->left) non-empty; left stays 0 at the end of the tar. */
static int fill(struct reader *r)
{
	while (r->left == 0) {
		const void *p = NULL;
		size_t n = 0;
		la_int64_t offset = 0;
		int got = archive_read_data_block(r->zst, &p, &n, &offset);

		if (got == ARCHIVE_EOF)
			return FM_OK;
		if (got != ARCHIVE_OK)
			return libarchive_failed(r);
		r->p = p;
		r->left = n;
		r->info->digests.tar_nbytes += n;
		if (r->told && r->info->digests.tar_nbytes > r->told)
			return refuse(
			    r, FM_REASON_RECORD_DISAGREES,
			    "the record (RELEASE.json) gives another size for the tar in the archive: %llu bytes",
			    (unsigned long long)r->told);
		if (!r->told && r->info->digests.tar_nbytes > r->max)
			return refuse(r, FM_REASON_ARCHIVE_EXPANDS,
				      "it decompresses to more than %d times its size, as no flows do",
				      FM_ARCHIVE_MAX_RATIO);
	}
	return FM_OK;
}

/* The next bytes, at most n of them, as a view; *got 0 at the end. */
static int take(struct reader *r, uint64_t n, const uint8_t **p, size_t *got)
{
	int rc;

	if ((rc = fill(r)) < 0)
		return rc;
	*got = r->left < n ? r->left : (size_t)n;
	*p = r->p;
	if ((rc = fm_side_digest_add(r->tar_hash, r->p, *got, r->err)) < 0)
		return rc;
	r->p += *got;
	r->left -= *got;
	r->pos += *got;
	return FM_OK;
}

static int take_header(struct reader *r, uint8_t h[HEADER])
{
	size_t have = 0, got;
	const uint8_t *p;
	int rc;

	while (have < HEADER) {
		if ((rc = take(r, HEADER - have, &p, &got)) < 0)
			return rc;
		if (got == 0)
			return refuse(r, FM_REASON_ARCHIVE_MALFORMED, "the tar is cut short (no end mark)");
		memcpy(h + have, p, got);
		have += got;
	}
	return FM_OK;
}

/* --- one header --- */

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* Octal digits, then only spaces and NULs; leading spaces are not taken.  An empty field is 0 if allowed. */
static int octal(const uint8_t *p, size_t n, uint64_t *v)
{
	size_t i = 0;

	*v = 0;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		*v = *v << 3 | (uint64_t)(p[i] - '0');
	for (size_t j = i; j < n; j++)
		if (p[j] != ' ' && p[j] != 0)
			return -1;
	return i ? 0 : -1;
}

static const char *type_in_words(char c)
{
	switch (c) {
	case '1':
		return "a hard link";
	case '2':
		return "a symbolic link";
	case '3':
	case '4':
		return "a device";
	case '5':
		return "a second folder";
	case '6':
		return "a named pipe";
	case 'x':
	case 'g':
		return "an extended header";
	case 'L':
	case 'K':
		return "a long name";
	default:
		return "no regular file";
	}
}

struct entry {
	char type;
	char path[256 + 2];  /* prefix and name */
	char shown[256 + 2]; /* printable, for messages */
	uint64_t nbytes, mtime_s;
};

/* Length of a field's text; -1 when something follows its NUL. */
static int text_len(const uint8_t *p, size_t cap)
{
	size_t n = strnlen((const char *)p, cap);

	return all_zero(p + n, cap - n) ? (int)n : -1;
}

static int parse_header(struct reader *r, const uint8_t h[HEADER], struct entry *e)
{
	uint64_t mode, uid, gid, sum, actual = 0, major = 0, minor = 0;
	int nname = text_len(h, 100), nprefix = text_len(h + 345, 155);
	size_t n = 0;

	for (size_t i = 0; i < HEADER; i++)
		actual += i >= 148 && i < 156 ? ' ' : h[i];
	if (octal(h + 148, 8, &sum) || sum != actual || memcmp(h + 257, "ustar\00000", 8))
		return refuse(r, FM_REASON_ARCHIVE_MALFORMED, "no ustar header at byte %llu of the tar",
			      (unsigned long long)(r->pos - HEADER));
	if (nname <= 0 || nprefix < 0)
		return refuse(r, FM_REASON_ENTRY_PATH, "an entry's name is empty or has hidden bytes behind it");
	if (nprefix) {
		memcpy(e->path, h + 345, (size_t)nprefix);
		n = (size_t)nprefix;
		e->path[n++] = '/';
	}
	memcpy(e->path + n, h, (size_t)nname);
	n += (size_t)nname;
	e->path[n] = 0;
	fm_printable(e->path, n, e->shown, sizeof e->shown);
	if (nprefix && n <= 100)
		return refuse(r, FM_REASON_ENTRY_PATH, "%s has its path in two fields, and one is enough", e->shown);
	e->type = (char)h[156];
	if (e->type != '0' && (e->type != '5' || r->info->folder[0]))
		return refuse(r, FM_REASON_ENTRY_TYPE, "%s is %s", e->shown, type_in_words(e->type));
	if (octal(h + 124, 12, &e->nbytes) || e->nbytes > FM_ARCHIVE_MAX_BYTES || (e->type == '5' && e->nbytes))
		return refuse(r, FM_REASON_ENTRY_SIZE, "%s has a size that is not allowed", e->shown);
	if (octal(h + 100, 8, &mode) || octal(h + 108, 8, &uid) || octal(h + 116, 8, &gid) ||
	    octal(h + 136, 12, &e->mtime_s) || mode != (e->type == '5' ? 0755u : 0644u) || uid || gid ||
	    !all_zero(h + 157, 100) || !all_zero(h + 265, 64) || !all_zero(h + 500, 12) ||
	    (!all_zero(h + 329, 8) && (octal(h + 329, 8, &major) || major)) ||
	    (!all_zero(h + 337, 8) && (octal(h + 337, 8, &minor) || minor)))
		return refuse(r, FM_REASON_ENTRY_HEADER,
			      "%s has an owner, mode, time or field that flowmint does not write", e->shown);
	return FM_OK;
}

/* --- the entries --- */

static int check_folder(struct reader *r, const struct entry *e)
{
	size_t n = strlen(e->path);

	if (e->type != '5')
		return refuse(r, FM_REASON_ENTRY_PATH, "the tar begins with %s instead of its folder", e->shown);
	if (n < 2 || n > FM_ARCHIVE_MAX_FOLDER || e->path[n - 1] != '/')
		return refuse(r, FM_REASON_ENTRY_PATH, "%s cannot be the archive's folder", e->shown);
	memcpy(r->info->folder, e->path, n - 1);
	r->info->folder[n - 1] = 0;
	if (!fm_archive_folder_ok(r->info->folder))
		return refuse(r, FM_REASON_ENTRY_PATH, "%s cannot be the archive's folder", e->shown);
	r->info->mtime_s = (int64_t)e->mtime_s;
	return FM_OK;
}

/* The path below the folder, after checking all that can be wrong with it. */
static int check_path(struct reader *r, const struct entry *e, const char **below)
{
	const struct fm_archive_info *info = r->info;
	size_t n = strlen(info->folder);

	if (e->path[0] == '/')
		return refuse(r, FM_REASON_ENTRY_PATH, "%s is an absolute path", e->shown);
	if (strncmp(e->path, info->folder, n) != 0 || e->path[n] != '/')
		return refuse(r, FM_REASON_ENTRY_PATH, "%s lies outside the folder %s/", e->shown, info->folder);
	*below = e->path + n + 1;
	if (!fm_archive_path_ok(*below))
		return refuse(r, FM_REASON_ENTRY_PATH, "%s is a path that is not allowed", e->shown);
	for (size_t i = 0; i < info->n; i++) {
		if (strcmp(info->file[i].path, *below) == 0)
			return refuse(r, FM_REASON_ENTRY_DUPLICATE, "%s is in the archive twice", e->shown);
		if (fm_archive_paths_collide(info->file[i].path, *below))
			return refuse(r, FM_REASON_ENTRY_COLLISION,
				      "%s and %s are one name on some systems: only one of them could be unpacked",
				      e->shown, info->file[i].path);
	}
	if (info->n && strcmp(info->file[info->n - 1].path, *below) > 0)
		return refuse(r, FM_REASON_ENTRY_ORDER, "%s is not in its place in the order of paths", e->shown);
	if ((int64_t)e->mtime_s != info->mtime_s)
		return refuse(r, FM_REASON_ENTRY_HEADER, "%s has another time than the folder", e->shown);
	return FM_OK;
}

/* nbytes: length of the file before these bytes. */
static void add_prints(const struct fm_polyprint_point *point, struct fm_archive_prints *to, uint64_t nbytes,
		       const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n, *nl;

	while (to->nheads < FM_FORM_HEAD && (nl = memchr(p, '\n', (size_t)(end - p)))) {
		size_t some = (size_t)(nl + 1 - p);

		to->all = fm_polyprint_add(point, to->all, p, some);
		p += some;
		nbytes += some;
		to->head[to->nheads] = to->all;
		to->head_nbytes[to->nheads++] = nbytes;
	}
	to->all = fm_polyprint_add(point, to->all, p, (size_t)(end - p));
}

/* The next bytes of a file, while later ones are unpacked: for a table take its form, fingerprints and values. */
static int read_table(void *ctx, char *hex, const uint8_t *p, size_t n, struct fm_error *err)
{
	struct fm_archive_info *info = ctx;
	struct fm_archive_file *f = (struct fm_archive_file *)(hex - offsetof(struct fm_archive_file, sha256));

	if (!fm_archive_is_table(f->path))
		return FM_OK;
	add_prints(&info->point, &f->prints, f->form.nbytes, p, n);
	fm_table_form_add(&f->form, p, n);
	return f == info->judged ? fm_table_values_add(info->values, p, n, err) : FM_OK;
}

/* The bytes of a file: given to the sink, and kept in doc if that is not NULL. */
static int take_bytes(struct reader *r, const struct entry *e, struct fm_buf *doc)
{
	const uint8_t *p;
	size_t got;
	int rc;

	for (uint64_t left = e->nbytes; left; left -= got) {
		if ((rc = take(r, left, &p, &got)) < 0)
			return rc;
		if (got == 0)
			return refuse(r, FM_REASON_ARCHIVE_MALFORMED, "the tar is cut short in %s", e->shown);
		if (r->sink && (rc = r->sink->bytes(r->sink->ctx, p, got, r->err)) < 0)
			return rc;
		if (doc) {
			fm_buf_add(doc, p, got);
			if ((rc = fm_buf_check(doc, r->err)) < 0)
				return rc;
		}
	}
	return FM_OK;
}

/* Zeros up to a multiple of 512. */
static int take_padding(struct reader *r, const struct entry *e)
{
	const uint8_t *p;
	size_t got;
	int rc;

	for (uint64_t left = (HEADER - e->nbytes % HEADER) % HEADER; left; left -= got) {
		if ((rc = take(r, left, &p, &got)) < 0)
			return rc;
		if (got == 0 || !all_zero(p, got))
			return refuse(r, FM_REASON_ARCHIVE_MALFORMED,
				      "the tar is cut short or has hidden bytes behind %s", e->shown);
	}
	return FM_OK;
}

/* f must stay where it is: its digest, and what read_table sees of it, are written there later (end_digests). */
static int take_file(struct reader *r, const struct entry *e, struct fm_archive_file *f, struct fm_buf *doc)
{
	struct fm_archive_info *info = r->info;
	int rc;

	f->nbytes = e->nbytes;
	if (fm_archive_is_data(f->path) && !info->values) {
		if ((rc = fm_table_values_new(&info->values, strcmp(f->path, FM_ARCHIVE_DATA_JSON) == 0, r->err)) < 0)
			return rc;
		info->judged = f;
	}
	if (r->sink && (rc = r->sink->file(r->sink->ctx, f->path, r->err)) < 0)
		return rc;
	if ((rc = fm_side_digest_part(r->tar_hash, f->sha256, r->err)) < 0 || (rc = take_bytes(r, e, doc)) < 0 ||
	    (rc = fm_side_digest_part(r->tar_hash, NULL, r->err)) < 0)
		return rc;
	return take_padding(r, e);
}

static int read_entry(struct reader *r, const uint8_t h[HEADER])
{
	struct fm_archive_info *info = r->info;
	struct fm_archive_file *f;
	struct fm_buf *doc = NULL;
	uint64_t most = FM_ARCHIVE_MAX_DOCUMENT;
	struct entry e;
	const char *below = NULL;
	int rc;

	if ((rc = parse_header(r, h, &e)) < 0)
		return rc;
	if (!info->folder[0])
		return check_folder(r, &e);
	if ((rc = check_path(r, &e, &below)) < 0)
		return rc;
	if (info->n == FM_ARCHIVE_MAX_FILES)
		return refuse(r, FM_REASON_ENTRY_SIZE, "the archive has more than %d files", FM_ARCHIVE_MAX_FILES);
	if (strcmp(below, FM_ARCHIVE_SUMS) == 0)
		doc = &info->sums;
	else if (strcmp(below, FM_ARCHIVE_MANIFEST) == 0)
		doc = &info->manifest;
	else if (strcmp(below, FM_ARCHIVE_DATAPACKAGE) == 0)
		doc = &info->datapackage;
	else if (strcmp(below, FM_ARCHIVE_CROISSANT) == 0)
		doc = &info->croissant;
	else if (strcmp(below, FM_ARCHIVE_CITATION) == 0)
		doc = &info->citation, most = FM_ARCHIVE_MAX_CITATION;
	if (doc && e.nbytes > most)
		return refuse(r, FM_REASON_ENTRY_SIZE, "%s has %llu bytes; at most %llu are allowed", e.shown,
			      (unsigned long long)e.nbytes, (unsigned long long)most);
	f = &info->file[info->n++];
	memcpy(f->path, below, strlen(below) + 1);
	return take_file(r, &e, f, doc);
}

/* After the first zero block: only zeros, as many as flowmint writes; then nothing more in the compressed file. */
static int read_end(struct reader *r)
{
	uint64_t end = r->pos - HEADER, want = (end + 2 * HEADER + BLOCK - 1) / BLOCK * BLOCK;
	const void *rest;
	const uint8_t *p;
	size_t got;
	int rc;

	do {
		if ((rc = take(r, BLOCK, &p, &got)) < 0)
			return rc;
		if (!all_zero(p, got) || r->pos > want)
			return refuse(r, FM_REASON_ARCHIVE_MALFORMED, "there are bytes behind the end of the tar");
	} while (got);
	if (r->pos != want)
		return refuse(r, FM_REASON_ARCHIVE_MALFORMED, "the tar is cut short (%llu bytes of %llu)",
			      (unsigned long long)r->pos, (unsigned long long)want);
	if (read_compressed(r->zst, r, &rest) > 0)
		return refuse(r, FM_REASON_ARCHIVE_MALFORMED, "there are bytes behind the end of the compressed data");
	return r->rc;
}

static int end_digests(struct reader *r)
{
	struct fm_archive_digests *d = &r->info->digests;
	int rc;

	if ((rc = fm_sha256_end_hex(&r->hash, d->sha256, r->err)) < 0)
		return rc;
	rc = fm_side_digest_end(r->tar_hash, d->tar_sha256, d->tar_sha512, r->err);
	r->tar_hash = NULL;
	if (rc >= 0 && r->info->values)
		rc = fm_table_values_end(r->info->values, r->err);
	return rc;
}

static int read_entries(struct reader *r)
{
	uint8_t h[HEADER];
	int rc;

	for (;;) {
		if ((rc = take_header(r, h)) < 0)
			return rc;
		if (all_zero(h, HEADER))
			return FM_OK;
		if ((rc = read_entry(r, h)) < 0)
			return rc;
	}
}

int fm_archive_read_into(int fd, const struct fm_archive_told *told, const struct fm_archive_sink *sink,
			 struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err)
{
	struct reader r = {
	    .fd = fd, .told = told ? told->nbytes : 0, .sink = sink, .info = info, .reason = reason, .err = err};
	struct stat st;
	int rc;

	memset(info, 0, sizeof *info);
	*reason = FM_REASON_GOOD;
	if (fstat(fd, &st) < 0)
		return fm_fail_errno(err, "the archive cannot be read");
	r.max = (uint64_t)st.st_size * FM_ARCHIVE_MAX_RATIO + FM_ARCHIVE_RATIO_FREE;
	if ((rc = fm_alloc(&r.chunk, CHUNK, 1, "the archive", err)) < 0 ||
	    (rc = fm_alloc(&info->file, FM_ARCHIVE_MAX_FILES, sizeof *info->file, "the list of files", err)) < 0 ||
	    (rc = fm_polyprint_draw(&info->point, err)) < 0 || (rc = fm_sha256_new(&r.hash, err)) < 0 ||
	    (rc = fm_side_digest_new(&r.tar_hash, !told || !told->no_sha512, read_table, info, err)) < 0 ||
	    (rc = open_stream(&r)) < 0 || (rc = read_entries(&r)) < 0 || (rc = read_end(&r)) < 0)
		goto out;
	if (!info->folder[0]) {
		rc = refuse(&r, FM_REASON_ARCHIVE_MALFORMED, "the tar is empty");
		goto out;
	}
	rc = end_digests(&r);
out:
	archive_read_free(r.zst);
	fm_sha256_free(r.hash);
	fm_side_digest_free(r.tar_hash);
	free(r.chunk);
	return rc;
}

int fm_archive_read(int fd, struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err)
{
	return fm_archive_read_into(fd, NULL, NULL, info, reason, err);
}

void fm_archive_info_free(struct fm_archive_info *info)
{
	if (!info)
		return;
	free(info->file);
	fm_table_values_free(info->values);
	fm_buf_free(&info->sums);
	fm_buf_free(&info->manifest);
	fm_buf_free(&info->datapackage);
	fm_buf_free(&info->croissant);
	fm_buf_free(&info->citation);
	memset(info, 0, sizeof *info);
}
