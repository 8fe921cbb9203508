/* What the values of a trace lose in a dialect is named; flags and types of service are numbers where they are ones. */
#include "manifests/embed.h"
#include "tests/unit/trace_fixture.h"
#include "traces/flags.h"
#include "traces/ipfix.h"
#include "traces/spell.h"

static struct fm_error err;
static char text[FM_UNSAID][320];
static int fails;
static uint32_t columns;

static void flags_are_told_from_other_words(void **state)
{
	static const struct {
		const char *word;
		int bits;
	} of[] = {{".AP.SF", 0x1b},    {"......", 0},  {"CE....S.", 0xc2}, {"...AP.SF", 0x1b}, {"FS PA   ", 0x1b},
		  {" S  A", 0x12},     {"FSPA", 0x1b}, {"27", 27},         {"0x1b", 0x1b},     {" 27 ", 27},
		  {"***AP***", 0x18},  {"0", 0},       {"UAPRSF", 0x3f},   {"SF", -1},         {"URP", -1},
		  {"ACC", -1},         {"S0", -1},     {"RSTR", -1},       {"FSPA_FSPA", -1},  {"256", -1},
		  {"0x1g", -1},        {"CON", -1},    {"FIN", -1},        {"PAR", -1},        {"REJ", -1},
		  {"Established", -1}, {"27.0", 27},   {"27.5", -1}};
	static const struct {
		const char *word;
		int tos;
	} tos[] = {{"0", 0},      {"184", 184}, {"0xb8", 184}, {"0xB8", 184}, {"184.0", 184},
		   {" 184", 184}, {"300", -1},  {"EF", -1},    {"", -1}};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		bool number;

		if (fm_flags_of(of[i].word, &number) != of[i].bits)
			fail_msg("%s is %d", of[i].word, fm_flags_of(of[i].word, &number));
	}
	for (size_t i = 0; i < sizeof tos / sizeof *tos; i++)
		if (fm_tos_of(tos[i].word) != tos[i].tos)
			fail_msg("%s is %d", tos[i].word, fm_tos_of(tos[i].word));
}

static struct fm_dict dict_of(const char *const *words, size_t n)
{
	struct fm_dict d = {0};

	for (size_t i = 0; i < n; i++)
		assert_int_equal(fm_dict_index(&d, words[i], strlen(words[i]), true), i);
	return d;
}

static void a_column_of_other_words_has_no_flags(void **state)
{
	static const char *const zeek[] = {"S0", "SF", "REJ"}, *const suricata[] = {"02", "1b", "13", "0"},
				 *const letters[] = {"FS PA", "S", "0"};
	uint8_t bits[8];
	struct fm_dict d = dict_of(zeek, 3);

	(void)state;
	assert_int_equal(fm_flags_of_words(&d, bits), 3);
	assert_int_equal(bits[1], 0);
	fm_dict_free(&d);
	d = dict_of(suricata, 4);
	assert_int_equal(fm_flags_of_words(&d, bits), 0);
	assert_int_equal(bits[0], 2);
	assert_int_equal(bits[1], 0x1b);
	assert_int_equal(bits[2], 0x13);
	assert_int_equal(bits[3], 0);
	fm_dict_free(&d);
	d = dict_of(letters, 3);
	assert_int_equal(fm_flags_of_words(&d, bits), 0);
	assert_int_equal(bits[0], 0x1b);
	fm_dict_free(&d);
}

static const char rows[] = "2016-04-11 00:01:06,1.5,10.0.0.1,192.0.2.7,5000,80,TCP,27,0,0xb8,12,402400,a\n"
			   "2016-04-11 00:01:07,1.5,10.0.0.1,192.0.2.7,5000,80,TCP,FS PA,0,184.0,12,402400,a\n"
			   "2016-04-11 00:01:08,1.5,10.0.0.1,192.0.2.7,5000,80,TCP,0x1b,0,184,12,402400,b\n",
		  states[] = "2016-04-11 00:01:06,1.5,10.0.0.1,192.0.2.7,5000,80,TCP,SF,0,0,12,402400,a\n"
			     "2016-04-11 00:01:07,1.5,10.0.0.1,192.0.2.7,5000,53,UDP,SF,0,EF,12,402400,a\n";

static void an_ipfix_file_has_the_flags_of_all_forms(void **state)
{
	struct fm_dialect *ipfix = NULL;

	(void)state;
	assert_int_equal(fm_dialect_load(&ipfix, "ipfix", &err), FM_OK);
	for (int k = 0; k < 2; k++) {
		struct reading *from = read_trace_file(put("in.csv", k ? states : rows), &ugr16, NULL, 0), *to;

		assert_int_equal(from->rc, FM_OK);
		if (fm_ipfix_write(from->t, 1, at("out.ipfix"), &err))
			fail_msg("%s", err.message);
		to = read_trace_file(at("out.ipfix"), ipfix, NULL, 0);
		if (to->rc)
			fail_msg("%s", to->err.message);
		assert_int_equal(to->t->rows, from->t->rows);
		for (size_t i = 0; i < to->t->rows; i++) {
			assert_string_equal(fm_table_category(to->t, FM_FLG, i), k ? "......" : ".AP.SF");
			assert_string_equal(fm_table_category(to->t, FM_STOS, i), k ? "0" : "184");
		}
		assert_int_equal(fm_spell_losses(from->t, ipfix, text, &fails, &columns), 2 * k);
		assert_int_equal(fails, 0);
		if (k) {
			assert_non_null(strstr(text[0], "1 of 1 words of flg are no flags of TCP"));
			assert_non_null(strstr(text[1], "1 of 2 words of stos are no number"));
			assert_int_equal(columns, 0); /* the table itself has them */
		}
		done(from);
		done(to);
	}
	fm_dialect_free(ipfix);
}

static struct fm_table *losses_of(const char *csv, const struct fm_dialect *from, const char *to, int *n)
{
	struct reading *r = read_trace_file(put("in.csv", csv), from, NULL, 0);
	struct fm_dialect *d = NULL;
	struct fm_table *t;

	if (r->rc)
		fail_msg("%s", r->err.message);
	assert_int_equal(fm_dialect_load(&d, to, &err), FM_OK);
	*n = fm_spell_losses(r->t, d, text, &fails, &columns);
	t = r->t;
	r->t = NULL;
	done(r);
	fm_dialect_free(d);
	return t;
}

static void what_a_release_would_be_refused_for_is_named(void **state)
{
	static const char ipv6[] =
	    "2016-04-11 00:01:06,1.5,2001:db8::1,2001:db8::2,5000,80,TCP,.A..S.,0,0,12,402400,a\n"
	    "2016-04-11 00:01:06,1.5,10.0.0.1,10.0.0.2,5000,80,arp,......,0,0,12,402400,b c\n";
	struct fm_dialect *d = NULL;
	int n;

	(void)state;
	fm_table_free(losses_of(ipv6, &ugr16, "netshare", &n));
	assert_int_equal(fails, 1);
	assert_non_null(strstr(text[0], "2 of 4 addresses are IPv6"));
	fm_table_free(losses_of(ipv6, &ugr16, "ipfix", &n));
	assert_int_equal(fails, 1);
	assert_non_null(strstr(text[0], "1 of 2 protocols have no number"));
	fm_table_free(losses_of(ipv6, &ugr16, "ugr16", &n));
	assert_int_equal(n, 0);
	struct fm_table *t = losses_of(ipv6, &ugr16, "ugr16", &n);
	assert_int_equal(fm_dialect_load(&d, "nfdump-long", &err), FM_OK);
	d->cols[0].col = FM_LABEL; /* as if it had one */
	d->cols[0].format = FM_FMT_TEXT;
	assert_true(fm_spell_losses(t, d, text, &fails, &columns) > 0);
	assert_int_equal(fails, 1);
	assert_non_null(strstr(text[0], "1 of 2 values of label have no text in it"));
	assert_int_equal(columns, 1u << FM_LABEL);
	fm_dialect_free(d);
	fm_table_free(t);
}

/* Whatever is read back as something else is named, and nothing else is. */
static void labels_that_are_read_back_as_others_are_named(void **state)
{
	static const char *const labels[] = {"-",      "nan",    "---", "Infinity",    "(empty)",
					     "normal", "BENIGN", "0",   "anomaly-spam"};
	struct fm_dialect plain = ugr16;
	struct fm_embed e;

	(void)state;
	plain.nmissing = 1;
	*plain.missing[0] = 0;
	for (size_t i = 0; fm_embed_at(&e, FM_EMBED_DIALECT, i); i++)
		for (size_t k = 0; k < sizeof labels / sizeof *labels; k++) {
			struct fm_dialect *d = NULL;
			struct reading *got;
			struct fm_table *t;
			char csv[256];
			int n;
			bool same;

			snprintf(csv, sizeof csv,
				 "2016-04-11 09:01:06,1.500,10.0.0.1,192.0.2.7,5000,80,TCP,27,0,0,12,402400,%s\n",
				 labels[k]);
			t = losses_of(csv, &plain, e.name, &n);
			assert_int_equal(fm_dialect_load(&d, e.name, &err), FM_OK);
			if (fm_trace_write(t, d, at("out.csv"), &err))
				fail_msg("%s: %s", e.name, err.message);
			got = read_trace_file(at("out.csv"), d, NULL, 0);
			if (got->rc)
				fail_msg("%s: %s: %s", e.name, labels[k], got->err.message);
			same = !FM_HAS(got->t, FM_LABEL) || !strcmp(fm_table_category(got->t, FM_LABEL, 0), labels[k]);
			if (same != !n)
				fail_msg("%s: %s: %s", e.name, labels[k], n ? text[0] : "is lost and not named");
			done(got);
			fm_table_free(t);
			fm_dialect_free(d);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flags_are_told_from_other_words),
	    cmocka_unit_test(a_column_of_other_words_has_no_flags),
	    cmocka_unit_test(an_ipfix_file_has_the_flags_of_all_forms),
	    cmocka_unit_test(what_a_release_would_be_refused_for_is_named),
	    cmocka_unit_test(labels_that_are_read_back_as_others_are_named),
	};

	return cmocka_run_group_tests_name("spell", tests, scratch_make, scratch_remove);
}
