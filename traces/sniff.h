/*
 * sniff.h - which dialect a trace is in, by its first rows.
 *
 * Each built-in dialect reads the first FM_SNIFF_ROWS rows. Those that can read them are the candidates, the best one
 * first: the one that reads most columns, leaves labels as they stand, and leaves out fewest rows. For a file that none
 * reads, a dialect to start from is guessed from names and values (sniff_guess.c).
 */
#ifndef FM_TRACES_SNIFF_H
#define FM_TRACES_SNIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "traces/sniff_unread.h"

#define FM_SNIFF_ROWS 1000
#define FM_SNIFF_CANDIDATES 8

struct fm_sniffed {
	struct fm_sniff_candidate {
		char name[64];
		int columns;        /* that are read */
		int mapped;         /* labels of its map that occur */
		uint64_t rows, bad; /* of the first ones */
		uint64_t digest;    /* of the rows, as read */
	} candidate[FM_SNIFF_CANDIDATES];
	int n;
	struct fm_unread unread[FM_UNREAD_MAX]; /* columns that the first candidate leaves unread but should not */
	int nunread;
	bool sure; /* the first candidate is surely right: there is no other, or the others read the same or less, and
		      it leaves no column of `unread` */
};
/* FM_EINPUT: the file cannot be read at all. Finding none is no failure. */
int fm_sniff(struct fm_sniffed *s, const char *path, const char *member, struct fm_error *err) FM_MUST_CHECK;
/* FM_OK: s->candidate[0] is the dialect of the trace; FM_EINPUT: the message lists the candidates. */
int fm_sniff_decide(const struct fm_sniffed *s, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* A dialect file to start from, where no built-in one reads the trace, with a comment on each guess. *whole: it has all
 * columns that a dialect needs. */
int fm_sniff_guess(const char *path, const char *member, struct fm_buf *yaml, bool *whole,
		   struct fm_error *err) FM_MUST_CHECK;
/* How many of the first rows a dialect file reads. */
struct fm_sniff_tried {
	bool tried, sure;   /* sure: it reads one, and most have a time that traces have */
	uint64_t rows, bad; /* read, and not */
	char why[512];      /* why not all, or not sure, with names of columns as the file has them; else "" */
};
/* Try the dialect file of n bytes. FM_EINPUT is none: it is in t. */
int fm_sniff_try(const char *path, const char *member, const char *yaml, size_t n, struct fm_sniff_tried *t,
		 struct fm_error *err) FM_MUST_CHECK;
/* Add that to out as a comment. */
void fm_sniff_tell(const struct fm_sniff_tried *t, struct fm_buf *out);

#endif
