/*
 * Landlock: the paths of the box once more.  Beside the private root it is the second wall; without namespaces it is
 * the one that keeps a stage from the user's files, and from the memory of the user's processes, which are files below
 * /proc.
 */
#include "base/landlock.h"
#include "pipeline/walls/sandbox.h"

int fm_sandbox_landlock_version(void)
{
	return fm_landlock_version();
}

int fm_sandbox_landlock(const struct fm_sandbox *box, struct fm_error *err)
{
	struct fm_landlock_path path[FM_SANDBOX_MAXPATHS + 2] = {{"/dev/null", true}, {"/dev/urandom", false}};
	int n = 2;

	for (int i = 0; i < box->npaths; i++)
		path[n++] = (struct fm_landlock_path){box->path[i].path, box->path[i].writable};
	return fm_landlock_hold(path, n, err);
}
