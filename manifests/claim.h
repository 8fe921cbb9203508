/*
 * claim.h - what a release says of its privacy in words: made from the numbers beside it, for who writes a manifest and
 * for who reads one.
 */
#ifndef FM_MANIFESTS_CLAIM_H
#define FM_MANIFESTS_CLAIM_H

#include <jansson.h>
#include <stdbool.h>

#include "manifests/config.h"

/* The whole of it in the modes that claim nothing, none and clip. */
#define FM_CLAIM_NONE                                                                                                  \
	"No differential privacy: the model saw the training flows without added noise. The leakage checks are "       \
	"measurements on this release, not a guarantee."
const char *fm_claim_none(const char *mode);

#define FM_CLAIM_WORDS 800
/* In mode dp, of a config and the two numbers that it comes to. */
const char *fm_claim_statement(char out[FM_CLAIM_WORDS], const struct fm_config *cfg, double epsilon, double delta);
/* Is it that statement, or that of a version before, which said less of windows? */
bool fm_claim_is_statement(const char *words, const struct fm_config *cfg, double epsilon, double delta);
/* What a guarantee covers, and what not, as in a manifest: a new text, a new list; NULL without memory. */
extern const char fm_claim_covers[];
json_t *fm_claim_does_not_cover(void);

/* One line of a guarantee: of so many exchanges that change at once. */
struct fm_claim_line {
	const char *of;              /* exchange, flow, window, conversation or host */
	unsigned minutes, exchanges; /* minutes: 0 where it has none */
};
#define FM_CLAIM_LINES 16
#define FM_CLAIM_DELTA_MAX 0.01 /* beyond which nothing is said of a line */
/* All that a guarantee of that config has, in their order; how many. */
int fm_claim_lines(const struct fm_config *cfg, struct fm_claim_line l[FM_CLAIM_LINES]);

#endif
