#include "judge/linear.h"

#include <linear.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

struct fm_linear {
	size_t f;
	int classes;
	double *w; /* (classes, f + 1): weights and bias */
	int *seen; /* (classes) */
};

/* liblinear prints through one function, and Debian's serial OpenBLAS below it must not be called by two threads. */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static void say_nothing(const char *text)
{
	(void)text;
}

/* The rows in liblinear's sparse form; *nodes owns the memory, the bias is feature f + 1. */
static int make_problem(struct problem *p, struct feature_node **nodes, const float *x, const int *y, size_t n,
			size_t f, struct fm_error *err)
{
	struct feature_node *at;
	size_t set = 0;
	int rc;

	for (size_t i = 0; i < n * f; i++)
		set += x[i] != 0;
	if ((rc = fm_alloc(nodes, set + 2 * n, sizeof **nodes, "sparse rows", err)) < 0 ||
	    (rc = fm_alloc(&p->x, n, sizeof *p->x, "sparse rows", err)) < 0 ||
	    (rc = fm_alloc(&p->y, n, sizeof *p->y, "sparse rows", err)) < 0)
		return rc;
	p->l = (int)n;
	p->n = (int)f + 1;
	p->bias = 1;
	at = *nodes;
	for (size_t i = 0; i < n; i++) {
		p->x[i] = at;
		p->y[i] = y[i];
		for (size_t k = 0; k < f; k++)
			if (x[i * f + k] != 0)
				*at++ = (struct feature_node){(int)k + 1, (double)x[i * f + k]};
		*at++ = (struct feature_node){(int)f + 1, 1.0};
		*at++ = (struct feature_node){-1, 0.0};
	}
	return FM_OK;
}

/* liblinear keeps one column of weights for two classes (of label[0] against label[1]), else one for each. */
static void copy_weights(struct fm_linear *l, const struct model *m)
{
	int columns = m->nr_class == 2 ? 1 : m->nr_class;

	for (int c = 0; c < m->nr_class; c++) {
		double *w = l->w + (size_t)m->label[c] * (l->f + 1);
		l->seen[m->label[c]] = 1;
		for (size_t k = 0; k <= l->f; k++) {
			double v = m->w[k * (size_t)columns + (size_t)(columns == 1 ? 0 : c)];
			w[k] = columns == 1 && c == 1 ? -v : v;
		}
	}
}

int fm_linear_train(struct fm_linear **out, const float *x, const int *y, int classes, size_t n, size_t f,
		    struct fm_error *err)
{
	struct parameter how = {.solver_type = L2R_LR, .eps = 0.01, .C = 1.0};
	struct feature_node *nodes = NULL;
	struct problem p = {0};
	struct fm_linear *l = NULL;
	struct model *m = NULL;
	int rc;

	*out = NULL;
	if (n > INT32_MAX || f >= INT32_MAX)
		return fm_fail(err, FM_EINPUT, "logistic regression: %zu rows are too many", n);
	if ((rc = fm_alloc(&l, 1, sizeof *l, "logistic regression", err)) < 0 ||
	    (rc = fm_alloc(&l->w, (size_t)classes * (f + 1), sizeof *l->w, "logistic regression", err)) < 0 ||
	    (rc = fm_alloc(&l->seen, (size_t)classes, sizeof *l->seen, "logistic regression", err)) < 0 ||
	    (rc = make_problem(&p, &nodes, x, y, n, f, err)) < 0)
		goto out;
	l->f = f;
	l->classes = classes;
	pthread_mutex_lock(&one);
	set_print_string_function(say_nothing);
	m = train(&p, &how);
	pthread_mutex_unlock(&one);
	if (!m) {
		rc = fm_fail(err, FM_ESYSTEM, "logistic regression: out of memory");
		goto out;
	}
	copy_weights(l, m);
out:
	if (m)
		free_and_destroy_model(&m);
	free(nodes);
	free(p.x);
	free(p.y);
	if (rc < 0) {
		fm_linear_free(l);
		l = NULL;
	}
	*out = l;
	return rc;
}

void fm_linear_predict(const struct fm_linear *l, const float *x, size_t n, float *p)
{
	for (size_t i = 0; i < n; i++, x += l->f, p += l->classes) {
		double sum = 0;
		for (int c = 0; c < l->classes; c++) {
			const double *w = l->w + (size_t)c * (l->f + 1);
			double z = w[l->f];
			for (size_t k = 0; k < l->f; k++)
				z += w[k] * (double)x[k];
			p[c] = l->seen[c] ? (float)(1.0 / (1.0 + exp(-z))) : 0.0f;
			sum += (double)p[c];
		}
		for (int c = 0; c < l->classes && sum > 0; c++)
			p[c] = (float)((double)p[c] / sum);
	}
}

void fm_linear_free(struct fm_linear *l)
{
	if (!l)
		return;
	free(l->w);
	free(l->seen);
	free(l);
}
