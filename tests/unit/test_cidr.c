/* Ranges of addresses: what they hold, what overlaps, what is none; and which of them the config's lists stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "manifests/config.h"

static struct fm_error err;

static struct fm_cidr range(const char *text)
{
	struct fm_cidr c;

	if (fm_cidr_parse(&c, text, &err) < 0)
		fail_msg("%s", err.message);
	return c;
}

static bool holds(const char *of, const char *text)
{
	struct fm_cidr c = range(of);
	struct fm_address a;

	assert_int_equal(fm_address_parse(text, strlen(text), &a), 0);
	return fm_cidr_holds(&c, &a);
}

static void a_range_holds_its_family_alone(void **state)
{
	(void)state;
	assert_true(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
	assert_true(holds("10.0.0.0/8", "::ffff:10.1.1.1") && !holds("10.0.0.0/8", "a00::1"));
	assert_true(holds("0.0.0.0/0", "255.255.255.255") && !holds("0.0.0.0/0", "::1"));
	assert_true(holds("::/0", "ffff::1") && !holds("::/0", "1.2.3.4"));
	assert_true(holds("2001:db8::/33", "2001:db8:7fff::1") && !holds("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(holds("2001:db8::/64", "2001:db8::ffff:0:0:1") && !holds("2001:db8::/64", "2001:db8:0:1::1"));
	assert_true(holds("2001:DB8::8/125", "2001:db8::f") && !holds("2001:db8::8/125", "2001:db8::10"));
	assert_true(holds("2001:db8::1/128", "2001:db8::1") && !holds("2001:db8::1/128", "2001:db8::2"));
	assert_true(holds("1.2.3.4/32", "1.2.3.4") && !holds("1.2.3.4/32", "1.2.3.5"));
}

static bool overlap(const char *a, const char *b)
{
	struct fm_cidr x = range(a), y = range(b);

	assert_int_equal(fm_cidr_overlap(&x, &y), fm_cidr_overlap(&y, &x));
	return fm_cidr_overlap(&x, &y);
}

static void ranges_overlap_within_a_family(void **state)
{
	(void)state;
	assert_true(overlap("10.0.0.0/8", "10.1.0.0/16") && !overlap("10.0.0.0/8", "11.0.0.0/8"));
	assert_true(overlap("fd00::/8", "fd12:3456:789a::/48") && !overlap("fd00::/8", "fc00::/8"));
	assert_true(overlap("2001:db8::/64", "2001:db8::80/121") &&
		    !overlap("2001:db8::/65", "2001:db8::8000:0:0:0/65"));
	assert_false(overlap("0.0.0.0/0", "::/0"));
}

static void what_is_no_range_is_refused(void **state)
{
	static const char *const text[][2] = {
	    {"10.0.0.0/33", "'10.0.0.0/33' is no range of addresses"},
	    {"fd00::/129", "'fd00::/129' is no range of addresses"},
	    {"fd00::", "is no range of addresses such as 10.0.0.0/8 or fd00::/8"},
	    {"fe80::%eth0/64", "is no range of addresses"},
	    {"fd00::/", "is no range of addresses"},
	    {"here/8", "is no range of addresses"},
	    {"10.0.0.1/8", "'10.0.0.1/8' has bits set beyond its /8: write 10.0.0.0/8"},
	    {"2001:DB8:1::1/47", "has bits set beyond its /47: write 2001:db8::/47"},
	};
	struct fm_cidr c;

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		assert_int_equal(fm_cidr_parse(&c, text[i][0], &err), FM_EINPUT);
		if (!strstr(err.message, text[i][1]))
			fail_msg("\"%s\" does not say \"%s\"", err.message, text[i][1]);
	}
}

static void a_family_that_is_not_named_has_the_usual_ranges(void **state)
{
	struct fm_config cfg = {0};
	struct fm_fresh f;

	(void)state;
	strcpy(cfg.generate.inside[0], "10.128.0.0/9");
	cfg.generate.ninside = 1;
	strcpy(cfg.generate.outside[0], "3fff::/20");
	strcpy(cfg.generate.outside[1], "2001:db8::/32");
	cfg.generate.noutside = 2;
	assert_int_equal(fm_config_fresh(&f, &cfg, true, false, &err), FM_OK);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.text[0], "10.128.0.0/9");
	assert_int_equal(fm_config_fresh(&f, &cfg, true, true, &err), FM_OK);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.text[0], "fd00::/8");
	assert_int_equal(fm_config_fresh(&f, &cfg, false, false, &err), FM_OK);
	assert_int_equal(f.n, 3);
	assert_string_equal(f.text[2], "240.0.0.0/4");
	assert_int_equal(f.range[2].bits, 4);
	assert_int_equal(fm_config_fresh(&f, &cfg, false, true, &err), FM_OK);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.text[0], "3fff::/20");
	assert_true(f.range[1].ipv6 && f.range[1].base[0] == UINT64_C(0x20010db8) << 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_range_holds_its_family_alone),
	    cmocka_unit_test(ranges_overlap_within_a_family),
	    cmocka_unit_test(what_is_no_range_is_refused),
	    cmocka_unit_test(a_family_that_is_not_named_has_the_usual_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
