/*
 * make_gate_draws.c TRACE DIALECT PRESET TRAIN HOLDOUT ROWS DRAWS SEED [CONTROL...] - how often does the gate of a
 * preset pass real flows that the generator never saw, and fail a control?  For tests/long_gate_draws.sh.
 *
 * Each draw deals the trace's windows of 64 out at random (leak_planted.h, the first draw with SEED, the next with the
 * number after) to TRAIN and HOLDOUT rows, cuts the gate's small world of ROWS rows a table from them (controls.h) and
 * gives the verdict that a run's trial gives on `fresh`, or on the first control of each other name: the preset's
 * checks, their thresholds adapted to few rows.  With 2 TRAIN rows in HOLDOUT and ROWS just below TRAIN, the tables are
 * whole windows.
 *
 * Prints a line a control, tab-separated: its name, draws, how many passed, how many passed by the preset's thresholds
 * as they stand, and behind that each check that failed with how often it did in either sense.  A line for each
 * verdict on `fresh` that failed goes to standard error; with FM_DRAWS_VERBOSE set, its metrics and floors too.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "judge/gate/check.h"
#include "judge/gate/controls.h"
#include "leak_planted.h"
#include "manifests/dialect.h"
#include "manifests/registry.h"
#include "traces/trace.h"

enum { MOST = 16 };

struct count {
	struct fm_control control;
	int passed[2];                   /* thresholds adapted to few rows, and as they stand */
	int failed[2][FM_CFG_MAXCHECKS]; /* of each check of the gate */
};

static void die(const struct fm_error *err)
{
	fprintf(stderr, "gate_draws: %s\n", err->message);
	exit(fm_exit_status(err->code));
}

static struct fm_control control_of(const char *name)
{
	for (size_t i = 0; i < fm_ncontrols; i++)
		if (strcmp(fm_controls[i].name, name) == 0)
			return fm_controls[i];
	fprintf(stderr, "gate_draws: no control is called %s\n", name);
	exit(2);
}

static void count(struct count *c, const struct fm_config *cfg, const json_t *judged)
{
	const json_t *list = json_object_get(judged, "failed_checks");

	c->passed[0] += json_array_size(list) == 0;
	for (size_t k = 0; k < json_array_size(list); k++)
		for (int i = 0; i < cfg->gate.n; i++)
			c->failed[0][i] +=
			    strcmp(cfg->gate.check[i].name, json_string_value(json_array_get(list, k))) == 0;
}

/* By the thresholds that are meant for many rows. */
static void count_as_it_stands(struct count *c, const struct fm_config *cfg, const json_t *control, const json_t *floor)
{
	struct fm_metrics m = {0}, f = {0};
	struct fm_error err = {0};
	int pass = 1;

	if (fm_metrics_from_list(&m, json_object_get(control, "metrics"), &err) ||
	    fm_metrics_from_list(&f, floor, &err))
		die(&err);
	for (int i = 0; i < cfg->gate.n; i++) {
		const struct fm_cfg_check *check = &cfg->gate.check[i];
		double room = check->has_room ? check->room : cfg->gate.room;
		int failed = 0;

		if (!fm_metrics_find(&m, check->name) || fm_metric_by_identity(check->name) ||
		    fm_gate_silence(check, &f, cfg->gate.room) || fm_gate_silence(check, &m, cfg->gate.room))
			continue;
		const struct fm_metric *at = fm_gate_floor(&f, check->name);
		at = at ? at : fm_gate_floor(&m, check->name);
		for (int is_max = 0; is_max < 2; is_max++) {
			struct fm_check_result line;
			if (is_max ? !check->has_max : !check->has_min)
				continue;
			fm_gate_line(&line, check, is_max, &m, at ? at->value : (double)NAN,
				     (is_max ? fm_gate_repeats(check->name, &m, 0) : 0) +
					 fm_gate_room(check, is_max, &f, room, 0));
			failed |= !line.pass;
		}
		c->failed[1][i] += failed;
		pass &= !failed;
	}
	c->passed[1] += pass;
	fm_metrics_free(&m);
	fm_metrics_free(&f);
}

static void tell(uint64_t seed, const json_t *doc, const json_t *judged)
{
	char *failed = json_dumps(json_object_get(judged, "failed_checks"), JSON_COMPACT);
	const json_t *metrics = json_object_get(json_array_get(json_object_get(doc, "controls"), 0), "metrics"),
		     *list[2] = {metrics, json_object_get(doc, "floor")};

	if (json_array_size(json_object_get(judged, "failed_checks")) > 0)
		fprintf(stderr, "seed %llu: fresh flows fail %s\n", (unsigned long long)seed, failed);
	for (int k = 0; k < 2 && getenv("FM_DRAWS_VERBOSE"); k++)
		for (size_t i = 0; i < json_array_size(list[k]); i++) {
			const json_t *m = json_array_get(list[k], i);
			fprintf(stderr, "%llu\t%s\t%.6g\n", (unsigned long long)seed,
				json_string_value(json_object_get(m, "name")),
				json_is_number(json_object_get(m, "value"))
				    ? json_number_value(json_object_get(m, "value"))
				    : (double)NAN);
		}
	free(failed);
}

static void draw(const struct fm_config *cfg, const struct fm_table *trace, size_t train, size_t holdout, uint64_t seed,
		 struct fm_pool *pool, struct count *c, size_t n)
{
	struct fm_control control[MOST];
	struct fm_control_world w;
	struct fm_error err = {0};
	struct fm_verdict v = {.check = calloc(1, sizeof *v.check)};
	struct planted p;
	json_t *doc;

	for (size_t i = 0; i < n; i++)
		control[i] = c[i].control;
	if (planted_split(&p, trace, train, holdout, seed, &err) ||
	    fm_control_world_subsample(&w, p.train, p.holdout, (size_t)cfg->gate.control_rows, seed, &err) ||
	    fm_controls_score(&(struct fm_controls_in){cfg, &w, control, n, seed, pool}, &doc, &err) ||
	    fm_controls_judge(cfg, doc, &v, &err))
		die(&err);
	if (w.rows == 0)
		exit(3);
	for (size_t i = 0; i < n; i++) {
		const json_t *scored = json_array_get(json_object_get(doc, "controls"), i);
		count(&c[i], cfg, json_array_get(v.controls, i));
		count_as_it_stands(&c[i], cfg, scored, json_object_get(doc, "floor"));
	}
	tell(seed, doc, json_array_get(v.controls, 0));
	fm_verdict_free(&v);
	json_decref(doc);
	fm_control_world_free(&w);
	planted_close(&p);
}

int main(int argc, char **argv)
{
	struct count c[MOST] = {0};
	struct fm_dialect *dialect = NULL;
	struct fm_config *cfg = NULL;
	struct fm_table *trace = NULL;
	struct fm_pool *pool = NULL;
	struct fm_trace_stats stats;
	struct fm_error err = {0};
	size_t n = 1;

	if (argc < 9 || argc - 9 >= MOST) {
		fprintf(stderr, "gate_draws: TRACE DIALECT PRESET TRAIN HOLDOUT ROWS DRAWS SEED [CONTROL...]\n");
		return 2;
	}
	struct fm_trace_opts o = {.path = argv[1]};
	size_t train = strtoull(argv[4], NULL, 10), holdout = strtoull(argv[5], NULL, 10);
	uint64_t seed = strtoull(argv[8], NULL, 10);
	int draws = atoi(argv[7]);
	c[0].control = control_of("fresh");
	for (int i = 9; i < argc; i++)
		c[n++].control = control_of(argv[i]);
	fm_log_quiet(1);
	if (fm_dialect_load(&dialect, argv[2], &err) || fm_config_preset(&cfg, argv[3], NULL, 0, &err))
		die(&err);
	o.dialect = dialect;
	cfg->gate.control_rows = strtoll(argv[6], NULL, 10);
	if (fm_trace_load(&trace, &o, 0.01, &stats, &err) || fm_pool_new(&pool, 0, &err))
		die(&err);
	for (int k = 0; k < draws; k++)
		draw(cfg, trace, train, holdout, seed + (uint64_t)k, pool, c, n);
	for (size_t i = 0; i < n; i++) {
		printf("%s\t%d\t%d\t%d", c[i].control.name, draws, c[i].passed[0], c[i].passed[1]);
		for (int as_it_stands = 0; as_it_stands < 2; as_it_stands++)
			for (int k = 0; k < cfg->gate.n; k++)
				if (c[i].failed[as_it_stands][k])
					printf("\t%s%s %d", as_it_stands ? "as it stands: " : "",
					       cfg->gate.check[k].name, c[i].failed[as_it_stands][k]);
		printf("\n");
	}
	fm_pool_free(pool);
	fm_table_free(trace);
	fm_dialect_free(dialect);
	fm_config_free(cfg);
	return 0;
}
