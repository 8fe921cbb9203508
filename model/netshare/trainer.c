/* trainer.c - NetShare's training, one chunk after the other. */
#include "model/netshare/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/nn/draws.h"
#include "model/nn/safetensors.h"

#define BETA1 0.5
#define BETA2 0.999
#define EXPLODED 1e6 /* a loss from which no critic recovers; at best it is about 1 */

/* Uses of random numbers, plus the chunk times WHATS. */
enum { SESSIONS = 1, MIX, NOISE, WHATS = 16 };

struct trainer {
	const struct fm_share_train_opts *o;
	const struct fm_dg *n;
	const struct fm_share_codec *c;
	const struct fm_table *t;
	const struct fm_sessions *s;
	struct fm_dg_work *work;
	struct fm_critic_work critic[2]; /* reads attributes and records; reads attributes */
	struct fm_layout both;           /* the generator, the critics */
	struct fm_optimiser *optimiser[2];
	struct fm_train_arrays a;
	float *g;                               /* (both) gradients */
	float *first;                           /* (both) weights at the end of the first chunk */
	float *real, *made, *mixed, *d, *noise; /* (batch, attributes) and (batch, records) behind them */
	struct fm_loop loop;
	int chunk;
	int used; /* numbers of the records that may be other than 0 in this batch */
};

/* ---- batches ---- */

size_t fm_share_noise_floats(const struct fm_dg *n, int batch)
{
	return (size_t)batch * (size_t)(FM_DG_NOISE * (1 + n->shape.steps) + 2 * n->shape.lstm);
}

struct fm_dg_noise fm_share_noise(const struct fm_dg *n, const struct fm_draw_key *k, int what, int batch, float *room)
{
	float *records = room + (size_t)batch * FM_DG_NOISE,
	      *h = records + (size_t)batch * (size_t)(FM_DG_NOISE * n->shape.steps),
	      *c = h + (size_t)batch * (size_t)n->shape.lstm;

	fm_draw_normals(k, what, room, batch, FM_DG_NOISE);
	fm_draw_normals(k, what + 1, records, batch * n->shape.steps, FM_DG_NOISE);
	fm_draw_normals(k, what + 2, h, batch, n->shape.lstm);
	fm_draw_normals(k, what + 3, c, batch, n->shape.lstm);
	return (struct fm_dg_noise){room, records, h, c};
}

static float *records_of(const struct trainer *t, float *batch)
{
	return batch + (size_t)t->o->batch * (size_t)t->c->attributes;
}

/* Numbers of records until the longest session of the batch ends. */
static int used_of(const struct trainer *t, const float *records, int used)
{
	int all = fm_dg_records(&t->n->shape), record = t->c->record;

	for (int i = 0; i < t->o->batch; i++, records += all)
		while (used < all && records[used + t->c->follows] + records[used + t->c->follows + 1] > 0)
			used += record;
	return used;
}

static void real_draw(struct trainer *t)
{
	size_t from = t->s->at[t->chunk], n = t->s->at[t->chunk + 1] - from;
	float *records = records_of(t, t->real);
	struct fm_rng r;

	fm_rng_init(&r, t->o->loop.seed, FM_RNG_BATCH, (uint64_t)(t->chunk * WHATS + SESSIONS) << 17,
		    (uint32_t)t->loop.at.step);
	for (int i = 0; i < t->o->batch; i++)
		fm_share_vectors(t->c, t->t, t->s, &t->s->session[from + fm_rng_below(&r, (uint32_t)n)],
				 t->real + (size_t)i * (size_t)t->c->attributes,
				 records + (size_t)i * (size_t)fm_dg_records(&t->n->shape));
}

/* mixed = real + share (made - real), one share for each session and round. */
static void mix(const struct trainer *t, int round)
{
	int widths[2] = {t->c->attributes, fm_dg_records(&t->n->shape)};

	for (int i = 0; i < t->o->batch; i++) {
		struct fm_rng r;
		float share;

		fm_rng_init(&r, t->o->loop.seed, FM_RNG_NOISE, (uint64_t)(t->chunk * WHATS + MIX) << 17 | (uint64_t)i,
			    (uint32_t)(t->loop.at.step * t->o->rounds + round));
		share = fm_rng_uniform(&r);
		for (int part = 0; part < 2; part++) {
			size_t at =
			    (part ? (size_t)t->o->batch * (size_t)widths[0] : 0) + (size_t)i * (size_t)widths[part];

			for (size_t j = at; j < at + (size_t)(part ? t->used : widths[0]); j++)
				t->mixed[j] = share * t->real[j] + (1 - share) * t->made[j];
		}
	}
}

/* What a critic reads. */
static void show(struct trainer *t, int which, float *batch)
{
	const float *records = records_of(t, batch);
	size_t A = (size_t)t->c->attributes, all = (size_t)fm_dg_records(&t->n->shape);
	struct fm_critic_work *w = &t->critic[which];

	for (size_t i = 0; i < (size_t)t->o->batch; i++) {
		float *to = w->in + i * (size_t)w->c->in;

		memcpy(to, batch + i * A, sizeof *to * A);
		if (which == 0)
			memcpy(to + A, records + i * all, sizeof *to * (size_t)t->used);
	}
	w->used = t->c->attributes + (which == 0 ? t->used : 0);
}

/* ---- steps ---- */

/* b1, b2: the decays to the power of the number of steps, this one included. */
static void update(struct trainer *t, int which, double b1, double b2)
{
	size_t from = which ? t->n->generator.nfloats : 0;
	struct fm_train_arrays a = {t->a.w + from, t->a.m + from, t->a.v + from, t->a.ema + from, NULL};
	struct fm_adamw step = {
	    .beta1 = BETA1, .beta2 = BETA2, .beta1_t = b1, .beta2_t = b2, .rate = t->o->rate, .scale = 1};

	fm_optimiser_step(t->optimiser[which], &a, t->g + from, &step);
}

/* A step of both critics; returns their losses without the penalties, which are added to *penalty. */
static double critics_round(struct trainer *t, int round, double *penalty)
{
	const float *p = t->a.w + t->n->generator.nfloats;
	float *g = t->g + t->n->generator.nfloats;
	struct fm_dense *dense = fm_dg_dense(t->work);
	double loss = 0;

	memset(g, 0, sizeof *g * t->n->critics.nfloats);
	mix(t, round);
	for (int which = 0; which < 2; which++) {
		struct fm_critic_work *w = &t->critic[which];

		show(t, which, t->made);
		loss += (double)fm_critic_score(w, dense, p, t->o->batch, NULL);
		fm_critic_back(w, dense, p, 1, g, false);
		show(t, which, t->real);
		loss -= (double)fm_critic_score(w, dense, p, t->o->batch, NULL);
		fm_critic_back(w, dense, p, -1, g, false);
		show(t, which, t->mixed);
		*penalty += (double)fm_critic_penalty(w, dense, p, t->o->batch, NULL, g);
	}
	return loss;
}

/* A step of the generator on what was made; both critics have the same weight. */
static double generator_step(struct trainer *t, const struct fm_dg_noise *z)
{
	const float *p = t->a.w + t->n->generator.nfloats;
	struct fm_dense *dense = fm_dg_dense(t->work);
	size_t A = (size_t)t->c->attributes, all = (size_t)fm_dg_records(&t->n->shape);
	float *drecords = records_of(t, t->d);
	double score = 0;

	memset(t->d, 0, sizeof *t->d * (size_t)t->o->batch * (A + all));
	memset(t->g, 0, sizeof *t->g * t->n->generator.nfloats);
	for (int which = 0; which < 2; which++) {
		struct fm_critic_work *w = &t->critic[which];

		show(t, which, t->made);
		score += (double)fm_critic_score(w, dense, p, t->o->batch, NULL);
		fm_critic_back(w, dense, p, -1, NULL, true);
		for (size_t i = 0; i < (size_t)t->o->batch; i++) {
			const float *from = w->din + i * (size_t)w->c->in;

			dense->k->add(t->d + i * A, from, A);
			if (which == 0)
				memcpy(drecords + i * all, from + A, sizeof *from * (size_t)t->used);
		}
	}
	fm_dg_back(t->work, t->a.w, z, t->made, records_of(t, t->made), t->d, drecords, t->g);
	return -score;
}

static int step(void *ctx, struct fm_loop *l, char note[FM_LOOP_NOTE], struct fm_error *err)
{
	struct trainer *t = ctx;
	struct fm_train_point *at = &l->at;
	struct fm_draw_key k = {t->o->pool, t->o->loop.seed, FM_RNG_NOISE, (uint32_t)at->step};
	struct fm_dg_noise z = fm_share_noise(t->n, &k, t->chunk * WHATS + NOISE, t->o->batch, t->noise);
	double critic = 0, penalty = 0, generator, b1 = 1, b2 = 1;

	real_draw(t);
	fm_dg_attributes(t->work, t->a.w, t->o->batch, z.attributes, t->made);
	fm_dg_records_of(t->work, t->a.w, t->o->batch, &z, t->made, records_of(t, t->made));
	t->used = used_of(t, records_of(t, t->made), used_of(t, records_of(t, t->real), 0));
	for (int r = 0; r < t->o->rounds; r++) { /* the critics' steps so far: the generator's times the rounds */
		b1 *= at->b1;
		b2 *= at->b2;
	}
	for (int r = 0; r < t->o->rounds; r++) {
		penalty = 0;
		critic = critics_round(t, r, &penalty);
		b1 *= BETA1;
		b2 *= BETA2;
		update(t, 1, b1, b2);
	}
	at->b1 *= BETA1;
	at->b2 *= BETA2;
	generator = generator_step(t, &z);
	update(t, 0, at->b1, at->b2);
	if (!isfinite(critic) || !isfinite(generator) || !isfinite(penalty) || fabs(critic) > EXPLODED ||
	    penalty > EXPLODED)
		return fm_fail(err, FM_EINPUT,
			       "training diverges: in chunk %d at step %d the critics' loss is %.3g, the penalty %.3g "
			       "and the generator's loss %.3g; set train.session_rate (%g) lower",
			       t->chunk, at->step + 1, critic, penalty, generator, t->o->rate);
	at->loss = fm_loop_average(at->loss, critic);
	at->guard = fm_loop_average(at->guard, penalty);
	at->validation = fm_loop_average(at->validation, generator);
	at->step++;
	at->epoch = 1;
	snprintf(note, FM_LOOP_NOTE, "chunk %d of %d  critics %.3f  penalty %.3f  generator %.3f  step %d",
		 t->chunk + 1, t->c->chunks, at->loss, at->guard, at->validation, at->step);
	return FM_OK;
}

/* ---- chunks that are done ---- */

static int done_path(const struct trainer *t, char **path, struct fm_error *err)
{
	char name[32];

	*path = NULL;
	if (!t->o->dir)
		return FM_OK;
	snprintf(name, sizeof name, "chunk-%d.%s", t->chunk, t->o->loop.key ? "sealed" : "safetensors");
	*path = fm_path_join(t->o->dir, name);
	return *path ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

/* Read the finished networks of the chunk, if they are of this very training, into t->a.w; *done: they are there. */
static int done_read(struct trainer *t, const char *path, const char *identity, bool *done, struct fm_error *err)
{
	const struct fm_tensors set = {"", t->a.w};
	struct fm_tensors_file f;
	const char *whose;
	int rc;

	*done = false;
	if (!path || !fm_file_exists(path))
		return FM_OK;
	rc = t->o->loop.key ? fm_tensors_decrypt(&f, path, t->o->loop.key, err) : fm_tensors_open(&f, path, true, err);
	if (rc < 0)
		goto out;
	whose = json_string_value(json_object_get(f.meta, "identity"));
	if (whose && strcmp(whose, identity) == 0)
		rc = fm_tensors_read(&f, &t->both, &set, 1, err);
	else
		rc = fm_fail(err, FM_EINPUT, "%s: it belongs to another training", path);
	fm_tensors_close(&f);
out:
	*done = rc >= 0;
	if (rc != FM_EINPUT && rc != FM_EVERDICT)
		return rc;
	fm_warn("%s; the chunk is learned anew", err->message);
	return FM_OK;
}

/* Write them, and remove the checkpoint of the chunk's training. */
static int done_write(const struct trainer *t, const char *path, const char *identity, struct fm_error *err)
{
	const struct fm_tensors set = {"", t->a.w};
	json_t *meta;
	int rc;

	if (!path)
		return FM_OK;
	if (!(meta = json_pack("{s:s}", "identity", identity)))
		return fm_fail(err, FM_ESYSTEM, "out of memory for %s", path);
	rc = t->o->loop.key ? fm_tensors_encrypt(&t->both, &set, 1, meta, t->o->loop.key, path, err)
			    : fm_tensors_save(&t->both, &set, 1, meta, true, path, err);
	json_decref(meta);
	if (rc < 0)
		return rc;
	if (t->o->loop.path && fm_file_exists(t->o->loop.path) && unlink(t->o->loop.path) < 0)
		return fm_fail_errno(err, "%s", t->o->loop.path);
	return FM_OK;
}

/* ---- the whole ---- */

static size_t batch_floats(const struct trainer *t)
{
	return (size_t)t->o->batch * (size_t)(t->c->attributes + fm_dg_records(&t->n->shape));
}

/* One layout with both networks' tensors, critics' floats behind the generator's, for checkpoints. */
static void join(struct fm_layout *both, const struct fm_dg *n)
{
	*both = n->generator;
	for (int i = 0; i < n->critics.n; i++) {
		struct fm_tensor t = n->critics.tensor[i];

		t.at += n->generator.nfloats;
		both->tensor[both->n++] = t;
	}
	both->nfloats += n->critics.nfloats;
}

static int trainer_init(struct trainer *t, struct fm_error *err)
{
	size_t n, batch = batch_floats(t);
	int rc;

	join(&t->both, t->n);
	n = t->both.nfloats;
	if ((rc = fm_dg_work_new(&t->work, t->n, t->o->batch, t->o->pool, err)) < 0 ||
	    (rc = fm_critic_work_open(&t->critic[0], &t->n->whole, t->o->batch, err)) < 0 ||
	    (rc = fm_critic_work_open(&t->critic[1], &t->n->alone, t->o->batch, err)) < 0 ||
	    (rc = fm_optimiser_new(&t->optimiser[0], t->n->generator.nfloats, t->o->pool, err)) < 0 ||
	    (rc = fm_optimiser_new(&t->optimiser[1], t->n->critics.nfloats, t->o->pool, err)) < 0)
		return rc;
	struct {
		void *to;
		size_t n;
	} all[] = {{&t->a.w, n},
		   {&t->a.m, n},
		   {&t->a.v, n},
		   {&t->a.ema, n},
		   {&t->g, n},
		   {&t->first, n},
		   {&t->real, batch},
		   {&t->made, batch},
		   {&t->mixed, batch},
		   {&t->d, batch},
		   {&t->noise, fm_share_noise_floats(t->n, t->o->batch)}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if ((rc = fm_alloc(all[i].to, all[i].n, sizeof(float), "the training", err)) < 0)
			return rc;
	return FM_OK;
}

static void trainer_close(struct trainer *t)
{
	void *all[] = {t->a.w, t->a.m, t->a.v, t->a.ema, t->g, t->first, t->real, t->made, t->mixed, t->d, t->noise};

	fm_dg_work_free(t->work);
	fm_critic_work_close(&t->critic[0]);
	fm_critic_work_close(&t->critic[1]);
	fm_optimiser_free(t->optimiser[0]);
	fm_optimiser_free(t->optimiser[1]);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

/* Train the chunk's networks in t->a.w; from: start from those of the first chunk. */
static int chunk_learn(struct trainer *t, bool from, struct fm_share_train_result *result, struct fm_error *err)
{
	struct fm_loop_opts o = t->o->loop;
	char identity[128], *path = NULL;
	bool done;
	int rc;

	snprintf(identity, sizeof identity, "%s chunk %d", o.identity ? o.identity : "", t->chunk);
	o.identity = identity;
	o.steps = t->o->steps[t->chunk];
	if ((rc = done_path(t, &path, err)) < 0 || (rc = done_read(t, path, identity, &done, err)) < 0)
		goto out;
	result->steps += o.steps;
	if (done)
		goto out;
	t->loop = (struct fm_loop){.o = &o, .layout = &t->both, .a = &t->a, .flows = (uint64_t)t->o->batch};
	if ((rc = fm_loop_begin(&t->loop, err)) < 0)
		goto out;
	if (from && t->loop.at.step == 0)
		memcpy(t->a.w, t->first, sizeof *t->a.w * t->both.nfloats);
	if ((rc = fm_loop_run(&t->loop, step, t, err)) < 0 || (rc = done_write(t, path, identity, err)) < 0)
		goto out;
	fm_log("train: chunk %d of %d, %zu sessions, %d steps: critics %.3f, penalty %.3f, generator %.3f",
	       t->chunk + 1, t->c->chunks, t->s->at[t->chunk + 1] - t->s->at[t->chunk], o.steps, t->loop.at.loss,
	       t->loop.at.guard, t->loop.at.validation);
	result->critic = t->loop.at.loss;
	result->penalty = t->loop.at.guard;
	result->generator = t->loop.at.validation;
	result->flows += (double)fm_loop_taken(&t->loop) * t->o->batch;
out:
	free(path);
	return rc;
}

int fm_share_train(const struct fm_dg *n, const struct fm_share_lesson *of, const struct fm_share_train_opts *o,
		   float *p, struct fm_share_train_result *result, struct fm_error *err)
{
	struct trainer t = {.o = o, .n = n, .c = of->codec, .t = of->table, .s = of->sessions};
	double started = fm_seconds();
	bool any = false;
	int rc;

	*result = (struct fm_share_train_result){0};
	if ((rc = trainer_init(&t, err)) < 0)
		goto out;
	for (t.chunk = 0; t.chunk < t.c->chunks; t.chunk++) {
		if (t.c->chunk[t.chunk].sessions == 0) /* no flow will be made in it either */
			continue;
		if ((rc = chunk_learn(&t, any, result, err)) < 0)
			goto out;
		if (!any)
			memcpy(t.first, t.a.w, sizeof *t.first * t.both.nfloats);
		any = true;
		memcpy(p + (size_t)t.chunk * n->generator.nfloats, t.a.w, sizeof *p * n->generator.nfloats);
	}
	result->seconds = fm_seconds() - started;
out:
	trainer_close(&t);
	return rc;
}
