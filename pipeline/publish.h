/*
 * publish.h - the way of an archive out of the workspace: into the release folder, numbered, with its record.
 *
 * Whoever publishes locks the folder from the first look at it until all is written, so that two runs never mix.  What
 * belongs to a release is written in this order:
 *
 *     NAME-VERSION.intoto.jsonl, where publish.attestation_key names a key
 *     NAME-VERSION.KEYS.json, where the key of releases was replaced
 *     NAME-VERSION.RELEASE.json, .RELEASE.json.sig, .LOG.json
 *     LOG.jsonl, the folder's log of releases (publish_log.h)
 *     NAME-VERSION.tar.zst, .tar.zst.sig
 *
 * Only the last one makes it a release (release/shelf.h): nothing verifies before, and a killed run leaves no signature
 * beside an archive of other bytes.
 */
#ifndef FM_PIPELINE_PUBLISH_H
#define FM_PIPELINE_PUBLISH_H

#include "pipeline/run.h"
#include "release/record.h"

/* What the record of cfg's release would say besides digests: *next gets name, version, number, predecessor and dates.
 * known: what the ledger knows, or NULL.  FM_EINPUT: version, number or dates do not fit what lies in out; the message
 * names the key.  next->sequence is 0 where allowed_signers lets nobody sign records. */
int fm_publish_next(const struct fm_config *cfg, const char *out, const struct fm_signers *signers,
		    const struct fm_released *known, struct fm_record *next, struct fm_error *err) FM_MUST_CHECK;
/* Verify what the release stage made, then publish it.  The same release once more is left as it is; another one of
 * the same version is refused (FM_EINPUT). */
int fm_publish_put(const struct fm_stages *stages, const struct fm_config *cfg, const char *project, const char *out,
		   struct fm_run *run, struct fm_error *err) FM_MUST_CHECK;

#endif
