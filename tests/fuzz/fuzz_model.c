/*
 * fuzz_model - whatever bytes come as a model.json, with the weights of a true one: no crash, no leak.
 */
#include "model/generator.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tiny_model.h"

static struct fm_config *cfg;
static char dir[128];

static void once(void)
{
	struct fm_error err = {0};

	if (cfg)
		return;
	snprintf(dir, sizeof dir, "%s/model", fuzz_dir());
	if (tiny_config(&cfg, NULL, 0, &err) < 0 || fm_dir_make(dir, 0700, &err) < 0 ||
	    tiny_model(dir, cfg, 1, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		abort();
	}
}

size_t fuzz_seed(size_t i, uint8_t **data)
{
	static uint8_t *seed;
	static size_t n;
	char path[160];

	once();
	if (!seed) {
		snprintf(path, sizeof path, "%s/model.json", dir);
		n = fuzz_read(path, 0, &seed);
	}
	if (i > 0 || !(*data = malloc(n)))
		return 0;
	memcpy(*data, seed, n);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fm_generator_ctx ctx = {.cfg = NULL};
	struct fm_model *m = NULL;
	struct fm_error err;

	once();
	ctx.cfg = cfg;
	if (size == 0)
		return 0;
	fuzz_put("model/model.json", data + 1, size - 1);
	if (fm_model_load(&m, &ctx, dir, &err) == FM_OK)
		fm_model_free(m);
	return 0;
}
