#include "pipeline/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/stop.h"
#include "manifests/dialect.h"
#include "model/generator.h"
#include "pipeline/limits.h"
#include "pipeline/preflight.h"
#include "pipeline/runner.h"
#include "pipeline/walls/sandbox.h"
#include "pipeline/workspace.h"
#include "traces/files.h"
#include "traces/split.h"
#include "traces/trace.h"

#define SAMPLE_ROWS 60000 /* of the trace, for ingest and train */
#define JUDGED_ROWS 3000  /* of the trace, for evaluate, which takes longest for each row */
#define SAMPLE_FLOWS 2048 /* generated */
#define STEPS_SECONDS 3.0 /* of training that are measured, at least MIN_STEPS */
#define MIN_STEPS 3
#define MAX_STEPS 200
#define CHECKPOINT_BYTES 20 /* a parameter: weights, two moments, average, best average, 4 bytes each */

/* What one stage took, at one size. */
struct point {
	double rows, seconds, peak, disk;
};
struct estimate {
	bool known;
	double seconds, peak, disk;
};
struct plan {
	const struct fm_run_options *o;
	struct fm_config *cfg; /* a copy, whose numbers are made small */
	char *dir;             /* the workspace of the measured runs */
	const char *workspace; /* that of the run that is planned */
	char trace_sha256[FM_SHA256_HEX];
	bool cached[FM_NSTAGES];
	double rows, train_rows, flows, steps, parameters;
	bool rows_exact;
	double step_seconds;
	struct estimate of[FM_NSTAGES];
	double sample_rows, sample_steps, sample_flows, judged_rows;
};

/* ---- how many rows ---- */

struct count {
	const struct fm_config *cfg;
	uint64_t bytes_read, bytes_total;
};

static void on_progress(void *ctx, uint64_t bytes_read, uint64_t bytes_total, uint64_t rows)
{
	struct count *c = ctx;

	(void)rows;
	c->bytes_read = bytes_read;
	c->bytes_total = bytes_total;
}

/* In a child: read the first rows, and tell how much of the file they are. */
static int count_fn(void *ctx, json_t **result, struct fm_error *err)
{
	struct count *c = ctx;
	uint64_t wanted =
	    c->cfg->source.rows && c->cfg->source.rows < SAMPLE_ROWS ? (uint64_t)c->cfg->source.rows : SAMPLE_ROWS;
	struct fm_trace_opts opts = {.path = c->cfg->source.path,
				     .member = c->cfg->source.member,
				     .rows = wanted,
				     .missing = FM_MISSING_ZERO,
				     .progress = on_progress,
				     .ctx = c};
	struct fm_trace_stats st = {0};
	struct fm_dialect *dialect = NULL;
	double rows;
	bool exact;
	int rc;

	fm_log_hide_rows(1);
	if ((rc = fm_dialect_load(&dialect, c->cfg->source.dialect, err)) < 0)
		return rc;
	opts.dialect = dialect;
	if ((rc = fm_trace_read(&opts, &st, err)) < 0)
		goto out;
	exact = st.rows < wanted || wanted == (uint64_t)c->cfg->source.rows;
	rows = exact || !c->bytes_read ? (double)st.rows
				       : (double)st.rows * (double)c->bytes_total / (double)c->bytes_read;
	if (c->cfg->source.rows && rows > (double)c->cfg->source.rows)
		rows = (double)c->cfg->source.rows;
	if (!(*result = json_pack("{s:f, s:b}", "rows", rows, "exact", exact)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
out:
	fm_dialect_free(dialect);
	return rc;
}

static int count_rows(struct plan *p, struct fm_error *err)
{
	struct fm_sandbox box = {.name = "plan", .unconfined = p->o->unconfined};
	struct fm_config *cfg = malloc(sizeof *cfg);
	const char *path = p->o->cfg->source.path;
	bool several = fm_files_count(path) > 1;
	char *real = several ? strdup(path) : realpath(path, NULL), *names = NULL;
	struct fm_sandbox_report report = {0};
	struct count c = {.cfg = cfg};
	int rc = FM_OK;

	if (!cfg || !real || strlen(real) >= sizeof cfg->source.path) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	*cfg = *p->o->cfg;
	strcpy(cfg->source.path, real);
	if (several && (rc = fm_sandbox_files(&box, real, &names, err)) < 0)
		goto out;
	if (!several)
		fm_sandbox_path(&box, real, false);
	fm_sandbox_path(&box, fm_item_path(cfg, FM_ITEM_DIALECT), false);
	fm_limits_of(cfg, NULL, true, &box.limits);
	if ((rc = fm_sandbox_run(&box, count_fn, &c, &report, err)) < 0)
		goto out;
	p->rows = json_number_value(json_object_get(report.result, "rows"));
	p->rows_exact = json_is_true(json_object_get(report.result, "exact"));
out:
	json_decref(report.result);
	free(cfg);
	free(names);
	free(real);
	return rc;
}

/* ---- measuring ---- */

static double du(const char *dir)
{
	char **names = NULL;
	double sum = 0;
	struct fm_error ignored;
	size_t n = 0;

	if (fm_dir_files(dir, &names, &n, &ignored))
		return 0;
	for (size_t i = 0; i < n; i++) {
		char *path = fm_path_join(dir, names[i]);
		struct stat st;

		if (path && stat(path, &st) == 0)
			sum += (double)st.st_size;
		free(path);
	}
	fm_names_free(names, n);
	return sum;
}

static double result_number(const struct fm_run *run, enum fm_stage_id id, const char *key)
{
	return json_number_value(json_object_get(run->stage[id].result, key));
}

static struct point point_of(const struct fm_run *run, enum fm_stage_id id, double rows)
{
	const struct fm_run_stage *s = &run->stage[id];

	return (struct point){rows, s->seconds, (double)s->peak_rss_bytes, s->entry ? du(s->entry) : 0};
}

/* The config's stages on the first rows of the trace. */
static int run_sample(struct plan *p, double rows, int steps, double flows, enum fm_stage_id until, struct fm_run *run,
		      struct fm_error *err)
{
	struct fm_run_options o = {.cfg = p->cfg,
				   .project = p->o->project,
				   .workspace = p->dir,
				   .until = until,
				   .unconfined = p->o->unconfined,
				   .stages = p->o->stages,
				   .dry = true,
				   .lasting = p->workspace,
				   .trace_sha256 = p->trace_sha256};

	p->cfg->source.rows = (int64_t)rows;
	p->cfg->train.steps = steps;
	p->cfg->train.patience = 0;
	p->cfg->train.checkpoint_every = 0;
	p->cfg->generate.rows = (int64_t)flows;
	/* A batch of a private step is a share of the exchanges: keep its size, though the sample has fewer of them. */
	if (fm_config_dp(p->cfg))
		p->cfg->privacy.records =
		    (int64_t)fmax(p->cfg->train.batch, (double)p->o->cfg->privacy.records * rows / p->rows);
	/* Counts of labels, which a few flows after a few steps may not reach. */
	p->cfg->generate.nlabels = 0;
	if (p->cfg->gate.control_rows > (int64_t)rows)
		p->cfg->gate.control_rows = (int64_t)rows;
	return fm_runner_run(&o, run, err);
}

/* fixed + slope * rows through two points; the slope is never negative. */
static double line(double rows_a, double a, double rows_b, double b, double rows)
{
	double slope = rows_b > rows_a && b > a ? (b - a) / (rows_b - rows_a) : 0;
	double v = b + slope * (rows - rows_b);

	return v > 0 ? v : 0;
}

static struct estimate grow(struct point a, struct point b, double rows)
{
	return (struct estimate){true, line(a.rows, a.seconds, b.rows, b.seconds, rows),
				 line(a.rows, a.peak, b.rows, b.peak, rows),
				 b.rows > 0 ? b.disk / b.rows * rows : b.disk};
}

/* Ingest, train and generate at two sizes. */
static int measure_making(struct plan *p, double smallest, struct fm_error *err)
{
	double size[2] = {fmax(smallest, fmin(p->rows, SAMPLE_ROWS) / 3), fmin(p->rows, SAMPLE_ROWS)};
	struct point ingest[2], train[2], generate[2];
	struct fm_run run = {0};
	int rc, steps = MIN_STEPS;

	for (int i = 0; i < 2; i++) {
		double flows = i ? SAMPLE_FLOWS : SAMPLE_FLOWS / 4.0, step = 0;

		fm_log_quiet(i ? 1 : 2); /* what the smaller one would warn of, the larger one does */
		rc = run_sample(p, size[i], steps, flows, FM_GENERATE, &run, err);
		fm_log_quiet(1);
		if (rc < 0)
			goto out;
		if (p->steps > 0)
			step = (double)fm_generator_step_flows(p->cfg) /
			       fmax(result_number(&run, FM_TRAIN, "flows_per_second"), 1e-9);
		ingest[i] = point_of(&run, FM_INGEST, result_number(&run, FM_INGEST, "rows"));
		train[i] = point_of(&run, FM_TRAIN, result_number(&run, FM_INGEST, "train_rows"));
		train[i].seconds = fmax(train[i].seconds - steps * step, 0); /* all but the steps */
		generate[i] = point_of(&run, FM_GENERATE, result_number(&run, FM_GENERATE, "rows"));
		p->parameters = result_number(&run, FM_TRAIN, "parameters");
		p->step_seconds = step;
		p->sample_rows = ingest[i].rows;
		p->sample_steps = steps;
		p->sample_flows = generate[i].rows;
		steps = (int)fmin(fmax(STEPS_SECONDS / fmax(step, 1e-9), MIN_STEPS), MAX_STEPS);
		fm_run_free(&run);
	}
	p->of[FM_INGEST] = grow(ingest[0], ingest[1], p->rows);
	p->of[FM_TRAIN] = grow(train[0], train[1], p->train_rows);
	p->of[FM_TRAIN].seconds += p->steps * p->step_seconds;
	p->of[FM_TRAIN].disk = train[1].disk + p->parameters * CHECKPOINT_BYTES;
	p->of[FM_GENERATE] = grow(generate[0], generate[1], p->flows);
out:
	fm_run_free(&run);
	return rc;
}

/* Evaluate and gate at two sizes; flows are as many as training rows.  Where a sample is too small to be judged, there
 * is no estimate. */
static int measure_judging(struct plan *p, double smallest, struct fm_error *err)
{
	double size[2] = {fmax(smallest, fmin(p->rows, JUDGED_ROWS) / 2), fmin(p->rows, JUDGED_ROWS)};
	struct point evaluate[2], gate[2];
	struct fm_error why;
	struct fm_run run = {0};
	int rc;

	for (int i = 0; i < 2; i++) {
		double flows = size[i] * p->train_rows / p->rows;

		fm_log_quiet(2); /* what is true of so few rows says nothing of the run */
		rc = run_sample(p, size[i], MIN_STEPS, flows, FM_GATE, &run, &why);
		fm_log_quiet(1);
		evaluate[i] = point_of(&run, FM_EVALUATE, result_number(&run, FM_INGEST, "rows"));
		gate[i] = point_of(&run, FM_GATE, result_number(&run, FM_INGEST, "rows"));
		fm_run_free(&run);
		if (rc < FM_ESYSTEM)
			return fm_error_set(err, rc, why.file, why.line, "%s", why.message); /* stopped */
		if (rc < 0) {
			fm_warn("the plan has no estimate for evaluate: %s", why.message);
			return FM_OK;
		}
	}
	p->judged_rows = evaluate[1].rows;
	p->of[FM_EVALUATE] = grow(evaluate[0], evaluate[1], p->rows);
	p->of[FM_EVALUATE].disk = evaluate[1].disk; /* numbers and histograms, no rows */
	p->of[FM_GATE] = (struct estimate){true, gate[1].seconds, gate[1].peak, gate[1].disk};
	return FM_OK;
}

/* ---- the plan ---- */

static json_t *number(bool known, double v)
{
	return known ? json_integer((json_int_t)v) : json_null();
}

static json_t *plan_json(const struct plan *p, const char *workspace, double measured_seconds, uint64_t room)
{
	json_t *stages = json_array();
	double seconds = 0, peak = 0, disk = 0;

	for (int i = 0; i <= p->o->until; i++) {
		const struct estimate *e = &p->of[i];
		bool known = e->known && !p->cached[i];

		json_array_append_new(
		    stages, json_pack("{s:s, s:b, s:o, s:o, s:o}", "name", fm_stage_name(i), "cached", p->cached[i],
				      "seconds", known ? json_real(round(e->seconds * 10) / 10) : json_null(),
				      "peak_rss_bytes", number(known, e->peak), "disk_bytes", number(known, e->disk)));
		if (known) {
			seconds += e->seconds;
			disk += e->disk;
			peak = fmax(peak, e->peak);
		}
	}
	return json_pack(
	    "{s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:f}, s:o, s:{s:f, s:I, s:I}, s:I}", "format",
	    "flowmint-plan/1", "workspace", workspace, "rows", (json_int_t)p->rows, "rows_exact", p->rows_exact,
	    "train_rows", (json_int_t)p->train_rows, "generate_rows", (json_int_t)p->flows, "train_steps",
	    (json_int_t)p->steps, "measured", "rows", (json_int_t)p->sample_rows, "steps", (json_int_t)p->sample_steps,
	    "flows", (json_int_t)p->sample_flows, "judged_rows", (json_int_t)p->judged_rows, "seconds",
	    round(measured_seconds * 10) / 10, "stages", stages, "total", "seconds", round(seconds * 10) / 10,
	    "peak_rss_bytes", (json_int_t)peak, "disk_bytes", (json_int_t)disk, "disk_free_bytes", (json_int_t)room);
}

/* What a run would find complete, and how much there is to do. */
static int look(struct plan *p, struct fm_error *err)
{
	const struct fm_config *cfg = p->o->cfg;
	double learned = 1 - cfg->split.validation - cfg->split.holdout;
	struct fm_run_options o = *p->o;
	struct fm_run run = {0};
	const char *trace;
	int rc;

	o.probe = true;
	if ((rc = fm_runner_run(&o, &run, err)) < 0)
		goto out;
	for (int i = 0; i < run.nstages; i++)
		p->cached[i] = true;
	if ((trace = json_string_value(json_object_get(run.stage[FM_INGEST].inputs, "trace"))))
		snprintf(p->trace_sha256, sizeof p->trace_sha256, "%s", trace);
	if (p->cached[FM_INGEST]) {
		p->rows = result_number(&run, FM_INGEST, "rows");
		p->train_rows = result_number(&run, FM_INGEST, "train_rows");
		p->rows_exact = true;
	} else {
		if ((rc = count_rows(p, err)) < 0)
			goto out;
		p->train_rows = floor(p->rows * learned);
	}
	p->flows = cfg->generate.rows > 0 ? (double)cfg->generate.rows : p->train_rows;
	p->steps = (double)fm_generator_steps(cfg, (uint64_t)p->train_rows);
out:
	fm_run_free(&run);
	return rc;
}

int fm_plan(const struct fm_run_options *o, json_t **plan, struct fm_error *err)
{
	struct plan p = {.o = o, .cfg = malloc(sizeof *p.cfg)};
	double smallest, began = fm_seconds();
	struct fm_workspace ws = FM_WORKSPACE_NONE;
	char *workspace = fm_runner_workspace(o);
	int rc, was_quiet = fm_log_is_quiet();
	bool making, judging;
	uint64_t room;

	*plan = NULL;
	fm_stop_hold(); /* a signal between two of its runs ends it, too */
	if (!p.cfg || !workspace) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	*p.cfg = *o->cfg;
	if ((rc = look(&p, err)) < 0 || (rc = fm_workspace_open(&ws, workspace, err)) < 0)
		goto out;
	if (!(p.dir = fm_path_join(ws.path, FM_PLAN_FOLDER))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	p.workspace = ws.path;
	smallest = fmin(p.rows, (double)fm_splitter_needed(o->cfg->split.validation, o->cfg->split.holdout) *
				    o->cfg->model.window);
	making = !p.cached[FM_INGEST] || (!p.cached[FM_TRAIN] && o->until >= FM_TRAIN) ||
		 (!p.cached[FM_GENERATE] && o->until >= FM_GENERATE);
	judging = !p.cached[FM_EVALUATE] && o->until >= FM_EVALUATE;
	if (making || judging)
		fm_log("plan: measures a few steps of what is not complete in %s", ws.path);
	fm_log_quiet(1);
	if (making)
		rc = measure_making(&p, smallest, err);
	if (rc >= 0 && judging)
		rc = measure_judging(&p, smallest, err);
	fm_log_quiet(was_quiet);
	fm_dir_clear_away(p.dir);
	if (rc < 0 || (rc = fm_stop_check("plan", err)) < 0 || (rc = fm_preflight_free(ws.path, &room, err)) < 0)
		goto out;
	if (!(*plan = plan_json(&p, ws.path, fm_seconds() - began, room)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
out:
	fm_workspace_close(&ws);
	fm_stop_release();
	free(workspace);
	free(p.dir);
	free(p.cfg);
	return rc;
}
