/*
 * leakage_parts.h - what the leakage checks share; private to this room.
 *
 * A check adds its metrics to leak.out under "leak." and gives the p-value of a test of its own to fm_leak_test, with
 * the share of the family's error budget that the test may use up.
 */
#ifndef FM_PRIVACY_LEAKAGE_LEAKAGE_PARTS_H
#define FM_PRIVACY_LEAKAGE_LEAKAGE_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/neighbours.h"
#include "base/table.h"
#include "base/thread.h"
#include "manifests/metrics.h"
#include "privacy/leakage/clusters.h"
#include "privacy/leakage/copies.h"
#include "privacy/leakage/division.h"
#include "privacy/leakage/features.h"
#include "privacy/leakage/nearest.h"

#define FM_LEAK_SEED 20160411u
enum fm_leak_purpose {
	FM_LEAK_SYNTHETIC = 103,
	FM_LEAK_MEMBERS,
	FM_LEAK_OUTSIDERS,
	FM_LEAK_PREDICATES,
	FM_LEAK_TARGETS,
	FM_LEAK_CONTROLS,
	FM_LEAK_GUESSES,
	FM_LEAK_CUT,
	FM_LEAK_KNOWN,
	FM_LEAK_PERMUTATIONS,
};

struct fm_leak {
	const struct fm_table *train, *holdout, *synthetic; /* holdout: NULL when there is none */
	const struct fm_clusters *clusters;
	const struct fm_copies *copies; /* NULL: none are left out */
	struct fm_pool *pool;
	struct fm_metrics *out;
	size_t memory;                /* bytes that a check may use for what grows with the number of rows */
	uint32_t rare;                /* a value of fewer training rows is rare */
	double family;                /* the smallest p / share so far; at first 1 */
	double spent;                 /* sum of the shares of the family's error budget so far */
	int tests_alone;              /* leave out distances that no test uses */
	struct fm_division *division; /* of the searches, or NULL; where it makes a part, checks only search */
};

static inline const struct fm_kept *fm_leak_kept(const struct fm_leak *l, int side)
{
	return l->copies ? &l->copies->side[side] : NULL;
}

/* A value over n rows or pairs, and its 95 % interval. */
struct fm_estimate {
	double value;
	size_t n;
	double lo, hi;
};

/* Add leak.NAMECOLUMNS = v over n. */
int fm_leak_add(struct fm_leak *l, const char *name, const char *columns, double v, size_t n,
		struct fm_error *err) FM_MUST_CHECK;
int fm_leak_add_ci(struct fm_leak *l, const char *name, const char *columns, struct fm_estimate e,
		   struct fm_error *err) FM_MUST_CHECK;
/* Add the share hits / n with a Wilson interval; design: how many hits count as one. */
int fm_leak_share(struct fm_leak *l, const char *name, const char *columns, double hits, size_t n, double design,
		  struct fm_error *err) FM_MUST_CHECK;
/* Add the hits themselves, with n times that interval. */
int fm_leak_count(struct fm_leak *l, const char *name, const char *columns, double hits, size_t n,
		  struct fm_error *err) FM_MUST_CHECK;
/* The largest unit that the checks use in a test of votes (clusters.h): whole clusters, or two votes at a time. */
enum fm_leak_unit { FM_LEAK_CLUSTERS = 0, FM_LEAK_PAIRS = 2 };
/* Add leak.NAME_zCOLUMNS and leak.NAME_pCOLUMNS of a test; share: of the family's budget, 0 for none. */
int fm_leak_test(struct fm_leak *l, const char *name, const char *columns, const struct fm_cluster_test *test,
		 double share, struct fm_error *err) FM_MUST_CHECK;
/* The same, and leak.NAME_trainCOLUMNS and _holdout. */
int fm_leak_verdict(struct fm_leak *l, const char *name, const char *columns, const struct fm_cluster_test *test,
		    double share, struct fm_error *err) FM_MUST_CHECK;

/* The rows among which neighbours are searched: those of t that are kept (NULL: all), coded by f. */
struct fm_searched {
	const struct fm_features *f;
	const struct fm_table *t;
	const struct fm_kept *kept;
};
/* The nearest of these rows to each query (f->dim), as in fm_neighbours; the rows are coded and searched part by part.
 * search.c */
int fm_leak_nearest(const struct fm_searched *in, const struct fm_queries *asked, uint32_t *row, double *d2,
		    struct fm_error *err) FM_MUST_CHECK;

/* The same in the parts of l->division, under a name unique to the search. */
int fm_leak_search(struct fm_leak *l, const char *name, const struct fm_searched *in, const struct fm_queries *asked,
		   uint32_t *row, double *d2, struct fm_error *err) FM_MUST_CHECK;
struct fm_leak_found { /* for each row of `from`: the nearest row and its distance */
	int32_t *distance;
	uint32_t *row;
};
/* The same by Gower's distance (fm_gower_nearest_of): among->from and to are set here. */
int fm_leak_closest(struct fm_leak *l, const char *name, const struct fm_gower *g, const struct fm_gower_rows *from,
		    struct fm_gower_among *among, const struct fm_leak_found *found,
		    struct fm_error *err) FM_MUST_CHECK;

/* The rows of t that are kept (NULL: all), at most `most`, chosen at random if there are more: *row (n), freed by the
 * caller. */
int fm_leak_choose(const struct fm_table *t, const struct fm_kept *kept, size_t most, enum fm_leak_purpose purpose,
		   uint32_t **row, size_t *n, struct fm_error *err) FM_MUST_CHECK;

/* A real row that training and holdout together have once, and that the synthetic table has too. */
struct fm_leak_record {
	uint32_t row;
	uint8_t side;    /* 0 training, 1 holdout */
	uint8_t hamming; /* least number of columns in which every other real row differs: 1 to 3 */
};
/* Find the Hamming distances of the records (n), in one or more passes over all real rows; their order changes.
 * Memory: FM_LEAK_HAMMING_BATCH times FM_LEAK_HAMMING_BYTES for each, and a little more.  hamming.c */
#define FM_LEAK_HAMMING_BATCH 13
#define FM_LEAK_HAMMING_BYTES 24
int fm_leak_set_hamming(struct fm_leak *l, unsigned columns, struct fm_leak_record *list, size_t n,
			struct fm_error *err) FM_MUST_CHECK;
/* leak.isolated_ and leak.extreme_ of all emitted records, which come one list at a time, with their Hamming distances.
 * extremes.c */
struct fm_extremes;
int fm_extremes_open(struct fm_extremes **x, struct fm_leak *l, struct fm_error *err) FM_MUST_CHECK;
int fm_extremes_add(struct fm_extremes *x, const struct fm_leak_record *list, size_t n,
		    struct fm_error *err) FM_MUST_CHECK;
int fm_extremes_test(struct fm_extremes *x, const char *columns, struct fm_error *err) FM_MUST_CHECK;
void fm_extremes_free(struct fm_extremes *x);

/* The checks, one file each: */
int fm_leak_matches(struct fm_leak *l, struct fm_error *err) FM_MUST_CHECK;   /* matches.c */
int fm_leak_distances(struct fm_leak *l, struct fm_error *err) FM_MUST_CHECK; /* distances.c */
int fm_leak_records(struct fm_leak *l, struct fm_error *err) FM_MUST_CHECK;   /* records.c */
int fm_leak_attacks(struct fm_leak *l, struct fm_error *err) FM_MUST_CHECK;   /* attacks.c */
int fm_leak_reuse(struct fm_leak *l, struct fm_error *err) FM_MUST_CHECK;     /* reuse.c */

#endif
