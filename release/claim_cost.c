#include "release/claim_cost.h"

#include <math.h>
#include <string.h>

#include "base/json_text.h"

bool fm_told_noise_of(const json_t *mechanisms, bool replaced, struct fm_told_noise *out)
{
	*out = (struct fm_told_noise){.replaced = replaced};
	for (size_t i = 0; i < json_array_size(mechanisms); i++) {
		const json_t *o = json_array_get(mechanisms, i);
		double ratio = fm_json_real(o, "sensitivity") / fm_json_real(o, "scale"),
		       rate = fm_json_real(o, "rate");
		uint64_t times = (uint64_t)json_integer_value(json_object_get(o, "times"));

		if (!(ratio > 0))
			continue;
		if (rate >= 1) {
			out->squares += (double)times * ratio * ratio;
		} else if (out->times == 0 || (rate == out->rate && 1 / ratio == out->noise)) {
			out->rate = rate;
			out->noise = 1 / ratio;
			out->times += times;
		} else {
			return false;
		}
	}
	return true;
}

/* ---- Gaussian noise alone ---- */

static double normal(double z)
{
	return erfc(-z / sqrt(2)) / 2;
}

/* For z <= 0.  Where the probability would be too small for a double, the density and two terms of the series are
 * enough. */
static double log_normal(double z)
{
	const double log_root_2pi = 0.91893853320467274178;

	if (z > -30)
		return log(normal(z));
	return -z * z / 2 - log_root_2pi - log(-z) + log1p(-1 / (z * z));
}

static double gaussian_delta(double mu, double epsilon)
{
	return normal(-epsilon / mu + mu / 2) - exp(epsilon + log_normal(-epsilon / mu - mu / 2));
}

/* ---- with sampled noise beside it ---- */

/*
 * A step is represented by an integer, its score: about its loss divided by a unit.  The sum of all scores and the loss
 * of the Gaussian noise are functions of what is released, so an attacker who tells two traces apart by them shows what
 * the release leaks:
 *
 *     delta >= P(loss above t) - e^epsilon Q(loss above t)       for each t
 *
 * with P and Q the two distributions of any loss that is made from these (loss.h has the pairs of a step). Where sums
 * of scores need more room than there is, two scores become one, and what is beyond the last is moved to it: that too
 * is a function of what was released.  Nothing is subtracted until the end, so that each probability keeps all its
 * digits, however small.
 */
#define SCORES 1024
#define GROUP_MAX 4096
#define CELLS 4096      /* cells of what a step gives */
#define EPSILON_MAX 600 /* e^epsilon and probabilities near its inverse are doubles */
#define TINY 1e-300     /* a probability that is negligible beside e^-EPSILON_MAX */
#define BEYOND 1e-16    /* probability that may be moved to the last score */
#define THRESHOLDS 29

/* Some steps together: the probabilities of their scores; score i stands for a loss of first + i units. */
struct scores {
	double p[SCORES], q[SCORES];
	double first, unit;
};

/* The probability weight[j] that first + j of the units that change are in a step, for n such numbers. */
struct step {
	unsigned first, n;
	double weight[GROUP_MAX + 1], sigma;
};

/* The probability that N(at, sigma^2) is in (from, to), by the smaller of its tails. */
static double cell(double from, double to, double at, double sigma)
{
	double a = (from - at) / sigma, b = (to - at) / sigma;

	return a > 0 ? normal(-a) - normal(-b) : normal(b) - normal(a);
}

/* Numbers of units with a negligible probability are left out of the mixture, which makes P smaller; where the mixture
 * is Q too, none is left out. */
static void step_of(const struct fm_told_noise *n, unsigned group, struct step *s)
{
	double log_no = log1p(-n->rate), log_yes = log(n->rate);

	*s = (struct step){.sigma = n->noise};
	for (unsigned j = 0; j <= group; j++) {
		double w = exp(lgamma(group + 1.0) - lgamma(j + 1.0) - lgamma(group - j + 1.0) + j * log_yes +
			       (group - j) * log_no);

		if (!n->replaced && w < 1e-18)
			continue;
		if (s->n == 0)
			s->first = j;
		s->n = j - s->first + 1;
		s->weight[j] = w;
	}
}

static double mixture(const struct step *s, double from, double to)
{
	double sum = 0;

	for (unsigned j = s->first; j < s->first + s->n; j++)
		sum += s->weight[j] * cell(from, to, j, s->sigma);
	return sum;
}

static double loss(double p, double q)
{
	return p > 0 && q > 0 ? log(p / q) : p > 0 ? 1e9 : -1e9;
}

/* Shift the scores so that the mean of e^loss under Q is 1, as for the true loss. */
static void level(struct scores *s)
{
	double sum = 0, most = s->first + s->unit * (SCORES - 1);

	for (int i = 0; i < SCORES; i++)
		sum += s->q[i] * exp(s->first + s->unit * i - most);
	if (sum > 0)
		s->first -= most + log(sum);
}

/* Keep the scores low to high of a longer list, with what is beyond moved to these; merge two into one as often as
 * needed. */
static void fit(double *p, double *q, int n, struct scores *out)
{
	int low = 0, high = n - 1;
	double below = 0, over = 0;

	while (low < high && (below += p[low] + q[low]) < BEYOND)
		low++;
	while (low < high && (over += p[high]) < BEYOND)
		high--;
	for (int i = 0; i < n; i++) {
		int to = i < low ? low : i > high ? high : i;

		if (to != i) {
			p[to] += p[i];
			q[to] += q[i];
		}
	}
	out->first += low * out->unit;
	int pairs = 0;

	while ((high - low) >> pairs >= SCORES)
		pairs++;
	memset(out->p, 0, sizeof out->p);
	memset(out->q, 0, sizeof out->q);
	for (int i = low; i <= high; i++) {
		out->p[(i - low) >> pairs] += p[i];
		out->q[(i - low) >> pairs] += q[i];
	}
	out->unit *= 1 << pairs;
	level(out);
}

static struct scores coarser(const struct scores *s, double unit)
{
	struct scores out = {.first = s->first, .unit = unit};
	int pairs = (int)lround(log2(unit / s->unit));

	for (int i = 0; i < SCORES && pairs < 31; i++) {
		out.p[i >> pairs] += s->p[i];
		out.q[i >> pairs] += s->q[i];
	}
	level(&out);
	return out;
}

static void convolve(const double *a, const double *b, double *out)
{
	memset(out, 0, 2 * SCORES * sizeof *out);
	for (int i = 0; i < SCORES; i++)
		for (int k = 0; k < SCORES && a[i] >= TINY; k++)
			out[i + k] += a[i] * b[k];
	for (int i = 0; i < 2 * SCORES; i++)
		out[i] = out[i] < TINY ? 0 : out[i];
}

/* *a: the steps of both. */
static void add(struct scores *a, const struct scores *b)
{
	double unit = fmax(a->unit, b->unit), p[2 * SCORES], q[2 * SCORES];
	struct scores x = coarser(a, unit), y = coarser(b, unit);

	convolve(x.p, y.p, p);
	convolve(x.q, y.q, q);
	a->first = x.first + y.first;
	a->unit = unit;
	fit(p, q, 2 * SCORES - 1, a);
}

/* *all: the scores of `times` steps, *one being those of one; *one is changed. */
static void add_up(struct scores *all, struct scores *one, uint64_t times)
{
	bool any = false;

	for (; times; times >>= 1) {
		if (times & 1) {
			if (any)
				add(all, one);
			else
				*all = *one;
			any = true;
		}
		if (times > 1) {
			struct scores same = *one;

			add(one, &same);
		}
	}
}

/* Make the probabilities sum to 1: over many steps what rounding adds would grow like a power. */
static void whole(double chance[SCORES])
{
	double sum = 0;

	for (int i = 0; i < SCORES; i++)
		sum += chance[i];
	for (int i = 0; i < SCORES; i++)
		chance[i] /= sum;
}

/* The scores of one step, in a unit that fits the range of losses of all steps. */
static void scores_of(const struct step *s, const struct fm_told_noise *n, struct scores *out)
{
	double most = s->first + s->n - 1 + 12 * s->sigma, least = n->replaced ? -most : -12 * s->sigma;
	double width = (most - least) / CELLS, rare = 1e-12 / (double)n->times, p[CELLS], q[CELLS], sum = 0;
	int low = 0, high = CELLS - 1;

	for (int i = 0; i < CELLS; i++) {
		double from = i == 0 ? -(double)INFINITY : least + i * width,
		       to = i == CELLS - 1 ? (double)INFINITY : least + (i + 1) * width;

		p[i] = mixture(s, from, to);
		q[i] = n->replaced ? mixture(s, -to, -from) : cell(from, to, 0, s->sigma);
	}
	while (low < high && (sum += q[low]) < rare)
		low++;
	sum = 0;
	while (low < high && (sum += p[high]) < rare)
		high--;
	*out = (struct scores){.first = loss(p[low], q[low])};
	out->unit = fmax((loss(p[high], q[high]) - out->first) / (SCORES - 1), 1e-12);
	for (int i = 0; i < CELLS; i++) {
		double at = rint((loss(p[i], q[i]) - out->first) / out->unit);
		int to = (int)fmin(fmax(at, 0), SCORES - 1);

		out->p[to] += p[i];
		out->q[to] += q[i];
	}
	whole(out->p);
	whole(out->q);
	level(out);
}

/* The probability that a score's loss plus that of the Gaussian noise, whose mean is `mean`, is above t. */
static double above(double t, double loss_of_score, double mean, double mu)
{
	double x = t - loss_of_score - mean;

	return mu > 0 ? normal(-x / mu) : x < 0;
}

static double sampled_delta(const struct fm_told_noise *n, unsigned group, double mu, double epsilon)
{
	struct scores one, all = {0};
	struct step s;
	double best = 0;

	step_of(n, group, &s);
	scores_of(&s, n, &one);
	add_up(&all, &one, n->times);
	for (int i = 0; i < THRESHOLDS; i++) {
		double t = (0.5 + 0.025 * i) * epsilon, seen = 0, feigned = 0;

		for (int k = 0; k < SCORES; k++) {
			double at = all.first + all.unit * k;

			seen += all.p[k] > 0 ? all.p[k] * above(t, at, mu * mu / 2, mu) : 0;
			feigned += all.q[k] > 0 ? all.q[k] * above(t, at, -mu * mu / 2, mu) : 0;
		}
		best = fmax(best, seen - exp(epsilon) * feigned);
	}
	return best;
}

double fm_told_noise_delta(const struct fm_told_noise *n, unsigned group, double epsilon)
{
	double mu = group * sqrt(n->squares), delta = mu > 0 ? gaussian_delta(mu, epsilon) : 0;

	return n->times == 0 || group > GROUP_MAX || epsilon > EPSILON_MAX
		   ? delta
		   : fmax(delta, sampled_delta(n, group, mu, epsilon));
}
