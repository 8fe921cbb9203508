/*
 * kernels_impl.h - the body of kernels_v1.c, kernels_v3.c and kernels_v4.c: FM_LANES numbers per vector, FM_MR x FM_NV
 * vectors of accumulators, FM_KERNELS the table made of them.  kernels_gemm.h has the multiplication of matrices,
 * kernels_batch.h what works on whole batches.
 */
#include <math.h>
#include <string.h>

#include "base/kernels.h"

#define FM_NR (FM_LANES * FM_NV)
/* FM_UNROLL: the accumulators stay in registers only when these loops are unrolled.  FM_LANEWISE: a loop writes only to
 * where it reads in the same iteration, or to other memory, so that it can be vectorised in place too. */
#ifdef __clang__
#define FM_UNROLL _Pragma("clang loop unroll(full)")
#define FM_LANEWISE _Pragma("clang loop vectorize(assume_safety)")
#else
#define FM_UNROLL _Pragma("GCC unroll 16")
#define FM_LANEWISE _Pragma("GCC ivdep")
#endif
#ifdef FM_DOUBLE /* where no bit matters, and a call for each would take most of the time */
#define FM_FMA(a, b, c) ((a) * (b) + (c))
#define FM_SQRT __builtin_sqrt
#else
#define FM_FMA __builtin_fmaf
#define FM_SQRT __builtin_sqrtf
#endif
typedef fm_real vec __attribute__((vector_size(FM_LANES * sizeof(fm_real)), aligned(sizeof(fm_real)), may_alias));

static inline __attribute__((always_inline)) vec vec_fma(vec a, vec b, vec c)
{
#if FM_LANES == 16
	return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif FM_LANES == 8
	return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
	for (int i = 0; i < FM_LANES; i++)
		c[i] = FM_FMA(a[i], b[i], c[i]);
	return c;
#endif
}

static inline __attribute__((always_inline)) vec vec_set1(fm_real x)
{
	return x - (vec){0};
}

static inline __attribute__((always_inline)) vec vec_load(const fm_real *p)
{
	return *(const vec *)p;
}

/* a > b ? a : b */
static inline __attribute__((always_inline)) vec vec_max(vec a, vec b)
{
#if FM_LANES == 16
	return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif FM_LANES == 8
	return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
	for (int i = 0; i < FM_LANES; i++)
		b[i] = a[i] > b[i] ? a[i] : b[i];
	return b;
#endif
}

#include "base/kernels_gemm.h"

/* ---- element-wise functions ---- */

#ifdef FM_DOUBLE
#define exp1 __builtin_exp
#define log1 __builtin_log
#else
/* exp(x): x = n ln2 + r, |r| <= ln2/2; Cephes expf's polynomial (Moshier 1992).  Below -87.3: 0; above 88: exp(88). */
static inline __attribute__((always_inline)) fm_real exp1(fm_real x)
{
	fm_real c = x > 88.0f ? 88.0f : x;
	c = c < -87.3f ? -87.3f : c;
	fm_real n = FM_FMA(c, 1.44269504088896341f, 12582912.0f) - 12582912.0f;
	fm_real r = FM_FMA(n, -0.693359375f, c);
	r = FM_FMA(n, 2.12194440e-4f, r);
	fm_real p = 1.9875691500e-4f;
	p = FM_FMA(p, r, 1.3981999507e-3f);
	p = FM_FMA(p, r, 8.3334519073e-3f);
	p = FM_FMA(p, r, 4.1665795894e-2f);
	p = FM_FMA(p, r, 1.6666665459e-1f);
	p = FM_FMA(p, r, 5.0000001201e-1f);
	p = FM_FMA(p, r * r, r) + 1.0f;
	union {
		uint32_t i;
		float f;
	} u = {.i = (uint32_t)((int32_t)n + 127) << 23}; /* unsigned: n may come from a NaN */
	return x < -87.3f ? 0.0f : p * u.f;
}

/* log(x), x > 0 and normal: Cephes logf. */
static inline __attribute__((always_inline)) fm_real log1(fm_real x)
{
	union {
		float f;
		int32_t i;
	} u = {.f = x};
	int32_t e = (u.i >> 23) - 126;
	u.i = (u.i & 0x007fffff) | 0x3f000000;
	fm_real m = u.f; /* [0.5, 1) */
	int32_t small = m < 0.707106781186547524f;
	e -= small;
	m = (small ? m + m : m) - 1.0f;
	fm_real z = m * m, p = 7.0376836292e-2f, fe = (fm_real)e;
	p = FM_FMA(p, m, -1.1514610310e-1f);
	p = FM_FMA(p, m, 1.1676998740e-1f);
	p = FM_FMA(p, m, -1.2420140846e-1f);
	p = FM_FMA(p, m, 1.4249322787e-1f);
	p = FM_FMA(p, m, -1.6668057665e-1f);
	p = FM_FMA(p, m, 2.0000714765e-1f);
	p = FM_FMA(p, m, -2.4999993993e-1f);
	p = FM_FMA(p, m, 3.3333331174e-1f);
	fm_real y = p * m * z;
	y = FM_FMA(fe, -2.12194440e-4f, y);
	y = FM_FMA(z, -0.5f, y);
	return FM_FMA(fe, 0.693359375f, m + y);
}
#endif

static void k_exp(fm_real *y, const fm_real *x, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++)
		y[i] = exp1(x[i]);
}

static void k_log(fm_real *y, const fm_real *x, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++)
		y[i] = log1(x[i]);
}

/* sin and cos by reduction to [-pi/4, pi/4] in three parts (Cody, Waite 1980) and Cephes' polynomials. */
static void k_sincos(fm_real *s, fm_real *c, const fm_real *x, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++) {
#ifdef FM_DOUBLE
		s[i] = __builtin_sin(x[i]);
		c[i] = __builtin_cos(x[i]);
#else
		fm_real q = FM_FMA(x[i], 0.636619772367581343f, 12582912.0f) - 12582912.0f;
		fm_real r = FM_FMA(q, -1.5703125f, x[i]);
		r = FM_FMA(q, -4.837512969970703125e-4f, r);
		r = FM_FMA(q, -7.54978995489188216e-8f, r);
		fm_real z = r * r;
		fm_real a = FM_FMA(FM_FMA(-1.9515295891e-4f, z, 8.3321608736e-3f), z, -1.6666654611e-1f);
		fm_real b = FM_FMA(FM_FMA(2.443315711809948e-5f, z, -1.388731625493765e-3f), z, 4.166664568298827e-2f);
		fm_real sn = FM_FMA(a * z, r, r), cn = FM_FMA(b, z * z, FM_FMA(z, -0.5f, 1.0f));
		int32_t k = (int32_t)q & 3;
		fm_real so = k & 1 ? cn : sn, co = k & 1 ? sn : cn;
		s[i] = k & 2 ? -so : so;
		c[i] = (k + 1) & 2 ? -co : co;
#endif
	}
}

/* 16 lanes to one number, always by the same tree. */
static inline __attribute__((always_inline)) fm_real tree(const fm_real a[16])
{
	typedef fm_real v16 __attribute__((vector_size(16 * sizeof(fm_real)), aligned(sizeof(fm_real)), may_alias));
	typedef fm_real v8 __attribute__((vector_size(8 * sizeof(fm_real))));
	typedef fm_real v4 __attribute__((vector_size(4 * sizeof(fm_real))));
	v16 v = *(const v16 *)a;
	v8 b = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
	       __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
	v4 c = __builtin_shufflevector(b, b, 0, 1, 2, 3) + __builtin_shufflevector(b, b, 4, 5, 6, 7);
	return (c[0] + c[2]) + (c[1] + c[3]);
}

/* The 16 lanes as vectors; numbers behind the last 16 go to the first lanes one by one. */
#define FM_NACC (16 / FM_LANES)
union lanes {
	vec v[FM_NACC];
	fm_real a[16];
};
#define FM_LANES16(n, body_vec, body_lane)                                                                             \
	int i_ = 0;                                                                                                    \
	for (; i_ + 16 <= (n); i_ += 16)                                                                               \
		FM_UNROLL                                                                                              \
	for (int l = 0; l < FM_NACC; l++) {                                                                            \
		int i = i_ + l * FM_LANES;                                                                             \
		body_vec;                                                                                              \
	}                                                                                                              \
	for (int l = 0; i_ + l < (n); l++) {                                                                           \
		int i = i_ + l;                                                                                        \
		body_lane;                                                                                             \
	}

static inline __attribute__((always_inline)) fm_real lanes_max(const union lanes *m)
{
#if FM_LANES == 16
	return _mm512_reduce_max_ps((__m512)m->v[0]);
#elif FM_LANES == 8
	__m256 v = (__m256)vec_max(m->v[0], m->v[1]);
	__m128 h = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	h = _mm_max_ps(h, _mm_movehl_ps(h, h));
	return _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
#else
	fm_real x = m->a[0];
	for (int l = 1; l < 16; l++)
		x = m->a[l] > x ? m->a[l] : x;
	return x;
#endif
}

static fm_real row_max(const fm_real *x, int n)
{
	union lanes m;
	for (int l = 0; l < 16; l++)
		m.a[l] = x[0];
	FM_LANES16(n, m.v[l] = vec_max(vec_load(x + i), m.v[l]), m.a[l] = x[i] > m.a[l] ? x[i] : m.a[l])
	return lanes_max(&m);
}

static fm_real row_sum(const fm_real *x, int n)
{
	union lanes a = {.a = {0}};
	FM_LANES16(n, a.v[l] += vec_load(x + i), a.a[l] += x[i])
	return tree(a.a);
}

static fm_real row_dot(const fm_real *x, const fm_real *y, int n)
{
	union lanes a = {.a = {0}};
	FM_LANES16(n, a.v[l] = vec_fma(vec_load(x + i), vec_load(y + i), a.v[l]), a.a[l] = FM_FMA(x[i], y[i], a.a[l]))
	return tree(a.a);
}

/* y = exp(scale * (x - max)); returns the sum. */
static fm_real row_exp(fm_real *y, const fm_real *x, int n, fm_real scale)
{
	fm_real mx = row_max(x, n);
	FM_LANEWISE
	for (int i = 0; i < n; i++)
		y[i] = exp1(scale * (x[i] - mx));
	return row_sum(y, n);
}

static void k_softmax(fm_real *y, const fm_real *x, int rows, int n, fm_real scale)
{
	for (int r = 0; r < rows; r++, x += n, y += n) {
		fm_real inv = 1.0f / row_exp(y, x, n, scale);
		FM_LANEWISE
		for (int i = 0; i < n; i++)
			y[i] *= inv;
	}
}

static void k_softmax_back(fm_real *dx, const fm_real *y, const fm_real *dy, int rows, int n, fm_real scale)
{
	for (int r = 0; r < rows; r++, dx += n, y += n, dy += n) {
		fm_real s = row_dot(y, dy, n);
		FM_LANEWISE
		for (int i = 0; i < n; i++)
			dx[i] = scale * y[i] * (dy[i] - s);
	}
}

static fm_real k_cross_entropy(fm_real *x, int n, int target, fm_real weight)
{
	fm_real xt = x[target], mx = row_max(x, n), sum = row_exp(x, x, n, 1.0f), f = weight / sum;
	FM_LANEWISE
	for (int i = 0; i < n; i++)
		x[i] *= f;
	x[target] -= weight;
	return log1(sum) - (xt - mx);
}

static int k_draw(fm_real *x, int n, fm_real u)
{
	fm_real sum = row_exp(x, x, n, 1.0f), goal = u * sum, run = 0;
	int last = 0;
	for (int i = 0; i < n; i++) {
		if (x[i] > 0)
			last = i;
		run += x[i];
		if (run > goal)
			return i;
	}
	return last;
}

static void k_norm(fm_real *y, fm_real *rstd, const fm_real *x, int rows, int n)
{
	fm_real inv = 1.0f / (fm_real)n;
	for (int r = 0; r < rows; r++, x += n, y += n) {
		union lanes v = {.a = {0}};
		fm_real mean = row_sum(x, n) * inv;
		FM_LANES16(n, vec d = vec_load(x + i) - mean; v.v[l] = vec_fma(d, d, v.v[l]), fm_real d = x[i] - mean;
			   v.a[l] = FM_FMA(d, d, v.a[l]))
		fm_real s = 1.0f / FM_SQRT(FM_FMA(tree(v.a), inv, 1e-5f));
		FM_LANEWISE
		for (int i = 0; i < n; i++)
			y[i] = (x[i] - mean) * s;
		rstd[r] = s;
	}
}

static void k_norm_back(fm_real *dx, const fm_real *y, const fm_real *rstd, const fm_real *dy, int rows, int n)
{
	fm_real inv = 1.0f / (fm_real)n;
	for (int r = 0; r < rows; r++, dx += n, y += n, dy += n) {
		fm_real ma = row_sum(dy, n) * inv, mb = row_dot(dy, y, n) * inv, s = rstd[r];
		FM_LANEWISE
		for (int i = 0; i < n; i++)
			dx[i] = FM_FMA(s, FM_FMA(-y[i], mb, dy[i] - ma), dx[i]);
	}
}

static inline __attribute__((always_inline)) fm_real sigmoid1(fm_real x)
{
	return 1.0f / (1.0f + exp1(-x));
}

#define GELU_A 1.5957691216057308f /* 2 sqrt(2/pi) */
#define GELU_B 0.044715f

static void k_gelu(fm_real *y, const fm_real *x, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * sigmoid1(GELU_A * FM_FMA(GELU_B * x[i], x[i] * x[i], x[i]));
}

static void k_gelu_back(fm_real *dx, const fm_real *x, const fm_real *dy, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++) {
		fm_real x2 = x[i] * x[i], g = sigmoid1(GELU_A * FM_FMA(GELU_B * x[i], x2, x[i]));
		fm_real du = GELU_A * FM_FMA(3 * GELU_B, x2, 1.0f);
		dx[i] = dy[i] * FM_FMA(x[i] * du, g * (1.0f - g), g);
	}
}

static void k_silu(fm_real *y, const fm_real *x, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * sigmoid1(x[i]);
}

static void k_silu_back(fm_real *dx, const fm_real *x, const fm_real *dy, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++) {
		fm_real g = sigmoid1(x[i]);
		dx[i] = dy[i] * FM_FMA(x[i], g * (1.0f - g), g);
	}
}

static void k_modulate(fm_real *y, const fm_real *x, const fm_real *scale, const fm_real *shift, int rows, int n)
{
	for (int r = 0; r < rows; r++, x += n, y += n)
		FM_LANEWISE
	for (int i = 0; i < n; i++)
		y[i] = FM_FMA(x[i], 1.0f + scale[i], shift[i]);
}

static void k_modulate_back(fm_real *dx, fm_real *dscale, fm_real *dshift, const fm_real *x, const fm_real *dy,
			    const fm_real *scale, int rows, int n)
{
	for (int r = 0; r < rows; r++, x += n, dy += n, dx += n)
		FM_LANEWISE
	for (int i = 0; i < n; i++) {
		fm_real d = dy[i];
		dscale[i] = FM_FMA(d, x[i], dscale[i]);
		dshift[i] += d;
		dx[i] = d * (1.0f + scale[i]);
	}
}

static void k_gate_add(fm_real *x, const fm_real *y, const fm_real *gate, int rows, int n)
{
	for (int r = 0; r < rows; r++, x += n, y += n)
		FM_LANEWISE
	for (int i = 0; i < n; i++)
		x[i] = FM_FMA(y[i], 1.0f + gate[i], x[i]);
}

static void k_gate_back(fm_real *dy, fm_real *dgate, const fm_real *y, const fm_real *dx, const fm_real *gate, int rows,
			int n)
{
	for (int r = 0; r < rows; r++, y += n, dy += n, dx += n)
		FM_LANEWISE
	for (int i = 0; i < n; i++) {
		fm_real d = dx[i];
		dgate[i] = FM_FMA(d, y[i], dgate[i]);
		dy[i] = d * (1.0f + gate[i]);
	}
}

static void k_colsum(fm_real *acc, const fm_real *x, int rows, int n)
{
	for (int r = 0; r < rows; r++, x += n)
		FM_LANEWISE
	for (int i = 0; i < n; i++)
		acc[i] += x[i];
}

static void k_add(fm_real *y, const fm_real *x, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

static void k_axpy(fm_real *y, fm_real a, const fm_real *x, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++)
		y[i] = FM_FMA(a, x[i], y[i]);
}

static double k_sumsq(const fm_real *x, size_t n)
{
	double acc[16] = {0};
	size_t i = 0;
	for (; i + 16 <= n; i += 16)
		for (int l = 0; l < 16; l++)
			acc[l] = __builtin_fma((double)x[i + l], (double)x[i + l], acc[l]);
	for (int l = 0; i < n; i++, l++)
		acc[l] = __builtin_fma((double)x[i], (double)x[i], acc[l]);
	double s = 0;
	for (int l = 0; l < 16; l++)
		s += acc[l];
	return s;
}

/* n numbers times f as whole steps, into t; returns the sum of their squares.  By hand where the processor has the
 * instructions: compilers make masks of the comparisons, and widen each number before it is squared. */
static inline uint64_t cut_steps(int32_t *t, const fm_real *x, size_t n, fm_real f)
{
	const fm_real most = FM_STEPS_MOST;
	uint64_t squares = 0;
	size_t i = 0;

#if !defined FM_DOUBLE && FM_LANES == 16
	__m512i all = _mm512_setzero_si512();
	for (; i + FM_LANES <= n; i += FM_LANES) {
		/* Of NaN and a number the second is the least and the greatest. */
		__m512 v =
		    _mm512_min_ps(_mm512_mul_ps(_mm512_loadu_ps(x + i), _mm512_set1_ps(f)), _mm512_set1_ps(most));
		__m512i c = _mm512_cvttps_epi32(_mm512_max_ps(v, _mm512_set1_ps(-most))),
			odd = _mm512_srli_epi64(c, 32);
		_mm512_storeu_si512(t + i, c);
		all = _mm512_add_epi64(all, _mm512_mul_epi32(c, c));
		all = _mm512_add_epi64(all, _mm512_mul_epi32(odd, odd));
	}
	squares = (uint64_t)_mm512_reduce_add_epi64(all);
#elif !defined FM_DOUBLE && FM_LANES == 8
	__m256i all = _mm256_setzero_si256();
	for (; i + FM_LANES <= n; i += FM_LANES) {
		__m256 v =
		    _mm256_min_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(f)), _mm256_set1_ps(most));
		__m256i c = _mm256_cvttps_epi32(_mm256_max_ps(v, _mm256_set1_ps(-most))),
			odd = _mm256_srli_epi64(c, 32);
		_mm256_storeu_si256((__m256i_u *)(t + i), c);
		all = _mm256_add_epi64(all, _mm256_mul_epi32(c, c));
		all = _mm256_add_epi64(all, _mm256_mul_epi32(odd, odd));
	}
	uint64_t lane[4];
	_mm256_storeu_si256((__m256i_u *)lane, all);
	squares = lane[0] + lane[1] + lane[2] + lane[3];
#endif
	for (; i < n; i++) {
		fm_real v = x[i] * f;
		v = v < most ? v : most;
		v = v > -most ? v : -most;
		t[i] = (int32_t)v;
		squares += (uint64_t)((int64_t)t[i] * t[i]);
	}
	return squares;
}

/* Truncated first, then added: in one loop the compiler makes 64-bit lanes of the comparisons too. */
static uint64_t k_steps(int64_t *sum, const fm_real *x, size_t n, fm_real f, int sign)
{
	enum { AT_ONCE = 256 };
	int32_t t[AT_ONCE];
	uint64_t squares = 0;

	for (size_t at = 0; at < n; at += AT_ONCE) {
		size_t m = n - at < AT_ONCE ? n - at : AT_ONCE;
		squares += cut_steps(t, x + at, m, f);
		if (sign < 0)
			for (size_t i = 0; i < m; i++)
				sum[at + i] -= t[i];
		else
			for (size_t i = 0; i < m; i++)
				sum[at + i] += t[i];
	}
	return squares;
}

static uint64_t k_steps32(int32_t *sum, const fm_real *x, size_t n, fm_real f)
{
	enum { AT_ONCE = 256 };
	int32_t t[AT_ONCE];
	uint64_t squares = 0;

	for (size_t at = 0; at < n; at += AT_ONCE) {
		size_t m = n - at < AT_ONCE ? n - at : AT_ONCE;
		squares += cut_steps(t, x + at, m, f);
		for (size_t i = 0; i < m; i++)
			sum[at + i] += t[i];
	}
	return squares;
}

static void k_steps_move(int64_t *restrict sum, int32_t *restrict from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum[i] += from[i];
		from[i] = 0;
	}
}

static void k_adamw(fm_real *p, fm_real *m, fm_real *v, fm_real *ema, const fm_real *g, size_t n,
		    const struct fm_adamw_rates *by)
{
	fm_real scale = by->scale, b1 = by->b1, b2 = by->b2, c2 = by->c2, step = by->rate * by->c1;
	fm_real a1 = 1.0f - b1, a2 = 1.0f - b2, keep = 1.0f - by->rate * by->decay, e1 = 1.0f - by->ema_decay;
	FM_LANEWISE
	for (size_t i = 0; i < n; i++) {
		fm_real gi = g[i] * scale;
		m[i] = FM_FMA(b1, m[i], a1 * gi);
		v[i] = FM_FMA(b2, v[i], a2 * gi * gi);
		fm_real d = step * m[i] / (FM_SQRT(v[i] * c2) + 1e-8f);
		p[i] = FM_FMA(keep, p[i], -d);
		ema[i] = FM_FMA(e1, p[i] - ema[i], ema[i]);
	}
}

#include "base/kernels_batch.h"

const struct fm_kernels FM_KERNELS = {
    FM_KERNELS_NAME, k_gemm,       k_softmax,         k_softmax_back, k_cross_entropy, k_draw,     k_norm,
    k_norm_back,     k_gelu,       k_gelu_back,       k_silu,         k_silu_back,     k_modulate, k_modulate_back,
    k_gate_add,      k_gate_back,  k_colsum,          k_add,          k_axpy,          k_sumsq,    k_steps,
    k_steps32,       k_steps_move, k_adamw,           k_exp,          k_log,           k_sincos,   k_leaky,
    k_mul,           k_batch_norm, k_batch_norm_back, k_philox,
};
