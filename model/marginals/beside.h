/* beside.h - flows that were made, beside the noisy counts of the model that made them: no record is asked again. */
#ifndef FM_MODEL_MARGINALS_BESIDE_H
#define FM_MODEL_MARGINALS_BESIDE_H

#include "model/marginals/marginals.h"

/* Mean Jensen-Shannon divergences, nats, of the made flows' exchanges from the estimated counts. */
struct fm_beside {
	double one, pair; /* of the attributes by themselves, and of the pairs that were counted */
	uint64_t n;       /* exchanges */
};
/* Without servers and clients: addresses are fresh, so that nobody is known again.  inside, ctx: as in
 * fm_marginals_opts, of the made addresses.  FM_EINPUT for a table that is no exchanges. */
int fm_marginals_beside(const struct fm_marginals *m, const struct fm_table *made,
			bool (*inside)(const void *ctx, uint32_t ip), const void *ctx, struct fm_beside *out,
			struct fm_error *err) FM_MUST_CHECK;

#endif
