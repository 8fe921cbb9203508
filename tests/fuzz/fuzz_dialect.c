/*
 * fuzz_dialect - whatever bytes come as a dialect file: no crash, no leak; what is taken describes a release.
 */
#include "manifests/dialect.h"
#include "release/metadata.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_put("dialect.yaml", data, size);
	struct fm_dialect *d = NULL;
	struct fm_error err;

	if (fm_dialect_load(&d, path, &err) == FM_OK) {
		json_t *schema = fm_schema_json(d);

		if (!schema)
			abort();
		json_decref(schema);
	}
	fm_dialect_free(d);
	return 0;
}
