/*
 * fuzz_tensors - whatever bytes come as weights or as a checkpoint (safetensors): no crash, no leak.  A checkpoint is
 * sealed by a digest of the file, which is made anew here, so that what stands behind it is read.
 */
#include "base/hash.h"
#include "model/nn/checkpoint.h"
#include "model/nn/safetensors.h"
#include "tests/fuzz/fuzz.h"

#define SEAL_AT (8 + sizeof "{\"__metadata__\":{\"sha256\":\"" - 1) /* of 64 digits */
#define FLOATS 64

static struct fm_layout layout;
static float room[5][FLOATS];
static const struct fm_train_arrays arrays = {room[0], room[1], room[2], room[3], room[4]};

static void once(void)
{
	if (layout.n)
		return;
	fm_layout_add(&layout, 3, 5, 0.1f, "a");
	fm_layout_add(&layout, 1, 7, 0, "b.weight");
	if (layout.nfloats > FLOATS)
		abort();
}

static struct fm_checkpoint checkpoint_at(const char *path)
{
	return (struct fm_checkpoint){.path = path, .identity = "somebody", .layout = &layout};
}

size_t fuzz_seed(size_t i, uint8_t **data)
{
	struct fm_train_point at = {.step = 3, .epoch = 1, .at = 5, .b1 = 0.5, .b2 = 0.25, .rate_scale = 1, .loss = 2};
	const char *path = fuzz_put("seed", "", 0);
	struct fm_checkpoint c = checkpoint_at(path);
	struct fm_error err;

	once();
	if (i > 1 ||
	    (i == 0 ? fm_weights_save(&layout, room[0], path, &err) : fm_checkpoint_save(&c, &at, &arrays, &err)))
		return 0;
	return fuzz_read(path, 0, data);
}

static void one_checkpoint(const char *path)
{
	struct fm_checkpoint c = checkpoint_at(path);
	struct fm_train_point at;
	struct fm_error err;

	if (fm_checkpoint_load(&c, 10, 20, &at, &arrays, &err) == FM_OK && (at.step > 10 || at.at > 20))
		abort();
}

/* With the digest that it should have. */
static const char *put_sealed(const uint8_t *data, size_t size)
{
	uint8_t digest[FM_SHA256_LEN], *copy = malloc(size + 1);
	char hex[FM_SHA256_HEX];
	const char *path;
	struct fm_error err;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (size >= SEAL_AT + FM_SHA256_HEX - 1) {
		memset(copy + SEAL_AT, '0', FM_SHA256_HEX - 1);
		if (fm_sha256_bytes(copy, size, digest, &err) < 0)
			abort();
		fm_hex(digest, sizeof digest, hex);
		memcpy(copy + SEAL_AT, hex, FM_SHA256_HEX - 1);
	}
	path = fuzz_put("checkpoint", copy, size);
	free(copy);
	return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fm_error err;

	once();
	if (size == 0)
		return 0;
	(void)!fm_weights_load(&layout, room[0], fuzz_put("weights", data + 1, size - 1), &err);
	one_checkpoint(put_sealed(data + 1, size - 1));
	return 0;
}
