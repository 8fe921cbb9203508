/*
 * counts.h - private counts: the only way for a statistic of private records, other than a gradient, to get out.
 *
 * They are opened with the run's noise key and the unit that the guarantee is about.  Each call computes one statistic
 * exactly, enters its charge, and gives out the statistic with discrete Gaussian noise (noise.h) and nothing else; the
 * exact numbers do not leave the call.  What is calculated from its answers (quantiles, shares, consistent tables)
 * costs nothing more.
 *
 *     struct fm_unit unit;
 *     fm_unit_set(&unit, 4, 0, err);                         an exchange of at most 4 flows, which is there or not
 *     fm_counts_open(&c, &key, &unit, pool, err);
 *     items = fm_items_parts(&unit, nflows, exchange_of_flow, nexchanges);
 *     query = (struct fm_query){"protocol", &items, sigma};
 *     fm_counts_histogram(c, &query, (struct fm_values){protocol, 256}, counts, err);
 *     charges = fm_counts_charges(c);                                     for the accountant and the manifest
 *
 * Items and units.  A statistic counts items (flows, exchanges, ends of flows); each belongs to a unit, and a unit has
 * at most items.most of them: fm_items_units, one each; fm_items_parts, its flows, up to unit.flows; fm_items_hosts,
 * the hosts that it touches, up to unit.hosts.  Data in which a unit has more is refused, so no caller can make the
 * charge untrue.
 *
 * Sensitivities, that is, how much the exact statistic moves in L2 between neighbouring data sets; m = items.most:
 *
 *     statistic                              unit added or removed      unit replaced
 *     histogram, pairs, total, keys          m                          sqrt(2) m
 *     population (at least b items)          m                          sqrt(2) m
 *     cells of hosts, h = unit.hosts         sqrt(2) h                  2 sqrt(2) h
 *
 * Adding a unit adds to a histogram a vector of natural numbers whose sum is at most m, and so is its L2 norm, which is
 * reached when all items have the same value.  Replacing one subtracts such a vector and adds another; both are
 * non-negative, so their difference is at most sqrt(m^2 + m^2) in L2.  A host moves from one cell to another: -1 and
 * +1, sqrt(2) in L2, and the moves of h hosts add up.  The population says how many hosts have at least b_1 < b_2 < ...
 * items: k more items of a host lift it over at most k of the (distinct) bounds, whose counts each grow by one; these
 * are again natural numbers whose sum is at most m.
 *
 * Names are the labels of the noise (stream.h), so each name is used once in a run.  The same key with the data of a
 * neighbour gives the same noise: then differences of answers are differences of exact statistics.  That is how the
 * tests measure sensitivities, and why a noise key is never used for two runs.
 */
#ifndef FM_PRIVACY_COUNTS_H
#define FM_PRIVACY_COUNTS_H

#include "base/secret.h"
#include "base/thread.h"
#include "privacy/charge.h"
#include "privacy/noise.h"

/* A unit is the flows of an exchange of two hosts, or with flows 1 a single flow.  A claim for windows (privacy.unit:
 * window) is made for a group of exchanges, which are the units here. */
struct fm_unit {
	int replaced;   /* neighbours differ in one unit replaced, not one more or less */
	unsigned flows; /* most flows of a unit */
	unsigned hosts; /* most hosts that a unit touches: 2 */
	unsigned group; /* units that may change at once, for which thresholds of keys hold; 0: one */
};
/* FM_EINPUT when flows is 0 or over 4,096. */
int fm_unit_set(struct fm_unit *u, unsigned flows, int replaced, struct fm_error *err) FM_MUST_CHECK;

struct fm_items {
	size_t n;             /* items */
	const uint32_t *unit; /* [n]: item i is of unit unit[i] < nunits; NULL: of unit i */
	size_t nunits;
	unsigned most; /* most of these items in a unit */
};
struct fm_items fm_items_units(size_t n);
struct fm_items fm_items_parts(const struct fm_unit *u, size_t n, const uint32_t *unit, size_t nunits);
struct fm_items fm_items_hosts(const struct fm_unit *u, size_t n, const uint32_t *unit, size_t nunits);

struct fm_counts;
/* unit is copied; key and pool (which may be NULL) must outlive it.  key NULL: only the charges are wanted; any call
 * with items to count is refused, and one without items answers 0 without noise. */
int fm_counts_open(struct fm_counts **c, const struct fm_secret *key, const struct fm_unit *unit, struct fm_pool *pool,
		   struct fm_error *err) FM_MUST_CHECK;
const struct fm_charges *fm_counts_charges(const struct fm_counts *c);
void fm_counts_close(struct fm_counts *c);

/* A query. */
struct fm_query {
	const char *name; /* name of the statistic and its noise: used once in a run */
	const struct fm_items *items;
	double sigma; /* standard deviation of the noise on each number */
};
/* Item i has value[i] < n, the size of a public domain. */
struct fm_values {
	const uint32_t *value;
	size_t n;
};

/* Each of the following returns FM_OK; FM_EINPUT when a name was used before, a value is outside of its public domain,
 * a unit has more items than it may, or sigma is out of range; FM_ESYSTEM.  A call that fails after it was charged
 * stays charged.  Answers may be negative; a caller that needs counts sets those to 0, at no cost. */

/* out[b] (v.n) = how many items have the value b. */
int fm_counts_histogram(struct fm_counts *c, const struct fm_query *q, struct fm_values v, int64_t *out,
			struct fm_error *err) FM_MUST_CHECK;

/* out[x * b.n + y] = how many items have the value x of a and y of b. */
int fm_counts_pairs(struct fm_counts *c, const struct fm_query *q, struct fm_values a, struct fm_values b, int64_t *out,
		    struct fm_error *err) FM_MUST_CHECK;

/* *out = how many items there are. */
int fm_counts_total(struct fm_counts *c, const struct fm_query *q, int64_t *out, struct fm_error *err) FM_MUST_CHECK;

/* bin[k] = the first bin up to which at least a share[k] of all items lies, by a noisy histogram over v.n public bins
 * (the answer is as fine as they are).  share rises; so does bin.  It costs what the histogram costs, whatever the
 * number n of shares. */
int fm_counts_quantiles(struct fm_counts *c, const struct fm_query *q, struct fm_values v, const double *share,
			size_t n, uint32_t *bin, struct fm_error *err) FM_MUST_CHECK;

/* out[k] (n) = how many hosts have at least atleast[k] of the items; items: fm_items_hosts. atleast[0] >= 1, rising.
 * host.n may be the exact number of hosts: it is in no answer. */
int fm_counts_population(struct fm_counts *c, const struct fm_query *q, struct fm_values host, const uint32_t *atleast,
			 size_t n, int64_t *out, struct fm_error *err) FM_MUST_CHECK;

/* out[b] (cell.n) = how many of the hosts are in cell b, where a host's cell depends on nothing but the units that
 * touch it.  The caller promises that; it cannot be checked here.  Hosts in cell 0, "not there", are not counted.
 */
int fm_counts_cells(struct fm_counts *c, const char *name, struct fm_values cell, size_t nhosts, double sigma,
		    int64_t *out, struct fm_error *err) FM_MUST_CHECK;

/*
 * Counts of an open domain: the keys (64 bits: an address, a port with its protocol, a hash of what is longer) that
 * enough items have, by a stability threshold (Korolova et al., WWW 2009; Wilson et al., PoPETs 2020).  A key without
 * items is never given out; a key with items is given out when its noisy count reaches the threshold.  Keys in both
 * neighbouring data sets get Gaussian noise, of sensitivity m; keys in only one of them, which all come from one unit's
 * items, are given out with a probability of at most delta.  The threshold is the smallest one for that (threshold.h),
 * and the probability that it leaves is charged.
 */
struct fm_key_count {
	uint64_t key;
	int64_t count;
};
struct fm_keys {
	struct fm_key_count *list; /* by rising key */
	size_t n;
	int64_t threshold;
};
/* 1e-30 <= delta < 1/2.  The keys are released by fm_keys_free. */
int fm_counts_keys(struct fm_counts *c, const struct fm_query *q, const uint64_t *key, double delta,
		   struct fm_keys *out, struct fm_error *err) FM_MUST_CHECK;
void fm_keys_free(struct fm_keys *k);

#endif
