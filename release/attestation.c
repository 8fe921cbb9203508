#include "release/attestation.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/canon.h"
#include "manifests/metrics.h"

#define STATEMENT "https://in-toto.io/Statement/v1"
#define PROVENANCE "https://slsa.dev/provenance/v1"
#define TEST_RESULT "https://in-toto.io/attestation/test-result/v0.1"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for an attestation");
}

static json_t *subject(const struct fm_archive_info *info, const char *suffix, const char *sha256,
		       const uint8_t sha512[FM_SHA512_LEN])
{
	char name[FM_ARCHIVE_MAX_FOLDER + 16], hex[FM_SHA512_HEX];

	snprintf(name, sizeof name, "%s%s", info->folder, suffix);
	fm_hex(sha512, FM_SHA512_LEN, hex);
	return json_pack("{s:s, s:{s:s, s:s}}", "name", name, "digest", "sha256", sha256, "sha512", hex);
}

/* predicate is taken over. */
static int statement(const struct fm_archive_info *info, const char *type, json_t *predicate, struct fm_buf *out,
		     struct fm_error *err)
{
	const struct fm_archive_digests *d = &info->digests;
	json_t *doc =
	    json_pack("{s:s, s:[o, o], s:s, s:o}", "_type", STATEMENT, "subject",
		      subject(info, ".tar", d->tar_sha256, d->tar_sha512),
		      subject(info, ".tar.zst", d->sha256, d->sha512), "predicateType", type, "predicate", predicate);
	int rc = doc ? fm_json_canonical(doc, out, err) : no_memory(err);

	json_decref(doc);
	return rc;
}

static int load_manifest(const struct fm_archive_info *info, json_t **m, struct fm_error *err)
{
	*m = fm_json_parse(info->manifest.data ? info->manifest.data : "", info->manifest.len, JSON_REJECT_DUPLICATES,
			   NULL);
	/* It was read before, so now only memory can be missing. */
	return *m ? FM_OK : fm_fail(err, FM_ESYSTEM, "manifest.json of the archive cannot be read");
}

/* Private inputs are known by commitments alone; an empty list where there are none. */
static json_t *inputs_of(const json_t *manifest)
{
	const json_t *commitments = json_object_get(manifest, "commitments");
	const char *method = json_string_value(json_object_get(commitments, "method")), *name;
	json_t *list = json_array(), *v;

	json_object_foreach(json_object_get(commitments, "of"), name, v)
	{
		char uri[96];

		snprintf(uri, sizeof uri, "urn:x-flowmint:private:%.40s", name);
		if (json_array_append_new(list,
					  json_pack("{s:s, s:s, s:{s:s, s:O}}", "name", name, "uri", uri, "annotations",
						    "method", method ? method : "", "commitment", v)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int fm_attestation_provenance(const struct fm_archive_info *info, struct fm_buf *out, struct fm_error *err)
{
	const json_t *config;
	const char *version;
	json_t *m = NULL, *predicate;
	int rc;

	if ((rc = load_manifest(info, &m, err)) < 0)
		return rc;
	config = json_object_get(m, "config");
	version = json_string_value(json_object_get(json_object_get(m, "environment"), "flowmint"));
	predicate = json_pack("{s:{s:s, s:{s:o}, s:o}, s:{s:{s:s, s:{s:s}}}}", "buildDefinition", "buildType",
			      FM_ATTESTATION_BUILD, "externalParameters", "config",
			      config ? json_incref((json_t *)(uintptr_t)config) : json_object(), "resolvedDependencies",
			      inputs_of(m), "runDetails", "builder", "id", FM_ATTESTATION_BUILDER, "version",
			      "flowmint", version ? version : "unknown");
	rc = predicate ? statement(info, PROVENANCE, predicate, out, err) : no_memory(err);
	json_decref(m);
	return rc;
}

/* "jsd_mean8 max": a metric may be checked from both sides. */
static json_t *tests_of(const struct fm_verdict *v, bool waived)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n; i++) {
		char name[128];

		if (v->check[i].waived != waived)
			continue;
		snprintf(name, sizeof name, "%s %s", v->check[i].name, v->check[i].direction);
		if (json_array_append_new(list, json_string(name)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static const char *manifest_digest(const struct fm_archive_info *info)
{
	for (size_t i = 0; i < info->n; i++)
		if (strcmp(info->file[i].path, FM_ARCHIVE_MANIFEST) == 0)
			return info->file[i].sha256;
	return "";
}

int fm_attestation_tests(const struct fm_archive_info *info, struct fm_buf *out, struct fm_error *err)
{
	struct fm_verdict v = {0};
	json_t *m = NULL, *predicate, *waived;
	int rc;

	if ((rc = load_manifest(info, &m, err)) < 0 || (rc = fm_manifest_verdict(m, &v, err)) < 0)
		goto out;
	waived = tests_of(&v, true);
	predicate = json_pack("{s:s, s:[{s:s, s:{s:s}}], s:o, s:o, s:[]}", "result",
			      json_array_size(waived) ? "WARNED" : "PASSED", "configuration", "name",
			      FM_ARCHIVE_MANIFEST, "digest", "sha256", manifest_digest(info), "passedTests",
			      tests_of(&v, false), "warnedTests", waived, "failedTests");
	rc = predicate ? statement(info, TEST_RESULT, predicate, out, err) : no_memory(err);
out:
	fm_verdict_free(&v);
	json_decref(m);
	return rc;
}
