/*
 * kernels_batch.h - the part of kernels_impl.h that works on whole batches: batch norm by columns, a critic's slopes,
 * and random words.
 */
#include "base/philox.h"

static void k_mul(fm_real *y, const fm_real *x, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++)
		y[i] *= x[i];
}

static void k_leaky(fm_real *x, fm_real *slope, const fm_real *drop, fm_real leak, size_t n)
{
	FM_LANEWISE
	for (size_t i = 0; i < n; i++)
		slope[i] = x[i] > 0 ? 1 : leak;
	if (drop)
		k_mul(slope, drop, n);
	k_mul(x, slope, n);
}

/* n is FM_NORM_COLUMNS except in the last slice; where the compiler knows n, sums over the rows stay in registers. */
static inline __attribute__((always_inline)) void norm_columns(const struct fm_batch_norm *b, int first, int n)
{
	size_t H = (size_t)b->width;
	fm_real *norm = b->norm + first, *x = b->out + first, inv = 1 / (fm_real)b->rows, low = b->relu ? 0 : -INFINITY;
	fm_real mean[FM_NORM_COLUMNS] = {0}, var[FM_NORM_COLUMNS] = {0}, rstd[FM_NORM_COLUMNS], scale[FM_NORM_COLUMNS],
		shift[FM_NORM_COLUMNS];

	for (int r = 0; r < b->rows; r++)
		FM_LANEWISE
	for (int i = 0; i < n; i++)
		mean[i] += norm[(size_t)r * H + (size_t)i];
	for (int i = 0; i < n; i++)
		mean[i] *= inv;
	for (int r = 0; r < b->rows; r++) {
		fm_real *row = norm + (size_t)r * H;
		FM_LANEWISE
		for (int i = 0; i < n; i++) {
			fm_real d = row[i] - mean[i];
			row[i] = d;
			var[i] += d * d;
		}
	}
	for (int i = 0; i < n; i++) {
		rstd[i] = b->rstd[first + i] = 1 / FM_SQRT(var[i] * inv + (fm_real)FM_NORM_EPS);
		scale[i] = 1 + b->scale[first + i];
		shift[i] = b->shift[first + i];
	}
	for (int r = 0; r < b->rows; r++) {
		fm_real *row = norm + (size_t)r * H, *out = x + (size_t)r * (size_t)b->stride;
		FM_LANEWISE
		for (int i = 0; i < n; i++) {
			fm_real y = row[i] * rstd[i], v = y * scale[i] + shift[i];
			row[i] = y;
			out[i] = v > low ? v : low;
		}
	}
}

static void k_batch_norm(const struct fm_batch_norm *b, int first, int n)
{
	if (n == FM_NORM_COLUMNS)
		norm_columns(b, first, FM_NORM_COLUMNS);
	else
		norm_columns(b, first, n);
}

static inline __attribute__((always_inline)) void
norm_columns_back(const struct fm_batch_norm *bn, const struct fm_batch_norm_back *s, int first, int n)
{
	size_t H = (size_t)bn->width, stride = (size_t)bn->stride;
	fm_real *dx = s->dx + first, inv = 1 / (fm_real)bn->rows, low = bn->relu ? 0 : -INFINITY;
	fm_real a[FM_NORM_COLUMNS] = {0}, b[FM_NORM_COLUMNS] = {0}, scale[FM_NORM_COLUMNS], dscale[FM_NORM_COLUMNS],
		dshift[FM_NORM_COLUMNS], rstd[FM_NORM_COLUMNS];

	for (int i = 0; i < n; i++) {
		scale[i] = 1 + bn->scale[first + i];
		dscale[i] = s->dscale[first + i];
		dshift[i] = s->dshift[first + i];
		rstd[i] = bn->rstd[first + i];
	}
	for (int r = 0; r < bn->rows; r++) {
		const fm_real *x = bn->out + (size_t)r * stride + first, *dout = s->dout + (size_t)r * stride + first,
			      *y = bn->norm + (size_t)r * H + first;
		fm_real *d = dx + (size_t)r * H;
		FM_LANEWISE
		for (int i = 0; i < n; i++) {
			fm_real all = dout[i], dv = x[i] > low ? all : 0, back = dv * scale[i];
			dscale[i] += dv * y[i];
			dshift[i] += dv;
			d[i] = back;
			a[i] += back;
			b[i] += back * y[i];
		}
	}
	for (int i = 0; i < n; i++) {
		s->dscale[first + i] = dscale[i];
		s->dshift[first + i] = dshift[i];
		a[i] *= inv;
		b[i] *= inv;
	}
	for (int r = 0; r < bn->rows; r++) {
		const fm_real *y = bn->norm + (size_t)r * H + first;
		fm_real *d = dx + (size_t)r * H;
		FM_LANEWISE
		for (int i = 0; i < n; i++)
			d[i] = rstd[i] * (d[i] - a[i] - y[i] * b[i]);
	}
}

static void k_batch_norm_back(const struct fm_batch_norm *b, const struct fm_batch_norm_back *d, int first, int n)
{
	if (n == FM_NORM_COLUMNS)
		norm_columns_back(b, d, first, FM_NORM_COLUMNS);
	else
		norm_columns_back(b, d, first, n);
}

/* Words of a counter, one a lane of 64 bits; what is above 32 bits means nothing. */
typedef uint64_t words __attribute__((vector_size(FM_LANES * 4)));
enum { WORDS = FM_LANES / 2 };

/* The products of the lanes' low halves. */
static inline __attribute__((always_inline)) words words_mul(words a, uint32_t b)
{
#if FM_LANES == 16
	return (words)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(b));
#elif FM_LANES == 8
	return (words)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
#else
	return (a & 0xffffffff) * b;
#endif
}

/* Two vectors of counters at once: the multiplies of one run while the other waits for its own. */
static void k_philox(uint32_t *out, const uint32_t counter[4], const uint32_t key[2], size_t n)
{
	enum { PARTS = 2, AT_ONCE = PARTS * WORDS };
	words lane = {0};

	for (size_t i = 0; i < WORDS; i++)
		lane[i] = i;
	for (size_t at = 0; at < n; at += AT_ONCE) {
		uint32_t k0 = key[0], k1 = key[1];
		words c[PARTS][4];
		for (size_t j = 0; j < PARTS; j++)
			for (size_t l = 0; l < 4; l++)
				c[j][l] = (words){0} + counter[l] + (l == 0 ? lane + (at + j * WORDS) : (words){0});
		for (int round = 0; round < 10; round++, k0 += FM_PHILOX_W0, k1 += FM_PHILOX_W1)
			FM_UNROLL
		for (size_t j = 0; j < PARTS; j++) {
			words p0 = words_mul(c[j][0], FM_PHILOX_M0), p1 = words_mul(c[j][2], FM_PHILOX_M1);
			c[j][0] = (p1 >> 32) ^ c[j][1] ^ k0;
			c[j][1] = p1;
			c[j][2] = (p0 >> 32) ^ c[j][3] ^ k1;
			c[j][3] = p0;
		}
		for (size_t j = 0; j < PARTS; j++) {
			words low = (c[j][0] & 0xffffffff) | c[j][1] << 32,
			      high = (c[j][2] & 0xffffffff) | c[j][3] << 32;
			for (size_t i = 0; i < WORDS && at + j * WORDS + i < n; i++, out += 4) {
				memcpy(out, &(uint64_t){low[i]}, 8);
				memcpy(out + 2, &(uint64_t){high[i]}, 8);
			}
		}
	}
}
