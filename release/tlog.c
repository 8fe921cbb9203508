#include "release/tlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "manifests/canon.h"
#include "manifests/json_bounds.h"
#include "release/version_order.h"

static int reserve(struct fm_tlog *log, struct fm_error *err)
{
	size_t cap = log->cap ? 2 * log->cap : 64;
	struct fm_tlog_entry *entry;
	struct fm_merkle_hash *leaf;

	if (log->n < log->cap)
		return FM_OK;
	if (!(entry = realloc(log->entry, cap * sizeof *entry)))
		return fm_fail(err, FM_ESYSTEM, "out of memory for the log");
	log->entry = entry;
	if (!(leaf = realloc(log->leaf, cap * sizeof *leaf)))
		return fm_fail(err, FM_ESYSTEM, "out of memory for the log");
	log->leaf = leaf;
	log->cap = cap;
	return FM_OK;
}

void fm_tlog_free(struct fm_tlog *log)
{
	free(log->entry);
	free(log->leaf);
	memset(log, 0, sizeof *log);
}

int fm_tlog_add(struct fm_tlog *log, const char *record, size_t n, const struct fm_tlog_head *head, const char *armored,
		struct fm_error *err)
{
	struct fm_tlog_entry *e;
	int rc;

	if ((rc = reserve(log, err)) < 0)
		return rc;
	e = &log->entry[log->n];
	if (strlen(armored) >= sizeof e->signature)
		return fm_fail(err, FM_EINPUT, "a signature is longer than signatures are");
	if ((rc = fm_record_parse(&e->record, record, n, err)) < 0 ||
	    (rc = fm_merkle_leaf(record, n, &log->leaf[log->n], err)) < 0)
		return rc;
	e->head = *head;
	memcpy(e->signature, armored, strlen(armored) + 1);
	log->n++;
	return FM_OK;
}

/* ---- text ---- */

static json_t *entry_json(const struct fm_tlog_entry *e, struct fm_error *err)
{
	struct fm_record record = e->record;
	struct fm_buf text = {0};
	json_t *doc = NULL, *o;

	if (fm_record_text(&record, &text, err) < 0)
		goto out;
	if (!(o = fm_json_parse(text.data, text.len, 0, NULL))) {
		(void)!fm_fail(err, FM_ESYSTEM, "out of memory for the log");
		goto out;
	}
	if (!(doc = json_pack("{s:o, s:o, s:s}", "head", fm_tlog_head_json(&e->head), "record", o, "signature",
			      e->signature)))
		(void)!fm_fail(err, FM_ESYSTEM, "out of memory for the log");
out:
	fm_buf_free(&text);
	return doc;
}

static int entry_text(const struct fm_tlog_entry *e, struct fm_buf *out, struct fm_error *err)
{
	json_t *doc = entry_json(e, err);
	int rc = doc ? fm_json_canonical(doc, out, err) : err ? err->code : FM_ESYSTEM;

	json_decref(doc);
	if (rc < 0)
		return rc;
	fm_buf_puts(out, "\n");
	return fm_buf_check(out, err);
}

int fm_tlog_text(const struct fm_tlog *log, struct fm_buf *out, struct fm_error *err)
{
	int rc;

	for (size_t i = 0; i < log->n; i++)
		if ((rc = entry_text(&log->entry[i], out, err)) < 0)
			return rc;
	return FM_OK;
}

/* A line, its newline included. */
static int parse_line(struct fm_tlog *log, const char *line, size_t n, struct fm_error *err)
{
	struct fm_buf record = {0}, again = {0};
	json_t *doc = NULL;
	const json_t *signature;
	struct fm_tlog_head head;
	const char *much;
	int rc;

	if (n > FM_TLOG_LINE_MAX || line[n - 1] != '\n')
		return fm_fail(err, FM_EINPUT, "it is too long, or not ended");
	if ((much = fm_json_too_much(line, n)))
		return fm_fail(err, FM_EINPUT, "%s", much);
	if (!(doc = fm_json_parse(line, n, JSON_REJECT_DUPLICATES, NULL)))
		return fm_fail(err, FM_EINPUT, "it is no JSON");
	signature = json_object_get(doc, "signature");
	if (!fm_tlog_head_from_json(&head, json_object_get(doc, "head")) || !json_is_string(signature) ||
	    strlen(json_string_value(signature)) != json_string_length(signature)) {
		rc = fm_fail(err, FM_EINPUT, "head or signature is not what it must be");
		goto out;
	}
	if (!json_is_object(json_object_get(doc, "record"))) {
		rc = fm_fail(err, FM_EINPUT, "there is no record");
		goto out;
	}
	if ((rc = fm_json_canonical(json_object_get(doc, "record"), &record, err)) < 0)
		goto out;
	fm_buf_puts(&record, "\n");
	if ((rc = fm_buf_check(&record, err)) < 0 ||
	    (rc = fm_tlog_add(log, record.data, record.len, &head, json_string_value(signature), err)) < 0 ||
	    (rc = entry_text(&log->entry[log->n - 1], &again, err)) < 0)
		goto out;
	if (again.len != n || memcmp(again.data, line, n) != 0)
		rc = fm_fail(err, FM_EINPUT, "it is not in canonical form, or says more than an entry does");
out:
	json_decref(doc);
	fm_buf_free(&record);
	fm_buf_free(&again);
	return rc;
}

int fm_tlog_parse(struct fm_tlog *log, const char *text, size_t n, struct fm_error *err)
{
	size_t line = 0;
	int rc;

	memset(log, 0, sizeof *log);
	for (size_t at = 0, len; at < n; at += len) {
		const char *end = memchr(text + at, '\n', n - at);

		len = end ? (size_t)(end - text) - at + 1 : n - at;
		line++; /* an entry that is refused last of all is in the log by then */
		if ((rc = parse_line(log, text + at, len, err)) < 0) {
			if (rc == FM_EINPUT)
				fm_error_prefix(err, "line %zu: ", line);
			return rc;
		}
	}
	return FM_OK;
}

int fm_tlog_load(struct fm_tlog *log, const char *path, struct fm_error *err)
{
	struct fm_buf text = {0};
	int rc;

	memset(log, 0, sizeof *log);
	if (!fm_file_exists(path))
		return FM_OK;
	if ((rc = fm_file_read(path, FM_TLOG_MAX, &text, err)) < 0)
		goto out;
	if ((rc = fm_tlog_parse(log, text.data ? text.data : "", text.len, err)) < 0)
		fm_error_prefix(err, "%s: ", path);
out:
	fm_buf_free(&text);
	return rc;
}

/* ---- checking ---- */

struct check {
	const struct fm_tlog *log;
	const struct fm_trust *trust;
	const char *name;
	fm_tlog_found *found;
	void *ctx;
	struct fm_merkle_tree tree;
};

static void tell(const struct check *c, size_t i, const char *fmt, ...) FM_PRINTF(3, 4);
static void tell(const struct check *c, size_t i, const char *fmt, ...)
{
	const struct fm_record *r = &c->log->entry[i].record;
	char what[500], words[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(words, sizeof words, "entry %zu (%s %s): %s", i + 1, r->name, r->version, what);
	c->found(c->ctx, i, words);
}

static int check_signature(const struct check *c, size_t i, struct fm_error *err)
{
	const struct fm_tlog_entry *e = &c->log->entry[i];
	struct fm_trusted found;
	struct fm_error why;
	struct fm_sshsig sig;
	int rc;

	if (fm_sshsig_parse(&sig, e->signature, strlen(e->signature), &why) < 0) {
		tell(c, i, "the signature of its head is none: %s", why.message);
		return FM_OK;
	}
	if ((rc = fm_tlog_head_signed(&e->head, &sig, err)) < 0)
		return rc;
	if (rc == 0)
		tell(c, i, "the signature of its head is not of this head");
	else if (c->trust && (!c->name || strcmp(c->name, e->record.name) == 0) &&
		 !fm_trust_names(c->trust, &sig.key, FM_RECORD_NAMESPACE, &found))
		tell(c, i, "the key that signed its head is not in allowed_signers%s",
		     found.who       ? " for the namespace " FM_RECORD_NAMESPACE
		     : found.revoked ? ", and came after one that was revoked"
				     : "");
	return FM_OK;
}

/* The records of one name, as they follow each other. */
static void check_sequence(const struct check *c, size_t i)
{
	const struct fm_record *r = &c->log->entry[i].record, *last = NULL;

	for (size_t j = i; j-- > 0 && !last;)
		if (strcmp(c->log->entry[j].record.name, r->name) == 0)
			last = &c->log->entry[j].record;
	if (!last)
		return;
	if (strcmp(last->version, r->version) == 0)
		tell(c, i, "there are two records of this version in the log");
	else if (fm_version_compare(r->version, last->version) <= 0)
		tell(c, i, "its version is not later than %s, which comes before it", last->version);
	else if (r->sequence <= last->sequence)
		tell(c, i, "its number is %lld, and %s before it is number %lld", (long long)r->sequence, last->version,
		     (long long)last->sequence);
	else if (r->sequence == last->sequence + 1 && strcmp(r->previous_sha256, last->sha256) != 0)
		tell(c, i, "it follows another record than %s, which comes before it", last->version);
}

int fm_tlog_check(const struct fm_tlog *log, const struct fm_trust *trust, const char *name, fm_tlog_found *found,
		  void *ctx, struct fm_error *err)
{
	struct check c = {.log = log, .trust = trust, .name = name, .found = found, .ctx = ctx};
	struct fm_merkle_hash root;
	int rc;

	for (size_t i = 0; i < log->n; i++) {
		const struct fm_tlog_head *h = &log->entry[i].head;

		if ((rc = fm_merkle_add(&c.tree, &log->leaf[i], err)) < 0 ||
		    (rc = fm_merkle_tree_root(&c.tree, &root, err)) < 0)
			return rc;
		if (h->size != i + 1)
			tell(&c, i, "its head is of %llu entr%s", (unsigned long long)h->size,
			     h->size == 1 ? "y" : "ies");
		else if (!fm_merkle_same(&h->root, &root))
			tell(&c, i,
			     "the root of its head is not that of the entries up to it: one of them was changed, "
			     "removed, added or moved");
		if ((rc = check_signature(&c, i, err)) < 0)
			return rc;
		check_sequence(&c, i);
	}
	return FM_OK;
}

/* ---- growing ---- */

int fm_tlog_next(const struct fm_tlog *log, const char *record, size_t n, struct fm_tlog_head *head,
		 struct fm_error *err)
{
	struct fm_merkle_tree tree = {.n = 0};
	struct fm_merkle_hash leaf;
	int rc;

	for (size_t i = 0; i < log->n; i++)
		if ((rc = fm_merkle_add(&tree, &log->leaf[i], err)) < 0)
			return rc;
	if ((rc = fm_merkle_leaf(record, n, &leaf, err)) < 0 || (rc = fm_merkle_add(&tree, &leaf, err)) < 0)
		return rc;
	head->size = tree.n;
	return fm_merkle_tree_root(&tree, &head->root, err);
}

int fm_tlog_prove(const struct fm_tlog *log, size_t i, struct fm_tlog_proof *proof, struct fm_error *err)
{
	const struct fm_tlog_entry *e = &log->entry[i];
	int rc;

	memset(proof, 0, sizeof *proof);
	proof->head = e->head;
	memcpy(proof->signature, e->signature, sizeof proof->signature);
	proof->index = i;
	if ((rc = fm_merkle_inclusion(log->leaf, i + 1, i, &proof->inclusion, err)) < 0)
		return rc;
	for (size_t j = i; j-- > 0 && proof->nsteps < FM_TLOG_STEPS;) {
		struct fm_tlog_step *s = &proof->step[proof->nsteps];

		if (strcmp(log->entry[j].record.name, e->record.name) != 0)
			continue;
		s->size = j + 1;
		if ((rc = fm_merkle_consistency(log->leaf, s->size, i + 1, &s->path, err)) < 0)
			return rc;
		proof->nsteps++;
	}
	return FM_OK;
}

int fm_tlog_has_head(const struct fm_tlog *log, const struct fm_tlog_head *head, bool *has, struct fm_error *err)
{
	struct fm_merkle_hash root;
	int rc;

	*has = false;
	if (head->size > log->n)
		return FM_OK;
	if ((rc = fm_merkle_root(log->leaf, head->size, &root, err)) < 0)
		return rc;
	*has = fm_merkle_same(&root, &head->root);
	return FM_OK;
}
