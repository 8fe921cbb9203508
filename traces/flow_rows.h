/*
 * flow_rows.h - flows made of packets or of an exporter's records, as rows of a batch (reader.h).
 *
 *     fm_flow_rows_clear(r);
 *     fm_flow_rows_add(r, &flow, err) or fm_flow_rows_bad(...), in the order of their places
 *     *b = fm_flow_rows_batch(r, end);
 */
#ifndef FM_TRACES_FLOW_ROWS_H
#define FM_TRACES_FLOW_ROWS_H

#include "traces/flow_cache.h"
#include "traces/reader.h"

#define FM_FLOW_ROWS_BAD 256  /* bad rows of a batch */
#define FM_FLOW_ROWS_TEXT 512 /* of a bad one */

struct fm_flow_rows {
	const struct fm_trace_opts *o;
	struct fm_table *chunk;
	uint64_t *place; /* (FM_TRACE_CHUNK) */
	struct fm_trace_bad *bad;
	struct fm_flow_rows_text {
		char reason[128], text[FM_FLOW_ROWS_TEXT + 1];
	} * text; /* (FM_FLOW_ROWS_BAD) behind bad */
	size_t nbad;
	uint64_t good;           /* of all batches */
	uint64_t missing_values; /* of this one */
	/* Values by what packets have, 1 + their index; 0: not in the dictionary yet. */
	uint32_t protocol[256], flags[256], tos[256];
};
/* o gives the dialect, and whether IPv6 is refused; it outlives r. */
int fm_flow_rows_new(struct fm_flow_rows **r, const struct fm_trace_opts *o, struct fm_error *err) FM_MUST_CHECK;
void fm_flow_rows_clear(struct fm_flow_rows *r);
/* Add the flow as a row; as a bad row, with its place, where o has ipv4_only and the flow is IPv6. There must be room
 * for either. */
int fm_flow_rows_add(struct fm_flow_rows *r, const struct fm_packet_flow *f, struct fm_error *err) FM_MUST_CHECK;
void fm_flow_rows_bad(struct fm_flow_rows *r, uint64_t place, const char *reason, const char *text);
/* Add a bad row whose text is the bytes in hexadecimal. */
void fm_flow_rows_bad_bytes(struct fm_flow_rows *r, uint64_t place, const char *reason, const uint8_t *s, size_t n);
struct fm_batch fm_flow_rows_batch(const struct fm_flow_rows *r, bool end);
void fm_flow_rows_free(struct fm_flow_rows *r);

#endif
