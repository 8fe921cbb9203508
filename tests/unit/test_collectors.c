/* Dialects of what collectors write as JSON, or with blanks between: each reads an imitation of it row for row, and
 * what it writes of that. */
#include "base/num.h"
#include "tests/unit/capture.h"
#include "tests/unit/flows_read.h"

#define NFDUMP(i, icmp, ports, from, to, more)                                                                         \
	"{\n\t\"type\" : \"FLOW\",\n\t\"sampled\" : 0,\n\t\"export_sysid\" : 1,\n\t\"first\" : "                       \
	"\"2016-04-11T00:01:0" i ".123\",\n\t\"last\" : \"2016-04-11T00:01:08.623\",\n\t\"received\" : "               \
	"\"2016-04-11T00:01:09.000\",\n\t\"in_packets\" : 3,\n\t\"in_bytes\" : 180,\n" icmp ports                      \
	"\t\"src_tos\" : 0,\n" from to more "}"

static void nfdump_has_one_list_of_objects_over_several_lines(void **state)
{
	(void)state;
	/* nfdump 1.7, with the comma behind the last pair that it has; the tools' EVENT is no flow. */
	READS_AS(
	    "nfdump-json",
	    "[\n" NFDUMP(
		"6", "\t\"proto\" : 6,\n\t\"tcp_flags\" : \"...AP.SF\",\n",
		"\t\"src_port\" : 40000,\n\t\"dst_port\" : 443,\n\t\"fwd_status\" : 0,\n",
		"\t\"src4_addr\" : \"10.0.0.1\",\n", "\t\"dst4_addr\" : \"192.0.2.7\",\n",
		"\t\"src_geo\" : \"..\",\n\t\"dst_geo\" : \"..\",\n\t\"input_snmp\" : 1,\n") ",\n" NFDUMP("7",
													  "\t\"proto\" "
													  ": "
													  "58,"
													  "\n\t\"icmp_"
													  "type\" : "
													  "128,"
													  "\n\t\"icmp_"
													  "code\" : "
													  "0,\n",
													  "",
													  "\t\"src6_"
													  "addr\" : "
													  "\"2001:db8::"
													  "1\",\n",
													  "\t\"dst6_"
													  "addr\" : "
													  "\"2001:db8::"
													  "2\",\n",
													  "\t\"out_"
													  "packets\" : "
													  "2,\n\t\"out_"
													  "bytes\" : "
													  "208,"
													  "\n\t\"label"
													  "\" : "
													  "\"<none>"
													  "\"\n") ",\n{"
														  "\n\t"
														  "\"ty"
														  "pe\""
														  " : "
														  "\"EV"
														  "ENT"
														  "\","
														  "\n\t"
														  "\"pr"
														  "oto"
														  "\" "
														  ": "
														  "6,"
														  "\n\t"
														  "\"sr"
														  "c4_"
														  "addr"
														  "\" "
														  ": "
														  "\"10"
														  ".0."
														  "0."
														  "1\""
														  "\n}"
														  "\n]"
														  "\n",
	    {"2016-04-11 00:01:08.623", 2500, "10.0.0.1", "192.0.2.7", 40000, 443, "TCP", 3, 180, NULL},
	    {"2016-04-11 00:01:08.623", 1500, "2001:db8::1", "2001:db8::2", 0, 32768, "ICMP6", 3, 180, NULL},
	    {"2016-04-11 00:01:08.623", 1500, "2001:db8::2", "2001:db8::1", 0, 33024, "ICMP6", 2, 208, NULL});
	/* 1.6, by its names, and two objects on a line. */
	READS_AS(
	    "nfdump-json",
	    "[{ \"type\" : \"FLOW\", \"t_first\" : \"2016-04-11T00:01:06.000\", \"t_last\" : "
	    "\"2016-04-11T00:01:07.000\", \"proto\" : 17, \"src4_addr\" : \"10.0.0.1\", \"dst4_addr\" : "
	    "\"192.0.2.7\", \"src_port\" : 53, \"dst_port\" : 35203, \"in_packets\" : 1, \"in_bytes\" : 130, "
	    "\"tcp_flags\" : \"........\", \"fwd_status\" : 0, \"src_tos\" : 0 },{ \"type\" : \"FLOW\", \"t_first\" : "
	    "\"2016-04-11T00:01:08.000\", \"t_last\" : \"2016-04-11T00:01:08.000\", \"proto\" : 1, \"src4_addr\" : "
	    "\"10.0.0.1\", \"dst4_addr\" : \"192.0.2.7\", \"icmp_type\" : 8, \"icmp_code\" : 0, \"in_packets\" : 1, "
	    "\"in_bytes\" : 84, \"src_tos\" : 0 }]\n",
	    {"2016-04-11 00:01:07", 1000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL},
	    {"2016-04-11 00:01:08", 0, "10.0.0.1", "192.0.2.7", 0, 2048, "ICMP", 1, 84, NULL});
}

static void pmacct_has_an_object_a_line(void **state)
{
	(void)state;
	READS_AS(
	    "pmacct-json",
	    "{\"event_type\": \"purge\", \"ip_src\": \"10.0.0.1\", \"ip_dst\": \"192.0.2.7\", \"port_src\": 40000, "
	    "\"port_dst\": 443, \"tcp_flags\": \"27\", \"ip_proto\": \"tcp\", \"tos\": 0, \"timestamp_start\": "
	    "\"2016-04-11 00:01:06.123000\", \"timestamp_end\": \"2016-04-11 00:01:08.623000\", "
	    "\"packets\": 3, \"bytes\": 180}\n"
	    "{\"event_type\": \"purge\", \"ip_src\": \"2001:db8::1\", \"ip_dst\": \"2001:db8::2\", \"port_src\": 0, "
	    "\"port_dst\": 0, \"tcp_flags\": \"0\", \"ip_proto\": \"ipv6-icmp\", \"tos\": 0, \"timestamp_start\": "
	    "\"2016-04-11T02:01:07.123000+02:00\", \"timestamp_end\": \"2016-04-11T02:01:07.123000+02:00\", "
	    "\"packets\": 1, \"bytes\": 104}\n",
	    {"2016-04-11 00:01:08.623", 2500, "10.0.0.1", "192.0.2.7", 40000, 443, "TCP", 3, 180, NULL},
	    {"2016-04-11 00:01:07.123", 0, "2001:db8::1", "2001:db8::2", 0, 0, "ICMP6", 1, 104, NULL});
}

static void suricata_has_flows_among_other_events(void **state)
{
	(void)state;
	READS_AS(
	    "suricata",
	    "{\"timestamp\":\"2016-04-11T00:01:10.000001+0000\",\"event_type\":\"stats\",\"stats\":{\"uptime\":8,"
	    "\"decoder\":{\"pkts\":12,\"bytes\":1840}}}\n"
	    "{\"timestamp\":\"2016-04-11T00:02:10.000001+0000\",\"flow_id\":1218294871263452,\"in_iface\":\"eth0\","
	    "\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\"src_port\":40000,\"dest_ip\":\"192.0.2.7\",\"dest_"
	    "port\":"
	    "443,\"proto\":\"TCP\",\"app_proto\":\"tls\",\"flow\":{\"pkts_toserver\":5,\"pkts_toclient\":4,"
	    "\"bytes_toserver\":700,\"bytes_toclient\":4000,\"start\":\"2016-04-11T00:01:06.123456+0000\",\"end\":"
	    "\"2016-04-11T00:01:08.623456+0000\",\"age\":2,\"state\":\"closed\",\"reason\":\"timeout\",\"alerted\":"
	    "false},"
	    "\"tcp\":{\"tcp_flags\":\"1b\",\"tcp_flags_ts\":\"1b\",\"tcp_flags_tc\":\"1b\",\"syn\":true,\"state\":"
	    "\"closed\"}}\n"
	    "{\"timestamp\":\"2016-04-11T00:01:07.000001+0000\",\"event_type\":\"dns\",\"src_ip\":\"10.0.0.1\","
	    "\"src_port\":5353,\"dest_ip\":\"192.0.2.53\",\"dest_port\":53,\"proto\":\"UDP\",\"dns\":{\"type\":"
	    "\"query\","
	    "\"rrname\":\"a \\\"b\\\"\"}}\n"
	    "{\"timestamp\":\"2016-04-11T02:01:10.000001+0200\",\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\","
	    "\"dest_ip\":\"192.0.2.7\",\"proto\":\"ICMP\",\"icmp_type\":8,\"icmp_code\":0,\"response_icmp_type\":0,"
	    "\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":1,\"bytes_toserver\":98,\"bytes_toclient\":98,\"start\":"
	    "\"2016-04-11T02:01:07.000000+0200\",\"end\":\"2016-04-11T02:01:07.001000+0200\"}}\n",
	    {"2016-04-11 00:01:08.623", 2500, "10.0.0.1", "192.0.2.7", 40000, 443, "TCP", 9, 4700, NULL},
	    {"2016-04-11 00:01:07.001", 1, "10.0.0.1", "192.0.2.7", 0, 2048, "ICMP", 2, 196, NULL});
}

#define VPC_ROWS                                                                                                       \
	"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 "    \
	"ACCEPT OK\n"                                                                                                  \
	"2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA\n"                          \
	"2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 "     \
	"REJECT OK\n"                                                                                                  \
	"2 123456789010 eni-1235b8ca123456789 2001:db8::1 2001:db8::2 0 0 58 8 832 1418530010 1418530070 ACCEPT OK\n"
#define VPC_FLOWS                                                                                                      \
	{"2014-12-14 04:07:50", 60000, "172.31.16.139", "172.31.16.21", 20641, 22, "TCP", 20, 4249, NULL},             \
	    {"2014-12-14 04:07:50", 60000, "172.31.9.69", "172.31.9.12", 49761, 3389, "TCP", 20, 4249, NULL},          \
	{                                                                                                              \
		"2014-12-14 04:07:50", 60000, "2001:db8::1", "2001:db8::2", 0, 0, "ICMP6", 8, 832, NULL                \
	}

static void aws_has_records_without_flows(void **state)
{
	(void)state;
	READS_AS("aws-vpc", VPC_ROWS, VPC_FLOWS);
	READS_AS(
	    "aws-vpc",
	    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
	    "log-status\n" VPC_ROWS,
	    VPC_FLOWS);
	/* A format of one's own. */
	READS_AS("aws-vpc",
		 "version vpc-id srcaddr dstaddr srcport dstport protocol tcp-flags packets bytes start end action "
		 "log-status pkt-srcaddr\n"
		 "5 vpc-1 172.31.16.139 172.31.16.21 20641 22 6 19 20 4249 1418530010 1418530070 ACCEPT OK 10.0.0.1\n",
		 {"2014-12-14 04:07:50", 60000, "172.31.16.139", "172.31.16.21", 20641, 22, "TCP", 20, 4249, NULL});
}

static void cicflowmeter_has_the_names_of_two_releases(void **state)
{
	(void)state;
	READS_AS(
	    "cicflowmeter",
	    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Total Fwd Packet,Total Bwd "
	    "packets,Total Length of Fwd Packet,Total Length of Bwd Packet,Fwd Packet Length Max,Flow Bytes/s,Label\n"
	    "x,10.0.0.1,40000,192.0.2.7,443,6,11/04/2016 01:01:06 PM,2500000,5,4,700.0,4000.0,512.0,Infinity,BENIGN\n",
	    {"2016-04-11 13:01:08.500", 2500, "10.0.0.1", "192.0.2.7", 40000, 443, "TCP", 9, 4700, "BENIGN"});
	READS_AS(
	    "cicflowmeter",
	    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,TotLen "
	    "Fwd Pkts,TotLen Bwd Pkts,Label\n"
	    "x,10.0.0.1,40000,192.0.2.7,443,17,11/04/2016 12:01:06 AM,0,1,0,120,0,No Label\n",
	    {"2016-04-11 00:01:06", 0, "10.0.0.1", "192.0.2.7", 40000, 443, "UDP", 1, 120, "No Label"});
}

static void zeek_has_other_logs_in_one_stream(void **state)
{
	(void)state;
	READS_AS(
	    "zeek-json",
	    "{\"_path\":\"dns\",\"ts\":1460332866.0,\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":5353,\"id.resp_h\":"
	    "\"192.0.2.53\",\"id.resp_p\":53,\"proto\":\"udp\",\"query\":\"a\"},\n"
	    "{\"_path\":\"conn\",\"ts\":1460332866.5,\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":40000,\"id.resp_h\":"
	    "\"192.0.2.7\",\"id.resp_p\":443,\"proto\":\"tcp\",\"duration\":2.5,\"conn_state\":\"SF\",\"orig_pkts\":2,"
	    "\"orig_ip_bytes\":120,\"resp_pkts\":1,\"resp_ip_bytes\":60},\n",
	    {"2016-04-11 00:01:09", 2500, "10.0.0.1", "192.0.2.7", 40000, 443, "TCP", 3, 180, NULL});
}

static struct fm_error err;
static const char *path;
static struct reading *got;
static struct fm_dialect *dialect;

static void read_now(void)
{
	got = read_trace_file(path, dialect, NULL, 0.5);
}

static void read_json(const char *text, char said[4096])
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(fm_dialect_load(&dialect, "pmacct-json", &err), FM_OK);
	path = put("some.json", text);
	fm_log_quiet(0);
	with_stderr(fileno(f), read_now);
	fm_log_quiet(1);
	rewind(f);
	said[fread(said, 1, 4095, f)] = 0;
	fclose(f);
	fm_dialect_free(dialect);
}
#define FLOW                                                                                                           \
	"{\"ip_src\":\"10.0.0.1\",\n\"ip_dst\":\"192.0.2.7\",\"port_src\":1,\"port_dst\":2,\"ip_proto\":\"udp\","      \
	"\"tos\":0,"                                                                                                   \
	"\n\"tcp_flags\":\"0\",\"timestamp_start\":\"2016-04-11 00:01:06\",\"timestamp_end\":\"2016-04-11 00:01:06\"," \
	"\"packets\":1,\n\"bytes\":40}"
#define BROKEN "{\"ip_src\":\"10.0.0.300\",\n\"ip_dst\":\"192.0.2.7\"}"

static void lines_are_counted_as_the_file_has_them(void **state)
{
	char said[4096];

	(void)state;
	read_json("\xef\xbb\xbf\n[\n" FLOW ",\n" FLOW ",\n" BROKEN ",\n" FLOW "\n]\n", said);
	assert_int_equal(got->rc, FM_OK);
	assert_int_equal(got->t->rows, 3);
	assert_int_equal(got->st.bad, 1);
	assert_int_equal(got->bad[0].line, 11); /* 2 + two objects of four lines + 1 */
	assert_null(strstr(said, "cut off"));
	done(got);
	/* Objects of several lines without a list; a list on one line; two lists. */
	read_json("{\n  \"ip_src\": 1\n}\n" FLOW "\n", said);
	assert_int_equal(got->t->rows, 1);
	assert_int_equal(got->bad[0].line, 1);
	assert_null(strstr(said, "cut off"));
	done(got);
	read_json("[" FLOW "," FLOW "][" FLOW "]", said);
	assert_int_equal(got->t->rows, 3);
	assert_null(strstr(said, "cut off"));
	done(got);
}

static void a_list_that_was_cut_off_is_said(void **state)
{
	struct fm_buf long_one = {0};
	char said[4096];

	(void)state;
	read_json("[\n" FLOW ",\n" FLOW ",\n", said);
	assert_int_equal(got->t->rows, 2);
	assert_non_null(strstr(said, "its JSON is not closed at its end: the file was cut off"));
	done(got);
	read_json("[\n" FLOW ",\n{\"ip_src\": \"10.0", said);
	assert_int_equal(got->t->rows, 1);
	assert_int_equal(got->st.bad, 1);
	assert_non_null(strstr(said, "its JSON is not closed at its end: the file was cut off"));
	done(got);
	/* A brace is missing: what follows would be one object. */
	fm_buf_puts(&long_one, "[\n" FLOW ",\n{\"ip_src\": {\n");
	for (int i = 0; i < 20000; i++)
		fm_buf_puts(&long_one, FLOW ",\n");
	fm_buf_add(&long_one, "", 1);
	read_json(long_one.data, said);
	assert_int_equal(got->rc, FM_EINPUT);
	assert_non_null(strstr(got->err.message,
			       "the object of JSON that begins on line 6 is over 1 MiB long: a brace or a quote"));
	done(got);
	fm_buf_free(&long_one);
}

/* Tables for machine learning have hundreds of columns, and thousands are read too. */
static void there_may_be_thousands_of_columns(void **state)
{
	struct fm_dialect *d = NULL;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "nfdump", &err), FM_OK);
	for (int n = 16374; n <= 16375; n++) {
		struct fm_buf text = {0};
		struct reading *r;

		fm_buf_puts(&text, "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows");
		for (int i = 0; i < n; i++)
			fm_buf_printf(&text, ",f%d", i);
		fm_buf_puts(&text, "\n2016-04-11 00:01:06.000,2.000,UDP,10.0.0.1,53,192.0.2.7,35203,1,130,1");
		for (int i = 0; i < n; i++)
			fm_buf_puts(&text, ",7");
		fm_buf_puts(&text, "\n");
		r = read_trace_file(put_bytes("wide.csv", text.data, text.len), d, NULL, 0);
		if (n == 16375) {
			assert_int_equal(r->rc, FM_EINPUT);
			assert_says(r->err, "16385 columns, over the limit of 16384");
		} else {
			if (r->rc)
				fail_msg("%s", r->err.message);
			assert_int_equal(r->t->rows, 1);
			assert_int_equal(r->t->byt[0], 130);
		}
		done(r);
		fm_buf_free(&text);
	}
	fm_dialect_free(d);
}

/* Logs of clouds and of Elastic, each with what stands around a flow there. */
static void logs_of_clouds_are_flows(void **state)
{
	(void)state;
	READS_AS("aws-vpc5",
		 "version vpc-id srcaddr dstaddr srcport dstport pkt-srcaddr protocol bytes packets start end action "
		 "tcp-flags log-status\n"
		 "5 vpc-1 10.0.0.1 192.0.2.7 53 35203 10.0.0.1 17 130 1 1460332866 1460332868 ACCEPT 0 OK\n"
		 "5 vpc-1 - - - - - - - - 1460332866 1460332868 - - NODATA\n",
		 {"2016-04-11 00:01:08", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL});
	READS_AS("aws-vpc-export",
		 "2016-04-11T00:02:00.000Z 2 123 eni-1 10.0.0.1 192.0.2.7 53 35203 17 1 130 1460332866 1460332868 "
		 "ACCEPT OK\n",
		 {"2016-04-11 00:01:08", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL});
#define PANOS(subtype, type)                                                                                           \
	"<14>Apr 11 00:01:09 fw 1,2016/04/11 00:01:09,001606001116," type "," subtype                                  \
	",1,2016/04/11 00:01:09,10.0.0.1,192.0.2.7,0.0.0.0,0.0.0.0,\"Allow, all\",,,dns,vsys1,trust,untrust,eth1,"     \
	"eth2,fwd,2016/04/11 00:01:09,33651,1,53,35203,0,0,0x19,udp,allow,130,68,62,2,2016/04/11 00:01:06,2,any,0,"    \
	"5384825641,0x0,10.0.0.0-10.255.255.255,United States,0,1,1,aged-out\n"
	READS_AS("panos-traffic",
		 PANOS("start", "TRAFFIC") PANOS("end", "TRAFFIC") PANOS("url", "THREAT") PANOS("deny", "TRAFFIC"),
		 {"2016-04-11 00:01:08", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 2, 130, NULL},
		 {"2016-04-11 00:01:08", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 2, 130, NULL});
#define GCP_RECORD                                                                                                     \
	"{\"insertId\":\"x\",\"jsonPayload\":{\"bytes_sent\":\"130\",\"packets_sent\":\"1\",\"connection\":{\"src_"    \
	"ip\":\"10.0.0.1\","                                                                                           \
	"\"src_port\":53,\"dest_ip\":\"192.0.2.7\",\"dest_port\":35203,\"protocol\":17},\"start_time\":"               \
	"\"2016-04-11T00:01:06.123456Z\",\"end_time\":\"2016-04-11T00:01:08.123456789Z\"}}"
	READS_AS("gcp-vpc", GCP_RECORD "\n",
		 {"2016-04-11 00:01:08.123", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL});
	READS_AS("gcp-vpc", "[" GCP_RECORD ",\n" GCP_RECORD "]\n",
		 {"2016-04-11 00:01:08.123", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL},
		 {"2016-04-11 00:01:08.123", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL});
#define ECS_RECORD                                                                                                     \
	"\"@timestamp\":\"2016-04-11T00:09:00.000Z\",\"event\":{\"start\":\"2016-04-11T00:01:06.000Z\",\"end\":"       \
	"\"2016-04-11T00:01:08.000Z\",\"duration\":2000000000},\"source\":{\"ip\":\"10.0.0.1\",\"port\":53,\"bytes\":" \
	"90},"                                                                                                         \
	"\"destination\":{\"ip\":\"192.0.2.7\",\"port\":35203,\"bytes\":40},\"network\":{\"transport\":\"udp\","       \
	"\"bytes\":130,"                                                                                               \
	"\"packets\":1}}"
	READS_AS("ecs", "{\"flow\":{\"final\":false}," ECS_RECORD "\n{\"flow\":{\"final\":true}," ECS_RECORD "\n",
		 {"2016-04-11 00:01:08", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL});
	READS_AS("ecs", "{" ECS_RECORD "\n{\"_index\":\"a\",\"_source\":{" ECS_RECORD "}\n",
		 {"2016-04-11 00:01:08", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL},
		 {"2016-04-11 00:01:08", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL});
	READS_AS(
	    "suricata-netflow",
	    "{\"event_type\":\"flow\",\"src_ip\":\"1.1.1.1\"}\n"
	    "{\"timestamp\":\"2016-04-11T00:09:00.000000+0000\",\"event_type\":\"netflow\",\"src_ip\":\"10.0.0.1\","
	    "\"src_port\":53,\"dest_ip\":\"192.0.2.7\",\"dest_port\":35203,\"proto\":\"UDP\",\"netflow\":{\"pkts\":1,"
	    "\"bytes\":130,\"start\":\"2016-04-11T02:01:06.000000+0200\",\"end\":\"2016-04-11T02:01:08.000000+0200\","
	    "\"age\":2}}\n",
	    {"2016-04-11 00:01:08", 2000, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL});
}

/* What stands for no value in conn.log is said before its names, by each file for itself. */
static void zeek_says_what_stands_for_no_value(void **state)
{
	static const char *const unset[] = {"NA", "(unset)", "?", "0x", ""};

	(void)state;
	for (size_t i = 0; i < sizeof unset / sizeof *unset; i++) {
		struct fm_dialect *d = NULL;
		struct reading *r;
		char text[1024], paths[2100];

		for (int file = 0; file < 2; file++) {
			const char *none = file ? "-" : unset[i];

			snprintf(
			    text, sizeof text,
			    "#separator "
			    "\\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t%s\n#path\tconn\n"
			    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\t"
			    "conn_state\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n"
			    "146033286%d.5\tC1\t10.0.0.1\t53\t192.0.2.7\t35203\tudp\t%s\t%s\tS0\t1\t68\t0\t0\n"
			    "146033286%d.5\tC2\t10.0.0.1\t53\t192.0.2.7\t35203\tudp\tdns\t%s\tSF\t1\t68\t0\t0\n",
			    none, 6 + file, none, none, 6 + file, file && *unset[i] ? unset[i] : "0.25");
			put(file ? "b.log" : "a.log", text);
		}
		snprintf(paths, sizeof paths, "%s\n%s", at("a.log"), at("b.log"));
		assert_int_equal(fm_dialect_load(&d, "zeek", &err), FM_OK);
		r = read_trace_file(paths, d, NULL, 1);
		assert_int_equal(r->rc, FM_OK);
		assert_int_equal(r->t->rows, *unset[i] ? 3 : 4);
		assert_int_equal(r->st.missing_values, 2);
		assert_int_equal(r->t->td[0], 0);
		assert_int_equal(r->t->td[1], 250);
		done(r);
		fm_dialect_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_may_be_thousands_of_columns),
	    cmocka_unit_test(logs_of_clouds_are_flows),
	    cmocka_unit_test(nfdump_has_one_list_of_objects_over_several_lines),
	    cmocka_unit_test(pmacct_has_an_object_a_line),
	    cmocka_unit_test(suricata_has_flows_among_other_events),
	    cmocka_unit_test(zeek_has_other_logs_in_one_stream),
	    cmocka_unit_test(zeek_says_what_stands_for_no_value),
	    cmocka_unit_test(aws_has_records_without_flows),
	    cmocka_unit_test(cicflowmeter_has_the_names_of_two_releases),
	    cmocka_unit_test(lines_are_counted_as_the_file_has_them),
	    cmocka_unit_test(a_list_that_was_cut_off_is_said),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
