#include "traces/flow_rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "traces/protocol.h"

int fm_flow_rows_new(struct fm_flow_rows **out, const struct fm_trace_opts *o, struct fm_error *err)
{
	struct fm_flow_rows *r;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&r, 1, sizeof *r, "rows of flows", err)) < 0)
		return rc;
	r->o = o;
	if ((rc = fm_table_new(&r->chunk, o->dialect->present, err)) < 0 ||
	    (rc = fm_table_reserve(r->chunk, FM_TRACE_CHUNK, err)) < 0 ||
	    (rc = fm_address_dict_new(&r->chunk->addresses, err)) < 0 ||
	    (rc = fm_alloc(&r->place, FM_TRACE_CHUNK, sizeof *r->place, "places of flows", err)) < 0 ||
	    (rc = fm_alloc(&r->bad, FM_FLOW_ROWS_BAD, sizeof *r->bad, "bad flows", err)) < 0 ||
	    (rc = fm_alloc(&r->text, FM_FLOW_ROWS_BAD, sizeof *r->text, "bad flows", err)) < 0) {
		fm_flow_rows_free(r);
		return rc;
	}
	*out = r;
	return FM_OK;
}

void fm_flow_rows_free(struct fm_flow_rows *r)
{
	if (!r)
		return;
	free(r->place);
	free(r->bad);
	free(r->text);
	fm_table_free(r->chunk);
	free(r);
}

void fm_flow_rows_clear(struct fm_flow_rows *r)
{
	r->chunk->rows = r->nbad = 0;
	r->missing_values = 0;
}

struct fm_batch fm_flow_rows_batch(const struct fm_flow_rows *r, bool end)
{
	return (struct fm_batch){.rows = r->chunk,
				 .place = r->place,
				 .bad = r->bad,
				 .nbad = r->nbad,
				 .missing_values = r->missing_values,
				 .end = end};
}

void fm_flow_rows_bad(struct fm_flow_rows *r, uint64_t place, const char *reason, const char *text)
{
	struct fm_flow_rows_text *t = &r->text[r->nbad];

	snprintf(t->reason, sizeof t->reason, "%s", reason);
	snprintf(t->text, sizeof t->text, "%s", text);
	r->bad[r->nbad++] = (struct fm_trace_bad){.line = place, .reason = t->reason, .text = t->text};
}

void fm_flow_rows_bad_bytes(struct fm_flow_rows *r, uint64_t place, const char *reason, const uint8_t *s, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	char text[FM_FLOW_ROWS_TEXT + 1];
	size_t len = 0;

	for (size_t i = 0; i < n && i < FM_FLOW_ROWS_TEXT / 2; i++) {
		text[len++] = digit[s[i] >> 4];
		text[len++] = digit[s[i] & 15];
	}
	text[len] = 0;
	fm_flow_rows_bad(r, place, reason, text);
}

/* The index of the value for a small number; -1: the dictionary is full. */
static int value_of(struct fm_flow_rows *r, enum fm_col c, uint32_t *known, const char *s, size_t n)
{
	int i;

	if (*known)
		return (int)*known - 1;
	if ((i = fm_dict_index(&r->chunk->dict[c], s, n, true)) >= 0)
		*known = (uint32_t)i + 1;
	return i;
}

static int put_words(struct fm_flow_rows *r, const struct fm_packet_flow *f, struct fm_error *err)
{
	struct fm_table *t = r->chunk;
	char text[64], number[8];
	size_t n = fm_format_u64(f->protocol, number);
	int i;

	if ((i = value_of(r, FM_PR, &r->protocol[f->protocol], text, fm_protocol_name(number, n, text))) < 0)
		goto out;
	t->pr[t->rows] = (uint16_t)i;
	if (FM_HAS(t, FM_FLG)) {
		/* As nfdump writes them: CWR, ECE, Urgent, Ack, Push, Reset, Syn, Fin; six letters, as in UGR'16, where
		 * neither of the first two is set. */
		static const char letter[] = "CEUAPRSF";
		int from = f->flags >> 6 ? 0 : 2;

		for (int k = from; k < 8; k++)
			text[k - from] = f->flags >> (7 - k) & 1 ? letter[k] : '.';
		if ((i = value_of(r, FM_FLG, &r->flags[f->flags], text, (size_t)(8 - from))) < 0)
			goto out;
		t->flg[t->rows] = (uint16_t)i;
	}
	if (FM_HAS(t, FM_STOS)) {
		if ((i = value_of(r, FM_STOS, &r->tos[f->tos], text, fm_format_u64(f->tos, text))) < 0)
			goto out;
		t->stos[t->rows] = (uint16_t)i;
	}
out:
	return i < 0 ? fm_fail(err, FM_ESYSTEM, "out of memory: values of a capture") : FM_OK;
}

static int put_address(struct fm_flow_rows *r, enum fm_col c, const struct fm_address *a, struct fm_error *err)
{
	struct fm_table *t = r->chunk;

	return fm_address_dict_add(t->addresses, a, fm_dialect_is_internal(r->o->dialect, a),
				   &((uint32_t *)t->col[c])[t->rows], err);
}

int fm_flow_rows_add(struct fm_flow_rows *r, const struct fm_packet_flow *f, struct fm_error *err)
{
	struct fm_table *t = r->chunk;
	int64_t start_ms = f->first_us / 1000, end_ms = f->last_us / 1000;
	char text[64];
	uint32_t ip;
	int rc;

	if (r->o->ipv4_only && !fm_address_ipv4(&f->src, &ip)) {
		snprintf(text, sizeof text, "a flow of %llu packets", (unsigned long long)f->packets);
		fm_flow_rows_bad(r, f->place, "sa is an IPv6 address, and privacy.mode dp takes IPv4 alone", text);
		return FM_OK;
	}
	if ((rc = put_address(r, FM_SA, &f->src, err)) < 0 || (rc = put_address(r, FM_DA, &f->dst, err)) < 0 ||
	    (rc = put_words(r, f, err)) < 0)
		return rc;
	t->te[t->rows] = end_ms;
	t->td[t->rows] = (uint32_t)(end_ms - start_ms);
	t->sp[t->rows] = f->sp;
	t->dp[t->rows] = f->dp;
	t->pkt[t->rows] = f->packets;
	t->byt[t->rows] = f->bytes;
	r->place[t->rows++] = f->place;
	r->good++;
	return FM_OK;
}
