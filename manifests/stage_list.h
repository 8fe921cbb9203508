/*
 * stage_list.h - what a manifest says of each stage: its name, and what everybody may see of its product.
 *
 * One list, for the table of the stages (stages/table.h), which has the rest, and for readers of a manifest.
 */
#ifndef FM_MANIFESTS_STAGE_LIST_H
#define FM_MANIFESTS_STAGE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* What everybody may see of the digest of a stage's product. */
enum fm_stage_shown {
	FM_SHOWN_COMMITTED,  /* a commitment to it, in the manifest, under the product's name */
	FM_SHOWN_WITHOUT_DP, /* the digest, but not in privacy.mode dp: the stage looks at real flows */
	FM_SHOWN,            /* the digest */
	FM_SHOWN_RELEASED,   /* all: it is the release itself */
};
/* X(name, product, shown) of each, in the order in which they run. */
#define FM_SAID_INGEST(X) X("ingest", "store", FM_SHOWN_COMMITTED)
#define FM_SAID_TRAIN(X) X("train", "model", FM_SHOWN_COMMITTED)
#define FM_SAID_GENERATE(X) X("generate", "synthetic", FM_SHOWN)
#define FM_SAID_EVALUATE(X) X("evaluate", "metrics", FM_SHOWN_WITHOUT_DP)
#define FM_SAID_GATE(X) X("gate", "verdict", FM_SHOWN_WITHOUT_DP)
#define FM_SAID_RELEASE(X) X("release", "release", FM_SHOWN_RELEASED)

struct fm_stage_said {
	const char *name, *product;
	enum fm_stage_shown shown;
};
extern const struct fm_stage_said fm_stages_said[];
extern const size_t fm_nstages_said; /* the last is the release itself, which tells no digest of itself */

/* Is the digest of its product in a manifest? */
static inline bool fm_stage_said_shows(const struct fm_stage_said *s, bool dp)
{
	return s->shown == FM_SHOWN || (s->shown == FM_SHOWN_WITHOUT_DP && !dp);
}

#endif
