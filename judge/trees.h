/*
 * trees.h - a classifier of gradient-boosted trees, by xgboost (Chen and Guestrin, KDD 2016).
 *
 * Trees grow leaf by leaf over 256 quantile bins of each feature.  Each classifier works in its calling thread alone,
 * so that several can be trained at once, and the same rows in the same order give the same bits.
 */
#ifndef FM_JUDGE_TREES_H
#define FM_JUDGE_TREES_H

#include <stddef.h>

#include "base/error.h"

struct fm_trees_opts {
	int classes;   /* 2 or more */
	int rounds;    /* trees, of each class when there are more than two */
	int leaves;    /* most leaves of a tree */
	double rate;   /* learning rate: the share of a tree's answer that is added */
	double lambda; /* L2 penalty of a leaf */
	double least;  /* least hessian in a leaf: for two classes, a quarter of the rows */
};

struct fm_trees;

/* x (n, f), y (n) in 0 .. classes - 1; n and f at least 1. */
int fm_trees_train(struct fm_trees **t, const struct fm_trees_opts *opts, const float *x, const int *y, size_t n,
		   size_t f, struct fm_error *err) FM_MUST_CHECK;
/* Probabilities p (n, classes) of x (n, f). */
int fm_trees_predict(const struct fm_trees *t, const float *x, size_t n, float *p, struct fm_error *err) FM_MUST_CHECK;
void fm_trees_free(struct fm_trees *t);

#endif
