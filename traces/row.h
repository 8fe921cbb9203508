/*
 * row.h - one row of a trace: its fields as text -> a row of the flow table, by dialect, or the reason why not.
 *
 * The reader opens a row, gives its fields in order, and ends it; values are written straight into row t->rows of the
 * chunk.  The text of the last time and of recent category values is remembered, since they repeat.
 *
 *     fm_row_begin(r);
 *     for each field: fm_row_field(r, s, n);      or, for all fields, r->line(r, s)
 *     if (fm_row_end(r)) ... chunk->rows has grown by one
 *     else ... r->reason says why
 *
 * A reason names the column and the kind of fault and never the value, which is private.
 *
 * What is refused: another number of columns than the file has; a time that is malformed, missing, or outside
 * 1970..2261; a negative or too long duration; a malformed address; ends of two families; a port over 65535; a count
 * that is not an integer from 0 to 2^63 - 1; a category value that is longer than FM_DICT_VALUE_MAX, not UTF-8 or has
 * control characters. Missing values (the dialect's tokens) are 0 under FM_MISSING_ZERO - the category value "0" - and
 * refused under FM_MISSING_REJECT; a missing time is always refused, because no window could hold the row.
 */
#ifndef FM_TRACES_ROW_H
#define FM_TRACES_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/trace.h"

#define FM_ROW_MAXFIELDS 16384 /* columns of a file with a header */
#define FM_ROW_CACHE 256
#define FM_ROW_KEY 16
#define FM_ROW_IPS 8192  /* fm_row_recent_at has as many */
#define FM_ROW_LINE 1023 /* bytes of the longest line that the short ways take */
#define FM_ROW_AHEAD (FM_ROW_LINE + 1 + 64)
#define FM_ROW_CLOCKS_MS 1000 /* start, end and duration of a flow may differ by what clocks of a second cut off */

enum fm_row_way {
	FM_WAY_NONE,  /* not read */
	FM_WAY_FIELD, /* by fm_row_field alone */
	FM_WAY_TE,
	FM_WAY_START,
	FM_WAY_SECONDS,
	FM_WAY_MILLISECONDS,
	FM_WAY_ADDRESS,
	FM_WAY_PORT,
	FM_WAY_LABEL,
	FM_WAY_CATEGORY, /* another one */
	FM_WAY_COUNT
};

/* What is remembered of earlier rows: codes of addresses, and values in the dictionaries of their tables. */
struct fm_row_memory {
	struct {
		uint64_t key[FM_ROW_KEY / 8]; /* the value, zero-padded */
		uint16_t len, index;          /* len 0: free */
		char pad[12];                 /* to a whole number of them in a cache line */
	} cache[FM_NCOL][FM_ROW_CACHE];
	struct {
		uint64_t text[FM_ROW_KEY / 8]; /* of a dotted quad, zero-padded */
		uint32_t code;                 /* code + 1; 0: free */
	} recent_ip[FM_ROW_IPS];
};

struct fm_row {
	/* Of one row: fm_row_begin clears what stands before icmp. */
	int field; /* fields seen of this row */
	bool bad;
	bool has_start, has_te, has_label, last_empty;
	bool other;                /* of a kind that the dialect passes over */
	bool reversed;             /* a column says that source and destination are exchanged */
	bool family6;              /* a column says that the addresses are IPv6 */
	unsigned nmissing, nfresh; /* nfresh: bit c set: fresh[c] waits for the row's end */
	int dotted;                /* 1 + a dialect's column whose meaning depends on the protocol, or 0 */
	unsigned said;             /* what is odd about this row: enum fm_trace_said as bits */
	unsigned ipv6;             /* columns whose address is IPv6 */
	unsigned clock_parts;      /* roles of times that are put together from a date and a time of day */
	unsigned summed, lacks;    /* columns that have a part of their sum; columns that are missing */
	unsigned zero;             /* ends of zeros, which are of the family of the other end */
	int nwords[2];
	uint64_t told;                       /* columns of several names that have a value */
	uint64_t zeros;                      /* those with an address of zeros, which another name's goes before */
	uint64_t zeros4;                     /* those with one of IPv4 */
	uint64_t reply[2];                   /* packets and bytes of the reply */
	uint64_t sampling;                   /* the rate that a column says; 0: none */
	uint8_t joined_n[FM_DIALECT_JOINED]; /* bytes of the parts of the label, in the dialect's order */
	bool join_missing;                   /* a part is a word for a missing value */
	int icmp[2];                         /* type and code of ICMP, or -1; below: row_apart.c */

	const struct fm_dialect *d;
	enum fm_missing missing;
	struct fm_table *t;
	size_t (*line)(struct fm_row *r, const char *s); /* fm_row_line for this processor */
	int nfields;                                     /* columns of the file; 0 until known */
	bool open_ended;                                 /* the header ends with the delimiter */
	int16_t map[FM_ROW_MAXFIELDS]; /* column of the file -> column of the dialect, or -1: not read */
	/* What a column of the file needs in row_line_impl.h; after the last one FM_WAY_NONE. */
	struct fm_row_quick {
		uint8_t way; /* enum fm_row_way */
		int8_t col;  /* enum fm_col */
	} quick[FM_ROW_MAXFIELDS];
	char reason[256];
	uint64_t missing_values;  /* of all good rows */
	uint64_t labels_met;      /* entries of the dialect's labels, as bits, by which a row was read */
	bool may_be_missing[256]; /* by first byte, lower and upper case */
	bool empty_is_missing;
	bool digits_may_be_missing; /* a word for a missing value begins with a digit */
	char unset[32];             /* one more such word, which the file itself names; n bytes */
	size_t nunset;

	struct fm_row_memory *memory;
	struct fm_error error; /* of a row that failed for want of memory */

	struct fm_row_time { /* the last time and what it was */
		char text[40];
		size_t len;
		int64_t ms;
		unsigned said; /* enum fm_trace_said, as bits */
	} time[FM_ROLE_START + 1];
	struct fm_time_said zone[FM_ROLE_START + 1]; /* what the parts of a time say, for roles of clock_parts */
	int64_t start_ms;                            /* of this row, if has_start */
	bool has_icmp;                               /* columns of type and code of ICMP */
	bool has_apart;                              /* a column is apart */
	bool tells_all;      /* start, te and td have columns: a start is read for comparison, and need not be a time */
	uint32_t word[2][4]; /* of sa and of da, where each has four columns */
	bool has_joined;     /* the label has several columns */
	char joined[FM_DIALECT_JOINED][FM_DICT_VALUE_MAX];
	bool has_ways;             /* packets and bytes of the reply have columns */
	bool ipv4_only;            /* IPv6 is refused */
	uint64_t lacking[FM_NCOL]; /* good rows in which the column is missing */
	struct {
		char text[FM_DICT_VALUE_MAX];
		size_t len;
	} fresh[FM_NCOL]; /* category values not in the dictionary yet */
	/* What each field needs of the dialect's columns, packed together: a column of a dialect has hundreds of
	 * bytes. */
	struct {
		int8_t col; /* enum fm_col */
		uint8_t kind;
		bool only, aside; /* it fills none: only: but must have a word; aside: says something of the row */
		bool apart;       /* it has several names, or is of ICMP alone */
	} column[FM_DIALECT_MAXCOLS];
};

/* t: the chunk, with capacity for at least one more row whenever a row is begun; memory: zero, the caller's, and zero
 * again when t's dictionaries are emptied.  The columns of the file are those of the dialect, in order. */
void fm_row_init(struct fm_row *r, const struct fm_dialect *d, enum fm_missing missing, struct fm_table *t,
		 struct fm_row_memory *memory);
/* The same for a file without a header after one with a header. */
void fm_row_in_order(struct fm_row *r);
/* r->map and r->nfields, up to FM_ROW_MAXFIELDS, have been filled from a header. */
void fm_row_mapped(struct fm_row *r);
/* The word of n bytes stands for no value in this file, besides the dialect's own; n 0: none does. */
void fm_row_unset(struct fm_row *r, const char *s, size_t n);
/* Let r read the columns of the file that `of` reads. */
void fm_row_follow(struct fm_row *r, const struct fm_row *of);
bool fm_row_reads(const struct fm_dialect *d, int k);
/* Must a file with a header have column k of the dialect? */
bool fm_row_needs(const struct fm_dialect *d, int k);
void fm_row_begin(struct fm_row *r);
void fm_row_field(struct fm_row *r, const char *s, size_t n);
/* All fields of the line at s, up to FM_ROW_LINE bytes and a line end, between the dialect's delimiters, blanks around
 * them dropped, by short ways; FM_ROW_AHEAD bytes from s on must be readable. Returns the bytes of the line with its
 * end, LF or CR LF. 0: the line is longer or has no end, is empty, or has another carriage return, a NUL, or a quote in
 * a dialect that has them; then nothing was done. The three functions are one, for three kinds of processor;
 * fm_row_init chooses r->line among them. */
size_t fm_row_line_v1(struct fm_row *r, const char *s);
size_t fm_row_line_v3(struct fm_row *r, const char *s);
size_t fm_row_line_v4(struct fm_row *r, const char *s);
bool fm_row_end(struct fm_row *r);
/* After an fm_row_end that was true: does the row have a reply? fm_row_put_reply then puts it into the chunk, which
 * must have room: the flow back, at the same time. */
bool fm_row_has_reply(const struct fm_row *r);
void fm_row_put_reply(struct fm_row *r, size_t of);
/* The label of a row that fm_row_end found bad, where it could be read; else NULL. Private. */
const char *fm_row_bad_label(const struct fm_row *r, char text[FM_DICT_VALUE_MAX + 1]);
/* Mark the row as bad, unless it is already. */
void fm_row_refuse(struct fm_row *r, const char *fmt, ...) FM_PRINTF(2, 3);
/* Does the text read as a number, an address or a time? */
bool fm_row_is_numeric(const char *s, size_t n);
/* At most cap - 1 bytes of s in out, a control character as \xNN, with a NUL; cut text ends with "...". */
void fm_row_escape(const char *s, size_t n, char *out, size_t cap);

#endif
