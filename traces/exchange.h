/*
 * exchange.h - which exchange a flow is in, and which split that exchange goes to when no other one may influence it.
 *
 * An exchange is the flows of one unordered 5-tuple (two ends of address and port, protocol by its name) that end in
 * one minute of UTC.  Its split is a keyed hash of these: without the key nobody can foresee it, and one more or less
 * exchange moves no other one.
 */
#ifndef FM_TRACES_EXCHANGE_H
#define FM_TRACES_EXCHANGE_H

#include "base/secret.h"
#include "base/table.h"
#include "traces/split.h"

#define FM_EXCHANGE_MS 60000

/* A number in [0, 1) for the exchange of a row: HMAC-SHA-256 under the key of its ends, slot and protocol. */
int fm_exchange_place(const struct fm_secret *key, const struct fm_table *t, size_t row, double *place,
		      struct fm_error *err) FM_MUST_CHECK;
/* The split of that exchange, for shares of validation and holdout as in split.h. */
int fm_exchange_split_of(const struct fm_secret *key, const struct fm_table *t, size_t row, double validation,
			 double holdout, enum fm_split *split, struct fm_error *err) FM_MUST_CHECK;

#endif
