#include "pipeline/walls/oom.h"

#include <limits.h>
#include <stdio.h>

#include "base/cgroup.h"

/* The number behind "oom_kill" in a file of lines "name number"; -1 where there is none. */
static int64_t kills_in(const char *folder, const char *own, const char *name)
{
	char path[PATH_MAX], line[128];
	long long n = -1;
	FILE *f = NULL;

	if (snprintf(path, sizeof path, "%s%s/%s", folder, own, name) < (int)sizeof path)
		f = fopen(path, "re");
	while (f && n < 0 && fgets(line, sizeof line, f))
		if (sscanf(line, "oom_kill %lld", &n) != 1)
			n = -1;
	if (f)
		fclose(f);
	return n;
}

/* Of several groups, take the first that has a count. */
static bool take_kills(void *ctx, const char *mount, const char *own, bool unified)
{
	int64_t *kills = ctx;

	if (*kills < 0)
		*kills = kills_in(mount, own, unified ? "memory.events" : "memory.oom_control");
	return *kills >= 0;
}

struct fm_oom fm_oom_below(const char *root)
{
	struct fm_oom oom = {-1, kills_in(root, "/proc", "vmstat")};

	fm_cgroup_each(root, take_kills, &oom.group);
	return oom;
}

struct fm_oom fm_oom_now(void)
{
	return fm_oom_below("");
}

const char *fm_oom_words(struct fm_oom before, struct fm_oom after)
{
	if (before.group >= 0 && after.group >= 0)
		return after.group > before.group ? "by the kernel, for want of memory"
						  : "by another process, not for want of memory";
	if (before.machine < 0 || after.machine < 0)
		return "by another process, or by the kernel for want of memory";
	return after.machine > before.machine
		   ? "maybe for want of memory, for which the kernel has killed a process meanwhile"
		   : "by another process, not for want of memory";
}
