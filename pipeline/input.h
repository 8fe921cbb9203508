/*
 * input.h - what the config leaves open about the trace, settled before a run: which dialect source.dialect auto is.
 * The trace is looked at in a child (sandbox.h), as the parent never reads private records.
 */
#ifndef FM_PIPELINE_INPUT_H
#define FM_PIPELINE_INPUT_H

#include <stdbool.h>

#include "base/error.h"
#include "manifests/config.h"

/* Puts what was found into cfg, so that ledger, keys and stages have it. FM_EINPUT: no dialect, or none for sure. */
int fm_input_settle(struct fm_config *cfg, bool unconfined, struct fm_error *err) FM_MUST_CHECK;

#endif
