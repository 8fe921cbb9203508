#include "traces/fields.h"

#include <string.h>

#include "traces/json_line.h"

void fm_fields_plain(const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field, void *ctx)
{
	const char *end = s + n;

	for (;;) {
		const char *stop = memchr(s, d->delimiter, (size_t)(end - s)), *to = stop ? stop : end;

		while (s < to && *s == ' ')
			s++;
		while (to > s && to[-1] == ' ')
			to--;
		field((void *)s, (size_t)(to - s), ctx);
		if (!stop)
			return;
		s = stop + 1;
	}
}

bool fm_fields_unquoted(const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field, void *ctx)
{
	const char *end = s + n, cut = d->delimiter;

	if (memchr(s, '"', n) || memchr(s, '\r', n))
		return false;
	for (;;) {
		const char *stop = s, *to;

		while (stop < end && *stop != cut)
			stop++;
		to = stop;
		while (s < to && (*s == ' ' || *s == '\t'))
			s++;
		while (to > s && (to[-1] == ' ' || to[-1] == '\t'))
			to--;
		field((void *)s, (size_t)(to - s), ctx);
		if (stop == end)
			return true;
		s = stop + 1;
	}
}

void fm_fields_blanks(const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field, void *ctx)
{
	const char *end = s + n;

	for (int k = 0; s < end; k++) {
		const char *from = NULL, *to = s;

		for (int words = k < d->ncols ? d->cols[k].words : 1; words > 0; words--) {
			while (s < end && (*s == ' ' || *s == '\t'))
				s++;
			from = from ? from : s;
			while (s < end && *s != ' ' && *s != '\t')
				s++;
			to = s;
		}
		if (end - s >= 2 && strchr("KMGT", s[1]) && s[1] && (end - s == 2 || s[2] == ' ')) {
			s += 2;
			to = s;
		}
		if (to > from)
			field((void *)from, (size_t)(to - from), ctx);
	}
}

static void on_pair(void *ctx, const char *key, size_t nkey, const char *value, size_t nvalue)
{
	struct fm_json_fields *j = ctx;

	for (int k = 0; k < j->d->ncols; k++) {
		if (!fm_dialect_is_name(j->d, k, key, nkey, false))
			continue;
		/* Of several names one tells the value. */
		j->twice = j->twice || (j->value[k].s && (!j->d->cols[k].nalso || (j->value[k].n && nvalue)));
		if (j->value[k].n)
			continue;
		j->value[k].s = value;
		j->value[k].n = nvalue;
	}
}

int fm_fields_json(struct fm_json_fields *j, const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field,
		   void *ctx, const char **why, struct fm_error *err)
{
	int rc;

	j->d = d;
	j->scratch.len = 0;
	fm_buf_add(&j->scratch, s, n); /* as much room as there can be strings */
	if ((rc = fm_buf_check(&j->scratch, err)) < 0)
		return rc;
	memset(j->value, 0, sizeof j->value);
	j->twice = false;
	*why = fm_json_line(s, n, j->scratch.data, on_pair, j);
	if (!*why && j->twice)
		*why = "a key of JSON stands twice";
	for (int k = 0; k < d->ncols && !*why; k++)
		field((void *)(j->value[k].s ? j->value[k].s : ""), j->value[k].n, ctx);
	return FM_OK;
}
