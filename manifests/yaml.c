#include "manifests/yaml.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/num.h"
#include "base/text.h"

int fm_yaml_fail(const struct fm_yaml *v, struct fm_error *err, const char *fmt, ...)
{
	char message[sizeof(err->message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (v->doc->inline_text)
		return fm_fail(err, v->doc->code, "%s: %s", v->doc->name, message);
	return fm_fail(err, v->doc->code, "%s:%zu: %s", v->doc->name, v->line, message);
}

/* ---- from libyaml's events to nodes ---- */

struct reader {
	yaml_parser_t parser;
	const struct fm_yaml_doc *doc;
	struct fm_arena *arena;
	const char *text;
	size_t n, nnodes;
	bool foreign; /* as in struct fm_yaml */
	struct fm_error *err;
};

static int reader_fail(const struct reader *r, size_t line, const char *message)
{
	struct fm_yaml at = {.doc = r->doc, .line = line};

	return fm_yaml_fail(&at, r->err, "%s", message);
}

static size_t line_of(const struct reader *r, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < r->n && i < offset; i++)
		line += r->text[i] == '\n';
	return line;
}

/* Does the first line that is not empty give a key, as in "preset: demo"?  In a trace or a log it does not. */
static bool begins_with_key(const char *text, size_t n)
{
	const char *end = text + n;

	for (const char *line = text, *next; line < end; line = next) {
		const char *p = line, *stop = memchr(line, '\n', (size_t)(end - line));

		stop = stop ? stop : end;
		next = stop < end ? stop + 1 : end;
		while (p < stop && strchr(" \t\r", *p))
			p++;
		if (p == stop || *p == '#' || *p == '%' || (stop - p >= 3 && memcmp(p, "---", 3) == 0))
			continue;
		p += *p == '"' || *p == '\'';
		const char *word = p;
		while (p < stop &&
		       (isalpha((unsigned char)*p) || *p == '_' || (p > word && strchr("0123456789.-", *p))))
			p++;
		if (p == word)
			return false;
		while (p < stop && strchr("\"' ", *p))
			p++;
		return p < stop && *p == ':' && (p + 1 == stop || strchr(" \t\r", p[1]));
	}
	return true;
}

/* Did a quote inside of quotes end them, so that YAML stumbles over the character at column (from 0)?  Returns the
 * quote, or 0. */
static char quote_before(const char *line, size_t n, size_t column)
{
	size_t at = 0, opened = 0;

	for (size_t seen = 0; at < n && seen < column; at++) /* characters of UTF-8 */
		seen += at + 1 == n || ((unsigned char)line[at + 1] & 0xc0) != 0x80;
	while (at > 0 && line[at - 1] == ' ')
		at--;
	if (at < 2 || (line[at - 1] != '\'' && line[at - 1] != '"'))
		return 0;
	for (size_t i = 0; i < at - 1; i++)
		opened += line[i] == line[at - 1];
	return opened ? line[at - 1] : 0;
}

/* What to do about a problem of libyaml's at column, from 0, or "". */
static const char *advice(const char *problem, const char *line, size_t n, size_t column)
{
	const char *indent = ": indent the keys of a section alike, by two blanks";
	size_t colons = 0;

	for (size_t i = 0; i + 1 < n && line[i] != '#'; i++)
		colons += line[i] == ':' && line[i + 1] == ' ';
	if (strstr(problem, "mapping values are not allowed"))
		return colons > 1 ? ": put quotes around a value that has ': ' in it" : indent;
	if (strstr(problem, "did not find expected"))
		switch (quote_before(line, n, column)) {
		case '\'':
			return ": a ' inside of quotes is written twice ('it''s'), or the quotes are double (\"it's\")";
		case '"':
			return ": a \" inside of double quotes has a \\ before it (\"\\\"\"), or the quotes are single";
		default:
			break;
		}
	if (strstr(problem, "did not find expected key"))
		return indent;
	if (strstr(problem, "unexpected end of stream") && column < n && (line[column] == '\'' || line[column] == '"'))
		return ": the quote that opens here is not closed";
	if (strstr(problem, "cannot start any token") && memchr(line, '\t', n))
		return ": indent with blanks, not with a tab";
	return "";
}

/* The line with number `at` (from 0), without its end; *n: its bytes. */
static const char *line_at(const struct reader *r, size_t at, size_t *n)
{
	const char *line = r->text, *end = r->text + r->n;

	for (size_t i = 0; i < at && line < end; i++) {
		line = memchr(line, '\n', (size_t)(end - line));
		line = line ? line + 1 : end;
	}
	for (*n = 0; line + *n < end && !strchr("\n\r", line[*n]); ++*n)
		;
	return line;
}

/* What libyaml found, after the line in which it found it: "'path: a: b': mapping values ... (column 8)".  What is
 * still open at the end of the text was opened in the line that is shown. */
static int fail_quoting(const struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "not YAML";
	yaml_mark_t mark = p->problem_mark;
	char message[512];
	size_t n;
	const char *line = line_at(r, mark.line, &n);

	if (n == 0 && p->context && p->context_mark.line < mark.line) {
		mark = p->context_mark;
		line = line_at(r, mark.line, &n);
	}
	if (r->foreign)
		snprintf(message, sizeof(message),
			 "%s (column %zu): it begins as no config, dialect or waiver does; is it a trace?", problem,
			 mark.column + 1);
	else
		snprintf(message, sizeof(message), "%s%.*s%s%s%s%s (column %zu)%s", n ? "'" : "", n > 80 ? 80 : (int)n,
			 line, n ? "': " : "", p->context ? p->context : "", p->context ? ": " : "", problem,
			 mark.column + 1, advice(problem, line, n, mark.column));
	return reader_fail(r, mark.line + 1, message);
}

static int next_event(struct reader *r, yaml_event_t *e)
{
	char message[256];
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, e))
		return FM_OK;
	if (p->error == YAML_MEMORY_ERROR)
		return fm_fail(r->err, FM_ESYSTEM, "out of memory: reading %s", r->doc->name);
	if (p->error == YAML_READER_ERROR) {
		bool control = p->problem && strstr(p->problem, "control characters"); /* U+0080 to U+009F too */

		snprintf(message, sizeof(message), "%s (at byte %zu): %s", p->problem ? p->problem : "unreadable",
			 p->problem_offset, control ? "leave it out" : "the file must be text in UTF-8");
		return reader_fail(r, line_of(r, p->problem_offset), message);
	}
	return fail_quoting(r);
}

static int node_new(struct reader *r, enum fm_yaml_kind kind, size_t line, struct fm_yaml **node)
{
	if (++r->nnodes > FM_YAML_MAXNODES)
		return reader_fail(r, line, "more values than any such file needs");
	*node = fm_arena_alloc(r->arena, 1, sizeof(**node));
	if (*node == NULL)
		return fm_fail(r->err, FM_ESYSTEM, "out of memory: reading %s", r->doc->name);
	(*node)->kind = kind;
	(*node)->doc = r->doc;
	(*node)->line = line;
	(*node)->foreign = r->foreign;
	return FM_OK;
}

static int node_scalar(struct reader *r, const yaml_event_t *e, struct fm_yaml **node)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t line = e->start_mark.line + 1;
	int rc = node_new(r, FM_YAML_SCALAR, line, node);

	if (rc < 0)
		return rc;
	if (strlen(text) != e->data.scalar.length)
		return reader_fail(r, line, "a NUL byte in a value");
	(*node)->text = fm_arena_strdup(r->arena, text);
	(*node)->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if ((*node)->text == NULL)
		return fm_fail(r->err, FM_ESYSTEM, "out of memory: reading %s", r->doc->name);
	return FM_OK;
}

/* An event that opens a value and has an anchor or a tag. */
static int refuse_extras(const struct reader *r, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
		break;
	case YAML_ALIAS_EVENT:
		return reader_fail(r, e->start_mark.line + 1, "aliases (*name) are not supported: write the value out");
	default:
		break;
	}
	if (anchor)
		return reader_fail(r, e->start_mark.line + 1, "anchors (&name) are not supported: write the value out");
	if (tag)
		return reader_fail(r, e->start_mark.line + 1, "tags (!name) are not supported: leave it out");
	return FM_OK;
}

static int node_read(struct reader *r, yaml_event_t *e, int depth, struct fm_yaml **node);

static int read_list(struct reader *r, struct fm_yaml *list, int depth)
{
	struct fm_yaml **tail = &list->first;
	int rc = FM_OK;

	for (;;) {
		yaml_event_t e;
		if ((rc = next_event(r, &e)) < 0)
			return rc;
		if (e.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&e);
			return FM_OK;
		}
		if ((rc = node_read(r, &e, depth + 1, tail)) < 0)
			return rc;
		tail = &(*tail)->next;
		list->n++;
	}
}

/* Read the key of the pair that e opens; it must differ from those that map has. */
static int read_key(struct reader *r, const struct fm_yaml *map, yaml_event_t *e, const char **key, size_t *line)
{
	struct fm_yaml *k = NULL;
	const struct fm_yaml *twin;
	char message[256];
	int rc = FM_OK;

	*line = e->start_mark.line + 1;
	if ((rc = refuse_extras(r, e)) < 0)
		goto out;
	if (e->type != YAML_SCALAR_EVENT) {
		rc = reader_fail(r, *line, "a key must be plain text");
		goto out;
	}
	if ((rc = node_scalar(r, e, &k)) < 0)
		goto out;
	if ((twin = fm_yaml_child(map, k->text)) != NULL) {
		snprintf(message, sizeof(message), "key '%.64s' is already there in line %zu", k->text, twin->line);
		rc = reader_fail(r, *line, message);
		goto out;
	}
	*key = k->text;
out:
	yaml_event_delete(e);
	return rc;
}

static int read_map(struct reader *r, struct fm_yaml *map, int depth)
{
	struct fm_yaml **tail = &map->first;
	int rc = FM_OK;

	for (;;) {
		yaml_event_t e;
		const char *key = NULL;
		size_t line;

		if ((rc = next_event(r, &e)) < 0)
			return rc;
		if (e.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&e);
			return FM_OK;
		}
		if ((rc = read_key(r, map, &e, &key, &line)) < 0 || (rc = next_event(r, &e)) < 0 ||
		    (rc = node_read(r, &e, depth + 1, tail)) < 0)
			return rc;
		(*tail)->key = key;
		(*tail)->line = line;
		tail = &(*tail)->next;
		map->n++;
	}
}

/* The node that e opens, still empty if it is a map or a list. */
static int node_begin(struct reader *r, const yaml_event_t *e, int depth, struct fm_yaml **node)
{
	size_t line = e->start_mark.line + 1;
	int rc;

	if ((rc = refuse_extras(r, e)) < 0)
		return rc;
	if (depth > FM_YAML_MAXDEPTH)
		return reader_fail(r, line, "nested deeper than any such file needs");
	if (e->type == YAML_SCALAR_EVENT)
		return node_scalar(r, e, node);
	return node_new(r, e->type == YAML_MAPPING_START_EVENT ? FM_YAML_MAP : FM_YAML_LIST, line, node);
}

/* The value that e opens, with all that belongs to it; e is released. */
static int node_read(struct reader *r, yaml_event_t *e, int depth, struct fm_yaml **node)
{
	yaml_event_type_t type = e->type;
	int rc = node_begin(r, e, depth, node);

	yaml_event_delete(e);
	if (rc < 0)
		return rc;
	if (type == YAML_MAPPING_START_EVENT)
		return read_map(r, *node, depth);
	if (type == YAML_SEQUENCE_START_EVENT)
		return read_list(r, *node, depth);
	return FM_OK;
}

static int read_stream(struct reader *r, struct fm_yaml **root)
{
	bool seen = false;
	int rc;

	for (;;) {
		yaml_event_t e;
		if ((rc = next_event(r, &e)) < 0)
			return rc;
		yaml_event_type_t type = e.type;
		size_t line = e.start_mark.line + 1;
		if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_END_EVENT) {
			yaml_event_delete(&e);
		} else if (type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&e);
			break;
		} else if (type == YAML_DOCUMENT_START_EVENT) {
			yaml_event_delete(&e);
			if (seen)
				return reader_fail(r, line, "a second document begins (---): one file holds one");
			seen = true;
		} else if ((rc = node_read(r, &e, 0, root)) < 0) {
			return rc;
		}
	}
	if (!seen) {
		if ((rc = node_new(r, FM_YAML_SCALAR, 1, root)) < 0)
			return rc;
		(*root)->text = "";
		(*root)->plain = true;
	}
	return FM_OK;
}

int fm_yaml_parse(struct fm_yaml **root, const struct fm_yaml_doc *doc, struct fm_arena *arena, const char *text,
		  size_t n, struct fm_error *err)
{
	struct reader r = {.doc = doc, .arena = arena, .text = text, .n = n, .err = err};
	const char *nul = n ? memchr(text, 0, n) : NULL;
	int rc;

	*root = NULL;
	if (n > FM_YAML_MAXBYTES)
		return fm_fail(err, doc->code, "%s: larger than 1 MiB", doc->name);
	if (nul)
		return reader_fail(&r, line_of(&r, (size_t)(nul - text)), "a NUL byte: the file must be text in UTF-8");
	if (!yaml_parser_initialize(&r.parser))
		return fm_fail(err, FM_ESYSTEM, "out of memory: reading %s", doc->name);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	/* When forced to UTF-8, the parser takes a byte-order mark for text. */
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		r.text += 3;
		r.n -= 3;
	}
	r.foreign = !doc->inline_text && !begins_with_key(r.text ? r.text : "", r.n);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(r.text ? r.text : ""), r.n);
	rc = read_stream(&r, root);
	yaml_parser_delete(&r.parser);
	return rc;
}

/* ---- values ---- */

bool fm_yaml_is_null(const struct fm_yaml *v)
{
	return v->kind == FM_YAML_SCALAR && v->plain &&
	       (v->text[0] == '\0' || strcmp(v->text, "~") == 0 || strcmp(v->text, "null") == 0 ||
		strcmp(v->text, "Null") == 0 || strcmp(v->text, "NULL") == 0);
}

struct fm_yaml *fm_yaml_child(const struct fm_yaml *map, const char *key)
{
	for (struct fm_yaml *v = map->first; v; v = v->next)
		if (v->key && strcmp(v->key, key) == 0)
			return v;
	return NULL;
}

const char *fm_yaml_describe(const struct fm_yaml *v, char *out, size_t cap)
{
	double d;

	if (v->kind == FM_YAML_LIST)
		snprintf(out, cap, "a list");
	else if (v->kind == FM_YAML_MAP)
		snprintf(out, cap, "a map");
	else if (fm_yaml_is_null(v))
		snprintf(out, cap, "nothing");
	else if (v->foreign)
		snprintf(out, cap, "text (is it a trace?)");
	else if (v->plain && fm_parse_double(v->text, strlen(v->text), &d) == 0)
		snprintf(out, cap, "%.64s", v->text);
	else
		snprintf(out, cap, "the text '%.64s'", v->text);
	return out;
}

int fm_yaml_want(const struct fm_yaml *v, enum fm_yaml_kind kind, const char *what, struct fm_error *err)
{
	static const char *const names[] = {"a single value", "a list", "a map of keys and values"};
	char is[96];

	if (v->kind == kind)
		return FM_OK;
	if (kind == FM_YAML_LIST && v->kind == FM_YAML_SCALAR && !fm_yaml_is_null(v))
		return fm_yaml_fail(v, err, "%s takes a list, not %s: put brackets around it, [%.64s]", what,
				    fm_yaml_describe(v, is, sizeof(is)), v->text);
	return fm_yaml_fail(v, err, "%s takes %s, not %s", what, names[kind], fm_yaml_describe(v, is, sizeof(is)));
}

int fm_yaml_text(const struct fm_yaml *v, const char *what, char *out, size_t cap, struct fm_error *err)
{
	char is[96];

	if (v->kind != FM_YAML_SCALAR || fm_yaml_is_null(v))
		return fm_yaml_fail(v, err, "%s takes text, not %s", what, fm_yaml_describe(v, is, sizeof(is)));
	if (strlen(v->text) >= cap)
		return fm_yaml_fail(v, err, "%s is longer than %zu bytes", what, cap - 1);
	for (const char *p = v->text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return fm_yaml_fail(v, err, "%s has a control character (0x%02x) in it", what,
					    (unsigned char)*p);
	if (fm_text_has_control(v->text))
		return fm_yaml_fail(v, err, "%s has a control character (from U+0080 to U+009F) in it", what);
	memset(out, 0, cap); /* nothing of an earlier value is left after the text */
	strcpy(out, v->text);
	return FM_OK;
}

int fm_yaml_bool(const struct fm_yaml *v, const char *what, bool *out, struct fm_error *err)
{
	char is[96];

	if (v->kind == FM_YAML_SCALAR && v->plain && strcmp(v->text, "true") == 0)
		*out = true;
	else if (v->kind == FM_YAML_SCALAR && v->plain && strcmp(v->text, "false") == 0)
		*out = false;
	else
		return fm_yaml_fail(v, err, "%s takes true or false, not %s", what,
				    fm_yaml_describe(v, is, sizeof(is)));
	return FM_OK;
}

int fm_yaml_int(const struct fm_yaml *v, const char *what, int64_t min, int64_t max, int64_t *out, struct fm_error *err)
{
	char is[96];
	const char *digits;
	size_t n;

	fm_yaml_describe(v, is, sizeof(is));
	if (v->kind != FM_YAML_SCALAR || !v->plain)
		return fm_yaml_fail(v, err, "%s takes an integer, not %s", what, is);
	digits = v->text + (v->text[0] == '-');
	n = strspn(digits, "0123456789");
	if (n == 0 || digits[n] != '\0')
		return fm_yaml_fail(v, err, "%s takes an integer, not %s", what, is);
	/* Nothing but digits fails to read only when it is too large for 64 bits. */
	if (fm_parse_i64(v->text, strlen(v->text), out) != 0 || *out < min || *out > max)
		return fm_yaml_fail(v, err, "%s is %.64s, and must lie from %lld to %lld", what, v->text,
				    (long long)min, (long long)max);
	return FM_OK;
}

int fm_yaml_real(const struct fm_yaml *v, const char *what, double *out, struct fm_error *err)
{
	char is[96];

	if (v->kind != FM_YAML_SCALAR || !v->plain || fm_parse_double(v->text, strlen(v->text), out) != 0)
		return fm_yaml_fail(v, err, "%s takes a number, not %s", what, fm_yaml_describe(v, is, sizeof(is)));
	return FM_OK;
}

/* ---- did you mean ---- */

#define MAXWORD 48

static size_t min_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t d[MAXWORD + 1][MAXWORD + 1];

	for (size_t i = 0; i <= na; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++)
		for (size_t j = 1; j <= nb; j++) {
			d[i][j] =
			    min_of(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]), min_of(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = min_of(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[na][nb];
}

const char *fm_suggest(const char *word, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	size_t nword = strlen(word), least = SIZE_MAX;

	if (nword == 0 || nword > MAXWORD)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t nc = strlen(candidates[i]), d;
		if (strcasecmp(word, candidates[i]) == 0)
			return candidates[i];
		if (nc > MAXWORD)
			continue;
		d = distance(word, nword, candidates[i], nc);
		if (d < least && d <= 1 + min_of(nword, nc) / 4) {
			least = d;
			best = candidates[i];
		}
	}
	return best;
}
