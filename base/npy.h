/*
 * npy.h - the header of a NumPy file (format 1.0), always of the same length when written, so that it can be put in at
 * the end:
 *
 *     0        8         10                                                                        127
 *     \x93NUMPY 1 0 | le16 118 | {'descr': '<u4', 'fortran_order': False, 'shape': (N,), } spaces \n | data
 */
#ifndef FM_BASE_NPY_H
#define FM_BASE_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"

#define FM_NPY_HEADER 128

/* rows values of a NumPy type, or rows lists of `wide` values where wide is not 0. */
void fm_npy_header(char out[FM_NPY_HEADER], const char *dtype, uint64_t rows, unsigned wide);
/* Where the data of a mapped file begins, when its header says just that; else 0. */
size_t fm_npy_data(const struct fm_map *m, const char *dtype, uint64_t rows, unsigned wide);

#endif
