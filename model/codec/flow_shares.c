#include "model/codec/flow_shares.h"

#include <stdlib.h>

#include "base/mem.h"

size_t fm_flow_shares_find(const struct fm_flow_shares *s, uint32_t key)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->at[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->at[lo].key == key ? lo : s->n;
}

void fm_flow_shares_free(struct fm_flow_shares *s)
{
	free(s->at);
	*s = (struct fm_flow_shares){0};
}

json_t *fm_flow_shares_json(const struct fm_flow_shares *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list, json_pack("[I,I,I]", (json_int_t)s->at[i].key, (json_int_t)s->at[i].flows,
						      (json_int_t)s->at[i].of));
	return list;
}

int fm_flow_shares_from_json(struct fm_flow_shares *s, const json_t *j, const char *what, struct fm_error *err)
{
	size_t n = json_array_size(j);
	int rc;

	*s = (struct fm_flow_shares){0};
	if ((rc = fm_alloc(&s->at, n + 1, sizeof *s->at, what, err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(j, i);
		json_int_t key = json_integer_value(json_array_get(row, 0)),
			   flows = json_integer_value(json_array_get(row, 1)),
			   of = json_integer_value(json_array_get(row, 2));

		if (json_array_size(row) != 3 || key < 0 || key > UINT32_MAX ||
		    (i > 0 && (uint32_t)key <= s->at[i - 1].key) || flows < 1 || flows >= (json_int_t)1 << 40 ||
		    of < 0 || of > flows) {
			fm_flow_shares_free(s);
			return fm_fail(err, FM_EINPUT, "the model's codec is damaged: %s", what);
		}
		s->at[s->n++] = (struct fm_flow_share){(uint32_t)key, flows, of};
	}
	return FM_OK;
}
