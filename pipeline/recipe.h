/*
 * recipe.h - what a release says about how it was made: its manifest.json, from an archive or alone.
 *
 *     fm_recipe_read(&r, "demo-1.0.0.tar.zst", unconfined, err)      or "manifest.json"
 *     fm_recipe_free(&r)
 *
 * The manifest has the whole config but for the paths of the machine, and commitments to what is private.  Whether
 * anybody signed it is not asked: what is made from it is compared with it.  Either is a stranger's file, so a child
 * behind the walls of a stage unpacks and parses it, which sees only that file.  What comes back is checked like what a
 * stage says: each number and word is possible (manifests/domain.h), and the config is valid.
 */
#ifndef FM_PIPELINE_RECIPE_H
#define FM_PIPELINE_RECIPE_H

#include <jansson.h>

#include "base/error.h"
#include "base/mem.h"
#include "manifests/config.h"
#include "release/archive.h"

#define FM_RECIPE_THREADS 24 /* the process that unpacks an archive takes digests at the same time */

struct fm_recipe {
	const char *path;            /* borrowed */
	bool whole;                  /* from an archive, else from its manifest alone */
	bool unconfined;             /* as fm_sandbox has it, for a process that reads the archive again */
	struct fm_archive_info info; /* set: manifest, file (path, nbytes, sha256); if whole, tar_sha256 */
	json_t *manifest;
	struct fm_config *cfg; /* private values are the defaults */
};

/* FM_EINPUT: no archive of flowmint and no manifest, or not one for this version; FM_EVERDICT: the archive contradicts
 * itself. */
int fm_recipe_read(struct fm_recipe *r, const char *path, bool unconfined, struct fm_error *err) FM_MUST_CHECK;
/* The verdict in it, as the gate left it (fm_verdict_json); likewise. */
json_t *fm_recipe_verdict(const struct fm_recipe *r);
/* The manifest's digest of a stage's output, its commitment ("source", "store", "model"), or "" where it has none. */
const char *fm_recipe_output(const struct fm_recipe *r, const char *stage);
const char *fm_recipe_commitment(const struct fm_recipe *r, const char *what);
void fm_recipe_free(struct fm_recipe *r);

#endif
