/* Canonical JSON: one text for one value, the one that RFC 8785 asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "manifests/canon.h"

static void canonical_is(const char *in, const char *want)
{
	struct fm_error err = {0};
	struct fm_buf b = {0};
	json_t *v = json_loads(in, JSON_DECODE_ANY, NULL);

	assert_non_null(v);
	assert_int_equal(fm_json_canonical(v, &b, &err), FM_OK);
	assert_string_equal(b.data, want);
	fm_buf_free(&b);
	json_decref(v);
}

static void number_is(uint64_t bits, const char *want)
{
	struct fm_error err = {0};
	struct fm_buf b = {0};
	double d;

	memcpy(&d, &bits, sizeof(d));
	json_t *v = json_real(d);
	assert_int_equal(fm_json_canonical(v, &b, &err), FM_OK);
	assert_string_equal(b.data, want);
	fm_buf_free(&b);
	json_decref(v);
}

/* RFC 8785, appendix B. */
static void test_numbers_of_the_rfc(void **state)
{
	(void)state;
	number_is(0x0000000000000000, "0");
	number_is(0x8000000000000000, "0");
	number_is(0x0000000000000001, "5e-324");
	number_is(0x8000000000000001, "-5e-324");
	number_is(0x7fefffffffffffff, "1.7976931348623157e+308");
	number_is(0xffefffffffffffff, "-1.7976931348623157e+308");
	number_is(0x4340000000000000, "9007199254740992");
	number_is(0xc340000000000000, "-9007199254740992");
	number_is(0x4430000000000000, "295147905179352830000");
	number_is(0x44b52d02c7e14af5, "9.999999999999997e+22");
	number_is(0x44b52d02c7e14af6, "1e+23");
	number_is(0x44b52d02c7e14af7, "1.0000000000000001e+23");
	number_is(0x444b1ae4d6e2ef4e, "999999999999999700000");
	number_is(0x444b1ae4d6e2ef4f, "999999999999999900000");
	number_is(0x444b1ae4d6e2ef50, "1e+21");
	number_is(0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7");
	number_is(0x3eb0c6f7a0b5ed8d, "0.000001");
	number_is(0x41b3de4355555553, "333333333.3333332");
	number_is(0x41b3de4355555554, "333333333.33333325");
	number_is(0x41b3de4355555555, "333333333.3333333");
	number_is(0x41b3de4355555556, "333333333.3333334");
	number_is(0x41b3de4355555557, "333333333.33333343");
	number_is(0xbecbf647612f3696, "-0.0000033333333333333333");
	number_is(0x43143ff3c1cb0959, "1424953923781206.2");
}

/* Which have no point and no exponent below 10^21. */
static void test_numbers_beyond_64_bits_are_read(void **state)
{
	static const char text[] =
	    "{\"a\":[100000000000000000000,-9223372036854775809],\"b\":9223372036854775807,"
	    "\"c 99999999999999999999\":\"\\\"99999999999999999999\",\"d\":0.99999999999999999999,"
	    "\"e\":1.5e+20,\"f\":true}";
	const char *const bad[] = {"{\"a\":1e400}", "{\"a\":99999999999999999999,}", "99999999999999999999x"};
	json_t *v = fm_json_parse(text, strlen(text), JSON_REJECT_DUPLICATES, NULL);

	(void)state;
	assert_non_null(v);
	assert_true(json_number_value(json_array_get(json_object_get(v, "a"), 0)) == 1e20);
	assert_true(json_number_value(json_array_get(json_object_get(v, "a"), 1)) == -0x1p63);
	assert_true(json_integer_value(json_object_get(v, "b")) == INT64_MAX);
	assert_string_equal(json_string_value(json_object_get(v, "c 99999999999999999999")), "\"99999999999999999999");
	assert_true(json_number_value(json_object_get(v, "d")) == 1);
	json_decref(v);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(fm_json_parse(bad[i], strlen(bad[i]), JSON_DECODE_ANY, NULL));
}

static size_t takes, most;

static void *take_up_to_most(size_t n)
{
	return takes++ < most ? malloc(n) : NULL;
}

/* Memory for what long integers take more is asked of the allocator that is watched (base/json_memory.h): else a
 * document would be called damaged where there was none. */
static void test_numbers_beyond_64_bits_take_watched_memory(void **state)
{
	static const char text[] = "99999999999999999999", same[] = "99999999999999999999e0";
	size_t integer, real;
	json_malloc_t before;
	json_free_t give;

	(void)state;
	json_get_alloc_funcs(&before, &give);
	json_set_alloc_funcs(take_up_to_most, free);
	most = SIZE_MAX;
	takes = 0;
	assert_null(json_loadb(text, strlen(text), JSON_DECODE_ANY, NULL));
	integer = takes;
	takes = 0;
	json_decref(json_loadb(same, strlen(same), JSON_DECODE_ANY, NULL));
	real = takes;
	takes = 0;
	json_decref(fm_json_parse(text, strlen(text), JSON_DECODE_ANY, NULL));
	assert_int_equal(takes, integer + 1 + real);
	for (most = 0; most < integer + 1 + real; most++) {
		takes = 0;
		assert_null(fm_json_parse(text, strlen(text), JSON_DECODE_ANY, NULL));
	}
	json_set_alloc_funcs(before, give);
}

/* Powers of two, where the nearest 16 digits do not read back but their neighbours do. */
static void test_the_shortest_digits_beside_powers_of_two(void **state)
{
	(void)state;
	number_is(0x3d30000000000000, "5.684341886080802e-14"); /* 2^-44 */
	number_is(0x3ff0000000000000, "1");
	number_is(0x0010000000000000, "2.2250738585072014e-308");
	number_is(0x3fb999999999999a, "0.1");
	number_is(0x4059066666666666, "100.1");
}

static void test_every_number_reads_back(void **state)
{
	uint64_t x = 88172645463325252u;
	int tried = 0;

	(void)state;
	while (tried < 20000) {
		struct fm_error err;
		struct fm_buf b = {0};
		double d;
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(&d, &x, sizeof(d));
		if (!isfinite(d))
			continue;
		json_t *v = json_real(d);
		assert_int_equal(fm_json_canonical(v, &b, &err), FM_OK);
		assert_true(strtod(b.data, NULL) == d);
		fm_buf_free(&b);
		json_decref(v);
		tried++;
	}
}

/* RFC 8785, sections 3.2.2 and 3.2.3. */
static void test_texts_of_the_rfc(void **state)
{
	(void)state;
	canonical_is("{\"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],"
		     "\"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\","
		     "\"literals\": [null, true, false]}",
		     "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
		     "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
	canonical_is(
	    "{\"\\u20ac\": \"Euro Sign\", \"\\r\": \"Carriage Return\", \"\\ufb33\": \"Hebrew Letter Dalet With "
	    "Dagesh\","
	    "\"1\": \"One\", \"\\ud83d\\ude00\": \"Emoji: Grinning Face\", \"\\u0080\": \"Control\","
	    "\"\\u00f6\": \"Latin Small Letter O With Diaeresis\"}",
	    "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
	    "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
	    "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
	canonical_is("\"\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\"", "\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\"");
	canonical_is("{\"a\":{},\"aa\":[],\"\":0}", "{\"\":0,\"a\":{},\"aa\":[]}");
}

static void test_integers_are_exact(void **state)
{
	(void)state;
	canonical_is("[9223372036854775807,-9223372036854775808,9007199254740993]",
		     "[9223372036854775807,-9223372036854775808,9007199254740993]");
}

static void test_what_is_no_number_is_refused(void **state)
{
	struct fm_error err = {0};
	struct fm_buf b = {0};
	json_t *v = json_array(), *deep = json_array();

	(void)state;
	/* jansson makes no such number, so neither can we be given one but by NULL. */
	assert_null(json_real(NAN));
	assert_int_not_equal(fm_json_canonical(NULL, &b, &err), FM_OK);
	for (int i = 0; i < 1500; i++) {
		json_t *outer = json_array();
		json_array_append_new(outer, deep);
		deep = outer;
	}
	assert_int_equal(fm_json_canonical(deep, &b, &err), FM_EINPUT);
	json_decref(deep);
	json_decref(v);
	fm_buf_free(&b);
}

static void test_pretty_has_the_same_numbers_and_order(void **state)
{
	struct fm_error err = {0};
	struct fm_buf b = {0};
	json_t *v = json_loads("{\"b\":[1,2.50],\"a\":{},\"c\":[]}", 0, NULL);

	(void)state;
	assert_int_equal(fm_json_pretty(v, &b, &err), FM_OK);
	assert_string_equal(b.data, "{\n  \"a\": {},\n  \"b\": [\n    1,\n    2.5\n  ],\n  \"c\": []\n}\n");
	fm_buf_free(&b);
	json_decref(v);
}

static void test_digest_ignores_how_it_was_written(void **state)
{
	struct fm_error err = {0};
	char one[FM_SHA256_HEX], two[FM_SHA256_HEX], three[FM_SHA256_HEX];
	json_t *a = json_loads("{\"x\": 1e0, \"y\": [true]}", 0, NULL),
	       *b = json_loads("{\"y\":[true],\"x\":1.0}", 0, NULL), *c = json_loads("{\"y\":[true],\"x\":2}", 0, NULL);

	(void)state;
	assert_int_equal(fm_json_digest(a, one, &err), FM_OK);
	assert_int_equal(fm_json_digest(b, two, &err), FM_OK);
	assert_int_equal(fm_json_digest(c, three, &err), FM_OK);
	assert_string_equal(one, two);
	assert_string_not_equal(one, three);
	json_decref(a);
	json_decref(b);
	json_decref(c);
}

static char dir[256];

static int make_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/fm-canon-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	(void)state;
	return fm_dir_remove(dir, NULL);
}

static void load_fails(const char *text, size_t n, const char *says)
{
	struct fm_error err = {0};
	char path[300];
	json_t *v;

	snprintf(path, sizeof(path), "%s/bad.json", dir);
	assert_int_equal(fm_file_write(path, 0600, text, n, &err), FM_OK);
	assert_int_equal(fm_json_load(&v, path, 1000, &err), FM_EINPUT);
	assert_null(v);
	if (strstr(err.message, says) == NULL || strstr(err.message, "bad.json") == NULL)
		fail_msg("'%s' does not say '%s'", err.message, says);
}

static void test_bad_files_are_refused(void **state)
{
	static char big[2000];
	struct fm_error err = {0};
	json_t *v;

	(void)state;
	memset(big, ' ', sizeof(big));
	load_fails("", 0, ":1:");
	load_fails("{\"a\":1,\n\"a\":2}", 14, ":2:");
	load_fails("{\"a\":1} x", 9, ":1:");
	load_fails("{\"a\":NaN}", 9, ":1:");
	load_fails("{\"a\":1e999}", 11, ":1:");
	load_fails("{\"a\":\"\xff\"}", 9, ":1:");
	load_fails("{\"a\0\":1}", 8, ":1:");
	load_fails(big, sizeof(big), "");
	assert_int_equal(fm_json_load(&v, "/nowhere/at/all.json", 1000, &err), FM_EINPUT);
}

static void test_saved_is_loaded(void **state)
{
	struct fm_error err = {0};
	char path[300];
	json_t *v = json_loads("{\"a\":[1,0.1,\"\\u00e9\"]}", 0, NULL), *w;

	(void)state;
	snprintf(path, sizeof(path), "%s/good.json", dir);
	assert_int_equal(fm_json_save(v, path, &err), FM_OK);
	assert_int_equal(fm_json_load(&w, path, 1000, &err), FM_OK);
	assert_true(json_equal(v, w));
	json_decref(v);
	json_decref(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers_of_the_rfc),
	    cmocka_unit_test(test_numbers_beyond_64_bits_are_read),
	    cmocka_unit_test(test_numbers_beyond_64_bits_take_watched_memory),
	    cmocka_unit_test(test_the_shortest_digits_beside_powers_of_two),
	    cmocka_unit_test(test_every_number_reads_back),
	    cmocka_unit_test(test_texts_of_the_rfc),
	    cmocka_unit_test(test_integers_are_exact),
	    cmocka_unit_test(test_what_is_no_number_is_refused),
	    cmocka_unit_test(test_pretty_has_the_same_numbers_and_order),
	    cmocka_unit_test(test_digest_ignores_how_it_was_written),
	    cmocka_unit_test(test_bad_files_are_refused),
	    cmocka_unit_test(test_saved_is_loaded),
	};
	return cmocka_run_group_tests_name("canon", tests, make_dir, drop_dir);
}
