#include "base/transport.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum fm_transport fm_transport_of(const char *protocol)
{
	/* https://www.iana.org/assignments/protocol-numbers: keywords, usual other names, numbers. */
	static const char *const tcp[] = {"TCP", "6", NULL}, *const ports[] = {"UDP",  "UDPLITE", "UDPL", "UDP-LITE",
									       "SCTP", "DCCP",    "17",   "136",
									       "132",  "33",      NULL},
				 *const icmp[] = {"ICMP", "ICMP6", "ICMPV4", "ICMPV6", "IPV6-ICMP", "1", "58", NULL},
				 *const ipsec[] = {"ESP", "AH", "50", "51", NULL},
				 *const portless[] = {
				     "GRE",  "47",   "IPIP", "IPENCAP", "IP-IN-IP", "4",      "IPV6", "41",
				     "IGMP", "2",    "OSPF", "OSPFIGP", "89",       "PIM",    "103",  "EIGRP",
				     "88",   "VRRP", "112",  "L2TP",    "115",      "RSVP",   "46",   "EGP",
				     "8",    "IGP",  "9",    "ETHERIP", "97",       "IPCOMP", "108",  NULL};
	static const struct {
		enum fm_transport is;
		const char *const *name;
	} kinds[] = {{FM_TRANSPORT_TCP, tcp},
		     {FM_TRANSPORT_PORTS, ports},
		     {FM_TRANSPORT_ICMP, icmp},
		     {FM_TRANSPORT_IPSEC, ipsec},
		     {FM_TRANSPORT_PORTLESS, portless}};

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (const char *const *name = kinds[k].name; *name; name++)
			if (strcasecmp(protocol, *name) == 0)
				return kinds[k].is;
	return FM_TRANSPORT_UNKNOWN;
}

bool fm_flags_are_tcp(const char *flags)
{
	static const char letters[] = "CEUAPRSF"; /* nfdump from 1.7 on has the first two, or a dot for each */
	size_t n = strlen(flags);
	bool tcp = false;

	if (n != 6 && n != 8)
		return false;
	for (size_t i = 0; i < n; i++) {
		char letter = letters[8 - n + i];

		if (flags[i] != letter && flags[i] != '.')
			return false;
		tcp |= flags[i] == letter && letter != 'A';
	}
	return tcp;
}
