/*
 * recalibrate.h - making windows to measure what a trained network draws, and correcting it (calibration.h).
 */
#ifndef FM_MODEL_DIFFUSION_RECALIBRATE_H
#define FM_MODEL_DIFFUSION_RECALIBRATE_H

#include "base/ranks.h"
#include "model/diffusion/sampler.h"

#define FM_RECALIBRATE_MOST 512 /* most windows made each time */

/* Calibrate a trained network, with so many windows that they cost a part of the time of its training, in which
 * `trained` windows went through it; if they are few, there is no bias.  Absorbing processes only. */
struct fm_recalibrate_opts {
	uint64_t seed, trained;
	int min_count;
	const double *nats; /* (FM_NTOK) nats of a validation flow by column; NULL: nothing is sharpened */
	struct fm_pool *pool;
	struct fm_ranks *ranks; /* each makes part of the windows, all get the same calibration; NULL: one */
};
int fm_recalibrate(struct fm_calibration *k, const struct fm_denoiser *d, const struct fm_codec *codec,
		   const struct fm_structural_zeros *zeros, const struct fm_encoded *train,
		   const struct fm_recalibrate_opts *o, struct fm_error *err) FM_MUST_CHECK;

#endif
