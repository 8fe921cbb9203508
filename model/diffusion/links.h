/*
 * links.h - which flows of a window a flow has most to do with, and what is visible of them.
 *
 * What a flow looks like follows most of all from the flow that it is related to, and from the others of its two hosts:
 * a scanner's flows are of one size, a server answers in one way.  The network could find these by attention, but
 * would have to look at a place that a number says, or count hosts as recency does (codec.h).  So each flow is shown
 * the tokens of its links.
 *
 *     source      the flow that its rel points at
 *     reply       the flow that replies to it
 *     follower    the next flow that is related to it in another way
 *     sa as sa    another flow of its source as source; "sa as da" as destination; the same of its destination
 *
 * Of another flow of a host the token is that of the nearest one before it where that column is visible, else of the
 * nearest one after it; the mask where there are only flows that do not show it.  A host is known once its token is:
 * a popular one by its rank, one of the tail by its recency, where the ends and directions of all flows before it are
 * visible.  What multinomial diffusion has not masked counts as visible, be it noise.
 */
#ifndef FM_MODEL_DIFFUSION_LINKS_H
#define FM_MODEL_DIFFUSION_LINKS_H

#include "base/error.h"
#include "model/codec/tokens.h"

#include <stdbool.h>
#include <stdint.h>

enum fm_link {
	FM_LINK_SOURCE,
	FM_LINK_REPLY,
	FM_LINK_FOLLOWER,
	FM_LINK_SA_AS_SA,
	FM_LINK_SA_AS_DA,
	FM_LINK_DA_AS_SA,
	FM_LINK_DA_AS_DA,
	FM_NLINKS
};
extern const char *const fm_link_name[FM_NLINKS];

/* Is column c of a linked flow shown?  Not the outline, nor who the hosts are, but for where a scan went before. */
bool fm_link_shows(int link, int c);

/* The links of up to R rows of whole windows. */
struct fm_links {
	int window, popular; /* flows of a window; popular hosts of the codec */
	const int *vocab;    /* (FM_NTOK), borrowed; a token that is as large is masked */
	int R;
	int *token; /* (FM_NLINKS, FM_NTOK, R): of the flow that row r is linked with, the mask, or -1: there is none */
	int *source;      /* (R): the row that row r is related to, or -1 */
	int *host;        /* (R, 2): of each end a number within its window, one of its own where it is not known */
	uint16_t *number; /* (popular): the number in the window that is looked at */
};
int fm_links_new(struct fm_links **l, const int vocab[FM_NTOK], int window, int popular, int max_windows,
		 struct fm_error *err) FM_MUST_CHECK;
void fm_links_free(struct fm_links *l);
/* Fill in the links of B windows; tok (B, window, FM_NTOK). */
void fm_links_find(struct fm_links *l, const uint16_t *tok, int B);
/* (R): what row r sees of column c of its link. */
const int *fm_links_tokens(const struct fm_links *l, int link, int c);

#endif
