/* The data sheet says of whom the flows do not stand for: what ingest left out, and nothing where it read all. */
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

static void sheet(const json_t *left_out, struct fm_buf *out)
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
	fm_readme_text(&(struct fm_metadata_in){.cfg = cfg,
						.dialect = d,
						.table = t,
						.verdict = &verdict,
						.date = "",
						.generator = generator,
						.left_out = left_out},
		       out);
	fm_buf_add(out, "", 1);
	json_decref(generator);
	fm_table_free(t);
	fm_dialect_free(d);
	free(cfg);
}

static void what_was_left_out_stands_in_the_data_sheet(void **state)
{
	json_t *j = json_pack("{s:f, s:[{s:s, s:f}]}", "share", 0.17, "reasons", "reason",
			      "sa is an IPv6 address, and only IPv4 is read", "share", 0.17);
	struct fm_buf b = {0};

	(void)state;
	sheet(j, &b);
	assert_non_null(strstr(b.data, "Up to 17 % of the rows of the trace could not be used and were left out"));
	assert_non_null(strstr(b.data, "\n- up to 17 %: sa is an IPv6 address, and only IPv4 is read\n"));
	fm_buf_free(&b);
	sheet(NULL, &b);
	assert_null(strstr(b.data, "left out"));
	fm_buf_free(&b);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_left_out_stands_in_the_data_sheet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
