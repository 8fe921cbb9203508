#include "traces/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "traces/gunzip.h"
#include "traces/source_names.h"
#include "traces/xz.h"

#define READ_BLOCK (256 * 1024)
#define NSLOTS 4
#define SLOT_BYTES ((size_t)1 << 20)
#define CHEAP_REST (64u << 20) /* an archive with so little left is looked through for other members */
#define XZ_MAX_DICTIONARY ((uint64_t)128 << 20)
#define MAX_LISTED 20

/* Blocks that the decompressing thread is ahead of the reader: a ring of NSLOTS, filled at head, read at tail. */
struct slot {
	char *data;
	size_t n;
};

struct fm_source {
	char *path, *member_name; /* member_name: what is being read of an archive */
	int fd;
	struct archive *archive;
	struct fm_gunzip *gunzip; /* between file and archive, when the file is gzip */
	bool chosen;              /* the caller named the member */
	bool lacks;               /* and no such member is there */
	bool in_archive;          /* of an archive, not the file itself */
	bool at_end, damaged;
	uint64_t total;
	atomic_uint_fast64_t consumed;

	bool threaded, started, holding; /* holding: the reader still uses slot[tail] */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct slot slot[NSLOTS];
	unsigned head, tail; /* slots filled and slots given back, ever */
	bool stop, finished;
	int rc;
	struct fm_error error;
};

static int archive_failed(struct fm_source *s, const char *doing, struct fm_error *err)
{
	int e = archive_errno(s->archive);
	const char *why = archive_error_string(s->archive);

	if (!why)
		why = "unknown error";
	if (e == EIO || e == ENOMEM || e == EACCES)
		return fm_fail(err, FM_ESYSTEM, "%s: %s: %s", s->path, doing, why);
	if (strstr(why, "too much memory"))
		return fm_fail(err, FM_EINPUT,
			       "%s: %s: it needs over 128 MiB of memory: compress it again with zstd --long=27 or less",
			       s->path, doing);
	s->damaged = true;
	return fm_fail(err, FM_EINPUT, "%s: %s: %s: the file is truncated or damaged; fetch it again", s->path, doing,
		       why);
}

static bool has_filter(const struct fm_source *s, int code)
{
	struct archive *a = s->archive;

	if (s->gunzip)
		return code == ARCHIVE_FILTER_GZIP;
	for (int i = 0; i < archive_filter_count(a); i++)
		if (archive_filter_code(a, i) == code)
			return true;
	return false;
}

/* The file's name promises a compression or an archive: is it that?  Known once the first header has been read. */
static int check_name(struct fm_source *s, struct fm_error *err)
{
	const struct fm_source_suffix *x = fm_source_suffix(s->path);

	if (!x || ((x->filter < 0 || has_filter(s, x->filter)) &&
		   (!x->format || (archive_format(s->archive) & ARCHIVE_FORMAT_BASE_MASK) == x->format)))
		return FM_OK;
	return fm_fail(err, FM_EINPUT,
		       "%s is named %s but is not %s: fetch it again, or give it the name of what it is", s->path,
		       x->text, x->what);
}

/* A member's name, even one that the locale cannot represent. */
static const char *name_of(struct archive_entry *e)
{
	const char *name = archive_entry_pathname_utf8(e);

	if (!name)
		name = archive_entry_pathname(e);
	return name ? name : "(a name that cannot be read)";
}

static bool is_member(struct archive_entry *e)
{
	const char *name = name_of(e), *base;

	if (archive_entry_filetype(e) != AE_IFREG)
		return false;
	base = strrchr(name, '/');
	base = base ? base + 1 : name;
	return strncmp(base, "._", 2) != 0; /* a Mac's copy of file attributes */
}

static void list_add(struct fm_buf *list, size_t n, const char *name)
{
	if (n < MAX_LISTED)
		fm_buf_printf(list, "%s%s", n ? ", " : "", name);
	else if (n == MAX_LISTED)
		fm_buf_puts(list, ", ...");
}

static int next_header(struct fm_source *s, struct archive_entry **entry, bool *end, struct fm_error *err)
{
	int rc = archive_read_next_header(s->archive, entry);

	*end = rc == ARCHIVE_EOF;
	if (rc == ARCHIVE_EOF || rc == ARCHIVE_OK || rc == ARCHIVE_WARN)
		return FM_OK;
	return archive_failed(s, "cannot be read", err);
}

static int empty(struct fm_source *s, struct fm_error *err)
{
	return fm_fail(err, FM_EINPUT, "%s is empty: a trace needs at least one row", s->path);
}

/* Go to the data of the wanted member. */
static int find_member(struct fm_source *s, const char *member, struct fm_error *err)
{
	struct fm_buf seen = {0};
	size_t nseen = 0;
	int rc;

	for (bool first = true;; first = false) {
		struct archive_entry *e = NULL;
		bool end;

		if ((rc = next_header(s, &e, &end, err)) < 0)
			goto out;
		if (first && (rc = end && !s->total ? empty(s, err) : check_name(s, err)))
			goto out;
		if (end)
			break;
		int format = archive_format(s->archive) & ARCHIVE_FORMAT_BASE_MASK;
		if (format == ARCHIVE_FORMAT_RAW) {
			if ((s->lacks = s->chosen))
				rc = fm_fail(err, FM_EINPUT,
					     "%s is not an archive, so it has no member %s: leave source.member empty",
					     s->path, member);
			goto out;
		}
		if (format == ARCHIVE_FORMAT_EMPTY) {
			rc = empty(s, err);
			goto out;
		}
		s->in_archive = true;
		if (!is_member(e))
			continue;
		if (!s->chosen || fm_source_same_name(name_of(e), member)) {
			if (archive_entry_is_data_encrypted(e) > 0)
				rc = fm_fail(err, FM_EINPUT, "%s: member %s is encrypted: unpack it first", s->path,
					     name_of(e));
			else if (!(s->member_name = strdup(name_of(e))))
				rc = fm_fail(err, FM_ESYSTEM, "out of memory");
			else
				fm_log("reading %s from %s", s->member_name, s->path);
			goto out;
		}
		list_add(&seen, nseen++, name_of(e));
	}
	if (!s->in_archive)
		rc = empty(s, err);
	else if ((s->lacks = s->chosen && nseen))
		rc = fm_fail(err, FM_EINPUT, "%s has no member %s; it has: %s", s->path, member,
			     seen.data ? seen.data : "");
	else
		rc = fm_fail(err, FM_EINPUT, "%s holds no file: an archive with a trace in it is needed", s->path);
out:
	fm_buf_free(&seen);
	return rc;
}

/* Which of the members that make an archive a spreadsheet were met: ECMA-376 part 2 and OpenDocument 1.3 part 2 have
 * them at these places. */
enum { EXCEL_TYPES = 1, EXCEL_BOOK = 2, EXCEL = 3, OPEN_TYPE = 4, OPEN_CONTENT = 8, OPEN = 12 };

static unsigned sheet_part(const char *name)
{
	static const struct {
		const char *name;
		unsigned part;
	} parts[] = {{"[Content_Types].xml", EXCEL_TYPES},
		     {"xl/workbook.xml", EXCEL_BOOK},
		     {"xl/workbook.bin", EXCEL_BOOK},
		     {"mimetype", OPEN_TYPE},
		     {"content.xml", OPEN_CONTENT}};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strcmp(name, parts[i].name) == 0)
			return parts[i].part;
	return 0;
}

/* After the first member, when none was named: is there another?  Then the choice is the user's. */
static int refuse_others(struct fm_source *s, struct fm_error *err)
{
	struct fm_buf seen = {0};
	size_t nseen = 0;
	unsigned parts;
	int rc = FM_OK;

	if (!s->in_archive || s->chosen)
		return FM_OK;
	parts = sheet_part(s->member_name);
	list_add(&seen, nseen++, s->member_name);
	for (;;) {
		struct archive_entry *e = NULL;
		bool end;

		if ((rc = next_header(s, &e, &end, err)) < 0)
			goto out;
		if (end)
			break;
		if (!is_member(e))
			continue;
		parts |= sheet_part(name_of(e));
		list_add(&seen, nseen++, name_of(e));
	}
	if ((parts & EXCEL) == EXCEL)
		rc = fm_fail(err, FM_EINPUT, "%s is an Excel workbook: save the sheet as CSV first", s->path);
	else if ((parts & OPEN) == OPEN)
		rc = fm_fail(err, FM_EINPUT, "%s is a document of LibreOffice: save the sheet as CSV first", s->path);
	else if (nseen > 1)
		rc = fm_fail(err, FM_EINPUT, "%s has several members: choose one with source.member (%s)", s->path,
			     seen.data ? seen.data : "");
out:
	fm_buf_free(&seen);
	return rc;
}

/* Read gzip to its end, past what the archive needs, because its checksum is there. */
static int drain(struct fm_source *s, struct fm_error *err)
{
	const char *why = NULL;
	const void *data;
	ssize_t n = 1;

	if (s->gunzip && s->total - fm_source_consumed(s) <= CHEAP_REST)
		while ((n = fm_gunzip_read(s->gunzip, &data, &why)) > 0)
			;
	if (n >= 0)
		return FM_OK;
	archive_set_error(s->archive, errno ? errno : EILSEQ, "%s", why);
	return archive_failed(s, "cannot be read to its end", err);
}

/* The next block straight from libarchive, in its own memory; *n is 0 at the end. */
static int fetch(struct fm_source *s, const char **data, size_t *n, struct fm_error *err)
{
	*n = 0;
	while (!s->at_end) {
		const void *block;
		la_int64_t offset;
		int rc = archive_read_data_block(s->archive, &block, n, &offset);

		atomic_store_explicit(&s->consumed,
				      s->gunzip ? fm_gunzip_consumed(s->gunzip)
						: (uint64_t)archive_filter_bytes(s->archive, -1),
				      memory_order_relaxed);
		if (rc == ARCHIVE_EOF) {
			*n = 0;
			s->at_end = true;
			if ((rc = refuse_others(s, err)) < 0)
				return rc;
			return drain(s, err);
		}
		if (rc != ARCHIVE_OK) /* a warning, too: zip says so of data of the wrong size */
			return archive_failed(s, "cannot be read to its end", err);
		*data = block;
		if (*n)
			return FM_OK;
	}
	return FM_OK;
}

/* The thread: copy what libarchive yields into whole slots, one for each block of up to SLOT_BYTES. */
static void *ahead(void *arg)
{
	struct fm_source *s = arg;
	const char *data = NULL;
	size_t left = 0;
	bool end = false;
	int rc = FM_OK;

	while (!end && rc >= 0) {
		pthread_mutex_lock(&s->lock);
		while (s->head - s->tail == NSLOTS && !s->stop)
			pthread_cond_wait(&s->changed, &s->lock);
		bool stop = s->stop;
		struct slot *slot = &s->slot[s->head % NSLOTS];
		pthread_mutex_unlock(&s->lock);
		if (stop)
			break;
		slot->n = 0;
		while (slot->n < SLOT_BYTES) {
			if (!left && ((rc = fetch(s, &data, &left, &s->error)) < 0 || !left)) {
				end = true;
				break;
			}
			size_t m = left < SLOT_BYTES - slot->n ? left : SLOT_BYTES - slot->n;
			memcpy(slot->data + slot->n, data, m);
			slot->n += m;
			data += m;
			left -= m;
		}
		pthread_mutex_lock(&s->lock);
		if (slot->n)
			s->head++;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_lock(&s->lock);
	s->rc = rc;
	s->finished = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int start_ahead(struct fm_source *s, struct fm_error *err)
{
	int rc;

	for (int i = 0; i < NSLOTS; i++)
		if ((rc = fm_alloc(&s->slot[i].data, SLOT_BYTES, 1, "decompressed blocks", err)) < 0)
			return rc;
	errno = pthread_create(&s->thread, NULL, ahead, s);
	if (errno)
		return fm_fail_errno(err, "cannot start a thread for %s", s->path);
	s->started = true;
	return FM_OK;
}

static void stop_ahead(struct fm_source *s)
{
	if (!s->started)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->started = false;
}

/* liblzma takes as much memory as the file asks for; files that xz makes at its highest level need 64 MiB. */
static int check_memory(const struct fm_source *s, struct fm_error *err)
{
	uint8_t head[1024 + 12];
	ssize_t n = s->total ? pread(s->fd, head, sizeof head, 0) : 0;
	uint64_t dictionary = n > 0 ? fm_xz_dictionary(head, (size_t)n) : 0;

	if (dictionary <= XZ_MAX_DICTIONARY)
		return FM_OK;
	return fm_fail(err, FM_EINPUT,
		       "%s needs %llu MiB of memory to be decompressed: compress it again with xz -9 or less", s->path,
		       (unsigned long long)(dictionary >> 20));
}

/* libarchive asks for more of what gzip held. */
static la_ssize_t read_gunzip(struct archive *a, void *ctx, const void **data)
{
	struct fm_source *s = ctx;
	const char *why = NULL;
	ssize_t n = fm_gunzip_read(s->gunzip, data, &why);

	if (n < 0)
		archive_set_error(a, errno ? errno : EILSEQ, "%s", why);
	return n;
}

static int open_archive(struct fm_source *s, struct fm_error *err)
{
	struct archive *a = s->archive = archive_read_new();
	int rc;

	if (!a)
		return fm_fail(err, FM_ESYSTEM, "out of memory: no archive reader");
	if (archive_read_support_filter_gzip(a) || archive_read_support_filter_bzip2(a) ||
	    archive_read_support_filter_xz(a) || archive_read_support_filter_lzma(a) ||
	    archive_read_support_filter_zstd(a) || archive_read_support_filter_lz4(a) ||
	    archive_read_support_filter_compress(a) || archive_read_support_format_tar(a) ||
	    archive_read_support_format_zip(a) || archive_read_support_format_7zip(a) ||
	    archive_read_support_format_empty(a) || archive_read_support_format_raw(a))
		return fm_fail(err, FM_ESYSTEM, "libarchive lacks a needed format: %s", archive_error_string(a));
	/* archive_read_open does not look whether it had memory for this, and crashes. */
	if (archive_read_set_callback_data(a, s) != ARCHIVE_OK)
		return fm_fail(err, FM_ESYSTEM, "out of memory: no archive reader");
	if (s->total && fm_gunzip_wanted(s->fd)) {
		if ((rc = fm_gunzip_open(&s->gunzip, s->fd, err)) < 0)
			return rc;
		rc = archive_read_open(a, s, NULL, read_gunzip, NULL);
	} else {
		rc = archive_read_open_fd(a, s->fd, READ_BLOCK);
	}
	return rc == ARCHIVE_OK ? FM_OK : archive_failed(s, "cannot be opened", err);
}

static int source_new(struct fm_source **s, struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(s, 1, sizeof **s, "a source", err)) < 0)
		return rc;
	(*s)->fd = -1;
	pthread_mutex_init(&(*s)->lock, NULL);
	pthread_cond_init(&(*s)->changed, NULL);
	return FM_OK;
}

/* Open the file, up to the data of its member. */
static int begin(struct fm_source *s, const char *path, const char *member, struct fm_error *err)
{
	struct stat st;
	int rc;

	s->chosen = member && *member;
	if (!(s->path = strdup(path)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((s->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(s->fd, &st))
		return fm_fail_errno(err, "cannot open the trace %s", path);
	if (S_ISDIR(st.st_mode))
		return fm_fail(err, FM_EINPUT, "%s is a folder: name the trace file in it", path);
	if (S_ISREG(st.st_mode)) {
		s->total = (uint64_t)st.st_size;
		if (!st.st_size)
			return empty(s, err);
	}
	if ((rc = check_memory(s, err)) < 0 || (rc = open_archive(s, err)) < 0)
		return rc;
	return find_member(s, member, err);
}

int fm_source_open(struct fm_source **out, const char *path, const char *member, struct fm_error *err)
{
	struct fm_source *s;
	int rc;

	*out = NULL;
	if ((rc = source_new(&s, err)) < 0)
		return rc;
	if ((rc = begin(s, path, member, err)) < 0)
		goto out;
	/* Only what costs time is worth a thread: a filter beyond "none", or an archive that compresses by itself. */
	s->threaded = s->gunzip || archive_filter_count(s->archive) > 1 || s->in_archive;
	if (s->threaded && (rc = start_ahead(s, err)) < 0)
		goto out;
	*out = s;
	s = NULL;
out:
	fm_source_close(s);
	return rc;
}

int fm_source_find(const char *path, const char *member, bool *lacks, struct fm_error *err)
{
	struct fm_source *s;
	int rc;

	*lacks = false;
	if ((rc = source_new(&s, err)) < 0)
		return rc;
	rc = begin(s, path, member, err);
	*lacks = s->lacks;
	fm_source_close(s);
	return rc;
}

static int next_slot(struct fm_source *s, const char **data, size_t *n, struct fm_error *err)
{
	int rc = FM_OK;

	*n = 0;
	pthread_mutex_lock(&s->lock);
	if (s->holding) {
		s->tail++;
		s->holding = false;
		pthread_cond_broadcast(&s->changed);
	}
	while (s->head == s->tail && !s->finished)
		pthread_cond_wait(&s->changed, &s->lock);
	if (s->head != s->tail) {
		struct slot *slot = &s->slot[s->tail % NSLOTS];

		*data = slot->data;
		*n = slot->n;
		s->holding = true;
	} else {
		rc = s->rc;
		if (rc && err)
			*err = s->error;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int fm_source_next(struct fm_source *s, const char **data, size_t *n, struct fm_error *err)
{
	*data = "";
	return s->threaded ? next_slot(s, data, n, err) : fetch(s, data, n, err);
}

int fm_source_stop(struct fm_source *s, struct fm_error *err)
{
	int rc = FM_OK;

	stop_ahead(s);
	/* Damage after the wanted rows is no error; another member is. */
	if (s->finished && s->rc)
		rc = s->at_end ? s->rc : FM_OK;
	else if (!s->at_end && s->total && s->total - fm_source_consumed(s) <= CHEAP_REST)
		return refuse_others(s, err);
	if (rc && err)
		*err = s->error;
	return rc;
}

uint64_t fm_source_needs(const char *path)
{
	uint8_t head[1024 + 12];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, head, sizeof head, 0) : 0;
	uint64_t needs = NSLOTS * SLOT_BYTES, window;

	if (fd >= 0)
		close(fd);
	if (n < 12)
		return 0;
	needs += fm_xz_dictionary(head, (size_t)n);
	/* RFC 8878, 3.1.1: magic number, frame header descriptor, window descriptor (none of a single segment). */
	if (!memcmp(head, "\x28\xb5\x2f\xfd", 4)) {
		window = head[4] & 0x20 ? 0 : (uint64_t)1 << (10 + (head[5] >> 3));
		needs += window + window / 8 * (head[5] & 7);
	}
	return needs;
}

bool fm_source_damaged(const struct fm_source *s)
{
	return s->damaged;
}

uint64_t fm_source_consumed(const struct fm_source *s)
{
	uint64_t n = atomic_load_explicit(&s->consumed, memory_order_relaxed);

	return s->total && n > s->total ? s->total : n;
}

uint64_t fm_source_total(const struct fm_source *s)
{
	return s->total;
}

void fm_source_close(struct fm_source *s)
{
	if (!s)
		return;
	stop_ahead(s);
	if (s->archive)
		archive_read_free(s->archive);
	fm_gunzip_close(s->gunzip);
	if (s->fd >= 0)
		close(s->fd);
	for (int i = 0; i < NSLOTS; i++)
		free(s->slot[i].data);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->member_name);
	free(s->path);
	free(s);
}
