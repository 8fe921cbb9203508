/*
 * flow_number.h - the numbers of a flow that residuals are of.
 */
#ifndef FM_MODEL_CODEC_FLOW_NUMBER_H
#define FM_MODEL_CODEC_FLOW_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "model/codec/tokens.h"

/* The number of row i that a residual is of: milliseconds, a port, packets, or thousandths of bytes per packet. */
int64_t fm_flow_number(const struct fm_table *t, enum fm_res r, size_t i);

#endif
