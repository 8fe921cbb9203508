/* publish_parts.h - what publish.h does in more than one file. */
#ifndef FM_PIPELINE_PUBLISH_PARTS_H
#define FM_PIPELINE_PUBLISH_PARTS_H

#include "manifests/config.h"
#include "release/record.h"

/* An existing record stays as it is, whatever the config says now: warn where the two differ. */
int fm_publish_warn_kept(const struct fm_config *cfg, const struct fm_record *found,
			 struct fm_error *err) FM_MUST_CHECK;

#endif
