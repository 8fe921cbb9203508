/* publish_parts.h - what publish.h does in more than one file. */
#ifndef FM_PIPELINE_PUBLISH_PARTS_H
#define FM_PIPELINE_PUBLISH_PARTS_H

#include "manifests/config.h"
#include "release/record.h"
#include "release/sign/sshkey.h"

/* An existing record stays as it is, whatever the config says now: warn where the two differ. */
int fm_publish_warn_kept(const struct fm_config *cfg, const struct fm_record *found,
			 struct fm_error *err) FM_MUST_CHECK;
/* Is key, which signed the record, the one that signed the archive, whose fingerprint is given?  FM_EINPUT: no, the key
 * file was replaced meanwhile, and partners refuse such a pair. */
int fm_publish_same_key(const char *archive, const struct fm_sshpub *key, struct fm_error *err) FM_MUST_CHECK;

#endif
