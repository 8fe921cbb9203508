#include "release/sign/dsse.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

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
