/* window_schedule_labels.c - how many flows of each label a window has. */
#include "model/codec/window_schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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
	/* What windows of the class had no room for goes to all windows that have. */
	for (int l = 1; l < nc; l++)
		do {
			before = want[l];
			want[l] = want[l] > 0 ? spread(schedule, nc, l, -1, want[l]) : 0;
		} while (want[l] > 0 && want[l] < before);
	return FM_OK;
}
