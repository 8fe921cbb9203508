/*
 * rules.h - what a flow record cannot be, and what it rarely is.
 *
 * Shares of the synthetic rows (0 in a good table):
 *
 *     rules.no_packet        pkt below 1
 *     rules.short_bytes      fewer than 20 bytes per packet: no IPv4 header fits (the same limit holds for IPv6)
 *     rules.long_bytes       more than 65,535 bytes per packet
 *     rules.icmp_source_port a source port on ICMP (its type and code are in dp)
 *     rules.same_address     source equal to destination
 *     rules.portless_port    a port on GRE, IPIP and other protocols that are known to have none (base/transport.h)
 *     rules.flags_outside_tcp a flag other than A on a known protocol other than TCP
 *     rules.broken_share     any of these; rules.broken_share_real is the same of the real table
 *
 * Shares that are small in real traffic, of both tables (each name followed by _real and _synthetic):
 *
 *     rules.td_one_packet    a duration above 0 with one packet, of all rows
 *     rules.over_1500        more than 1,500 bytes per packet, of all rows
 *     rules.ports_without    a port on a protocol without ports, of the rows of such protocols; n is their number, and
 *                            without any the share is 0.  Protocols with ports are TCP, UDP, UDP-Lite, SCTP and DCCP,
 *                            by name or number; on ICMP only the source port counts.
 */
#ifndef FM_JUDGE_RULES_H
#define FM_JUDGE_RULES_H

#include "base/error.h"
#include "base/table.h"
#include "manifests/metrics.h"

/* A rule whose columns either table lacks is left out; the union is over those that can be checked. */
int fm_rules(const struct fm_table *real, const struct fm_table *synthetic, const char *prefix, struct fm_metrics *out,
	     struct fm_error *err) FM_MUST_CHECK;

#endif
