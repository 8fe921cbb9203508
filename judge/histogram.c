#include "judge/histogram.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fields.h"
#include "base/mem.h"
#include "base/rows.h"
#include "judge/bins.h"
#include "judge/column.h"
#include "judge/divergence.h"
#include "judge/host_histogram.h"

#define TOP 12
#define CODES 65536            /* ports, and the codes of one dictionary */
#define MAX_CELLS FM_BIN_CELLS /* more than the 32 cells of ranks below 2^32 */

enum { REAL, SYNTHETIC, HOLDOUT, NSIDES };
static const char *const sides[NSIDES] = {"real", "synthetic", "holdout"};

/* The counts of one field while they are made. */
struct cells {
	const struct fm_table *table[NSIDES]; /* NULL: no holdout */
	int by;                               /* the side that defines the cells */
	enum fm_col col;
	size_t n;
	uint64_t count[NSIDES][MAX_CELLS];
};

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the histograms");
}

/* ---- bins ---- */

static int count_bins(struct cells *c, json_t *field, struct fm_error *err)
{
	struct fm_bins b = fm_bins_of(c->table[c->by], c->col);
	const char *unit = c->col == FM_TE ? "microseconds" : fm_cols[c->col].unit;

	c->n = FM_BIN_CELLS;
	for (int s = 0; s < NSIDES; s++)
		if (c->table[s])
			fm_bins_count(&b, c->table[s], c->col, c->count[s]);
	if (json_object_set_new(field, "scale", json_string(c->col == FM_TE ? "linear" : "log1p")) ||
	    json_object_set_new(field, "unit", json_string(unit)) ||
	    json_object_set_new(field, "lo", json_real(b.lo)) || json_object_set_new(field, "hi", json_real(b.hi)))
		return no_memory(err);
	return FM_OK;
}

/* ---- values ---- */

/* The TOP most frequent codes of the cells' table, most frequent first, ties in order of code. */
static size_t most_frequent(const uint64_t *count, uint16_t top[TOP])
{
	size_t n = 0;

	for (uint32_t v = 0; v < CODES; v++) {
		size_t at = n;
		if (count[v] == 0 || (n == TOP && count[v] <= count[top[TOP - 1]]))
			continue;
		if (n < TOP)
			n++;
		else
			at = TOP - 1;
		for (; at > 0 && count[top[at - 1]] < count[v]; at--)
			top[at] = top[at - 1];
		top[at] = (uint16_t)v;
	}
	return n;
}

static size_t rest_of(enum fm_col c, uint32_t v)
{
	return fm_cols[c].kind != FM_KIND_PORT || v < 1024 ? 0 : v < 49152 ? 1 : 2;
}

/* Count one side; code[] turns its codes into those of the cells' table, NULL where they are the same. */
static void count_values(struct cells *c, int side, const uint32_t *code, const int16_t *cell, size_t ntop)
{
	const uint16_t *x = c->table[side]->col[c->col];

	for (size_t i = 0; i < c->table[side]->rows; i++) {
		uint32_t v = code ? code[x[i]] : x[i];
		int at = v < CODES ? cell[v] : -1;
		c->count[side][at >= 0 ? (size_t)at : ntop + rest_of(c->col, v)]++;
	}
}

static json_t *value_names(const struct cells *c, const uint16_t *top, size_t ntop)
{
	static const char *const port_rest[] = {"other 0-1023", "other 1024-49151", "other 49152-65535"};
	bool port = fm_cols[c->col].kind == FM_KIND_PORT;
	json_t *names = json_array();
	char text[8];

	for (size_t i = 0; i < ntop; i++) {
		snprintf(text, sizeof text, "%u", top[i]);
		json_array_append_new(names, json_string(port ? text : c->table[c->by]->dict[c->col].value[top[i]]));
	}
	for (size_t i = 0; i < (port ? 3 : 1); i++)
		json_array_append_new(names, json_string(port ? port_rest[i] : "other"));
	return names;
}

static int count_by_value(struct cells *c, json_t *field, struct fm_error *err)
{
	const struct fm_table *base = c->table[c->by];
	const uint16_t *x = base->col[c->col];
	uint64_t *count = NULL;
	int16_t *cell = NULL;
	uint32_t *code = NULL;
	uint16_t top[TOP];
	size_t ntop;
	int rc;

	if ((rc = fm_alloc(&count, CODES, sizeof *count, "counts of values", err)) < 0 ||
	    (rc = fm_alloc(&cell, CODES, sizeof *cell, "counts of values", err)) < 0 ||
	    (rc = fm_alloc(&code, CODES, sizeof *code, "category codes", err)) < 0)
		goto out;
	for (size_t i = 0; i < base->rows; i++)
		count[x[i]]++;
	ntop = most_frequent(count, top);
	for (size_t v = 0; v < CODES; v++)
		cell[v] = -1;
	for (size_t i = 0; i < ntop; i++)
		cell[top[i]] = (int16_t)i;
	for (int s = 0; s < NSIDES; s++) {
		bool translate = fm_cols[c->col].kind == FM_KIND_CATEGORY && s != c->by;
		if (!c->table[s])
			continue;
		if (translate && (rc = fm_dict_match(&base->dict[c->col], &c->table[s]->dict[c->col], code, err)) < 0)
			goto out;
		/* Values that the cells' table lacks are numbered from the end of its dictionary on, where there is no
		 * cell. */
		count_values(c, s, translate ? code : NULL, cell, ntop);
	}
	c->n = ntop + (fm_cols[c->col].kind == FM_KIND_PORT ? 3 : 1);
	if (json_object_set_new(field, "values", value_names(c, top, ntop)))
		rc = no_memory(err);
out:
	free(count);
	free(cell);
	free(code);
	return rc;
}

/* ---- ranks ---- */

/* Count one side in at most `most` cells, the last of which holds all further ranks. */
static int count_ranks(struct cells *c, int side, size_t most, struct fm_error *err)
{
	const struct fm_table *t = c->table[side];
	uint64_t *key = NULL, *rows = NULL;
	size_t hosts, cell = 0;
	int rc;

	if ((rc = fm_column_keys(t, t, c->col, &key, err)) < 0 || (rc = fm_sort_u64(key, NULL, t->rows, err)) < 0)
		goto out;
	hosts = fm_run_counts(key, t->rows, NULL);
	if ((rc = fm_alloc(&rows, hosts ? hosts : 1, sizeof *rows, "rows of hosts", err)) < 0)
		goto out;
	fm_run_counts(key, t->rows, rows);
	if ((rc = fm_sort_u64(rows, NULL, hosts, err)) < 0)
		goto out;
	for (size_t rank = 1; rank <= hosts; rank++) {
		if (rank >> (cell + 1) && cell + 1 < most)
			cell++;
		c->count[side][cell] += rows[hosts - rank];
	}
	if (hosts)
		c->n = c->n > cell + 1 ? c->n : cell + 1;
out:
	free(key);
	free(rows);
	return rc;
}

/* How many hosts the real table has is private: it must not show in cells that come from the synthetic table. */
static int count_by_rank(struct cells *c, struct fm_error *err)
{
	int rc = count_ranks(c, c->by, MAX_CELLS, err);
	size_t most = c->by == REAL ? MAX_CELLS : c->n;

	if (rc < 0)
		return rc;
	for (int s = 0; s < NSIDES; s++)
		if (c->table[s] && s != c->by && (rc = count_ranks(c, s, most, err)) < 0)
			return rc;
	return FM_OK;
}

/* ---- one field, and all ---- */

static int put_counts(const struct cells *c, json_t *field, struct fm_error *err)
{
	for (int s = 0; s < NSIDES; s++) {
		json_t *list = c->table[s] ? json_array() : NULL;
		int bad = 0;

		if (!c->table[s])
			continue;
		for (size_t i = 0; i < c->n; i++)
			bad |= json_array_append_new(list, json_integer((json_int_t)c->count[s][i]));
		if (json_object_set_new(field, sides[s], list) || bad)
			return no_memory(err);
	}
	return FM_OK;
}

static int field_json(const struct fm_field *f, const struct fm_table *const table[NSIDES], int by, struct cells *c,
		      json_t **out, struct fm_error *err)
{
	enum fm_kind kind = fm_cols[f->col].kind;
	bool ranks = kind == FM_KIND_ADDRESS, values = kind == FM_KIND_PORT || kind == FM_KIND_CATEGORY;
	json_t *field = json_pack("{s:s, s:s}", "name", f->name, "kind", ranks ? "ranks" : values ? "values" : "bins");
	int rc;

	*out = NULL;
	*c = (struct cells){.by = by, .col = f->col};
	for (int s = 0; s < NSIDES; s++)
		c->table[s] = table[s] && FM_HAS(table[s], f->col) ? table[s] : NULL;
	if (!field)
		return no_memory(err);
	rc = ranks ? count_by_rank(c, err) : values ? count_by_value(c, field, err) : count_bins(c, field, err);
	if (rc < 0 || (rc = put_counts(c, field, err)) < 0) {
		json_decref(field);
		return rc;
	}
	*out = field;
	return FM_OK;
}

static int all_fields(const struct fm_table *const table[NSIDES], int by, json_t **out, struct fm_error *err)
{
	json_t *list = json_array(), *field;
	struct cells *c = NULL;
	int rc;

	if ((rc = fm_alloc(&c, 1, sizeof *c, "histograms", err)) < 0)
		goto out;
	for (int i = 0; i < FM_NFIELDS; i++) {
		enum fm_col col = fm_fields[i].col;
		if (!FM_HAS(table[REAL], col) || !FM_HAS(table[SYNTHETIC], col))
			continue;
		if ((rc = field_json(&fm_fields[i], table, by, c, &field, err)) < 0)
			goto out;
		if (json_array_append_new(list, field)) {
			rc = no_memory(err);
			goto out;
		}
	}
	rc = fm_host_histograms(table[REAL], table[SYNTHETIC], by == REAL, list, err);
out:
	free(c);
	if (rc < 0)
		json_decref(list);
	else
		*out = list;
	return rc;
}

int fm_histograms(const struct fm_table *real, const struct fm_table *synthetic, const struct fm_table *holdout,
		  json_t **doc, struct fm_error *err)
{
	const struct fm_table *table[NSIDES] = {real, synthetic, holdout && holdout->rows ? holdout : NULL};
	json_t *by_real = NULL, *by_synthetic = NULL, *rows = json_object();
	int rc;

	*doc = NULL;
	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0 ||
	    (rc = all_fields(table, REAL, &by_real, err)) < 0 ||
	    (rc = all_fields(table, SYNTHETIC, &by_synthetic, err)) < 0)
		goto out;
	for (int s = 0; s < NSIDES; s++)
		if (table[s] && json_object_set_new(rows, sides[s], json_integer((json_int_t)table[s]->rows))) {
			rc = no_memory(err);
			goto out;
		}
	*doc = json_pack("{s:s, s:O, s:O, s:O}", "format", FM_HISTOGRAMS_FORMAT, "rows", rows, "real_cells", by_real,
			 "synthetic_cells", by_synthetic);
	if (!*doc)
		rc = no_memory(err);
out:
	json_decref(rows);
	json_decref(by_real);
	json_decref(by_synthetic);
	return rc;
}
