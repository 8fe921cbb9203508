/*
 * association.h - pairs of columns: do they depend on each other as in real flows?  Marginals alone prove nothing:
 * columns shuffled one by one score as well on marginals as the real holdout does.
 *
 *     assoc.mean assoc.max   mean and largest |V(real) - V(synthetic)| over the 45 pairs of the ten shared columns;
 *                            V is Cramer's V, bias-corrected (Bergsma, "A bias-correction for Cramer's V and
 *                            Tschuprow's T", J. Korean Stat. Soc. 42, 2013)
 *     pair_jsd               mean JSD of the 45 two-column distributions
 *
 * Categories are made from the real table: addresses by the logarithm of their popularity rank in their own set, ports
 * by the 20 most frequent and four ranges, protocol and label by value (all values that real does not have are one
 * category), numbers by deciles.  A column that either table lacks counts as a constant.
 */
#ifndef FM_JUDGE_ASSOCIATION_H
#define FM_JUDGE_ASSOCIATION_H

#include "base/error.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"

int fm_association(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool,
		   const char *prefix, struct fm_metrics *out, struct fm_error *err) FM_MUST_CHECK;

/* Cramer's V of n pairs (a, b) given as sorted keys a << 32 | b; 0 when either side has one value only. */
int fm_cramers_v(const uint64_t *pair, size_t n, double *v, struct fm_error *err) FM_MUST_CHECK;

#endif
