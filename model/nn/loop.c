/* loop.c - the steps of a training. */
#include "model/nn/loop.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"

#define AVERAGE 0.98

static struct fm_checkpoint checkpoint_of(const struct fm_loop *l)
{
	return (struct fm_checkpoint){l->o->path, l->o->identity, l->layout, l->o->key};
}

int fm_loop_begin(struct fm_loop *l, struct fm_error *err)
{
	struct fm_checkpoint c = checkpoint_of(l);
	int rc;

	if ((rc = fm_checkpoint_begin(&c, l->o->steps, 0, l->o->seed, &l->at, l->a, err)) < 0)
		return rc;
	l->first = l->saved = l->at.step;
	l->saved_at = fm_seconds();
	return FM_OK;
}

static int save(struct fm_loop *l, bool now, struct fm_error *err)
{
	const struct fm_loop_opts *o = l->o;
	struct fm_checkpoint c = checkpoint_of(l);
	bool due = now || (o->every > 0 && l->at.step - l->saved >= o->every) ||
		   (o->seconds > 0 && fm_seconds() - l->saved_at >= o->seconds);

	if (!o->path || !due || l->at.step == l->saved || l->at.step >= o->steps)
		return FM_OK;
	l->saved = l->at.step;
	l->saved_at = fm_seconds();
	return fm_checkpoint_save(&c, &l->at, l->a, err);
}

/* The process was told to stop. */
static int leave(struct fm_loop *l, struct fm_error *err)
{
	int rc;

	if ((rc = save(l, true, err)) < 0)
		return rc;
	return fm_fail(err, FM_ESYSTEM, "train: stopped at step %d; the checkpoint is of step %d", l->at.step,
		       l->saved);
}

int fm_loop_run(struct fm_loop *l, fm_loop_step *step, void *ctx, struct fm_error *err)
{
	struct fm_progress bar;
	char note[FM_LOOP_NOTE] = "";
	int rc = FM_OK;

	fm_progress_go_on(&bar, "train", "flows", (uint64_t)l->o->steps * l->flows, (uint64_t)l->first * l->flows);
	fm_interrupt_watch(l->o->path != NULL);
	while (l->at.step < l->o->steps) {
		if (fm_interrupted()) {
			rc = leave(l, err);
			break;
		}
		if ((rc = step(ctx, l, note, err)) < 0 || (rc = save(l, false, err)) < 0)
			break;
		fm_progress_step(&bar, (uint64_t)l->at.step * l->flows, note);
	}
	fm_interrupt_watch(false);
	fm_progress_end(&bar, note);
	return rc;
}

int fm_loop_taken(const struct fm_loop *l)
{
	return l->at.step - l->first;
}

double fm_loop_average(double was, double x)
{
	return isnan(was) ? x : AVERAGE * was + (1 - AVERAGE) * x;
}
