#include "traces/packet.h"

#include <pcap/dlt.h>
#include <string.h>

#define ETHER_IP 0x0800
#define ETHER_IPV6 0x86dd
#define ETHER_VLAN 0x8100
#define ETHER_QINQ 0x88a8
#define ETHER_QINQ_OLD 0x9100
#define ETHER_MPLS 0x8847
#define ETHER_MPLS_MULTICAST 0x8848
#define ETHER_PPPOE 0x8864
#define PPP_IP 0x0021
#define PPP_IPV6 0x0057
#define MAX_TAGS 8       /* of VLAN and MPLS */
#define MAX_EXTENSIONS 8 /* headers of IPv6 */

static const char cut_addresses[] = "the packet is cut before the end of its IP header (snaplen)";
static const char cut_ports[] = "the packet is cut before its ports (snaplen)";
static const char damaged[] = "the IP header is damaged";

/* What is left of a packet; n never passes its end. */
struct view {
	const uint8_t *s;
	size_t n, whole;
};

static unsigned be16(const uint8_t *s)
{
	return (unsigned)s[0] << 8 | s[1];
}

static uint32_t be32(const uint8_t *s)
{
	return (uint32_t)be16(s) << 16 | be16(s + 2);
}

static bool skip(struct view *v, size_t n)
{
	if (v->n < n)
		return false;
	v->s += n;
	v->n -= n;
	v->whole = v->whole > n ? v->whole - n : 0;
	return true;
}

/* ---- to the IP header ---- */

/* After MPLS labels the first half byte says what follows. */
static int behind_mpls(struct view *v)
{
	for (int i = 0; i < MAX_TAGS && v->n >= 4; i++) {
		bool last = v->s[2] & 1;

		skip(v, 4);
		if (last)
			return !v->n ? 0 : v->s[0] >> 4 == 4 ? ETHER_IP : v->s[0] >> 4 == 6 ? ETHER_IPV6 : 0;
	}
	return 0;
}

/* The type of what follows after tags; 0: no IP. */
static int behind_tags(struct view *v, int type)
{
	for (int i = 0; i < MAX_TAGS && (type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD); i++) {
		if (v->n < 4)
			return 0;
		type = (int)be16(v->s + 2);
		skip(v, 4);
	}
	if (type == ETHER_MPLS || type == ETHER_MPLS_MULTICAST)
		return behind_mpls(v);
	if (type == ETHER_PPPOE) {
		if (v->n < 8)
			return 0;
		type = (int)be16(v->s + 6);
		skip(v, 8);
		return type == PPP_IP ? ETHER_IP : type == PPP_IPV6 ? ETHER_IPV6 : 0;
	}
	return type == ETHER_IP || type == ETHER_IPV6 ? type : 0;
}

/* The family of BSD's loopback, in the byte order of the capturing machine: 2 is IPv4, IPv6 has a number on each
 * system. */
static int of_family(const uint8_t *s)
{
	uint32_t family = s[0] ? s[0] : s[3];

	return family == 2 ? ETHER_IP : family == 10 || family == 24 || family == 28 || family == 30 ? ETHER_IPV6 : 0;
}

/* The type of what follows the link layer; 0: no IP; -1: cut. */
static int behind_link(int link, struct view *v)
{
	const uint8_t *s = v->s;
	int type;

	switch (link) {
	case DLT_EN10MB:
		if (!skip(v, 14))
			return -1;
		return behind_tags(v, (int)be16(s + 12));
	case DLT_LINUX_SLL:
		if (!skip(v, 16))
			return -1;
		return behind_tags(v, (int)be16(s + 14));
	case DLT_LINUX_SLL2:
		if (!skip(v, 20))
			return -1;
		return behind_tags(v, (int)be16(s));
	case DLT_NULL:
	case DLT_LOOP:
		if (!skip(v, 4))
			return -1;
		return of_family(s);
	case DLT_PPP:
		if (v->n >= 2 && s[0] == 0xff && s[1] == 3 && skip(v, 2))
			s += 2;
		if (!skip(v, 2))
			return -1;
		type = (int)be16(s);
		return type == PPP_IP ? ETHER_IP : type == PPP_IPV6 ? ETHER_IPV6 : 0;
	default: /* raw */
		return !v->n ? -1 : s[0] >> 4 == 4 ? ETHER_IP : s[0] >> 4 == 6 ? ETHER_IPV6 : 0;
	}
}

bool fm_packet_link_known(int link)
{
	switch (link) {
	case DLT_EN10MB:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_NULL:
	case DLT_LOOP:
	case DLT_PPP:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
#if DLT_RAW != 14
	case 14: /* of OpenBSD */
#endif
	case 101: /* LINKTYPE_RAW */
		return true;
	default:
		return false;
	}
}

/* ---- the IP header and what follows ---- */

static enum fm_packet_kind bad(const char *what, const char **why)
{
	*why = what;
	return FM_PACKET_BAD;
}

/* Ports, type and code. */
static enum fm_packet_kind read_ports(struct view *v, struct fm_packet *p, const char **why)
{
	switch (p->protocol) {
	case 6: /* TCP */
		if (v->n < 14)
			return bad(cut_ports, why);
		p->flags = v->s[13];
		break;
	case 17:  /* UDP */
	case 33:  /* DCCP */
	case 132: /* SCTP */
	case 136: /* UDP-Lite */
		break;
	case 1:  /* ICMP */
	case 58: /* ICMPv6 */
		if (v->n < 2)
			return bad(cut_ports, why);
		p->dp = (uint16_t)be16(v->s);
		return FM_PACKET_IP;
	default:
		return FM_PACKET_IP;
	}
	if (v->n < 4)
		return bad(cut_ports, why);
	p->sp = (uint16_t)be16(v->s);
	p->dp = (uint16_t)be16(v->s + 2);
	return FM_PACKET_IP;
}

static enum fm_packet_kind read_ipv4(struct view *v, struct fm_packet *p, const char **why)
{
	const uint8_t *s = v->s;
	size_t head, total, offset;

	if (v->n < 20)
		return bad(cut_addresses, why);
	head = (size_t)(s[0] & 15) * 4;
	total = be16(s + 2);
	if (s[0] >> 4 != 4 || head < 20 || (total && total < head))
		return bad(damaged, why);
	/* With network cards that cut segments themselves the length is 0. */
	p->bytes = (uint32_t)(total ? total : v->whole);
	p->tos = s[1];
	p->protocol = s[9];
	p->src = fm_address_of_ipv4(be32(s + 12));
	p->dst = fm_address_of_ipv4(be32(s + 16));
	offset = be16(s + 6) & 0x1fff;
	p->fragment = offset || (s[6] & 0x20);
	p->first = !offset;
	p->ident = be16(s + 4);
	if (p->fragment && !p->first)
		return FM_PACKET_IP;
	if (!skip(v, head))
		return bad(cut_addresses, why);
	/* Padding of the link layer is no part of it. */
	if (total && v->n > total - head)
		v->n = total - head;
	return read_ports(v, p, why);
}

static enum fm_packet_kind read_ipv6(struct view *v, struct fm_packet *p, const char **why)
{
	const uint8_t *s = v->s;

	if (v->n < 40)
		return bad(cut_addresses, why);
	if (s[0] >> 4 != 6)
		return bad(damaged, why);
	p->bytes = 40 + be16(s + 4);
	p->tos = (uint8_t)((s[0] & 15) << 4 | s[1] >> 4);
	p->protocol = s[6];
	memcpy(p->src.b, s + 8, 16);
	memcpy(p->dst.b, s + 24, 16);
	skip(v, 40);
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		/* Hop-by-hop, routing and destination options; a fragment's header. */
		if (p->protocol != 0 && p->protocol != 43 && p->protocol != 60 && p->protocol != 44)
			return read_ports(v, p, why);
		if (v->n < 8)
			return bad(cut_ports, why);
		if (p->protocol == 44) {
			p->fragment = true;
			p->first = !(be16(v->s + 2) & 0xfff8);
			p->ident = be32(v->s + 4);
			p->protocol = v->s[0];
			if (!p->first)
				return FM_PACKET_IP;
			skip(v, 8);
			continue;
		}
		p->protocol = v->s[0];
		if (!skip(v, 8 + (size_t)v->s[1] * 8))
			return bad(cut_ports, why);
	}
	return bad(damaged, why);
}

enum fm_packet_kind fm_packet_parse(int link, const uint8_t *s, size_t n, size_t whole, struct fm_packet *p,
				    const char **why)
{
	struct view v = {s, n, whole < n ? n : whole};
	int type = behind_link(link, &v);

	*why = NULL;
	memset(p, 0, sizeof *p);
	if (type < 0)
		return bad(cut_addresses, why);
	if (type == ETHER_IP)
		return read_ipv4(&v, p, why);
	return type == ETHER_IPV6 ? read_ipv6(&v, p, why) : FM_PACKET_OTHER;
}
