#include "judge/gate/files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "manifests/registry.h"

/* The least floor: one may be 0 by chance. */
#define LEAST_FLOOR 0.001
/* The effect of chance on a metric with neither floor nor interval. */
#define SOME_CHANCE 0.05

void fm_gate_by_role(struct fm_config *cfg)
{
	int n = 0;

	for (int i = 0; i < cfg->gate.n; i++)
		if (!fm_metric_by_identity(cfg->gate.check[i].name))
			cfg->gate.check[n++] = cfg->gate.check[i];
	cfg->gate.n = n;
}

static enum fm_silence silence(const struct fm_config *cfg, const struct fm_cfg_check *check,
			       const struct fm_metrics *metrics, bool lenient)
{
	const struct fm_metric_kind *kind = fm_metric_kind(check->name);
	enum fm_silence why = fm_gate_silence(check, metrics, cfg->gate.room);

	/* A check that somebody wrote into the config stays, and fails. */
	if (check->preset && fm_metric_lacks(check->name, ~cfg->absent, NULL))
		return FM_NO_COLUMN;
	if (fm_metric_needs_run(check->name))
		return FM_NO_RUN;
	if (why != FM_ASKED || !lenient)
		return why;
	return check->relative_to_floor || (kind && kind->needs & (FM_NEEDS_HOLDOUT | FM_NEEDS_PREVIOUS) &&
					    !fm_metrics_find(metrics, check->name))
		   ? FM_NO_HOLDOUT
		   : FM_ASKED;
}

void fm_gate_leave_out(struct fm_config *cfg, const struct fm_metrics *metrics, bool lenient, struct fm_unasked *out)
{
	int n = 0;

	out->n = 0;
	for (int i = 0; i < cfg->gate.n; i++) {
		const struct fm_cfg_check *check = &cfg->gate.check[i];
		enum fm_silence why = silence(cfg, check, metrics, lenient);

		if (why == FM_ASKED) {
			cfg->gate.check[n++] = *check;
			continue;
		}
		memcpy(out->check[out->n].name, check->name, sizeof check->name);
		out->check[out->n++].why = why;
	}
	cfg->gate.n = n;
}

void fm_count_unreadable(struct fm_metrics *metrics, const char *name, uint64_t bad)
{
	for (size_t i = 0; i < metrics->n && bad > 0; i++) {
		struct fm_metric *m = &metrics->m[i];

		if (strcmp(m->name, name) != 0)
			continue;
		m->value = (m->value * (double)m->n + (double)bad) / ((double)m->n + (double)bad);
		m->n += (int64_t)bad;
	}
}

static double badness(const struct fm_worst *w)
{
	return isnan(w->times) ? w->distance : w->times;
}

/* What fresh real flows score: the metric's floor, or the same metric of the holdout's own rows. */
static const struct fm_metric *fresh(const struct fm_metrics *metrics, const char *name)
{
	const size_t equal = strlen("leak.rows_equal");
	const struct fm_metric *m;
	char other[FM_METRIC_FLOOR];

	fm_metric_floor(name, other);
	if ((m = fm_metrics_find(metrics, other)))
		return m;
	snprintf(other, sizeof other, "%s_holdout", name);
	if (strncmp(name, "leak.rows_equal", equal) == 0)
		snprintf(other, sizeof other, "leak.holdout_equal%s", name + equal);
	return fm_metrics_find(metrics, other);
}

/* How far a metric is on the bad side of its ideal; 0 at the ideal and beyond it. */
static double distance(const struct fm_metric *m, const struct fm_metric_kind *kind)
{
	return fmax(0, kind->good == FM_HIGH ? kind->ideal - m->value : m->value - kind->ideal);
}

static bool ranks(const struct fm_metric *m, const struct fm_metric_kind *kind)
{
	return !fm_metric_of_floor(m->name) && kind && (kind->good == FM_LOW || kind->good == FM_HIGH) &&
	       !(kind->is & (FM_UNRANKED | FM_BY_GATE)) && !isnan(kind->ideal) && isfinite(m->value) &&
	       distance(m, kind) > 0;
}

/* Where other metrics have floors, one without is compared with chance: half of its interval; NaN without one. */
static double chance(const struct fm_metric *m)
{
	double half = (m->ci_hi - m->ci_lo) / 2;

	return isfinite(half) ? fmax(half, LEAST_FLOOR) : NAN;
}

size_t fm_metrics_worst(const struct fm_metrics *metrics, struct fm_worst *worst, size_t most)
{
	bool floors = false;
	size_t n = 0;

	for (size_t i = 0; i < metrics->n; i++)
		floors |= fresh(metrics, metrics->m[i].name) != NULL;
	for (size_t i = 0; i < metrics->n; i++) {
		const struct fm_metric *m = &metrics->m[i];
		const struct fm_metric_kind *kind = fm_metric_kind(m->name);
		struct fm_worst w = {.metric = m, .floor = fresh(metrics, m->name), .times = NAN};
		size_t at;

		if (!ranks(m, kind) || (kind->is & FM_BESIDE_HOLDOUT && !w.floor))
			continue;
		w.distance = distance(m, kind);
		if (w.floor && isfinite(w.floor->value))
			w.times = w.distance / fmax(fabs(w.floor->value - kind->ideal), LEAST_FLOOR);
		else if (floors && isnan(w.times = w.distance / chance(m)))
			w.distance /= SOME_CHANCE;
		for (at = n; at > 0 && badness(&worst[at - 1]) < badness(&w); at--)
			if (at < most)
				worst[at] = worst[at - 1];
		if (at < most)
			worst[at] = w;
		n += n < most;
	}
	return n;
}
