/*
 * rehearse.h - before hours of training: some of the flows to learn from as a release would have them.
 */
#ifndef FM_STAGES_REHEARSE_H
#define FM_STAGES_REHEARSE_H

#include "base/error.h"
#include "base/table.h"
#include "manifests/config.h"

/* Write flows of t, at most FM_REHEARSED spread evenly and one of each value of a category, in publish.dialect, read
 * them back, and warn of each column that is another then, beside what fm_spell_say_losses says (unless told: that has
 * been said).  dir: a folder for the file, which is removed.  FM_EINPUT: a row of such a release could not be read, or
 * would never stay the same. */
#define FM_REHEARSED 20000
int fm_rehearse_release(const struct fm_table *t, const struct fm_config *cfg, bool told, const char *dir,
			struct fm_error *err) FM_MUST_CHECK;

#endif
