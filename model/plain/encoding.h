/*
 * encoding.h - flows as rows of scaled numbers and one-hot categories, for a Gaussian diffusion of the whole row.
 *
 *     number     (x - mean) / sd; td, pkt and byt are log(1 + x) before
 *     category   one number for each of n values: sqrt(n) for the row's own, 0 for the others; a value that fewer than
 *                min_count rows have is taken for the most frequent
 *     bit        one number, 1 or -1 (analog bits: Chen, Zhang, Hinton 2022)
 *
 *     value      of a port or a host: one number for each frequent one and one for all others, as for a category
 *
 * plain: addresses and ports are numbers, addresses as integers.  bits: an address is 32 bits, a port 16.  values: they
 * are numbers, and values as well.  What a column is and how it comes back into a table: model/rows/columns.h.
 */
#ifndef FM_MODEL_PLAIN_ENCODING_H
#define FM_MODEL_PLAIN_ENCODING_H

#include "model/rows/columns.h"

struct fm_plain_column {
	double mean, sd; /* of a number */
	float most;      /* largest distance from 0, which k rows reach, so that no single row's value shows */
	int at;          /* place in the row's vector */
};
struct fm_plain_codec {
	struct fm_row_columns flows;
	struct fm_plain_column column[FM_ROW_COLUMNS]; /* (flows.n) */
	int row;                                       /* numbers of a vector */
	float *most;                                   /* (row) column.most of each number */
	bool *number;                                  /* (row) is it a column's number? */
	float *share; /* (row) weight of each in the loss, 1 in all: of a column ~ the square root of its width */
};

/* model.encoding */
enum fm_plain_how { FM_PLAIN_NUMBERS, FM_PLAIN_BITS, FM_PLAIN_VALUES };

/* k: rows that anything but a value of a category needs to be kept.  FM_EINPUT as fm_row_columns_choose. */
int fm_plain_codec_fit(struct fm_plain_codec **c, const struct fm_table *t, enum fm_plain_how how, int min_count, int k,
		       struct fm_error *err) FM_MUST_CHECK;
void fm_plain_codec_free(struct fm_plain_codec *c);

/* Encode the rows [first, first + n): x (n, flows.n) is a scaled number, or else the code.  The table has the codec's
 * columns; else FM_EINPUT. */
int fm_plain_encode(const struct fm_plain_codec *c, const struct fm_table *t, size_t first, size_t n, float *x,
		    struct fm_error *err) FM_MUST_CHECK;
/* The vector v (row) of one encoded row x (flows.n). */
void fm_plain_vector(const struct fm_plain_codec *c, const float *x, float *v);
/* Row i of a table of fm_row_table_new from a made vector: the largest number of a category or value, a bit by its
 * sign. */
void fm_plain_decode(const struct fm_plain_codec *c, const float *x, struct fm_table *t, size_t i);

json_t *fm_plain_codec_json(const struct fm_plain_codec *c);
int fm_plain_codec_from_json(struct fm_plain_codec **c, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

#endif
