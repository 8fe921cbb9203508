/* table_io.c - the flow table on disk: .npy columns and schema.json (table.h). */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/table.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are written as they lie in memory");

#define FORMAT "flowmint-table/1"
#define SCHEMA_MAX (64u << 20) /* bytes of a schema.json, read or written */

/*
 * A .npy header (NumPy format 1.0), always of the same length here, so that it can be put in at the end:
 *
 *     0        8         10                                                                        127
 *     \x93NUMPY 1 0 | le16 118 | {'descr': '<u4', 'fortran_order': False, 'shape': (N,), } spaces \n | data
 */
#define NPY_HEADER 128
#define NPY_MAGIC "\x93NUMPY\x01\x00"

static int npy_dict(char *out, size_t cap, int c, uint64_t rows)
{
	return snprintf(out, cap, "{'descr': '%s', 'fortran_order': False, 'shape': (%llu,), }", fm_cols[c].dtype,
			(unsigned long long)rows);
}

static void npy_header(char out[NPY_HEADER], int c, uint64_t rows)
{
	char text[NPY_HEADER];
	int n = npy_dict(text, sizeof(text), c, rows);

	memset(out, ' ', NPY_HEADER);
	memcpy(out, NPY_MAGIC, 8);
	out[8] = NPY_HEADER - 10;
	out[9] = 0;
	memcpy(out + 10, text, (size_t)n);
	out[NPY_HEADER - 1] = '\n';
}

static const char *kind_name(enum fm_kind kind)
{
	static const char *const name[] = {
	    [FM_KIND_TIME] = "time", [FM_KIND_DURATION] = "duration", [FM_KIND_IPV4] = "ipv4",
	    [FM_KIND_PORT] = "port", [FM_KIND_CATEGORY] = "category", [FM_KIND_COUNT] = "count",
	};

	return name[kind];
}

static char *column_path(const char *dir, int c)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s.npy", dir, fm_cols[c].name) < 0 ? NULL : path;
}

/* ---- writing ---- */

struct fm_table_writer {
	char *dir;
	unsigned present;
	uint64_t rows;
	struct fm_out *out[FM_NCOL];
	uint32_t categories[FM_NCOL]; /* highest index seen, plus 1 */
};

void fm_table_writer_abort(struct fm_table_writer *w)
{
	if (w == NULL)
		return;
	for (int c = 0; c < FM_NCOL; c++)
		fm_out_abort(w->out[c]);
	free(w->dir);
	free(w);
}

int fm_table_writer_open(struct fm_table_writer **w, const char *dir, unsigned present, struct fm_error *err)
{
	static const char blank[NPY_HEADER];
	struct fm_table_writer *o = NULL;
	int rc;

	*w = NULL;
	if (present >> FM_NCOL != 0)
		return fm_fail(err, FM_ESYSTEM, "a table with columns that do not exist (%#x)", present);
	rc = fm_dir_make(dir, 0700, err);
	if (rc == FM_OK)
		rc = fm_alloc(&o, 1, sizeof(*o), "a table writer", err);
	if (rc != FM_OK)
		return rc;
	o->present = present;
	o->dir = strdup(dir);
	if (o->dir == NULL)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	for (int c = 0; c < FM_NCOL && rc == FM_OK; c++) {
		char *path;

		if (!FM_HAS(o, c))
			continue;
		path = column_path(dir, c);
		rc = path == NULL ? fm_fail(err, FM_ESYSTEM, "out of memory: a path")
				  : fm_out_open(&o->out[c], path, 0600, err);
		if (rc == FM_OK)
			rc = fm_out_write(o->out[c], blank, sizeof(blank), err);
		free(path);
	}
	if (rc == FM_OK)
		*w = o;
	else
		fm_table_writer_abort(o);
	return rc;
}

static uint16_t highest(const uint16_t *v, size_t n)
{
	uint16_t max = 0;

	for (size_t i = 0; i < n; i++)
		max = v[i] > max ? v[i] : max;
	return max;
}

int fm_table_writer_add(struct fm_table_writer *w, const struct fm_table *chunk, size_t first, size_t rows,
			struct fm_error *err)
{
	int rc = FM_OK;

	if (rows == 0)
		return FM_OK;
	if (first > chunk->rows || rows > chunk->rows - first)
		return fm_fail(err, FM_ESYSTEM, "rows %zu to %zu of a table of %zu", first, first + rows, chunk->rows);
	if (w->present & ~chunk->present)
		return fm_fail(err, FM_ESYSTEM, "%s: rows without a column that the table has", w->dir);
	for (int c = 0; c < FM_NCOL && rc == FM_OK; c++) {
		size_t width = fm_cols[c].width;

		if (!FM_HAS(w, c))
			continue;
		if (fm_cols[c].kind == FM_KIND_CATEGORY) {
			uint32_t top = highest((const uint16_t *)chunk->col[c] + first, rows) + 1u;

			w->categories[c] = top > w->categories[c] ? top : w->categories[c];
		}
		rc = fm_out_write(w->out[c], (const char *)chunk->col[c] + first * width, rows * width, err);
	}
	if (rc == FM_OK)
		w->rows += rows;
	return rc;
}

static json_t *schema_columns(unsigned present)
{
	json_t *columns = json_array();

	for (int c = 0; c < FM_NCOL; c++)
		if (present >> c & 1u)
			json_array_append_new(columns, json_pack("{ssssssss}", "name", fm_cols[c].name, "kind",
								 kind_name(fm_cols[c].kind), "unit", fm_cols[c].unit,
								 "dtype", fm_cols[c].dtype));
	return columns;
}

static json_t *schema_categories(unsigned present, const struct fm_dict dict[FM_NCOL])
{
	json_t *all = json_object();

	for (int c = 0; c < FM_NCOL; c++) {
		json_t *values;

		if (!(present >> c & 1u) || fm_cols[c].kind != FM_KIND_CATEGORY)
			continue;
		values = json_array();
		for (size_t i = 0; i < dict[c].n; i++)
			json_array_append_new(values, json_string(dict[c].value[i]));
		json_object_set_new(all, fm_cols[c].name, values);
	}
	return all;
}

/* jansson silently leaves out what it had no memory for, and text that is not UTF-8: compare with what should be there.
 */
static int schema_check(const struct fm_table_writer *w, const struct fm_dict dict[FM_NCOL], const json_t *columns,
			const json_t *categories, struct fm_error *err)
{
	size_t ncols = 0;
	const json_t *values;

	for (int c = 0; c < FM_NCOL; c++) {
		if (!FM_HAS(w, c))
			continue;
		ncols++;
		if (fm_cols[c].kind != FM_KIND_CATEGORY)
			continue;
		values = json_object_get(categories, fm_cols[c].name);
		if (values == NULL)
			return fm_fail(err, FM_ESYSTEM, "out of memory: the schema of %s", w->dir);
		if (json_array_size(values) != dict[c].n)
			return fm_fail(err, FM_ESYSTEM, "%s: column %s: a value is not UTF-8 text, or out of memory",
				       w->dir, fm_cols[c].name);
	}
	if (json_array_size(columns) != ncols)
		return fm_fail(err, FM_ESYSTEM, "out of memory: the schema of %s", w->dir);
	return FM_OK;
}

/* The whole document as text.  It is read back and compared, for without memory jansson also writes broken documents.
 */
static int schema_text(const struct fm_table_writer *w, const struct fm_dict dict[FM_NCOL], char **text,
		       struct fm_error *err)
{
	json_t *columns = schema_columns(w->present), *categories = schema_categories(w->present, dict), *root, *back;
	int rc = schema_check(w, dict, columns, categories, err);

	root = json_pack("{sssIsoso}", "format", FORMAT, "rows", (json_int_t)w->rows, "columns", columns, "categories",
			 categories);
	*text = rc == FM_OK && root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
	back = *text != NULL ? json_loads(*text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (rc == FM_OK && (back == NULL || !json_equal(root, back)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: the schema of %s", w->dir);
	else if (rc == FM_OK && strlen(*text) > SCHEMA_MAX)
		rc = fm_fail(err, FM_EINPUT, "%s: the category values take more than %u bytes", w->dir, SCHEMA_MAX);
	json_decref(root);
	json_decref(back);
	return rc;
}

/* Headers and names for the columns; from the first one on the old table, if there was one, is gone. */
static int commit_columns(struct fm_table_writer *w, struct fm_error *err)
{
	char header[NPY_HEADER];
	int rc = FM_OK;

	for (int c = 0; c < FM_NCOL && rc == FM_OK; c++) {
		if (!FM_HAS(w, c))
			continue;
		npy_header(header, c, w->rows);
		rc = fm_out_patch(w->out[c], 0, header, sizeof(header), err);
		if (rc != FM_OK)
			break;
		rc = fm_out_commit(w->out[c], err);
		w->out[c] = NULL;
	}
	return rc;
}

int fm_table_writer_close(struct fm_table_writer *w, const struct fm_dict dict[FM_NCOL], struct fm_error *err)
{
	char *text = NULL, *path = fm_path_join(w->dir, "schema.json");
	int rc = path == NULL ? fm_fail(err, FM_ESYSTEM, "out of memory: a path") : FM_OK;

	for (int c = 0; c < FM_NCOL && rc == FM_OK; c++)
		if (w->categories[c] > dict[c].n)
			rc = fm_fail(err, FM_ESYSTEM, "%s: column %s has index %u but only %zu values", w->dir,
				     fm_cols[c].name, w->categories[c] - 1, dict[c].n);
	if (rc == FM_OK)
		rc = schema_text(w, dict, &text, err);
	/* A folder without schema.json is no table, so new columns never stand beside an old schema. */
	if (rc == FM_OK && fm_file_exists(path) && remove(path) != 0)
		rc = fm_fail_errno(err, "cannot replace %s", path);
	if (rc == FM_OK)
		rc = commit_columns(w, err);
	if (rc == FM_OK)
		rc = fm_file_write(path, 0600, text, strlen(text), err);
	free(text);
	free(path);
	fm_table_writer_abort(w);
	return rc;
}

int fm_table_save(const struct fm_table *t, const char *dir, struct fm_error *err)
{
	struct fm_table_writer *w = NULL;
	int rc = fm_table_writer_open(&w, dir, t->present, err);

	if (rc != FM_OK)
		return rc;
	rc = fm_table_writer_add(w, t, 0, t->rows, err);
	if (rc == FM_OK)
		return fm_table_writer_close(w, t->dict, err);
	fm_table_writer_abort(w);
	return rc;
}

/* ---- reading ---- */

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
		if (strcmp(kind, kind_name(info->kind)) != 0 || strcmp(unit, info->unit) != 0 ||
		    strcmp(dtype, info->dtype) != 0)
			return fm_fail(err, FM_EINPUT, "column %s is not of kind %s, unit \"%s\", dtype %s", name,
				       kind_name(info->kind), info->unit, info->dtype);
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

static int read_schema(struct fm_table *t, const char *path, struct fm_error *err)
{
	const char *format = "";
	json_t *root = NULL, *columns, *categories;
	json_int_t rows;
	json_error_t at;
	struct fm_buf b = {0};
	int rc = fm_file_read(path, SCHEMA_MAX, &b, err);

	if (rc != FM_OK) {
		fm_buf_free(&b);
		return rc;
	}
	root = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, &at);
	if (root == NULL)
		rc = fm_fail(err, FM_EINPUT, "%s:%d: not valid JSON: %s", path, at.line, at.text);
	else if (json_unpack(root, "{s:s}", "format", &format) != 0 || strcmp(format, FORMAT) != 0)
		rc = fm_fail(err, FM_EINPUT, "%s: not of format %s", path, FORMAT);
	else if (json_unpack_ex(root, &at, 0, "{s:s, s:I, s:o, s:o !}", "format", &format, "rows", &rows, "columns",
				&columns, "categories", &categories) != 0)
		rc = fm_fail(err, FM_EINPUT, "%s: %s", path, at.text);
	else if (rows < 0 || rows > (json_int_t)(INT64_MAX / 16))
		rc = fm_fail(err, FM_EINPUT, "%s: rows %lld is out of range", path, (long long)rows);
	else if (!json_is_array(columns) || !json_is_object(categories))
		rc = fm_fail(err, FM_EINPUT, "%s: columns is not a list or categories not an object", path);
	if (rc == FM_OK) {
		t->rows = (size_t)rows;
		rc = read_columns(t, columns, err);
		if (rc == FM_OK)
			rc = read_categories(t, categories, err);
		if (rc != FM_OK)
			fm_error_prefix(err, "%s: ", path);
	}
	json_decref(root);
	fm_buf_free(&b);
	return rc;
}

/* Where the data of a mapped .npy file begins, when it is just what the schema says; else 0. */
static size_t npy_data(const struct fm_map *m, int c, uint64_t rows)
{
	const char *p = m->data;
	char want[NPY_HEADER];
	size_t n, start, i;

	if (m->len < 16 || memcmp(p, NPY_MAGIC, 8) != 0)
		return 0;
	start = 10 + (size_t)((unsigned char)p[8] | (unsigned char)p[9] << 8);
	n = (size_t)npy_dict(want, sizeof(want), c, rows);
	/* NumPy aligns the data to 64 bytes, its first versions to 16. */
	if (start > m->len || start % 16 != 0 || start < 10 + n + 1 || memcmp(p + 10, want, n) != 0 ||
	    p[start - 1] != '\n')
		return 0;
	for (i = 10 + n; i < start - 1; i++)
		if (p[i] != ' ')
			return 0;
	return start;
}

static int open_column(struct fm_table *t, const char *path, int c, struct fm_error *err)
{
	struct fm_map m;
	size_t start, want = t->rows * fm_cols[c].width;
	int rc = fm_map_open(&m, path, err);

	if (rc != FM_OK)
		return rc;
	start = npy_data(&m, c, t->rows);
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
	if (fm_cols[c].kind == FM_KIND_CATEGORY && t->rows > 0) {
		unsigned top = highest(t->col[c], t->rows);

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
	int rc;

	*t = NULL;
	if (path == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	rc = fm_table_new(&o, 0, err);
	if (rc == FM_OK)
		rc = read_schema(o, path, err);
	for (int c = 0; c < FM_NCOL && rc == FM_OK; c++) {
		if (!FM_HAS(o, c))
			continue;
		free(path);
		path = column_path(dir, c);
		rc = path == NULL ? fm_fail(err, FM_ESYSTEM, "out of memory: a path") : open_column(o, path, c, err);
	}
	free(path);
	if (rc == FM_OK)
		*t = o;
	else
		fm_table_free(o);
	return rc;
}
