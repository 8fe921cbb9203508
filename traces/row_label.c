/* The label of a row (row_parts.h): of one that is bad already, and of several columns that are joined. */
#include <string.h>

#include "traces/row_parts.h"

#define JOINT "/"

/* The label of a row that is bad already: which class loses a row. */
void fm_row_take_bad_label(struct fm_row *r, int k, const char *s, size_t n)
{
	char reason[sizeof r->reason];

	memcpy(reason, r->reason, sizeof reason);
	r->bad = false;
	fm_row_category(r, k, s, n);
	r->has_label = !r->bad;
	r->bad = true;
	memcpy(r->reason, reason, sizeof reason);
}

const char *fm_row_bad_label(const struct fm_row *r, char text[FM_DICT_VALUE_MAX + 1])
{
	if (!r->has_label)
		return NULL;
	if (r->nfresh >> FM_LABEL & 1u) {
		memcpy(text, r->fresh[FM_LABEL].text, r->fresh[FM_LABEL].len);
		text[r->fresh[FM_LABEL].len] = 0;
		return text;
	}
	return r->t->dict[FM_LABEL].value[r->t->label[r->t->rows]];
}

/* Which of the label's columns k is. */
static int part_of(const struct fm_dialect *d, int k)
{
	int at = 0;

	for (int i = 0; i < k; i++)
		at += d->cols[i].col == FM_LABEL;
	return at;
}

void fm_row_label_part(struct fm_row *r, int k, const char *s, size_t n, bool missing)
{
	int at = part_of(r->d, k);

	r->join_missing = r->join_missing || missing;
	if (missing)
		return;
	if (n > FM_DICT_VALUE_MAX) {
		fm_row_refuse_value(r, k, "is longer than 255 bytes");
		return;
	}
	memcpy(r->joined[at], s, n);
	r->joined_n[at] = (uint8_t)n;
}

void fm_row_join_label(struct fm_row *r)
{
	char text[FM_DIALECT_JOINED * (FM_DICT_VALUE_MAX + 1)];
	size_t n = 0;
	bool some;
	int k = 0;

	while (r->d->cols[k].col != FM_LABEL)
		k++;
	for (int i = 0; i < FM_DIALECT_JOINED; i++) {
		if (!r->joined_n[i])
			continue;
		if (n)
			text[n++] = *JOINT;
		memcpy(text + n, r->joined[i], r->joined_n[i]);
		n += r->joined_n[i];
	}
	some = n || fm_dialect_label_is_named(r->d, "", 0);
	if (r->bad) {
		if (some)
			fm_row_take_bad_label(r, k, text, n);
		return;
	}
	if (!some && r->join_missing)
		fm_row_missing(r, k);
	else
		fm_row_category(r, k, text, n);
	r->has_label = !r->bad;
}
