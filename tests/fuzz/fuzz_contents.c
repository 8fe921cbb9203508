/*
 * fuzz_contents - whatever bytes come as a document of an archive whose digests are right, as who has the key can make
 * it: no crash, no leak.  The first byte chooses manifest.json, datapackage.json, croissant.json or CITATION.cff; the
 * files and what the manifest said are those of a release of one file.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "manifests/canon.h"
#include "manifests/json_bounds.h"
#include "release/contents.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define ROW "2016-04-11 00:08:06,57.736,246.209.166.11,10.0.6.49,9843,58816,UDP,.A....,0,0,1,58,background\n"

static void add(struct fm_archive_info *info, const char *path, uint64_t nbytes)
{
	struct fm_archive_file *f = &info->file[info->n++];

	snprintf(f->path, sizeof f->path, "%s", path);
	f->nbytes = nbytes;
	memset(f->sha256, '0', sizeof f->sha256 - 1);
	f->form.plain.n = 600;
	f->form.last = '\n';
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fm_archive_file files[4] = {0};
	struct fm_archive_info info = {.folder = "golden-1.0.0", .name = "golden", .version = "1.0.0", .file = files};
	struct fm_contents c = {.info = &info, .rows = 600, .license = "CC0-1.0"};
	struct fm_buf *const text[] = {&info.manifest, &info.datapackage, &info.croissant, &info.citation};
	enum fm_reason reason = FM_REASON_GOOD;
	struct fm_error err;
	json_t *m = NULL;

	if (n < 1)
		return 0;
	c.reason = &reason;
	c.err = &err;
	add(&info, FM_ARCHIVE_CITATION, 1);
	add(&info, FM_ARCHIVE_CROISSANT, 1);
	add(&info, FM_ARCHIVE_DATA, 56805);
	add(&info, FM_ARCHIVE_LICENSE, 1);
	if (fm_table_values_new(&info.values, false, &err) < 0 ||
	    fm_table_values_add(info.values, (const uint8_t *)ROW, strlen(ROW), &err) < 0 ||
	    fm_table_values_end(info.values, &err) < 0)
		abort();
	snprintf(info.date, sizeof info.date, "2026-11-28");
	info.mtime_s = 1795824000;
	fm_buf_add(text[p[0] % 4], p + 1, n - 1);
	if (p[0] % 4 == 1) { /* whose description and schema the manifest has too */
		json_t *doc = fm_json_too_much(info.datapackage.data ? info.datapackage.data : "", n - 1)
				  ? NULL
				  : json_loadb((const char *)p + 1, n - 1, JSON_REJECT_DUPLICATES, NULL);
		const json_t *schema = json_object_get(json_array_get(json_object_get(doc, "resources"), 0), "schema");

		if (json_object_get(doc, "description"))
			(void)!fm_json_digest(json_object_get(doc, "description"), c.description, &err);
		if (schema)
			(void)!fm_json_digest(schema, c.schema, &err);
		json_decref(doc);
	}
	if (p[0] % 4 > 1) { /* a package that is right, for those behind it to be looked at */
		static const char good[] =
		    "{\"name\":\"golden\",\"version\":\"1.0.0\",\"description\":\"\",\"created\":\"2026-11-28\","
		    "\"licenses\":[{\"name\":\"CC0-1.0\",\"path\":\"LICENSE.txt\"}],\"resources\":[{\"path\":"
		    "\"data/flows.csv\",\"bytes\":56805,\"hash\":\"sha256:"
		    "0000000000000000000000000000000000000000000000000000000000000000\",\"dialect\":"
		    "{\"delimiter\":\" \",\"header\":false},"
		    "\"schema\":{}}]}";
		json_t *none = json_object(), *empty = json_string("");

		fm_buf_puts(&info.datapackage, good);
		(void)!fm_json_digest(none, c.schema, &err);
		(void)!fm_json_digest(empty, c.description, &err);
		json_decref(none);
		json_decref(empty);
		if (p[0] % 4 == 3)
			memmove(&files[1], &files[2], 2 * sizeof *files), info.n = 3;
	}
	if (p[0] % 4 == 0) {
		if (fm_contents_load(&c, &info.manifest, FM_ARCHIVE_MANIFEST, FM_REASON_MANIFEST_MALFORMED, &m) ==
		    FM_OK)
			(void)!fm_contents_manifest(&c, m);
		json_decref(m);
	} else {
		(void)!fm_contents_metadata(&c);
	}
	info.file = NULL;
	fm_archive_info_free(&info);
	return 0;
}
