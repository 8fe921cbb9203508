#include "privacy/noise.h"

#include <math.h>
#include <stdlib.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "base/secret.h"
#include "privacy/gaussian_table.h"

typedef unsigned __int128 u128;

enum {
	FAR = 1024,   /* scales from zero: a Laplace draw beyond them, of probability exp(-1024), is drawn again */
	SHARD = 4096, /* draws that a thread makes from one stream */
	DIGITS = 16,  /* random binary digits compared at once */
	A_BLOCK = 8,  /* records that share a block of the sampling stream */
};

/*
 * Bernoulli(p / q), p <= q < 2^127: the binary digits of the fraction, by long division, against random ones; the first
 * that differs decides.  The random digits are those of `word`, nword of them from the highest down, then the stream's.
 */
static unsigned digits128(struct fm_stream *s, u128 p, u128 q, uint32_t word, unsigned nword)
{
	if (p >= q)
		return 1;
	while (p != 0) {
		unsigned digit, bit = nword > 0 ? word >> --nword & 1 : fm_stream_bit(s);

		p <<= 1;
		digit = p >= q;
		if (digit)
			p -= q;
		if (bit != digit)
			return digit;
	}
	return 0;
}

unsigned fm_bernoulli(struct fm_stream *s, uint64_t p, uint64_t q)
{
	return digits128(s, p, q, 0, 0);
}

/*
 * The same for p <= q < 2^107, in one comparison nearly always: 16 random digits at once stand for the interval [w, w +
 * 1) 2^-16, and p / q for the interval between fractions of the first 64 digits of p and q.  Where these intervals meet
 * (once in 2^16), the digits decide one by one.
 */
static inline unsigned ratio128(struct fm_stream *s, u128 p, u128 q)
{
	uint64_t w = fm_stream_bits(s, DIGITS), high = (uint64_t)(q >> 64), a, b;
	unsigned shift = high == 0 ? 0 : 64 - (unsigned)__builtin_clzll(high);

	a = (uint64_t)(p >> shift);
	b = (uint64_t)(q >> shift);
	if ((u128)(w + 1) * ((u128)b + 1) <= (u128)a << DIGITS)
		return 1;
	if ((u128)w * b >= ((u128)a + 1) << DIGITS)
		return 0;
	return digits128(s, p, q, (uint32_t)w, DIGITS);
}

static inline unsigned one_in(struct fm_stream *s, uint64_t k)
{
	return k == 1 ? 1 : k == 2 ? fm_stream_bit(s) : digits128(s, 1, k, 0, 0);
}

/* Bernoulli(exp(-p / q)), p <= q: the first K for which Bernoulli(p / (q K)) fails is odd (algorithm 1).  Bernoulli(p /
 * (q K)) is Bernoulli(1 / K) and Bernoulli(p / q). */
static inline unsigned exp128(struct fm_stream *s, u128 p, u128 q)
{
	uint64_t k = 1;

	while (one_in(s, k) && ratio128(s, p, q))
		k++;
	return k & 1;
}

/* The same of u / t, t < 2^53, where a random number below t decides. */
static inline unsigned exp_below(struct fm_stream *s, uint64_t u, uint64_t t)
{
	uint64_t k = 1;

	while (one_in(s, k) && fm_stream_below(s, t) < u)
		k++;
	return k & 1;
}

/* Bernoulli(exp(-1)): random digits against the first 256 of 1 / e; the probability that they do not decide, 2^-256, is
 * that of guessing the key. */
static inline unsigned exp_one(struct fm_stream *s)
{
	static const uint16_t digits[16] = {0x5e2d, 0x58d8, 0xb3bc, 0xdf1a, 0xbade, 0xc782, 0x9054, 0xf90d,
					    0xda98, 0x05aa, 0xb56c, 0x7733, 0x3024, 0xb9d0, 0xa507, 0xdaed};

	for (int i = 0; i < 16; i++) {
		unsigned w = (unsigned)fm_stream_bits(s, DIGITS);

		if (w != digits[i])
			return w < digits[i];
	}
	return 0;
}

unsigned fm_bernoulli_exp(struct fm_stream *s, uint64_t p, uint64_t q)
{
	for (; p > q; p -= q)
		if (!exp_one(s))
			return 0;
	return exp128(s, p, q);
}

/* |x| of a discrete Laplace of scale t: with probability in proportion to exp(-x / t). */
static uint64_t magnitude(struct fm_stream *s, uint64_t t)
{
	for (;;) {
		uint64_t u = fm_stream_below(s, t), v = 0;

		if (!exp_below(s, u, t))
			continue;
		while (v < FAR && exp_one(s))
			v++;
		if (v < FAR)
			return u + t * v;
	}
}

int64_t fm_discrete_laplace(struct fm_stream *s, const struct fm_laplace *l)
{
	for (;;) {
		uint64_t y = magnitude(s, l->t) / l->s;
		unsigned negative = fm_stream_bit(s);

		if (y != 0 || !negative)
			return negative ? -(int64_t)y : (int64_t)y;
	}
}

int64_t fm_discrete_gaussian(struct fm_stream *s, const struct fm_gaussian *g)
{
	for (;;) {
		uint64_t y = magnitude(s, g->t), a, m;
		unsigned negative = fm_stream_bit(s), kept = 1;
		u128 p;

		if (y == 0 && negative)
			continue;
		/* Keep y with probability exp(-(y - sigma^2 / t)^2 / (2 sigma^2)); both sides times (t den)^2. */
		a = y * g->t * g->den;
		m = a > g->num ? a - g->num : g->num - a;
		for (p = (u128)m * m; kept && p > g->q; p -= g->q)
			kept = exp_one(s);
		if (kept && exp128(s, p, g->q))
			return negative ? -(int64_t)y : (int64_t)y;
	}
}

/* Bernoulli(exp(-p / q)), p <= q < 2^56, by 64-bit numbers; the first 16 random digits are w. */
static inline unsigned exp_near(struct fm_stream *s, uint64_t p, uint64_t q, uint64_t w)
{
	uint64_t k = 1;

	for (;;) {
		u128 at = (u128)p << DIGITS;
		unsigned one = (u128)(w + 1) * q <= at ? 1
			       : (u128)w * q >= at     ? 0
						       : digits128(s, p, q, (uint32_t)w, DIGITS);

		if (!one || !one_in(s, ++k))
			return k & 1;
		w = fm_stream_bits(s, DIGITS);
	}
}

static inline unsigned cell(struct fm_stream *s, const struct fm_gaussian_table *t)
{
	uint64_t word[FM_GAUSSIAN_WORDS] = {fm_stream_word(s)};
	unsigned v = t->first[word[0] >> 56];

	while (word[0] > t->digits[0][v] && v + 1 < t->n)
		v++;
	if (word[0] != t->digits[0][v])
		return v;
	for (int k = 1; k < FM_GAUSSIAN_WORDS; k++)
		word[k] = fm_stream_word(s);
	return fm_gaussian_cell(t, v, word);
}

/* A draw by a table: gaussian_table.h. */
static int64_t gaussian_by_cells(struct fm_stream *s, const struct fm_gaussian *g, const struct fm_gaussian_table *t)
{
	for (;;) {
		uint64_t low = (uint64_t)cell(s, t) << t->shift, bits = fm_stream_bits(s, t->shift + 1 + DIGITS),
			 u = bits & (((uint64_t)1 << t->shift) - 1), p = u * (2 * low + u) * g->den;
		unsigned negative = bits >> t->shift & 1, kept = 1;

		if ((low | u) == 0 && negative)
			continue;
		for (; kept && p > t->q; p -= t->q)
			kept = exp_one(s);
		if (kept && exp_near(s, p, t->q, bits >> (t->shift + 1)))
			return negative ? -(int64_t)(low + u) : (int64_t)(low + u);
	}
}

/* ceil(v 2^e), exactly; v positive and finite, the result below 2^63. */
static uint64_t scaled_up(u128 mantissa, int e)
{
	if (e >= 0)
		return (uint64_t)(mantissa << e);
	if (e <= -127)
		return 1;
	return (uint64_t)((mantissa >> -e) + ((mantissa & (((u128)1 << -e) - 1)) != 0));
}

int fm_laplace_set(struct fm_laplace *l, double b, struct fm_error *err)
{
	int e, digits = 30;
	double m;

	if (!(b >= 0x1p-10 && b <= 0x1p40))
		return fm_fail(err, FM_EINPUT, "a Laplace scale of %g is out of range: 2^-10 to 2^40", b);
	m = frexp(b, &e);
	/* FAR t < 2^63 */
	if (e + digits > 52)
		digits = 52 - e;
	l->t = scaled_up((u128)(uint64_t)ldexp(m, 53), e - 53 + digits);
	l->s = (uint64_t)1 << digits;
	return FM_OK;
}

double fm_laplace_scale(const struct fm_laplace *l)
{
	return (double)l->t / (double)l->s; /* t < 2^53 and a power of two: exact */
}

int fm_gaussian_set_ratio(struct fm_gaussian *g, uint64_t num, uint64_t den, struct fm_error *err)
{
	uint64_t whole = den == 0 ? 0 : num / den, t = 1;

	if (den == 0 || num == 0 || whole > (uint64_t)(FM_GAUSSIAN_MAX * FM_GAUSSIAN_MAX) ||
	    (double)num < FM_GAUSSIAN_MIN * FM_GAUSSIAN_MIN * (double)den)
		return fm_fail(err, FM_EINPUT, "a variance of %llu / %llu is out of range: sigma is 2^-6 to 2^25",
			       (unsigned long long)num, (unsigned long long)den);
	/* floor(sqrt(num / den)) + 1: sqrt is correctly rounded, and whole < 2^53. */
	t = (uint64_t)sqrt((double)whole) + 1;
	if ((u128)t * t * den > (u128)1 << 53)
		return fm_fail(err, FM_EINPUT, "a variance of %llu / %llu has too many digits", (unsigned long long)num,
			       (unsigned long long)den);
	*g = (struct fm_gaussian){.num = num, .den = den, .t = t, .q = (u128)2 * num * den * t * t};
	return FM_OK;
}

int fm_gaussian_set(struct fm_gaussian *g, double sigma, struct fm_error *err)
{
	int e, digits = 0;
	uint64_t m, t;

	if (!(sigma >= FM_GAUSSIAN_MIN && sigma <= FM_GAUSSIAN_MAX))
		return fm_fail(err, FM_EINPUT, "a standard deviation of %g is out of range: 2^-6 to 2^25", sigma);
	m = (uint64_t)ldexp(frexp(sigma, &e), 53);
	/* As many binary digits behind the point as (t + 1)^2 2^digits <= 2^53 leaves, since rounding up may raise t by
	 * one. */
	t = (uint64_t)sigma + 2;
	while (digits < 40 && (u128)t * t <= (u128)1 << (52 - digits))
		digits++;
	return fm_gaussian_set_ratio(g, scaled_up((u128)m * m, 2 * (e - 53) + digits), (uint64_t)1 << digits, err);
}

double fm_gaussian_sigma(const struct fm_gaussian *g)
{
	return nextafter(sqrt(nextafter((double)g->num / (double)g->den, 0)), 0);
}

double fm_gaussian_equivalent(double sigma)
{
	double v = sigma * sigma - 3;

	return v > 0 ? nextafter(nextafter(sqrt(v), 0), 0) : 0;
}

double fm_gaussian_tail(double sigma, double x)
{
	double z = (x - 1) / sigma;

	if (!(z > 0))
		return 1;
	/* Density at z, times Mills' ratio, which is below 4 / (3 z + sqrt(z^2 + 8)) (Sampford 1953).  1 / sqrt(2 pi)
	 * is rounded up, and the last factor covers the errors of fm_det_exp and of a sigma that was rounded down. */
	return 0.39894228040143275 * fm_det_exp(-fmin(z * z / 2, 700)) * 4 / (3 * z + sqrt(z * z + 8)) * (1 + 1e-10);
}

struct fill {
	const struct fm_stream_name *of;
	const struct fm_gaussian *g;
	const struct fm_gaussian_table *table; /* of a large sigma, else NULL */
	uint64_t from;
	int64_t *out; /* (n) */
	size_t n;
	struct fm_error *errors; /* one per shard */
};

static void fill_shard(void *ctx, int shard, int thread)
{
	struct fill *f = ctx;
	struct fm_error *err = &f->errors[shard];
	size_t first = (size_t)shard * SHARD, end = first + SHARD < f->n ? first + SHARD : f->n;
	struct fm_stream *s = NULL;

	(void)thread;
	if (fm_stream_open(&s, f->of->key, f->of->label, f->of->step, err) < 0)
		return;
	fm_stream_reach(s, f->from + first, end - first);
	for (size_t i = first; i < end; i++) {
		fm_stream_at(s, f->from + i);
		f->out[i] = f->table ? gaussian_by_cells(s, f->g, f->table) : fm_discrete_gaussian(s, f->g);
	}
	if (fm_stream_check(s, err) < 0)
		err->code = FM_ESYSTEM;
	fm_stream_close(s);
}

int fm_gaussian_fill(const struct fm_stream_name *of, const struct fm_gaussian *g, struct fm_pool *pool, uint64_t from,
		     int64_t *out, size_t n, struct fm_error *err)
{
	size_t nshards = (n + SHARD - 1) / SHARD;
	struct fm_gaussian_table table;
	struct fill f = {of, g, NULL, from, out, n, NULL};
	int rc;

	if (nshards > 1 << 20)
		return fm_fail(err, FM_EINPUT, "%zu draws of noise are too many at once", n);
	if ((rc = fm_alloc(&f.errors, nshards, sizeof(*f.errors), "noise", err)) < 0)
		return rc;
	if (g->t > FM_GAUSSIAN_LARGE) {
		fm_gaussian_table_make(&table, g->num, g->den);
		f.table = &table;
	}
	fm_pool_run(pool, (int)nshards, fill_shard, &f);
	for (size_t i = 0; i < nshards; i++)
		if (f.errors[i].code < 0) {
			rc = fm_fail(err, f.errors[i].code, "%s", f.errors[i].message);
			goto out;
		}
out:
	free(f.errors);
	return rc;
}

int fm_rate_set(struct fm_rate *r, uint64_t num, uint64_t den, struct fm_error *err)
{
	if (den == 0 || num > den)
		return fm_fail(err, FM_EINPUT, "a sampling rate of %llu / %llu is no probability",
			       (unsigned long long)num, (unsigned long long)den);
	r->all = num == den;
	r->threshold = r->all ? 0 : (uint64_t)(((u128)num << 64) / den);
	return FM_OK;
}

int fm_poisson_sample(const struct fm_stream_name *of, const struct fm_rate *r, size_t n, uint32_t *out, size_t *nout,
		      struct fm_error *err)
{
	struct fm_stream *s = NULL;
	size_t taken = 0;
	int rc;

	*nout = 0;
	if (n > UINT32_MAX)
		return fm_fail(err, FM_EINPUT, "%zu records are too many to sample from", n);
	if ((rc = fm_stream_open(&s, of->key, of->label, of->step, err)) < 0)
		return rc;
	fm_stream_reach(s, 0, (n + A_BLOCK - 1) / A_BLOCK);
	for (size_t i = 0; i < n; i++) {
		if (i % A_BLOCK == 0)
			fm_stream_at(s, i / A_BLOCK);
		out[taken] = (uint32_t)i;
		/* No branch, so that timing does not reveal the batch. */
		taken += (fm_stream_bits(s, 64) < r->threshold) | (unsigned)r->all;
	}
	if ((rc = fm_stream_check(s, err)) < 0)
		goto out;
	*nout = taken;
out:
	fm_stream_close(s);
	return rc;
}
