#include "model/diffusion/window_loss.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/diffusion/batch.h"

/* At one or two of these times each column is hidden in part, by 0.25 to 0.85 (process.c). */
const double fm_loss_time[FM_LOSS_TIMES] = {0.11, 0.22, 0.28, 0.44, 0.575, 0.712, 0.745, 0.85, 0.9};

/* One thread's buffers for one window. */
struct bench {
	struct fm_work *work;
	struct fm_example ex;
	struct fm_keep keep[FM_NTOK];
};

struct judge {
	const struct fm_denoiser *d;
	const struct fm_encoded *e;
	uint64_t seed;
	struct bench *bench;
	double *loss;
};

static int bench_init(struct bench *b, const struct fm_net *net, struct fm_error *err)
{
	size_t W = (size_t)net->arch.window;
	struct fm_example *x = &b->ex;
	int rc;

	x->keep = b->keep;
	if ((rc = fm_work_new(&b->work, net, 1, err)) < 0 ||
	    (rc = fm_alloc(&x->tok_in, W * FM_NTOK, sizeof *x->tok_in, "a window", err)) < 0 ||
	    (rc = fm_alloc(&x->tok_weight, W * FM_NTOK, sizeof *x->tok_weight, "a window", err)) < 0 ||
	    (rc = fm_alloc(&x->res_in, W * FM_NRES, sizeof *x->res_in, "a window", err)) < 0 ||
	    (rc = fm_alloc(&x->v, W * FM_NRES, sizeof *x->v, "a window", err)) < 0)
		return rc;
	return fm_alloc(&x->v_weight, W * FM_NRES, sizeof *x->v_weight, "a window", err);
}

static void bench_close(struct bench *b)
{
	fm_work_free(b->work);
	free(b->ex.tok_in);
	free(b->ex.tok_weight);
	free(b->ex.res_in);
	free(b->ex.v);
	free(b->ex.v_weight);
}

static double loss_at(const struct judge *j, struct bench *b, size_t window, int k)
{
	size_t W = (size_t)j->d->net->arch.window;
	const uint16_t *tok = j->e->tok + window * W * FM_NTOK;
	struct fm_clean_window clean = {j->d->net->vocab, (int)W,      tok, j->e->res + window * W * FM_NRES,
					(double)W,        FM_RES_SHARE};
	float t = (float)fm_loss_time[k];
	struct fm_net_loss parts = {{0}, {0}};
	struct fm_rng rng;

	fm_rng_init(&rng, j->seed, FM_RNG_JUDGE, window, (uint32_t)k);
	fm_process_corrupt(j->d->process, &clean, fm_loss_time[k], &rng, &b->ex);
	struct fm_net_in in = {1,
			       b->ex.tok_in,
			       b->ex.res_in,
			       j->e->slot + window,
			       j->e->span + window,
			       j->e->cls + window,
			       &t,
			       j->e->kind ? j->e->kind + window : NULL};
	struct fm_net_target target = {tok, b->ex.tok_weight, b->ex.v, b->ex.v_weight,
				       j->d->process->multinomial ? b->keep : NULL};
	fm_net_forward(j->d->net, j->d->p, b->work, &in);
	fm_net_backward(j->d->net, j->d->p, b->work, &in, &target, &parts, NULL);
	double sum = fm_loss_tokens(&parts);
	for (int r = 0; r < FM_NRES; r++)
		sum += parts.res[r];
	return sum;
}

static void one_window(void *ctx, int window, int thread)
{
	struct judge *j = ctx;
	double sum = 0;

	for (int k = 0; k < FM_LOSS_TIMES; k++)
		sum += loss_at(j, &j->bench[thread], (size_t)window, k);
	j->loss[window] = sum / FM_LOSS_TIMES;
}

int fm_window_losses(const struct fm_denoiser *d, const struct fm_encoded *e, uint64_t seed, struct fm_pool *pool,
		     double *loss, struct fm_error *err)
{
	struct judge j = {d, e, seed, NULL, loss};
	int n = pool ? fm_pool_size(pool) : 1, made = 0, rc;

	if (e->windows > INT32_MAX)
		return fm_fail(err, FM_EINPUT, "%zu windows are too many", e->windows);
	if ((rc = fm_alloc(&j.bench, (size_t)n, sizeof *j.bench, "work space", err)) < 0)
		return rc;
	while (made < n)
		if ((rc = bench_init(&j.bench[made++], d->net, err)) < 0)
			goto out;
	fm_pool_run(pool, (int)e->windows, one_window, &j);
out:
	for (int i = 0; i < made; i++)
		bench_close(&j.bench[i]);
	free(j.bench);
	return rc;
}
