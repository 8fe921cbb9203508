/*
 * text_order.h - traces whose rows with equal times are in the order of their text, as after sort -u (UGR'16): then the
 * order within a time does not say what happened first.
 *
 * The text is that of td, sa, da, sp and dp as UGR'16 writes them. Ingest looks for such an order and records it
 * (store.json, "ties"); the generate stage puts flows of a model of such a trace into that order again.
 */
#ifndef FM_TRACES_TEXT_ORDER_H
#define FM_TRACES_TEXT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"

#define FM_TEXT_ORDER_MAX 112 /* bytes of such a text with its NUL: five fields, two of them IPv6 */

struct fm_text_order {
	uint64_t same, wrong; /* neighbouring rows with the same time; those not in order */
	bool begun;
	int64_t te; /* of the last row */
	char last[FM_TEXT_ORDER_MAX];
};
/* Look at the rows [first, t->rows) that follow those looked at before, up to a million pairs. o is zero-initialised.
 */
void fm_text_order_look(struct fm_text_order *o, const struct fm_table *t, size_t first);
/* Are rows with the same time in the order of their text? All but one pair in a thousand must be, and there must be a
 * hundred pairs. */
bool fm_text_order_found(const struct fm_text_order *o);
/* For rows i and j with the same te: below 0 where i comes first in the order of their text, and then of the columns
 * that follow it in UGR'16 (pr, flg, fwd, stos, pkt, byt, label). */
int fm_text_order_compare(const struct fm_table *t, size_t i, size_t j);
/* Sort a table in memory by te, rows with the same te by their text, the rest as they stood. */
int fm_text_order_sort(struct fm_table *t, struct fm_error *err) FM_MUST_CHECK;

#endif
