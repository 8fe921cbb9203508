#include "pipeline/recipe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/version.h"
#include "manifests/config_public.h"
#include "manifests/domain.h"
#include "manifests/json_bounds.h"
#include "manifests/metrics.h"
#include "pipeline/walls/sandbox.h"

static int is_archive(const char *path, bool *yes, struct fm_error *err)
{
	static const unsigned char zstd[4] = {0x28, 0xb5, 0x2f, 0xfd};
	unsigned char first[4];
	size_t got;
	int rc = fm_file_begin(path, first, sizeof first, &got, err);

	*yes = rc >= 0 && got == sizeof first && memcmp(first, zstd, sizeof zstd) == 0;
	return rc;
}

/* ---- in the child ---- */

static json_t *files_json(const struct fm_archive_info *info)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < info->n; i++) {
		const struct fm_archive_file *f = &info->file[i];

		if (json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "path", f->path, "bytes",
							  (json_int_t)f->nbytes, "sha256", f->sha256)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* The text as a document of a manifest's format, bounded before it is parsed; a new reference. */
static int parse(const struct fm_buf *text, json_t **m, struct fm_error *err)
{
	const char *much = fm_json_too_much(text->data ? text->data : "", text->len);

	if (much)
		return fm_fail(err, FM_EINPUT, "its manifest is too much: %s", much);
	*m = fm_json_parse(text->data ? text->data : "", text->len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(*m) && fm_json_says(*m, "format", FM_MANIFEST_FORMAT))
		return FM_OK;
	json_decref(*m);
	*m = NULL;
	return fm_fail(err, FM_EINPUT,
		       "neither an archive of flowmint nor the manifest of one (format " FM_MANIFEST_FORMAT ")");
}

static int unpack_fn(void *ctx, json_t **result, struct fm_error *err)
{
	struct fm_archive_info info = {0};
	enum fm_reason reason;
	json_t *m = NULL;
	int fd, rc;

	if ((rc = fm_file_open(ctx, &fd, err)) < 0)
		return rc;
	if ((rc = fm_archive_read(fd, &info, &reason, err)) < 0 ||
	    (rc = fm_archive_check_contents(&info, &reason, err)) < 0 || (rc = parse(&info.manifest, &m, err)) < 0)
		goto out;
	*result = json_pack("{s:o, s:s%, s:s, s:o}", "manifest", m, "text", info.manifest.data, info.manifest.len,
			    "tar_sha256", info.digests.tar_sha256, "files", files_json(&info));
	if (!*result)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for what is in the archive");
out:
	fm_archive_info_free(&info);
	close(fd);
	return rc;
}

static int read_fn(void *ctx, json_t **result, struct fm_error *err)
{
	struct fm_buf text = {0};
	enum fm_reason reason;
	json_t *m = NULL;
	int rc;

	if ((rc = fm_file_read(ctx, FM_ARCHIVE_MAX_DOCUMENT, &text, err)) < 0 || (rc = parse(&text, &m, err)) < 0)
		goto out;
	/* As of an archive: one that agrees with itself, or hours may go into what can be no release. */
	if ((rc = fm_archive_check_manifest(m, &reason, err)) < 0) {
		if (rc == FM_EVERDICT)
			rc = err->code = FM_EINPUT;
		json_decref(m);
		goto out;
	}
	*result = json_pack("{s:o, s:s%}", "manifest", m, "text", text.data, text.len);
	if (!*result)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for a manifest");
out:
	fm_buf_free(&text);
	return rc;
}

/* ---- what it says ---- */

static int list_files(struct fm_recipe *r, const json_t *files, struct fm_error *err);

/* The manifest as the child read it, and its text, which is compared with another byte by byte and never parsed here.
 */
static int take(struct fm_recipe *r, const json_t *said, struct fm_error *err)
{
	const json_t *text = json_object_get(said, "text");
	const char *tar = fm_json_str(said, "tar_sha256"), *fault;
	char words[FM_DOMAIN_WORDS];
	int rc;

	r->manifest = json_incref(json_object_get(said, "manifest"));
	if (!json_is_object(r->manifest) || !fm_json_says(r->manifest, "format", FM_MANIFEST_FORMAT) ||
	    strlen(tar) != (r->whole ? FM_SHA256_HEX - 1 : 0) || json_string_length(text) == 0 ||
	    json_string_length(text) > FM_ARCHIVE_MAX_DOCUMENT)
		return fm_fail(err, FM_ESYSTEM, "who read %s said nothing that could be", r->path);
	if ((fault = fm_domain_fault(r->manifest, "", words)))
		return fm_fail(err, FM_EINPUT, "%s: its manifest cannot be: %s", r->path, fault);
	strcpy(r->info.digests.tar_sha256, tar);
	fm_buf_add(&r->info.manifest, json_string_value(text), json_string_length(text));
	if ((rc = fm_buf_check(&r->info.manifest, err)) < 0)
		return rc;
	return list_files(r, json_object_get(r->whole ? said : r->manifest, "files"), err);
}

static int read_it(struct fm_recipe *r, struct fm_error *err)
{
	struct fm_sandbox box = {.name = "archive", .unconfined = r->unconfined, .limits.threads = FM_RECIPE_THREADS};
	char *real = realpath(r->path, NULL);
	struct fm_sandbox_report report = {0};
	int rc;

	if (!real)
		return fm_fail_errno(err, "%s", r->path);
	fm_sandbox_path(&box, real, false);
	if ((rc = fm_sandbox_run(&box, r->whole ? unpack_fn : read_fn, real, &report, err)) < 0)
		fm_error_prefix(err, "%s: ", r->path);
	else
		rc = take(r, report.result, err);
	json_decref(report.result);
	free(real);
	return rc;
}

/* {"path", "bytes", "sha256"} of each, in the order of their paths. */
static int list_files(struct fm_recipe *r, const json_t *files, struct fm_error *err)
{
	size_t n = json_array_size(files);
	int rc;

	if (n == 0 || n > FM_ARCHIVE_MAX_FILES)
		return fm_fail(err, FM_EINPUT, "%s: it lists no files: it is no manifest of a release", r->path);
	if ((rc = fm_alloc(&r->info.file, n, sizeof *r->info.file, "the files of a release", err)) < 0)
		return rc;
	for (r->info.n = 0; r->info.n < n; r->info.n++) {
		const json_t *f = json_array_get(files, r->info.n);
		struct fm_archive_file *to = &r->info.file[r->info.n];
		json_int_t nbytes = json_integer_value(json_object_get(f, "bytes"));

		if (!fm_archive_path_ok(fm_json_str(f, "path")) || strlen(fm_json_str(f, "path")) >= sizeof to->path ||
		    strlen(fm_json_str(f, "sha256")) != FM_SHA256_HEX - 1 || nbytes < 0)
			return fm_fail(err, FM_EINPUT, "%s: its list of files is not that of a release", r->path);
		strcpy(to->path, fm_json_str(f, "path"));
		strcpy(to->sha256, fm_json_str(f, "sha256"));
		to->nbytes = (uint64_t)nbytes;
	}
	return FM_OK;
}

static int load_config(struct fm_recipe *r, struct fm_error *err)
{
	const json_t *config = json_object_get(r->manifest, "config");
	json_t *now = NULL;
	int rc;

	if ((rc = fm_config_from_json(&r->cfg, config, err)) < 0) {
		fm_error_prefix(err, "%s: its config is not one for this version of flowmint (%s): ", r->path,
				FM_VERSION);
		return rc;
	}
	now = fm_config_json(r->cfg, NULL, true);
	if (!now)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	else if (!fm_config_covers(now, config))
		rc =
		    fm_fail(err, FM_EINPUT,
			    "%s: its config means something else to this version of flowmint (%s; %s made it): make it "
			    "again with that one",
			    r->path, FM_VERSION, fm_json_str(json_object_get(r->manifest, "environment"), "flowmint"));
	json_decref(now);
	return rc;
}

int fm_recipe_read(struct fm_recipe *r, const char *path, bool unconfined, struct fm_error *err)
{
	struct fm_verdict v;
	int rc;

	*r = (struct fm_recipe){.path = path, .unconfined = unconfined};
	if ((rc = is_archive(path, &r->whole, err)) < 0)
		return rc;
	if ((rc = read_it(r, err)) < 0 || (rc = load_config(r, err)) < 0)
		return rc;
	if ((rc = fm_manifest_verdict(r->manifest, &v, err)) < 0)
		fm_error_prefix(err, "%s: ", path);
	else if (!v.pass)
		rc = fm_fail(err, FM_EINPUT, "%s: its verdict is fail, so nothing was released by it", path);
	fm_verdict_free(&v);
	return rc;
}

json_t *fm_recipe_verdict(const struct fm_recipe *r)
{
	json_t *v = json_object();

	for (const char *const *key = fm_verdict_members; v && *key; key++)
		if (json_object_get(r->manifest, *key))
			json_object_set(v, *key, json_object_get(r->manifest, *key));
	return v;
}

const char *fm_recipe_output(const struct fm_recipe *r, const char *stage)
{
	return fm_json_str(fm_json_named(json_object_get(r->manifest, "stages"), stage), "output");
}

const char *fm_recipe_commitment(const struct fm_recipe *r, const char *what)
{
	return fm_json_str(json_object_get(json_object_get(r->manifest, "commitments"), "of"), what);
}

void fm_recipe_free(struct fm_recipe *r)
{
	fm_archive_info_free(&r->info);
	fm_config_free(r->cfg);
	json_decref(r->manifest);
	*r = (struct fm_recipe){0};
}
