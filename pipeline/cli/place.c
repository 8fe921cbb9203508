#include "pipeline/cli/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "pipeline/ledger.h"

#define CONFIG "release.yaml"

/* The folder from here up that has a release.yaml, in the arena; *dir is NULL when none has. */
static int find_project(struct fm_arena *arena, const char **dir, struct fm_error *err)
{
	char *here = getcwd(NULL, 0), *path = NULL, *slash;
	struct stat st;
	bool above = false;
	int rc = FM_OK;

	*dir = NULL;
	if (!here || !(path = malloc(strlen(here) + sizeof("/" CONFIG)))) {
		rc = fm_fail_errno(err, "cannot tell the current folder");
		goto out;
	}
	for (;; above = true) {
		sprintf(path, "%s/" CONFIG, strcmp(here, "/") == 0 ? "" : here);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			break;
		if (!(slash = strrchr(here, '/')) || strcmp(here, "/") == 0)
			goto out;
		slash[slash == here] = '\0';
	}
	if (above && st.st_uid != geteuid() && st.st_uid != 0)
		rc = fm_fail(err, FM_EINPUT,
			     "%s, in a folder above this one, belongs to another user: name it to use it", path);
	else if (!(*dir = fm_arena_strdup(arena, here)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the command line");
out:
	free(here);
	free(path);
	return rc;
}

static int join(struct fm_arena *arena, const char *dir, const char *name, const char **out, struct fm_error *err)
{
	char *path = fm_arena_alloc(arena, 1, strlen(dir) + strlen(name) + 2);

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory for the command line");
	sprintf(path, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name);
	*out = path;
	return FM_OK;
}

int fm_place_config(const struct fm_call *call, const char *given, const char **file, struct fm_error *err)
{
	const char *dir;
	int rc;

	*file = given;
	if (given) {
		fm_detail("config: %s", given);
		return FM_OK;
	}
	if ((rc = find_project(call->arena, &dir, err)) < 0)
		return rc;
	if (!dir)
		return fm_fail(err, FM_EUSAGE,
			       "%s wants RELEASE.yaml: no folder from here up has a " CONFIG
			       "; name one, or make a project "
			       "with flowmint init",
			       call->verb->name);
	if ((rc = join(call->arena, dir, CONFIG, file, err)) < 0)
		return rc;
	fm_detail("config: %s", *file);
	return FM_OK;
}

static const char *from_environment(void)
{
	const char *dir = getenv("FLOWMINT_WORKSPACE");

	return dir && *dir ? dir : NULL;
}

const char *fm_place_run_workspace(const char *given)
{
	return given ? given : from_environment();
}

int fm_place_workspace(const struct fm_call *call, const char *given, const char **dir, struct fm_error *err)
{
	const char *project, *below;
	int rc;

	if (!(*dir = fm_place_run_workspace(given))) {
		if ((rc = find_project(call->arena, &project, err)) < 0)
			return rc;
		*dir = "workspace";
		if (project && (rc = join(call->arena, project, "workspace", dir, err)) < 0)
			return rc;
	} else {
		/* A project stands for its workspace. */
		if ((rc = join(call->arena, *dir, "workspace", &below, err)) < 0)
			return rc;
		if (!fm_file_exists_in(*dir, "ledger.db") &&
		    (fm_file_exists_in(below, "ledger.db") || fm_file_exists_in(*dir, CONFIG)))
			*dir = below;
	}
	fm_detail("workspace: %s", *dir);
	return FM_OK;
}

int fm_place_project(const struct fm_call *call, const char *given, const char **dir, struct fm_error *err)
{
	int rc;

	if ((*dir = given))
		return FM_OK;
	if ((rc = find_project(call->arena, dir, err)) < 0)
		return rc;
	if (!*dir)
		return fm_fail(err, FM_EUSAGE,
			       "%s wants a project: no folder from here up has a " CONFIG
			       "; name the folder of keys/commitment.key with --project",
			       call->verb->name);
	return FM_OK;
}

int fm_place_project_workspace(const struct fm_call *call, const char *given, const char *project, const char **dir,
			       struct fm_error *err)
{
	if ((*dir = fm_place_run_workspace(given)))
		return FM_OK;
	return join(call->arena, project, "workspace", dir, err);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int fm_place_no_folder(const struct fm_call *call, struct fm_error *err)
{
	const char *what = call->operand[0], *name = call->verb->name;
	char wanted[128];

	if (!is_folder(what) || (call->verb->offer == FM_OFFER_RUN_OR_FILE && !fm_run_is_file(what)))
		return FM_OK;
	fm_say_operands(call->verb, wanted, sizeof wanted);
	return fm_fail(err, FM_EUSAGE, "%s: %s is a folder, and what is wanted is %s%s%s", name, what, wanted,
		       fm_file_exists_in(what, CONFIG) ? "; runs of the project there are named with -C " : "",
		       fm_file_exists_in(what, CONFIG) ? what : "");
}

int fm_place_check_run(const struct fm_call *call, const char *what, struct fm_error *err)
{
	bool file = call->verb->offer == FM_OFFER_RUN_OR_FILE && !fm_file_exists(what);

	if (fm_run_is_named(what))
		return FM_OK;
	return fm_fail(err, FM_EINPUT, "%s: '%s' is no run, such as r0001%s; flowmint log lists them", call->verb->name,
		       what, file ? ", and no such file is there" : "");
}
