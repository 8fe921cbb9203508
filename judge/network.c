#include "judge/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/kernels.h"
#include "base/mem.h"
#include "base/rng.h"

enum { H1 = 64, H2 = 32, BATCH = 256 };

struct fm_network {
	const struct fm_kernels *k;
	size_t f, nparams;
	int outputs, classes;        /* classes 0: one number */
	float *param, *grad, *m, *v; /* nparams each: W1 (F, H1), b1 (H1), W2 (H1, H2), b2 (H2), W3 (H2, O), b3 (O) */
	float *mean;                 /* adamw's running mean of the parameters, which is not used */
	float *x, *y;                /* a batch: (BATCH, F), (BATCH) */
	float *a1, *a2, *out;        /* (BATCH, H1), (BATCH, H2), (BATCH, O) */
	float *d1, *d2;              /* gradients of a1 and a2 */
	struct fm_scratch scratch;
};

struct layers {
	float *w1, *b1, *w2, *b2, *w3, *b3;
};
static struct layers layers(float *p, const struct fm_network *w)
{
	struct layers l = {.w1 = p};

	l.b1 = l.w1 + w->f * H1;
	l.w2 = l.b1 + H1;
	l.b2 = l.w2 + H1 * H2;
	l.w3 = l.b2 + H2;
	l.b3 = l.w3 + H2 * w->outputs;
	return l;
}

static int network_new(struct fm_network **out, size_t f, int outputs, struct fm_error *err)
{
	size_t o = (size_t)outputs, np = f * H1 + H1 + H1 * H2 + H2 + H2 * o + o;
	struct fm_network *w = NULL;
	float *all;
	int rc;

	if ((rc = fm_alloc(&w, 1, sizeof *w, "a network", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&all, 5 * np + BATCH * (f + 1 + o + 2 * H1 + 2 * H2), sizeof *all, "a network", err)) < 0) {
		free(w);
		return rc;
	}
	w->k = fm_kernels();
	w->f = f;
	w->nparams = np;
	w->outputs = outputs;
	w->param = all;
	w->grad = w->param + np;
	w->m = w->grad + np;
	w->v = w->m + np;
	w->mean = w->v + np;
	w->x = w->mean + np;
	w->y = w->x + BATCH * f;
	w->out = w->y + BATCH;
	w->a1 = w->out + BATCH * o;
	w->d1 = w->a1 + BATCH * H1;
	w->a2 = w->d1 + BATCH * H1;
	w->d2 = w->a2 + BATCH * H2;
	*out = w;
	return FM_OK;
}

void fm_network_free(struct fm_network *w)
{
	if (!w)
		return;
	free(w->param);
	free(w);
}

static void fill_uniform(struct fm_rng *rng, float *w, size_t n, size_t fan_in)
{
	float bound = sqrtf(6.0f / (float)fan_in);

	for (size_t i = 0; i < n; i++)
		w[i] = (2.0f * fm_rng_uniform(rng) - 1.0f) * bound;
}

static void relu(float *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = x[i] > 0 ? x[i] : 0.0f;
}

/* Keep d where a, the layer's output, is above 0; else set it to 0. */
static void relu_back(float *d, const float *a, int n)
{
	for (int i = 0; i < n; i++)
		d[i] = a[i] > 0 ? d[i] : 0.0f;
}

/* out (n, O) of x (n, F), n <= BATCH */
static void forward(struct fm_network *w, const float *x, int n, float *out)
{
	struct layers l = layers(w->param, w);
	int f = (int)w->f, o = w->outputs;

	w->k->gemm(&w->scratch, FM_N, FM_N, n, H1, f, x, f, l.w1, H1, w->a1, H1, l.b1, 0);
	relu(w->a1, n * H1);
	w->k->gemm(&w->scratch, FM_N, FM_N, n, H2, H1, w->a1, H1, l.w2, H2, w->a2, H2, l.b2, 0);
	relu(w->a2, n * H2);
	w->k->gemm(&w->scratch, FM_N, FM_N, n, o, H2, w->a2, H2, l.w3, o, out, o, l.b3, 0);
}

/* Replace the outputs by the gradient of the batch's loss by them. */
static void loss_back(struct fm_network *w)
{
	for (int i = 0; i < BATCH; i++) {
		if (w->classes)
			w->k->cross_entropy(w->out + i * w->outputs, w->outputs, (int)w->y[i], 1.0f / BATCH);
		else
			w->out[i] = 2.0f * (w->out[i] - w->y[i]) / BATCH;
	}
}

/* Gradient of the batch's loss into w->grad. */
static void backward(struct fm_network *w)
{
	struct layers l = layers(w->param, w), g = layers(w->grad, w);
	int f = (int)w->f, o = w->outputs;
	struct fm_scratch *s = &w->scratch;

	memset(w->grad, 0, w->nparams * sizeof *w->grad);
	loss_back(w);
	w->k->colsum(g.b3, w->out, BATCH, o);
	w->k->gemm(s, FM_T, FM_N, H2, o, BATCH, w->a2, H2, w->out, o, g.w3, o, NULL, 0);
	w->k->gemm(s, FM_N, FM_T, BATCH, H2, o, w->out, o, l.w3, o, w->d2, H2, NULL, 0);
	relu_back(w->d2, w->a2, BATCH * H2);
	w->k->colsum(g.b2, w->d2, BATCH, H2);
	w->k->gemm(s, FM_T, FM_N, H1, H2, BATCH, w->a1, H1, w->d2, H2, g.w2, H2, NULL, 0);
	w->k->gemm(s, FM_N, FM_T, BATCH, H1, H2, w->d2, H2, l.w2, H2, w->d1, H1, NULL, 0);
	relu_back(w->d1, w->a1, BATCH * H1);
	w->k->colsum(g.b1, w->d1, BATCH, H1);
	w->k->gemm(s, FM_T, FM_N, f, H1, BATCH, w->x, f, w->d1, H1, g.w1, H1, NULL, 0);
}

/* x and its targets: numbers, or classes as numbers */
static void train(struct fm_network *w, const float *x, const float *y, size_t n, int steps, uint64_t seed)
{
	struct layers l = layers(w->param, w);
	double b1 = 1.0, b2 = 1.0; /* powers of 0.9 and 0.999 */
	struct fm_rng rng;

	fm_rng_init(&rng, seed, FM_RNG_JUDGE, 1, 0);
	fill_uniform(&rng, l.w1, w->f * H1, w->f);
	fill_uniform(&rng, l.w2, H1 * H2, H1);
	fill_uniform(&rng, l.w3, H2 * (size_t)w->outputs, H2);
	for (int s = 0; s < steps; s++) {
		fm_rng_init(&rng, seed, FM_RNG_JUDGE, 2, (uint32_t)s);
		for (size_t i = 0; i < BATCH; i++) {
			size_t row = fm_rng_below(&rng, (uint32_t)n);
			memcpy(w->x + i * w->f, x + row * w->f, w->f * sizeof *x);
			w->y[i] = y[row];
		}
		forward(w, w->x, BATCH, w->out);
		backward(w);
		b1 *= 0.9;
		b2 *= 0.999;
		/* the step size falls linearly to 0 */
		w->k->adamw(w->param, w->m, w->v, w->mean, w->grad, w->nparams,
			    &(struct fm_adamw_rates){.scale = 1.0f,
						     .rate = (float)(3e-3 * (1.0 - (double)s / steps)),
						     .b1 = 0.9f,
						     .b2 = 0.999f,
						     .c1 = (float)(1.0 / (1.0 - b1)),
						     .c2 = (float)(1.0 / (1.0 - b2))});
	}
}

int fm_network_regress(struct fm_network **out, const struct fm_network_in *in, const float *y, struct fm_error *err)
{
	int rc;

	*out = NULL;
	if ((rc = network_new(out, in->f, 1, err)) < 0)
		return rc;
	train(*out, in->x, y, in->n, in->steps, in->seed);
	return FM_OK;
}

int fm_network_classify(struct fm_network **out, const struct fm_network_in *in, const int *y, int classes,
			struct fm_error *err)
{
	float *class = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&class, in->n, sizeof *class, "classes", err)) < 0)
		return rc;
	for (size_t i = 0; i < in->n; i++)
		class[i] = (float)y[i];
	if ((rc = network_new(out, in->f, classes, err)) < 0)
		goto out;
	(*out)->classes = classes;
	train(*out, in->x, class, in->n, in->steps, in->seed);
out:
	free(class);
	return rc;
}

void fm_network_predict(struct fm_network *w, const float *x, size_t n, float *out)
{
	size_t o = (size_t)w->outputs;

	for (size_t i = 0; i < n; i += BATCH) {
		int k = (int)(n - i < BATCH ? n - i : BATCH);
		forward(w, x + i * w->f, k, out + i * o);
		if (w->classes)
			w->k->softmax(out + i * o, out + i * o, k, w->outputs, 1.0f);
	}
}
