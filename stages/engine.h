/*
 * engine.h - what the stages that have a model share: the config's wishes as a network, what this engine cannot do yet,
 * and the model as the train stage leaves it.
 */
#ifndef FM_STAGES_ENGINE_H
#define FM_STAGES_ENGINE_H

#include "manifests/config.h"
#include "model/codec/structural_zeros.h"
#include "model/diffusion/sampler.h"

/* FM_EINPUT for a wish that the engine does not fulfil, so that nothing is silently ignored. */
int fm_engine_check(const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
int fm_engine_process(struct fm_process *pr, const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
enum fm_solver fm_engine_solver(const struct fm_config *cfg);
int fm_engine_net(struct fm_net **net, const struct fm_config *cfg, const struct fm_codec *codec,
		  struct fm_error *err) FM_MUST_CHECK;

/* What a codec needs to know to be learned or applied: the config's, what store.json says of the source as a whole, and
 * which addresses are inside by the dialect, which must outlive *o. */
struct fm_dialect;
int fm_engine_codec_opts(struct fm_codec_opts *o, const struct fm_config *cfg, const char *store_json,
			 const struct fm_dialect *dialect, struct fm_error *err) FM_MUST_CHECK;

/* A model folder's model.json: the codec, and the pairs of tokens that do not go together. */
int fm_engine_model(const char *dir, struct fm_codec **codec, struct fm_structural_zeros *zeros,
		    struct fm_error *err) FM_MUST_CHECK;
/* Its weights (net->layout.nfloats), in new memory. */
int fm_engine_weights(const char *dir, const struct fm_net *net, float **weights, struct fm_error *err) FM_MUST_CHECK;

#endif
