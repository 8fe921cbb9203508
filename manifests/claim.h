/*
 * claim.h - how the statement of a release about its privacy begins: what it claims, as the numbers beside it do.
 */
#ifndef FM_MANIFESTS_CLAIM_H
#define FM_MANIFESTS_CLAIM_H

#include <stdio.h>
#include <string.h>

#define FM_CLAIM_WORDS 96

static inline const char *fm_claim_begins(char out[FM_CLAIM_WORDS], const char *unit, double epsilon, double delta)
{
	snprintf(out, FM_CLAIM_WORDS, "(%g, %g)-differential privacy for one %s", epsilon, delta, unit);
	return out;
}

/* The whole of it in the modes that claim nothing, none and clip. */
#define FM_CLAIM_NONE                                                                                                  \
	"No differential privacy: the model saw the training flows without added noise. The leakage checks are "       \
	"measurements on this release, not a guarantee."
#define FM_CLAIM_CLIPPED                                                                                               \
	"No differential privacy: what each record adds to a step of training was clipped, but no noise was added. "   \
	"The leakage checks are measurements on this release, not a guarantee."
static inline const char *fm_claim_none(const char *mode)
{
	return strcmp(mode, "clip") == 0 ? FM_CLAIM_CLIPPED : FM_CLAIM_NONE;
}

#endif
