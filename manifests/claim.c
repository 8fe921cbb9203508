#include "manifests/claim.h"

#include <stdio.h>
#include <string.h>

#define CLIPPED                                                                                                        \
	"No differential privacy: what each record adds to a step of training was clipped, but no noise was added. "   \
	"The leakage checks are measurements on this release, not a guarantee."

/* Said of windows only; the version before did not say it. */
static const char whose_sensitivities[] =
    " Sensitivities there are to one exchange, and a window is a group of so many; shares are of a window.";

const char *fm_claim_none(const char *mode)
{
	return strcmp(mode, "clip") == 0 ? CLIPPED : FM_CLAIM_NONE;
}

const char *fm_claim_statement(char out[FM_CLAIM_WORDS], const struct fm_config *cfg, double epsilon, double delta)
{
	static const char *const of_exchange = ": whoever sees this release can hardly tell whether any one "
					       "exchange (at most 4 flows between two ends that end in the same "
					       "minute) was in the trace.",
				 *const of_flow = ": whoever sees this release can hardly tell whether any one flow "
						  "was in the trace, nor how any one exchange looked (at most 4 flows "
						  "between two ends that end in the same minute).";
	char of_window[320];

	snprintf(
	    of_window, sizeof of_window,
	    ": whoever sees this release can hardly tell whether any one window (all flows between two "
	    "hosts that end in the same minute, of which at most %u exchanges were learned from) was in the trace.",
	    fm_config_window(cfg));
	snprintf(out, FM_CLAIM_WORDS,
		 "(%g, %g)-differential privacy for one %s%s All that was taken of private records is in the list of "
		 "mechanisms, and went through noise from a secret key.%s",
		 epsilon, delta, cfg->privacy.unit,
		 fm_config_window(cfg)      ? of_window
		 : fm_config_unit_flow(cfg) ? of_flow
					    : of_exchange,
		 fm_config_window(cfg) ? whose_sensitivities : "");
	return out;
}

bool fm_claim_is_statement(const char *words, const struct fm_config *cfg, double epsilon, double delta)
{
	char own[FM_CLAIM_WORDS];

	fm_claim_statement(own, cfg, epsilon, delta);
	if (strcmp(words, own) == 0)
		return true;
	if (!fm_config_window(cfg))
		return false;
	own[strlen(own) - strlen(whose_sensitivities)] = '\0';
	return strcmp(words, own) == 0;
}

const char fm_claim_covers[] = "the flows, this manifest, the data sheet and every other file of the archive";
const char fm_claim_audit_of[] = "a public trace, by the same program and mechanisms";

json_t *fm_claim_does_not_cover(void)
{
	static const char *const list[] = {
	    "that a release exists, and when it was made",
	    "that a run failed, or how long it took",
	    "what the config says in public: its period, labels, ranges and bounds are its author's statements",
	    "what the team decided or changed after it saw its own report, which is not private in this sense",
	    "that no audit refuted the claim: a refuted one would have stopped the release",
	    "other releases of the same trace: their epsilons add up, and so do their deltas",
	};
	json_t *out = json_array();

	for (size_t i = 0; out && i < sizeof list / sizeof *list; i++)
		if (json_array_append_new(out, json_string(list[i]))) {
			json_decref(out);
			return NULL;
		}
	return out;
}

int fm_claim_lines(const struct fm_config *cfg, struct fm_claim_line l[FM_CLAIM_LINES])
{
	static const unsigned hosts[] = {1, 2, 4, 16, 64}, minutes[] = {1, 10, 60};
	unsigned window = fm_config_window(cfg);
	/* In a full window another exchange takes the place of a removed one: two change. */
	unsigned exchange = window ? 2 : 1;
	int n = 0;

	if (window)
		l[n++] = (struct fm_claim_line){"window", 0, window};
	l[n++] = (struct fm_claim_line){"exchange", 0, exchange};
	/* One more flow changes its exchange: one exchange goes and another comes.  In unit flow that is one change, in
	 * unit exchange it is two. */
	l[n++] = (struct fm_claim_line){"flow", 0, fm_config_unit_flow(cfg) ? 1 : 2};
	/* A conversation touches at most one minute more than it lasts. */
	for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++)
		l[n++] = (struct fm_claim_line){"conversation", minutes[i], (minutes[i] + 1) * exchange};
	/* All that two hosts exchange within that many minutes. */
	for (size_t i = 1; window && i < sizeof minutes / sizeof *minutes; i++)
		l[n++] = (struct fm_claim_line){"window", minutes[i], (minutes[i] + 1) * window};
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		l[n++] = (struct fm_claim_line){"host", 0, hosts[i]};
	return n;
}
