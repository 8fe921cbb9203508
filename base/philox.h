/*
 * philox.h - Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four
 * words from a counter and a key.  rng.h makes numbers of them; a kernel (kernels.h) makes the words of many counters
 * at once.
 */
#ifndef FM_BASE_PHILOX_H
#define FM_BASE_PHILOX_H

#include <stdint.h>

/* Multipliers and steps of the key: table 2 and section 4.3. */
#define FM_PHILOX_M0 0xD2511F53u
#define FM_PHILOX_M1 0xCD9E8D57u
#define FM_PHILOX_W0 0x9E3779B9u
#define FM_PHILOX_W1 0xBB67AE85u

/* Ten rounds: out[4] from a counter and a key.  Equals the published test vectors. */
void fm_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
