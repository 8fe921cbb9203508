/*
 * columns.h - a column of the codec: a number as atoms and bins, or categories.
 */
#ifndef FM_MODEL_CODEC_COLUMNS_H
#define FM_MODEL_CODEC_COLUMNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

/* A numeric column: tokens [0,natoms) are atoms, the next nbins are bins [edge[b], edge[b+1]). */
#define FM_NUM_MAXATOMS 4096
#define FM_NUM_MAXBINS 512
struct fm_num {
	int natoms, nbins;
	int64_t *atom; /* sorted */
	int64_t *edge; /* nbins + 1, rising, multiples of step */
	int64_t step;  /* the lattice: every value is a multiple of it */
	bool log;      /* residual on log(1+x), else linear */
};
struct fm_num_opts {
	int64_t min_count; /* rows of an atom, and of a bin */
	int64_t k;         /* rows at or beyond the largest and the smallest number kept, an edge or an atom */
	double atom_share; /* an atom has at least this share of the rows (and min_count rows) */
	int bins;
	bool log;
	const int64_t *fixed; /* fixed edges instead of quantiles (ports), nfixed of them */
	int nfixed;
};
int fm_num_fit(struct fm_num *c, const int64_t *v, size_t n, const struct fm_num_opts *o,
	       struct fm_error *err) FM_MUST_CHECK;
int fm_num_tokens(const struct fm_num *c);
/* Token of v; *u is the place inside the bin (jitter in [0,1) spreads a value over its lattice cell), or -1 for an
 * atom. */
int fm_num_encode(const struct fm_num *c, int64_t v, double jitter, double *u);
/* Always a value of the token's bin, whatever u is. */
int64_t fm_num_decode(const struct fm_num *c, int token, double u);
json_t *fm_num_json(const struct fm_num *c);
int fm_num_from_json(struct fm_num *c, const json_t *j, struct fm_error *err) FM_MUST_CHECK;
void fm_num_free(struct fm_num *c);

/* A category column: values that min_count rows carry; any other value is coded as the most similar one. */
struct fm_cat {
	int n;
	char **value;
	int other; /* token of a value similar to none: the most frequent */
};
/* Values by falling frequency; the first is kept however rare. */
int fm_cat_fit(struct fm_cat *c, const struct fm_table *t, enum fm_col col, int min_count,
	       struct fm_error *err) FM_MUST_CHECK;
/* The token of a value. A rare value gets the token of the value of equal length that shares most characters with it,
 * or else that of the most frequent value. */
int fm_cat_token(const struct fm_cat *c, const char *s);

#endif
