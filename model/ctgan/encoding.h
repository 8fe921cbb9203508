/*
 * encoding.h - rows of a flow table as CTGAN's vectors (Xu et al. 2019, 4.2), and back.
 *
 *     number     the mode drawn from the mixture's posterior, one-hot, and alpha = (x - mean) / (4 sd) within 0.99
 *     category   one-hot over the values that at least min_count rows have; a rarer one is taken for the most frequent
 *     bit        one-hot of two: a bit of an address
 *
 * plain: te, td, sa, da, sp, dp, pkt and byt are numbers, addresses as integers.  bits: td, pkt and byt are log(1 + x),
 * and an address is 32 bits.  Categories and bits are what conditions are drawn from.
 *
 * A codec keeps no address.  In plain the modes of sa and da are means over many addresses; what comes back are raw
 * numbers, which fm_gan_addresses replaces by fresh ones, equal for equal.  Which side a raw number is on is known by
 * the side of most rows with its first octet, where at least min_count rows have that octet.
 */
#ifndef FM_MODEL_CTGAN_ENCODING_H
#define FM_MODEL_CTGAN_ENCODING_H

#include <jansson.h>

#include "base/table.h"
#include "base/thread.h"
#include "model/codec/host_assignment.h"
#include "model/ctgan/mixture.h"
#include "model/ctgan/net.h"

#define FM_GAN_COLUMNS 80

struct fm_gan_column {
	enum fm_col col;
	enum { FM_GAN_NUMBER, FM_GAN_CATEGORY, FM_GAN_BIT } kind;
	bool log;
	int bit; /* of the address, 31 the highest */
	struct fm_mixture mix;
	int n; /* modes, values, 2 */
	char **value;
	double *count; /* (n) rows of the training flows; not of numbers */
	int at;        /* in the row's vector: alpha, then modes; values */
	int cond;      /* in the condition; -1: none */
};
struct fm_gan_codec {
	int ncolumns;
	struct fm_gan_column column[FM_GAN_COLUMNS];
	int row, cond; /* numbers of a vector, of a condition */
	struct fm_gan_group group[2 * FM_GAN_COLUMNS];
	int ngroups;
	int group_of[FM_GAN_COLUMNS]; /* the one-hot of a column */
	unsigned present;
	int64_t first_ms, last_ms, step_ms;
	uint64_t rows;
	uint8_t inside[256]; /* by first octet */
};

/* Rows as codes: modes, values or bits, and alphas of numbers. */
struct fm_gan_rows {
	size_t n;
	uint16_t *code; /* (ncolumns, n) */
	float *alpha;   /* (ncolumns, n); 0 where the column is no number */
};

struct fm_gan_codec_opts {
	bool bits;
	int min_count;
	uint64_t seed; /* of mixtures' starts and of drawn modes */
	struct fm_pool *pool;
};
/* Learn a codec and code the table's rows with it.  FM_EINPUT for an empty table. */
int fm_gan_codec_fit(struct fm_gan_codec **c, struct fm_gan_rows *rows, const struct fm_table *t,
		     const struct fm_gan_codec_opts *o, struct fm_error *err) FM_MUST_CHECK;
void fm_gan_codec_free(struct fm_gan_codec *c);
void fm_gan_rows_free(struct fm_gan_rows *r);
/* x (c->row) of row i. */
void fm_gan_vector(const struct fm_gan_codec *c, const struct fm_gan_rows *rows, size_t i, float *x);

/* Row i of the table (in memory, with c's columns and its dictionaries) from a made vector.  sa and da are raw numbers.
 * Values beyond a field's range are moved to its end. */
void fm_gan_decode(const struct fm_gan_codec *c, const float *x, struct fm_table *t, size_t i);
/* An empty table of so many rows for that. */
int fm_gan_table_new(struct fm_table **t, const struct fm_gan_codec *c, size_t rows,
		     struct fm_error *err) FM_MUST_CHECK;
/* Raw addresses to fresh ones; FM_EINPUT when the ranges have too few. */
int fm_gan_addresses(const struct fm_gan_codec *c, struct fm_table *t, const struct fm_range_list *outside,
		     const struct fm_range_list *inside, uint64_t seed, struct fm_error *err) FM_MUST_CHECK;

/* Rows in the order of te. */
int fm_gan_sort(struct fm_table *t, struct fm_error *err) FM_MUST_CHECK;

json_t *fm_gan_codec_json(const struct fm_gan_codec *c);
int fm_gan_codec_from_json(struct fm_gan_codec **c, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

#endif
