/*
 * make_leak_power.c [SHAPE:]TRACE DIALECT TRAIN HOLDOUT ROWS REPEATS SEED [GENERATOR[/DISGUISE]...] - how often each
 * planted generator (leak_planted.h) is refused by the leakage checks, over REPEATS splits of the trace, the first of
 * them with SEED and the next with the number after: for tests/long_leak_power.sh.
 *
 * SHAPE: doubled (each flow stands there twice), half (half of them do), second (each does, the copy a second later) or
 * halfsecond.
 *
 * Prints a line a generator, tab-separated: its name, repeats, the share refused (leak.rows_equal over 0 or
 * leak.family_p below FM_LEAKAGE_ALPHA), the same without leak.rows_equal, then of each test of the family the median
 * of z and how often it alone was over its level.  With FM_POWER_VERBOSE set, every repeat's metrics too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "leak_planted.h"
#include "manifests/dialect.h"
#include "manifests/metrics.h"
#include "traces/trace.h"

static const struct test {
	const char *name, *columns;
	double share;
} tests[] = {
    {"unique", "_no_time", FM_LEAK_SHARE_UNIQUE / 4},      {"unique", "_no_addr_time", FM_LEAK_SHARE_UNIQUE},
    {"lone", "_no_time", FM_LEAK_SHARE_LONE / 4},          {"lone", "_no_addr_time", FM_LEAK_SHARE_LONE},
    {"solitary", "_no_addr_time", FM_LEAK_SHARE_SOLITARY}, {"isolated", "_no_addr_time", FM_LEAK_SHARE_ISOLATED},
    {"extreme", "_no_addr_time", FM_LEAK_SHARE_EXTREME},   {"attached", "_no_addr_time", FM_LEAK_SHARE_ATTACHED},
    {"attached", "_sizes", FM_LEAK_SHARE_ATTACHED},        {"nearer", "", FM_LEAK_SHARE_NEARER},
    {"nearer", "_no_addr_time", FM_LEAK_SHARE_NEARER},     {"nearer", "_sizes", FM_LEAK_SHARE_NEARER},
};
enum { NTESTS = sizeof tests / sizeof *tests };

static void die(const struct fm_error *err)
{
	fprintf(stderr, "leak_power: %s\n", err->message);
	exit(fm_exit_status(err->code));
}

static double value(const struct fm_metrics *m, const char *name, const char *what, const char *columns)
{
	char full[64];

	snprintf(full, sizeof full, "leak.%s%s%s", name, what, columns);
	const struct fm_metric *found = fm_metrics_find(m, full);
	return found ? found->value : NAN;
}

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static const struct shape {
	const char *name;
	double share;
	int64_t delay;
} shapes[] = {{"doubled:", 1, 0}, {"half:", 0.5, 0}, {"second:", 1, 1000}, {"halfsecond:", 0.5, 1000}};

static const struct shape *shape_of(const char **path)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (strncmp(*path, shapes[i].name, strlen(shapes[i].name)) == 0) {
			*path += strlen(shapes[i].name);
			return &shapes[i];
		}
	return NULL;
}

static void double_trace(struct fm_table **trace, uint32_t **flow, const struct shape *shape)
{
	struct fm_table *twice = NULL;
	struct fm_error err = {0};

	if (planted_double(&twice, flow, *trace, shape->share, shape->delay, 1, &err))
		die(&err);
	fm_table_free(*trace);
	*trace = twice;
}

int main(int argc, char **argv)
{
	struct fm_error err = {0};
	struct fm_dialect *dialect = NULL;
	struct fm_trace_stats stats;
	struct fm_table *trace = NULL;
	uint32_t *flow = NULL; /* of each row, in a doubled trace */
	struct fm_pool *pool = NULL;

	if (argc < 9) {
		fprintf(stderr, "leak_power: TRACE DIALECT TRAIN HOLDOUT ROWS REPEATS SEED GENERATOR...\n");
		return 2;
	}
	size_t train = strtoull(argv[3], NULL, 10), holdout = strtoull(argv[4], NULL, 10),
	       rows = strtoull(argv[5], NULL, 10);
	uint64_t seed = strtoull(argv[7], NULL, 10);
	int repeats = atoi(argv[6]), verbose = getenv("FM_POWER_VERBOSE") != NULL;
	double(*z)[NTESTS] = calloc((size_t)repeats + 1, sizeof *z),
	*column = calloc((size_t)repeats + 1, sizeof *column);
	if (fm_dialect_load(&dialect, argv[2], &err))
		die(&err);
	const char *path = argv[1];
	const struct shape *shape = shape_of(&path);
	struct fm_trace_opts o = {.path = path, .dialect = dialect};
	if (fm_trace_load(&trace, &o, 0.0, &stats, &err) || fm_pool_new(&pool, 0, &err))
		die(&err);
	if (shape)
		double_trace(&trace, &flow, shape);
	for (int g = 8; g < argc; g++) {
		char generator[32];
		int refused = 0, by_family = 0, alone[NTESTS] = {0};

		snprintf(generator, sizeof generator, "%s", argv[g]);
		char *slash = strchr(generator, '/');
		int disguise = slash ? atoi(slash + 1) : 0;
		if (slash)
			*slash = 0;
		for (int k = 0; k < repeats; k++) {
			struct planted p;
			struct fm_table *s = NULL;
			struct fm_metrics m = {0};
			if (planted_split_flows(&p, trace, flow, train, holdout, seed + (uint64_t)k, &err) ||
			    planted_generate(&s, &p, generator, disguise, rows, seed + 1000 + (uint64_t)k, &err) ||
			    fm_leakage_tests(p.train, p.holdout, s, pool, FM_LEAKAGE_DEFAULT, &m, &err))
				die(&err);
			int family = !(value(&m, "family_p", "", "") >= FM_LEAKAGE_ALPHA);
			refused += family || value(&m, "rows_equal", "", "") > 0;
			by_family += family;
			for (int t = 0; t < NTESTS; t++) {
				z[k][t] = value(&m, tests[t].name, "_z", tests[t].columns);
				alone[t] += value(&m, tests[t].name, "_p", tests[t].columns) <
					    tests[t].share * FM_LEAKAGE_ALPHA;
			}
			for (size_t i = 0; verbose && i < m.n; i++)
				fprintf(stderr, "%s/%d %d %s %.6g %.6g %.6g\n", generator, disguise, k, m.m[i].name,
					m.m[i].value, m.m[i].ci_lo, m.m[i].ci_hi);
			fm_metrics_free(&m);
			fm_table_free(s);
			planted_close(&p);
		}
		printf("%s\t%d\t%.3f\t%.3f", argv[g], repeats, (double)refused / repeats, (double)by_family / repeats);
		for (int t = 0; t < NTESTS; t++) {
			for (int k = 0; k < repeats; k++)
				column[k] = z[k][t];
			qsort(column, (size_t)repeats, sizeof *column, rising);
			printf("\t%s%s z %.2f %.2f", tests[t].name, tests[t].columns, column[repeats / 2],
			       (double)alone[t] / repeats);
		}
		printf("\n");
		fflush(stdout);
	}
	fm_pool_free(pool);
	fm_table_free(trace);
	fm_dialect_free(dialect);
	free(flow);
	free(z);
	free(column);
	return 0;
}
