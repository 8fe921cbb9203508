/*
 * keys.h - what a stage's key is made of: the digests of its inputs and of the config that it depends on.
 */
#ifndef FM_PIPELINE_KEYS_H
#define FM_PIPELINE_KEYS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/hash.h"
#include "pipeline/ledger.h"
#include "pipeline/run.h"

/* The key of stage id, from the config and run->stage[id].inputs.  What was made without walls has another: a run
 * behind walls takes none of it, as its manifest says that it has them. */
int fm_stage_key(const struct fm_config *cfg, enum fm_stage_id id, bool unconfined, const json_t *inputs,
		 char key[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
/* The key of what the searches of evaluate have: of the digests of the store and of the synthetic table, and of what
 * the config says of them; without walls another, as above. */
int fm_judging_key(const struct fm_config *cfg, bool unconfined, const char *store, const char *synthetic,
		   char key[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
/* The digest of a file, taken in a child. */
int fm_file_digest(const char *path, bool unconfined, char hex[FM_SHA256_HEX], struct fm_error *err) FM_MUST_CHECK;
/* The digest of the trace, one file or a list (traces/files.h), remembered in the ledger by device, inode, size and
 * times of each file. */
int fm_trace_digest(struct fm_ledger *l, const char *path, bool unconfined, char hex[FM_SHA256_HEX],
		    struct fm_error *err) FM_MUST_CHECK;
/* The digest of a folder, taken in a child that sees nothing else; seconds and memory are added to *s. */
int fm_folder_digest(const char *name, const char *dir, bool unconfined, char hex[FM_SHA256_HEX],
		     struct fm_run_stage *s, struct fm_error *err) FM_MUST_CHECK;

#endif
