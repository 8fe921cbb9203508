#include "traces/json_list.h"

#include <string.h>

#include "traces/trace.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void open_object(struct fm_json_list *l)
{
	l->depth = 1;
	l->bytes = 1;
	l->began_at = l->line + 1;
}

/* Read until it is known whether the text is such JSON: a list, or a brace alone on its line. What comes before is
 * copied. Returns the bytes taken. */
static size_t begin(struct fm_json_list *l, const char *s, size_t n, struct fm_buf *out)
{
	size_t i = 0;

	for (; i < n && !l->begun; i++) {
		bool brace = l->depth > 0;

		if (is_blank(s[i]) || (!brace && (s[i] == '\n' || (s[i] && strchr("\xef\xbb\xbf", s[i]))))) {
			l->line += s[i] == '\n';
			fm_buf_add(out, s + i, 1);
			continue;
		}
		if (s[i] == '{' && !brace) {
			open_object(l);
			fm_buf_add(out, s + i, 1);
			continue;
		}
		l->begun = true;
		l->is = brace ? s[i] == '\n' : s[i] == '[';
		if (!l->is)
			l->depth = 0;
		return i;
	}
	return i;
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
		open_object(l);
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
		s += begin(l, s, n, out);
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
