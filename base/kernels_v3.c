/* kernels_v3.c - the kernels for AVX2 and FMA (x86-64-v3). */
#include <immintrin.h>
#define FM_LANES 8
#define FM_NV 2
#define FM_MR 6
#define FM_KERNELS fm_kernels_v3
#define FM_KERNELS_NAME "v3"
#include "base/kernels_impl.h"
