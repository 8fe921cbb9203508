#include "release/polyprint.h"

#include <immintrin.h>
#include <sys/random.h>

#define P (((uint64_t)1 << 61) - 1)

typedef unsigned __int128 wide;

/* Modulo 2^61 - 1, where 2^61 is 1. */
static uint64_t reduce(wide v)
{
	uint64_t low = (uint64_t)v & P, r = low + (uint64_t)(v >> 61);

	r = (r & P) + (r >> 61);
	return r >= P ? r - P : r;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	return reduce((wide)a * b);
}

int fm_polyprint_draw(struct fm_polyprint_point *point, struct fm_error *err)
{
	uint64_t drawn;

	if (getrandom(&drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
		return fm_fail_errno(err, "the system's random generator gives no bytes");
	point->power[0] = 1;
	for (size_t i = 1; i <= FM_POLYPRINT_STEP; i++)
		point->power[i] = times(point->power[i - 1], reduce(drawn));
	for (int k = 0; k < FM_POLYPRINT_LIMBS; k++)
		for (size_t i = 0; i < FM_POLYPRINT_STEP; i++)
			point->limb[k][i] = (int16_t)(point->power[FM_POLYPRINT_STEP - 1 - i] >> FM_POLYPRINT_BITS * k &
						      ((1 << FM_POLYPRINT_BITS) - 1));
	return FM_OK;
}

static uint32_t sum_of_four(__m128i v)
{
	v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4e));
	v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0xb1));
	return (uint32_t)_mm_cvtsi128_si32(v);
}

static __m128i load(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

/* The sum for the bytes of one step, not reduced. */
static wide sum_of_step(const struct fm_polyprint_point *point, const uint8_t *p)
{
	const __m128i zero = _mm_setzero_si128();
	__m128i sum[FM_POLYPRINT_LIMBS] = {zero, zero, zero, zero, zero};
	wide all = 0;

	for (size_t i = 0; i < FM_POLYPRINT_STEP; i += 16) {
		__m128i v = load(p + i), low = _mm_unpacklo_epi8(v, zero), high = _mm_unpackhi_epi8(v, zero);

		for (int k = 0; k < FM_POLYPRINT_LIMBS; k++)
			sum[k] =
			    _mm_add_epi32(sum[k], _mm_add_epi32(_mm_madd_epi16(low, load(&point->limb[k][i])),
								_mm_madd_epi16(high, load(&point->limb[k][i + 8]))));
	}
	for (int k = 0; k < FM_POLYPRINT_LIMBS; k++)
		all += (wide)sum_of_four(sum[k]) << FM_POLYPRINT_BITS * k;
	return all;
}

/* The same, 16 bytes at a time. */
__attribute__((target("avx2"))) static wide sum_of_step_avx2(const struct fm_polyprint_point *point, const uint8_t *p)
{
	const __m256i zero = _mm256_setzero_si256();
	__m256i sum[FM_POLYPRINT_LIMBS] = {zero, zero, zero, zero, zero};
	wide all = 0;

#pragma GCC unroll 4
	for (size_t i = 0; i < FM_POLYPRINT_STEP; i += 16) {
		__m256i v = _mm256_cvtepu8_epi16(load(p + i));

#pragma GCC unroll 5
		for (int k = 0; k < FM_POLYPRINT_LIMBS; k++) {
			const void *limb = &point->limb[k][i];

			sum[k] =
			    _mm256_add_epi32(sum[k], _mm256_madd_epi16(v, _mm256_loadu_si256((const __m256i *)limb)));
		}
	}
#pragma GCC unroll 5
	for (int k = 0; k < FM_POLYPRINT_LIMBS; k++)
		all += (wide)sum_of_four(
			   _mm_add_epi32(_mm256_castsi256_si128(sum[k]), _mm256_extracti128_si256(sum[k], 1)))
		       << FM_POLYPRINT_BITS * k;
	return all;
}

uint64_t fm_polyprint_add_plain(const struct fm_polyprint_point *point, uint64_t print, const uint8_t *p, size_t n)
{
	for (; n >= FM_POLYPRINT_STEP; p += FM_POLYPRINT_STEP, n -= FM_POLYPRINT_STEP)
		print = reduce((wide)print * point->power[FM_POLYPRINT_STEP] + sum_of_step(point, p));
	for (; n; p++, n--)
		print = reduce((wide)print * point->power[1] + *p);
	return print;
}

uint64_t fm_polyprint_add(const struct fm_polyprint_point *point, uint64_t print, const uint8_t *p, size_t n)
{
	if (__builtin_cpu_supports("avx2"))
		for (; n >= FM_POLYPRINT_STEP; p += FM_POLYPRINT_STEP, n -= FM_POLYPRINT_STEP)
			print = reduce((wide)print * point->power[FM_POLYPRINT_STEP] + sum_of_step_avx2(point, p));
	return fm_polyprint_add_plain(point, print, p, n);
}

static uint64_t power(const struct fm_polyprint_point *point, uint64_t exponent)
{
	uint64_t r = 1;

	for (uint64_t square = point->power[1]; exponent; exponent >>= 1, square = times(square, square))
		if (exponent & 1)
			r = times(r, square);
	return r;
}

uint64_t fm_polyprint_join(const struct fm_polyprint_point *point, uint64_t a, uint64_t b, uint64_t nbytes)
{
	return reduce((wide)a * power(point, nbytes) + b);
}

uint64_t fm_polyprint_behind(const struct fm_polyprint_point *point, uint64_t whole, uint64_t head, uint64_t nbytes)
{
	return reduce((wide)whole + P - times(head, power(point, nbytes)));
}
