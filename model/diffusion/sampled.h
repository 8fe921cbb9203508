/*
 * sampled.h - windows that were sampled, as a file: what a process that makes a part of them hands to the one that
 * decodes them all (generator.h).
 *
 *     the tokens (flows,FM_NTOK), 16 bits each, then the residuals (flows,FM_NRES), 32-bit floats, both little-endian;
 *     no header: the reader knows the number of flows
 *
 * Another process made the file, so every token is checked before anything is indexed by it.
 */
#ifndef FM_MODEL_DIFFUSION_SAMPLED_H
#define FM_MODEL_DIFFUSION_SAMPLED_H

#include "model/diffusion/sampler.h"

int fm_sampled_save(const struct fm_sampled *s, size_t flows, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* Fill s, which has room for `flows` flows.  vocab (FM_NTOK): tokens are below it, or 0 where the column has none.
 * FM_EINPUT: a file of another length, or with a token or residual that no sampler makes. */
int fm_sampled_load(const struct fm_sampled *s, size_t flows, const int *vocab, const char *path,
		    struct fm_error *err) FM_MUST_CHECK;

#endif
