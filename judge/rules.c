#include "judge/rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/transport.h"
#include "judge/column.h"

enum rule {
	NO_PACKET,
	SHORT_BYTES,
	LONG_BYTES,
	ICMP_PORT,
	SAME_ADDRESS,
	PORTLESS_PORT,
	FLAGS_OUTSIDE_TCP,
	BROKEN,
	TD_ONE_PACKET,
	OVER_1500,
	PORTS_WITHOUT,
	NRULES
};
#define C(c) (1u << (c))
static const struct {
	const char *name;
	unsigned needs;
} rules[NRULES] = {
    [NO_PACKET] = {"no_packet", C(FM_PKT)},
    [SHORT_BYTES] = {"short_bytes", C(FM_PKT) | C(FM_BYT)},
    [LONG_BYTES] = {"long_bytes", C(FM_PKT) | C(FM_BYT)},
    [ICMP_PORT] = {"icmp_source_port", C(FM_PR) | C(FM_SP)},
    [SAME_ADDRESS] = {"same_address", C(FM_SA) | C(FM_DA)},
    [PORTLESS_PORT] = {"portless_port", C(FM_PR) | C(FM_SP) | C(FM_DP)},
    [FLAGS_OUTSIDE_TCP] = {"flags_outside_tcp", C(FM_PR) | C(FM_FLG)},
    [BROKEN] = {"broken_share", C(FM_PKT)},
    [TD_ONE_PACKET] = {"td_one_packet", C(FM_TD) | C(FM_PKT)},
    [OVER_1500] = {"over_1500", C(FM_PKT) | C(FM_BYT)},
    [PORTS_WITHOUT] = {"ports_without", C(FM_PR) | C(FM_SP) | C(FM_DP)},
};

/* byt > limit * pkt, where the product may not fit. */
static int more_than(uint64_t byt, uint64_t pkt, uint64_t limit)
{
	return (__extension__(unsigned __int128) pkt) * limit < byt;
}

static int less_than(uint64_t byt, uint64_t pkt, uint64_t limit)
{
	return (__extension__(unsigned __int128) pkt) * limit > byt;
}

struct counts {
	size_t rule[NRULES], portless; /* portless: rows of protocols without ports */
};

static int count(const struct fm_table *t, unsigned has, struct counts *n, struct fm_error *err)
{
	size_t k = t->dict[FM_PR].n, nf = t->dict[FM_FLG].n;
	uint8_t *kind = NULL, *tcp = NULL;
	int rc;

	*n = (struct counts){0};
	if ((rc = fm_alloc(&kind, k + 1, 1, "protocols", err)) < 0 ||
	    (rc = fm_alloc(&tcp, nf + 1, 1, "flags", err)) < 0)
		goto out;
	for (size_t i = 0; i < k; i++)
		kind[i] = (uint8_t)fm_transport_of(t->dict[FM_PR].value[i]);
	for (size_t i = 0; i < nf; i++)
		tcp[i] = fm_flags_are_tcp(t->dict[FM_FLG].value[i]);

#define HAS(rule) ((has & rules[rule].needs) == rules[rule].needs)
	for (size_t i = 0; i < t->rows; i++) {
		uint8_t hit[NRULES] = {0};
		if (HAS(NO_PACKET))
			hit[NO_PACKET] = t->pkt[i] < 1;
		if (HAS(SHORT_BYTES)) {
			hit[SHORT_BYTES] = (uint8_t)less_than(t->byt[i], t->pkt[i], 20);
			hit[LONG_BYTES] = (uint8_t)more_than(t->byt[i], t->pkt[i], 65535);
			hit[OVER_1500] = (uint8_t)more_than(t->byt[i], t->pkt[i], 1500);
		}
		if (HAS(ICMP_PORT))
			hit[ICMP_PORT] = kind[t->pr[i]] == FM_TRANSPORT_ICMP && t->sp[i] != 0;
		if (HAS(SAME_ADDRESS))
			hit[SAME_ADDRESS] = t->sa[i] == t->da[i];
		if (HAS(PORTLESS_PORT))
			hit[PORTLESS_PORT] =
			    kind[t->pr[i]] == FM_TRANSPORT_PORTLESS && (t->sp[i] != 0 || t->dp[i] != 0);
		if (HAS(FLAGS_OUTSIDE_TCP))
			hit[FLAGS_OUTSIDE_TCP] = fm_transport_flagless(kind[t->pr[i]]) && tcp[t->flg[i]];
		if (HAS(TD_ONE_PACKET))
			hit[TD_ONE_PACKET] = t->pkt[i] == 1 && t->td[i] > 0;
		if (HAS(PORTS_WITHOUT) && kind[t->pr[i]] != FM_TRANSPORT_TCP && kind[t->pr[i]] != FM_TRANSPORT_PORTS) {
			bool icmp = kind[t->pr[i]] == FM_TRANSPORT_ICMP;
			n->portless++;
			hit[PORTS_WITHOUT] = t->sp[i] != 0 || (!icmp && t->dp[i] != 0);
		}
		for (int r = NO_PACKET; r < BROKEN; r++)
			hit[BROKEN] |= hit[r];
		for (int r = 0; r < NRULES; r++)
			n->rule[r] += hit[r];
		fm_table_forget_behind(t, i);
	}
out:
	free(kind);
	free(tcp);
	return rc;
}

static int add(struct fm_metrics *out, const char *prefix, enum rule r, const char *of, const struct counts *c,
	       size_t rows, struct fm_error *err)
{
	size_t n = r == PORTS_WITHOUT ? c->portless : rows;
	char name[64];

	snprintf(name, sizeof name, "%srules.%s%s", prefix, rules[r].name, of);
	return fm_metrics_add(out, name, n ? (double)c->rule[r] / (double)n : 0.0, (int64_t)n, err);
}

int fm_rules(const struct fm_table *real, const struct fm_table *synthetic, const char *prefix, struct fm_metrics *out,
	     struct fm_error *err)
{
	unsigned has = real->present & synthetic->present;
	struct counts x, y;
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	if ((rc = count(real, has, &x, err)) < 0 || (rc = count(synthetic, has, &y, err)) < 0)
		return rc;
	for (int r = 0; r < NRULES; r++) {
		if (!HAS(r))
			continue;
		if ((rc = add(out, prefix, r, r > BROKEN ? "_synthetic" : "", &y, synthetic->rows, err)) < 0)
			return rc;
		if (r >= BROKEN && (rc = add(out, prefix, r, "_real", &x, real->rows, err)) < 0)
			return rc;
	}
	return FM_OK;
}
