/* Each built-in dialect is found in what it writes itself; what no one reads gets a dialect that reads it. */
#include "tests/unit/trace_fixture.h"

#include "base/num.h"
#include "manifests/embed.h"
#include "traces/simulate/simulate.h"
#include "traces/sniff.h"

static struct fm_error err;

/* A simulated trace as a table. */
static struct fm_table *simulated_table(void)
{
	struct fm_simulate_in in = {.rows = 400, .seed = 3, .out = at("sim.csv"), .threads = 1};
	struct fm_simulate_out out;
	struct fm_dialect *d = NULL;
	struct fm_table *t = NULL;
	struct fm_trace_opts o = {.path = in.out};

	assert_int_equal(fm_simulate(&in, &out, &err), FM_OK);
	assert_int_equal(fm_dialect_load(&d, "ugr16", &err), FM_OK);
	o.dialect = d;
	assert_int_equal(fm_trace_load(&t, &o, 0, NULL, &err), FM_OK);
	fm_dialect_free(d);
	return t;
}

static void each_built_in_dialect_is_found_in_its_own_files(void **state)
{
	struct fm_table *t = simulated_table();
	struct fm_sniffed s;
	struct fm_embed e;

	(void)state;
	for (size_t i = 0; fm_embed_at(&e, FM_EMBED_DIALECT, i); i++) {
		struct fm_dialect *d = NULL;

		assert_int_equal(fm_dialect_load(&d, e.name, &err), FM_OK);
		if (d->packets || d->ipfix) { /* of captures; the columns of their releases are some of UGR'16's */
			fm_dialect_free(d);
			continue;
		}
		assert_int_equal(fm_trace_write(t, d, at("own.txt"), &err), FM_OK);
		assert_int_equal(fm_sniff(&s, at("own.txt"), NULL, &err), FM_OK);
		if (fm_sniff_decide(&s, "own.txt", &err))
			fail_msg("%s: %s", e.name, err.message);
		/* ugr17 differs from ugr16 in the names of labels that are not there. */
		if (strcmp(e.name, "ugr17") != 0)
			assert_string_equal(s.candidate[0].name, e.name);
		fm_dialect_free(d);
	}
	fm_table_free(t);
}

static void labels_stay_as_they_stand(void **state)
{
	struct fm_sniffed s;
	char text[4096] = "";

	(void)state;
	for (int i = 0; i < 10; i++)
		sprintf(text + strlen(text),
			"2016-07-30 00:01:%02d,0.000,1.2.3.4,42.219.1.2,53,35203,UDP,.A....,0,0,1,130,%s\n", i,
			i % 2 ? "anomaly-spam" : "background");
	assert_int_equal(fm_sniff(&s, put("t.csv", text), NULL, &err), FM_OK);
	assert_true(s.sure);
	assert_string_equal(s.candidate[0].name, "ugr16");
	assert_string_equal(s.candidate[1].name, "ugr17");
	assert_int_equal(s.candidate[1].mapped, 1);
}

/* A label, flags, a way back or a rate that the dialect would leave unread are not passed over in silence. */
static void what_is_left_unread_is_not_sure(void **state)
{
	static const struct {
		const char *text, *dialect, *unread; /* unread NULL: it is sure */
	} cases[] = {
#define NFDUMP "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows"
#define NFDUMP_ROW "\n2016-04-11 00:01:06.123,0.5,TCP,1.2.3.4,80,5.6.7.8,35203,12,1400,1"
#define ECS                                                                                                            \
	"{\"event\":{\"start\":\"2016-04-11T00:01:06Z\",\"end\":\"2016-04-11T00:01:08Z\"},\"source\":{\"ip\":\"1.2.3." \
	"4\","                                                                                                         \
	"\"port\":53},\"destination\":{\"ip\":\"5.6.7.8\",\"port\":35203},\"network\":{\"transport\":\"udp\","         \
	"\"packets\":1,"                                                                                               \
	"\"bytes\":130},\"netflow\":{\"sampling_interval\":"
	    {ECS "100}}\n", "ecs", "netflow.sampling_interval"},
	    {ECS "1}}\n", "ecs", NULL},
	    {NFDUMP NFDUMP_ROW "\n", "nfdump", NULL},
	    {NFDUMP ",class" NFDUMP_ROW ",x\n", "nfdump", "class"},
	    {NFDUMP ",tcpFlags" NFDUMP_ROW ",x\n", "nfdump", "tcpFlags"},
	    {NFDUMP ",outPackets,outBytes" NFDUMP_ROW ",1,60\n", "nfdump", "outPackets"},
	    {NFDUMP ",sampling_rate" NFDUMP_ROW ",100\n", "nfdump", "sampling_rate"},
	    {NFDUMP ",class,outPackets" NFDUMP_ROW ",<none>,0\n", "nfdump", NULL},
	    {NFDUMP ",type,state.label" NFDUMP_ROW ",1,2\n", "nfdump", NULL},
#define ZEEK                                                                                                           \
	"{\"ts\":1460332866.5,\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":53,\"id.resp_h\":\"10.0.0.2\",\"id.resp_p\":"   \
	"53,"                                                                                                          \
	"\"proto\":\"udp\",\"duration\":0.5,\"conn_state\":\"SF\",\"orig_pkts\":1,\"orig_ip_bytes\":60,\"resp_pkts\":" \
	"0,"                                                                                                           \
	"\"resp_ip_bytes\":0"
	    {ZEEK "}\n", "zeek-json", NULL},
	    {ZEEK "}\n" ZEEK ",\"label\":\"x\"}\n", "zeek-json-labeled", NULL},
	    {ZEEK ",\"attack_cat\":\"x\"}\n", "zeek-json", "attack_cat"},
	};
	struct fm_sniffed s;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(fm_sniff(&s, put("t.csv", cases[i].text), NULL, &err), FM_OK);
		if (!s.n || strcmp(s.candidate[0].name, cases[i].dialect) != 0 || s.sure != !cases[i].unread)
			fail_msg("case %zu: %s, %s", i, s.n ? s.candidate[0].name : "none", s.sure ? "sure" : "unsure");
		assert_int_equal(s.nunread > 0, cases[i].unread != NULL);
		if (!cases[i].unread)
			continue;
		assert_string_equal(s.unread[0].name, cases[i].unread);
		assert_int_equal(fm_sniff_decide(&s, "t.csv", &err), FM_EINPUT);
		assert_non_null(strstr(err.message, cases[i].unread));
	}
}

/* The guess reads the rows that it was made from. */
static void assert_guess_reads(const char *name, const char *text, size_t rows, const char *te)
{
	const char *path = put(name, text);
	struct fm_buf yaml = {0};
	struct fm_dialect *d = NULL;
	struct reading *r;
	int64_t ms;
	bool whole;

	assert_int_equal(fm_sniff_guess(path, NULL, &yaml, &whole, &err), FM_OK);
	assert_true(whole);
	if (fm_dialect_load(&d, put_bytes("guess.yaml", yaml.data, yaml.len), &err))
		fail_msg("%s\n%.*s", err.message, (int)yaml.len, yaml.data);
	r = read_trace_file(at(name), d, NULL, 0);
	if (r->rc)
		fail_msg("%s\n%.*s", r->err.message, (int)yaml.len, yaml.data);
	assert_int_equal(r->t->rows, rows);
	assert_int_equal(r->st.bad, 0);
	assert_int_equal(fm_parse_time_ms(te, strlen(te), &ms), 0);
	assert_int_equal(r->t->te[0], ms);
	assert_int_equal(r->t->sp[0], 53);
	assert_int_equal(r->t->dp[0], 35203);
	assert_int_equal(r->t->pkt[0], 1);
	assert_int_equal(r->t->byt[0], 130);
	done(r);
	fm_buf_free(&yaml);
	fm_dialect_free(d);
}

static void other_forms_get_a_dialect_that_reads_them(void **state)
{
	(void)state;
	assert_guess_reads(
	    "a.csv",
	    "flow;Start Time;End Time;Source IP;Dest IP;Src Port;Dst Port;Proto;Total Packets;Total Bytes\n"
	    "1;13/04/2016 10:01:06;13/04/2016 10:01:08;1.2.3.4;10.0.0.1;53;35203;udp;1;130\n"
	    "2;13/04/2016 10:01:07;13/04/2016 10:01:08;10.0.0.1;1.2.3.4;35203;53;udp;1;68\n",
	    2, "2016-04-13 10:01:08");
	assert_guess_reads("b.tsv",
			   "ts\tduration_ms\tsrc_ip\tdst_ip\tsrc_port\tdst_port\tprotocol\tsrc2dst_packets\t"
			   "dst2src_packets\tsrc2dst_bytes\tdst2src_bytes\n"
			   "1460332866000\t2000\t1.2.3.4\t10.0.0.1\t53\t35203\t17\t1\t0\t100\t30\n"
			   "1460332867000\t0\t1.2.3.4\t10.0.0.1\t53\t35203\t17\t1\t0\t100\t30\n",
			   2, "2016-04-11 00:01:08");
	assert_guess_reads("c.csv",
			   "1460332866.5|0.500|UDP|1.2.3.4|53|10.0.0.1|35203|1|130\n"
			   "1460332867.5|0.250|TCP|1.2.3.4|53|10.0.0.1|35203|2|300\n",
			   2, "2016-04-11 00:01:07");
}

/* Payload beside whole packets counts once, a way back is a flow of its own, and who began a flow is at the arrow. */
static void both_ways_of_other_forms_are_read_as_what_they_are(void **state)
{
	(void)state;
	assert_guess_reads("zat.csv",
			   "ts,uid,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,duration,orig_bytes,resp_bytes,"
			   "orig_pkts,orig_ip_bytes,resp_pkts,resp_ip_bytes\n"
			   "1460332866.0,C1,1.2.3.4,53,10.0.0.1,35203,udp,2.0,50,10,1,100,0,30\n"
			   "1460332867.0,C2,1.2.3.4,53,10.0.0.1,35203,udp,2.0,50,10,1,100,0,30\n",
			   2, "2016-04-11 00:01:08");
	assert_guess_reads("payload.csv",
			   "ts,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,duration,orig_bytes,resp_bytes,orig_pkts,"
			   "resp_pkts\n"
			   "1460332866.0,1.2.3.4,53,10.0.0.1,35203,udp,2.0,100,30,1,0\n"
			   "1460332867.0,1.2.3.4,53,10.0.0.1,35203,udp,2.0,100,30,1,0\n",
			   2, "2016-04-11 00:01:08");
	assert_guess_reads(
	    "ways.csv",
	    "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,in_pkts,out_pkts,in_bytes,out_bytes,"
	    "flows\n"
	    "2016-04-11 00:01:06.000,2.000,UDP,1.2.3.4,53,10.0.0.1,35203,1,2,130,270,1\n"
	    "2016-04-11 00:01:06.000,2.000,UDP,1.2.3.4,53,10.0.0.1,35203,1,0,130,0,1\n",
	    3, "2016-04-11 00:01:08");
	assert_guess_reads("ra.csv",
			   "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,SrcPkts,DstPkts,TotBytes\n"
			   "2016/04/11T00:01:06.000,2.0,udp,10.0.0.1,35203,   <-,1.2.3.4,53,0,1,130\n"
			   "2016/04/11T00:01:06.000,2.0,udp,1.2.3.4,53,  <->,10.0.0.1,35203,1,2,400\n",
			   2, "2016-04-11 00:01:08");
}

/* Every form of a time that programs write: the guess reads it, to the millisecond where it has them. */
static void times_of_all_usual_forms_are_guessed(void **state)
{
	static const char *const of[][2] = {
	    {"Mon Apr 11 00:01:06 2016", "06"},
	    {"Mon Apr 11 00:01:06 UTC 2016", "06"},
	    {"Mon 11 Apr 2016 02:01:06 +0200", "06"},
	    {"11/Apr/2016:00:01:06 +0000", "06"},
	    {"April 11 2016 00:01:06.500", "06.500"},
	    {"Apr 11 2016 00:01:06.500000000 UTC", "06.500"},
	    {"\"Apr 11, 2016 @ 00:01:06.500\"", "06.500"},
	    {"20160411000106", "06"},
	    {"13-04-2016 00:01:06", "+2"},
	    {"11-Apr-2016 00:01:06", "06"},
	    {"2016.04.11 00:01:06", "06"},
	    {"2016-04-11_00:01:06", "06"},
	    {"04/13/16 00:01:06", "+2"},
	    {"04/13/2016 00:01:06.250", "+2.250"},
	    {"2016-4-11 0:01:06.500", "06.500"},
	    {"20160411T000106.500Z", "06.500"},
	    {"20160411000106.500", "06.500"},
	    {"2016-04-11 00:01:06:500", "06.500"},
	    {"Mon Apr 11 00:01:06.500 2016", "06.500"},
	    {"2016-04-11 12:01:06.500 AM", "06.500"},
	    {"\"Apr 11, 2016 12:01:06 AM\"", "06"},
	    {"2016-04-11T02:01:06.5+02:00[Europe/Madrid]", "06.500"},
	    {"2016-04-11 02:01:06 GMT+2", "06"},
	    {"2016-04-11 00:01:06.5 +0000 UTC m=+0.01", "06.500"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		bool later = *of[i][1] == '+'; /* a day that is no month */
		char text[512], te[64];

		snprintf(text, sizeof text,
			 "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
			 "%s,0,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n%s,0,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n",
			 of[i][0], of[i][0]);
		snprintf(te, sizeof te, "2016-04-%d 00:01:06%s", later ? 13 : 11, later ? of[i][1] + 2 : of[i][1] + 2);
		assert_guess_reads("times.csv", text, 2, te);
	}
}

static void delimiters_of_all_kinds_are_guessed(void **state)
{
	static const char *const cut[] = {"^", "~", "\x01", "$", " ", "   ", "||", "#"};
	static const char *const before[] = {"", "sep=;\n", "\"sep=,\"\n"};

	(void)state;
	for (size_t i = 0; i < sizeof cut / sizeof *cut + 3; i++) {
		const char *by = i < 8 ? cut[i] : i == 9 ? ";" : ",";
		const char *rows = "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
				   "2016-04-11T00:01:06.5,0,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n"
				   "2016-04-11T00:01:06.5,0,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n";
		struct fm_buf text = {0};

		fm_buf_puts(&text, i < 8 ? "" : before[i - 8]);
		for (; *rows; rows++)
			fm_buf_puts(&text, *rows == ',' ? by : (char[2]){*rows, 0});
		fm_buf_add(&text, "", 1);
		assert_guess_reads("cut.csv", text.data, 2, "2016-04-11 00:01:06.500");
		fm_buf_free(&text);
	}
}

/* 1.234,5 and 1,234.5, and no thousands where durations have three decimals. */
static void marks_of_numbers_are_guessed(void **state)
{
#define NAMES "start;duration;src_ip;src_port;dst_ip;dst_port;proto;packets;bytes\n"
	static const struct {
		const char *text, *keys;
	} of[] = {
	    {NAMES "11.04.2016 00:01:06;0,000;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n"
		   "13.04.2016 00:01:06;1,5;1.2.3.4;53;10.0.0.1;35203;UDP;1;1.234\n",
	     "decimal: \",\"\nthousands: \".\"\n"},
	    {NAMES "11.04.2016 00:01:06;0,000;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n"
		   "13.04.2016 00:01:06;1,234;1.2.3.4;53;10.0.0.1;35203;UDP;1;1234\n",
	     "decimal: \",\"\n"},
	    {NAMES "2016-04-11 00:01:06;0.000;1.2.3.4;53;10.0.0.1;35,203;UDP;1;130\n"
		   "2016-04-11 00:01:06;1.500;1.2.3.4;53;10.0.0.1;35,203;UDP;1;1,234,567\n",
	     "thousands: \",\"\n"},
	    {NAMES "2016-04-11 00:01:06;0.000;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n"
		   "2016-04-11 00:01:06;1.500;1.2.3.4;53;10.0.0.1;35203;UDP;1;1'234\n",
	     "thousands: \"'\"\n"},
	    {NAMES "2016-04-11 00:01:06;0.000;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n"
		   "2016-04-11 00:01:06;1.500;1.2.3.4;53;10.0.0.1;35203;UDP;1;1234\n",
	     ""},
	    /* Addresses that could be numbers */
	    {NAMES "11.04.2016 00:01:06;0,000;192.168.178.101;53;192.168.178.102;35203;UDP;1;130\n"
		   "13.04.2016 00:01:06;1,5;192.168.178.101;53;192.168.178.103;35203;UDP;1;1234\n",
	     "decimal: \",\"\nmissing"},
	    /* The no-break spaces of French programs */
	    {NAMES "2016-04-11 00:01:06;0,000;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n"
		   "2016-04-11 00:01:06;1,5;1.2.3.4;53;10.0.0.1;35203;UDP;1;1\xe2\x80\xaf"
		   "234\xc2\xa0"
		   "567\n",
	     "decimal: \",\"\nthousands: \" \"\n"},
	    /* One mark in each number says less: durations have a decimal comma rather, others thousands. */
	    {NAMES "2016-04-11 00:01:06;0;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n"
		   "2016-04-11 00:01:06;1,234;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n",
	     "decimal: \",\"   # a guess: or does it stand between thousands?\nmissing"},
	    {NAMES "2016-04-11 00:01:06;0;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n"
		   "2016-04-11 00:01:06;1,234;1.2.3.4;53;10.0.0.1;35203;UDP;1;1,234\n",
	     "\nthousands: \",\"   # a guess: or is it a decimal comma?\n"},
	    {NAMES "2016-04-11 00:01:06;0;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n"
		   "2016-04-11 00:01:06;1,234;1.2.3.4;53;10.0.0.1;35203;UDP;1;1,234,567\n",
	     "\nthousands: \",\"\n"},
	    {NAMES "11.04.2016 00:01:06;0;1.2.3.4;53;10.0.0.1;35203;UDP;1;130\n"
		   "13.04.2016 00:01:06;1,234;1.2.3.4;53;10.0.0.1;35203;UDP;1;1.234\n",
	     "decimal: \",\"   # a guess: or does it stand between thousands?\nthousands: \".\"\n"},
	};
	struct fm_buf yaml = {0};
	bool whole;

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		yaml.len = 0;
		assert_int_equal(fm_sniff_guess(put("m.csv", of[i].text), NULL, &yaml, &whole, &err), FM_OK);
		fm_buf_add(&yaml, "", 1);
		if (!strstr(yaml.data, of[i].keys) ||
		    (!strchr(of[i].keys, '.') && strstr(yaml.data, "thousands: \".\"")) ||
		    (!*of[i].keys && (strstr(yaml.data, "decimal:") || strstr(yaml.data, "thousands:"))))
			fail_msg("case %zu:\n%s", i, yaml.data);
		assert_guess_reads("m.csv", of[i].text, 2, "2016-04-11 00:01:06");
	}
	fm_buf_free(&yaml);
}

/* After what collectors and clouds export; each with a trap that another column is. */
static void exports_of_collectors_are_guessed(void **state)
{
	static const char *const of[] = {
	    /* IP bytes beside payload (ToN-IoT), and a label of words beside one of numbers. */
	    "ts,src_ip,src_port,dst_ip,dst_port,proto,duration,src_bytes,dst_bytes,src_pkts,src_ip_bytes,dst_pkts,"
	    "dst_ip_bytes,label,type\n1460332866,1.2.3.4,53,10.0.0.1,35203,udp,0,5,6,1,90,0,40,1,scanning\n"
	    "1460332866,1.2.3.4,53,10.0.0.1,35203,udp,0,5,6,1,90,0,40,0,normal\n",
	    /* When the record was written, and a duration in nanoseconds (Elastic). */
	    "@timestamp,event.start,event.end,event.duration,source.ip,source.port,destination.ip,destination.port,"
	    "network.transport,network.packets,network.bytes\n"
	    "2016-04-11T00:09:00.000Z,2016-04-11T00:01:05.500Z,2016-04-11T00:01:06.000Z,500000000,1.2.3.4,53,10.0.0.1,"
	    "35203,udp,1,130\n"
	    "2016-04-11T00:09:00.000Z,2016-04-11T00:01:05.500Z,2016-04-11T00:01:06.000Z,500000000,1.2.3.4,53,10.0.0.1,"
	    "35203,udp,1,130\n",
	    /* goflow2 */
	    "{\"type\":\"NETFLOW_V9\",\"time_received_ns\":1460332999000000000,\"sampling_rate\":1,"
	    "\"time_flow_start_ns\":1460332865000000000,\"time_flow_end_ns\":1460332866000000000,\"bytes\":130,"
	    "\"packets\":1,\"src_addr\":\"1.2.3.4\",\"dst_addr\":\"10.0.0.1\",\"proto\":\"UDP\",\"src_port\":53,"
	    "\"dst_port\":35203}\n",
	    /* Fortinet: a date and a time of day, and both ways. */
	    "date,time,srcip,srcport,dstip,dstport,proto,duration,sentbyte,rcvdbyte,sentpkt,rcvdpkt\n"
	    "2016-04-11,00:01:05,1.2.3.4,53,10.0.0.1,35203,17,1,100,30,1,0\n"
	    "2016-04-11,00:01:05,1.2.3.4,53,10.0.0.1,35203,17,1,100,30,1,0\n",
	    /* Palo Alto: units in parentheses. */
	    "Receive Time,Source address,Destination address,Source Port,Destination Port,IP Protocol,Bytes,Packets,"
	    "Start Time,Elapsed Time (sec)\n"
	    "2016/04/11 00:09:00,1.2.3.4,10.0.0.1,53,35203,udp,130,1,2016/04/11 00:01:05,1\n"
	    "2016/04/11 00:09:00,1.2.3.4,10.0.0.1,53,35203,udp,130,1,2016/04/11 00:01:05,1\n",
	    /* Address and port in one column. */
	    "Date first seen,Duration,Proto,Src IP Addr:Port,Dst IP Addr:Port,Packets,Bytes\n"
	    "2016-04-11 00:01:05.000,1,UDP,1.2.3.4:53,10.0.0.1:35203,1,130\n"
	    "2016-04-11 00:01:05.000,1,UDP,1.2.3.4:53,10.0.0.1:35203,1,130\n",
	    /* NEMEA: a type before each name, and the way back. */
	    "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 BYTES_REV,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,"
	    "uint32 PACKETS_REV,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL\n"
	    "10.0.0.1,1.2.3.4,130,0,2016-04-11T00:01:05.000000,2016-04-11T00:01:06.000000,1,0,35203,53,17\n"
	    "10.0.0.1,1.2.3.4,130,0,2016-04-11T00:01:05.000000,2016-04-11T00:01:06.000000,1,0,35203,53,17\n",
	    /* Joy */
	    "{\"sa\":\"1.2.3.4\",\"da\":\"10.0.0.1\",\"pr\":17,\"sp\":53,\"dp\":35203,\"bytes_out\":90,\"num_pkts_"
	    "out\":1,"
	    "\"bytes_in\":40,\"num_pkts_in\":0,\"time_start\":1460332865.0,\"time_end\":1460332866.0}\n",
	    /* Tranalyzer: each way is a row, which has the counts of the other one too. */
	    "%dir\ttimeFirst\ttimeLast\tduration\tsrcIP\tsrcPort\tdstIP\tdstPort\tl4Proto\tnumPktsSnt\tnumPktsRcvd\t"
	    "numBytesSnt\tnumBytesRcvd\n"
	    "A\t1460332865.0\t1460332866.0\t1.0\t1.2.3.4\t53\t10.0.0.1\t35203\t17\t1\t9\t130\t99\n"
	    "A\t1460332865.0\t1460332866.0\t1.0\t1.2.3.4\t53\t10.0.0.1\t35203\t17\t1\t9\t130\t99\n",
	    /* ntopng */
	    "{\"FIRST_SEEN\":1460332865,\"LAST_SEEN\":1460332866,\"PROTOCOL\":17,\"IP_SRC_ADDR\":\"1.2.3.4\","
	    "\"IP_DST_ADDR\":\"10.0.0.1\",\"IP_SRC_PORT\":53,\"IP_DST_PORT\":35203,\"PACKETS\":1,"
	    "\"TOTAL_BYTES\":130}\n",
	    /* nProbe, with the elements of IPFIX that count seconds. */
	    "IPV4_SRC_ADDR|L4_SRC_PORT|IPV4_DST_ADDR|L4_DST_PORT|PROTOCOL|IN_PKTS|IN_BYTES|FLOW_START_SEC|FLOW_END_"
	    "SEC\n"
	    "1.2.3.4|53|10.0.0.1|35203|17|1|130|1460332865|1460332866\n"
	    "1.2.3.4|53|10.0.0.1|35203|17|1|130|1460332865|1460332866\n",
	    /* ipfixcol2, with the way back. */
	    "{\"@type\":\"ipfix.entry\",\"iana:octetDeltaCount\":130,\"iana:packetDeltaCount\":1,"
	    "\"iana@reverse:octetDeltaCount\":0,\"iana@reverse:packetDeltaCount\":0,"
	    "\"iana:flowStartMilliseconds\":\"2016-04-11T00:01:05.000Z\",\"iana:flowEndMilliseconds\":"
	    "\"2016-04-11T00:01:06.000Z\",\"iana:protocolIdentifier\":17,\"iana:sourceIPv4Address\":\"1.2.3.4\","
	    "\"iana:destinationIPv4Address\":\"10.0.0.1\",\"iana:sourceTransportPort\":53,"
	    "\"iana:destinationTransportPort\":35203}\n",
	    /* mongoexport: types below the names. */
	    "{\"_id\":{\"$oid\":\"5f\"},\"start\":{\"$date\":\"2016-04-11T00:01:05Z\"},\"end\":{\"$date\":"
	    "\"2016-04-11T00:01:06Z\"},\"src_ip\":\"1.2.3.4\",\"src_port\":{\"$numberInt\":\"53\"},\"dst_ip\":"
	    "\"10.0.0.1\",\"dst_port\":{\"$numberInt\":\"35203\"},\"proto\":\"UDP\",\"packets\":{\"$numberLong\":"
	    "\"1\"},\"bytes\":{\"$numberLong\":\"130\"}}\n",
	    /* Splunk, with both ways, and units in brackets. */
	    "_time,src_ip,src_port,dest_ip,dest_port,transport,duration [s],packets_in,packets_out,bytes_in,bytes_out\n"
	    "1460332865.0,1.2.3.4,53,10.0.0.1,35203,udp,1,1,0,130,0\n"
	    "1460332865.0,1.2.3.4,53,10.0.0.1,35203,udp,1,1,0,130,0\n",
	    /* GCP's records by way of BigQuery. */
	    "jsonPayload_connection_src_ip,jsonPayload_connection_src_port,jsonPayload_connection_dest_ip,"
	    "jsonPayload_connection_dest_port,jsonPayload_connection_protocol,jsonPayload_start_time,"
	    "jsonPayload_end_time,jsonPayload_packets_sent,jsonPayload_bytes_sent\n"
	    "1.2.3.4,53.0,10.0.0.1,35203.0,17.0,2016-04-11T00:01:05Z,2016-04-11T00:01:06Z,1,130\n"
	    "1.2.3.4,53.0,10.0.0.1,35203.0,17.0,2016-04-11T00:01:05Z,2016-04-11T00:01:06Z,1,130\n",
	    /* super_mediator, with the way back. */
	    "flowStartTime|flowEndTime|duration|protocol|sip|sport|dip|dport|packets|octets|rpackets|roctets\n"
	    "2016-04-11 00:01:05.000|2016-04-11 00:01:06.000|     1.000| 17|1.2.3.4|   53|10.0.0.1|35203|1|130|0|0\n"
	    "2016-04-11 00:01:05.000|2016-04-11 00:01:06.000|     1.000| 17|1.2.3.4|   53|10.0.0.1|35203|1|130|0|0\n",
	    /* IPFIX's own names, with the way back. */
	    "flowStartMilliseconds,flowEndMilliseconds,sourceIPv4Address,sourceTransportPort,destinationIPv4Address,"
	    "destinationTransportPort,protocolIdentifier,packetDeltaCount,octetDeltaCount,reversePacketDeltaCount,"
	    "reverseOctetDeltaCount\n1460332865000,1460332866000,1.2.3.4,53,10.0.0.1,35203,17,1,130,3,180\n",
	    /* Units behind a bar, both ways, and what was seen first of the exporter's address in a file without names.
	     */
	    "start,duration_us,src_ip,src_port,dst_ip,dst_port,proto,fwd_packets,bwd_packets,fwd_bytes,bwd_bytes\n"
	    "1460332865,1000000,1.2.3.4,53,10.0.0.1,35203,17,1,0,130,0\n"
	    "1460332865,1000000,1.2.3.4,53,10.0.0.1,35203,17,1,0,130,0\n",
	    "10.8.8.8,1460332865.5,0.500,UDP,1.2.3.4,53,10.0.0.1,35203,1,130\n"
	    "10.8.8.8,1460332865.5,0.500,UDP,1.2.3.5,53,10.0.0.2,35203,1,130\n",
	    /* ElastiFlow: the time of the record beside the times of the flow. */
	    "{\"@timestamp\":\"2016-04-11T00:09:00.000Z\",\"flow.start.timestamp\":1460332865000,\"flow.end."
	    "timestamp\":"
	    "1460332866000,\"flow.src.ip.addr\":\"1.2.3.4\",\"flow.dst.ip.addr\":\"10.0.0.1\",\"flow.src.l4.port.id\":"
	    "53,"
	    "\"flow.dst.l4.port.id\":35203,\"l4.proto.name\":\"UDP\",\"flow.packets\":1,\"flow.bytes\":130}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		assert_guess_reads("export.txt", of[i], *of[i] == '{' ? 1 : 2, "2016-04-11 00:01:06");
}

/* As databases, numpy and Weka write tables: with lines that were drawn, names behind a #, or comments of their own;
 * and texts of JSON that hold what cuts a table. */
static void tables_of_other_programs_are_guessed(void **state)
{
#define PAGE_NAMES "start|duration|src_ip|src_port|dst_ip|dst_port|proto|packets|bytes"
#define PAGE_ROW "2016-04-11 00:01:06|0|1.2.3.4|53|10.0.0.1|35203|UDP|1|130"
	(void)state;
	assert_guess_reads("psql.txt",
			   PAGE_NAMES "\n---------+----+----+----\n" PAGE_ROW "\n" PAGE_ROW "\n(2 rows)\n\n", 2,
			   "2016-04-11 00:01:06");
	assert_guess_reads("mysql.txt",
			   "+------+------+\n|" PAGE_NAMES "|\n+------+------+\n|" PAGE_ROW "|\n|" PAGE_ROW
			   "|\n+------+------+\n",
			   2, "2016-04-11 00:01:06");
	assert_guess_reads("table.md", "|" PAGE_NAMES "|\n|---|---|:---|---:|\n|" PAGE_ROW "|\n|" PAGE_ROW "|\n", 2,
			   "2016-04-11 00:01:06");
	assert_guess_reads("numpy.csv",
			   "# start,duration,src_ip,src_port,dst_ip,dst_port,proto,bytes,packets\n"
			   "1460332866,0.5,1.2.3.4,53,10.0.0.1,35203,17,130,1\n"
			   "1460332866,0.5,1.2.3.4,53,10.0.0.1,35203,17,130,1\n",
			   2, "2016-04-11 00:01:06.500");
	assert_guess_reads("flows.arff",
			   "@RELATION flows\n@ATTRIBUTE a STRING\n\n@DATA\n"
			   "2016-04-11 00:01:06,0.5,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n"
			   "2016-04-11 00:01:06,0.5,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n",
			   2, "2016-04-11 00:01:06.500");
	assert_guess_reads("lists.json",
			   "{\"agent\":\"a \\\"b\\\", (c, d); "
			   "e\",\"fields\":{\"event.start\":[\"2016-04-11T00:01:05Z\"],\"event.end\":["
			   "\"2016-04-11T00:01:06Z\"],\"source.ip\":[\"1.2.3.4\"],\"source.port\":[53],\"destination."
			   "ip\":[\"10.0.0.1\"],"
			   "\"destination.port\":[ 35203 "
			   "],\"network.transport\":[\"udp\"],\"network.packets\":[1],\"network.bytes\":[130],"
			   "\"tags\":[\"x\",\"y\"],\"none\":[],\"vlan\":[{\"id\":1}]}}\n",
			   1, "2016-04-11 00:01:06");
}

/* Zeek with another scope separator than the point (LogAscii), whose ICMP is Zeek's all the same. */
static void zeek_with_underscores_is_zeek(void **state)
{
	struct fm_dialect *d = NULL;

	(void)state;
	assert_guess_reads(
	    "zeek.csv",
	    "ts,uid,id_orig_h,id_orig_p,id_resp_h,id_resp_p,proto,duration,orig_pkts,orig_ip_bytes,resp_pkts,"
	    "resp_ip_bytes\n1460332866.0,C1,1.2.3.4,53,10.0.0.1,35203,udp,0,1,130,0,0\n"
	    "1460332866.0,C1,1.2.3.4,53,10.0.0.1,35203,udp,0,1,130,0,0\n",
	    2, "2016-04-11 00:01:06");
	assert_int_equal(fm_dialect_load(&d, at("guess.yaml"), &err), FM_OK);
	assert_true(d->icmp);
	fm_dialect_free(d);
}

/* Addresses of IPv4 and IPv6 in columns of their own, with zeros in the other one. */
static void addresses_of_two_families_are_one_column(void **state)
{
	struct fm_dialect *d = NULL;
	struct reading *r;
	char text[64];

	(void)state;
	assert_guess_reads(
	    "two.csv",
	    "IPV4_SRC_ADDR,IPV6_SRC_ADDR,IPV4_DST_ADDR,IPV6_DST_ADDR,L4_SRC_PORT,L4_DST_PORT,PROTOCOL,IN_PKTS,IN_BYTES,"
	    "FLOW_START_MILLISECONDS,FLOW_END_MILLISECONDS\n"
	    "1.2.3.4,::,10.0.0.1,::,53,35203,17,1,130,1460332865000,1460332866000\n"
	    "0.0.0.0,2001:db8::1,0.0.0.0,2001:db8::2,53,35203,17,1,130,1460332865000,1460332866000\n",
	    2, "2016-04-11 00:01:06");
	assert_int_equal(fm_dialect_load(&d, at("guess.yaml"), &err), FM_OK);
	r = read_trace_file(at("two.csv"), d, NULL, 0);
	for (int k = 0; k < 2; k++) {
		struct fm_address a = fm_table_address(r->t, k ? r->t->da[1] : r->t->sa[1]);

		text[fm_address_format(&a, text)] = 0;
		assert_string_equal(text, k ? "2001:db8::2" : "2001:db8::1");
	}
	done(r);
	fm_dialect_free(d);
}

/* Type and code of ICMP in columns of their own, and as a port with a point. */
static void icmp_of_other_forms_is_guessed(void **state)
{
	static const char *const of[] = {
	    "sIP|dIP|sPort|dPort|iTy|iCo|pro|packets|bytes|sTime|duration|\n"
	    "1.2.3.4|10.0.0.1|53|35203|||17|1|130|2016/04/11T00:01:06.000|0.000|\n"
	    "1.2.3.4|10.0.0.1|0|0|8|0|1|1|84|2016/04/11T00:01:06.000|0.000|\n",
	    "firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes\n"
	    "2016-04-11 00:01:06.000,2016-04-11 00:01:06.000,UDP,1.2.3.4,53,10.0.0.1,35203,1,130\n"
	    "2016-04-11 00:01:06.000,2016-04-11 00:01:06.000,ICMP,1.2.3.4,0,10.0.0.1,8.0,1,84\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_dialect *d = NULL;
		struct reading *r;

		assert_guess_reads("icmp.txt", of[i], 2, "2016-04-11 00:01:06");
		assert_int_equal(fm_dialect_load(&d, at("guess.yaml"), &err), FM_OK);
		r = read_trace_file(at("icmp.txt"), d, NULL, 0);
		assert_int_equal(r->t->dp[1], 2048);
		done(r);
		fm_dialect_free(d);
	}
}

/* conn.log without its comments, of a Zeek of today and of one without local_resp, and a file that only looks so. */
static void zeek_without_its_header_is_known_by_its_rows(void **state)
{
	static const char *const more[] = {"-\t-\t0\tDd\t2\t120\t3\t400\t-", "-\t0\tDd\t2\t120\t3\t400\t(empty)"};

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct fm_buf text = {0}, yaml = {0};
		struct fm_dialect *d = NULL;
		struct reading *r;
		bool whole;

		for (int i = 0; i < 30; i++)
			fm_buf_printf(
			    &text,
			    "14603328%02d.000001\t%s%d\t10.0.0.1\t%d\t192.0.2.7\t53\tudp\tdns\t7.5\t64\t300\tSF\t%s\n",
			    i, k < 2 ? "CHhAvVGS1DHFjwGM" : "no id ", i, 1000 + i, more[k % 2]);
		const char *path = put_bytes("conn.log", text.data, text.len);

		assert_int_equal(fm_sniff_guess(path, NULL, &yaml, &whole, &err), FM_OK);
		fm_buf_add(&yaml, "", 1);
		assert_int_equal(strstr(yaml.data, "by its place in Zeek's conn.log") != NULL, k < 2);
		if (k < 2) {
			assert_non_null(strstr(yaml.data, "icmp: zeek\n"));
			if (fm_dialect_load(&d, put("zeek-guess.yaml", yaml.data), &err))
				fail_msg("%s", err.message);
			r = read_trace_file(path, d, NULL, 0);
			assert_int_equal(r->rc, FM_OK);
			assert_int_equal(r->t->rows, 30);
			assert_int_equal(r->t->pkt[0], 5);
			assert_int_equal(r->t->byt[0], 520);
			assert_int_equal(r->t->td[0], 7500);
			assert_int_equal(r->t->te[0], INT64_C(1460332800000) + 7500);
			assert_int_equal(r->t->sp[29], 1029);
			assert_int_equal(r->t->dp[29], 53);
			done(r);
			fm_dialect_free(d);
		}
		fm_buf_free(&text);
		fm_buf_free(&yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(zeek_without_its_header_is_known_by_its_rows),
	    cmocka_unit_test(each_built_in_dialect_is_found_in_its_own_files),
	    cmocka_unit_test(labels_stay_as_they_stand),
	    cmocka_unit_test(what_is_left_unread_is_not_sure),
	    cmocka_unit_test(other_forms_get_a_dialect_that_reads_them),
	    cmocka_unit_test(both_ways_of_other_forms_are_read_as_what_they_are),
	    cmocka_unit_test(times_of_all_usual_forms_are_guessed),
	    cmocka_unit_test(delimiters_of_all_kinds_are_guessed),
	    cmocka_unit_test(marks_of_numbers_are_guessed),
	    cmocka_unit_test(exports_of_collectors_are_guessed),
	    cmocka_unit_test(tables_of_other_programs_are_guessed),
	    cmocka_unit_test(zeek_with_underscores_is_zeek),
	    cmocka_unit_test(addresses_of_two_families_are_one_column),
	    cmocka_unit_test(icmp_of_other_forms_is_guessed),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
