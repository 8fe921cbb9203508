#include "base/guarded.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

static int check_guard(const char *path, const char *what, const char *guard, const char *kind, struct fm_error *err)
{
	char word[FM_TEXT_SHELL_MAX];
	struct stat st;

	if (stat(guard, &st) != 0)
		return fm_fail(err, FM_ESYSTEM, "%s: %s", guard, strerror(errno));
	if (st.st_mode & 022 && !(S_ISDIR(st.st_mode) && st.st_mode & S_ISVTX))
		return fm_fail(err, FM_EINPUT,
			       "%s: others may put another %s in its place: the mode of %s is %03o; run chmod go-w %s",
			       path, what, guard, (unsigned)st.st_mode & 0777,
			       fm_text_shell(guard, strlen(guard), kind, word, sizeof word));
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return fm_fail(err, FM_EINPUT,
			       "%s: another user may put another %s in its place: the %s %s is not yours", path, what,
			       S_ISDIR(st.st_mode) ? "folder" : "file", guard);
	return FM_OK;
}

static int check_folder_of(const char *path, const char *what, const char *file, struct fm_error *err)
{
	char *copy = strdup(file);
	int rc;

	if (!copy)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	rc = check_guard(path, what, dirname(copy), "FOLDER", err);
	free(copy);
	return rc;
}

int fm_file_guarded(const char *path, const char *what, bool itself, struct fm_error *err)
{
	char *real;
	int rc;

	if ((rc = check_folder_of(path, what, path, err)) < 0 || !itself)
		return rc;
	if (!(real = realpath(path, NULL)))
		return fm_fail(err, FM_ESYSTEM, "%s: %s", path, strerror(errno));
	if ((rc = check_folder_of(path, what, real, err)) == FM_OK) /* where a link leads to */
		rc = check_guard(path, what, real, "FILE", err);
	free(real);
	return rc;
}
