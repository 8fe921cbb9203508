/*
 * safetensors.h - weights on disk, in the format that other tools read (huggingface/safetensors, format of 2022):
 *
 *     8 bytes    n, little-endian
 *     n bytes    JSON: {"name":{"dtype":"F32","shape":[rows,cols],"data_offsets":[from,to]},...,"__metadata__":{...}}
 *     the rest   the tensors, little-endian, without gaps, in the order of the layout
 */
#ifndef FM_MODEL_SAFETENSORS_H
#define FM_MODEL_SAFETENSORS_H

#include "model/params.h"

int fm_weights_save(const struct fm_layout *l, const float *p, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* Into p (l->nfloats).  FM_EINPUT when a tensor is missing, of another shape, not a number, or the file is cut or longer. */
int fm_weights_load(const struct fm_layout *l, float *p, const char *path, struct fm_error *err) FM_MUST_CHECK;

#endif
