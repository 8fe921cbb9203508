/*
 * reader.h - what every kind of source fills: batches of rows, each row and each bad row with its place in the source.
 *
 * A kind of source (csv.c, pcap.c, ipfix.c) is one struct fm_reader_kind. The code that reads (read.c: limits, counts,
 * callbacks) knows no other part of it, so a new kind needs only a file of its own and one line where the kind is
 * chosen.
 *
 *     struct fm_reader *r = NULL;
 *     struct fm_batch b;
 *     if ((rc = kind->open(&r, o, err)) < 0) ...
 *     while (!(rc = kind->next(r, limit, &b, err)) && !b.end) ...
 *     kind->close(r);
 */
#ifndef FM_TRACES_READER_H
#define FM_TRACES_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "traces/trace.h"

struct fm_reader; /* each kind's own */

/* All memory is the reader's and is valid until the next call. Both lists of places rise. */
struct fm_batch {
	struct fm_table *rows; /* good rows, at most the limit; its dictionaries grow and keep their indices */
	const uint64_t *place; /* (rows->rows) where each stands in the source: line, packet or record number, from 1 */
	const uint8_t *said;   /* (rows->rows) enum fm_trace_said, or NULL */
	const struct fm_trace_bad *bad;
	size_t nbad;
	uint64_t missing_values; /* in the good rows of this batch */
	uint64_t labels_met;     /* entries of the dialect's labels, as bits, by which a row was read so far */
	bool end;                /* nothing follows: no next() after it */
};
struct fm_reader_at {
	uint64_t consumed, total; /* bytes of the file itself; total 0: unknown */
	uint64_t bytes;           /* after decompression */
	uint64_t passed_over;     /* lines that are no rows: comments, summaries, the header once more */
};
struct fm_reader_kind {
	const char *name;  /* "csv" */
	const char *place; /* what a place counts: "line" */
	int (*open)(struct fm_reader **r, const struct fm_trace_opts *o, struct fm_error *err); /* o outlives r */
	/* The next rows, at most `limit` of them (1 to FM_TRACE_CHUNK); reads no further in the source than it must for
	 * them. On failure *b holds the bad rows before the fault. */
	int (*next)(struct fm_reader *r, size_t limit, struct fm_batch *b, struct fm_error *err);
	/* No more rows are wanted: fails where the source as a whole is not what was asked for (traces/source.h). */
	int (*stop)(struct fm_reader *r, struct fm_error *err);
	/* Reading failed with FM_EINPUT and *err: replace it by a better explanation, where there is one. */
	void (*explain)(struct fm_reader *r, struct fm_error *err);
	struct fm_reader_at (*at)(const struct fm_reader *r);
	void (*close)(struct fm_reader *r); /* NULL is fine */
};
extern const struct fm_reader_kind fm_reader_csv, fm_reader_pcap, fm_reader_ipfix;

#endif
