/*
 * axis.h - an attribute's domain: a public grid of leaves, joined into tokens by noisy counts alone.
 *
 * A leaf whose noisy count stands out is a token by itself; the other leaves of a coarse cell are one token, and coarse
 * cells with too few records are joined with their neighbours of the same row.  Inside a token, leaves that stand above
 * the noise have their count as weight, and the others share the rest of the token by their widths.
 */
#ifndef FM_MODEL_MARGINALS_AXIS_H
#define FM_MODEL_MARGINALS_AXIS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

#define FM_AXIS_TOKENS 1024

struct fm_axis {
	uint32_t nleaves;
	int ntokens;
	uint16_t *token; /* (nleaves) */
	uint32_t *first; /* (ntokens + 1): where the leaves of a token begin in leaf[] */
	uint32_t *leaf;  /* (nleaves), by token */
	double *cum;     /* (nleaves): running weight within a token; the last is its total */
	bool guess;      /* just fitted: no count stood above the noise, so only the public widths count */
};

struct fm_axis_in {
	uint32_t nleaves, ncoarse, row; /* cells row * k ... row * k + row - 1 are one row; 0: no joining at all */
	uint32_t (*coarse_of)(uint32_t leaf);
	const double *width;             /* (nleaves): relative weight of a leaf of unknown count; NULL: all equal */
	const int64_t *leaf, *coarse;    /* noisy counts */
	double leaf_sigma, coarse_sigma; /* coarse cells below 3 of these are taken as empty */
	double own, join;                /* counts from which a leaf is a token, and a coarse cell one */
	int most;                        /* the most leaves that become tokens */
	bool tail; /* cells are sizes: nothing lies beyond the last row and column above the noise */
};
int fm_axis_build(struct fm_axis *a, const struct fm_axis_in *in, struct fm_error *err) FM_MUST_CHECK;
/* The total weight of a token's leaves; 0 when it has none, because all leaves of its cells are tokens themselves. */
double fm_axis_mass(const struct fm_axis *a, int token);
/* A leaf of the token, drawn at u; any leaf for a token without leaves. */
uint32_t fm_axis_draw(const struct fm_axis *a, int token, double u);
void fm_axis_free(struct fm_axis *a);

#endif
