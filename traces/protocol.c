#include "traces/protocol.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define SPELLED_MAX 32

/* https://www.iana.org/assignments/protocol-numbers; "" where the registry has no keyword, or one that is taken. */
static const char *const names[] = {
    "0",           "ICMP",       "IGMP",        "GGP",        "IPIP",
    "ST",          "TCP",        "CBT",         "EGP",        "IGP",
    "BBN-RCC-MON", "NVP-II",     "PUP",         "ARGUS",      "EMCON",
    "XNET",        "CHAOS",      "UDP",         "MUX",        "DCN-MEAS",
    "HMP",         "PRM",        "XNS-IDP",     "TRUNK-1",    "TRUNK-2",
    "LEAF-1",      "LEAF-2",     "RDP",         "IRTP",       "ISO-TP4",
    "NETBLT",      "MFE-NSP",    "MERIT-INP",   "DCCP",       "3PC",
    "IDPR",        "XTP",        "DDP",         "IDPR-CMTP",  "TP++",
    "IL",          "IPv6",       "SDRP",        "IPv6-Route", "IPv6-Frag",
    "IDRP",        "RSVP",       "GRE",         "DSR",        "BNA",
    "ESP",         "AH",         "I-NLSP",      "SWIPE",      "NARP",
    "MOBILE",      "TLSP",       "SKIP",        "ICMP6",      "IPv6-NoNxt",
    "IPv6-Opts",   "",           "CFTP",        "",           "SAT-EXPAK",
    "KRYPTOLAN",   "RVD",        "IPPC",        "",           "SAT-MON",
    "VISA",        "IPCV",       "CPNX",        "CPHB",       "WSN",
    "PVP",         "BR-SAT-MON", "SUN-ND",      "WB-MON",     "WB-EXPAK",
    "ISO-IP",      "VMTP",       "SECURE-VMTP", "VINES",      "TTP",
    "NSFNET-IGP",  "DGP",        "TCF",         "EIGRP",      "OSPF",
    "Sprite-RPC",  "LARP",       "MTP",         "AX.25",      "",
    "MICP",        "SCC-SP",     "ETHERIP",     "ENCAP",      "",
    "GMTP",        "IFMP",       "PNNI",        "PIM",        "ARIS",
    "SCPS",        "QNX",        "A/N",         "IPComp",     "SNP",
    "Compaq-Peer", "IPX-in-IP",  "VRRP",        "PGM",        "",
    "L2TP",        "DDX",        "IATP",        "STP",        "SRP",
    "UTI",         "SMP",        "SM",          "PTP",        "ISIS",
    "FIRE",        "CRTP",       "CRUDP",       "SSCOPMCE",   "IPLT",
    "SPS",         "PIPE",       "SCTP",        "FC",         "RSVP-E2E-IGNORE",
    "MOBILITY",    "UDPLITE",    "MPLS-in-IP",  "manet",      "Shim6",
    "WESP",        "ROHC",       "Ethernet",    "AGGFRAG",    "NSH",
    "Homa",
};
#define NNAMES ((int)(sizeof names / sizeof *names))

/* Other spellings, in capital letters and without what spelled() drops: the registry's own, /etc/protocols, Argus,
 * nfdump, Wireshark. */
static const struct {
	const char *name;
	int number;
} others[] = {
    {"HOPOPT", 0},    {"IPV4", 4},       {"IPENCAP", 4},        {"IPINIP", 4},
    {"IPNIP", 4},     {"ICMPV6", 58},    {"IPV6ICMP", 58},      {"OSPFIGP", 89},
    {"IPV6NO", 59},   {"IPV6NONXT", 59}, {"IPV6ROUT", 43},      {"IPV6RTE", 43},
    {"IPV6FRAG", 44}, {"IPV6OPT", 60},   {"UDPL", 136},         {"MOBILITYHEADER", 135},
    {"MH", 135},      {"AUTH", 51},      {"IPSECAH", 51},       {"IPSECESP", 50},
    {"TTPIPTM", 84},  {"IPTM", 84},      {"ISISOVERIPV4", 124}, {"MINIPV4", 55},
    {"BBNRCC", 10},   {"BBNRCCMO", 10},  {"RSPF", 73},          {"IPCOMP", 108},
    {"BNR", 49},      {"RSVPE2EI", 134}, {"HMPHOST", 20},       {"ROUTE6", 43},
    {"FRAG6", 44},    {"NONXT6", 59},    {"TCP4", 6},           {"TCP6", 6},
    {"UDP4", 17},     {"UDP6", 17},
};

/* Capital letters, digits and '+' alone, without what stands between words; 0 when nothing or too much is left, or
 * other bytes than ASCII's are there. */
static size_t spelled(const char *s, size_t n, char out[SPELLED_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 32) : s[i];

		if (strchr(" -_./()", c) && c)
			continue;
		if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+') || len + 1 == SPELLED_MAX)
			return 0;
		out[len++] = c;
	}
	out[len] = 0;
	return len;
}

/* After a name: nothing, or its number once more, as in TCP(6)? */
static bool is_own_number(const char *s, int number)
{
	uint64_t v;

	return !*s || (!fm_parse_u64(s, strlen(s), 255, &v) && (int)v == number);
}

/* 6 (TCP), 6/tcp, 6-TCP: the number, where the name behind it is its own; else -1. */
static int number_and_name(const char *s, size_t n)
{
	size_t digits = 0, name;
	uint64_t v;

	while (digits < n && s[digits] >= '0' && s[digits] <= '9')
		digits++;
	for (name = digits; name < n && s[name] && strchr(" (/-_:", s[name]); name++)
		continue;
	n -= s[n - 1] == ')';
	if (name == digits || name >= n || (s[name] | 0x20) < 'a' || (s[name] | 0x20) > 'z' ||
	    fm_parse_u64(s, digits, 255, &v))
		return -1;
	return fm_protocol_number(s + name, n - name) == (int)v ? (int)v : -1;
}

int fm_protocol_number(const char *s, size_t n)
{
	char text[SPELLED_MAX], name[SPELLED_MAX];
	size_t len;
	int64_t v;

	if (n > 2 && s[0] >= '0' && s[0] <= '9' && (v = number_and_name(s, n)) >= 0)
		return (int)v;
	if (n > 2 && n < 6 && s[0] == '0' && (s[1] | 0x20) == 'x') {
		for (v = 0, s += 2, n -= 2; n; s++, n--)
			v = fm_hex_digit(*s) < 0 ? INT16_MAX : v * 16 + fm_hex_digit(*s);
		return v <= 255 ? (int)v : -1;
	}
	if (n && s[0] >= '0' && s[0] <= '9' && !fm_parse_scaled(s, n, 6, &v))
		return v % 1000000 == 0 && v / 1000000 <= 255 ? (int)(v / 1000000) : -1;
	if (!spelled(s, n, text))
		return -1;
	for (int i = 0; i < NNAMES; i++)
		if ((len = spelled(names[i], strlen(names[i]), name)) && !strncmp(name, text, len) &&
		    is_own_number(text + len, i))
			return i;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (!strcmp(others[i].name, text))
			return others[i].number;
	return -1;
}

bool fm_protocol_is_no_number(const char *s, size_t n)
{
	double v;

	return n && !fm_parse_double(s, n, &v) && fm_protocol_number(s, n) < 0;
}

size_t fm_protocol_name(const char *s, size_t n, char *out)
{
	int number = fm_protocol_number(s, n);

	if (number >= 0 && number < NNAMES && *names[number]) {
		strcpy(out, names[number]);
		return strlen(out);
	}
	if (number >= 0)
		return (size_t)sprintf(out, "%d", number);
	for (size_t i = 0; i < n; i++)
		out[i] = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 32) : s[i];
	out[n] = 0;
	return n;
}

uint16_t fm_protocol_icmp_reply(int number, uint16_t type_code)
{
	switch (type_code >> 8) {
	case 8:
		return number == 1 ? 0 : type_code;
	case 13:
	case 15:
	case 17:
		return number == 1 ? (uint16_t)(type_code + 256) : type_code;
	case 128:
		return number == 58 ? 129 << 8 : type_code;
	default:
		return type_code;
	}
}
