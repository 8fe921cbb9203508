/*
 * calibration.h - what the network draws too often becomes rarer.
 *
 * A network that learned for a few hundred steps does not use all that a flow's context says, and tokens that appear in
 * one step are drawn independently.  So what is made drifts: too few flows of a label with two hundred are replies, and
 * "more of the same" begins at flows where it never begins.  After training, windows with the conditions of training
 * windows are made, and of each column the mean distribution that its tokens were drawn from is compared with the
 * training flows', by context: the flow's label, how it is related to an earlier one, whether it is answered, and how
 * many flows follow it (a server with many clients in a window is not the one with few).
 * The logarithm of their ratio is added to the logits from then on; several times, since the contexts move too
 * (iterative proportional fitting: Deming, Stephan 1940).  A token that later flows copy counts as often as flows have
 * it: a scan of a window is one flow that draws its host and its service, and many that have them.  For column rel,
 * which is drawn among the flows before, the "token" is the role of the flow that is chosen and whether it goes the
 * other way than its follower's source would (relations.h: such a choice makes flows between two high ports), and the
 * context is the kind of relation.  Where all flows that could be chosen go the other way, one is as rarely as it was.
 *
 * The distributions that made windows are drawn from are also less sharp than on real windows: one odd token makes the
 * next ones odd, and a source does a bit of everything.  So each column has a sharpness, by which its logits are
 * multiplied before the bias is added: such that a column's tokens are drawn with as many nats as the validation flows
 * cost (calibration of the entropy rate: Braverman et al., Calibration, Entropy Rates, and Memory in Language Models,
 * 2020).  The sharpness is 1 where they are drawn with fewer, and at most FM_SHARPEST.
 *
 * Related flows are alike: a scanner keeps its source port, and its flows have one size.  The network learns this too
 * weakly.  So where a flow's source, or else the first flow that it is the source of, shows a column, the token that it
 * has there gets a bias of the column and relation: the logarithm of the ratio of the odds that related flows have the
 * same token, real to made.
 *
 * A flow's service says more of its flags, packets, duration and bytes than how it is related.  Its protocol and
 * direction, the way that it goes, how the first flow is related that is related to it, and to its reply, say more of
 * its ports: these are what the next ones copy, and of the flows from one port to several few are TCP from a high one.
 * These are finer contexts with ratios of their own where enough flows have them; both biases are added, as in a
 * log-linear model of two margins.
 *
 * A token has a ratio of its own in a context where min_count training flows have it.  Of the others, those that would
 * have as many if the context said nothing of them share one: a flow from the port of the one before, to a port that
 * such flows never go to, is no rare flow but one that is not.  The rest share another one.  What a relation copies is
 * not counted, nor are labels (they have a budget).  Of hosts, which say what a server's port is before it is drawn,
 * the contexts do not tell what follows, but the finer ones tell which way the flow goes and how many flows follow.
 */
#ifndef FM_MODEL_DIFFUSION_CALIBRATION_H
#define FM_MODEL_DIFFUSION_CALIBRATION_H

#include <jansson.h>

#include "model/codec/codec.h"
#include "model/codec/relations.h"

#define FM_SHARPEST 2
#define FM_MOST_ALIKE 4 /* largest absolute value of fm_calibration.same */
struct fm_calibration {
	int width[FM_NTOK], contexts[FM_NTOK]; /* 0: the column has none */
	float *bias[FM_NTOK];                  /* (contexts, width) to be added to logits; NULL: none */
	float same[FM_NTOK][FM_NRELATIONS];    /* of the token of a related flow */
	float joins[FM_NRELATIONS];            /* share of a kind's relations that join two ways */
	float sharp[FM_NTOK];                  /* logits are multiplied by it first; 1 where there is no bias */
	/* Finer contexts, of ports by outline, of hosts by chain, of sizes by service. */
	const struct fm_codec *codec; /* borrowed; NULL: there are none */
	int nservices, noutlines, nchains;
	int fine[FM_NTOK];         /* contexts; 0: the column has none */
	uint16_t *service;         /* (protocols, ports of both columns): the context, or FM_NO_CONTEXT */
	uint16_t *outline;         /* (protocols, directions, ways, relations, relations of the next): the same */
	uint16_t *chain;           /* (relations, answered or not, ways, sizes of what follows): the same */
	float *fine_bias[FM_NTOK]; /* (fine, width) to be added to logits too */
};
#define FM_NO_CONTEXT UINT16_MAX
/* Flows by column, context and token, in units of 1/FM_TALLY_ONE: whole numbers, so that threads may add in any
 * order. */
#define FM_TALLY_ONE (1u << 20)
struct fm_tally {
	const struct fm_calibration *of; /* borrowed: its widths and contexts */
	uint64_t *all;                   /* (len) what follows, in one piece: tallies of the same calibration add up */
	size_t len;
	uint64_t *n[FM_NTOK];    /* (contexts, width) */
	uint64_t *fine[FM_NTOK]; /* (fine, width) */
	uint64_t *same;          /* (FM_NTOK, FM_NRELATIONS, 2): related pairs compared, those with the same token */
	uint64_t *nats;          /* (FM_NTOK) sum of the entropies drawn from, in the same units */
};

/* For a codec's columns, vocab (FM_NTOK); without a bias yet, and with sharpness 1. */
int fm_calibration_new(struct fm_calibration *k, const int *vocab, struct fm_error *err) FM_MUST_CHECK;
/* Call it once: finer contexts for a codec, which k borrows, where at least min_flows flows of the encoded windows have
 * them; e NULL: the contexts are read from a document later. */
int fm_calibration_refine(struct fm_calibration *k, const struct fm_codec *codec, const struct fm_encoded *e,
			  int min_flows, struct fm_error *err) FM_MUST_CHECK;
void fm_calibration_free(struct fm_calibration *k);
int fm_tally_new(struct fm_tally *t, const struct fm_calibration *of, struct fm_error *err) FM_MUST_CHECK;
void fm_tally_free(struct fm_tally *t);

/* Sharpen and add the bias to the logits z of column c, which is not rel, of row `row` of a window tok.  k NULL:
 * nothing. */
void fm_calibration_apply(const struct fm_calibration *k, const uint16_t *tok, int row, int window, int c, float *z);
/* The same of rel, where row `row` of window tok may be related in a way `kind` to the flow i places before: z[i - 1].
 * way: fm_relations_ways of all of it that shows. */
void fm_calibration_chain(const struct fm_calibration *k, const uint16_t *tok, const uint8_t *way, int row, int kind,
			  float *z);
/* Count a token that will be drawn from logits z.  By any thread.  t NULL: nothing. */
void fm_tally_add(const struct fm_tally *t, const uint16_t *tok, int row, int window, int c, const float *z);
void fm_tally_add_chain(const struct fm_tally *t, const uint16_t *tok, const uint8_t *way, int row, int kind,
			const float *z);
/* Count the flows of encoded windows. */
void fm_tally_real(const struct fm_tally *t, const struct fm_encoded *e, int window);
/* Add the logarithms of the ratios of real to made, times pace (0, 1], to the bias. */
void fm_calibration_learn(struct fm_calibration *k, const struct fm_tally *real, const struct fm_tally *made,
			  int min_count, double pace);

/* Make columns sharper that were drawn with more nats per flow than nats (FM_NTOK), and less sharp again those drawn
 * with fewer; flows: the number of flows in `made`.  A column whose nats are 0 or less, that is unknown, stays. */
void fm_calibration_sharpen(struct fm_calibration *k, const struct fm_tally *made, double flows,
			    const double nats[FM_NTOK]);

json_t *fm_calibration_json(const struct fm_calibration *k);
/* Read into a new calibration; j NULL: it stays without a bias. */
int fm_calibration_from_json(struct fm_calibration *k, const json_t *j, struct fm_error *err) FM_MUST_CHECK;

#endif
