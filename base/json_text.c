#include "base/json_text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INTEGER_MOST "9223372036854775807"
enum { INTEGER_DIGITS = sizeof INTEGER_MOST - 1 };

/* Is there an integer beyond 64 bits at s?  *end: behind its digits. */
static bool is_long(const char *s, const char *to, const char **end)
{
	const char *p = s;

	while (p < to && isdigit((unsigned char)*p))
		p++;
	*end = p;
	if (p - s < INTEGER_DIGITS || (p < to && (*p == '.' || *p == 'e' || *p == 'E')))
		return false;
	return p - s > INTEGER_DIGITS || memcmp(s, INTEGER_MOST, INTEGER_DIGITS) > 0;
}

/* The same text, long integers with an exponent of 0; room for an exponent each. */
static size_t with_exponents(const char *text, size_t n, char *out)
{
	const char *p = text, *to = text + n, *end;
	bool quoted = false, fraction = false;
	char *o = out;

	while (p < to) {
		if (!quoted && !fraction && isdigit((unsigned char)*p)) {
			bool more = is_long(p, to, &end);

			memcpy(o, p, (size_t)(end - p));
			o += end - p;
			p = end;
			if (more) {
				*o++ = 'e';
				*o++ = '0';
			}
			continue;
		}
		if (quoted && *p == '\\' && p + 1 < to)
			*o++ = *p++;
		else if (*p == '"')
			quoted = !quoted;
		/* Digits behind a point or an exponent are no integer. */
		fraction = !quoted && (*p == '.' || *p == 'e' || *p == 'E' || (fraction && strchr("+-0123456789", *p)));
		*o++ = *p++;
	}
	return (size_t)(o - out);
}

json_t *fm_json_parse(const char *text, size_t n, size_t flags, json_error_t *at)
{
	json_error_t e;
	json_t *v = json_loadb(text, n, flags, &e);
	json_malloc_t take; /* jansson's, which is watched (base/json_memory.h) */
	json_free_t give;
	char *other;

	json_get_alloc_funcs(&take, &give);
	if (!v && json_error_code(&e) == json_error_numeric_overflow &&
	    (other = take(n + 2 * (n / INTEGER_DIGITS) + 2))) {
		v = json_loadb(other, with_exponents(text, n, other), flags, &e);
		give(other);
	}
	if (at)
		*at = e;
	return v;
}

const char *fm_json_str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

double fm_json_real(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

bool fm_json_says(const json_t *object, const char *key, const char *text)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s && strcmp(s, text) == 0;
}

json_t *fm_json_named(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(fm_json_str(json_array_get(list, i), "name"), name) == 0)
			return json_array_get(list, i);
	return NULL;
}
