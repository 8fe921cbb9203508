#include "traces/exchange.h"

#include <string.h>

#include "base/hash.h"

/* Little-endian, whatever the machine. */
static size_t put(uint8_t *at, uint64_t v, size_t nbytes)
{
	for (size_t i = 0; i < nbytes; i++)
		at[i] = (uint8_t)(v >> 8 * i);
	return nbytes;
}

int fm_exchange_place(const struct fm_secret *key, const struct fm_table *t, size_t row, double *place,
		      struct fm_error *err)
{
	const struct fm_address end[2] = {fm_table_address(t, FM_HAS(t, FM_SA) ? t->sa[row] : 0),
					  fm_table_address(t, FM_HAS(t, FM_DA) ? t->da[row] : 0)};
	uint16_t port[2] = {FM_HAS(t, FM_SP) ? t->sp[row] : 0, FM_HAS(t, FM_DP) ? t->dp[row] : 0};
	int order = memcmp(end[0].b, end[1].b, sizeof end[0].b), back = order > 0 || (order == 0 && port[0] > port[1]);
	int64_t ms = FM_HAS(t, FM_TE) ? t->te[row] : 0, slot = ms / FM_EXCHANGE_MS - (ms % FM_EXCHANGE_MS < 0);
	const char *protocol = FM_HAS(t, FM_PR) ? fm_table_category(t, FM_PR, row) : "";
	uint8_t text[2 * 18 + 8 + FM_DICT_VALUE_MAX], mac[FM_SHA256_LEN];
	size_t n = 0, len = strnlen(protocol, FM_DICT_VALUE_MAX);
	uint64_t bits = 0;
	int rc;

	for (int e = 0; e < 2; e++) {
		memcpy(text + n, end[e ^ back].b, sizeof end[0].b);
		n += sizeof end[0].b;
		n += put(text + n, port[e ^ back], 2);
	}
	n += put(text + n, (uint64_t)slot, 8);
	memcpy(text + n, protocol, len);
	if ((rc = fm_hmac_sha256(key->data, key->len, text, n + len, mac, err)) < 0)
		return rc;
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | mac[i];
	*place = (double)(bits >> 11) * 0x1p-53;
	return FM_OK;
}

int fm_exchange_split_of(const struct fm_secret *key, const struct fm_table *t, size_t row, double validation,
			 double holdout, enum fm_split *split, struct fm_error *err)
{
	double place;
	int rc;

	if ((rc = fm_exchange_place(key, t, row, &place, err)) < 0)
		return rc;
	*split = place < holdout                ? FM_SPLIT_HOLDOUT
		 : place < holdout + validation ? FM_SPLIT_VALIDATION
						: FM_SPLIT_TRAIN;
	return FM_OK;
}
