/*
 * pack.h - a folder as one sealed file (base/seal.h), and back.
 *
 * What is sealed is the length of the index (4 bytes, big-endian), the index, and the bytes of the files one after
 * another.  The index is canonical JSON: what the caller put there, "format", and "files": [{"path","bytes"},...].
 *
 * fm_pack_make and fm_pack_open read private files: they are for a child (sandbox.h), which fm_pack_seal and
 * fm_pack_unseal start.  Close the key when fm_pack_seal or fm_pack_unseal has returned, before another child is
 * started.
 */
#ifndef FM_PIPELINE_PACK_H
#define FM_PIPELINE_PACK_H

#include <jansson.h>

#include "base/secret.h"
#include "pipeline/walls/sandbox.h"

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

/* ---- in a child ---- */

/* A child: its name in messages, and whether it has namespaces.  report (may be NULL): what it took; no result is left
 * in it. */
struct fm_pack_child {
	const char *name;
	bool unconfined;
	struct fm_sandbox_report *report;
};
/* In a child that sees dir, and the folder that `to` lies in, which it may write. */
int fm_pack_seal(const struct fm_pack *p, const struct fm_pack_child *child, const char *dir, json_t *index,
		 const char *folder, const char *to, struct fm_error *err) FM_MUST_CHECK;
/* In a child that sees `from`, and dir, which it may write. */
int fm_pack_unseal(const struct fm_pack *p, const struct fm_pack_child *child, const char *from, const char *dir,
		   json_t **index, struct fm_error *err) FM_MUST_CHECK;

#endif
