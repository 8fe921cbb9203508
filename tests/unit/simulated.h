/*
 * simulated.h - simulated labelled flows for the judges that learn: one trace dealt out to three tables in turns of 64
 * rows, so that each is as good as the others.
 */
#ifndef FM_TEST_SIMULATED_H
#define FM_TEST_SIMULATED_H

#include "judge_fixture.h"

#include "base/rows.h"
#include "tests/unit/scratch.h"
#include "traces/simulate/simulate.h"

enum { DEALT = 3, TURN = 64 };

/* t[0 .. 2] of about rows / 3 rows each; attacks: share of labelled attack flows, negative: none. */
static inline void deal(struct fm_table *t[DEALT], uint64_t rows, double attacks)
{
	const char *path = scratch_path("trace.csv");
	struct fm_simulate_in in = {
	    .rows = rows, .seed = 11, .out = path, .hours = 2, .attacks = attacks, .threads = 1};
	struct fm_dialect *dialect = NULL;
	struct fm_table *all = NULL;
	struct fm_trace_stats stats;
	struct fm_simulate_out out;
	struct fm_error err = {0};
	uint32_t *row = calloc(rows, sizeof *row);

	OK(fm_simulate(&in, &out, &err));
	OK(fm_dialect_load(&dialect, "ugr16", &err));
	struct fm_trace_opts o = {.path = path, .dialect = dialect};
	OK(fm_trace_load(&all, &o, 0.0, &stats, &err));
	for (size_t k = 0; k < DEALT; k++) {
		size_t n = 0;
		for (size_t i = 0; i < all->rows; i++)
			if (i / TURN % DEALT == k)
				row[n++] = (uint32_t)i;
		OK(fm_table_take(&t[k], all, row, n, &err));
	}
	free(row);
	fm_table_free(all);
	fm_dialect_free(dialect);
}

static inline void free_dealt(struct fm_table *t[DEALT])
{
	for (size_t k = 0; k < DEALT; k++)
		fm_table_free(t[k]);
}

/* Shuffle one column of t. */
static inline void shuffle_column(struct fm_table *t, enum fm_col c, uint64_t seed)
{
	char *v = t->col[c], save[8];
	size_t w = fm_cols[c].width;
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_JUDGE, (uint64_t)c, 99);
	for (size_t i = t->rows; i > 1; i--) {
		size_t j = fm_rng_below(&r, (uint32_t)i);
		memcpy(save, v + j * w, w);
		memcpy(v + j * w, v + (i - 1) * w, w);
		memcpy(v + (i - 1) * w, save, w);
	}
}

#endif
