/* words.c - the skip-gram of ports and protocols, and the nearest word. */
#include "model/netshare/words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/nn/heads.h"

#define D FM_WORD_NUMBERS
#define PASSES 5
#define NEGATIVE 5
#define RATE 0.025f /* falls to LEAST, word2vec's own */
#define LEAST 0.0001f
#define TEXTS_MOST 256                /* most protocols in sentences */
#define TABLE (1 << 20)               /* size of the table that words are drawn from */
#define EACH (65536 / FM_WORD_RANGES) /* ports of a range; the first is that of the well-known ones */

int fm_words_open(struct fm_words *w, int nports, int nprotocols, struct fm_error *err)
{
	int rc;

	*w = (struct fm_words){.nports = nports, .nprotocols = nprotocols};
	if ((rc = fm_alloc(&w->port, (size_t)nports + 1, sizeof *w->port, "ports", err)) < 0 ||
	    (rc = fm_alloc(&w->ports, (size_t)nports + 1, D * sizeof *w->ports, "vectors of ports", err)) < 0 ||
	    (rc = fm_alloc(&w->protocols, (size_t)nprotocols + 1, D * sizeof *w->protocols, "vectors of protocols",
			   err)) < 0)
		fm_words_close(w);
	return rc;
}

void fm_words_close(struct fm_words *w)
{
	free(w->port);
	free(w->ports);
	free(w->protocols);
	*w = (struct fm_words){.nports = 0};
}

/* ---- the skip-gram ---- */

struct gram {
	const struct fm_sentence *s;
	size_t n;
	int nwords, nports;
	const char *text[TEXTS_MOST];
	int ntexts;
	int32_t word[65536];                 /* of a port; -1: none */
	uint32_t of[65536 + FM_WORD_RANGES]; /* (nports) what a word stands for, as in fm_words */
	uint32_t *count;                     /* (nwords) */
	uint32_t *table;                     /* (TABLE) words, as often as their frequency to the 3/4 */
	float *in, *out;                     /* (nwords, D) */
};

static int text_of(struct gram *g, const char *pr, int add)
{
	for (int i = 0; i < g->ntexts; i++)
		if (strcasecmp(g->text[i], pr) == 0)
			return i;
	if (!add || g->ntexts == TEXTS_MOST)
		return -1;
	g->text[g->ntexts] = pr;
	return g->ntexts++;
}

/* rows (65536): the sentences of each port. */
static void vocabulary(struct gram *g, uint32_t min_count, uint32_t *rows)
{
	uint32_t rest[FM_WORD_RANGES] = {0};
	int32_t range[FM_WORD_RANGES];

	for (size_t i = 0; i < g->n; i++) {
		rows[g->s[i].sp]++;
		rows[g->s[i].dp] += g->s[i].dp != g->s[i].sp;
		text_of(g, g->s[i].pr, 1);
	}
	for (size_t i = 0; i < g->n; i++) {
		int a = g->s[i].sp, b = g->s[i].dp, few_a = rows[a] < min_count, few_b = rows[b] < min_count;

		rest[a / EACH] += (uint32_t)few_a;
		rest[b / EACH] += (uint32_t)(few_b && !(few_a && a / EACH == b / EACH));
	}
	for (int p = 0; p < 65536; p++) {
		g->word[p] = rows[p] >= min_count && rows[p] > 0 ? g->nports : -1;
		if (g->word[p] >= 0)
			g->of[g->nports++] = (uint32_t)p;
	}
	for (int r = 0; r < FM_WORD_RANGES; r++) {
		range[r] = rest[r] >= min_count && rest[r] > 0 ? g->nports : -1;
		if (range[r] >= 0)
			g->of[g->nports++] = FM_WORD_RANGE + (uint32_t)r;
	}
	for (int p = 0; p < 65536; p++)
		g->word[p] = g->word[p] >= 0 ? g->word[p] : range[p / EACH];
	g->nwords = g->nports + g->ntexts;
}

/* The words of a flow; -1 where it has none. */
static void words_of(struct gram *g, const struct fm_sentence *s, int word[3])
{
	int text = text_of(g, s->pr, 0);

	word[0] = g->word[s->sp];
	word[1] = g->word[s->dp];
	word[2] = text < 0 ? -1 : g->nports + text;
}

static void frequencies(struct gram *g)
{
	double all = 0, sum = 0;
	int w = 0;

	for (size_t i = 0; i < g->n; i++) {
		int word[3];

		words_of(g, &g->s[i], word);
		for (int k = 0; k < 3; k++)
			if (word[k] >= 0)
				g->count[word[k]]++;
	}
	for (int i = 0; i < g->nwords; i++)
		all += fm_det_exp(0.75 * fm_det_log((double)g->count[i] + 1e-9));
	for (int i = 0; i < TABLE; i++) {
		while (w < g->nwords - 1 &&
		       (double)i / TABLE >= (sum + fm_det_exp(0.75 * fm_det_log((double)g->count[w] + 1e-9))) / all) {
			sum += fm_det_exp(0.75 * fm_det_log((double)g->count[w] + 1e-9));
			w++;
		}
		g->table[i] = (uint32_t)w;
	}
}

/* One step: the word predicts the other one among randomly drawn words. */
static void learn(struct gram *g, int word, int other, float rate, struct fm_rng *r)
{
	float *x = g->in + (size_t)word * D, move[D] = {0}, e[NEGATIVE + 1], *y[NEGATIVE + 1];
	int n = 0;

	for (int i = 0; i <= NEGATIVE; i++) {
		int to = i == 0 ? other : (int)g->table[fm_rng_u32(r) >> 12];
		float dot = 0;

		if (i > 0 && to == other)
			continue;
		y[n] = g->out + (size_t)to * D;
		for (int j = 0; j < D; j++)
			dot += x[j] * y[n][j];
		e[n++] = dot;
	}
	fm_logistic(fm_kernels(), e, e, n);
	for (int i = 0; i < n; i++) {
		float f = rate * ((float)(i == 0) - e[i]);

		for (int j = 0; j < D; j++) {
			move[j] += f * y[i][j];
			y[i][j] += f * x[j];
		}
	}
	for (int j = 0; j < D; j++)
		x[j] += move[j];
}

static void train(struct gram *g, uint64_t seed)
{
	size_t all = PASSES * g->n, done = 0;
	struct fm_rng r;

	fm_rng_init(&r, seed, FM_RNG_INIT, UINT64_C(1) << 40, 0);
	for (size_t i = 0; i < (size_t)g->nwords * D; i++)
		g->in[i] = (fm_rng_uniform(&r) - 0.5f) / D;
	for (int pass = 0; pass < PASSES; pass++) {
		fm_rng_init(&r, seed, FM_RNG_BATCH, UINT64_C(1) << 40, (uint32_t)pass);
		for (size_t i = 0; i < g->n; i++, done++) {
			float rate = RATE + (LEAST - RATE) * (float)((double)done / (double)all);
			int word[3];

			words_of(g, &g->s[i], word);
			for (int a = 0; a < 3; a++)
				for (int b = 0; b < 3; b++)
					if (a != b && word[a] >= 0 && word[b] >= 0)
						learn(g, word[a], word[b], rate, &r);
		}
	}
}

/* to = x scaled to length 1. */
static void unit(const float *x, float *to)
{
	float square = 0, f;

	for (int j = 0; j < D; j++)
		square += x[j] * x[j];
	f = square > 0 ? 1 / __builtin_sqrtf(square) : 0;
	for (int j = 0; j < D; j++)
		to[j] = f * x[j];
}

static void keep(struct fm_words *w, struct gram *g, char *const *protocol, uint64_t seed)
{
	memcpy(w->port, g->of, sizeof *w->port * (size_t)w->nports);
	for (int i = 0; i < w->nports; i++)
		unit(g->in + (size_t)i * D, w->ports + (size_t)i * D);
	for (int i = 0; i < w->nprotocols; i++) {
		int text = text_of(g, protocol[i], 0);
		float drawn[D];
		struct fm_rng r;

		fm_rng_init(&r, seed, FM_RNG_INIT, (UINT64_C(1) << 40) + 1 + (uint64_t)i, 0);
		for (int j = 0; j < D; j++)
			drawn[j] = fm_rng_uniform(&r) - 0.5f;
		unit(text >= 0 ? g->in + (size_t)(g->nports + text) * D : drawn, w->protocols + (size_t)i * D);
	}
}

int fm_words_fit(struct fm_words *w, const struct fm_words_in *in, struct fm_error *err)
{
	struct gram *g = NULL;
	uint32_t *rows = NULL;
	int rc;

	*w = (struct fm_words){.nports = 0};
	if ((rc = fm_alloc(&g, 1, sizeof *g, "the skip-gram", err)) < 0 ||
	    (rc = fm_alloc(&rows, 65536, sizeof *rows, "the skip-gram", err)) < 0)
		goto out;
	g->s = in->s;
	g->n = in->n;
	vocabulary(g, (uint32_t)in->min_count, rows);
	if (g->nports == 0) {
		rc = fm_fail(err, FM_EINPUT,
			     "no port is in %d of the %zu flows that vectors of ports are learned from: set "
			     "model.min_count lower, or model.vectors to public",
			     in->min_count, in->n);
		goto out;
	}
	if ((rc = fm_alloc(&g->count, (size_t)g->nwords, sizeof *g->count, "the skip-gram", err)) < 0 ||
	    (rc = fm_alloc(&g->table, TABLE, sizeof *g->table, "the skip-gram", err)) < 0 ||
	    (rc = fm_alloc(&g->in, (size_t)g->nwords * D, sizeof *g->in, "the skip-gram", err)) < 0 ||
	    (rc = fm_alloc(&g->out, (size_t)g->nwords * D, sizeof *g->out, "the skip-gram", err)) < 0 ||
	    (rc = fm_words_open(w, g->nports, in->nprotocols, err)) < 0)
		goto out;
	frequencies(g);
	train(g, in->seed);
	keep(w, g, in->protocol, in->seed);
out:
	free(rows);
	if (g) {
		free(g->count);
		free(g->table);
		free(g->in);
		free(g->out);
	}
	free(g);
	return rc;
}

/* ---- from words and to them ---- */

static uint32_t distance(uint32_t word, uint16_t port)
{
	uint32_t at = word < FM_WORD_RANGE ? word : (word - FM_WORD_RANGE) * EACH + EACH / 2;
	uint32_t off = at < port ? port - at : at - port;

	return (at < EACH) == (port < EACH) ? off : off + 65536;
}

/* Which word stands for `what`; -1: there is none. */
static int find(const struct fm_words *w, uint32_t what)
{
	int low = 0, high = w->nports - 1;

	while (low < high) { /* the first that is not below */
		int mid = (low + high) / 2;

		if (w->port[mid] < what)
			low = mid + 1;
		else
			high = mid;
	}
	return w->port[low] == what ? low : -1;
}

const float *fm_word_of_port(const struct fm_words *w, uint16_t port)
{
	int word = find(w, port);

	if (word < 0)
		word = find(w, FM_WORD_RANGE + port / EACH);
	if (word < 0) {
		word = 0;
		for (int i = 1; i < w->nports; i++)
			word = distance(w->port[i], port) < distance(w->port[word], port) ? i : word;
	}
	return w->ports + (size_t)word * D;
}

uint16_t fm_word_port(const struct fm_words *w, int word, struct fm_rng *r)
{
	uint32_t what = w->port[word];

	return (uint16_t)(what < FM_WORD_RANGE ? what : (what - FM_WORD_RANGE) * EACH + fm_rng_below(r, EACH));
}

enum { WORDS_EACH = 1024 };
struct search {
	struct fm_dense *d;
	const float *word, *x;
	int n, stride, *nearest;
	float *dot; /* (threads, FM_POOL_ROWS, WORDS_EACH) */
};

static void search_job(void *ctx, int from, int to, int thread)
{
	const struct search *s = ctx;
	int rows = to - from;
	float *dot = s->dot + (size_t)thread * FM_POOL_ROWS * WORDS_EACH, best[FM_POOL_ROWS];

	for (int at = 0; at < s->n; at += WORDS_EACH) {
		int n = s->n - at < WORDS_EACH ? s->n - at : WORDS_EACH;

		s->d->k->gemm(&s->d->scratch[thread], FM_N, FM_T, rows, n, D, s->x + (ptrdiff_t)from * s->stride,
			      s->stride, s->word + (ptrdiff_t)at * D, D, dot, WORDS_EACH, NULL, 0);
		for (int r = 0; r < rows; r++)
			for (int i = 0; i < n; i++)
				if ((at == 0 && i == 0) || dot[r * WORDS_EACH + i] > best[r]) {
					best[r] = dot[r * WORDS_EACH + i];
					s->nearest[from + r] = at + i;
				}
	}
}

int fm_words_nearest(struct fm_dense *d, const float *word, int n, const float *x, int rows, int stride, int *nearest,
		     struct fm_error *err)
{
	struct search s = {d, word, x, n, stride, nearest, NULL};
	int rc;

	if ((rc = fm_alloc(&s.dot, d->pool ? (size_t)fm_pool_size(d->pool) : 1,
			   sizeof *s.dot * FM_POOL_ROWS * WORDS_EACH, "nearest words", err)) < 0)
		return rc;
	fm_pool_run_rows(d->pool, rows, search_job, &s);
	free(s.dot);
	return FM_OK;
}
