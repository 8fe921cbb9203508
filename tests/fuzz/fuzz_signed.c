/*
 * fuzz_signed - whatever bytes come as a waiver, an approval (signed here, so that they are read to the end), or an
 * envelope of DSSE: no crash, no leak, and of the approval that is wanted that it holds.  The first byte chooses.
 */
#include "manifests/json_bounds.h"
#include "release/sign/approval.h"
#include "release/sign/dsse.h"
#include "release/sign/sshsig.h"
#include "release/sign/waiver.h"
#include "tests/fuzz/fuzz.h"

static const struct fm_approval wanted = {.name = "toy", .version = "1.0.0"};
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

/* The approval that is wanted, in today's format. */
size_t fuzz_seed(size_t i, uint8_t **data)
{
	struct fm_buf text = {0};
	struct fm_error err;
	size_t n;

	if (i > 0)
		return 0;
	fm_buf_puts(&text, "\1");
	if (fm_approval_text(&wanted, &text, &err) < 0)
		abort();
	n = text.len;
	*data = (uint8_t *)text.data;
	return n;
}

static bool is_wanted(const uint8_t *data, size_t size)
{
	uint8_t *seed;
	size_t n = fuzz_seed(0, &seed);
	bool same = n == size && memcmp(seed, data, n) == 0;

	free(seed);
	return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
		if (is_wanted(data, size) && rc != FM_OK)
			abort();
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
