/*
 * trace.h - a trace file <-> the flow table, by dialect.
 *
 * Reading, through whatever kind of source fills reader.h (text, csv.c; packets, pcap.c): plain, gzip, xz, zstd
 * (libarchive's filters) or one member of a tar or zip, as one stream in bounded memory, parsed by libcsv, row by row
 * into chunks of FM_TRACE_CHUNK rows.  A row that does not parse goes to the caller's `bad` callback with its line
 * number, reason and (cut) text, and is not in the table.  (libcsv took two fifths of the time of a row, so lines
 * without a quote, which are nearly all, bypass it: fields.h.)
 *
 * A row is one line: LF or CR LF, blank lines skipped, a byte-order mark at the start of the file dropped, fields
 * quoted or not, but no line break inside quotes, so that one stray quote costs one row and not the rest of the file.
 *
 * Writing: the dialect's columns, order and formats, as text or as an object of JSON a line, with the comments around
 * the header that it asks for.
 */
#ifndef FM_TRACES_TRACE_H
#define FM_TRACES_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "manifests/dialect.h"

#define FM_TRACE_CHUNK 65536
#define FM_TRACE_MAXLINE (1 << 20) /* a longer line is a bad row */

enum fm_missing { FM_MISSING_ZERO, FM_MISSING_REJECT };
/* What a row's text says besides its values, as bits. */
enum fm_trace_said {
	FM_SAID_OTHER_TD = 1,     /* the duration is not the time from start to end */
	FM_SAID_ROUNDED_TIME = 2, /* a time as 1.46033e+09, with fewer digits than it has */
	FM_SAID_ROUNDED = 4,      /* a count likewise */
	FM_SAID_ONE_TIME = 8,     /* start and end are the same, and the duration is not 0 */
	FM_SAID_SEVERAL = 16,     /* the row is the sum of several flows */
	FM_SAID_OFFSET = 32,      /* a time says its offset from UTC */
	FM_SAID_THOUSANDS = 64,   /* a count as 1.000, which may be a thousand */
	FM_SAID_COARSE = 128,     /* a time in days, in steps of more than a second */
};
struct fm_trace_bad {
	uint64_t line;      /* its place (reader.h); 1 is the first line of the file */
	const char *reason; /* "sp is over 65535 (column sp)": nothing of the row's text */
	const char *text;   /* private: the row, at most 512 bytes, control characters escaped */
	const char *label;  /* private: its label, where that could be read; else NULL */
};
struct fm_trace_opts {
	/* A list has one path a line: its files are read as one trace, in the order of the times of their first rows,
	 * and lines are counted on from file to file; files without a row are skipped with a warning. */
	const char *path,
	    *member; /* member NULL or "": the only regular file of an archive; a star for the folder: any */
	const struct fm_dialect *dialect;
	uint64_t rows; /* stop after this many good rows; 0 = all */
	enum fm_missing missing;
	/* Called with the good rows of each batch, at most FM_TRACE_CHUNK; the table is reused. Non-zero stops with
	 * that code. May be NULL. */
	int (*chunk)(void *ctx, struct fm_table *chunk, struct fm_error *err);
	/* Called with the same rows before chunk: where each stands in the source (reader.h), and what its text said of
	 * it (bits of enum fm_trace_said; NULL: nothing of any row). May be NULL. */
	int (*look)(void *ctx, const struct fm_table *rows, const uint64_t *place, const uint8_t *said,
		    struct fm_error *err);
	void (*bad)(void *ctx, const struct fm_trace_bad *bad); /* may be NULL */
	void (*progress)(void *ctx, uint64_t bytes_read, uint64_t bytes_total,
			 uint64_t rows); /* may be NULL; compressed bytes */
	void *ctx;
	/* With limit_bad: stop with FM_EINPUT when more than this share of the rows is bad, at the end, or after 10,000
	 * rows when it cannot get better (more than half of them bad, or too many for the rows asked for). */
	bool limit_bad;
	double max_bad_share;
	const char *max_bad_key; /* the key of the config that sets it, for the message; NULL: it is fixed */
	bool ipv4_only; /* rows with IPv6 addresses are bad; no row is bad because of other rows: a full dictionary is
			   FM_EINPUT then */
	bool may_be_empty; /* a file without a row is no failure */
	bool quiet;        /* the trace was read before: log nothing about it again */
	int threads; /* threads that parse text in parallel, to the same rows and counts; up to 1: no extra thread */
	const char *spill; /* for fm_trace_load: a folder in which a large table is kept; NULL: memory */
};
struct fm_trace_stats {
	uint64_t rows, bad, missing_values, unsorted; /* unsorted: rows whose time is before that of the row before */
	uint64_t bytes;                               /* after decompression */
	uint64_t labels_met;                          /* entries of the dialect's labels, as bits, that were used */
	const char *place;                            /* what places of rows count: line, packet or record */
	uint64_t passed_over;                         /* lines: comments, summaries, the header once more */
};
/* FM_EINPUT: absent, empty, not what its name says, truncated, a member that is not there, a header where none should
 * be (or none where one should be), NUL bytes, unreadable from line N on. */
int fm_trace_read(const struct fm_trace_opts *o, struct fm_trace_stats *stats, struct fm_error *err) FM_MUST_CHECK;
/* The whole file as one table (for `evaluate`), with no more than FM_TRACE_IN_MEMORY rows in memory where o->spill
 * names a folder for the rest; more than max_bad_share bad rows is FM_EINPUT naming the first. */
#define FM_TRACE_IN_MEMORY ((size_t)1 << 18)
int fm_trace_load(struct fm_table **t, const struct fm_trace_opts *o, double max_bad_share,
		  struct fm_trace_stats *stats, struct fm_error *err) FM_MUST_CHECK;
/* Append rows [first, first + rows) of a chunk to dst, column by column (those that both have), and let dst's
 * dictionaries follow the chunk's, index for index (both share one dictionary of addresses); dst may hold only rows of
 * this reader's chunks. */
int fm_trace_chunk_copy(struct fm_table *dst, const struct fm_table *chunk, size_t first, size_t rows,
			struct fm_error *err) FM_MUST_CHECK;
/* What an exporter that counts one packet in `by` would have counted of v: at least one, if v is not 0. */
static inline uint64_t fm_trace_sampled(uint64_t v, uint64_t by)
{
	return by < 2 || !v ? v : v < by ? 1 : v / by + (v % by >= (by + 1) / 2);
}
/* Write rows [0, t->rows) to path, atomically; columns that the table lacks are written as the dialect's empty value
 * (0). */
int fm_trace_write(const struct fm_table *t, const struct fm_dialect *d, const char *path,
		   struct fm_error *err) FM_MUST_CHECK;

#endif
