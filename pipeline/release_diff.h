/*
 * release_diff.h - what is different between two releases or runs, by what is known of each (facts.h).
 *
 *     {"a", "b": names, "same": bool,
 *      "release", "environment", "schema", "guarantee", "config": [{"key", "a", "b"}, ...],
 *      "rows": {"a", "b"}, "fields": [{"name", "jsd"}, ...],
 *      "checks": [{"name", "direction", "a", "b": {"value", "threshold", "pass", "waived"} or null}, ...],
 *      "files", "manifest": [{"key", "a", "b"}, ...]}
 *
 * Each list holds what differs and nothing else; a value that one side has not is null.  schema is compared where both
 * have one (a run in the workspace has none yet).  files is compared where no side is a run; manifest all else
 * that is known of both, where both are runs or none is.
 */
#ifndef FM_PIPELINE_RELEASE_DIFF_H
#define FM_PIPELINE_RELEASE_DIFF_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "manifests/metrics.h"

struct fm_release_side {
	const char *name;
	const json_t *facts; /* of an archive: its manifest, with all files of its folder in files */
	bool run;            /* facts of a run */
	json_int_t rows;
};

/* metrics: of the flows of b against those of a (judge/fidelity.h), or NULL where both are the same bytes.  A field
 * differs when its JSD is not 0. */
int fm_release_diff(const struct fm_release_side *a, const struct fm_release_side *b, const struct fm_metrics *metrics,
		    json_t **out, struct fm_error *err) FM_MUST_CHECK;

#endif
