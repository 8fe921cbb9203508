/*
 * sessions.h - flows cut into NetShare's sessions (Yin et al. 2022, 4.1): the records of one 5-tuple in one of M chunks
 * of equal time, in the order of time.  A session with more than the most records goes on as another session of the
 * chunk, so that no record is lost.
 */
#ifndef FM_MODEL_NETSHARE_SESSIONS_H
#define FM_MODEL_NETSHARE_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"

#define FM_CHUNKS_MOST 64

struct fm_session {
	uint32_t first, n; /* its records are order[first .. first + n) */
	uint64_t present;  /* bit c: the 5-tuple has records in chunk c */
	uint16_t chunk;
	bool starts; /* the 5-tuple has no record in an earlier chunk */
};
struct fm_sessions {
	struct fm_session *session;       /* in the order of chunks */
	size_t n, at[FM_CHUNKS_MOST + 1]; /* those of chunk c are [at[c], at[c + 1]) */
	uint32_t *order;                  /* (rows) of the table */
	double flows_each, crossing;      /* of 5-tuples: mean number of flows; share with records in several chunks */
};
int fm_sessions_cut(struct fm_sessions *s, const struct fm_table *t, int chunks, int most, int64_t first_ms,
		    int64_t last_ms, struct fm_error *err) FM_MUST_CHECK;
void fm_sessions_close(struct fm_sessions *s);

/* Where chunk c begins, in milliseconds from first_ms; c == chunks: where the last one ends. */
double fm_chunk_begin(int c, int chunks, int64_t first_ms, int64_t last_ms);

#endif
