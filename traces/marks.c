#include "traces/marks.h"

#include <stdbool.h>
#include <string.h>

#include "base/num.h"

size_t fm_thousands_at(char mark, const char *s, size_t n)
{
	static const struct {
		char mark, form[4];
	} forms[] = {{' ', "\xc2\xa0"}, {' ', "\xe2\x80\xaf"}, {' ', "\xa0"}, {'\'', "\xe2\x80\x99"}, {'\'', "\x92"}};

	if (mark && n && *s == mark)
		return 1;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		size_t len = strlen(forms[i].form);

		if (forms[i].mark == mark && len <= n && !memcmp(s, forms[i].form, len))
			return len;
	}
	return 0;
}

const char *fm_plain_number(const struct fm_dialect *d, const char **s, size_t *n, char out[FM_NUMBER_MAX])
{
	static const char groups[] = "has a mark of thousands that does not stand before three digits";
	size_t len = 0, group = 0, mark; /* group: digits after the last mark */
	bool grouped = false, whole = true;

	if ((d->decimal != ',' && !d->thousands) || *n >= FM_NUMBER_MAX)
		return NULL;
	for (const char *p = *s, *end = p + *n; p < end; p++) {
		if (fm_is_digit(*p)) {
			group++;
		} else if (whole && group && (mark = fm_thousands_at(d->thousands, p, (size_t)(end - p))) &&
			   p + mark < end && fm_is_digit(p[mark])) {
			if (grouped ? group != 3 : group > 3 || out[len - group] == '0')
				return groups;
			grouped = true;
			group = 0;
			p += mark - 1;
			continue;
		} else if (group || grouped || (*p != '-' && *p != '+')) {
			if (whole && grouped && group != 3)
				return groups;
			whole = false;
			if (d->decimal == ',' && *p == '.')
				return "has a point, where the dialect's decimal is a comma";
		}
		out[len++] = d->decimal == ',' && *p == ',' ? '.' : *p;
	}
	if (whole && grouped && group != 3)
		return groups;
	*s = out;
	*n = len;
	return NULL;
}
