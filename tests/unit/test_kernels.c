/* test_kernels.c - the same bits from every kernel set, and the right values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/detmath.h"
#include "base/kernels.h"
#include "base/philox.h"
#include "base/rng.h"

static const struct fm_kernels *sets[3];
static int nsets;

static void fill(float *p, size_t n, uint64_t seed)
{
	struct fm_rng r;
	fm_rng_init(&r, seed, FM_RNG_JUDGE, 0, 0);
	for (size_t i = 0; i < n; i++)
		p[i] = 4 * fm_rng_uniform(&r) - 2;
}

static int setup(void **state)
{
	(void)state;
	sets[nsets++] = &fm_kernels_v1;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		sets[nsets++] = &fm_kernels_v3;
	if (fm_kernels() == &fm_kernels_v4)
		sets[nsets++] = &fm_kernels_v4;
	return 0;
}

/* Shapes with every kind of edge: below, at and over the tile in each direction, more than one block of k. */
static const int shapes[][3] = {{1, 1, 1},    {3, 5, 7},    {12, 32, 16},  {13, 33, 17},  {25, 70, 300},
				{64, 64, 32}, {7, 31, 513}, {40, 16, 256}, {29, 16, 300}, {31, 24, 20}};

static void each_output_is_one_chain_of_fma(void **state)
{
	static struct fm_scratch s;
	(void)state;
	for (size_t q = 0; q < sizeof shapes / sizeof *shapes; q++)
		for (int form = 0; form < 12; form++) {
			int M = shapes[q][0], N = shapes[q][1], K = shapes[q][2], ta = form & 1, tb = form >> 1 & 1,
			    how = form / 4;
			float *A = calloc((size_t)M * K, 4), *B = calloc((size_t)K * N, 4),
			      *C = calloc((size_t)M * N, 4), *D = calloc((size_t)M * N, 4),
			      *bias = calloc((size_t)N, 4);
			fill(A, (size_t)M * K, 1);
			fill(B, (size_t)K * N, 2);
			fill(C, (size_t)M * N, 3);
			fill(bias, (size_t)N, 4);
			for (int i = 0; i < M; i++)
				for (int j = 0; j < N; j++) {
					float x = how == 0 ? 0 : how == 1 ? bias[j] : C[i * N + j];
					for (int k = 0; k < K; k++)
						x = fmaf(ta ? A[k * M + i] : A[i * K + k],
							 tb ? B[j * K + k] : B[k * N + j], x);
					D[i * N + j] = x;
				}
			for (int v = 0; v < nsets; v++) {
				float *E = calloc((size_t)M * N, 4);
				memcpy(E, C, (size_t)M * N * 4);
				sets[v]->gemm(&s, ta, tb, M, N, K, A, ta ? M : K, B, tb ? K : N, E, N,
					      how == 1 ? bias : NULL, how == 2);
				assert_memory_equal(E, D, (size_t)M * N * 4);
				free(E);
			}
			free(A), free(B), free(C), free(D), free(bias);
		}
}

enum { N = 1000 };

static void functions_are_the_same_bits_in_every_set(void **state)
{
	static float x[N], dy[N], a[3][N], b[3][N], rstd[3][8];
	(void)state;
	fill(x, N, 5);
	fill(dy, N, 6);
	for (int op = 0; op < 9; op++) {
		for (int v = 0; v < nsets; v++) {
			const struct fm_kernels *k = sets[v];
			memcpy(a[v], dy, sizeof x);
			memset(b[v], 0, sizeof b[v]);
			switch (op) {
			case 0:
				k->exp(a[v], x, N);
				break;
			case 1:
				k->gelu(a[v], x, N);
				k->gelu_back(b[v], x, dy, N);
				break;
			case 2:
				k->silu(a[v], x, N);
				k->silu_back(b[v], x, dy, N);
				break;
			case 3:
				k->sincos(a[v], b[v], x, N);
				break;
			case 4:
				k->softmax(a[v], x, 8, N / 8, 0.3f);
				k->softmax_back(b[v], a[v], dy, 8, N / 8, 0.3f);
				break;
			case 5:
				k->norm(a[v], rstd[v], x, 8, N / 8);
				k->norm_back(b[v], a[v], rstd[v], dy, 8, N / 8);
				break;
			case 6:
				b[v][0] = k->cross_entropy(a[v], N, 17, 0.5f);
				break;
			case 7:
				b[v][0] = (float)k->draw(a[v], N, 0.77f);
				break;
			case 8:
				b[v][0] = (float)k->sumsq(x, N);
				k->modulate_back(a[v], b[v] + 500, b[v] + 700, x, dy, x, 8, N / 8);
				break;
			}
			assert_memory_equal(a[v], a[0], sizeof a[0]);
			assert_memory_equal(b[v], b[0], sizeof b[0]);
		}
	}
}

/* A whole slice of columns and part of one, with and without ReLU. */
static void batch_norm_is_the_same_bits_in_every_set(void **state)
{
	enum { ROWS = 37, WIDE = FM_NORM_COLUMNS + 7, NUMBERS = ROWS * WIDE };
	static float x[NUMBERS], dout[NUMBERS], out[3][NUMBERS], norm[3][NUMBERS], dx[3][NUMBERS], rest[3][3][WIDE];
	float scale[WIDE], shift[WIDE];

	(void)state;
	fill(x, NUMBERS, 7);
	fill(dout, NUMBERS, 8);
	fill(scale, WIDE, 9);
	fill(shift, WIDE, 10);
	for (int relu = 0; relu < 2; relu++)
		for (int v = 0; v < nsets; v++) {
			struct fm_batch_norm b = {ROWS, WIDE, relu, scale, shift, norm[v], rest[v][0], out[v], WIDE};
			struct fm_batch_norm_back back = {dout, dx[v], rest[v][1], rest[v][2]};

			memcpy(norm[v], x, sizeof x);
			memset(rest[v], 0, sizeof rest[v]);
			for (int at = 0; at < WIDE; at += FM_NORM_COLUMNS) {
				int n = WIDE - at < FM_NORM_COLUMNS ? WIDE - at : FM_NORM_COLUMNS;

				sets[v]->batch_norm(&b, at, n);
				sets[v]->batch_norm_back(&b, &back, at, n);
			}
			assert_memory_equal(out[v], out[0], sizeof x);
			assert_memory_equal(norm[v], norm[0], sizeof x);
			assert_memory_equal(dx[v], dx[0], sizeof x);
			assert_memory_equal(rest[v], rest[0], sizeof rest[0]);
		}
}

static void slopes_are_what_is_said(void **state)
{
	float x[N], drop[N], y[N], slope[N];

	(void)state;
	fill(x, N, 11);
	fill(drop, N, 12);
	for (int v = 0; v < nsets; v++)
		for (int masked = 0; masked < 2; masked++) {
			memcpy(y, x, sizeof x);
			sets[v]->leaky(y, slope, masked ? drop : NULL, 0.2f, N);
			for (int i = 0; i < N; i++) {
				float s = (x[i] > 0 ? 1 : 0.2f) * (masked ? drop[i] : 1);

				assert_true(slope[i] == s && y[i] == x[i] * s);
			}
		}
}

/* Any number of blocks, over the end of a counter's word too. */
static void words_are_those_of_philox(void **state)
{
	uint32_t key[2] = {0x1234567, 0x89abcdef}, counter[4] = {0xfffffff0, 5, 6, 7}, out[4 * 40 + 1], want[4];

	(void)state;
	for (int v = 0; v < nsets; v++)
		for (size_t n = 0; n <= 40; n++) {
			out[4 * n] = 77;
			sets[v]->philox(out, counter, key, n);
			assert_int_equal(out[4 * n], 77);
			for (size_t i = 0; i < n; i++) {
				fm_philox((uint32_t[4]){counter[0] + (uint32_t)i, 5, 6, 7}, key, want);
				assert_memory_equal(out + 4 * i, want, sizeof want);
			}
		}
}

static void words_at_once_are_those_one_by_one(void **state)
{
	struct fm_rng one, all;
	uint32_t x[64];

	(void)state;
	fm_rng_init(&one, 3, FM_RNG_JUDGE, 4, 5);
	all = one;
	for (size_t n = 0; n < 64; n++) {
		fm_rng_fill(&all, x, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(x[i], fm_rng_u32(&one));
	}
}

/* What one number adds, as kernels.h says it. */
static int64_t step_of(float x, float f)
{
	float v = x * f;

	return isnan(v) || v > FM_STEPS_MOST ? FM_STEPS_MOST : v < -FM_STEPS_MOST ? -FM_STEPS_MOST : (int64_t)v;
}

/* Steps that are added up in 32 bits and then moved are those that are added one by one, at the bounds too. */
static void steps_in_32_bits_are_the_same(void **state)
{
	enum { COUNT = 777 };
	static const float factor[] = {0, 1, 1000, 3e7f, 1e30f};
	float x[COUNT];

	(void)state;
	for (int k = 0; k < nsets; k++)
		for (size_t q = 0; q < sizeof factor / sizeof *factor; q++) {
			int64_t one[COUNT] = {0}, moved[COUNT] = {0}, want[COUNT] = {0};
			int32_t piece[COUNT] = {0};

			for (int times = 0; times < FM_STEPS_TIMES; times++) {
				fill(x, COUNT, (uint64_t)times);
				x[5] = NAN;
				x[6] = -INFINITY;
				uint64_t squares = 0;
				for (int i = 0; i < COUNT; i++) {
					int64_t t = step_of(x[i], factor[q]);
					want[i] += t;
					squares += (uint64_t)(t * t);
				}
				assert_true(sets[k]->steps(one, x, COUNT, factor[q], 1) == squares);
				assert_true(sets[k]->steps32(piece, x, COUNT, factor[q]) == squares);
			}
			assert_memory_equal(one, want, sizeof one);
			sets[k]->steps_move(moved, piece, COUNT);
			assert_memory_equal(one, moved, sizeof one);
			for (int i = 0; i < COUNT; i++)
				assert_int_equal(piece[i], 0);
		}
}

/* Every bit pattern but for its low 15 bits, and what lies at an edge: halves, neighbours of whole numbers, both zeros,
 * denormals, the bound and what is next to it, infinities, numbers that are none.  In every lane and in what is left
 * over, with either sign. */
static void steps_of_any_number_are_what_is_said(void **state)
{
	enum { PATTERNS = 1 << 17, MOST = 70 };
	static const float factor[] = {0, -0.0f, 1, 0.37f, 1000, 0x1p-149f, 3.4e38f, INFINITY, NAN},
			   edge[] = {0.0f,
				     0.5f,
				     0x1.fffffep-1f,
				     1,
				     1.5f,
				     2.5f,
				     0x1.fffffep0f,
				     0x1p-149f,
				     0x1.fffffcp-127f,
				     0x1p-126f,
				     FM_STEPS_MOST - 4,
				     FM_STEPS_MOST,
				     FM_STEPS_MOST + 8,
				     0x1.fffffep30f,
				     0x1p31f,
				     0x1p32f,
				     0x1p63f,
				     0x1.fffffep127f,
				     INFINITY,
				     NAN};
	static float x[PATTERNS];
	int64_t sum[FM_STEPS_N], less[FM_STEPS_N];
	enum { EDGES = sizeof edge / sizeof *edge };

	(void)state;
	for (uint32_t i = 0; i < PATTERNS; i++) {
		uint32_t bits = i << 15 | (i & 1 ? 0x7fff : i * 2654435761u >> 17);
		memcpy(x + i, &bits, 4);
	}
	for (size_t q = 0; q < sizeof factor / sizeof *factor; q++)
		for (int k = 0; k < nsets; k++) {
			for (size_t at = 0; at < PATTERNS; at += FM_STEPS_N) {
				size_t n = PATTERNS - at < FM_STEPS_N ? PATTERNS - at : FM_STEPS_N;
				uint64_t squares = 0;

				memset(sum, 0, n * sizeof *sum);
				memset(less, 0, n * sizeof *less);
				uint64_t told = sets[k]->steps(sum, x + at, n, factor[q], 1);
				assert_true(sets[k]->steps(less, x + at, n, factor[q], -1) == told);
				for (size_t i = 0; i < n; i++) {
					int64_t t = step_of(x[at + i], factor[q]);

					assert_true(sum[i] == t && less[i] == -t);
					squares += (uint64_t)(t * t);
				}
				assert_true(told == squares);
			}
			for (int n = 0; n < MOST; n++)
				for (int e = 0; e < 2 * EDGES; e++) {
					float y[MOST];
					int32_t piece[MOST] = {0};
					uint64_t squares = 0;

					for (int i = 0; i < n; i++)
						y[i] = (e + i) & 1 ? -edge[(e + i) / 2 % EDGES]
								   : edge[(e + i) / 2 % EDGES];
					uint64_t told = sets[k]->steps32(piece, y, (size_t)n, factor[q]);
					for (int i = 0; i < n; i++) {
						int64_t t = step_of(y[i], factor[q]);

						assert_int_equal(piece[i], t);
						squares += (uint64_t)(t * t);
					}
					assert_true(told == squares);
				}
		}
}

static void functions_are_close_to_libm(void **state)
{
	(void)state;
	for (int v = 0; v < nsets; v++)
		for (float x = -80; x < 80; x += 0.0371f) {
			float y, s, c, p = x < 0 ? -x + 1e-3f : x + 1e-3f;
			sets[v]->exp(&y, &x, 1);
			assert_true(fabs(y / exp(x) - 1) < 3e-7);
			sets[v]->log(&y, &p, 1);
			assert_true(fabs(y - log(p)) < 5e-7);
			sets[v]->sincos(&s, &c, &x, 1);
			assert_true(fabs(s - sin(x)) < 3e-6 && fabs(c - cos(x)) < 3e-6);
		}
	for (double z = -5.9; z < 5.9; z += 0.0137) {
		assert_true(fabs(fm_normal_cdf(z) - 0.5 * erfc(-z / sqrt(2))) < 1e-14);
		assert_true(fabs(fm_normal_quantile(fm_normal_cdf(z)) - z) < 1e-7 || fabs(z) > 5);
		assert_true(fabs(fm_det_cos(z) - cos(z)) < 1e-14 && fabs(fm_det_exp(z) / exp(z) - 1) < 1e-14 &&
			    fabs(fm_det_log(exp(z)) - z) < 1e-13);
	}
}

static void a_draw_follows_the_softmax(void **state)
{
	float z[4] = {0, 1, 2, -3}, p[4], sum = 0;
	int count[4] = {0};
	(void)state;
	for (int i = 0; i < 4; i++)
		sum += p[i] = expf(z[i]);
	for (int i = 0; i < 10000; i++) {
		float t[4];
		memcpy(t, z, sizeof z);
		count[fm_kernels()->draw(t, 4, (float)(i + 0.5) / 10000)]++;
	}
	for (int i = 0; i < 4; i++)
		assert_true(fabs(count[i] / 10000.0 - p[i] / sum) < 2e-4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_output_is_one_chain_of_fma),
	    cmocka_unit_test(functions_are_the_same_bits_in_every_set),
	    cmocka_unit_test(batch_norm_is_the_same_bits_in_every_set),
	    cmocka_unit_test(slopes_are_what_is_said),
	    cmocka_unit_test(words_are_those_of_philox),
	    cmocka_unit_test(words_at_once_are_those_one_by_one),
	    cmocka_unit_test(steps_in_32_bits_are_the_same),
	    cmocka_unit_test(steps_of_any_number_are_what_is_said),
	    cmocka_unit_test(functions_are_close_to_libm),
	    cmocka_unit_test(a_draw_follows_the_softmax),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
