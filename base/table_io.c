/* table_io.c - the flow table on its way to disk: .npy columns and schema.json (table.h). */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/npy.h"
#include "base/table_parts.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are written as they lie in memory");

const char *fm_table_kind_name(enum fm_kind kind)
{
	static const char *const name[] = {
	    [FM_KIND_TIME] = "time", [FM_KIND_DURATION] = "duration", [FM_KIND_ADDRESS] = "address",
	    [FM_KIND_PORT] = "port", [FM_KIND_CATEGORY] = "category", [FM_KIND_COUNT] = "count",
	};

	return name[kind];
}

char *fm_table_column_path(const char *dir, int c)
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
	/* The rows' dictionary, which may grow, or one made here of IPv4 numbers. */
	struct fm_address_dict *addresses;
	uint8_t *used; /* (nused) by code: does a row have it? */
	size_t nused;
};

void fm_table_writer_abort(struct fm_table_writer *w)
{
	if (w == NULL)
		return;
	for (int c = 0; c < FM_NCOL; c++)
		fm_out_abort(w->out[c]);
	fm_address_dict_free(w->addresses);
	free(w->used);
	free(w->dir);
	free(w);
}

/* The column's file, with room for its header. */
static int begin_column(struct fm_table_writer *w, int c, struct fm_error *err)
{
	static const char blank[FM_NPY_HEADER];
	char *path = fm_table_column_path(w->dir, c);
	int rc;

	if (path == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: a path");
	if ((rc = fm_out_open(&w->out[c], path, 0600, err)) < 0)
		goto out;
	rc = fm_out_write(w->out[c], blank, sizeof(blank), err);
out:
	free(path);
	return rc;
}

int fm_table_writer_open(struct fm_table_writer **w, const char *dir, unsigned present, struct fm_error *err)
{
	struct fm_table_writer *o = NULL;
	int rc;

	*w = NULL;
	if (present >> FM_NCOL != 0)
		return fm_fail(err, FM_ESYSTEM, "a table with columns that do not exist (%#x)", present);
	if ((rc = fm_dir_make(dir, 0700, err)) < 0 || (rc = fm_alloc(&o, 1, sizeof(*o), "a table writer", err)) < 0)
		return rc;
	o->present = present;
	o->dir = strdup(dir);
	if (o->dir == NULL) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: a path");
		goto out;
	}
	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(o, c) && (rc = begin_column(o, c, err)) < 0)
			goto out;
	*w = o;
	o = NULL;
out:
	fm_table_writer_abort(o);
	return rc;
}

uint16_t fm_table_highest(const uint16_t *v, size_t n)
{
	uint16_t max = 0;

	for (size_t i = 0; i < n; i++)
		max = v[i] > max ? v[i] : max;
	return max;
}

/* ---- addresses ---- */

static int use_dictionary(struct fm_table_writer *w, const struct fm_table *chunk, struct fm_error *err)
{
	if (w->addresses == NULL && chunk->addresses != NULL)
		w->addresses = fm_address_dict_hold(chunk->addresses);
	else if (w->addresses == NULL)
		return fm_address_dict_new(&w->addresses, err);
	else if (chunk->addresses != NULL && chunk->addresses != w->addresses)
		return fm_fail(err, FM_ESYSTEM, "%s: rows with another dictionary of addresses", w->dir);
	return FM_OK;
}

static int mark_used(struct fm_table_writer *w, struct fm_error *err)
{
	size_t n = w->addresses->n;
	uint8_t *used;

	if (n <= w->nused)
		return FM_OK;
	n += n / 2;
	used = realloc(w->used, n);
	if (used == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: %zu addresses", n);
	memset(used + w->nused, 0, n - w->nused);
	w->used = used;
	w->nused = n;
	return FM_OK;
}

/* Write codes as they are now; sort_column corrects them when all addresses are known. */
static int add_addresses(struct fm_table_writer *w, int c, const struct fm_table *chunk, size_t first, size_t rows,
			 struct fm_error *err)
{
	const uint32_t *v = (const uint32_t *)chunk->col[c] + first;
	uint32_t code[1024];
	int rc;

	for (size_t done = 0, n; done < rows; done += n) {
		n = rows - done < 1024 ? rows - done : 1024;
		for (size_t i = 0; i < n; i++) {
			struct fm_address a = fm_table_address(chunk, v[done + i]);

			code[i] = v[done + i];
			if (chunk->addresses == NULL &&
			    (rc = fm_address_dict_add(w->addresses, &a, false, &code[i], err)) < 0)
				return rc;
		}
		if ((rc = mark_used(w, err)) < 0 || (rc = fm_out_write(w->out[c], code, n * sizeof *code, err)) < 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			w->used[code[i]] = 1;
	}
	return FM_OK;
}

static int read_back(const struct fm_table_writer *w, int c, void *p, size_t n, uint64_t at, struct fm_error *err)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(fm_out_fd(w->out[c]), (char *)p + done, n - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fm_fail_errno(err, "%s: cannot read back the addresses", w->dir);
		if (got == 0)
			return fm_fail(err, FM_ESYSTEM, "%s: addresses that were written are gone", w->dir);
		done += (size_t)got;
	}
	return FM_OK;
}

/* The codes of a written column into those of the sorted dictionary. */
static int sort_column(struct fm_table_writer *w, int c, const uint32_t *to, struct fm_error *err)
{
	uint32_t code[16384];
	uint64_t at = FM_NPY_HEADER;
	int rc;

	if ((rc = fm_out_patch(w->out[c], 0, "", 0, err)) < 0) /* what is buffered is written */
		return rc;
	for (uint64_t left = w->rows; left > 0;) {
		size_t n = left < 16384 ? (size_t)left : 16384;

		if ((rc = read_back(w, c, code, n * sizeof *code, at, err)) < 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			code[i] = to[code[i]];
		if ((rc = fm_out_patch(w->out[c], at, code, n * sizeof *code, err)) < 0)
			return rc;
		at += n * sizeof *code;
		left -= n;
	}
	return FM_OK;
}

static int sort_addresses(struct fm_table_writer *w, struct fm_error *err)
{
	struct fm_address_dict *sorted = NULL;
	uint32_t *to = NULL;
	int rc;

	if (!FM_TABLE_HAS_ADDRESSES(w))
		return FM_OK;
	if ((w->addresses == NULL && (rc = fm_address_dict_new(&w->addresses, err)) < 0) ||
	    (rc = mark_used(w, err)) < 0 || (rc = fm_address_dict_sorted(w->addresses, w->used, &sorted, &to, err)) < 0)
		goto out;
	for (int c = FM_SA; c <= FM_DA; c++)
		if (FM_HAS(w, c) && (rc = sort_column(w, c, to, err)) < 0)
			goto out;
	fm_address_dict_free(w->addresses);
	w->addresses = sorted;
	sorted = NULL;
out:
	fm_address_dict_free(sorted);
	free(to);
	return rc;
}

int fm_table_writer_add(struct fm_table_writer *w, const struct fm_table *chunk, size_t first, size_t rows,
			struct fm_error *err)
{
	int rc;

	if (rows == 0)
		return FM_OK;
	if (first > chunk->rows || rows > chunk->rows - first)
		return fm_fail(err, FM_ESYSTEM, "rows %zu to %zu of a table of %zu", first, first + rows, chunk->rows);
	if (w->present & ~chunk->present)
		return fm_fail(err, FM_ESYSTEM, "%s: rows without a column that the table has", w->dir);
	if (FM_TABLE_HAS_ADDRESSES(w) && (rc = use_dictionary(w, chunk, err)) < 0)
		return rc;
	for (int c = 0; c < FM_NCOL; c++) {
		size_t width = fm_cols[c].width;

		if (!FM_HAS(w, c))
			continue;
		if (fm_cols[c].kind == FM_KIND_CATEGORY) {
			uint32_t top = fm_table_highest((const uint16_t *)chunk->col[c] + first, rows) + 1u;

			w->categories[c] = top > w->categories[c] ? top : w->categories[c];
		}
		if (fm_cols[c].kind == FM_KIND_ADDRESS)
			rc = add_addresses(w, c, chunk, first, rows, err);
		else
			rc = fm_out_write(w->out[c], (const char *)chunk->col[c] + first * width, rows * width, err);
		if (rc < 0)
			return rc;
	}
	w->rows += rows;
	return FM_OK;
}

static json_t *schema_columns(unsigned present)
{
	json_t *columns = json_array();

	for (int c = 0; c < FM_NCOL; c++)
		if (present >> c & 1u)
			json_array_append_new(columns, json_pack("{ssssssss}", "name", fm_cols[c].name, "kind",
								 fm_table_kind_name(fm_cols[c].kind), "unit",
								 fm_cols[c].unit, "dtype", fm_cols[c].dtype));
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
	json_t *columns = schema_columns(w->present), *categories = schema_categories(w->present, dict), *root;
	json_t *back = NULL;
	int rc = schema_check(w, dict, columns, categories, err);

	root = json_pack("{sssIsoso}", "format", FM_TABLE_FORMAT, "rows", (json_int_t)w->rows, "columns", columns,
			 "categories", categories);
	if (rc < 0)
		goto out;
	if (root != NULL && (!FM_TABLE_HAS_ADDRESSES(w) ||
			     json_object_set_new(root, "addresses", json_integer((json_int_t)w->addresses->n)) == 0))
		*text = json_dumps(root, JSON_INDENT(1));
	back = *text != NULL ? fm_json_parse(*text, strlen(*text), JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (back == NULL || !json_equal(root, back))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: the schema of %s", w->dir);
	else if (strlen(*text) > FM_TABLE_SCHEMA_MAX)
		rc = fm_fail(err, FM_EINPUT, "%s: the category values take more than %u bytes", w->dir,
			     FM_TABLE_SCHEMA_MAX);
out:
	json_decref(root);
	json_decref(back);
	return rc;
}

/* Headers and names for the columns; from the first one on the old table, if there was one, is gone. */
static int commit_columns(struct fm_table_writer *w, struct fm_error *err)
{
	char header[FM_NPY_HEADER];
	int rc;

	for (int c = 0; c < FM_NCOL; c++) {
		if (!FM_HAS(w, c))
			continue;
		fm_npy_header(header, fm_cols[c].dtype, w->rows, 0);
		if ((rc = fm_out_patch(w->out[c], 0, header, sizeof(header), err)) < 0)
			return rc;
		rc = fm_out_commit(w->out[c], err);
		w->out[c] = NULL;
		if (rc < 0)
			return rc;
	}
	return FM_OK;
}

static int check_categories(const struct fm_table_writer *w, const struct fm_dict dict[FM_NCOL], struct fm_error *err)
{
	for (int c = 0; c < FM_NCOL; c++)
		if (w->categories[c] > dict[c].n)
			return fm_fail(err, FM_ESYSTEM, "%s: column %s has index %u but only %zu values", w->dir,
				       fm_cols[c].name, w->categories[c] - 1, dict[c].n);
	return FM_OK;
}

int fm_table_writer_close(struct fm_table_writer *w, const struct fm_dict dict[FM_NCOL], struct fm_error *err)
{
	char *text = NULL, *path = fm_path_join(w->dir, "schema.json");
	int rc;

	if (path == NULL) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: a path");
		goto out;
	}
	if ((rc = check_categories(w, dict, err)) < 0 || (rc = sort_addresses(w, err)) < 0 ||
	    (rc = schema_text(w, dict, &text, err)) < 0)
		goto out;
	/* A folder without schema.json is no table, so new columns are never beside an old schema. */
	if (fm_file_exists(path) && remove(path) != 0) {
		rc = fm_fail_errno(err, "cannot replace %s", path);
		goto out;
	}
	if ((FM_TABLE_HAS_ADDRESSES(w) && (rc = fm_address_dict_save(w->addresses, w->dir, err)) < 0) ||
	    (rc = commit_columns(w, err)) < 0)
		goto out;
	rc = fm_file_write(path, 0600, text, strlen(text), err);
out:
	free(text);
	free(path);
	fm_table_writer_abort(w);
	return rc;
}

int fm_table_save(const struct fm_table *t, const char *dir, struct fm_error *err)
{
	struct fm_table_writer *w = NULL;
	int rc;

	if ((rc = fm_table_writer_open(&w, dir, t->present, err)) < 0)
		return rc;
	if ((rc = fm_table_writer_add(w, t, 0, t->rows, err)) < 0) {
		fm_table_writer_abort(w);
		return rc;
	}
	return fm_table_writer_close(w, t->dict, err);
}
