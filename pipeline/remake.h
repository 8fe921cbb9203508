/*
 * remake.h - make a release again from its manifest, on a machine that never saw the run.
 *
 * From the trace: all stages are done again.  The trace is first held against the manifest's commitment, with the
 * project's secret; another one is refused before any work.
 *
 * From a bundle (bundle.h): generate and release are done again; what the judges found is taken from the manifest,
 * because no real flow is at hand.  The model is first held against the manifest's commitment.
 *
 * The work is done in WORKSPACE/reproduce-tmp, which is removed afterwards.  The archive is signed with a key made for
 * the purpose, as the tar does not depend on it: the project's signing key need not be there.
 */
#ifndef FM_PIPELINE_REMAKE_H
#define FM_PIPELINE_REMAKE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "stages/table.h"

struct fm_remake_in {
	const char *what;                /* an archive or a manifest.json */
	const char *project, *workspace; /* of project only keys/commitment.key is needed */
	const char *source;              /* the trace: files and patterns, one a line; or NULL */
	const char *model;               /* a bundle; or NULL */
	const char *dialect, *previous;  /* files that the config names without their folder; or NULL */
	const char *sealed;              /* privacy.mode dp with source: the sealed half of the run (sealed.h) */
	const char *out;                 /* where a release that came out the same is put; NULL: nowhere */
	bool unconfined;
	const struct fm_stages *stages; /* NULL: the real ones */
};
/* *report: {"manifest", "from": "trace"|"bundle", "verdict": "same"|"different", "tar_sha256": {"recorded", "again"},
 * "stages": [{"name", "recorded", "again", "same", "made"}], "differences": difference.h's, "why": [sentences],
 * "archive": path or null}.  recorded and again are digests or commitments, "" where the manifest has none; same is
 * null there.
 *
 * FM_OK when the tars are equal, FM_EVERDICT with the report set when not.  Without a report: FM_EVERDICT when trace or
 * bundle is not the one of the release, FM_EINPUT when something is missing. */
int fm_remake(const struct fm_remake_in *in, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
