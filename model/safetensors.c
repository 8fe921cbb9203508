/* safetensors.c - weights on disk. */
#include "model/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define MAX_HEADER (1u << 20)

int fm_weights_save(const struct fm_layout *l, const float *p, const char *path, struct fm_error *err)
{
	struct fm_buf head = {0};
	struct fm_out *out = NULL;
	uint64_t at = 0;
	int ret;

	fm_buf_puts(&head, "{\"__metadata__\":{\"format\":\"flowmint-weights/1\"}");
	for (int i = 0; i < l->n; i++) {
		const struct fm_tensor *t = &l->tensor[i];
		uint64_t n = (uint64_t)t->rows * (uint64_t)t->cols * sizeof(float);
		fm_buf_printf(&head, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%d,%d],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", t->name, t->rows, t->cols, at, at + n);
		at += n;
	}
	fm_buf_puts(&head, "}");
	while (head.len % 8 && !head.failed)
		fm_buf_puts(&head, " ");
	ret = fm_buf_check(&head, err);
	if (ret == FM_OK)
		ret = fm_out_open(&out, path, 0600, err);
	uint64_t n = head.len;
	if (ret == FM_OK)
		ret = fm_out_write(out, &n, sizeof n, err);
	if (ret == FM_OK)
		ret = fm_out_write(out, head.data, head.len, err);
	for (int i = 0; ret == FM_OK && i < l->n; i++)
		ret = fm_out_write(out, p + l->tensor[i].at, (size_t)l->tensor[i].rows * (size_t)l->tensor[i].cols * sizeof(float), err);
	if (ret == FM_OK)
		ret = fm_out_commit(out, err);
	else
		fm_out_abort(out);
	fm_buf_free(&head);
	return ret;
}

static int load_tensor(const struct fm_tensor *t, float *p, const json_t *head, const char *data, uint64_t ndata, const char *path, struct fm_error *err)
{
	const json_t *j = json_object_get(head, t->name), *shape = json_object_get(j, "shape"), *at = json_object_get(j, "data_offsets");
	const char *dtype = json_string_value(json_object_get(j, "dtype"));
	size_t n = (size_t)t->rows * (size_t)t->cols;
	if (!j)
		return fm_fail(err, FM_EINPUT, "%s: tensor %s is missing: these are the weights of another model", path, t->name);
	if (!dtype || strcmp(dtype, "F32") != 0 || json_array_size(shape) != 2 || json_integer_value(json_array_get(shape, 0)) != t->rows ||
	    json_integer_value(json_array_get(shape, 1)) != t->cols)
		return fm_fail(err, FM_EINPUT, "%s: tensor %s is not F32 of shape [%d,%d]: these are the weights of another model", path, t->name, t->rows, t->cols);
	json_int_t from = json_integer_value(json_array_get(at, 0)), to = json_integer_value(json_array_get(at, 1));
	if (from < 0 || to < from || (uint64_t)to > ndata || (uint64_t)(to - from) != n * sizeof(float))
		return fm_fail(err, FM_EINPUT, "%s: tensor %s lies outside the file: it is cut or damaged", path, t->name);
	memcpy(p + t->at, data + from, n * sizeof(float));
	for (size_t i = 0; i < n; i++)
		if (!isfinite(p[t->at + i]))
			return fm_fail(err, FM_EINPUT, "%s: tensor %s holds a value that is not a number", path, t->name);
	return FM_OK;
}

int fm_weights_load(const struct fm_layout *l, float *p, const char *path, struct fm_error *err)
{
	struct fm_map map = {0};
	json_t *head = NULL;
	uint64_t n = 0;
	int ret = fm_map_open(&map, path, err);
	if (ret < 0)
		return ret;
	if (map.len >= 8)
		memcpy(&n, map.data, 8);
	if (map.len < 8 || n < 2 || n > MAX_HEADER || n > map.len - 8 || !(head = json_loadb((const char *)map.data + 8, (size_t)n, JSON_REJECT_DUPLICATES, NULL))) {
		ret = fm_fail(err, FM_EINPUT, "%s: this is no safetensors file, or it is cut", path);
		goto out;
	}
	uint64_t want = 0, data = map.len - 8 - n;
	for (int i = 0; i < l->n; i++)
		want += (uint64_t)l->tensor[i].rows * (uint64_t)l->tensor[i].cols * sizeof(float);
	memset(p, 0, sizeof(float) * l->nfloats);
	for (int i = 0; ret == FM_OK && i < l->n; i++)
		ret = load_tensor(&l->tensor[i], p, head, (const char *)map.data + 8 + n, data, path, err);
	if (ret == FM_OK && data != want)
		ret = fm_fail(err, FM_EINPUT, "%s: %" PRIu64 " bytes of tensors where %" PRIu64 " belong", path, data, want);
out:
	json_decref(head);
	fm_map_close(&map);
	return ret;
}
