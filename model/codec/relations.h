/*
 * relations.h - which flow of a window answers or repeats which.
 *
 * A flow is related to at most one flow before it in its window, the nearest of the first of these kinds that there is:
 *
 *     reply     it reverses the 5-tuple of a flow that has no reply yet and is none
 *     again     it has the same 5-tuple
 *     source    it has the same hosts, protocol and source port
 *     target    it has the same hosts, protocol and destination port
 *     sweep     it has the same source, protocol and destination port: a client asks one host after another
 *     serve     it has the same source, protocol and source port: a server answers one host after another
 *
 * Flows of two labels are not related (codec.c drops such relations, the sampler draws none): a relation copies what
 * the label causes.  sweep and serve count only where both flows go the same way across the border, or neither does.
 *
 * What a kind shares with its source is not drawn but copied.  The token of column rel says kind and distance: 0, or
 * 1 + (kind - 1) * (window - 1) + (distance - 1).  The token of column role says 4 * kind, 1 more when a later flow is
 * the reply and 2 more when another is related to it: roles are the outline of a window, and relations fill it in.
 *
 * Where flows of one time are in order of their text, their order says nothing, and relations would be scattered over
 * the window.  There the flows of each time are put in an order of our own: pairs of hosts stay together, a reply comes
 * after its request, the rest is random.
 */
#ifndef FM_MODEL_CODEC_RELATIONS_H
#define FM_MODEL_CODEC_RELATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"

#define FM_WINDOW_MOST 512

enum fm_relation {
	FM_RELATION_NONE,
	FM_RELATION_REPLY,
	FM_RELATION_AGAIN,
	FM_RELATION_SOURCE,
	FM_RELATION_TARGET,
	FM_RELATION_SWEEP,
	FM_RELATION_SERVE,
	FM_NRELATIONS
};
#define FM_ROLE_ANSWERED 1
#define FM_ROLE_FOLLOWED 2
#define FM_ROLE_RELATION(role)                                                                                         \
	((int)(role) >> 2) /* the relation that a role announces; FM_NRELATIONS when the role is masked */
#define FM_ROLE_TOKENS (4 * FM_NRELATIONS)

struct fm_relations {
	uint16_t row[FM_WINDOW_MOST]; /* place in the window -> row behind its first */
	uint8_t kind[FM_WINDOW_MOST];
	uint16_t back[FM_WINDOW_MOST]; /* distance in places, 0 without a relation */
};
/* The relations of the rows [first, first + window) of t.  order: 0, the flows of one time stay as they are; 1, they
 * get our own order; 2 and more, other such orders. */
void fm_relations_find(const struct fm_table *t, size_t first, int window, int order, struct fm_relations *l);

/* Number of tokens of column rel for windows of that size; the kind that a token says, FM_NRELATIONS for the mask, and
 * *back. */
#define FM_REL_TOKENS(window) (1 + (FM_NRELATIONS - 1) * ((window)-1))
static inline int fm_rel_token(int kind, int back, int window)
{
	return kind == FM_RELATION_NONE ? 0 : 1 + (kind - 1) * (window - 1) + back - 1;
}
static inline int fm_rel_kind(int token, int window, int *back)
{
	*back = token > 0 ? (token - 1) % (window - 1) + 1 : 0;
	return token > 0 ? (token - 1) / (window - 1) + 1 : FM_RELATION_NONE;
}
/* The column of the source from which column c of a flow with such a relation is copied; -1: it is not copied. */
int fm_relation_source(int kind, int c);
/* Fill in what the flows of one window (W rows) share with their sources, masked ones as masked.  tok (W,FM_NTOK),
 * res (W,FM_NRES); rows whose rel is masked or 0 stay. */
void fm_relations_copy(uint16_t *tok, float *res, int window);
/* Which of its ports a flow shares with those around it that have another one for the other, as far as the roles of its
 * window and the relations of its first `known` flows tell: that of the service that it goes to, or comes from.  What
 * sweeps or has one target goes to it, what serves or has one source comes from it, a reply goes the other way than its
 * request, and all other flows go the way of their source.  A relation that joins two ways makes a flow between two
 * ports that are no service's, or between two services. */
enum fm_way { FM_WAY_OPEN, FM_WAY_TO, FM_WAY_FROM };
void fm_relations_ways(const uint16_t *tok, int window, int known, uint8_t *way);
/* The way of the source of a flow that goes such a way and has a relation of that kind. */
enum fm_way fm_relation_way(int kind, enum fm_way way);
/* Make the roles of one window say which of its flows are sources, as its relations do; while one of these is masked
 * they only say more. */
void fm_relations_outline(uint16_t *tok, int window);

#endif
