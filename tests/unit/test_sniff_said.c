/* What names and values together tell a guess: units that stand in names, parts of a second, ways by all their names,
 * and tables without names in another order than that of most collectors. */
#include "tests/unit/guessed.h"

/* Behind the name of a duration stands its unit, in brackets, apart, or joined to it. */
static void the_unit_of_a_duration_stands_in_its_name(void **state)
{
	static const char *const of[][2] = {
	    {"Duration (min)", "0.025"},
	    {"duration_minutes", "0.025"},
	    {"Elapsed Time [h]", "0.000416667"},
	    {"durationHours", "0.000416667"},
	    {"dur (ns)", "1500000000"},
	    {"Duration (\xc2\xb5s)", "1500000"},
	    {"durationInSeconds", "1.5"},
	    {"flow_duration_in_ms", "1500"},
	    {"dur_us", "1500000"},
	    {"BIDIRECTIONAL_DURATION_MS", "1500"},
	    {"duration", "00:01.500"},
	    {"duration", "00:00:01.500"},
	    {"Duration (in ms)", "1500"},
	    {"duration (ms.)", "1500"},
	    {"Duration (milli sec)", "1500"},
	    {"Duration (ms float)", "1500"},
	    {"Duration (microsec.)", "1500000"},
	    {"Duration [in us]", "1500000"},
	    {"duration (in nanoseconds)", "1500000000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		char text[512];

		snprintf(text, sizeof text,
			 "start,%s,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
			 "2024-05-14 13:00:01.000,%s,10.0.0.1,40000,192.0.2.7,443,6,7,574\n"
			 "2024-05-14 13:00:02.000,%s,10.0.0.1,40000,192.0.2.7,443,6,1,40\n",
			 of[i][0], of[i][1], of[i][1]);
		assert_guesses_flow(text, 2);
	}
}

/* Flows of several packets do not last for hours: short durations without a unit are no seconds then. */
static void durations_too_long_for_their_packets_are_no_seconds(void **state)
{
	struct fm_buf yaml = {0};
	struct reading *r = guessed("start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
				    "2024-05-14 13:00:02.000,60000,10.0.0.1,40000,192.0.2.7,443,6,7,574\n"
				    "2024-05-14 13:00:02.000,0,10.0.0.1,40000,192.0.2.7,443,6,1,40\n"
				    "2024-05-14 13:00:02.000,4000,10.0.0.1,40000,192.0.2.7,443,6,2,80\n"
				    "2024-05-14 13:00:02.000,5000,10.0.0.1,40000,192.0.2.7,443,6,3,120\n",
				    &yaml);

	(void)state;
	assert_non_null(r);
	assert_int_equal(r->t->td[0], 60);
	done(r);
	yaml.len = 0;
	r = guessed("start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
		    "2024-05-14 13:00:02.000,6000,10.0.0.1,40000,192.0.2.7,443,6,700,57400\n"
		    "2024-05-14 13:00:02.000,1200,10.0.0.1,40000,192.0.2.7,443,6,2,80\n",
		    &yaml);
	assert_non_null(r);
	assert_int_equal(r->t->td[0], 6000000);
	done(r);
	fm_buf_free(&yaml);
}

/* One flow that was idle for hours says nothing of the unit of all, and parts of a second are seldom of a finer one. */
static void one_long_flow_leaves_seconds(void **state)
{
	static const char *const of[] = {"7200.5,%s", "7200,%s", "7200.5,9000.25,7300.5,%s"};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf text = {0}, yaml = {0};

		fm_buf_puts(&text, "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n");
		for (const char *s = of[i]; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL) {
			const size_t n = strcspn(s, ",");

			fm_buf_printf(&text, "2024-05-14 13:00:02.000,%.*s,10.0.0.1,40000,192.0.2.7,443,6,2,574\n",
				      *s == '%' ? 1 : (int)n, *s == '%' ? "2" : s);
		}
		fm_buf_add(&text, "", 1);
		done(guessed(text.data, &yaml));
		assert_non_null(strstr(yaml.data, "column: td, format: \"seconds\""));
		fm_buf_free(&text);
		fm_buf_free(&yaml);
	}
}

/* A column that is a duration by its place, as its name is of another language, has its unit in that name. */
static void units_stand_in_foreign_names_too(void **state)
{
	static const char *const of[][2] = {
	    {"Dauer_ms", "milliseconds"}, {"duraci\xc3\xb3n (ms)", "milliseconds"}, {"Dauer_us", "microseconds"}};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf yaml = {0};
		char text[512], says[64];

		snprintf(text, sizeof text,
			 "Beginn,%s,Quelle,Quellport,Ziel,Zielport,Protokoll,Pakete,Oktette\n"
			 "2024-05-14 13:00:01.000,15.5,10.0.0.1,40000,192.0.2.7,443,6,7,574\n"
			 "2024-05-14 13:00:02.000,20.25,10.0.0.1,40000,192.0.2.7,443,6,1,40\n",
			 of[i][0]);
		snprintf(says, sizeof says, "column: td, format: \"%s\"", of[i][1]);
		done(guessed(text, &yaml));
		assert_non_null(strstr(yaml.data, says));
		fm_buf_free(&yaml);
	}
}

#define BEFORE ",10.0.0.1,40000,192.0.2.7,443,6,"

static void what_names_and_values_say_together(void **state)
{
	static const char *const of[] = {
	    /* A time in two columns */
	    "first_sec,first_usec,last_sec,last_usec,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
	    "1715691601,0,1715691602,500000" BEFORE "7,574\n1715691601,7,1715691602,9" BEFORE "7,574\n",
	    "start_sec,start_msec,dur,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
	    "1715691601,000,1.5" BEFORE "7,574\n1715691601,20,1.5" BEFORE "7,574\n",
	    /* Of two times of the record one is that of the flow. */
	    "_time,endtime,timestamp,src_ip,src_port,dest_ip,dest_port,protoid,sum(packets),sum(bytes)\n"
	    "1715691601.0,2024-05-14T13:00:02.500Z,2024-05-14T13:00:01.000Z" BEFORE "7,574\n"
	    "1715691601.0,2024-05-14T13:00:02.500Z,2024-05-14T13:00:01.000Z" BEFORE "7,574\n",
	    /* Scaled numbers, no port, numbers in another form */
	    "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
	    "1715691601.0,1.5,10.0.0.1,0x9c40,192.0.2.7,0x1bb,6/tcp,7,0.574K\n"
	    "1715691601.0,1.5,10.0.0.1,0x50,192.0.2.7,0x50,17/udp,7,1.2M\n",
	    "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
	    "1715691601.0,1.5" BEFORE "7,574\n1715691601.0,1.5,10.0.0.1,-1,192.0.2.7,-1,1,7,574\n",
	    /* Ways by other words */
	    "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets_up,packets_down,bytes_up,bytes_down\n"
	    "1715691601.0,1.5" BEFORE "4,3,500,74\n1715691601.0,1.5" BEFORE "4,3,500,74\n",
	    "begin,finish,sourceIPAddress,spt,destinationAddr,dpt,transportProtocol,client_packets,server_packets,"
	    "initiatorOctets,responderOctets\n"
	    "1715691601.0,1715691602.5" BEFORE "4,3,500,74\n1715691601.0,1715691602.5" BEFORE "4,3,500,74\n",
	    "ts_start,ts_stop,src_addr,src_l4_port,dst_addr,dst_l4_port,l4_proto,num_pkts,num_bytes\n"
	    "1715691601.0,1715691602.5" BEFORE "7,574\n1715691601.0,1715691602.5" BEFORE "7,574\n",
	};
	struct fm_buf yaml = {0};
	struct reading *r;

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		assert_guesses_flow(of[i], 2);
	/* The way there and that back, and a way whose other one is not there */
	r = guessed("start,duration,src_ip,src_port,dst_ip,dst_port,proto,fwd_packets,rev_packets,fwd_bytes,rev_bytes\n"
		    "1715691601.0,1.5" BEFORE "4,3,500,74\n1715691601.0,1.5" BEFORE "4,0,500,0\n",
		    &yaml);
	assert_non_null(r);
	assert_int_equal(r->t->rows, 3);
	assert_int_equal(r->t->byt[1], 74);
	done(r);
	yaml.len = 0;
	done(guessed("start,duration,src_ip,src_port,dst_ip,dst_port,proto,sentpkt,sentbyte\n"
		     "1715691601.0,1.5" BEFORE "4,500\n1715691601.0,1.5" BEFORE "4,500\n",
		     &yaml));
	assert_non_null(strstr(yaml.data, "one way of two, whose other is not found"));
	fm_buf_free(&yaml);
}

/* What a newer or rarer name says stands behind what a plain one does, be it before it in the row. */
static void plain_names_come_before_others(void **state)
{
	static const char *const of[] = {
	    "npkts,num_bytes,begin,finish,sourceAddr,spt,start,end,src_ip,src_port,dst_ip,dst_port,proto,packets,"
	    "bytes\n"
	    "9,999,1715691000.0,1715691001.0,10.9.9.9,1,1715691601.0,1715691602.5" BEFORE "7,574\n",
	    "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,totalOctets,uploadBytes,sbytes,dbytes\n"
	    "1715691601.0,1.5" BEFORE "7,888,8,500,74\n",
	    "start,duration,sourceIPAddress,client_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
	    "1715691601.0,1.5,10.9.9.9" BEFORE "7,574\n",
	    /* A way back of one of packets and bytes alone is not read. */
	    "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes,rev_packets\n"
	    "1715691601.0,1.5" BEFORE "7,574,3\n",
	    "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes,reverse_bytes\n"
	    "1715691601.0,1.5" BEFORE "7,574,74\n",
	    /* Small numbers by another name are no rest of the second. */
	    "start,first_ms,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
	    "1715691601,17,1.5" BEFORE "7,574\n",
	    "start_time,ts_usec,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
	    "1715691601,170000,1.5" BEFORE "7,574\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		assert_guesses_flow(of[i], 1);
}

/* Argus as JSON says by arrows who began a flow; a direction in words is none of Argus's, and neither is its ICMP. */
static void arrows_are_those_of_argus(void **state)
{
	struct fm_buf yaml = {0};
	struct reading *r;

	(void)state;
	assert_guesses_flow("{\"stime\":\"1715691601.0\",\"dur\":1.5,\"proto\":\"tcp\",\"saddr\":\"192.0.2.7\","
			    "\"sport\":\"443\",\"dir\":\"<-\",\"daddr\":\"10.0.0.1\",\"dport\":\"40000\",\"pkts\":7,"
			    "\"bytes\":574}\n",
			    1);
	r = guessed("start,duration,src_ip,sport,dir,dst_ip,dport,proto,packets,bytes\n"
		    "1715691601.0,1.5,10.0.0.1,0,out,192.0.2.7,771,1,7,574\n"
		    "1715691601.0,1.5,10.0.0.1,40000,in,192.0.2.7,443,6,7,574\n",
		    &yaml);
	assert_non_null(r);
	assert_int_equal(r->t->dp[0], 771);
	done(r);
	fm_buf_free(&yaml);
	for (size_t i = 0; i < 3; i++) {
		char text[256];

		snprintf(text, sizeof text,
			 "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,TotBytes\n"
			 "1715691601.0,1.5,icmp,10.0.0.1,0x0008,%s,192.0.2.7,0x0000,2,120\n",
			 (const char *[]){"?>", "o>", "who"}[i]);
		yaml = (struct fm_buf){0};
		done(guessed(text, &yaml));
		assert_non_null(strstr(yaml.data, "icmp: argus"));
		fm_buf_free(&yaml);
	}
}

/* A table without names of 30 flows: in it $ is the start, & the end, # the packets, * the bytes, ~ a small number. */
static struct reading *nameless(const char *row, struct fm_buf *yaml)
{
	struct fm_buf text = {0};
	struct reading *r;

	for (unsigned i = 0; i < 30; i++) {
		const unsigned packets = 7 + i * 11 % 30, bytes = i ? packets * (60 + i * 37 % 700) : 574;

		for (const char *s = row; *s; s++)
			switch (*s) {
			case '$':
				fm_buf_printf(&text, "2024-05-14 13:00:%02u.000", 1 + i);
				break;
			case '&':
				fm_buf_printf(&text, "2024-05-14 13:00:%02u.500", 2 + i);
				break;
			case '#':
				fm_buf_printf(&text, "%u", packets);
				break;
			case '*':
				fm_buf_printf(&text, "%u", bytes);
				break;
			case '~':
				fm_buf_printf(&text, "%u", (unsigned[]){64, 128, 63, 127}[i * i % 4 + i % 2]);
				break;
			default:
				fm_buf_add(&text, s, 1);
			}
		fm_buf_puts(&text, "\n");
	}
	fm_buf_add(&text, "", 1);
	r = guessed(text.data, yaml);
	fm_buf_free(&text);
	return r;
}

/* Start and end by what they are and not by their order, beside times that are the same as another, and what is no
 * time; packets and bytes before the ends of a flow, and before numbers that do not go with them. */
static void tables_without_names_may_have_another_order(void **state)
{
#define FLOW_ENDS ",10.0.0.1,40000,192.0.2.7,443,TCP,"
	static const char *const of[] = {
	    "&,$" FLOW_ENDS "#,*",          "&,&,$" FLOW_ENDS "#,*",          "$,&" FLOW_ENDS "#,*,1,~",
	    "$,&" FLOW_ENDS "*,#,.AP.SF,~", "$,&,#,*" FLOW_ENDS "attack,1,~", "$,001606001116,&" FLOW_ENDS "#,*",
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf yaml = {0};
		struct reading *r = nameless(of[i], &yaml);

		if (!r || r->t->rows != 30 || r->t->te[0] != FLOW_MS || r->t->td[0] != 1500 || r->t->sp[0] != 40000 ||
		    r->t->pkt[0] != 7 || r->t->byt[0] != 574 || ipv4_of(r->t, r->t->sa[0]) != 0x0a000001)
			fail_msg("case %zu\n%s", i, yaml.data);
		assert_non_null(strstr(yaml.data, "column: sa}   # by its values: or is it the destination?"));
		done(r);
		fm_buf_free(&yaml);
	}
}

/* Small flows of few packets, of which some have fewer bytes than others of less packets, in the usual order */
static void small_flows_have_packets_and_bytes(void **state)
{
	struct fm_buf text = {0}, yaml = {0};
	struct reading *r;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		const unsigned packets = 1 + i * 7 % 4,
			       bytes = packets * 40 + (packets < 3 ? 1000 + i * 11 : i * 37 % 90);

		fm_buf_printf(&text, "2024-05-14 13:00:%02u.000,1.5,10.0.0.%u,%u,192.0.2.7,443,TCP,%u,%u\n", i,
			      1 + i % 9, 40000 + i * 17, packets, bytes);
	}
	fm_buf_add(&text, "", 1);
	r = guessed(text.data, &yaml);
	if (!r)
		fail_msg("%s", yaml.data);
	assert_int_equal(r->t->pkt[1], 4);
	assert_int_equal(r->t->byt[1], 197);
	done(r);
	fm_buf_free(&text);
	fm_buf_free(&yaml);
}

/* A clock that was wrong in one row makes no third time the end, and neither does a start that is the same in all. */
static void one_wrong_clock_leaves_the_end(void **state)
{
	(void)state;
	for (int same = 0; same < 2; same++) {
		struct fm_buf text = {0}, yaml = {0};
		bool whole;

		for (int i = 0; i < 6; i++)
			fm_buf_printf(
			    &text,
			    "2024-05-14 13:01:%02d.000,2024-05-14 13:01:%02d.500,10.0.0.1,40000,192.0.2.7,443,TCP,"
			    "7,574,2024-05-14 13:02:%02d.000\n",
			    same ? 1 : 2 * i + 1, i == 3 && !same ? 5 : 2 * i + 2, i);
		fm_buf_add(&text, "", 1);
		assert_int_equal(fm_sniff_guess(put("clocks.txt", text.data), NULL, &yaml, &whole, &err), FM_OK);
		fm_buf_add(&yaml, "", 1);
		if (!whole || !strstr(yaml.data, "c1, column: start") || !strstr(yaml.data, "c2, column: te"))
			fail_msg("%s", yaml.data);
		fm_buf_free(&text);
		fm_buf_free(&yaml);
	}
}

static void assert_no_table(const char *line, const char *says)
{
	struct fm_buf text = {0}, yaml = {0};
	bool whole;

	for (int i = 0; i < 4; i++)
		fm_buf_puts(&text, line);
	fm_buf_add(&text, "", 1);
	assert_int_equal(fm_sniff_guess(put("none.txt", text.data), NULL, &yaml, &whole, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, says));
	fm_buf_free(&text);
	fm_buf_free(&yaml);
}

static void logs_without_values_are_told(void **state)
{
	(void)state;
	assert_no_table("time=2024-05-14T13:00:01 src= dst= sport= dport= proto=tcp user= rule=\n", "name=value");
	assert_no_table("1,2024/05/14 13:00:01,0071,TRAFFIC,start,2561,2024/05/14 13:00:01,10.0.0.1,192.0.2.7,0.0.0.0,"
			"0.0.0.0,r1,,,web,vsys1,trust,untrust,ae1,ae2,log,2024/05/14 13:00:05,1001,1,40001,443,0,0,"
			"0x64,tcp,allow,574,300,274,7,2024/05/14 12:59:01,0,any\n",
			"sessions only begin");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_unit_of_a_duration_stands_in_its_name),
	    cmocka_unit_test(durations_too_long_for_their_packets_are_no_seconds),
	    cmocka_unit_test(one_long_flow_leaves_seconds),
	    cmocka_unit_test(units_stand_in_foreign_names_too),
	    cmocka_unit_test(plain_names_come_before_others),
	    cmocka_unit_test(small_flows_have_packets_and_bytes),
	    cmocka_unit_test(one_wrong_clock_leaves_the_end),
	    cmocka_unit_test(logs_without_values_are_told),
	    cmocka_unit_test(what_names_and_values_say_together),
	    cmocka_unit_test(arrows_are_those_of_argus),
	    cmocka_unit_test(tables_without_names_may_have_another_order),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
