/*
 * recalibrate.h - making windows to see what a trained network draws, and putting it right (calibration.h).
 */
#ifndef FM_MODEL_DIFFUSION_RECALIBRATE_H
#define FM_MODEL_DIFFUSION_RECALIBRATE_H

#include "base/ranks.h"
#include "model/diffusion/sampler.h"

#define FM_RECALIBRATE_MOST 512 /* windows that are made each time */

/* Calibrate a trained network, with as many windows as cost a part of its training's time, `trained` windows having
 * gone through it; with few of them there is no bias.  Absorbing processes only. */
struct fm_recalibrate_opts {
	uint64_t seed, trained;
	int min_count;
	const double
	    *nats; /* (FM_NTOK) what a validation flow costs the network by column; NULL: nothing is sharpened */
	struct fm_pool *pool;
	struct fm_ranks *ranks; /* each makes a part of the windows, and all have the same calibration; NULL: one */
};
int fm_recalibrate(struct fm_calibration *k, const struct fm_denoiser *d, const struct fm_codec *codec,
		   const struct fm_structural_zeros *zeros, const struct fm_encoded *train,
		   const struct fm_recalibrate_opts *o, struct fm_error *err) FM_MUST_CHECK;

#endif
