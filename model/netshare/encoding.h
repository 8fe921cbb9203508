/*
 * encoding.h - a session as NetShare's vectors (Yin et al. 2022, 4.2), and back.
 *
 *     attributes  32 bits of each address, a choice of two each; source port, destination port and protocol as vectors
 *                 (words.h); whether the 5-tuple starts in this chunk, and for each chunk whether it is there, a choice
 *                 of two each; when the first record ends, as a share of the chunk
 *     record      the time since the previous record, as a share of the chunk's largest; log(1 + x) of duration,
 *                 packets and bytes as a share of the largest; each category (label, flags, forwarding, type of
 *                 service) as one choice; whether another record follows
 *
 * A largest number is one that k records reach, so that no number of a single flow is in the model.  What a column is
 * and how it comes back into a table: model/rows/columns.h.
 */
#ifndef FM_MODEL_NETSHARE_ENCODING_H
#define FM_MODEL_NETSHARE_ENCODING_H

#include "model/netshare/sessions.h"
#include "model/netshare/words.h"
#include "model/nn/heads.h"
#include "model/rows/columns.h"

struct fm_share_column {
	double most; /* of a number: the largest */
	int at;      /* place in the attributes or in a record; for te: the start, in the attributes */
	bool attribute;
};
struct fm_share_chunk {
	/* Training counts, 0 where they are below k; starting: sessions whose 5-tuples begin there. */
	double starting, sessions, flows;
	double gap; /* the largest time between records, ms; of all chunks where this one has fewer than k */
	/* Of the starting ones: those whose 5-tuples are in any later chunk too, and in that one.  0: fewer than k are;
	 * such later chunks have `rest` together, at least k, and are taken to have the same each. */
	double lasting, go_on[FM_CHUNKS_MOST], rest;
};
struct fm_share_codec {
	struct fm_row_columns flows;
	struct fm_share_column column[FM_ROW_COLUMNS]; /* (flows.n) */
	struct fm_words words;
	int chunks, most, each, steps; /* most records of a session; records of a step; steps of a session */
	struct fm_share_chunk chunk[FM_CHUNKS_MOST];
	int attributes, record; /* lengths of the vectors */
	int starts, present;    /* where the tags are in the attributes */
	int follows;            /* its place in a record; the time since the previous one is at 0 */
	struct fm_head attribute_head[FM_ROW_COLUMNS + FM_CHUNKS_MOST + 8], record_head[FM_ROW_COLUMNS];
	int nattribute_heads, nrecord_heads;
};

struct fm_share_opts {
	int chunks, most, each;
	int min_count;                     /* records that a value of a category needs */
	int k;                             /* records that anything else needs to be kept */
	uint64_t seed;                     /* of the skip-gram */
	const struct fm_sentence *publics; /* flows that the vectors are learned from; NULL: from the table */
	size_t npublics;
};
/* Learn a codec and cut the table's flows into sessions.  Fails as fm_row_columns_choose and fm_words_fit do, and with
 * FM_EINPUT where fewer than k sessions start in each chunk. */
int fm_share_codec_fit(struct fm_share_codec **c, struct fm_sessions *s, const struct fm_table *t,
		       const struct fm_share_opts *o, struct fm_error *err) FM_MUST_CHECK;
void fm_share_codec_free(struct fm_share_codec *c);

/* How many of the training sessions that start in a chunk go on in a later one, as the model knows it. */
double fm_share_going_on(const struct fm_share_codec *c, int chunk, int later);

/* The vectors of a session: attributes (c->attributes) and records (c->steps * c->each * c->record). */
void fm_share_vectors(const struct fm_share_codec *c, const struct fm_table *t, const struct fm_sessions *s,
		      const struct fm_session *session, float *attributes, float *records);

/* Does a made session's 5-tuple start in its chunk, by its attributes? */
bool fm_share_starts(const struct fm_share_codec *c, const float *attributes);
bool fm_share_present(const struct fm_share_codec *c, const float *attributes, int chunk);
/* Where the vector of a port or the protocol is in the attributes; -1: there is none. */
int fm_share_word(const struct fm_share_codec *c, enum fm_col col);
/* Where the time of the start is in the attributes. */
int fm_share_start(const struct fm_share_codec *c);
struct fm_share_made {
	int chunk;
	const float *attributes, *records; /* as fm_share_vectors has them */
	const int *said;                   /* sp, dp and the index of the protocol */
};
/* Write its records into rows of a table of fm_row_table_new, from row `at`: at most `room`, and none that ends after
 * its chunk or follows the last.  Returns their number.  sa and da are raw numbers. */
int fm_share_decode(const struct fm_share_codec *c, const struct fm_share_made *m, struct fm_table *t, size_t at,
		    int room);

/* The codec without the vectors of its words, but with their number. */
json_t *fm_share_codec_json(const struct fm_share_codec *c);
int fm_share_codec_from_json(struct fm_share_codec **c, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

#endif
