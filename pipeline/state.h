/*
 * state.h - what a run is doing now, for `flowmint status`: WORKSPACE/running.json, written every other second while a
 * run is at work and removed when it ends.  What a killed run leaves says where it was.
 *
 *     {"format":"flowmint-running/1","run","pid","stage","stage_pid","what","unit","done","total","began",
 *      "stage_began","updated","boot","oom_kills","before"}
 *
 * Times are in seconds since 1970; what is the loop in the stage that counts; of `done`, an earlier process did
 * `before`, so that the speed is that of the rest.
 */
#ifndef FM_PIPELINE_STATE_H
#define FM_PIPELINE_STATE_H

#include <jansson.h>

#include "base/error.h"
#include "base/log.h"

struct fm_state {
	const char *workspace, *run, *stage;
	long stage_pid;
	int64_t began, stage_began;
	struct fm_progress_view view;
};
/* A failure to write it is no failure of the run. */
void fm_state_save(const struct fm_state *s);
void fm_state_remove(const char *workspace);

/* The process that holds the workspace; 0: none. */
long fm_state_holder(const char *workspace);

/* The document with "running" (bool), and where it is running "share" and "seconds_left" of its step (null where not
 * known), else "killed_by" in words.  NULL where there is none. */
json_t *fm_state_read(const char *workspace);

#endif
