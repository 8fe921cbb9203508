/*
 * window_kinds.h - kinds of windows: which are scans, and which mix what many hosts do.
 *
 * Windows are made one by one, and what is rare as a whole, such as a window that one scan fills, is made of flows that
 * are each a little likely.  A network that must find out on its way what a window is to be finds the rare kinds too
 * seldom, and the middle too often.  So the schedule says of each window what kind it is, as often as windows of its
 * class and duration were, and the network makes it given that.
 *
 * A window's kind is told by its tokens: its longest sweep (relations.h), and how many replies, hosts, services and
 * sizes it has.  Kinds are the leaves of a regression tree that explains these five by themselves (Breiman, Friedman,
 * Olshen, Stone, Classification and Regression Trees, 1984): the leaf that falls apart most is divided first.  Each
 * leaf has at least k training windows.
 */
#ifndef FM_MODEL_CODEC_WINDOW_KINDS_H
#define FM_MODEL_CODEC_WINDOW_KINDS_H

#include <jansson.h>
#include <stdint.h>

#include "model/codec/codec.h"
#include "model/codec/window_schedule.h"

enum fm_trait { FM_TRAIT_SWEEP, FM_TRAIT_REPLIES, FM_TRAIT_HOSTS, FM_TRAIT_SERVICES, FM_TRAIT_SIZES, FM_NTRAITS };
#define FM_KIND_TIMES 8 /* durations, in factors of two */

/* A node of the tree: windows with at most `most` of a trait go to node `under`, others to the one behind it; a leaf,
 * under 0, is a kind. */
struct fm_kind_node {
	uint8_t trait, under, kind;
	uint16_t most;
};
struct fm_window_kinds {
	int n, nnodes; /* n: kinds; 0: nothing was learned, and every window is of kind 0 */
	struct fm_kind_node node[2 * FM_KINDS - 1];
	/* Training windows; 0 where they are fewer than k.  What a table does not tell of a kind is none or k. */
	uint32_t windows[FM_KINDS], of_class[FM_MAXCLASSES][FM_KINDS], of_time[FM_KIND_TIMES][FM_KINDS];
};

/* Targets of the longest sweep of a window, tok (window, FM_NTOK), and *root, the flow that begins it. */
uint32_t fm_longest_sweep(const uint16_t *tok, int window, int *root);
/* What a window's kind is told by. */
void fm_window_traits(const uint16_t *tok, int window, uint16_t trait[FM_NTRAITS]);
/* The kind of a window, below FM_KINDS. */
int fm_window_kind(const struct fm_window_kinds *kinds, const uint16_t *tok, int window);
/* Learn the kinds of e's own windows, and fill in e->kind. */
int fm_window_kinds_learn(struct fm_window_kinds *kinds, struct fm_encoded *e, int window, int min_count,
			  struct fm_error *err) FM_MUST_CHECK;
/* Fill in e->kind. */
int fm_window_kinds_assign(const struct fm_window_kinds *kinds, struct fm_encoded *e, int window,
			   struct fm_error *err) FM_MUST_CHECK;
/* Fill in schedule->kind: as many windows of each kind as there are to be by their classes and durations, at places
 * drawn from the seed. */
int fm_window_kinds_draw(const struct fm_window_kinds *kinds, struct fm_window_schedule *schedule, uint64_t seed,
			 struct fm_error *err) FM_MUST_CHECK;
json_t *fm_window_kinds_json(const struct fm_window_kinds *kinds);
/* FM_EINPUT for anything but a tree and its counts; j NULL: no kinds. */
int fm_window_kinds_from_json(struct fm_window_kinds *kinds, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

#endif
