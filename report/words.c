/* Names of metrics and fields in words. */
#include <stdio.h>
#include <string.h>

#include "report/part.h"

static const struct {
	const char *name, *words;
} fields[] = {
    {"TS", "Time"},
    {"TD", "Duration"},
    {"PKT", "Packets"},
    {"BYT", "Bytes"},
    {"SA", "Source hosts"},
    {"DA", "Destination hosts"},
    {"SP", "Source port"},
    {"DP", "Destination port"},
    {"PR", "Protocol"},
    {"FLG", "TCP flags"},
    {"FWD", "Forwarding status"},
    {"TOS", "Type of service"},
    {"TY", "Label"},
};

static const struct {
	const char *name, *words;
} metrics[] = {
    {"jsd_mean8", "Eight main fields, mean divergence"},
    {"jsd.TS", "Time, divergence"},
    {"jsd.TD", "Duration, divergence"},
    {"jsd.PKT", "Packets, divergence"},
    {"jsd.BYT", "Bytes, divergence"},
    {"jsd.SA", "Source hosts by rank, divergence"},
    {"jsd.DA", "Destination hosts by rank, divergence"},
    {"jsd.SP", "Source port, exact, divergence"},
    {"jsd.DP", "Destination port, exact, divergence"},
    {"jsd.SPb", "Source port in groups, divergence"},
    {"jsd.DPb", "Destination port in groups, divergence"},
    {"jsd.PR", "Protocol, divergence"},
    {"jsd.FLG", "TCP flags, divergence"},
    {"jsd.TOS", "Type of service, divergence"},
    {"jsd.TY", "Label, divergence"},
    {"jsd.SAid", "Source address itself, divergence"},
    {"jsd.DAid", "Destination address itself, divergence"},
    {"jsd.SA16", "Source prefix of 16 bits, divergence"},
    {"jsd.DA16", "Destination prefix of 16 bits, divergence"},
    {"assoc.mean", "Association of two fields, mean difference"},
    {"assoc.max", "Association of two fields, largest difference"},
    {"pair_jsd", "Two fields together, mean divergence"},
    {"rows.real", "Real flows that the model learned from"},
    {"rows.synthetic", "Synthetic flows"},
    {"rows.holdout", "Real flows held out"},
    {"time.IAT", "Gaps between flows, divergence"},
    {"time.RATE", "Flows a second, divergence"},
    {"time.DAY", "Course of the day, divergence"},
    {"time.FANOUT", "Peers that a source talks to, divergence"},
    {"time.FANIN", "Peers that a destination hears, divergence"},
    {"time.RUN", "Runs of like flows, divergence"},
    {"time.PAIR_real", "Flows that answer a recent one, real"},
    {"time.PAIR_synthetic", "Flows that answer a recent one, synthetic"},
    {"rules.broken_share", "Flows that cannot exist"},
    {"downstream.mse_ratio", "Prediction task, error after synthetic over error after real training"},
    {"downstream.mse_real", "Prediction task, error after training on real flows"},
    {"downstream.mse_synthetic", "Prediction task, error after training on synthetic flows"},
    {"leak.rows_equal", "Synthetic flows equal to a training flow"},
    {"leak.rows_equal_no_time", "The same without time"},
    {"leak.rows_equal_no_addr_time", "The same without addresses and time"},
    {"leak.holdout_equal", "Unseen real flows equal to a training flow"},
    {"leak.holdout_equal_no_time", "The same without time"},
    {"leak.holdout_equal_no_addr_time", "The same without addresses and time"},
    {"leak.share_nearer_train", "Synthetic flows nearer to training than to unseen real flows"},
    {"leak.share_nearer_train_no_addr_time", "The same without addresses and time"},
    {"leak.unique_z", "Emission of rare training flows against unseen ones, z"},
    {"leak.unique_z_no_time", "The same without time, z"},
    {"leak.unique_z_no_addr_time", "The same without addresses and time, z"},
    {"controls.broken", "Controls that came out wrong"},
};

const char *fm_words_field(const char *name)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].words;
	return NULL;
}

const char *fm_words_metric(const char *name)
{
	for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
		if (strcmp(metrics[i].name, name) == 0)
			return metrics[i].words;
	return NULL;
}

const char *fm_words_metric_at(size_t i)
{
	return i < sizeof metrics / sizeof *metrics ? metrics[i].name : NULL;
}
