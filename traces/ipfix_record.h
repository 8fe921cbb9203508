/*
 * ipfix_record.h - a record of an IPFIX exporter (RFC 7011), with its information elements as libfixbuf fills them, ->
 * the one or two flows that it describes.
 *
 * A record with reverse elements (RFC 5103) or with those of a responder is of both ways. Elements that this table does
 * not have are passed over; a record without IP addresses describes something other than a flow.
 */
#ifndef FM_TRACES_IPFIX_RECORD_H
#define FM_TRACES_IPFIX_RECORD_H

#include "traces/flow_cache.h"
#include "traces/ipfix_rates.h"

/* X(name of the element, type here). The order keeps each at a multiple of its size, without gaps. */
#define FM_IPFIX_ELEMENTS(X)                                                                                           \
	X(flowStartMilliseconds, uint64_t)                                                                             \
	X(flowEndMilliseconds, uint64_t)                                                                               \
	X(flowStartMicroseconds, uint64_t)                                                                             \
	X(flowEndMicroseconds, uint64_t)                                                                               \
	X(flowStartNanoseconds, uint64_t)                                                                              \
	X(flowEndNanoseconds, uint64_t)                                                                                \
	X(reverseFlowStartMilliseconds, uint64_t)                                                                      \
	X(reverseFlowEndMilliseconds, uint64_t)                                                                        \
	X(systemInitTimeMilliseconds, uint64_t)                                                                        \
	X(packetDeltaCount, uint64_t)                                                                                  \
	X(octetDeltaCount, uint64_t)                                                                                   \
	X(packetTotalCount, uint64_t)                                                                                  \
	X(octetTotalCount, uint64_t)                                                                                   \
	X(initiatorPackets, uint64_t)                                                                                  \
	X(initiatorOctets, uint64_t)                                                                                   \
	X(reversePacketDeltaCount, uint64_t)                                                                           \
	X(reverseOctetDeltaCount, uint64_t)                                                                            \
	X(reversePacketTotalCount, uint64_t)                                                                           \
	X(reverseOctetTotalCount, uint64_t)                                                                            \
	X(responderPackets, uint64_t)                                                                                  \
	X(responderOctets, uint64_t)                                                                                   \
	X(selectorId, uint64_t)                                                                                        \
	X(flowStartSeconds, uint32_t)                                                                                  \
	X(flowEndSeconds, uint32_t)                                                                                    \
	X(flowStartSysUpTime, uint32_t)                                                                                \
	X(flowEndSysUpTime, uint32_t)                                                                                  \
	X(flowStartDeltaMicroseconds, uint32_t)                                                                        \
	X(flowEndDeltaMicroseconds, uint32_t)                                                                          \
	X(flowDurationMilliseconds, uint32_t)                                                                          \
	X(flowDurationMicroseconds, uint32_t)                                                                          \
	X(reverseFlowDeltaMilliseconds, uint32_t)                                                                      \
	X(sourceIPv4Address, uint32_t)                                                                                 \
	X(destinationIPv4Address, uint32_t)                                                                            \
	X(samplingInterval, uint32_t)                                                                                  \
	X(samplerRandomInterval, uint32_t)                                                                             \
	X(samplingPacketInterval, uint32_t)                                                                            \
	X(samplingPacketSpace, uint32_t)                                                                               \
	X(samplingSize, uint32_t)                                                                                      \
	X(samplingPopulation, uint32_t)                                                                                \
	X(sourceIPv6Address, struct fm_address)                                                                        \
	X(destinationIPv6Address, struct fm_address)                                                                   \
	X(sourceTransportPort, uint16_t)                                                                               \
	X(destinationTransportPort, uint16_t)                                                                          \
	X(icmpTypeCodeIPv4, uint16_t)                                                                                  \
	X(icmpTypeCodeIPv6, uint16_t)                                                                                  \
	X(reverseIcmpTypeCodeIPv4, uint16_t)                                                                           \
	X(reverseIcmpTypeCodeIPv6, uint16_t)                                                                           \
	X(tcpControlBits, uint16_t)                                                                                    \
	X(reverseTcpControlBits, uint16_t)                                                                             \
	X(initialTCPFlags, uint16_t)                                                                                   \
	X(unionTCPFlags, uint16_t)                                                                                     \
	X(reverseInitialTCPFlags, uint16_t)                                                                            \
	X(reverseUnionTCPFlags, uint16_t)                                                                              \
	X(protocolIdentifier, uint8_t)                                                                                 \
	X(samplerId, uint8_t)                                                                                          \
	X(ipClassOfService, uint8_t)                                                                                   \
	X(reverseIpClassOfService, uint8_t)                                                                            \
	X(icmpTypeIPv4, uint8_t)                                                                                       \
	X(icmpCodeIPv4, uint8_t)                                                                                       \
	X(icmpTypeIPv6, uint8_t)                                                                                       \
	X(icmpCodeIPv6, uint8_t)

struct fm_ipfix_record {
#define FM_IPFIX_MEMBER(name, type) type name;
	FM_IPFIX_ELEMENTS(FM_IPFIX_MEMBER)
};
enum fm_ipfix_element {
#define FM_IPFIX_NUMBER(name, type) FM_IPFIX_##name,
	FM_IPFIX_ELEMENTS(FM_IPFIX_NUMBER) FM_IPFIX_NELEMENTS
};
#define FM_IPFIX_HAS(has, name) ((has) >> FM_IPFIX_##name & 1)

/* What is known of a record besides its values. */
struct fm_ipfix_context {
	uint64_t has;        /* bit FM_IPFIX_X: its template has element X */
	uint64_t init_ms;    /* when the exporter began, by its options; 0: not told */
	uint32_t exported_s; /* the time of its message */
	bool both_ways;      /* a record of both ways gives one flow, else two */
};
/* Does a template with these elements describe IP flows at all? */
bool fm_ipfix_is_flow(uint64_t has);
/* The flows of a record, places not set: 1 or 2; 0: none, and *why says what is wrong with it. missing: how many of
 * protocol, ports, packets and bytes the template lacks, which are 0. */
int fm_ipfix_flows(const struct fm_ipfix_record *r, const struct fm_ipfix_context *c, struct fm_packet_flow flow[2],
		   unsigned *missing, const char **why);
/* What the record itself says of sampling. */
struct fm_ipfix_sampling fm_ipfix_sampling_of(const struct fm_ipfix_record *r, uint64_t has);

#endif
