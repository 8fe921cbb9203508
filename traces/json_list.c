#include "traces/json_list.h"

#include <string.h>

#include "traces/trace.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A list, or a brace that is alone on its line. */
static bool is_such(const char *s, const char *end)
{
	if (*s == '[')
		return true;
	for (s += *s == '{'; s < end && *s != '\n'; s++)
		if (!is_blank(*s))
			return false;
	return true;
}

static void begin(struct fm_json_list *l, const char **s, const char *end, struct fm_buf *out)
{
	const char *at = *s;

	if (end - at >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
		at += 3;
	for (; at < end && (is_blank(*at) || *at == '\n'); at++)
		l->line += *at == '\n';
	if (at == end)
		return;
	l->begun = true;
	l->is = (*at == '[' || *at == '{') && is_such(at, end);
	if (l->is) { /* the byte-order mark is not part of the list */
		for (const char *c = *s; c < at; c++)
			if (*c == '\n')
				fm_buf_add(out, c, 1);
		*s = at;
	}
}

static void end_object(struct fm_json_list *l, struct fm_buf *out)
{
	for (; l->breaks; l->breaks--)
		fm_buf_add(out, "\n", 1);
	l->owed = true;
}

/* A byte that is in no object. */
static void outside(struct fm_json_list *l, char c, struct fm_buf *out)
{
	if (c == '[' && !l->listed) {
		l->listed = true;
	} else if (c == ']' && l->listed) {
		l->listed = false;
	} else if (c == '\n') {
		fm_buf_add(out, "\n", 1);
		l->owed = false;
	} else if (c == '{') {
		if (l->owed)
			fm_buf_add(out, "\n", 1);
		fm_buf_add(out, "{", 1);
		l->owed = false;
		l->depth = 1;
		l->bytes = 1;
		l->began_at = l->line + 1;
	} else if (!is_blank(c) && !(c == ',' && l->listed)) {
		if (l->owed)
			fm_buf_add(out, "\n", 1);
		l->owed = false;
		fm_buf_add(out, &c, 1);
	}
}

static void inside(struct fm_json_list *l, char c, struct fm_buf *out)
{
	l->bytes++;
	if (l->quoted) {
		l->quoted = l->escaped || c != '"';
		l->escaped = c == '\\' && !l->escaped;
		fm_buf_add(out, &c, 1);
		return;
	}
	if (c == '\n') {
		l->breaks++;
		fm_buf_add(out, " ", 1);
		return;
	}
	fm_buf_add(out, &c, 1);
	l->quoted = c == '"';
	l->depth += c == '{' || c == '[';
	l->depth -= c == '}' || c == ']';
	if (!l->depth)
		end_object(l, out);
}

int fm_json_list_add(struct fm_json_list *l, const char *s, size_t n, struct fm_buf *out, struct fm_error *err)
{
	const char *end = s + n;

	if (!l->begun)
		begin(l, &s, end, out);
	if (!l->is) {
		fm_buf_add(out, s, (size_t)(end - s));
		return fm_buf_check(out, err);
	}
	for (; s < end; s++) {
		if (l->depth)
			inside(l, *s, out);
		else
			outside(l, *s, out);
		l->line += *s == '\n';
		if (l->depth && l->bytes > FM_TRACE_MAXLINE)
			return fm_fail(
			    err, FM_EINPUT,
			    "the object of JSON that begins on line %llu is over 1 MiB long: a brace or a quote "
			    "is missing in it",
			    (unsigned long long)l->began_at);
	}
	return fm_buf_check(out, err);
}
