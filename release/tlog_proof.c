#include "release/tlog_proof.h"

#include <string.h>

#include "base/json_text.h"
#include "manifests/canon.h"
#include "manifests/json_bounds.h"

/* ---- heads and hashes ---- */

static json_t *hash_json(const struct fm_merkle_hash *h)
{
	char hex[FM_SHA256_HEX];

	fm_hex(h->byte, sizeof h->byte, hex);
	return json_string(hex);
}

static bool take_hash(struct fm_merkle_hash *h, const json_t *v)
{
	const char *hex = json_string_value(v);
	struct fm_error ignored;

	/* The canonical form, with which the caller compares, has only lower-case digits. */
	return hex && json_string_length(v) == FM_SHA256_HEX - 1 &&
	       fm_unhex(hex, sizeof h->byte, h->byte, &ignored) == FM_OK;
}

static bool take_number(uint64_t *n, const json_t *v, uint64_t least)
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v) || i < (json_int_t)least || i > (json_int_t)FM_MERKLE_SIZE_MAX)
		return false;
	*n = (uint64_t)i;
	return true;
}

json_t *fm_tlog_head_json(const struct fm_tlog_head *h)
{
	return json_pack("{s:s, s:o, s:I}", "format", FM_TLOG_HEAD_FORMAT, "root", hash_json(&h->root), "size",
			 (json_int_t)h->size);
}

bool fm_tlog_head_from_json(struct fm_tlog_head *h, const json_t *o)
{
	const char *format = json_string_value(json_object_get(o, "format"));

	return format && strcmp(format, FM_TLOG_HEAD_FORMAT) == 0 && take_hash(&h->root, json_object_get(o, "root")) &&
	       take_number(&h->size, json_object_get(o, "size"), 1);
}

/* One canonical line; takes doc over. */
static int write_line(json_t *doc, struct fm_buf *out, struct fm_error *err)
{
	int rc = doc ? fm_json_canonical(doc, out, err) : fm_fail(err, FM_ESYSTEM, "out of memory for the log");

	json_decref(doc);
	if (rc < 0)
		return rc;
	fm_buf_puts(out, "\n");
	return fm_buf_check(out, err);
}

int fm_tlog_head_text(const struct fm_tlog_head *h, struct fm_buf *out, struct fm_error *err)
{
	return write_line(fm_tlog_head_json(h), out, err);
}

int fm_tlog_head_signed(const struct fm_tlog_head *h, const struct fm_sshsig *sig, struct fm_error *err)
{
	uint8_t digest[FM_SHA512_LEN];
	struct fm_buf text = {0};
	int rc;

	if (strcmp(sig->ns, FM_RECORD_NAMESPACE) != 0 || fm_sshpub_is_weak(&sig->key))
		return 0;
	if ((rc = fm_tlog_head_text(h, &text, err)) < 0 || (rc = fm_sha512_bytes(text.data, text.len, digest, err)) < 0)
		goto out;
	rc = fm_sshsig_check(sig, digest, err);
out:
	fm_buf_free(&text);
	return rc;
}

/* ---- the document ---- */

json_t *fm_merkle_path_json(const struct fm_merkle_path *path)
{
	json_t *list = json_array();

	for (int i = 0; list && i < path->n; i++)
		if (json_array_append_new(list, hash_json(&path->hash[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static bool take_path(struct fm_merkle_path *path, const json_t *list)
{
	if (!json_is_array(list) || json_array_size(list) > FM_MERKLE_PATH_MAX)
		return false;
	path->n = (int)json_array_size(list);
	for (int i = 0; i < path->n; i++)
		if (!take_hash(&path->hash[i], json_array_get(list, (size_t)i)))
			return false;
	return true;
}

int fm_tlog_proof_text(const struct fm_tlog_proof *p, struct fm_buf *out, struct fm_error *err)
{
	json_t *steps = json_array();

	for (int i = 0; steps && i < p->nsteps; i++)
		if (json_array_append_new(steps, json_pack("{s:o, s:I}", "path", fm_merkle_path_json(&p->step[i].path),
							   "size", (json_int_t)p->step[i].size)) != 0) {
			json_decref(steps);
			return fm_fail(err, FM_ESYSTEM, "out of memory for the log");
		}
	return write_line(json_pack("{s:s, s:o, s:s, s:{s:I, s:o}, s:o}", "format", FM_TLOG_PROOF_FORMAT, "head",
				    fm_tlog_head_json(&p->head), "signature", p->signature, "inclusion", "index",
				    (json_int_t)p->index, "path", fm_merkle_path_json(&p->inclusion), "consistency",
				    steps),
			  out, err);
}

static bool take_steps(struct fm_tlog_proof *p, const json_t *list)
{
	uint64_t before = p->head.size;

	if (!json_is_array(list) || json_array_size(list) > FM_TLOG_STEPS)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct fm_tlog_step *s = &p->step[p->nsteps++];
		const json_t *o = json_array_get(list, i);

		if (!take_number(&s->size, json_object_get(o, "size"), 1) || s->size >= before ||
		    !take_path(&s->path, json_object_get(o, "path")))
			return false;
		before = s->size;
	}
	return true;
}

static bool take_members(struct fm_tlog_proof *p, const json_t *doc)
{
	const json_t *inclusion = json_object_get(doc, "inclusion"), *signature = json_object_get(doc, "signature");
	const char *format = json_string_value(json_object_get(doc, "format"));
	size_t n = json_string_length(signature);

	if (!format || strcmp(format, FM_TLOG_PROOF_FORMAT) != 0 || !json_is_string(signature) ||
	    n >= sizeof p->signature || strlen(json_string_value(signature)) != n)
		return false;
	memcpy(p->signature, json_string_value(signature), n + 1);
	return fm_tlog_head_from_json(&p->head, json_object_get(doc, "head")) &&
	       take_number(&p->index, json_object_get(inclusion, "index"), 0) && p->index < p->head.size &&
	       take_path(&p->inclusion, json_object_get(inclusion, "path")) &&
	       take_steps(p, json_object_get(doc, "consistency"));
}

int fm_tlog_proof_parse(struct fm_tlog_proof *p, const char *text, size_t n, struct fm_error *err)
{
	const char *much = n > FM_TLOG_PROOF_MAX ? "it is too long" : fm_json_too_much(text, n);
	struct fm_buf again = {0};
	json_t *doc = NULL;
	int rc;

	memset(p, 0, sizeof *p);
	if (much)
		return fm_fail(err, FM_EINPUT, "%s", much);
	if (!(doc = fm_json_parse(text, n, JSON_REJECT_DUPLICATES, NULL)))
		return fm_fail(err, FM_EINPUT, "it is no JSON");
	if (!take_members(p, doc)) {
		rc = fm_fail(err, FM_EINPUT,
			     "a member is missing, is not what it must be, or the format is not " FM_TLOG_PROOF_FORMAT);
		goto out;
	}
	if ((rc = fm_tlog_proof_text(p, &again, err)) < 0)
		goto out;
	if (again.len != n || memcmp(again.data, text, n) != 0)
		rc = fm_fail(err, FM_EINPUT, "it is not in canonical form, or says more than a proof does");
out:
	json_decref(doc);
	fm_buf_free(&again);
	return rc;
}

int fm_tlog_proof_extends(const struct fm_tlog_proof *p, const struct fm_tlog_head *old, struct fm_error *err)
{
	static const struct fm_merkle_path none;

	if (old->size == p->head.size)
		return fm_merkle_check_consistency(old->size, &old->root, p->head.size, &p->head.root, &none, err);
	for (int i = 0; i < p->nsteps; i++)
		if (p->step[i].size == old->size)
			return fm_merkle_check_consistency(old->size, &old->root, p->head.size, &p->head.root,
							   &p->step[i].path, err);
	return fm_fail(err, FM_EINPUT, "it has no proof from the log of %llu entr%s", (unsigned long long)old->size,
		       old->size == 1 ? "y" : "ies");
}
