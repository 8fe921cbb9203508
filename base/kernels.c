/* kernels.c - which kernels this processor runs. */
#include "base/kernels.h"

#include <stdlib.h>
#include <string.h>

#ifdef FM_DOUBLE
const struct fm_kernels *fm_kernels(void)
{
	return &fm_kernels_v1;
}
#else
const struct fm_kernels *fm_kernels(void)
{
	const char *force = getenv("FM_KERNELS");
	int v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		 __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
		 __builtin_cpu_supports("avx512cd");
	int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");

	if (force && strcmp(force, "v1") == 0)
		v3 = v4 = 0;
	if (force && strcmp(force, "v3") == 0)
		v4 = 0;
	return v4 ? &fm_kernels_v4 : v3 ? &fm_kernels_v3 : &fm_kernels_v1;
}
#endif
