/*
 * cgroup.h - the control groups that look after this process's memory, by either version of the interface, wherever in
 * their tree it is (in a container of its own it is at the root).
 */
#ifndef FM_BASE_CGROUP_H
#define FM_BASE_CGROUP_H

#include <stdbool.h>

/* A group is the folder `own`, "/" or "/a/b", below the mount of its hierarchy; unified: that of version 2.  Returns
 * whether it found there what it looks for. */
typedef bool fm_cgroup_look(void *ctx, const char *mount, const char *own, bool unified);
/* Let look see each of them.  The unified hierarchy is mounted in one of two places: the second is shown where nothing
 * was found in the first.  root: "" but in tests, which have a machine of their own there. */
void fm_cgroup_each(const char *root, fm_cgroup_look *look, void *ctx);

#endif
