/*
 * safetensors.h - weights on disk, in the format that other tools read (huggingface/safetensors, format of 2022):
 *
 *     8 bytes    n, little-endian
 *     n bytes    JSON: {"__metadata__":{...},"name":{"dtype":"F32","shape":[rows,cols],"data_offsets":[from,to]},...}
 *     the rest   the tensors, little-endian, without gaps, in the order of the layout
 *
 * A sealed file has as the first of its metadata "sha256", the digest of the whole file with 64 zeros in the digest's
 * place.
 */
#ifndef FM_MODEL_NN_SAFETENSORS_H
#define FM_MODEL_NN_SAFETENSORS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/file.h"
#include "base/secret.h"
#include "model/nn/params.h"

int fm_weights_save(const struct fm_layout *l, const float *p, const char *path, struct fm_error *err) FM_MUST_CHECK;
/* Read the weights into p (l->nfloats).  FM_EINPUT when a tensor is missing, of another shape, not a number, or the
 * file is too short or too long. */
int fm_weights_load(const struct fm_layout *l, float *p, const char *path, struct fm_error *err) FM_MUST_CHECK;

/* One array (l->nfloats) in a file of several: its tensors are named prefix + name, prefix at most 15 bytes. */
struct fm_tensors {
	const char *prefix;
	float *p;
};
/* meta: an object of strings; it is not changed. */
int fm_tensors_save(const struct fm_layout *l, const struct fm_tensors *set, int nsets, const json_t *meta, bool seal,
		    const char *path, struct fm_error *err) FM_MUST_CHECK;
/* The same, encrypted under key (base/seal.h), which also detects changes. */
int fm_tensors_encrypt(const struct fm_layout *l, const struct fm_tensors *set, int nsets, const json_t *meta,
		       const struct fm_secret *key, const char *path, struct fm_error *err) FM_MUST_CHECK;

/* A file being read.  Its metadata can be looked at before a tensor is. */
struct fm_tensors_file {
	const char *path; /* borrowed */
	struct fm_map map;
	json_t *head;       /* the JSON header */
	const json_t *meta; /* its metadata; may be NULL */
	uint64_t at, ndata; /* where the tensors begin, and their bytes */
};
/* FM_EINPUT when it is not such a file, or a seal is required and does not fit the contents. */
int fm_tensors_open(struct fm_tensors_file *f, const char *path, bool sealed, struct fm_error *err) FM_MUST_CHECK;
/* Open a file made by fm_tensors_encrypt.  FM_EVERDICT when it was altered, or is under another key. */
int fm_tensors_decrypt(struct fm_tensors_file *f, const char *path, const struct fm_secret *key,
		       struct fm_error *err) FM_MUST_CHECK;
/* Read all of the file's tensors into the sets.  Fails as fm_weights_load does. */
int fm_tensors_read(const struct fm_tensors_file *f, const struct fm_layout *l, const struct fm_tensors *set, int nsets,
		    struct fm_error *err) FM_MUST_CHECK;
void fm_tensors_close(struct fm_tensors_file *f);

#endif
