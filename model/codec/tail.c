/* tail.c - a Pareto tail of packets. */
#include "model/codec/tail.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

void fm_tail_fit(struct fm_tail *tail, const int64_t *value, size_t n, int64_t low, int64_t edge, int min_count)
{
	double logs = 0;
	memset(tail, 0, sizeof *tail);
	for (size_t i = 0; i < n; i++) {
		tail->from += value[i] >= low;
		tail->above += value[i] > edge;
		if (value[i] > edge)
			logs += fm_det_log((double)value[i] / (double)edge);
	}
	tail->edge = edge;
	tail->alpha = logs > 0 ? (double)tail->above / logs : 0;
	if (edge < 1 || tail->above < min_count || tail->alpha < 0.5) /* too few; too heavy to be any flow's */
		memset(tail, 0, sizeof *tail);
}

json_t *fm_tail_json(const struct fm_tail *tail)
{
	return json_pack("{s:I, s:I, s:I, s:f}", "edge", (json_int_t)tail->edge, "above", (json_int_t)tail->above,
			 "from", (json_int_t)tail->from, "alpha", tail->alpha);
}

int fm_tail_from_json(struct fm_tail *tail, const json_t *j, struct fm_error *err)
{
	tail->edge = json_integer_value(json_object_get(j, "edge"));
	tail->above = json_integer_value(json_object_get(j, "above"));
	tail->from = json_integer_value(json_object_get(j, "from"));
	tail->alpha = json_number_value(json_object_get(j, "alpha"));
	if (tail->above < 0 || tail->from < tail->above ||
	    (tail->above > 0 && (tail->edge < 1 || tail->edge > ((int64_t)1 << 40) || !(tail->alpha >= 0.5))))
		return fm_fail(err, FM_EINPUT, "the model's codec is damaged: a tail");
	return FM_OK;
}

struct large {
	uint64_t pkt;
	size_t row;
};

static int compare_large(const void *a, const void *b)
{
	const struct large *x = a, *y = b;
	if (x->pkt != y->pkt)
		return x->pkt < y->pkt ? 1 : -1;
	return (x->row > y->row) - (x->row < y->row);
}

int fm_tail_lay(const struct fm_tail *tail, struct fm_table *t, int64_t low, struct fm_error *err)
{
	struct large *large = NULL;
	size_t n = 0, above;
	int rc;
	if (tail->above == 0)
		return FM_OK;
	if ((rc = fm_alloc(&large, t->rows + 1, sizeof *large, "the largest flows", err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++)
		if (t->pkt[i] >= (uint64_t)low)
			large[n++] = (struct large){t->pkt[i], i};
	qsort(large, n, sizeof *large, compare_large);
	above = (size_t)((double)n * ((double)tail->above / (double)tail->from) + 0.5);
	for (size_t i = 0; i < above && i < n; i++) {
		double share = ((double)i + 0.5) / (double)above, x = fm_det_exp(-fm_det_log(share) / tail->alpha);
		uint64_t pkt = (uint64_t)((double)tail->edge * x), *byt = &t->byt[large[i].row];
		if (pkt <= large[i].pkt)
			continue;
		*byt = (uint64_t)((double)*byt * ((double)pkt / (double)large[i].pkt) + 0.5);
		t->pkt[large[i].row] = pkt;
	}
	free(large);
	return FM_OK;
}
