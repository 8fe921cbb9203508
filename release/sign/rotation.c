#include "release/sign/rotation.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/num.h"
#include "manifests/canon.h"
#include "manifests/json_bounds.h"
#include "release/sign/revoked.h"

#define KEY_TEXT_MAX 256 /* "ssh-ed25519 BASE64", of a key on a token too */

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the keys");
}

/* ---- as JSON ---- */

static json_t *key_json(const struct fm_sshpub *key)
{
	struct fm_sshpub bare = *key;
	struct fm_buf line = {0};
	json_t *v;

	bare.comment[0] = 0;
	fm_sshpub_line(&bare, &line);
	v = line.failed ? NULL : json_stringn(line.data, line.len - 1);
	fm_buf_free(&line);
	return v;
}

static json_t *statement_json(const struct fm_keys *k, int i)
{
	const struct fm_rotation *r = &k->r[i];

	return json_pack("{s:s, s:o, s:s, s:i, s:o, s:o}", "format", FM_ROTATION_FORMAT, "from", key_json(&r->from),
			 "issued", r->issued, "number", i + 1, "previous",
			 r->previous[0] ? json_string(r->previous) : json_null(), "to", key_json(&r->to));
}

/* One canonical line; takes doc over. */
static int write_line(json_t *doc, struct fm_buf *out, struct fm_error *err)
{
	int rc = doc ? fm_json_canonical(doc, out, err) : no_memory(err);

	json_decref(doc);
	if (rc < 0)
		return rc;
	fm_buf_puts(out, "\n");
	return fm_buf_check(out, err);
}

int fm_rotation_text(struct fm_keys *k, int i, struct fm_buf *out, struct fm_error *err)
{
	size_t begin = out->len;
	uint8_t digest[FM_SHA256_LEN];
	int rc;

	if ((rc = write_line(statement_json(k, i), out, err)) < 0 ||
	    (rc = fm_sha256_bytes(out->data + begin, out->len - begin, digest, err)) < 0)
		return rc;
	fm_hex(digest, sizeof digest, k->r[i].sha256);
	return FM_OK;
}

int fm_keys_text(struct fm_keys *k, struct fm_buf *out, struct fm_error *err)
{
	json_t *list = json_array();

	for (int i = 0; list && i < k->n; i++)
		if (json_array_append_new(list, json_pack("{s:o, s:s, s:s}", "statement", statement_json(k, i),
							  "by_old", k->r[i].by_old, "by_new", k->r[i].by_new)) != 0) {
			json_decref(list);
			return no_memory(err);
		}
	return write_line(json_pack("{s:s, s:o}", "format", FM_KEYS_FORMAT, "rotations", list), out, err);
}

/* ---- reading ---- */

static bool take_text(const json_t *o, const char *key, char *out, size_t cap)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);

	if (!s || strlen(s) != json_string_length(v) || strlen(s) >= cap)
		return false;
	memcpy(out, s, strlen(s) + 1);
	return true;
}

static bool take_key(const json_t *o, const char *key, struct fm_sshpub *pub)
{
	char text[KEY_TEXT_MAX];
	struct fm_error ignored;

	return take_text(o, key, text, sizeof text) && fm_sshpub_parse(pub, text, strlen(text), &ignored) == FM_OK;
}

/* Number and format are checked by writing the document again. */
static bool take_rotation(struct fm_rotation *r, const json_t *o)
{
	const json_t *s = json_object_get(o, "statement"), *previous = json_object_get(s, "previous");
	int64_t day_s;

	return take_key(s, "from", &r->from) && take_key(s, "to", &r->to) &&
	       take_text(s, "issued", r->issued, sizeof r->issued) && fm_parse_date_s(r->issued, &day_s) == 0 &&
	       (json_is_null(previous) || take_text(s, "previous", r->previous, sizeof r->previous)) &&
	       take_text(o, "by_old", r->by_old, sizeof r->by_old) &&
	       take_text(o, "by_new", r->by_new, sizeof r->by_new);
}

static int take_members(struct fm_keys *k, const json_t *doc, struct fm_error *err)
{
	const json_t *list = json_object_get(doc, "rotations");
	const char *format = json_string_value(json_object_get(doc, "format"));
	struct fm_buf text = {0};
	int rc = FM_OK;

	if (!format || strcmp(format, FM_KEYS_FORMAT) != 0)
		return fm_fail(err, FM_EINPUT,
			       "it is not of format " FM_KEYS_FORMAT
			       ": was it made by a newer flowmint? Then take its flowmint-verify");
	if (!json_is_array(list) || json_array_size(list) < 1 || json_array_size(list) > FM_ROTATIONS_MAX)
		return fm_fail(err, FM_EINPUT, "it has not from 1 to %d rotations", FM_ROTATIONS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!take_rotation(&k->r[k->n++], json_array_get(list, i)))
			return fm_fail(err, FM_EINPUT, "rotation %zu is not what it must be", i + 1);
		text.len = 0;
		if ((rc = fm_rotation_text(k, (int)i, &text, err)) < 0)
			goto out;
	}
out:
	fm_buf_free(&text);
	return rc;
}

int fm_keys_parse(struct fm_keys *k, const char *text, size_t n, struct fm_error *err)
{
	const char *much = n > FM_KEYS_MAX ? "it is too long" : fm_json_too_much(text, n);
	struct fm_buf again = {0};
	json_t *doc = NULL;
	int rc;

	memset(k, 0, sizeof *k);
	if (much)
		return fm_fail(err, FM_EINPUT, "%s", much);
	if (!(doc = fm_json_parse(text, n, JSON_REJECT_DUPLICATES, NULL)))
		return fm_fail(err, FM_EINPUT, "it is no JSON");
	if ((rc = take_members(k, doc, err)) < 0 || (rc = fm_keys_text(k, &again, err)) < 0)
		goto out;
	if (again.len != n || memcmp(again.data, text, n) != 0)
		rc = fm_fail(err, FM_EINPUT, "it is not in canonical form, or says more than keys do");
out:
	json_decref(doc);
	fm_buf_free(&again);
	return rc;
}

/* ---- the chain ---- */

int fm_keys_to(const struct fm_keys *k, const struct fm_sshpub *key)
{
	for (int i = 0; i < k->n; i++)
		if (fm_sshpub_same(&k->r[i].to, key))
			return i;
	return -1;
}

int fm_keys_from(const struct fm_keys *k, const struct fm_sshpub *key)
{
	for (int i = 0; i < k->n; i++)
		if (fm_sshpub_same(&k->r[i].from, key))
			return i;
	return -1;
}

static enum fm_signer_state find_before(const struct fm_trust *t, const struct fm_keys *k, const struct fm_sshpub *key,
					const char *ns, struct fm_trusted *found)
{
	for (int i = fm_keys_to(k, key); i >= 0 && !(found->revoked = k->r[i].revoked); i--) {
		const struct fm_sshpub *before = &k->r[i].from;
		enum fm_signer_state state =
		    fm_signers_find_name(t->signers, before, t->name, FM_RECORD_NAMESPACE, t->now_s, &found->who);

		if (state == FM_SIGNER_UNKNOWN)
			continue;
		if (state == FM_SIGNER_OTHER_NAMESPACE)
			found->lacks = FM_RECORD_NAMESPACE;
		if (state == FM_SIGNER_OK)
			state = fm_signers_find_name(t->signers, before, t->name, ns, t->now_s, &found->who);
		found->before = before;
		return state;
	}
	return FM_SIGNER_UNKNOWN;
}

enum fm_signer_state fm_trust_find(const struct fm_trust *t, const struct fm_sshpub *key, const char *ns,
				   struct fm_trusted *found)
{
	enum fm_signer_state state;

	*found = (struct fm_trusted){0};
	state = fm_signers_find_name(t->signers, key, t->name, ns, t->now_s, &found->who);
	for (size_t i = 0; i < t->nkeys && state == FM_SIGNER_UNKNOWN; i++)
		state = find_before(t, &t->keys[i], key, ns, found);
	return state;
}

int fm_keys_revoke(struct fm_keys *k, const char *list, struct fm_error *err)
{
	struct fm_signers none = {0};
	int rc = FM_OK;

	for (int i = 0; i < k->n && rc >= 0; i++)
		rc = fm_revoked_apply(list, &none, &k->r[i].from, &k->r[i].revoked, err);
	return rc;
}

bool fm_trust_names(const struct fm_trust *t, const struct fm_sshpub *key, const char *ns, struct fm_trusted *found)
{
	return fm_signer_ever(fm_trust_find(t, key, ns, found));
}

/* 1: by this key, over this text; 0: not. */
static int signed_by(const char *armored, const struct fm_sshpub *key, const uint8_t digest[FM_SHA512_LEN],
		     struct fm_error *err)
{
	struct fm_error ignored;
	struct fm_sshsig sig;

	if (fm_sshsig_parse(&sig, armored, strlen(armored), &ignored) < 0 || !fm_sshpub_same(&sig.key, key) ||
	    strcmp(sig.ns, FM_RECORD_NAMESPACE) != 0 || fm_sshpub_is_weak(key))
		return 0;
	return fm_sshsig_check(&sig, digest, err);
}

static int check_signatures(const struct fm_keys *k, int i, enum fm_keys_fault *fault, struct fm_error *err)
{
	const struct fm_rotation *r = &k->r[i];
	struct fm_buf text = {0};
	uint8_t digest[FM_SHA512_LEN];
	int rc, old, new;

	if ((rc = write_line(statement_json(k, i), &text, err)) < 0 ||
	    (rc = fm_sha512_bytes(text.data, text.len, digest, err)) < 0)
		goto out;
	if ((rc = old = signed_by(r->by_old, &r->from, digest, err)) < 0 ||
	    (rc = new = signed_by(r->by_new, &r->to, digest, err)) < 0)
		goto out;
	rc = FM_OK;
	if (old && new)
		goto out;
	*fault = FM_KEYS_UNSIGNED;
	(void)!fm_fail(err, FM_EVERDICT, "rotation %d is not signed by %s: both must", i + 1,
		       old   ? "its new key"
		       : new ? "its old key"
			     : "either of its keys");
out:
	fm_buf_free(&text);
	return rc;
}

static const char *break_at(const struct fm_keys *k, int i)
{
	const struct fm_rotation *r = &k->r[i], *last = i ? &k->r[i - 1] : NULL;

	if (last && !fm_sshpub_same(&r->from, &last->to))
		return "begins with another key than the one before it led to";
	if (strcmp(r->previous, last ? last->sha256 : "") != 0)
		return last ? "names another statement before it than there is"
			    : "names one before it, and is the first";
	if (last && strcmp(r->issued, last->issued) < 0)
		return "is older than the one before it";
	for (int j = 0; j <= i; j++)
		if (fm_sshpub_same(&r->to, &k->r[j].from))
			return "leads back to a key that was given up";
	return NULL;
}

int fm_keys_check(const struct fm_keys *k, enum fm_keys_fault *fault, struct fm_error *err)
{
	int rc;

	*fault = FM_KEYS_GOOD;
	for (int i = 0; i < k->n && *fault == FM_KEYS_GOOD; i++) {
		const char *why = break_at(k, i);

		if (why) {
			*fault = FM_KEYS_BROKEN;
			(void)!fm_fail(err, FM_EVERDICT, "rotation %d %s", i + 1, why);
		} else if ((rc = check_signatures(k, i, fault, err)) < 0) {
			return rc;
		}
	}
	return FM_OK;
}

int fm_keys_load(struct fm_keys *k, const char *path, struct fm_error *err)
{
	enum fm_keys_fault fault;
	struct fm_buf text = {0};
	struct stat st;
	int rc;

	memset(k, 0, sizeof *k);
	/* A link to nothing, and what nobody may look at, are there. */
	if (lstat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return FM_OK;
	if ((rc = fm_file_read(path, FM_KEYS_MAX, &text, err)) < 0)
		goto out;
	if ((rc = fm_keys_parse(k, text.data ? text.data : "", text.len, err)) >= 0 &&
	    (rc = fm_keys_check(k, &fault, err)) >= 0 && fault != FM_KEYS_GOOD) {
		rc = FM_EINPUT;
		if (err)
			err->code = rc;
	}
	if (rc == FM_EINPUT)
		fm_error_prefix(err, "%s: ", path);
out:
	fm_buf_free(&text);
	return rc;
}
