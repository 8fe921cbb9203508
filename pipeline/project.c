#include "pipeline/project.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "manifests/config.h"
#include "release/sign/sshkey.h"

#define COMMITMENT_KEY_LEN 32

static const char gitignore[] = "# Secrets and private records: never in version control.\nkeys/\nworkspace/\n";

static int write_below(const char *dir, const char *name, mode_t mode, const void *p, size_t n, struct fm_error *err)
{
	char *path = fm_path_join(dir, name);
	int rc = path ? fm_file_write(path, mode, p, n, err) : fm_fail(err, FM_ESYSTEM, "out of memory");

	free(path);
	return rc;
}

static int refuse_existing(const char *dir, struct fm_error *err)
{
	static const char *const names[] = {"release.yaml", "keys", "allowed_signers", ".gitignore"};
	int rc = FM_OK;

	for (size_t i = 0; i < sizeof names / sizeof *names && !rc; i++) {
		char *path = fm_path_join(dir, names[i]);

		if (!path)
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		else if (fm_file_exists(path))
			rc = fm_fail(err, FM_EINPUT,
				     "%s exists: a project is not made over another one; name a new folder", path);
		free(path);
	}
	return rc;
}

static int make_keys(const char *dir, const char *principal, struct fm_error *err)
{
	struct fm_secret commitment = {0};
	struct fm_buf line = {0};
	char *keys = fm_path_join(dir, "keys"), *key = keys ? fm_path_join(keys, "release.key") : NULL;
	int rc;

	if (!key) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_dir_make(keys, 0700, err)) || (rc = fm_secret_random(&commitment, COMMITMENT_KEY_LEN, err)) ||
	    (rc = write_below(keys, "commitment.key", 0600, commitment.data, commitment.len, err)) ||
	    (rc = fm_keygen_line(key, principal, &line, err)) || (rc = fm_buf_check(&line, err)))
		goto out;
	rc = write_below(dir, "allowed_signers", 0644, line.data, line.len, err);
out:
	fm_secret_close(&commitment);
	fm_buf_free(&line);
	free(keys);
	free(key);
	return rc;
}

int fm_project_init(const char *dir, const char *preset, const char *principal, struct fm_error *err)
{
	const char *text;
	size_t n;
	int rc;

	if ((rc = fm_config_preset_text(preset, &text, &n, err)) || (rc = refuse_existing(dir, err)) ||
	    (rc = fm_dir_make(dir, 0755, err)) ||
	    (rc = write_below(dir, ".gitignore", 0644, gitignore, sizeof gitignore - 1, err)) ||
	    (rc = make_keys(dir, principal, err)))
		return rc;
	/* Last: a folder with release.yaml is a whole project. */
	return write_below(dir, "release.yaml", 0644, text, n, err);
}

char *fm_project_config(const char *named)
{
	struct stat st;

	return stat(named, &st) == 0 && S_ISDIR(st.st_mode) ? fm_path_join(named, "release.yaml") : strdup(named);
}
