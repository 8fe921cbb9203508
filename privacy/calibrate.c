/* Calibration: the smallest noise with which a list of mechanisms keeps to a target. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "privacy/accountant.h"
#include "privacy/special.h"

#define DIGITS 6      /* significant digits of the answer */
#define NOTHING -49.0 /* log(epsilon / target) below which epsilon is taken to be 0 */
#define COARSE 0.03   /* share of epsilon to which the first trials are accurate */
#define STEEP 0.25    /* share of `close` for the error of a trial, where epsilon falls so fast that it may be large */
#define TRIALS 80
#define GUESS_GROUP 64 /* for larger groups one use is costly */
/* The range of the noise, in units of the sensitivity. */
#define NARROWEST 0.01
#define WIDEST 1e6

double fm_round_up(double v, int digits)
{
	double w = v, place = 1;
	char text[32], *e;
	int exponent;

	snprintf(text, sizeof text, "%.*e", digits - 1, v);
	if (fm_parse_double(text, strlen(text), &w) || w >= v || !(e = strchr(text, 'e')))
		return w;
	/* One unit of the last place more. */
	exponent = atoi(e + 1) - (digits - 1);
	for (int i = 0; i < abs(exponent); i++)
		place *= 10;
	snprintf(text, sizeof text, "%.*e", digits - 1, exponent < 0 ? w + 1 / place : w + place);
	return fm_parse_double(text, strlen(text), &w) ? v : w;
}

/* A trial: a list with the scale of one mechanism free. */
struct trial {
	struct fm_mechanism *list;
	size_t n, which;
	double target;
	struct fm_account_terms terms;
};

/* log(epsilon / target) with the noise e^x times the sensitivity: above 0 where too much leaks. */
static int excess(struct trial *t, double x, double share, double *over, struct fm_error *err)
{
	struct fm_mechanism *m = &t->list[t->which];
	double epsilon;
	int rc;

	m->scale = fmin(fm_round_up(fm_sf_exp(x) * m->sensitivity, DIGITS), WIDEST * m->sensitivity);
	if ((rc = fm_account_toward(t->list, t->n, &t->terms, share, t->target, &epsilon, err)) < 0)
		return rc;
	*over = epsilon > 0 ? fmax(NOTHING - 1, fm_sf_log(epsilon / t->target)) : NOTHING - 1;
	return FM_OK;
}

/* Where the smallest sufficient noise is: not known while an end is -INFINITY or INFINITY. */
struct bracket {
	double low, high; /* log of a noise that is too small, and of one that is enough */
	double high_over; /* of the latter */
	int supposed;     /* that the lower one is too small was found with less accuracy */
};

/* Take one trial at x into account. */
static void narrow(struct bracket *b, double x, double over)
{
	if (over > 0) {
		b->low = x;
		b->supposed = 0;
		return;
	}
	b->high = x;
	b->high_over = over;
	if (x <= b->low)
		b->low = -(double)INFINITY, b->supposed = 0;
}

/* Is the upper end close enough to the root?  A steeper slope may show that it was. */
static int is_close(const struct bracket *b, double slope, double close)
{
	return b->high < (double)INFINITY &&
	       (b->high_over / slope <= close || (!b->supposed && b->high - b->low <= close));
}

/* The next place to try after x: a little to the safe side of the secant's root, in steps of at most `step`; the middle
 * where the root is out of the bracket, or unknown because nothing leaks at x. */
static double next_place(struct bracket *b, double x, double over, double slope, double close, double step)
{
	double root = x - over / slope, aim = root + 0.3 * close;

	if (b->high < (double)INFINITY && aim >= b->high)
		aim = 0.5 * (root + b->high);
	x += fmin(step, fmax(-step, aim - x));
	if (b->supposed && b->high - b->low <= close)
		return b->low;
	if (b->supposed && x <= b->low && over >= NOTHING)
		b->low = -(double)INFINITY, b->supposed = 0;
	if (b->low > -(double)INFINITY && b->high < (double)INFINITY && (x <= b->low || x >= b->high || over < NOTHING))
		x = b->low + 0.5 * (b->high - b->low);
	return x;
}

/* Move *x to a place where not too much leaks, within `close` of the smallest such place, by secants in the bracket.
 * step: the first one at most, doubled while the root is on neither side.  *slope is that of log epsilon in x, and is
 * improved on the way. */
static int seek(struct trial *t, double share, double close, double step, struct bracket *b, double *x, double *slope,
		struct fm_error *err)
{
	const double bottom = fm_sf_log(NARROWEST), top = fm_sf_log(WIDEST);
	double last = 0, last_over = 0, over = 0;
	int rc;

	for (int i = 0; i < TRIALS; i++) {
		*x = fmin(fmin(b->high, top), fmax(fmax(b->low, bottom), *x));
		if ((rc = excess(t, *x, fmax(share, fmin(COARSE, -STEEP * close * *slope)), &over, err)) < 0)
			return rc;
		narrow(b, *x, over);
		if (over > 0 && *x >= top)
			return fm_fail(
			    err, FM_EINPUT,
			    t->n > 1 ? "epsilon %g at delta %g: no noise is enough, the other mechanisms leak more"
				     : "epsilon %g at delta %g: no noise of up to 1e+06 times the clip is enough",
			    t->target, t->terms.delta);
		if (over <= 0 && *x <= bottom)
			return FM_OK;
		if (i && fabs(*x - last) > 1e-9 && over > NOTHING && last_over > NOTHING)
			*slope = fmin(-1e-3, (over - last_over) / (*x - last));
		if (is_close(b, *slope, close)) {
			*x = b->high;
			return FM_OK;
		}
		last = *x;
		last_over = over;
		*x = next_place(b, *x, over, *slope, close, step);
		step = fmin(2, 2 * step);
	}
	*x = b->high;
	return b->high < (double)INFINITY
		   ? FM_OK
		   : fm_fail(err, FM_EINPUT, "epsilon %g at delta %g: no noise was found", t->target, t->terms.delta);
}

/* log of the noise with which one use of a mechanism keeps to (epsilon, delta / uses), by halving: where few uses see a
 * record, its losses are rare, and what they leak together is about that. */
static int one_use(struct fm_mechanism m, double epsilon, const struct fm_account_terms *terms, double *x,
		   struct fm_error *err)
{
	double low = fm_sf_log(NARROWEST), high = fm_sf_log(WIDEST), found;
	struct fm_account_terms one = {fmax(FM_DELTA_MIN, terms->delta / fmax(1, (double)m.count)), terms->adjacency,
				       FM_PLD};
	int rc;

	m.count = 1;
	for (int i = 0; i < 12; i++) {
		*x = 0.5 * (low + high);
		m.scale = fm_sf_exp(*x) * m.sensitivity;
		if ((rc = fm_account_within(&m, 1, &one, FM_ACCOUNT_SHARE, &found, err)) < 0)
			return rc;
		*(found > epsilon ? &low : &high) = *x;
	}
	*x = high;
	return FM_OK;
}

/* A first guess at log of the noise: that of one use, or that with which the sum of all, taken for a normal one, keeps
 * to the target, whichever is more. */
static int guess(const struct trial *t, double *x, struct fm_error *err)
{
	const struct fm_mechanism *m = &t->list[t->which];
	double wide = sqrt(-2 * fm_sf_log(t->terms.delta) * (double)m->count) / t->target, rare;
	int rc;

	if (m->kind != FM_SAMPLED_GAUSSIAN || m->q >= 1 || m->group > GUESS_GROUP) {
		double q = m->kind == FM_SAMPLED_GAUSSIAN ? m->q : 1;

		*x = fm_sf_log(fmin(1e5, fmax(0.7, q * wide)));
		return FM_OK;
	}
	/* The deviation of one loss is q sqrt(e^(1 / sigma^2) - 1). */
	*x = fm_sf_log(1 / sqrt(fm_sf_log1p(1 / (m->q * m->q * wide * wide))));
	if ((rc = one_use(*m, t->target, &t->terms, &rare, err)) == FM_OK)
		*x = fmin(fm_sf_log(1e5), fmax(*x, rare));
	return rc;
}

int fm_calibrate(const struct fm_mechanism *list, size_t n, size_t which, double epsilon,
		 const struct fm_account_terms *terms, double *scale, struct fm_error *err)
{
	struct trial t = {.n = n, .which = which, .target = epsilon, .terms = *terms};
	struct bracket b = {-(double)INFINITY, (double)INFINITY, 0, 0};
	double x, slope = -1;
	int rc;

	if (!(epsilon > 0 && epsilon < 1e6))
		return fm_fail(err, FM_EINPUT, "epsilon %g: must be above 0 and below 1000000", epsilon);
	if ((rc = fm_alloc(&t.list, n, sizeof *t.list, "mechanisms", err)) < 0)
		return rc;
	memcpy(t.list, list, n * sizeof *list);
	const struct fm_mechanism *m = &t.list[which];

	if ((rc = guess(&t, &x, err)) < 0 || (rc = seek(&t, COARSE, 0.01, 2, &b, &x, &slope, err)) < 0)
		goto out;
	b.supposed = b.low > -(double)INFINITY;
	b.high = (double)INFINITY;
	if ((rc = seek(&t, 2 * FM_ACCOUNT_SHARE, 1e-3, 0.05, &b, &x, &slope, err)) < 0)
		goto out;
	*scale = fmin(fm_round_up(fm_sf_exp(x) * m->sensitivity, DIGITS), WIDEST * m->sensitivity);
out:
	free(t.list);
	return rc;
}
