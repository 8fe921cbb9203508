#include "pipeline/difference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "manifests/canon.h"
#include "pipeline/walls/sandbox.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the comparison");
}

/* ---- one file of an archive ---- */

struct picking {
	const char *path;
	struct fm_out *out;
	bool on;
};

static int pick_file(void *ctx, const char *path, struct fm_error *err)
{
	struct picking *p = ctx;

	(void)err;
	p->on = strcmp(path, p->path) == 0;
	return FM_OK;
}

static int pick_bytes(void *ctx, const void *bytes, size_t n, struct fm_error *err)
{
	struct picking *p = ctx;

	return p->on ? fm_out_write(p->out, bytes, n, err) : FM_OK;
}

struct pick_job {
	const char *archive, *path;
	char *folder, *made;
};

static int pick_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct pick_job *job = ctx;
	struct picking p = {.path = job->path};
	struct fm_archive_sink sink = {pick_file, pick_bytes, &p};
	struct fm_archive_info info = {0};
	enum fm_reason reason;
	int fd, rc;

	(void)result;
	if ((rc = fm_file_open(job->archive, &fd, err)) < 0)
		return rc;
	if ((rc = fm_out_open(&p.out, job->made, 0600, err)) < 0 ||
	    (rc = fm_archive_read_into(fd, NULL, &sink, &info, &reason, err)) < 0)
		goto out;
	rc = fm_out_commit(p.out, err);
	p.out = NULL;
out:
	fm_out_abort(p.out);
	fm_archive_info_free(&info);
	close(fd);
	return rc;
}

int fm_archive_pick(const char *archive, bool unconfined, const char *path, const char *to, struct fm_error *err)
{
	struct fm_sandbox box = {.name = "archive", .unconfined = unconfined, .limits.threads = FM_RECIPE_THREADS};
	struct fm_sandbox_report report = {0};
	struct pick_job job = {.path = path};
	char *real = realpath(archive, NULL);
	struct stat st;
	int rc;

	if (!real)
		return fm_fail_errno(err, "%s", archive);
	job.archive = real;
	if (asprintf(&job.folder, "%s.d", to) < 0 || !(job.made = fm_path_join(job.folder, "file"))) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_dir_make(job.folder, 0700, err)) < 0)
		goto out;
	fm_sandbox_path(&box, real, false);
	fm_sandbox_path(&box, job.folder, true);
	if ((rc = fm_sandbox_run(&box, pick_fn, &job, &report, err)) < 0)
		goto out;
	/* What a child left is not trusted. */
	if (lstat(job.made, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		rc = fm_fail(err, FM_ESYSTEM, "%s: %s could not be unpacked", archive, path);
	else if (rename(job.made, to) != 0)
		rc = fm_fail_errno(err, "%s", to);
out:
	if (job.made)
		fm_dir_clear_away(job.folder);
	json_decref(report.result);
	free(job.made);
	free(job.folder);
	free(real);
	return rc;
}

/* ---- two texts ---- */

/* Offset and line of the first byte in which they differ, which may be the end of one. */
static int put_place(json_t *d, const char *a, size_t na, const char *b, size_t nb, struct fm_error *err)
{
	size_t at = 0, n = na < nb ? na : nb;
	json_int_t line = 1;

	for (; at < n && a[at] == b[at]; at++)
		line += a[at] == '\n';
	if (json_object_set_new(d, "byte", json_integer((json_int_t)at)) ||
	    json_object_set_new(d, "line", json_integer(line)))
		return no_memory(err);
	return FM_OK;
}

static char *shown(const json_t *v)
{
	char *s = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) : strdup("nothing");

	if (s && strlen(s) > 80)
		strcpy(s + 77, "...");
	return s;
}

/* The first value that differs, in the order of the text, as "checks/3/value". */
static int put_value(json_t *d, const json_t *a, const json_t *b, const char *at, struct fm_error *err)
{
	char *path = NULL, *x, *y;
	const char *key;
	json_t *v, *all;
	int rc = FM_OK;

	if (json_is_object(a) && json_is_object(b)) {
		if (!(all = json_copy((json_t *)b)))
			return no_memory(err);
		json_object_update(all, (json_t *)a);
		for (const char *least = "";;) {
			const char *next = NULL;

			json_object_foreach(all, key, v)
			{
				if (strcmp(key, least) > 0 && (!next || strcmp(key, next) < 0) &&
				    !json_equal(json_object_get(a, key), json_object_get(b, key)))
					next = key;
			}
			if (!next)
				break;
			if (asprintf(&path, "%s%s%s", at, *at ? "/" : "", next) < 0) {
				path = NULL;
				rc = no_memory(err);
				break;
			}
			rc = put_value(d, json_object_get(a, next), json_object_get(b, next), path, err);
			break;
		}
		json_decref(all);
		free(path);
		return rc;
	}
	if (json_is_array(a) && json_is_array(b)) {
		for (size_t i = 0; i < json_array_size(a) || i < json_array_size(b); i++) {
			if (json_equal(json_array_get(a, i), json_array_get(b, i)))
				continue;
			if (asprintf(&path, "%s/%zu", at, i) < 0)
				return no_memory(err);
			rc = put_value(d, json_array_get(a, i), json_array_get(b, i), path, err);
			free(path);
			return rc;
		}
	}
	x = shown(a);
	y = shown(b);
	if (!x || !y || json_object_set_new(d, "value", json_string(at)) ||
	    json_object_set_new(d, "recorded", json_string(x)) || json_object_set_new(d, "again", json_string(y)))
		rc = no_memory(err);
	free(x);
	free(y);
	return rc;
}

static int compare_manifests(json_t *d, const struct fm_recipe *recorded, const struct fm_archive_info *again,
			     struct fm_error *err)
{
	const struct fm_buf *a = &recorded->info.manifest, *b = &again->manifest;
	json_t *now, *then = json_deep_copy(recorded->manifest);
	int rc;

	if ((rc = put_place(d, a->data, a->len, b->data, b->len, err)) < 0)
		goto out;
	now = fm_json_parse(b->data, b->len, JSON_REJECT_DUPLICATES, NULL);
	/* Digests of files are left out here: each file that differs is listed by itself. */
	if (json_object_size(now) > 1 && json_object_size(then) > 1 && !json_equal(now, then)) {
		json_t *n = json_copy(now), *t = json_copy(then);

		json_object_del(n, "files");
		json_object_del(t, "files");
		rc = json_equal(n, t) ? put_value(d, then, now, "", err) : put_value(d, t, n, "", err);
		json_decref(n);
		json_decref(t);
	}
	json_decref(now);
out:
	json_decref(then);
	return rc;
}

static int compare_bytes(json_t *d, const struct fm_recipe *recorded, const char *again, const char *path,
			 const char *tmp, struct fm_error *err)
{
	char *x = fm_path_join(tmp, "recorded"), *y = fm_path_join(tmp, "again");
	struct fm_map a = {0}, b = {0};
	int rc;

	if (!x || !y) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_archive_pick(recorded->path, recorded->unconfined, path, x, err)) < 0 ||
	    (rc = fm_archive_pick(again, recorded->unconfined, path, y, err)) < 0 ||
	    (rc = fm_map_open(&a, x, err)) < 0 || (rc = fm_map_open(&b, y, err)) < 0)
		goto out;
	rc = put_place(d, a.data, a.len, b.data, b.len, err);
out:
	fm_map_close(&a);
	fm_map_close(&b);
	free(x);
	free(y);
	return rc;
}

/* ---- all files ---- */

static const struct fm_archive_file *find(const struct fm_archive_info *info, const char *path)
{
	for (size_t i = 0; i < info->n; i++)
		if (strcmp(info->file[i].path, path) == 0)
			return &info->file[i];
	return NULL;
}

/* Is the file in group `turn`, in the order in which files are made? */
static bool in_turn(const char *path, int turn)
{
	int group = fm_archive_is_data(path)                 ? 0
		    : strcmp(path, FM_ARCHIVE_MANIFEST) == 0 ? 2
		    : strcmp(path, FM_ARCHIVE_SUMS) == 0     ? 3
							     : 1;

	return group == turn;
}

static int add(json_t *list, const struct fm_recipe *recorded, const struct fm_archive_info *info, const char *again,
	       const char *path, const char *tmp, struct fm_error *err)
{
	bool then = find(&recorded->info, path) || strcmp(path, FM_ARCHIVE_MANIFEST) == 0, now = find(info, path);
	json_t *d = json_pack("{s:s, s:s}", "file", path, "what",
			      then && now ? "other bytes"
			      : then      ? "not there"
					  : "not recorded");

	if (!d || json_array_append_new(list, d))
		return no_memory(err);
	if (!then || !now)
		return FM_OK;
	if (strcmp(path, FM_ARCHIVE_MANIFEST) == 0)
		return compare_manifests(d, recorded, info, err);
	/* Only for the first file: each costs a reading of both archives, and nobody asks about the later ones. */
	return recorded->whole && json_array_size(list) == 1 ? compare_bytes(d, recorded, again, path, tmp, err)
							     : FM_OK;
}

static bool differs(const struct fm_recipe *recorded, const struct fm_archive_info *info, const char *path)
{
	const struct fm_archive_file *a = find(&recorded->info, path), *b = find(info, path);

	/* A manifest that came alone lists neither itself nor the sums, which follow from the rest. */
	if (!recorded->whole && strcmp(path, FM_ARCHIVE_SUMS) == 0)
		return false;
	if (!recorded->whole && strcmp(path, FM_ARCHIVE_MANIFEST) == 0)
		return recorded->info.manifest.len != info->manifest.len ||
		       memcmp(recorded->info.manifest.data, info->manifest.data, info->manifest.len) != 0;
	return !a || !b || strcmp(a->sha256, b->sha256) != 0;
}

int fm_difference_find(const struct fm_recipe *recorded, const char *again, const char *tmp, json_t **list,
		       struct fm_error *err)
{
	struct fm_archive_info info = {0};
	enum fm_reason reason;
	int fd, rc;

	*list = NULL;
	if ((rc = fm_file_open(again, &fd, err)) < 0)
		return rc;
	rc = fm_archive_read(fd, &info, &reason, err);
	close(fd);
	if (rc < 0)
		goto out;
	if (!(*list = json_array())) {
		rc = no_memory(err);
		goto out;
	}
	for (int turn = 0; turn < 4; turn++) {
		for (size_t i = 0; i < info.n; i++)
			if (in_turn(info.file[i].path, turn) && differs(recorded, &info, info.file[i].path) &&
			    (rc = add(*list, recorded, &info, again, info.file[i].path, tmp, err)) < 0)
				goto out;
		for (size_t i = 0; i < recorded->info.n; i++)
			if (in_turn(recorded->info.file[i].path, turn) && !find(&info, recorded->info.file[i].path) &&
			    (rc = add(*list, recorded, &info, again, recorded->info.file[i].path, tmp, err)) < 0)
				goto out;
	}
out:
	fm_archive_info_free(&info);
	if (rc < 0) {
		json_decref(*list);
		*list = NULL;
	}
	return rc;
}
