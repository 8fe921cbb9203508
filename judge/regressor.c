#include "judge/regressor.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { H1 = 64, H2 = 32, BATCH = 256 };

struct fm_regressor {
	size_t f, nparams;
	float *param, *grad, *m, *v; /* nparams each: W1 (F, H1), b1 (H1), W2 (H1, H2), b2 (H2), w3 (H2), b3 (1) */
	float *x, *y;                /* a batch: (BATCH, F), (BATCH) */
	float *a1, *a2, *out;        /* (BATCH, H1), (BATCH, H2), (BATCH) */
	float *d1, *d2;              /* gradients of a1 and a2 */
};

struct layers {
	float *w1, *b1, *w2, *b2, *w3, *b3;
};
static struct layers layers(float *p, size_t f)
{
	struct layers l = {.w1 = p};

	l.b1 = l.w1 + f * H1;
	l.w2 = l.b1 + H1;
	l.b2 = l.w2 + H1 * H2;
	l.w3 = l.b2 + H2;
	l.b3 = l.w3 + H2;
	return l;
}

static int regressor_new(struct fm_regressor **out, size_t f, struct fm_error *err)
{
	size_t np = f * H1 + H1 + H1 * H2 + H2 + H2 + 1;
	struct fm_regressor *r = NULL;
	float *all;
	int rc;

	if ((rc = fm_alloc(&r, 1, sizeof *r, "a regressor", err)) != FM_OK)
		return rc;
	if ((rc = fm_alloc(&all, 4 * np + BATCH * (f + 2 + 2 * H1 + 2 * H2), sizeof *all, "a regressor", err)) !=
	    FM_OK) {
		free(r);
		return rc;
	}
	r->f = f;
	r->nparams = np;
	r->param = all;
	r->grad = r->param + np;
	r->m = r->grad + np;
	r->v = r->m + np;
	r->x = r->v + np;
	r->y = r->x + BATCH * f;
	r->out = r->y + BATCH;
	r->a1 = r->out + BATCH;
	r->d1 = r->a1 + BATCH * H1;
	r->a2 = r->d1 + BATCH * H1;
	r->d2 = r->a2 + BATCH * H2;
	*out = r;
	return FM_OK;
}

void fm_regressor_free(struct fm_regressor *r)
{
	if (!r)
		return;
	free(r->param);
	free(r);
}

static void fill_uniform(struct fm_rng *rng, float *w, size_t n, size_t fan_in)
{
	float bound = sqrtf(6.0f / (float)fan_in);

	for (size_t i = 0; i < n; i++)
		w[i] = (2.0f * fm_rng_uniform(rng) - 1.0f) * bound;
}

/* y (n, b) = x (n, a) w (a, b) + bias, then relu */
static void dense_relu(const float *x, const float *w, const float *bias, float *y, int n, int a, int b)
{
	for (int i = 0; i < n; i++)
		memcpy(y + i * b, bias, (size_t)b * sizeof *y);
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, b, a, 1.0f, x, a, w, b, 1.0f, y, b);
	for (int i = 0; i < n * b; i++)
		y[i] = y[i] > 0 ? y[i] : 0.0f;
}

static void forward(struct fm_regressor *r, const float *x, int n)
{
	struct layers l = layers(r->param, r->f);

	dense_relu(x, l.w1, l.b1, r->a1, n, (int)r->f, H1);
	dense_relu(r->a1, l.w2, l.b2, r->a2, n, H1, H2);
	for (int i = 0; i < n; i++) {
		float s = *l.b3;
		for (int j = 0; j < H2; j++)
			s += r->a2[i * H2 + j] * l.w3[j];
		r->out[i] = s;
	}
}

static void add_rows(const float *d, float *sum, int n, int k)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < k; j++)
			sum[j] += d[i * k + j];
}

/* Gradient of the batch's mean squared error into r->grad. */
static void backward(struct fm_regressor *r)
{
	struct layers l = layers(r->param, r->f), g = layers(r->grad, r->f);
	int f = (int)r->f;

	memset(r->grad, 0, r->nparams * sizeof *r->grad);
	for (int i = 0; i < BATCH; i++) {
		float e = 2.0f * (r->out[i] - r->y[i]) / BATCH;
		*g.b3 += e;
		for (int j = 0; j < H2; j++) {
			float a = r->a2[i * H2 + j];
			g.w3[j] += e * a;
			r->d2[i * H2 + j] = a > 0 ? e * l.w3[j] : 0.0f;
		}
	}
	add_rows(r->d2, g.b2, BATCH, H2);
	cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, H1, H2, BATCH, 1.0f, r->a1, H1, r->d2, H2, 0.0f, g.w2, H2);
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, BATCH, H1, H2, 1.0f, r->d2, H2, l.w2, H2, 0.0f, r->d1, H1);
	for (int i = 0; i < BATCH * H1; i++)
		r->d1[i] = r->a1[i] > 0 ? r->d1[i] : 0.0f;
	add_rows(r->d1, g.b1, BATCH, H1);
	cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, f, H1, BATCH, 1.0f, r->x, f, r->d1, H1, 0.0f, g.w1, H1);
}

/* Adam, algorithm 1, with the step size falling to 0 in a line. */
static void adam(struct fm_regressor *r, int step, int steps)
{
	const float b1 = 0.9f, b2 = 0.999f, eps = 1e-8f;
	double t = step + 1, rate = 3e-3 * (1.0 - (double)step / steps);
	float a = (float)(rate * sqrt(1.0 - pow((double)b2, t)) / (1.0 - pow((double)b1, t)));

	for (size_t i = 0; i < r->nparams; i++) {
		float g = r->grad[i];
		r->m[i] = b1 * r->m[i] + (1.0f - b1) * g;
		r->v[i] = b2 * r->v[i] + (1.0f - b2) * g * g;
		r->param[i] -= a * r->m[i] / (sqrtf(r->v[i]) + eps);
	}
}

int fm_regressor_train(struct fm_regressor **out, const float *x, const float *y, size_t n, size_t f, int steps,
		       uint64_t seed, struct fm_error *err)
{
	struct fm_regressor *r = NULL;
	struct fm_rng rng;
	int rc;

	*out = NULL;
	if ((rc = regressor_new(&r, f, err)) != FM_OK)
		return rc;
	struct layers l = layers(r->param, f);
	fm_rng_init(&rng, seed, FM_RNG_JUDGE, 1, 0);
	fill_uniform(&rng, l.w1, f * H1, f);
	fill_uniform(&rng, l.w2, H1 * H2, H1);
	fill_uniform(&rng, l.w3, H2, H2);
	for (int s = 0; s < steps; s++) {
		fm_rng_init(&rng, seed, FM_RNG_JUDGE, 2, (uint32_t)s);
		for (size_t i = 0; i < BATCH; i++) {
			size_t row = fm_rng_below(&rng, (uint32_t)n);
			memcpy(r->x + i * f, x + row * f, f * sizeof *x);
			r->y[i] = y[row];
		}
		forward(r, r->x, BATCH);
		backward(r);
		adam(r, s, steps);
	}
	*out = r;
	return FM_OK;
}

double fm_regressor_mse(struct fm_regressor *r, const float *x, const float *y, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i += BATCH) {
		size_t k = n - i < BATCH ? n - i : BATCH;
		forward(r, x + i * r->f, (int)k);
		for (size_t j = 0; j < k; j++) {
			double e = (double)r->out[j] - (double)y[i + j];
			sum += e * e;
		}
	}
	return n ? sum / (double)n : (double)NAN;
}
