/* columns.c - the columns of single rows, from a table and back. */
#include "model/rows/columns.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

#define VALUES_MOST 65535
/* The first octets of the raw numbers that ranked hosts come back as. */
#define OUTSIDE_RANKS 0u
#define INSIDE_RANKS 255u

/* ---- learning ---- */

static struct fm_row_column *column_add(struct fm_row_columns *c, enum fm_col col)
{
	struct fm_row_column *k = &c->column[c->n++];

	k->col = col;
	return k;
}

static uint32_t raw_address(const struct fm_table *t, enum fm_col col, size_t i)
{
	struct fm_address a = fm_table_address(t, ((const uint32_t *)t->col[col])[i]);

	return fm_address_fold(&a);
}

static void columns_add(struct fm_row_columns *c, enum fm_col col, unsigned how)
{
	enum fm_kind kind = fm_cols[col].kind;
	int bits = kind == FM_KIND_ADDRESS && how & FM_ROW_ADDRESS_BITS ? 32
		   : kind == FM_KIND_PORT && how & FM_ROW_PORT_BITS     ? 16
									: 0;

	for (int b = bits - 1; b >= 0; b--) {
		struct fm_row_column *k = column_add(c, col);

		k->kind = FM_ROW_BIT;
		k->bit = b;
		k->n = 2;
	}
	if (bits > 0)
		return;
	struct fm_row_column *k = column_add(c, col);
	k->kind = kind == FM_KIND_CATEGORY ? FM_ROW_CATEGORY : FM_ROW_NUMBER;
	k->log = how & FM_ROW_LOGS && (kind == FM_KIND_DURATION || kind == FM_KIND_COUNT);
	if (how & FM_ROW_VALUES && (kind == FM_KIND_ADDRESS || kind == FM_KIND_PORT))
		column_add(c, col)->kind = FM_ROW_VALUE;
}

static void sides_fit(struct fm_row_columns *c, const struct fm_table *t, int k)
{
	uint64_t in[256] = {0}, all[256] = {0};

	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < t->rows; i++) {
			uint32_t octet = raw_address(t, s ? FM_DA : FM_SA, i) >> 24;

			all[octet]++;
			in[octet] += fm_table_inside(t, (s ? t->da : t->sa)[i]);
		}
	for (int o = 0; o < 256; o++)
		c->inside[o] = all[o] >= (uint64_t)k && 2 * in[o] > all[o];
}

/* Refuse IPv6: an address is 32 bits or one integer, here as in the papers. */
static int ipv4_alone(const struct fm_table *t, struct fm_error *err)
{
	for (size_t i = 0; i < 2 * t->rows; i++) {
		struct fm_address a = fm_table_address(t, i & 1 ? t->da[i / 2] : t->sa[i / 2]);

		if (fm_address_is_ipv6(&a))
			return fm_fail(err, FM_EINPUT,
				       "this model.kind takes only IPv4, and the trace has IPv6 flows: set model.kind "
				       "to diffusion, or leave these flows out");
	}
	return FM_OK;
}

int fm_row_columns_choose(struct fm_row_columns *c, const struct fm_table *t, unsigned how, int k, struct fm_error *err)
{
	int rc;

	if (t->rows == 0 || t->rows >= UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "%zu flows are %s to learn from", t->rows,
			       t->rows ? "too many" : "too few");
	if ((rc = ipv4_alone(t, err)) < 0)
		return rc;
	*c = (struct fm_row_columns){.present = t->present & FM_COLS_UGR16,
				     .rows = t->rows,
				     .first_ms = t->te[0],
				     .last_ms = t->te[0],
				     .step_ms = 1000};
	for (size_t i = 0; i < t->rows; i++) {
		c->first_ms = t->te[i] < c->first_ms ? t->te[i] : c->first_ms;
		c->last_ms = t->te[i] > c->last_ms ? t->te[i] : c->last_ms;
		c->step_ms = t->te[i] % 1000 ? 1 : c->step_ms;
	}
	for (int col = 0; col < FM_NFLOWCOL; col++)
		if (c->present >> col & 1)
			columns_add(c, (enum fm_col)col, how);
	sides_fit(c, t, k);
	if (how & FM_ROW_VALUES) {
		c->inside[OUTSIDE_RANKS] = 0;
		c->inside[INSIDE_RANKS] = 1;
	}
	return FM_OK;
}

/* Values of at least min_count rows, in the order of the dictionary; code[value] is a value's index. */
static int category_fit(struct fm_row_column *k, const struct fm_table *t, int min_count, uint16_t *code,
			struct fm_error *err)
{
	const struct fm_dict *d = &t->dict[k->col];
	double *count = NULL;
	size_t most = 0;
	int rc;

	if ((rc = fm_alloc(&count, d->n + 1, sizeof *count, "values", err)) < 0 ||
	    (rc = fm_alloc(&k->value, d->n + 1, sizeof *k->value, "values", err)) < 0 ||
	    (rc = fm_alloc(&k->count, d->n + 1, sizeof *k->count, "values", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		count[fm_table_value(t, k->col, i)]++;
	for (size_t i = 0; i < d->n; i++)
		most = count[i] > count[most] ? i : most;
	for (size_t i = 0; i < d->n; i++) {
		if (count[i] < min_count && i != most)
			continue;
		code[i] = (uint16_t)k->n;
		k->count[k->n] = count[i];
		if (!(k->value[k->n++] = strdup(d->value[i]))) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory for values");
			goto out;
		}
	}
	for (size_t i = 0; i < d->n; i++)
		if (count[i] < min_count && i != most) {
			code[i] = code[most];
			k->count[code[most]] += count[i];
		}
out:
	free(count);
	return rc;
}

static uint32_t raw_of(const struct fm_row_column *k, const struct fm_table *t, size_t i)
{
	return fm_cols[k->col].kind == FM_KIND_ADDRESS ? raw_address(t, k->col, i)
						       : ((const uint16_t *)t->col[k->col])[i];
}

static int bit_of(const struct fm_row_column *k, const struct fm_table *t, size_t i)
{
	uint32_t raw =
	    fm_cols[k->col].kind == FM_KIND_ADDRESS ? raw_address(t, k->col, i) : ((const uint16_t *)t->col[k->col])[i];

	return raw >> k->bit & 1;
}

/* ---- values ---- */

struct counted {
	uint32_t raw;
	uint32_t rows, inside;
};

static int by_raw(const void *pa, const void *pb)
{
	const struct counted *a = pa, *b = pb;

	return (a->raw > b->raw) - (a->raw < b->raw);
}

static int by_rows(const void *pa, const void *pb)
{
	const struct counted *a = pa, *b = pb;

	return a->rows != b->rows ? (a->rows < b->rows ? 1 : -1) : by_raw(pa, pb);
}

static int known_by_raw(const void *pa, const void *pb)
{
	const struct fm_row_known *a = pa, *b = pb;

	return (a->raw > b->raw) - (a->raw < b->raw);
}

/* Count the raw numbers of a value's column (for hosts, of both columns): (*n) in *all, the most frequent first. */
static int count_values(const struct fm_row_column *k, const struct fm_table *t, struct counted **all, size_t *n,
			struct fm_error *err)
{
	bool hosts = fm_cols[k->col].kind == FM_KIND_ADDRESS;
	struct counted *c = NULL;
	size_t rows = hosts ? 2 * t->rows : t->rows, d = 0;
	int rc;

	if ((rc = fm_alloc(&c, rows + 1, sizeof *c, "values", err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++) {
		if (!hosts) {
			c[i] = (struct counted){raw_of(k, t, i), 1, 0};
			continue;
		}
		c[2 * i] = (struct counted){raw_address(t, FM_SA, i), 1, fm_table_inside(t, t->sa[i])};
		c[2 * i + 1] = (struct counted){raw_address(t, FM_DA, i), 1, fm_table_inside(t, t->da[i])};
	}
	qsort(c, rows, sizeof *c, by_raw);
	for (size_t i = 0; i < rows; i++) {
		if (d == 0 || c[i].raw != c[d - 1].raw) {
			c[d++] = c[i];
			continue;
		}
		c[d - 1].rows++;
		c[d - 1].inside += c[i].inside;
	}
	qsort(c, d, sizeof *c, by_rows);
	*all = c;
	*n = d;
	return FM_OK;
}

/* Make the first n of the counted values the known ones. */
static int know(struct fm_row_column *k, const struct counted *all, size_t n, struct fm_error *err)
{
	int rc;

	free(k->known);
	if ((rc = fm_alloc(&k->known, n + 1, sizeof *k->known, "values", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		k->known[i] = (struct fm_row_known){all[i].raw, (uint16_t)i};
	qsort(k->known, n, sizeof *k->known, known_by_raw);
	return FM_OK;
}

static int value_text(struct fm_row_column *k, const struct counted *v, char **text, struct fm_error *err)
{
	int rc = !v ? asprintf(text, "%s", "")
		 : fm_cols[k->col].kind == FM_KIND_PORT
		     ? asprintf(text, "%u", v->raw)
		     : asprintf(text, "%s", 2 * v->inside > v->rows ? "inside" : "outside");

	return rc < 0 ? fm_fail(err, FM_ESYSTEM, "out of memory for values") : FM_OK;
}

static int values_fit(struct fm_row_column *k, const struct fm_table *t, int min_count, struct fm_error *err)
{
	struct counted *all = NULL;
	size_t n = 0, used = 0;
	int rc;

	if ((rc = count_values(k, t, &all, &n, err)) < 0)
		return rc;
	while (used < n && used < FM_ROW_VALUES_MOST && all[used].rows >= (uint32_t)min_count)
		used++;
	if ((rc = fm_alloc(&k->value, used + 1, sizeof *k->value, "values", err)) < 0 ||
	    (rc = fm_alloc(&k->count, used + 1, sizeof *k->count, "values", err)) < 0 ||
	    (rc = know(k, all, used, err)) < 0)
		goto out;
	for (k->n = 0; (size_t)k->n <= used; k->n++)
		if ((rc = value_text(k, (size_t)k->n < used ? &all[k->n] : NULL, &k->value[k->n], err)) < 0)
			goto out;
out:
	free(all);
	return rc;
}

int fm_row_columns_know(struct fm_row_columns *c, const struct fm_table *t, struct fm_error *err)
{
	int rc;

	for (int i = 0; i < c->n; i++) {
		struct fm_row_column *k = &c->column[i];
		struct counted *all = NULL;
		size_t n = 0;

		if (k->kind != FM_ROW_VALUE || k->known)
			continue;
		if ((rc = count_values(k, t, &all, &n, err)) < 0)
			return rc;
		rc = n + 1 >= (size_t)k->n
			 ? know(k, all, (size_t)k->n - 1, err)
			 : fm_fail(err, FM_EINPUT, "these are not the flows that the model learned from");
		free(all);
		if (rc < 0)
			return rc;
	}
	return FM_OK;
}

/* The code of a raw number: the last one where it is not known. */
static int value_code(const struct fm_row_column *k, uint32_t raw)
{
	struct fm_row_known key = {raw, 0};
	const struct fm_row_known *v =
	    k->known ? bsearch(&key, k->known, (size_t)k->n - 1, sizeof key, known_by_raw) : NULL;

	return v ? v->code : k->n - 1;
}

int fm_row_column_fit(struct fm_row_column *k, const struct fm_table *t, int min_count, uint16_t *code,
		      struct fm_error *err)
{
	uint16_t *of = NULL;
	int rc;

	if (k->kind == FM_ROW_BIT) {
		if ((rc = fm_alloc(&k->count, 2, sizeof *k->count, "values", err)) < 0)
			return rc;
		for (size_t i = 0; i < t->rows; i++)
			k->count[code[i] = (uint16_t)bit_of(k, t, i)]++;
		return FM_OK;
	}
	if (k->kind == FM_ROW_VALUE) {
		if ((rc = values_fit(k, t, min_count, err)) < 0)
			return rc;
		for (size_t i = 0; i < t->rows; i++)
			k->count[code[i] = (uint16_t)value_code(k, raw_of(k, t, i))]++;
		return FM_OK;
	}
	if ((rc = fm_alloc(&of, t->dict[k->col].n + 1, sizeof *of, "values", err)) < 0 ||
	    (rc = category_fit(k, t, min_count, of, err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		code[i] = of[fm_table_value(t, k->col, i)];
out:
	free(of);
	return rc;
}

void fm_row_columns_close(struct fm_row_columns *c)
{
	for (int i = 0; i < c->n; i++) {
		for (int j = 0; c->column[i].value && j < c->column[i].n; j++)
			free(c->column[i].value[j]);
		free(c->column[i].value);
		free(c->column[i].count);
		free(c->column[i].known);
	}
	c->n = 0;
}

double fm_row_number(const struct fm_row_columns *c, const struct fm_row_column *k, const struct fm_table *t, size_t i)
{
	double x;

	if (k->col == FM_TE)
		return (double)(t->te[i] - c->first_ms);
	x = fm_cols[k->col].kind == FM_KIND_ADDRESS ? (double)raw_address(t, k->col, i)
						    : (double)fm_table_value(t, k->col, i);
	return k->log ? fm_det_log1p(x) : x;
}

int fm_row_code(const struct fm_row_column *k, const struct fm_table *t, size_t i)
{
	const char *text;
	int most = 0;

	if (k->kind == FM_ROW_BIT)
		return bit_of(k, t, i);
	if (k->kind == FM_ROW_VALUE)
		return value_code(k, raw_of(k, t, i));
	text = fm_table_category(t, k->col, i);
	for (int v = 0; v < k->n; v++) {
		if (strcmp(k->value[v], text) == 0)
			return v;
		most = k->count[v] > k->count[most] ? v : most;
	}
	return most;
}

/* ---- back ---- */

static double within(double x, double low, double high)
{
	return x > low ? (x < high ? x : high) : low; /* NaN: low */
}

static bool has_ranks(const struct fm_row_columns *c)
{
	for (int i = 0; i < c->n; i++)
		if (c->column[i].kind == FM_ROW_VALUE && fm_cols[c->column[i].col].kind == FM_KIND_ADDRESS)
			return true;
	return false;
}

void fm_row_number_put(const struct fm_row_columns *c, const struct fm_row_column *k, double v, struct fm_table *t,
		       size_t i)
{
	v = k->log ? fm_det_expm1(within(v, 0, 40)) : v;
	switch (fm_cols[k->col].kind) {
	case FM_KIND_TIME:
		v = within(v, 0, (double)(c->last_ms - c->first_ms));
		t->te[i] = c->first_ms + (int64_t)(v / (double)c->step_ms + 0.5) * c->step_ms;
		break;
	case FM_KIND_PORT:
		((uint16_t *)t->col[k->col])[i] = (uint16_t)(within(v, 0, 65535) + 0.5);
		break;
	case FM_KIND_COUNT:
		((uint64_t *)t->col[k->col])[i] = (uint64_t)(within(v, 1, 1e15) + 0.5);
		break;
	case FM_KIND_ADDRESS:
		if (has_ranks(c)) /* first octets of ranked hosts lie below and above */
			v = within(v, (double)(1u << 24), (double)((INSIDE_RANKS << 24) - 1));
		v = within(v, 0, 4294967295.0);
		((uint32_t *)t->col[k->col])[i] = (uint32_t)(v + 0.5);
		break;
	default:
		((uint32_t *)t->col[k->col])[i] = (uint32_t)(within(v, 0, 4294967295.0) + 0.5);
	}
}

/* The last code, of all others, leaves what the column's number has put. */
static void value_put(const struct fm_row_column *k, int code, struct fm_table *t, size_t i)
{
	bool inside;

	if (code >= k->n - 1)
		return;
	if (fm_cols[k->col].kind == FM_KIND_PORT) {
		((uint16_t *)t->col[k->col])[i] = (uint16_t)strtoul(k->value[code], NULL, 10);
		return;
	}
	inside = strcmp(k->value[code], "inside") == 0;
	((uint32_t *)t->col[k->col])[i] = (inside ? INSIDE_RANKS : OUTSIDE_RANKS) << 24 | (uint32_t)code;
}

void fm_row_code_put(const struct fm_row_column *k, int code, struct fm_table *t, size_t i)
{
	if (k->kind == FM_ROW_CATEGORY) {
		((uint16_t *)t->col[k->col])[i] = (uint16_t)code;
	} else if (k->kind == FM_ROW_VALUE) {
		value_put(k, code, t, i);
	} else if (fm_cols[k->col].kind == FM_KIND_PORT) {
		uint16_t *p = &((uint16_t *)t->col[k->col])[i];

		*p = (uint16_t)((k->bit == 15 ? 0 : *p) | code << k->bit);
	} else {
		uint32_t *a = &((uint32_t *)t->col[k->col])[i];

		*a = (k->bit == 31 ? 0 : *a) | (uint32_t)code << k->bit;
	}
}

int fm_row_table_new(struct fm_table **t, const struct fm_row_columns *c, size_t rows, struct fm_error *err)
{
	int rc;

	if ((rc = fm_table_new(t, c->present, err)) < 0)
		return rc;
	if ((rc = fm_table_reserve(*t, rows, err)) < 0)
		goto out;
	(*t)->rows = rows;
	for (int j = 0; j < c->n; j++) {
		const struct fm_row_column *k = &c->column[j];

		for (int v = 0; k->kind == FM_ROW_CATEGORY && v < k->n; v++)
			if (fm_dict_index(&(*t)->dict[k->col], k->value[v], strlen(k->value[v]), true) != v) {
				rc = fm_fail(err, FM_EINPUT, "the model's values of %s are damaged",
					     fm_cols[k->col].name);
				goto out;
			}
	}
out:
	if (rc < 0) {
		fm_table_free(*t);
		*t = NULL;
	}
	return rc;
}

/* ---- as JSON ---- */

json_t *fm_row_columns_json(const struct fm_row_columns *c)
{
	json_t *columns = json_array(), *inside = json_array();

	for (int i = 0; i < c->n; i++) {
		const struct fm_row_column *k = &c->column[i];
		json_t *values = json_array(), *counts = json_array();

		for (int v = 0; v < k->n; v++) {
			if (k->kind == FM_ROW_CATEGORY || k->kind == FM_ROW_VALUE)
				json_array_append_new(values, json_string(k->value[v]));
			json_array_append_new(counts, json_integer((json_int_t)k->count[v]));
		}
		json_array_append_new(columns, json_pack("{s:i, s:i, s:b, s:i, s:o, s:o}", "column", (int)k->col,
							 "kind", (int)k->kind, "log", k->log, "bit", k->bit, "values",
							 values, "counts", counts));
	}
	for (int o = 0; o < 256; o++)
		if (c->inside[o])
			json_array_append_new(inside, json_integer(o));
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "columns", columns, "inside", inside, "present",
			 (json_int_t)c->present, "first_ms", (json_int_t)c->first_ms, "last_ms", (json_int_t)c->last_ms,
			 "step_ms", (json_int_t)c->step_ms, "rows", (json_int_t)c->rows);
}

int fm_row_columns_damaged(struct fm_error *err, int column)
{
	return fm_fail(err, FM_EINPUT, "the model's codec is damaged: column %d", column);
}

static int values_read(struct fm_row_column *k, const json_t *values, const json_t *counts, int at,
		       struct fm_error *err)
{
	size_t n = json_array_size(counts);
	int rc;

	if (k->kind == FM_ROW_NUMBER)
		return FM_OK;
	if (n < 1 || n > VALUES_MOST || (k->kind == FM_ROW_BIT ? n != 2 : json_array_size(values) != n))
		return fm_row_columns_damaged(err, at);
	if ((rc = fm_alloc(&k->count, n, sizeof *k->count, "values", err)) < 0 ||
	    (rc = fm_alloc(&k->value, n, sizeof *k->value, "values", err)) < 0)
		return rc;
	for (k->n = 0; (size_t)k->n < n; k->n++) {
		const char *text = json_string_value(json_array_get(values, (size_t)k->n));

		k->count[k->n] = (double)json_integer_value(json_array_get(counts, (size_t)k->n));
		if (k->count[k->n] < 0 || (k->kind != FM_ROW_BIT && (!text || !(k->value[k->n] = strdup(text)))))
			return fm_row_columns_damaged(err, at);
	}
	return FM_OK;
}

static int column_read(struct fm_row_columns *c, const json_t *v, int at, struct fm_error *err)
{
	json_int_t col = json_integer_value(json_object_get(v, "column")),
		   kind = json_integer_value(json_object_get(v, "kind")),
		   bit = json_integer_value(json_object_get(v, "bit"));
	struct fm_row_column *k = column_add(c, FM_TE);

	if (col < 0 || col >= FM_NFLOWCOL || !(c->present >> col & 1) || kind < 0 || kind > FM_ROW_VALUE ||
	    (kind == FM_ROW_CATEGORY) != (fm_cols[col].kind == FM_KIND_CATEGORY))
		return fm_row_columns_damaged(err, at);
	if (kind == FM_ROW_VALUE && fm_cols[col].kind != FM_KIND_ADDRESS && fm_cols[col].kind != FM_KIND_PORT)
		return fm_row_columns_damaged(err, at);
	if (kind == FM_ROW_BIT && (bit < 0 || bit >= (fm_cols[col].kind == FM_KIND_ADDRESS ? 32
						      : fm_cols[col].kind == FM_KIND_PORT  ? 16
											   : 0)))
		return fm_row_columns_damaged(err, at);
	k->col = (enum fm_col)col;
	k->kind = (int)kind;
	k->log = json_is_true(json_object_get(v, "log"));
	k->bit = (int)bit;
	return values_read(k, json_object_get(v, "values"), json_object_get(v, "counts"), at, err);
}

int fm_row_columns_from_json(struct fm_row_columns *c, const json_t *j, struct fm_error *err)
{
	const json_t *columns = json_object_get(j, "columns"), *v;
	size_t i;
	int rc;

	*c = (struct fm_row_columns){.n = 0};
	if (json_array_size(columns) < 1 || json_array_size(columns) > FM_ROW_COLUMNS)
		return fm_row_columns_damaged(err, 0);
	c->present = (unsigned)json_integer_value(json_object_get(j, "present")) & FM_COLS_UGR16;
	c->first_ms = json_integer_value(json_object_get(j, "first_ms"));
	c->last_ms = json_integer_value(json_object_get(j, "last_ms"));
	c->step_ms = json_integer_value(json_object_get(j, "step_ms"));
	c->rows = (uint64_t)json_integer_value(json_object_get(j, "rows"));
	if (c->step_ms < 1 || c->last_ms < c->first_ms)
		return fm_row_columns_damaged(err, 0);
	json_array_foreach(json_object_get(j, "inside"), i, v)
	{
		c->inside[json_integer_value(v) & 255] = 1;
	}
	json_array_foreach(columns, i, v)
	{
		if ((rc = column_read(c, v, (int)i, err)) < 0)
			return rc;
	}
	return FM_OK;
}
