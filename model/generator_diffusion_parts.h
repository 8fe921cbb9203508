/*
 * generator_diffusion_parts.h - what the files of the diffusion generator share.
 */
#ifndef FM_MODEL_GENERATOR_DIFFUSION_PARTS_H
#define FM_MODEL_GENERATOR_DIFFUSION_PARTS_H

#include "model/codec/structural_zeros.h"
#include "model/codec/window_kinds.h"
#include "model/codec/window_schedule.h"
#include "model/diffusion/calibration.h"
#include "model/diffusion/margins.h"
#include "model/diffusion/net.h"
#include "model/diffusion/process.h"
#include "model/diffusion/trainer.h"
#include "model/generator.h"

struct diffusion {
	struct fm_model base;
	struct fm_codec *codec;
	struct fm_structural_zeros zeros;
	struct fm_net *net;
	struct fm_process process;
	float *weights;
	struct fm_calibration calibration;
	struct fm_margins margins;
	struct fm_window_kinds kinds;
	struct fm_train_result trained; /* of a fitted model; a loaded one does not know */
};

static inline const struct diffusion *fm_diffusion_of(const struct fm_model *m)
{
	return (const struct diffusion *)m;
}

/* The config's wishes for time and labels, in the codec's terms. */
int fm_diffusion_wishes(const struct fm_config *cfg, const struct fm_codec *codec, uint64_t rows, uint64_t seed,
			struct fm_window_schedule_opts *o, struct fm_error *err) FM_MUST_CHECK;
/* fm_generator's part and sample. */
int fm_diffusion_part(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
		      const struct fm_part_place *place, uint64_t *flows, struct fm_error *err) FM_MUST_CHECK;
int fm_diffusion_sample(const struct fm_model *m, const struct fm_generator_ctx *ctx, const struct fm_sample_in *in,
			struct fm_table **table, struct fm_error *err) FM_MUST_CHECK;

#endif
