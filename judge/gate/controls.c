/* controls.c - the small world, and what the planted generators make from it. */
#include "judge/gate/controls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/rows.h"
#include "base/stats.h"

enum purpose { HALVES = 401, TRAIN_WINDOWS, HOLDOUT_WINDOWS, WHERE, WHICH, NOISE, PERMUTE, RESAMPLE, ONE };

/* ---- the world ---- */

#define RUN 64     /* rows of a window where the table has no windows */
#define ENOUGH 128 /* windows: fewer are cut into shorter ones, so that three tables span the same time */
#define STRATUM 4  /* windows that each table takes from the same stretch of its source */

struct window {
	size_t first, rows;
};

/* Count the windows by the column win, and write them where w is not NULL. */
static size_t number_windows(const struct fm_table *t, struct window *w)
{
	size_t n = 0;

	for (size_t i = 0; i < t->rows; i++) {
		n += i == 0 || t->win[i] != t->win[i - 1];
		if (w && (i == 0 || t->win[i] != t->win[i - 1]))
			w[n - 1] = (struct window){i, 0};
		if (w)
			w[n - 1].rows++;
		fm_table_forget_behind(t, i);
	}
	return n;
}

/* The windows of a table, in order: by its column win, else runs of RUN rows, or shorter ones where there are too few.
 */
static int windows_of(const struct fm_table *t, struct window **out, size_t *n, struct fm_error *err)
{
	size_t run = t->rows / RUN < ENOUGH ? t->rows / ENOUGH : RUN;
	int rc, by_win;

	run = run ? run : 1;
	*n = FM_HAS(t, FM_WIN) ? number_windows(t, NULL) : 0;
	by_win = *n >= ENOUGH;
	if (!by_win)
		*n = (t->rows + run - 1) / run;
	if ((rc = fm_alloc(out, *n + 1, sizeof **out, "the windows of a table", err)) < 0)
		return rc;
	if (by_win)
		number_windows(t, *out);
	for (size_t k = 0; k < *n && !by_win; k++)
		(*out)[k] = (struct window){k * run, t->rows - k * run < run ? t->rows - k * run : run};
	return FM_OK;
}

/* Take the first rows of some windows, `quota` rows in all, spread evenly as far as each window has them.  of: the
 * window of each row. */
static size_t take_rows(const struct window *w, const uint32_t *pick, size_t n, size_t quota, uint32_t *row,
			uint32_t *of)
{
	size_t got = 0;

	for (size_t k = 0; k < n; k++) {
		size_t want = quota * (k + 1) / n - quota * k / n;
		for (size_t i = 0; i < want && i < w[pick[k]].rows; i++) {
			of[got] = pick[k];
			row[got++] = (uint32_t)(w[pick[k]].first + i);
		}
	}
	return got;
}

static struct fm_rng draws_of(uint64_t seed, enum purpose purpose, size_t stratum)
{
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_JUDGE, (uint64_t)purpose, (uint32_t)stratum);
	return r;
}

/* Draw n of the numbers from .. to - 1 into pick, the others into rest (or NULL), both rising. */
static void draw(struct fm_rng r, size_t from, size_t to, size_t n, uint32_t *pick, uint32_t *rest)
{
	for (size_t i = from; i < to; i++) {
		if (n && fm_rng_below(&r, (uint32_t)(to - i)) < n) {
			*pick++ = (uint32_t)i;
			n--;
		} else if (rest) {
			*rest++ = (uint32_t)i;
		}
	}
}

struct taken {
	const struct fm_table *t;
	const uint32_t *row, *of; /* (n); of: their windows, or NULL */
	size_t n;
};

/* The rows as a new table with the category codes of `like`, and with their windows where these are given. */
static int take_like(struct fm_table **out, const struct taken *from, const struct fm_table *like, unsigned present,
		     struct fm_error *err)
{
	const struct fm_table *t = from->t;
	size_t n = from->n;
	struct fm_table *s = NULL;
	int rc;

	present |= from->of ? 1u << FM_WIN : 0;
	if ((rc = fm_table_new(&s, present, err)) < 0 || (rc = fm_table_reserve(s, n ? n : 1, err)) < 0)
		goto out;
	for (int c = 0; c < FM_NCOL; c++)
		if (FM_HAS(s, c) && fm_cols[c].kind == FM_KIND_CATEGORY &&
		    (rc = fm_dict_copy(&s->dict[c], &like->dict[c], err)) < 0)
			goto out;
	for (size_t i = 0; i < n; i++) {
		if ((rc = fm_table_append(s, t, from->row[i], err)) < 0)
			goto out;
		if ((i + 1) % 1024 == 0)
			fm_table_forget(t, 0, t->rows);
	}
	if (from->of)
		memcpy(s->win, from->of, n * sizeof *from->of);
	*out = s;
	s = NULL;
out:
	fm_table_free(s);
	return rc;
}

/* Assign windows: `each` of them to each of the three tables, in strata of STRATUM. */
static void assign(uint64_t seed, size_t ntrain, size_t nholdout, size_t each, uint32_t *train, uint32_t *holdout,
		   uint32_t *fresh)
{
	uint32_t both[2 * STRATUM], half[2 * STRATUM];
	size_t strata = each / STRATUM;

	for (size_t s = 0; s < strata; s++) {
		size_t at = s * STRATUM, from = ntrain * s / strata, to = ntrain * (s + 1) / strata;
		draw(draws_of(seed, TRAIN_WINDOWS, s), from, to, STRATUM, train + at, NULL);
		from = nholdout * s / strata;
		to = nholdout * (s + 1) / strata;
		draw(draws_of(seed, HOLDOUT_WINDOWS, s), from, to, 2 * STRATUM, both, NULL);
		draw(draws_of(seed, HALVES, s), 0, 2 * STRATUM, STRATUM, half, half + STRATUM);
		for (size_t k = 0; k < STRATUM; k++) {
			fresh[at + k] = both[half[k]];
			holdout[at + k] = both[half[STRATUM + k]];
		}
	}
}

void fm_control_world_free(struct fm_control_world *w)
{
	fm_table_free(w->train);
	fm_table_free(w->holdout);
	fm_table_free(w->fresh);
	*w = (struct fm_control_world){0};
}

static int double_table(struct fm_table **out, const struct fm_table *t, size_t rows, struct fm_error *err)
{
	uint32_t *row = NULL;
	int rc;

	if ((rc = fm_alloc(&row, rows + 1, sizeof *row, "a choice of rows", err)) < 0)
		return rc;
	for (size_t i = 0; i < rows; i++)
		row[i] = (uint32_t)(i / RUN * RUN + i % RUN / 2);
	if ((rc = fm_table_take(out, t, row, rows, err)) < 0)
		goto out;
	for (size_t i = 1; i < rows && FM_HAS(*out, FM_TE); i += 2)
		(*out)->te[i] += 1000;
out:
	free(row);
	return rc;
}

int fm_control_world_double(struct fm_control_world *twice, const struct fm_control_world *w, struct fm_error *err)
{
	int rc;

	*twice = (struct fm_control_world){.rows = w->rows};
	if ((rc = double_table(&twice->train, w->train, w->rows, err)) < 0 ||
	    (rc = double_table(&twice->holdout, w->holdout, w->rows, err)) < 0 ||
	    (rc = double_table(&twice->fresh, w->fresh, w->rows, err)) < 0)
		fm_control_world_free(twice);
	return rc;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

bool fm_controls_enough(uint64_t train, uint64_t holdout)
{
	return train / STRATUM * STRATUM >= FM_CONTROLS_MIN && holdout / 2 / STRATUM * STRATUM >= FM_CONTROLS_MIN;
}

int fm_control_world_subsample(struct fm_control_world *w, const struct fm_table *train, const struct fm_table *holdout,
			       size_t max_rows, uint64_t seed, struct fm_error *err)
{
	unsigned present = train->present & holdout->present & FM_COLS_UGR16;
	struct window *tw = NULL, *hw = NULL;
	uint32_t *pick = NULL, *row = NULL, *of;
	size_t nt, nh, each, n[3];
	int rc;

	*w = (struct fm_control_world){0};
	if (train->rows > UINT32_MAX || holdout->rows > UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "controls cannot be drawn from 2^32 rows or more");
	if (!fm_controls_enough(train->rows, holdout->rows))
		return FM_OK;
	if ((rc = windows_of(train, &tw, &nt, err)) < 0 || (rc = windows_of(holdout, &hw, &nh, err)) < 0)
		goto out;
	max_rows = smallest(max_rows, train->rows, holdout->rows / 2);
	each = smallest(nt, nh / 2, max_rows) / STRATUM * STRATUM;
	if (each == 0)
		goto out;
	if ((rc = fm_alloc(&pick, 3 * each, sizeof *pick, "a choice of windows", err)) < 0 ||
	    (rc = fm_alloc(&row, 6 * max_rows, sizeof *row, "a choice of rows", err)) < 0)
		goto out;
	of = row + 3 * max_rows;
	assign(seed, nt, nh, each, pick, pick + each, pick + 2 * each);
	n[0] = take_rows(tw, pick, each, max_rows, row, of);
	n[1] = take_rows(hw, pick + each, each, max_rows, row + max_rows, of + max_rows);
	n[2] = take_rows(hw, pick + 2 * each, each, max_rows, row + 2 * max_rows, of + 2 * max_rows);
	w->rows = smallest(n[0], n[1], n[2]);
	if (w->rows < FM_CONTROLS_MIN) {
		w->rows = 0;
		goto out;
	}
	if ((rc = take_like(&w->train, &(struct taken){train, row, of, w->rows}, train, present, err)) < 0 ||
	    (rc = take_like(&w->holdout, &(struct taken){holdout, row + max_rows, of + max_rows, w->rows}, train,
			    present, err)) < 0)
		goto out;
	if ((rc = take_like(&w->fresh, &(struct taken){holdout, row + 2 * max_rows, NULL, w->rows}, train, present,
			    err)) < 0)
		goto out;
	rc = fm_tables_share_addresses((struct fm_table *const[]){w->train, w->holdout, w->fresh}, 3, err);
out:
	if (rc < 0)
		fm_control_world_free(w);
	free(tw);
	free(hw);
	free(pick);
	free(row);
	return rc;
}

/* ---- rows and columns by number ---- */

static void set_cell(struct fm_table *t, int c, size_t i, uint64_t v)
{
	switch (fm_cols[c].width) {
	case 2:
		((uint16_t *)t->col[c])[i] = (uint16_t)v;
		break;
	case 4:
		((uint32_t *)t->col[c])[i] = (uint32_t)v;
		break;
	default:
		((uint64_t *)t->col[c])[i] = v;
	}
}

/* Copy row j of `from` over row i of t, except the columns in `keep`.  Both must have the same codes of categories and
 * addresses. */
static void copy_row(struct fm_table *t, size_t i, const struct fm_table *from, size_t j, unsigned keep)
{
	for (int c = 0; c < FM_NFLOWCOL; c++)
		if (FM_HAS(t, c) && !(keep >> c & 1u))
			set_cell(t, c, i, fm_table_value(from, c, j));
}

/* ---- the generators ---- */

#define IDS (1u << FM_TE | 1u << FM_SA | 1u << FM_DA)

static int plant_copies(struct fm_table *t, const struct fm_control_world *w, double level, unsigned keep,
			uint64_t seed, struct fm_error *err)
{
	size_t n = (size_t)llround(level * (double)w->rows);
	uint32_t *at = NULL;
	int rc;

	n = n < 1 ? 1 : n > w->rows ? w->rows : n;
	if ((rc = fm_alloc(&at, 2 * n, sizeof *at, "a choice of rows", err)) < 0)
		return rc;
	fm_rows_choose(seed, WHERE, w->rows, n, at);
	fm_rows_choose(seed, WHICH, w->rows, n, at + n);
	for (size_t i = 0; i < n; i++)
		copy_row(t, at[i], w->train, at[n + i], keep);
	free(at);
	return FM_OK;
}

/* A count with relative noise, rounded at random, so that small noise sometimes moves small counts.
 */
static uint64_t noisy(uint64_t v, double level, double most, struct fm_rng *r)
{
	double x = (double)v * (1.0 + level * fm_draw_normal(r)) + fm_rng_uniform53(r);

	return x < 1 ? (v ? 1 : 0) : x > most ? (uint64_t)most : (uint64_t)x;
}

static void plant_noise(struct fm_table *t, const struct fm_control_world *w, double level, uint64_t seed)
{
	int64_t lo = INT64_MAX, hi = INT64_MIN;

	for (size_t i = 0; i < w->rows && FM_HAS(t, FM_TE); i++) {
		lo = w->train->te[i] < lo ? w->train->te[i] : lo;
		hi = w->train->te[i] > hi ? w->train->te[i] : hi;
	}
	for (size_t i = 0; i < w->rows; i++) {
		struct fm_rng r;

		fm_rng_init(&r, seed, FM_RNG_JUDGE, i, NOISE);
		copy_row(t, i, w->train, i, 0);
		if (FM_HAS(t, FM_TE)) { /* whole seconds, as the source has them; some seconds even of a short trace */
			double step = level * (double)(hi - lo) / 1000.0;
			t->te[i] += 1000 * llround((step > 1 ? step : 1) * fm_draw_normal(&r));
		}
		if (FM_HAS(t, FM_TD))
			t->td[i] = (uint32_t)noisy(t->td[i], level, 4294967295.0, &r);
		if (FM_HAS(t, FM_PKT))
			t->pkt[i] = noisy(t->pkt[i], level, 9e15, &r);
		if (FM_HAS(t, FM_BYT))
			t->byt[i] = noisy(t->byt[i], level, 9e15, &r);
	}
}

struct extreme {
	double score;
	uint32_t row;
};

static int by_score(const void *a, const void *b)
{
	const struct extreme *x = a, *y = b;

	return x->score != y->score ? (x->score < y->score ? 1 : -1) : (x->row > y->row) - (x->row < y->row);
}

/* A row is the farther out the larger the sum of its deviations, by the logarithms of duration, packets and bytes.
 */
static int plant_outliers(struct fm_table *t, const struct fm_control_world *w, double level, uint64_t seed,
			  struct fm_error *err)
{
	static const int columns[] = {FM_TD, FM_PKT, FM_BYT};
	size_t n = w->rows < (size_t)level ? w->rows : (size_t)level;
	struct extreme *e = NULL;
	uint32_t at[64];
	int rc;

	n = n > 64 ? 64 : n;
	if ((rc = fm_alloc(&e, w->rows, sizeof *e, "outliers", err)) < 0)
		return rc;
	for (size_t i = 0; i < w->rows; i++)
		e[i].row = (uint32_t)i;
	for (int k = 0; k < 3; k++) {
		double sum = 0, squares = 0, rows = (double)w->rows;
		if (!FM_HAS(t, columns[k]))
			continue;
		for (size_t i = 0; i < w->rows; i++) {
			double v = log1p((double)fm_table_value(w->train, columns[k], i));
			sum += v;
			squares += v * v;
		}
		double mean = sum / rows, deviation = sqrt(fmax(squares / rows - mean * mean, 1e-12));
		for (size_t i = 0; i < w->rows; i++)
			e[i].score += (log1p((double)fm_table_value(w->train, columns[k], i)) - mean) / deviation;
	}
	qsort(e, w->rows, sizeof *e, by_score);
	fm_rows_choose(seed, WHERE, w->rows, n, at);
	for (size_t i = 0; i < n; i++)
		copy_row(t, at[i], w->train, e[i].row, 0);
	free(e);
	return FM_OK;
}

static void plant_one_row(struct fm_table *t, const struct fm_control_world *w, uint64_t seed)
{
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_JUDGE, ONE, 0);
	uint32_t j = fm_rng_below(&r, (uint32_t)w->rows);
	for (size_t i = 0; i < w->rows; i++)
		copy_row(t, i, w->train, j, 0);
}

static void plant_independent(struct fm_table *t, const struct fm_control_world *w, uint64_t seed)
{
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		struct fm_rng r;
		fm_rng_init(&r, seed, FM_RNG_JUDGE, (uint64_t)c, RESAMPLE);
		for (size_t i = 0; i < w->rows && FM_HAS(t, c); i++)
			set_cell(t, c, i, fm_table_value(w->train, c, fm_rng_below(&r, (uint32_t)w->rows)));
	}
}

static void plant_shuffled(struct fm_table *t, const struct fm_control_world *w, uint64_t seed)
{
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		struct fm_rng r;
		fm_rng_init(&r, seed, FM_RNG_JUDGE, (uint64_t)c, PERMUTE);
		for (size_t i = w->rows - 1; i > 0 && FM_HAS(t, c); i--) { /* shuffle by Fisher and Yates */
			size_t j = fm_rng_below(&r, (uint32_t)i + 1);
			uint64_t v = fm_table_value(t, c, i);
			set_cell(t, c, i, fm_table_value(t, c, j));
			set_cell(t, c, j, v);
		}
	}
}

static int plant_constant(struct fm_table *t, const struct fm_control_world *w, struct fm_error *err)
{
	uint64_t *key = NULL;
	int rc;

	if ((rc = fm_alloc(&key, w->rows, sizeof *key, "the values of a column", err)) < 0)
		return rc;
	for (int c = 0; c < FM_NFLOWCOL; c++) {
		size_t best = 0, run = 0;
		uint64_t mode = 0;
		if (!FM_HAS(t, c))
			continue;
		for (size_t i = 0; i < w->rows; i++)
			key[i] = fm_table_value(w->train, c, i);
		if ((rc = fm_sort_u64(key, NULL, w->rows, err)) < 0)
			goto out;
		for (size_t i = 0; i < w->rows; i++) {
			run = i && key[i] == key[i - 1] ? run + 1 : 1;
			if (run > best) {
				best = run;
				mode = key[i];
			}
		}
		for (size_t i = 0; i < w->rows; i++)
			set_cell(t, c, i, mode);
	}
out:
	free(key);
	return rc;
}

int fm_control_plant(const struct fm_control *c, const struct fm_control_world *w, uint64_t seed, struct fm_table **out,
		     struct fm_error *err)
{
	struct fm_table *t = NULL;
	uint32_t *all = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&all, w->rows, sizeof *all, "a choice of rows", err)) < 0)
		return rc;
	for (size_t i = 0; i < w->rows; i++)
		all[i] = (uint32_t)i;
	rc = fm_table_take(&t, w->fresh, all, w->rows, err);
	free(all);
	if (rc < 0)
		return rc;
	switch (c->make) {
	case FM_CONTROL_COPY:
		rc = plant_copies(t, w, c->level, 0, seed, err);
		break;
	case FM_CONTROL_COPY_FRESH_IDS:
	case FM_CONTROL_COPY_DOUBLED: /* the world is already doubled */
		rc = plant_copies(t, w, c->level, IDS, seed, err);
		break;
	case FM_CONTROL_NOISE:
		plant_noise(t, w, c->level, seed);
		break;
	case FM_CONTROL_OUTLIERS:
		rc = plant_outliers(t, w, c->level, seed, err);
		break;
	case FM_CONTROL_ONE_ROW:
		plant_one_row(t, w, seed);
		break;
	case FM_CONTROL_INDEPENDENT:
		plant_independent(t, w, seed);
		break;
	case FM_CONTROL_SHUFFLED:
		plant_shuffled(t, w, seed);
		break;
	case FM_CONTROL_CONSTANT:
		rc = plant_constant(t, w, err);
		break;
	case FM_CONTROL_FRESH:
		break;
	}
	if (rc < 0) {
		fm_table_free(t);
		t = NULL;
	}
	*out = t;
	return rc;
}
