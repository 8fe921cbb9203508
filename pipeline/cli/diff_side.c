#include "pipeline/cli/diff_side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json_text.h"
#include "manifests/json_bounds.h"
#include "pipeline/cli/place.h"
#include "pipeline/cli/walls.h"
#include "pipeline/facts.h"
#include "pipeline/product.h"
#include "release/archive.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the comparison");
}

static int archive_fn(void *ctx, json_t **result, struct fm_error *err)
{
	int rc;

	if ((rc = fm_facts_of_archive(ctx, NULL, NULL, result, err)) == FM_EVERDICT)
		rc = err->code = FM_EINPUT; /* FM_EVERDICT would answer the question; a bad archive does not */
	return rc;
}

static int manifest_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const char *path = ctx, *much;
	struct fm_buf text = {0};
	int rc;

	if ((rc = fm_file_read(path, FM_ARCHIVE_MAX_DOCUMENT, &text, err)) < 0)
		goto out;
	if ((much = fm_json_too_much(text.data, text.len)))
		rc = fm_fail(err, FM_EINPUT, "%s: %s", path, much);
	else if (!json_is_object(*result = fm_json_parse(text.data, text.len, JSON_REJECT_DUPLICATES, NULL)) ||
		 !fm_json_says(*result, "format", FM_MANIFEST_FORMAT))
		rc = fm_fail(err, FM_EINPUT, "%s is no manifest of a release", path);
out:
	fm_buf_free(&text);
	return rc;
}

/* The files below a folder as a manifest lists them, without the manifest. */
static int files_fn(void *ctx, json_t **result, struct fm_error *err)
{
	char **names = NULL, *path, hex[FM_SHA256_HEX];
	const char *dir = ctx;
	uint64_t nbytes;
	size_t n = 0;
	int rc;

	if (!(*result = json_array()))
		return no_memory(err);
	if ((rc = fm_dir_files(dir, &names, &n, err)) >= 0 && n > FM_ARCHIVE_MAX_FILES)
		rc =
		    fm_fail(err, FM_EINPUT, "%s has %zu files, and a release at most %d", dir, n, FM_ARCHIVE_MAX_FILES);
	for (size_t i = 0; i < n && rc >= 0; i++) {
		if (strcmp(names[i], FM_ARCHIVE_MANIFEST) == 0)
			continue;
		if (!(path = fm_path_join(dir, names[i])))
			rc = no_memory(err);
		else if ((rc = fm_file_size(path, &nbytes, err)) >= 0 &&
			 (rc = fm_sha256_file_hex(path, hex, err)) >= 0 &&
			 json_array_append_new(*result, json_pack("{s:s, s:I, s:s}", "path", names[i], "bytes",
								  (json_int_t)nbytes, "sha256", hex)))
			rc = fm_fail(err, FM_EINPUT, "%s: its name is not UTF-8", path);
		free(path);
	}
	fm_names_free(names, n);
	return rc;
}

/* What a child says of a stranger's file, which it sees alone. */
static int ask(const char *file, fm_sandbox_fn fn, bool unconfined, json_t **said, struct fm_error *err)
{
	struct fm_walls w = {0};
	int rc;

	if ((rc = fm_walls_begin(&w, "diff", unconfined, err)) < 0 || (rc = fm_walls_show(&w, file, false, err)) < 0)
		goto out;
	fm_walls_threads(&w, 2); /* it unpacks beside taking digests */
	rc = fm_walls_run(&w, fn, (void *)(uintptr_t)file, said, err);
out:
	fm_walls_end(&w);
	return rc;
}

static int open_archive(struct fm_diff_side *s, const char *path, bool unconfined, struct fm_error *err)
{
	json_t *sums;
	int rc;

	if (!(s->flows = strdup(path)))
		return no_memory(err);
	if ((rc = ask(path, archive_fn, unconfined, &s->facts, err)) < 0)
		return rc;
	/* What its folder has besides what the manifest lists; of the file around it, nothing is compared. */
	sums = json_object_get(json_object_get(s->facts, "archive"), "sums");
	if (json_array_append(json_object_get(s->facts, "files"), sums))
		return no_memory(err);
	json_object_del(s->facts, "archive");
	return FM_OK;
}

const json_t *fm_diff_flows(const struct fm_diff_side *s)
{
	const json_t *files = json_object_get(s->facts, "files");

	for (size_t i = 0; i < json_array_size(files); i++)
		if (fm_archive_is_data(fm_json_str(json_array_get(files, i), "path")))
			return json_array_get(files, i);
	return NULL;
}

static int no_listed(const char *dir, const json_t *file, struct fm_error *err)
{
	return fm_fail(err, FM_EINPUT,
		       "%s/%s is not the file that manifest.json lists: it was changed since it was unpacked", dir,
		       fm_json_str(file, "path"));
}

static const json_t *find_file(const json_t *files, const char *path)
{
	for (size_t i = 0; i < json_array_size(files); i++)
		if (fm_json_says(json_array_get(files, i), "path", path))
			return json_array_get(files, i);
	return NULL;
}

/* Are the files in the folder those that its manifest lists?  An archive's are, or it is broken.  Files that it does
 * not list join the list: another release has them not. */
static int check_unpacked(const struct fm_diff_side *s, const char *dir, bool unconfined, struct fm_error *err)
{
	json_t *listed = json_object_get(s->facts, "files"), *said = NULL, *file;
	const json_t *flows = fm_diff_flows(s);
	struct stat st;
	char *path = NULL;
	size_t i;
	int rc;

	if (!json_is_array(listed))
		return fm_fail(err, FM_EINPUT, "%s: its manifest.json has no list of files", dir);
	if (flows && !(path = fm_path_join(dir, fm_json_str(flows, "path"))))
		return no_memory(err);
	if (flows && lstat(path, &st) < 0)
		rc = fm_fail_errno(err, "%s", path);
	else if (flows && (!S_ISREG(st.st_mode) || st.st_size != json_integer_value(json_object_get(
								     flows, "bytes")))) /* not read for nothing */
		rc = no_listed(dir, flows, err);
	else
		rc = ask(dir, files_fn, unconfined, &said, err);
	for (i = 0; i < json_array_size(listed) && rc >= 0; i++) {
		const json_t *l = json_array_get(listed, i);

		if (!fm_json_says(find_file(said, fm_json_str(l, "path")), "sha256", fm_json_str(l, "sha256")))
			rc = no_listed(dir, l, err);
	}
	json_array_foreach(said, i, file)
	{
		if (rc >= 0 && !find_file(listed, fm_json_str(file, "path")) && json_array_append(listed, file))
			rc = no_memory(err);
	}
	json_decref(said);
	free(path);
	return rc;
}

static int open_unpacked(struct fm_diff_side *s, const char *dir, const char *manifest, bool unconfined,
			 struct fm_error *err)
{
	int rc;

	if (!(s->flows = strdup(dir)))
		return no_memory(err);
	if ((rc = ask(manifest, manifest_fn, unconfined, &s->facts, err)) < 0)
		return rc;
	return check_unpacked(s, dir, unconfined, err);
}

/* The folder of releases: it must hold exactly one. */
static int open_shelf(struct fm_diff_side *s, const char *dir, bool unconfined, struct fm_error *err)
{
	char *path;
	int rc = fm_flows_archive_in(dir, &path, err);

	if (rc >= 0)
		rc = path ? open_archive(s, path, unconfined, err)
			  : fm_fail(err, FM_EINPUT,
				    "%s is no project, workspace, unpacked archive or folder with an archive", dir);
	free(path);
	return rc;
}

static int open_run(struct fm_diff_side *s, const char *workspace, const char *run, struct fm_error *err)
{
	const json_t *stages, *made = NULL;
	int rc;

	s->run = true;
	if ((rc = fm_facts_of_run(workspace, run, &s->facts, err)) < 0)
		return rc;
	stages = json_object_get(json_object_get(s->facts, "run"), "stages");
	for (size_t i = 0; i < json_array_size(stages); i++)
		if (strcmp(fm_json_str(json_array_get(stages, i), "name"), fm_stage_name(FM_GENERATE)) == 0)
			made = json_array_get(stages, i);
	if (!made)
		return fm_fail(err, FM_EINPUT, "run %s of %s generated no flows", run, workspace);
	if (asprintf(&s->flows, "%s/stages/%s/%s", workspace, fm_stage_name(FM_GENERATE), fm_json_str(made, "key")) <
	    0) {
		s->flows = NULL;
		return no_memory(err);
	}
	json_object_del(s->facts, "run"); /* when and where it ran is no difference */
	if (!fm_file_exists(s->flows))
		return fm_fail(err, FM_EINPUT, "the flows of run %s are no longer in %s: flowmint run makes them again",
			       run, workspace);
	return FM_OK;
}

static int open_folder(struct fm_diff_side *s, const char *dir, bool unconfined, struct fm_error *err)
{
	char *manifest = fm_path_join(dir, FM_ARCHIVE_MANIFEST), *workspace = NULL, *product = NULL, run[FM_RUN_ID_MAX];
	int rc;

	if (!manifest)
		return no_memory(err);
	if (fm_file_exists(manifest))
		rc = open_unpacked(s, dir, manifest, unconfined, err);
	else if ((rc = fm_product_workspace(dir, &workspace, err)) >= 0 && !workspace)
		rc = open_shelf(s, dir, unconfined, err);
	else if (workspace && (rc = fm_product_newest(workspace, FM_GENERATE, &product, run, err)) >= 0)
		rc = open_run(s, workspace, run, err);
	free(manifest);
	free(workspace);
	free(product);
	return rc;
}

int fm_diff_side_open(struct fm_diff_side *s, const char *what, const char *workspace, bool unconfined,
		      const struct fm_call *call, struct fm_error *err)
{
	struct stat st;
	int rc;

	if (stat(what, &st) == 0)
		return S_ISDIR(st.st_mode) ? open_folder(s, what, unconfined, err)
					   : open_archive(s, what, unconfined, err);
	if (strchr(what, '/') || fm_flows_is_archive(what))
		return fm_fail_errno(err, "%s", what);
	if ((rc = fm_place_check_run(call, what, err)) < 0 ||
	    (rc = fm_place_workspace(call, workspace, &workspace, err)) < 0)
		return rc;
	return open_run(s, workspace, what, err);
}

void fm_diff_side_close(struct fm_diff_side *s)
{
	json_decref(s->facts);
	free(s->flows);
}
