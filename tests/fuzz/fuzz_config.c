/*
 * fuzz_config - whatever bytes come as release.yaml: no crash, no leak, and what is taken says the same once more.
 */
#include "manifests/canon.h"
#include "manifests/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_put("release.yaml", data, size);
	struct fm_config *cfg = NULL, *again = NULL;
	struct fm_buf a = {0}, b = {0};
	struct fm_error err = {0};
	json_t *first = NULL, *second = NULL;

	if (fm_config_load(&cfg, path, NULL, 0, &err) < 0)
		goto out;
	if (!(first = fm_config_json(cfg, NULL, false)) || fm_config_from_json(&again, first, &err) < 0 ||
	    !(second = fm_config_json(again, NULL, false)) || fm_json_canonical(first, &a, &err) < 0 ||
	    fm_json_canonical(second, &b, &err) < 0 || a.len != b.len || memcmp(a.data, b.data, a.len) != 0) {
		fprintf(stderr, "%s\n", err.message);
		abort();
	}
out:
	json_decref(first);
	json_decref(second);
	fm_buf_free(&a);
	fm_buf_free(&b);
	fm_config_free(cfg);
	fm_config_free(again);
	return 0;
}
