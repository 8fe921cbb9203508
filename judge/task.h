/*
 * task.h - the rows of a downstream task: models learned from real rows and from synthetic rows are tested on the same
 * real rows, which neither has seen; and the meaning of the rows' labels.
 */
#ifndef FM_JUDGE_TASK_H
#define FM_JUDGE_TASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "manifests/registry.h"

/* One table's chosen rows, rising. */
struct fm_rows {
	const struct fm_table *t;
	uint32_t *row;
	size_t n;
};
struct fm_task {
	struct fm_rows real, synthetic, test; /* test: rows of the holdout, or of real where there is none */
	unsigned present;                     /* the columns that all tables have */
};

/* The tables to be judged, borrowed; holdout NULL: there is none. */
struct fm_judged {
	const struct fm_table *real, *synthetic, *holdout;
};

/* At most `train` rows of real and of synthetic and `test` of holdout, chosen at random for this purpose (a number
 * chosen by the caller; purpose + 1 and + 2 are used too).  holdout NULL: every fifth of the chosen real rows is the
 * test, and not trained with.  FM_EINPUT when a table has no rows.  Released by fm_task_free also after failure. */
int fm_task_choose(struct fm_task *k, const struct fm_judged *of, size_t train, size_t test, uint64_t purpose,
		   struct fm_error *err) FM_MUST_CHECK;
void fm_task_free(struct fm_task *k);

/* Of few rows, what two halves of them differ by says nothing: so many draws of halves do, FM_TASK_DRAWS at most (1:
 * the rows are enough). */
#define FM_TASK_DRAWS 32
int fm_task_draws(const struct fm_table *real);
/* So few rows that they hold a few windows, and fresh flows need not have their kinds of traffic: halves of them, which
 * share their windows, do not show by how much fresh flows differ. */
bool fm_task_is_tiny(const struct fm_table *real);
/* Keep one half of r's rows, or, with other = 1, the other one: every other row in draw 0; else runs of 16 rows, as a
 * toss decides which of two neighbouring runs goes to which half, so that both have their share of each stretch of
 * time, as training and holdout have.  The halves differ by a row at most. */
void fm_rows_halve(struct fm_rows *r, unsigned other, int draw);
/* The floor that n draws show, the worst of them.  No value is NaN; they are sorted.  NaN of none. */
double fm_task_floor(double *value, size_t n, enum fm_metric_good better);
/* Keep of r the rows whose label, as real's dictionary numbers it (values that it lacks come behind), has keep[label]
 * set; the others are dropped.  labels: how many entries keep has; labels behind are dropped too. */
int fm_rows_keep_labels(struct fm_rows *r, const struct fm_table *real, const uint8_t *keep, size_t labels,
			struct fm_error *err) FM_MUST_CHECK;
/* The labels (n) of r's rows in the same numbering. */
int fm_rows_labels(const struct fm_rows *r, const struct fm_table *real, uint32_t *label,
		   struct fm_error *err) FM_MUST_CHECK;

/* The label of ordinary traffic: "background" where real's dictionary has it, else real's most frequent label. */
int fm_label_background(const struct fm_table *real, uint32_t *label, struct fm_error *err) FM_MUST_CHECK;

/* A label in the form used in metric names. */
void fm_label_name(const struct fm_table *real, uint32_t label, char name[FM_METRIC_LABEL]);

#endif
