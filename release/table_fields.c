#include "release/table_values.h"

#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "release/columns.h"
#include "release/sign/wire.h"
#include "release/table_parts.h"

#define BIT(kind) (1u << FM_VALUE_##kind)

#define NO_COLUMNS "a row of it has more or fewer values than the schema has fields"

static bool is_missing(const json_t *missing, const char *word, size_t n)
{
	for (size_t i = 0; i < json_array_size(missing); i++) {
		const json_t *w = json_array_get(missing, i);

		if (json_is_string(w) && json_string_length(w) == n && memcmp(json_string_value(w), word, n) == 0)
			return true;
	}
	return false;
}

/* A column, over all lines after the first ones. */
struct column {
	struct fm_column_seen seen;
	uint64_t first[FM_VALUE_KINDS]; /* row, from 1, where a kind was first */
};

static void add_line(struct fm_column_seen *all, const struct fm_column_seen *c)
{
	if (c->kinds & BIT(WHOLE)) {
		all->least = all->kinds & BIT(WHOLE) && all->least < c->least ? all->least : c->least;
		all->most = all->most > c->most ? all->most : c->most;
		all->longer = all->longer || c->longer;
	}
	if (c->kinds & BIT(WORD) && !(all->kinds & BIT(WORD))) {
		memcpy(all->word, c->word, sizeof all->word);
		all->nword = c->nword;
	}
}

static struct column together(const struct fm_reading *r, size_t k, uint64_t head)
{
	struct column all = {0};

	for (uint64_t i = head; i <= FM_FORM_HEAD; i++) {
		const struct fm_column_seen *c = &r->seen[i][k];
		uint32_t kinds = c->kinds;

		add_line(&all.seen, c);
		if (kinds & BIT(WORD) && (c->nword != all.seen.nword || memcmp(c->word, all.seen.word, c->nword) != 0))
			kinds |= BIT(WORDS);
		for (int kind = 0; kind < FM_VALUE_KINDS; kind++)
			if (kinds & 1u << kind && !(all.seen.kinds & 1u << kind))
				all.first[kind] =
				    r->first[i][k][c->kinds & 1u << kind ? kind : FM_VALUE_WORD] - head + 1;
		all.seen.kinds |= kinds;
	}
	return all;
}

/* The number whose digits these are. */
static double number_of(uint64_t text)
{
	double number = 0;

	for (int i = 56; i >= 0; i -= 8)
		number = number * 10 + (double)(text >> i & 0xff ? (text >> i & 0xff) - '0' : 0);
	return number;
}

/* Is a whole number of the column out of bounds?  A number with more than eight digits is known to be above a bound
 * with fewer. */
static bool out_of_bounds(const struct fm_column_seen *c, const json_t *least, const json_t *most)
{
	if (!(c->kinds & BIT(WHOLE)))
		return false;
	if (c->longer && json_is_number(most))
		return json_number_value(most) < 1e8;
	return (json_is_number(least) && c->least != UINT64_MAX && number_of(c->least) < json_number_value(least)) ||
	       (json_is_number(most) && number_of(c->most) > json_number_value(most));
}

/* Which kinds of values a field's type allows, and what they are called; NULL: any. */
static const char *kinds_of(const json_t *field, uint32_t *kinds)
{
	const char *type = fm_json_str(field, "type"), *format = fm_json_str(field, "format");
	const json_t *constraints = json_object_get(field, "constraints");

	if (strcmp(type, "integer") == 0) {
		*kinds = BIT(WHOLE) | BIT(NEGATIVE);
		return "a whole number";
	}
	if (strcmp(type, "number") == 0) {
		*kinds =
		    BIT(WHOLE) | BIT(NEGATIVE) | (fm_json_says(field, "decimalChar", ",") ? BIT(COMMA) : BIT(POINT));
		return "a number";
	}
	if (strcmp(type, "datetime") == 0) {
		*kinds = strcmp(format, FM_TIME_FORMAT) == 0        ? BIT(TIME)
			 : strcmp(format, FM_TIME_PART_FORMAT) == 0 ? BIT(TIME_PART)
								    : 0;
		return "a time of the form that its schema gives";
	}
	if (strcmp(type, "date") == 0) {
		*kinds = strcmp(format, FM_DATE_FORMAT) == 0 ? BIT(DATE) : 0;
		return "a day of the form that its schema gives";
	}
	if (strcmp(type, "time") == 0) {
		*kinds = strcmp(format, FM_CLOCK_FORMAT) == 0        ? BIT(CLOCK)
			 : strcmp(format, FM_CLOCK_PART_FORMAT) == 0 ? BIT(CLOCK_PART)
								     : 0;
		return "a time of day of the form that its schema gives";
	}
	if (strcmp(type, "string") != 0)
		return "of a type that this version knows: was it made by a newer flowmint? Then take its "
		       "flowmint-verify";
	if (fm_json_says(constraints, "pattern", FM_ADDRESS_PATTERN)) {
		*kinds = BIT(IPV4) | BIT(IPV6);
		return "an address";
	}
	return NULL;
}

static const char *not_in_column(char why[256], const json_t *field, uint64_t row, const char *what)
{
	char name[80];

	fm_printable(fm_json_str(field, "name"), strlen(fm_json_str(field, "name")), name, sizeof name);
	snprintf(why, 256, "row %llu: its %s is %s", (unsigned long long)row, name, what);
	return why;
}

/* NULL, or what was seen in a column that its field does not allow. */
static const char *field_fault(const struct column *column, const json_t *field, const json_t *missing, char why[256])
{
	const struct fm_column_seen *c = &column->seen;
	const json_t *constraints = json_object_get(field, "constraints"),
		     *least = json_object_get(constraints, "minimum"), *most = json_object_get(constraints, "maximum");
	bool required = json_is_true(json_object_get(constraints, "required")),
	     word = (c->kinds & (BIT(WORD) | BIT(WORDS))) == BIT(WORD);
	uint32_t allowed = 0, other;
	const char *what = kinds_of(field, &allowed);
	char text[128];

	if (required && c->kinds & BIT(EMPTY))
		return not_in_column(why, field, column->first[FM_VALUE_EMPTY], "empty");
	if (!what)
		return NULL;
	if (word && !required && is_missing(missing, c->word, c->nword))
		allowed |= BIT(WORD);
	/* JSON has strings for all but numbers. */
	other = c->kinds & ~(allowed | BIT(EMPTY) | BIT(QUOTED) | BIT(BARE));
	if (allowed & BIT(WHOLE) && c->kinds & BIT(QUOTED) && !(allowed & BIT(WORD)))
		other |= BIT(QUOTED);
	if (!(allowed & BIT(WHOLE)) && c->kinds & BIT(BARE))
		other |= BIT(BARE);
	if (other) {
		int kind = __builtin_ctz(other);

		for (int i = kind; i < FM_VALUE_KINDS; i++)
			if (other & 1u << i && column->first[i] < column->first[kind])
				kind = i;
		snprintf(text, sizeof text, "not %s", what);
		return not_in_column(why, field, column->first[kind], text);
	}
	if (json_is_number(least) && json_number_value(least) >= 0 && c->kinds & BIT(NEGATIVE))
		return not_in_column(why, field, column->first[FM_VALUE_NEGATIVE], "less than its schema allows");
	if (out_of_bounds(c, least, most)) {
		fm_printable(fm_json_str(field, "name"), strlen(fm_json_str(field, "name")), text, sizeof text);
		snprintf(why, 256, "a value of %s is less or more than its schema allows", text);
		return why;
	}
	return NULL;
}

/* Are the keys of the first line, and so of all, the names of the fields? */
static bool has_keys(const struct fm_table_values *v, const json_t *fields)
{
	const char *end = v->begin.len ? memchr(v->begin.data, '\n', v->begin.len) : NULL;
	json_t *first = end ? fm_json_parse(v->begin.data, (size_t)(end - v->begin.data), JSON_REJECT_DUPLICATES, NULL)
			    : NULL,
	       *value;
	bool has = json_object_size(first) == json_array_size(fields) && !v->other;
	const char *key;
	size_t i = 0;

	json_object_foreach(first, key, value) has = has && fm_json_says(json_array_get(fields, i++), "name", key);
	json_decref(first);
	return has;
}

/* Does that line (from 1) have the names of the fields? */
static bool has_names(const struct fm_table_values *v, const struct fm_table_layout *l, const json_t *fields)
{
	const char *at = v->begin.data, *end = at + v->begin.len;

	for (uint64_t i = 1; i < l->names && at; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	for (size_t i = 0; at && i < json_array_size(fields); i++) {
		const char *name = fm_json_str(json_array_get(fields, i), "name");
		bool open = l->quotes && at < end && *at == '"';

		at += open;
		for (; *name; name++) {
			at += open && *name == '"' && at < end && *at == '"'; /* two quotes inside are one */
			if (at >= end || *at++ != *name)
				return false;
		}
		if (open && (at >= end || *at++ != '"'))
			return false;
		if (i + 1 < json_array_size(fields) ? at >= end || *at++ != l->delimiter
						    : at >= end || (*at != '\n' && *at != '\r'))
			return false;
	}
	return at != NULL;
}

static const struct fm_reading *reading_of(const struct fm_table_values *v, const struct fm_table_layout *l)
{
	const struct fm_reading *whole = NULL;

	for (size_t i = 0; i < v->n; i++) {
		const struct fm_reading *r = v->reading[i];

		if (v->json)
			return r;
		if (r->quotes != (l->quotes && v->has_quotes))
			continue;
		if (r->delimiter == l->delimiter)
			return r;
		if (r->delimiter == FM_VALUES_NO_DELIMITER)
			whole = r;
	}
	return whole;
}

/* Has each row so many values? */
static bool has_columns(const struct fm_table_values *v, const struct fm_reading *r, uint64_t head, size_t n)
{
	for (uint64_t i = head; i <= FM_FORM_HEAD && !v->json; i++)
		if (r->seen[i][n].kinds || (i < r->line && r->fewest[i] < n - 1))
			return false;
	return true;
}

/* Field k as its values are.  Between blanks a time is two of them: versions before have it as one field. */
static json_t *old_parts(const json_t *field)
{
	bool part = fm_json_says(field, "format", FM_TIME_PART_FORMAT);
	const char *name = fm_json_str(field, "name");

	return json_pack("[{s:s,s:s,s:s},{s:s,s:s,s:s}]", "name", name, "type", "date", "format", FM_DATE_FORMAT,
			 "name", name, "type", "time", "format", part ? FM_CLOCK_PART_FORMAT : FM_CLOCK_FORMAT);
}

/* The fields as rows have their values. */
static json_t *fields_of(const json_t *schema, const struct fm_table_layout *l, bool json)
{
	const json_t *fields = json_object_get(schema, "fields");
	json_t *list = json_array(), *parts;
	int bad = !list;

	for (size_t i = 0; i < json_array_size(fields); i++) {
		json_t *f = json_array_get(fields, i);

		if (json || l->delimiter != ' ' || !fm_json_says(f, "type", "datetime")) {
			bad |= json_array_append(list, f);
			continue;
		}
		parts = old_parts(f);
		bad |= !parts || json_array_extend(list, parts);
		json_decref(parts);
	}
	if (!bad)
		return list;
	json_decref(list);
	return NULL;
}

static bool has_text(const json_t *values)
{
	uint32_t ignored;
	bool has = false;

	for (size_t i = 0; i < json_array_size(values); i++)
		has = has || !kinds_of(json_array_get(values, i), &ignored);
	return has;
}

static const char *fault_of(const struct fm_table_values *v, const struct fm_table_layout *layout, const json_t *schema,
			    const json_t *values, char why[256])
{
	const json_t *missing = json_object_get(schema, "missingValues");
	const struct fm_reading *r = reading_of(v, layout);
	const char *fault = NULL;
	size_t n = json_array_size(values);

	/* Too long to be looked at by a delimiter that is not theirs alone (table_values.c). */
	if (!r && (n == 1 || (layout->delimiter == ' ' && n <= 3)) && has_text(values))
		return NULL;
	if (!r || n == 0 || n > FM_VALUES_COLUMNS || layout->head > FM_FORM_HEAD || !has_columns(v, r, layout->head, n))
		return NO_COLUMNS;
	if (v->json && !has_keys(v, json_object_get(schema, "fields")))
		return "a line of it has other keys than the schema has fields";
	if (layout->names && !has_names(v, layout, json_object_get(schema, "fields")))
		return "its header has other names than the schema";
	for (size_t k = 0; k < n && !fault; k++) {
		struct column c = together(r, k, layout->head);

		fault = field_fault(&c, json_array_get(values, k), missing, why);
	}
	return fault;
}

const char *fm_table_values_fault(const struct fm_table_values *v, const struct fm_table_layout *layout,
				  const json_t *schema, char why[256])
{
	json_t *values = fields_of(schema, layout, v->json);
	const char *fault =
	    values ? fault_of(v, layout, schema, values, why) : "there is no memory to look at its values";

	json_decref(values);
	return fault;
}
