/*
 * left_out.h - the rows of a trace that could not be read, by reason: what the log, store.json and the data sheet say
 * of them. A reason names column and kind of fault, never a value (row.h).
 */
#ifndef FM_TRACES_LEFT_OUT_H
#define FM_TRACES_LEFT_OUT_H

#include <jansson.h>
#include <stddef.h>

#include "traces/doubts.h"

#define FM_LEFT_OUT_KINDS 12

/* Zero-initialised is empty. */
struct fm_left_out {
	struct {
		char reason[256];
		struct fm_examples rows;
	} kind[FM_LEFT_OUT_KINDS]; /* in the order of their first rows */
	size_t n;
	const char *place;         /* what the places of rows count; NULL: lines */
	struct fm_examples others; /* rows with other reasons, when all kinds are taken */
};
void fm_left_out_add(struct fm_left_out *l, const char *reason, uint64_t line);
/* Rows whose lines are not known. */
void fm_left_out_rows(struct fm_left_out *l, const char *reason, uint64_t rows);
/* A warning for each reason. */
void fm_left_out_say(const struct fm_left_out *l, const char *path);
/* How many texts fm_left_out_public can give. */
size_t fm_left_out_texts(void);
/* The reason as it may be published, without the remedy after it: only texts of this version, whoever wrote the reason;
 * "other reasons" for anything else.  Text of this program, or column and text in buf. */
const char *fm_left_out_public(const char *reason, char buf[128]);
/* [{"reason", "rows", "lines": [...]}, ...]; NULL without memory. */
json_t *fm_left_out_json(const struct fm_left_out *l);

#endif
