#include "pipeline/tlog_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "release/sign/revoked.h"
#include "release/tlog.h"

#define PROBLEMS_MAX 20
#define PATH_SHOWN 8192 /* bytes */

struct audit {
	const struct fm_tlog_audit_in *in;
	struct fm_tlog log;
	struct fm_signers signers;
	struct fm_keys *keys;
	struct fm_trust trust;
	bool has_signers;
	struct fm_tlog_proof *proof; /* the one at hand */
	json_t *problems, *by, *heads, *consistency;
};

static void problem(struct audit *a, size_t entry, const char *fmt, ...) FM_PRINTF(3, 4);
static void problem(struct audit *a, size_t entry, const char *fmt, ...)
{
	char words[900];
	va_list ap;

	if (json_array_size(a->problems) >= PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	fm_text_show_format(words, sizeof words, fmt, ap);
	va_end(ap);
	json_array_append_new(a->problems, json_pack("{s:I, s:s}", "entry", (json_int_t)entry, "problem", words));
}

/* A path as it is shown, which is UTF-8 whatever it was. */
static json_t *path_json(const char *path)
{
	char shown[PATH_SHOWN];

	fm_text_show(path, strlen(path), shown, sizeof shown);
	return json_string(shown);
}

static void found(void *ctx, size_t i, const char *what)
{
	problem(ctx, i + 1, "%s", what);
}

/* ---- keys after those of the signers file ---- */

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n > m && strcmp(s + n - m, tail) == 0;
}

/* Takes path over; *n paths have been taken, each with its digest, "" of one that could not be read.  Each release of a
 * folder carries the same document until a key is replaced. */
static int take_keys(char *path, char **paths, char (*digest)[FM_SHA256_HEX], size_t *n, struct fm_error *err)
{
	uint8_t d[FM_SHA256_LEN];
	struct fm_buf text = {0};
	bool unread;
	int rc;

	/* What cannot be read is as good as a document that does not hold, and each one is told of. */
	unread = (rc = fm_file_read(path, FM_KEYS_MAX, &text, err)) == FM_EINPUT;
	if ((rc < 0 && !unread) || (rc = fm_sha256_bytes(text.data ? text.data : "", text.len, d, err)) < 0)
		goto out;
	fm_hex(d, sizeof d, digest[*n]);
	if (unread)
		digest[*n][0] = '\0';
	for (size_t i = 0; i < *n && !unread; i++)
		if (strcmp(digest[i], digest[*n]) == 0)
			goto out;
	if (*n == FM_TLOG_AUDIT_KEYS) {
		rc = fm_fail(err, FM_EINPUT,
			     "%s: more than %d different documents of keys lie beside the log: leave the newest of "
			     "each project there",
			     path, FM_TLOG_AUDIT_KEYS);
		goto out;
	}
	paths[(*n)++] = path;
	path = NULL;
out:
	free(path);
	fm_buf_free(&text);
	return rc;
}

int fm_tlog_audit_keys(const char *log, char ***paths, size_t *n, struct fm_error *err)
{
	const char *slash = strrchr(log, '/');
	char *dir = slash ? strndup(log, (size_t)(slash - log) + 1) : strdup("."), **names = NULL;
	char(*digest)[FM_SHA256_HEX] = NULL;
	size_t nnames = 0;
	int rc;

	*paths = NULL;
	*n = 0;
	if (!dir) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
		goto out;
	}
	if ((rc = fm_alloc(paths, FM_TLOG_AUDIT_KEYS, sizeof **paths, "the audit", err)) < 0 ||
	    (rc = fm_alloc(&digest, FM_TLOG_AUDIT_KEYS + 1, sizeof *digest, "the audit", err)) < 0 ||
	    (rc = fm_dir_list(dir, &names, &nnames, err)) < 0)
		goto out;
	for (size_t i = 0; i < nnames && rc >= 0; i++) {
		char *path;

		if (!ends_with(names[i], FM_KEYS_SUFFIX) && strcmp(names[i], FM_KEYS_FILE) != 0)
			continue;
		if (!(path = fm_path_join(dir, names[i])))
			rc = fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
		else
			rc = take_keys(path, *paths, digest, n, err);
	}
out:
	if (rc < 0) {
		fm_names_free(*paths, *n);
		*paths = NULL;
		*n = 0;
	}
	fm_names_free(names, nnames);
	free(digest);
	free(dir);
	return rc;
}

/* A document that does not hold is a finding, as it is a reason to refuse the release that it lies beside. */
static int load_trust(struct audit *a, struct fm_error *err)
{
	const struct fm_tlog_audit_in *in = a->in;
	struct fm_error why;
	size_t n = 0;
	int rc;

	if (!in->signers)
		return FM_OK;
	a->has_signers = true;
	if ((rc = fm_signers_load(&a->signers, in->signers, err)) < 0 ||
	    (rc = fm_alloc(&a->keys, in->nkeys + 1, sizeof *a->keys, "the audit", err)) < 0)
		return rc;
	for (size_t i = 0; i < in->nkeys; i++) {
		if ((rc = fm_keys_load(&a->keys[n], in->keys[i], &why)) == FM_OK) {
			if (in->revoked && (rc = fm_keys_revoke(&a->keys[n], in->revoked, err)) < 0)
				return rc;
			n++;
		} else if (rc == FM_EINPUT)
			problem(a, 0, "%s", why.message);
		else
			return fm_error_set(err, rc, why.file, why.line, "%s", why.message);
	}
	a->trust = (struct fm_trust){.signers = &a->signers, .keys = a->keys, .nkeys = n};
	return FM_OK;
}

/* ---- who signed ---- */

static int is_revoked(const struct audit *a, const struct fm_sshpub *key, bool *revoked, struct fm_error *err)
{
	struct fm_signers none = {0};

	*revoked = false;
	return a->in->revoked ? fm_revoked_apply(a->in->revoked, &none, key, revoked, err) : FM_OK;
}

static int count_signer(struct audit *a, size_t i, struct fm_error *err)
{
	const struct fm_record *r = &a->log.entry[i].record;
	const char *armored = a->log.entry[i].signature;
	char fingerprint[FM_FINGERPRINT_MAX], shown[4 * FM_PRINCIPALS_MAX];
	struct fm_trusted by = {.who = NULL};
	struct fm_error ignored;
	struct fm_sshsig sig;
	bool revoked;
	json_t *o;
	int rc;

	if (fm_sshsig_parse(&sig, armored, strlen(armored), &ignored) < 0)
		return FM_OK; /* a finding about this already */
	if ((rc = fm_sshpub_fingerprint(&sig.key, fingerprint, err)) < 0)
		return rc;
	for (size_t j = 0; j < json_array_size(a->by); j++) {
		o = json_array_get(a->by, j);
		if (strcmp(json_string_value(json_object_get(o, "fingerprint")), fingerprint) == 0) {
			json_object_set_new(o, "heads",
					    json_integer(json_integer_value(json_object_get(o, "heads")) + 1));
			return FM_OK;
		}
	}
	if ((rc = is_revoked(a, &sig.key, &revoked, err)) < 0)
		return rc;
	if (revoked)
		problem(a, i + 1,
			"entry %zu (%s %s): the key %s, which signed its head and maybe later ones, was revoked: %s "
			"lists it",
			i + 1, r->name, r->version, fingerprint, a->in->revoked);
	if (a->has_signers)
		(void)!fm_trust_find(&a->trust, &sig.key, FM_RECORD_NAMESPACE, &by);
	if (by.who)
		fm_text_show(by.who->principals, strlen(by.who->principals), shown, sizeof shown);
	o = json_pack("{s:s, s:s?, s:i, s:b}", "fingerprint", fingerprint, "signer", by.who ? shown : NULL, "heads", 1,
		      "revoked", revoked);
	return json_array_append_new(a->by, o) ? fm_fail(err, FM_ESYSTEM, "out of memory for the audit") : FM_OK;
}

/* ---- heads from elsewhere ---- */

/* False where the file is no proof of a log: then *rc is FM_OK, and it is a finding, or FM_EINPUT of one that the
 * caller was given: it says nothing of the log. */
static bool read_proof(struct audit *a, const char *path, bool given, int *rc, struct fm_error *err)
{
	struct fm_buf text = {0};
	struct fm_error why;

	if ((*rc = fm_file_read(path, FM_TLOG_PROOF_MAX, &text, err)) < 0)
		goto out;
	if ((*rc = fm_tlog_proof_parse(a->proof, text.data ? text.data : "", text.len, &why)) == FM_EINPUT && !given) {
		problem(a, 0, "%s: %s", path, why.message);
		*rc = FM_OK;
		fm_buf_free(&text);
		return false;
	}
	if (*rc < 0)
		(void)!fm_error_set(err, *rc, why.file, why.line, "%s: %s", path, why.message);
out:
	fm_buf_free(&text);
	return *rc == FM_OK;
}

/* Whose head is it?  One that nobody signed says nothing about the log. */
static int check_head_signature(struct audit *a, const char *path, bool *good, struct fm_error *err)
{
	struct fm_trusted by;
	struct fm_error ignored;
	struct fm_sshsig sig;
	bool revoked;
	int rc;

	*good = false;
	if (fm_sshsig_parse(&sig, a->proof->signature, strlen(a->proof->signature), &ignored) < 0) {
		problem(a, 0, "%s: the signature of its head is none", path);
		return FM_OK;
	}
	if ((rc = fm_tlog_head_signed(&a->proof->head, &sig, err)) < 0)
		return rc;
	if (rc == 0) {
		problem(a, 0, "%s: the signature of its head is not of this head", path);
		return FM_OK;
	}
	if ((rc = is_revoked(a, &sig.key, &revoked, err)) < 0)
		return rc;
	if (revoked)
		problem(a, 0, "%s: the key that signed its head was revoked: %s lists it", path, a->in->revoked);
	else if (a->has_signers && !fm_trust_names(&a->trust, &sig.key, FM_RECORD_NAMESPACE, &by))
		problem(a, 0, "%s: the key that signed its head is not in %s%s", path, a->in->signers,
			by.who ? " for the namespace " FM_RECORD_NAMESPACE : "");
	else
		*good = true;
	return FM_OK;
}

static int check_head(struct audit *a, const char *path, bool given, bool *in_log, struct fm_error *err)
{
	const struct fm_tlog_head *h = &a->proof->head;
	bool good;
	int rc;

	*in_log = false;
	if (!read_proof(a, path, given, &rc, err))
		return rc;
	if ((rc = check_head_signature(a, path, &good, err)) < 0 || !good ||
	    (rc = fm_tlog_has_head(&a->log, h, in_log, err)) < 0)
		return rc;
	if (!*in_log && h->size > a->log.n)
		problem(a, a->log.n,
			"%s has a head of %" PRIu64
			" entries, and the log has %zu: it was cut off, or is an older copy",
			path, h->size, a->log.n);
	else if (!*in_log)
		problem(a, (size_t)h->size,
			"%s has another head of %" PRIu64
			" entries than the log: it was rewritten, or somebody was shown another log",
			path, h->size);
	return FM_OK;
}

static int check_heads(struct audit *a, struct fm_error *err)
{
	bool in_log;
	int rc;

	for (int i = 0; i < a->in->nhead; i++) {
		if ((rc = check_head(a, a->in->head[i], true, &in_log, err)) < 0)
			return rc;
		if (json_array_append_new(a->heads,
					  json_pack("{s:o, s:I, s:b}", "file", path_json(a->in->head[i]), "size",
						    (json_int_t)a->proof->head.size, "in_log", in_log)) != 0)
			return fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
	}
	return FM_OK;
}

/* ---- releases ---- */

/* A proof beside a release, and the record that it is of. */
static int check_release(struct audit *a, const char *name, struct fm_error *err)
{
	size_t n = strlen(name) - strlen(FM_TLOG_PROOF_SUFFIX);
	char *path = fm_path_join(a->in->folder, name), *record = NULL;
	struct fm_merkle_hash leaf;
	struct fm_buf text = {0};
	bool in_log;
	int rc;

	if (!path || asprintf(&record, "%s/%.*s" FM_RECORD_SUFFIX, a->in->folder, (int)n, name) < 0) {
		record = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
		goto out;
	}
	if ((rc = check_head(a, path, false, &in_log, err)) < 0 || !in_log)
		goto out;
	if (!fm_file_exists(record))
		goto out;
	if ((rc = fm_file_read(record, FM_RECORD_MAX, &text, err)) < 0 ||
	    (rc = fm_merkle_leaf(text.data ? text.data : "", text.len, &leaf, err)) < 0)
		goto out;
	if (!fm_merkle_same(&leaf, &a->log.leaf[a->proof->index]))
		problem(a, (size_t)a->proof->index + 1, "%s is not the record that is entry %" PRIu64 " of the log",
			record, a->proof->index + 1);
out:
	fm_buf_free(&text);
	free(record);
	free(path);
	return rc;
}

static int check_folder(struct audit *a, struct fm_error *err)
{
	char **names = NULL;
	size_t n = 0;
	int rc = FM_OK;

	if (!a->in->folder || (rc = fm_dir_list(a->in->folder, &names, &n, err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (ends_with(names[i], FM_TLOG_PROOF_SUFFIX) && (rc = check_release(a, names[i], err)) < 0)
			goto out;
out:
	fm_names_free(names, n);
	return rc;
}

/* Was the release of this row, which nobody was given, replaced later (run --replace)?  Its head went with it. */
static bool is_replaced(const json_t *rows, size_t row)
{
	const char *tar =
	    json_string_value(json_object_get(json_object_get(json_array_get(rows, row), "body"), "tar_sha256"));

	for (size_t i = row + 1; tar && i < json_array_size(rows); i++) {
		const char *replaces =
		    json_string_value(json_object_get(json_object_get(json_array_get(rows, i), "body"), "replaces"));

		if (replaces && strcmp(replaces, tar) == 0)
			return true;
	}
	return false;
}

/* The heads that the ledger has of releases into this folder. */
static int check_ledger(struct audit *a, struct fm_error *err)
{
	size_t n = a->in->folder ? strlen(a->in->folder) : 0;
	bool has;
	int rc;

	for (size_t i = 0; i < json_array_size(a->in->released); i++) {
		const json_t *row = json_array_get(a->in->released, i), *body = json_object_get(row, "body"),
			     *size = json_object_get(body, "log_size");
		const char *root = json_string_value(json_object_get(body, "log_root")),
			   *archive = json_string_value(json_object_get(body, "archive"));
		struct fm_tlog_head h = {.size = (uint64_t)json_integer_value(size)};
		struct fm_error ignored;

		if (!archive || strncmp(archive, a->in->folder, n) != 0 || archive[n] != '/' ||
		    strchr(archive + n + 1, '/') || !json_is_integer(size) || !root ||
		    strlen(root) != FM_SHA256_HEX - 1 ||
		    fm_unhex(root, sizeof h.root.byte, h.root.byte, &ignored) != FM_OK)
			continue;
		if ((rc = fm_tlog_has_head(&a->log, &h, &has, err)) < 0)
			return rc;
		if (!has && !is_replaced(a->in->released, i))
			problem(a, (size_t)h.size,
				"row %lld of the ledger has another head of %" PRIu64
				" entries: the log was rewritten or cut off since",
				(long long)json_integer_value(json_object_get(row, "row")), h.size);
	}
	return FM_OK;
}

/* ---- the whole audit ---- */

static json_t *root_json(const struct fm_merkle_hash *root)
{
	char hex[FM_SHA256_HEX];

	fm_hex(root->byte, sizeof root->byte, hex);
	return json_string(hex);
}

static int prove(struct audit *a, struct fm_error *err)
{
	const struct fm_tlog_audit_in *in = a->in;
	struct fm_merkle_hash from, to;
	struct fm_merkle_path path;
	int rc;

	if (in->to == 0)
		return FM_OK;
	if (in->from < 1 || in->from > in->to || in->to > a->log.n)
		return fm_fail(err, FM_EINPUT,
			       "%s has heads of 1 to %zu entr%s: there is no proof from %" PRIu64 " to %" PRIu64,
			       in->log, a->log.n, a->log.n == 1 ? "y" : "ies", in->from, in->to);
	if ((rc = fm_merkle_consistency(a->log.leaf, in->from, in->to, &path, err)) < 0 ||
	    (rc = fm_merkle_root(a->log.leaf, in->from, &from, err)) < 0 ||
	    (rc = fm_merkle_root(a->log.leaf, in->to, &to, err)) < 0)
		return rc;
	/* With the algorithm of a partner, who has only the two heads and the proof. */
	if ((rc = fm_merkle_check_consistency(in->from, &from, in->to, &to, &path, err)) < 0)
		return rc;
	if (rc == 0)
		return fm_fail(err, FM_ESYSTEM, "the proof that was made does not hold: please report this");
	a->consistency =
	    json_pack("{s:I, s:o, s:I, s:o, s:o}", "from", (json_int_t)in->from, "from_root", root_json(&from), "to",
		      (json_int_t)in->to, "to_root", root_json(&to), "path", fm_merkle_path_json(&path));
	return a->consistency ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
}

static int make_report(struct audit *a, json_t **report, struct fm_error *err)
{
	struct fm_merkle_hash root;
	int rc;

	if ((rc = fm_merkle_root(a->log.leaf, a->log.n, &root, err)) < 0)
		return rc;
	*report = json_pack("{s:o, s:I, s:o, s:b, s:O, s:O, s:o, s:O}", "log", path_json(a->in->log), "entries",
			    (json_int_t)a->log.n, "root", root_json(&root), "intact", json_array_size(a->problems) == 0,
			    "signers", a->by, "heads", a->heads, "consistency",
			    a->consistency ? json_incref(a->consistency) : json_null(), "problems", a->problems);
	return *report ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
}

int fm_tlog_audit(const struct fm_tlog_audit_in *in, json_t **report, struct fm_error *err)
{
	struct audit a = {.in = in, .problems = json_array(), .by = json_array(), .heads = json_array()};
	int rc;

	*report = NULL;
	if (!a.problems || !a.by || !a.heads) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the audit");
		goto out;
	}
	if (!in->folder && !fm_file_exists(in->log)) {
		rc = fm_fail(err, FM_EINPUT, "%s is not there", in->log);
		goto out;
	}
	if (in->revoked && (rc = fm_revoked_check(in->revoked, err)) < 0)
		goto out;
	if ((rc = fm_alloc(&a.proof, 1, sizeof *a.proof, "the audit", err)) < 0 ||
	    (rc = fm_tlog_load(&a.log, in->log, err)) < 0 || (rc = load_trust(&a, err)) < 0)
		goto out;
	/* Someone who was asked for a log and sends an empty file has shown nothing. */
	if (!in->folder && a.log.n == 0) {
		rc = fm_fail(err, FM_EINPUT, "%s has no entry: there is nothing that it could prove", in->log);
		goto out;
	}
	if ((rc = fm_tlog_check(&a.log, a.has_signers ? &a.trust : NULL, NULL, found, &a, err)) < 0)
		goto out;
	for (size_t i = 0; i < a.log.n; i++)
		if ((rc = count_signer(&a, i, err)) < 0)
			goto out;
	if ((rc = check_folder(&a, err)) < 0 || (rc = check_ledger(&a, err)) < 0 || (rc = check_heads(&a, err)) < 0 ||
	    (rc = prove(&a, err)) < 0)
		goto out;
	rc = make_report(&a, report, err);
out:
	fm_tlog_free(&a.log);
	fm_signers_free(&a.signers);
	free(a.keys);
	free(a.proof);
	json_decref(a.problems);
	json_decref(a.by);
	json_decref(a.heads);
	json_decref(a.consistency);
	return rc;
}
