#include "traces/service.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	uint16_t port;
} services[] = {
    {"echo", 7},          {"discard", 9},        {"daytime", 13},
    {"chargen", 19},      {"ftp-data", 20},      {"ftp", 21},
    {"ssh", 22},          {"telnet", 23},        {"smtp", 25},
    {"time", 37},         {"whois", 43},         {"tacacs", 49},
    {"domain", 53},       {"bootps", 67},        {"bootpc", 68},
    {"tftp", 69},         {"gopher", 70},        {"finger", 79},
    {"http", 80},         {"www", 80},           {"kerberos", 88},
    {"pop2", 109},        {"pop3", 110},         {"sunrpc", 111},
    {"ident", 113},       {"auth", 113},         {"nntp", 119},
    {"ntp", 123},         {"epmap", 135},        {"netbios-ns", 137},
    {"netbios-dgm", 138}, {"netbios-ssn", 139},  {"imap", 143},
    {"imap2", 143},       {"snmp", 161},         {"snmptrap", 162},
    {"xdmcp", 177},       {"bgp", 179},          {"irc", 194},
    {"ldap", 389},        {"https", 443},        {"microsoft-ds", 445},
    {"kpasswd", 464},     {"submissions", 465},  {"isakmp", 500},
    {"biff", 512},        {"exec", 512},         {"login", 513},
    {"who", 513},         {"shell", 514},        {"syslog", 514},
    {"printer", 515},     {"rip", 520},          {"router", 520},
    {"uucp", 540},        {"klogin", 543},       {"rtsp", 554},
    {"nntps", 563},       {"submission", 587},   {"ipp", 631},
    {"ldaps", 636},       {"ftps-data", 989},    {"ftps", 990},
    {"telnets", 992},     {"imaps", 993},        {"pop3s", 995},
    {"socks", 1080},      {"openvpn", 1194},     {"ms-sql-s", 1433},
    {"ms-sql-m", 1434},   {"l2tp", 1701},        {"pptp", 1723},
    {"radius", 1812},     {"radius-acct", 1813}, {"ssdp", 1900},
    {"nfs", 2049},        {"mysql", 3306},       {"ms-wbt-server", 3389},
    {"stun", 3478},       {"svn", 3690},         {"sip", 5060},
    {"sips", 5061},       {"xmpp-client", 5222}, {"mdns", 5353},
    {"postgresql", 5432}, {"amqp", 5672},        {"redis", 6379},
    {"http-alt", 8080},   {"https-alt", 8443},
};

bool fm_service_port(const char *s, size_t n, uint64_t *port)
{
	for (size_t i = 0; i < sizeof services / sizeof *services; i++)
		if (strlen(services[i].name) == n && strncasecmp(services[i].name, s, n) == 0) {
			*port = services[i].port;
			return true;
		}
	return false;
}
