/*
 * trainer_sample.c - flows from NetShare's generators (Yin et al. 2022, 4.3).
 *
 * A chunk's generator makes the sessions whose 5-tuples begin in the chunk; each is carried on into the later chunks
 * that its tags name, whose generators make its records there.  A session that does not begin in the chunk, is not in
 * it, or has a 5-tuple that was made before is made again, as often as a trained generator may need.  5-tuples beyond
 * the rows asked for are removed at random.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/netshare/tags.h"
#include "model/netshare/trainer.h"

#define STRICT_ROUNDS 6 /* after these, tags and doubled 5-tuples are no longer checked */
#define TRIES 4         /* most sessions made in a round for each one wanted */

struct tuple {
	uint64_t present; /* chunks in which it goes on */
	int said[3];      /* sp, dp and the index of the protocol */
	uint16_t chunk;
};
struct sampler {
	const struct fm_dg *n;
	const struct fm_share_codec *c;
	const float *p;
	const struct fm_share_sample_opts *o;
	struct fm_dg_work *work;
	struct fm_table *t;
	uint32_t *tuple_of; /* (capacity of t) of each row */
	size_t rows, cap;
	struct tuple *tuple; /* all that were made so far */
	float *attributes;   /* (tuples, attributes) of this round's tuples, from first on */
	size_t ntuples, first, tuple_cap, attribute_cap;
	uint64_t *seen; /* a hash table of 5-tuples; 0: empty */
	size_t nseen, seen_cap;
	float *made, *records, *noise, *start; /* a batch; start: the starts of sessions carried on */
	int nstart;
	int *nearest; /* (3, batch) */
	uint32_t step;
	bool strict;
	size_t refused;
};

/* ---- 5-tuples ---- */

static uint32_t address_of(const struct sampler *s, const float *a, enum fm_col col)
{
	const float *x = a + fm_share_word(s->c, col); /* the highest bit comes first */
	uint32_t raw = 0;

	for (int b = 0; b < 32; b++, x += 2)
		raw = raw << 1 | (x[1] > x[0]);
	return raw;
}

static uint64_t mixed(uint64_t x)
{
	x ^= x >> 31;
	x *= UINT64_C(0x9e3779b97f4a7c15);
	return x ^ x >> 29;
}

static uint64_t key_of(const struct sampler *s, const float *a, const int said[3])
{
	uint64_t k = mixed((uint64_t)address_of(s, a, FM_SA) << 32 | address_of(s, a, FM_DA));

	k = mixed(k ^ ((uint64_t)said[0] << 40 | (uint64_t)said[1] << 20 | (uint64_t)said[2]));
	return k ? k : 1;
}

/* Add a key; *before: it was there already. */
static int seen_add(struct sampler *s, uint64_t key, bool *before, struct fm_error *err)
{
	int rc;

	if (2 * (s->nseen + 1) > s->seen_cap) {
		size_t cap = s->seen_cap ? 2 * s->seen_cap : 4096;
		uint64_t *was = s->seen;

		if ((rc = fm_alloc(&s->seen, cap, sizeof *s->seen, "5-tuples", err)) < 0) {
			s->seen = was;
			return rc;
		}
		for (size_t i = 0; i < s->seen_cap; i++)
			if (was[i]) {
				size_t at = was[i] & (cap - 1);

				while (s->seen[at])
					at = (at + 1) & (cap - 1);
				s->seen[at] = was[i];
			}
		free(was);
		s->seen_cap = cap;
	}
	size_t at = key & (s->seen_cap - 1);
	while (s->seen[at] && s->seen[at] != key)
		at = (at + 1) & (s->seen_cap - 1);
	*before = s->seen[at] == key;
	s->nseen += !*before;
	s->seen[at] = key;
	return FM_OK;
}

static int grow(void *array, size_t *cap, size_t used, size_t want, size_t size, const char *what, struct fm_error *err)
{
	void **to = array, *more;
	size_t n = *cap;
	int rc;

	if (want <= n)
		return FM_OK;
	n = want + want / 2;
	if ((rc = fm_alloc(&more, n, size, what, err)) < 0)
		return rc;
	if (used > 0)
		memcpy(more, *to, used * size);
	free(*to);
	*to = more;
	*cap = n;
	return FM_OK;
}

/* Decide the ports, the protocol, the start flag and the tags up to the chunk's own of the i-th session of the batch.
 * They are drawn from their softmax. */
static void decide(const struct sampler *s, int chunk, int i, int said[3])
{
	const struct fm_share_codec *c = s->c;
	float *a = s->made + (size_t)i * (size_t)c->attributes;
	struct fm_rng r;

	fm_rng_init(&r, s->o->seed, FM_RNG_DECODE, (uint64_t)i, s->step);
	for (int k = 0; k < 2; k++)
		said[k] = fm_word_port(&c->words, s->nearest[k * s->o->batch + i], &r);
	said[2] = s->nearest[2 * s->o->batch + i];
	for (int k = -1; k <= chunk; k++) {
		float *x = a + (k < 0 ? c->starts : c->present + 2 * k);

		x[1] = fm_rng_uniform(&r) * (x[0] + x[1]) < x[1];
		x[0] = 1 - x[1];
	}
}

/* Keep at most `want` sessions of the batch; while strict, only those that begin in the chunk, are in it and have a new
 * 5-tuple.  The starts of sessions that do not begin in it are kept for those carried on. */
static int keep(struct sampler *s, int chunk, size_t *want, struct fm_error *err)
{
	const struct fm_share_codec *c = s->c;
	size_t A = (size_t)c->attributes;
	int B = s->o->batch, rc;

	for (int i = 0; i<B && * want> 0; i++) {
		const float *a = s->made + (size_t)i * A;
		struct tuple k = {.chunk = (uint16_t)chunk};
		bool before = false, starts;

		decide(s, chunk, i, k.said);
		starts = fm_share_starts(c, a);
		if (!starts && s->nstart < B)
			s->start[s->nstart++] = a[fm_share_start(c)];
		if (s->strict && (!starts || !fm_share_present(c, a, chunk))) {
			s->refused++;
			continue;
		}
		if ((rc = seen_add(s, key_of(s, a, k.said), &before, err)) < 0)
			return rc;
		if (s->strict && before) {
			s->refused++;
			continue;
		}
		if ((rc = grow(&s->tuple, &s->tuple_cap, s->ntuples, s->ntuples + 1, sizeof k, "5-tuples", err)) < 0 ||
		    (rc = grow(&s->attributes, &s->attribute_cap, (s->ntuples - s->first) * A,
			       (s->ntuples - s->first + 1) * A, sizeof *a, "attributes", err)) < 0)
			return rc;
		memcpy(s->attributes + (s->ntuples - s->first) * A, a, sizeof *a * A);
		s->tuple[s->ntuples++] = k;
		(*want)--;
	}
	return FM_OK;
}

/* Decide which of the tuples from `from` on go on in which later chunks. */
static int go_on(struct sampler *s, int chunk, size_t from, struct fm_error *err)
{
	const struct fm_share_codec *c = s->c;
	const struct fm_share_chunk *k = &c->chunk[chunk];
	struct fm_tags tags = {.n = s->ntuples - from, .tags = c->chunks - 1 - chunk};
	float *first;
	double share[FM_CHUNKS_MOST];
	uint64_t *has = NULL;
	float *soft = NULL;
	struct fm_rng r;
	int rc;

	if (tags.n == 0 || tags.tags == 0)
		return FM_OK;
	if ((rc = fm_alloc(&soft, tags.n * (size_t)tags.tags, sizeof *soft, "5-tuples", err)) < 0 ||
	    (rc = fm_alloc(&has, tags.n, sizeof *has, "5-tuples", err)) < 0)
		goto out;
	first = s->attributes + (from - s->first) * (size_t)c->attributes + c->present + 2 * (chunk + 1);
	for (size_t i = 0; i < tags.n; i++)
		for (int m = 0; m < tags.tags; m++)
			soft[i * (size_t)tags.tags + (size_t)m] = first[i * (size_t)c->attributes + 2 * (size_t)m + 1];
	for (int m = 0; m < tags.tags; m++)
		share[m] = k->starting > 0 ? fm_share_going_on(c, chunk, chunk + 1 + m) / k->starting : 0;
	tags.soft = soft;
	tags.share = share;
	tags.any = k->starting > 0 ? k->lasting / k->starting : 0;
	fm_rng_init(&r, s->o->seed, FM_RNG_DECODE, (uint64_t)s->o->batch, s->step);
	if ((rc = fm_tags_choose(&tags, &r, has, err)) < 0)
		goto out;
	for (size_t i = 0; i < tags.n; i++) {
		s->tuple[from + i].present = has[i] << (chunk + 1);
		for (int m = 0; m < tags.tags; m++) {
			float *x = first + i * (size_t)c->attributes + 2 * (size_t)m;

			x[1] = (float)(has[i] >> m & 1);
			x[0] = 1 - x[1];
		}
	}
out:
	free(soft);
	free(has);
	return rc;
}

static int begin_sessions(struct sampler *s, int chunk, size_t want, struct fm_error *err)
{
	static const enum fm_col col[3] = {FM_SP, FM_DP, FM_PR};
	const struct fm_share_codec *c = s->c;
	size_t tries = TRIES * (want + (size_t)s->o->batch), from = s->ntuples;
	int B = s->o->batch, rc;

	s->nstart = 0;
	for (size_t made = 0; want > 0 && made < tries; made += (size_t)B) {
		struct fm_draw_key key = {s->o->pool, s->o->seed, FM_RNG_SAMPLE, s->step++};
		struct fm_dg_noise z = fm_share_noise(s->n, &key, 1, B, s->noise);

		fm_dg_attributes(s->work, s->p + (size_t)chunk * s->n->generator.nfloats, B, z.attributes, s->made);
		memset(s->nearest, 0, sizeof *s->nearest * 3 * (size_t)B);
		for (int k = 0; k < 3; k++) {
			int at = fm_share_word(c, col[k]);

			if (at >= 0 &&
			    (rc = fm_words_nearest(fm_dg_dense(s->work), k < 2 ? c->words.ports : c->words.protocols,
						   k < 2 ? c->words.nports : c->words.nprotocols, s->made + at, B,
						   c->attributes, s->nearest + (ptrdiff_t)k * B, err)) < 0)
				return rc;
		}
		if ((rc = keep(s, chunk, &want, err)) < 0)
			return rc;
	}
	return go_on(s, chunk, from, err);
}

/* ---- records ---- */

/* Set the tags and the start of a session in a chunk that it is carried into. */
static void carry(const struct sampler *s, float *a, size_t which)
{
	a[s->c->starts] = 1;
	a[s->c->starts + 1] = 0;
	if (s->nstart > 0)
		a[fm_share_start(s->c)] = s->start[which % (size_t)s->nstart];
}

/* Make the records of the n sessions in which[], and add them to the table. */
static int flush(struct sampler *s, int chunk, const size_t *which, int n, struct fm_error *err)
{
	const struct fm_share_codec *c = s->c;
	size_t A = (size_t)c->attributes, all = (size_t)fm_dg_records(&s->n->shape);
	struct fm_draw_key k = {s->o->pool, s->o->seed, FM_RNG_SAMPLE, s->step++};
	struct fm_dg_noise z = fm_share_noise(s->n, &k, 5, s->o->batch, s->noise);
	int rc;

	for (int i = 0; i < n; i++) {
		memcpy(s->made + (size_t)i * A, s->attributes + (which[i] - s->first) * A, sizeof *s->made * A);
		if (s->tuple[which[i]].chunk != chunk)
			carry(s, s->made + (size_t)i * A, which[i]);
	}
	fm_dg_records_of(s->work, s->p + (size_t)chunk * s->n->generator.nfloats, n, &z, s->made, s->records);
	s->t->rows = s->rows; /* rows to keep when the table grows */
	if ((rc = grow(&s->tuple_of, &s->cap, s->rows, s->rows + (size_t)(n * c->most), sizeof *s->tuple_of, "flows",
		       err)) < 0 ||
	    (rc = fm_table_reserve(s->t, s->cap, err)) < 0)
		return rc;
	for (int i = 0; i < n; i++) {
		struct fm_share_made made = {chunk, s->made + (size_t)i * A, s->records + (size_t)i * all,
					     s->tuple[which[i]].said};
		int rows = fm_share_decode(c, &made, s->t, s->rows, c->most);

		for (int r = 0; r < rows; r++)
			s->tuple_of[s->rows++] = (uint32_t)which[i];
	}
	return FM_OK;
}

static int make_records(struct sampler *s, int chunk, struct fm_error *err)
{
	size_t *which = NULL;
	int n = 0, rc;

	if ((rc = fm_alloc(&which, (size_t)s->o->batch, sizeof *which, "a batch", err)) < 0)
		return rc;
	for (size_t i = s->first; i < s->ntuples; i++) {
		if (s->tuple[i].chunk == chunk || s->tuple[i].present >> chunk & 1)
			which[n++] = i;
		if (n == s->o->batch || (n > 0 && i + 1 == s->ntuples)) {
			if ((rc = flush(s, chunk, which, n, err)) < 0)
				goto out;
			n = 0;
		}
	}
out:
	free(which);
	return rc;
}

/* ---- all ---- */

/* Make as many 5-tuples as are likely to have this many flows. */
static int round_of(struct sampler *s, uint64_t flows, struct fm_error *err)
{
	const struct fm_share_codec *c = s->c;
	double starting = 0, all = 0, before = 0, want;
	size_t given = 0;
	int rc;

	for (int m = 0; m < c->chunks; m++) {
		starting += c->chunk[m].starting;
		all += c->chunk[m].flows;
	}
	/* By the mean of the training flows, and later by that of what was made. */
	want = s->rows > 0 ? (double)flows * (double)s->ntuples / (double)s->rows : (double)flows * starting / all;
	s->first = s->ntuples;
	for (int m = 0; m < c->chunks; m++) {
		size_t upto;

		before += c->chunk[m].starting;
		upto = (size_t)(want * before / starting + 1);
		if (c->chunk[m].sessions > 0 &&
		    ((rc = begin_sessions(s, m, c->chunk[m].starting > 0 ? upto - given : 0, err)) < 0 ||
		     (rc = make_records(s, m, err)) < 0))
			return rc;
		given = c->chunk[m].starting > 0 ? upto : given;
	}
	return FM_OK;
}

/* Remove 5-tuples at random until the rows asked for are left; of the last one, only as many flows as need be. */
static int cut(struct sampler *s, struct fm_error *err)
{
	uint32_t *order = NULL, *rows = NULL;
	size_t left = s->rows, to = 0;
	struct fm_rng r;
	int rc;

	if ((rc = fm_alloc(&order, s->ntuples + 1, sizeof *order, "5-tuples", err)) < 0 ||
	    (rc = fm_alloc(&rows, s->ntuples + 1, sizeof *rows, "5-tuples", err)) < 0)
		goto out;
	for (size_t i = 0; i < s->ntuples; i++)
		order[i] = (uint32_t)i;
	for (size_t i = 0; i < s->rows; i++)
		rows[s->tuple_of[i]]++;
	fm_rng_init(&r, s->o->seed, FM_RNG_SCHEDULE, 0, 0);
	fm_rng_shuffle(&r, order, s->ntuples);
	for (size_t i = 0; i < s->ntuples && left > s->o->rows; i++) {
		size_t over = left - (size_t)s->o->rows, gone = rows[order[i]] < over ? rows[order[i]] : over;

		rows[order[i]] -= (uint32_t)gone;
		left -= gone;
	}
	for (size_t i = 0; i < s->rows; i++) {
		if (rows[s->tuple_of[i]] == 0)
			continue;
		rows[s->tuple_of[i]]--;
		for (int c = 0; c < FM_NCOL; c++) {
			size_t width = fm_cols[c].width;

			if (FM_HAS(s->t, c))
				memmove((char *)s->t->col[c] + to * width, (char *)s->t->col[c] + i * width, width);
		}
		to++;
	}
	s->rows = to;
out:
	free(order);
	free(rows);
	return rc;
}

/* Log the statistics that training logs of the real flows. */
static int tell(const struct sampler *s, struct fm_error *err)
{
	const struct fm_row_columns *flows = &s->c->flows;
	struct fm_sessions made;
	int rc;

	if ((rc = fm_sessions_cut(&made, s->t, s->c->chunks, s->c->most, flows->first_ms, flows->last_ms, err)) < 0)
		return rc;
	fm_log("generate: 5-tuples of %.3f flows, %.2f %% in several chunks", made.flows_each, 100 * made.crossing);
	fm_sessions_close(&made);
	return FM_OK;
}

static int sampler_init(struct sampler *s, struct fm_error *err)
{
	size_t B = (size_t)s->o->batch;
	int rc;

	if ((rc = fm_dg_work_new(&s->work, s->n, s->o->batch, s->o->pool, err)) < 0 ||
	    (rc = fm_alloc(&s->made, B * (size_t)s->c->attributes, sizeof(float), "a batch", err)) < 0 ||
	    (rc = fm_alloc(&s->records, B * (size_t)fm_dg_records(&s->n->shape), sizeof(float), "a batch", err)) < 0 ||
	    (rc = fm_alloc(&s->noise, fm_share_noise_floats(s->n, s->o->batch), sizeof(float), "a batch", err)) < 0 ||
	    (rc = fm_alloc(&s->start, B, sizeof(float), "a batch", err)) < 0 ||
	    (rc = fm_alloc(&s->nearest, 3 * B, sizeof *s->nearest, "a batch", err)) < 0)
		return rc;
	return fm_row_table_new(&s->t, &s->c->flows, 0, err);
}

static void sampler_close(struct sampler *s)
{
	void *all[] = {s->tuple_of, s->tuple, s->attributes, s->seen,   s->made,
		       s->records,  s->noise, s->start,      s->nearest};

	fm_dg_work_free(s->work);
	fm_table_free(s->t);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

int fm_share_sample(struct fm_table **table, const struct fm_dg *n, const struct fm_share_codec *c, const float *p,
		    const struct fm_share_sample_opts *o, struct fm_error *err)
{
	struct sampler s = {.n = n, .c = c, .p = p, .o = o};
	struct fm_progress bar;
	int rc;

	*table = NULL;
	if ((rc = sampler_init(&s, err)) < 0)
		goto out;
	fm_progress_begin(&bar, "generate", "flows", o->rows);
	for (int round = 0; s.rows < o->rows; round++) {
		s.strict = round < STRICT_ROUNDS;
		if ((rc = round_of(&s, o->rows - s.rows, err)) < 0)
			break;
		fm_progress_step(&bar, s.rows < o->rows ? s.rows : o->rows, NULL);
	}
	fm_progress_end(&bar, NULL);
	if (rc < 0 || (rc = cut(&s, err)) < 0)
		goto out;
	if (!s.strict)
		fm_warn("generate: the generators repeat 5-tuples or tag sessions for other chunks than their own (%zu "
			"were made again); the rest of the flows is taken as it comes: train for longer "
			"(train.chunk_epochs)",
			s.refused);
	s.t->rows = s.rows;
	if ((rc = tell(&s, err)) < 0)
		goto out;
	*table = s.t;
	s.t = NULL;
out:
	sampler_close(&s);
	return rc;
}
