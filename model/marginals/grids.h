/*
 * grids.h - the public grids on which values of flows are counted: nothing in them comes from data.
 *
 * A log-linear grid of 2^k steps per octave, exact below 2^k (as in HdrHistogram): the leaf of a value is a function of
 * its leading bits.  Each kind of value has fine leaves, which are counted once by themselves, and coarse cells, unions
 * of leaves.
 */
#ifndef FM_MODEL_MARGINALS_GRIDS_H
#define FM_MODEL_MARGINALS_GRIDS_H

#include <stdint.h>

/* Log-linear: the cell of v for 2^k steps per octave; the first value and the width of a cell. */
uint32_t fm_octave_cell(uint64_t v, unsigned k);
uint64_t fm_octave_first(uint32_t cell, unsigned k);
uint64_t fm_octave_width(uint32_t cell, unsigned k);

/* Durations in ms: exact to the millisecond below 1,024, then 64 steps per octave; coarse: 4 steps per octave. */
#define FM_DURATION_LEAVES 2432
#define FM_DURATION_COARSE 128
uint32_t fm_duration_leaf(uint32_t td);
uint32_t fm_duration_coarse(uint32_t leaf);
void fm_duration_range(uint32_t leaf, uint64_t *first, uint64_t *width);

/* Sizes: packets and bytes of a flow at once.  Packets exact to 32, then 8 steps per octave; bytes exact below 2,048
 * and 64 steps per octave above for up to 32 packets, 16 steps per octave for more.  Coarse: steps of packets (rows) by
 * steps of bytes per packet (columns). */
#define FM_SIZE_LEAVES (32 * 3392 + 216 * 640)
#define FM_SIZE_ROWS 41
#define FM_SIZE_COLUMNS 25
#define FM_SIZE_COARSE (FM_SIZE_ROWS * FM_SIZE_COLUMNS)
uint32_t fm_size_leaf(uint32_t pkt, uint64_t byt);
uint32_t fm_size_coarse(uint32_t leaf);
void fm_size_range(uint32_t leaf, uint64_t *pkt, uint64_t *npkt, uint64_t *byt, uint64_t *nbyt);

/* Ports: leaves are ports; coarse: ranges of a service's ports (widening), and of a client's (1,024 each). */
#define FM_PORTS 65536
#define FM_SERVICE_RANGES 10
#define FM_CLIENT_RANGES 65
uint32_t fm_service_range(uint32_t port);
uint32_t fm_client_range(uint32_t port); /* ranges: 0, 1 ... 1023, 1024 ... 2047, ... */

/* Seconds between two flows of an exchange, -59 to 59: 0, 1, 2, 3-4, 5-8, 9-16, 17-32, 33-59 either way. */
#define FM_GAPS 15
uint32_t fm_gap_cell(int seconds);
void fm_gap_range(uint32_t cell, int *first, int *last);

#endif
