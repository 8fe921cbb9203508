/* The data sheet says of whom the flows do not stand for: what ingest left out, and nothing where it read all; and from
 * which ranges the addresses are. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "release/metadata.h"

static void sheet(const json_t *left_out, const json_t *filled, const char *address, struct fm_buf *out)
{
	struct fm_config *cfg = calloc(1, sizeof *cfg);
	struct fm_verdict verdict = {0};
	struct fm_dialect *d = NULL;
	struct fm_table *t = NULL;
	struct fm_error err;
	json_t *generator = json_pack("{s:s, s:s}", "model", "a model.", "addresses", "at random");

	assert_non_null(cfg);
	assert_int_equal(fm_dialect_load(&d, "ugr16", &err), FM_OK);
	assert_int_equal(fm_table_new(&t, FM_COLS_UGR16, &err), FM_OK);
	if (address) {
		struct fm_address a;
		uint32_t code;

		assert_int_equal(fm_address_parse(address, strlen(address), &a), 0);
		assert_int_equal(fm_address_dict_new(&t->addresses, &err), FM_OK);
		assert_int_equal(fm_address_dict_add(t->addresses, &a, false, &code, &err), FM_OK);
	}
	strcpy(cfg->generate.inside[cfg->generate.ninside++], "10.9.0.0/16");
	assert_int_equal(fm_readme_text(&(struct fm_metadata_in){.cfg = cfg,
								 .dialect = d,
								 .table = t,
								 .verdict = &verdict,
								 .date = "",
								 .generator = generator,
								 .left_out = left_out,
								 .filled = filled},
					out, &err),
			 FM_OK);
	fm_buf_add(out, "", 1);
	json_decref(generator);
	fm_table_free(t);
	fm_dialect_free(d);
	free(cfg);
}

static void what_was_left_out_stands_in_the_data_sheet(void **state)
{
	json_t *j = json_pack("{s:f, s:[{s:s, s:f}]}", "share", 0.17, "reasons", "reason",
			      "sa and da are of two families", "share", 0.17);
	struct fm_buf b = {0};

	(void)state;
	sheet(j, NULL, NULL, &b);
	assert_non_null(strstr(b.data, "Up to 17 % of the rows of the trace could not be used and were left out"));
	assert_non_null(strstr(b.data, "\n- up to 17 %: sa and da are of two families\n"));
	fm_buf_free(&b);
	sheet(NULL, NULL, NULL, &b);
	assert_null(strstr(b.data, "left out"));
	fm_buf_free(&b);
	json_decref(j);
}

static void so_do_missing_values_that_count_as_0(void **state)
{
	json_t *j = json_pack("{s:f}", "share", 0.1);
	struct fm_buf b = {0};

	(void)state;
	sheet(NULL, j, NULL, &b);
	assert_non_null(strstr(b.data, "In up to 10 % of the rows of the trace a value was missing and counts as 0"));
	fm_buf_free(&b);
	sheet(NULL, NULL, NULL, &b);
	assert_null(strstr(b.data, "missing"));
	fm_buf_free(&b);
	json_decref(j);
}

static void ranges_are_those_of_the_families_that_are_there(void **state)
{
	struct fm_buf b = {0};

	(void)state;
	sheet(NULL, NULL, "10.9.0.1", &b);
	assert_non_null(strstr(b.data, "\ninside: 10.9.0.0/16; outside: 100.64.0.0/10 198.18.0.0/15 240.0.0.0/4.\n"));
	fm_buf_free(&b);
	sheet(NULL, NULL, "2001:db8::1", &b);
	assert_non_null(strstr(b.data, "\ninside: fd00::/8; outside: 2001:db8::/32.\n"));
	fm_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges_are_those_of_the_families_that_are_there),
	    cmocka_unit_test(so_do_missing_values_that_count_as_0),
	    cmocka_unit_test(what_was_left_out_stands_in_the_data_sheet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
