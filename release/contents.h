/*
 * contents.h - what the files of fm_archive_check_contents (archive.h) share: contents.c the lists of files,
 * contents_manifest.c, contents_agree.c, contents_absent.c and contents_claim.c what manifest.json says,
 * contents_metadata.c the documents that say it again.
 */
#ifndef FM_RELEASE_CONTENTS_H
#define FM_RELEASE_CONTENTS_H

#include <jansson.h>

#include "manifests/config.h"
#include "release/archive.h"

struct fm_contents {
	struct fm_archive_info *info;
	bool listed[FM_ARCHIVE_MAX_FILES]; /* in the list that is being read */
	enum fm_reason *reason;
	struct fm_error *err;
	/* What the manifest says, for the documents that say it too: texts that cannot be long, digests of those that
	 * can. */
	char license[128], description[FM_SHA256_HEX], schema[FM_SHA256_HEX];
	uint64_t rows;
	/* Of its config. */
	double test_share;
	char dialect[FM_CFG_PATH]; /* of the flows */
	bool header;
};

#define fm_contents_refuse(c, why, ...) (*(c)->reason = (why), fm_fail((c)->err, FM_EVERDICT, __VA_ARGS__))
/* Of manifest.json. */
#define fm_contents_malformed(c, what) fm_contents_refuse(c, FM_REASON_MANIFEST_MALFORMED, "manifest.json: %s", what)
/* Does a stated number equal the calculated one?  False for NaN. */
bool fm_contents_same(double told, double is);

/* The file's place in info->file, or -1. */
int fm_contents_find(const struct fm_archive_info *info, const char *path, size_t n);
/* The text as an object, bounded before it is parsed; refused for `reason` where it is none. */
int fm_contents_load(struct fm_contents *c, const struct fm_buf *text, const char *name, enum fm_reason reason,
		     json_t **doc) FM_MUST_CHECK;
/* Check all that the manifest says besides its list of files; sets the texts and digests above. */
int fm_contents_manifest(struct fm_contents *c, const json_t *manifest) FM_MUST_CHECK;
/* Check that each number and word of it is possible, and that its parts agree with its config and each other; called by
 * fm_contents_manifest. */
int fm_contents_agree(struct fm_contents *c, const json_t *manifest) FM_MUST_CHECK;
/* Is a measured metric of that name among those that are published with that config? */
bool fm_contents_is_told(const struct fm_config *cfg, const char *name);
/* Check what it says of columns that the flows lack, with that config; called by fm_contents_agree. */
int fm_contents_absent(struct fm_contents *c, const json_t *manifest, const struct fm_config *cfg) FM_MUST_CHECK;
/* Check what it claims of its privacy, with that config; called by fm_contents_agree. */
int fm_contents_claim(struct fm_contents *c, const json_t *manifest, const struct fm_config *cfg) FM_MUST_CHECK;
/* Check that datapackage.json, croissant.json and CITATION.cff describe these files and this release, and that there
 * are as many rows as the manifest says. */
int fm_contents_metadata(struct fm_contents *c) FM_MUST_CHECK;

#endif
