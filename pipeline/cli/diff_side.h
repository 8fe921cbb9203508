/*
 * diff_side.h - what an operand of `flowmint diff` is, and what is known of it.
 *
 * A stranger's file is read by a child that sees it alone.
 */
#ifndef FM_PIPELINE_CLI_DIFF_SIDE_H
#define FM_PIPELINE_CLI_DIFF_SIDE_H

#include <jansson.h>
#include <stdbool.h>

#include "pipeline/cli/flows.h"
#include "pipeline/cli/option.h"

struct fm_diff_side {
	char *flows;   /* what fm_flows_load reads */
	bool run;      /* it is of a workspace of ours, and no stranger's */
	json_t *facts; /* as fm_release_side has them (pipeline/release_diff.h) */
	struct fm_flows_place place;
	json_int_t rows;
};

/* what: an archive, a folder that one was unpacked into or that holds one, a project, a workspace, or a run of
 * workspace (NULL: the one here).  The files of an unpacked archive are those that its manifest lists, and what lies
 * beside them joins the list in facts.  FM_EINPUT: it is none of these, or was changed.  s is to be closed in every
 * case. */
int fm_diff_side_open(struct fm_diff_side *s, const char *what, const char *workspace, bool unconfined,
		      const struct fm_call *call, struct fm_error *err) FM_MUST_CHECK;
void fm_diff_side_close(struct fm_diff_side *s);
/* The flows in the list of files, or NULL. */
const json_t *fm_diff_flows(const struct fm_diff_side *s);

#endif
