/*
 * Attestations: the bytes that are signed are those of the DSSE specification, and the statements say what the manifest
 * says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "release/attestation.h"
#include "release_fixture.h"

static struct fm_error err;

/* The example of the specification (secure-systems-lab/dsse, protocol.md). */
static void pae_is_that_of_the_specification(void **state)
{
	struct fm_buf pae = {0};

	(void)state;
	fm_dsse_pae("http://example.com/HelloWorld", "hello world", 11, &pae);
	assert_string_equal(pae.data, "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
	pae.len = 0;
	fm_dsse_pae("", "a\0b", 3, &pae);
	assert_int_equal(pae.len, sizeof "DSSEv1 0  3 a\0b" - 1);
	assert_memory_equal(pae.data, "DSSEv1 0  3 a\0b", pae.len);
	fm_buf_free(&pae);
}

static void envelope_holds_what_was_signed(void **state)
{
	static const char body[] = "{\"_type\":\"x\"}";
	struct fm_buf line = {0}, pae = {0};
	char keyid[FM_FINGERPRINT_MAX];
	uint8_t sig[80], payload[64];
	struct fm_sshkey key;
	const json_t *first;
	json_t *doc;
	size_t n;

	(void)state;
	assert_int_equal(fm_sshkey_generate(&key, "k", &err), FM_OK);
	assert_int_equal(fm_dsse_sign(&key, FM_ATTESTATION_TYPE, body, sizeof body - 1, &line, &err), FM_OK);
	assert_int_equal(line.data[line.len - 1], '\n');
	assert_ptr_equal(strchr(line.data, '\n'), line.data + line.len - 1);
	assert_non_null(doc = json_loads(line.data, JSON_REJECT_DUPLICATES, NULL));
	assert_int_equal(json_object_size(doc), 3);
	assert_string_equal(json_string_value(json_object_get(doc, "payloadType")), FM_ATTESTATION_TYPE);
	first = json_array_get(json_object_get(doc, "signatures"), 0);
	assert_int_equal(fm_sshpub_fingerprint(&key.pub, keyid, &err), FM_OK);
	assert_string_equal(json_string_value(json_object_get(first, "keyid")), keyid);
	assert_int_equal(fm_base64_decode(json_string_value(json_object_get(first, "sig")),
					  json_string_length(json_object_get(first, "sig")), sig, sizeof sig, &n),
			 0);
	assert_int_equal(n, 64);
	assert_int_equal(fm_base64_decode(json_string_value(json_object_get(doc, "payload")),
					  json_string_length(json_object_get(doc, "payload")), payload, sizeof payload,
					  &n),
			 0);
	assert_int_equal(n, sizeof body - 1);
	assert_memory_equal(payload, body, n);
	fm_dsse_pae(FM_ATTESTATION_TYPE, body, sizeof body - 1, &pae);
	assert_int_equal(fm_sshpub_check(&key.pub, pae.data, pae.len, sig, &err), 1);
	pae.data[0] ^= 1;
	assert_int_equal(fm_sshpub_check(&key.pub, pae.data, pae.len, sig, &err), 0);
	json_decref(doc);
	fm_buf_free(&line);
	fm_buf_free(&pae);
	fm_sshkey_close(&key);
}

#define WAIVED                                                                                                         \
	"{\"name\":\"assoc.mean\",\"value\":0.5,\"threshold\":0.1,\"direction\":\"max\",\"n\":4000,\"pass\":false,"    \
	"\"waived\":true,\"why\":\"\"}"

static const char *text_at(const json_t *doc, const char *a, const char *b, const char *c)
{
	const json_t *v = json_object_get(json_object_get(doc, a), b);

	return json_string_value(c ? json_object_get(v, c) : v);
}

static void statements_say_what_the_manifest_says(void **state)
{
	struct fm_archive_file file = {.path = "manifest.json", .sha256 = "abc"};
	struct fm_archive_info info = {.folder = "demo-1.0", .file = &file, .n = 1};
	struct fm_buf text = {0};
	const json_t *predicate;
	json_t *doc;

	(void)state;
	strcpy(info.digests.tar_sha256, "11");
	strcpy(info.digests.sha256, "22");
	fm_buf_puts(
	    &info.manifest,
	    "{\"config\":{\"model\":{\"kind\":\"diffusion\"}},\"environment\":{\"flowmint\":\"9.9\"},"
	    "\"commitments\":{\"method\":\"HMAC-SHA-256\",\"of\":{\"source\":\"ff\"}},\"verdict\":\"pass\","
	    "\"waivers\":[{\"check\":\"assoc.mean\",\"reason\":\"r\",\"expires\":\"2099-01-01\",\"signer\":\"s\","
	    "\"key\":\"k\"}],\"checks\":[" FIXTURE_CHECK "," WAIVED "]}");
	assert_int_equal(fm_attestation_provenance(&info, &text, &err), FM_OK);
	assert_non_null(doc = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL));
	assert_string_equal(json_string_value(json_object_get(doc, "_type")), "https://in-toto.io/Statement/v1");
	assert_string_equal(json_string_value(json_object_get(doc, "predicateType")), "https://slsa.dev/provenance/v1");
	assert_int_equal(json_array_size(json_object_get(doc, "subject")), 2);
	assert_string_equal(text_at(json_array_get(json_object_get(doc, "subject"), 1), "digest", "sha256", NULL),
			    "22");
	predicate = json_object_get(doc, "predicate");
	assert_string_equal(
	    text_at(json_object_get(json_object_get(predicate, "buildDefinition"), "externalParameters"), "config",
		    "model", "kind"),
	    "diffusion");
	assert_string_equal(text_at(json_object_get(predicate, "runDetails"), "builder", "version", "flowmint"), "9.9");
	assert_string_equal(
	    text_at(json_array_get(
			json_object_get(json_object_get(predicate, "buildDefinition"), "resolvedDependencies"), 0),
		    "annotations", "commitment", NULL),
	    "ff");
	json_decref(doc);
	text.len = 0;
	if (fm_attestation_tests(&info, &text, &err) < 0)
		fail_msg("%s", err.message);
	assert_non_null(doc = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL));
	predicate = json_object_get(doc, "predicate");
	assert_string_equal(json_string_value(json_object_get(predicate, "result")), "WARNED");
	assert_string_equal(json_string_value(json_array_get(json_object_get(predicate, "passedTests"), 0)),
			    "jsd_mean8 max");
	assert_string_equal(json_string_value(json_array_get(json_object_get(predicate, "warnedTests"), 0)),
			    "assoc.mean max");
	assert_int_equal(json_array_size(json_object_get(predicate, "failedTests")), 0);
	json_decref(doc);
	fm_buf_free(&info.manifest);
	fm_buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pae_is_that_of_the_specification),
	    cmocka_unit_test(envelope_holds_what_was_signed),
	    cmocka_unit_test(statements_say_what_the_manifest_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
