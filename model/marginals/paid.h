/*
 * paid.h - noisy counts of the flows of exchanges, one field at a time, over public cells: what the paid part of the
 * gate asks of the holdout.
 *
 * Every cell is a public rule; nothing in it comes from data:
 *
 *     SA DA        inside or outside
 *     SP DP        ports of well-known services by themselves, the others by ranges of widening ports (grids.h)
 *     PR FLG       the public lists of records.h
 *     TS           the period that the config names, in 48 equal parts; what lies outside is in the nearest
 *     TD PKT BYT   two cells an octave, exact to 3 (ms, packets, bytes); all from 2^32 on in the last
 *
 * An exchange adds a flow to a field's counts for each of its 1 to FM_EXCHANGE_FLOWS flows, so that it moves them by
 * at most FM_EXCHANGE_FLOWS in L2, which it does when all its flows are in one cell.
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
	FM_PAID_FIELDS
};
extern const char *const fm_paid_name[FM_PAID_FIELDS]; /* "SA" */
#define FM_PAID_CELLS 65                               /* of a field at most */
size_t fm_paid_cells(enum fm_paid_field field);

struct fm_paid_opts {
	double mu;     /* of all fields together: a continuous Gaussian of sensitivity 1 and deviation 1 / mu */
	bool replaced; /* as in marginals.h: the flows of one exchange go, and those of another come */
	int32_t first_slot, nslots;                   /* public: the period */
	bool (*inside)(const void *ctx, uint32_t ip); /* public */
	const void *ctx;
};
/* Standard deviation of the discrete noise on each number. */
double fm_paid_sigma(const struct fm_paid_opts *o);

/* noisy[f][0 .. fm_paid_cells(f)): flows of e by field f with noise under the key.  The charges are appended to
 * *charges.  FM_EINPUT as for fm_counts_histogram. */
int fm_paid_ask(int64_t noisy[FM_PAID_FIELDS][FM_PAID_CELLS], struct fm_charges *charges, const struct fm_exchanges *e,
		const struct fm_paid_opts *o, const struct fm_secret *key, struct fm_error *err) FM_MUST_CHECK;

/* The same without noise, of flows that nobody has to be protected from. */
void fm_paid_count(uint64_t count[FM_PAID_FIELDS][FM_PAID_CELLS], const struct fm_exchanges *e,
		   const struct fm_paid_opts *o);

#endif
