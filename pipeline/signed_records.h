/*
 * signed_records.h - records of one kind (waivers, approvals) that people signed and put into a folder of the project:
 * which hold, and what the ledger keeps of each.
 */
#ifndef FM_PIPELINE_SIGNED_RECORDS_H
#define FM_PIPELINE_SIGNED_RECORDS_H

#include <jansson.h>

#include "base/error.h"
#include "release/sign/signers.h"

struct fm_signed_records {
	const char *project, *folder; /* the files are PROJECT/FOLDER/BEGIN*SUFFIX, PROJECT has allowed_signers */
	const char *begin, *suffix;
	/* Check one record.  FM_EVERDICT: it does not count, and the message says why.  holding: those that hold so
	 * far. */
	int (*check)(void *ctx, const char *path, const struct fm_signers *signers, const json_t *holding,
		     json_t **record, struct fm_error *err);
	void *ctx;
};

/* *holding: the records that hold, as check gives them, in byte order of their names; *rows: of each file {"file",
 * "holds", and the record's members} or {"file", "holds", "why"}.  Both are new references, empty where there is no
 * such folder. */
int fm_signed_records_gather(const struct fm_signed_records *kind, json_t **holding, json_t **rows,
			     struct fm_error *err) FM_MUST_CHECK;

#endif
