/*
 * ranges.h - the config's ranges of fresh addresses, in the codec's terms.
 */
#ifndef FM_MODEL_RANGES_H
#define FM_MODEL_RANGES_H

#include "base/error.h"
#include "manifests/config.h"
#include "model/codec/host_addresses.h"

/* The ranges of a side (model/codec/hosts.h) in r, *n of them. */
int fm_ranges(struct fm_range r[FM_CFG_MAXRANGES], int *n, const struct fm_config *cfg, int side,
	      struct fm_error *err) FM_MUST_CHECK;

#endif
