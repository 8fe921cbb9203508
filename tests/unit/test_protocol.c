/* One protocol, one form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/transport.h"
#include "traces/protocol.h"

static void assert_form(const char *text, const char *form)
{
	char out[300];
	size_t n = fm_protocol_name(text, strlen(text), out);

	assert_int_equal(n, strlen(form));
	assert_string_equal(out, form);
}

static void spellings_have_one_form(void **state)
{
	static const char *const same[][6] = {
	    {"TCP", "tcp", "Tcp", "6", "6.0", "0x06"},
	    {"UDP", "udp", "17", "17.0", "Udp", "UDP"},
	    {"TCP", "tcp6", "TCP(6)", "tcp (6)", "TCP4", "6"},
	    {"UDP", "udp6", "UDP(17)", "udp/17", "UDP4", "17"},
	    {"TCP", "6/tcp", "6-TCP", "6 tcp", "6 (TCP)", "06:tcp"},
	    {"7/TCP", "7/tcp", "7/TCP", "7/Tcp", "7/tcp", "7/tcP"},
	    {"TCP7", "tcp7", "TCP7", "Tcp7", "tcp7", "tcp7"},
	    {"ICMP", "icmp", "1", "1.0", "Icmp", "ICMP"},
	    {"ICMP6", "58", "ipv6-icmp", "ICMPv6", "IPv6-ICMP", "icmp6"},
	    {"IPIP", "4", "IPv4", "ipencap", "IP-ENCAP", "ipip"},
	    {"IPv6", "41", "ipv6", "IPV6", "41.0", "IPv6"},
	    {"OSPF", "89", "OSPFIGP", "ospf", "Ospf", "89.0"},
	    {"UDPLITE", "136", "UDPLite", "udp-lite", "udpl", "136.0"},
	    {"IPv6-NoNxt", "59", "ipv6-no", "IPv6-NoNxt", "ipv6_nonxt", "59.0"},
	    {"GRE", "47", "gre", "Gre", "47.0", "GRE"},
	    {"ESP", "50", "esp", "Esp", "50.0", "ESP"},
	    {"0", "HOPOPT", "hopopt", "0.0", "0", "00"},
	    {"SCTP", "132", "sctp", "Sctp", "132.0", "SCTP"},
	    {"ARP", "arp", "Arp", "ARP", "arp", "ARP"},
	    {"94", "94", "94.0", "094", "94", "94"},
	    {"61", "61", "61.0", "061", "0x3d", "0X3D"},
	    {"255", "255", "255.0", "255", "255", "255"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		for (size_t k = 0; k < 6; k++)
			assert_form(same[i][k], same[i][0]);
	assert_form("256", "256");
	assert_form("6.5", "6.5");
	assert_form("-6", "-6");
	assert_form("\xc3\xa9", "\xc3\xa9");
	assert_form("", "");
}

/* Every number, its form, and back; no two numbers have one form. */
static void forms_and_numbers_are_one_to_one(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char text[8], form[300];
		size_t n = (size_t)snprintf(text, sizeof text, "%d", i);

		n = fm_protocol_name(text, n, form);
		assert_int_equal(fm_protocol_number(form, n), i);
		assert_form(form, form);
	}
}

/* Known by number, by name and by the form that traces are read in. */
static void what_a_protocol_can_have_is_known_by_any_name(void **state)
{
	static const struct {
		enum fm_transport is;
		const char *name[6];
	} known[] = {
	    {FM_TRANSPORT_TCP, {"TCP", "tcp", "6"}},
	    {FM_TRANSPORT_PORTS, {"UDP", "17", "SCTP", "132", "udplite", "DCCP"}},
	    {FM_TRANSPORT_ICMP, {"ICMP", "1", "ipv6-icmp", "58", "ICMPv6"}},
	    {FM_TRANSPORT_IPSEC, {"ESP", "50", "ah"}},
	    {FM_TRANSPORT_PORTLESS, {"GRE", "47", "IPIP", "ipencap", "ospf", "IPv6"}},
	    {FM_TRANSPORT_UNKNOWN, {"0", "ARP", "255", "other", ""}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		for (size_t k = 0; k < 6 && known[i].name[k]; k++) {
			char form[64];
			fm_protocol_name(known[i].name[k], strlen(known[i].name[k]), form);
			assert_int_equal(fm_transport_of(known[i].name[k]), known[i].is);
			assert_int_equal(fm_transport_of(form), known[i].is);
		}
}

static void flags_of_tcp_are_known(void **state)
{
	static const char *const tcp[] = {"....S.", ".AP.SF", "U.....", "...R..", "C.......", ".E.A..S.", "...AP..F"},
				 *const any[] = {"......", ".A....", "........", "...A....", "",     "S",
						 "SF",     "CON",    "....X.",   "S.....",   "0x12", "."};

	(void)state;
	for (size_t i = 0; i < sizeof tcp / sizeof *tcp; i++)
		assert_true(fm_flags_are_tcp(tcp[i]));
	for (size_t i = 0; i < sizeof any / sizeof *any; i++)
		assert_false(fm_flags_are_tcp(any[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spellings_have_one_form),
	    cmocka_unit_test(forms_and_numbers_are_one_to_one),
	    cmocka_unit_test(what_a_protocol_can_have_is_known_by_any_name),
	    cmocka_unit_test(flags_of_tcp_are_known),
	};
	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
