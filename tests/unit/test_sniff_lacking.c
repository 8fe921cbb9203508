/* What sniff says of tables that lack columns of a flow, of what is no table of flows, and of what seems none. */
#include "tests/unit/trace_fixture.h"

#include "traces/sniff.h"
#include "traces/value.h"

static struct fm_error err;

static void what_is_lacking_is_named_and_what_is_no_table_refused(void **state)
{
	struct fm_buf yaml = {0};
	struct fm_sniffed s;
	bool whole;

	(void)state;
	assert_int_equal(
	    fm_sniff_guess(put("d.csv", "a,b,src,dst,bytes\n1,2,1.2.3.4,1.2.3.5,7\n2,2,1.2.3.4,1.2.3.5,7\n"), NULL,
			   &yaml, &whole, &err),
	    FM_OK);
	assert_false(whole);
	fm_buf_add(&yaml, "", 1);
	assert_non_null(strstr(yaml.data, "# not found: two of start, te and td"));
	assert_non_null(strstr(yaml.data, "# not found: pkt"));
	assert_null(strstr(yaml.data, "1.2.3.4")); /* names, never values */
	fm_buf_free(&yaml);
	assert_int_equal(fm_sniff_guess(put("e.csv", "some words\nand no table\n"), NULL, &yaml, &whole, &err),
			 FM_EINPUT);
	assert_says(err, "cuts its first lines into columns");
	assert_int_equal(
	    fm_sniff_guess(put("h.json", "{\"a\":1,\"b\":2}{\"a\":1,\"b\":2}{\"a\":1}\n"), NULL, &yaml, &whole, &err),
	    FM_EINPUT);
	assert_says(err, "jq -c . FILE writes each object on a line of its own");
	assert_int_equal(fm_sniff_guess(put("i.json", "{\"records\":[{\"flowTuples\":[\"1,10.0.0.4,2\"]}]}\n"), NULL,
					&yaml, &whole, &err),
			 FM_EINPUT);
	assert_says(err, "is a flow log of Azure, which has flowTuples");
	assert_int_equal(fm_sniff_guess(put("g.csv", "when,who,whom,much\n1,2,3,4\n"), NULL, &yaml, &whole, &err),
			 FM_EINPUT);
	assert_says(err, "4 columns are too few for flows");
	assert_int_equal(fm_sniff(&s, put("f.csv", "a,b\n1,2\n"), NULL, &err), FM_OK);
	assert_int_equal(s.n, 0);
	assert_int_equal(fm_sniff_decide(&s, "f.csv", &err), FM_EINPUT);
	assert_says(err, "no built-in dialect reads its first rows");
	assert_int_equal(fm_sniff(&s, at("absent"), NULL, &err), FM_EINPUT);
	assert_int_equal(fm_sniff(&s, put_bytes("g.csv", "Rar!\x1a\x07\x01", 7), NULL, &err), FM_EINPUT);
	assert_says(err, "a RAR archive");
	fm_buf_free(&yaml);
}

static void tables_that_are_no_flows_are_named_with_what_to_take(void **state)
{
	static const char *const of[][3] = {
	    {"IPV4_SRC_ADDR,L4_SRC_PORT,IPV4_DST_ADDR,L4_DST_PORT,PROTOCOL,IN_BYTES,IN_PKTS,Label,Attack\n"
	     "10.0.0.1,1,192.0.2.7,2,6,40,1,0,Benign\n",
	     "netshare", "Take version 3, which has FLOW_START_MILLISECONDS"},
	    {"No.,Time,Source,Destination,Protocol,Length,Info\n1,0.0,10.0.0.1,192.0.2.7,UDP,60,x\n", "netshare",
	     "is a list of packets, as Wireshark exports it"},
	    {"ts,te,td,pr,val,fl,flP,ipkt,ibyt\n2016-04-11 00:01:06,2016-04-11 00:01:06,0,any,1.2.3.4,1,0.1,1,40\n",
	     "nfdump16", "is a statistic of nfdump (-s)"},
	    {"unix_secs,unix_nsecs,sysuptime,dpkts,doctets,first,last,srcaddr,dstaddr,srcport,dstport,prot\n"
	     "1460332866,0,3600000,1,130,3599000,3599500,10.0.0.1,192.0.2.7,53,35203,17\n",
	     "netshare", "ft2nfdump -r FILE | nfdump -r - -o csv"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		const char *path = put("none.csv", of[i][0]);
		struct fm_dialect *d = NULL;
		struct fm_buf yaml = {0};
		struct fm_error why;
		bool whole;

		assert_int_equal(fm_dialect_load(&d, of[i][1], &err), FM_OK);
		assert_refused(path, d, of[i][2]);
		assert_int_equal(fm_sniff_guess(path, NULL, &yaml, &whole, &why), FM_EINPUT);
		assert_says(why, of[i][2]);
		fm_buf_free(&yaml);
		fm_dialect_free(d);
	}
}

/* What holds flows but is no table of them, or not from its first line on, is refused with what makes it one. */
static void what_hides_a_table_is_said(void **state)
{
#define LINE_OF "2016-04-11 00:01:06,0,1.2.3.4,53,10.0.0.1,35203,UDP,1,130\n"
#define NAMES "start,duration,src_ip,src_port,dst_ip,dst_port,proto,packets,bytes\n"
#define PAIRS "date=2016-04-11 time=00:01:06 srcip=1.2.3.4 dstip=10.0.0.1 sentbyte=130\n"
#define OBJECT "{\"src_ip\":\"1.2.3.4\",\"dst_ip\":\"10.0.0.1\",\"packets\":1}"
	static const char *const of[][2] = {
	    {"Report of flows\nby a program\n\n" NAMES LINE_OF LINE_OF LINE_OF,
	     "begin on line 4: take away the lines before it"},
	    {"Report,,,,,,,,\n" NAMES LINE_OF LINE_OF LINE_OF,
	     "begin on line 2: take away the lines before it (tail -n +2 FILE)"},
	    {NAMES "1," LINE_OF "2," LINE_OF "3," LINE_OF, "a column more than its names: R's write.table()"},
	    {"a,b,c,d,e\n'1','2','3','4','5'\n'1','2','3','4','5'\n", "between single quotes"},
	    {PAIRS PAIRS, "a name before each value (name=value)"},
#define COLONS "proto:6 octets>:130 packets>:1 octets<:0 packets<:0 start:2016-04-11T00:01:06 [10.0.0.1]:53\n"
	    {COLONS COLONS, "a name before each value (name:value)"},
#define YAF                                                                                                            \
	"2016-04-11 00:01:06.123 - 00:01:07.123 (1.000 sec) udp 10.0.0.1:53 => 192.0.2.7:35203 00000000:00000000 "     \
	"(1/130 "
	    {YAF "->)\n" YAF "<-> 1/60) rtt 12 ms\n", "yafscii --tabular --print-header"},
	    {NAMES "=\"1\",=\"2\",=\"3\",=\"4\",=\"5\",=\"6\",=\"7\",=\"8\",=\"9\"\n", "as formulas of Excel"},
	    {NAMES "\"=\"\"1\"\"\",\"=\"\"2\"\"\",3,\"=\"\"4\"\"\",\"=\"\"5\"\"\",\"=\"\"6\"\"\",7,8,\"=\"\"9\"\"\"\n",
	     "as formulas of Excel"},
	    {"Apr 11 00:01:06 host x: " OBJECT "\nApr 11 00:01:07 host x: " OBJECT "\n", "JSON behind other text"},
	    {"{'src_ip': '1.2.3.4'}\n{'src_ip': '1.2.3.4'}\n", "dictionaries as Python shows them"},
	    {"{\"took\": 1, \"hits\": {\"total\": 2, \"hits\": [\n {\"a\": [1]}, {\"a\": [2]}]}}\n",
	     "jq -c '.hits.hits[]' FILE"},
	    {"{\"data\":[" OBJECT "," OBJECT "]}\n", "jq -c '.data[]' FILE"},
	    {"{\"start\":{\"0\":1,\"1\":2},\"end\":{\"0\":1,\"1\":2}}\n", "orient=\"records\", lines=True"},
	    {"{\"columns\": [\"a\", \"b\"], \"data\": [[1, 2]]}\n", "orient=\"records\", lines=True"},
	    {"{\"log\":\"{\\\"a\\\":1,\\\"b\\\":\\\"x\\\"}\\n\",\"stream\":\"stdout\"}\n", "jq -r .log FILE"},
	};
	struct fm_buf yaml = {0};
	bool whole;

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		if (fm_sniff_guess(put("o.txt", of[i][0]), NULL, &yaml, &whole, &err) != FM_EINPUT ||
		    !strstr(err.message, of[i][1]))
			fail_msg("case %zu: %s", i, err.message);
		fm_buf_free(&yaml);
	}
}

/* A table without some columns of a flow is known by its header, and another one that has them is not taken for it. */
static void tables_without_some_columns_are_known(void **state)
{
	static const char *const of[][3] = {
	    {" Destination Port, Flow Duration, Total Fwd Packets, Total Backward Packets,Total Length of Fwd Packets,"
	     " Total Length of Bwd Packets, Label\n53,1500,1,1,40,40,BENIGN\n",
	     "cic-ids2017-ml", NULL},
	    {"Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,TotLen Fwd Pkts,TotLen Bwd "
	     "Pkts,Label\n"
	     "0,0,14/02/2018 08:31:01,112641719,3,0,0,0,Benign\n",
	     "cse-cic-ids2018", NULL},
	    {"id,dur,proto,service,state,spkts,dpkts,sbytes,dbytes,attack_cat,label\n1,0.12,tcp,-,FIN,6,4,258,172,"
	     "Normal,0\n",
	     "unsw-nb15-set", NULL},
	    {"Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,TotLen Fwd "
	     "Pkts,TotLen Bwd Pkts,Label\n10.0.0.1,5,10.0.0.2,80,6,14/02/2018 08:31:01,1,3,0,0,0,Benign\n",
	     "cse-cic-ids2018-20feb", NULL},
	    {"Src IP,Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,TotLen Fwd Pkts,TotLen Bwd "
	     "Pkts,Label\n10.0.0.1,80,6,14/02/2018 08:31:01,1,3,0,0,0,Benign\n",
	     "cse-cic-ids2018", "Src IP, which by its name has what the dialect names under absent"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		const char *path = put("some.csv", of[i][0]);
		struct fm_sniffed s;
		struct fm_error why;

		assert_int_equal(fm_sniff(&s, path, NULL, &err), FM_OK);
		assert_true(s.n >= 1);
		assert_string_equal(s.candidate[0].name, of[i][1]);
		assert_int_equal(fm_sniff_decide(&s, path, &why), of[i][2] ? FM_EINPUT : FM_OK);
		if (of[i][2])
			assert_says(why, of[i][2]);
	}
}

/* A line absent that is suggested loads; where none does it is said why. */
static void absent_columns_are_suggested_as_they_load(void **state)
{
	static const struct {
		const char *text, *says;
	} of[] = {
	    {"dur,proto,src_ip,sport,dst_ip,dport,packets,bytes\n1.5,UDP,1.2.3.4,53,10.0.0.1,35203,1,130\n"
	     "0.5,UDP,1.2.3.4,53,10.0.0.1,35203,1,130\n",
	     "\n# absent: [te]"},
	    {"start,proto,src_ip,sport,dst_ip,dport,packets,bytes\n2016-04-11 00:01:06,UDP,1.2.3.4,53,10.0.0.1,35203,1,"
	     "130\n2016-04-11 00:01:06,UDP,1.2.3.4,53,10.0.0.1,35203,1,130\n",
	     "  # not found: a duration (td), or a start\n# absent: [td]"},
	    {"end,duration,proto,src_ip,sport,dport,packets,bytes\n2016-04-11 00:01:06,1,UDP,1.2.3.4,53,35203,1,130\n"
	     "2016-04-11 00:01:06,2,UDP,1.2.3.4,53,35203,1,130\n",
	     "\n# no line absent will do: absent: a source has both addresses or none"},
	    {"end,proto,src_ip,sport,dst_ip,dport\n2016-04-11 00:01:06,UDP,1.2.3.4,53,10.0.0.1,35203\n"
	     "2016-04-11 00:01:07,UDP,1.2.3.4,53,10.0.0.1,35203\n",
	     "\n# no line absent will do: absent: of td, pkt and byt a source needs one"},
	    {"end,duration,proto,src_ip,sport,dst_ip,in_pkts,out_pkts,in_bytes,out_bytes\n"
	     "2016-04-11 00:01:06,1,UDP,1.2.3.4,53,10.0.0.1,1,0,130,0\n"
	     "2016-04-11 00:01:07,1,UDP,1.2.3.4,53,10.0.0.1,1,1,130,60\n",
	     "absent"},
	};
	struct fm_dialect *d = NULL;
	struct fm_buf yaml = {0};
	bool whole;

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		char *line;

		yaml.len = 0;
		assert_int_equal(fm_sniff_guess(put("a.csv", of[i].text), NULL, &yaml, &whole, &err), FM_OK);
		assert_false(whole);
		fm_buf_add(&yaml, "", 1);
		if (!strstr(yaml.data, of[i].says))
			fail_msg("case %zu:\n%s", i, yaml.data);
		if (!(line = strstr(yaml.data, "\n# absent")))
			continue;
		memmove(line + 1, line + 3, strlen(line + 3) + 1);
		if (fm_dialect_load(&d, put("absent.yaml", yaml.data), &err))
			fail_msg("case %zu: %s\n%s", i, err.message, yaml.data);
		fm_dialect_free(d);
	}
	fm_buf_free(&yaml);
}

/* A guess is tried on the rows it was made from: what it says is that it reads them, or that it is not sure and why. */
static void what_is_guessed_is_tried(void **state)
{
	static const struct {
		const char *ts, *duration, *port, *bytes, *says;
	} of[] = {
	    {"2024-01-02 12:00:01", "5s", "443", "130", "# It reads all of the first 2 rows.\n"},
	    {"2024-01-02 12:00:01", "PT1M2.5S", "443/tcp", "130", "# It reads all of the first 2 rows.\n"},
	    {"2024-01-02 12:00:01", "1m 2s", "https", "130", "# It reads all of the first 2 rows.\n"},
	    {"2024-01-02 12:00:01", "2s 1m", "443", "130",
	     "\"duration\" is one by its name, but its first value is not a duration: it has its unit"},
	    {"2024-01-02 12:00:01", "2.5", "1024-65535", "130",
	     "# Not sure of it: as it stands it reads no row: line 2: dp is not a port number"},
	    {"2024-01-02 12:00:01", "2.5", "443", "130 bytes",
	     "reads no row: line 2: byt is not a nonnegative integer: it has a unit"},
	    {"45000.5", "2.5", "443", "130",
	     "\"ts\" is one by its name, but its first value is a number and no date, by its size of days since 1900"},
	    {"638397936010000000", "2.5", "443", "130", "by its size of ticks of .NET"},
	    {"133486704000000000", "2.5", "443", "130", "by its size a FILETIME of Windows"},
	    {"12:00:00 CET", "2.5", "443", "130", "\"ts\" is one by its name, but its first value has no date"},
	    {"2024-01-02 12:00:00 EST", "2.5", "443", "130",
	     "reads no row: line 2: te has the name of a time zone behind it"},
	    {"2024-01-02 12:00:00 CET", "2.5", "443", "130", "# It reads all of the first 2 rows"},
	    {"Tue Jan  2 12:00:00 CET 2024", "2.5", "443", "130", "# It reads all of the first 2 rows"},
	    {"45293.50013", "2.5", "443", "130", "# It reads all of the first 2 rows"},
	    {"Jan  2 12:00:01", "2.5", "443", "130", "is a time of another form: give its pattern as the format"},
	    {"1704196801", "-2.5", "443", "130", "reads no row: line 2: td is negative"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_buf yaml = {0}, said = {0};
		struct fm_sniff_tried tried;
		char text[512];
		const char *path;
		bool whole;

		snprintf(text, sizeof text,
			 "ts,duration,proto,src_ip,src_port,dst_ip,dst_port,packets,bytes\n"
			 "%s,%s,TCP,10.0.0.1,40000,192.0.2.7,%s,1,%s\n%s,%s,TCP,10.0.0.1,40000,192.0.2.7,%s,1,%s\n",
			 of[i].ts, of[i].duration, of[i].port, of[i].bytes, of[i].ts, of[i].duration, of[i].port,
			 of[i].bytes);
		path = put("odd.csv", text);
		assert_int_equal(fm_sniff_guess(path, NULL, &yaml, &whole, &err), FM_OK);
		assert_int_equal(fm_sniff_try(path, NULL, yaml.data, yaml.len, &tried, &err), FM_OK);
		fm_sniff_tell(&tried, &said);
		fm_buf_add(&said, yaml.data, yaml.len);
		fm_buf_add(&said, "", 1);
		if (!strstr(said.data, of[i].says) ||
		    !strstr(said.data, strstr(of[i].says, "all of") ? "# It reads" : "# Not sure"))
			fail_msg("case %zu:\n%s", i, said.data);
		if (strstr(said.data, "10.0.0.1") || strstr(said.data, "45000"))
			fail_msg("case %zu has a value of the trace:\n%s", i, said.data);
		fm_buf_free(&yaml);
		fm_buf_free(&said);
	}
}

/* Lengths of time with units: each once, the longest first; what is none of that is no length. */
static void lengths_with_units_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: none */
	} of[] = {
	    {"5s", 5000},
	    {"1m2s", 62000},
	    {"1m 2.5s", 62500},
	    {"250 ms", 250},
	    {"1500us", 2},
	    {"1499us", 1},
	    {"7 sec", 7000},
	    {"2 minutes", 120000},
	    {"1d2h3m4s5ms", 93784005},
	    {"PT5S", 5000},
	    {"P1DT2H", 93600000},
	    {"PT0.25S", 250},
	    {"\xc2\xb5s", -1},
	    {"3\xc2\xb5s", 0},
	    {"56d", INT64_C(4838400000)},
	    {"57d", -1},
	    {"", -1},
	    {"5", -1},
	    {"s", -1},
	    {"2s1m", -1},
	    {"1s1s", -1},
	    {"P1M", -1},
	    {"PT", -1},
	    {"P5S", -1},
	    {"PT1D", -1},
	    {"-5s", -1},
	    {"1.2.3s", -1},
	    {"5 parsecs", -1},
	    {"1e3s", -1},
	    {"99999999999999999999s", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		int64_t ms = -1;

		if (fm_value_units(of[i].text, strlen(of[i].text), &ms) != (of[i].ms >= 0) ||
		    (of[i].ms >= 0 && ms != of[i].ms))
			fail_msg("%s: %lld", of[i].text, (long long)ms);
	}
}

/* The way to a list is told by keys alone: a string in a list is a value of somebody's. */
static void way_to_a_list_holds_no_value(void **state)
{
	static const char *const of[] = {
	    "{\"tags\":[\"10.9.8.7\",[" OBJECT "," OBJECT "]]}\n",
	    "{\"tags\":\"10.9.8.7\",[" OBJECT "]}\n",
	    "{\"a\":{\"tags\":[\"x\",\"10.9.8.7\"],[" OBJECT "]}}\n",
	};
	struct fm_buf yaml = {0};
	bool whole;

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		assert_int_equal(fm_sniff_guess(put("w.json", of[i]), NULL, &yaml, &whole, &err), FM_EINPUT);
		if (strstr(err.message, "10.9.8.7"))
			fail_msg("case %zu: %s", i, err.message);
	}
}

#define TITLES "start,duration,src_ip,src_port,dst_ip,dst_port,proto"
#define FLOW "2016-04-11 00:01:06,2.5,1.2.3.4,53,10.0.0.1,35203,UDP"

/* Text in any writing is text, and UTF-16 is read by the dialect that is printed. */
static void text_of_all_writings_is_text(void **state)
{
	static const char *const names[] = {"\xe9\x96\x8b\xe5\xa7\x8b",
					    "\xd0\x9d\xd0\xb0\xd1\x87\xd0\xb0\xd0\xbb\xd0\xbe"};
	struct fm_buf wide = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fm_buf text = {0};
		struct fm_sniffed s;

		for (int k = 0; k < 9; k++)
			fm_buf_printf(&text, "%s%d%s", names[i], k, k < 8 ? "," : "\n" FLOW ",1,130\n");
		fm_buf_add(&text, "", 1);
		if (fm_sniff(&s, put("writing.csv", text.data), NULL, &err) < 0)
			fail_msg("%s", err.message);
		fm_buf_free(&text);
	}
	fm_buf_add(&wide, "\xff\xfe", 2);
	for (const char *c = TITLES ",packets,bytes\n" FLOW ",1,130\n" FLOW ",1,130\n"; *c; c++)
		fm_buf_add(&wide, (char[2]){*c, 0}, 2);
	assert_int_equal(fm_sniff(&(struct fm_sniffed){0}, put_bytes("wide.csv", wide.data, wide.len), NULL, &err),
			 FM_OK);
	{
		struct fm_buf yaml = {0};
		struct fm_sniff_tried tried;
		bool whole;

		assert_int_equal(fm_sniff_guess(at("wide.csv"), NULL, &yaml, &whole, &err), FM_OK);
		assert_int_equal(fm_sniff_try(at("wide.csv"), NULL, yaml.data, yaml.len, &tried, &err), FM_OK);
		assert_true(tried.sure);
		assert_int_equal(tried.rows, 2);
		fm_buf_free(&yaml);
	}
	fm_buf_free(&wide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(way_to_a_list_holds_no_value),
	    cmocka_unit_test(what_is_lacking_is_named_and_what_is_no_table_refused),
	    cmocka_unit_test(tables_that_are_no_flows_are_named_with_what_to_take),
	    cmocka_unit_test(what_hides_a_table_is_said),
	    cmocka_unit_test(tables_without_some_columns_are_known),
	    cmocka_unit_test(absent_columns_are_suggested_as_they_load),
	    cmocka_unit_test(what_is_guessed_is_tried),
	    cmocka_unit_test(lengths_with_units_are_read),
	    cmocka_unit_test(text_of_all_writings_is_text),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
