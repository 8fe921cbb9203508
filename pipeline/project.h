/*
 * project.h - a release project: the folder that `flowmint init` makes.
 *
 *     release.yaml       the config: a preset's, commented, with today as release.date; source.path is to be set
 *     keys/              0700: release.key (Ed25519, OpenSSH's form) and .pub, commitment.key (32 random bytes)
 *     allowed_signers    what partners verify with: give it away by a channel they trust
 *     .gitignore         keeps keys/ and workspace/ out of version control
 */
#ifndef FM_PIPELINE_PROJECT_H
#define FM_PIPELINE_PROJECT_H

#include "base/error.h"

/* Make a project in dir (made where absent).  FM_EINPUT, and nothing written, when any of its files is there already.
 */
int fm_project_init(const char *dir, const char *preset, const char *principal, struct fm_error *err) FM_MUST_CHECK;

#endif
