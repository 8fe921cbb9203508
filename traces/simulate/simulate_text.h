/*
 * simulate_text.h - private to traces/simulate/: flows as sorted text, and where the text goes.
 */
#ifndef FM_TRACES_SIMULATE_SIMULATE_TEXT_H
#define FM_TRACES_SIMULATE_SIMULATE_TEXT_H

#include "base/error.h"
#include "base/mem.h"
#include "traces/simulate/simulate_world.h"

/* Memory of one thread for one slot; grows to the largest slot. */
struct fm_sim_scratch {
	char *text;
	struct fm_sim_key *key;
	size_t cap; /* rows */
};
/* Append the slot's flows as rows of UGR'16, sorted by second and then, like the data set, by the text after the
 * time. */
int fm_sim_text(const struct fm_sim_slot *s, int64_t start_s, struct fm_sim_scratch *x, struct fm_buf *out,
		struct fm_error *err) FM_MUST_CHECK;
void fm_sim_scratch_free(struct fm_sim_scratch *x);

/* A file written atomically, compressed when its name ends in .gz, .xz or .zst, or "-", standard output. */
struct fm_sim_sink;
int fm_sim_sink_open(struct fm_sim_sink **k, const char *path, struct fm_error *err) FM_MUST_CHECK;
int fm_sim_sink_write(struct fm_sim_sink *k, const void *p, size_t n, struct fm_error *err) FM_MUST_CHECK;
int fm_sim_sink_commit(struct fm_sim_sink *k, struct fm_error *err) FM_MUST_CHECK; /* frees k */
void fm_sim_sink_abort(struct fm_sim_sink *k);                                     /* leaves no file; frees k */

#endif
