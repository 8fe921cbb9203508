/* registry_topics.c - names for groups of metrics; the tasks, and the eight metrics of the mean. */
#include "manifests/registry_parts.h"

#include <stddef.h>

#include "manifests/registry.h"

/* clang-format off */
const struct fm_metric_topic fm_metric_topics[] = {
	[ROWS] = {FM_GROUP_ROWS, "Numbers of flows", NULL, NULL},
	[JSD] = {FM_GROUP_MARGINALS, "One field, divergence", "One field, divergence",
	 "Does each field take the values of real flows, as often? Counts by protocol, service, size or hour come out "
	 "wrong where this fails. 0 is no difference, 0.69 nothing in common; hosts are compared by how busy they are, "
	 "as addresses are made up."},
	[EMD] = {FM_GROUP_MARGINALS, "One field, earth mover" APOSTROPHE "s distance", "One field, distance",
	 "How far would values have to be moved, on average, to turn the synthetic ones into the real ones? Large "
	 "where sizes or durations are off by much, not merely by a little often."},
	[EMDN] = {FM_GROUP_MARGINALS, "One field, earth mover" APOSTROPHE "s distance over its range",
	 "One field, distance over its range",
	 "How far would values have to be moved, on average, as a share of the range that real values have?"},
	[KS] = {FM_GROUP_MARGINALS, "One field, largest difference", "One field, largest difference",
	 "Which share of flows would have to take other values? Shifts that are too small for the cells of a "
	 "divergence are seen here. 0 is no difference, 1 nothing in common."},
	[ASSOC] = {FM_GROUP_PAIRS, "Two fields together", "Association of two fields",
	 "Do fields depend on each other as they do in real flows, a service on its protocol, bytes on packets? Fields "
	 "shuffled one by one look perfect alone and fail here."},
	[PAIR] = {FM_GROUP_PAIRS, "Two fields together", "Two fields together",
	 "Do pairs of values occur together as often as in real flows? It sees what the association, one number a "
	 "pair, does not."},
	[DAY] = {FM_GROUP_DAY, "Structure in time", "Course of the day",
	 "Is it busy at the hours of the day at which the real network is?"},
	[TIME] = {FM_GROUP_TIME, "Structure in time", "Structure in time",
	 "Gaps, rates, answers to requests, and how many peers a host has."},
	[BURST] = {FM_GROUP_BURSTS, "Bursts", "Bursts",
	 "Is traffic as uneven over seconds and minutes as the real one? Where this fails, alarms that go by rate "
	 "cannot be tuned on these flows."},
	[HOST] = {FM_GROUP_HOSTS, "Hosts in time", "Hosts in time",
	 "Do hosts and their conversations come, stay and go as real ones do; do some beat like clocks, do some sweep; "
	 "do bursts last minutes? Detectors of beacons and scans are built on these."},
	[PROFILE] = {FM_GROUP_PROFILES, "Hosts in time", "Real or synthetic? A host" APOSTROPHE "s hour",
	 "Decision trees see what a host did in an hour and learn to tell real hosts from synthetic ones: 0.5 is "
	 "guessing, 1 is always right."},
	[HEAVY] = {FM_GROUP_HEAVY, "Heavy hitters", "Heavy hitters",
	 "Do the busiest hosts and ports carry as much as in real flows, in the same order? What telemetry and "
	 "dashboards show first."},
	[RULES] = {FM_GROUP_RULES, "Rules that flows obey", "Rules that flows obey",
	 "Flows that no network could have made: without a packet, with fewer bytes than headers need, from a host to "
	 "itself."},
	[C2ST] = {FM_GROUP_TWO_SAMPLE, "Can a classifier tell real from synthetic?", "Real or synthetic?",
	 "Decision trees are given real and synthetic flows and learn to tell which is which: 0.5 is guessing, 1 is "
	 "always right. They find differences that nobody thought to measure."},
	[LABEL_CLASSES] = {FM_GROUP_CLASSIFICATION, "Prediction task", "Labels",
	 "How many labels have enough flows to learn them. With one only, tasks about labels are left out."},
	[PREDICTION] = {FM_GROUP_PREDICTION, "Prediction task", "Prediction task",
	 "A small network learns from synthetic flows to predict bytes, another from real ones; both are tried on real "
	 "flows that neither saw. The ratio of their errors is 1 where the synthetic flows teach as well."},
	[TSTR] = {FM_GROUP_CLASSIFICATION, "Labels, learned from synthetic flows", "Labels, learned from synthetic "
	 "flows",
	 "Classifiers of attacks learn from synthetic flows and are tried on real ones: is what they lose small, and "
	 "are the better ones still the better ones?"},
	[TRTR] = {FM_GROUP_CLASSIFICATION, "Labels, learned from real flows", "Labels, learned from real flows",
	 "The same classifiers after real flows: what can be had at best."},
	[ANOMALY] = {FM_GROUP_ANOMALY, "Anomaly detection", "Anomaly detection",
	 "A detector of oddities that learned from synthetic flows and one that learned from real ones: do they find "
	 "the same real flows odd?"},
	[ECHO_] = {FM_GROUP_LEAKAGE, "Leakage", "Real addresses that come back",
	 "Addresses are drawn anew from ranges that belong to nobody. One that is a real one would be chance at best, "
	 "and at worst kept."},
	[RARE] = {FM_GROUP_LEAKAGE, "Leakage", "Rare values that come back",
	 "Values that fewer than {k} training flows have, and that may point at somebody."},
	[COPIES] = {FM_GROUP_LEAKAGE, "Leakage", "Copies",
	 "Synthetic flows that are training flows to the last field. The model has then not learned but kept them."},
	[NEARER] = {FM_GROUP_LEAKAGE, "Leakage", "Near copies",
	 "Real flows are split: some were learned from, others never seen. Synthetic flows should lie as near to the "
	 "ones as to the others, 50 % each; more on the side of training means that training flows shine through."},
	[FAMILY] = {FM_GROUP_LEAKAGE, "Leakage", "All leakage tests together",
	 "How likely would flows made without the training data show as much evidence of it by chance? 1 is no "
	 "evidence at all; the limit, one in 200 unless the config says otherwise, is what chance may bring about."},
	[MIA] = {FM_GROUP_LEAKAGE, "Leakage", "Membership",
	 "Somebody has a flow and asks whether it was among those learned from. 0.5 is guessing; found at 1 % false "
	 "alarms should be 1 %."},
	[SINGLING] = {FM_GROUP_LEAKAGE, "Leakage", "Singling out",
	 "Can a combination of values from the release pick out one real flow?"},
	[LINKING] = {FM_GROUP_LEAKAGE, "Leakage", "Linking",
	 "Does the release tell which two halves of a real flow belong together?"},
	[INFERENCE] = {FM_GROUP_LEAKAGE, "Leakage", "Inference",
	 "Does the release tell an unknown field of a real flow, beyond what other flows tell?"},
	[RELEASE] = {FM_GROUP_LEAKAGE, "Leakage", "Two releases side by side",
	 "Does this release beside the one before tell what changed in the flows learned from?"},
	[LEAK] = {FM_GROUP_LEAKAGE, "Leakage", "Leakage",
	 "Training flows and flows that were never seen are treated alike by a generator that keeps nothing."},
	[CONTROLS] = {FM_GROUP_GATE, "The gate", "The gate itself",
	 "The gate was tried on generators that leak or are useless, and on fresh real flows. One that comes out wrong "
	 "means that the other lines prove little, and the release is blocked."},
	[HOLDOUT] = {FM_GROUP_GATE, "The gate", "The holdout",
	 "Every test of leakage sets the training flows against flows that the generator never saw: are these such "
	 "flows?"},
	[CLAIM] = {FM_GROUP_GATE, "The gate", "The claim under attack",
	 "Does the epsilon that is claimed stand when somebody tries to refute it?"},
	[COUNTS] = {FM_GROUP_MARGINALS, "Made flows beside noisy counts", "As the noisy counts say",
	 "Do the made flows follow the noisy counts that the model learned? It says that the model was sampled as it "
	 "should be, not how far the counts are from real flows, and costs no privacy."},
	[PAID] = {FM_GROUP_MARGINALS, "One field, divergence by noisy counts", "One field, through noise",
	 "Does each field take the values of real flows, as often? Asked of held-out flows by counts with noise that "
	 "the privacy budget paid for, so that everybody may know the answer."},
	[GATE] = {FM_GROUP_GATE, "The gate", "The gate itself", "A gate without a check lets nothing through."},
};
const size_t fm_metric_ntopics = sizeof fm_metric_topics / sizeof *fm_metric_topics;

const struct fm_metric_task fm_metric_tasks[] = {
	{"Prediction of bytes, error (smaller is better)", "downstream.mse_real", "downstream.mse_synthetic", NULL,
	 "downstream.mse_ratio"},
	{"Labels by boosted trees, mean F1", "trtr.macro_f1.trees", "tstr.macro_f1.trees", "tstr.macro_f1_drop.trees",
	 NULL},
	{"Labels by logistic regression, mean F1", "trtr.macro_f1.logistic", "tstr.macro_f1.logistic",
	 "tstr.macro_f1_drop.logistic", NULL},
	{"Labels by a network, mean F1", "trtr.macro_f1.network", "tstr.macro_f1.network", "tstr.macro_f1_drop.network",
	 NULL},
	{"Attack or not by boosted trees, area under the curve", "trtr.auc.trees", "tstr.auc.trees", NULL, NULL},
	{"Attacks found as oddities, area under the curve", "anomaly.auc_real", "anomaly.auc_synthetic",
	 "anomaly.auc_drop", NULL},
};
const size_t fm_metric_ntasks = sizeof fm_metric_tasks / sizeof *fm_metric_tasks;

const char *const fm_metric_eight[] = {
	"jsd.DP", "jsd.SP", "jsd.DA", "jsd.SA", "jsd.TS", "jsd.TD", "jsd.BYT", "jsd.PKT", NULL,
};
/* clang-format on */
