/*
 * inputs.h - flows as rows of numbers, for the judges that learn.
 *
 *     struct fm_inputs *f = NULL;
 *     fm_inputs_new(&f, real, real->present & synthetic->present, FM_INPUTS_BYTES, err);
 *     size_t width = fm_inputs_width(f);
 *     fm_inputs_fill(f, synthetic, rows, n, x, err);         x (n, width), row by row
 *
 * The columns, in an order that begins like the reference scorer's feats() without addresses: sp, dp, sp < 1024, dp <
 * 1024, log(1 + td in ms), log(1 + pkt), [log(1 + byt), log(1 + byt / pkt),] [place in time: 0 .. 1 over the real
 * table, perhaps in steps of 1/24,] one column for each of real's protocols (64 at most), [the label's number in real's
 * dictionary,] [forwarding, type of service by number, one column for each TCP flag,] [one column for each of real's 16
 * most frequent ports, of sp and of dp].  Columns in brackets are there when asked for; a feature of a column that
 * `present` lacks is left out.
 */
#ifndef FM_JUDGE_INPUTS_H
#define FM_JUDGE_INPUTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

#define FM_INPUTS_MAX 128 /* no row is wider */
enum fm_inputs_what {
	FM_INPUTS_BYTES = 1,
	FM_INPUTS_TIME = 2,
	FM_INPUTS_LABEL = 4,
	FM_INPUTS_FLAGS = 8,
	FM_INPUTS_PORTS = 16, /* sp and dp themselves are then rounded down to multiples of 1024 from 1024 on */
	/* Time in 24 steps: finer steps would reveal which windows of a trace were held out, and which attack a flow is
	 * part of. */
	FM_INPUTS_COARSE_TIME = 32,
};

struct fm_inputs;

/* real is kept by reference.  present: the columns that all tables to be filled have; what: a sum of the above. */
int fm_inputs_new(struct fm_inputs **f, const struct fm_table *real, unsigned present, unsigned what,
		  struct fm_error *err) FM_MUST_CHECK;
size_t fm_inputs_width(const struct fm_inputs *f); /* 0 when there is no column for a feature */
/* The features of n rows of t, whose categories are matched to real's by value; row NULL: the first n. */
int fm_inputs_fill(const struct fm_inputs *f, const struct fm_table *t, const uint32_t *row, size_t n, float *x,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_inputs_free(struct fm_inputs *f);

/* Standardisation of columns: x becomes (x - mean) / sd, kept within 10. */
struct fm_scale {
	float mean[FM_INPUTS_MAX], sd[FM_INPUTS_MAX];
};
/* Means and deviations of x (n, width); a constant column gets deviation 1. */
void fm_scale_make(struct fm_scale *s, const float *x, size_t n, size_t width);
void fm_scale_apply(const struct fm_scale *s, float *x, size_t n, size_t width); /* in place */

#endif
