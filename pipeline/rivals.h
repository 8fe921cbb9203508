/* rivals.h - the models that flowmint compare knows: a name, and the keys of a config that make it. */
#ifndef FM_PIPELINE_RIVALS_H
#define FM_PIPELINE_RIVALS_H

#include <stdbool.h>

#include "base/error.h"

enum { FM_RIVALS_MOST = 16, FM_RIVAL_SET = 8, FM_RIVAL_SMALL = 2 };

struct fm_rival {
	const char *name, *about;
	const char *set[FM_RIVAL_SET];     /* "KEY=VALUE", up to the first NULL */
	double paper;                      /* mean JSD of eight fields in the method's paper; 0: it has none */
	const char *small[FM_RIVAL_SMALL]; /* overrides where a budget leaves next to no steps */
};

/* The rivals that the words name, with commas between, in their order.  FM_EUSAGE: a name is unknown or there twice. */
int fm_rivals_choose(const char *words, const struct fm_rival *chosen[FM_RIVALS_MOST], int *n,
		     struct fm_error *err) FM_MUST_CHECK;
const char *fm_rival_name(int i);                    /* of the i-th; NULL past the last */
const char *fm_rival_kind(const struct fm_rival *r); /* its model.kind */
bool fm_rival_diffuses(const struct fm_rival *r);    /* only a diffusion has a sampler */

#endif
