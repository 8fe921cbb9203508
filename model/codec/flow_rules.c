#include "model/codec/flow_rules.h"

#include <stdlib.h>

#include "base/mem.h"

int fm_flow_rules_init(struct fm_flow_rules *r, const struct fm_codec *c, struct fm_error *err)
{
	const struct fm_cat *pr = &c->cat[FM_T_PR], *flg = &c->cat[FM_T_FLG];
	int rc;

	*r = (struct fm_flow_rules){.plain = -1};
	if ((rc = fm_alloc(&r->transport, (size_t)pr->n + 1, 1, "protocols", err)) < 0 ||
	    (rc = fm_alloc(&r->tcp, (size_t)flg->n + 1, sizeof *r->tcp, "flags", err)) < 0)
		goto out;
	for (int i = 0; i < pr->n; i++)
		r->transport[i] = (uint8_t)fm_transport_of(pr->value[i]);
	for (int i = flg->n - 1; i >= 0; i--) {
		r->tcp[i] = fm_flags_are_tcp(flg->value[i]);
		if (!r->tcp[i])
			r->plain = i;
	}
out:
	if (rc < 0)
		fm_flow_rules_free(r);
	return rc;
}

void fm_flow_rules_free(struct fm_flow_rules *r)
{
	free(r->transport);
	free(r->tcp);
	*r = (struct fm_flow_rules){.plain = -1};
}

void fm_flow_rules_ports(const struct fm_flow_rules *r, int pr, uint16_t *sp, uint16_t *dp)
{
	if (r->transport[pr] == FM_TRANSPORT_PORTLESS)
		*sp = *dp = 0;
	else if (r->transport[pr] == FM_TRANSPORT_ICMP)
		*sp = 0;
}

uint16_t fm_flow_rules_flags(const struct fm_flow_rules *r, int pr, uint16_t flg)
{
	bool cannot = fm_transport_flagless(r->transport[pr]) && r->tcp[flg] && r->plain >= 0;

	return cannot ? (uint16_t)r->plain : flg;
}

bool fm_flow_rules_allow(const struct fm_flow_rules *r, int pr, enum fm_tok c, int b, int zero)
{
	if (c == FM_T_FLG)
		return fm_flow_rules_flags(r, pr, (uint16_t)b) == b;
	return b == zero ||
	       !(r->transport[pr] == FM_TRANSPORT_PORTLESS || (r->transport[pr] == FM_TRANSPORT_ICMP && c == FM_T_SP));
}
