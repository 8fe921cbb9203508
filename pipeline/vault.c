#include "pipeline/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "manifests/canon.h"
#include "pipeline/pack.h"
#include "pipeline/walls/sandbox.h"
#include "pipeline/workspace.h"
#include "pipeline/wrap.h"

#define FORMAT "flowmint-key/1"
#define PACK_FORMAT "flowmint-product/1"
#define LABEL "workspace"
#define FILE_MAX 65536
#define KEY_LEN 32

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: an encrypted product");
}

/* ---- keys ---- */

static void bound_to(char text[120], const char *what, const char *key)
{
	snprintf(text, 120, "%.30s %.64s", what, key);
}

static int write_key(const char *path, const char *project, const char *what, const char *stage_key, const char *run,
		     const struct fm_secret *key, struct fm_error *err)
{
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s}", "format", FORMAT, "of", what, "key", stage_key, "run", run);
	char bound[120];
	int rc;

	if (!doc)
		return no_memory(err);
	bound_to(bound, what, stage_key);
	if ((rc = fm_wrap(doc, project, LABEL, bound, key, err)) < 0)
		goto out;
	rc = fm_json_save(doc, path, err);
out:
	json_decref(doc);
	return rc;
}

static int read_key(struct fm_secret *key, const char *path, const char *project, const char *what,
		    const char *stage_key, struct fm_error *err)
{
	json_t *doc = NULL;
	char bound[120];
	int rc;

	*key = (struct fm_secret){0};
	bound_to(bound, what, stage_key);
	if ((rc = fm_json_load(&doc, path, FILE_MAX, err)) < 0)
		goto out;
	rc = fm_unwrap(key, doc, path, project, LABEL, bound, err);
out:
	json_decref(doc);
	return rc;
}

void fm_vault_maker(const char *key_file, char run[FM_RUN_ID_MAX])
{
	struct fm_error ignored;
	json_t *doc = NULL;
	const char *named;

	run[0] = '\0';
	if (!fm_file_exists(key_file) || fm_json_load(&doc, key_file, FILE_MAX, &ignored) < 0)
		return;
	named = json_string_value(json_object_get(doc, "run"));
	if (named && strlen(named) < FM_RUN_ID_MAX)
		strcpy(run, named);
	json_decref(doc);
}

/* On a disk that writes in place nothing of the key is left; on others an old copy may stay until it is written
 * over. */
int fm_vault_shred(const char *file, struct fm_error *err)
{
	static const char zeros[4096];
	struct stat st;
	int fd, rc = FM_OK;

	if (!fm_file_exists(file))
		return FM_OK;
	/* O_RDWR: a pipe in its place must not hold us up. */
	if ((fd = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return fm_fail_errno(err, "%s", file);
	if (fstat(fd, &st) != 0) {
		rc = fm_fail_errno(err, "%s", file);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		rc = fm_fail(err, FM_EINPUT, "%s is no regular file, and cannot be overwritten", file);
		goto out;
	}
	for (off_t at = 0; at < st.st_size;) {
		size_t n = st.st_size - at < (off_t)sizeof zeros ? (size_t)(st.st_size - at) : sizeof zeros;
		ssize_t done = pwrite(fd, zeros, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			rc = fm_fail_errno(err, "cannot overwrite %s", file);
			goto out;
		}
		at += done;
	}
	if (fdatasync(fd) != 0 || unlink(file) != 0)
		rc = fm_fail_errno(err, "%s", file);
	else
		rc = fm_dir_sync_parent(file, err);
out:
	close(fd);
	return rc;
}

/* ---- products ---- */

static int name_files(const struct fm_vault *v, char **key_file, char **sealed, struct fm_error *err)
{
	*sealed = NULL;
	if (!(*key_file = fm_path_join(v->entry, FM_VAULT_KEY)) ||
	    asprintf(sealed, "%s/%s.sealed", v->entry, fm_stage_table[v->stage].product) < 0) {
		*sealed = NULL;
		return no_memory(err);
	}
	return FM_OK;
}

static struct fm_pack_child child_of(const struct fm_vault *v, struct fm_sandbox_report *report)
{
	return (struct fm_pack_child){fm_stage_name(v->stage), v->unconfined, report};
}

int fm_vault_put(const struct fm_vault *v, const char *run, const char *dir, const char *output, struct fm_run_stage *s,
		 struct fm_error *err)
{
	struct fm_secret key = {0};
	struct fm_pack pack = {PACK_FORMAT, LABEL, "output", &key};
	struct fm_sandbox_report report = {0};
	struct fm_pack_child child = child_of(v, &report);
	char *key_file = NULL, *sealed = NULL;
	json_t *index = NULL;
	int rc;

	if ((rc = name_files(v, &key_file, &sealed, err)) < 0)
		goto out;
	if (!(index = json_pack("{s:s}", "output", output))) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_secret_random(&key, KEY_LEN, err)) < 0 ||
	    (rc = write_key(key_file, v->project, fm_stage_name(v->stage), v->key, run, &key, err)) < 0)
		goto out;
	rc = fm_pack_seal(&pack, &child, dir, index, v->entry, sealed, err);
	fm_run_stage_took(s, &report);
out:
	fm_secret_close(&key);
	json_decref(index);
	free(key_file);
	free(sealed);
	return rc;
}

uint64_t fm_vault_bytes(const struct fm_vault *v)
{
	char *key_file = NULL, *sealed = NULL;
	struct fm_error ignored;
	uint64_t n = 0;

	if (name_files(v, &key_file, &sealed, &ignored) >= 0 && fm_file_size(sealed, &n, &ignored) < 0)
		n = 0;
	free(key_file);
	free(sealed);
	return n;
}

int fm_vault_get(const struct fm_vault *v, const char *dir, char output[FM_SHA256_HEX], struct fm_run_stage *s,
		 struct fm_error *err)
{
	struct fm_secret key = {0};
	struct fm_pack pack = {PACK_FORMAT, LABEL, "output", &key};
	struct fm_sandbox_report report = {0};
	struct fm_pack_child child = child_of(v, &report);
	char *key_file = NULL, *sealed = NULL;
	json_t *index = NULL;
	const char *hex;
	int rc;

	if ((rc = name_files(v, &key_file, &sealed, err)) < 0)
		goto out;
	if (!fm_file_exists(key_file) || !fm_file_exists(sealed)) {
		rc = fm_fail(err, FM_EINPUT, "%s: what the stage %s left there is gone, or was purged", v->entry,
			     fm_stage_name(v->stage));
		goto out;
	}
	if ((rc = read_key(&key, key_file, v->project, fm_stage_name(v->stage), v->key, err)) < 0)
		goto out;
	rc = fm_pack_unseal(&pack, &child, sealed, dir, &index, err);
	fm_run_stage_took(s, &report);
	if (rc < 0)
		goto out;
	hex = json_string_value(json_object_get(index, "output"));
	if (hex && strlen(hex) == FM_SHA256_HEX - 1)
		memcpy(output, hex, FM_SHA256_HEX);
	else
		rc = fm_fail(err, FM_ESYSTEM, "%s: no digest came back", sealed);
out:
	fm_secret_close(&key);
	json_decref(index);
	free(key_file);
	free(sealed);
	return rc;
}

int fm_vault_derive(struct fm_secret *key, const struct fm_vault *v, const char *label, struct fm_error *err)
{
	char *file = fm_path_join(v->entry, FM_VAULT_KEY);
	struct fm_secret own = {0};
	int rc;

	*key = (struct fm_secret){0};
	if (!file)
		return no_memory(err);
	if (!fm_file_exists(file)) {
		rc = fm_fail(err, FM_EINPUT, "%s: what the stage %s left there is gone, or was purged", v->entry,
			     fm_stage_name(v->stage));
		goto out;
	}
	if ((rc = read_key(&own, file, v->project, fm_stage_name(v->stage), v->key, err)) < 0)
		goto out;
	rc = fm_secret_derive(key, &own, label, err);
out:
	fm_secret_close(&own);
	free(file);
	return rc;
}

int fm_vault_destroy(const char *entry, struct fm_error *err)
{
	char *key_file = fm_path_join(entry, FM_VAULT_KEY);
	struct stat st;
	int rc;

	if (!key_file)
		return no_memory(err);
	/* A link leads to what is somebody else's. */
	if (lstat(entry, &st) == 0 && !S_ISDIR(st.st_mode)) {
		rc = fm_fail(err, FM_EINPUT, "%s is no folder: look who put it there", entry);
		goto out;
	}
	if ((rc = fm_vault_shred(key_file, err)) < 0)
		goto out;
	rc = fm_dir_remove(entry, err);
out:
	free(key_file);
	return rc;
}

/* ---- checkpoints ---- */

static char *checkpoint_key_file(const char *workspace, const char *stage_key, struct fm_error *err)
{
	char name[sizeof FM_CHECKPOINT_KEY + FM_SHA256_HEX + 8];

	snprintf(name, sizeof name, FM_CHECKPOINT_KEY "%.64s.json", stage_key);
	return fm_workspace_entry(workspace, fm_stage_name(FM_TRAIN), name, err);
}

int fm_vault_checkpoint_key(struct fm_secret *key, const char *workspace, const char *project, const char *stage_key,
			    const char *run, struct fm_error *err)
{
	char *file = checkpoint_key_file(workspace, stage_key, err);
	bool there;
	int rc;

	*key = (struct fm_secret){0};
	if (!file)
		return err->code;
	/* One that cannot be read now is not replaced: nobody could go on from its checkpoint then. */
	there = fm_file_exists(file);
	rc = there ? read_key(key, file, project, "checkpoint", stage_key, err) : FM_OK;
	if (rc == FM_ESYSTEM) {
		rc = fm_error_prefix(err,
				     "the key of the checkpoint cannot be read: try again, or remove %s to begin the "
				     "training anew: ",
				     file);
		goto out;
	}
	if (rc < 0)
		fm_warn("%s; the checkpoint cannot be used", err->message);
	if ((!there || rc < 0) && (rc = fm_secret_random(key, KEY_LEN, err)) < 0)
		goto out;
	/* Stored with the newest run that goes on from the checkpoint, whose purge takes it away. */
	rc = write_key(file, project, "checkpoint", stage_key, run, key, err);
out:
	if (rc < 0)
		fm_secret_close(key);
	free(file);
	return rc;
}

int fm_vault_drop_checkpoint(const char *workspace, const char *stage_key, struct fm_error *err)
{
	char *file = checkpoint_key_file(workspace, stage_key, err), *dir = NULL;
	char name[sizeof FM_CHECKPOINT_PREFIX + FM_SHA256_HEX];
	int rc;

	snprintf(name, sizeof name, FM_CHECKPOINT_PREFIX "%.64s", stage_key);
	if (!file || !(dir = fm_workspace_entry(workspace, fm_stage_name(FM_TRAIN), name, err))) {
		rc = err->code;
		goto out;
	}
	if ((rc = fm_vault_shred(file, err)) < 0)
		goto out;
	rc = fm_dir_remove(dir, err);
out:
	free(file);
	free(dir);
	return rc;
}
