#include "base/cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool look_at(const char *root, const char *mount, const char *own, bool unified, fm_cgroup_look *look, void *ctx)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof path, "%s%s", root, mount) < (int)sizeof path && look(ctx, path, own, unified);
}

void fm_cgroup_each(const char *root, fm_cgroup_look *look, void *ctx)
{
	char path[PATH_MAX], *line = NULL, *own;
	FILE *f = NULL;
	size_t cap = 0;

	if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) < (int)sizeof path)
		f = fopen(path, "re");
	while (f && getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) == 0) {
			if (!look_at(root, "/sys/fs/cgroup", line + 3, true, look, ctx))
				look_at(root, "/sys/fs/cgroup/unified", line + 3, true, look, ctx);
		} else if ((own = strstr(line, ":memory:/"))) {
			look_at(root, "/sys/fs/cgroup/memory", own + strlen(":memory:"), false, look, ctx);
		}
	}
	free(line);
	if (f)
		fclose(f);
}
