/* Lengths of time with their units (value.h): 5s, 1m 2s, 250 ms, PT1M2.5S. */
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "traces/value.h"

#define WEEK_MS (INT64_C(7) * 86400000)

struct unit {
	const char *name;
	int64_t ns;
};

/* From the longest to the shortest; a name and its plural. */
static const struct unit units[] = {
    {"d", INT64_C(86400000000000)},
    {"day", INT64_C(86400000000000)},
    {"h", INT64_C(3600000000000)},
    {"hr", INT64_C(3600000000000)},
    {"hour", INT64_C(3600000000000)},
    {"m", INT64_C(60000000000)},
    {"min", INT64_C(60000000000)},
    {"minute", INT64_C(60000000000)},
    {"s", 1000000000},
    {"sec", 1000000000},
    {"second", 1000000000},
    {"ms", 1000000},
    {"msec", 1000000},
    {"millisecond", 1000000},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, /* micro sign */
    {"\xce\xbcs", 1000}, /* mu */
    {"usec", 1000},
    {"microsecond", 1000},
    {"ns", 1},
    {"nsec", 1},
    {"nanosecond", 1},
};

static int64_t unit_of(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		size_t len = strlen(units[i].name);

		if ((n == len || (n == len + 1 && len > 2 && (s[len] | 0x20) == 's')) &&
		    !strncasecmp(s, units[i].name, len))
			return units[i].ns;
	}
	return 0;
}

static bool is_number(char c)
{
	return (c >= '0' && c <= '9') || c == '.';
}

bool fm_value_units(const char *s, size_t n, int64_t *ms)
{
	const char *end = s + n;
	bool iso = n > 2 && *s == 'P', clock = !iso;
	int64_t ns = 0, last = INT64_MAX, part;

	for (s += iso; s < end;) {
		const char *from = s, *word;

		if (iso && !clock && *s == 'T') {
			clock = true;
			s++;
			continue;
		}
		while (s < end && is_number(*s))
			s++;
		for (word = s; !iso && word < end && *word == ' ';)
			word++;
		for (n = 0; word + n < end && !is_number(word[n]) && word[n] != ' ' && word[n] != 'T';)
			n++;
		int64_t unit = unit_of(word, n);

		/* Each unit once, the longer ones first; months of ISO 8601 have no length. */
		if (!unit || unit >= last || (iso && (n != 1 || clock != (unit < units[0].ns))) ||
		    fm_parse_scaled(from, (size_t)(s - from), 9, &part) || part < 0 ||
		    (double)part * 1e-9 * (double)unit * 1e-6 + (double)ns * 1e-6 > 8.0 * WEEK_MS)
			return false;
		last = unit;
		ns += unit >= 1000000000 ? part * (unit / 1000000000) : part / (1000000000 / unit);
		for (s = word + n; !iso && s < end && *s == ' ';)
			s++;
	}
	*ms = (ns + 500000) / 1000000;
	return last < INT64_MAX;
}
