/*
 * release_diff.h - what is different between two releases or runs, by what is known of each (facts.h).
 *
 *     {"a", "b": names, "same": bool,
 *      "release", "environment", "schema", "guarantee", "config": [{"key", "a", "b"}, ...],
 *      "rows": {"a", "b"}, "fields": [{"name", "jsd"}, ...],
 *      "checks": [{"name", "direction", "a", "b": {"value", "threshold", "pass", "waived"} or null}, ...]}
 *
 * Each list holds what differs and nothing else; a value that one side has not is null.  schema is compared where both
 * have one (a run in the workspace has none yet).
 */
#ifndef FM_PIPELINE_RELEASE_DIFF_H
#define FM_PIPELINE_RELEASE_DIFF_H

#include <jansson.h>

#include "base/error.h"
#include "manifests/metrics.h"

struct fm_release_side {
	const char *name;
	const json_t *facts;
	json_int_t rows;
};

/* metrics: of the flows of b against those of a (judge/fidelity.h), or NULL where both are the same bytes.  A field
 * differs when its JSD is not 0. */
int fm_release_diff(const struct fm_release_side *a, const struct fm_release_side *b, const struct fm_metrics *metrics,
		    json_t **out, struct fm_error *err) FM_MUST_CHECK;

#endif
