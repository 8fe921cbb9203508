/* What the text of a row says beside its values: times that contradict each other, numbers that were rounded, the way
 * back of a record of both ways. */
#include "tests/unit/capture.h"
#include "tests/unit/trace_fixture.h"
#include "traces/doubts.h"

#define NFDUMP16 "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt\n"

static struct fm_doubts doubts;
static struct fm_table *kept;
static struct fm_error err;
static int verdict;

static int look(void *ctx, const struct fm_table *rows, const uint64_t *place, const uint8_t *said, struct fm_error *e)
{
	(void)ctx;
	return fm_doubts_look(&doubts, rows, place, said, e);
}

static int keep(void *ctx, struct fm_table *chunk, struct fm_error *e)
{
	(void)ctx;
	return fm_trace_chunk_copy(kept, chunk, 0, chunk->rows, e);
}

static struct fm_trace_opts opts;
static struct fm_trace_stats st;

static void judge(void)
{
	if (fm_trace_read(&opts, &st, &err))
		fail_msg("%s", err.message);
	verdict = fm_doubts_judge(&doubts, "trace.csv", &(struct fm_dict){0}, &err);
}

/* Reads text by a dialect into `kept` and judges it; what is warned of in said. The first `rows` rows, or 0: all. */
static void read_text(const char *dialect, const struct fm_buf *text, uint64_t rows, char said[4096])
{
	struct fm_dialect *d;
	FILE *f = tmpfile();

	assert_non_null(f);
	if (fm_dialect_load(&d, dialect, &err))
		fail_msg("%s", err.message);
	if (kept)
		fm_table_free(kept);
	assert_int_equal(fm_table_new(&kept, d->present, &err), FM_OK);
	doubts = (struct fm_doubts){.dialect = d};
	struct fm_trace_opts o = {.path = put_bytes("in.csv", text->data, text->len),
				  .dialect = d,
				  .rows = rows,
				  .look = look,
				  .chunk = keep};
	opts = o;
	with_stderr(fileno(f), judge);
	assert_int_equal(st.bad, 0);
	rewind(f);
	said[fread(said, 1, 4095, f)] = 0;
	fclose(f);
	fm_doubts_free(&doubts);
	fm_dialect_free(d);
}

static char said[4096];

/* n rows from 00:01:06.xxx to 00:01:08.yyy; each `every`th has td `odd`. */
static struct fm_buf durations(int n, int every, const char *td, const char *odd)
{
	struct fm_buf b = {0};

	fm_buf_puts(&b, NFDUMP16);
	for (int i = 0; i < n; i++)
		fm_buf_printf(
		    &b,
		    "2016-04-11 00:%02d:06,2016-04-11 00:%02d:08,%s,10.0.0.1,192.0.2.7,%d,53,UDP,......,0,0,1,130,"
		    "0,0\n",
		    i % 60, i % 60, i % every == every - 1 ? odd : td, i);
	return b;
}

static void a_duration_beside_another_start_and_end_is_warned_of(void **state)
{
	struct fm_buf b = durations(100, 10, "2.004", "200.000");

	(void)state;
	read_text("nfdump16", &b, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_non_null(strstr(said, "10 of 100 rows have a duration that is not the time from start to end, by over a "
				     "second (first at line 11, then 21 and 31)"));
	fm_buf_free(&b);
}

/* As a spreadsheet, or whoever cut a table with one, leaves them; more of them than rows. */
static void lines_of_delimiters_alone_are_passed_over(void **state)
{
	struct fm_buf b = {0}, rows = durations(100, 1, "2.004", "2.004");

	(void)state;
	fm_buf_puts(&b, ",,,,\r\n");
	fm_buf_add(&b, rows.data, rows.len);
	for (int i = 0; i < 200; i++)
		fm_buf_puts(&b, i % 3 ? ",,,,,,,,,,,,,,\n" : i % 2 ? "\"\",\"\", ,\r\n" : " ,,,,,,,,,,,,,,\r\n");
	read_text("nfdump16", &b, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_int_equal(st.rows, 100);
	assert_int_equal(st.bad, 0);
	assert_int_equal(st.passed_over, 201);
	assert_non_null(strstr(said, "in.csv: 201 lines of delimiters alone are passed over"));
	fm_buf_free(&rows);
	fm_buf_free(&b);
}

static void another_unit_of_durations_is_refused(void **state)
{
	struct fm_buf b = durations(100, 3, "2.004", "2004");

	(void)state;
	read_text("nfdump16", &b, 0, said);
	assert_int_equal(verdict, FM_EINPUT);
	assert_non_null(strstr(err.message, "33 of 100 rows have a duration that is not the time from start to end"));
	assert_non_null(strstr(err.message, "more than a quarter: is its unit another"));
	fm_buf_free(&b);
}

static void clocks_of_seconds_and_minutes_contradict_nothing(void **state)
{
	struct fm_buf b = durations(100, 2, "1.001", "2.999"), minutes = {0};

	(void)state;
	read_text("nfdump16", &b, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_null(strstr(said, "duration"));
	fm_buf_puts(&minutes, NFDUMP16);
	for (int i = 0; i < 50; i++)
		fm_buf_printf(
		    &minutes,
		    "2016-04-11 00:%02d,2016-04-11 00:%02d,%d.5,10.0.0.1,192.0.2.7,%d,53,UDP,......,0,0,1,130,0,"
		    "0\n",
		    i, i, i, i);
	read_text("nfdump16", &minutes, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_null(strstr(said, "duration"));
	fm_buf_free(&b);
	fm_buf_free(&minutes);
}

static void one_time_as_start_and_end_is_warned_of_and_the_duration_taken(void **state)
{
	struct fm_buf b = {0};

	(void)state;
	fm_buf_puts(&b, NFDUMP16);
	for (int i = 0; i < 50; i++)
		fm_buf_printf(
		    &b,
		    "2016-04-11 00:%02d:06,2016-04-11 00:%02d:06,%d.5,10.0.0.1,192.0.2.7,%d,53,UDP,......,0,0,1,130,"
		    "0,0\n",
		    i, i, i % 2 * 7, i);
	read_text("nfdump16", &b, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_int_equal(kept->td[1], 7500);
	assert_non_null(strstr(said,
			       "25 of 50 rows have one time as start and end, and a duration of over a second (first "
			       "at line 3, then 5 and 7)"));
	fm_buf_free(&b);
}

static void a_duration_that_is_missing_is_the_time_from_start_to_end(void **state)
{
	struct fm_buf b = durations(4, 2, "1.500", "");

	(void)state;
	read_text("nfdump16", &b, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_int_equal(kept->td[0], 1500);
	assert_int_equal(kept->td[1], 2000);
	fm_buf_free(&b);
}

/* Each row has two packets back; of n wanted rows no reply is lost, nor one too many read. */
static void both_ways_are_two_rows_whatever_number_is_wanted(void **state)
{
	struct fm_buf b = {0};

	(void)state;
	fm_buf_puts(&b, NFDUMP16);
	for (int i = 0; i < 3; i++)
		fm_buf_printf(
		    &b,
		    "2016-04-11 00:01:06,2016-04-11 00:01:08,2.0,10.0.0.1,192.0.2.7,%d,53,UDP,......,0,0,1,130,2,"
		    "%d%s",
		    1000 + i, 300 + i, i < 2 ? "\n" : "");
	for (uint64_t rows = 0; rows < 8; rows++) {
		read_text("nfdump16", &b, rows, said);
		assert_int_equal(kept->rows, rows && rows < 6 ? rows : 6);
		for (size_t i = 0; i < kept->rows; i++) {
			assert_int_equal(kept->sp[i], i % 2 ? 53 : 1000 + i / 2);
			assert_int_equal(kept->dp[i], i % 2 ? 1000 + i / 2 : 53);
			assert_int_equal(kept->byt[i], i % 2 ? 300 + i / 2 : 130);
			assert_int_equal(kept->pkt[i], i % 2 ? 2 : 1);
			assert_true((kept->sa[i] == kept->sa[0]) == (i % 2 == 0));
			assert_true((kept->da[i] == kept->da[0]) == (i % 2 == 0));
		}
	}
	fm_buf_free(&b);
}

static struct fm_buf epochs(const char *first, const char *bytes, bool same)
{
	struct fm_buf b = {0};

	put("epoch.yaml", "name: epoch\nheader: true\ncolumns:\n  - {name: ts, column: start, format: seconds}\n"
			  "  - {name: td, column: td}\n  - {name: sa, column: sa}\n  - {name: da, column: da}\n"
			  "  - {name: sp, column: sp}\n  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n"
			  "  - {name: pkt, column: pkt}\n  - {name: byt, column: byt}\n");
	fm_buf_puts(&b, "ts,td,sa,da,sp,dp,pr,pkt,byt\n");
	for (int i = 0; i < 20; i++)
		fm_buf_printf(&b, "%s%s,0.5,10.0.0.1,192.0.2.7,%d,53,UDP,70000,%s\n", first,
			      same ? "" : (const char *[]){"1", "2", "3"}[i % 3], i, bytes);
	return b;
}

static void numbers_that_lost_their_digits_are_refused_as_times_and_warned_of_as_counts(void **state)
{
	struct fm_buf times = epochs("1.46033e+09", "4200000", true), counts = epochs("146033286", "4.2e+06", false);

	(void)state;
	read_text(at("epoch.yaml"), &times, 0, said);
	assert_int_equal(verdict, FM_EINPUT);
	assert_non_null(strstr(err.message, "20 of 20 rows have times with an exponent and fewer digits"));
	read_text(at("epoch.yaml"), &counts, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_int_equal(kept->byt[0], 4200000);
	assert_non_null(strstr(said,
			       "20 of 20 rows have counts with an exponent and fewer digits than they have (first "
			       "at line 2, then 3 and 4)"));
	fm_buf_free(&times);
	fm_buf_free(&counts);
	/* All digits are there. */
	times = epochs("1.46033286612e+09", "1.4700000e+06", true);
	read_text(at("epoch.yaml"), &times, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_null(strstr(said, "exponent"));
	fm_buf_free(&times);
}

static void a_point_with_three_zeros_may_stand_between_thousands(void **state)
{
	struct fm_buf some = epochs("146033286", "13000", false), all = epochs("146033286", "130.000", false);

	(void)state;
	memcpy(strstr(some.data, "13000"), "1.000", 5);
	read_text(at("epoch.yaml"), &some, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_non_null(strstr(said,
			       "1 of 20 rows have a count such as 1.000, which is read as 1, and most others have no "
			       "point (first at line 2): is it a point between thousands?"));
	read_text(at("epoch.yaml"), &all, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_int_equal(kept->byt[0], 130);
	assert_null(strstr(said, "thousands"));
	fm_buf_free(&some);
	fm_buf_free(&all);
}

static void a_full_counter_no_address_and_one_time_are_warned_of(void **state)
{
	struct fm_buf b = epochs("1460332866", "4294967295", true), nowhere = {0};

	(void)state;
	read_text(at("epoch.yaml"), &b, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_non_null(strstr(said, "20 of 20 rows have 4294967295 packets or bytes"));
	assert_non_null(strstr(said, "all 20 rows have the same time"));
	fm_buf_free(&b);
	fm_buf_puts(&nowhere,
		    "ts,td,sa,da,sp,dp,pr,pkt,byt\n1460332866,0,0.0.0.0,0.0.0.0,1,2,UDP,1,40\n"
		    "1460332867,0,10.0.0.1,10.0.0.1,1,2,UDP,1,40\n1460332868,0,10.0.0.1,10.0.0.1,1,2,UDP,1,40\n");
	read_text(at("epoch.yaml"), &nowhere, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_non_null(strstr(said, "1 of 3 rows have no address, but zeros at both ends (first at line 2)"));
	assert_non_null(strstr(said, "2 of 3 rows go from an address to itself (first at line 3, then 4)"));
	fm_buf_free(&nowhere);
}

static void a_record_of_the_answer_alone_is_one_flow(void **state)
{
	struct fm_buf b = {0};

	(void)state;
	fm_buf_puts(&b, NFDUMP16
		    "2016-04-11 00:01:06,2016-04-11 00:01:08,2.0,10.0.0.1,192.0.2.7,1000,53,UDP,......,0,0,0,0,2,"
		    "300\n");
	read_text("nfdump16", &b, 0, said);
	assert_int_equal(kept->rows, 1);
	assert_int_equal(kept->sp[0], 53);
	assert_int_equal(kept->dp[0], 1000);
	assert_int_equal(kept->byt[0], 300);
	fm_buf_free(&b);
}

static void a_last_line_without_an_end_is_said(void **state)
{
	struct fm_buf b = durations(4, 2, "1.500", "2.0");

	(void)state;
	read_text("nfdump16", &b, 0, said);
	assert_null(strstr(said, "line end"));
	b.len--;
	read_text("nfdump16", &b, 0, said);
	assert_int_equal(kept->rows, 4);
	assert_non_null(strstr(said, "the last line, 5, has no line end: if the file was cut off there"));
	fm_buf_free(&b);
}

static int end(void **state)
{
	fm_table_free(kept);
	return scratch_remove(state);
}

/* What nfdump -a and -A write: counts of flows, and zeros for what they were not asked for. */
static void aggregates_and_words_for_several_protocols_are_warned_of(void **state)
{
	static const struct {
		const char *ends, *words;
	} kinds[] = {
	    {"10.0.0.1,192.0.2.7,0,0,0",
	     "100 of 100 rows have protocol 0 and no ports (first at line 2, then 3 and 4)"},
	    {"10.0.0.1,0.0.0.0,53,1,UDP", "100 of 100 rows have an address at one end and zeros at the other"},
	    {"10.0.0.1,10.0.0.2,53,1,any", "100 of 100 rows have a protocol that IANA's registry does not have"},
	    {"10.0.0.1,10.0.0.2,53,1,*", "100 of 100 rows have a protocol that IANA's registry does not have"},
	    {"::,2001:db8::1,53,1,UDP", "100 of 100 rows have an address at one end and zeros at the other"}};
	struct fm_buf b = {0};

	(void)state;
	fm_buf_puts(&b, "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n");
	for (int i = 0; i < 100; i++)
		fm_buf_printf(&b, "2016-04-11 00:%02d:06,1.5,TCP,10.0.0.1,%d,192.0.2.7,53,1,130,%d\n", i / 2, i, i % 4);
	read_text("nfdump", &b, 0, said);
	assert_int_equal(verdict, FM_OK);
	assert_non_null(strstr(said, "50 of 100 rows are sums of several flows, says their count of them (first at "
				     "line 4, then 5 and 8): an aggregate"));
	assert_null(strstr(said, "at one end"));
	assert_null(strstr(said, "registry"));
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		b.len = 0;
		fm_buf_puts(&b, NFDUMP16);
		for (int i = 0; i < 100; i++)
			fm_buf_printf(&b, "2016-04-11 00:%02d:06,2016-04-11 00:%02d:08,2,%s,......,0,0,%d,130,0,0\n",
				      i / 2, i / 2, kinds[k].ends, i % 2 + 1);
		read_text("nfdump16", &b, 0, said);
		assert_int_equal(verdict, FM_OK);
		assert_non_null(strstr(said, kinds[k].words));
	}
	fm_buf_free(&b);
}

/* A collector that was changed in between: Z behind half of the times, and what the others mean is a guess. */
static void an_offset_behind_some_of_the_times_is_warned_of(void **state)
{
	struct fm_buf b = {0};

	(void)state;
	for (int offsets = 0; offsets < 3; offsets++) {
		b.len = 0;
		fm_buf_puts(&b, "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n");
		for (int i = 0; i < 100; i++)
			fm_buf_printf(&b, "2016-04-11 00:%02d:06%s,1.5,TCP,10.0.0.1,%d,192.0.2.7,53,1,130,1\n", i / 2,
				      i % 2 < offsets ? (i % 3 ? "Z" : "+00:00") : "", i);
		read_text("nfdump", &b, 0, said);
		assert_int_equal(verdict, FM_OK);
		if (offsets == 1)
			assert_non_null(strstr(said, "50 of 100 rows have times with an offset from UTC and the "
						     "others have none (first at line 2, then 4 and 6)"));
		else
			assert_null(strstr(said, "offset"));
	}
	fm_buf_free(&b);
}

#define SHEET(zone, format)                                                                                            \
	"name: sheet\nheader: false\ntimezone: " zone "\ncolumns:\n  - {name: t, column: te, format: " format          \
	"}\n  - {name: td, column: td}\n  - {name: sa, column: sa}\n  - {name: sp, column: sp}\n"                      \
	"  - {name: da, column: da}\n  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n"                         \
	"  - {name: pkt, column: pkt}\n  - {name: byt, column: byt}\n"

/* In the hour that comes twice a name says which of the two is meant, and only what has none is warned of. */
static void names_of_zones_tell_the_hours_apart(void **state)
{
	struct fm_buf b = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		fm_buf_printf(&b, "2016-10-30 02:%02d:06 %s,0.5,10.0.0.1,%d,192.0.2.7,53,TCP,1,130\n", i % 50,
			      i < 50 ? "CEST" : "CET", i);
	read_text(put("sheet.yaml", SHEET("Europe/Madrid", "datetime")), &b, 0, said);
	assert_int_equal(kept->te[0], INT64_C(1477785606000));
	assert_int_equal(kept->te[50] - kept->te[0], 3600000);
	assert_null(strstr(said, "shows twice"));
	for (size_t i = 0; i + 4 < b.len; i++)
		if (!memcmp(b.data + i, " CEST", 5) || !memcmp(b.data + i, " CET,", 5))
			memset(b.data + i, ' ', b.data[i + 4] == 'T' ? 5 : 4);
	read_text(at("sheet.yaml"), &b, 0, said);
	assert_non_null(strstr(said, "100 of 100 rows end in the hour that the clock shows twice"));
	fm_buf_free(&b);
}

/* Words behind the time of day are no zone: a month, a day of the week. */
static void words_behind_a_time_are_no_zone(void **state)
{
	static const struct {
		const char *format, *day;
	} all[] = {{"\"%H:%M:%S %d %b %Y\"", "30 Oct 2016"},
		   {"\"%H:%M:%S %A %d/%m/%Y\"", "Sunday 30/10/2016"},
		   {"\"%H:%M:%S %d-%m-%Y\"", "30-10-2016"}};
	struct fm_buf b = {0};

	(void)state;
	for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
		char dialect[1024];

		snprintf(dialect, sizeof dialect, SHEET("Europe/Madrid", "%s"), all[k].format);
		b.len = 0;
		for (int i = 0; i < 100; i++)
			fm_buf_printf(&b, "02:%02d:06 %s,0.5,10.0.0.1,%d,192.0.2.7,53,TCP,1,130\n", i % 50, all[k].day,
				      i);
		read_text(put("sheet.yaml", dialect), &b, 0, said);
		assert_non_null(strstr(said, "100 of 100 rows end in the hour that the clock shows twice"));
	}
	fm_buf_free(&b);
}

/* A spreadsheet writes the digits that it shows. */
static void days_in_few_digits_are_warned_of(void **state)
{
	struct fm_buf b = {0};

	(void)state;
	for (int digits = 4; digits < 6; digits++) {
		b.len = 0;
		for (int i = 0; i < 100; i++)
			fm_buf_printf(&b, "%.*f,0.5,10.0.0.1,%d,192.0.2.7,53,TCP,1,130\n", digits,
				      42471.5417 + i * 1e-4, i);
		read_text(put("sheet.yaml", SHEET("UTC", "days-1900")), &b, 0, said);
		assert_int_equal(kept->te[0], INT64_C(1460379602880));
		if (digits == 4)
			assert_non_null(strstr(said, "100 of 100 rows have times in days with under five decimals"));
		else
			assert_null(strstr(said, "decimals"));
	}
	/* Noon, and no zeros at the end. */
	b.len = 0;
	for (int i = 0; i < 100; i++)
		fm_buf_printf(&b, "42471.5%s,0.5,10.0.0.1,%d,192.0.2.7,53,TCP,1,130\n", i % 50 ? "000347222" : "", i);
	read_text(put("sheet.yaml", SHEET("UTC", "days-1900")), &b, 0, said);
	assert_null(strstr(said, "decimals"));
	fm_buf_free(&b);
}

/* 8 where nfdump writes 8.0, as programs that read both as numbers make of it; and type and code in a port each. */
static void a_type_of_icmp_without_its_code_is_warned_of(void **state)
{
	static const char *const ports[] = {"0,8.0", "0,2048", "0,8", "8,0", "3,1"};
	struct fm_buf b = {0};

	(void)state;
	for (size_t k = 0; k < sizeof ports / sizeof *ports; k++) {
		b.len = 0;
		fm_buf_puts(&b, NFDUMP16);
		for (int i = 0; i < 100; i++)
			fm_buf_printf(
			    &b,
			    "2016-04-11 00:%02d:06,2016-04-11 00:%02d:08,2,10.0.0.1,192.0.2.7,%s,%s,......,0,0,"
			    "%d,130,0,0\n",
			    i / 2, i / 2, ports[k], i % 4 ? "ICMP" : "1", i % 2 + 1);
		read_text("nfdump16", &b, 0, said);
		assert_int_equal(verdict, FM_OK);
		if (k == 2)
			assert_non_null(strstr(said, "100 of 100 rows have a code of ICMP and no type"));
		else
			assert_null(strstr(said, "no type"));
		assert_int_equal(k > 2,
				 strstr(said, "100 of 100 rows are of ICMP and have a port at the source") != NULL);
	}
	fm_buf_free(&b);
}

/* Flags and types of service in two forms are counted as two. */
static void two_forms_of_a_number_are_warned_of(void **state)
{
	static const struct {
		const char *flags[2], *tos[2];
		bool warned[2];
	} of[] = {{{".AP.SF", "27"}, {"0", "184"}, {true, false}},
		  {{"27", "0x1b"}, {"184", "0xb8"}, {true, true}},
		  {{"FS PA", ".A..S."}, {"0x00", "0"}, {false, true}},
		  {{"SF", "S0"}, {"184.0", "184"}, {false, true}},
		  {{"......", "0"}, {"EF", "CS6"}, {false, false}}};
	struct fm_buf b = {0};

	(void)state;
	for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
		b.len = 0;
		fm_buf_puts(&b, NFDUMP16);
		for (int i = 0; i < 100; i++)
			fm_buf_printf(
			    &b,
			    "2016-04-11 00:%02d:06,2016-04-11 00:%02d:08,2,10.0.0.1,192.0.2.7,%d,53,TCP,%s,0,%s,1,130,"
			    "0,0\n",
			    i / 2, i / 2, i, of[k].flags[i % 2], of[k].tos[i % 2]);
		read_text("nfdump16", &b, 0, said);
		assert_int_equal(strstr(said, "flags are written in two forms") != NULL, of[k].warned[0]);
		assert_int_equal(strstr(said, "types of service are written in two forms") != NULL, of[k].warned[1]);
	}
	fm_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_duration_beside_another_start_and_end_is_warned_of),
	    cmocka_unit_test(lines_of_delimiters_alone_are_passed_over),
	    cmocka_unit_test(another_unit_of_durations_is_refused),
	    cmocka_unit_test(one_time_as_start_and_end_is_warned_of_and_the_duration_taken),
	    cmocka_unit_test(clocks_of_seconds_and_minutes_contradict_nothing),
	    cmocka_unit_test(a_duration_that_is_missing_is_the_time_from_start_to_end),
	    cmocka_unit_test(both_ways_are_two_rows_whatever_number_is_wanted),
	    cmocka_unit_test(numbers_that_lost_their_digits_are_refused_as_times_and_warned_of_as_counts),
	    cmocka_unit_test(a_record_of_the_answer_alone_is_one_flow),
	    cmocka_unit_test(a_last_line_without_an_end_is_said),
	    cmocka_unit_test(aggregates_and_words_for_several_protocols_are_warned_of),
	    cmocka_unit_test(an_offset_behind_some_of_the_times_is_warned_of),
	    cmocka_unit_test(names_of_zones_tell_the_hours_apart),
	    cmocka_unit_test(words_behind_a_time_are_no_zone),
	    cmocka_unit_test(days_in_few_digits_are_warned_of),
	    cmocka_unit_test(a_type_of_icmp_without_its_code_is_warned_of),
	    cmocka_unit_test(two_forms_of_a_number_are_warned_of),
	    cmocka_unit_test(a_point_with_three_zeros_may_stand_between_thousands),
	    cmocka_unit_test(a_full_counter_no_address_and_one_time_are_warned_of),
	};

	return cmocka_run_group_tests(tests, scratch_make, end);
}
