/*
 * pack.h - a folder as one sealed file (base/seal.h), and back.
 *
 * What is sealed is the length of the index (4 bytes, big-endian), the index, and the bytes of the files one after
 * another.  The index is canonical JSON: what the caller put there, "format", and "files": [{"path","bytes"},...].
 *
 * Both read private files: call them in a child (sandbox.h), and close the key in the parent before another is started.
 */
#ifndef FM_PIPELINE_PACK_H
#define FM_PIPELINE_PACK_H

#include <jansson.h>

#include "base/secret.h"

struct fm_pack {
	const char *format; /* of the index */
	const char *label;  /* of the key (base/seal.h) */
	const char *digest; /* the member of the index that has the digest of the folder (fm_sha256_dir_hex) */
	const struct fm_secret *key;
};
/* index gets "format" and "files".  FM_EVERDICT when dir has another digest than the index says. */
int fm_pack_make(const struct fm_pack *p, const char *dir, json_t *index, const char *to,
		 struct fm_error *err) FM_MUST_CHECK;
/* Into dir, which is there; *index is the caller's.  FM_EVERDICT: altered, or of another key; FM_EINPUT: no such file.
 */
int fm_pack_open(const struct fm_pack *p, const char *from, const char *dir, json_t **index,
		 struct fm_error *err) FM_MUST_CHECK;

#endif
