/* beside.h - comparing made flows with the noisy counts of the model that made them: no record is queried again. */
#ifndef FM_MODEL_MARGINALS_BESIDE_H
#define FM_MODEL_MARGINALS_BESIDE_H

#include "model/marginals/marginals.h"

/* Mean Jensen-Shannon divergences, nats, of the made flows' exchanges from the estimated counts. */
struct fm_beside {
	double one, pair; /* means over single attributes, and over the pairs that were counted */
	uint64_t n;       /* exchanges */
};
/* Servers and clients are left out: addresses are fresh, so no host can be recognised.  inside, ctx: as in
 * fm_marginals_opts, of the made addresses.  FM_EINPUT for a table without exchanges. */
int fm_marginals_beside(const struct fm_marginals *m, const struct fm_table *made,
			bool (*inside)(const void *ctx, uint32_t ip), const void *ctx, struct fm_beside *out,
			struct fm_error *err) FM_MUST_CHECK;

#endif
