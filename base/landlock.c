#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As of version 7 of the interface; a header may be older. */
struct ruleset {
	uint64_t fs, net, scoped;
};
#define FS_REFER (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define FS_FIRST ((UINT64_C(1) << 13) - 1) /* what version 1 knows */
#define NET_TCP UINT64_C(3)                /* bind, connect */
#define SCOPED UINT64_C(3)                 /* abstract sockets, signals */

#define MAY_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define MAY_WRITE                                                                                                      \
	(MAY_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |   \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | FS_REFER | FS_TRUNCATE)
/* The rights that apply to a file that is no folder. */
#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

int fm_landlock_version(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return v > 0 ? (int)v : 0;
}

static int allow(int rules, uint64_t handled, const char *path, uint64_t access, struct fm_error *err)
{
	struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
	struct stat st = {0};
	int rc = FM_OK;

	if (rule.parent_fd < 0)
		return fm_fail_errno(err, "%s", path);
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		access &= OF_FILES;
	rule.allowed_access = access & handled;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		rc = errno == EBADFD && S_ISFIFO(st.st_mode) /* as a shell makes them: <(command) */
			 ? fm_fail(err, FM_EINPUT,
				   "%s is a pipe: write what comes through it into a file, and name that", path)
			 : fm_fail_errno(err, "%s: no rule for it", path);
	close(rule.parent_fd);
	return rc;
}

int fm_landlock_hold(const struct fm_landlock_path *path, int n, struct fm_error *err)
{
	int v = fm_landlock_version(), rules, rc = FM_OK;
	struct ruleset all = {.fs = FS_FIRST | (v >= 2 ? FS_REFER : 0) | (v >= 3 ? FS_TRUNCATE : 0) |
				    (v >= 5 ? FS_IOCTL_DEV : 0),
			      .net = v >= 4 ? NET_TCP : 0,
			      .scoped = v >= 6 ? SCOPED : 0};

	if (v < 1)
		return FM_OK;
	rules = (int)syscall(SYS_landlock_create_ruleset, &all, v >= 6 ? 24 : v >= 4 ? 16 : 8, 0);
	if (rules < 0)
		return fm_fail_errno(err, "cannot make a set of rules for files");
	for (int i = 0; i < n; i++)
		if ((rc = allow(rules, all.fs, path[i].path, path[i].writable ? MAY_WRITE : MAY_READ, err)) < 0)
			goto out;
	if (syscall(SYS_landlock_restrict_self, rules, 0))
		rc = fm_fail_errno(err, "cannot restrict the process to its files");
out:
	close(rules);
	return rc;
}
