/*
 * claim_cost.h - the least epsilon or delta that the noise in a manifest can cost: a bound from below, where an
 * accountant bounds from above, by independent arithmetic.
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

/* For Gaussian noise over all records, the sum of (sensitivity / scale)^2; for sampled noise, with which a network is
 * trained: the rate, the scale over the sensitivity, and how many times (0: none). */
struct fm_told_noise {
	double squares;
	double rate, noise;
	uint64_t times;
	bool replaced; /* a unit is replaced by another one, not added or removed */
};

/* From privacy.mechanisms, whose numbers were checked to be possible (manifests/domain.c).  False where two kinds of
 * noise are sampled. */
bool fm_told_noise_of(const json_t *mechanisms, bool replaced, struct fm_told_noise *out);

/* A delta below which `group` units that change at once are not (epsilon, delta)-private: never above the least delta
 * with which they are.  For Gaussian noise alone it is that least delta (Balle and Wang 2018, theorem 8); with sampled
 * noise its epsilon is some hundredths less.  group: 1 to 4,096.  Takes 256 KiB and at most a tenth of a second. */
double fm_told_noise_delta(const struct fm_told_noise *n, unsigned group, double epsilon);

#endif
