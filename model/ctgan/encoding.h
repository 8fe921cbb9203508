/*
 * encoding.h - rows of a flow table as CTGAN's vectors (Xu et al. 2019, 4.2), and back.
 *
 *     number     the mode drawn from the mixture's posterior, one-hot, and alpha = (x - mean) / (4 sd) within 0.99
 *     category   one-hot over the values that at least min_count rows have; a rarer one is taken for the most frequent
 *     bit        one-hot of two: a bit of an address
 *
 * plain: te, td, sa, da, sp, dp, pkt and byt are numbers, addresses as integers.  bits: td, pkt and byt are log(1 + x),
 * and an address is 32 bits.  Conditions are drawn from categories and bits.
 *
 * What a column is and how it comes back into a table: model/rows/columns.h.  A codec keeps no address: in plain the
 * modes of sa and da are means over many addresses.
 */
#ifndef FM_MODEL_CTGAN_ENCODING_H
#define FM_MODEL_CTGAN_ENCODING_H

#include "base/thread.h"
#include "model/ctgan/mixture.h"
#include "model/ctgan/net.h"
#include "model/rows/columns.h"

struct fm_gan_column {
	const struct fm_row_column *of; /* in the codec's flows */
	struct fm_mixture mix;          /* of a number */
	int n;                          /* number of modes or values; 2 for a bit */
	int at;                         /* place in the row's vector: alpha, then modes; or values */
	int cond;                       /* place in the condition; -1: none */
};
struct fm_gan_codec {
	struct fm_row_columns flows;
	struct fm_gan_column column[FM_ROW_COLUMNS]; /* (flows.n) */
	int row, cond;                               /* lengths of a vector and of a condition */
	struct fm_head group[2 * FM_ROW_COLUMNS];
	int ngroups;
	int group_of[FM_ROW_COLUMNS]; /* the one-hot of a column */
};

/* Rows as codes: modes, values or bits, and alphas of numbers. */
struct fm_gan_rows {
	size_t n;
	uint16_t *code; /* (columns, n) */
	float *alpha;   /* (columns, n); 0 where the column is no number */
};

struct fm_gan_codec_opts {
	bool bits;
	int min_count; /* rows that a value of a category needs */
	int k;         /* rows that anything else needs to be kept */
	uint64_t seed; /* of the start of mixtures and of drawn modes */
	struct fm_pool *pool;
};
/* Learn a codec and code the table's rows with it.  Fails as fm_row_columns_choose does. */
int fm_gan_codec_fit(struct fm_gan_codec **c, struct fm_gan_rows *rows, const struct fm_table *t,
		     const struct fm_gan_codec_opts *o, struct fm_error *err) FM_MUST_CHECK;
void fm_gan_codec_free(struct fm_gan_codec *c);
void fm_gan_rows_free(struct fm_gan_rows *r);
/* The vector x (c->row) of row i. */
void fm_gan_vector(const struct fm_gan_codec *c, const struct fm_gan_rows *rows, size_t i, float *x);
/* How many different rows the vectors x (n, c->row) stand for, by the largest number of each one-hot; -1 without
 * memory. */
int fm_gan_distinct(const struct fm_gan_codec *c, const float *x, int n);

/* Row i of a table of fm_row_table_new from a made vector.  sa and da are raw numbers. */
void fm_gan_decode(const struct fm_gan_codec *c, const float *x, struct fm_table *t, size_t i);

json_t *fm_gan_codec_json(const struct fm_gan_codec *c);
int fm_gan_codec_from_json(struct fm_gan_codec **c, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

#endif
