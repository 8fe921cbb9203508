/*
 * verify_narrow.h - before it reads a byte of a stranger's, flowmint-verify gives up what checking an archive does not
 * need.
 *
 * No new privileges, no core dump; Landlock, where the kernel has it: the files to check, the memory of what was
 * accepted, and the folder that files are extracted into; a filter that kills the process at the first attempt to start
 * a program or a process, to make a socket, or to reach another process.  These are fewer walls than those of
 * flowmint's stages, and need no library and no namespaces.
 */
#ifndef FM_RELEASE_VERIFY_NARROW_H
#define FM_RELEASE_VERIFY_NARROW_H

#include "release/verify.h"

int fm_verify_narrow(const struct fm_verify_in *in, struct fm_error *err) FM_MUST_CHECK;

#endif
