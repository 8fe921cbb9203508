/*
 * The release stage once more, from nothing but what it gave out: if the archive comes out the same to the byte, its
 * maker chose no word, order of files, padding or spelling in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "release/archive.h"
#include "stages/stage.h"

/* The flows on their way out of an archive. */
struct flows {
	const char *path;
	struct fm_out *out;
	bool found, wanted; /* wanted: the file that is being read is the one of the flows */
};

static int begin_file(void *ctx, const char *path, struct fm_error *err)
{
	struct flows *f = ctx;

	f->wanted = fm_archive_is_data(path) && !f->found;
	f->found |= f->wanted;
	return f->wanted ? fm_out_open(&f->out, f->path, 0600, err) : FM_OK;
}

static int put_bytes(void *ctx, const void *p, size_t n, struct fm_error *err)
{
	const struct flows *f = ctx;

	return f->wanted ? fm_out_write(f->out, p, n, err) : FM_OK;
}

/* Copy the flows of an archive into a file, and fill *info with what each of its files is. */
static int take_flows(const char *archive, const char *path, struct fm_archive_info *info, struct fm_error *err)
{
	struct flows f = {.path = path};
	const struct fm_archive_sink sink = {begin_file, put_bytes, &f};
	enum fm_reason reason;
	int fd, rc;

	if ((rc = fm_file_open(archive, &fd, err)) < 0)
		return rc;
	rc = fm_archive_read_into(fd, NULL, &sink, info, &reason, err);
	close(fd);
	if (rc < 0) {
		fm_out_abort(f.out);
		return rc == FM_ESYSTEM ? rc : fm_fail(err, FM_EINPUT, "it cannot be read: %s", err->message);
	}
	if (!f.found)
		return fm_fail(err, FM_EINPUT, "it holds no flows");
	return fm_out_commit(f.out, err);
}

/* A file whose digest another file holds comes before that file: the documents have the digests of the flows, the
 * manifest those of the documents, and SHA256SUMS has all. */
static int depth_of(const char *path)
{
	return strncmp(path, "data/", 5) == 0           ? 0
	       : strcmp(path, FM_ARCHIVE_SUMS) == 0     ? 3
	       : strcmp(path, FM_ARCHIVE_MANIFEST) == 0 ? 2
							: 1;
}

/* The first file by depth_of that differs, or NULL. */
static const char *other_file(const struct fm_archive_info *was, const struct fm_archive_info *is)
{
	const char *other = NULL;

	if (was->n != is->n)
		return "the list of its files";
	for (size_t i = 0; i < is->n; i++) {
		const char *path = is->file[i].path;

		if (strcmp(path, was->file[i].path) != 0)
			return "the list of its files";
		if (strcmp(is->file[i].sha256, was->file[i].sha256) != 0 &&
		    (!other || depth_of(path) < depth_of(other)))
			other = path;
	}
	return other;
}

/* Fail with the file that differs, or say that what lies around the files does. */
static int tell_difference(const struct fm_config *cfg, const struct fm_archive_info *was, const char *again,
			   struct fm_error *err)
{
	struct fm_archive_info is = {0};
	enum fm_reason reason;
	const char *what;
	int fd, rc;

	if ((rc = fm_file_open(again, &fd, err)) < 0)
		return rc;
	rc = fm_archive_read(fd, &is, &reason, err);
	close(fd);
	if (rc < 0)
		goto out;
	what = other_file(was, &is);
	if (!what)
		what = strcmp(is.digests.tar_sha256, was->digests.tar_sha256) ? "its tar" : "its compression";
	rc = fm_fail(err, FM_EVERDICT, "made again from its flows in publish.dialect %s, %s comes out otherwise",
		     fm_config_published(cfg), what);
out:
	fm_archive_info_free(&is);
	return rc;
}

int fm_release_again(const struct fm_release_in *in, const char *archive, struct fm_release_out *out,
		     struct fm_error *err)
{
	struct fm_archive_info info = {0};
	struct fm_release_in again = *in;
	char *flows = fm_path_join(in->out_dir, ".flows");
	int rc;

	memset(out, 0, sizeof *out);
	if (!flows) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	again.flows = flows;
	if ((rc = take_flows(archive, flows, &info, err)) < 0 || (rc = fm_stage_release(&again, out, err)) < 0)
		goto out;
	if (strcmp(out->archive_sha256, info.digests.sha256) != 0)
		rc = tell_difference(in->cfg, &info, out->archive, err);
	unlink(out->archive);
out:
	if (flows)
		unlink(flows);
	fm_archive_info_free(&info);
	free(flows);
	return rc;
}
