#include "privacy/audit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

int fm_audit_toss(const struct fm_secret *key, const char *label, size_t m, uint8_t *in, struct fm_error *err)
{
	struct fm_stream *s;
	int rc;

	if ((rc = fm_stream_open(&s, key, label, 0, err)) < 0)
		return rc;
	for (size_t i = 0; i < m; i++)
		in[i] = (uint8_t)fm_stream_bit(s);
	rc = fm_stream_check(s, err);
	fm_stream_close(s);
	return rc;
}

struct rank {
	double score;
	size_t place;
};

static int rank_compare(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->score < y->score || x->score > y->score)
		return x->score < y->score ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

int fm_audit_guess(const double *score, size_t m, size_t kplus, size_t kminus, int8_t *guess, struct fm_error *err)
{
	struct rank *rank = NULL;
	int rc;

	if (kplus > m || kminus > m - kplus)
		return fm_fail(err, FM_EINPUT, "%zu and %zu guesses on %zu canaries are too many", kplus, kminus, m);
	if ((rc = fm_alloc(&rank, m, sizeof(*rank), "scores", err)) < 0)
		return rc;
	for (size_t i = 0; i < m; i++) {
		rank[i] = (struct rank){score[i], i};
		if (isnan(score[i])) {
			rc = fm_fail(err, FM_EINPUT, "the score of canary %zu is not a number", i);
			goto out;
		}
	}
	qsort(rank, m, sizeof(*rank), rank_compare);
	memset(guess, 0, m);
	for (size_t i = 0; i < kminus; i++)
		guess[rank[i].place] = -1;
	for (size_t i = m - kplus; i < m; i++)
		guess[rank[i].place] = 1;
out:
	free(rank);
	return rc;
}

/* The log of r choose k, for every k up to r. */
static int choose_new(size_t r, double **out, struct fm_error *err)
{
	int rc = fm_alloc(out, r + 1, sizeof(**out), "binomial coefficients", err), sign;

	if (rc < 0)
		return rc;
	for (size_t k = 0; k <= r; k++)
		(*out)[k] = lgamma_r((double)r + 1, &sign) - lgamma_r((double)k + 1, &sign) -
			    lgamma_r((double)(r - k) + 1, &sign);
	return FM_OK;
}

/* P[W = k]: q = 1 / (1 + e^-epsilon), and 1 - q = q e^-epsilon.  Each is computed from its own logarithm, so that none
 * underflows with a neighbour. */
static inline double binomial(const double *choose, size_t r, size_t k, double epsilon)
{
	return exp(choose[k] - (double)r * log1p(exp(-epsilon)) - (double)(r - k) * epsilon);
}

/* P[W >= v], summed on the side of the mean that v is on. */
static double at_least(const double *choose, size_t r, size_t v, double epsilon)
{
	double sum = 0;

	if (v == 0)
		return 1;
	if ((double)v > (double)r / (1 + exp(-epsilon))) {
		for (size_t k = r + 1; k-- > v;)
			sum += binomial(choose, r, k, epsilon);
		return sum;
	}
	for (size_t k = 0; k < v; k++)
		sum += binomial(choose, r, k, epsilon);
	return sum < 1 ? 1 - sum : 0;
}

static double p_value(const double *choose, size_t m, size_t r, size_t v, double epsilon, double delta)
{
	double p = at_least(choose, r, v, epsilon), most = 0, sum = 0;

	for (size_t i = 1; i <= v && delta > 0; i++) {
		sum += binomial(choose, r, v - i, epsilon);
		most = sum > most * (double)i ? sum / (double)i : most;
	}
	p += 2 * (double)m * delta * most;
	return p < 1 ? p : 1;
}

static int numbers_check(size_t m, size_t r, size_t v, double epsilon, double delta, struct fm_error *err)
{
	if (v > r || r > m || m > FM_AUDIT_MAX || !(epsilon >= 0 && isfinite(epsilon)) || !(delta >= 0 && delta <= 1))
		return fm_fail(
		    err, FM_EINPUT,
		    "an audit of %zu right among %zu guesses on %zu canaries, epsilon %g, delta %g, cannot be", v, r, m,
		    epsilon, delta);
	return FM_OK;
}

int fm_audit_binomial(size_t r, size_t v, double epsilon, double *p, struct fm_error *err)
{
	double *choose = NULL;
	int rc;

	if ((rc = numbers_check(r, r, v, epsilon, 0, err)) < 0 || (rc = choose_new(r, &choose, err)) < 0)
		return rc;
	*p = at_least(choose, r, v, epsilon);
	free(choose);
	return FM_OK;
}

int fm_audit_p_value(size_t m, size_t r, size_t v, double epsilon, double delta, double *p, struct fm_error *err)
{
	double *choose = NULL;
	int rc;

	if ((rc = numbers_check(m, r, v, epsilon, delta, err)) < 0 || (rc = choose_new(r, &choose, err)) < 0)
		return rc;
	*p = p_value(choose, m, r, v, epsilon, delta);
	free(choose);
	return FM_OK;
}

int fm_audit_epsilon(size_t m, size_t r, size_t v, double delta, double p, double *epsilon, struct fm_error *err)
{
	double *choose = NULL, low = 0, high = 1;
	int rc;

	if ((rc = numbers_check(m, r, v, 0, delta, err)) < 0)
		return rc;
	if (!(p > 0 && p < 1))
		return fm_fail(err, FM_EINPUT, "1 - %g is not a confidence", p);
	if ((rc = choose_new(r, &choose, err)) < 0)
		return rc;
	/* low is refuted, or 0; high is not.  At epsilon 64 all guesses but one in 10^27 are right. */
	while (high < 64 && p_value(choose, m, r, v, high, delta) < p) {
		low = high;
		high *= 2;
	}
	while (high - low > 1e-9) {
		double middle = low + (high - low) / 2;

		if (p_value(choose, m, r, v, middle, delta) < p)
			low = middle;
		else
			high = middle;
	}
	*epsilon = low;
	free(choose);
	return FM_OK;
}

void fm_audit_choices(size_t m, size_t k[FM_AUDIT_CHOICES][2])
{
	const size_t plus[] = {m * 9 / 20, m / 4, m / 10, m / 20, m * 2 / 5};

	for (int j = 0; j < FM_AUDIT_CHOICES; j++) {
		k[j][0] = plus[j];
		k[j][1] = j < FM_AUDIT_CHOICES - 1 ? plus[j] : 0;
	}
}

int fm_audit_bound(const struct fm_canaries *c, const size_t (*k)[2], size_t nk, double delta, double p,
		   struct fm_audit *audit, struct fm_error *err)
{
	size_t m = c->m;
	int8_t *guess = NULL;
	int rc;

	*audit = (struct fm_audit){.m = m, .delta = delta, .p = p};
	if (nk == 0)
		return fm_fail(err, FM_EINPUT, "an audit needs a number of guesses");
	if ((rc = fm_alloc(&guess, m, sizeof(*guess), "guesses", err)) < 0)
		return rc;
	for (size_t j = 0; j < nk; j++) {
		size_t v = 0, r = k[j][0] + k[j][1];
		double epsilon = 0;

		if ((rc = fm_audit_guess(c->score, m, k[j][0], k[j][1], guess, err)) < 0)
			goto out;
		for (size_t i = 0; i < m; i++)
			v += guess[i] == (c->in[i] ? 1 : -1);
		if ((rc = fm_audit_epsilon(m, r, v, delta, p / (double)nk, &epsilon, err)) < 0)
			goto out;
		if (j == 0 || epsilon > audit->epsilon) {
			audit->r = r;
			audit->v = v;
			audit->kplus = k[j][0];
			audit->kminus = k[j][1];
			audit->epsilon = epsilon;
		}
	}
out:
	free(guess);
	return rc;
}
