/*
 * structural_zeros.h - pairs of tokens that do not go together: GRE with a port, UDP with TCP flags, one packet that
 * lasts.
 *
 * A network that is nearly sure spreads a little probability over everything else, and a few flows in a thousand become
 * impossible in a real network.  For pairs of columns that depend on each other the codec counts how often two tokens
 * meet in the training split; a pair expected at least FM_STRUCTURAL_ZEROS_EXPECTED * k times if the columns were
 * independent, but seen fewer than k times, is excluded, and the sampler never draws one given the other.  What no flow
 * can have, however rare its protocol is (flow_rules.h), is excluded without counting: a port on GRE and IPIP, flags of
 * TCP outside TCP.  One bit is kept for each pair, which says "fewer than k rows" and nothing finer.
 *
 * How a flow is related to an earlier one says much about its ports: a client of port 80 that asks a host again does so
 * from another port, and from no well-known one.  So roles are paired with ports too, where the port is not copied.
 */
#ifndef FM_MODEL_CODEC_STRUCTURAL_ZEROS_H
#define FM_MODEL_CODEC_STRUCTURAL_ZEROS_H

#include "model/codec/label_services.h"

#define FM_STRUCTURAL_ZEROS_EXPECTED 3
#define FM_NPAIRS 11
extern const int fm_pair[FM_NPAIRS][2]; /* the two columns */

struct fm_structural_zeros {
	int n[FM_NPAIRS][2];     /* vocabularies */
	uint8_t *out[FM_NPAIRS]; /* (n[0], n[1]): 1 = excluded; NULL when a column is left out */
	struct fm_label_services services;
};

/* Count over encoded training windows. */
int fm_structural_zeros_fit(struct fm_structural_zeros *s, const int vocab[FM_NTOK], const struct fm_encoded *e,
			    int window, int min_count, struct fm_error *err) FM_MUST_CHECK;
/* Exclude what no flow can have (flow_rules.h).  Call it after fitting. */
int fm_structural_zeros_forbid(struct fm_structural_zeros *s, const struct fm_codec *c,
			       struct fm_error *err) FM_MUST_CHECK;
/* Exclude, from the logits z of column c of a flow, the tokens that do not go with its visible ones (masked: vocab[c]).
 * At least one token is left: a column that would lose all is left as it is. */
void fm_structural_zeros_apply(const struct fm_structural_zeros *s, const int vocab[FM_NTOK], const uint16_t *tok,
			       int c, float *z);
json_t *fm_structural_zeros_json(const struct fm_structural_zeros *s);
int fm_structural_zeros_from_json(struct fm_structural_zeros *s, const int vocab[FM_NTOK], const json_t *j,
				  struct fm_error *err) FM_MUST_CHECK;
void fm_structural_zeros_free(struct fm_structural_zeros *s);

#endif
