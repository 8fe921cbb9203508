/* The stage table: what docs/architecture.md says of a stage is what its row says, and the row holds together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "pipeline/cli/cli.h"
#include "stages/table.h"

/* "| train | dialect file, training split, ... | model, checkpoint |\n" */
static void print_row(const struct fm_stage *s, struct fm_buf *b)
{
	const char *comma = "";

	fm_buf_printf(b, "| %s | ", s->name);
	for (int i = 0; i < FM_NITEMS; i++)
		if (s->items & FM_ITEM(i) && fm_items[i].from != FM_FROM_STAGE) {
			fm_buf_printf(b, "%s%s", comma, fm_items[i].words);
			comma = ", ";
		}
	fm_buf_printf(b, " | %s", s->makes);
	for (int i = 0; i < FM_NITEMS; i++)
		if (s->items & FM_ITEM(i) && fm_items[i].from == FM_FROM_STAGE)
			fm_buf_printf(b, ", %s", fm_items[i].words);
	fm_buf_puts(b, " |\n");
}

static void test_architecture_has_the_rows_of_the_table(void **state)
{
	struct fm_buf doc = {0}, rows = {0};
	struct fm_error err;

	(void)state;
	if (fm_file_read("docs/architecture.md", 1u << 20, &doc, &err))
		fail_msg("%s", err.message);
	fm_buf_puts(&rows, "| stage | may read | may write |\n|---|---|---|\n");
	for (int i = 0; i < FM_NSTAGES; i++)
		print_row(&fm_stage_table[i], &rows);
	fm_buf_puts(&rows, "\n");
	if (!strstr(doc.data, rows.data))
		fail_msg("docs/architecture.md does not have this table:\n%s", rows.data);
	fm_buf_free(&doc);
	fm_buf_free(&rows);
}

static void test_a_stage_reads_what_stages_before_it_made(void **state)
{
	(void)state;
	for (int i = 0; i < FM_NSTAGES; i++) {
		const struct fm_stage *s = &fm_stage_table[i];

		assert_int_equal(fm_stage_find(s->name), i);
		assert_non_null(s->call);
		assert_true(s->format >= 1);
		for (int k = 0; k < FM_NITEMS; k++) {
			if (!(s->items & FM_ITEM(k)))
				continue;
			if (fm_items[k].from == FM_FROM_PRODUCT)
				assert_true((int)fm_items[k].stage < i);
			if (fm_items[k].from == FM_FROM_STAGE)
				assert_int_equal(fm_items[k].stage, i);
		}
		for (int k = 0; k < i; k++)
			assert_string_not_equal(fm_stage_table[k].product, s->product);
	}
	assert_int_equal(fm_stage_find("trian"), -1);
}

/* A product of private rows is committed to; of what looked at real flows privacy.mode dp leaves no digest. */
static void test_what_may_be_seen_of_a_product(void **state)
{
	(void)state;
	for (int i = 0; i < FM_NSTAGES; i++) {
		const struct fm_stage *s = &fm_stage_table[i];
		bool real = s->items & (FM_ITEM(FM_ITEM_TRACE) | FM_ITEM(FM_ITEM_TRAIN) | FM_ITEM(FM_ITEM_METRICS));

		assert_int_equal(fm_stage_shows_output(s->name, true), i == FM_GENERATE);
		assert_int_equal(fm_stage_shows_output(s->name, false),
				 i == FM_GENERATE || i == FM_EVALUATE || i == FM_GATE);
		if (real)
			assert_true(s->shown == FM_SHOWN_COMMITTED || s->shown == FM_SHOWN_WITHOUT_DP);
	}
	assert_false(fm_stage_shows_output("trian", false));
}

static void test_every_item_is_somebodys(void **state)
{
	unsigned all = 0;

	(void)state;
	for (int i = 0; i < FM_NSTAGES; i++)
		all |= fm_stage_table[i].items;
	assert_int_equal(all, FM_ITEM(FM_NITEMS) - 1);
	for (int i = 0; i < FM_NITEMS; i++)
		assert_true(fm_items[i].words && (fm_items[i].from != FM_FROM_USER || fm_items[i].key));
}

/* The sections of a key are there, but the two that name a part of one. */
static void test_sections_are_the_configs(void **state)
{
	struct fm_config *cfg = NULL;
	struct fm_error err;
	json_t *all;

	(void)state;
	assert_int_equal(fm_config_preset(&cfg, "demo", NULL, 0, &err), FM_OK);
	assert_non_null(all = fm_config_json(cfg, NULL, true));
	for (int i = 0; i < FM_NSTAGES; i++)
		for (int k = 0; fm_stage_table[i].section[k]; k++) {
			char name[64];

			snprintf(name, sizeof name, "%s", fm_stage_table[i].section[k]);
			name[strcspn(name, ".")] = '\0';
			if (!json_object_get(all, name) && strcmp(name, "publish") != 0)
				fail_msg("the config has no section %s", name);
		}
	json_decref(all);
	fm_config_free(cfg);
}

/* What an option of a verb takes. */
static const char *choices_of(const char *verb, const char *option)
{
	for (const struct fm_verb *const *v = fm_verbs; *v; v++)
		for (const struct fm_option *o = (*v)->options; o && o->name && strcmp((*v)->name, verb) == 0; o++)
			if (strcmp(o->name, option) == 0)
				return o->choices;
	return "";
}

/* A constant of C cannot be put together from a table: the two options that name stages are compared with it. */
static void test_options_name_the_stages_of_the_table(void **state)
{
	char all[128] = "", sealed[128] = "";

	(void)state;
	for (int i = 0; i < FM_NSTAGES; i++) {
		char *into[] = {all, fm_stage_table[i].sealed ? sealed : NULL};

		for (int k = 0; k < 2 && into[k]; k++) {
			size_t n = strlen(into[k]);

			snprintf(into[k] + n, sizeof all - n, "%s%s", n ? "|" : "", fm_stage_name(i));
		}
	}
	assert_string_equal(choices_of("run", "until"), all);
	assert_string_equal(choices_of("unseal", "stage"), sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_architecture_has_the_rows_of_the_table),
	    cmocka_unit_test(test_a_stage_reads_what_stages_before_it_made),
	    cmocka_unit_test(test_what_may_be_seen_of_a_product),
	    cmocka_unit_test(test_every_item_is_somebodys),
	    cmocka_unit_test(test_sections_are_the_configs),
	    cmocka_unit_test(test_options_name_the_stages_of_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
