/*
 * packet.h - one captured packet -> what identifies its flow (addresses, ports, protocol), and what it adds to the
 * flow.
 *
 * Link layers: Ethernet with 802.1Q and 802.1ad tags, MPLS and PPPoE; Linux cooked captures (SLL, SLL2); raw IP; the
 * loopback of BSD. The outermost IP header is the flow's: a tunnel (GRE, IPIP) is a flow of its protocol. ICMP has type
 * * 256 + code as its destination port, as in nfdump and UGR'16. Extension headers of IPv6 are passed over.
 */
#ifndef FM_TRACES_PACKET_H
#define FM_TRACES_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct fm_packet {
	struct fm_address src, dst;
	uint16_t sp, dp;
	uint8_t protocol, tos, flags; /* flags: of TCP, as in its header; tos: IPv6's traffic class too */
	uint32_t bytes;               /* of the IP packet, with its header */
	bool fragment, first;         /* part of a datagram; the part with the ports */
	uint32_t ident;               /* of that datagram */
};
enum fm_packet_kind {
	FM_PACKET_IP,
	FM_PACKET_OTHER, /* of no IP: ARP, spanning tree, ... */
	FM_PACKET_BAD,
};
/* s[0..n): what was captured of a packet that had `whole` bytes on the wire. *why: the reason for FM_PACKET_BAD, else
 * NULL. */
enum fm_packet_kind fm_packet_parse(int link, const uint8_t *s, size_t n, size_t whole, struct fm_packet *p,
				    const char **why);
/* Can packets of this link layer (DLT_* of libpcap) be parsed? */
bool fm_packet_link_known(int link);

#endif
