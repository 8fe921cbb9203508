#include "traces/json_line.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"

struct scan {
	const char *s, *end;
	char *scratch;
	char key[FM_JSON_KEY_MAX];
	size_t nkey;
	void (*pair)(void *ctx, const char *key, size_t nkey, const char *value, size_t nvalue);
	void *ctx;
};

static void skip_blanks(struct scan *p)
{
	while (p->s < p->end && (*p->s == ' ' || *p->s == '\t' || *p->s == '\r'))
		p->s++;
}

static bool eat(struct scan *p, char c)
{
	skip_blanks(p);
	if (p->s == p->end || *p->s != c)
		return false;
	p->s++;
	return true;
}

static int hex4(struct scan *p, uint32_t *v)
{
	if (p->end - p->s < 4)
		return -1;
	*v = 0;
	for (int i = 0; i < 4; i++, p->s++) {
		int digit = fm_hex_digit(*p->s);

		if (digit < 0)
			return -1;
		*v = *v * 16 + (uint32_t)digit;
	}
	return 0;
}

/* \uXXXX, or two of them for characters beyond 16 bits. */
static int read_unicode(struct scan *p)
{
	uint32_t c, low;

	if (hex4(p, &c))
		return -1;
	if (c >= 0xdc00 && c < 0xe000)
		return -1;
	if (c >= 0xd800 && c < 0xdc00) {
		if (p->end - p->s < 6 || p->s[0] != '\\' || p->s[1] != 'u')
			return -1;
		p->s += 2;
		if (hex4(p, &low) || low < 0xdc00 || low >= 0xe000)
			return -1;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	p->scratch += fm_utf8_put(c, p->scratch);
	return 0;
}

/* A string after its first quote; without escapes it stays where it is. */
static const char *read_string(struct scan *p, const char **text, size_t *n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *begin = p->s;
	char *out = p->scratch;

	while (p->s < p->end && *p->s != '"' && *p->s != '\\')
		p->s++;
	if (p->s < p->end && *p->s == '"') {
		*text = begin;
		*n = (size_t)(p->s++ - begin);
		return NULL;
	}
	memcpy(out, begin, (size_t)(p->s - begin));
	p->scratch += p->s - begin;
	while (p->s < p->end && *p->s != '"') {
		const char *escape;

		if (*p->s != '\\') {
			*p->scratch++ = *p->s++;
			continue;
		}
		if (++p->s == p->end)
			break;
		if (*p->s == 'u') {
			p->s++;
			if (read_unicode(p))
				return "a wrong \\u in JSON";
		} else if (*p->s && (escape = strchr(from, *p->s))) {
			*p->scratch++ = to[escape - from];
			p->s++;
		} else {
			return "a wrong escape in JSON";
		}
	}
	if (p->s == p->end)
		return "a string of JSON is not closed on its line";
	p->s++;
	*text = out;
	*n = (size_t)(p->scratch - out);
	return NULL;
}

static const char *read_object(struct scan *p, int depth);

/* A list, whatever is in it. */
static const char *skip_list(struct scan *p, int depth)
{
	const char *text, *why = NULL;
	size_t n;

	for (int open = 1; open && !why;) {
		if (p->s == p->end || open > depth)
			return "a list of JSON is not closed on its line";
		if (*p->s == '"') {
			p->s++;
			why = read_string(p, &text, &n);
			continue;
		}
		open += (*p->s == '[') - (*p->s == ']');
		p->s++;
	}
	return why;
}

/* Is there a list of one value that is no list or object, as Elasticsearch has fields? Then move to the value. */
static bool enter_single(struct scan *p)
{
	struct scan inside = *p;
	const char *text;
	size_t n;

	inside.s++;
	skip_blanks(&inside);
	if (inside.s == p->end || strchr("[]{", *inside.s))
		return false;
	p->s = inside.s;
	if (*inside.s == '"') {
		inside.s++;
		if (read_string(&inside, &text, &n))
			return false;
	} else {
		while (inside.s < p->end && !strchr(",]} \t\r", *inside.s))
			inside.s++;
	}
	return eat(&inside, ']');
}

static const char *read_value(struct scan *p, int depth)
{
	const char *text, *why, *begin;
	size_t n;
	bool single = false;

	skip_blanks(p);
	if (p->s == p->end)
		return "JSON ends within a pair";
	if (*p->s == '{') {
		p->s++;
		return depth < FM_JSON_DEPTH ? read_object(p, depth + 1) : "JSON of over 8 levels";
	}
	if (*p->s == '[') {
		begin = p->s;
		if (!(single = enter_single(p))) {
			p->s = begin + 1;
			return skip_list(p, 64);
		}
	}
	if (*p->s == '"') {
		p->s++;
		if ((why = read_string(p, &text, &n)))
			return why;
	} else {
		text = p->s;
		while (p->s < p->end && !strchr(single ? "] \t\r" : ",} \t\r", *p->s))
			p->s++;
		n = (size_t)(p->s - text);
		if (!n)
			return "a key of JSON without a value";
		n = n == 4 && memcmp(text, "null", 4) == 0 ? 0 : n;
	}
	p->pair(p->ctx, p->key, p->nkey, text, n);
	if (single)
		(void)eat(p, ']');
	return NULL;
}

/* An object after its brace; its keys are appended to what p->key has. */
static const char *read_object(struct scan *p, int depth)
{
	size_t before = p->nkey;
	const char *key, *why;
	size_t n = 0;

	if (eat(p, '}'))
		return NULL;
	do {
		skip_blanks(p);
		if (n && p->s < p->end && *p->s == '}') /* nfdump 1.7 has a comma after the last pair */
			break;
		if (!eat(p, '"'))
			return "JSON without a key where one should be";
		if ((why = read_string(p, &key, &n)))
			return why;
		if (before + n + 2 > FM_JSON_KEY_MAX)
			return "a key of JSON is over 255 bytes long";
		if (before)
			p->key[p->nkey++] = '.';
		memcpy(p->key + p->nkey, key, n);
		p->nkey += n;
		if (!eat(p, ':'))
			return "a key of JSON without a colon";
		if ((why = read_value(p, depth)))
			return why;
		p->nkey = before;
	} while (eat(p, ','));
	return eat(p, '}') ? NULL : "an object of JSON is not closed on its line";
}

const char *fm_json_line(const char *s, size_t n, char *scratch,
			 void (*pair)(void *ctx, const char *key, size_t nkey, const char *value, size_t nvalue),
			 void *ctx)
{
	struct scan p = {.s = s, .end = s + n, .scratch = scratch, .pair = pair, .ctx = ctx};
	const char *why;

	if (!eat(&p, '{'))
		return "no object of JSON";
	if ((why = read_object(&p, 1)))
		return why;
	(void)eat(&p, ','); /* an object of a list that lost its brackets */
	skip_blanks(&p);
	if (p.s < p.end && *p.s == '{')
		return "several objects of JSON on one line (jq -c . writes a line for each)";
	return p.s == p.end ? NULL : "text behind the object of JSON";
}
