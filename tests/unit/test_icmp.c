/* Type and code of ICMP have one form in every flow, type * 256 + code in dp and 0 in sp, wherever a dialect has them,
 * and the dialect's own form again when flows are written. */
#include "tests/unit/flows_read.h"
#include "traces/icmp.h"

#define FLOW(ends, dp, pr, label)                                                                                      \
	{                                                                                                              \
		"2016-04-11 00:01:06.5", 500, ends, 0, dp, pr, 1, 84, label                                            \
	}
#define V4 "10.0.0.1", "192.0.2.7"
#define V6 "2001:db8::1", "2001:db8::2"

/* What is written of `text`, each time, is `want`. */
static void assert_written(const char *dialect, const char *text, const char *want)
{
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct fm_buf got = {0};
	struct reading *r;

	assert_int_equal(fm_dialect_load(&d, dialect, &err), FM_OK);
	r = read_trace_file(put("in.csv", text), d, NULL, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(fm_trace_write(r->t, d, at("out.csv"), &err), FM_OK);
	assert_int_equal(fm_file_read(at("out.csv"), 1 << 20, &got, &err), FM_OK);
	fm_buf_add(&got, "", 1);
	assert_string_equal(got.data, want);
	fm_buf_free(&got);
	done(r);
	fm_dialect_free(d);
}

#define ZEEK_HEAD                                                                                                      \
	"#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\tconn_state\torig_pkts\t"            \
	"orig_ip_bytes\tresp_pkts\tresp_ip_bytes"
#define ZEEK_END "\t0.5\tOTH\t1\t84\t0\t0"

/* Of what has an answer Zeek writes the type of the answer where others have the code, which is 0; one name is for
 * both versions. */
static void zeek_has_the_type_in_the_source_port(void **state)
{
	(void)state;
	READS_AS("zeek",
		 ZEEK_HEAD "\n"
			   "1460332866.0\t10.0.0.1\t8\t192.0.2.7\t0\ticmp" ZEEK_END "\n"
			   "1460332866.0\t10.0.0.1\t0\t192.0.2.7\t8\ticmp" ZEEK_END "\n"
			   "1460332866.0\t10.0.0.1\t3\t192.0.2.7\t3\ticmp" ZEEK_END "\n"
			   "1460332866.0\t10.0.0.1\t13\t192.0.2.7\t14\ticmp" ZEEK_END "\n"
			   "1460332866.0\t2001:db8::1\t128\t2001:db8::2\t129\ticmp" ZEEK_END "\n"
			   "1460332866.0\t2001:db8::1\t135\t2001:db8::2\t136\ticmp" ZEEK_END "\n"
			   "1460332866.0\t2001:db8::1\t1\t2001:db8::2\t4\ticmp" ZEEK_END "\n",
		 FLOW(V4, 8 * 256, "ICMP", NULL), FLOW(V4, 0, "ICMP", NULL), FLOW(V4, 3 * 256 + 3, "ICMP", NULL),
		 FLOW(V4, 13 * 256, "ICMP", NULL), FLOW(V6, 128 * 256, "ICMP6", NULL),
		 FLOW(V6, 135 * 256, "ICMP6", NULL), FLOW(V6, 256 + 4, "ICMP6", NULL));
	READS_AS("zeek-labeled",
		 ZEEK_HEAD "\tlabel\n"
			   "1460332866.0\t10.0.0.1\t8\t192.0.2.7\t0\ticmp" ZEEK_END "\tx\n",
		 FLOW(V4, 8 * 256, "ICMP", "x"));
	READS_AS("zeek-iot23",
		 ZEEK_HEAD "\ttunnel_parents   label   detailed-label\n"
			   "1460332866.0\t10.0.0.1\t3\t192.0.2.7\t1\ticmp" ZEEK_END "\t(empty)   Benign   -\n",
		 FLOW(V4, 3 * 256 + 1, "ICMP", "Benign"));
}

#define ZEEK_JSON(ts, sa, sp, da, dp)                                                                                  \
	"{\"ts\":" ts ",\"id.orig_h\":\"" sa "\",\"id.orig_p\":" sp ",\"id.resp_h\":\"" da "\",\"id.resp_p\":" dp      \
	",\"proto\":\"icmp\",\"duration\":0.500000,\"conn_state\":\"OTH\",\"orig_pkts\":1,\"orig_ip_bytes\":84,"       \
	"\"resp_pkts\":0,\"resp_ip_bytes\":0}\n"

static void so_has_its_json_and_it_comes_back(void **state)
{
	static const char text[] = ZEEK_JSON("1460332866.000000", "10.0.0.1", "8", "192.0.2.7", "0")
	    ZEEK_JSON("1460332866.000000", "10.0.0.1", "3", "192.0.2.7", "1")
		ZEEK_JSON("1460332866.000000", "2001:db8::1", "133", "2001:db8::2", "134");

	(void)state;
	READS_AS("zeek-json", text, FLOW(V4, 8 * 256, "ICMP", NULL), FLOW(V4, 3 * 256 + 1, "ICMP", NULL),
		 FLOW(V6, 133 * 256, "ICMP6", NULL));
	assert_written("zeek-json", text, text);
	READS_AS("zeek-json-iso", ZEEK_JSON("\"2016-04-11T00:01:06Z\"", "2001:db8::1", "129", "2001:db8::2", "128"),
		 FLOW(V6, 129 * 256, "ICMP6", NULL));
}

#define ARGUS_HEAD                                                                                                     \
	"StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n"

/* The code is above the type in the source's port and an identifier in the other; of ICMPv6 type and code have a port
 * each. What ra 3.0.8 wrote of a capture, but for addresses and sizes. */
static void argus_has_the_code_above_the_type(void **state)
{
	(void)state;
	READS_AS("argus",
		 ARGUS_HEAD
		 "2016/04/11 00:01:06.0,0.5,icmp,10.0.0.1,0x0008,  <->,192.0.2.7,0x5c4d,ECO,0,0,1,84,42,x\n"
		 "2016/04/11 00:01:06.0,0.5,icmp,192.0.2.7,0x0000,  <-,10.0.0.1,0x7700,ECR,0,,1,84,84,x\n"
		 "2016/04/11 00:01:06.0,0.5,icmp,10.0.0.1,0x0103,   ->,192.0.2.7,0x0a00,URH,0,,1,84,84,x\n"
		 "2016/04/11 00:01:06.0,0.5,icmp,10.0.0.1,0x000b,   ->,192.0.2.7,0x0000,TXD,0,,1,84,84,x\n"
		 "2016/04/11 00:01:06.0,0.5,1,10.0.0.1,0x0d03,   ->,192.0.2.7,0x0000,URFIL,0,,1,84,84,x\n"
		 "2016/04/11 00:01:06.0,0.5,ipv6-icmp,2001:db8::1,0x0087,   ->,2001:db8::2,0x0000,NNS,0,,1,84,84,x\n"
		 "2016/04/11 00:01:06.0,0.5,ipv6-icmp,2001:db8::1,1,   ->,2001:db8::2,4,URP,0,,1,84,84,x\n",
		 FLOW(V4, 8 * 256, "ICMP", "x"), FLOW(V4, 0, "ICMP", "x"), FLOW(V4, 3 * 256 + 1, "ICMP", "x"),
		 FLOW(V4, 11 * 256, "ICMP", "x"), FLOW(V4, 3 * 256 + 13, "ICMP", "x"),
		 FLOW(V6, 135 * 256, "ICMP6", "x"), FLOW(V6, 256 + 4, "ICMP6", "x"));
	assert_written("argus",
		       ARGUS_HEAD
		       "2016/04/11 00:01:06.0,0.5,icmp,10.0.0.1,0x0103,   ->,192.0.2.7,0x0a00,URH,0,,1,84,84,x\n",
		       "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,TotPkts,TotBytes,Label\n"
		       "2016/04/11 00:01:06.000000,0.500000,icmp,10.0.0.1,259,->,192.0.2.7,0,URH,0,1,84,x\n");
}

#define UNSW_HEAD "srcip,sport,dstip,dsport,proto,state,dur,sbytes,dbytes,Spkts,Dpkts,Stime,Ltime,attack_cat,label\n"

/* UNSW-NB15 has Argus's, as numbers and in hex; an echo's type 8 with the bytes exchanged; and of hosts that were
 * unreachable second rows that begin with the identifier, which is no type. */
static void unsw_nb15_has_those_of_argus(void **state)
{
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct reading *r;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "unsw-nb15", &err), FM_OK);
	r = read_trace_file(put("in.csv", UNSW_HEAD
				"10.0.0.1,259,192.0.2.7,49320,icmp,URH,0,84,0,1,0,1460332866,1460332866,,0\n"
				"10.0.0.1,0x000b,192.0.2.7,0x0045,icmp,TXD,0,84,0,1,0,1460332866,1460332866,,0\n"
				"10.0.0.1,2048,192.0.2.7,48879,icmp,ECO,0,84,0,1,0,1460332866,1460332866,,0\n"
				"10.0.0.1,49320,192.0.2.7,0xc0a8,icmp,URH,0,84,0,1,0,1460332866,1460332866,,0\n"),
			    d, NULL, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 3);
	assert_int_equal(r->t->dp[0], 3 * 256 + 1);
	assert_int_equal(r->t->dp[1], 11 * 256);
	assert_int_equal(r->t->dp[2], 8 * 256);
	assert_int_equal(r->t->sp[0] + r->t->sp[1] + r->t->sp[2], 0);
	assert_int_equal(r->st.bad, 1);
	assert_string_equal(r->bad[0].reason, "its ports are no type and code of ICMP as the dialect has them");
	done(r);
	fm_dialect_free(d);
}

static void what_cannot_be_a_type_is_a_bad_row(void **state)
{
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct reading *r;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "zeek", &err), FM_OK);
	r = read_trace_file(put("in.log", ZEEK_HEAD "\n"
						    "1460332866.0\t10.0.0.1\t8.0\t192.0.2.7\t0.0\ticmp" ZEEK_END "\n"
						    "1460332866.0\t10.0.0.1\t300\t192.0.2.7\t0\ticmp" ZEEK_END "\n"
						    "1460332866.0\t10.0.0.1\t3\t192.0.2.7\t771\ticmp" ZEEK_END "\n"),
			    d, NULL, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 1);
	assert_int_equal(r->t->dp[0], 8 * 256); /* as programs write it that know missing values */
	assert_int_equal(r->st.bad, 2);
	done(r);
	fm_dialect_free(d);
}

/* Columns of type and code say nothing of rows of other protocols, where the data set of CIC-IDS2017 that was made anew
 * has -1. */
static void rows_of_others_may_have_no_type_in_its_column(void **state)
{
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct reading *r;

	(void)state;
	assert_int_equal(
	    fm_dialect_load(&d,
			    put("both.yaml", "name: both\nheader: true\ncolumns:\n  - {name: ts, column: start}\n"
					     "  - {name: td, column: td}\n  - {name: sa, column: sa}\n"
					     "  - {name: sp, column: sp}\n  - {name: da, column: da}\n"
					     "  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n"
					     "  - {name: code, column: dp, format: icmp-code}\n"
					     "  - {name: type, column: dp, format: icmp-type}\n"
					     "  - {name: pkt, column: pkt}\n  - {name: byt, column: byt}\n"),
			    &err),
	    FM_OK);
	r = read_trace_file(put("in.csv", "ts,td,sa,sp,da,dp,pr,code,type,pkt,byt\n"
					  "2016-04-11 00:01:06,0.5,10.0.0.1,40000,192.0.2.7,443,6,-1,-1,1,84\n"
					  "2016-04-11 00:01:06,0.5,10.0.0.1,0,192.0.2.7,0,1,1,3,1,84\n"
					  "2016-04-11 00:01:06,0.5,10.0.0.1,0,192.0.2.7,0,1,0,-1,1,84\n"
					  "2016-04-11 00:01:06,0.5,10.0.0.1,0,192.0.2.7,0,1,-1,8,1,84\n"),
			    d, NULL, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 2);
	assert_int_equal(r->t->sp[0], 40000);
	assert_int_equal(r->t->dp[0], 443);
	assert_int_equal(r->t->dp[1], 3 * 256 + 1);
	assert_int_equal(r->st.bad, 2);
	assert_string_equal(r->bad[0].reason, "dp is no type or code of ICMP, which are 0 to 255 (column type)");
	assert_string_equal(r->bad[1].reason, "dp is no type or code of ICMP, which are 0 to 255 (column code)");
	done(r);
	fm_dialect_free(d);
}

/* An answer is its own flow in another dialect, with the type that Zeek had. */
static void zeek_in_another_dialect(void **state)
{
	struct fm_dialect *d = NULL, *to = NULL;
	struct fm_error err;
	struct fm_buf got = {0};
	struct reading *r;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "zeek", &err), FM_OK);
	assert_int_equal(fm_dialect_load(&to, "nfdump", &err), FM_OK);
	r = read_trace_file(put("in.log", ZEEK_HEAD "\n1460332866.0\t10.0.0.1\t3\t192.0.2.7\t3\ticmp" ZEEK_END "\n"), d,
			    NULL, 0);
	assert_int_equal(fm_trace_write(r->t, to, at("out.csv"), &err), FM_OK);
	assert_int_equal(fm_file_read(at("out.csv"), 1 << 20, &got, &err), FM_OK);
	fm_buf_add(&got, "", 1);
	assert_non_null(strstr(got.data, ",ICMP,10.0.0.1,0,192.0.2.7,3.3,"));
	fm_buf_free(&got);
	done(r);
	fm_dialect_free(d);
	fm_dialect_free(to);
}

/* Whatever is written can be read: as it was, or as what it says that it became, which stays. */
static void each_type_and_code_reads_back(void **state)
{
	(void)state;
	for (enum fm_icmp form = FM_ICMP_ZEEK; form <= FM_ICMP_ARGUS; form++)
		for (int number = 1; number <= 58; number += 57)
			for (unsigned i = 0; i < 65536; i++) {
				uint16_t sp = 0, dp = (uint16_t)i;
				bool whole = fm_icmp_write(form, number, &sp, &dp);

				assert_true(fm_icmp_read(form, number, &sp, &dp));
				assert_int_equal(dp == i, whole);
				assert_true(fm_icmp_write(form, number, &sp, &dp));
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(zeek_has_the_type_in_the_source_port),
	    cmocka_unit_test(so_has_its_json_and_it_comes_back),
	    cmocka_unit_test(argus_has_the_code_above_the_type),
	    cmocka_unit_test(unsw_nb15_has_those_of_argus),
	    cmocka_unit_test(what_cannot_be_a_type_is_a_bad_row),
	    cmocka_unit_test(zeek_in_another_dialect),
	    cmocka_unit_test(rows_of_others_may_have_no_type_in_its_column),
	    cmocka_unit_test(each_type_and_code_reads_back),
	};
	return cmocka_run_group_tests_name("icmp", tests, scratch_make, scratch_remove);
}
