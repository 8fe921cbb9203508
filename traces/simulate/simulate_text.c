/* simulate_text.c - flows as sorted text, and where the text goes. */
#include "traces/simulate/simulate_text.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/num.h"
#include "traces/source_names.h"

#define ROW_MAX 208 /* bytes of a row behind its time: 9 + 2*40 + 2*6 + 5 + 7 + 2 + 4 + 2*21 + 18, and room */

/* One row to sort: its second, the first eight bytes of its text (most rows differ there), where the text is. */
struct fm_sim_key {
	uint64_t head;
	uint32_t sec, len;
	const char *text;
};

static char *put(char *p, const char *s)
{
	size_t n = strlen(s);
	memcpy(p, s, n);
	p[n] = ',';
	return p + n + 1;
}

static char *put_u64(char *p, uint64_t v)
{
	p += fm_format_u64(v, p);
	*p++ = ',';
	return p;
}

/* Type and code of ICMP in ICMPv6 (RFC 4443): of echo, unreachable (3) and time exceeded (11); others become a router's
 * advertisement. */
static unsigned icmp6_port(unsigned dp)
{
	switch (dp / 256) {
	case 0:
		return 129 * 256;
	case 8:
		return 128 * 256;
	case 3:
		return 256 + dp % 256 % 7;
	case 11:
		return 3 * 256 + dp % 256;
	default:
		return 134 * 256;
	}
}

/* Everything after the first comma, with the newline. */
static size_t row_text(const struct fm_sim_world *w, const struct fm_sim_flow *f, char *out)
{
	bool ipv6 = fm_sim_is_ipv6(w, f->sa, f->da), icmp6 = ipv6 && f->pr == SIM_ICMP;
	struct fm_address a = ipv6 ? fm_sim_ipv6(f->sa) : fm_address_of_ipv4(f->sa),
			  b = ipv6 ? fm_sim_ipv6(f->da) : fm_address_of_ipv4(f->da);
	char *p = out;

	p += fm_format_ms_as_s(f->td_ms, p);
	*p++ = ',';
	p += fm_address_format(&a, p);
	*p++ = ',';
	p += fm_address_format(&b, p);
	*p++ = ',';
	p = put_u64(p, f->sp);
	p = put_u64(p, icmp6 ? icmp6_port(f->dp) : f->dp);
	p = put(p, icmp6 ? "ICMP6" : fm_sim_proto[f->pr]);
	p = put(p, fm_sim_flags[f->flg]);
	*p++ = '0';
	*p++ = ',';
	p = put_u64(p, f->stos);
	p = put_u64(p, f->pkt);
	p = put_u64(p, f->byt);
	p = put(p, fm_simulate_labels[f->label]);
	p[-1] = '\n';
	return (size_t)(p - out);
}

static int key_compare(const void *va, const void *vb)
{
	const struct fm_sim_key *a = va, *b = vb;

	if (a->sec != b->sec)
		return a->sec < b->sec ? -1 : 1;
	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	return memcmp(a->text, b->text,
		      a->len < b->len ? a->len : b->len); /* each ends in a newline: no prefix of another */
}

static int scratch_reserve(struct fm_sim_scratch *x, size_t rows, struct fm_error *err)
{
	size_t cap = rows + rows / 2 + 64;
	int rc;

	if (rows <= x->cap)
		return FM_OK;
	fm_sim_scratch_free(x);
	if ((rc = fm_alloc(&x->text, cap, ROW_MAX, "the rows of a slot", err)) < 0 ||
	    (rc = fm_alloc(&x->key, cap, sizeof *x->key, "the rows of a slot", err)) < 0) {
		fm_sim_scratch_free(x);
		return rc;
	}
	x->cap = cap;
	return FM_OK;
}

void fm_sim_scratch_free(struct fm_sim_scratch *x)
{
	free(x->text);
	free(x->key);
	*x = (struct fm_sim_scratch){0};
}

int fm_sim_text(const struct fm_sim_slot *s, int64_t start_s, struct fm_sim_scratch *x, struct fm_buf *out,
		struct fm_error *err)
{
	char time[FM_TIME_MAX], *p;
	size_t ntime = 0;
	int rc = scratch_reserve(x, s->n, err);

	if (rc < 0 || s->n == 0)
		return rc;
	p = x->text;
	for (size_t i = 0; i < s->n; i++) {
		struct fm_sim_key *k = &x->key[i];
		k->sec = s->flow[i].sec;
		k->len = (uint32_t)row_text(s->w, &s->flow[i], p);
		k->text = p;
		memcpy(&k->head, p, sizeof k->head);
		k->head = be64toh(k->head);
		p += k->len;
	}
	qsort(x->key, s->n, sizeof *x->key, key_compare);
	for (size_t i = 0; i < s->n; i++) {
		const struct fm_sim_key *k = &x->key[i];
		if (i == 0 || k->sec != k[-1].sec) {
			ntime = fm_format_time_s((start_s + k->sec) * 1000, time);
			time[ntime++] = ',';
		}
		fm_buf_add(out, time, ntime);
		fm_buf_add(out, k->text, k->len);
	}
	return fm_buf_check(out, err);
}

struct fm_sim_sink {
	struct fm_out *out;      /* NULL: standard output */
	struct archive *archive; /* NULL: not compressed */
	struct archive_entry *entry;
	const char *path;
	struct fm_error err; /* why the callback stopped writing */
};

/* The compression that a name promises; FM_EUSAGE for one that cannot be written. */
static int filter_of(const char *path, int *filter, struct fm_error *err)
{
	const struct fm_source_suffix *x = fm_source_suffix(path);

	*filter = x ? x->filter : ARCHIVE_FILTER_NONE;
	if (!x || (!x->format &&
		   (*filter == ARCHIVE_FILTER_GZIP || *filter == ARCHIVE_FILTER_XZ || *filter == ARCHIVE_FILTER_ZSTD)))
		return FM_OK;
	return fm_fail(
	    err, FM_EUSAGE,
	    "%s has the name of %s, and what is written is CSV: end it in .csv, .csv.gz, .csv.xz or .csv.zst", path,
	    x->what);
}

/* Never fails towards libarchive, which leaks its compressor after a failed write: what cannot be written is dropped,
 * and k->err tells the next caller. */
static la_ssize_t archive_out(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct fm_sim_sink *k = ctx;
	(void)a;
	if (!k->err.code)
		k->err.code = fm_out_write(k->out, p, n, &k->err);
	return (la_ssize_t)n;
}

static int archive_check(struct fm_sim_sink *k, bool ok, struct fm_error *err)
{
	const char *why;

	if (k->err.code) {
		if (err)
			*err = k->err;
		return k->err.code;
	}
	if (ok)
		return FM_OK;
	why = archive_error_string(k->archive);
	return fm_fail(err, FM_ESYSTEM, "cannot compress %s: %s", k->path, why ? why : "out of memory");
}

static int compress_open(struct fm_sim_sink *k, int filter, struct fm_error *err)
{
	const char *path = k->path;
	int rc;

	if (!(k->archive = archive_write_new()) || !(k->entry = archive_entry_new()))
		return fm_fail(err, FM_ESYSTEM, "out of memory: the compressor of %s", path);
	rc = archive_write_add_filter(k->archive, filter);
	/* Without the time of day, so that the file repeats. */
	if (rc == ARCHIVE_OK && filter == ARCHIVE_FILTER_GZIP)
		rc = archive_write_set_filter_option(k->archive, "gzip", "timestamp", NULL);
	if (rc != ARCHIVE_OK || archive_write_set_format_raw(k->archive) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(k->archive, 1) != ARCHIVE_OK ||
	    archive_write_open(k->archive, k, NULL, archive_out, NULL) != ARCHIVE_OK)
		return archive_check(k, false, err);
	archive_entry_set_filetype(k->entry, AE_IFREG);
	archive_entry_set_pathname(k->entry, "data");
	return archive_check(k, archive_write_header(k->archive, k->entry) == ARCHIVE_OK, err);
}

int fm_sim_sink_open(struct fm_sim_sink **sink, const char *path, struct fm_error *err)
{
	struct fm_sim_sink *k = NULL;
	struct stat st;
	int filter, rc;

	*sink = NULL;
	if (!path || !*path)
		return fm_fail(err, FM_EUSAGE, "no output file: give --out FILE, or --out - for standard output");
	if ((rc = filter_of(path, &filter, err)) < 0 || (rc = fm_alloc(&k, 1, sizeof *k, "an output file", err)) < 0)
		return rc;
	k->path = path;
	if (strcmp(path, "-") != 0) {
		/* A rename would replace a device or pipe by a file. */
		if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
			rc = fm_fail(err, FM_EUSAGE,
				     "%s exists and is not a regular file: give another name, or - for standard output",
				     path);
			goto out;
		}
		if ((rc = fm_out_open(&k->out, path, 0644, err)) < 0)
			goto out;
		if (filter != ARCHIVE_FILTER_NONE && (rc = compress_open(k, filter, err)) < 0)
			goto out;
	}
	*sink = k;
	k = NULL;
out:
	fm_sim_sink_abort(k);
	return rc;
}

int fm_sim_sink_write(struct fm_sim_sink *k, const void *p, size_t n, struct fm_error *err)
{
	const char *c = p;

	if (k->archive)
		return archive_check(k, archive_write_data(k->archive, p, n) == (la_ssize_t)n, err);
	if (k->out)
		return fm_out_write(k->out, p, n, err);
	while (n > 0) {
		ssize_t w = write(STDOUT_FILENO, c, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return fm_fail_errno(err, "cannot write to standard output");
		c += w;
		n -= (size_t)w;
	}
	return FM_OK;
}

int fm_sim_sink_commit(struct fm_sim_sink *k, struct fm_error *err)
{
	int rc = FM_OK;

	if (k->archive && (rc = archive_check(k, archive_write_close(k->archive) == ARCHIVE_OK, err)) < 0)
		goto out;
	if (k->out) {
		struct fm_out *out = k->out;
		k->out = NULL;
		rc = fm_out_commit(out, err);
	}
out:
	fm_sim_sink_abort(k);
	return rc;
}

void fm_sim_sink_abort(struct fm_sim_sink *k)
{
	if (!k)
		return;
	/* Freeing closes, and closing flushes: drop that output. */
	k->err.code = FM_ESYSTEM;
	archive_write_free(k->archive);
	archive_entry_free(k->entry);
	fm_out_abort(k->out);
	free(k);
}
