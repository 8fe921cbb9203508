/* Each built-in dialect reads a file as its tools write it, row for row, and writes what it reads back as the same
 * table. */
#include "manifests/embed.h"
#include "release/metadata.h"
#include "tests/unit/flows_read.h"

static void ugr17_has_the_newer_labels(void **state)
{
	(void)state;
	READS_AS("ugr17",
		 "2016-07-30 00:01:06,0.000,1.2.3.4,42.219.157.72,53,35203,UDP,.A....,0,0,1,130,background\n"
		 "2016-07-30 00:01:07,1.500,1.2.3.4,42.219.157.72,53,35203,TCP,.A....,0,0,1,130,anomaly-spam\n",
		 {"2016-07-30 00:01:06", 0, "1.2.3.4", "42.219.157.72", 53, 35203, "UDP", 1, 130, "background"},
		 {"2016-07-30 00:01:07", 1500, "1.2.3.4", "42.219.157.72", 53, 35203, "TCP", 1, 130, "spam"});
}

static void cidds_has_names_suffixes_and_type_code(void **state)
{
	(void)state;
	READS_AS("cidds",
		 "Date first seen,Duration,Proto,Src IP Addr,Src Pt,Dst IP Addr,Dst Pt,Packets,Bytes,Flows,Flags,Tos,"
		 "class,attackType,attackID,attackDescription\n"
		 "2017-03-14 17:43:30.626,   81.412,TCP  ,192.168.100.5,   445,10016_85,58844,"
		 "       1,   2.1 M,    1,.AP...,  0,normal,---,---,---\n"
		 "2017-03-14 17:43:31.000,    0.000,ICMP ,EXT_SERVER,     0,192.168.100.5,  8.0,"
		 "       1,     108,    1,......,  0,attacker,pingScan,4,---\n",
		 {"2017-03-14 17:44:52.038", 81412, "192.168.100.5", "240.39.32.85", 445, 58844, "TCP", 1, 2100000,
		  "normal"},
		 {"2017-03-14 17:43:31.000", 0, "203.0.113.1", "192.168.100.5", 0, 2048, "ICMP", 1, 108, "attacker"});
	/* As programs that know missing values write the whole column, for the sake of 8.0. */
	READS_AS("cidds",
		 "Date first seen,Duration,Proto,Src IP Addr,Src Pt,Dst IP Addr,Dst Pt,Packets,Bytes,Flows,Flags,Tos,"
		 "class,attackType,attackID,attackDescription\n"
		 "2017-03-14 17:43:30.000,0.0,TCP  ,192.168.100.5,445.0,10016_85,58844.0,1,108,1,.AP...,0,normal,,,\n"
		 "2017-03-14 17:43:31.000,0.0,UDP  ,192.168.100.5,445.0,10016_85,53.0,1,108,1,......,0,normal,,,\n",
		 {"2017-03-14 17:43:30.000", 0, "192.168.100.5", "240.39.32.85", 445, 58844, "TCP", 1, 108, "normal"},
		 {"2017-03-14 17:43:31.000", 0, "192.168.100.5", "240.39.32.85", 445, 53, "UDP", 1, 108, "normal"});
}

static void nfdump_has_start_times(void **state)
{
	(void)state;
	READS_AS("nfdump",
		 "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n"
		 "2016-04-11 00:01:06.123,00:06:46.600,TCP,1.2.3.4,80,5.6.7.8,35203,12,402.4 M,1\n"
		 "2016-04-11 00:01:07.000,0.250,ICMP,1.2.3.4,0,5.6.7.8,3.1,1,56,1\n",
		 {"2016-04-11 00:07:52.723", 406600, "1.2.3.4", "5.6.7.8", 80, 35203, "TCP", 12, 402400000, NULL},
		 {"2016-04-11 00:01:07.250", 250, "1.2.3.4", "5.6.7.8", 0, 769, "ICMP", 1, 56, NULL});
	READS_AS("nfdump16",
		 "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir\n"
		 "2016-04-11 00:01:06,2016-04-11 00:01:08,2.004,1.2.3.4,5.6.7.8,53,35203,UDP,.A....,0,0,1,130,0,0,1,2,"
		 "0,0,0,0,0,0\nSummary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n1,130,1,10,1,100\n",
		 {"2016-04-11 00:01:08", 2004, "1.2.3.4", "5.6.7.8", 53, 35203, "UDP", 1, 130, NULL});
	/* Records of both ways are two flows, in nfdump's own columns; a reply of ICMP has the type that answers. */
	READS_AS("nfdump16",
		 "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir\n"
		 "2016-04-11 00:01:06,2016-04-11 00:01:08,2.004,1.2.3.4,5.6.7.8,53,35203,UDP,......,0,0,1,130,2,270,0,"
		 "0,0,0,0,0,0,0\n"
		 "2016-04-11 00:01:07,2016-04-11 00:01:08,1.000,1.2.3.4,5.6.7.8,0,8.0,ICMP,......,0,0,1,84,1,84,0,0,0,"
		 "0,0,0,0,0\n"
		 "2016-04-11 00:01:08,2016-04-11 00:01:08,0.000,1.2.3.4,5.6.7.8,53,53,UDP,......,0,0,1,60,0,0,0,0,0,0,"
		 "0,0,0,0\n",
		 {"2016-04-11 00:01:08", 2004, "1.2.3.4", "5.6.7.8", 53, 35203, "UDP", 1, 130, NULL},
		 {"2016-04-11 00:01:08", 2004, "5.6.7.8", "1.2.3.4", 35203, 53, "UDP", 2, 270, NULL},
		 {"2016-04-11 00:01:08", 1000, "1.2.3.4", "5.6.7.8", 0, 2048, "ICMP", 1, 84, NULL},
		 {"2016-04-11 00:01:08", 1000, "5.6.7.8", "1.2.3.4", 0, 0, "ICMP", 1, 84, NULL},
		 {"2016-04-11 00:01:08", 0, "1.2.3.4", "5.6.7.8", 53, 53, "UDP", 1, 60, NULL});
}

static void argus_has_slashes_and_hex_ports(void **state)
{
	(void)state;
	READS_AS("argus",
		 "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n"
		 "2011/08/10 09:46:53.047277,3550.182373,udp,212.50.71.179,39678,  <->,147.32.84.229,13363,CON,0,0,12,"
		 "875,413,flow=Background-UDP-Established\n"
		 "2011/08/10 09:46:54.000000,0.000000,icmp,1.2.3.4,0x0008,   ->,5.6.7.8,0x0303,URP,0,,1,70,70,x\n",
		 {"2011-08-10 10:46:03.229", 3550182, "212.50.71.179", "147.32.84.229", 39678, 13363, "UDP", 12, 875,
		  "flow=Background-UDP-Established"},
		 {"2011-08-10 09:46:54", 0, "1.2.3.4", "5.6.7.8", 0, 2048, "ICMP", 1, 70, "x"});
}

/* Who began a transaction is at the point of the arrow; ports of ICMP are its type and code at either end. */
static void argus_turns_what_the_destination_began(void **state)
{
	(void)state;
	READS_AS("argus",
		 "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n"
		 "2011/08/10 09:46:53.5,1.5,tcp,74.125.232.207,443,   <-,147.32.84.59,1234,FPA_FPA,0,0,12,875,413,a\n"
		 "2011/08/10 09:46:54.5,1.5,tcp,74.125.232.207,443,  <|,147.32.84.59,1234,FPA_FPA,0,0,12,875,413,b\n"
		 "2011/08/10 09:46:55.5,1.5,tcp,74.125.232.207,443,  <?>,147.32.84.59,1234,FPA_FPA,0,0,12,875,413,a\n"
		 "2011/08/10 09:46:56.5,0.0,icmp,1.2.3.4,0x0008,  <-,5.6.7.8,0x0303,URP,0,,1,70,70,a\n",
		 {"2011-08-10 09:46:55", 1500, "147.32.84.59", "74.125.232.207", 1234, 443, "TCP", 12, 875, "a"},
		 {"2011-08-10 09:46:56", 1500, "147.32.84.59", "74.125.232.207", 1234, 443, "TCP", 12, 875, "b"},
		 {"2011-08-10 09:46:57", 1500, "74.125.232.207", "147.32.84.59", 443, 1234, "TCP", 12, 875, "a"},
		 {"2011-08-10 09:46:56.5", 0, "5.6.7.8", "1.2.3.4", 0, 2048, "ICMP", 1, 70, "a"});
}

#define ZEEK_NAMES                                                                                                     \
	"ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\t"      \
	"conn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\t"             \
	"resp_ip_bytes\ttunnel_parents"
#define ZEEK_ROW                                                                                                       \
	"1655071198.444458\tCH1\t147.32.81.167\t62771\t40.74.108.123\t443\ttcp\tsay \"hi\t1.135424\t1596\t4039\tSF\t"  \
	"T\tF\t5138\tShADdaFf\t14\t1016\t16\t1226\t(empty)"

static void zeek_has_comments_and_starts(void **state)
{
	(void)state;
	READS_AS(
	    "zeek", "#separator \\x09\n#fields\t" ZEEK_NAMES "\n#types\ttime\n" ZEEK_ROW "\n#close\t2022\n",
	    {"2022-06-12 21:59:59.579", 1135, "147.32.81.167", "40.74.108.123", 62771, 443, "TCP", 30, 2242, NULL});
	READS_AS("zeek-json",
		 "{\"ts\":1655071198.444458,\"uid\":\"CH1\",\"id.orig_h\":\"147.32.81.167\",\"id.orig_p\":62771,"
		 "\"id.resp_h\":\"40.74.108.123\",\"id.resp_p\":443,\"proto\":\"tcp\",\"duration\":1.135424,"
		 "\"conn_state\":\"SF\",\"local_orig\":true,\"orig_pkts\":14,\"orig_ip_bytes\":1016,\"resp_pkts\":16,"
		 "\"resp_ip_bytes\":1226,\"tunnel_parents\":[\"a]\",[1]]}\n"
		 "{ \"proto\" : \"udp\", \"ts\" : 1.655071199e9, \"id.orig_h\":\"147.32.81.167\",\"id.orig_p\":53,"
		 "\"id.resp_h\":\"40.74.108.123\",\"id.resp_p\":53,\"orig_pkts\":1,\"orig_ip_bytes\":60,"
		 "\"resp_pkts\":null,\"resp_ip_bytes\":0}\n",
		 {"2022-06-12 21:59:59.579", 1135, "147.32.81.167", "40.74.108.123", 62771, 443, "TCP", 30, 2242, NULL},
		 {"2022-06-12 21:59:59", 0, "147.32.81.167", "40.74.108.123", 53, 53, "UDP", 1, 60, NULL});
	READS_AS(
	    "zeek-json-iso",
	    "{\"ts\":\"2022-06-12T21:59:58.444458Z\",\"uid\":\"CH1\",\"id.orig_h\":\"147.32.81.167\",\"id.orig_p\":"
	    "62771,"
	    "\"id.resp_h\":\"40.74.108.123\",\"id.resp_p\":443,\"proto\":\"tcp\",\"duration\":1.135424,"
	    "\"conn_state\":\"SF\",\"orig_pkts\":14,\"orig_ip_bytes\":1016,\"resp_pkts\":16,\"resp_ip_bytes\":1226}\n",
	    {"2022-06-12 21:59:59.579", 1135, "147.32.81.167", "40.74.108.123", 62771, 443, "TCP", 30, 2242, NULL});
	READS_AS(
	    "zeek-json-labeled",
	    "{\"ts\":1655071198.444458,\"id.orig_h\":\"147.32.81.167\",\"id.orig_p\":62771,\"id.resp_h\":"
	    "\"40.74.108.123\",\"id.resp_p\":443,\"proto\":\"tcp\",\"duration\":1.135424,\"conn_state\":\"SF\","
	    "\"orig_pkts\":14,\"orig_ip_bytes\":1016,\"resp_pkts\":16,\"resp_ip_bytes\":1226,\"label\":\"Benign\"}\n"
	    "{\"ts\":1655071198.444458,\"id.orig_h\":\"147.32.81.167\",\"id.orig_p\":62771,\"id.resp_h\":"
	    "\"40.74.108.123\",\"id.resp_p\":443,\"proto\":\"tcp\",\"duration\":1.135424,\"conn_state\":\"SF\","
	    "\"orig_pkts\":14,\"orig_ip_bytes\":1016,\"resp_pkts\":16,\"resp_ip_bytes\":1226}\n",
	    {"2022-06-12 21:59:59.579", 1135, "147.32.81.167", "40.74.108.123", 62771, 443, "TCP", 30, 2242, "Benign"},
	    {"2022-06-12 21:59:59.579", 1135, "147.32.81.167", "40.74.108.123", 62771, 443, "TCP", 30, 2242, "0"});
	READS_AS(
	    "zeek-labeled", "#fields\t" ZEEK_NAMES "\tlabel\tdetailedlabel\n" ZEEK_ROW "\tBenign\tMicrosoft\n",
	    {"2022-06-12 21:59:59.579", 1135, "147.32.81.167", "40.74.108.123", 62771, 443, "TCP", 30, 2242, "Benign"});
	READS_AS(
	    "zeek-iot23",
	    "#fields\t" ZEEK_NAMES "   label   detailed-label\n" ZEEK_ROW "   benign   -\n" ZEEK_ROW
	    "   Malicious   PartOfAHorizontalPortScan\n",
	    {"2022-06-12 21:59:59.579", 1135, "147.32.81.167", "40.74.108.123", 62771, 443, "TCP", 30, 2242, "Benign"},
	    {"2022-06-12 21:59:59.579", 1135, "147.32.81.167", "40.74.108.123", 62771, 443, "TCP", 30, 2242,
	     "Malicious"});
}

static void some_tables_lack_columns_of_a_flow(void **state)
{
	(void)state;
	READS_AS(
	    "cic-ids2017-ml",
	    " Destination Port, Flow Duration, Total Fwd Packets, Total Backward Packets,Total Length of Fwd Packets,"
	    " Total Length of Bwd Packets,Flow Bytes/s, Fwd Header Length, Fwd Header Length, Label\n"
	    "443,3000,2,1,12,6,Infinity,40,40,BENIGN\n"
	    "80,0,2,0,12,0,NaN,40,40,Web Attack \x96 XSS\n",
	    {NULL, 3, NULL, NULL, 0, 443, NULL, 3, 18, "BENIGN"},
	    {NULL, 0, NULL, NULL, 0, 80, NULL, 2, 12, "Web Attack \xe2\x80\x93 XSS"});
	READS_AS("cse-cic-ids2018",
		 "Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,TotLen Fwd Pkts,TotLen Bwd Pkts,"
		 "Flow Byts/s,Label\n"
		 "22,6,14/02/2018 08:31:01,6453966,15,10,1239,2273,544.16,Benign\n"
		 "Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,TotLen Fwd Pkts,TotLen Bwd Pkts,"
		 "Flow Byts/s,Label\n"
		 "53,17,14/02/2018 02:01:00,1000,1,1,40,120,NaN,SSH-Bruteforce\n",
		 {"2018-02-14 12:31:07.454", 6454, NULL, NULL, 0, 22, "TCP", 25, 3512, "Benign"},
		 {"2018-02-14 18:01:00.001", 1, NULL, NULL, 0, 53, "UDP", 2, 160, "SSH-Bruteforce"});
	READS_AS(
	    "cse-cic-ids2018-20feb",
	    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,"
	    "TotLen Fwd Pkts,TotLen Bwd Pkts,Flow Byts/s,Label\r\n"
	    "172.31.69.25-94.231.103.172-22-45498-6,94.231.103.172,45498,172.31.69.25,22,6,20/02/2018 08:34:07,"
	    "888751,11,11,1179,1969,3542.05,Benign\r\n"
	    "10.0.0.2-10.0.0.1-53-5-17,10.0.0.1,5,10.0.0.2,53,17,20/02/2018 02:01:00,1000,1,1,40,120,Infinity,"
	    "DDoS attacks-LOIC-HTTP\r\n",
	    {"2018-02-20 12:34:07.889", 889, "94.231.103.172", "172.31.69.25", 45498, 22, "TCP", 22, 3148, "Benign"},
	    {"2018-02-20 18:01:00.001", 1, "10.0.0.1", "10.0.0.2", 5, 53, "UDP", 2, 160, "DDoS attacks-LOIC-HTTP"});
	READS_AS("unsw-nb15-set",
		 "\xef\xbb\xbfid,dur,proto,service,state,spkts,dpkts,sbytes,dbytes,rate,attack_cat,label\n"
		 "1,0.121478,tcp,-,FIN,6,4,258,172,74.08749,Normal,0\n"
		 "2,0.000011,udp,dns,INT,2,0,496,0,90909.0902,Backdoor,1\n",
		 {NULL, 121, NULL, NULL, 0, 0, "TCP", 10, 430, "Normal"},
		 {NULL, 0, NULL, NULL, 0, 0, "UDP", 2, 496, "Backdoor"});
}

static void cic_ids2017_has_half_a_clock(void **state)
{
	(void)state;
	READS_AS(
	    "cic-ids2017",
	    "Flow ID, Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Flow Duration, "
	    "Total Fwd Packets, Total Backward Packets,Total Length of Fwd Packets, Total Length of Bwd Packets,"
	    "Flow Bytes/s, Fwd Header Length, Fwd Header Length, Label\n"
	    "x,192.168.10.5,54865,104.16.207.165,443,6,7/7/2017 3:30,3000,2,1,12,6,Infinity,40,40,BENIGN\n"
	    "x,192.168.10.5,54865,104.16.207.165,443,17,7/7/2017 11:30,0,2,0,12,0,NaN,40,40,Web Attack \x96 XSS\n",
	    {"2017-07-07 18:30:00.003", 3, "192.168.10.5", "104.16.207.165", 54865, 443, "TCP", 3, 18, "BENIGN"},
	    {"2017-07-07 14:30:00", 0, "192.168.10.5", "104.16.207.165", 54865, 443, "UDP", 2, 12,
	     "Web Attack \xe2\x80\x93 XSS"});
}

static void unsw_nb15_sums_both_ways(void **state)
{
	(void)state;
	READS_AS(
	    "unsw-nb15",
	    "\xef\xbb\xbfsrcip,sport,dstip,dsport,proto,state,dur,sbytes,dbytes,Spkts,Dpkts,Stime,Ltime,attack_cat,"
	    "label\n"
	    "59.166.0.0,1390,149.171.126.6,53,udp,CON,0.001055,132,164,2,2,1421927414,1421927414,,0\n"
	    "59.166.0.0,-,149.171.126.6,0x000b,ospf,INT,2.5,132,0,2,0,1421927414,1421927417, Fuzzers ,1\n",
	    {"2015-01-22 11:50:14", 1, "59.166.0.0", "149.171.126.6", 1390, 53, "UDP", 4, 296, "Normal"},
	    {"2015-01-22 11:50:17", 2500, "59.166.0.0", "149.171.126.6", 0, 11, "OSPF", 2, 132, "Fuzzers"});
}

static void nfdump_for_people_and_for_pipes(void **state)
{
	(void)state;
	READS_AS("nfdump-line",
		 "Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Packets    "
		 "Bytes Flows\n"
		 "2016-04-11 00:01:06.123    0.250 UDP    144.208.174.142:53    ->    42.219.157.72:35203        1     "
		 " 130     1\n"
		 "2016-04-11 00:01:07.000 00:06:46.600 ICMP      1.2.3.4:0     ->    42.219.157.72:3.1         12  "
		 "402.4 M     1\n"
		 "Summary: total flows: 2, total bytes: 198, total packets: 2, avg bps: 1, avg pps: 0, avg bpp: 99\n"
		 "Time window: 2016-04-11 00:01:06 - 2016-04-11 00:01:06\n"
		 "Total flows processed: 2, Blocks skipped: 0, Bytes read: 216\n"
		 "Sys: 0.001s flows/second: 1 Wall: 0.001s flows/second: 1\n",
		 {"2016-04-11 00:01:06.373", 250, "144.208.174.142", "42.219.157.72", 53, 35203, "UDP", 1, 130, NULL},
		 {"2016-04-11 00:07:53.600", 406600, "1.2.3.4", "42.219.157.72", 0, 769, "ICMP", 12, 402400000, NULL});
	READS_AS(
	    "nfdump-long",
	    "Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Flags Tos  "
	    "Packets    Bytes Flows\n"
	    "2016-04-11 00:01:06.123    0.000 TCP    144.208.174.142:53    ->    42.219.157.72:35203 .AP.SF   0     "
	    "   3      330     1\n",
	    {"2016-04-11 00:01:06.123", 0, "144.208.174.142", "42.219.157.72", 53, 35203, "TCP", 3, 330, NULL});
	READS_AS("nfdump-pipe",
		 "2|1460332866|123|1460332867|124|17|0|0|0|167772161|53|0|0|0|167772162|35203|1|2|3|4|2|0|1|130\n",
		 {"2016-04-11 00:01:07.124", 1001, "10.0.0.1", "10.0.0.2", 53, 35203, "UDP", 1, 130, NULL});
	READS_AS("nfdump-pipe",
		 "10|1460332866|123|1460332867|124|17|536939960|0|0|1|53|4269801472|0|0|2|35203|1|2|3|4|2|0|1|130\n"
		 "10|1460332866|123|1460332867|124|17|0|0|0|1|53|0|0|0|1|35203|1|2|3|4|2|0|1|130\n",
		 {"2016-04-11 00:01:07.124", 1001, "2001:db8::1", "fe80::2", 53, 35203, "UDP", 1, 130, NULL},
		 {"2016-04-11 00:01:07.124", 1001, "::1", "::1", 53, 35203, "UDP", 1, 130, NULL});
}

/* Rows of nfdump 1.7.1, but for one time. */
static void nfdump_17_has_milliseconds_in_pipes(void **state)
{
	(void)state;
	READS_AS("nfdump-pipe17",
		 "2|1460332866100|1460332867100|17|0|0|0|167772161|53|0|0|0|3221225991|1000|0|0|0|0|0|0|1|38\n"
		 "10|1460332866900|1460332866900|58|4269801472|0|0|1|0|4278321152|0|0|1|34560|0|0|0|0|0|0|1|68\n"
		 "2|1460332866200|1460332866200|6|0|0|0|167772161|443|0|0|0|3221225991|1001|0|0|0|0|18|0|1|60\n",
		 {"2016-04-11 00:01:07.100", 1000, "10.0.0.1", "192.0.2.7", 53, 1000, "UDP", 1, 38, NULL},
		 {"2016-04-11 00:01:06.900", 0, "fe80::1", "ff02::1", 0, 34560, "ICMP6", 1, 68, NULL},
		 {"2016-04-11 00:01:06.200", 0, "10.0.0.1", "192.0.2.7", 443, 1001, "TCP", 1, 60, NULL});
}

static void ipv6_is_read_as_each_tool_writes_it(void **state)
{
	(void)state;
	READS_AS(
	    "ugr16",
	    "2016-04-11 00:01:06,0.000,2001:DB8:0:0:1:0:0:1,FE80::1%eth0,53,35203,UDP,.A....,0,0,1,130,background\n"
	    "2016-04-11 00:01:06,0.000,::ffff:1.2.3.4,5.6.7.8,53,35203,UDP,.A....,0,0,1,130,background\n"
	    "2016-04-11 00:01:06,0.000,fe80::1,ff02::1,0,34560,ipv6-icmp,......,0,0,1,72,background\n"
	    "2016-04-11 00:01:06,0.000,fe80::1,-,0,34560,58,......,0,0,1,72,background\n",
	    {"2016-04-11 00:01:06", 0, "2001:db8::1:0:0:1", "fe80::1", 53, 35203, "UDP", 1, 130, "background"},
	    {"2016-04-11 00:01:06", 0, "1.2.3.4", "5.6.7.8", 53, 35203, "UDP", 1, 130, "background"},
	    {"2016-04-11 00:01:06", 0, "fe80::1", "ff02::1", 0, 34560, "ICMP6", 1, 72, "background"},
	    {"2016-04-11 00:01:06", 0, "fe80::1", "::", 0, 34560, "ICMP6", 1, 72, "background"});
	READS_AS("nfdump",
		 "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n"
		 "2016-04-11 00:01:06.123,00:00:00.250,ICMP6,fe80::2,0,ff02::1:ff00:1,135.0,1,72,1\n",
		 {"2016-04-11 00:01:06.373", 250, "fe80::2", "ff02::1:ff00:1", 0, 34560, "ICMP6", 1, 72, NULL});
	READS_AS("nfdump-line",
		 "2016-04-11 00:01:06.123    0.250 UDP    2001:db8::53.53    ->    2001:db8:7::72.35203        1     "
		 " 130     1\n"
		 "2016-04-11 00:01:06.123    0.250 UDP    [2001:db8::53]:53    ->    [2001:db8::]:35203        1     "
		 " 130     1\n"
		 "2016-04-11 00:01:06.123    0.250 ICMP6    fe80::1.0    ->    ff02::1.134.0        1     "
		 " 130     1\n",
		 {"2016-04-11 00:01:06.373", 250, "2001:db8::53", "2001:db8:7::72", 53, 35203, "UDP", 1, 130, NULL},
		 {"2016-04-11 00:01:06.373", 250, "2001:db8::53", "2001:db8::", 53, 35203, "UDP", 1, 130, NULL},
		 {"2016-04-11 00:01:06.373", 250, "fe80::1", "ff02::1", 0, 34304, "ICMP6", 1, 130, NULL});
	READS_AS("nfstream",
		 "id,expiration_id,src_ip,src_port,dst_ip,dst_port,protocol,ip_version,bidirectional_first_seen_ms,"
		 "bidirectional_last_seen_ms,bidirectional_duration_ms,bidirectional_packets,bidirectional_bytes,"
		 "application_name\n"
		 "0,0,2001:db8::4,53,2001:db8::8,35203,17,6,1460332866123,1460332867124,1001,2,198,DNS.Google\n",
		 {"2016-04-11 00:01:07.124", 1001, "2001:db8::4", "2001:db8::8", 53, 35203, "UDP", 2, 198, NULL});
}

static void ipv6_can_be_refused(void **state)
{
	struct fm_dialect *d;
	struct fm_error err;
	struct fm_table *t;
	struct fm_trace_stats stats;
	struct fm_trace_opts o = {.missing = FM_MISSING_ZERO, .ipv4_only = true};

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "ugr16", &err), FM_OK);
	o.dialect = d;
	o.path = put("both.csv",
		     "2016-04-11 00:01:06,0.000,::ffff:1.2.3.4,5.6.7.8,53,35203,UDP,.A....,0,0,1,130,background\n"
		     "2016-04-11 00:01:06,0.000,fe80::1,ff02::1,53,35203,UDP,.A....,0,0,1,130,background\n");
	assert_int_equal(fm_trace_load(&t, &o, 0.5, &stats, &err), FM_OK);
	assert_int_equal(t->rows, 1);
	assert_int_equal(stats.bad, 1);
	fm_table_free(t);
	assert_int_equal(fm_trace_load(&t, &o, 0.1, &stats, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "sa is an IPv6 address, and privacy.mode dp takes IPv4 alone"));
	fm_dialect_free(d);
}

static void a_row_of_another_kind_is_bad(void **state)
{
	struct fm_dialect *d;
	struct fm_error err;
	struct reading *r;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "nfdump-line", &err), FM_OK);
	r = read_trace_file(put("line.txt",
				"2016-04-11 00:01:06.123 0.000 UDP 10.0.0.1:53 ->  10.0.0.2:35203 1 130 1\n"
				"2016-04-11 00:01:06.123 0.000 UDP 10.0.0.1:53 <-> 10.0.0.2:35203 1 130 1\n"),
			    d, NULL, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->t->rows, 1);
	assert_int_equal(r->st.bad, 1);
	assert_string_equal(r->bad[0].reason, "the row is of a kind that the dialect does not read (column ->)");
	done(r);
	fm_dialect_free(d);
}

static void collectors_of_other_makes(void **state)
{
	(void)state;
	READS_AS(
	    "silk",
	    "            sIP|            dIP|sPort|dPort|pro|   packets|     bytes|   flags|                  "
	    "sTime| duration|                  eTime|sen|\n"
	    "        1.2.3.4|        5.6.7.8|   53|35203| 17|         1|       130|        |2016/04/11T00:01:06.123| "
	    "   1.001|2016/04/11T00:01:07.124|S0|\n",
	    {"2016-04-11 00:01:07.124", 1001, "1.2.3.4", "5.6.7.8", 53, 35203, "UDP", 1, 130, NULL});
	READS_AS("pmacct",
		 "TAG,SRC_IP,DST_IP,SRC_PORT,DST_PORT,TCP_FLAGS,PROTOCOL,TOS,TIMESTAMP_START,TIMESTAMP_END,PACKETS,"
		 "FLOWS,BYTES\n"
		 "0,1.2.3.4,5.6.7.8,53,35203,0,udp,0,2016-04-11 00:01:06.123456,2016-04-11 00:01:07.124456,1,1,130\n"
		 "0,1.2.3.4,5.6.7.8,53,35203,0,udp,0,2016-04-11T02:01:06.123456+02:00,2016-04-11T00:01:07.124456Z,1,1,"
		 "130\n",
		 {"2016-04-11 00:01:07.124", 1001, "1.2.3.4", "5.6.7.8", 53, 35203, "UDP", 1, 130, NULL},
		 {"2016-04-11 00:01:07.124", 1001, "1.2.3.4", "5.6.7.8", 53, 35203, "UDP", 1, 130, NULL});
	READS_AS("nfstream",
		 "id,expiration_id,src_ip,src_port,dst_ip,dst_port,protocol,ip_version,bidirectional_first_seen_ms,"
		 "bidirectional_last_seen_ms,bidirectional_duration_ms,bidirectional_packets,bidirectional_bytes,"
		 "application_name\n"
		 "0,0,1.2.3.4,53,5.6.7.8,35203,17,4,1460332866123,1460332867124,1001,2,198,DNS.Google\n",
		 {"2016-04-11 00:01:07.124", 1001, "1.2.3.4", "5.6.7.8", 53, 35203, "UDP", 2, 198, NULL});
}

/* The same flow by what an option makes of it. */
static void collectors_with_other_options(void **state)
{
#define OPTION_FLOW {"2016-04-11 00:01:07.623", 1500, "10.0.0.1", "192.0.2.7", 53, 35203, "UDP", 1, 130, NULL}
	(void)state;
	READS_AS(
	    "silk-epoch",
	    "            sIP|            dIP|sPort|dPort|pro|   packets|     bytes|   flags|             sTime| "
	    "duration|             eTime|sen|\n"
	    "       10.0.0.1|      192.0.2.7|   53|35203| 17|         1|       130|        |    1460332866.123|    "
	    "1.500|    1460332867.623| S0|\n",
	    OPTION_FLOW);
	READS_AS("silk",
		 "sIP|dIP|sPort|dPort|protocol|packets|bytes|flags|sTime|duration|eTime|sensor|class\n"
		 "10.0.0.1|192.0.2.7|53|35203|17|1|130||2016/04/11T00:01:06.123|1.500|2016/04/11T00:01:07.623|S0|all\n",
		 OPTION_FLOW);
	READS_AS(
	    "silk",
	    "       10.0.0.1|      192.0.2.7|   53|35203| 17|         1|       130|        |2016/04/11T00:01:06.123|  "
	    "  1.500|2016/04/11T00:01:07.623| S0|\n",
	    OPTION_FLOW);
	READS_AS(
	    "silk-csv",
	    "sIP,dIP,sPort,dPort,pro,packets,bytes,flags,sTime,duration,eTime,sen\n"
	    "10.0.0.1,192.0.2.7,53,35203,17,1,130,,2016/04/11T00:01:06.123456,1.500,2016/04/11T00:01:07.623456,S0\n",
	    OPTION_FLOW);
	READS_AS("silk-csv-epoch",
		 "sIP,dIP,sPort,dPort,pro,packets,bytes,flags,sTime,dur,eTime,sensor\n"
		 "10.0.0.1,192.0.2.7,53,35203,17,1,130,,1460332866.123,1.500,1460332867.623,S0\n",
		 OPTION_FLOW);
	READS_AS("pmacct-formatted",
		 "SRC_IP                 DST_IP                 SRC_PORT  DST_PORT  TCP_FLAGS  PROTOCOL    TOS    "
		 "TIMESTAMP_START                TIMESTAMP_END                  PACKETS               BYTES\n"
		 "10.0.0.1               192.0.2.7              53        35203     0          udp         0      "
		 "2016-04-11 00:01:06.123000     2016-04-11 00:01:07.623000     1                     130\n",
		 OPTION_FLOW);
	READS_AS("pmacct-epoch",
		 "SRC_IP,DST_IP,SRC_PORT,DST_PORT,TCP_FLAGS,PROTOCOL,TOS,TIMESTAMP_START,TIMESTAMP_END,PACKETS,BYTES\n"
		 "10.0.0.1,192.0.2.7,53,35203,0,udp,0,1460332866.123000,1460332867.623000,1,130\n",
		 OPTION_FLOW);
	READS_AS(
	    "pmacct-json-epoch",
	    "{\"ip_src\":\"10.0.0.1\",\"ip_dst\":\"192.0.2.7\",\"port_src\":53,\"port_dst\":35203,\"ip_proto\":\"udp\","
	    "\"timestamp_start\":\"1460332866.123000\",\"timestamp_end\":\"1460332867.623000\",\"packets\":1,\"bytes\":"
	    "130}\n",
	    OPTION_FLOW);
	READS_AS(
	    "nfdump-csv-fast",
	    "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,input,output,flags,srcTos,"
	    "packets,bytes\n"
	    "1,4,1460332866123,1460332867623,17,10.0.0.1,53,192.0.2.7,35203,0,0,1,2,0,0,1,130\n",
	    OPTION_FLOW);
	READS_AS("argus-unlabeled",
		 "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes\n"
		 "2016/04/11 00:01:06.123000,1.500000,udp,10.0.0.1,53,   ->,192.0.2.7,35203,INT,0,,1,130,130\n",
		 OPTION_FLOW);
}

#define UNSW_ROW(attack)                                                                                               \
	"59.166.0.0,1390,149.171.126.6,53,udp,CON,0.001055,132,164,31,29,0,0,dns,500473.9375,621800.9375,2,2,0,0,0,0," \
	"66,82,0,0,0,0,1421927414,1421927414,0.017,0.013,0,0,0,0,0,0,0,0,3,7,1,3,1,1,1," attack "\n"

static void unsw_nb15_needs_no_header(void **state)
{
	(void)state;
	READS_AS("unsw-nb15", "\xef\xbb\xbf" UNSW_ROW(",0") UNSW_ROW(" Fuzzers ,1") UNSW_ROW(" Fuzzers ,1"),
		 {"2015-01-22 11:50:14", 1, "59.166.0.0", "149.171.126.6", 1390, 53, "UDP", 4, 296, "Normal"},
		 {"2015-01-22 11:50:14", 1, "59.166.0.0", "149.171.126.6", 1390, 53, "UDP", 4, 296, "Fuzzers"},
		 {"2015-01-22 11:50:14", 1, "59.166.0.0", "149.171.126.6", 1390, 53, "UDP", 4, 296, "Fuzzers"});
}

/* The parts of a label may stand in any order in the file; what no map knows is written joined, in the first. */
static void a_label_of_several_columns(void **state)
{
#define JOINED(lines)                                                                                                  \
	"name: x\nheader: true\n" lines "columns:\n  - {name: te, column: te}\n  - {name: td, column: td}\n"           \
	"  - {name: sa, column: sa}\n  - {name: sp, column: sp}\n  - {name: da, column: da}\n"                         \
	"  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n  - {name: pkt, column: pkt}\n"                       \
	"  - {name: byt, column: byt}\n  - {name: class, column: label, sum: true}\n"                                  \
	"  - {name: type, column: label, sum: true}\n  - {name: detail, column: label, sum: true}\n"
#define JOINED_ROW "2016-04-11 00:01:06,0.5,10.0.0.1,192.0.2.7,53,53,UDP,1,60,"
#define JOINED_FLOW(label)                                                                                             \
	{                                                                                                              \
		"2016-04-11 00:01:06", 500, "10.0.0.1", "192.0.2.7", 53, 53, "UDP", 1, 60, label                       \
	}
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct reading *r;

	(void)state;
	READS_AS(
	    put("d.yaml",
		JOINED("missing: [\"\", \"-\"]\nlabels: {normal: background, \"attack/dos*\": dos, \"0\": none}\n")),
	    "detail,type,te,td,sa,da,sp,dp,pr,pkt,byt,class\n"
	    "hulk,dos," JOINED_ROW "attack\n"
	    "-,scan," JOINED_ROW "attack\n"
	    ",," JOINED_ROW "normal\n"
	    "ssh,," JOINED_ROW "\n",
	    JOINED_FLOW("dos"), JOINED_FLOW("attack/scan"), JOINED_FLOW("background"), JOINED_FLOW("ssh"));
	assert_int_equal(fm_dialect_load(&d, put("d.yaml", JOINED("unset: x\n")), &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "a label of several columns needs unset to be a word of missing"));
	assert_int_equal(fm_dialect_load(&d, put("d.yaml", JOINED("")), &err), FM_OK);
	r = read_trace_file(put("in.csv", "detail,type,te,td,sa,da,sp,dp,pr,pkt,byt,class\n"
					  "c,b," JOINED_ROW "a\n"
					  "c,b,2016-04-11 00:01:06,x,10.0.0.1,192.0.2.7,53,53,UDP,1,60,a\n"),
			    d, NULL, 1);
	assert_int_equal(r->rc, FM_OK);
	assert_int_equal(r->st.bad, 1);
	done(r);
	fm_dialect_free(d);
}

/* ---- all of them ---- */

/* Flows with what some dialect has a form of its own for; times suit the half clock of cic-ids2017. */
static const char everything[] =
    "2016-04-11 12:01:06.123,0.000,10.0.0.1,192.0.2.7,1024,53,UDP,......,0,0,1,60,background\n"
    "2016-04-11 12:01:07.000,406.600,10.0.0.1,192.0.2.7,65535,443,TCP,.AP.SF,0,72,12,402400000,spam\n"
    "2016-04-11 12:02:07.250,1.001,192.0.2.7,10.0.0.1,0,2048,ICMP,......,0,0,2,120,Normal\n"
    "2016-04-11 12:02:08.999,0.250,192.0.2.7,10.0.0.1,0,769,ICMP,......,0,192,1,56,Backdoor\n"
    "2016-04-11 12:02:09.001,2.000,240.39.32.85,203.0.113.1,0,0,GRE,......,0,0,3,4294967297,0\n"
    "2016-04-11 12:02:09.001,0.000,240.39.32.85,203.0.113.1,0,0,61,......,0,0,1,9,sshscan\n";

/* Rows of t as dialect d has them: what it says is what they were, to its step in time. */
static void assert_kept(const struct fm_dialect *d, const struct fm_table *want, const struct fm_table *got)
{
	static const enum fm_col exact[] = {FM_SA, FM_DA, FM_SP, FM_DP, FM_PKT, FM_BYT};
	static const enum fm_col words[] = {FM_PR, FM_FLG, FM_STOS, FM_LABEL};

	assert_int_equal(got->rows, want->rows);
	for (size_t i = 0; i < want->rows; i++) {
		for (size_t k = 0; k < sizeof exact / sizeof *exact; k++)
			if (FM_HAS(got, exact[k]) && fm_table_key(got, exact[k], i) != fm_table_key(want, exact[k], i))
				fail_msg("%s: row %zu: %s", d->name, i, fm_cols[exact[k]].name);
		for (size_t k = 0; k < sizeof words / sizeof *words; k++)
			if (FM_HAS(got, words[k]) &&
			    strcmp(fm_table_category(got, words[k], i), fm_table_category(want, words[k], i)) != 0)
				fail_msg("%s: row %zu: %s is '%s', not '%s'", d->name, i, fm_cols[words[k]].name,
					 fm_table_category(got, words[k], i), fm_table_category(want, words[k], i));
		if (FM_HAS(got, FM_TE))
			assert_in_range(got->te[i] + 61000, want->te[i], want->te[i] + 61500);
		assert_in_range(got->td[i] + 1000, want->td[i], want->td[i] + 2000);
	}
}

static void every_built_in_dialect_reads_what_it_writes(void **state)
{
	struct fm_embed e;
	struct fm_error err;
	struct reading *want;

	(void)state;
	want = read_trace_file(put("in.csv", everything), &ugr16, NULL, 0);
	assert_int_equal(want->rc, FM_OK);
	for (size_t i = 0; fm_embed_at(&e, FM_EMBED_DIALECT, i); i++) {
		struct fm_dialect *d = NULL;
		struct reading *got;

		assert_int_equal(fm_dialect_load(&d, e.name, &err), FM_OK);
		if (fm_trace_write(want->t, d, at("out.csv"), &err))
			fail_msg("%s: %s", e.name, err.message);
		got = read_trace_file(at("out.csv"), d, NULL, 0);
		if (got->rc)
			fail_msg("%s: %s", e.name, got->err.message);
		assert_int_equal(got->st.bad, 0);
		assert_kept(d, want->t, got->t);
		assert_int_equal(fm_trace_write(got->t, d, at("again.csv"), &err), FM_OK);
		assert_same_bytes(at("out.csv"), at("again.csv"));
		done(got);
		fm_dialect_free(d);
	}
	done(want);
}

static void json_has_numbers_and_no_quote_inside_a_string(void **state)
{
	const char *text = "{\"ts\":1460332866.000000,\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":53,\"id.resp_h\":"
			   "\"192.0.2.7\",\"id.resp_p\":0,\"proto\":\"udp\",\"duration\":0.500000,\"conn_state\":"
			   "\"\\u0022a\\\\b\",\"orig_pkts\":3,\"orig_ip_bytes\":190,\"resp_pkts\":0,"
			   "\"resp_ip_bytes\":0}\n";
	struct fm_dialect *d = NULL;
	struct fm_error err;
	struct reading *r;

	(void)state;
	assert_int_equal(fm_dialect_load(&d, "zeek-json", &err), FM_OK);
	r = read_trace_file(put("in.json", text), d, NULL, 0);
	assert_int_equal(r->rc, FM_OK);
	assert_string_equal(fm_table_category(r->t, FM_FLG, 0), "\"a\\b");
	assert_int_equal(fm_trace_write(r->t, d, at("out.json"), &err), FM_OK);
	assert_same_bytes(at("in.json"), at("out.json"));
	done(r);
	fm_dialect_free(d);
}

/* What describes a file of JSON to other programs names the keys that its objects have, in their order. */
static void the_schema_of_json_has_the_keys_that_are_written(void **state)
{
	static const char *const names[] = {"zeek-json",   "zeek-json-iso", "zeek-json-labeled",
					    "nfdump-json", "pmacct-json",   "suricata"};
	struct fm_dialect *from = NULL;
	struct fm_error err;
	struct reading *r;

	(void)state;
	assert_int_equal(fm_dialect_load(&from, "ugr16", &err), FM_OK);
	r = read_trace_file(
	    put("in.csv", "2016-04-11 00:01:06,0.000,10.0.0.1,192.0.2.7,53,35203,UDP,......,0,0,1,130,a\n"), from, NULL,
	    0);
	assert_int_equal(r->rc, FM_OK);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct fm_dialect *d = NULL;
		json_t *schema, *row, *field;
		const char *key, *name;
		json_t *value;
		size_t n = 0;

		assert_int_equal(fm_dialect_load(&d, names[i], &err), FM_OK);
		assert_int_equal(fm_trace_write(r->t, d, at("out.json"), &err), FM_OK);
		assert_non_null(row = json_load_file(at("out.json"), 0, NULL));
		assert_non_null(schema = fm_schema_json(d));
		json_object_foreach(row, key, value)
		{
			field = json_array_get(json_object_get(schema, "fields"), n++);
			name = json_string_value(json_object_get(field, "name"));
			if (!name || strcmp(name, key) != 0)
				fail_msg("%s: key %s is field %s", names[i], key, name ? name : "none");
			name = json_string_value(json_object_get(field, "type"));
			if (json_is_number(value) != (!strcmp(name, "integer") || !strcmp(name, "number")))
				fail_msg("%s: key %s is of type %s", names[i], key, name);
		}
		assert_int_equal(json_array_size(json_object_get(schema, "fields")), n);
		json_decref(row);
		json_decref(schema);
		fm_dialect_free(d);
	}
	done(r);
	fm_dialect_free(from);
}

static void labels_have_the_spelling_of_the_dialect(void **state)
{
	struct fm_dialect d = {.nlabels = 5,
			       .nmissing = 1,
			       .missing = {"-"},
			       .labels = {{.from = "", .to = "Normal"},
					  {.from = "-", .to = "none"},
					  {.from = "Web \xc2\x96", .to = "web"},
					  {.from = "web attack", .to = "web"},
					  {.from = "a", .to = "b"}}};

	(void)state;
	assert_string_equal(fm_dialect_label(&d, "Normal"), "");
	assert_string_equal(fm_dialect_label(&d, "none"), "none");      /* - is a missing value */
	assert_string_equal(fm_dialect_label(&d, "web"), "web attack"); /* the other one is no UTF-8 */
	assert_string_equal(fm_dialect_label(&d, "b"), "a");
	assert_string_equal(fm_dialect_label(&d, "a"), "a");
	assert_string_equal(fm_dialect_label_read(&d, "a"), "b");
	assert_string_equal(fm_dialect_label(&d, "c"), "c");
}

static bool says(char text[][256], int n, const char *what)
{
	for (int i = 0; i < n; i++)
		if (strstr(text[i], what))
			return true;
	return false;
}

static void what_a_dialect_cannot_say_is_named(void **state)
{
	static const struct {
		const char *from, *to, *what; /* what NULL: nothing at all */
	} cases[] = {
	    {"ugr16", "ugr16", NULL},
	    {"ugr16", "nfdump", "no column for what the trace tells: flg, fwd, stos, label"},
	    {"nfdump", "cic-ids2017", "the end or start of a flow in whole seconds"},
	    {"ugr16", "cic-ids2017", "times outside 7 to 18 o'clock"},
	    {"ugr16", "unsw-nb15", "always 0 are dbytes, Dpkts"},
	    {"ugr16", "ugr17", "the end or start of a flow in whole seconds"},
	    {"zeek", "zeek", "always 0 are resp_pkts, resp_ip_bytes"},
	    {"zeek", "ugr16", "0 in every row: fwd, stos, label"},
	    {"ugr16", "zeek", "column conn_state has the words of flg in the trace"},
	    {"ugr16", "zeek", "empty in every row: uid, service"},
	};
	char text[FM_DIALECT_LOSSES][256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fm_dialect *from = NULL, *to = NULL;
		struct fm_error err;
		int n;

		assert_int_equal(fm_dialect_load(&from, cases[i].from, &err), FM_OK);
		assert_int_equal(fm_dialect_load(&to, cases[i].to, &err), FM_OK);
		n = fm_dialect_losses(from, to, text);
		if (cases[i].what ? !says(text, n, cases[i].what) : n)
			fail_msg("%s -> %s: %s", cases[i].from, cases[i].to, n ? text[0] : "nothing");
		fm_dialect_free(from);
		fm_dialect_free(to);
	}
}

/* Blanks around a field are dropped, so those around a word of missing say nothing, and a blank alone is the empty
 * field; but a category between quotes keeps them. */
static void a_word_of_missing_may_be_a_blank(void **state)
{
	static const struct {
		const char *word, *port, *label;
	} of[] = {{" ", "", "\" \""}, {" ", " ", ""},     {" ", "\" \"", "\" \""},
		  {" - ", "-", "-"},  {"-", " - ", " -"}, {" n/a", "\" N/A \"", "\" n/a\""}};

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fm_error err;
		struct fm_dialect *d = NULL;
		struct reading *r;
		char text[512];

		snprintf(
		    text, sizeof text,
		    "name: mine\nheader: true\nmissing: [\"%s\"]\ncolumns:\n  - {name: te, column: te}\n  - {name: "
		    "td, column: td}\n  - {name: sa, column: sa}\n  - {name: sp, column: sp}\n  - {name: da, "
		    "column: da}\n  - {name: dp, column: dp}\n  - {name: pr, column: pr}\n  - {name: pkt, column: "
		    "pkt}\n  - {name: byt, column: byt}\n  - {name: label, column: label}\n",
		    of[i].word);
		if (fm_dialect_load(&d, put("blank.yaml", text), &err))
			fail_msg("case %zu: %s", i, err.message);
		snprintf(
		    text, sizeof text,
		    "te,td,sa,sp,da,dp,pr,pkt,byt,label\n2016-04-11 00:01:06,0,1.2.3.4,%s,10.0.0.1,53,UDP,1,130,%s\n",
		    of[i].port, of[i].label);
		r = read_trace_file(put("blank.csv", text), d, NULL, 0);
		if (r->rc || r->st.missing_values != 2)
			fail_msg("case %zu: %s, %d missing", i, r->err.message, (int)r->st.missing_values);
		assert_int_equal(r->t->sp[0], 0);
		assert_string_equal(fm_table_category(r->t, FM_LABEL, 0), "0");
		done(r);
		fm_dialect_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_word_of_missing_may_be_a_blank),
	    cmocka_unit_test(ugr17_has_the_newer_labels),
	    cmocka_unit_test(cidds_has_names_suffixes_and_type_code),
	    cmocka_unit_test(nfdump_has_start_times),
	    cmocka_unit_test(argus_has_slashes_and_hex_ports),
	    cmocka_unit_test(argus_turns_what_the_destination_began),
	    cmocka_unit_test(zeek_has_comments_and_starts),
	    cmocka_unit_test(some_tables_lack_columns_of_a_flow),
	    cmocka_unit_test(cic_ids2017_has_half_a_clock),
	    cmocka_unit_test(unsw_nb15_sums_both_ways),
	    cmocka_unit_test(unsw_nb15_needs_no_header),
	    cmocka_unit_test(nfdump_for_people_and_for_pipes),
	    cmocka_unit_test(nfdump_17_has_milliseconds_in_pipes),
	    cmocka_unit_test(a_row_of_another_kind_is_bad),
	    cmocka_unit_test(collectors_of_other_makes),
	    cmocka_unit_test(collectors_with_other_options),
	    cmocka_unit_test(ipv6_is_read_as_each_tool_writes_it),
	    cmocka_unit_test(ipv6_can_be_refused),
	    cmocka_unit_test(a_label_of_several_columns),
	    cmocka_unit_test(every_built_in_dialect_reads_what_it_writes),
	    cmocka_unit_test(json_has_numbers_and_no_quote_inside_a_string),
	    cmocka_unit_test(the_schema_of_json_has_the_keys_that_are_written),
	    cmocka_unit_test(labels_have_the_spelling_of_the_dialect),
	    cmocka_unit_test(what_a_dialect_cannot_say_is_named),
	};
	return cmocka_run_group_tests_name("dialects", tests, scratch_make, scratch_remove);
}
