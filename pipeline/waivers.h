/*
 * waivers.h - the waivers of a project (release/sign/waiver.h): PROJECT/waivers/CHECK.waiver, each with its signature
 * beside it.
 */
#ifndef FM_PIPELINE_WAIVERS_H
#define FM_PIPELINE_WAIVERS_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "manifests/config.h"

/* Does the config let this check be waived?  Checks of leakage may be where gate.waivable names them. */
bool fm_waivers_may(const struct fm_config *cfg, const char *check);
/* Read them all against PROJECT/allowed_signers.  Where publish.approvals is above 1, a waiver by publish.key does not
 * count.  *holding: those that hold now for this release, as a verdict lists them; *rows: what the ledger keeps of
 * each, {"file","holds","check","reason","expires","signer","key"} or {"file","holds","why"}. A waiver that does not
 * hold is a warning and does not count.  Both lists are new references, empty when there are none. */
int fm_waivers_gather(const char *project, const struct fm_config *cfg, int64_t now_s, json_t **holding, json_t **rows,
		      struct fm_error *err) FM_MUST_CHECK;

#endif
