/*
 * workspace.h - where a project's private work lies, and who may work there.
 *
 *     WORKSPACE/            0700
 *       lock                held by the run that works here; holds its process id
 *       ledger.db, .head    ledger.h
 *       stages/STAGE/KEY/   one finished stage: its product, encrypted where it is private (vault.h), and stage.json;
 *                           KEY is the digest of all it depends on
 *       stages/STAGE/.tmp-* one being made: renamed to KEY when complete, else removed by the next run
 *       stages/train/.checkpoint-KEY/   where an interrupted training resumes; removed when it is complete
 *       stages/train/.key-KEY.json      the key that the checkpoint is encrypted under
 *       clear               clear.h: what is decrypted, when memory has no room for it
 *       quarantine/RUN.csv  0600: the bad rows of a trace that the last ingest refused
 *       running.json        state.h: what the run that works here does now
 *       plan-tmp            the workspace of a `flowmint run --plan`, removed when it ends or by the next run
 *       reproduce-*         the workspace of a `flowmint reproduce`, likewise
 *
 * A KEY folder is there whole or not at all, so a run after a kill continues with what is complete.
 */
#ifndef FM_PIPELINE_WORKSPACE_H
#define FM_PIPELINE_WORKSPACE_H

#include "base/error.h"

#define FM_CHECKPOINT_PREFIX ".checkpoint-"
#define FM_CHECKPOINT_KEY ".key-"
#define FM_QUARANTINE "quarantine"
#define FM_PLAN_FOLDER "plan-tmp"

struct fm_workspace {
	char *path; /* absolute, resolved */
	int lock;
};
#define FM_WORKSPACE_NONE                                                                                              \
	{                                                                                                              \
		.lock = -1                                                                                             \
	}

/* Could a run work in that folder, which need not be there yet?  Makes nothing.  FM_EINPUT for a file, and for a folder
 * into which others may look; FM_ESYSTEM for one that this user may not write to. */
int fm_workspace_check(const char *path, struct fm_error *err) FM_MUST_CHECK;
/* Make the folder where absent, lock it, remove what a killed run left.  FM_ESYSTEM naming the process when another run
 * holds it. */
int fm_workspace_open(struct fm_workspace *w, const char *path, struct fm_error *err) FM_MUST_CHECK;
void fm_workspace_close(struct fm_workspace *w);

/* WORKSPACE/stages/STAGE/NAME, a new string; the folder above is made.  NULL and err set on failure. */
char *fm_workspace_entry(const char *workspace, const char *stage, const char *name,
			 struct fm_error *err) FM_MUST_CHECK;

#endif
