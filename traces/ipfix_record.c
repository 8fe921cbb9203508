#include "traces/ipfix_record.h"

#include "manifests/zone.h"
#include "traces/protocol.h"

#define HAS(name) FM_IPFIX_HAS(c->has, name)
#define NTP_EPOCH_S INT64_C(2208988800)     /* from 1900 to 1970 */
#define LONGEST_MS (INT64_C(49) * 86400000) /* of a flow */
#define NONE INT64_MIN
#define ICMP 1
#define ICMP6 58

bool fm_ipfix_is_flow(uint64_t has)
{
	return (FM_IPFIX_HAS(has, sourceIPv4Address) && FM_IPFIX_HAS(has, destinationIPv4Address)) ||
	       (FM_IPFIX_HAS(has, sourceIPv6Address) && FM_IPFIX_HAS(has, destinationIPv6Address));
}

/* RFC 7011 (6.1.9): seconds since 1900, which begin again in 2036 (RFC 4330, 3), and 2^-32 of them. */
static int64_t ntp_ms(uint64_t t)
{
	int64_t s = (int64_t)(t >> 32) - NTP_EPOCH_S;

	if (!(t >> 63))
		s += INT64_C(1) << 32;
	return s * 1000 + (int64_t)((t & UINT32_MAX) * 1000 >> 32);
}

static int64_t ms_of(uint64_t ms)
{
	return ms < (uint64_t)FM_TIME_END_MS ? (int64_t)ms : FM_TIME_END_MS;
}

/* In milliseconds since 1970; NONE: the record does not say. */
struct times {
	int64_t start, end;
};

/* Times since the exporter began are of 32 bits and begin again after 49.7 days: an end that is less than a day before
 * its start is taken as after the wrap. */
static void up_times(const struct fm_ipfix_record *r, const struct fm_ipfix_context *c, struct times *t)
{
	uint64_t init = HAS(systemInitTimeMilliseconds) && r->systemInitTimeMilliseconds ? r->systemInitTimeMilliseconds
											 : c->init_ms;
	uint32_t lasts = r->flowEndSysUpTime - r->flowStartSysUpTime;

	if (!init || !HAS(flowStartSysUpTime) || !HAS(flowEndSysUpTime))
		return;
	t->start = ms_of(init) + r->flowStartSysUpTime;
	t->end = lasts < 86400000 ? t->start + lasts : ms_of(init) + r->flowEndSysUpTime;
}

static struct times times_of(const struct fm_ipfix_record *r, const struct fm_ipfix_context *c)
{
	struct times t = {NONE, NONE};
	int64_t lasts = NONE;

	up_times(r, c, &t);
	if (HAS(flowStartDeltaMicroseconds))
		t.start = (int64_t)c->exported_s * 1000 - r->flowStartDeltaMicroseconds / 1000;
	if (HAS(flowEndDeltaMicroseconds))
		t.end = (int64_t)c->exported_s * 1000 - r->flowEndDeltaMicroseconds / 1000;
	if (HAS(flowStartSeconds))
		t.start = (int64_t)r->flowStartSeconds * 1000;
	if (HAS(flowEndSeconds))
		t.end = (int64_t)r->flowEndSeconds * 1000;
	if (HAS(flowStartNanoseconds))
		t.start = ntp_ms(r->flowStartNanoseconds);
	if (HAS(flowEndNanoseconds))
		t.end = ntp_ms(r->flowEndNanoseconds);
	if (HAS(flowStartMicroseconds))
		t.start = ntp_ms(r->flowStartMicroseconds);
	if (HAS(flowEndMicroseconds))
		t.end = ntp_ms(r->flowEndMicroseconds);
	if (HAS(flowStartMilliseconds))
		t.start = ms_of(r->flowStartMilliseconds);
	if (HAS(flowEndMilliseconds))
		t.end = ms_of(r->flowEndMilliseconds);
	if (HAS(flowDurationMicroseconds))
		lasts = r->flowDurationMicroseconds / 1000;
	if (HAS(flowDurationMilliseconds))
		lasts = r->flowDurationMilliseconds;
	if (t.end == NONE && t.start != NONE && lasts != NONE)
		t.end = t.start + lasts;
	if (t.start == NONE && t.end != NONE && lasts != NONE)
		t.start = t.end - lasts;
	return t;
}

static const char *check_times(const struct times *t)
{
	if (t->start == NONE || t->end == NONE)
		return "its template has no two of start, end and duration";
	if (t->end < 0 || t->end >= FM_TIME_END_MS || t->start < 0)
		return "te lies outside the years 1970 to 2261";
	if (t->end < t->start)
		return "td is negative: the end is before the start";
	if (t->end - t->start > LONGEST_MS)
		return "td is over 49 days";
	return NULL;
}

static bool is_zero(const struct fm_address *a)
{
	return !fm_address_half(a, 0) && !fm_address_half(a, 1);
}

/* Exporters that write both families leave the unused one 0. */
static void addresses_of(const struct fm_ipfix_record *r, const struct fm_ipfix_context *c, struct fm_packet_flow *f)
{
	bool v4 = HAS(sourceIPv4Address) && HAS(destinationIPv4Address);
	bool v6 = HAS(sourceIPv6Address) && HAS(destinationIPv6Address);

	if (v6 && v4 &&
	    (r->sourceIPv4Address || r->destinationIPv4Address ||
	     (is_zero(&r->sourceIPv6Address) && is_zero(&r->destinationIPv6Address))))
		v6 = false;
	f->src = v6 ? r->sourceIPv6Address : fm_address_of_ipv4(r->sourceIPv4Address);
	f->dst = v6 ? r->destinationIPv6Address : fm_address_of_ipv4(r->destinationIPv4Address);
}

/* The ports of ICMP are type * 256 + code, as in captures; an exporter without an element for it writes that into the
 * destination port. */
static void ports_of(const struct fm_ipfix_record *r, const struct fm_ipfix_context *c, struct fm_packet_flow *f)
{
	f->sp = r->sourceTransportPort;
	f->dp = r->destinationTransportPort;
	if (f->protocol == ICMP && HAS(icmpTypeCodeIPv4)) {
		f->sp = 0;
		f->dp = r->icmpTypeCodeIPv4;
	} else if (f->protocol == ICMP && HAS(icmpTypeIPv4)) {
		f->sp = 0;
		f->dp = (uint16_t)(r->icmpTypeIPv4 << 8 | r->icmpCodeIPv4);
	} else if (f->protocol == ICMP6 && HAS(icmpTypeCodeIPv6)) {
		f->sp = 0;
		f->dp = r->icmpTypeCodeIPv6;
	} else if (f->protocol == ICMP6 && HAS(icmpTypeIPv6)) {
		f->sp = 0;
		f->dp = (uint16_t)(r->icmpTypeIPv6 << 8 | r->icmpCodeIPv6);
	}
}

static uint64_t first_of(bool a, uint64_t x, bool b, uint64_t y, uint64_t z)
{
	return a ? x : b ? y : z;
}

/* The flow of the other way, with times of its own where the record has them. */
static void reverse(const struct fm_ipfix_record *r, const struct fm_ipfix_context *c, const struct fm_packet_flow *f,
		    const struct times *t, struct fm_packet_flow *back, struct times *bt)
{
	*back = *f;
	back->src = f->dst;
	back->dst = f->src;
	back->sp = f->dp;
	back->dp = f->sp;
	if (f->protocol == ICMP || f->protocol == ICMP6) {
		back->sp = f->sp;
		back->dp = f->protocol == ICMP && HAS(reverseIcmpTypeCodeIPv4) ? r->reverseIcmpTypeCodeIPv4
			   : f->protocol == ICMP6 && HAS(reverseIcmpTypeCodeIPv6)
			       ? r->reverseIcmpTypeCodeIPv6
			       : fm_protocol_icmp_reply(f->protocol, f->dp);
	}
	back->packets = first_of(HAS(reversePacketDeltaCount), r->reversePacketDeltaCount, HAS(reversePacketTotalCount),
				 r->reversePacketTotalCount, r->responderPackets);
	back->bytes = first_of(HAS(reverseOctetDeltaCount), r->reverseOctetDeltaCount, HAS(reverseOctetTotalCount),
			       r->reverseOctetTotalCount, r->responderOctets);
	back->flags = (uint8_t)(r->reverseTcpControlBits | r->reverseInitialTCPFlags | r->reverseUnionTCPFlags);
	if (HAS(reverseIpClassOfService))
		back->tos = r->reverseIpClassOfService;
	*bt = *t;
	if (HAS(reverseFlowStartMilliseconds) && r->reverseFlowStartMilliseconds)
		bt->start = ms_of(r->reverseFlowStartMilliseconds);
	else if (HAS(reverseFlowDeltaMilliseconds))
		bt->start += r->reverseFlowDeltaMilliseconds;
	if (HAS(reverseFlowEndMilliseconds) && r->reverseFlowEndMilliseconds)
		bt->end = ms_of(r->reverseFlowEndMilliseconds);
}

static void set_times(struct fm_packet_flow *f, const struct times *t)
{
	f->first_us = t->start * 1000;
	f->last_us = t->end * 1000;
}

int fm_ipfix_flows(const struct fm_ipfix_record *r, const struct fm_ipfix_context *c, struct fm_packet_flow flow[2],
		   unsigned *missing, const char **why)
{
	struct times t = times_of(r, c), bt;
	struct fm_packet_flow f = {.protocol = r->protocolIdentifier, .tos = r->ipClassOfService};
	bool counts_packets = HAS(packetDeltaCount) || HAS(packetTotalCount) || HAS(initiatorPackets);
	bool counts_bytes = HAS(octetDeltaCount) || HAS(octetTotalCount) || HAS(initiatorOctets);

	if ((*why = check_times(&t)))
		return 0;
	addresses_of(r, c, &f);
	ports_of(r, c, &f);
	f.flags = (uint8_t)(r->tcpControlBits | r->initialTCPFlags | r->unionTCPFlags);
	f.packets = first_of(HAS(packetDeltaCount), r->packetDeltaCount, HAS(packetTotalCount), r->packetTotalCount,
			     r->initiatorPackets);
	f.bytes = first_of(HAS(octetDeltaCount), r->octetDeltaCount, HAS(octetTotalCount), r->octetTotalCount,
			   r->initiatorOctets);
	set_times(&f, &t);
	reverse(r, c, &f, &t, &flow[1], &bt);
	if (f.packets > INT64_MAX || f.bytes > INT64_MAX || flow[1].packets > INT64_MAX || flow[1].bytes > INT64_MAX) {
		*why = "pkt or byt is over 2^63 - 1";
		return 0;
	}
	*missing = !HAS(protocolIdentifier) + !counts_packets + !counts_bytes;
	if (!(f.protocol == ICMP || f.protocol == ICMP6))
		*missing += !HAS(sourceTransportPort) + !HAS(destinationTransportPort);
	flow[0] = f;
	if (!flow[1].packets && !flow[1].bytes)
		return 1;
	if (c->both_ways) {
		flow[0].packets += flow[1].packets;
		flow[0].bytes += flow[1].bytes;
		flow[0].flags |= flow[1].flags;
		t.end = bt.end > t.end ? bt.end : t.end;
		set_times(&flow[0], &t);
		if (flow[0].packets > INT64_MAX || flow[0].bytes > INT64_MAX)
			*why = "pkt or byt is over 2^63 - 1";
		return *why ? 0 : 1;
	}
	if ((*why = check_times(&bt)))
		return 0;
	set_times(&flow[1], &bt);
	/* Only the reply was seen. */
	if (!f.packets && !f.bytes) {
		flow[0] = flow[1];
		return 1;
	}
	return 2;
}

struct fm_ipfix_sampling fm_ipfix_sampling_of(const struct fm_ipfix_record *r, uint64_t has)
{
	return (struct fm_ipfix_sampling){
	    .interval = r->samplingInterval,
	    .random_interval = r->samplerRandomInterval,
	    .packet_interval = r->samplingPacketInterval,
	    .packet_space = r->samplingPacketSpace,
	    .size = r->samplingSize,
	    .population = r->samplingPopulation,
	    .selector = FM_IPFIX_HAS(has, selectorId) ? r->selectorId : r->samplerId,
	    .has_space = FM_IPFIX_HAS(has, samplingPacketSpace),
	    .has_selector = FM_IPFIX_HAS(has, selectorId) || FM_IPFIX_HAS(has, samplerId),
	};
}
