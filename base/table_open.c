/* table_open.c - reading a flow table from disk, all of which is checked (table.h). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/npy.h"
#include "base/table_parts.h"

static int read_columns(struct fm_table *t, const json_t *columns, struct fm_error *err)
{
	const char *name, *kind, *unit, *dtype;
	const struct fm_col_info *info;
	json_t *v;
	size_t i;
	int c;

	json_array_foreach(columns, i, v)
	{
		if (json_unpack(v, "{s:s, s:s, s:s, s:s !}", "name", &name, "kind", &kind, "unit", &unit, "dtype",
				&dtype) != 0)
			return fm_fail(err, FM_EINPUT, "column %zu is not {name, kind, unit, dtype}", i + 1);
		c = fm_col_find(name);
		if (c < 0)
			return fm_fail(err, FM_EINPUT, "no such column: %.40s", name);
		if (FM_HAS(t, c))
			return fm_fail(err, FM_EINPUT, "column %s is there twice", name);
		info = &fm_cols[c];
		if (strcmp(kind, fm_table_kind_name(info->kind)) != 0 || strcmp(unit, info->unit) != 0 ||
		    strcmp(dtype, info->dtype) != 0)
			return fm_fail(err, FM_EINPUT, "column %s is not of kind %s, unit \"%s\", dtype %s", name,
				       fm_table_kind_name(info->kind), info->unit, info->dtype);
		t->present |= 1u << c;
	}
	return FM_OK;
}

static int read_categories(struct fm_table *t, json_t *categories, struct fm_error *err)
{
	const char *name;
	json_t *values, *v;
	size_t i;

	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(t, c) && fm_cols[c].kind == FM_KIND_CATEGORY &&
		    !json_is_array(json_object_get(categories, fm_cols[c].name)))
			return fm_fail(err, FM_EINPUT, "column %s has no list of values", fm_cols[c].name);
	json_object_foreach(categories, name, values)
	{
		int c = fm_col_find(name);

		if (c < 0 || !FM_HAS(t, c) || fm_cols[c].kind != FM_KIND_CATEGORY)
			return fm_fail(err, FM_EINPUT, "values for %.40s, which is no category column of this table",
				       name);
		if (json_array_size(values) > FM_DICT_MAX)
			return fm_fail(err, FM_EINPUT, "column %s has over %d values", name, FM_DICT_MAX);
		json_array_foreach(values, i, v)
		{
			if (!json_is_string(v) || json_string_length(v) > FM_DICT_VALUE_MAX)
				return fm_fail(err, FM_EINPUT,
					       "value %zu of column %s is not a text of at most %d bytes", i, name,
					       FM_DICT_VALUE_MAX);
			if (fm_dict_index(&t->dict[c], json_string_value(v), json_string_length(v), false) >= 0)
				return fm_fail(err, FM_EINPUT, "column %s has the value \"%s\" twice", name,
					       json_string_value(v));
			if (fm_dict_index(&t->dict[c], json_string_value(v), json_string_length(v), true) < 0)
				return fm_fail(err, FM_ESYSTEM, "out of memory: the values of column %s", name);
		}
	}
	return FM_OK;
}

static int read_naddresses(const struct fm_table *t, const json_t *j, size_t *n, struct fm_error *err)
{
	if (!FM_TABLE_HAS_ADDRESSES(t))
		return j == NULL ? FM_OK : fm_fail(err, FM_EINPUT, "addresses, but neither sa nor da");
	if (!json_is_integer(j) || json_integer_value(j) < 0 || json_integer_value(j) > FM_ADDRESSES_MAX)
		return fm_fail(err, FM_EINPUT, "addresses is not the number of addresses");
	*n = (size_t)json_integer_value(j);
	return FM_OK;
}

/* Check the document: its format is ours and its parts have the right types; else the message names what is wrong; the
 * caller puts the path before it. */
static int read_document(struct fm_table *t, json_t *root, size_t *naddresses, struct fm_error *err)
{
	const char *format = "";
	json_t *columns, *categories, *addresses = NULL;
	json_int_t rows;
	json_error_t at;
	int rc;

	if (json_unpack(root, "{s:s}", "format", &format) != 0 || strcmp(format, FM_TABLE_FORMAT) != 0)
		return fm_fail(err, FM_EINPUT, "not of format %s", FM_TABLE_FORMAT);
	if (json_unpack_ex(root, &at, 0, "{s:s, s:I, s:o, s:o, s?o !}", "format", &format, "rows", &rows, "columns",
			   &columns, "categories", &categories, "addresses", &addresses) != 0)
		return fm_fail(err, FM_EINPUT, "%s", at.text);
	if (rows < 0 || rows > (json_int_t)(INT64_MAX / 16))
		return fm_fail(err, FM_EINPUT, "rows %lld is out of range", (long long)rows);
	if (!json_is_array(columns) || !json_is_object(categories))
		return fm_fail(err, FM_EINPUT, "columns is not a list or categories not an object");
	t->rows = (size_t)rows;
	if ((rc = read_columns(t, columns, err)) < 0 || (rc = read_categories(t, categories, err)) < 0)
		return rc;
	return read_naddresses(t, addresses, naddresses, err);
}

static int read_schema(struct fm_table *t, size_t *naddresses, const char *path, struct fm_error *err)
{
	json_t *root = NULL;
	json_error_t at;
	struct fm_buf b = {0};
	int rc;

	if ((rc = fm_file_read(path, FM_TABLE_SCHEMA_MAX, &b, err)) < 0)
		goto out;
	root = fm_json_parse(b.data, b.len, JSON_REJECT_DUPLICATES, &at);
	if (root == NULL)
		rc = fm_fail(err, FM_EINPUT, "%s:%d: not valid JSON: %s", path, at.line, at.text);
	else if ((rc = read_document(t, root, naddresses, err)) < 0)
		fm_error_prefix(err, "%s: ", path);
out:
	json_decref(root);
	fm_buf_free(&b);
	return rc;
}

static int open_column(struct fm_table *t, const char *path, int c, struct fm_error *err)
{
	struct fm_map m;
	size_t start, want = t->rows * fm_cols[c].width;
	int rc = fm_map_open(&m, path, err);

	if (rc < 0)
		return rc;
	start = fm_npy_data(&m, fm_cols[c].dtype, t->rows, 0);
	if (start == 0) {
		fm_map_close(&m);
		return fm_fail(err, FM_EINPUT, "%s: not a NumPy file of %zu values of %s, as the schema has it", path,
			       t->rows, fm_cols[c].dtype);
	}
	if (m.len - start != want) {
		rc = fm_fail(err, FM_EINPUT, "%s: %zu bytes of data where %zu rows take %zu", path, m.len - start,
			     t->rows, want);
		fm_map_close(&m);
		return rc;
	}
	t->map[c] = (void *)(uintptr_t)m.data;
	t->map_len[c] = m.len;
	t->col[c] = (char *)t->map[c] + start;
	if (fm_cols[c].kind == FM_KIND_ADDRESS && t->rows > 0) {
		const uint32_t *v = t->col[c];
		uint32_t top = 0;

		for (size_t i = 0; i < t->rows; i++)
			top = v[i] > top ? v[i] : top;
		fm_table_forget(t, 0, t->rows);
		if (top >= t->addresses->n)
			return fm_fail(err, FM_EINPUT, "%s: code %u but the schema has %zu addresses", path, top,
				       t->addresses->n);
	}
	if (fm_cols[c].kind == FM_KIND_CATEGORY && t->rows > 0) {
		unsigned top = fm_table_highest(t->col[c], t->rows);

		fm_table_forget(t, 0, t->rows);
		if (top >= t->dict[c].n)
			return fm_fail(err, FM_EINPUT, "%s: index %u but the schema has %zu values", path, top,
				       t->dict[c].n);
	}
	return FM_OK;
}

int fm_table_open(struct fm_table **t, const char *dir, struct fm_error *err)
{
	struct fm_table *o = NULL;
	char *path = fm_path_join(dir, "schema.json");
	size_t naddresses = 0;
	int rc;

	*t = NULL;
	if (path == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	if ((rc = fm_table_new(&o, 0, err)) < 0 || (rc = read_schema(o, &naddresses, path, err)) < 0 ||
	    (FM_TABLE_HAS_ADDRESSES(o) && (rc = fm_address_dict_open(&o->addresses, dir, naddresses, err)) < 0))
		goto out;
	for (int c = 0; c < FM_NCOL; c++) {
		if (!FM_HAS(o, c))
			continue;
		free(path);
		path = fm_table_column_path(dir, c);
		rc = path == NULL ? fm_fail(err, FM_ESYSTEM, "out of memory: a path") : open_column(o, path, c, err);
		if (rc < 0)
			goto out;
	}
	*t = o;
	o = NULL;
out:
	fm_table_free(o);
	free(path);
	return rc;
}
