/*
 * yaml.h - YAML as flowmint reads it: one document of maps, lists and plain values, with the line of everything.
 *
 * Refused, each with its line: a second document, anchors and aliases, tags, duplicate keys, keys that are no plain
 * text, NUL bytes, more than FM_YAML_MAXBYTES, FM_YAML_MAXDEPTH or FM_YAML_MAXNODES.
 *
 *     struct fm_yaml_doc doc = {.name = "release.yaml", .code = FM_EINPUT};
 *     struct fm_yaml *root;
 *     fm_yaml_parse(&root, &doc, arena, text, n, err)
 *     for (struct fm_yaml *v = root->first; v; v = v->next)     v->key, v->kind, v->text
 *
 * Every value remembers its document, so that fm_yaml_fail can say "release.yaml:12: ...".
 */
#ifndef FM_MANIFESTS_YAML_H
#define FM_MANIFESTS_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

#define FM_YAML_MAXBYTES (1 << 20)
#define FM_YAML_MAXDEPTH 16
#define FM_YAML_MAXNODES 10000

struct fm_yaml_doc {
	const char *name; /* the name of the file or other origin of the text; must outlive the nodes */
	bool inline_text; /* one line (a --set): messages carry no line number */
	int code;         /* FM_EINPUT, or FM_EUSAGE for text of the command line */
};
enum fm_yaml_kind { FM_YAML_SCALAR, FM_YAML_LIST, FM_YAML_MAP };
struct fm_yaml {
	enum fm_yaml_kind kind;
	const struct fm_yaml_doc *doc;
	size_t line;      /* 1 is the first */
	const char *key;  /* in a map: its key; else NULL */
	const char *text; /* of a scalar, without NUL bytes inside */
	bool plain;       /* a scalar without quotes */
	bool foreign;     /* its file begins unlike any of ours: it may be a trace, so no message quotes it */
	size_t n;         /* children */
	struct fm_yaml *first, *next;
};

/* Everything lives in the arena.  An empty document is a scalar for which fm_yaml_is_null holds. */
int fm_yaml_parse(struct fm_yaml **root, const struct fm_yaml_doc *doc, struct fm_arena *arena, const char *text,
		  size_t n, struct fm_error *err) FM_MUST_CHECK;
bool fm_yaml_is_null(const struct fm_yaml *v);                             /* nothing, ~ or null, without quotes */
struct fm_yaml *fm_yaml_child(const struct fm_yaml *map, const char *key); /* NULL when absent */

/* Fill err with "name:line: message"; returns the document's code. */
int fm_yaml_fail(const struct fm_yaml *v, struct fm_error *err, const char *fmt, ...) FM_PRINTF(3, 4);
/* What a value is, for messages: "a list", "the text 'abc'", "nothing", of a foreign file "text".  Returns out. */
const char *fm_yaml_describe(const struct fm_yaml *v, char *out, size_t cap);

/* Read the value as a certain type; what ("train.steps") names it in the message. */
int fm_yaml_want(const struct fm_yaml *v, enum fm_yaml_kind kind, const char *what, struct fm_error *err) FM_MUST_CHECK;
/* At most cap - 1 bytes, no control characters. */
int fm_yaml_text(const struct fm_yaml *v, const char *what, char *out, size_t cap, struct fm_error *err) FM_MUST_CHECK;
int fm_yaml_bool(const struct fm_yaml *v, const char *what, bool *out, struct fm_error *err) FM_MUST_CHECK;
int fm_yaml_int(const struct fm_yaml *v, const char *what, int64_t min, int64_t max, int64_t *out,
		struct fm_error *err) FM_MUST_CHECK;
int fm_yaml_real(const struct fm_yaml *v, const char *what, double *out,
		 struct fm_error *err) FM_MUST_CHECK; /* finite */

/* The candidate nearest to a misspelt word, or NULL when none is near: one edit, and one more for each four letters, a
 * swap of two neighbours counting as one (optimal string alignment). */
const char *fm_suggest(const char *word, const char *const *candidates, size_t n);

#endif
