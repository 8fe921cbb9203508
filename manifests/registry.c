/* registry.c - the metrics, one row for each or for several that are alike. */
#include "manifests/registry.h"

#include <math.h>

#include "manifests/registry_parts.h"

/* clang-format off */
/* Who may see it: TEAM, HIST (with histograms), OPEN (with metrics), and the roundings. */
#define TEAM FM_TEAM_ALONE
#define HIST FM_WITH_HISTOGRAMS
#define OPEN FM_WITH_METRICS
#define NONE FM_NO_FLOOR
/* The columns by which rows are compared, for the same rows and for near ones: all, without time, ... */
#define SAME "{,_no_time,_no_addr_time}"
#define SAME_WORDS(k) "{" #k ":|, without time|, without addresses and time}"
#define NEAR "{,_no_addr_time,_sizes}"
#define NEAR_WORDS(k) "{" #k ":|, without addresses and time|, by duration, packets and bytes alone}"
#define CURVE "area under the curve"
#define LN2 0.693147180559945309 /* JSD of distributions that have nothing in common */

/*
 * What is published with metrics says how far synthetic flows are from real ones or how well they do, or is of the
 * synthetic flows alone.  No number of the real flows may follow from it: a difference is left out where the synthetic
 * flows tell one of its two terms, and two numbers are never published together with their ratio; emd over emdn would
 * be the real range.  What is published with histograms is of the whole real trace.  A metric that counts real rows or
 * hosts, of which there may be fewer than k, or that rests on single ones, stays with the team.
 */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* span, where there is none */
const struct fm_metric_kind fm_metric_kinds[] = {
	/* pattern, topic, good, ideal, shown, its floor, needs, is, columns, words, what */
	{"rows.real", ROWS, FM_FACT, NAN, OPEN | FM_REAL_ROWS, NONE, 0, FM_EXPECTED, "",
	 "Real flows that the model learned from",
	 "rows of the real table; of a run those that are judged, whole multiples of k windows"},
	{"rows.synthetic", ROWS, FM_FACT, NAN, OPEN, NONE, 0, FM_EXPECTED, "",
	 "Synthetic flows", "rows of the synthetic table"},
	{"rows.holdout", ROWS, FM_FACT, NAN, OPEN | FM_REAL_ROWS, NONE, FM_NEEDS_HOLDOUT, FM_EXPECTED, "",
	 "Real flows held out", "rows of the holdout; of a run as many windows as go with so many of training"},
	{"rows.judged_{real,holdout}", ROWS, FM_FACT, NAN, OPEN | FM_REAL_ROWS, NONE, FM_NEEDS_SUBSAMPLE, 0, "",
	 "{1:Real|Held out} flows that statistics are made of", "how many of them statistics use, where not all fit in "
	 "memory"},
	{"rows.judged_synthetic", ROWS, FM_FACT, NAN, OPEN, NONE, FM_NEEDS_SUBSAMPLE, 0, "",
	 "Synthetic flows that statistics are made of", "how many of them statistics use, where not all fit in memory"},

	{"jsd_mean8", JSD, FM_LOW, 0, OPEN, OPEN, 0, FM_EXPECTED, "sa da sp dp te td pkt byt",
	 "Eight main fields, mean divergence, ports by number",
	 "mean of `jsd.` SA DA SP DP TS TD PKT BYT (R): ports by their exact numbers", LN2},
	{"jsd.{SA,DA,SP,DP,SPb,DPb,PR,TS,TD,PKT,BYT,FLG,TOS,TY}", JSD, FM_LOW, 0, OPEN | FM_ONE_FIELD, OPEN, 0,
	 FM_EXPECTED, "{1:sa|da|sp|dp|sp|dp|pr|te|td|pkt|byt|flg|stos|label}",
	 "{1:Source hosts by rank|Destination hosts by rank|Source port, exact|Destination port, exact|Source port in "
	 "groups|Destination port in groups|Protocol|Time|Duration|Packets|Bytes|TCP flags|Type of service|Label}, "
	 "divergence",
	 "Jensen-Shannon divergence of one column, nats, 0 to 0.693 (R but FLG TOS): SA DA hosts by rank, SP DP every "
	 "port number, SPb DPb ports in groups", LN2},
	{"jsd.{SAid,DAid,SA16,DA16}", JSD, FM_LOW, 0, OPEN | FM_ONE_FIELD, OPEN, 0,
	 FM_EXPECTED | FM_UNRANKED, "{1:sa|da|sa|da}",
	 "{1:Source address itself|Destination address itself|Source prefix of 16 bits|Destination prefix of 16 bits}, "
	 "divergence", "the same of addresses, of prefixes (R): large where addresses are made up", LN2},
	{"jsd.AF", JSD, FM_LOW, 0, OPEN | FM_ONE_FIELD, OPEN, 0, 0, "sa", "IPv4 or IPv6, divergence",
	 "the same of the address family; there where either table has IPv6", LN2},
	{"emd.{TS,TD,PKT,BYT}", EMD, FM_LOW, 0, OPEN, OPEN, 0, FM_UNRANKED, "{1:te|td|pkt|byt}",
	 "{1:Time|Duration|Packets|Bytes}, earth mover" APOSTROPHE "s distance{1: in microseconds| in seconds||}",
	 "Wasserstein-1 distance in the column's unit (R)"},
	{"emdn.{TS,TD,PKT,BYT}", EMDN, FM_LOW, 0, TEAM, TEAM, 0, FM_UNRANKED, "{1:te|td|pkt|byt}",
	 "{1:Time|Duration|Packets|Bytes}, earth mover" APOSTROPHE "s distance over the range",
	 "the same over the column's real range (R)", 1},

	{"ks.{TD,SP,DP,PKT,BYT}", KS, FM_LOW, 0, OPEN | FM_THOUSANDTHS, OPEN | FM_THOUSANDTHS, 0, 0,
	 "{1:td|sp|dp|pkt|byt}",
	 "{1:Duration|Source port|Destination port|Packets|Bytes}, largest difference of the distributions",
	 "Kolmogorov and Smirnov's distance of one column, 0 to 1 (R)", 1},
	{"ks.TOP", KS, FM_LOW, 0, OPEN | FM_THOUSANDTHS, OPEN | FM_THOUSANDTHS, 0, 0, "dp pr",
	 "The 200 most frequent services, difference of their shares",
	 "sum of the differences of the shares of real's 200 most frequent (port, protocol), halved (R)", 1},

	{"assoc.{mean,max}", ASSOC, FM_LOW, 0, OPEN, OPEN, 0, FM_EXPECTED, "",
	 "Association of two fields, {1:mean|largest} difference",
	 "difference of the association (Cram\xc3\xa9r's V) of two columns, of 45 pairs (R)", 1},
	{"pair_jsd", PAIR, FM_LOW, 0, OPEN, OPEN, 0, FM_EXPECTED, "",
	 "Two fields together, mean divergence", "divergence of the joint distribution of two columns, mean of 45 "
	 "pairs (R)", LN2},

	{"time.DAY", DAY, FM_LOW, 0, OPEN | FM_ONE_FIELD, OPEN, 0, FM_EXPECTED, "te",
	 "Course of the day, divergence", "flows by hour of the day: divergence (R)", LN2},
	{"time.{IAT,RATE}", TIME, FM_LOW, 0, OPEN, OPEN, 0, FM_EXPECTED, "te",
	 "{1:Gaps between flows|Flows a second}, divergence", "gaps, flows of a second: divergence (R)", LN2},
	{"time.{FANOUT,FANIN}", TIME, FM_LOW, 0, OPEN, OPEN, 0, FM_EXPECTED, "te sa da",
	 "Peers that a {1:source talks to|destination hears}, divergence", "peers of a source, of a destination: "
	 "divergence (R)", LN2},
	{"time.RUN", TIME, FM_LOW, 0, OPEN, OPEN, 0, FM_EXPECTED, "te sa",
	 "Runs of like flows, divergence", "flows of one source in a row: divergence (R)", LN2},
	{"time.PAIR_synthetic", TIME, FM_PAIR, NAN, OPEN, HIST, 0, FM_ONE_TABLE, "te sa da sp dp pr",
	 "Flows that answer a recent one, synthetic", "share of flows that answer one of the 64 before (R)"},
	{"time.PAIR_real", TIME, FM_PAIR, NAN, HIST | FM_THOUSANDTHS, HIST, 0, FM_ONE_TABLE, "te sa da sp dp pr",
	 "Flows that answer a recent one, real", "the same of the real table (R)"},
	{"time.PAIR_gap", TIME, FM_LOW, 0, HIST | FM_THOUSANDTHS, HIST, 0, 0, "te sa da sp dp pr",
	 "Flows that answer a recent one, difference", "difference of these shares", 1},

	{"heavy.{SA,DA,SP,DP}_{flows,bytes}_{top10,top100}_synthetic", HEAVY, FM_PAIR, NAN, OPEN, TEAM, 0, FM_ONE_TABLE,
	 "{1:sa|da|sp|dp}{2:| byt}",
	 "{1:Source hosts|Destination hosts|Source ports|Destination ports}, share of {2:flows|bytes} of the "
	 "{3:10|100} busiest, synthetic", "share that the 10 (100) busiest carry"},
	{"heavy.{SA,DA,SP,DP}_{flows,bytes}_{top10,top100}_real", HEAVY, FM_PAIR, NAN, TEAM, TEAM, 0, FM_ONE_TABLE,
	 "{1:sa|da|sp|dp}{2:| byt}",
	 "{1:Source hosts|Destination hosts|Source ports|Destination ports}, share of {2:flows|bytes} of the "
	 "{3:10|100} busiest, real", "the same of the real table"},
	{"heavy.share_gap", HEAVY, FM_LOW, 0, OPEN, OPEN, 0, 0, "sa|da|sp|dp",
	 "Share of the busiest hosts and ports, difference", "mean difference of these shares", 1},
	{"heavy.{SP,DP}_overlap20", HEAVY, FM_HIGH, 1, OPEN, OPEN, 0, 0, "{1:sp|dp}",
	 "{1:Source|Destination} ports, the 20 busiest in common", "share of the 20 busiest ports in common", 1},
	{"heavy.{SP,DP}_rank100", HEAVY, FM_HIGH, 1, OPEN, OPEN, 0, 0, "{1:sp|dp}",
	 "{1:Source|Destination} ports, order of the 100 busiest kept",
	 "rank correlation (Spearman) of the 100 busiest ports", 2},

	{"burst.{dispersion_1s,dispersion_10s,dispersion_60s,lag1}_synthetic", BURST, FM_PAIR, NAN, OPEN, HIST, 0,
	 FM_ONE_TABLE,
	 "te", "{1:Unevenness of flows over seconds|Unevenness of flows over 10 seconds|Unevenness of flows over "
	 "minutes|Correlation of one second with the next}, synthetic",
	 "variance over mean of the flows in a slot; correlation of one second with the next"},
	{"burst.{dispersion_1s,dispersion_10s,dispersion_60s,lag1}_real", BURST, FM_PAIR, NAN, HIST, HIST, 0,
	 FM_ONE_TABLE,
	 "te", "{1:Unevenness of flows over seconds|Unevenness of flows over 10 seconds|Unevenness of flows over "
	 "minutes|Correlation of one second with the next}, real", "the same of the real table"},
	{"burst.dispersion_gap", BURST, FM_LOW, 0, OPEN, OPEN, 0, FM_UNRANKED, "te",
	 "Unevenness of flows over time, difference",
	 "mean logarithm of the ratio of the dispersions of the middle nine tenths, real's at synthetic's rate"},
	{"burst.lag1_gap", BURST, FM_LOW, 0, HIST, HIST, 0, 0, "te",
	 "Correlation of one second with the next, difference", "difference of the correlations", 2},
	{"burst.{LENGTH,FLOWS,VOLUME}", BURST, FM_LOW, 0, OPEN, OPEN, 0, 0, "te{1:|| byt}",
	 "{1:Length of bursts|Flows of bursts|Bytes a second}, divergence", "length and flows of bursts, bytes of a "
	 "second: divergence", LN2},

	{"host.{LIFE,TALK}", HOST, FM_LOW, 0, OPEN, OPEN, 0, 0, "te sa{1:| da dp pr}",
	 "Lifetimes of {1:sources|conversations}, divergence",
	 "seconds from the first flow of a source (of a conversation: source, destination, port, protocol) to its "
	 "last: divergence (R)", LN2},
	{"host.BEACON_synthetic", HOST, FM_PAIR, NAN, OPEN, TEAM, 0, FM_ONE_TABLE, "te sa da dp pr",
	 "Long conversations that beat, synthetic",
	 "of the conversations with 20 flows or more, the share whose gaps vary by less than half their mean (R)"},
	{"host.BEACON_real", HOST, FM_PAIR, NAN, TEAM, TEAM, 0, FM_ONE_TABLE, "te sa da dp pr",
	 "Long conversations that beat, real", "the same of the real table (R)"},
	{"host.BEACON_gap", HOST, FM_LOW, 0, TEAM, TEAM, 0, 0, "te sa da dp pr",
	 "Long conversations that beat, difference", "difference of these shares", 1},
	{"host.{SWEEPS,SWEEPS200}_synthetic", HOST, FM_PAIR, NAN, OPEN, TEAM, 0, FM_ONE_TABLE | FM_UNRANKED, "te sa da",
	 "Hours of a host with over {1:100|200} destinations, a million flows, synthetic",
	 "(source, hour) pairs with more than 100 (R), 200 distinct destinations, a million flows"},
	{"host.{SWEEPS,SWEEPS200}_real", HOST, FM_PAIR, NAN, TEAM, TEAM, 0, FM_ONE_TABLE | FM_UNRANKED, "te sa da",
	 "Hours of a host with over {1:100|200} destinations, a million flows, real",
	 "the same of the real table (R, as above)"},
	{"host.{SWEEPS,SWEEPS200}_gap", HOST, FM_LOW, 0, TEAM, TEAM, 0, FM_UNRANKED, "te sa da",
	 "Hours of a host with over {1:100|200} destinations, relative difference",
	 "difference of these over that of the real table"},
	{"host.{BURST10,BURST60,BURST600}_synthetic", HOST, FM_PAIR, NAN, OPEN, HIST, 0, FM_ONE_TABLE | FM_UNRANKED,
	 "te", "Excess variance of the flows of {1:10 seconds|a minute|ten minutes}, synthetic",
	 "variance less mean over squared mean of the flows of a slot: what is more than chance (R)"},
	{"host.{BURST10,BURST60,BURST600}_real", HOST, FM_PAIR, NAN, HIST, HIST, 0, FM_ONE_TABLE | FM_UNRANKED,
	 "te", "Excess variance of the flows of {1:10 seconds|a minute|ten minutes}, real",
	 "the same of the real table (R)"},
	{"host.{BURST10,BURST60,BURST600}_gap", HOST, FM_LOW, 0, HIST, HIST, 0, FM_UNRANKED, "te",
	 "Excess variance of the flows of {1:10 seconds|a minute|ten minutes}, relative difference",
	 "difference of these over that of the real table"},
	{"host.{LAG1,LAG10}_synthetic", HOST, FM_PAIR, NAN, OPEN, HIST, 0, FM_ONE_TABLE, "te",
	 "Correlation of one minute with the {1:next|tenth next}, synthetic",
	 "correlation of the flows of one minute with those of the next, of the tenth next (R)"},
	{"host.{LAG1,LAG10}_real", HOST, FM_PAIR, NAN, HIST, HIST, 0, FM_ONE_TABLE, "te",
	 "Correlation of one minute with the {1:next|tenth next}, real", "the same of the real table (R)"},
	{"host.{LAG1,LAG10}_gap", HOST, FM_LOW, 0, HIST, HIST, 0, 0, "te",
	 "Correlation of one minute with the {1:next|tenth next}, difference", "difference of the correlations", 2},
	{"host.{hosts,pairs,bytes}_synthetic", HOST, FM_PAIR, NAN, OPEN, TEAM, 0, FM_ONE_TABLE | FM_UNRANKED,
	 "{1:sa da|sa da|byt}", "{1:Different hosts|Different pairs of hosts|Bytes in all}, synthetic",
	 "distinct addresses; distinct (source, destination); bytes in all"},
	{"host.{hosts,pairs,bytes}_real", HOST, FM_PAIR, NAN, TEAM, TEAM, 0, FM_ONE_TABLE | FM_UNRANKED,
	 "{1:sa da|sa da|byt}", "{1:Different hosts|Different pairs of hosts|Bytes in all}, real",
	 "the same of the real table"},
	{"host.{hosts,pairs,bytes}_gap", HOST, FM_LOW, 0, TEAM, TEAM, 0, FM_UNRANKED, "{1:sa da|sa da|byt}",
	 "{1:Different hosts|Different pairs of hosts|Bytes in all}, relative difference",
	 "difference of these over that of the real table"},
	{"host.largest10_synthetic", HOST, FM_PAIR, NAN, OPEN, TEAM, 0, FM_ONE_TABLE, "byt",
	 "Share of bytes of the ten largest flows, synthetic", "share of the bytes that the ten largest flows carry"},
	{"host.largest10_real", HOST, FM_PAIR, NAN, TEAM, TEAM, 0, FM_ONE_TABLE, "byt",
	 "Share of bytes of the ten largest flows, real", "the same of the real table"},
	{"host.largest10_gap", HOST, FM_LOW, 0, TEAM, TEAM, 0, 0, "byt",
	 "Share of bytes of the ten largest flows, difference", "difference of these shares", 1},
	{"host.PROFILE", PROFILE, FM_LOW, 0.5, OPEN, OPEN, 0, 0, "te sa",
	 "Real or synthetic? A host" APOSTROPHE "s hour, " CURVE,
	 "how well boosted trees tell real (source, hour) pairs of 5 flows or more from synthetic ones, 95 % interval "
	 "(R within sampling error)", 0.5},

	{"c2st.flow_auc", C2ST, FM_LOW, 0.5, OPEN, OPEN, 0, 0, "",
	 "Real or synthetic? One flow, classifier" APOSTROPHE "s " CURVE,
	 "two-sample test: how well boosted trees tell single real flows from synthetic ones, 95 % interval (R within "
	 "0.03)", 0.5},
	{"c2st.flow_blocks_auc", C2ST, FM_LOW, 0.5, OPEN, OPEN, 0, 0, "te",
	 "Real or synthetic? One flow, blocks of time apart, " CURVE,
	 "the same with TCP flags and type of service, folds being blocks of time", 0.5},
	{"c2st.{window,window32}_auc", C2ST, FM_LOW, 0.5, OPEN, OPEN, 0, 0, "te",
	 "Real or synthetic? {1:64|32} flows in a row, " CURVE,
	 "the same on runs of 64 (32) flows: order, repetition, answers, hosts", 0.5},

	{FM_METRIC_BROKEN, RULES, FM_LOW, 0, OPEN, TEAM, 0, FM_EXPECTED | FM_OF_RULES, "pkt",
	 "Flows that cannot exist", "share of rows that no flow could be: those that break any rule below"},
	{"rules.{no_packet,short_bytes,long_bytes,icmp_source_port,same_address,portless_port,flags_outside_tcp}",
	 RULES, FM_LOW, 0, OPEN, TEAM, 0, FM_OF_RULES, "{1:pkt|pkt byt|pkt byt|pr sp|sa da|pr sp dp|pr flg}",
	 "{1:Flows without a packet|Flows with fewer bytes than their packets need|Flows with more bytes than their "
	 "packets can hold|ICMP flows with a source port|Flows from a host to itself|"
	 "Flows of GRE and the like with a port|Flows with TCP flags outside TCP}", "rows that break one rule"},
	{"rules.{td_one_packet,over_1500,ports_without}_synthetic", RULES, FM_PAIR, NAN, OPEN, TEAM, 0, FM_ONE_TABLE,
	 "{1:td pkt|pkt byt|pr sp dp}",
	 "{1:Flows of one packet that last|Flows of over 1500 bytes a packet|Flows with ports where the protocol has "
	 "none}, synthetic", "share of rows that may exist, but seldom do"},
	{"rules.{broken_share,td_one_packet,over_1500,ports_without}_real", RULES, FM_PAIR, NAN, TEAM, TEAM, 0,
	 FM_ONE_TABLE,
	 "{1:pkt|td pkt|pkt byt|pr sp dp}",
	 "{1:Flows that cannot exist|Flows of one packet that last|Flows of over 1500 bytes a packet|Flows with ports "
	 "where the protocol has none}, real", "the same of the real table"},

	{"downstream.label_classes", LABEL_CLASSES, FM_FACT, NAN, OPEN, NONE, 0, 0, "",
	 "Labels with enough flows to learn",
	 "classes with enough rows (20) to learn and test; 0 where real flows have no label"},
	{"tstr.{macro_f1,auc}.{trees,logistic,network}", TSTR, FM_PAIR, NAN, OPEN | FM_THOUSANDTHS, NONE,
	 FM_NEEDS_LABELS, 0, "label",
	 "{1:F1, mean of the labels|" CURVE "}, by {2:boosted trees|logistic regression|network}",
	 "on real holdout, of learners trained on synthetic flows: mean F1 over the classes; attack against "
	 "background, area under the curve, 95 % interval"},
	{"tstr.f1.{trees,logistic,network}.*", TSTR, FM_PAIR, NAN, OPEN | FM_ONE_LABEL, NONE, FM_NEEDS_LABELS, 0,
	 "label",
	 "{*}, F1, by {1:boosted trees|logistic regression|network}", "F1 of one class; n its test rows"},
	{"trtr.{macro_f1,auc}.{trees,logistic,network}", TRTR, FM_PAIR, NAN, OPEN | FM_THOUSANDTHS, NONE,
	 FM_NEEDS_LABELS, 0, "label",
	 "{1:F1, mean of the labels|" CURVE "}, by {2:boosted trees|logistic regression|network}",
	 "the same of learners trained on real flows: mean F1 over the classes; attack against background, area under "
	 "the curve, 95 % interval"},
	{"trtr.f1.{trees,logistic,network}.*", TRTR, FM_PAIR, NAN, OPEN | FM_ONE_LABEL, NONE, FM_NEEDS_LABELS, 0,
	 "label",
	 "{*}, F1, by {1:boosted trees|logistic regression|network}", "F1 of one class; n its test rows"},
	{"tstr.macro_f1_drop.{trees,logistic,network}", TSTR, FM_LOW, 0, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_LABELS,
	 0, "label",
	 "F1 lost, by {1:boosted trees|logistic regression|network}", "real minus synthetic, 95 % interval over the "
	 "test rows"},
	{"tstr.macro_f1_drop.mean", TSTR, FM_LOW, 0, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_LABELS, 0, "label",
	 "Labels, F1 lost by learning from synthetic flows, mean of the classifiers", "mean of the three"},
	{"tstr.{rank_correlation,rank_kendall}", TSTR, FM_HIGH, 1, OPEN, NONE, FM_NEEDS_LABELS, 0, "label",
	 "Labels, order of classifiers and classes kept{1:|, by pairs}",
	 "are the better classifiers and the easier classes the same (Spearman, Kendall)?"},
	{"anomaly.auc_{real,synthetic}", ANOMALY, FM_PAIR, NAN, HIST | FM_THOUSANDTHS, NONE, FM_NEEDS_LABELS,
	 FM_ONE_TABLE, "label",
	 "Finding attacks as oddities, " CURVE ", {1:real|synthetic}",
	 "attacks found as oddities by isolation forests trained on real (synthetic) background"},
	{"anomaly.auc_drop", ANOMALY, FM_LOW, 0, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_LABELS, 0, "label",
	 "Finding attacks as oddities, lost by learning from synthetic flows", "real minus synthetic"},
	{"anomaly.score_correlation", ANOMALY, FM_HIGH, 1, OPEN | FM_THOUSANDTHS, OPEN | FM_THOUSANDTHS, 0, 0, "",
	 "Finding oddities, correlation of the two detectors",
	 "do the two forests find the same real flows odd? Its floor: two halves of training", 2},
	{"downstream.mse_ratio", PREDICTION, FM_LOW, 1, OPEN, OPEN, 0, FM_EXPECTED, "te td sp dp pr pkt byt",
	 "Prediction task, error after synthetic over error after real training",
	 "ratio of the next two. Its floor: two halves of training, where it or holdout has fewer than 2,048 flows"},
	{"downstream.mse_{real,synthetic}", PREDICTION, FM_PAIR, NAN, HIST, NONE, 0, FM_ONE_TABLE, "te td sp dp pr pkt "
	 "byt",
	 "Prediction task, error, {1:real|synthetic}",
	 "error of a network that learned bytes from real or synthetic flows, on real holdout"},

	{"leak.rows_equal" SAME, COPIES, FM_LOW, 0, OPEN, NONE, 0, FM_EXPECTED_FIRST, "",
	 "Synthetic flows equal to a training flow" SAME_WORDS(1),
	 "share of synthetic rows that are training rows; 0, and without times or addresses as `holdout_equal`"},
	{"leak.holdout_equal" SAME, LEAK, FM_FACT, NAN, TEAM, NONE, FM_NEEDS_HOLDOUT, FM_EXPECTED_FIRST, "",
	 "Unseen real flows equal to a training flow" SAME_WORDS(1),
	 "share of holdout rows that are training rows: what fresh real flows show"},
	{"leak.{copies,repeats}_{train,holdout}", LEAK, FM_FACT, NAN, TEAM, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "{2:Training|Held out} flows that {1:another exporter saw too|are there twice}, share",
	 "share of the rows that are left out of all tests as copies of another exporter's; share that equal an "
	 "earlier row in every column"},
	{"leak.family_p", FAMILY, FM_HIGH, 1, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "All leakage tests together, p",
	 "the tests `unique`, `lone`, `solitary`, `isolated`, `extreme`, `attached`, `nearer` in one, with a known "
	 "rate of false alarms: 0.005 at least"},
	{"leak.{unique,lone,solitary}_z" SAME, LEAK, FM_LOW, 0, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_EXPECTED_FIRST |
	 FM_UNRANKED, "",
	 "{1:Training flows met once|Rows unlike all others|Rows far from all others} and emitted, against held out "
	 "ones, z"
	 SAME_WORDS(2), "is training's number of the rows below too large beside the holdout's? 3 at most"},
	{"leak.{unique,lone,solitary}_p" SAME, LEAK, FM_HIGH, 1, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "{1:Training flows met once|Rows unlike all others|Rows far from all others} and emitted, p of the test"
	 SAME_WORDS(2),
	 "the same as the p of a test; in `family_p`"},
	{"leak.{unique,lone,solitary}_{train,holdout,block_most}" SAME, LEAK, FM_PAIR, NAN, TEAM, NONE,
	 FM_NEEDS_HOLDOUT,
	 FM_UNRANKED, "",
	 "Rows {1:met once|unlike all others|far from all others} and emitted, {2:training|held out|most in one block}"
	 SAME_WORDS(3),
	 "real records that occur once (and differ from every other real row in two, three columns at least) and are "
	 "emitted, by side; most of them in one block of time"},
	{"leak.attached_z" NEAR, LEAK, FM_LOW, 0, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "Synthetic rows attached to training against held out rows, z" NEAR_WORDS(1),
	 "is training's number of the rows below too large beside the holdout's?"},
	{"leak.attached_p" NEAR, LEAK, FM_HIGH, 1, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "Synthetic rows attached to training against held out rows, p of the test" NEAR_WORDS(1),
	 "the same as the p of a test; in `family_p`"},
	{"leak.attached_{train,holdout}" NEAR, LEAK, FM_PAIR, NAN, TEAM, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "Synthetic rows attached to a row, {1:training|held out}" NEAR_WORDS(2),
	 "lonely records that a synthetic row sits on: copied outliers"},
	{"leak.{isolated,extreme}_z_no_addr_time", LEAK, FM_LOW, 0, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "{1:Rows with sizes of their own and emitted|The strangest rows that are emitted}, against held out ones, z, "
	 "without addresses and time",
	 "are training's of the rows below more than the holdout's?"},
	{"leak.{isolated,extreme}_p_no_addr_time", LEAK, FM_HIGH, 1, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "{1:Rows with sizes of their own and emitted|The strangest rows that are emitted}, p of the test, without "
	 "addresses and time",
	 "are they more, and farther out, than in other permutations of the windows? In `family_p`"},
	{"leak.{isolated,extreme}_{train,holdout}_no_addr_time", LEAK, FM_PAIR, NAN, TEAM, NONE, FM_NEEDS_HOLDOUT,
	 FM_UNRANKED, "",
	 "{1:Rows with sizes of their own and emitted|The strangest rows that are emitted}, {2:training|held out}, "
	 "without addresses and time",
	 "lone records, emitted, whose duration, packets and bytes no other real row has; of the 256 rows of a side "
	 "whose sizes are farthest from the side's others, those emitted"},
	{"leak.share_nearer_train" NEAR, NEARER, FM_LOW, 0.5, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_EXPECTED_FIRST, "",
	 "Synthetic flows nearer to training than to unseen real flows" NEAR_WORDS(1),
	 "share of synthetic rows nearer to training than to holdout, 95 % interval"},
	{"leak.nearer_z" NEAR, LEAK, FM_LOW, 0, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "Nearer to training than to unseen real flows, z" NEAR_WORDS(1), "whether that share is more than chance"},
	{"leak.nearer_p" NEAR, LEAK, FM_HIGH, 1, OPEN, NONE, FM_NEEDS_HOLDOUT, FM_UNRANKED, "",
	 "Nearer to training than to unseen real flows, p of the test" NEAR_WORDS(1),
	 "whether it is more than learning a distribution explains; in `family_p`"},
	{"leak.{dcr,nndr}_{median,p5}_{train,holdout}" NEAR, LEAK, FM_PAIR, NAN, OPEN, NONE, FM_NEEDS_HOLDOUT,
	 FM_UNRANKED, "",
	 "{1:Distance to the closest record|Nearest over second nearest distance}, {2:median|5th percentile}, "
	 "{3:training|held out}"
	 NEAR_WORDS(4),
	 "Gower's distance to the closest training (holdout) row (R); nearest over second nearest Euclidean distance"},
	{"leak.identifiability_{train,holdout}" NEAR, LEAK, FM_PAIR, NAN, TEAM, NONE, FM_NEEDS_HOLDOUT, 0, "",
	 "Rows that a synthetic one is nearer to than any real one, {1:training|held out}" NEAR_WORDS(2),
	 "share of records with a synthetic row nearer than any other training row"},
	{"leak.mia_auc" NEAR, MIA, FM_LOW, 0.5, OPEN, NONE, FM_NEEDS_HOLDOUT, 0, "",
	 "Membership inference, " CURVE NEAR_WORDS(1),
	 "membership inference on the output: area under the curve, 0.5 where it is guessing, 95 % interval"},
	{"leak.mia_tpr_1" NEAR, MIA, FM_LOW, 0.01, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_HOLDOUT, 0, "",
	 "Membership inference, found at 1 % false alarms" NEAR_WORDS(1),
	 "membership inference on the output: hits at 1 % false alarms, 95 % interval"},
	{"leak.mia_tpr_01" NEAR, MIA, FM_LOW, 0.001, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_HOLDOUT, 0, "",
	 "Membership inference, found at 0.1 % false alarms" NEAR_WORDS(1),
	 "membership inference on the output: hits at 0.1 % false alarms, 95 % interval"},
	{"leak.mia_model_auc", MIA, FM_LOW, 0.5, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_HOLDOUT | FM_NEEDS_MODEL,
	 FM_OF_OTHERS, "",
	 "Membership inference by the model's loss, " CURVE,
	 "the same by the model's loss on at most 512 windows of either side: area under the curve, 0.5 where it is "
	 "guessing, 95 % interval"},
	{"leak.mia_model_tpr_1", MIA, FM_LOW, 0.01, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_HOLDOUT | FM_NEEDS_MODEL,
	 FM_OF_OTHERS, "",
	 "Membership inference by the model's loss, found at 1 % false alarms",
	 "the same by the model's loss on at most 512 windows of either side: hits at 1 % false alarms, 95 % interval"},
	{"leak.mia_model_tpr_01", MIA, FM_LOW, 0.001, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_HOLDOUT | FM_NEEDS_MODEL,
	 FM_OF_OTHERS, "",
	 "Membership inference by the model's loss, found at 0.1 % false alarms",
	 "the same by the model's loss on at most 512 windows of either side: hits at 0.1 % false alarms, 95 % "
	 "interval"},
	{"leak.{singling_uni,singling_multi}_risk", SINGLING, FM_LOW, 0, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_HOLDOUT,
	 0, "", "Singled out by {1:one rare value|several values together}, what the training flows add to the risk",
	 "what training records add to the success of the attack"},
	{"leak.{singling_uni,singling_multi}_{train,holdout,naive}", SINGLING, FM_PAIR, NAN, TEAM, NONE,
	 FM_NEEDS_HOLDOUT, 0, "",
	 "Singled out by {1:one rare value|several values together}, {2:training|held out|by guessing}",
	 "success of the attack on training and holdout records and by guessing"},
	{"leak.linkability_risk", LINKING, FM_LOW, 0, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_HOLDOUT, 0, "",
	 "Halves of a flow linked through the release, what the training flows add to the risk",
	 "what training records add to the success of joining the two halves of a record, ports and flags, sizes, by "
	 "their nearest synthetic rows: (training less holdout) / (1 less holdout)"},
	{"leak.linkability_{train,holdout,naive}", LINKING, FM_PAIR, NAN, TEAM, NONE, FM_NEEDS_HOLDOUT, 0, "",
	 "Halves of a flow linked through the release, {1:training|held out|by guessing}",
	 "share of training and holdout records whose two halves have a nearest synthetic row in common, and of random "
	 "choices"},
	{"leak.{inference_byt,inference_dp}_risk", INFERENCE, FM_LOW, 0, OPEN | FM_THOUSANDTHS, NONE, FM_NEEDS_HOLDOUT,
	 0, "{1:byt|dp}",
	 "{1:Bytes|Destination port} guessed from the other fields through the release, what the training flows add to "
	 "the risk",
	 "what training records add to the success of reading bytes (within 5 %) or destination port off the synthetic "
	 "row that is nearest in the other columns: (training less holdout) / (1 less holdout)"},
	{"leak.{inference_byt,inference_dp}_{train,holdout,naive}", INFERENCE, FM_PAIR, NAN, TEAM, NONE,
	 FM_NEEDS_HOLDOUT, 0,
	 "{1:byt|dp}",
	 "{1:Bytes|Destination port} guessed from the other fields through the release, {2:training|held out|by "
	 "guessing}",
	 "share of training and holdout records whose bytes (within 5 %) or destination port the nearest synthetic row "
	 "tells, and a random one"},
	{"leak.echo_{addr,prefix24,prefix16}", ECHO_, FM_LOW, 0, OPEN, NONE, 0, FM_IDENTITY | FM_OF_OTHERS, "sa|da",
	 "{1:Addresses|Prefixes of 24 bits|Prefixes of 16 bits} that are real ones",
	 "share of the distinct synthetic addresses (prefixes) that training has: 0 where fresh ones are promised"},
	{"leak.echo_{addr,prefix24,prefix16}_holdout", ECHO_, FM_FACT, NAN, TEAM, NONE, FM_NEEDS_HOLDOUT,
	 FM_IDENTITY, "sa|da",
	 "{1:Addresses|Prefixes of 24 bits|Prefixes of 16 bits} that are real ones, held out", "the same of the "
	 "holdout"},
	{"leak.rare_{sp,dp,td,pkt,byt,flg}", RARE, FM_LOW, 0, TEAM, NONE, 0, FM_BESIDE_HOLDOUT,
	 "{1:sp|dp|td|pkt|byt|flg}",
	 "{1:Source ports|Destination ports|Durations|Numbers of packets|Numbers of bytes|TCP flags} that few training "
	 "flows have",
	 "share of rows with a value that fewer than k training rows have: not above the holdout's"},
	{"leak.rare_{sp,dp,td,pkt,byt,flg}_holdout", RARE, FM_FACT, NAN, TEAM, NONE, FM_NEEDS_HOLDOUT, 0,
	 "{1:sp|dp|td|pkt|byt|flg}",
	 "{1:Source ports|Destination ports|Durations|Numbers of packets|Numbers of bytes|TCP flags} that few training "
	 "flows have, held out", "the same of the holdout"},
	{"leak.release_equal" SAME, RELEASE, FM_LOW, 0, OPEN, NONE, FM_NEEDS_PREVIOUS, 0, "",
	 "Flows that the release before has too" SAME_WORDS(1), "rows that the release before has (`release.previous`, "
	 "`--previous`)"},
	{"leak.release_share_nearer" NEAR, RELEASE, FM_LOW, 0.5, OPEN, NONE, FM_NEEDS_PREVIOUS, 0, "",
	 "Flows nearer to the release before than to each other" NEAR_WORDS(1), "share of rows nearer to it than to "
	 "another row of this release"},
	{"leak.release_{dcr_median,own_median}" NEAR, RELEASE, FM_PAIR, NAN, OPEN, NONE, FM_NEEDS_PREVIOUS,
	 FM_UNRANKED, "",
	 "Distance to {1:the release before|another row of this release}, median" NEAR_WORDS(2),
	 "distance to the closest row of it, and of this release"},

	{"counts.jsd_mean", COUNTS, FM_LOW, 0, OPEN, NONE, FM_NEEDS_MODEL, FM_OF_COUNTS, "",
	 "Attributes of made exchanges, mean divergence from the noisy counts",
	 "in privacy.mode dp: Jensen-Shannon divergence, nats, of the made exchanges from the model's noisy counts, "
	 "the mean of its attributes without hosts; costs nothing"},
	{"counts.pair_jsd", COUNTS, FM_LOW, 0, OPEN, NONE, FM_NEEDS_MODEL, FM_OF_COUNTS, "",
	 "Pairs of them, mean divergence from the noisy counts", "the same of the pairs that were counted"},

	{"paid.jsd.{SA,DA,SP,DP,PR,TS,TD,PKT,BYT,FLG}", PAID, FM_LOW, 0, OPEN, NONE, FM_NEEDS_HOLDOUT | FM_NEEDS_SHARE,
	 0, "",
	 "{1:Source inside or outside|Destination inside or outside|Source ports|Destination ports|Protocols|Times|"
	 "Durations|Packets|Bytes|TCP flags}, divergence at most, by noisy counts",
	 "Jensen-Shannon divergence, nats, from the holdout, by noisy counts on public cells: at most this, whatever "
	 "the noise hides; the upper end of the interval (differential-privacy.md)"},
	{"paid.jsd_mean", PAID, FM_LOW, 0, OPEN, NONE, FM_NEEDS_HOLDOUT | FM_NEEDS_SHARE, 0, "",
	 "All fields, mean divergence at most, by noisy counts", "the same of the mean of the ten"},
	{"paid.jsd.TY", PAID, FM_LOW, 0, OPEN, NONE, FM_NEEDS_HOLDOUT | FM_NEEDS_SHARE, 0, "",
	 "Labels, divergence at most, by noisy counts", "the same of the labels of `privacy.labels`"},
	{"paid.pair.{SA_DP,PR_DP,TS_DP,SP_DP,DP_PKT,DP_BYT,PKT_BYT,TD_PKT}", PAID, FM_LOW, 0, OPEN, NONE,
	 FM_NEEDS_HOLDOUT | FM_NEEDS_SHARE, 0, "",
	 "{1:Source side and destination port|Protocol and destination port|Time and destination port|Both ports|"
	 "Destination port and packets|Destination port and bytes|Packets and bytes|Duration and packets}, "
	 "divergence at most, by noisy counts",
	 "the same of two fields together, over coarser cells"},
	{"paid.pair_jsd", PAID, FM_LOW, 0, OPEN, NONE, FM_NEEDS_HOLDOUT | FM_NEEDS_SHARE, 0, "",
	 "All pairs, mean divergence at most, by noisy counts", "the same of the mean of the eight"},

	{FM_METRIC_CONTROLS, CONTROLS, FM_LOW, 0, OPEN, NONE, 0, FM_BY_GATE, "",
	 "Controls that came out wrong", "planted generators that the gate judged wrongly (gate.md)"},
	{"holdout.disjoint", HOLDOUT, FM_LOW, 0, TEAM, NONE, 0, FM_BY_GATE, "",
	 "Rows in common with the holdout", "there when the holdout is none (gate.md)"},
	{FM_METRIC_AUDITED, CLAIM, FM_LOW, 0, TEAM, NONE, 0, FM_BY_GATE, "",
	 "Epsilon that an audit shows",
	 "at least this, with confidence 95 %; there when the claim was audited (audit.md)"},
	{"gate", GATE, FM_HIGH, 1, OPEN, NONE, 0, FM_BY_GATE, "", "", "there when a gate has no check"},
};
const size_t fm_metric_nkinds = sizeof fm_metric_kinds / sizeof *fm_metric_kinds;
/* clang-format on */
