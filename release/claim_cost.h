/*
 * claim_cost.h - the least that noise which a manifest tells of can cost: a bound from below, where an accountant's is
 * from above, and by arithmetic of its own.
 *
 *     struct fm_told_noise told;
 *
 *     if (fm_told_noise_of(json_object_get(privacy, "mechanisms"), false, &told) &&
 *	   fm_told_noise_delta(&told, 2, 3.5) > 1e-6)
 *         ... two units are not (3.5, 1e-6)-private, whatever is claimed ...
 */
#ifndef FM_RELEASE_CLAIM_COST_H
#define FM_RELEASE_CLAIM_COST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Of Gaussian noise over all records, the sum of (sensitivity / scale)^2; of one that is sampled, by which a network is
 * trained: the rate, the scale over the sensitivity, and how many times (0: none). */
struct fm_told_noise {
	double squares;
	double rate, noise;
	uint64_t times;
	bool replaced; /* a unit is replaced by another one, not there or not */
};

/* Of privacy.mechanisms, whose numbers are ones that they can be (manifests/domain.c).  False where two kinds of noise
 * are sampled. */
bool fm_told_noise_of(const json_t *mechanisms, bool replaced, struct fm_told_noise *out);

/* A delta below which `group` units that change at once are not (epsilon, delta)-private: never above the least with
 * which they are.  Of Gaussian noise alone it is that one (Balle and Wang 2018, theorem 8); with sampled noise its
 * epsilon is some hundredths less.  group: 1 to 4,096.  256 KiB and at most a tenth of a second. */
double fm_told_noise_delta(const struct fm_told_noise *n, unsigned group, double epsilon);

#endif
