/*
 * csv.h - what the files of csv.c share: lines of a text -> rows of a batch.
 *
 *     struct fm_csv *c = NULL;
 *     if ((rc = fm_csv_new(&c, o, FM_TRACE_CHUNK, NULL, err)) < 0) ...
 *     fm_csv_file(c);                          a file begins: its header, where there is one
 *     fm_csv_batch(c, limit);                  an empty batch
 *     c->left = data, c->nleft = n;
 *     if ((rc = fm_csv_take(c, err)) < 0) ...  the lines of the block, up to where the batch is full
 *     if ((rc = fm_csv_end(c, err)) < 0) ...   after the file: its last line may have no LF
 *
 * The same lines give the same batch whatever blocks they come in. csv_ahead.c has several of these, which parse blocks
 * of whole lines in parallel.
 */
#ifndef FM_TRACES_CSV_H
#define FM_TRACES_CSV_H

#include <csv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "traces/fields.h"
#include "traces/json_list.h"
#include "traces/row.h"
#include "traces/source.h"
#include "traces/trace.h"
#include "traces/utf16.h"

#define FM_CSV_TEXT 512     /* of a bad row, escaped */
#define FM_CSV_BAD_MAX 256U /* bad rows of a batch */

struct fm_csv_bad_text {
	char reason[256], text[FM_CSV_TEXT + 1], label[FM_DICT_VALUE_MAX + 1];
};

struct fm_csv {
	const struct fm_trace_opts *o; /* with the path of the file that is being read */
	/* The batch. */
	struct fm_table *chunk;
	uint64_t *place; /* (cap) */
	uint8_t *said;   /* (cap) */
	size_t cap;      /* up to FM_TRACE_CHUNK rows */
	size_t limit;    /* good rows of this batch */
	struct fm_trace_bad *bad;
	struct fm_csv_bad_text *bad_text; /* (FM_CSV_BAD_MAX) behind bad */
	size_t nbad;
	/* A line. */
	struct fm_row *row;
	struct fm_row_memory *memory; /* NULL: row->memory is someone else's */
	bool replies;                 /* the row's reply did not fit into the batch: it begins the next one */
	size_t last;                  /* the row of the batch that it belongs to, which is still there */
	struct csv_parser csv;
	bool csv_open;
	unsigned csv_rows;  /* rows that libcsv has ended in this line */
	struct fm_buf head; /* the fields of the first line, each with a NUL behind it */
	int nhead;          /* their number; -1: not reading the first line */
	struct fm_json_fields values;
	bool not_row[256]; /* by first byte: may the line be something other than a row? */
	/* What was read. */
	uint64_t line, lines_before; /* of all files; of those before this one */
	uint64_t good;
	bool some;                           /* a row, good or bad */
	uint64_t headers, comments, summary; /* the header once more; lines of comments and of nfdump's summary */
	uint64_t unended;                    /* a row in the last line of a file, which has no line end */
	uint64_t others;                     /* rows that the dialect passes over */
	uint64_t empty;                      /* lines of delimiters alone */
	/* The file: what the meaning of its next lines depends on. */
	bool begun;           /* the first line that is not blank has been seen */
	bool unmarked;        /* all lines so far that are not blank lack the header's mark */
	struct fm_buf header; /* that line, because it may come once more */
	int footer;           /* lines of a summary that are still to come */
	bool json;            /* each line is an object */
	/* The block. */
	const char *left; /* nleft bytes not looked at yet */
	size_t nleft;
	struct fm_buf carry; /* the line that the last block cut, at most FM_TRACE_MAXLINE + 2 bytes of it */
};

/* memory: NULL, or the caller's, which c->row then uses. */
int fm_csv_new(struct fm_csv **c, const struct fm_trace_opts *o, size_t cap, struct fm_row_memory *memory,
	       struct fm_error *err) FM_MUST_CHECK;
void fm_csv_free(struct fm_csv *c);
void fm_csv_file(struct fm_csv *c);
void fm_csv_batch(struct fm_csv *c, size_t limit);
int fm_csv_take(struct fm_csv *c, struct fm_error *err) FM_MUST_CHECK;
int fm_csv_end(struct fm_csv *c, struct fm_error *err) FM_MUST_CHECK;
/* Let c go on in the file that `of` reads, after its first line. */
int fm_csv_follow(struct fm_csv *c, const struct fm_csv *of, struct fm_error *err) FM_MUST_CHECK;
static inline bool fm_csv_is_full(const struct fm_csv *c)
{
	return c->chunk->rows >= c->limit || c->nbad == FM_CSV_BAD_MAX;
}
/* The line in the file that is being read; c->line counts on over all of them. */
static inline uint64_t fm_csv_line(const struct fm_csv *c)
{
	return c->line - c->lines_before;
}

/* A file of the trace as blocks of text; *n is 0 at its end. */
struct fm_csv_input {
	const char *path; /* its owner's */
	struct fm_source *source;
	struct fm_utf16 utf16;
	struct fm_json_list list;
	struct fm_buf decoded; /* the last block, decoded from UTF-16 */
	struct fm_buf objects; /* the last block, with one object a line */
	bool begun;
};
int fm_csv_input_open(struct fm_csv_input **in, const char *path, const char *member,
		      struct fm_error *err) FM_MUST_CHECK;
int fm_csv_input_next(struct fm_csv_input *in, const struct fm_dialect *d, const char **data, size_t *n,
		      struct fm_error *err) FM_MUST_CHECK;
void fm_csv_input_close(struct fm_csv_input *in);

#endif
