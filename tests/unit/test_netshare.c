/* test_netshare.c - NetShare's sessions, codec, training and sampling: no record is lost in cutting, what was coded
 * comes back, no number is of few records, training is the same bits for any number of threads and from a checkpoint,
 * divergence is said, made sessions obey their tags. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "model/netshare/trainer.h"
#include "model/rows/addresses.h"
#include "tests/unit/generator_fixture.h"
#include "tests/unit/scratch.h"

enum { CHUNKS = 4, MOST = 6, EACH = 4, BATCH = 20 };

struct flows {
	struct fm_table *t;
	struct fm_share_codec *c;
	struct fm_sessions s;
	struct fm_dg n;
};

/* Simulated flows, a tenth of which repeat the 5-tuple of one of the ten before: sessions of several records.  Of every
 * 25th, some repeat it in another chunk. */
static void table_make(struct flows *f)
{
	struct fm_rng r;

	memset(f, 0, sizeof *f);
	fm_rng_init(&r, 3, FM_RNG_JUDGE, 0, 0);
	f->t = fixture_flows(ROWS, 11, TINY_WINDOW);
	for (size_t i = 10; i < ROWS; i++) {
		size_t from = i % 100 < 12 ? i / 100 * 100 : i - 1 - fm_rng_below(&r, 9);

		if (i % 25 == 20 && i > ROWS / 2 && (i > ROWS / 4 * 3) == i % 2)
			from = i - ROWS / CHUNKS * (1 + i % 2);
		else if (i % 100 >= 12 && fm_rng_below(&r, 10) > 0)
			continue;
		f->t->sa[i] = f->t->sa[from];
		f->t->da[i] = f->t->da[from];
		f->t->sp[i] = f->t->sp[from];
		f->t->dp[i] = f->t->dp[from];
		f->t->pr[i] = f->t->pr[from];
	}
}

static void flows_learn(struct flows *f)
{
	struct fm_share_opts o = {.chunks = CHUNKS, .most = MOST, .each = EACH, .min_count = 5, .k = 5, .seed = 1};
	struct fm_error err;

	OK(fm_share_codec_fit(&f->c, &f->s, f->t, &o, &err));
	struct fm_dg_shape s = {.hidden = 16,
				.lstm = 8,
				.attributes = f->c->attributes,
				.record = f->c->record,
				.steps = f->c->steps,
				.each = f->c->each,
				.follows = f->c->follows,
				.attribute_head = f->c->attribute_head,
				.record_head = f->c->record_head,
				.nattribute_heads = f->c->nattribute_heads,
				.nrecord_heads = f->c->nrecord_heads};
	fm_dg_init(&f->n, &s);
}

static void flows_make(struct flows *f)
{
	table_make(f);
	flows_learn(f);
}

static void flows_free(struct flows *f)
{
	fm_sessions_close(&f->s);
	fm_share_codec_free(f->c);
	fm_table_free(f->t);
}

static bool one_tuple(const struct fm_table *t, uint32_t a, uint32_t b)
{
	return t->sa[a] == t->sa[b] && t->da[a] == t->da[b] && t->sp[a] == t->sp[b] && t->dp[a] == t->dp[b] &&
	       t->pr[a] == t->pr[b];
}

static int chunk_at(const struct flows *f, int64_t te)
{
	int64_t first = f->c->flows.first_ms, last = f->c->flows.last_ms;

	return (int)((te - first) * CHUNKS / (last - first + 1));
}

static void sessions_lose_nothing(void **state)
{
	uint8_t seen[ROWS] = {0};
	size_t full = 0, several = 0, later = 0;
	struct flows f;

	(void)state;
	flows_make(&f);
	for (size_t i = 0; i < f.s.n; i++) {
		const struct fm_session *q = &f.s.session[i];
		const uint32_t *row = f.s.order + q->first;
		uint64_t present = 0;

		assert_in_range(q->n, 1, MOST);
		assert_true(i >= f.s.at[q->chunk] && i < f.s.at[q->chunk + 1]);
		for (uint32_t r = 0; r < q->n; r++) {
			assert_int_equal(seen[row[r]]++, 0);
			assert_int_equal(chunk_at(&f, f.t->te[row[r]]), q->chunk);
			assert_true(r == 0 ||
				    (one_tuple(f.t, row[r], row[r - 1]) && f.t->te[row[r]] >= f.t->te[row[r - 1]]));
		}
		for (uint32_t r = 0; r < ROWS; r++)
			if (one_tuple(f.t, r, row[0]))
				present |= (uint64_t)1 << chunk_at(&f, f.t->te[r]);
		assert_true(q->present == present);
		assert_int_equal(q->starts, (present & (((uint64_t)1 << q->chunk) - 1)) == 0);
		full += q->n == MOST;
		several += q->n > 1;
		later += !q->starts;
	}
	for (size_t i = 0; i < ROWS; i++)
		assert_int_equal(seen[i], 1);
	/* All cases are among them: a 5-tuple of twelve flows at one time is two sessions. */
	assert_true(full > 4 && several > full && later > 0);
	flows_free(&f);
}

static bool is_of_k(double n, int k)
{
	return n == 0 || n >= k;
}

/* The gaps in the sessions of chunks [from, to) that are at least `least`. */
static int gaps(const struct fm_sessions *s, const struct fm_table *t, int from, int to, double least)
{
	int n = 0;

	for (const struct fm_session *q = s->session + s->at[from]; q < s->session + s->at[to]; q++)
		for (uint32_t r = 1; r < q->n; r++)
			n += (double)(t->te[s->order[q->first + r]] - t->te[s->order[q->first + r - 1]]) >= least;
	return n;
}

/* How far a number may go is of k records, whatever a category's values need, and so is each count. */
static void largest_numbers_are_of_k_records(void **state)
{
	static const int ks[] = {3, 30, 65, 315};
	int of_all = 0, of_none = 0, few = 0;
	struct fm_share_opts o = {.chunks = CHUNKS, .most = MOST, .each = EACH, .min_count = 30};
	struct fm_share_codec *c = NULL;
	struct fm_sessions s = {.n = 0};
	struct flows f;
	struct fm_error err;

	(void)state;
	flows_make(&f);
	for (size_t j = 0; j < sizeof ks / sizeof *ks; j++) {
		int k = o.k = ks[j];

		OK(fm_share_codec_fit(&c, &s, f.t, &o, &err));
		for (int i = 0; i < c->flows.n; i++) {
			int far = 0;

			if (c->flows.column[i].kind != FM_ROW_NUMBER || c->column[i].most <= 1)
				continue;
			for (size_t row = 0; row < ROWS; row++)
				far += fm_row_number(&c->flows, &c->flows.column[i], f.t, row) >= c->column[i].most;
			assert_true(far >= k);
		}
		for (int m = 0; m < CHUNKS; m++) {
			const struct fm_share_chunk *is = &c->chunk[m];
			bool all = gaps(&s, f.t, m, m + 1, 0) < k, none = gaps(&s, f.t, 0, CHUNKS, 0) < k;

			assert_true(is_of_k(is->starting, k) && is_of_k(is->sessions, k) && is_of_k(is->flows, k));
			assert_true(none ? is->gap == fm_chunk_begin(1, CHUNKS, c->flows.first_ms, c->flows.last_ms)
					 : gaps(&s, f.t, all ? 0 : m, all ? CHUNKS : m + 1, is->gap) >= k ||
					       is->gap == 1);
			of_all += all && !none;
			of_none += none;
			few += is->starting == 0;
		}
		fm_sessions_close(&s);
		fm_share_codec_free(c);
	}
	assert_true(of_all > 0 && of_none > 0 && few > 0);
	o.k = ROWS / CHUNKS; /* no chunk has as many sessions */
	assert_int_equal(fm_share_codec_fit(&c, &s, f.t, &o, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "model.chunks"));
	fm_sessions_close(&s);
	flows_free(&f);
}

/* How many sessions go on is known of k sessions at least; of fewer, all later chunks together. */
static void who_goes_on_is_known_of_k_sessions(void **state)
{
	static const int ks[] = {2, 4, 8, 16, 64, 300};
	int pooled = 0, whole = 0, none = 0;
	struct flows f;
	struct fm_error err;

	(void)state;
	flows_make(&f);
	for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
		struct fm_share_opts o = {.chunks = CHUNKS, .most = MOST, .each = EACH, .min_count = 30, .k = ks[i]};
		struct fm_share_codec *c = NULL, *again = NULL;
		struct fm_sessions s = {.n = 0};
		json_t *j;

		OK(fm_share_codec_fit(&c, &s, f.t, &o, &err));
		for (int m = 0; m < CHUNKS; m++) {
			double lasting = 0, real = 0, known = 0;

			for (size_t q = s.at[m]; q < s.at[m + 1]; q++) {
				uint64_t later = s.session[q].starts ? s.session[q].present >> m >> 1 : 0;

				lasting += later != 0;
				real += __builtin_popcountll(later);
			}
			assert_true(is_of_k(c->chunk[m].lasting, ks[i]) && is_of_k(c->chunk[m].rest, ks[i]));
			for (int l = m + 1; l < CHUNKS; l++) {
				assert_true(is_of_k(c->chunk[m].go_on[l], ks[i]));
				known += fm_share_going_on(c, m, l);
			}
			assert_true(c->chunk[m].lasting == (lasting < ks[i] ? 0 : lasting));
			assert_true(fabs(known - (lasting < ks[i] ? 0 : real)) < 1e-9);
			pooled += c->chunk[m].rest > 0;
			whole += known > 0 && c->chunk[m].rest == 0;
			none += lasting > 0 && known == 0;
		}
		assert_non_null(j = fm_share_codec_json(c));
		OK(fm_share_codec_from_json(&again, j, &err));
		assert_memory_equal(again->chunk, c->chunk, sizeof c->chunk);
		fm_share_codec_free(again);
		json_array_remove(json_array_get(json_object_get(j, "chunks"), 0), 5);
		assert_int_equal(fm_share_codec_from_json(&again, j, &err), FM_EINPUT);
		assert_non_null(strstr(err.message, "another version of flowmint"));
		json_decref(j);
		fm_sessions_close(&s);
		fm_share_codec_free(c);
	}
	assert_true(pooled > 0 && whole > 0 && none > 0);
	flows_free(&f);
}

static void what_was_coded_comes_back(void **state)
{
	struct fm_share_codec *again = NULL;
	struct fm_table *back = NULL;
	struct fm_error err;
	struct flows f;
	size_t near = 0, rows = 0, rare = 0;
	json_t *j;

	(void)state;
	flows_make(&f);
	j = fm_share_codec_json(f.c);
	OK(fm_share_codec_from_json(&again, j, &err));
	assert_int_equal(again->attributes, f.c->attributes);
	assert_int_equal(again->record, f.c->record);
	memcpy(again->words.ports, f.c->words.ports, sizeof(float) * FM_WORD_NUMBERS * (size_t)f.c->words.nports);
	memcpy(again->words.protocols, f.c->words.protocols,
	       sizeof(float) * FM_WORD_NUMBERS * (size_t)f.c->words.nprotocols);
	OK(fm_row_table_new(&back, &f.c->flows, ROWS, &err));
	float *a = calloc((size_t)f.c->attributes, sizeof *a),
	      *x = calloc((size_t)(f.c->steps * f.c->each * f.c->record), sizeof *x);
	struct fm_dense d;
	OK(fm_dense_open(&d, NULL, &err));
	for (size_t i = 0; i < f.s.n; i++) {
		const struct fm_session *q = &f.s.session[i];
		int word[3], said[3];
		struct fm_rng rng;

		fm_rng_init(&rng, 1, FM_RNG_JUDGE, i, 0);
		fm_share_vectors(f.c, f.t, &f.s, q, a, x);
		assert_int_equal(fm_share_starts(again, a), q->starts);
		for (int m = 0; m < CHUNKS; m++)
			assert_int_equal(fm_share_present(again, a, m), q->present >> m & 1);
		for (int k = 0; k < 2; k++)
			OK(fm_words_nearest(&d, again->words.ports, again->words.nports,
					    a + fm_share_word(again, k ? FM_DP : FM_SP), 1, again->attributes, &word[k],
					    &err));
		OK(fm_words_nearest(&d, again->words.protocols, again->words.nprotocols,
				    a + fm_share_word(again, FM_PR), 1, again->attributes, &word[2], &err));
		/* Gaps that only few have are cut, and may move a record out of the chunk, never into another. */
		for (int k = 0; k < 2; k++)
			said[k] = fm_word_port(&again->words, word[k], &rng);
		said[2] = word[2];
		int n = fm_share_decode(again, &(struct fm_share_made){q->chunk, a, x, said}, back, rows, MOST);
		assert_int_equal(n, q->n);
		for (int r = 0; r < n; r++, rows++) {
			uint32_t was = f.s.order[q->first + (uint32_t)r];
			struct fm_address address = fm_table_address(f.t, f.t->sa[was]);

			assert_int_equal(back->sa[rows], fm_address_fold(&address));
			assert_true(fabs((double)back->pkt[rows] - (double)f.t->pkt[was]) <= 1 || f.t->pkt[was] > 20);
			near += llabs((long long)(back->te[rows] - f.t->te[was])) <= 1000;
			rare += strcmp(fm_table_category(back, FM_PR, rows), fm_table_category(f.t, FM_PR, was)) != 0;
			if (f.t->dp[was] == 80 || f.t->dp[was] == 53)
				assert_int_equal(back->dp[rows], f.t->dp[was]);
		}
	}
	assert_int_equal(rows, ROWS);
	assert_true(near > ROWS * 9 / 10 && rare < ROWS / 50);
	fm_dense_close(&d);
	free(a);
	free(x);
	json_decref(j);
	fm_share_codec_free(again);
	fm_table_free(back);
	flows_free(&f);
}

static float *train(const struct flows *f, struct fm_share_train_opts o, struct fm_share_train_result *r)
{
	float *p = calloc(CHUNKS * f->n.generator.nfloats, sizeof *p);
	struct fm_error err;

	OK(fm_share_train(&f->n, &(struct fm_share_lesson){f->c, f->t, &f->s}, &o, p, r, &err));
	return p;
}

static void training_repeats(void **state)
{
	struct fm_share_train_opts o = {
	    .loop = {.seed = 3}, .steps = {7, 3, 3, 3}, .batch = BATCH, .rounds = 2, .rate = 1e-3};
	const char *dir = scratch_path("chunks");
	struct fm_share_train_result a, b;
	float *one, *three, *cut, *resumed;
	struct fm_error err;
	char path[256], last[256];
	struct flows f;
	size_t n;

	(void)state;
	flows_make(&f);
	n = CHUNKS * f.n.generator.nfloats * sizeof(float);
	one = train(&f, o, &a);
	OK(fm_pool_new(&o.pool, 3, &err));
	three = train(&f, o, &b);
	assert_memory_equal(one, three, n);
	/* The other chunks go on from the first, each by itself. */
	assert_memory_not_equal(one, one + f.n.generator.nfloats, f.n.generator.nfloats * sizeof(float));
	assert_int_equal(mkdir(dir, 0700), 0);
	snprintf(path, sizeof path, "%s/checkpoint.safetensors", dir);
	snprintf(last, sizeof last, "%s/chunk-3.safetensors", dir);
	o.loop.path = path;
	o.loop.identity = "test";
	o.loop.every = 2;
	o.dir = dir;
	cut = train(&f, o, &b);
	assert_memory_equal(one, cut, n);
	assert_true(b.flows == 16 * BATCH && !fm_file_exists(path));
	/* All chunks are there but the last. */
	assert_int_equal(unlink(last), 0);
	resumed = train(&f, o, &b);
	assert_true(b.flows == 3 * BATCH && b.steps == 16);
	assert_memory_equal(one, resumed, n);
	free(resumed);
	/* Chunks of another training are not taken. */
	o.loop.identity = "another";
	resumed = train(&f, o, &b);
	assert_true(b.flows == 16 * BATCH);
	fm_pool_free(o.pool);
	free(one);
	free(three);
	free(cut);
	free(resumed);
	flows_free(&f);
}

static void divergence_is_said(void **state)
{
	struct fm_share_train_opts o = {
	    .loop = {.seed = 3}, .steps = {200, 1, 1, 1}, .batch = BATCH, .rounds = 2, .rate = 0.55};
	struct fm_share_train_result r;
	struct fm_error err;
	struct flows f;

	(void)state;
	flows_make(&f);
	float *p = calloc(CHUNKS * f.n.generator.nfloats, sizeof *p);
	assert_int_equal(fm_share_train(&f.n, &(struct fm_share_lesson){f.c, f.t, &f.s}, &o, p, &r, &err), FM_EINPUT);
	assert_non_null(strstr(err.message, "training diverges: in chunk 0 at step"));
	assert_non_null(strstr(err.message, "train.session_rate (0.55)"));
	/* From a checkpoint in the middle of a chunk it goes on as it would have: it fails with the same losses. */
	for (int i = 0; i < 2; i++) {
		struct fm_error again;

		o.loop.path = scratch_path("diverging.safetensors");
		o.loop.identity = "test";
		o.loop.every = 1;
		assert_int_equal(fm_file_exists(o.loop.path), i);
		assert_int_equal(fm_share_train(&f.n, &(struct fm_share_lesson){f.c, f.t, &f.s}, &o, p, &r, &again),
				 FM_EINPUT);
		assert_string_equal(again.message, err.message);
	}
	free(p);
	flows_free(&f);
}

/* Even of networks that learned nothing: as many rows as asked for, the same each time, all within the trace's time,
 * and none in a chunk of fewer than k sessions. */
static void sessions_are_made(void **state)
{
	struct fm_share_train_opts o = {
	    .loop = {.seed = 3}, .steps = {20, 2, 2, 2}, .batch = BATCH, .rounds = 1, .rate = 1e-3};
	struct fm_share_train_result r;
	struct fm_error err;
	int64_t quarter;
	struct flows f;
	int kept = 0;

	(void)state;
	table_make(&f);
	quarter = (f.t->te[ROWS - 1] - f.t->te[0] + 1) / CHUNKS;
	for (size_t i = 0; i < ROWS; i++) /* the third chunk keeps four flows */
		if ((f.t->te[i] - f.t->te[0]) / quarter == 2 && kept++ >= 4)
			f.t->te[i] += quarter;
	flows_learn(&f);
	assert_true(f.c->chunk[2].sessions == 0 && f.s.at[3] > f.s.at[2]);
	float *p = train(&f, o, &r);
	for (int rows = 1; rows <= 1500; rows += 733) {
		struct fm_share_sample_opts how = {.rows = (uint64_t)rows, .seed = 5, .batch = BATCH};
		struct fm_table *t = NULL, *again = NULL;

		OK(fm_share_sample(&t, &f.n, f.c, p, &how, &err));
		OK(fm_pool_new(&how.pool, 3, &err));
		OK(fm_share_sample(&again, &f.n, f.c, p, &how, &err));
		fm_pool_free(how.pool);
		assert_int_equal(t->rows, rows);
		for (size_t i = 0; i < t->rows; i++) {
			assert_in_range(t->te[i], f.c->flows.first_ms, f.c->flows.last_ms);
			assert_true(t->pkt[i] >= 1 && chunk_at(&f, t->te[i]) != 2);
			assert_true(t->te[i] == again->te[i] && t->sa[i] == again->sa[i] && t->byt[i] == again->byt[i]);
		}
		fm_table_free(t);
		fm_table_free(again);
	}
	free(p);
	flows_free(&f);
}

/* Of the sessions of s whose 5-tuples start in chunk `from`, the share that is in one of these chunks too. */
static double share_going_on(const struct fm_sessions *s, int from, uint64_t chunks)
{
	double n = 0, going = 0;

	for (size_t i = s->at[from]; i < s->at[from + 1]; i++) {
		n += s->session[i].starts;
		going += s->session[i].starts && s->session[i].present & chunks;
	}
	return n > 0 ? going / n : 0;
}

/* As many sessions go on into each later chunk, and into any, as of the training flows, whatever probability the
 * networks give their tags: here a half, and the same for all tags of a session. */
static void tags_are_as_frequent_as_in_training(void **state)
{
	struct fm_share_train_opts o = {
	    .loop = {.seed = 3}, .steps = {20, 2, 2, 2}, .batch = BATCH, .rounds = 1, .rate = 1e-3};
	struct fm_share_sample_opts how = {.rows = 4000, .seed = 5, .batch = BATCH};
	struct fm_share_train_result r;
	struct fm_sessions made;
	struct fm_table *t;
	struct fm_error err;
	struct flows f;

	(void)state;
	flows_make(&f);
	float *p = train(&f, o, &r);
	for (int chunk = 0; chunk < CHUNKS; chunk++) {
		float *net = p + (size_t)chunk * f.n.generator.nfloats;
		float *w = net + f.n.a[FM_DG_LAYERS][FM_DG_W], *b = net + f.n.a[FM_DG_LAYERS][FM_DG_B];

		for (int at = f.c->starts; at < f.c->present + 2 * CHUNKS; at++) {
			int m = (at - f.c->present) / 2;
			bool on = at < f.c->present || m == chunk, yes = (at - f.c->starts) & 1;

			for (int h = 0; h < f.n.shape.hidden; h++)
				w[h * f.c->attributes + at] = yes && !on && h == 0 ? 0.1f : 0;
			b[at] = yes ? (on ? 20 : 0) : 0; /* a half of all that start, if they were drawn */
		}
	}
	OK(fm_share_sample(&t, &f.n, f.c, p, &how, &err));
	OK(fm_sessions_cut(&made, t, CHUNKS, MOST, f.c->flows.first_ms, f.c->flows.last_ms, &err));
	for (int from = 0; from < CHUNKS; from++) {
		uint64_t later = ~(uint64_t)0 << (from + 1);

		for (int to = from + 1; to < CHUNKS; to++)
			assert_true(fabs(share_going_on(&made, from, (uint64_t)1 << to) -
					 share_going_on(&f.s, from, (uint64_t)1 << to)) < 0.005);
		assert_true(fabs(share_going_on(&made, from, later) - share_going_on(&f.s, from, later)) < 0.005);
	}
	/* Of those that go on from the second chunk, some are in the third, and others in the fourth. */
	assert_true(share_going_on(&made, 1, 12) > share_going_on(&made, 1, 4) + 0.005);
	assert_true(share_going_on(&made, 1, 12) > share_going_on(&made, 1, 8) + 0.005);
	fm_sessions_close(&made);
	fm_table_free(t);
	free(p);
	flows_free(&f);
}

static int setup(void **state)
{
	(void)state;
	fm_log_quiet(1);
	return scratch_make();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sessions_lose_nothing),
	    cmocka_unit_test(largest_numbers_are_of_k_records),
	    cmocka_unit_test(who_goes_on_is_known_of_k_sessions),
	    cmocka_unit_test(what_was_coded_comes_back),
	    cmocka_unit_test(training_repeats),
	    cmocka_unit_test(divergence_is_said),
	    cmocka_unit_test(sessions_are_made),
	    cmocka_unit_test(tags_are_as_frequent_as_in_training),
	};

	return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
