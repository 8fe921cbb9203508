/* kernels_v1.c - the kernels for plain x86-64, with fma in software (x86-64-v1). */

#define FM_LANES 4
#define FM_NV 2
#define FM_MR 2
#define FM_KERNELS fm_kernels_v1
#define FM_KERNELS_NAME "v1"
#include "base/kernels_impl.h"
