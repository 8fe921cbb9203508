/* ingest.h - what the files of the first stage share: a trace on its way into the store, and what is said of it. */
#ifndef FM_STAGES_INGEST_H
#define FM_STAGES_INGEST_H

#include "base/log.h"
#include "base/mem.h"
#include "manifests/dialect.h"
#include "stages/stage.h"
#include "traces/doubts.h"
#include "traces/duplicates.h"
#include "traces/left_out.h"
#include "traces/sort.h"
#include "traces/split.h"
#include "traces/text_order.h"
#include "traces/time_order.h"
#include "traces/trace.h"

struct fm_ingest {
	const struct fm_config *cfg;
	struct fm_dialect *dialect;
	size_t window;
	struct fm_table *pending; /* the windows of the block that is being filled */
	uint64_t filled;          /* rows so far that have what their trace lacks */
	struct fm_table_writer *writer[FM_NSPLIT];
	const char *out_dir;
	struct fm_splitter splitter;
	struct fm_sorter *sorter; /* in the second reading of a trace that is not in order */
	bool sorted;
	struct fm_dict unsorted_labels; /* as numbered by the first reading */
	const struct fm_secret *secret; /* privacy.mode dp */
	struct fm_trace_stats st;
	struct fm_progress progress;
	uint64_t rows[FM_NSPLIT], windows, tail_rows;
	uint64_t *train_of; /* (ntrain_of) rows of each label in the training split */
	size_t ntrain_of;
	struct fm_time_order order;
	struct fm_text_order ties;
	struct fm_doubts doubts;
	struct fm_buf quarantine;
	uint64_t quarantined;
	struct fm_left_out left_out;
	struct fm_duplicates duplicates;
	bool drop; /* source.duplicates */
	uint64_t dropped;
};

/* Fill the columns that the dialect says are absent, in the pending rows from `first` on. */
int fm_ingest_absent(struct fm_ingest *g, size_t first, struct fm_error *err) FM_MUST_CHECK;
void fm_ingest_fill(const struct fm_ingest *g, struct fm_ingest_out *out);
/* Warn of labels that no window of the training split holds: no model learns them. */
void fm_ingest_say_untrained(const struct fm_ingest *g, const char *trace);
/* Tell of rows that are earlier than rows before them and stay where they are (traces/time_order.h). */
void fm_ingest_say_fallen(const struct fm_ingest *g, const char *trace);
void fm_ingest_say_duplicates(const struct fm_ingest *g);
void fm_ingest_say(const struct fm_ingest_out *out);
/* store.json (docs/traces.md). */
int fm_ingest_save(const struct fm_ingest *g, const struct fm_ingest_out *out, const char *path,
		   struct fm_error *err) FM_MUST_CHECK;

#endif
