/* trainer.c - the training loop. */
#include "model/diffusion/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/diffusion/label_weights.h"
#include "model/nn/checkpoint.h"

#define AVERAGE 0.98 /* decay of the moving averages of the loss */
#define EXPLODED 3.0 /* a loss above this many times its running average; more for batches of a few windows */
#define WELL 1.5     /* a good point's loss is below this many times the average */
#define SUSPECTS 8   /* steps in a row with an exploded loss before training goes back */

struct trainer {
	const struct fm_train_opts *o;
	const struct fm_net *net;
	const struct fm_encoded *train, *validation;
	struct fm_batcher *batcher;
	uint32_t *epoch; /* (in_epoch) the windows of an epoch, some of them more than once */
	size_t in_epoch;
	float *of_label;        /* (labels) fm_label_weights */
	uint32_t *order;        /* (in_epoch) the order in which they come */
	uint32_t *window;       /* (batch) windows of the step */
	struct fm_parts *parts; /* parts of the step's gradient */
	const float *sum;       /* (nfloats) their sum */
	struct fm_optimiser *optimiser;
	struct fm_train_point at, good;   /* now, and the last good point */
	struct fm_train_arrays now, kept; /* the same */
	int suspect;                      /* steps in a row whose loss had exploded */
	int saved;                        /* step of the last checkpoint, or of the start */
	double saved_at;                  /* time of that, fm_seconds */
	double seen, clipped;             /* windows that this process has seen, and those that were clipped */
	double flows;                     /* flows that this process has trained on */
	double column[FM_NTOK];           /* moving average of the loss of this process, for the progress line */
	double started, told;             /* fm_seconds; told: time of the last line about validation */
};

/* ---- the optimiser ---- */

static void update(struct trainer *t, double norm)
{
	const struct fm_train_opts *o = t->o;
	double d = (t->at.step + 1.0) / (t->at.step + 10.0);

	t->at.b1 *= FM_BETA1;
	t->at.b2 *= FM_BETA2;
	struct fm_adamw step = {.beta1 = FM_BETA1,
				.beta2 = FM_BETA2,
				.beta1_t = t->at.b1,
				.beta2_t = t->at.b2,
				.rate = fm_train_rate(o->rate, o->warmup, t->at.step, o->steps) * t->at.rate_scale,
				.weight_decay = o->weight_decay,
				.ema_decay = d < o->ema ? d : o->ema,
				.scale = o->clip > 0 && norm > o->clip ? o->clip / norm : 1};
	fm_optimiser_step(t->optimiser, &t->now, t->sum, &step);
}

/* ---- batches ---- */

/* How often a window of a class with `count` windows comes in an epoch, where the most frequent class has `most`. */
static size_t times_in_epoch(size_t count, size_t most, int balance)
{
	size_t n = 1;
	while (n < (size_t)balance && (2 * n + 1) * (2 * n + 1) * count <= 4 * most) /* sqrt(most / count) >= n + 1/2 */
		n++;
	return n;
}

/* Sets t->epoch and t->in_epoch. */
static int fill_epoch(struct trainer *t, struct fm_error *err)
{
	const struct fm_encoded *e = t->train;
	size_t count[UINT8_MAX + 1] = {0}, most = 0;
	int rc;
	for (size_t w = 0; w < e->windows; w++)
		count[e->cls[w]]++;
	for (int c = 0; c <= UINT8_MAX; c++)
		most = count[c] > most ? count[c] : most;
	for (size_t w = 0; w < e->windows; w++)
		t->in_epoch += times_in_epoch(count[e->cls[w]], most, t->o->balance);
	if (t->in_epoch > UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "%zu windows are too many to learn from", e->windows);
	if ((rc = fm_alloc(&t->epoch, t->in_epoch, sizeof *t->epoch, "the windows of an epoch", err)) < 0)
		return rc;
	for (size_t w = 0, at = 0; w < e->windows; w++)
		for (size_t n = times_in_epoch(count[e->cls[w]], most, t->o->balance); n > 0; n--)
			t->epoch[at++] = (uint32_t)w;
	return FM_OK;
}

/* Shuffle the order of one epoch, a function of (seed, epoch). */
static void shuffle(uint32_t *order, size_t n, uint64_t seed, uint32_t epoch)
{
	struct fm_rng r;
	fm_rng_init(&r, seed, FM_RNG_BATCH, UINT32_MAX, epoch);
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	fm_rng_shuffle(&r, order, n);
}

static void draw_batch(struct trainer *t)
{
	for (int b = 0; b < t->o->batch; b++) {
		if (t->at.at == t->in_epoch) {
			shuffle(t->order, t->in_epoch, t->o->seed, t->at.epoch++);
			t->at.at = 0;
		}
		t->window[b] = t->epoch[t->order[t->at.at++]];
	}
}

static int gradient(struct trainer *t, struct fm_net_loss *loss, double *norm, struct fm_error *err)
{
	struct fm_batch batch = {.data = t->train,
				 .p = t->now.w,
				 .window = t->window,
				 .n = t->o->batch,
				 .of_label = t->of_label,
				 .clip = t->o->window_clip,
				 .stream = FM_RNG_NOISE,
				 .seed = t->o->seed,
				 .step = (uint32_t)t->at.step};
	int rc;

	fm_batch_run(t->batcher, &batch, fm_parts_array(t->parts), loss);
	if ((rc = fm_batcher_check(t->batcher, err)) < 0)
		return rc;
	t->seen += t->o->batch;
	t->clipped += fm_batch_clipped(t->batcher);
	return fm_parts_sum(t->parts, batch.step, &t->sum, norm, err);
}

/* ---- good points ---- */

static void copy_arrays(const struct trainer *t, const struct fm_train_arrays *to, const struct fm_train_arrays *from)
{
	size_t n = sizeof(float) * t->net->layout.nfloats;

	memcpy(to->w, from->w, n);
	memcpy(to->m, from->m, n);
	memcpy(to->v, from->v, n);
	memcpy(to->ema, from->ema, n);
	if (to->best)
		memcpy(to->best, from->best, n);
}

/* Steps between two good points: a fiftieth of the run, at most 25, so that a checkpoint by the clock waits little. */
static int good_every(int steps)
{
	return steps < 50 ? 1 : steps > 1250 ? 25 : steps / 50;
}

/* The order of windows that t->at is in. */
static void restore_order(struct trainer *t)
{
	if (t->at.epoch > 0)
		shuffle(t->order, t->in_epoch, t->o->seed, t->at.epoch - 1);
	t->suspect = 0;
}

static struct fm_checkpoint checkpoint_of(const struct trainer *t)
{
	return (struct fm_checkpoint){t->o->checkpoint, t->o->identity, &t->net->layout, t->o->checkpoint_key};
}

/* Rank 0 writes for all. */
static int write_point(struct trainer *t, struct fm_error *err)
{
	struct fm_checkpoint c = checkpoint_of(t);

	if (fm_ranks_rank(t->o->ranks) != 0)
		return FM_OK;
	t->saved = t->good.step;
	t->saved_at = fm_seconds();
	return fm_checkpoint_save(&c, &t->good, &t->kept, err);
}

static int save(struct trainer *t, struct fm_error *err)
{
	const struct fm_train_opts *o = t->o;

	bool steps = o->checkpoint_every > 0 && t->good.step - t->saved >= o->checkpoint_every,
	     seconds = o->checkpoint_seconds > 0 && t->good.step > t->saved &&
		       fm_seconds() - t->saved_at >= o->checkpoint_seconds;

	return o->checkpoint && (steps || seconds) ? write_point(t, err) : FM_OK;
}

/* before: the point that the current weights belong to, before this step. */
static int keep(struct trainer *t, const struct fm_train_point *before, struct fm_error *err)
{
	if (before->step > 0 && before->step - t->good.step < good_every(t->o->steps))
		return FM_OK;
	t->good = *before;
	copy_arrays(t, &t->kept, &t->now);
	return save(t, err);
}

static int go_back(struct trainer *t, const char *why, struct fm_error *err)
{
	int step = t->at.step + 1;

	if (t->good.rollbacks >= FM_ROLLBACKS)
		return fm_fail(err, FM_EINPUT,
			       "training diverges: at step %d %s, for the %dth time, and at a rate of %g too; set "
			       "train.rate (%g) much lower, or "
			       "train.warmup (%d) higher",
			       step, why, FM_ROLLBACKS + 1, t->o->rate * t->good.rate_scale, t->o->rate, t->o->warmup);
	t->good.rollbacks++;
	t->good.rate_scale /= 2;
	t->at = t->good;
	copy_arrays(t, &t->now, &t->kept);
	restore_order(t);
	fm_warn("training diverged at step %d: %s; it goes on from step %d at half the rate, peak %g (return %d of at "
		"most %d)",
		step, why, t->at.step, t->o->rate * t->at.rate_scale, t->at.rollbacks, FM_ROLLBACKS);
	return FM_OK;
}

/* Is the loss still a loss?  1: yes; 0: doubtful; -1: diverged, and why. */
static int judge(struct trainer *t, const struct fm_net_loss *loss, double norm, char *why, size_t cap)
{
	double x = fm_loss_tokens(loss), exploded = EXPLODED * (1 + 4.0 / t->o->batch);

	for (int k = 0; k < FM_NRES; k++)
		x += loss->res[k];
	if (!isfinite(x) || !isfinite(norm)) {
		snprintf(why, cap, "the %s is not a number", isfinite(x) ? "gradient" : "loss");
		return -1;
	}
	if (isnan(t->at.guard))
		t->at.guard = x;
	if (x > exploded * t->at.guard) {
		snprintf(why, cap, "the loss is %.3g, and for %d steps was over %g times its average of %.3g", x,
			 SUSPECTS, exploded, t->at.guard);
		return ++t->suspect >= SUSPECTS ? -1 : 0;
	}
	t->suspect = 0;
	t->at.guard = AVERAGE * t->at.guard + (1 - AVERAGE) * x;
	return x <= WELL * t->at.guard ? 1 : 0;
}

/* Have the last steps done damage?  No later loss would show it. */
static bool ended_badly(const struct trainer *t)
{
	double sum =
	    t->net->k->sumsq(t->now.ema, t->net->layout.nfloats) + t->net->k->sumsq(t->now.w, t->net->layout.nfloats);
	return !isfinite(sum) || t->suspect >= SUSPECTS / 2;
}

/* ---- validation ---- */

void fm_validate(struct fm_batcher *b, const float *p, const struct fm_encoded *e, struct fm_validation how,
		 double column[FM_NTOK], double *total)
{
	enum { BATCH = 64 };
	uint32_t window[BATCH];
	size_t n = e->windows < how.max_windows ? e->windows : how.max_windows, at = 0;
	int batches = (int)((n * (size_t)how.passes + BATCH - 1) / BATCH);

	*total = NAN;
	memset(column, 0, sizeof(double) * FM_NTOK);
	for (int i = 0; i < batches; i++) {
		struct fm_batch batch = {.data = e,
					 .p = p,
					 .window = window,
					 .n = BATCH,
					 .stream = FM_RNG_JUDGE,
					 .seed = how.seed,
					 .step = (uint32_t)i};
		struct fm_net_loss loss;
		for (int k = 0; k < BATCH; k++)
			window[k] = (uint32_t)(at++ * 2654435761u % n);
		fm_batch_run(b, &batch, NULL, &loss);
		for (int c = 0; c < FM_NTOK; c++)
			column[c] += loss.tok[c];
		*total = (i == 0 ? 0 : *total) + fm_loss_tokens(&loss) / batches;
	}
	for (int c = 0; c < FM_NTOK && batches > 0; c++)
		column[c] /= batches;
}

/* "  rel 0.691  gap 2.360": as many columns as find room. */
static const char *columns_text(const double column[FM_NTOK], char *line, size_t cap)
{
	size_t n = 0;

	line[0] = '\0';
	for (int c = 0; c < FM_NTOK && n < cap; c++)
		n += (size_t)snprintf(line + n, cap - n, "  %s %.3f", fm_tok_name[c], column[c]);
	return line;
}

enum { LOSSES_MAX = 80 };

/* The validation is shown only once there was one. */
static const char *losses_text(const struct trainer *t, char text[LOSSES_MAX])
{
	int n = snprintf(text, LOSSES_MAX, "loss %.3f", t->at.loss);

	if (!isnan(t->at.validation))
		n += snprintf(text + n, LOSSES_MAX - (size_t)n, "  validation %.3f", t->at.validation);
	snprintf(text + n, LOSSES_MAX - (size_t)n, " nats/flow");
	return text;
}

/* Off a terminal the line is long: it comes at most every 30 s, and fm_train shows the last. */
static void tell(struct trainer *t, const double column[FM_NTOK])
{
	double s = fm_seconds() - t->started;
	char line[1024], losses[LOSSES_MAX];

	if (!fm_log_due(&t->told))
		return;
	fm_log("train: step %d of %d  %s  %.0f flows/s%s%s", t->at.step, t->o->steps, losses_text(t, losses),
	       t->flows / (s > 0 ? s : 1), fm_log_terminal() ? "" : "; by column",
	       fm_log_terminal() ? "" : columns_text(column, line, sizeof line));
}

/* After a step: is it time to stop? */
static int validate(struct trainer *t, bool *stop, struct fm_error *err)
{
	const struct fm_train_opts *o = t->o;
	bool due = o->validate_every > 0 && t->at.step % o->validate_every == 0, last = t->at.step == o->steps;
	double column[FM_NTOK];
	int rc;

	*stop = false;
	if (!t->validation || t->validation->windows == 0 || !(due || (last && o->patience > 0)))
		return FM_OK;
	fm_validate(t->batcher, t->now.ema, t->validation, (struct fm_validation){256, 1, o->seed}, column,
		    &t->at.validation);
	if ((rc = fm_batcher_check(t->batcher, err)) < 0)
		return rc;
	tell(t, column);
	if (isnan(t->at.best) || t->at.validation < t->at.best) {
		t->at.best = t->at.validation;
		t->at.best_step = t->at.step;
		if (t->now.best)
			memcpy(t->now.best, t->now.ema, sizeof(float) * t->net->layout.nfloats);
	}
	*stop = o->patience > 0 && t->at.step - t->at.best_step >= o->patience;
	return FM_OK;
}

/* ---- the loop ---- */

/* One step, or a return to the last good point.  *stop: patience is at an end. */
static int step(struct trainer *t, bool *stop, struct fm_error *err)
{
	struct fm_train_point before = t->at;
	struct fm_net_loss loss;
	double norm;
	char why[160];
	int well, rc;

	draw_batch(t);
	if ((rc = gradient(t, &loss, &norm, err)) < 0)
		return rc;
	if ((well = judge(t, &loss, norm, why, sizeof why)) < 0)
		return go_back(t, why, err);
	if (well && (rc = keep(t, &before, err)) < 0)
		return rc;
	update(t, norm);
	double x = fm_loss_tokens(&loss);
	t->at.loss = t->at.step == 0 ? x : AVERAGE * t->at.loss + (1 - AVERAGE) * x;
	for (int c = 0; c < FM_NTOK; c++)
		t->column[c] = t->flows > 0 ? AVERAGE * t->column[c] + (1 - AVERAGE) * loss.tok[c] : loss.tok[c];
	t->at.step++;
	t->flows += (double)t->o->batch * t->net->arch.window;
	if ((rc = validate(t, stop, err)) < 0)
		return rc;
	if ((*stop || t->at.step == t->o->steps) && ended_badly(t)) {
		*stop = false;
		return go_back(t, "it would end with an exploding loss or weights that are not numbers", err);
	}
	return FM_OK;
}

/* The run is being stopped: keep the last good point, from which the next one resumes. */
static int leave(struct trainer *t, struct fm_error *err)
{
	int rc;

	if (t->good.step > t->saved && (rc = write_point(t, err)) < 0)
		return rc;
	return fm_fail(err, FM_ESYSTEM, "train: stopped at step %d; the checkpoint is of step %d", t->at.step,
		       t->saved);
}

/* A rank is missing: save what there is, as far as possible. */
static void save_in_need(struct trainer *t)
{
	struct fm_error ignored;

	if (!fm_ranks_failed(t->o->ranks) || fm_ranks_rank(t->o->ranks) != 0 || !t->o->checkpoint)
		return;
	if (t->good.step > t->saved && write_point(t, &ignored) < 0)
		fm_warn("%s", ignored.message);
	else if (t->saved > 0)
		fm_warn("the checkpoint is of step %d; the same command goes on from there", t->saved);
}

/* Take all steps, or until *stop. */
static int take_steps(struct trainer *t, struct fm_progress *bar, bool *stop, struct fm_error *err)
{
	uint64_t flows = (uint64_t)t->o->batch * (uint64_t)t->net->arch.window; /* flows per step */
	char note[400], columns[224], losses[LOSSES_MAX];
	int rc = FM_OK;

	while (!*stop && t->at.step < t->o->steps) {
		rc = fm_ranks_stopped(t->o->ranks) ? leave(t, err) : step(t, stop, err);
		snprintf(note, sizeof note, "%s  step %d%s", losses_text(t, losses), t->at.step,
			 columns_text(t->column, columns, sizeof columns));
		fm_progress_step(bar, (uint64_t)t->at.step * flows, note);
		if (rc < 0)
			break;
	}
	if (rc < 0)
		save_in_need(t);
	return rc;
}

static int train_loop(struct trainer *t, struct fm_error *err)
{
	uint64_t flows = (uint64_t)t->o->batch * (uint64_t)t->net->arch.window; /* a step */
	struct fm_progress bar;
	char note[128], losses[LOSSES_MAX];
	bool stop = false;
	int rc;

	fm_progress_go_on(&bar, "train", "flows", (uint64_t)t->o->steps * flows, (uint64_t)t->at.step * flows);
	fm_interrupt_watch(t->o->checkpoint != NULL);
	rc = take_steps(t, &bar, &stop, err);
	fm_interrupt_watch(false);
	snprintf(note, sizeof note, "%s  step %d", losses_text(t, losses), t->at.step);
	fm_progress_end(&bar, note);
	if (stop)
		fm_log("train: ends early: no better validation than %.3f nats/flow since step %d", t->at.best,
		       t->at.best_step);
	return rc;
}

static int arrays_new(struct fm_train_arrays *a, size_t n, bool best, bool ema, struct fm_error *err)
{
	int rc;
	if ((rc = fm_alloc(&a->w, n, sizeof(float), "weights", err)) < 0 ||
	    (rc = fm_alloc(&a->m, n, sizeof(float), "moments", err)) < 0 ||
	    (rc = fm_alloc(&a->v, n, sizeof(float), "moments", err)) < 0)
		return rc;
	if (ema && (rc = fm_alloc(&a->ema, n, sizeof(float), "averaged weights", err)) < 0)
		return rc;
	if (best && (rc = fm_alloc(&a->best, n, sizeof(float), "averaged weights", err)) < 0)
		return rc;
	return FM_OK;
}

static void arrays_free(struct fm_train_arrays *a)
{
	free(a->w);
	free(a->m);
	free(a->v);
	free(a->ema);
	free(a->best);
}

static int trainer_init(struct trainer *t, const struct fm_process *pr, struct fm_error *err)
{
	size_t n = t->net->layout.nfloats;
	bool best = t->o->patience > 0;
	int rc;

	if ((rc = fm_batcher_new(&t->batcher, t->net, pr, t->o->pool, err)) < 0 ||
	    (rc = fm_batcher_share(t->batcher, t->o->ranks, err)) < 0)
		return rc;
	if (t->o->window_clip > 0 && (rc = fm_batcher_clips(t->batcher, err)) < 0)
		return rc;
	if ((rc = fm_optimiser_new(&t->optimiser, n, t->o->pool, err)) < 0)
		return rc;
	if ((rc = fm_parts_new(&t->parts, n, fm_parts_of(t->o->batch), t->o->pool, t->o->ranks, err)) < 0)
		return rc;
	if ((rc = arrays_new(&t->now, n, best, false, err)) < 0 || /* ema is the caller's */
	    (rc = arrays_new(&t->kept, n, best, true, err)) < 0 || (rc = fill_epoch(t, err)) < 0 ||
	    (rc = fm_label_weights(&t->of_label, t->net->vocab[FM_T_LABEL], t->train, t->net->arch.window,
				   t->o->balance, err)) < 0)
		return rc;
	if ((rc = fm_alloc(&t->order, t->in_epoch, sizeof *t->order, "the order of windows", err)) < 0)
		return rc;
	return fm_alloc(&t->window, (size_t)t->o->batch, sizeof *t->window, "a batch", err);
}

static void trainer_close(struct trainer *t)
{
	fm_batcher_free(t->batcher);
	fm_parts_free(t->parts);
	t->now.ema = NULL;
	arrays_free(&t->now);
	arrays_free(&t->kept);
	fm_optimiser_free(t->optimiser);
	free(t->epoch);
	free(t->of_label);
	free(t->order);
	free(t->window);
}

/* The first point: that of a checkpoint, else random weights. */
static int begin(struct trainer *t, struct fm_error *err)
{
	struct fm_checkpoint c = checkpoint_of(t);
	int rc;

	if ((rc = fm_checkpoint_begin(&c, t->o->steps, t->in_epoch, t->o->seed, &t->at, &t->now, err)) < 0)
		return rc;
	t->good = t->at;
	t->saved = t->at.step;
	t->saved_at = fm_seconds();
	copy_arrays(t, &t->kept, &t->now);
	restore_order(t);
	return FM_OK;
}

int fm_train(const struct fm_net *net, const struct fm_process *process, const struct fm_train_data *data,
	     const struct fm_train_opts *o, float *ema, struct fm_train_result *result, struct fm_error *err)
{
	struct trainer t = {.o = o,
			    .net = net,
			    .train = data->train,
			    .validation = data->validation,
			    .now.ema = ema,
			    .started = fm_seconds(),
			    .told = fm_seconds()};
	bool watched = data->validation && data->validation->windows > 0;
	int rc;

	memset(result, 0, sizeof *result);
	result->validation = NAN;
	if (data->train->windows == 0)
		return fm_fail(err, FM_EINPUT, "there is nothing to train on: the training split has no whole window");
	if (o->patience > 0 && !watched)
		fm_warn("train.patience has nothing to go by: the validation split has no whole window");
	if ((rc = trainer_init(&t, process, err)) < 0 || (rc = begin(&t, err)) < 0 || (rc = train_loop(&t, err)) < 0)
		goto out;
	if (t.now.best && t.at.best_step > 0)
		memcpy(ema, t.now.best, sizeof(float) * net->layout.nfloats);
	result->steps = t.at.step;
	result->best_step = t.now.best && t.at.best_step > 0 ? t.at.best_step : t.at.step;
	result->rollbacks = t.at.rollbacks;
	result->loss = t.at.loss;
	result->seconds = fm_seconds() - t.started;
	result->flows = t.flows;
	result->clipped = t.seen > 0 ? t.clipped / t.seen : 0;
	if (o->window_clip > 0)
		fm_log("train: %.1f %% of the windows had a gradient of norm over privacy.clip %g",
		       100 * result->clipped, o->window_clip);
	if (watched) {
		char line[1024];
		fm_validate(t.batcher, ema, data->validation, (struct fm_validation){1024, 4, o->seed}, result->column,
			    &result->validation);
		if ((rc = fm_batcher_check(t.batcher, err)) < 0)
			goto out;
		fm_log("train: validation %.3f nats/flow%s%s", result->validation,
		       fm_log_terminal() ? "" : "; by column",
		       fm_log_terminal() ? "" : columns_text(result->column, line, sizeof line));
	}
out:
	trainer_close(&t);
	return rc;
}
