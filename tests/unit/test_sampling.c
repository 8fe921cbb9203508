/* Of sampled packets, a flow has what went by: the counts of a row times the rate, which the dialect states or a column
 * has. */
#include "tests/unit/flows_read.h"

#define COLUMNS                                                                                                        \
	"columns:\n  - {name: ts, column: start, format: seconds}\n  - {name: td, column: td}\n"                       \
	"  - {name: sa, column: sa}\n  - {name: sp, column: sp}\n  - {name: da, column: da}\n"                         \
	"  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n  - {name: pkt, column: pkt}\n"                       \
	"  - {name: byt, column: byt}\n"
#define HEAD "ts,td,sa,sp,da,dp,pr,pkt,byt"
#define SENT(counts) "1460332866.000,1.000,10.0.0.1,53,192.0.2.7,35203,UDP," counts "\n"
#define FLOW(pkt, byt)                                                                                                 \
	{                                                                                                              \
		"2016-04-11 00:01:07", 1000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", pkt, byt, NULL                 \
	}

static void the_dialect_states_a_rate(void **state)
{
	const char *d = put("d.yaml", "name: mine\nheader: true\nsampling: 100\n" COLUMNS);

	(void)state;
	READS_AS(d, HEAD "\n" SENT("1,130") SENT("3,4000") SENT("0,0"), FLOW(100, 13000), FLOW(300, 400000),
		 FLOW(0, 0));
}

/* A rate of 0 or none is that of an exporter that does not sample. */
static void a_column_has_the_rate(void **state)
{
	const char *d = put("d.yaml", "name: mine\nheader: true\n" COLUMNS "  - {name: rate, sampling: true}\n");

	(void)state;
	READS_AS(d, HEAD ",rate\n" SENT("1,130,1000") SENT("3,4000,1") SENT("2,200,0") SENT("4,400,"),
		 FLOW(1000, 130000), FLOW(3, 4000), FLOW(2, 200), FLOW(4, 400));
	READS_AS(d, HEAD "\n" SENT("1,130"), FLOW(1, 130));
	READS_AS(
	    "pmacct",
	    "SRC_IP,DST_IP,SRC_PORT,DST_PORT,PROTOCOL,TOS,TCP_FLAGS,TIMESTAMP_START,TIMESTAMP_END,SAMPLING_RATE,"
	    "PACKETS,BYTES\n"
	    "10.0.0.1,192.0.2.7,53,35203,udp,0,0,2016-04-11 00:01:06.000000,2016-04-11 00:01:07.000000,1000,1,130\n",
	    FLOW(1000, 130000));
	READS_AS(
	    "pmacct-json",
	    "{\"ip_src\":\"10.0.0.1\",\"ip_dst\":\"192.0.2.7\",\"port_src\":53,\"port_dst\":35203,\"ip_proto\":"
	    "\"udp\",\"tos\":0,\"tcp_flags\":\"0\",\"timestamp_start\":\"2016-04-11 00:01:06.000000\","
	    "\"timestamp_end\":\"2016-04-11 00:01:07.000000\",\"sampling_rate\":1000,\"packets\":1,\"bytes\":130}\n",
	    FLOW(1000, 130000));
}

static void a_rate_that_is_none_is_a_bad_row(void **state)
{
	const char *path = put("d.yaml", "name: mine\nheader: true\n" COLUMNS "  - {name: rate, sampling: true}\n");
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct reading *r;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, path, &err), FM_OK);
	r = read_trace_file(put("in.csv", HEAD ",rate\n" SENT("1,130,1:100") SENT("1,9000000000000000000,1000")
					      SENT("1,130,0.5") SENT("1,130,10")),
			    d, NULL, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->st.bad, 3);
	assert_string_equal(r->bad[0].reason, "the sampling rate is no whole number (column rate)");
	assert_string_equal(r->bad[1].reason, "packets or bytes are, times the sampling rate, over 2^63 - 1");
	done(r);
	fm_dialect_free(d);
}

/* A release in such a dialect is divided: what reads the trace multiplies it again. */
static void what_is_written_is_divided(void **state)
{
	const char *path = put("d.yaml", "name: mine\nheader: true\nsampling: 100\n" COLUMNS);
	struct fm_dialect *plain = NULL, *d = NULL;
	char text[FM_DIALECT_LOSSES][256];
	struct fm_error err;
	struct fm_buf got = {0};
	struct reading *r;
	bool told = false;
	int n;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, path, &err), FM_OK);
	assert_int_equal(fm_dialect_load(&plain, put("p.yaml", "name: plain\nheader: true\n" COLUMNS), &err), FM_OK);
	r = read_trace_file(put("in.csv", HEAD "\n" SENT("7,13040") SENT("150,149")), plain, NULL, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(fm_trace_write(r->t, d, at("out.csv"), &err), FM_OK);
	assert_int_equal(fm_file_read(at("out.csv"), 1 << 20, &got, &err), FM_OK);
	fm_buf_add(&got, "", 1);
	assert_string_equal(got.data, HEAD "\n" SENT("1,130") SENT("2,1"));
	n = fm_dialect_losses(plain, d, text);
	for (int i = 0; i < n; i++)
		told = told || strstr(text[i], "packets and bytes in steps of 100");
	assert_true(told);
	fm_buf_free(&got);
	done(r);
	fm_dialect_free(d);
	fm_dialect_free(plain);
}

static void what_a_rate_cannot_stand_beside(void **state)
{
	static const char *const bad[][2] = {
	    {"name: x\nheader: true\nsampling: 100\n" COLUMNS "  - {name: rate, sampling: true}\n",
	     "sampling is a number or a column, not both"},
	    {"name: x\nheader: true\nsampling: 0\n" COLUMNS, "sampling"},
	    {"name: x\nheader: true\n" COLUMNS "  - {name: rate, sampling: true, flows: true}\n",
	     "of only, reversed, flows and sampling a column has one"},
	};
	struct fm_dialect *d = NULL;
	struct fm_error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(fm_dialect_load(&d, put("d.yaml", bad[i][0]), &err), FM_EINPUT);
		if (!strstr(err.message, bad[i][1]))
			fail_msg("%s", err.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_dialect_states_a_rate),        cmocka_unit_test(a_column_has_the_rate),
	    cmocka_unit_test(a_rate_that_is_none_is_a_bad_row), cmocka_unit_test(what_is_written_is_divided),
	    cmocka_unit_test(what_a_rate_cannot_stand_beside),
	};
	return cmocka_run_group_tests_name("sampling", tests, scratch_make, scratch_remove);
}
