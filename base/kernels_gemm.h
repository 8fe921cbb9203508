/* kernels_gemm.h - the part of kernels_impl.h that multiplies matrices: packed panels, blocked. */

/* mr rows of C by the first nv vectors of a packed panel: C[i][j] (+)= sum over k of A[i][k] * P[k][j]. */
static inline __attribute__((always_inline)) void micro(int mr, int nv, int K, const fm_real *A, ptrdiff_t rs,
							ptrdiff_t cs, const fm_real *P, fm_real *C, ptrdiff_t ldc,
							const fm_real *init, int load)
{
	vec acc[FM_MR][FM_NV];
	FM_UNROLL
	for (int i = 0; i < mr; i++)
		FM_UNROLL
	for (int j = 0; j < nv; j++)
		acc[i][j] = load ? *(const vec *)(C + i * ldc + j * FM_LANES) : *(const vec *)(init + j * FM_LANES);
	for (int k = 0; k < K; k++) {
		vec b[FM_NV];
		FM_UNROLL
		for (int j = 0; j < nv; j++)
			b[j] = *(const vec *)(P + (ptrdiff_t)k * FM_NR + j * FM_LANES);
		FM_UNROLL
		for (int i = 0; i < mr; i++) {
			vec a = vec_set1(A[i * rs + k * cs]);
			FM_UNROLL
			for (int j = 0; j < nv; j++)
				acc[i][j] = vec_fma(a, b[j], acc[i][j]);
		}
	}
	FM_UNROLL
	for (int i = 0; i < mr; i++)
		FM_UNROLL
	for (int j = 0; j < nv; j++)
		*(vec *)(C + i * ldc + j * FM_LANES) = acc[i][j];
}

static inline __attribute__((always_inline)) void micro_rows(int rows, int nv, int K, const fm_real *A, ptrdiff_t rs,
							     ptrdiff_t cs, const fm_real *P, fm_real *C, ptrdiff_t ldc,
							     const fm_real *init, int load)
{
	while (rows >= FM_MR) {
		micro(FM_MR, nv, K, A, rs, cs, P, C, ldc, init, load);
		A += FM_MR * rs;
		C += FM_MR * ldc;
		rows -= FM_MR;
	}
#define FM_TAIL(m)                                                                                                     \
	if (FM_MR > (m) && rows >= (m)) {                                                                              \
		micro(m, nv, K, A, rs, cs, P, C, ldc, init, load);                                                     \
		A += (m)*rs;                                                                                           \
		C += (m)*ldc;                                                                                          \
		rows -= (m);                                                                                           \
	}
	FM_TAIL(8)
	FM_TAIL(4)
	FM_TAIL(2)
	FM_TAIL(1)
#undef FM_TAIL
}

static void wide_rows(int rows, int K, const fm_real *A, ptrdiff_t rs, ptrdiff_t cs, const fm_real *P, fm_real *C,
		      ptrdiff_t ldc, const fm_real *init, int load)
{
	micro_rows(rows, FM_NV, K, A, rs, cs, P, C, ldc, init, load);
}

/* One vector of a panel: of the products of a head of attention, or of a layer with few outputs, the rest is empty. */
static void narrow_rows(int rows, int K, const fm_real *A, ptrdiff_t rs, ptrdiff_t cs, const fm_real *P, fm_real *C,
			ptrdiff_t ldc, const fm_real *init, int load)
{
	micro_rows(rows, 1, K, A, rs, cs, P, C, ldc, init, load);
}

/* P (8,8; rows FM_NR apart) from B (8,8; rows ldb apart), transposed. */
static inline __attribute__((always_inline)) void turn8(fm_real *P, const fm_real *B, ptrdiff_t ldb)
{
	typedef fm_real oct __attribute__((vector_size(8 * sizeof(fm_real)), aligned(sizeof(fm_real)), may_alias));
	oct a[8], t[8];
	FM_UNROLL
	for (int i = 0; i < 8; i++)
		a[i] = *(const oct *)(B + i * ldb);
	FM_UNROLL
	for (int i = 0; i < 8; i += 2) {
		t[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
		t[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
	}
	FM_UNROLL
	for (int i = 0; i < 8; i += 4)
		FM_UNROLL
	for (int j = 0; j < 2; j++) {
		a[i + j] = __builtin_shufflevector(t[i + j], t[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
		a[i + j + 2] = __builtin_shufflevector(t[i + j], t[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
	}
	FM_UNROLL
	for (int i = 0; i < 4; i++) {
		*(oct *)(P + i * FM_NR) = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
		*(oct *)(P + (i + 4) * FM_NR) = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
	}
}

/* n columns, and zeros up to the `wide` columns that are read. */
static void pack(fm_real *P, enum fm_trans tb, const fm_real *B, ptrdiff_t ldb, int K, int n, int wide)
{
	if (tb == FM_N) {
		for (int k = 0; k < K; k++, P += FM_NR) {
			const fm_real *b = B + k * ldb;
			if (n == FM_NR) {
				FM_UNROLL
				for (int j = 0; j < FM_NV; j++) /* a memcpy becomes a slow string instruction */
					*(vec *)(P + j * FM_LANES) = vec_load(b + j * FM_LANES);
			} else if (n == FM_LANES) {
				*(vec *)P = vec_load(b);
			} else {
				memcpy(P, b, sizeof(fm_real) * (size_t)n);
				memset(P + n, 0, sizeof(fm_real) * (size_t)(wide - n));
			}
		}
		return;
	}
	int j = 0;
	for (; j + 8 <= n; j += 8) {
		const fm_real *b = B + j * ldb;
		int k = 0;
		for (; k + 8 <= K; k += 8)
			turn8(P + (ptrdiff_t)k * FM_NR + j, b + k, ldb);
		for (; k < K; k++)
			for (int i = 0; i < 8; i++)
				P[(ptrdiff_t)k * FM_NR + j + i] = b[i * ldb + k];
	}
	for (; j < wide; j++)
		for (int k = 0; k < K; k++)
			P[(ptrdiff_t)k * FM_NR + j] = j < n ? B[j * ldb + k] : 0;
}

static void k_gemm(struct fm_scratch *s, enum fm_trans ta, enum fm_trans tb, int M, int N, int K, const fm_real *A,
		   int lda, const fm_real *B, int ldb, fm_real *C, int ldc, const fm_real *bias, int accumulate)
{
	ptrdiff_t rs = ta == FM_N ? lda : 1, cs = ta == FM_N ? 1 : lda;
	for (int j = 0; j < N; j += FM_NR) {
		int n = N - j < FM_NR ? N - j : FM_NR, narrow = n <= FM_LANES, wide = narrow ? FM_LANES : FM_NR;
		fm_real init[FM_NR] __attribute__((aligned(64))) = {0};
		if (bias)
			memcpy(init, bias + j, sizeof(fm_real) * (size_t)n);
		for (int k = 0; k < K || k == 0; k += FM_GEMM_KC) {
			int kc = K - k < FM_GEMM_KC ? K - k : FM_GEMM_KC, load = accumulate || k > 0;
			pack(s->pack, tb, tb == FM_N ? B + (ptrdiff_t)k * ldb + j : B + (ptrdiff_t)j * ldb + k, ldb, kc,
			     n, wide);
			const fm_real *a = A + (ta == FM_N ? (ptrdiff_t)k : (ptrdiff_t)k * lda);
			if (n == wide) {
				(narrow ? narrow_rows : wide_rows)(M, kc, a, rs, cs, s->pack, C + j, ldc, init, load);
				continue;
			}
			for (int i = 0; i < M; i += FM_MR) { /* a narrow last panel goes through a full-width copy */
				fm_real t[FM_MR][FM_NR] __attribute__((aligned(64)));
				int m = M - i < FM_MR ? M - i : FM_MR;
				for (int r = 0; load && r < m; r++) {
					memcpy(t[r], C + (i + r) * (ptrdiff_t)ldc + j, sizeof(fm_real) * (size_t)n);
					memset(t[r] + n, 0, sizeof(fm_real) * (size_t)(wide - n));
				}
				(narrow ? narrow_rows : wide_rows)(m, kc, a + i * rs, rs, cs, s->pack, t[0], FM_NR,
								   init, load);
				for (int r = 0; r < m; r++)
					memcpy(C + (i + r) * (ptrdiff_t)ldc + j, t[r], sizeof(fm_real) * (size_t)n);
			}
		}
	}
}
