/*
 * product.h - what the newest run of a workspace made, for users who name only the folder.
 */
#ifndef FM_PIPELINE_PRODUCT_H
#define FM_PIPELINE_PRODUCT_H

#include "pipeline/ledger.h"
#include "stages/table.h"

/* The workspace that dir is, or has as its workspace/, as a new string; NULL when it is neither a workspace nor a
 * project, or without memory. */
char *fm_product_workspace(const char *dir);
/* The product of stage id in the newest run that generated flows, so that flows and the rows they were learned from are
 * of one run.  *path is a new string, run the run's id.  FM_EINPUT when no run generated any, or when the product is no
 * longer there. */
int fm_product_newest(const char *workspace, enum fm_stage_id id, char **path, char run[FM_RUN_ID_MAX],
		      struct fm_error *err) FM_MUST_CHECK;

#endif
