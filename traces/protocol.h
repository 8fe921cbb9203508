/*
 * protocol.h - the protocol of a flow, one form for each: 6, 6.0, tcp, Tcp and TCP are "TCP".
 *
 * The form is the keyword of IANA's registry "Assigned Internet Protocol Numbers", as nfdump and UGR'16 spell it where
 * they differ (IPIP for 4, ICMP6 for 58, OSPF for 89). Numbers without a keyword stay numbers: 61, 94 (because IPIP
 * means 4), 255. Protocol 0 is "0", which is what exporters write for none. A word that is not in the registry, such as
 * Argus's arp, becomes upper case.
 */
#ifndef FM_TRACES_PROTOCOL_H
#define FM_TRACES_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* s[0..n) in its one form in out, cap > n + 16 bytes; returns its length. Bytes that are not ASCII stay. */
size_t fm_protocol_name(const char *s, size_t n, char *out);
/* The number of a name in any usual spelling, or -1. */
int fm_protocol_number(const char *s, size_t n);
/* Is it a number, and that of no protocol: 256, -1? */
bool fm_protocol_is_no_number(const char *s, size_t n);
/* ICMP and ICMPv6, whose ports are type * 256 + code. */
static inline bool fm_protocol_is_icmp(int number)
{
	return number == 1 || number == 58;
}
/* The type and code of the answer to an ICMP message: RFC 792, RFC 4443 (4). Those without an answer stay. */
uint16_t fm_protocol_icmp_reply(int number, uint16_t type_code);

#endif
