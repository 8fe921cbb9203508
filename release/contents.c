/*
 * What an archive says about itself against what is in it: SHA256SUMS, manifest.json and datapackage.json.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "base/num.h"
#include "manifests/json_bounds.h"
#include "manifests/metrics.h"
#include "release/contents.h"
#include "release/sign/wire.h"

#define refuse fm_contents_refuse

bool fm_contents_same(double told, double is)
{
	return fabs(told - is) <= 1e-12 * fabs(is);
}

int fm_contents_find(const struct fm_archive_info *info, const char *path, size_t n)
{
	for (size_t i = 0; i < info->n; i++)
		if (strlen(info->file[i].path) == n && memcmp(info->file[i].path, path, n) == 0)
			return (int)i;
	return -1;
}

static bool is_hex64(const char *s)
{
	for (size_t i = 0; i < 64; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

/* One line "HEX  path" of n bytes; *last is the place of the path before it. */
static int check_sum(struct fm_contents *c, const char *s, size_t n, size_t line, int *last)
{
	char shown[FM_ARCHIVE_MAX_PATH];
	int at;

	if (n < 67 || !is_hex64(s) || s[64] != ' ' || s[65] != ' ')
		return refuse(c, FM_REASON_SUMS_MALFORMED,
			      "SHA256SUMS:%zu: a line is 64 hex digits, two blanks and a path", line);
	fm_printable(s + 66, n - 66, shown, sizeof shown);
	at = fm_contents_find(c->info, s + 66, n - 66);
	if (at < 0)
		return refuse(c, FM_REASON_FILE_MISSING, "%s is listed in SHA256SUMS but is not in the archive", shown);
	if (c->listed[at])
		return refuse(c, FM_REASON_SUMS_MALFORMED, "SHA256SUMS:%zu: %s is listed twice", line, shown);
	if (at < *last)
		return refuse(c, FM_REASON_SUMS_MALFORMED, "SHA256SUMS:%zu: %s is not in the order of paths", line,
			      shown);
	c->listed[at] = true;
	*last = at;
	if (memcmp(c->info->file[at].sha256, s, 64) != 0)
		return refuse(c, FM_REASON_FILE_CHANGED, "%s is not the file that SHA256SUMS lists", shown);
	return FM_OK;
}

static int check_sums(struct fm_contents *c)
{
	const char *p = c->info->sums.data;
	size_t left = c->info->sums.len, line = 0;
	int last = -1;

	memset(c->listed, 0, sizeof c->listed);
	while (left) {
		const char *nl = memchr(p, '\n', left);
		size_t n = nl ? (size_t)(nl - p) : left;
		int rc;

		line++;
		if (!nl)
			return refuse(c, FM_REASON_SUMS_MALFORMED, "SHA256SUMS:%zu: the last line has no end", line);
		if ((rc = check_sum(c, p, n, line, &last)) < 0)
			return rc;
		p += n + 1;
		left -= n + 1;
	}
	for (size_t i = 0; i < c->info->n; i++) {
		bool itself = strcmp(c->info->file[i].path, FM_ARCHIVE_SUMS) == 0;

		if (itself && c->listed[i])
			return refuse(c, FM_REASON_SUMS_MALFORMED, "SHA256SUMS lists itself");
		if (!itself && !c->listed[i])
			return refuse(c, FM_REASON_FILE_EXTRA, "%s is in the archive but not in SHA256SUMS",
				      c->info->file[i].path);
	}
	return FM_OK;
}

static int check_manifest_file(struct fm_contents *c, const json_t *f)
{
	const char *path = json_string_value(json_object_get(f, "path"));
	const char *sha256 = json_string_value(json_object_get(f, "sha256"));
	const json_t *bytes = json_object_get(f, "bytes");
	char shown[FM_ARCHIVE_MAX_PATH];
	int at;

	if (!path || !sha256 || !json_is_integer(bytes))
		return refuse(c, FM_REASON_MANIFEST_MALFORMED,
			      "an entry of files in manifest.json lacks path, sha256 or bytes");
	fm_printable(path, strlen(path), shown, sizeof shown);
	at = fm_contents_find(c->info, path, strlen(path));
	if (at < 0)
		return refuse(c, FM_REASON_MANIFEST_DISAGREES, "manifest.json lists %s, which is not in the archive",
			      shown);
	if (c->listed[at])
		return refuse(c, FM_REASON_MANIFEST_DISAGREES, "manifest.json lists %s twice", shown);
	c->listed[at] = true;
	if (strcmp(c->info->file[at].sha256, sha256) != 0 || json_integer_value(bytes) < 0 ||
	    (uint64_t)json_integer_value(bytes) != c->info->file[at].nbytes)
		return refuse(c, FM_REASON_MANIFEST_DISAGREES, "manifest.json gives another digest or size for %s",
			      shown);
	return FM_OK;
}

/* Is the member left out, or this text? */
static bool says(const json_t *m, const char *member, const char *text)
{
	const json_t *value = json_object_get(m, member);

	return !value || (json_is_string(value) && strcmp(json_string_value(value), text) == 0);
}

static int check_manifest_json(struct fm_contents *c, const json_t *m)
{
	struct fm_archive_info *info = c->info;
	const json_t *release = json_object_get(m, "release"), *files = json_object_get(m, "files"), *f;
	const char *format = json_string_value(json_object_get(m, "format"));
	const char *name = json_string_value(json_object_get(release, "name"));
	const char *version = json_string_value(json_object_get(release, "version"));
	size_t i, nname;
	int rc;

	if (!format || strcmp(format, FM_MANIFEST_FORMAT) != 0)
		return refuse(c, FM_REASON_FORMAT_UNKNOWN,
			      "manifest.json is not of format " FM_MANIFEST_FORMAT
			      ": was it made by a newer flowmint? Then take its flowmint-verify");
	if (!name || !version || !json_is_array(files))
		return refuse(c, FM_REASON_MANIFEST_MALFORMED,
			      "manifest.json lacks release.name, release.version or files");
	nname = strlen(name);
	if (nname >= sizeof info->name || strlen(version) >= sizeof info->version ||
	    strncmp(info->folder, name, nname) != 0 || info->folder[nname] != '-' ||
	    strcmp(info->folder + nname + 1, version) != 0 || !says(m, "name", name) || !says(m, "version", version))
		return refuse(c, FM_REASON_MANIFEST_DISAGREES,
			      "manifest.json names another release than the folder %s/", info->folder);
	memcpy(info->name, name, nname + 1);
	memcpy(info->version, version, strlen(version) + 1);
	memset(c->listed, 0, sizeof c->listed);
	json_array_foreach(files, i, f)
	{
		if ((rc = check_manifest_file(c, f)) < 0)
			return rc;
	}
	for (i = 0; i < info->n; i++) {
		const char *path = info->file[i].path;
		bool cannot = strcmp(path, FM_ARCHIVE_MANIFEST) == 0 || strcmp(path, FM_ARCHIVE_SUMS) == 0;

		if (c->listed[i] == cannot)
			return refuse(c, FM_REASON_MANIFEST_DISAGREES,
				      cannot ? "manifest.json lists %s, which it cannot know"
					     : "manifest.json does not list %s",
				      path);
	}
	return FM_OK;
}

int fm_manifest_verdict(const json_t *m, struct fm_verdict *v, struct fm_error *err)
{
	json_t *doc = json_object();
	int rc = doc ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");

	*v = (struct fm_verdict){0};
	for (const char *const *key = fm_verdict_members; *key; key++) {
		json_t *part = json_object_get(m, *key);

		if (part && json_object_set(doc, *key, part) != 0)
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	if (rc < 0)
		goto out;
	rc = fm_verdict_from_json(v, doc, err);
out:
	json_decref(doc);
	return rc;
}

int fm_contents_load(struct fm_contents *c, const struct fm_buf *text, const char *name, enum fm_reason reason,
		     json_t **doc)
{
	const char *much = fm_json_too_much(text->data ? text->data : "", text->len);
	json_error_t at;
	char shown[128];

	*doc = NULL;
	if (much)
		return refuse(c, reason, "%s: %s", name, much);
	*doc = fm_json_parse(text->data ? text->data : "", text->len, JSON_REJECT_DUPLICATES, &at);
	if (!*doc && json_error_code(&at) == json_error_out_of_memory)
		return fm_fail(c->err, FM_ESYSTEM, "out of memory: reading %s", name);
	if (json_is_object(*doc))
		return FM_OK;
	if (*doc)
		return refuse(c, reason, "%s:1: it is no object", name);
	fm_printable(at.text, strlen(at.text), shown, sizeof shown);
	return refuse(c, reason, "%s:%d: %s", name, at.line, shown);
}

static int check_manifest(struct fm_contents *c)
{
	json_t *m;
	int rc;

	if ((rc = fm_contents_load(c, &c->info->manifest, FM_ARCHIVE_MANIFEST, FM_REASON_MANIFEST_MALFORMED, &m)) < 0 ||
	    (rc = check_manifest_json(c, m)) < 0)
		goto out;
	rc = fm_contents_manifest(c, m);
out:
	json_decref(m); /* before the next document is read: both together may be too large */
	return rc;
}

/* No file is empty, and there is one file of flows. */
static int check_files(struct fm_contents *c)
{
	static const char *const required[] = {FM_ARCHIVE_SUMS, FM_ARCHIVE_README, FM_ARCHIVE_DATAPACKAGE,
					       FM_ARCHIVE_MANIFEST};
	const struct fm_archive_info *info = c->info;
	bool csv = fm_contents_find(info, FM_ARCHIVE_DATA, strlen(FM_ARCHIVE_DATA)) >= 0,
	     json = fm_contents_find(info, FM_ARCHIVE_DATA_JSON, strlen(FM_ARCHIVE_DATA_JSON)) >= 0;

	for (size_t i = 0; i < sizeof required / sizeof *required; i++)
		if (fm_contents_find(info, required[i], strlen(required[i])) < 0)
			return refuse(c, FM_REASON_FILE_MISSING, "%s is not in the archive", required[i]);
	if (!csv && !json)
		return refuse(c, FM_REASON_FILE_MISSING, FM_ARCHIVE_DATA " is not in the archive");
	if (csv && json)
		return refuse(c, FM_REASON_FILE_EXTRA,
			      FM_ARCHIVE_DATA_JSON " is in the archive, and so is " FM_ARCHIVE_DATA);
	for (size_t i = 0; i < info->n; i++)
		if (info->file[i].nbytes == 0)
			return refuse(c, FM_REASON_FILE_EMPTY, "%s is empty", info->file[i].path);
	return FM_OK;
}

int fm_archive_check_contents(struct fm_archive_info *info, enum fm_reason *reason, struct fm_error *err)
{
	struct fm_contents c = {.info = info, .reason = reason, .err = err};
	int rc;

	*reason = FM_REASON_GOOD;
	if ((rc = check_files(&c)) < 0 || (rc = check_sums(&c)) < 0 || (rc = check_manifest(&c)) < 0)
		return rc;
	return fm_contents_metadata(&c);
}

int fm_archive_check_manifest(const json_t *m, enum fm_reason *reason, struct fm_error *err)
{
	const json_t *release = json_object_get(m, "release");
	struct fm_archive_info info = {0};
	struct fm_contents c = {.info = &info, .reason = reason, .err = err};

	*reason = FM_REASON_GOOD;
	snprintf(info.name, sizeof info.name, "%s", fm_json_str(release, "name"));
	snprintf(info.version, sizeof info.version, "%s", fm_json_str(release, "version"));
	(void)!fm_parse_date_s(fm_json_str(release, "date"), &info.mtime_s); /* that of the files, which are not here */
	return fm_contents_manifest(&c, m);
}
