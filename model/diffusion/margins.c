/* margins.c - counts of what windows are, and the choice of windows by them. */
#include "model/diffusion/margins.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "model/codec/relations.h"

/* Kinds of count: columns of tokens, then what a window has. */
enum { SERVICES = FM_NTOK + FM_NRELATIONS, SOURCES, NKINDS };
enum { KIND = 56, PASSES = 4, BUCKETS = 11, RIVALS = 24, REACH = 512 };
static const int columns[] = {FM_T_ROLE, FM_T_SP, FM_T_DP, FM_T_FLG, FM_T_PKT, FM_T_TD, FM_T_BPP};
enum { NCOLUMNS = sizeof columns / sizeof *columns, FEATURES = FM_WINDOW_MOST * NCOLUMNS + FM_NRELATIONS + 2 };

static uint64_t key_of(int kind, uint64_t value)
{
	return (uint64_t)kind << KIND | value;
}

/* The key of all of a kind that are too few for a count of their own. */
static uint64_t rest_of(uint64_t key)
{
	return key | (((uint64_t)1 << KIND) - 1);
}

static uint64_t column_key(const uint16_t *flow, int c)
{
	uint64_t value = flow[c];

	if (c == FM_T_DP)
		value |= (uint64_t)flow[FM_T_LABEL] << 32 | (uint64_t)flow[FM_T_PR] << 16;
	return key_of(c, value);
}

static uint64_t bucket(size_t n)
{
	uint64_t b = 0;

	for (; n > 0 && b < BUCKETS; n /= 2)
		b++;
	return b;
}

/* The keys of a window's features, into key (FEATURES); returns how many. */
static int keys_of(const uint16_t *tok, int window, uint64_t *key)
{
	int n = 0, related[FM_NRELATIONS] = {0};
	uint64_t service[FM_WINDOW_MOST], source[FM_WINDOW_MOST];

	for (int i = 0; i < window; i++) {
		const uint16_t *flow = tok + (size_t)i * FM_NTOK;
		int back, kind = fm_rel_kind(flow[FM_T_REL], window, &back);
		related[kind < FM_NRELATIONS ? kind : FM_RELATION_NONE]++;
		service[i] = column_key(flow, FM_T_DP);
		/* A recency token says how long ago its host was seen, so distinct tokens are only nearly distinct
		 * sources. */
		source[i] = flow[FM_T_SA];
		for (int c = 0; c < NCOLUMNS; c++)
			key[n++] = column_key(flow, columns[c]);
	}
	for (int k = 0; k < FM_NRELATIONS; k++)
		key[n++] = key_of(FM_NTOK + k, bucket((size_t)related[k]));
	key[n++] = key_of(SERVICES, bucket(fm_count_different(service, (size_t)window)));
	key[n++] = key_of(SOURCES, bucket(fm_count_different(source, (size_t)window)));
	return n;
}

/* ---- learning ---- */

/* Turn n sorted keys into the counts that are at least k, and the rest of each kind. */
static int count(struct fm_margins *m, const uint64_t *key, size_t n, uint64_t k, struct fm_error *err)
{
	uint64_t rest = 0;
	size_t kinds = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		kinds += i == 0 || key[i] != key[i - 1];
	if ((rc = fm_alloc(&m->at, kinds + NKINDS, sizeof *m->at, "margins", err)) < 0)
		return rc;
	for (size_t i = 0, to; i < n; i = to) {
		for (to = i + 1; to < n && key[to] == key[i]; to++)
			;
		if (to - i >= k)
			m->at[m->n++] = (struct fm_margin){key[i], to - i};
		else
			rest += to - i;
		if (to == n || rest_of(key[to]) != rest_of(key[i])) {
			if (rest >= k)
				m->at[m->n++] = (struct fm_margin){rest_of(key[i]), rest};
			rest = 0;
		}
	}
	return FM_OK;
}

int fm_margins_fit(struct fm_margins *m, const struct fm_encoded *e, int window, int min_count, struct fm_error *err)
{
	size_t W = (size_t)window, n = 0;
	uint64_t *key = NULL;
	int rc;

	*m = (struct fm_margins){.windows = e->windows};
	if ((rc = fm_alloc(&key, e->windows * (W * NCOLUMNS + FM_NRELATIONS + 2) + 1, sizeof *key, "margins", err)) < 0)
		return rc;
	for (size_t w = 0; w < e->windows; w++)
		n += (size_t)keys_of(e->tok + w * W * FM_NTOK, window, key + n);
	qsort(key, n, sizeof *key, fm_compare_u64);
	rc = count(m, key, n, min_count > 1 ? (uint64_t)min_count : 1, err);
	free(key);
	return rc;
}

void fm_margins_free(struct fm_margins *m)
{
	free(m->at);
	*m = (struct fm_margins){0};
}

/* ---- as a document ---- */

json_t *fm_margins_json(const struct fm_margins *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->n; i++)
		json_array_append_new(list, json_pack("[I,I]", (json_int_t)m->at[i].key, (json_int_t)m->at[i].count));
	return json_pack("{s:I, s:o}", "windows", (json_int_t)m->windows, "counts", list);
}

int fm_margins_from_json(struct fm_margins *m, const json_t *j, struct fm_error *err)
{
	const json_t *list = json_object_get(j, "counts");
	json_int_t windows = json_integer_value(json_object_get(j, "windows"));
	size_t n = json_array_size(list);
	bool good = json_is_array(list) && windows > 0 && windows < (json_int_t)1 << 32;
	int rc;

	*m = (struct fm_margins){0};
	if (!j)
		return FM_OK;
	if ((rc = fm_alloc(&m->at, n + 1, sizeof *m->at, "margins", err)) < 0)
		return rc;
	for (size_t i = 0; i < n && good; i++) {
		json_int_t key = json_integer_value(json_array_get(json_array_get(list, i), 0)),
			   flows = json_integer_value(json_array_get(json_array_get(list, i), 1));
		good = key >= 0 && key < (json_int_t)NKINDS << KIND && flows > 0 && flows < (json_int_t)1 << 40 &&
		       (i == 0 || (uint64_t)key > m->at[i - 1].key);
		m->at[m->n++] = (struct fm_margin){(uint64_t)key, (uint64_t)flows};
	}
	if (!good) {
		fm_margins_free(m);
		return fm_fail(err, FM_EINPUT, "the model's margins are damaged");
	}
	m->windows = (uint64_t)windows;
	return FM_OK;
}

/* ---- drafts ---- */

/* A copy of a (n of `size` bytes), and behind it that of every FM_SPARE_EVERYth; NULL stays NULL. */
static int extend(void *to, const void *a, size_t n, size_t size, struct fm_error *err)
{
	size_t spare = n / FM_SPARE_EVERY;
	char *b;
	int rc;

	if (!a)
		return FM_OK;
	if ((rc = fm_alloc(&b, n + spare + 1, size, "windows", err)) < 0)
		return rc;
	memcpy(b, a, n * size);
	for (size_t i = 0; i < spare; i++)
		memcpy(b + (n + i) * size, (const char *)a + i * FM_SPARE_EVERY * size, size);
	*(void **)to = b;
	return FM_OK;
}

int fm_margins_drafts(const struct fm_margins *m, struct fm_window_schedule *drafts,
		      const struct fm_window_schedule *schedule, int classes, struct fm_error *err)
{
	const struct fm_window_schedule *s = schedule;
	int rc;

	*drafts = (struct fm_window_schedule){.n = s->n + (m->n > 0 ? s->n / FM_SPARE_EVERY : 0)};
	if ((rc = extend(&drafts->slot, s->slot, s->n, sizeof *s->slot, err)) < 0 ||
	    (rc = extend(&drafts->span, s->span, s->n, sizeof *s->span, err)) < 0 ||
	    (rc = extend(&drafts->cls, s->cls, s->n, sizeof *s->cls, err)) < 0 ||
	    (rc = extend(&drafts->kind, s->kind, s->n, sizeof *s->kind, err)) < 0 ||
	    (rc = extend(&drafts->start_ms, s->start_ms, s->n, sizeof *s->start_ms, err)) < 0 ||
	    (rc = extend(&drafts->end_ms, s->end_ms, s->n, sizeof *s->end_ms, err)) < 0 ||
	    (rc = extend(&drafts->budget, s->budget, s->n, (size_t)classes * sizeof *s->budget, err)) < 0)
		fm_window_schedule_free(drafts);
	return rc;
}

/* ---- choosing ---- */

struct choice {
	const struct fm_margins *m;
	double *wanted, *made, *change; /* (m->n + 1); the last is for features without a count */
	uint32_t *place;                /* (drafts, each) counts that a draft's features belong to */
	size_t each;
	uint32_t *touched; /* (2 * FEATURES) */
};

/* The place of a key's count. */
static uint32_t place_of(const struct fm_margins *m, uint64_t key)
{
	for (int rest = 0; rest < 2; rest++, key = rest_of(key)) {
		size_t lo = 0, hi = m->n;
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;
			if (m->at[mid].key < key)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < m->n && m->at[lo].key == key)
			return (uint32_t)lo;
	}
	return (uint32_t)m->n;
}

static void places_of(const struct choice *q, const uint16_t *tok, int window, uint32_t *place)
{
	uint64_t key[FEATURES];
	int n = keys_of(tok, window, key);

	for (int i = 0; i < n; i++)
		place[i] = place_of(q->m, key[i]);
}

/* How much the distance from the wanted counts rises when draft `in` replaces draft `out`; below 0: it falls. */
static double rise_of(struct choice *q, size_t out, size_t in)
{
	const uint32_t *a = q->place + out * q->each, *b = q->place + in * q->each;
	double rise = 0;
	size_t touched = 0;

	for (size_t i = 0; i < q->each; i++) {
		q->change[b[i]] += 1;
		q->change[a[i]] -= 1;
		q->touched[touched++] = b[i];
		q->touched[touched++] = a[i];
	}
	for (size_t i = 0; i < touched; i++) {
		uint32_t at = q->touched[i];
		double d = q->change[at];
		if (!(d > 0 || d < 0))
			continue;
		rise += d * (2 * (q->made[at] - q->wanted[at]) + d) / (q->wanted[at] + 1);
		q->change[at] = 0;
	}
	return rise;
}

static void count_draft(struct choice *q, size_t draft, double by)
{
	for (size_t i = 0; i < q->each; i++)
		q->made[q->place[draft * q->each + i]] += by;
}

static int choice_new(struct choice *q, const struct fm_margins *m, const struct fm_sampled *x, size_t drafts,
		      int window, struct fm_error *err)
{
	size_t W = (size_t)window;
	int rc;

	q->m = m;
	q->each = W * NCOLUMNS + FM_NRELATIONS + 2;
	if ((rc = fm_alloc(&q->wanted, m->n + 1, sizeof *q->wanted, "a choice of windows", err)) < 0 ||
	    (rc = fm_alloc(&q->made, m->n + 1, sizeof *q->made, "a choice of windows", err)) < 0 ||
	    (rc = fm_alloc(&q->change, m->n + 1, sizeof *q->change, "a choice of windows", err)) < 0 ||
	    (rc = fm_alloc(&q->place, drafts * q->each + 1, sizeof *q->place, "a choice of windows", err)) < 0 ||
	    (rc = fm_alloc(&q->touched, 2 * FEATURES, sizeof *q->touched, "a choice of windows", err)) < 0)
		return rc;
	for (size_t w = 0; w < drafts; w++)
		places_of(q, x->tok + w * W * FM_NTOK, window, q->place + w * q->each);
	return FM_OK;
}

static void choice_free(struct choice *q)
{
	free(q->wanted);
	free(q->made);
	free(q->change);
	free(q->place);
	free(q->touched);
}

/* Have two windows of a schedule the same conditions? */
static bool alike(const struct fm_window_schedule *s, int classes, size_t a, size_t b)
{
	size_t nc = (size_t)classes;

	return s->slot[a] == s->slot[b] && s->span[a] == s->span[b] && s->cls[a] == s->cls[b] &&
	       (!s->budget || memcmp(s->budget + a * nc, s->budget + b * nc, nc * sizeof *s->budget) == 0);
}

/* The windows whose place a spare one may take, its own first, then those next to it in time: (spare, RIVALS), filled
 * up with the number of windows where there are fewer. */
static void rivals_of(const struct fm_drafts *d, size_t spare, uint32_t *rival)
{
	size_t n = d->windows, own = spare * FM_SPARE_EVERY, found = 0;

	rival[found++] = (uint32_t)own;
	for (size_t far = 1; far <= REACH && found < RIVALS; far++) {
		if (own >= far && alike(d->schedule, d->classes, own, own - far))
			rival[found++] = (uint32_t)(own - far);
		if (own + far < n && found < RIVALS && alike(d->schedule, d->classes, own, own + far))
			rival[found++] = (uint32_t)(own + far);
	}
	while (found < RIVALS)
		rival[found++] = (uint32_t)n;
}

/* Exchange windows and spare ones while it helps.  of (drafts): the draft in the place of each window, and behind these
 * the drafts left over. */
static int settle(struct choice *q, const struct fm_drafts *d, uint32_t *of, struct fm_error *err)
{
	size_t n = d->windows, spare = d->schedule->n - n;
	uint32_t *rival = NULL;
	bool moved = true;
	int rc;

	if ((rc = fm_alloc(&rival, spare * RIVALS + 1, sizeof *rival, "a choice of windows", err)) < 0)
		return rc;
	for (size_t i = 0; i < spare; i++)
		rivals_of(d, i, rival + i * RIVALS);
	for (int pass = 0; pass < PASSES && moved; pass++) {
		moved = false;
		for (size_t i = 0; i < spare; i++) {
			uint32_t in = of[n + i], best = (uint32_t)n;
			double least = 0;
			for (size_t k = i * RIVALS; k < (i + 1) * RIVALS && rival[k] < n; k++) {
				double rise = rise_of(q, of[rival[k]], in);
				if (rise < least) {
					least = rise;
					best = rival[k];
				}
			}
			if (best == n)
				continue;
			count_draft(q, of[best], -1);
			count_draft(q, in, 1);
			of[n + i] = of[best];
			of[best] = in;
			moved = true;
		}
	}
	free(rival);
	return FM_OK;
}

/* Put draft of[i] (n) at place i, each of `size` bytes; one: room for one. */
static void arrange(void *a, const uint32_t *of, size_t n, size_t size, void *one, bool *done)
{
	char *at = a;

	memset(done, 0, n * sizeof *done);
	for (size_t i = 0; i < n; i++) {
		size_t to = i;
		if (done[i] || of[i] == i)
			continue;
		memcpy(one, at + i * size, size);
		for (; of[to] != i; to = of[to]) {
			memcpy(at + to * size, at + of[to] * size, size);
			done[to] = true;
		}
		memcpy(at + to * size, one, size);
		done[to] = true;
	}
}

int fm_margins_choose(const struct fm_margins *m, const struct fm_drafts *d, const struct fm_sampled *x, int window,
		      struct fm_error *err)
{
	size_t W = (size_t)window, n = d->windows, drafts = d->schedule->n;
	struct choice q = {0};
	uint32_t *of = NULL;
	float *one = NULL;
	bool *done = NULL;
	int rc;

	if (drafts == n || m->n == 0)
		return FM_OK;
	if ((rc = choice_new(&q, m, x, drafts, window, err)) < 0 ||
	    (rc = fm_alloc(&of, drafts, sizeof *of, "a choice of windows", err)) < 0 ||
	    (rc = fm_alloc(&done, drafts, sizeof *done, "a choice of windows", err)) < 0 ||
	    (rc = fm_alloc(&one, W * (FM_NRES + FM_NTOK), sizeof *one, "a choice of windows", err)) < 0)
		goto out;
	for (size_t i = 0; i < m->n; i++)
		q.wanted[i] = (double)m->at[i].count * (double)n / (double)m->windows;
	for (size_t w = 0; w < drafts; w++)
		of[w] = (uint32_t)w;
	for (size_t w = 0; w < n; w++)
		count_draft(&q, w, 1);
	if ((rc = settle(&q, d, of, err)) < 0)
		goto out;
	arrange(x->tok, of, drafts, W * FM_NTOK * sizeof *x->tok, one, done);
	arrange(x->res, of, drafts, W * FM_NRES * sizeof *x->res, one, done);
out:
	choice_free(&q);
	free(of);
	free(done);
	free(one);
	return rc;
}
