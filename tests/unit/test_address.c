/* Addresses: one dictionary a table, in rising order on disk, and numbers that compare between tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/npy.h"
#include "base/rng.h"
#include "base/rows.h"
#include "base/table.h"
#include "tests/unit/ipv4_of.h"
#include "tests/unit/scratch.h"

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		if ((call) != FM_OK)                                                                                   \
			fail_msg("%s: %s", #call, err.message);                                                        \
	} while (0)

static struct fm_error err;

/* As the C library reads it, IPv4 mapped. */
static struct fm_address of_text(const char *s)
{
	struct fm_address a;
	struct in_addr v4;

	if (inet_pton(AF_INET6, s, &a) == 1)
		return a;
	assert_int_equal(inet_pton(AF_INET, s, &v4), 1);
	return fm_address_of_ipv4(ntohl(v4.s_addr));
}

static void ipv4_is_mapped(void **state)
{
	struct fm_address a = of_text("10.1.2.3"), b = of_text("::ffff:10.1.2.3"), c = of_text("::10.1.2.3"),
			  d = of_text("2001:db8::1");
	uint32_t ip;

	(void)state;
	assert_memory_equal(&a, &b, sizeof a);
	assert_true(fm_address_ipv4(&a, &ip));
	assert_int_equal(ip, 0x0a010203);
	assert_false(fm_address_ipv4(&c, &ip));
	assert_false(fm_address_ipv4(&d, &ip));
}

static void keys_and_networks_tell_addresses_apart(void **state)
{
	struct fm_address a = of_text("10.1.2.3"), b = of_text("10.1.200.3"), x = of_text("2001:db8:1:2::1"),
			  y = of_text("2001:db8:1:2::2"), z = of_text("2001:db8:1:3::2"), other = of_text("::10.1.2.3");

	(void)state;
	assert_int_equal(fm_address_key(&a), 0x0a010203);
	assert_true(fm_address_key(&x) != fm_address_key(&y) && fm_address_key(&x) >> 63 == 1);
	assert_true(fm_address_key(&a) != fm_address_key(&other));
	assert_int_equal(fm_address_network(&a, 8), 0x0a0102);
	assert_int_equal(fm_address_network(&a, 16), 0x0a01);
	assert_int_equal(fm_address_network(&b, 16), 0x0a01);
	assert_true(fm_address_network(&x, 8) == fm_address_network(&y, 8));   /* one /64 */
	assert_true(fm_address_network(&x, 8) != fm_address_network(&z, 8));   /* two */
	assert_true(fm_address_network(&x, 16) == fm_address_network(&z, 16)); /* one /48 */
}

static void one_text(const char *text, const char *canonical)
{
	struct fm_address a, back, c = of_text(canonical);
	char out[FM_ADDRESS_TEXT_MAX + 1];

	if (fm_address_parse(text, strlen(text), &a))
		fail_msg("%s is not read", text);
	assert_memory_equal(&a, &c, sizeof a);
	out[fm_address_format(&a, out)] = 0;
	assert_string_equal(out, canonical);
	assert_int_equal(fm_address_parse(out, strlen(out), &back), 0);
	assert_memory_equal(&a, &back, sizeof a);
}

/* The examples of RFC 5952, 1 to 4 and 5, those of RFC 4291, 2.2, and what exporters write. */
static void each_address_has_one_text(void **state)
{
	static const char *const text[][2] = {
	    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	    {"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	    {"2001:db8::1:0:0:1", "2001:db8::1:0:0:1"},
	    {"2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"},
	    {"2001:0db8::1:0:0:1", "2001:db8::1:0:0:1"},
	    {"2001:db8:0:0:1::1", "2001:db8::1:0:0:1"},
	    {"2001:db8:0000:0:1::1", "2001:db8::1:0:0:1"},
	    {"2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"},
	    {"2001:0db8::0001", "2001:db8::1"},
	    {"2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"},
	    {"2001:db8:aaaa:bbbb:cccc:dddd:eeee:001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"},
	    {"2001:db8:aaaa:bbbb:cccc:dddd::1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1"},
	    {"2001:db8:0:0:0::1", "2001:db8::1"},
	    {"2001:db8:0:0::1", "2001:db8::1"},
	    {"2001:db8:0::1", "2001:db8::1"},
	    {"2001:db8::aaaa:0:0:1", "2001:db8::aaaa:0:0:1"},
	    {"2001:db8:0:0:aaaa::1", "2001:db8::aaaa:0:0:1"},
	    {"2001:db8:aaaa:bbbb:cccc:dddd:eeee:AAAA", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"},
	    {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
	    {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	    {"FF01:0:0:0:0:0:0:101", "ff01::101"},
	    {"0:0:0:0:0:0:0:1", "::1"},
	    {"0:0:0:0:0:0:0:0", "::"},
	    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
	    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
	    {"2001:db8::", "2001:db8::"},
	    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
	    {"::FFFF:129.144.52.38", "129.144.52.38"},
	    {"::ffff:8190:3426", "129.144.52.38"},
	    {"0:0:0:0:0:ffff:129.144.52.38", "129.144.52.38"},
	    {"fe80::1%eth0", "fe80::1"},
	    {"fe80::1%4", "fe80::1"},
	    {"FE80::A%en0", "fe80::a"},
	    {"10.1.2.3", "10.1.2.3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		one_text(text[i][0], text[i][1]);
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const text[] = {
	    "",
	    ":",
	    ":::",
	    "1",
	    "1:2:3:4:5:6:7",
	    "1:2:3:4:5:6:7:8:9",
	    "1::2::3",
	    "12345::",
	    "g::",
	    "::1:",
	    ":1::",
	    "1:2:3:4:5:6:7:8::",
	    "::1:2:3:4:5:6:7:8",
	    "1:2:3:4::5:6:7:8",
	    "::1.2.3",
	    "::1.2.3.256",
	    "::01.2.3.4",
	    "1.2.3.4::",
	    "::1.2.3.4:5",
	    "1:2:3:4:5:6:7:1.2.3.4",
	    "::1%",
	    "%eth0",
	    "2001:db8::1/64",
	    "[2001:db8::1]",
	    " ::1",
	    "::1 ",
	    "10.0.0.1:80",
	    "00:11:22:33:44:55",
	    "10.0.0.1%eth0",
	    "1:2:3:4:5:6:7:",
	    "2001:db8..:1",
	    "10.0.0.01",
	    "::ffff:1.2.3.4%",
	    "0x1::",
	};
	struct fm_address a;

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		if (!fm_address_parse(text[i], strlen(text[i]), &a))
			fail_msg("'%s' is read", text[i]);
}

/* Against the C library, over addresses with many zeros and over texts that are nearly addresses. */
static void texts_are_those_of_the_c_library(void **state)
{
	static const char letters[] = "0123456789abcdefABCDEF:::::::..";
	char out[FM_ADDRESS_TEXT_MAX + 1], want[INET6_ADDRSTRLEN], text[24];
	struct fm_address a, b;
	struct fm_rng rng;
	size_t read = 0;

	(void)state;
	fm_rng_init(&rng, 5, FM_RNG_SIMULATE, 0, 0);
	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < 8; k++) {
			unsigned group =
			    fm_rng_below(&rng, 3) ? 0 : fm_rng_u32(&rng) >> fm_rng_below(&rng, 16) & 0xffff;

			a.b[2 * k] = (uint8_t)(k ? group >> 8 : 0x20);
			a.b[2 * k + 1] = (uint8_t)group;
		}
		out[fm_address_format(&a, out)] = 0;
		assert_non_null(inet_ntop(AF_INET6, &a, want, sizeof want));
		assert_string_equal(out, want);
		assert_int_equal(fm_address_parse(out, strlen(out), &b), 0);
		assert_memory_equal(&a, &b, sizeof a);
	}
	for (int i = 0; i < 300000; i++) {
		size_t n = fm_rng_below(&rng, sizeof text - 1);
		bool ours, theirs;

		for (size_t k = 0; k < n; k++)
			text[k] = letters[fm_rng_below(&rng, sizeof letters - 1)];
		text[n] = 0;
		ours = strchr(text, ':') && !fm_address_parse(text, n, &a);
		theirs = inet_pton(AF_INET6, text, &b) == 1;
		if (ours != theirs || (ours && memcmp(&a, &b, sizeof a) != 0))
			fail_msg("'%s': %d, and to the C library %d", text, ours, theirs);
		read += ours;
	}
	assert_true(read > 50);
}

static struct fm_table *table_of(const char *const (*ends)[2], size_t n, const char *inside)
{
	struct fm_table *t = NULL;

	OK(fm_table_new(&t, 1u << FM_SA | 1u << FM_DA | 1u << FM_PKT, &err));
	OK(fm_table_reserve(t, n, &err));
	OK(fm_address_dict_new(&t->addresses, &err));
	for (size_t i = 0; i < n; i++) {
		struct fm_address a = of_text(ends[i][0]), b = of_text(ends[i][1]);

		OK(fm_address_dict_add(t->addresses, &a, !strcmp(ends[i][0], inside), &t->sa[i], &err));
		OK(fm_address_dict_add(t->addresses, &b, !strcmp(ends[i][1], inside), &t->da[i], &err));
		t->pkt[i] = i;
	}
	t->rows = n;
	return t;
}

static const char *const ends[][2] = {
    {"192.168.0.9", "10.0.0.1"}, {"2001:db8::5", "10.0.0.1"}, {"10.0.0.1", "192.168.0.9"}, {"0.0.0.0", "2001:db8::5"}};
#define NENDS (sizeof ends / sizeof *ends)

static void assert_ends(const struct fm_table *t, size_t row, const char *sa, const char *da)
{
	struct fm_address a = fm_table_address(t, t->sa[row]), b = fm_table_address(t, t->da[row]), x = of_text(sa),
			  y = of_text(da);

	assert_memory_equal(&a, &x, sizeof a);
	assert_memory_equal(&b, &y, sizeof b);
	assert_true(fm_table_inside(t, t->sa[row]) == !strcmp(sa, "10.0.0.1"));
}

static void a_dictionary_is_saved_in_order_without_what_no_row_has(void **state)
{
	struct fm_table *t = table_of(ends, NENDS, "10.0.0.1"), *u = NULL;
	struct fm_address stray = of_text("1.2.3.4");
	uint32_t code;

	(void)state;
	OK(fm_address_dict_add(t->addresses, &stray, true, &code, &err));
	assert_int_equal(code, 4);
	OK(fm_table_save(t, scratch_path("t"), &err));
	OK(fm_table_open(&u, scratch_path("t"), &err));
	assert_int_equal(u->addresses->n, 4);
	for (size_t i = 0; i < NENDS; i++)
		assert_ends(u, i, ends[i][0], ends[i][1]);
	for (size_t i = 1; i < u->addresses->n; i++)
		assert_true(memcmp(&u->addresses->at[i - 1], &u->addresses->at[i], 16) < 0);
	assert_int_equal(fm_address_dict_add(u->addresses, &stray, true, &code, &err), FM_ESYSTEM);
	/* In memory the same. */
	OK(fm_table_sort_addresses(t, &err));
	assert_int_equal(t->addresses->n, 4);
	assert_memory_equal(t->sa, u->sa, NENDS * 4);
	assert_memory_equal(t->da, u->da, NENDS * 4);
	fm_table_free(t);
	fm_table_free(u);
}

static void a_table_of_numbers_gets_a_dictionary_when_it_is_saved(void **state)
{
	struct fm_table *t = NULL, *u = NULL;

	(void)state;
	OK(fm_table_new(&t, 1u << FM_SA | 1u << FM_DA, &err));
	OK(fm_table_reserve(t, 5000, &err));
	for (size_t i = 0; i < 5000; i++) {
		t->sa[i] = (uint32_t)(i * 2654435761u);
		t->da[i] = (uint32_t)(i % 7);
	}
	t->rows = 5000;
	OK(fm_table_save(t, scratch_path("numbers"), &err));
	OK(fm_table_open(&u, scratch_path("numbers"), &err));
	assert_int_equal(u->addresses->n, 5000 + 6); /* 0 is in both columns */
	for (size_t i = 0; i < 5000; i++) {
		assert_int_equal(ipv4_of(u, u->sa[i]), t->sa[i]);
		assert_int_equal(ipv4_of(u, u->da[i]), t->da[i]);
		assert_int_equal(fm_table_key(u, FM_SA, i), t->sa[i]);
		assert_int_equal(fm_table_key(t, FM_SA, i), t->sa[i]);
		assert_false(fm_table_inside(u, u->sa[i]));
	}
	fm_table_free(t);
	fm_table_free(u);
}

static void tables_share_one_dictionary(void **state)
{
	static const char *const others[][2] = {{"10.0.0.1", "9.9.9.9"}, {"2001:db8::5", "192.168.0.9"}};
	struct fm_table *a = table_of(ends, NENDS, "10.0.0.1"), *b = table_of(others, 2, "10.0.0.1"), *c = NULL;
	uint32_t row[] = {3, 1};

	(void)state;
	OK(fm_table_take(&c, a, row, 2, &err)); /* has a's */
	assert_ptr_equal(c->addresses, a->addresses);
	OK(fm_tables_share_addresses((struct fm_table *const[]){a, b, c}, 3, &err));
	assert_true(a->addresses == b->addresses && b->addresses == c->addresses);
	assert_int_equal(a->addresses->n, 5);
	for (size_t i = 0; i < NENDS; i++)
		assert_ends(a, i, ends[i][0], ends[i][1]);
	for (size_t i = 0; i < 2; i++) {
		assert_ends(b, i, others[i][0], others[i][1]);
		assert_ends(c, i, ends[row[i]][0], ends[row[i]][1]);
	}
	assert_int_equal(b->sa[1], a->sa[1]);
	fm_table_free(a);
	fm_table_free(b);
	OK(fm_table_sort_addresses(c, &err)); /* the last owner */
	assert_int_equal(c->addresses->n, 3);
	fm_table_free(c);
}

static void rows_are_not_appended_under_another_dictionary(void **state)
{
	struct fm_table *a = table_of(ends, NENDS, "10.0.0.1"), *b = table_of(ends, 2, ""), *c = NULL;

	(void)state;
	OK(fm_table_new(&c, a->present, &err));
	OK(fm_table_append(c, a, 2, &err));
	assert_ends(c, 0, ends[2][0], ends[2][1]);
	assert_int_equal(fm_table_append(c, b, 0, &err), FM_ESYSTEM);
	fm_table_free(a);
	fm_table_free(b);
	fm_table_free(c);
}

static void a_damaged_dictionary_is_refused(void **state)
{
	static const struct {
		const char *file;
		size_t at;
		char byte;
	} edits[] = {
	    {"addresses.npy", FM_NPY_HEADER, 0x7f}, /* the first is behind the second */
	    {"inside.npy", FM_NPY_HEADER + 1, 2},   /* neither 0 nor 1 */
	    {"sa.npy", FM_NPY_HEADER + 4, 4},       /* a code beyond the last */
	    {"addresses.npy", 0, 0},
	    {"inside.npy", 30, 'x'}, /* no such header */
	};
	struct fm_table *t = table_of(ends, NENDS, "10.0.0.1"), *u = NULL;
	const char *dir = scratch_path("damaged");
	struct fm_buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		char path[600];

		OK(fm_table_save(t, dir, &err));
		snprintf(path, sizeof path, "%s/%s", dir, edits[i].file);
		b.len = 0;
		OK(fm_file_read(path, 4096, &b, &err));
		b.data[edits[i].at] = edits[i].byte;
		OK(fm_file_write(path, 0600, b.data, b.len, &err));
		assert_int_equal(fm_table_open(&u, dir, &err), FM_EINPUT);
		assert_non_null(strstr(err.message, edits[i].file));
		OK(fm_file_write(path, 0600, b.data, b.len - 1, &err));
		assert_int_equal(fm_table_open(&u, dir, &err), FM_EINPUT);
	}
	fm_buf_free(&b);
	fm_table_free(t);
}

static void numpy_reads_the_dictionary(void **state)
{
	struct fm_table *t = table_of(ends, NENDS, "10.0.0.1");
	char command[1024];
	int status;

	(void)state;
	OK(fm_table_save(t, scratch_path("numpy"), &err));
	fm_table_free(t);
	if (system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) {
		print_message("no python3 with NumPy\n");
		skip();
	}
	snprintf(command, sizeof command,
		 "cd '%s' && /usr/bin/python3 -c 'import ipaddress, numpy as np\n"
		 "a, i, sa = (np.load(n + \".npy\") for n in (\"addresses\", \"inside\", \"sa\"))\n"
		 "assert a.shape == (4, 16) and i.dtype == bool and i.sum() == 1\n"
		 "assert str(ipaddress.ip_address(a[sa[1]].tobytes())) == \"2001:db8::5\"\n"
		 "assert str(ipaddress.ip_address(a[sa[2]].tobytes()).ipv4_mapped) == \"10.0.0.1\" and i[sa[2]]'",
		 scratch_path("numpy"));
	status = system(command);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ipv4_is_mapped),
	    cmocka_unit_test(keys_and_networks_tell_addresses_apart),
	    cmocka_unit_test(each_address_has_one_text),
	    cmocka_unit_test(what_is_no_address_is_refused),
	    cmocka_unit_test(texts_are_those_of_the_c_library),
	    cmocka_unit_test(a_dictionary_is_saved_in_order_without_what_no_row_has),
	    cmocka_unit_test(a_table_of_numbers_gets_a_dictionary_when_it_is_saved),
	    cmocka_unit_test(tables_share_one_dictionary),
	    cmocka_unit_test(rows_are_not_appended_under_another_dictionary),
	    cmocka_unit_test(a_damaged_dictionary_is_refused),
	    cmocka_unit_test(numpy_reads_the_dictionary),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
