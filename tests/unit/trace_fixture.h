/*
 * trace_fixture.h - what the tests of traces/ and of ingest share: a scratch folder, files made of text, packed by
 * libarchive, the two dialects as literals, and a reading that keeps what the reader said.
 */
#ifndef FM_TESTS_TRACE_FIXTURE_H
#define FM_TESTS_TRACE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "traces/trace.h"

static char scratch[512];

static inline int scratch_make(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	fm_log_quiet(1);
	snprintf(scratch, sizeof scratch, "%s/fm-test-XXXXXX", base && *base ? base : "/tmp");
	return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_remove(void **state)
{
	struct fm_error err;

	(void)state;
	return fm_dir_remove(scratch, &err);
}

/* A path in the scratch folder; the last eight stay valid. */
static inline const char *at(const char *name)
{
	static char path[8][1024];
	static unsigned n;
	char *p = path[n++ % 8];

	snprintf(p, sizeof path[0], "%s/%s", scratch, name);
	return p;
}

static inline const char *put_bytes(const char *name, const void *p, size_t n)
{
	const char *path = at(name);
	struct fm_error err;

	assert_int_equal(fm_file_write(path, 0644, p, n, &err), FM_OK);
	return path;
}

static inline const char *put(const char *name, const char *text)
{
	return put_bytes(name, text, strlen(text));
}

struct packed {
	const char *name, *data;
	size_t n; /* 0: strlen(data); data NULL: a folder */
};

/* Pack with format 0 (raw: one member) or ARCHIVE_FORMAT_*, and a filter. */
static inline const char *pack(const char *name, int format, int filter, const struct packed *members, size_t nmembers)
{
	const char *path = at(name);
	struct archive *a = archive_write_new();

	assert_non_null(a);
	assert_int_equal(format ? archive_write_set_format(a, format) : archive_write_set_format_raw(a), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	for (size_t i = 0; i < nmembers; i++) {
		const struct packed *m = &members[i];
		size_t n = m->data ? m->n ? m->n : strlen(m->data) : 0;
		struct archive_entry *e = archive_entry_new();

		archive_entry_set_pathname(e, m->name);
		archive_entry_set_filetype(e, m->data ? AE_IFREG : AE_IFDIR);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_size(e, (la_int64_t)n);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		if (n)
			assert_int_equal(archive_write_data(a, m->data, n), (la_ssize_t)n);
		archive_entry_free(e);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	return path;
}

static inline const char *pack_one(const char *name, int filter, const char *data, size_t n)
{
	struct packed m = {"data", data, n};

	return pack(name, 0, filter, &m, 1);
}

static const struct fm_dialect ugr16 = {
    .name = "ugr16",
    .delimiter = ',',
    .newline = "\n",
    .nmissing = 3,
    .missing = {"", "nan", "-"},
    .ncols = 13,
    .cols = {{.name = "te", .col = FM_TE, .format = FM_FMT_DATETIME, .decimals = -1},
	     {.name = "td", .col = FM_TD, .format = FM_FMT_SECONDS, .decimals = 3},
	     {.name = "sa", .col = FM_SA, .format = FM_FMT_ADDRESS, .decimals = -1},
	     {.name = "da", .col = FM_DA, .format = FM_FMT_ADDRESS, .decimals = -1},
	     {.name = "sp", .col = FM_SP, .format = FM_FMT_INTEGER, .decimals = -1},
	     {.name = "dp", .col = FM_DP, .format = FM_FMT_INTEGER, .decimals = -1},
	     {.name = "pr", .col = FM_PR, .format = FM_FMT_TEXT, .decimals = -1},
	     {.name = "flg", .col = FM_FLG, .format = FM_FMT_TEXT, .decimals = -1},
	     {.name = "fwd", .col = FM_FWD, .format = FM_FMT_TEXT, .decimals = -1},
	     {.name = "stos", .col = FM_STOS, .format = FM_FMT_TEXT, .decimals = -1},
	     {.name = "pkt", .col = FM_PKT, .format = FM_FMT_INTEGER, .decimals = -1},
	     {.name = "byt", .col = FM_BYT, .format = FM_FMT_INTEGER, .decimals = -1},
	     {.name = "label", .col = FM_LABEL, .format = FM_FMT_TEXT, .decimals = -1}},
    .present = FM_COLS_UGR16,
};

static const struct fm_dialect netshare = {
    .name = "netshare",
    .header = true,
    .delimiter = ',',
    .newline = "\n",
    .nmissing = 2,
    .missing = {"", "nan"},
    .ncols = 10,
    .cols = {{.name = "srcip", .col = FM_SA, .format = FM_FMT_IPV4_INTEGER, .decimals = -1},
	     {.name = "dstip", .col = FM_DA, .format = FM_FMT_IPV4_INTEGER, .decimals = -1},
	     {.name = "srcport", .col = FM_SP, .format = FM_FMT_INTEGER, .decimals = -1},
	     {.name = "dstport", .col = FM_DP, .format = FM_FMT_INTEGER, .decimals = -1},
	     {.name = "proto", .col = FM_PR, .format = FM_FMT_TEXT, .decimals = -1},
	     {.name = "ts", .col = FM_TE, .format = FM_FMT_MICROSECONDS, .decimals = 1},
	     {.name = "td", .col = FM_TD, .format = FM_FMT_SECONDS, .decimals = 3},
	     {.name = "pkt", .col = FM_PKT, .format = FM_FMT_INTEGER, .decimals = -1},
	     {.name = "byt", .col = FM_BYT, .format = FM_FMT_INTEGER, .decimals = -1},
	     {.name = "type", .col = FM_LABEL, .format = FM_FMT_TEXT, .decimals = -1}},
    .labels = {{.from = "benign", .to = "background"}},
    .nlabels = 1,
    .present = 1u << FM_SA | 1u << FM_DA | 1u << FM_SP | 1u << FM_DP | 1u << FM_PR | 1u << FM_TE | 1u << FM_TD |
	       1u << FM_PKT | 1u << FM_BYT | 1u << FM_LABEL,
};

/* A UGR'16 row; the i-th of a made-up trace, in the order of time. */
static inline void ugr16_row(struct fm_buf *b, unsigned i)
{
	fm_buf_printf(b, "2016-04-11 %02u:%02u:%02u,%u.%03u,42.219.%u.%u,10.0.%u.%u,%u,%u,%s,.AP.SF,0,%u,%u,%u,%s\n",
		      i / 20 / 3600 % 24, i / 20 / 60 % 60, i / 20 % 60, i % 7, i * 37 % 1000, i % 250, i * 7 % 250,
		      i * 3 % 250, i * 11 % 250, 1024 + i * 13 % 60000, i % 3 ? 80u : 53u, i % 3 ? "TCP" : "UDP",
		      i % 2 * 8, 1 + i % 50, 40 + i * 31 % 90000, i % 1000 == 999 ? "blacklist" : "background");
}

static inline struct fm_buf ugr16_rows(unsigned n)
{
	struct fm_buf b = {0};

	for (unsigned i = 0; i < n; i++)
		ugr16_row(&b, i);
	assert_false(b.failed);
	return b;
}

#define ROW "2016-04-11 00:01:38,7.000,60.150.71.237,42.219.159.200,32864,80,TCP,....S.,0,0,4,240,background\n"

/* What one reading said. */
struct reading {
	int rc;
	struct fm_error err;
	struct fm_trace_stats st;
	struct fm_table *t;
	size_t nbad;
	struct {
		uint64_t line;
		char reason[256], text[600];
	} bad[96];
};

static inline void keep_bad(void *ctx, const struct fm_trace_bad *bad)
{
	struct reading *r = ctx;

	if (r->nbad < 96) {
		r->bad[r->nbad].line = bad->line;
		snprintf(r->bad[r->nbad].reason, sizeof r->bad[0].reason, "%s", bad->reason);
		snprintf(r->bad[r->nbad].text, sizeof r->bad[0].text, "%s", bad->text);
		assert_true(strlen(bad->text) <= 512);
	}
	r->nbad++;
}

/* Read a file whole; options beyond path and dialect in o (may be NULL). Bad rows up to max_bad are allowed. */
static inline struct reading *read_trace_file(const char *path, const struct fm_dialect *d,
					      const struct fm_trace_opts *o, double max_bad)
{
	struct reading *r = calloc(1, sizeof *r);
	struct fm_trace_opts mine = o ? *o : (struct fm_trace_opts){0};

	assert_non_null(r);
	mine.path = path;
	mine.dialect = d;
	mine.bad = keep_bad;
	mine.ctx = r;
	r->rc = fm_trace_load(&r->t, &mine, max_bad, &r->st, &r->err);
	assert_int_equal(r->rc == FM_OK, r->t != NULL);
	return r;
}

static inline void done(struct reading *r)
{
	fm_table_free(r->t);
	free(r);
}

#define assert_says(err, text)                                                                                         \
	do {                                                                                                           \
		if (!strstr((err).message, text))                                                                      \
			fail_msg("the message is \"%s\", without \"%s\"", (err).message, text);                        \
	} while (0)

static inline void assert_refused(const char *path, const struct fm_dialect *d, const char *text)
{
	struct reading *r = read_trace_file(path, d, NULL, 0);

	assert_int_equal(r->rc, FM_EINPUT);
	assert_says(r->err, text);
	done(r);
}

#endif
