/* Named time zones: summer time, the hour that is skipped and the one that comes twice, whatever TZ is; times of a
 * trace, read and written by them. */
#include "base/num.h"
#include "manifests/zone.h"
#include "tests/unit/trace_fixture.h"

static int64_t at_utc(const char *text)
{
	int64_t ms;

	assert_int_equal(fm_parse_time_ms(text, strlen(text), &ms), 0);
	return ms;
}

static const struct fm_zone *zone(const char *name)
{
	const struct fm_zone *z;
	struct fm_error err;

	assert_int_equal(fm_zone_find(&z, name, &err), FM_OK);
	return z;
}

static void assert_utc(const struct fm_zone *z, const char *clock, const char *utc)
{
	int64_t ms = -1;

	assert_int_equal(fm_zone_utc(z, at_utc(clock), &ms), 0);
	assert_int_equal(ms, at_utc(utc));
}

static void a_clock_is_ahead_of_utc_by_the_rules_of_its_zone(void **state)
{
	const struct fm_zone *madrid = zone("Europe/Madrid"), *kolkata = zone("Asia/Kolkata"),
			     *york = zone("America/New_York");

	(void)state;
	assert_utc(madrid, "2016-04-11 02:01:06.123", "2016-04-11 00:01:06.123");
	assert_utc(madrid, "2016-01-11 01:01:06", "2016-01-11 00:01:06");
	assert_utc(madrid, "2150-07-01 12:00:00", "2150-07-01 10:00:00");
	assert_utc(madrid, "1970-01-01 01:00:00", "1970-01-01 00:00:00");
	assert_utc(kolkata, "2016-04-11 05:31:06", "2016-04-11 00:01:06");
	assert_utc(york, "2016-04-10 20:01:06", "2016-04-11 00:01:06");
	assert_int_equal(fm_zone_offset(madrid, at_utc("2016-04-11 00:01:06")), 7200000);
	assert_int_equal(fm_zone_offset(york, at_utc("2016-12-11 00:01:06")), -5 * 3600000);
	assert_true(fm_zone_changes(madrid));
	assert_false(fm_zone_changes(zone("Etc/GMT-2")));
}

static void other_rules_have_another_digest(void **state)
{
	char a[FM_SHA256_HEX], b[FM_SHA256_HEX];
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_zone_digest(zone("Europe/Madrid"), a, &err), FM_OK);
	assert_int_equal(fm_zone_digest(zone("Europe/Lisbon"), b, &err), FM_OK);
	assert_string_not_equal(a, b);
	/* A link to the same rules. */
	assert_int_equal(fm_zone_digest(zone("Asia/Kolkata"), a, &err), FM_OK);
	assert_int_equal(fm_zone_digest(zone("Asia/Calcutta"), b, &err), FM_OK);
	assert_string_equal(a, b);
}

static void one_hour_is_skipped_and_one_comes_twice(void **state)
{
	const struct fm_zone *z = zone("Europe/Madrid");
	int64_t ms;

	(void)state;
	/* 2016-03-27 02:00 +01:00 -> 03:00 +02:00; 2016-10-30 03:00 +02:00 -> 02:00 +01:00. */
	assert_utc(z, "2016-03-27 01:59:59.999", "2016-03-27 00:59:59.999");
	assert_int_equal(fm_zone_utc(z, at_utc("2016-03-27 02:00:00"), &ms), -1);
	assert_int_equal(fm_zone_utc(z, at_utc("2016-03-27 02:59:59.999"), &ms), -1);
	assert_utc(z, "2016-03-27 03:00:00", "2016-03-27 01:00:00");
	assert_utc(z, "2016-10-30 01:59:59", "2016-10-29 23:59:59");
	assert_utc(z, "2016-10-30 02:30:00", "2016-10-30 00:30:00");
	assert_utc(z, "2016-10-30 03:00:00", "2016-10-30 02:00:00");
	assert_false(fm_zone_comes_again(z, at_utc("2016-10-29 23:59:59.999")));
	assert_true(fm_zone_comes_again(z, at_utc("2016-10-30 00:00:00")));
	assert_true(fm_zone_comes_again(z, at_utc("2016-10-30 00:59:59.999")));
	assert_false(fm_zone_comes_again(z, at_utc("2016-10-30 01:00:00")));
}

static void assert_named(const struct fm_zone *z, const char *name, const char *clock, int minutes)
{
	int got = 9999;

	if (fm_zone_named(z, name, strlen(name), at_utc(clock), &got))
		got = 9999;
	if (got != minutes)
		fail_msg("%s at %s: %d, not %d", name, clock, got, minutes);
}

static void names_of_zones_are_those_of_the_zone_or_of_one_alone(void **state)
{
	const char *winter = "2016-01-11 12:00:00", *summer = "2016-07-11 12:00:00";
	const struct fm_zone *york = zone("America/New_York"), *moscow = zone("Europe/Moscow");

	(void)state;
	assert_named(NULL, "CET", winter, 60);
	assert_named(NULL, "cest", summer, 120);
	assert_named(NULL, "UTC", summer, 0);
	assert_named(NULL, "Z", summer, 0);
	assert_named(NULL, "JST", summer, 540);
	/* Several zones have them. */
	assert_named(NULL, "EST", winter, 9999);
	assert_named(NULL, "CST", winter, 9999);
	assert_named(NULL, "IST", winter, 9999);
	assert_named(NULL, "MSK", winter, 9999);
	assert_named(NULL, "WIT", winter, 9999);
	assert_named(NULL, "SAST", winter, 9999);
	assert_named(NULL, "WIB", winter, 420);
	assert_named(zone("Asia/Jayapura"), "WIT", winter, 540);
	assert_named(zone("Africa/Johannesburg"), "SAST", winter, 120);
	assert_named(NULL, "CES", summer, 9999);
	assert_named(york, "EST", winter, -300);
	assert_named(york, "EDT", summer, -240);
	assert_named(york, "EST", summer, -300);
	assert_named(york, "CET", summer, 60);
	assert_named(york, "PST", winter, 9999);
	assert_named(zone("Asia/Shanghai"), "CST", winter, 480);
	assert_named(zone("Asia/Kolkata"), "IST", winter, 330);
	/* One name, two differences in the course of time. */
	assert_named(moscow, "MSK", "2012-01-11 12:00:00", 240);
	assert_named(moscow, "MSK", "2016-01-11 12:00:00", 180);
	/* A new name for the same difference. */
	assert_named(zone("America/Whitehorse"), "MST", "2024-01-11 12:00:00", -420);
	assert_named(zone("Pacific/Guam"), "ChST", summer, 600);
	assert_named(zone("America/Resolute"), "EST", winter, -300);
	/* The hour that comes twice. */
	assert_named(zone("Europe/Madrid"), "CEST", "2016-10-30 02:30:00", 120);
	assert_named(zone("Europe/Madrid"), "CET", "2016-10-30 02:30:00", 60);
}

/* The first zone is read under a TZ of its own, and TZ is what it was. */
static void tz_says_nothing(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	assert_utc(zone("Europe/Lisbon"), "2016-07-01 13:00:00", "2016-07-01 12:00:00");
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	unsetenv("TZ");
	assert_utc(zone("Europe/Paris"), "2016-07-01 14:00:00", "2016-07-01 12:00:00");
	assert_null(getenv("TZ"));
}

static const char mine[] = "name: mine\nheader: false\ntimezone: Europe/Madrid\ncolumns:\n"
			   "  - {name: te, column: te, format: datetime, decimals: 3}\n  - {name: td, column: td}\n"
			   "  - {name: sa, column: sa}\n  - {name: sp, column: sp}\n  - {name: da, column: da}\n"
			   "  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n  - {name: pkt, column: pkt}\n"
			   "  - {name: byt, column: byt}\n";
#define REST ",0.000,10.0.0.1,1,10.0.0.2,2,UDP,1,60\n"

static void a_trace_is_read_and_written_by_its_zone(void **state)
{
	static const char rows[] =
	    "2016-10-30 01:59:59.500" REST "2016-10-30 02:30:00.000" REST "2016-10-30 03:00:00.000" REST;
	struct fm_dialect *d;
	struct fm_error err;
	struct reading *r;
	struct fm_buf out = {0};
	const char *path = put("in.csv", rows);

	(void)state;
	assert_int_equal(fm_dialect_load(&d, put("mine.yaml", mine), &err), FM_OK);
	r = read_trace_file(path, d, NULL, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 3);
	assert_int_equal(r->t->te[0], at_utc("2016-10-29 23:59:59.500"));
	assert_int_equal(r->t->te[1], at_utc("2016-10-30 00:30:00"));
	assert_int_equal(r->t->te[2], at_utc("2016-10-30 02:00:00"));
	assert_int_equal(fm_trace_write(r->t, d, at("out.csv"), &err), FM_OK);
	assert_int_equal(fm_file_read(at("out.csv"), 1 << 16, &out, &err), FM_OK);
	assert_int_equal(out.len, strlen(rows));
	assert_memory_equal(out.data, rows, out.len);
	fm_buf_free(&out);
	done(r);
	r = read_trace_file(put("skipped.csv", "2016-03-27 01:59:59" REST "2016-03-27 02:30:00" REST), d, NULL, 0.5);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->st.bad, 1);
	assert_int_equal(r->t->rows, 1);
	done(r);
	fm_dialect_free(d);
}

#define TWO_PARTS(zone, date, time)                                                                                    \
	"name: parts\nheader: false\ntimezone: " zone "\ncolumns:\n"                                                   \
	"  - {name: date, column: te, sum: true, format: \"" date "\"}\n"                                              \
	"  - {name: time, column: te, sum: true, format: \"" time "\"}\n"                                              \
	"  - {name: td, column: td, decimals: 3}\n  - {name: sa, column: sa}\n  - {name: sp, column: sp}\n"            \
	"  - {name: da, column: da}\n  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n"                         \
	"  - {name: pkt, column: pkt}\n  - {name: byt, column: byt}\n"

/* A date and a time of day, one of which says the zone: it is that of the whole time, and the dialect's is not taken
 * off as well. */
static void a_zone_in_a_part_is_that_of_the_whole_time(void **state)
{
	static const struct {
		const char *dialect, *row, *utc, *written; /* utc NULL: a bad row, of the reason `written` */
	} all[] = {
	    {TWO_PARTS("America/New_York", "%Y-%m-%d", "%H:%M:%S %Z"), "2016-07-11,12:00:00 EDT", "2016-07-11 16:00:00",
	     "2016-07-11,16:00:00 UTC"},
	    {TWO_PARTS("America/New_York", "%Y-%m-%d", "%H:%M:%S %Z"), "2016-07-11,23:00:00 EDT", "2016-07-12 03:00:00",
	     "2016-07-12,03:00:00 UTC"},
	    {TWO_PARTS("America/New_York", "%Y-%m-%d", "%H:%M:%S %Z"), "2016-07-11,12:00:00 GMT", "2016-07-11 12:00:00",
	     "2016-07-11,12:00:00 UTC"},
	    {TWO_PARTS("America/New_York", "%Y-%m-%d", "%H:%M:%S %Z"), "2016-07-11,12:00:00 IST", NULL,
	     "te has the name of a time zone behind it"},
	    {TWO_PARTS("Europe/Madrid", "%Y-%m-%d", "%H:%M:%S"), "2016-03-27,02:30:00", NULL,
	     "te is a time that the time zone skips"},
	    {TWO_PARTS("Europe/Moscow", "%Y-%m-%d", "%H:%M:%S %Z"), "2012-01-11,12:00:00 MSK", "2012-01-11 08:00:00",
	     "2012-01-11,08:00:00 UTC"},
	    {TWO_PARTS("Europe/Moscow", "%Y-%m-%d", "%H:%M:%S %Z"), "2016-01-11,12:00:00 MSK", "2016-01-11 09:00:00",
	     "2016-01-11,09:00:00 UTC"},
	    {TWO_PARTS("Europe/Madrid", "%Y-%m-%d %Z", "%H:%M:%S"), "2016-10-30 CET,02:30:00", "2016-10-30 01:30:00",
	     "2016-10-30 UTC,01:30:00"},
	    {TWO_PARTS("UTC", "%Y-%m-%d", "%H:%M:%S%z"), "2016-07-11,01:00:00+02:00", "2016-07-10 23:00:00",
	     "2016-07-10,23:00:00Z"},
	    {TWO_PARTS("UTC", "%Y-%m-%d", "%H:%M:%S%z"), "1970-01-01,01:00:00+02:00", NULL,
	     "te lies outside the years 1970 to 2261"},
	    {TWO_PARTS("UTC", "%Y-%m-%d", "%H:%M:%S%z"), "2261-12-31,23:00:00-0500", NULL,
	     "te lies outside the years 1970 to 2261"},
	    {TWO_PARTS("UTC", "%Y-%m-%d", "%H:%M:%S%z"), "2261-12-31,18:59:59-0500", "2261-12-31 23:59:59",
	     "2261-12-31,23:59:59Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct fm_buf rows = {0}, out = {0}, want = {0};
		struct fm_dialect *d;
		struct fm_error err;
		struct reading *r;

		fm_buf_printf(&rows, "%s" REST, all[i].row);
		assert_int_equal(fm_dialect_load(&d, put("parts.yaml", all[i].dialect), &err), FM_OK);
		r = read_trace_file(put("in.csv", (const char *)rows.data), d, NULL, 1);
		if (!all[i].utc) {
			assert_int_equal(r->nbad, 1);
			if (!strstr(r->bad[0].reason, all[i].written))
				fail_msg("%s: %s", all[i].row, r->bad[0].reason);
		} else {
			assert_int_equal(r->rc, FM_OK);
			assert_int_equal(r->st.bad, 0);
			if (r->t->te[0] != at_utc(all[i].utc))
				fail_msg("%s: %lld, not %s", all[i].row, (long long)r->t->te[0], all[i].utc);
			assert_int_equal(fm_trace_write(r->t, d, at("out.csv"), &err), FM_OK);
			assert_int_equal(fm_file_read(at("out.csv"), 1 << 16, &out, &err), FM_OK);
			fm_buf_printf(&want, "%s" REST, all[i].written);
			assert_memory_equal(out.data, want.data, want.len);
		}
		done(r);
		fm_buf_free(&rows);
		fm_buf_free(&out);
		fm_buf_free(&want);
		fm_dialect_free(d);
	}
}

/* AM and PM are no zone. */
static void a_clock_of_twelve_hours_is_not_taken_for_a_zone(void **state)
{
	static const struct {
		const char *text, *why;
	} all[] = {{"2016-07-11 07:00:00 PM", "12-hour clock"},
		   {"2016-07-11 07:00:00am", "12-hour clock"},
		   {"11/07/2016 7:00 PM", "12-hour clock"},
		   {"2016-07-11 07:00:00 PST", "several zones have that name"}};
	struct fm_dialect *d;
	struct fm_error err;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, put("mine.yaml", mine), &err), FM_OK);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct fm_buf rows = {0};
		struct reading *r;

		fm_buf_printf(&rows, "2016-07-11 07:00:00" REST "%s" REST, all[i].text);
		r = read_trace_file(put("in.csv", (const char *)rows.data), d, NULL, 0.5);
		assert_int_equal(r->nbad, 1);
		if (!strstr(r->bad[0].reason, all[i].why))
			fail_msg("%s: %s", all[i].text, r->bad[0].reason);
		done(r);
		fm_buf_free(&rows);
	}
	fm_dialect_free(d);
}

static void refused(const char *dialect, const char *why)
{
	struct fm_dialect *d;
	struct fm_error err;

	assert_int_equal(fm_dialect_load(&d, put("parts.yaml", dialect), &err), FM_EINPUT);
	if (!strstr(err.message, why))
		fail_msg("%s", err.message);
}

static void a_time_in_two_parts_says_its_zone_once(void **state)
{
	(void)state;
	refused(TWO_PARTS("UTC", "%Y-%m-%d %z", "%H:%M:%S %z"), "in one of them");
	refused(TWO_PARTS("Europe/Madrid", "%Y-%m-%d", "%H:%M:%S %z"), "timezone is for times without an offset");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_clock_is_ahead_of_utc_by_the_rules_of_its_zone),
	    cmocka_unit_test(other_rules_have_another_digest),
	    cmocka_unit_test(names_of_zones_are_those_of_the_zone_or_of_one_alone),
	    cmocka_unit_test(one_hour_is_skipped_and_one_comes_twice),
	    cmocka_unit_test(tz_says_nothing),
	    cmocka_unit_test(a_trace_is_read_and_written_by_its_zone),
	    cmocka_unit_test(a_zone_in_a_part_is_that_of_the_whole_time),
	    cmocka_unit_test(a_time_in_two_parts_says_its_zone_once),
	    cmocka_unit_test(a_clock_of_twelve_hours_is_not_taken_for_a_zone),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
