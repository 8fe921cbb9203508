/*
 * rng.h - counter-based random numbers: Philox4x32-10 (philox.h).  A value is a function of (seed, stage, row, step,
 * index): never of a thread, never of what was drawn before elsewhere.  Not for secrets: keys and DP noise come from
 * the system's and OpenSSL's generators.
 *
 *     struct fm_rng r;
 *     fm_rng_init(&r, seed, FM_RNG_SAMPLE, row, step);
 *     float u = fm_rng_uniform(&r);
 */
#ifndef FM_BASE_RNG_H
#define FM_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Streams: one for each use, so that two uses never share numbers. */
enum fm_rng_stream {
	FM_RNG_SPLIT = 1,
	FM_RNG_INIT = 2,
	FM_RNG_BATCH = 3,
	FM_RNG_NOISE = 4,
	FM_RNG_SAMPLE = 5,
	FM_RNG_DECODE = 6,
	FM_RNG_SIMULATE = 7,
	FM_RNG_JUDGE = 8,
	FM_RNG_SCHEDULE = 9,
	FM_RNG_KIND = 10,
	FM_RNG_SHARD = 20,
};

struct fm_rng {
	uint32_t key[2];
	uint32_t counter[4];
	uint32_t block[4];
	unsigned used; /* words of block already given out */
};

/* Key (seed) and counter (0, step, row, stream): 2^32 blocks of four words for each (seed, stream, row, step).  The two
 * words of seed are the key; row's high half is folded into the stream's word. */
void fm_rng_init(struct fm_rng *r, uint64_t seed, enum fm_rng_stream stream, uint64_t row, uint32_t step);
uint32_t fm_rng_u32(struct fm_rng *r);
uint64_t fm_rng_u64(struct fm_rng *r);
void fm_rng_fill(struct fm_rng *r, uint32_t *x, size_t n); /* what n calls of fm_rng_u32 return */
float fm_rng_uniform(struct fm_rng *r);                    /* [0,1), 24 bits */
double fm_rng_uniform53(struct fm_rng *r);                 /* [0,1), 53 bits */
uint32_t fm_rng_below(struct fm_rng *r, uint32_t n);       /* [0,n) without bias (Lemire 2019); n > 0 */
void fm_rng_shuffle(struct fm_rng *r, uint32_t *a,
		    size_t n); /* a random order, all equally likely (Fisher, Yates 1938; Durstenfeld 1964); n < 2^32 */

#endif
