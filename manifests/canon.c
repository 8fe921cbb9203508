#include "manifests/canon.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_memory.h"
#include "base/json_text.h"
#include "base/num.h"
#include "manifests/json_bounds.h"

#define MAXDEPTH 1000

struct writer {
	struct fm_buf *out;
	bool pretty;
	bool shown; /* on a terminal, perhaps */
	struct fm_error *err;
};

/* ---- numbers ---- */

/* As ECMAScript writes them (ECMA-262, Number::toString, which RFC 8785 3.2.2.3 asks for); v is finite. */
static void number(struct fm_buf *out, double v)
{
	char text[64];
	int n = fm_format_double(v == 0 ? 0 : v, text, sizeof(text)); /* minus zero is written as 0 */

	fm_buf_add(out, text, (size_t)n);
}

/* ---- text ---- */

/* U+0080 to U+009F, which a terminal may take for the beginning of a sequence as it does ESC. */
static bool is_control(const char *s, size_t n)
{
	return n >= 2 && (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0;
}

static void string(const struct writer *w, const char *s, size_t n)
{
	struct fm_buf *out = w->out;
	size_t from = 0;

	fm_buf_puts(out, "\"");
	for (size_t i = 0; i < n; i++) {
		static const char shorts[] = "\bb\tt\nn\ff\rr\"\"\\\\";
		unsigned char c = (unsigned char)s[i];
		char escape[8] = "";

		for (size_t e = 0; e + 1 < sizeof(shorts); e += 2)
			if (c == (unsigned char)shorts[e])
				snprintf(escape, sizeof(escape), "\\%c", shorts[e + 1]);
		if ((c < 0x20 && escape[0] == '\0') || (w->shown && c == 0x7f))
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c);
		if (w->shown && is_control(s + i, n - i))
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)s[i + 1]);
		if (escape[0] == '\0')
			continue;
		fm_buf_add(out, s + from, i - from);
		fm_buf_puts(out, escape);
		i += c == 0xc2;
		from = i + 1;
	}
	fm_buf_add(out, s + from, n - from);
	fm_buf_puts(out, "\"");
}

struct member {
	const char *key;
	size_t len;
	const json_t *value;
};

/* Weight of a UTF-8 byte such that comparing bytes gives the order of UTF-16 code units: characters beyond U+FFFF (lead
 * bytes F0..F4) are surrogates in UTF-16, which come before U+E000..U+FFFF (lead bytes EE, EF). */
static int weight(unsigned char c)
{
	return c >= 0xf0 ? c - 2 : c >= 0xee ? c + 16 : c;
}

static int member_order(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;
	size_t n = a->len < b->len ? a->len : b->len;

	for (size_t i = 0; i < n; i++)
		if (a->key[i] != b->key[i])
			return weight((unsigned char)a->key[i]) - weight((unsigned char)b->key[i]);
	return (a->len > b->len) - (a->len < b->len);
}

/* ---- values ---- */

static int value(struct writer *w, const json_t *v, int depth);

static void newline(struct writer *w, int depth)
{
	if (!w->pretty)
		return;
	fm_buf_puts(w->out, "\n");
	for (int i = 0; i < depth; i++)
		fm_buf_puts(w->out, "  ");
}

static int object(struct writer *w, const json_t *v, int depth)
{
	size_t n = json_object_size(v), i = 0;
	struct member *m = NULL;
	int rc;

	if (n == 0) {
		fm_buf_puts(w->out, "{}");
		return FM_OK;
	}
	if ((rc = fm_alloc(&m, n, sizeof(*m), "the keys of a JSON object", w->err)) < 0)
		return rc;
	/* jansson's iterators take no const, and change nothing. */
	for (void *it = json_object_iter((json_t *)(uintptr_t)v); it && i < n;
	     it = json_object_iter_next((json_t *)(uintptr_t)v, it))
		m[i++] =
		    (struct member){json_object_iter_key(it), json_object_iter_key_len(it), json_object_iter_value(it)};
	qsort(m, n, sizeof(*m), member_order);
	fm_buf_puts(w->out, "{");
	for (i = 0; i < n; i++) {
		if (i)
			fm_buf_puts(w->out, ",");
		newline(w, depth + 1);
		string(w, m[i].key, m[i].len);
		fm_buf_puts(w->out, w->pretty ? ": " : ":");
		if ((rc = value(w, m[i].value, depth + 1)) < 0)
			goto out;
	}
	newline(w, depth);
	fm_buf_puts(w->out, "}");
out:
	free(m);
	return rc;
}

static int array(struct writer *w, const json_t *v, int depth)
{
	size_t n = json_array_size(v);

	if (n == 0) {
		fm_buf_puts(w->out, "[]");
		return FM_OK;
	}
	fm_buf_puts(w->out, "[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			fm_buf_puts(w->out, ",");
		newline(w, depth + 1);
		int rc = value(w, json_array_get(v, i), depth + 1);
		if (rc < 0)
			return rc;
	}
	newline(w, depth);
	fm_buf_puts(w->out, "]");
	return FM_OK;
}

static int value(struct writer *w, const json_t *v, int depth)
{
	if (v == NULL)
		return fm_fail(w->err, FM_ESYSTEM, "out of memory: a JSON value was never made");
	if (depth > MAXDEPTH)
		return fm_fail(w->err, FM_EINPUT, "JSON nested deeper than %d", MAXDEPTH);
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return object(w, v, depth);
	case JSON_ARRAY:
		return array(w, v, depth);
	case JSON_STRING:
		string(w, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		fm_buf_printf(w->out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		if (!isfinite(json_real_value(v)))
			return fm_fail(w->err, FM_EINPUT, "a number that is not finite cannot stand in JSON");
		number(w->out, json_real_value(v));
		break;
	case JSON_TRUE:
		fm_buf_puts(w->out, "true");
		break;
	case JSON_FALSE:
		fm_buf_puts(w->out, "false");
		break;
	case JSON_NULL:
		fm_buf_puts(w->out, "null");
		break;
	}
	return FM_OK;
}

int fm_json_canonical(const json_t *v, struct fm_buf *out, struct fm_error *err)
{
	struct writer w = {.out = out, .err = err};
	int rc;

	if ((rc = value(&w, v, 0)) < 0 || (rc = fm_buf_check(out, err)) < 0)
		return rc;
	return fm_json_memory_check(FM_OK, err);
}

static int lines(struct writer *w, const json_t *v)
{
	int rc;

	if ((rc = value(w, v, 0)) < 0)
		return rc;
	fm_buf_puts(w->out, "\n");
	if ((rc = fm_buf_check(w->out, w->err)) < 0)
		return rc;
	return fm_json_memory_check(FM_OK, w->err);
}

int fm_json_pretty(const json_t *v, struct fm_buf *out, struct fm_error *err)
{
	struct writer w = {.out = out, .pretty = true, .err = err};

	return lines(&w, v);
}

int fm_json_shown(const json_t *v, struct fm_buf *out, struct fm_error *err)
{
	struct writer w = {.out = out, .pretty = true, .shown = true, .err = err};

	return lines(&w, v);
}

/* ---- files ---- */

int fm_json_digest(const json_t *v, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	struct fm_buf text = {0};
	uint8_t digest[FM_SHA256_LEN];
	int rc;

	if ((rc = fm_json_canonical(v, &text, err)) < 0 || (rc = fm_sha256_bytes(text.data, text.len, digest, err)) < 0)
		goto out;
	fm_hex(digest, sizeof(digest), hex);
out:
	fm_buf_free(&text);
	return rc;
}

int fm_json_load(json_t **v, const char *path, size_t max, struct fm_error *err)
{
	struct fm_buf text = {0};
	const char *much;
	json_error_t e;
	int rc;

	*v = NULL;
	if ((rc = fm_file_read(path, max, &text, err)) < 0)
		goto out;
	if ((much = fm_json_too_much_loaded(text.data ? text.data : "", text.len, max))) {
		rc = fm_fail(err, FM_EINPUT, "%s: %s", path, much);
		goto out;
	}
	*v = fm_json_parse(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &e);
	if (*v == NULL && json_error_code(&e) == json_error_out_of_memory)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: reading %s", path);
	else if (*v == NULL)
		rc = fm_fail(err, FM_EINPUT, "%s:%d: %s (column %d): not the JSON that was expected", path, e.line,
			     e.text, e.column);
out:
	fm_buf_free(&text);
	return rc;
}

int fm_json_save(const json_t *v, const char *path, struct fm_error *err)
{
	struct fm_buf text = {0};
	int rc;

	if ((rc = fm_json_pretty(v, &text, err)) < 0)
		goto out;
	rc = fm_file_write(path, 0644, text.data, text.len, err);
out:
	fm_buf_free(&text);
	return rc;
}
