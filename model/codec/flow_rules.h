/*
 * flow_rules.h - what no flow can have, whatever was drawn: ports where the protocol has none (0 instead; ICMP has no
 * source port), and TCP flags outside TCP (replaced by the most frequent flags that are not TCP's own, where there are
 * any).
 */
#ifndef FM_MODEL_CODEC_FLOW_RULES_H
#define FM_MODEL_CODEC_FLOW_RULES_H

#include "base/transport.h"
#include "model/codec/codec.h"

struct fm_flow_rules {
	uint8_t *transport; /* of each category of pr: enum fm_transport */
	bool *tcp;          /* of each category of flg: are they TCP's own? */
	int plain;          /* the most frequent category of flg that is not TCP's own, or -1 */
};
int fm_flow_rules_init(struct fm_flow_rules *r, const struct fm_codec *c, struct fm_error *err) FM_MUST_CHECK;
void fm_flow_rules_free(struct fm_flow_rules *r);
/* Replace impossible ports and flags of a flow of protocol pr. */
void fm_flow_rules_ports(const struct fm_flow_rules *r, int pr, uint16_t *sp, uint16_t *dp);
uint16_t fm_flow_rules_flags(const struct fm_flow_rules *r, int pr, uint16_t flg);
/* Can tokens a of pr and b of c (flg, sp, dp) stand in one flow?  zero: the token of port 0. */
bool fm_flow_rules_allow(const struct fm_flow_rules *r, int pr, enum fm_tok c, int b, int zero);

#endif
