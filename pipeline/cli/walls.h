/*
 * walls.h - a verb that reads strangers' files does it in a child behind the walls of a stage
 * (pipeline/walls/sandbox.h).
 *
 *     struct fm_walls w;
 *     if ((rc = fm_walls_begin(&w, "verify", unconfined, err)) < 0) return rc;
 *     fm_walls_show(&w, archive, false, err)       as the user wrote it: relative paths are good in the child too
 *     rc = fm_walls_run(&w, fn, ctx, &result, err)
 *     fm_walls_end(&w)                             after a failure too
 */
#ifndef FM_PIPELINE_CLI_WALLS_H
#define FM_PIPELINE_CLI_WALLS_H

#include "pipeline/cli/option.h"
#include "pipeline/walls/sandbox.h"
#include "release/verify.h"

#define FM_OPTION_UNCONFINED(type)                                                                                     \
	{                                                                                                              \
		FM_SETS_FLAG(type, unconfined), .name = "unconfined",                                                  \
						.help = "where the kernel has no namespaces: read the files in a "     \
							"process that has only the system call "                       \
							"filter, and Landlock where the kernel has it"                 \
	}

struct fm_walls {
	struct fm_sandbox box;
	char *path[FM_SANDBOX_MAXPATHS]; /* absolute */
	int n;
	char *cwd;
};
int fm_walls_begin(struct fm_walls *w, const char *name, bool unconfined, struct fm_error *err) FM_MUST_CHECK;
/* Let the child see a file or folder.  NULL, "" and what does not exist are left out: the child finds nothing under the
 * name. */
int fm_walls_show(struct fm_walls *w, const char *path, bool writable, struct fm_error *err) FM_MUST_CHECK;
/* Let the child have as many threads as it takes to compute with n (0: one for each processor). */
void fm_walls_threads(struct fm_walls *w, uint64_t n);
int fm_walls_run(struct fm_walls *w, fm_sandbox_fn fn, void *ctx, json_t **result, struct fm_error *err) FM_MUST_CHECK;
void fm_walls_end(struct fm_walls *w);

/* Warn where others may write to a list of signers that the verb believes, and fill in the words, "" for none.  NULL:
 * it believes no list. */
void fm_walls_caution(const char *signers, char words[FM_VERIFY_CAUTION]);
/* Text that came from the child, without what controls a terminal, on standard output. */
int fm_walls_print(const char *text, struct fm_error *err) FM_MUST_CHECK;

#endif
