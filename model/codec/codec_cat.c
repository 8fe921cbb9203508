/* codec_cat.c - category columns: which values have tokens, and which token a value has. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/codec/columns.h"

int fm_cat_fit(struct fm_cat *c, const struct fm_table *t, enum fm_col col, int min_count, struct fm_error *err)
{
	const struct fm_dict *d = &t->dict[col];
	const uint16_t *v = t->col[col];
	size_t *count = NULL;
	int rc;
	if ((rc = fm_alloc(&count, d->n + 1, sizeof *count, "category counts", err)) < 0 ||
	    (rc = fm_alloc(&c->value, d->n + 1, sizeof *c->value, "categories", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		count[v[i]]++;
	for (;;) { /* by falling frequency; the first is kept however rare */
		size_t best = 0;
		for (size_t j = 1; j < d->n; j++)
			if (count[j] > count[best])
				best = j;
		if (d->n == 0 || count[best] == 0 || (c->n > 0 && count[best] < (size_t)min_count))
			break;
		c->value[c->n] = strdup(d->value[best]);
		if (!c->value[c->n++]) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
			goto out;
		}
		count[best] = 0;
	}
out:
	free(count);
	return rc;
}

int fm_cat_token(const struct fm_cat *c, const char *s)
{
	int best = c->other;
	size_t same = 0, len = strlen(s);
	for (int i = 0; i < c->n; i++) {
		if (strcmp(c->value[i], s) == 0)
			return i;
		if (strlen(c->value[i]) != len)
			continue;
		size_t k = 0;
		for (size_t j = 0; j < len; j++)
			k += c->value[i][j] == s[j];
		if (k > same && 2 * k >= len) {
			same = k;
			best = i;
		}
	}
	return best;
}
