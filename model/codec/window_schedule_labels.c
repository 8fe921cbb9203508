/* window_schedule_labels.c - how many flows of each label a window has. */
#include "model/codec/window_schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/codec/label_counts.h"

/* The first window not taken whose duration is nearest to the bucket; n where all are taken. */
static size_t nearest(const uint32_t *order, const uint32_t *span, const uint32_t *turn, size_t n, double bucket)
{
	size_t best = n;
	double least = 0;

	for (size_t k = 0; k < n; k++) {
		size_t i = turn[k];
		double off = bucket < 0 ? 0 : span[i] > bucket ? span[i] - bucket : bucket - span[i];
		if (order[i] == 0 && (best == n || off < least)) {
			best = i;
			least = off;
		}
	}
	return best;
}

int fm_window_schedule_classes(uint32_t *order, const uint32_t *span, size_t n, const size_t *of,
			       const struct fm_times *t, struct fm_rng *r, struct fm_error *err)
{
	uint32_t *turn = NULL;
	size_t left = of[0];
	int rc;

	if ((rc = fm_alloc(&turn, n + 1, sizeof *turn, "a schedule", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		order[i] = 0;
		turn[i] = (uint32_t)i;
	}
	fm_rng_shuffle(r, turn, n);
	for (int cl = t->nclasses - 1; cl > 0; cl--) {
		size_t m = of[(size_t)cl * FM_SLOTS];
		for (size_t k = 0; k < m; k++) {
			double u = ((double)k + fm_rng_uniform53(r)) / (double)m;
			size_t i = nearest(order, span, turn, n, fm_label_span_at(t, cl, u));
			if (i < n)
				order[i] = (uint32_t)cl + 1;
		}
	}
	for (size_t k = 0; k < n && left > 0; k++)
		if (order[turn[k]] == 0) {
			order[turn[k]] = 1;
			left--;
		}
	free(turn);
	return FM_OK;
}

/* Rows of each label: the shares of all rows, rounded so that they add up. */
static void rows_of_labels(const struct fm_window_schedule_opts *o, int nclasses, size_t rows,
			   size_t want[FM_MAXCLASSES])
{
	double total = 0, run = 0;
	size_t given = 0;
	memset(want, 0, sizeof(size_t) * FM_MAXCLASSES);
	for (int i = 0; i < o->nlabels; i++)
		total += o->share[i];
	for (int i = 0; i < o->nlabels; i++) {
		run += o->share[i];
		size_t upto = total > 0 ? (size_t)((double)rows * (run / total) + 0.5) : 0;
		if (o->label[i] < nclasses)
			want[o->label[i]] += upto - given;
		given = upto;
	}
}

/* Give want rows of label l to the windows of class cl (-1: to all), out of what is left of the most frequent label
 * there; window number i of these gets the ith part. */
static size_t spread(struct fm_window_schedule *p, int nclasses, int l, int cl, size_t want)
{
	size_t n = 0, i = 0, left = want, budget;
	for (size_t w = 0; w < p->n; w++)
		n += cl < 0 || p->cls[w] == cl;
	for (size_t w = 0; w < p->n && n > 0; w++) {
		uint16_t *q = p->budget + w * (size_t)nclasses;
		if (cl >= 0 && p->cls[w] != cl)
			continue;
		budget = want * (i + 1) / n - want * i / n;
		i++;
		budget = budget < q[0] ? budget : q[0];
		q[0] = (uint16_t)(q[0] - budget);
		q[l] = (uint16_t)(q[l] + budget);
		left -= budget;
	}
	return left;
}

int fm_window_schedule_labels(struct fm_window_schedule *schedule, const struct fm_codec *c,
			      const struct fm_window_schedule_opts *o, struct fm_error *err)
{
	int nc = c->times.nclasses;
	size_t want[FM_MAXCLASSES], before;
	if (fm_alloc(&schedule->budget, schedule->n * (size_t)nc + 1, sizeof *schedule->budget, "labels of windows",
		     err) < 0)
		return err->code;
	for (size_t w = 0; w < schedule->n; w++)
		schedule->budget[w * (size_t)nc] = (uint16_t)c->window;
	rows_of_labels(o, nc, schedule->n * (size_t)c->window, want);
	for (int l = 1; l < nc; l++)
		want[l] = want[l] > 0 ? spread(schedule, nc, l, l, want[l]) : 0;
	/* Flows that the class's windows had no room for go to any windows that have room. */
	for (int l = 1; l < nc; l++)
		do {
			before = want[l];
			want[l] = want[l] > 0 ? spread(schedule, nc, l, -1, want[l]) : 0;
		} while (want[l] > 0 && want[l] < before);
	return FM_OK;
}

/* Counts of a class's own label in its n windows, which have `want` flows of it in all. */
static void own_counts(const struct fm_times *t, int cl, int window, uint32_t *count, size_t n, struct fm_rng *rng)
{
	double share = t->class_share[cl][cl] * window;
	int64_t left = (int64_t)((double)n * share + 0.5);

	for (size_t i = 0; i < n; i++) {
		double x = fm_label_counts_at(t, cl, ((double)i + 0.5) / (double)n) + 0.5;
		count[i] = x < window ? (uint32_t)x : (uint32_t)window;
		left -= count[i];
	}
	fm_rng_shuffle(rng, count, n);
	for (bool moved = true; left != 0 && moved;) {
		moved = false;
		for (size_t i = 0; i < n && left != 0; i++)
			if (left > 0 ? count[i] < (uint32_t)window : count[i] > 1) {
				count[i] += left > 0 ? 1 : UINT32_MAX;
				left += left > 0 ? -1 : 1;
				moved = true;
			}
	}
}

/* Flows of a label in a window of another class: as many as usually come together (run), once half of them are due. */
static int guests(double due, double run)
{
	int together = run > 1 ? (int)(run + 0.5) : 1;

	return due >= 0.5 * together ? together : 0;
}

int fm_window_schedule_own_labels(struct fm_window_schedule *schedule, const struct fm_codec *c, uint64_t seed,
				  struct fm_error *err)
{
	const struct fm_times *t = &c->times;
	int nc = t->nclasses, rc;
	uint32_t *count = NULL;
	double wanted[FM_MAXCLASSES] = {0}; /* of each label in windows of other classes, not placed yet */

	if ((rc = fm_alloc(&schedule->budget, schedule->n * (size_t)nc + 1, sizeof *schedule->budget,
			   "labels of windows", err)) < 0 ||
	    (rc = fm_alloc(&count, schedule->n + 1, sizeof *count, "labels of windows", err)) < 0)
		goto out;
	for (int cl = 0; cl < nc; cl++) {
		size_t n = 0, i = 0;
		struct fm_rng rng;
		fm_rng_init(&rng, seed, FM_RNG_SCHEDULE, (uint64_t)(FM_SLOTS + cl), 0);
		for (size_t w = 0; w < schedule->n; w++)
			n += schedule->cls[w] == cl;
		own_counts(t, cl, c->window, count, cl > 0 ? n : 0, &rng);
		for (size_t w = 0; w < schedule->n; w++) {
			uint16_t *q = schedule->budget + w * (size_t)nc;
			if (schedule->cls[w] != cl)
				continue;
			q[0] = (uint16_t)c->window;
			for (int l = 1; l < nc; l++) {
				wanted[l] += l == cl ? 0 : t->class_share[cl][l] * c->window;
				int k = l == cl ? (int)count[i] : guests(wanted[l], t->class_run[l]);
				k = k < q[0] ? k : q[0];
				wanted[l] -= l == cl ? 0 : k;
				q[l] = (uint16_t)(q[l] + k);
				q[0] = (uint16_t)(q[0] - k);
			}
			i++;
		}
	}
out:
	free(count);
	return rc;
}
