/*
 * cgroup.h - the control groups that limit this process's memory, in version 1 or 2 of the interface, wherever the
 * process is in their tree (in a container of its own it is at the root).
 */
#ifndef FM_BASE_CGROUP_H
#define FM_BASE_CGROUP_H

#include <stdbool.h>

/* A group is the folder `own`, "/" or "/a/b", below the mount of its hierarchy; unified: the hierarchy of version 2.
 * Returns whether the callback found there what it looks for. */
typedef bool fm_cgroup_look(void *ctx, const char *mount, const char *own, bool unified);
/* Call look for each group.  The unified hierarchy is mounted in one of two places: the second is shown where look
 * found nothing in the first.  root: "", or in tests the folder that stands for the machine's root. */
void fm_cgroup_each(const char *root, fm_cgroup_look *look, void *ctx);

#endif
