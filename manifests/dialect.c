#include "manifests/dialect_loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "manifests/cidr.h"
#include "manifests/embed.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the other keys ---- */

static int read_name(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_text(v, "name", d->name, sizeof(d->name), err)) < 0)
		return rc;
	if (d->name[0] == '\0' || d->name[strspn(d->name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] != '\0')
		return fm_yaml_fail(v, err, "name takes small letters, digits, '.', '_' and '-', not '%s'", d->name);
	return FM_OK;
}

static int read_delimiter(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	/* Any printable byte that is no part of a value, a tab, or the byte that Hive puts between columns. */
	if (v->kind == FM_YAML_SCALAR && strcmp(v->text, "blanks") == 0) {
		d->delimiter = ' ';
		d->blanks = true;
		return FM_OK;
	}
	if (v->kind == FM_YAML_SCALAR && strlen(v->text) == 1 && strchr("\t\x01\x1f !#$%&*+,/;<=>@^_`|~", v->text[0])) {
		d->delimiter = v->text[0];
		return FM_OK;
	}
	return fm_yaml_fail(v, err,
			    "delimiter takes one character between quotes such as \",\", \";\" or \"\\t\", or "
			    "blanks");
}

/* A mark in numbers: one of `marks`. */
static int read_mark(char *mark, const char *key, const char *marks, const struct fm_yaml *v, struct fm_error *err)
{
	if (v->kind != FM_YAML_SCALAR || strlen(v->text) != 1 || !strchr(marks, v->text[0]))
		return fm_yaml_fail(v, err, "%s takes one mark between quotes, of these: %s", key, marks);
	*mark = v->text[0];
	return FM_OK;
}

static int read_newline(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	if (v->kind != FM_YAML_SCALAR || (strcmp(v->text, "\n") != 0 && strcmp(v->text, "\r\n") != 0))
		return fm_yaml_fail(v, err, "newline takes \"\\n\" or \"\\r\\n\" (between double quotes)");
	strcpy(d->newline, v->text);
	return FM_OK;
}

static int read_missing(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "missing", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->missing))
		return fm_yaml_fail(v, err, "missing takes at most %zu words, not %zu", COUNT_OF(d->missing), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next) {
		/* null and ~ are words here like any other. */
		struct fm_yaml word = *e;
		word.plain = false;
		if ((rc = fm_yaml_text(&word, "missing", d->missing[d->nmissing++], sizeof(d->missing[0]), err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int read_internal(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "internal", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->internal))
		return fm_yaml_fail(v, err, "internal takes at most %zu ranges, not %zu", COUNT_OF(d->internal), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next, d->ninternal++) {
		char text[FM_CIDR_TEXT_MAX];
		struct fm_error why;
		if ((rc = fm_yaml_text(e, "internal", text, sizeof(text), err)) < 0)
			return rc;
		if (fm_cidr_parse(&d->internal[d->ninternal], text, &why) < 0)
			return fm_yaml_fail(e, err, "internal: %s", why.message);
	}
	return FM_OK;
}

static int read_labels(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_MAP, "labels", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->labels))
		return fm_yaml_fail(v, err, "labels takes at most %zu pairs, not %zu", COUNT_OF(d->labels), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next, d->nlabels++) {
		if (strlen(e->key) >= sizeof(d->labels[0].from))
			return fm_yaml_fail(e, err, "labels: '%.64s...' is longer than %zu bytes", e->key,
					    sizeof(d->labels[0].from) - 1);
		strcpy(d->labels[d->nlabels].from, e->key);
		d->labels[d->nlabels].line = e->line;
		if ((rc = fm_yaml_text(e, "labels", d->labels[d->nlabels].to, sizeof(d->labels[0].to), err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* A list of words, none of them empty. */
static int read_comment(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "comment", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->comment))
		return fm_yaml_fail(v, err, "comment takes at most %zu words, not %zu", COUNT_OF(d->comment), v->n);
	d->ncomment = 0;
	for (const struct fm_yaml *e = v->first; e; e = e->next) {
		char *word = d->comment[d->ncomment++];
		if ((rc = fm_yaml_text(e, "comment", word, sizeof(d->comment[0]), err)) < 0)
			return rc;
		if (!*word)
			return fm_yaml_fail(e, err, "comment: the empty word begins every line");
	}
	return FM_OK;
}

static int read_encoding(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	int rc;

	if ((rc = fm_yaml_text(v, "encoding", text, sizeof(text), err)) < 0)
		return rc;
	if (strcmp(text, "windows-1252") == 0)
		d->encoding = FM_ENCODING_WINDOWS_1252;
	else if (strcmp(text, "utf-16") == 0)
		d->encoding = FM_ENCODING_UTF16;
	else if (strcmp(text, "utf-8") != 0)
		return fm_yaml_fail(v, err, "encoding takes utf-8, utf-16 or windows-1252, not '%s'", text);
	return FM_OK;
}

static int read_header(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	if (v->kind != FM_YAML_SCALAR || strcmp(v->text, "optional") != 0)
		return fm_yaml_bool(v, "header", &d->header, err);
	d->header = d->header_optional = true;
	return FM_OK;
}

static int read_lines(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	int rc;

	if ((rc = fm_yaml_text(v, "lines", text, sizeof(text), err)) < 0)
		return rc;
	d->json = strcmp(text, "json") == 0;
	d->packets = strcmp(text, "packets") == 0;
	d->ipfix = strcmp(text, "ipfix") == 0;
	d->header = d->header || d->json;
	if (!d->json && !d->packets && !d->ipfix && strcmp(text, "delimited") != 0)
		return fm_yaml_fail(v, err, "lines takes delimited, json, packets or ipfix, not '%s'", text);
	return FM_OK;
}

/* Lines that a release has around its header; `cap` bytes each in `line`, `max` of them. */
static int read_around(const char *key, char *line, size_t cap, int max, int *n, const struct fm_yaml *v,
		       struct fm_error *err)
{
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, key, err)) < 0)
		return rc;
	if (v->n > (size_t)max)
		return fm_yaml_fail(v, err, "%s takes at most %d lines, not %zu", key, max, v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next, ++*n) {
		char *to = line + (size_t)*n * cap;

		if (e->kind != FM_YAML_SCALAR || strlen(e->text) >= cap)
			return fm_yaml_fail(e, err, "%s takes lines of up to %zu bytes", key, cap - 1);
		/* Tabs are wanted, breaks would be more lines, and a quote would begin a value. */
		for (const char *s = e->text; *s; s++)
			if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f || *s == '"')
				return fm_yaml_fail(e, err, "%s takes lines without control characters and quotes",
						    key);
		strcpy(to, e->text);
	}
	return FM_OK;
}

static int read_direction(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	int rc;

	if ((rc = fm_yaml_text(v, "direction", text, sizeof(text), err)) < 0)
		return rc;
	d->both_ways = strcmp(text, "both") == 0;
	if (!d->both_ways && strcmp(text, "one") != 0)
		return fm_yaml_fail(v, err, "direction takes one or both, not '%s'", text);
	return FM_OK;
}

static int read_timeout(const char *key, int *seconds, const struct fm_yaml *v, struct fm_error *err)
{
	int64_t n;
	int rc;

	if ((rc = fm_yaml_int(v, key, 1, 86400, &n, err)) < 0)
		return rc;
	*seconds = (int)n;
	return FM_OK;
}

static int read_quote(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	int rc;

	if ((rc = fm_yaml_text(v, "quote", text, sizeof(text), err)) < 0)
		return rc;
	d->no_quotes = strcmp(text, "none") == 0;
	if (!d->no_quotes && strcmp(text, "double") != 0)
		return fm_yaml_fail(v, err, "quote takes double or none, not '%s'", text);
	return FM_OK;
}

static int read_icmp(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	int rc;

	if ((rc = fm_yaml_text(v, "icmp", text, sizeof(text), err)) < 0)
		return rc;
	d->icmp = strcmp(text, "zeek") == 0 ? FM_ICMP_ZEEK : strcmp(text, "argus") == 0 ? FM_ICMP_ARGUS : FM_ICMP_PLAIN;
	if (!d->icmp && strcmp(text, "plain") != 0)
		return fm_yaml_fail(v, err, "icmp takes plain, zeek or argus, not '%s'", text);
	return FM_OK;
}

static int read_hosts(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_MAP, "hosts", err)) < 0)
		return rc;
	if (v->n > COUNT_OF(d->hosts))
		return fm_yaml_fail(v, err, "hosts takes at most %zu names, not %zu", COUNT_OF(d->hosts), v->n);
	for (const struct fm_yaml *e = v->first; e; e = e->next, d->nhosts++) {
		if (strlen(e->key) >= sizeof(d->hosts[0].name))
			return fm_yaml_fail(e, err, "hosts: '%.64s...' is too long", e->key);
		strcpy(d->hosts[d->nhosts].name, e->key);
		if ((rc = fm_yaml_text(e, "hosts", text, sizeof(text), err)) < 0)
			return rc;
		if (fm_address_parse(text, strlen(text), &d->hosts[d->nhosts].address))
			return fm_yaml_fail(e, err, "hosts: '%s' is not an address", text);
	}
	return FM_OK;
}

static int read_key(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	static const char *const keys[] = {
	    "name",     "description", "header",        "delimiter",      "newline",
	    "missing",  "internal",    "columns",       "labels",         "quote",
	    "comment",  "header_mark", "extra_columns", "timezone",       "encoding",
	    "hosts",    "relative_to", "lines",         "before_header",  "after_header",
	    "icmp",     "unset",       "direction",     "active_timeout", "inactive_timeout",
	    "sampling", "decimal",     "thousands",     "absent"};

	if (strcmp(v->key, "name") == 0)
		return read_name(d, v, err);
	if (strcmp(v->key, "description") == 0)
		return fm_yaml_text(v, "description", d->description, sizeof(d->description), err);
	if (strcmp(v->key, "header") == 0)
		return read_header(d, v, err);
	if (strcmp(v->key, "delimiter") == 0)
		return read_delimiter(d, v, err);
	if (strcmp(v->key, "decimal") == 0)
		return read_mark(&d->decimal, v->key, ".,", v, err);
	if (strcmp(v->key, "thousands") == 0)
		return read_mark(&d->thousands, v->key, ".,' _", v, err);
	if (strcmp(v->key, "newline") == 0)
		return read_newline(d, v, err);
	if (strcmp(v->key, "missing") == 0)
		return read_missing(d, v, err);
	if (strcmp(v->key, "internal") == 0)
		return read_internal(d, v, err);
	if (strcmp(v->key, "columns") == 0)
		return fm_dialect_columns(d, v, err);
	if (strcmp(v->key, "labels") == 0)
		return read_labels(d, v, err);
	if (strcmp(v->key, "quote") == 0)
		return read_quote(d, v, err);
	if (strcmp(v->key, "comment") == 0)
		return read_comment(d, v, err);
	if (strcmp(v->key, "header_mark") == 0)
		return fm_yaml_text(v, "header_mark", d->header_mark, sizeof(d->header_mark), err);
	if (strcmp(v->key, "extra_columns") == 0)
		return fm_yaml_bool(v, "extra_columns", &d->extra_columns, err);
	if (strcmp(v->key, "timezone") == 0)
		return fm_dialect_timezone(d, v, err);
	if (strcmp(v->key, "encoding") == 0)
		return read_encoding(d, v, err);
	if (strcmp(v->key, "hosts") == 0)
		return read_hosts(d, v, err);
	if (strcmp(v->key, "lines") == 0)
		return read_lines(d, v, err);
	if (strcmp(v->key, "relative_to") == 0 || strcmp(v->key, "absent") == 0)
		return FM_OK; /* absent is read before the others, relative_to after them */
	if (strcmp(v->key, "before_header") == 0)
		return read_around(v->key, d->before[0], sizeof(d->before[0]), COUNT_OF(d->before), &d->nbefore, v,
				   err);
	if (strcmp(v->key, "after_header") == 0)
		return read_around(v->key, d->after[0], sizeof(d->after[0]), COUNT_OF(d->after), &d->nafter, v, err);
	if (strcmp(v->key, "unset") == 0)
		return fm_yaml_text(v, "unset", d->unset, sizeof(d->unset), err);
	if (strcmp(v->key, "sampling") == 0) {
		d->states_sampling = true;
		return fm_yaml_int(v, "sampling", 1, INT32_MAX, &d->sampling, err);
	}
	if (strcmp(v->key, "icmp") == 0)
		return read_icmp(d, v, err);
	if (strcmp(v->key, "direction") == 0)
		return read_direction(d, v, err);
	if (strcmp(v->key, "active_timeout") == 0)
		return read_timeout(v->key, &d->active_s, v, err);
	if (strcmp(v->key, "inactive_timeout") == 0)
		return read_timeout(v->key, &d->inactive_s, v, err);
	return fm_dialect_unknown(v, "key", v->key, keys, COUNT_OF(keys), err);
}

/* Lines that begin with # are not rows, except a header that does. */
static void default_comment(struct fm_dialect *d)
{
	for (int i = 0; i < d->ncols; i++)
		if (d->cols[i].name[0] == '#')
			return;
	d->ncomment = 1;
	strcpy(d->comment[0], "#");
}

static int parse(struct fm_dialect *d, const char *name, const char *text, size_t n, struct fm_error *err)
{
	struct fm_yaml_doc doc = {.name = name, .code = FM_EINPUT};
	struct fm_arena *arena = NULL;
	struct fm_yaml *root;
	int rc;

	d->delimiter = ',';
	d->decimal = '.';
	d->sampling = 1;
	strcpy(d->newline, "\n");
	d->nmissing = 1;   /* the empty field */
	d->active_s = 300; /* the defaults of nfpcapd */
	d->inactive_s = 60;
	if ((rc = fm_arena_new(&arena, 64 << 10, err)) < 0 ||
	    (rc = fm_yaml_parse(&root, &doc, arena, text, n, err)) < 0 ||
	    (rc = fm_yaml_want(root, FM_YAML_MAP, "a dialect", err)) < 0)
		goto out;
	if (fm_yaml_child(root, "missing"))
		d->nmissing = 0;
	d->relative = fm_yaml_child(root, "relative_to") != NULL;
	if (fm_yaml_child(root, "absent") && (rc = fm_dialect_absent(d, fm_yaml_child(root, "absent"), err)) < 0)
		goto out;
	for (const struct fm_yaml *v = root->first; v; v = v->next)
		if ((rc = read_key(d, v, err)) < 0)
			goto out;
	if (d->relative && (rc = fm_dialect_relative_to(d, fm_yaml_child(root, "relative_to"), err)) < 0)
		goto out;
	if (!fm_yaml_child(root, "comment"))
		default_comment(d);
	rc = fm_dialect_check(d, root, err);
out:
	fm_arena_free(arena);
	return rc;
}

/* ---- the ways in ---- */

bool fm_dialect_is_file(const char *name)
{
	size_t n = strlen(name);

	return strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".yaml") == 0);
}

int fm_dialect_check_name(const char *name, struct fm_error *err)
{
	const char *names[64], *near;
	struct fm_embed e;
	size_t n = 0;

	if (fm_dialect_is_file(name) || fm_embed_find(&e, FM_EMBED_DIALECT, name))
		return FM_OK;
	while (n < COUNT_OF(names) && fm_embed_at(&e, FM_EMBED_DIALECT, n))
		names[n++] = e.name;
	near = fm_suggest(name, names, n);
	return fm_fail(
	    err, FM_EINPUT,
	    "unknown dialect '%.64s'%s%s%s (flowmint dialects lists those that are built in; a file of your own has "
	    "a '/' or ends in .yaml)",
	    name, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int fm_dialect_blame(struct fm_error *err)
{
	return fm_error_prefix(err, "a dialect with a '/' or ending in .yaml is a file of your own (flowmint dialects "
				    "lists those that are built in): ");
}

int fm_dialect_parse(struct fm_dialect **d, const char *name, const char *text, size_t n, struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(d, 1, sizeof(**d), "a dialect", err)) < 0)
		return rc;
	if ((rc = parse(*d, name, text, n, err)) < 0) {
		fm_dialect_free(*d);
		*d = NULL;
	}
	return rc;
}

int fm_dialect_load(struct fm_dialect **d, const char *name, struct fm_error *err)
{
	struct fm_buf file = {0};
	struct fm_embed e = {.name = name};
	char title[128];
	int rc;

	*d = NULL;
	if ((rc = fm_dialect_check_name(name, err)) < 0)
		return rc;
	if (fm_dialect_is_file(name)) {
		if ((rc = fm_file_read(name, FM_YAML_MAXBYTES, &file, err)) < 0) {
			fm_dialect_blame(err);
			goto out;
		}
		e.text = file.data ? file.data : "";
		e.n = file.len;
	} else {
		fm_embed_find(&e, FM_EMBED_DIALECT, name);
		snprintf(title, sizeof(title), "dialect %s", e.name);
		e.name = title;
	}
	rc = fm_dialect_parse(d, e.name, e.text, e.n, err);
out:
	fm_buf_free(&file);
	return rc;
}

const char *fm_columns_text(unsigned set, char *out, size_t cap)
{
	size_t n = 0;

	*out = 0;
	for (int c = 0; c < FM_NCOL; c++)
		if (set >> c & 1u && n < cap)
			n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? " " : "", fm_cols[c].name);
	return out;
}

bool fm_dialect_is_internal(const struct fm_dialect *d, const struct fm_address *a)
{
	for (int i = 0; i < d->ninternal; i++)
		if (fm_cidr_holds(&d->internal[i], a))
			return true;
	return false;
}

void fm_dialect_free(struct fm_dialect *d)
{
	free(d);
}
