#include "judge/margins.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"
#include "judge/column.h"

enum { FIELDS = 5, MOST = 200 };
static const struct {
	const char *name;
	enum fm_col c;
} fields[FIELDS] = {{"TD", FM_TD}, {"SP", FM_SP}, {"DP", FM_DP}, {"PKT", FM_PKT}, {"BYT", FM_BYT}};

struct work {
	const struct fm_table *t[2]; /* real, synthetic */
	double value[FIELDS + 1];    /* the last is ks.TOP */
	int rc[FIELDS + 1];
	struct fm_error err[FIELDS + 1];
};

/* The largest difference of the distributions of two rising samples. */
static double distance(const uint64_t *x, size_t nx, const uint64_t *y, size_t ny)
{
	double most = 0;

	for (size_t i = 0, j = 0; i < nx && j < ny;) { /* past the end of one sample the difference only falls */
		uint64_t v = x[i] < y[j] ? x[i] : y[j];
		while (i < nx && x[i] == v)
			i++;
		while (j < ny && y[j] == v)
			j++;
		most = fmax(most, fabs((double)i / (double)nx - (double)j / (double)ny));
	}
	return most;
}

static int compare_field(const struct fm_table *const t[2], enum fm_col c, double *value, struct fm_error *err)
{
	uint64_t *key[2] = {NULL, NULL};
	int rc = FM_OK;

	for (int k = 0; k < 2; k++)
		if ((rc = fm_column_keys(t[k], t[0], c, &key[k], err)) < 0 ||
		    (rc = fm_sort_u64(key[k], NULL, t[k]->rows, err)) < 0)
			goto out;
	*value = distance(key[0], t[0]->rows, key[1], t[1]->rows);
out:
	free(key[0]);
	free(key[1]);
	return rc;
}

/* ---- services ---- */

struct service {
	uint64_t key;                     /* protocol << 16 | port, protocols numbered by real */
	uint64_t flows;                   /* of real */
	char name[FM_DICT_VALUE_MAX + 8]; /* PORT/PROTOCOL */
};

/* All services of a table, rising; *key is released by free(). */
static int list_services(const struct fm_table *t, const struct fm_table *real, uint64_t **key, struct fm_error *err)
{
	int rc;

	if ((rc = fm_column_keys(t, real, FM_PR, key, err)) < 0)
		return rc;
	for (size_t i = 0; i < t->rows; i++)
		(*key)[i] = (*key)[i] << 16 | t->dp[i];
	return fm_sort_u64(*key, NULL, t->rows, err);
}

static void name_service(const struct fm_table *real, struct service *s)
{
	snprintf(s->name, sizeof s->name, "%u/%s", (unsigned)(s->key & 0xffff), real->dict[FM_PR].value[s->key >> 16]);
}

static int comes_before(const struct service *a, const struct service *b)
{
	return a->flows != b->flows ? a->flows > b->flows : strcmp(a->name, b->name) < 0;
}

/* Real's most frequent services; returns how many. */
static size_t find_top(const struct fm_table *real, const uint64_t *key, struct service *top)
{
	struct service one;
	size_t n = 0;

	for (size_t i = 0, j; i < real->rows; i = j) {
		for (j = i + 1; j < real->rows && key[j] == key[i];)
			j++;
		if (n == MOST && j - i < top[n - 1].flows)
			continue;
		one.key = key[i];
		one.flows = j - i;
		name_service(real, &one);
		if (n == MOST && !comes_before(&one, &top[n - 1]))
			continue;
		size_t at = n < MOST ? n++ : n - 1;
		for (; at > 0 && comes_before(&one, &top[at - 1]); at--)
			top[at] = top[at - 1];
		top[at] = one;
	}
	return n;
}

static int compare_services(const struct fm_table *const t[2], double *value, struct fm_error *err)
{
	uint64_t *key[2] = {NULL, NULL};
	struct service *top = NULL;
	double sum = 0;
	int rc;

	if ((rc = fm_alloc(&top, MOST, sizeof *top, "services", err)) < 0 ||
	    (rc = list_services(t[0], t[0], &key[0], err)) < 0 || (rc = list_services(t[1], t[0], &key[1], err)) < 0)
		goto out;
	size_t n = find_top(t[0], key[0], top);
	for (size_t i = 0; i < n; i++) {
		size_t rows = t[1]->rows, below = fm_keys_below(key[1], rows, top[i].key);
		size_t theirs = fm_keys_below(key[1], rows, top[i].key + 1) - below;
		sum += fabs((double)top[i].flows / (double)t[0]->rows - (double)theirs / (double)rows);
	}
	*value = sum / 2;
out:
	free(key[0]);
	free(key[1]);
	free(top);
	return rc;
}

/* ---- all ---- */

static int is_there(const struct work *w, int k)
{
	unsigned present = w->t[0]->present & w->t[1]->present;

	if (k < FIELDS)
		return present >> fields[k].c & 1u;
	return (present >> FM_DP & 1u) && (present >> FM_PR & 1u);
}

static void compare(void *ctx, int k, int thread)
{
	struct work *w = ctx;

	(void)thread;
	if (!is_there(w, k))
		return;
	w->rc[k] = k == FIELDS ? compare_services(w->t, &w->value[k], &w->err[k])
			       : compare_field(w->t, fields[k].c, &w->value[k], &w->err[k]);
}

int fm_margins(const struct fm_table *real, const struct fm_table *synthetic, struct fm_pool *pool, const char *prefix,
	       struct fm_metrics *out, struct fm_error *err)
{
	struct work *w = NULL;
	char name[64];
	int rc;

	if ((rc = fm_judge_check(real, "real", err)) < 0 || (rc = fm_judge_check(synthetic, "synthetic", err)) < 0)
		return rc;
	if ((rc = fm_alloc(&w, 1, sizeof *w, "margins", err)) < 0)
		return rc;
	w->t[0] = real;
	w->t[1] = synthetic;
	fm_pool_run(pool, FIELDS + 1, compare, w);
	for (int k = 0; k <= FIELDS; k++) {
		if (w->rc[k] < 0) {
			rc = fm_fail(err, w->rc[k], "%s", w->err[k].message);
			goto out;
		}
		snprintf(name, sizeof name, "%sks.%s", prefix, k < FIELDS ? fields[k].name : "TOP");
		if (is_there(w, k) && (rc = fm_metrics_add(out, name, w->value[k], (int64_t)synthetic->rows, err)) < 0)
			goto out;
	}
out:
	free(w);
	return rc;
}
