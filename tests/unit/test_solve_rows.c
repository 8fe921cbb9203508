/*
 * Promise: from all that a release publishes together nobody can tell how many real flows there are: behind it stand as
 * many sizes of the trace as privacy.min_count, and as many of the training split.
 *
 * An attacker who has the program runs it on traces of his own and learns how each number comes about: which tables a
 * metric's n counts, which metrics are shares of how many rows, which intervals are Wilson's, which table a histogram
 * counts.  Then he takes what one release publishes and tries every size of the trace.
 */
#include "judge_fixture.h"

#include <limits.h>

#include "base/stats.h"
#include "judge/gate/check.h"
#include "manifests/canon.h"
#include "manifests/config.h"
#include "manifests/registry.h"
#include "model/generator.h"
#include "report/report.h"
#include "stages/judged_rows.h"
#include "stages/membership.h"
#include "stages/stage.h"
#include "tests/unit/scratch.h"
#include "traces/simulate/simulate.h"
#include "traces/split.h"

/* Traces; each is released with and without histograms. */
static const uint64_t traces[] = {4000, 4300, 4700, 5500, 10000, 30000};
enum { TRIALS = sizeof traces / sizeof *traces, MOST = 512 };

/* What a trace of so many windows comes to: all that a number can count, as rows and then as windows, of which the
 * model is asked about some at most. */
enum { TRAIN, HOLDOUT, JUDGED_TRAIN, JUDGED_HOLDOUT, MADE, NROWS, NSIZES = 2 * NROWS };

struct trial {
	const struct fm_config *cfg;
	uint64_t windows;
	double size[NSIZES];
	struct fm_metrics raw;
	json_t *metrics, *histograms, *verdict;
};

/* The sizes of a trace of that many windows. */
static void sizes_of(const struct fm_config *cfg, uint64_t windows, double size[NSIZES])
{
	struct fm_splitter s;
	uint8_t split[FM_SPLIT_BLOCK];
	uint64_t count[FM_NSPLIT];

	fm_splitter_init(&s, cfg->split.validation, cfg->split.holdout, cfg->split.seed);
	for (uint64_t left = windows, n; left > 0; left -= n) {
		n = left < FM_SPLIT_BLOCK ? left : FM_SPLIT_BLOCK;
		fm_splitter_block(&s, n, split);
	}
	size[TRAIN] = (double)s.count[FM_SPLIT_TRAIN] * cfg->model.window;
	size[HOLDOUT] = (double)s.count[FM_SPLIT_HOLDOUT] * cfg->model.window;
	size[MADE] = (double)fm_generator_rows(cfg, 0, (uint64_t)size[TRAIN]);
	fm_judged_windows(cfg, s.count[FM_SPLIT_TRAIN], count);
	size[JUDGED_TRAIN] = (double)count[FM_SPLIT_TRAIN] * cfg->model.window;
	size[JUDGED_HOLDOUT] = (double)count[FM_SPLIT_HOLDOUT] * cfg->model.window;
	for (int x = 0; x < NROWS; x++)
		size[NROWS + x] = fmin(size[x] / cfg->model.window, FM_MEMBERSHIP_WINDOWS);
}

/* ---- forms: how a number of rows comes from the sizes ---- */

enum { NFORMS = NSIZES * NSIZES * 4 };

/* x, 2x, x/2, x+y, min(x,y), 2 min(x,y), xy/(x+y) */
static double form(int f, const double size[NSIZES])
{
	double x = size[f % NSIZES], y = size[f / NSIZES % NSIZES], less = x < y ? x : y;

	switch (f / NSIZES / NSIZES) {
	case 0:
		return less;
	case 1:
		return 2 * less;
	case 2:
		return x + y;
	default:
		return x * y / (x + y);
	}
}

/* ---- releases ---- */

/* A trace from ingest to what is published of it. */
static void trial_make(struct trial *t, const struct fm_config *cfg, uint64_t rows, uint64_t seed)
{
	const char *path = scratch_path("trace.csv");
	struct fm_evaluate_in in = {.cfg = cfg,
				    .train_dir = scratch_path("train"),
				    .holdout_dir = scratch_path("holdout"),
				    .synthetic_dir = scratch_path("synthetic"),
				    .model_dir = scratch_path("model"),
				    .store_json = scratch_path("store.json"),
				    .out_dir = scratch};
	struct fm_train_in learning = {.cfg = cfg,
				       .train_dir = in.train_dir,
				       .validation_dir = scratch_path("validation"),
				       .store_json = in.store_json,
				       .out_dir = in.model_dir};
	struct fm_evaluate_out out;
	struct fm_simulate_out simulated;
	struct fm_ingest_out ingested;
	struct fm_train_out learned;
	struct fm_generate_out made;
	struct fm_error err;
	json_t *list, *doc = NULL, *controls = NULL;
	struct fm_verdict v = {0};

	OK(fm_simulate(&(struct fm_simulate_in){.rows = rows, .seed = seed, .out = path, .threads = 1}, &simulated,
		       &err));
	OK(fm_stage_ingest(&(struct fm_ingest_in){cfg, path, scratch, NULL, NULL}, &ingested, &err));
	*t = (struct trial){.cfg = cfg, .windows = ingested.windows};
	sizes_of(cfg, ingested.windows, t->size);
	assert_true(t->size[TRAIN] == (double)ingested.train_rows);
	assert_true(t->size[HOLDOUT] == (double)ingested.holdout_rows);
	mkdir(in.model_dir, 0700); /* or it is there */
	mkdir(in.synthetic_dir, 0700);
	OK(fm_stage_train(&learning, &learned, &err));
	OK(fm_stage_generate(
	    &(struct fm_generate_in){.cfg = cfg, .model_dir = in.model_dir, .out_dir = in.synthetic_dir}, &made, &err));
	assert_true(t->size[MADE] == (double)made.rows);
	OK(fm_stage_evaluate(&in, &out, &err));
	t->raw = out.metrics;
	list = fm_metrics_list(&t->raw);
	OK(fm_report_metrics(list, "histograms", cfg->privacy.min_count, cfg->model.window, &t->metrics, &err));
	OK(fm_json_load(&doc, scratch_path("histograms.json"), 1u << 24, &err));
	OK(fm_report_histograms(doc, true, cfg->privacy.min_count, &t->histograms, &err));
	if (fm_config_controls(cfg))
		OK(fm_json_load(&controls, scratch_path("controls.json"), 1u << 24, &err));
	OK(fm_gate_judge(&(struct fm_gate_in){.cfg = cfg}, &t->raw, controls, &v, &err));
	t->verdict = fm_verdict_json(&v);
	fm_verdict_free(&v);
	json_decref(list);
	json_decref(doc);
	json_decref(controls);
}

static void trial_free(struct trial *t)
{
	fm_metrics_free(&t->raw);
	json_decref(t->metrics);
	json_decref(t->histograms);
	json_decref(t->verdict);
}

/* ---- what the attacker learns of traces of his own ---- */

/* Of a metric: the form of a number, -1: none, and of which trials it holds, a bit each. */
struct form {
	int form;
	unsigned holds;
};
/* The forms of its n, of what it is a share of, and of the rows of its interval. */
struct lesson {
	char name[64];
	struct form n, share, wilson;
};

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static bool is_n(const struct fm_metric *m, double n)
{
	return near((double)m->n, floor(n));
}

/* Is it a whole number over n, and would hardly be by chance? */
static bool is_share(const struct fm_metric *m, double n)
{
	double a = m->value * n;

	return m->value > 0 && m->value < 1 && 1e-4 * a < 0.2 && fabs(a - nearbyint(a)) <= 0.51e-4 * a + 1e-9;
}

static bool is_wilson(const struct fm_metric *m, double n)
{
	double lo, hi;

	if (!isfinite(m->ci_lo) || !(m->value > 0))
		return false;
	fm_wilson(m->value * n, n, &lo, &hi);
	return fabs(lo - m->ci_lo) <= 1e-4 * m->value && fabs(hi - m->ci_hi) <= 1e-4 * m->value;
}

/* Of a metric in a trial: whether it may have such a number. */
static bool may(const struct fm_metric *m, bool (*fits)(const struct fm_metric *, double))
{
	return m && isfinite(m->value) &&
	       (fits == is_n || (m->value > 0 && m->value < 1 && (fits != is_wilson || isfinite(m->ci_lo))));
}

/* The form that fits in all trials where the metric has such a number, or in all but one: the largest may be too large
 * for a judge to take all of it.  There must be a few. */
static struct form learn(const struct trial *t, const char *name, bool (*fits)(const struct fm_metric *, double))
{
	const struct fm_metric *m[TRIALS];
	struct form best = {-1, 0};
	int fewest = 2, seen = 0;

	for (int k = 0; k < TRIALS; k++) {
		m[k] = fm_metrics_find(&t[k].raw, name);
		m[k] = may(m[k], fits) ? m[k] : NULL;
		seen += m[k] != NULL;
	}
	for (int f = 0; f < NFORMS && fewest > 0; f++) {
		struct form one = {f, 0};
		int other = 0;

		for (int k = 0; k < TRIALS; k++) {
			if (!m[k])
				continue;
			if (fits(m[k], form(f, t[k].size)))
				one.holds |= 1u << k;
			else
				other++;
		}
		if (other < fewest && seen - other >= TRIALS - 2) {
			fewest = other;
			best = one;
		}
	}
	return best;
}

static size_t learn_all(const struct trial *t, struct lesson *l)
{
	size_t n = 0, counts[3] = {0};

	for (size_t i = 0; i < t[0].raw.n && n < MOST; i++, n++) {
		struct lesson *x = &l[n];

		snprintf(x->name, sizeof x->name, "%s", t[0].raw.m[i].name);
		x->n = learn(t, x->name, is_n);
		x->share = learn(t, x->name, is_share);
		x->wilson = learn(t, x->name, is_wilson);
		counts[0] += x->n.form >= 0;
		counts[1] += x->share.form >= 0;
		counts[2] += x->wilson.form >= 0;
	}
	printf("# of %zu metrics: n of %zu, shares %zu, intervals %zu are understood\n", n, counts[0], counts[1],
	       counts[2]);
	return n;
}

/* ---- what the attacker does ---- */

static const json_t *named(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "name")), name) == 0)
			return json_array_get(list, i);
	return NULL;
}

/* The least and the greatest number, of five digits, that would be published as v. */
static void before_rounding(const char *name, double v, double *lo, double *hi)
{
	double step = fabs(v) + 1;

	for (int i = 0; i < 60; i++, step /= 2) { /* the largest that changes nothing on either side */
		if (near(fm_metric_published(name, v + step), v) && near(fm_metric_published(name, v - step), v))
			break;
	}
	*lo = v - 2 * step - 0.51e-4 * fabs(v);
	*hi = v + 2 * step + 0.51e-4 * fabs(v);
}

static bool share_fits(const char *name, double v, double n)
{
	double lo, hi;

	before_rounding(name, v, &lo, &hi);
	return floor(hi * n + 1e-6) >= ceil(lo * n - 1e-6);
}

static bool wilson_fits(const char *name, double v, const json_t *ci, double n)
{
	double end[2], lo, hi, x, y;

	before_rounding(name, v, &lo, &hi);
	for (int k = 0; k < 2; k++)
		end[k] = json_number_value(json_array_get(ci, (size_t)k));
	for (int i = 0; i <= 100; i++) {
		double p = fmin(1, fmax(0, lo + (hi - lo) * i / 100)), a, b;

		fm_wilson(p * n, n, &x, &y);
		before_rounding(name, end[0], &a, &b);
		if (x < a || x > b)
			continue;
		before_rounding(name, end[1], &a, &b);
		if (y >= a && y <= b)
			return true;
	}
	return false;
}

/* A published entry, of a metric or a check: could it come from these sizes? */
static bool entry_fits(const json_t *o, const struct lesson *l, const struct trial *t, unsigned trial,
		       const double size[NSIZES])
{
	const json_t *value = json_object_get(o, "value"), *ci = json_object_get(o, "ci");
	double v = json_number_value(value);
	int64_t n = json_integer_value(json_object_get(o, "n"));

	if (l->n.holds & trial && fm_metric_published_rows(l->name, (int64_t)form(l->n.form, size), (int64_t)size[MADE],
							   t->cfg->privacy.min_count, t->cfg->model.window) != n)
		return false;
	if (!json_is_number(value) || fm_metric_audience(l->name) & FM_REAL_ROWS)
		return true;
	if (l->share.holds & trial && v > 0 && v < 1 && !share_fits(l->name, v, form(l->share.form, size)))
		return false;
	return !(l->wilson.holds & trial) || !ci || wilson_fits(l->name, v, ci, form(l->wilson.form, size));
}

/* The rows that a field of the histograms counts, as far as they are told. */
static void rows_of_field(const json_t *field, int64_t k, double *lo, double *hi)
{
	const json_t *real = json_object_get(field, "real");
	bool ranks = strcmp(json_string_value(json_object_get(field, "kind")), "ranks") == 0;

	*lo = *hi = 0;
	for (size_t i = 0; i < json_array_size(real); i++) {
		int64_t v = json_integer_value(json_array_get(real, i)), unit = k;

		while (v / unit >= 100)
			unit *= 10;
		*lo += (double)v;
		*hi += (double)(v + unit - 1);
		if (ranks && i < 62 && (INT64_C(1) << i) < k)
			*hi = INFINITY;
	}
}

/* Which of the sizes does that field count, in all trials? */
static int counted(const struct trial *t, const char *field)
{
	for (int x = 0; x < NSIZES; x++) {
		int others = 0;

		for (int k = 0; k < TRIALS; k++) {
			double lo, hi;

			rows_of_field(named(json_object_get(t[k].histograms, "fields"), field),
				      t[k].cfg->privacy.min_count, &lo, &hi);
			others += !(hi >= lo && t[k].size[x] >= lo && t[k].size[x] <= hi);
		}
		if (others == 0)
			return x;
	}
	return -1;
}

static bool histograms_fit(const struct trial *all, const struct trial *t, const double size[NSIZES])
{
	const json_t *fields = json_object_get(t->histograms, "fields");

	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i);
		const char *kind = json_string_value(json_object_get(f, "kind"));
		int x;
		double lo, hi;

		/* of these each cell is a row, and all rows are in one */
		if ((strcmp(kind, "bins") != 0 && strcmp(kind, "values") != 0) ||
		    strlen(json_string_value(json_object_get(f, "name"))) > 3 ||
		    (x = counted(all, json_string_value(json_object_get(f, "name")))) < 0)
			continue;
		rows_of_field(f, t->cfg->privacy.min_count, &lo, &hi);
		if (size[x] < lo || size[x] > hi)
			return false;
	}
	return true;
}

/* Could a trace of these sizes have given this release? */
static bool possible(const struct trial *all, const struct trial *t, const struct lesson *l, size_t nlessons,
		     const double size[NSIZES], bool histograms)
{
	const json_t *checks = json_object_get(t->verdict, "checks");
	int64_t told = json_integer_value(json_object_get(t->verdict, "control_rows"));

	if (!near(size[MADE], t->size[MADE]))
		return false;
	for (size_t i = 0; i < nlessons; i++) {
		const json_t *m = named(t->metrics, l[i].name), *c = named(checks, l[i].name);

		if (!histograms && !fm_report_shows("metrics", l[i].name))
			m = NULL;
		if ((m && !entry_fits(m, &l[i], t, 1u << (t - all), size)) ||
		    (c && !entry_fits(c, &l[i], t, 1u << (t - all), size)))
			return false;
	}
	/* half of the holdout, unless fewer are asked for; rounded down by less than a third */
	if (told > 0 && (2 * (double)told > size[JUDGED_HOLDOUT] ||
			 (told < t->cfg->gate.control_rows && 3.0 * (double)told + 4.0 * 64 < size[JUDGED_HOLDOUT])))
		return false;
	return !histograms || histograms_fit(all, t, size);
}

/* How many numbers of training windows are open; 0 where the attacker is wrong. */
static long solve(const struct trial *all, const struct trial *t, const struct lesson *l, size_t nlessons,
		  bool histograms)
{
	long traces_open = 0, train = 0, holdout = 0;
	double last[2] = {0, 0}, size[NSIZES];
	bool own = false;

	for (uint64_t w = t->windows > 400 ? t->windows - 400 : 1; w < t->windows + 400; w++) {
		sizes_of(t->cfg, w, size);
		if (!possible(all, t, l, nlessons, size, histograms))
			continue;
		own |= w == t->windows;
		traces_open++;
		train += size[TRAIN] > last[0];
		holdout += size[HOLDOUT] > last[1];
		last[0] = size[TRAIN];
		last[1] = size[HOLDOUT];
	}
	printf("# %llu windows%s: open are %ld numbers of them, %ld of training and %ld of holdout\n",
	       (unsigned long long)t->windows, histograms ? ", with histograms" : "", traces_open, train, holdout);
	return own ? train : 0;
}

static void nobody_solves_for_the_number_of_rows(void **state)
{
	static const char *const quick[] = {"gate.control_rows=100", "train.threads=1", "train.steps=5",
					    "model.width=32",        "model.heads=2",   "generate.steps=4"};
	static struct lesson l[MOST];
	struct trial t[TRIALS];
	struct fm_config *cfg = NULL;
	struct fm_error err;
	long least = LONG_MAX, open;
	size_t n;

	(void)state;
	OK(fm_config_preset(&cfg, "demo", quick, 6, &err));
	for (int k = 0; k < TRIALS; k++)
		trial_make(&t[k], cfg, traces[k], (uint64_t)k + 1);
	n = learn_all(t, l);
	for (int k = 0; k < TRIALS; k++)
		for (int histograms = 0; histograms < 2; histograms++)
			open = solve(t, &t[k], l, n, histograms), least = open < least ? open : least;
	for (int k = 0; k < TRIALS; k++)
		trial_free(&t[k]);
	assert_true(least >= cfg->privacy.min_count);
	fm_config_free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_solves_for_the_number_of_rows)};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
