/*
 * dialect.h - how a data set writes its flows: a YAML file, built in (manifests/dialects/NAME.yaml) or the user's own.
 * docs/traces.md has the keys with an example of each, which tests/unit/test_dialect_keys.c runs.
 */
#ifndef FM_MANIFESTS_DIALECT_H
#define FM_MANIFESTS_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "manifests/cidr.h"
#include "manifests/time_pattern.h"
#include "manifests/zone.h"

enum fm_format {
	FM_FMT_DATETIME,
	FM_FMT_SECONDS,
	FM_FMT_MILLISECONDS,
	FM_FMT_MICROSECONDS, /* te, td (td: no datetime) */
	FM_FMT_ADDRESS,      /* sa, da: of either family */
	FM_FMT_IPV4_INTEGER,
	FM_FMT_INTEGER,
	FM_FMT_TEXT,
	FM_FMT_NANOSECONDS,   /* te, start, td */
	FM_FMT_RFC3339,       /* te, start: 2016-04-11T00:01:06.123+02:00 */
	FM_FMT_PATTERN,       /* te, start: a time_pattern.h */
	FM_FMT_HMS,           /* td: 00:06:46.600 */
	FM_FMT_TYPE_CODE,     /* ports: 8.0 of an ICMP row is 2048 */
	FM_FMT_LOWER,         /* pr: tcp */
	FM_FMT_NUMBER,        /* pr: 6 */
	FM_FMT_NAMED_ADDRESS, /* sa, da: an address, or a name of `hosts`, or NUMBER_NUMBER */
	FM_FMT_ADDRESS_WORD,  /* sa, da: one of the four numbers of 32 bits of an IPv6 address, an IPv4 one in the last
			       */
	FM_FMT_FAMILY,        /* sa: the family (2 or 10) of both addresses, whose numbers stand in later columns */
	FM_FMT_ADDRESS_PORT,  /* sa, da: 10.0.0.1:443 or 2001:db8::1.443, which fills sp or dp too */
	FM_FMT_ICMP_TYPE,
	FM_FMT_ICMP_CODE, /* dp: stands beside a column of ports, for rows of ICMP, where dp is type * 256 + code */
	FM_FMT_DAYS,      /* te, start, td: 0.5 is twelve hours */
	FM_FMT_DAYS_1900,
	FM_FMT_DAYS_1904, /* te, start: as spreadsheets count them, by the dialect's clock: 42471.5 is noon of
			   * 2016-04-11
			   */
	FM_FMT_MINUTES,
	FM_FMT_HOURS, /* td */
};
enum fm_role {
	FM_ROLE_VALUE,
	FM_ROLE_START, /* for te: the start of the flow, te less td */
	FM_ROLE_SUM,   /* for pkt and byt: one of the columns whose sum is the value; for label: one of those that are
			  joined */
	FM_ROLE_REPLY, /* for pkt and byt: those of the reply, which is a flow of its own where they are not 0 */
};
/* Where rows of ICMP have type and code (traces/icmp.h). */
enum fm_icmp {
	FM_ICMP_PLAIN, /* type * 256 + code in dp, or as the columns say */
	FM_ICMP_ZEEK,
	FM_ICMP_ARGUS,
};
enum fm_encoding { FM_ENCODING_UTF8, FM_ENCODING_WINDOWS_1252, FM_ENCODING_UTF16 };
#define FM_DIALECT_MAXCOLS 64
#define FM_DIALECT_JOINED 4 /* columns of a label */
struct fm_dialect {
	char name[64], description[160];
	bool header;
	bool header_optional; /* without one, the columns stand in this order */
	bool json;    /* each line is an object; also read as CSV where the first line is a header of these names */
	bool packets; /* a packet capture, whose packets become flows; written as CSV, and a file that is no capture is
			 read as CSV */
	bool ipfix;   /* records of an IPFIX file, likewise */
	bool blanks;  /* any number of blanks is one delimiter */
	char delimiter, newline[3];
	char decimal;   /* what stands before the fraction of a number: ',', else a point */
	char thousands; /* what stands between groups of three digits where a number is read, or 0; a blank stands for a
			   no-break one too, an apostrophe for the typographic one */
	int nmissing;
	char missing[16][32];
	int ninternal;
	struct fm_cidr internal[16];
	int ncols;
	struct {
		char name[64]; /* header name */
		int nalso;     /* other names that it may have instead */
		char also[3][64];
		int col; /* enum fm_col, or -1: read and ignored, written empty */
		enum fm_format format;
		int decimals; /* digits after the point when written; -1 = an integer without a point */
		enum fm_role role;
		char pattern[FM_TIME_PATTERN_MAX];
		int day_starts; /* first hour of a 12-hour clock without AM and PM, or -1 */
		bool part;      /* of te: a part of a sum, such as milliseconds beside seconds */
		int words;      /* delimiter blanks: how many words make one value, with a blank between; else 1 */
		int nonly;
		char only[8][32];  /* rows with another value are bad rows; only[0] is written */
		bool skips_others; /* rows with another value are passed over and are not bad rows */
		int nreversed;
		char reversed[8][8]; /* words of a row whose destination is its source */
		bool counts_flows;   /* tells how many flows the row sums up */
		bool samples;        /* tells the factor of the row's packets and bytes */
		int suffix;          /* what K stands for, and M for its square, ...: 0 (no suffixes), 1000 or 1024 */
	} cols[FM_DIALECT_MAXCOLS];
	int nlabels;
	struct {
		char from[64], to[64];
		size_t line; /* of its file */
	} labels[FM_DIALECT_MAXCOLS];
	int nhosts;
	struct {
		char name[64];
		struct fm_address address;
	} hosts[FM_DIALECT_MAXCOLS];
	bool no_quotes;       /* a quote is a byte like any other */
	bool extra_columns;   /* without a header: rows may have more columns than these */
	char header_mark[16]; /* the header is the line that begins with this word, or "" */
	int ncomment;
	char comment[8][16]; /* lines that begin with one of these are skipped */
	int nbefore, nafter;
	char before[8][64], after[2][512]; /* comments that are written before and behind the header */
	char unset[8];                     /* what is written in a column that fills none */
	/* both_ways: one flow for both directions, for packets and for records with both ways.  A flow of packets ends
	 * when it is active_s old, or was silent for inactive_s. */
	bool both_ways;
	int active_s, inactive_s;
	bool relative;              /* times count from a time that the dialect states */
	int64_t relative_ms;        /* that time; 0: 1970 */
	int timezone;               /* minutes east of UTC, for times that name no zone; 0 with a named one */
	const struct fm_zone *zone; /* or NULL */
	enum fm_encoding encoding;
	int64_t sampling; /* the factor of packets and bytes of each row */
	bool states_sampling;
	enum fm_icmp icmp;
	unsigned present; /* the table columns it fills */
	unsigned absent;  /* columns of a flow that its traces lack: fillers are not published */
};
/* name: a built-in dialect or, with a '/' or ending in .yaml, a file. */
int fm_dialect_load(struct fm_dialect **d, const char *name, struct fm_error *err) FM_MUST_CHECK;
/* A dialect from n bytes of text; name: what messages call it. Whoever calls frees *d; FM_EINPUT, or FM_ESYSTEM without
 * memory, leaves it NULL. */
int fm_dialect_parse(struct fm_dialect **d, const char *name, const char *text, size_t n,
		     struct fm_error *err) FM_MUST_CHECK;
/* A dialect file cannot be read: put before the message that it is a dialect, and which ones are built in. Returns
 * err->code. */
int fm_dialect_blame(struct fm_error *err);
/* The number of lines before the first row in a file that is written in this dialect. */
static inline int fm_dialect_head(const struct fm_dialect *d)
{
	return d->header && !d->json ? d->nbefore + 1 + d->nafter : 0;
}
/* Milliseconds by which the clock of times that name no zone is ahead of UTC. */
static inline int64_t fm_dialect_ahead(const struct fm_dialect *d, int64_t utc_ms)
{
	return d->zone ? fm_zone_offset(d->zone, utc_ms) : (int64_t)d->timezone * 60000;
}
/* Is it a time that a calendar tells, and no number? */
static inline bool fm_format_has_calendar(enum fm_format f)
{
	return f == FM_FMT_DATETIME || f == FM_FMT_RFC3339 || f == FM_FMT_PATTERN;
}
static inline bool fm_format_is_days(enum fm_format f)
{
	return f == FM_FMT_DAYS || f == FM_FMT_DAYS_1900 || f == FM_FMT_DAYS_1904;
}
/* The milliseconds of a unit that is longer than a second, or 0. */
static inline int64_t fm_format_long_ms(enum fm_format f)
{
	return fm_format_is_days(f) ? 86400000 : f == FM_FMT_HOURS ? 3600000 : f == FM_FMT_MINUTES ? 60000 : 0;
}
#define FM_LONG_DECIMALS 9 /* of such units when they are written: of days ten to a millisecond */
/* Milliseconds from the first day that format f counts from to 1970. */
static inline int64_t fm_format_before_1970(enum fm_format f)
{
	return f == FM_FMT_DAYS_1900   ? INT64_C(25569) * 86400000
	       : f == FM_FMT_DAYS_1904 ? INT64_C(24107) * 86400000
				       : 0;
}
/* Is it a column for rows of ICMP only, beside one of ports? */
static inline bool fm_dialect_is_icmp(const struct fm_dialect *d, int k)
{
	return d->cols[k].format == FM_FMT_ICMP_TYPE || d->cols[k].format == FM_FMT_ICMP_CODE;
}
/* Is column k written? JSON leaves out keys that say nothing. */
static inline bool fm_dialect_writes(const struct fm_dialect *d, int k)
{
	return !d->json || d->cols[k].col >= 0 || (d->cols[k].nonly && *d->cols[k].only[0]);
}
/* Does column k fill nothing, but say something about its row, where the file has it? */
static inline bool fm_dialect_is_aside(const struct fm_dialect *d, int k)
{
	return d->cols[k].nreversed || d->cols[k].counts_flows || d->cols[k].samples;
}
/* What is written in column k, which fills none, in each row; "" where it says nothing. */
const char *fm_dialect_constant(const struct fm_dialect *d, int k);
/* Does the pattern of column k, a time, say the zone, or that of another part of the same time? */
bool fm_dialect_says_zone(const struct fm_dialect *d, int k);
/* Would a line that begins with s be no row, but a comment or the header? */
bool fm_dialect_begins_comment(const struct fm_dialect *d, const char *s);
/* Is s column k's name, or one that it may have instead? */
bool fm_dialect_is_name(const struct fm_dialect *d, int k, const char *s, size_t n, bool any_case);
/* The resolution in milliseconds of column k, a time or a duration, when it is written. */
int64_t fm_dialect_step_ms(const struct fm_dialect *d, int k);
/* What flows of a trace in dialect `from` lose, or have only as a constant, when they are written in dialect `to`:
 * sentences without a full stop. Returns how many; for the same dialect twice no loss is due to another form. */
#define FM_DIALECT_LOSSES 12
int fm_dialect_losses(const struct fm_dialect *from, const struct fm_dialect *to, char text[FM_DIALECT_LOSSES][256]);
/* The entry of the map by which a label of the trace is read: the one with its spelling, else with its spelling in
 * another case, else the first pattern that fits; -1: none. */
int fm_dialect_label_entry(const struct fm_dialect *d, const char *s, size_t n);
/* What the label is read as then, or NULL. */
const char *fm_dialect_label_of(const struct fm_dialect *d, const char *s, size_t n);
/* Is the text a word for a missing value, in any case? Blanks around a field are dropped but in a category between
 * quotes, so a word with blanks around it stands for itself and for what is between them. */
bool fm_dialect_is_missing(const struct fm_dialect *d, const char *s, size_t n);
/* The word without the blanks around it; *n its length. */
const char *fm_dialect_missing_word(const struct fm_dialect *d, int i, size_t *n);
/* Has the map this spelling, in any case and not by a pattern? Then it is a label, even where it is one of the words
 * for a missing value. */
bool fm_dialect_label_is_named(const struct fm_dialect *d, const char *s, size_t n);
/* How label `value` is written: as the first spelling in the map that stands for it and can be read back, else as it
 * is. A label that the map knows as a spelling of another one is read as that one. */
const char *fm_dialect_label(const struct fm_dialect *d, const char *value);
const char *fm_dialect_label_read(const struct fm_dialect *d, const char *spelled);
bool fm_dialect_is_file(const char *name); /* rather than a built-in one */
/* The columns of `set`, a sum of bits of enum fm_col, by name with blanks between; cut where cap ends. Returns out. */
const char *fm_columns_text(unsigned set, char *out, size_t cap);
/* FM_OK when name is that of a file (which is not looked for) or of a built-in dialect; else FM_EINPUT with the names
 * there are. */
int fm_dialect_check_name(const char *name, struct fm_error *err) FM_MUST_CHECK;
bool fm_dialect_is_internal(const struct fm_dialect *d, const struct fm_address *a);
void fm_dialect_free(struct fm_dialect *d);

#endif
