/*
 * split.h - which window goes to training, validation or holdout.
 *
 * Windows come in blocks of FM_SPLIT_BLOCK.  How many of a block's windows each split gets follows the chairman
 * assignment (Tijdeman, "The chairman assignment problem", Discrete Mathematics 32, 1980): at every block's end, and at
 * the end of the trace wherever it comes, each split has its share of all windows so far to within one window.  Which
 * windows of the block these are is a random permutation, drawn for (seed, FM_RNG_SPLIT, block), so that the splits are
 * spread evenly over time and a split cannot be foreseen without the seed.
 */
#ifndef FM_TRACES_SPLIT_H
#define FM_TRACES_SPLIT_H

#include <stddef.h>
#include <stdint.h>

enum fm_split { FM_SPLIT_TRAIN, FM_SPLIT_VALIDATION, FM_SPLIT_HOLDOUT, FM_NSPLIT };
#define FM_SPLIT_BLOCK 20
#define FM_SPLIT_FEW 40 /* fewer windows than so many may hold out more than their share */

struct fm_splitter {
	double share[FM_NSPLIT];
	uint64_t count[FM_NSPLIT]; /* windows given so far */
	uint64_t windows, blocks, seed;
};
/* Shares of validation and holdout in [0, 1), their sum below 1; the rest is for training. */
void fm_splitter_init(struct fm_splitter *s, double validation, double holdout, uint64_t seed);
/* The splits of the next n <= FM_SPLIT_BLOCK windows; n is smaller for the last block only. */
void fm_splitter_block(struct fm_splitter *s, size_t n, uint8_t split[FM_SPLIT_BLOCK]);
/* Before the first block of a trace of `windows` windows in all: hold out `least` of them where the share gives fewer,
 * the trace has fewer than FM_SPLIT_FEW, and half as many are left for training; but never more than the share gives
 * just below FM_SPLIT_FEW. */
void fm_splitter_hold(struct fm_splitter *s, uint64_t windows, uint64_t least);
/* How many windows each split has when training first has `train` of them; with `least` as in fm_splitter_hold, 0 for
 * none, in a trace that holds out so many, where there is one. */
void fm_splitter_at(double validation, double holdout, uint64_t least, uint64_t train, uint64_t count[FM_NSPLIT]);
/* How many windows a trace needs so that each split with a share above 0 has at least one. */
uint64_t fm_splitter_needed(double validation, double holdout);
/* What, other than more windows, would give each split at least one of `windows`: ", or raise split.holdout from 0.001
 * to 0.02", or "" where no such share does. Returns out. */
const char *fm_splitter_advice(double validation, double holdout, uint64_t windows, char out[96]);

#endif
