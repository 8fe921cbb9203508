#include "pipeline/cli/walls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

int fm_walls_begin(struct fm_walls *w, const char *name, bool unconfined, struct fm_error *err)
{
	*w = (struct fm_walls){.box = {.name = name, .unconfined = unconfined}};
	if (!(w->cwd = getcwd(NULL, 0)))
		return fm_fail_errno(err, "cannot tell the current folder");
	w->box.cwd = w->cwd;
	return FM_OK;
}

/* Is it shown already, or below a folder that is? */
static bool is_shown(const struct fm_walls *w, const char *path)
{
	for (int i = 0; i < w->n; i++) {
		size_t n = strlen(w->path[i]);

		if (strncmp(w->path[i], path, n) == 0 && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

int fm_walls_show(struct fm_walls *w, const char *path, bool writable, struct fm_error *err)
{
	struct stat st, root;
	char *absolute;

	if (!path || !*path)
		return FM_OK;
	if (stat(path, &st) != 0) /* whoever wants it reports that it is absent */
		return errno != EACCES || writable
			   ? FM_OK
			   : fm_fail(err, FM_EINPUT,
				     "%s: this user may not look into a folder that it is in (the "
				     "permission to search one is missing)",
				     path);
	if (!writable && S_ISFIFO(st.st_mode)) /* its other end is outside the walls, and it can be read only once */
		return fm_fail(err, FM_EINPUT, "%s is a pipe: write what comes through it into a file, and name that",
			       path);
	if (!writable && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) /* there are no devices within the walls */
		return fm_fail(err, FM_EINPUT, "%s is no regular file: write what it holds into one, and name that",
			       path);
	if (stat("/", &root) == 0 && st.st_dev == root.st_dev && st.st_ino == root.st_ino) /* the child has one */
		return fm_fail(err, FM_EINPUT, "%s is the root of all folders: name the file", path);
	if (w->n == FM_SANDBOX_MAXPATHS)
		return fm_fail(err, FM_EINPUT, "too many files");
	absolute = path[0] == '/' ? strdup(path) : fm_path_join(w->cwd, path);
	if (!absolute)
		return no_memory(err);
	if (!writable && is_shown(w, absolute)) {
		free(absolute);
		return FM_OK;
	}
	w->path[w->n++] = absolute;
	fm_sandbox_path(&w->box, absolute, writable);
	return FM_OK;
}

void fm_walls_threads(struct fm_walls *w, uint64_t n)
{
	if (n == 0 || n > 4096)
		n = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	w->box.limits.threads = (unsigned)(4 * n + 16);
}

int fm_walls_run(struct fm_walls *w, fm_sandbox_fn fn, void *ctx, json_t **result, struct fm_error *err)
{
	struct fm_sandbox_report report = {0};
	int rc;

	*result = NULL;
	if ((rc = fm_sandbox_run(&w->box, fn, ctx, &report, err)) < 0) {
		json_decref(report.result);
		return rc;
	}
	if (!(*result = report.result))
		return fm_fail(err, FM_ESYSTEM, "%s: no result came back", w->box.name);
	return FM_OK;
}

void fm_walls_end(struct fm_walls *w)
{
	for (int i = 0; i < w->n; i++)
		free(w->path[i]);
	free(w->cwd);
	*w = (struct fm_walls){0};
}

void fm_walls_caution(const char *signers, char words[FM_VERIFY_CAUTION])
{
	words[0] = '\0';
	if (signers)
		fm_verify_caution(signers, words);
	if (words[0])
		fm_warn("%s", words);
}

int fm_walls_print(const char *text, struct fm_error *err)
{
	char shown[4096];

	for (const char *at = text; *at;) {
		size_t n = strcspn(at, "\n"),
		       most = n < sizeof shown / 4 - 1 ? n : fm_utf8_cut(at, sizeof shown / 4 - 1);

		size_t len = fm_text_show(at, most, shown, sizeof shown);
		fwrite(shown, 1, len, stdout);
		at += most;
		if (*at == '\n' && most == n)
			putchar(*at++);
	}
	return ferror(stdout) ? fm_fail_errno(err, "standard output") : FM_OK;
}
