#include "judge/gate/holdout.h"

#include <math.h>
#include <stdio.h>

#include "judge/gate/controls.h"
#include "privacy/leakage/match.h"

/* How many rows of t are rows of `in` too. */
static int count_common(const struct fm_table *t, const struct fm_table *in, size_t memory, size_t *common,
			struct fm_error *err)
{
	struct fm_match m = {
	    .train = in, .synthetic = t, .columns = t->present & in->present & FM_COLS_UGR16, .memory = memory};
	int rc;

	*common = 0;
	if (!m.columns || t->rows == 0 || in->rows == 0)
		return FM_OK;
	if ((rc = fm_match(&m, err)) < 0)
		return rc;
	*common = m.synthetic_equal;
	return FM_OK;
}

int fm_holdout_count(struct fm_holdout *a, const struct fm_table *real, const struct fm_table *synthetic,
		     const struct fm_table *holdout, size_t memory, struct fm_error *err)
{
	int rc;

	*a = (struct fm_holdout){.holdout = holdout->rows, .synthetic = synthetic->rows};
	if ((rc = count_common(holdout, real, memory, &a->holdout_in_real, err)) < 0)
		return rc;
	return count_common(synthetic, holdout, memory, &a->synthetic_in_holdout, err);
}

static double share(size_t part, size_t all)
{
	return all ? (double)part / (double)all : 0.0;
}

void fm_holdout_judge(const struct fm_holdout *a, double most, struct fm_verdict *v)
{
	double again = share(a->holdout_in_real, a->holdout), copied = share(a->synthetic_in_holdout, a->synthetic);
	struct fm_check_result c = {.threshold = most, .direction = "max", .ci_lo = NAN, .ci_hi = NAN};

	snprintf(c.name, sizeof c.name, "%s", FM_HOLDOUT_CHECK);
	if (a->holdout < FM_CONTROLS_MIN) {
		snprintf(c.name, sizeof c.name, "rows.holdout");
		snprintf(c.direction, sizeof c.direction, "min");
		snprintf(c.why, sizeof c.why, "too few held out rows to show a leak");
		c.value = (double)a->holdout;
		c.threshold = FM_CONTROLS_MIN;
		c.n = (int64_t)a->holdout;
	} else if (again > most) {
		snprintf(c.why, sizeof c.why,
			 "rows of the holdout are rows of the real table: it must be flows never learned from");
		c.value = again;
		c.n = (int64_t)a->holdout;
	} else if (copied > most) {
		snprintf(c.why, sizeof c.why,
			 "synthetic rows are rows of the holdout: it must be flows never learned from");
		c.value = copied;
		c.n = (int64_t)a->synthetic;
	} else {
		return;
	}
	v->check[v->n++] = c;
}
