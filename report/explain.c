/* What the checks of a gate ask, for somebody who runs networks and no statistics. */
#include <string.h>

#include "report/html.h"
#include "report/part.h"

/* By the beginning of the check's name; the first that fits is taken. */
static const struct {
	const char *prefix, *title, *words;
} explained[] = {
    {"jsd", "One field, divergence",
     "Does each field take the values of real flows, as often? Counts by protocol, service, size or hour come out "
     "wrong where this "
     "fails. 0 is no difference, 0.69 nothing in common; hosts are compared by how busy they are, as addresses are "
     "made up."},
    {"emd", "One field, distance",
     "How far would values have to be moved, on average, to turn the synthetic ones into the real ones? Large where "
     "sizes or "
     "durations are off by much, not merely by a little often."},
    {"assoc", "Association of two fields",
     "Do fields depend on each other as they do in real flows, a service on its protocol, bytes on packets? Fields "
     "shuffled one "
     "by one look perfect alone and fail here."},
    {"pair_jsd", "Two fields together",
     "Do pairs of values occur together as often as in real flows? It sees what the association, one number a pair, "
     "does not."},
    {"time", "Structure in time",
     "Gaps, rates, the course of the day, answers to requests, and how many peers a host has."},
    {"burst", "Bursts",
     "Is traffic as uneven over seconds and minutes as the real one? Where this fails, alarms that go by rate cannot "
     "be tuned on "
     "these flows."},
    {"heavy", "Heavy hitters",
     "Do the busiest hosts and ports carry as much as in real flows, in the same order? What telemetry and dashboards "
     "show first."},
    {"rules", "Rules that flows obey",
     "Flows that no network could have made: without a packet, with fewer bytes than headers need, from a host to "
     "itself."},
    {"c2st", "Real or synthetic?",
     "Decision trees are given real and synthetic flows and learn to tell which is which: 0.5 is guessing, 1 is always "
     "right. They "
     "find differences that nobody thought to measure."},
    {"downstream.label", "Labels",
     "How many labels have enough flows to learn them. With one only, tasks about labels are left out."},
    {"downstream", "Prediction task",
     "A small network learns from synthetic flows to predict bytes, another from real ones; both are tried on real "
     "flows that neither "
     "saw. The ratio of their errors is 1 where the synthetic flows teach as well."},
    {"tstr", "Labels, learned from synthetic flows",
     "Classifiers of attacks learn from synthetic flows and are tried on real ones: is what they lose small, and are "
     "the better ones "
     "still the better ones?"},
    {"trtr", "Labels, learned from real flows", "The same classifiers after real flows: what can be had at best."},
    {"anomaly", "Anomaly detection",
     "A detector of oddities that learned from synthetic flows and one that learned from real ones: do they find the "
     "same real "
     "flows odd?"},
    {"leak.echo", "Real addresses that come back",
     "Addresses are drawn anew from ranges that belong to nobody. One that is a real one would be chance at best, and "
     "at worst kept."},
    {"leak.rare", "Rare values that come back",
     "Values that fewer than 20 training flows have, and that may point at somebody."},
    {"leak.rows_equal", "Copies",
     "Synthetic flows that are training flows to the last field. The model has then not learned but kept them."},
    {"leak.share_nearer", "Near copies",
     "Real flows are split: some were learned from, others never seen. Synthetic flows should lie as near to the ones "
     "as to the "
     "others, 50 % each; more on the side of training means that training flows shine through."},
    {"leak.family", "All leakage tests together",
     "How likely would flows made without the training data show as much evidence of it by chance? 1 is no evidence at "
     "all; the "
     "limit, one in 200 unless the config says otherwise, is what chance may bring about."},
    {"leak.mia", "Membership",
     "Somebody has a flow and asks whether it was among those learned from. 0.5 is guessing; found at 1 % false alarms "
     "should be 1 %."},
    {"leak.singling", "Singling out", "Can a combination of values from the release pick out one real flow?"},
    {"leak.linkability", "Linking", "Does the release tell which two halves of a real flow belong together?"},
    {"leak.inference", "Inference",
     "Does the release tell an unknown field of a real flow, beyond what other flows tell?"},
    {"leak.release", "Two releases side by side",
     "Does this release beside the one before tell what changed in the flows learned from?"},
    {"leak", "Leakage",
     "Training flows and flows that were never seen are treated alike by a generator that keeps nothing."},
    {"controls.broken", "The gate itself",
     "The gate was tried on generators that leak or are useless, and on fresh real flows. One that comes out wrong "
     "means that the "
     "other lines prove little, and the release is blocked."},
    {"gate", "The gate itself", "A gate without a check lets nothing through."},
};
enum { NEXPLAINED = sizeof explained / sizeof *explained };

/* Its place in the list, NEXPLAINED for a check that nobody explains. */
static size_t find(const char *name)
{
	for (size_t i = 0; i < NEXPLAINED; i++)
		if (strncmp(name, explained[i].prefix, strlen(explained[i].prefix)) == 0)
			return i;
	return NEXPLAINED;
}

const char *fm_words_asks(const char *name)
{
	size_t i = find(name);

	return i < NEXPLAINED ? explained[i].words : NULL;
}

void fm_part_explain(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *list = json_object_get(p->facts, "checks");
	bool asked[NEXPLAINED + 1] = {false};

	for (size_t i = 0; i < json_array_size(list); i++)
		asked[find(fm_html_str(json_array_get(list, i), "name"))] = true;
	fm_buf_puts(out, "<h3>What they ask</h3>\n<dl class=\"asks\">\n");
	for (size_t i = 0; i < NEXPLAINED; i++) {
		if (!asked[i])
			continue;
		fm_buf_puts(out, "<div><dt>");
		fm_html_text(out, explained[i].title);
		fm_buf_puts(out, "</dt><dd>");
		fm_html_text(out, explained[i].words);
		fm_buf_puts(out, "</dd></div>\n");
	}
	fm_buf_puts(out, "</dl>\n");
}
