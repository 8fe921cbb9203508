/*
 * claim.h - what a release says of its privacy in words, made from the numbers beside it: for writers and readers of a
 * manifest.
 */
#ifndef FM_MANIFESTS_CLAIM_H
#define FM_MANIFESTS_CLAIM_H

#include <jansson.h>
#include <stdbool.h>

#include "manifests/config.h"

/* The whole statement in the modes that claim nothing, none and clip. */
#define FM_CLAIM_NONE                                                                                                  \
	"No differential privacy: the model saw the training flows without added noise. The leakage checks are "       \
	"measurements on this release, not a guarantee."
const char *fm_claim_none(const char *mode);

#define FM_CLAIM_WORDS 800
/* The statement in mode dp, for a config and the epsilon and delta that it comes to. */
const char *fm_claim_statement(char out[FM_CLAIM_WORDS], const struct fm_config *cfg, double epsilon, double delta);
/* Is `words` that statement, or the one of an earlier version, which said less of windows? */
bool fm_claim_is_statement(const char *words, const struct fm_config *cfg, double epsilon, double delta);
/* What a guarantee covers, as in a manifest; and what it does not, a new list, NULL without memory. */
extern const char fm_claim_covers[];
extern const char fm_claim_audit_of[]; /* what an audit that a manifest tells of was of */
json_t *fm_claim_does_not_cover(void);

/* One line of a guarantee: for a number of exchanges that change at once. */
struct fm_claim_line {
	const char *of;              /* exchange, flow, window, conversation or host */
	unsigned minutes, exchanges; /* minutes: 0 where the line has none */
};
#define FM_CLAIM_LINES 16
#define FM_CLAIM_DELTA_MAX 0.01 /* a line with a greater delta has no epsilon */
/* All lines that a guarantee of that config has, in order; returns how many. */
int fm_claim_lines(const struct fm_config *cfg, struct fm_claim_line l[FM_CLAIM_LINES]);

#endif
