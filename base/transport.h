/*
 * transport.h - what a flow can have, by its protocol: ports, TCP flags.
 */
#ifndef FM_BASE_TRANSPORT_H
#define FM_BASE_TRANSPORT_H

#include <stdbool.h>

enum fm_transport {
	FM_TRANSPORT_UNKNOWN, /* a name that says nothing: a flow of it can have anything */
	FM_TRANSPORT_TCP,
	FM_TRANSPORT_PORTS,    /* UDP, UDP-Lite, SCTP, DCCP */
	FM_TRANSPORT_ICMP,     /* no source port; type and code stand in the destination port */
	FM_TRANSPORT_IPSEC,    /* ESP, AH: exporters write their index where others have ports */
	FM_TRANSPORT_PORTLESS, /* GRE, IPIP, OSPF and the like */
};
/* By number or by any usual name, in letters of either case. */
enum fm_transport fm_transport_of(const char *protocol);
/* Do flags, in nfdump's form (.AP.SF), have one that only TCP has?  '.A....' is what exporters write for all other
 * protocols, and other forms say nothing. */
bool fm_flags_are_tcp(const char *flags);
/* Can no flow of it have flags that only TCP has? */
static inline bool fm_transport_flagless(enum fm_transport t)
{
	return t != FM_TRANSPORT_UNKNOWN && t != FM_TRANSPORT_TCP;
}

#endif
