#include "privacy/gaussian_table.h"

#include <string.h>

typedef unsigned __int128 u128;

/* Numbers of 64 binary digits before the point and 320 behind it, the least significant word first. */
enum { LIMBS = 6, POINT = LIMBS - 1 };
struct fixed {
	uint64_t w[LIMBS];
};

static struct fixed one(void)
{
	return (struct fixed){.w[POINT] = 1};
}

static int is_zero(const struct fixed *a)
{
	uint64_t any = 0;

	for (int i = 0; i < LIMBS; i++)
		any |= a->w[i];
	return any == 0;
}

static struct fixed plus(struct fixed a, const struct fixed *b)
{
	unsigned carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		u128 s = (u128)a.w[i] + b->w[i] + carry;

		a.w[i] = (uint64_t)s;
		carry = (unsigned)(s >> 64);
	}
	return a;
}

static struct fixed minus(struct fixed a, const struct fixed *b)
{
	unsigned borrow = 0;

	for (int i = 0; i < LIMBS; i++) {
		u128 d = (u128)a.w[i] - b->w[i] - borrow;

		a.w[i] = (uint64_t)d;
		borrow = (unsigned)(d >> 64) & 1;
	}
	return a;
}

/* a b, truncated. */
static struct fixed times(const struct fixed *a, const struct fixed *b)
{
	uint64_t all[2 * LIMBS] = {0};
	struct fixed r;

	for (int i = 0; i < LIMBS; i++) {
		uint64_t carry = 0;

		for (int j = 0; j < LIMBS; j++) {
			u128 s = (u128)a->w[i] * b->w[j] + all[i + j] + carry;

			all[i + j] = (uint64_t)s;
			carry = (uint64_t)(s >> 64);
		}
		all[i + LIMBS] = carry;
	}
	memcpy(r.w, all + POINT, sizeof r.w);
	return r;
}

/* a p / q, truncated; a p below 2^64. */
static struct fixed ratio(struct fixed a, uint64_t p, uint64_t q)
{
	uint64_t carry = 0;
	u128 rest = 0;

	for (int i = 0; i < LIMBS; i++) {
		u128 s = (u128)a.w[i] * p + carry;

		a.w[i] = (uint64_t)s;
		carry = (uint64_t)(s >> 64);
	}
	for (int i = LIMBS; i-- > 0;) {
		rest = rest << 64 | a.w[i];
		a.w[i] = (uint64_t)(rest / q);
		rest %= q;
	}
	return a;
}

/* exp(-p / q), p < q: the sum of its series up to the last term that is not 0. */
static struct fixed exp_minus(uint64_t p, uint64_t q)
{
	struct fixed sum = one(), term = one();

	for (uint64_t n = 1;; n++) {
		term = ratio(ratio(term, p, q), 1, n);
		if (is_zero(&term))
			return sum;
		sum = n % 2 ? minus(sum, &term) : plus(sum, &term);
	}
}

/* 1 / a, a at least 1: long division. */
static struct fixed inverse(const struct fixed *a)
{
	struct fixed rest = one(), r = {{0}};

	for (int bit = 64 * POINT; bit-- > 0;) {
		struct fixed less;

		rest = plus(rest, &rest);
		less = minus(rest, a);
		if (less.w[POINT] >> 63) /* below 0 */
			continue;
		rest = less;
		r.w[bit / 64] |= (uint64_t)1 << bit % 64;
	}
	return r;
}

void fm_gaussian_table_make(struct fm_gaussian_table *t, uint64_t num, uint64_t den)
{
	struct fixed sum[FM_GAUSSIAN_CELLS], mass = one(), step, twice, all;

	*t = (struct fm_gaussian_table){.q = 2 * num};
	/* t is the largest power of two that is at most an eighth of sigma. */
	while (((u128)den << (2 * t->shift + 8)) <= num)
		t->shift++;
	t->t2 = den << 2 * t->shift;
	/* M(v) = M(v - 1) e^(2 v - 1), e = exp(-t^2 / (2 sigma^2)) */
	step = exp_minus(t->t2, t->q);
	twice = times(&step, &step);
	sum[0] = mass;
	for (t->n = 1; t->n < FM_GAUSSIAN_CELLS; t->n++) {
		mass = times(&mass, &step);
		step = times(&step, &twice);
		if ((mass.w[POINT] | mass.w[4] | mass.w[3] | mass.w[2] | mass.w[1]) == 0 && mass.w[0] >> 50 == 0)
			break; /* below 2^-270 */
		sum[t->n] = plus(sum[t->n - 1], &mass);
	}
	all = inverse(&sum[t->n - 1]);
	for (unsigned v = 0; v < t->n; v++) {
		struct fixed share = times(&sum[v], &all);

		for (int k = 0; k < FM_GAUSSIAN_WORDS; k++)
			t->digits[k][v] = v + 1 < t->n ? share.w[POINT - 1 - k] : UINT64_MAX;
	}
	for (unsigned i = 0, v = 0; i < 256; i++) {
		while (v + 1 < t->n && t->digits[0][v] < (uint64_t)i << 56)
			v++;
		t->first[i] = (uint16_t)v;
	}
}

unsigned fm_gaussian_cell(const struct fm_gaussian_table *t, unsigned from, const uint64_t word[FM_GAUSSIAN_WORDS])
{
	unsigned v = from;

	for (; v + 1 < t->n; v++) {
		int k = 0;

		while (k + 1 < FM_GAUSSIAN_WORDS && word[k] == t->digits[k][v])
			k++;
		if (word[k] < t->digits[k][v])
			break;
	}
	return v;
}
