#include "judge/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/rows.h"
#include "base/stats.h"
#include "judge/column.h"

#define SEED 20160411u

static int choose(struct fm_rows *r, const struct fm_table *t, size_t most, uint64_t purpose, struct fm_error *err)
{
	int rc;

	r->t = t;
	r->n = t->rows < most ? t->rows : most;
	if ((rc = fm_alloc(&r->row, r->n ? r->n : 1, sizeof *r->row, "a choice of rows", err)) < 0)
		return rc;
	fm_rows_choose(SEED, purpose, t->rows, r->n, r->row);
	return FM_OK;
}

static int split(struct fm_rows *real, struct fm_rows *test, struct fm_error *err)
{
	size_t kept = 0;
	int rc;

	test->t = real->t;
	if ((rc = fm_alloc(&test->row, real->n, sizeof *test->row, "a choice of rows", err)) < 0)
		return rc;
	for (size_t i = 0; i < real->n; i++) {
		if (i % 5 == 4)
			test->row[test->n++] = real->row[i];
		else
			real->row[kept++] = real->row[i];
	}
	real->n = kept;
	return FM_OK;
}

int fm_task_choose(struct fm_task *k, const struct fm_judged *of, size_t train, size_t test, uint64_t purpose,
		   struct fm_error *err)
{
	const struct fm_table *real = of->real, *synthetic = of->synthetic, *holdout = of->holdout;
	int rc;

	*k = (struct fm_task){.present = real->present & synthetic->present & (holdout ? holdout->present : ~0u)};
	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0 ||
	    (holdout && (rc = fm_judge_check(holdout, "holdout", err)) < 0) ||
	    (rc = choose(&k->real, real, train, purpose, err)) < 0 ||
	    (rc = choose(&k->synthetic, synthetic, train, purpose + 1, err)) < 0)
		return rc;
	return holdout ? choose(&k->test, holdout, test, purpose + 2, err) : split(&k->real, &k->test, err);
}

void fm_task_free(struct fm_task *k)
{
	free(k->real.row);
	free(k->synthetic.row);
	free(k->test.row);
	*k = (struct fm_task){0};
}

/* ---- halves ---- */

enum { FEW = 2048, RUN = 16, HALVES = 38 };

bool fm_task_is_tiny(const struct fm_table *real)
{
	return real->rows < 256;
}

int fm_task_draws(const struct fm_table *real)
{
	return fm_task_is_tiny(real) ? FM_TASK_DRAWS : real->rows < FEW ? FM_TASK_DRAWS / 4 : 1;
}

void fm_rows_halve(struct fm_rows *r, unsigned other, int draw)
{
	struct fm_rng toss;
	size_t kept = 0;

	fm_rng_init(&toss, SEED, FM_RNG_JUDGE, HALVES, (uint32_t)draw);
	for (size_t from = 0, n; from < r->n; from += n) {
		size_t run = draw ? RUN : 1;
		unsigned swap = draw ? fm_rng_u32(&toss) & 1u : 0;

		n = r->n - from < 2 * run ? r->n - from : 2 * run;
		for (size_t i = 0; i < n; i++)
			if ((i >= (n + 1) / 2) == (other ^ swap))
				r->row[kept++] = r->row[from + i];
	}
	r->n = kept;
}

double fm_task_floor(double *value, size_t n, enum fm_metric_good better)
{
	fm_sort_double(value, n);
	return n == 0 ? (double)NAN : value[better == FM_HIGH ? 0 : n - 1];
}

/* ---- labels ---- */

int fm_rows_labels(const struct fm_rows *r, const struct fm_table *real, uint32_t *label, struct fm_error *err)
{
	const struct fm_dict *d = &r->t->dict[FM_LABEL];
	uint32_t *code = NULL;
	int rc;

	if ((rc = fm_alloc(&code, d->n ? d->n : 1, sizeof *code, "label codes", err)) < 0 ||
	    (rc = fm_dict_match(&real->dict[FM_LABEL], d, code, err)) < 0)
		goto out;
	for (size_t i = 0; i < r->n; i++)
		label[i] = code[r->t->label[r->row[i]]];
out:
	free(code);
	return rc;
}

int fm_rows_keep_labels(struct fm_rows *r, const struct fm_table *real, const uint8_t *keep, size_t labels,
			struct fm_error *err)
{
	uint32_t *label = NULL;
	size_t kept = 0;
	int rc;

	if ((rc = fm_alloc(&label, r->n ? r->n : 1, sizeof *label, "labels", err)) < 0 ||
	    (rc = fm_rows_labels(r, real, label, err)) < 0)
		goto out;
	for (size_t i = 0; i < r->n; i++)
		if (label[i] < labels && keep[label[i]])
			r->row[kept++] = r->row[i];
	r->n = kept;
out:
	free(label);
	return rc;
}

int fm_label_background(const struct fm_table *real, uint32_t *label, struct fm_error *err)
{
	const struct fm_dict *d = &real->dict[FM_LABEL];
	size_t *count = NULL;
	int rc;

	*label = 0;
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->value[i], "background") == 0) {
			*label = (uint32_t)i;
			return FM_OK;
		}
	if ((rc = fm_alloc(&count, d->n ? d->n : 1, sizeof *count, "counts of labels", err)) < 0)
		return rc;
	for (size_t i = 0; i < real->rows; i++)
		count[real->label[i]]++;
	for (size_t i = 1; i < d->n; i++)
		if (count[i] > count[*label])
			*label = (uint32_t)i;
	free(count);
	return FM_OK;
}

void fm_label_name(const struct fm_table *real, uint32_t label, char name[FM_METRIC_LABEL])
{
	fm_metric_label(label < real->dict[FM_LABEL].n ? real->dict[FM_LABEL].value[label] : "", name);
}
