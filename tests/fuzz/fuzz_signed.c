/*
 * fuzz_signed - whatever bytes come as a waiver, an approval (signed here, so that they are read to the end), or an
 * envelope of DSSE: no crash, no leak.  The first byte chooses.
 */
#include "manifests/json_bounds.h"
#include "release/sign/approval.h"
#include "release/sign/dsse.h"
#include "release/sign/sshsig.h"
#include "release/sign/waiver.h"
#include "tests/fuzz/fuzz.h"

static struct fm_sshkey key;
static struct fm_signers signers;

static void once(void)
{
	static bool done;
	static struct fm_signer one;
	struct fm_error err;

	if (done)
		return;
	if (fm_sshkey_generate(&key, "", &err) < 0)
		abort();
	one.key = key.pub;
	one.principals = "somebody@example.org";
	one.namespaces = "";
	one.valid_after_s = INT64_MIN;
	one.valid_before_s = INT64_MAX;
	one.line = 1;
	signers = (struct fm_signers){.s = &one, .n = 1};
	done = true;
}

static void sign(const char *name, const char *ns, const uint8_t *data, size_t size)
{
	struct fm_buf armored = {0};
	uint8_t digest[FM_SHA512_LEN];
	struct fm_error err;

	if (fm_sha512_bytes(data, size, digest, &err) < 0 || fm_sshsig_sign(&key, ns, digest, &armored, &err) < 0)
		abort();
	fuzz_put(name, armored.data, armored.len);
	fm_buf_free(&armored);
}

static void one_envelope(const char *text, size_t n)
{
	struct fm_dsse e;
	struct fm_error err;

	if (fm_json_too_much(text, n))
		return;
	if (fm_dsse_read(&e, text, n, &err) == FM_OK && fm_dsse_check(&e, &signers.s[0].key, &err) < 0)
		abort();
	fm_dsse_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fm_approval wanted = {.name = "toy", .version = "1.0.0"};
	json_t *record = NULL;
	struct fm_error err;
	int rc;

	once();
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		sign("x.waiver.sig", FM_WAIVER_NAMESPACE, data + 1, size - 1);
		rc = fm_waiver_check(fuzz_put("x.waiver", data + 1, size - 1), "toy", &signers, 1700000000, &record,
				     &err);
		break;
	case 1:
		sign("x.approval.sig", FM_APPROVAL_NAMESPACE, data + 1, size - 1);
		rc = fm_approval_check(fuzz_put("x.approval", data + 1, size - 1), &wanted, &signers, 1700000000,
				       &record, &err);
		break;
	default:
		one_envelope((const char *)data + 1, size - 1);
		return 0;
	}
	if ((rc == FM_OK) != (record != NULL) || rc == FM_ESYSTEM)
		abort();
	json_decref(record);
	return 0;
}
