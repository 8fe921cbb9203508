/* The map of labels: what a spelling of the trace stands for, and how a label is written. */
#include "manifests/dialect.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Does the text of a dialect stand for s? A byte of s that is no UTF-8 is written \xNN in the dialect (U+00NN). */
static bool is_same(const char *from, const char *s, size_t n)
{
	size_t len = strlen(from), bytes, at = 0;
	uint32_t code;

	if (len == n && !memcmp(from, s, n))
		return true;
	for (size_t i = 0; i < len; i += bytes, at++) {
		if (!(bytes = fm_utf8_next(from + i, len - i, &code)) || code > 0xff || at >= n ||
		    (unsigned char)s[at] != code)
			return false;
	}
	return at == n;
}

static bool is_pattern(const char *from)
{
	return strchr(from, '*') != NULL;
}

/* A star stands for any bytes, or for none. Upper and lower case are the same. */
static bool is_like(const char *pattern, const char *s, size_t n)
{
	const char *star = NULL, *end = s + n, *from = s;

	while (s < end) {
		if (*pattern == '*') {
			star = ++pattern;
			from = s;
		} else if (*pattern && !strncasecmp(pattern, s, 1)) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

int fm_dialect_label_entry(const struct fm_dialect *d, const char *s, size_t n)
{
	for (int i = 0; i < d->nlabels; i++)
		if (is_same(d->labels[i].from, s, n))
			return i;
	for (int i = 0; i < d->nlabels; i++)
		if (strlen(d->labels[i].from) == n && !strncasecmp(d->labels[i].from, s, n))
			return i;
	for (int i = 0; i < d->nlabels; i++)
		if (is_pattern(d->labels[i].from) && is_like(d->labels[i].from, s, n))
			return i;
	return -1;
}

const char *fm_dialect_label_of(const struct fm_dialect *d, const char *s, size_t n)
{
	int i = fm_dialect_label_entry(d, s, n);

	return i < 0 ? NULL : d->labels[i].to;
}

bool fm_dialect_label_is_named(const struct fm_dialect *d, const char *s, size_t n)
{
	for (int i = 0; i < d->nlabels; i++)
		if (strlen(d->labels[i].from) == n && !strncasecmp(d->labels[i].from, s, n))
			return true;
	return false;
}

/* \xNN in a map is a byte that is no UTF-8, which a release never has. */
static bool is_spelling(const struct fm_dialect *d, const char *s)
{
	uint32_t code;
	size_t len;

	if (fm_dialect_is_missing(d, s, strlen(s)))
		return false;
	for (; *s; s += len)
		if (!(len = fm_utf8_next(s, strlen(s), &code)) || (code >= 0x80 && code < 0xa0))
			return false;
	return true;
}

const char *fm_dialect_label(const struct fm_dialect *d, const char *value)
{
	for (int i = 0; i < d->nlabels; i++)
		if (strcmp(d->labels[i].to, value) == 0 && !is_pattern(d->labels[i].from) &&
		    is_spelling(d, d->labels[i].from))
			return d->labels[i].from;
	return value;
}

const char *fm_dialect_label_read(const struct fm_dialect *d, const char *spelled)
{
	const char *label = fm_dialect_label_of(d, spelled, strlen(spelled));

	return label ? label : spelled;
}
