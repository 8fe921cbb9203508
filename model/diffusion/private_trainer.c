/* private_trainer.c - DP-SGD. */
#include "model/diffusion/private_trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/diffusion/trainer.h"
#include "model/nn/checkpoint.h"
#include "model/nn/optimiser.h"

/* The relative error of a norm is below this; a gradient beyond the clip nevertheless is found in integers. */
#define NORM_ERROR 0x1p-20

/* What one thread needs. */
struct worker {
	struct fm_kept *kept;
	struct fm_private_log log;
};

struct fm_private {
	const struct fm_learner *l;
	struct fm_private_opts o;
	struct fm_grid grid;
	struct fm_rate rate;
	int nworkers;
	struct worker *worker;
	uint32_t *batch;        /* (records) */
	struct fm_kept_sum sum; /* (dim), shared by all threads */
	/* of ranks */
	int64_t *shared; /* (ranks, dim): each rank's sum; NULL: one process */
	float *mean;     /* (dim) */
	size_t first;    /* first pass of this rank */
	/* of the sum under way */
	const float *p;
	const uint32_t *record;
	size_t n;
	uint64_t seed;
	uint32_t step;
};

/* ---- the work space ---- */

static int check(const struct fm_learner *l, const struct fm_private_opts *o, struct fm_error *err)
{
	if (!o->name || !*o->name || strlen(o->name) > FM_CHARGE_NAME - 1)
		return fm_fail(err, FM_EINPUT, "a private training needs a name of at most %d bytes",
			       FM_CHARGE_NAME - 1);
	if (l->records > UINT32_MAX) /* no record at all is no failure, which would reveal it: there is still noise */
		return fm_fail(err, FM_EINPUT, "%zu records cannot be learned from", l->records);
	if (o->steps < 1 || l->draws < 1 || l->draws > FM_PASS_WINDOWS || !(o->expected >= 1) ||
	    !isfinite(o->expected) || !(o->noise_multiplier > 0) || !isfinite(o->noise_multiplier))
		return fm_fail(err, FM_EINPUT,
			       "a private training of %d steps, %d draws a record, %g records a batch and noise of %g "
			       "times the clip is out of range",
			       o->steps, l->draws, o->expected, o->noise_multiplier);
	return FM_OK;
}

int fm_private_new(struct fm_private **out, const struct fm_learner *l, const struct fm_private_opts *o,
		   struct fm_error *err)
{
	size_t dim = l->layout->nfloats;
	int threads = o->pool ? fm_pool_size(o->pool) : 1, rc;
	struct fm_private *t = NULL;

	*out = NULL;
	if ((rc = check(l, o, err)) < 0 || (rc = fm_alloc(&t, 1, sizeof *t, "private training", err)) < 0)
		return rc;
	t->l = l;
	t->o = *o;
	if ((rc = fm_grid_set(&t->grid, o->clip, dim, 0, 0, err)) < 0 ||
	    (rc = fm_rate_set(&t->rate, o->rate_num, o->rate_den, err)) < 0 ||
	    (rc = fm_alloc(&t->batch, l->records + 1, sizeof *t->batch, "a batch", err)) < 0 ||
	    (rc = fm_alloc_large(&t->sum.sum, dim, sizeof *t->sum.sum, "sums of gradients", err)) < 0 ||
	    (rc = fm_alloc(&t->sum.lock, FM_KEPT_LOCKS, sizeof *t->sum.lock, "private training", err)) < 0 ||
	    (rc = fm_alloc(&t->worker, (size_t)threads, sizeof *t->worker, "private training", err)) < 0)
		goto out;
	if (o->ranks &&
	    ((rc = fm_ranks_room(o->ranks, &t->shared, (size_t)fm_ranks_size(o->ranks) * dim, sizeof *t->shared,
				 "sums of gradients", err)) < 0 ||
	     (rc = fm_ranks_room(o->ranks, &t->mean, dim, sizeof *t->mean, "a mean of gradients", err)) < 0))
		goto out;
	for (int i = 0; i < FM_KEPT_LOCKS; i++)
		pthread_mutex_init(&t->sum.lock[i], NULL);
	for (; t->nworkers < threads; t->nworkers++)
		if ((rc = fm_kept_new(&t->worker[t->nworkers].kept, err)) < 0)
			goto out;
	if (!fm_grid_coarsen(&t->grid, t->o.noise_multiplier))
		rc = fm_fail(err, FM_EINPUT, "noise of %g times the clip is out of range", o->noise_multiplier);
out:
	if (rc < 0)
		fm_private_free(t);
	else
		*out = t;
	return rc;
}

/* Sums of private gradients are wiped. */
void fm_private_free(struct fm_private *t)
{
	if (!t)
		return;
	for (int i = 0; i < t->nworkers; i++)
		fm_kept_free(t->worker[i].kept);
	if (t->sum.sum)
		explicit_bzero(t->sum.sum, sizeof(int64_t) * t->grid.dim);
	free(t->sum.sum);
	free(t->sum.lock);
	free(t->worker);
	free(t->batch);
	free(t);
}

const struct fm_grid *fm_private_grid(const struct fm_private *t)
{
	return &t->grid;
}

struct fm_private_log fm_private_log(const struct fm_private *t)
{
	struct fm_private_log log = {0};

	for (int i = 0; i < t->nworkers; i++) {
		log.records += t->worker[i].log.records;
		log.clipped += t->worker[i].log.clipped;
		log.again += t->worker[i].log.again;
	}
	return log;
}

static void label_of(const struct fm_private *t, const char *what, char label[FM_STREAM_LABEL])
{
	snprintf(label, FM_STREAM_LABEL, "%s/%s", t->o.name, what);
}

/* ---- a step ---- */

int fm_private_batch(struct fm_private *t, uint32_t step, const uint32_t **record, size_t *n, struct fm_error *err)
{
	char label[FM_STREAM_LABEL];

	label_of(t, "sample", label);
	*record = t->batch;
	return fm_poisson_sample(&(struct fm_stream_name){t->o.key, label, step}, &t->rate, t->l->records, t->batch, n,
				 err);
}

/* The seed of a step's noise and times: secret, since nobody may know which record has which draws. */
static int draws_of(const struct fm_private *t, uint32_t step, uint64_t *seed, struct fm_error *err)
{
	char label[FM_STREAM_LABEL];
	struct fm_stream *s;
	int rc;

	label_of(t, "draws", label);
	if ((rc = fm_stream_open(&s, t->o.key, label, step, err)) < 0)
		return rc;
	fm_stream_at(s, 0);
	*seed = fm_stream_word(s);
	rc = fm_stream_check(s, err);
	fm_stream_close(s);
	return rc;
}

/* The factor of record i of the pass. */
static double weight_of(const struct fm_grid *g, struct worker *w, int i)
{
	double norm = sqrt(fm_kept_norm2(w->kept, i)), weight = fm_clip_weight(norm, g->clip);

	w->log.records++;
	w->log.clipped += norm > g->clip;
	return weight < 1 ? weight * (1 - NORM_ERROR) : weight;
}

/* Record i was added with this weight and sum of squares.  Where that is too large, add it again with a smaller weight,
 * or not at all. */
static void add_again(struct fm_private *t, struct worker *w, int i, double weight, uint64_t squares)
{
	const struct fm_grid *g = &t->grid;

	for (int tries = 0; squares > g->norm2; tries++) {
		fm_kept_steps(w->kept, i, (float)(weight / g->step), -1, &t->sum);
		w->log.again++;
		weight *= sqrt((double)g->norm2 / (double)squares) * (1 - 0x1p-10);
		if (tries == 1 || !(weight > 0))
			return;
		squares = fm_kept_steps(w->kept, i, (float)(weight / g->step), 1, &t->sum);
	}
}

/* Add the n records of the pass, each with a sum of squares, in steps, that is certainly at most norm2. */
static void add_records(struct fm_private *t, struct worker *w, int n)
{
	double weight[FM_PASS_WINDOWS];
	fm_real factor[FM_PASS_WINDOWS] = {0};
	uint64_t squares[FM_PASS_WINDOWS] = {0};

	for (int i = 0; i < n; i++) {
		weight[i] = weight_of(&t->grid, w, i);
		factor[i] = (fm_real)(weight[i] / t->grid.step);
	}
	fm_kept_steps_all(w->kept, factor, &t->sum, squares);
	for (int i = 0; i < n; i++)
		add_again(t, w, i, weight[i], squares[i]);
}

static void run_pass(void *ctx, int pass, int thread)
{
	struct fm_private *t = ctx;
	struct worker *w = &t->worker[thread];
	size_t from = (t->first + (size_t)pass) * (size_t)t->l->most;
	int n = t->n - from < (size_t)t->l->most ? (int)(t->n - from) : t->l->most;

	if (fm_kept_check(w->kept, NULL) < 0)
		return; /* the step is void */
	t->l->pass(t->l->ctx, thread, t->p, &(struct fm_lot){t->seed, t->step, t->record + from, n}, w->kept);
	if (fm_kept_check(w->kept, NULL) < 0)
		return;
	add_records(t, w, n);
}

int fm_private_sum(struct fm_private *t, const float *p, uint32_t step, const uint32_t *record, size_t n,
		   const int64_t **sum, struct fm_error *err)
{
	size_t passes = (n + (size_t)t->l->most - 1) / (size_t)t->l->most, to;
	int rc;

	if ((rc = draws_of(t, step, &t->seed, err)) < 0)
		return rc;
	t->p = p;
	t->record = record;
	t->n = n;
	t->step = step;
	memset(t->sum.sum, 0, sizeof(int64_t) * t->grid.dim);
	for (int i = 0; i < t->nworkers; i++)
		fm_kept_begin(t->worker[i].kept, t->l->draws);
	fm_ranks_range(fm_ranks_rank(t->o.ranks), fm_ranks_size(t->o.ranks), passes, &t->first, &to);
	fm_pool_run(t->o.pool, (int)(to - t->first), run_pass, t);
	for (int i = 0; i < t->nworkers; i++)
		if ((rc = fm_kept_check(t->worker[i].kept, err)) < 0)
			return rc;
	*sum = t->sum.sum;
	return FM_OK;
}

/* Each rank adds up one slice of all ranks' sums, in integers, and adds the noise of that slice; no two ranks draw the
 * same noise. */
static int mean_of_ranks(struct fm_private *t, const struct fm_grid_noise *noise, const int64_t *own,
			 struct fm_error *err)
{
	uint32_t step = (uint32_t)noise->of.step;
	struct fm_ranks *ranks = t->o.ranks;
	int size = fm_ranks_size(ranks), rank = fm_ranks_rank(ranks), rc;
	size_t dim = t->grid.dim, from, to, n = 0;
	struct fm_parcel *parcel = NULL;
	int64_t *sum;

	memcpy(t->shared + (size_t)rank * dim, own, sizeof *own * dim);
	if ((rc = fm_alloc(&parcel, (size_t)size * (size_t)size, sizeof *parcel, "parcels", err)) < 0)
		return rc;
	for (int a = 0; a < size; a++)
		for (int b = 0; b < size; b++) {
			fm_ranks_range(b, size, dim, &from, &to);
			if (a != b && from < to)
				parcel[n++] = (struct fm_parcel){t->shared + (size_t)a * dim + from,
								 (to - from) * sizeof *t->shared, a, b};
		}
	if ((rc = fm_ranks_share(ranks, step, parcel, n, err)) < 0)
		goto out;
	fm_ranks_range(rank, size, dim, &from, &to);
	sum = t->shared + (size_t)rank * dim + from;
	for (int a = 0; a < size; a++)
		for (size_t k = from; k < to && a != rank; k++)
			sum[k - from] += t->shared[(size_t)a * dim + k];
	if (from < to && (rc = fm_grid_noisy_slice(&t->grid, noise, from, to - from, sum, t->mean + from, err)) < 0)
		goto out;
	n = 0;
	for (int a = 0; a < size; a++) {
		fm_ranks_range(a, size, dim, &from, &to);
		if (from < to)
			parcel[n++] =
			    (struct fm_parcel){t->mean + from, (to - from) * sizeof *t->mean, a, FM_RANKS_ALL};
	}
	rc = fm_ranks_share(ranks, step, parcel, n, err);
out:
	if (fm_ranks_forked(ranks)) /* the other ranks wipe theirs */
		explicit_bzero(t->shared + (size_t)rank * dim, sizeof *own * dim);
	else
		explicit_bzero(t->shared, sizeof *own * dim * (size_t)size);
	free(parcel);
	return rc;
}

int fm_private_mean(struct fm_private *t, const float *p, uint32_t step, float *mean, struct fm_error *err)
{
	char label[FM_STREAM_LABEL];
	const uint32_t *record;
	const int64_t *sum;
	size_t n;
	int rc;

	label_of(t, "noise", label);
	if ((rc = fm_private_batch(t, step, &record, &n, err)) < 0 ||
	    (rc = fm_private_sum(t, p, step, record, n, &sum, err)) < 0)
		return rc;
	struct fm_grid_noise noise = {{t->o.key, label, step}, t->o.noise_multiplier, t->o.expected, t->o.pool};
	if (t->o.ranks) {
		if ((rc = mean_of_ranks(t, &noise, sum, err)) >= 0)
			memcpy(mean, t->mean, sizeof *mean * t->grid.dim);
		return rc;
	}
	return fm_grid_noisy_mean(&t->grid, &noise, sum, mean, err);
}

/* ---- the charge ---- */

static void charge_of(const struct fm_private *t, struct fm_charge *charge)
{
	double rate = (double)t->o.rate_num / (double)t->o.rate_den;

	*charge = (struct fm_charge){.kind = FM_CHARGE_DISCRETE_GAUSSIAN,
				     .sensitivity = fm_grid_sensitivity(&t->grid),
				     .scale = fm_grid_scale(&t->grid, t->o.noise_multiplier),
				     .rate = rate < 1 ? nextafter(rate, 1) : 1,
				     .count = (uint64_t)t->o.steps};
	snprintf(charge->name, sizeof charge->name, "%s", t->o.name);
}

int fm_private_charge(const struct fm_learner *l, const struct fm_private_opts *o, struct fm_charge *charge,
		      struct fm_error *err)
{
	struct fm_private *t = NULL;
	int rc;

	if ((rc = fm_private_new(&t, l, o, err)) < 0)
		return rc;
	charge_of(t, charge);
	fm_private_free(t);
	return FM_OK;
}

int fm_private_norms(const struct fm_learner *l, const float *p, const struct fm_lot *lot, double *norm,
		     struct fm_error *err)
{
	struct fm_kept *kept;
	int rc = fm_kept_new(&kept, err);

	if (rc < 0)
		return rc;
	for (int at = 0; at < lot->n; at += l->most) {
		int m = lot->n - at < l->most ? lot->n - at : l->most;

		l->pass(l->ctx, 0, p, &(struct fm_lot){lot->seed, lot->step, lot->record + at, m}, kept);
		if ((rc = fm_kept_check(kept, err)) < 0)
			goto out;
		for (int i = 0; i < m; i++)
			norm[at + i] = sqrt(fm_kept_norm2(kept, i));
	}
out:
	fm_kept_free(kept);
	return rc;
}

/* ---- the training ---- */

/* State of the training; it is made from noisy means alone, so nothing here is secret. */
struct training {
	const struct fm_learner *l;
	const struct fm_private_opts *o;
	struct fm_optimiser *optimiser;
	struct fm_train_arrays now;
	struct fm_train_point at;
	float *mean;
	char identity[FM_SHA256_HEX];
	int saved; /* step of the last checkpoint, or of the start */
	double saved_at;
};

/* All that a step's noise, batch and gradients depend on, under the key that they are drawn with. */
static int identify(struct training *s, struct fm_error *err)
{
	const struct fm_private_opts *o = s->o;
	struct {
		char name[FM_CHARGE_NAME], identity[FM_SHA256_HEX];
		uint8_t start[FM_SHA256_LEN];
		double expected, clip, noise_multiplier, rate, ema, weight_decay;
		uint64_t steps, draws, warmup, rate_num, rate_den, records, nfloats;
	} all;
	uint8_t mac[FM_SHA256_LEN];
	int rc;

	if (!o->identity || strlen(o->identity) >= sizeof all.identity)
		return fm_fail(err, FM_EINPUT, "a private training with a checkpoint needs an identity of its records");
	memset(&all, 0, sizeof all); /* padding too */
	snprintf(all.name, sizeof all.name, "%s", o->name);
	snprintf(all.identity, sizeof all.identity, "%s", o->identity);
	all.expected = o->expected;
	all.clip = o->clip;
	all.noise_multiplier = o->noise_multiplier;
	all.rate = o->rate;
	all.ema = o->ema;
	all.weight_decay = o->weight_decay;
	all.steps = (uint64_t)o->steps;
	all.draws = (uint64_t)s->l->draws;
	all.warmup = (uint64_t)o->warmup;
	all.rate_num = o->rate_num;
	all.rate_den = o->rate_den;
	all.records = s->l->records;
	all.nfloats = s->l->layout->nfloats;
	if ((rc = fm_hmac_sha256(o->key->data, o->key->len, s->now.w, sizeof(float) * all.nfloats, all.start, err)) <
		0 ||
	    (rc = fm_hmac_sha256(o->key->data, o->key->len, &all, sizeof all, mac, err)) < 0)
		return rc;
	fm_hex(mac, sizeof mac, s->identity);
	return FM_OK;
}

static struct fm_checkpoint checkpoint_of(const struct training *s)
{
	return (struct fm_checkpoint){s->o->checkpoint, s->identity, s->l->layout, s->o->checkpoint_key};
}

/* The floats between two tensors are no parameters, and no checkpoint has them. */
static void clear_gaps(const struct fm_layout *l, float *x)
{
	for (int i = 0; i < l->n; i++) {
		const struct fm_tensor *t = &l->tensor[i];
		size_t from = t->at + (size_t)t->rows * (size_t)t->cols,
		       to = i + 1 < l->n ? l->tensor[i + 1].at : l->nfloats;

		memset(x + from, 0, sizeof *x * (to - from));
	}
}

static void begin_anew(struct training *s, const float *start)
{
	size_t n = sizeof(float) * s->l->layout->nfloats;

	s->at = (struct fm_train_point){
	    .b1 = 1, .b2 = 1, .rate_scale = 1, .loss = NAN, .guard = NAN, .validation = NAN, .best = NAN};
	memcpy(s->now.w, start, n);
	clear_gaps(s->l->layout, s->now.w);
	memcpy(s->now.ema, s->now.w, n);
	memset(s->now.m, 0, n);
	memset(s->now.v, 0, n);
}

/* start (nfloats): the weights to start from again, where an unusable checkpoint has overwritten s->now.w. */
static int begin(struct training *s, const float *start, struct fm_error *err)
{
	struct fm_checkpoint c = checkpoint_of(s);
	int rc;

	if ((rc = fm_checkpoint_allowed(&c, &s->now, err)) < 0)
		return rc;
	begin_anew(s, start);
	if (s->o->checkpoint && (rc = identify(s, err)) < 0)
		return rc;
	if (s->o->checkpoint && fm_file_exists(s->o->checkpoint)) {
		rc = fm_checkpoint_load(&c, s->o->steps, 0, &s->at, &s->now, err);
		if (rc == FM_EINPUT || rc == FM_EVERDICT) {
			fm_warn("%s; the private training begins anew, with the noise that it had", err->message);
			begin_anew(s, start);
		} else if (rc < 0) {
			return rc;
		} else {
			fm_log("train: goes on from private step %d", s->at.step);
		}
	}
	s->saved = s->at.step;
	s->saved_at = fm_seconds();
	return FM_OK;
}

static int save(struct training *s, bool now, struct fm_error *err)
{
	const struct fm_private_opts *o = s->o;
	struct fm_checkpoint c = checkpoint_of(s);
	bool due = now || (o->checkpoint_every > 0 && s->at.step - s->saved >= o->checkpoint_every) ||
		   (o->checkpoint_seconds > 0 && fm_seconds() - s->saved_at >= o->checkpoint_seconds);

	if (!o->checkpoint || !due || s->at.step == s->saved || s->at.step >= o->steps || fm_ranks_rank(o->ranks) != 0)
		return FM_OK;
	s->saved = s->at.step;
	s->saved_at = fm_seconds();
	return fm_checkpoint_save(&c, &s->at, &s->now, err);
}

/* A rank is missing: save what there is, as far as possible. */
static void save_in_need(struct training *s)
{
	struct fm_error ignored;

	if (!fm_ranks_failed(s->o->ranks) || fm_ranks_rank(s->o->ranks) != 0 || s->at.step == s->saved)
		return;
	if (save(s, true, &ignored) < 0)
		fm_warn("%s", ignored.message);
	else if (s->o->checkpoint)
		fm_warn("the checkpoint is of private step %d; the same command goes on from there", s->saved);
}

static void update(struct training *s)
{
	const struct fm_private_opts *o = s->o;
	double d = (s->at.step + 1.0) / (s->at.step + 10.0);

	s->at.b1 *= FM_BETA1;
	s->at.b2 *= FM_BETA2;
	struct fm_adamw how = {.beta1 = FM_BETA1,
			       .beta2 = FM_BETA2,
			       .beta1_t = s->at.b1,
			       .beta2_t = s->at.b2,
			       .rate = fm_train_rate(o->rate, o->warmup, s->at.step, o->steps),
			       .weight_decay = o->weight_decay,
			       .ema_decay = d < o->ema ? d : o->ema,
			       .scale = 1};
	fm_optimiser_step(s->optimiser, &s->now, s->mean, &how);
	s->at.step++;
	s->at.epoch = 1;
}

static int take_steps(struct training *s, struct fm_private *t, struct fm_progress *bar, struct fm_error *err)
{
	int rc;

	while (s->at.step < s->o->steps) {
		if (fm_ranks_stopped(s->o->ranks)) {
			if ((rc = save(s, true, err)) < 0)
				return rc;
			return fm_fail(err, FM_ESYSTEM,
				       "train: stopped at private step %d; the checkpoint is of step %d", s->at.step,
				       s->saved);
		}
		if ((rc = fm_private_mean(t, s->now.w, (uint32_t)s->at.step, s->mean, err)) < 0) {
			save_in_need(s);
			return rc;
		}
		clear_gaps(s->l->layout, s->mean);
		update(s);
		if ((rc = save(s, false, err)) < 0)
			return rc;
		fm_progress_step(bar, (uint64_t)s->at.step, NULL);
	}
	return FM_OK;
}

int fm_private_train(const struct fm_learner *l, const struct fm_private_opts *o, float *w, float *ema,
		     struct fm_charges *charges, struct fm_private_log *log, struct fm_error *err)
{
	size_t n = l->layout->nfloats;
	struct training s = {.l = l, .o = o, .now = {.w = w, .ema = ema}};
	struct fm_private *t = NULL;
	struct fm_progress bar;
	struct fm_charge charge;
	int rc;

	if ((rc = fm_private_new(&t, l, o, err)) < 0 || (rc = fm_optimiser_new(&s.optimiser, n, o->pool, err)) < 0 ||
	    (rc = fm_alloc(&s.now.m, n, sizeof(float), "moments", err)) < 0 ||
	    (rc = fm_alloc(&s.now.v, n, sizeof(float), "moments", err)) < 0 ||
	    (rc = fm_alloc(&s.mean, n, sizeof(float), "a mean of gradients", err)) < 0)
		goto out;
	charge_of(t, &charge);
	if ((rc = fm_charges_add(charges, &charge, err)) < 0)
		goto out;
	memcpy(s.mean, w, sizeof(float) * n); /* which is not in use yet */
	if ((rc = begin(&s, s.mean, err)) < 0)
		goto out;
	fm_progress_go_on(&bar, "train", "steps", (uint64_t)o->steps, (uint64_t)s.at.step);
	fm_interrupt_watch(o->checkpoint != NULL);
	rc = take_steps(&s, t, &bar, err);
	fm_interrupt_watch(false);
	fm_progress_end(&bar, NULL);
	if (log)
		*log = fm_private_log(t);
out:
	fm_private_free(t);
	fm_optimiser_free(s.optimiser);
	free(s.now.m);
	free(s.now.v);
	free(s.mean);
	return rc;
}
