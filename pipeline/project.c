#include "pipeline/project.h"
#include "base/secret.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
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

/* All of a project. */
static const char *const names[] = {"release.yaml", "keys", "allowed_signers", ".gitignore"};
#define NNAMES (sizeof names / sizeof *names)

/* Nothing stands there, not even a link to nothing. Else errno is 0, or why that cannot be told. */
static bool is_absent(const char *path)
{
	struct stat st;

	errno = 0;
	return lstat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG);
}

static int refuse_existing(const char *dir, struct fm_error *err)
{
	int rc = FM_OK;

	for (size_t i = 0; i < NNAMES; i++) {
		char *path = fm_path_join(dir, names[i]);

		if (!path)
			return fm_fail(err, FM_ESYSTEM, "out of memory");
		if (!is_absent(path))
			rc = errno ? fm_fail_errno(err, "%s", path)
				   : fm_fail(err, FM_EINPUT,
					     "%s exists: a project is not made over another one; name a new folder",
					     path);
		free(path);
		if (rc < 0)
			return rc;
	}
	return FM_OK;
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
	if ((rc = fm_dir_make(keys, 0700, err)) < 0 ||
	    (rc = fm_secret_random(&commitment, COMMITMENT_KEY_LEN, err)) < 0 ||
	    (rc = write_below(keys, "commitment.key", 0600, commitment.data, commitment.len, err)) < 0 ||
	    (rc = fm_keygen_line(key, principal, &line, err)) < 0 || (rc = fm_buf_check(&line, err)) < 0)
		goto out;
	rc = write_below(dir, "allowed_signers", 0644, line.data, line.len, err);
out:
	fm_secret_close(&commitment);
	fm_buf_free(&line);
	free(keys);
	free(key);
	return rc;
}

/* A preset's lines into out, with the day in place of its empty date: that of SOURCE_DATE_EPOCH, else today (UTC). */
static int fill_date(const char *text, size_t n, struct fm_buf *out, struct fm_error *err)
{
	static const char empty[] = "\n  date: \"\"        ";
	const char *at = strstr(text, empty), *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t now = time(NULL);
	char day[16];
	struct tm tm;
	int rc;

	if (!at)
		return fm_fail(err, FM_ESYSTEM, "the preset has no line for release.date");
	if ((rc = fm_source_date(day, err)) < 0)
		return rc;
	if (!day[0] && epoch && epoch[0])
		fm_warn("SOURCE_DATE_EPOCH is '%.40s', long before any release of flowmint's: release.date is today",
			epoch);
	if (!day[0] && (!gmtime_r(&now, &tm) || strftime(day, sizeof(day), "%Y-%m-%d", &tm) != 10))
		return fm_fail(err, FM_ESYSTEM, "cannot tell the date");
	fm_buf_add(out, text, (size_t)(at - text));
	fm_buf_printf(out, "\n  date: %s", day);
	fm_buf_add(out, at + sizeof(empty) - 1, n - (size_t)(at - text) - (sizeof(empty) - 1));
	return fm_buf_check(out, err);
}

/* The folder with those above it, as fm_dir_make makes them; made[i], of strlen(dir) + 1: the first i bytes of dir name
 * one that this call made. */
static int make_folders(const char *dir, bool *made, struct fm_error *err)
{
	char *path = strdup(dir);
	int rc = FM_OK;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	for (size_t i = 1, n = strlen(dir); i <= n && rc >= 0; i++) {
		if ((dir[i] && dir[i] != '/') || dir[i - 1] == '/')
			continue;
		path[i] = '\0';
		made[i] = mkdir(path, 0755) == 0; /* else it is there, or fm_dir_make says why it cannot be made */
		if (made[i])
			rc = fm_dir_sync_parent(path, err);
		path[i] = dir[i];
	}
	free(path);
	return rc < 0 ? rc : fm_dir_make(dir, 0755, err);
}

/* Half a project would be in the way of a whole one. */
static void take_away_files(const char *dir)
{
	struct fm_error ignored;
	char *path;

	for (size_t i = 0; i < NNAMES; i++) {
		if (!(path = fm_path_join(dir, names[i])) ||
		    (unlink(path) != 0 && !is_absent(path) && fm_dir_remove(path, &ignored) < 0))
			fm_warn("%s/%s may be left: remove it before flowmint init", dir, names[i]);
		free(path);
	}
}

static void take_away_folders(const char *dir, const bool *made)
{
	char *path = strdup(dir);

	for (size_t i = strlen(dir); path && i > 0; i--)
		if (made[i]) {
			path[i] = '\0';
			rmdir(path);
		}
	free(path);
}

int fm_project_init(const char *dir, const char *preset, const char *principal, struct fm_error *err)
{
	struct fm_buf config = {0};
	bool *made = NULL;
	const char *text;
	size_t n;
	int rc;

	if ((rc = fm_config_preset_text(preset, &text, &n, err)) < 0 || (rc = fill_date(text, n, &config, err)) < 0 ||
	    (rc = refuse_existing(dir, err)) < 0 ||
	    (rc = fm_alloc(&made, strlen(dir) + 1, sizeof *made, "the project's folders", err)) < 0)
		goto out;
	if ((rc = make_folders(dir, made, err)) < 0) {
		take_away_folders(dir, made);
		goto out;
	}
	/* The config last: a folder with release.yaml is a whole project. */
	if ((rc = write_below(dir, ".gitignore", 0644, gitignore, sizeof gitignore - 1, err)) < 0 ||
	    (rc = make_keys(dir, principal, err)) < 0 ||
	    (rc = write_below(dir, "release.yaml", 0644, config.data, config.len, err)) < 0) {
		take_away_files(dir);
		take_away_folders(dir, made);
	}
out:
	free(made);
	fm_buf_free(&config);
	return rc;
}
