/*
 * paid.h - noisy counts of the flows of exchanges, by one field or two, over public cells: what the paid part of the
 * gate asks of the holdout.
 *
 * Every cell is a public rule; nothing in it comes from data:
 *
 *     SA DA        inside or outside
 *     SP DP        ports of well-known services by themselves, the others by ranges of widening ports (grids.h)
 *     PR FLG       the public lists of records.h
 *     TS           the period that the config names, in 48 equal parts; times outside are in the nearest
 *     TD PKT BYT   two cells per octave, exact to 3 (ms, packets, bytes); all from 2^32 on in the last
 *     TY           the labels that the config names; any other is the first
 *
 * Pairs of fields are counted over coarser cells, at most eight per field, since each cell gets the same noise: sides;
 * TCP, UDP, ICMP and the rest; seven kinds of ports; eighths of the period; packets by octaves to 128, bytes by octaves
 * from 64 to 4096, milliseconds by two octaves each to 4096.
 *
 * An exchange adds each of its 1 to FM_EXCHANGE_FLOWS flows to a field's counts, so it moves them by at most
 * FM_EXCHANGE_FLOWS in L2, which it reaches when all its flows are in one cell.
 */
#ifndef FM_MODEL_MARGINALS_PAID_H
#define FM_MODEL_MARGINALS_PAID_H

#include <stdbool.h>

#include "model/marginals/records.h"
#include "privacy/counts.h"

enum fm_paid_field {
	FM_PAID_SA,
	FM_PAID_DA,
	FM_PAID_SP,
	FM_PAID_DP,
	FM_PAID_PR,
	FM_PAID_TS,
	FM_PAID_TD,
	FM_PAID_PKT,
	FM_PAID_BYT,
	FM_PAID_FLG,
	FM_PAID_FIELDS, /* the questions up to here are always asked */
	FM_PAID_SA_DP = FM_PAID_FIELDS,
	FM_PAID_PR_DP,
	FM_PAID_TS_DP,
	FM_PAID_SP_DP,
	FM_PAID_DP_PKT,
	FM_PAID_DP_BYT,
	FM_PAID_PKT_BYT,
	FM_PAID_TD_PKT,
	FM_PAID_TY,
	FM_PAID_QUESTIONS
};
extern const char *const fm_paid_name[FM_PAID_QUESTIONS]; /* "SA", "SA_DP" */
#define FM_PAID_CELLS 65                                  /* most cells of a question */

struct fm_paid_opts {
	double mu;     /* of all questions together: a continuous Gaussian of sensitivity 1 and deviation 1 / mu */
	bool replaced; /* as in marginals.h: the flows of one exchange are replaced by those of another */
	bool pairs;    /* pairs of fields are asked too */
	int nlabels;   /* length of the public list, where labels are asked; 0: they are not */
	int32_t first_slot, nslots;                   /* public: the period */
	bool (*inside)(const void *ctx, uint32_t ip); /* public */
	const void *ctx;
};
bool fm_paid_asks(const struct fm_paid_opts *o, enum fm_paid_field question);
bool fm_paid_is_pair(enum fm_paid_field question);
/* Number of cells of a question, at most FM_PAID_CELLS. */
size_t fm_paid_cells(const struct fm_paid_opts *o, enum fm_paid_field question);
/* Standard deviation of the discrete noise on each number. */
double fm_paid_sigma(const struct fm_paid_opts *o);

/* noisy[f][0 .. fm_paid_cells(o, f)): the flows of e by question f with noise under the key; questions that are not
 * asked are left alone.  The charges are appended to *charges.  FM_EINPUT as for fm_counts_histogram. */
int fm_paid_ask(int64_t noisy[FM_PAID_QUESTIONS][FM_PAID_CELLS], struct fm_charges *charges,
		const struct fm_exchanges *e, const struct fm_paid_opts *o, const struct fm_secret *key,
		struct fm_error *err) FM_MUST_CHECK;

/* The same without noise, for flows that are not private. */
void fm_paid_count(uint64_t count[FM_PAID_QUESTIONS][FM_PAID_CELLS], const struct fm_exchanges *e,
		   const struct fm_paid_opts *o);

#endif
