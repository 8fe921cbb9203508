/*
 * label_services.h - the services that flows of a label use: a scan of port 22 goes to TCP 22 or is answered from it.
 *
 * A network that learned a label from a hundred flows spreads some of its probability over what all other flows do. So
 * the codec learns for each label which services its flows use: protocol and both ports, where all ports without a
 * token of their own count as one.  If the services that k or more of its flows use make up FM_SERVICES_COVER of the
 * label's flows, the same share of its flows is confined to them when they are drawn; the others are not, so that rarer
 * services still come.  Kept are the services and their share of the label's flows.
 */
#ifndef FM_MODEL_CODEC_LABEL_SERVICES_H
#define FM_MODEL_CODEC_LABEL_SERVICES_H

#include "model/codec/codec.h"

#define FM_SERVICES_COVER 0.9

struct fm_label_service {
	uint16_t label, pr, sp, dp; /* sp, dp: the first of the tokens of bins stands for all of them */
};
struct fm_label_services {
	struct fm_label_service *service; /* (n), by label */
	size_t n;
	double share[FM_MAXCLASSES]; /* share of a label's flows that its services make up; 0: it has none here */
};
/* Learned from encoded training windows; none for a codec with one label. */
int fm_label_services_fit(struct fm_label_services *l, const struct fm_codec *c, const struct fm_encoded *e,
			  int min_count, struct fm_error *err) FM_MUST_CHECK;
/* Exclude, from the logits z of column c of a flow, the tokens that match none of its label's services given its
 * visible tokens (masked: vocab).  u, of [0, 1), one for each flow, decides whether the flow is confined.  At least one
 * token is left: a column that would lose all is left as it is. */
void fm_label_services_apply(const struct fm_label_services *l, const struct fm_codec *codec, const uint16_t *tok,
			     float u, int c, float *z);
json_t *fm_label_services_json(const struct fm_label_services *l);
/* j NULL: none. */
int fm_label_services_from_json(struct fm_label_services *l, const struct fm_codec *c, const json_t *j,
				struct fm_error *err) FM_MUST_CHECK;
void fm_label_services_free(struct fm_label_services *l);

#endif
