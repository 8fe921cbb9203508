#include "traces/sniff_json.h"

#include <stdlib.h>
#include <string.h>

#include "traces/json_line.h"
#include "traces/json_list.h"

struct table {
	char (*key)[FM_JSON_KEY_MAX + 1]; /* (max) */
	size_t n, max;
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

int fm_sniff_json(struct fm_buf *text, size_t max, bool *is, struct fm_error *err)
{
	struct table t = {.max = max};
	struct fm_json_list list = {0};
	struct fm_buf out = {0};
	char *scratch = NULL;
	size_t at = 0;
	int rc;

	while (at < text->len && strchr(" \t\r\n", text->data[at]))
		at++;
	*is = at < text->len && text->data[at] == '{';
	if (at + 1 < text->len && text->data[at] == '[' && strchr("\r\n\t {", text->data[at + 1]))
		*is = true;
	if (!*is)
		return FM_OK;
	if ((rc = fm_json_list_add(&list, text->data, text->len, &out, err)) < 0)
		goto out;
	fm_buf_free(text);
	*text = out;
	out = (struct fm_buf){0};
	if ((rc = fm_alloc(&t.key, max, sizeof *t.key, "keys of JSON", err)) < 0 ||
	    (rc = fm_alloc(&t.value, max, sizeof *t.value, "values of JSON", err)) < 0 ||
	    (rc = fm_alloc(&scratch, text->len + 1, 1, "a line of JSON", err)) < 0)
		goto out;
	*is = read_lines(&t, text, scratch, NULL) > 0 && t.n > 0;
	if (!*is)
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
