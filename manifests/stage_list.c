#include "manifests/stage_list.h"

/* clang-format off */
#define ROW(name, product, shown) {name, product, shown},
const struct fm_stage_said fm_stages_said[] = {
	FM_SAID_INGEST(ROW)
	FM_SAID_TRAIN(ROW)
	FM_SAID_GENERATE(ROW)
	FM_SAID_EVALUATE(ROW)
	FM_SAID_GATE(ROW)
	FM_SAID_RELEASE(ROW)
};
/* clang-format on */
const size_t fm_nstages_said = sizeof fm_stages_said / sizeof *fm_stages_said;
