/*
 * ranges.h - the config's ranges of fresh addresses, in the codec's terms.
 */
#ifndef FM_MODEL_RANGES_H
#define FM_MODEL_RANGES_H

#include "base/error.h"
#include "model/codec/host_assignment.h"

/* r (n) from n texts such as "10.0.0.0/8". */
int fm_ranges(const char (*text)[20], int n, struct fm_range *r, struct fm_error *err) FM_MUST_CHECK;

#endif
