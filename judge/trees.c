#include "judge/trees.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "base/mem.h"
#include "base/num.h"

#define AT_ONCE ((size_t)1 << 16) /* rows predicted at once */

struct fm_trees {
	BoosterHandle booster;
	size_t f;
	int classes;
};

/* Fail with the first line of xgboost's message; the rest is a stack trace. */
static int failed(struct fm_error *err)
{
	const char *why = XGBGetLastError();

	return fm_fail(err, FM_ESYSTEM, "gradient-boosted trees: %.*s", (int)strcspn(why, "\n"), why);
}

static int matrix(DMatrixHandle *m, const float *x, size_t n, size_t f, struct fm_error *err)
{
	return XGDMatrixCreateFromMat_omp(x, n, f, NAN, m, 1) == 0 ? FM_OK : failed(err);
}

static int set_labels(DMatrixHandle m, const int *y, size_t n, struct fm_error *err)
{
	float *label = NULL;
	int rc;

	if ((rc = fm_alloc(&label, n, sizeof *label, "labels", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		label[i] = (float)y[i];
	if (XGDMatrixSetFloatInfo(m, "label", label, n) != 0)
		rc = failed(err);
	free(label);
	return rc;
}

static int configure(BoosterHandle b, const struct fm_trees_opts *o, struct fm_error *err)
{
	char classes[16], leaves[16], rate[40], lambda[40], least[40];
	const char *const param[][2] = {
	    {"nthread", "1"},
	    {"verbosity", "0"},
	    {"seed", "1"},
	    {"booster", "gbtree"},
	    {"tree_method", "hist"},
	    {"max_bin", "256"},
	    {"grow_policy", "lossguide"},
	    {"max_depth", "0"},
	    {"max_leaves", leaves},
	    {"eta", rate},
	    {"lambda", lambda},
	    {"min_child_weight", least},
	    {"objective", o->classes > 2 ? "multi:softprob" : "binary:logistic"},
	    {"num_class", classes},
	};
	size_t n = sizeof param / sizeof *param;

	snprintf(classes, sizeof classes, "%d", o->classes);
	snprintf(leaves, sizeof leaves, "%d", o->leaves);
	fm_format_double(o->rate, rate, sizeof rate);
	fm_format_double(o->lambda, lambda, sizeof lambda);
	fm_format_double(o->least, least, sizeof least);
	for (size_t i = 0; i < (o->classes > 2 ? n : n - 1); i++)
		if (XGBoosterSetParam(b, param[i][0], param[i][1]) != 0)
			return failed(err);
	return FM_OK;
}

int fm_trees_train(struct fm_trees **out, const struct fm_trees_opts *o, const float *x, const int *y, size_t n,
		   size_t f, struct fm_error *err)
{
	struct fm_trees *t = NULL;
	DMatrixHandle m = NULL;
	int rc;

	*out = NULL;
	XGBSetGlobalConfig("{\"verbosity\": 0}"); /* of this thread; on failure messages go to stderr */
	if ((rc = fm_alloc(&t, 1, sizeof *t, "trees", err)) < 0)
		return rc;
	t->f = f;
	t->classes = o->classes;
	if ((rc = matrix(&m, x, n, f, err)) < 0 || (rc = set_labels(m, y, n, err)) < 0)
		goto out;
	if (XGBoosterCreate(&m, 1, &t->booster) != 0) {
		rc = failed(err);
		goto out;
	}
	if ((rc = configure(t->booster, o, err)) < 0)
		goto out;
	for (int i = 0; i < o->rounds; i++)
		if (XGBoosterUpdateOneIter(t->booster, i, m) != 0) {
			rc = failed(err);
			goto out;
		}
out:
	if (m)
		XGDMatrixFree(m);
	if (rc < 0) {
		fm_trees_free(t);
		t = NULL;
	}
	*out = t;
	return rc;
}

static int predict(const struct fm_trees *t, const float *x, size_t n, float *p, struct fm_error *err)
{
	bst_ulong got;
	const float *q;
	DMatrixHandle m = NULL;
	int rc;

	if ((rc = matrix(&m, x, n, t->f, err)) < 0)
		return rc;
	if (XGBoosterPredict(t->booster, m, 0, 0, 0, &got, &q) != 0) {
		rc = failed(err);
		goto out;
	}
	if (got != (t->classes > 2 ? n * (size_t)t->classes : n)) {
		rc = fm_fail(err, FM_ESYSTEM, "gradient-boosted trees: %zu rows gave %zu answers", n, (size_t)got);
		goto out;
	}
	if (t->classes > 2)
		memcpy(p, q, got * sizeof *p);
	else
		for (size_t i = 0; i < n; i++) {
			p[2 * i] = 1.0f - q[i];
			p[2 * i + 1] = q[i];
		}
out:
	XGDMatrixFree(m);
	return rc;
}

int fm_trees_predict(const struct fm_trees *t, const float *x, size_t n, float *p, struct fm_error *err)
{
	int rc;

	for (size_t i = 0; i < n; i += AT_ONCE)
		if ((rc = predict(t, x + i * t->f, n - i < AT_ONCE ? n - i : AT_ONCE, p + i * (size_t)t->classes,
				  err)) < 0)
			return rc;
	return FM_OK;
}

void fm_trees_free(struct fm_trees *t)
{
	if (!t)
		return;
	if (t->booster)
		XGBoosterFree(t->booster);
	free(t);
}
