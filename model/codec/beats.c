/* beats.c - finding periodic conversations, and making them. */
#include "model/codec/beats.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

struct flow {
	uint64_t hosts;
	uint32_t what; /* destination port and protocol */
	uint32_t row;
	int64_t te;
};

static int compare_flows(const void *a, const void *b)
{
	const struct flow *x = a, *y = b;
	if (x->hosts != y->hosts)
		return x->hosts < y->hosts ? -1 : 1;
	if (x->what != y->what)
		return x->what < y->what ? -1 : 1;
	if (x->te != y->te)
		return x->te < y->te ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/* The flows of t by conversation, in order of time. */
static int conversations_of(struct flow **flows, const struct fm_table *t, struct fm_error *err)
{
	int rc;
	if ((rc = fm_alloc(flows, t->rows + 1, sizeof **flows, "conversations", err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++)
		(*flows)[i] = (struct flow){(uint64_t)t->sa[i] << 32 | t->da[i], (uint32_t)t->dp[i] << 16 | t->pr[i],
					    (uint32_t)i, t->te[i]};
	qsort(*flows, t->rows, sizeof **flows, compare_flows);
	return FM_OK;
}

static size_t conversation_end(const struct flow *f, size_t from, size_t n)
{
	size_t to = from + 1;
	while (to < n && f[to].hosts == f[from].hosts && f[to].what == f[from].what)
		to++;
	return to;
}

/* The squared coefficient of variation of the gaps of n >= 3 flows; 0 when all times are equal, as score.py has it. */
static double variation(const struct flow *f, size_t n)
{
	double sum = 0, squares = 0, mean;
	for (size_t i = 1; i < n; i++) {
		double gap = (double)(f[i].te - f[i - 1].te);
		sum += gap;
		squares += gap * gap;
	}
	mean = sum / (double)(n - 1);
	return mean > 0 ? squares / (double)(n - 1) / (mean * mean) - 1 : 0;
}

int fm_beats_fit(struct fm_beats *b, const struct fm_table *t, double share, int min_count, struct fm_error *err)
{
	struct flow *f = NULL;
	int64_t rest = 0;
	int rc, last = -1;
	memset(b, 0, sizeof *b);
	b->shortest = min_count < 3 ? 3 : min_count;
	if ((rc = conversations_of(&f, t, err)) < 0)
		return rc;
	for (size_t i = 0, j; i < t->rows; i = j) {
		j = conversation_end(f, i, t->rows);
		if (j - i < (size_t)b->shortest)
			continue;
		double square = (variation(f + i, j - i) - (1 - share)) / share;
		b->conversations++;
		for (int k = 0; k < FM_BEATS; k++)
			if (square * 100 < (k + 1) * (k + 1)) {
				b->regular[k]++;
				break;
			}
	}
	free(f);
	for (int k = 0; k < FM_BEATS; k++) { /* tenths with fewer than k conversations join the next one */
		rest += b->regular[k];
		b->regular[k] = 0;
		if (rest >= min_count) {
			b->regular[last = k] = rest;
			rest = 0;
		}
	}
	if (last >= 0)
		b->regular[last] += rest;
	if (b->conversations < min_count)
		memset(b, 0, sizeof *b);
	return FM_OK;
}

json_t *fm_beats_json(const struct fm_beats *b)
{
	json_t *regular = json_array();
	for (int k = 0; k < FM_BEATS; k++)
		json_array_append_new(regular, json_integer(b->regular[k]));
	return json_pack("{s:i, s:I, s:o}", "shortest", b->shortest, "conversations", (json_int_t)b->conversations,
			 "regular", regular);
}

int fm_beats_from_json(struct fm_beats *b, const json_t *j, struct fm_error *err)
{
	int64_t regular = 0;
	memset(b, 0, sizeof *b);
	b->shortest = (int)json_integer_value(json_object_get(j, "shortest"));
	b->conversations = json_integer_value(json_object_get(j, "conversations"));
	if (b->conversations < 0 || b->conversations > ((int64_t)1 << 40))
		return fm_fail(err, FM_EINPUT, "the model's codec is damaged: beats");
	for (size_t k = 0; k < FM_BEATS; k++) {
		b->regular[k] = json_integer_value(json_array_get(json_object_get(j, "regular"), k));
		if (b->regular[k] < 0 || b->regular[k] > b->conversations)
			return fm_fail(err, FM_EINPUT, "the model's codec is damaged: beats");
		regular += b->regular[k];
	}
	if (regular > b->conversations || (b->conversations > 0 && b->shortest < 3))
		return fm_fail(err, FM_EINPUT, "the model's codec is damaged: beats");
	return FM_OK;
}

/* ---- made flows ---- */

struct candidate {
	double variation;
	size_t from, to;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->variation != y->variation)
		return x->variation < y->variation ? -1 : 1;
	return (x->from > y->from) - (x->from < y->from);
}

/* Draw a coefficient of variation from the learned distribution. */
static double coefficient(const struct fm_beats *b, int64_t regular, struct fm_rng *r)
{
	int64_t at = (int64_t)(fm_rng_uniform53(r) * (double)regular);
	int k = 0;
	while (k < FM_BEATS - 1 && at >= b->regular[k])
		at -= b->regular[k++];
	/* Above 9/20 chance would often carry the measured coefficient over 1/2. */
	double c = ((double)k + fm_rng_uniform53(r)) / 10;
	return c < 0.45 ? c : 0.45;
}

/* Moves a flow and its reply. */
static void move(struct fm_table *t, uint32_t row, int64_t te, const struct fm_beats_opts *o)
{
	int64_t by = te - t->te[row];
	for (; row != UINT32_MAX; row = o->answer ? o->answer[row] : UINT32_MAX) {
		int64_t to = t->te[row] + by;
		t->te[row] = to < o->first_ms ? o->first_ms : to > o->last_ms ? o->last_ms : to;
	}
}

/* Even times from the first to the last, each moved by at most a share `a` of a gap either way.  Independent uniform
 * moves give gaps the variance 2 a^2 / 3 of a squared gap. */
static void beat(struct fm_table *t, const struct flow *f, size_t n, double c, const struct fm_beats_opts *o,
		 struct fm_rng *r)
{
	double gap = (double)(f[n - 1].te - f[0].te) / (double)(n - 1), a = c * 1.2247448713915890;
	for (size_t i = 0; i < n; i++) {
		double at = (double)i + (i > 0 && i < n - 1 ? a * (2 * fm_rng_uniform53(r) - 1) : 0);
		int64_t ticks = (int64_t)((gap * at) / (double)o->step + 0.5);
		move(t, f[i].row, f[0].te + (ticks > 0 ? ticks : 0) * o->step, o);
	}
}

int fm_beats_lay(const struct fm_beats *b, struct fm_table *t, const struct fm_beats_opts *o, struct fm_error *err)
{
	struct flow *f = NULL;
	struct candidate *c = NULL;
	int64_t regular = 0;
	size_t n = 0, want;
	struct fm_rng r;
	int rc;
	for (int k = 0; k < FM_BEATS; k++)
		regular += b->regular[k];
	if (regular == 0 || t->rows == 0)
		return FM_OK;
	if ((rc = conversations_of(&f, t, err)) < 0 ||
	    (rc = fm_alloc(&c, t->rows / (size_t)b->shortest + 1, sizeof *c, "conversations", err)) < 0)
		goto out;
	for (size_t i = 0, j; i < t->rows; i = j) {
		j = conversation_end(f, i, t->rows);
		if (j - i >= (size_t)b->shortest)
			c[n++] = (struct candidate){variation(f + i, j - i), i, j};
	}
	qsort(c, n, sizeof *c, compare_candidates);
	want = (size_t)((double)n * ((double)regular / (double)b->conversations) + 0.5);
	fm_rng_init(&r, o->seed, FM_RNG_DECODE, UINT32_MAX - 3, 0);
	for (size_t i = 0; i < want && i < n; i++)
		beat(t, f + c[i].from, c[i].to - c[i].from, coefficient(b, regular, &r), o, &r);
out:
	free(f);
	free(c);
	return rc;
}
