#include "pipeline/walls/oom.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number behind "oom_kill" in a file of lines "name number"; -1 where there is none. */
static int64_t kills_in(const char *root, const char *dir, const char *own, const char *name)
{
	char path[PATH_MAX], line[128];
	long long n = -1;
	FILE *f = NULL;

	if (snprintf(path, sizeof path, "%s%s%s%s", root, dir, own, name) < (int)sizeof path)
		f = fopen(path, "re");
	while (f && n < 0 && fgets(line, sizeof line, f))
		if (sscanf(line, "oom_kill %lld", &n) != 1)
			n = -1;
	if (f)
		fclose(f);
	return n;
}

struct fm_oom fm_oom_below(const char *root)
{
	struct fm_oom oom = {-1, kills_in(root, "/proc", "", "/vmstat")};
	char path[PATH_MAX], *line = NULL;
	FILE *f = NULL;
	size_t cap = 0;

	if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) < (int)sizeof path)
		f = fopen(path, "re");
	while (f && oom.group < 0 && getline(&line, &cap, f) > 0) {
		char *own;

		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) == 0) {
			own = line + (line[4] ? 3 : 4); /* of the root no slash, as one stands before each name */
			oom.group = kills_in(root, "/sys/fs/cgroup", own, "/memory.events");
			if (oom.group < 0)
				oom.group = kills_in(root, "/sys/fs/cgroup/unified", own, "/memory.events");
		} else if ((own = strstr(line, ":memory:/"))) {
			own += strlen(":memory:");
			oom.group = kills_in(root, "/sys/fs/cgroup/memory", own[1] ? own : "", "/memory.oom_control");
		}
	}
	free(line);
	if (f)
		fclose(f);
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
