/* sessions.c - flows cut into sessions. */
#include "model/netshare/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct keyed {
	uint32_t sa, da, ports, pr;
	int64_t te;
	uint32_t row;
};

static int compare_key(const struct keyed *a, const struct keyed *b)
{
	if (a->sa != b->sa)
		return a->sa < b->sa ? -1 : 1;
	if (a->da != b->da)
		return a->da < b->da ? -1 : 1;
	if (a->ports != b->ports)
		return a->ports < b->ports ? -1 : 1;
	return (a->pr > b->pr) - (a->pr < b->pr);
}

static int compare_keyed(const void *pa, const void *pb)
{
	const struct keyed *a = pa, *b = pb;
	int order = compare_key(a, b);

	if (order != 0)
		return order;
	if (a->te != b->te)
		return a->te < b->te ? -1 : 1;
	return (a->row > b->row) - (a->row < b->row);
}

static int compare_session(const void *pa, const void *pb)
{
	const struct fm_session *a = pa, *b = pb;

	return a->chunk != b->chunk ? (a->chunk < b->chunk ? -1 : 1) : (a->first > b->first) - (a->first < b->first);
}

double fm_chunk_begin(int c, int chunks, int64_t first_ms, int64_t last_ms)
{
	return (double)(last_ms - first_ms + 1) * c / chunks;
}

/* How time is cut, and the most flows of a session. */
struct cut {
	int chunks, most;
	int64_t first_ms, last_ms;
};

static int chunk_of(int64_t te, const struct cut *c)
{
	return (int)((__int128)(te - c->first_ms) * c->chunks / (c->last_ms - c->first_ms + 1));
}

/* The sessions of rows [from, to) of the sorted keys, which are one 5-tuple. */
static void tuple_cut(struct fm_sessions *s, const struct keyed *k, size_t from, size_t to, const struct cut *cut)
{
	size_t begin = s->n;
	uint64_t present = 0;

	for (size_t i = from; i < to; i++) {
		int chunk = chunk_of(k[i].te, cut);
		struct fm_session *last = s->n > begin ? &s->session[s->n - 1] : NULL;

		present |= (uint64_t)1 << chunk;
		if (!last || last->chunk != chunk || last->n == (uint32_t)cut->most) {
			last = &s->session[s->n++];
			*last = (struct fm_session){.first = (uint32_t)i, .chunk = (uint16_t)chunk};
			last->starts = chunk == s->session[begin].chunk;
		}
		last->n++;
	}
	for (size_t i = begin; i < s->n; i++)
		s->session[i].present = present;
	s->crossing += (present & (present - 1)) != 0;
}

int fm_sessions_cut(struct fm_sessions *s, const struct fm_table *t, int chunks, int most, int64_t first_ms,
		    int64_t last_ms, struct fm_error *err)
{
	struct cut cut = {chunks, most, first_ms, last_ms};
	struct keyed *k = NULL;
	size_t tuples = 0;
	int rc;

	*s = (struct fm_sessions){.n = 0};
	if ((rc = fm_alloc(&k, t->rows, sizeof *k, "sessions", err)) < 0 ||
	    (rc = fm_alloc(&s->session, t->rows, sizeof *s->session, "sessions", err)) < 0 ||
	    (rc = fm_alloc(&s->order, t->rows, sizeof *s->order, "sessions", err)) < 0)
		goto out;
	for (size_t i = 0; i < t->rows; i++)
		k[i] = (struct keyed){
		    t->sa[i], t->da[i],   (uint32_t)t->sp[i] << 16 | t->dp[i], FM_HAS(t, FM_PR) ? t->pr[i] : 0,
		    t->te[i], (uint32_t)i};
	qsort(k, t->rows, sizeof *k, compare_keyed);
	for (size_t i = 0; i < t->rows; i++)
		s->order[i] = k[i].row;
	for (size_t i = 0, j; i < t->rows; i = j, tuples++) {
		for (j = i + 1; j < t->rows && compare_key(&k[i], &k[j]) == 0;)
			j++;
		tuple_cut(s, k, i, j, &cut);
	}
	s->flows_each = tuples ? (double)t->rows / (double)tuples : 0;
	s->crossing = tuples ? s->crossing / (double)tuples : 0;
	qsort(s->session, s->n, sizeof *s->session, compare_session);
	for (size_t i = 0; i < s->n; i++)
		s->at[s->session[i].chunk + 1]++;
	for (int c = 0; c < FM_CHUNKS_MOST; c++)
		s->at[c + 1] += s->at[c];
out:
	free(k);
	if (rc < 0)
		fm_sessions_close(s);
	return rc;
}

void fm_sessions_close(struct fm_sessions *s)
{
	free(s->session);
	free(s->order);
	s->session = NULL;
	s->order = NULL;
}
