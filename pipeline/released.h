/*
 * released.h - what the ledger knows of the releases of a name: each was made once, wherever it was put and whatever
 * became of it.
 *
 * A row "release" has its record (release/record.h) as text, so that a version that is published again, in another
 * folder or where it was removed, has the same record, and the next one goes on from the last.  "replaces" is the
 * digest of the tar that a version had before (flowmint run --replace).
 */
#ifndef FM_PIPELINE_RELEASED_H
#define FM_PIPELINE_RELEASED_H

#include "pipeline/ledger.h"
#include "pipeline/run.h"
#include "release/record.h"

struct fm_released {
	/* NAME VERSION as it was released, by the run that made it first; run "": it never was. */
	char run[FM_RUN_ID_MAX], tar_sha256[FM_SHA256_HEX], archive_sha256[FM_SHA256_HEX];
	char archive[1024];      /* where it was put first */
	struct fm_buf text;      /* its record; empty where none was made */
	struct fm_record record; /* sequence 0: none */
	/* The one of NAME with the greatest number; sequence 0: none. */
	struct fm_record last;
	char last_folder[1024];
};

int fm_released_load(struct fm_released *r, struct fm_ledger *l, const char *name, const char *version,
		     struct fm_error *err) FM_MUST_CHECK;
void fm_released_free(struct fm_released *r);
/* FM_EINPUT: run->tar_sha256 is not the one with which this version was released. */
int fm_released_check(const struct fm_released *r, const struct fm_run *run, const char *name, const char *version,
		      struct fm_error *err) FM_MUST_CHECK;
/* Append the row "release" of what run published. */
int fm_released_note(struct fm_ledger *l, const struct fm_run *run, const char *name, const char *version,
		     struct fm_error *err) FM_MUST_CHECK;
/* The public part of the run's config, and the digest of its store; NULL and "" where the ledger cannot tell. */
int fm_released_config(struct fm_ledger *l, const char *run, json_t **config, char store[FM_SHA256_HEX],
		       struct fm_error *err) FM_MUST_CHECK;

/* Warns where a release of the trace of this digest is known that tells the number of real flows in other steps
 * (model.window, privacy.min_count, shares of the split): the promise of stages/judged_rows.h is of one release. */
int fm_released_warn_steps(struct fm_ledger *l, const struct fm_config *cfg, const char *trace,
			   struct fm_error *err) FM_MUST_CHECK;

#endif
