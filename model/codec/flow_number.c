/* flow_number.c - the numbers of a flow. */
#include "model/codec/flow_number.h"

int64_t fm_flow_number(const struct fm_table *t, enum fm_res r, size_t i)
{
	uint64_t pkt;
	switch (r) {
	case FM_R_GAP:
		return FM_HAS(t, FM_GAP) ? t->gap[i] : i > 0 && t->te[i] > t->te[i - 1] ? t->te[i] - t->te[i - 1] : 0;
	case FM_R_SP:
		return t->sp[i];
	case FM_R_DP:
		return t->dp[i];
	case FM_R_PKT:
		return (int64_t)(t->pkt[i] < (1ull << 40) ? t->pkt[i] : 1ull << 40);
	case FM_R_TD:
		return t->td[i];
	default:
		pkt = t->pkt[i] ? t->pkt[i] : 1;
		return t->byt[i] < (1ull << 50) ? (int64_t)((t->byt[i] * 1000 + pkt / 2) / pkt)
						: (int64_t)(t->byt[i] / pkt) * 1000;
	}
}
