/*
 * purge.h - destroying what a run left in the workspace.
 *
 * The keys of its products are overwritten and removed (vault.h), then the products, its checkpoint, the sealed half of
 * a run in privacy.mode dp and the rows that it refused.  A product that a run which was not purged needs is kept,
 * because runs share products; a run that retained its model alone needs only that.  The ledger gets a row "purge"
 * before anything is destroyed, so that it is known even when this process is killed meanwhile; the same call again
 * then finishes it.  Rows, archive and records of releases stay.
 */
#ifndef FM_PIPELINE_PURGE_H
#define FM_PIPELINE_PURGE_H

#include <jansson.h>
#include <stdbool.h>

#include "pipeline/ledger.h"

/* What is kept of a run when it is purged by a policy. */
enum fm_purge_keep { FM_KEEP_NOTHING, FM_KEEP_MODEL };

/* Purge one run; the caller holds the workspace's lock.  why: "asked", or the config's key.  *report: {"run","why",
 * "destroyed":[{"stage","key"},...],"kept":[{"stage","key","for":run},...],"sealed":bool,"mode","released":bool,
 * "source":path}; lists may be empty. */
int fm_purge_run(struct fm_ledger *l, const char *workspace, const char *run, enum fm_purge_keep keep, const char *why,
		 json_t **report, struct fm_error *err) FM_MUST_CHECK;

/* `flowmint purge RUN`.  FM_EINPUT when the ledger has no such run. */
int fm_purge(const char *workspace, const char *named, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
