#include "traces/no_flows.h"

#include <stddef.h>

/* Sarhan et al., "NetFlow datasets for machine learning-based network intrusion detection systems", BDTA 2020. */
static const struct {
	const char *has[4], *lacks[2], *what;
} tables[] = {
    {{"IPV4_SRC_ADDR", "L4_SRC_PORT", "IN_PKTS", "Attack"},
     {"FLOW_START_MILLISECONDS", "FIRST_SWITCHED"},
     "is a NetFlow data set of versions 1 or 2 (NF-UNSW-NB15, NF-ToN-IoT, NF-UQ-NIDS and others), whose rows cannot be "
     "flows of a trace: their times were left out. Take version 3, which has FLOW_START_MILLISECONDS"},
    {{"protocol_type", "service", "src_bytes", "dst_bytes"},
     {"srcip", "src_ip"},
     "is of KDD Cup 1999 or NSL-KDD, whose rows cannot be flows: addresses, ports, packets and times are not in them"},
    {{"No.", "Source", "Destination", "Length"},
     {"Duration", "Bytes"},
     "is a list of packets, as Wireshark exports it, and not of flows: take the capture itself, whose packets become "
     "flows (source.dialect: pcap)"},
    {{"unix_nsecs", "sysuptime", "first", "last"},
     {"start", "end"},
     "is of flow-tools, whose times count from when the exporter began: write the flows with ft2nfdump -r FILE | "
     "nfdump -r - -o csv"},
    {{"val", "fl", "flP", "td"},
     {"sa", "da"},
     "is a statistic of nfdump (-s), with a row for each address or port, and not of flows: write those with nfdump -r "
     "FILE -o csv"},
    {{"sIP", "Records", "sIP", "Records"},
     {"sTime", "dIP"},
     "is a count of SiLK's rwuniq or rwstats, with a row for each address, and not of flows: write those with rwcut"},
    {{"Header_Length", "Protocol Type", "Tot size", "IAT"},
     {"src_ip", "Source IP"},
     "is of CICIoT2023, whose rows are means over packets and cannot be flows: addresses, ports and times are not in "
     "them. Its captures can be read (source.dialect: pcap)"},
};

const char *fm_no_flows(bool (*has)(const void *ctx, const char *name), const void *ctx)
{
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		bool is = true;

		for (int k = 0; k < 4; k++)
			is = is && has(ctx, tables[i].has[k]);
		for (int k = 0; k < 2; k++)
			is = is && !has(ctx, tables[i].lacks[k]);
		if (is)
			return tables[i].what;
	}
	return NULL;
}
