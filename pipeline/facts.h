/*
 * facts.h - what is known of a run or of an archive, as report/report.h reads it.
 */
#ifndef FM_PIPELINE_FACTS_H
#define FM_PIPELINE_FACTS_H

#include <jansson.h>

#include "base/error.h"

/* From the ledger and what the stages left in the workspace.  What is no longer there, or no longer what the stage
 * left, is missing in the facts; a warning says so.  FM_EINPUT: no such run, or this version cannot read its config. */
int fm_facts_of_run(const char *workspace, const char *run, json_t **facts, struct fm_error *err) FM_MUST_CHECK;

/* From the archive's manifest, after its form and contents have been checked; with signers, an allowed_signers file,
 * after its signature has been too (signature NULL: ARCHIVE.sig).  FM_EVERDICT: refused. */
int fm_facts_of_archive(const char *archive, const char *signers, const char *signature, json_t **facts,
			struct fm_error *err) FM_MUST_CHECK;

#endif
