#include "traces/text_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

#define ENOUGH 1000000 /* pairs */

static size_t format_address(const struct fm_table *t, uint32_t code, char *out)
{
	struct fm_address a = fm_table_address(t, code);

	return fm_address_format(&a, out);
}

static void text_of(const struct fm_table *t, size_t row, char text[FM_TEXT_ORDER_MAX])
{
	size_t n = fm_format_ms_as_s(t->td[row], text);

	text[n++] = ',';
	n += format_address(t, t->sa[row], text + n);
	text[n++] = ',';
	n += format_address(t, t->da[row], text + n);
	text[n++] = ',';
	n += fm_format_u64(t->sp[row], text + n);
	text[n++] = ',';
	n += fm_format_u64(t->dp[row], text + n);
	text[n] = 0;
}

/* The text of column c in a buffer or in the dictionary. */
static const char *field_text(const struct fm_table *t, int c, size_t row, char out[FM_TEXT_ORDER_MAX])
{
	switch (fm_cols[c].kind) {
	case FM_KIND_CATEGORY:
		return fm_table_category(t, (enum fm_col)c, row);
	case FM_KIND_ADDRESS:
		out[format_address(t, ((const uint32_t *)t->col[c])[row], out)] = 0;
		return out;
	case FM_KIND_DURATION:
		out[fm_format_ms_as_s(t->td[row], out)] = 0;
		return out;
	default:
		out[fm_format_u64(fm_table_value(t, c, row), out)] = 0;
		return out;
	}
}

/* Compare two fields as if a comma followed each, as within a line. */
static int compare_fields(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	unsigned char x = (unsigned char)(*a ? *a : ','), y = (unsigned char)(*b ? *b : ',');
	return *a == *b ? 0 : x != y ? (x > y) - (x < y) : *a ? 1 : -1;
}

int fm_text_order_compare(const struct fm_table *t, size_t i, size_t j)
{
	static const enum fm_col line[] = {FM_TD,  FM_SA,  FM_DA,   FM_SP,  FM_DP,  FM_PR,
					   FM_FLG, FM_FWD, FM_STOS, FM_PKT, FM_BYT, FM_LABEL};
	char a[FM_TEXT_ORDER_MAX], b[FM_TEXT_ORDER_MAX];
	int order = 0;

	for (size_t k = 0; !order && k < sizeof line / sizeof *line; k++)
		if (FM_HAS(t, line[k]) && fm_table_value(t, line[k], i) != fm_table_value(t, line[k], j))
			order = compare_fields(field_text(t, line[k], i, a), field_text(t, line[k], j, b));
	return order;
}

void fm_text_order_look(struct fm_text_order *o, const struct fm_table *t, size_t first)
{
	for (size_t i = first, last = SIZE_MAX; i < t->rows && o->same < ENOUGH; i++) {
		char now[FM_TEXT_ORDER_MAX];

		if (o->begun && t->te[i] == o->te) { /* texts cost time: make them only where two are compared */
			if (i > first && last != i - 1)
				text_of(t, i - 1, o->last);
			text_of(t, i, now);
			o->same++;
			o->wrong += strcmp(o->last, now) > 0;
			memcpy(o->last, now, sizeof now);
			last = i;
		} else if (i + 1 == t->rows) {
			text_of(t, i, o->last); /* for the next call */
		}
		o->te = t->te[i];
		o->begun = true;
	}
}

bool fm_text_order_found(const struct fm_text_order *o)
{
	return o->same >= 100 && o->wrong <= o->same / 1000;
}

struct key {
	int64_t te;
	size_t row;
	char text[FM_TEXT_ORDER_MAX];
};

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int text = x->te == y->te ? strcmp(x->text, y->text) : 0;

	return x->te != y->te ? (x->te < y->te ? -1 : 1) : text ? text : (x->row > y->row) - (x->row < y->row);
}

int fm_text_order_sort(struct fm_table *t, struct fm_error *err)
{
	struct key *key = NULL;
	char *copy = NULL;
	int rc;

	if ((rc = fm_alloc(&key, t->rows + 1, sizeof *key, "row order", err)) < 0 ||
	    (rc = fm_alloc(&copy, t->rows + 1, 8, "row order", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++) {
		key[i].te = t->te[i];
		key[i].row = i;
		text_of(t, i, key[i].text);
	}
	qsort(key, t->rows, sizeof *key, compare_keys);
	for (int c = 0; c < FM_NCOL; c++) {
		size_t w = fm_cols[c].width;

		if (!FM_HAS(t, c))
			continue;
		memcpy(copy, t->col[c], t->rows * w);
		for (size_t i = 0; i < t->rows; i++)
			memcpy((char *)t->col[c] + i * w, copy + key[i].row * w, w);
	}
out:
	free(key);
	free(copy);
	return rc;
}
