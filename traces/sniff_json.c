#include "traces/sniff_json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "traces/json_line.h"
#include "traces/json_list.h"

struct table {
	char (*key)[FM_JSON_KEY_MAX + 1]; /* (max) */
	size_t n, max;
	bool more; /* keys than max */
	struct {
		char text[256];
		size_t n;
	} * value; /* (max) of the line */
};

static void keep_pair(void *ctx, const char *key, size_t nkey, const char *value, size_t nvalue)
{
	struct table *t = ctx;
	size_t k = 0;

	while (k < t->n && (strncmp(t->key[k], key, nkey) != 0 || t->key[k][nkey]))
		k++;
	for (size_t i = 0; i < nkey; i++)
		if ((unsigned char)key[i] < ' ')
			return; /* no dialect names it */
	t->more = t->more || k == t->max;
	if (k == t->max || nkey > FM_JSON_KEY_MAX)
		return;
	if (k == t->n) {
		memcpy(t->key[k], key, nkey);
		t->key[k][nkey] = 0;
		t->n++;
	}
	t->value[k].n = nvalue < sizeof t->value[k].text ? nvalue : sizeof t->value[k].text;
	memcpy(t->value[k].text, value, t->value[k].n);
	for (size_t i = 0; i < t->value[k].n; i++)
		if (strchr("\t\r\n", t->value[k].text[i]))
			t->value[k].text[i] = ' ';
}

/* Read each whole line; out NULL: only learn its keys. Returns how many are objects. */
static size_t read_lines(struct table *t, const struct fm_buf *text, char *scratch, struct fm_buf *out)
{
	const char *s = text->data, *end = s + text->len, *nl;
	size_t objects = 0;

	for (; s < end && (nl = memchr(s, '\n', (size_t)(end - s))); s = nl + 1) {
		for (size_t k = 0; k < t->max; k++)
			t->value[k].n = 0;
		if (fm_json_line(s, (size_t)(nl - s), scratch, keep_pair, t))
			continue;
		objects++;
		for (size_t k = 0; k < t->n && out; k++) {
			fm_buf_add(out, t->value[k].text, t->value[k].n);
			fm_buf_puts(out, k + 1 < t->n ? "\t" : "\n");
		}
	}
	return objects;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The last quote of a string that begins at s, or the last byte. */
static const char *string_end(const char *s, const char *end)
{
	for (s++; s < end && *s != '"'; s++)
		s += *s == '\\';
	return s < end ? s : end - 1;
}

/* Is a string that ends at s a key, and no value? */
static bool is_key(const char *s, const char *end)
{
	do
		s++;
	while (s < end && is_space(*s));
	return s < end && *s == ':';
}

bool fm_sniff_jq_key(struct fm_buf *out, const char *s, size_t n)
{
	bool word = n > 0 && !isdigit((unsigned char)*s);

	for (size_t i = 0, len; i < n; i += len) {
		uint32_t code;

		if (!(len = fm_utf8_next(s + i, n - i, &code)) || code < ' ' || (code >= 0x7f && code < 0xa0))
			return false;
		word = word && code < 0x7f && (isalnum((int)code) || code == '_');
	}
	fm_buf_puts(out, word ? "." : ".\"");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			fm_buf_puts(out, "\\");
		fm_buf_add(out, s + i, 1);
	}
	fm_buf_puts(out, word ? "" : "\"");
	return true;
}

/* The keys that lead to the first list of objects inside of an object; "" where there is none, or no such way. Keys
 * with escapes are none that are told. */
static int find_list(const char *s, const char *end, char list[FM_SNIFF_LIST], struct fm_error *err)
{
	struct {
		const char *s;
		size_t n;
	} key[FM_JSON_DEPTH + 1] = {{NULL, 0}};
	struct fm_buf path = {0};
	bool is = true;
	int depth = 0, rc;

	for (; s < end; s++) {
		const char *from = s;

		if (*s == '"') {
			s = string_end(s, end);
			key[depth].s = from + 1;
			key[depth].n = s > from && is_key(s, end) ? (size_t)(s - from - 1) : 0;
		} else if (*s == '{') {
			if (++depth > FM_JSON_DEPTH)
				return FM_OK;
			key[depth].n = 0;
		} else if (*s == '}') {
			depth -= depth > 0;
		} else if (*s == '[' && depth) {
			while (from + 1 < end && is_space(from[1]))
				from++;
			if (from + 1 < end && from[1] == '{')
				break;
			key[depth].n = 0; /* what is inside has no key */
		}
	}
	for (int i = 1; i <= depth && s < end && is; i++)
		is = key[i].n && !memchr(key[i].s, '\\', key[i].n) && fm_sniff_jq_key(&path, key[i].s, key[i].n);
	rc = fm_buf_check(&path, err);
	if (rc >= 0 && s < end)
		snprintf(list, FM_SNIFF_LIST, "%.*s", is && path.len < FM_SNIFF_LIST ? (int)path.len : 5,
			 is && path.len < FM_SNIFF_LIST ? path.data : ".PATH");
	fm_buf_free(&path);
	return rc;
}

int fm_sniff_json(struct fm_sniff_page *p, struct fm_error *err)
{
	struct table t = {.max = FM_SNIFF_FIELDS};
	struct fm_json_list list = {0};
	struct fm_buf *text = &p->text, out = {0};
	char *scratch = NULL;
	size_t at = 0;
	int rc;

	if (text->len > 3 && !memcmp(text->data, "\xef\xbb\xbf", 3))
		at = 3;
	while (at < text->len && strchr(" \t\r\n", text->data[at]))
		at++;
	p->json = at < text->len && text->data[at] == '{';
	if (at + 1 < text->len && text->data[at] == '[' && strchr("\r\n\t {", text->data[at + 1]))
		p->json = true;
	if (!p->json)
		return FM_OK;
	p->vflow = memmem(text->data, text->len, "\"DataSets\"", 10) && memmem(text->data, text->len, "{\"I\":", 5);
	if ((rc = find_list(text->data + at, text->data + text->len, p->list, err)) < 0 ||
	    (rc = fm_json_list_add(&list, text->data + at, text->len - at, &out, err)) < 0)
		goto out;
	fm_buf_free(text);
	*text = out;
	out = (struct fm_buf){0};
	if ((rc = fm_alloc(&t.key, t.max, sizeof *t.key, "keys of JSON", err)) < 0 ||
	    (rc = fm_alloc(&t.value, t.max, sizeof *t.value, "values of JSON", err)) < 0 ||
	    (rc = fm_alloc(&scratch, text->len + 1, 1, "a line of JSON", err)) < 0)
		goto out;
	p->json = read_lines(&t, text, scratch, NULL) > 0 && t.n > 0;
	p->wide = t.more;
	if (!p->json)
		goto out;
	for (size_t k = 0; k < t.n; k++)
		fm_buf_printf(&out, "%s%s", t.key[k], k + 1 < t.n ? "\t" : "\n");
	read_lines(&t, text, scratch, &out);
	if ((rc = fm_buf_check(&out, err)) < 0)
		goto out;
	fm_buf_free(text);
	*text = out;
	out = (struct fm_buf){0};
out:
	fm_buf_free(&out);
	free(t.key);
	free(t.value);
	free(scratch);
	return rc;
}
