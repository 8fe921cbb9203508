/*
 * claim.h - how the statement of a release about its privacy begins: what it claims, as the numbers beside it do.
 */
#ifndef FM_MANIFESTS_CLAIM_H
#define FM_MANIFESTS_CLAIM_H

#include <stdbool.h>
#include <stdio.h>

#define FM_CLAIM_WORDS 96

/* In mode none it claims nothing. */
static inline const char *fm_claim_begins(char out[FM_CLAIM_WORDS], bool dp, double epsilon, double delta)
{
	if (dp)
		snprintf(out, FM_CLAIM_WORDS, "(%g, %g)-differential privacy for one ", epsilon, delta);
	else
		snprintf(out, FM_CLAIM_WORDS, "No differential privacy");
	return out;
}

#endif
