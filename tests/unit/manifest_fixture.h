/* manifest_fixture.h - a manifest, as the partner's check takes it: that of the archive of its name and day. */
#ifndef FM_TESTS_MANIFEST_FIXTURE_H
#define FM_TESTS_MANIFEST_FIXTURE_H

#include "base/num.h"
#include "release/contents.h"
#include "signed_fixture.h"

static char name_of_it[64];

/* The name that its archive has, whatever is changed in it later. */
static inline void name_it(const json_t *m)
{
	snprintf(name_of_it, sizeof name_of_it, "%s", json_string_value(json_object_get(m, "name")));
}

/* That of tests/golden/manifests, which the caller frees. */
static inline json_t *kept_manifest(const char *name)
{
	char path[128];
	json_t *m;

	snprintf(path, sizeof path, "tests/golden/manifests/%s.json", name);
	assert_non_null(m = json_load_file(path, 0, NULL));
	name_it(m);
	return m;
}

static inline bool is_accepted(const json_t *m)
{
	const json_t *release = json_object_get(m, "release");
	const char *date = json_string_value(json_object_get(release, "date"));
	struct fm_archive_info info = {0};
	enum fm_reason reason = FM_REASON_GOOD;
	struct fm_contents c = {.info = &info, .reason = &reason, .err = &err};
	int64_t begin_s = 0;

	memset(&err, 0, sizeof err);
	snprintf(info.name, sizeof info.name, "%s", name_of_it);
	snprintf(info.version, sizeof info.version, "1.0.0");
	info.mtime_s = date && fm_parse_date_s(date, &begin_s) == 0 ? begin_s : 0;
	return fm_contents_manifest(&c, m) == FM_OK;
}

#endif
