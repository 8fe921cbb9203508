/* kernels_v4.c - the kernels for AVX-512 (x86-64-v4). */
#include <immintrin.h>
#define FM_LANES 16
#define FM_NV 2
#define FM_MR 12
#define FM_KERNELS fm_kernels_v4
#define FM_KERNELS_NAME "v4"
#include "base/kernels_impl.h"
