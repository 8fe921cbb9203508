/* The short ways of a line (traces/row_line.c) against the careful ones: whatever a line says, both make the same row.
 */
#include "tests/unit/trace_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/fields.h"
#include "traces/row.h"

static uint64_t x;

static size_t below(size_t n)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (size_t)(x >> 11) % n;
}

static const char *const times[] = {"2016-04-11 00:00:01",
				    "2016-04-11 00:00:01",
				    "2016-04-11 00:00:02",
				    "2016-04-11 00:00:01 ",
				    "2016-04-11T00:00:01Z",
				    "2016-04-11 00:00:01.5",
				    "1460332801",
				    "1460332801.123456",
				    "1.46033e+09",
				    "1458298072364000.0",
				    "2016-04-11 24:00:00",
				    "0",
				    "-1",
				    "x",
				    ""};
static const char *const durations[] = {"0.000",        "7.250",         "0.001",      "4294967.295", "4294967.296",
					"99999999.999", "123456789.000", "1.2345",     "5",           ".500",
					"1.50",         "-0.001",        "00:01.500",  "1e3",         "0.0a0",
					"12345678",     "4294967295",    "4294967296", "-",           ""};
static const char *const addresses[] = {"10.0.0.1",
					"42.219.150.246",
					"255.255.255.255",
					"0.0.0.0",
					"256.1.1.1",
					"1.2.3",
					"1.2.3.4.5",
					"01.2.3.4",
					"1.2.3.04",
					"1..2.3",
					".1.2.3",
					"1.2.3.",
					"1.2.3.4 ",
					"1.2.3.1000",
					"1.2.3.999",
					"999.2.3.4",
					"1.300.3.4",
					"12345.1.1",
					"192.168.001.007",
					"[10.0.0.1]",
					"10.0.0.1/32",
					"2001:db8::1",
					"::ffff:10.0.0.1",
					"fe80::1%eth0",
					"1.2.3.0",
					"100.200.10.20",
					"1.2.3.00",
					"1.2,3.4",
					"-",
					""};
static const char *const ports[] = {"80",        "443",    "65535", "65536", "0",   "00080", "000000080",
				    "443.0",     "0x0050", "http",  "8.0",   "8.5", "-1",    "12345678",
				    "123456789", "8 0",    "/",     ":",     "-",   ""};
static const char *const counts[] = {"1",
				     "12345678",
				     "123456789",
				     "9223372036854775807",
				     "9223372036854775808",
				     "18446744073709551616",
				     "1.0",
				     "1e6",
				     "1.2e+06",
				     "1.5",
				     "-3",
				     "00000001",
				     "4.2 M",
				     "1,2",
				     "0",
				     "12345g78",
				     "-",
				     "N/A",
				     ""};
static const char *const words[] = {"TCP",
				    "UDP",
				    "tcp",
				    "6",
				    "17",
				    "ICMP",
				    "background",
				    "blacklist",
				    "0",
				    "8",
				    ".AP.SF",
				    "......",
				    "nan",
				    "None",
				    "none",
				    "N/A",
				    "a value of 16 byt",
				    "a value of 16 by",
				    "seventeen bytes..",
				    "\xc3\xa9",
				    "\xff",
				    "\x01",
				    "999",
				    "-",
				    ""};

/* The first values of each kind are plain ones. */
#define PLAIN(a, plain) (a)[below(plain ? 3 : sizeof(a) / sizeof *(a))]

static const char *field_of(const struct fm_dialect *d, int k, bool plain)
{
	const enum fm_format f = d->cols[k].format;

	switch (d->cols[k].col < 0 ? FM_KIND_CATEGORY : fm_cols[d->cols[k].col].kind) {
	case FM_KIND_TIME:
		return plain && f != FM_FMT_DATETIME ? "1460332801" : PLAIN(times, plain);
	case FM_KIND_DURATION:
		return plain && f != FM_FMT_SECONDS && f != FM_FMT_HMS ? "15" : PLAIN(durations, plain);
	case FM_KIND_ADDRESS:
		return plain && f == FM_FMT_IPV4_INTEGER ? "167772161" : PLAIN(addresses, plain);
	case FM_KIND_PORT:
		return PLAIN(ports, plain);
	case FM_KIND_COUNT:
		return PLAIN(counts, plain);
	case FM_KIND_CATEGORY:
		break;
	}
	return d->cols[k].nonly && plain ? d->cols[k].only[0] : PLAIN(words, plain);
}

/* A row that may be good with a field or two of any kind in it, and blanks here and there. */
static size_t make_line(const struct fm_dialect *d, char *line, size_t cap)
{
	size_t n = 0, fields = (size_t)d->ncols - (below(50) == 0) + (below(50) == 0), odd = below(fields + 5);

	for (size_t k = 0; k < fields; k++) {
		int column = k < (size_t)d->ncols ? (int)k : 0;
		const char *text =
		    k == odd && below(10) == 0 ? PLAIN(words, false) : field_of(d, column, k != odd && below(40) != 0);

		n += (size_t)snprintf(line + n, cap - n, "%s%s%s%s", k ? (char[]){d->delimiter, 0} : "",
				      below(200) ? "" : " ", text, below(200) ? "" : "\t");
	}
	return n;
}

static void on_field(void *s, size_t n, void *row)
{
	fm_row_field(row, s, n);
}

struct side {
	struct fm_table *t;
	struct fm_row *r;
	struct fm_row_memory *memory;
};

static void side_new(struct side *s, const struct fm_dialect *d, enum fm_missing missing)
{
	assert_int_equal(fm_table_new(&s->t, d->present, NULL), FM_OK);
	assert_int_equal(fm_table_reserve(s->t, 4, NULL), FM_OK);
	assert_int_equal(fm_address_dict_new(&s->t->addresses, NULL), FM_OK);
	assert_int_equal(fm_alloc(&s->r, 1, sizeof *s->r, "a row", NULL), FM_OK);
	assert_int_equal(fm_alloc(&s->memory, 1, sizeof *s->memory, "recent values", NULL), FM_OK);
	fm_row_init(s->r, d, missing, s->t, s->memory);
}

static void side_free(struct side *s)
{
	free(s->r);
	free(s->memory);
	fm_table_free(s->t);
}

static void assert_same(const struct side *a, const struct side *b, bool good, const char *line)
{
	if (strcmp(a->r->reason, b->r->reason) != 0)
		fail_msg("%s: %s, %s", line, a->r->reason, b->r->reason);
	assert_int_equal(a->r->said, b->r->said);
	assert_int_equal(a->r->has_label, b->r->has_label);
	assert_int_equal(a->r->field, b->r->field);
	assert_int_equal(a->r->other, b->r->other);
	assert_int_equal(a->r->missing_values, b->r->missing_values);
	assert_memory_equal(a->r->reply, b->r->reply, sizeof a->r->reply);
	assert_memory_equal(a->r->lacking, b->r->lacking, sizeof a->r->lacking);
	assert_int_equal(a->t->addresses->n, b->t->addresses->n);
	for (int c = 0; c < FM_NCOL; c++) {
		assert_int_equal(a->t->dict[c].n, b->t->dict[c].n);
		if (good && FM_HAS(a->t, c) && memcmp(a->t->col[c], b->t->col[c], fm_cols[c].width) != 0)
			fail_msg("%s: column %s differs", line, fm_cols[c].name);
	}
}

static void both_ways_make_the_same_row(const char *kernels)
{
	static const char *const dialects[] = {"ugr16",       "netshare", "argus", "zeek",  "nfdump",
					       "cic-ids2017", "cidds",    "silk",  "ctu13", "pmacct"};
	static const char after[] = "\r\n10.0.0.1,\"80\r\n\0 1.2.3.4";
	size_t good = 0, bad = 0, declined = 0;

	assert_int_equal(setenv("FM_KERNELS", kernels, 1), 0);
	x = 88172645463325252u;
	for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
		struct fm_dialect *d = NULL;
		struct side quick, careful;

		if (fm_dialect_load(&d, dialects[i], NULL))
			continue;
		side_new(&quick, d, i % 2 ? FM_MISSING_REJECT : FM_MISSING_ZERO);
		side_new(&careful, d, i % 2 ? FM_MISSING_REJECT : FM_MISSING_ZERO);
		for (int rows = 0; rows < 8000; rows++) {
			char line[FM_ROW_AHEAD + sizeof after];
			size_t n = make_line(d, line, FM_ROW_LINE), all;
			bool is_good;

			memset(line + n, '7', sizeof line - n);
			memcpy(line + n, after + (rows % 2), sizeof after - (rows % 2));
			quick.t->rows = careful.t->rows = 0;
			*quick.r->reason = *careful.r->reason = 0;
			fm_row_begin(quick.r);
			fm_row_begin(careful.r);
			all = quick.r->line(quick.r, line);
			if (!all) {
				assert_true(rows % 2 == 0 && n % 64 == 63); /* CR and LF in two blocks */
				declined++;
				assert_int_equal(quick.r->field, 0);
				continue;
			}
			assert_int_equal(all, n + 2 - (size_t)(rows % 2));
			if (d->no_quotes)
				fm_fields_plain(d, line, n, on_field, careful.r);
			else
				assert_true(fm_fields_unquoted(d, line, n, on_field, careful.r));
			is_good = fm_row_end(quick.r);
			line[n] = 0;
			if (is_good != fm_row_end(careful.r))
				fail_msg("%s: %s or %s", line, quick.r->reason, careful.r->reason);
			assert_same(&quick, &careful, is_good, line);
			good += is_good;
			bad += !is_good;
		}
		side_free(&quick);
		side_free(&careful);
		fm_dialect_free(d);
	}
	assert_true(good > 4000 && bad > 4000 && declined > 0 && declined < 1000);
}

/* Those that the processor does not have are one that it has. */
static void both_ways_make_the_same_row_by_all_kernels(void **state)
{
	static const char *const kernels[] = {"v1", "v3", "v4"};

	(void)state;
	for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
		both_ways_make_the_same_row(kernels[i]);
	unsetenv("FM_KERNELS");
}

/* What is no line for the short ways is left as it is. */
static void odd_lines_are_declined(void **state)
{
	static const char *const lines[] = {"\n", "\r\n", "1,\r,2\n", "1,\"2\",3\n", "1,2\r\r\n"};
	char text[FM_ROW_AHEAD];
	struct fm_dialect *d = NULL;
	struct side quick;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "ugr16", NULL), FM_OK);
	side_new(&quick, d, FM_MISSING_ZERO);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		memset(text, '7', sizeof text);
		memcpy(text, lines[i], strlen(lines[i]));
		fm_row_begin(quick.r);
		assert_int_equal(quick.r->line(quick.r, text), 0);
	}
	memset(text, '7', sizeof text); /* no end; one that comes too late; a NUL */
	assert_int_equal(quick.r->line(quick.r, text), 0);
	text[FM_ROW_LINE + 1] = '\n';
	assert_int_equal(quick.r->line(quick.r, text), 0);
	text[FM_ROW_LINE] = '\n';
	assert_int_equal(quick.r->line(quick.r, text), FM_ROW_LINE + 1);
	text[100] = 0;
	assert_int_equal(quick.r->line(quick.r, text), 0);
	side_free(&quick);
	fm_dialect_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ways_make_the_same_row_by_all_kernels),
	    cmocka_unit_test(odd_lines_are_declined),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
