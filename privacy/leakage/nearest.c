#include "privacy/leakage/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"

enum {
	LANES = 8,
	QUERIES = 16,
	TILE = 1024
};                             /* TILE rows of ten fields are 40 KiB: they stay in the first two caches */
#define PART ((size_t)1 << 18) /* rows coded at a time: 10 MiB */
#define SEED 20160411u
enum purpose { RANKED = 121 };
_Static_assert(2 * FM_GOWER_RANKED <= (size_t)INT32_MAX / FM_GOWER_FIELDS,
	       "ten fields of so much each fit in an int32_t");

static const enum fm_col rank_cols[FM_GOWER_RANKS] = {FM_TE, FM_TD, FM_PKT, FM_BYT};
static const enum fm_col same_cols[] = {FM_SA, FM_DA, FM_SP, FM_DP, FM_PR, FM_LABEL};
enum { NSAME = sizeof same_cols / sizeof *same_cols };
_Static_assert(FM_GOWER_RANKS + NSAME == FM_GOWER_FIELDS, "ten fields");

struct fm_gower {
	const struct fm_table *table[2]; /* tables whose rows are ranked; the second may be NULL */
	unsigned columns;                /* columns that count and that both have */
	size_t ranked;                   /* rows whose values give the ranks */
	uint64_t *sorted[FM_GOWER_RANKS];
	uint8_t *seen[FM_NCOL]; /* categories that occur, by code_of */
};

static uint64_t key(const struct fm_table *t, enum fm_col c, size_t row)
{
	return c == FM_TE ? fm_key_i64(t->te[row]) : fm_table_key(t, c, row);
}

/* The code of each category of t: from training's dictionary, behind it from the other's, behind both t's own. */
static int code_of(const struct fm_gower *g, const struct fm_table *t, enum fm_col c, uint32_t **code,
		   struct fm_error *err)
{
	const struct fm_dict *train = &g->table[0]->dict[c], *other = g->table[1] ? &g->table[1]->dict[c] : NULL;
	uint32_t *by_other = NULL;
	int rc;

	*code = NULL;
	if ((rc = fm_alloc(code, t->dict[c].n + 1, sizeof **code, "category codes", err)) < 0 ||
	    (rc = fm_dict_match(train, &t->dict[c], *code, err)) < 0 || !other)
		return rc;
	if ((rc = fm_alloc(&by_other, t->dict[c].n + 1, sizeof *by_other, "category codes", err)) < 0 ||
	    (rc = fm_dict_match(other, &t->dict[c], by_other, err)) < 0)
		goto out;
	for (size_t i = 0; i < t->dict[c].n; i++)
		if ((*code)[i] >= train->n)
			(*code)[i] = (uint32_t)train->n + by_other[i];
out:
	free(by_other);
	return rc;
}

static size_t known(const struct fm_gower *g, enum fm_col c)
{
	return g->table[0]->dict[c].n + (g->table[1] ? g->table[1]->dict[c].n : 0);
}

/* How many rows of a table are ranked: the same share in both. */
static size_t ranked_of(const struct fm_gower *g, int k)
{
	size_t tables = g->table[1] ? 2 : 1, rows = g->table[k] ? g->table[k]->rows : 0;
	double share =
	    (double)(tables * FM_GOWER_RANKED) / (double)(g->table[0]->rows + (tables > 1 ? g->table[1]->rows : 0));

	return share < 1 ? (size_t)(share * (double)rows) : rows;
}

/* Append the values of n chosen rows of t behind the first `at`. */
static int take_values(struct fm_gower *g, const struct fm_table *t, size_t n, size_t at, struct fm_error *err)
{
	uint32_t *row = NULL;
	int rc;

	if ((rc = fm_alloc(&row, n + 1, sizeof *row, "a choice of rows", err)) < 0)
		return rc;
	fm_rows_choose(SEED, RANKED, t->rows, n, row);
	for (int f = 0; f < FM_GOWER_RANKS; f++) {
		for (size_t i = 0, last = 0; i < n && g->sorted[f]; i++) {
			g->sorted[f][at + i] = key(t, rank_cols[f], row[i]);
			fm_table_forget_passed(t, row, i, &last);
		}
		fm_table_forget(t, 0, t->rows);
	}
	free(row);
	return FM_OK;
}

static int see_categories(struct fm_gower *g, const struct fm_table *t, struct fm_error *err)
{
	uint32_t *code = NULL;
	int rc;

	for (int f = 0; f < NSAME; f++) {
		enum fm_col c = same_cols[f];
		if (!g->seen[c])
			continue;
		if ((rc = code_of(g, t, c, &code, err)) < 0) {
			free(code);
			return rc;
		}
		for (size_t i = 0; i < t->rows; i++) {
			g->seen[c][code[key(t, c, i)]] = 1;
			fm_table_forget_behind(t, i);
		}
		free(code);
	}
	return FM_OK;
}

int fm_gower_new(struct fm_gower **out, const struct fm_table *train, const struct fm_table *other, unsigned columns,
		 struct fm_error *err)
{
	const struct fm_table *table[2] = {train, other};
	struct fm_gower *g = NULL;
	int rc;

	*out = NULL;
	for (int k = 0; k < 2; k++)
		if (table[k] && (table[k]->rows == 0 || table[k]->rows >= UINT32_MAX))
			return fm_fail(err, FM_EINPUT, "distances need 1 to %u training rows, not %zu", UINT32_MAX - 1,
				       table[k]->rows);
	if ((rc = fm_alloc(&g, 1, sizeof *g, "ranks", err)) < 0)
		return rc;
	g->table[0] = train;
	g->table[1] = other;
	g->columns = columns & train->present & (other ? other->present : ~0u);
	for (int k = 0; k < 2; k++)
		g->ranked += ranked_of(g, k);
	for (int f = 0; f < FM_GOWER_RANKS; f++)
		if (g->columns >> rank_cols[f] & 1u &&
		    (rc = fm_alloc(&g->sorted[f], g->ranked, sizeof **g->sorted, "ranks", err)) < 0)
			goto out;
	for (int f = 0; f < NSAME; f++) {
		enum fm_col c = same_cols[f];
		if (fm_cols[c].kind == FM_KIND_CATEGORY && g->columns >> c & 1u &&
		    (rc = fm_alloc(&g->seen[c], known(g, c) + 1, 1, "categories", err)) < 0)
			goto out;
	}
	for (int k = 0; k < 2; k++)
		if (table[k] && ((rc = take_values(g, table[k], ranked_of(g, k), k ? ranked_of(g, 0) : 0, err)) < 0 ||
				 (rc = see_categories(g, table[k], err)) < 0))
			goto out;
	for (int f = 0; f < FM_GOWER_RANKS; f++)
		if (g->sorted[f] && (rc = fm_sort_u64(g->sorted[f], NULL, g->ranked, err)) < 0)
			goto out;
	*out = g;
out:
	if (rc < 0)
		fm_gower_free(g);
	return rc;
}

void fm_gower_free(struct fm_gower *g)
{
	if (!g)
		return;
	for (int f = 0; f < FM_GOWER_RANKS; f++)
		free(g->sorted[f]);
	for (int c = 0; c < FM_NCOL; c++)
		free(g->seen[c]);
	free(g);
}

double fm_gower_unit(const struct fm_gower *g)
{
	return 1.0 / (FM_GOWER_FIELDS * (double)g->ranked);
}

/* How many of the n sorted values are at most v. */
static int32_t rank_of(const uint64_t *sorted, size_t n, uint64_t v)
{
	size_t lo = 0;

	while (n > 0) {
		size_t half = n / 2;
		if (sorted[lo + half] <= v) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return (int32_t)lo;
}

static uint64_t chosen_key(const struct fm_choice *rows, enum fm_col c, size_t i)
{
	return key(rows->t, c, rows->row ? rows->row[i] : rows->first + i);
}

static int code_category(const struct fm_gower *g, const struct fm_choice *rows, enum fm_col c, int32_t *out,
			 struct fm_error *err)
{
	uint32_t *code = NULL;
	int rc;

	if ((rc = code_of(g, rows->t, c, &code, err)) < 0)
		goto out;
	for (size_t i = 0; i < rows->n; i++) {
		uint32_t v = code[chosen_key(rows, c, i)];
		out[i] = v < known(g, c) && g->seen[c][v] ? (int32_t)v : -1;
	}
out:
	free(code);
	return rc;
}

int fm_gower_code(const struct fm_gower *g, const struct fm_choice *rows, struct fm_gower_rows *out,
		  struct fm_error *err)
{
	size_t n = rows->n, padded = (n + LANES - 1) / LANES * LANES;
	int rc;

	*out = (struct fm_gower_rows){.n = n, .padded = padded};
	if ((rc = fm_alloc(&out->field[0], FM_GOWER_FIELDS * (padded + 1), sizeof **out->field, "coded rows", err)) !=
	    FM_OK)
		return rc;
	for (int f = 1; f < FM_GOWER_FIELDS; f++)
		out->field[f] = out->field[0] + (size_t)f * padded;
	for (int f = 0; f < FM_GOWER_FIELDS; f++) {
		enum fm_col c = f < FM_GOWER_RANKS ? rank_cols[f] : same_cols[f - FM_GOWER_RANKS];
		int32_t *v = out->field[f];
		if (!((g->columns & rows->t->present) >> c & 1u))
			continue;
		if (f < FM_GOWER_RANKS) {
			for (size_t i = 0; i < n; i++)
				v[i] = rank_of(g->sorted[f], g->ranked, chosen_key(rows, c, i));
		} else if (fm_cols[c].kind == FM_KIND_CATEGORY) {
			if ((rc = code_category(g, rows, c, v, err)) < 0)
				return rc;
		} else {
			for (size_t i = 0; i < n; i++)
				v[i] = (int32_t)(uint32_t)chosen_key(rows, c, i);
		}
		for (size_t i = n; i < padded; i++)
			v[i] = v[n - 1]; /* padding repeats the last row: it changes no minimum */
		if (rows->row)
			fm_table_forget(rows->t, 0, rows->t->rows);
	}
	return FM_OK;
}

void fm_gower_rows_close(struct fm_gower_rows *r)
{
	free(r->field[0]);
	*r = (struct fm_gower_rows){0};
}

/* ---- the search ---- */

typedef int32_t lanes __attribute__((vector_size(LANES * sizeof(int32_t)), may_alias));

struct search {
	const struct fm_gower_rows *from, *to;
	int32_t whole; /* the distance of two different values: the number of ranked rows */
	int32_t *distance;
	uint32_t *row; /* or NULL */
};

/* The distances of LANES rows of `to`, from j on, to the row whose fields are q. */
static inline __attribute__((always_inline)) void sums(const struct search *s, const lanes q[FM_GOWER_FIELDS], size_t j,
						       lanes *out)
{
	lanes sum = {0}, same = {0};

	for (int f = 0; f < FM_GOWER_RANKS; f++) {
		lanes d = *(const lanes *)(const void *)(s->to->field[f] + j) - q[f], neg = d < 0;
		sum += (d ^ neg) - neg;
	}
	for (int f = FM_GOWER_RANKS; f < FM_GOWER_FIELDS; f++)
		same += *(const lanes *)(const void *)(s->to->field[f] + j) == q[f]; /* -1 for each equal field */
	*out = sum + (same + NSAME) * s->whole;
}

/* The row of a tile that is at the smallest distance of row i, or FM_GOWER_TIED.  Padding is not looked at. */
static inline __attribute__((always_inline)) uint32_t row_of_tile(const struct search *s, size_t i, size_t tile)
{
	size_t end = tile + TILE < s->to->padded ? tile + TILE : s->to->padded;
	uint32_t found = FM_GOWER_TIED;
	lanes q[FM_GOWER_FIELDS];

	for (int f = 0; f < FM_GOWER_FIELDS; f++)
		q[f] = s->from->field[f][i] - (lanes){0};
	for (size_t j = tile; j < end; j += LANES) {
		lanes here;
		sums(s, q, j, &here);
		here = here == s->distance[i];
		uint64_t any[sizeof here / sizeof(uint64_t)];
		memcpy(any, &here, sizeof here);
		if (!(any[0] | any[1] | any[2] | any[3]))
			continue;
		for (size_t k = 0; k < LANES && j + k < s->to->n; k++) {
			if (!here[k])
				continue;
			if (found != FM_GOWER_TIED)
				return FM_GOWER_TIED;
			found = (uint32_t)(j + k);
		}
	}
	return found;
}

/* QUERIES rows of `from` against all of `to`, a tile at a time.  Integers: the same result whatever the instructions.
 */
static inline __attribute__((always_inline)) void search_block(const struct search *s, size_t first)
{
	size_t last = first + QUERIES < s->from->n ? first + QUERIES : s->from->n;
	size_t best_tile[QUERIES] = {0};
	uint8_t tied[QUERIES] = {0};

	for (size_t i = first; i < last; i++)
		s->distance[i] = INT32_MAX;
	for (size_t tile = 0; tile < s->to->padded; tile += TILE) {
		size_t end = tile + TILE < s->to->padded ? tile + TILE : s->to->padded;
		for (size_t i = first; i < last; i++) {
			lanes q[FM_GOWER_FIELDS], best = INT32_MAX - (lanes){0};
			for (int f = 0; f < FM_GOWER_FIELDS; f++)
				q[f] = s->from->field[f][i] - (lanes){0};
			for (size_t j = tile; j < end; j += LANES) {
				lanes sum;
				sums(s, q, j, &sum);
				lanes less = sum < best;
				best = (sum & less) | (best & ~less);
			}
			int32_t least = best[0];
			for (int k = 1; k < LANES; k++)
				least = best[k] < least ? best[k] : least;
			if (least < s->distance[i]) {
				s->distance[i] = least;
				best_tile[i - first] = tile;
				tied[i - first] = 0;
			} else if (least == s->distance[i]) {
				tied[i - first] = 1;
			}
		}
	}
	for (size_t i = first; s->row && i < last; i++)
		s->row[i] = tied[i - first] ? FM_GOWER_TIED : row_of_tile(s, i, best_tile[i - first]);
}

static void search_plain(void *ctx, int shard, int thread)
{
	(void)thread;
	search_block(ctx, (size_t)shard * QUERIES);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void search_avx2(void *ctx, int shard, int thread)
{
	(void)thread;
	search_block(ctx, (size_t)shard * QUERIES);
}
#endif

void fm_gower_nearest(const struct fm_gower *g, const struct fm_gower_rows *from, const struct fm_gower_rows *to,
		      struct fm_pool *pool, int32_t *distance)
{
	fm_gower_nearest_row(g, from, to, pool, distance, NULL);
}

void fm_gower_nearest_row(const struct fm_gower *g, const struct fm_gower_rows *from, const struct fm_gower_rows *to,
			  struct fm_pool *pool, int32_t *distance, uint32_t *row)
{
	struct search s = {from, to, (int32_t)g->ranked, distance, row};
	void (*search)(void *, int, int) = search_plain;

#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		search = search_avx2;
#endif
	fm_pool_run(pool, (int)((from->n + QUERIES - 1) / QUERIES), search, &s);
}

void fm_gower_merge(const int32_t *d, const uint32_t *at, size_t n, int32_t *distance, uint32_t *row)
{
	for (size_t i = 0; i < n; i++) {
		if (d[i] == distance[i])
			row[i] = FM_GOWER_TIED;
		if (d[i] >= distance[i])
			continue;
		distance[i] = d[i];
		row[i] = at[i];
	}
}

int fm_gower_nearest_of(const struct fm_gower *g, const struct fm_gower_rows *from, const struct fm_gower_among *among,
			struct fm_pool *pool, int32_t *distance, uint32_t *row, struct fm_error *err)
{
	const struct fm_table *t = among->t;
	const struct fm_kept *kept = among->kept && among->kept->kept < t->rows ? among->kept : NULL;
	struct fm_gower_rows to = {0};
	int32_t *d = NULL;
	uint32_t *at = NULL, *of = NULL; /* of: the kept rows of a part */
	int rc;

	if ((rc = fm_alloc(&d, from->n + 1, sizeof *d, "distances", err)) < 0 ||
	    (rc = fm_alloc(&at, from->n + 1, sizeof *at, "distances", err)) < 0)
		goto out;
	if (kept && (rc = fm_alloc(&of, PART, sizeof *of, "a choice of rows", err)) < 0)
		goto out;
	for (size_t i = 0; i < from->n; i++) {
		distance[i] = INT32_MAX;
		row[i] = FM_GOWER_TIED;
	}
	for (size_t first = among->from; first < among->to; first += PART) {
		size_t n = among->to - first < PART ? among->to - first : PART;
		size_t some = kept ? 0 : n;
		for (size_t i = 0; i < n && kept; i++)
			if (fm_kept_has(kept, first + i))
				of[some++] = (uint32_t)(first + i);
		if (some == 0)
			continue;
		if ((rc = fm_gower_code(g, &(struct fm_choice){t, of, first, some}, &to, err)) < 0)
			goto out;
		fm_gower_nearest_row(g, from, &to, pool, d, at);
		for (size_t i = 0; i < from->n; i++)
			if (at[i] != FM_GOWER_TIED)
				at[i] = of ? of[at[i]] : at[i] + (uint32_t)first;
		fm_gower_merge(d, at, from->n, distance, row);
		fm_gower_rows_close(&to);
		fm_table_forget(t, first, first + n);
	}
out:
	fm_gower_rows_close(&to);
	free(d);
	free(at);
	free(of);
	return rc;
}
