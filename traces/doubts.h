/*
 * doubts.h - what a trace says that can be read but is probably not meant: times in 1970, a few rows years from all
 * others, a clock of 12 hours, flows without packets, flows that stand twice, two labels that look like one, a class of
 * which no row could be read. Each is reported with a count and the lines of the first examples, never with the text of
 * a row.
 *
 *     struct fm_doubts d = {0};
 *     for each batch: fm_doubts_look(&d, rows, place); for each bad row: fm_doubts_bad(&d, bad)
 *     rc = fm_doubts_judge(&d, path, labels, err)     warnings in the log, or FM_EINPUT for what cannot be meant
 */
#ifndef FM_TRACES_DOUBTS_H
#define FM_TRACES_DOUBTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "traces/trace.h"

#define FM_DOUBT_YEARS 293      /* 1970 to 2262 */
#define FM_DOUBT_EXAMPLES 3     /* lines that are named */
#define FM_DOUBT_RECENT 4096    /* earlier rows that a row is compared with, to find duplicates */
#define FM_DOUBT_FAR_SHARE 0.25 /* refuse if a larger share of rows is years from the others */
#define FM_DOUBT_TWICE_SHARE 0.1
#define FM_DOUBT_LONG_SHARE 0.1   /* warn if a larger share of rows lasts longer than the whole trace */
#define FM_DOUBT_TIMES_SHARE 0.25 /* refuse if the times of a larger share contradict each other, or are rounded */

/* How many rows there are of a kind, and where the first stand. */
struct fm_examples {
	uint64_t n, line[FM_DOUBT_EXAMPLES];
};
/* The times of rows in pieces with over FM_DOUBT_GAP_MS between them; with more than FM_DOUBT_PIECES pieces the nearest
 * two become one. */
#define FM_DOUBT_PIECES 16
#define FM_DOUBT_GAP_MS (30 * INT64_C(86400000))
struct fm_doubt_pieces {
	size_t n, last; /* last: of the row before */
	struct {
		int64_t least_ms, most_ms;
		struct fm_examples rows;
	} at[FM_DOUBT_PIECES];
};
struct fm_doubts {
	const struct fm_dialect *dialect;        /* by whose clock the times are written; NULL: UTC */
	const char *place;                       /* what the places of rows count; NULL: lines */
	uint64_t rows, forward;                  /* forward: rows later than the row before */
	int64_t first_ms, last_ms;               /* of the first and of the last row */
	struct fm_examples back;                 /* earlier than the row before */
	int64_t farthest_ms;                     /* the most that a row is earlier than the one before, */
	uint64_t farthest_place;                 /* and where that is */
	struct fm_examples year[FM_DOUBT_YEARS]; /* by year of their time */
	struct fm_doubt_pieces pieces;           /* of time */
	struct fm_examples clock_wraps;          /* a minute at most beside 2^32 ms before or after the row before */
	struct fm_examples half_day;             /* earlier by about 12 hours */
	bool after_noon;                         /* an hour from 13 on has been seen, before te less td */
	struct fm_examples other_td, one_time, rounded_time, rounded; /* enum fm_trace_said */
	struct fm_examples several;                                   /* sums of several flows */
	struct fm_examples offset;                                    /* their time says its offset from UTC */
	struct fm_examples coarse;                                    /* days with one to four decimals */
	struct fm_examples thousands;                                 /* a count as 1.000 */
	struct fm_examples no_type;                                   /* ICMP of type 0, which has no code, with one */
	struct fm_examples two_ports;                                 /* ICMP with a port at the source */
	struct fm_examples no_ports;                                  /* of protocol 0, without ports */
	struct fm_examples no_such;                                   /* of a protocol that is not in IANA's registry */
	uint8_t odd_protocol[8192];                /* a bit for each of the trace's protocols: it is one of those */
	size_t nprotocols;                         /* that were looked at */
	struct fm_examples one_end;                /* an address at one end only */
	size_t naddresses;                         /* that were looked at for the one of zeros, IPv4 or IPv6 */
	uint32_t zeros[2];                         /* 1 + its code, or 0 */
	struct fm_examples nowhere, to_self, full; /* no address at all; one to itself; a count of 2^32 - 1 */
	struct fm_examples no_packets, no_bytes, twice;
	struct fm_examples thin, fat;   /* under 20 bytes a packet, and over 65,535 */
	struct fm_examples lasting[33]; /* by the bits of td: below 2^i milliseconds, and not below 2^(i - 1) */
	int64_t least_ms, most_ms;      /* of the ends */
	size_t nflags;                  /* words of flags that were looked at */
	bool flags_seen[256];
	uint64_t flags_twice; /* place of the first word of flags that another form stands for already */
	size_t ntos;          /* words of the type of service that were looked at */
	bool tos_seen[256];
	uint64_t tos_twice;               /* place of the first that another form stands for already */
	struct fm_examples wrapped;       /* as long as a negative duration of under a minute in 32 bits */
	struct fm_examples again;         /* in the hour that the clock shows twice as summer time ends */
	uint64_t recent[FM_DOUBT_RECENT]; /* digests of rows; 0: none yet */
	uint64_t *label;                  /* (nlabels) the place of the first row of each label; 0: none yet */
	size_t nlabels;
	struct fm_dict bad_label; /* labels of bad rows, as far as they could be read */
	struct fm_examples *bad;  /* (nbad) of each of them */
	size_t nbad;
};
void fm_examples_add(struct fm_examples *e, uint64_t line);
/* "first at line 4, then 9 and 17" in out, which is returned; place: what they count, NULL: lines. */
#define FM_EXAMPLES_MAX 128
const char *fm_examples_text(const struct fm_examples *e, const char *place, char out[FM_EXAMPLES_MAX]);

/* place: where each row stands in the source; said: what its text said of it, or NULL (reader.h). */
int fm_doubts_look(struct fm_doubts *d, const struct fm_table *rows, const uint64_t *place, const uint8_t *said,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_doubts_bad(struct fm_doubts *d, const struct fm_trace_bad *bad);
/* FM_EINPUT: all times in 1970, more than FM_DOUBT_FAR_SHARE years from the others, or times that contradict each other
 * or are rounded in more than FM_DOUBT_TIMES_SHARE of the rows. */
int fm_doubts_judge(const struct fm_doubts *d, const char *path, const struct fm_dict *labels,
		    struct fm_error *err) FM_MUST_CHECK;
/* Warn of entries in the labels of a dialect (a file of that name) by which no row of the trace was read: misspelt, or
 * for another trace.  met: fm_trace_stats. */
void fm_doubts_unmet(const struct fm_dialect *d, const char *file, uint64_t met, const char *path);
/* The parts of fm_doubts_look and of fm_doubts_judge for times that are far from others. */
void fm_doubts_time(struct fm_doubts *d, int64_t ms, uint64_t place);
int fm_doubts_times(const struct fm_doubts *d, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* What fm_doubts_judge says of labels. */
int fm_doubts_labels(const struct fm_doubts *d, const char *path, const struct fm_dict *labels,
		     struct fm_error *err) FM_MUST_CHECK;
/* Says how many of the protocols have no number. */
void fm_doubts_protocols(const char *path, const struct fm_dict *protocols);
/* Warn of labels of the synthetic flows in `path` that the real ones spell differently. */
int fm_doubts_other_spelling(const struct fm_dict *real, const struct fm_dict *synthetic, const char *path,
			     struct fm_error *err) FM_MUST_CHECK;
/* Warn where the real flows and those in `path` have flags, or types of service, in two forms: each word counts as
 * another value then. */
void fm_doubts_other_form(const struct fm_table *real, const struct fm_table *synthetic, const char *path);
/* Rows that fall back by about 12 hours while none is later than 12:59: a clock of 12 hours; NULL: there are none. */
const struct fm_examples *fm_doubts_half_clock(const struct fm_doubts *d);
/* Do the newest rows come first? */
bool fm_doubts_newest_first(const struct fm_doubts *d);
void fm_doubts_free(struct fm_doubts *d);

#endif
