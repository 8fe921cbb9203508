/*
 * engine.h - what train and generate share: the config's wishes as a network, and what this engine cannot do yet.
 */
#ifndef FM_STAGES_ENGINE_H
#define FM_STAGES_ENGINE_H

#include "manifests/config.h"
#include "model/sampler.h"

/* FM_EINPUT for a wish that the engine does not fulfil, so that nothing is silently ignored. */
int fm_engine_check(const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
int fm_engine_process(struct fm_process *pr, const struct fm_config *cfg, struct fm_error *err) FM_MUST_CHECK;
enum fm_solver fm_engine_solver(const struct fm_config *cfg);
int fm_engine_net(struct fm_net **net, const struct fm_config *cfg, const struct fm_codec *codec, struct fm_error *err) FM_MUST_CHECK;

#endif
