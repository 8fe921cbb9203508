/* Names of metrics and fields in words. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "report/part.h"

static const struct {
	const char *name, *words;
} fields[] = {
    {"TS", "Time"},         {"TD", "Duration"},          {"PKT", "Packets"},           {"BYT", "Bytes"},
    {"SA", "Source hosts"}, {"DA", "Destination hosts"}, {"SP", "Source port"},        {"DP", "Destination port"},
    {"PR", "Protocol"},     {"FLG", "TCP flags"},        {"FWD", "Forwarding status"}, {"TOS", "Type of service"},
    {"TY", "Label"},
};

/* expected: a complete evaluation has it, so that it is missing where it is not. */
static const struct {
	const char *name, *words;
	bool expected;
} metrics[] = {
    {"jsd_mean8", "Eight main fields, mean divergence", true},
    {"jsd.TS", "Time, divergence", true},
    {"jsd.TD", "Duration, divergence", true},
    {"jsd.PKT", "Packets, divergence", true},
    {"jsd.BYT", "Bytes, divergence", true},
    {"jsd.SA", "Source hosts by rank, divergence", true},
    {"jsd.DA", "Destination hosts by rank, divergence", true},
    {"jsd.SP", "Source port, exact, divergence", true},
    {"jsd.DP", "Destination port, exact, divergence", true},
    {"jsd.SPb", "Source port in groups, divergence", true},
    {"jsd.DPb", "Destination port in groups, divergence", true},
    {"jsd.PR", "Protocol, divergence", true},
    {"jsd.FLG", "TCP flags, divergence", true},
    {"jsd.TOS", "Type of service, divergence", true},
    {"jsd.TY", "Label, divergence", true},
    {"jsd.SAid", "Source address itself, divergence", true},
    {"jsd.DAid", "Destination address itself, divergence", true},
    {"jsd.SA16", "Source prefix of 16 bits, divergence", true},
    {"jsd.DA16", "Destination prefix of 16 bits, divergence", true},
    {"assoc.mean", "Association of two fields, mean difference", true},
    {"assoc.max", "Association of two fields, largest difference", true},
    {"pair_jsd", "Two fields together, mean divergence", true},
    {"rows.real", "Real flows that the model learned from", true},
    {"rows.synthetic", "Synthetic flows", true},
    {"rows.holdout", "Real flows held out", true},
    {"time.IAT", "Gaps between flows, divergence", true},
    {"time.RATE", "Flows a second, divergence", true},
    {"time.DAY", "Course of the day, divergence", true},
    {"time.FANOUT", "Peers that a source talks to, divergence", true},
    {"time.FANIN", "Peers that a destination hears, divergence", true},
    {"time.RUN", "Runs of like flows, divergence", true},
    {"rules.broken_share", "Flows that cannot exist", true},
    {"downstream.mse_ratio", "Prediction task, error after synthetic over error after real training", true},
    {"leak.rows_equal", "Synthetic flows equal to a training flow", true},
    {"leak.holdout_equal", "Unseen real flows equal to a training flow", true},
    {"leak.share_nearer_train", "Synthetic flows nearer to training than to unseen real flows", true},
    {"leak.unique_z", "Training flows met once and emitted, against held out ones, z", true},
    {"controls.broken", "Controls that came out wrong", false},
    {"time.PAIR", "Flows that answer a recent one", false},
    {"time.PAIR_gap", "Flows that answer a recent one, difference", false},
    {"downstream.mse", "Prediction task, error", false},
    {"downstream.label_classes", "Labels with enough flows to learn", false},
    {"leak.unique", "Rows met once and emitted", false},
    {"leak.unique_p", "Training flows met once and emitted, p of the test", false},
    {"leak.unique_block_most", "Rows met once and emitted, most in one block", false},
    {"leak.lone", "Rows unlike all others and emitted", false},
    {"leak.lone_z", "Rows unlike all others and emitted, against held out ones, z", false},
    {"leak.lone_p", "Rows unlike all others and emitted, p of the test", false},
    {"leak.lone_block_most", "Rows unlike all others and emitted, most in one block", false},
    {"leak.solitary", "Rows far from all others and emitted", false},
    {"leak.solitary_z", "Rows far from all others and emitted, against held out ones, z", false},
    {"leak.solitary_p", "Rows far from all others and emitted, p of the test", false},
    {"leak.solitary_block_most", "Rows far from all others and emitted, most in one block", false},
    {"leak.isolated", "Rows with sizes of their own and emitted", false},
    {"leak.isolated_z", "Rows with sizes of their own and emitted, against held out ones, z", false},
    {"leak.isolated_p", "Rows with sizes of their own and emitted, p of the test", false},
    {"leak.extreme", "The strangest rows that are emitted", false},
    {"leak.extreme_z", "The strangest rows that are emitted, against held out ones, z", false},
    {"leak.extreme_p", "The strangest rows that are emitted, p of the test", false},
    {"leak.attached", "Synthetic rows attached to a row", false},
    {"leak.attached_z", "Synthetic rows attached to training against held out rows, z", false},
    {"leak.attached_p", "Synthetic rows attached to training against held out rows, p of the test", false},
    {"leak.nearer_z", "Nearer to training than to unseen real flows, z", false},
    {"leak.nearer_p", "Nearer to training than to unseen real flows, p of the test", false},
    {"leak.family_p", "All leakage tests together, p", false},
    {"leak.echo_addr", "Addresses that are real ones", false},
    {"leak.echo_prefix24", "Prefixes of 24 bits that are real ones", false},
    {"leak.echo_prefix16", "Prefixes of 16 bits that are real ones", false},
    {"leak.rare_sp", "Source ports that few training flows have", false},
    {"leak.rare_dp", "Destination ports that few training flows have", false},
    {"leak.rare_td", "Durations that few training flows have", false},
    {"leak.rare_pkt", "Numbers of packets that few training flows have", false},
    {"leak.rare_byt", "Numbers of bytes that few training flows have", false},
    {"leak.rare_flg", "TCP flags that few training flows have", false},
    {"leak.singling_uni", "Singled out by one rare value", false},
    {"leak.singling_multi", "Singled out by several values together", false},
    {"leak.linkability", "Halves of a flow linked through the release", false},
    {"leak.inference_byt", "Bytes guessed from the other fields through the release", false},
    {"leak.inference_dp", "Destination port guessed from the other fields through the release", false},
    {"leak.dcr_median", "Distance to the closest record, median", false},
    {"leak.dcr_p5", "Distance to the closest record, 5th percentile", false},
    {"leak.nndr_median", "Nearest over second nearest distance, median", false},
    {"leak.nndr_p5", "Nearest over second nearest distance, 5th percentile", false},
    {"leak.identifiability", "Rows that a synthetic one is nearer to than any real one", false},
    {"leak.mia_auc", "Membership inference, area under the curve", false},
    {"leak.mia_tpr_1", "Membership inference, found at 1 % false alarms", false},
    {"leak.mia_tpr_01", "Membership inference, found at 0.1 % false alarms", false},
    {"leak.release_equal", "Flows that the release before has too", false},
    {"leak.release_share_nearer", "Flows nearer to the release before than to each other", false},
    {"leak.release_dcr_median", "Distance to the release before, median", false},
    {"leak.release_own_median", "Distance to another row of this release, median", false},
    {"leak.mia_model_auc", "Membership inference by the model's loss, area under the curve", false},
    {"leak.mia_model_tpr_1", "Membership inference by the model's loss, found at 1 % false alarms", false},
    {"leak.mia_model_tpr_01", "Membership inference by the model's loss, found at 0.1 % false alarms", false},
    {"c2st.flow_auc",
     "Real or synthetic? One flow, classifier\xe2\x80\x99"
     "s area under the curve",
     false},
    {"c2st.flow_blocks_auc", "Real or synthetic? One flow, blocks of time apart, area under the curve", false},
    {"c2st.window_auc", "Real or synthetic? 64 flows in a row, area under the curve", false},
    {"c2st.window32_auc", "Real or synthetic? 32 flows in a row, area under the curve", false},
    {"anomaly.auc", "Finding attacks as oddities, area under the curve", false},
    {"anomaly.auc_drop", "Finding attacks as oddities, lost by learning from synthetic flows", false},
    {"anomaly.score_correlation", "Finding oddities, correlation of the two detectors", false},
    {"burst.dispersion_gap", "Unevenness of flows over time, difference", false},
    {"burst.dispersion_1s", "Unevenness of flows over seconds", false},
    {"burst.dispersion_10s", "Unevenness of flows over 10 seconds", false},
    {"burst.dispersion_60s", "Unevenness of flows over minutes", false},
    {"burst.lag1", "Correlation of one second with the next", false},
    {"burst.lag1_gap", "Correlation of one second with the next, difference", false},
    {"burst.LENGTH", "Length of bursts, divergence", false},
    {"burst.FLOWS", "Flows of bursts, divergence", false},
    {"burst.VOLUME", "Bytes a second, divergence", false},
    {"heavy.share_gap", "Share of the busiest hosts and ports, difference", false},
    {"heavy.SP_overlap20", "Source ports, the 20 busiest in common", false},
    {"heavy.DP_overlap20", "Destination ports, the 20 busiest in common", false},
    {"heavy.SP_rank100", "Source ports, order of the 100 busiest kept", false},
    {"heavy.DP_rank100", "Destination ports, order of the 100 busiest kept", false},
    {"tstr.macro_f1_drop.mean", "Labels, F1 lost by learning from synthetic flows, mean of the classifiers", false},
    {"tstr.rank_correlation", "Labels, order of classifiers and classes kept", false},
    {"tstr.rank_kendall", "Labels, order of classifiers and classes kept, by pairs", false},
    {"rules.no_packet", "Flows without a packet", false},
    {"rules.short_bytes", "Flows with fewer bytes than their packets need", false},
    {"rules.long_bytes", "Flows with more bytes than their packets can hold", false},
    {"rules.icmp_source_port", "ICMP flows with a source port", false},
    {"rules.same_address", "Flows from a host to itself", false},
    {"rules.td_one_packet", "Flows of one packet that last", false},
    {"rules.over_1500", "Flows of over 1500 bytes a packet", false},
    {"rules.ports_without", "Flows with ports where the protocol has none", false},
    {"emd.TS",
     "Time, earth mover\xe2\x80\x99"
     "s distance in microseconds",
     false},
    {"emd.TD",
     "Duration, earth mover\xe2\x80\x99"
     "s distance in seconds",
     false},
    {"emd.PKT",
     "Packets, earth mover\xe2\x80\x99"
     "s distance",
     false},
    {"emd.BYT",
     "Bytes, earth mover\xe2\x80\x99"
     "s distance",
     false},
    {"emdn.TS",
     "Time, earth mover\xe2\x80\x99"
     "s distance over the range",
     false},
    {"emdn.TD",
     "Duration, earth mover\xe2\x80\x99"
     "s distance over the range",
     false},
    {"emdn.PKT",
     "Packets, earth mover\xe2\x80\x99"
     "s distance over the range",
     false},
    {"emdn.BYT",
     "Bytes, earth mover\xe2\x80\x99"
     "s distance over the range",
     false},
};
enum { NMETRICS = sizeof metrics / sizeof *metrics };

/* What a metric's name may end with: of which columns, of which table. */
static const struct {
	const char *suffix, *words;
} variants[] = {
    {"_no_addr_time", ", without addresses and time"},
    {"_no_time", ", without time"},
    {"_sizes", ", by duration, packets and bytes alone"},
    {"_real", ", real"},
    {"_synthetic", ", synthetic"},
    {"_risk", ", what the training flows add to the risk"},
    {"_naive", ", by guessing"},
    {"_train", ", training"},
    {"_holdout", ", held out"},
};
enum { NVARIANTS = sizeof variants / sizeof *variants };

/* Names of the groups, by what stands before the first dot. */
static const struct {
	const char *name, *words;
} groups[] = {
    {"rows", "Numbers of flows"},
    {"jsd", "One field, divergence"},
    {"emd", "One field, earth mover\xe2\x80\x99s distance"},
    {"emdn", "One field, earth mover\xe2\x80\x99s distance over its range"},
    {"assoc", "Two fields together"},
    {"time", "Structure in time"},
    {"burst", "Bursts"},
    {"heavy", "Heavy hitters"},
    {"rules", "Rules that flows obey"},
    {"c2st", "Can a classifier tell real from synthetic?"},
    {"downstream", "Prediction task"},
    {"tstr", "Labels, learned from synthetic flows"},
    {"trtr", "Labels, learned from real flows"},
    {"anomaly", "Anomaly detection"},
    {"leak", "Leakage"},
};

const char *fm_words_field(const char *name)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].words;
	return NULL;
}

static const char *base_words(const char *name, size_t n)
{
	for (size_t i = 0; i < NMETRICS; i++)
		if (strlen(metrics[i].name) == n && memcmp(metrics[i].name, name, n) == 0)
			return metrics[i].words;
	return NULL;
}

/* "heavy.SA_bytes_top10" */
static bool heavy_words(const char *name, size_t n, char *out, size_t cap)
{
	static const char *const keys[] = {"SA", "DA", "SP", "DP"}, *const what[] = {
									"Source hosts", "Destination hosts",
									"Source ports", "Destination ports"};
	char want[64];

	for (int k = 0; k < 4; k++)
		for (int bytes = 0; bytes < 2; bytes++)
			for (int top = 10; top <= 100; top *= 10) {
				snprintf(want, sizeof want, "heavy.%s_%s_top%d", keys[k], bytes ? "bytes" : "flows",
					 top);
				if (strlen(want) != n || memcmp(want, name, n) != 0)
					continue;
				snprintf(out, cap, "%s, share of %s of the %d busiest", what[k],
					 bytes ? "bytes" : "flows", top);
				return true;
			}
	return false;
}

/* "tstr.f1.trees.LABEL", "trtr.macro_f1.network": what, by whom, and the label as it is. */
static bool label_words(const char *name, size_t n, char *out, size_t cap)
{
	static const struct {
		const char *prefix, *words;
	} what[] = {{"macro_f1_drop.", "F1 lost"},
		    {"macro_f1.", "F1, mean of the labels"},
		    {"auc.", "area under the curve"},
		    {"f1.", "F1"}};
	static const struct {
		const char *name, *words;
	} who[] = {{"trees", "boosted trees"}, {"logistic", "logistic regression"}, {"network", "network"}};

	if (n < 6 || (memcmp(name, "tstr.", 5) != 0 && memcmp(name, "trtr.", 5) != 0))
		return false;
	for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
		size_t skip = 5 + strlen(what[i].prefix);
		if (strncmp(name + 5, what[i].prefix, skip - 5) != 0)
			continue;
		for (size_t j = 0; j < sizeof who / sizeof *who; j++) {
			size_t len = strlen(who[j].name);
			const char *rest = name + skip + len;
			if (strncmp(name + skip, who[j].name, len) != 0 || (*rest && *rest != '.'))
				continue;
			snprintf(out, cap, "%s%s%s, by %s", *rest ? rest + 1 : "", *rest ? ", " : "", what[i].words,
				 who[j].words);
			return true;
		}
	}
	return false;
}

/* The variant that name[0..*n) ends with, taken off it; NULL when it ends with none. */
static const char *take_variant(const char *name, size_t *n)
{
	for (size_t i = 0; i < NVARIANTS; i++) {
		size_t len = strlen(variants[i].suffix);
		if (*n > len && memcmp(name + *n - len, variants[i].suffix, len) == 0) {
			*n -= len;
			return variants[i].words;
		}
	}
	return NULL;
}

void fm_words_metric(const char *name, char *out, size_t cap)
{
	const char *outer = "", *inner = "", *words;
	size_t n = strlen(name);

	*out = '\0';
	if (label_words(name, n, out, cap))
		return;
	words = base_words(name, n);
	if (!words && (outer = take_variant(name, &n)) && !(words = base_words(name, n)) &&
	    !heavy_words(name, n, out, cap) && (inner = take_variant(name, &n)))
		words = base_words(name, n);
	if (words)
		snprintf(out, cap, "%s%s%s", words, inner, outer);
	else if (*out)
		snprintf(out + strlen(out), cap - strlen(out), "%s", outer);
}

const char *fm_words_expected(size_t i)
{
	for (size_t m = 0; m < NMETRICS; m++)
		if (metrics[m].expected && i-- == 0)
			return metrics[m].name;
	return NULL;
}

const char *fm_words_group(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (strlen(groups[i].name) == n && memcmp(groups[i].name, name, n) == 0)
			return groups[i].words;
	return "Others";
}
