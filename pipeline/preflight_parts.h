/* preflight_parts.h - what preflight.h checks in more than one file. */
#ifndef FM_PIPELINE_PREFLIGHT_PARTS_H
#define FM_PIPELINE_PREFLIGHT_PARTS_H

#include <stdbool.h>

#include "base/error.h"
#include "manifests/config.h"
#include "pipeline/outside.h"
#include "pipeline/run.h"

/* The file that a key of the config names is there and can be read.  Its failure names the line of the key. */
int fm_preflight_file(const struct fm_config *cfg, const char *key, const char *path,
		      struct fm_error *err) FM_MUST_CHECK;
/* The release folder can be made and written, and is not where the project's keys or the workspace are.  held: it has
 * the folder then; NULL: it is only looked at. */
int fm_preflight_place(const struct fm_run_options *o, const char *project, struct fm_held *held,
		       struct fm_error *err) FM_MUST_CHECK;
/* The disk has room for the least that the run takes.  Only what cannot fit is refused; flowmint run --plan gives an
 * estimate.  A stage that has products already counts for nothing: this run's may be among them. */
int fm_preflight_room(const struct fm_run_options *o, const char *workspace, struct fm_error *err) FM_MUST_CHECK;
/* The release's table of flows may be one file under limits.file_mib. */
int fm_preflight_file_limit(const struct fm_run_options *o, struct fm_error *err) FM_MUST_CHECK;
/* publish.key and publish.attestation_key.  out: the folder of releases, whose files tell of keys that were replaced.
 * dry: nothing will be published, so nobody needs to accept the key; signer: as fm_preflight has it. */
int fm_preflight_key(const struct fm_config *cfg, const char *project, const char *out, bool dry,
		     struct fm_outside *signer, struct fm_error *err) FM_MUST_CHECK;
/* FM_EINPUT: release.previous has no flows in the dialect of the release, as far as its first rows show. */
int fm_preflight_previous(const struct fm_config *cfg, bool unconfined, struct fm_error *err) FM_MUST_CHECK;

#endif
