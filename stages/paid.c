#include "stages/paid.h"

#include <stdio.h>

#include "judge/noisy_jsd.h"
#include "model/private_counts.h"
#include "privacy/charge_json.h"

static int cut(struct fm_exchanges *e, const struct fm_table *t, const struct fm_config *cfg, struct fm_error *err)
{
	const char *label[FM_LABELS_MAX];
	char text[FM_CFG_STR];
	struct fm_record_opts o = {.label = label,
				   .nlabels = fm_config_public_labels(cfg, text, label, FM_LABELS_MAX),
				   .window = fm_config_window(cfg)};
	int64_t first, last;
	int rc;

	if ((rc = fm_config_public_period(cfg, &first, &last, err)) < 0)
		return rc;
	fm_record_period(&o, first, last);
	return fm_exchanges_cut(e, t, &o, err);
}

/* Ask the holdout.  Both sides are cut into exchanges by the same rules, and both lose the flows beyond those that an
 * exchange may have. */
static int ask(const struct fm_paid_in *in, int64_t noisy[FM_PAID_QUESTIONS][FM_PAID_CELLS], struct fm_charges *charged,
	       double *sigma, struct fm_error *err)
{
	struct fm_private_ranges ranges;
	struct fm_exchanges e = {0};
	struct fm_paid_opts o;
	int rc;

	if ((rc = fm_private_gate_opts(&o, in->cfg, in->holdout, &ranges, err)) < 0 ||
	    (in->holdout && (rc = cut(&e, in->holdout, in->cfg, err)) < 0))
		goto out;
	*sigma = fm_paid_sigma(&o);
	rc = fm_paid_ask(noisy, charged, &e, &o, in->secret, err);
out:
	fm_exchanges_free(&e);
	return rc;
}

static int count(const struct fm_paid_in *in, uint64_t made[FM_PAID_QUESTIONS][FM_PAID_CELLS], struct fm_paid_opts *o,
		 struct fm_error *err)
{
	struct fm_private_ranges ranges;
	struct fm_exchanges e = {0};
	int rc;

	if ((rc = fm_private_gate_opts(o, in->cfg, NULL, &ranges, err)) < 0 ||
	    (rc = cut(&e, in->synthetic, in->cfg, err)) < 0)
		goto out;
	fm_paid_count(made, &e, o);
	o->ctx = NULL; /* it pointed into this function */
out:
	fm_exchanges_free(&e);
	return rc;
}

static int add(struct fm_metrics *out, const char *name, struct fm_noisy_range r, struct fm_error *err)
{
	return fm_metrics_add_ci(out, name, r.most, r.total, r.least, r.most, err);
}

int fm_paid_measure(const struct fm_paid_in *in, struct fm_metrics *out, struct fm_error *err)
{
	int64_t noisy[FM_PAID_QUESTIONS][FM_PAID_CELLS];
	uint64_t made[FM_PAID_QUESTIONS][FM_PAID_CELLS];
	struct fm_noisy_jsd jsd[FM_PAID_QUESTIONS];
	struct fm_paid_opts o;
	struct fm_charges plan = {0}, charged = {0};
	double sigma = 0;
	char name[64];
	int rc;

	if (!in->secret)
		return fm_fail(err, FM_ESYSTEM, "a paid gate without a key for its noise");
	if ((rc = fm_private_gate_plan(in->cfg, &plan, err)) < 0 || (rc = ask(in, noisy, &charged, &sigma, err)) < 0)
		goto out;
	if (plan.n == 0 || !fm_charges_equal(&charged, &plan)) {
		rc = fm_fail(err, FM_ESYSTEM,
			     "the gate charged other than what its config says it would: nothing of it may be used");
		goto out;
	}
	if ((rc = count(in, made, &o, err)) < 0)
		goto out;
	for (int f = 0; f < FM_PAID_QUESTIONS; f++) {
		if (!fm_paid_asks(&o, f))
			continue;
		snprintf(name, sizeof name, "paid.%s.%s", fm_paid_is_pair(f) ? "pair" : "jsd", fm_paid_name[f]);
		if ((rc = fm_jsd_noisy(noisy[f], made[f], fm_paid_cells(&o, f), sigma, &jsd[f], err)) < 0 ||
		    (rc = add(out, name, fm_noisy_range(&jsd[f], 1), err)) < 0)
			goto out;
	}
	if ((rc = add(out, "paid.jsd_mean", fm_noisy_range(jsd, FM_PAID_FIELDS), err)) < 0 || !o.pairs)
		goto out;
	rc = add(out, "paid.pair_jsd", fm_noisy_range(jsd + FM_PAID_FIELDS, FM_PAID_TY - FM_PAID_FIELDS), err);
out:
	fm_charges_free(&plan);
	fm_charges_free(&charged);
	return rc;
}
