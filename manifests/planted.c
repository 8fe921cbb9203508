#include "manifests/planted.h"

#include <string.h>

#include "base/json_text.h"

/* clang-format off */
const struct fm_control fm_controls[] = {
	{"fresh",          FM_CONTROL_FRESH,          0,     FM_CONTROL_MUST_PASS},
	{"copy",           FM_CONTROL_COPY,           0.001, FM_CONTROL_FROM_LIMIT},
	{"copy",           FM_CONTROL_COPY,           0.005, FM_CONTROL_FROM_LIMIT},
	{"copy",           FM_CONTROL_COPY,           0.01,  FM_CONTROL_FROM_LIMIT},
	{"copy",           FM_CONTROL_COPY,           0.05,  FM_CONTROL_FROM_LIMIT},
	{"copy",           FM_CONTROL_COPY,           1,     FM_CONTROL_FROM_LIMIT},
	{"copy_fresh_ids", FM_CONTROL_COPY_FRESH_IDS, 0.05,  FM_CONTROL_MAY_PASS},
	{"copy_fresh_ids", FM_CONTROL_COPY_FRESH_IDS, 1,     FM_CONTROL_MUST_FAIL},
	{"copy_doubled",   FM_CONTROL_COPY_DOUBLED,   0.05,  FM_CONTROL_MAY_PASS},
	{"copy_doubled",   FM_CONTROL_COPY_DOUBLED,   1,     FM_CONTROL_MUST_FAIL},
	{"noise",          FM_CONTROL_NOISE,          0.001, FM_CONTROL_MUST_FAIL},
	{"noise",          FM_CONTROL_NOISE,          0.01,  FM_CONTROL_MUST_FAIL},
	{"noise",          FM_CONTROL_NOISE,          0.1,   FM_CONTROL_MUST_FAIL},
	{"outliers",       FM_CONTROL_OUTLIERS,       10,    FM_CONTROL_MUST_FAIL},
	{"one_row",        FM_CONTROL_ONE_ROW,        0,     FM_CONTROL_MUST_FAIL},
	{"independent",    FM_CONTROL_INDEPENDENT,    0,     FM_CONTROL_MUST_FAIL},
	{"shuffled",       FM_CONTROL_SHUFFLED,       0,     FM_CONTROL_MUST_FAIL},
	{"constant",       FM_CONTROL_CONSTANT,       0,     FM_CONTROL_MUST_FAIL},
};
/* clang-format on */
const size_t fm_ncontrols = sizeof fm_controls / sizeof *fm_controls;

const char *fm_control_kind(const struct fm_control *c)
{
	return c->expect == FM_CONTROL_MUST_PASS ? "positive" : "negative";
}

const char *fm_control_expected(const struct fm_control *c, double limit)
{
	bool must_fail =
	    c->expect == FM_CONTROL_MUST_FAIL || (c->expect == FM_CONTROL_FROM_LIMIT && c->level >= limit - 1e-12);

	return c->expect == FM_CONTROL_MUST_PASS ? "pass" : must_fail ? "fail" : "any";
}

int64_t fm_control_rows_told(int64_t rows, int64_t asked)
{
	static const int64_t few[] = {10, 15, 20, 30, 50, 70},
			     many[] = {10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90};
	int64_t best = 0;

	if (rows >= asked)
		return rows;
	for (int64_t power = 1; power < 100; power *= 10)
		for (size_t i = 0; i < sizeof few / sizeof *few; i++)
			best = few[i] * power <= rows ? few[i] * power : best;
	for (int64_t power = 100; power <= rows; power *= 10)
		for (size_t i = 0; i < sizeof many / sizeof *many; i++)
			best = many[i] * power <= rows ? many[i] * power : best;
	return best;
}

bool fm_control_rows_are(int64_t rows, int64_t asked, size_t controls)
{
	return rows >= (controls > 0) && rows <= asked && fm_control_rows_told(rows, asked) == rows;
}

bool fm_control_is(const json_t *o, const struct fm_control *c, double limit)
{
	const json_t *level = json_object_get(o, "level");

	return fm_json_says(o, "name", c->name) && json_is_number(level) && !(json_number_value(level) < c->level) &&
	       !(json_number_value(level) > c->level) && fm_json_says(o, "kind", fm_control_kind(c)) &&
	       fm_json_says(o, "expected", fm_control_expected(c, limit));
}

bool fm_controls_are(const json_t *list, double limit, size_t *which)
{
	size_t at = 0;

	for (size_t i = 0; i < json_array_size(list); i++, at++) {
		while (at < fm_ncontrols && !fm_control_is(json_array_get(list, i), &fm_controls[at], limit))
			at++;
		*which = i;
		if (at == fm_ncontrols)
			return false;
	}
	return true;
}

double fm_controls_smallest_leak(const json_t *list)
{
	double smallest = 0;

	/* Copies are in rising order of their share. */
	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *o = json_array_get(list, i);

		if (!fm_json_says(o, "name", "copy"))
			continue;
		if (!fm_json_says(o, "got", "fail"))
			break;
		smallest = json_number_value(json_object_get(o, "level"));
	}
	return smallest;
}
