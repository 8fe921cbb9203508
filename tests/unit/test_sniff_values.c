/* What the values of the first rows tell a guess that no name does: which numbers are packets and bytes, what unit a
 * duration has, and that a flow has one time only. */
#include "tests/unit/guessed.h"

static void numbers_without_names_are_packets_and_bytes_where_they_can_be(void **state)
{
	static const char *const of[] = {
	    /* Numbers of networks, and of flows, stand behind them. */
	    "2024-05-14 13:00:01.000,1.5,10.0.0.1,192.0.2.7,40000,443,6,27,7,574,64500,65001,1\n"
	    "2024-05-14 13:00:02.000,0.5,10.0.0.2,192.0.2.8,40001,53,17,0,2,130,64500,65001,1\n",
	    /* The bytes first. */
	    "2024-05-14 13:00:01.000,1.5,10.0.0.1,40000,192.0.2.7,443,6,574,7\n"
	    "2024-05-14 13:00:02.000,0.5,10.0.0.2,40001,192.0.2.8,53,17,130,2\n",
	    /* Both ways: that of the source. */
	    "2024-05-14 13:00:01.000|1.5|6|10.0.0.1|40000|192.0.2.7|443|7|574|0|0|eof\n"
	    "2024-05-14 13:00:02.000|0.5|17|10.0.0.2|40001|192.0.2.8|53|2|130|3|300|idle\n",
	    /* Ports in the columns of the ends */
	    "2024-05-14 13:00:01.000;1.5;TCP;10.0.0.1:40000;192.0.2.7:443;7;574\n"
	    "2024-05-14 13:00:02.000;0.5;UDP;10.0.0.2:40001;192.0.2.8:53;2;130\n",
	    /* As nfcapd and flow-export have them: an exporter, the next hop and interfaces */
	    "10.9.9.9,10.0.0.1,192.0.2.7,10.9.9.1,1,2,7,574,1715691601000,1715691602500,40000,443,27,6,0\n"
	    "10.9.9.9,10.0.0.2,192.0.2.8,10.9.9.1,1,2,2,130,1715691602000,1715691602500,40001,53,0,17,0\n",
	    /* A number in front of all is no port, and a length of time beside an address neither. */
	    "2,30,2024-05-14 13:00:01.000,1.5,10.0.0.1,40000,192.0.2.7,443,6,7,574\n"
	    "2,40,2024-05-14 13:00:02.000,0.5,10.0.0.2,40001,192.0.2.8,53,17,2,130\n",
	    /* More than 1000 bytes: numbers of networks, the same in all rows, are not those of the way back. */
	    "2024-05-14 13:00:01.000,1.5,10.0.0.1,192.0.2.7,40000,443,6,7,574,64500,65001\n"
	    "2024-05-14 13:00:02.000,0.5,10.0.0.2,192.0.2.8,40001,53,17,2,2800,64500,65001\n",
	    /* The ports behind the counts */
	    "2024-05-14 13:00:01.000,1.5,10.0.0.1,192.0.2.7,6,7,574,40000,443\n"
	    "2024-05-14 13:00:02.000,0.5,10.0.0.2,192.0.2.8,17,2,130,40001,53\n",
	    /* A type and code of ICMP as a port, and flows behind; the names are none that are known. */
	    "Beginn,Dauer,Protokoll,Quelle,QPort,Ziel,ZPort,Pakete,Oktette,Anzahl\n"
	    "2024-05-14 13:00:01.000,1.5,6,10.0.0.1,40000,192.0.2.7,443,7,574,1\n"
	    "2024-05-14 13:00:02.000,0.5,1,10.0.0.2,0,192.0.2.8,8.0,2,168,1\n",
	    /* A port that is the same in all rows, the protocol before the ports, and a type of service behind them */
	    "2024-05-14 13:00:01.000,1.5,10.0.0.1,192.0.2.7,6,40000,443,0,7,574\n"
	    "2024-05-14 13:00:02.000,0.5,10.0.0.2,192.0.2.8,17,40001,443,8,2,130\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		assert_guesses_flow(of[i], 2);
}

/* Packets of both ways before their bytes, or behind them: which are which is not guessed. Nor are the bytes alone,
 * where packets with a point are none. */
static void counts_that_cannot_be_told_are_not_guessed(void **state)
{
	static const char *const of[] = {
	    "10.0.0.1,40000,192.0.2.7,443,6,7,5,574,410,1715691601.0,1.5\n"
	    "10.0.0.2,40001,192.0.2.8,53,17,2,1,130,90,1715691602.0,0.5\n"
	    "10.0.0.3,40009,192.0.2.9,53,17,1,3,80,300,1715691602.0,0.5\n",
	    "10.0.0.1,40000,192.0.2.7,443,6,574,410,7,5,1715691601.0,1.5\n"
	    "10.0.0.2,40001,192.0.2.8,53,17,130,90,2,1,1715691602.0,0.5\n"
	    "10.0.0.3,40009,192.0.2.9,53,17,80,300,1,3,1715691602.0,0.5\n",
	    ("1715691601.0,1.5,10.0.0.1,40000,192.0.2.7,443,6,72,7.5,574.5\n"
	     "1715691602.0,0.5,10.0.0.2,40001,192.0.2.8,53,17,16,2.5,130.5\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf yaml = {0};

		assert_null(guessed(of[i], &yaml));
		assert_non_null(strstr(yaml.data, "# not found: pkt"));
		assert_non_null(strstr(yaml.data, "# not found: byt"));
		fm_buf_free(&yaml);
	}
}

#define ENDS_AT "10.0.0.1,192.0.2.7,40000,443"

/* The table of 40 rows whose first ends with the counts 7 and 574, and others with a hole or a count of another form;
 * `between` stands before the counts and may differ from row to row. */
static void assert_reads_counts(const char *before, const char *const between[4], const char *const odd[2], int each,
				const char *behind)
{
	struct fm_buf text = {0};

	for (int i = 0; i < 40; i++) {
		int packets = i % 7 ? 1 + i % 9 : 7;

		fm_buf_printf(&text, "%s%s", before, between[i * 7 % 5 % 4]);
		if (i % each == each - 1)
			fm_buf_printf(&text, "%s,%s", odd[0], odd[1]);
		else
			fm_buf_printf(&text, "%d,%d", packets, packets * 82);
		fm_buf_printf(&text, "%s\n", behind);
	}
	fm_buf_add(&text, "", 1);
	assert_guesses_flow(text.data, 40);
	fm_buf_free(&text);
}

/* Numbers of interfaces, or a mask and a network, are in the proportion of packets and bytes too. */
static void numbers_before_the_counts_are_none(void **state)
{
	static const char *const ports[4] = {"1,65,", "2,66,", "2,70,", "1,66,"};
	static const char *const networks[4] = {"16,3320,", "24,15169,", "24,8075,", "16,64500,"};
	static const char *const times = "2024-05-14 13:00:01.000,1.5," ENDS_AT ",6,";

	(void)state;
	assert_reads_counts(times, ports, (const char *const[]){"", ""}, 8, "");
	assert_reads_counts(times, networks, (const char *const[]){"", ""}, 8, "");
}

/* A hole, a fraction or a payload of no bytes is no reason to know a table less. */
static void tables_are_known_where_counts_are_odd(void **state)
{
	static const char *const odd[][2] = {{"-", "-"}, {"", ""}, {"7.0", "574.0"}, {"3", "0"}, {"3", "1"}};
	static const char *const none[4] = {"", "", "", ""};

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		/* In the order of a program that is known, and in no such order */
		assert_reads_counts("2024-05-14 13:00:02.500,1.5," ENDS_AT ",TCP,.AP...,0,0,", none, odd[i], 5,
				    ",background");
		if (i != 2)
			assert_reads_counts("2024-05-14 13:00:01.000,1.5," ENDS_AT ",6,", none, odd[i], i < 3 ? 5 : 2,
					    "");
	}
}

/* Flow logs of a VPC with more fields than the default ones behind these, as CloudWatch has them without their names:
 * the version is no port, the version of IP no protocol, and the path of the traffic no bytes. */
static void flow_logs_of_more_fields_are_known_without_names(void **state)
{
	struct fm_buf text = {0}, yaml = {0};

	(void)state;
	for (int export = 0; export < 2; export ++) {
		struct reading *r;

		text.len = yaml.len = 0;
		for (int i = 0; i < 20; i++)
			fm_buf_printf(
			    &text,
			    "%s2 123456789010 eni-1235b8ca123456789 10.0.0.1 192.0.2.7 40000 443 6 %d %d "
			    "1715691601 1715691602 ACCEPT OK vpc-1 subnet-1 i-1 27 IPv4 10.0.0.1 192.0.2.7 "
			    "ingress %d\n%s",
			    export ? "2024-05-14T13:09:00.000Z " : "", 7 + i, 574 + i, 1 + i % 8,
			    i || export ? ""
					: "2 1 eni-1 - - - - - - - 1715691600 1715691660 - NODATA - - - - - - - - -\n");
		fm_buf_add(&text, "", 1);
		r = guessed(text.data, &yaml);
		if (!r || r->t->rows != 20 || r->t->te[0] != INT64_C(1715691602000) || r->t->sp[0] != 40000 ||
		    r->t->dp[0] != 443 || r->t->pkt[19] != 26 || r->t->byt[19] != 593 ||
		    strcmp(fm_table_category(r->t, FM_PR, 0), "TCP") != 0 ||
		    strcmp(fm_table_category(r->t, FM_FWD, 0), "ACCEPT") != 0)
			fail_msg("%s", yaml.data);
		done(r);
	}
	fm_buf_free(&text);
	fm_buf_free(&yaml);
}

/* The time from start to end says the unit of a duration, whatever its name and the size of its values say. */
static void the_unit_of_a_duration_is_that_of_its_times(void **state)
{
	static const struct {
		const char *name, *times, *td[2];
	} of[] = {
	    {"duration", "2024-05-14 13:00:01.000,2024-05-14 13:00:02.500", {"1500", "60000"}},
	    {"duration", "1715691601000,1715691602500", {"1500000", "60000000"}},
	    {"duration", "14/05/2024 13:00:01.000,14/05/2024 13:00:02.500", {"1500000000", "60000000000"}},
	    {"flowDurationMilliseconds", "2024-05-14 13:00:01.000,2024-05-14 13:00:02.500", {"1.500", "60.000"}},
	    {"duration", "1715691601.0,1715691602.5", {"1.5", "60.0"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		char text[1024];

		snprintf(text, sizeof text,
			 "start,end,%s,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
			 "%s,%s,10.0.0.1,40000,192.0.2.7,443,6,7,574\n%s,%s,10.0.0.1,40000,192.0.2.7,443,6,7,574\n",
			 of[i].name, of[i].times, of[i].td[0], of[i].times, of[i].td[0]);
		assert_guesses_flow(text, 2);
	}
}

/* SiLK's dur+msec has seconds, and where times alone have no unit the name says it. */
static void seconds_with_milliseconds_are_seconds(void **state)
{
	(void)state;
	assert_guesses_flow("sIP|dIP|sPort|dPort|pro|packets|bytes|sTime+msec|dur+msec|\n"
			    "10.0.0.1|192.0.2.7|40000|443|6|7|574|2024/05/14T13:00:01.000|1.500|\n"
			    "10.0.0.1|192.0.2.7|40000|443|6|7|574|2024/05/14T13:00:01.000|0.250|\n",
			    2);
	assert_guesses_flow("sIP dIP sPort dPort pro packets bytes sTime duration\n"
			    "10.0.0.1 192.0.2.7 40000 443 6 7 574 2024/05/14T13:00:01.000 1.500\n"
			    "10.0.0.1 192.0.2.7 40000 443 6 7 574 2024/05/14T13:00:01.000 0.250\n",
			    2);
}

/* The one time of a flow without a duration is taken as te, which a line absent goes with. */
static void one_time_alone_is_the_time_of_the_flow(void **state)
{
	struct fm_buf yaml = {0};
	struct fm_dialect *d = NULL;
	struct reading *r;
	char *line;

	(void)state;
	assert_null(guessed("timestamp,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
			    "2024-05-14 13:00:02.500,10.0.0.1,40000,192.0.2.7,443,6,7,574\n"
			    "2024-05-14 13:00:03.500,10.0.0.1,40000,192.0.2.7,443,6,7,574\n",
			    &yaml));
	assert_non_null(strstr(yaml.data,
			       "{name: \"timestamp\", column: te, format: \"datetime\"}   # by its name; the only "
			       "time, so it is taken as te; it is start if you add"));
	assert_null(strstr(yaml.data, "is one by its name"));
	assert_non_null(line = strstr(yaml.data, "\n# absent: [td]"));
	memmove(line + 1, line + 3, strlen(line + 3) + 1);
	assert_int_equal(fm_dialect_load(&d, put("one.yaml", yaml.data), &err), FM_OK);
	r = read_trace_file(at("values.txt"), d, NULL, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->te[0], FLOW_MS);
	done(r);
	fm_dialect_free(d);
	fm_buf_free(&yaml);
}

/* Where a duration or an end is there but cannot be read, a start stays a start, and it is said what is wrong. */
static void a_start_beside_times_that_are_not_read_is_no_end(void **state)
{
	static const char *const of[][3] = {{"end", "1000", "\"end\" is one by its name"},
					    {"duration", "ca. 1.5", "\"duration\" is one by its name"}};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf yaml = {0};
		char text[512];

		snprintf(text, sizeof text,
			 "start,%s,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
			 "2024-05-14 13:00:01.000,%s,10.0.0.1,40000,192.0.2.7,443,6,7,574\n"
			 "2024-05-14 13:00:02.000,%s,10.0.0.1,40000,192.0.2.7,443,6,7,574\n",
			 of[i][0], of[i][1], of[i][1]);
		assert_null(guessed(text, &yaml));
		assert_non_null(strstr(yaml.data, "{name: \"start\", column: start"));
		assert_non_null(strstr(yaml.data, of[i][2]));
		assert_null(strstr(yaml.data, "# absent: [td]"));
		fm_buf_free(&yaml);
	}
}

/* Windows' PowerShell puts a byte-order mark before JSON. */
static void json_behind_a_byte_order_mark_is_json(void **state)
{
#define OBJECT                                                                                                         \
	"{\"start\":\"2024-05-14 13:00:01.000\",\"duration\":1.5,\"src_ip\":\"10.0.0.1\",\"src_port\":40000,"          \
	"\"dst_ip\":\"192.0.2.7\",\"dst_port\":443,\"proto\":6,\"packets\":7,\"bytes\":574}"
	(void)state;
	assert_guesses_flow("\xef\xbb\xbf" OBJECT "\r\n" OBJECT "\r\n", 2);
	assert_guesses_flow("\xef\xbb\xbf[\r\n" OBJECT ",\r\n" OBJECT "\r\n]\r\n", 2);
}

/* Tables for people have titles of several words, and values of two; an arrow stands between the ends, or the port in
 * the word of its address. */
static void text_for_people_is_cut_below_its_titles(void **state)
{
	static const char *const of[] = {
	    "Date first seen          Duration     Proto      Src IP Addr  Src Pt      Dst IP Addr  Dst Pt  Packets    "
	    "Bytes\n"
	    "2024-05-14 13:00:01.000     1.500 TCP           10.0.0.1   40000        192.0.2.7     443        7      "
	    "574\n"
	    "2024-05-14 13:00:02.000     0.500 ICMP          10.0.0.1       0        192.0.2.7     8.0        1    "
	    "1.2 M\n"
	    "Summary: total flows: 2, total bytes: 1200574, total packets: 8, avg bps: 1, avg pps: 1, avg bpp: 1\n",
	    "Date first seen          Date last seen           Duration     Proto      Src IP Addr:Port          Dst "
	    "IP "
	    "Addr:Port   Flags  Packets    Bytes\n"
	    "2024-05-14 13:00:01.000 2024-05-14 13:00:02.500     1.500 TCP           10.0.0.1:40000        "
	    "192.0.2.7:443   ...AP.SF    7      574\n"
	    "2024-05-14 13:00:02.000 2024-05-14 13:00:02.500     0.500 TCP           10.0.0.1:40000        "
	    "192.0.2.7:443   ...AP.SF    7      574\n",
	    "                 StartTime        Dur  Proto            SrcAddr  Sport   Dir            DstAddr  Dport  "
	    "TotPkts "
	    "  TotBytes State \n"
	    " 2024/05/14 13:00:01.000000   1.500000    tcp           10.0.0.1.40000     ->         192.0.2.7.443       "
	    "    "
	    "7        574   CON\n"
	    " 2024/05/14 13:00:02.000000   0.500000    udp           10.0.0.1.40000    <->         192.0.2.7.443       "
	    "    "
	    "7        574   CON\n",
	    "Date first seen          Duration Proto      Src IP Addr  Src Pt      Dst IP Addr  Dst Pt  Src AS  Dst AS "
	    " "
	    "Input Output  Packets    Bytes Flows\n"
	    "2024-05-14 13:00:01.000     1.500 TCP           10.0.0.1   40000        192.0.2.7     443   64500   65001 "
	    " "
	    "    1      2        7      574     1\n"
	    "2024-05-14 13:00:02.000     0.500 TCP           10.0.0.1   40000        192.0.2.7     443   64500   65001 "
	    " "
	    "    1      2        7      574     1\n",
	    /* A space alone between columns, and inside of a time. */
	    "start duration src_ip src_port dst_ip dst_port proto packets bytes\n"
	    "2024-05-14 13:00:01.000 1.5 10.0.0.1 40000 192.0.2.7 443 6 7 574\n"
	    "2024-05-14 13:00:02.000 0.5 10.0.0.1 40000 192.0.2.7 443 6 7 574\n",
	};
	struct fm_buf yaml = {0};
	struct reading *r;

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		assert_guesses_flow(of[i], 2);
	/* Both ways, that of the source behind the other one. */
	r = guessed("Date first seen          Duration     Proto      Src IP Addr:Port          Dst IP Addr:Port  Out "
		    "Pkt   In Pkt "
		    "Out Byte  In Byte Flows\n"
		    "2024-05-14 13:00:01.000     1.500 TCP           10.0.0.1:40000 <->        192.0.2.7:443         5 "
		    "       7 "
		    "     500      574     1\n"
		    "2024-05-14 13:00:02.000     0.500 TCP           10.0.0.1:40000 <->        192.0.2.7:443         0 "
		    "       7 "
		    "       0      574     1\n",
		    &yaml);
	assert_non_null(r);
	assert_int_equal(r->t->rows, 3);
	assert_int_equal(r->t->byt[0], 574);
	assert_int_equal(r->t->sp[1], 443);
	assert_int_equal(r->t->pkt[1], 5);
	assert_int_equal(r->t->byt[1], 500);
	done(r);
	fm_buf_free(&yaml);
}

/* Flows of programs and data sets whose names no other has. */
static void names_of_more_programs_are_known(void **state)
{
	static const char *const of[] = {
	    /* ISCX IDS 2012 */
	    "totalSourceBytes,totalDestinationBytes,totalDestinationPackets,totalSourcePackets,source,protocolName,"
	    "sourcePort,destination,destinationPort,startDateTime,stopDateTime\n"
	    "500,74,3,4,10.0.0.1,tcp,40000,192.0.2.7,443,2024-05-14T13:00:01.000,2024-05-14T13:00:02.500\n",
	    /* NTLFlowLyzer, as of BCCC-CIC-IDS-2017 */
	    "flow_id,timestamp,src_ip,src_port,dst_ip,dst_port,protocol,duration,packets_count,fwd_packets_count,"
	    "bwd_packets_count,total_payload_bytes,fwd_total_payload_bytes,bwd_total_payload_bytes\n"
	    "a,2024-05-14 13:00:01.000000,10.0.0.1,40000,192.0.2.7,443,TCP,1.5,7,4,3,574,500,74\n",
	    /* The ends as the packets have them, which a flow log of a VPC may have alone. */
	    "version pkt-srcaddr pkt-dstaddr srcport dstport protocol packets bytes start duration\n"
	    "5 10.0.0.1 192.0.2.7 40000 443 6 7 574 1715691601 1.5\n",
	    /* Ways by the ends of a connection, and times with their unit behind the name */
	    "firstSeenMs,lastSeenMs,src_ip,src_port,dst_ip,dst_port,proto,pkts_toserver,pkts_toclient,bytes_c2s,"
	    "bytes_s2c\n1715691601000,1715691602500,10.0.0.1,40000,192.0.2.7,443,6,4,3,500,74\n",
	    "ts_us,dur,src_ip,src_port,dst_ip,dst_port,proto,tx_packets,rx_packets,tx_bytes,rx_bytes\n"
	    "1715691601000000,1.5,10.0.0.1,40000,192.0.2.7,443,6,4,3,500,74\n",
	    /* Argus as JSON, with the dates that its options take */
	    "{\"stime\":\"2024/05/14.13:00:01.000000\",\"dur\":1.5,\"proto\":\"tcp\",\"saddr\":\"10.0.0.1\","
	    "\"sport\":\"40000\",\"dir\":\"->\",\"daddr\":\"192.0.2.7\",\"dport\":\"443\",\"pkts\":7,"
	    "\"bytes\":574}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		assert_guesses_flow(of[i], 1);
}

/* Bytes (KB) are not bytes. */
static void counts_of_another_unit_are_not_read(void **state)
{
	static const char *const of[] = {"Bytes (KB)", "bytes [MiB]", "octets (k)"};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf yaml = {0};
		char text[512];

		snprintf(text, sizeof text,
			 "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,%s\n"
			 "1715691601.0,1.5,10.0.0.1,40000,192.0.2.7,443,6,7,1\n"
			 "1715691602.0,1.5,10.0.0.1,40000,192.0.2.7,443,6,7,2\n",
			 of[i]);
		assert_null(guessed(text, &yaml));
		assert_non_null(strstr(yaml.data, "# not found: byt\n"));
		assert_non_null(strstr(yaml.data, " is in another unit: have it written in bytes\n"));
		fm_buf_free(&yaml);
	}
}

static void lists_of_values_are_told_by_what_writes_them_as_csv(void **state)
{
	static const char *const of[][2] = {
	    {"[[\"2024-05-14 13:00:01\",1.5,\"10.0.0.1\"],[\"2024-05-14 13:00:02\",1.5,\"10.0.0.1\"]]\n",
	     "jq -r '.[] | @csv' FILE"},
	    {"[\"2024-05-14 13:00:01\",1.5,\"10.0.0.1\"]\n[\"2024-05-14 13:00:02\",1.5,\"10.0.0.1\"]\n",
	     "jq -r '@csv' FILE"},
	    {"[1715691601,1.5,\"10.0.0.1\",\"192.0.2.7\",443]\n", "jq -r '@csv' FILE"},
	};
	struct fm_buf yaml = {0};
	bool whole;

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		assert_int_equal(fm_sniff_guess(put("lists.json", of[i][0]), NULL, &yaml, &whole, &err), FM_EINPUT);
		assert_says(err, of[i][1]);
	}
	fm_buf_free(&yaml);
}

static void an_address_in_brackets_begins_no_list(void **state)
{
	struct fm_buf yaml = {0};
	bool whole;

	(void)state;
	assert_int_equal(
	    fm_sniff_guess(put("brackets.csv", "[2001:db8::1]:443,[2001:db8::2]:80,6,7,574,1715691601.0,1.5,\n"
					       "[2001:db8::1]:443,[2001:db8::2]:81,6,2,130,1715691602.0,0.5,\n"),
			   NULL, &yaml, &whole, &err),
	    FM_OK);
	fm_buf_free(&yaml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_without_names_are_packets_and_bytes_where_they_can_be),
	    cmocka_unit_test(counts_that_cannot_be_told_are_not_guessed),
	    cmocka_unit_test(numbers_before_the_counts_are_none),
	    cmocka_unit_test(tables_are_known_where_counts_are_odd),
	    cmocka_unit_test(flow_logs_of_more_fields_are_known_without_names),
	    cmocka_unit_test(the_unit_of_a_duration_is_that_of_its_times),
	    cmocka_unit_test(seconds_with_milliseconds_are_seconds),
	    cmocka_unit_test(one_time_alone_is_the_time_of_the_flow),
	    cmocka_unit_test(a_start_beside_times_that_are_not_read_is_no_end),
	    cmocka_unit_test(json_behind_a_byte_order_mark_is_json),
	    cmocka_unit_test(text_for_people_is_cut_below_its_titles),
	    cmocka_unit_test(names_of_more_programs_are_known),
	    cmocka_unit_test(counts_of_another_unit_are_not_read),
	    cmocka_unit_test(lists_of_values_are_told_by_what_writes_them_as_csv),
	    cmocka_unit_test(an_address_in_brackets_begins_no_list),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
