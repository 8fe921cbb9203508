/*
 * fuzz_text - whatever text comes as a trace, in every dialect that reads lines: no crash, no leak, values within their
 * bounds, and the same rows whether the text comes whole or in small blocks. An input is the name of a dialect in a
 * line, and the trace behind it; corpus/text has some.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "manifests/dialect.h"
#include "manifests/embed.h"
#include "traces/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What no built-in dialect has. */
#define COLUMNS(start)                                                                                                 \
	"columns:\n  - " start "\n  - {name: td, column: td, format: hms}\n  - {name: pr, column: pr}\n"               \
	"  - {name: sa, column: sa, format: named-address}\n  - {name: sp, column: sp}\n  - {name: da, column: da}\n"  \
	"  - {name: dp, column: dp, format: type.code}\n  - {name: pkt, column: pkt}\n"                                \
	"  - {name: byt, column: byt, suffix: 1024}\n  - {name: label, column: label}\n"
static const char *const more[] = {
    "name: utf16\nheader: true\nencoding: utf-16\n" COLUMNS("{name: t, column: te, format: \"%d/%m/%Y %H:%M\"}"),
    "name: cp1252\nheader: optional\nencoding: windows-1252\ndelimiter: \";\"\nlabels: {\"a \\x96 b\": x}\n" COLUMNS(
	"{name: t, column: start, format: \"%b %d %y %I:%M:%S.%f %p\"}"),
    "name: tabs\nheader: true\nheader_mark: \"#fields\"\nquote: none\ndelimiter: \"\\t\"\ntimezone: "
    "Europe/Madrid\n" COLUMNS("{name: t, column: te, format: datetime}"),
    "name: lines\nheader: false\ndelimiter: blanks\ncomment: [\"#\"]\nextra_columns: true\ncolumns:\n"
    "  - {name: t, column: start, format: datetime, words: 2}\n  - {name: td, column: td}\n"
    "  - {name: pr, column: pr}\n  - {name: src, column: sa, format: address-port}\n"
    "  - {name: arrow, only: [\"->\"]}\n  - {name: dst, column: da, format: address-port}\n"
    "  - {name: pkt, column: pkt}\n  - {name: byt, column: byt, suffix: 1000}\n",
    "name: marks\nheader: optional\ndelimiter: \";\"\ndecimal: \",\"\nthousands: \".\"\n" COLUMNS(
	"{name: t, column: start, format: seconds}"),
    "name: objects\nlines: json\nmissing: [\"\"]\n" COLUMNS("{name: t, column: te, format: rfc3339}"),
    "name: sheet\nheader: optional\ndelimiter: \";\"\ndecimal: \",\"\ntimezone: America/New_York\n" COLUMNS(
	"{name: t, column: start, format: days-1900}"),
    "name: zones\nheader: false\ntimezone: America/New_York\n" COLUMNS(
	"{name: t, column: te, format: \"%a %b %e %T %Z %Y\"}"),
};
#define MANY 64
static struct fm_dialect *dialects[MANY];
static size_t ndialects;

static void load_all(void)
{
	struct fm_embed e;
	struct fm_error err;

	for (size_t i = 0; fm_embed_at(&e, FM_EMBED_DIALECT, i) && ndialects < MANY; i++)
		if (fm_dialect_load(&dialects[ndialects++], e.name, &err) < 0)
			abort();
	for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
		char path[] = "/tmp/fm-fuzz-XXXXXX.yaml";
		int fd = mkstemps(path, 5);

		if (fd < 0 || write(fd, more[i], strlen(more[i])) != (ssize_t)strlen(more[i]) ||
		    fm_dialect_load(&dialects[ndialects++], path, &err) < 0) {
			fprintf(stderr, "%s\n", err.message);
			abort();
		}
		close(fd);
		unlink(path);
	}
}

static void check_rows(const struct fm_csv *c)
{
	const struct fm_table *t = c->chunk;

	for (size_t i = 0; i < t->rows; i++) {
		if (t->te[i] < 0 || t->te[i] > INT64_C(9214646400000) + UINT32_MAX ||
		    (i && c->place[i] < c->place[i - 1]))
			abort();
		for (int k = 0; k < FM_NCOL; k++) {
			uint64_t v = FM_HAS(t, k) ? fm_table_value(t, k, i) : 0;

			if (FM_HAS(t, k) && ((fm_cols[k].kind == FM_KIND_CATEGORY && v >= t->dict[k].n) ||
					     (fm_cols[k].kind == FM_KIND_ADDRESS && v >= t->addresses->n) ||
					     (fm_cols[k].kind == FM_KIND_COUNT && v > INT64_MAX)))
				abort();
		}
	}
	for (size_t i = 0; i < c->nbad; i++)
		if (!*c->bad[i].reason || strlen(c->bad[i].text) > FM_CSV_TEXT)
			abort();
}

/* A digest of all rows of the text in blocks of `block` bytes. */
static uint64_t read_all(const struct fm_dialect *d, const char *s, size_t n, size_t block)
{
	struct fm_trace_opts o = {.path = "text", .dialect = d, .quiet = true};
	struct fm_utf16 utf16 = {0};
	struct fm_json_list list = {0};
	struct fm_buf decoded = {0};
	struct fm_csv *c = NULL;
	struct fm_error err;
	uint64_t h = 0, bad = 0; /* batches end elsewhere, so that good and bad rows are told apart */
	int rc = fm_csv_new(&c, &o, 16, NULL, &err);

	while (rc >= 0 && n) {
		size_t m = n < block ? n : block;

		decoded.len = 0;
		if (d->encoding == FM_ENCODING_UTF16)
			fm_utf16_add(&utf16, s, m, &decoded);
		else if (d->json && fm_json_list_add(&list, s, m, &decoded, &err) < 0)
			abort(); /* an object of over 1 MiB */
		else if (!d->json)
			fm_buf_add(&decoded, s, m);
		s += m;
		n -= m;
		c->left = decoded.data;
		c->nleft = decoded.len;
		do {
			fm_csv_batch(c, 16);
			rc = fm_csv_take(c, &err);
			if (rc >= 0 && !n && !c->nleft && !fm_csv_is_full(c))
				rc = fm_csv_end(c, &err);
			check_rows(c);
			for (size_t i = 0; i < c->chunk->rows; i++) {
				h = (h ^ c->place[i]) * 0x100000001b3u;
				for (int k = 0; k < FM_NCOL; k++)
					h = (h ^ (FM_HAS(c->chunk, k) ? fm_table_value(c->chunk, k, i) : 0)) *
					    0x100000001b3u;
			}
			for (size_t i = 0; i < c->nbad; i++)
				bad += c->bad[i].line * (unsigned char)*c->bad[i].text;
		} while (rc >= 0 && fm_csv_is_full(c));
	}
	if (rc >= 0) /* its number of lines */
		h = (h ^ c->line) * 0x100000001b3u;
	fm_csv_free(c);
	fm_buf_free(&decoded);
	return h ^ bad;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *s = (const char *)p, *lf = n ? memchr(s, '\n', n) : NULL;
	const struct fm_dialect *d = NULL;
	size_t name = lf ? (size_t)(lf - s) : 0;

	if (!ndialects) {
		fm_log_quiet(1);
		load_all();
	}
	for (size_t i = 0; i < ndialects && !d; i++)
		if (strlen(dialects[i]->name) == name && !memcmp(dialects[i]->name, s, name))
			d = dialects[i];
	if (!d)
		return -1;
	s = lf + 1;
	n -= name + 1;
	if (read_all(d, s, n, n + 1) != read_all(d, s, n, 1 + name % 7))
		abort();
	return 0;
}
