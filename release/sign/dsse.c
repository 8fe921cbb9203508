#include "release/sign/dsse.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/canon.h"

void fm_dsse_pae(const char *type, const void *body, size_t n, struct fm_buf *out)
{
	fm_buf_printf(out, "DSSEv1 %zu %s %zu ", strlen(type), type, n);
	fm_buf_add(out, body, n);
}

/* As a JSON string; NULL without memory. */
static json_t *base64(const void *p, size_t n)
{
	struct fm_wire_out o = {malloc(4 * ((n + 2) / 3) + 1), 0, 4 * ((n + 2) / 3) + 1, false};
	json_t *v = NULL;

	if (o.p) {
		fm_base64_encode(p, n, &o);
		v = json_stringn((const char *)o.p, o.n);
	}
	free(o.p);
	return v;
}

int fm_dsse_sign(const struct fm_sshkey *key, const char *type, const void *body, size_t n, struct fm_buf *out,
		 struct fm_error *err)
{
	char keyid[FM_FINGERPRINT_MAX];
	struct fm_buf pae = {0};
	uint8_t sig[64];
	json_t *doc = NULL;
	int rc;

	fm_dsse_pae(type, body, n, &pae);
	if ((rc = fm_buf_check(&pae, err)) < 0 || (rc = fm_sshkey_sign(key, pae.data, pae.len, sig, err)) < 0 ||
	    (rc = fm_sshpub_fingerprint(&key->pub, keyid, err)) < 0)
		goto out;
	doc = json_pack("{s:o, s:s, s:[{s:s, s:o}]}", "payload", base64(body, n), "payloadType", type, "signatures",
			"keyid", keyid, "sig", base64(sig, sizeof sig));
	if (!doc) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for an attestation");
		goto out;
	}
	if ((rc = fm_json_canonical(doc, out, err)) < 0)
		goto out;
	fm_buf_puts(out, "\n");
	rc = fm_buf_check(out, err);
out:
	json_decref(doc);
	fm_buf_free(&pae);
	return rc;
}

/* ---- reading ---- */

/* 0, or -1: no text of less than cap bytes. */
static int take_text(const json_t *o, const char *key, char *out, size_t cap)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);

	if (!s || json_string_length(v) >= cap || strlen(s) != json_string_length(v))
		return -1;
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int take_payload(struct fm_dsse *e, const json_t *doc, struct fm_error *err)
{
	const json_t *v = json_object_get(doc, "payload");
	size_t n = json_string_length(v), got = 0;
	uint8_t *bytes = NULL;
	int rc;

	if (!json_is_string(v) || n == 0)
		return fm_fail(err, FM_EINPUT, "it has no payload");
	if ((rc = fm_alloc(&bytes, n, 1, "an attestation", err)) < 0)
		return rc;
	if (fm_base64_decode(json_string_value(v), n, bytes, n, &got) < 0) {
		rc = fm_fail(err, FM_EINPUT, "its payload is no base64");
		goto out;
	}
	fm_buf_add(&e->payload, bytes, got);
	rc = fm_buf_check(&e->payload, err);
out:
	free(bytes);
	return rc;
}

int fm_dsse_read(struct fm_dsse *e, const char *text, size_t n, struct fm_error *err)
{
	json_t *doc = fm_json_parse(text, n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *signatures = json_object_get(doc, "signatures"), *first = json_array_get(signatures, 0),
		     *sig = json_object_get(first, "sig");
	size_t got = 0;
	int rc;

	*e = (struct fm_dsse){0};
	if (!json_is_object(doc)) {
		rc = fm_fail(err, FM_EINPUT, "it is no JSON object");
		goto out;
	}
	if (json_array_size(signatures) != 1) {
		rc = fm_fail(err, FM_EINPUT, "it has not one signature");
		goto out;
	}
	if (json_object_size(doc) != 3 || json_object_size(first) != 2) {
		rc = fm_fail(err, FM_EINPUT, "it says more than payload, payloadType and one signature with its keyid");
		goto out;
	}
	if (take_text(doc, "payloadType", e->type, sizeof e->type) < 0 ||
	    take_text(first, "keyid", e->keyid, sizeof e->keyid) < 0 || !json_is_string(sig) ||
	    fm_base64_decode(json_string_value(sig), json_string_length(sig), e->sig, sizeof e->sig, &got) < 0 ||
	    got != sizeof e->sig) {
		rc = fm_fail(err, FM_EINPUT, "its type, keyid or signature is missing or is not what it must be");
		goto out;
	}
	rc = take_payload(e, doc, err);
out:
	json_decref(doc);
	return rc;
}

int fm_dsse_check(const struct fm_dsse *e, const struct fm_sshpub *key, struct fm_error *err)
{
	struct fm_buf pae = {0};
	int rc;

	fm_dsse_pae(e->type, e->payload.data, e->payload.len, &pae);
	if ((rc = fm_buf_check(&pae, err)) >= 0)
		rc = fm_sshpub_check(key, pae.data, pae.len, e->sig, err);
	fm_buf_free(&pae);
	return rc;
}

void fm_dsse_free(struct fm_dsse *e)
{
	fm_buf_free(&e->payload);
}
