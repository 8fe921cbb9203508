#include "stages/judged_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rows.h"
#include "judge/gate/subsample.h"

uint64_t fm_holdout_least(const struct fm_config *cfg)
{
	uint64_t W = cfg->model.window > 0 ? (uint64_t)cfg->model.window : 1;

	return fm_config_dp(cfg) ? 0 : ((uint64_t)cfg->split.holdout_least + W - 1) / W;
}

void fm_judged_windows(const struct fm_config *cfg, uint64_t train, uint64_t count[FM_NSPLIT])
{
	uint64_t k = (uint64_t)cfg->privacy.min_count;

	/* As the shares alone have it: what few windows hold out beyond them would tell how many there are. */
	fm_splitter_at(cfg->split.validation, cfg->split.holdout, 0, train / k * k, count);
}

void fm_judged_rows_count(const struct fm_config *cfg, uint64_t rows[2])
{
	uint64_t W = cfg->model.window > 0 ? (uint64_t)cfg->model.window : 1, windows[2] = {rows[0] / W, rows[1] / W},
		 count[FM_NSPLIT];

	if (fm_config_dp(cfg) || cfg->privacy.min_count < 1 || windows[0] < (uint64_t)cfg->privacy.min_count)
		return;
	fm_judged_windows(cfg, windows[0], count);
	rows[0] -= (windows[0] - count[FM_SPLIT_TRAIN]) * W;
	if (windows[1] > count[FM_SPLIT_HOLDOUT])
		rows[1] -= (windows[1] - count[FM_SPLIT_HOLDOUT]) * W;
}

/* No judge sees what ingest filled for columns that the trace does not have. */
static void hide(struct fm_judged_rows *j, unsigned absent)
{
	const struct fm_table **side[2] = {&j->train, &j->holdout};

	for (int k = 0; k < 2; k++) {
		j->learned[k] = *side[k];
		if (!absent || !*side[k])
			continue;
		j->seen[k] = **side[k];
		j->seen[k].present &= ~absent;
		*side[k] = &j->seen[k];
	}
	if (j->rest)
		j->rest->present &= ~absent;
}

/* The rows of t's judged windows or, with left_out, of the others: `out` windows of W rows, spread evenly. */
static int take_windows(struct fm_table **taken, const struct fm_table *t, size_t W, size_t out, bool left_out,
			struct fm_error *err)
{
	size_t windows = t->rows / W, n = 0, next = 0;
	uint32_t *row;
	int rc;

	if ((rc = fm_alloc(&row, t->rows + 1, sizeof *row, "the rows that are judged", err)) < 0)
		return rc;
	for (size_t w = 0; w < windows; w++) {
		bool is_out = next < out && w == (2 * next + 1) * windows / (2 * out);

		next += is_out;
		for (size_t i = 0; i < W && is_out == left_out; i++)
			row[n++] = (uint32_t)(w * W + i);
	}
	rc = fm_table_take(taken, t, row, n, err);
	free(row);
	return rc;
}

/* The last `out` windows. */
static int take_last(struct fm_table **taken, const struct fm_table *t, size_t W, size_t out, struct fm_error *err)
{
	size_t n = out * W;
	uint32_t *row;
	int rc;

	if ((rc = fm_alloc(&row, n + 1, sizeof *row, "the rows that are not judged", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		row[i] = (uint32_t)(t->rows - n + i);
	rc = fm_table_take(taken, t, row, n, err);
	free(row);
	return rc;
}

/* Take the judged rows of a side's table t, all but `out` windows; of training, keep those windows too (j->rest). */
static int leave_out(struct fm_judged_rows *j, int side, const struct fm_table *t, size_t out,
		     const struct fm_config *cfg, struct fm_error *err)
{
	const struct fm_table **judged = side ? &j->holdout : &j->train;
	size_t W = (size_t)cfg->model.window;
	int rc;

	if (out == 0)
		return FM_OK;
	if (t->rows > fm_subsample_most((size_t)cfg->gate.memory << 20)) {
		j->view[side] = *t;
		j->view[side].rows -= out * W;
		*judged = &j->view[side];
		return side ? FM_OK : take_last(&j->rest, t, W, out, err);
	}
	if ((rc = take_windows(&j->own[side], t, W, out, false, err)) < 0)
		return rc;
	*judged = j->own[side];
	return side ? FM_OK : take_windows(&j->rest, t, W, out, true, err);
}

int fm_judged_rows_make(struct fm_judged_rows *j, const struct fm_config *cfg, const struct fm_table *train,
			const struct fm_table *holdout, struct fm_error *err)
{
	uint64_t W = cfg->model.window > 0 ? (uint64_t)cfg->model.window : 1, windows = train->rows / W,
		 rows[2] = {train->rows, holdout ? holdout->rows : 0}, out[2];
	int rc;

	*j = (struct fm_judged_rows){.train = train, .holdout = holdout};
	fm_judged_rows_count(cfg, rows);
	out[0] = (train->rows - rows[0]) / W;
	out[1] = holdout ? (holdout->rows - rows[1]) / W : 0;
	if (!fm_config_dp(cfg) && (train->rows >= UINT32_MAX || (holdout && holdout->rows >= UINT32_MAX)))
		return fm_fail(err, FM_EINPUT, "a table of 2^32 rows or more is over the judges' limit");
	if (10 * out[0] > windows)
		fm_warn("of %" PRIu64 " windows in training %" PRIu64
			" are judged, as numbers of real flows are told in "
			"steps of privacy.min_count windows; among the others exact copies alone are looked for: take "
			"more flows, or a smaller model.window",
			windows, windows - out[0]);
	if ((rc = leave_out(j, 0, train, out[0], cfg, err)) < 0 ||
	    (rc = leave_out(j, 1, holdout, out[1], cfg, err)) < 0)
		return rc;
	hide(j, cfg->absent);
	return FM_OK;
}

void fm_judged_rows_free(struct fm_judged_rows *j)
{
	fm_table_free(j->own[0]);
	fm_table_free(j->own[1]);
	fm_table_free(j->rest);
	*j = (struct fm_judged_rows){0};
}

int fm_judged_rows_copies(const struct fm_judged_rows *j, const struct fm_table *synthetic, struct fm_pool *pool,
			  struct fm_leakage_opts o, struct fm_metrics *metrics, struct fm_error *err)
{
	static const char *const shares[] = {"leak.rows_equal", "leak.echo_addr"};
	struct fm_metrics of_rest = {0};
	int rc;

	if (!j->rest)
		return FM_OK;
	o.division = NULL;
	if ((rc = fm_leakage(j->rest, NULL, synthetic, pool, o, &of_rest, err)) < 0)
		goto out;
	for (size_t i = 0; i < metrics->n; i++) {
		struct fm_metric *m = &metrics->m[i];
		const struct fm_metric *more = NULL;

		for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
			if (strcmp(m->name, shares[k]) == 0)
				more = fm_metrics_find(&of_rest, m->name);
		if (more && more->value > m->value)
			*m = *more;
	}
out:
	fm_metrics_free(&of_rest);
	return rc;
}
