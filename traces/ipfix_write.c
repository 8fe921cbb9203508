/* ipfix_write.c - the flow table as a file of IPFIX messages (RFC 5655), through libfixbuf. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "traces/flags.h"
#include "traces/ipfix.h"
#include "traces/protocol.h"
#include "traces/trace.h"

#define OUR_V4 256 /* templates of the file */
#define OUR_V6 257
#define OURS 999 /* libfixbuf's number for the struct below; not in the file */

struct record {
	uint64_t start_ms, end_ms, bytes, packets;
	uint32_t src4, dst4;
	struct fm_address src6, dst6;
	uint16_t sp, dp, flags;
	uint8_t protocol, tos;
};
enum { V4 = 1, V6 = 2 };
/* In the order of struct record; flags: the templates of the file that have it, 0 both. */
static fbInfoElementSpec_t elements[] = {{"flowStartMilliseconds", 8, 0}, {"flowEndMilliseconds", 8, 0},
					 {"octetDeltaCount", 8, 0},       {"packetDeltaCount", 8, 0},
					 {"sourceIPv4Address", 4, V4},    {"destinationIPv4Address", 4, V4},
					 {"sourceIPv6Address", 16, V6},   {"destinationIPv6Address", 16, V6},
					 {"sourceTransportPort", 2, 0},   {"destinationTransportPort", 2, 0},
					 {"tcpControlBits", 2, 0},        {"protocolIdentifier", 1, 0},
					 {"ipClassOfService", 1, 0},      FB_IESPEC_NULL};

struct writer {
	const struct fm_table *t;
	uint64_t sampling;
	struct fm_out *out;
	fbInfoModel_t *model;
	fbExporter_t *exporter;
	fBuf_t *fbuf;
	uint8_t message[FM_IPFIX_DATAGRAM];
	int16_t protocol[FM_DICT_MAX]; /* by number of the value; -1: it has none */
	uint8_t flags[FM_DICT_MAX], tos[FM_DICT_MAX];
	uint32_t exported_s; /* of all messages: after the last flow */
};

static void find_values(struct writer *w)
{
	const struct fm_dict *d = w->t->dict;
	uint64_t last_ms = 0;

	for (size_t i = 0; FM_HAS(w->t, FM_PR) && i < d[FM_PR].n; i++)
		w->protocol[i] = (int16_t)fm_protocol_number(d[FM_PR].value[i], strlen(d[FM_PR].value[i]));
	if (FM_HAS(w->t, FM_FLG))
		fm_flags_of_words(&d[FM_FLG], w->flags);
	for (size_t i = 0; FM_HAS(w->t, FM_STOS) && i < d[FM_STOS].n; i++) {
		int tos = fm_tos_of(d[FM_STOS].value[i]);

		w->tos[i] = tos > 0 ? (uint8_t)tos : 0;
	}
	for (size_t i = 0; i < w->t->rows; i++)
		if (w->t->te[i] > 0 && (uint64_t)w->t->te[i] > last_ms)
			last_ms = (uint64_t)w->t->te[i];
	last_ms = last_ms / 1000 + 1;
	w->exported_s = last_ms < UINT32_MAX ? (uint32_t)last_ms : UINT32_MAX;
}

static int set_up(struct writer *w, struct fm_error *err)
{
	fbSession_t *session;
	GError *why = NULL;

	w->model = fm_ipfix_model();
	session = fbSessionAlloc(w->model);
	w->exporter = fbExporterAllocBuffer(w->message, sizeof w->message);
	w->fbuf = fBufAllocForExport(session, w->exporter);
	fBufSetExportTime(w->fbuf, w->exported_s);
	for (int k = 0; k < 3; k++) {
		static const uint16_t id[] = {OUR_V4, OUR_V6, OURS};
		static const uint32_t flags[] = {V4, V6, 0};
		fbTemplate_t *t = fbTemplateAlloc(w->model);

		if (!fbTemplateAppendSpecArray(t, elements, k == 2 ? V4 | V6 : flags[k], &why) ||
		    !fbSessionAddTemplate(session, k == 2, id[k], t, &why))
			return fm_ipfix_fail("a template of IPFIX", &why, err);
	}
	/* Only now: before, the first template would end a message that has not begun. From here on we handle a full
	 * message. */
	fBufSetAutomaticMode(w->fbuf, FALSE);
	if (!fBufSetInternalTemplate(w->fbuf, OURS, &why))
		return fm_ipfix_fail("a template of IPFIX", &why, err);
	return FM_OK;
}

static int emit(struct writer *w, struct fm_error *err)
{
	GError *why = NULL;

	if (!fBufEmit(w->fbuf, &why))
		return fm_ipfix_fail("a message of IPFIX", &why, err);
	return fm_out_write(w->out, w->message, fbExporterGetMsgLen(w->exporter), err);
}

static int record_of(const struct writer *w, size_t i, struct record *r, struct fm_error *err)
{
	const struct fm_table *t = w->t;
	struct fm_address src = fm_table_address(t, t->sa[i]), dst = fm_table_address(t, t->da[i]);
	uint64_t lasts = FM_HAS(t, FM_TD) ? t->td[i] : 0;
	int protocol = FM_HAS(t, FM_PR) ? w->protocol[t->pr[i]] : 0;

	if (protocol < 0)
		return fm_fail(err, FM_EINPUT,
			       "row %zu: its protocol has no number in IANA's registry, and IPFIX has no names: set "
			       "publish.dialect to another one",
			       i + 1);
	*r = (struct record){.end_ms = (uint64_t)t->te[i],
			     .bytes = fm_trace_sampled(t->byt[i], w->sampling),
			     .packets = fm_trace_sampled(t->pkt[i], w->sampling),
			     .src6 = src,
			     .dst6 = dst,
			     .sp = t->sp[i],
			     .dp = t->dp[i],
			     .flags = FM_HAS(t, FM_FLG) ? w->flags[t->flg[i]] : 0,
			     .protocol = (uint8_t)protocol,
			     .tos = FM_HAS(t, FM_STOS) ? w->tos[t->stos[i]] : 0};
	r->start_ms = r->end_ms > lasts ? r->end_ms - lasts : 0;
	fm_address_ipv4(&src, &r->src4);
	fm_address_ipv4(&dst, &r->dst4);
	return FM_OK;
}

static int add_row(struct writer *w, size_t i, struct fm_error *err)
{
	struct record r;
	GError *why = NULL;
	bool v6;
	int rc;

	if ((rc = record_of(w, i, &r, err)) < 0)
		return rc;
	v6 = fm_address_is_ipv6(&r.src6) || fm_address_is_ipv6(&r.dst6);
	for (int pass = 0; pass < 2; pass++) {
		if (!fBufSetExportTemplate(w->fbuf, v6 ? OUR_V6 : OUR_V4, &why))
			return fm_ipfix_fail("a template of IPFIX", &why, err);
		if (fBufAppend(w->fbuf, (uint8_t *)&r, sizeof r, &why))
			return FM_OK;
		if (pass || !g_error_matches(why, FB_ERROR_DOMAIN, FB_ERROR_EOM))
			break;
		g_clear_error(&why);
		if ((rc = emit(w, err)) < 0)
			return rc;
	}
	return fm_ipfix_fail("a record of IPFIX", &why, err);
}

int fm_ipfix_write(const struct fm_table *t, uint64_t sampling, const char *path, struct fm_error *err)
{
	struct writer *w = NULL;
	int rc;

	if ((rc = fm_alloc(&w, 1, sizeof *w, "a writer of IPFIX", err)) < 0)
		return rc;
	w->t = t;
	w->sampling = sampling;
	find_values(w);
	if ((rc = fm_out_open(&w->out, path, 0644, err)) < 0 || (rc = set_up(w, err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		if ((rc = add_row(w, i, err)) < 0)
			goto out;
	if ((rc = emit(w, err)) < 0)
		goto out;
	rc = fm_out_commit(w->out, err);
	w->out = NULL;
out:
	if (w->out)
		fm_out_abort(w->out);
	if (w->fbuf)
		fBufFree(w->fbuf);
	if (w->model)
		fbInfoModelFree(w->model);
	free(w);
	return rc;
}
