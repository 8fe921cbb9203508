/* The stages that the runner runs. */
#include "pipeline/runner.h"

const struct fm_stages fm_stages_real = {
    fm_stage_ingest, fm_stage_train, fm_stage_generate, fm_stage_evaluate, fm_stage_gate, fm_stage_release, fm_verify,
};
