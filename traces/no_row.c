#include "traces/no_row.h"

#include <string.h>

bool fm_no_row_blank(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r')
			return false;
	return true;
}

/* Where nfdump writes for people. */
bool fm_no_row_summary(const char *s, size_t n)
{
	static const char *const words[] = {
	    "Summary: ", "Time window: ", "Total flows processed: ", "Sys: ", "No match"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t len = strlen(words[i]);

		if (n > len && !memcmp(s, words[i], len))
			return true;
	}
	return false;
}

bool fm_no_row_cr(const char *s, size_t n)
{
	const char *cr = memchr(s, '\r', n), *end = s + n;

	return cr && cr + 1 < end && memchr(cr + 1, '\r', (size_t)(end - cr - 1));
}

bool fm_no_row_json(const char *s, size_t n)
{
	size_t i = 1;

	while (i < n && (s[i] == ' ' || s[i] == '\t'))
		i++;
	return *s == '{' || (*s == '[' && (i == n || s[i] == '{'));
}

bool fm_no_row_ruler(const char *s, size_t n)
{
	size_t dashes = 0, i = 0;

	if (n > 6 && *s == '(') {
		for (i = 1; i < n && s[i] >= '0' && s[i] <= '9'; i++)
			;
		return i > 1 &&
		       ((n - i == 6 && !memcmp(s + i, " rows)", 6)) || (n - i == 5 && !memcmp(s + i, " row)", 5)));
	}
	for (; i < n && strchr("+-|=: \t", s[i]) && s[i]; i++)
		dashes += s[i] == '-' || s[i] == '=';
	return i == n && dashes > 5 && (*s == '+' || *s == '|' || *s == '-');
}

bool fm_no_row_empty(const struct fm_dialect *d, const char *s, size_t n)
{
	bool some = false;

	if (d->blanks)
		return false;
	for (size_t i = 0; i < n; i++) {
		some = some || s[i] == d->delimiter;
		if (s[i] != d->delimiter && s[i] != ' ' && s[i] != '\t' && (s[i] != '"' || d->no_quotes))
			return false;
	}
	return some;
}
