/*
 * ranks.h - processes that work on one computation, each on its share, and hand each other what they made.
 *
 *     fm_ranks_new(&r, 4, room, err);            before the fork: memory that all four will see
 *     fm_ranks_fork(r, err);                     this process is rank 0 from here on, its children are 1, 2, 3
 *     fm_ranks_room(r, &x, n, sizeof *x, ...)    the same array in all of them
 *     fm_ranks_share(r, step, parcel, n, err)    each has what the others made, or all fail
 *
 * All ranks make the same calls in the same order.  NULL stands for one process alone: it is rank 0 of 1.
 *
 * Children of one process see one piece of shared memory, so that sharing is a barrier.  Ranks that are not children of
 * one process (fm_ranks_relayed) have a piece each, and a process that is told of each share carries the parcels
 * between the pieces (pipeline/world.h): a rank itself sees its own memory and nothing else in either case.
 *
 * What is shared lies there until the process ends, and no file has it.  Not thread-safe: one thread of a rank calls.
 */
#ifndef FM_BASE_RANKS_H
#define FM_BASE_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FM_RANKS_MOST 64
#define FM_RANKS_ALL (-1)
#define FM_PARCELS_MOST 8192

/* Bytes in a room that rank `from` made, for rank `to` or for all. */
struct fm_parcel {
	void *at;
	size_t bytes;
	int from, to;
};

struct fm_ranks;
/* 2 to FM_RANKS_MOST ranks that share `room` bytes, of which only what is used is taken. */
int fm_ranks_new(struct fm_ranks **r, int size, uint64_t room, struct fm_error *err) FM_MUST_CHECK;
/* For rank `rank` of ranks that share no memory. */
int fm_ranks_relayed(struct fm_ranks **r, int rank, int size, uint64_t room, struct fm_error *err) FM_MUST_CHECK;
/* Start the other ranks, which go on from here.  They end when rank 0 does. */
int fm_ranks_fork(struct fm_ranks *r, struct fm_error *err) FM_MUST_CHECK;
/* Call it before the fork: rank 0 fails when another rank keeps it waiting for longer than this, and says which; the
 * others wait twice as long. 0: for ever, as without this call. */
void fm_ranks_set_patience(struct fm_ranks *r, unsigned seconds);
void fm_ranks_free(struct fm_ranks *r); /* in the process that made them; the memory is wiped by the kernel */

int fm_ranks_size(const struct fm_ranks *r);
int fm_ranks_rank(const struct fm_ranks *r);
bool fm_ranks_forked(const struct fm_ranks *r); /* are the ranks processes of one machine? */
/* Rank `rank` of `size` has [*from, *to) of n. */
void fm_ranks_range(int rank, int size, size_t n, size_t *from, size_t *to);

/* Zeros, at the same place of the room in each rank.  FM_ESYSTEM when the room is full. */
int fm_ranks_room(struct fm_ranks *r, void *out, size_t n, size_t size, const char *what,
		  struct fm_error *err) FM_MUST_CHECK;
/* Returns when all ranks are here, with the parcels for this one in place.  The list may be the whole or what is from
 * or for this rank.  at: where the rank stands, the same for all or FM_ESYSTEM.  Also FM_ESYSTEM when a rank failed or
 * is gone; the message is then the same for all. */
int fm_ranks_share(struct fm_ranks *r, uint64_t at, const struct fm_parcel *parcel, size_t n,
		   struct fm_error *err) FM_MUST_CHECK;
/* Was rank 0 told to stop (interrupt.h) before the last share?  The same for all. */
bool fm_ranks_stopped(const struct fm_ranks *r);
/* This rank cannot go on: the others fail with these words. */
void fm_ranks_fail(struct fm_ranks *r, const char *why);
bool fm_ranks_failed(const struct fm_ranks *r);

/* ---- who carries parcels between ranks that share no memory; it does not trust them ---- */

/* Has this rank waited too long?  waited: seconds, the last of them for rank `other`.  If so, it fails. */
bool fm_ranks_stalled(struct fm_ranks *r, double waited, int other);
/* 1: the rank waits for *n parcels, which were checked to lie in its room and to name existing ranks; 0: not within ms;
 * FM_EVERDICT: it asks for something else. */
int fm_ranks_asked(struct fm_ranks *r, int ms, struct fm_parcel *parcel, size_t *n, struct fm_error *err) FM_MUST_CHECK;
void fm_ranks_answer(struct fm_ranks *r);

#endif
