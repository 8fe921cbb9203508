/* What sniff makes of tables and JSON with something odd about them: endings of names, keys that a shell would obey,
 * lines that are nearly empty. */
#include "tests/unit/trace_fixture.h"

#include "traces/sniff.h"

static struct fm_error err;

#define NAMES "start,duration,src_ip,src_port,dst_ip,dst_port,proto"
#define VALUES "2016-04-11 00:01:06,2.5,1.2.3.4,53,10.0.0.1,35203,UDP"
#define FLOW                                                                                                           \
	"\"start\":\"2016-04-11T00:01:06Z\",\"end\":\"2016-04-11T00:01:08Z\",\"src\":\"1.2.3.4\",\"dst\":\"5.6.7.8\"," \
	"\"sport\":53,\"dport\":80,\"proto\":\"udp\",\"packets\":1,\"bytes\":130"

static char *repeat(const char *first, const char *line, int times)
{
	struct fm_buf text = {0};

	fm_buf_puts(&text, first);
	for (int i = 0; i < times; i++)
		fm_buf_puts(&text, line);
	fm_buf_add(&text, "", 1);
	return text.data;
}

/* What sniff says of a text: the dialect that it guesses, or why it makes none. */
static char *said_of(const char *name, const char *text)
{
	const char *path = put(name, text);
	struct fm_buf yaml = {0}, said = {0};
	struct fm_sniff_tried tried;
	bool whole;

	if (fm_sniff_guess(path, NULL, &yaml, &whole, &err) < 0) {
		fm_buf_free(&yaml);
		return strdup(err.message);
	}
	assert_int_equal(fm_sniff_try(path, NULL, yaml.data, yaml.len, &tried, &err), FM_OK);
	fm_sniff_tell(&tried, &said);
	fm_buf_add(&said, yaml.data, yaml.len);
	fm_buf_add(&said, "", 1);
	fm_buf_free(&yaml);
	return said.data;
}

struct odd {
	const char *text, *says, *never; /* never: words that it must not say, or NULL */
};

static void assert_each_says(const struct odd *of, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *said = said_of("odd.txt", of[i].text);

		if (!strstr(said, of[i].says))
			fail_msg("case %zu lacks %s\n%s", i, of[i].says, said);
		if (of[i].never && strstr(said, of[i].never))
			fail_msg("case %zu has %s\n%s", i, of[i].never, said);
		free(said);
	}
}

/* pkts_s are packets a second, or those of the source; an ending is that of a type where addresses and ports have it.
 */
static void endings_of_names_are_types_where_ends_of_flows_have_them(void **state)
{
	static const struct odd of[] = {
	    {NAMES ",src_pkts_s,src_bytes_s\n" VALUES ",1,130\n" VALUES ",2,180\n", "# not found: byt", "column: pkt"},
	    {NAMES ",fwd_pkts_s,flow_bytes_s,pkts,bytes\n" VALUES ",0.4,52,1,130\n" VALUES ",0.8,72,2,180\n",
	     "{name: \"bytes\", column: byt}", "sum: true"},
	    {NAMES ",bytes_b,packets\n" VALUES ",130,1\n" VALUES ",180,2\n", "# not found: byt", "column: byt"},
	    {NAMES ",pkts_s,pkts_d,bytes_s,bytes_d\n" VALUES ",1,2,130,60\n" VALUES ",1,2,130,60\n", "# not found: pkt",
	     "column: pkt"},
	    {"StartTime_t,Dur_d,SrcIP_s,SrcPort_d,DestIP_s,DestPort_d,Protocol_s,Packets_d,Bytes_d\n" VALUES
	     ",1,130\n" VALUES ",2,180\n",
	     "reads all of the first 2 rows", NULL},
	    {"StartTime_t,Dur_d,SrcIP_s,SrcPort_d,DestIP_s,DestPort_d,Protocol_s,Packets_d,Bytes_d,Bytes_s\n" VALUES
	     ",1,130,52\n" VALUES ",2,180,72\n",
	     "# not found: byt", "column: byt"},
	    {"ts,td,src_ip_s,dst_ip_s,sport,dport,proto,bytes,packets\n2016-04-11 "
	     "00:01:06,2.5,1.2.3.4,10.0.0.1,53,35203,"
	     "UDP,130,1\n",
	     "\"dst_ip_s\", column: da}   # by its name", "by its values"},
	    {"Start_t,Duration_d,SrcIP_s,SrcPort,DestIP_s,DestPort,Proto,Bytes_d,Packets_d,fwd_pkts_s\n" VALUES
	     ",130,1,0.4\n",
	     "\"Bytes_d\", column: byt}   # by its name\n  - {name: \"Packets_d\", column: pkt}   # by its name\n# "
	     "Not read: \"fwd_pkts_s\"",
	     "by its values"},
	    {"src_b,dst_b," NAMES ",pkts,bytes\n130,60," VALUES ",1,190\n", "\"src_ip\", column: sa",
	     "\"src_b\", column"},
	    {"start_s,duration_s,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
	     "1460332866,2,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n1460332867,2,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n",
	     "{name: \"duration_s\", column: td, format: \"seconds\"}   # by its name\n", NULL},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* JSON that holds more JSON is refused where nothing else is a flow, and the columns of a table only as all keys say
 * it. */
static void json_inside_of_json_is_left_where_the_rest_is_a_flow(void **state)
{
	static const struct odd of[] = {
	    {"{" FLOW ",\"raw\":\"{\\\"x\\\":1}\"}\n{" FLOW ",\"raw\":\"{\\\"x\\\":1}\"}\n",
	     "reads all of the first 2 rows", NULL},
	    {"{\"log\":\"{\\\"a\\\":1}\",\"time\":\"2016-04-11T00:01:06Z\",\"stream\":\"x\",\"kind\":1,\"host\":2}\n",
	     "has JSON as a text inside of JSON", NULL},
	    {"{\"a.0\":1,\"a.1\":2," FLOW "}\n{\"a.0\":1,\"a.1\":2," FLOW "}\n", "reads all of the first 2 rows", NULL},
	    {"{\"start\":{\"0\":1,\"1\":2},\"end\":{\"0\":1,\"1\":2}}\n", "has the columns of the table one by one",
	     NULL},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* A last column of JSON is a column. */
static void text_before_json_may_be_a_row(void **state)
{
	static const struct odd of[] = {
	    {"start;duration;src_ip;src_port;dst_ip;dst_port;proto;packets;bytes;more\n"
	     "2016-04-11 00:01:06;2.5;1.2.3.4;53;10.0.0.1;35203;UDP;1;130;{\"a\":1}\n"
	     "2016-04-11 00:01:06;2.5;1.2.3.4;53;10.0.0.1;35203;UDP;1;130;{\"a\":1}\n",
	     "reads all of the first 2 rows", NULL},
	    {"Apr 11 00:01:06 host x: {" FLOW "}\nApr 11 00:01:06 host x: {" FLOW "}\n", "JSON behind other text",
	     NULL},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* A key of somebody's stands in a command so that jq and the shell take it for a key alone, or no command is told. */
static void keys_in_commands_are_quoted(void **state)
{
	static const struct odd of[] = {
	    {"{\"my-flows\":[{\"a\":1},{\"a\":2}]}\n", "jq -c '.\"my-flows\"[]' FILE", NULL},
	    {"{\"a\":{\"b_1\":[{\"a\":1},{\"a\":2}]}}\n", "jq -c '.a.b_1[]' FILE", NULL},
	    {"{\"1a\":[{\"a\":1},{\"a\":2}]}\n", "jq -c '.\"1a\"[]' FILE", NULL},
	    {"{\"x';$(touch y)`id`\":[{\"a\":1},{\"a\":2}]}\n", "jq -c '.\"x'\\'';$(touch y)`id`\"[]' FILE", NULL},
	    {"{\"a\\\"b\":[{\"a\":1},{\"a\":2}]}\n", "jq -c '.PATH[]' FILE", "a\\"},
	    {"{\"a\\(1)\":[{\"a\":1},{\"a\":2}]}\n", "FILE", "(1)"},
	    {"{\"a\x01z\":[{\"a\":1},{\"a\":2}]}\n", "FILE", "01z"},
	    {"{\"lo'g;touch y\":\"{\\\"x\\\":1}\",\"s\":\"1\"}\n", "jq -r '.\"lo'\\''g;touch y\"' FILE", NULL},
	    {"{\"a\\\\(id)\":\"{\\\"x\\\":1}\",\"s\":\"1\"}\n", "jq -r '.\"a\\\\(id)\"' FILE", NULL},
	    {"{\"a\\u0007z\":\"{\\\"x\\\":1}\",\"s\":\"1\"}\n", "", "07z"},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* Names behind a # of a table that is longer than what is looked at. */
static void names_behind_a_hash_are_found_in_a_long_table(void **state)
{
	char *text = repeat("# " NAMES ",bytes,packets\n", VALUES ",130,1\n", 80), *said = said_of("hash.csv", text);

	(void)state;
	if (!strstr(said, "column: byt}   # by its name"))
		fail_msg("%s", said);
	free(said);
	free(text);
}

/* Of three addresses in a table without names the ends of a flow are those beside the ports, also where one of them is
 * the same in each row. */
static void ends_of_flows_are_beside_their_ports(void **state)
{
	static const struct {
		const char *row, *sa, *da; /* % stands for what differs from row to row, # for a port */
	} of[] = {
	    {"10.8.8.%,1460332865.5,0.500,UDP,1.2.3.4,53,10.0.0.%,35203,1,130\n", "c5", "c7"},
	    {"10.8.8.8,1460332865.5,0.500,UDP,1.2.3.%,53,10.0.0.%,35203,1,130\n", "c5", "c7"},
	    {"1460332865.5,0.500,10.8.8.%,1.2.3.4,10.0.0.%,53,35203,UDP,1,130\n", "c4", "c5"},
	    {"1460332865.5,0.500,UDP,1.2.3.4,53,10.0.0.%,35203,1,130,10.8.8.%\n", "c4", "c6"},
	    {"10.8.8.%,7,1.2.3.4,35203,10.0.0.%,53,1460332865.5,0.500,UDP,1,130\n", "c3", "c5"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf text = {0};
		char sa[64], da[64], *said;

		for (int row = 0; row < 12; row++)
			for (const char *s = of[i].row; *s; s++) {
				if (*s == '%')
					fm_buf_printf(&text, "%d", 1 + row % 3);
				else
					fm_buf_add(&text, s, 1);
			}
		fm_buf_add(&text, "", 1);
		said = said_of("ends.csv", text.data);
		snprintf(sa, sizeof sa, "{name: %s, column: sa}", of[i].sa);
		snprintf(da, sizeof da, "{name: %s, column: da}", of[i].da);
		if (!strstr(said, sa) || !strstr(said, da))
			fail_msg("case %zu\n%s", i, said);
		free(said);
		fm_buf_free(&text);
	}
}

/* What PostgreSQL writes below one row. */
static void one_row_of_a_database_is_read(void **state)
{
	static const struct odd of[] = {
	    {"start|duration|src_ip|src_port|dst_ip|dst_port|proto|packets|bytes\n---------+----+----+----\n"
	     "2016-04-11 00:01:06|0|1.2.3.4|53|10.0.0.1|35203|UDP|1|130\n(1 row)\n",
	     "reads all of the first 1 rows", NULL},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* No-break blanks of UTF-8 and of windows-1252, and the apostrophes of Switzerland, in a column with no small number.
 */
static void marks_of_thousands_of_all_countries_are_guessed(void **state)
{
	static const char *const of[][2] = {
	    {"\xc2\xa0", " "},     {"\xe2\x80\xaf", " "}, {"\xa0", " "}, {" ", " "},
	    {"\xe2\x80\x99", "'"}, {"\x92", "'"},         {"'", "'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		char text[1024], keys[64], *said;

		snprintf(text, sizeof text,
			 "start;duration;src_ip;src_port;dst_ip;dst_port;proto;packets;bytes\n"
			 "11.04.2016 00:01:06;0,5;1.2.3.4;53;10.0.0.1;35203;UDP;1;2%s345\n"
			 "13.04.2016 00:01:06;2,5;1.2.3.4;53;10.0.0.1;35203;UDP;2;3%s456\n",
			 of[i][0], of[i][0]);
		snprintf(keys, sizeof keys, "decimal: \",\"\nthousands: \"%s\"\n", of[i][1]);
		said = said_of("marks.csv", text);
		if (!strstr(said, keys) || !strstr(said, "reads all of the first 2 rows"))
			fail_msg("case %zu\n%s", i, said);
		free(said);
	}
}

/* A row with little in it is no title: advice to take it away would take away flows. */
static void nearly_empty_rows_are_no_titles(void **state)
{
	static const struct odd of[] = {
	    {"2016-04-11 00:01:06,,,,,,,1,130\n" VALUES ",1,130\n" VALUES ",1,130\n" VALUES ",1,130\n", "header: false",
	     "take away"},
	    {"Report,,,,,,,,\nmade,2016-04-11 00:00:00,,,,,,,\n" NAMES ",packets,bytes\n" VALUES ",1,130\n" VALUES
	     ",1,130\n",
	     "seems to begin on line 3", NULL},
	    {"Report of flows\n\n" VALUES ",1,130\n" VALUES ",1,130\n" VALUES ",1,130\n", "seems to begin on line 3",
	     NULL},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* Of very wide tables the first 512 columns are looked at, and it is said that there are more; rows that are wider than
 * what is looked at are not those of R. */
static void wide_tables_are_said_to_be_wide(void **state)
{
	static const struct {
		int names, fields;
		bool is_of_r, is_wide;
	} of[] = {{511, 512, true, false}, {511, 530, false, true}, {512, 512, false, false}, {513, 513, false, true}};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf text = {0};
		char *said;

		fm_buf_puts(&text, NAMES ",packets,bytes");
		for (int k = 9; k < of[i].names; k++)
			fm_buf_printf(&text, ",f%d", k);
		for (int row = 0; row < 3; row++) {
			fm_buf_puts(&text, "\n" VALUES ",1,130");
			for (int k = 9; k < of[i].fields; k++)
				fm_buf_puts(&text, ",7");
		}
		fm_buf_add(&text, "\n", 2);
		said = said_of("wide.csv", text.data);
		if ((strstr(said, "R's write.table()") != NULL) != of[i].is_of_r ||
		    (strstr(said, "columns behind the first 512") != NULL) != of[i].is_wide)
			fail_msg("case %zu\n%s", i, said);
		free(said);
		fm_buf_free(&text);
	}
}

/* A host that asks for its address has 0.0.0.0, or ::, until it has one: no missing value, in a table of one family or
 * of both, where zeros stand also in the columns of the other family. */
static void an_address_of_zeros_is_one_where_no_other_is_told(void **state)
{
#define BOTH                                                                                                           \
	"IPV4_SRC_ADDR,IPV6_SRC_ADDR,IPV4_DST_ADDR,IPV6_DST_ADDR,L4_SRC_PORT,L4_DST_PORT,PROTOCOL,IN_PKTS,IN_BYTES,"   \
	"FLOW_START_MILLISECONDS,FLOW_END_MILLISECONDS\n"
#define REST ",68,67,17,1,330,1460332865000,1460332866000\n"
	static const struct {
		const char *text, *sa[5]; /* in the order of the rows */
	} of[] = {
	    {BOTH "1.2.3.4,::,10.0.0.1,::" REST "0.0.0.0,2001:db8::1,0.0.0.0,2001:db8::2" REST "::,::,::,::" REST
		  "0.0.0.0,::,255.255.255.255,::" REST "0.0.0.0,::,0.0.0.0,ff02::1" REST,
	     {"1.2.3.4", "2001:db8::1", "::", "0.0.0.0", "::"}},
	    {NAMES ",packets,bytes\n" VALUES ",1,130\n2016-04-11 "
		   "00:01:06,2.5,0.0.0.0,68,255.255.255.255,67,UDP,1,330\n2016-04-11 "
		   "00:01:06,2.5,::,68,ff02::1,67,UDP,1,330\n" VALUES ",1,130\n" VALUES ",1,130\n",
	     {"1.2.3.4", "0.0.0.0", "::", "1.2.3.4", "1.2.3.4"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		const char *path = put("zeros.csv", of[i].text);
		struct fm_trace_opts o = {.missing = FM_MISSING_REJECT};
		struct fm_dialect *d = NULL;
		struct fm_buf yaml = {0};
		struct reading *r;
		bool whole;

		assert_int_equal(fm_sniff_guess(path, NULL, &yaml, &whole, &err), FM_OK);
		assert_int_equal(fm_dialect_load(&d, put_bytes("zeros.yaml", yaml.data, yaml.len), &err), FM_OK);
		r = read_trace_file(path, d, &o, 0);
		if (r->rc)
			fail_msg("case %zu: %s", i, r->err.message);
		assert_int_equal(r->t->rows, 5);
		assert_int_equal(r->st.missing_values, 0);
		for (int row = 0; row < 5; row++) {
			struct fm_address a = fm_table_address(r->t, r->t->sa[row]);
			char text[64];

			text[fm_address_format(&a, text)] = 0;
			assert_string_equal(text, of[i].sa[row]);
		}
		done(r);
		fm_buf_free(&yaml);
		fm_dialect_free(d);
	}
}

/* As programs and clouds export flows: names of another kind beside better ones, finer units, the time of the record.
 */
static void exports_with_other_names_are_guessed(void **state)
{
	static const struct odd of[] = {
	    /* goflow2 of version 1 */
	    {"{\"TimeReceived\":1460332899,\"TimeFlowStart\":1460332866,\"TimeFlowEnd\":1460332868,\"TimeFlowStartMs\":"
	     "1460332866123,\"TimeFlowEndMs\":1460332868623,\"Bytes\":130,\"Packets\":1,\"SrcAddr\":\"1.2.3.4\","
	     "\"DstAddr\":\"10.0.0.1\",\"Proto\":17,\"SrcPort\":53,\"DstPort\":35203}\n",
	     "{name: \"TimeFlowStartMs\", column: start, format: \"milliseconds\"}", "\"TimeFlowStart\", column"},
	    /* ntopng */
	    {"FIRST_SEEN|LAST_SEEN|L4_PROTO|CLI_IP|CLI_PORT|SRV_IP|SRV_PORT|SRC2DST_PACKETS|DST2SRC_PACKETS|SRC2DST_"
	     "BYTES|DST2SRC_BYTES\n1460332866|1460332868|17|1.2.3.4|53|10.0.0.1|35203|1|0|130|0\n",
	     "reads all of the first 1 rows", NULL},
	    /* ElastiFlow: the client is the source of another way's record. */
	    {"flow.client.ip.addr,flow.src.ip.addr,flow.server.ip.addr,flow.dst.ip.addr,a,b\n"
	     "1.2.3.4,10.0.0.1,10.0.0.1,1.2.3.4,1,2\n1.2.3.4,10.0.0.1,10.0.0.1,1.2.3.4,1,2\n",
	     "\"flow.src.ip.addr\", column: sa", "client.ip.addr\", column"},
	    /* InfluxDB, where source is the exporter. */
	    {"source,src,dst,src_port,dst_port,protocol,in_packets,in_bytes\n"
	     "192.0.2.1,1.2.3.4,10.0.0.1,53,35203,udp,1,130\n192.0.2.1,1.2.3.4,10.0.0.1,53,35203,udp,1,130\n",
	     "\"src\", column: sa", "\"source\", column"},
	    /* Splunk, beside the time of the event */
	    {"_time,flow_start_time,flow_end_time,src_ip,src_port,dest_ip,dest_port,protoid,packets_in,bytes_in\n"
	     "1460332899,1460332866,1460332868,1.2.3.4,53,10.0.0.1,35203,17,1,130\n"
	     "1460332899,1460332866,1460332868,1.2.3.4,53,10.0.0.1,35203,17,1,130\n",
	     "reads all of the first 2 rows", "\"_time\", column"},
	    /* Azure: a zone behind the type, and a comma behind the date. */
	    {"TimeGenerated [UTC],FlowStartTime_t [UTC],FlowEndTime_t [UTC],SrcIP_s,DestIP_s,SrcPort_d,DestPort_d,"
	     "L4Protocol_s,OutboundPackets_d,InboundPackets_d,OutboundBytes_d,InboundBytes_d\n"
	     "\"11/14/2023, 10:14:20.000 PM\",\"11/14/2023, 10:13:20.000 PM\",\"11/14/2023, 10:13:21.000 PM\",1.2.3.4,"
	     "10.0.0.1,53,35203,U,1,0,130,0\n",
	     "reads all of the first 1 rows", NULL},
	    /* Athena: a record of no flows */
	    {"\"srcaddr\",\"dstaddr\",\"srcport\",\"dstport\",\"protocol\",\"packets\",\"bytes\",\"start\",\"end\","
	     "\"log_"
	     "status\"\n\"1.2.3.4\",\"10.0.0.1\",\"53\",\"35203\",\"17\",\"1\",\"130\",\"1460332866\",\"1460332868\","
	     "\"OK\"\n\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"1460332866\",\"1460332926\",\"NODATA\"\n",
	     "reads all of the first 1 rows", NULL},
	    /* flow-print: times without a year, which no dialect reads */
	    {"Start End SrcIPaddress SrcP DstIPaddress DstP P Pkts Octets\n"
	     "1114.22:13:20.123 1114.22:13:21.123 1.2.3.4 53 10.0.0.1 35203 17 1 130\n",
	     "{name: \"SrcIPaddress\", column: sa}", NULL},
	    /* ClickHouse, with types below the names, and a program with units there */
	    {NAMES ",packets,bytes\nDateTime64(3),Float64,IPv4,UInt16,IPv4,UInt16,String,UInt64,UInt64\n" VALUES
		   ",1,130\n" VALUES ",1,130\n",
	     "reads all of the first 2 rows", NULL},
	    {NAMES ",packets,bytes\ns,s,,,,,,,bytes\n" VALUES ",1,130\n" VALUES ",1,130\n", "of the first 3 rows",
	     "comment:"}, /* s would begin the names too */
	    /* A name that no dialect can have, of 64 bytes */
	    {NAMES ",packets,aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffff.bytes\n" VALUES
		   ",1,130\n" VALUES ",1,130\n",
	     "# not found: byt", "column: byt"},
	    /* Splunk's common model: hosts have names, and protocol is that below transport. */
	    {"_time,src,src_ip,src_port,dest,dest_ip,dest_port,duration,protocol,transport,packets,bytes\n"
	     "1460332866,alice,1.2.3.4,53,bob,10.0.0.1,35203,1,ip,udp,1,130\n"
	     "1460332866,alice,1.2.3.4,53,bob,10.0.0.1,35203,1,ip,udp,1,130\n",
	     "{name: \"transport\", column: pr}", "\"src\", column"},
	    /* Two ways of two makers, of which one counts */
	    {NAMES ",fwd_pkts,src_pkts,bwd_pkts,dst_pkts,bytes\n" VALUES ",1,1,2,2,130\n" VALUES ",1,1,2,2,130\n",
	     "{name: \"bwd_pkts\", column: pkt, sum: true}", "src_pkts\", column"},
	    {"         StartTime      Dur  Proto  SrcAddr  Sport  DstAddr  Dport  TotPkts  TotBytes\n"
	     "   1460332866  1  udp  1.2.3.4  53  10.0.0.1  35203  1  130\n"
	     "   1460332866  1  udp  1.2.3.4  53  10.0.0.1  35203  1  130\n",
	     "reads all of the first 2 rows", NULL},
	    {"Pocz\xb9tek;Czas;A;B;C;D;E;F;G\n2016-04-11 00:01:06;1;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n",
	     "names of its columns are not UTF-8", NULL},
	    {"\xe2\x94\x82 start \xe2\x94\x82 src \xe2\x94\x82\n\xe2\x94\x82 2016 \xe2\x94\x82 1.2.3.4 \xe2\x94\x82\n",
	     "is a table drawn with lines", NULL},
	    /* Cisco's Firepower */
	    {"First Packet,Last Packet,Initiator IP,Responder IP,Source Port,Destination Port,Protocol,Initiator "
	     "Packets,Responder Packets,Initiator Bytes,Responder Bytes\n"
	     "1460332866,1460332868,1.2.3.4,10.0.0.1,NULL,443,tcp,1,0,130,0\n",
	     "reads all of the first 1 rows", NULL},
	    {"{\"AgentID\":\"10.1.1.1\",\"DataSets\":[[{\"I\":8,\"V\":\"1.2.3.4\"},{\"I\":12,\"V\":\"10.0.0.1\"}]]}\n",
	     "is of vFlow, whose records are lists of elements", NULL},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* Names in another language, or none that is known: columns by their values and places. */
static void names_in_other_languages_do_not_matter(void **state)
{
	static const struct odd of[] = {
	    {"Startzeit;Dauer;Quell-IP;Quellport;Ziel-IP;Zielport;Protokoll;Pakete;Bytes\n"
	     "14.11.2023 22:13:20;0,5;1.2.3.4;53;10.0.0.1;35203;UDP;1;1.297\n"
	     "14.11.2023 22:13:23;12,25;1.2.3.4;53;10.0.0.1;35203;UDP;2;60\n",
	     "reads all of the first 2 rows", NULL},
	    {"D\xc3\xa9"
	     "but;Dur\xc3\xa9"
	     "e (s);IP source;Port source;IP destination;Port destination;Protocole;Paquets;Octets\n"
	     "14/11/2023 22:13:20;0,5;1.2.3.4;53;10.0.0.1;35203;UDP;1;1\xe2\x80\xaf"
	     "297\n14/11/2023 22:13:23;12,25;1.2.3.4;53;10.0.0.1;35203;UDP;2;60\n",
	     "reads all of the first 2 rows", "Both can be read"},
	    {"\xe9\x96\x8b\xe5\xa7\x8b,a,b,c,d,e,f,g,h\n" VALUES ",1,130\n" VALUES ",2,180\n",
	     "reads all of the first 2 rows", NULL},
	    {NAMES ",packets,bytes\n05/11/2023 00:01:06,1,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n"
		   "06/11/2023 00:01:06,1,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n",
	     "the day first, or the month? Both can be read", NULL},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* Names that are known among others that are not stay what they are; the gaps alone are filled by place. */
static void known_names_stay_beside_unknown_ones(void **state)
{
#define ENDS "1.2.3.4,10.0.0.1,53,35203,UDP"
	static const struct odd of[] = {
	    {"Zeit,Dauer,Quelle,Ziel,Qport,Zport,Protokoll,Byt,Pak\n2016-04-11 00:01:06,2.5," ENDS ",130,1\n"
	     "2016-04-11 00:01:06,2.5," ENDS ",1800,12\n",
	     "{name: \"Byt\", column: byt}   # by its name\n  - {name: \"Pak\", column: pkt}   # by its values", NULL},
	    {"Zeit,Dauer,Quelle,Ziel,Qport,Zport,Protokoll,Dienst,Pkt,Okt\n2016-04-11 00:01:06,2.5," ENDS ",4,1,130\n"
	     "2016-04-11 00:01:06,2.5," ENDS ",5,12,1800\n",
	     "{name: \"Okt\", column: byt}   # by its values", "Dienst\", column"},
	    {"end,start,local_ip,remote_ip,local_port,remote_port,protocol,bytes,packets\n"
	     "2016-04-11 00:01:08,2016-04-11 00:01:06," ENDS ",130,1\n"
	     "2016-04-11 00:01:09,2016-04-11 00:01:06," ENDS ",1800,12\n",
	     "reads all of the first 2 rows", "\"bytes\", column: pkt"},
	    {"end,Anfang,local_ip,remote_ip,local_port,remote_port,protocol,bytes,packets\n"
	     "2016-04-11 00:01:08,2016-04-11 00:01:06," ENDS ",130,1\n"
	     "2016-04-11 00:01:09,2016-04-11 00:01:06," ENDS ",1800,12\n",
	     "{name: \"Anfang\", column: start, format: \"datetime\"}   # by its values", "or is it the end"},
	    /* What fills no column by its name fills none by its place. */
	    {"Zeit,Dauer,Quelle,Ziel,Qport,Zport,Protokoll,fwd_bytes,bwd_bytes,Pak,flows\n"
	     "2016-04-11 00:01:06,2.5," ENDS ",130,60,1,1\n2016-04-11 00:01:06,2.5," ENDS ",1800,60,12,1\n",
	     "{name: \"Pak\", column: pkt}", "\"flows\", column"},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* A word for no value among flags or labels is a value; among numbers it is none, unless it is a label too. */
static void words_for_nothing_that_are_values_stay(void **state)
{
#define LABELED(port, flags, label)                                                                                    \
	"start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes,flags,label\n"                             \
	"2016-04-11 00:01:06,2.5,1.2.3.4," port ",10.0.0.1,35203,UDP,1,130," flags ",None\n"                           \
	"2016-04-11 00:01:06,2.5,1.2.3.4,53,10.0.0.1,35203,UDP,1,130,S," label "\n"
#define KNOWN "missing: [\"\", \"-\", \"nan\"]\n"
	static const struct odd of[] = {
	    {LABELED("53", "None", "scan"), KNOWN, NULL},
	    {LABELED("53", "NULL", "scan"), KNOWN, NULL},
	    {LABELED("NONE", "S", "scan"), KNOWN, NULL},
	    {LABELED("\\N", "\\N", "scan"), "missing: [\"\", \"-\", \"nan\", \"\\\\N\"]\n", "None"},
	};

	(void)state;
	assert_each_says(of, sizeof of / sizeof *of);
}

/* Rows without names, as nfdump -q leaves them: the places are those of a table that is known, however wide it is. */
static void rows_without_names_of_known_programs_are_guessed(void **state)
{
#define OF_NFDUMP16 "2016-04-11 00:01:06,2016-04-11 00:01:08,2.000,1.2.3.4,10.0.0.1,53,35203,UDP,......,0,0,1,130,0,0"
#define FLOWS(a, b, c)                                                                                                 \
	"2016-04-11 00:01:06.123,2.000,UDP,1.2.3.4,53,10.0.0.1,35203,9,990," a "\n2016-04-11 00:01:06.123,2.000,UDP,"  \
	"1.2.3.4,53,10.0.0.1,35203,3,190," b "\n2016-04-11 00:01:06.123,2.000,UDP,1.2.3.4,53,10.0.0.1,35203,1,90," c   \
	"\n"
	char wide[4096] = "";
	const struct odd of[] = {
	    {"2016-04-11 00:01:06.123,2.000,UDP,1.2.3.4,53,10.0.0.1,35203,1,130,1\n"
	     "2016-04-11 00:01:06.123,2.000,TCP,1.2.3.4,53,10.0.0.1,443,3,180,1\n",
	     "{name: c10}   # 1 in all rows: flows: true where", "{name: c10, "},
	    /* A last column of flows: and of labels, types of service, networks, which no row is the sum of */
	    {FLOWS("1", "2", "1"), "{name: c10, flows: true}", NULL},
	    {FLOWS("1", "0", "1"), "{name: c10}\n", NULL},
	    {FLOWS("1", "1", "2"), "{name: c10}\n", NULL},
	    {FLOWS("184", "1", "104"), "{name: c10}\n", NULL},
	    {FLOWS("1", "2", "1"), "or is it the end (te)?", NULL},
	    {FLOWS("1,scan", "2,normal", "1,scan"), "{name: c11, column: label}", NULL},
	    {OF_NFDUMP16 ",3,4,0,0,0.0.0.0,10.9.9.9,7,1\n" OF_NFDUMP16 ",3,4,0,0,0.0.0.0,10.9.9.9,7,1\n",
	     "{name: c13, column: byt}", NULL},
	    {wide, "reads all of the first 2 rows", "c16"},
	    /* UGR'16 with more bad rows than it is known by: its time is the end. */
	    {"2016-07-30 00:01:06,0.000,1.2.3.4,42.219.1.2,53,35203,UDP,.A....,0,0,1,130,background\n"
	     "2016-07-30 00:01:06,-1.000,1.2.3.4,42.219.1.2,53,35203,UDP,.A....,0,0,1,130,background\n",
	     "{name: c1, column: te, format: \"datetime\"}   # by its place, as in the table of a program that is "
	     "known: or "
	     "is it the start?",
	     "column: start"},
	    /* MySQL, without a value in a row, and with numbers of protocols */
	    {"1\t2016-04-11 00:01:06\t2016-04-11 00:01:08\t1.2.3.4\t10.0.0.1\t53\t35203\t17\t1\t130\n"
	     "2\t2016-04-11 00:01:06\t2016-04-11 00:01:08\t1.2.3.5\t10.0.0.1\t\\N\t443\t6\t2\t180\n"
	     "3\t2016-04-11 00:01:06\t2016-04-11 00:01:08\t1.2.3.5\t10.0.0.1\t57\t443\t6\t2\t180\n",
	     "reads all of the first 3 rows", NULL},
	};

	(void)state;
	for (int row = 0; row < 2; row++) {
		strcat(wide, OF_NFDUMP16);
		for (int k = 15; k < 80; k++)
			strcat(wide, ",7");
		strcat(wide, "\n");
	}
	assert_each_says(of, sizeof of / sizeof *of);
}

/* A built-in dialect whose keys the lines lack would read zeros. */
static void keys_that_no_line_has_are_not_sure(void **state)
{
#define BEATS                                                                                                          \
	"{\"event\":{\"start\":\"2016-04-11T00:01:06Z\",\"end\":\"2016-04-11T00:01:08Z\"},\"source\":{\"ip\":\"1.2.3." \
	"4\",\"port\":53,\"packets\":1,\"bytes\":130},\"destination\":{\"ip\":\"5.6.7.8\",\"port\":35203,\"packets\":" \
	"2,\"bytes\":260},\"network\":{\"transport\":\"udp\"},\"suricata\":{\"eve\":{\"flow\":{\"pkts_toserver\":1,"   \
	"\"bytes_toserver\":130}}}}\n"
	struct fm_sniffed s;
	char *said;

	(void)state;
	assert_int_equal(fm_sniff(&s, put("beats.json", BEATS BEATS), NULL, &err), FM_OK);
	assert_false(s.sure);
	said = said_of("beats.json", BEATS BEATS);
	if (!strstr(said, "\"destination.packets\", column: pkt, sum: true") || strstr(said, "pkts_toserver\", column"))
		fail_msg("%s", said);
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(endings_of_names_are_types_where_ends_of_flows_have_them),
	    cmocka_unit_test(json_inside_of_json_is_left_where_the_rest_is_a_flow),
	    cmocka_unit_test(text_before_json_may_be_a_row),
	    cmocka_unit_test(keys_in_commands_are_quoted),
	    cmocka_unit_test(names_behind_a_hash_are_found_in_a_long_table),
	    cmocka_unit_test(ends_of_flows_are_beside_their_ports),
	    cmocka_unit_test(one_row_of_a_database_is_read),
	    cmocka_unit_test(marks_of_thousands_of_all_countries_are_guessed),
	    cmocka_unit_test(nearly_empty_rows_are_no_titles),
	    cmocka_unit_test(an_address_of_zeros_is_one_where_no_other_is_told),
	    cmocka_unit_test(exports_with_other_names_are_guessed),
	    cmocka_unit_test(names_in_other_languages_do_not_matter),
	    cmocka_unit_test(known_names_stay_beside_unknown_ones),
	    cmocka_unit_test(words_for_nothing_that_are_values_stay),
	    cmocka_unit_test(rows_without_names_of_known_programs_are_guessed),
	    cmocka_unit_test(keys_that_no_line_has_are_not_sure),
	    cmocka_unit_test(wide_tables_are_said_to_be_wide),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
