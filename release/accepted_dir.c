/* Where what was accepted is remembered. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "release/accepted.h"

int fm_accepted_dir(char **dir, struct fm_error *err)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	*dir = NULL;
	/* A relative path is to be passed over, says the XDG Base Directory Specification. */
	if (state && state[0] == '/')
		n = asprintf(dir, "%s/flowmint", state);
	else if (home && home[0] == '/')
		n = asprintf(dir, "%s/.local/state/flowmint", home);
	else
		return fm_fail(
		    err, FM_EUSAGE,
		    "there is no place to remember what was accepted, as HOME is %s: name one with --state DIR, "
		    "or check without one with --no-state",
		    !home             ? "not set"
		    : home[0] == '\0' ? "empty"
				      : "a relative path");
	if (n < 0) {
		*dir = NULL;
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	}
	return FM_OK;
}

int fm_accepted_make(const char *dir, struct fm_error *err)
{
	if (fm_dir_make(dir, 0700, err) == FM_OK)
		return FM_OK;
	return fm_error_set(err, FM_ESYSTEM, __FILE__, __LINE__,
			    "the folder that remembers what was accepted cannot be made: %.400s: name another with "
			    "--state DIR, or check without one with --no-state",
			    err->message);
}
