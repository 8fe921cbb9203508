/* sniff_parts.h - what the files that guess a dialect share: sniff_guess.c; sniff_page.c for lines and fields,
 * sniff_titles.c for those with titles, sniff_other.c for what is no table of flows, sniff_kind.c for kinds of values,
 * sniff_by_name.c for names, sniff_place.c for columns without names, sniff_marks.c for the marks of numbers,
 * sniff_unit.c for the unit of durations. */
#ifndef FM_TRACES_SNIFF_PARTS_H
#define FM_TRACES_SNIFF_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "traces/sniff_names.h"

#define FM_SNIFF_LINES 64
#define FM_SNIFF_FEWEST 5 /* columns of a flow */
#define FM_SNIFF_FIELDS 512
#define FM_SNIFF_NAME 63 /* bytes of the longest name that a dialect can have */
#define FM_SNIFF_LIST 128
#define FM_SNIFF_TITLES 16 /* lines that may stand before a table */

struct fm_sniff_field {
	const char *s;
	size_t n;
};
struct fm_sniff_page {
	struct fm_buf text;
	struct fm_sniff_field line[FM_SNIFF_LINES]; /* the lines that are no comments */
	struct fm_sniff_field hash;                 /* the first comment before them, which may be the header */
	int nlines, nfields;
	bool marked; /* the first line is a header after #fields */
	char delimiter;
	bool header, json;
	char decimal, thousands;  /* the marks in numbers, which were rewritten in plain form; 0: none */
	bool guessed_mark;        /* the comma may also be the other kind of mark */
	bool blanks;              /* any number of blanks is one delimiter; the first line is a comment then */
	bool bare;                /* quotes stand inside of fields and around none: they are bytes like others */
	bool types;               /* endings of its names are types: SrcIP_s, DestPort_d */
	bool wide;                /* a line has more than FM_SNIFF_FIELDS fields, of which the first ones are here */
	bool names;               /* no field of the first line is a value */
	bool arff;                /* of Weka: what stands before the rows begins with @ */
	char list[FM_SNIFF_LIST]; /* JSON: where the first list of objects inside of one stands, as .hits.hits, or "" */
	bool utf16;               /* the file is, the text here is not */
	bool vflow;               /* JSON of vFlow, before it was laid out */
	bool zeek;                /* a conn.log without its comments, and so without its header */
	struct fm_sniff_field cell[FM_SNIFF_LINES][FM_SNIFF_FIELDS];
	int ncells[FM_SNIFF_LINES];
};
enum fm_sniff_kind { NOTHING, EMPTY, CLOCK, EPOCH, ADDRESS, INTEGER, DECIMAL, PROTOCOL, WORD };

/* What a column is taken to be. */
struct fm_sniff_guess {
	enum fm_sniff_kind kind;
	const char *format; /* of a time or an address, or NULL */
	const char *unit;   /* of a duration beside both times, or NULL */
	bool fine;          /* a duration that cannot be in seconds, as its packets would be too far from each other */
	uint64_t most;      /* of numbers, their fractions cut off */
	int col;            /* enum fm_col, or -1 */
	bool start, sum, reply;
	bool only_time;                    /* it is te because no other time was found */
	const char *aside;                 /* it fills none: its other keys, or NULL */
	bool whole;                        /* it has a value in every row */
	bool fraction;                     /* of numbers and times in numbers: some have a point */
	bool mixed;                        /* of numbers: some with a point, some without */
	bool codes;                        /* of numbers: those with a point can be ICMP's type and code, as 8.0 */
	bool either;                       /* a date that can be read day first and month first */
	bool constant;                     /* one value in all rows */
	bool counts;                       /* 1, 2, 3, ...: the numbers of the rows */
	const struct fm_sniff_field *also; /* another column of the same, for addresses of IPv6, or NULL */
	bool protocols;                    /* of numbers: those of the usual protocols, TCP or UDP among them */
	bool joined;                       /* it is such another one */
	const char *why;
};

/* The first lines of a file in p, which is zero; delimiter 0: the one that they seem to have. The caller frees p->text.
 */
int fm_sniff_page(struct fm_sniff_page *p, const char *path, const char *member, char delimiter,
		  struct fm_error *err) FM_MUST_CHECK;
/* Cut the lines of a page that is laid out for people, below titles of several words, into fields; a page that is none
 * stays as it is. */
void fm_sniff_titles(struct fm_sniff_page *p);
/* FM_EINPUT: the page, of which p->names is known, is no table of flows; the message says what makes it one. */
int fm_sniff_other(const struct fm_sniff_page *p, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* The name of column k of the first line, without the ending of a type; pkts_s keeps its own, which says a rate. */
struct fm_sniff_field fm_sniff_bare(const struct fm_sniff_page *p, int k);
/* What that name stands for (sniff_names.h); false also where it is too long for a dialect. */
bool fm_sniff_column(const struct fm_sniff_page *p, int k, struct fm_sniff_name *out);
/* Finds p->decimal and p->thousands, of a page with p->header, and writes its numbers as those of other pages. */
void fm_sniff_marks(struct fm_sniff_page *p);
/* The kind of a field; *format of a time, or NULL; *number: that of an INTEGER, or of a DECIMAL with its fraction cut
 * off, 0 where it is below zero or over 2^53; else 0. */
enum fm_sniff_kind fm_sniff_kind_of(const struct fm_sniff_field *f, const char **format, uint64_t *number);
/* Is no field of line i a value, as in a line of names? */
bool fm_sniff_has_no_value(const struct fm_sniff_page *p, int i);
/* Is each value of column k a length of time that says its units: with colons, as 0:00:02.5, or as 5s? */
bool fm_sniff_is_hms(const struct fm_sniff_page *p, int k, int from);
/* The kind of most values of column k, from line `from` on. */
void fm_sniff_look(const struct fm_sniff_page *p, int k, int from, struct fm_sniff_guess *g);
/* The numbers of columns pkt and byt in line i; false: it lacks one of them. */
bool fm_sniff_counts_at(const struct fm_sniff_page *p, int i, int pkt, int byt, uint64_t *packets, uint64_t *bytes);
/* Do they have from 20 to 65,535 bytes a packet in nine of ten rows that have any? Empty fields do not count. */
bool fm_sniff_are_counts(const struct fm_sniff_page *p, int pkt, int byt);
/* In how many rows with bytes, of which there are *rows, they are fewer than `least` a packet, or too many for one. */
int fm_sniff_against(const struct fm_sniff_page *p, int pkt, int byt, unsigned least, int *rows);
/* Of how many pairs of rows, of which there are *all if that is not NULL, the one with more in column a has more in
 * column b too, less those where it has fewer. */
int fm_sniff_agree(const struct fm_sniff_page *p, int a, int b, int *all);
/* Is one of them mostly more where the other is, as packets and bytes are? Few rows that differ say neither. */
bool fm_sniff_go_together(const struct fm_sniff_page *p, int a, int b);
/* The column fills col. */
void fm_sniff_take(struct fm_sniff_guess *g, int col, bool start, const char *why);
/* The column that fills col by itself, or -1. */
int fm_sniff_taken_by(const struct fm_sniff_guess *g, int n, int col, bool start);
/* Guess the columns of a page with names: by them, and what they leave open by place where they name no address. */
void fm_sniff_by_name(const struct fm_sniff_page *p, struct fm_sniff_guess *g);
/* Guess the columns that are not taken: by kinds, and by the order in which most collectors write them. */
void fm_sniff_by_place(const struct fm_sniff_page *p, struct fm_sniff_guess *g);
/* *is: the columns of a page without names are those of a built-in dialect in its order, as of nfdump -q, and are taken
 * so. */
int fm_sniff_by_order(const struct fm_sniff_page *p, struct fm_sniff_guess *g, bool *is,
		      struct fm_error *err) FM_MUST_CHECK;
/* Is it Zeek's conn.log with the comments removed? */
bool fm_sniff_is_zeek(const struct fm_sniff_page *p);
void fm_sniff_by_zeek(const struct fm_sniff_page *p, struct fm_sniff_guess *g);
/* *unit: that of the durations in column td, where rows have start and end and it is as long in most; or NULL. */
int fm_sniff_unit(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int td, const char **unit,
		  struct fm_error *err) FM_MUST_CHECK;
/* The unit that is anywhere in the lower-case name of a duration of which no more is known: duration (in ms), dauer_us;
 * or NULL. types: its names end with types. */
const char *fm_sniff_unit_within(const char *name, bool types);
/* Are the durations in column td, whole numbers, in most rows too long for seconds: half an hour and more from packet
 * to packet? */
bool fm_sniff_is_fine(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int td);
/* In how many rows is the time in column a before, at and behind that in column b: order[0] to order[2]. Rows in which
 * they are over 49 days from each other do not count. */
void fm_sniff_order(const struct fm_sniff_page *p, const struct fm_sniff_guess *g, int a, int b, int order[3]);
/* Does column k say the way of a flow by arrows, as Argus's Dir? */
bool fm_sniff_has_arrows(const struct fm_sniff_page *p, int k);
/* Find a date and a time of day in two columns, where no column has both; from: the first line of values. */
void fm_sniff_by_halves(const struct fm_sniff_page *p, struct fm_sniff_guess *g, int from);

#endif
