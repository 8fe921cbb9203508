/*
 * public_flows.h - flows that are nobody's, for a model that learns from public traffic: simulated ones
 * (traces/simulate).
 */
#ifndef FM_STAGES_PUBLIC_FLOWS_H
#define FM_STAGES_PUBLIC_FLOWS_H

#include <stddef.h>

#include "base/error.h"

struct fm_sentence;
/* *flows (n), which are the same each time, is to be freed. */
int fm_public_flows(struct fm_sentence **flows, size_t *n, struct fm_error *err) FM_MUST_CHECK;

#endif
