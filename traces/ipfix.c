/*
 * ipfix.c - a file of IPFIX messages (RFC 5655) as batches of flows (reader.h), through libfixbuf.
 *
 * The messages are cut out of the source here, so that damage has an offset, and handed to libfixbuf one by one. What
 * it only warns of is caught here: it skips sets without a template and templates that it cannot read. It would also
 * read records of zero bytes for ever, so templates for such records are refused.
 */
#include "traces/ipfix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "traces/capture.h"
#include "traces/file_order.h"
#include "traces/files.h"
#include "traces/flow_rows.h"
#include "traces/ipfix_rates.h"
#include "traces/ipfix_record.h"
#include "traces/reader.h"
#include "traces/source.h"

#define DOMAINS_MAX 256
#define FAULT_MAX 128
#define INTERNAL 999 /* our template's number; one's own are apart from those of the file */

struct domain {
	uint32_t id, sequence; /* of the next message */
	uint64_t init_ms;      /* when the exporter began, or 0 */
	bool begun;
};
struct fm_reader {
	struct fm_trace_opts own; /* those of the caller, with the file that is being read */
	const struct fm_trace_opts *o;
	struct fm_file_order files;
	uint64_t consumed_before, bytes;
	struct fm_source *source;
	const char *left; /* of the source's last block, nleft bytes that no message has */
	size_t nleft;
	uint64_t at, message_at; /* bytes of this file before the next byte, and before the message */
	uint8_t *message;        /* (FM_IPFIX_MESSAGE) */
	bool in_message, open_end;
	fbInfoModel_t *model;
	fBuf_t *fbuf; /* of this file, with its templates */
	struct domain domain[DOMAINS_MAX], *here;
	size_t ndomains;
	uint32_t exported_s;
	uint64_t records, records_before; /* so far; in the files before */
	uint64_t other, lost;             /* records of no flow; records that are missing in the file */
	struct fm_ipfix_rates rates;      /* of this file */
	uint64_t multiplied, unsure;      /* records of sampled packets; those whose rate is not clear */
	struct fm_ipfix_rate first_rate;  /* the rate of the first record that was multiplied */
	bool many_rates;
	struct fm_packet_flow held; /* the other way of the last record */
	bool holds;
	struct fm_flow_rows *rows;
};
/* A template of the file. */
struct shape {
	uint64_t has;
	char fault[FAULT_MAX]; /* why its records cannot be read, or "" */
};

static const struct element {
	const char *name;
	uint16_t size;
} elements[] = {
#define ELEMENT(name, type) {#name, sizeof(type)},
    FM_IPFIX_ELEMENTS(ELEMENT)};

/* ---- what libfixbuf only warns of ---- */

static _Thread_local struct {
	unsigned skipped; /* sets without a template before them */
	char damage[FAULT_MAX];
} said;

static void on_log(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
	(void)domain;
	(void)level;
	(void)data;
	if (strncmp(text, "Skipping set", 12) == 0)
		said.skipped++;
	else if (!strstr(text, "out of sequence") && !said.damage[0])
		snprintf(said.damage, sizeof said.damage, "%s", text);
}

/* ---- templates ---- */

static void free_shape(void *shape, void *ctx)
{
	(void)ctx;
	free(shape);
}

/* Whole numbers may be shorter than their type (RFC 7011, 6.2), times and addresses may not. */
static bool fits(const char *name, uint16_t size, uint16_t len)
{
	bool fixed = size == sizeof(struct fm_address) || strstr(name, "IPv4Address") || strstr(name, "Milliseconds") ||
		     strstr(name, "Microseconds") || strstr(name, "Nanoseconds") || strstr(name, "Seconds");

	if (strstr(name, "Duration") || strstr(name, "Delta"))
		fixed = false;
	return fixed ? len == size : len >= 1 && len <= size;
}

static void on_template(fbSession_t *session, uint16_t id, fbTemplate_t *t, void *ctx, void **to,
			fbTemplateCtxFree_fn *free_to)
{
	uint32_t n = fbTemplateCountElements(t), bytes = 0;
	struct shape *s = calloc(1, sizeof *s);

	(void)session;
	(void)ctx;
	*to = s;
	*free_to = free_shape;
	for (uint32_t i = 0; s && i < n; i++) {
		const fbInfoElement_t *e = fbTemplateGetIndexedIE(t, i);
		const char *name = e->ref.canon && e->ref.canon->ref.name ? e->ref.canon->ref.name : "";

		bytes += e->len;
		for (int k = 0; k < FM_IPFIX_NELEMENTS; k++) {
			if (strcmp(elements[k].name, name) != 0)
				continue;
			s->has |= UINT64_C(1) << k;
			if (!fits(name, elements[k].size, e->len))
				snprintf(s->fault, sizeof s->fault, "template %u says that %s has %u bytes", id, name,
					 e->len);
		}
	}
	if (s && !bytes)
		snprintf(s->fault, sizeof s->fault, n ? "template %u has no bytes" : "template %u was withdrawn", id);
}

static int open_session(struct fm_reader *r, struct fm_error *err)
{
	fbSession_t *session = fbSessionAlloc(r->model);
	fbTemplate_t *t = fbTemplateAlloc(r->model);
	GError *why = NULL;

	g_log_set_default_handler(on_log, NULL);
	r->fbuf = fBufAllocForCollection(session, NULL);
	fBufSetAutomaticMode(r->fbuf, FALSE);
	fbSessionAddNewTemplateCallback(session, on_template, NULL);
	for (int k = 0; k < FM_IPFIX_NELEMENTS; k++) {
		fbInfoElementSpec_t spec = {(char *)elements[k].name, elements[k].size, 0};

		if (!fbTemplateAppendSpec(t, &spec, 0, &why)) {
			fbTemplateFreeUnused(t);
			return fm_ipfix_fail("an element of IPFIX", &why, err);
		}
	}
	if (!fbSessionAddTemplate(session, TRUE, INTERNAL, t, &why) ||
	    !fBufSetInternalTemplate(r->fbuf, INTERNAL, &why))
		return fm_ipfix_fail("a template of IPFIX", &why, err);
	return FM_OK;
}

/* ---- messages ---- */

static int damaged(const struct fm_reader *r, const char *why, struct fm_error *err)
{
	return fm_fail(err, FM_EINPUT,
		       "%s: message at byte %llu, after record %llu: %s: the file is cut off or damaged; fetch it "
		       "again",
		       r->o->path, (unsigned long long)r->message_at,
		       (unsigned long long)(r->records - r->records_before), why);
}

/* n bytes of the file; *got: fewer where it ends. */
static int take(struct fm_reader *r, uint8_t *to, size_t n, size_t *got, struct fm_error *err)
{
	int rc;

	for (*got = 0; *got < n;) {
		size_t some = n - *got;

		if (!r->nleft && (rc = fm_source_next(r->source, &r->left, &r->nleft, err)) < 0) {
			r->nleft = 0;
			return rc == FM_EINPUT && r->records
				   ? fm_error_prefix(err, "after record %llu: ", (unsigned long long)r->records)
				   : rc;
		}
		if (!r->nleft)
			return FM_OK;
		some = some < r->nleft ? some : r->nleft;
		memcpy(to + *got, r->left, some);
		r->left += some;
		r->nleft -= some;
		r->at += some;
		r->bytes += some;
		*got += some;
	}
	return FM_OK;
}

static uint32_t number(const uint8_t *s, int n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *s++;
	return v;
}

/* Check that sets follow one another and fill their message. */
static int check_sets(struct fm_reader *r, size_t n, struct fm_error *err)
{
	char why[FAULT_MAX];

	for (size_t at = FM_IPFIX_HEAD, len; at < n; at += len) {
		len = n - at < 4 ? 0 : number(r->message + at + 2, 2);
		if (len >= 4 && len <= n - at)
			continue;
		snprintf(why, sizeof why, "a set of %zu bytes where %zu are left", len, n - at);
		return damaged(r, why, err);
	}
	return FM_OK;
}

static int find_domain(struct fm_reader *r, uint32_t id, struct fm_error *err)
{
	for (size_t i = 0; i < r->ndomains; i++)
		if (r->domain[i].id == id) {
			r->here = &r->domain[i];
			return FM_OK;
		}
	if (r->ndomains == DOMAINS_MAX)
		return damaged(r, "more than 256 observation domains", err);
	r->here = &r->domain[r->ndomains++];
	*r->here = (struct domain){.id = id};
	return FM_OK;
}

/* The next message, checked as far as its frame goes; *end: the file has no more. */
static int next_message(struct fm_reader *r, bool *end, struct fm_error *err)
{
	uint32_t sequence;
	size_t n, got;
	int rc;

	r->message_at = r->at;
	if ((rc = take(r, r->message, FM_IPFIX_HEAD, &got, err)) < 0)
		return rc;
	if ((*end = got == 0))
		return FM_OK;
	n = number(r->message + 2, 2);
	if (got < FM_IPFIX_HEAD)
		return damaged(r, "the file ends in its header", err);
	if (number(r->message, 2) != 10 || n < FM_IPFIX_HEAD)
		return damaged(r, "no message of IPFIX begins here", err);
	if ((rc = take(r, r->message + FM_IPFIX_HEAD, n - FM_IPFIX_HEAD, &got, err)) < 0)
		return rc;
	if (got < n - FM_IPFIX_HEAD)
		return damaged(r, "the file ends in it", err);
	if ((rc = check_sets(r, n, err)) < 0 || (rc = find_domain(r, number(r->message + 12, 4), err)) < 0)
		return rc;
	/* Sequence numbers count records (RFC 7011, 3.1). */
	sequence = number(r->message + 8, 4);
	if (r->here->begun && (int32_t)(sequence - r->here->sequence) > 0)
		r->lost += sequence - r->here->sequence;
	r->here->begun = true;
	r->here->sequence = sequence;
	r->exported_s = number(r->message + 4, 4);
	fBufSetBuffer(r->fbuf, r->message, n);
	r->in_message = true;
	return FM_OK;
}

/* ---- records ---- */

static int check_said(struct fm_reader *r, struct fm_error *err)
{
	if (said.damage[0])
		return damaged(r, said.damage, err);
	if (said.skipped && r->rows->nbad < FM_FLOW_ROWS_BAD) {
		said.skipped--;
		fm_flow_rows_bad(r->rows, r->records + 1, "a set of records has no template before it in the file",
				 "a set of records");
	}
	return FM_OK;
}

/* Take what an exporter says of itself. */
static void take_options(struct fm_reader *r, const struct fm_ipfix_record *rec, uint64_t has)
{
	if (FM_IPFIX_HAS(has, systemInitTimeMilliseconds))
		r->here->init_ms = rec->systemInitTimeMilliseconds;
	r->other++;
}

/* The sampling rate: by the dialect, else by the record, else by the options of its exporter. */
static struct fm_ipfix_rate rate_of(struct fm_reader *r, const struct fm_ipfix_record *rec, uint64_t has)
{
	const struct fm_ipfix_sampling s = fm_ipfix_sampling_of(rec, has);
	struct fm_ipfix_rate rate = fm_ipfix_rate_of(&s);
	bool unsure = false;

	if (r->o->dialect->states_sampling)
		return (struct fm_ipfix_rate){(uint64_t)r->o->dialect->sampling, 1};
	if (!rate.taken && r->rates.n)
		rate = fm_ipfix_rates_find(&r->rates, r->here->id, &s, r->message_at, &unsure);
	r->unsure += unsure || (!rate.taken && s.has_selector && s.selector);
	return rate;
}

/* Estimate what went by from sampled packets; NULL, or why that is impossible. */
static const char *multiply(struct fm_reader *r, struct fm_ipfix_rate rate, struct fm_packet_flow flow[2])
{
	if (!rate.taken || rate.of == rate.taken)
		return NULL;
	for (int i = 0; i < 2; i++)
		if (!fm_ipfix_rate_apply(rate, &flow[i].packets) || !fm_ipfix_rate_apply(rate, &flow[i].bytes))
			return "packets or bytes are, times the sampling rate, over 2^63 - 1";
	if (!r->multiplied++)
		r->first_rate = rate;
	r->many_rates = r->many_rates || rate.of != r->first_rate.of || rate.taken != r->first_rate.taken;
	return NULL;
}

static int take_flows(struct fm_reader *r, const struct fm_ipfix_record *rec, uint64_t has, unsigned id,
		      struct fm_error *err)
{
	struct fm_ipfix_context c = {has, r->here->init_ms, r->exported_s, r->o->dialect->both_ways};
	struct fm_packet_flow flow[2];
	unsigned missing = 0;
	const char *why;
	char text[64];
	int n = fm_ipfix_flows(rec, &c, flow, &missing, &why);

	if (n == 1)
		flow[1] = (struct fm_packet_flow){0};
	if (n && (why = multiply(r, rate_of(r, rec, has), flow)))
		n = 0;
	if (n && missing && r->o->missing == FM_MISSING_REJECT) {
		why = "its template lacks protocol, ports, packets or bytes, and source.missing is reject";
		n = 0;
	}
	if (!n) {
		snprintf(text, sizeof text, "a record of template %u", id);
		fm_flow_rows_bad(r->rows, r->records, why, text);
		return FM_OK;
	}
	r->rows->missing_values += missing * (unsigned)n;
	flow[0].place = flow[1].place = r->records;
	r->holds = n == 2;
	r->held = flow[1];
	return fm_flow_rows_add(r->rows, &flow[0], err);
}

/* The next record of the message, or its end. */
static int next_record(struct fm_reader *r, struct fm_error *err)
{
	struct fm_ipfix_record rec = {0};
	size_t size = sizeof rec;
	GError *why = NULL;
	uint16_t id = 0;
	fbTemplate_t *t = fBufNextCollectionTemplate(r->fbuf, &id, &why);
	const struct shape *s = t ? fbTemplateGetContext(t) : NULL;
	char text[FAULT_MAX];
	int rc;

	if ((rc = check_said(r, err)) < 0) {
		g_clear_error(&why);
		return rc;
	}
	if (t && !s)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a template of IPFIX");
	if (t && s->fault[0])
		return damaged(r, s->fault, err);
	if (!t || !fBufNext(r->fbuf, (uint8_t *)&rec, &size, &why)) {
		bool end = g_error_matches(why, FB_ERROR_DOMAIN, FB_ERROR_EOM);

		snprintf(text, sizeof text, "%s", why ? why->message : "");
		g_clear_error(&why);
		r->in_message = false;
		return end ? FM_OK : damaged(r, text, err);
	}
	r->records++;
	r->here->sequence++;
	if (fbTemplateGetOptionsScope(t))
		take_options(r, &rec, s->has);
	else if (fm_ipfix_is_flow(s->has))
		return take_flows(r, &rec, s->has, id, err);
	else
		r->other++;
	return FM_OK;
}

/* ---- the reader ---- */

static void close_file(struct fm_reader *r)
{
	if (r->fbuf)
		fBufFree(r->fbuf); /* and its session */
	r->fbuf = NULL;
	fm_source_close(r->source);
	r->source = NULL;
}

static int open_file(struct fm_reader *r, struct fm_error *err)
{
	int rc;

	r->nleft = r->ndomains = 0;
	r->at = 0;
	r->in_message = false;
	r->records_before = r->records;
	memset(&said, 0, sizeof said);
	if ((rc = fm_ipfix_rates_read(&r->rates, r->o->path, r->o->member, err)) < 0 ||
	    (rc = fm_source_open(&r->source, r->o->path, r->o->member, err)) < 0 ||
	    (rc = fm_source_next(r->source, &r->left, &r->nleft, err)) < 0)
		return rc;
	if (fm_capture_kind(r->left, r->nleft) != FM_CAPTURE_IPFIX)
		return fm_fail(err, FM_EINPUT,
			       "%s is no IPFIX file, which dialect %s reads: set source.dialect to another one "
			       "(flowmint sniff)",
			       r->o->path, r->o->dialect->name);
	return open_session(r, err);
}

static void say_sampling(const struct fm_reader *r)
{
	char rate[64] = "";

	if (!r->many_rates && r->multiplied && r->first_rate.of % r->first_rate.taken == 0)
		snprintf(rate, sizeof rate, ", 1 of %llu packets",
			 (unsigned long long)(r->first_rate.of / r->first_rate.taken));
	else if (!r->many_rates && r->multiplied)
		snprintf(rate, sizeof rate, ", %llu of %llu packets", (unsigned long long)r->first_rate.taken,
			 (unsigned long long)r->first_rate.of);
	if (r->multiplied)
		fm_log("%s: packets and bytes of %llu records are multiplied by the rate at which packets were sampled "
		       "(%s%s); "
		       "sampling: 1 in a dialect file leaves them as they were counted",
		       r->o->path, (unsigned long long)r->multiplied,
		       r->o->dialect->states_sampling ? "by the dialect" : "by the file", rate);
	if (r->unsure)
		fm_warn(
		    "%s: the exporter sampled packets, and of %llu records it is not clear at which rate: their "
		    "packets "
		    "and bytes are what it counted, not what went by; sampling in a dialect file (lines: ipfix) sets "
		    "one rate for all",
		    r->o->path, (unsigned long long)r->unsure);
}

static void say_passed_over(const struct fm_reader *r)
{
	if (r->other)
		fm_log("%s: %llu of %llu records tell of no flow of IP (options and the like): passed over", r->o->path,
		       (unsigned long long)r->other, (unsigned long long)r->records);
	if (r->lost)
		fm_warn("%s: %llu records were lost before the file was written, by the sequence numbers of its "
			"messages",
			r->o->path, (unsigned long long)r->lost);
	say_sampling(r);
}

static int end_file(struct fm_reader *r, struct fm_error *err)
{
	const char *path = fm_file_order_next(&r->files);

	if (path) {
		r->consumed_before += fm_source_total(r->source);
		close_file(r);
		r->own.path = path;
		if (!r->o->quiet)
			fm_log("%s: its records are counted from %llu on", r->o->path,
			       (unsigned long long)r->records + 1);
		return open_file(r, err);
	}
	r->open_end = true;
	if (!r->o->quiet)
		say_passed_over(r);
	return FM_OK;
}

static int more(struct fm_reader *r, struct fm_error *err)
{
	bool end = false;
	int rc;

	if (r->holds) {
		r->holds = false;
		return fm_flow_rows_add(r->rows, &r->held, err);
	}
	if (r->in_message)
		return next_record(r, err);
	if (said.skipped)
		return check_said(r, err);
	rc = next_message(r, &end, err);
	return end ? end_file(r, err) : rc;
}

static int next(struct fm_reader *r, size_t limit, struct fm_batch *b, struct fm_error *err)
{
	bool end = false;
	int rc = FM_OK;

	fm_flow_rows_clear(r->rows);
	limit = limit < FM_TRACE_CHUNK ? limit : FM_TRACE_CHUNK;
	while (r->rows->chunk->rows < limit && r->rows->nbad + 1 < FM_FLOW_ROWS_BAD && !(end = r->open_end))
		if ((rc = more(r, err)) < 0)
			break;
	if (rc >= 0 && end && !r->rows->good && !r->rows->nbad && !r->o->may_be_empty)
		rc = fm_fail(err, FM_EINPUT, "%s holds no record of a flow of IP", r->o->path);
	*b = fm_flow_rows_batch(r->rows, end);
	return rc;
}

static int stop(struct fm_reader *r, struct fm_error *err)
{
	return fm_source_stop(r->source, err);
}

static void explain(struct fm_reader *r, struct fm_error *err)
{
	struct fm_error others;

	if (r->source && !fm_source_damaged(r->source) && fm_source_stop(r->source, &others) == FM_EINPUT &&
	    !fm_source_damaged(r->source) && err)
		*err = others;
}

static struct fm_reader_at at(const struct fm_reader *r)
{
	return (struct fm_reader_at){r->consumed_before + fm_source_consumed(r->source),
				     r->files.n ? r->files.total : fm_source_total(r->source), r->bytes, r->other};
}

static void close_reader(struct fm_reader *r)
{
	if (!r)
		return;
	close_file(r);
	if (r->model)
		fbInfoModelFree(r->model);
	free(r->message);
	fm_ipfix_rates_free(&r->rates);
	fm_flow_rows_free(r->rows);
	fm_file_order_free(&r->files);
	free(r);
}

static int open_one(struct fm_reader **out, const struct fm_trace_opts *o, struct fm_error *err)
{
	struct fm_reader *r;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&r, 1, sizeof *r, "a reader", err)) < 0)
		return rc;
	r->own = *o;
	r->o = &r->own;
	r->model = fm_ipfix_model();
	if ((rc = fm_flow_rows_new(&r->rows, r->o, err)) < 0 ||
	    (rc = fm_alloc(&r->message, FM_IPFIX_MESSAGE, 1, "a message of IPFIX", err)) < 0 ||
	    (rc = open_file(r, err)) < 0) {
		close_reader(r);
		return rc;
	}
	*out = r;
	return FM_OK;
}

static int open_reader(struct fm_reader **out, const struct fm_trace_opts *o, struct fm_error *err)
{
	struct fm_file_order files;
	struct fm_trace_opts first;
	int rc;

	*out = NULL;
	if ((rc = fm_file_order(&files, &fm_reader_ipfix, o, &first, err)) < 0 ||
	    (rc = open_one(out, &first, err)) < 0) {
		fm_file_order_free(&files);
		return rc;
	}
	(*out)->files = files;
	return FM_OK;
}

const struct fm_reader_kind fm_reader_ipfix = {
    .name = "ipfix",
    .place = "record",
    .open = open_reader,
    .next = next,
    .stop = stop,
    .explain = explain,
    .at = at,
    .close = close_reader,
};
