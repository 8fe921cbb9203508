/*
 * params.h - all parameters of a network in one allocation, with named tensors at offsets into it.  Gradients, moments
 * and the moving average have the same layout, so that an optimiser step is a loop over one array.
 */
#ifndef FM_MODEL_NN_PARAMS_H
#define FM_MODEL_NN_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/kernels.h"

#define FM_MAXTENSORS 640
#define FM_STD_NEAR -1.0f
struct fm_tensor {
	char name[56];
	int rows, cols; /* a vector is (1, cols) */
	size_t at;      /* offset in floats, a multiple of 16 */
	float std;      /* standard deviation at start; 0: zeros; FM_STD_NEAR: rows are heads, see fm_layout_init */
};
struct fm_layout {
	struct fm_tensor tensor[FM_MAXTENSORS];
	int n;
	size_t nfloats;
};
/* Declare a tensor and return its offset. More than FM_MAXTENSORS is a programming error (asserted). */
size_t fm_layout_add(struct fm_layout *l, int rows, int cols, float std, const char *name, ...) FM_PRINTF(5, 6);
/* Fill p (nfloats) with normal numbers of each tensor's std: a function of (seed, tensor, element) alone.  Biases of
 * distances (FM_STD_NEAR: (heads, 2 W), distance d at d + W) fall linearly from where a head looks first, as in Press,
 * Smith, Lewis 2022: in turn the flow before, the flow after, the neighbourhood, and everywhere equally. */
void fm_layout_init(const struct fm_layout *l, fm_real *p, uint64_t seed);

#endif
