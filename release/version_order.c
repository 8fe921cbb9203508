#include "release/version_order.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/num.h"

struct part {
	const char *p;
	size_t n;
};

static struct part take_number(struct part *s)
{
	struct part number;

	while (s->n && *s->p == '0') {
		s->p++;
		s->n--;
	}
	number = (struct part){s->p, 0};
	while (s->n && fm_is_digit(*s->p)) {
		s->p++;
		s->n--;
		number.n++;
	}
	return number;
}

static int compare_parts(struct part a, struct part b)
{
	while (a.n && b.n) {
		if (fm_is_digit(*a.p) && fm_is_digit(*b.p)) {
			struct part x = take_number(&a), y = take_number(&b);
			int order = x.n != y.n ? (x.n < y.n ? -1 : 1) : memcmp(x.p, y.p, x.n);

			if (order != 0)
				return order;
			continue;
		}
		if (*a.p != *b.p)
			return (unsigned char)*a.p < (unsigned char)*b.p ? -1 : 1;
		a = (struct part){a.p + 1, a.n - 1};
		b = (struct part){b.p + 1, b.n - 1};
	}
	return a.n ? 1 : b.n ? -1 : 0;
}

/* Take the part up to one of stops, and that stop too; an empty list gives `missing`. */
static struct part take_part(struct part *s, const char *stops, const char *missing)
{
	struct part part = {s->p, 0};

	if (s->n == 0)
		return (struct part){missing, strlen(missing)};
	while (part.n < s->n && !strchr(stops, s->p[part.n]))
		part.n++;
	s->p += part.n;
	s->n -= part.n;
	if (s->n) {
		s->p++;
		s->n--;
	}
	return part;
}

static int compare_lists(struct part a, struct part b, const char *stops, const char *missing)
{
	while (a.n || b.n) {
		struct part x = take_part(&a, stops, missing), y = take_part(&b, stops, missing);
		int order = compare_parts(x, y);

		if (order != 0)
			return order;
	}
	return 0;
}

int fm_version_compare(const char *a, const char *b)
{
	struct part x = {a, strcspn(a, "+")}, y = {b, strcspn(b, "+")}, core_x = {a, strcspn(a, "+-")},
		    core_y = {b, strcspn(b, "+-")};
	int order = compare_lists(core_x, core_y, ".", "0");

	if (order != 0)
		return order;
	if (core_x.n == x.n || core_y.n == y.n)
		return (core_x.n == x.n) - (core_y.n == y.n);
	return compare_lists((struct part){x.p + core_x.n + 1, x.n - core_x.n - 1},
			     (struct part){y.p + core_y.n + 1, y.n - core_y.n - 1}, ".-", "");
}
