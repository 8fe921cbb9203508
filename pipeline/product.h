/*
 * product.h - what a run left in a workspace, for readers after the run.
 */
#ifndef FM_PIPELINE_PRODUCT_H
#define FM_PIPELINE_PRODUCT_H

#include "pipeline/ledger.h"
#include "stages/table.h"

/* The workspace that dir is, or has as its workspace/, as a new string; NULL when it is neither a workspace nor a
 * project. */
int fm_product_workspace(const char *dir, char **workspace, struct fm_error *err) FM_MUST_CHECK;
/* What stage id made in the newest run that generated flows, so that flows and the rows they were learned from are of
 * one run: *entry is its folder WORKSPACE/stages/STAGE/KEY, a new string, and run the run's id.  FM_EINPUT when no run
 * generated any, or when the product is no longer there. */
int fm_product_newest(const char *workspace, enum fm_stage_id id, char **entry, char run[FM_RUN_ID_MAX],
		      struct fm_error *err) FM_MUST_CHECK;
/* The same of one run, which people may name in any way that fm_run_id knows. */
int fm_product_of_run(const char *workspace, enum fm_stage_id id, const char *named, char **entry,
		      struct fm_error *err) FM_MUST_CHECK;

/* Is path such a folder WORKSPACE/stages/STAGE/KEY, whose product is encrypted? */
bool fm_product_is_entry(const char *path);
/* A product, decrypted. */
struct fm_product {
	enum fm_stage_id stage;
	char *dir;   /* its folder */
	char *clear; /* what dir lies in (clear.h) */
	char *entry; /* what was opened, resolved */
	char *key;   /* the last part of entry */
	char *project;
};
/* Open the product in an entry.  FM_EVERDICT: altered, or of another project. */
int fm_product_open(struct fm_product *p, const char *entry, struct fm_error *err) FM_MUST_CHECK;
/* Remove what was decrypted; tables that were opened stay readable. */
void fm_product_close(struct fm_product *p);

#endif
