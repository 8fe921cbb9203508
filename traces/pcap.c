/* pcap.c - a packet capture, pcap or pcapng, as batches of flows (reader.h): libpcap, packet.h, flow_cache.h, dialect.
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "manifests/zone.h"
#include "traces/capture.h"
#include "traces/file_order.h"
#include "traces/files.h"
#include "traces/flow_cache.h"
#include "traces/flow_rows.h"
#include "traces/packet.h"
#include "traces/pcapng_links.h"
#include "traces/reader.h"
#include "traces/source.h"

#define STREAM_BYTES (256 << 10) /* read at once by libpcap */
#define AHEAD 32                 /* packets that are parsed before they are put into their flows */
#define FETCH 6                  /* packets by which the flow is prefetched ahead */
#define LINKTYPE_RAW 101

struct fm_reader {
	struct fm_trace_opts own; /* those of the caller, with the file that is being read */
	const struct fm_trace_opts *o;
	struct fm_file_order files;
	uint64_t packets_before, consumed_before, bytes, file_bytes;
	struct fm_source *source;
	const char *left; /* of the source's last block, nleft bytes that libpcap has not taken */
	size_t nleft;
	struct fm_error error; /* the source's error, which libpcap does not pass on */
	FILE *stream;
	pcap_t *pcap;
	int link; /* of the file, or of its first interface */
	struct fm_pcapng_links links;
	struct fm_flow_cache *cache;
	struct fm_timed_packet ahead[AHEAD];
	size_t nahead, done; /* packets that are parsed, and how many of them are in flows */
	int status;          /* for the packet after them: 1, or what libpcap returned */
	bool open_end;
	uint64_t packet, other, unknown; /* packets so far; that are no IP; of a link layer that is not read */
	struct fm_flow_rows *rows;
};

/* ---- bytes for libpcap ---- */

static ssize_t read_stream(void *cookie, char *to, size_t n)
{
	struct fm_reader *r = cookie;
	size_t got = 0, before;

	while (!got && !r->links.turned) {
		if (!r->nleft && fm_source_next(r->source, &r->left, &r->nleft, &r->error) < 0) {
			r->nleft = 0;
			return -1;
		}
		if (!r->nleft)
			return (ssize_t)fm_pcapng_links_end(&r->links, to, n);
		before = r->nleft;
		got = fm_pcapng_links_pass(&r->links, to, n, &r->left, &r->nleft);
		r->bytes += before - r->nleft;
		r->file_bytes += before - r->nleft;
	}
	return (ssize_t)got;
}

/* The packet in the file that is being read. */
static unsigned long long packet_here(const struct fm_reader *r)
{
	return (unsigned long long)(r->packet - r->packets_before);
}

/* What libpcap, or the source below it, says of a file that cannot be read on. */
static int damaged(struct fm_reader *r, const char *why, struct fm_error *err)
{
	if (r->error.code) {
		*err = r->error;
		return packet_here(r) && err->code == FM_EINPUT
			   ? fm_error_prefix(err, "after packet %llu: ", packet_here(r))
			   : err->code;
	}
	return fm_fail(err, FM_EINPUT,
		       "%s: after packet %llu: %s: the capture is truncated or damaged; fetch it again, or keep the "
		       "packets before with editcap -r",
		       r->o->path, packet_here(r), why);
}

static int check_link(const struct fm_reader *r, struct fm_error *err)
{
	const char *name = pcap_datalink_val_to_name(r->link);

	if (fm_packet_link_known(r->link))
		return FM_OK;
	switch (r->link) {
	case DLT_IEEE802_11:
	case DLT_IEEE802_11_RADIO:
	case DLT_IEEE802_11_RADIO_AVS:
	case DLT_PRISM_HEADER:
		return fm_fail(err, FM_EINPUT,
			       "%s: it was captured in the air (802.11), where packets are encrypted and repeated: "
			       "capture on the wire behind the access point",
			       r->o->path);
	default:
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: its link layer is %s (%d); Ethernet, Linux cooked, raw IP, PPP and the loopback are "
		    "read",
		    r->o->path, name ? name : "unknown", r->link);
	}
}

static void close_capture(struct fm_reader *r)
{
	if (r->pcap)
		pcap_close(r->pcap); /* and the stream */
	else if (r->stream)
		fclose(r->stream);
	r->pcap = NULL;
	r->stream = NULL;
	fm_source_close(r->source);
	r->source = NULL;
}

/* Open a reader of libpcap for what comes next in the source. */
static int open_stream(struct fm_reader *r, struct fm_error *err)
{
	static const cookie_io_functions_t io = {.read = read_stream};
	char why[PCAP_ERRBUF_SIZE] = "";

	if (!(r->stream = fopencookie(r, "r", io)) || setvbuf(r->stream, NULL, _IOFBF, STREAM_BYTES))
		return fm_fail(err, FM_ESYSTEM, "out of memory: a stream of packets");
	if (!(r->pcap = pcap_fopen_offline_with_tstamp_precision(r->stream, PCAP_TSTAMP_PRECISION_MICRO, why)))
		return damaged(r, why, err);
	r->link = pcap_datalink(r->pcap);
	r->nahead = r->done = 0;
	r->status = 1;
	return check_link(r, err);
}

/* A section in the other byte order begins. */
static int turn(struct fm_reader *r, struct fm_error *err)
{
	pcap_close(r->pcap);
	r->pcap = NULL;
	r->stream = NULL;
	fm_pcapng_links_turn(&r->links);
	return open_stream(r, err);
}

static int open_capture(struct fm_reader *r, struct fm_error *err)
{
	int rc;

	static const char pcapng[4] = "\n\r\r\n";

	r->nleft = 0;
	r->file_bytes = 0;
	r->packets_before = r->packet;
	if ((rc = fm_source_open(&r->source, r->o->path, r->o->member, err)) < 0 ||
	    (rc = fm_source_next(r->source, &r->left, &r->nleft, err)) < 0)
		return rc;
	if (fm_capture_kind(r->left, r->nleft) != FM_CAPTURE_PACKETS)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s is no packet capture (pcap or pcapng), which dialect %s reads: set source.dialect to "
		    "another one (flowmint sniff)",
		    r->o->path, r->o->dialect->name);
	fm_pcapng_links_begin(&r->links);
	r->links.is = r->nleft >= sizeof pcapng && !memcmp(r->left, pcapng, sizeof pcapng);
	return open_stream(r, err);
}

/* ---- packets ---- */

static void bad_packet(struct fm_reader *r, const struct pcap_pkthdr *head, const uint8_t *s, const char *reason)
{
	fm_flow_rows_bad_bytes(r->rows, r->packet, reason, s, head->caplen);
}

/* The link layer of the next packet (DLT_* of libpcap, which has numbers of its own for some that files have). */
static int link_of(struct fm_reader *r)
{
	int link = fm_pcapng_links_next(&r->links);

	if (!r->links.mixed)
		return r->link;
	return link == LINKTYPE_RAW ? DLT_RAW : link;
}

static void parse_packet(struct fm_reader *r, const struct pcap_pkthdr *head, const uint8_t *s)
{
	struct fm_timed_packet *t = &r->ahead[r->nahead];
	const int link = link_of(r);
	const char *why;

	r->packet++;
	if (!fm_packet_link_known(link)) {
		r->unknown++;
		return;
	}
	switch (fm_packet_parse(link, s, head->caplen, head->len, &t->p, &why)) {
	case FM_PACKET_OTHER:
		r->other++;
		return;
	case FM_PACKET_BAD:
		bad_packet(r, head, s, why);
		return;
	case FM_PACKET_IP:
		break;
	}
	if (head->ts.tv_sec < 0 || head->ts.tv_sec >= FM_TIME_END_MS / 1000 || head->ts.tv_usec < 0 ||
	    head->ts.tv_usec >= 1000000) {
		bad_packet(r, head, s, "te lies outside the years 1970 to 2261");
		return;
	}
	t->us = (int64_t)head->ts.tv_sec * 1000000 + head->ts.tv_usec;
	t->place = r->packet;
	t->hash = fm_flow_cache_hash(r->cache, &t->p);
	r->nahead++;
}

/* Read the next packets, or the reason why there are none. */
static void look_ahead(struct fm_reader *r)
{
	struct pcap_pkthdr *head;
	const uint8_t *s;

	r->nahead = r->done = 0;
	while (r->nahead < AHEAD && r->rows->nbad < FM_FLOW_ROWS_BAD &&
	       (r->status = pcap_next_ex(r->pcap, &head, &s)) == 1)
		parse_packet(r, head, s);
}

/* At the end: what was read and is worth a word. */
static void say_passed_over(const struct fm_reader *r)
{
	uint64_t crowded = fm_flow_cache_crowded(r->cache), back = fm_flow_cache_back(r->cache);

	if (r->other)
		fm_log("%s: %llu of %llu packets are no IP (ARP and the like): passed over", r->o->path,
		       (unsigned long long)r->other, (unsigned long long)r->packet);
	if (r->unknown)
		fm_warn("%s: %llu of %llu packets are of interfaces whose link layer is not read: passed over",
			r->o->path, (unsigned long long)r->unknown, (unsigned long long)r->packet);
	if (back)
		fm_warn("%s: %llu packets are over a second earlier than one before them, as in captures that were "
			"joined: mergecap puts them in order",
			r->o->path, (unsigned long long)back);
	if (crowded)
		fm_warn("%s: %llu flows end early: more than %zu went on at once", r->o->path,
			(unsigned long long)crowded, FM_FLOW_CACHE_MAX);
}

/* After the last packet of a file. */
static int end_file(struct fm_reader *r, struct fm_error *err)
{
	const char *path = fm_file_order_next(&r->files);

	if (path) {
		r->consumed_before += fm_source_total(r->source);
		close_capture(r);
		r->own.path = path;
		if (!r->o->quiet)
			fm_log("%s: its packets are counted from %llu on", r->o->path,
			       (unsigned long long)r->packet + 1);
		return open_capture(r, err);
	}
	r->open_end = true;
	if (!r->o->quiet)
		say_passed_over(r);
	return FM_OK;
}

/* Put the next packet into its flow. */
static int more(struct fm_reader *r, struct fm_error *err)
{
	if (r->done < r->nahead) {
		if (r->done + FETCH < r->nahead)
			fm_flow_cache_fetch(r->cache, r->ahead[r->done + FETCH].hash);
		return fm_flow_cache_add(r->cache, &r->ahead[r->done++], err);
	}
	if (r->status == 1) {
		look_ahead(r);
		return FM_OK;
	}
	if (r->status == PCAP_ERROR_BREAK && !r->error.code)
		return r->links.turned ? turn(r, err) : end_file(r, err);
	return damaged(r, r->status == PCAP_ERROR_BREAK ? "" : pcap_geterr(r->pcap), err);
}

/* Add a flow that has ended as a row; where the dialect says that packets were sampled, scaled up to what went by. */
static int add_flow(struct fm_reader *r, const struct fm_packet_flow *f, struct fm_error *err)
{
	struct fm_packet_flow whole = *f;
	uint64_t rate = (uint64_t)r->o->dialect->sampling;

	if (rate < 2)
		return fm_flow_rows_add(r->rows, f, err);
	if (f->packets > INT64_MAX / rate || f->bytes > INT64_MAX / rate) {
		fm_flow_rows_bad(r->rows, f->place, "packets or bytes are, times the sampling rate, over 2^63 - 1",
				 "a flow of packets");
		return FM_OK;
	}
	whole.packets *= rate;
	whole.bytes *= rate;
	return fm_flow_rows_add(r->rows, &whole, err);
}

static int next(struct fm_reader *r, size_t limit, struct fm_batch *b, struct fm_error *err)
{
	const struct fm_packet_flow *f = NULL;
	bool end = false;
	int rc = FM_OK;

	fm_flow_rows_clear(r->rows);
	limit = limit < FM_TRACE_CHUNK ? limit : FM_TRACE_CHUNK;
	while (!end && r->rows->chunk->rows < limit && r->rows->nbad < FM_FLOW_ROWS_BAD) {
		if ((f = fm_flow_cache_take(r->cache, r->open_end)))
			rc = add_flow(r, f, err);
		else if (!(end = r->open_end))
			rc = more(r, err);
		if (rc < 0)
			break;
	}
	if (rc >= 0 && end && !r->rows->good && !r->rows->nbad && !r->o->may_be_empty)
		rc = fm_fail(err, FM_EINPUT, "%s holds no packet of IP", r->o->path);
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
				     r->files.n ? r->files.total : fm_source_total(r->source), r->bytes,
				     r->other + r->unknown};
}

static void close_reader(struct fm_reader *r)
{
	if (!r)
		return;
	close_capture(r);
	fm_flow_cache_free(r->cache);
	fm_flow_rows_free(r->rows);
	fm_file_order_free(&r->files);
	free(r);
}

static int open_file(struct fm_reader **out, const struct fm_trace_opts *o, struct fm_error *err)
{
	const struct fm_dialect *d = o->dialect;
	struct fm_flow_cache_opts cache = {.active_us = (int64_t)d->active_s * 1000000,
					   .inactive_us = (int64_t)d->inactive_s * 1000000,
					   .both_ways = d->both_ways,
					   .max = FM_FLOW_CACHE_MAX};
	struct fm_reader *r;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&r, 1, sizeof *r, "a reader", err)) < 0)
		return rc;
	r->own = *o;
	r->o = &r->own;
	if ((rc = fm_flow_rows_new(&r->rows, r->o, err)) < 0 || (rc = fm_flow_cache_new(&r->cache, &cache, err)) < 0 ||
	    (rc = open_capture(r, err)) < 0) {
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
	if ((rc = fm_file_order(&files, &fm_reader_pcap, o, &first, err)) < 0 ||
	    (rc = open_file(out, &first, err)) < 0) {
		fm_file_order_free(&files);
		return rc;
	}
	(*out)->files = files;
	return FM_OK;
}

const struct fm_reader_kind fm_reader_pcap = {
    .name = "pcap",
    .place = "packet",
    .open = open_reader,
    .next = next,
    .stop = stop,
    .explain = explain,
    .at = at,
    .close = close_reader,
};
