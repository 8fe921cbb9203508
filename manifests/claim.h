/*
 * claim.h - how the statement of a release about its privacy begins: what it claims, as the numbers beside it do.
 */
#ifndef FM_MANIFESTS_CLAIM_H
#define FM_MANIFESTS_CLAIM_H

#include <stdio.h>

#define FM_CLAIM_WORDS 96

/* unit: NULL in mode none, where it claims nothing. */
static inline const char *fm_claim_begins(char out[FM_CLAIM_WORDS], const char *unit, double epsilon, double delta)
{
	if (unit)
		snprintf(out, FM_CLAIM_WORDS, "(%g, %g)-differential privacy for one %s", epsilon, delta, unit);
	else
		snprintf(out, FM_CLAIM_WORDS, "No differential privacy");
	return out;
}

#endif
